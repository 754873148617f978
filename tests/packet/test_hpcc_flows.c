// Flow files of the HPCC family: what is read, and what is refused with which words.
#include "support.h"

#include "packet/hpcc_flows.h"

static m4s_hpcc_flows_t parse(const char *text, m4s_packet_profile_t profile) {
  m4s_hpcc_flows_t flows = {0};
  ASSERT_OK(m4s_hpcc_flows_parse(text, "f.txt", profile, 32, &flows));
  return flows;
}

static void flows_should_be_read_in_their_order(void **state) {
  (void)state;
  m4s_hpcc_flows_t flows = parse(
      "3\n9 7 3 100 9145 0.001008849\n\n7 24 3 100 1 0.001008849\r\n0 31 3 100 "
      "1000000000000 2\n\n",
      M4S_PROFILE_SIMAI);
  static const struct {
    int32_t src, dst;
    int64_t size_bytes, start_ns;
  } expected[] = {{9, 7, 9145, 1008849},
                  {7, 24, 1, 1008849},
                  {0, 31, INT64_C(1000000000000), INT64_C(2000000000)}};
  assert_int_equal(flows.n_flows, 3);
  assert_null(flows.ids);
  for (int i = 0; i < 3; i++) {
    const m4s_flow_record_t *record = &flows.records[i];
    assert_int_equal(record->id, i);
    assert_int_equal(record->src, expected[i].src);
    assert_int_equal(record->dst, expected[i].dst);
    assert_int_equal(record->size_bytes, expected[i].size_bytes);
    assert_int_equal(record->start_ns, expected[i].start_ns);
    assert_int_equal(record->fct_ns, -1);
    assert_int_equal(m4s_hpcc_flow_id(&flows, i), i);
  }
  m4s_hpcc_flows_clear(&flows);
}

static void written_flows_should_read_as_they_were(void **state) {
  (void)state;
  enum { N = 2000 };
  static m4s_flow_record_t records[N];
  uint64_t random = 3;
  int64_t start_ns = 0;
  for (int i = 0; i < N; i++) {
    records[i] = (m4s_flow_record_t){.id = i,
                                     .src = i % 31,
                                     .dst = 31,
                                     .size_bytes = 1 + support_random_below(&random, 1 << 30),
                                     .start_ns = start_ns};
    start_ns += support_random_below(&random, i < 1000 ? 4 : 100000000);
  }
  for (int profile = M4S_PROFILE_HPCC; profile <= M4S_PROFILE_M4; profile++) {
    for (int with_ids = 0; with_ids < 2; with_ids++) {
      m4s_hpcc_flows_t flows;
      ASSERT_OK(m4s_hpcc_flows_write(support_path("flows.txt"), records, N, with_ids != 0));
      ASSERT_OK(m4s_hpcc_flows_read(support_path("flows.txt"), (m4s_packet_profile_t)profile, 32,
                                    &flows));
      assert_int_equal(flows.n_flows, N);
      assert_int_equal(flows.ids != NULL, with_ids);
      for (int i = 0; i < N; i++) {
        const m4s_flow_record_t *read = &flows.records[i];
        assert_true(read->src == records[i].src && read->dst == 31 &&
                    read->size_bytes == records[i].size_bytes);
        assert_int_equal(read->start_ns, records[i].start_ns);
      }
      m4s_hpcc_flows_clear(&flows);
    }
  }
}

static void flows_should_keep_ids_of_the_m4_format(void **state) {
  (void)state;
  m4s_hpcc_flows_t flows = parse(
      "3\n7 0 1 3 100 10 0\n0 1 0 3 100 20 0\n2147483647 2 3 3 100 30 1e-6\n", M4S_PROFILE_M4);
  static const int64_t ids[] = {7, 0, 2147483647};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(flows.records[i].id, i);
    assert_int_equal(flows.records[i].size_bytes, 10 * (i + 1));
    assert_int_equal(m4s_hpcc_flow_id(&flows, i), ids[i]);
  }
  m4s_hpcc_flows_clear(&flows);
}

// The double nearest to 47 ns is below it.
static void starts_should_be_rounded_as_in_the_profile(void **state) {
  (void)state;
  static const int64_t starts[] = {46, 47, 47};
  for (int profile = 0; profile < 3; profile++) {
    m4s_hpcc_flows_t flows = parse("1\n0 1 3 100 10 0.000000047\n", (m4s_packet_profile_t)profile);
    assert_int_equal(flows.records[0].start_ns, starts[profile]);
    m4s_hpcc_flows_clear(&flows);
  }
}

// Starts that differ by less than a nanosecond are one time.
static void starts_should_be_compared_in_ns(void **state) {
  (void)state;
  m4s_hpcc_flows_t flows =
      parse("2\n0 1 3 100 10 0.0010000002\n1 0 3 100 10 0.0010000001\n", M4S_PROFILE_M4);
  assert_int_equal(flows.records[0].start_ns, flows.records[1].start_ns);
  m4s_hpcc_flows_clear(&flows);
}

