#include "train/lesson.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  const m4s_lesson_t *lesson;
  bool fluid;
  bool back;  // gradients are wanted
  m4s_inference_batch_t batch;
  m4s_tape_record_t *records;  // owned, [n_records]
  int64_t n_records;
  m4s_lesson_sums_t sums;
} window_t;

static double sign(double x) { return (x > 0) - (x < 0); }

// The derivative of |output - wanted| weighted, for outputs that are logarithms, or of
// |slowdown / true slowdown - 1|.
static double judge(window_t *window, double output, double wanted, double weight) {
  m4s_lesson_sums_t *sums = &window->sums;
  double difference = window->fluid ? output - wanted : output / wanted - 1;
  sums->weight += weight;
  sums->loss += weight * fabs(difference);
  sums->silent_loss += window->fluid ? weight * fabs(wanted) : 0;
  return weight * sign(difference) / (window->fluid ? 1 : wanted);
}

double m4s_lesson_deviance(double output, double sent, double *slope_out) {
  double said = exp(-output);
  *slope_out = sent - said;
  return said + sent * output + (sent > 0 ? sent * log(sent) - sent : 0);
}

// The same for what a flow sends; `due`: what a ratio of 1 would send until the next step.
static double judge_sent(window_t *window, double output, double sent, double weight, double due) {
  m4s_lesson_sums_t *sums = &window->sums;
  double slope, silent_slope;
  sums->weight += weight;
  sums->loss += due * m4s_lesson_deviance(output, sent, &slope);
  sums->silent_loss += due * m4s_lesson_deviance(0, sent, &silent_slope);
  return due * slope;
}

static void judge_flows(window_t *window, const m4s_tape_record_t *record, int32_t first,
                        const m4s_step_labels_t *labels) {
  for (int32_t i = 0; i < labels->n_flows; i++) {
    int32_t row = first + i;
    double weight = (double)labels->weights[i];
    record->d_predictions[row] =
        labels->sent != NULL && labels->sent[i] >= 0
            ? judge_sent(window, record->predictions[row], (double)labels->sent[i], weight,
                         (double)labels->due[i])
            : judge(window, record->predictions[row], (double)labels->predictions[i], weight);
    if (labels->remaining != NULL && record->remaining != NULL) {
      double difference = record->remaining[row] - (double)labels->remaining[i];
      window->sums.n_remaining += weight;
      window->sums.remaining_loss += weight * fabs(difference);
      record->d_remaining[row] = weight * sign(difference);
    }
  }
}

static void judge_links(window_t *window, const m4s_tape_record_t *record, int32_t first,
                        const m4s_step_labels_t *labels) {
  if (labels->queues == NULL || record->queues == NULL) {
    return;
  }
  for (int32_t i = 0; i < labels->n_links; i++) {
    double difference = record->queues[first + i] - (double)labels->queues[i];
    window->sums.n_queues++;
    window->sums.queue_loss += fabs(difference);
    record->d_queues[first + i] = sign(difference);
  }
}

static void widen(float *range, int32_t n_inputs, const float *inputs, int32_t n_rows) {
  for (int32_t row = 0; row < n_rows; row++) {
    for (int32_t i = 0; i < n_inputs; i++) {
      float x = inputs[(size_t)row * (size_t)n_inputs + (size_t)i];
      range[i] = x < range[i] ? x : range[i];
      range[n_inputs + i] = x > range[n_inputs + i] ? x : range[n_inputs + i];
    }
  }
}

static void note_ranges(const window_t *window) {
  const m4s_lesson_t *lesson = window->lesson;
  const m4s_model_t *model = m4s_engine_model(lesson->engine);
  for (int32_t i = 0; window->fluid && lesson->flow_range != NULL && i < window->batch.n_steps;
       i++) {
    const m4s_step_t *step = &window->batch.steps[i];
    widen(lesson->flow_range, model->n_flow_inputs, step->flow_inputs, step->n_flows);
    widen(lesson->link_range, model->n_link_inputs, step->link_inputs, step->n_links);
  }
}

// `record` NULL: those of a network that always says 0.
static void tell_predictions(const m4s_inference_batch_t *batch, const m4s_tape_record_t *record) {
  for (int32_t i = 0; i < batch->n_steps; i++) {
    const m4s_step_t *step = &batch->steps[i];
    for (int32_t j = 0; j < step->n_flows; j++) {
      step->predictions_out[j] =
          record == NULL ? 0 : (float)record->predictions[record->flow_begin[i] + j];
    }
  }
}

