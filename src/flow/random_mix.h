// Random flows between uniform pairs of hosts: bounded Pareto sizes, Poisson arrivals (GSL,
// mt19937).
#pragma once

#include "flow/flow.h"

typedef struct {
  int64_t n_flows;  // at most INT32_MAX
  int32_t n_hosts;  // at least 2
  double load;  // mean load of the hosts' links, 0 … 1
  int64_t host_bps;
  double shape;  // of the sizes' distribution, above 1
  int64_t min_size_bytes, max_size_bytes;
  uint64_t seed;
} m4s_random_mix_t;

// Fills records[n_flows]: id, src, dst, size_bytes, start_ns, the rest 0. The same bytes for the
// same mix.
m4s_status_t m4s_random_mix_make(const m4s_random_mix_t *mix, m4s_flow_record_t *records);
