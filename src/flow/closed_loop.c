#include "flow/closed_loop.h"

#include <stdlib.h>

#include "flow/flow_list.h"

// The flows of a group that have arrived and wait, first to last; NONE where there are none.
typedef struct {
  int32_t first, last;
  int64_t n_in_flight;
} group_t;

enum { NONE = -1 };

// A flow that may start, and when.
typedef struct {
  m4s_event_key_t key;
  int32_t record;
} ready_t;

struct m4s_closed_loop {
  m4s_flow_record_t *records;
  int64_t n_flows;
  m4s_routing_t *routing;
  m4s_clock_t *clock;
  // Ids of flows count their starts: flow i of the network is records[record_of_flow[i]].
  int32_t *record_of_flow;  // owned, [n_flows]
  int64_t n_started, n_completed;
  // Flows that may start, in the order of their keys: each flow stands here once at most.
  ready_t *ready;  // owned, [n_flows], ready[n_started] … ready[n_ready - 1] have yet to start
  int64_t n_ready;
  // Limits of groups; without groups there are phases.
  int64_t limit;
  int32_t hosts_per_group;
  group_t *groups;  // owned, NULL with phases
  int32_t *next_in_group;  // owned, [n_flows]
  m4s_event_key_t arrival;  // of flow n_arrived
  int64_t n_arrived;
  // Phases.
  int64_t *first_of_phase;  // owned copy, [n_phases + 1]
  int64_t *phase_ends_ns;  // owned, [n_phases]
  int32_t n_phases, phase;  // `phase` is under way
};

void m4s_closed_loop_destroy(m4s_closed_loop_t *loop) {
  if (loop != NULL) {
    free(loop->record_of_flow);
    free(loop->ready);
    free(loop->groups);
    free(loop->next_in_group);
    free(loop->first_of_phase);
    free(loop->phase_ends_ns);
    free(loop);
  }
}

static m4s_status_t create(m4s_flow_record_t *records, int64_t n_flows, m4s_routing_t *routing,
                           m4s_clock_t *clock, m4s_closed_loop_t **loop_out) {
  M4S_TRY(m4s_flow_list_check(records, n_flows));
  m4s_closed_loop_t *loop = calloc(1, sizeof *loop);
  if (loop == NULL) {
    return m4s_fail_memory("a closed loop");
  }
  size_t n = (size_t)n_flows + 1;
  *loop = (m4s_closed_loop_t){.records = records,
                              .n_flows = n_flows,
                              .routing = routing,
                              .clock = clock,
                              .record_of_flow = malloc(n * sizeof *loop->record_of_flow),
                              .ready = malloc(n * sizeof *loop->ready),
                              .arrival = m4s_event_never()};
  if (loop->record_of_flow == NULL || loop->ready == NULL) {
    m4s_closed_loop_destroy(loop);
    return m4s_fail_memory("a closed loop");
  }
  *loop_out = loop;
  return M4S_OK;
}

static void make_ready(m4s_closed_loop_t *loop, int32_t record) {
  loop->ready[loop->n_ready++] =
      (ready_t){.key = m4s_clock_schedule(loop->clock, loop->clock->now_ns), .record = record};
}

// --- limits ---

static void schedule_arrival(m4s_closed_loop_t *loop) {
  loop->arrival = loop->n_arrived < loop->n_flows
                      ? m4s_clock_schedule(loop->clock, loop->records[loop->n_arrived].start_ns)
                      : m4s_event_never();
}

static m4s_status_t make_groups(m4s_closed_loop_t *loop) {
  int32_t last_host = 0;
  for (int64_t i = 0; i < loop->n_flows; i++) {
    const m4s_flow_record_t *record = &loop->records[i];
    if (record->src < 0) {
      return m4s_fail(M4S_ERR_INPUT, "flow %lld of the list: source %d", (long long)i, record->src);
    }
    last_host = record->src > last_host ? record->src : last_host;
  }
  int32_t n_groups = last_host / loop->hosts_per_group + 1;
  loop->groups = malloc((size_t)n_groups * sizeof *loop->groups);
  loop->next_in_group = malloc(((size_t)loop->n_flows + 1) * sizeof *loop->next_in_group);
  if (loop->groups == NULL || loop->next_in_group == NULL) {
    return m4s_fail_memory("a closed loop");
  }
  for (int32_t i = 0; i < n_groups; i++) {
    loop->groups[i] = (group_t){.first = NONE, .last = NONE};
  }
  return M4S_OK;
}

