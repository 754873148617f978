#include "packet/event_queue.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t NONE = UINT32_MAX;
enum { SLOT_MASK = M4S_WHEEL_SLOTS - 1, N_SUMMARIES = M4S_WHEEL_WORDS / 64, ARITY = 4 };

void m4s_event_queue_init(m4s_event_queue_t *queue) {
  memset(queue, 0, sizeof *queue);
  for (size_t i = 0; i < M4S_WHEEL_SLOTS; i++) {
    queue->slots[i].first = NONE;
  }
  queue->first_free = NONE;
}

void m4s_event_queue_clear(m4s_event_queue_t *queue) {
  free(queue->events);
  free(queue->far);
  queue->events = NULL;
  queue->far = NULL;
}

static m4s_status_t grow_events(m4s_event_queue_t *queue) {
  uint32_t capacity = queue->event_capacity == 0 ? 1024 : 2 * queue->event_capacity;
  m4s_wheel_event_t *events = realloc(queue->events, (size_t)capacity * sizeof *events);
  if (events == NULL || capacity > NONE / 4) {
    queue->events = events == NULL ? queue->events : events;
    return m4s_fail_memory("events");
  }
  queue->events = events;
  queue->event_capacity = capacity;
  return M4S_OK;
}

static m4s_status_t grow_far(m4s_event_queue_t *queue) {
  size_t capacity = queue->far_capacity == 0 ? 256 : 2 * queue->far_capacity;
  m4s_far_event_t *far = realloc(queue->far, capacity * sizeof *far);
  if (far == NULL) {
    return m4s_fail_memory("events");
  }
  queue->far = far;
  queue->far_capacity = capacity;
  return M4S_OK;
}

static m4s_status_t add_far(m4s_event_queue_t *queue, m4s_event_key_t key, uint32_t what) {
  if (queue->n_far == queue->far_capacity) {
    M4S_TRY(grow_far(queue));
  }
  size_t place = queue->n_far++;
  while (place > 0) {
    size_t parent = (place - 1) / ARITY;
    if (!m4s_event_before(key, queue->far[parent].key)) {
      break;
    }
    queue->far[place] = queue->far[parent];
    place = parent;
  }
  queue->far[place] = (m4s_far_event_t){.key = key, .what = what};
  return M4S_OK;
}

static m4s_far_event_t take_far(m4s_event_queue_t *queue) {
  m4s_far_event_t *far = queue->far;
  m4s_far_event_t first = far[0];
  m4s_far_event_t last = far[--queue->n_far];
  size_t place = 0;
  for (;;) {
    size_t child = place * ARITY + 1;
    if (child >= queue->n_far) {
      break;
    }
    size_t end = child + ARITY < queue->n_far ? child + ARITY : queue->n_far;
    size_t least = child;
    for (child++; child < end; child++) {
      least = m4s_event_before(far[child].key, far[least].key) ? child : least;
    }
    if (!m4s_event_before(far[least].key, last.key)) {
      break;
    }
    far[place] = far[least];
    place = least;
  }
  far[place] = last;
  return first;
}

// Puts an event into its slot's list, nearly always at its end.
static void chain(m4s_event_queue_t *queue, size_t slot, uint32_t id) {
  m4s_wheel_event_t *events = queue->events;
  uint32_t *first = &queue->slots[slot].first;
  uint32_t *last = &queue->slots[slot].last;
  if (*first == NONE) {
    *first = *last = id;
    queue->words[slot / 64] |= UINT64_C(1) << slot % 64;
    queue->summary[slot / 4096] |= UINT64_C(1) << slot / 64 % 64;
    return;
  }
  if (events[*last].order < events[id].order) {
    events[*last].next = id;
    *last = id;
    return;
  }
  uint32_t *link = first;
  while (events[*link].order < events[id].order) {
    link = &events[*link].next;
  }
  events[id].next = *link;
  *link = id;
}

