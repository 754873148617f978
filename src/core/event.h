// Simulated time and the order of events.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define M4S_TIME_NEVER INT64_MAX

// No run goes beyond this time (127 years): times up to it can be added without overflow.
#define M4S_TIME_MAX_NS INT64_C(4000000000000000000)

// When an event happens. Events of equal time run in the order in which they were scheduled, so a
// run gives the same bytes every time.
typedef struct {
  int64_t time_ns;
  uint64_t order;
} m4s_event_key_t;

// One simulation's clock, shared by its traffic source and its network model.
typedef struct {
  int64_t now_ns;
  uint64_t next_order;
} m4s_clock_t;

static inline bool m4s_event_before(m4s_event_key_t a, m4s_event_key_t b) {
  return a.time_ns < b.time_ns || (a.time_ns == b.time_ns && a.order < b.order);
}

static inline m4s_event_key_t m4s_event_never(void) {
  return (m4s_event_key_t){.time_ns = M4S_TIME_NEVER, .order = UINT64_MAX};
}

// The key of an event scheduled now for `time_ns`.
static inline m4s_event_key_t m4s_clock_schedule(m4s_clock_t *clock, int64_t time_ns) {
  return (m4s_event_key_t){.time_ns = time_ns, .order = clock->next_order++};
}
