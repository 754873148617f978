#include "report/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "report/format.h"
#include "sweep/store.h"

static m4s_status_t add_once(m4s_text_list_t *list, const char *name) {
  return m4s_text_list_find(list, name) >= 0 ? M4S_OK : m4s_text_list_add(list, name);
}

static m4s_status_t add_names(m4s_text_list_t *list, const json_t *names) {
  for (size_t i = 0; i < json_array_size(names); i++) {
    const char *name = json_string_value(json_array_get(names, i));
    if (name != NULL) {
      M4S_TRY(add_once(list, name));
    }
  }
  return M4S_OK;
}

static m4s_status_t add_keys(m4s_text_list_t *list, json_t *object) {
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) { M4S_TRY(add_once(list, key)); }
  return M4S_OK;
}

// The layer k of "comm_k_us", 0 for any other name.
static int64_t layer_of_metric(const char *metric) {
  char digits[16];
  size_t length = strlen(metric);
  int64_t layer;
  if (strncmp(metric, "comm_", 5) != 0 || !m4s_name_ends(metric, "_us") || length < 9 ||
      length - 8 >= sizeof digits) {
    return 0;
  }
  snprintf(digits, sizeof digits, "%.*s", (int)(length - 8), metric + 5);
  return m4s_parse_int64(digits, &layer) && layer > 0 ? layer : 0;
}

// total_us, exposed_comm_us, comm_1_us … up to the last layer that was found, flows.
static m4s_status_t add_workload_metrics(const m4s_text_list_t *found, m4s_text_list_t *metrics) {
  int64_t n_layers = 0;
  for (size_t i = 0; i < found->n_items; i++) {
    int64_t layer = layer_of_metric(found->items[i]);
    n_layers = layer > n_layers && layer <= (int64_t)found->n_items ? layer : n_layers;
  }
  M4S_TRY(m4s_text_list_add(metrics, "total_us"));
  M4S_TRY(m4s_text_list_add(metrics, "exposed_comm_us"));
  for (int64_t layer = 1; layer <= n_layers; layer++) {
    char name[32];
    snprintf(name, sizeof name, "comm_%lld_us", (long long)layer);
    M4S_TRY(m4s_text_list_add(metrics, name));
  }
  return m4s_text_list_add(metrics, "flows");
}

static m4s_status_t order_metrics(const m4s_text_list_t *found, m4s_view_t *view) {
  view->measure = m4s_measure_choose(found, json_object_get(view->results->manifest, "sweep"));
  if (!view->measure->of_flows) {
    M4S_TRY(add_workload_metrics(found, &view->metrics));
  }
  for (size_t i = 0; i < found->n_items; i++) {
    M4S_TRY(add_once(&view->metrics, found->items[i]));
  }
  return M4S_OK;
}

static m4s_status_t add_metrics(const m4s_results_t *results, m4s_view_t *view) {
  m4s_text_list_t found = {0};
  // Those of the manifest are there whichever points succeeded; older manifests have none.
  m4s_status_t status = add_names(&found, json_object_get(results->manifest, "metrics"));
  for (size_t i = 0; status == M4S_OK && i < results->n_rows; i++) {
    status = add_keys(&found, results->rows[i].metrics);
  }
  if (status == M4S_OK) {
    status = order_metrics(&found, view);
  }
  m4s_text_list_clear(&found);
  return status;
}

static m4s_status_t add_rows(m4s_view_t *view) {
  const m4s_results_t *results = view->results;
  size_t n_simulators = view->simulators.n_items;
  // An array of pointers: NOLINTNEXTLINE(bugprone-sizeof-expression)
  view->rows = calloc(results->n_rows * n_simulators + 1, sizeof *view->rows);
  if (view->rows == NULL) {
    return m4s_fail_memory("the results");
  }
  const json_t *axes = NULL;
  for (size_t i = 0; i < results->n_rows; i++) {
    const m4s_result_row_t *row = &results->rows[i];
    size_t simulator = (size_t)m4s_text_list_find(&view->simulators, row->simulator);
    if (view->n_points == 0 || !json_equal(axes, row->axes) ||
        view->rows[(view->n_points - 1) * n_simulators + simulator] != NULL) {
      axes = row->axes;
      view->n_points++;
    }
    view->rows[(view->n_points - 1) * n_simulators + simulator] = row;
  }
  return M4S_OK;
}

