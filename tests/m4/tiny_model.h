// Small m4 networks with random weights, the same for the same sizes and seed on every machine.
#pragma once

#include <math.h>

#include "m4/inputs.h"
#include "m4/model.h"
#include "support.h"

enum { TINY_FLUID = -1 };  // as n_params: none, but fluid inputs

typedef struct {
  int32_t hidden, gnn_hidden, n_gnn_layers, n_params;  // H, G, K, P
  bool training;  // with the layers that only training uses, and ranges of inputs
} tiny_sizes_t;

enum { TINY_MAX_TENSORS = 160, TINY_NAME_BYTES = 80 };

typedef struct {
  m4s_safetensors_t file;
  m4s_tensor_t tensors[TINY_MAX_TENSORS];
  char names[TINY_MAX_TENSORS][TINY_NAME_BYTES];
  m4s_metadata_t metadata[5];
  char values[4][16];
  uint64_t random;
} tiny_parts_t;

// -bound … bound, uniform, exact in float32.
static inline float tiny_uniform(uint64_t *state, double bound) {
  double unit = (double)(support_random(state) >> 11) * 0x1p-53;
  return (float)((2.0 * unit - 1.0) * bound);
}

// A tensor of zeros, whose values are returned. n_columns 0: a vector.
static inline float *tiny_add_zeros(tiny_parts_t *parts, const char *name, int64_t n_rows,
                                    int64_t n_columns) {
  size_t i = parts->file.n_tensors++;
  snprintf(parts->names[i], TINY_NAME_BYTES, "%s", name);
  int64_t n = n_rows * (n_columns == 0 ? 1 : n_columns);
  float *values = calloc((size_t)n, sizeof *values);
  assert_non_null(values);
  parts->tensors[i] = (m4s_tensor_t){.name = parts->names[i],
                                     .dtype = M4S_DTYPE_F32,
                                     .n_dims = n_columns == 0 ? 1 : 2,
                                     .shape = {n_rows, n_columns},
                                     .n_elements = n,
                                     .data = values};
  return values;
}

// Values within 1/√n_in of `centre`, as PyTorch's layers begin with. n_columns 0: a vector.
static inline void tiny_add(tiny_parts_t *parts, const char *module, const char *parameter,
                            int64_t n_rows, int64_t n_columns, int64_t n_in, float centre) {
  char name[TINY_NAME_BYTES];
  snprintf(name, sizeof name, "%s.%s", module, parameter);
  int64_t n = n_rows * (n_columns == 0 ? 1 : n_columns);
  float *values = tiny_add_zeros(parts, name, n_rows, n_columns);
  for (int64_t j = 0; j < n; j++) {
    values[j] = centre + tiny_uniform(&parts->random, 1.0 / sqrt((double)n_in));
  }
}

// Input i: from -i to i + 0.5.
static inline void tiny_add_range(tiny_parts_t *parts, const char *name, int32_t n_inputs) {
  float *range = tiny_add_zeros(parts, name, 2, n_inputs);
  for (int32_t i = 0; i < n_inputs; i++) {
    range[i] = (float)-i;
    range[n_inputs + i] = (float)i + 0.5F;
  }
}

static inline void tiny_add_gru(tiny_parts_t *parts, const char *module, int32_t n_in, int32_t n) {
  tiny_add(parts, module, "seq_cell.weight_ih", 3 * n, n_in, n, 0);
  tiny_add(parts, module, "seq_cell.weight_hh", 3 * n, n, n, 0);
  tiny_add(parts, module, "seq_cell.bias_ih", 3 * n, 0, n, 0);
  tiny_add(parts, module, "seq_cell.bias_hh", 3 * n, 0, n, 0);
}

static inline void tiny_add_sage(tiny_parts_t *parts, int32_t layer, int32_t n_in, int32_t n_out) {
  char module[TINY_NAME_BYTES / 2];
  snprintf(module, sizeof module, "gnn_layer_%d.homogeneous_layer", layer);
  tiny_add(parts, module, "conv.lin.weight", n_in, n_in, n_in, 0);
  tiny_add(parts, module, "conv.lin.bias", n_in, 0, n_in, 0);
  tiny_add(parts, module, "conv.lin_l.weight", n_out, n_in, n_in, 0);
  tiny_add(parts, module, "conv.lin_l.bias", n_out, 0, n_in, 0);
  tiny_add(parts, module, "conv.lin_r.weight", n_out, n_in, n_in, 0);
  tiny_add(parts, module, "norm.weight", n_out, 0, 100, 1);
  tiny_add(parts, module, "norm.bias", n_out, 0, 100, 0);
}

