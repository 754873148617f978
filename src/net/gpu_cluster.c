#include "net/gpu_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "core/units.h"

const char *const m4s_gpu_types[] = {"A100", "A800", "H100", "H800", NULL};

#define FIELD(member_, unit_, fallback_, min_, max_, help_) \
  { \
    .name = #member_, .kind = M4S_FIELD_INT, .offset = offsetof(m4s_gpu_cluster_t, member_), \
    .unit = unit_, .fallback = fallback_, .min = min_, .max = max_, .help = help_ \
  }
const m4s_field_t m4s_gpu_cluster_fields[] = {
    FIELD(gpus, NULL, "32", 1, 1 << 18, "number of GPUs"),
    FIELD(gpus_per_server, NULL, "8", 1, 1 << 10, "GPUs on one NVSwitch"),
    FIELD(rails, NULL, "8", 1, 1 << 10, "rail switches; GPU g is on rail g mod rails"),
    FIELD(cores, NULL, "1", 1, 1 << 10, "core switches; each rail switch connects to all"),
    FIELD(nvlink_gbps, "Gbps", "2400", 1, 1000000, "GPU to NVSwitch, each direction"),
    FIELD(nic_gbps, "Gbps", "400", 1, 1000000, "GPU to rail switch, each direction"),
    FIELD(core_gbps, "Gbps", "400", 1, 1000000, "rail switch to core switch, each direction"),
    FIELD(nvlink_delay_ns, "ns", "25", 0, 1e9, "propagation delay GPU to NVSwitch"),
    FIELD(nic_delay_ns, "ns", "500", 0, 1e9, "propagation delay of the other cables"),
    FIELD(degraded_gpus, NULL, "0", 0, 1 << 18, "GPUs whose NVLink and NIC are degraded"),
    FIELD(reduction, NULL, "1", 1, 1000000, "degraded cables run at floor(Gbps / reduction)"),
    FIELD(degraded_seed, NULL, "0", 0, 1LL << 53,
          "which GPUs are degraded: drawn by this seed; 0: as in the published sweep"),
    {.name = "gpu_type",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_gpu_cluster_t, gpu_type),
     .fallback = "A100",
     .choices = m4s_gpu_types,
     .help = "kept in topology files; collectives are rings for all"},
};

static int64_t min_int64(int64_t a, int64_t b) { return a < b ? a : b; }

static void append_range(int32_t *gpus, int64_t *n, int64_t first, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    gpus[(*n)++] = (int32_t)(first + i);
  }
}

// Each set is as likely as any other (Knuth, The Art of Computer Programming, 3.4.2, algorithm S).
static void draw_degraded(const m4s_gpu_cluster_t *cluster, int32_t *gpus_out) {
  m4s_random_t random;
  m4s_random_init(&random, (uint64_t)cluster->degraded_seed, "degraded GPUs", 0);
  int64_t n = 0;
  for (int64_t gpu = 0; n < cluster->degraded_gpus; gpu++) {
    if (m4s_random_below(&random, cluster->gpus - gpu) < cluster->degraded_gpus - n) {
      gpus_out[n++] = (int32_t)gpu;
    }
  }
}

void m4s_gpu_cluster_degraded(const m4s_gpu_cluster_t *cluster, int32_t *gpus_out) {
  if (cluster->degraded_seed != 0) {
    draw_degraded(cluster, gpus_out);
    return;
  }
  int64_t n_degraded = cluster->degraded_gpus;
  int64_t s = cluster->gpus_per_server;
  int64_t n = 0;
  if (n_degraded <= s && s + n_degraded / 2 <= cluster->gpus) {
    append_range(gpus_out, &n, 0, n_degraded - n_degraded / 2);
    append_range(gpus_out, &n, s, n_degraded / 2);
  } else if (n_degraded > s && n_degraded <= 2 * s && s + n_degraded <= cluster->gpus) {
    append_range(gpus_out, &n, 0, s);
    append_range(gpus_out, &n, 2 * s, n_degraded - s);
  } else {
    append_range(gpus_out, &n, 0, n_degraded);
  }
}

