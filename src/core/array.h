// Growing arrays: a pointer with a number of items and a capacity, which start as NULL, 0, 0 and
// are freed by free(). An array is handed over by the address of its pointer, whatever its type.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

// Gives an array room for `capacity` > 0 items; those that are there stay as they are.
// M4S_ERR_MEMORY, as from all of these, names `what` and leaves the array alone.
m4s_status_t m4s_array_resize(void *array, int32_t capacity, size_t item_bytes, const char *what);

// Makes room for one more item where there is none, doubling.
m4s_status_t m4s_array_grow(void *array, int32_t n_items, int32_t *capacity, size_t item_bytes,
                            const char *what);

// Adds an item.
m4s_status_t m4s_array_append(int32_t **items, int32_t *n_items, int32_t *capacity, int32_t item,
                              const char *what);
