#include "train/model_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "sweep/journal.h"
#include "sweep/simulator.h"
#include "train/forced.h"

const char *const m4s_tested_names[M4S_N_TESTED] = {"flowsim", "m4 at arrival", "m4 teacher-forced",
                                                    "m4"};

static const char *choice_of(const m4s_field_t *field, int32_t index) {
  for (int32_t i = 0; field->choices[i] != NULL; i++) {
    if (i == index) {
      return field->choices[i];
    }
  }
  return NULL;
}

const char *m4s_tested_cc_name(int32_t cc) {
  return choice_of(m4s_fields_find(m4s_packet_fields, M4S_COUNT(m4s_packet_fields), "cc"), cc);
}

void m4s_tested_results_clear(m4s_tested_results_t *results) {
  free(results->flows);
  free(results->scenarios);
  *results = (m4s_tested_results_t){0};
}

// --- the list ---

void m4s_test_cases_clear(m4s_test_cases_t *cases) {
  for (size_t i = 0; i < cases->n_cases; i++) {
    free(cases->cases[i].case_id);
    free(cases->cases[i].folder);
  }
  free(cases->cases);
  *cases = (m4s_test_cases_t){0};
}

// What the journal says of packet at a case, under the id that it had when it ran.
static m4s_status_t find_times(const m4s_journal_t *journal, m4s_test_case_t *test_case) {
  const m4s_journal_entry_t *entry = m4s_journal_find(journal, test_case->case_id, "packet", NULL);
  json_t *line;
  test_case->packet_total_ns = -1;
  if (entry == NULL) {
    return M4S_OK;
  }
  M4S_TRY(m4s_journal_line(journal, entry, &line));
  const json_t *total_us = json_object_get(json_object_get(line, "metrics"), "total_us");
  test_case->packet_s = json_number_value(json_object_get(line, "wall_s"));
  test_case->packet_total_ns = json_is_number(total_us) ? 1e3 * json_number_value(total_us) : -1;
  json_decref(line);
  return M4S_OK;
}

static m4s_status_t add_case(const m4s_dataset_scenario_t *scenario, const m4s_journal_t *journal,
                             m4s_test_cases_t *cases) {
  m4s_test_case_t *grown = realloc(cases->cases, (cases->n_cases + 1) * sizeof *grown);
  if (grown == NULL) {
    return m4s_fail_memory("scenarios");
  }
  cases->cases = grown;
  m4s_test_case_t *added = &cases->cases[cases->n_cases++];
  *added =
      (m4s_test_case_t){.case_id = strdup(scenario->case_id), .folder = strdup(scenario->folder)};
  return added->case_id == NULL || added->folder == NULL ? m4s_fail_memory("scenarios")
                                                         : find_times(journal, added);
}

static m4s_status_t add_cases(const m4s_dataset_t *dataset, const m4s_journal_t *journal,
                              m4s_part_t part, m4s_test_cases_t *cases) {
  for (size_t i = 0; i < dataset->n_scenarios; i++) {
    if (part == M4S_N_PARTS || dataset->scenarios[i].part == part) {
      M4S_TRY(add_case(&dataset->scenarios[i], journal, cases));
    }
  }
  return M4S_OK;
}

static m4s_status_t add_dataset(const char *folder, m4s_part_t part, m4s_test_cases_t *cases) {
  m4s_dataset_t dataset;
  m4s_journal_t journal = {0};
  M4S_TRY(m4s_dataset_read(folder, &dataset));
  char *path = m4s_path_join(folder, "journal.jsonl");
  m4s_status_t status =
      path == NULL ? m4s_fail_memory("a file name") : m4s_journal_read(&journal, path);
  free(path);
  if (status == M4S_OK) {
    status = add_cases(&dataset, &journal, part, cases);
  }
  m4s_journal_clear(&journal);
  m4s_dataset_clear(&dataset);
  return status;
}

