#include "m4/cuda/nv_cells.h"

#include <cudnn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/field.h"
#include "m4/cuda/nv_driver.h"

#define FUNCTIONS(X) \
  X(cudnnCreate) \
  X(cudnnDestroy) \
  X(cudnnSetStream) \
  X(cudnnGetVersion) \
  X(cudnnGetErrorString) \
  X(cudnnCreateTensorDescriptor) \
  X(cudnnDestroyTensorDescriptor) \
  X(cudnnSetTensorNdDescriptor) \
  X(cudnnCreateDropoutDescriptor) \
  X(cudnnDestroyDropoutDescriptor) \
  X(cudnnSetDropoutDescriptor) \
  X(cudnnCreateRNNDescriptor) \
  X(cudnnDestroyRNNDescriptor) \
  X(cudnnSetRNNDescriptor_v8) \
  X(cudnnCreateRNNDataDescriptor) \
  X(cudnnDestroyRNNDataDescriptor) \
  X(cudnnSetRNNDataDescriptor) \
  X(cudnnGetRNNTempSpaceSizes) \
  X(cudnnGetRNNWeightSpaceSize) \
  X(cudnnGetRNNWeightParams) \
  X(cudnnRNNForward)

static struct { FUNCTIONS(M4S_NV_MEMBER) } functions;
static bool loaded;
static char problem[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

enum { N_GATES = 3, N_MATRICES = 2 * N_GATES };

struct m4s_nv_cells {
  cudnnHandle_t handle;
  cudnnDropoutDescriptor_t no_dropout;
  cudnnMathType_t math;
};

// Memory that a call needs. What has become too small is kept: graphs may use it.
typedef struct {
  CUdeviceptr *blocks;  // owned, [n], owned; the last one is the largest
  int32_t n, capacity;
  size_t n_bytes;  // of the last one
} work_t;

struct m4s_device_cell {
  int32_t n_in, n_hidden;
  cudnnRNNDescriptor_t rnn;
  CUdeviceptr weights;
  size_t n_weight_bytes;
  work_t work[M4S_DEVICE_STREAMS];
  int *lengths;  // owned, [n_lengths]: all 1
  int32_t n_lengths;
};

static void load(void) {
  static const m4s_nv_symbol_t symbols[] = {FUNCTIONS(M4S_NV_SYMBOL_OF)};
  loaded = m4s_nv_load("libcudnn.so." M4S_NV_SYMBOL(CUDNN_MAJOR), symbols, M4S_COUNT(symbols),
                       problem, sizeof problem) != 0;
}

static m4s_status_t check(cudnnStatus_t status, const char *call) {
  if (status == CUDNN_STATUS_SUCCESS) {
    return M4S_OK;
  }
  bool memory = status == CUDNN_STATUS_ALLOC_FAILED ||
                status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  return m4s_fail(memory ? M4S_ERR_MEMORY : M4S_ERR_DEVICE, "the GPU: %s: %s", call,
                  functions.cudnnGetErrorString(status));
}

#define TRY(function, ...) M4S_TRY(check(functions.function(__VA_ARGS__), #function))

static m4s_status_t init(m4s_nv_cells_t *cells) {
  TRY(cudnnCreate, &cells->handle);
  TRY(cudnnCreateDropoutDescriptor, &cells->no_dropout);
  TRY(cudnnSetDropoutDescriptor, cells->no_dropout, cells->handle, 0, NULL, 0, 0);
  return M4S_OK;
}

m4s_status_t m4s_nv_cells_create(bool tf32, m4s_nv_cells_t **cells_out) {
  pthread_once(&once, load);
  if (!loaded) {
    return m4s_fail(M4S_ERR_INPUT, "cuDNN cannot be loaded: %s", problem);
  }
  m4s_nv_cells_t *cells = calloc(1, sizeof *cells);
  if (cells == NULL) {
    return m4s_fail_memory("a GPU");
  }
  cells->math = tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  m4s_status_t status = init(cells);
  if (status != M4S_OK) {
    m4s_nv_cells_destroy(cells);
    return status;
  }
  *cells_out = cells;
  return M4S_OK;
}

void m4s_nv_cells_destroy(m4s_nv_cells_t *cells) {
  if (cells == NULL) {
    return;
  }
  if (cells->no_dropout != NULL) {
    functions.cudnnDestroyDropoutDescriptor(cells->no_dropout);
  }
  if (cells->handle != NULL) {
    functions.cudnnDestroy(cells->handle);
  }
  free(cells);
}

// --- cells ---

// cuDNN numbers a GRU's matrices r, i, n of the input, then of the state, as they are here.
static m4s_status_t copy_gate(const m4s_nv_cells_t *cells, const m4s_device_cell_t *cell,
                              const m4s_device_gru_t *gru, int32_t matrix,
                              cudnnTensorDescriptor_t descriptors[2]) {
  void *weight = NULL;
  void *bias = NULL;
  bool of_state = matrix >= N_GATES;
  size_t gate = (size_t)(matrix % N_GATES);
  size_t n_rows = (size_t)gru->n_hidden;
  size_t n_columns = (size_t)(of_state ? gru->n_hidden : gru->n_in);
  const float *from = (of_state ? gru->weight_hh : gru->weight_ih) + gate * n_rows * n_columns;
  const float *from_bias = (of_state ? gru->bias_hh : gru->bias_ih) + gate * n_rows;
  TRY(cudnnGetRNNWeightParams, cells->handle, cell->rnn, 0, cell->n_weight_bytes,
      (const void *)cell->weights, matrix, descriptors[0], &weight, descriptors[1], &bias);
  if (weight == NULL || bias == NULL) {
    return m4s_fail(M4S_ERR_DEVICE, "the GPU: cuDNN has no place for a cell's weights");
  }
  M4S_NV_TRY(cuMemcpyHtoDAsync, (CUdeviceptr)weight, from, n_rows * n_columns * sizeof *from, NULL);
  M4S_NV_TRY(cuMemcpyHtoDAsync, (CUdeviceptr)bias, from_bias, n_rows * sizeof *from_bias, NULL);
  return M4S_NV_CHECK(cuStreamSynchronize, NULL);
}

static m4s_status_t copy_weights(const m4s_nv_cells_t *cells, m4s_device_cell_t *cell,
                                 const m4s_device_gru_t *gru) {
  cudnnTensorDescriptor_t descriptors[2] = {NULL, NULL};
  TRY(cudnnGetRNNWeightSpaceSize, cells->handle, cell->rnn, &cell->n_weight_bytes);
  M4S_NV_TRY(cuMemAlloc, &cell->weights, cell->n_weight_bytes);
  M4S_NV_TRY(cuMemsetD8Async, cell->weights, 0, cell->n_weight_bytes, NULL);
  m4s_status_t status =
      check(functions.cudnnCreateTensorDescriptor(&descriptors[0]), "cudnnCreateTensorDescriptor");
  if (status == M4S_OK) {
    status = check(functions.cudnnCreateTensorDescriptor(&descriptors[1]),
                   "cudnnCreateTensorDescriptor");
  }
  for (int32_t i = 0; status == M4S_OK && i < N_MATRICES; i++) {
    status = copy_gate(cells, cell, gru, i, descriptors);
  }
  for (int i = 0; i < 2; i++) {
    if (descriptors[i] != NULL) {
      functions.cudnnDestroyTensorDescriptor(descriptors[i]);
    }
  }
  return status;
}

static m4s_status_t init_cell(const m4s_nv_cells_t *cells, const m4s_device_gru_t *gru,
                              m4s_device_cell_t *cell) {
  TRY(cudnnCreateRNNDescriptor, &cell->rnn);
  TRY(cudnnSetRNNDescriptor_v8, cell->rnn, CUDNN_RNN_ALGO_STANDARD, CUDNN_GRU,
      CUDNN_RNN_DOUBLE_BIAS, CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT,
      CUDNN_DATA_FLOAT, cells->math, gru->n_in, gru->n_hidden, gru->n_hidden, 1, cells->no_dropout,
      CUDNN_RNN_PADDED_IO_DISABLED);
  return copy_weights(cells, cell, gru);
}

m4s_status_t m4s_nv_cell_make(m4s_nv_cells_t *cells, const m4s_device_gru_t *gru,
                              m4s_device_cell_t **cell_out) {
  m4s_device_cell_t *cell = calloc(1, sizeof *cell);
  if (cell == NULL) {
    return m4s_fail_memory("a cell");
  }
  cell->n_in = gru->n_in;
  cell->n_hidden = gru->n_hidden;
  m4s_status_t status = init_cell(cells, gru, cell);
  if (status != M4S_OK) {
    m4s_nv_cell_release(cell);
    return status;
  }
  *cell_out = cell;
  return M4S_OK;
}

void m4s_nv_cell_release(m4s_device_cell_t *cell) {
  const m4s_nv_driver_t *driver = m4s_nv_driver();
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    for (int32_t k = 0; k < cell->work[i].n; k++) {
      (void)driver->cuMemFree(cell->work[i].blocks[k]);
    }
    free(cell->work[i].blocks);
  }
  if (cell->weights != 0) {
    (void)driver->cuMemFree(cell->weights);
  }
  if (cell->rnn != NULL) {
    functions.cudnnDestroyRNNDescriptor(cell->rnn);
  }
  free(cell->lengths);
  free(cell);
}

