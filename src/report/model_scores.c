#include "report/model_scores.h"

#include <gsl/gsl_sort_double.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sweep/flow_metrics.h"

const char *const m4s_model_group_kinds[M4S_N_MODEL_GROUP_KINDS] = {"all", "cc", "load", "size",
                                                                    "scenario"};

double m4s_lower_by_percent(double error, double of_flowsim) {
  return of_flowsim > 0 ? 100 * (1 - error / of_flowsim) : 0;
}

void m4s_model_scores_clear(m4s_model_scores_t *scores) {
  free(scores->groups);
  *scores = (m4s_model_scores_t){0};
}

typedef struct {
  const m4s_tested_results_t *results;
  size_t *flow_begin;  // owned, [n_scenarios + 1]: where each scenario's flows begin
  size_t n_loads;  // scenarios whose load is known
  double load_bounds[2];  // where the second and the last third begin
  // Owned, [n_flows], of a group and a simulator at a time:
  double *errors, *slowdowns, *packet_slowdowns;
  m4s_model_scores_t scores;
} maker_t;

// --- groups ---

static m4s_status_t find_loads(maker_t *maker) {
  const m4s_tested_results_t *results = maker->results;
  double *loads = malloc((results->n_scenarios + 1) * sizeof *loads);
  if (loads == NULL) {
    return m4s_fail_memory("loads");
  }
  size_t n = 0;
  for (size_t i = 0; i < results->n_scenarios; i++) {
    if (results->scenarios[i].load >= 0) {
      loads[n++] = results->scenarios[i].load;
    }
  }
  gsl_sort(loads, 1, n);
  maker->n_loads = n;
  for (size_t i = 0; n > 0 && i < M4S_COUNT(maker->load_bounds); i++) {
    maker->load_bounds[i] = loads[(i + 1) * n / 3];
  }
  free(loads);
  return M4S_OK;
}

static int32_t third_of(const maker_t *maker, double load) {
  return load < 0 || maker->n_loads < 3
             ? -1
             : (load >= maker->load_bounds[0]) + (load >= maker->load_bounds[1]);
}

// The first class is all sizes.
static int32_t size_class_of(int64_t size_bytes) {
  int32_t i = 1;
  while (i + 1 < M4S_N_SIZE_CLASSES && size_bytes > m4s_size_classes[i].up_to) {
    i++;
  }
  return i;
}

// The group of a kind that a flow is in; -1: none.
static int32_t group_of(const maker_t *maker, m4s_model_group_kind_t kind,
                        const m4s_tested_flow_t *flow) {
  const m4s_tested_scenario_t *scenario = &maker->results->scenarios[flow->scenario];
  switch (kind) {
    case M4S_MODEL_GROUP_CC:
      return scenario->cc;
    case M4S_MODEL_GROUP_LOAD:
      return third_of(maker, scenario->load);
    case M4S_MODEL_GROUP_SIZE:
      return size_class_of(flow->size_bytes);
    case M4S_MODEL_GROUP_SCENARIO:
      return flow->scenario;
    default:
      return 0;
  }
}

static int32_t n_groups_of(const maker_t *maker, m4s_model_group_kind_t kind) {
  int32_t n = 0;
  switch (kind) {
    case M4S_MODEL_GROUP_CC:
      while (m4s_tested_cc_name(n) != NULL) {
        n++;
      }
      return n;
    case M4S_MODEL_GROUP_LOAD:
      return 3;
    case M4S_MODEL_GROUP_SIZE:
      return M4S_N_SIZE_CLASSES;
    case M4S_MODEL_GROUP_SCENARIO:
      return (int32_t)maker->results->n_scenarios;
    default:
      return 1;
  }
}

