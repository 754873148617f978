// Reading a sweep's reference before points are simulated.
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "report/reference.h"
#include "report/report.h"

// Enough to find that a reference cannot be read.
enum { MAX_ROWS_CHECKED = 1000 };

// Rows of points that have not been run; the first one has the metrics' names.
static m4s_status_t make_rows(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_rows,
                              const json_t *metrics, m4s_results_t *results) {
  results->rows = calloc(n_rows, sizeof *results->rows);
  results->folder = strdup(sweep->path);
  results->manifest = json_pack("{s:o, s:[s]}", "axes", m4s_sweep_axis_names(sweep), "simulators",
                                sweep->simulators.items[0]);
  if (results->rows == NULL || results->folder == NULL || results->manifest == NULL) {
    return m4s_fail_memory("rows");
  }
  for (size_t i = 0; i < n_rows; i++) {
    m4s_result_row_t *row = &results->rows[results->n_rows++];
    row->status = M4S_ROW_MISSING;
    row->axes = m4s_sweep_axes(sweep, indices[i]);
    row->simulator = strdup(sweep->simulators.items[0]);
    if (row->axes == NULL || row->simulator == NULL) {
      return m4s_fail_memory("rows");
    }
  }
  size_t i;
  const json_t *name;
  results->rows[0].metrics = json_object();
  json_array_foreach(metrics, i, name) {
    json_object_set_new(results->rows[0].metrics, json_string_value(name), json_null());
  }
  return M4S_OK;
}

static m4s_status_t read_reference(const m4s_sweep_t *sweep, const m4s_results_t *results) {
  m4s_view_t view;
  M4S_TRY(m4s_view_make(results, &view));
  m4s_reference_t reference = {0};
  m4s_status_t status = m4s_reference_read(&view, sweep->reference, &reference);
  if (status == M4S_OK) {
    m4s_reference_clear(&reference);
  } else {
    status = m4s_fail_in(status, "%s: reference", sweep->path);
  }
  m4s_view_clear(&view);
  return status;
}

m4s_status_t m4s_cli_check_reference(const m4s_sweep_t *sweep, const uint64_t *indices,
                                     size_t n_indices, const json_t *metrics) {
  if (json_object_get(sweep->reference, "table") == NULL &&
      json_object_get(sweep->reference, "folder") == NULL) {
    return M4S_OK;
  }
  m4s_results_t results = {0};
  size_t n_rows = n_indices < MAX_ROWS_CHECKED ? n_indices : MAX_ROWS_CHECKED;
  m4s_status_t status = make_rows(sweep, indices, n_rows, metrics, &results);
  if (status == M4S_OK) {
    status = read_reference(sweep, &results);
  }
  m4s_results_clear(&results);
  return status;
}
