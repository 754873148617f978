#include "train/replay.h"

#include <math.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/elementary.h"
#include "flow/components.h"
#include "m4/network.h"

// Labels of flows.
enum { PREDICTION, WEIGHT, REMAINING, SENT, DUE, N_LABELS };

// What a record says of a flow is even over stretches of so many bandwidth-delay products or more:
// packets that wait in a queue together, of a small flow all, came there at once and leave at once.
static const double STRETCH_BDPS = 4;

// What a flow's receiver lacks, at an event of its component.
typedef struct {
  int64_t time_ns, remaining_bytes;
} trace_row_t;

// A part of a flow's record. Its sender has sent what its receiver got a latency later.
typedef struct {
  double from_ns, to_ns;
  double from_unsent, to_unsent;  // shares of the flow, from > to; from 0: not begun
  int64_t next_row;  // behind it
} stretch_t;

struct m4s_replay {
  const m4s_scenario_t *scenario;
  const int32_t *period_of_flow;
  int32_t period;  // -1: all
  bool closed_loop;
  m4s_replay_score_t score;
  const m4s_m4_config_t *config;
  m4s_clock_t clock;
  m4s_m4_network_t network;
  m4s_components_t components;  // of a busy period, by slot
  size_t next_event;
  int32_t *slot_of_flow;  // owned, [n_flows]; -1: not in the network
  // What the trace says of each flow, in the order of time: rows[row_begin[flow]] … of the flow.
  trace_row_t *rows;  // owned
  int64_t *row_begin;  // owned, [n_flows + 1]
  int64_t *next_row;  // owned, [n_flows]: that of its next step
  stretch_t *stretches;  // owned, [n_flows]
  // Interval: flows that have not entered, and when the timer fires next; never: it is not armed.
  int32_t *pending;  // owned, [n_pending], flows
  int32_t n_pending, pending_capacity;
  int64_t fires_ns;
  float *queue_of_link;  // owned, [n_links]: of the present event
  float *labels;  // owned, [N_LABELS, label_capacity]
  int32_t *label_flows;  // owned, [label_capacity]: the flows' ids
  float *queues;  // owned, [n_links]
  int32_t label_capacity;
};

static bool is_event_wise(const m4s_replay_t *replay) {
  return replay->period >= 0 || replay->config->algorithm == M4S_M4_EVENT;
}

static bool takes_part(const m4s_replay_t *replay, int32_t flow) {
  return replay->period < 0 || replay->period_of_flow[flow] == replay->period;
}

// Sorts the trace's rows by flow; there are none without states.
static void sort_rows(m4s_replay_t *replay) {
  const m4s_trace_t *trace = &replay->scenario->trace;
  int64_t *next = replay->row_begin + 1;  // by flow; in the end where the next flow begins
  for (size_t i = 0; i < trace->n_flows; i++) {
    next[trace->flows[i].flow + 1]++;
  }
  for (int64_t flow = 0; flow < replay->scenario->n_flows; flow++) {
    next[flow + 1] += next[flow];
    replay->next_row[flow] = next[flow];
  }
  for (size_t i = 0; i < trace->n_events; i++) {
    const m4s_trace_event_t *event = &trace->events[i];
    for (int32_t j = 0; j < event->n_flows; j++) {
      const m4s_trace_flow_t *row = &trace->flows[event->first_flow + j];
      replay->rows[next[row->flow]++] = (trace_row_t){event->time_ns, row->remaining_bytes};
    }
  }
}

static m4s_status_t allocate(m4s_replay_t *replay) {
  size_t n_flows = (size_t)replay->scenario->n_flows;
  size_t n_links = (size_t)replay->scenario->topology->n_links;
  replay->slot_of_flow = calloc(n_flows + 1, sizeof *replay->slot_of_flow);
  replay->row_begin = calloc(n_flows + 2, sizeof *replay->row_begin);
  replay->next_row = calloc(n_flows + 1, sizeof *replay->next_row);
  replay->rows = calloc(replay->scenario->trace.n_flows + 1, sizeof *replay->rows);
  replay->stretches = calloc(n_flows + 1, sizeof *replay->stretches);
  replay->queue_of_link = calloc(n_links + 1, sizeof *replay->queue_of_link);
  replay->queues = calloc(n_links + 1, sizeof *replay->queues);
  if (replay->slot_of_flow == NULL || replay->row_begin == NULL || replay->next_row == NULL ||
      replay->rows == NULL || replay->stretches == NULL || replay->queue_of_link == NULL ||
      replay->queues == NULL) {
    return m4s_fail_memory("a replay");
  }
  for (size_t i = 0; i < n_flows; i++) {
    replay->slot_of_flow[i] = -1;
  }
  return M4S_OK;
}

