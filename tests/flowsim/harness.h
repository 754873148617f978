// Runs of flowsim: a list of flows on a topology, and points of the gray-failure sweep.
#pragma once

#include "support.h"

#include "flow/collective_source.h"
#include "flow/flow_list.h"
#include "flowsim/flowsim.h"
#include "net/gpu_cluster.h"
#include "sim/run_loop.h"

static inline void harness_finish(m4s_clock_t *clock, m4s_source_t source,
                                  m4s_network_model_t model) {
  m4s_run_t *run = NULL;
  m4s_run_state_t state;
  ASSERT_OK(m4s_run_create(clock, source, model, &(m4s_run_limits_t){0}, &run));
  ASSERT_OK(m4s_run_advance(run, NULL, &state));
  assert_int_equal(state, M4S_RUN_FINISHED);
  m4s_run_destroy(run);
}

// Sets the records' fct_ns. `usage_out` [n_links]: NULL allowed.
static inline void harness_run_list(const m4s_flowsim_config_t *config,
                                    const m4s_topology_t *topology, m4s_flow_record_t *records,
                                    int64_t n_flows, m4s_link_usage_t *usage_out) {
  m4s_clock_t clock = {0};
  m4s_routing_t *routing = NULL;
  m4s_flow_list_t *list = NULL;
  m4s_network_model_t model;
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_flow_list_create(records, n_flows, routing, &clock, &list));
  ASSERT_OK(m4s_flowsim_create(config, topology, &clock, &model));
  harness_finish(&clock, m4s_flow_list_as_source(list), model);
  if (usage_out != NULL) {
    model.ops->link_usage(model.state, usage_out);
  }
  model.ops->destroy(model.state);
  m4s_flow_list_destroy(list);
  m4s_routing_destroy(routing);
}

// A finished point of the gray-failure sweep; free with harness_clear_gray().
typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_workload_t *workload;
  m4s_clock_t clock;
  m4s_collective_source_t *source;
  m4s_network_model_t model;
  m4s_collective_result_t result;
} harness_gray_t;

// With the settings of the published runs: send latency 3 us, flows of at least 4096 bytes.
static inline void harness_run_gray(int n, int r, m4s_flowsim_mode_t mode, int64_t header_bytes,
                                    harness_gray_t *gray_out) {
  harness_gray_t *gray = gray_out;
  *gray = (harness_gray_t){0};
  m4s_gpu_cluster_t cluster = {0};
  const m4s_flowsim_config_t flowsim = {.mode = (int)mode, .wire = {1000, header_bytes}};
  m4s_collective_config_t system = {.wire = {1000, header_bytes}};
  ASSERT_OK(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  ASSERT_OK(m4s_fields_set_defaults(m4s_collective_fields, M4S_N_COLLECTIVE_FIELDS, &system));
  cluster.degraded_gpus = n;
  cluster.reduction = r;
  system.send_latency_ns = 3000;
  system.min_flow_bytes = 4096;
  ASSERT_OK(m4s_gpu_cluster_create(&cluster, "gray", &gray->topology));
  ASSERT_OK(m4s_routing_create(gray->topology, &gray->routing));
  ASSERT_OK(
      m4s_workload_read(M4SWEEP_SOURCE_DIR "/sweeps/workloads/gray-failure.txt", &gray->workload));
  ASSERT_OK(m4s_collective_source_create(&system, gray->workload, gray->topology, gray->routing,
                                         &gray->clock, &gray->source));
  ASSERT_OK(m4s_flowsim_create(&flowsim, gray->topology, &gray->clock, &gray->model));
  harness_finish(&gray->clock, m4s_collective_source_as_source(gray->source), gray->model);
  gray->result = m4s_collective_source_result(gray->source);
}

static inline void harness_clear_gray(harness_gray_t *gray) {
  gray->model.ops->destroy(gray->model.state);
  m4s_collective_source_destroy(gray->source);
  m4s_workload_destroy(gray->workload);
  m4s_routing_destroy(gray->routing);
  m4s_topology_destroy(gray->topology);
}
