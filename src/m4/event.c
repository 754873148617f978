// m4's algorithm "event" (arXiv 2503.01770): one step at each arrival and at each completion, over
// the connected component of flows that it touches. All predictions of a component are replaced by
// its step, so only the first of them counts until then: completions are queued by component.
//
// Steps of components that have nothing in common do not depend on each other. So a step is not
// evaluated at once: the events of the same instant go on until one needs a component whose step
// waits, or none is left. The waiting steps are then evaluated together. A completion that such a
// step moves to the present comes after what has gone on.
#include <stdlib.h>

#include "core/array.h"
#include "flow/components.h"
#include "m4/network.h"

// The order of the events of one instant: the source's, which have small numbers from the clock;
// completions, by flow id; arrivals, by flow id. So arrivals wait until the source has started all
// flows of that instant and all completions are through.
static const uint64_t COMPLETION = UINT64_C(1) << 63;  // plus the flow id
static const uint64_t ARRIVAL = UINT64_MAX - 1;

// A component's next_flow: the one that completes first by the last step, or:
enum { STEP_WAITS = -1, STEP_IS_DUE = -2 };

typedef struct {
  m4s_m4_network_t network;
  m4s_components_t components;
  // By component: the first completion in it. Components whose step waits are not there.
  m4s_heap_t completions;
  m4s_flow_t *arrivals;  // [n_arrivals]: flows of this instant, some of which have entered
  m4s_heap_t waiting;  // those that have not, by flow id
  int32_t n_arrivals, arrival_capacity;
  int32_t *entered;  // [n_entered]: slots of flows that entered with the last event
  int32_t n_entered, entered_capacity;
} event_t;

static m4s_status_t start_flow(void *state, const m4s_flow_t *flow) {
  event_t *model = state;
  int32_t i = model->n_arrivals;
  M4S_TRY(m4s_array_grow(&model->arrivals, i, &model->arrival_capacity, sizeof *model->arrivals,
                         "flows"));
  M4S_TRY(m4s_heap_set(&model->waiting, i, (m4s_event_key_t){.order = (uint64_t)flow->id}));
  model->arrivals[model->n_arrivals++] = *flow;
  return M4S_OK;
}

static m4s_event_key_t next_event(const void *state) {
  const event_t *model = state;
  m4s_event_key_t key = m4s_m4_network_next_completion(&model->network);
  const m4s_heap_entry_t *first = m4s_heap_first(&model->completions);
  if (first != NULL && m4s_event_before(first->key, key)) {
    key = first->key;
  }
  m4s_event_key_t arrival = {.time_ns = model->network.clock->now_ns, .order = ARRIVAL};
  return model->waiting.n_entries > 0 && m4s_event_before(arrival, key) ? arrival : key;
}

// --- steps ---

// The component's step waits from now on: its predictions do not count any more.
static m4s_status_t build_step(event_t *model, int32_t id) {
  m4s_component_t *component = &model->components.components[id];
  component->next_flow = STEP_WAITS;
  m4s_heap_remove(&model->completions, id);
  return m4s_m4_network_build_step(&model->network, component->flows, component->n_flows);
}

static bool touches_waiting_step(const event_t *model, const m4s_flow_t *flow) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    int32_t id = model->components.links[flow->links[hop]].component;
    if (id >= 0 && model->components.components[id].next_flow == STEP_WAITS) {
      return true;
    }
  }
  return false;
}

// Whether the next event is of this instant and needs no step that waits.
static bool can_go_on(const event_t *model) {
  const m4s_heap_entry_t *completion = m4s_heap_first(&model->completions);
  if (completion != NULL && completion->key.time_ns == model->network.clock->now_ns) {
    return true;
  }
  const m4s_heap_entry_t *arrival = m4s_heap_first(&model->waiting);
  return arrival != NULL && !model->network.config->merge_arrivals &&
         !touches_waiting_step(model, &model->arrivals[arrival->id]);
}

static int64_t wants_inference(void *state, m4s_inference_batch_t *batch) {
  event_t *model = state;
  return model->network.steps_wait && !can_go_on(model)
             ? m4s_m4_network_hand_out_steps(&model->network, batch)
             : 0;
}

// When a flow completes by its prediction, not before now.
static m4s_status_t completion_key(const event_t *model, const m4s_m4_flow_t *flow,
                                   m4s_event_key_t *key_out) {
  double slowdown = flow->slowdown > 1 ? flow->slowdown : 1;
  double fct_ns = slowdown * (double)flow->ideal_fct_ns;
  if (!(fct_ns < (double)M4S_TIME_MAX_NS)) {
    return m4s_fail(M4S_ERR_SIMULATION, "flow %lld would take %.3g s", (long long)flow->id,
                    fct_ns / 1e9);
  }
  int64_t time_ns = flow->started_ns + (int64_t)fct_ns;
  int64_t now_ns = model->network.clock->now_ns;
  *key_out = (m4s_event_key_t){.time_ns = time_ns > now_ns ? time_ns : now_ns,
                               .order = COMPLETION + (uint64_t)flow->id};
  return M4S_OK;
}

