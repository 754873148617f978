// Steps of m4 on graphs with states of their own, and comparison of what comes out of them.
#pragma once

#include "support.h"

#include <math.h>

#include "m4/engine.h"
#include "m4/inputs.h"
#include "m4/reference.h"

// --- comparison ---

// The largest difference over the largest magnitude of `want`; infinity where any number of either
// is not finite.
static inline double forward_error(const float *got, const float *want, size_t n) {
  double error = 0;
  double magnitude = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(got[i]) || !isfinite(want[i])) {
      return INFINITY;
    }
    error = fmax(error, fabs((double)got[i] - (double)want[i]));
    magnitude = fmax(magnitude, fabs((double)want[i]));
  }
  return error == 0 ? 0 : error / magnitude;
}

// The largest error of a number relative to that number itself.
static inline double forward_error_each(const float *got, const float *want, size_t n) {
  double error = 0;
  for (size_t i = 0; i < n; i++) {
    error = fmax(error, forward_error(&got[i], &want[i], 1));
  }
  return error;
}

static inline void forward_assert_within(double error, double tolerance, const char *what,
                                         const char *file, int line) {
  if (!(error <= tolerance)) {
    print_error("%s: relative error %g, allowed %g\n", what, error, tolerance);
    _fail(file, line);
  }
}
#define ASSERT_WITHIN(error, tolerance, what) \
  forward_assert_within(error, tolerance, what, __FILE__, __LINE__)

// --- steps ---

// A step with the states before it (or, where it was run, after it) and its predictions. Free with
// forward_clear().
typedef struct {
  m4s_step_t step;  // its arrays are owned, but for the parameters
  size_t hidden;
  float *flow_states, *link_states;  // owned, [n_flows, hidden], [n_links, hidden]
} forward_t;

static inline void *forward_copy(const void *bytes, size_t n_bytes) {
  void *copy = malloc(n_bytes + 1);
  assert_non_null(copy);
  memcpy(copy, bytes, n_bytes);
  return copy;
}

static inline size_t forward_n_flow_numbers(const forward_t *forward) {
  return (size_t)forward->step.n_flows * forward->hidden;
}

static inline size_t forward_n_link_numbers(const forward_t *forward) {
  return (size_t)forward->step.n_links * forward->hidden;
}

static inline forward_t forward_clone(const forward_t *forward) {
  const m4s_step_t *step = &forward->step;
  size_t n_flows = (size_t)step->n_flows;
  size_t n_edges = (size_t)step->edge_begin[n_flows];
  forward_t clone = *forward;
  clone.step.flow_rows = forward_copy(step->flow_rows, n_flows * sizeof(int32_t));
  clone.step.link_rows = forward_copy(step->link_rows, (size_t)step->n_links * sizeof(int32_t));
  clone.step.edge_begin = forward_copy(step->edge_begin, (n_flows + 1) * sizeof(int32_t));
  clone.step.edges = forward_copy(step->edges, n_edges * sizeof(int32_t));
  clone.step.predictions_out = forward_copy(step->predictions_out, n_flows * sizeof(float));
  if (step->flow_inputs != NULL) {
    clone.step.flow_inputs =
        forward_copy(step->flow_inputs, n_flows * M4S_M4_N_FLOW_INPUTS * sizeof(float));
    clone.step.link_inputs = forward_copy(
        step->link_inputs, (size_t)step->n_links * M4S_M4_N_LINK_INPUTS * sizeof(float));
  }
  clone.flow_states =
      forward_copy(forward->flow_states, forward_n_flow_numbers(forward) * sizeof(float));
  clone.link_states =
      forward_copy(forward->link_states, forward_n_link_numbers(forward) * sizeof(float));
  return clone;
}

static inline void forward_clear(forward_t *forward) {
  free((void *)forward->step.flow_rows);
  free((void *)forward->step.link_rows);
  free((void *)forward->step.edge_begin);
  free((void *)forward->step.edges);
  free((void *)forward->step.flow_inputs);
  free((void *)forward->step.link_inputs);
  free(forward->step.predictions_out);
  free(forward->flow_states);
  free(forward->link_states);
}

