// Network graph: GPUs (hosts), NVSwitches and switches, joined by full-duplex cables.
//
// A cable is a line of a topology file; a link is one direction of a cable. Links are sorted by
// (src, dst), which are unique, so the smallest link id is also the smallest (src, dst) pair.
#pragma once

#include <stdint.h>

#include "core/status.h"

typedef enum { M4S_NODE_HOST, M4S_NODE_SWITCH, M4S_NODE_NVSWITCH } m4s_node_kind_t;

typedef struct {
  int32_t src, dst;
  int64_t bandwidth_bps;  // of each direction
  int64_t delay_ns;  // propagation
  double error_rate;  // of packets: kept for simulators of users, not simulated
} m4s_cable_t;

typedef struct {
  int32_t src, dst;
  int64_t bandwidth_bps;
  int64_t delay_ns;
} m4s_link_t;

// Hosts have the ids 0 … n_hosts-1. Owned by its creator, free with m4s_topology_destroy().
typedef struct {
  int32_t n_nodes, n_hosts, n_nvswitches, n_switches;
  int32_t gpus_per_server;
  char *gpu_type;  // owned: "A100", …
  m4s_node_kind_t *kinds;  // owned, [n_nodes]
  int32_t *forwarders;  // owned, [n_nvswitches + n_switches], ids as listed: NVSwitches first
  int32_t n_cables, n_links;  // n_links = 2 * n_cables
  m4s_cable_t *cables;  // owned, [n_cables], order of the file
  m4s_link_t *links;  // owned, [n_links], sorted by (src, dst)
  int32_t *adjacency;  // owned, [n_links], ids of a node's outgoing links in the cables' order
  int32_t *adjacency_start;  // owned, [n_nodes + 1]: node v's part of `adjacency`
} m4s_topology_t;

// What a topology is made of; m4s_topology_create() copies it.
typedef struct {
  int32_t n_nodes, n_nvswitches, n_switches, gpus_per_server;
  const char *gpu_type;
  const int32_t *forwarders;  // [n_nvswitches + n_switches]
  int32_t n_cables;
  const m4s_cable_t *cables;
} m4s_topology_parts_t;

// Checks the parts (ids in range, no self link, no pair of nodes twice, positive bandwidth) and
// builds the graph. `origin` names them in errors ("file.txt" or "gpu-cluster").
m4s_status_t m4s_topology_create(const m4s_topology_parts_t *parts, const char *origin,
                                 m4s_topology_t **topology_out);
void m4s_topology_destroy(m4s_topology_t *topology);

// The link from src to dst, -1 if there is none. O(log n_links).
int32_t m4s_topology_find_link(const m4s_topology_t *topology, int32_t src, int32_t dst);

// The switch at the other end of a host's only cable, -1 if it has several or ends at a host.
int32_t m4s_topology_access_switch(const m4s_topology_t *topology, int32_t host);

// M4S_ERR_INPUT for a cable with an error rate, which no model here simulates; `origin` as above.
m4s_status_t m4s_topology_check_lossless(const m4s_topology_t *topology, const char *origin);

// Topology files. Line 1: nodes gpus_per_server nvswitches switches cables gpu_type (SimAI), or
// nodes switches cables (the HPCC family: one host a server, of type "host"); line 2: ids of
// NVSwitches, then of switches; then a line per cable: src dst bandwidth delay error_rate. Errors
// name file, line, column and value (M4S_ERR_INPUT).
m4s_status_t m4s_topology_read(const char *path, m4s_topology_t **topology_out);
m4s_status_t m4s_topology_parse(const char *text, const char *path, m4s_topology_t **topology_out);

// SimAI's format, atomically; reading it back gives an equal topology.
m4s_status_t m4s_topology_write(const m4s_topology_t *topology, const char *path);

// The same in the HPCC family's format: NVSwitches are switches, and servers are not told.
m4s_status_t m4s_topology_write_hpcc(const m4s_topology_t *topology, const char *path);
