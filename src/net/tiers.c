#include "net/tiers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void search(const m4s_topology_t *topology, int32_t *tiers, int32_t *queue) {
  int32_t n = 0;
  for (int32_t v = 0; v < topology->n_nodes; v++) {
    tiers[v] = topology->kinds[v] == M4S_NODE_HOST ? 0 : M4S_NO_TIER;
    if (tiers[v] == 0) {
      queue[n++] = v;
    }
  }
  for (int32_t i = 0; i < n; i++) {
    int32_t v = queue[i];
    for (int32_t j = topology->adjacency_start[v]; j < topology->adjacency_start[v + 1]; j++) {
      int32_t next = topology->links[topology->adjacency[j]].dst;
      if (tiers[next] == M4S_NO_TIER) {
        tiers[next] = tiers[v] + 1;
        queue[n++] = next;
      }
    }
  }
}

m4s_status_t m4s_tiers_make(const m4s_topology_t *topology, int32_t **tiers_out) {
  int32_t *tiers = calloc((size_t)topology->n_nodes + 1, sizeof *tiers);
  int32_t *queue = calloc((size_t)topology->n_nodes + 1, sizeof *queue);
  bool ok = tiers != NULL && queue != NULL;
  if (ok) {
    search(topology, tiers, queue);
  }
  free(queue);
  if (!ok) {
    free(tiers);
    return m4s_fail_memory("tiers");
  }
  *tiers_out = tiers;
  return M4S_OK;
}

static void name_tier(int32_t tier, char *name, size_t n_name) {
  if (tier == 0) {
    snprintf(name, n_name, "host");
  } else {
    snprintf(name, n_name, "tier%d", tier);
  }
}

void m4s_tiers_name_link(const m4s_topology_t *topology, const int32_t *tiers, int32_t link,
                         char name_out[M4S_TIER_NAME_BYTES]) {
  int32_t src = topology->links[link].src;
  int32_t dst = topology->links[link].dst;
  char from[16], to[16];
  if (topology->kinds[src] == M4S_NODE_NVSWITCH || topology->kinds[dst] == M4S_NODE_NVSWITCH) {
    snprintf(name_out, M4S_TIER_NAME_BYTES, "nvlink");
    return;
  }
  if (tiers[src] == M4S_NO_TIER) {
    snprintf(name_out, M4S_TIER_NAME_BYTES, "detached");
    return;
  }
  name_tier(tiers[src], from, sizeof from);
  name_tier(tiers[dst], to, sizeof to);
  snprintf(name_out, M4S_TIER_NAME_BYTES, "%s-%s", from, to);
}
