// Comparisons as CSV and for a terminal.
#include <stdlib.h>
#include <string.h>

#include "report/compare.h"
#include "report/format.h"
#include "report/grid.h"

enum { MAX_SHOWN = 40 };

static m4s_status_t add_csv_value(bool known, const char *metric, double value, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, ","));
  return known ? m4s_text_add_metric(text, metric, value) : M4S_OK;
}

static m4s_status_t add_csv_row(const m4s_comparison_t *comparison,
                                const m4s_compared_point_t *point, m4s_text_t *text) {
  for (size_t i = 0; i < comparison->axes.n_items; i++) {
    const json_t *value = json_object_get(point->a->axes, comparison->axes.items[i]);
    M4S_TRY(m4s_text_add_json_as(text, value, m4s_text_add_csv));
    M4S_TRY(m4s_text_add(text, ","));
  }
  M4S_TRY(m4s_text_add_csv(text, point->a->simulator));
  M4S_TRY(m4s_text_add(text, ","));
  M4S_TRY(m4s_text_add_csv(text, point->b->simulator));
  M4S_TRY(add_csv_value(point->known_a, comparison->metric, point->value_a, text));
  M4S_TRY(add_csv_value(point->known_b, comparison->metric, point->value_b, text));
  M4S_TRY(m4s_text_add(text, ","));
  if (point->has_difference) {
    M4S_TRY(m4s_text_add_fixed(text, point->difference_percent, 6));
  }
  return m4s_text_add(text, "\n");
}

m4s_status_t m4s_comparison_add_csv(const m4s_comparison_t *comparison, m4s_text_t *text) {
  for (size_t i = 0; i < comparison->axes.n_items; i++) {
    M4S_TRY(m4s_text_add_csv(text, comparison->axes.items[i]));
    M4S_TRY(m4s_text_add(text, ","));
  }
  M4S_TRY(m4s_text_add(text, "simulator_a,simulator_b,%s_a,%s_b,difference_percent\n",
                       comparison->metric, comparison->metric));
  for (size_t i = 0; i < comparison->n_points; i++) {
    M4S_TRY(add_csv_row(comparison, &comparison->points[i], text));
  }
  return M4S_OK;
}

static m4s_status_t add_value_cell(bool known, const char *metric, double value,
                                   m4s_text_list_t *cells) {
  m4s_text_t text = {0};
  m4s_status_t status =
      known ? m4s_text_add_metric(&text, metric, value) : m4s_text_add(&text, "none");
  if (status == M4S_OK) {
    status = m4s_text_list_add(cells, text.bytes);
  }
  m4s_text_clear(&text);
  return status;
}

static m4s_status_t add_row(const m4s_comparison_t *comparison, const m4s_compared_point_t *point,
                            m4s_text_list_t *cells) {
  bool same = strcmp(point->a->simulator, point->b->simulator) == 0;
  M4S_TRY(m4s_text_list_add_format(cells, "%s%s%s", point->a->simulator, same ? "" : ", ",
                                   same ? "" : point->b->simulator));
  for (size_t i = 0; i < comparison->axes.n_items; i++) {
    char *plain = m4s_json_plain(json_object_get(point->a->axes, comparison->axes.items[i]));
    m4s_status_t status =
        plain == NULL ? m4s_fail_memory("a value") : m4s_text_list_add(cells, plain);
    free(plain);
    M4S_TRY(status);
  }
  M4S_TRY(add_value_cell(point->known_a, comparison->metric, point->value_a, cells));
  M4S_TRY(add_value_cell(point->known_b, comparison->metric, point->value_b, cells));
  return point->has_difference ? m4s_text_list_add_format(cells, "%+.3f", point->difference_percent)
                               : m4s_text_list_add(cells, "-");
}

static m4s_status_t fill(const m4s_comparison_t *comparison, m4s_text_list_t *cells) {
  M4S_TRY(m4s_text_list_add(cells, "simulator"));
  for (size_t i = 0; i < comparison->axes.n_items; i++) {
    M4S_TRY(m4s_text_list_add(cells, comparison->axes.items[i]));
  }
  M4S_TRY(m4s_text_list_add_format(cells, "%s in A", comparison->metric));
  M4S_TRY(m4s_text_list_add_format(cells, "%s in B", comparison->metric));
  M4S_TRY(m4s_text_list_add(cells, "B/A-1 [%]"));
  size_t n_shown = 0;
  for (size_t i = 0; i < comparison->n_points && n_shown < MAX_SHOWN; i++) {
    if (!comparison->points[i].equal) {
      M4S_TRY(add_row(comparison, &comparison->points[i], cells));
      n_shown++;
    }
  }
  return M4S_OK;
}

static m4s_status_t add_grid(const m4s_comparison_t *comparison, m4s_text_t *text) {
  size_t n_different = comparison->n_points - comparison->n_equal;
  if (n_different == 0) {
    return M4S_OK;
  }
  m4s_text_list_t cells = {0};
  m4s_status_t status = fill(comparison, &cells);
  if (status == M4S_OK) {
    status = m4s_text_add_grid(text, &cells, comparison->axes.n_items + 4, 1);
  }
  m4s_text_list_clear(&cells);
  if (status == M4S_OK && n_different > MAX_SHOWN) {
    status = m4s_text_add(text, "… and %zu more; --csv FILE writes all\n", n_different - MAX_SHOWN);
  }
  return status == M4S_OK ? m4s_text_add(text, "\n") : status;
}

m4s_status_t m4s_comparison_add_overview(const m4s_comparison_t *comparison, m4s_text_t *text) {
  const m4s_error_summary_t *summary = &comparison->summary;
  M4S_TRY(add_grid(comparison, text));
  M4S_TRY(m4s_text_add(text, "%s: %zu compared, %zu equal to the digit, %zu differ\n",
                       comparison->metric, comparison->n_compared, comparison->n_equal,
                       comparison->n_compared - comparison->n_equal));
  if (summary->n > 0) {
    M4S_TRY(m4s_text_add(
        text,
        "difference B/A-1 [%%]: mean magnitude %.4f, median %.4f, p90 %.4f, max %.4f; mean %+.4f\n",
        summary->mae, summary->median_abs, summary->p90_abs, summary->max_abs,
        summary->mean_signed));
  }
  M4S_TRY(m4s_text_add(text, "only in A: %zu, only in B: %zu\n", comparison->n_only_a,
                       comparison->n_only_b));
  return comparison->n_without_a + comparison->n_without_b == 0
             ? M4S_OK
             : m4s_text_add(text, "without a value: %zu in A, %zu in B\n", comparison->n_without_a,
                            comparison->n_without_b);
}
