// The event queue against a list that is searched from end to end.
#include "support.h"

#include "packet/event_queue.h"

enum { MAX_WAITING = 3000 };

typedef struct {
  m4s_event_key_t key;
  uint32_t what;
} waiting_t;

typedef struct {
  m4s_event_queue_t queue;
  m4s_clock_t clock;
  uint64_t random;
  waiting_t waiting[MAX_WAITING];
  int n_waiting;
  uint32_t n_added;
  m4s_event_key_t old_keys[4];  // made some time ago
} both_t;

static void add(both_t *both, m4s_event_key_t key, bool latest) {
  assert_true(both->n_waiting < MAX_WAITING);
  both->waiting[both->n_waiting++] = (waiting_t){.key = key, .what = both->n_added};
  ASSERT_OK(
      (latest ? m4s_event_queue_append : m4s_event_queue_add)(&both->queue, key, both->n_added++));
}

// Mostly near and often at one time, some just at the wheel's end, some far, some at the present.
static int64_t random_delay_ns(both_t *both) {
  switch (support_random_below(&both->random, 8)) {
    case 0:
      return 0;
    case 1:
      return M4S_WHEEL_SLOTS - 2 + support_random_below(&both->random, 4);
    case 2:
      return support_random_below(&both->random, 5 * M4S_WHEEL_SLOTS);
    case 3:
      return support_random_below(&both->random, M4S_WHEEL_SLOTS);
    default:
      return support_random_below(&both->random, 100);
  }
}

static m4s_event_key_t new_key(both_t *both) {
  return m4s_clock_schedule(&both->clock, both->clock.now_ns + random_delay_ns(both));
}

// Adds an event with a new key, or with one made before.
static void add_random(both_t *both) {
  m4s_event_key_t *old = &both->old_keys[support_random_below(&both->random, 4)];
  if (support_random_below(&both->random, 4) > 0) {
    add(both, new_key(both), true);
  } else if (support_random_below(&both->random, 2) == 0) {
    *old = new_key(both);
  } else if (old->order > 0 && old->time_ns >= both->clock.now_ns) {
    add(both, *old, false);
    *old = (m4s_event_key_t){0};
  }
}

static int first_waiting(const both_t *both) {
  int first = -1;
  for (int i = 0; i < both->n_waiting; i++) {
    if (first < 0 || m4s_event_before(both->waiting[i].key, both->waiting[first].key)) {
      first = i;
    }
  }
  return first;
}

static void assert_same_key(m4s_event_key_t a, m4s_event_key_t b) {
  assert_int_equal(a.time_ns, b.time_ns);
  assert_int_equal(a.order, b.order);
}

// As the network takes it: from the wheel, where it can.
static bool take_from_queue(both_t *both, m4s_event_key_t until, m4s_event_key_t *taken,
                            uint32_t *what) {
  m4s_event_queue_t *queue = &both->queue;
  uint32_t peeked;
  if (support_random_below(&both->random, 2) == 0 || !m4s_event_queue_go_on(queue, until.time_ns)) {
    return m4s_event_queue_take(queue, until, taken, what);
  }
  assert_true(m4s_event_queue_peek_now(queue, &peeked));
  assert_true(m4s_event_queue_take_now(queue, &taken->order, what));
  assert_int_equal(*what, peeked);
  taken->time_ns = queue->now_ns;
  return true;
}

// Takes the first event of both, if it comes before a random key.
static void take(both_t *both) {
  int first = first_waiting(both);
  m4s_event_key_t key = first < 0 ? m4s_event_never() : both->waiting[first].key;
  m4s_event_key_t until = {.time_ns = both->clock.now_ns + random_delay_ns(both) + 10,
                           .order = both->clock.next_order / 2};
  if (support_random_below(&both->random, 10) == 0) {
    until = key;  // not before itself
  }
  m4s_event_key_t taken;
  uint32_t what;
  assert_same_key(m4s_event_queue_first(&both->queue), key);
  bool expected = first >= 0 && m4s_event_before(key, until);
  assert_int_equal(take_from_queue(both, until, &taken, &what), expected);
  if (expected) {
    assert_same_key(taken, key);
    assert_int_equal(what, both->waiting[first].what);
    both->waiting[first] = both->waiting[--both->n_waiting];
    both->clock.now_ns = key.time_ns;
  }
}

static void events_should_come_in_the_order_of_their_keys(void **state) {
  (void)state;
  static both_t both;
  for (int round = 0; round < 20; round++) {
    both = (both_t){.random = (uint64_t)round, .clock = {.next_order = 1}};
    both.clock.now_ns = round % 2 == 0 ? 0 : INT64_C(3999999999999990000);
    m4s_event_queue_init(&both.queue);
    both.queue.now_ns = both.clock.now_ns;
    int64_t most = 5 + 50 * round;  // that wait at a time
    for (int i = 0; i < 20000; i++) {
      if (support_random_below(&both.random, 2 * most) > both.n_waiting) {
        add_random(&both);
      } else {
        take(&both);
      }
    }
    while (both.n_waiting > 0) {
      take(&both);
    }
    assert_same_key(m4s_event_queue_first(&both.queue), m4s_event_never());
    m4s_event_queue_clear(&both.queue);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_should_come_in_the_order_of_their_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
