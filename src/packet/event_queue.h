// Events of a packet network in the order of their keys: a wheel of 1 ns slots for the near future
// and a heap for the rest.
//
// A slot's events are kept in the order of their keys' `order`, also those that are added late with
// an earlier one. Adding and taking an event near in time costs O(1).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/event.h"
#include "core/status.h"

enum {
  M4S_WHEEL_BITS = 13,
  M4S_WHEEL_SLOTS = 1 << M4S_WHEEL_BITS,  // ns ahead of the present
  M4S_WHEEL_WORDS = M4S_WHEEL_SLOTS / 64,
};

typedef struct {
  uint64_t order;
  uint32_t next;  // of the slot; UINT32_MAX: last
  uint32_t what;  // the caller's
} m4s_wheel_event_t;

typedef struct {
  m4s_event_key_t key;
  uint32_t what;
} m4s_far_event_t;

// Start with m4s_event_queue_init(); free with m4s_event_queue_clear().
typedef struct {
  int64_t now_ns;  // time of the last event taken; nothing lies before it
  struct {
    uint32_t first, last;  // events; first is UINT32_MAX where there is none
  } slots[M4S_WHEEL_SLOTS];
  uint64_t words[M4S_WHEEL_WORDS];  // slots that hold events
  uint64_t summary[M4S_WHEEL_WORDS / 64];  // words that are not zero
  m4s_wheel_event_t *events;  // owned
  uint32_t first_free, n_events, event_capacity;  // free ones are chained by `next`
  int64_t n_in_wheel;
  m4s_far_event_t *far;  // owned, a 4-ary heap
  size_t n_far, far_capacity;
} m4s_event_queue_t;

void m4s_event_queue_init(m4s_event_queue_t *queue);
void m4s_event_queue_clear(m4s_event_queue_t *queue);

// Adds an event not before the last one taken. M4S_ERR_MEMORY.
m4s_status_t m4s_event_queue_add(m4s_event_queue_t *queue, m4s_event_key_t key, uint32_t what);

// The key of the first event; m4s_event_never() if there is none.
m4s_event_key_t m4s_event_queue_first(const m4s_event_queue_t *queue);

// Takes the first event if it comes before `until`.
bool m4s_event_queue_take(m4s_event_queue_t *queue, m4s_event_key_t until, m4s_event_key_t *key_out,
                          uint32_t *what_out);
