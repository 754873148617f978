#include "core/heap.h"

#include <stdlib.h>

enum { ARITY = 4 };

static void place(m4s_heap_t *heap, int32_t at, m4s_heap_entry_t entry) {
  heap->entries[at] = entry;
  heap->place_of_id[entry.id] = at;
}

static void move_up(m4s_heap_t *heap, int32_t at, m4s_heap_entry_t entry) {
  while (at > 0) {
    int32_t parent = (at - 1) / ARITY;
    if (!m4s_event_before(entry.key, heap->entries[parent].key)) {
      break;
    }
    place(heap, at, heap->entries[parent]);
    at = parent;
  }
  place(heap, at, entry);
}

static void move_down(m4s_heap_t *heap, int32_t at, m4s_heap_entry_t entry) {
  for (;;) {
    int64_t first = (int64_t)at * ARITY + 1;
    int64_t end = first + ARITY < heap->n_entries ? first + ARITY : heap->n_entries;
    int32_t least = -1;
    for (int64_t child = first; child < end; child++) {
      if (least < 0 || m4s_event_before(heap->entries[child].key, heap->entries[least].key)) {
        least = (int32_t)child;
      }
    }
    if (least < 0 || !m4s_event_before(heap->entries[least].key, entry.key)) {
      break;
    }
    place(heap, at, heap->entries[least]);
    at = least;
  }
  place(heap, at, entry);
}

static m4s_status_t grow_ids(m4s_heap_t *heap, int32_t id) {
  int32_t capacity = heap->id_capacity == 0 ? 64 : heap->id_capacity;
  while (capacity <= id) {
    capacity *= 2;
  }
  int32_t *places = realloc(heap->place_of_id, (size_t)capacity * sizeof *places);
  if (places == NULL) {
    return m4s_fail_memory("events");
  }
  for (int32_t i = heap->id_capacity; i < capacity; i++) {
    places[i] = -1;
  }
  heap->place_of_id = places;
  heap->id_capacity = capacity;
  return M4S_OK;
}

static m4s_status_t grow_entries(m4s_heap_t *heap) {
  int32_t capacity = heap->entry_capacity == 0 ? 64 : heap->entry_capacity * 2;
  m4s_heap_entry_t *entries = realloc(heap->entries, (size_t)capacity * sizeof *entries);
  if (entries == NULL) {
    return m4s_fail_memory("events");
  }
  heap->entries = entries;
  heap->entry_capacity = capacity;
  return M4S_OK;
}

m4s_status_t m4s_heap_set(m4s_heap_t *heap, int32_t id, m4s_event_key_t key) {
  if (id >= heap->id_capacity) {
    M4S_TRY(grow_ids(heap, id));
  }
  m4s_heap_entry_t entry = {.key = key, .id = id};
  int32_t at = heap->place_of_id[id];
  if (at < 0) {
    if (heap->n_entries == heap->entry_capacity) {
      M4S_TRY(grow_entries(heap));
    }
    move_up(heap, heap->n_entries++, entry);
  } else if (m4s_event_before(key, heap->entries[at].key)) {
    move_up(heap, at, entry);
  } else {
    move_down(heap, at, entry);
  }
  return M4S_OK;
}

void m4s_heap_remove(m4s_heap_t *heap, int32_t id) {
  if (id >= heap->id_capacity || heap->place_of_id[id] < 0) {
    return;
  }
  int32_t at = heap->place_of_id[id];
  heap->place_of_id[id] = -1;
  m4s_heap_entry_t last = heap->entries[--heap->n_entries];
  if (last.id == id) {
    return;
  }
  if (at > 0 && m4s_event_before(last.key, heap->entries[(at - 1) / ARITY].key)) {
    move_up(heap, at, last);
  } else {
    move_down(heap, at, last);
  }
}

void m4s_heap_clear(m4s_heap_t *heap) {
  free(heap->entries);
  free(heap->place_of_id);
  *heap = (m4s_heap_t){0};
}
