#include "report/compare.h"

#include <stdlib.h>
#include <string.h>

#include "report/format.h"
#include "report/measure.h"

typedef struct {
  char *key;  // owned: axis values and simulator
  const m4s_result_row_t *row;
  bool matched;
} entry_t;

typedef struct {
  m4s_comparison_t *comparison;
  const m4s_compare_options_t *options;
  entry_t *entries;  // owned, of B, sorted by key
  size_t n_entries;
} matcher_t;

static m4s_status_t add_names(m4s_text_list_t *names, json_t *object) {
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    if (m4s_text_list_find(names, name) < 0) {
      M4S_TRY(m4s_text_list_add(names, name));
    }
  }
  return M4S_OK;
}

// Whether a row takes part: those of the wanted simulator, or all.
static bool takes_part(const m4s_result_row_t *row, const char *wanted, const char *other) {
  wanted = wanted == NULL ? other : wanted;
  return wanted == NULL || strcmp(row->simulator, wanted) == 0;
}

// Axes that a row does not have count as empty.
static m4s_status_t make_key(const matcher_t *matcher, const m4s_result_row_t *row,
                             m4s_text_t *key) {
  const m4s_text_list_t *axes = &matcher->comparison->axes;
  bool any_simulator =
      matcher->options->simulator_a != NULL || matcher->options->simulator_b != NULL;
  key->length = 0;
  M4S_TRY(m4s_text_add(key, "%s\x1f", any_simulator ? "" : row->simulator));
  for (size_t i = 0; i < axes->n_items; i++) {
    const json_t *value = json_object_get(row->axes, axes->items[i]);
    M4S_TRY(m4s_text_add_json_as(key, value, m4s_text_add_key));
  }
  return M4S_OK;
}

static int compare_entries(const void *a, const void *b) {
  return strcmp(((const entry_t *)a)->key, ((const entry_t *)b)->key);
}

static m4s_status_t index_rows(matcher_t *matcher, const m4s_results_t *results) {
  matcher->entries = calloc(results->n_rows + 1, sizeof *matcher->entries);
  if (matcher->entries == NULL) {
    return m4s_fail_memory("the comparison");
  }
  for (size_t i = 0; i < results->n_rows; i++) {
    const m4s_result_row_t *row = &results->rows[i];
    if (takes_part(row, matcher->options->simulator_b, matcher->options->simulator_a)) {
      m4s_text_t key = {0};
      m4s_status_t status = make_key(matcher, row, &key);
      if (status != M4S_OK) {
        m4s_text_clear(&key);
        return status;
      }
      matcher->entries[matcher->n_entries++] = (entry_t){.key = key.bytes, .row = row};
    }
  }
  qsort(matcher->entries, matcher->n_entries, sizeof *matcher->entries, compare_entries);
  return M4S_OK;
}

// Equal "to the digit": the same text in summary.csv.
static m4s_status_t same_text(const char *metric, double a, double b, bool *same_out) {
  m4s_text_t text_a = {0};
  m4s_text_t text_b = {0};
  m4s_status_t status = m4s_text_add_metric(&text_a, metric, a);
  if (status == M4S_OK) {
    status = m4s_text_add_metric(&text_b, metric, b);
  }
  if (status == M4S_OK) {
    *same_out = strcmp(text_a.bytes, text_b.bytes) == 0;
  }
  m4s_text_clear(&text_a);
  m4s_text_clear(&text_b);
  return status;
}

static m4s_status_t add_point(m4s_comparison_t *comparison, const m4s_result_row_t *a,
                              const m4s_result_row_t *b) {
  m4s_compared_point_t *point = &comparison->points[comparison->n_points++];
  *point = (m4s_compared_point_t){.a = a, .b = b};
  point->known_a = m4s_row_value(a, comparison->metric, &point->value_a);
  point->known_b = m4s_row_value(b, comparison->metric, &point->value_b);
  comparison->n_without_a += !point->known_a;
  comparison->n_without_b += !point->known_b;
  if (!point->known_a || !point->known_b) {
    return M4S_OK;
  }
  M4S_TRY(same_text(comparison->metric, point->value_a, point->value_b, &point->equal));
  comparison->n_compared++;
  comparison->n_equal += point->equal;
  point->has_difference = point->value_a == point->value_b || point->value_a != 0;
  if (point->has_difference) {
    point->difference_percent =
        point->value_a == point->value_b ? 0 : 100 * (point->value_b / point->value_a - 1);
  }
  return M4S_OK;
}

