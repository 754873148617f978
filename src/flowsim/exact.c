// flowsim as true max-min: rates change only where an arrival or a departure reaches.
//
// An allocation is max-min fair if and only if every flow has a bottleneck: a saturated link on its
// path on which no flow is faster. The flows whose bottleneck a link is are limited by it; they all
// have one rate, the link's level. After flows came or went, one sweep over the levels from low to
// high finds the new allocation:
//  * Flows whose rates may change are open. A link's share is what the flows that are neither open
//    nor limited by it leave of its capacity, divided among those that are.
//  * The link with the least key comes next: its share, but no more than its level while it limits
//    flows that are not open. If the share is the level, those flows keep their rate. Else they
//    become open. When the link limits none, its open flows get the share, once flows that are
//    faster than that have become open, too.
//  * A flow that becomes open has a rate of at least the key of that moment, so no share that
//    follows is below it: the sweep never goes back, and every flow becomes open at most once. What
//    is not open at the end keeps its bottleneck.
// So every flow that takes part changes, but for ties. To find them, a link that limits flows looks
// at all that cross it: a link with very many flows that others limit costs that much.
#include <math.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/heap.h"
#include "flowsim/beside.h"
#include "flowsim/fluid.h"

// Relative differences of rates that are rounding.
static const double RATE_TOLERANCE = 1e-9;

// What the exact mode knows of a link. Rates are bytes/ns.
typedef struct {
  double rate_sum;  // of all flows on the link, at the rates that hold
  int32_t n_updates;  // of rate_sum since it was last summed
  int32_t n_limited;  // flows that are limited by the link and not open
  double level;  // their rate
  // Sweep under way:
  double bound;  // no open flow on the link can be faster
  double queued;  // key of the link's valid entry in the queue; negative: none
  bool searched;  // flows that are faster than its share have become open
} level_t;

// An entry of the sweep's queue; it is valid if the link's `queued` is its key.
typedef struct {
  double key;
  int32_t link;
} entry_t;

typedef struct m4s_beside {
  m4s_fluid_t fluid;
  bool beside;  // another simulator ends the flows
  m4s_clock_t own_clock;  // beside it
  level_t *levels;  // [n_links]
  entry_t *queue;  // [n_queued], a binary heap by key
  int32_t n_queued, queue_capacity;
  m4s_heap_t ends;  // by slot: end of transmission, then of the latency after it
  m4s_event_key_t settle;  // when rates are computed again; never: not needed
  bool *transmitting;  // [n_slots]
  int32_t transmitting_capacity;
  int32_t *arrivals;  // slots of flows that have come since the last sweep
  int32_t n_arrivals, arrival_capacity;
  int32_t *left;  // links of flows that have gone since
  int32_t n_left, left_capacity;
} exact_t;

// Rates are computed again once everything else that happens at this time has happened.
static void settle_now(exact_t *model) {
  if (model->settle.time_ns == M4S_TIME_NEVER) {
    model->settle = m4s_clock_schedule(model->fluid.clock, model->fluid.clock->now_ns);
  }
}

static m4s_status_t start(exact_t *model, const m4s_flow_t *flow, int32_t *slot_out) {
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
  settle_now(model);
  *slot_out = slot;
  return m4s_array_append(&model->arrivals, &model->n_arrivals, &model->arrival_capacity, slot,
                          "flows");
}

static m4s_status_t start_flow(void *state, const m4s_flow_t *flow) {
  int32_t slot;
  return start(state, flow, &slot);
}

// --- the sweep's queue ---
//
// Not core/heap: a link may stand in it twice, which is cheaper than moving entries by id.

