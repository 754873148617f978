// NVIDIA's GPUs: which there are, and the device (m4/cuda/device.h) that one of them is.
//
// The driver, cuBLAS and cuDNN are loaded at run time, when they are asked for: the program starts
// on machines that have none of them. In a build without CUDA there are no GPUs.
#pragma once

#include "m4/cuda/device.h"

enum { M4S_GPU_NAME_BYTES = 128, M4S_GPU_UUID_BYTES = 48, M4S_GPU_PCI_BYTES = 24 };
enum { M4S_GPU_REASON_BYTES = 256 };

typedef struct {
  char name[M4S_GPU_NAME_BYTES];
  char uuid[M4S_GPU_UUID_BYTES];  // "GPU-…"
  char pci[M4S_GPU_PCI_BYTES];  // "0000:1b:00.0"
  int numa_node;  // -1: not known
  int compute_major, compute_minor;
  size_t memory_bytes;
} m4s_gpu_info_t;

// How many GPUs this process may use, as CUDA_VISIBLE_DEVICES and the batch system let it; 0: none,
// and reason_out says why.
int m4s_gpu_count(char reason_out[M4S_GPU_REASON_BYTES]);

// Of GPU i of those. M4S_ERR_INPUT: there is none. Takes nothing of the GPU.
m4s_status_t m4s_gpu_describe(int i, m4s_gpu_info_t *info_out);

typedef enum {
  M4S_GPU_FLOAT32,
  // Factors of products are rounded to 11 bits, as the tensor cores take them: by that a step's
  // states are off by up to 1e-3 of the largest, predictions by 3e-4.
  M4S_GPU_TF32,
} m4s_gpu_products_t;

typedef struct m4s_gpu m4s_gpu_t;

// Takes GPU i for the thread that calls. M4S_ERR_INPUT: there is none; M4S_ERR_DEVICE: it, or a
// library, does not work, and why.
m4s_status_t m4s_gpu_open(int i, m4s_gpu_products_t products, m4s_gpu_t **gpu_out);
// After everything that was made on it.
void m4s_gpu_close(m4s_gpu_t *gpu);
m4s_device_t m4s_gpu_device(m4s_gpu_t *gpu);

// The most floating-point operations per second in products of square matrices, and the size of
// the one.
m4s_status_t m4s_gpu_peak(m4s_gpu_t *gpu, double *flops_out, int *size_out);

// Products so far for whose number of rows cuBLAS had to take another algorithm than for others:
// with any, last bits may depend on what is evaluated together.
int64_t m4s_gpu_n_exceptions(const m4s_gpu_t *gpu);

// Versions of the libraries that are loaded, such as "driver 13.0, cuBLAS 13.0.2, cuDNN 9.19.0".
void m4s_gpu_versions(const m4s_gpu_t *gpu, char *text, size_t n_text);
