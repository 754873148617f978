#define _GNU_SOURCE
#include "report/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "flow/exchange.h"
#include "packet/hpcc_flows.h"
#include "report/format.h"
#include "sweep/point.h"
#include "sweep/results.h"
#include "sweep/store.h"

typedef struct {
  const m4s_export_t *export;
  char *folder;  // owned: of the results
  char *case_id;  // owned: of the point that is wanted; NULL: all
  m4s_results_t results;
  m4s_text_list_t simulators;
  m4s_text_t table;  // points.csv
  size_t n_points, n_left_out;
} exporter_t;

// A point's rows [n_simulators], NULL where one is missing.
typedef const m4s_result_row_t *rows_t;

static void clear_exporter(exporter_t *exporter) {
  m4s_results_clear(&exporter->results);
  m4s_text_list_clear(&exporter->simulators);
  m4s_text_clear(&exporter->table);
  free(exporter->folder);
  free(exporter->case_id);
}

// --- what is wanted ---

static m4s_status_t holds_results(const char *folder, bool *holds_out) {
  char *manifest = m4s_path_join(folder, "manifest.json");
  if (manifest == NULL) {
    return m4s_fail_memory("a file name");
  }
  *holds_out = m4s_path_exists(manifest);
  free(manifest);
  return M4S_OK;
}

// Splits FOLDER/points/CASE; other paths, and those with results of their own, are folders of
// results.
static m4s_status_t find_folder(exporter_t *exporter) {
  static const char points[] = "/points";
  bool holds = false;
  char *path = realpath(exporter->export->results, NULL);
  exporter->folder = path;
  if (path == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: No such folder", exporter->export->results);
  }
  M4S_TRY(holds_results(path, &holds));
  char *slash = strrchr(path, '/');
  size_t n = (size_t)(slash - path);
  if (holds || n <= strlen(points) ||
      strncmp(slash - strlen(points), points, strlen(points)) != 0) {
    return M4S_OK;
  }
  exporter->case_id = strdup(slash + 1);
  path[n - strlen(points)] = '\0';
  return exporter->case_id == NULL ? m4s_fail_memory("a file name") : M4S_OK;
}

static m4s_status_t check_simulator(const exporter_t *exporter, const m4s_text_list_t *all,
                                    const char *name) {
  return m4s_text_list_find(all, name) >= 0
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT, "--simulators: \"%s\" is not among those of %s%s", name,
                        exporter->export->results,
                        m4s_did_you_mean(name, (const char *const *)all->items, all->n_items));
}

static m4s_status_t take_simulators(exporter_t *exporter, const m4s_text_list_t *all) {
  const char *names = exporter->export->simulators;
  for (size_t i = 0; names == NULL && i < all->n_items; i++) {
    M4S_TRY(m4s_text_list_add(&exporter->simulators, all->items[i]));
  }
  while (names != NULL) {
    char name[64];
    size_t n = strcspn(names, ",");
    snprintf(name, sizeof name, "%.*s", (int)n, names);
    M4S_TRY(check_simulator(exporter, all, name));
    if (m4s_text_list_find(&exporter->simulators, name) >= 0) {
      return m4s_fail(M4S_ERR_INPUT, "--simulators: \"%s\" stands twice", name);
    }
    M4S_TRY(m4s_text_list_add(&exporter->simulators, name));
    names = names[n] == '\0' ? NULL : names + n + 1;
  }
  return M4S_OK;
}

static m4s_status_t choose_simulators(exporter_t *exporter) {
  m4s_text_list_t all = {0};
  const json_t *names = json_object_get(exporter->results.manifest, "simulators");
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < json_array_size(names); i++) {
    status = m4s_text_list_add(&all, json_string_value(json_array_get(names, i)));
  }
  if (status == M4S_OK) {
    status = take_simulators(exporter, &all);
  }
  m4s_text_list_clear(&all);
  return status;
}

// --- points ---

static char *file_of(const exporter_t *exporter, const m4s_result_row_t *row, const char *name) {
  char *folder = m4s_unit_folder(exporter->folder, row->case_id, row->simulator);
  char *path = folder == NULL ? NULL : m4s_path_join(folder, name);
  free(folder);
  return path;
}

// Whether the row has flows.
static bool has_flows(const exporter_t *exporter, const m4s_result_row_t *row) {
  char *path = row->status == M4S_ROW_OK ? file_of(exporter, row, "flows.npy") : NULL;
  bool there = path != NULL && m4s_path_exists(path);
  free(path);
  return there;
}

// The rows of the point that begins at row i, which moves behind them; false where some are missing
// or have no flows.
static bool take_rows(const exporter_t *exporter, size_t *i, rows_t *rows) {
  const m4s_results_t *results = &exporter->results;
  const char *case_id = results->rows[*i].case_id;
  bool whole = true;
  for (size_t k = 0; k < exporter->simulators.n_items; k++) {
    rows[k] = NULL;
  }
  for (; *i < results->n_rows && strcmp(results->rows[*i].case_id, case_id) == 0; (*i)++) {
    const m4s_result_row_t *row = &results->rows[*i];
    int k = m4s_text_list_find(&exporter->simulators, row->simulator);
    if (k >= 0 && has_flows(exporter, row)) {
      rows[k] = row;
    }
  }
  for (size_t k = 0; k < exporter->simulators.n_items; k++) {
    whole = whole && rows[k] != NULL;
  }
  return whole;
}

