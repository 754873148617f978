// Max-min fair rates, kept while flows come and go: what flowsim's exact mode (exact.c) and fluid
// simulations beside others (beside.h) share. max_min.c says how.
#pragma once

#include "core/heap.h"
#include "flowsim/fluid.h"

// What is known of a link beside m4s_fluid_link_t: one cache line. Rates are bytes/ns.
typedef struct {
  _Alignas(64) double rate_sum;  // of all flows on the link, at the rates that hold
  double level;  // rate of the flows that the link limits
  int32_t n_limited;  // flows that are limited by the link and not open
  int32_t n_updates;  // of rate_sum since it was last summed
  // Sweep under way:
  double bound;  // no open flow on the link can be faster
  double queued;  // key of the link's valid entry in the queue; negative: none
  bool searched;  // flows that are faster than its share have become open
  bool waiting;  // among `waiting` below
} m4s_max_min_level_t;

// An entry of the sweep's queue; it is valid if the link's `queued` is its key.
typedef struct {
  double key;
  int32_t link;
} m4s_max_min_entry_t;

typedef struct {
  m4s_fluid_t fluid;
  m4s_max_min_level_t *levels;  // [n_links]
  m4s_heap_t ends;  // by slot: when the flow will have sent all, at its present rate
  m4s_max_min_entry_t *queue;  // [n_queued], a binary heap by key
  int32_t n_queued, queue_capacity;
  int32_t *waiting;  // [n_waiting], links whose key may have changed
  int32_t n_waiting;
  int32_t *arrivals;  // slots of flows that have come since the last sweep
  int32_t n_arrivals, arrival_capacity;
  int32_t *left;  // links of flows that have gone since
  int32_t n_left, left_capacity;
} m4s_max_min_t;

m4s_status_t m4s_max_min_init(m4s_max_min_t *model, const m4s_flowsim_config_t *config,
                              const m4s_topology_t *topology, m4s_clock_t *clock);
void m4s_max_min_clear(m4s_max_min_t *model);

// A flow comes, at the clock's time. It has rate 0 until rates are settled.
m4s_status_t m4s_max_min_add(m4s_max_min_t *model, const m4s_flow_t *flow, int32_t *slot_out);

// A flow that is sending stops and leaves its links. Its slot stays, with rate 0 and what it has
// not sent, and so does its entry in `ends`.
m4s_status_t m4s_max_min_leave(m4s_max_min_t *model, int32_t slot);

// Finds the rates that hold from the clock's time on. Flows whose rate changes are credited for
// what they have sent, and get another place in `ends`. M4S_ERR_SIMULATION where a flow would take
// more than M4S_TIME_MAX_NS.
m4s_status_t m4s_max_min_settle(m4s_max_min_t *model);

// The flow is on its links and has a rate: rates were settled since it came, and it has not left.
static inline bool m4s_max_min_sending(const m4s_max_min_t *model, int32_t slot) {
  return model->fluid.flows[slot].bottleneck >= 0;
}

// Changes what a flow that is sending has left, from the clock's time on, and moves its end.
// M4S_ERR_SIMULATION as above.
m4s_status_t m4s_max_min_set_remaining(m4s_max_min_t *model, int32_t slot, double remaining_bytes);

// When a flow that is sending will have sent all, at its present rate.
int64_t m4s_max_min_sent_ns(const m4s_max_min_t *model, int32_t slot);

// Flows have come or gone since rates were settled.
static inline bool m4s_max_min_unsettled(const m4s_max_min_t *model) {
  return model->n_arrivals + model->n_left > 0;
}
