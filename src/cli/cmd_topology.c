// m4sweep topology …: make and look at topology files.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "core/file.h"
#include "net/clos.h"
#include "net/gpu_cluster.h"
#include "net/topology_info.h"

// --- gray-failure ---

typedef struct {
  int64_t degraded, reduction;
  bool all;
  char *out;
} gray_failure_t;

static const m4s_field_t gray_failure_options[] = {
    {.name = "degraded",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(gray_failure_t, degraded),
     .unit = "N",
     .fallback = "-1",
     .min = -1,
     .max = 32,
     .help = "number of degraded GPUs of 32, 0 to 32"},
    {.name = "reduction",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(gray_failure_t, reduction),
     .unit = "R",
     .fallback = "1",
     .min = 1,
     .max = 400,
     .help = "their cables run at floor(Gbps / R)"},
    {.name = "all",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(gray_failure_t, all),
     .help = "all 105 of N 2 to 16, R 4 to 10, and topology_metadata.txt"},
    M4S_OPTION_OUT(gray_failure_t, "PATH",
                   "file to write, or folder with --all (default: topologies/gray-failure/…)"),
};

enum { MIN_DEGRADED = 2, MAX_DEGRADED = 16, MIN_REDUCTION = 4, MAX_REDUCTION = 10 };

static const char default_folder[] = "topologies/gray-failure";

static void file_name(const m4s_gpu_cluster_t *cluster, char *name, size_t n_name) {
  snprintf(name, n_name, "gray_topo_N%" PRId64 "_R%" PRId64 ".txt", cluster->degraded_gpus,
           cluster->reduction);
}

static m4s_status_t write_cluster(const m4s_gpu_cluster_t *cluster, const char *origin,
                                  const char *path) {
  m4s_topology_t *topology;
  M4S_TRY(m4s_gpu_cluster_create(cluster, origin, &topology));
  m4s_status_t status = m4s_topology_write(topology, path);
  m4s_topology_destroy(topology);
  return status;
}

static m4s_status_t write_in_folder(const m4s_gpu_cluster_t *cluster, const char *folder,
                                    const char *name) {
  char *path = m4s_path_join(folder, name);
  if (path == NULL) {
    return m4s_fail_memory("a path");
  }
  m4s_status_t status = write_cluster(cluster, "gray-failure", path);
  free(path);
  return status;
}

// "name, N, 1/R, [id,id]"
static m4s_status_t add_metadata(m4s_text_t *metadata, const m4s_gpu_cluster_t *cluster,
                                 const char *name) {
  int32_t *gpus = calloc((size_t)cluster->degraded_gpus + 1, sizeof *gpus);
  if (gpus == NULL) {
    return m4s_fail_memory("metadata");
  }
  m4s_gpu_cluster_degraded(cluster, gpus);
  m4s_status_t status = m4s_text_add(metadata, "%s, %" PRId64 ", 1/%" PRId64 ", [", name,
                                     cluster->degraded_gpus, cluster->reduction);
  for (int64_t i = 0; status == M4S_OK && i < cluster->degraded_gpus; i++) {
    status = m4s_text_add(metadata, "%s%d", i == 0 ? "" : ",", gpus[i]);
  }
  free(gpus);
  return status == M4S_OK ? m4s_text_add(metadata, "]\n") : status;
}

static m4s_status_t write_metadata(const m4s_text_t *metadata, const char *folder) {
  char *path = m4s_path_join(folder, "topology_metadata.txt");
  if (path == NULL) {
    return m4s_fail_memory("a path");
  }
  m4s_status_t status = m4s_file_write(path, metadata->bytes, metadata->length);
  free(path);
  return status;
}

static m4s_status_t write_all(m4s_gpu_cluster_t *cluster, const char *folder) {
  m4s_text_t metadata = {0};
  m4s_status_t status = m4s_folder_make(folder);
  if (status == M4S_OK) {
    status = m4s_text_add(
        &metadata,
        "# Gray Failure Topology Metadata\n"
        "# Format: filename, num_degraded_gpus, reduction_factor, degraded_gpu_ids\n\n");
  }
  int n_files = 0;
  for (int64_t n = MIN_DEGRADED; status == M4S_OK && n <= MAX_DEGRADED; n++) {
    for (int64_t r = MIN_REDUCTION; status == M4S_OK && r <= MAX_REDUCTION; r++) {
      char name[64];
      cluster->degraded_gpus = n;
      cluster->reduction = r;
      file_name(cluster, name, sizeof name);
      status = write_in_folder(cluster, folder, name);
      if (status == M4S_OK) {
        status = add_metadata(&metadata, cluster, name);
        n_files++;
      }
    }
  }
  if (status == M4S_OK) {
    status = write_metadata(&metadata, folder);
  }
  m4s_text_clear(&metadata);
  if (status == M4S_OK) {
    printf("wrote %d topologies and topology_metadata.txt to %s\n", n_files, folder);
  }
  return status;
}