m4s_status_t m4s_closed_loop_create(m4s_flow_record_t *records, int64_t n_flows, int64_t limit,
                                    int32_t hosts_per_group, m4s_routing_t *routing,
                                    m4s_clock_t *clock, m4s_closed_loop_t **loop_out) {
  if (limit < 1 || hosts_per_group < 1) {
    return m4s_fail(M4S_ERR_INPUT,
                    "a closed loop of %lld flows in flight per %d hosts (nearest valid: 1 per 1)",
                    (long long)limit, hosts_per_group);
  }
  m4s_closed_loop_t *loop = NULL;
  M4S_TRY(create(records, n_flows, routing, clock, &loop));
  loop->limit = limit;
  loop->hosts_per_group = hosts_per_group;
  m4s_status_t status = make_groups(loop);
  if (status != M4S_OK) {
    m4s_closed_loop_destroy(loop);
    return status;
  }
  schedule_arrival(loop);
  *loop_out = loop;
  return M4S_OK;
}

static group_t *group_of(const m4s_closed_loop_t *loop, int32_t record) {
  return &loop->groups[loop->records[record].src / loop->hosts_per_group];
}

// Lets the first flow that waits take its turn.
static void take_turn(m4s_closed_loop_t *loop, group_t *group) {
  int32_t record = group->first;
  group->first = loop->next_in_group[record];
  group->last = group->first == NONE ? NONE : group->last;
  group->n_in_flight++;
  make_ready(loop, record);
}

static void arrive(m4s_closed_loop_t *loop) {
  int32_t record = (int32_t)loop->n_arrived++;
  group_t *group = group_of(loop, record);
  schedule_arrival(loop);
  loop->records[record].call_ns = loop->clock->now_ns;
  loop->next_in_group[record] = NONE;
  if (group->last == NONE) {
    group->first = record;
  } else {
    loop->next_in_group[group->last] = record;
  }
  group->last = record;
  if (group->n_in_flight < loop->limit) {
    take_turn(loop, group);
  }
}

static void leave(m4s_closed_loop_t *loop, int32_t record) {
  group_t *group = group_of(loop, record);
  group->n_in_flight--;
  if (group->first != NONE) {
    take_turn(loop, group);
  }
}

// --- phases ---

static m4s_status_t check_phases(const m4s_flow_record_t *records, int64_t n_flows,
                                 const int64_t *first_of_phase, int32_t n_phases) {
  bool good = n_phases >= 0 && first_of_phase[0] == 0 && first_of_phase[n_phases] == n_flows;
  for (int32_t i = 0; good && i < n_phases; i++) {
    good = first_of_phase[i] < first_of_phase[i + 1];
  }
  if (!good) {
    return m4s_fail(M4S_ERR_INPUT, "phases of a list: their first flows must ascend from 0 to %lld",
                    (long long)n_flows);
  }
  for (int64_t i = 0; i < n_flows; i++) {
    if (records[i].start_ns != 0) {
      return m4s_fail(M4S_ERR_INPUT, "flow %lld of the list: starts at %lld, phases say when",
                      (long long)i, (long long)records[i].start_ns);
    }
  }
  return M4S_OK;
}

static void begin_phase(m4s_closed_loop_t *loop) {
  if (loop->phase < loop->n_phases) {
    int64_t end = loop->first_of_phase[loop->phase + 1];
    for (int64_t i = loop->first_of_phase[loop->phase]; i < end; i++) {
      loop->records[i].call_ns = loop->clock->now_ns;
      make_ready(loop, (int32_t)i);
    }
  }
}

