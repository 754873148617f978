// FCTs as an m4 network says them under teacher forcing: its states and what remains of the flows
// are those of the record at every step, so that its errors do not build up. An FCT predicted at a
// step is the flow's age and what the network says of the rest, no less than the ideal FCT.
#pragma once

#include "train/replay.h"

// All in ns, no less than the flow's ideal FCT, as m4 has them; -1: the flow is in no step.
// In ns; -1: the flow is in no step.
typedef struct {
  double first_ns;  // as predicted at its first step
  // The mean of what is predicted at its steps, each weighing as the part of the FCT that passes
  // until the next one while the flow sends.
  double mean_ns;
} m4s_forced_fct_t;

// Replays all flows of a scenario with the algorithm of the config, which is that of the point for
// the engine's network, and writes fcts_out [scenario->n_flows]. M4S_ERR_INPUT as of
// m4s_replay_next(); M4S_ERR_SIMULATION for a prediction that is not finite.
m4s_status_t m4s_forced_fcts(const m4s_scenario_t *scenario, const m4s_m4_config_t *config,
                             m4s_engine_t *engine, m4s_forced_fct_t *fcts_out);