m4s_status_t m4s_event_queue_add(m4s_event_queue_t *queue, m4s_event_key_t key, uint32_t what) {
  if (key.time_ns - queue->now_ns >= M4S_WHEEL_SLOTS) {
    return add_far(queue, key, what);
  }
  uint32_t id = queue->first_free;
  if (id != NONE) {
    queue->first_free = queue->events[id].next;
  } else {
    if (queue->n_events == queue->event_capacity) {
      M4S_TRY(grow_events(queue));
    }
    id = queue->n_events++;
  }
  queue->events[id] = (m4s_wheel_event_t){.order = key.order, .next = NONE, .what = what};
  queue->n_in_wheel++;
  chain(queue, (size_t)key.time_ns & SLOT_MASK, id);
  return M4S_OK;
}

// The first slot that holds an event, from the present's on, around the wheel.
static size_t first_slot(const m4s_event_queue_t *queue) {
  size_t start = (size_t)queue->now_ns & SLOT_MASK;
  uint64_t word = queue->words[start / 64] >> start % 64;
  if (word != 0) {
    return start + (size_t)__builtin_ctzll(word);
  }
  // The words after it, then from the beginning to it (its lower bits are a round ahead).
  size_t next = start / 64 + 1;
  for (size_t i = 0; i <= N_SUMMARIES; i++, next = (next / 64 + 1) * 64) {
    next = next >= M4S_WHEEL_WORDS ? 0 : next;
    uint64_t summary = queue->summary[next / 64] >> next % 64;
    if (summary != 0) {
      size_t found = next + (size_t)__builtin_ctzll(summary);
      return found * 64 + (size_t)__builtin_ctzll(queue->words[found]);
    }
  }
  return 0;  // not reached: something is in the wheel
}

static m4s_event_key_t first_in_wheel(const m4s_event_queue_t *queue, size_t *slot_out) {
  size_t slot = first_slot(queue);
  size_t ahead = (slot - (size_t)queue->now_ns) & SLOT_MASK;
  *slot_out = slot;
  return (m4s_event_key_t){.time_ns = queue->now_ns + (int64_t)ahead,
                           .order = queue->events[queue->slots[slot].first].order};
}

m4s_event_key_t m4s_event_queue_first(const m4s_event_queue_t *queue) {
  m4s_event_key_t first = queue->n_far > 0 ? queue->far[0].key : m4s_event_never();
  size_t slot;
  if (queue->n_in_wheel > 0) {
    m4s_event_key_t near = first_in_wheel(queue, &slot);
    first = m4s_event_before(near, first) ? near : first;
  }
  return first;
}

static uint32_t take_from_slot(m4s_event_queue_t *queue, size_t slot) {
  uint32_t id = queue->slots[slot].first;
  m4s_wheel_event_t *event = &queue->events[id];
  queue->slots[slot].first = event->next;
  if (event->next == NONE) {
    uint64_t *word = &queue->words[slot / 64];
    *word &= ~(UINT64_C(1) << slot % 64);
    if (*word == 0) {
      queue->summary[slot / 4096] &= ~(UINT64_C(1) << slot / 64 % 64);
    }
  }
  event->next = queue->first_free;
  queue->first_free = id;
  queue->n_in_wheel--;
  return event->what;
}

bool m4s_event_queue_take(m4s_event_queue_t *queue, m4s_event_key_t until, m4s_event_key_t *key_out,
                          uint32_t *what_out) {
  m4s_event_key_t far = queue->n_far > 0 ? queue->far[0].key : m4s_event_never();
  m4s_event_key_t near = m4s_event_never();
  size_t slot = 0;
  if (queue->n_in_wheel > 0) {
    near = first_in_wheel(queue, &slot);
  }
  bool is_near = m4s_event_before(near, far);
  m4s_event_key_t key = is_near ? near : far;
  if (!m4s_event_before(key, until)) {
    return false;
  }
  *what_out = is_near ? take_from_slot(queue, slot) : take_far(queue).what;
  *key_out = key;
  queue->now_ns = key.time_ns;
  return true;
}
