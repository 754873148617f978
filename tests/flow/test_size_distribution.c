// Flow sizes: distributions, means, files, errors, the same everywhere.
#include "flow/kolmogorov.h"

#include <jansson.h>

#include "core/text.h"
#include "flow/size_distribution.h"

enum { N = 200000 };

static m4s_sizes_config_t config_of(m4s_sizes_kind_t kind) {
  return (m4s_sizes_config_t){.kind = kind,
                              .mean_bytes = 20000,
                              .deviation_bytes = 5000,
                              .sigma = 1,
                              .shape = 1.2,
                              .smallest_bytes = 1000,
                              .max_flow_bytes = 1000000000};
}

static m4s_size_distribution_t *create(const m4s_sizes_config_t *config) {
  m4s_size_distribution_t *distribution = NULL;
  ASSERT_OK(m4s_size_distribution_create(config, "t", &distribution));
  return distribution;
}

static m4s_size_distribution_t *parse(const char *text, int64_t max_flow_bytes) {
  m4s_size_distribution_t *distribution = NULL;
  ASSERT_OK(m4s_size_distribution_parse(text, "t.csv", max_flow_bytes, &distribution));
  return distribution;
}

// --- draws ---

// P(size before rounding < x) of the settings, restricted to the sizes that are kept.
static double whole_below(double x, const m4s_sizes_config_t *config) {
  double least = (double)config->smallest_bytes;
  switch ((m4s_sizes_kind_t)config->kind) {
    case M4S_SIZES_PARETO:
      return x <= least ? 0 : 1 - pow(least / x, config->shape);
    case M4S_SIZES_EXPONENTIAL:
      return -expm1(-x / config->mean_bytes);
    case M4S_SIZES_GAUSSIAN:
      return 0.5 * erfc(-(x - config->mean_bytes) / (config->deviation_bytes * sqrt(2)));
    case M4S_SIZES_LOGNORMAL:
      return 0.5 *
             erfc(-(log(x / config->mean_bytes) / config->sigma + config->sigma / 2) / sqrt(2));
    default:
      return NAN;
  }
}

static double parametric_below(double x, const void *context) {
  const m4s_sizes_config_t *config = context;
  bool pareto = config->kind == M4S_SIZES_PARETO;
  double from = pareto ? (double)config->smallest_bytes : 0.5;
  double to = (double)config->max_flow_bytes + (pareto ? 0 : 0.5);
  double below = whole_below(fmin(fmax(x, from), to), config) - whole_below(from, config);
  return below / (whole_below(to, config) - whole_below(from, config));
}

// Draws N sizes within 1 … max; their mean is within five standard errors of the distribution's.
static double *draw(const m4s_size_distribution_t *distribution, int64_t max) {
  m4s_random_t random;
  m4s_random_init(&random, 21, "flow sizes", 0);
  double *values = malloc(N * sizeof *values);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < N; i++) {
    int64_t size = m4s_size_distribution_draw(distribution, &random);
    assert_true(size >= 1 && size <= max);
    values[i] = (double)size;
    sum += values[i];
    squares += values[i] * values[i];
  }
  double mean = m4s_size_distribution_mean(distribution);
  double error = sqrt(squares / N - sum / N * (sum / N)) / sqrt(N);
  assert_true(fabs(sum / N - mean) <= 5 * error + 1e-9 * mean);
  return values;
}

static void assert_parametric(const m4s_sizes_config_t *config) {
  m4s_size_distribution_t *distribution = create(config);
  double *values = draw(distribution, config->max_flow_bytes);
  double distance = kolmogorov_distance(values, N, 0.5, parametric_below, config);
  assert_true(distance <= kolmogorov_limit(N));
  free(values);
  m4s_size_distribution_destroy(distribution);
}

static void parametric_sizes_should_have_their_distribution(void **state) {
  (void)state;
  for (int kind = M4S_SIZES_PARETO; kind <= M4S_SIZES_LOGNORMAL; kind++) {
    m4s_sizes_config_t config = config_of((m4s_sizes_kind_t)kind);
    assert_parametric(&config);
    config.max_flow_bytes = 25000;
    assert_parametric(&config);
    // Small sizes, where rounding matters; wide deviations; Pareto without a mean of its own.
    config.mean_bytes = 8;
    config.deviation_bytes = 12;
    config.sigma = 2;
    config.shape = 0.8;
    config.smallest_bytes = 2;
    assert_parametric(&config);
    config.shape = 1;
    assert_parametric(&config);
  }
}

