// The inputs of networks with fluid inputs, by hand.
#include <math.h>

#include "m4/inputs.h"
#include "support.h"

static const m4s_wire_t wire = {1000, 48};

// Hosts 0, 1, 2 with cables of 8 Gbps (1 byte/ns) to switch 4, host 3 with one of 2 Gbps; 524 ns
// each. Everything `scale` times as fast.
typedef struct {
  m4s_topology_t *topology;
  m4s_m4_inputs_t *inputs;
  int32_t paths[4][2];  // 0: from 0 to 1, 1: from 2 to 1, 2: from 3 to 1, 3: from 2 to 0
  int64_t scale;
} sim_t;

enum { N_NODES = 5, SWITCH = 4 };

static const m4s_m4_input_settings_t dctcp = {.cc = M4S_M4_FLOW_DCTCP,
                                              .window_bytes = 4192,
                                              .buffer_bytes = 8384,
                                              .ecn_else = {.k_min_bytes = 2096},
                                              .min_rate = 0.125,
                                              .hpcc_target = 0.5,
                                              .hpcc_increase = 1,
                                              .timely_low_ns = 1,
                                              .timely_high_ns = 1};

static sim_t open_sim(const m4s_m4_input_settings_t *settings, int64_t scale) {
  static const int32_t ends[4][2] = {{0, 1}, {2, 1}, {3, 1}, {2, 0}};
  sim_t sim = {.scale = scale};
  m4s_cable_t cables[4];
  const int32_t switches[] = {SWITCH};
  for (int32_t i = 0; i < 4; i++) {
    int64_t bps = i == 3 ? 2000000000 : 8000000000;
    cables[i] = (m4s_cable_t){i, SWITCH, bps * scale, 524 / scale, 0};
  }
  const m4s_topology_parts_t parts = {.n_nodes = N_NODES,
                                      .n_switches = 1,
                                      .gpus_per_server = 1,
                                      .gpu_type = "host",
                                      .forwarders = switches,
                                      .n_cables = 4,
                                      .cables = cables};
  ASSERT_OK(m4s_topology_create(&parts, "star", &sim.topology));
  m4s_m4_input_settings_t scaled = *settings;
  scaled.min_rate *= (double)scale;
  ASSERT_OK(m4s_m4_inputs_create(&scaled, &wire, sim.topology, &sim.inputs));
  for (int i = 0; i < 4; i++) {
    sim.paths[i][0] = m4s_topology_find_link(sim.topology, ends[i][0], SWITCH);
    sim.paths[i][1] = m4s_topology_find_link(sim.topology, SWITCH, ends[i][1]);
  }
  return sim;
}

static void close_sim(sim_t *sim) {
  m4s_m4_inputs_destroy(sim->inputs);
  m4s_topology_destroy(sim->topology);
}

static void start(sim_t *sim, int64_t now_ns, int32_t slot, int path, int64_t size_bytes,
                  int64_t ideal_ns) {
  m4s_flow_t flow = {.id = slot, .size_bytes = size_bytes, .links = sim->paths[path], .n_links = 2};
  ASSERT_OK(
      m4s_m4_inputs_start(sim->inputs, now_ns / sim->scale, slot, &flow, ideal_ns / sim->scale));
}

enum { MAX_FLOWS = 4, MAX_LINKS = 8 };

typedef struct {
  float flows[MAX_FLOWS][M4S_M4_N_FLOW_INPUTS], links[MAX_LINKS][M4S_M4_N_LINK_INPUTS];
  double fcts_ns[MAX_FLOWS];  // max-min fair from then on
} step_t;

static step_t make_step(sim_t *sim, int64_t now_ns, const int32_t *slots, int32_t n_flows,
                        const int32_t *edges, int32_t n_links) {
  step_t out;
  const m4s_m4_input_step_t step = {.now_ns = now_ns / sim->scale,
                                    .n_flows = n_flows,
                                    .n_links = n_links,
                                    .slots = slots,
                                    .edges = edges};
  ASSERT_OK(m4s_m4_inputs_step(sim->inputs, &step, out.flows[0], out.links[0]));
  for (int32_t i = 0; i < n_flows; i++) {
    ASSERT_OK(m4s_m4_inputs_slow(sim->inputs, slots[i], 1, &out.fcts_ns[i]));
  }
  return out;
}

