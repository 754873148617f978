// Completion times of small cases on a star of 10 Gb/s links of 1 us, as the HPCC artefact's ns-3
// build gives them (to the nanosecond, at the sender).
#include "flow/flow_list.h"
#include "packet/packet.h"
#include "sim/run_loop.h"
#include "support.h"

enum { N_HOSTS = 17, MAX_FLOWS = 8 };

typedef struct {
  const char *name;
  m4s_packet_cc_t cc;
  int n_flows;
  struct {
    int32_t src, dst;
    int64_t size_bytes, start_us;
    int64_t fct_ns;
  } flows[MAX_FLOWS];
} case_t;

#define DCTCP M4S_PACKET_DCTCP
#define DCQCN M4S_PACKET_DCQCN
#define HPCC M4S_PACKET_HPCC
#define TIMELY M4S_PACKET_TIMELY
#define KB INT64_C(1000)
#define MB INT64_C(1000000)

static const case_t cases[] = {
    {"100 bytes", DCTCP, 1, {{0, 1, 100, 1000, 4330}}},
    {"100 bytes", TIMELY, 1, {{0, 1, 100, 1000, 4342}}},
    {"100 bytes", HPCC, 1, {{0, 1, 100, 1000, 4442}}},
    {"one packet", DCTCP, 1, {{0, 1, 1000, 1000, 5770}}},
    {"one packet", TIMELY, 1, {{0, 1, 1000, 1000, 5782}}},
    {"one packet", HPCC, 1, {{0, 1, 1000, 1000, 5882}}},
    {"ten packets", DCTCP, 1, {{0, 1, 10 * KB, 1000, 13312}}},
    {"ten packets", TIMELY, 1, {{0, 1, 10 * KB, 1000, 13378}}},
    {"ten packets", HPCC, 1, {{0, 1, 10 * KB, 1000, 13806}}},
    {"1 MB", DCTCP, 1, {{0, 1, MB, 1000, 842932}}},
    {"1 MB", TIMELY, 1, {{0, 1, MB, 1000, 848938}}},
    {"1 MB", HPCC, 1, {{0, 1, MB, 1000, 922235}}},
    {"two at once", DCTCP, 2, {{0, 2, MB, 1000, 1680094}, {1, 2, MB, 1000, 1680932}}},
    {"two at once", TIMELY, 2, {{0, 2, MB, 1000, 2808565}, {1, 2, MB, 1000, 2754396}}},
    {"two at once", HPCC, 2, {{0, 2, MB, 1000, 1842725}, {1, 2, MB, 1000, 1750645}}},
    {"two at once", DCQCN, 2, {{0, 2, MB, 1000, 2324061}, {1, 2, MB, 1000, 2342908}}},
    {"two staggered", DCTCP, 2, {{0, 2, MB, 1000, 1580372}, {1, 2, MB, 1100, 1580932}}},
    {"two staggered", HPCC, 2, {{0, 2, MB, 1000, 1730324}, {1, 2, MB, 1100, 1743078}}},
    {"two staggered", TIMELY, 2, {{0, 2, MB, 1000, 2707159}, {1, 2, MB, 1100, 2715569}}},
    {"two staggered", DCQCN, 2, {{0, 2, MB, 1000, 2214476}, {1, 2, MB, 1100, 2324481}}},
    {"incast of eight",
     DCTCP,
     8,
     {{0, 8, 64 * KB, 1000, 418066},
      {1, 8, 64 * KB, 1000, 419742},
      {2, 8, 64 * KB, 1000, 420580},
      {3, 8, 64 * KB, 1000, 410524},
      {4, 8, 64 * KB, 1000, 401306},
      {5, 8, 64 * KB, 1000, 433150},
      {6, 8, 64 * KB, 1000, 433988},
      {7, 8, 64 * KB, 1000, 330914}}},
    {"four of one host",
     DCTCP,
     4,
     {{0, 1, 250 * KB, 1000, 840418},
      {0, 2, 250 * KB, 1000, 841256},
      {0, 1, 250 * KB, 1000, 842094},
      {0, 2, 250 * KB, 1000, 842932}}},
};

static m4s_topology_t *make_star(void) {
  m4s_cable_t cables[N_HOSTS];
  const int32_t forwarder = N_HOSTS;
  for (int32_t i = 0; i < N_HOSTS; i++) {
    cables[i] = (m4s_cable_t){
        .src = i, .dst = N_HOSTS, .bandwidth_bps = INT64_C(10000000000), .delay_ns = 1000};
  }
  const m4s_topology_parts_t parts = {.n_nodes = N_HOSTS + 1,
                                      .n_switches = 1,
                                      .gpus_per_server = 1,
                                      .gpu_type = "host",
                                      .forwarders = &forwarder,
                                      .n_cables = N_HOSTS,
                                      .cables = cables};
  m4s_topology_t *topology;
  ASSERT_OK(m4s_topology_create(&parts, "star", &topology));
  return topology;
}

static void run_case(const m4s_topology_t *topology, const case_t *test) {
  m4s_flow_record_t records[MAX_FLOWS] = {0};
  m4s_clock_t clock = {0};
  m4s_routing_t *routing;
  m4s_flow_list_t *list;
  m4s_network_model_t model;
  m4s_run_t *run;
  m4s_run_state_t state;
  m4s_packet_rules_t rules;
  for (int i = 0; i < test->n_flows; i++) {
    records[i] = (m4s_flow_record_t){.id = i,
                                     .src = test->flows[i].src,
                                     .dst = test->flows[i].dst,
                                     .size_bytes = test->flows[i].size_bytes,
                                     .start_ns = test->flows[i].start_us * 1000};
  }
  m4s_packet_rules_set(&rules, M4S_PROFILE_HPCC, test->cc);
  if (test->cc == M4S_PACKET_DCQCN) {
    for (int32_t i = 0; i < rules.n_ecn; i++) {
      rules.ecn[i].k_max_bytes = rules.ecn[i].k_min_bytes;  // marks by rule, not by chance
    }
  }
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_flow_list_create(records, test->n_flows, routing, &clock, &list));
  ASSERT_OK(m4s_packet_create(&rules, M4S_PACKET_ECMP_FLOW, topology, routing, &clock, &model));
  ASSERT_OK(
      m4s_run_create(&clock, m4s_flow_list_as_source(list), model, &(m4s_run_limits_t){0}, &run));
  ASSERT_OK(m4s_run_advance(run, NULL, &state));
  for (int i = 0; i < test->n_flows; i++) {
    int64_t fct_ns = m4s_packet_flow_result(&model, i).fct_ack_ns;
    if (fct_ns != test->flows[i].fct_ns || records[i].fct_ns != fct_ns) {
      fail_msg("%s, congestion control %d, flow %d: %lld instead of %lld ns", test->name,
               (int)test->cc, i, (long long)fct_ns, (long long)test->flows[i].fct_ns);
    }
  }
  m4s_run_destroy(run);
  model.ops->destroy(model.state);
  m4s_flow_list_destroy(list);
  m4s_routing_destroy(routing);
}

static void packets_should_take_the_published_times(void **state) {
  (void)state;
  m4s_topology_t *topology = make_star();
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    run_case(topology, &cases[i]);
  }
  m4s_topology_destroy(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packets_should_take_the_published_times),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
