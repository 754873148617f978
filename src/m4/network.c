#include "m4/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/elementary.h"
#include "core/units.h"
#include "net/ideal_fct.h"

static m4s_status_t make_inputs(m4s_m4_network_t *network) {
  const m4s_m4_config_t *config = network->config;
  size_t n_links = (size_t)network->topology->n_links;
  network->link_inputs = calloc((n_links + 1) * M4S_M4_N_LINK_INPUTS, sizeof *network->link_inputs);
  if (network->link_inputs == NULL) {
    return m4s_fail_memory("m4");
  }
  m4s_m4_input_settings_t settings = m4s_m4_input_settings(config);
  return m4s_m4_inputs_create(&settings, &config->wire, network->topology, &network->inputs);
}

m4s_status_t m4s_m4_network_init(m4s_m4_network_t *network, const m4s_m4_config_t *config,
                                 m4s_engine_t *engine, const m4s_topology_t *topology,
                                 m4s_routing_t *routing, m4s_clock_t *clock) {
  size_t n_links = (size_t)topology->n_links;
  *network = (m4s_m4_network_t){
      .config = config, .engine = engine, .topology = topology, .routing = routing, .clock = clock};
  m4s_m4_params(config, network->params);
  network->links = calloc(n_links + 1, sizeof *network->links);
  network->usage = calloc(n_links + 1, sizeof *network->usage);
  network->link_rows = calloc(n_links + 1, sizeof *network->link_rows);
  for (size_t i = 0; network->links != NULL && i < n_links; i++) {
    network->links[i].row = -1;
  }
  if (network->links == NULL || network->usage == NULL || network->link_rows == NULL) {
    return m4s_fail_memory("m4");
  }
  return m4s_engine_model(engine)->inputs == M4S_INPUTS_FLUID ? make_inputs(network) : M4S_OK;
}

static void release_flow_row(m4s_m4_network_t *network, m4s_m4_flow_t *flow) {
  if (flow->row >= 0) {
    m4s_engine_release_flow_row(network->engine, flow->row);
    flow->row = -1;
  }
}

static void release_link_row(m4s_m4_network_t *network, m4s_m4_link_t *link) {
  if (link->row >= 0) {
    m4s_engine_release_link_row(network->engine, link->row);
    link->row = -1;
  }
}

void m4s_m4_network_clear(m4s_m4_network_t *network) {
  for (int32_t i = 0; i < network->n_active; i++) {
    release_flow_row(network, &network->flows[network->active[i]]);
  }
  for (int32_t i = 0; network->links != NULL && i < network->topology->n_links; i++) {
    release_link_row(network, &network->links[i]);
  }
  free(network->links);
  free(network->usage);
  free(network->flows);
  free(network->free_slots);
  free(network->active);
  m4s_heap_clear(&network->completions);
  free(network->steps);
  free(network->step_slots);
  free(network->flow_rows);
  free(network->link_rows);
  free(network->edge_begin);
  free(network->edges);
  free(network->slowdowns);
  m4s_m4_inputs_destroy(network->inputs);
  free(network->flow_inputs);
  free(network->link_inputs);
}

// --- flows ---

static m4s_status_t grow_slots(m4s_m4_network_t *network) {
  int32_t capacity = network->slot_capacity == 0 ? 64 : 2 * network->slot_capacity;
  M4S_TRY(m4s_array_resize(&network->flows, capacity, sizeof *network->flows, "flows"));
  M4S_TRY(m4s_array_resize(&network->free_slots, capacity, sizeof *network->free_slots, "flows"));
  M4S_TRY(m4s_array_resize(&network->active, capacity, sizeof *network->active, "flows"));
  network->slot_capacity = capacity;
  return M4S_OK;
}

static void join_links(m4s_m4_network_t *network, const m4s_m4_flow_t *flow) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    int32_t id = flow->links[hop];
    if (network->links[id].n_flows++ == 0) {
      network->usage[id].busy_since_ns = network->clock->now_ns;
    }
  }
}

