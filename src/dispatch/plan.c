#include "dispatch/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/log.h"
#include "core/text.h"

enum { MAX_CHECKED = 200, MAX_ORDERED = 100000 };

// What the checks of a sweep share.
typedef struct {
  const m4s_sweep_t *sweep;
  json_t *seen;  // owned reference: texts of the settings that have been checked
  m4s_engines_t *engines;  // owned
  m4s_point_facts_t facts;
  bool file_is_bad;  // the error is a file's, whatever the point
} checks_t;

// Whether settings are met for the first time; false, too, without memory, which *status_out tells.
static bool is_new(checks_t *checks, const json_t *settings, m4s_status_t *status_out) {
  char *text = settings == NULL ? NULL : m4s_json_canonical(settings);
  bool seen = text != NULL && json_object_get(checks->seen, text) != NULL;
  if (text == NULL || (!seen && json_object_set_new(checks->seen, text, json_true()) != 0)) {
    *status_out = m4s_fail_memory("a point");
    seen = true;
  }
  free(text);
  return !seen;
}

// Adds what one point tells: the most layers, the first point that leaves GPUs idle.
static void add_facts(m4s_point_facts_t *facts, const m4s_point_facts_t *more) {
  facts->traffic = more->traffic;
  facts->n_layers = more->n_layers > facts->n_layers ? more->n_layers : facts->n_layers;
  if (facts->n_gpus == 0 && more->n_gpus_used < more->n_gpus) {
    facts->n_gpus_used = more->n_gpus_used;
    facts->n_gpus = more->n_gpus;
  }
}

// A network that cannot be read is no fault of the point's.
static m4s_status_t check_model(checks_t *checks, const m4s_point_t *point) {
  m4s_shared_engine_t *network;
  m4s_status_t status = m4s_engines_take(checks->engines, point->m4.model,
                                         (m4s_forward_t)point->m4.forward, &network);
  if (status != M4S_OK) {
    checks->file_is_bad = true;
    return m4s_fail_in(status, "m4.model");
  }
  m4s_engines_release(checks->engines, network);
  return M4S_OK;
}

// Checks the simulator unless it has been with the same settings of its own and topology file.
static m4s_status_t check_simulator(checks_t *checks, const m4s_point_t *point,
                                    const json_t *settings, const char *simulator) {
  m4s_status_t status = M4S_OK;
  const m4s_external_t *external = m4s_sweep_external(checks->sweep, simulator);
  if (external != NULL) {
    return m4s_point_check_external(point, external);
  }
  json_t *own = json_pack("{s:O, s:s?}", simulator, json_object_get(settings, simulator), "file",
                          point->topology.file);
  bool met = !is_new(checks, own, &status);
  if (!met && strcmp(simulator, "m4") == 0) {
    status = check_model(checks, point);
  }
  if (!met && status == M4S_OK) {
    status = m4s_point_check_simulator(point, simulator, checks->engines);
  }
  json_decref(own);
  return status;
}

static m4s_status_t check_point(checks_t *checks, const m4s_point_t *point, json_t *settings) {
  static const char *const other[] = {"output", "run"};
  m4s_status_t status = M4S_OK;
  const m4s_text_list_t *simulators = &checks->sweep->simulators;
  for (size_t i = 0; status == M4S_OK && i < simulators->n_items; i++) {
    status = check_simulator(checks, point, settings, simulators->items[i]);
  }
  // What is left is what m4s_point_check() looks at.
  for (size_t i = 0; i < M4S_COUNT(other); i++) {
    json_object_del(settings, other[i]);
  }
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    json_object_del(settings, m4s_simulator_names[i]);
  }
  m4s_point_facts_t more = {0};
  if (status == M4S_OK && is_new(checks, settings, &status)) {
    status = m4s_point_check(point, &more);
    add_facts(&checks->facts, &more);
  }
  return status;
}

static m4s_status_t check_index(checks_t *checks, uint64_t index) {
  const m4s_sweep_t *sweep = checks->sweep;
  m4s_point_t point;
  M4S_TRY(m4s_sweep_point(sweep, index, &point));
  json_t *settings = m4s_point_resolved(&point);
  m4s_status_t status =
      settings == NULL ? m4s_fail_memory("a point") : check_point(checks, &point, settings);
  json_decref(settings);
  m4s_point_clear(&point);
  if (checks->file_is_bad) {
    return status;
  }
  if (status == M4S_OK || sweep->n_groups == 0) {
    return status == M4S_OK ? M4S_OK : m4s_fail_in(status, "%s", sweep->path);
  }
  char *title = m4s_sweep_point_title(sweep, index);
  m4s_fail_in(status, "%s: point %s", sweep->path, title == NULL ? "?" : title);
  free(title);
  return status;
}

static m4s_status_t check_indices(checks_t *checks, const uint64_t *indices, size_t n_indices) {
  checks->seen = json_object();
  if (checks->seen == NULL) {
    return m4s_fail_memory("a plan");
  }
  M4S_TRY(m4s_engines_create(&checks->engines));
  size_t n = n_indices < MAX_CHECKED ? n_indices : MAX_CHECKED;
  for (size_t i = 0; i < n; i++) {
    size_t place = n == 1 ? 0 : i * (n_indices - 1) / (n - 1);
    M4S_TRY(check_index(checks, indices[place]));
  }
  return M4S_OK;
}

