// The axes that figures can be drawn over.
#include <gsl/gsl_sort_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figures.h"
#include "report/format.h"
#include "report/gnuplot.h"

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

static m4s_status_t collect_numbers(const m4s_view_t *view, const bool *marks,
                                    m4s_axis_values_t *axis) {
  size_t n = 0;
  for (size_t point = 0; point < view->n_points; point++) {
    axis->places[point] = json_number_value(m4s_view_axis(view, point, axis->name));
    if (marks[point]) {
      axis->values[n++] = axis->places[point];
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

// --- names ---

// A value as a label: of a path the file's name.
static m4s_status_t add_label(const json_t *value, m4s_text_t *label) {
  const char *text = json_string_value(value);
  const char *slash = text == NULL ? NULL : strrchr(text, '/');
  return slash != NULL && slash[1] != '\0' ? m4s_text_add(label, "%s", slash + 1)
                                           : m4s_text_add_json(label, value);
}

// What tells a point's place from others: the values of the axis and of those zipped with it.
static m4s_status_t add_key(const m4s_view_t *view, size_t point, const char *axis,
                            m4s_text_t *key) {
  for (size_t i = 0; i < view->axes.n_items; i++) {
    const char *other = view->axes.items[i];
    if (strcmp(other, axis) == 0 || m4s_view_axes_zipped(view, other, axis)) {
      M4S_TRY(m4s_text_add_json(key, m4s_view_axis(view, point, other)));
      M4S_TRY(m4s_text_add(key, "\x1f"));
    }
  }
  return M4S_OK;
}

// The same for readers: "dctcp, on"; a value that stands there already is not said again.
static m4s_status_t add_place_label(const m4s_view_t *view, size_t point, const char *axis,
                                    m4s_text_list_t *labels) {
  m4s_text_t label = {0};
  m4s_status_t status = add_label(m4s_view_axis(view, point, axis), &label);
  for (size_t i = 0; status == M4S_OK && i < view->axes.n_items; i++) {
    const char *other = view->axes.items[i];
    if (strcmp(other, axis) != 0 && m4s_view_axes_zipped(view, other, axis) &&
        !json_equal(m4s_view_axis(view, point, other), m4s_view_axis(view, point, axis))) {
      status = m4s_text_add(&label, ", ");
      if (status == M4S_OK) {
        status = add_label(m4s_view_axis(view, point, other), &label);
      }
    }
  }
  if (status == M4S_OK) {
    status = m4s_text_list_add(labels, label.bytes == NULL ? "" : label.bytes);
  }
  m4s_text_clear(&label);
  return status;
}

// More names are not looked at.
enum { MAX_NAMES = 1000 };

// Places of points in the order in which their names come; one that is not marked has a place only
// if its name has. No values where there are too many names.
static m4s_status_t collect_names(const m4s_view_t *view, const bool *marks,
                                  m4s_axis_values_t *axis) {
  m4s_text_list_t keys = {0};
  m4s_status_t status = M4S_OK;
  for (size_t point = 0; status == M4S_OK && point < view->n_points && keys.n_items <= MAX_NAMES;
       point++) {
    m4s_text_t key = {0};
    status = add_key(view, point, axis->name, &key);
    int place = status == M4S_OK ? m4s_text_list_find(&keys, key.bytes) : -1;
    if (status == M4S_OK && place < 0 && marks[point]) {
      place = (int)keys.n_items;
      axis->values[place] = place;
      status = m4s_text_list_add(&keys, key.bytes);
      if (status == M4S_OK) {
        status = add_place_label(view, point, axis->name, &axis->labels);
      }
    }
    axis->places[point] = place < 0 ? NAN : place;
    m4s_text_clear(&key);
  }
  axis->n_values = keys.n_items <= MAX_NAMES ? keys.n_items : 0;
  m4s_text_list_clear(&keys);
  return status;
}

// --- axes ---

static const json_t *spec_axes(const m4s_view_t *view) {
  return json_object_get(json_object_get(view->results->manifest, "sweep"), "axes");
}

// How the spec gives an axis' values; NULL where it does not say.
static const json_t *find_values(const m4s_view_t *view, const char *name, bool *is_drawn_out) {
  const json_t *groups = spec_axes(view);
  for (size_t i = 0; i < json_array_size(groups); i++) {
    const json_t *group = json_array_get(groups, i);
    const json_t *sample = json_object_get(group, "sample");
    const json_t *values = json_object_get(sample == NULL ? group : sample, name);
    if (values != NULL) {
      *is_drawn_out = sample != NULL;
      return values;
    }
  }
  *is_drawn_out = false;
  return NULL;
}

// In equal ratios, as the spec says, or listed over two powers of ten or more.
static bool is_logarithmic(const m4s_axis_values_t *axis, const json_t *written) {
  enum { MIN_RATIO = 100 };
  if (axis->n_values < 2 || !(axis->values[0] > 0)) {
    return false;
  }
  return json_object_get(written, "logspace") != NULL ||
         json_object_get(written, "loguniform") != NULL ||
         (!json_is_object(written) &&
          axis->values[axis->n_values - 1] >= MIN_RATIO * axis->values[0]);
}

static m4s_status_t collect(const m4s_view_t *view, const char *name, const bool *marks,
                            m4s_axis_values_t *axis) {
  *axis = (m4s_axis_values_t){.name = name, .of_names = !m4s_view_axis_is_number(view, name)};
  axis->values = calloc(view->n_points + 1, sizeof *axis->values);
  axis->places = calloc(view->n_points + 1, sizeof *axis->places);
  if (axis->values == NULL || axis->places == NULL) {
    return m4s_fail_memory("the values of an axis");
  }
  const json_t *written = find_values(view, name, &axis->drawn);
  axis->continuous =
      json_object_get(written, "uniform") != NULL || json_object_get(written, "loguniform") != NULL;
  M4S_TRY(axis->of_names ? collect_names(view, marks, axis) : collect_numbers(view, marks, axis));
  axis->logarithmic = !axis->of_names && is_logarithmic(axis, written);
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

// Adds the axes of numbers, or those of names.
static m4s_status_t add_axes(const m4s_view_t *view, const bool *marks, bool of_names,
                             m4s_axis_values_t *axes, size_t *n_axes) {
  for (size_t a = 0; a < view->axes.n_items; a++) {
    const char *name = view->axes.items[a];
    if (m4s_name_ends(name, "seed") || is_zipped(view, name, axes, *n_axes) ||
        m4s_view_axis_is_number(view, name) == of_names) {
      continue;
    }
    m4s_axis_values_t *axis = &axes[*n_axes];
    m4s_status_t status = collect(view, name, marks, axis);
    if (status == M4S_OK && axis->n_values >= 2) {
      (*n_axes)++;
    } else {
      m4s_axis_values_clear(axis);
    }
    M4S_TRY(status);
  }
  return M4S_OK;
}

m4s_status_t m4s_axes_make(const m4s_report_t *report, bool with_errors, m4s_axes_t *axes_out) {
  const m4s_view_t *view = &report->view;
  m4s_axes_t axes = {.items = calloc(view->axes.n_items + 1, sizeof *axes.items)};
  bool *marks = mark_points(report, with_errors);
  m4s_status_t status = axes.items == NULL || marks == NULL
                            ? m4s_fail_memory("the values of an axis")
                            : add_axes(view, marks, false, axes.items, &axes.n_items);
  if (status == M4S_OK) {
    status = add_axes(view, marks, true, axes.items, &axes.n_items);
  }
  free(marks);
  if (status != M4S_OK) {
    m4s_axes_clear(&axes);
    return status;
  }
  *axes_out = axes;
  return M4S_OK;
}

void m4s_axes_clear(m4s_axes_t *axes) {
  for (size_t i = 0; axes->items != NULL && i < axes->n_items; i++) {
    m4s_axis_values_clear(&axes->items[i]);
  }
  free(axes->items);
  *axes = (m4s_axes_t){0};
}

void m4s_axis_values_clear(m4s_axis_values_t *axis) {
  free(axis->values);
  free(axis->places);
  m4s_text_list_clear(&axis->labels);
  *axis = (m4s_axis_values_t){0};
}

static int compare_numbers(const void *a, const void *b) {
  double left = *(const double *)a;
  double right = *(const double *)b;
  return (left > right) - (left < right);
}

int m4s_axis_values_index(const m4s_axis_values_t *axis, size_t point) {
  double place = axis->places[point];
  if (isnan(place)) {
    return -1;
  }
  const double *found =
      bsearch(&place, axis->values, axis->n_values, sizeof *axis->values, compare_numbers);
  return found == NULL ? -1 : (int)(found - axis->values);
}

// --- in scripts ---

// Whether there are few enough values, far enough apart, to stand below the axis.
static bool fits(const m4s_axis_values_t *axis) {
  enum { MAX_TICS = 12 };
  const double least_share = 0.055;  // of the axis between two tics
  if (axis->n_values > MAX_TICS) {
    return false;
  }
  double first = axis->values[0];
  double last = axis->values[axis->n_values - 1];
  for (size_t i = 1; i < axis->n_values; i++) {
    double before = axis->values[i - 1];
    double share = axis->logarithmic ? log(axis->values[i] / before) / log(last / first)
                                     : (axis->values[i] - before) / (last - first);
    if (!(share >= least_share)) {
      return false;
    }
  }
  return true;
}

m4s_status_t m4s_axis_values_add_label(const m4s_axis_values_t *axis, size_t i_value,
                                       m4s_text_t *script) {
  if (axis->of_names) {
    return m4s_text_add_gnuplot(script, axis->labels.items[i_value]);
  }
  m4s_text_t number = {0};
  m4s_status_t status = m4s_text_add_number(&number, axis->values[i_value]);
  if (status == M4S_OK) {
    status = m4s_text_add_gnuplot(script, number.bytes);
  }
  m4s_text_clear(&number);
  return status;
}

bool m4s_axis_values_are_long(const m4s_axis_values_t *axis, size_t n_columns) {
  size_t n = 0;
  for (size_t i = 0; i < axis->labels.n_items; i++) {
    size_t length = strlen(axis->labels.items[i]);
    n = length > n ? length : n;
  }
  return (n + 2) * axis->labels.n_items > n_columns;
}

m4s_status_t m4s_axis_values_add_scale(const m4s_axis_values_t *axis, m4s_text_t *script) {
  enum { COLUMNS = 72 };  // of a figure's width
  if (axis->logarithmic) {
    M4S_TRY(m4s_text_add(script, "  set logscale x\n"));
  }
  if (!axis->of_names && !fits(axis)) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(script, "  set xtics %s(",
                       m4s_axis_values_are_long(axis, COLUMNS) ? "rotate by -30 " : ""));
  for (size_t i = 0; i < axis->n_values; i++) {
    M4S_TRY(m4s_text_add(script, "%s", i == 0 ? "" : ", "));
    M4S_TRY(m4s_axis_values_add_label(axis, i, script));
    M4S_TRY(m4s_text_add(script, " %.9g", axis->values[i]));
  }
  return m4s_text_add(script, ")\n");
}
