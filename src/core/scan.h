// Text files of lines and blank-separated words, with errors that name file, line and column.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

typedef struct {
  const char *text;  // zero-terminated, in the scanner's buffer
  int column;  // from 1
} m4s_word_t;

typedef struct m4s_scanner {
  const char *path;  // borrowed: names the file in errors
  char *buffer;  // owned copy of the text, cut into words
  char *next;  // start of the next line
  int line;  // number of the present line, from 1
  m4s_word_t *words;  // owned, [n_words] of the present line
  int n_words, capacity;
} m4s_scanner_t;

// Copies `text`. Free with m4s_scanner_clear().
m4s_status_t m4s_scanner_init(m4s_scanner_t *scanner, const char *text, const char *path);
void m4s_scanner_clear(m4s_scanner_t *scanner);

// Goes to the next line that has words (both line ends are read); `wanted` says what should stand
// there. At the end of the text: M4S_ERR_INPUT, "file:line: ends where … should stand".
m4s_status_t m4s_scanner_next(m4s_scanner_t *scanner, const char *wanted);

// Whether any word follows the present line.
bool m4s_scanner_has_more(const m4s_scanner_t *scanner);

// M4S_ERR_INPUT if any word follows.
m4s_status_t m4s_scanner_expect_end(m4s_scanner_t *scanner);

// M4S_ERR_INPUT unless the present line has min to max words; `wanted` lists them.
m4s_status_t m4s_scanner_expect_words(const m4s_scanner_t *scanner, int min, int max,
                                      const char *wanted);

// Word `i` as a whole number of min to max; `name` says what it is.
m4s_status_t m4s_scanner_int(const m4s_scanner_t *scanner, int i, const char *name, int64_t min,
                             int64_t max, int64_t *value_out);

// M4S_ERR_INPUT: "file:line:column: name \"word\" problem".
m4s_status_t m4s_scanner_fail(const m4s_scanner_t *scanner, int i, const char *name,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));
