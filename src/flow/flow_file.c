#include "flow/flow_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/csv.h"
#include "core/event.h"
#include "core/file.h"
#include "core/text.h"

enum { ID, SRC, DST, SIZE, START, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {"id", "src", "dst", "size_bytes", "start_ns"};

// Sizes and starts far below the end of time, so that no sum of them passes it.
static const int64_t max_value = M4S_TIME_MAX_NS / 4;

typedef struct {
  const char *path;
  m4s_csv_t csv;
  int columns[N_COLUMNS];  // -1: there is none
  int32_t n_hosts;
} table_t;

static m4s_status_t find_columns(table_t *table) {
  for (int i = 0; i < N_COLUMNS; i++) {
    table->columns[i] = m4s_csv_column(&table->csv, column_names[i]);
    if (table->columns[i] < 0 && i != ID) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s:%d: has no column \"%s\" (needed: src, dst, size_bytes, "
                      "start_ns)",
                      table->path, table->csv.line_of_row[0], column_names[i]);
    }
  }
  for (size_t i = 0; i < table->csv.n_columns; i++) {
    const char *name = table->csv.cells[i];
    bool known = false;
    for (int j = 0; j < N_COLUMNS; j++) {
      known = known || strcmp(name, column_names[j]) == 0;
    }
    if (!known) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: unknown column \"%s\"%s", table->path,
                      table->csv.line_of_row[0], name,
                      m4s_did_you_mean(name, column_names, N_COLUMNS));
    }
  }
  return M4S_OK;
}

// A cell as a whole number of min to max.
static m4s_status_t get(const table_t *table, size_t row, int column, int64_t min, int64_t max,
                        int64_t *value_out) {
  const char *cell = m4s_csv_cell(&table->csv, row, (size_t)table->columns[column]);
  int64_t value;
  if (!m4s_parse_int64(cell, &value)) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s \"%.40s\" is not a whole number", table->path,
                    table->csv.line_of_row[row + 1], column_names[column], cell);
  }
  if (value < min || value > max) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s %lld is outside %lld to %lld (nearest valid: %lld)",
                    table->path, table->csv.line_of_row[row + 1], column_names[column],
                    (long long)value, (long long)min, (long long)max,
                    (long long)(value < min ? min : max));
  }
  *value_out = value;
  return M4S_OK;
}

static m4s_status_t read_row(const table_t *table, size_t row, int64_t earliest_ns,
                             m4s_flow_record_t *record) {
  int64_t id = (int64_t)row;
  int64_t src = 0;
  int64_t dst = 0;
  int64_t size_bytes = 0;
  int64_t start_ns = 0;
  if (table->columns[ID] >= 0) {
    M4S_TRY(get(table, row, ID, id, id, &id));
  }
  M4S_TRY(get(table, row, SRC, 0, table->n_hosts - 1, &src));
  M4S_TRY(get(table, row, DST, 0, table->n_hosts - 1, &dst));
  M4S_TRY(get(table, row, SIZE, 1, max_value, &size_bytes));
  M4S_TRY(get(table, row, START, earliest_ns, max_value, &start_ns));
  if (src == dst) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: host %lld sends to itself", table->path,
                    table->csv.line_of_row[row + 1], (long long)src);
  }
  *record = m4s_flow_record_starting(id, src, dst, size_bytes, start_ns);
  return M4S_OK;
}

static m4s_status_t read_rows(const table_t *table, m4s_flow_record_t *records) {
  for (size_t row = 0; row < table->csv.n_rows; row++) {
    M4S_TRY(read_row(table, row, row == 0 ? 0 : records[row - 1].start_ns, &records[row]));
  }
  return M4S_OK;
}

static m4s_status_t read_table(table_t *table, m4s_flow_record_t **records_out) {
  M4S_TRY(find_columns(table));
  if (table->csv.n_rows == 0 || table->csv.n_rows > INT32_MAX) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %zu flows, not 1 to %d", table->path, table->csv.n_rows,
                    INT32_MAX);
  }
  m4s_flow_record_t *records = calloc(table->csv.n_rows, sizeof *records);
  if (records == NULL) {
    return m4s_fail_memory(table->path);
  }
  m4s_status_t status = read_rows(table, records);
  if (status != M4S_OK) {
    free(records);
    return status;
  }
  *records_out = records;
  return M4S_OK;
}

m4s_status_t m4s_flow_file_read(const char *path, int32_t n_hosts, m4s_flow_record_t **records_out,
                                int64_t *n_flows_out) {
  table_t table = {.path = path, .n_hosts = n_hosts};
  M4S_TRY(m4s_csv_read(path, &table.csv));
  m4s_status_t status = read_table(&table, records_out);
  if (status == M4S_OK) {
    *n_flows_out = (int64_t)table.csv.n_rows;
  }
  m4s_csv_clear(&table.csv);
  return status;
}

m4s_status_t m4s_flow_file_write(const char *path, const m4s_flow_record_t *records,
                                 int64_t n_flows) {
  m4s_text_t text = {0};
  m4s_status_t status = m4s_text_add(&text, "id,src,dst,size_bytes,start_ns\n");
  for (int64_t i = 0; status == M4S_OK && i < n_flows; i++) {
    const m4s_flow_record_t *record = &records[i];
    status = m4s_text_add(&text, "%d,%d,%d,%" PRId64 ",%" PRId64 "\n", record->id, record->src,
                          record->dst, record->size_bytes, record->start_ns);
  }
  if (status == M4S_OK) {
    status = m4s_file_write(path, text.bytes, text.length);
  }
  m4s_text_clear(&text);
  return status;
}