static void flows_should_grow_with_the_file(void **state) {
  (void)state;
  enum { N = 1000 };
  char *text = malloc(N * 64);
  assert_non_null(text);
  int n = sprintf(text, "%d\n", N);
  for (int i = 0; i < N; i++) {
    n += sprintf(text + n, "%d %d %d 3 100 %d 0.%09d\n", N - i, i % 32, (i + 1) % 32, i + 1, i);
  }
  m4s_hpcc_flows_t flows = parse(text, M4S_PROFILE_M4);
  assert_int_equal(flows.n_flows, N);
  for (int i = 0; i < N; i++) {
    assert_int_equal(m4s_hpcc_flow_id(&flows, i), N - i);
    assert_int_equal(flows.records[i].size_bytes, i + 1);
    assert_int_equal(flows.records[i].start_ns, i);
  }
  m4s_hpcc_flows_clear(&flows);
  free(text);
}

#define FLOW_WORDS "a flow: src dst priority_group dst_port size_bytes start_s"
#define ID_WORDS "a flow: id src dst priority_group dst_port size_bytes start_s"

static void flows_should_refuse_all_else(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "f.txt:1: ends where the number of flows should stand"},
      {"1 2\n", "f.txt:1: 2 words, needed: the number of flows"},
      {"0\n", "f.txt:1:1: number of flows \"0\" is outside 1 to 268435456 (nearest valid: 1)"},
      {"-1\n", "f.txt:1:1: number of flows \"-1\" is outside 1 to 268435456 (nearest valid: 1)"},
      {"many\n", "f.txt:1:1: number of flows \"many\" is not a whole number"},
      {"268435456\n0 1 3 100 10 0\n", "f.txt:3: ends where a flow should stand"},
      {"1\n0 1 3 100 10 0\n0 1 3 100 10 0\n",
       "f.txt:3:1: line \"0\" stands after the last line of those counted above"},
      {"1\n0 1 3 100 10\n", "f.txt:2: 5 words, needed: " FLOW_WORDS},
      {"1\n0 0 1 3 100 10 0 0\n", "f.txt:2: 8 words, needed: " ID_WORDS},
      {"2\n0 1 3 100 10 0\n1 0 1 3 100 10 0\n", "f.txt:3: 7 words, needed: " FLOW_WORDS},
      {"2\n0 0 1 3 100 10 0\n0 1 3 100 10 0\n", "f.txt:3: 6 words, needed: " ID_WORDS},
      {"1\n32 1 3 100 10 0\n", "f.txt:2:1: source \"32\" is outside 0 to 31 (nearest valid: 31)"},
      {"1\n0 -1 3 100 10 0\n",
       "f.txt:2:3: destination \"-1\" is outside 0 to 31 (nearest valid: 0)"},
      {"1\n5 5 3 100 10 0\n", "f.txt:2:3: destination \"5\" is the source"},
      {"1\n0 1 2 100 10 0\n",
       "f.txt:2:5: priority group \"2\" is not simulated (nearest valid: 3)"},
      {"1\n0 1 3 101 10 0\n",
       "f.txt:2:7: destination port \"101\" is not simulated (nearest valid: 100)"},
      {"1\n0 1 3 100 0 0\n",
       "f.txt:2:11: size \"0\" is outside 1 to 1000000000000 (nearest valid: 1)"},
      {"1\n0 1 3 100 1e3 0\n", "f.txt:2:11: size \"1e3\" is not a whole number"},
      {"1\n0 1 3 100 99999999999999999999 0\n",
       "f.txt:2:11: size \"99999999999999999999\" is not a whole number"},
      {"1\n0 1 3 100 10 -0.1\n",
       "f.txt:2:14: start \"-0.1\" is not a number of seconds of 0 to 1e+09"},
      {"1\n0 1 3 100 10 nan\n",
       "f.txt:2:14: start \"nan\" is not a number of seconds of 0 to 1e+09"},
      {"1\n0 1 3 100 10 2e9\n",
       "f.txt:2:14: start \"2e9\" is not a number of seconds of 0 to 1e+09"},
      {"2\n0 1 3 100 10 0.002\n1 0 3 100 10 0.001\n",
       "f.txt:3:14: start \"0.001\" lies before that of the flow above: flows must stand in the "
       "order of their starts"},
      {"1\n-1 0 1 3 100 10 0\n",
       "f.txt:2:1: id \"-1\" is outside 0 to 2147483647 (nearest valid: 0)"},
      {"3\n4 0 1 3 100 10 0\n5 0 1 3 100 10 0\n\n4 0 1 3 100 10 0\n",
       "f.txt:5: id 4 stands in line 2 already"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_hpcc_flows_t flows = {.n_flows = 77};
    ASSERT_REFUSES(m4s_hpcc_flows_parse(cases[i].text, "f.txt", M4S_PROFILE_HPCC, 32, &flows),
                   cases[i].message);
    assert_int_equal(flows.n_flows, 77);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flows_should_be_read_in_their_order),
      cmocka_unit_test(written_flows_should_read_as_they_were),
      cmocka_unit_test(flows_should_keep_ids_of_the_m4_format),
      cmocka_unit_test(starts_should_be_rounded_as_in_the_profile),
      cmocka_unit_test(starts_should_be_compared_in_ns),
      cmocka_unit_test(flows_should_grow_with_the_file),
      cmocka_unit_test(flows_should_refuse_all_else),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
