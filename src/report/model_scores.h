// How accurate an m4 network and flowsim were over tested scenarios: errors of single flows against
// the record, by groups.
#pragma once

#include "core/text.h"
#include "stats/summary.h"
#include "train/model_test.h"

// A flow's error is FCT / recorded FCT - 1, which is that of its slowdown.
typedef struct {
  m4s_error_summary_t flows;  // percent; all flows of the group alike
  // Percent; means over scenarios of what each has of its own flows in the group. n: scenarios; no
  // p95_abs and max_abs.
  m4s_error_summary_t scenarios;
  // The same of |p99 of a scenario's slowdowns / that of the record - 1|.
  double p99_slowdown_error;
} m4s_model_score_t;

typedef enum {
  M4S_MODEL_GROUP_ALL,
  M4S_MODEL_GROUP_CC,
  M4S_MODEL_GROUP_LOAD,  // thirds of the scenarios whose load is known, equal loads in one
  M4S_MODEL_GROUP_SIZE,  // of flows, the classes of sweep/flow_metrics.h
  M4S_MODEL_GROUP_SCENARIO,
  M4S_N_MODEL_GROUP_KINDS
} m4s_model_group_kind_t;

extern const char *const m4s_model_group_kinds[M4S_N_MODEL_GROUP_KINDS];

typedef struct {
  m4s_model_group_kind_t kind;
  int32_t index;  // in its kind; of a scenario its place in the results
  char name[48];
  size_t n_flows, n_scenarios;
  m4s_model_score_t scores[M4S_N_TESTED];
} m4s_model_group_t;

typedef struct {
  m4s_model_group_t *groups;  // owned; by kind, without empty ones
  size_t n_groups;
} m4s_model_scores_t;

// Free with m4s_model_scores_clear().
m4s_status_t m4s_model_scores_make(const m4s_tested_results_t *results,
                                   m4s_model_scores_t *scores_out);
void m4s_model_scores_clear(m4s_model_scores_t *scores);

// By how many percent an error is lower than flowsim's; 0 where that is 0.
double m4s_lower_by_percent(double error, double of_flowsim);

// Tables for a terminal.
m4s_status_t m4s_model_scores_add_text(const m4s_tested_results_t *results,
                                       const m4s_model_scores_t *scores, m4s_text_t *text);

// Writes scenarios.csv, groups.csv, and the figures cdf_flow_error and cdf_slowdown into an
// existing folder; pictures where gnuplot is there.
m4s_status_t m4s_model_scores_write(const m4s_tested_results_t *results,
                                    const m4s_model_scores_t *scores, const char *folder);

// model_figures.c: the figures alone. Private to src/report.
m4s_status_t m4s_model_figures_write(const m4s_tested_results_t *results, const char *folder);
