// m4 with fluid inputs: networks that change nothing make a fluid simulation of it.
#include <inttypes.h>
#include <math.h>

#include "flowsim/flowsim.h"
#include "m4/mixes.h"
#include "m4/tiny_model.h"
#include "net/ideal_fct.h"

static const tiny_sizes_t sizes = {
    .hidden = 8, .gnn_hidden = 12, .n_gnn_layers = 2, .n_params = TINY_FLUID};

// Its output is `bias`, and what its states add times `share`.
static m4s_model_t *make_model(float bias, float share) {
  tiny_parts_t *parts = tiny_parts(sizes, 3);
  float *weights = tiny_values(parts, "output_layer.3.weight");
  for (int32_t i = 0; i < sizes.hidden; i++) {
    weights[i] *= share;
  }
  *tiny_values(parts, "output_layer.3.bias") = bias;
  m4s_model_t *model = NULL;
  ASSERT_OK(m4s_model_create(tiny_file(parts), "silent", &model));
  tiny_clear(parts);
  return model;
}

// Runs simulations of the same flows `n` times side by side; records [n][n_flows].
static void run_m4(const m4s_model_t *model, const m4s_m4_config_t *config,
                   const m4s_topology_t *topology, m4s_flow_record_t *const *records, int n,
                   int64_t n_flows) {
  enum { MAX = 4 };
  m4s_engine_t *engine = mixes_engine(model, M4S_FORWARD_FAST);
  harness_t sims[MAX];
  harness_t *order[MAX];
  assert_in_range(n, 1, MAX);
  for (int i = 0; i < n; i++) {
    order[i] = &sims[i];
    harness_open_list(&sims[i], config, engine, topology, records[i], n_flows);
  }
  ASSERT_OK(harness_finish(order, n, engine, NULL));
  for (int i = 0; i < n; i++) {
    harness_close(&sims[i]);
  }
  mixes_assert_no_row_is_held(engine, n * n_flows, n * topology->n_links);
  m4s_engine_destroy(engine);
}

static void run_flowsim(const m4s_m4_config_t *m4, const m4s_topology_t *topology,
                        m4s_flow_record_t *records, int64_t n_flows) {
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_EXACT, .wire = m4->wire};
  m4s_clock_t clock = {0};
  m4s_routing_t *routing = NULL;
  m4s_flow_list_t *list = NULL;
  m4s_network_model_t model;
  m4s_run_t *run = NULL;
  m4s_run_state_t state;
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_flow_list_create(records, n_flows, routing, &clock, &list));
  ASSERT_OK(m4s_flowsim_create(&config, topology, &clock, &model));
  ASSERT_OK(
      m4s_run_create(&clock, m4s_flow_list_as_source(list), model, &(m4s_run_limits_t){0}, &run));
  ASSERT_OK(m4s_run_advance(run, NULL, &state));
  m4s_run_destroy(run);
  model.ops->destroy(model.state);
  m4s_flow_list_destroy(list);
  m4s_routing_destroy(routing);
}

static int64_t ideal_fct_ns(const m4s_m4_config_t *config, const m4s_topology_t *topology,
                            m4s_routing_t *routing, const m4s_flow_record_t *record) {
  const int32_t *links;
  int32_t n_links;
  m4s_pair_facts_t facts;
  if (config->ideal == M4S_M4_IDEAL_PAIR) {
    ASSERT_OK(m4s_routing_pair_facts(routing, record->src, record->dst, &facts));
    return m4s_ideal_fct_ns(&facts, m4s_wire_bytes(&config->wire, record->size_bytes));
  }
  ASSERT_OK(m4s_routing_path(routing, record->src, record->dst, &links, &n_links));
  return m4s_ideal_fct_m_ns(topology, links, n_links, record->size_bytes,
                            config->wire.payload_bytes, config->wire.header_bytes);
}

// The sending of a flow's bytes at the least rate of its path; *delay_ns_out: propagation.
static int64_t find_sending_ns(const m4s_m4_config_t *config, const m4s_topology_t *topology,
                               m4s_routing_t *routing, const m4s_flow_record_t *record,
                               int64_t *delay_ns_out) {
  const int32_t *links;
  int32_t n_links;
  int64_t least_bps = INT64_MAX;
  *delay_ns_out = 0;
  ASSERT_OK(m4s_routing_path(routing, record->src, record->dst, &links, &n_links));
  for (int32_t hop = 0; hop < n_links; hop++) {
    const m4s_link_t *link = &topology->links[links[hop]];
    *delay_ns_out += link->delay_ns;
    least_bps = link->bandwidth_bps < least_bps ? link->bandwidth_bps : least_bps;
  }
  int64_t wire_bytes = m4s_wire_bytes(&config->wire, record->size_bytes);
  return (int64_t)ceil((double)wire_bytes * 8e9 / (double)least_bps);
}

