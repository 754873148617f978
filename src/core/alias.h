// Walker's alias method: numbers 0 … n-1 with given probabilities, in constant time.
#pragma once

#include <stdint.h>

#include "core/random.h"
#include "core/status.h"

typedef struct {
  uint64_t threshold;  // of 2^64: below it the number itself is drawn, else `other`
  int32_t other;
} m4s_alias_entry_t;

// Start from {0}; free with m4s_alias_clear().
typedef struct {
  m4s_alias_entry_t *entries;  // owned, [n]
  int32_t n;
} m4s_alias_t;

// Makes the table of `weights` [n], which are finite, not negative and not all 0; n > 0.
m4s_status_t m4s_alias_make(const double *weights, int32_t n, m4s_alias_t *alias_out);
void m4s_alias_clear(m4s_alias_t *alias);

// Takes one number of the stream.
static inline int32_t m4s_alias_draw(const m4s_alias_t *alias, m4s_random_t *random) {
  __extension__ typedef unsigned __int128 wide_t;
  wide_t place = (wide_t)m4s_random_bits(random) * (uint64_t)alias->n;
  int32_t i = (int32_t)(place >> 64);
  return (uint64_t)place < alias->entries[i].threshold ? i : alias->entries[i].other;
}
