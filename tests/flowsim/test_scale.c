// The exact mode on a large fabric: work in proportion to the flows whose rates change.
#include "support.h"

#include "core/units.h"
#include "flow/flow_list.h"
#include "flow/random_mix.h"
#include "flowsim/beside.h"
#include "flowsim/flowsim.h"
#include "net/clos.h"
#include "sim/run_loop.h"

enum { HOST_GBPS = 10 };

// 384 racks of 16 hosts, 1:1.
static m4s_topology_t *make_fabric(void) {
  const m4s_clos_t clos = {.pods = 8,
                           .racks_per_pod = 48,
                           .hosts_per_rack = 16,
                           .fabrics_per_pod = 4,
                           .spines_per_plane = 48,
                           .host_gbps = HOST_GBPS,
                           .uplink_gbps = 40,
                           .link_delay_ns = 1000};
  m4s_topology_t *topology;
  ASSERT_OK(m4s_clos_create(&clos, &topology));
  return topology;
}

static m4s_flow_record_t *make_mix(const m4s_topology_t *topology, int64_t n_flows) {
  m4s_flow_record_t *records = calloc((size_t)n_flows, sizeof *records);
  assert_non_null(records);
  const m4s_random_mix_t mix = {.n_flows = n_flows,
                                .n_hosts = topology->n_hosts,
                                .load = 0.5,
                                .host_bps = HOST_GBPS * M4S_BPS_PER_GBPS,
                                .shape = 1.2,
                                .min_size_bytes = 1000,
                                .max_size_bytes = 30000000,
                                .seed = 7};
  ASSERT_OK(m4s_random_mix_make(&mix, records));
  return records;
}

static m4s_flowsim_counts_t simulate(const m4s_topology_t *topology, m4s_flow_record_t *records,
                                     int64_t n_flows) {
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_EXACT, .wire = {1000, 48}};
  m4s_clock_t clock = {0};
  m4s_routing_t *routing;
  m4s_flow_list_t *list;
  m4s_network_model_t model;
  m4s_run_t *run;
  m4s_run_state_t state;
  ASSERT_OK(m4s_routing_create(topology, &routing));
  m4s_routing_set_ecmp_seed(routing, M4S_ECMP_SEED_NODE);
  ASSERT_OK(m4s_flow_list_create(records, n_flows, routing, &clock, &list));
  ASSERT_OK(m4s_flowsim_create(&config, topology, &clock, &model));
  ASSERT_OK(
      m4s_run_create(&clock, m4s_flow_list_as_source(list), model, &(m4s_run_limits_t){0}, &run));
  ASSERT_OK(m4s_run_advance(run, NULL, &state));
  m4s_flowsim_counts_t counts = m4s_flowsim_counts(&model);
  m4s_run_destroy(run);
  model.ops->destroy(model.state);
  m4s_flow_list_destroy(list);
  m4s_routing_destroy(routing);
  return counts;
}

// Every flow that takes part in a water-filling changes its rate, but for the few whose bottleneck
// moved to a link with the same share: at most one in ten, whatever the number of flows.
static void exact_mode_should_touch_only_flows_that_change(void **state) {
  (void)state;
  m4s_topology_t *topology = make_fabric();
  int64_t most = SUPPORT_SANITIZED ? 20000 : 1000000;
  for (int64_t n_flows = most / 100; n_flows <= most; n_flows *= 10) {
    m4s_flow_record_t *records = make_mix(topology, n_flows);
    m4s_flowsim_counts_t counts = simulate(topology, records, n_flows);
    assert_true(counts.rate_changes >= n_flows);
    assert_true(counts.flows_filled <= counts.rate_changes + counts.rate_changes / 10);
    for (int64_t i = 0; i < n_flows; i++) {
      assert_true(records[i].fct_ns > 0);
    }
    free(records);
  }
  m4s_topology_destroy(topology);
}

// No flow is faster than its host's link allows.
static void exact_mode_should_respect_capacities(void **state) {
  (void)state;
  enum { N_FLOWS = 4000 };
  m4s_topology_t *topology = make_fabric();
  m4s_flow_record_t *records = make_mix(topology, N_FLOWS);
  simulate(topology, records, N_FLOWS);
  for (int i = 0; i < N_FLOWS; i++) {
    double wire_bytes = (double)m4s_wire_bytes(&(m4s_wire_t){1000, 48}, records[i].size_bytes);
    double line_rate = m4s_bps_to_bytes_per_ns(HOST_GBPS * M4S_BPS_PER_GBPS);
    assert_true((double)records[i].fct_ns >= wire_bytes / line_rate);
  }
  free(records);
  m4s_topology_destroy(topology);
}

// --- the definition ---

