// Rank 0: hands units out, longest expected first, to ranks that have room for them, and records
// what comes back.
#pragma once

#include <stdatomic.h>

#include "dispatch/comm.h"
#include "dispatch/plan.h"
#include "dispatch/progress.h"

typedef struct {
  // All borrowed.
  const m4s_comm_t *comm;
  const m4s_sweep_t *sweep;
  m4s_store_t *store;
  const m4s_plan_t *plan;
  const json_t *placements;  // array by rank
  const m4s_device_choice_t *device;  // of this rank, resolved
  atomic_bool *stop;  // set by signals; workers that are told to stop set it, too
  bool works;  // this rank simulates as well
  int points_per_worker;  // units that a rank has at a time, at most M4S_MAX_POINTS_PER_WORKER; 0:
                          // as many as it would do well to hold
  double time_limit_s;  // of every point; negative: the points' own
} m4s_master_t;

// Runs the plan to its end, or until stopped; then units at work are given up. Failed points are
// recorded, and no error. `progress_out`: the final counts.
m4s_status_t m4s_master_run(const m4s_master_t *master, m4s_progress_t *progress_out);

// Waits for the placements of all ranks: a new reference to an array by rank.
m4s_status_t m4s_master_greet(const m4s_comm_t *comm, json_t *own_placement,
                              json_t **placements_out);

// Tells all workers to end with this exit status.
m4s_status_t m4s_master_dismiss(const m4s_comm_t *comm, int exit_status);
