// Errors of simulators against the reference: per point, and summed up.
#pragma once

#include "report/reference.h"
#include "stats/bootstrap.h"
#include "stats/summary.h"

// One value with its reference. error_percent = 100 · (value / reference − 1).
typedef struct {
  size_t point, simulator;  // indices in the view
  const char *metric;  // borrowed from the reference
  double value, reference, error_percent;
  // Every simulator that has an error in this metric at any point has one at this: only such points
  // are summed up, so that a simulator gains nothing by failing at the hard ones.
  bool common;
} m4s_point_error_t;

// The errors of one simulator in one metric at the common points; all in percent.
typedef struct {
  size_t simulator;
  const char *metric;  // borrowed from the reference
  size_t n_known;  // points with an error, common or not
  m4s_error_summary_t summary;
  m4s_bootstrap_t intervals;  // of the mean and the median of the magnitudes
} m4s_error_row_t;

typedef struct {
  m4s_point_error_t *points;  // owned, by point, simulator, metric
  size_t n_points;
  m4s_error_row_t *rows;  // owned, by simulator, metric; those without a common point are left out
  size_t n_rows;
} m4s_errors_t;

// Compares wherever a simulator and the reference both have a metric that is a time in us or a
// slowdown; a
// simulator is not compared with itself, and a reference of 0 gives no error. Both the view and the
// reference must outlive the errors. Free with m4s_errors_clear().
m4s_status_t m4s_errors_make(const m4s_view_t *view, const m4s_reference_t *reference,
                             m4s_errors_t *errors_out);
void m4s_errors_clear(m4s_errors_t *errors);

// The row of a simulator and metric, NULL if there is none.
const m4s_error_row_t *m4s_errors_find(const m4s_errors_t *errors, size_t simulator,
                                       const char *metric);
