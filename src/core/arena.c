#include "core/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 2 << 20, BLOCK_BYTES = 8 << 20 };

// The head of a block; its pieces follow.
struct m4s_arena_block {
  m4s_arena_block_t *next;
  size_t n_used, n_bytes;  // with the head
};

_Static_assert(sizeof(m4s_arena_block_t) <= M4S_ARENA_ALIGNMENT, "the head is the first piece");

// An empty block with room for a piece, in large pages where the system has them.
static m4s_arena_block_t *make_block(size_t n_piece) {
  if (n_piece > SIZE_MAX / 2) {
    return NULL;
  }
  size_t n_needed = n_piece + M4S_ARENA_ALIGNMENT;
  size_t n_bytes = n_needed < BLOCK_BYTES ? BLOCK_BYTES : n_needed;
  n_bytes = (n_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
  m4s_arena_block_t *block = aligned_alloc(PAGE_BYTES, n_bytes);
  if (block != NULL) {
    (void)madvise(block, n_bytes, MADV_HUGEPAGE);  // slower without
    *block = (m4s_arena_block_t){.n_used = M4S_ARENA_ALIGNMENT, .n_bytes = n_bytes};
  }
  return block;
}

// The first block from the current one on with room for a piece; NULL: there is none.
static m4s_arena_block_t *find_room(const m4s_arena_t *arena, size_t n_piece) {
  m4s_arena_block_t *block = arena->current;
  while (block != NULL && block->n_bytes - block->n_used < n_piece) {
    block = block->next;
  }
  return block;
}

// Puts a new block behind the current one.
static m4s_arena_block_t *add_block(m4s_arena_t *arena, size_t n_piece) {
  m4s_arena_block_t *block = make_block(n_piece);
  if (block == NULL) {
    return NULL;
  }
  if (arena->current == NULL) {
    arena->first = block;
  } else {
    block->next = arena->current->next;
    arena->current->next = block;
  }
  return block;
}

void *m4s_arena_take(m4s_arena_t *arena, size_t n_bytes) {
  if (n_bytes > SIZE_MAX / 2) {
    return NULL;
  }
  size_t n_piece = (n_bytes + M4S_ARENA_ALIGNMENT - 1) / M4S_ARENA_ALIGNMENT * M4S_ARENA_ALIGNMENT;
  m4s_arena_block_t *block = find_room(arena, n_piece);
  if (block == NULL) {
    block = add_block(arena, n_piece);
  }
  if (block == NULL) {
    return NULL;
  }
  void *piece = (char *)block + block->n_used;
  block->n_used += n_piece;
  arena->current = block;
  return piece;
}

void m4s_arena_reset(m4s_arena_t *arena) {
  for (m4s_arena_block_t *block = arena->first; block != NULL; block = block->next) {
    block->n_used = M4S_ARENA_ALIGNMENT;
  }
  arena->current = arena->first;
}

size_t m4s_arena_bytes(const m4s_arena_t *arena) {
  size_t n_bytes = 0;
  for (const m4s_arena_block_t *block = arena->first; block != NULL; block = block->next) {
    n_bytes += block->n_bytes;
  }
  return n_bytes;
}

void m4s_arena_clear(m4s_arena_t *arena) {
  while (arena->first != NULL) {
    m4s_arena_block_t *next = arena->first->next;
    free(arena->first);
    arena->first = next;
  }
  arena->current = NULL;
}
