// Two results folders, point by point.
#pragma once

#include "report/view.h"
#include "stats/summary.h"

typedef struct {
  const char *metric;  // of either folder, or "wall_s"; NULL: what the points of A are compared by
  // Both NULL: each simulator of A with the same one of B. Else these two; one that is NULL is as
  // the other.
  const char *simulator_a, *simulator_b;
} m4s_compare_options_t;

// A point that both folders hold.
typedef struct {
  const m4s_result_row_t *a, *b;  // borrowed from the results
  bool known_a, known_b;  // whether the metric has a value
  double value_a, value_b;
  bool equal;  // both known and the same as they are printed in summary.csv
  bool has_difference;  // both known, and B can be related to A
  double difference_percent;  // 100 · (b / a − 1)
} m4s_compared_point_t;

typedef struct {
  m4s_text_list_t axes;  // of A, then further ones of B
  const char *metric;
  m4s_compared_point_t *points;  // owned, in the order of A
  size_t n_points;
  size_t n_compared, n_equal;  // of the points: both known; equal
  size_t n_without_a, n_without_b;  // of the points: no value in A; in B
  size_t n_only_a, n_only_b;  // rows without a partner
  m4s_error_summary_t summary;  // of the differences, percent
} m4s_comparison_t;

// Points match where all axis values do (numbers as numbers). An unknown metric or simulator is
// M4S_ERR_INPUT, and so is that no point has the metric in both. The results and options must
// outlive the comparison; free with m4s_comparison_clear().
m4s_status_t m4s_comparison_make(const m4s_results_t *a, const m4s_results_t *b,
                                 const m4s_compare_options_t *options,
                                 m4s_comparison_t *comparison_out);
void m4s_comparison_clear(m4s_comparison_t *comparison);

// All points as CSV: axes, simulator_a, simulator_b, METRIC_a, METRIC_b, difference_percent.
m4s_status_t m4s_comparison_add_csv(const m4s_comparison_t *comparison, m4s_text_t *text);

// For a terminal: the points that differ (the first 40), then the summary.
m4s_status_t m4s_comparison_add_overview(const m4s_comparison_t *comparison, m4s_text_t *text);
