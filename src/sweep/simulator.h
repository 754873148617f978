// The network models that can simulate points.
#pragma once

#include "sweep/engines.h"
#include "sweep/point.h"

// What a simulator is made for and from; all borrowed until m4s_simulator_clear().
typedef struct {
  const m4s_point_t *point;
  const m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t *clock;
  m4s_engines_t *engines;
} m4s_simulator_inputs_t;

// Start from {0}; free with m4s_simulator_clear().
typedef struct {
  m4s_network_model_t model;
  m4s_engines_t *engines;  // borrowed
  m4s_shared_engine_t *network;  // of `engines`; NULL for models without a neural network
  m4s_m4_config_t *m4;  // owned: the settings of m4; NULL for others
} m4s_simulator_t;

// Makes the simulator called `name`, one of m4s_simulator_names; any other is M4S_ERR_INPUT, as are
// settings that it cannot work with.
m4s_status_t m4s_simulator_create(const char *name, const m4s_simulator_inputs_t *inputs,
                                  m4s_simulator_t *simulator_out);
void m4s_simulator_clear(m4s_simulator_t *simulator);

// The settings of m4 for the point and a network: a network with fluid inputs gets congestion
// control, windows, buffers and thresholds from the point's settings of the packet simulator. What
// the copy points to stays the point's. M4S_ERR_INPUT as of m4s_packet_config_resolve().
m4s_status_t m4s_point_m4_config(const m4s_point_t *point, const m4s_model_t *network,
                                 m4s_m4_config_t *config_out);

// The steps of the neural network so far; 0 for models without.
int64_t m4s_simulator_n_steps(const m4s_simulator_t *simulator);
