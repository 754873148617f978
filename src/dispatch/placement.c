#define _GNU_SOURCE  // NOLINT(bugprone-reserved-identifier)
#include "dispatch/placement.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "core/text.h"

enum { MAX_NODES_LOGGED = 16 };

// What a rank has of a GPU.
typedef struct {
  bool there;
  m4s_gpu_info_t info;
  int n_ranks;  // of the node that have it
  char problem[M4S_GPU_REASON_BYTES];  // "": none
} gpu_t;

// Cores of a list such as "0-3,8".
static void read_cores(const char *list, cpu_set_t *cores_out) {
  CPU_ZERO(cores_out);
  for (const char *c = list; *c >= '0' && *c <= '9';) {
    char *end;
    long first = strtol(c, &end, 10);
    long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
    for (long core = first; core <= last && core < CPU_SETSIZE; core++) {
      CPU_SET((int)core, cores_out);
    }
    c = *end == ',' ? end + 1 : end;
  }
}

// The cores near a NUMA node that this process may use; false: not known.
static bool find_near_cores(int numa_node, const cpu_set_t *all, cpu_set_t *cores_out) {
  char path[96];
  char *list = NULL;
  snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpulist", numa_node);
  if (numa_node < 0 || m4s_file_read(path, 1 << 16, &list, NULL) != M4S_OK) {
    return false;
  }
  read_cores(list, cores_out);
  free(list);
  CPU_AND(cores_out, cores_out, all);
  return CPU_COUNT(cores_out) > 0;
}

// Binds this process to slice i of n of the cores; n at most their number.
static void bind_slice(const cpu_set_t *cores, int i, int n) {
  cpu_set_t slice;
  CPU_ZERO(&slice);
  int n_cores = CPU_COUNT(cores);
  int first = (int)((int64_t)i * n_cores / n);
  int end = (int)((int64_t)(i + 1) * n_cores / n);
  int place = 0;
  for (int core = 0; core < CPU_SETSIZE; core++) {
    if (CPU_ISSET(core, cores)) {
      if (place >= first && place < end) {
        CPU_SET(core, &slice);
      }
      place++;
    }
  }
  // A rank that cannot be bound runs where the system lets it, which "cores" then says.
  (void)sched_setaffinity(0, sizeof slice, &slice);
}

// How many of the node's numbers are this rank's, and how many of these come before it.
static int count_equal(const m4s_comm_t *comm, const int64_t *numbers, int *place_out) {
  int n = 0;
  *place_out = 0;
  for (int i = 0; i < comm->n_local; i++) {
    bool equal = numbers[i] == numbers[comm->local_rank];
    n += equal;
    *place_out += equal && i < comm->local_rank;
  }
  return n;
}

// Binds this process to its slice of the cores near its GPU, or of the node's. `numa_nodes`: of the
// GPUs of the node's ranks.
static void bind_cores(const m4s_comm_t *comm, const gpu_t *gpu, const int64_t *numa_nodes) {
  cpu_set_t all;
  cpu_set_t near;
  int place;
  if (sched_getaffinity(0, sizeof all, &all) != 0 ||
      CPU_COUNT(&all) != sysconf(_SC_NPROCESSORS_ONLN)) {
    return;
  }
  int n_near = count_equal(comm, numa_nodes, &place);
  if (gpu->there && find_near_cores(gpu->info.numa_node, &all, &near) &&
      n_near <= CPU_COUNT(&near)) {
    bind_slice(&near, place, n_near);
  } else if (comm->n_local > 1 && comm->n_local <= CPU_COUNT(&all)) {
    bind_slice(&all, comm->local_rank, comm->n_local);
  }
}

// "0-3,8" of the cores this process may use.
static void list_cores(char *text, size_t n_text) {
  cpu_set_t cores;
  snprintf(text, n_text, "?");
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) {
    return;
  }
  size_t used = 0;
  for (int first = 0; first < CPU_SETSIZE && used < n_text; first++) {
    if (!CPU_ISSET(first, &cores)) {
      continue;
    }
    int last = first;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &cores)) {
      last++;
    }
    used += (size_t)snprintf(text + used, n_text - used, last > first ? "%s%d-%d" : "%s%d",
                             used == 0 ? "" : ",", first, last);
    first = last;
  }
}

