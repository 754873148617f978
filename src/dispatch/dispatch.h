// Running a sweep: one process, or the ranks of an MPI job with rank 0 as the master.
#pragma once

#include <stdbool.h>

#include "core/field.h"
#include "dispatch/runner.h"
#include "sweep/spec.h"

typedef enum {
  M4S_MASTER_WORKS_AUTO,
  M4S_MASTER_WORKS_YES,
  M4S_MASTER_WORKS_NO
} m4s_master_works_t;

typedef struct {
  char *out;  // owned; NULL: results/<name>
  char *simulators;  // owned: "a,b"; NULL: the spec's
  char *model;  // owned: path of m4's weights; NULL: the spec's
  bool resume, fresh, retry_failed, yes, no_report, quick;
  m4s_text_list_t set, where;
  double time_limit_s;  // 0: the points' own
  int master_works;  // m4s_master_works_t; auto: with up to 8 ranks
  char *device;  // owned: "auto", "cpu", "cuda:N"
  int gpu_products, gpu_cells;  // m4s_gpu_products_t, m4s_gpu_cells_t
  int64_t points_per_worker;  // side by side on each rank; 0: as many as make full batches
} m4s_dispatch_options_t;

// What rank 0 does beside the dispatch; each returns a status and may be NULL.
typedef struct {
  // Before anything is written: the sweep, the points that will be run, the metrics' names.
  m4s_status_t (*check)(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_indices,
                        const json_t *metrics);
  // After the last unit, if the run was not stopped.
  m4s_status_t (*finish)(const char *folder);
} m4s_dispatch_hooks_t;

// Runs the sweep at `spec_path`; returns the exit status, which all ranks share: 0, 2 for bad input
// or a folder that cannot be used (then nothing is written), 3 if points of the selection failed,
// 128 + signal if stopped by one, 1 for other errors, such as a disk that is full: what is finished
// stays, and the same call goes on. Errors are logged once, by rank 0. Collective. The results do
// not depend on the number of ranks, nor on points_per_worker.
int m4s_dispatch(const char *spec_path, const m4s_dispatch_options_t *options,
                 const m4s_dispatch_hooks_t *hooks);
