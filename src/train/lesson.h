// Windows of steps over sequences side by side: forward, what the network says against what it
// should say, and back.
#pragma once

#include "train/sequences.h"
#include "train/tape.h"

// Sums over rows.
typedef struct {
  double weight,
      loss;  // of flows' weights; of the losses times them, of deviances times what is due
  double
      silent_loss;  // with fluid inputs: the same for outputs of 0, which leave flows max-min fair
  double n_remaining, remaining_loss;  // weights of flows, times
  double n_queues, queue_loss;  // links, over
  int64_t n_rows, n_steps;
} m4s_lesson_sums_t;

typedef struct {
  m4s_tape_t *tape;  // borrowed, as all
  m4s_engine_t *engine;
  double remaining_weight, queue_weight;
  bool silent;  // only replays, with a network that always says 0; no gradients, no sums
  // [2, n_flow_inputs], [2, n_link_inputs]: least and greatest of all inputs so far; NULL: not
  // wanted.
  float *flow_range, *link_range;
} m4s_lesson_t;

// What a flow should have sent, as a ratio to what is max-min fair, against an output: a
// Poisson deviance, least where as much is sent on average, so that no work is made or lost.
// *slope_out: its derivative with respect to the output.
double m4s_lesson_deviance(double output, double sent, double *slope_out);

// Goes forward over up to `window` steps of all lanes, then back, adding the gradients of the
// window's mean loss to `gradients`; NULL: only forward. Adds to `sums`; *more_out: there may be
// more.
m4s_status_t m4s_lesson_window(const m4s_lesson_t *lesson, m4s_lanes_t *lanes, int64_t window,
                               double *gradients, m4s_lesson_sums_t *sums, bool *more_out);