static m4s_status_t init(m4s_replay_t *replay, m4s_engine_t *engine) {
  const m4s_scenario_t *scenario = replay->scenario;
  M4S_TRY(m4s_m4_network_init(&replay->network, replay->config, engine, scenario->topology,
                              scenario->routing, &replay->clock));
  M4S_TRY(m4s_components_init(&replay->components, scenario->topology->n_links));
  M4S_TRY(allocate(replay));
  sort_rows(replay);
  return M4S_OK;
}

m4s_status_t m4s_replay_create(const m4s_scenario_t *scenario, const m4s_periods_t *periods,
                               int32_t period, const m4s_m4_config_t *config, m4s_engine_t *engine,
                               m4s_replay_t **replay_out) {
  m4s_replay_t *replay = calloc(1, sizeof *replay);
  if (replay == NULL) {
    return m4s_fail_memory("a replay");
  }
  replay->scenario = scenario;
  replay->period_of_flow = periods->of_flow;
  replay->period = period;
  replay->config = config;
  replay->fires_ns = M4S_TIME_NEVER;
  m4s_status_t status = init(replay, engine);
  if (status != M4S_OK) {
    m4s_replay_destroy(replay);
    return status;
  }
  *replay_out = replay;
  return M4S_OK;
}

void m4s_replay_destroy(m4s_replay_t *replay) {
  if (replay == NULL) {
    return;
  }
  if (replay->network.topology != NULL) {
    m4s_m4_network_clear(&replay->network);
  }
  m4s_components_clear(&replay->components);
  free(replay->slot_of_flow);
  free(replay->row_begin);
  free(replay->next_row);
  free(replay->stretches);
  free(replay->rows);
  free(replay->pending);
  free(replay->queue_of_link);
  free(replay->labels);
  free(replay->label_flows);
  free(replay->queues);
  free(replay);
}

void m4s_replay_close_loop(m4s_replay_t *replay) { replay->closed_loop = true; }

m4s_replay_score_t m4s_replay_score(const m4s_replay_t *replay) { return replay->score; }

// --- labels ---

static m4s_status_t reserve_labels(m4s_replay_t *replay, int32_t n_flows) {
  if (n_flows <= replay->label_capacity) {
    return M4S_OK;
  }
  int32_t capacity = n_flows + n_flows / 2;
  M4S_TRY(m4s_array_resize(&replay->labels, capacity, N_LABELS * sizeof *replay->labels, "labels"));
  M4S_TRY(m4s_array_resize(&replay->label_flows, capacity, sizeof *replay->label_flows, "labels"));
  replay->label_capacity = capacity;
  return M4S_OK;
}

static int64_t now_of(const m4s_replay_t *replay) { return replay->clock.now_ns; }

// The stretch after the present one of a flow: to the first row that is a number of bandwidth-delay
// products further, and has as many left; else to the end.
static void go_to_next_stretch(m4s_replay_t *replay, int32_t id, const m4s_m4_fluid_flow_t *fluid) {
  const m4s_flow_record_t *record = &replay->scenario->records[id];
  stretch_t *stretch = &replay->stretches[id];
  double least = STRETCH_BDPS * fluid->least_rate * fluid->rtt_ns / fluid->wire_bytes;
  stretch->from_ns = stretch->to_ns;
  stretch->from_unsent = stretch->to_unsent;
  while (stretch->next_row < replay->row_begin[id + 1]) {
    const trace_row_t *row = &replay->rows[stretch->next_row++];
    double sent_ns = (double)row->time_ns - fluid->latency_ns;
    double unsent = (double)row->remaining_bytes / (double)record->size_bytes;
    if (sent_ns > stretch->from_ns && stretch->from_unsent - unsent >= least && unsent >= least) {
      stretch->to_ns = sent_ns;
      stretch->to_unsent = unsent;
      return;
    }
  }
  stretch->to_ns =
      fmax((double)(record->start_ns + record->fct_ns) - fluid->latency_ns, stretch->from_ns + 1);
  stretch->to_unsent = 0;
}

