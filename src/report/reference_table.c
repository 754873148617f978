// References from a table: one row per point and simulator.
#include <stdlib.h>
#include <string.h>

#include "core/csv.h"
#include "report/format.h"
#include "report/reference.h"

// A row of the wanted simulator, found by the key of its axis values.
typedef struct {
  char *key;  // owned
  size_t row;
} entry_t;

typedef struct {
  const m4s_view_t *view;
  const char *path;
  m4s_csv_t csv;
  int simulator_column;
  int *axis_columns;  // owned, [n_axes], -1: the table holds for every value of the axis
  bool *axis_is_number;  // owned, [n_axes]
  entry_t *entries;  // owned, sorted by key, then row
  size_t n_entries;
} table_t;

static m4s_status_t no_column(const table_t *table, const char *what, const char *name) {
  return m4s_fail(M4S_ERR_INPUT, "%s:%d: has no column %s%s", table->path,
                  table->csv.line_of_row[0], what,
                  m4s_did_you_mean(name, table->csv.cells, table->csv.n_columns));
}

static m4s_status_t find_axis_columns(table_t *table) {
  const m4s_text_list_t *axes = &table->view->axes;
  bool any = axes->n_items == 0;
  table->axis_columns = calloc(axes->n_items + 1, sizeof *table->axis_columns);
  table->axis_is_number = calloc(axes->n_items + 1, sizeof *table->axis_is_number);
  if (table->axis_columns == NULL || table->axis_is_number == NULL) {
    return m4s_fail_memory(table->path);
  }
  for (size_t a = 0; a < axes->n_items; a++) {
    table->axis_is_number[a] = m4s_view_axis_is_number(table->view, axes->items[a]);
    table->axis_columns[a] = m4s_csv_column(&table->csv, axes->items[a]);
    any = any || table->axis_columns[a] >= 0;
  }
  return any ? M4S_OK : no_column(table, "for any axis of the sweep", axes->items[0]);
}

// Metrics are the columns that end in "_us"; one of them must be a metric of the sweep.
static m4s_status_t find_metrics(const table_t *table, m4s_reference_t *reference) {
  bool any = false;
  for (size_t c = 0; c < table->csv.n_columns; c++) {
    const char *name = table->csv.cells[c];
    if (m4s_name_ends(name, "_us") && m4s_text_list_find(&table->view->axes, name) < 0) {
      M4S_TRY(m4s_text_list_add(&reference->metrics, name));
      any = any || m4s_text_list_find(&table->view->metrics, name) >= 0;
    }
  }
  return any ? M4S_OK : no_column(table, "for any metric such as \"total_us\"", "total_us");
}

static m4s_status_t not_a_number(const table_t *table, size_t row, size_t column,
                                 const char *wanted) {
  return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s \"%.40s\" is not %s", table->path,
                  table->csv.line_of_row[row + 1], table->csv.cells[column],
                  m4s_csv_cell(&table->csv, row, column), wanted);
}

static m4s_status_t check_cells(const table_t *table, size_t row, const m4s_text_list_t *metrics) {
  const m4s_text_list_t *axes = &table->view->axes;
  double value;
  for (size_t a = 0; a < axes->n_items; a++) {
    int column = table->axis_columns[a];
    if (column >= 0 && table->axis_is_number[a] &&
        !m4s_parse_double(m4s_csv_cell(&table->csv, row, (size_t)column), &value)) {
      return not_a_number(table, row, (size_t)column, "a number");
    }
  }
  for (size_t m = 0; m < metrics->n_items; m++) {
    size_t column = (size_t)m4s_csv_column(&table->csv, metrics->items[m]);
    const char *cell = m4s_csv_cell(&table->csv, row, column);
    if (cell[0] != '\0' && (!m4s_parse_double(cell, &value) || value < 0)) {
      return not_a_number(table, row, column, "a time in us");
    }
  }
  return M4S_OK;
}

static m4s_status_t add_entry(table_t *table, size_t row) {
  m4s_text_t key = {0};
  m4s_status_t status = m4s_text_add(&key, "%s", "");
  for (size_t a = 0; status == M4S_OK && a < table->view->axes.n_items; a++) {
    if (table->axis_columns[a] >= 0) {
      status =
          m4s_text_add_key(&key, m4s_csv_cell(&table->csv, row, (size_t)table->axis_columns[a]));
    }
  }
  if (status != M4S_OK) {
    m4s_text_clear(&key);
    return status;
  }
  table->entries[table->n_entries++] = (entry_t){.key = key.bytes, .row = row};
  return M4S_OK;
}

static int compare_entries(const void *a, const void *b) {
  const entry_t *left = a;
  const entry_t *right = b;
  int order = strcmp(left->key, right->key);
  return order != 0 ? order : (left->row > right->row) - (left->row < right->row);
}