static m4s_status_t find_ideal_fct(const m4s_m4_network_t *network, const m4s_flow_t *flow,
                                   int64_t wire_bytes, int64_t *ideal_fct_ns_out) {
  const m4s_m4_config_t *config = network->config;
  m4s_pair_facts_t facts;
  if (config->ideal == M4S_M4_IDEAL_PATH) {
    *ideal_fct_ns_out =
        m4s_ideal_fct_m_ns(network->topology, flow->links, flow->n_links, flow->size_bytes,
                           config->wire.payload_bytes, config->wire.header_bytes);
    return M4S_OK;
  }
  M4S_TRY(m4s_routing_pair_facts(network->routing, flow->src, flow->dst, &facts));
  *ideal_fct_ns_out = m4s_ideal_fct_ns(&facts, wire_bytes);
  return M4S_OK;
}

m4s_status_t m4s_m4_network_start(m4s_m4_network_t *network, const m4s_flow_t *flow,
                                  int32_t *slot_out) {
  int64_t wire_bytes = m4s_wire_bytes(&network->config->wire, flow->size_bytes);
  int64_t ideal_fct_ns;
  M4S_TRY(find_ideal_fct(network, flow, wire_bytes, &ideal_fct_ns));
  if (network->n_free == 0 && network->n_slots == network->slot_capacity) {
    M4S_TRY(grow_slots(network));
  }
  int32_t slot = network->n_free > 0 ? network->free_slots[--network->n_free] : network->n_slots++;
  int64_t now_ns = network->clock->now_ns;
  network->flows[slot] = (m4s_m4_flow_t){.id = flow->id,
                                         .links = flow->links,
                                         .n_links = flow->n_links,
                                         .row = -1,
                                         .place = network->n_active,
                                         .size_bytes = flow->size_bytes,
                                         .wire_bytes = wire_bytes,
                                         .ideal_fct_ns = ideal_fct_ns,
                                         .started_ns = now_ns,
                                         .updated_ns = now_ns,
                                         .completes_ns = M4S_TIME_NEVER};
  network->max_hops = flow->n_links > network->max_hops ? flow->n_links : network->max_hops;
  network->active[network->n_active++] = slot;
  if (network->n_active > network->counts.peak_active_flows) {
    network->counts.peak_active_flows = network->n_active;
  }
  join_links(network, &network->flows[slot]);
  *slot_out = slot;
  return network->inputs == NULL
             ? M4S_OK
             : m4s_m4_inputs_start(network->inputs, now_ns, slot, flow, ideal_fct_ns);
}