static m4s_status_t match_rows(matcher_t *matcher, const m4s_results_t *results) {
  m4s_comparison_t *comparison = matcher->comparison;
  comparison->points = calloc(results->n_rows + 1, sizeof *comparison->points);
  if (comparison->points == NULL) {
    return m4s_fail_memory("the comparison");
  }
  m4s_text_t key = {0};
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < results->n_rows; i++) {
    const m4s_result_row_t *row = &results->rows[i];
    if (!takes_part(row, matcher->options->simulator_a, matcher->options->simulator_b)) {
      continue;
    }
    status = make_key(matcher, row, &key);
    if (status != M4S_OK) {
      break;
    }
    entry_t *entry = bsearch(&(entry_t){.key = key.bytes}, matcher->entries, matcher->n_entries,
                             sizeof *matcher->entries, compare_entries);
    if (entry == NULL) {
      comparison->n_only_a++;
    } else {
      entry->matched = true;
      status = add_point(comparison, row, entry->row);
    }
  }
  m4s_text_clear(&key);
  for (size_t i = 0; i < matcher->n_entries; i++) {
    comparison->n_only_b += !matcher->entries[i].matched;
  }
  return status;
}

static m4s_status_t summarize(m4s_comparison_t *comparison) {
  double *differences = calloc(comparison->n_points + 1, sizeof *differences);
  if (differences == NULL) {
    return m4s_fail_memory("the comparison");
  }
  size_t n = 0;
  for (size_t i = 0; i < comparison->n_points; i++) {
    if (comparison->points[i].has_difference) {
      differences[n++] = comparison->points[i].difference_percent;
    }
  }
  m4s_status_t status =
      m4s_error_summary_make(comparison->metric, differences, n, &comparison->summary);
  free(differences);
  return status;
}

static m4s_status_t check_simulator(const m4s_view_t *view, const char *name) {
  if (name == NULL || m4s_text_list_find(&view->simulators, name) >= 0) {
    return M4S_OK;
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: has no simulator \"%s\"%s", view->results->folder, name,
                  m4s_did_you_mean(name, (const char *const *)view->simulators.items,
                                   view->simulators.n_items));
}

// Whether any row has the metric.
static bool has_metric(const m4s_results_t *results, const char *metric) {
  double value;
  for (size_t i = 0; i < results->n_rows; i++) {
    if (m4s_row_value(&results->rows[i], metric, &value)) {
      return true;
    }
  }
  return false;
}

// Checks the simulator against what one of the folders holds, and collects its axes and the metrics
// that its points have.
static m4s_status_t collect_names(const m4s_results_t *results, const char *simulator,
                                  m4s_text_list_t *axes, m4s_text_list_t *metrics) {
  m4s_view_t view;
  M4S_TRY(m4s_view_make(results, &view));
  m4s_status_t status = check_simulator(&view, simulator);
  for (size_t i = 0; status == M4S_OK && i < view.metrics.n_items; i++) {
    const char *name = view.metrics.items[i];
    if (has_metric(results, name) && m4s_text_list_find(metrics, name) < 0) {
      status = m4s_text_list_add(metrics, name);
    }
  }
  if (status == M4S_OK && has_metric(results, "wall_s") &&
      m4s_text_list_find(metrics, "wall_s") < 0) {
    status = m4s_text_list_add(metrics, "wall_s");
  }
  for (size_t i = 0; status == M4S_OK && i < results->n_rows; i++) {
    status = add_names(axes, results->rows[i].axes);
  }
  m4s_view_clear(&view);
  return status;
}

// Names with ", " between them, "none" for an empty list.
static m4s_status_t add_list(const m4s_text_list_t *names, m4s_text_t *text) {
  for (size_t i = 0; i < names->n_items; i++) {
    M4S_TRY(m4s_text_add(text, "%s%s", i == 0 ? "" : ", ", names->items[i]));
  }
  return names->n_items > 0 ? M4S_OK : m4s_text_add(text, "none");
}

static m4s_status_t check_metric(const char *metric, const m4s_text_list_t *metrics) {
  if (m4s_text_list_find(metrics, metric) >= 0) {
    return M4S_OK;
  }
  m4s_text_t names = {0};
  m4s_status_t status = add_list(metrics, &names);
  if (status == M4S_OK) {
    status =
        metrics->n_items == 0
            ? m4s_fail(M4S_ERR_INPUT, "no point of A or B succeeded: nothing to compare")
            : m4s_fail(
                  M4S_ERR_INPUT, "no point of A or B has a metric \"%s\"%s; there are %s", metric,
                  m4s_did_you_mean(metric, (const char *const *)metrics->items, metrics->n_items),
                  names.bytes);
  }
  m4s_text_clear(&names);
  return status;
}