static m4s_status_t check(const m4s_gpu_cluster_t *cluster, const char *origin) {
  if (cluster->degraded_gpus > cluster->gpus) {
    return m4s_fail(M4S_ERR_INPUT, "%s: degraded_gpus: %lld of %lld GPUs (nearest valid: %lld)",
                    origin, (long long)cluster->degraded_gpus, (long long)cluster->gpus,
                    (long long)cluster->gpus);
  }
  int64_t slowest = min_int64(cluster->nvlink_gbps, cluster->nic_gbps);
  if (cluster->degraded_gpus > 0 && cluster->reduction > slowest) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: reduction: %lld leaves nothing of %lld Gbps (nearest valid: %lld)", origin,
                    (long long)cluster->reduction, (long long)slowest, (long long)slowest);
  }
  return M4S_OK;
}

// Per GPU its NVSwitch and its rail, then every rail with every core.
static void make_cables(const m4s_gpu_cluster_t *cluster, const bool *degraded, int64_t n_servers,
                        m4s_cable_t *cables) {
  int64_t n = 0;
  int64_t first_rail = cluster->gpus + n_servers;
  int64_t first_core = first_rail + cluster->rails;
  for (int64_t gpu = 0; gpu < cluster->gpus; gpu++) {
    int64_t divisor = degraded[gpu] ? cluster->reduction : 1;
    cables[n++] = (m4s_cable_t){.src = (int32_t)gpu,
                                .dst = (int32_t)(cluster->gpus + gpu / cluster->gpus_per_server),
                                .bandwidth_bps = cluster->nvlink_gbps / divisor * M4S_BPS_PER_GBPS,
                                .delay_ns = cluster->nvlink_delay_ns};
    cables[n++] = (m4s_cable_t){.src = (int32_t)gpu,
                                .dst = (int32_t)(first_rail + gpu % cluster->rails),
                                .bandwidth_bps = cluster->nic_gbps / divisor * M4S_BPS_PER_GBPS,
                                .delay_ns = cluster->nic_delay_ns};
  }
  for (int64_t rail = 0; rail < cluster->rails; rail++) {
    for (int64_t core = 0; core < cluster->cores; core++) {
      cables[n++] = (m4s_cable_t){.src = (int32_t)(first_rail + rail),
                                  .dst = (int32_t)(first_core + core),
                                  .bandwidth_bps = cluster->core_gbps * M4S_BPS_PER_GBPS,
                                  .delay_ns = cluster->nic_delay_ns};
    }
  }
}

static void mark_degraded(const m4s_gpu_cluster_t *cluster, int32_t *scratch, bool *degraded) {
  m4s_gpu_cluster_degraded(cluster, scratch);
  for (int64_t i = 0; i < cluster->degraded_gpus; i++) {
    degraded[scratch[i]] = true;
  }
}

m4s_status_t m4s_gpu_cluster_create(const m4s_gpu_cluster_t *cluster, const char *origin,
                                    m4s_topology_t **topology_out) {
  M4S_TRY(check(cluster, origin));
  int64_t n_servers = (cluster->gpus + cluster->gpus_per_server - 1) / cluster->gpus_per_server;
  int64_t n_forwarders = n_servers + cluster->rails + cluster->cores;
  int64_t n_cables = 2 * cluster->gpus + cluster->rails * cluster->cores;
  m4s_cable_t *cables = calloc((size_t)n_cables, sizeof *cables);
  int32_t *ids = calloc((size_t)(n_forwarders + cluster->gpus), sizeof *ids);
  bool *degraded = calloc((size_t)cluster->gpus, sizeof *degraded);
  m4s_status_t status = M4S_OK;
  if (cables == NULL || ids == NULL || degraded == NULL) {
    status = m4s_fail_memory("a GPU cluster");
    goto out;
  }
  mark_degraded(cluster, ids, degraded);
  make_cables(cluster, degraded, n_servers, cables);
  for (int64_t i = 0; i < n_forwarders; i++) {
    ids[i] = (int32_t)(cluster->gpus + i);
  }
  m4s_topology_parts_t parts = {.n_nodes = (int32_t)(cluster->gpus + n_forwarders),
                                .n_nvswitches = (int32_t)n_servers,
                                .n_switches = (int32_t)(cluster->rails + cluster->cores),
                                .gpus_per_server = (int32_t)cluster->gpus_per_server,
                                .gpu_type = m4s_gpu_types[cluster->gpu_type],
                                .forwarders = ids,
                                .n_cables = (int32_t)n_cables,
                                .cables = cables};
  status = m4s_topology_create(&parts, origin, topology_out);
out:
  free(cables);
  free(ids);
  free(degraded);
  return status;
}