// The stretch of a flow's record that holds now, or the last one if that is over.
static const stretch_t *find_stretch(m4s_replay_t *replay, int32_t id,
                                     const m4s_m4_fluid_flow_t *fluid) {
  stretch_t *stretch = &replay->stretches[id];
  if (stretch->from_unsent == 0) {
    *stretch = (stretch_t){.to_ns = (double)replay->scenario->records[id].start_ns,
                           .to_unsent = 1,
                           .next_row = replay->row_begin[id]};
    go_to_next_stretch(replay, id, fluid);
  }
  while (stretch->to_ns <= (double)now_of(replay) && stretch->to_unsent > 0) {
    go_to_next_stretch(replay, id, fluid);
  }
  return stretch;
}

// The share of the flow that its sender has not sent, according to the record.
static double unsent_share(const m4s_replay_t *replay, const stretch_t *stretch) {
  double passed = ((double)now_of(replay) - stretch->from_ns) / (stretch->to_ns - stretch->from_ns);
  return stretch->from_unsent + fmin(passed, 1) * (stretch->to_unsent - stretch->from_unsent);
}

// The present event's rows of its flows have been read.
static void pass_rows(m4s_replay_t *replay, const int32_t *slots, int32_t n_slots) {
  for (int32_t i = 0; i < n_slots; i++) {
    int64_t id = replay->network.flows[slots[i]].id;
    replay->next_row[id] += replay->next_row[id] < replay->row_begin[id + 1];
  }
}

// The rows of these flows up to now have been passed.
static void pass_rows_to_now(m4s_replay_t *replay, const int32_t *slots, int32_t n_slots) {
  for (int32_t i = 0; i < n_slots; i++) {
    int64_t id = replay->network.flows[slots[i]].id;
    int64_t *row = &replay->next_row[id];
    while (*row < replay->row_begin[id + 1] && replay->rows[*row].time_ns <= now_of(replay)) {
      ++*row;
    }
  }
}

// Brings the fluid beside m4 to where the record's flows are.
static m4s_status_t correct_fluid(m4s_replay_t *replay, const int32_t *slots, int32_t n_slots) {
  m4s_m4_network_t *network = &replay->network;
  for (int32_t i = 0; network->inputs != NULL && i < n_slots; i++) {
    const m4s_m4_flow_t *flow = &network->flows[slots[i]];
    int32_t id = (int32_t)flow->id;
    m4s_m4_fluid_flow_t fluid = m4s_m4_inputs_flow(network->inputs, slots[i]);
    double unsent = unsent_share(replay, find_stretch(replay, id, &fluid));
    if (flow->started_ns < now_of(replay)) {
      M4S_TRY(m4s_m4_inputs_set_remaining(network->inputs, now_of(replay), slots[i],
                                          unsent * fluid.wire_bytes));
    }
  }
  return M4S_OK;
}

// How long from now to the flow's next step, or to its completion.
static double next_step_ns(const m4s_replay_t *replay, const m4s_flow_record_t *record) {
  int64_t i = replay->next_row[record->id];
  if (!is_event_wise(replay)) {
    return (double)replay->config->batch_time_ns;
  }
  int64_t next_ns = i < replay->row_begin[record->id + 1] ? replay->rows[i].time_ns
                                                          : record->start_ns + record->fct_ns;
  return (double)(next_ns - now_of(replay));
}

// Labels of a kind, [label_capacity].
static float *labels_of(const m4s_replay_t *replay, int kind) {
  return replay->labels + (size_t)kind * (size_t)replay->label_capacity;
}

