// A folder of results, read back: what report/ works on.
#pragma once

#include <jansson.h>

#include "core/status.h"
#include "sweep/spec.h"

typedef enum { M4S_ROW_OK, M4S_ROW_FAILED, M4S_ROW_MISSING } m4s_row_status_t;

extern const char *const m4s_row_status_names[];  // "ok", "failed", "missing"

// One point with one simulator.
typedef struct {
  char *case_id;
  char *simulator;
  m4s_row_status_t status;
  char *reason;  // why it failed; NULL otherwise
  char *caution;  // why its numbers are to be taken with care; NULL: nothing is known
  json_t *axes;  // {axis: value}, in the order of the axes
  json_t *metrics;  // {name: number} in the order of m4s_point_run(); NULL unless ok
  double wall_s;  // 0 unless ok or failed
} m4s_result_row_t;

// Owned by the reader, free with m4s_results_clear().
typedef struct {
  char *folder;
  json_t *manifest;
  m4s_result_row_t *rows;  // by point in the sweep's order, then by simulator in the spec's order
  size_t n_rows;
} m4s_results_t;

// M4S_ERR_INPUT if the folder holds no results.
m4s_status_t m4s_results_read(const char *folder, m4s_results_t *results_out);
void m4s_results_clear(m4s_results_t *results);

// Results of points of a loaded sweep that nobody has run yet: every row is missing, `folder` is
// the spec's path, and the manifest has the members below.
m4s_status_t m4s_results_outline(const m4s_sweep_t *sweep, const uint64_t *indices,
                                 size_t n_indices, m4s_results_t *results_out);

// Manifest members that readers may rely on: "name" (string), "title" (string), "simulators" (array
// of names), "axes" (array of axis names), "reference" (object or absent: {"simulator": name},
// {"table": path, "simulator": name in the table} or {"folder": path, "backend": name}; paths
// absolute).