// Queues the first completion among the flows of a step, which are a component.
static m4s_status_t schedule_completion(event_t *model, const int32_t *slots, int32_t n_slots) {
  m4s_event_key_t first = m4s_event_never();
  int32_t next_flow = -1;
  for (int32_t i = 0; i < n_slots; i++) {
    m4s_event_key_t key;
    M4S_TRY(completion_key(model, &model->network.flows[slots[i]], &key));
    if (m4s_event_before(key, first)) {
      first = key;
      next_flow = slots[i];
    }
  }
  model->network.counts.reschedules += n_slots;
  int32_t id = model->components.flows[slots[0]].component;
  model->components.components[id].next_flow = next_flow;
  return m4s_heap_set(&model->completions, id, first);
}

static m4s_status_t inference_done(void *state, const m4s_inference_batch_t *batch) {
  (void)batch;
  event_t *model = state;
  m4s_m4_network_t *network = &model->network;
  M4S_TRY(m4s_m4_network_end_steps(network, (m4s_m4_step_trace_t){.reschedule_all = true}));
  const int32_t *slots = network->step_slots;
  for (int32_t i = 0; i < network->n_steps; i++) {
    M4S_TRY(schedule_completion(model, slots, network->steps[i].n_flows));
    slots += network->steps[i].n_flows;
  }
  return M4S_OK;
}

// --- events ---

// Predictions of the components that a flow touches do not count any more.
static void forget_completions(event_t *model, const m4s_flow_t *flow) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    int32_t id = model->components.links[flow->links[hop]].component;
    if (id >= 0) {
      m4s_heap_remove(&model->completions, id);
    }
  }
}

// The first flow of the queue enters.
static m4s_status_t enter_next(event_t *model) {
  int32_t i = m4s_heap_first(&model->waiting)->id;
  const m4s_flow_t *flow = &model->arrivals[i];
  int32_t slot;
  m4s_heap_remove(&model->waiting, i);
  forget_completions(model, flow);
  M4S_TRY(m4s_m4_network_start(&model->network, flow, &slot));
  M4S_TRY(m4s_m4_network_enter(&model->network, slot));
  M4S_TRY(m4s_components_join(&model->components, slot, flow->links, flow->n_links));
  int32_t id = model->components.flows[slot].component;
  model->components.components[id].next_flow = STEP_IS_DUE;
  return m4s_array_append(&model->entered, &model->n_entered, &model->entered_capacity, slot,
                          "flows");
}

// An arrival, or with merge_arrivals all of this instant: then a step for each component that they
// are in, by their smallest flow id.
static m4s_status_t arrive(event_t *model) {
  model->n_entered = 0;
  do {
    M4S_TRY(enter_next(model));
  } while (model->network.config->merge_arrivals && model->waiting.n_entries > 0);
  if (model->waiting.n_entries == 0) {
    model->n_arrivals = 0;
  }
  for (int32_t i = 0; i < model->n_entered; i++) {
    int32_t id = model->components.flows[model->entered[i]].component;
    if (model->components.components[id].next_flow == STEP_IS_DUE) {
      M4S_TRY(build_step(model, id));
    }
  }
  return M4S_OK;
}

static m4s_status_t complete(event_t *model, int32_t id, const m4s_completion_port_t *port) {
  int32_t slot = model->components.components[id].next_flow;
  const m4s_m4_flow_t *flow = &model->network.flows[slot];
  m4s_components_leave(&model->components, slot, flow->links, flow->n_links);
  M4S_TRY(m4s_m4_network_leave(&model->network, slot));
  m4s_m4_network_free_slot(&model->network, slot);
  M4S_TRY(port->flow_completed(port->context, flow->id));
  if (model->components.components[id].n_flows > 0) {
    return build_step(model, id);
  }
  m4s_heap_remove(&model->completions, id);
  return M4S_OK;
}

static m4s_status_t advance(void *state, m4s_event_key_t until, const m4s_completion_port_t *port) {
  event_t *model = state;
  M4S_TRY(m4s_m4_network_check_steps(&model->network));
  m4s_event_key_t key = next_event(model);
  if (!m4s_event_before(key, until)) {
    return M4S_OK;
  }
  model->network.clock->now_ns = key.time_ns;
  return key.order == ARRIVAL ? arrive(model)
                              : complete(model, m4s_heap_first(&model->completions)->id, port);
}

// --- the model ---

static void destroy(void *state) {
  event_t *model = state;
  m4s_m4_network_clear(&model->network);
  m4s_components_clear(&model->components);
  m4s_heap_clear(&model->completions);
  m4s_heap_clear(&model->waiting);
  free(model->arrivals);
  free(model->entered);
  free(model);
}

static const m4s_network_model_ops_t ops = {
    .name = "m4",
    .start_flow = start_flow,
    .next_event = next_event,
    .advance = advance,
    .wants_inference = wants_inference,
    .inference_done = inference_done,
    .link_usage = m4s_m4_network_link_usage,
    .destroy = destroy,
};

m4s_status_t m4s_m4_event_create(const m4s_m4_config_t *config, m4s_engine_t *engine,
                                 const m4s_topology_t *topology, m4s_routing_t *routing,
                                 m4s_clock_t *clock, m4s_network_model_t *model_out) {
  event_t *model = calloc(1, sizeof *model);
  if (model == NULL) {
    return m4s_fail_memory("m4");
  }
  m4s_status_t status =
      m4s_m4_network_init(&model->network, config, engine, topology, routing, clock);
  if (status == M4S_OK) {
    status = m4s_components_init(&model->components, topology->n_links);
  }
  if (status != M4S_OK) {
    destroy(model);
    return status;
  }
  *model_out = (m4s_network_model_t){.ops = &ops, .state = model};
  return M4S_OK;
}
