// Configuration files of the HPCC family: what every key sets, and what is refused with which
// words.
#include "support.h"

#include "core/event.h"
#include "core/field.h"
#include "packet/hpcc_config.h"

static m4s_hpcc_config_t parse(const char *text, m4s_packet_profile_t profile) {
  m4s_hpcc_config_t config = {0};
  ASSERT_OK(m4s_hpcc_config_parse(text, "c.txt", profile, &config));
  return config;
}

// Rules of the text "CC_MODE 8" and these lines.
static m4s_packet_rules_t rules_of(const char *lines, m4s_packet_profile_t profile) {
  char text[2048];
  snprintf(text, sizeof text, "CC_MODE 8\n%s", lines);
  m4s_hpcc_config_t config = parse(text, profile);
  m4s_packet_rules_t rules = config.rules;
  m4s_hpcc_config_clear(&config);
  return rules;
}

static void assert_refused(const char *text, const char *message) {
  m4s_hpcc_config_t config = {.stop_ns = 77};
  ASSERT_REFUSES(m4s_hpcc_config_parse(text, "c.txt", M4S_PROFILE_HPCC, &config), message);
  assert_int_equal(config.stop_ns, 77);
}

static void config_should_begin_with_the_profile_and_its_congestion_control(void **state) {
  (void)state;
  static const struct {
    const char *text;
    m4s_packet_cc_t cc;
  } modes[] = {{"CC_MODE 1", M4S_PACKET_DCQCN},
               {"CC_MODE 3\n", M4S_PACKET_HPCC},
               {"\n\n  CC_MODE\t7  \r\n", M4S_PACKET_TIMELY},
               {"CC_MODE 8", M4S_PACKET_DCTCP}};
  for (m4s_packet_profile_t profile = M4S_PROFILE_HPCC; profile <= M4S_PROFILE_M4; profile++) {
    for (size_t i = 0; i < M4S_COUNT(modes); i++) {
      m4s_packet_rules_t expected = {0};
      m4s_hpcc_config_t config = parse(modes[i].text, profile);
      m4s_packet_rules_set(&expected, profile, modes[i].cc);
      if (profile == M4S_PROFILE_M4) {
        expected.ack_class_0 = expected.ack_first;
      }
      assert_memory_equal(&config.rules, &expected, sizeof expected);
      assert_false(config.ecn_of_listed_rates);
      assert_null(config.topology_file);
      assert_null(config.flow_file);
      assert_int_equal(config.stop_ns, M4S_TIME_NEVER);
      assert_int_equal(config.queue_start_ns, 0);
      assert_int_equal(config.queue_end_ns, M4S_TIME_NEVER);
      m4s_hpcc_config_clear(&config);
    }
  }
}

static const char all_keys[] =
    "CC_MODE 3\n"
    "PACKET_PAYLOAD_SIZE 1500\n"
    "HAS_WIN 1\nVAR_WIN 0\nFAST_REACT 0\nRATE_BOUND 0\nACK_HIGH_PRIO 1\n"
    "MIN_RATE 7Mb/s\nMAX_RATE 8Gbps\nRATE_AI 9Mb/s\nRATE_HAI 10Mb/s\nDCTCP_RATE_AI 11Mb/s\n"
    "EWMA_GAIN 0.125\nALPHA_RESUME_INTERVAL 12.000000\nRATE_DECREASE_INTERVAL 13\nRP_TIMER 14 \n"
    "FAST_RECOVERY_TIMES 15\nCLAMP_TARGET_RATE 1\nU_TARGET 0.5\nMI_THRESH 16\nINT_MULTI 17\n"
    "TIMELY_T_LOW 18\nTIMELY_T_HIGH 19\nTIMELY_BETA 0.25\n"
    "ENABLE_PFC 0\nSW_ACK_HIGH_PRIO 1\nBUFFER_SIZE_KB 20\nPFC_SHIFT 21\nHEADROOM_EXTRA 22\n"
    "PMAX_MAP 2 40000000000 0.5 10000000000 0\n"
    "KMIN_MAP 2 10000000000 23 40000000000 24.5\n"
    "KMAX_MAP 2 10000000000 25 40000000000 26\n"
    "TOPOLOGY_FILE a/topology.txt\nFLOW_FILE /b/flows.txt\nSIMULATOR_STOP_TIME 2.5\n"
    "QLEN_MON_START 27\nQLEN_MON_END 28\n";

