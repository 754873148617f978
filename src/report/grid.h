// Tables for a terminal.
#pragma once

#include "core/text.h"

// Appends `cells`, [n_rows, n_columns] with the header first, as aligned columns two blanks apart:
// the first `n_left` columns to the left, the others to the right. UTF-8 is counted by characters.
m4s_status_t m4s_text_add_grid(m4s_text_t *text, const m4s_text_list_t *cells, size_t n_columns,
                               size_t n_left);

// Appends one cell of a grid.
m4s_status_t m4s_text_list_add_format(m4s_text_list_t *cells, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
