// Closed loops: limits of flows in flight, phases, completion times.
#include "flow/fixed_delay.h"

#include "flow/closed_loop.h"
#include "flow/flow_list.h"
#include "flow/phases.h"

// A flow takes as many ns as it has bytes.
static int64_t delay_of_flow(const m4s_flow_t *flow) { return flow->size_bytes; }

typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t clock;
} net_t;

static net_t *make_net(int32_t n_hosts) {
  static net_t net;
  net = (net_t){.topology = fixed_star(n_hosts, 1)};
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  return &net;
}

static void clear_net(net_t *net) {
  m4s_routing_destroy(net->routing);
  m4s_topology_destroy(net->topology);
}

static void run(net_t *net, m4s_source_t source) {
  static fixed_model_t model;
  model = (fixed_model_t){.clock = &net->clock, .delay_of = delay_of_flow};
  m4s_run_t *loop = NULL;
  m4s_run_state_t state;
  ASSERT_OK(m4s_run_create(&net->clock, source,
                           (m4s_network_model_t){.ops = &fixed_ops, .state = &model},
                           &(m4s_run_limits_t){0}, &loop));
  ASSERT_OK(m4s_run_advance(loop, NULL, &state));
  assert_int_equal(state, M4S_RUN_FINISHED);
  m4s_run_destroy(loop);
}

static m4s_flow_record_t flow(int32_t id, int32_t src, int64_t size, int64_t start_ns) {
  return (m4s_flow_record_t){.id = id,
                             .src = src,
                             .dst = (src + 1) % 4,
                             .size_bytes = size,
                             .call_ns = -1,
                             .start_ns = start_ns,
                             .fct_ns = -1};
}

// Runs a list; returns when all of it is complete.
static int64_t run_list(net_t *net, m4s_flow_record_t *records, int64_t n, int64_t limit,
                        int32_t hosts_per_group) {
  m4s_closed_loop_t *loop = NULL;
  ASSERT_OK(
      m4s_closed_loop_create(records, n, limit, hosts_per_group, net->routing, &net->clock, &loop));
  assert_null(m4s_closed_loop_phase_ends_ns(loop));
  run(net, m4s_closed_loop_as_source(loop));
  int64_t completion_ns = m4s_closed_loop_completion_ns(loop);
  m4s_closed_loop_destroy(loop);
  return completion_ns;
}

// --- limits ---

// Hosts 0 and 1 are a rack. By hand with one flow at a time: the rack's flows arrive at 0 (100 ns),
// 10 (50), 20 (30), 500 (5); those of host 2 are on their own.
static void flows_should_take_turns_by_rack(void **state) {
  (void)state;
  net_t *net = make_net(4);
  m4s_flow_record_t records[] = {flow(0, 0, 100, 0), flow(1, 1, 50, 10), flow(2, 2, 1000, 15),
                                 flow(3, 0, 30, 20), flow(4, 1, 5, 500)};
  assert_int_equal(run_list(net, records, 5, 1, 2), 1015);
  const int64_t starts[] = {0, 100, 15, 150, 500};
  const int64_t arrivals[] = {0, 10, 15, 20, 500};
  for (int i = 0; i < 5; i++) {
    assert_int_equal(records[i].id, i);
    assert_int_equal(records[i].start_ns, starts[i]);
    assert_int_equal(records[i].call_ns, arrivals[i]);
    assert_int_equal(records[i].fct_ns, records[i].size_bytes);
  }
  clear_net(net);
}

// With two at a time, the third flow starts when the shorter of the first two is complete.
static void limits_should_count_flows_in_flight(void **state) {
  (void)state;
  net_t *net = make_net(4);
  m4s_flow_record_t records[] = {flow(0, 0, 100, 0), flow(1, 1, 50, 10), flow(2, 0, 30, 20),
                                 flow(3, 1, 40, 21)};
  assert_int_equal(run_list(net, records, 4, 2, 2), 130);
  const int64_t starts[] = {0, 10, 60, 90};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(records[i].start_ns, starts[i]);
  }
  clear_net(net);
}

static void limits_of_hosts_should_not_mix(void **state) {
  (void)state;
  net_t *net = make_net(4);
  m4s_flow_record_t records[] = {flow(0, 0, 100, 0), flow(1, 1, 50, 10), flow(2, 0, 30, 20)};
  assert_int_equal(run_list(net, records, 3, 1, 1), 130);
  assert_int_equal(records[1].start_ns, 10);
  assert_int_equal(records[2].start_ns, 100);
  clear_net(net);
}

