// Topology files: what is accepted can be routed and described.
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "net/routing.h"
#include "net/topology.h"
#include "net/topology_info.h"

enum { MAX_NODES_ROUTED = 64 };

static void route(const m4s_topology_t *topology) {
  m4s_routing_t *routing = NULL;
  if (m4s_routing_create(topology, &routing) == M4S_OK) {
    for (int32_t src = 0; src < topology->n_hosts; src++) {
      const int32_t *links;
      int32_t n_links;
      int32_t dst = topology->n_hosts - 1 - src;
      if (src != dst) {
        (void)m4s_routing_path(routing, src, dst, &links, &n_links);
      }
    }
  }
  m4s_routing_destroy(routing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  static FILE *nowhere;
  if (nowhere == NULL) {
    nowhere = fopen("/dev/null", "w");
  }
  char *text = fuzz_text(data, n_bytes);
  m4s_topology_t *topology = NULL;
  m4s_status_t status = m4s_topology_parse(text, "fuzz.txt", &topology);
  fuzz_check_status(status, "fuzz.txt");
  if (status == M4S_OK) {
    (void)m4s_topology_info_print(topology, nowhere);
    if (topology->n_nodes <= MAX_NODES_ROUTED) {
      route(topology);
    }
  }
  m4s_topology_destroy(topology);
  free(text);
  return 0;
}