// Inputs are rounded to float32 twice: numbers below 16 to 1.9e-6.
static void assert_input(const char *what, float got, double want, float scale) {
  if (!(fabs((double)got - want * (double)scale) <= 2e-6)) {
    fail_msg("%s: %g, not %g", what, (double)(got / scale), want);
  }
}

static void assert_flow(const float *got, const double want[M4S_M4_N_FLOW_INPUTS]) {
  for (int i = 0; i < M4S_M4_N_FLOW_INPUTS; i++) {
    assert_input(m4s_m4_flow_inputs[i].quantity, got[i], want[i], m4s_m4_flow_inputs[i].scale);
  }
}

static void assert_link(const float *got, const double want[M4S_M4_N_LINK_INPUTS]) {
  for (int i = 0; i < M4S_M4_N_LINK_INPUTS; i++) {
    assert_input(m4s_m4_link_inputs[i].quantity, got[i], want[i], m4s_m4_link_inputs[i].scale);
  }
}

// Paths between fast hosts: RTT 4 * 524 + 2 * 1048 = 4192 ns, BDP 4192 bytes.
static void flow_alone_should_be_as_ideal(void **state) {
  (void)state;
  sim_t sim = open_sim(&dctcp, 1);
  // 104800 bytes on the wire, sent in 104800 ns; 2096 ns of latency.
  start(&sim, 1000, 0, 0, 100000, 106896);
  step_t step = make_step(&sim, 1000, (const int32_t[]){0}, 1, (const int32_t[]){0, 1}, 2);
  assert_true(step.fcts_ns[0] == 106896);
  const double flow[M4S_M4_N_FLOW_INPUTS] = {
      [M4S_M4_FLOW_SIZE] = log2(101), [M4S_M4_FLOW_IDEAL] = log2(106896.0 / 4192),
      [M4S_M4_FLOW_LINKS] = 2,        [M4S_M4_FLOW_RATE] = 1,
      [M4S_M4_FLOW_REMAINING] = 1,    [M4S_M4_FLOW_REMAINING_TIME] = log2(26),
      [M4S_M4_FLOW_DCTCP] = 1,        [M4S_M4_FLOW_BUFFER] = 1,
      [M4S_M4_FLOW_DCTCP_K] = -1,     [M4S_M4_FLOW_QUEUE] = 1};
  assert_flow(step.flows[0], flow);
  const double link[M4S_M4_N_LINK_INPUTS] = {
      [M4S_M4_LINK_FLOWS] = 1,   [M4S_M4_LINK_UTILISATION] = 1,  [M4S_M4_LINK_BDP] = log2(4.192),
      [M4S_M4_LINK_WINDOWS] = 1, [M4S_M4_LINK_BURST] = log2(26), [M4S_M4_LINK_SENDING] = 1,
      [M4S_M4_LINK_FLOOR] = -3};
  assert_link(step.links[0], link);
  double by_switch[M4S_M4_N_LINK_INPUTS];
  memcpy(by_switch, link, sizeof link);
  by_switch[M4S_M4_LINK_SWITCH] = 1;
  assert_link(step.links[1], by_switch);
  close_sim(&sim);
}

