// Batches of steps of several simulations side by side, as training sees them: flows come and go,
// links are shared and fall idle, rows are used again, steps leave flows and whole simulations out.
// The same for the same seed.
#pragma once

#include "support.h"

#include <math.h>

#include "m4/engine.h"
#include "train/tape.h"

enum {
  SCENARIO_SIMULATIONS = 3,
  SCENARIO_FLOWS = 7,  // of a simulation at a time, at most
  SCENARIO_LINKS = 6,  // of a simulation's network
  SCENARIO_PATH = 4,
  SCENARIO_MAX_PARAMS = 16,
  SCENARIO_MAX_INPUTS = 64,
};

typedef struct {
  int32_t row, n_links;
  int32_t links[SCENARIO_PATH];
} scenario_flow_t;

// The arrays of a step.
typedef struct {
  int32_t flow_rows[SCENARIO_FLOWS], link_rows[SCENARIO_LINKS];
  int32_t edge_begin[SCENARIO_FLOWS + 1], edges[SCENARIO_FLOWS * SCENARIO_PATH];
  float flow_inputs[SCENARIO_FLOWS * SCENARIO_MAX_INPUTS];
  float link_inputs[SCENARIO_LINKS * SCENARIO_MAX_INPUTS];
  float predictions[SCENARIO_FLOWS];
} scenario_arrays_t;

typedef struct {
  scenario_flow_t flows[SCENARIO_FLOWS];
  int32_t n_flows;
  int32_t link_rows[SCENARIO_LINKS];  // -1: none yet
  int32_t link_flows[SCENARIO_LINKS];
  float params[SCENARIO_MAX_PARAMS];
  scenario_arrays_t arrays;
} scenario_simulation_t;

// An input that is changed: number `index` of those of the round's first step.
typedef struct {
  int round;
  bool link;
  int32_t index;
  float by;
} scenario_change_t;

typedef struct {
  const m4s_model_t *model;
  m4s_forward_t forward;
  uint64_t seed;
  int n_rounds;
  const scenario_change_t *change;  // may be NULL
  // Gets each round's batch; the engine's rows are as they are before it is evaluated.
  void (*visit)(void *context, int round, m4s_inference_batch_t *batch);
  void *context;
} scenario_t;

// A multiple of 2^-10 in [-bound, bound), a power of 2.
static inline float scenario_number(uint64_t *random, int64_t bound) {
  return (float)(support_random_below(random, bound << 11) - (bound << 10)) / 1024;
}

static inline void scenario_arrive(const scenario_t *scenario, m4s_engine_t *engine,
                                   scenario_simulation_t *simulation, uint64_t *random) {
  scenario_flow_t *flow = &simulation->flows[simulation->n_flows++];
  flow->n_links = 1 + (int32_t)support_random_below(random, SCENARIO_PATH);
  int32_t first = (int32_t)support_random_below(random, SCENARIO_LINKS);
  ASSERT_OK(m4s_engine_take_flow_row(engine, &flow->row));
  m4s_engine_reset_flow(engine, flow->row, 1 + support_random_below(random, 100000), flow->n_links);
  for (int32_t i = 0; i < flow->n_links; i++) {
    int32_t link = (first + i) % SCENARIO_LINKS;
    flow->links[i] = link;
    simulation->link_flows[link]++;
    if (simulation->link_rows[link] < 0) {
      ASSERT_OK(m4s_engine_take_link_row(engine, &simulation->link_rows[link]));
      m4s_engine_reset_link(engine, simulation->link_rows[link]);
    }
  }
  (void)scenario;
}

// A link that falls idle is reset, or its row given back.
static inline void scenario_leave(m4s_engine_t *engine, scenario_simulation_t *simulation,
                                  int32_t i, uint64_t *random) {
  scenario_flow_t *flow = &simulation->flows[i];
  m4s_engine_release_flow_row(engine, flow->row);
  for (int32_t k = 0; k < flow->n_links; k++) {
    int32_t link = flow->links[k];
    if (--simulation->link_flows[link] > 0) {
      continue;
    }
    if (support_random_below(random, 2) == 0) {
      m4s_engine_reset_link(engine, simulation->link_rows[link]);
    } else {
      m4s_engine_release_link_row(engine, simulation->link_rows[link]);
      simulation->link_rows[link] = -1;
    }
  }
  *flow = simulation->flows[--simulation->n_flows];
}

