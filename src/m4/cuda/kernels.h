// The kernels of the forward pass on a GPU: what they are given. Read by C and by CUDA C++.
//
// Rows of activations are flows from row 0 on and links from row `link_base` on; behind the last
// flow and the last link there may be rows that nobody looks at, up to the sizes of the graph that
// is replayed. Widths are multiples of 4 numbers; columns behind the last one hold 0 (NaN in rows
// that hold NaN). Every kernel computes its numbers in an order that depends on the row alone.
#pragma once

#include <stdint.h>

// What a batch tells the device: 32-bit words, of which the first are these. The others are places
// of arrays, in words from the first one; the arrays are as in m4/engine.h and m4/graph.h.
typedef struct {
  int32_t link_base;
  int32_t n_flows, n_links;
  int32_t n_timed_flows, n_timed_links;  // rows that the time cells move on come first
  int32_t n_flow_resets, n_link_resets;
  int32_t flow_rows, link_rows;  // [n_flows], [n_links]: of the slabs
  int32_t flow_params;  // [n_flows]: where the parameters of the flow's step begin
  int32_t flow_inputs, link_inputs;  // [n_flows, F], [n_links, L]: of the time cells
  int32_t begin, neighbours;  // [link_base + n_links + 1], [2 n_edges]
  int32_t flow_resets, link_resets;  // [n], rows of the slabs
  int32_t flow_starts, link_starts;  // [n, 4]: the first numbers, the others are 0
  int32_t unused[2];
} m4s_upload_t;

// Names of the kernels, in the order of m4s_kernel_id_t.
#define M4S_DEVICE_KERNELS(X) \
  X(reset) X(gather) X(features) X(gates) X(place) X(sum) X(norm) X(predict) X(scatter)
#define M4S_DEVICE_KERNEL_ID(name) M4S_KERNEL_##name,
typedef enum { M4S_DEVICE_KERNELS(M4S_DEVICE_KERNEL_ID) M4S_N_DEVICE_KERNELS } m4s_kernel_id_t;

// Items are rows, each of which 32 threads work on together; else numbers or groups of four.
static inline int m4s_kernel_takes_rows(m4s_kernel_id_t kernel) {
  return kernel == M4S_KERNEL_norm || kernel == M4S_KERNEL_predict;
}

enum { M4S_KERNEL_LANES = 32 };

// States before the first step. Items: resets * width / 4.
typedef struct {
  const int32_t *upload;
  float *flow_slab, *link_slab;  // [rows, width]
  int32_t width;
} m4s_reset_args_t;

// to[row] = slab[row of the slab]. Items: rows * width / 4.
typedef struct {
  const int32_t *upload;
  const float *flow_slab, *link_slab;
  float *to;  // [rows, width]
  int32_t width;
} m4s_gather_args_t;

// The inputs of the time cells; the network parameters behind the GNN's output, and with the number
// of links behind the states. Items: rows * (input_width + gnn_width + state_width - 2 width).
typedef struct {
  const int32_t *upload;
  float *inputs;  // [rows, input_width]
  float *gnn;  // [rows, gnn_width]: columns from `width` on are written
  float *states;  // [rows, state_width]: columns from `width` on are written
  int32_t input_width, gnn_width, state_width, width;
  int32_t n_flow_inputs, n_link_inputs, n_params;
} m4s_features_args_t;

// Where a cell's new states go; rows of one kind, flows or links.
typedef struct {
  const int32_t *upload;
  const float *state;  // [rows, width], before
  float *to, *also;  // rows to_stride and also_stride apart; `also` may be NULL
  int32_t width, to_stride, also_stride;
  int32_t of_links;
  int32_t in_time;  // rows that pass no time keep their states
} m4s_cell_args_t;

// h' = (1 - i) n + i h with the gates r, i, n. Items: rows of the kind * width / 4.
typedef struct {
  m4s_cell_args_t cell;
  const float *from_input, *from_state;  // [rows, 3 width], without the biases
  const float *bias;  // [4, width]: r, i (both biases), n of the input, n of the state
} m4s_gates_args_t;

// The same with new states that are there. Items: as above.
typedef struct {
  m4s_cell_args_t cell;
  const float *next;  // [rows, width]
} m4s_place_args_t;

// to[i] = Σ max(0, values[j] + bias) over the neighbours j of i, in their order. Items: rows *
// width / 4.
typedef struct {
  const int32_t *upload;
  const float *values;  // rows stride apart
  const float *bias;  // [width]
  float *to;  // rows to_stride apart
  int32_t width, stride, to_stride;
} m4s_sum_args_t;

// to = (x - mean) / sqrt(variance + 1e-5) * weight + norm_bias with x = values + bias, over
// n_columns. Items: rows.
typedef struct {
  const int32_t *upload;
  const float *values, *bias, *weight, *norm_bias;  // vectors [width]
  float *to;
  int32_t n_columns, width, stride, to_stride;  // columns up to `width` become 0
} m4s_norm_args_t;

// predictions[i] = out_bias + Σ weight max(0, values + bias). Items: flows.
typedef struct {
  const int32_t *upload;
  const float *values, *bias, *weight;
  float *predictions;
  float out_bias;
  int32_t n_columns, stride;
} m4s_predict_args_t;

// slab[row of the slab] = states[row]. Items: rows * width / 4.
typedef struct {
  const int32_t *upload;
  const float *states;  // rows stride apart
  float *flow_slab, *link_slab;
  int32_t width, stride;
} m4s_scatter_args_t;