static m4s_status_t copy_phases(m4s_closed_loop_t *loop, const int64_t *first_of_phase,
                                int32_t n_phases) {
  size_t n = (size_t)n_phases + 1;
  loop->n_phases = n_phases;
  loop->first_of_phase = malloc(n * sizeof *loop->first_of_phase);
  loop->phase_ends_ns = calloc(n, sizeof *loop->phase_ends_ns);
  if (loop->first_of_phase == NULL || loop->phase_ends_ns == NULL) {
    return m4s_fail_memory("a closed loop");
  }
  for (size_t i = 0; i < n; i++) {
    loop->first_of_phase[i] = first_of_phase[i];
  }
  return M4S_OK;
}

m4s_status_t m4s_closed_loop_create_phases(m4s_flow_record_t *records, int64_t n_flows,
                                           const int64_t *first_of_phase, int32_t n_phases,
                                           m4s_routing_t *routing, m4s_clock_t *clock,
                                           m4s_closed_loop_t **loop_out) {
  M4S_TRY(check_phases(records, n_flows, first_of_phase, n_phases));
  m4s_closed_loop_t *loop = NULL;
  M4S_TRY(create(records, n_flows, routing, clock, &loop));
  m4s_status_t status = copy_phases(loop, first_of_phase, n_phases);
  if (status != M4S_OK) {
    m4s_closed_loop_destroy(loop);
    return status;
  }
  begin_phase(loop);
  *loop_out = loop;
  return M4S_OK;
}

static void end_of_flow_in_phase(m4s_closed_loop_t *loop) {
  if (loop->n_completed == loop->first_of_phase[loop->phase + 1]) {
    loop->phase_ends_ns[loop->phase++] = loop->clock->now_ns;
    begin_phase(loop);
  }
}

const int32_t *m4s_closed_loop_record_of_flow(const m4s_closed_loop_t *loop) {
  return loop->record_of_flow;
}

// --- the source ---

static m4s_event_key_t next_event(const void *state) {
  const m4s_closed_loop_t *loop = state;
  if (loop->n_started == loop->n_ready) {
    return loop->arrival;
  }
  m4s_event_key_t ready = loop->ready[loop->n_started].key;
  return m4s_event_before(ready, loop->arrival) ? ready : loop->arrival;
}

static m4s_status_t run_event(void *state, const m4s_network_port_t *port) {
  m4s_closed_loop_t *loop = state;
  if (loop->n_started == loop->n_ready ||
      m4s_event_before(loop->arrival, loop->ready[loop->n_started].key)) {
    arrive(loop);
    return M4S_OK;
  }
  int32_t record = loop->ready[loop->n_started].record;
  int64_t id = loop->n_started++;
  loop->record_of_flow[id] = record;
  loop->records[record].start_ns = loop->clock->now_ns;
  return m4s_flow_list_start(&loop->records[record], id, loop->routing, port);
}

static m4s_status_t flow_completed(void *state, int64_t flow_id) {
  m4s_closed_loop_t *loop = state;
  int32_t record = loop->record_of_flow[flow_id];
  loop->records[record].fct_ns = loop->clock->now_ns - loop->records[record].start_ns;
  loop->n_completed++;
  if (loop->groups != NULL) {
    leave(loop, record);
  } else {
    end_of_flow_in_phase(loop);
  }
  return M4S_OK;
}

static bool finished(const void *state) {
  const m4s_closed_loop_t *loop = state;
  return loop->n_completed == loop->n_flows;
}

static const m4s_source_ops_t source_ops = {
    .name = "a closed loop",
    .next_event = next_event,
    .run_event = run_event,
    .flow_completed = flow_completed,
    .finished = finished,
};

m4s_source_t m4s_closed_loop_as_source(m4s_closed_loop_t *loop) {
  return (m4s_source_t){.ops = &source_ops, .state = loop};
}

int64_t m4s_closed_loop_completion_ns(const m4s_closed_loop_t *loop) {
  int64_t last_ns = 0;
  for (int64_t i = 0; i < loop->n_flows; i++) {
    const m4s_flow_record_t *record = &loop->records[i];
    int64_t end_ns = record->start_ns + record->fct_ns;
    last_ns = end_ns > last_ns ? end_ns : last_ns;
  }
  return last_ns;
}

const int64_t *m4s_closed_loop_phase_ends_ns(const m4s_closed_loop_t *loop) {
  return loop->groups != NULL ? NULL : loop->phase_ends_ns;
}