// --- one call ---

static m4s_status_t reserve_lengths(m4s_device_cell_t *cell, int32_t n_rows) {
  if (n_rows <= cell->n_lengths) {
    return M4S_OK;
  }
  M4S_TRY(m4s_array_resize(&cell->lengths, n_rows, sizeof *cell->lengths, "a cell"));
  for (int32_t i = cell->n_lengths; i < n_rows; i++) {
    cell->lengths[i] = 1;
  }
  cell->n_lengths = n_rows;
  return M4S_OK;
}

static m4s_status_t reserve_work(work_t *work, size_t n_bytes) {
  if (n_bytes <= work->n_bytes) {
    return M4S_OK;
  }
  CUdeviceptr block;
  M4S_TRY(m4s_array_grow(&work->blocks, work->n, &work->capacity, sizeof *work->blocks, "a cell"));
  M4S_NV_TRY(cuMemAlloc, &block, 2 * n_bytes);
  work->blocks[work->n++] = block;
  work->n_bytes = 2 * n_bytes;
  return M4S_OK;
}

// What describes the rows of a call.
typedef struct {
  cudnnRNNDataDescriptor_t x, y;
  cudnnTensorDescriptor_t state;
} rows_t;

static void clear_rows(const rows_t *rows) {
  if (rows->x != NULL) {
    functions.cudnnDestroyRNNDataDescriptor(rows->x);
  }
  if (rows->y != NULL) {
    functions.cudnnDestroyRNNDataDescriptor(rows->y);
  }
  if (rows->state != NULL) {
    functions.cudnnDestroyTensorDescriptor(rows->state);
  }
}