// Two flows to host 1, from 0 at 1000 ns and, at half its size, from 2 at 21960 ns (20960 later);
// then a step 20960 ns later. The first has sent 20960 + 10480 of its 104800 bytes, the other 10480
// of its 52400; at half the rate, their rests take 146720 and 83840 ns.
static void flows_should_share_as_the_fluid_does(void **state) {
  (void)state;
  sim_t sim = open_sim(&dctcp, 1);
  start(&sim, 1000, 0, 0, 100000, 106896);
  make_step(&sim, 1000, (const int32_t[]){0}, 1, (const int32_t[]){0, 1}, 2);
  start(&sim, 21960, 1, 1, 50000, 54496);
  const int32_t slots[] = {1, 0};
  const int32_t edges[] = {0, 1, 2, 1};
  make_step(&sim, 21960, slots, 2, edges, 3);
  step_t step = make_step(&sim, 42920, slots, 2, edges, 3);
  double fct_ns = 41920 + 146720 + 2096;
  assert_true(fabs(step.fcts_ns[1] - fct_ns) <= 1);
  assert_true(fabs(step.fcts_ns[0] - (20960 + 83840 + 2096)) <= 1);
  double dt = log2(1 + 20960.0 / 4192);
  const double flow[M4S_M4_N_FLOW_INPUTS] = {
      [M4S_M4_FLOW_DT] = dt,
      [M4S_M4_FLOW_SIZE] = log2(101),
      [M4S_M4_FLOW_IDEAL] = log2(106896.0 / 4192),
      [M4S_M4_FLOW_LINKS] = 2,
      [M4S_M4_FLOW_AGE] = log2(11),
      [M4S_M4_FLOW_BASE] = log2(fct_ns / 106896),
      [M4S_M4_FLOW_RATE] = 0.5,
      [M4S_M4_FLOW_REMAINING] = 0.7,
      [M4S_M4_FLOW_REMAINING_TIME] = log2(1 + 146720.0 / 4192),
      [M4S_M4_FLOW_CROWD] = 1,
      [M4S_M4_FLOW_DCTCP] = 1,
      [M4S_M4_FLOW_BUFFER] = 1,
      [M4S_M4_FLOW_DCTCP_K] = -1,
      [M4S_M4_FLOW_QUEUE] = 1};
  assert_flow(step.flows[1], flow);
  // A window of the older flow is ahead of the other.
  assert_input("queue", step.flows[0][M4S_M4_FLOW_QUEUE], log2(3), 0.25F);
  // What came 20960 ns before the second flow has decayed for 2 * 20960 / (4 * 4192).
  double burst = (104800 * exp(-2.5) + 52400 * exp(-1.25)) / 4192;
  const double link[M4S_M4_N_LINK_INPUTS] = {[M4S_M4_LINK_DT] = dt,
                                             [M4S_M4_LINK_FLOWS] = log2(3),
                                             [M4S_M4_LINK_UTILISATION] = 1,
                                             [M4S_M4_LINK_BDP] = log2(4.192),
                                             [M4S_M4_LINK_WINDOWS] = log2(3),
                                             [M4S_M4_LINK_DEMAND] = 1,
                                             [M4S_M4_LINK_SWITCH] = 1,
                                             [M4S_M4_LINK_QUIET] = dt,
                                             [M4S_M4_LINK_BURST] = log2(1 + burst),
                                             [M4S_M4_LINK_SENDING] = 1,
                                             [M4S_M4_LINK_FLOOR] = -2};
  assert_link(step.links[1], link);
  const double half[M4S_M4_N_LINK_INPUTS] = {
      [M4S_M4_LINK_DT] = dt,
      [M4S_M4_LINK_FLOWS] = 1,
      [M4S_M4_LINK_UTILISATION] = 0.5,
      [M4S_M4_LINK_BDP] = log2(4.192),
      [M4S_M4_LINK_WINDOWS] = 1,
      [M4S_M4_LINK_QUIET] = dt,
      [M4S_M4_LINK_BURST] = log2(1 + 52400 * exp(-1.25) / 4192),
      [M4S_M4_LINK_SENDING] = log2(1.5),
      [M4S_M4_LINK_FLOOR] = -3};
  assert_link(step.links[0], half);
  close_sim(&sim);
}