// Random lists: never more in flight than the limit, in the order of arrival, and as soon as may
// be; a limit of all flows is an open list.
static void random_lists_should_keep_their_limits(void **state) {
  (void)state;
  enum { N = 300 };
  uint64_t random = 5;
  net_t *net = make_net(4);
  for (int64_t limit = 1; limit <= 5; limit++) {
    m4s_flow_record_t records[N];
    int64_t start_ns = 0;
    for (int i = 0; i < N; i++) {
      start_ns += support_random_below(&random, 40);
      records[i] = flow(i, (int32_t)support_random_below(&random, 4),
                        1 + support_random_below(&random, 200), start_ns);
    }
    net->clock = (m4s_clock_t){0};
    (void)run_list(net, records, N, limit == 5 ? N : limit, 2);
    for (int i = 0; i < N; i++) {
      const m4s_flow_record_t *record = &records[i];
      int64_t in_flight = 0;
      bool freed = false;
      for (int j = 0; j < N; j++) {
        const m4s_flow_record_t *other = &records[j];
        int64_t end_ns = other->start_ns + other->fct_ns;
        if (other->src / 2 != record->src / 2) {
          continue;
        }
        assert_true(j > i || other->start_ns <= record->start_ns);
        in_flight += other->start_ns <= record->start_ns && end_ns > record->start_ns && j <= i;
        freed = freed || end_ns == record->start_ns;
      }
      assert_true(limit == 5 || in_flight <= limit);
      assert_true(record->start_ns >= record->call_ns);
      assert_true(record->start_ns == record->call_ns || (freed && limit < 5));
    }
  }
  clear_net(net);
}

// --- phases ---

static void phases_should_wait_for_each_other(void **state) {
  (void)state;
  net_t *net = make_net(4);
  m4s_flow_record_t records[] = {flow(0, 0, 100, 0), flow(1, 1, 50, 0), flow(2, 2, 10, 0),
                                 flow(3, 0, 30, 0), flow(4, 1, 5, 0)};
  const int64_t first_of_phase[] = {0, 2, 3, 5};
  m4s_closed_loop_t *loop = NULL;
  ASSERT_OK(m4s_closed_loop_create_phases(records, 5, first_of_phase, 3, net->routing, &net->clock,
                                          &loop));
  run(net, m4s_closed_loop_as_source(loop));
  const int64_t starts[] = {0, 0, 100, 110, 110};
  const int64_t ends[] = {100, 110, 140};
  for (int i = 0; i < 5; i++) {
    assert_int_equal(records[i].start_ns, starts[i]);
    assert_int_equal(records[i].call_ns, starts[i]);
    assert_int_equal(records[i].fct_ns, records[i].size_bytes);
  }
  for (int i = 0; i < 3; i++) {
    assert_int_equal(m4s_closed_loop_phase_ends_ns(loop)[i], ends[i]);
  }
  assert_int_equal(m4s_closed_loop_completion_ns(loop), 140);
  m4s_closed_loop_destroy(loop);
  clear_net(net);
}

static m4s_phases_config_t phases_of(m4s_pattern_t pattern) {
  m4s_phases_config_t config = {0};
  ASSERT_OK(m4s_fields_set_defaults(m4s_phases_fields, M4S_N_PHASES_FIELDS, &config));
  config.pattern = pattern;
  return config;
}

static m4s_phases_t make_phases(const m4s_phases_config_t *config, m4s_cluster_shape_t shape) {
  m4s_phases_t phases = {0};
  ASSERT_OK(m4s_phases_make(config, "t", &shape, 1, &phases));
  return phases;
}

// Each of 5 hosts sends to all others once, at the same time or in as many phases, in each of which
// each receives one flow.
static void everyone_should_meet_everyone_once(void **state) {
  (void)state;
  for (int rotation = 0; rotation < 2; rotation++) {
    m4s_phases_config_t config =
        phases_of(rotation ? M4S_PATTERN_ROTATION : M4S_PATTERN_ALL_TO_ALL);
    m4s_phases_t phases = make_phases(&config, (m4s_cluster_shape_t){1, 1, 5});
    assert_int_equal(phases.n_phases, rotation ? 4 : 1);
    assert_int_equal(phases.n_flows, 20);
    assert_int_equal(phases.first_of_phase[phases.n_phases], 20);
    bool met[5][5] = {{false}};
    for (int64_t i = 0; i < 20; i++) {
      const m4s_flow_record_t *record = &phases.records[i];
      assert_int_equal(record->id, i);
      assert_true(record->src != record->dst && !met[record->src][record->dst]);
      assert_int_equal(record->size_bytes, 1000000);
      met[record->src][record->dst] = true;
    }
    for (int p = 0; rotation && p < phases.n_phases; p++) {
      unsigned received = 0;
      for (int64_t i = phases.first_of_phase[p]; i < phases.first_of_phase[p + 1]; i++) {
        received |= 1U << phases.records[i].dst;
      }
      assert_int_equal(received, 31);
    }
    m4s_phases_clear(&phases);
  }
}

