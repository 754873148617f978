// The CSV files of a report.
#include <string.h>

#include "report/contents.h"
#include "report/format.h"
#include "report/scores.h"

static m4s_status_t add_axis_names(const m4s_view_t *view, m4s_text_t *text) {
  for (size_t a = 0; a < view->axes.n_items; a++) {
    M4S_TRY(m4s_text_add(text, ","));
    M4S_TRY(m4s_text_add_csv(text, view->axes.items[a]));
  }
  return M4S_OK;
}

static m4s_status_t add_axis_values(const m4s_view_t *view, size_t point, m4s_text_t *text) {
  for (size_t a = 0; a < view->axes.n_items; a++) {
    const json_t *value = m4s_view_axis(view, point, view->axes.items[a]);
    M4S_TRY(m4s_text_add(text, ","));
    M4S_TRY(m4s_text_add_json_as(text, value, m4s_text_add_csv));
  }
  return M4S_OK;
}

// "case,simulator,axes" of a row of a point's simulator.
static m4s_status_t add_place(const m4s_view_t *view, size_t point, size_t simulator,
                              m4s_text_t *text) {
  const m4s_result_row_t *row = m4s_view_row(view, point, simulator);
  M4S_TRY(m4s_text_add_csv(text, row->case_id));
  M4S_TRY(m4s_text_add(text, ","));
  M4S_TRY(m4s_text_add_csv(text, row->simulator));
  return add_axis_values(view, point, text);
}

// Wall times stand after the metrics that every sweep has: up to "flows".
static size_t n_metrics_before_wall(const m4s_view_t *view) {
  return (size_t)m4s_text_list_find(&view->metrics, "flows") + 1;
}

static m4s_status_t add_summary_header(const m4s_view_t *view, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, "case,simulator,status"));
  M4S_TRY(add_axis_names(view, text));
  for (size_t m = 0; m < view->metrics.n_items; m++) {
    M4S_TRY(m4s_text_add(text, ","));
    M4S_TRY(m4s_text_add_csv(text, view->metrics.items[m]));
    if (m + 1 == n_metrics_before_wall(view)) {
      M4S_TRY(m4s_text_add(text, ",wall_s"));
    }
  }
  return m4s_text_add(text, ",reason\n");
}

static m4s_status_t add_summary_row(const m4s_view_t *view, size_t point,
                                    const m4s_result_row_t *row, m4s_text_t *text) {
  M4S_TRY(m4s_text_add_csv(text, row->case_id));
  M4S_TRY(m4s_text_add(text, ","));
  M4S_TRY(m4s_text_add_csv(text, row->simulator));
  M4S_TRY(m4s_text_add(text, ",%s", m4s_row_status_names[row->status]));
  M4S_TRY(add_axis_values(view, point, text));
  for (size_t m = 0; m < view->metrics.n_items; m++) {
    double value;
    M4S_TRY(m4s_text_add(text, ","));
    if (m4s_row_value(row, view->metrics.items[m], &value)) {
      M4S_TRY(m4s_text_add_metric(text, view->metrics.items[m], value));
    }
    if (m + 1 == n_metrics_before_wall(view)) {
      M4S_TRY(m4s_text_add(text, ","));
      if (row->status != M4S_ROW_MISSING) {
        M4S_TRY(m4s_text_add_fixed(text, row->wall_s, 6));
      }
    }
  }
  M4S_TRY(m4s_text_add(text, ","));
  const char *words = row->reason != NULL ? row->reason : row->caution;
  M4S_TRY(m4s_text_add_csv(text, words == NULL ? "" : words));
  return m4s_text_add(text, "\n");
}

m4s_status_t m4s_report_add_summary_csv(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  M4S_TRY(add_summary_header(view, text));
  for (size_t point = 0; point < view->n_points; point++) {
    for (size_t s = 0; s < view->simulators.n_items; s++) {
      const m4s_result_row_t *row = m4s_view_row(view, point, s);
      if (row != NULL) {
        M4S_TRY(add_summary_row(view, point, row, text));
      }
    }
  }
  return M4S_OK;
}

static m4s_status_t add_percent(double value, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, ","));
  return m4s_text_add_fixed(text, value, 6);
}

// ",a,b", or ",," where they are not known.
static m4s_status_t add_pair(bool known, double a, double b, m4s_text_t *text) {
  if (!known) {
    return m4s_text_add(text, ",,");
  }
  M4S_TRY(add_percent(a, text));
  return add_percent(b, text);
}

