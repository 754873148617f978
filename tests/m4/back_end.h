// The same test bodies on the CPU, on a device on the host and on a GPU: each group of tests of a
// program runs on one of them.
#pragma once

#include "host_device.h"

#include "m4/cuda/gpu.h"
#include "m4/engine.h"

typedef enum {
  BACK_END_CPU,
  BACK_END_HOST,  // host_device.h
  BACK_END_HOST_CELLS,  // with the device's own recurrent cells
  BACK_END_GPU,
  BACK_END_GPU_CELLS
} back_end_t;

static back_end_t back_end;
static host_device_t back_end_host;
static m4s_gpu_t *back_end_gpu;

static inline bool back_end_is_gpu(void) { return back_end >= BACK_END_GPU; }

static inline int back_end_begin(back_end_t which) {
  back_end = which;
  back_end_host = host_device();
  return 0;
}

static inline int back_end_begin_cpu(void **state) {
  (void)state;
  return back_end_begin(BACK_END_CPU);
}

static inline int back_end_begin_host(void **state) {
  (void)state;
  return back_end_begin(BACK_END_HOST);
}

static inline int back_end_begin_host_cells(void **state) {
  (void)state;
  return back_end_begin(BACK_END_HOST_CELLS);
}

static inline int back_end_begin_gpu(void **state) {
  (void)state;
  return back_end_begin(BACK_END_GPU);
}

static inline int back_end_begin_gpu_cells(void **state) {
  (void)state;
  return back_end_begin(BACK_END_GPU_CELLS);
}

static inline int back_end_end(void **state) {
  (void)state;
  m4s_gpu_close(back_end_gpu);
  back_end_gpu = NULL;
  host_device_clear(&back_end_host);
  return 0;
}

// Ends the program, which counts as skipped, where there is no GPU.
static inline void back_end_need_gpu(void) {
  char reason[M4S_GPU_REASON_BYTES];
  if (m4s_gpu_count(reason) == 0) {
    print_message("skipped: %s\n", reason);
    exit(77);
  }
}

static inline m4s_device_t back_end_device(void) {
  if (!back_end_is_gpu()) {
    return host_device_of(&back_end_host);
  }
  if (back_end_gpu == NULL) {
    ASSERT_OK(m4s_gpu_open(0, M4S_GPU_FLOAT32, &back_end_gpu));
  }
  return m4s_gpu_device(back_end_gpu);
}

// An engine of the back end, but for M4S_FORWARD_REFERENCE.
static inline m4s_engine_t *back_end_engine(const m4s_model_t *model, m4s_forward_t how) {
  m4s_engine_t *engine = NULL;
  if (back_end == BACK_END_CPU || how == M4S_FORWARD_REFERENCE) {
    ASSERT_OK(m4s_engine_create(model, how, &engine));
    return engine;
  }
  bool cells = back_end == BACK_END_HOST_CELLS || back_end == BACK_END_GPU_CELLS;
  m4s_device_t device = back_end_device();
  ASSERT_OK(m4s_engine_create_on(model, &device, cells ? M4S_GPU_CELLS_CUDNN : M4S_GPU_CELLS_CUBLAS,
                                 &engine));
  return engine;
}

// Float32 sums in another order: of the CPU's kernels, or of a GPU's.
static inline double back_end_tolerance(double of_cpu) { return back_end_is_gpu() ? 1e-4 : of_cpu; }