// Keeps n of the cases.
static void thin(m4s_test_cases_t *cases, size_t n) {
  m4s_test_cases_t kept = {.cases = cases->cases, .n_cases = n};
  size_t next = 0;
  for (size_t i = 0; i < cases->n_cases; i++) {
    if (next < n && i == next * cases->n_cases / n) {
      m4s_test_case_t keep = cases->cases[i];
      cases->cases[i] = cases->cases[next];
      kept.cases[next++] = keep;
    }
  }
  for (size_t i = n; i < cases->n_cases; i++) {
    free(cases->cases[i].case_id);
    free(cases->cases[i].folder);
  }
  *cases = kept;
}

static m4s_status_t list(const char *const *folders, size_t n_folders, m4s_part_t part,
                         m4s_test_cases_t *cases) {
  for (size_t i = 0; i < n_folders; i++) {
    M4S_TRY(add_dataset(folders[i], part, cases));
  }
  return cases->n_cases > 0
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT,
                        "%s%s: no scenario is in the part \"%s\" (--part all takes every one)",
                        folders[0], n_folders > 1 ? " and others" : "", m4s_part_names[part]);
}

m4s_status_t m4s_test_cases_list(const char *const *folders, size_t n_folders, m4s_part_t part,
                                 int64_t n_points, m4s_test_cases_t *cases_out) {
  m4s_test_cases_t cases = {0};
  m4s_status_t status = list(folders, n_folders, part, &cases);
  if (status != M4S_OK) {
    m4s_test_cases_clear(&cases);
    return status;
  }
  if (n_points > 0 && (size_t)n_points < cases.n_cases) {
    thin(&cases, (size_t)n_points);
  }
  *cases_out = cases;
  return M4S_OK;
}

// --- a case ---

typedef struct {
  const char *folder;  // borrowed, as the engines
  m4s_engines_t *engines;
  m4s_scenario_t *recorded;  // owned
  const m4s_flow_record_t **order;  // owned, [n_flows]: the recorded flows as in compare_flows()
  m4s_tested_flow_t *flows;  // [n_flows], by id; of the results
  m4s_tested_scenario_t scenario;
} test_t;

static int compare(int64_t a, int64_t b) { return (a > b) - (a < b); }

// Collectives begin in another order with another simulator, but each host's in the same one.
static int compare_flows(const void *a, const void *b) {
  const m4s_flow_record_t *x = *(const m4s_flow_record_t *const *)a;
  const m4s_flow_record_t *y = *(const m4s_flow_record_t *const *)b;
  const int64_t orders[] = {compare(x->src, y->src),
                            compare(x->dst, y->dst),
                            compare(x->channel, y->channel),
                            compare(x->step, y->step),
                            compare(x->size_bytes, y->size_bytes),
                            compare(x->id, y->id)};
  for (size_t i = 0; i < M4S_COUNT(orders); i++) {
    if (orders[i] != 0) {
      return (int)orders[i];
    }
  }
  return 0;
}

static m4s_status_t sort_flows(const m4s_flow_record_t *records, int64_t n,
                               const m4s_flow_record_t ***order_out) {
  const m4s_flow_record_t **order = malloc(((size_t)n + 1) * sizeof *order);
  if (order == NULL) {
    return m4s_fail_memory("flows");
  }
  for (int64_t i = 0; i < n; i++) {
    order[i] = &records[i];
  }
  qsort(order, (size_t)n, sizeof *order, compare_flows);
  *order_out = order;
  return M4S_OK;
}

static m4s_status_t take_flow(test_t *test, const m4s_flow_record_t *recorded,
                              const m4s_flow_record_t *simulated, m4s_tested_t tested) {
  if (recorded->src != simulated->src || recorded->dst != simulated->dst ||
      recorded->size_bytes != simulated->size_bytes ||
      recorded->ideal_fct_ns != simulated->ideal_fct_ns) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: flow %d is another one when the point is simulated now: the data set is "
                    "of another version",
                    test->folder, recorded->id);
  }
  test->flows[recorded->id].fct_ns[tested] = (double)simulated->fct_ns;
  return M4S_OK;
}

