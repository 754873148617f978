#include "flow/flow_list.h"

#include <stdlib.h>

struct m4s_flow_list {
  m4s_flow_record_t *records;
  int64_t n_flows;
  m4s_routing_t *routing;
  m4s_clock_t *clock;
  int64_t n_started, n_completed;
  m4s_event_key_t next;  // start of flow n_started
};

static void schedule_next(m4s_flow_list_t *list) {
  list->next = list->n_started < list->n_flows
                   ? m4s_clock_schedule(list->clock, list->records[list->n_started].start_ns)
                   : m4s_event_never();
}

m4s_status_t m4s_flow_list_check(const m4s_flow_record_t *records, int64_t n_flows) {
  for (int64_t i = 0; i < n_flows; i++) {
    if (records[i].id != i || records[i].start_ns < (i == 0 ? 0 : records[i - 1].start_ns) ||
        records[i].size_bytes <= 0) {
      return m4s_fail(
          M4S_ERR_INPUT,
          "flow %lld of the list: ids must count from 0, starts ascend, sizes be positive",
          (long long)i);
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_flow_list_start(const m4s_flow_record_t *record, int64_t id,
                                 m4s_routing_t *routing, const m4s_network_port_t *port) {
  m4s_flow_t flow = {
      .id = id, .src = record->src, .dst = record->dst, .size_bytes = record->size_bytes};
  M4S_TRY(m4s_routing_keep_path_of_flow(routing, record->id, flow.src, flow.dst, &flow.links,
                                        &flow.n_links));
  return port->start_flow(port->context, &flow);
}

m4s_status_t m4s_flow_list_create(m4s_flow_record_t *records, int64_t n_flows,
                                  m4s_routing_t *routing, m4s_clock_t *clock,
                                  m4s_flow_list_t **list_out) {
  M4S_TRY(m4s_flow_list_check(records, n_flows));
  m4s_flow_list_t *list = calloc(1, sizeof *list);
  if (list == NULL) {
    return m4s_fail_memory("a flow list");
  }
  *list =
      (m4s_flow_list_t){.records = records, .n_flows = n_flows, .routing = routing, .clock = clock};
  schedule_next(list);
  *list_out = list;
  return M4S_OK;
}

void m4s_flow_list_destroy(m4s_flow_list_t *list) { free(list); }

static m4s_event_key_t next_event(const void *state) {
  const m4s_flow_list_t *list = state;
  return list->next;
}

static m4s_status_t run_event(void *state, const m4s_network_port_t *port) {
  m4s_flow_list_t *list = state;
  const m4s_flow_record_t *record = &list->records[list->n_started++];
  schedule_next(list);
  return m4s_flow_list_start(record, record->id, list->routing, port);
}

static m4s_status_t flow_completed(void *state, int64_t flow_id) {
  m4s_flow_list_t *list = state;
  m4s_flow_record_t *record = &list->records[flow_id];
  record->fct_ns = list->clock->now_ns - record->start_ns;
  list->n_completed++;
  return M4S_OK;
}

static bool finished(const void *state) {
  const m4s_flow_list_t *list = state;
  return list->n_completed == list->n_flows;
}

static const m4s_source_ops_t source_ops = {
    .name = "a flow list",
    .next_event = next_event,
    .run_event = run_event,
    .flow_completed = flow_completed,
    .finished = finished,
};

m4s_source_t m4s_flow_list_as_source(m4s_flow_list_t *list) {
  return (m4s_source_t){.ops = &source_ops, .state = list};
}
