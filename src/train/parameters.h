// The weights of an m4 network in training, as one array of numbers.
#pragma once

#include "m4/model.h"

typedef struct {
  m4s_model_inputs_t inputs;
  // H; G (H where K = 1); P; K: as m4/model.h has them, within its limits
  int32_t hidden, gnn_hidden, n_params, n_gnn_layers;
} m4s_network_sizes_t;

typedef struct {
  // The network, with the layers of training. Its weights lie in `values`: an engine may be made of
  // it, whose fast forward pass keeps the weights of that moment.
  m4s_model_t model;
  m4s_model_tensor_t tensors[M4S_MODEL_MAX_TENSORS];  // the views of `values`, in its order
  size_t n_tensors;
  int64_t n_values;
  float *values;  // [n_values], owned
} m4s_parameters_t;

// All weights are 0.
m4s_status_t m4s_parameters_create(const m4s_network_sizes_t *sizes,
                                   m4s_parameters_t **parameters_out);
void m4s_parameters_destroy(m4s_parameters_t *parameters);

m4s_network_sizes_t m4s_parameters_sizes(const m4s_parameters_t *parameters);

// Where tensor i begins among the values, and its number of values.
int64_t m4s_parameters_begin(const m4s_parameters_t *parameters, size_t i);
int64_t m4s_parameters_count(const m4s_parameters_t *parameters, size_t i);

// As PyTorch's layers begin: uniform within ±1/sqrt(n), n being a GRU cell's hidden size or a
// linear layer's number of inputs; a norm's weights 1, its biases 0. Each tensor has a random
// stream of its own, of the seed and its name.
void m4s_parameters_init(m4s_parameters_t *parameters, uint64_t seed);

// Writes a model file, atomically: the tensors and then `more` of them, such as ranges of inputs;
// the sizes as metadata, and `metadata`, whose keys are others than those. The same bytes for the
// same arguments; metadata may come in any order.
m4s_status_t m4s_parameters_write(const m4s_parameters_t *parameters, const char *path,
                                  const m4s_metadata_t *metadata, size_t n_metadata,
                                  const m4s_tensor_t *more, size_t n_more);

// Reads a model file. Layers of training that it lacks begin as m4s_parameters_init() has them with
// `seed`. Errors as from m4s_model_read().
m4s_status_t m4s_parameters_read(const char *path, uint64_t seed,
                                 m4s_parameters_t **parameters_out);
