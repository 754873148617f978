// Rates change only where an arrival or a departure reaches.
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
#include "flowsim/max_min.h"

#include <math.h>
#include <stdlib.h>

#include "core/array.h"

// Relative differences of rates that are rounding.
static const double RATE_TOLERANCE = 1e-9;

// Not fmin() and fmax(), which are calls; no NaN comes here.
static double lesser(double a, double b) { return a < b ? a : b; }

static double greater(double a, double b) { return a > b ? a : b; }

// --- the sweep's queue ---
//
// Not core/heap: a link may stand in it twice, which is cheaper than moving entries by id.

static void sink(m4s_max_min_t *model, int32_t at, m4s_max_min_entry_t entry) {
  m4s_max_min_entry_t *heap = model->queue;
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

static m4s_status_t push(m4s_max_min_t *model, m4s_max_min_entry_t entry) {
  if (model->n_queued == model->queue_capacity) {
    int32_t capacity = model->queue_capacity == 0 ? 256 : 2 * model->queue_capacity;
    m4s_max_min_entry_t *queue = realloc(model->queue, (size_t)capacity * sizeof *queue);
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

static m4s_max_min_entry_t pop(m4s_max_min_t *model) {
  m4s_max_min_entry_t first = model->queue[0];
  model->n_queued--;
  sink(model, 0, model->queue[model->n_queued]);
  return first;
}

// --- the sweep ---
//
// Of a link that is chosen, i.e. part of the sweep, `residual` is what flows that are neither open
// nor limited by it leave, without the limited ones' part; `n_unfilled` counts the open flows.

// What a link has for each of its flows that are open or limited by it, and when its turn is.
typedef struct {
  double share, key;
} offer_t;

static offer_t offer_of(const m4s_max_min_t *model, int32_t id) {
  const m4s_fluid_link_t *link = &model->fluid.links[id];
  const m4s_max_min_level_t *level = &model->levels[id];
  double part = link->residual + level->n_limited * level->level;
  double share = greater(0.0, part / (link->n_unfilled + level->n_limited));
  return (offer_t){.share = share,
                   .key = level->n_limited > 0 ? lesser(share, level->level) : share};
}

static void join_sweep(m4s_max_min_t *model, int32_t id) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_fluid_link_t *link = &fluid->links[id];
  m4s_max_min_level_t *level = &model->levels[id];
  if (!link->chosen) {
    link->chosen = true;
    fluid->chosen_links[fluid->n_chosen_links++] = id;
    link->residual = link->capacity - level->rate_sum;
    link->n_unfilled = 0;
    level->bound = 0;
    level->queued = -1;
    level->searched = false;
  }
  if (!level->waiting) {
    level->waiting = true;
    model->waiting[model->n_waiting++] = id;
  }
}

// Queues a link unless it cannot matter: it limits nobody and offers its open flows more than they
// can use.
static m4s_status_t queue_link(m4s_max_min_t *model, int32_t id) {
  m4s_max_min_level_t *level = &model->levels[id];
  offer_t offer = offer_of(model, id);
  if (level->n_limited == 0 && (model->fluid.links[id].n_unfilled == 0 ||
                                offer.share > level->bound * (1 + RATE_TOLERANCE))) {
    return M4S_OK;
  }
  if (level->queued >= 0 && level->queued <= offer.key) {
    return M4S_OK;  // it comes up early enough, and goes back to its place then
  }
  level->queued = offer.key;
  return push(model, (m4s_max_min_entry_t){.key = offer.key, .link = id});
}

static m4s_status_t queue_waiting(m4s_max_min_t *model) {
  m4s_status_t status = M4S_OK;
  for (int32_t i = 0; i < model->n_waiting; i++) {
    model->levels[model->waiting[i]].waiting = false;
    status = status == M4S_OK ? queue_link(model, model->waiting[i]) : status;
  }
  model->n_waiting = 0;
  return status;
}

// Asks for what is known of a flow's links ahead of the walk over them, whose branches depend on
// it.
static void fetch_links(const m4s_max_min_t *model, const m4s_fluid_flow_t *flow) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    __builtin_prefetch(&model->fluid.links[flow->links[hop]], 1);
    __builtin_prefetch(&model->levels[flow->links[hop]], 1);
  }
}

// The flow may change its rate; its links wait to be queued.
static void open_flow(m4s_max_min_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_fluid_flow_t *flow = &fluid->flows[slot];
  if (flow->bottleneck >= 0) {
    model->levels[flow->bottleneck].n_limited--;
  }
  m4s_fluid_choose(fluid, slot);
  flow->filled = false;
  fetch_links(model, flow);
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    int32_t id = flow->links[hop];
    join_sweep(model, id);
    fluid->links[id].residual += flow->rate;
    fluid->links[id].n_unfilled++;
    model->levels[id].bound = greater(model->levels[id].bound, flow->max_rate);
  }
}

