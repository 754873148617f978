// What a tape keeps of one batch, and the arithmetic over it, one set per precision and instruction
// set. Matrices of void * hold numbers of the tape's precision, row-major; rows are those of the
// flows, then of the links; of each, those of steps that pass time first.
#pragma once

#include "m4/model.h"
#include "train/tape.h"

typedef struct {
  void *joint;  // [n_rows, n_in + n_out]: projected; normalised before weight and bias
  void *sums;  // [n_rows, n_in]: of the neighbours' projected
  void *scales;  // [n_rows]: 1 / standard deviation
  void *out;  // [n_rows, n_out]
} m4s_tape_layer_t;

// Going back, gradients take the places of gates, joint and hidden.
typedef struct {
  m4s_tape_record_t record;
  int32_t n_flows, n_links, n_rows, n_timed_flows, n_timed_links;
  int32_t *rows;  // [n_rows], of the engine
  bool *fresh;  // [n_rows]: begins with the engine's state
  int32_t *begin, *neighbours;  // [n_rows + 1], [2 n_edges]
  void *features;  // [n_flows, 1 + P]: number of links, network parameters
  void *flow_inputs, *link_inputs;  // [n_timed_flows, F], [n_timed_links, L]
  // [n_rows, H]: before the step, after the time cells, after the rate cells
  void *before, *between, *after;
  void *time_gates, *rate_gates;  // [n_rows, 4 H]: r, i, n, W_hn h + b_hn
  m4s_tape_layer_t layers[M4S_MODEL_MAX_GNN_LAYERS];
  void *hidden_prediction, *hidden_remaining, *hidden_queue;  // [n_flows, H], …, [n_links, H]
  double *predictions, *remaining, *queues;  // the record's
  double *d_flow_inputs, *d_link_inputs;  // likewise
} m4s_tape_pass_t;

// Room for the backward pass. W = max(H, G).
typedef struct {
  void *d_states;  // [n_rows, H]: in: the loss's derivatives by `after`; out: by `before`
  void *d_nodes, *d_sums;  // [n_rows, W]
  void *row;  // [4 W]
  void *d_inputs;  // [n_rows, max(F, L)], where they are asked for
} m4s_tape_scratch_t;

typedef struct {
  const m4s_model_t *model;
  const float *origin;  // the model's weights lie behind it as the numbers of the two below
  const void *weights;
  void *gradients;
} m4s_tape_weights_t;

typedef struct {
  const char *instructions;  // "avx512", "avx2" or "generic"
  size_t number_bytes;
  // to = from
  void (*convert)(size_t n, const float *from, void *to);
  void (*read)(size_t n, const void *from, double *to);
  // to += from
  void (*add)(size_t n, const void *from, double *to);
  void (*forward)(const m4s_tape_weights_t *weights, m4s_tape_pass_t *pass);
  void (*backward)(const m4s_tape_weights_t *weights, m4s_tape_pass_t *pass,
                   const m4s_tape_scratch_t *scratch);
} m4s_tape_kernels_t;

// NULL where this build or machine does not have them.
const m4s_tape_kernels_t *m4s_tape_kernels_avx512(void);
const m4s_tape_kernels_t *m4s_tape_kernels_avx2(void);
const m4s_tape_kernels_t *m4s_tape_kernels_generic(void);
const m4s_tape_kernels_t *m4s_tape_kernels_float64(void);