// All is sent after 1048 ns; after the latency of 3144 ns the slowdown at this rate is that of the
// age, but the fluid's FCT stays.
static void flow_that_is_sent_should_wait_for_its_end(void **state) {
  (void)state;
  sim_t sim = open_sim(&dctcp, 1);
  const int32_t slots[] = {0};
  const int32_t edges[] = {0, 1};
  start(&sim, 0, 0, 0, 1000, 4192);
  step_t step = make_step(&sim, 524, slots, 1, edges, 2);
  assert_true(step.fcts_ns[0] == 4192);
  assert_input("part", step.flows[0][M4S_M4_FLOW_REMAINING], 0.5, 1);
  // Less than a window is left to send.
  assert_input("in flight", step.links[0][M4S_M4_LINK_WINDOWS], log2(1 + 524.0 / 4192), 0.25F);
  step = make_step(&sim, 3000, slots, 1, edges, 2);
  assert_true(step.fcts_ns[0] == 4192);
  assert_true(step.flows[0][M4S_M4_FLOW_REMAINING] == 0);
  assert_true(step.flows[0][M4S_M4_FLOW_REMAINING_TIME] == 0);
  assert_true(step.flows[0][M4S_M4_FLOW_RATE] == 0);
  assert_true(step.flows[0][M4S_M4_FLOW_BASE] == 0);
  assert_true(step.links[0][M4S_M4_LINK_UTILISATION] == 0);
  step = make_step(&sim, 8384, slots, 1, edges, 2);
  assert_true(step.fcts_ns[0] == 4192);
  assert_input("base", step.flows[0][M4S_M4_FLOW_BASE], 1, 0.5F);
  // It leaves, and a slower one comes: 1 byte in 4 ns, RTT 4 * 524 + 1048 + 4192 = 7336 ns.
  ASSERT_OK(m4s_m4_inputs_leave(sim.inputs, 8384, 0));
  start(&sim, 12576, 0, 2, 1000, 9000);
  step = make_step(&sim, 12576, slots, 1, edges, 2);
  assert_input("window", step.flows[0][M4S_M4_FLOW_WINDOW], log2(4192.0 / (7336.0 / 4)), 0.25F);
  assert_input("demand", step.links[1][M4S_M4_LINK_DEMAND], -2, 0.25F);
  assert_input("utilisation", step.links[0][M4S_M4_LINK_UTILISATION], 1, 1);
  assert_input("utilisation", step.links[1][M4S_M4_LINK_UTILISATION], 0.25, 1);
  assert_true(step.links[1][M4S_M4_LINK_DT] == 0 && step.flows[0][M4S_M4_FLOW_DT] == 0);
  close_sim(&sim);
}

// 104800 bytes at 1 byte/ns: 10000 are sent at 10000 ns and, three times as slowly, 20000 at 40000
// ns; said to have half of them left at 50000 ns.
static void flows_should_be_as_slow_as_they_are_told(void **state) {
  (void)state;
  sim_t sim = open_sim(&dctcp, 1);
  const int32_t slots[] = {0};
  const int32_t edges[] = {0, 1};
  double fct_ns;
  start(&sim, 0, 0, 0, 100000, 106896);
  make_step(&sim, 0, slots, 1, edges, 2);
  make_step(&sim, 10000, slots, 1, edges, 2);
  ASSERT_OK(m4s_m4_inputs_slow(sim.inputs, 0, 3, &fct_ns));
  assert_true(fct_ns == 10000 + 3 * 94800 + 2096);
  step_t step = make_step(&sim, 40000, slots, 1, edges, 2);
  assert_input("sending", step.links[0][M4S_M4_LINK_SENDING], log2(1 + 1.0 / 3), 0.5F);
  assert_input("part", step.flows[0][M4S_M4_FLOW_REMAINING], 84800.0 / 104800, 1);
  // Its rate and what it would have left at that are those without the factor.
  assert_input("rate", step.flows[0][M4S_M4_FLOW_RATE], 1, 1);
  assert_input("time", step.flows[0][M4S_M4_FLOW_REMAINING_TIME], log2(1 + 84800.0 / 4192), 0.25F);
  assert_input("base", step.flows[0][M4S_M4_FLOW_BASE], log2((40000 + 84800 + 2096) / 106896.0),
               0.5F);
  assert_true(fabs(step.fcts_ns[0] - (40000 + 84800 + 2096)) <= 1);
  ASSERT_OK(m4s_m4_inputs_set_remaining(sim.inputs, 50000, 0, 52400));
  m4s_m4_fluid_flow_t flow = m4s_m4_inputs_flow(sim.inputs, 0);
  assert_true(flow.remaining_bytes == 52400 && flow.rate == 1 && flow.wire_bytes == 104800 &&
              flow.latency_ns == 2096);
  step = make_step(&sim, 50000, slots, 1, edges, 2);
  assert_true(step.fcts_ns[0] == 50000 + 52400 + 2096);
  // No faster than the links.
  ASSERT_OK(m4s_m4_inputs_slow(sim.inputs, 0, 0.5, &fct_ns));
  assert_true(fct_ns == 50000 + 52400 + 2096);
  close_sim(&sim);
}

