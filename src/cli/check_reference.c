// Reading a sweep's reference before points are simulated.
#include "cli/cli.h"
#include "report/reference.h"
#include "report/report.h"

// Enough to find that a reference cannot be read.
enum { MAX_POINTS_CHECKED = 1000 };

// The first row gets the metrics' names.
static void add_metrics(m4s_results_t *results, const json_t *metrics) {
  size_t i;
  const json_t *name;
  results->rows[0].metrics = json_object();
  json_array_foreach(metrics, i, name) {
    json_object_set_new(results->rows[0].metrics, json_string_value(name), json_null());
  }
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
  m4s_results_t results;
  size_t n_points = n_indices < MAX_POINTS_CHECKED ? n_indices : MAX_POINTS_CHECKED;
  M4S_TRY(m4s_results_outline(sweep, indices, n_points, &results));
  add_metrics(&results, metrics);
  m4s_status_t status = read_reference(sweep, &results);
  m4s_results_clear(&results);
  return status;
}
