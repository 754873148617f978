// Builds without CUDA.
#include <stdio.h>

#include "m4/cuda/gpu.h"

int m4s_gpu_count(char reason_out[M4S_GPU_REASON_BYTES]) {
  snprintf(reason_out, M4S_GPU_REASON_BYTES, "m4sweep was built without CUDA");
  return 0;
}

static m4s_status_t fail_absent(void) {
  return m4s_fail(M4S_ERR_INPUT,
                  "there is no GPU: m4sweep was built without CUDA (cmake -DM4SWEEP_CUDA=ON)");
}

m4s_status_t m4s_gpu_describe(int i, m4s_gpu_info_t *info_out) {
  (void)i;
  (void)info_out;
  return fail_absent();
}

m4s_status_t m4s_gpu_open(int i, m4s_gpu_products_t products, m4s_gpu_t **gpu_out) {
  (void)i;
  (void)products;
  (void)gpu_out;
  return fail_absent();
}

void m4s_gpu_close(m4s_gpu_t *gpu) { (void)gpu; }

m4s_device_t m4s_gpu_device(m4s_gpu_t *gpu) {
  (void)gpu;
  return (m4s_device_t){0};
}

m4s_status_t m4s_gpu_peak(m4s_gpu_t *gpu, double *flops_out, int *size_out) {
  (void)gpu;
  (void)flops_out;
  (void)size_out;
  return fail_absent();
}

int64_t m4s_gpu_n_exceptions(const m4s_gpu_t *gpu) {
  (void)gpu;
  return 0;
}

void m4s_gpu_versions(const m4s_gpu_t *gpu, char *text, size_t n_text) {
  (void)gpu;
  snprintf(text, n_text, "none");
}
