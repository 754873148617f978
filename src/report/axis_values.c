// The axes that figures can be drawn over.
#include <gsl/gsl_sort_double.h>
#include <stdlib.h>
#include <string.h>

#include "report/figures.h"
#include "report/format.h"

static bool *mark_points(const m4s_report_t *report, bool with_errors) {
  bool *marks = calloc(report->view.n_points + 1, sizeof *marks);
  for (size_t point = 0; marks != NULL && point < report->view.n_points; point++) {
    marks[point] = !with_errors;
  }
  for (size_t i = 0; marks != NULL && with_errors && i < report->errors.n_points; i++) {
    if (strcmp(report->errors.points[i].metric, report->view.measure->metric) == 0) {
      marks[report->errors.points[i].point] = true;
    }
  }
  return marks;
}

static m4s_status_t collect(const m4s_view_t *view, const char *name, const bool *marks,
                            m4s_axis_values_t *axis) {
  *axis = (m4s_axis_values_t){.name = name};
  axis->values = calloc(view->n_points + 1, sizeof *axis->values);
  if (axis->values == NULL) {
    return m4s_fail_memory("the values of an axis");
  }
  size_t n = 0;
  for (size_t point = 0; point < view->n_points; point++) {
    if (marks[point]) {
      axis->values[n++] = json_number_value(m4s_view_axis(view, point, name));
    }
  }
  gsl_sort(axis->values, 1, n);
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || axis->values[i] > axis->values[axis->n_values - 1]) {
      axis->values[axis->n_values++] = axis->values[i];
    }
  }
  return M4S_OK;
}

// Whether an axis changes with one of those that are chosen already.
static bool is_zipped(const m4s_view_t *view, const char *name, const m4s_axis_values_t *chosen,
                      size_t n_chosen) {
  for (size_t i = 0; i < n_chosen; i++) {
    if (m4s_view_axes_zipped(view, name, chosen[i].name)) {
      return true;
    }
  }
  return false;
}

m4s_status_t m4s_axis_values_make(const m4s_report_t *report, bool with_errors, size_t capacity,
                                  m4s_axis_values_t *axes_out, size_t *n_axes_out) {
  bool *marks = mark_points(report, with_errors);
  if (marks == NULL) {
    return m4s_fail_memory("the values of an axis");
  }
  m4s_status_t status = M4S_OK;
  size_t n = 0;
  const m4s_text_list_t *names = &report->view.axes;
  for (size_t a = 0; status == M4S_OK && a < names->n_items && n < capacity; a++) {
    m4s_axis_values_t axis = {0};
    if (m4s_name_ends(names->items[a], "seed") ||
        is_zipped(&report->view, names->items[a], axes_out, n) ||
        !m4s_view_axis_is_number(&report->view, names->items[a])) {
      continue;
    }
    status = collect(&report->view, names->items[a], marks, &axis);
    if (status == M4S_OK && axis.n_values >= 2) {
      axes_out[n++] = axis;
    } else {
      m4s_axis_values_clear(&axis);
    }
  }
  free(marks);
  for (size_t i = 0; status != M4S_OK && i < n; i++) {
    m4s_axis_values_clear(&axes_out[i]);
  }
  if (status == M4S_OK) {
    *n_axes_out = n;
  }
  return status;
}

void m4s_axis_values_clear(m4s_axis_values_t *axis) {
  free(axis->values);
  *axis = (m4s_axis_values_t){0};
}

static int compare_numbers(const void *a, const void *b) {
  double left = *(const double *)a;
  double right = *(const double *)b;
  return (left > right) - (left < right);
}

int m4s_axis_values_index(const m4s_axis_values_t *axis, const m4s_view_t *view, size_t point) {
  double value = json_number_value(m4s_view_axis(view, point, axis->name));
  const double *found =
      bsearch(&value, axis->values, axis->n_values, sizeof *axis->values, compare_numbers);
  return found == NULL ? -1 : (int)(found - axis->values);
}
