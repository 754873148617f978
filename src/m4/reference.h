// The forward pass of an m4 network in plain C: what the fast one is checked against.
//
// States and activations are float32; every sum (matrix products, neighbour sums, means and
// variances) is accumulated in double in the order of its index and rounded once; σ and tanh are
// the C library's in double.
#pragma once

#include "m4/engine.h"

// Evaluates one step on states that lie together: flow_states [n_flows, hidden] and link_states
// [n_links, hidden] in the order of step->flow_rows and step->link_rows (which are not looked at),
// both replaced. M4S_ERR_MEMORY.
m4s_status_t m4s_reference_step(const m4s_model_t *model, const m4s_step_t *step,
                                float *flow_states, float *link_states);