// The settings of a point as it was run; free with m4s_point_clear(), also after an error.
static m4s_status_t read_point(const exporter_t *exporter, const m4s_result_row_t *row,
                               m4s_point_t *point) {
  *point = (m4s_point_t){0};
  char *path = file_of(exporter, row, "point.json");
  json_t *root = NULL;
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : m4s_json_read(path, &root);
  if (status == M4S_OK) {
    char where[512];
    snprintf(where, sizeof where, "%.480s: settings", path);
    status = m4s_point_set(point, json_object_get(root, "settings"), "/", where);
  }
  json_decref(root);
  free(path);
  return status;
}

// Starts differ by simulator where flows wait for others.
static m4s_status_t check_starts(const exporter_t *exporter, const m4s_point_t *point) {
  const m4s_traffic_config_t *traffic = &point->traffic;
  bool waits = traffic->kind == M4S_TRAFFIC_WORKLOAD || traffic->kind == M4S_TRAFFIC_PHASES ||
               traffic->in_flight > 0;
  return exporter->simulators.n_items == 1 || !waits
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT,
                        "%s: its flows wait for others and start at other times with each "
                        "simulator: choose one (--simulators %s)",
                        exporter->export->results, exporter->simulators.items[0]);
}

static m4s_status_t check_same(const m4s_exchange_t *exchange, size_t k, size_t n,
                               const char *case_id) {
  bool same = n == (size_t)exchange->n_flows;
  for (size_t i = 0; same && i < n; i++) {
    const m4s_flow_record_t *a = &exchange->records[0][i];
    const m4s_flow_record_t *b = &exchange->records[k][i];
    same = a->src == b->src && a->dst == b->dst && a->size_bytes == b->size_bytes &&
           a->start_ns == b->start_ns;
  }
  return same ? M4S_OK
              : m4s_fail(M4S_ERR_INPUT, "point %s: the flows of %s and %s are not the same",
                         case_id, exchange->names->items[0], exchange->names->items[k]);
}

// Reads the flows of all simulators into `records` [n_simulators], which are owned.
static m4s_status_t read_flows(const exporter_t *exporter, const rows_t *rows,
                               m4s_flow_record_t **records, m4s_exchange_t *exchange) {
  for (size_t k = 0; k < exporter->simulators.n_items; k++) {
    size_t n = 0;
    char *path = file_of(exporter, rows[k], "flows.npy");
    m4s_status_t status = path == NULL ? m4s_fail_memory("a file name")
                                       : m4s_flow_records_read(path, &records[k], &n);
    free(path);
    M4S_TRY(status);
    exchange->n_flows = k == 0 ? (int64_t)n : exchange->n_flows;
    M4S_TRY(check_same(exchange, k, n, rows[k]->case_id));
  }
  return M4S_OK;
}

static m4s_status_t write_files(const m4s_exchange_t *exchange, const char *folder) {
  char *path = m4s_path_join(folder, "flows.txt");
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : m4s_folder_make(folder);
  if (status == M4S_OK) {
    status = m4s_exchange_write(exchange, folder);
  }
  if (status == M4S_OK) {
    status = m4s_hpcc_flows_write(path, exchange->records[0], exchange->n_flows, false);
  }
  free(path);
  return status;
}

// Writes a point on its network, of which the paths are.
static m4s_status_t write_on(const exporter_t *exporter, const m4s_point_t *point,
                             const rows_t *rows, const char *folder, m4s_flow_record_t **records) {
  double params[M4S_M4_N_PARAMS];
  float given[M4S_M4_N_PARAMS];
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_m4_params(&point->m4, given);
  for (size_t i = 0; i < M4S_M4_N_PARAMS; i++) {
    params[i] = (double)given[i];
  }
  M4S_TRY(m4s_point_make_network(point, &topology, &routing));
  if (point->traffic.kind != M4S_TRAFFIC_WORKLOAD) {
    m4s_routing_set_paths(routing, (m4s_paths_t)point->traffic.mix.paths);
  }
  m4s_exchange_t exchange = {.topology = topology,
                             .routing = routing,
                             .records = (const m4s_flow_record_t *const *)records,
                             .names = &exporter->simulators,
                             .params = params,
                             .n_params = M4S_M4_N_PARAMS};
  m4s_status_t status = read_flows(exporter, rows, records, &exchange);
  if (status == M4S_OK) {
    status = write_files(&exchange, folder);
    if (status == M4S_ERR_INPUT) {
      status = m4s_fail_in(status, "point %s", rows[0]->case_id);
    }
  }
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
  return status;
}

