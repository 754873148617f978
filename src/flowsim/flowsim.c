#include "flowsim/flowsim.h"

#include "flowsim/fluid.h"

static const char *const modes[] = {"exact", "published", NULL};

const m4s_field_t m4s_flowsim_fields[] = {
    {.name = "mode",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_flowsim_config_t, mode),
     .fallback = "exact",
     .choices = modes,
     .help = "true max-min, or the public flowSim's rounding and order"},
};

m4s_status_t m4s_flowsim_create(const m4s_flowsim_config_t *config, const m4s_topology_t *topology,
                                m4s_clock_t *clock, m4s_network_model_t *model_out) {
  return config->mode == M4S_FLOWSIM_PUBLISHED
             ? m4s_fluid_published_create(config, topology, clock, model_out)
             : m4s_fluid_exact_create(config, topology, clock, model_out);
}

m4s_flowsim_counts_t m4s_flowsim_counts(const m4s_network_model_t *model) {
  const m4s_fluid_t *fluid = model->state;  // both modes begin with it
  return fluid->counts;
}
