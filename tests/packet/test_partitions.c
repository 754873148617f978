// The order of events of one time in a parallel kernel, on four servers of eight GPUs: each server
// with its NVSwitch is a partition, and so is each other switch.
#include "net/gpu_cluster.h"
#include "packet/packet.h"
#include "support.h"

enum { MAX_CALLS = 64, LATENCY_NS = 3000, CALL_NS = 10000 };

typedef struct {
  int32_t src, dst, caller;
} call_t;

static m4s_status_t ignore(void *context, int64_t flow) {
  (void)context;
  (void)flow;
  return M4S_OK;
}

// Runs a model to its end.
static void run_freely(m4s_network_model_t *model, const m4s_completion_port_t *port) {
  while (model->ops->next_event(model->state).time_ns != M4S_TIME_NEVER) {
    ASSERT_OK(model->ops->advance(model->state, m4s_event_never(), port));
  }
}

// Runs a model to its end beside a source that always has an event at the time of the model's next
// one, behind it: what the model says that it will do before, it should do.
static void run_step_by_step(m4s_network_model_t *model, const m4s_completion_port_t *port) {
  enum { MAX_TURNS = 100 };
  for (;;) {
    m4s_event_key_t next = model->ops->next_event(model->state);
    if (next.time_ns == M4S_TIME_NEVER) {
      return;
    }
    const m4s_event_key_t at_source = {.time_ns = next.time_ns, .order = UINT64_MAX};
    for (int i = 0; !m4s_event_before(at_source, next); i++) {
      assert_true(i < MAX_TURNS);
      ASSERT_OK(model->ops->advance(model->state, at_source, port));
      next = model->ops->next_event(model->state);
    }
  }
}

typedef struct {
  int64_t nic_gbps, latency_ns;
  bool in_order;  // events run as they were scheduled, not by partition
  void (*run)(m4s_network_model_t *model, const m4s_completion_port_t *port);
} setting_t;

// Calls for flows of one packet at one time, in this order.
static void run_setting(const setting_t *setting, const call_t *calls, int n_calls,
                        m4s_packet_flow_result_t *results_out) {
  m4s_gpu_cluster_t cluster = {0};
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t clock = {.now_ns = CALL_NS};
  m4s_network_model_t model;
  m4s_packet_rules_t rules;
  const m4s_completion_port_t port = {.flow_completed = ignore, .flow_sent = ignore};
  ASSERT_OK(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  cluster.nic_gbps = setting->nic_gbps;
  ASSERT_OK(m4s_gpu_cluster_create(&cluster, "cluster", &topology));
  ASSERT_OK(m4s_routing_create(topology, &routing));
  m4s_packet_rules_set(&rules, M4S_PROFILE_SIMAI, M4S_PACKET_DCTCP);
  rules.partitioned = !setting->in_order;
  ASSERT_OK(m4s_packet_create(&rules, M4S_PACKET_ECMP_PAIR, topology, routing, &clock, &model));
  for (int i = 0; i < n_calls; i++) {
    const m4s_flow_t flow = {.id = i, .src = calls[i].src, .dst = calls[i].dst, .size_bytes = 1000};
    ASSERT_OK(
        model.ops->call_flow(model.state, &flow, calls[i].caller, CALL_NS + setting->latency_ns));
  }
  setting->run(&model, &port);
  for (int i = 0; i < n_calls; i++) {
    results_out[i] = m4s_packet_flow_result(&model, i);
    assert_true(results_out[i].fct_ack_ns > 0);
  }
  model.ops->destroy(model.state);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
}

static void run_calls(bool partitioned, int64_t latency_ns, const call_t *calls, int n_calls,
                      m4s_packet_flow_result_t *results_out) {
  const setting_t setting = {
      .nic_gbps = 400, .latency_ns = latency_ns, .in_order = !partitioned, .run = run_freely};
  run_setting(&setting, calls, n_calls, results_out);
}

// The place of each of a host's eight flows among them, by completion.
static void assert_places(const m4s_packet_flow_result_t *results, const int *expected) {
  for (int i = 0; i < 8; i++) {
    int place = 0;
    for (int j = 0; j < 8; j++) {
      place += results[j].fct_ack_ns < results[i].fct_ack_ns;
    }
    assert_int_equal(place, expected[i]);
  }
}

static const int ascending[] = {0, 1, 2, 3, 4, 5, 6, 7};
static const int descending[] = {7, 6, 5, 4, 3, 2, 1, 0};
static const int first_then_descending[] = {0, 7, 6, 5, 4, 3, 2, 1};

static void calls_should_be_reversed_where_they_cross(void **state) {
  (void)state;
  static const struct {
    bool partitioned;
    int32_t caller;
    const int *places;
  } cases[] = {{true, 0, ascending},   {true, 7, ascending},  {true, 8, descending},
               {true, -1, descending}, {false, 8, ascending}, {false, -1, ascending}};
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    call_t calls[8];
    m4s_packet_flow_result_t results[8];
    for (int j = 0; j < 8; j++) {
      calls[j] = (call_t){.src = 0, .dst = 1, .caller = cases[i].caller};
    }
    run_calls(cases[i].partitioned, LATENCY_NS, calls, 8, results);
    assert_places(results, cases[i].places);
  }
}

