// The layer loop of every rank, and the exact times at which collectives send.
//
// A ring flow of step k+1 is sent by rank r when the flow of step k has arrived at r and r has
// itself sent its flow of step k (only then is the receive posted): at the later of the two, plus
// the endpoint delay, plus the processing delay where the pipeline's turn says so. The turn: a rank
// has one flag per collective, initially false; on each channel the first of every n (ranks of the
// group) sends flips the flag and never pays; the others pay if the flag is set at that moment
// (ALLREDUCE), always (REDUCESCATTER) or never (the rest). The flow enters the network one send
// latency after the send call.
//
// These are the rules of the SimAI system layer (ASTRA-sim's ring with a flow model) that the
// public m4 artefact uses. Events of one rank at one time run together, at the place of the first
// that was scheduled.
#include "flow/collective_source.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/heap.h"
#include "flow/collective.h"

#define FIELD(member_, unit_, fallback_, max_, help_) \
  { \
    .name = #member_, .kind = M4S_FIELD_INT, .offset = offsetof(m4s_collective_config_t, member_), \
    .unit = unit_, .fallback = fallback_, .min = 0, .max = max_, .help = help_ \
  }
const m4s_field_t m4s_collective_fields[] = {
    FIELD(send_latency_ns, "ns", "0", 1e12, "from a send call to the flow's start in the network"),
    FIELD(endpoint_delay_ns, "ns", "10", 1e12, "from data at hand to the send call"),
    FIELD(processing_delay_ns, "ns", "30", 1e12,
          "added to it where the ring pipeline's turn says so"),
    FIELD(min_flow_bytes, "bytes", "0", 1e12, "smaller flows of a collective are raised to this"),
};

typedef enum { WALK_COMPUTE, WALK_ISSUE, WALK_DRAIN, WALK_DONE } walk_t;

// A rank's place in its walk: forward through the layers, then back with both gradients of each
// layer.
typedef struct {
  walk_t walk;
  m4s_pass_t pass;
  int32_t layer;
  int32_t n_outstanding;  // weight-gradient collectives that run beside the walk
  int64_t drained_to_ns;  // exposed waiting before this is booked already
  int32_t first_group;  // its pending event groups, -1: none
  int32_t n_issued[M4S_N_GROUP_KINDS];  // collectives, by kind of group
} rank_t;

// One running or finished collective of one group.
typedef struct {
  const m4s_group_t *group;
  m4s_collective_shape_t shape;
  int32_t layer;
  m4s_pass_t pass;
  int64_t first_flow;
  // Freed when all ranks are done:
  uint8_t *flow_state;  // [n_flows], RECEIVE_POSTED | ARRIVED | SENT
  bool *pipeline_flag;  // [n_ranks]
  int64_t *n_left;  // [n_ranks], sends and receives that have not completed
  int64_t *issued_ns;  // [n_ranks]
  int32_t n_ranks_left;
} collective_t;

// The collectives that a group has begun, in order: every rank takes part in all of them in the
// same order.
typedef struct {
  int32_t *collectives;  // [n_begun]
  int32_t n_begun, capacity;
} begun_t;

// Of a ring flow, seen from its receiver: it has sent its own flow of the same step; the data is
// there. Of any: the sender has done its part.
enum { RECEIVE_POSTED = 1, ARRIVED = 2, SENT = 4 };

// What a rank does at some time, or the start of a flow in the network.
typedef struct {
  int64_t flow;  // to send, or to start; -1: go on with the walk; less: see gradient_action()
  int32_t next;  // action of the same event group, or free action; -1: last
} action_t;

// Events with the same rank and time; rank < 0: a flow start.
typedef struct {
  int64_t time_ns;
  int32_t rank;
  int32_t caller;  // of the first of them
  int32_t first_action, last_action;
  int32_t next;  // group of the same rank, or free group
} group_t;

struct m4s_collective_source {
  m4s_collective_config_t config;
  const m4s_workload_t *workload;
  m4s_routing_t *routing;
  m4s_clock_t *clock;
  m4s_groups_t *groups;

  rank_t *ranks;  // [n_ranks]
  begun_t *begun;  // [n_groups]
  m4s_layer_times_t *times;  // [n_layers] of rank 0
  int64_t rank0_compute_ns, rank0_end_ns, makespan_ns;
  int32_t n_walking;  // ranks not done
  int32_t caller;  // host at which the network did what led to the present event; -1: none

