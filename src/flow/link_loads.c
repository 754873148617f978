#include "flow/link_loads.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/units.h"

// Flows on their way to the hosts behind one switch (or to one host), as shares of all flows.
typedef struct {
  const m4s_spatial_t *spatial;
  const m4s_topology_t *topology;
  m4s_routing_t *routing;
  double *share_of_link;
  double *at_node;  // [n_nodes], share that waits to be sent on
  int32_t *waiting, *next;  // [n_nodes], nodes with such a share, and those after the next hop
  int32_t n_waiting, n_next;
  int32_t *first_to;  // [n_groups + 1], pairs by destination: to group g ordered[first_to[g]] …
  int32_t *ordered;  // [n_pairs]
} spread_t;

static void clear_spread(spread_t *spread) {
  free(spread->at_node);
  free(spread->waiting);
  free(spread->next);
  free(spread->first_to);
  free(spread->ordered);
}

static m4s_status_t make_spread(spread_t *spread) {
  size_t n_nodes = (size_t)spread->topology->n_nodes;
  const m4s_spatial_t *spatial = spread->spatial;
  spread->at_node = calloc(n_nodes, sizeof *spread->at_node);
  spread->waiting = calloc(n_nodes, sizeof *spread->waiting);
  spread->next = calloc(n_nodes, sizeof *spread->next);
  spread->first_to = calloc((size_t)spatial->n_groups + 2, sizeof *spread->first_to);
  spread->ordered = calloc((size_t)spatial->n_pairs, sizeof *spread->ordered);
  if (spread->at_node == NULL || spread->waiting == NULL || spread->next == NULL ||
      spread->first_to == NULL || spread->ordered == NULL) {
    clear_spread(spread);
    return m4s_fail_memory("expected loads");
  }
  // Counting sort: first_to[g + 1] runs from where g begins to where it ends.
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    spread->first_to[spatial->pairs[i].dst + 2]++;
  }
  for (int32_t g = 0; g < spatial->n_groups; g++) {
    spread->first_to[g + 2] += spread->first_to[g + 1];
  }
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    spread->ordered[spread->first_to[spatial->pairs[i].dst + 1]++] = i;
  }
  return M4S_OK;
}

static void add_at(spread_t *spread, int32_t node, double share, int32_t *list, int32_t *n) {
  if (spread->at_node[node] == 0) {
    list[(*n)++] = node;
  }
  spread->at_node[node] += share;
}

// All flows to host dst, at their sources; returns their share.
static double add_sources(spread_t *spread, int32_t dst) {
  const m4s_spatial_t *spatial = spread->spatial;
  int32_t n = spatial->hosts_per_group;
  int32_t group = dst / n;
  double sum = 0;
  for (int32_t i = spread->first_to[group]; i < spread->first_to[group + 1]; i++) {
    const m4s_spatial_pair_t *pair = &spatial->pairs[spread->ordered[i]];
    double share = pair->share / n / (pair->src == group ? n - 1 : n);
    for (int32_t src = pair->src * n; src < (pair->src + 1) * n; src++) {
      if (src != dst) {
        add_at(spread, src, share, spread->waiting, &spread->n_waiting);
        sum += share;
      }
    }
  }
  return sum;
}

// Sends what waits one hop on, in equal parts; what has reached `end` stays there.
static m4s_status_t send_on(spread_t *spread, int32_t dst, int32_t end) {
  spread->n_next = 0;
  for (int32_t i = 0; i < spread->n_waiting; i++) {
    int32_t node = spread->waiting[i];
    const int32_t *links;
    int32_t n_links;
    M4S_TRY(m4s_routing_next_hops(spread->routing, node, dst, &links, &n_links));
    double part = spread->at_node[node] / n_links;
    spread->at_node[node] = 0;
    for (int32_t j = 0; j < n_links; j++) {
      int32_t to = spread->topology->links[links[j]].dst;
      spread->share_of_link[links[j]] += part;
      if (to != end) {
        add_at(spread, to, part, spread->next, &spread->n_next);
      }
    }
  }
  int32_t *done = spread->waiting;
  spread->waiting = spread->next;
  spread->n_waiting = spread->n_next;
  spread->next = done;
  return M4S_OK;
}

