// Times between flows: distribution, mean, the same everywhere.
#include "flow/kolmogorov.h"

#include "core/text.h"
#include "flow/gaps.h"

enum { N = 200000 };

static double lognormal_below(double x, const void *context) {
  const m4s_gaps_t *gaps = context;
  return x <= 0 ? 0 : 0.5 * erfc(-(log(x) - gaps->mu) / (gaps->sigma * sqrt(2)));
}

static double poisson_below(double x, const void *context) {
  const m4s_gaps_t *gaps = context;
  return x <= 0 ? 0 : -expm1(-x / gaps->mean_ns);
}

// The distribution is right, and the mean of N gaps is within five standard errors of the one asked
// for, where the deviation of a gap is `deviation` means.
static void assert_gaps(m4s_gaps_kind_t kind, double sigma, double deviation) {
  const m4s_gaps_t gaps = m4s_gaps_make(kind, sigma, 1234.5);
  m4s_random_t random;
  m4s_random_init(&random, 11, "gaps", 0);
  double *values = malloc(N * sizeof *values);
  double sum = 0;
  for (int i = 0; i < N; i++) {
    values[i] = m4s_gaps_draw(&gaps, &random);
    sum += values[i];
  }
  double distance = kolmogorov_distance(
      values, N, 0, kind == M4S_GAPS_POISSON ? poisson_below : lognormal_below, &gaps);
  assert_true(distance <= kolmogorov_limit(N));
  assert_true(fabs(sum / N / 1234.5 - 1) <= 5 * deviation / sqrt(N));
  free(values);
}

static void lognormal_gaps_should_have_their_distribution(void **state) {
  (void)state;
  for (int i = 1; i <= 4; i++) {
    double sigma = 0.5 * i;
    assert_gaps(M4S_GAPS_LOGNORMAL, sigma, sqrt(expm1(sigma * sigma)));
  }
}

static void poisson_gaps_should_have_their_distribution(void **state) {
  (void)state;
  assert_gaps(M4S_GAPS_POISSON, 0, 1);
}

static void gaps_without_deviation_should_be_equal(void **state) {
  (void)state;
  const m4s_gaps_t gaps = m4s_gaps_make(M4S_GAPS_LOGNORMAL, 0, 50);
  m4s_random_t random;
  m4s_random_init(&random, 1, "gaps", 0);
  for (int i = 0; i < 10; i++) {
    assert_true(fabs(m4s_gaps_draw(&gaps, &random) - 50) < 1e-12);
  }
}

static void gaps_should_be_the_same_everywhere(void **state) {
  (void)state;
  uint64_t hash = M4S_HASH_START;
  for (int kind = 0; kind < 2; kind++) {
    const m4s_gaps_t gaps = m4s_gaps_make((m4s_gaps_kind_t)kind, 2, 1000);
    m4s_random_t random;
    m4s_random_init(&random, 1, "gaps", 0);
    for (int i = 0; i < 10000; i++) {
      double gap = m4s_gaps_draw(&gaps, &random);
      hash = m4s_hash_bytes(hash, &gap, sizeof gap);
    }
  }
  assert_int_equal(hash, UINT64_C(0xc8b17905b7417935));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lognormal_gaps_should_have_their_distribution),
      cmocka_unit_test(poisson_gaps_should_have_their_distribution),
      cmocka_unit_test(gaps_without_deviation_should_be_equal),
      cmocka_unit_test(gaps_should_be_the_same_everywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
