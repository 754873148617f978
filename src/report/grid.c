#define _GNU_SOURCE
#include "report/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// Characters of UTF-8: all bytes but continuation bytes.
static int width_of(const char *cell) {
  int width = 0;
  for (const char *c = cell; *c != '\0'; c++) {
    width += ((unsigned char)*c & 0xc0) != 0x80;
  }
  return width;
}

static m4s_status_t add_row(m4s_text_t *text, char *const *cells, size_t n_columns, size_t n_left,
                            const int *widths) {
  for (size_t c = 0; c < n_columns; c++) {
    int padding = widths[c] - width_of(cells[c]);
    const char *gap = c == 0 ? "" : "  ";
    if (c >= n_left) {
      M4S_TRY(m4s_text_add(text, "%s%*s%s", gap, padding, "", cells[c]));
    } else {
      M4S_TRY(m4s_text_add(text, "%s%s%*s", gap, cells[c], c + 1 == n_columns ? 0 : padding, ""));
    }
  }
  while (text->length > 0 && text->bytes[text->length - 1] == ' ') {
    text->length--;  // an empty cell at the end
  }
  return m4s_text_add(text, "\n");
}

m4s_status_t m4s_text_add_grid(m4s_text_t *text, const m4s_text_list_t *cells, size_t n_columns,
                               size_t n_left) {
  int *widths = calloc(n_columns + 1, sizeof *widths);
  if (widths == NULL) {
    return m4s_fail_memory("a table");
  }
  for (size_t i = 0; i < cells->n_items; i++) {
    int width = width_of(cells->items[i]);
    widths[i % n_columns] = width > widths[i % n_columns] ? width : widths[i % n_columns];
  }
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i + n_columns <= cells->n_items; i += n_columns) {
    status = add_row(text, cells->items + i, n_columns, n_left, widths);
  }
  free(widths);
  return status;
}

m4s_status_t m4s_text_list_add_format(m4s_text_list_t *cells, const char *format, ...) {
  va_list arguments;
  char *cell = NULL;
  va_start(arguments, format);
  int n = vasprintf(&cell, format, arguments);
  va_end(arguments);
  if (n < 0) {
    return m4s_fail_memory("a table");
  }
  m4s_status_t status = m4s_text_list_add(cells, cell);
  free(cell);
  return status;
}
