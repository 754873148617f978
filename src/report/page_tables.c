// The tables of report.html.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/format.h"
#include "report/page.h"
#include "report/scores.h"

// Longer tables are cut; the CSV files have everything.
enum { MAX_PAGE_ROWS = 4000, MAX_AXIS_VALUES = 40 };

static m4s_status_t begin_table(m4s_text_t *text) {
  return m4s_text_add(text, "<div class=\"wide\"><table>\n<tr>");
}

static m4s_status_t end_table(m4s_text_t *text) { return m4s_text_add(text, "</table></div>\n"); }

// `classes`: "t" for text to the left, "w" for text that may be broken, "" for numbers.
static m4s_status_t add_cell(m4s_text_t *text, const char *element, const char *classes,
                             const char *plain) {
  M4S_TRY(m4s_text_add(text, classes[0] == '\0' ? "<%s>" : "<%s class=\"%s\">", element, classes));
  M4S_TRY(m4s_text_add_html(text, plain));
  return m4s_text_add(text, "</%s>", element);
}

static m4s_status_t add_json_cell(m4s_text_t *text, const json_t *value) {
  M4S_TRY(m4s_text_add(text, json_is_number(value) ? "<td>" : "<td class=\"t\">"));
  M4S_TRY(m4s_text_add_json_as(text, value, m4s_text_add_html));
  return m4s_text_add(text, "</td>");
}

static m4s_status_t add_axis_names(const m4s_view_t *view, m4s_text_t *text) {
  for (size_t a = 0; a < view->axes.n_items; a++) {
    M4S_TRY(add_cell(text, "th", "", view->axes.items[a]));
  }
  return M4S_OK;
}

static m4s_status_t add_axis_cells(const m4s_view_t *view, size_t point, m4s_text_t *text) {
  for (size_t a = 0; a < view->axes.n_items; a++) {
    M4S_TRY(add_json_cell(text, m4s_view_axis(view, point, view->axes.items[a])));
  }
  return M4S_OK;
}

// Adds the values of an axis to `values`, an object from their JSON text to them, in the order in
// which they come.
static m4s_status_t collect_values(const m4s_view_t *view, const char *axis, json_t *values) {
  for (size_t point = 0; point < view->n_points; point++) {
    const json_t *value = m4s_view_axis(view, point, axis);
    if (value == NULL) {
      continue;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    bool ok = text != NULL && (json_object_get(values, text) != NULL ||
                               json_object_set_new(values, text, json_deep_copy(value)) == 0);
    free(text);
    if (!ok) {
      return m4s_fail_memory("the page");
    }
  }
  return M4S_OK;
}

static m4s_status_t add_values(json_t *values, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, "<td>%zu</td><td class=\"w\">", json_object_size(values)));
  const char *key;
  json_t *value;
  size_t n = 0;
  json_object_foreach(values, key, value) {
    if (n++ == MAX_AXIS_VALUES) {
      M4S_TRY(m4s_text_add(text, ", …"));
      break;
    }
    M4S_TRY(m4s_text_add(text, "%s", n == 1 ? "" : ", "));
    M4S_TRY(m4s_text_add_json_as(text, value, m4s_text_add_html));
  }
  return m4s_text_add(text, "</td></tr>\n");
}

static m4s_status_t add_axis_row(const m4s_view_t *view, const char *axis, m4s_text_t *text) {
  json_t *values = json_object();
  m4s_status_t status =
      values == NULL ? m4s_fail_memory("the page") : collect_values(view, axis, values);
  if (status == M4S_OK) {
    status = m4s_text_add(text, "<tr>");
  }
  if (status == M4S_OK) {
    status = add_cell(text, "td", "t", axis);
  }
  if (status == M4S_OK) {
    status = add_values(values, text);
  }
  json_decref(values);
  return status;
}

m4s_status_t m4s_page_add_axes(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  if (view->axes.n_items == 0) {
    return m4s_text_add(text, "<p>One point, no axes.</p>\n");
  }
  M4S_TRY(begin_table(text));
  M4S_TRY(m4s_text_add(
      text, "<th class=\"t\">axis</th><th>number</th><th class=\"t\">values</th></tr>\n"));
  for (size_t a = 0; a < view->axes.n_items; a++) {
    M4S_TRY(add_axis_row(view, view->axes.items[a], text));
  }
  return end_table(text);
}