// Rounding moves a size x by half a byte at most, and its square by x + 1/4. `square`: of rounded
// sizes.
static void assert_mean_square(const m4s_size_distribution_t *distribution, double square) {
  double mean = m4s_size_distribution_mean(distribution);
  assert_true(fabs(m4s_size_distribution_mean_square(distribution) - square) <= mean + 0.25);
}

// Means summed over all sizes: sum of P(size ≥ k), and of 2k - 1 times that.
static void means_should_be_those_of_rounded_sizes(void **state) {
  (void)state;
  for (int kind = M4S_SIZES_PARETO; kind <= M4S_SIZES_LOGNORMAL; kind++) {
    for (int wide = 0; wide < 2; wide++) {
      m4s_sizes_config_t config = config_of((m4s_sizes_kind_t)kind);
      config.mean_bytes = wide ? 20000 : 200;
      config.deviation_bytes = config.mean_bytes / 3;
      config.smallest_bytes = wide ? 100 : 1;
      config.shape = wide ? 1 : 1.7;
      config.max_flow_bytes = wide ? 1000000 : 1500;
      m4s_size_distribution_t *distribution = create(&config);
      double mean = 0;
      double square = 0;
      for (int64_t k = 1; k <= config.max_flow_bytes; k++) {
        double more = 1 - parametric_below((double)k - 0.5, &config);
        mean += more;
        square += (double)(2 * k - 1) * more;
      }
      assert_mean_square(distribution, square);
      assert_true(fabs(m4s_size_distribution_mean(distribution) / mean - 1) <= 1e-6);
      m4s_size_distribution_destroy(distribution);
    }
  }
}

static void constant_sizes_should_be_constant(void **state) {
  (void)state;
  m4s_sizes_config_t config = config_of(M4S_SIZES_CONSTANT);
  config.mean_bytes = 1234.6;
  m4s_size_distribution_t *distribution = create(&config);
  m4s_random_t random;
  m4s_random_init(&random, 1, "flow sizes", 0);
  assert_int_equal(m4s_size_distribution_draw(distribution, &random), 1235);
  assert_true(m4s_size_distribution_mean(distribution) == 1235);
  assert_true(m4s_size_distribution_mean_square(distribution) == 1235.0 * 1235);
  m4s_size_distribution_destroy(distribution);
}

// --- empirical ---

typedef struct {
  double bytes[64], share[64];
  int n;
  double end;
} cdf_t;

static double cdf_at(const cdf_t *cdf, double x) {
  if (x < cdf->bytes[0]) {
    return 0;
  }
  for (int i = 1; i < cdf->n; i++) {
    if (x < cdf->bytes[i]) {
      double part = (x - cdf->bytes[i - 1]) / (cdf->bytes[i] - cdf->bytes[i - 1]);
      return cdf->share[i - 1] + part * (cdf->share[i] - cdf->share[i - 1]);
    }
  }
  return 1;
}

// Everything below 1.5 bytes becomes 1 byte.
static double cdf_below(double x, const void *context) {
  const cdf_t *cdf = context;
  return x < 1 ? 0 : cdf_at(cdf, fmin(x, cdf->end)) / cdf_at(cdf, cdf->end);
}

static void assert_empirical(m4s_size_distribution_t *distribution, const cdf_t *cdf) {
  double *values = draw(distribution, (int64_t)cdf->end);
  assert_true(kolmogorov_distance(values, N, 0.5, cdf_below, cdf) <= kolmogorov_limit(N));
  free(values);
  double mean = 0;
  double square = 0;
  for (int64_t k = 1; k <= (int64_t)fmin(cdf->end, cdf->bytes[cdf->n - 1]); k++) {
    double more = 1 - cdf_below((double)k - 0.5, cdf);
    mean += more;
    square += (double)(2 * k - 1) * more;
  }
  assert_mean_square(distribution, square);
  assert_true(fabs(m4s_size_distribution_mean(distribution) / mean - 1) <= 1e-9);
  m4s_size_distribution_destroy(distribution);
}

