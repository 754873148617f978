// The forward pass of an m4 network on record, and the gradients of a loss by going back over it.
//
// A tape stands in for an engine's evaluation: batches of steps of many simulations go in, one
// after the other, predictions come out, and what the backward pass needs is kept. It has states of
// its own for the rows of the batches' engine; a row that was reset since the tape met it begins
// with the engine's state, which is constant. backward() goes over all batches since the last cut
// (backpropagation through time, truncated there) and adds the gradients of the weights.
//
// All arithmetic is in float32 or float64, the matrix products are OpenBLAS's. The same calls give
// the same bytes on the same machine and OpenBLAS; not on another one.
#pragma once

#include "m4/engine.h"
#include "train/parameters.h"

typedef enum { M4S_TAPE_FLOAT32, M4S_TAPE_FLOAT64 } m4s_tape_precision_t;

typedef struct m4s_tape m4s_tape_t;

// One batch on the tape. Its arrays belong to the tape and last until the next cut.
typedef struct {
  int32_t n_steps, n_flows, n_links;
  // [n_steps]: where the flows and the links of the batch's steps begin in the arrays below, each
  // step's in its order.
  const int32_t *flow_begin, *link_begin;
  // [n_flows], [n_flows], [n_links]: what the network says, as m4s_step_t has predictions; for the
  // others, NULL in a network that lacks their layers, log2(1 + remaining or queued bytes / 1000).
  const double *predictions, *remaining, *queues;
  // The loss's derivatives by these, for the caller to set; 0 at first.
  double *d_predictions, *d_remaining, *d_queues;
  // [n_flows, n_flow_inputs], [n_links, n_link_inputs]: the loss's derivatives by the inputs of the
  // time cells (0 where they were left out), set by the backward pass; NULL unless asked for.
  const double *d_flow_inputs, *d_link_inputs;
} m4s_tape_record_t;

// The parameters are borrowed. They may change only after a cut. Switches OpenBLAS to one thread,
// for the whole process. M4S_ERR_INPUT: instructions asked for that are not there (m4/kernels.h).
m4s_status_t m4s_tape_create(const m4s_parameters_t *parameters, m4s_tape_precision_t precision,
                             m4s_tape_t **tape_out);
void m4s_tape_destroy(m4s_tape_t *tape);

// Whether backward passes give derivatives by the inputs too; off at first. For records to come.
void m4s_tape_want_inputs(m4s_tape_t *tape, bool wanted);

// Evaluates the steps of a batch, which stays as it is, as does its engine; predictions_out is not
// written. No row may stand in two steps. All batches since the tape was created or reset are of
// one engine. M4S_ERR_MEMORY: nothing has changed.
m4s_status_t m4s_tape_forward(m4s_tape_t *tape, const m4s_inference_batch_t *batch,
                              m4s_tape_record_t *record_out);

// Adds the gradients of the loss by the weights, in the order of the parameters' values, to
// `gradients`, then cuts. M4S_ERR_MEMORY: nothing was added.
m4s_status_t m4s_tape_backward(m4s_tape_t *tape, double *gradients);

// Forgets the batches, but not the states.
void m4s_tape_cut(m4s_tape_t *tape);

// Cuts and forgets the states too, for another engine.
void m4s_tape_reset(m4s_tape_t *tape);

// A row's state after the last batch that had it, [hidden]; for tests.
void m4s_tape_flow_state(const m4s_tape_t *tape, int32_t row, double *state_out);
void m4s_tape_link_state(const m4s_tape_t *tape, int32_t row, double *state_out);

// Bytes of the batches on the tape; with what is kept for those to come.
size_t m4s_tape_bytes(const m4s_tape_t *tape);