// A cell of a measure, or with scale 1e-3 of a time in us; empty where there is no value.
static m4s_status_t add_value_cell(double value, double scale, m4s_text_t *text) {
  return value > 0 ? m4s_text_add(text, "<td>%.3f</td>", value * scale)
                   : m4s_text_add(text, "<td></td>");
}

static m4s_status_t add_score_cell(bool known, const char *format, double value, m4s_text_t *text) {
  char cell[64] = "";
  if (known) {
    snprintf(cell, sizeof cell, format, value);
  }
  return m4s_text_add(text, "<td>%s</td>", cell);
}

static m4s_status_t add_score_row(const m4s_report_t *report, size_t s, m4s_text_t *text) {
  m4s_score_t score = m4s_score_make(report, s);
  bool is_reference = (int)s == report->reference.simulator;
  M4S_TRY(m4s_text_add(text, "<tr>"));
  M4S_TRY(add_cell(text, "td", "t", report->view.simulators.items[s]));
  if (report->flows.n_rows > 0) {
    M4S_TRY(add_score_cell(score.n_flows > 0, "%.2f", score.flow_mae_percent, text));
    M4S_TRY(add_score_cell(score.n_flows > 0, "%.2f", score.flow_p90_percent, text));
  }
  M4S_TRY(add_score_cell(score.n_points > 0, "%.2f", score.mae_percent, text));
  M4S_TRY(add_score_cell(score.n_points > 0, "%.2f", score.p90_percent, text));
  if (m4s_scores_have_speed(report)) {
    M4S_TRY(add_score_cell(score.n_timed > 0, "%.3f", score.wall_s, text));
    M4S_TRY(is_reference ? m4s_text_add(text, "<td>reference</td>")
                         : add_score_cell(score.n_timed > 0, "%.3g\xc3\x97", score.speed_up, text));
  }
  return m4s_text_add(text, "</tr>\n");
}

m4s_status_t m4s_page_add_scores(const m4s_report_t *report, m4s_text_t *text) {
  bool has_speed = m4s_scores_have_speed(report);
  const char *short_title = report->view.measure->short_title;
  if (report->errors.n_rows == 0 && !has_speed) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(text, "<h2>Simulators side by side</h2>\n<p>Against "));
  M4S_TRY(m4s_text_add_html(text, report->reference.name));
  M4S_TRY(m4s_text_add(text, ".</p>\n"));
  M4S_TRY(begin_table(text));
  M4S_TRY(m4s_text_add(text, "<th class=\"t\">simulator</th>"));
  if (report->flows.n_rows > 0) {
    M4S_TRY(m4s_text_add(text, "<th>flow error, mean %%</th><th>p90 %%</th>"));
  }
  M4S_TRY(m4s_text_add(text, "<th>%s error, mean %%</th><th>p90 %%</th>%s</tr>\n", short_title,
                       has_speed ? "<th>wall time [s]</th><th>speed-up</th>" : ""));
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    M4S_TRY(add_score_row(report, s, text));
  }
  M4S_TRY(end_table(text));
  return m4s_text_add(text,
                      "<p class=\"note\">Magnitudes of errors: %sof the %s over points. %sThe "
                      "same: <code>simulators.csv</code>.</p>\n",
                      report->flows.n_rows > 0 ? "of single flows\xe2\x80\x99 slowdowns, and " : "",
                      short_title,
                      has_speed ? "Wall time and speed-up over the reference: at the points that "
                                  "both have. "
                                : "");
}

// Whether makespans stand in a column of their own.
static bool has_makespan(const m4s_report_t *report) {
  return m4s_text_list_find(&report->view.metrics, "makespan_us") >= 0 &&
         !report->view.measure->of_loops;
}

static m4s_status_t add_totals_header(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_measure_t *measure = report->view.measure;
  bool slowdowns = measure->of_flows && !measure->of_loops;
  return m4s_text_add(
      text, "<th class=\"t\">simulator</th><th>ok</th><th>failed</th><th>missing</th>%s%s</tr>\n",
      slowdowns           ? "<th>least p99 slowdown</th><th>largest p99 slowdown</th>"
      : measure->of_loops ? "<th>shortest makespan [ms]</th><th>longest makespan [ms]</th>"
                          : "<th>shortest [ms]</th><th>longest [ms]</th>",
      !has_makespan(report) ? ""
      : slowdowns           ? "<th>longest makespan [ms]</th>"
                            : "<th>longest of all ranks [ms]</th>");
}

