#include "flow/size_distribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/elementary.h"
#include "core/file.h"
#include "core/scan.h"
#include "core/text.h"
#include "flow/published_sizes.h"

const char *const m4s_sizes_names[] = {"cachefollower", "webserver", "hadoop",      "websearch",
                                       "file",          "pareto",    "exponential", "gaussian",
                                       "lognormal",     "constant",  NULL};

enum { MAX_FILE_BYTES = 16 << 20, MAX_POINTS = 1 << 20, GUIDES_PER_POINT = 4 };

static const double MAX_BYTES = 1e12;

// The points of a cumulative distribution: shares 0 … 1, the last is 1.
typedef struct {
  double *bytes, *share;  // owned, [n]
  int32_t n;
} points_t;

struct m4s_size_distribution {
  m4s_sizes_kind_t kind;
  double mean_bytes;
  double mean_square;  // bytes^2
  double end;  // sizes before rounding are below this: max_flow_bytes + 0.5
  // Empirical: the present share lies at or after point guide[floor(share * n_guides)].
  points_t points;
  int32_t *guide;  // owned, [n_guides]
  int32_t n_guides;
  double end_share;  // share of the sizes below `end`
  // Parametric: what the formulas of the draws call them.
  double scale, shape, from, width;
};

static void clear_points(points_t *points) {
  free(points->bytes);
  free(points->share);
}

void m4s_size_distribution_destroy(m4s_size_distribution_t *distribution) {
  if (distribution != NULL) {
    clear_points(&distribution->points);
    free(distribution->guide);
    free(distribution);
  }
}

static m4s_status_t make_points(int32_t n, const char *what, points_t *points_out) {
  points_t points = {.bytes = calloc((size_t)n, sizeof(double)),
                     .share = calloc((size_t)n, sizeof(double)),
                     .n = n};
  if (points.bytes == NULL || points.share == NULL) {
    clear_points(&points);
    return m4s_fail_memory(what);
  }
  *points_out = points;
  return M4S_OK;
}

// --- empirical ---

// The bytes that a size is rounded to.
static int64_t rounded(double bytes) { return bytes < 1.5 ? 1 : (int64_t)(bytes + 0.5); }

// The mean of rounded sizes that are uniform between a and b: with n the rounded x and d = x - n,
// the integral of n dx is (x^2 - d^2) / 2 and a constant.
static double uniform_mean(double a, double b) {
  double at_a = a - (double)rounded(a);
  double at_b = b - (double)rounded(b);
  return (a + b) / 2 - (at_b * at_b - at_a * at_a) / (2 * (b - a));
}

// Share of the sizes below x.
static double share_below(const points_t *points, double x) {
  int32_t i = 0;
  while (i < points->n && points->bytes[i] < x) {
    i++;
  }
  if (i == 0 || i == points->n) {
    return i == 0 ? 0 : 1;
  }
  double part = (x - points->bytes[i - 1]) / (points->bytes[i] - points->bytes[i - 1]);
  return points->share[i - 1] + part * (points->share[i] - points->share[i - 1]);
}

static double empirical_mean(const points_t *points, double end, double end_share) {
  double sum = points->share[0] * (double)rounded(points->bytes[0]);
  for (int32_t i = 1; i < points->n && points->bytes[i - 1] < end; i++) {
    double upper = fmin(points->bytes[i], end);
    double share = fmin(points->share[i], end_share) - points->share[i - 1];
    sum += share * uniform_mean(points->bytes[i - 1], upper);
  }
  // No size is below 1 or above the last one before the end, but the shares' sum is rounded.
  return fmin(floor(end), fmax(1, sum / end_share));
}

// Of sizes that are uniform between a and b it is (a^2 + ab + b^2) / 3.
static double empirical_mean_square(const points_t *points, double end, double end_share) {
  double sum = points->share[0] * points->bytes[0] * points->bytes[0];
  for (int32_t i = 1; i < points->n && points->bytes[i - 1] < end; i++) {
    double lower = points->bytes[i - 1];
    double upper = fmin(points->bytes[i], end);
    double share = fmin(points->share[i], end_share) - points->share[i - 1];
    sum += share * (lower * lower + lower * upper + upper * upper) / 3;
  }
  return fmax(1, sum / end_share);
}