static int64_t sending_alone_ns(const m4s_m4_config_t *config, const m4s_topology_t *topology,
                                m4s_routing_t *routing, const m4s_flow_record_t *record) {
  int64_t delay_ns;
  return find_sending_ns(config, topology, routing, record, &delay_ns);
}

// What m4's flow takes beyond the sending of its bytes, less what flowsim's takes.
static int64_t more_latency_ns(const m4s_m4_config_t *config, const m4s_topology_t *topology,
                               m4s_routing_t *routing, const m4s_flow_record_t *record) {
  int64_t delay_ns;
  int64_t sending_ns = find_sending_ns(config, topology, routing, record, &delay_ns);
  int64_t ideal_ns = ideal_fct_ns(config, topology, routing, record);
  return (ideal_ns > sending_ns ? ideal_ns - sending_ns : 0) - delay_ns;
}

// --- networks that change nothing ---

// A flow's FCT beyond the sending of its bytes is m4's ideal latency there, the propagation here.
// What m4 multiplies and truncates costs 1 ns.
static void assert_flowsim(const m4s_topology_t *topology, m4s_m4_ideal_t ideal) {
  enum { N = 600 };
  m4s_m4_config_t config = harness_config();
  config.algorithm = M4S_M4_EVENT;
  config.ideal = ideal;
  m4s_model_t *model = make_model(0, 0);
  m4s_routing_t *routing = NULL;
  m4s_flow_record_t *got = mixes_records(topology, N, 0.8, 1, 7);
  m4s_flow_record_t *want = mixes_records(topology, N, 0.8, 1, 7);
  ASSERT_OK(m4s_routing_create(topology, &routing));
  run_m4(model, &config, topology, &got, 1, N);
  run_flowsim(&config, topology, want, N);
  for (int i = 0; i < N; i++) {
    int64_t more_ns = more_latency_ns(&config, topology, routing, &got[i]);
    int64_t error_ns = got[i].fct_ns - want[i].fct_ns - more_ns;
    if (!(llabs(error_ns) <= 1)) {
      fail_msg("flow %d takes %" PRId64 " ns more than %" PRId64 " ns", i, error_ns,
               want[i].fct_ns + more_ns);
    }
  }
  m4s_routing_destroy(routing);
  m4s_model_destroy(model);
  free(got);
  free(want);
}

static void silent_network_should_be_flowsim(void **state) {
  (void)state;
  m4s_topology_t *topologies[] = {mixes_star(), mixes_clos(), mixes_cluster()};
  for (size_t i = 0; i < M4S_COUNT(topologies); i++) {
    assert_flowsim(topologies[i], M4S_M4_IDEAL_PAIR);
    assert_flowsim(topologies[i], M4S_M4_IDEAL_PATH);
    m4s_topology_destroy(topologies[i]);
  }
}

// Flows far apart, with an output of ln(factor), by which they send more slowly, rounded to
// float32: to 6e-8. FCTs are whole ns.
static void assert_alone(int algorithm, m4s_m4_ideal_t ideal, double factor) {
  enum { N = 5 };
  m4s_topology_t *topology = mixes_clos();
  m4s_routing_t *routing = NULL;
  m4s_m4_config_t config = harness_config();
  config.algorithm = algorithm;
  config.ideal = ideal;
  m4s_model_t *model = make_model((float)log(factor), 0);
  m4s_flow_record_t *records = mixes_records(topology, N, 0.5, 1, 3);
  ASSERT_OK(m4s_routing_create(topology, &routing));
  for (int i = 0; i < N; i++) {
    records[i].start_ns = i * INT64_C(1000000000);
  }
  run_m4(model, &config, topology, &records, 1, N);
  for (int i = 0; i < N; i++) {
    int64_t ideal_ns = ideal_fct_ns(&config, topology, routing, &records[i]);
    int64_t sending_ns = sending_alone_ns(&config, topology, routing, &records[i]);
    double want_ns = (double)(ideal_ns - sending_ns) + factor * (double)sending_ns;
    double error_ns = (double)records[i].fct_ns - want_ns;
    assert_true(fabs(error_ns) <= (factor > 1 ? 2 + 1e-6 * (double)ideal_ns : 0));
  }
  m4s_routing_destroy(routing);
  m4s_model_destroy(model);
  m4s_topology_destroy(topology);
  free(records);
}

static void flows_alone_should_take_their_ideal_fcts(void **state) {
  (void)state;
  assert_alone(M4S_M4_EVENT, M4S_M4_IDEAL_PAIR, 1);
  assert_alone(M4S_M4_EVENT, M4S_M4_IDEAL_PATH, 1);
  assert_alone(M4S_M4_INTERVAL, M4S_M4_IDEAL_PAIR, 1);
  assert_alone(M4S_M4_INTERVAL, M4S_M4_IDEAL_PATH, 1);
}