static m4s_status_t add_totals_note(const m4s_report_t *report, m4s_text_t *text) {
  if (report->view.measure->of_loops) {
    return m4s_text_add(text,
                        "<p class=\"note\">Makespan: when the last flow of a point was complete; "
                        "flows wait for others before they start.</p>\n");
  }
  if (report->view.measure->of_flows) {
    return m4s_text_add(text,
                        "<p class=\"note\">Slowdown: FCT over ideal FCT; p99 over the flows of a "
                        "point, of which the least and the largest.</p>\n");
  }
  return m4s_text_add(
      text, "<p class=\"note\">Total completion times of rank 0%s.</p>\n",
      has_makespan(report) ? "; last, the longest makespan, when all ranks are done" : "");
}

m4s_status_t m4s_page_add_totals(const m4s_report_t *report, m4s_text_t *text) {
  if (!m4s_report_has_results(report)) {
    M4S_TRY(m4s_text_add(text, "<p>No point succeeded.</p>\n"));
  }
  double scale = report->view.measure->scale;
  M4S_TRY(begin_table(text));
  M4S_TRY(add_totals_header(report, text));
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    m4s_simulator_facts_t facts = m4s_report_simulator_facts(report, s);
    M4S_TRY(m4s_text_add(text, "<tr>"));
    M4S_TRY(add_cell(text, "td", "t", report->view.simulators.items[s]));
    M4S_TRY(m4s_text_add(text, "<td>%zu</td><td%s>%zu</td><td>%zu</td>", facts.n_ok,
                         facts.n_failed > 0 ? " class=\"bad\"" : "", facts.n_failed,
                         facts.n_missing));
    M4S_TRY(add_value_cell(facts.min, scale, text));
    M4S_TRY(add_value_cell(facts.max, scale, text));
    if (has_makespan(report)) {
      M4S_TRY(add_value_cell(facts.max_makespan_us, 1e-3, text));
    }
    M4S_TRY(m4s_text_add(text, "</tr>\n"));
  }
  M4S_TRY(end_table(text));
  return add_totals_note(report, text);
}

// A paragraph; nothing without words.
static m4s_status_t add_warning(const m4s_text_t *words, m4s_text_t *text) {
  if (words->length == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(text, "<p><b>Warning:</b> "));
  M4S_TRY(m4s_text_add_html(text, words->bytes));
  return m4s_text_add(text, ".</p>\n");
}

// Warns of what `add` says.
static m4s_status_t add_warning_of(const m4s_report_t *report,
                                   m4s_status_t (*add)(const m4s_report_t *report,
                                                       m4s_text_t *words),
                                   m4s_text_t *text) {
  m4s_text_t words = {0};
  m4s_status_t status = add(report, &words);
  if (status == M4S_OK) {
    status = add_warning(&words, text);
  }
  m4s_text_clear(&words);
  return status;
}

// Files of points that could not be read; of several all of them, folded away.
static m4s_status_t add_unreadable(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_text_list_t *unreadable = &report->unreadable;
  M4S_TRY(add_warning_of(report, m4s_report_add_unreadable, text));
  if (unreadable->n_items < 2) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(text, "<details><summary>Files that are left out</summary>\n<pre>"));
  for (size_t i = 0; i < unreadable->n_items; i++) {
    M4S_TRY(m4s_text_add_html(text, unreadable->items[i]));
    M4S_TRY(m4s_text_add(text, "\n"));
  }
  return m4s_text_add(text, "</pre></details>\n");
}

static m4s_status_t add_reference_note(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_reference_t *reference = &report->reference;
  M4S_TRY(m4s_text_add(text, "<p>Reference: <b>"));
  M4S_TRY(m4s_text_add_html(text, reference->name));
  M4S_TRY(m4s_text_add(text, "</b>%s", reference->source == NULL ? " of this sweep" : " of "));
  if (reference->source != NULL) {
    M4S_TRY(m4s_text_add(text, "<code>"));
    M4S_TRY(m4s_text_add_html(text, reference->source));
    M4S_TRY(m4s_text_add(text, "</code>"));
  }
  M4S_TRY(m4s_text_add(text, ", which has %zu of the %zu points. ", reference->n_points_known,
                       report->view.n_points));
  M4S_TRY(m4s_report_add_compared(report, text));
  M4S_TRY(m4s_text_add(text, "</p>\n"));
  return add_warning_of(report, m4s_report_add_unmatched, text);
}