// Uniform in [-1, 1].
static inline float forward_uniform(uint64_t *random) {
  return (float)((double)support_random_below(random, 1 << 24) / (1 << 23) - 1);
}

// Numbers as states have them: of the size of 1, and, in rows that have just arrived, larger.
static inline float *forward_random_states(int32_t n_rows, size_t hidden, uint64_t *random) {
  float *states = calloc((size_t)n_rows * hidden + 1, sizeof *states);
  assert_non_null(states);
  for (int32_t row = 0; row < n_rows; row++) {
    bool arrives = support_random_below(random, 4) == 0;
    for (size_t j = 0; j < hidden; j++) {
      states[(size_t)row * hidden + j] = arrives ? 0 : forward_uniform(random);
    }
    if (arrives) {
      states[(size_t)row * hidden] = 1;
      states[(size_t)row * hidden + (hidden - 1) / 2] = 12.5F * (1 + forward_uniform(random));
    }
  }
  return states;
}

// [n_rows, n_inputs], between -2 and 2.
static inline float *forward_random_inputs(int32_t n_rows, int32_t n_inputs, uint64_t *random) {
  size_t n = (size_t)n_rows * (size_t)n_inputs;
  float *inputs = calloc(n, sizeof *inputs);
  assert_non_null(inputs);
  for (size_t i = 0; i < n; i++) {
    inputs[i] = 2 * forward_uniform(random);
  }
  return inputs;
}

// Paths of 1 to 6 links; every link is crossed by a flow.
static inline void forward_random_graph(m4s_step_t *step, uint64_t *random) {
  int32_t *begin = calloc((size_t)step->n_flows + 1, sizeof *begin);
  int32_t *edges = calloc((size_t)step->n_flows * (size_t)(step->n_links + 6) + 1, sizeof *edges);
  assert_non_null(begin);
  assert_non_null(edges);
  int32_t n_edges = 0;
  for (int32_t flow = 0; flow < step->n_flows; flow++) {
    begin[flow] = n_edges;
    for (int32_t link = flow; link < step->n_links; link += step->n_flows) {
      edges[n_edges++] = link;
    }
    int64_t n_more = support_random_below(random, 6) + (n_edges == begin[flow]);
    int32_t link = (int32_t)support_random_below(random, step->n_links);
    for (int64_t i = 0; i < n_more && n_edges - begin[flow] < step->n_links; i++) {
      bool crossed = true;
      while (crossed) {
        link = (link + 1) % step->n_links;
        crossed = false;
        for (int32_t edge = begin[flow]; edge < n_edges; edge++) {
          crossed = crossed || edges[edge] == link;
        }
      }
      edges[n_edges++] = link;
    }
  }
  begin[step->n_flows] = n_edges;
  step->edge_begin = begin;
  step->edges = edges;
}

static inline forward_t forward_random(const m4s_model_t *model, const float *params,
                                       int32_t n_flows, int32_t n_links, float dt_us,
                                       uint64_t *random) {
  forward_t forward = {.step = {.params = params,
                                .dt_us = dt_us,
                                .n_flows = n_flows,
                                .n_links = n_links,
                                .flow_rows = calloc((size_t)n_flows, sizeof(int32_t)),
                                .link_rows = calloc((size_t)n_links, sizeof(int32_t)),
                                .predictions_out = calloc((size_t)n_flows, sizeof(float))},
                       .hidden = (size_t)model->hidden};
  assert_non_null(forward.step.flow_rows);
  assert_non_null(forward.step.link_rows);
  assert_non_null(forward.step.predictions_out);
  forward_random_graph(&forward.step, random);
  forward.flow_states = forward_random_states(n_flows, forward.hidden, random);
  forward.link_states = forward_random_states(n_links, forward.hidden, random);
  if (model->inputs == M4S_INPUTS_FLUID) {
    forward.step.flow_inputs = forward_random_inputs(n_flows, model->n_flow_inputs, random);
    forward.step.link_inputs = forward_random_inputs(n_links, model->n_link_inputs, random);
  }
  return forward;
}

