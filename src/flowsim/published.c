// flowsim as the public flowSim of the m4 artefact computes it (SimAI integration): a full max-min
// allocation at every arrival and completion, with these rules, which are not physics:
//  * Flows that arrive at one time enter together. They get completion events at the new rates; the
//    others get new rates, but are neither credited for what they sent at the old ones nor
//    rescheduled.
//  * After the completions at one time, every flow is charged the time since its last charge at its
//    present rate, rates are computed again, and every flow is rescheduled.
//  * A flow holds its share of the links until its completion event, which includes the path's
//    latency, and is given the whole latency again at each rescheduling.
//  * A link's residual is summed anew in every round, over its flows in the order of arrival: where
//    links tie but for rounding, one unit in the last place moves completions by 1 ns, and by the
//    rule above by 2 us.
//  * Times are truncated to ns as sums of doubles.
// Rates are computed only for flows that share links, directly or through others, with a flow that
// came or went: max-min rates of the rest are the same numbers.
#include <math.h>
#include <stdlib.h>

#include "core/array.h"
#include "flowsim/fluid.h"

typedef struct {
  m4s_fluid_t fluid;
  // Flows in the network in the order of arrival, with their completion events.
  int32_t *active;  // [n_active], slots
  m4s_event_key_t *completions;  // [n_active]
  int32_t n_active, active_capacity;
  int32_t first;  // place in `active` of the earliest completion, -1: none
  // Flows that arrived at this time and enter at `arrival`.
  int32_t *arrivals;  // [n_arrivals], slots
  int32_t n_arrivals, arrival_capacity;
  m4s_event_key_t arrival;  // never: none
  m4s_event_key_t reschedule;  // never: none
  int32_t *touched;  // links of flows that came or went
  int32_t n_touched, touched_capacity;
  // Water-filling under way:
  int32_t *open_links;  // chosen links with unfilled flows
  bool *residual_stale;  // [n_links]: to be summed again
} published_t;

static m4s_status_t start_flow(void *state, const m4s_flow_t *flow) {
  published_t *model = state;
  int32_t slot;
  M4S_TRY(m4s_fluid_take_slot(&model->fluid, flow, &slot));
  if (model->arrival.time_ns == M4S_TIME_NEVER) {
    model->arrival = m4s_clock_schedule(model->fluid.clock, model->fluid.clock->now_ns);
  }
  return m4s_array_append(&model->arrivals, &model->n_arrivals, &model->arrival_capacity, slot,
                          "flows");
}

static m4s_status_t touch(published_t *model, int32_t slot) {
  const m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    M4S_TRY(m4s_array_append(&model->touched, &model->n_touched, &model->touched_capacity,
                             flow->links[hop], "flows"));
  }
  return M4S_OK;
}

static void choose_members(m4s_fluid_t *fluid, int32_t id) {
  const m4s_fluid_link_t *link = &fluid->links[id];
  for (int32_t i = 0; i < link->n_members; i++) {
    m4s_fluid_choose(fluid, link->members[i].slot);
  }
}

// All flows connected to the touched links, and all links of these flows.
static void choose_connected(published_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  for (int32_t i = 0; i < model->n_touched; i++) {
    choose_members(fluid, model->touched[i]);
  }
  model->n_touched = 0;
  // Both lists grow while they are walked, until flows and links bring no new ones.
  int32_t n_links_done = 0;
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    m4s_fluid_choose_links(fluid, fluid->chosen[i]);
    while (n_links_done < fluid->n_chosen_links) {
      choose_members(fluid, fluid->chosen_links[n_links_done++]);
    }
  }
}

// The capacity less the rates of the filled flows, one after another in the order of arrival.
static void sum_residual(const m4s_fluid_t *fluid, m4s_fluid_link_t *link) {
  link->residual = link->capacity;
  for (int32_t i = 0; i < link->n_members; i++) {
    const m4s_fluid_flow_t *flow = &fluid->flows[link->members[i].slot];
    if (flow->filled) {
      link->residual -= flow->filled_rate;
    }
  }
}