// What the points of a folder are told apart by: "axes x, y; simulators m4".
static m4s_status_t add_shape(const m4s_results_t *results, bool with_simulators,
                              m4s_text_t *text) {
  m4s_view_t view;
  M4S_TRY(m4s_view_make(results, &view));
  m4s_status_t status = m4s_text_add(text, "axes ");
  if (status == M4S_OK) {
    status = add_list(&view.axes, text);
  }
  if (status == M4S_OK && with_simulators) {
    status = m4s_text_add(text, ", simulators ");
    if (status == M4S_OK) {
      status = add_list(&view.simulators, text);
    }
  }
  m4s_view_clear(&view);
  return status;
}

static m4s_status_t fail_unmatched(const m4s_results_t *a, const m4s_results_t *b,
                                   const m4s_compare_options_t *options) {
  bool with_simulators = options->simulator_a == NULL && options->simulator_b == NULL;
  m4s_text_t shapes[2] = {{0}, {0}};
  m4s_status_t status = add_shape(a, with_simulators, &shapes[0]);
  if (status == M4S_OK) {
    status = add_shape(b, with_simulators, &shapes[1]);
  }
  if (status == M4S_OK) {
    bool same = strcmp(shapes[0].bytes, shapes[1].bytes) == 0;
    status =
        m4s_fail(M4S_ERR_INPUT, "no point of A is in B: %s%s%s", shapes[0].bytes,
                 same ? " in both, but other values" : " against ", same ? "" : shapes[1].bytes);
  }
  m4s_text_clear(&shapes[0]);
  m4s_text_clear(&shapes[1]);
  return status;
}

// That something was compared.
static m4s_status_t check_compared(const m4s_results_t *a, const m4s_results_t *b,
                                   const m4s_compare_options_t *options,
                                   const m4s_comparison_t *comparison) {
  if (comparison->n_points == 0) {
    return fail_unmatched(a, b, options);
  }
  return comparison->n_compared > 0
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT,
                        "no point has %s in both: of %zu that match, %zu have none in A and %zu "
                        "none in B",
                        comparison->metric, comparison->n_points, comparison->n_without_a,
                        comparison->n_without_b);
}

static m4s_status_t compare(const m4s_results_t *a, const m4s_results_t *b,
                            const m4s_compare_options_t *options, m4s_comparison_t *comparison) {
  const char *simulator_a =
      options->simulator_a == NULL ? options->simulator_b : options->simulator_a;
  const char *simulator_b =
      options->simulator_b == NULL ? options->simulator_a : options->simulator_b;
  m4s_text_list_t metrics = {0};
  m4s_status_t status = collect_names(a, simulator_a, &comparison->axes, &metrics);
  if (status == M4S_OK) {
    status = collect_names(b, simulator_b, &comparison->axes, &metrics);
  }
  if (status == M4S_OK && comparison->metric == NULL) {
    const json_t *sweep = json_object_get(a->manifest, "sweep");
    comparison->metric = m4s_measure_choose(&metrics, sweep)->metric;
  }
  if (status == M4S_OK) {
    status = check_metric(comparison->metric, &metrics);
  }
  m4s_text_list_clear(&metrics);
  M4S_TRY(status);
  matcher_t matcher = {.comparison = comparison, .options = options};
  status = index_rows(&matcher, b);
  if (status == M4S_OK) {
    status = match_rows(&matcher, a);
  }
  for (size_t i = 0; i < matcher.n_entries; i++) {
    free(matcher.entries[i].key);
  }
  free(matcher.entries);
  if (status == M4S_OK) {
    status = check_compared(a, b, options, comparison);
  }
  return status == M4S_OK ? summarize(comparison) : status;
}

m4s_status_t m4s_comparison_make(const m4s_results_t *a, const m4s_results_t *b,
                                 const m4s_compare_options_t *options,
                                 m4s_comparison_t *comparison_out) {
  m4s_comparison_t comparison = {.metric = options->metric};
  m4s_status_t status = compare(a, b, options, &comparison);
  if (status != M4S_OK) {
    m4s_comparison_clear(&comparison);
    return status;
  }
  *comparison_out = comparison;
  return M4S_OK;
}

void m4s_comparison_clear(m4s_comparison_t *comparison) {
  m4s_text_list_clear(&comparison->axes);
  free(comparison->points);
  *comparison = (m4s_comparison_t){0};
}
