// flowsim as true max-min: rates change only where an arrival or a departure reaches.
//
// An allocation is max-min fair if and only if every flow has a bottleneck: a saturated link on its
// path on which no flow is faster. So after flows came or went it is enough to choose a set of
// flows, fill them in what the others leave, and look at the links of the chosen ones: another flow
// is chosen too if it is faster there than a flow that has its bottleneck there, or if its own
// bottleneck is there and is no longer saturated or no longer shared by nobody faster. When no flow
// is added, all have a bottleneck. The set only grows, so this ends. A flow whose bottleneck is on
// no link of the chosen set is untouched: the sum of rates there is the same.
#include <math.h>
#include <stdlib.h>

#include "core/heap.h"
#include "flowsim/fluid.h"

// Relative differences of rates that are rounding.
static const double RATE_TOLERANCE = 1e-9;

// What the exact mode knows of a link.
typedef struct {
  double rate_sum;  // bytes/ns of all flows on the link, at the rates that hold
  int32_t n_updates;  // of rate_sum since it was last summed
  int32_t n_limited;  // flows that are not chosen and have their bottleneck here
  // Water-filling under way:
  double demand;  // bytes/ns that the chosen flows could take at most
  double level;  // bytes/ns of the chosen flows that have their bottleneck here; INFINITY: none
  double fastest;  // bytes/ns of the fastest chosen flow
} level_t;

// A link that may become a bottleneck, and its share (bytes/ns) when it was last looked at.
typedef struct {
  double share;
  int32_t link;
} candidate_t;

typedef struct {
  m4s_fluid_t fluid;
  level_t *levels;  // [n_links]
  candidate_t *candidates;  // [n_links], a binary heap by share
  int32_t n_candidates;
  m4s_heap_t ends;  // by slot: end of transmission, then of the latency after it
  m4s_event_key_t settle;  // when rates are computed again; never: not needed
  bool *transmitting;  // [n_slots]
  int32_t transmitting_capacity;
  int32_t *touched;  // links of flows that came or went
  int32_t n_touched, touched_capacity;
} exact_t;

static m4s_status_t touch(exact_t *model, int32_t slot) {
  const m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
  if (model->n_touched + flow->n_links > model->touched_capacity) {
    int32_t capacity = 2 * (model->n_touched + flow->n_links);
    int32_t *touched = realloc(model->touched, (size_t)capacity * sizeof *touched);
    if (touched == NULL) {
      return m4s_fail_memory("flows");
    }
    model->touched = touched;
    model->touched_capacity = capacity;
  }
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    model->touched[model->n_touched++] = flow->links[hop];
  }
  if (model->settle.time_ns == M4S_TIME_NEVER) {
    model->settle = m4s_clock_schedule(model->fluid.clock, model->fluid.clock->now_ns);
  }
  return M4S_OK;
}

static m4s_status_t start_flow(void *state, const m4s_flow_t *flow) {
  exact_t *model = state;
  int32_t slot;
  M4S_TRY(m4s_fluid_take_slot(&model->fluid, flow, &slot));
  if (slot >= model->transmitting_capacity) {
    int32_t capacity = model->fluid.slot_capacity;
    bool *transmitting = realloc(model->transmitting, (size_t)capacity * sizeof *transmitting);
    if (transmitting == NULL) {
      return m4s_fail_memory("flows");
    }
    model->transmitting = transmitting;
    model->transmitting_capacity = capacity;
  }
  model->transmitting[slot] = true;
  M4S_TRY(m4s_fluid_enter(&model->fluid, slot));
  return touch(model, slot);
}

static void choose(exact_t *model, int32_t slot) {
  const m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
  if (!flow->chosen && flow->bottleneck >= 0) {
    model->levels[flow->bottleneck].n_limited--;
  }
  m4s_fluid_choose(&model->fluid, slot);
}