static m4s_status_t take_flows(test_t *test, const m4s_flow_record_t **order, m4s_tested_t tested) {
  for (int64_t i = 0; i < test->recorded->n_flows; i++) {
    M4S_TRY(take_flow(test, test->order[i], order[i], tested));
  }
  return M4S_OK;
}

static m4s_status_t take_result(test_t *test, const m4s_point_result_t *result,
                                m4s_tested_t tested) {
  const m4s_flow_record_t **order = NULL;
  if (result->times.n_flows != test->recorded->n_flows) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: has %lld flows, %lld when the point is simulated now: the data set is of "
                    "another version",
                    test->folder, (long long)test->recorded->n_flows,
                    (long long)result->times.n_flows);
  }
  M4S_TRY(sort_flows(result->times.records, result->times.n_flows, &order));
  m4s_status_t status = take_flows(test, order, tested);
  free(order);
  if (result->workload != NULL) {
    test->scenario.total_ns[tested] = (double)result->times.total_ns;
  } else {
    test->scenario.load = result->flows->load_expected;
  }
  return status;
}

static m4s_status_t simulate(test_t *test, const char *simulator, m4s_tested_t tested) {
  m4s_point_run_t *run = NULL;
  double begin_s = m4s_now_s();
  m4s_status_t status =
      m4s_point_run_begin(&test->recorded->point, simulator, test->engines, NULL, &run);
  if (status == M4S_OK) {
    status = m4s_point_run_to_end(run, test->engines);
  }
  test->scenario.wall_s[tested] = m4s_now_s() - begin_s;
  if (status == M4S_OK) {
    m4s_point_result_t result = m4s_point_run_result(run);
    status = take_result(test, &result, tested);
  }
  m4s_point_run_destroy(run);
  return status == M4S_OK ? M4S_OK : m4s_fail_in(status, "%s", simulator);
}

static m4s_status_t force_on(test_t *test, m4s_engine_t *engine, m4s_forced_fct_t *fcts) {
  m4s_m4_config_t config;
  double begin_s = m4s_now_s();
  M4S_TRY(m4s_point_m4_config(&test->recorded->point, m4s_engine_model(engine), &config));
  M4S_TRY(m4s_forced_fcts(test->recorded, &config, engine, fcts));
  double wall_s = m4s_now_s() - begin_s;
  test->scenario.wall_s[M4S_TESTED_FIRST] = test->scenario.wall_s[M4S_TESTED_FORCED] = wall_s;
  for (int64_t i = 0; i < test->recorded->n_flows; i++) {
    test->flows[i].fct_ns[M4S_TESTED_FIRST] = fcts[i].first_ns;
    test->flows[i].fct_ns[M4S_TESTED_FORCED] = fcts[i].mean_ns;
  }
  return M4S_OK;
}

static m4s_status_t force(test_t *test) {
  const m4s_m4_config_t *m4 = &test->recorded->point.m4;
  m4s_shared_engine_t *shared;
  m4s_forced_fct_t *fcts = calloc((size_t)test->recorded->n_flows + 1, sizeof *fcts);
  m4s_status_t status = fcts == NULL ? m4s_fail_memory("flows")
                                     : m4s_engines_take(test->engines, m4->model,
                                                        (m4s_forward_t)m4->forward, &shared);
  if (status == M4S_OK) {
    status = force_on(test, shared->engine, fcts);
    m4s_engines_release(test->engines, shared);
  }
  free(fcts);
  return status == M4S_OK ? M4S_OK : m4s_fail_in(status, "m4 teacher-forced");
}

// "clos 1x16x8": pods, racks in one, hosts in one of those.
static m4s_status_t name_topology(const m4s_point_t *point, char name[M4S_TESTED_NAME_BYTES]) {
  m4s_clos_t clos;
  if (point->topology.kind != M4S_TOPOLOGY_CLOS) {
    snprintf(name, M4S_TESTED_NAME_BYTES, "%s",
             point->topology.kind == M4S_TOPOLOGY_FILE ? "file" : "gpu-cluster");
    return M4S_OK;
  }
  M4S_TRY(m4s_clos_resolve(&point->topology.clos, "topology", &clos));
  snprintf(name, M4S_TESTED_NAME_BYTES, "clos %lldx%lldx%lld", (long long)clos.pods,
           (long long)clos.racks_per_pod, (long long)clos.hosts_per_rack);
  return M4S_OK;
}