static void fetch_members(const m4s_max_min_t *model, const m4s_fluid_link_t *link) {
  enum { MAX_FETCHED = 32 };
  int32_t n = link->n_members < MAX_FETCHED ? link->n_members : MAX_FETCHED;
  for (int32_t i = 0; i < n; i++) {
    __builtin_prefetch(&model->fluid.flows[link->members[i].slot], 1);
  }
}

// Opens flows that the link limits, and flows that are faster than `rate`.
static void open_on_link(m4s_max_min_t *model, int32_t id, double rate) {
  const m4s_fluid_link_t *link = &model->fluid.links[id];
  fetch_members(model, link);
  for (int32_t i = 0; i < link->n_members; i++) {
    int32_t slot = link->members[i].slot;
    const m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
    if (!flow->chosen && (flow->bottleneck == id || flow->rate > rate)) {
      open_flow(model, slot);
    }
  }
}

// Gives the link's open flows their rate; the link limits them from now on.
static void fill_link(m4s_max_min_t *model, int32_t id, double rate) {
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
static m4s_status_t visit_link(m4s_max_min_t *model, int32_t id) {
  m4s_max_min_level_t *level = &model->levels[id];
  double share = offer_of(model, id).share;
  if (level->n_limited > 0) {
    if (fabs(share - level->level) <= level->level * RATE_TOLERANCE) {
      fill_link(model, id, level->level);
      return M4S_OK;
    }
    // Rising: nobody else on the link is faster than its level was.
    level->searched = true;
    open_on_link(model, id, share > level->level ? INFINITY : share * (1 + RATE_TOLERANCE));
    return queue_waiting(model);
  }
  if (!level->searched) {
    level->searched = true;
    int32_t n_open = model->fluid.links[id].n_unfilled;
    open_on_link(model, id, share * (1 + RATE_TOLERANCE));
    if (model->fluid.links[id].n_unfilled > n_open) {
      return queue_waiting(model);
    }
  }
  fill_link(model, id, share);
  return M4S_OK;
}

// Opens the flows that came, and begins with their links and with those that flows have left.
static m4s_status_t begin_sweep(m4s_max_min_t *model) {
  for (int32_t i = 0; i < model->n_arrivals; i++) {
    open_flow(model, model->arrivals[i]);
  }
  for (int32_t i = 0; i < model->n_left; i++) {
    join_sweep(model, model->left[i]);
  }
  model->n_arrivals = 0;
  model->n_left = 0;
  return queue_waiting(model);
}

static m4s_status_t sweep(m4s_max_min_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  M4S_TRY(begin_sweep(model));
  while (model->n_queued > 0) {
    m4s_max_min_entry_t entry = pop(model);
    m4s_max_min_level_t *level = &model->levels[entry.link];
    if (entry.key != level->queued) {
      continue;  // overtaken by an earlier entry
    }
    level->queued = -1;
    if (level->n_limited + fluid->links[entry.link].n_unfilled == 0) {
      continue;
    }
    double key = offer_of(model, entry.link).key;
    if (key > entry.key) {
      level->queued = key;
      M4S_TRY(push(model, (m4s_max_min_entry_t){.key = key, .link = entry.link}));
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
static void end_sweep(m4s_max_min_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    int32_t bottleneck = fluid->flows[fluid->chosen[i]].bottleneck;
    if (bottleneck >= 0) {
      model->levels[bottleneck].n_limited++;
    }
  }
  m4s_fluid_unchoose_all(fluid);
}

// --- rates ---

// Adds to the sum of rates of the flow's links. Now and then a sum is taken anew, against rounding.
static void change_rate_sums(m4s_max_min_t *model, const m4s_fluid_flow_t *flow, double change) {
  enum { UPDATES_PER_SUM = 1024 };
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    m4s_max_min_level_t *level = &model->levels[flow->links[hop]];
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

// The bytes that the flow has left now.
static void credit(m4s_fluid_flow_t *flow, int64_t now_ns) {
  flow->remaining_bytes -= flow->rate * (double)(now_ns - flow->updated_ns);
  flow->updated_ns = now_ns;
}

// From updated_ns to the first whole ns at which all is sent; what is whole but for rounding is not
// rounded up.
static double sending_ns(const m4s_fluid_flow_t *flow) {
  return ceil(greater(0.0, flow->remaining_bytes) / flow->rate - 1e-6);
}

// Moves the flow's end to what its rate and what it has left now give.
static m4s_status_t schedule_end(m4s_max_min_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->fluid;
  const m4s_fluid_flow_t *flow = &fluid->flows[slot];
  double duration_ns = sending_ns(flow);
  if (!(duration_ns < (double)M4S_TIME_MAX_NS)) {
    return m4s_fail(M4S_ERR_SIMULATION, "flow %lld would take %.3g s", (long long)flow->id,
                    duration_ns / 1e9);
  }
  return m4s_heap_set(&model->ends, slot,
                      m4s_clock_schedule(fluid->clock, flow->updated_ns + (int64_t)duration_ns));
}

// Credits a flow for what it sent at its old rate and moves its end to what the new one gives.
static m4s_status_t change_rate(m4s_max_min_t *model, int32_t slot) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_fluid_flow_t *flow = &fluid->flows[slot];
  credit(flow, fluid->clock->now_ns);
  double change = flow->filled_rate - flow->rate;
  flow->rate = flow->filled_rate;
  change_rate_sums(model, flow, change);
  fluid->counts.rate_changes++;
  return schedule_end(model, slot);
}

m4s_status_t m4s_max_min_set_remaining(m4s_max_min_t *model, int32_t slot, double remaining_bytes) {
  m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
  flow->remaining_bytes = remaining_bytes;
  flow->updated_ns = model->fluid.clock->now_ns;
  return schedule_end(model, slot);
}

m4s_status_t m4s_max_min_settle(m4s_max_min_t *model) {
  m4s_fluid_t *fluid = &model->fluid;
  m4s_status_t status = sweep(model);
  for (int32_t i = 0; status == M4S_OK && i < fluid->n_chosen; i++) {
    const m4s_fluid_flow_t *flow = &fluid->flows[fluid->chosen[i]];
    // A rate that is the same but for rounding stays: the flow keeps its event.
    if (!(fabs(flow->filled_rate - flow->rate) <= flow->rate * 1e-12)) {
      status = change_rate(model, fluid->chosen[i]);
    }
  }
  end_sweep(model);
  return status;
}

// --- flows ---

m4s_status_t m4s_max_min_add(m4s_max_min_t *model, const m4s_flow_t *flow, int32_t *slot_out) {
  int32_t slot;
  M4S_TRY(m4s_fluid_take_slot(&model->fluid, flow, &slot));
  M4S_TRY(m4s_fluid_enter(&model->fluid, slot));
  M4S_TRY(m4s_array_append(&model->arrivals, &model->n_arrivals, &model->arrival_capacity, slot,
                           "flows"));
  *slot_out = slot;
  return M4S_OK;
}

m4s_status_t m4s_max_min_leave(m4s_max_min_t *model, int32_t slot) {
  m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
  model->levels[flow->bottleneck].n_limited--;
  m4s_fluid_leave(&model->fluid, slot);
  credit(flow, model->fluid.clock->now_ns);
  change_rate_sums(model, flow, -flow->rate);
  flow->rate = 0;
  flow->bottleneck = -1;
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    M4S_TRY(m4s_array_append(&model->left, &model->n_left, &model->left_capacity, flow->links[hop],
                             "flows"));
  }
  return M4S_OK;
}

int64_t m4s_max_min_sent_ns(const m4s_max_min_t *model, int32_t slot) {
  const m4s_fluid_flow_t *flow = &model->fluid.flows[slot];
  return flow->updated_ns + (int64_t)sending_ns(flow);
}

// --- all ---

m4s_status_t m4s_max_min_init(m4s_max_min_t *model, const m4s_flowsim_config_t *config,
                              const m4s_topology_t *topology, m4s_clock_t *clock) {
  size_t n_links = (size_t)topology->n_links;
  *model = (m4s_max_min_t){0};
  M4S_TRY(m4s_fluid_init(&model->fluid, config, topology, clock));
  model->levels = m4s_fluid_lines((n_links + 1) * sizeof *model->levels);
  model->waiting = calloc(n_links + 1, sizeof *model->waiting);
  if (model->levels == NULL || model->waiting == NULL) {
    m4s_max_min_clear(model);
    return m4s_fail_memory("flowsim");
  }
  return M4S_OK;
}

void m4s_max_min_clear(m4s_max_min_t *model) {
  m4s_fluid_clear(&model->fluid);
  m4s_heap_clear(&model->ends);
  free(model->levels);
  free(model->queue);
  free(model->waiting);
  free(model->arrivals);
  free(model->left);
}
