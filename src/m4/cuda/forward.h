// The forward pass of an m4 network on a device: the states of flows and links stay there; per
// batch the rows, edges, times or inputs of its steps go up and predictions come down.
//
// Batches are evaluated on lanes, each with a stream and memory of its own, so that the host can
// work on one group of points while the device evaluates another. Sizes of a batch are rounded up
// to one of eight an octave; the kernels and products of each are recorded once and then replayed.
// A row's results depend on its own step alone, to the bit, unless cells are cuDNN's.
#pragma once

#include "m4/cuda/device.h"
#include "m4/engine.h"

// Both are borrowed. M4S_ERR_MEMORY.
m4s_status_t m4s_gpu_forward_create(const m4s_model_t *model, const m4s_device_t *device,
                                    m4s_gpu_cells_t cells, m4s_gpu_forward_t **forward_out);
void m4s_gpu_forward_destroy(m4s_gpu_forward_t *forward);

// Makes room for rows 0 … n_rows - 1 of the flows, or of the links; states stay. Waits for the
// device. M4S_ERR_MEMORY leaves all as it was.
m4s_status_t m4s_gpu_forward_reserve(m4s_gpu_forward_t *forward, bool links, int32_t n_rows);

// The row's state begins anew: `start` and zeros. It takes place before the next batch begins. What
// goes wrong is told by the next m4s_gpu_forward_begin().
void m4s_gpu_forward_reset(m4s_gpu_forward_t *forward, bool links, int32_t row,
                           const float start[4]);

// A row's state [hidden]. Both wait for the device.
m4s_status_t m4s_gpu_forward_read(m4s_gpu_forward_t *forward, bool links, int32_t row,
                                  float *state_out);
m4s_status_t m4s_gpu_forward_write(m4s_gpu_forward_t *forward, bool links, int32_t row,
                                   const float *state);

// Begins to evaluate a batch, whose steps are copied and whose arrays are borrowed until the lane's
// m4s_gpu_forward_end(), which then has written all predictions. No row is in two batches under
// way. A batch that memory has no room for is evaluated in parts. After an error the lane is idle.
m4s_status_t m4s_gpu_forward_begin(m4s_gpu_forward_t *forward, int lane,
                                   const m4s_inference_batch_t *batch);
m4s_status_t m4s_gpu_forward_end(m4s_gpu_forward_t *forward, int lane);

// The most rows of a part, which running out of memory lowers.
int32_t m4s_gpu_forward_max_rows(const m4s_gpu_forward_t *forward);
// Sets it, 0 < n_rows.
void m4s_gpu_forward_limit_rows(m4s_gpu_forward_t *forward, int32_t n_rows);

// Where the time went, of all batches since timing was turned on; it costs a little.
typedef struct {
  int64_t n_parts;
  double launch_s;  // of the host, to prepare and to launch
  double up_s, compute_s, down_s;  // of the device
} m4s_gpu_times_t;

void m4s_gpu_forward_time(m4s_gpu_forward_t *forward, bool on);
m4s_gpu_times_t m4s_gpu_forward_times(const m4s_gpu_forward_t *forward);

// Graphs that were recorded so far.
int64_t m4s_gpu_forward_n_graphs(const m4s_gpu_forward_t *forward);