// A step over some of the flows, at least one.
static inline m4s_step_t scenario_step(const scenario_t *scenario,
                                       scenario_simulation_t *simulation, uint64_t *random) {
  static const float dts_us[] = {0, 0.5F, 1.75F, 3};
  const m4s_model_t *model = scenario->model;
  scenario_arrays_t *arrays = &simulation->arrays;
  m4s_step_t step = {.params = simulation->params,
                     .dt_us = dts_us[support_random_below(random, 4)],
                     .flow_rows = arrays->flow_rows,
                     .link_rows = arrays->link_rows,
                     .edge_begin = arrays->edge_begin,
                     .edges = arrays->edges,
                     .predictions_out = arrays->predictions};
  int32_t places[SCENARIO_LINKS];  // of the network's links in the step
  int32_t n_edges = 0;
  memset(places, -1, sizeof places);
  for (int32_t i = 0; i < simulation->n_flows; i++) {
    const scenario_flow_t *flow = &simulation->flows[i];
    if (support_random_below(random, 4) == 0 && step.n_flows > 0) {
      continue;
    }
    for (int32_t k = 0; k < flow->n_links; k++) {
      int32_t link = flow->links[k];
      if (places[link] < 0) {
        arrays->link_rows[step.n_links] = simulation->link_rows[link];
        places[link] = step.n_links++;
      }
      arrays->edges[n_edges++] = places[link];
    }
    arrays->flow_rows[step.n_flows++] = flow->row;
    arrays->edge_begin[step.n_flows] = n_edges;
  }
  if (model->inputs == M4S_INPUTS_FLUID) {
    assert_in_range(model->n_flow_inputs, 1, SCENARIO_MAX_INPUTS);
    assert_in_range(model->n_link_inputs, 1, SCENARIO_MAX_INPUTS);
    for (int32_t i = 0; i < step.n_flows * model->n_flow_inputs; i++) {
      arrays->flow_inputs[i] = scenario_number(random, 2);
    }
    for (int32_t i = 0; i < step.n_links * model->n_link_inputs; i++) {
      arrays->link_inputs[i] = scenario_number(random, 2);
    }
    step.flow_inputs = arrays->flow_inputs;
    step.link_inputs = arrays->link_inputs;
  }
  return step;
}

static inline void scenario_advance(const scenario_t *scenario, int round, m4s_engine_t *engine,
                                    scenario_simulation_t *simulation, uint64_t *random,
                                    m4s_inference_batch_t *batch) {
  int64_t n_arrivals = round == 0 ? 3 : support_random_below(random, 3);
  for (int64_t i = 0; i < n_arrivals && simulation->n_flows < SCENARIO_FLOWS; i++) {
    scenario_arrive(scenario, engine, simulation, random);
  }
  if (support_random_below(random, 3) == 0 && simulation->n_flows > 0) {
    int32_t i = (int32_t)support_random_below(random, simulation->n_flows);
    scenario_leave(engine, simulation, i, random);
  }
  if (simulation->n_flows > 0 && support_random_below(random, 5) > 0) {
    m4s_step_t step = scenario_step(scenario, simulation, random);
    ASSERT_OK(m4s_inference_batch_add(batch, &step));
  }
}

static inline void scenario_change(const scenario_change_t *change,
                                   const m4s_inference_batch_t *batch) {
  const m4s_step_t *step = &batch->steps[0];
  float *inputs = (float *)(change->link ? step->link_inputs : step->flow_inputs);
  inputs[change->index] += change->by;
}

