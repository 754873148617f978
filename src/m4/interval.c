// m4's algorithm "interval": a flow's completion is first scheduled after its ideal FCT. A timer
// fires batch_time_ns after the first flow came, and again as long as flows are there; at a firing
// the flows that came since the last one enter, and one step moves all active flows on. Their
// completions are then scheduled anew, those of flows that had entered before only now and then.
//
// Mode "published" repeats the public code:
//  * Flows that completed before the firing count as arrivals, and their links get ids, none the
//    less; a firing that finds no active flow is no step.
//  * A link has a counter: up for every flow at its firing, down for a flow's completion, but only
//    if that came after its firing. Where a counter comes down to 0 the state of another link is
//    reset: of the one whose id, given in the order of first use, is the link's place in the path.
//  * Links keep their states. The clock of states and predictions is float32.
//  * A completion at the time of a firing that has been rescheduled by it happens nevertheless.
#include <math.h>
#include <stdlib.h>

#include "core/array.h"
#include "m4/network.h"

// A step's flow.
typedef struct {
  int64_t id;
  int32_t slot;
} by_id_t;

typedef struct {
  m4s_m4_network_t network;
  bool published;
  m4s_event_key_t timer;  // never: not armed
  int32_t *pending;  // [n_pending], slots of flows that came since the last firing
  int32_t n_pending, pending_capacity;
  int32_t n_pending_completed;
  int64_t n_arrivals;  // since the last step that rescheduled all flows
  by_id_t *order;  // the step's flows
  int32_t *slots;  // the same as build_step() takes them
  int32_t order_capacity;
  m4s_m4_step_trace_t trace;  // of the step that waits: what end_steps() takes
  // Published, else NULL:
  int32_t *counters;  // [n_links]
  bool *has_id;  // [n_links]
  int32_t *link_of_id;  // [n_link_ids]: links in the order of first use
  int32_t n_link_ids;
} interval_t;

static m4s_status_t start_flow(void *state, const m4s_flow_t *flow) {
  interval_t *model = state;
  m4s_m4_network_t *network = &model->network;
  int32_t slot;
  M4S_TRY(m4s_m4_network_start(network, flow, &slot));
  M4S_TRY(m4s_m4_network_complete_after(network, slot, (double)network->flows[slot].ideal_fct_ns));
  if (model->timer.time_ns == M4S_TIME_NEVER) {
    model->timer =
        m4s_clock_schedule(network->clock, network->clock->now_ns + network->config->batch_time_ns);
  }
  return m4s_array_append(&model->pending, &model->n_pending, &model->pending_capacity, slot,
                          "flows");
}

// --- the published bookkeeping of links ---

static m4s_status_t keep_books(interval_t *model) {
  size_t n_links = (size_t)model->network.topology->n_links;
  model->network.keep_link_rows = true;
  model->counters = calloc(n_links + 1, sizeof *model->counters);
  model->has_id = calloc(n_links + 1, sizeof *model->has_id);
  model->link_of_id = calloc(n_links + 1, sizeof *model->link_of_id);
  return model->counters == NULL || model->has_id == NULL || model->link_of_id == NULL
             ? m4s_fail_memory("m4")
             : M4S_OK;
}

static void count_on_links(interval_t *model, const m4s_m4_flow_t *flow) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    int32_t link = flow->links[hop];
    model->counters[link]++;
    if (!model->has_id[link]) {
      model->has_id[link] = true;
      model->link_of_id[model->n_link_ids++] = link;
    }
  }
}

static void discount_on_links(interval_t *model, const m4s_m4_flow_t *flow) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    if (--model->counters[flow->links[hop]] == 0 && hop < model->n_link_ids) {
      int32_t row = model->network.links[model->link_of_id[hop]].row;
      if (row >= 0) {
        m4s_engine_reset_link(model->network.engine, row);
      }
    }
  }
}

// --- firings ---

