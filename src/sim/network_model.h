// The interface of network models: flowsim, packet, m4, and models that users add.
//
// A model is a constant table of functions with a state pointer, so that all models share one run
// loop. It is created by its own module, from its own settings, with the topology and the
// simulation's clock.
#pragma once

#include "core/event.h"
#include "flow/flow.h"

// Told by the model at the clock's time, in the order of completion.
typedef struct {
  m4s_status_t (*flow_completed)(void *context, int64_t flow_id);
  // The flow's sender has done its part, which models without that know nothing of; before
  // completion.
  m4s_status_t (*flow_sent)(void *context, int64_t flow_id);
  void *context;
} m4s_completion_port_t;

// What a directed link carried, up to the present time.
typedef struct {
  int64_t bytes;  // on the wire, of completed flows
  int64_t busy_ns;  // time with at least one flow
} m4s_link_usage_t;

typedef struct m4s_inference_batch m4s_inference_batch_t;  // defined by m4

typedef struct {
  const char *name;
  // A flow enters the network at the clock's time. `flow` is copied, its links are borrowed.
  m4s_status_t (*start_flow)(void *state, const m4s_flow_t *flow);
  // A flow is called for at the clock's time, by what happened at host `caller` (-1: at none), and
  // enters the network at `start_ns`, not before then. NULL: the source waits, and starts it.
  m4s_status_t (*call_flow)(void *state, const m4s_flow_t *flow, int32_t caller, int64_t start_ns);
  // When the next thing happens inside; m4s_event_never() if nothing will.
  m4s_event_key_t (*next_event)(const void *state);
  // Runs the events before `until`, advancing the clock to each; returns early after an event that
  // completed flows, since the traffic source may have been given something earlier to do. It may
  // return after any event, so that the run's limits are looked at.
  m4s_status_t (*advance)(void *state, m4s_event_key_t until, const m4s_completion_port_t *port);
  // Learned models only, else NULL. The model stops where it needs the neural network and adds its
  // rows and edges to `batch`; returns the number of rows added, 0: goes on by itself.
  int64_t (*wants_inference)(void *state, m4s_inference_batch_t *batch);
  m4s_status_t (*inference_done)(void *state, const m4s_inference_batch_t *batch);
  // Usage of all links, usage_out[n_links]. NULL if the model does not count it.
  void (*link_usage)(const void *state, m4s_link_usage_t *usage_out);
  // Why flows can never complete, asked when nothing will happen any more though the source waits
  // for flows: sets the error that tells it. M4S_OK: the model has nothing to say. May be NULL.
  m4s_status_t (*stalled)(const void *state);
  void (*destroy)(void *state);
} m4s_network_model_ops_t;

typedef struct {
  const m4s_network_model_ops_t *ops;
  void *state;  // owned, freed by ops->destroy
} m4s_network_model_t;