// Each congestion control has a flag and parameters of its own; those of the others are 0.
static void parameters_should_be_those_of_the_congestion_control(void **state) {
  (void)state;
  m4s_m4_input_settings_t settings = {.window_bytes = (double)INFINITY,
                                      .buffer_bytes = 4192,
                                      .ecn_else = {.k_min_bytes = 1048, .k_max_bytes = 2096},
                                      .hpcc_target = 0.95,
                                      .hpcc_increase = 0.125,
                                      .timely_low_ns = 16768,
                                      .timely_high_ns = 33536};
  for (int cc = M4S_M4_FLOW_DCTCP; cc <= M4S_M4_FLOW_TIMELY; cc++) {
    settings.cc = cc;
    sim_t sim = open_sim(&settings, 1);
    start(&sim, 0, 0, 0, 1000, 4192);
    step_t step = make_step(&sim, 0, (const int32_t[]){0}, 1, (const int32_t[]){0, 1}, 2);
    const float *flow = step.flows[0];
    double is[4] = {cc == M4S_M4_FLOW_DCTCP, cc == M4S_M4_FLOW_DCQCN, cc == M4S_M4_FLOW_HPCC,
                    cc == M4S_M4_FLOW_TIMELY};
    const double want[] = {is[0],      is[1],      is[2],      is[3],      8,
                           0,          -2 * is[0], -2 * is[1], -1 * is[1], 0.95 * is[2],
                           -3 * is[2], 2 * is[3],  3 * is[3]};
    for (int i = M4S_M4_FLOW_DCTCP; i <= M4S_M4_FLOW_TIMELY_HIGH; i++) {
      assert_input(m4s_m4_flow_inputs[i].quantity, flow[i], want[i - M4S_M4_FLOW_DCTCP],
                   m4s_m4_flow_inputs[i].scale);
    }
    close_sim(&sim);
  }
}

// Those of the least rate on the path, listed or in proportion; windows of 0 are BDPs.
static void thresholds_should_be_those_of_the_rate(void **state) {
  (void)state;
  m4s_m4_input_settings_t settings = {
      .cc = M4S_M4_FLOW_DCQCN,
      .n_ecn = 1,
      .ecn = {{.rate_bps = 2000000000, .k_min_bytes = 1834, .k_max_bytes = 3668}},
      .ecn_else = {.rate_bps = 1000000000, .k_min_bytes = 524, .k_max_bytes = 1048}};
  sim_t sim = open_sim(&settings, 1);
  start(&sim, 0, 0, 0, 100000, 106896);
  start(&sim, 0, 1, 2, 100000, 500000);  // RTT 7336 ns at 1/4 byte/ns: BDP 1834 bytes
  const int32_t slots[] = {0, 1};
  step_t step = make_step(&sim, 0, slots, 2, (const int32_t[]){0, 1, 2, 1}, 3);
  for (int i = 0; i < 2; i++) {
    assert_input("Kmin", step.flows[i][M4S_M4_FLOW_DCQCN_K_MIN], 0, 0.25F);
    assert_input("Kmax", step.flows[i][M4S_M4_FLOW_DCQCN_K_MAX], 1, 0.25F);
    assert_input("window", step.flows[i][M4S_M4_FLOW_WINDOW], 0, 0.25F);
  }
  assert_input("in flight", step.links[0][M4S_M4_LINK_WINDOWS], 1, 0.25F);
  close_sim(&sim);
}

