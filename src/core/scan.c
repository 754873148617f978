#include "core/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

m4s_status_t m4s_scanner_init(m4s_scanner_t *scanner, const char *text, const char *path) {
  char *buffer = strdup(text);
  if (buffer == NULL) {
    return m4s_fail_memory(path);
  }
  *scanner = (m4s_scanner_t){.path = path, .buffer = buffer, .next = buffer};
  return M4S_OK;
}

void m4s_scanner_clear(m4s_scanner_t *scanner) {
  free(scanner->buffer);
  free(scanner->words);
  *scanner = (m4s_scanner_t){0};
}

static m4s_status_t add_word(m4s_scanner_t *scanner, const char *text, int column) {
  if (scanner->n_words == scanner->capacity) {
    int capacity = scanner->capacity == 0 ? 16 : 2 * scanner->capacity;
    m4s_word_t *words = realloc(scanner->words, (size_t)capacity * sizeof *words);
    if (words == NULL) {
      return m4s_fail_memory(scanner->path);
    }
    scanner->words = words;
    scanner->capacity = capacity;
  }
  scanner->words[scanner->n_words++] = (m4s_word_t){.text = text, .column = column};
  return M4S_OK;
}

static const char blanks[] = " \t\r\v\f";

// Cuts the line at scanner->next into words and moves past it.
static m4s_status_t cut_line(m4s_scanner_t *scanner) {
  char *start = scanner->next;
  char *end = start + strcspn(start, "\n");
  scanner->next = *end == '\n' ? end + 1 : end;
  *end = '\0';
  scanner->line++;
  scanner->n_words = 0;
  for (char *word = start + strspn(start, blanks); *word != '\0';) {
    char *word_end = word + strcspn(word, blanks);
    M4S_TRY(add_word(scanner, word, (int)(word - start) + 1));
    char *next = word_end + strspn(word_end, blanks);
    *word_end = '\0';
    word = next;
  }
  return M4S_OK;
}

m4s_status_t m4s_scanner_next(m4s_scanner_t *scanner, const char *wanted) {
  scanner->n_words = 0;
  while (scanner->n_words == 0) {
    if (*scanner->next == '\0') {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: ends where %s should stand", scanner->path,
                      scanner->line + 1, wanted);
    }
    M4S_TRY(cut_line(scanner));
  }
  return M4S_OK;
}

bool m4s_scanner_has_more(const m4s_scanner_t *scanner) {
  const char *text = scanner->next;
  while (*text == '\n' || (*text != '\0' && strchr(blanks, *text) != NULL)) {
    text++;
  }
  return *text != '\0';
}

m4s_status_t m4s_scanner_expect_end(m4s_scanner_t *scanner) {
  while (*scanner->next != '\0') {
    M4S_TRY(cut_line(scanner));
    if (scanner->n_words > 0) {
      return m4s_scanner_fail(scanner, 0, "line",
                              "stands after the last line of those counted above");
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_scanner_expect_words(const m4s_scanner_t *scanner, int min, int max,
                                      const char *wanted) {
  if (scanner->n_words < min || scanner->n_words > max) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %d %s, needed: %s", scanner->path, scanner->line,
                    scanner->n_words, scanner->n_words == 1 ? "word" : "words", wanted);
  }
  return M4S_OK;
}

m4s_status_t m4s_scanner_int(const m4s_scanner_t *scanner, int i, const char *name, int64_t min,
                             int64_t max, int64_t *value_out) {
  int64_t value;
  if (!m4s_parse_int64(scanner->words[i].text, &value)) {
    return m4s_scanner_fail(scanner, i, name, "is not a whole number");
  }
  if (value < min || value > max) {
    return m4s_scanner_fail(scanner, i, name, "is outside %lld to %lld (nearest valid: %lld)",
                            (long long)min, (long long)max, (long long)(value < min ? min : max));
  }
  *value_out = value;
  return M4S_OK;
}

m4s_status_t m4s_scanner_fail(const m4s_scanner_t *scanner, int i, const char *name,
                              const char *format, ...) {
  char problem[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(problem, sizeof problem, format, arguments);
  va_end(arguments);
  return m4s_fail(M4S_ERR_INPUT, "%s:%d:%d: %s \"%.60s\" %s", scanner->path, scanner->line,
                  scanner->words[i].column, name, scanner->words[i].text, problem);
}
