// Arenas: pieces apart from each other, aligned, taken back and taken again.
#include "support.h"

#include "core/arena.h"

static void *take(m4s_arena_t *arena, size_t n_bytes, int value) {
  void *piece = m4s_arena_take(arena, n_bytes);
  assert_non_null(piece);
  assert_int_equal((uintptr_t)piece % M4S_ARENA_ALIGNMENT, 0);
  memset(piece, value, n_bytes);
  return piece;
}

static void assert_filled(const unsigned char *piece, size_t n_bytes, int value) {
  for (size_t i = 0; i < n_bytes; i++) {
    assert_int_equal(piece[i], value);
  }
}

static void pieces_should_lie_apart(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 0, 64, 65, 3 << 20, 9 << 20, 7, 6 << 20, 4 << 20, 1000};
  enum { N = sizeof sizes / sizeof *sizes };
  m4s_arena_t arena = {0};
  assert_int_equal(m4s_arena_bytes(&arena), 0);
  void *pieces[N];
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < N; i++) {
      pieces[i] = take(&arena, sizes[i], i + round);
    }
    for (int i = 0; i < N; i++) {
      assert_filled(pieces[i], sizes[i], i + round);
    }
    m4s_arena_reset(&arena);
  }
  m4s_arena_clear(&arena);
  assert_int_equal(m4s_arena_bytes(&arena), 0);
}

static void memory_should_be_used_again(void **state) {
  (void)state;
  m4s_arena_t arena = {0};
  for (int i = 0; i < 20; i++) {
    take(&arena, 5 << 20, i);
  }
  size_t n_bytes = m4s_arena_bytes(&arena);
  assert_true(n_bytes >= 100 << 20);
  m4s_arena_reset(&arena);
  for (int i = 0; i < 20; i++) {
    take(&arena, 5 << 20, i);
  }
  assert_int_equal(m4s_arena_bytes(&arena), n_bytes);
  m4s_arena_clear(&arena);
}

static void sizes_beyond_memory_should_give_nothing(void **state) {
  (void)state;
  m4s_arena_t arena = {0};
  assert_null(m4s_arena_take(&arena, SIZE_MAX));
  assert_null(m4s_arena_take(&arena, SIZE_MAX / 2));
  take(&arena, 10, 1);
  m4s_arena_clear(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_should_lie_apart),
      cmocka_unit_test(memory_should_be_used_again),
      cmocka_unit_test(sizes_beyond_memory_should_give_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
