#include "train/forced.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  const m4s_scenario_t *scenario;
  m4s_engine_t *engine;
  m4s_replay_t *replay;  // owned
  m4s_inference_batch_t batch;
  m4s_forced_fct_t *fcts;  // [n_flows]
  double *weights;  // owned, [n_flows]: sums over the flow's steps so far
} forcing_t;

static m4s_status_t take_flow(forcing_t *forcing, int32_t i, const m4s_step_labels_t *labels,
                              double prediction) {
  int32_t id = labels->flows[i];
  double weight = (double)labels->weights[i];
  m4s_forced_fct_t *fct = &forcing->fcts[id];
  if (!isfinite(prediction)) {
    return m4s_fail(M4S_ERR_SIMULATION, "flow %d: the network's prediction is not finite", id);
  }
  double fct_ns = fmax(m4s_replay_fct_ns(forcing->replay, i, prediction),
                       (double)forcing->scenario->records[id].ideal_fct_ns);
  if (fct->first_ns < 0) {
    *fct = (m4s_forced_fct_t){.first_ns = fct_ns, .mean_ns = fct_ns};
  }
  // The mean so far moves towards the prediction.
  forcing->weights[id] += weight;
  if (weight > 0) {
    fct->mean_ns += weight / forcing->weights[id] * (fct_ns - fct->mean_ns);
  }
  return M4S_OK;
}

static m4s_status_t take_step(forcing_t *forcing, const m4s_step_labels_t *labels) {
  const float *predictions = forcing->batch.steps[0].predictions_out;
  M4S_TRY(m4s_engine_evaluate(forcing->engine, &forcing->batch));
  for (int32_t i = 0; i < labels->n_flows; i++) {
    M4S_TRY(take_flow(forcing, i, labels, (double)predictions[i]));
  }
  return M4S_OK;
}

static m4s_status_t force(forcing_t *forcing, const m4s_m4_config_t *config) {
  // All flows are replayed at once, which needs no list of busy periods.
  const m4s_periods_t periods = {0};
  m4s_step_labels_t labels;
  bool more = true;
  forcing->weights = calloc((size_t)forcing->scenario->n_flows + 1, sizeof *forcing->weights);
  if (forcing->weights == NULL) {
    return m4s_fail_memory("flows");
  }
  M4S_TRY(m4s_replay_create(forcing->scenario, &periods, -1, config, forcing->engine,
                            &forcing->replay));
  while (more) {
    M4S_TRY(m4s_replay_next(forcing->replay, &forcing->batch, &labels, &more));
    M4S_TRY(more ? take_step(forcing, &labels) : M4S_OK);
  }
  return M4S_OK;
}

m4s_status_t m4s_forced_fcts(const m4s_scenario_t *scenario, const m4s_m4_config_t *config,
                             m4s_engine_t *engine, m4s_forced_fct_t *fcts_out) {
  forcing_t forcing = {
      .scenario = scenario, .engine = engine, .batch = {.engine = engine}, .fcts = fcts_out};
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    fcts_out[i] = (m4s_forced_fct_t){-1, -1};
  }
  m4s_status_t status = force(&forcing, config);
  m4s_replay_destroy(forcing.replay);
  m4s_inference_batch_clear(&forcing.batch);
  free(forcing.weights);
  return status;
}
