// Runs a case of the HPCC family's files.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow_list.h"
#include "packet/hpcc_case.h"
#include "packet/hpcc_queues.h"

typedef struct {
  m4s_hpcc_case_t *one;
  m4s_hpcc_outputs_t *outputs;
  m4s_clock_t clock;
  m4s_flow_list_t *list;
  m4s_source_t flows;  // the list
  m4s_event_key_t stop;  // when the time is up
  bool stopped;
  int64_t n_started;
  m4s_network_model_t model;
  m4s_run_t *run;
  m4s_packet_observer_t observer;
  m4s_hpcc_queues_t *queues;
  int32_t *port_numbers;  // [n_links], from 1 at each node
  m4s_hpcc_result_t result;
} simulation_t;

// --- the flows, until the time is up ---

static m4s_event_key_t next_event(const void *state) {
  const simulation_t *simulation = state;
  m4s_event_key_t next = simulation->flows.ops->next_event(simulation->flows.state);
  return m4s_event_before(next, simulation->stop) ? next : simulation->stop;
}

static m4s_status_t run_event(void *state, const m4s_network_port_t *port) {
  simulation_t *simulation = state;
  m4s_event_key_t next = simulation->flows.ops->next_event(simulation->flows.state);
  if (!m4s_event_before(next, simulation->stop)) {
    simulation->stopped = true;
    return M4S_OK;
  }
  simulation->n_started++;
  return simulation->flows.ops->run_event(simulation->flows.state, port);
}

static m4s_status_t flow_completed(void *state, int64_t flow) {
  simulation_t *simulation = state;
  simulation->result.n_completed++;
  return simulation->flows.ops->flow_completed(simulation->flows.state, flow);
}

static bool finished(const void *state) {
  const simulation_t *simulation = state;
  return simulation->stopped || simulation->flows.ops->finished(simulation->flows.state);
}

static const m4s_source_ops_t source_ops = {
    .name = "the flow file",
    .next_event = next_event,
    .run_event = run_event,
    .flow_completed = flow_completed,
    .finished = finished,
};

// --- outputs ---

static m4s_status_t add_fct(simulation_t *simulation, int64_t flow) {
  const m4s_hpcc_case_t *one = simulation->one;
  const m4s_flow_record_t *record = &one->flows.records[flow];
  m4s_packet_flow_result_t result = m4s_packet_flow_result(&simulation->model, flow);
  m4s_text_t *fct = &simulation->outputs->fct;
  int64_t fct_ns =
      one->config.rules.complete_at_receiver ? result.fct_received_ns : result.fct_ack_ns;
  if (one->profile == M4S_PROFILE_M4) {
    M4S_TRY(m4s_text_add(fct, "%" PRId64 " ", m4s_hpcc_flow_id(&one->flows, flow)));
  }
  return m4s_text_add(fct, "%08x %08x %d %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
                      m4s_packet_address(record->src), m4s_packet_address(record->dst),
                      result.source_port, M4S_PACKET_DESTINATION_PORT, record->size_bytes,
                      result.start_ns, fct_ns, simulation->result.ideal_ns[flow]);
}

static m4s_status_t add_pause(simulation_t *simulation, const m4s_packet_event_t *event) {
  const m4s_topology_t *topology = simulation->one->topology;
  int32_t node = topology->links[event->link].src;
  return m4s_text_add(&simulation->outputs->pauses, "%" PRId64 " %d %d %d %d\n", event->time_ns,
                      node, (int)topology->kinds[node], simulation->port_numbers[event->link],
                      event->kind == M4S_PACKET_PAUSED);
}

static m4s_status_t observe(void *context, const m4s_packet_event_t *event) {
  bool flow = (event->kind & (M4S_PACKET_FLOW_ACKED | M4S_PACKET_FLOW_RECEIVED)) != 0;
  return flow ? add_fct(context, event->flow) : add_pause(context, event);
}