static void unchoose_all(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    model->levels[fluid->flows[fluid->chosen[i]].bottleneck].n_limited++;
  }
  m4s_fluid_unchoose_all(fluid);
}

// The links of the chosen flows, with what the other flows leave of them.
static void open_links(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    m4s_fluid_choose_links(fluid, fluid->chosen[i]);
  }
  for (int32_t i = 0; i < fluid->n_chosen_links; i++) {
    int32_t id = fluid->chosen_links[i];
    level_t *level = &model->levels[id];
    fluid->links[id].residual = fluid->links[id].capacity - level->rate_sum;
    fluid->links[id].n_unfilled = 0;
    level->demand = 0;
    level->level = INFINITY;
    level->fastest = 0;
  }
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    m4s_fluid_flow_t *flow = &fluid->flows[fluid->chosen[i]];
    flow->filled = false;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      fluid->links[flow->links[hop]].residual += flow->rate;
      fluid->links[flow->links[hop]].n_unfilled++;
    }
  }
}

// Puts a candidate where the one at `at` is, or below.
static void sink(exact_t *model, int32_t at, candidate_t candidate) {
  candidate_t *heap = model->candidates;
  for (;;) {
    int32_t child = 2 * at + 1;
    if (child >= model->n_candidates) {
      break;
    }
    if (child + 1 < model->n_candidates && heap[child + 1].share < heap[child].share) {
      child++;
    }
    if (heap[child].share >= candidate.share) {
      break;
    }
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = candidate;
}

// No flow gets more than the least residual on its path, so only links on which these bounds add up
// to the residual can become bottlenecks.
static void find_candidates(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    const m4s_fluid_flow_t *flow = &fluid->flows[fluid->chosen[i]];
    double bound = INFINITY;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      bound = fmin(bound, fluid->links[flow->links[hop]].residual);
    }
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      model->levels[flow->links[hop]].demand += bound;
    }
  }
  for (int32_t i = 0; i < fluid->n_chosen_links; i++) {
    int32_t id = fluid->chosen_links[i];
    const m4s_fluid_link_t *link = &fluid->links[id];
    if (model->levels[id].demand >= link->residual * (1 - RATE_TOLERANCE)) {
      model->candidates[model->n_candidates++] =
          (candidate_t){.share = link->residual / link->n_unfilled, .link = id};
    }
  }
  for (int32_t i = model->n_candidates / 2 - 1; i >= 0; i--) {
    sink(model, i, model->candidates[i]);
  }
}

static void fill_link(exact_t *model, int32_t id, double share) {
  m4s_fluid_t *fluid = &model->fluid;
  const m4s_fluid_link_t *bottleneck = &fluid->links[id];
  model->levels[id].level = share;
  for (int32_t i = 0; i < bottleneck->n_members; i++) {
    m4s_fluid_flow_t *flow = &fluid->flows[bottleneck->members[i].slot];
    if (!flow->chosen || flow->filled) {
      continue;
    }
    flow->filled = true;
    flow->filled_rate = share;
    flow->bottleneck = id;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      m4s_fluid_link_t *link = &fluid->links[flow->links[hop]];
      link->residual -= share;
      link->n_unfilled--;
      model->levels[flow->links[hop]].fastest = share;  // shares ascend
    }
  }
}

// Progressive filling of the chosen flows in what the others leave.
static void fill(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  open_links(model);
  find_candidates(model);
  while (model->n_candidates > 0) {
    candidate_t first = model->candidates[0];
    const m4s_fluid_link_t *link = &fluid->links[first.link];
    if (link->n_unfilled == 0) {
      sink(model, 0, model->candidates[--model->n_candidates]);
      continue;
    }
    // A link's share only grows while others give out less, so the one known is at most too small:
    // then the link goes back to its place.
    double share = fmax(0.0, link->residual / link->n_unfilled);
    if (share > first.share) {
      sink(model, 0, (candidate_t){.share = share, .link = first.link});
    } else {
      fill_link(model, first.link, share);
    }
  }
  fluid->counts.allocations++;
  fluid->counts.flows_filled += fluid->n_chosen;
}