// Rates 4 times as high and times a quarter as long make no difference, but for whole ns.
static void inputs_should_be_without_scale(void **state) {
  (void)state;
  step_t steps[2];
  for (int i = 0; i < 2; i++) {
    sim_t sim = open_sim(&dctcp, i == 0 ? 1 : 4);
    start(&sim, 4000, 0, 0, 100000, 106896);
    start(&sim, 8000, 1, 2, 30000, 133000);
    start(&sim, 12000, 2, 3, 7000, 9432);
    make_step(&sim, 12000, (const int32_t[]){0, 1, 2}, 3, (const int32_t[]){0, 1, 2, 1, 3, 4}, 5);
    steps[i] = make_step(&sim, 16000, (const int32_t[]){0, 1, 2}, 3,
                         (const int32_t[]){0, 1, 2, 1, 3, 4}, 5);
    close_sim(&sim);
  }
  for (int row = 0; row < 5; row++) {
    for (int i = 0; row < 3 && i < M4S_M4_N_FLOW_INPUTS; i++) {
      assert_true(fabsf(steps[0].flows[row][i] - steps[1].flows[row][i]) < 1e-3F);
    }
    for (int i = 0; i < M4S_M4_N_LINK_INPUTS; i++) {
      assert_true(fabsf(steps[0].links[row][i] - steps[1].links[row][i]) < 1e-3F);
    }
  }
}

static void ranges_should_span_all_steps(void **state) {
  (void)state;
  sim_t sim = open_sim(&dctcp, 1);
  assert_true(m4s_m4_inputs_flow_range(sim.inputs)[0] == INFINITY);
  assert_true(m4s_m4_inputs_link_range(sim.inputs)[M4S_M4_N_LINK_INPUTS] == -INFINITY);
  start(&sim, 0, 0, 0, 100000, 106896);
  start(&sim, 0, 1, 3, 3000, 6000);
  const int32_t slots[] = {0, 1};
  const int32_t edges[] = {0, 1, 2, 3};
  step_t steps[] = {make_step(&sim, 0, slots, 2, edges, 4),
                    make_step(&sim, 5000, slots, 2, edges, 4),
                    make_step(&sim, 5100, slots, 2, edges, 4)};
  const float *range = m4s_m4_inputs_flow_range(sim.inputs);
  for (int i = 0; i < M4S_M4_N_FLOW_INPUTS; i++) {
    float least = INFINITY;
    float greatest = -INFINITY;
    for (int k = 0; k < 6; k++) {
      least = fminf(least, steps[k / 2].flows[k % 2][i]);
      greatest = fmaxf(greatest, steps[k / 2].flows[k % 2][i]);
    }
    assert_true(range[i] == least && range[M4S_M4_N_FLOW_INPUTS + i] == greatest);
  }
  range = m4s_m4_inputs_link_range(sim.inputs);
  assert_true(range[M4S_M4_LINK_SWITCH] == 0);
  assert_true(range[M4S_M4_N_LINK_INPUTS + M4S_M4_LINK_SWITCH] == 1);
  assert_true(range[M4S_M4_N_LINK_INPUTS + M4S_M4_LINK_DT] == steps[1].links[0][M4S_M4_LINK_DT]);
  close_sim(&sim);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flow_alone_should_be_as_ideal),
      cmocka_unit_test(flows_should_share_as_the_fluid_does),
      cmocka_unit_test(flow_that_is_sent_should_wait_for_its_end),
      cmocka_unit_test(flows_should_be_as_slow_as_they_are_told),
      cmocka_unit_test(parameters_should_be_those_of_the_congestion_control),
      cmocka_unit_test(thresholds_should_be_those_of_the_rate),
      cmocka_unit_test(inputs_should_be_without_scale),
      cmocka_unit_test(ranges_should_span_all_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