// What a network is to say of flow i of the step, and how much that weighs: the part of its FCT
// that passes until the next step, as long as it is sending. In a closed loop, too, the flow goes
// on at the rate of the record, not at one that would make good for the past.
static void label_flow(m4s_replay_t *replay, int32_t i) {
  float *prediction = labels_of(replay, PREDICTION) + i;
  float *weight = labels_of(replay, WEIGHT) + i;
  float *sent = labels_of(replay, SENT) + i;
  float *due = labels_of(replay, DUE) + i;
  const m4s_m4_network_t *network = &replay->network;
  const m4s_m4_flow_t *flow = &network->flows[network->step_slots[i]];
  const m4s_flow_record_t *record = &replay->scenario->records[flow->id];
  double next_ns = next_step_ns(replay, record);
  double left_ns = (double)(record->start_ns + record->fct_ns - now_of(replay));
  *sent = -1;
  *due = 0;
  if (network->inputs == NULL) {
    *prediction = (float)((double)record->fct_ns / (double)flow->ideal_fct_ns);
    *weight = (float)(fmax(fmin(next_ns, left_ns), 0) / (double)record->fct_ns);
    return;
  }
  m4s_m4_fluid_flow_t fluid = m4s_m4_inputs_flow(network->inputs, network->step_slots[i]);
  double sending_ns = left_ns - fluid.latency_ns;
  const stretch_t *stretch = find_stretch(replay, record->id, &fluid);
  double unsent = unsent_share(replay, stretch);
  if (!(sending_ns >= 1 && fluid.rate > 0 && fluid.remaining_bytes > 0 && unsent > 0)) {
    *prediction = *weight = 0;
    return;
  }
  *prediction = (float)log(sending_ns * fluid.rate / (unsent * fluid.wire_bytes));
  *weight = (float)(fmin(next_ns, sending_ns) / (double)record->fct_ns);
  *due = (float)(fluid.rate * fmin(next_ns, sending_ns) / fluid.wire_bytes);
  if (stretch->to_unsent > 0) {
    double bytes = (stretch->from_unsent - stretch->to_unsent) * fluid.wire_bytes;
    *sent = (float)(bytes / (stretch->to_ns - stretch->from_ns) / fluid.rate);
  }
}

static m4s_status_t label_flows(m4s_replay_t *replay, m4s_step_labels_t *labels) {
  const m4s_m4_network_t *network = &replay->network;
  int32_t n = network->n_step_flows;
  M4S_TRY(reserve_labels(replay, n));
  for (int32_t i = 0; i < n; i++) {
    label_flow(replay, i);
    replay->label_flows[i] = (int32_t)network->flows[network->step_slots[i]].id;
  }
  *labels = (m4s_step_labels_t){.n_flows = n,
                                .n_links = network->n_step_links,
                                .flows = replay->label_flows,
                                .predictions = labels_of(replay, PREDICTION),
                                .weights = labels_of(replay, WEIGHT)};
  if (network->inputs != NULL) {
    labels->sent = labels_of(replay, SENT);
    labels->due = labels_of(replay, DUE);
  }
  return M4S_OK;
}

static float log_kb(int64_t bytes) { return (float)log2((double)bytes / 1000 + 1); }

// The event's rows, which are in the order of the component.
static m4s_status_t label_event(m4s_replay_t *replay, const m4s_trace_event_t *event,
                                const m4s_component_t *component, m4s_step_labels_t *labels) {
  const m4s_trace_t *trace = &replay->scenario->trace;
  float *remaining = labels_of(replay, REMAINING);
  if (event->n_flows != component->n_flows || event->n_links != component->n_links) {
    return m4s_fail(M4S_ERR_INPUT, "the trace's component at %lld ns is not that of its flows",
                    (long long)event->time_ns);
  }
  for (int32_t i = 0; i < event->n_flows; i++) {
    const m4s_trace_flow_t *row = &trace->flows[event->first_flow + i];
    if (replay->slot_of_flow[row->flow] != component->flows[i]) {
      return m4s_fail(M4S_ERR_INPUT, "the trace has flow %d in another order at %lld ns", row->flow,
                      (long long)event->time_ns);
    }
    remaining[i] = log_kb(row->remaining_bytes);
  }
  for (int32_t i = 0; i < event->n_links; i++) {
    const m4s_trace_link_t *row = &trace->links[event->first_link + i];
    replay->queue_of_link[row->link] = log_kb(row->queue_bytes);
  }
  for (int32_t i = 0; i < component->n_links; i++) {
    int32_t link = component->links[i];
    replay->queues[replay->network.links[link].place] = replay->queue_of_link[link];
  }
  labels->remaining = remaining;
  labels->queues = replay->queues;
  return M4S_OK;
}