static m4s_status_t make_guide(m4s_size_distribution_t *distribution) {
  const points_t *points = &distribution->points;
  distribution->n_guides = points->n * GUIDES_PER_POINT;
  distribution->guide = calloc((size_t)distribution->n_guides, sizeof *distribution->guide);
  if (distribution->guide == NULL) {
    return m4s_fail_memory("flow sizes");
  }
  int32_t point = 0;
  for (int32_t i = 0; i < distribution->n_guides; i++) {
    while (points->share[point] <= (double)i / distribution->n_guides) {
      point++;
    }
    distribution->guide[i] = point;
  }
  return M4S_OK;
}

static int64_t draw_empirical(const m4s_size_distribution_t *distribution, m4s_random_t *random) {
  const points_t *points = &distribution->points;
  double share = m4s_random_uniform(random) * distribution->end_share;
  int32_t i = distribution->guide[(int32_t)(share * distribution->n_guides)];
  while (points->share[i] <= share) {
    i++;
  }
  if (i == 0) {
    return rounded(points->bytes[0]);
  }
  double part = (share - points->share[i - 1]) / (points->share[i] - points->share[i - 1]);
  double bytes = points->bytes[i - 1] + part * (points->bytes[i] - points->bytes[i - 1]);
  return rounded(bytes);
}

// Takes the points over. `where` begins errors.
static m4s_status_t make_empirical(points_t *points, const char *where, int64_t max_flow_bytes,
                                   m4s_size_distribution_t **distribution_out) {
  double end = (double)max_flow_bytes + 0.5;
  double end_share = share_below(points, end);
  if (!(end_share >= 1e-6)) {
    clear_points(points);
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: max_flow_bytes: %lld leaves %.3g %% of the flow sizes, too few", where,
                    (long long)max_flow_bytes, 100 * end_share);
  }
  m4s_size_distribution_t *distribution = calloc(1, sizeof *distribution);
  if (distribution == NULL) {
    clear_points(points);
    return m4s_fail_memory("flow sizes");
  }
  *distribution =
      (m4s_size_distribution_t){.kind = M4S_SIZES_FILE,
                                .points = *points,
                                .end = end,
                                .end_share = end_share,
                                .mean_bytes = empirical_mean(points, end, end_share),
                                .mean_square = empirical_mean_square(points, end, end_share)};
  m4s_status_t status = make_guide(distribution);
  if (status != M4S_OK) {
    m4s_size_distribution_destroy(distribution);
    return status;
  }
  *distribution_out = distribution;
  return M4S_OK;
}

static m4s_status_t make_published(const m4s_sizes_config_t *config, const char *where,
                                   m4s_size_distribution_t **distribution_out) {
  const m4s_published_sizes_t *published = &m4s_published_sizes[config->kind];
  points_t points = {0};
  M4S_TRY(make_points((int32_t)published->n_points, "flow sizes", &points));
  for (int32_t i = 0; i < points.n; i++) {
    points.bytes[i] = published->points[i].bytes;
    points.share[i] = published->points[i].percent / 100;
  }
  return make_empirical(&points, where, config->max_flow_bytes, distribution_out);
}

// --- files ---

// Separators become blanks, and lines that begin with '#' blank: columns stay what they are.
static void blank_out(char *text) {
  for (char *line = text; *line != '\0';) {
    size_t n = strcspn(line, "\n");
    bool comment = line[strspn(line, " \t\r")] == '#';
    for (size_t i = 0; i < n; i++) {
      line[i] = comment || line[i] == ',' || line[i] == ';' ? ' ' : line[i];
    }
    line += line[n] == '\0' ? n : n + 1;
  }
}

// Whether a word does not even begin like a number ("nan" does).
static bool is_name(const char *word) {
  char *end;
  (void)strtod(word, &end);
  return end == word && strchr("+-.0123456789", word[0]) == NULL;
}

static m4s_status_t read_number(const m4s_scanner_t *scanner, int i, const char *name, double max,
                                double *value_out) {
  if (!m4s_parse_double(scanner->words[i].text, value_out)) {
    return m4s_scanner_fail(scanner, i, name, "is not a number");
  }
  if (!(*value_out >= 0 && *value_out <= max)) {
    return m4s_scanner_fail(scanner, i, name, "is outside 0 to %.15g (nearest valid: %.15g)", max,
                            *value_out < 0 ? 0.0 : max);
  }
  return M4S_OK;
}

