// Simulators side by side: how accurate and how fast each was.
#pragma once

#include "report/contents.h"

// Of one simulator of the view. Numbers are known where their count is not 0.
typedef struct {
  size_t n_flows;
  double flow_mae_percent, flow_p90_percent;  // of single flows
  size_t n_points;
  double mae_percent, p90_percent;  // of the measure, at the points that are compared
  // Over the points that both the simulator and the reference have, where the reference's times are
  // known: seconds of the simulator, and how many times as long the reference took.
  size_t n_timed;
  double wall_s, speed_up;
} m4s_score_t;

m4s_score_t m4s_score_make(const m4s_report_t *report, size_t simulator);

// Whether the speed-up of any simulator over another one, the reference, is known.
bool m4s_scores_have_speed(const m4s_report_t *report);
