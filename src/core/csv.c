#include "core/csv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

enum { MAX_CSV_BYTES = 256 << 20 };

typedef struct {
  m4s_csv_t *csv;
  const char *path;
  size_t n_cells, cell_capacity, row_capacity;
} reader_t;

static m4s_status_t add_cell(reader_t *reader, const char *cell) {
  if (reader->n_cells == reader->cell_capacity) {
    size_t capacity = reader->cell_capacity == 0 ? 256 : 2 * reader->cell_capacity;
    const char **cells = realloc(reader->csv->cells, capacity * sizeof *cells);
    if (cells == NULL) {
      return m4s_fail_memory(reader->path);
    }
    reader->csv->cells = cells;
    reader->cell_capacity = capacity;
  }
  reader->csv->cells[reader->n_cells++] = cell;
  return M4S_OK;
}

static m4s_status_t add_line_number(reader_t *reader, size_t row, int line) {
  if (row >= reader->row_capacity) {
    size_t capacity = reader->row_capacity == 0 ? 64 : 2 * reader->row_capacity;
    int *lines = realloc(reader->csv->line_of_row, capacity * sizeof *lines);
    if (lines == NULL) {
      return m4s_fail_memory(reader->path);
    }
    reader->csv->line_of_row = lines;
    reader->row_capacity = capacity;
  }
  reader->csv->line_of_row[row] = line;
  return M4S_OK;
}

// Cuts the next cell off *cursor, in place; quotes are undone. *cursor becomes NULL after the last
// one.
static bool cut_cell(char **cursor, char **cell_out) {
  char *cell = *cursor;
  char *end = cell + strcspn(cell, ",");
  if (*cell == '"') {
    char *to = cell;
    char *from = cell + 1;
    while (*from != '\0' && (*from != '"' || from[1] == '"')) {
      from += *from == '"';
      *to++ = *from++;
    }
    if (*from != '"' || (from[1] != ',' && from[1] != '\0')) {
      return false;
    }
    end = from + 1;
    char separator = *end;
    *to = '\0';
    *cell_out = cell;
    *cursor = separator == ',' ? end + 1 : NULL;
    return true;
  }
  *cursor = *end == ',' ? end + 1 : NULL;
  *end = '\0';
  *cell_out = cell;
  return true;
}

static m4s_status_t cut_line(reader_t *reader, char *text, int line) {
  size_t before = reader->n_cells;
  for (char *cursor = text; cursor != NULL;) {
    char *cell;
    if (!cut_cell(&cursor, &cell)) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: a quote that does not close", reader->path, line);
    }
    M4S_TRY(add_cell(reader, cell));
  }
  m4s_csv_t *csv = reader->csv;
  size_t n = reader->n_cells - before;
  if (before == 0) {
    csv->n_columns = n;
  } else if (n != csv->n_columns) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %zu cells, the header has %zu", reader->path, line, n,
                    csv->n_columns);
  } else {
    csv->n_rows++;
  }
  return add_line_number(reader, csv->n_rows, line);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static m4s_status_t check_header(const m4s_csv_t *csv, const char *path) {
  if (csv->n_columns == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: has no header line", path);
  }
  const char **names = malloc(csv->n_columns * sizeof *names);
  if (names == NULL) {
    return m4s_fail_memory(path);
  }
  memcpy(names, csv->cells, csv->n_columns * sizeof *names);
  qsort(names, csv->n_columns, sizeof *names, compare_names);
  m4s_status_t status = M4S_OK;
  for (size_t i = 1; status == M4S_OK && i < csv->n_columns; i++) {
    if (strcmp(names[i - 1], names[i]) == 0) {
      status = m4s_fail(M4S_ERR_INPUT, "%s:%d: column \"%s\" stands twice", path,
                        csv->line_of_row[0], names[i]);
    }
  }
  free(names);
  return status;
}

m4s_status_t m4s_csv_read(const char *path, m4s_csv_t *csv_out) {
  m4s_csv_t csv = {0};
  reader_t reader = {.csv = &csv, .path = path};
  M4S_TRY(m4s_file_read_text(path, MAX_CSV_BYTES, &csv.bytes));
  m4s_status_t status = M4S_OK;
  int line = 1;
  for (char *text = csv.bytes; status == M4S_OK && text != NULL; line++) {
    char *end = strchr(text, '\n');
    if (end != NULL) {
      *end = '\0';
    }
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '\r') {
      text[--length] = '\0';
    }
    if (length > 0 && text[0] != '#') {
      status = cut_line(&reader, text, line);
    }
    text = end == NULL ? NULL : end + 1;
  }
  if (status == M4S_OK) {
    status = check_header(&csv, path);
  }
  if (status != M4S_OK) {
    m4s_csv_clear(&csv);
    return status;
  }
  *csv_out = csv;
  return M4S_OK;
}

void m4s_csv_clear(m4s_csv_t *csv) {
  free(csv->bytes);
  free((void *)csv->cells);
  free(csv->line_of_row);
  *csv = (m4s_csv_t){0};
}

int m4s_csv_column(const m4s_csv_t *csv, const char *name) {
  for (size_t i = 0; i < csv->n_columns; i++) {
    if (strcmp(csv->cells[i], name) == 0) {
      return (int)i;
    }
  }
  return -1;
}

const char *m4s_csv_cell(const m4s_csv_t *csv, size_t row, size_t column) {
  return csv->cells[(row + 1) * csv->n_columns + column];
}
