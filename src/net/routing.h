// Shortest paths over a topology, and the facts of a pair of hosts.
//
// Cost is the number of links; hosts never relay. Two hosts on one NVSwitch always use it, and
// among equal next hops one that is an NVSwitch replaces the others. Several remaining next hops:
// the one at hash(pair) mod count, in the order in which a breadth-first search from the
// destination meets them.
#pragma once

#include "net/topology.h"

// It remembers what it has found, so look-ups change it: one routing is for one thread.
typedef struct m4s_routing m4s_routing_t;

typedef struct {
  // 2 * sum of delays + sum over links of floor(8e9 * packet bytes / bandwidth_bps)
  int64_t base_rtt_ns;
  int64_t propagation_rtt_ns;  // 2 * sum of delays
  int64_t bottleneck_bps;  // the least bandwidth on the path
  int32_t n_links;
} m4s_pair_facts_t;

// The seed of the hash that chooses among equal next hops.
typedef enum {
  // The source's address at every hop, as in SimAI's fluid back ends. Choices at successive tiers
  // are not independent: with 4 fabric switches and 48 spines a plane, every fourth spine is
  // used.
  M4S_ECMP_SEED_SOURCE,
  M4S_ECMP_SEED_NODE,  // the id of the node that chooses, as real switches do
} m4s_ecmp_seed_t;

// Which seed paths are found with from now on; the default is M4S_ECMP_SEED_SOURCE. Call it before
// the first m4s_routing_path().
void m4s_routing_set_ecmp_seed(m4s_routing_t *routing, m4s_ecmp_seed_t seed);

// The packet that base RTTs count at every link; the default is 1000 bytes. Call it before facts
// are asked for.
void m4s_routing_set_packet_bytes(m4s_routing_t *routing, int64_t packet_bytes);

// The topology is borrowed and must outlive the routing.
m4s_status_t m4s_routing_create(const m4s_topology_t *topology, m4s_routing_t **routing_out);
void m4s_routing_destroy(m4s_routing_t *routing);

// The links from host src to host dst, in order. `links_out` lives as long as the routing; a pair
// always has one path. M4S_ERR_INPUT where there is no path.
m4s_status_t m4s_routing_path(m4s_routing_t *routing, int32_t src, int32_t dst,
                              const int32_t **links_out, int32_t *n_links_out);

// How flows choose among equal paths.
typedef enum {
  M4S_PATHS_FLOW,  // each by its own key, as switches do
  M4S_PATHS_PAIR,  // one path a pair of hosts: m4s_routing_path()
} m4s_paths_t;

extern const char *const m4s_paths_names[];  // NULL-terminated

// What switches hash to choose among equal next hops, seeded with their own id.
typedef struct {
  uint32_t src_address, dst_address;
  uint16_t src_port, dst_port;
} m4s_flow_key_t;

// The links of one flow from host src to host dst, in order, chosen by its key at every node.
// `links_out` is good until the next call.
m4s_status_t m4s_routing_flow_path(m4s_routing_t *routing, int32_t src, int32_t dst,
                                   const m4s_flow_key_t *key, const int32_t **links_out,
                                   int32_t *n_links_out);

// The links of flow `id` ≥ 0, whose source port follows from its id. `links_out` is good until the
// next call.
m4s_status_t m4s_routing_path_of_flow(m4s_routing_t *routing, m4s_paths_t paths, int64_t id,
                                      int32_t src, int32_t dst, const int32_t **links_out,
                                      int32_t *n_links_out);

// The same in the way that is set, by default M4S_PATHS_PAIR; `links_out` lives as long as the
// routing: 4 bytes a link of every flow with M4S_PATHS_FLOW.
void m4s_routing_set_paths(m4s_routing_t *routing, m4s_paths_t paths);
m4s_status_t m4s_routing_keep_path_of_flow(m4s_routing_t *routing, int64_t id, int32_t src,
                                           int32_t dst, const int32_t **links_out,
                                           int32_t *n_links_out);

// All equal next hops of flows on their way from `node` to host dst ≠ node, of which a hash
// chooses. `links_out` is good until the next call. M4S_ERR_INPUT where there is no path.
m4s_status_t m4s_routing_next_hops(m4s_routing_t *routing, int32_t node, int32_t dst,
                                   const int32_t **links_out, int32_t *n_links_out);

// Facts along the first shortest path (no hash). M4S_ERR_INPUT where there is no path.
m4s_status_t m4s_routing_pair_facts(m4s_routing_t *routing, int32_t src, int32_t dst,
                                    m4s_pair_facts_t *facts_out);

// The same of all hosts towards one, in O(n_links) and without memory of the pairs:
// facts_out[n_nodes], of which the hosts' are set; n_links is 0 where there is no path, and of
// `dst`.
m4s_status_t m4s_routing_facts_towards(m4s_routing_t *routing, int32_t dst,
                                       m4s_pair_facts_t *facts_out);

// Ideal FCT of a flow alone on its path, ns: base RTT + floor(8e9 * wire_bytes / bottleneck_bps),
// at most M4S_TIME_MAX_NS.
int64_t m4s_ideal_fct_ns(const m4s_pair_facts_t *facts, int64_t wire_bytes);