m4s_status_t m4s_m4_network_enter(m4s_m4_network_t *network, int32_t slot) {
  m4s_m4_flow_t *flow = &network->flows[slot];
  M4S_TRY(m4s_engine_take_flow_row(network->engine, &flow->row));
  m4s_engine_reset_flow(network->engine, flow->row, flow->size_bytes, flow->n_links);
  flow->updated_ns = network->clock->now_ns;
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    m4s_m4_link_t *link = &network->links[flow->links[hop]];
    if (link->row < 0) {
      M4S_TRY(m4s_engine_take_link_row(network->engine, &link->row));
      m4s_engine_reset_link(network->engine, link->row);
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_m4_network_leave(m4s_m4_network_t *network, int32_t slot) {
  m4s_m4_flow_t *flow = &network->flows[slot];
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    m4s_m4_link_t *link = &network->links[flow->links[hop]];
    m4s_m4_link_usage_t *usage = &network->usage[flow->links[hop]];
    usage->bytes += flow->wire_bytes;
    if (--link->n_flows > 0) {
      continue;
    }
    usage->busy_ns += network->clock->now_ns - usage->busy_since_ns;
    if (!network->keep_link_rows) {
      release_link_row(network, link);
    }
  }
  release_flow_row(network, flow);
  m4s_heap_remove(&network->completions, slot);
  int32_t last = network->active[--network->n_active];
  network->active[flow->place] = last;
  network->flows[last].place = flow->place;
  flow->place = -1;
  return network->inputs == NULL
             ? M4S_OK
             : m4s_m4_inputs_leave(network->inputs, network->clock->now_ns, slot);
}

void m4s_m4_network_free_slot(m4s_m4_network_t *network, int32_t slot) {
  network->free_slots[network->n_free++] = slot;
}

m4s_status_t m4s_m4_network_complete_after(m4s_m4_network_t *network, int32_t slot,
                                           double after_ns) {
  m4s_m4_flow_t *flow = &network->flows[slot];
  if (!(after_ns < (double)M4S_TIME_MAX_NS)) {
    return m4s_fail(M4S_ERR_SIMULATION, "flow %lld would take %.3g s", (long long)flow->id,
                    after_ns / 1e9);
  }
  network->counts.reschedules += flow->completes_ns != M4S_TIME_NEVER;
  flow->completes_ns = network->clock->now_ns + (int64_t)after_ns;
  return m4s_heap_set(&network->completions, slot,
                      m4s_clock_schedule(network->clock, flow->completes_ns));
}

m4s_event_key_t m4s_m4_network_next_completion(const m4s_m4_network_t *network) {
  const m4s_heap_entry_t *first = m4s_heap_first(&network->completions);
  if (network->steps_failed) {
    return (m4s_event_key_t){.time_ns = network->clock->now_ns};
  }
  return first == NULL ? m4s_event_never() : first->key;
}

// --- steps ---

static m4s_status_t reserve_step_inputs(m4s_m4_network_t *network, int32_t capacity) {
  const char *what = "a step";
  return m4s_array_resize(&network->flow_inputs, capacity,
                          M4S_M4_N_FLOW_INPUTS * sizeof *network->flow_inputs, what);
}

static m4s_status_t reserve_step_flows(m4s_m4_network_t *network, int32_t n_flows) {
  if (n_flows <= network->step_flow_capacity) {
    return M4S_OK;
  }
  int32_t capacity = n_flows + n_flows / 2;
  const char *what = "a step";
  M4S_TRY(m4s_array_resize(&network->step_slots, capacity, sizeof *network->step_slots, what));
  M4S_TRY(m4s_array_resize(&network->flow_rows, capacity, sizeof *network->flow_rows, what));
  // At most as many steps as flows.
  M4S_TRY(m4s_array_resize(&network->edge_begin, capacity, 2 * sizeof *network->edge_begin, what));
  M4S_TRY(m4s_array_resize(&network->slowdowns, capacity, sizeof *network->slowdowns, what));
  if (network->inputs != NULL) {
    M4S_TRY(reserve_step_inputs(network, capacity));
  }
  network->step_flow_capacity = capacity;
  return M4S_OK;
}

static m4s_status_t reserve_step_edges(m4s_m4_network_t *network, int32_t n_edges) {
  if (n_edges <= network->edge_capacity) {
    return M4S_OK;
  }
  int32_t capacity = n_edges + n_edges / 2;
  M4S_TRY(m4s_array_resize(&network->edges, capacity, sizeof *network->edges, "a step"));
  network->edge_capacity = capacity;
  return M4S_OK;
}

// Room for one more step of so many flows.
static m4s_status_t reserve_step(m4s_m4_network_t *network, int32_t n_slots) {
  int64_t most_edges = network->n_step_edges + (int64_t)n_slots * network->max_hops;
  if (most_edges > INT32_MAX / 2) {
    return m4s_fail(M4S_ERR_SIMULATION, "a step of %d flows at %.3f us has too many edges", n_slots,
                    m4s_ns_to_us(network->clock->now_ns));
  }
  M4S_TRY(m4s_array_grow(&network->steps, network->n_steps, &network->step_capacity,
                         sizeof *network->steps, "a step"));
  M4S_TRY(reserve_step_flows(network, network->n_step_flows + n_slots));
  return reserve_step_edges(network, (int32_t)most_edges);
}

// Fills the arrays of a step, behind those of the steps before.
static m4s_step_t fill_step(m4s_m4_network_t *network, const int32_t *slots, int32_t n_slots) {
  int64_t number = ++network->n_steps_built;
  int32_t *flow_rows = network->flow_rows + network->n_step_flows;
  int32_t *link_rows = network->link_rows + network->n_step_links;
  int32_t *edge_begin = network->edge_begin + network->n_step_flows + network->n_steps;
  int32_t *edges = network->edges + network->n_step_edges;
  int32_t n_links = 0, n_edges = 0;
  int64_t updated_ns = network->clock->now_ns;
  for (int32_t i = 0; i < n_slots; i++) {
    const m4s_m4_flow_t *flow = &network->flows[slots[i]];
    flow_rows[i] = flow->row;
    edge_begin[i] = n_edges;
    updated_ns = flow->updated_ns < updated_ns ? flow->updated_ns : updated_ns;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      // No branch: which links are new is hard to guess.
      m4s_m4_link_t *link = &network->links[flow->links[hop]];
      bool is_new = link->step != number;
      link_rows[n_links] = link->row;
      link->step = number;
      link->place = is_new ? n_links : link->place;
      edges[n_edges++] = link->place;
      n_links += is_new;
    }
  }
  edge_begin[n_slots] = n_edges;
  return (m4s_step_t){.params = network->params,
                      .dt_us = (float)m4s_ns_to_us(network->clock->now_ns - updated_ns),
                      .n_flows = n_slots,
                      .n_links = n_links};
}

