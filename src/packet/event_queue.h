// Events of a packet network in the order of their keys: a wheel of 1 ns slots for the near future
// and a heap for the rest.
//
// A slot's events are kept in the order of their keys' `order`. Nearly all are the latest when they
// are added; those that are not wait in a list beside it until the slot's time has come. Adding and
// taking an event near in time costs O(1). What nearly every event takes is here, to be inlined.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/event.h"
#include "core/status.h"

enum {
  M4S_WHEEL_SLOTS = 4096,  // ns ahead of the present
  M4S_WHEEL_WORDS = M4S_WHEEL_SLOTS / 64,  // 64: one bit each in a word of their own
};

#define M4S_NO_EVENT UINT32_MAX

typedef struct {
  uint64_t order;
  uint32_t next;  // of the slot, or of the free ones; M4S_NO_EVENT: last
  uint32_t what;  // the caller's
} m4s_wheel_event_t;

typedef struct {
  m4s_event_key_t key;
  uint32_t what;
} m4s_far_event_t;

// Start with m4s_event_queue_init(); free with m4s_event_queue_clear().
typedef struct {
  int64_t now_ns;  // time of the last event taken; nothing lies before it
  m4s_wheel_event_t *events;  // owned
  uint32_t first_free, event_capacity;
  int32_t n_allocations;
  uint64_t summary;  // words that are not zero
  int64_t first_far_ns;  // M4S_TIME_NEVER: none
  m4s_far_event_t *far;  // owned, a 4-ary heap
  size_t n_far, far_capacity;
  uint64_t words[M4S_WHEEL_WORDS];  // slots that hold events
  uint64_t early_words[M4S_WHEEL_WORDS];  // of these, slots with events in `early`
  struct {
    uint32_t first, last;  // events; first is M4S_NO_EVENT where there is none
  } slots[M4S_WHEEL_SLOTS];
  // Events of times to come that were not the latest of their slot when they were added, by order.
  uint32_t early[M4S_WHEEL_SLOTS];
} m4s_event_queue_t;

void m4s_event_queue_init(m4s_event_queue_t *queue);
void m4s_event_queue_clear(m4s_event_queue_t *queue);

// Parts of what follows, for the case that comes seldom.
m4s_status_t m4s_event_queue_grow(m4s_event_queue_t *queue);
m4s_status_t m4s_event_queue_add_far(m4s_event_queue_t *queue, m4s_event_key_t key, uint32_t what);

// Puts the early events of the queue's present time among the others.
void m4s_event_queue_merge(m4s_event_queue_t *queue);

// Adds an event not before the last one taken. M4S_ERR_MEMORY.
m4s_status_t m4s_event_queue_add(m4s_event_queue_t *queue, m4s_event_key_t key, uint32_t what);

// The same for a key whose order is greater than that of all events of its time.
static inline m4s_status_t m4s_event_queue_append(m4s_event_queue_t *queue, m4s_event_key_t key,
                                                  uint32_t what) {
  if (key.time_ns - queue->now_ns >= M4S_WHEEL_SLOTS) {
    return m4s_event_queue_add_far(queue, key, what);
  }
  if (queue->first_free == M4S_NO_EVENT) {
    M4S_TRY(m4s_event_queue_grow(queue));
  }
  uint32_t id = queue->first_free;
  m4s_wheel_event_t *event = &queue->events[id];
  queue->first_free = event->next;
  *event = (m4s_wheel_event_t){.order = key.order, .next = M4S_NO_EVENT, .what = what};
  size_t slot = (size_t)key.time_ns % M4S_WHEEL_SLOTS;
  if (queue->slots[slot].first == M4S_NO_EVENT) {
    queue->slots[slot].first = id;
    queue->words[slot / 64] |= UINT64_C(1) << slot % 64;
    queue->summary |= UINT64_C(1) << slot / 64;
  } else {
    queue->events[queue->slots[slot].last].next = id;
  }
  queue->slots[slot].last = id;
  return M4S_OK;
}

// The time of the first event in the wheel; M4S_TIME_NEVER if there is none.
static inline int64_t m4s_event_queue_near_ns(const m4s_event_queue_t *queue) {
  size_t start = (size_t)queue->now_ns % M4S_WHEEL_SLOTS;
  uint64_t word = queue->words[start / 64] >> start % 64;
  if (word != 0) {
    return queue->now_ns + __builtin_ctzll(word);
  }
  // The words after it, then from the beginning to it (its lower bits are a round ahead).
  size_t next = (start / 64 + 1) % 64;
  uint64_t summary = queue->summary >> next | queue->summary << (64 - next) % 64;
  if (summary == 0) {
    return M4S_TIME_NEVER;
  }
  size_t found = (next + (size_t)__builtin_ctzll(summary)) % 64;
  size_t slot = found * 64 + (size_t)__builtin_ctzll(queue->words[found]);
  return queue->now_ns + (int64_t)((slot - start) % M4S_WHEEL_SLOTS);
}

static inline void m4s_event_queue_set_now(m4s_event_queue_t *queue, int64_t now_ns) {
  size_t slot = (size_t)now_ns % M4S_WHEEL_SLOTS;
  queue->now_ns = now_ns;
  if ((queue->early_words[slot / 64] >> slot % 64 & 1) != 0) {
    m4s_event_queue_merge(queue);
  }
}

// Goes to the time of the first event, if that is before `until_ns` and before all events in the
// heap.
static inline bool m4s_event_queue_go_on(m4s_event_queue_t *queue, int64_t until_ns) {
  int64_t near_ns = m4s_event_queue_near_ns(queue);
  if (near_ns >= queue->first_far_ns || near_ns >= until_ns) {
    return false;
  }
  m4s_event_queue_set_now(queue, near_ns);
  return true;
}

// Takes the first event of the queue's present time out of the wheel, false: none is left.
static inline bool m4s_event_queue_take_now(m4s_event_queue_t *queue, uint64_t *order_out,
                                            uint32_t *what_out) {
  size_t slot = (size_t)queue->now_ns % M4S_WHEEL_SLOTS;
  uint32_t id = queue->slots[slot].first;
  if (id == M4S_NO_EVENT) {
    return false;
  }
  m4s_wheel_event_t *event = &queue->events[id];
  *order_out = event->order;
  *what_out = event->what;
  queue->slots[slot].first = event->next;
  if (event->next == M4S_NO_EVENT) {
    uint64_t word = queue->words[slot / 64] & ~(UINT64_C(1) << slot % 64);
    queue->words[slot / 64] = word;
    queue->summary &= ~((uint64_t)(word == 0) << slot / 64);
  }
  event->next = queue->first_free;
  queue->first_free = id;
  return true;
}

// What the next event of the queue's present time is, if one is left in the wheel.
static inline bool m4s_event_queue_peek_now(const m4s_event_queue_t *queue, uint32_t *what_out) {
  uint32_t id = queue->slots[(size_t)queue->now_ns % M4S_WHEEL_SLOTS].first;
  if (id == M4S_NO_EVENT) {
    return false;
  }
  *what_out = queue->events[id].what;
  return true;
}

// The key of the first event; m4s_event_never() if there is none.
m4s_event_key_t m4s_event_queue_first(const m4s_event_queue_t *queue);

// Takes the first event, of wheel or heap, if it comes before `until`.
bool m4s_event_queue_take(m4s_event_queue_t *queue, m4s_event_key_t until, m4s_event_key_t *key_out,
                          uint32_t *what_out);
