// The flows that the public flowSim dumped, from the reference data.
#pragma once

#include "support.h"

#include "core/csv.h"
#include "core/text.h"

// Reads a gzipped table of the reference data; skips the test where there is none.
static inline m4s_csv_t dumped_read(const char *name) {
  char command[600];
  snprintf(command, sizeof command, "gzip -dc '%s'", support_reference(name));
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  m4s_text_t bytes = {0};
  char block[1 << 14];
  for (size_t n = fread(block, 1, sizeof block, pipe); n > 0;
       n = fread(block, 1, sizeof block, pipe)) {
    ASSERT_OK(m4s_text_add_bytes(&bytes, block, n));
  }
  assert_int_equal(pclose(pipe), 0);
  ASSERT_OK(m4s_file_write(support_path("dumped.csv"), bytes.bytes, bytes.length));
  m4s_text_clear(&bytes);
  m4s_csv_t csv;
  ASSERT_OK(m4s_csv_read(support_path("dumped.csv"), &csv));
  return csv;
}

// A whole number of a named column; an empty cell is -1.
static inline int64_t dumped_int(const m4s_csv_t *csv, size_t row, const char *column) {
  int i = m4s_csv_column(csv, column);
  assert_true(i >= 0);
  const char *cell = m4s_csv_cell(csv, row, (size_t)i);
  int64_t value = -1;
  if (cell[0] != '\0' && !m4s_parse_int64(cell, &value)) {
    fail_msg("row %zu, column %s: \"%s\" is no number", row, column, cell);
  }
  return value;
}