static void files_should_be_drawn_from(void **state) {
  (void)state;
  const char *text =
      "# a comment\nsize_bytes,percent\n0.25,10\n7,30\n100.5;60\n\n2000\t60\n4000 100\n";
  const cdf_t cdf = {{0.25, 7, 100.5, 2000, 4000}, {0.1, 0.3, 0.6, 0.6, 1}, 5, 4001};
  assert_empirical(parse(text, 1000000), &cdf);
  // Cut within a segment.
  const cdf_t cut = {{0.25, 7, 100.5, 2000, 4000}, {0.1, 0.3, 0.6, 0.6, 1}, 5, 3000.5};
  assert_empirical(parse(text, 3000), &cut);
  // Shares rather than percent, one point.
  m4s_size_distribution_t *one = parse("77 1\r\n", 1000);
  assert_true(m4s_size_distribution_mean(one) == 77);
  m4s_size_distribution_destroy(one);
}

// The reference's tables, to a millionth of a percent.
static void published_sizes_should_be_those_of_the_reference(void **state) {
  (void)state;
  json_t *root = json_load_file(support_reference("flow-size-distributions.json"), 0, NULL);
  assert_non_null(root);
  for (int kind = M4S_SIZES_CACHEFOLLOWER; kind <= M4S_SIZES_WEBSEARCH; kind++) {
    json_t *points = json_object_get(json_object_get(root, m4s_sizes_names[kind]), "points");
    cdf_t cdf = {.n = (int)json_array_size(points), .end = 1e9};
    double mean = 0;
    double square = 0;
    assert_true(cdf.n > 10 && cdf.n <= 64);
    for (int i = 0; i < cdf.n; i++) {
      json_t *point = json_array_get(points, (size_t)i);
      cdf.bytes[i] = json_number_value(json_array_get(point, 0));
      cdf.share[i] = json_number_value(json_array_get(point, 1)) / 100;
      if (i > 0) {
        double share = cdf.share[i] - cdf.share[i - 1];
        mean += (cdf.bytes[i] + cdf.bytes[i - 1]) / 2 * share;
        square += (cdf.bytes[i] * cdf.bytes[i] + cdf.bytes[i] * cdf.bytes[i - 1] +
                   cdf.bytes[i - 1] * cdf.bytes[i - 1]) /
                  3 * share;
      }
    }
    m4s_sizes_config_t config = config_of((m4s_sizes_kind_t)kind);
    m4s_size_distribution_t *distribution = create(&config);
    double *values = draw(distribution, 100000000);
    assert_true(kolmogorov_distance(values, N, 0.5, cdf_below, &cdf) <= kolmogorov_limit(N));
    assert_true(fabs(m4s_size_distribution_mean(distribution) / mean - 1) <= 1e-6);
    assert_true(fabs(m4s_size_distribution_mean_square(distribution) / square - 1) <= 1e-6);
    free(values);
    m4s_size_distribution_destroy(distribution);
  }
  json_decref(root);
}

static void sizes_should_be_the_same_everywhere(void **state) {
  (void)state;
  uint64_t hash = M4S_HASH_START;
  for (int kind = 0; m4s_sizes_names[kind] != NULL; kind++) {
    if (kind == M4S_SIZES_FILE) {
      continue;
    }
    m4s_sizes_config_t config = config_of((m4s_sizes_kind_t)kind);
    m4s_size_distribution_t *distribution = create(&config);
    m4s_random_t random;
    m4s_random_init(&random, 1, "flow sizes", 0);
    double mean = m4s_size_distribution_mean(distribution);
    hash = m4s_hash_bytes(hash, &mean, sizeof mean);
    for (int i = 0; i < 10000; i++) {
      int64_t size = m4s_size_distribution_draw(distribution, &random);
      hash = m4s_hash_bytes(hash, &size, sizeof size);
    }
    m4s_size_distribution_destroy(distribution);
  }
  assert_int_equal(hash, UINT64_C(0xcb8b1334a8424d44));
}

// --- errors ---

static void assert_refused(const char *text, const char *message) {
  m4s_size_distribution_t *distribution = NULL;
  ASSERT_REFUSES(m4s_size_distribution_parse(text, "t.csv", 1000000, &distribution), message);
  assert_null(distribution);
}

