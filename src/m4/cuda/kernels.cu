// The kernels of the forward pass for the GPU: items are spread over a grid of any size.
#include "m4/cuda/bodies.h"

#define FIRST (blockIdx.x * (int64_t)blockDim.x + threadIdx.x)
#define STEP (gridDim.x * (int64_t)blockDim.x)

#define ITEM_KERNEL(name) \
  extern "C" __global__ void m4s_##name(const __grid_constant__ m4s_##name##_args_t args, \
                                        const int64_t n_items) { \
    for (int64_t item = FIRST; item < n_items; item += STEP) { \
      m4s_##name##_item(&args, item); \
    } \
  }

ITEM_KERNEL(reset)
ITEM_KERNEL(gather)
ITEM_KERNEL(features)
ITEM_KERNEL(gates)
ITEM_KERNEL(place)
ITEM_KERNEL(sum)
ITEM_KERNEL(scatter)

// The sum over the lanes of a warp, the same for all of them, in one order.
__device__ static float over_lanes(float value) {
  for (int distance = M4S_KERNEL_LANES / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(0xffffffffU, value, distance);
  }
  return value;
}

// A warp a row.
extern "C" __global__ void m4s_norm(const __grid_constant__ m4s_norm_args_t args,
                                    const int64_t n_items) {
  int lane = threadIdx.x % M4S_KERNEL_LANES;
  for (int64_t row = FIRST / M4S_KERNEL_LANES; row < n_items; row += STEP / M4S_KERNEL_LANES) {
    if (!m4s_row_is_there(m4s_upload_of(args.upload), row)) {
      continue;
    }
    float mean = over_lanes(m4s_norm_sum(&args, row, lane)) / (float)args.n_columns;
    float squares = over_lanes(m4s_norm_squares(&args, row, lane, mean));
    m4s_norm_write(&args, row, lane, mean, squares / (float)args.n_columns);
  }
}

extern "C" __global__ void m4s_predict(const __grid_constant__ m4s_predict_args_t args,
                                       const int64_t n_items) {
  int lane = threadIdx.x % M4S_KERNEL_LANES;
  for (int64_t row = FIRST / M4S_KERNEL_LANES; row < n_items; row += STEP / M4S_KERNEL_LANES) {
    if (m4s_flow_of(m4s_upload_of(args.upload), row) < 0) {
      continue;
    }
    float sum = over_lanes(m4s_predict_sum(&args, row, lane));
    if (lane == 0) {
      args.predictions[row] = args.out_bias + sum;
    }
  }
}
