// CSV tables with a header line: small files such as summaries and reference tables.
#pragma once

#include <stddef.h>

#include "core/status.h"

// Cells are texts. Lines that begin with '#' and empty lines are skipped.
typedef struct {
  char *bytes;  // owned: the file's text, cut into cells
  const char **cells;  // owned array, [n_rows + 1, n_columns]; row 0 is the header
  int *line_of_row;  // owned, [n_rows + 1]: line number in the file, from 1
  size_t n_rows, n_columns;
} m4s_csv_t;

// Reads a table; rows with another number of cells than the header, duplicate column names, quotes
// that do not close and files above 256 MiB are M4S_ERR_INPUT. Both line ends are read.
m4s_status_t m4s_csv_read(const char *path, m4s_csv_t *csv_out);
void m4s_csv_clear(m4s_csv_t *csv);

// The column called `name`, -1 if there is none.
int m4s_csv_column(const m4s_csv_t *csv, const char *name);

// Cell of row 0 … n_rows-1 (the header not counted).
const char *m4s_csv_cell(const m4s_csv_t *csv, size_t row, size_t column);
