#include "core/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static m4s_status_t reserve(m4s_text_t *text, size_t n_more) {
  size_t needed = text->length + n_more + 1;
  if (needed <= text->capacity) {
    return M4S_OK;
  }
  size_t capacity = text->capacity == 0 ? 256 : text->capacity;
  while (capacity < needed) {
    capacity *= 2;
  }
  char *bytes = realloc(text->bytes, capacity);
  if (bytes == NULL) {
    return m4s_fail_memory("text");
  }
  text->bytes = bytes;
  text->capacity = capacity;
  return M4S_OK;
}

m4s_status_t m4s_text_add(m4s_text_t *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (n < 0) {
    return m4s_fail(M4S_ERR_INTERNAL, "text format %s failed", format);
  }
  M4S_TRY(reserve(text, (size_t)n));
  va_start(arguments, format);
  vsnprintf(text->bytes + text->length, (size_t)n + 1, format, arguments);
  va_end(arguments);
  text->length += (size_t)n;
  return M4S_OK;
}

m4s_status_t m4s_text_add_bytes(m4s_text_t *text, const void *bytes, size_t n_bytes) {
  M4S_TRY(reserve(text, n_bytes));
  memcpy(text->bytes + text->length, bytes, n_bytes);
  text->length += n_bytes;
  text->bytes[text->length] = '\0';
  return M4S_OK;
}

void m4s_text_clear(m4s_text_t *text) {
  free(text->bytes);
  *text = (m4s_text_t){0};
}

m4s_status_t m4s_text_list_add(m4s_text_list_t *list, const char *item) {
  char **items = realloc(list->items, (list->n_items + 1) * sizeof *items);
  if (items == NULL) {
    return m4s_fail_memory("a list of names");
  }
  list->items = items;
  char *copy = strdup(item);
  if (copy == NULL) {
    return m4s_fail_memory("a name");
  }
  list->items[list->n_items++] = copy;
  return M4S_OK;
}

int m4s_text_list_find(const m4s_text_list_t *list, const char *name) {
  for (size_t i = 0; i < list->n_items; i++) {
    if (strcmp(list->items[i], name) == 0) {
      return (int)i;
    }
  }
  return -1;
}

void m4s_text_list_clear(m4s_text_list_t *list) {
  for (size_t i = 0; i < list->n_items; i++) {
    free(list->items[i]);
  }
  free(list->items);
  *list = (m4s_text_list_t){0};
}

// The first byte of a number; strtoll and strtod would also take blanks, "+", hexadecimal, "inf".
static bool starts_number(const char *text) {
  const char *digit = text[0] == '-' ? text + 1 : text;
  return isdigit((unsigned char)digit[0]) || (digit[0] == '.' && isdigit((unsigned char)digit[1]));
}

bool m4s_parse_int64(const char *text, int64_t *value_out) {
  if (!starts_number(text)) {
    return false;
  }
  char *end = NULL;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno != 0 || *end != '\0') {
    return false;
  }
  *value_out = value;
  return true;
}

bool m4s_parse_double(const char *text, double *value_out) {
  if (!starts_number(text) || strpbrk(text, "xXpP") != NULL) {
    return false;
  }
  char *end = NULL;
  double value = strtod(text, &end);
  if (*end != '\0' || !isfinite(value)) {
    return false;
  }
  *value_out = value;
  return true;
}

enum { MAX_NAME = 64 };

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

// Levenshtein distance, names cut at MAX_NAME bytes, case ignored.
static size_t edit_distance(const char *a, const char *b) {
  size_t n_a = min_size(strlen(a), MAX_NAME);
  size_t n_b = min_size(strlen(b), MAX_NAME);
  size_t row[MAX_NAME + 1];
  for (size_t j = 0; j <= n_b; j++) {
    row[j] = j;
  }
  for (size_t i = 1; i <= n_a; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n_b; j++) {
      bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
      size_t best = min_size(diagonal + (same ? 0 : 1), min_size(row[j], row[j - 1]) + 1);
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[n_b];
}

const char *m4s_nearest_name(const char *name, const char *const *candidates, size_t n_candidates) {
  const char *nearest = NULL;
  size_t nearest_distance = SIZE_MAX;
  for (size_t i = 0; i < n_candidates; i++) {
    size_t distance = edit_distance(name, candidates[i]);
    // A prefix such as "degraded" for "degraded_gpus" is meant even if far by edits.
    bool prefix = strlen(name) >= 3 && strncmp(candidates[i], name, strlen(name)) == 0;
    if (prefix && distance > 2) {
      distance = 2;
    }
    if (distance < nearest_distance) {
      nearest = candidates[i];
      nearest_distance = distance;
    }
  }
  return nearest != NULL && nearest_distance <= 2 + strlen(nearest) / 4 ? nearest : NULL;
}

const char *m4s_did_you_mean(const char *name, const char *const *candidates, size_t n_candidates) {
  static _Thread_local char buffer[128];
  const char *nearest = m4s_nearest_name(name, candidates, n_candidates);
  if (nearest == NULL) {
    return "";
  }
  snprintf(buffer, sizeof buffer, " (did you mean %s?)", nearest);
  return buffer;
}

uint64_t m4s_hash_bytes(uint64_t hash, const void *bytes, size_t n_bytes) {
  const unsigned char *byte = bytes;
  for (size_t i = 0; i < n_bytes; i++) {
    hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
  }
  return hash;
}

int m4s_uint64_compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a;
  uint64_t y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}
