#include "m4/cuda/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "m4/cuda/forward.h"
#include "m4/reference.h"

enum { PATH_LINKS = 3, CHECKED_FLOWS = 20, LEAST_ROWS = 512, MOST_ROWS = 16384, N_REPEATS = 3 };

static const double GOOD_RATE = 0.9;  // of the best

// A step of `n_flows` flows over half as many links.
typedef struct {
  m4s_engine_t *engine;
  m4s_step_t step;
  void *memory;  // owned: the step's arrays and states
  float *flow_states, *link_states;  // [n_flows, hidden], [n_links, hidden]
  int32_t *flow_rows, *link_rows;
  int32_t n_flow_rows, n_link_rows;  // taken
} trial_t;

// Different ones for different i, from -1 to 1.
static float wave(size_t i) { return (float)sin(1.7 * (double)i + 0.3); }

static void fill(float *numbers, size_t n) {
  for (size_t i = 0; i < n; i++) {
    numbers[i] = wave(i);
  }
}

static void fill_graph(int32_t n_flows, int32_t n_links, int32_t *begin, int32_t *edges) {
  for (int32_t i = 0; i < n_flows; i++) {
    begin[i] = PATH_LINKS * i;
    for (int32_t hop = 0; hop < PATH_LINKS; hop++) {
      edges[PATH_LINKS * i + hop] = (int32_t)(((int64_t)i * 7 + hop * (n_links / 3)) % n_links);
    }
  }
  begin[n_flows] = PATH_LINKS * n_flows;
}

static m4s_status_t make(m4s_engine_t *engine, int32_t n_flows, trial_t *trial) {
  const m4s_model_t *model = m4s_engine_model(engine);
  size_t flows = (size_t)n_flows;
  size_t links = flows / 2;
  size_t n_flow_inputs = flows * (size_t)model->n_flow_inputs;
  size_t n_link_inputs = links * (size_t)model->n_link_inputs;
  size_t n_states = (flows + links) * (size_t)model->hidden;
  size_t n_floats = n_flow_inputs + n_link_inputs + n_states + flows + (size_t)model->n_params;
  size_t n_whole = flows + links + flows + 1 + PATH_LINKS * flows;
  *trial = (trial_t){.engine = engine, .memory = calloc(n_floats + n_whole, sizeof(float))};
  if (trial->memory == NULL) {
    return m4s_fail_memory("a step");
  }
  float *numbers = trial->memory;
  fill(numbers, n_floats);
  trial->flow_states = numbers;
  trial->link_states = numbers + flows * (size_t)model->hidden;
  const float *flow_inputs = numbers += n_states;
  const float *link_inputs = numbers += n_flow_inputs;
  float *predictions = numbers += n_link_inputs;
  const float *params = numbers += flows;
  trial->flow_rows = (int32_t *)(numbers + model->n_params);
  trial->link_rows = trial->flow_rows + flows;
  int32_t *begin = trial->link_rows + links;
  int32_t *edges = begin + flows + 1;
  fill_graph(n_flows, (int32_t)links, begin, edges);
  bool fluid = model->inputs == M4S_INPUTS_FLUID;
  trial->step = (m4s_step_t){.params = params,
                             .dt_us = 2.5F,
                             .n_flows = n_flows,
                             .n_links = (int32_t)links,
                             .flow_rows = trial->flow_rows,
                             .link_rows = trial->link_rows,
                             .edge_begin = begin,
                             .edges = edges,
                             .flow_inputs = fluid ? flow_inputs : NULL,
                             .link_inputs = fluid ? link_inputs : NULL,
                             .predictions_out = predictions};
  return M4S_OK;
}

static m4s_status_t take_rows(trial_t *trial) {
  for (; trial->n_flow_rows < trial->step.n_flows; trial->n_flow_rows++) {
    int32_t *row = &trial->flow_rows[trial->n_flow_rows];
    M4S_TRY(m4s_engine_take_flow_row(trial->engine, row));
    m4s_engine_reset_flow(trial->engine, *row, 4096, PATH_LINKS);
  }
  for (; trial->n_link_rows < trial->step.n_links; trial->n_link_rows++) {
    int32_t *row = &trial->link_rows[trial->n_link_rows];
    M4S_TRY(m4s_engine_take_link_row(trial->engine, row));
    m4s_engine_reset_link(trial->engine, *row);
  }
  return M4S_OK;
}

static void clear(trial_t *trial) {
  while (trial->n_flow_rows > 0) {
    m4s_engine_release_flow_row(trial->engine, trial->flow_rows[--trial->n_flow_rows]);
  }
  while (trial->n_link_rows > 0) {
    m4s_engine_release_link_row(trial->engine, trial->link_rows[--trial->n_link_rows]);
  }
  free(trial->memory);
}

static m4s_status_t evaluate(const trial_t *trial) {
  m4s_inference_batch_t batch = {.engine = trial->engine};
  m4s_status_t status = m4s_inference_batch_add(&batch, &trial->step);
  if (status == M4S_OK) {
    status = m4s_engine_evaluate(trial->engine, &batch);
  }
  m4s_inference_batch_clear(&batch);
  return status;
}