static void name_third(const maker_t *maker, m4s_model_group_t *group) {
  double least = INFINITY, greatest = -INFINITY;
  for (size_t i = 0; i < maker->results->n_scenarios; i++) {
    double load = maker->results->scenarios[i].load;
    if (third_of(maker, load) == group->index) {
      least = fmin(least, load);
      greatest = fmax(greatest, load);
    }
  }
  if (least == greatest) {
    snprintf(group->name, sizeof group->name, "load %.2f", least);
  } else {
    snprintf(group->name, sizeof group->name, "load %.2f to %.2f", least, greatest);
  }
}

static void name_group(const maker_t *maker, m4s_model_group_t *group) {
  switch (group->kind) {
    case M4S_MODEL_GROUP_CC:
      snprintf(group->name, sizeof group->name, "%s", m4s_tested_cc_name(group->index));
      break;
    case M4S_MODEL_GROUP_LOAD:
      name_third(maker, group);
      break;
    case M4S_MODEL_GROUP_SIZE:
      snprintf(group->name, sizeof group->name, "%s", m4s_size_classes[group->index].title);
      break;
    case M4S_MODEL_GROUP_SCENARIO:
      snprintf(group->name, sizeof group->name, "%.40s",
               maker->results->scenarios[group->index].case_id);
      break;
    default:
      snprintf(group->name, sizeof group->name, "all flows");
  }
}

// --- scores ---

static m4s_status_t p99_of(const double *samples, size_t n, double *p99_out) {
  double *sorted;
  M4S_TRY(m4s_samples_sort("slowdowns", samples, n, &sorted));
  *p99_out = m4s_quantile_of_sorted(sorted, n, 0.99);
  free(sorted);
  return M4S_OK;
}

// Adds the flows of one scenario, from `begin` to `end`, to the sums over scenarios.
static m4s_status_t add_scenario(const maker_t *maker, size_t begin, size_t end,
                                 m4s_model_score_t *score) {
  m4s_error_summary_t own;
  double p99, packet_p99;
  size_t n = end - begin;
  if (n == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_error_summary_make("errors of flows", maker->errors + begin, n, &own));
  M4S_TRY(p99_of(maker->slowdowns + begin, n, &p99));
  M4S_TRY(p99_of(maker->packet_slowdowns + begin, n, &packet_p99));
  m4s_error_summary_t *sums = &score->scenarios;
  sums->n++;
  sums->mae += own.mae;
  sums->mean_signed += own.mean_signed;
  sums->median_abs += own.median_abs;
  sums->p90_abs += own.p90_abs;
  sums->p99_abs += own.p99_abs;
  score->p99_slowdown_error += 100 * fabs(p99 / packet_p99 - 1);
  return M4S_OK;
}

static void divide(m4s_model_score_t *score) {
  m4s_error_summary_t *sums = &score->scenarios;
  double n = sums->n == 0 ? 1 : (double)sums->n;
  sums->mae /= n;
  sums->mean_signed /= n;
  sums->median_abs /= n;
  sums->p90_abs /= n;
  sums->p99_abs /= n;
  score->p99_slowdown_error /= n;
}

typedef struct {
  size_t begin, end;
} range_t;

// Where the flows of a group are.
static range_t range_of(const maker_t *maker, const m4s_model_group_t *group) {
  return group->kind == M4S_MODEL_GROUP_SCENARIO
             ? (range_t){maker->flow_begin[group->index], maker->flow_begin[group->index + 1]}
             : (range_t){0, maker->results->n_flows};
}

static m4s_status_t make_score(const maker_t *maker, const m4s_model_group_t *group,
                               m4s_tested_t tested, m4s_model_score_t *score) {
  range_t range = range_of(maker, group);
  size_t n = 0, begin = 0;
  int32_t scenario = -1;
  for (size_t i = range.begin; i < range.end; i++) {
    const m4s_tested_flow_t *flow = &maker->results->flows[i];
    double fct_ns = flow->fct_ns[tested];
    if (group_of(maker, group->kind, flow) != group->index || fct_ns < 0) {
      continue;
    }
    if (flow->scenario != scenario) {
      M4S_TRY(add_scenario(maker, begin, n, score));
      begin = n;
      scenario = flow->scenario;
    }
    maker->errors[n] = 100 * (fct_ns / flow->packet_ns - 1);
    maker->slowdowns[n] = fct_ns / flow->ideal_ns;
    maker->packet_slowdowns[n++] = flow->packet_ns / flow->ideal_ns;
  }
  M4S_TRY(add_scenario(maker, begin, n, score));
  divide(score);
  return m4s_error_summary_make("errors of flows", maker->errors, n, &score->flows);
}