typedef struct {
  const m4s_topology_t *topology;
  const m4s_beside_t *beside;
  m4s_flow_t *flows;
  int32_t *slots;
  double *sums, *fastest;  // by link
} snapshot_t;

static bool is_limited(const snapshot_t *snapshot, const m4s_flow_t *flow, double rate) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    int32_t link = flow->links[hop];
    double capacity = m4s_bps_to_bytes_per_ns(snapshot->topology->links[link].bandwidth_bps);
    if (snapshot->sums[link] >= capacity * (1 - 1e-9) &&
        rate >= snapshot->fastest[link] * (1 - 1e-9)) {
      return true;
    }
  }
  return false;
}

// No link carries more than it can, and every flow has a full link on which none is faster: what
// makes rates the max-min fair ones. Returns the number of flows that are sending.
static int64_t assert_fair(const snapshot_t *snapshot, int64_t n_flows) {
  int64_t n_sending = 0;
  memset(snapshot->sums, 0, (size_t)snapshot->topology->n_links * sizeof *snapshot->sums);
  memset(snapshot->fastest, 0, (size_t)snapshot->topology->n_links * sizeof *snapshot->fastest);
  for (int64_t i = 0; i < n_flows; i++) {
    double rate = m4s_beside_flow(snapshot->beside, snapshot->slots[i]).rate;
    for (int32_t hop = 0; hop < snapshot->flows[i].n_links; hop++) {
      int32_t link = snapshot->flows[i].links[hop];
      snapshot->sums[link] += rate;
      snapshot->fastest[link] = rate > snapshot->fastest[link] ? rate : snapshot->fastest[link];
    }
  }
  for (int32_t i = 0; i < snapshot->topology->n_links; i++) {
    double capacity = m4s_bps_to_bytes_per_ns(snapshot->topology->links[i].bandwidth_bps);
    assert_true(snapshot->sums[i] <= capacity * (1 + 1e-9));
  }
  for (int64_t i = 0; i < n_flows; i++) {
    double rate = m4s_beside_flow(snapshot->beside, snapshot->slots[i]).rate;
    n_sending += rate > 0;
    assert_true(rate == 0 || is_limited(snapshot, &snapshot->flows[i], rate));
  }
  return n_sending;
}

// Flows that have sent all are never ended, so every slot is that of its flow.
static void rates_should_stay_max_min_fair(void **state) {
  (void)state;
  enum { N_FLOWS = 20000, N_BETWEEN_LOOKS = 500 };
  m4s_topology_t *topology = make_fabric();
  m4s_flow_record_t *records = make_mix(topology, N_FLOWS);
  m4s_routing_t *routing;
  m4s_beside_t *beside;
  ASSERT_OK(m4s_routing_create(topology, &routing));
  m4s_routing_set_ecmp_seed(routing, M4S_ECMP_SEED_NODE);
  ASSERT_OK(m4s_beside_create(&(m4s_wire_t){1000, 48}, topology, &beside));
  snapshot_t snapshot = {.topology = topology,
                         .beside = beside,
                         .flows = calloc(N_FLOWS, sizeof *snapshot.flows),
                         .slots = calloc(N_FLOWS, sizeof *snapshot.slots),
                         .sums = calloc((size_t)topology->n_links, sizeof *snapshot.sums),
                         .fastest = calloc((size_t)topology->n_links, sizeof *snapshot.fastest)};
  int64_t most_sending = 0;
  for (int64_t i = 0; i < N_FLOWS; i++) {
    m4s_flow_t *flow = &snapshot.flows[i];
    *flow = (m4s_flow_t){
        .id = i, .src = records[i].src, .dst = records[i].dst, .size_bytes = records[i].size_bytes};
    ASSERT_OK(m4s_routing_path(routing, flow->src, flow->dst, &flow->links, &flow->n_links));
    ASSERT_OK(m4s_beside_start(beside, records[i].start_ns, flow, &snapshot.slots[i]));
    if ((i + 1) % N_BETWEEN_LOOKS == 0) {
      ASSERT_OK(m4s_beside_advance(beside, records[i].start_ns));
      int64_t n_sending = assert_fair(&snapshot, i + 1);
      most_sending = n_sending > most_sending ? n_sending : most_sending;
    }
  }
  assert_true(most_sending > 1000);
  free(snapshot.flows);
  free(snapshot.slots);
  free(snapshot.sums);
  free(snapshot.fastest);
  m4s_beside_destroy(beside);
  m4s_routing_destroy(routing);
  free(records);
  m4s_topology_destroy(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_mode_should_touch_only_flows_that_change),
      cmocka_unit_test(exact_mode_should_respect_capacities),
      cmocka_unit_test(rates_should_stay_max_min_fair),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
