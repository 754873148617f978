// Results in memory and files in a folder of their own, for the tests of src/report.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "flow/end_to_end_files.h"
#include "report/view.h"
#include "sweep/results.h"

static char fixture_folder[64];

// Group setup and teardown: a folder below the working directory.
static inline int fixture_make_folder(void **state) {
  (void)state;
  snprintf(fixture_folder, sizeof fixture_folder, "report-test-XXXXXX");
  return mkdtemp(fixture_folder) == NULL ? -1 : 0;
}

static inline int fixture_remove_folder(void **state) {
  (void)state;
  return m4s_path_remove(fixture_folder) == M4S_OK ? 0 : -1;
}

// "folder/name"; a buffer that the next call reuses.
static inline const char *fixture_path(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", fixture_folder, name);
  return path;
}

static inline void fixture_write(const char *name, const char *text) {
  char *folder = m4s_path_folder(fixture_path(name));
  assert_int_equal(m4s_folder_make(folder), M4S_OK);
  free(folder);
  assert_int_equal(m4s_file_write(fixture_path(name), text, strlen(text)), M4S_OK);
}

// A file's bytes, owned by the caller.
static inline char *fixture_read(const char *name) {
  char *bytes = NULL;
  assert_int_equal(m4s_file_read(fixture_path(name), 64 << 20, &bytes, NULL), M4S_OK);
  return bytes;
}

static inline void fixture_row(const json_t *from, m4s_result_row_t *row) {
  const char *status = json_string_value(json_object_get(from, "status"));
  const char *reason = json_string_value(json_object_get(from, "reason"));
  row->case_id = strdup(json_string_value(json_object_get(from, "case")));
  row->simulator = strdup(json_string_value(json_object_get(from, "simulator")));
  row->reason = reason == NULL ? NULL : strdup(reason);
  const char *caution = json_string_value(json_object_get(from, "caution"));
  row->caution = caution == NULL ? NULL : strdup(caution);
  row->status = status == NULL                  ? M4S_ROW_OK
                : strcmp(status, "failed") == 0 ? M4S_ROW_FAILED
                                                : M4S_ROW_MISSING;
  row->axes = json_incref(json_object_get(from, "axes"));
  row->metrics = json_incref(json_object_get(from, "metrics"));
  row->wall_s = json_number_value(json_object_get(from, "wall_s"));
}

// Results from {"manifest": {…}, "rows": [{"case", "simulator", "status", "axes", …}, …]}, whose
// folder is the fixture's. Free with m4s_results_clear().
static inline m4s_results_t fixture_results(const char *text) {
  json_t *root = NULL;
  if (m4s_json_parse(text, "fixture", &root) != M4S_OK) {
    fail_msg("%s", m4s_last_error());
  }
  const json_t *rows = json_object_get(root, "rows");
  m4s_results_t results = {
      .folder = strdup(fixture_folder),
      .manifest = json_incref(json_object_get(root, "manifest")),
      .rows = calloc(json_array_size(rows) + 1, sizeof *results.rows),
      .n_rows = json_array_size(rows),
  };
  for (size_t i = 0; i < results.n_rows; i++) {
    fixture_row(json_array_get(rows, i), &results.rows[i]);
  }
  json_decref(root);
  return results;
}

// Two simulators on a 2 × 2 grid of degraded_gpus and reduction; one point failed, one is missing.
static const char fixture_grid[] =
    "{\"manifest\": {\"name\": \"grid\", \"title\": \"A <small> grid & more\","
    "  \"simulators\": [\"flowsim\", \"m4\"], \"axes\": [\"degraded_gpus\", \"reduction\"],"
    "  \"version\": \"0.1.0\"},"
    " \"rows\": ["
    "{\"case\": \"aa\", \"simulator\": \"flowsim\", \"axes\": {\"degraded_gpus\": 2,"
    "  \"reduction\": 4}, \"wall_s\": 1.5, \"metrics\": {\"total_us\": 900.5,"
    "  \"exposed_comm_us\": 800, \"comm_1_us\": 300, \"comm_2_us\": 500, \"flows\": 15360,"
    "  \"makespan_us\": 950, \"events\": 12}},"
    "{\"case\": \"aa\", \"simulator\": \"m4\", \"axes\": {\"degraded_gpus\": 2,"
    "  \"reduction\": 4}, \"wall_s\": 2, \"metrics\": {\"total_us\": 1100,"
    "  \"exposed_comm_us\": 1000, \"comm_1_us\": 400, \"comm_2_us\": 600, \"flows\": 15360,"
    "  \"makespan_us\": 1150, \"events\": 13}},"
    "{\"case\": \"bb\", \"simulator\": \"flowsim\", \"axes\": {\"degraded_gpus\": 2,"
    "  \"reduction\": 5}, \"wall_s\": 1, \"metrics\": {\"total_us\": 1200.0004,"
    "  \"exposed_comm_us\": 1100, \"comm_1_us\": 400, \"comm_2_us\": 700, \"flows\": 15360,"
    "  \"makespan_us\": 1250, \"events\": 14}},"
    "{\"case\": \"bb\", \"simulator\": \"m4\", \"axes\": {\"degraded_gpus\": 2,"
    "  \"reduction\": 5}, \"status\": \"failed\", \"wall_s\": 0.25,"
    "  \"reason\": \"time limit <60 s>, \\\"hard\\\" & final\"},"
    "{\"case\": \"cc\", \"simulator\": \"flowsim\", \"axes\": {\"degraded_gpus\": 3,"
    "  \"reduction\": 4}, \"wall_s\": 1, \"metrics\": {\"total_us\": 1500,"
    "  \"exposed_comm_us\": 1400, \"comm_1_us\": 500, \"comm_2_us\": 900, \"flows\": 15360,"
    "  \"makespan_us\": 1550, \"events\": 15}},"
    "{\"case\": \"cc\", \"simulator\": \"m4\", \"axes\": {\"degraded_gpus\": 3,"
    "  \"reduction\": 4}, \"status\": \"missing\"},"
    "{\"case\": \"dd\", \"simulator\": \"flowsim\", \"axes\": {\"degraded_gpus\": 3,"
    "  \"reduction\": 5}, \"wall_s\": 1, \"metrics\": {\"total_us\": 2000,"
    "  \"exposed_comm_us\": 1900, \"comm_1_us\": 600, \"comm_2_us\": 1300, \"flows\": 15360,"
    "  \"makespan_us\": 2050, \"events\": 16}},"
    "{\"case\": \"dd\", \"simulator\": \"m4\", \"axes\": {\"degraded_gpus\": 3,"
    "  \"reduction\": 5}, \"wall_s\": 3, \"metrics\": {\"total_us\": 2500,"
    "  \"exposed_comm_us\": 2400, \"comm_1_us\": 900, \"comm_2_us\": 1500, \"flows\": 15360,"
    "  \"makespan_us\": 2550, \"events\": 17}}]}";