static void output_should_be_the_logarithm_of_a_factor(void **state) {
  (void)state;
  assert_alone(M4S_M4_EVENT, M4S_M4_IDEAL_PATH, 2.5);
}

// A network's output below 0 makes no flow faster than alone.
static void slowdowns_should_be_1_at_least(void **state) {
  (void)state;
  m4s_topology_t *topology = mixes_star();
  m4s_m4_config_t config = harness_config();
  config.algorithm = M4S_M4_EVENT;
  m4s_model_t *model = make_model(-3, 0);
  m4s_routing_t *routing = NULL;
  m4s_flow_record_t *records = mixes_records(topology, 50, 0.9, 1, 3);
  ASSERT_OK(m4s_routing_create(topology, &routing));
  run_m4(model, &config, topology, &records, 1, 50);
  for (int i = 0; i < 50; i++) {
    assert_true(records[i].fct_ns >= ideal_fct_ns(&config, topology, routing, &records[i]));
  }
  m4s_routing_destroy(routing);
  m4s_model_destroy(model);
  m4s_topology_destroy(topology);
  free(records);
}

// --- networks that do ---

// The same flows alone, beside others, and with other instructions.
static void assert_same_bytes(int algorithm) {
  enum { N = 150 };
  m4s_topology_t *topology = mixes_clos();
  m4s_m4_config_t config = harness_config();
  config.algorithm = algorithm;
  m4s_model_t *model = make_model(-0.1F, 0.2F);
  m4s_flow_record_t *alone = mixes_records(topology, N, 0.6, 1, 3);
  m4s_flow_record_t *again[] = {mixes_records(topology, N, 0.6, 1, 3),
                                mixes_records(topology, N, 0.6, 1, 4),
                                mixes_records(topology, N, 0.6, 1, 3)};
  run_m4(model, &config, topology, &alone, 1, N);
  assert_int_equal(setenv("M4SWEEP_INSTRUCTIONS", "generic", 1), 0);
  run_m4(model, &config, topology, again, 3, N);
  assert_int_equal(unsetenv("M4SWEEP_INSTRUCTIONS"), 0);
  assert_memory_equal(again[0], alone, N * sizeof *alone);
  assert_memory_equal(again[2], alone, N * sizeof *alone);
  for (int i = 0; i < 3; i++) {
    free(again[i]);
  }
  free(alone);
  m4s_model_destroy(model);
  m4s_topology_destroy(topology);
}

static void flows_should_not_depend_on_what_runs_beside(void **state) {
  (void)state;
  assert_same_bytes(M4S_M4_EVENT);
  assert_same_bytes(M4S_M4_INTERVAL);
}

// Runs a flow alone to the error that it ends with.
static void assert_fails(const m4s_model_t *model, const char *message) {
  m4s_topology_t *topology = mixes_star();
  m4s_m4_config_t config = harness_config();
  config.algorithm = M4S_M4_EVENT;
  m4s_engine_t *engine = mixes_engine(model, M4S_FORWARD_FAST);
  m4s_flow_record_t record = {.src = 0, .dst = 1, .size_bytes = 5000};
  harness_t sim;
  harness_t *const sims[] = {&sim};
  harness_open_list(&sim, &config, engine, topology, &record, 1);
  assert_int_equal(harness_finish(sims, 1, engine, NULL), M4S_ERR_SIMULATION);
  assert_non_null(strstr(m4s_last_error(), message));
  harness_close(&sim);
  m4s_engine_destroy(engine);
  m4s_topology_destroy(topology);
}

static void outputs_that_no_time_can_hold_should_be_told(void **state) {
  (void)state;
  m4s_model_t *model = make_model(600, 0);
  assert_fails(model, "flow 0 would take ");
  m4s_model_destroy(model);
  tiny_parts_t *parts = tiny_parts(sizes, 3);
  tiny_values(parts, "output_layer.0.bias")[0] = 3e38F;
  tiny_values(parts, "output_layer.3.weight")[0] = 3e38F;
  ASSERT_OK(m4s_model_create(tiny_file(parts), "infinite", &model));
  tiny_clear(parts);
  assert_fails(model, "flow 0: the predicted slowdown at 0.000 us is inf");
  m4s_model_destroy(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(silent_network_should_be_flowsim),
      cmocka_unit_test(flows_alone_should_take_their_ideal_fcts),
      cmocka_unit_test(output_should_be_the_logarithm_of_a_factor),
      cmocka_unit_test(slowdowns_should_be_1_at_least),
      cmocka_unit_test(flows_should_not_depend_on_what_runs_beside),
      cmocka_unit_test(outputs_that_no_time_can_hold_should_be_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