static m4s_status_t unknown_simulator(const table_t *table, const char *simulator) {
  const char **names = calloc(table->csv.n_rows + 1, sizeof *names);
  if (names == NULL) {
    return m4s_fail_memory(table->path);
  }
  for (size_t row = 0; row < table->csv.n_rows; row++) {
    names[row] = m4s_csv_cell(&table->csv, row, (size_t)table->simulator_column);
  }
  m4s_status_t status = m4s_fail(M4S_ERR_INPUT, "%s: has no row of simulator \"%s\"%s", table->path,
                                 simulator, m4s_did_you_mean(simulator, names, table->csv.n_rows));
  free(names);
  return status;
}

// Checks all rows and collects those of the simulator.
static m4s_status_t read_rows(table_t *table, const char *simulator,
                              const m4s_text_list_t *metrics) {
  table->entries = calloc(table->csv.n_rows + 1, sizeof *table->entries);
  if (table->entries == NULL) {
    return m4s_fail_memory(table->path);
  }
  for (size_t row = 0; row < table->csv.n_rows; row++) {
    M4S_TRY(check_cells(table, row, metrics));
    if (strcmp(m4s_csv_cell(&table->csv, row, (size_t)table->simulator_column), simulator) == 0) {
      M4S_TRY(add_entry(table, row));
    }
  }
  if (table->n_entries == 0) {
    return unknown_simulator(table, simulator);
  }
  qsort(table->entries, table->n_entries, sizeof *table->entries, compare_entries);
  return M4S_OK;
}

// The first entry whose key is not below `key`.
static size_t lower_bound(const table_t *table, const char *key) {
  size_t low = 0;
  size_t high = table->n_entries;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(table->entries[middle].key, key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static m4s_status_t make_point_key(const table_t *table, size_t point, m4s_text_t *key) {
  key->length = 0;
  M4S_TRY(m4s_text_add(key, "%s", ""));
  for (size_t a = 0; a < table->view->axes.n_items; a++) {
    if (table->axis_columns[a] >= 0) {
      const json_t *value = m4s_view_axis(table->view, point, table->view->axes.items[a]);
      M4S_TRY(m4s_text_add_json_as(key, value, m4s_text_add_key));
    }
  }
  return M4S_OK;
}

// Takes the values of the row that `key` names, if there is one.
static m4s_status_t take_row(const table_t *table, const char *key, size_t point,
                             m4s_reference_t *reference) {
  size_t at = lower_bound(table, key);
  if (at == table->n_entries || strcmp(table->entries[at].key, key) != 0) {
    return M4S_OK;
  }
  if (at + 1 < table->n_entries && strcmp(table->entries[at + 1].key, key) == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: gives the same point and simulator as line %d",
                    table->path, table->csv.line_of_row[table->entries[at + 1].row + 1],
                    table->csv.line_of_row[table->entries[at].row + 1]);
  }
  bool any = false;
  size_t n_metrics = reference->metrics.n_items;
  for (size_t m = 0; m < n_metrics; m++) {
    int column = m4s_csv_column(&table->csv, reference->metrics.items[m]);
    m4s_reference_value_t *value = &reference->values[point * n_metrics + m];
    const char *cell = m4s_csv_cell(&table->csv, table->entries[at].row, (size_t)column);
    value->known = m4s_parse_double(cell, &value->value);
    any = any || value->known;
  }
  reference->n_points_known += any;
  return M4S_OK;
}

static m4s_status_t match_points(const table_t *table, m4s_reference_t *reference) {
  m4s_text_t key = {0};
  m4s_status_t status = M4S_OK;
  for (size_t a = 0; status == M4S_OK && a < table->view->axes.n_items; a++) {
    if (table->axis_columns[a] >= 0) {
      status = m4s_text_list_add(&reference->axes, table->view->axes.items[a]);
    }
  }
  for (size_t point = 0; status == M4S_OK && point < table->view->n_points; point++) {
    status = make_point_key(table, point, &key);
    if (status == M4S_OK) {
      status = take_row(table, key.bytes, point, reference);
    }
  }
  m4s_text_clear(&key);
  return status;
}

static m4s_status_t read_table(table_t *table, const char *simulator, m4s_reference_t *reference) {
  table->simulator_column = m4s_csv_column(&table->csv, "simulator");
  if (table->simulator_column < 0) {
    return no_column(table, "\"simulator\"", "simulator");
  }
  M4S_TRY(find_axis_columns(table));
  M4S_TRY(find_metrics(table, reference));
  M4S_TRY(read_rows(table, simulator, &reference->metrics));
  M4S_TRY(m4s_reference_allocate(reference, table->view));
  return match_points(table, reference);
}

m4s_status_t m4s_reference_read_table(const m4s_view_t *view, const char *path,
                                      const char *simulator, m4s_reference_t *reference) {
  table_t table = {.view = view, .path = path};
  M4S_TRY(m4s_csv_read(path, &table.csv));
  m4s_status_t status = read_table(&table, simulator, reference);
  for (size_t i = 0; i < table.n_entries; i++) {
    free(table.entries[i].key);
  }
  free(table.entries);
  free(table.axis_columns);
  free(table.axis_is_number);
  m4s_csv_clear(&table.csv);
  return status;
}