static m4s_status_t add_estimate(double value, bool has_interval, const m4s_interval_t *interval,
                                 m4s_text_t *text) {
  return has_interval ? m4s_text_add(text, "<td>%.2f <span class=\"ci\">[%.2f, %.2f]</span></td>",
                                     value, interval->low, interval->high)
                      : m4s_text_add(text, "<td>%.2f</td>", value);
}

static m4s_status_t add_error_row(const m4s_report_t *report, const m4s_error_row_t *row,
                                  m4s_text_t *text) {
  const m4s_error_summary_t *summary = &row->summary;
  M4S_TRY(m4s_text_add(text, "<tr>"));
  M4S_TRY(add_cell(text, "td", "t", report->view.simulators.items[row->simulator]));
  M4S_TRY(add_cell(text, "td", "t", row->metric));
  M4S_TRY(m4s_text_add(text, "<td>%zu</td>", summary->n));
  bool known = row->intervals.known;
  M4S_TRY(add_estimate(summary->mae, known, &row->intervals.mean, text));
  M4S_TRY(add_estimate(summary->median_abs, known, &row->intervals.median, text));
  return m4s_text_add(text, "<td>%.2f</td><td>%.2f</td><td>%.2f</td><td>%+.2f</td></tr>\n",
                      summary->p90_abs, summary->p95_abs, summary->max_abs, summary->mean_signed);
}

static m4s_status_t begin_error_table(m4s_text_t *text) {
  M4S_TRY(begin_table(text));
  return m4s_text_add(text,
                      "<th class=\"t\">simulator</th><th class=\"t\">metric</th><th>points</th>"
                      "<th>mean |error| %%</th><th>median |error| %%</th><th>p90 %%</th>"
                      "<th>p95 %%</th><th>max %%</th><th>mean error %%</th></tr>\n");
}

// Whether a metric is of flows of a size ("slowdown_p99_le_1kb").
static bool is_of_size(const char *metric) {
  static const char slowdown[] = "slowdown_";
  size_t n = strlen(slowdown);
  return strncmp(metric, slowdown, n) == 0 && strchr(metric + n, '_') != NULL;
}

static m4s_status_t add_error_rows(const m4s_report_t *report, bool of_sizes, m4s_text_t *text) {
  for (size_t i = 0; i < report->errors.n_rows; i++) {
    if (is_of_size(report->errors.rows[i].metric) == of_sizes) {
      M4S_TRY(add_error_row(report, &report->errors.rows[i], text));
    }
  }
  return M4S_OK;
}

// Folded away, as there are many.
static m4s_status_t add_errors_by_size(const m4s_report_t *report, m4s_text_t *text) {
  bool any = false;
  for (size_t i = 0; i < report->errors.n_rows; i++) {
    any = any || is_of_size(report->errors.rows[i].metric);
  }
  if (!any) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(text, "<details><summary>Errors by flow size</summary>\n"));
  M4S_TRY(begin_error_table(text));
  M4S_TRY(add_error_rows(report, true, text));
  M4S_TRY(end_table(text));
  return m4s_text_add(text, "</details>\n");
}

static m4s_status_t add_cautions(const m4s_report_t *report, m4s_text_t *text) {
  m4s_status_t status = M4S_OK;
  for (size_t s = 0; status == M4S_OK && s < report->view.simulators.n_items; s++) {
    m4s_text_t words = {0};
    status = m4s_report_add_cautions(report, s, &words);
    if (status == M4S_OK) {
      status = add_warning(&words, text);
    }
    m4s_text_clear(&words);
  }
  return status;
}

m4s_status_t m4s_page_add_errors(const m4s_report_t *report, m4s_text_t *text) {
  M4S_TRY(add_cautions(report, text));
  M4S_TRY(add_unreadable(report, text));
  if (report->reference.name == NULL) {
    return m4s_text_add(text, "<p>No reference was given, so there are no errors.</p>\n");
  }
  M4S_TRY(add_reference_note(report, text));
  const char *nothing = m4s_report_nothing_compared(report);
  if (nothing != NULL) {
    return m4s_text_add(text, "<p>No errors: %s.</p>\n", nothing);
  }
  M4S_TRY(begin_error_table(text));
  for (size_t i = 0; i < report->flows.n_rows; i++) {
    M4S_TRY(add_error_row(report, &report->flows.rows[i], text));
  }
  M4S_TRY(add_error_rows(report, false, text));
  M4S_TRY(end_table(text));
  if (report->flows.n_rows > 0) {
    M4S_TRY(m4s_text_add(text,
                         "<p class=\"note\"><code>flow_slowdown</code>: single flows, whose number "
                         "stands in place of that of points; for the intervals points are drawn, "
                         "each with all its flows. By point: <code>flow_errors.csv</code>.</p>\n"));
  }
  M4S_TRY(add_errors_by_size(report, text));
  return m4s_text_add(
      text,
      "<p class=\"note\">Errors are relative: value / reference − 1. In brackets: "
      "95 %% intervals by the percentile bootstrap over points (%d resamples), too narrow with "
      "fewer than about ten. A metric is compared at "
      "the points where every simulator has it; all points: "
      "<code>point_errors.csv</code>.</p>\n",
      M4S_BOOTSTRAP_RESAMPLES);
}

