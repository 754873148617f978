// Where m4 networks are evaluated, as a user says it.
#pragma once

#include "m4/cuda/gpu.h"
#include "m4/engine.h"

typedef enum {
  M4S_DEVICE_AUTO,  // a GPU where there is one and the network is large enough for it, else the CPU
  M4S_DEVICE_CPU,
  M4S_DEVICE_GPU,
} m4s_device_kind_t;

typedef struct {
  m4s_device_kind_t kind;
  int gpu;  // number among those of this process; -1: none (auto, before one is found)
  m4s_gpu_products_t products;
  m4s_gpu_cells_t cells;
} m4s_device_choice_t;

static inline m4s_device_choice_t m4s_device_choice_cpu(void) {
  return (m4s_device_choice_t){.kind = M4S_DEVICE_CPU, .gpu = -1};
}

// Reads "auto", "cpu" or "cuda:N". M4S_ERR_INPUT for anything else.
m4s_status_t m4s_device_choice_read(const char *text, m4s_device_choice_t *choice_out);

// Options of commands that take a choice: the texts of --device, --gpu-products and --gpu-cells.
extern const char *const m4s_gpu_products_names[];  // by m4s_gpu_products_t, NULL at the end
extern const char *const m4s_gpu_cells_names[];  // by m4s_gpu_cells_t, NULL at the end

// The GPU of a process whose node-local rank is this: the one that was named, or by turns. gpu
// stays -1 where auto finds none. M4S_ERR_INPUT: the one that was named is not there.
m4s_status_t m4s_device_choice_resolve(m4s_device_choice_t *choice, int local_rank);

// Whether a network is to be evaluated on the choice's GPU.
bool m4s_device_choice_takes_gpu(const m4s_device_choice_t *choice, const m4s_model_t *model);
