#include "train/adam.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double m4s_clip_gradients(int64_t n, double *gradients, double max_norm) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += gradients[i] * gradients[i];
  }
  double norm = sqrt(sum);
  if (isfinite(norm) && norm > max_norm) {
    for (int64_t i = 0; i < n; i++) {
      gradients[i] *= max_norm / norm;
    }
  }
  return norm;
}

m4s_status_t m4s_adam_init(m4s_adam_t *adam, int64_t n) {
  *adam = (m4s_adam_t){.n = n,
                       .mean = calloc((size_t)n, sizeof *adam->mean),
                       .square = calloc((size_t)n, sizeof *adam->square)};
  if (adam->mean == NULL || adam->square == NULL) {
    m4s_adam_clear(adam);
    return m4s_fail_memory("the optimiser's moments");
  }
  return M4S_OK;
}

void m4s_adam_clear(m4s_adam_t *adam) {
  free(adam->mean);
  free(adam->square);
  *adam = (m4s_adam_t){0};
}

void m4s_adam_step(m4s_adam_t *adam, const m4s_adam_config_t *config, double learning_rate,
                   const double *gradients, float *weights) {
  adam->n_steps++;
  double rate = learning_rate / (1 - pow(config->beta1, (double)adam->n_steps));
  double scale = sqrt(1 - pow(config->beta2, (double)adam->n_steps));
  for (int64_t i = 0; i < adam->n; i++) {
    double gradient = gradients[i];
    adam->mean[i] += (1 - config->beta1) * (gradient - adam->mean[i]);
    adam->square[i] += (1 - config->beta2) * (gradient * gradient - adam->square[i]);
    double step = rate * adam->mean[i] / (sqrt(adam->square[i]) / scale + config->epsilon);
    weights[i] = (float)((double)weights[i] - step);
  }
}

void m4s_adam_tensors(const m4s_adam_t *adam, m4s_tensor_t tensors_out[M4S_ADAM_N_TENSORS]) {
  tensors_out[0] = (m4s_tensor_t){.name = "adam.mean",
                                  .dtype = M4S_DTYPE_F64,
                                  .n_dims = 1,
                                  .shape = {adam->n},
                                  .n_elements = adam->n,
                                  .data = adam->mean};
  tensors_out[1] = tensors_out[0];
  tensors_out[1].name = "adam.square";
  tensors_out[1].data = adam->square;
  tensors_out[2] = (m4s_tensor_t){
      .name = "adam.n_steps", .dtype = M4S_DTYPE_I64, .n_elements = 1, .data = &adam->n_steps};
}

// The tensor of a file that has the name, type and shape of `like`.
static m4s_status_t find_like(const m4s_safetensors_t *file, const char *name,
                              const m4s_tensor_t *like, const m4s_tensor_t **tensor_out) {
  const m4s_tensor_t *tensor = m4s_safetensors_find(file, like->name);
  if (tensor == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: tensor \"%s\" is missing", name, like->name);
  }
  if (tensor->dtype != like->dtype || tensor->n_dims != like->n_dims ||
      tensor->n_elements != like->n_elements) {
    char is[M4S_TENSOR_SHOWN_BYTES];
    char should[M4S_TENSOR_SHOWN_BYTES];
    m4s_tensor_show_shape(tensor, is);
    m4s_tensor_show_shape(like, should);
    return m4s_fail(M4S_ERR_INPUT, "%s: tensor \"%s\" is %s %s, but %s %s is needed", name,
                    like->name, m4s_dtype_name(tensor->dtype), is, m4s_dtype_name(like->dtype),
                    should);
  }
  *tensor_out = tensor;
  return M4S_OK;
}

m4s_status_t m4s_adam_restore(m4s_adam_t *adam, const m4s_safetensors_t *file, const char *name) {
  m4s_tensor_t like[M4S_ADAM_N_TENSORS];
  const m4s_tensor_t *tensors[M4S_ADAM_N_TENSORS];
  m4s_adam_tensors(adam, like);
  for (int i = 0; i < M4S_ADAM_N_TENSORS; i++) {
    M4S_TRY(find_like(file, name, &like[i], &tensors[i]));
  }
  int64_t n_steps;
  memcpy(&n_steps, tensors[2]->data, sizeof n_steps);
  if (n_steps < 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: tensor \"%s\" is %" PRId64 ", but cannot be below 0", name,
                    like[2].name, n_steps);
  }
  for (int i = 0; i < 2; i++) {
    const double *moments = tensors[i]->data;
    for (int64_t j = 0; j < adam->n; j++) {
      if (!isfinite(moments[j])) {
        return m4s_fail(M4S_ERR_INPUT, "%s: tensor \"%s\": number %" PRId64 " is not finite", name,
                        like[i].name, j);
      }
    }
  }
  memcpy(adam->mean, tensors[0]->data, (size_t)adam->n * sizeof *adam->mean);
  memcpy(adam->square, tensors[1]->data, (size_t)adam->n * sizeof *adam->square);
  adam->n_steps = n_steps;
  return M4S_OK;
}

m4s_plateau_t m4s_plateau_start(double learning_rate) {
  return (m4s_plateau_t){.learning_rate = learning_rate, .best = INFINITY};
}

bool m4s_plateau_update(m4s_plateau_t *plateau, const m4s_plateau_config_t *config, double loss) {
  if (loss < plateau->best * (1 - config->threshold)) {
    plateau->best = loss;
    plateau->n_bad = 0;
    return false;
  }
  if (++plateau->n_bad <= config->patience) {
    return false;
  }
  plateau->n_bad = 0;
  double lower = fmax(plateau->learning_rate * config->factor, config->floor);
  bool falls = lower < plateau->learning_rate;
  plateau->learning_rate = falls ? lower : plateau->learning_rate;
  return falls;
}
