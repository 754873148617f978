// What traffic loads the links with: expected, and of given flows.
#pragma once

#include "flow/flow.h"
#include "flow/spatial.h"
#include "net/routing.h"

// Pairs of hosts beyond which M4S_PATHS_PAIR is counted as M4S_PATHS_FLOW: every link then has so
// many that both come to the same within a few percent.
enum { M4S_MAX_COUNTED_PAIRS = 1 << 19 };

// The share of all flows that cross each link, share_of_link[n_links]: exact. With M4S_PATHS_FLOW
// every node sends equal parts to all its next hops; with M4S_PATHS_PAIR every pair of hosts is
// routed. Hosts of the topology that the traffic does not know of get none. M4S_ERR_INPUT where a
// pair has no path.
m4s_status_t m4s_link_shares(const m4s_spatial_t *spatial, const m4s_topology_t *topology,
                             m4s_routing_t *routing, m4s_paths_t paths, double *share_of_link);

// The load of each link, load_of_link[n_links], by flows whose application bytes are spread over
// horizon_ns > 0: 1 is all of its bandwidth.
m4s_status_t m4s_link_loads(const m4s_flow_record_t *records, int64_t n_flows,
                            const m4s_topology_t *topology, m4s_routing_t *routing,
                            m4s_paths_t paths, int64_t horizon_ns, double *load_of_link);
