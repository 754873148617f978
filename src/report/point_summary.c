#include "report/point_summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/contents.h"
#include "report/format.h"
#include "report/grid.h"
#include "stats/summary.h"

m4s_status_t m4s_slowdowns_make(const m4s_flow_record_t *records, int64_t n_records,
                                m4s_slowdowns_t *slowdowns_out) {
  double *slowdowns = calloc((size_t)n_records + 1, sizeof *slowdowns);
  double *sorted = NULL;
  size_t n = 0;
  if (slowdowns == NULL) {
    return m4s_fail_memory("slowdowns");
  }
  for (int64_t i = 0; i < n_records; i++) {
    if (records[i].fct_ns >= 0 && records[i].ideal_fct_ns > 0) {
      slowdowns[n++] = (double)records[i].fct_ns / (double)records[i].ideal_fct_ns;
    }
  }
  m4s_status_t status = m4s_samples_sort("slowdowns", slowdowns, n, &sorted);
  free(slowdowns);
  M4S_TRY(status);
  *slowdowns_out = (m4s_slowdowns_t){.n = n};
  if (n > 0) {
    slowdowns_out->p50 = m4s_quantile_of_sorted(sorted, n, 0.5);
    slowdowns_out->p90 = m4s_quantile_of_sorted(sorted, n, 0.9);
    slowdowns_out->p99 = m4s_quantile_of_sorted(sorted, n, 0.99);
    slowdowns_out->max = sorted[n - 1];
  }
  free(sorted);
  return M4S_OK;
}

// What the rows of the table are made from.
typedef struct {
  const m4s_report_t *report;
  const m4s_simulated_t *facts;
  size_t n_simulators;
  bool has_reference_column;
  m4s_text_list_t *cells;
} table_t;

static m4s_status_t add_cell(const table_t *table, double value, int n_decimals) {
  return m4s_text_list_add_format(table->cells, "%.*f", n_decimals, value);
}

// The reference's cell of a row that it knows nothing of.
static m4s_status_t end_row(const table_t *table) {
  return table->has_reference_column ? m4s_text_list_add(table->cells, "") : M4S_OK;
}

static m4s_status_t add_header(const table_t *table) {
  const m4s_report_t *report = table->report;
  M4S_TRY(m4s_text_list_add(table->cells, ""));
  for (size_t s = 0; s < table->n_simulators; s++) {
    M4S_TRY(m4s_text_list_add_format(table->cells, "%.24s", report->view.simulators.items[s]));
  }
  return table->has_reference_column
             ? m4s_text_list_add_format(table->cells, "%.24s", report->reference.name)
             : M4S_OK;
}

// The errors of a metric, where the reference has it.
static m4s_status_t add_errors(const table_t *table, const char *metric) {
  const m4s_report_t *report = table->report;
  double reference;
  if (!m4s_reference_value(&report->reference, 0, metric, &reference) || reference == 0 ||
      (report->reference.simulator >= 0 && table->n_simulators == 1)) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_list_add(table->cells, "  error [%]"));
  for (size_t s = 0; s < table->n_simulators; s++) {
    double value;
    bool known = m4s_row_value(m4s_view_row(&report->view, 0, s), metric, &value) &&
                 (int)s != report->reference.simulator;
    M4S_TRY(known ? m4s_text_list_add_format(table->cells, "%+.2f", 100 * (value / reference - 1))
                  : m4s_text_list_add(table->cells, ""));
  }
  return end_row(table);
}

// A metric in us, shown in ms, with its errors.
static m4s_status_t add_time(const table_t *table, const char *label, const char *metric) {
  const m4s_report_t *report = table->report;
  double value;
  M4S_TRY(m4s_text_list_add_format(table->cells, "%s [ms]", label));
  for (size_t s = 0; s < table->n_simulators; s++) {
    bool known = m4s_row_value(m4s_view_row(&report->view, 0, s), metric, &value);
    M4S_TRY(known ? add_cell(table, value / 1e3, 6) : m4s_text_list_add(table->cells, "-"));
  }
  if (!table->has_reference_column) {
    return add_errors(table, metric);
  }
  bool known = m4s_reference_value(&report->reference, 0, metric, &value);
  M4S_TRY(known ? add_cell(table, value / 1e3, 6) : m4s_text_list_add(table->cells, ""));
  return add_errors(table, metric);
}