static m4s_status_t read_point(const m4s_scanner_t *scanner, points_t *points) {
  int32_t n = points->n;
  double bytes;
  double share;
  M4S_TRY(m4s_scanner_expect_words(scanner, 2, 2, "size in bytes, cumulative percent"));
  M4S_TRY(read_number(scanner, 0, "size", MAX_BYTES, &bytes));
  M4S_TRY(read_number(scanner, 1, "cumulative percent", 100, &share));
  if (n > 0 && bytes <= points->bytes[n - 1]) {
    return m4s_scanner_fail(scanner, 0, "size", "is not above %.15g of the point before",
                            points->bytes[n - 1]);
  }
  if (n > 0 && share < points->share[n - 1]) {
    return m4s_scanner_fail(scanner, 1, "cumulative percent", "falls from %.15g",
                            points->share[n - 1]);
  }
  points->bytes[n] = bytes;
  points->share[n] = share;
  points->n++;
  return M4S_OK;
}

// Percents become shares.
static m4s_status_t finish_points(const m4s_scanner_t *scanner, points_t *points) {
  double last = points->share[points->n - 1];
  double whole = last > 1.5 ? 100 : 1;
  if (!(fabs(last - whole) <= 1e-6 * whole)) {
    return m4s_scanner_fail(scanner, 1, "cumulative percent",
                            "is the last, which must be 100 (or 1)");
  }
  for (int32_t i = 0; i < points->n; i++) {
    points->share[i] /= last;
  }
  return M4S_OK;
}

// Reads all lines into points that have room for every one of them.
static m4s_status_t read_points(m4s_scanner_t *scanner, points_t *points) {
  points->n = 0;
  while (scanner->next[strspn(scanner->next, " \t\r\v\f\n")] != '\0') {
    M4S_TRY(m4s_scanner_next(scanner, "a point"));
    bool names = points->n == 0 && scanner->n_words == 2 && is_name(scanner->words[0].text) &&
                 is_name(scanner->words[1].text);
    if (!names) {
      M4S_TRY(read_point(scanner, points));
    }
  }
  return points->n > 0 ? finish_points(scanner, points)
                       : m4s_fail(M4S_ERR_INPUT, "%s: has no points", scanner->path);
}

static int32_t count_lines(const char *text) {
  int32_t n = 1;
  for (; *text != '\0' && n <= MAX_POINTS; text++) {
    n += *text == '\n';
  }
  return n;
}

m4s_status_t m4s_size_distribution_parse(const char *text, const char *path, int64_t max_flow_bytes,
                                         m4s_size_distribution_t **distribution_out) {
  int32_t n_lines = count_lines(text);
  if (n_lines > MAX_POINTS) {
    return m4s_fail(M4S_ERR_INPUT, "%s: has more than %d lines", path, MAX_POINTS);
  }
  m4s_scanner_t scanner;
  points_t points = {0};
  M4S_TRY(m4s_scanner_init(&scanner, text, path));
  blank_out(scanner.buffer);
  m4s_status_t status = make_points(n_lines, path, &points);
  if (status == M4S_OK) {
    status = read_points(&scanner, &points);
    if (status == M4S_OK) {
      status = make_empirical(&points, path, max_flow_bytes, distribution_out);
    } else {
      clear_points(&points);
    }
  }
  m4s_scanner_clear(&scanner);
  return status;
}

static m4s_status_t read_file(const m4s_sizes_config_t *config, const char *where,
                              m4s_size_distribution_t **distribution_out) {
  if (config->file == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: sizes file needs sizes_file", where);
  }
  char *text;
  M4S_TRY(m4s_file_read_text(config->file, MAX_FILE_BYTES, &text));
  m4s_status_t status =
      m4s_size_distribution_parse(text, config->file, config->max_flow_bytes, distribution_out);
  free(text);
  return status;
}

// --- parametric ---

// The integral of x^2 exp(-x/m) / m from x on.
static double exponential_square_above(double x, double m) {
  return (x * x + 2 * x * m + 2 * m * m) * m4s_real_exp(-x / m);
}

// Mean over [0.5, end): sizes k ≥ 1 and more have probability (q^(k-1/2) - q^end) / (…), q =
// exp(-1/mean), a geometric sum.
static void set_exponential(const m4s_sizes_config_t *config, m4s_size_distribution_t *out) {
  double rate = 1 / config->mean_bytes;
  double n = (double)config->max_flow_bytes;
  double first = m4s_real_exp(-0.5 * rate);
  double last = m4s_real_exp(-out->end * rate);
  // 1 - exp(-rate), by its series where it would lose digits.
  double step = rate < 1e-3 ? rate * (1 - rate / 2 * (1 - rate / 3 * (1 - rate / 4)))
                            : 1 - m4s_real_exp(-rate);
  out->scale = config->mean_bytes;
  out->from = first;
  out->width = first - last;
  out->mean_bytes = (first * (1 - m4s_real_exp(-n * rate)) / step - n * last) / (first - last);
  out->mean_square = (exponential_square_above(0.5, config->mean_bytes) -
                      exponential_square_above(out->end, config->mean_bytes)) /
                     (first - last);
}

