// Points of the gray-failure sweep for m4sweep bench m4.
#include "cli/bench_m4.h"
#include "flow/collective_source.h"
#include "m4/m4.h"
#include "net/gpu_cluster.h"
#include "sim/run_loop.h"

typedef struct {
  m4s_engine_t *engine;  // borrowed
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t clock;
  m4s_collective_source_t *source;
  m4s_m4_config_t config;
  m4s_network_model_t model;
  m4s_run_t *run;
} point_t;

static m4s_status_t make_traffic(point_t *point, const m4s_workload_t *workload,
                                 int64_t degraded_gpus, int64_t reduction) {
  m4s_gpu_cluster_t cluster = {0};
  const m4s_collective_config_t system = {.send_latency_ns = 3000,
                                          .endpoint_delay_ns = 10,
                                          .processing_delay_ns = 30,
                                          .min_flow_bytes = 4096,
                                          .wire = {1000, 48}};
  M4S_TRY(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  cluster.degraded_gpus = degraded_gpus;
  cluster.reduction = reduction;
  M4S_TRY(m4s_gpu_cluster_create(&cluster, "bench", &point->topology));
  M4S_TRY(m4s_routing_create(point->topology, &point->routing));
  return m4s_collective_source_create(&system, workload, point->topology, point->routing,
                                      &point->clock, &point->source);
}

static m4s_status_t make_run(point_t *point) {
  m4s_m4_config_t *config = &point->config;
  M4S_TRY(m4s_fields_set_defaults(m4s_m4_fields, M4S_N_M4_FIELDS, config));
  bool fluid = m4s_engine_model(point->engine)->inputs == M4S_INPUTS_FLUID;
  config->algorithm = fluid ? M4S_M4_EVENT : M4S_M4_INTERVAL;
  config->mode = fluid ? M4S_M4_DEFAULT : M4S_M4_PUBLISHED;
  config->bfsz = 10;
  config->fwin = 1;
  config->cc = M4S_CC_DCTCP;
  config->dctcp_k = 10;
  config->wire = (m4s_wire_t){1000, 48};
  M4S_TRY(m4s_m4_create(config, point->engine, point->topology, point->routing, &point->clock,
                        &point->model));
  return m4s_run_create(&point->clock, m4s_collective_source_as_source(point->source), point->model,
                        &(m4s_run_limits_t){0}, &point->run);
}

static m4s_status_t simulate(point_t *point, double *inference_s) {
  m4s_inference_batch_t batch = {.engine = point->engine};
  m4s_run_state_t state = M4S_RUN_WANTS_INFERENCE;
  m4s_status_t status = m4s_run_advance(point->run, &batch, &state);
  while (status == M4S_OK && state == M4S_RUN_WANTS_INFERENCE) {
    double began_s = m4s_bench_cpu_s();
    status = m4s_engine_evaluate(point->engine, &batch);
    *inference_s += m4s_bench_cpu_s() - began_s;
    if (status == M4S_OK) {
      status = point->model.ops->inference_done(point->model.state, &batch);
    }
    if (status == M4S_OK) {
      status = m4s_run_advance(point->run, &batch, &state);
    }
  }
  m4s_inference_batch_clear(&batch);
  return status;
}

static void clear(point_t *point) {
  m4s_run_destroy(point->run);
  if (point->model.ops != NULL) {
    point->model.ops->destroy(point->model.state);
  }
  m4s_collective_source_destroy(point->source);
  m4s_routing_destroy(point->routing);
  m4s_topology_destroy(point->topology);
  m4s_fields_clear(m4s_m4_fields, M4S_N_M4_FIELDS, &point->config);
}

m4s_status_t m4s_bench_point(m4s_engine_t *engine, const m4s_workload_t *workload,
                             int64_t degraded_gpus, int64_t reduction,
                             m4s_bench_point_t *point_out) {
  point_t point = {.engine = engine};
  m4s_engine_counts_t before = m4s_engine_counts(engine);
  double inference_s = 0;
  double began_s = m4s_bench_cpu_s();
  m4s_status_t status = make_traffic(&point, workload, degraded_gpus, reduction);
  if (status == M4S_OK) {
    status = make_run(&point);
  }
  if (status == M4S_OK) {
    status = simulate(&point, &inference_s);
  }
  if (status == M4S_OK) {
    m4s_engine_counts_t counts = m4s_engine_counts(engine);
    m4s_collective_result_t result = m4s_collective_source_result(point.source);
    *point_out = (m4s_bench_point_t){.n_flows = result.n_flows,
                                     .n_steps = counts.steps - before.steps,
                                     .n_flow_rows = counts.flow_rows - before.flow_rows,
                                     .n_link_rows = counts.link_rows - before.link_rows,
                                     .matrix_flops = counts.matrix_flops - before.matrix_flops,
                                     .total_ns = result.total_ns,
                                     .cpu_s = m4s_bench_cpu_s() - began_s,
                                     .inference_s = inference_s};
  }
  clear(&point);
  return status;
}
