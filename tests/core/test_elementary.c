// Exponential and logarithm against those of the C library.
#include "support.h"

#include <float.h>
#include <math.h>

#include "core/elementary.h"
#include "core/text.h"

// Relative error; a NaN gives infinity, which every comparison refuses.
static double relative_error(double value, double expected) {
  double error = fabs(value - expected) / fabs(expected);
  return isfinite(error) ? error : INFINITY;
}

static void exp_should_be_right_to_two_units(void **state) {
  (void)state;
  uint64_t random = 1;
  for (int i = 0; i < 200000; i++) {
    double x = (double)support_random_below(&random, 1400000001) * 1e-6 - 700;
    assert_true(relative_error(m4s_real_exp(x), exp(x)) <= 2 * DBL_EPSILON);
  }
  assert_true(m4s_real_exp(0) == 1);
  assert_true(m4s_real_exp(1e9) == m4s_real_exp(700));
  assert_true(m4s_real_exp(-1e9) == m4s_real_exp(-700));
}

static void log_should_be_right_to_two_units(void **state) {
  (void)state;
  uint64_t random = 2;
  for (int i = 0; i < 200000; i++) {
    double x = ldexp(1 + (double)support_random_below(&random, INT64_C(1) << 52) * 0x1p-52,
                     (int)support_random_below(&random, 2044) - 1022);
    double error = fabs(m4s_real_log(x) - log(x));
    assert_true(error <= 2 * DBL_EPSILON * fabs(log(x)) + 1e-16);
  }
  assert_true(m4s_real_log(1) == 0);
  assert_true(relative_error(m4s_real_log(1 - 0x1p-40), log1p(-0x1p-40)) <= 1e-15);
}

static void pow_should_be_right(void **state) {
  (void)state;
  assert_true(relative_error(m4s_real_pow(2, 10), 1024) < 1e-15);
  assert_true(relative_error(m4s_real_pow(1e9, -1.1), pow(1e9, -1.1)) < 1e-14);
  assert_true(m4s_real_pow(7, 0) == 1);
}

// The bytes on every machine: the hash of many values.
static void values_should_be_the_same_everywhere(void **state) {
  (void)state;
  uint64_t hash = M4S_HASH_START;
  for (int i = 1; i < 20000; i++) {
    const double values[] = {m4s_real_exp(i * 0.0347 - 340), m4s_real_log(i * 0.731)};
    hash = m4s_hash_bytes(hash, values, sizeof values);
  }
  assert_int_equal(hash, UINT64_C(0x8c13058341cb6035));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exp_should_be_right_to_two_units),
      cmocka_unit_test(log_should_be_right_to_two_units),
      cmocka_unit_test(pow_should_be_right),
      cmocka_unit_test(values_should_be_the_same_everywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