// --- agreement ---

static m4s_status_t compare(const float *got, const float *want, size_t n, double tolerance,
                            const char *what) {
  double largest = 0;
  for (size_t i = 0; i < n; i++) {
    largest = fmax(largest, fabs((double)want[i]));
  }
  for (size_t i = 0; i < n; i++) {
    double difference = fabs((double)got[i] - (double)want[i]);
    if (!(difference <= tolerance * largest)) {
      return m4s_fail(M4S_ERR_DEVICE,
                      "the GPU computes something else than the CPU: %s %g instead of %g", what,
                      (double)got[i], (double)want[i]);
    }
  }
  return M4S_OK;
}

static m4s_status_t check_states(const trial_t *trial, double tolerance) {
  const m4s_model_t *model = m4s_engine_model(trial->engine);
  size_t hidden = (size_t)model->hidden;
  float *state = malloc(hidden * sizeof *state);
  m4s_status_t status = state == NULL ? m4s_fail_memory("a state") : M4S_OK;
  for (int32_t i = 0; status == M4S_OK && i < trial->step.n_flows; i++) {
    status = m4s_engine_read_flow(trial->engine, trial->flow_rows[i], state);
    if (status == M4S_OK) {
      status = compare(state, trial->flow_states + (size_t)i * hidden, hidden, tolerance,
                       "a flow's state is");
    }
  }
  for (int32_t i = 0; status == M4S_OK && i < trial->step.n_links; i++) {
    status = m4s_engine_read_link(trial->engine, trial->link_rows[i], state);
    if (status == M4S_OK) {
      status = compare(state, trial->link_states + (size_t)i * hidden, hidden, tolerance,
                       "a link's state is");
    }
  }
  free(state);
  return status;
}

static m4s_status_t write_states(const trial_t *trial) {
  size_t hidden = (size_t)m4s_engine_model(trial->engine)->hidden;
  for (int32_t i = 0; i < trial->step.n_flows; i++) {
    M4S_TRY(m4s_engine_write_flow(trial->engine, trial->flow_rows[i],
                                  trial->flow_states + (size_t)i * hidden));
  }
  for (int32_t i = 0; i < trial->step.n_links; i++) {
    M4S_TRY(m4s_engine_write_link(trial->engine, trial->link_rows[i],
                                  trial->link_states + (size_t)i * hidden));
  }
  return M4S_OK;
}

// `want`: [n_flows].
static m4s_status_t check(trial_t *trial, double tolerance, float *want) {
  size_t n = (size_t)trial->step.n_flows;
  M4S_TRY(take_rows(trial));
  M4S_TRY(write_states(trial));
  M4S_TRY(evaluate(trial));
  m4s_step_t reference = trial->step;
  reference.predictions_out = want;
  M4S_TRY(m4s_reference_step(m4s_engine_model(trial->engine), &reference, trial->flow_states,
                             trial->link_states));
  M4S_TRY(compare(trial->step.predictions_out, want, n, tolerance, "a prediction is"));
  return check_states(trial, tolerance);
}

m4s_status_t m4s_gpu_check(m4s_engine_t *engine, double tolerance) {
  trial_t trial;
  float want[CHECKED_FLOWS];
  M4S_TRY(make(engine, CHECKED_FLOWS, &trial));
  m4s_status_t status = check(&trial, tolerance, want);
  clear(&trial);
  return status;
}

// --- speed ---

// Rows per second, of the fastest of some evaluations.
static m4s_status_t measure(m4s_engine_t *engine, int32_t n_rows, double *rate_out) {
  trial_t trial;
  double rate = 0;
  M4S_TRY(make(engine, n_rows * 2 / 3, &trial));
  m4s_status_t status = take_rows(&trial);
  for (int i = 0; status == M4S_OK && i <= N_REPEATS; i++) {
    double start_s = m4s_now_s();
    status = evaluate(&trial);
    double s = m4s_now_s() - start_s;
    rate = i > 0 && s > 0 ? fmax(rate, n_rows / s) : rate;  // the first one records
  }
  clear(&trial);
  if (status == M4S_OK) {
    *rate_out = rate;
  }
  return status;
}

m4s_status_t m4s_gpu_find_full_rows(m4s_engine_t *engine, int32_t *n_rows_out) {
  double rates[32];
  double best = 0;
  int n = 0;
  int32_t most = m4s_gpu_forward_max_rows(m4s_engine_gpu(engine));
  for (int32_t rows = LEAST_ROWS; rows <= MOST_ROWS && (n == 0 || rows <= most); rows *= 2) {
    M4S_TRY(measure(engine, rows, &rates[n]));
    best = fmax(best, rates[n++]);
  }
  int i = 0;
  while (i < n - 1 && rates[i] < GOOD_RATE * best) {
    i++;
  }
  *n_rows_out = LEAST_ROWS << i;
  return M4S_OK;
}
