// Clos fabrics: pods of racks, fabric switches by plane in each pod, spines by plane.
//
// Every rack switch connects to every fabric switch of its pod; fabric switch i of each pod
// connects to all spines of plane i. Shape and names follow the m4 paper's large-scale study
// (section 5) and Parsimon.
#pragma once

#include "net/topology.h"

typedef struct {
  int32_t pods, racks_per_pod, hosts_per_rack;
  int32_t fabrics_per_pod;  // and planes
  int32_t spines_per_plane;
  int64_t host_gbps, uplink_gbps;  // host to rack; rack to fabric and fabric to spine
  int64_t link_delay_ns;
} m4s_clos_t;

// Hosts have the ids 0 … pods * racks_per_pod * hosts_per_rack - 1, by rack; then come racks,
// fabric switches by pod, spines by plane. M4S_ERR_INPUT if a count is not positive or the fabric
// has more than 2^20 nodes.
m4s_status_t m4s_clos_create(const m4s_clos_t *clos, m4s_topology_t **topology_out);
