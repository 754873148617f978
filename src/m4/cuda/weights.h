// The weights of an m4 network on a device, in widths that are multiples of 4: what is added is 0.
#pragma once

#include "m4/cuda/device.h"
#include "m4/model.h"

typedef struct {
  m4s_device_product_t input, state;  // [3 width, input's width], [3 width, width]: gates r, i, n
  const float *bias;  // [4, width], as m4s_gates_args_t has it
  m4s_device_cell_t *of_library;  // owned; NULL: not asked for
} m4s_gpu_cell_t;

typedef struct {
  int32_t n_in, n_out;
  int32_t in_width, out_width;
  m4s_device_product_t project;  // [in_width, in_width]
  m4s_device_product_t combine;  // [out_width, 2 in_width]: the neighbours' sum, the own row
  const float *project_bias;  // [in_width]
  const float *combine_bias, *norm_weight, *norm_bias;  // [out_width]
} m4s_gpu_layer_t;

typedef enum {
  M4S_GPU_TIME_FLOW,
  M4S_GPU_TIME_LINK,
  M4S_GPU_RATE_FLOW,
  M4S_GPU_RATE_LINK,
  M4S_GPU_N_CELLS
} m4s_gpu_cell_id_t;

typedef struct {
  int32_t n_hidden, n_params, n_flow_inputs, n_link_inputs, n_layers;
  int32_t width;  // of a state
  int32_t input_width;  // of the time cells' inputs
  int32_t gnn_width;  // GNN's output in `width`, parameters
  int32_t state_width;  // state in `width`, parameters, number of links
  int32_t layer_width;  // the widest row between the GNN's layers, and of the prediction
  m4s_gpu_cell_t cells[M4S_GPU_N_CELLS];
  m4s_gpu_layer_t layers[M4S_MODEL_MAX_GNN_LAYERS];
  m4s_device_product_t output;  // [width, state_width]
  const float *output_bias, *output_weight;  // [width]
  float out_bias;
  void *memory;  // owned: of the device
} m4s_gpu_weights_t;

static inline int32_t m4s_gpu_width(int32_t n_columns) { return (n_columns + 3) / 4 * 4; }

// Copies the weights to the device, and with `cells` makes cells of the device's library. To be
// cleared also after an error.
m4s_status_t m4s_gpu_weights_init(const m4s_model_t *model, const m4s_device_t *device, bool cells,
                                  m4s_gpu_weights_t *weights);
void m4s_gpu_weights_clear(m4s_gpu_weights_t *weights, const m4s_device_t *device);