static m4s_status_t write_one(const m4s_gpu_cluster_t *cluster, const char *out) {
  if (out != NULL) {
    M4S_TRY(write_cluster(cluster, "gray-failure", out));
    printf("wrote %s\n", out);
    return M4S_OK;
  }
  char name[64];
  file_name(cluster, name, sizeof name);
  M4S_TRY(m4s_folder_make(default_folder));
  M4S_TRY(write_in_folder(cluster, default_folder, name));
  printf("wrote %s/%s\n", default_folder, name);
  return M4S_OK;
}

static int run_gray_failure(const void *options, int n_arguments, char **arguments) {
  (void)n_arguments;
  (void)arguments;
  const gray_failure_t *gray = options;
  m4s_gpu_cluster_t cluster = {0};
  m4s_status_t status =
      m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster);
  if (status == M4S_OK && gray->all == (gray->degraded >= 0)) {
    status = m4s_fail(M4S_ERR_INPUT, "m4sweep topology gray-failure: needs --degraded N or --all");
  }
  cluster.degraded_gpus = gray->degraded;
  cluster.reduction = gray->reduction;
  if (status == M4S_OK) {
    status = gray->all ? write_all(&cluster, gray->out == NULL ? default_folder : gray->out)
                       : write_one(&cluster, gray->out);
  }
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_topology_gray_failure = {
    .name = "topology gray-failure",
    .arguments = "",
    .summary = "write topology files with degraded GPUs",
    .details =
        "The cluster of the published gray-failure sweep: 32 GPUs on 4 servers, 8 rails, 1 core, "
        "with N GPUs\n"
        "whose NVLink and NIC run at 1/R of their bandwidth. Other sizes: m4sweep topology "
        "cluster.",
    .options = gray_failure_options,
    .n_options = M4S_COUNT(gray_failure_options),
    .options_bytes = sizeof(gray_failure_t),
    .run = run_gray_failure,
};

// --- cluster ---

// Its options are the cluster's own field table.
static int run_cluster(const void *options, int n_arguments, char **arguments) {
  (void)n_arguments;
  m4s_status_t status = write_cluster(options, "options", arguments[0]);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  printf("wrote %s\n", arguments[0]);
  return M4S_EXIT_OK;
}

const m4s_command_t m4s_command_topology_cluster = {
    .name = "topology cluster",
    .arguments = "FILE",
    .summary = "write a rail-optimised GPU cluster of any size",
    .details =
        "Per server an NVSwitch; GPU g also connects to rail switch g mod rails; every rail "
        "switch\n"
        "connects to every core switch.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = m4s_gpu_cluster_fields,
    .n_options = M4S_N_GPU_CLUSTER_FIELDS,
    .options_bytes = sizeof(m4s_gpu_cluster_t),
    .run = run_cluster,
};

// --- clos ---

static m4s_status_t write_clos(const m4s_clos_config_t *config, const char *path) {
  m4s_clos_t clos;
  M4S_TRY(m4s_clos_resolve(config, "m4sweep topology clos", &clos));
  m4s_topology_t *topology;
  M4S_TRY(m4s_clos_create(&clos, &topology));
  m4s_status_t status = m4s_topology_write(topology, path);
  m4s_topology_destroy(topology);
  return status;
}

static int run_clos(const void *options, int n_arguments, char **arguments) {
  (void)n_arguments;
  m4s_status_t status = write_clos(options, arguments[0]);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  printf("wrote %s\n", arguments[0]);
  return M4S_EXIT_OK;
}

const m4s_command_t m4s_command_topology_clos = {
    .name = "topology clos",
    .arguments = "FILE",
    .summary = "write a Clos fabric: pods of racks, fabric switches, spines",
    .details =
        "Every rack switch connects to every fabric switch of its pod; fabric switch i of each "
        "pod connects\n"
        "to all spines of plane i. One pod has no spines unless they are set. Hosts are numbered "
        "by rack.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = m4s_clos_fields,
    .n_options = M4S_N_CLOS_FIELDS,
    .options_bytes = sizeof(m4s_clos_config_t),
    .run = run_clos,
};

// --- info ---

static int run_info(const void *options, int n_arguments, char **arguments) {
  (void)options;
  (void)n_arguments;
  m4s_topology_t *topology;
  m4s_status_t status = m4s_topology_read(arguments[0], &topology);
  if (status == M4S_OK) {
    status = m4s_topology_info_print(topology, stdout);
    m4s_topology_destroy(topology);
  }
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_topology_info = {
    .name = "topology info",
    .arguments = "FILE",
    .summary = "nodes, links, tiers, bandwidths, oversubscription, components",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_info,
};
