// One point that was simulated by itself, as a terminal is shown it.
#pragma once

#include "flow/flow.h"
#include "sweep/results.h"

// Slowdowns of flows: FCT over ideal FCT. With n = 0 all others are 0.
typedef struct {
  size_t n;
  double p50, p90, p99, max;
} m4s_slowdowns_t;

// Of the flows that have completed.
m4s_status_t m4s_slowdowns_make(const m4s_flow_record_t *records, int64_t n_records,
                                m4s_slowdowns_t *slowdowns_out);

// What a row of results does not have.
typedef struct {
  m4s_slowdowns_t slowdowns;
  int64_t n_steps;  // of the neural network; 0: none
} m4s_simulated_t;

// Appends a table with one column per simulator, and one for the reference where that is none of
// them. `results`: one point's rows, all ok, the reference in the manifest; `facts` [n_rows].
m4s_status_t m4s_point_summary_add(const m4s_results_t *results, const m4s_simulated_t *facts,
                                   m4s_text_t *text);