static void sink(exact_t *model, int32_t at, entry_t entry) {
  entry_t *heap = model->queue;
  for (;;) {
    int32_t child = 2 * at + 1;
    if (child >= model->n_queued) {
      break;
    }
    if (child + 1 < model->n_queued && heap[child + 1].key < heap[child].key) {
      child++;
    }
    if (heap[child].key >= entry.key) {
      break;
    }
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = entry;
}

static m4s_status_t push(exact_t *model, entry_t entry) {
  if (model->n_queued == model->queue_capacity) {
    int32_t capacity = model->queue_capacity == 0 ? 256 : 2 * model->queue_capacity;
    entry_t *queue = realloc(model->queue, (size_t)capacity * sizeof *queue);
    if (queue == NULL) {
      return m4s_fail_memory("flows");
    }
    model->queue = queue;
    model->queue_capacity = capacity;
  }
  int32_t at = model->n_queued++;
  while (at > 0 && model->queue[(at - 1) / 2].key > entry.key) {
    model->queue[at] = model->queue[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  model->queue[at] = entry;
  return M4S_OK;
}

static entry_t pop(exact_t *model) {
  entry_t first = model->queue[0];
  model->n_queued--;
  sink(model, 0, model->queue[model->n_queued]);
  return first;
}

// --- the sweep ---
//
// Of a link that is chosen, i.e. part of the sweep, `residual` is what flows that are neither open
// nor limited by it leave, without the limited ones' part; `n_unfilled` counts the open flows.

static double share_of(const exact_t *model, int32_t id) {
  const m4s_fluid_link_t *link = &model->fluid.links[id];
  const level_t *level = &model->levels[id];
  double part = link->residual + level->n_limited * level->level;
  return fmax(0.0, part / (link->n_unfilled + level->n_limited));
}

static double key_of(const exact_t *model, int32_t id) {
  double share = share_of(model, id);
  const level_t *level = &model->levels[id];
  return level->n_limited > 0 ? fmin(share, level->level) : share;
}

static void join_sweep(exact_t *model, int32_t id) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_fluid_link_t *link = &fluid->links[id];
  if (link->chosen) {
    return;
  }
  link->chosen = true;
  fluid->chosen_links[fluid->n_chosen_links++] = id;
  level_t *level = &model->levels[id];
  link->residual = link->capacity - level->rate_sum;
  link->n_unfilled = 0;
  level->bound = 0;
  level->queued = -1;
  level->searched = false;
}

// Queues a link unless it cannot matter: it limits nobody and offers its open flows more than they
// can use.
static m4s_status_t queue_link(exact_t *model, int32_t id) {
  level_t *level = &model->levels[id];
  if (level->n_limited == 0 && (model->fluid.links[id].n_unfilled == 0 ||
                                share_of(model, id) > level->bound * (1 + RATE_TOLERANCE))) {
    return M4S_OK;
  }
  double key = key_of(model, id);
  if (level->queued >= 0 && level->queued <= key) {
    return M4S_OK;  // it comes up early enough, and goes back to its place then
  }
  level->queued = key;
  return push(model, (entry_t){.key = key, .link = id});
}

// The flow may change its rate.
static m4s_status_t open_flow(exact_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_fluid_flow_t *flow = &fluid->flows[slot];
  if (flow->bottleneck >= 0) {
    model->levels[flow->bottleneck].n_limited--;
  }
  m4s_fluid_choose(fluid, slot);
  flow->filled = false;
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    int32_t id = flow->links[hop];
    join_sweep(model, id);
    fluid->links[id].residual += flow->rate;
    fluid->links[id].n_unfilled++;
    model->levels[id].bound = fmax(model->levels[id].bound, flow->max_rate);
    M4S_TRY(queue_link(model, id));
  }
  return M4S_OK;
}

// Opens flows that the link limits, and flows that are faster than `rate`.
static m4s_status_t open_on_link(exact_t *model, int32_t id, double rate) {
  const m4s_fluid_link_t *link = &model->fluid.links[id];
  for (int32_t i = 0; i < link->n_members; i++) {
    int32_t slot = link->members[i].slot;
    const m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
    if (!flow->chosen && (flow->bottleneck == id || flow->rate > rate)) {
      M4S_TRY(open_flow(model, slot));
    }
  }
  return M4S_OK;
}

// Gives the link's open flows their rate; the link limits them from now on.
static void fill_link(exact_t *model, int32_t id, double rate) {
  m4s_fluid_t *fluid = &model->fluid;
  const m4s_fluid_link_t *bottleneck = &fluid->links[id];
  model->levels[id].level = rate;
  for (int32_t i = 0; i < bottleneck->n_members && bottleneck->n_unfilled > 0; i++) {
    m4s_fluid_flow_t *flow = &fluid->flows[bottleneck->members[i].slot];
    if (!flow->chosen || flow->filled) {
      continue;
    }
    flow->filled = true;
    flow->filled_rate = rate;
    flow->bottleneck = id;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      fluid->links[flow->links[hop]].residual -= rate;
      fluid->links[flow->links[hop]].n_unfilled--;
    }
  }
}