static m4s_status_t describe(test_t *test, const m4s_test_case_t *test_case, int32_t place) {
  const m4s_point_t *point = &test->recorded->point;
  m4s_tested_scenario_t *scenario = &test->scenario;
  *scenario = (m4s_tested_scenario_t){.scenario = place,
                                      .n_hosts = test->recorded->topology->n_hosts,
                                      .cc = point->packet.cc,
                                      .n_flows = test->recorded->n_flows,
                                      .load = -1,
                                      .packet_s = test_case->packet_s,
                                      .packet_total_ns = test_case->packet_total_ns};
  snprintf(scenario->case_id, sizeof scenario->case_id, "%s", test_case->case_id);
  for (int tested = 0; tested < M4S_N_TESTED; tested++) {
    scenario->total_ns[tested] = -1;
  }
  return name_topology(point, scenario->topology);
}

static m4s_status_t list_flows(test_t *test, int32_t place) {
  for (int64_t i = 0; i < test->recorded->n_flows; i++) {
    const m4s_flow_record_t *record = &test->recorded->records[i];
    test->flows[i] = (m4s_tested_flow_t){.scenario = place,
                                         .id = record->id,
                                         .size_bytes = record->size_bytes,
                                         .ideal_ns = (double)record->ideal_fct_ns,
                                         .packet_ns = (double)record->fct_ns};
    if (record->fct_ns <= 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: flow %d has not completed", test->folder, record->id);
    }
  }
  return sort_flows(test->recorded->records, test->recorded->n_flows, &test->order);
}

static m4s_status_t run_case(test_t *test, const m4s_test_case_t *test_case, int32_t place) {
  M4S_TRY(describe(test, test_case, place));
  M4S_TRY(list_flows(test, place));
  M4S_TRY(simulate(test, "flowsim", M4S_TESTED_FLOWSIM));
  // The closed loop comes first: it refuses networks and settings that do not go together.
  M4S_TRY(simulate(test, "m4", M4S_TESTED_M4));
  return force(test);
}

// Room for one more scenario with its flows.
static m4s_status_t reserve(m4s_tested_results_t *results, size_t n_flows) {
  m4s_tested_flow_t *flows =
      realloc(results->flows, (results->n_flows + n_flows + 1) * sizeof *flows);
  results->flows = flows == NULL ? results->flows : flows;
  m4s_tested_scenario_t *scenarios =
      realloc(results->scenarios, (results->n_scenarios + 1) * sizeof *scenarios);
  results->scenarios = scenarios == NULL ? results->scenarios : scenarios;
  return flows == NULL || scenarios == NULL ? m4s_fail_memory("the flows") : M4S_OK;
}

static m4s_status_t set_model(m4s_point_t *point, const char *model) {
  char *copy = model == NULL ? NULL : strdup(model);
  if (model != NULL && copy == NULL) {
    return m4s_fail_memory("a file name");
  }
  free(point->m4.model);
  point->m4.model = copy;
  return M4S_OK;
}

m4s_status_t m4s_test_run(const m4s_test_case_t *test_case, int32_t place, const char *model,
                          m4s_engines_t *engines, m4s_tested_results_t *results) {
  test_t test = {.folder = test_case->folder, .engines = engines};
  M4S_TRY(m4s_scenario_read(test_case->folder, &test.recorded));
  m4s_status_t status = set_model(&test.recorded->point, model);
  if (status == M4S_OK) {
    status = reserve(results, (size_t)test.recorded->n_flows);
  }
  if (status == M4S_OK) {
    test.flows = results->flows + results->n_flows;
    status = run_case(&test, test_case, place);
  }
  if (status == M4S_OK) {
    results->scenarios[results->n_scenarios++] = test.scenario;
    results->n_flows += (size_t)test.recorded->n_flows;
  }
  free(test.order);
  m4s_scenario_destroy(test.recorded);
  return status;
}
