#include "dispatch/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/log.h"
#include "core/text.h"

enum { MAX_CHECKED = 200, MAX_ORDERED = 100000 };

// The settings that m4s_point_check() looks at, as one text: owned.
static char *checked_text(const m4s_point_t *point) {
  static const char *const other[] = {"flowsim", "output", "run"};
  json_t *settings = m4s_point_resolved(point);
  for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
    json_object_del(settings, other[i]);
  }
  char *text = settings == NULL ? NULL : m4s_json_canonical(settings);
  json_decref(settings);
  return text;
}

// Adds what one point tells: the most layers, the first point that leaves GPUs idle.
static void add_facts(m4s_point_facts_t *facts, const m4s_point_facts_t *more) {
  facts->n_layers = more->n_layers > facts->n_layers ? more->n_layers : facts->n_layers;
  if (facts->n_gpus == 0 && more->n_gpus_used < more->n_gpus) {
    facts->n_gpus_used = more->n_gpus_used;
    facts->n_gpus = more->n_gpus;
  }
}

static m4s_status_t check_new_point(const m4s_sweep_t *sweep, uint64_t index, json_t *seen,
                                    m4s_point_facts_t *facts) {
  m4s_point_t point;
  m4s_point_facts_t more = {0};
  m4s_status_t status = m4s_sweep_point(sweep, index, &point);
  char *text = status == M4S_OK ? checked_text(&point) : NULL;
  if (status == M4S_OK && text == NULL) {
    status = m4s_fail_memory("a point");
  } else if (status == M4S_OK && json_object_get(seen, text) == NULL) {
    status = m4s_point_check(&point, &more);
    add_facts(facts, &more);
    if (status != M4S_OK) {
      char *title = m4s_sweep_point_title(sweep, index);
      status = sweep->n_groups == 0
                   ? m4s_fail_in(status, "%s", sweep->path)
                   : m4s_fail_in(status, "%s: point %s", sweep->path, title == NULL ? "?" : title);
      free(title);
    }
    json_object_set_new(seen, text, json_true());
  }
  free(text);
  m4s_point_clear(&point);
  return status;
}

m4s_status_t m4s_plan_check(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_indices,
                            json_t **metrics_out) {
  json_t *seen = json_object();
  if (seen == NULL) {
    return m4s_fail_memory("a plan");
  }
  size_t n = n_indices < MAX_CHECKED ? n_indices : MAX_CHECKED;
  m4s_point_facts_t facts = {0};
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < n; i++) {
    size_t place = n == 1 ? 0 : i * (n_indices - 1) / (n - 1);
    status = check_new_point(sweep, indices[place], seen, &facts);
  }
  json_decref(seen);
  M4S_TRY(status);
  if (facts.n_gpus > 0) {
    m4s_log(M4S_LOG_WARN, "%s: the workload uses %d of %d GPUs", sweep->path, facts.n_gpus_used,
            facts.n_gpus);
  }
  json_t *metrics = m4s_point_metric_names(facts.n_layers);
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
    m4s_row_status_t status = m4s_store_unit_status(store, case_id, sweep->simulators.items[i]);
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