static void rotations_should_take_the_sum_of_their_phases(void **state) {
  (void)state;
  m4s_phases_config_t config = phases_of(M4S_PATTERN_ROTATION);
  config.flow_bytes = 1000;
  config.n_phases = 6;  // the last two are the first two again
  m4s_phases_t phases = make_phases(&config, (m4s_cluster_shape_t){1, 1, 5});
  for (int64_t i = 0; i < 10; i++) {
    assert_int_equal(phases.records[20 + i].dst, phases.records[i].dst);
  }
  net_t *net = make_net(5);
  m4s_closed_loop_t *loop = NULL;
  ASSERT_OK(m4s_closed_loop_create_phases(phases.records, phases.n_flows, phases.first_of_phase,
                                          phases.n_phases, net->routing, &net->clock, &loop));
  run(net, m4s_closed_loop_as_source(loop));
  assert_int_equal(m4s_closed_loop_completion_ns(loop), 6000);
  m4s_closed_loop_destroy(loop);
  clear_net(net);
  m4s_phases_clear(&phases);
}

static void incasts_should_have_one_receiver(void **state) {
  (void)state;
  m4s_phases_config_t config = phases_of(M4S_PATTERN_INCAST);
  config.senders = 3;
  config.n_phases = 7;
  m4s_phases_t phases = make_phases(&config, (m4s_cluster_shape_t){1, 1, 5});
  assert_int_equal(phases.n_flows, 21);
  for (int64_t i = 0; i < 21; i++) {
    int64_t receiver = i / 3 % 5;
    assert_int_equal(phases.records[i].dst, receiver);
    assert_int_equal(phases.records[i].src, (receiver + 1 + i % 3) % 5);
  }
  m4s_phases_clear(&phases);
  config.n_phases = 0;
  phases = make_phases(&config, (m4s_cluster_shape_t){1, 1, 5});
  assert_int_equal(phases.n_phases, 5);
  m4s_phases_clear(&phases);
}

// The hosts of 2 pods of 2 racks of 3 in the order in which they take part: as a rotation's first
// phase has them as sources.
static void participants_should_be_placed(void **state) {
  (void)state;
  static const int32_t expected[][5] = {{0, 1, 2, 3, 4}, {0, 3, 6, 9, 1}};
  const m4s_cluster_shape_t shape = {2, 2, 3};
  m4s_phases_config_t config = phases_of(M4S_PATTERN_ROTATION);
  config.participants = 5;
  for (int placement = M4S_PLACEMENT_PACKED; placement <= M4S_PLACEMENT_SPREAD; placement++) {
    config.placement = placement;
    m4s_phases_t phases = make_phases(&config, shape);
    assert_int_equal(phases.n_flows, 20);
    for (int i = 0; i < 5; i++) {
      assert_int_equal(phases.records[i].src, expected[placement][i]);
      assert_int_equal(phases.records[i].dst, expected[placement][(i + 1) % 5]);
    }
    m4s_phases_clear(&phases);
  }
  // Drawn: other hosts for another seed, none of them twice.
  config.placement = M4S_PLACEMENT_RANDOM;
  m4s_phases_t phases = make_phases(&config, shape);
  m4s_phases_t others = {0};
  ASSERT_OK(m4s_phases_make(&config, "t", &shape, 2, &others));
  unsigned drawn[2] = {0};
  for (int i = 0; i < 5; i++) {
    assert_in_range(phases.records[i].src, 0, 11);
    drawn[0] |= 1U << phases.records[i].src;
    drawn[1] |= 1U << others.records[i].src;
  }
  assert_int_equal(__builtin_popcount(drawn[0]), 5);
  assert_int_equal(__builtin_popcount(drawn[1]), 5);
  assert_int_not_equal(drawn[0], drawn[1]);
  m4s_phases_clear(&phases);
  m4s_phases_clear(&others);
}

static void refuse_phases(const m4s_phases_config_t *config, m4s_cluster_shape_t shape,
                          const char *message) {
  m4s_phases_t phases = {.n_phases = 77};
  ASSERT_REFUSES(m4s_phases_make(config, "x.json: traffic", &shape, 1, &phases), message);
  assert_int_equal(phases.n_phases, 77);
}