static void set_problem(gpu_t *gpu) {
  snprintf(gpu->problem, sizeof gpu->problem, "%s", m4s_last_error());
}

// Makes sure that a GPU that was named works, not only that it is there.
static void try_gpu(const m4s_device_choice_t *device, gpu_t *gpu) {
  m4s_gpu_t *opened;
  if (m4s_gpu_open(device->gpu, device->products, &opened) != M4S_OK) {
    set_problem(gpu);
    return;
  }
  m4s_gpu_close(opened);
}

static void find_gpu(const m4s_comm_t *comm, m4s_device_choice_t *device, gpu_t *gpu) {
  if (m4s_device_choice_resolve(device, comm->local_rank) != M4S_OK) {
    set_problem(gpu);
    return;
  }
  gpu->there = device->gpu >= 0 && m4s_gpu_describe(device->gpu, &gpu->info) == M4S_OK;
  if (!gpu->there && device->kind == M4S_DEVICE_AUTO) {
    device->gpu = -1;
  } else if (device->kind == M4S_DEVICE_GPU) {
    try_gpu(device, gpu);
  }
}

// What ranks of the node tell each other of their GPUs: which it is, 0: none; its NUMA node.
static m4s_status_t share_gpus(const m4s_comm_t *comm, gpu_t *gpu, int64_t *numbers) {
  int place;
  uint64_t id =
      gpu->there ? m4s_hash_bytes(M4S_HASH_START, gpu->info.uuid, strlen(gpu->info.uuid)) : 0;
  M4S_TRY(m4s_comm_share(comm, (int64_t)id, numbers));
  gpu->n_ranks = count_equal(comm, numbers, &place);
  return m4s_comm_share(comm, gpu->there ? gpu->info.numa_node : -1, numbers);
}

static json_t *describe(const m4s_comm_t *comm, const m4s_device_choice_t *device,
                        const gpu_t *gpu) {
  char host[128] = "?";
  char cores[256];
  char name[32] = "none";
  gethostname(host, sizeof host - 1);
  list_cores(cores, sizeof cores);
  if (gpu->there) {
    snprintf(name, sizeof name, "cuda:%d", device->gpu);
  }
  json_t *placement = json_pack("{s:i, s:s, s:s#, s:i, s:s, s:s}", "rank", comm->rank, "host", host,
                                "problem", gpu->problem, (int)strlen(gpu->problem), "local_rank",
                                comm->local_rank, "cores", cores, "gpu", name);
  if (placement != NULL && gpu->there) {
    json_object_update_new(
        placement, json_pack("{s:s, s:s, s:s, s:i, s:i}", "gpu_name", gpu->info.name, "gpu_uuid",
                             gpu->info.uuid, "gpu_pci", gpu->info.pci, "gpu_numa_node",
                             gpu->info.numa_node, "gpu_ranks", gpu->n_ranks));
  }
  if (gpu->problem[0] == '\0') {
    json_object_del(placement, "problem");
  }
  return placement;
}

m4s_status_t m4s_placement_take(const m4s_comm_t *comm, m4s_device_choice_t *device,
                                json_t **placement_out) {
  gpu_t gpu = {.there = false};
  int64_t *numbers = calloc((size_t)comm->n_local, sizeof *numbers);
  if (numbers == NULL) {
    return m4s_fail_memory("a placement");
  }
  find_gpu(comm, device, &gpu);
  m4s_status_t status = share_gpus(comm, &gpu, numbers);
  if (status == M4S_OK) {
    bind_cores(comm, &gpu, numbers);
  }
  free(numbers);
  M4S_TRY(status);
  json_t *placement = describe(comm, device, &gpu);
  if (placement == NULL) {
    return m4s_fail_memory("a placement");
  }
  *placement_out = placement;
  return M4S_OK;
}