static void count(const maker_t *maker, m4s_model_group_t *group) {
  range_t range = range_of(maker, group);
  int32_t scenario = -1;
  for (size_t i = range.begin; i < range.end; i++) {
    const m4s_tested_flow_t *flow = &maker->results->flows[i];
    if (group_of(maker, group->kind, flow) == group->index) {
      group->n_flows++;
      group->n_scenarios += flow->scenario != scenario;
      scenario = flow->scenario;
    }
  }
}

static m4s_status_t add_group(maker_t *maker, m4s_model_group_kind_t kind, int32_t index) {
  m4s_model_scores_t *scores = &maker->scores;
  m4s_model_group_t group = {.kind = kind, .index = index};
  count(maker, &group);
  if (group.n_flows == 0) {
    return M4S_OK;
  }
  name_group(maker, &group);
  for (int tested = 0; tested < M4S_N_TESTED; tested++) {
    M4S_TRY(make_score(maker, &group, (m4s_tested_t)tested, &group.scores[tested]));
  }
  m4s_model_group_t *grown = realloc(scores->groups, (scores->n_groups + 1) * sizeof *grown);
  if (grown == NULL) {
    return m4s_fail_memory("groups");
  }
  scores->groups = grown;
  scores->groups[scores->n_groups++] = group;
  return M4S_OK;
}

static m4s_status_t find_flows(maker_t *maker) {
  const m4s_tested_results_t *results = maker->results;
  maker->flow_begin = calloc(results->n_scenarios + 2, sizeof *maker->flow_begin);
  if (maker->flow_begin == NULL) {
    return m4s_fail_memory("the flows");
  }
  for (size_t i = 0; i < results->n_flows; i++) {
    maker->flow_begin[results->flows[i].scenario + 1]++;
  }
  for (size_t i = 0; i < results->n_scenarios; i++) {
    maker->flow_begin[i + 1] += maker->flow_begin[i];
  }
  return M4S_OK;
}

static m4s_status_t make(maker_t *maker) {
  size_t n = maker->results->n_flows + 1;
  maker->errors = malloc(n * sizeof *maker->errors);
  maker->slowdowns = malloc(n * sizeof *maker->slowdowns);
  maker->packet_slowdowns = malloc(n * sizeof *maker->packet_slowdowns);
  if (maker->errors == NULL || maker->slowdowns == NULL || maker->packet_slowdowns == NULL) {
    return m4s_fail_memory("the flows");
  }
  M4S_TRY(find_flows(maker));
  M4S_TRY(find_loads(maker));
  for (int kind = 0; kind < M4S_N_MODEL_GROUP_KINDS; kind++) {
    int32_t n_groups = n_groups_of(maker, (m4s_model_group_kind_t)kind);
    for (int32_t i = 0; i < n_groups; i++) {
      M4S_TRY(add_group(maker, (m4s_model_group_kind_t)kind, i));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_model_scores_make(const m4s_tested_results_t *results,
                                   m4s_model_scores_t *scores_out) {
  maker_t maker = {.results = results};
  m4s_status_t status = make(&maker);
  free(maker.flow_begin);
  free(maker.errors);
  free(maker.slowdowns);
  free(maker.packet_slowdowns);
  if (status != M4S_OK) {
    m4s_model_scores_clear(&maker.scores);
    return status;
  }
  *scores_out = maker.scores;
  return M4S_OK;
}
