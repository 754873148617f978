// Traces against what an observer of every packet works out by itself.
#include "flow/plain_components.h"
#include "packet/small_clos.h"

#include "packet/trace.h"

enum { N_FLOWS = SMALL_CLOS_FLOWS, N_EVENTS = 2 * N_FLOWS, MAX_ROWS = 1 << 16 };

typedef struct __attribute__((packed)) {
  int64_t time_ns;
  int32_t flow;
  uint8_t kind;
  int64_t first_flow;
  int32_t n_flows;
  int64_t first_link;
  int32_t n_links;
} event_row_t;

typedef struct __attribute__((packed)) {
  int32_t id;
  int64_t bytes;
} row_t;

typedef struct __attribute__((packed)) {
  int32_t flow, link;
} path_row_t;

// What a trace should hold.
typedef struct {
  m4s_network_model_t *model;
  const m4s_flow_record_t *records;
  m4s_packet_event_kind_t completion;
  plain_t plain;
  int64_t received_bytes[N_FLOWS];
  int64_t queue_bytes[PLAIN_MAX_LINKS];
  event_row_t events[N_EVENTS];
  row_t flows[MAX_ROWS], links[MAX_ROWS];
  path_row_t paths[N_FLOWS * PLAIN_MAX_HOPS];
  int64_t n_events, n_flows, n_links, n_paths;
  int64_t n_large, n_queued;  // components of many flows, links with queues
} expected_t;

static void expect_event(expected_t *expected, const m4s_packet_event_t *event, uint8_t kind,
                         const plain_component_t *component) {
  assert_true(expected->n_events < N_EVENTS && expected->n_flows + N_FLOWS <= MAX_ROWS &&
              expected->n_links + PLAIN_MAX_LINKS <= MAX_ROWS);
  expected->events[expected->n_events++] = (event_row_t){.time_ns = event->time_ns,
                                                         .flow = (int32_t)event->flow,
                                                         .kind = kind,
                                                         .first_flow = expected->n_flows,
                                                         .n_flows = component->n_flows,
                                                         .first_link = expected->n_links,
                                                         .n_links = component->n_links};
  expected->n_large += component->n_flows >= 10;
  for (int32_t i = 0; i < component->n_flows; i++) {
    int32_t flow = component->flows[i];
    int64_t rest = expected->records[flow].size_bytes - expected->received_bytes[flow];
    expected->flows[expected->n_flows++] = (row_t){flow, rest};
  }
  for (int32_t i = 0; i < component->n_links; i++) {
    int32_t link = component->links[i];
    expected->n_queued += expected->queue_bytes[link] > 0;
    expected->links[expected->n_links++] = (row_t){link, expected->queue_bytes[link]};
  }
}

static void expect_arrival(expected_t *expected, const m4s_packet_event_t *event) {
  const int32_t *links;
  int32_t flow = (int32_t)event->flow;
  int32_t n = 0;
  m4s_packet_flow_path(expected->model, flow, &links, &n);
  for (int32_t hop = 0; hop < n; hop++) {
    expected->plain.paths[flow][hop] = links[hop];
    expected->paths[expected->n_paths++] = (path_row_t){flow, links[hop]};
  }
  expected->plain.n_hops[flow] = n;
  plain_join(&expected->plain, flow);
  expect_event(expected, event, 0, plain_with_flow(&expected->plain, flow));
}

static m4s_status_t observe(void *context, const m4s_packet_event_t *event) {
  expected_t *expected = context;
  int32_t flow = (int32_t)event->flow;
  if (event->kind == M4S_PACKET_DELIVERED) {
    expected->received_bytes[flow] += event->payload_bytes;
  } else if (event->kind == M4S_PACKET_ENQUEUED || event->kind == M4S_PACKET_DEQUEUED) {
    expected->queue_bytes[event->link] = event->all_queue_bytes;
  } else if (event->kind == M4S_PACKET_FLOW_STARTED) {
    expect_arrival(expected, event);
  } else if (event->kind == expected->completion) {
    const plain_component_t *component = plain_with_flow(&expected->plain, flow);
    plain_leave(&expected->plain, flow);
    expect_event(expected, event, 1, component);
  }
  return M4S_OK;
}