// --- steps ---

static m4s_status_t hand_out(m4s_replay_t *replay, m4s_inference_batch_t *batch) {
  m4s_m4_network_hand_out_steps(&replay->network, batch);
  return m4s_m4_network_check_steps(&replay->network);
}

// The flows of the last step complete when the network has said.
static m4s_status_t schedule_completions(m4s_replay_t *replay) {
  m4s_m4_network_t *network = &replay->network;
  for (int32_t i = 0; i < network->n_step_flows; i++) {
    const m4s_m4_flow_t *flow = &network->flows[network->step_slots[i]];
    double fct_ns = fmax(flow->slowdown, 1) * (double)flow->ideal_fct_ns;
    double after_ns = (double)(flow->started_ns - now_of(replay)) + fct_ns;
    M4S_TRY(m4s_m4_network_complete_after(network, network->step_slots[i], fmax(after_ns, 0)));
  }
  return M4S_OK;
}

// The last step has been evaluated elsewhere. Unless the loop is closed, the network has said here
// what it should have said.
static m4s_status_t end_step(m4s_replay_t *replay) {
  m4s_m4_network_t *network = &replay->network;
  if (!network->steps_wait) {
    return M4S_OK;
  }
  const float *sent = labels_of(replay, SENT);
  for (int32_t i = 0; i < network->n_step_flows && !replay->closed_loop; i++) {
    network->slowdowns[i] = sent[i] > 0 ? -logf(sent[i]) : replay->labels[i];
  }
  M4S_TRY(m4s_m4_network_end_steps(network, (m4s_m4_step_trace_t){0}));
  return replay->closed_loop ? schedule_completions(replay) : M4S_OK;
}

static m4s_status_t start_flow(m4s_replay_t *replay, int32_t id, int32_t *slot_out) {
  const m4s_scenario_t *scenario = replay->scenario;
  const m4s_flow_record_t *record = &scenario->records[id];
  const m4s_flow_t flow = {
      .id = id,
      .src = record->src,
      .dst = record->dst,
      .size_bytes = record->size_bytes,
      .links = scenario->hops + scenario->hop_begin[id],
      .n_links = (int32_t)(scenario->hop_begin[id + 1] - scenario->hop_begin[id])};
  if (record->fct_ns <= 0 || flow.n_links == 0 || replay->slot_of_flow[id] >= 0) {
    return m4s_fail(M4S_ERR_INPUT, "flow %d has no path or no FCT, or arrives twice", id);
  }
  M4S_TRY(m4s_m4_network_start(&replay->network, &flow, slot_out));
  replay->slot_of_flow[id] = *slot_out;
  return M4S_OK;
}

static m4s_status_t end_flow(m4s_replay_t *replay, int32_t id, int32_t slot) {
  M4S_TRY(m4s_m4_network_leave(&replay->network, slot));
  m4s_m4_network_free_slot(&replay->network, slot);
  replay->slot_of_flow[id] = -1;
  return M4S_OK;
}

// The slot of a flow that is there.
static m4s_status_t find_slot(const m4s_replay_t *replay, int32_t id, int32_t *slot_out) {
  *slot_out = replay->slot_of_flow[id];
  return *slot_out >= 0 ? M4S_OK
                        : m4s_fail(M4S_ERR_INPUT, "flow %d completes before it arrives", id);
}

// --- the algorithm "event" ---

static m4s_status_t arrive(m4s_replay_t *replay, int32_t id, int32_t *component_out) {
  int32_t slot;
  M4S_TRY(start_flow(replay, id, &slot));
  M4S_TRY(m4s_m4_network_enter(&replay->network, slot));
  const m4s_m4_flow_t *flow = &replay->network.flows[slot];
  M4S_TRY(m4s_components_join(&replay->components, slot, flow->links, flow->n_links));
  *component_out = replay->components.flows[slot].component;
  return M4S_OK;
}

