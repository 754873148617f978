// The packet simulator's settings: what they leave of a profile, and what is refused.
#include "packet/settings.h"
#include "support.h"

static m4s_status_t resolve(const char *name, const char *value, m4s_packet_rules_t *rules_out) {
  m4s_packet_config_t config = {0};
  const m4s_wire_t wire = {1000, 48};
  ASSERT_OK(m4s_fields_set_defaults(m4s_packet_fields, M4S_N_PACKET_FIELDS, &config));
  if (name != NULL) {
    const m4s_field_t *field = m4s_fields_find(m4s_packet_fields, M4S_N_PACKET_FIELDS, name);
    assert_non_null(field);
    M4S_TRY(m4s_field_set_text(field, &config, value, name));
  }
  return m4s_packet_config_resolve(&config, &wire, 7, rules_out);
}

static void defaults_should_be_the_profile(void **state) {
  (void)state;
  static const char *const names[] = {"hpcc", "simai", "m4"};
  for (int profile = 0; profile < 3; profile++) {
    m4s_packet_rules_t expected;
    m4s_packet_rules_t rules;
    m4s_packet_rules_set(&expected, (m4s_packet_profile_t)profile, M4S_PACKET_DCTCP);
    ASSERT_OK(resolve("profile", names[profile], &rules));
    assert_int_equal(rules.seed, 7);
    assert_int_equal(rules.mmu, expected.mmu);
    assert_int_equal(rules.data_header_bytes, expected.data_header_bytes);
    assert_int_equal(rules.buffer_bytes, expected.buffer_bytes);
    assert_int_equal(rules.min_rate_bps, expected.min_rate_bps);
    assert_int_equal(rules.window, expected.window);
    assert_int_equal(rules.complete_at_receiver, expected.complete_at_receiver);
    assert_int_equal(rules.ecn[0].k_max_bytes, expected.ecn[0].k_max_bytes);
    assert_int_equal(rules.ecn_else.k_min_bytes, expected.ecn_else.k_min_bytes);
    assert_float_equal(rules.ewma_gain, expected.ewma_gain, 0);
  }
}

static void settings_should_replace_single_rules(void **state) {
  (void)state;
  m4s_packet_rules_t rules;
  ASSERT_OK(resolve("window", "none", &rules));
  assert_false(rules.window);
  ASSERT_OK(resolve("window_kb", "18", &rules));
  assert_int_equal(rules.window_bytes, 18000);
  ASSERT_OK(resolve("pfc", "off", &rules));
  assert_false(rules.pfc);
  ASSERT_OK(resolve("buffer_kb", "300", &rules));
  assert_int_equal(rules.buffer_bytes, 300 * 1024);
  ASSERT_OK(resolve("k_max_kb", "200", &rules));
  assert_int_equal(rules.ecn_else.k_max_bytes, 20000);
  for (int32_t i = 0; i < rules.n_ecn; i++) {
    assert_int_equal(rules.ecn[i].k_max_bytes, rules.ecn[i].rate_bps / 1000000000 * 20000);
  }
  ASSERT_OK(resolve("alpha_interval_us", "2.5", &rules));
  assert_int_equal(rules.alpha_interval_ns, 2500);
  ASSERT_OK(resolve("completion", "receiver", &rules));
  assert_true(rules.complete_at_receiver);
  assert_false(rules.partitioned);
  ASSERT_OK(resolve("event_order", "partitioned", &rules));
  assert_true(rules.partitioned);
}

static void senseless_rules_should_be_refused(void **state) {
  (void)state;
  m4s_packet_rules_t rules;
  ASSERT_REFUSES(resolve("k_min_kb", "1000", &rules),
                 "packet.k_min_kb: 1000 is above packet.k_max_kb, the profile's 40");
  ASSERT_REFUSES(resolve("p_max", "-0.5", &rules),
                 "packet.p_max: -0.5 is below 0 (-1 stands for the profile's)");
  ASSERT_REFUSES(resolve("min_rate_mbps", "0", &rules), "packet.min_rate_mbps: 0 is not above 0");
  ASSERT_REFUSES(resolve("max_rate_mbps", "10", &rules),
                 "packet.min_rate_mbps: the profile's 1000 is above packet.max_rate_mbps, 10");
  ASSERT_REFUSES(resolve("timely_high_us", "1", &rules),
                 "packet.timely_low_us: the profile's 50 is above packet.timely_high_us, 1");
  ASSERT_REFUSES(resolve("decrease_interval_us", "0", &rules),
                 "packet.decrease_interval_us: 0 is not above 0");
  ASSERT_REFUSES(resolve("cc", "hpc", &rules),
                 "cc: \"hpc\" is none of dctcp, dcqcn, hpcc, timely (did you mean hpcc?)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_should_be_the_profile),
      cmocka_unit_test(settings_should_replace_single_rules),
      cmocka_unit_test(senseless_rules_should_be_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
