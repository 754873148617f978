// Growing arrays.
#include "support.h"

#include "core/array.h"

static void append_should_keep_all_items(void **state) {
  (void)state;
  enum { N = 1000 };
  int32_t *items = NULL;
  int32_t n_items = 0;
  int32_t capacity = 0;
  for (int32_t i = 0; i < N; i++) {
    ASSERT_OK(m4s_array_append(&items, &n_items, &capacity, 7 * i, "items"));
    assert_int_equal(n_items, i + 1);
    assert_true(capacity >= n_items);
  }
  for (int32_t i = 0; i < N; i++) {
    assert_int_equal(items[i], 7 * i);
  }
  free(items);
}

static void grow_should_make_room_only_where_there_is_none(void **state) {
  (void)state;
  double *items = NULL;
  int32_t capacity = 0;
  ASSERT_OK(m4s_array_grow(&items, 0, &capacity, sizeof *items, "items"));
  assert_non_null(items);
  int32_t first_capacity = capacity;
  double *first_items = items;
  assert_true(first_capacity > 0);
  ASSERT_OK(m4s_array_grow(&items, first_capacity - 1, &capacity, sizeof *items, "items"));
  assert_int_equal(capacity, first_capacity);
  assert_ptr_equal(items, first_items);
  for (int32_t i = 0; i < first_capacity; i++) {
    items[i] = i;
  }
  ASSERT_OK(m4s_array_grow(&items, first_capacity, &capacity, sizeof *items, "items"));
  assert_true(capacity > first_capacity);
  for (int32_t i = 0; i < first_capacity; i++) {
    assert_true(items[i] == i);
  }
  free(items);
}

// What cannot be had leaves the array as it was: more bytes than there are addresses, more items
// than can be counted.
static void arrays_should_survive_what_cannot_be_had(void **state) {
  (void)state;
  int32_t *items = NULL;
  int32_t n_items = 0;
  int32_t capacity = 0;
  ASSERT_OK(m4s_array_append(&items, &n_items, &capacity, 42, "items"));
  if (!SUPPORT_SANITIZED) {  // a sanitizer ends the program
    ASSERT_FAILS(m4s_array_resize(&items, 1 << 30, (size_t)1 << 32, "numbers"), M4S_ERR_MEMORY,
                 "out of memory for numbers");
  }
  int32_t full = INT32_MAX / 2 + 1;
  ASSERT_FAILS(m4s_array_grow(&items, full, &full, sizeof *items, "numbers"), M4S_ERR_MEMORY,
               "out of memory for numbers");
  assert_int_equal(full, INT32_MAX / 2 + 1);
  assert_int_equal(items[0], 42);
  free(items);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(append_should_keep_all_items),
      cmocka_unit_test(grow_should_make_room_only_where_there_is_none),
      cmocka_unit_test(arrays_should_survive_what_cannot_be_had),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
