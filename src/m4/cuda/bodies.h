// The kernels of the forward pass, item by item: compiled for the GPU by kernels.cu, and for the
// host by the tests.
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "m4/cuda/kernels.h"

#ifdef __CUDACC__
#define M4S_BODY __device__ static __forceinline__
typedef float4 m4s_four_t;
#else
#define M4S_BODY static inline
typedef struct {
  float x, y, z, w;
} m4s_four_t;
#endif

M4S_BODY m4s_four_t m4s_four_load(const float *from) { return *(const m4s_four_t *)from; }
M4S_BODY void m4s_four_store(float *to, m4s_four_t four) { *(m4s_four_t *)to = four; }

M4S_BODY m4s_four_t m4s_four_zero(void) {
  m4s_four_t zero = {0, 0, 0, 0};
  return zero;
}

M4S_BODY const m4s_upload_t *m4s_upload_of(const int32_t *words) {
  return (const m4s_upload_t *)words;
}

// A row of activations among those of its kind; -1 where there is none.
M4S_BODY int32_t m4s_flow_of(const m4s_upload_t *upload, int64_t row) {
  return row < upload->n_flows ? (int32_t)row : -1;
}

M4S_BODY int32_t m4s_link_of(const m4s_upload_t *upload, int64_t row) {
  int64_t link = row - upload->link_base;
  return link >= 0 && link < upload->n_links ? (int32_t)link : -1;
}

M4S_BODY int m4s_row_is_there(const m4s_upload_t *upload, int64_t row) {
  return m4s_flow_of(upload, row) >= 0 || m4s_link_of(upload, row) >= 0;
}

// Where the state of a row of activations lies in the slabs; NULL: there is no such row.
M4S_BODY float *m4s_state_of(const int32_t *words, int64_t row, float *flow_slab, float *link_slab,
                             int32_t width) {
  const m4s_upload_t *upload = m4s_upload_of(words);
  int32_t flow = m4s_flow_of(upload, row);
  int32_t link = m4s_link_of(upload, row);
  if (flow >= 0) {
    return flow_slab + (int64_t)words[upload->flow_rows + flow] * width;
  }
  return link >= 0 ? link_slab + (int64_t)words[upload->link_rows + link] * width : NULL;
}

// --- states in and out ---

M4S_BODY void m4s_reset_item(const m4s_reset_args_t *args, int64_t item) {
  const m4s_upload_t *upload = m4s_upload_of(args->upload);
  int32_t n_fours = args->width / 4;
  int64_t place = item / n_fours;
  int32_t four = (int32_t)(item % n_fours);
  bool of_links = place >= upload->n_flow_resets;
  int64_t link = place - upload->n_flow_resets;
  if (of_links && link >= upload->n_link_resets) {
    return;
  }
  int32_t row = args->upload[of_links ? upload->link_resets + link : upload->flow_resets + place];
  int64_t start = of_links ? upload->link_starts + 4 * link : upload->flow_starts + 4 * place;
  const float *numbers = (const float *)args->upload + start;
  m4s_four_t value = m4s_four_zero();
  if (four == 0) {
    value.x = numbers[0];
    value.y = numbers[1];
    value.z = numbers[2];
    value.w = numbers[3];
  }
  float *slab = of_links ? args->link_slab : args->flow_slab;
  m4s_four_store(slab + (int64_t)row * args->width + 4 * four, value);
}

M4S_BODY void m4s_gather_item(const m4s_gather_args_t *args, int64_t item) {
  int32_t n_fours = args->width / 4;
  int64_t row = item / n_fours;
  int32_t column = 4 * (int32_t)(item % n_fours);
  const float *state = m4s_state_of(args->upload, row, (float *)args->flow_slab,
                                    (float *)args->link_slab, args->width);
  if (state != NULL) {
    m4s_four_store(args->to + row * args->width + column, m4s_four_load(state + column));
  }
}

M4S_BODY void m4s_scatter_item(const m4s_scatter_args_t *args, int64_t item) {
  int32_t n_fours = args->width / 4;
  int64_t row = item / n_fours;
  int32_t column = 4 * (int32_t)(item % n_fours);
  float *state = m4s_state_of(args->upload, row, args->flow_slab, args->link_slab, args->width);
  if (state != NULL) {
    m4s_four_store(state + column, m4s_four_load(args->states + row * args->stride + column));
  }
}

