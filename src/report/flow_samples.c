#include "report/flow_samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "flow/flow.h"

typedef struct {
  m4s_flow_record_t *records;  // owned; NULL: none
  size_t n;
} flows_t;

typedef struct {
  const m4s_view_t *view;
  const m4s_reference_t *reference;
  bool *takes_part;  // owned, [n_simulators]: whether there are flows of it at any point
  flows_t *flows;  // owned, [n_simulators]: of the point at hand
  m4s_text_list_t *unreadable;
  m4s_flow_samples_t *samples;
} maker_t;

static void find_simulators(const maker_t *maker) {
  for (size_t s = 0; s < maker->view->simulators.n_items; s++) {
    for (size_t point = 0; point < maker->view->n_points && !maker->takes_part[s]; point++) {
      char *path = m4s_view_file(maker->view, point, s, "flows.npy");
      maker->takes_part[s] = path != NULL;
      free(path);
    }
  }
}

static void clear_flows(const maker_t *maker) {
  for (size_t s = 0; s < maker->view->simulators.n_items; s++) {
    free(maker->flows[s].records);
    maker->flows[s] = (flows_t){0};
  }
}

static bool are_same(const flows_t *a, const flows_t *b) {
  bool same = a->n == b->n;
  for (size_t i = 0; same && i < a->n; i++) {
    const m4s_flow_record_t *x = &a->records[i];
    const m4s_flow_record_t *y = &b->records[i];
    same = x->src == y->src && x->dst == y->dst && x->size_bytes == y->size_bytes &&
           x->ideal_fct_ns == y->ideal_fct_ns;
  }
  return same;
}

static bool are_whole(const flows_t *flows) {
  bool whole = true;
  for (size_t i = 0; i < flows->n; i++) {
    whole = whole && flows->records[i].fct_ns > 0 && flows->records[i].ideal_fct_ns > 0;
  }
  return whole;
}

// Reads the flows of a point. *counts_out: all that take part have the same ones.
static m4s_status_t read_point(const maker_t *maker, size_t point, bool *counts_out) {
  const flows_t *first = NULL;
  *counts_out = true;
  for (size_t s = 0; *counts_out && s < maker->view->simulators.n_items; s++) {
    if (!maker->takes_part[s]) {
      continue;
    }
    char *path = m4s_view_file(maker->view, point, s, "flows.npy");
    flows_t *flows = &maker->flows[s];
    m4s_status_t status =
        path == NULL ? M4S_OK : m4s_flow_records_read(path, &flows->records, &flows->n);
    *counts_out = path != NULL && status == M4S_OK;
    free(path);
    M4S_TRY(m4s_view_pass_over(status, maker->unreadable));
    first = first == NULL ? flows : first;
    *counts_out = *counts_out && are_whole(flows) && are_same(first, flows);
  }
  *counts_out = *counts_out && first != NULL && first->n > 0;
  return M4S_OK;
}

static m4s_status_t grow(double **values, size_t n) {
  double *grown = realloc(*values, (n + 1) * sizeof *grown);
  if (grown == NULL) {
    return m4s_fail_memory("the flows");
  }
  *values = grown;
  return M4S_OK;
}

static m4s_status_t add_slowdowns(const flows_t *flows, m4s_flow_series_t *series) {
  M4S_TRY(grow(&series->slowdowns, series->n + flows->n));
  for (size_t i = 0; i < flows->n; i++) {
    const m4s_flow_record_t *record = &flows->records[i];
    series->slowdowns[series->n + i] = (double)record->fct_ns / (double)record->ideal_fct_ns;
  }
  return M4S_OK;
}

// The flows have the same ideal FCTs.
static m4s_status_t add_errors(const maker_t *maker, size_t point, size_t simulator) {
  m4s_flow_samples_t *samples = maker->samples;
  const flows_t *flows = &maker->flows[simulator];
  const flows_t *reference = &maker->flows[maker->reference->simulator];
  m4s_flow_series_t *series = &samples->series[simulator];
  M4S_TRY(grow(&series->errors_percent, series->n + flows->n));
  double *errors = series->errors_percent + series->n;
  for (size_t i = 0; i < flows->n; i++) {
    errors[i] = 100 * ((double)flows->records[i].fct_ns / (double)reference->records[i].fct_ns - 1);
  }
  m4s_flow_error_t *error = &samples->points[samples->n_points];
  *error = (m4s_flow_error_t){.point = point, .simulator = simulator};
  M4S_TRY(m4s_error_summary_make("errors of flows", errors, flows->n, &error->summary));
  samples->n_points++;
  return M4S_OK;
}

static m4s_status_t add_point(const maker_t *maker, size_t point) {
  int reference = maker->reference->simulator;
  bool has_errors = reference >= 0 && maker->takes_part[reference];
  for (size_t s = 0; s < maker->view->simulators.n_items; s++) {
    if (!maker->takes_part[s]) {
      continue;
    }
    m4s_flow_series_t *series = &maker->samples->series[s];
    M4S_TRY(add_slowdowns(&maker->flows[s], series));
    if (has_errors && (int)s != reference) {
      M4S_TRY(add_errors(maker, point, s));
    }
    series->n += maker->flows[s].n;
    maker->samples->point_ends[maker->samples->n_counted] = series->n;
  }
  maker->samples->n_counted++;
  return M4S_OK;
}

