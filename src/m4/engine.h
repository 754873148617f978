// The evaluation of an m4 network: the state rows of flows and links, and steps over them for many
// simulations at a time.
//
// One engine per model and thread; all simulations of a worker share it. A row's new state and a
// flow's prediction depend on its own step alone (arXiv 2503.01770, the graph of its flows and
// links), bit for bit: not on the other steps of the batch, nor on which rows were handed out, nor,
// for M4S_FORWARD_FAST, on the machine's vector instructions. On a GPU they are other bits than on
// the CPU (m4/cuda/README.md).
#pragma once

#include <stdbool.h>

#include "m4/cuda/device.h"
#include "m4/model.h"
#include "sim/network_model.h"

typedef enum {
  M4S_FORWARD_FAST,  // packed weights, vector kernels; each sum in one order, fused multiply-adds
  M4S_FORWARD_REFERENCE,  // plain C, sums in double: another rounding, much slower
} m4s_forward_t;

// Who computes the recurrent cells on a device. cuDNN's rows may depend, in their last bits, on how
// many there are in the batch.
typedef enum { M4S_GPU_CELLS_CUBLAS, M4S_GPU_CELLS_CUDNN } m4s_gpu_cells_t;

typedef struct m4s_engine m4s_engine_t;
typedef struct m4s_gpu_forward m4s_gpu_forward_t;

// The model is borrowed; its weights are copied where the kernels want another layout.
m4s_status_t m4s_engine_create(const m4s_model_t *model, m4s_forward_t forward,
                               m4s_engine_t **engine_out);
// The fast forward pass on a device (m4/cuda/device.h), which is borrowed. M4S_ERR_MEMORY: there is
// not enough memory there; M4S_ERR_DEVICE: the device does not work.
m4s_status_t m4s_engine_create_on(const m4s_model_t *model, const m4s_device_t *device,
                                  m4s_gpu_cells_t cells, m4s_engine_t **engine_out);
void m4s_engine_destroy(m4s_engine_t *engine);
const m4s_model_t *m4s_engine_model(const m4s_engine_t *engine);

// State rows. Flow rows and link rows are numbered apart, from 0, each number used again after its
// release.
m4s_status_t m4s_engine_take_flow_row(m4s_engine_t *engine, int32_t *row_out);
m4s_status_t m4s_engine_take_link_row(m4s_engine_t *engine, int32_t *row_out);
void m4s_engine_release_flow_row(m4s_engine_t *engine, int32_t row);
void m4s_engine_release_link_row(m4s_engine_t *engine, int32_t row);

// A flow at arrival: zeros, then [0] = 1, [2] = log2(size_bytes / 1000 + 1), [3] = n_links; with
// fluid inputs, which tell the latter two, [0] = 1 alone.
void m4s_engine_reset_flow(m4s_engine_t *engine, int32_t row, int64_t size_bytes, int32_t n_links);
// An idle link: zeros, then [1] = 1, [2] = 1.
void m4s_engine_reset_link(m4s_engine_t *engine, int32_t row);

// How often a row was reset: its states since then are those of one flow, or of one link between
// two times of idleness.
int32_t m4s_engine_flow_epoch(const m4s_engine_t *engine, int32_t row);
int32_t m4s_engine_link_epoch(const m4s_engine_t *engine, int32_t row);

// A row's state, [hidden], for tests and traces; valid until rows are taken. Not on a device.
float *m4s_engine_flow_state(m4s_engine_t *engine, int32_t row);
float *m4s_engine_link_state(m4s_engine_t *engine, int32_t row);

// The same on any engine, copied.
m4s_status_t m4s_engine_read_flow(m4s_engine_t *engine, int32_t row, float *state_out);
m4s_status_t m4s_engine_read_link(m4s_engine_t *engine, int32_t row, float *state_out);
m4s_status_t m4s_engine_write_flow(m4s_engine_t *engine, int32_t row, const float *state);
m4s_status_t m4s_engine_write_link(m4s_engine_t *engine, int32_t row, const float *state);

