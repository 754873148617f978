#include "core/elementary.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// ln 2 in two parts; the first has 21 zero bits at its end, so products with exponents are exact.
static const double LN2_HIGH = 0x1.62e42feep-1;
static const double LN2_LOW = 0x1.a39ef35793c76p-33;

static uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static double of_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

double m4s_real_exp(double x) {
  // 1/k!, from 13 down: the rest is below 1e-17 for |r| ≤ ln(2) / 2.
  static const double inverse[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                   1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                   1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};
  x = x > 700 ? 700 : x < -700 ? -700 : x;
  int64_t exponent = (int64_t)(x * 0x1.71547652b82fep+0 + (x < 0 ? -0.5 : 0.5));
  double k = (double)exponent;
  double r = (x - k * LN2_HIGH) - k * LN2_LOW;
  double sum = 0;
  for (size_t i = 0; i < sizeof inverse / sizeof *inverse; i++) {
    sum = sum * r + inverse[i];
  }
  return (1 + (r + r * r * sum)) * of_bits((uint64_t)(exponent + 1023) << 52);
}

// With x = 2^k m and s = (m - 1) / (m + 1): ln x = k ln 2 + 2 (s + s^3/3 + s^5/5 + …).
double m4s_real_log(double x) {
  static const double odd[] = {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                               1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};
  uint64_t bits = bits_of(x);
  int k = (int)(bits >> 52) - 1023;
  double m = of_bits((bits & UINT64_C(0xfffffffffffff)) | UINT64_C(1023) << 52);  // [1, 2)
  if (m > 0x1.6a09e667f3bcdp+0) {
    m /= 2;
    k++;
  }
  double s = (m - 1) / (m + 1);
  double z = s * s;
  double sum = 0;
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    sum = (sum + odd[i]) * z;
  }
  return k * LN2_HIGH + (k * LN2_LOW + 2 * (s + s * sum));
}

double m4s_real_pow(double x, double y) { return m4s_real_exp(y * m4s_real_log(x)); }
