// Random streams: the generator's numbers, independence, the same on every machine.
#include "support.h"

#include <gsl/gsl_randist.h>
#include <math.h>

#include "core/random.h"

// Numbers of xoshiro256** from the state {1, 2, 3, 4}, by hand from its definition: the first is
// rotl(2 * 5, 7) * 9; then s = {7, 0, 262146, 6 << 45}, and 0 twice in s[1] gives 0.
static void generator_should_be_xoshiro(void **state) {
  (void)state;
  m4s_random_t random = {.state = {1, 2, 3, 4}};
  assert_int_equal(m4s_random_bits(&random), 11520);
  assert_int_equal(m4s_random_bits(&random), 0);
  assert_int_equal(m4s_random_bits(&random), 1509978240);
  assert_int_equal(m4s_random_bits(&random), UINT64_C(1215971899390074240));
}

static void streams_should_be_the_same_everywhere(void **state) {
  (void)state;
  m4s_random_t random;
  m4s_random_init(&random, 42, "flow sizes", 7);
  assert_int_equal(m4s_random_bits(&random), UINT64_C(0xfaa05b01c1ca30f9));
}

static void streams_should_differ_by_seed_purpose_and_index(void **state) {
  (void)state;
  m4s_random_t random;
  uint64_t first[5];
  m4s_random_init(&random, 1, "gaps", 0);
  first[0] = m4s_random_bits(&random);
  m4s_random_init(&random, 2, "gaps", 0);
  first[1] = m4s_random_bits(&random);
  m4s_random_init(&random, 1, "gap", 0);
  first[2] = m4s_random_bits(&random);
  m4s_random_init(&random, 1, "gaps", 1);
  first[3] = m4s_random_bits(&random);
  m4s_random_init(&random, 1, "", 0);
  first[4] = m4s_random_bits(&random);
  for (int i = 0; i < 5; i++) {
    for (int j = 0; j < i; j++) {
      assert_true(first[i] != first[j]);
    }
  }
}

// The correlation of n pairs of uniform numbers is normal with deviation 1/sqrt(n): five of them.
static void neighbouring_streams_should_be_uncorrelated(void **state) {
  (void)state;
  enum { N = 100000 };
  m4s_random_t a, b;
  m4s_random_init(&a, 1, "gaps", 0);
  m4s_random_init(&b, 1, "gaps", 1);
  double sum = 0;
  for (int i = 0; i < N; i++) {
    sum += (m4s_random_uniform(&a) - 0.5) * (m4s_random_uniform(&b) - 0.5) * 12;
  }
  assert_true(fabs(sum / N) < 5 / sqrt(N));
}

// Chi square with 99 degrees of freedom: its 0.9999 quantile is 161.
static void whole_numbers_should_be_uniform(void **state) {
  (void)state;
  enum { N = 1000000, CELLS = 100 };
  m4s_random_t random;
  m4s_random_init(&random, 3, "cells", 0);
  int counts[CELLS] = {0};
  for (int i = 0; i < N; i++) {
    int64_t cell = m4s_random_below(&random, CELLS);
    assert_true(cell >= 0 && cell < CELLS);
    counts[cell]++;
  }
  double chi2 = 0;
  for (int i = 0; i < CELLS; i++) {
    double excess = counts[i] - (double)N / CELLS;
    chi2 += excess * excess * CELLS / N;
  }
  assert_true(chi2 < 161);
  assert_int_equal(m4s_random_below(&random, 1), 0);
}

// Means of the first four powers: deviations of their estimates are sqrt(1/n), sqrt(2/n),
// sqrt(15/n) and sqrt(96/n); five of them.
static void normal_numbers_should_have_their_moments(void **state) {
  (void)state;
  enum { N = 1000000 };
  m4s_random_t random;
  m4s_random_init(&random, 4, "normal", 0);
  double sums[4] = {0};
  for (int i = 0; i < N; i++) {
    double x = m4s_random_normal(&random);
    sums[0] += x;
    sums[1] += x * x;
    sums[2] += x * x * x;
    sums[3] += x * x * x * x;
  }
  const double expected[] = {0, 1, 0, 3};
  const double variances[] = {1, 2, 15, 96};
  for (int i = 0; i < 4; i++) {
    assert_true(fabs(sums[i] / N - expected[i]) < 5 * sqrt(variances[i] / N));
  }
}

// Functions of GSL take numbers from the same stream.
static void streams_should_serve_gsl(void **state) {
  (void)state;
  m4s_random_t random, same;
  m4s_random_init(&random, 5, "gsl", 0);
  m4s_random_init(&same, 5, "gsl", 0);
  assert_int_equal(gsl_rng_get(&random.gsl), m4s_random_bits(&same));
  assert_true(gsl_rng_uniform(&random.gsl) == m4s_random_uniform(&same));
  int counts[7] = {0};
  for (int i = 0; i < 7000; i++) {
    counts[gsl_rng_uniform_int(&random.gsl, 7)]++;
  }
  for (int i = 0; i < 7; i++) {
    assert_true(abs(counts[i] - 1000) < 5 * 30);
  }
}

static void shuffling_should_keep_the_items(void **state) {
  (void)state;
  int32_t items[50];
  int64_t moved = 0;
  m4s_random_t random;
  m4s_random_init(&random, 6, "order", 0);
  for (int32_t i = 0; i < 50; i++) {
    items[i] = i;
  }
  m4s_random_shuffle(&random, items, 50);
  uint64_t seen = 0;
  for (int32_t i = 0; i < 50; i++) {
    seen |= UINT64_C(1) << items[i];
    moved += items[i] != i;
  }
  assert_int_equal(seen, (UINT64_C(1) << 50) - 1);
  assert_true(moved > 30);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(generator_should_be_xoshiro),
      cmocka_unit_test(streams_should_be_the_same_everywhere),
      cmocka_unit_test(streams_should_differ_by_seed_purpose_and_index),
      cmocka_unit_test(neighbouring_streams_should_be_uncorrelated),
      cmocka_unit_test(whole_numbers_should_be_uniform),
      cmocka_unit_test(normal_numbers_should_have_their_moments),
      cmocka_unit_test(streams_should_serve_gsl),
      cmocka_unit_test(shuffling_should_keep_the_items),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
