// Tiers of a topology: how far nodes are from the hosts.
#pragma once

#include "net/topology.h"

enum { M4S_NO_TIER = -1 };

// Tier of every node: 0 for hosts, then the number of cables to the nearest host; M4S_NO_TIER if
// none leads there. `*tiers_out` [n_nodes]: owned.
m4s_status_t m4s_tiers_make(const m4s_topology_t *topology, int32_t **tiers_out);

enum { M4S_TIER_NAME_BYTES = 40 };

// What a link joins: "host-tier1", "tier1-host", "tier1-tier2", …; "nvlink" to and from NVSwitches,
// "detached" where no host can be reached.
void m4s_tiers_name_link(const m4s_topology_t *topology, const int32_t *tiers, int32_t link,
                         char name_out[M4S_TIER_NAME_BYTES]);