static void bad_files_should_be_refused(void **state) {
  (void)state;
  assert_refused("", "t.csv: has no points");
  assert_refused("# nothing\nbytes percent\n", "t.csv: has no points");
  assert_refused("0 0\n5 50\n5 100\n", "t.csv:3:1: size \"5\" is not above 5 of the point before");
  assert_refused("0,0\n5,50\n6,49.5\n9,100\n",
                 "t.csv:3:3: cumulative percent \"49.5\" falls from 50");
  assert_refused("0 0\n5 50\n6 99\n",
                 "t.csv:3:3: cumulative percent \"99\" is the last, which must be 100 (or 1)");
  assert_refused("0 0\n5 0.5\n6 0.9\n",
                 "t.csv:3:3: cumulative percent \"0.9\" is the last, which must be 100 (or 1)");
  assert_refused("0 0\n5 50\n6 101\n",
                 "t.csv:3:3: cumulative percent \"101\" is outside 0 to 100 (nearest valid: 100)");
  assert_refused("-1 0\n5 100\n",
                 "t.csv:1:1: size \"-1\" is outside 0 to 1000000000000 (nearest valid: 0)");
  assert_refused("nan 0\n5 100\n", "t.csv:1:1: size \"nan\" is not a number");
  assert_refused("0 0\n5 nan\n6 100\n", "t.csv:2:3: cumulative percent \"nan\" is not a number");
  assert_refused("0 0\n5 inf\n", "t.csv:2:3: cumulative percent \"inf\" is not a number");
  assert_refused("0 0\n5O 50\n", "t.csv:2:1: size \"5O\" is not a number");
  assert_refused("0 0\nbytes percent\n", "t.csv:2:1: size \"bytes\" is not a number");
  assert_refused("0 0\n5\n", "t.csv:2: 1 word, needed: size in bytes, cumulative percent");
  assert_refused("0 0 0\n", "t.csv:1: 3 words, needed: size in bytes, cumulative percent");
  assert_refused("2000000 0\n3000000 100\n",
                 "t.csv: max_flow_bytes: 1000000 leaves 0 % of the flow sizes, too few");
}

static void refuse(const m4s_sizes_config_t *config, const char *message) {
  m4s_size_distribution_t *distribution = NULL;
  ASSERT_REFUSES(m4s_size_distribution_create(config, "x.json: base.traffic", &distribution),
                 message);
  assert_null(distribution);
}

static void bad_settings_should_be_refused(void **state) {
  (void)state;
  m4s_sizes_config_t config = config_of(M4S_SIZES_FILE);
  refuse(&config, "x.json: base.traffic: sizes file needs sizes_file");
  config = config_of(M4S_SIZES_PARETO);
  config.max_flow_bytes = 1000;
  refuse(&config,
         "x.json: base.traffic: smallest_bytes: 1000 is not below max_flow_bytes (nearest valid: "
         "999)");
  config = config_of(M4S_SIZES_GAUSSIAN);
  config.max_flow_bytes = 19999;
  refuse(&config,
         "x.json: base.traffic: mean_bytes: 20000 is above max_flow_bytes (nearest valid: 19999)");
  config.max_flow_bytes = 20000;
  config.deviation_bytes = 1e9;
  refuse(&config,
         "x.json: base.traffic: sizes gaussian: 0.000798 % would be of 1 to 20000 bytes "
         "(max_flow_bytes), too few");
  config = config_of(M4S_SIZES_FILE);
  config.file = (char *)"missing.csv";
  m4s_size_distribution_t *distribution = NULL;
  assert_int_equal(m4s_size_distribution_create(&config, "t", &distribution), M4S_ERR_INPUT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parametric_sizes_should_have_their_distribution),
      cmocka_unit_test(means_should_be_those_of_rounded_sizes),
      cmocka_unit_test(constant_sizes_should_be_constant),
      cmocka_unit_test(files_should_be_drawn_from),
      cmocka_unit_test(published_sizes_should_be_those_of_the_reference),
      cmocka_unit_test(sizes_should_be_the_same_everywhere),
      cmocka_unit_test(bad_files_should_be_refused),
      cmocka_unit_test(bad_settings_should_be_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
