// Load mixes: random flows between hosts of a cluster, with given patterns of traffic, sizes and
// gaps, at a rate with which the most loaded link has a given load. The traffic of the load and
// oversubscription studies of the m4 paper (sections 5.4 to 5.6) and Parsimon.
#pragma once

#include "flow/gaps.h"
#include "flow/link_loads.h"
#include "flow/size_distribution.h"

typedef struct {
  m4s_spatial_config_t spatial;
  m4s_sizes_config_t sizes;
  int gaps;  // m4s_gaps_kind_t
  double lognorm_sigma;
  double max_load;  // of the most loaded link, by application bytes: 1 is all of its bandwidth
  double host_load;  // instead: application bytes over what all hosts' links carry; 0: max_load
  bool allow_overload;
  int paths;  // m4s_paths_t; not among the fields: all traffic of flows has it
  int64_t n_flows;
  int64_t duration_us;  // 0: n_flows
} m4s_load_mix_config_t;

enum { M4S_N_LOAD_MIX_FIELDS = 21 };
extern const m4s_field_t m4s_load_mix_fields[M4S_N_LOAD_MIX_FIELDS];

// Free with m4s_load_mix_clear().
typedef struct {
  // Owned, [n_flows], by start: id, src, dst, size_bytes, call_ns = start_ns; the rest -1.
  m4s_flow_record_t *records;
  int64_t n_flows;
  double mean_size_bytes, mean_gap_ns;  // expected
  int32_t busiest_link;  // with the largest expected load
  double busiest_share;  // of all flows
  double expected_load;  // of that link; without host_load max_load but for rounding
  double load_deviation;  // standard deviation of that link's load from mix to mix
  int64_t horizon_ns;  // over which loads count: the duration, else the last start
} m4s_load_mix_t;

// Makes the flows. Hosts 0 … n-1 of the topology are the cluster's; paths of pairs are the
// routing's. The same bytes for the same settings, topology and seed on every machine. `where`
// names the settings in errors ("sweeps/x.json: base.traffic"). M4S_ERR_INPUT for settings that
// make no sense and for topologies without a path that is needed.
m4s_status_t m4s_load_mix_make(const m4s_load_mix_config_t *config, const char *where,
                               const m4s_cluster_shape_t *shape, const m4s_topology_t *topology,
                               m4s_routing_t *routing, uint64_t seed, m4s_load_mix_t *mix_out);
void m4s_load_mix_clear(m4s_load_mix_t *mix);

// What the flows that were drawn load the links with.
typedef struct {
  double load;  // of the link with the largest expected load: within three deviations of it, mostly
  int32_t busiest_link;  // with the largest load
  double busiest_load;
} m4s_realised_load_t;

// By paths as of `paths`; routes every flow.
m4s_status_t m4s_load_mix_measure(const m4s_load_mix_t *mix, const m4s_topology_t *topology,
                                  m4s_routing_t *routing, m4s_paths_t paths,
                                  m4s_realised_load_t *load_out);