static void bad_phases_should_be_refused(void **state) {
  (void)state;
  m4s_phases_config_t config = phases_of(M4S_PATTERN_ROTATION);
  refuse_phases(&config, (m4s_cluster_shape_t){1, 1, 1},
                "x.json: traffic: phases take 2 hosts or more, the topology has 1");
  config.participants = 1;
  refuse_phases(&config, (m4s_cluster_shape_t){1, 2, 4},
                "x.json: traffic: participants: 1 of 8 hosts (nearest valid: 2)");
  config.participants = 9;
  refuse_phases(&config, (m4s_cluster_shape_t){1, 2, 4},
                "x.json: traffic: participants: 9 of 8 hosts (nearest valid: 8)");
  config.participants = 7;
  config.pattern = M4S_PATTERN_INCAST;
  config.senders = 7;
  refuse_phases(&config, (m4s_cluster_shape_t){1, 2, 4},
                "x.json: traffic: incast_senders: 7 beside the receiver among 7 participants "
                "(nearest valid: 6)");
  config.pattern = M4S_PATTERN_ALL_TO_ALL;
  config.participants = 0;
  config.n_phases = 1000000;
  refuse_phases(&config, (m4s_cluster_shape_t){1, 128, 16},
                "x.json: traffic: 1000000 phases of 4192256 flows are more than 100000000 flows");
}

// --- errors, and lists of nothing ---

static void empty_lists_should_be_finished(void **state) {
  (void)state;
  net_t *net = make_net(4);
  assert_int_equal(run_list(net, NULL, 0, 3, 2), 0);
  const int64_t none[] = {0};
  m4s_closed_loop_t *loop = NULL;
  ASSERT_OK(m4s_closed_loop_create_phases(NULL, 0, none, 0, net->routing, &net->clock, &loop));
  run(net, m4s_closed_loop_as_source(loop));
  m4s_closed_loop_destroy(loop);
  clear_net(net);
}

static void bad_lists_should_be_refused(void **state) {
  (void)state;
  net_t *net = make_net(4);
  m4s_closed_loop_t *loop = NULL;
  m4s_flow_record_t records[] = {flow(0, 0, 100, 0), flow(1, 1, 50, 0)};
  ASSERT_REFUSES(m4s_closed_loop_create(records, 2, 0, 2, net->routing, &net->clock, &loop),
                 "a closed loop of 0 flows in flight per 2 hosts (nearest valid: 1 per 1)");
  const int64_t empty_phase[] = {0, 1, 1, 2};
  ASSERT_REFUSES(
      m4s_closed_loop_create_phases(records, 2, empty_phase, 3, net->routing, &net->clock, &loop),
      "phases of a list: their first flows must ascend from 0 to 2");
  const int64_t cut[] = {0, 1};
  ASSERT_REFUSES(
      m4s_closed_loop_create_phases(records, 2, cut, 1, net->routing, &net->clock, &loop),
      "phases of a list: their first flows must ascend from 0 to 2");
  records[1].start_ns = 5;
  const int64_t one[] = {0, 2};
  ASSERT_REFUSES(
      m4s_closed_loop_create_phases(records, 2, one, 1, net->routing, &net->clock, &loop),
      "flow 1 of the list: starts at 5, phases say when");
  records[1].src = -1;
  ASSERT_REFUSES(m4s_closed_loop_create(records, 2, 1, 2, net->routing, &net->clock, &loop),
                 "flow 1 of the list: source -1");
  records[1].size_bytes = 0;
  ASSERT_REFUSES(m4s_closed_loop_create(records, 2, 1, 2, net->routing, &net->clock, &loop),
                 "flow 1 of the list: ids must count from 0, starts ascend, sizes be positive");
  assert_null(loop);
  clear_net(net);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flows_should_take_turns_by_rack),
      cmocka_unit_test(limits_should_count_flows_in_flight),
      cmocka_unit_test(limits_of_hosts_should_not_mix),
      cmocka_unit_test(random_lists_should_keep_their_limits),
      cmocka_unit_test(phases_should_wait_for_each_other),
      cmocka_unit_test(everyone_should_meet_everyone_once),
      cmocka_unit_test(rotations_should_take_the_sum_of_their_phases),
      cmocka_unit_test(incasts_should_have_one_receiver),
      cmocka_unit_test(participants_should_be_placed),
      cmocka_unit_test(bad_phases_should_be_refused),
      cmocka_unit_test(empty_lists_should_be_finished),
      cmocka_unit_test(bad_lists_should_be_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