m4s_status_t m4s_view_make(const m4s_results_t *results, m4s_view_t *view_out) {
  m4s_view_t view = {.results = results};
  m4s_status_t status = add_names(&view.axes, json_object_get(results->manifest, "axes"));
  if (status == M4S_OK) {
    status = add_names(&view.simulators, json_object_get(results->manifest, "simulators"));
  }
  for (size_t i = 0; status == M4S_OK && i < results->n_rows; i++) {
    status = add_once(&view.simulators, results->rows[i].simulator);
  }
  if (status == M4S_OK) {
    status = add_metrics(results, &view);
  }
  if (status == M4S_OK) {
    status = add_rows(&view);
  }
  if (status != M4S_OK) {
    m4s_view_clear(&view);
    return status;
  }
  *view_out = view;
  return M4S_OK;
}

void m4s_view_clear(m4s_view_t *view) {
  m4s_text_list_clear(&view->axes);
  m4s_text_list_clear(&view->simulators);
  m4s_text_list_clear(&view->metrics);
  free((void *)view->rows);
  *view = (m4s_view_t){0};
}

const m4s_result_row_t *m4s_view_row(const m4s_view_t *view, size_t point, size_t simulator) {
  return view->rows[point * view->simulators.n_items + simulator];
}

m4s_status_t m4s_view_pass_over(m4s_status_t status, m4s_text_list_t *unreadable) {
  if (status != M4S_ERR_INPUT && status != M4S_ERR_IO) {
    return status;
  }
  const char *why = m4s_last_error();
  return m4s_text_list_find(unreadable, why) >= 0 ? M4S_OK : m4s_text_list_add(unreadable, why);
}

const json_t *m4s_view_axis(const m4s_view_t *view, size_t point, const char *axis) {
  for (size_t s = 0; s < view->simulators.n_items; s++) {
    const m4s_result_row_t *row = m4s_view_row(view, point, s);
    if (row != NULL) {
      return json_object_get(row->axes, axis);
    }
  }
  return NULL;
}

bool m4s_view_axis_is_number(const m4s_view_t *view, const char *axis) {
  for (size_t point = 0; point < view->n_points; point++) {
    if (!json_is_number(m4s_view_axis(view, point, axis))) {
      return false;
    }
  }
  return view->n_points > 0;
}

bool m4s_view_axes_zipped(const m4s_view_t *view, const char *a, const char *b) {
  const json_t *sweep = json_object_get(view->results->manifest, "sweep");
  const json_t *groups = json_object_get(sweep, "axes");
  for (size_t i = 0; i < json_array_size(groups); i++) {
    const json_t *group = json_array_get(groups, i);
    if (json_object_get(group, a) != NULL && json_object_get(group, b) != NULL) {
      return true;
    }
  }
  return false;
}

bool m4s_row_value(const m4s_result_row_t *row, const char *metric, double *value_out) {
  if (row == NULL || row->status != M4S_ROW_OK) {
    return false;
  }
  if (strcmp(metric, "wall_s") == 0) {
    *value_out = row->wall_s;
    return true;
  }
  const json_t *value = json_object_get(row->metrics, metric);
  if (!json_is_number(value)) {
    return false;
  }
  *value_out = json_number_value(value);
  return true;
}

m4s_status_t m4s_text_add_key(m4s_text_t *key, const char *plain) {
  double number;
  if (m4s_parse_double(plain, &number)) {
    return m4s_text_add(key, "%.12g\x1f", number + 0.0);
  }
  return m4s_text_add(key, "%s\x1f", plain);
}

char *m4s_view_file(const m4s_view_t *view, size_t point, size_t simulator, const char *name) {
  const m4s_result_row_t *row = m4s_view_row(view, point, simulator);
  if (row == NULL || row->status != M4S_ROW_OK) {
    return NULL;
  }
  char *folder = m4s_unit_folder(view->results->folder, row->case_id, row->simulator);
  char *path = folder == NULL ? NULL : m4s_path_join(folder, name);
  free(folder);
  if (path != NULL && !m4s_path_exists(path)) {
    free(path);
    return NULL;
  }
  return path;
}