  collective_t *collectives;
  int32_t n_collectives, collective_capacity;
  m4s_flow_record_t *records;
  int64_t n_flows, flow_capacity;

  m4s_heap_t events;  // ids are places in `event_groups`
  group_t *event_groups;
  int32_t n_event_groups, event_group_capacity, free_group;
  action_t *actions;
  int32_t n_actions, action_capacity, free_action;
};

// Makes room for one more item, doubling.
static m4s_status_t reserve(void **items, int32_t n_items, int32_t *capacity, size_t item_bytes) {
  if (n_items < *capacity) {
    return M4S_OK;
  }
  int32_t grown_capacity = *capacity == 0 ? 64 : 2 * *capacity;
  void *grown = realloc(*items, (size_t)grown_capacity * item_bytes);
  if (grown == NULL) {
    return m4s_fail_memory("collectives");
  }
  *items = grown;
  *capacity = grown_capacity;
  return M4S_OK;
}

// --- events ---

static m4s_status_t take_action(m4s_collective_source_t *source, int64_t flow,
                                int32_t *action_out) {
  int32_t action = source->free_action;
  if (action >= 0) {
    source->free_action = source->actions[action].next;
  } else {
    M4S_TRY(reserve((void **)&source->actions, source->n_actions, &source->action_capacity,
                    sizeof *source->actions));
    action = source->n_actions++;
  }
  source->actions[action] = (action_t){.flow = flow, .next = -1};
  *action_out = action;
  return M4S_OK;
}

static m4s_status_t take_group(m4s_collective_source_t *source, int64_t time_ns, int32_t rank,
                               int32_t action) {
  int32_t id = source->free_group;
  if (id >= 0) {
    source->free_group = source->event_groups[id].next;
  } else {
    M4S_TRY(reserve((void **)&source->event_groups, source->n_event_groups,
                    &source->event_group_capacity, sizeof *source->event_groups));
    id = source->n_event_groups++;
  }
  group_t *group = &source->event_groups[id];
  *group = (group_t){.time_ns = time_ns,
                     .rank = rank,
                     .caller = source->caller,
                     .first_action = action,
                     .last_action = action,
                     .next = -1};
  if (rank >= 0) {
    group->next = source->ranks[rank].first_group;
    source->ranks[rank].first_group = id;
  }
  return m4s_heap_set(&source->events, id, m4s_clock_schedule(source->clock, time_ns));
}

// rank < 0: a flow start, which is never grouped.
static m4s_status_t schedule(m4s_collective_source_t *source, int64_t time_ns, int32_t rank,
                             int64_t flow) {
  int32_t action;
  M4S_TRY(take_action(source, flow, &action));
  int32_t id = rank >= 0 ? source->ranks[rank].first_group : -1;
  while (id >= 0 && source->event_groups[id].time_ns != time_ns) {
    id = source->event_groups[id].next;
  }
  if (id < 0) {
    return take_group(source, time_ns, rank, action);
  }
  group_t *group = &source->event_groups[id];
  source->actions[group->last_action].next = action;
  group->last_action = action;
  return M4S_OK;
}

// Takes the event group out of the heap and of its rank's list, and frees it; its actions stay.
static group_t pop_group(m4s_collective_source_t *source) {
  int32_t id = m4s_heap_first(&source->events)->id;
  group_t group = source->event_groups[id];
  m4s_heap_remove(&source->events, id);
  if (group.rank >= 0) {
    int32_t *link = &source->ranks[group.rank].first_group;
    while (*link != id) {
      link = &source->event_groups[*link].next;
    }
    *link = group.next;
  }
  source->event_groups[id].next = source->free_group;
  source->free_group = id;
  return group;
}

// --- collectives ---

