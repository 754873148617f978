// Memory that is taken piece by piece and given back all at once.
#pragma once

#include <stddef.h>

enum { M4S_ARENA_ALIGNMENT = 64 };  // bytes

typedef struct m4s_arena_block m4s_arena_block_t;

// Start from {0}; free with m4s_arena_clear().
typedef struct {
  m4s_arena_block_t *first, *current;
} m4s_arena_t;

// `n_bytes` that nobody has set, 64-byte aligned, until the next reset; NULL without memory.
void *m4s_arena_take(m4s_arena_t *arena, size_t n_bytes);

// Takes everything back; the memory is kept for what is taken next.
void m4s_arena_reset(m4s_arena_t *arena);

// Bytes that the system has given.
size_t m4s_arena_bytes(const m4s_arena_t *arena);
void m4s_arena_clear(m4s_arena_t *arena);