static inline void scenario_run(const scenario_t *scenario) {
  uint64_t random = scenario->seed;
  m4s_engine_t *engine = NULL;
  ASSERT_OK(m4s_engine_create(scenario->model, scenario->forward, &engine));
  scenario_simulation_t *simulations = calloc(SCENARIO_SIMULATIONS, sizeof *simulations);
  assert_non_null(simulations);
  for (int i = 0; i < SCENARIO_SIMULATIONS; i++) {
    memset(simulations[i].link_rows, -1, sizeof simulations[i].link_rows);
    for (int k = 0; k < SCENARIO_MAX_PARAMS; k++) {
      simulations[i].params[k] = scenario_number(&random, 1);
    }
  }
  m4s_inference_batch_t batch = {.engine = engine};
  for (int round = 0; round < scenario->n_rounds; round++) {
    for (int i = 0; i < SCENARIO_SIMULATIONS; i++) {
      scenario_advance(scenario, round, engine, &simulations[i], &random, &batch);
    }
    if (scenario->change != NULL && scenario->change->round == round) {
      scenario_change(scenario->change, &batch);
    }
    scenario->visit(scenario->context, round, &batch);
    batch.n_steps = 0;
    batch.n_flow_rows = batch.n_link_rows = 0;
  }
  m4s_inference_batch_clear(&batch);
  free(simulations);
  m4s_engine_destroy(engine);
}

// --- networks ---

// Initial weights, those of the norms too moved away from 1 and 0, all multiples of 2^-20.
static inline m4s_parameters_t *scenario_parameters(const m4s_network_sizes_t *sizes,
                                                    uint64_t seed) {
  m4s_parameters_t *parameters = NULL;
  ASSERT_OK(m4s_parameters_create(sizes, &parameters));
  m4s_parameters_init(parameters, seed);
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    bool norm = strstr(parameters->tensors[i].name, ".norm.") != NULL;
    float *values = parameters->values + m4s_parameters_begin(parameters, i);
    for (int64_t k = 0; k < m4s_parameters_count(parameters, i); k++) {
      float value = values[k] + (norm ? scenario_number(&seed, 1) / 4 : 0);
      values[k] = rintf(value * 0x1p20F) * 0x1p-20F;
    }
  }
  return parameters;
}

// --- losses ---

typedef enum {
  SCENARIO_PREDICTION,
  SCENARIO_REMAINING,
  SCENARIO_QUEUE,
  SCENARIO_OUTPUTS
} scenario_output_t;

// Each output y adds slope y + curve y^2 / 2 to the loss.
typedef struct {
  double slope, curve;
} scenario_loss_t;

static inline scenario_loss_t scenario_loss(int round, scenario_output_t output, int32_t i) {
  uint64_t random = (uint64_t)round << 40 | (uint64_t)output << 32 | (uint64_t)i;
  return (scenario_loss_t){.slope = (double)scenario_number(&random, 1),
                           .curve = (double)scenario_number(&random, 1)};
}

// What a record has of an output; NULL: nothing.
static inline const double *scenario_outputs(const m4s_tape_record_t *record,
                                             scenario_output_t output) {
  const double *const outputs[] = {record->predictions, record->remaining, record->queues};
  return outputs[output];
}

static inline double *scenario_derivatives(const m4s_tape_record_t *record,
                                           scenario_output_t output) {
  double *const derivatives[] = {record->d_predictions, record->d_remaining, record->d_queues};
  return derivatives[output];
}

// Sets the derivatives and returns the loss of a round.
static inline double scenario_lose(int round, const m4s_tape_record_t *record) {
  double loss = 0;
  for (int output = 0; output < SCENARIO_OUTPUTS; output++) {
    const double *y = scenario_outputs(record, output);
    double *d = scenario_derivatives(record, output);
    int32_t n = output == SCENARIO_QUEUE ? record->n_links : record->n_flows;
    for (int32_t i = 0; i < n && y != NULL; i++) {
      scenario_loss_t terms = scenario_loss(round, output, i);
      assert_true(isfinite(y[i]));
      assert_true(d[i] == 0);
      loss += terms.slope * y[i] + terms.curve * y[i] * y[i] / 2;
      d[i] = terms.slope + terms.curve * y[i];
    }
  }
  return loss;
}
