#include "sweep/axes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "sweep/flow_traffic.h"
#include "sweep/sample.h"

// Values of linspace and logspace: a sweep that needs more is a range.
enum { MAX_SPACE = 1000000 };

// A whole number where it is one, else a real rounded, so that 0.1 * 3 reads 0.3. Through JSON,
// which is the same in every locale.
json_t *m4s_axis_number(double value, int digits) {
  json_t *exact = json_real(value);
  char *text = json_dumps(exact, JSON_ENCODE_ANY | JSON_REAL_PRECISION((size_t)digits));
  json_t *rounded = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
  free(text);
  json_decref(exact);
  double number = json_number_value(rounded);
  if (rounded != NULL && number == floor(number) && fabs(number) < 9007199254740992.0) {
    json_decref(rounded);
    rounded = json_integer((json_int_t)number);
  }
  return rounded;
}

static double made_value(const m4s_axis_t *axis, uint64_t i_value) {
  double place = (double)i_value;
  double last_place = (double)(axis->n_values - 1);
  if (axis->kind == M4S_AXIS_RANGE) {
    return axis->first_real + place * axis->step_real;
  }
  if (i_value == axis->n_values - 1) {
    return axis->n_values == 1 ? axis->first_real : axis->last_real;
  }
  if (axis->kind == M4S_AXIS_LINEAR) {
    return axis->first_real + (axis->last_real - axis->first_real) * (place / last_place);
  }
  return axis->first_real * pow(axis->last_real / axis->first_real, place / last_place);
}

json_t *m4s_axis_value(const m4s_axis_t *axis, uint64_t i_value) {
  if (axis->kind == M4S_AXIS_LIST) {
    return json_incref(json_array_get(axis->list, (size_t)i_value));
  }
  if (axis->kind == M4S_AXIS_RANGE && axis->whole) {
    // In unsigned arithmetic: the product alone may exceed int64.
    uint64_t value = (uint64_t)axis->first + i_value * (uint64_t)axis->step;
    return json_integer((json_int_t)value);
  }
  return m4s_axis_number(made_value(axis, i_value), M4S_AXIS_DIGITS);
}

static double number_at(const m4s_axis_t *axis, uint64_t i_value) {
  json_t *value = m4s_axis_value(axis, i_value);
  double number = json_number_value(value);
  json_decref(value);
  return number;
}

// Made values are monotonic: halving finds the place, also in a range of 10^15 values.
uint64_t m4s_axis_nearest(const m4s_axis_t *axis, const json_t *number) {
  double wanted = json_number_value(number);
  uint64_t low = 0;
  uint64_t high = axis->n_values - 1;
  bool rising = number_at(axis, low) <= number_at(axis, high);
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    bool before = rising ? number_at(axis, middle) <= wanted : number_at(axis, middle) >= wanted;
    *(before ? &low : &high) = middle;
  }
  double from_low = fabs(number_at(axis, low) - wanted);
  return from_low <= fabs(number_at(axis, high) - wanted) ? low : high;
}

static m4s_status_t check_value(const m4s_axis_t *axis, uint64_t i_value, const char *where) {
  json_t *value = m4s_axis_value(axis, i_value);
  if (value == NULL) {
    return m4s_fail_memory("an axis");
  }
  json_t *typed = NULL;
  m4s_status_t status = m4s_setting_type_json(axis->setting, value, where, &typed);
  json_decref(typed);
  json_decref(value);
  return status;
}

static m4s_status_t read_list(m4s_axis_t *axis, const json_t *values, const char *where) {
  axis->kind = M4S_AXIS_LIST;
  axis->list = json_incref((json_t *)(uintptr_t)values);
  axis->n_values = json_array_size(values);
  if (axis->n_values == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: [] has no values", where);
  }
  for (uint64_t i = 0; i < axis->n_values; i++) {
    char place[640];
    snprintf(place, sizeof place, "%s[%llu]", where, (unsigned long long)i);
    M4S_TRY(check_value(axis, i, place));
  }
  return M4S_OK;
}

static m4s_status_t empty_range(const json_t *numbers, const char *where) {
  return m4s_fail(M4S_ERR_INPUT, "%s: %s has no values (the step leads away from the last one)",
                  where, m4s_json_show(numbers));
}

