// The network models that can simulate points.
#pragma once

#include "sweep/point.h"

// What a model is made for and from; all borrowed as long as the model lives.
typedef struct {
  const m4s_point_t *point;
  const m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t *clock;
} m4s_simulator_inputs_t;

// Makes the model called `name`, one of m4s_simulator_names; any other is M4S_ERR_INPUT.
m4s_status_t m4s_simulator_create(const char *name, const m4s_simulator_inputs_t *inputs,
                                  m4s_network_model_t *model_out);
