#include "sweep/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "sweep/journal.h"
#include "sweep/outside.h"
#include "sweep/store.h"

const char *const m4s_row_status_names[] = {"ok", "failed", "missing"};

typedef struct {
  const char *folder;
  json_t *manifest;  // owned reference
  m4s_sweep_t *sweep;  // owned
  m4s_journal_t journal;
  m4s_result_row_t *rows;  // owned
  size_t n_rows;
} reader_t;

static void row_clear(m4s_result_row_t *row) {
  free(row->case_id);
  free(row->simulator);
  free(row->reason);
  free(row->caution);
  json_decref(row->axes);
  json_decref(row->metrics);
}

static m4s_status_t read_manifest(reader_t *reader, const char *path) {
  if (!m4s_path_exists(path)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: holds no results (there is no manifest.json)",
                    reader->folder);
  }
  M4S_TRY(m4s_json_read(path, &reader->manifest));
  const json_t *spec = json_object_get(reader->manifest, "sweep");
  const char *spec_folder = json_string_value(json_object_get(reader->manifest, "spec_folder"));
  const json_t *files = json_object_get(reader->manifest, "files");
  if (!json_is_object(spec) || spec_folder == NULL || !json_is_object(files) ||
      json_array_size(json_object_get(reader->manifest, "simulators")) == 0 ||
      json_array_size(json_object_get(reader->manifest, "selections")) == 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: is not a manifest (sweep, spec_folder, files, simulators or selections "
                    "is missing)",
                    path);
  }
  M4S_TRY(m4s_sweep_from_json(spec, path, spec_folder, &reader->sweep));
  M4S_TRY(m4s_sweep_load(reader->sweep, files));
  // The network that was built in when the results were made.
  const char *network = json_string_value(json_object_get(reader->manifest, "network"));
  if (network != NULL) {
    snprintf(reader->sweep->network, sizeof reader->sweep->network, "%s", network);
  }
  return M4S_OK;
}

// The points of all selections, each once, in the sweep's order.
static m4s_status_t list_points(const reader_t *reader, uint64_t **indices_out, size_t *n_out) {
  const json_t *selections = json_object_get(reader->manifest, "selections");
  uint64_t *all = NULL;
  size_t n_all = 0;
  for (size_t i = 0; i < json_array_size(selections); i++) {
    uint64_t *indices = NULL;
    size_t n = 0;
    m4s_status_t status =
        m4s_sweep_select(reader->sweep, json_array_get(selections, i), true, &indices, &n);
    uint64_t *grown = status == M4S_OK ? realloc(all, (n_all + n) * sizeof *all) : NULL;
    if (grown == NULL) {
      free(indices);
      free(all);
      return status != M4S_OK ? status : m4s_fail_memory("points");
    }
    all = grown;
    memcpy(all + n_all, indices, n * sizeof *all);
    n_all += n;
    free(indices);
  }
  if (n_all > 0) {
    qsort(all, n_all, sizeof *all, m4s_uint64_compare);
  }
  size_t n_unique = 0;
  for (size_t i = 0; i < n_all; i++) {
    if (n_unique == 0 || all[n_unique - 1] != all[i]) {
      all[n_unique++] = all[i];
    }
  }
  *indices_out = all;
  *n_out = n_unique;
  return M4S_OK;
}

static m4s_status_t fill_from_journal(reader_t *reader, uint64_t index, m4s_result_row_t *row) {
  const char *definition = m4s_sweep_definition(reader->sweep, index, row->simulator);
  const m4s_journal_entry_t *entry =
      m4s_journal_find(&reader->journal, row->case_id, row->simulator, definition);
  if (entry == NULL) {
    return M4S_OK;
  }
  if (entry->ok && !m4s_unit_present(reader->folder, row->case_id, row->simulator, definition)) {
    return M4S_OK;
  }
  json_t *line;
  M4S_TRY(m4s_journal_line(&reader->journal, entry, &line));
  row->status = entry->ok ? M4S_ROW_OK : M4S_ROW_FAILED;
  row->wall_s = json_number_value(json_object_get(line, "wall_s"));
  m4s_status_t status = M4S_OK;
  if (entry->ok) {
    row->metrics = json_incref(json_object_get(line, "metrics"));
    status = m4s_outside_words(json_object_get(line, "outside_training"), &row->caution);
  } else {
    const char *reason = json_string_value(json_object_get(line, "reason"));
    row->reason = strdup(reason == NULL ? "unknown" : reason);
    status = row->reason == NULL ? m4s_fail_memory("results") : M4S_OK;
  }
  json_decref(line);
  return status;
}

