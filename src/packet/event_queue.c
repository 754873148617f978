#include "packet/event_queue.h"

#include <stdlib.h>
#include <string.h>

enum { ARITY = 4 };

void m4s_event_queue_init(m4s_event_queue_t *queue) {
  memset(queue, 0, sizeof *queue);
  for (size_t i = 0; i < M4S_WHEEL_SLOTS; i++) {
    queue->slots[i].first = M4S_NO_EVENT;
  }
  queue->first_free = M4S_NO_EVENT;
  queue->first_far_ns = M4S_TIME_NEVER;
}

void m4s_event_queue_clear(m4s_event_queue_t *queue) {
  free(queue->events);
  free(queue->far);
  queue->events = NULL;
  queue->far = NULL;
}

// All new events are free ones, the first of them first.
m4s_status_t m4s_event_queue_grow(m4s_event_queue_t *queue) {
  uint32_t capacity = queue->event_capacity == 0 ? 1024 : 2 * queue->event_capacity;
  m4s_wheel_event_t *events = realloc(queue->events, (size_t)capacity * sizeof *events);
  queue->events = events == NULL ? queue->events : events;
  if (events == NULL || capacity > M4S_NO_EVENT / 4) {
    return m4s_fail_memory("events");
  }
  for (uint32_t i = queue->event_capacity; i < capacity; i++) {
    events[i].next = i + 1 < capacity ? i + 1 : queue->first_free;
  }
  queue->n_allocations++;
  queue->first_free = queue->event_capacity;
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
  queue->n_allocations++;
  queue->far_capacity = capacity;
  return M4S_OK;
}

m4s_status_t m4s_event_queue_add_far(m4s_event_queue_t *queue, m4s_event_key_t key, uint32_t what) {
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
  queue->first_far_ns = queue->far[0].key.time_ns;
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
  queue->first_far_ns = queue->n_far > 0 ? far[0].key.time_ns : M4S_TIME_NEVER;
  return first;
}

// Puts an event before the first one of a later order; the place where it is linked now. There is
// such an event, or the list ends.
static void insert(m4s_wheel_event_t *events, uint32_t *link, uint32_t id) {
  while (*link != M4S_NO_EVENT && events[*link].order < events[id].order) {
    link = &events[*link].next;
  }
  events[id].next = *link;
  *link = id;
}

void m4s_event_queue_merge(m4s_event_queue_t *queue) {
  size_t slot = (size_t)queue->now_ns % M4S_WHEEL_SLOTS;
  m4s_wheel_event_t *events = queue->events;
  uint32_t *link = &queue->slots[slot].first;
  queue->early_words[slot / 64] &= ~(UINT64_C(1) << slot % 64);
  for (uint32_t id = queue->early[slot]; id != M4S_NO_EVENT;) {
    uint32_t next = events[id].next;
    insert(events, link, id);
    link = &events[id].next;
    id = next;
  }
}

// Adds to a slot an event that its last one comes after.
static m4s_status_t add_early(m4s_event_queue_t *queue, m4s_event_key_t key, uint32_t what) {
  if (queue->first_free == M4S_NO_EVENT) {
    M4S_TRY(m4s_event_queue_grow(queue));
  }
  size_t slot = (size_t)key.time_ns % M4S_WHEEL_SLOTS;
  uint64_t bit = UINT64_C(1) << slot % 64;
  uint32_t id = queue->first_free;
  queue->first_free = queue->events[id].next;
  queue->events[id] = (m4s_wheel_event_t){.order = key.order, .what = what};
  if (key.time_ns == queue->now_ns) {
    insert(queue->events, &queue->slots[slot].first, id);
    return M4S_OK;
  }
  if ((queue->early_words[slot / 64] & bit) == 0) {
    queue->early_words[slot / 64] |= bit;
    queue->early[slot] = M4S_NO_EVENT;
  }
  insert(queue->events, &queue->early[slot], id);
  return M4S_OK;
}

m4s_status_t m4s_event_queue_add(m4s_event_queue_t *queue, m4s_event_key_t key, uint32_t what) {
  size_t slot = (size_t)key.time_ns % M4S_WHEEL_SLOTS;
  bool early = key.time_ns - queue->now_ns < M4S_WHEEL_SLOTS &&
               queue->slots[slot].first != M4S_NO_EVENT &&
               queue->events[queue->slots[slot].last].order > key.order;
  return early ? add_early(queue, key, what) : m4s_event_queue_append(queue, key, what);
}

static m4s_event_key_t first_in_wheel(const m4s_event_queue_t *queue) {
  int64_t near_ns = m4s_event_queue_near_ns(queue);
  if (near_ns == M4S_TIME_NEVER) {
    return m4s_event_never();
  }
  size_t slot = (size_t)near_ns % M4S_WHEEL_SLOTS;
  uint64_t order = queue->events[queue->slots[slot].first].order;
  if ((queue->early_words[slot / 64] >> slot % 64 & 1) != 0) {
    uint64_t early = queue->events[queue->early[slot]].order;
    order = early < order ? early : order;
  }
  return (m4s_event_key_t){.time_ns = near_ns, .order = order};
}

m4s_event_key_t m4s_event_queue_first(const m4s_event_queue_t *queue) {
  m4s_event_key_t near = first_in_wheel(queue);
  m4s_event_key_t far = queue->n_far > 0 ? queue->far[0].key : m4s_event_never();
  return m4s_event_before(near, far) ? near : far;
}

bool m4s_event_queue_take(m4s_event_queue_t *queue, m4s_event_key_t until, m4s_event_key_t *key_out,
                          uint32_t *what_out) {
  m4s_event_key_t near = first_in_wheel(queue);
  m4s_event_key_t far = queue->n_far > 0 ? queue->far[0].key : m4s_event_never();
  bool is_near = m4s_event_before(near, far);
  m4s_event_key_t key = is_near ? near : far;
  if (!m4s_event_before(key, until)) {
    return false;
  }
  m4s_event_queue_set_now(queue, key.time_ns);
  if (!is_near) {
    *what_out = take_far(queue).what;
  } else {
    (void)m4s_event_queue_take_now(queue, &key.order, what_out);
  }
  *key_out = key;
  return true;
}
