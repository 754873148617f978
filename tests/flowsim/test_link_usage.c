// Bytes and busy time of links, in both modes.
#include "flowsim/harness.h"

// Hosts 0 and 1 to 2 through switch 3: 1 byte/ns, 10 ns a cable.
static m4s_topology_t *make_star(void) {
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_parse(
      "4 1 0 1 3 A100\n3\n0 3 8Gbps 10ns 0\n1 3 8Gbps 10ns 0\n2 3 8Gbps 10ns 0\n", "star",
      &topology));
  return topology;
}

static m4s_flowsim_config_t config_of(m4s_flowsim_mode_t mode, int64_t header_bytes) {
  return (m4s_flowsim_config_t){.mode = (int)mode, .wire = {1000, header_bytes}};
}

static void assert_usage(const m4s_topology_t *topology, const m4s_link_usage_t *usage, int32_t src,
                         int32_t dst, int64_t bytes, int64_t busy_ns) {
  int32_t link = m4s_topology_find_link(topology, src, dst);
  assert_int_equal(usage[link].bytes, bytes);
  assert_int_equal(usage[link].busy_ns, busy_ns);
}

// 2500 bytes are three packets: 2644 on the wire.
static void lone_flow_should_use_its_path_while_it_sends(void **state) {
  (void)state;
  m4s_topology_t *topology = make_star();
  m4s_link_usage_t usage[6];
  m4s_flow_record_t record = {.id = 0, .src = 0, .dst = 2, .size_bytes = 2500, .start_ns = 70};
  m4s_flowsim_config_t config = config_of(M4S_FLOWSIM_EXACT, 48);
  harness_run_list(&config, topology, &record, 1, usage);
  assert_usage(topology, usage, 0, 3, 2644, 2644);
  assert_usage(topology, usage, 3, 2, 2644, 2644);
  assert_usage(topology, usage, 3, 0, 0, 0);
  assert_usage(topology, usage, 2, 3, 0, 0);
  assert_usage(topology, usage, 1, 3, 0, 0);
  // The published mode keeps it on its links until it has completed, 20 ns later.
  config = config_of(M4S_FLOWSIM_PUBLISHED, 48);
  harness_run_list(&config, topology, &record, 1, usage);
  assert_usage(topology, usage, 0, 3, 2644, 2664);
  assert_usage(topology, usage, 3, 2, 2644, 2664);
  m4s_topology_destroy(topology);
}

// From 0 to 2000 both share the last link, and from 5000 to 5100 a third flow uses it.
static void busy_time_should_count_overlaps_once_and_gaps_not(void **state) {
  (void)state;
  m4s_topology_t *topology = make_star();
  m4s_link_usage_t usage[6];
  m4s_flow_record_t records[] = {
      {.id = 0, .src = 0, .dst = 2, .size_bytes = 1000, .start_ns = 0},
      {.id = 1, .src = 1, .dst = 2, .size_bytes = 1000, .start_ns = 500},
      {.id = 2, .src = 1, .dst = 2, .size_bytes = 100, .start_ns = 5000}};
  m4s_flowsim_config_t config = config_of(M4S_FLOWSIM_EXACT, 0);
  harness_run_list(&config, topology, records, 3, usage);
  assert_usage(topology, usage, 3, 2, 2100, 2100);
  assert_usage(topology, usage, 0, 3, 1000, 1500);
  assert_usage(topology, usage, 1, 3, 1100, 1500 + 100);
  m4s_topology_destroy(topology);
}

// Over all links the bytes are those of all flows times their links; no link is busy for longer
// than the run, or carries more than its capacity allows.
static void assert_conserved(m4s_flowsim_mode_t mode) {
  harness_gray_t gray;
  harness_run_gray(10, 10, mode, 48, &gray);
  const m4s_topology_t *topology = gray.topology;
  m4s_link_usage_t usage[144];
  int64_t expected[144] = {0};
  gray.model.ops->link_usage(gray.model.state, usage);
  for (int64_t i = 0; i < gray.result.n_flows; i++) {
    const m4s_flow_record_t *record = &gray.result.records[i];
    const int32_t *links;
    int32_t n;
    ASSERT_OK(m4s_routing_path(gray.routing, record->src, record->dst, &links, &n));
    for (int32_t hop = 0; hop < n; hop++) {
      expected[links[hop]] += record->size_bytes + (record->size_bytes + 999) / 1000 * 48;
    }
  }
  int64_t sum = 0;
  for (int32_t i = 0; i < topology->n_links; i++) {
    assert_int_equal(usage[i].bytes, expected[i]);
    assert_true(usage[i].busy_ns >= 0 && usage[i].busy_ns <= gray.result.makespan_ns);
    assert_true((usage[i].busy_ns > 0) == (expected[i] > 0));
    if (mode == M4S_FLOWSIM_EXACT) {  // the published mode passes capacities
      double could_carry =
          (double)usage[i].busy_ns * (double)topology->links[i].bandwidth_bps / 8e9;
      assert_true((double)usage[i].bytes <= could_carry * (1 + 1e-9));  // rounding of rates
    }
    sum += usage[i].bytes;
  }
  // Two groups' two layers: 112 of 128 edges a step have 2 links, 16 have 4.
  int64_t link_flows = 30 * 2 * (112 * 2 + 16 * 4);
  assert_int_equal(sum, link_flows * (131072 + 132 * 48 + 2097152 + 2098 * 48));
  harness_clear_gray(&gray);
}

static void bytes_should_be_conserved(void **state) {
  (void)state;
  assert_conserved(M4S_FLOWSIM_EXACT);
  assert_conserved(M4S_FLOWSIM_PUBLISHED);
}

// Seen while a flow is under way.
static void usage_should_count_up_to_the_present(void **state) {
  (void)state;
  m4s_topology_t *topology = make_star();
  m4s_routing_t *routing = NULL;
  m4s_clock_t clock = {.now_ns = 100};
  m4s_network_model_t model;
  m4s_link_usage_t usage[6];
  m4s_flowsim_config_t config = config_of(M4S_FLOWSIM_EXACT, 0);
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_flowsim_create(&config, topology, &clock, &model));
  m4s_flow_t flow = {.id = 0, .src = 0, .dst = 2, .size_bytes = 1000};
  ASSERT_OK(m4s_routing_path(routing, 0, 2, &flow.links, &flow.n_links));
  ASSERT_OK(model.ops->start_flow(model.state, &flow));
  clock.now_ns = 350;
  model.ops->link_usage(model.state, usage);
  assert_usage(topology, usage, 0, 3, 0, 250);  // bytes are those of completed flows
  model.ops->destroy(model.state);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lone_flow_should_use_its_path_while_it_sends),
      cmocka_unit_test(busy_time_should_count_overlaps_once_and_gaps_not),
      cmocka_unit_test(bytes_should_be_conserved),
      cmocka_unit_test(usage_should_count_up_to_the_present),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
