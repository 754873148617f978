#include "train/scenario.h"

#include <stdlib.h>

#include "core/file.h"
#include "core/json.h"

void m4s_scenario_destroy(m4s_scenario_t *scenario) {
  if (scenario == NULL) {
    return;
  }
  m4s_trace_clear(&scenario->trace);
  m4s_routing_destroy(scenario->routing);
  m4s_topology_destroy(scenario->topology);
  m4s_point_clear(&scenario->point);
  free(scenario->records);
  free(scenario->hop_begin);
  free(scenario->hops);
  free(scenario);
}

static m4s_status_t read_point(const char *path, m4s_point_t *point) {
  json_t *root;
  M4S_TRY(m4s_json_read(path, &root));
  const json_t *settings = json_object_get(root, "settings");
  m4s_status_t status = json_is_object(settings)
                            ? m4s_point_set(point, settings, "/", path)
                            : m4s_fail(M4S_ERR_INPUT, "%s: settings: an object is needed", path);
  json_decref(root);
  return status;
}

static m4s_status_t read_records(const char *path, m4s_scenario_t *scenario) {
  size_t n_records;
  M4S_TRY(m4s_flow_records_read(path, &scenario->records, &n_records));
  scenario->n_flows = (int64_t)n_records;
  for (size_t i = 0; i < n_records; i++) {
    const m4s_flow_record_t *record = &scenario->records[i];
    if (record->id != (int64_t)i || record->size_bytes <= 0 || record->ideal_fct_ns <= 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: record %zu is not that of a flow", path, i);
    }
  }
  return M4S_OK;
}

// The trace has the hops of a flow together, flows in the order of their arrivals.
static m4s_status_t sort_hops(m4s_scenario_t *scenario) {
  const m4s_trace_t *trace = &scenario->trace;
  scenario->hop_begin = calloc((size_t)scenario->n_flows + 2, sizeof *scenario->hop_begin);
  scenario->hops = calloc(trace->n_hops + 1, sizeof *scenario->hops);
  if (scenario->hop_begin == NULL || scenario->hops == NULL) {
    return m4s_fail_memory("paths");
  }
  int64_t *next = scenario->hop_begin + 1;  // by flow; in the end where the next flow begins
  for (size_t i = 0; i < trace->n_hops; i++) {
    next[trace->hops[i].flow + 1]++;
  }
  for (int64_t flow = 0; flow < scenario->n_flows; flow++) {
    next[flow + 1] += next[flow];
  }
  for (size_t i = 0; i < trace->n_hops; i++) {
    scenario->hops[next[trace->hops[i].flow]++] = trace->hops[i].link;
  }
  return M4S_OK;
}

static m4s_status_t read_parts(const char *point, const char *flows, const char *trace,
                               m4s_scenario_t *scenario) {
  M4S_TRY(read_point(point, &scenario->point));
  M4S_TRY(m4s_point_make_network(&scenario->point, &scenario->topology, &scenario->routing));
  M4S_TRY(read_records(flows, scenario));
  M4S_TRY(m4s_trace_read(trace, scenario->n_flows, scenario->topology->n_links, &scenario->trace));
  return sort_hops(scenario);
}

m4s_status_t m4s_scenario_read(const char *folder, m4s_scenario_t **scenario_out) {
  m4s_scenario_t *scenario = calloc(1, sizeof *scenario);
  char *point = m4s_path_join(folder, "point.json");
  char *flows = m4s_path_join(folder, "flows.npy");
  char *trace = m4s_path_join(folder, "trace");
  m4s_status_t status = scenario == NULL || point == NULL || flows == NULL || trace == NULL
                            ? m4s_fail_memory("a scenario")
                            : read_parts(point, flows, trace, scenario);
  free(point);
  free(flows);
  free(trace);
  if (status != M4S_OK) {
    m4s_scenario_destroy(scenario);
    return status;
  }
  *scenario_out = scenario;
  return M4S_OK;
}

// --- busy periods ---

// The flow that stands for a flow's set.
static int32_t root_of(int32_t *parents, int32_t flow) {
  while (parents[flow] != flow) {
    parents[flow] = parents[parents[flow]];
    flow = parents[flow];
  }
  return flow;
}

// Joins the flows that are in one component as one of them arrives.
static void join_components(const m4s_trace_t *trace, int32_t *parents) {
  for (size_t i = 0; i < trace->n_events; i++) {
    const m4s_trace_event_t *event = &trace->events[i];
    for (int32_t j = 0; event->kind == M4S_TRACE_ARRIVAL && j < event->n_flows; j++) {
      int32_t flow = root_of(parents, trace->flows[event->first_flow + j].flow);
      parents[flow] = root_of(parents, event->flow);
    }
  }
}

// Numbers the sets by their first events, and counts.
static void number_periods(const m4s_trace_t *trace, int32_t *parents, int32_t *number_of_root,
                           m4s_periods_t *periods) {
  for (size_t i = 0; i < trace->n_events; i++) {
    const m4s_trace_event_t *event = &trace->events[i];
    int32_t *number = &number_of_root[root_of(parents, event->flow)];
    if (*number < 0) {
      *number = periods->n_periods++;
    }
    m4s_period_t *period = &periods->periods[*number];
    period->n_flows += event->kind == M4S_TRACE_ARRIVAL;
    period->n_events++;
    period->n_rows += event->n_flows + event->n_links;
    periods->of_flow[event->flow] = *number;
  }
}

m4s_status_t m4s_periods_find(const m4s_scenario_t *scenario, m4s_periods_t *periods_out) {
  size_t n_flows = (size_t)scenario->n_flows;
  m4s_periods_t periods = {.of_flow = calloc(n_flows + 1, sizeof *periods.of_flow),
                           .periods = calloc(n_flows + 1, sizeof *periods.periods)};
  int32_t *parents = calloc(2 * n_flows + 1, sizeof *parents);
  if (periods.of_flow == NULL || periods.periods == NULL || parents == NULL) {
    m4s_periods_clear(&periods);
    free(parents);
    return m4s_fail_memory("busy periods");
  }
  int32_t *number_of_root = parents + n_flows;
  for (size_t i = 0; i < n_flows; i++) {
    periods.of_flow[i] = number_of_root[i] = -1;
    parents[i] = (int32_t)i;
  }
  join_components(&scenario->trace, parents);
  number_periods(&scenario->trace, parents, number_of_root, &periods);
  free(parents);
  *periods_out = periods;
  return M4S_OK;
}

void m4s_periods_clear(m4s_periods_t *periods) {
  free(periods->of_flow);
  free(periods->periods);
  *periods = (m4s_periods_t){0};
}
