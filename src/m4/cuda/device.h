// What the forward pass needs of a GPU: memory, streams, kernels, matrix products, replayed graphs.
//
// One implementation runs on NVIDIA's GPUs (m4/cuda/gpu.h); tests have one that runs the same
// kernels on the host. A device is used by one thread at a time. Everything that is given a stream
// happens in the stream's order, at the latest before synchronise() returns; errors may come then.
// M4S_ERR_MEMORY: there is not enough memory on the device, which is left as it was; any other
// error means that the device cannot be used any more, though the process can.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "m4/cuda/kernels.h"

enum { M4S_DEVICE_STREAMS = 2, M4S_DEVICE_MARKS = 4 };

// y = x W^T; W [n_out, n_in] without gaps, on the device.
typedef struct {
  int32_t n_out, n_in;
  const float *weight;
} m4s_device_product_t;

// A recurrent cell (m4/model.h) in widths that are multiples of 4; the arrays are the host's.
typedef struct {
  int32_t n_in, n_hidden;
  const float *weight_ih, *weight_hh, *bias_ih, *bias_hh;
} m4s_device_gru_t;

typedef struct m4s_device_cell m4s_device_cell_t;  // of a library
typedef struct m4s_device_graph m4s_device_graph_t;

typedef struct {
  // Memory of the device, all 0, for any access of up to 16 bytes; of the host, for transfers.
  m4s_status_t (*allocate)(void *state, size_t n_bytes, void **memory_out);
  void (*release)(void *state, void *memory);
  m4s_status_t (*allocate_host)(void *state, size_t n_bytes, void **memory_out);
  void (*release_host)(void *state, void *memory);
  m4s_status_t (*free_bytes)(void *state, size_t *n_bytes_out);

  // From the host, to the host, within the device.
  m4s_status_t (*upload)(void *state, int stream, void *to, const void *from, size_t n_bytes);
  m4s_status_t (*download)(void *state, int stream, void *to, const void *from, size_t n_bytes);
  m4s_status_t (*copy)(void *state, int stream, void *to, const void *from, size_t n_bytes);

  // `args` is that kernel's structure of m4/cuda/kernels.h, and is copied.
  m4s_status_t (*launch)(void *state, int stream, m4s_kernel_id_t kernel, const void *args,
                         int64_t n_items);
  // Rows of x and y are x_stride and y_stride apart, multiples of 4. A row of y depends on the row
  // of x alone, to the bit, and not on how many rows there are.
  m4s_status_t (*multiply)(void *state, int stream, const m4s_device_product_t *product,
                           int32_t n_rows, const float *x, int32_t x_stride, float *y,
                           int32_t y_stride);

  // Recurrent cells of a library: new states `next` [n_rows, n_hidden] of `states`, with inputs x
  // [n_rows, n_in]. For these a row may depend on their number. M4S_ERR_INPUT: there is no library.
  m4s_status_t (*make_cell)(void *state, const m4s_device_gru_t *gru, m4s_device_cell_t **cell_out);
  void (*release_cell)(void *state, m4s_device_cell_t *cell);
  m4s_status_t (*run_cell)(void *state, int stream, m4s_device_cell_t *cell, int32_t n_rows,
                           const float *x, const float *states, float *next);

  // What is launched and multiplied between the two is recorded, not done. The graph is the
  // caller's; where that fails, nothing is recorded any more.
  m4s_status_t (*begin_graph)(void *state, int stream);
  m4s_status_t (*end_graph)(void *state, int stream, m4s_device_graph_t **graph_out);
  m4s_status_t (*replay)(void *state, int stream, m4s_device_graph_t *graph);
  void (*release_graph)(void *state, m4s_device_graph_t *graph);

  // What comes next in the stream waits until the other stream has come to where it is now.
  m4s_status_t (*follow)(void *state, int stream, int other);
  m4s_status_t (*synchronise)(void *state, int stream);
  // The time at a place in the stream, and seconds between two marks after synchronise().
  m4s_status_t (*mark)(void *state, int stream, int mark);
  m4s_status_t (*seconds_between)(void *state, int stream, int first, int last, double *s_out);
} m4s_device_ops_t;

typedef struct {
  const m4s_device_ops_t *ops;
  void *state;
} m4s_device_t;