// One step of all lanes; *more_out: there was one.
static m4s_status_t go_forward(window_t *window, m4s_lanes_t *lanes, bool *more_out) {
  const m4s_step_labels_t *labels;
  m4s_inference_batch_t *batch = &window->batch;
  batch->n_steps = 0;
  batch->n_flow_rows = batch->n_link_rows = 0;
  M4S_TRY(m4s_lanes_next(lanes, batch, &labels));
  *more_out = batch->n_steps > 0;
  if (!*more_out) {
    return M4S_OK;
  }
  if (window->lesson->silent) {
    tell_predictions(batch, NULL);
    return M4S_OK;
  }
  m4s_tape_record_t *record = &window->records[window->n_records];
  M4S_TRY(m4s_tape_forward(window->lesson->tape, batch, record));
  window->n_records++;
  tell_predictions(batch, record);
  for (int32_t i = 0; i < batch->n_steps; i++) {
    judge_flows(window, record, record->flow_begin[i], &labels[i]);
    judge_links(window, record, record->link_begin[i], &labels[i]);
  }
  if (!isfinite(window->sums.loss)) {
    return m4s_fail(M4S_ERR_SIMULATION, "the loss is not finite: the network has diverged");
  }
  note_ranges(window);
  window->sums.n_steps += batch->n_steps;
  window->sums.n_rows += batch->n_flow_rows + batch->n_link_rows;
  return M4S_OK;
}

static void scale(double *values, int32_t n, double factor) {
  for (int32_t i = 0; values != NULL && i < n; i++) {
    values[i] *= factor;
  }
}

// From sums of losses to the window's mean loss.
static void scale_derivatives(const window_t *window) {
  const m4s_lesson_t *lesson = window->lesson;
  const m4s_lesson_sums_t *sums = &window->sums;
  double of_remaining = sums->n_remaining > 0 ? lesson->remaining_weight / sums->n_remaining : 0;
  double of_queue = sums->n_queues > 0 ? lesson->queue_weight / sums->n_queues : 0;
  for (int64_t i = 0; i < window->n_records; i++) {
    const m4s_tape_record_t *record = &window->records[i];
    scale(record->d_predictions, record->n_flows, sums->weight > 0 ? 1 / sums->weight : 0);
    scale(record->d_remaining, record->n_flows, of_remaining);
    scale(record->d_queues, record->n_links, of_queue);
  }
}

static m4s_status_t run_window(window_t *window, m4s_lanes_t *lanes, int64_t n_steps,
                               double *gradients, bool *more_out) {
  *more_out = true;
  while (*more_out && window->n_records < n_steps) {
    M4S_TRY(go_forward(window, lanes, more_out));
    if (!window->back) {
      m4s_tape_cut(window->lesson->tape);
      window->n_records = 0;
      n_steps--;
    }
  }
  if (!window->back || window->n_records == 0) {
    return M4S_OK;
  }
  scale_derivatives(window);
  return m4s_tape_backward(window->lesson->tape, gradients);
}

static void add_sums(m4s_lesson_sums_t *sums, const m4s_lesson_sums_t *more) {
  sums->weight += more->weight;
  sums->loss += more->loss;
  sums->silent_loss += more->silent_loss;
  sums->n_remaining += more->n_remaining;
  sums->remaining_loss += more->remaining_loss;
  sums->n_queues += more->n_queues;
  sums->queue_loss += more->queue_loss;
  sums->n_rows += more->n_rows;
  sums->n_steps += more->n_steps;
}

m4s_status_t m4s_lesson_window(const m4s_lesson_t *lesson, m4s_lanes_t *lanes, int64_t n_steps,
                               double *gradients, m4s_lesson_sums_t *sums, bool *more_out) {
  window_t window = {.lesson = lesson,
                     .fluid = m4s_engine_model(lesson->engine)->inputs == M4S_INPUTS_FLUID,
                     .back = gradients != NULL,
                     .batch = {.engine = lesson->engine},
                     .records = calloc((size_t)n_steps, sizeof *window.records)};
  m4s_status_t status = window.records == NULL
                            ? m4s_fail_memory("a window")
                            : run_window(&window, lanes, n_steps, gradients, more_out);
  if (status == M4S_OK) {
    add_sums(sums, &window.sums);
  }
  m4s_inference_batch_clear(&window.batch);
  free(window.records);
  return status;
}
