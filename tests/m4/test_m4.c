// Settings of m4: the field table, network parameters, what is refused.
#include "harness.h"
#include "tiny_model.h"

static void fields_should_have_their_defaults(void **state) {
  (void)state;
  m4s_m4_config_t config = {0};
  ASSERT_OK(m4s_fields_set_defaults(m4s_m4_fields, M4S_N_M4_FIELDS, &config));
  assert_null(config.model);
  assert_int_equal(config.algorithm, M4S_M4_EVENT);
  assert_int_equal(config.mode, M4S_M4_DEFAULT);
  assert_int_equal(config.forward, M4S_FORWARD_FAST);
  assert_int_equal(config.batch_time_ns, 10000);
  assert_int_equal(config.reschedule_flow_count, 8);
  assert_false(config.merge_arrivals);
  float params[M4S_M4_N_PARAMS];
  m4s_m4_params(&config, params);
  const float expected[M4S_M4_N_PARAMS] = {30, 18, 1, 0, 0, 0, 30};
  assert_memory_equal(params, expected, sizeof expected);
}

static m4s_status_t set(m4s_m4_config_t *config, const char *name, const char *text) {
  const m4s_field_t *field = m4s_fields_find(m4s_m4_fields, M4S_N_M4_FIELDS, name);
  assert_non_null(field);
  return m4s_field_set_text(field, config, text, name);
}

// Every congestion control has parameters of its own; those of the others are 0.
static void params_should_be_those_of_the_congestion_control(void **state) {
  (void)state;
  static const struct {
    const char *cc;
    float params[M4S_M4_N_PARAMS];
  } cases[] = {{"dctcp", {11, 12, 1, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0}},
               {"dcqcn", {11, 12, 0, 1, 0, 0, 0, 14, 15, 0, 0, 0, 0}},
               {"hpcc", {11, 12, 0, 0, 1, 0, 0, 0, 0, 16, 17, 0, 0}},
               {"timely", {11, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 18, 19.5F}}};
  m4s_m4_config_t config = harness_config();
  static const char *const values[][2] = {
      {"bfsz", "11"},        {"fwin", "12"},         {"dctcp_k", "13"},
      {"dcqcn_k_min", "14"}, {"dcqcn_k_max", "15"},  {"u_tgt", "16"},
      {"hpai", "17"},        {"timely_t_low", "18"}, {"timely_t_high", "19.5"}};
  for (size_t i = 0; i < M4S_COUNT(values); i++) {
    ASSERT_OK(set(&config, values[i][0], values[i][1]));
  }
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    float params[M4S_M4_N_PARAMS];
    ASSERT_OK(set(&config, "cc", cases[i].cc));
    m4s_m4_params(&config, params);
    assert_memory_equal(params, cases[i].params, sizeof params);
  }
}

static void fields_should_refuse_what_makes_no_sense(void **state) {
  (void)state;
  m4s_m4_config_t config = harness_config();
  ASSERT_REFUSES(set(&config, "batch_time_ns", "0"),
                 "batch_time_ns: 0 is outside 1 to 1000000000000 ns (nearest valid: 1)");
  ASSERT_REFUSES(set(&config, "reschedule_flow_count", "-1"),
                 "reschedule_flow_count: -1 is outside 0 to 1000000000 flows (nearest valid: 0)");
  ASSERT_REFUSES(set(&config, "bfsz", "-1"),
                 "bfsz: -1 is outside 0 to 1000000 times 10 kB (nearest valid: 0)");
  ASSERT_REFUSES(set(&config, "cc", "dcqn"),
                 "cc: \"dcqn\" is none of dctcp, dcqcn, hpcc, timely (did you mean dcqcn?)");
}

static void assert_refused(const m4s_m4_config_t *config, int32_t n_params, const char *message) {
  m4s_model_t *model = tiny_model(
      (tiny_sizes_t){.hidden = 4, .gnn_hidden = 4, .n_gnn_layers = 1, .n_params = n_params}, 1);
  m4s_engine_t *engine = NULL;
  m4s_topology_t *topology = NULL;
  m4s_routing_t *routing = NULL;
  m4s_clock_t clock = {0};
  m4s_network_model_t network = {0};
  ASSERT_OK(m4s_engine_create(model, M4S_FORWARD_FAST, &engine));
  ASSERT_OK(m4s_topology_parse("3 1 0 1 2 A100\n2\n0 2 16Gbps 0ns 0\n1 2 16Gbps 0ns 0\n", "t",
                               &topology));
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_REFUSES(m4s_m4_create(config, engine, topology, routing, &clock, &network), message);
  assert_null(network.state);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

static void create_should_refuse_what_does_not_fit(void **state) {
  (void)state;
  m4s_m4_config_t config = harness_config();
  ASSERT_OK(set(&config, "model", "w.safetensors"));
  assert_refused(&config, 12, "m4.model: w.safetensors takes 12 network parameters, m4 has 13");
  ASSERT_OK(set(&config, "algorithm", "event"));
  ASSERT_OK(set(&config, "mode", "published"));
  assert_refused(&config, 13,
                 "m4.mode: \"published\" is a mode of the algorithm \"interval\" alone, "
                 "\"event\" has only \"default\"");
  ASSERT_OK(set(&config, "algorithm", "interval"));
  assert_refused(&config, TINY_FLUID,
                 "m4.mode: \"published\" is for published networks, w.safetensors has inputs "
                 "\"fluid-2\": \"default\" is its mode");
  m4s_fields_clear(m4s_m4_fields, M4S_N_M4_FIELDS, &config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fields_should_have_their_defaults),
      cmocka_unit_test(params_should_be_those_of_the_congestion_control),
      cmocka_unit_test(fields_should_refuse_what_makes_no_sense),
      cmocka_unit_test(create_should_refuse_what_does_not_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
