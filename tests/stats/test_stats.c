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
  ASSERT_NEAR(summary.p99_abs, 29.7);
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

static void ecdf_should_be_thinned_to_steps_that_it_has(void **state) {
  (void)state;
  const double values[] = {5, 1, 2, 3, 3, 4, 7};
  m4s_ecdf_t ecdf;
  assert_int_equal(m4s_ecdf_make("x", values, 7, &ecdf), M4S_OK);
  m4s_ecdf_thin(&ecdf, 6);
  assert_int_equal(ecdf.n_steps, 6);
  m4s_ecdf_thin(&ecdf, 3);  // of the six steps the first, the third and the last
  assert_int_equal(ecdf.n_steps, 3);
  assert_int_equal(ecdf.n_samples, 7);
  ASSERT_NEAR(ecdf.values[0], 1);
  ASSERT_NEAR(ecdf.values[1], 3);
  ASSERT_NEAR(ecdf.values[2], 7);
  ASSERT_NEAR(ecdf.probabilities[1], 4.0 / 7);
  ASSERT_NEAR(ecdf.probabilities[2], 1);
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

// Two groups: a resample is the one, the other or both, with 1/4, 1/4 and 1/2, so that the 2.5 %
// and 97.5 % quantiles are the groups' own means and medians.
static void groups_should_be_drawn_whole(void **state) {
  (void)state;
  const double values[] = {10, 20, 60, 1, 2, 3, 4, 5};  // means 30 and 3, medians 20 and 3
  const size_t ends[] = {3, 8};
  const m4s_grouped_samples_t grouped = {
      .samples = values, .n = 8, .group_ends = ends, .n_groups = 2};
  m4s_bootstrap_t bootstrap;
  assert_int_equal(m4s_bootstrap_make_grouped("pair", &grouped, &bootstrap), M4S_OK);
  assert_true(bootstrap.known);
  ASSERT_NEAR(bootstrap.mean.low, 3);
  ASSERT_NEAR(bootstrap.mean.high, 30);
  ASSERT_NEAR(bootstrap.median.low, 3);
  ASSERT_NEAR(bootstrap.median.high, 20);
}

// Groups of equal samples are as their samples: more flows a point say no more of the points.
static void equal_samples_of_a_group_should_add_nothing(void **state) {
  (void)state;
  enum { N_GROUPS = 9, N_EACH = 200 };
  static double values[N_GROUPS * N_EACH];
  double single[N_GROUPS];
  size_t ends[N_GROUPS];
  for (size_t i = 0; i < N_GROUPS; i++) {
    single[i] = (double)(i * i);
    ends[i] = (i + 1) * N_EACH;
    for (size_t j = 0; j < N_EACH; j++) {
      values[i * N_EACH + j] = single[i];
    }
  }
  const m4s_grouped_samples_t grouped = {
      .samples = values, .n = N_GROUPS * N_EACH, .group_ends = ends, .n_groups = N_GROUPS};
  m4s_bootstrap_t of_groups, of_samples;
  assert_int_equal(m4s_bootstrap_make_grouped("same", &grouped, &of_groups), M4S_OK);
  assert_int_equal(m4s_bootstrap_make("same", single, N_GROUPS, &of_samples), M4S_OK);
  ASSERT_NEAR(of_groups.mean.low, of_samples.mean.low);
  ASSERT_NEAR(of_groups.mean.high, of_samples.mean.high);
  ASSERT_NEAR(of_groups.median.low, of_samples.median.low);
  ASSERT_NEAR(of_groups.median.high, of_samples.median.high);
}

// With one sample a group the numbering of groups is all that differs: the same up to the noise of
// the resamples, a twentieth of the widths.
static void groups_of_one_should_be_samples(void **state) {
  (void)state;
  double values[N_MANY];
  size_t ends[N_MANY];
  fill(values);
  for (size_t i = 0; i < N_MANY; i++) {
    ends[i] = i + 1;
  }
  const m4s_grouped_samples_t grouped = {
      .samples = values, .n = N_MANY, .group_ends = ends, .n_groups = N_MANY};
  m4s_bootstrap_t of_groups, of_samples;
  assert_int_equal(m4s_bootstrap_make_grouped("ones", &grouped, &of_groups), M4S_OK);
  assert_int_equal(m4s_bootstrap_make("ones", values, N_MANY, &of_samples), M4S_OK);
  assert_true(fabs(of_groups.mean.low - of_samples.mean.low) < 0.8);
  assert_true(fabs(of_groups.mean.high - of_samples.mean.high) < 0.8);
  assert_true(fabs(of_groups.median.low - of_samples.median.low) < 2);
  assert_true(fabs(of_groups.median.high - of_samples.median.high) < 2);
}

static void one_group_should_give_no_interval(void **state) {
  (void)state;
  const size_t end = 5;
  const m4s_grouped_samples_t grouped = {
      .samples = samples, .n = 5, .group_ends = &end, .n_groups = 1};
  m4s_bootstrap_t bootstrap = {.known = true};
  m4s_ecdf_t ecdf;
  m4s_interval_t *band = (m4s_interval_t *)samples;
  assert_int_equal(m4s_bootstrap_make_grouped("one", &grouped, &bootstrap), M4S_OK);
  assert_false(bootstrap.known);
  assert_int_equal(m4s_ecdf_make("one", samples, 5, &ecdf), M4S_OK);
  assert_int_equal(m4s_bootstrap_band("one", &grouped, &ecdf, &band), M4S_OK);
  assert_null(band);
  m4s_ecdf_clear(&ecdf);
}

// Of 100 samples half are 0: the share of zeros is binomial with n = 100 and p = 1/2, whose 2.5 %
// and 97.5 % quantiles are 40 and 60; of 1,000 resamples the quantiles are one off at most.
static void band_should_be_binomial(void **state) {
  (void)state;
  double values[100];
  for (int i = 0; i < 100; i++) {
    values[i] = i % 2;
  }
  const m4s_grouped_samples_t grouped = {.samples = values, .n = 100};
  m4s_ecdf_t ecdf;
  m4s_interval_t *band = NULL;
  assert_int_equal(m4s_ecdf_make("coin", values, 100, &ecdf), M4S_OK);
  assert_int_equal(m4s_bootstrap_band("coin", &grouped, &ecdf, &band), M4S_OK);
  assert_int_equal(ecdf.n_steps, 2);
  assert_true(band[0].low >= 0.39 && band[0].low <= 0.41);
  assert_true(band[0].high >= 0.59 && band[0].high <= 0.61);
  ASSERT_NEAR(band[1].low, 1);
  ASSERT_NEAR(band[1].high, 1);
  free(band);
  m4s_ecdf_clear(&ecdf);
}

// Two groups again: at 3 the share is 3/5 in the one and 0 in the other.
static void band_should_draw_groups(void **state) {
  (void)state;
  const double values[] = {10, 20, 60, 1, 2, 3, 4, 5};
  const size_t ends[] = {3, 8};
  const m4s_grouped_samples_t grouped = {
      .samples = values, .n = 8, .group_ends = ends, .n_groups = 2};
  m4s_ecdf_t ecdf;
  m4s_interval_t *band = NULL;
  assert_int_equal(m4s_ecdf_make("pair", values, 8, &ecdf), M4S_OK);
  assert_int_equal(m4s_bootstrap_band("pair", &grouped, &ecdf, &band), M4S_OK);
  ASSERT_NEAR(band[2].low, 0);
  ASSERT_NEAR(band[2].high, 0.6);
  ASSERT_NEAR(band[5].low, 1.0 / 3);  // at 10
  ASSERT_NEAR(band[5].high, 1);
  free(band);
  m4s_ecdf_clear(&ecdf);
}

// Between the resampled steps the bounds stay near those of the normal approximation.
static void long_bands_should_be_interpolated(void **state) {
  (void)state;
  enum { N = 5 * M4S_MAX_BAND_VALUES + 7 };
  static double values[N];
  for (int i = 0; i < N; i++) {
    values[i] = sqrt(i);
  }
  const m4s_grouped_samples_t grouped = {.samples = values, .n = N};
  m4s_ecdf_t ecdf;
  m4s_interval_t *band = NULL;
  assert_int_equal(m4s_ecdf_make("long", values, N, &ecdf), M4S_OK);
  assert_int_equal(m4s_bootstrap_band("long", &grouped, &ecdf, &band), M4S_OK);
  for (size_t i = 0; i < N; i++) {
    double p = ecdf.probabilities[i];
    double half = 1.96 * sqrt(p * (1 - p) / N);
    assert_true(fabs(band[i].low - (p - half)) < 0.003);
    assert_true(fabs(band[i].high - (p + half)) < 0.003);
    assert_true(i == 0 || (band[i].low >= band[i - 1].low && band[i].high >= band[i - 1].high));
  }
  free(band);
  m4s_ecdf_clear(&ecdf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(summary_should_give_known_values),
      cmocka_unit_test(summary_should_leave_samples_alone),
      cmocka_unit_test(summary_should_take_none_and_one),
      cmocka_unit_test(summary_should_refuse_non_finite_samples),
      cmocka_unit_test(error_summary_should_use_magnitudes),
      cmocka_unit_test(ecdf_should_step_at_the_samples),
      cmocka_unit_test(ecdf_should_be_thinned_to_steps_that_it_has),
      cmocka_unit_test(bootstrap_should_repeat_and_depend_on_the_name),
      cmocka_unit_test(bootstrap_should_cover_with_the_right_width),
      cmocka_unit_test(bootstrap_should_need_two_samples),
      cmocka_unit_test(groups_should_be_drawn_whole),
      cmocka_unit_test(equal_samples_of_a_group_should_add_nothing),
      cmocka_unit_test(groups_of_one_should_be_samples),
      cmocka_unit_test(one_group_should_give_no_interval),
      cmocka_unit_test(band_should_be_binomial),
      cmocka_unit_test(band_should_draw_groups),
      cmocka_unit_test(long_bands_should_be_interpolated),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