// The flows that came since the last firing enter, unless they have completed; those that do stay
// in `pending`.
static m4s_status_t enter_pending(interval_t *model) {
  m4s_m4_network_t *network = &model->network;
  int32_t n_entered = 0;
  for (int32_t i = 0; i < model->n_pending; i++) {
    int32_t slot = model->pending[i];
    if (model->published) {
      count_on_links(model, &network->flows[slot]);
    }
    if (network->flows[slot].place < 0) {
      m4s_m4_network_free_slot(network, slot);
    } else {
      M4S_TRY(m4s_m4_network_enter(network, slot));
      model->pending[n_entered++] = slot;
    }
  }
  model->n_pending = n_entered;
  model->n_pending_completed = 0;
  return M4S_OK;
}

static int compare_by_id(const void *a, const void *b) {
  const by_id_t *left = a;
  const by_id_t *right = b;
  return (left->id > right->id) - (left->id < right->id);
}

// Builds the step over all active flows, in the order of their ids.
static m4s_status_t build_step(interval_t *model) {
  m4s_m4_network_t *network = &model->network;
  int32_t n = network->n_active;
  if (n > model->order_capacity) {
    int32_t capacity = network->slot_capacity;
    M4S_TRY(m4s_array_resize(&model->order, capacity, sizeof *model->order, "a step"));
    M4S_TRY(m4s_array_resize(&model->slots, capacity, sizeof *model->slots, "a step"));
    model->order_capacity = capacity;
  }
  for (int32_t i = 0; i < n; i++) {
    int32_t slot = network->active[i];
    model->order[i] = (by_id_t){.id = network->flows[slot].id, .slot = slot};
  }
  qsort(model->order, (size_t)n, sizeof *model->order, compare_by_id);
  for (int32_t i = 0; i < n; i++) {
    model->slots[i] = model->order[i].slot;
  }
  return m4s_m4_network_build_step(network, model->slots, n);
}

// The time since the earliest update by a float32 clock, in microseconds.
static float float_dt_us(const m4s_m4_network_t *network) {
  float longest_ns = 0;
  for (int32_t i = 0; i < network->n_step_flows; i++) {
    const m4s_m4_flow_t *flow = &network->flows[network->step_slots[i]];
    longest_ns = fmaxf(longest_ns, (float)network->clock->now_ns - (float)flow->updated_ns);
  }
  return longest_ns / 1000.0f;
}

// Arms the timer again while there are flows.
static void rearm(interval_t *model) {
  m4s_m4_network_t *network = &model->network;
  if (network->n_active > 0) {
    model->timer =
        m4s_clock_schedule(network->clock, network->clock->now_ns + network->config->batch_time_ns);
  }
}

static m4s_status_t fire(interval_t *model) {
  m4s_m4_network_t *network = &model->network;
  model->timer = m4s_event_never();
  model->trace = (m4s_m4_step_trace_t){.n_pending = model->n_pending,
                                       .n_pending_completed = model->n_pending_completed};
  M4S_TRY(enter_pending(model));
  int64_t n_arrivals = model->published ? model->trace.n_pending : model->n_pending;
  if (n_arrivals == 0 || network->n_active == 0) {
    rearm(model);
    return M4S_OK;
  }
  model->trace.reschedule_all = model->n_arrivals >= network->config->reschedule_flow_count;
  model->n_arrivals = model->trace.reschedule_all ? n_arrivals : model->n_arrivals + n_arrivals;
  M4S_TRY(build_step(model));
  if (model->published) {
    network->steps[0].dt_us = float_dt_us(network);
  }
  return M4S_OK;
}

// --- after a step ---

// What is left of the predicted FCT, at least 1 ns.
static double remaining_ns(const interval_t *model, const m4s_m4_flow_t *flow) {
  int64_t now_ns = model->network.clock->now_ns;
  double slowdown = fmax(1, flow->slowdown);
  if (model->published) {
    float left_ns =
        (float)slowdown * (float)flow->ideal_fct_ns - ((float)now_ns - (float)flow->started_ns);
    return left_ns > 0 ? (double)left_ns : 1;
  }
  double left_ns = slowdown * (double)flow->ideal_fct_ns - (double)(now_ns - flow->started_ns);
  return left_ns > 0 ? left_ns : 1;
}

