#include "sweep/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/random.h"

enum { MAX_POINTS = 50000, MIN_DIGITS = 6 };

#define MAX_EXACT 9007199254740992.0  // 2^53

// What a setting's values are drawn from.
typedef struct {
  m4s_axis_t values;  // of a list; else its setting alone
  bool continuous, logarithmic, whole;
  double low, high;
  int digits;  // of numbers that are not whole
  int64_t *first_equal;  // owned, of a list as written: where a value stands first; NULL: made
  char purpose[128];  // of the random stream
} source_t;

typedef struct {
  int64_t n_points, seed;
  source_t *sources;  // owned, [n_sources]
  size_t n_sources;
} sample_t;

static void clear_sample(sample_t *sample) {
  for (size_t i = 0; i < sample->n_sources; i++) {
    m4s_axis_clear(&sample->sources[i].values);
    free(sample->sources[i].first_equal);
  }
  free(sample->sources);
}

// --- reading ---

static double clamp(double value, double low, double high) {
  return value < low ? low : value > high ? high : value;
}

static m4s_status_t read_whole(const json_t *sample, const char *key, int64_t min, int64_t max,
                               const char *where, int64_t *value_out) {
  const json_t *value = json_object_get(sample, key);
  if (value == NULL) {
    return M4S_OK;
  }
  if (!json_is_integer(value) || json_integer_value(value) < min ||
      json_integer_value(value) > max) {
    return m4s_fail(M4S_ERR_INPUT, "%s.%s: %s is not a whole number from %lld to %lld", where, key,
                    m4s_json_show(value), (long long)min, (long long)max);
  }
  *value_out = json_integer_value(value);
  return M4S_OK;
}

static m4s_status_t read_bound(const source_t *source, const json_t *bounds, size_t i,
                               const char *where, double *bound_out) {
  const json_t *bound = json_array_get(bounds, i);
  char place[700];
  snprintf(place, sizeof place, "%s[%zu]", where, i);
  json_t *typed;
  M4S_TRY(m4s_setting_type_json(source->values.setting, bound, place, &typed));
  *bound_out = json_number_value(typed);
  json_decref(typed);
  if (source->logarithmic && !(*bound_out > 0)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not above 0", place, m4s_json_show(bound));
  }
  return M4S_OK;
}

static m4s_status_t read_bounds(source_t *source, const json_t *bounds, const char *where) {
  m4s_field_kind_t kind = source->values.setting.field->kind;
  if (kind != M4S_FIELD_INT && kind != M4S_FIELD_REAL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not a number, list its values", where,
                    source->values.name);
  }
  if (!json_is_array(bounds) || json_array_size(bounds) != 2) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not [low, high]", where, m4s_json_show(bounds));
  }
  source->continuous = true;
  source->whole = kind == M4S_FIELD_INT;
  M4S_TRY(read_bound(source, bounds, 0, where, &source->low));
  M4S_TRY(read_bound(source, bounds, 1, where, &source->high));
  if (!(source->low < source->high)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s: the first is not below the second", where,
                    m4s_json_show(bounds));
  }
  double largest = fmax(fabs(source->low), fabs(source->high));
  int more = (int)floor(log10(largest / (source->high - source->low)));
  source->digits = (int)clamp(MIN_DIGITS + more, MIN_DIGITS, M4S_AXIS_DIGITS);
  return M4S_OK;
}

// A list may name a value twice, as 4 and 4.0.
static m4s_status_t find_equal(source_t *source, const char *where) {
  const m4s_axis_t *values = &source->values;
  if (values->kind != M4S_AXIS_LIST) {
    return M4S_OK;
  }
  source->first_equal = calloc(values->n_values, sizeof *source->first_equal);
  json_t *seen = json_object();
  m4s_status_t status =
      source->first_equal == NULL || seen == NULL ? m4s_fail_memory("a sample") : M4S_OK;
  const m4s_axis_group_t group = {.axes = &source->values, .n_axes = 1};
  for (uint64_t i = 0; status == M4S_OK && i < values->n_values; i++) {
    char *text = m4s_axis_group_position_text(&group, i, where);
    const json_t *first = text == NULL ? NULL : json_object_get(seen, text);
    source->first_equal[i] = first == NULL ? (int64_t)i : json_integer_value(first);
    if (text == NULL ||
        (first == NULL && json_object_set_new(seen, text, json_integer((json_int_t)i)) != 0)) {
      status = m4s_fail_memory("a sample");
    }
    free(text);
  }
  json_decref(seen);
  return status;
}

