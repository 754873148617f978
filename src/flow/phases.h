// Synchronised patterns of flows between hosts 0 … n-1, as lists for
// m4s_closed_loop_create_phases().
#pragma once

#include "flow/flow.h"

// Free with m4s_phases_clear().
typedef struct {
  m4s_flow_record_t
      *records;  // owned, [n_flows]: id, src, dst, size_bytes; start_ns 0, the rest -1
  int64_t n_flows;
  int64_t *first_of_phase;  // owned, [n_phases + 1]
  int32_t n_phases;
} m4s_phases_t;

// n-1 phases; in phase p host i sends to host (i + p) mod n, p = 1 … n-1.
m4s_status_t m4s_phases_all_to_all(int32_t n_hosts, int64_t size_bytes, m4s_phases_t *phases_out);

// n_phases phases; in phase p the next `senders` hosts after host p mod n send to it.
m4s_status_t m4s_phases_incast(int32_t n_hosts, int32_t senders, int32_t n_phases,
                               int64_t size_bytes, m4s_phases_t *phases_out);

void m4s_phases_clear(m4s_phases_t *phases);