static void keys_should_set_their_rules(void **state) {
  (void)state;
  m4s_hpcc_config_t config = parse(all_keys, M4S_PROFILE_HPCC);
  m4s_packet_rules_t expected = {0};
  m4s_packet_rules_set(&expected, M4S_PROFILE_HPCC, M4S_PACKET_HPCC);
  expected.payload_bytes = 1500;
  expected.rate_window = expected.fast_react = expected.rate_bound = expected.pfc = false;
  expected.window = expected.ack_first = expected.ack_class_0 = expected.clamp_target_rate = true;
  expected.min_rate_bps = 7000000;
  expected.max_rate_bps = INT64_C(8000000000);
  expected.ai_bps = 9000000;
  expected.hai_bps = 10000000;
  expected.dctcp_ai_bps = 11000000;
  expected.ewma_gain = 0.125;
  expected.alpha_interval_ns = 12000;
  expected.decrease_interval_ns = 13000;
  expected.increase_interval_ns = 14000;
  expected.fast_recovery_times = 15;
  expected.utilisation_target = 0.5;
  expected.mi_threshold = 16;
  expected.int_multiple = 17;
  expected.timely_low_ns = 18;
  expected.timely_high_ns = 19;
  expected.timely_beta = 0.25;
  expected.buffer_bytes = INT64_C(20) * 1024;
  expected.pfc_shift = 21;
  expected.headroom_extra_bytes = 22;
  expected.n_ecn = 2;
  expected.ecn[0] = (m4s_packet_ecn_t){INT64_C(10000000000), 23000, 25000, 0};
  expected.ecn[1] = (m4s_packet_ecn_t){INT64_C(40000000000), 24500, 26000, 0.5};
  assert_memory_equal(&config.rules, &expected, sizeof expected);
  assert_true(config.ecn_of_listed_rates);
  assert_string_equal(config.topology_file, "a/topology.txt");
  assert_string_equal(config.flow_file, "/b/flows.txt");
  assert_int_equal(config.stop_ns, INT64_C(2500000000));
  assert_int_equal(config.queue_start_ns, 27);
  assert_int_equal(config.queue_end_ns, 28);
  m4s_hpcc_config_clear(&config);
}

static void buffers_should_be_of_the_profiles_unit(void **state) {
  (void)state;
  assert_int_equal(rules_of("BUFFER_SIZE 3", M4S_PROFILE_HPCC).buffer_bytes, 3 << 20);
  assert_int_equal(rules_of("BUFFER_SIZE 3000", M4S_PROFILE_SIMAI).buffer_bytes, 3000 * 1024);
  assert_int_equal(rules_of("BUFFER_SIZE 3000", M4S_PROFILE_M4).buffer_bytes, 3000 * 1024);
}

static void m4_should_have_one_key_for_acks_of_hosts_and_switches(void **state) {
  (void)state;
  m4s_packet_rules_t off = rules_of("ACK_HIGH_PRIO 0", M4S_PROFILE_M4);
  m4s_packet_rules_t on = rules_of("ACK_HIGH_PRIO 1", M4S_PROFILE_M4);
  m4s_packet_rules_t simai = rules_of("ACK_HIGH_PRIO 1", M4S_PROFILE_SIMAI);
  assert_false(off.ack_first || off.ack_class_0);
  assert_true(on.ack_first && on.ack_class_0);
  assert_true(simai.ack_first && !simai.ack_class_0);
}

// 1 of the numbers below is not exact in binary.
static void seconds_should_become_ns_as_in_the_profile(void **state) {
  (void)state;
  assert_int_equal(m4s_hpcc_seconds_to_ns(M4S_PROFILE_SIMAI, 0.001000732), 1000732);
  assert_int_equal(m4s_hpcc_seconds_to_ns(M4S_PROFILE_M4, 1.0000000006), 1000000001);
  assert_int_equal(m4s_hpcc_seconds_to_ns(M4S_PROFILE_HPCC, 1.0000000006), 1000000000);
  assert_int_equal(m4s_hpcc_seconds_to_ns(M4S_PROFILE_HPCC, 0.1), 100000000);
  assert_int_equal(m4s_hpcc_seconds_to_ns(M4S_PROFILE_HPCC, 0.000000047), 46);
  assert_int_equal(m4s_hpcc_seconds_to_ns(M4S_PROFILE_SIMAI, 0.000000047), 47);
  assert_int_equal(m4s_hpcc_seconds_to_ns(M4S_PROFILE_HPCC, 3e9), INT64_C(3000000000000000000));
  m4s_hpcc_config_t config =
      parse("CC_MODE 8\nSIMULATOR_STOP_TIME 40000000000000.00\n", M4S_PROFILE_SIMAI);
  assert_int_equal(config.stop_ns, M4S_TIME_NEVER);
  m4s_hpcc_config_clear(&config);
}