static m4s_status_t read_source(source_t *source, const char *name, const json_t *values,
                                const char *where) {
  static const char *const makers[] = {"uniform", "loguniform", "range", "linspace", "logspace"};
  if (json_is_object(values)) {
    M4S_TRY(m4s_json_check_keys(values, where, makers, M4S_COUNT(makers)));
  }
  const json_t *uniform = json_object_get(values, "uniform");
  const json_t *loguniform = json_object_get(values, "loguniform");
  if (uniform == NULL && loguniform == NULL) {
    M4S_TRY(m4s_axis_read(&source->values, name, values, where));
    M4S_TRY(find_equal(source, where));
  } else {
    M4S_TRY(m4s_axis_begin(&source->values, name, where));
    if (json_object_size(values) != 1) {
      return m4s_fail(M4S_ERR_INPUT, "%s: %s must have one of uniform, loguniform", where,
                      m4s_json_show(values));
    }
    char place[680];
    source->logarithmic = uniform == NULL;
    snprintf(place, sizeof place, "%s.%s", where, uniform == NULL ? "loguniform" : "uniform");
    M4S_TRY(read_bounds(source, uniform == NULL ? loguniform : uniform, place));
  }
  snprintf(source->purpose, sizeof source->purpose, "sample %s.%s",
           source->values.setting.section->name, source->values.setting.field->name);
  return M4S_OK;
}

static m4s_status_t read_sources(sample_t *sample, const json_t *object, const char *where) {
  const char *name;
  json_t *values;
  json_object_foreach((json_t *)(uintptr_t)object, name, values) {
    if (strcmp(name, "points") == 0 || strcmp(name, "seed") == 0) {
      continue;
    }
    char place[640];
    snprintf(place, sizeof place, "%s.%.128s", where, name);
    M4S_TRY(read_source(&sample->sources[sample->n_sources++], name, values, place));
  }
  if (sample->n_sources == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s names no setting", where, m4s_json_show(object));
  }
  return M4S_OK;
}

static m4s_status_t read_sample(sample_t *sample, const json_t *object, const char *where) {
  if (!json_is_object(object)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not an object {\"points\": n, \"setting\": values}",
                    where, m4s_json_show(object));
  }
  if (json_object_get(object, "points") == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s.points: is missing", where);
  }
  sample->seed = 1;
  M4S_TRY(read_whole(object, "points", 1, MAX_POINTS, where, &sample->n_points));
  M4S_TRY(read_whole(object, "seed", 0, (int64_t)MAX_EXACT - 1, where, &sample->seed));
  sample->sources = calloc(json_object_size(object), sizeof *sample->sources);
  return sample->sources == NULL ? m4s_fail_memory("a sample")
                                 : read_sources(sample, object, where);
}

// How many positions there may be at most; at least 2^53 counts as any number.
static double n_positions(const sample_t *sample) {
  double product = 1;
  for (size_t i = 0; i < sample->n_sources; i++) {
    const source_t *source = &sample->sources[i];
    if (source->continuous) {
      product *= source->whole ? source->high - source->low + 1 : MAX_EXACT;
    } else {
      product *= (double)source->values.n_values;
    }
  }
  return product;
}

// --- drawing ---

// What a setting has drawn: a whole number, a place in its list, or a real number.
typedef union {
  int64_t whole;
  double real;
  uint64_t bits;
} draw_t;

static double round_digits(const source_t *source, double value) {
  json_t *number = m4s_axis_number(value, source->digits);
  double rounded = number == NULL ? value : json_number_value(number);
  json_decref(number);
  return clamp(rounded, source->low, source->high);
}

// Draw `attempt` of a setting. Equal values are equal draws.
static draw_t draw(const source_t *source, int64_t seed, uint64_t attempt) {
  m4s_random_t random;
  m4s_random_init(&random, (uint64_t)seed, source->purpose, attempt);
  if (!source->continuous) {
    uint64_t n = source->values.n_values;
    int64_t place = m4s_random_below(&random, n > INT64_MAX ? INT64_MAX : (int64_t)n);
    return (draw_t){.whole = source->first_equal == NULL ? place : source->first_equal[place]};
  }
  if (source->whole && !source->logarithmic) {
    int64_t n = (int64_t)source->high - (int64_t)source->low + 1;
    return (draw_t){.whole = (int64_t)source->low + m4s_random_below(&random, n)};
  }
  double place = m4s_random_uniform(&random);
  double value = source->logarithmic ? source->low * pow(source->high / source->low, place)
                                     : source->low + (source->high - source->low) * place;
  return source->whole ? (draw_t){.whole = (int64_t)clamp(round(value), source->low, source->high)}
                       : (draw_t){.real = round_digits(source, value)};
}

