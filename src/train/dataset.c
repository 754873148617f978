#include "train/dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/file.h"
#include "core/json.h"
#include "core/npy.h"
#include "core/text.h"
#include "sweep/results.h"
#include "sweep/store.h"

const char *const m4s_part_names[] = {"training", "validation", "test", NULL};

static const m4s_npy_member_t period_members[] = {{"scenario", "<i4"},
                                                  {"period", "<i4"},
                                                  {"n_flows", "<i8"},
                                                  {"n_events", "<i8"},
                                                  {"n_rows", "<i8"}};

m4s_part_t m4s_part_of_case(const char *case_id) {
  uint64_t hash = m4s_hash_bytes(M4S_HASH_START, case_id, strlen(case_id));
  // The low bits of similar ids are not independent.
  uint64_t tenth = (hash ^ hash >> 32) % 10;
  return tenth == 0 ? M4S_PART_TEST : tenth == 1 ? M4S_PART_VALIDATION : M4S_PART_TRAINING;
}

// --- cutting ---

typedef struct {
  const char *folder;
  json_t *scenarios;  // owned reference
  m4s_dataset_period_t *periods;  // owned, [n_periods]
  int32_t n_periods, period_capacity;
  struct {
    int64_t scenarios, periods, flows, events, rows;
  } parts[M4S_N_PARTS];
} cutter_t;

static m4s_status_t add_periods(cutter_t *cutter, m4s_part_t part, const m4s_periods_t *periods) {
  int32_t number = (int32_t)json_array_size(cutter->scenarios);
  for (int32_t i = 0; i < periods->n_periods; i++) {
    const m4s_period_t *period = &periods->periods[i];
    const m4s_dataset_period_t row = {.scenario = number,
                                      .period = i,
                                      .n_flows = period->n_flows,
                                      .n_events = period->n_events,
                                      .n_rows = period->n_rows};
    M4S_TRY(m4s_array_grow(&cutter->periods, cutter->n_periods, &cutter->period_capacity,
                           sizeof row, "busy periods"));
    cutter->periods[cutter->n_periods++] = row;
    cutter->parts[part].flows += period->n_flows;
    cutter->parts[part].events += period->n_events;
    cutter->parts[part].rows += period->n_rows;
  }
  cutter->parts[part].scenarios++;
  cutter->parts[part].periods += periods->n_periods;
  return M4S_OK;
}

// With steps over all flows there is no more than one period.
static m4s_status_t find_periods(const m4s_scenario_t *scenario, const char *folder,
                                 m4s_periods_t *periods_out) {
  if (scenario->point.m4.algorithm == M4S_M4_EVENT && scenario->trace.n_flows == 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: m4.algorithm \"event\" is trained on points with output.trace "
                    "\"states\"",
                    folder);
  }
  M4S_TRY(m4s_periods_find(scenario, periods_out));
  for (int32_t i = 1; scenario->point.m4.algorithm != M4S_M4_EVENT && i < periods_out->n_periods;
       i++) {
    periods_out->periods[0].n_flows += periods_out->periods[i].n_flows;
    periods_out->periods[0].n_events += periods_out->periods[i].n_events;
    periods_out->periods[0].n_rows += periods_out->periods[i].n_rows;
  }
  if (scenario->point.m4.algorithm != M4S_M4_EVENT && periods_out->n_periods > 1) {
    periods_out->n_periods = 1;
  }
  return M4S_OK;
}

static m4s_status_t add_scenario(cutter_t *cutter, const char *case_id,
                                 const m4s_scenario_t *scenario) {
  m4s_part_t part = m4s_part_of_case(case_id);
  m4s_periods_t periods;
  M4S_TRY(find_periods(scenario, cutter->folder, &periods));
  m4s_status_t status = add_periods(cutter, part, &periods);
  json_t *row = json_pack("{s:s, s:s, s:I, s:I, s:I, s:i}", "case", case_id, "part",
                          m4s_part_names[part], "flows", (json_int_t)scenario->n_flows, "events",
                          (json_int_t)scenario->trace.n_events, "rows",
                          (json_int_t)(scenario->trace.n_flows + scenario->trace.n_links),
                          "periods", periods.n_periods);
  m4s_periods_clear(&periods);
  if (json_array_append_new(cutter->scenarios, row) != 0 && status == M4S_OK) {
    status = m4s_fail_memory("scenarios");
  }
  return status;
}

static m4s_status_t cut_row(cutter_t *cutter, const m4s_result_row_t *row) {
  m4s_scenario_t *scenario;
  char *folder = m4s_unit_folder(cutter->folder, row->case_id, row->simulator);
  m4s_status_t status =
      folder == NULL ? m4s_fail_memory("a file name") : m4s_scenario_read(folder, &scenario);
  free(folder);
  M4S_TRY(status);
  status = add_scenario(cutter, row->case_id, scenario);
  m4s_scenario_destroy(scenario);
  return status;
}

static m4s_status_t cut_rows(cutter_t *cutter, const m4s_results_t *results) {
  for (size_t i = 0; i < results->n_rows; i++) {
    const m4s_result_row_t *row = &results->rows[i];
    if (row->status == M4S_ROW_OK && strcmp(row->simulator, "packet") == 0) {
      M4S_TRY(cut_row(cutter, row));
    }
  }
  return json_array_size(cutter->scenarios) > 0
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT, "%s: holds no finished point of the simulator packet",
                        cutter->folder);
}