static m4s_status_t complete(m4s_replay_t *replay, int32_t id, int32_t *component_out) {
  int32_t slot;
  M4S_TRY(find_slot(replay, id, &slot));
  const m4s_m4_flow_t *flow = &replay->network.flows[slot];
  *component_out = replay->components.flows[slot].component;
  m4s_components_leave(&replay->components, slot, flow->links, flow->n_links);
  return end_flow(replay, id, slot);
}

static m4s_status_t next_of_events(m4s_replay_t *replay, m4s_inference_batch_t *batch,
                                   m4s_step_labels_t *labels, bool *more_out) {
  const m4s_trace_t *trace = &replay->scenario->trace;
  while (replay->next_event < trace->n_events) {
    const m4s_trace_event_t *event = &trace->events[replay->next_event++];
    int32_t id = 0;
    if (!takes_part(replay, event->flow)) {
      continue;
    }
    replay->clock.now_ns = event->time_ns;
    M4S_TRY(event->kind == M4S_TRACE_ARRIVAL ? arrive(replay, event->flow, &id)
                                             : complete(replay, event->flow, &id));
    const m4s_component_t *component = &replay->components.components[id];
    if (component->n_flows > 0) {
      pass_rows(replay, component->flows, component->n_flows);
      M4S_TRY(correct_fluid(replay, component->flows, component->n_flows));
      M4S_TRY(m4s_m4_network_build_step(&replay->network, component->flows, component->n_flows));
      M4S_TRY(label_flows(replay, labels));
      M4S_TRY(label_event(replay, event, component, labels));
      *more_out = true;
      return hand_out(replay, batch);
    }
  }
  *more_out = false;
  return M4S_OK;
}

// In a closed loop: the next arrival of the trace that takes part; NULL: there is none.
static const m4s_trace_event_t *next_arrival(m4s_replay_t *replay) {
  const m4s_trace_t *trace = &replay->scenario->trace;
  for (; replay->next_event < trace->n_events; replay->next_event++) {
    const m4s_trace_event_t *event = &trace->events[replay->next_event];
    if (event->kind == M4S_TRACE_ARRIVAL && takes_part(replay, event->flow)) {
      return event;
    }
  }
  return NULL;
}

static void score_flow(m4s_replay_t *replay, const m4s_m4_flow_t *flow) {
  double fct_ns = (double)(now_of(replay) - flow->started_ns);
  double recorded_ns = (double)replay->scenario->records[flow->id].fct_ns;
  replay->score.n_flows++;
  replay->score.error += fabs(fct_ns / recorded_ns - 1);
}

// The next arrival or completion, of which some flows are left in *component_out; NULL: none.
static m4s_status_t next_of_loop(m4s_replay_t *replay, const m4s_component_t **component_out) {
  m4s_m4_network_t *network = &replay->network;
  *component_out = NULL;
  while (*component_out == NULL || (*component_out)->n_flows == 0) {
    int32_t id = 0;
    const m4s_trace_event_t *arrival = next_arrival(replay);
    const m4s_heap_entry_t *completion = m4s_heap_first(&network->completions);
    if (arrival == NULL && completion == NULL) {
      *component_out = NULL;
      return M4S_OK;
    }
    if (completion != NULL && (arrival == NULL || completion->key.time_ns <= arrival->time_ns)) {
      replay->clock.now_ns = completion->key.time_ns;
      score_flow(replay, &network->flows[completion->id]);
      M4S_TRY(complete(replay, (int32_t)network->flows[completion->id].id, &id));
    } else {
      replay->clock.now_ns = arrival->time_ns;
      replay->next_event++;
      M4S_TRY(arrive(replay, arrival->flow, &id));
    }
    *component_out = &replay->components.components[id];
  }
  return M4S_OK;
}

static m4s_status_t next_in_closed_loop(m4s_replay_t *replay, m4s_inference_batch_t *batch,
                                        m4s_step_labels_t *labels, bool *more_out) {
  const m4s_component_t *component;
  M4S_TRY(next_of_loop(replay, &component));
  *more_out = component != NULL;
  if (!*more_out) {
    return M4S_OK;
  }
  pass_rows_to_now(replay, component->flows, component->n_flows);
  M4S_TRY(m4s_m4_network_build_step(&replay->network, component->flows, component->n_flows));
  M4S_TRY(label_flows(replay, labels));
  return hand_out(replay, batch);
}

