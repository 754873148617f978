// What models tell of their links, against what an observer of every packet works out by itself.
#include <math.h>

#include "packet/small_clos.h"

enum { MAX_LINKS = 128, MAX_CHANGES = 1 << 17 };

// A change of a queue's length, in the order of time.
typedef struct {
  int64_t time_ns, bytes;
} change_t;

typedef struct {
  change_t *changes;  // of its queue
  int32_t n_changes;
  int64_t bytes, packets;
  int64_t n_marked, n_dropped;
  int64_t n_pauses_sent, n_pauses, paused_ns, paused_since_ns;
} link_t;

typedef struct {
  link_t links[MAX_LINKS];
} seen_t;

static void see_sending(link_t *link, const m4s_packet_event_t *event) {
  link->bytes += event->wire_bytes;
  link->packets++;
}

static m4s_status_t observe(void *context, const m4s_packet_event_t *event) {
  seen_t *seen = context;
  link_t *link = event->link >= 0 ? &seen->links[event->link] : NULL;
  switch (event->kind) {
    case M4S_PACKET_SENT:
      see_sending(link, event);
      break;
    case M4S_PACKET_ENQUEUED:
    case M4S_PACKET_DEQUEUED:
      assert_true(link->n_changes < MAX_CHANGES);
      link->changes[link->n_changes++] = (change_t){event->time_ns, event->all_queue_bytes};
      link->n_pauses_sent +=
          event->kind == M4S_PACKET_ENQUEUED && event->packet == M4S_PACKET_PAUSE;
      if (event->kind == M4S_PACKET_DEQUEUED) {
        see_sending(link, event);
      }
      break;
    case M4S_PACKET_DROPPED:
      link->n_dropped++;
      break;
    case M4S_PACKET_PAUSED:
      link->n_pauses++;
      link->paused_since_ns = event->time_ns;
      break;
    case M4S_PACKET_RESUMED:
      link->paused_ns += event->time_ns - link->paused_since_ns;
      break;
    default:
      break;
  }
  return M4S_OK;
}