static m4s_status_t make_flows(m4s_collective_source_t *source, const collective_t *collective,
                               int32_t number) {
  const m4s_collective_shape_t *shape = &collective->shape;
  int64_t n = source->n_flows + shape->n_flows;
  if (n > INT32_MAX) {
    return m4s_fail(M4S_ERR_INPUT, "the workload makes more than %d flows", INT32_MAX);
  }
  if (n > source->flow_capacity) {
    int64_t capacity = n > 2 * source->flow_capacity ? n : 2 * source->flow_capacity;
    m4s_flow_record_t *records = realloc(source->records, (size_t)capacity * sizeof *records);
    if (records == NULL) {
      return m4s_fail_memory("flows");
    }
    source->records = records;
    source->flow_capacity = capacity;
  }
  for (int64_t i = 0; i < shape->n_flows; i++) {
    m4s_collective_flow_t flow = m4s_collective_flow(shape, collective->group, i);
    m4s_flow_record_t *record = &source->records[source->n_flows + i];
    *record = (m4s_flow_record_t){.id = (int32_t)(source->n_flows + i),
                                  .src = collective->group->ranks[flow.sender],
                                  .dst = collective->group->ranks[flow.receiver],
                                  .size_bytes = shape->flow_bytes,
                                  .call_ns = -1,
                                  .start_ns = -1,
                                  .fct_ns = -1,
                                  .collective = number,
                                  .channel = flow.channel,
                                  .step = flow.step};
    if (flow.step > 0) {
      // Every step of a channel uses the same pairs.
      record->ideal_fct_ns = record[-shape->n_ranks].ideal_fct_ns;
      continue;
    }
    m4s_pair_facts_t facts;
    M4S_TRY(m4s_routing_pair_facts(source->routing, record->src, record->dst, &facts));
    record->ideal_fct_ns =
        m4s_ideal_fct_ns(&facts, m4s_wire_bytes(&source->config.wire, record->size_bytes));
  }
  source->n_flows = n;
  return M4S_OK;
}

static void free_progress(collective_t *collective) {
  free(collective->flow_state);
  free(collective->pipeline_flag);
  free(collective->n_left);
  free(collective->issued_ns);
  collective->flow_state = NULL;
  collective->pipeline_flag = NULL;
  collective->n_left = NULL;
  collective->issued_ns = NULL;
}

static m4s_status_t begin_collective(m4s_collective_source_t *source, int32_t group, int32_t layer,
                                     m4s_pass_t pass, const m4s_collective_shape_t *shape,
                                     int32_t *number_out) {
  M4S_TRY(reserve((void **)&source->collectives, source->n_collectives,
                  &source->collective_capacity, sizeof *source->collectives));
  int32_t number = source->n_collectives;
  size_t n = (size_t)shape->n_ranks;
  collective_t collective = {.group = &source->groups->groups[group],
                             .shape = *shape,
                             .layer = layer,
                             .pass = pass,
                             .first_flow = source->n_flows,
                             .flow_state = calloc((size_t)shape->n_flows, 1),
                             .pipeline_flag = calloc(n, sizeof(bool)),
                             .n_left = calloc(n, sizeof(int64_t)),
                             .issued_ns = calloc(n, sizeof(int64_t)),
                             .n_ranks_left = shape->n_ranks};
  m4s_status_t status = collective.flow_state == NULL || collective.pipeline_flag == NULL ||
                                collective.n_left == NULL || collective.issued_ns == NULL
                            ? m4s_fail_memory("a collective")
                            : make_flows(source, &collective, number);
  if (status != M4S_OK) {
    free_progress(&collective);
    return status;
  }
  for (size_t i = 0; i < n; i++) {
    collective.n_left[i] = 2 * shape->n_flows / shape->n_ranks;
  }
  source->collectives[number] = collective;
  source->n_collectives++;
  *number_out = number;
  return M4S_OK;
}

// Whether this send pays the processing delay; moves the rank's flag on.
static bool pays_processing(collective_t *collective, int32_t rank_index, int32_t step) {
  bool *flag = &collective->pipeline_flag[rank_index];
  if (step % collective->shape.n_ranks == 0) {
    *flag = !*flag;
    return false;
  }
  return collective->shape.kind == M4S_COLLECTIVE_REDUCESCATTER ||
         (collective->shape.kind == M4S_COLLECTIVE_ALLREDUCE && *flag);
}

// The data for this flow is at hand at its sender: its send call follows.
static m4s_status_t inject(m4s_collective_source_t *source, collective_t *collective,
                           int64_t index) {
  m4s_collective_flow_t flow = m4s_collective_flow(&collective->shape, collective->group, index);
  int64_t delay_ns = source->config.endpoint_delay_ns;
  if (pays_processing(collective, flow.sender, flow.step)) {
    delay_ns += source->config.processing_delay_ns;
  }
  return schedule(source, source->clock->now_ns + delay_ns, collective->group->ranks[flow.sender],
                  collective->first_flow + index);
}

