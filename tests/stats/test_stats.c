// Known values, refused values and repeatability of the statistics.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats/bootstrap.h"
#include "stats/ecdf.h"
#include "stats/summary.h"

// Fails on NaN as well.
static bool near(double a, double b) { return fabs(a - b) <= 1e-12 * (1 + fabs(b)); }
#define ASSERT_NEAR(a, b) assert_true(near(a, b))

static const double samples[] = {4, 1, 3, 2, 10};

static void summary_should_give_known_values(void **state) {
  (void)state;
  m4s_summary_t summary;
  assert_int_equal(m4s_summary_make("x", samples, 5, &summary), M4S_OK);
  assert_int_equal(summary.n, 5);
  ASSERT_NEAR(summary.mean, 4);
  ASSERT_NEAR(summary.median, 3);
  ASSERT_NEAR(summary.p90, 7.6);  // position 3.6 between 4 and 10
  ASSERT_NEAR(summary.p95, 8.8);
  ASSERT_NEAR(summary.max, 10);
}

static void summary_should_leave_samples_alone(void **state) {
  (void)state;
  double copy[5];
  memcpy(copy, samples, sizeof copy);
  m4s_summary_t summary;
  assert_int_equal(m4s_summary_make("x", copy, 5, &summary), M4S_OK);
  assert_memory_equal(copy, samples, sizeof copy);
}

static void summary_should_take_none_and_one(void **state) {
  (void)state;
  m4s_summary_t summary;
  assert_int_equal(m4s_summary_make("x", NULL, 0, &summary), M4S_OK);
  assert_int_equal(summary.n, 0);
  assert_true(summary.mean == 0 && summary.max == 0);
  double one = -2.5;
  assert_int_equal(m4s_summary_make("x", &one, 1, &summary), M4S_OK);
  ASSERT_NEAR(summary.median, -2.5);
  ASSERT_NEAR(summary.p95, -2.5);
}

static void summary_should_refuse_non_finite_samples(void **state) {
  (void)state;
  double bad[] = {1, NAN, 3};
  m4s_summary_t summary = {.n = 77};
  assert_int_equal(m4s_summary_make("total_us", bad, 3, &summary), M4S_ERR_INPUT);
  assert_string_equal(m4s_last_error(), "total_us: sample 1 is nan, not a finite number");
  assert_int_equal(summary.n, 77);
  bad[1] = -INFINITY;
  assert_int_equal(m4s_summary_make("total_us", bad, 3, &summary), M4S_ERR_INPUT);
  m4s_error_summary_t errors = {.n = 77};
  assert_int_equal(m4s_error_summary_make("e", bad, 3, &errors), M4S_ERR_INPUT);
  m4s_ecdf_t ecdf = {.n_steps = 77};
  assert_int_equal(m4s_ecdf_make("e", bad, 3, &ecdf), M4S_ERR_INPUT);
  assert_int_equal(ecdf.n_steps, 77);
  m4s_bootstrap_t bootstrap;
  bad[1] = NAN;
  assert_int_equal(m4s_bootstrap_make("e", bad, 3, &bootstrap), M4S_ERR_INPUT);
}

static void error_summary_should_use_magnitudes(void **state) {
  (void)state;
  const double errors[] = {-10, 20, -30, 0};
  m4s_error_summary_t summary;
  assert_int_equal(m4s_error_summary_make("e", errors, 4, &summary), M4S_OK);
  ASSERT_NEAR(summary.mae, 15);
  ASSERT_NEAR(summary.mean_signed, -5);
  ASSERT_NEAR(summary.median_abs, 15);
  ASSERT_NEAR(summary.p90_abs, 27);
  ASSERT_NEAR(summary.max_abs, 30);
  assert_int_equal(m4s_error_summary_make("e", NULL, 0, &summary), M4S_OK);
  assert_true(summary.n == 0 && summary.mae == 0 && summary.mean_signed == 0);
}