// What the sort of the kernel's library does to 64 calls of one time; seen in the public build.
static void many_calls_should_be_mixed_up_as_published(void **state) {
  (void)state;
  call_t calls[MAX_CALLS];
  m4s_packet_flow_result_t results[MAX_CALLS];
  for (int i = 0; i < MAX_CALLS; i++) {
    calls[i] = (call_t){.src = i / 8, .dst = (i / 8 + 1) % 8, .caller = -1};
  }
  run_calls(true, LATENCY_NS, calls, MAX_CALLS, results);
  for (int host = 0; host < 8; host++) {
    assert_places(results + (ptrdiff_t)8 * host,
                  host % 4 == 0 ? first_then_descending : descending);
  }
}

// Two packets reach a rail switch in the same ns: that of the first partition goes first, else that
// of the flow that was called for first.
static void packets_should_be_taken_over_in_order_of_partitions(void **state) {
  (void)state;
  const call_t calls[] = {{.src = 8, .dst = 16, .caller = 8}, {.src = 0, .dst = 16, .caller = 0}};
  m4s_packet_flow_result_t results[2];
  run_calls(true, LATENCY_NS, calls, 2, results);
  assert_true(results[1].fct_ack_ns < results[0].fct_ack_ns);
  run_calls(false, LATENCY_NS, calls, 2, results);
  assert_true(results[0].fct_ack_ns < results[1].fct_ack_ns);
}

static void calls_without_latency_should_not_lie_in_the_past(void **state) {
  (void)state;
  const call_t calls[] = {{.src = 0, .dst = 1, .caller = 8}, {.src = 2, .dst = 3, .caller = 2}};
  m4s_packet_flow_result_t results[2];
  run_calls(true, 0, calls, 2, results);
  assert_int_equal(results[1].start_ns, CALL_NS);
  assert_true(results[0].start_ns >= CALL_NS);
}

// A call for the present, and a packet whose sending takes less than 1 ns (an ACK at 800 Gb/s), lie
// within the window in which they come about, which the source may not have ended.
static void what_waits_should_not_be_due_within_the_window(void **state) {
  (void)state;
  const setting_t settings[] = {
      {.nic_gbps = 400, .run = run_step_by_step},
      {.nic_gbps = 800, .latency_ns = LATENCY_NS, .run = run_step_by_step}};
  const call_t calls[] = {{.src = 0, .dst = 9, .caller = -1}, {.src = 2, .dst = 3, .caller = 8}};
  for (size_t i = 0; i < M4S_COUNT(settings); i++) {
    m4s_packet_flow_result_t results[2];
    run_setting(&settings[i], calls, 2, results);
    assert_int_equal(results[0].start_ns, CALL_NS + settings[i].latency_ns);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_should_be_reversed_where_they_cross),
      cmocka_unit_test(many_calls_should_be_mixed_up_as_published),
      cmocka_unit_test(packets_should_be_taken_over_in_order_of_partitions),
      cmocka_unit_test(calls_without_latency_should_not_lie_in_the_past),
      cmocka_unit_test(what_waits_should_not_be_due_within_the_window),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