static m4s_status_t write_cut(const cutter_t *cutter) {
  char *list = m4s_path_join(cutter->folder, "dataset.json");
  char *periods = m4s_path_join(cutter->folder, "periods.npy");
  json_t *root = json_pack("{s:O}", "scenarios", cutter->scenarios);
  m4s_status_t status =
      list == NULL || periods == NULL || root == NULL
          ? m4s_fail_memory("a data set")
          : m4s_npy_write(periods, period_members, M4S_COUNT(period_members), cutter->periods,
                          sizeof *cutter->periods, (size_t)cutter->n_periods);
  if (status == M4S_OK) {
    status = m4s_json_write(list, root);
  }
  free(list);
  free(periods);
  json_decref(root);
  return status;
}

static void tell_parts(const cutter_t *cutter, FILE *text) {
  fprintf(text, "%-10s  %9s  %12s  %10s  %10s  %13s\n", "part", "scenarios", "busy periods",
          "flows", "events", "rows");
  for (int part = 0; part < M4S_N_PARTS; part++) {
    fprintf(text,
            "%-10s  %9" PRId64 "  %12" PRId64 "  %10" PRId64 "  %10" PRId64 "  %13" PRId64 "\n",
            m4s_part_names[part], cutter->parts[part].scenarios, cutter->parts[part].periods,
            cutter->parts[part].flows, cutter->parts[part].events, cutter->parts[part].rows);
  }
}

m4s_status_t m4s_dataset_cut(const char *folder, FILE *text) {
  m4s_results_t results;
  M4S_TRY(m4s_results_read(folder, &results));
  cutter_t cutter = {.folder = folder, .scenarios = json_array()};
  m4s_status_t status =
      cutter.scenarios == NULL ? m4s_fail_memory("scenarios") : cut_rows(&cutter, &results);
  m4s_results_clear(&results);
  if (status == M4S_OK) {
    status = write_cut(&cutter);
  }
  if (status == M4S_OK) {
    tell_parts(&cutter, text);
  }
  json_decref(cutter.scenarios);
  free(cutter.periods);
  return status;
}

// --- reading ---

static m4s_status_t read_scenario(const char *folder, const char *path, size_t i,
                                  const json_t *object, m4s_dataset_scenario_t *scenario) {
  const char *case_id = json_string_value(json_object_get(object, "case"));
  const char *part = json_string_value(json_object_get(object, "part"));
  for (int p = 0; case_id != NULL && part != NULL && p < M4S_N_PARTS; p++) {
    if (strcmp(part, m4s_part_names[p]) == 0) {
      scenario->part = (m4s_part_t)p;
      scenario->case_id = strdup(case_id);
      scenario->folder = m4s_unit_folder(folder, case_id, "packet");
      return scenario->case_id == NULL || scenario->folder == NULL ? m4s_fail_memory("a file name")
                                                                   : M4S_OK;
    }
  }
  return m4s_fail(M4S_ERR_INPUT,
                  "%s: scenarios[%zu]: needs \"case\" and \"part\", one of \"training\", "
                  "\"validation\" and \"test\"",
                  path, i);
}

static m4s_status_t read_scenarios(const char *folder, const char *path, const json_t *root,
                                   m4s_dataset_t *dataset) {
  const json_t *list = json_object_get(root, "scenarios");
  if (json_array_size(list) == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: scenarios: a list is needed", path);
  }
  dataset->scenarios = calloc(json_array_size(list), sizeof *dataset->scenarios);
  if (dataset->scenarios == NULL) {
    return m4s_fail_memory("scenarios");
  }
  dataset->n_scenarios = json_array_size(list);
  for (size_t i = 0; i < dataset->n_scenarios; i++) {
    M4S_TRY(read_scenario(folder, path, i, json_array_get(list, i), &dataset->scenarios[i]));
  }
  return M4S_OK;
}

static m4s_status_t read_list(const char *folder, const char *path, m4s_dataset_t *dataset) {
  json_t *root;
  if (!m4s_path_exists(path)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: there is no such file; m4sweep dataset makes it", path);
  }
  M4S_TRY(m4s_json_read(path, &root));
  m4s_status_t status = read_scenarios(folder, path, root, dataset);
  json_decref(root);
  return status;
}

static m4s_status_t read_periods(const char *path, m4s_dataset_t *dataset) {
  void *records;
  M4S_TRY(m4s_npy_read(path, period_members, M4S_COUNT(period_members), sizeof *dataset->periods,
                       &records, &dataset->n_periods));
  dataset->periods = records;
  for (size_t i = 0; i < dataset->n_periods; i++) {
    const m4s_dataset_period_t *period = &dataset->periods[i];
    if (period->scenario < 0 || (size_t)period->scenario >= dataset->n_scenarios ||
        period->period < 0 || period->n_flows <= 0 || period->n_events <= 0 || period->n_rows < 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: record %zu is not that of a busy period", path, i);
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_dataset_read(const char *folder, m4s_dataset_t *dataset_out) {
  m4s_dataset_t dataset = {0};
  char *list = m4s_path_join(folder, "dataset.json");
  char *periods = m4s_path_join(folder, "periods.npy");
  m4s_status_t status = list == NULL || periods == NULL ? m4s_fail_memory("a data set")
                                                        : read_list(folder, list, &dataset);
  if (status == M4S_OK) {
    status = read_periods(periods, &dataset);
  }
  free(list);
  free(periods);
  if (status != M4S_OK) {
    m4s_dataset_clear(&dataset);
    return status;
  }
  *dataset_out = dataset;
  return M4S_OK;
}

void m4s_dataset_clear(m4s_dataset_t *dataset) {
  for (size_t i = 0; i < dataset->n_scenarios; i++) {
    free(dataset->scenarios[i].case_id);
    free(dataset->scenarios[i].folder);
  }
  free(dataset->scenarios);
  free(dataset->periods);
  *dataset = (m4s_dataset_t){0};
}