static m4s_status_t add_layers(const table_t *table) {
  for (int layer = 1;; layer++) {
    char metric[32];
    char label[64];
    snprintf(metric, sizeof metric, "comm_%d_us", layer);
    snprintf(label, sizeof label, "  of layer %d, forward", layer);
    if (m4s_text_list_find(&table->report->view.metrics, metric) < 0) {
      return M4S_OK;
    }
    M4S_TRY(add_time(table, label, metric));
  }
}

// A metric that is a count.
static m4s_status_t add_count(const table_t *table, const char *label, const char *metric) {
  M4S_TRY(m4s_text_list_add(table->cells, label));
  for (size_t s = 0; s < table->n_simulators; s++) {
    double value;
    bool known = m4s_row_value(m4s_view_row(&table->report->view, 0, s), metric, &value);
    M4S_TRY(known ? add_cell(table, value, 0) : m4s_text_list_add(table->cells, "-"));
  }
  return end_row(table);
}

static m4s_status_t add_steps(const table_t *table) {
  bool any = false;
  for (size_t s = 0; s < table->n_simulators; s++) {
    any = any || table->facts[s].n_steps > 0;
  }
  if (!any) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_list_add(table->cells, "steps of the network"));
  for (size_t s = 0; s < table->n_simulators; s++) {
    bool known = table->facts[s].n_steps > 0;
    M4S_TRY(known ? add_cell(table, (double)table->facts[s].n_steps, 0)
                  : m4s_text_list_add(table->cells, "-"));
  }
  return end_row(table);
}

static m4s_status_t add_slowdown(const table_t *table, const char *label, size_t offset) {
  M4S_TRY(m4s_text_list_add(table->cells, label));
  for (size_t s = 0; s < table->n_simulators; s++) {
    const m4s_slowdowns_t *slowdowns = &table->facts[s].slowdowns;
    double value;
    memcpy(&value, (const char *)slowdowns + offset, sizeof value);
    M4S_TRY(slowdowns->n > 0 ? add_cell(table, value, 3) : m4s_text_list_add(table->cells, "-"));
  }
  return end_row(table);
}

// A metric that is a ratio or a rate, in its own unit.
static m4s_status_t add_ratio(const table_t *table, const char *label, const char *metric) {
  M4S_TRY(m4s_text_list_add(table->cells, label));
  for (size_t s = 0; s < table->n_simulators; s++) {
    double value;
    bool known = m4s_row_value(m4s_view_row(&table->report->view, 0, s), metric, &value);
    M4S_TRY(known ? add_cell(table, value, 3) : m4s_text_list_add(table->cells, "-"));
  }
  M4S_TRY(end_row(table));
  return add_errors(table, metric);
}

// The same of a load, where it is known.
static m4s_status_t add_load(const table_t *table, const char *label, const char *metric) {
  double value;
  bool known = false;
  for (size_t s = 0; s < table->n_simulators; s++) {
    known = known || m4s_row_value(m4s_view_row(&table->report->view, 0, s), metric, &value);
  }
  return known ? add_ratio(table, label, metric) : M4S_OK;
}

static m4s_status_t add_wall(const table_t *table) {
  M4S_TRY(m4s_text_list_add(table->cells, "wall time [s]"));
  for (size_t s = 0; s < table->n_simulators; s++) {
    M4S_TRY(add_cell(table, m4s_view_row(&table->report->view, 0, s)->wall_s, 3));
  }
  return end_row(table);
}

// Of traffic that is given flow by flow.
static m4s_status_t fill_flows(const table_t *table) {
  M4S_TRY(add_count(table, "flows", "flows"));
  M4S_TRY(add_load(table, "expected load of the most loaded link", "load_expected"));
  M4S_TRY(add_load(table, "  of the flows that were drawn", "load_realised"));
  M4S_TRY(add_load(table, "  standard deviation of that", "load_deviation"));
  M4S_TRY(add_load(table, "largest load of a link", "load_busiest"));
  M4S_TRY(add_time(table, "makespan", "makespan_us"));
  M4S_TRY(add_ratio(table, "throughput [Gb/s]", "throughput_gbps"));
  M4S_TRY(add_ratio(table, "slowdown of flows, mean", "slowdown_mean"));
  M4S_TRY(add_ratio(table, "slowdown of flows, p50", "slowdown_p50"));
  M4S_TRY(add_ratio(table, "slowdown of flows, p90", "slowdown_p90"));
  M4S_TRY(add_ratio(table, "slowdown of flows, p99", "slowdown_p99"));
  M4S_TRY(add_slowdown(table, "slowdown of flows, max", offsetof(m4s_slowdowns_t, max)));
  M4S_TRY(add_count(table, "events", "events"));
  M4S_TRY(add_steps(table));
  return add_wall(table);
}

