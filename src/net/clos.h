// Clos fabrics: pods of racks, fabric switches by plane in each pod, spines by plane.
//
// Every rack switch connects to every fabric switch of its pod; fabric switch i of each pod
// connects to all spines of plane i. Shape and names follow the m4 paper's large-scale study
// (section 5) and Parsimon. Oversubscription of a rack is hosts_per_rack * host_gbps over
// fabrics_per_pod * uplink_gbps; that of a fabric switch is racks_per_pod over spines_per_plane.
#pragma once

#include "core/field.h"
#include "net/topology.h"

typedef struct {
  int64_t pods, racks_per_pod, hosts_per_rack;
  int64_t fabrics_per_pod;  // and planes
  int64_t spines_per_plane;  // 0 where there is one pod
  int64_t host_gbps, uplink_gbps;  // host to rack; rack to fabric and fabric to spine
  int64_t link_delay_ns;
} m4s_clos_t;

// Settings of a fabric.
typedef struct {
  int size;  // index into the names of sizes: small, large, training
  m4s_clos_t clos;  // counts: 0 for those of the size
  double oversubscription;  // 0: as the counts say
} m4s_clos_config_t;

enum { M4S_N_CLOS_FIELDS = 10 };
extern const m4s_field_t m4s_clos_fields[M4S_N_CLOS_FIELDS];

// The fabric that the settings describe: counts of the named size where they give none, and
// spines per plane by the oversubscription asked for at fabric switches (with one pod: fabric
// switches by that at racks). M4S_ERR_INPUT, with the nearest ones possible, where no whole number
// of switches has it. `origin` names the settings in errors.
m4s_status_t m4s_clos_resolve(const m4s_clos_config_t *config, const char *origin,
                              m4s_clos_t *clos_out);

// Hosts have the ids 0 … pods * racks_per_pod * hosts_per_rack - 1, by rack; then come racks,
// fabric switches by pod, spines by plane. M4S_ERR_INPUT if a count is not positive or the fabric
// has more than 2^20 nodes.
m4s_status_t m4s_clos_create(const m4s_clos_t *clos, m4s_topology_t **topology_out);
