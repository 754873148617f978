// Traffic sources: what starts flows. A source is a table of functions with a state pointer; it
// shares one clock with the network model, and hands its flows to the network through a port.
#pragma once

#include <stdbool.h>

#include "core/event.h"
#include "flow/flow.h"

// How a source starts a flow in the network at the present time; `flow` is copied.
typedef struct {
  m4s_status_t (*start_flow)(void *context, const m4s_flow_t *flow);
  // Starts it at `start_ns`, on behalf of what happened at host `caller` (-1: at none). NULL: the
  // network has no use for flows in advance.
  m4s_status_t (*call_flow)(void *context, const m4s_flow_t *flow, int32_t caller,
                            int64_t start_ns);
  void *context;
} m4s_network_port_t;

typedef struct {
  const char *name;
  // When the source next does something by itself; m4s_event_never() while it waits for
  // completions.
  m4s_event_key_t (*next_event)(const void *state);
  // Runs the next event; the clock stands at its time.
  m4s_status_t (*run_event)(void *state, const m4s_network_port_t *port);
  // A flow that the source started has completed, at the clock's time.
  m4s_status_t (*flow_completed)(void *state, int64_t flow_id);
  // The sender of a flow has done its part, though the flow has not completed. NULL: not wanted.
  m4s_status_t (*flow_sent)(void *state, int64_t flow_id);
  // All done: no event and no flow is awaited.
  bool (*finished)(const void *state);
} m4s_source_ops_t;

typedef struct {
  const m4s_source_ops_t *ops;
  void *state;  // borrowed
} m4s_source_t;
