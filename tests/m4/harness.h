// Simulations with m4: lists of flows, and points of the gray-failure sweep. Several may share an
// engine; predictions may be those of its network or made up.
#pragma once

#include "support.h"

#include "flow/collective_source.h"
#include "flow/flow_list.h"
#include "m4/m4.h"
#include "net/gpu_cluster.h"
#include "sim/run_loop.h"

// Free with harness_close().
typedef struct {
  m4s_m4_config_t config;
  m4s_clock_t clock;
  m4s_topology_t *topology;  // owned, of a gray point
  m4s_workload_t *workload;  // likewise
  m4s_collective_source_t *collective;  // likewise
  m4s_flow_list_t *list;
  m4s_routing_t *routing;
  m4s_network_model_t model;
  m4s_run_t *run;
  bool finished;
} harness_t;

// The defaults, but with the algorithm "interval".
static inline m4s_m4_config_t harness_config(void) {
  m4s_m4_config_t config = {.wire = {1000, 48}};
  ASSERT_OK(m4s_fields_set_defaults(m4s_m4_fields, M4S_N_M4_FIELDS, &config));
  config.algorithm = M4S_M4_INTERVAL;
  return config;
}

static inline void harness_open(harness_t *sim, m4s_source_t source, m4s_engine_t *engine,
                                const m4s_topology_t *topology) {
  ASSERT_OK(m4s_m4_create(&sim->config, engine, topology, sim->routing, &sim->clock, &sim->model));
  ASSERT_OK(m4s_run_create(&sim->clock, source, sim->model, &(m4s_run_limits_t){0}, &sim->run));
}

// Engine, topology and records are borrowed; the records' fct_ns is set by the run.
static inline void harness_open_list(harness_t *sim, const m4s_m4_config_t *config,
                                     m4s_engine_t *engine, const m4s_topology_t *topology,
                                     m4s_flow_record_t *records, int64_t n_flows) {
  *sim = (harness_t){.config = *config};
  ASSERT_OK(m4s_routing_create(topology, &sim->routing));
  ASSERT_OK(m4s_flow_list_create(records, n_flows, sim->routing, &sim->clock, &sim->list));
  harness_open(sim, m4s_flow_list_as_source(sim->list), engine, topology);
}

// With the settings of the published runs. `workload`: text of the file; NULL: the sweep's.
static inline void harness_open_gray(harness_t *sim, int n, int r, const char *workload,
                                     m4s_engine_t *engine) {
  m4s_gpu_cluster_t cluster = {0};
  m4s_collective_config_t system = {.wire = {1000, 48}};
  *sim = (harness_t){.config = harness_config()};
  sim->config.mode = M4S_M4_PUBLISHED;
  sim->config.bfsz = 10;
  sim->config.fwin = 1;
  sim->config.dctcp_k = 10;
  ASSERT_OK(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  ASSERT_OK(m4s_fields_set_defaults(m4s_collective_fields, M4S_N_COLLECTIVE_FIELDS, &system));
  cluster.degraded_gpus = n;
  cluster.reduction = r;
  system.send_latency_ns = 3000;
  system.min_flow_bytes = 4096;
  ASSERT_OK(m4s_gpu_cluster_create(&cluster, "gray", &sim->topology));
  ASSERT_OK(m4s_routing_create(sim->topology, &sim->routing));
  if (workload == NULL) {
    ASSERT_OK(
        m4s_workload_read(M4SWEEP_SOURCE_DIR "/sweeps/workloads/gray-failure.txt", &sim->workload));
  } else {
    ASSERT_OK(m4s_workload_parse(workload, "workload", &sim->workload));
  }
  ASSERT_OK(m4s_collective_source_create(&system, sim->workload, sim->topology, sim->routing,
                                         &sim->clock, &sim->collective));
  harness_open(sim, m4s_collective_source_as_source(sim->collective), engine, sim->topology);
}

static inline void harness_close(harness_t *sim) {
  m4s_run_destroy(sim->run);
  sim->model.ops->destroy(sim->model.state);
  m4s_collective_source_destroy(sim->collective);
  m4s_flow_list_destroy(sim->list);
  m4s_workload_destroy(sim->workload);
  m4s_routing_destroy(sim->routing);
  m4s_topology_destroy(sim->topology);
  m4s_fields_clear(m4s_m4_fields, M4S_N_M4_FIELDS, &sim->config);
}

// Makes up the predictions of a step, in place of the network's.
typedef struct {
  void (*predict)(void *context, const m4s_step_t *step);
  void *context;
} harness_oracle_t;

// Evaluates what waits; `oracle` NULL: by the engine.
static inline m4s_status_t harness_evaluate(m4s_inference_batch_t *batch,
                                            const harness_oracle_t *oracle) {
  if (oracle == NULL) {
    return m4s_engine_evaluate(batch->engine, batch);
  }
  for (int32_t i = 0; i < batch->n_steps; i++) {
    oracle->predict(oracle->context, &batch->steps[i]);
  }
  batch->n_steps = 0;
  batch->n_flow_rows = batch->n_link_rows = 0;
  return M4S_OK;
}

// Runs every simulation to its next step and evaluates the steps together. `unfinished_out`: how
// many of them have not finished.
static inline m4s_status_t harness_round(harness_t *const *sims, int n,
                                         m4s_inference_batch_t *batch,
                                         const harness_oracle_t *oracle, int *unfinished_out) {
  *unfinished_out = 0;
  for (int i = 0; i < n; i++) {
    m4s_run_state_t state = M4S_RUN_FINISHED;
    if (!sims[i]->finished) {
      M4S_TRY(m4s_run_advance(sims[i]->run, batch, &state));
      sims[i]->finished = state == M4S_RUN_FINISHED;
      *unfinished_out += !sims[i]->finished;
    }
  }
  M4S_TRY(harness_evaluate(batch, oracle));
  for (int i = 0; i < n; i++) {
    if (!sims[i]->finished) {
      M4S_TRY(sims[i]->model.ops->inference_done(sims[i]->model.state, batch));
    }
  }
  return M4S_OK;
}

// Runs simulations side by side to their ends.
static inline m4s_status_t harness_finish(harness_t *const *sims, int n, m4s_engine_t *engine,
                                          const harness_oracle_t *oracle) {
  m4s_inference_batch_t batch = {.engine = engine};
  m4s_status_t status = M4S_OK;
  int n_unfinished = n;
  while (status == M4S_OK && n_unfinished > 0) {
    status = harness_round(sims, n, &batch, oracle, &n_unfinished);
  }
  m4s_inference_batch_clear(&batch);
  return status;
}