// A draw as the axis' value: new reference, NULL without memory.
static json_t *value_of(const source_t *source, draw_t drawn) {
  if (!source->continuous) {
    return m4s_axis_value(&source->values, (uint64_t)drawn.whole);
  }
  return source->whole ? json_integer(drawn.whole) : m4s_axis_number(drawn.real, M4S_AXIS_DIGITS);
}

// Hashes of positions, with open addressing; 0 is no hash. Two positions of one hash count as
// equal: one of them is left out, which is rare and does no harm.
typedef struct {
  uint64_t *hashes;  // owned, [size]
  uint64_t size;  // a power of two
} seen_t;

static bool add_hash(seen_t *seen, uint64_t hash) {
  hash += hash == 0;
  uint64_t i = hash & (seen->size - 1);
  while (seen->hashes[i] != 0 && seen->hashes[i] != hash) {
    i = (i + 1) & (seen->size - 1);
  }
  bool is_new = seen->hashes[i] == 0;
  seen->hashes[i] = hash;
  return is_new;
}

static m4s_status_t begin_axes(const sample_t *sample, m4s_axis_group_t *group) {
  group->axes = calloc(sample->n_sources, sizeof *group->axes);
  if (group->axes == NULL) {
    return m4s_fail_memory("a sample");
  }
  for (size_t i = 0; i < sample->n_sources; i++) {
    m4s_axis_t *axis = &group->axes[group->n_axes++];
    axis->setting = sample->sources[i].values.setting;
    axis->kind = M4S_AXIS_LIST;
    axis->name = strdup(sample->sources[i].values.name);
    axis->list = json_array();
    if (axis->name == NULL || axis->list == NULL) {
      return m4s_fail_memory("a sample");
    }
  }
  return M4S_OK;
}

static m4s_status_t add_position(const sample_t *sample, const draw_t *draws,
                                 m4s_axis_group_t *group) {
  for (size_t i = 0; i < sample->n_sources; i++) {
    json_t *value = value_of(&sample->sources[i], draws[i]);
    if (json_array_append_new(group->axes[i].list, value) != 0) {
      return m4s_fail_memory("a sample");
    }
    group->axes[i].n_values++;
  }
  group->n_values++;
  return M4S_OK;
}

static m4s_status_t draw_points(const sample_t *sample, seen_t *seen, draw_t *draws,
                                m4s_axis_group_t *group) {
  uint64_t n_points = (uint64_t)sample->n_points;
  // Enough to come upon each of n_points that are alike.
  uint64_t n_attempts = 20 * n_points + 1000;
  for (uint64_t i = 0; group->n_values < n_points && i < n_attempts; i++) {
    uint64_t hash = M4S_HASH_START;
    for (size_t k = 0; k < sample->n_sources; k++) {
      draws[k] = draw(&sample->sources[k], sample->seed, i);
      hash = m4s_hash_bytes(hash, &draws[k].bits, sizeof draws[k].bits);
    }
    if (add_hash(seen, hash)) {
      M4S_TRY(add_position(sample, draws, group));
    }
  }
  return M4S_OK;
}

static m4s_status_t draw_all(const sample_t *sample, m4s_axis_group_t *group, const char *where) {
  uint64_t n_points = (uint64_t)sample->n_points;
  seen_t seen = {.size = 16};
  while (seen.size < 2 * n_points) {
    seen.size *= 2;
  }
  seen.hashes = calloc(seen.size, sizeof *seen.hashes);
  draw_t *draws = calloc(sample->n_sources, sizeof *draws);
  m4s_status_t status = seen.hashes == NULL || draws == NULL ? m4s_fail_memory("a sample")
                                                             : begin_axes(sample, group);
  if (status == M4S_OK) {
    status = draw_points(sample, &seen, draws, group);
  }
  free(draws);
  free(seen.hashes);
  if (status == M4S_OK && group->n_values < n_points) {
    status = m4s_fail(M4S_ERR_INPUT,
                      "%s.points: %llu is more than the different points that were found (nearest: "
                      "%llu)",
                      where, (unsigned long long)n_points, (unsigned long long)group->n_values);
  }
  return status;
}

m4s_status_t m4s_sample_read(m4s_axis_group_t *group, const json_t *object, const char *where) {
  sample_t sample = {0};
  m4s_status_t status = read_sample(&sample, object, where);
  if (status == M4S_OK && n_positions(&sample) < (double)sample.n_points) {
    status = m4s_fail(M4S_ERR_INPUT, "%s.points: %lld is more than the %.0f that there may be",
                      where, (long long)sample.n_points, n_positions(&sample));
  }
  if (status == M4S_OK) {
    status = draw_all(&sample, group, where);
  }
  clear_sample(&sample);
  return status;
}
