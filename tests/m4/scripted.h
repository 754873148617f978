// Simulations with m4 on a small star whose predictions are written down, step by step.
//
// The star: hosts 0, 1 and 2 on switch 3, by cables of 8 Gbps (1 byte/ns) and 10 ns. Between any
// two hosts there are two links; base RTT 2040 ns, so without headers a flow's ideal FCT is 2040 ns
// and 1 ns a byte.
#pragma once

#include "harness.h"
#include "tiny_model.h"

enum { SCRIPTED_MAX_STEPS = 16, SCRIPTED_MAX_FLOWS = 8, SCRIPTED_BASE_RTT_NS = 2040 };

// A step's predictions, by flow id among the active flows; n_flows 0: the script's end.
typedef struct {
  int32_t n_flows;
  float slowdowns[SCRIPTED_MAX_FLOWS];
} scripted_line_t;

typedef struct {
  m4s_model_t *weights;
  m4s_engine_t *engine;
  m4s_topology_t *topology;
  m4s_m4_config_t config;
  m4s_flow_record_t records[SCRIPTED_MAX_FLOWS];
  int32_t n_flows;
  harness_t sim;
  m4s_inference_batch_t batch;
  harness_oracle_t oracle;
  const scripted_line_t *script;
  m4s_m4_step_trace_t traces[SCRIPTED_MAX_STEPS];  // `slowdowns` is not kept
  int32_t n_steps;
} scripted_t;

static inline void scripted_predict(void *context, const m4s_step_t *step) {
  scripted_t *run = context;
  assert_true(run->n_steps < SCRIPTED_MAX_STEPS);
  const scripted_line_t *line = &run->script[run->n_steps];
  assert_int_equal(step->n_flows, line->n_flows);
  memcpy(step->predictions_out, line->slowdowns, (size_t)step->n_flows * sizeof(float));
}

static inline void scripted_trace(void *context, const m4s_m4_step_trace_t *trace) {
  scripted_t *run = context;
  run->traces[run->n_steps] = *trace;
  run->traces[run->n_steps++].slowdowns = NULL;
}

static inline scripted_t *scripted_create(void) {
  scripted_t *run = calloc(1, sizeof *run);
  assert_non_null(run);
  run->config = harness_config();
  run->config.wire.header_bytes = 0;
  run->weights = tiny_model(
      (tiny_sizes_t){.hidden = 4, .gnn_hidden = 4, .n_gnn_layers = 1, .n_params = 13}, 1);
  ASSERT_OK(m4s_engine_create(run->weights, M4S_FORWARD_FAST, &run->engine));
  ASSERT_OK(m4s_topology_parse(
      "4 1 0 1 3 A100\n3\n0 3 8Gbps 10ns 0\n1 3 8Gbps 10ns 0\n2 3 8Gbps 10ns 0\n", "star",
      &run->topology));
  return run;
}

// A flow whose ideal FCT is `ideal_ns`.
static inline void scripted_flow(scripted_t *run, int32_t src, int32_t dst, int64_t start_ns,
                                 int64_t ideal_ns) {
  assert_true(run->n_flows < SCRIPTED_MAX_FLOWS);
  run->records[run->n_flows] = (m4s_flow_record_t){.id = run->n_flows,
                                                   .src = src,
                                                   .dst = dst,
                                                   .size_bytes = ideal_ns - SCRIPTED_BASE_RTT_NS,
                                                   .start_ns = start_ns,
                                                   .fct_ns = -1};
  run->n_flows++;
}

static inline void scripted_open(scripted_t *run, const scripted_line_t *script) {
  run->script = script;
  run->oracle = (harness_oracle_t){.predict = scripted_predict, .context = run};
  run->batch.engine = run->engine;
  harness_open_list(&run->sim, &run->config, run->engine, run->topology, run->records,
                    run->n_flows);
  m4s_m4_set_tracer(&run->sim.model, (m4s_m4_tracer_t){.step = scripted_trace, .context = run});
}

// Runs up to the end of the next step, or of the simulation.
static inline m4s_status_t scripted_step(scripted_t *run) {
  harness_t *sim = &run->sim;
  int n_unfinished;
  return harness_round(&sim, 1, &run->batch, &run->oracle, &n_unfinished);
}

static inline m4s_status_t scripted_finish(scripted_t *run, const scripted_line_t *script) {
  scripted_open(run, script);
  harness_t *sim = &run->sim;
  return harness_finish(&sim, 1, run->engine, &run->oracle);
}

static inline void scripted_destroy(scripted_t *run) {
  if (run->sim.run != NULL) {
    harness_close(&run->sim);
  }
  m4s_inference_batch_clear(&run->batch);
  m4s_topology_destroy(run->topology);
  m4s_engine_destroy(run->engine);
  m4s_model_destroy(run->weights);
  free(run);
}