// Of the step that was filled last, which is behind the others.
static m4s_status_t fill_inputs(m4s_m4_network_t *network, const int32_t *slots,
                                const m4s_step_t *step) {
  size_t first_flow = (size_t)network->n_step_flows;
  const m4s_m4_input_step_t input_step = {.now_ns = network->clock->now_ns,
                                          .n_flows = step->n_flows,
                                          .n_links = step->n_links,
                                          .slots = slots,
                                          .edges = network->edges + network->n_step_edges};
  return m4s_m4_inputs_step(
      network->inputs, &input_step, network->flow_inputs + first_flow * M4S_M4_N_FLOW_INPUTS,
      network->link_inputs + (size_t)network->n_step_links * M4S_M4_N_LINK_INPUTS);
}

m4s_status_t m4s_m4_network_build_step(m4s_m4_network_t *network, const int32_t *slots,
                                       int32_t n_slots) {
  if (!network->steps_wait) {
    network->n_steps = network->n_step_flows = network->n_step_links = network->n_step_edges = 0;
  }
  M4S_TRY(reserve_step(network, n_slots));
  m4s_step_t step = fill_step(network, slots, n_slots);
  if (network->inputs != NULL) {
    M4S_TRY(fill_inputs(network, slots, &step));
  }
  memcpy(network->step_slots + network->n_step_flows, slots, (size_t)n_slots * sizeof *slots);
  network->n_step_edges += network->edge_begin[network->n_step_flows + n_slots + network->n_steps];
  network->steps[network->n_steps++] = step;
  network->n_step_flows += n_slots;
  network->n_step_links += step.n_links;
  network->steps_wait = true;
  return M4S_OK;
}

// Points the steps to their arrays, which do not grow any more.
static void point_steps(m4s_m4_network_t *network) {
  int32_t flow = 0, link = 0, edge = 0;
  for (int32_t i = 0; i < network->n_steps; i++) {
    m4s_step_t *step = &network->steps[i];
    step->flow_rows = network->flow_rows + flow;
    step->link_rows = network->link_rows + link;
    step->edge_begin = network->edge_begin + flow + i;
    step->edges = network->edges + edge;
    step->predictions_out = network->slowdowns + flow;
    if (network->inputs != NULL) {
      step->flow_inputs = network->flow_inputs + (size_t)flow * M4S_M4_N_FLOW_INPUTS;
      step->link_inputs = network->link_inputs + (size_t)link * M4S_M4_N_LINK_INPUTS;
    }
    flow += step->n_flows;
    link += step->n_links;
    edge += step->edge_begin[step->n_flows];
  }
}

