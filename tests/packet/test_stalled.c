// Networks that come to a halt with flows in them say so, and which one is stuck.
#include "flow/flow_list.h"
#include "packet/packet.h"
#include "sim/run_loop.h"
#include "support.h"

enum { MAX_HOSTS = 8 };

static const int64_t TEN_GBPS = INT64_C(10000000000);

// Hosts 0 … n-1, each on a switch of its own, the switches in a ring; with one switch: a star.
static m4s_topology_t *make_ring(int32_t n_hosts, int32_t n_switches) {
  m4s_cable_t cables[2 * MAX_HOSTS];
  int32_t forwarders[MAX_HOSTS];
  int32_t n = 0;
  for (int32_t i = 0; i < n_hosts; i++) {
    cables[n++] = (m4s_cable_t){i, n_hosts + i % n_switches, TEN_GBPS, 1000, 0};
  }
  for (int32_t i = 0; i < n_switches; i++) {
    forwarders[i] = n_hosts + i;
    if (n_switches > 1) {
      cables[n++] = (m4s_cable_t){n_hosts + i, n_hosts + (i + 1) % n_switches, TEN_GBPS, 1000, 0};
    }
  }
  const m4s_topology_parts_t parts = {.n_nodes = n_hosts + n_switches,
                                      .n_switches = n_switches,
                                      .gpus_per_server = 1,
                                      .gpu_type = "host",
                                      .forwarders = forwarders,
                                      .n_cables = n,
                                      .cables = cables};
  m4s_topology_t *topology;
  ASSERT_OK(m4s_topology_create(&parts, "ring", &topology));
  return topology;
}

// Runs flows to the halt that this message tells of.
static void assert_halts(const m4s_packet_rules_t *rules, const m4s_topology_t *topology,
                         m4s_flow_record_t *records, int64_t n_flows, const char *message) {
  m4s_clock_t clock = {0};
  m4s_routing_t *routing;
  m4s_flow_list_t *list;
  m4s_network_model_t model;
  m4s_run_t *run;
  m4s_run_state_t state;
  for (int64_t i = 0; i < n_flows; i++) {
    records[i].id = (int32_t)i;
  }
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_flow_list_create(records, n_flows, routing, &clock, &list));
  ASSERT_OK(m4s_packet_create(rules, M4S_PACKET_ECMP_FLOW, topology, routing, &clock, &model));
  ASSERT_OK(
      m4s_run_create(&clock, m4s_flow_list_as_source(list), model, &(m4s_run_limits_t){0}, &run));
  ASSERT_FAILS(m4s_run_advance(run, NULL, &state), M4S_ERR_SIMULATION, message);
  m4s_run_destroy(run);
  model.ops->destroy(model.state);
  m4s_flow_list_destroy(list);
  m4s_routing_destroy(routing);
}

// The same in both orders of events.
static void assert_always_halts(m4s_packet_rules_t *rules, const m4s_topology_t *topology,
                                m4s_flow_record_t *records, int64_t n_flows, const char *message) {
  for (int i = 0; i < 2; i++) {
    rules->partitioned = i == 1;
    assert_halts(rules, topology, records, n_flows, message);
  }
}

// Flows without windows, at line rate, into a star's buffer that is all headroom and reserve.
static m4s_packet_rules_t lossy_rules(m4s_packet_cc_t cc, int32_t n_hosts) {
  m4s_packet_rules_t rules;
  m4s_packet_rules_set(&rules, M4S_PROFILE_HPCC, cc);
  rules.window = false;
  rules.pfc = false;
  rules.buffer_bytes = n_hosts * (3750 + 4096);
  return rules;
}

// Two full packets at a time come to a link that takes one.
static void lost_tails_should_be_told(void **state) {
  (void)state;
  const m4s_packet_rules_t rules = lossy_rules(M4S_PACKET_TIMELY, 3);
  m4s_topology_t *topology = make_ring(3, 1);
  m4s_flow_record_t records[] = {{.src = 0, .dst = 2, .size_bytes = 41000},
                                 {.src = 1, .dst = 2, .size_bytes = 41000}};
  assert_halts(&rules, topology, records, 2,
               "packet: flow 0 from host 0 to host 2 can never complete: 40000 of 41000 bytes "
               "acknowledged, 141 packets lost and no retransmission timeout");
  m4s_topology_destroy(topology);
}

// A window's worth of ACKs finds no room beside what their host sends itself.
static void lost_acks_should_be_told(void **state) {
  (void)state;
  enum { N_HOSTS = 3, HEADROOM_BYTES = 1060 };  // of the rule: 3750
  m4s_packet_rules_t rules = lossy_rules(M4S_PACKET_TIMELY, N_HOSTS);
  rules.window = true;
  rules.rate_window = false;
  rules.window_bytes = 4000;
  rules.reserve_bytes = 0;
  rules.headroom_extra_bytes = HEADROOM_BYTES - 3750;
  rules.buffer_bytes = N_HOSTS * HEADROOM_BYTES;
  m4s_topology_t *topology = make_ring(N_HOSTS, 1);
  m4s_flow_record_t records[] = {{.src = 0, .dst = 1, .size_bytes = 13000},
                                 {.src = 1, .dst = 0, .size_bytes = 26000},
                                 {.src = 2, .dst = 0, .size_bytes = 11000}};
  assert_halts(&rules, topology, records, 3,
               "packet: flow 0 from host 0 to host 1 can never complete: 4000 of 13000 bytes "
               "acknowledged, all that was sent received but the last ACK lost, and no "
               "retransmission timeout");
  m4s_topology_destroy(topology);
}