M4S_BODY void m4s_features_item(const m4s_features_args_t *args, int64_t item) {
  const m4s_upload_t *upload = m4s_upload_of(args->upload);
  const float *numbers = (const float *)args->upload;
  int32_t n_gnn = args->gnn_width - args->width;
  int32_t n_columns = args->input_width + n_gnn + args->state_width - args->width;
  int64_t row = item / n_columns;
  int32_t column = (int32_t)(item % n_columns);
  int32_t flow = m4s_flow_of(upload, row);
  int32_t link = m4s_link_of(upload, row);
  if (flow < 0 && link < 0) {
    return;
  }
  if (column < args->input_width) {
    float value = 0;
    if (flow >= 0 && column < args->n_flow_inputs) {
      value = numbers[upload->flow_inputs + (int64_t)flow * args->n_flow_inputs + column];
    } else if (flow < 0 && column < args->n_link_inputs) {
      value = numbers[upload->link_inputs + (int64_t)link * args->n_link_inputs + column];
    }
    args->inputs[row * args->input_width + column] = value;
    return;
  }
  column -= args->input_width;
  float *to = args->gnn + row * args->gnn_width + args->width + column;
  int32_t feature = column;
  if (column >= n_gnn) {
    feature = column - n_gnn;
    to = args->states + row * args->state_width + args->width + feature;
  }
  float value = 0;
  if (flow >= 0 && feature < args->n_params) {
    value = numbers[args->upload[upload->flow_params + flow] + feature];
  } else if (flow >= 0 && feature == args->n_params && column >= n_gnn) {
    const int32_t *begin = args->upload + upload->begin + flow;
    value = (float)(begin[1] - begin[0]);
  }
  *to = value;
}

// --- recurrent cells ---

M4S_BODY float m4s_sigmoid(float x) { return 1.0F / (1.0F + expf(-x)); }

M4S_BODY float m4s_gate(float r_sum, float i_sum, float n_input, float n_state, float state) {
  float r = m4s_sigmoid(r_sum);
  float i = m4s_sigmoid(i_sum);
  float n = tanhf(n_input + r * n_state);
  return (1.0F - i) * n + i * state;
}

// 1: the row moves on, 0: it keeps its state, -1: there is none.
M4S_BODY int m4s_cell_moves(const m4s_cell_args_t *cell, int64_t row) {
  const m4s_upload_t *upload = m4s_upload_of(cell->upload);
  int32_t n_rows = cell->of_links ? upload->n_links : upload->n_flows;
  int32_t n_timed = cell->of_links ? upload->n_timed_links : upload->n_timed_flows;
  return row >= n_rows ? -1 : !cell->in_time || row < n_timed;
}

M4S_BODY void m4s_cell_put(const m4s_cell_args_t *cell, int64_t row, int32_t column,
                           m4s_four_t next) {
  m4s_four_store(cell->to + row * cell->to_stride + column, next);
  if (cell->also != NULL) {
    m4s_four_store(cell->also + row * cell->also_stride + column, next);
  }
}

M4S_BODY void m4s_gates_item(const m4s_gates_args_t *args, int64_t item) {
  int32_t width = args->cell.width;
  int64_t row = item / (width / 4);
  int32_t column = 4 * (int32_t)(item % (width / 4));
  int moves = m4s_cell_moves(&args->cell, row);
  if (moves < 0) {
    return;
  }
  m4s_four_t state = m4s_four_load(args->cell.state + row * width + column);
  if (moves) {
    const float *input = args->from_input + row * 3 * width + column;
    const float *from_state = args->from_state + row * 3 * width + column;
    const float *bias = args->bias + column;
    m4s_four_t ri = m4s_four_load(input), rs = m4s_four_load(from_state);
    m4s_four_t ii = m4s_four_load(input + width), is = m4s_four_load(from_state + width);
    m4s_four_t ni = m4s_four_load(input + 2 * width), ns = m4s_four_load(from_state + 2 * width);
    m4s_four_t br = m4s_four_load(bias), bi = m4s_four_load(bias + width);
    m4s_four_t bn = m4s_four_load(bias + 2 * width), bs = m4s_four_load(bias + 3 * width);
    state.x = m4s_gate(ri.x + rs.x + br.x, ii.x + is.x + bi.x, ni.x + bn.x, ns.x + bs.x, state.x);
    state.y = m4s_gate(ri.y + rs.y + br.y, ii.y + is.y + bi.y, ni.y + bn.y, ns.y + bs.y, state.y);
    state.z = m4s_gate(ri.z + rs.z + br.z, ii.z + is.z + bi.z, ni.z + bn.z, ns.z + bs.z, state.z);
    state.w = m4s_gate(ri.w + rs.w + br.w, ii.w + is.w + bi.w, ni.w + bn.w, ns.w + bs.w, state.w);
  }
  m4s_cell_put(&args->cell, row, column, state);
}

