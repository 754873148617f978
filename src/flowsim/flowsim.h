// flowsim: flows as fluid that shares the links max-min fairly.
//
// Two modes. "exact": true max-min; progress is credited at the rates that held, rates change only
// where an event reaches, and a flow that has sent its last byte completes after its path's latency
// without holding bandwidth. "published": the public flowSim of the m4 artefact (SimAI integration)
// with its rounding, its stale completion events and its latency tail, to check against its
// published numbers; it reschedules every flow at every completion, so it is for up to some
// thousand flows at a time.
#pragma once

#include "core/field.h"
#include "net/topology.h"
#include "sim/network_model.h"

typedef enum { M4S_FLOWSIM_EXACT, M4S_FLOWSIM_PUBLISHED } m4s_flowsim_mode_t;

typedef struct {
  int mode;  // m4s_flowsim_mode_t
  m4s_wire_t wire;  // not among the fields: shared by all simulators
} m4s_flowsim_config_t;

enum { M4S_N_FLOWSIM_FIELDS = 1 };
extern const m4s_field_t m4s_flowsim_fields[M4S_N_FLOWSIM_FIELDS];

// Work done, for benchmarks.
typedef struct {
  int64_t events;  // arrival batches, completion instants, deliveries
  int64_t allocations;  // water-fillings
  int64_t flows_filled;  // flows that took part in them
  int64_t links_filled;  // links that did
  int64_t rate_changes;  // flows whose rate changed
  int64_t peak_active_flows;
} m4s_flowsim_counts_t;

// Topology and clock are borrowed until model_out->ops->destroy(model_out->state).
m4s_status_t m4s_flowsim_create(const m4s_flowsim_config_t *config, const m4s_topology_t *topology,
                                m4s_clock_t *clock, m4s_network_model_t *model_out);

// Of a model made by m4s_flowsim_create().
m4s_flowsim_counts_t m4s_flowsim_counts(const m4s_network_model_t *model);