static int compare_lengths(const void *a, const void *b) {
  const change_t *left = a;
  const change_t *right = b;
  return (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

// Turns changes into pieces of time with their lengths, ascending; returns their number.
static int32_t to_pieces(link_t *link, int64_t began_ns, int64_t now_ns) {
  int32_t n = 0;
  int64_t since_ns = began_ns;
  int64_t bytes = 0;
  for (int32_t i = 0; i <= link->n_changes; i++) {
    change_t next = i < link->n_changes ? link->changes[i] : (change_t){now_ns, 0};
    link->changes[n++] = (change_t){next.time_ns - since_ns, bytes};
    since_ns = next.time_ns;
    bytes = next.bytes;
  }
  qsort(link->changes, (size_t)n, sizeof *link->changes, compare_lengths);
  return n;
}

static int64_t exact_quantile(const link_t *link, int32_t n, int64_t span_ns, double share) {
  int64_t sum_ns = 0;
  for (int32_t i = 0; i < n; i++) {
    sum_ns += link->changes[i].time_ns;
    if ((double)sum_ns >= share * (double)span_ns) {
      return link->changes[i].bytes;
    }
  }
  fail_msg("pieces of time do not add up");
  return 0;
}

// The upper end of the bin, or a bit below it.
static void assert_about(int64_t told, int64_t exact) {
  assert_true(told >= exact && told <= exact + exact / 8);
}

static void assert_queue(link_t *link, int64_t began_ns, int64_t now_ns,
                         const m4s_packet_link_telemetry_t *told) {
  int32_t n = to_pieces(link, began_ns, now_ns);
  double sum = 0;
  int64_t max_bytes = 0;
  for (int32_t i = 0; i < n; i++) {
    sum += (double)link->changes[i].bytes * (double)link->changes[i].time_ns;
    max_bytes = link->changes[i].bytes;  // also if for no time
  }
  assert_about(told->queue_p50_bytes, exact_quantile(link, n, told->span_ns, 0.5));
  assert_about(told->queue_p90_bytes, exact_quantile(link, n, told->span_ns, 0.9));
  assert_about(told->queue_p99_bytes, exact_quantile(link, n, told->span_ns, 0.99));
  assert_int_equal(told->queue_max_bytes, max_bytes);
  assert_true(fabs(told->queue_mean_bytes * (double)told->span_ns - sum) <= 1e-9 * sum);
}

// What the cases below are to have had in all their links together.
typedef struct {
  int64_t n_marked, n_dropped, n_pauses, paused_ns, n_long_queues;
} total_t;

static void assert_link(small_clos_t *clos, seen_t *seen, int32_t i, total_t *total) {
  link_t *link = &seen->links[i];
  m4s_packet_link_telemetry_t told;
  m4s_link_usage_t usage[MAX_LINKS];
  int64_t began_ns = clos->records[0].start_ns;
  m4s_packet_link_telemetry(&clos->model, i, &told);
  clos->model.ops->link_usage(clos->model.state, usage);
  assert_int_equal(told.span_ns, clos->clock.now_ns - began_ns);
  assert_int_equal(told.bytes, link->bytes);
  assert_int_equal(told.packets, link->packets);
  assert_true(told.sending_ns <= usage[i].busy_ns && told.sending_ns <= told.span_ns);
  assert_true(told.sending_ns + 1000 >= usage[i].busy_ns);
  assert_true(told.utilisation == (double)told.sending_ns / (double)told.span_ns);
  assert_int_equal(told.n_dropped, link->n_dropped);
  assert_int_equal(told.n_pauses_sent, link->n_pauses_sent);
  assert_int_equal(told.n_pauses, link->n_pauses);
  assert_int_equal(told.paused_ns, link->paused_ns);
  if (clos->topology->links[i].src < clos->topology->n_hosts) {
    assert_int_equal(told.queue_max_bytes, -1);
  } else {
    assert_queue(link, began_ns, clos->clock.now_ns, &told);
    total->n_long_queues += told.queue_p99_bytes > 10000;
  }
  total->n_marked += told.n_marked;
  total->n_dropped += told.n_dropped;
  total->n_pauses += told.n_pauses;
  total->paused_ns += told.paused_ns;
}

static total_t run_case(const m4s_packet_rules_t *rules, m4s_status_t status) {
  static small_clos_t clos;
  static seen_t seen;
  total_t total = {0};
  small_clos_make(&clos, rules, 0.7);
  int32_t n_links = clos.topology->n_links;
  assert_true(n_links <= MAX_LINKS);
  seen = (seen_t){0};
  for (int32_t i = 0; i < n_links; i++) {
    seen.links[i].changes = calloc(MAX_CHANGES + 1, sizeof(change_t));
  }
  m4s_packet_observer_t observer = {.kinds = ~0U, .observe = observe, .context = &seen};
  ASSERT_OK(m4s_packet_watch_queues(&clos.model));
  m4s_packet_observe(&clos.model, &observer);
  assert_int_equal(small_clos_run(&clos), status);
  for (int32_t i = 0; i < n_links; i++) {
    assert_link(&clos, &seen, i, &total);
    free(seen.links[i].changes);
  }
  m4s_packet_counts_t counts = m4s_packet_counts(&clos.model);
  assert_int_equal(total.n_marked, counts.marked);
  assert_int_equal(total.n_dropped, counts.dropped);
  small_clos_clear(&clos);
  return total;
}

static void links_should_tell_of_marks_and_queues(void **state) {
  (void)state;
  m4s_packet_rules_t rules;
  m4s_packet_rules_set(&rules, M4S_PROFILE_HPCC, M4S_PACKET_DCTCP);
  total_t total = run_case(&rules, M4S_OK);
  assert_true(total.n_marked > 100 && total.n_long_queues > 0);
}

static void links_should_tell_of_pauses(void **state) {
  (void)state;
  m4s_packet_rules_t rules;
  m4s_packet_rules_set(&rules, M4S_PROFILE_HPCC, M4S_PACKET_TIMELY);
  rules.headroom_extra_bytes = 8000;
  rules.buffer_bytes = 100000;
  total_t total = run_case(&rules, M4S_OK);
  assert_true(total.n_pauses > 10 && total.paused_ns > 10000 && total.n_dropped == 0);
}

static void links_should_tell_of_drops(void **state) {
  (void)state;
  m4s_packet_rules_t rules;
  m4s_packet_rules_set(&rules, M4S_PROFILE_HPCC, M4S_PACKET_DCTCP);
  rules.pfc = false;
  rules.buffer_bytes = 80000;
  total_t total = run_case(&rules, M4S_ERR_SIMULATION);  // tails are lost
  assert_true(total.n_dropped > 0 && total.n_pauses == 0);
}

// Where nobody asked for queues, nor anything happened.
static void links_should_tell_what_was_counted(void **state) {
  (void)state;
  static small_clos_t clos;
  m4s_packet_rules_t rules;
  m4s_packet_link_telemetry_t told;
  m4s_packet_rules_set(&rules, M4S_PROFILE_HPCC, M4S_PACKET_DCTCP);
  small_clos_make(&clos, &rules, 0.5);
  m4s_packet_link_telemetry(&clos.model, 40, &told);
  assert_int_equal(told.span_ns, 0);
  assert_int_equal(told.bytes, 0);
  assert_true(told.utilisation == 0);
  ASSERT_OK(small_clos_run(&clos));
  m4s_packet_link_telemetry(&clos.model, 40, &told);
  assert_true(told.bytes > 0 && told.utilisation > 0);
  assert_int_equal(told.queue_p50_bytes, -1);
  assert_true(told.queue_mean_bytes == -1);
  small_clos_clear(&clos);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(links_should_tell_of_marks_and_queues),
      cmocka_unit_test(links_should_tell_of_pauses),
      cmocka_unit_test(links_should_tell_of_drops),
      cmocka_unit_test(links_should_tell_what_was_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