M4S_BODY void m4s_place_item(const m4s_place_args_t *args, int64_t item) {
  int32_t width = args->cell.width;
  int64_t row = item / (width / 4);
  int32_t column = 4 * (int32_t)(item % (width / 4));
  int moves = m4s_cell_moves(&args->cell, row);
  if (moves >= 0) {
    const float *from = moves ? args->next : args->cell.state;
    m4s_cell_put(&args->cell, row, column, m4s_four_load(from + row * width + column));
  }
}

// --- graph network ---

// Not fmaxf(), which would lose a NaN.
M4S_BODY float m4s_relu(float x) { return x < 0.0F ? 0.0F : x; }

M4S_BODY void m4s_sum_item(const m4s_sum_args_t *args, int64_t item) {
  const m4s_upload_t *upload = m4s_upload_of(args->upload);
  int32_t n_fours = args->width / 4;
  int64_t row = item / n_fours;
  int32_t column = 4 * (int32_t)(item % n_fours);
  if (!m4s_row_is_there(upload, row)) {
    return;
  }
  const int32_t *begin = args->upload + upload->begin + row;
  const int32_t *neighbours = args->upload + upload->neighbours;
  m4s_four_t bias = m4s_four_load(args->bias + column);
  m4s_four_t sum = m4s_four_zero();
  for (int32_t k = begin[0]; k < begin[1]; k++) {
    m4s_four_t value = m4s_four_load(args->values + (int64_t)neighbours[k] * args->stride + column);
    sum.x += m4s_relu(value.x + bias.x);
    sum.y += m4s_relu(value.y + bias.y);
    sum.z += m4s_relu(value.z + bias.z);
    sum.w += m4s_relu(value.w + bias.w);
  }
  m4s_four_store(args->to + row * args->to_stride + column, sum);
}

// A lane takes every 32nd column; the sums of the lanes are added up by the caller.
M4S_BODY float m4s_norm_sum(const m4s_norm_args_t *args, int64_t row, int lane) {
  float sum = 0;
  for (int32_t j = lane; j < args->n_columns; j += M4S_KERNEL_LANES) {
    sum += args->values[row * args->stride + j] + args->bias[j];
  }
  return sum;
}

M4S_BODY float m4s_norm_squares(const m4s_norm_args_t *args, int64_t row, int lane, float mean) {
  float sum = 0;
  for (int32_t j = lane; j < args->n_columns; j += M4S_KERNEL_LANES) {
    float difference = args->values[row * args->stride + j] + args->bias[j] - mean;
    sum += difference * difference;
  }
  return sum;
}

M4S_BODY void m4s_norm_write(const m4s_norm_args_t *args, int64_t row, int lane, float mean,
                             float variance) {
  float scale = 1.0F / sqrtf(variance + 1e-5F);
  for (int32_t j = lane; j < args->width; j += M4S_KERNEL_LANES) {
    float value = 0;
    if (j < args->n_columns) {
      float x = args->values[row * args->stride + j] + args->bias[j];
      value = (x - mean) * scale * args->weight[j] + args->norm_bias[j];
    }
    args->to[row * args->to_stride + j] = value;
  }
}

// --- prediction ---

M4S_BODY float m4s_predict_sum(const m4s_predict_args_t *args, int64_t row, int lane) {
  float sum = 0;
  for (int32_t j = lane; j < args->n_columns; j += M4S_KERNEL_LANES) {
    sum += args->weight[j] * m4s_relu(args->values[row * args->stride + j] + args->bias[j]);
  }
  return sum;
}
