// Training of m4 networks: truncated backpropagation through time over recorded runs of packet,
// many sequences side by side, on one rank or several that share the gradients.
//
// A round draws sequences and goes through them, a number of windows of steps, each followed by a
// step of Adam. The loss of a window is the mean over its flows of |output - what it should be|,
// for networks with fluid inputs how much slower than max-min fair the flow will send on average,
// for published ones slowdown / true slowdown - 1, each step weighing as the part of the FCT for
// which it holds; of flows that send for long, of a deviance of what they send for some RTTs, each
// step weighing as the part that max-min fair rates would send until the next one; and weights
// times the mean absolute errors of what remains of the flows, and of the queues of the links
// (arXiv 2503.01770: dense supervision). After each round the validation's sequences are evaluated
// and a checkpoint is written, from which the next call goes on: the same bytes as without the
// break. What is evaluated and kept as the model is a running average of the weights, which wander.
//
// In the output folder:
//   checkpoint.safetensors  weights, their average, optimiser, what has been done
//   model.safetensors       the network with the least validation loss so far, for m4.model
//   log.csv                 one row per round
#pragma once

#include "core/text.h"
#include "m4/model.h"
#include "train/dataset.h"

// Section "network" of a training spec.
typedef struct {
  int inputs;  // m4s_model_inputs_t
  int64_t hidden, gnn_hidden, gnn_layers;
  char *initial;  // owned: model file to begin with; NULL: random weights
} m4s_train_network_t;

// Section "training".
typedef struct {
  int64_t seed;
  int64_t rounds;
  int64_t windows;  // of a round, each with a step of Adam
  int64_t lanes;  // sequences side by side, on each rank
  int64_t window;  // steps
  int64_t max_steps;  // of a sequence
  int64_t validation_sequences;
  double learning_rate;
  double plateau_factor, learning_rate_floor;
  double closed_loop;  // share of sequences; validation then has it for all
  int64_t averaging;  // updates
  int64_t plateau_patience;  // rounds
  int64_t stop_patience;  // rounds without a better validation loss after which it ends; 0: never
  double max_gradient_norm;
  double remaining_weight, queue_weight;
} m4s_train_settings_t;

typedef struct {
  char *path;  // owned: the spec's
  char *name, *title;  // owned
  m4s_text_list_t datasets;  // absolute paths
  m4s_train_network_t network;
  m4s_train_settings_t training;
} m4s_train_spec_t;

// {"name": "x", "title": "…", "datasets": [folders], "network": {…}, "training": {…}}; paths are
// relative to the spec's folder. Free with m4s_train_spec_clear(), also after an error.
m4s_status_t m4s_train_spec_read(const char *path, m4s_train_spec_t *spec);
void m4s_train_spec_clear(m4s_train_spec_t *spec);

// "network" and "training", for help.
extern const m4s_section_t m4s_train_sections[];
extern const size_t m4s_n_train_sections;

// The ranks that train together. `sum` replaces values [n] by their sums over all ranks, in the
// same order on each.
typedef struct {
  int rank, n_ranks;
  void (*sum)(void *context, double *values, int64_t n);
  void *context;
} m4s_train_ranks_t;

typedef struct {
  double time_limit_s;  // ends after the first round that ends later; 0: none
  bool fresh;  // begins anew
  FILE *text;  // for progress; NULL: none
} m4s_train_options_t;

// Trains up to the spec's rounds, going on from the checkpoint in `folder`. Collective over the
// ranks; only rank 0 writes. M4S_ERR_INPUT: the data sets or the checkpoint do not fit the spec.
m4s_status_t m4s_train(const m4s_train_spec_t *spec, const char *folder,
                       const m4s_train_ranks_t *ranks, const m4s_train_options_t *options);