// A link whose turn it is.
static m4s_status_t visit_link(exact_t *model, int32_t id) {
  level_t *level = &model->levels[id];
  double share = share_of(model, id);
  if (level->n_limited > 0) {
    if (fabs(share - level->level) <= level->level * RATE_TOLERANCE) {
      fill_link(model, id, level->level);
      return M4S_OK;
    }
    // Rising: nobody else on the link is faster than its level was.
    level->searched = true;
    double rate = share > level->level ? INFINITY : share * (1 + RATE_TOLERANCE);
    M4S_TRY(open_on_link(model, id, rate));
    return queue_link(model, id);
  }
  if (!level->searched) {
    level->searched = true;
    int32_t n_open = model->fluid.links[id].n_unfilled;
    M4S_TRY(open_on_link(model, id, share * (1 + RATE_TOLERANCE)));
    if (model->fluid.links[id].n_unfilled > n_open) {
      return queue_link(model, id);
    }
  }
  fill_link(model, id, share);
  return M4S_OK;
}

// Opens the flows that came, and sweeps from their links and from those that flows have left.
static m4s_status_t sweep(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  for (int32_t i = 0; i < model->n_arrivals; i++) {
    M4S_TRY(open_flow(model, model->arrivals[i]));
  }
  for (int32_t i = 0; i < model->n_left; i++) {
    join_sweep(model, model->left[i]);
    M4S_TRY(queue_link(model, model->left[i]));
  }
  model->n_arrivals = 0;
  model->n_left = 0;
  while (model->n_queued > 0) {
    entry_t entry = pop(model);
    level_t *level = &model->levels[entry.link];
    if (entry.key != level->queued) {
      continue;  // overtaken by an earlier entry
    }
    level->queued = -1;
    if (level->n_limited + fluid->links[entry.link].n_unfilled == 0) {
      continue;
    }
    double key = key_of(model, entry.link);
    if (key > entry.key) {
      level->queued = key;
      M4S_TRY(push(model, (entry_t){.key = key, .link = entry.link}));
    } else {
      M4S_TRY(visit_link(model, entry.link));
    }
  }
  fluid->counts.allocations++;
  fluid->counts.flows_filled += fluid->n_chosen;
  fluid->counts.links_filled += fluid->n_chosen_links;
  return M4S_OK;
}

// Ends the sweep: the open flows are limited by their bottlenecks.
static void end_sweep(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    int32_t bottleneck = fluid->flows[fluid->chosen[i]].bottleneck;
    if (bottleneck >= 0) {
      model->levels[bottleneck].n_limited++;
    }
  }
  m4s_fluid_unchoose_all(fluid);
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

// The time to the first whole ns at which all is sent that remained at updated_ns; what is whole
// but for rounding is not rounded up.
static double sending_ns(const m4s_fluid_flow_t *flow) {
  return ceil(fmax(0.0, flow->remaining_bytes) / flow->rate - 1e-6);
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
  double duration_ns = sending_ns(flow);
  if (!(duration_ns < (double)M4S_TIME_MAX_NS)) {
    return m4s_fail(M4S_ERR_SIMULATION, "flow %lld would take %.3g s", (long long)flow->id,
                    duration_ns / 1e9);
  }
  return m4s_heap_set(&model->ends, slot,
                      m4s_clock_schedule(fluid->clock, now_ns + (int64_t)duration_ns));
}

static m4s_status_t run_settle(exact_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  model->settle = m4s_event_never();
  m4s_status_t status = sweep(model);
  for (int32_t i = 0; status == M4S_OK && i < fluid->n_chosen; i++) {
    const m4s_fluid_flow_t *flow = &fluid->flows[fluid->chosen[i]];
    // A rate that is the same but for rounding stays: the flow keeps its event.
    if (fabs(flow->filled_rate - flow->rate) > flow->rate * 1e-12) {
      status = change_rate(model, fluid->chosen[i]);
    }
  }
  end_sweep(model);
  return status;
}

// Nothing more is sent: the links are free.
static m4s_status_t end_sending(exact_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->fluid;
  const m4s_fluid_flow_t *flow = &fluid->flows[slot];
  model->transmitting[slot] = false;
  model->levels[flow->bottleneck].n_limited--;
  m4s_fluid_leave(fluid, slot);
  change_rate_sums(model, flow, -flow->rate);
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    M4S_TRY(m4s_array_append(&model->left, &model->n_left, &model->left_capacity, flow->links[hop],
                             "flows"));
  }
  settle_now(model);
  return M4S_OK;
}

