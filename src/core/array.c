#include "core/array.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

m4s_status_t m4s_array_resize(void *array, int32_t capacity, size_t item_bytes, const char *what) {
  void *items;
  memcpy(&items, array, sizeof items);
  items = realloc(items, (size_t)capacity * item_bytes);
  if (items == NULL) {
    return m4s_fail_memory(what);
  }
  memcpy(array, &items, sizeof items);
  return M4S_OK;
}

m4s_status_t m4s_array_grow(void *array, int32_t n_items, int32_t *capacity, size_t item_bytes,
                            const char *what) {
  if (n_items < *capacity) {
    return M4S_OK;
  }
  if (*capacity > INT32_MAX / 2) {
    return m4s_fail_memory(what);
  }
  int32_t grown_capacity = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
  M4S_TRY(m4s_array_resize(array, grown_capacity, item_bytes, what));
  *capacity = grown_capacity;
  return M4S_OK;
}

m4s_status_t m4s_array_append(int32_t **items, int32_t *n_items, int32_t *capacity, int32_t item,
                              const char *what) {
  M4S_TRY(m4s_array_grow(items, *n_items, capacity, sizeof **items, what));
  (*items)[(*n_items)++] = item;
  return M4S_OK;
}