// Something happened to a ring flow at its receiver; once both have, the flow that depends on it
// goes on.
static m4s_status_t note_at_receiver(m4s_collective_source_t *source, collective_t *collective,
                                     int64_t index, uint8_t what) {
  collective->flow_state[index] |= what;
  if ((collective->flow_state[index] & ~SENT) != (RECEIVE_POSTED | ARRIVED)) {
    return M4S_OK;
  }
  int64_t child = m4s_collective_flow(&collective->shape, collective->group, index).child;
  return child < 0 ? M4S_OK : inject(source, collective, child);
}

static m4s_status_t network_flow(m4s_collective_source_t *source, int64_t id,
                                 m4s_flow_t *flow_out) {
  const m4s_flow_record_t *record = &source->records[id];
  *flow_out = (m4s_flow_t){
      .id = id, .src = record->src, .dst = record->dst, .size_bytes = record->size_bytes};
  return m4s_routing_path(source->routing, record->src, record->dst, &flow_out->links,
                          &flow_out->n_links);
}

static m4s_status_t start_flow(m4s_collective_source_t *source, int64_t id,
                               const m4s_network_port_t *port) {
  m4s_flow_t flow;
  M4S_TRY(network_flow(source, id, &flow));
  source->records[id].start_ns = source->clock->now_ns;
  return port->start_flow(port->context, &flow);
}

// Hands a flow to the network, or keeps it until it starts.
static m4s_status_t call_flow(m4s_collective_source_t *source, int64_t id,
                              const m4s_network_port_t *port) {
  m4s_flow_record_t *record = &source->records[id];
  record->call_ns = source->clock->now_ns;
  int64_t start_ns = source->clock->now_ns + source->config.send_latency_ns;
  if (port->call_flow == NULL) {
    return schedule(source, start_ns, -1, id);
  }
  m4s_flow_t flow;
  M4S_TRY(network_flow(source, id, &flow));
  record->start_ns = start_ns;
  return port->call_flow(port->context, &flow, source->caller, start_ns);
}

// The send call of a flow: it starts one send latency later, and the receive of the same step is
// posted.
static m4s_status_t send_flow(m4s_collective_source_t *source, int64_t id,
                              const m4s_network_port_t *port) {
  const m4s_flow_record_t *record = &source->records[id];
  collective_t *collective = &source->collectives[record->collective];
  M4S_TRY(call_flow(source, id, port));
  const m4s_collective_shape_t *shape = &collective->shape;
  if (shape->kind == M4S_COLLECTIVE_ALLTOALL) {
    return M4S_OK;
  }
  int32_t sender = (int32_t)((id - collective->first_flow) % shape->n_ranks);
  int32_t upstream = m4s_ring_previous(collective->group, record->channel, sender);
  int64_t received = m4s_ring_flow_index(shape, record->channel, record->step, upstream);
  return note_at_receiver(source, collective, received, RECEIVE_POSTED);
}

// --- the walk ---

static m4s_status_t go_on(m4s_collective_source_t *source, int32_t rank, int64_t delay_ns) {
  return schedule(source, source->clock->now_ns + delay_ns, rank, -1);
}

static m4s_status_t end_walk(m4s_collective_source_t *source, int32_t rank) {
  source->ranks[rank].walk = WALK_DONE;
  source->n_walking--;
  source->makespan_ns = source->clock->now_ns;
  if (rank == 0) {
    source->rank0_end_ns = source->clock->now_ns;
  }
  return M4S_OK;
}

// Moves to the next pass and enters it after 1 ns, the system layer's step between passes.
static m4s_status_t next_pass(m4s_collective_source_t *source, int32_t rank, int64_t update_ns) {
  rank_t *state = &source->ranks[rank];
  state->walk = WALK_COMPUTE;
  switch (state->pass) {
    case M4S_PASS_FORWARD:
      if (state->layer + 1 < source->workload->n_layers) {
        state->layer++;
      } else {
        state->pass = M4S_PASS_INPUT_GRADIENT;
      }
      break;
    case M4S_PASS_INPUT_GRADIENT:
      state->pass = M4S_PASS_WEIGHT_GRADIENT;
      break;
    case M4S_PASS_WEIGHT_GRADIENT:
      if (state->layer > 0) {
        state->layer--;
        state->pass = M4S_PASS_INPUT_GRADIENT;
      } else {
        state->walk = WALK_DRAIN;
      }
      break;
  }
  return go_on(source, rank, update_ns + 1);
}

