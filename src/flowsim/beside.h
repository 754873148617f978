// A fluid simulation beside another simulator, which starts its flows and ends them: flowsim's
// exact rates, max-min fair among the flows that have bytes left to send.
//
// A flow may be slower than its rate by a factor, as the other simulator says; the rates do not
// know of that. One that has sent its last byte is off its links, and stays until it is ended. One
// that is ended before leaves what it had left.
#pragma once

#include "flow/flow.h"
#include "net/topology.h"

typedef struct m4s_beside m4s_beside_t;

// Begins at time 0. The topology is borrowed. M4S_ERR_MEMORY.
m4s_status_t m4s_beside_create(const m4s_wire_t *wire, const m4s_topology_t *topology,
                               m4s_beside_t **beside_out);
void m4s_beside_destroy(m4s_beside_t *beside);

// All of these first run to `now_ns`, which is not before that of the last call. Errors:
// M4S_ERR_MEMORY, and M4S_ERR_SIMULATION for a flow that would take longer than M4S_TIME_MAX_NS.

// Starts a flow, whose links are borrowed until it is ended. Slots are small and used again.
m4s_status_t m4s_beside_start(m4s_beside_t *beside, int64_t now_ns, const m4s_flow_t *flow,
                              int32_t *slot_out);
m4s_status_t m4s_beside_end(m4s_beside_t *beside, int64_t now_ns, int32_t slot);

// Brings all rates up to date with what has started, ended and been sent.
m4s_status_t m4s_beside_advance(m4s_beside_t *beside, int64_t now_ns);

// After m4s_beside_advance():

// From now on the flow sends at its rate over `factor` > 0, at first 1. No effect if all is sent.
m4s_status_t m4s_beside_slow(m4s_beside_t *beside, int32_t slot, double factor);

// The flow has so many bytes left now. No effect if all is sent.
m4s_status_t m4s_beside_set_remaining(m4s_beside_t *beside, int32_t slot, double bytes);

typedef struct {
  double rate;  // bytes/ns, max-min fair; 0: all is sent
  double slowed_rate;  // over the factor
  double remaining_bytes;  // to be sent
  int64_t sent_ns;  // when the last byte was sent, or will be at this rate over the factor
} m4s_beside_flow_t;

m4s_beside_flow_t m4s_beside_flow(const m4s_beside_t *beside, int32_t slot);

// Sum of the rates on a link, bytes/ns.
double m4s_beside_link_rate(const m4s_beside_t *beside, int32_t link);