m4s_status_t m4s_placement_check(const json_t *placements) {
  for (size_t i = 0; i < json_array_size(placements); i++) {
    const json_t *placement = json_array_get(placements, i);
    const char *problem = json_string_value(json_object_get(placement, "problem"));
    if (problem != NULL && json_array_size(placements) == 1) {
      return m4s_fail(M4S_ERR_INPUT, "%s", problem);
    }
    if (problem != NULL) {
      return m4s_fail(M4S_ERR_INPUT, "rank %zu on %s: %s", i,
                      json_string_value(json_object_get(placement, "host")), problem);
    }
  }
  return M4S_OK;
}

static const char *text_of(const json_t *placement, const char *key) {
  const char *text = json_string_value(json_object_get(placement, key));
  return text == NULL ? "?" : text;
}

// "0 | 1 | 2", or the one text if all are equal.
static void join_texts(const json_t *placements, const char *host, const char *key,
                       m4s_text_t *line) {
  const char *first = NULL;
  bool equal = true;
  for (size_t i = 0; i < json_array_size(placements); i++) {
    const json_t *placement = json_array_get(placements, i);
    if (strcmp(text_of(placement, "host"), host) == 0) {
      first = first == NULL ? text_of(placement, key) : first;
      equal = equal && strcmp(first, text_of(placement, key)) == 0;
    }
  }
  for (size_t i = 0; !equal && i < json_array_size(placements); i++) {
    const json_t *placement = json_array_get(placements, i);
    if (strcmp(text_of(placement, "host"), host) == 0) {
      m4s_text_add(line, "%s%s", first == NULL ? " | " : "", text_of(placement, key));
      first = NULL;
    }
  }
  if (equal && first != NULL) {
    m4s_text_add(line, "%s", first);
  }
}

static void log_node(const json_t *placements, const char *host) {
  m4s_text_t line = {0};
  int n = 0;
  int first = -1;
  int last = -1;
  for (size_t i = 0; i < json_array_size(placements); i++) {
    const json_t *placement = json_array_get(placements, i);
    if (strcmp(text_of(placement, "host"), host) == 0) {
      last = (int)json_integer_value(json_object_get(placement, "rank"));
      first = first < 0 ? last : first;
      n++;
    }
  }
  if (n == 1) {
    m4s_text_add(&line, "%s: rank %d, cores ", host, first);
  } else {
    m4s_text_add(&line,
                 last - first + 1 == n ? "%s: ranks %d-%d, cores " : "%s: ranks %d…%d, cores ",
                 host, first, last);
  }
  join_texts(placements, host, "cores", &line);
  m4s_text_add(&line, ", GPU ");
  join_texts(placements, host, "gpu", &line);
  m4s_log(M4S_LOG_INFO, "%s", line.bytes == NULL ? host : line.bytes);
  m4s_text_clear(&line);
}

// Ranks that share a GPU get less of it than they might of cores.
static void warn_of_sharing(const json_t *placements) {
  int64_t most = 0;
  const json_t *crowded = NULL;
  for (size_t i = 0; i < json_array_size(placements); i++) {
    const json_t *placement = json_array_get(placements, i);
    int64_t n = json_integer_value(json_object_get(placement, "gpu_ranks"));
    crowded = n > most ? placement : crowded;
    most = n > most ? n : most;
  }
  if (most > 1) {
    m4s_log(M4S_LOG_WARN, "%s: %lld ranks share GPU %s, %s", text_of(crowded, "host"),
            (long long)most, text_of(crowded, "gpu"), text_of(crowded, "gpu_name"));
  }
}

void m4s_placement_log(const json_t *placements) {
  int n_nodes = 0;
  for (size_t i = 0; i < json_array_size(placements); i++) {
    const char *host = text_of(json_array_get(placements, i), "host");
    bool seen = false;
    for (size_t j = 0; j < i && !seen; j++) {
      seen = strcmp(text_of(json_array_get(placements, j), "host"), host) == 0;
    }
    if (!seen && n_nodes++ < MAX_NODES_LOGGED) {
      log_node(placements, host);
    }
  }
  if (n_nodes > MAX_NODES_LOGGED) {
    m4s_log(M4S_LOG_INFO, "… and %d more nodes; manifest.json lists all",
            n_nodes - MAX_NODES_LOGGED);
  }
  warn_of_sharing(placements);
}