static m4s_status_t compute(m4s_collective_source_t *source, int32_t rank) {
  rank_t *state = &source->ranks[rank];
  int64_t compute_ns = source->workload->layers[state->layer].compute_ns[state->pass];
  if (rank == 0) {
    source->rank0_compute_ns += compute_ns;
  }
  state->walk = WALK_ISSUE;
  return go_on(source, rank, compute_ns);
}

// The collective that a rank issues now: one that others have begun, or a new one.
static m4s_status_t find_collective(m4s_collective_source_t *source, int32_t rank, int32_t group,
                                    const m4s_collective_t *wanted,
                                    const m4s_collective_shape_t *shape, int32_t *number_out) {
  rank_t *state = &source->ranks[rank];
  begun_t *begun = &source->begun[group];
  int32_t i = state->n_issued[wanted->group]++;
  if (i < begun->n_begun) {
    *number_out = begun->collectives[i];
    return M4S_OK;
  }
  M4S_TRY(reserve((void **)&begun->collectives, begun->n_begun, &begun->capacity,
                  sizeof *begun->collectives));
  M4S_TRY(begin_collective(source, group, state->layer, state->pass, shape, number_out));
  begun->collectives[begun->n_begun++] = *number_out;
  return M4S_OK;
}

static m4s_status_t send_first_flows(m4s_collective_source_t *source, collective_t *collective,
                                     int32_t rank_index) {
  const m4s_collective_shape_t *shape = &collective->shape;
  if (shape->kind == M4S_COLLECTIVE_ALLTOALL) {
    for (int32_t i = 0; i < shape->n_ranks - 1; i++) {
      M4S_TRY(inject(source, collective, (int64_t)rank_index * (shape->n_ranks - 1) + i));
    }
    return M4S_OK;
  }
  for (int32_t channel = 0; channel < shape->n_channels; channel++) {
    M4S_TRY(inject(source, collective, m4s_ring_flow_index(shape, channel, 0, rank_index)));
  }
  return M4S_OK;
}

static m4s_status_t issue(m4s_collective_source_t *source, int32_t rank) {
  rank_t *state = &source->ranks[rank];
  m4s_collective_t wanted =
      m4s_collective_of_pass(&source->workload->layers[state->layer], state->pass);
  if (wanted.kind == M4S_COLLECTIVE_NONE) {
    return next_pass(source, rank, 0);
  }
  size_t place = (size_t)wanted.group * (size_t)source->groups->n_ranks + (size_t)rank;
  int32_t group = source->groups->group_of[place];
  m4s_collective_shape_t shape =
      m4s_collective_shape(&wanted, &source->groups->groups[group], source->config.min_flow_bytes);
  if (shape.n_flows == 0) {
    return next_pass(source, rank, 0);
  }
  int32_t number;
  M4S_TRY(find_collective(source, rank, group, &wanted, &shape, &number));
  collective_t *collective = &source->collectives[number];
  int32_t rank_index = source->groups->index_of[place];
  collective->issued_ns[rank_index] = source->clock->now_ns;
  M4S_TRY(send_first_flows(source, collective, rank_index));
  if (state->pass == M4S_PASS_WEIGHT_GRADIENT) {
    state->n_outstanding++;
    return next_pass(source, rank, 0);
  }
  return M4S_OK;  // blocking: goes on when the rank's part is complete
}

// The walk is over; weight-gradient collectives may still run.
static m4s_status_t drain(m4s_collective_source_t *source, int32_t rank) {
  rank_t *state = &source->ranks[rank];
  if (state->drained_to_ns < 0) {
    state->drained_to_ns = source->clock->now_ns;
  }
  return state->n_outstanding == 0 ? end_walk(source, rank) : M4S_OK;
}

static m4s_status_t walk(m4s_collective_source_t *source, int32_t rank) {
  switch (source->ranks[rank].walk) {
    case WALK_COMPUTE:
      return compute(source, rank);
    case WALK_ISSUE:
      return issue(source, rank);
    case WALK_DRAIN:
      return drain(source, rank);
    case WALK_DONE:
      break;
  }
  return m4s_fail(M4S_ERR_INTERNAL, "rank %d walks on after its end", rank);
}

