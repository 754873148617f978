// The fluid beside another simulator: flowsim's where nobody ends flows, max-min fair where
// somebody does.
#include <math.h>

#include "core/units.h"
#include "flow/random_mix.h"
#include "flowsim/beside.h"
#include "flowsim/harness.h"
#include "net/clos.h"

static const m4s_wire_t wire = {1000, 48};

static m4s_topology_t *make_clos(void) {
  m4s_topology_t *topology = NULL;
  const m4s_clos_t clos = {.pods = 2,
                           .racks_per_pod = 2,
                           .hosts_per_rack = 4,
                           .fabrics_per_pod = 2,
                           .spines_per_plane = 1,
                           .host_gbps = 10,
                           .uplink_gbps = 10,
                           .link_delay_ns = 1000};
  ASSERT_OK(m4s_clos_create(&clos, &topology));
  return topology;
}

static m4s_flow_record_t *make_records(const m4s_topology_t *topology, int64_t n_flows) {
  m4s_flow_record_t *records = calloc((size_t)n_flows, sizeof *records);
  assert_non_null(records);
  const m4s_random_mix_t mix = {.n_flows = n_flows,
                                .n_hosts = topology->n_hosts,
                                .load = 0.8,
                                .host_bps = 10 * M4S_BPS_PER_GBPS,
                                .shape = 1.2,
                                .min_size_bytes = 1000,
                                .max_size_bytes = 1000000,
                                .seed = 5};
  ASSERT_OK(m4s_random_mix_make(&mix, records));
  return records;
}

static m4s_flow_t make_flow(m4s_routing_t *routing, const m4s_flow_record_t *record) {
  m4s_flow_t flow = {
      .id = record->id, .src = record->src, .dst = record->dst, .size_bytes = record->size_bytes};
  ASSERT_OK(m4s_routing_path(routing, flow.src, flow.dst, &flow.links, &flow.n_links));
  return flow;
}

static void flows_should_be_sent_as_flowsim_sends_them(void **state) {
  (void)state;
  enum { N = 500 };
  m4s_topology_t *topology = make_clos();
  m4s_routing_t *routing = NULL;
  m4s_beside_t *beside = NULL;
  m4s_flow_record_t *records = make_records(topology, N);
  int32_t slots[N];
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_beside_create(&wire, topology, &beside));
  for (int i = 0; i < N; i++) {
    m4s_flow_t flow = make_flow(routing, &records[i]);
    ASSERT_OK(m4s_beside_start(beside, records[i].start_ns, &flow, &slots[i]));
    assert_int_equal(slots[i], i);
  }
  ASSERT_OK(m4s_beside_advance(beside, INT64_C(1000000000000)));
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_EXACT, .wire = wire};
  harness_run_list(&config, topology, records, N, NULL);
  for (int i = 0; i < N; i++) {
    m4s_beside_flow_t flow = m4s_beside_flow(beside, slots[i]);
    m4s_flow_t path = make_flow(routing, &records[i]);
    assert_true(flow.rate == 0 && flow.remaining_bytes == 0);
    assert_int_equal(flow.sent_ns + 1000 * path.n_links, records[i].start_ns + records[i].fct_ns);
  }
  for (int32_t i = 0; i < topology->n_links; i++) {
    assert_true(m4s_beside_link_rate(beside, i) < 1e-9);
  }
  m4s_beside_destroy(beside);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
  free(records);
}

// --- flows that are ended ---

enum { N_FLOWS = 400, MAX_LINKS = 200 };

typedef struct {
  m4s_topology_t *topology;
  m4s_beside_t *beside;
  m4s_flow_t flows[N_FLOWS];
  int32_t slots[N_FLOWS];
  bool active[N_FLOWS];
  int64_t now_ns;
} sim_t;

static double capacity(const sim_t *sim, int32_t link) {
  return m4s_bps_to_bytes_per_ns(sim->topology->links[link].bandwidth_bps);
}

