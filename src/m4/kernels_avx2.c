#include <math.h>
#include <string.h>

#include "m4/kernels.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#define KERNELS "avx2"
#define LANES 8
#define ROWS 4  // times 3 gates, and 3 weights, and 1 activation: 16 registers
#define fma_v(a, b, c) ((v_t)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#include "m4/kernels_body.h"

const m4s_kernels_t *m4s_kernels_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernels : NULL;
}
#else
const m4s_kernels_t *m4s_kernels_avx2(void) { return NULL; }
#endif
