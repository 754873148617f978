// The weights of an m4 network (arXiv 2503.01770), as read from a file.
//
// Two kinds, told apart by the file's metadata "inputs":
//   "published" (also without the metadata): the time cells get the elapsed time, the rate cell and
//     the output layer get the network parameters; the output is the slowdown, FCT / ideal FCT.
//   "fluid-2": the time cells get the inputs of m4/inputs.h, there are no network parameters (P is
//     0); the output is the natural logarithm of how much slower than max-min fair a flow sends.
//
// Symbols: H hidden size, G hidden size of the GNN (H where K = 1), P network parameters, K GNN
// layers, F and L inputs of a flow and of a link (1 where published). All weights are float32,
// matrices are row-major [out, in].
//
// Modules, with the names of their tensors (as the public checkpoints have them):
//   lstmcell_time, lstmcell_time_link   GRU cells, inputs F and L; published: elapsed time in
//                                       microseconds
//   gnn_layer_0 … gnn_layer_{K-1}       SAGE layers, H → G → … → G → H (K = 1: H → H)
//   lstmcell_rate                       GRU cell, input H + P: GNN output, network parameters
//   lstmcell_rate_link                  GRU cell, input H: GNN output
//   output_layer                        1 + P + H → H, ReLU, H → 1; input: number of links, network
//                                       parameters, flow state
// and in files of the kind "fluid-2", where known, the least and the greatest of each input in
// training: flow_input_range [2, F], link_input_range [2, L].
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "core/safetensors.h"

enum { M4S_MODEL_MAX_GNN_LAYERS = 16, M4S_MODEL_MAX_SIZE = 4096 };
enum { M4S_MODEL_NAME_BYTES = 80 };  // of a tensor
enum { M4S_MODEL_MAX_TENSORS = 4 * 4 + 7 * M4S_MODEL_MAX_GNN_LAYERS + 3 * 4 + 2 };

typedef enum { M4S_INPUTS_PUBLISHED, M4S_INPUTS_FLUID } m4s_model_inputs_t;

// r = σ(W_ir x + b_ir + W_hr h + b_hr); i = σ(W_ii x + b_ii + W_hi h + b_hi);
// n = tanh(W_in x + b_in + r (W_hn h + b_hn)); h' = (1 - i) n + i h. Gates are stacked r, i, n.
typedef struct {
  int32_t n_in, n_hidden;
  const float *weight_ih;  // [3 n_hidden, n_in]
  const float *weight_hh;  // [3 n_hidden, n_hidden]
  const float *bias_ih, *bias_hh;  // [3 n_hidden]
} m4s_gru_t;

// y_i = LayerNorm(W_l Σ_{j→i} relu(W_p x_j + b_p) + b_l + W_r x_i), eps 1e-5.
typedef struct {
  int32_t n_in, n_out;
  const float *project_weight, *project_bias;  // W_p [n_in, n_in], b_p [n_in]
  const float *neighbour_weight, *neighbour_bias;  // W_l [n_out, n_in], b_l [n_out]
  const float *own_weight;  // W_r [n_out, n_in]
  const float *norm_weight, *norm_bias;  // [n_out]
} m4s_sage_t;

typedef struct {
  int32_t n_in, n_hidden;
  const float *hidden_weight, *hidden_bias;  // [n_hidden, n_in], [n_hidden]
  const float *out_weight, *out_bias;  // [1, n_hidden], [1]
} m4s_mlp_t;

typedef struct {
  m4s_model_inputs_t inputs;
  int32_t hidden, gnn_hidden, n_params, n_gnn_layers;  // H, G, P, K
  int32_t n_flow_inputs, n_link_inputs;  // F, L
  m4s_gru_t time_flow, time_link, rate_flow, rate_link;
  m4s_sage_t gnn[M4S_MODEL_MAX_GNN_LAYERS];
  m4s_mlp_t output;
  m4s_mlp_t remaining, queue;  // of training, see train/tape.h; all 0 where they are not there
  const float *flow_input_range, *link_input_range;  // [2, F], [2, L]: least, greatest; may be NULL
  m4s_safetensors_t *file;  // owned; the weights lie in it
} m4s_model_t;

// Reads a model; `path` NULL: the one that is built in (m4/built_in.h). Its sizes follow from the
// shapes of its tensors and must agree with each other and with the sizes in the file's metadata,
// where given. M4S_ERR_INPUT: a tensor that is missing (by name), unknown (with the nearest missing
// one), of another type or shape than the sizes ask for, or that holds a number that is not finite
// (with its index); a kind that is not known; a range whose least number is above its greatest.
// Tensors of the layers that only training uses (remain_size_layer, queue_len_layer) may be there.
m4s_status_t m4s_model_read(const char *path, m4s_model_t **model_out);

// The same from a file in memory, which the model then owns, also after an error; `name` stands for
// it in errors.
m4s_status_t m4s_model_create(m4s_safetensors_t *file, const char *name, m4s_model_t **model_out);
void m4s_model_destroy(m4s_model_t *model);

// A tensor of weights.
typedef struct {
  char name[M4S_MODEL_NAME_BYTES];
  int32_t n_dims;
  int64_t shape[2];
  const float **slot;  // in the model
} m4s_model_tensor_t;

// Lists the tensors of a model's file, those of training among them, and returns their number. Of
// the model only `inputs` and the sizes are read; those of its modules are set. A GNN layer's own
// weights (W_r) are listed right behind those of its projection (W_p).
size_t m4s_model_list_tensors(m4s_model_t *model,
                              m4s_model_tensor_t tensors_out[M4S_MODEL_MAX_TENSORS]);

// The kind as the metadata has it: "published", "fluid-2".
const char *m4s_model_inputs_name(const m4s_model_t *model);

// Numbers in all tensors that inference uses.
int64_t m4s_model_n_weights(const m4s_model_t *model);

// Floating-point operations in matrix products (2 per multiply-add) of one step: per flow row, with
// the prediction, and per link row.
double m4s_model_flops_per_flow(const m4s_model_t *model);
double m4s_model_flops_per_link(const m4s_model_t *model);