// The last byte is sent: the completion follows after the path's latency, if it follows.
static m4s_status_t end_transmission(exact_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_fluid_flow_t *flow = &fluid->flows[slot];
  M4S_TRY(end_sending(model, slot));
  if (model->beside) {
    flow->rate = 0;
    flow->remaining_bytes = 0;
    flow->updated_ns = fluid->clock->now_ns;
    m4s_heap_remove(&model->ends, slot);
    return M4S_OK;
  }
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

static void destroy(void *state) {
  exact_t *model = state;
  m4s_fluid_clear(&model->fluid);
  m4s_heap_clear(&model->ends);
  free(model->queue);
  free(model->levels);
  free(model->transmitting);
  free(model->arrivals);
  free(model->left);
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

// `clock` NULL: one of its own.
static m4s_status_t create(const m4s_flowsim_config_t *config, const m4s_topology_t *topology,
                           m4s_clock_t *clock, exact_t **model_out) {
  exact_t *model = calloc(1, sizeof *model);
  if (model == NULL) {
    return m4s_fail_memory("flowsim");
  }
  clock = clock == NULL ? &model->own_clock : clock;
  m4s_status_t status = m4s_fluid_init(&model->fluid, config, topology, clock);
  if (status != M4S_OK) {
    free(model);
    return status;
  }
  model->levels = calloc((size_t)topology->n_links + 1, sizeof *model->levels);
  if (model->levels == NULL) {
    destroy(model);
    return m4s_fail_memory("flowsim");
  }
  model->settle = m4s_event_never();
  *model_out = model;
  return M4S_OK;
}

m4s_status_t m4s_fluid_exact_create(const m4s_flowsim_config_t *config,
                                    const m4s_topology_t *topology, m4s_clock_t *clock,
                                    m4s_network_model_t *model_out) {
  exact_t *model = NULL;
  M4S_TRY(create(config, topology, clock, &model));
  *model_out = (m4s_network_model_t){.ops = &ops, .state = model};
  return M4S_OK;
}

// --- beside another simulator ---

m4s_status_t m4s_beside_create(const m4s_wire_t *wire, const m4s_topology_t *topology,
                               m4s_beside_t **beside_out) {
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_EXACT, .wire = *wire};
  exact_t *model = NULL;
  M4S_TRY(create(&config, topology, NULL, &model));
  model->beside = true;
  *beside_out = model;
  return M4S_OK;
}

void m4s_beside_destroy(m4s_beside_t *beside) {
  if (beside != NULL) {
    destroy(beside);
  }
}

m4s_status_t m4s_beside_advance(m4s_beside_t *beside, int64_t now_ns) {
  const m4s_event_key_t end = {.time_ns = now_ns, .order = UINT64_MAX};
  const m4s_completion_port_t port = {0};  // nothing completes
  M4S_TRY(advance(beside, end, &port));
  beside->own_clock.now_ns = now_ns;
  return M4S_OK;
}

m4s_status_t m4s_beside_start(m4s_beside_t *beside, int64_t now_ns, const m4s_flow_t *flow,
                              int32_t *slot_out) {
  M4S_TRY(m4s_beside_advance(beside, now_ns));
  return start(beside, flow, slot_out);
}

m4s_status_t m4s_beside_end(m4s_beside_t *beside, int64_t now_ns, int32_t slot) {
  M4S_TRY(m4s_beside_advance(beside, now_ns));
  if (beside->transmitting[slot]) {
    m4s_heap_remove(&beside->ends, slot);
    M4S_TRY(end_sending(beside, slot));
  }
  m4s_fluid_free_slot(&beside->fluid, slot);
  return M4S_OK;
}

m4s_beside_flow_t m4s_beside_flow(const m4s_beside_t *beside, int32_t slot) {
  const m4s_fluid_flow_t *flow = &beside->fluid.flows[slot];
  if (!beside->transmitting[slot]) {
    return (m4s_beside_flow_t){.sent_ns = flow->updated_ns};
  }
  double sent_bytes = flow->rate * (double)(beside->own_clock.now_ns - flow->updated_ns);
  return (m4s_beside_flow_t){.rate = flow->rate,
                             .remaining_bytes = fmax(0.0, flow->remaining_bytes - sent_bytes),
                             .sent_ns = flow->updated_ns + (int64_t)sending_ns(flow)};
}

double m4s_beside_link_rate(const m4s_beside_t *beside, int32_t link) {
  return fmax(0.0, beside->levels[link].rate_sum);
}