static m4s_status_t make_intervals(const maker_t *maker, m4s_error_row_t *row) {
  const m4s_flow_samples_t *samples = maker->samples;
  const m4s_flow_series_t *series = &samples->series[row->simulator];
  double *magnitudes = calloc(series->n + 1, sizeof *magnitudes);
  if (magnitudes == NULL) {
    return m4s_fail_memory("the flows");
  }
  for (size_t i = 0; i < series->n; i++) {
    magnitudes[i] = fabs(series->errors_percent[i]);
  }
  char name[160];
  snprintf(name, sizeof name, "errors of flows of %.80s",
           maker->view->simulators.items[row->simulator]);
  m4s_grouped_samples_t grouped = m4s_flow_samples_group(samples, row->simulator, magnitudes);
  m4s_status_t status = m4s_bootstrap_make_grouped(name, &grouped, &row->intervals);
  free(magnitudes);
  return status;
}

static m4s_status_t sum_up(const maker_t *maker) {
  m4s_flow_samples_t *samples = maker->samples;
  for (size_t s = 0; s < samples->n_simulators; s++) {
    const m4s_flow_series_t *series = &samples->series[s];
    if (series->errors_percent == NULL) {
      continue;
    }
    m4s_error_row_t *row = &samples->rows[samples->n_rows];
    *row = (m4s_error_row_t){.simulator = s, .metric = "flow_slowdown", .n_known = series->n};
    M4S_TRY(m4s_error_summary_make("errors of flows", series->errors_percent, series->n,
                                   &row->summary));
    M4S_TRY(make_intervals(maker, row));
    samples->n_rows++;
  }
  return M4S_OK;
}

static m4s_status_t collect(const maker_t *maker) {
  size_t n_skipped = 0;
  find_simulators(maker);
  for (size_t point = 0; point < maker->view->n_points; point++) {
    bool counts;
    m4s_status_t status = read_point(maker, point, &counts);
    n_skipped += status == M4S_OK && !counts;
    if (status == M4S_OK && counts) {
      status = add_point(maker, point);
    }
    clear_flows(maker);
    M4S_TRY(status);
  }
  if (n_skipped > 0 && n_skipped < maker->view->n_points) {
    m4s_log(M4S_LOG_INFO, "single flows are compared at %zu of %zu points: the others lack some",
            maker->view->n_points - n_skipped, maker->view->n_points);
  }
  return sum_up(maker);
}

m4s_status_t m4s_flow_samples_make(const m4s_view_t *view, const m4s_reference_t *reference,
                                   m4s_text_list_t *unreadable, m4s_flow_samples_t *samples_out) {
  size_t n = view->simulators.n_items;
  if (!view->measure->of_flows) {
    *samples_out = (m4s_flow_samples_t){0};
    return M4S_OK;
  }
  m4s_flow_samples_t samples = {.series = calloc(n + 1, sizeof *samples.series),
                                .n_simulators = n,
                                .point_ends = calloc(view->n_points + 1, sizeof(size_t)),
                                .points = calloc(view->n_points * n + 1, sizeof *samples.points),
                                .rows = calloc(n + 1, sizeof *samples.rows)};
  maker_t maker = {.view = view,
                   .reference = reference,
                   .takes_part = calloc(n + 1, sizeof *maker.takes_part),
                   .flows = calloc(n + 1, sizeof *maker.flows),
                   .unreadable = unreadable,
                   .samples = &samples};
  bool ok = samples.series != NULL && samples.point_ends != NULL && samples.points != NULL &&
            samples.rows != NULL && maker.takes_part != NULL && maker.flows != NULL;
  m4s_status_t status = ok ? collect(&maker) : m4s_fail_memory("the flows");
  free(maker.takes_part);
  free(maker.flows);
  if (status != M4S_OK) {
    m4s_flow_samples_clear(&samples);
    return status;
  }
  *samples_out = samples;
  return M4S_OK;
}

void m4s_flow_samples_clear(m4s_flow_samples_t *samples) {
  for (size_t s = 0; samples->series != NULL && s < samples->n_simulators; s++) {
    free(samples->series[s].slowdowns);
    free(samples->series[s].errors_percent);
  }
  free(samples->series);
  free(samples->point_ends);
  free(samples->points);
  free(samples->rows);
  *samples = (m4s_flow_samples_t){0};
}

m4s_grouped_samples_t m4s_flow_samples_group(const m4s_flow_samples_t *samples, size_t simulator,
                                             const double *values) {
  return (m4s_grouped_samples_t){.samples = values,
                                 .n = samples->series[simulator].n,
                                 .group_ends = samples->point_ends,
                                 .n_groups = samples->n_counted};
}

const m4s_error_row_t *m4s_flow_samples_find(const m4s_flow_samples_t *samples, size_t simulator) {
  for (size_t i = 0; i < samples->n_rows; i++) {
    if (samples->rows[i].simulator == simulator) {
      return &samples->rows[i];
    }
  }
  return NULL;
}
