// A priority queue of dense ids ordered by event key, whose entries can be moved and removed by id.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/status.h"

typedef struct {
  m4s_event_key_t key;
  int32_t id;
} m4s_heap_entry_t;

// Start from {0}; free with m4s_heap_clear(). Memory: 24 bytes an entry and 4 bytes an id.
typedef struct {
  m4s_heap_entry_t *entries;
  int32_t *place_of_id;  // index into entries, -1: not in the heap
  int32_t n_entries, entry_capacity, id_capacity;
} m4s_heap_t;

// Puts `id` (≥ 0) at `key`, moving it if it is there already. O(log n).
m4s_status_t m4s_heap_set(m4s_heap_t *heap, int32_t id, m4s_event_key_t key);

// Takes `id` out; nothing happens if it is not there. O(log n).
void m4s_heap_remove(m4s_heap_t *heap, int32_t id);

// The first entry, NULL if empty; valid until the heap changes.
static inline const m4s_heap_entry_t *m4s_heap_first(const m4s_heap_t *heap) {
  return heap->n_entries == 0 ? NULL : &heap->entries[0];
}

void m4s_heap_clear(m4s_heap_t *heap);
