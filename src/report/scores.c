#include "report/scores.h"

// How long the reference took at a point.
static bool get_reference_s(const m4s_report_t *report, size_t point, double *wall_s_out) {
  int reference = report->reference.simulator;
  return reference < 0 ? m4s_reference_value(&report->reference, point, "wall_s", wall_s_out)
                       : m4s_row_value(m4s_view_row(&report->view, point, (size_t)reference),
                                       "wall_s", wall_s_out);
}

static void measure_speed(const m4s_report_t *report, size_t simulator, m4s_score_t *score) {
  double reference_s = 0;
  for (size_t point = 0; point < report->view.n_points; point++) {
    double own_s, other_s;
    if (m4s_row_value(m4s_view_row(&report->view, point, simulator), "wall_s", &own_s) &&
        get_reference_s(report, point, &other_s)) {
      score->wall_s += own_s;
      reference_s += other_s;
      score->n_timed++;
    }
  }
  score->n_timed = score->wall_s > 0 ? score->n_timed : 0;
  score->speed_up = score->wall_s > 0 ? reference_s / score->wall_s : 0;
}

m4s_score_t m4s_score_make(const m4s_report_t *report, size_t simulator) {
  m4s_score_t score = {0};
  const m4s_error_row_t *flows = m4s_flow_samples_find(&report->flows, simulator);
  const m4s_error_row_t *points =
      m4s_errors_find(&report->errors, simulator, report->view.measure->metric);
  if (flows != NULL) {
    score.n_flows = flows->summary.n;
    score.flow_mae_percent = flows->summary.mae;
    score.flow_p90_percent = flows->summary.p90_abs;
  }
  if (points != NULL) {
    score.n_points = points->summary.n;
    score.mae_percent = points->summary.mae;
    score.p90_percent = points->summary.p90_abs;
  }
  if (report->reference.name != NULL) {
    measure_speed(report, simulator, &score);
  }
  return score;
}

bool m4s_scores_have_speed(const m4s_report_t *report) {
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    if ((int)s != report->reference.simulator && m4s_score_make(report, s).n_timed > 0) {
      return true;
    }
  }
  return false;
}
