// Text: a growing buffer, strict number parsing, nearest names.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

// A growing, always zero-terminated text. Start from {0}; free with m4s_text_clear().
typedef struct {
  char *bytes;  // owned; NULL while empty
  size_t length;
  size_t capacity;
} m4s_text_t;

// Appends; on lack of memory the text keeps what it had.
m4s_status_t m4s_text_add(m4s_text_t *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
m4s_status_t m4s_text_add_bytes(m4s_text_t *text, const void *bytes, size_t n_bytes);
void m4s_text_clear(m4s_text_t *text);

// A list of owned strings. Start from {0}; free with m4s_text_list_clear().
typedef struct {
  char **items;
  size_t n_items;
} m4s_text_list_t;

// Appends a copy of `item`.
m4s_status_t m4s_text_list_add(m4s_text_list_t *list, const char *item);
void m4s_text_list_clear(m4s_text_list_t *list);

// The index of `name`, -1 if it is not in the list.
int m4s_text_list_find(const m4s_text_list_t *list, const char *name);

// Whole-string decimal numbers: no blanks, no trailing bytes, no overflow, no NaN, no infinity.
// False where `text` is anything else; *value_out is then untouched.
bool m4s_parse_int64(const char *text, int64_t *value_out);
bool m4s_parse_double(const char *text, double *value_out);

// The candidate nearest to `name` by edit distance, NULL if none is near enough to be meant.
const char *m4s_nearest_name(const char *name, const char *const *candidates, size_t n_candidates);

// Text doubled as printf("%s") arguments: " (did you mean X?)" or "". The result lives in a buffer
// of the thread, until the next call.
const char *m4s_did_you_mean(const char *name, const char *const *candidates, size_t n_candidates);

// Compares two uint64_t, for qsort().
int m4s_uint64_compare(const void *a, const void *b);

// 64-bit FNV-1a over `n_bytes`, continuing from `hash` (start with M4S_HASH_START).
#define M4S_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t m4s_hash_bytes(uint64_t hash, const void *bytes, size_t n_bytes);
