#include "report/errors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/format.h"

static void add_point_errors(const m4s_view_t *view, const m4s_reference_t *reference, size_t point,
                             size_t simulator, m4s_errors_t *errors) {
  const m4s_result_row_t *row = m4s_view_row(view, point, simulator);
  for (size_t m = 0; m < view->metrics.n_items; m++) {
    int known = m4s_text_list_find(&reference->metrics, view->metrics.items[m]);
    if (known < 0) {
      continue;
    }
    const char *metric = reference->metrics.items[known];
    m4s_point_error_t *error = &errors->points[errors->n_points];
    if (m4s_metric_is_compared(metric) && m4s_row_value(row, metric, &error->value) &&
        m4s_reference_value(reference, point, metric, &error->reference) && error->reference > 0) {
      error->point = point;
      error->simulator = simulator;
      error->metric = metric;
      error->error_percent = 100 * (error->value / error->reference - 1);
      errors->n_points++;
    }
  }
}

// Whether errors of this simulator make sense: all but the reference itself.
static bool is_compared(const m4s_reference_t *reference, size_t simulator) {
  return (int)simulator != reference->simulator;
}

typedef struct {
  size_t n_metrics;
  bool *has_any;  // [n_simulators, n_metrics]: whether the simulator has an error at any point
  size_t *n_errors;  // [n_points, n_metrics]
} coverage_t;

static size_t metric_of(const m4s_reference_t *reference, const m4s_point_error_t *error) {
  return (size_t)m4s_text_list_find(&reference->metrics, error->metric);
}

static void mark(const m4s_view_t *view, const m4s_reference_t *reference,
                 const coverage_t *coverage, m4s_errors_t *errors) {
  for (size_t i = 0; i < errors->n_points; i++) {
    const m4s_point_error_t *error = &errors->points[i];
    size_t metric = metric_of(reference, error);
    coverage->has_any[error->simulator * coverage->n_metrics + metric] = true;
    coverage->n_errors[error->point * coverage->n_metrics + metric]++;
  }
  for (size_t i = 0; i < errors->n_points; i++) {
    m4s_point_error_t *error = &errors->points[i];
    size_t metric = metric_of(reference, error);
    size_t n_wanted = 0;
    for (size_t s = 0; s < view->simulators.n_items; s++) {
      n_wanted += coverage->has_any[s * coverage->n_metrics + metric];
    }
    error->common = coverage->n_errors[error->point * coverage->n_metrics + metric] == n_wanted;
  }
}

static m4s_status_t mark_common(const m4s_view_t *view, const m4s_reference_t *reference,
                                m4s_errors_t *errors) {
  size_t n_metrics = reference->metrics.n_items;
  coverage_t coverage = {.n_metrics = n_metrics};
  coverage.has_any = calloc(view->simulators.n_items * n_metrics + 1, sizeof *coverage.has_any);
  coverage.n_errors = calloc(view->n_points * n_metrics + 1, sizeof *coverage.n_errors);
  bool ok = coverage.has_any != NULL && coverage.n_errors != NULL;
  if (ok) {
    mark(view, reference, &coverage, errors);
  }
  free(coverage.has_any);
  free(coverage.n_errors);
  return ok ? M4S_OK : m4s_fail_memory("the errors");
}

static m4s_status_t make_row(const m4s_view_t *view, const m4s_errors_t *errors, double *magnitudes,
                             m4s_error_row_t *row) {
  size_t n = 0;
  for (size_t i = 0; i < errors->n_points; i++) {
    const m4s_point_error_t *error = &errors->points[i];
    if (error->simulator == row->simulator && error->metric == row->metric) {
      row->n_known++;
      if (error->common) {
        magnitudes[n++] = error->error_percent;
      }
    }
  }
  char name[160];
  snprintf(name, sizeof name, "errors of %.80s in %.40s", view->simulators.items[row->simulator],
           row->metric);
  M4S_TRY(m4s_error_summary_make(name, magnitudes, n, &row->summary));
  for (size_t i = 0; i < n; i++) {
    magnitudes[i] = fabs(magnitudes[i]);
  }
  return m4s_bootstrap_make(name, magnitudes, n, &row->intervals);
}

static m4s_status_t make_rows(const m4s_view_t *view, const m4s_reference_t *reference,
                              m4s_errors_t *errors) {
  double *magnitudes = calloc(errors->n_points + 1, sizeof *magnitudes);
  if (magnitudes == NULL) {
    return m4s_fail_memory("the errors");
  }
  m4s_status_t status = M4S_OK;
  for (size_t s = 0; s < view->simulators.n_items; s++) {
    for (size_t m = 0; status == M4S_OK && m < view->metrics.n_items; m++) {
      int known = m4s_text_list_find(&reference->metrics, view->metrics.items[m]);
      if (known < 0) {
        continue;
      }
      m4s_error_row_t *row = &errors->rows[errors->n_rows];
      *row = (m4s_error_row_t){.simulator = s, .metric = reference->metrics.items[known]};
      status = make_row(view, errors, magnitudes, row);
      errors->n_rows += row->summary.n > 0;
    }
  }
  free(magnitudes);
  return status;
}

m4s_status_t m4s_errors_make(const m4s_view_t *view, const m4s_reference_t *reference,
                             m4s_errors_t *errors_out) {
  m4s_errors_t errors = {0};
  size_t n_rows = view->simulators.n_items * reference->metrics.n_items;
  errors.points = calloc(view->n_points * n_rows + 1, sizeof *errors.points);
  errors.rows = calloc(n_rows + 1, sizeof *errors.rows);
  if (errors.points == NULL || errors.rows == NULL) {
    m4s_errors_clear(&errors);
    return m4s_fail_memory("the errors");
  }
  for (size_t point = 0; point < view->n_points; point++) {
    for (size_t s = 0; s < view->simulators.n_items; s++) {
      if (is_compared(reference, s)) {
        add_point_errors(view, reference, point, s, &errors);
      }
    }
  }
  m4s_status_t status = mark_common(view, reference, &errors);
  if (status == M4S_OK) {
    status = make_rows(view, reference, &errors);
  }
  if (status != M4S_OK) {
    m4s_errors_clear(&errors);
    return status;
  }
  *errors_out = errors;
  return M4S_OK;
}

void m4s_errors_clear(m4s_errors_t *errors) {
  free(errors->points);
  free(errors->rows);
  *errors = (m4s_errors_t){0};
}

const m4s_error_row_t *m4s_errors_find(const m4s_errors_t *errors, size_t simulator,
                                       const char *metric) {
  for (size_t i = 0; i < errors->n_rows; i++) {
    if (errors->rows[i].simulator == simulator && strcmp(errors->rows[i].metric, metric) == 0) {
      return &errors->rows[i];
    }
  }
  return NULL;
}
