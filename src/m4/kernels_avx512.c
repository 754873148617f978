#include <math.h>
#include <string.h>

#include "m4/kernels.h"

#ifdef __AVX512F__
#include <immintrin.h>

#define KERNELS "avx512"
#define LANES 16
#define ROWS 8  // times 3 gates, and 3 weights, and 1 activation: 28 of 32 registers
#define fma_v(a, b, c) ((v_t)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#include "m4/kernels_body.h"

const m4s_kernels_t *m4s_kernels_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? &kernels : NULL;
}
#else
const m4s_kernels_t *m4s_kernels_avx512(void) { return NULL; }
#endif