static m4s_status_t write_point(const exporter_t *exporter, const m4s_point_t *point,
                                const rows_t *rows) {
  const char *out = exporter->export->out;
  size_t n = exporter->simulators.n_items;
  char *folder = exporter->case_id == NULL ? m4s_path_join(out, rows[0]->case_id) : strdup(out);
  m4s_flow_record_t **records = calloc(n, sizeof *records);
  m4s_status_t status = folder == NULL || records == NULL
                            ? m4s_fail_memory("a point")
                            : write_on(exporter, point, rows, folder, records);
  for (size_t k = 0; records != NULL && k < n; k++) {
    free(records[k]);
  }
  free(records);
  free(folder);
  return status;
}

// A row of points.csv, and before the first the names of its columns.
static m4s_status_t add_row(exporter_t *exporter, const m4s_result_row_t *row) {
  m4s_text_t *table = &exporter->table;
  const char *name;
  json_t *value;
  if (table->length == 0) {
    M4S_TRY(m4s_text_add(table, "case"));
    json_object_foreach(row->axes, name, value) {
      M4S_TRY(m4s_text_add(table, ","));
      M4S_TRY(m4s_text_add_csv(table, name));
    }
    M4S_TRY(m4s_text_add(table, "\n"));
  }
  M4S_TRY(m4s_text_add(table, "%s", row->case_id));
  json_object_foreach(row->axes, name, value) {
    M4S_TRY(m4s_text_add(table, ","));
    M4S_TRY(m4s_text_add_json_as(table, value, m4s_text_add_csv));
  }
  return m4s_text_add(table, "\n");
}

// Checks or, where `write` says so, writes a point.
static m4s_status_t visit_point(exporter_t *exporter, const rows_t *rows, bool write) {
  m4s_point_t point;
  m4s_status_t status = read_point(exporter, rows[0], &point);
  if (status == M4S_OK) {
    status = write ? write_point(exporter, &point, rows) : check_starts(exporter, &point);
  }
  if (status == M4S_OK && write) {
    status = add_row(exporter, rows[0]);
  }
  m4s_point_clear(&point);
  return status;
}

static m4s_status_t visit_all(exporter_t *exporter, bool write) {
  rows_t *rows = calloc(exporter->simulators.n_items + 1, sizeof *rows);
  m4s_status_t status = rows == NULL ? m4s_fail_memory("points") : M4S_OK;
  exporter->n_points = exporter->n_left_out = 0;
  for (size_t i = 0; status == M4S_OK && i < exporter->results.n_rows;) {
    const char *case_id = exporter->results.rows[i].case_id;
    bool wanted = exporter->case_id == NULL || strcmp(exporter->case_id, case_id) == 0;
    bool whole = take_rows(exporter, &i, rows);
    if (wanted && whole) {
      status = visit_point(exporter, rows, write);
      exporter->n_points++;
    } else if (wanted) {
      exporter->n_left_out++;
    }
  }
  free(rows);
  return status;
}

static m4s_status_t check_all(exporter_t *exporter) {
  M4S_TRY(visit_all(exporter, false));
  if (exporter->n_points > 0) {
    return M4S_OK;
  }
  return exporter->n_left_out > 0 || exporter->case_id == NULL
             ? m4s_fail(M4S_ERR_INPUT, "%s: no point has flows of all its simulators",
                        exporter->export->results)
             : m4s_fail(M4S_ERR_INPUT, "%s: is no point of the sweep", exporter->export->results);
}

static m4s_status_t write_all(exporter_t *exporter) {
  const char *out = exporter->export->out;
  M4S_TRY(m4s_folder_make(out));
  M4S_TRY(visit_all(exporter, true));
  if (exporter->case_id != NULL) {
    return M4S_OK;
  }
  char *path = m4s_path_join(out, "points.csv");
  m4s_status_t status = path == NULL
                            ? m4s_fail_memory("a file name")
                            : m4s_file_write(path, exporter->table.bytes, exporter->table.length);
  free(path);
  return status;
}

static m4s_status_t prepare(exporter_t *exporter) {
  const char *out = exporter->export->out;
  M4S_TRY(find_folder(exporter));
  M4S_TRY(m4s_results_read(exporter->folder, &exporter->results));
  M4S_TRY(choose_simulators(exporter));
  if (m4s_path_exists(out)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is there already", out);
  }
  return check_all(exporter);
}

m4s_status_t m4s_export(const m4s_export_t *export, size_t *n_points_out, size_t *n_left_out) {
  exporter_t exporter = {.export = export};
  m4s_status_t status = prepare(&exporter);
  if (status == M4S_OK) {
    status = write_all(&exporter);
    if (status != M4S_OK) {
      status = m4s_path_remove_after(status, export->out);
    }
  }
  if (status == M4S_OK) {
    *n_points_out = exporter.n_points;
    *n_left_out = exporter.n_left_out;
  }
  clear_exporter(&exporter);
  return status;
}
