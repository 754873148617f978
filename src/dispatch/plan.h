// What a run has to do: the units that are not done, longest expected first.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sweep/store.h"

typedef struct {
  uint64_t index;  // of the point in the sweep
  int32_t simulator;  // index into the sweep's simulators
  float cost;
} m4s_plan_unit_t;

// Owned by the caller, free with m4s_plan_clear().
typedef struct {
  m4s_plan_unit_t *units;  // owned: to be run, in this order
  size_t n_units;
  int64_t n_total, n_done, n_failed;  // of the selection; by earlier runs
} m4s_plan_t;

// Checks the points at `indices` without simulating: every distinct network and traffic of up to
// 200 points, evenly chosen where there are more (the rest fail one by one). The message names the
// point. `metrics_out`: the names of the metrics that the checked points have, a new reference to
// an array in the order of summary.csv. Warns once where a workload leaves GPUs idle.
m4s_status_t m4s_plan_check(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_indices,
                            json_t **metrics_out);

// Refuses two points with one case id.
m4s_status_t m4s_plan_check_ids(const m4s_sweep_t *sweep, const uint64_t *indices,
                                size_t n_indices);

// Lists what is to be done. Units that failed before are, where `retry_failed`. Above 100,000 units
// the order is the sweep's: the tail no longer matters, and costs would take long.
m4s_status_t m4s_plan_make(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_indices,
                           const m4s_store_t *store, bool retry_failed, m4s_plan_t *plan_out);
void m4s_plan_clear(m4s_plan_t *plan);