int64_t m4s_m4_network_hand_out_steps(m4s_m4_network_t *network, m4s_inference_batch_t *batch) {
  if (!network->steps_wait) {
    return 0;
  }
  const m4s_inference_batch_t before = *batch;
  point_steps(network);
  for (int32_t i = 0; i < network->n_steps; i++) {
    if (m4s_inference_batch_add(batch, &network->steps[i]) != M4S_OK) {
      network->steps_failed = true;
      batch->n_steps = before.n_steps;
      batch->n_flow_rows = before.n_flow_rows;
      batch->n_link_rows = before.n_link_rows;
      return 0;
    }
  }
  return (int64_t)network->n_step_flows + network->n_step_links;
}

m4s_status_t m4s_m4_network_check_steps(const m4s_m4_network_t *network) {
  return network->steps_failed ? m4s_fail_memory("a step") : M4S_OK;
}

// Counts an evaluated step and tells the tracer.
static void tell_step(m4s_m4_network_t *network, const m4s_step_t *step,
                      m4s_m4_step_trace_t trace) {
  trace.now_ns = network->clock->now_ns;
  trace.n_flows = step->n_flows;
  trace.n_links = step->n_links;
  trace.n_edges = step->edge_begin[step->n_flows];
  trace.dt_us = step->dt_us;
  trace.slowdowns = step->predictions_out;
  network->counts.steps++;
  network->counts.flow_rows += trace.n_flows;
  network->counts.link_rows += trace.n_links;
  network->counts.edges += trace.n_edges;
  if (network->tracer.step != NULL) {
    network->tracer.step(network->tracer.context, &trace);
  }
}

// The predicted slowdown of a step's flow, not finite where the network's output is not.
static m4s_status_t find_slowdown(m4s_m4_network_t *network, int32_t i, double *slowdown_out) {
  float output = network->slowdowns[i];
  double fct_ns;
  *slowdown_out = (double)output;
  if (network->inputs == NULL || !isfinite(output)) {
    return M4S_OK;
  }
  int32_t slot = network->step_slots[i];
  M4S_TRY(m4s_m4_inputs_slow(network->inputs, slot, m4s_real_exp((double)output), &fct_ns));
  *slowdown_out = fct_ns / (double)network->flows[slot].ideal_fct_ns;
  network->slowdowns[i] = (float)*slowdown_out;
  return M4S_OK;
}

m4s_status_t m4s_m4_network_end_steps(m4s_m4_network_t *network, m4s_m4_step_trace_t trace) {
  network->steps_wait = false;
  for (int32_t i = 0; i < network->n_step_flows; i++) {
    m4s_m4_flow_t *flow = &network->flows[network->step_slots[i]];
    M4S_TRY(find_slowdown(network, i, &flow->slowdown));
    flow->updated_ns = network->clock->now_ns;
    if (!isfinite(flow->slowdown)) {
      // Without the sign that a NaN has on some machines.
      double told = isnan(flow->slowdown) ? (double)NAN : flow->slowdown;
      return m4s_fail(M4S_ERR_SIMULATION, "flow %lld: the predicted slowdown at %.3f us is %g",
                      (long long)flow->id, m4s_ns_to_us(network->clock->now_ns), told);
    }
  }
  for (int32_t i = 0; i < network->n_steps; i++) {
    tell_step(network, &network->steps[i], trace);
  }
  return M4S_OK;
}

// --- models ---

void m4s_m4_network_link_usage(const void *state, m4s_link_usage_t *usage_out) {
  const m4s_m4_network_t *network = state;
  for (int32_t i = 0; i < network->topology->n_links; i++) {
    const m4s_m4_link_usage_t *usage = &network->usage[i];
    bool busy = network->links[i].n_flows > 0;
    int64_t under_way_ns = busy ? network->clock->now_ns - usage->busy_since_ns : 0;
    usage_out[i] =
        (m4s_link_usage_t){.bytes = usage->bytes, .busy_ns = usage->busy_ns + under_way_ns};
  }
}