// (e^y - 1) / y: with y = (1 + p) ln(b / a), the integral of x^p from a to b over a^(1+p) ln(b /
// a).
static double growth(double y) {
  return fabs(y) < 1e-4 ? 1 + y / 2 + y * y / 6 : (m4s_real_exp(y) - 1) / y;
}

// Sum over k of P(X ≥ k - 1/2), one by one for the first thousand sizes above the smallest, and as
// the integral of P(X ≥ x) beyond, where it hardly bends.
static void set_pareto(const m4s_sizes_config_t *config, m4s_size_distribution_t *out) {
  enum { N_SUMMED = 1000 };
  double least = (double)config->smallest_bytes;
  double most = (double)config->max_flow_bytes;
  double shape = config->shape;
  double cut = m4s_real_pow(least / most, shape);
  double knee = fmin(least + N_SUMMED, most);
  double sum = 0;
  for (int64_t k = config->smallest_bytes + 1; k <= (int64_t)knee; k++) {
    sum += m4s_real_pow(least / ((double)k - 0.5), shape);
  }
  if (most > knee) {
    // least^shape * integral of x^-shape.
    double span = m4s_real_log(most / knee);
    sum += m4s_real_pow(least / knee, shape) * knee * span * growth((1 - shape) * span);
  }
  // The integral of x^2 * shape * least^shape * x^(-shape-1).
  double span = m4s_real_log(most / least);
  out->scale = least;
  out->shape = -1 / shape;
  out->width = 1 - cut;
  out->mean_bytes = least + (sum - cut * (most - least)) / (1 - cut);
  out->mean_square = shape * least * least * span * growth((2 - shape) * span) / (1 - cut);
}

// Moments of a standard normal z between two bounds: probability, and probability times the mean of
// the size at z and of its square; by Simpson's rule.
typedef struct {
  double probability, bytes, square;
} normal_integral_t;

static double normal_density(double z) { return 0.3989422804014327 * m4s_real_exp(-z * z / 2); }

static double normal_bytes(const m4s_size_distribution_t *distribution, double z) {
  double x = distribution->from + distribution->scale * z;
  return distribution->kind == M4S_SIZES_LOGNORMAL ? m4s_real_exp(x) : x;
}

static normal_integral_t integrate_normal(const m4s_size_distribution_t *distribution, double z0,
                                          double z1) {
  enum { N_PANELS = 4096 };  // of at most 24 / 4096: the error is below 1e-9
  normal_integral_t sum = {0};
  double step = (z1 - z0) / N_PANELS;
  for (int i = 0; i <= N_PANELS; i++) {
    double z = z0 + i * step;
    double weight = i == 0 || i == N_PANELS ? step / 3 : i % 2 == 1 ? step * 4 / 3 : step * 2 / 3;
    sum.probability += weight * normal_density(z);
    double bytes = normal_bytes(distribution, z);
    sum.bytes += weight * normal_density(z) * bytes;
    sum.square += weight * normal_density(z) * bytes * bytes;
  }
  return sum;
}

// Sizes between 0.5 and `end`; `from` and `scale` map z to the size or its logarithm. Rounding adds
// a twelfth of the fall of the density from one end to the other (Euler and Maclaurin).
static m4s_status_t set_normal(const m4s_sizes_config_t *config, const char *where,
                               m4s_size_distribution_t *out) {
  enum { BEYOND = 9 };  // deviations beyond which there is less than 1e-18
  bool log = out->kind == M4S_SIZES_LOGNORMAL;
  double z0 = ((log ? m4s_real_log(0.5) : 0.5) - out->from) / out->scale;
  double z1 = ((log ? m4s_real_log(out->end) : out->end) - out->from) / out->scale;
  double fall = normal_density(z0) / (out->scale * (log ? 0.5 : 1)) -
                normal_density(z1) / (out->scale * (log ? out->end : 1));
  z0 = fmax(z0, -BEYOND);
  z1 = fmin(z1, BEYOND + (log ? out->scale : 0));
  normal_integral_t sum = {0};
  if (z1 > z0) {
    sum = integrate_normal(out, z0, z1);
  }
  if (!(sum.probability >= 0.01)) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: sizes %s: %.3g %% would be of 1 to %lld bytes (max_flow_bytes), too few",
                    where, m4s_sizes_names[config->kind], 100 * sum.probability,
                    (long long)config->max_flow_bytes);
  }
  out->mean_bytes = sum.bytes / sum.probability + fall / (12 * sum.probability);
  out->mean_square = sum.square / sum.probability;
  return M4S_OK;
}