static inline void tiny_add_mlp(tiny_parts_t *parts, const char *module, int32_t n_in, int32_t n,
                                float out_centre) {
  tiny_add(parts, module, "0.weight", n, n_in, n_in, 0);
  tiny_add(parts, module, "0.bias", n, 0, n_in, 0);
  tiny_add(parts, module, "3.weight", 1, n, n, 0);
  tiny_add(parts, module, "3.bias", 1, 0, n, out_centre);
}

static inline void tiny_add_metadata(tiny_parts_t *parts, const char *key, int32_t value) {
  size_t i = parts->file.n_metadata++;
  snprintf(parts->values[i], sizeof parts->values[i], "%d", value);
  parts->metadata[i] = (m4s_metadata_t){key, parts->values[i]};
}

// Tensors in order of their names' modules, as in the published file. Free with tiny_clear().
static inline tiny_parts_t *tiny_parts(tiny_sizes_t sizes, uint64_t seed) {
  tiny_parts_t *parts = calloc(1, sizeof *parts);
  assert_non_null(parts);
  parts->file.tensors = parts->tensors;
  parts->file.metadata = parts->metadata;
  parts->random = seed;
  int32_t n = sizes.hidden;
  bool fluid = sizes.n_params == TINY_FLUID;
  int32_t n_params = fluid ? 0 : sizes.n_params;
  for (int32_t i = 0; i < sizes.n_gnn_layers; i++) {
    tiny_add_sage(parts, i, i == 0 ? n : sizes.gnn_hidden,
                  i == sizes.n_gnn_layers - 1 ? n : sizes.gnn_hidden);
  }
  tiny_add_gru(parts, "lstmcell_rate", n + n_params, n);
  tiny_add_gru(parts, "lstmcell_rate_link", n, n);
  tiny_add_gru(parts, "lstmcell_time", fluid ? M4S_M4_N_FLOW_INPUTS : 1, n);
  tiny_add_gru(parts, "lstmcell_time_link", fluid ? M4S_M4_N_LINK_INPUTS : 1, n);
  // Slowdowns about 2, or about those of the fluid.
  tiny_add_mlp(parts, "output_layer", 1 + n_params + n, n, fluid ? 0 : 2);
  if (sizes.training) {
    tiny_add_mlp(parts, "queue_len_layer", n, n, 0);
    tiny_add_mlp(parts, "remain_size_layer", n, n, 0);
  }
  if (fluid && sizes.training) {
    tiny_add_range(parts, "flow_input_range", M4S_M4_N_FLOW_INPUTS);
    tiny_add_range(parts, "link_input_range", M4S_M4_N_LINK_INPUTS);
  }
  tiny_add_metadata(parts, "gnn_hidden_size", sizes.gnn_hidden);
  tiny_add_metadata(parts, "gnn_layers", sizes.n_gnn_layers);
  tiny_add_metadata(parts, "hidden_size", sizes.hidden);
  tiny_add_metadata(parts, "params", n_params);
  if (fluid) {
    parts->metadata[parts->file.n_metadata++] = (m4s_metadata_t){"inputs", "fluid-2"};
  }
  return parts;
}

static inline void tiny_clear(tiny_parts_t *parts) {
  for (size_t i = 0; i < parts->file.n_tensors; i++) {
    free((void *)parts->tensors[i].data);
  }
  free(parts);
}

// The values of a tensor, to be changed; fails the test if there is none of that name.
static inline float *tiny_values(tiny_parts_t *parts, const char *name) {
  const m4s_tensor_t *tensor = m4s_safetensors_find(&parts->file, name);
  assert_non_null(tensor);
  return (float *)tensor->data;
}

// A copy that stands on its own, to be destroyed by the caller or a model.
static inline m4s_safetensors_t *tiny_file(const tiny_parts_t *parts) {
  m4s_text_t bytes = {0};
  m4s_safetensors_t *file = NULL;
  ASSERT_OK(m4s_safetensors_format(&parts->file, &bytes));
  ASSERT_OK(m4s_safetensors_parse(bytes.bytes, bytes.length, "tiny", &file));
  m4s_text_clear(&bytes);
  return file;
}

// Owned by the caller: m4s_model_destroy().
static inline m4s_model_t *tiny_model(tiny_sizes_t sizes, uint64_t seed) {
  tiny_parts_t *parts = tiny_parts(sizes, seed);
  m4s_model_t *model = NULL;
  ASSERT_OK(m4s_model_create(tiny_file(parts), "tiny", &model));
  tiny_clear(parts);
  return model;
}

// The same as a file in the test's folder, whose path is returned (see support_path()).
static inline const char *tiny_write(tiny_sizes_t sizes, uint64_t seed, const char *name) {
  tiny_parts_t *parts = tiny_parts(sizes, seed);
  const char *path = support_path(name);
  ASSERT_OK(m4s_safetensors_write(path, &parts->file));
  tiny_clear(parts);
  return path;
}
