// Workload files: what is accepted can be turned into groups on a small topology.
#include <stdlib.h>

#include "flow/collective.h"
#include "fuzz/fuzz.h"
#include "net/gpu_cluster.h"

static m4s_topology_t *topology;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  if (topology == NULL) {
    m4s_gpu_cluster_t cluster = {0};
    if (m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster) !=
            M4S_OK ||
        m4s_gpu_cluster_create(&cluster, "fuzz", &topology) != M4S_OK) {
      abort();
    }
  }
  char *text = fuzz_text(data, n_bytes);
  m4s_workload_t *workload = NULL;
  m4s_groups_t *groups = NULL;
  m4s_status_t status = m4s_workload_parse(text, "fuzz.txt", &workload);
  fuzz_check_status(status, "fuzz.txt");
  if (status == M4S_OK) {
    (void)m4s_groups_create(workload, topology, &groups);
  }
  m4s_groups_destroy(groups);
  m4s_workload_destroy(workload);
  free(text);
  return 0;
}
