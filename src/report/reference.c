#include "report/reference.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "report/format.h"

m4s_status_t m4s_reference_allocate(m4s_reference_t *reference, const m4s_view_t *view) {
  size_t n_values = view->n_points * reference->metrics.n_items;
  reference->values = calloc(n_values + 1, sizeof *reference->values);
  return reference->values == NULL ? m4s_fail_memory("the reference") : M4S_OK;
}

static m4s_status_t read_simulator(const m4s_view_t *view, const char *name,
                                   m4s_reference_t *reference) {
  reference->simulator = m4s_text_list_find(&view->simulators, name);
  if (reference->simulator < 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: reference \"%s\" is not a simulator of the sweep%s; for one of a table: "
                    "--reference-table FILE --reference-simulator %s",
                    view->results->folder, name,
                    m4s_did_you_mean(name, (const char *const *)view->simulators.items,
                                     view->simulators.n_items),
                    name);
  }
  for (size_t m = 0; m < view->metrics.n_items; m++) {
    if (m4s_metric_is_compared(view->metrics.items[m])) {
      M4S_TRY(m4s_text_list_add(&reference->metrics, view->metrics.items[m]));
    }
  }
  M4S_TRY(m4s_reference_allocate(reference, view));
  for (size_t point = 0; point < view->n_points; point++) {
    const m4s_result_row_t *row = m4s_view_row(view, point, (size_t)reference->simulator);
    bool any = false;
    for (size_t m = 0; m < reference->metrics.n_items; m++) {
      m4s_reference_value_t *value = &reference->values[point * reference->metrics.n_items + m];
      value->known = m4s_row_value(row, reference->metrics.items[m], &value->value);
      any = any || value->known;
    }
    reference->n_points_known += any;
  }
  return M4S_OK;
}

// The text of a member, NULL if it is not a text.
static const char *get_text(const json_t *request, const char *key) {
  return json_string_value(json_object_get(request, key));
}

static m4s_status_t read_kind(const m4s_view_t *view, const json_t *request,
                              m4s_reference_t *reference) {
  const char *table = get_text(request, "table");
  const char *folder = get_text(request, "folder");
  const char *source = table != NULL ? table : folder;
  const char *name =
      get_text(request, source != NULL && source == folder ? "backend" : "simulator");
  if (name == NULL) {
    return m4s_fail(M4S_ERR_INPUT,
                    "reference: %s is none of {simulator}, {table, simulator}, {folder, backend}",
                    m4s_json_show(request));
  }
  reference->name = strdup(name);
  reference->source = source == NULL ? NULL : strdup(source);
  if (reference->name == NULL || (source != NULL && reference->source == NULL)) {
    return m4s_fail_memory("the reference");
  }
  if (table != NULL) {
    return m4s_reference_read_table(view, table, name, reference);
  }
  return folder != NULL ? m4s_reference_read_folder(view, folder, name, reference)
                        : read_simulator(view, name, reference);
}

m4s_status_t m4s_reference_read(const m4s_view_t *view, const json_t *request,
                                m4s_reference_t *reference_out) {
  m4s_reference_t reference = {.simulator = -1};
  m4s_status_t status = M4S_OK;
  if (request != NULL && !json_is_null(request)) {
    status = read_kind(view, request, &reference);
  }
  if (status != M4S_OK) {
    m4s_reference_clear(&reference);
    return status;
  }
  *reference_out = reference;
  return M4S_OK;
}

void m4s_reference_clear(m4s_reference_t *reference) {
  free(reference->name);
  free(reference->source);
  m4s_text_list_clear(&reference->axes);
  m4s_text_list_clear(&reference->metrics);
  free(reference->values);
  *reference = (m4s_reference_t){.simulator = -1};
}

bool m4s_reference_value(const m4s_reference_t *reference, size_t point, const char *metric,
                         double *value_out) {
  int m = m4s_text_list_find(&reference->metrics, metric);
  if (m < 0) {
    return false;
  }
  const m4s_reference_value_t *value =
      &reference->values[point * reference->metrics.n_items + (size_t)m];
  if (value->known) {
    *value_out = value->value;
  }
  return value->known;
}