static m4s_status_t summarize_wall(const m4s_report_t *report, size_t simulator,
                                   m4s_summary_t *summary_out) {
  double *samples = calloc(report->view.n_points + 1, sizeof *samples);
  if (samples == NULL) {
    return m4s_fail_memory("the run times");
  }
  size_t n = 0;
  for (size_t point = 0; point < report->view.n_points; point++) {
    n += m4s_row_value(m4s_view_row(&report->view, point, simulator), "wall_s", &samples[n]);
  }
  m4s_status_t status = m4s_summary_make("wall_s", samples, n, summary_out);
  free(samples);
  return status;
}

m4s_status_t m4s_page_add_run_times(const m4s_report_t *report, m4s_text_t *text) {
  M4S_TRY(begin_table(text));
  M4S_TRY(m4s_text_add(text,
                       "<th class=\"t\">simulator</th><th>points</th><th>all points [s]</th>"
                       "<th>mean [s]</th><th>median [s]</th><th>p95 [s]</th><th>max [s]</th>"
                       "</tr>\n"));
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    m4s_summary_t summary = {0};
    M4S_TRY(summarize_wall(report, s, &summary));
    M4S_TRY(m4s_text_add(text, "<tr>"));
    M4S_TRY(add_cell(text, "td", "t", report->view.simulators.items[s]));
    if (summary.n == 0) {
      M4S_TRY(m4s_text_add(text, "<td>0</td><td></td><td></td><td></td><td></td><td></td></tr>\n"));
      continue;
    }
    M4S_TRY(m4s_text_add(text,
                         "<td>%zu</td><td>%.2f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td>"
                         "<td>%.3f</td></tr>\n",
                         summary.n, summary.mean * (double)summary.n, summary.mean, summary.median,
                         summary.p95, summary.max));
  }
  M4S_TRY(end_table(text));
  return m4s_text_add(text,
                      "<p class=\"note\">Wall time of the points that succeeded, each on one "
                      "worker.</p>\n");
}

static m4s_status_t add_failure(const m4s_view_t *view, size_t point, const m4s_result_row_t *row,
                                m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, "<tr>"));
  M4S_TRY(add_cell(text, "td", "t", row->case_id));
  M4S_TRY(add_cell(text, "td", "t", row->simulator));
  M4S_TRY(add_axis_cells(view, point, text));
  M4S_TRY(add_cell(text, "td", "w", row->reason == NULL ? "" : row->reason));
  return m4s_text_add(text, "</tr>\n");
}

m4s_status_t m4s_page_add_failures(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  size_t n = 0;
  for (size_t point = 0; point < view->n_points; point++) {
    for (size_t s = 0; s < view->simulators.n_items; s++) {
      const m4s_result_row_t *row = m4s_view_row(view, point, s);
      if (row == NULL || row->status != M4S_ROW_FAILED || n++ >= MAX_PAGE_ROWS) {
        continue;
      }
      if (n == 1) {
        M4S_TRY(begin_table(text));
        M4S_TRY(m4s_text_add(text, "<th class=\"t\">case</th><th class=\"t\">simulator</th>"));
        M4S_TRY(add_axis_names(view, text));
        M4S_TRY(m4s_text_add(text, "<th class=\"t\">reason</th></tr>\n"));
      }
      M4S_TRY(add_failure(view, point, row, text));
    }
  }
  if (n == 0) {
    return m4s_text_add(text, "<p>None.</p>\n");
  }
  M4S_TRY(end_table(text));
  return n <= MAX_PAGE_ROWS
             ? M4S_OK
             : m4s_text_add(text, "<p class=\"note\">The first %d of %zu.</p>\n", MAX_PAGE_ROWS, n);
}

