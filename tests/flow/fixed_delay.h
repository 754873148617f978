// A network that completes every flow after a fixed time of its own, and runs of a workload on it.
#pragma once

#include "support.h"

#include "flow/collective_source.h"
#include "sim/run_loop.h"

// The time that a flow takes, ns.
typedef int64_t (*fixed_delay_fn)(const m4s_flow_t *flow);

enum { FIXED_MAX_FLOWS = 40000 };

typedef struct {
  m4s_clock_t *clock;
  fixed_delay_fn delay_of;
  m4s_event_key_t ends[FIXED_MAX_FLOWS];  // in the order of arrival
  int64_t ids[FIXED_MAX_FLOWS];
  int32_t n_flows;  // under way
} fixed_model_t;

static inline m4s_status_t fixed_start(void *state, const m4s_flow_t *flow) {
  fixed_model_t *model = state;
  assert_true(model->n_flows < FIXED_MAX_FLOWS);
  model->ids[model->n_flows] = flow->id;
  model->ends[model->n_flows++] =
      m4s_clock_schedule(model->clock, model->clock->now_ns + model->delay_of(flow));
  return M4S_OK;
}

static inline int32_t fixed_first(const fixed_model_t *model) {
  int32_t first = -1;
  for (int32_t i = 0; i < model->n_flows; i++) {
    if (first < 0 || m4s_event_before(model->ends[i], model->ends[first])) {
      first = i;
    }
  }
  return first;
}

static inline m4s_event_key_t fixed_next(const void *state) {
  const fixed_model_t *model = state;
  int32_t first = fixed_first(model);
  return first < 0 ? m4s_event_never() : model->ends[first];
}

static inline m4s_status_t fixed_advance(void *state, m4s_event_key_t until,
                                         const m4s_completion_port_t *port) {
  fixed_model_t *model = state;
  int32_t first = fixed_first(model);
  if (first < 0 || !m4s_event_before(model->ends[first], until)) {
    return M4S_OK;
  }
  int64_t id = model->ids[first];
  model->clock->now_ns = model->ends[first].time_ns;
  model->n_flows--;
  model->ids[first] = model->ids[model->n_flows];
  model->ends[first] = model->ends[model->n_flows];
  return port->flow_completed(port->context, id);
}

static inline void fixed_destroy(void *state) { (void)state; }

static const m4s_network_model_ops_t fixed_ops = {.name = "fixed",
                                                  .start_flow = fixed_start,
                                                  .next_event = fixed_next,
                                                  .advance = fixed_advance,
                                                  .destroy = fixed_destroy};

// A finished run; free with fixed_clear().
typedef struct {
  m4s_topology_t *topology;
  m4s_workload_t *workload;
  m4s_routing_t *routing;
  m4s_collective_source_t *source;
  m4s_clock_t clock;
  m4s_collective_result_t result;
} fixed_run_t;

static inline m4s_collective_config_t fixed_config(void) {
  m4s_collective_config_t config = {.wire = {1000, 48}};
  ASSERT_OK(m4s_fields_set_defaults(m4s_collective_fields, M4S_N_COLLECTIVE_FIELDS, &config));
  return config;
}

// n GPUs on one switch.
static inline m4s_topology_t *fixed_star(int32_t n, int32_t gpus_per_server) {
  m4s_cable_t *cables = calloc((size_t)n, sizeof *cables);
  for (int32_t i = 0; i < n; i++) {
    cables[i] = (m4s_cable_t){i, n, INT64_C(100000000000), 500, 0};
  }
  const m4s_topology_parts_t parts = {.n_nodes = n + 1,
                                      .n_switches = 1,
                                      .gpus_per_server = gpus_per_server,
                                      .gpu_type = "A100",
                                      .forwarders = &n,
                                      .n_cables = n,
                                      .cables = cables};
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_create(&parts, "star", &topology));
  free(cables);
  return topology;
}

// Runs a workload, given as what follows the policy, on n GPUs.
static inline void fixed_run(const m4s_collective_config_t *config, const char *workload,
                             int32_t n_gpus, int32_t gpus_per_server, fixed_delay_fn delay_of,
                             fixed_run_t *run_out) {
  static fixed_model_t model;
  char text[2048];
  fixed_run_t *run = run_out;
  *run = (fixed_run_t){.topology = fixed_star(n_gpus, gpus_per_server)};
  model.clock = &run->clock;
  model.delay_of = delay_of;
  model.n_flows = 0;
  snprintf(text, sizeof text, "HYBRID_TRANSFORMER_FWD_IN_BCKWD %s\n", workload);
  ASSERT_OK(m4s_workload_parse(text, "w.txt", &run->workload));
  ASSERT_OK(m4s_routing_create(run->topology, &run->routing));
  ASSERT_OK(m4s_collective_source_create(config, run->workload, run->topology, run->routing,
                                         &run->clock, &run->source));
  m4s_run_t *loop = NULL;
  m4s_run_state_t state;
  ASSERT_OK(m4s_run_create(&run->clock, m4s_collective_source_as_source(run->source),
                           (m4s_network_model_t){.ops = &fixed_ops, .state = &model},
                           &(m4s_run_limits_t){0}, &loop));
  ASSERT_OK(m4s_run_advance(loop, NULL, &state));
  assert_int_equal(state, M4S_RUN_FINISHED);
  assert_int_equal(model.n_flows, 0);
  m4s_run_destroy(loop);
  run->result = m4s_collective_source_result(run->source);
}

static inline void fixed_clear(fixed_run_t *run) {
  m4s_collective_source_destroy(run->source);
  m4s_routing_destroy(run->routing);
  m4s_workload_destroy(run->workload);
  m4s_topology_destroy(run->topology);
}