// A missing row; freed by row_clear(), also after an error.
static m4s_status_t row_init(m4s_result_row_t *row, const m4s_sweep_t *sweep, uint64_t index,
                             const char *simulator) {
  char case_id[M4S_CASE_ID_BYTES];
  row->status = M4S_ROW_MISSING;
  M4S_TRY(m4s_sweep_case_id(sweep, index, case_id));
  row->case_id = strdup(case_id);
  row->simulator = strdup(simulator);
  row->axes = m4s_sweep_axes(sweep, index);
  return row->case_id == NULL || row->simulator == NULL || row->axes == NULL
             ? m4s_fail_memory("results")
             : M4S_OK;
}

static m4s_status_t add_row(reader_t *reader, uint64_t index, const char *simulator) {
  m4s_result_row_t *row = &reader->rows[reader->n_rows++];
  M4S_TRY(row_init(row, reader->sweep, index, simulator));
  return fill_from_journal(reader, index, row);
}

static m4s_status_t add_rows(reader_t *reader, const uint64_t *indices, size_t n_indices) {
  const json_t *names = json_object_get(reader->manifest, "simulators");
  size_t n_names = json_array_size(names);
  reader->rows = calloc(n_indices * n_names + 1, sizeof *reader->rows);
  if (reader->rows == NULL) {
    return m4s_fail_memory("results");
  }
  for (size_t i = 0; i < n_indices; i++) {
    for (size_t j = 0; j < n_names; j++) {
      const char *name = json_string_value(json_array_get(names, j));
      if (name == NULL) {
        return m4s_fail(M4S_ERR_INPUT, "%s: simulators[%zu]: is not a name", reader->sweep->path,
                        j);
      }
      M4S_TRY(add_row(reader, indices[i], name));
    }
  }
  return M4S_OK;
}

static m4s_status_t read_rows(reader_t *reader) {
  char *path = m4s_path_join(reader->folder, "journal.jsonl");
  if (path == NULL) {
    return m4s_fail_memory("a file name");
  }
  m4s_status_t status = m4s_journal_read(&reader->journal, path);
  free(path);
  M4S_TRY(status);
  uint64_t *indices = NULL;
  size_t n_indices = 0;
  M4S_TRY(list_points(reader, &indices, &n_indices));
  status = add_rows(reader, indices, n_indices);
  free(indices);
  return status;
}

m4s_status_t m4s_results_read(const char *folder, m4s_results_t *results_out) {
  reader_t reader = {.folder = folder};
  char *path = m4s_path_join(folder, "manifest.json");
  char *copy = strdup(folder);
  m4s_status_t status = path == NULL || copy == NULL ? m4s_fail_memory("a file name") : M4S_OK;
  if (status == M4S_OK) {
    status = read_manifest(&reader, path);
  }
  if (status == M4S_OK) {
    status = read_rows(&reader);
  }
  m4s_results_t results = {copy, reader.manifest, reader.rows, reader.n_rows};
  m4s_journal_clear(&reader.journal);
  m4s_sweep_destroy(reader.sweep);
  free(path);
  if (status != M4S_OK) {
    m4s_results_clear(&results);
    return status;
  }
  *results_out = results;
  return M4S_OK;
}

static json_t *outline_manifest(const m4s_sweep_t *sweep) {
  json_t *simulators = json_array();
  for (size_t i = 0; i < sweep->simulators.n_items; i++) {
    json_array_append_new(simulators, json_string(sweep->simulators.items[i]));
  }
  return json_pack("{s:s, s:s, s:o, s:o, s:O*}", "name", sweep->name, "title", sweep->title,
                   "simulators", simulators, "axes", m4s_sweep_axis_names(sweep), "reference",
                   sweep->reference);
}

m4s_status_t m4s_results_outline(const m4s_sweep_t *sweep, const uint64_t *indices,
                                 size_t n_indices, m4s_results_t *results_out) {
  size_t n_simulators = sweep->simulators.n_items;
  m4s_results_t results = {.folder = strdup(sweep->path), .manifest = outline_manifest(sweep)};
  results.rows = calloc(n_indices * n_simulators + 1, sizeof *results.rows);
  m4s_status_t status = results.folder == NULL || results.manifest == NULL || results.rows == NULL
                            ? m4s_fail_memory("results")
                            : M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < n_indices * n_simulators; i++) {
    status = row_init(&results.rows[results.n_rows++], sweep, indices[i / n_simulators],
                      sweep->simulators.items[i % n_simulators]);
  }
  if (status != M4S_OK) {
    m4s_results_clear(&results);
    return status;
  }
  *results_out = results;
  return M4S_OK;
}

void m4s_results_clear(m4s_results_t *results) {
  for (size_t i = 0; results->rows != NULL && i < results->n_rows; i++) {
    row_clear(&results->rows[i]);
  }
  free(results->rows);
  free(results->folder);
  json_decref(results->manifest);
  *results = (m4s_results_t){0};
}