static m4s_status_t read_whole_range(m4s_axis_t *axis, const json_t *numbers, const char *where) {
  axis->whole = true;
  axis->first = json_integer_value(json_array_get(numbers, 0));
  int64_t last = json_integer_value(json_array_get(numbers, 1));
  axis->step = json_array_size(numbers) == 3 ? json_integer_value(json_array_get(numbers, 2)) : 1;
  if (axis->step == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s[2]: a step of 0", where);
  }
  if (axis->first != last && (axis->first < last) != (axis->step > 0)) {
    return empty_range(numbers, where);
  }
  // In unsigned arithmetic, where differences of int64 do not overflow.
  uint64_t span = axis->first < last ? (uint64_t)last - (uint64_t)axis->first
                                     : (uint64_t)axis->first - (uint64_t)last;
  uint64_t step = axis->step > 0 ? (uint64_t)axis->step : -(uint64_t)axis->step;
  if (span / step == UINT64_MAX) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s has too many values", where, m4s_json_show(numbers));
  }
  axis->n_values = span / step + 1;
  return M4S_OK;
}

static m4s_status_t read_real_range(m4s_axis_t *axis, const json_t *numbers, const char *where) {
  bool has_step = json_array_size(numbers) == 3;
  axis->first_real = json_number_value(json_array_get(numbers, 0));
  axis->last_real = json_number_value(json_array_get(numbers, 1));
  axis->step_real = has_step ? json_number_value(json_array_get(numbers, 2)) : 1;
  if (axis->step_real == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s[2]: a step of 0", where);
  }
  // A last value that is missed by rounding alone is meant.
  double steps = floor((axis->last_real - axis->first_real) / axis->step_real * (1 + 1e-12) + 1e-9);
  if (!(steps >= 0)) {
    return empty_range(numbers, where);
  }
  if (steps >= 9e15) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s has too many values", where, m4s_json_show(numbers));
  }
  axis->n_values = (uint64_t)steps + 1;
  return M4S_OK;
}

static m4s_status_t read_range(m4s_axis_t *axis, const json_t *numbers, const char *where) {
  axis->kind = M4S_AXIS_RANGE;
  bool whole = true;
  size_t n = json_array_size(numbers);
  for (size_t i = 0; i < n; i++) {
    whole = whole && json_is_integer(json_array_get(numbers, i));
  }
  return whole ? read_whole_range(axis, numbers, where) : read_real_range(axis, numbers, where);
}

static m4s_status_t read_space(m4s_axis_t *axis, const json_t *numbers, bool logarithmic,
                               const char *where) {
  axis->kind = logarithmic ? M4S_AXIS_LOG : M4S_AXIS_LINEAR;
  const json_t *count = json_array_get(numbers, 2);
  if (!json_is_integer(count) || json_integer_value(count) < 1 ||
      json_integer_value(count) > MAX_SPACE) {
    return m4s_fail(M4S_ERR_INPUT, "%s[2]: %s is not a count from 1 to %d", where,
                    m4s_json_show(count), MAX_SPACE);
  }
  axis->n_values = (uint64_t)json_integer_value(count);
  axis->first_real = json_number_value(json_array_get(numbers, 0));
  axis->last_real = json_number_value(json_array_get(numbers, 1));
  if (axis->n_values > 1 && axis->first_real == axis->last_real) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s has equal values", where, m4s_json_show(numbers));
  }
  for (size_t i = 0; logarithmic && i < 2; i++) {
    if (!(json_number_value(json_array_get(numbers, i)) > 0)) {
      return m4s_fail(M4S_ERR_INPUT, "%s[%zu]: %s is not above 0", where, i,
                      m4s_json_show(json_array_get(numbers, i)));
    }
  }
  return M4S_OK;
}

static bool same_values(const m4s_axis_t *axis, uint64_t i_value) {
  json_t *a = m4s_axis_value(axis, i_value);
  json_t *b = m4s_axis_value(axis, i_value + 1);
  bool same = json_equal(a, b);
  json_decref(a);
  json_decref(b);
  return same;
}

