// flowsim as true max-min: progress is credited at the rates that held, and a flow that has sent
// its last byte completes after its path's latency without holding bandwidth.
#include <stdlib.h>

#include "flowsim/max_min.h"

typedef struct {
  m4s_max_min_t rates;  // in its `ends`: ends of transmissions, then of the latency after them
  m4s_event_key_t settle;  // when rates are computed again; never: not needed
} exact_t;

// Rates are computed again once everything else that happens at this time has happened.
static void settle_now(exact_t *model) {
  m4s_clock_t *clock = model->rates.fluid.clock;
  if (model->settle.time_ns == M4S_TIME_NEVER) {
    model->settle = m4s_clock_schedule(clock, clock->now_ns);
  }
}

static m4s_status_t start_flow(void *state, const m4s_flow_t *flow) {
  exact_t *model = state;
  int32_t slot;
  M4S_TRY(m4s_max_min_add(&model->rates, flow, &slot));
  settle_now(model);
  return M4S_OK;
}

// The last byte is sent: the links are free, the completion follows after the path's latency.
static m4s_status_t end_transmission(exact_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->rates.fluid;
  M4S_TRY(m4s_max_min_leave(&model->rates, slot));
  settle_now(model);
  int64_t time_ns = fluid->clock->now_ns + fluid->flows[slot].latency_ns;
  return m4s_heap_set(&model->rates.ends, slot, m4s_clock_schedule(fluid->clock, time_ns));
}

static m4s_status_t complete(exact_t *model, int32_t slot, const m4s_completion_port_t *port) {
  int64_t id = model->rates.fluid.flows[slot].id;
  m4s_heap_remove(&model->rates.ends, slot);
  m4s_fluid_free_slot(&model->rates.fluid, slot);
  return port->flow_completed(port->context, id);
}

static m4s_event_key_t next_event(const void *state) {
  const exact_t *model = state;
  const m4s_heap_entry_t *first = m4s_heap_first(&model->rates.ends);
  return first != NULL && m4s_event_before(first->key, model->settle) ? first->key : model->settle;
}

static m4s_status_t advance(void *state, m4s_event_key_t until, const m4s_completion_port_t *port) {
  exact_t *model = state;
  for (;;) {
    m4s_event_key_t key = next_event(model);
    if (!m4s_event_before(key, until)) {
      return M4S_OK;
    }
    model->rates.fluid.clock->now_ns = key.time_ns;
    model->rates.fluid.counts.events++;
    if (key.order == model->settle.order) {
      model->settle = m4s_event_never();
      M4S_TRY(m4s_max_min_settle(&model->rates));
      continue;
    }
    int32_t slot = m4s_heap_first(&model->rates.ends)->id;
    if (!m4s_max_min_sending(&model->rates, slot)) {
      return complete(model, slot, port);
    }
    M4S_TRY(end_transmission(model, slot));
  }
}

static void destroy(void *state) {
  exact_t *model = state;
  m4s_max_min_clear(&model->rates);
  free(model);
}

static const m4s_network_model_ops_t ops = {
    .name = "flowsim",
    .start_flow = start_flow,
    .next_event = next_event,
    .advance = advance,
    .link_usage = m4s_fluid_link_usage,
    .destroy = destroy,
};

m4s_status_t m4s_fluid_exact_create(const m4s_flowsim_config_t *config,
                                    const m4s_topology_t *topology, m4s_clock_t *clock,
                                    m4s_network_model_t *model_out) {
  exact_t *model = calloc(1, sizeof *model);
  if (model == NULL) {
    return m4s_fail_memory("flowsim");
  }
  m4s_status_t status = m4s_max_min_init(&model->rates, config, topology, clock);
  if (status != M4S_OK) {
    free(model);
    return status;
  }
  model->settle = m4s_event_never();
  *model_out = (m4s_network_model_t){.ops = &ops, .state = model};
  return M4S_OK;
}