m4s_status_t m4s_plan_check(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_indices,
                            json_t **metrics_out) {
  checks_t checks = {.sweep = sweep};
  m4s_status_t status = check_indices(&checks, indices, n_indices);
  json_decref(checks.seen);
  m4s_engines_destroy(checks.engines);
  M4S_TRY(status);
  const m4s_point_facts_t *facts = &checks.facts;
  if (facts->n_gpus > 0) {
    m4s_log(M4S_LOG_WARN, "%s: the workload uses %d of %d GPUs", sweep->path, facts->n_gpus_used,
            facts->n_gpus);
  }
  json_t *metrics = m4s_point_metric_names(facts->traffic, facts->n_layers);
  if (metrics == NULL) {
    return m4s_fail_memory("a plan");
  }
  *metrics_out = metrics;
  return M4S_OK;
}

m4s_status_t m4s_plan_check_ids(const m4s_sweep_t *sweep, const uint64_t *indices,
                                size_t n_indices) {
  uint64_t *ids = malloc((n_indices + 1) * sizeof *ids);
  if (ids == NULL) {
    return m4s_fail_memory("case ids");
  }
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < n_indices; i++) {
    char text[M4S_CASE_ID_BYTES];
    status = m4s_sweep_case_id(sweep, indices[i], text);
    ids[i] = status == M4S_OK ? strtoull(text, NULL, 16) : 0;
  }
  if (status == M4S_OK) {
    qsort(ids, n_indices, sizeof *ids, m4s_uint64_compare);
  }
  for (size_t i = 1; status == M4S_OK && i < n_indices; i++) {
    if (ids[i] == ids[i - 1]) {
      status = m4s_fail(M4S_ERR_INPUT, "%s: two points have the case id %016llx", sweep->path,
                        (unsigned long long)ids[i]);
    }
  }
  free(ids);
  return status;
}

// Longest first; equal ones in the sweep's order.
static int compare_units(const void *a, const void *b) {
  const m4s_plan_unit_t *x = a;
  const m4s_plan_unit_t *y = b;
  if (x->cost != y->cost) {
    return x->cost > y->cost ? -1 : 1;
  }
  if (x->index != y->index) {
    return x->index < y->index ? -1 : 1;
  }
  return x->simulator < y->simulator ? -1 : x->simulator > y->simulator;
}

static m4s_status_t order_units(const m4s_sweep_t *sweep, m4s_plan_t *plan) {
  for (size_t i = 0; i < plan->n_units; i++) {
    m4s_plan_unit_t *unit = &plan->units[i];
    m4s_point_t point;
    m4s_status_t status = m4s_sweep_point(sweep, unit->index, &point);
    if (status == M4S_OK) {
      const char *simulator = sweep->simulators.items[unit->simulator];
      unit->cost = (float)m4s_point_expected_cost(&point, simulator);
    }
    m4s_point_clear(&point);
    M4S_TRY(status);
  }
  if (plan->n_units > 0) {
    qsort(plan->units, plan->n_units, sizeof *plan->units, compare_units);
  }
  return M4S_OK;
}

// Adds the units of one point that are to be run, and counts the others.
static m4s_status_t add_units(const m4s_sweep_t *sweep, uint64_t index, const m4s_store_t *store,
                              bool retry_failed, m4s_plan_t *plan) {
  char case_id[M4S_CASE_ID_BYTES];
  M4S_TRY(m4s_sweep_case_id(sweep, index, case_id));
  for (size_t i = 0; i < sweep->simulators.n_items; i++) {
    const char *simulator = sweep->simulators.items[i];
    m4s_row_status_t status = m4s_store_unit_status(store, case_id, simulator,
                                                    m4s_sweep_definition(sweep, index, simulator));
    if (status == M4S_ROW_OK) {
      plan->n_done++;
    } else if (status == M4S_ROW_FAILED && !retry_failed) {
      plan->n_failed++;
    } else {
      plan->units[plan->n_units++] = (m4s_plan_unit_t){.index = index, .simulator = (int32_t)i};
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_plan_make(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_indices,
                           const m4s_store_t *store, bool retry_failed, m4s_plan_t *plan_out) {
  size_t n_total = n_indices * sweep->simulators.n_items;
  m4s_plan_t plan = {.n_total = (int64_t)n_total};
  plan.units = malloc((n_total + 1) * sizeof *plan.units);
  if (plan.units == NULL) {
    return m4s_fail_memory("a plan");
  }
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < n_indices; i++) {
    status = add_units(sweep, indices[i], store, retry_failed, &plan);
  }
  if (status == M4S_OK && plan.n_units <= MAX_ORDERED) {
    status = order_units(sweep, &plan);
  }
  if (status != M4S_OK) {
    m4s_plan_clear(&plan);
    return status;
  }
  *plan_out = plan;
  return M4S_OK;
}

void m4s_plan_clear(m4s_plan_t *plan) {
  free(plan->units);
  *plan = (m4s_plan_t){0};
}