m4s_status_t m4s_report_add_simulators_csv(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  const char *reference = report->reference.name == NULL ? "" : report->reference.name;
  M4S_TRY(m4s_text_add(text,
                       "simulator,reference,points_ok,n_flows,flow_mae_percent,flow_p90_percent,"
                       "metric,n_points,mae_percent,p90_percent,n_timed,wall_s,speed_up\n"));
  for (size_t s = 0; s < view->simulators.n_items; s++) {
    m4s_score_t score = m4s_score_make(report, s);
    M4S_TRY(m4s_text_add_csv(text, view->simulators.items[s]));
    M4S_TRY(m4s_text_add(text, ","));
    M4S_TRY(m4s_text_add_csv(text, reference));
    M4S_TRY(
        m4s_text_add(text, ",%zu,%zu", m4s_report_simulator_facts(report, s).n_ok, score.n_flows));
    M4S_TRY(add_pair(score.n_flows > 0, score.flow_mae_percent, score.flow_p90_percent, text));
    M4S_TRY(m4s_text_add(text, ",%s,%zu", view->measure->metric, score.n_points));
    M4S_TRY(add_pair(score.n_points > 0, score.mae_percent, score.p90_percent, text));
    M4S_TRY(m4s_text_add(text, ",%zu", score.n_timed));
    M4S_TRY(add_pair(score.n_timed > 0, score.wall_s, score.speed_up, text));
    M4S_TRY(m4s_text_add(text, "\n"));
  }
  return M4S_OK;
}

// A value and the bounds of its interval, which stay empty where there is none.
static m4s_status_t add_estimate(double value, bool has_interval, const m4s_interval_t *interval,
                                 m4s_text_t *text) {
  M4S_TRY(add_percent(value, text));
  if (!has_interval) {
    return m4s_text_add(text, ",,");
  }
  M4S_TRY(add_percent(interval->low, text));
  return add_percent(interval->high, text);
}

static m4s_status_t add_error_row(const m4s_report_t *report, const m4s_error_row_t *row,
                                  m4s_text_t *text) {
  M4S_TRY(m4s_text_add_csv(text, report->view.simulators.items[row->simulator]));
  M4S_TRY(m4s_text_add(text, ","));
  M4S_TRY(m4s_text_add_csv(text, report->reference.name));
  M4S_TRY(m4s_text_add(text, ",%s,%zu", row->metric, row->summary.n));
  M4S_TRY(add_estimate(row->summary.mae, row->intervals.known, &row->intervals.mean, text));
  M4S_TRY(
      add_estimate(row->summary.median_abs, row->intervals.known, &row->intervals.median, text));
  M4S_TRY(add_percent(row->summary.p90_abs, text));
  M4S_TRY(add_percent(row->summary.p95_abs, text));
  M4S_TRY(add_percent(row->summary.max_abs, text));
  M4S_TRY(add_percent(row->summary.mean_signed, text));
  return m4s_text_add(text, "\n");
}

m4s_status_t m4s_report_add_errors_csv(const m4s_report_t *report, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(
      text,
      "simulator,reference,metric,n_points,mae_percent,mae_low95_percent,mae_high95_percent,"
      "median_abs_percent,median_low95_percent,median_high95_percent,p90_abs_percent,"
      "p95_abs_percent,max_abs_percent,mean_signed_percent\n"));
  for (size_t i = 0; i < report->errors.n_rows; i++) {
    M4S_TRY(add_error_row(report, &report->errors.rows[i], text));
  }
  for (size_t i = 0; i < report->flows.n_rows; i++) {
    M4S_TRY(add_error_row(report, &report->flows.rows[i], text));
  }
  return M4S_OK;
}

m4s_status_t m4s_report_add_flow_errors_csv(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  if (report->flows.n_points == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(text, "case,simulator"));
  M4S_TRY(add_axis_names(view, text));
  M4S_TRY(m4s_text_add(text,
                       ",n_flows,mae_percent,median_abs_percent,p90_abs_percent,"
                       "p95_abs_percent,max_abs_percent,mean_signed_percent\n"));
  for (size_t i = 0; i < report->flows.n_points; i++) {
    const m4s_flow_error_t *error = &report->flows.points[i];
    M4S_TRY(add_place(view, error->point, error->simulator, text));
    M4S_TRY(m4s_text_add(text, ",%zu", error->summary.n));
    M4S_TRY(add_percent(error->summary.mae, text));
    M4S_TRY(add_percent(error->summary.median_abs, text));
    M4S_TRY(add_percent(error->summary.p90_abs, text));
    M4S_TRY(add_percent(error->summary.p95_abs, text));
    M4S_TRY(add_percent(error->summary.max_abs, text));
    M4S_TRY(add_percent(error->summary.mean_signed, text));
    M4S_TRY(m4s_text_add(text, "\n"));
  }
  return M4S_OK;
}