static m4s_status_t add_paths(const simulation_t *simulation) {
  m4s_text_t *paths = &simulation->outputs->paths;
  const m4s_link_t *all = simulation->one->topology->links;
  for (int64_t flow = 0; flow < simulation->n_started; flow++) {
    const int32_t *links;
    int32_t n_links;
    m4s_packet_flow_path(&simulation->model, flow, &links, &n_links);
    M4S_TRY(m4s_text_add(paths, "%" PRId64 " %d", m4s_hpcc_flow_id(&simulation->one->flows, flow),
                         all[links[0]].src));
    for (int32_t i = 0; i < n_links; i++) {
      M4S_TRY(m4s_text_add(paths, " %d", all[links[i]].dst));
    }
    M4S_TRY(m4s_text_add(paths, "\n"));
  }
  return M4S_OK;
}

static m4s_status_t number_ports(simulation_t *simulation) {
  const m4s_topology_t *topology = simulation->one->topology;
  simulation->port_numbers = calloc((size_t)topology->n_links + 1, sizeof(int32_t));
  if (simulation->port_numbers == NULL) {
    return m4s_fail_memory("ports");
  }
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    int32_t start = topology->adjacency_start[node];
    for (int32_t i = start; i < topology->adjacency_start[node + 1]; i++) {
      simulation->port_numbers[topology->adjacency[i]] = i - start + 1;
    }
  }
  return M4S_OK;
}

static m4s_status_t add_observers(simulation_t *simulation) {
  const m4s_hpcc_config_t *config = &simulation->one->config;
  const m4s_hpcc_outputs_t *outputs = simulation->outputs;
  simulation->observer = (m4s_packet_observer_t){.observe = observe, .context = simulation};
  if (outputs->wants_fct) {
    simulation->observer.kinds |=
        config->rules.complete_at_receiver ? M4S_PACKET_FLOW_RECEIVED : M4S_PACKET_FLOW_ACKED;
  }
  if (outputs->wants_pauses) {
    simulation->observer.kinds |= M4S_PACKET_PAUSED | M4S_PACKET_RESUMED;
    M4S_TRY(number_ports(simulation));
  }
  m4s_packet_observe(&simulation->model, &simulation->observer);
  if (outputs->wants_queues) {
    M4S_TRY(m4s_hpcc_queues_create(simulation->one->topology, config->queue_start_ns,
                                   config->queue_end_ns, &simulation->queues));
    m4s_packet_observe(&simulation->model, m4s_hpcc_queues_observer(simulation->queues));
  }
  return M4S_OK;
}

// --- the run ---

static m4s_status_t find_ideals(simulation_t *simulation) {
  const m4s_hpcc_case_t *one = simulation->one;
  m4s_hpcc_result_t *result = &simulation->result;
  result->n_flows = one->flows.n_flows;
  result->ideal_ns = calloc((size_t)result->n_flows, sizeof *result->ideal_ns);
  if (result->ideal_ns == NULL) {
    return m4s_fail_memory("flows");
  }
  for (int64_t i = 0; i < result->n_flows; i++) {
    m4s_flow_record_t *record = &one->flows.records[i];
    const m4s_flow_t flow = {
        .id = i, .src = record->src, .dst = record->dst, .size_bytes = record->size_bytes};
    record->fct_ns = -1;
    M4S_TRY(m4s_packet_ideal_fct(&one->config.rules, one->topology, one->routing, &flow,
                                 &result->ideal_ns[i]));
  }
  return M4S_OK;
}

static m4s_status_t prepare(simulation_t *simulation, const m4s_run_limits_t *limits) {
  m4s_hpcc_case_t *one = simulation->one;
  const m4s_source_t source = {.ops = &source_ops, .state = simulation};
  M4S_TRY(find_ideals(simulation));
  M4S_TRY(m4s_flow_list_create(one->flows.records, one->flows.n_flows, one->routing,
                               &simulation->clock, &simulation->list));
  simulation->flows = m4s_flow_list_as_source(simulation->list);
  simulation->stop = one->config.stop_ns == M4S_TIME_NEVER
                         ? m4s_event_never()
                         : m4s_clock_schedule(&simulation->clock, one->config.stop_ns);
  M4S_TRY(m4s_packet_create(&one->config.rules, M4S_PACKET_ECMP_FLOW, one->topology, one->routing,
                            &simulation->clock, &simulation->model));
  M4S_TRY(add_observers(simulation));
  return m4s_run_create(&simulation->clock, source, simulation->model, limits, &simulation->run);
}