static void harmless_keys_should_be_read_over(void **state) {
  (void)state;
  m4s_packet_rules_t expected = rules_of("", M4S_PROFILE_HPCC);
  m4s_packet_rules_t rules = rules_of(
      "ENABLE_QCN 1\nUSE_DYNAMIC_PFC_THRESHOLD 1\nGLOBAL_T 1\nL2_ACK_INTERVAL 1\n"
      "L2_BACK_TO_ZERO 0\nMULTI_RATE 0\nSAMPLE_FEEDBACK 0\nERROR_RATE_PER_LINK 0.0000\n"
      "LINK_DOWN 0 3 4\nMAX_INFLIGHT_FLOWS 0\nL2_CHUNK_SIZE 4000\nPINT_LOG_BASE 1.05\n"
      "PINT_PROB 1.0\nPAUSE_TIME 5\nNIC_TOTAL_PAUSE_TIME 0\nFIXED_WIN 18000\nBASE_RTT 8000\n"
      "DATA_RATE 100Gbps\nLINK_DELAY 1us\nENABLE_TRACE 1\nTRACE_FILE trace.txt\n"
      "TRACE_OUTPUT_FILE mix.tr\nFCT_OUTPUT_FILE fct.txt\nPFC_OUTPUT_FILE pfc.txt\n"
      "QLEN_MON_FILE qlen.txt\nBW_MON_FILE b\nRATE_MON_FILE r\nCNP_MON_FILE c\nMON_START 0\n"
      "MON_END 20000\nQP_MON_INTERVAL 100\nQLEN_MON_INTERVAL 10000\nBW_MON_INTERVAL 10000\n",
      M4S_PROFILE_HPCC);
  assert_memory_equal(&rules, &expected, sizeof expected);
}

static void config_should_refuse_bad_keys(void **state) {
  (void)state;
  static const char modes[] = "there are 1 (DCQCN), 3 (HPCC), 7 (TIMELY), 8 (DCTCP)";
  char message[256];
  assert_refused("", "c.txt: CC_MODE is missing (1: DCQCN, 3: HPCC, 7: TIMELY, 8: DCTCP)");
  assert_refused("HAS_WIN 1\n",
                 "c.txt: CC_MODE is missing (1: DCQCN, 3: HPCC, 7: TIMELY, 8: DCTCP)");
  snprintf(message, sizeof message, "c.txt:1:9: CC_MODE \"2\" is unknown; %s", modes);
  assert_refused("CC_MODE 2", message);
  snprintf(message, sizeof message,
           "c.txt:1:9: CC_MODE \"10\" is HPCC-PINT, which is not simulated; %s", modes);
  assert_refused("CC_MODE 10", message);
  assert_refused("CC_MODE", "c.txt:1: 1 word, needed: CC_MODE and its value");
  assert_refused("CC_MODE 8 8", "c.txt:1: 3 words, needed: CC_MODE and its value");
  assert_refused("CC_MODE 8\n\n  HASWIN 1",
                 "c.txt:3:3: key \"HASWIN\" is unknown (did you mean HAS_WIN?)");
  assert_refused("CC_MODE 8\nQWERTYUIOP 1", "c.txt:2:1: key \"QWERTYUIOP\" is unknown");
  assert_refused("CC_MODE 8\nHAS_WIN 1\nHAS_WIN 1",
                 "c.txt:3:1: key \"HAS_WIN\" stands in line 2 already");
  assert_refused("CC_MODE 8\r\nCC_MODE 8\r\n",
                 "c.txt:2:1: key \"CC_MODE\" stands in line 1 already");
  assert_refused("CC_MODE 8\nTOPOLOGY_FILE\n",
                 "c.txt:2: 1 word, needed: TOPOLOGY_FILE and its value");
  assert_refused("CC_MODE 8\nL2_BACK_TO_ZERO\n",
                 "c.txt:2: 1 word, needed: L2_BACK_TO_ZERO and its value");
}

// Of "CC_MODE 8" and this line; the message without "c.txt:2:".
static void assert_line_refused(const char *line, const char *message) {
  char text[512];
  char whole[512];
  snprintf(text, sizeof text, "CC_MODE 8\n%s\n", line);
  snprintf(whole, sizeof whole, "c.txt:2:%s", message);
  assert_refused(text, whole);
}