// Flows to hosts first … end-1, which are behind the same switch: they share the way up to it.
static m4s_status_t spread_to(spread_t *spread, int32_t first, int32_t end) {
  int32_t access = m4s_topology_access_switch(spread->topology, first);
  for (int32_t dst = first; dst < end; dst++) {
    double share = add_sources(spread, dst);
    if (access >= 0) {
      spread->share_of_link[m4s_topology_find_link(spread->topology, access, dst)] += share;
    }
  }
  // The way to the switch is the same for all of them, so that of `first` will do.
  while (spread->n_waiting > 0) {
    M4S_TRY(send_on(spread, first, access >= 0 ? access : first));
  }
  return M4S_OK;
}

static m4s_status_t spread_all(spread_t *spread) {
  const m4s_topology_t *topology = spread->topology;
  int32_t n_hosts = spread->spatial->n_groups * spread->spatial->hosts_per_group;
  for (int32_t first = 0, end; first < n_hosts; first = end) {
    int32_t access = m4s_topology_access_switch(topology, first);
    end = first + 1;
    while (access >= 0 && end < n_hosts && m4s_topology_access_switch(topology, end) == access) {
      end++;
    }
    M4S_TRY(spread_to(spread, first, end));
  }
  return M4S_OK;
}

static m4s_status_t count_evenly(const m4s_spatial_t *spatial, const m4s_topology_t *topology,
                                 m4s_routing_t *routing, double *share_of_link) {
  spread_t spread = {
      .spatial = spatial, .topology = topology, .routing = routing, .share_of_link = share_of_link};
  M4S_TRY(make_spread(&spread));
  m4s_status_t status = spread_all(&spread);
  clear_spread(&spread);
  return status;
}

// --- pairs of hosts ---

static double count_host_pairs(const m4s_spatial_t *spatial) {
  return (double)spatial->n_pairs * spatial->hosts_per_group * spatial->hosts_per_group;
}

static m4s_status_t count_pair(const m4s_spatial_pair_t *pair, int32_t n, m4s_routing_t *routing,
                               double *share_of_link) {
  double share = pair->share / n / (pair->src == pair->dst ? n - 1 : n);
  for (int32_t src = pair->src * n; src < (pair->src + 1) * n; src++) {
    for (int32_t dst = pair->dst * n; dst < (pair->dst + 1) * n; dst++) {
      if (src == dst) {
        continue;
      }
      const int32_t *links;
      int32_t n_links;
      M4S_TRY(m4s_routing_path(routing, src, dst, &links, &n_links));
      for (int32_t i = 0; i < n_links; i++) {
        share_of_link[links[i]] += share;
      }
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_link_shares(const m4s_spatial_t *spatial, const m4s_topology_t *topology,
                             m4s_routing_t *routing, m4s_paths_t paths, double *share_of_link) {
  for (int32_t i = 0; i < topology->n_links; i++) {
    share_of_link[i] = 0;
  }
  if (paths == M4S_PATHS_FLOW || count_host_pairs(spatial) > M4S_MAX_COUNTED_PAIRS) {
    return count_evenly(spatial, topology, routing, share_of_link);
  }
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    M4S_TRY(count_pair(&spatial->pairs[i], spatial->hosts_per_group, routing, share_of_link));
  }
  return M4S_OK;
}

// --- flows ---

m4s_status_t m4s_link_loads(const m4s_flow_record_t *records, int64_t n_flows,
                            const m4s_topology_t *topology, m4s_routing_t *routing,
                            m4s_paths_t paths, int64_t horizon_ns, double *load_of_link) {
  for (int32_t i = 0; i < topology->n_links; i++) {
    load_of_link[i] = 0;
  }
  for (int64_t i = 0; i < n_flows; i++) {
    const int32_t *links;
    int32_t n_links;
    M4S_TRY(m4s_routing_path_of_flow(routing, paths, records[i].id, records[i].src, records[i].dst,
                                     &links, &n_links));
    for (int32_t j = 0; j < n_links; j++) {
      load_of_link[links[j]] += (double)records[i].size_bytes;
    }
  }
  for (int32_t i = 0; i < topology->n_links; i++) {
    load_of_link[i] /=
        m4s_bps_to_bytes_per_ns(topology->links[i].bandwidth_bps) * (double)horizon_ns;
  }
  return M4S_OK;
}