// Notes why flows can never complete, which is a result as good as others.
static m4s_status_t note_unfinished(simulation_t *simulation) {
  simulation->result.unfinished = strdup(m4s_last_error());
  return simulation->result.unfinished == NULL ? m4s_fail_memory("a result") : M4S_OK;
}

static m4s_status_t advance(simulation_t *simulation) {
  const m4s_network_model_t *model = &simulation->model;
  m4s_run_state_t state;
  m4s_status_t status = m4s_run_advance(simulation->run, NULL, &state);
  if (status == M4S_OK && simulation->stopped &&
      model->ops->next_event(model->state).time_ns == M4S_TIME_NEVER) {
    status = model->ops->stalled(model->state);
  }
  bool halted = model->ops->next_event(model->state).time_ns == M4S_TIME_NEVER;
  return status == M4S_ERR_SIMULATION && halted ? note_unfinished(simulation) : status;
}

static m4s_status_t collect(simulation_t *simulation) {
  m4s_hpcc_result_t *result = &simulation->result;
  result->flows = calloc((size_t)result->n_flows, sizeof *result->flows);
  result->fct_ns = calloc((size_t)result->n_flows, sizeof *result->fct_ns);
  if (result->flows == NULL || result->fct_ns == NULL) {
    return m4s_fail_memory("flows");
  }
  for (int64_t i = 0; i < result->n_flows; i++) {
    const m4s_packet_flow_result_t none = {.start_ns = -1, .fct_ack_ns = -1, .fct_received_ns = -1};
    result->flows[i] =
        i < simulation->n_started ? m4s_packet_flow_result(&simulation->model, i) : none;
    result->fct_ns[i] = simulation->one->flows.records[i].fct_ns;
  }
  result->counts = m4s_packet_counts(&simulation->model);
  result->end_ns = simulation->clock.now_ns;
  if (simulation->outputs->wants_paths) {
    M4S_TRY(add_paths(simulation));
  }
  return simulation->queues == NULL ? M4S_OK
                                    : m4s_hpcc_queues_finish(simulation->queues, result->end_ns,
                                                             &simulation->outputs->queues);
}

m4s_status_t m4s_hpcc_case_run(m4s_hpcc_case_t *one, const m4s_run_limits_t *limits,
                               m4s_hpcc_outputs_t *outputs, m4s_hpcc_result_t *result_out) {
  simulation_t simulation = {.one = one, .outputs = outputs};
  m4s_status_t status = prepare(&simulation, limits);
  if (status == M4S_OK) {
    status = advance(&simulation);
  }
  if (status == M4S_OK) {
    status = collect(&simulation);
  }
  m4s_run_destroy(simulation.run);
  if (simulation.model.ops != NULL) {
    simulation.model.ops->destroy(simulation.model.state);
  }
  m4s_flow_list_destroy(simulation.list);
  m4s_hpcc_queues_destroy(simulation.queues);
  free(simulation.port_numbers);
  if (status == M4S_OK) {
    *result_out = simulation.result;
  } else {
    m4s_hpcc_result_clear(&simulation.result);
  }
  return status;
}

void m4s_hpcc_result_clear(m4s_hpcc_result_t *result) {
  free(result->flows);
  free(result->fct_ns);
  free(result->ideal_ns);
  free(result->unfinished);
  *result = (m4s_hpcc_result_t){0};
}

void m4s_hpcc_outputs_clear(m4s_hpcc_outputs_t *outputs) {
  m4s_text_clear(&outputs->fct);
  m4s_text_clear(&outputs->paths);
  m4s_text_clear(&outputs->pauses);
  m4s_text_clear(&outputs->queues);
}