static void ecdf_should_step_at_the_samples(void **state) {
  (void)state;
  const double values[] = {3, 1, 3, 2};
  m4s_ecdf_t ecdf;
  assert_int_equal(m4s_ecdf_make("x", values, 4, &ecdf), M4S_OK);
  assert_int_equal(ecdf.n_steps, 3);
  assert_int_equal(ecdf.n_samples, 4);
  ASSERT_NEAR(ecdf.values[2], 3);
  ASSERT_NEAR(ecdf.probabilities[0], 0.25);
  ASSERT_NEAR(ecdf.probabilities[1], 0.5);
  ASSERT_NEAR(ecdf.probabilities[2], 1);
  m4s_ecdf_clear(&ecdf);
  assert_int_equal(m4s_ecdf_make("x", NULL, 0, &ecdf), M4S_OK);
  assert_int_equal(ecdf.n_steps, 0);
  m4s_ecdf_clear(&ecdf);
}

enum { N_MANY = 200 };

static void fill(double *values) {
  for (int i = 0; i < N_MANY; i++) {
    values[i] = (i * 37) % N_MANY;
  }
}

static void bootstrap_should_repeat_and_depend_on_the_name(void **state) {
  (void)state;
  double values[N_MANY];
  fill(values);
  m4s_bootstrap_t first, again, other;
  assert_int_equal(m4s_bootstrap_make("flowsim", values, N_MANY, &first), M4S_OK);
  assert_int_equal(m4s_bootstrap_make("flowsim", values, N_MANY, &again), M4S_OK);
  assert_int_equal(m4s_bootstrap_make("m4", values, N_MANY, &other), M4S_OK);
  assert_memory_equal(&first.mean, &again.mean, sizeof first.mean);
  assert_memory_equal(&first.median, &again.median, sizeof first.median);
  assert_memory_not_equal(&first.mean, &other.mean, sizeof first.mean);
}

// Uniform on 0 … 199: standard error of the mean 57.73 / sqrt(200) = 4.08, of the median
// 0.5 · 200 / sqrt(200) = 7.07, so the half widths must be near 8.0 and 13.9.
static void bootstrap_should_cover_with_the_right_width(void **state) {
  (void)state;
  double values[N_MANY];
  fill(values);
  m4s_bootstrap_t bootstrap;
  assert_int_equal(m4s_bootstrap_make("width", values, N_MANY, &bootstrap), M4S_OK);
  assert_true(bootstrap.mean.low < 99.5 && 99.5 < bootstrap.mean.high);
  assert_true(bootstrap.median.low < 99.5 && 99.5 < bootstrap.median.high);
  double half_mean = (bootstrap.mean.high - bootstrap.mean.low) / 2;
  double half_median = (bootstrap.median.high - bootstrap.median.low) / 2;
  assert_true(half_mean > 7.0 && half_mean < 9.0);
  assert_true(half_median > 10.0 && half_median < 18.0);
}

static void bootstrap_should_need_two_samples(void **state) {
  (void)state;
  m4s_bootstrap_t bootstrap = {.known = true};
  assert_int_equal(m4s_bootstrap_make("none", NULL, 0, &bootstrap), M4S_OK);
  assert_false(bootstrap.known);
  assert_true(bootstrap.mean.low == 0 && bootstrap.median.high == 0);
  const double equal[] = {7, 7, 7};
  assert_int_equal(m4s_bootstrap_make("one", equal, 1, &bootstrap), M4S_OK);
  assert_false(bootstrap.known);
  assert_true(bootstrap.mean.low == 0 && bootstrap.mean.high == 0);
  assert_int_equal(m4s_bootstrap_make("equal", equal, 3, &bootstrap), M4S_OK);
  assert_true(bootstrap.known);
  ASSERT_NEAR(bootstrap.mean.low, 7);
  ASSERT_NEAR(bootstrap.median.high, 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(summary_should_give_known_values),
      cmocka_unit_test(summary_should_leave_samples_alone),
      cmocka_unit_test(summary_should_take_none_and_one),
      cmocka_unit_test(summary_should_refuse_non_finite_samples),
      cmocka_unit_test(error_summary_should_use_magnitudes),
      cmocka_unit_test(ecdf_should_step_at_the_samples),
      cmocka_unit_test(bootstrap_should_repeat_and_depend_on_the_name),
      cmocka_unit_test(bootstrap_should_cover_with_the_right_width),
      cmocka_unit_test(bootstrap_should_need_two_samples),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