// A step: the states of some flows and of the links that they cross move on to the present, then
// a prediction is made for every flow. All arrays are borrowed until m4s_engine_evaluate() returns.
typedef struct {
  const float *params;  // [n_params], of the network
  // Since the last step of these rows; 0: the time cells are left out, unless there are fluid
  // inputs.
  float dt_us;
  int32_t n_flows, n_links;
  const int32_t *flow_rows;  // [n_flows]
  const int32_t *link_rows;  // [n_links]
  // Flow i crosses the links edges[edge_begin[i]] … edges[edge_begin[i + 1] - 1], which index
  // link_rows. Their number is the flow's number of links.
  const int32_t *edge_begin;  // [n_flows + 1]
  const int32_t *edges;
  // [n_flows, n_flow_inputs], [n_links, n_link_inputs]: what the time cells get of a model with
  // fluid inputs; else NULL.
  const float *flow_inputs, *link_inputs;
  // [n_flows]: the slowdown FCT / ideal FCT, not clamped; with fluid inputs the natural logarithm
  // of how much slower than max-min fair the flow sends. May be NaN.
  float *predictions_out;
} m4s_step_t;

// Whether the time cells move the step's rows on.
static inline bool m4s_step_passes_time(const m4s_step_t *step) {
  return step->dt_us > 0 || step->flow_inputs != NULL;
}

// The steps that are evaluated together. Start from {0} with an engine; free with
// m4s_inference_batch_clear().
struct m4s_inference_batch {
  m4s_engine_t *engine;  // borrowed
  m4s_step_t *steps;  // [n_steps]
  int32_t n_steps, capacity;
  int64_t n_flow_rows, n_link_rows;  // sums over the steps
};

m4s_status_t m4s_inference_batch_add(m4s_inference_batch_t *batch, const m4s_step_t *step);
void m4s_inference_batch_clear(m4s_inference_batch_t *batch);

// Evaluates all steps and empties the batch. M4S_ERR_MEMORY; M4S_ERR_DEVICE: the device, and with
// it the engine and all states, is lost.
m4s_status_t m4s_engine_evaluate(m4s_engine_t *engine, m4s_inference_batch_t *batch);

// The same in two halves, so that the host can do something else in between: steps of other flows
// and links, on other lanes, 0 … m4s_engine_n_lanes() - 1. The batch is emptied by the first half,
// the steps' arrays are borrowed until the second, which every lane needs that has begun without an
// error.
m4s_status_t m4s_engine_begin(m4s_engine_t *engine, int lane, m4s_inference_batch_t *batch);
m4s_status_t m4s_engine_end(m4s_engine_t *engine, int lane);
int m4s_engine_n_lanes(const m4s_engine_t *engine);

// The rows that a batch should have at least, so that a device is well used; 0 on the CPU.
int32_t m4s_engine_full_rows(const m4s_engine_t *engine);
// Finds it out by a few measurements, and makes sure that the device computes what the CPU does, up
// to `tolerance` of the largest number: M4S_ERR_DEVICE else. Does nothing on the CPU.
m4s_status_t m4s_engine_calibrate(m4s_engine_t *engine, double tolerance);
// The forward pass on the device; NULL on the CPU.
m4s_gpu_forward_t *m4s_engine_gpu(const m4s_engine_t *engine);

// Work done so far, for benchmarks.
typedef struct {
  int64_t batches, steps, flow_rows, link_rows, edges;
  double matrix_flops;  // as m4s_model_flops_per_flow() and …_per_link() count
} m4s_engine_counts_t;

m4s_engine_counts_t m4s_engine_counts(const m4s_engine_t *engine);

// The instructions that the fast kernels use on this machine: "avx512", "avx2" or "generic"; "GPU".
const char *m4s_engine_instructions(const m4s_engine_t *engine);