m4s_status_t m4s_report_add_throughput_csv(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  if (report->throughputs.n_items == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(text, "case,simulator"));
  M4S_TRY(add_axis_names(view, text));
  M4S_TRY(m4s_text_add(text, ",begin_us,end_us,throughput_gbps\n"));
  for (size_t i = 0; i < report->throughputs.n_items; i++) {
    const m4s_throughput_t *item = &report->throughputs.items[i];
    double width_us = (item->end_ns - item->begin_ns) / M4S_THROUGHPUT_INTERVALS / 1e3;
    for (int k = 0; k < M4S_THROUGHPUT_INTERVALS; k++) {
      double begin_us = item->begin_ns / 1e3 + k * width_us;
      M4S_TRY(add_place(view, item->point, item->simulator, text));
      M4S_TRY(
          m4s_text_add(text, ",%.3f,%.3f,%.6f\n", begin_us, begin_us + width_us, item->gbps[k]));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_report_add_links_csv(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  if (report->links.n_rows == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(text, "case,simulator"));
  M4S_TRY(add_axis_names(view, text));
  M4S_TRY(m4s_text_add(text,
                       ",tier,n_links,mean_utilisation,p50_utilisation,p90_utilisation,"
                       "max_utilisation\n"));
  for (size_t i = 0; i < report->links.n_rows; i++) {
    const m4s_link_usage_row_t *row = &report->links.rows[i];
    const m4s_summary_t *utilisation = &row->utilisation;
    M4S_TRY(add_place(view, row->point, row->simulator, text));
    M4S_TRY(m4s_text_add(text, ","));
    M4S_TRY(m4s_text_add_csv(text, row->tier));
    M4S_TRY(m4s_text_add(text, ",%zu,%.6f,%.6f,%.6f,%.6f\n", utilisation->n, utilisation->mean,
                         utilisation->median, utilisation->p90, utilisation->max));
  }
  return M4S_OK;
}

m4s_status_t m4s_report_add_point_errors_csv(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  M4S_TRY(m4s_text_add(text, "case,simulator"));
  M4S_TRY(add_axis_names(view, text));
  M4S_TRY(m4s_text_add(text, ",metric,value,reference,error_percent\n"));
  for (size_t i = 0; i < report->errors.n_points; i++) {
    const m4s_point_error_t *error = &report->errors.points[i];
    M4S_TRY(add_place(view, error->point, error->simulator, text));
    M4S_TRY(m4s_text_add(text, ",%s,", error->metric));
    M4S_TRY(m4s_text_add_metric(text, error->metric, error->value));
    M4S_TRY(m4s_text_add(text, ","));
    M4S_TRY(m4s_text_add_metric(text, error->metric, error->reference));
    M4S_TRY(m4s_text_add(text, ","));
    M4S_TRY(m4s_text_add_fixed(text, error->error_percent, 6));
    M4S_TRY(m4s_text_add(text, "\n"));
  }
  return M4S_OK;
}

static m4s_status_t add_step(const m4s_distribution_t *item, const char *quantity, size_t step,
                             m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, "%s,", quantity));
  M4S_TRY(m4s_text_add_csv(text, item->series));
  M4S_TRY(m4s_text_add(text, ","));
  bool is_us = strncmp(quantity, "total_us", 8) == 0;
  M4S_TRY(m4s_text_add_fixed(text, item->ecdf.values[step], is_us ? 3 : 6));
  M4S_TRY(m4s_text_add(text, ",%.6f,", item->ecdf.probabilities[step]));
  return item->band == NULL
             ? m4s_text_add(text, ",\n")
             : m4s_text_add(text, "%.6f,%.6f\n", item->band[step].low, item->band[step].high);
}

m4s_status_t m4s_report_add_cdf_csv(const m4s_report_t *report, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, "quantity,series,value,probability,low95,high95\n"));
  for (size_t i = 0; i < report->distributions.n_items; i++) {
    const m4s_distribution_t *item = &report->distributions.items[i];
    const char *quantity = m4s_quantity_name(item->quantity, report->view.measure);
    for (size_t step = 0; step < item->ecdf.n_steps; step++) {
      M4S_TRY(add_step(item, quantity, step, text));
    }
  }
  return M4S_OK;
}
