#include "net/topology.h"

#include <stdlib.h>
#include <string.h>

static int compare_pairs(int32_t a_src, int32_t a_dst, int32_t b_src, int32_t b_dst) {
  if (a_src != b_src) {
    return a_src < b_src ? -1 : 1;
  }
  return (a_dst > b_dst) - (a_dst < b_dst);
}

static int compare_links(const void *a, const void *b) {
  const m4s_link_t *left = a;
  const m4s_link_t *right = b;
  return compare_pairs(left->src, left->dst, right->src, right->dst);
}

static m4s_status_t check_cable(const m4s_topology_parts_t *parts, const char *origin, int32_t i) {
  const m4s_cable_t *cable = &parts->cables[i];
  if (cable->src < 0 || cable->src >= parts->n_nodes || cable->dst < 0 ||
      cable->dst >= parts->n_nodes) {
    return m4s_fail(M4S_ERR_INPUT, "%s: cable %d joins %d and %d, nodes are 0 to %d", origin, i,
                    cable->src, cable->dst, parts->n_nodes - 1);
  }
  if (cable->src == cable->dst) {
    return m4s_fail(M4S_ERR_INPUT, "%s: cable %d joins node %d to itself", origin, i, cable->src);
  }
  if (cable->bandwidth_bps <= 0 || cable->delay_ns < 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: cable %d (%d %d) needs a positive bandwidth and no negative delay", origin,
                    i, cable->src, cable->dst);
  }
  return M4S_OK;
}

static m4s_status_t set_kinds(m4s_topology_t *topology, const char *origin) {
  for (int32_t i = 0; i < topology->n_nvswitches + topology->n_switches; i++) {
    int32_t node = topology->forwarders[i];
    if (node < topology->n_hosts || node >= topology->n_nodes) {
      return m4s_fail(M4S_ERR_INPUT, "%s: switch %d is outside %d to %d (GPUs come first)", origin,
                      node, topology->n_hosts, topology->n_nodes - 1);
    }
    if (topology->kinds[node] != M4S_NODE_HOST) {
      return m4s_fail(M4S_ERR_INPUT, "%s: switch %d is listed twice", origin, node);
    }
    topology->kinds[node] = i < topology->n_nvswitches ? M4S_NODE_NVSWITCH : M4S_NODE_SWITCH;
  }
  return M4S_OK;
}

static m4s_status_t make_links(m4s_topology_t *topology, const char *origin) {
  for (int32_t i = 0; i < topology->n_cables; i++) {
    const m4s_cable_t *cable = &topology->cables[i];
    m4s_link_t link = {cable->src, cable->dst, cable->bandwidth_bps, cable->delay_ns};
    m4s_link_t *pair = &topology->links[(size_t)i * 2];
    pair[0] = link;
    pair[1] = (m4s_link_t){link.dst, link.src, link.bandwidth_bps, link.delay_ns};
  }
  qsort(topology->links, (size_t)topology->n_links, sizeof *topology->links, compare_links);
  for (int32_t i = 1; i < topology->n_links; i++) {
    if (compare_links(&topology->links[i - 1], &topology->links[i]) == 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: nodes %d and %d are joined twice", origin,
                      topology->links[i].src, topology->links[i].dst);
    }
  }
  return M4S_OK;
}

// Counting sort of the cables' ends by node, which keeps the cables' order.
static void make_adjacency(m4s_topology_t *topology) {
  int32_t *start = topology->adjacency_start;
  for (int32_t i = 0; i < topology->n_links; i++) {
    start[topology->links[i].src + 1]++;
  }
  for (int32_t v = 0; v < topology->n_nodes; v++) {
    start[v + 1] += start[v];
  }
  // Fills each node's part from its start, then moves the starts back.
  for (int32_t i = 0; i < topology->n_cables; i++) {
    const m4s_cable_t *cable = &topology->cables[i];
    topology->adjacency[start[cable->src]++] =
        m4s_topology_find_link(topology, cable->src, cable->dst);
    topology->adjacency[start[cable->dst]++] =
        m4s_topology_find_link(topology, cable->dst, cable->src);
  }
  memmove(start + 1, start, (size_t)topology->n_nodes * sizeof *start);
  start[0] = 0;
}

static void *copy_of(const void *items, size_t n_items, size_t item_bytes) {
  void *copy = calloc(n_items + 1, item_bytes);
  if (copy != NULL && n_items > 0) {
    memcpy(copy, items, n_items * item_bytes);
  }
  return copy;
}