static m4s_status_t add_point_row(const m4s_view_t *view, size_t point, const m4s_result_row_t *row,
                                  m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, "<tr>"));
  M4S_TRY(add_axis_cells(view, point, text));
  M4S_TRY(add_cell(text, "td", "t", row->simulator));
  M4S_TRY(add_cell(text, "td", row->status == M4S_ROW_FAILED ? "t bad" : "t",
                   m4s_row_status_names[row->status]));
  for (size_t m = 0; m < view->metrics.n_items; m++) {
    double value;
    M4S_TRY(m4s_text_add(text, "<td>"));
    if (m4s_row_value(row, view->metrics.items[m], &value)) {
      M4S_TRY(m4s_text_add_metric(text, view->metrics.items[m], value));
    }
    M4S_TRY(m4s_text_add(text, "</td>"));
  }
  M4S_TRY(row->status == M4S_ROW_MISSING ? m4s_text_add(text, "<td>")
                                         : m4s_text_add(text, "<td>%.3f", row->wall_s));
  return m4s_text_add(text, "</td></tr>\n");
}

static m4s_status_t add_point_header(const m4s_view_t *view, m4s_text_t *text) {
  M4S_TRY(begin_table(text));
  M4S_TRY(add_axis_names(view, text));
  M4S_TRY(m4s_text_add(text, "<th class=\"t\">simulator</th><th class=\"t\">status</th>"));
  for (size_t m = 0; m < view->metrics.n_items; m++) {
    M4S_TRY(add_cell(text, "th", "", view->metrics.items[m]));
  }
  return m4s_text_add(text, "<th>wall_s</th></tr>\n");
}

// What the columns of the points mean.
static m4s_status_t add_glossary(const m4s_view_t *view, m4s_text_t *text) {
  static const struct {
    const char *name, *metric, *meaning;
  } entries[] = {
      {"total_us", "total_us", "when rank 0 was done"},
      {"exposed_comm_us", "exposed_comm_us", "total_us less rank 0's compute time"},
      {"comm_K_us", "comm_1_us",
       "how long rank 0 stood still for the forward collective of layer K"},
      {"flows", "flows", "flows that were simulated"},
      {"makespan_us", "makespan_us", "when all was done"},
      {"throughput_gbps", "throughput_gbps",
       "application bytes from the first start to the last completion"},
      {"load_expected", "load_expected", "of the link that the mix is to load most"},
      {"load_realised", "load_realised", "of that link, by the flows that were drawn"},
      {"load_deviation", "load_deviation", "standard deviation of load_realised"},
      {"load_busiest", "load_busiest", "of the link that the flows load most"},
      {"slowdown_…", "slowdown_p99",
       "FCT over ideal FCT, of all flows and by size (_le_1kb: up to 1 kB)"},
      {"events", "events", "events that the simulator processed"},
      {"wall_s", NULL, "how long the simulation of the point took, in seconds"},
  };
  M4S_TRY(m4s_text_add(text, "<p class=\"note\">"));
  bool first = true;
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
    const char *metric = entries[i].metric;
    if (metric == NULL || m4s_text_list_find(&view->metrics, metric) >= 0) {
      M4S_TRY(m4s_text_add(text, "%s<code>%s</code>: %s", first ? "" : "; ", entries[i].name,
                           entries[i].meaning));
      first = false;
    }
  }
  return m4s_text_add(text, ". Names that end in _us are in microseconds.</p>\n");
}

m4s_status_t m4s_page_add_points(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  size_t n = 0;
  M4S_TRY(m4s_text_add(text,
                       "<details><summary>Show the table (<code>summary.csv</code>)"
                       "</summary>\n"));
  M4S_TRY(add_point_header(view, text));
  for (size_t point = 0; point < view->n_points; point++) {
    for (size_t s = 0; s < view->simulators.n_items; s++) {
      const m4s_result_row_t *row = m4s_view_row(view, point, s);
      if (row != NULL && n++ < MAX_PAGE_ROWS) {
        M4S_TRY(add_point_row(view, point, row, text));
      }
    }
  }
  M4S_TRY(end_table(text));
  if (n > MAX_PAGE_ROWS) {
    M4S_TRY(
        m4s_text_add(text, "<p class=\"note\">The first %d of %zu rows.</p>\n", MAX_PAGE_ROWS, n));
  }
  M4S_TRY(m4s_text_add(text, "</details>\n"));
  return add_glossary(view, text);
}
