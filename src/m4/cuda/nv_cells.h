// Recurrent cells by cuDNN: a GRU over a sequence of one.
#pragma once

#include <cuda.h>
#include <stdbool.h>

#include "m4/cuda/device.h"

typedef struct m4s_nv_cells m4s_nv_cells_t;

// In the thread's context. M4S_ERR_INPUT: there is no cuDNN, and why; M4S_ERR_DEVICE.
m4s_status_t m4s_nv_cells_create(bool tf32, m4s_nv_cells_t **cells_out);
// After all cells.
void m4s_nv_cells_destroy(m4s_nv_cells_t *cells);

m4s_status_t m4s_nv_cell_make(m4s_nv_cells_t *cells, const m4s_device_gru_t *gru,
                              m4s_device_cell_t **cell_out);
void m4s_nv_cell_release(m4s_device_cell_t *cell);

// As m4s_device_ops_t.run_cell; `number` < M4S_DEVICE_STREAMS is that of the stream.
m4s_status_t m4s_nv_cell_run(m4s_nv_cells_t *cells, CUstream stream, int number,
                             m4s_device_cell_t *cell, int32_t n_rows, const float *x,
                             const float *states, float *next);

// "cuDNN 9.19.0", "no cuDNN".
void m4s_nv_cells_version(char *text, size_t n_text);