// Chooses the flows on a link that cannot keep their rates; true if there were any.
static bool choose_on_link(exact_t *model, int32_t id) {
  const m4s_fluid_link_t *link = &model->fluid.links[id];
  const level_t *level = &model->levels[id];
  if (level->n_limited == 0 && level->level == INFINITY) {
    return false;  // nobody's bottleneck
  }
  bool saturated = link->residual <= link->capacity * RATE_TOLERANCE;
  bool any = false;
  for (int32_t i = 0; i < link->n_members; i++) {
    int32_t slot = link->members[i].slot;
    const m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
    if (flow->chosen) {
      continue;
    }
    bool too_fast = flow->rate > level->level * (1 + RATE_TOLERANCE);
    bool lost_bottleneck = flow->bottleneck == id &&
                           (!saturated || flow->rate < level->fastest * (1 - RATE_TOLERANCE));
    if (too_fast || lost_bottleneck) {
      choose(model, slot);
      any = true;
    }
  }
  return any;
}

static void choose_touched(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  for (int32_t i = 0; i < model->n_touched; i++) {
    int32_t id = model->touched[i];
    const m4s_fluid_link_t *link = &fluid->links[id];
    for (int32_t j = 0; j < link->n_members; j++) {
      const m4s_fluid_flow_t *flow = &fluid->flows[link->members[j].slot];
      if (flow->bottleneck == id || flow->bottleneck < 0) {
        choose(model, link->members[j].slot);
      }
    }
  }
  model->n_touched = 0;
}

static void allocate(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  choose_touched(model);
  for (bool grown = fluid->n_chosen > 0; grown;) {
    fill(model);
    grown = false;
    for (int32_t i = 0; i < fluid->n_chosen_links; i++) {
      grown = choose_on_link(model, fluid->chosen_links[i]) || grown;
    }
  }
}

// Adds to the sum of rates of the flow's links. Now and then a sum is taken anew, against rounding.
static void change_rate_sums(exact_t *model, const m4s_fluid_flow_t *flow, double change) {
  enum { UPDATES_PER_SUM = 1024 };
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    level_t *level = &model->levels[flow->links[hop]];
    level->rate_sum += change;
    if (++level->n_updates < UPDATES_PER_SUM) {
      continue;
    }
    const m4s_fluid_link_t *link = &model->fluid.links[flow->links[hop]];
    level->n_updates = 0;
    level->rate_sum = 0;
    for (int32_t i = 0; i < link->n_members; i++) {
      level->rate_sum += model->fluid.flows[link->members[i].slot].rate;
    }
  }
}

// Credits a flow for what it sent at its old rate and moves its end to what the new one gives.
static m4s_status_t change_rate(exact_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_fluid_flow_t *flow = &fluid->flows[slot];
  int64_t now_ns = fluid->clock->now_ns;
  flow->remaining_bytes -= flow->rate * (double)(now_ns - flow->updated_ns);
  flow->updated_ns = now_ns;
  double change = flow->filled_rate - flow->rate;
  flow->rate = flow->filled_rate;
  change_rate_sums(model, flow, change);
  fluid->counts.rate_changes++;
  double duration_ns = ceil(fmax(0.0, flow->remaining_bytes) / flow->rate);
  if (!(duration_ns < 4e18)) {
    return m4s_fail(M4S_ERR_SIMULATION, "flow %lld gets no bandwidth", (long long)flow->id);
  }
  return m4s_heap_set(&model->ends, slot,
                      m4s_clock_schedule(fluid->clock, now_ns + (int64_t)duration_ns));
}