static void config_should_refuse_bad_values(void **state) {
  (void)state;
  assert_line_refused("HAS_WIN yes", "9: HAS_WIN \"yes\" is not a number");
  assert_line_refused("HAS_WIN 2", "9: HAS_WIN \"2\" is outside 0 to 1 (nearest valid: 1)");
  assert_line_refused("HAS_WIN 0.5", "9: HAS_WIN \"0.5\" is not a whole number (nearest valid: 1)");
  assert_line_refused("PACKET_PAYLOAD_SIZE 0",
                      "21: PACKET_PAYLOAD_SIZE \"0\" is outside 1 to 9000 (nearest valid: 1)");
  assert_line_refused("PACKET_PAYLOAD_SIZE -1000",
                      "21: PACKET_PAYLOAD_SIZE \"-1000\" is outside 1 to 9000 (nearest valid: 1)");
  assert_line_refused("EWMA_GAIN nan", "11: EWMA_GAIN \"nan\" is not a number");
  assert_line_refused("EWMA_GAIN inf", "11: EWMA_GAIN \"inf\" is not a number");
  assert_line_refused("EWMA_GAIN 1e999", "11: EWMA_GAIN \"1e999\" is not a number");
  assert_line_refused("EWMA_GAIN 1.5",
                      "11: EWMA_GAIN \"1.5\" is outside 0 to 1 (nearest valid: 1)");
  assert_line_refused("MIN_RATE 0Mb/s",
                      "10: MIN_RATE \"0Mb/s\" is not a positive rate such as 100Mb/s");
  assert_line_refused("MIN_RATE 100",
                      "10: MIN_RATE \"100\" is not a positive rate such as 100Mb/s");
  assert_line_refused("RATE_AI -5Mb/s",
                      "9: RATE_AI \"-5Mb/s\" is not a positive rate such as 100Mb/s");
  assert_line_refused("RP_TIMER 0",
                      "10: RP_TIMER \"0\" is outside 1 to 1000000 (nearest valid: 1)");
  assert_line_refused("RP_TIMER 55.5",
                      "10: RP_TIMER \"55.5\" is not a whole number (nearest valid: 56)");
  assert_line_refused("BUFFER_SIZE 4096",
                      "13: BUFFER_SIZE \"4096\" is outside 1 to 4095 (nearest valid: 4095)");
  assert_line_refused(
      "BUFFER_SIZE_KB 4194304",
      "16: BUFFER_SIZE_KB \"4194304\" is outside 1 to 4194303 (nearest valid: 4194303)");
  assert_line_refused("PFC_SHIFT 32",
                      "11: PFC_SHIFT \"32\" is outside 0 to 31 (nearest valid: 31)");
  assert_line_refused(
      "SIMULATOR_STOP_TIME 0",
      "21: SIMULATOR_STOP_TIME \"0\" is outside 1e-09 to 1e+30 (nearest valid: 1e-09)");
  assert_line_refused("U_TARGET 0",
                      "10: U_TARGET \"0\" is outside 0.01 to 10 (nearest valid: 0.01)");
}

static void config_should_refuse_what_is_not_simulated(void **state) {
  (void)state;
  assert_line_refused("GLOBAL_T 0",
                      "10: GLOBAL_T \"0\" is not simulated: all flows have the largest window and "
                      "base RTT of any pair (nearest valid: 1)");
  assert_line_refused("L2_BACK_TO_ZERO 1",
                      "17: L2_BACK_TO_ZERO \"1\" is not simulated: senders go back to the first "
                      "byte that is missing (nearest valid: 0)");
  assert_line_refused("ERROR_RATE_PER_LINK 0.0001",
                      "21: ERROR_RATE_PER_LINK \"0.0001\" is not simulated: links lose no packets "
                      "(nearest valid: 0)");
  assert_line_refused("LINK_DOWN 1000 0 1",
                      "11: LINK_DOWN \"1000\" is not simulated: links do not fail during a run "
                      "(nearest valid: 0)");
  assert_line_refused("MAX_INFLIGHT_FLOWS nan", "20: MAX_INFLIGHT_FLOWS \"nan\" is not a number");
  assert_line_refused("L2_ACK_INTERVAL 4",
                      "17: L2_ACK_INTERVAL \"4\" is not simulated: every packet is acknowledged "
                      "(nearest valid: 1)");
}

