// The optimiser: Adam (Kingma and Ba, arXiv 1412.6980) with clipped gradients and a learning rate
// that falls when the loss does not. Arithmetic and defaults are PyTorch's.
#pragma once

#include <stdbool.h>

#include "core/safetensors.h"

// Scales gradients down to a norm of `max_norm` where theirs, which is returned, is larger. One
// that is not finite is returned and nothing scaled.
double m4s_clip_gradients(int64_t n, double *gradients, double max_norm);

typedef struct {
  double beta1, beta2;  // decay of the moments a step
  double epsilon;
} m4s_adam_config_t;

static const m4s_adam_config_t m4s_adam_defaults = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

// All of its state.
typedef struct {
  int64_t n;
  int64_t n_steps;
  double *mean, *square;  // [n], owned: moments of the gradients, biased to 0
} m4s_adam_t;

// For n weights, before the first step.
m4s_status_t m4s_adam_init(m4s_adam_t *adam, int64_t n);
void m4s_adam_clear(m4s_adam_t *adam);

// Moves the weights by one step.
void m4s_adam_step(m4s_adam_t *adam, const m4s_adam_config_t *config, double learning_rate,
                   const double *gradients, float *weights);

enum { M4S_ADAM_N_TENSORS = 3 };

// The state as tensors "adam.mean", "adam.square" and "adam.n_steps" of a file; borrowed.
void m4s_adam_tensors(const m4s_adam_t *adam, m4s_tensor_t tensors_out[M4S_ADAM_N_TENSORS]);

// Takes the state from a file called `name`. M4S_ERR_INPUT: a tensor is missing or another one.
m4s_status_t m4s_adam_restore(m4s_adam_t *adam, const m4s_safetensors_t *file, const char *name);

// --- learning rate ---

// PyTorch: ReduceLROnPlateau with mode "min" and threshold_mode "rel".
typedef struct {
  double factor;  // of the rate, below 1
  int32_t patience;  // losses that are not better, before it falls
  double threshold;  // a better loss is below best * (1 - threshold)
  double floor;  // of the rate
} m4s_plateau_config_t;

// The published ones.
static const m4s_plateau_config_t m4s_plateau_defaults = {
    .factor = 0.2, .patience = 5, .threshold = 1e-4, .floor = 1e-6};

// All of its state.
typedef struct {
  double learning_rate;
  double best;  // loss; infinite at first
  int32_t n_bad;  // losses since then, or since the rate fell
} m4s_plateau_t;

m4s_plateau_t m4s_plateau_start(double learning_rate);

// Takes the loss of an epoch; NaN is not better. Returns true if the rate fell.
bool m4s_plateau_update(m4s_plateau_t *plateau, const m4s_plateau_config_t *config, double loss);
