// The heap against a plain table of keys.
#include "support.h"

#include "core/heap.h"

enum { N_IDS = 300, N_OPERATIONS = 100000 };

typedef struct {
  bool present[N_IDS];
  m4s_event_key_t keys[N_IDS];
  int32_t n;
} model_t;

static int32_t first_of(const model_t *model) {
  int32_t first = -1;
  for (int32_t id = 0; id < N_IDS; id++) {
    if (model->present[id] &&
        (first < 0 || m4s_event_before(model->keys[id], model->keys[first]))) {
      first = id;
    }
  }
  return first;
}

static void set(m4s_heap_t *heap, model_t *model, int32_t id, m4s_event_key_t key) {
  ASSERT_OK(m4s_heap_set(heap, id, key));
  model->n += !model->present[id];
  model->present[id] = true;
  model->keys[id] = key;
}

static void take(m4s_heap_t *heap, model_t *model, int32_t id) {
  m4s_heap_remove(heap, id);
  model->n -= model->present[id];
  model->present[id] = false;
}

static void assert_same(const m4s_heap_t *heap, const model_t *model) {
  const m4s_heap_entry_t *first = m4s_heap_first(heap);
  int32_t expected = first_of(model);
  assert_int_equal(heap->n_entries, model->n);
  if (expected < 0) {
    assert_null(first);
    return;
  }
  assert_non_null(first);
  assert_int_equal(first->id, expected);
  assert_true(first->key.time_ns == model->keys[expected].time_ns &&
              first->key.order == model->keys[expected].order);
}

// Times of few values, so that many entries tie and the order of scheduling decides.
static void heap_should_follow_a_sorted_model(void **state) {
  (void)state;
  static model_t model;
  m4s_heap_t heap = {0};
  uint64_t random = 42;
  uint64_t order = 0;
  for (int i = 0; i < N_OPERATIONS; i++) {
    int32_t id = (int32_t)support_random_below(&random, N_IDS);
    int64_t what = support_random_below(&random, 10);
    if (what < 6) {
      set(&heap, &model, id,
          (m4s_event_key_t){.time_ns = support_random_below(&random, 50), .order = order++});
    } else if (what < 8 || m4s_heap_first(&heap) == NULL) {
      take(&heap, &model, id);
    } else {
      take(&heap, &model, m4s_heap_first(&heap)->id);
    }
    assert_same(&heap, &model);
  }
  while (m4s_heap_first(&heap) != NULL) {
    assert_same(&heap, &model);
    take(&heap, &model, m4s_heap_first(&heap)->id);
  }
  assert_int_equal(model.n, 0);
  m4s_heap_clear(&heap);
  assert_int_equal(heap.n_entries, 0);
}

static void heap_should_hold_sparse_ids_and_extreme_times(void **state) {
  (void)state;
  m4s_heap_t heap = {0};
  ASSERT_OK(m4s_heap_set(&heap, 100000, m4s_event_never()));
  ASSERT_OK(m4s_heap_set(&heap, 0, (m4s_event_key_t){.time_ns = INT64_MIN, .order = 5}));
  ASSERT_OK(m4s_heap_set(&heap, 77, (m4s_event_key_t){.time_ns = M4S_TIME_NEVER, .order = 1}));
  assert_int_equal(m4s_heap_first(&heap)->id, 0);
  m4s_heap_remove(&heap, 0);
  assert_int_equal(m4s_heap_first(&heap)->id, 77);
  m4s_heap_remove(&heap, 200000);  // was never there
  m4s_heap_remove(&heap, 77);
  m4s_heap_remove(&heap, 77);
  assert_int_equal(m4s_heap_first(&heap)->id, 100000);
  m4s_heap_clear(&heap);
}

static void heap_should_sort(void **state) {
  (void)state;
  enum { N = 20000 };
  m4s_heap_t heap = {0};
  m4s_clock_t clock = {0};
  uint64_t random = 3;
  for (int32_t id = 0; id < N; id++) {
    int64_t time_ns = support_random_below(&random, 1000);
    ASSERT_OK(m4s_heap_set(&heap, id, m4s_clock_schedule(&clock, time_ns)));
  }
  m4s_event_key_t before = {.time_ns = -1};
  for (int32_t i = 0; i < N; i++) {
    const m4s_heap_entry_t *first = m4s_heap_first(&heap);
    assert_true(m4s_event_before(before, first->key));
    before = first->key;
    m4s_heap_remove(&heap, first->id);
  }
  assert_null(m4s_heap_first(&heap));
  m4s_heap_clear(&heap);
}

static void clock_should_order_equal_times_by_scheduling(void **state) {
  (void)state;
  m4s_clock_t clock = {0};
  m4s_event_key_t first = m4s_clock_schedule(&clock, 10);
  m4s_event_key_t second = m4s_clock_schedule(&clock, 10);
  m4s_event_key_t earlier = m4s_clock_schedule(&clock, 9);
  assert_true(m4s_event_before(first, second));
  assert_false(m4s_event_before(second, first));
  assert_false(m4s_event_before(first, first));
  assert_true(m4s_event_before(earlier, first));
  assert_true(m4s_event_before(second, m4s_event_never()));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(heap_should_follow_a_sorted_model),
      cmocka_unit_test(heap_should_hold_sparse_ids_and_extreme_times),
      cmocka_unit_test(heap_should_sort),
      cmocka_unit_test(clock_should_order_equal_times_by_scheduling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