// --- evaluation ---

static inline void forward_run_reference(const m4s_model_t *model, forward_t *forward) {
  ASSERT_OK(m4s_reference_step(model, &forward->step, forward->flow_states, forward->link_states));
}

// Rows for a step's flows and links, holding its states.
static inline void forward_enter(m4s_engine_t *engine, forward_t *forward) {
  for (int32_t i = 0; i < forward->step.n_flows; i++) {
    ASSERT_OK(m4s_engine_take_flow_row(engine, (int32_t *)&forward->step.flow_rows[i]));
    ASSERT_OK(m4s_engine_write_flow(engine, forward->step.flow_rows[i],
                                    forward->flow_states + (size_t)i * forward->hidden));
  }
  for (int32_t i = 0; i < forward->step.n_links; i++) {
    ASSERT_OK(m4s_engine_take_link_row(engine, (int32_t *)&forward->step.link_rows[i]));
    ASSERT_OK(m4s_engine_write_link(engine, forward->step.link_rows[i],
                                    forward->link_states + (size_t)i * forward->hidden));
  }
}

static inline void forward_read_states(m4s_engine_t *engine, forward_t *forward) {
  for (int32_t i = 0; i < forward->step.n_flows; i++) {
    ASSERT_OK(m4s_engine_read_flow(engine, forward->step.flow_rows[i],
                                   forward->flow_states + (size_t)i * forward->hidden));
  }
  for (int32_t i = 0; i < forward->step.n_links; i++) {
    ASSERT_OK(m4s_engine_read_link(engine, forward->step.link_rows[i],
                                   forward->link_states + (size_t)i * forward->hidden));
  }
}

static inline void forward_leave(m4s_engine_t *engine, const forward_t *forward) {
  for (int32_t i = 0; i < forward->step.n_flows; i++) {
    m4s_engine_release_flow_row(engine, forward->step.flow_rows[i]);
  }
  for (int32_t i = 0; i < forward->step.n_links; i++) {
    m4s_engine_release_link_row(engine, forward->step.link_rows[i]);
  }
}

// Evaluates steps together, in the order of `steps`; their rows are taken and given back.
static inline void forward_run_batch(m4s_engine_t *engine, forward_t *const *steps, size_t n) {
  m4s_inference_batch_t batch = {.engine = engine};
  for (size_t i = 0; i < n; i++) {
    forward_enter(engine, steps[i]);
    ASSERT_OK(m4s_inference_batch_add(&batch, &steps[i]->step));
  }
  assert_int_equal(batch.n_steps, n);
  ASSERT_OK(m4s_engine_evaluate(engine, &batch));
  assert_int_equal(batch.n_steps, 0);
  assert_int_equal(batch.n_flow_rows + batch.n_link_rows, 0);
  m4s_inference_batch_clear(&batch);
  for (size_t i = 0; i < n; i++) {
    forward_read_states(engine, steps[i]);
    forward_leave(engine, steps[i]);
  }
}

static inline void forward_run(m4s_engine_t *engine, forward_t *forward) {
  forward_run_batch(engine, &forward, 1);
}

// All states and slowdowns are the same bytes.
static inline bool forward_equal(const forward_t *a, const forward_t *b) {
  return memcmp(a->flow_states, b->flow_states, forward_n_flow_numbers(a) * sizeof(float)) == 0 &&
         memcmp(a->link_states, b->link_states, forward_n_link_numbers(a) * sizeof(float)) == 0 &&
         memcmp(a->step.predictions_out, b->step.predictions_out,
                (size_t)a->step.n_flows * sizeof(float)) == 0;
}