// DCQCN's timers go on for ever, and are not waited for.
static void timers_should_not_hide_it(void **state) {
  (void)state;
  enum { N_SENDERS = 5 };
  m4s_packet_rules_t rules = lossy_rules(M4S_PACKET_DCQCN, N_SENDERS + 1);
  for (int32_t i = 0; i < rules.n_ecn; i++) {
    rules.ecn[i] = (m4s_packet_ecn_t){.rate_bps = rules.ecn[i].rate_bps};  // marks all that queue
  }
  m4s_topology_t *topology = make_ring(N_SENDERS + 1, 1);
  m4s_flow_record_t records[N_SENDERS];
  for (int32_t i = 0; i < N_SENDERS; i++) {
    records[i] = (m4s_flow_record_t){.src = i, .dst = N_SENDERS, .size_bytes = 10000};
  }
  assert_always_halts(
      &rules, topology, records, N_SENDERS,
      "packet: flow 0 from host 0 to host 5 can never complete: 8000 of 10000 bytes "
      "acknowledged, 2 packets lost and no retransmission timeout; 2 more flows");
  m4s_topology_destroy(topology);
}

// Every flow goes two switches further around the ring, and waits for the next one's buffer.
static void deadlocks_of_pauses_should_be_told(void **state) {
  (void)state;
  m4s_packet_rules_t rules;
  m4s_packet_rules_set(&rules, M4S_PROFILE_HPCC, M4S_PACKET_TIMELY);
  rules.headroom_extra_bytes = 8000;
  rules.buffer_bytes = 3 * (3750 + 8000 + 4096) + 4000;
  m4s_topology_t *topology = make_ring(5, 5);
  m4s_flow_record_t records[5];
  for (int32_t i = 0; i < 5; i++) {
    records[i] = (m4s_flow_record_t){.src = i, .dst = (i + 2) % 5, .size_bytes = 1000000};
  }
  assert_always_halts(
      &rules, topology, records, 5,
      "packet: flow 0 from host 0 to host 2 can never complete: 7000 of 1000000 bytes "
      "acknowledged, links of its path stay paused; 4 more flows");
  m4s_topology_destroy(topology);
}

// Eight flows at line rate over a link of 40 Gb/s and 5 us to one host: how many packets are lost.
static int64_t count_lost(int64_t headroom_extra_bytes) {
  enum { N_SENDERS = 8 };
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_flow_list_t *list;
  m4s_network_model_t model;
  m4s_clock_t clock = {0};
  m4s_run_t *run;
  m4s_run_state_t run_state;
  m4s_packet_rules_t rules;
  m4s_flow_record_t records[N_SENDERS];
  ASSERT_OK(
      m4s_topology_parse("11 2 10\n9 10\n0 9 10Gbps 1us 0\n1 9 10Gbps 1us 0\n"
                         "2 9 10Gbps 1us 0\n3 9 10Gbps 1us 0\n4 9 10Gbps 1us 0\n"
                         "5 9 10Gbps 1us 0\n6 9 10Gbps 1us 0\n7 9 10Gbps 1us 0\n"
                         "8 10 10Gbps 1us 0\n9 10 40Gbps 5us 0\n",
                         "t", &topology));
  m4s_packet_rules_set(&rules, M4S_PROFILE_M4, M4S_PACKET_TIMELY);
  rules.buffer_bytes = 1200000;
  rules.headroom_extra_bytes = headroom_extra_bytes;
  for (int32_t i = 0; i < N_SENDERS; i++) {
    records[i] = m4s_flow_record_starting(i, i, N_SENDERS, 1000000, 0);
  }
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_flow_list_create(records, N_SENDERS, routing, &clock, &list));
  ASSERT_OK(m4s_packet_create(&rules, M4S_PACKET_ECMP_FLOW, topology, routing, &clock, &model));
  ASSERT_OK(
      m4s_run_create(&clock, m4s_flow_list_as_source(list), model, &(m4s_run_limits_t){0}, &run));
  m4s_status_t status = m4s_run_advance(run, NULL, &run_state);
  m4s_packet_counts_t counts = m4s_packet_counts(&model);
  assert_true(counts.pauses > 0);
  assert_true(status == M4S_OK || counts.dropped > 0);
  m4s_run_destroy(run);
  model.ops->destroy(model.state);
  m4s_flow_list_destroy(list);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
  return counts.dropped;
}

// That of m4 is for 10 Gb/s: on faster links PFC loses packets unless there is more.
static void headroom_should_be_enough_with_the_extra(void **state) {
  (void)state;
  assert_true(count_lost(0) > 0);
  assert_int_equal(count_lost(35000), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lost_tails_should_be_told),
      cmocka_unit_test(lost_acks_should_be_told),
      cmocka_unit_test(timers_should_not_hide_it),
      cmocka_unit_test(deadlocks_of_pauses_should_be_told),
      cmocka_unit_test(headroom_should_be_enough_with_the_extra),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