// Replaces the values of linspace and logspace by a list of whole ones, without repetitions, which
// stand side by side.
static m4s_status_t round_values(m4s_axis_t *axis) {
  json_t *list = json_array();
  bool ok = list != NULL;
  for (uint64_t i = 0; ok && i < axis->n_values; i++) {
    json_t *value = m4s_axis_number(round(made_value(axis, i)), M4S_AXIS_DIGITS + 2);
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    if (last != NULL && json_equal(last, value)) {
      json_decref(value);
    } else {
      ok = json_array_append_new(list, value) == 0;
    }
  }
  if (!ok) {
    json_decref(list);
    return m4s_fail_memory("an axis");
  }
  axis->kind = M4S_AXIS_LIST;
  axis->list = list;
  axis->n_values = json_array_size(list);
  return M4S_OK;
}

// Made values are monotonic, so their ends tell whether they are in range; reals in between may not
// be whole where the setting is.
static m4s_status_t check_made(m4s_axis_t *axis, const char *where) {
  if (axis->setting.field->kind != M4S_FIELD_INT && axis->setting.field->kind != M4S_FIELD_REAL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not a number, list its values", where, axis->name);
  }
  bool is_int = axis->setting.field->kind == M4S_FIELD_INT;
  if (is_int && axis->kind != M4S_AXIS_RANGE) {
    M4S_TRY(round_values(axis));
  }
  M4S_TRY(check_value(axis, 0, where));
  M4S_TRY(check_value(axis, axis->n_values - 1, where));
  if (axis->n_values > 1 && (same_values(axis, 0) || same_values(axis, axis->n_values - 2))) {
    return m4s_fail(M4S_ERR_INPUT, "%s: the values are too close to be told apart", where);
  }
  if (is_int && axis->kind == M4S_AXIS_RANGE && !axis->whole) {
    for (uint64_t i = 1; i + 1 < axis->n_values && i < MAX_SPACE; i++) {
      M4S_TRY(check_value(axis, i, where));
    }
  }
  return M4S_OK;
}

static m4s_status_t read_made(m4s_axis_t *axis, const json_t *values, const char *where) {
  static const char *const makers[] = {"range", "linspace", "logspace"};
  M4S_TRY(m4s_json_check_keys(values, where, makers, M4S_COUNT(makers)));
  if (json_object_size(values) != 1) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s must have one of range, linspace, logspace", where,
                    m4s_json_show(values));
  }
  const char *maker = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)values));
  const json_t *numbers = json_object_get(values, maker);
  char place[640];
  snprintf(place, sizeof place, "%s.%s", where, maker);
  bool range = strcmp(maker, "range") == 0;
  size_t n = json_array_size(numbers);
  if (!json_is_array(numbers) || !(n == 3 || (range && n == 2))) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not %s", place, m4s_json_show(numbers),
                    range ? "[first, last] or [first, last, step]" : "[first, last, count]");
  }
  for (size_t i = 0; i < n; i++) {
    if (!json_is_number(json_array_get(numbers, i))) {
      return m4s_fail(M4S_ERR_INPUT, "%s[%zu]: %s is not a number", place, i,
                      m4s_json_show(json_array_get(numbers, i)));
    }
  }
  M4S_TRY(range ? read_range(axis, numbers, place)
                : read_space(axis, numbers, strcmp(maker, "logspace") == 0, place));
  return check_made(axis, place);
}

m4s_status_t m4s_axis_begin(m4s_axis_t *axis, const char *name, const char *where) {
  *axis = (m4s_axis_t){0};
  M4S_TRY(m4s_setting_find(name, where, &axis->setting));
  if (!m4s_setting_affects_results(axis->setting)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: does not change results, so it cannot be an axis", where);
  }
  if (axis->setting.field->kind == M4S_FIELD_CHOICE &&
      axis->setting.field->choices == m4s_traffic_kinds) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: cannot be an axis: the points of a sweep have one kind of traffic", where);
  }
  axis->name = strdup(name);
  return axis->name == NULL ? m4s_fail_memory("an axis") : M4S_OK;
}

m4s_status_t m4s_axis_read(m4s_axis_t *axis, const char *name, const json_t *values,
                           const char *where) {
  M4S_TRY(m4s_axis_begin(axis, name, where));
  if (json_is_array(values)) {
    return read_list(axis, values, where);
  }
  if (json_is_object(values)) {
    return read_made(axis, values, where);
  }
  return m4s_fail(M4S_ERR_INPUT,
                  "%s: %s is neither a list [...] nor {\"range\": [first, last]}, linspace, "
                  "logspace",
                  where, m4s_json_show(values));
}

