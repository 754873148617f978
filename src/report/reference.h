// What simulated values are compared with: another simulator of the sweep, a table, or a folder in
// the published layout.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "report/view.h"

typedef struct {
  bool known;
  double value;
} m4s_reference_value_t;

typedef struct {
  char *name;  // owned: the simulator the values are from; NULL: there is no reference
  char *source;  // owned: path of the table or folder; NULL for a simulator of the sweep
  int simulator;  // index in the view's simulators, -1 if it is not one of them
  m4s_text_list_t axes;  // by which points were found in the table or folder
  m4s_text_list_t metrics;
  m4s_reference_value_t *values;  // owned, [n_points, n_metrics]
  size_t n_points_known;  // points with at least one value
} m4s_reference_t;

// Reads the reference that `request` names: {"simulator": name}, {"table": path, "simulator": name
// in the table} or {"folder": path, "backend": name}; NULL makes an empty one. The reader of specs
// refuses what else a spec may say; here a request without these texts is an error.
//
// Tables have one column per axis (those they lack hold for every value of it), a column
// "simulator" and columns of metrics whose names end in "_us"; empty cells and missing rows mean
// that there is no value. Two rows for one point are an error. Folders hold
// n_{degraded_gpus}_r_{reduction}_{backend}/EndToEnd.csv and runtime.txt, where missing folders and
// failed runs mean that there is no value. All errors are M4S_ERR_INPUT. Free with
// m4s_reference_clear().
m4s_status_t m4s_reference_read(const m4s_view_t *view, const json_t *request,
                                m4s_reference_t *reference_out);
void m4s_reference_clear(m4s_reference_t *reference);

// False where the reference has no such value.
bool m4s_reference_value(const m4s_reference_t *reference, size_t point, const char *metric,
                         double *value_out);

// For the readers of tables and folders: room for the values of reference->metrics, all unknown.
m4s_status_t m4s_reference_allocate(m4s_reference_t *reference, const m4s_view_t *view);

// They fill metrics, values and n_points_known.
m4s_status_t m4s_reference_read_table(const m4s_view_t *view, const char *path,
                                      const char *simulator, m4s_reference_t *reference);
m4s_status_t m4s_reference_read_folder(const m4s_view_t *view, const char *folder,
                                       const char *backend, m4s_reference_t *reference);
