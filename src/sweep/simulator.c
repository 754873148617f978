#include "sweep/simulator.h"

#include <string.h>

#include "core/text.h"

// One line a simulator.
#define SIMULATORS(X) X(flowsim)

static m4s_status_t create_flowsim(const m4s_simulator_inputs_t *inputs,
                                   m4s_network_model_t *model_out) {
  m4s_flowsim_config_t config = inputs->point->flowsim;
  config.wire = inputs->point->wire;
  return m4s_flowsim_create(&config, inputs->topology, inputs->clock, model_out);
}

typedef m4s_status_t (*create_fn)(const m4s_simulator_inputs_t *inputs,
                                  m4s_network_model_t *model_out);

#define CREATE(name) create_##name,
static const create_fn creators[] = {SIMULATORS(CREATE)};
#undef CREATE

#define NAME(name) #name,
const char *const m4s_simulator_names[] = {SIMULATORS(NAME) NULL};
#undef NAME

m4s_status_t m4s_simulator_create(const char *name, const m4s_simulator_inputs_t *inputs,
                                  m4s_network_model_t *model_out) {
  for (size_t i = 0; i < M4S_COUNT(creators); i++) {
    if (strcmp(name, m4s_simulator_names[i]) == 0) {
      return creators[i](inputs, model_out);
    }
  }
  return m4s_fail(M4S_ERR_INPUT, "unknown simulator \"%s\"%s", name,
                  m4s_did_you_mean(name, m4s_simulator_names, M4S_COUNT(creators)));
}
