// The window and the base RTT of all flows: the largest of any pair of hosts.
#include <stdlib.h>

#include "packet/network.h"

// Whether a host has one cable only, to a node where an earlier host has an equal one: what holds
// of pairs with the one holds of those with the other.
static bool is_like_earlier_host(const m4s_topology_t *topology, int32_t host, int32_t *last_at) {
  int32_t start = topology->adjacency_start[host];
  if (topology->adjacency_start[host + 1] - start != 1) {
    return false;
  }
  const m4s_link_t *link = &topology->links[topology->adjacency[start]];
  int32_t other = last_at[link->dst];
  last_at[link->dst] = host;
  if (other == NO_ID) {
    return false;
  }
  const m4s_link_t *others =
      &topology->links[topology->adjacency[topology->adjacency_start[other]]];
  return others->bandwidth_bps == link->bandwidth_bps && others->delay_ns == link->delay_ns;
}

static void widen_window(network_t *network, const m4s_pair_facts_t *facts) {
  __extension__ typedef __int128 wide_t;
  int64_t rtt_ns = network->rules.propagation_rtt ? facts->propagation_rtt_ns : facts->base_rtt_ns;
  int64_t bytes = (int64_t)((wide_t)rtt_ns * facts->bottleneck_bps / 1000000000 / 8);
  network->base_rtt_ns = rtt_ns > network->base_rtt_ns ? rtt_ns : network->base_rtt_ns;
  network->window_bytes = bytes > network->window_bytes ? bytes : network->window_bytes;
}

static m4s_status_t widen_windows(network_t *network, m4s_pair_facts_t *facts, int32_t *last_at) {
  const m4s_topology_t *topology = network->topology;
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    last_at[node] = NO_ID;
  }
  for (int32_t dst = 0; dst < topology->n_hosts; dst++) {
    if (is_like_earlier_host(topology, dst, last_at)) {
      continue;
    }
    M4S_TRY(m4s_routing_facts_towards(network->routing, dst, facts));
    for (int32_t src = 0; src < topology->n_hosts; src++) {
      if (facts[src].n_links > 0) {
        widen_window(network, &facts[src]);
      }
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_packet_find_window(network_t *network) {
  size_t n_nodes = (size_t)network->topology->n_nodes;
  m4s_pair_facts_t *facts = malloc(n_nodes * sizeof *facts);
  int32_t *last_at = malloc(n_nodes * sizeof *last_at);
  m4s_status_t status = facts == NULL || last_at == NULL ? m4s_fail_memory("a packet network")
                                                         : widen_windows(network, facts, last_at);
  free(facts);
  free(last_at);
  if (network->rules.window_bytes > 0) {
    network->window_bytes = network->rules.window_bytes;
  }
  return status;
}