// --- the algorithm "interval" ---

static m4s_status_t take_event(m4s_replay_t *replay, const m4s_trace_event_t *event) {
  int32_t slot;
  replay->clock.now_ns = event->time_ns;
  if (event->kind == M4S_TRACE_COMPLETION) {
    M4S_TRY(find_slot(replay, event->flow, &slot));
    return end_flow(replay, event->flow, slot);
  }
  M4S_TRY(start_flow(replay, event->flow, &slot));
  if (replay->fires_ns == M4S_TIME_NEVER) {
    replay->fires_ns = event->time_ns + replay->config->batch_time_ns;
  }
  return m4s_array_append(&replay->pending, &replay->n_pending, &replay->pending_capacity,
                          event->flow, "flows");
}

// The pending flows enter that have not completed; returns whether there are any.
static m4s_status_t enter_pending(m4s_replay_t *replay, bool *any_out) {
  *any_out = false;
  for (int32_t i = 0; i < replay->n_pending; i++) {
    int32_t slot = replay->slot_of_flow[replay->pending[i]];
    if (slot >= 0) {
      M4S_TRY(m4s_m4_network_enter(&replay->network, slot));
      *any_out = true;
    }
  }
  replay->n_pending = 0;
  return M4S_OK;
}

// The timer fires; *steps_out: a step is wanted.
static m4s_status_t fire(m4s_replay_t *replay, bool *steps_out) {
  m4s_m4_network_t *network = &replay->network;
  replay->clock.now_ns = replay->fires_ns;
  M4S_TRY(enter_pending(replay, steps_out));
  replay->fires_ns =
      network->n_active > 0 ? replay->fires_ns + replay->config->batch_time_ns : M4S_TIME_NEVER;
  if (!*steps_out) {
    return M4S_OK;
  }
  pass_rows(replay, network->active, network->n_active);
  M4S_TRY(correct_fluid(replay, network->active, network->n_active));
  return m4s_m4_network_build_step(network, network->active, network->n_active);
}

static m4s_status_t next_of_intervals(m4s_replay_t *replay, m4s_inference_batch_t *batch,
                                      m4s_step_labels_t *labels, bool *more_out) {
  const m4s_trace_t *trace = &replay->scenario->trace;
  bool steps = false;
  while (!steps) {
    bool ended = replay->next_event == trace->n_events;
    int64_t event_ns = ended ? M4S_TIME_NEVER : trace->events[replay->next_event].time_ns;
    if (ended && replay->fires_ns == M4S_TIME_NEVER) {
      *more_out = false;
      return M4S_OK;
    }
    if (event_ns <= replay->fires_ns) {
      M4S_TRY(take_event(replay, &trace->events[replay->next_event++]));
    } else {
      M4S_TRY(fire(replay, &steps));
    }
  }
  M4S_TRY(label_flows(replay, labels));
  *more_out = true;
  return hand_out(replay, batch);
}

m4s_status_t m4s_replay_next(m4s_replay_t *replay, m4s_inference_batch_t *batch,
                             m4s_step_labels_t *labels_out, bool *more_out) {
  M4S_TRY(end_step(replay));
  if (replay->closed_loop) {
    return next_in_closed_loop(replay, batch, labels_out, more_out);
  }
  return is_event_wise(replay) ? next_of_events(replay, batch, labels_out, more_out)
                               : next_of_intervals(replay, batch, labels_out, more_out);
}

double m4s_replay_fct_ns(const m4s_replay_t *replay, int32_t i, double prediction) {
  const m4s_m4_network_t *network = &replay->network;
  const m4s_m4_flow_t *flow = &network->flows[network->step_slots[i]];
  if (network->inputs == NULL) {
    return prediction * (double)flow->ideal_fct_ns;
  }
  m4s_m4_fluid_flow_t fluid = m4s_m4_inputs_flow(network->inputs, network->step_slots[i]);
  double factor = fmax(m4s_real_exp(prediction), fluid.rate / fluid.least_rate);
  double sending_ns = fluid.rate > 0 ? factor * fluid.remaining_bytes / fluid.rate : 0;
  return (double)(now_of(replay) - flow->started_ns) + sending_ns + fluid.latency_ns;
}
