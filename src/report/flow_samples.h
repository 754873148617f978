// Slowdowns of single flows, and their errors against the reference's, from the points' flows.npy.
#pragma once

#include "report/errors.h"

// Of one simulator, the flows of all counted points one behind the other.
typedef struct {
  double *slowdowns;  // owned, [n]: FCT over ideal FCT
  double *errors_percent;  // owned, [n]: 100 · (slowdown / that of the reference − 1); NULL: none
  size_t n;
} m4s_flow_series_t;

// The flows' errors of one simulator at one point.
typedef struct {
  size_t point, simulator;  // indices in the view
  m4s_error_summary_t summary;  // percent
} m4s_flow_error_t;

// A point counts where every simulator that has flows anywhere has the same ones there, at least
// one.
typedef struct {
  m4s_flow_series_t *series;  // owned, [n_simulators] of the view
  size_t n_simulators;
  size_t *point_ends;  // owned, [n_counted]: where the flows of each counted point end in a series
  size_t n_counted;
  m4s_flow_error_t *points;  // owned, by point, simulator
  size_t n_points;
  // Owned, by simulator: all flows of the counted points. Metric "flow_slowdown", points are flows;
  // for the intervals points are drawn, each with all its flows.
  m4s_error_row_t *rows;
  size_t n_rows;
} m4s_flow_samples_t;

// Nothing where points are not compared by slowdowns, and where runs kept no flows; errors where
// the reference is a simulator of the sweep. A flows.npy that is none is passed over, as by
// m4s_view_pass_over(). Free with m4s_flow_samples_clear().
m4s_status_t m4s_flow_samples_make(const m4s_view_t *view, const m4s_reference_t *reference,
                                   m4s_text_list_t *unreadable, m4s_flow_samples_t *samples_out);
void m4s_flow_samples_clear(m4s_flow_samples_t *samples);

// Values of a series by point; borrowed.
m4s_grouped_samples_t m4s_flow_samples_group(const m4s_flow_samples_t *samples, size_t simulator,
                                             const double *values);

// The row of a simulator, NULL if there is none.
const m4s_error_row_t *m4s_flow_samples_find(const m4s_flow_samples_t *samples, size_t simulator);