// The file holds just these records.
static void assert_file(const char *name, const void *records, size_t record_bytes,
                        int64_t n_records) {
  size_t n_bytes;
  char shape[32];
  char *bytes = support_read(name, &n_bytes);
  size_t header = 10 + (size_t)(unsigned char)bytes[8] + 256 * (size_t)(unsigned char)bytes[9];
  snprintf(shape, sizeof shape, "(%lld,)", (long long)n_records);
  assert_true(n_bytes > header);
  assert_non_null(strstr(bytes + 10, shape));
  assert_int_equal(n_bytes - header, (size_t)n_records * record_bytes);
  assert_memory_equal(bytes + header, records, n_bytes - header);
  free(bytes);
}

static void run_traced(m4s_packet_profile_t profile, m4s_packet_cc_t cc, double load) {
  static expected_t expected;
  static small_clos_t clos;
  m4s_packet_rules_t rules;
  m4s_packet_trace_t *trace;
  m4s_packet_rules_set(&rules, profile, cc);
  small_clos_make(&clos, &rules, load);
  assert_true(clos.topology->n_links <= PLAIN_MAX_LINKS);
  ASSERT_OK(m4s_packet_trace_create(&clos.model, true, support_folder, &trace));
  expected = (expected_t){
      .model = &clos.model,
      .records = clos.records,
      .completion = rules.complete_at_receiver ? M4S_PACKET_FLOW_RECEIVED : M4S_PACKET_FLOW_ACKED};
  m4s_packet_observer_t observer = {.kinds = ~0U, .observe = observe, .context = &expected};
  m4s_packet_observe(&clos.model, &observer);
  ASSERT_OK(small_clos_run(&clos));
  ASSERT_OK(m4s_packet_trace_finish(trace));
  assert_int_equal(expected.n_events, N_EVENTS);
  assert_true(expected.n_large > 10 && expected.n_queued > 100);
  assert_file("events.npy", expected.events, sizeof *expected.events, expected.n_events);
  assert_file("flows.npy", expected.flows, sizeof *expected.flows, expected.n_flows);
  assert_file("links.npy", expected.links, sizeof *expected.links, expected.n_links);
  assert_file("paths.npy", expected.paths, sizeof *expected.paths, expected.n_paths);
  small_clos_clear(&clos);
  m4s_packet_trace_destroy(trace);
}

static void traces_should_tell_what_an_observer_sees(void **state) {
  (void)state;
  run_traced(M4S_PROFILE_HPCC, M4S_PACKET_DCTCP, 0.7);
  run_traced(M4S_PROFILE_SIMAI, M4S_PACKET_TIMELY, 0.5);
}

static void flows_should_leave_when_they_complete_at_the_receiver(void **state) {
  (void)state;
  run_traced(M4S_PROFILE_M4, M4S_PACKET_DCTCP, 0.7);
}

static void unfinished_traces_should_leave_nothing(void **state) {
  (void)state;
  static small_clos_t clos;
  m4s_packet_rules_t rules;
  m4s_packet_trace_t *trace;
  char folder[128];
  m4s_packet_rules_set(&rules, M4S_PROFILE_M4, M4S_PACKET_DCTCP);
  small_clos_make(&clos, &rules, 0.5);
  snprintf(folder, sizeof folder, "%s", support_path("dropped"));
  assert_int_equal(m4s_packet_trace_create(&clos.model, true, folder, &trace), M4S_ERR_IO);
  ASSERT_OK(m4s_folder_make(folder));
  ASSERT_OK(m4s_packet_trace_create(&clos.model, true, folder, &trace));
  ASSERT_OK(small_clos_run(&clos));
  small_clos_clear(&clos);
  m4s_packet_trace_destroy(trace);
  assert_int_equal(rmdir(folder), 0);  // it is empty
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(traces_should_tell_what_an_observer_sees),
      cmocka_unit_test(flows_should_leave_when_they_complete_at_the_receiver),
      cmocka_unit_test(unfinished_traces_should_leave_nothing),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
