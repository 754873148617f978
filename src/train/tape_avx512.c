#include <cblas.h>
#include <math.h>
#include <string.h>

#include "train/tape_pass.h"

#ifdef __AVX512F__
#include <immintrin.h>

#define LANES 16
#define fma_v(a, b, c) ((v_t)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#include "m4/vectors.h"

#define INSTRUCTIONS "avx512"
typedef float number_t;
#define gemm cblas_sgemm
#include "train/tape_body.h"

const m4s_tape_kernels_t *m4s_tape_kernels_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? &kernels : NULL;
}
#else
const m4s_tape_kernels_t *m4s_tape_kernels_avx512(void) { return NULL; }
#endif
