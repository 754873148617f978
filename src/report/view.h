// Results laid out for reporting: points × simulators, axes and metrics by name.
#pragma once

#include <stdbool.h>

#include "core/text.h"
#include "report/measure.h"
#include "sweep/results.h"

// Borrows the results, which must outlive it.
typedef struct {
  const m4s_results_t *results;
  m4s_text_list_t axes;  // in the manifest's order
  m4s_text_list_t simulators;  // in the manifest's order
  // Of workloads total_us, exposed_comm_us, comm_1_us …, flows first; then the others: those of the
  // manifest's "metrics", if it has them, then in the order in which the rows have them.
  m4s_text_list_t metrics;
  const m4s_measure_t *measure;  // by which points are compared
  const m4s_result_row_t **rows;  // owned, [n_points, n_simulators]; NULL: no such row
  size_t n_points;
} m4s_view_t;

// Rows that follow each other with equal axis values make a point. Free with m4s_view_clear().
m4s_status_t m4s_view_make(const m4s_results_t *results, m4s_view_t *view_out);
void m4s_view_clear(m4s_view_t *view);

// NULL where the simulator has no row of the point.
const m4s_result_row_t *m4s_view_row(const m4s_view_t *view, size_t point, size_t simulator);

// The path of a file that the row's simulator left, where the row is ok: owned; NULL where there is
// none, and without memory.
char *m4s_view_file(const m4s_view_t *view, size_t point, size_t simulator, const char *name);

// Does without a file of a point: for M4S_ERR_INPUT and M4S_ERR_IO adds the last error to
// `unreadable`, where it is not yet, and returns M4S_OK; any other status is returned as it is.
m4s_status_t m4s_view_pass_over(m4s_status_t status, m4s_text_list_t *unreadable);

// The point's value on an axis; NULL where it has none.
const json_t *m4s_view_axis(const m4s_view_t *view, size_t point, const char *axis);

// Whether every point has a number on this axis.
bool m4s_view_axis_is_number(const m4s_view_t *view, const char *axis);

// Whether two axes change together: they stand in one object of the spec's axes.
bool m4s_view_axes_zipped(const m4s_view_t *view, const char *a, const char *b);

// A metric of a row, or "wall_s"; false where the row is NULL, not ok, or has no such metric.
bool m4s_row_value(const m4s_result_row_t *row, const char *metric, double *value_out);

// Appends the text by which axis values are matched: numbers at 12 digits however they are written
// ("4", "4.0"), anything else as it is; then a separator.
m4s_status_t m4s_text_add_key(m4s_text_t *key, const char *plain);