// Actions that are no flow: going on with the walk, and the end of a weight-gradient collective of
// a layer, after its update time.
static int64_t gradient_action(int32_t layer) { return -2 - (int64_t)layer; }

// Times of rank 0. A blocking collective is exposed from issue to end.
static void book_times(m4s_collective_source_t *source, const collective_t *collective,
                       int64_t issued_ns) {
  m4s_layer_times_t *times = &source->times[collective->layer];
  int64_t update_ns = source->workload->layers[collective->layer].update_ns;
  int64_t took_ns = source->clock->now_ns - issued_ns + update_ns;
  times->total_ns[collective->pass] += took_ns;
  if (collective->pass != M4S_PASS_WEIGHT_GRADIENT) {
    times->exposed_ns[collective->pass] += took_ns;
  }
}

static m4s_status_t rank_completed(m4s_collective_source_t *source, int32_t number,
                                   int32_t rank_index) {
  collective_t *collective = &source->collectives[number];
  int32_t rank = collective->group->ranks[rank_index];
  int32_t layer = collective->layer;
  int64_t update_ns = source->workload->layers[layer].update_ns;
  m4s_pass_t pass = collective->pass;
  if (rank == 0) {
    book_times(source, collective, collective->issued_ns[rank_index]);
  }
  if (--collective->n_ranks_left == 0) {
    free_progress(collective);
  }
  return pass == M4S_PASS_WEIGHT_GRADIENT
             ? schedule(source, source->clock->now_ns + update_ns, rank, gradient_action(layer))
             : next_pass(source, rank, update_ns);
}

// A weight-gradient collective runs beside the walk: it is exposed as far as the rank waits for it
// at the end of the walk.
static m4s_status_t end_gradient(m4s_collective_source_t *source, int32_t rank, int32_t layer) {
  rank_t *state = &source->ranks[rank];
  state->n_outstanding--;
  if (state->drained_to_ns < 0) {
    return M4S_OK;
  }
  if (rank == 0) {
    source->times[layer].exposed_ns[M4S_PASS_WEIGHT_GRADIENT] +=
        source->clock->now_ns - state->drained_to_ns;
  }
  state->drained_to_ns = source->clock->now_ns;
  return state->n_outstanding == 0 ? end_walk(source, rank) : M4S_OK;
}

// One send or receive of a rank has completed.
static m4s_status_t count_down(m4s_collective_source_t *source, int32_t number,
                               int32_t rank_index) {
  collective_t *collective = &source->collectives[number];
  assert(collective->n_left != NULL);  // begun and not over, or nothing of it could complete
  return --collective->n_left[rank_index] == 0 ? rank_completed(source, number, rank_index)
                                               : M4S_OK;
}

// --- as a traffic source ---

static m4s_event_key_t next_event(const void *state) {
  const m4s_collective_source_t *source = state;
  const m4s_heap_entry_t *first = m4s_heap_first(&source->events);
  return first == NULL ? m4s_event_never() : first->key;
}

static m4s_status_t run_event(void *state, const m4s_network_port_t *port) {
  m4s_collective_source_t *source = state;
  group_t group = pop_group(source);
  source->caller = group.caller;
  for (int32_t id = group.first_action; id >= 0;) {
    action_t action = source->actions[id];
    source->actions[id].next = source->free_action;
    source->free_action = id;
    id = action.next;
    if (group.rank < 0) {
      M4S_TRY(start_flow(source, action.flow, port));
    } else if (action.flow >= 0) {
      M4S_TRY(send_flow(source, action.flow, port));
    } else if (action.flow == -1) {
      M4S_TRY(walk(source, group.rank));
    } else {
      M4S_TRY(end_gradient(source, group.rank, (int32_t)(gradient_action(0) - action.flow)));
    }
  }
  return M4S_OK;
}

static m4s_status_t flow_sent(void *state, int64_t id) {
  m4s_collective_source_t *source = state;
  const m4s_flow_record_t *record = &source->records[id];
  collective_t *collective = &source->collectives[record->collective];
  int64_t index = id - collective->first_flow;
  source->caller = record->src;
  collective->flow_state[index] |= SENT;
  return count_down(source, record->collective,
                    m4s_collective_flow(&collective->shape, collective->group, index).sender);
}