// Each flow that has bytes to send has a bottleneck: a full link on which none is faster.
static void assert_fair(const sim_t *sim) {
  double sums[MAX_LINKS] = {0};
  double fastest[MAX_LINKS] = {0};
  assert_in_range(sim->topology->n_links, 1, MAX_LINKS);
  for (int i = 0; i < N_FLOWS; i++) {
    for (int32_t hop = 0; sim->active[i] && hop < sim->flows[i].n_links; hop++) {
      double rate = m4s_beside_flow(sim->beside, sim->slots[i]).rate;
      int32_t link = sim->flows[i].links[hop];
      sums[link] += rate;
      fastest[link] = fmax(fastest[link], rate);
    }
  }
  for (int32_t i = 0; i < sim->topology->n_links; i++) {
    assert_true(sums[i] <= capacity(sim, i) * (1 + 1e-9));
    assert_true(fabs(m4s_beside_link_rate(sim->beside, i) - sums[i]) < 1e-9);
  }
  for (int i = 0; i < N_FLOWS; i++) {
    m4s_beside_flow_t flow = m4s_beside_flow(sim->beside, sim->slots[i]);
    if (!sim->active[i] || flow.rate == 0) {
      continue;
    }
    bool limited = false;
    for (int32_t hop = 0; hop < sim->flows[i].n_links; hop++) {
      int32_t link = sim->flows[i].links[hop];
      limited = limited || (sums[link] >= capacity(sim, link) * (1 - 1e-9) &&
                            flow.rate >= fastest[link] * (1 - 1e-9));
    }
    assert_true(limited);
    assert_true(flow.sent_ns > sim->now_ns);
    double left_bytes = flow.rate * (double)(flow.sent_ns - sim->now_ns);
    assert_true(left_bytes >= flow.remaining_bytes - 1e-3);
    assert_true(left_bytes <= flow.remaining_bytes + flow.rate + 1e-3);
  }
}

static void rates_should_be_fair_whoever_ends_flows(void **state) {
  (void)state;
  static sim_t sim;
  uint64_t random = 3;
  m4s_routing_t *routing = NULL;
  sim.topology = make_clos();
  m4s_flow_record_t *records = make_records(sim.topology, N_FLOWS);
  int n_ended_early = 0;
  int n_ended_late = 0;
  ASSERT_OK(m4s_routing_create(sim.topology, &routing));
  ASSERT_OK(m4s_beside_create(&wire, sim.topology, &sim.beside));
  for (int i = 0; i < N_FLOWS; i++) {
    sim.now_ns = records[i].start_ns;
    sim.flows[i] = make_flow(routing, &records[i]);
    sim.active[i] = true;
    ASSERT_OK(m4s_beside_start(sim.beside, sim.now_ns, &sim.flows[i], &sim.slots[i]));
    int other = (int)support_random_below(&random, i + 1);
    if (sim.active[other] && i % 2 == 0) {
      m4s_beside_flow_t flow = m4s_beside_flow(sim.beside, sim.slots[other]);
      n_ended_early += flow.rate > 0;
      n_ended_late += flow.rate == 0;
      sim.active[other] = false;
      ASSERT_OK(m4s_beside_end(sim.beside, sim.now_ns, sim.slots[other]));
    }
    ASSERT_OK(m4s_beside_advance(sim.beside, sim.now_ns));
    assert_fair(&sim);
  }
  assert_true(n_ended_early > 20 && n_ended_late > 20);
  m4s_beside_destroy(sim.beside);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(sim.topology);
  free(records);
}

// Also within the ns in which it came.
static void flow_should_end_at_once(void **state) {
  (void)state;
  m4s_topology_t *topology = make_clos();
  m4s_routing_t *routing = NULL;
  m4s_beside_t *beside = NULL;
  const m4s_flow_record_t records[] = {{.src = 0, .dst = 9, .size_bytes = 100000},
                                       {.src = 0, .dst = 5, .size_bytes = 100000}};
  int32_t slots[2];
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_beside_create(&wire, topology, &beside));
  for (int i = 0; i < 2; i++) {
    m4s_flow_t flow = make_flow(routing, &records[i]);
    ASSERT_OK(m4s_beside_start(beside, 50, &flow, &slots[i]));
  }
  ASSERT_OK(m4s_beside_end(beside, 50, slots[0]));
  ASSERT_OK(m4s_beside_advance(beside, 50));
  m4s_beside_flow_t flow = m4s_beside_flow(beside, slots[1]);
  assert_true(fabs(flow.rate - 1.25) < 1e-12);
  assert_true(flow.remaining_bytes == 104800);
  assert_int_equal(flow.sent_ns, 50 + 83840);
  m4s_beside_destroy(beside);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flows_should_be_sent_as_flowsim_sends_them),
      cmocka_unit_test(rates_should_be_fair_whoever_ends_flows),
      cmocka_unit_test(flow_should_end_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