// To be cleared also after an error.
static m4s_status_t describe_rows(const m4s_device_cell_t *cell, int32_t n_rows, rows_t *rows) {
  const int sizes[] = {1, n_rows, cell->n_hidden};
  const int strides[] = {n_rows * cell->n_hidden, cell->n_hidden, 1};
  float padding = 0;
  TRY(cudnnCreateRNNDataDescriptor, &rows->x);
  TRY(cudnnCreateRNNDataDescriptor, &rows->y);
  TRY(cudnnCreateTensorDescriptor, &rows->state);
  TRY(cudnnSetRNNDataDescriptor, rows->x, CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED,
      1, n_rows, cell->n_in, cell->lengths, &padding);
  TRY(cudnnSetRNNDataDescriptor, rows->y, CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED,
      1, n_rows, cell->n_hidden, cell->lengths, &padding);
  TRY(cudnnSetTensorNdDescriptor, rows->state, CUDNN_DATA_FLOAT, 3, sizes, strides);
  return M4S_OK;
}

static m4s_status_t run(const m4s_nv_cells_t *cells, int number, m4s_device_cell_t *cell,
                        const rows_t *rows, const float *x, const float *states, float *next) {
  size_t n_work = 0;
  size_t n_reserve = 0;
  TRY(cudnnGetRNNTempSpaceSizes, cells->handle, cell->rnn, CUDNN_FWD_MODE_INFERENCE, rows->x,
      &n_work, &n_reserve);
  work_t *work = &cell->work[number];
  M4S_TRY(reserve_work(work, n_work));
  void *block = work->n == 0 ? NULL : (void *)work->blocks[work->n - 1];
  TRY(cudnnRNNForward, cells->handle, cell->rnn, CUDNN_FWD_MODE_INFERENCE, NULL, rows->x, x,
      rows->y, next, rows->state, states, NULL, NULL, NULL, NULL, cell->n_weight_bytes,
      (const void *)cell->weights, n_work, block, 0, NULL);
  return M4S_OK;
}

m4s_status_t m4s_nv_cell_run(m4s_nv_cells_t *cells, CUstream stream, int number,
                             m4s_device_cell_t *cell, int32_t n_rows, const float *x,
                             const float *states, float *next) {
  rows_t rows = {NULL, NULL, NULL};
  M4S_TRY(reserve_lengths(cell, n_rows));
  TRY(cudnnSetStream, cells->handle, (cudaStream_t)stream);
  m4s_status_t status = describe_rows(cell, n_rows, &rows);
  if (status == M4S_OK) {
    status = run(cells, number, cell, &rows, x, states, next);
  }
  clear_rows(&rows);
  return status;
}

void m4s_nv_cells_version(char *text, size_t n_text) {
  size_t version = loaded ? functions.cudnnGetVersion() : 0;
  if (version == 0) {
    snprintf(text, n_text, "no cuDNN");
  } else {
    snprintf(text, n_text, "cuDNN %zu.%zu.%zu", version / 10000, version / 100 % 100,
             version % 100);
  }
}