static m4s_status_t flow_completed(void *state, int64_t id) {
  m4s_collective_source_t *source = state;
  m4s_flow_record_t *record = &source->records[id];
  source->caller = record->src;
  record->fct_ns = source->clock->now_ns - record->start_ns;
  int32_t number = record->collective;
  collective_t *collective = &source->collectives[number];
  int64_t index = id - collective->first_flow;
  m4s_collective_flow_t flow = m4s_collective_flow(&collective->shape, collective->group, index);
  if (collective->shape.kind != M4S_COLLECTIVE_ALLTOALL) {
    M4S_TRY(note_at_receiver(source, collective, index, ARRIVED));
  }
  if ((collective->flow_state[index] & SENT) == 0) {
    M4S_TRY(count_down(source, number, flow.sender));
  }
  return count_down(source, number, flow.receiver);
}

static bool finished(const void *state) {
  const m4s_collective_source_t *source = state;
  return source->n_walking == 0;
}

static const m4s_source_ops_t source_ops = {
    .name = "collectives",
    .next_event = next_event,
    .run_event = run_event,
    .flow_completed = flow_completed,
    .flow_sent = flow_sent,
    .finished = finished,
};

m4s_source_t m4s_collective_source_as_source(m4s_collective_source_t *source) {
  return (m4s_source_t){.ops = &source_ops, .state = source};
}

static m4s_status_t start_ranks(m4s_collective_source_t *source) {
  for (int32_t rank = 0; rank < source->groups->n_ranks; rank++) {
    source->ranks[rank] = (rank_t){.walk = WALK_COMPUTE, .drained_to_ns = -1, .first_group = -1};
    M4S_TRY(go_on(source, rank, 0));
  }
  source->n_walking = source->groups->n_ranks;
  return M4S_OK;
}

m4s_status_t m4s_collective_source_create(const m4s_collective_config_t *config,
                                          const m4s_workload_t *workload,
                                          const m4s_topology_t *topology, m4s_routing_t *routing,
                                          m4s_clock_t *clock,
                                          m4s_collective_source_t **source_out) {
  m4s_collective_source_t *source = calloc(1, sizeof *source);
  if (source == NULL) {
    return m4s_fail_memory("collectives");
  }
  *source = (m4s_collective_source_t){.config = *config,
                                      .workload = workload,
                                      .routing = routing,
                                      .clock = clock,
                                      .caller = -1,
                                      .free_group = -1,
                                      .free_action = -1};
  m4s_status_t status = m4s_groups_create(workload, topology, &source->groups);
  if (status == M4S_OK) {
    source->ranks = calloc((size_t)source->groups->n_ranks, sizeof *source->ranks);
    source->begun = calloc((size_t)source->groups->n_groups + 1, sizeof *source->begun);
    source->times = calloc((size_t)workload->n_layers, sizeof *source->times);
    status = source->ranks == NULL || source->begun == NULL || source->times == NULL
                 ? m4s_fail_memory("collectives")
                 : start_ranks(source);
  }
  if (status != M4S_OK) {
    m4s_collective_source_destroy(source);
    return status;
  }
  *source_out = source;
  return M4S_OK;
}

void m4s_collective_source_destroy(m4s_collective_source_t *source) {
  if (source == NULL) {
    return;
  }
  for (int32_t i = 0; i < source->n_collectives; i++) {
    free_progress(&source->collectives[i]);
  }
  free(source->collectives);
  free(source->records);
  free(source->ranks);
  for (int32_t i = 0; source->begun != NULL && i < source->groups->n_groups; i++) {
    free(source->begun[i].collectives);
  }
  free(source->begun);
  free(source->times);
  free(source->event_groups);
  free(source->actions);
  m4s_heap_clear(&source->events);
  m4s_groups_destroy(source->groups);
  free(source);
}

m4s_collective_result_t m4s_collective_source_result(const m4s_collective_source_t *source) {
  return (m4s_collective_result_t){.total_ns = source->rank0_end_ns,
                                   .makespan_ns = source->makespan_ns,
                                   .compute_ns = source->rank0_compute_ns,
                                   .layers = source->times,
                                   .records = source->records,
                                   .n_flows = source->n_flows};
}