// The open link with the least share, the smallest id among equals; -1: none is open. Links without
// unfilled flows are dropped on the way.
static int32_t least_share(published_t *model, int32_t *n_open, double *share_out) {
  m4s_fluid_t *fluid = &model->fluid;
  int32_t least = -1;
  for (int32_t i = 0; i < *n_open;) {
    int32_t id = model->open_links[i];
    m4s_fluid_link_t *link = &fluid->links[id];
    if (link->n_unfilled == 0) {
      model->open_links[i] = model->open_links[--*n_open];
      continue;
    }
    if (model->residual_stale[id]) {
      sum_residual(fluid, link);
      model->residual_stale[id] = false;
    }
    double share = link->residual / link->n_unfilled;
    if (least < 0 || share < *share_out || (share == *share_out && id < least)) {
      least = id;
      *share_out = share;
    }
    i++;
  }
  return least;
}

static void fill_link(published_t *model, int32_t id, double share) {
  m4s_fluid_t *fluid = &model->fluid;
  const m4s_fluid_link_t *bottleneck = &fluid->links[id];
  for (int32_t i = 0; i < bottleneck->n_members; i++) {
    m4s_fluid_flow_t *flow = &fluid->flows[bottleneck->members[i].slot];
    if (flow->filled) {
      continue;
    }
    flow->filled = true;
    flow->filled_rate = share;
    flow->bottleneck = id;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      fluid->links[flow->links[hop]].n_unfilled--;
      model->residual_stale[flow->links[hop]] = true;
    }
  }
}

// Progressive filling of the chosen flows, which share links with no others.
static void fill(published_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  int32_t n_open = fluid->n_chosen_links;
  for (int32_t i = 0; i < n_open; i++) {
    int32_t id = fluid->chosen_links[i];
    m4s_fluid_link_t *link = &fluid->links[id];
    model->open_links[i] = id;
    model->residual_stale[id] = false;
    link->residual = link->capacity;
    link->n_unfilled = link->n_members;
  }
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    fluid->flows[fluid->chosen[i]].filled = false;
  }
  double share = 0;
  int32_t id;
  while ((id = least_share(model, &n_open, &share)) >= 0) {
    fill_link(model, id, share);
  }
  fluid->counts.allocations++;
  fluid->counts.flows_filled += fluid->n_chosen;
  fluid->counts.links_filled += fluid->n_chosen_links;
}

// New rates for all flows connected to the touched links.
static void allocate(published_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  choose_connected(model);
  fill(model);
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    m4s_fluid_flow_t *flow = &fluid->flows[fluid->chosen[i]];
    fluid->counts.rate_changes += flow->rate != flow->filled_rate;
    flow->rate = flow->filled_rate;
  }
  m4s_fluid_unchoose_all(fluid);
}

static void find_first(published_t *model) {
  model->first = model->n_active > 0 ? 0 : -1;
  for (int32_t i = 1; i < model->n_active; i++) {
    if (m4s_event_before(model->completions[i], model->completions[model->first])) {
      model->first = i;
    }
  }
}

static m4s_status_t schedule_completion(published_t *model, int32_t place) {
  m4s_fluid_t *fluid = &model->fluid;
  const m4s_fluid_flow_t *flow = &fluid->flows[model->active[place]];
  double duration_ns = flow->remaining_bytes / flow->rate + (double)flow->latency_ns;
  double time_ns = (double)fluid->clock->now_ns + (duration_ns > 1.0 ? duration_ns : 1.0);
  if (!(time_ns < 2 * (double)M4S_TIME_MAX_NS)) {
    return m4s_fail(M4S_ERR_SIMULATION, "flow %lld would take %.3g s", (long long)flow->id,
                    duration_ns / 1e9);
  }
  model->completions[place] = m4s_clock_schedule(fluid->clock, (int64_t)time_ns);
  return M4S_OK;
}

static m4s_status_t run_arrival(published_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  model->arrival = m4s_event_never();
  int32_t n_before = model->n_active;
  int32_t capacity = model->active_capacity;
  for (int32_t i = 0; i < model->n_arrivals; i++) {
    int32_t slot = model->arrivals[i];
    M4S_TRY(m4s_fluid_enter(fluid, slot));
    M4S_TRY(
        m4s_array_append(&model->active, &model->n_active, &model->active_capacity, slot, "flows"));
    M4S_TRY(touch(model, slot));
  }
  model->n_arrivals = 0;
  if (model->active_capacity != capacity) {
    m4s_event_key_t *completions =
        realloc(model->completions, (size_t)model->active_capacity * sizeof *completions);
    if (completions == NULL) {
      return m4s_fail_memory("flows");
    }
    model->completions = completions;
  }
  allocate(model);
  for (int32_t i = n_before; i < model->n_active; i++) {
    M4S_TRY(schedule_completion(model, i));
  }
  find_first(model);
  return M4S_OK;
}