// Schedules a flow's completion by its prediction.
static m4s_status_t reschedule(interval_t *model, int32_t slot) {
  m4s_m4_network_t *network = &model->network;
  const m4s_m4_flow_t *flow = &network->flows[slot];
  if (model->published && flow->completes_ns == network->clock->now_ns) {
    return M4S_OK;
  }
  return m4s_m4_network_complete_after(network, slot, remaining_ns(model, flow));
}

static m4s_status_t inference_done(void *state, const m4s_inference_batch_t *batch) {
  (void)batch;
  interval_t *model = state;
  m4s_m4_network_t *network = &model->network;
  M4S_TRY(m4s_m4_network_end_steps(network, model->trace));
  int32_t n_all = model->trace.reschedule_all ? network->n_step_flows : 0;
  for (int32_t i = 0; i < n_all; i++) {
    M4S_TRY(reschedule(model, network->step_slots[i]));
  }
  for (int32_t i = 0; n_all == 0 && i < model->n_pending; i++) {
    M4S_TRY(reschedule(model, model->pending[i]));
  }
  model->n_pending = 0;
  rearm(model);
  return M4S_OK;
}

// --- the model ---

static m4s_status_t complete(interval_t *model, int32_t slot, const m4s_completion_port_t *port) {
  m4s_m4_network_t *network = &model->network;
  const m4s_m4_flow_t *flow = &network->flows[slot];
  int64_t id = flow->id;
  bool entered = flow->row >= 0;
  if (entered && model->published) {
    discount_on_links(model, flow);
  }
  M4S_TRY(m4s_m4_network_leave(network, slot));
  if (entered) {
    m4s_m4_network_free_slot(network, slot);
  } else {
    model->n_pending_completed++;
  }
  return port->flow_completed(port->context, id);
}

static m4s_event_key_t next_event(const void *state) {
  const interval_t *model = state;
  m4s_event_key_t completion = m4s_m4_network_next_completion(&model->network);
  return m4s_event_before(completion, model->timer) ? completion : model->timer;
}

// One event: firings without arrivals may be many, and the run's limits are looked at in between.
static m4s_status_t advance(void *state, m4s_event_key_t until, const m4s_completion_port_t *port) {
  interval_t *model = state;
  m4s_m4_network_t *network = &model->network;
  M4S_TRY(m4s_m4_network_check_steps(network));
  m4s_event_key_t key = next_event(model);
  if (!m4s_event_before(key, until)) {
    return M4S_OK;
  }
  network->clock->now_ns = key.time_ns;
  return key.order == model->timer.order
             ? fire(model)
             : complete(model, m4s_heap_first(&network->completions)->id, port);
}

static int64_t wants_inference(void *state, m4s_inference_batch_t *batch) {
  interval_t *model = state;
  return m4s_m4_network_hand_out_steps(&model->network, batch);
}

static void destroy(void *state) {
  interval_t *model = state;
  m4s_m4_network_clear(&model->network);
  free(model->pending);
  free(model->order);
  free(model->slots);
  free(model->counters);
  free(model->has_id);
  free(model->link_of_id);
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

m4s_status_t m4s_m4_interval_create(const m4s_m4_config_t *config, m4s_engine_t *engine,
                                    const m4s_topology_t *topology, m4s_routing_t *routing,
                                    m4s_clock_t *clock, m4s_network_model_t *model_out) {
  interval_t *model = calloc(1, sizeof *model);
  if (model == NULL) {
    return m4s_fail_memory("m4");
  }
  model->published = config->mode == M4S_M4_PUBLISHED;
  model->timer = m4s_event_never();
  m4s_status_t status =
      m4s_m4_network_init(&model->network, config, engine, topology, routing, clock);
  if (status == M4S_OK && model->published) {
    status = keep_books(model);
  }
  if (status != M4S_OK) {
    destroy(model);
    return status;
  }
  *model_out = (m4s_network_model_t){.ops = &ops, .state = model};
  return M4S_OK;
}
