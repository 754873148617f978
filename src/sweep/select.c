// Which points of a sweep are meant: axes restricted to values, and filters.
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "sweep/spec.h"

// A filter with the operands of the present combination.
typedef struct {
  m4s_where_t *where;  // owned unless it is the sweep's
  bool owned;
  size_t n_names;
  m4s_value_t *values;  // owned, [n_names]
  json_t **held;  // owned references, [n_names]: what the values' texts are borrowed from
  const m4s_axis_t **axes;  // owned, [n_names]: the axis behind a name; NULL: none
  size_t *groups;  // owned, [n_names]: its group
  uint64_t *positions;  // owned, [n_names]: of the value at hand
} filter_t;

typedef struct {
  const m4s_sweep_t *sweep;
  uint64_t **allowed;  // owned, [n_groups], owned lists of positions; NULL: all
  uint64_t *n_allowed;  // owned, [n_groups]
  filter_t *filters;  // owned, [n_filters]
  size_t n_filters;
  uint64_t *indices;  // owned until handed out
  size_t n_indices, capacity;
} selector_t;

static void filter_clear(filter_t *filter) {
  for (size_t i = 0; filter->held != NULL && i < filter->n_names; i++) {
    json_decref(filter->held[i]);
  }
  if (filter->owned) {
    m4s_where_destroy(filter->where);
  }
  free(filter->values);
  free((void *)filter->held);
  free(filter->groups);
  free((void *)filter->axes);
  free(filter->positions);
}

static void selector_clear(selector_t *selector) {
  for (size_t g = 0; selector->allowed != NULL && g < selector->sweep->n_groups; g++) {
    free(selector->allowed[g]);
  }
  for (size_t i = 0; i < selector->n_filters; i++) {
    filter_clear(&selector->filters[i]);
  }
  free((void *)selector->allowed);
  free(selector->n_allowed);
  free(selector->filters);
  free(selector->indices);
}

// Prepares the operands: constants now, axes as the positions move.
static m4s_status_t filter_prepare(filter_t *filter, const m4s_sweep_t *sweep) {
  size_t n = m4s_where_n_names(filter->where);
  filter->n_names = n;
  filter->values = calloc(n + 1, sizeof *filter->values);
  filter->held = calloc(n + 1, sizeof(json_t *));
  filter->groups = calloc(n + 1, sizeof *filter->groups);
  filter->axes = calloc(n + 1, sizeof(m4s_axis_t *));
  filter->positions = calloc(n + 1, sizeof *filter->positions);
  if (filter->values == NULL || filter->held == NULL || filter->groups == NULL ||
      filter->axes == NULL || filter->positions == NULL) {
    return m4s_fail_memory("a filter");
  }
  for (size_t i = 0; i < n; i++) {
    m4s_setting_t setting = m4s_where_setting(filter->where, i);
    filter->axes[i] = m4s_sweep_find_axis(sweep, setting, &filter->groups[i]);
    filter->positions[i] = UINT64_MAX;
    json_t *written = m4s_setting_get(sweep->base, setting);
    const json_t *value = written != NULL ? written : m4s_setting_get(sweep->resolved, setting);
    filter->values[i] = m4s_value_of_json(value);
  }
  return M4S_OK;
}

static m4s_status_t add_filter(selector_t *selector, m4s_where_t *where, bool owned) {
  filter_t *filters =
      realloc(selector->filters, (selector->n_filters + 1) * sizeof *selector->filters);
  if (filters == NULL) {
    if (owned) {
      m4s_where_destroy(where);
    }
    return m4s_fail_memory("a filter");
  }
  selector->filters = filters;
  filters[selector->n_filters] = (filter_t){.where = where, .owned = owned};
  return filter_prepare(&filters[selector->n_filters++], selector->sweep);
}

static m4s_status_t add_filters(selector_t *selector, const json_t *selection) {
  if (selector->sweep->where != NULL) {
    M4S_TRY(add_filter(selector, selector->sweep->where, false));
  }
  const json_t *texts = json_object_get(selection, "where");
  for (size_t i = 0; i < json_array_size(texts); i++) {
    const char *text = json_string_value(json_array_get(texts, i));
    m4s_where_t *where = NULL;
    M4S_TRY(m4s_where_parse(text == NULL ? "" : text, "--where", &where));
    M4S_TRY(add_filter(selector, where, true));
  }
  return M4S_OK;
}