static m4s_topology_t *allocate(const m4s_topology_parts_t *parts) {
  m4s_topology_t *topology = calloc(1, sizeof *topology);
  if (topology == NULL) {
    return NULL;
  }
  size_t n_forwarders = (size_t)parts->n_nvswitches + (size_t)parts->n_switches;
  topology->n_nodes = parts->n_nodes;
  topology->n_nvswitches = parts->n_nvswitches;
  topology->n_switches = parts->n_switches;
  topology->n_hosts = parts->n_nodes - parts->n_nvswitches - parts->n_switches;
  topology->gpus_per_server = parts->gpus_per_server;
  topology->n_cables = parts->n_cables;
  topology->n_links = 2 * parts->n_cables;
  topology->gpu_type = strdup(parts->gpu_type);
  topology->kinds = calloc((size_t)parts->n_nodes + 1, sizeof *topology->kinds);
  topology->forwarders = copy_of(parts->forwarders, n_forwarders, sizeof *topology->forwarders);
  topology->cables = copy_of(parts->cables, (size_t)parts->n_cables, sizeof *topology->cables);
  topology->links = calloc((size_t)topology->n_links + 1, sizeof *topology->links);
  topology->adjacency = calloc((size_t)topology->n_links + 1, sizeof *topology->adjacency);
  topology->adjacency_start = calloc((size_t)parts->n_nodes + 1, sizeof *topology->adjacency_start);
  if (topology->gpu_type == NULL || topology->kinds == NULL || topology->forwarders == NULL ||
      topology->cables == NULL || topology->links == NULL || topology->adjacency == NULL ||
      topology->adjacency_start == NULL) {
    m4s_topology_destroy(topology);
    return NULL;
  }
  return topology;
}

m4s_status_t m4s_topology_create(const m4s_topology_parts_t *parts, const char *origin,
                                 m4s_topology_t **topology_out) {
  if (parts->n_nvswitches < 0 || parts->n_switches < 0 || parts->n_cables < 0 ||
      parts->n_nvswitches + parts->n_switches >= parts->n_nodes) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %d nodes with %d NVSwitches and %d switches leave no GPU",
                    origin, parts->n_nodes, parts->n_nvswitches, parts->n_switches);
  }
  for (int32_t i = 0; i < parts->n_cables; i++) {
    M4S_TRY(check_cable(parts, origin, i));
  }
  m4s_topology_t *topology = allocate(parts);
  if (topology == NULL) {
    return m4s_fail_memory("a topology");
  }
  m4s_status_t status = set_kinds(topology, origin);
  if (status == M4S_OK) {
    status = make_links(topology, origin);
  }
  if (status != M4S_OK) {
    m4s_topology_destroy(topology);
    return status;
  }
  make_adjacency(topology);
  *topology_out = topology;
  return M4S_OK;
}

void m4s_topology_destroy(m4s_topology_t *topology) {
  if (topology == NULL) {
    return;
  }
  free(topology->gpu_type);
  free(topology->kinds);
  free(topology->forwarders);
  free(topology->cables);
  free(topology->links);
  free(topology->adjacency);
  free(topology->adjacency_start);
  free(topology);
}

int32_t m4s_topology_find_link(const m4s_topology_t *topology, int32_t src, int32_t dst) {
  int32_t low = 0;
  int32_t high = topology->n_links;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    const m4s_link_t *link = &topology->links[middle];
    int order = compare_pairs(link->src, link->dst, src, dst);
    if (order == 0) {
      return middle;
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return -1;
}

m4s_status_t m4s_topology_check_lossless(const m4s_topology_t *topology, const char *origin) {
  for (int32_t i = 0; i < topology->n_cables; i++) {
    const m4s_cable_t *cable = &topology->cables[i];
    if (cable->error_rate > 0) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s: the error rate %g of the link from %d to %d: random losses are not "
                      "simulated (nearest valid: 0)",
                      origin, cable->error_rate, cable->src, cable->dst);
    }
  }
  return M4S_OK;
}

int32_t m4s_topology_access_switch(const m4s_topology_t *topology, int32_t host) {
  int32_t start = topology->adjacency_start[host];
  if (topology->adjacency_start[host + 1] - start != 1) {
    return -1;
  }
  int32_t neighbour = topology->links[topology->adjacency[start]].dst;
  return topology->kinds[neighbour] == M4S_NODE_HOST ? -1 : neighbour;
}
