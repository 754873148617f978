// What the algorithms of m4 share: the flows in the network and their links, with the rows of their
// states, the completions, and the steps that are to be evaluated. An algorithm's state begins with
// a m4s_m4_network_t.
//
// A flow's way: started (active, on its links, without a row), entered (with a row, so it can take
// part in steps), left (completed: off its links, without a row), its slot freed.
#pragma once

#include "core/heap.h"
#include "m4/inputs.h"
#include "m4/m4.h"

// A flow in the network. Slots are reused.
typedef struct {
  int64_t id;
  const int32_t *links;  // [n_links], borrowed
  int32_t n_links;
  int32_t row;  // of the engine, -1: none
  int32_t place;  // in `active`, -1: it has left
  double slowdown;  // as last predicted, not clamped; 0: not yet
  int64_t size_bytes, wire_bytes;
  int64_t ideal_fct_ns;
  int64_t started_ns;
  int64_t updated_ns;  // its last step, or when it got its row
  int64_t completes_ns;  // as scheduled; M4S_TIME_NEVER: not yet
} m4s_m4_flow_t;

typedef struct {
  int64_t step;  // the last one that it is in, counted from 1
  int32_t place;  // in it
  int32_t row;  // of the engine, -1: none
  int32_t n_flows;  // active
} m4s_m4_link_t;

typedef struct {
  int64_t busy_since_ns, busy_ns;
  int64_t bytes;
} m4s_m4_link_usage_t;

typedef struct {
  const m4s_m4_config_t *config;  // borrowed, as all of these
  m4s_engine_t *engine;
  const m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t *clock;
  bool keep_link_rows;  // idle links keep their states; else their rows are released
  float params[M4S_M4_N_PARAMS];
  m4s_m4_inputs_t *inputs;  // owned; NULL: the network has none
  m4s_m4_link_t *links;  // [topology->n_links]
  m4s_m4_link_usage_t *usage;  // [topology->n_links]
  m4s_m4_flow_t *flows;  // [n_slots]
  int32_t *free_slots;  // [n_free]
  int32_t *active;  // [n_active], slots, in no order that means anything
  int32_t n_slots, n_free, n_active, slot_capacity;
  int32_t max_hops;  // the most links that a flow had
  m4s_heap_t completions;  // by slot
  // The steps that wait for their evaluation, or were evaluated last. Their arrays lie one behind
  // the other.
  m4s_step_t *steps;  // [n_steps]
  int32_t n_steps, step_capacity;
  int32_t n_step_flows, n_step_links, n_step_edges;  // of all steps
  int32_t *step_slots;  // [n_step_flows]
  // As in `steps`; link_rows [topology->n_links + 1].
  int32_t *flow_rows, *link_rows, *edge_begin, *edges;
  float *slowdowns;  // [n_step_flows]; of networks with fluid inputs first their outputs
  // With fluid inputs: [n_step_flows, M4S_M4_N_FLOW_INPUTS], [topology->n_links + 1,
  // M4S_M4_N_LINK_INPUTS].
  float *flow_inputs, *link_inputs;
  int32_t step_flow_capacity, edge_capacity;
  int64_t n_steps_built;
  bool steps_wait;  // for their evaluation
  bool steps_failed;  // could not be handed out
  m4s_m4_counts_t counts;
  m4s_m4_tracer_t tracer;
} m4s_m4_network_t;

// To be cleared also after an error.
m4s_status_t m4s_m4_network_init(m4s_m4_network_t *network, const m4s_m4_config_t *config,
                                 m4s_engine_t *engine, const m4s_topology_t *topology,
                                 m4s_routing_t *routing, m4s_clock_t *clock);

// Gives all rows back to the engine.
void m4s_m4_network_clear(m4s_m4_network_t *network);

// --- flows ---

// Puts a flow on its links at the clock's time. Its completion is not scheduled yet.
m4s_status_t m4s_m4_network_start(m4s_m4_network_t *network, const m4s_flow_t *flow,
                                  int32_t *slot_out);

// Gives a started flow its row, and those of its links that have none theirs, each in its first
// state.
m4s_status_t m4s_m4_network_enter(m4s_m4_network_t *network, int32_t slot);

// Takes a flow off its links and out of `completions`, and releases its row and, unless
// keep_link_rows, those of links that it leaves idle. The slot stays until it is freed.
m4s_status_t m4s_m4_network_leave(m4s_m4_network_t *network, int32_t slot);
void m4s_m4_network_free_slot(m4s_m4_network_t *network, int32_t slot);

// Schedules the flow's completion for trunc(after_ns) from now (after_ns ≥ 0), anew if it was
// scheduled before. M4S_ERR_SIMULATION beyond M4S_TIME_MAX_NS.
m4s_status_t m4s_m4_network_complete_after(m4s_m4_network_t *network, int32_t slot,
                                           double after_ns);

// The earliest completion; never: none; at once where m4s_m4_network_check_steps() has an error to
// tell.
m4s_event_key_t m4s_m4_network_next_completion(const m4s_m4_network_t *network);

// --- steps ---

// Builds a step over some flows that have entered, in the order of `slots` [n_slots > 0], and the
// links that they cross, in the order of first use. Its dt is the time since the earliest of the
// flows' last updates. Several steps may wait for their evaluation; no flow and no link may be in
// two of them.
m4s_status_t m4s_m4_network_build_step(m4s_m4_network_t *network, const int32_t *slots,
                                       int32_t n_slots);

// Adds the built steps to a batch: a model's wants_inference. Returns their rows; 0: none waits.
// What goes wrong is told by the model's next m4s_m4_network_check_steps().
int64_t m4s_m4_network_hand_out_steps(m4s_m4_network_t *network, m4s_inference_batch_t *batch);

// Whether steps that wait for their evaluation could not be handed out, as an error: to be called
// first by a model's advance().
m4s_status_t m4s_m4_network_check_steps(const m4s_m4_network_t *network);

// Takes the predictions of the evaluated steps: sets their flows' `slowdown` and `updated_ns`,
// counts them and tells the tracer. Of `trace`, n_pending, n_pending_completed and reschedule_all
// are the algorithm's; the rest is filled in. With fluid inputs the flows send from now on
// slower than max-min fair by e to the power of the network's output, and the slowdown is what
// follows. M4S_ERR_SIMULATION for a prediction that is not finite.
m4s_status_t m4s_m4_network_end_steps(m4s_m4_network_t *network, m4s_m4_step_trace_t trace);

// --- models ---

// The link_usage of both algorithms; `state` begins with a m4s_m4_network_t.
void m4s_m4_network_link_usage(const void *state, m4s_link_usage_t *usage_out);

// The two algorithms; m4.h says what they compute. Arguments as of m4s_m4_create(), which has
// checked them.
m4s_status_t m4s_m4_interval_create(const m4s_m4_config_t *config, m4s_engine_t *engine,
                                    const m4s_topology_t *topology, m4s_routing_t *routing,
                                    m4s_clock_t *clock, m4s_network_model_t *model_out);
m4s_status_t m4s_m4_event_create(const m4s_m4_config_t *config, m4s_engine_t *engine,
                                 const m4s_topology_t *topology, m4s_routing_t *routing,
                                 m4s_clock_t *clock, m4s_network_model_t *model_out);
