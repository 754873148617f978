// Vectors of float32 and functions of them, compiled once per instruction set. The includer defines
// LANES (4, 8 or 16 numbers of a vector) and, where there is an instruction for it,
// fma_v(a, b, c) = a * b + c, rounded once.

typedef float v_t __attribute__((vector_size(4 * LANES)));
typedef float unaligned_t __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t iv_t __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

#ifndef fma_v
// Without vector instructions for it: exact all the same.
INLINE v_t fma_v(v_t a, v_t b, v_t c) {
  for (int i = 0; i < LANES; i++) {
    c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  }
  return c;
}
#endif

INLINE v_t load(const float *from) { return *(const unaligned_t *)from; }
INLINE void store(float *to, v_t value) { *(unaligned_t *)to = value; }
INLINE v_t set(float value) { return value - (v_t){0}; }
INLINE v_t choose(iv_t mask, v_t yes, v_t no) {
  return (v_t)((mask & (iv_t)yes) | (~mask & (iv_t)no));
}

// e^x to 1 ulp or so: 2^n e^r with |r| ≤ ln 2 / 2, e^r as a polynomial (coefficients after
// Cephes's expf). NaN stays NaN; beyond ±87 x counts as ±87.
INLINE v_t exp_v(v_t x) {
  const float shift = 12582912.0F;  // 1.5 · 2^23: adding it rounds to an integer
  x = choose(x < set(-87.0F), set(-87.0F), x);
  x = choose(x > set(87.0F), set(87.0F), x);
  v_t shifted = fma_v(x, set(1.44269504F), set(shift));
  v_t n = shifted - set(shift);
  v_t r = fma_v(n, set(-0.693359375F), x);
  r = fma_v(n, set(2.12194440e-4F), r);
  v_t p = set(1.9875691500e-4F);
  p = fma_v(p, r, set(1.3981999507e-3F));
  p = fma_v(p, r, set(8.3334519073e-3F));
  p = fma_v(p, r, set(4.1665795894e-2F));
  p = fma_v(p, r, set(1.6666665459e-1F));
  p = fma_v(p, r, set(5.0000001201e-1F));
  p = fma_v(p, r * r, r) + set(1.0F);
  return p * (v_t)(((iv_t)shifted << 23) + (iv_t)set(1.0F));
}

INLINE v_t sigmoid_v(v_t x) { return set(1.0F) / (set(1.0F) + exp_v(-x)); }

// Near 0 an odd polynomial (coefficients after Cephes's tanhf), else 1 - 2 / (e^2|x| + 1).
INLINE v_t tanh_v(v_t x) {
  iv_t sign = (iv_t)x & (iv_t)set(-0.0F);
  v_t size = (v_t)((iv_t)x ^ sign);
  v_t far = set(1.0F) - set(2.0F) / (exp_v(size + size) + set(1.0F));
  v_t z = x * x;
  v_t p = set(-5.70498872745e-3F);
  p = fma_v(p, z, set(2.06390887954e-2F));
  p = fma_v(p, z, set(-5.37397155531e-2F));
  p = fma_v(p, z, set(1.33314422036e-1F));
  p = fma_v(p, z, set(-3.33332819422e-1F));
  v_t near = fma_v(p * z, x, x);
  return choose(size < set(0.625F), near, (v_t)((iv_t)far | sign));
}