static m4s_status_t run_completion(published_t *model, const m4s_completion_port_t *port) {
  m4s_fluid_t *fluid = &model->fluid;
  int32_t place = model->first;
  int32_t slot = model->active[place];
  if (model->reschedule.time_ns == M4S_TIME_NEVER) {
    model->reschedule = m4s_clock_schedule(fluid->clock, fluid->clock->now_ns);
  }
  M4S_TRY(port->flow_completed(port->context, fluid->flows[slot].id));
  M4S_TRY(touch(model, slot));
  m4s_fluid_leave(fluid, slot);
  m4s_fluid_free_slot(fluid, slot);
  model->n_active--;
  for (int32_t i = place; i < model->n_active; i++) {
    model->active[i] = model->active[i + 1];
    model->completions[i] = model->completions[i + 1];
  }
  find_first(model);
  return M4S_OK;
}

static m4s_status_t run_reschedule(published_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  model->reschedule = m4s_event_never();
  for (int32_t i = 0; i < model->n_active; i++) {
    m4s_fluid_flow_t *flow = &fluid->flows[model->active[i]];
    double sent_bytes = floor((double)(fluid->clock->now_ns - flow->updated_ns) * flow->rate);
    flow->remaining_bytes = fmax(0.0, flow->remaining_bytes - sent_bytes);
    flow->updated_ns = fluid->clock->now_ns;
  }
  allocate(model);
  for (int32_t i = 0; i < model->n_active; i++) {
    M4S_TRY(schedule_completion(model, i));
  }
  find_first(model);
  return M4S_OK;
}

static m4s_event_key_t first_completion(const published_t *model) {
  return model->first < 0 ? m4s_event_never() : model->completions[model->first];
}

static m4s_event_key_t earlier(m4s_event_key_t a, m4s_event_key_t b) {
  return m4s_event_before(a, b) ? a : b;
}

static m4s_event_key_t next_event(const void *state) {
  const published_t *model = state;
  return earlier(earlier(model->arrival, model->reschedule), first_completion(model));
}

static m4s_status_t advance(void *state, m4s_event_key_t until, const m4s_completion_port_t *port) {
  published_t *model = state;
  for (;;) {
    m4s_event_key_t key = next_event(model);
    if (!m4s_event_before(key, until)) {
      return M4S_OK;
    }
    model->fluid.clock->now_ns = key.time_ns;
    model->fluid.counts.events++;
    if (key.order == model->arrival.order) {
      M4S_TRY(run_arrival(model));
    } else if (key.order == model->reschedule.order) {
      M4S_TRY(run_reschedule(model));
    } else {
      return run_completion(model, port);
    }
  }
}

static void destroy(void *state) {
  published_t *model = state;
  m4s_fluid_clear(&model->fluid);
  free(model->active);
  free(model->completions);
  free(model->arrivals);
  free(model->touched);
  free(model->open_links);
  free(model->residual_stale);
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

m4s_status_t m4s_fluid_published_create(const m4s_flowsim_config_t *config,
                                        const m4s_topology_t *topology, m4s_clock_t *clock,
                                        m4s_network_model_t *model_out) {
  published_t *model = calloc(1, sizeof *model);
  if (model == NULL) {
    return m4s_fail_memory("flowsim");
  }
  m4s_status_t status = m4s_fluid_init(&model->fluid, config, topology, clock);
  if (status != M4S_OK) {
    free(model);
    return status;
  }
  model->open_links = calloc((size_t)topology->n_links + 1, sizeof *model->open_links);
  model->residual_stale = calloc((size_t)topology->n_links + 1, sizeof *model->residual_stale);
  if (model->open_links == NULL || model->residual_stale == NULL) {
    destroy(model);
    return m4s_fail_memory("flowsim");
  }
  model->fluid.keep_order = true;
  model->first = -1;
  model->arrival = m4s_event_never();
  model->reschedule = m4s_event_never();
  *model_out = (m4s_network_model_t){.ops = &ops, .state = model};
  return M4S_OK;
}