// Keeps the positions of a group at which the axis has the value.
static m4s_status_t restrict_group(selector_t *selector, size_t i_group, const m4s_axis_t *axis,
                                   const json_t *value) {
  uint64_t **allowed = &selector->allowed[i_group];
  uint64_t *n_allowed = &selector->n_allowed[i_group];
  uint64_t *kept = NULL;
  uint64_t n_kept = 0;
  // Made axes may be long, but have a value once only.
  bool at_once = *allowed == NULL && axis->kind != M4S_AXIS_LIST;
  uint64_t n = at_once ? 1 : *n_allowed;
  for (uint64_t i = 0; i < n; i++) {
    uint64_t position = at_once            ? m4s_axis_nearest(axis, value)
                        : *allowed == NULL ? i
                                           : (*allowed)[i];
    json_t *other = m4s_axis_value(axis, position);
    bool equal = json_equal(other, value);
    json_decref(other);
    if (!equal) {
      continue;
    }
    uint64_t *grown = realloc(kept, (n_kept + 1) * sizeof *kept);
    if (grown == NULL) {
      free(kept);
      return m4s_fail_memory("a selection");
    }
    kept = grown;
    kept[n_kept++] = position;
  }
  free(*allowed);
  // Nothing left is not "all": keep an allocation.
  *allowed = kept != NULL ? kept : malloc(sizeof **allowed);
  *n_allowed = n_kept;
  return *allowed == NULL ? m4s_fail_memory("a selection") : M4S_OK;
}

static m4s_status_t restrict_axes(selector_t *selector, const json_t *selection) {
  const m4s_sweep_t *sweep = selector->sweep;
  selector->allowed = calloc(sweep->n_groups + 1, sizeof *selector->allowed);
  selector->n_allowed = calloc(sweep->n_groups + 1, sizeof *selector->n_allowed);
  if (selector->allowed == NULL || selector->n_allowed == NULL) {
    return m4s_fail_memory("a selection");
  }
  for (size_t g = 0; g < sweep->n_groups; g++) {
    selector->n_allowed[g] = sweep->groups[g].n_values;
  }
  const char *name;
  json_t *value;
  json_object_foreach(json_object_get(selection, "set"), name, value) {
    m4s_setting_t setting;
    M4S_TRY(m4s_setting_find(name, sweep->path, &setting));
    size_t group;
    const m4s_axis_t *axis = m4s_sweep_find_axis(sweep, setting, &group);
    if (axis == NULL) {
      return m4s_fail(M4S_ERR_INPUT, "%s: %s is not an axis", sweep->path, name);
    }
    M4S_TRY(restrict_group(selector, group, axis, value));
  }
  return M4S_OK;
}

static m4s_status_t check_count(const selector_t *selector, bool many) {
  uint64_t n = 1;
  double about = 1;
  bool overflow = selector->sweep->n_combinations == UINT64_MAX;
  for (size_t g = 0; g < selector->sweep->n_groups; g++) {
    overflow = __builtin_mul_overflow(n, selector->n_allowed[g], &n) || overflow;
    about *= (double)selector->n_allowed[g];
  }
  char count[32];
  if (about < 0x1p63) {
    snprintf(count, sizeof count, "%llu", (unsigned long long)n);
  } else {
    snprintf(count, sizeof count, "%.3g", about);
  }
  const char *path = selector->sweep->path;
  if (overflow || n > M4S_MAX_POINTS) {
    return m4s_fail(M4S_ERR_INPUT, "%s: axes: %s points, more than the %llu that a sweep may have",
                    path, count, (unsigned long long)M4S_MAX_POINTS);
  }
  if (n > M4S_MANY_POINTS && !many) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: axes: %s points, more than %llu are run only with --yes (or restrict the "
                    "axes with --set)",
                    path, count, (unsigned long long)M4S_MANY_POINTS);
  }
  return M4S_OK;
}