static m4s_status_t run_settle(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  model->settle = m4s_event_never();
  allocate(model);
  m4s_status_t status = M4S_OK;
  for (int32_t i = 0; status == M4S_OK && i < fluid->n_chosen; i++) {
    const m4s_fluid_flow_t *flow = &fluid->flows[fluid->chosen[i]];
    // A rate that is the same but for rounding stays: the flow keeps its event.
    if (fabs(flow->filled_rate - flow->rate) > flow->rate * 1e-12) {
      status = change_rate(model, fluid->chosen[i]);
    }
  }
  unchoose_all(model);
  return status;
}

// The last byte is sent: the links are free, the completion follows after the path's latency.
static m4s_status_t end_transmission(exact_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_fluid_flow_t *flow = &fluid->flows[slot];
  model->transmitting[slot] = false;
  model->levels[flow->bottleneck].n_limited--;
  m4s_fluid_leave(fluid, slot);
  change_rate_sums(model, flow, -flow->rate);
  M4S_TRY(touch(model, slot));
  int64_t time_ns = fluid->clock->now_ns + flow->latency_ns;
  return m4s_heap_set(&model->ends, slot, m4s_clock_schedule(fluid->clock, time_ns));
}

static m4s_status_t complete(exact_t *model, int32_t slot, const m4s_completion_port_t *port) {
  int64_t id = model->fluid.flows[slot].id;
  m4s_heap_remove(&model->ends, slot);
  m4s_fluid_free_slot(&model->fluid, slot);
  return port->flow_completed(port->context, id);
}

static m4s_event_key_t next_event(const void *state) {
  const exact_t *model = state;
  const m4s_heap_entry_t *first = m4s_heap_first(&model->ends);
  return first != NULL && m4s_event_before(first->key, model->settle) ? first->key : model->settle;
}

static m4s_status_t advance(void *state, m4s_event_key_t until, const m4s_completion_port_t *port) {
  exact_t *model = state;
  for (;;) {
    m4s_event_key_t key = next_event(model);
    if (!m4s_event_before(key, until)) {
      return M4S_OK;
    }
    model->fluid.clock->now_ns = key.time_ns;
    model->fluid.counts.events++;
    if (key.order == model->settle.order) {
      M4S_TRY(run_settle(model));
      continue;
    }
    int32_t slot = m4s_heap_first(&model->ends)->id;
    if (!model->transmitting[slot]) {
      return complete(model, slot, port);
    }
    M4S_TRY(end_transmission(model, slot));
  }
}

static void link_usage(const void *state, m4s_link_usage_t *usage_out) {
  const exact_t *model = state;
  m4s_fluid_link_usage(&model->fluid, usage_out);
}

static void destroy(void *state) {
  exact_t *model = state;
  m4s_fluid_clear(&model->fluid);
  m4s_heap_clear(&model->ends);
  free(model->candidates);
  free(model->levels);
  free(model->transmitting);
  free(model->touched);
  free(model);
}

static const m4s_network_model_ops_t ops = {
    .name = "flowsim",
    .start_flow = start_flow,
    .next_event = next_event,
    .advance = advance,
    .link_usage = link_usage,
    .destroy = destroy,
};

m4s_status_t m4s_fluid_exact_create(const m4s_flowsim_config_t *config,
                                    const m4s_topology_t *topology, m4s_clock_t *clock,
                                    m4s_network_model_t *model_out) {
  exact_t *model = calloc(1, sizeof *model);
  if (model == NULL) {
    return m4s_fail_memory("flowsim");
  }
  m4s_status_t status = m4s_fluid_init(&model->fluid, config, topology, clock);
  if (status != M4S_OK) {
    free(model);
    return status;
  }
  model->levels = calloc((size_t)topology->n_links + 1, sizeof *model->levels);
  model->candidates = calloc((size_t)topology->n_links + 1, sizeof *model->candidates);
  if (model->levels == NULL || model->candidates == NULL) {
    destroy(model);
    return m4s_fail_memory("flowsim");
  }
  model->settle = m4s_event_never();
  *model_out = (m4s_network_model_t){.ops = &ops, .state = model};
  return M4S_OK;
}