void m4s_axis_clear(m4s_axis_t *axis) {
  free(axis->name);
  json_decref(axis->list);
  *axis = (m4s_axis_t){0};
}

char *m4s_axis_group_position_text(const m4s_axis_group_t *group, uint64_t position,
                                   const char *where) {
  json_t *values = json_array();
  for (size_t i = 0; values != NULL && i < group->n_axes; i++) {
    json_t *value = m4s_axis_value(&group->axes[i], position);
    json_t *typed = NULL;
    if (value == NULL || m4s_setting_type_json(group->axes[i].setting, value, where, &typed) != 0 ||
        json_array_append_new(values, typed) != 0) {
      json_decref(values);
      values = NULL;
    }
    json_decref(value);
  }
  char *text = values == NULL ? NULL : m4s_json_canonical(values);
  json_decref(values);
  return text;
}

static m4s_status_t fail_twice(const m4s_axis_group_t *group, uint64_t position,
                               const json_t *before, const char *where) {
  json_t *value = m4s_axis_value(&group->axes[0], position);
  m4s_status_t status = m4s_fail(M4S_ERR_INPUT, "%s.%s[%llu]: %s stands twice (first at [%lld])",
                                 where, group->axes[0].name, (unsigned long long)position,
                                 m4s_json_show(value), (long long)json_integer_value(before));
  json_decref(value);
  return status;
}

// Lists may name a value twice; made axes cannot, and one of them keeps a group's positions apart.
static m4s_status_t check_distinct(const m4s_axis_group_t *group, const char *where) {
  for (size_t i = 0; i < group->n_axes; i++) {
    if (group->axes[i].kind != M4S_AXIS_LIST) {
      return M4S_OK;
    }
  }
  json_t *seen = json_object();
  m4s_status_t status = M4S_OK;
  for (uint64_t i = 0; status == M4S_OK && i < group->n_values; i++) {
    char *text = m4s_axis_group_position_text(group, i, where);
    const json_t *before = text == NULL ? NULL : json_object_get(seen, text);
    if (before != NULL) {
      status = fail_twice(group, i, before, where);
    } else if (text == NULL || json_object_set_new(seen, text, json_integer((json_int_t)i)) != 0) {
      status = m4s_fail_memory("axes");
    }
    free(text);
  }
  json_decref(seen);
  return status;
}

static m4s_status_t read_drawn(m4s_axis_group_t *group, const json_t *entry, const char *where) {
  if (json_object_size(entry) != 1) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s has settings beside \"sample\", which belong into it",
                    where, m4s_json_show(entry));
  }
  char place[640];
  snprintf(place, sizeof place, "%s.sample", where);
  group->drawn = true;
  return m4s_sample_read(group, json_object_get(entry, "sample"), place);
}

m4s_status_t m4s_axis_group_read(m4s_axis_group_t *group, const json_t *entry, const char *where) {
  *group = (m4s_axis_group_t){0};
  if (!json_is_object(entry)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not an object {\"setting\": values}", where,
                    m4s_json_show(entry));
  }
  if (json_object_size(entry) == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: {} names no setting", where);
  }
  if (json_object_get(entry, "sample") != NULL) {
    return read_drawn(group, entry, where);
  }
  group->axes = calloc(json_object_size(entry), sizeof *group->axes);
  if (group->axes == NULL) {
    return m4s_fail_memory("axes");
  }
  const char *name;
  json_t *values;
  json_object_foreach((json_t *)(uintptr_t)entry, name, values) {
    char place[640];
    snprintf(place, sizeof place, "%s.%.128s", where, name);
    m4s_axis_t *axis = &group->axes[group->n_axes++];
    M4S_TRY(m4s_axis_read(axis, name, values, place));
    if (axis->n_values != group->axes[0].n_values) {
      return m4s_fail(M4S_ERR_INPUT, "%s: %llu values, but %s beside it has %llu", place,
                      (unsigned long long)axis->n_values, group->axes[0].name,
                      (unsigned long long)group->axes[0].n_values);
    }
  }
  group->n_values = group->axes[0].n_values;
  return check_distinct(group, where);
}

void m4s_axis_group_clear(m4s_axis_group_t *group) {
  for (size_t i = 0; i < group->n_axes; i++) {
    m4s_axis_clear(&group->axes[i]);
  }
  free(group->axes);
  *group = (m4s_axis_group_t){0};
}
