#include "report/link_usage.h"

#include <stdlib.h>
#include <string.h>

#include "core/csv.h"

typedef struct {
  const char *path;
  m4s_csv_t csv;
  int tier_column;  // -1: there is none
  double *values;  // owned, [n_rows]: utilisations
  double *chosen;  // owned, [n_rows]: those of a tier
} links_t;

static const char *tier_of(const links_t *links, size_t row) {
  return links->tier_column < 0 ? "all"
                                : m4s_csv_cell(&links->csv, row, (size_t)links->tier_column);
}

static bool is_fabric(const char *tier) {
  return strcmp(tier, "nvlink") != 0 && strcmp(tier, "detached") != 0 && strcmp(tier, "all") != 0;
}

static m4s_status_t read_values(links_t *links) {
  int column = m4s_csv_column(&links->csv, "utilisation");
  if (column < 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: has no column utilisation", links->path);
  }
  for (size_t row = 0; row < links->csv.n_rows; row++) {
    const char *cell = m4s_csv_cell(&links->csv, row, (size_t)column);
    if (!m4s_parse_double(cell, &links->values[row])) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: utilisation \"%.40s\" is not a number", links->path,
                      links->csv.line_of_row[row + 1], cell);
    }
  }
  return M4S_OK;
}

// Appends the row of the links of `tier`, or of the fabric with NULL; nothing without any.
static m4s_status_t add_tier(const links_t *links, m4s_link_usage_row_t row, const char *tier,
                             m4s_link_usages_t *usages) {
  size_t n = 0;
  for (size_t i = 0; i < links->csv.n_rows; i++) {
    const char *other = tier_of(links, i);
    if (tier == NULL ? is_fabric(other) : strcmp(tier, other) == 0) {
      links->chosen[n++] = links->values[i];
    }
  }
  if (n == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_summary_make(links->path, links->chosen, n, &row.utilisation));
  m4s_link_usage_row_t *rows = realloc(usages->rows, (usages->n_rows + 1) * sizeof *rows);
  row.tier = strdup(tier == NULL ? "fabric" : tier);
  usages->rows = rows == NULL ? usages->rows : rows;
  if (rows == NULL || row.tier == NULL) {
    free(row.tier);
    return m4s_fail_memory("links");
  }
  rows[usages->n_rows++] = row;
  return M4S_OK;
}

static bool is_new(const m4s_link_usages_t *usages, size_t first, const char *tier) {
  for (size_t i = first; i < usages->n_rows; i++) {
    if (strcmp(usages->rows[i].tier, tier) == 0) {
      return false;
    }
  }
  return true;
}

static m4s_status_t add_tiers(const links_t *links, m4s_link_usage_row_t row,
                              m4s_link_usages_t *usages) {
  size_t first = usages->n_rows;
  for (size_t i = 0; i < links->csv.n_rows; i++) {
    if (is_new(usages, first, tier_of(links, i))) {
      M4S_TRY(add_tier(links, row, tier_of(links, i), usages));
    }
  }
  return add_tier(links, row, NULL, usages);
}

static m4s_status_t add_file(const char *path, m4s_link_usage_row_t row,
                             m4s_link_usages_t *usages) {
  links_t links = {.path = path};
  M4S_TRY(m4s_csv_read(path, &links.csv));
  links.tier_column = m4s_csv_column(&links.csv, "tier");
  links.values = calloc(links.csv.n_rows + 1, sizeof *links.values);
  links.chosen = calloc(links.csv.n_rows + 1, sizeof *links.chosen);
  m4s_status_t status =
      links.values == NULL || links.chosen == NULL ? m4s_fail_memory("links") : read_values(&links);
  if (status == M4S_OK) {
    status = add_tiers(&links, row, usages);
  }
  free(links.values);
  free(links.chosen);
  m4s_csv_clear(&links.csv);
  return status;
}

m4s_status_t m4s_link_usages_make(const m4s_view_t *view, m4s_text_list_t *unreadable,
                                  m4s_link_usages_t *usages_out) {
  m4s_link_usages_t usages = {0};
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < view->n_points * view->simulators.n_items; i++) {
    m4s_link_usage_row_t row = {.point = i / view->simulators.n_items,
                                .simulator = i % view->simulators.n_items};
    char *path = m4s_view_file(view, row.point, row.simulator, "links.csv");
    if (path != NULL) {
      status = m4s_view_pass_over(add_file(path, row, &usages), unreadable);
    }
    free(path);
  }
  if (status != M4S_OK) {
    m4s_link_usages_clear(&usages);
    return status;
  }
  *usages_out = usages;
  return M4S_OK;
}

void m4s_link_usages_clear(m4s_link_usages_t *usages) {
  for (size_t i = 0; i < usages->n_rows; i++) {
    free(usages->rows[i].tier);
  }
  free(usages->rows);
  *usages = (m4s_link_usages_t){0};
}
