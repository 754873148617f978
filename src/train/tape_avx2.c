#include <cblas.h>
#include <math.h>
#include <string.h>

#include "train/tape_pass.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#define LANES 8
#define fma_v(a, b, c) ((v_t)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#include "m4/vectors.h"

#define INSTRUCTIONS "avx2"
typedef float number_t;
#define gemm cblas_sgemm
#include "train/tape_body.h"

const m4s_tape_kernels_t *m4s_tape_kernels_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernels : NULL;
}
#else
const m4s_tape_kernels_t *m4s_tape_kernels_avx2(void) { return NULL; }
#endif