static m4s_status_t fill(const table_t *table) {
  M4S_TRY(add_header(table));
  if (table->report->view.measure->of_flows) {
    return fill_flows(table);
  }
  M4S_TRY(add_time(table, "total time of rank 0", "total_us"));
  M4S_TRY(add_time(table, "exposed communication", "exposed_comm_us"));
  M4S_TRY(add_layers(table));
  M4S_TRY(add_time(table, "makespan", "makespan_us"));
  M4S_TRY(add_count(table, "flows", "flows"));
  M4S_TRY(add_slowdown(table, "slowdown of flows, p50", offsetof(m4s_slowdowns_t, p50)));
  M4S_TRY(add_slowdown(table, "  p90", offsetof(m4s_slowdowns_t, p90)));
  M4S_TRY(add_slowdown(table, "  p99", offsetof(m4s_slowdowns_t, p99)));
  M4S_TRY(add_slowdown(table, "  max", offsetof(m4s_slowdowns_t, max)));
  M4S_TRY(add_count(table, "events", "events"));
  M4S_TRY(add_steps(table));
  return add_wall(table);
}

// What the errors are against, or why there are none.
static m4s_status_t add_note(const m4s_report_t *report, m4s_text_t *text) {
  if (report->reference.name == NULL) {
    return m4s_text_add(text, "\nno reference: no errors\n");
  }
  bool known = report->reference.n_points_known > 0;
  if (report->reference.simulator >= 0 && report->view.simulators.n_items == 1) {
    return m4s_text_add(text, "\nno errors: %s is the reference\n", report->reference.name);
  }
  M4S_TRY(m4s_text_add(text, known ? "\nerrors are against " : "\nno errors: the reference, "));
  M4S_TRY(m4s_report_add_reference(report, text));
  M4S_TRY(m4s_text_add(text, known ? "\n" : ", does not have this point\n"));
  size_t length = text->length;
  M4S_TRY(m4s_report_add_unmatched(report, text));
  return text->length > length ? m4s_text_add(text, "\n") : M4S_OK;
}

static m4s_status_t add_heading(const m4s_report_t *report, m4s_text_t *text) {
  const char *name;
  json_t *value;
  const char *title = m4s_report_title(report);
  bool first = true;
  M4S_TRY(m4s_text_add(text, "%s\n", title == NULL ? "" : title));
  json_object_foreach(report->view.results->rows[0].axes, name, value) {
    M4S_TRY(m4s_text_add(text, "%s%s ", first ? "" : ", ", name));
    M4S_TRY(m4s_text_add_json(text, value));
    first = false;
  }
  return m4s_text_add(text, first ? "\n" : "\n\n");
}

m4s_status_t m4s_point_summary_add(const m4s_results_t *results, const m4s_simulated_t *facts,
                                   m4s_text_t *text) {
  m4s_report_t report;
  m4s_text_list_t cells = {0};
  M4S_TRY(m4s_report_make(results, NULL, &report));
  table_t table = {.report = &report,
                   .facts = facts,
                   .n_simulators = report.view.simulators.n_items,
                   .cells = &cells};
  table.has_reference_column =
      report.reference.simulator < 0 && report.reference.n_points_known > 0;
  m4s_status_t status = add_heading(&report, text);
  if (status == M4S_OK) {
    status = fill(&table);
  }
  if (status == M4S_OK) {
    status =
        m4s_text_add_grid(text, &cells, 1 + table.n_simulators + table.has_reference_column, 1);
  }
  if (status == M4S_OK) {
    status = m4s_report_add_caution_lines(&report, text);
  }
  if (status == M4S_OK) {
    status = add_note(&report, text);
  }
  m4s_text_list_clear(&cells);
  m4s_report_clear(&report);
  return status;
}