// Brings the filter's operands to the present positions and evaluates it.
static m4s_status_t filter_pass(filter_t *filter, const uint64_t *positions, bool *pass_out) {
  for (size_t i = 0; i < filter->n_names; i++) {
    if (filter->axes[i] == NULL || filter->positions[i] == positions[filter->groups[i]]) {
      continue;
    }
    json_decref(filter->held[i]);
    filter->positions[i] = positions[filter->groups[i]];
    filter->held[i] = m4s_axis_value(filter->axes[i], filter->positions[i]);
    if (filter->held[i] == NULL) {
      return m4s_fail_memory("a filter");
    }
    filter->values[i] = m4s_value_of_json(filter->held[i]);
  }
  return m4s_where_eval(filter->where, filter->values, pass_out);
}

static m4s_status_t add_index(selector_t *selector, uint64_t index) {
  if (selector->n_indices == selector->capacity) {
    size_t capacity = selector->capacity == 0 ? 1024 : selector->capacity * 2;
    uint64_t *indices = realloc(selector->indices, capacity * sizeof *indices);
    if (indices == NULL) {
      return m4s_fail_memory("the points of a sweep");
    }
    selector->indices = indices;
    selector->capacity = capacity;
  }
  selector->indices[selector->n_indices++] = index;
  return M4S_OK;
}

static m4s_status_t visit(selector_t *selector, const uint64_t *positions) {
  uint64_t index = 0;
  for (size_t g = 0; g < selector->sweep->n_groups; g++) {
    index = index * selector->sweep->groups[g].n_values + positions[g];
  }
  bool pass = true;
  for (size_t i = 0; pass && i < selector->n_filters; i++) {
    m4s_status_t status = filter_pass(&selector->filters[i], positions, &pass);
    if (status != M4S_OK && selector->sweep->n_groups == 0) {
      return status;
    }
    if (status != M4S_OK) {
      char *title = m4s_sweep_point_title(selector->sweep, index);
      status = m4s_fail_in(status, "point %s", title == NULL ? "?" : title);
      free(title);
      return status;
    }
  }
  return pass ? add_index(selector, index) : M4S_OK;
}

// Visits all combinations; the last group moves fastest.
static m4s_status_t enumerate(selector_t *selector) {
  size_t n_groups = selector->sweep->n_groups;
  uint64_t *turns = calloc(2 * n_groups + 1, sizeof *turns);
  if (turns == NULL) {
    return m4s_fail_memory("the points of a sweep");
  }
  uint64_t *positions = turns + n_groups;
  m4s_status_t status = M4S_OK;
  bool more = true;
  for (size_t g = 0; g < n_groups; g++) {
    more = more && selector->n_allowed[g] > 0;
  }
  while (more && status == M4S_OK) {
    for (size_t g = 0; g < n_groups; g++) {
      positions[g] = selector->allowed[g] == NULL ? turns[g] : selector->allowed[g][turns[g]];
    }
    status = visit(selector, positions);
    more = false;
    for (size_t g = n_groups; g-- > 0 && !more;) {
      more = ++turns[g] < selector->n_allowed[g];
      turns[g] = more ? turns[g] : 0;
    }
  }
  free(turns);
  return status;
}

m4s_status_t m4s_sweep_select(const m4s_sweep_t *sweep, const m4s_selection_t *selection, bool many,
                              uint64_t **indices_out, size_t *n_indices_out) {
  selector_t selector = {.sweep = sweep};
  m4s_status_t status = restrict_axes(&selector, selection);
  if (status == M4S_OK) {
    status = check_count(&selector, many);
  }
  if (status == M4S_OK) {
    status = add_filters(&selector, selection);
  }
  if (status == M4S_OK) {
    status = enumerate(&selector);
  }
  if (status == M4S_OK && selector.n_indices == 0) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: none of the %llu points is left by the filters%s",
                      sweep->path, (unsigned long long)sweep->n_combinations,
                      json_object_size(selection) > 0 ? " (--set, --where)" : " (where)");
  }
  if (status == M4S_OK) {
    *indices_out = selector.indices;
    *n_indices_out = selector.n_indices;
    selector.indices = NULL;
  }
  selector_clear(&selector);
  return status;
}