static void config_should_refuse_bad_maps(void **state) {
  (void)state;
  static const char needed[] =
      "needed: KMIN_MAP, the number of link rates, a rate and a value for "
      "each";
  char message[256];
  snprintf(message, sizeof message, " 1 word, %s", needed);
  assert_line_refused("KMIN_MAP", message);
  snprintf(message, sizeof message, " 5 words, %s", needed);
  assert_line_refused("KMIN_MAP 2 1000 5 2000", message);
  assert_line_refused("KMIN_MAP 0", "10: KMIN_MAP \"0\" is outside 1 to 32 (nearest valid: 1)");
  assert_line_refused("KMIN_MAP 33", "10: KMIN_MAP \"33\" is outside 1 to 32 (nearest valid: 32)");
  assert_line_refused("KMIN_MAP 1 10Gbps 5", "12: KMIN_MAP \"10Gbps\" is not a whole number");
  assert_line_refused("KMIN_MAP 2 1000 5 1000 6",
                      "19: KMIN_MAP \"1000\" is a rate that stands twice");
  assert_line_refused("KMIN_MAP 1 1000 -5",
                      "17: KMIN_MAP \"-5\" is outside 0 to 4000000 (nearest valid: 0)");
  assert_line_refused("PMAX_MAP 1 1000 1.01",
                      "17: PMAX_MAP \"1.01\" is outside 0 to 1 (nearest valid: 1)");
  assert_line_refused("PMAX_MAP 1 1000 nan", "17: PMAX_MAP \"nan\" is not a number");
}

static void config_should_refuse_keys_that_contradict_each_other(void **state) {
  (void)state;
  assert_refused("CC_MODE 8\nKMIN_MAP 1 1000 5\n",
                 "c.txt: KMIN_MAP, KMAX_MAP and PMAX_MAP have 1, 0 and 0 link rates: they must "
                 "have the same");
  assert_refused("CC_MODE 8\nKMIN_MAP 1 1000 5\nKMAX_MAP 1 2000 6\nPMAX_MAP 1 1000 1\n",
                 "c.txt:3: KMAX_MAP lacks the rate 1000 of KMIN_MAP");
  assert_refused("CC_MODE 8\nKMIN_MAP 1 1000 5\nKMAX_MAP 1 1000 6\nPMAX_MAP 1 2000 1\n",
                 "c.txt:4: PMAX_MAP lacks the rate 1000 of KMIN_MAP");
  assert_refused("CC_MODE 8\nKMIN_MAP 1 1000 5\nKMAX_MAP 1 1000 4.5\nPMAX_MAP 1 1000 1\n",
                 "c.txt:3: KMAX_MAP has 4.5 KB at 1000 b/s, less than the 5 KB of KMIN_MAP");
  assert_refused("BUFFER_SIZE_KB 3\nCC_MODE 8\nBUFFER_SIZE 3\n",
                 "c.txt:1: BUFFER_SIZE_KB stands beside BUFFER_SIZE of line 3");
  assert_refused("CC_MODE 3\nHAS_WIN 0\n", "c.txt: packet: HPCC needs a window");
  assert_refused("CC_MODE 7\nTIMELY_T_LOW 9\nTIMELY_T_HIGH 8\n",
                 "c.txt: packet: timely_low (9 ns) is above timely_high (8 ns)");
  assert_refused("CC_MODE 8\nMIN_RATE 2Gb/s\nMAX_RATE 1Gb/s\n",
                 "c.txt: packet: max_rate (1000000000 b/s) is below min_rate (2000000000 b/s)");
}

static void published_configurations_should_be_read(void **state) {
  (void)state;
  static const char *const names[] = {"packet/gray/config_deterministic.txt",
                                      "packet/gray/config_published.txt"};
  for (size_t i = 0; i < M4S_COUNT(names); i++) {
    m4s_hpcc_config_t config = {0};
    ASSERT_OK(m4s_hpcc_config_read(support_reference(names[i]), M4S_PROFILE_SIMAI, &config));
    assert_int_equal(config.rules.cc, M4S_PACKET_DCTCP);
    assert_int_equal(config.rules.buffer_bytes, INT64_C(100000) * 1024);
    assert_int_equal(config.rules.n_ecn, i == 0 ? 14 : 15);
    assert_int_equal(config.stop_ns, M4S_TIME_NEVER);
    m4s_hpcc_config_clear(&config);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(config_should_begin_with_the_profile_and_its_congestion_control),
      cmocka_unit_test(keys_should_set_their_rules),
      cmocka_unit_test(buffers_should_be_of_the_profiles_unit),
      cmocka_unit_test(m4_should_have_one_key_for_acks_of_hosts_and_switches),
      cmocka_unit_test(seconds_should_become_ns_as_in_the_profile),
      cmocka_unit_test(harmless_keys_should_be_read_over),
      cmocka_unit_test(config_should_refuse_bad_keys),
      cmocka_unit_test(config_should_refuse_bad_values),
      cmocka_unit_test(config_should_refuse_what_is_not_simulated),
      cmocka_unit_test(config_should_refuse_bad_maps),
      cmocka_unit_test(config_should_refuse_keys_that_contradict_each_other),
      cmocka_unit_test(published_configurations_should_be_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
