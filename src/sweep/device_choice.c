#include "sweep/device_choice.h"

#include <stddef.h>
#include <string.h>

#include "core/text.h"

const char *const m4s_gpu_products_names[] = {"float32", "tf32", NULL};
const char *const m4s_gpu_cells_names[] = {"cublas", "cudnn", NULL};

// From so many operations a flow on, auto takes a GPU. Networks of hidden size 64 have 0.2
// million, the published ones 2.1.
static const double GPU_MIN_FLOPS = 1e6;

m4s_status_t m4s_device_choice_read(const char *text, m4s_device_choice_t *choice_out) {
  static const char prefix[] = "cuda:";
  enum { MAX_GPU = 1023 };
  int64_t gpu = -1;
  m4s_device_kind_t kind = M4S_DEVICE_GPU;
  if (strcmp(text, "auto") == 0) {
    kind = M4S_DEVICE_AUTO;
  } else if (strcmp(text, "cpu") == 0) {
    kind = M4S_DEVICE_CPU;
  } else if (strncmp(text, prefix, sizeof prefix - 1) != 0 ||
             !m4s_parse_int64(text + sizeof prefix - 1, &gpu) || gpu < 0 || gpu > MAX_GPU) {
    return m4s_fail(M4S_ERR_INPUT, "--device: \"%s\" is none of auto, cpu and cuda:N", text);
  }
  choice_out->kind = kind;
  choice_out->gpu = (int)gpu;
  return M4S_OK;
}

m4s_status_t m4s_device_choice_resolve(m4s_device_choice_t *choice, int local_rank) {
  char reason[M4S_GPU_REASON_BYTES];
  if (choice->kind == M4S_DEVICE_CPU) {
    return M4S_OK;
  }
  int n = m4s_gpu_count(reason);
  if (choice->kind == M4S_DEVICE_AUTO) {
    choice->gpu = n == 0 ? -1 : local_rank % n;
    return M4S_OK;
  }
  if (choice->gpu < n) {
    return M4S_OK;
  }
  return n == 0
             ? m4s_fail(M4S_ERR_INPUT, "--device cuda:%d: there is no GPU: %s", choice->gpu, reason)
             : m4s_fail(M4S_ERR_INPUT, "--device cuda:%d: this machine has cuda:0%s%d", choice->gpu,
                        n == 1 ? " alone, not cuda:" : " … cuda:", n == 1 ? choice->gpu : n - 1);
}

bool m4s_device_choice_takes_gpu(const m4s_device_choice_t *choice, const m4s_model_t *model) {
  return choice->gpu >= 0 &&
         (choice->kind == M4S_DEVICE_GPU ||
          (choice->kind == M4S_DEVICE_AUTO && m4s_model_flops_per_flow(model) >= GPU_MIN_FLOPS));
}