static m4s_status_t check_parametric(const m4s_sizes_config_t *config, const char *where) {
  double most = (double)config->max_flow_bytes;
  if (config->kind == M4S_SIZES_PARETO) {
    return config->smallest_bytes < config->max_flow_bytes
               ? M4S_OK
               : m4s_fail(M4S_ERR_INPUT,
                          "%s: smallest_bytes: %lld is not below max_flow_bytes (nearest valid: "
                          "%lld)",
                          where, (long long)config->smallest_bytes,
                          (long long)config->max_flow_bytes - 1);
  }
  return config->mean_bytes <= most
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT,
                        "%s: mean_bytes: %.15g is above max_flow_bytes (nearest valid: %lld)",
                        where, config->mean_bytes, (long long)config->max_flow_bytes);
}

static m4s_status_t set_parametric(const m4s_sizes_config_t *config, const char *where,
                                   m4s_size_distribution_t *out) {
  switch (out->kind) {
    case M4S_SIZES_PARETO:
      set_pareto(config, out);
      return M4S_OK;
    case M4S_SIZES_EXPONENTIAL:
      set_exponential(config, out);
      return M4S_OK;
    case M4S_SIZES_GAUSSIAN:
      out->from = config->mean_bytes;
      out->scale = config->deviation_bytes;
      return set_normal(config, where, out);
    case M4S_SIZES_LOGNORMAL:
      out->from = m4s_real_log(config->mean_bytes) - config->sigma * config->sigma / 2;
      out->scale = config->sigma;
      return set_normal(config, where, out);
    default:
      out->mean_bytes = (double)rounded(config->mean_bytes);
      out->mean_square = out->mean_bytes * out->mean_bytes;
      return M4S_OK;
  }
}

static m4s_status_t make_parametric(const m4s_sizes_config_t *config, const char *where,
                                    m4s_size_distribution_t **distribution_out) {
  M4S_TRY(check_parametric(config, where));
  m4s_size_distribution_t made = {.kind = (m4s_sizes_kind_t)config->kind,
                                  .end = (double)config->max_flow_bytes + 0.5};
  M4S_TRY(set_parametric(config, where, &made));
  m4s_size_distribution_t *distribution = malloc(sizeof *distribution);
  if (distribution == NULL) {
    return m4s_fail_memory("flow sizes");
  }
  *distribution = made;
  *distribution_out = distribution;
  return M4S_OK;
}

static int64_t draw_normal(const m4s_size_distribution_t *distribution, m4s_random_t *random) {
  for (;;) {
    double bytes = normal_bytes(distribution, m4s_random_normal(random));
    if (bytes >= 0.5 && bytes < distribution->end) {
      return rounded(bytes);
    }
  }
}

// --- all ---

m4s_status_t m4s_size_distribution_create(const m4s_sizes_config_t *config, const char *where,
                                          m4s_size_distribution_t **distribution_out) {
  if (config->kind < M4S_SIZES_FILE) {
    return make_published(config, where, distribution_out);
  }
  return config->kind == M4S_SIZES_FILE ? read_file(config, where, distribution_out)
                                        : make_parametric(config, where, distribution_out);
}

int64_t m4s_size_distribution_draw(const m4s_size_distribution_t *distribution,
                                   m4s_random_t *random) {
  switch (distribution->kind) {
    case M4S_SIZES_PARETO: {
      double beyond = 1 - m4s_random_uniform(random) * distribution->width;
      return rounded(distribution->scale * m4s_real_pow(beyond, distribution->shape));
    }
    case M4S_SIZES_EXPONENTIAL: {
      double beyond = distribution->from - m4s_random_uniform(random) * distribution->width;
      return rounded(-distribution->scale * m4s_real_log(beyond));
    }
    case M4S_SIZES_GAUSSIAN:
    case M4S_SIZES_LOGNORMAL:
      return draw_normal(distribution, random);
    case M4S_SIZES_CONSTANT:
      return (int64_t)distribution->mean_bytes;
    default:
      return draw_empirical(distribution, random);
  }
}

double m4s_size_distribution_mean(const m4s_size_distribution_t *distribution) {
  return distribution->mean_bytes;
}

double m4s_size_distribution_mean_square(const m4s_size_distribution_t *distribution) {
  return distribution->mean_square;
}
