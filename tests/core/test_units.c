// Bandwidths and delays with units.
#include "support.h"

#include "core/units.h"

typedef struct {
  const char *text;
  int64_t value;
} quantity_t;

static void bandwidth_should_be_read_in_every_unit(void **state) {
  (void)state;
  static const quantity_t cases[] = {{"400Gbps", INT64_C(400000000000)},
                                     {"2.5Tbps", INT64_C(2500000000000)},
                                     {"100Mbps", 100000000},
                                     {"56Kbps", 56000},
                                     {"1.2Tb/s", INT64_C(1200000000000)},
                                     {"40Gb/s", INT64_C(40000000000)},
                                     {"615Mb/s", 615000000},
                                     {"64Kb/s", 64000},
                                     {"7b/s", 7},
                                     {"9600bps", 9600},
                                     {"0.5Gbps", 500000000},
                                     {"1e3Mbps", 1000000000},
                                     {"33.333333333Gbps", INT64_C(33333333333)}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t bps = 99;
    assert_true(m4s_parse_bandwidth(cases[i].text, &bps));
    assert_int_equal(bps, cases[i].value);
  }
}

static void bandwidth_should_refuse_all_else(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      "Gbps",
                                      "400",
                                      "0Gbps",
                                      "-1Gbps",
                                      "nanGbps",
                                      "infGbps",
                                      "400 Gbps",
                                      "400gbps",
                                      "400Gbp",
                                      "0.5bps",
                                      "1e30Gbps",
                                      "400GbpsGbps",
                                      "+1Gbps",
                                      "0x10Gbps",
                                      "Mb/s",
                                      "0b/s",
                                      "5MB/s",
                                      "5Mb",
                                      "-5Mb/s",
                                      "400Gbps ",
                                      " 400Gbps",
                                      "0.0bps",
                                      "1.0000000005Gbps"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int64_t bps = 99;
    if (m4s_parse_bandwidth(texts[i], &bps)) {
      fail_msg("\"%s\" was read as a bandwidth", texts[i]);
    }
    assert_int_equal(bps, 99);
  }
}

static void delay_should_be_read_in_every_unit(void **state) {
  (void)state;
  static const quantity_t cases[] = {{"0.0005ms", 500}, {"0.000025ms", 25}, {"500ns", 500},
                                     {"1us", 1000},     {"0s", 0},          {"2s", 2000000000},
                                     {"0.001us", 1},    {"1.5us", 1500},    {"1e3ns", 1000},
                                     {"0ms", 0},        {"0.000001ms", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t ns = 99;
    assert_true(m4s_parse_delay(cases[i].text, &ns));
    assert_int_equal(ns, cases[i].value);
  }
}

static void delay_should_refuse_all_else(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",     "ns",           "5",  "-1ns",  "0.5ns", "0.0000005ms", "nanms", "infs",
      "1 ms", "10000000000s", "1m", "1e30s", "0x1ns", "1MS",         "1ms ",  "--1ns"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int64_t ns = 99;
    if (m4s_parse_delay(texts[i], &ns)) {
      fail_msg("\"%s\" was read as a delay", texts[i]);
    }
    assert_int_equal(ns, 99);
  }
}

// Decimal milliseconds are not exact in binary: every one must still be a whole number of ns.
static void delay_should_be_exact_in_decimal_milliseconds(void **state) {
  (void)state;
  uint64_t random = 1;
  for (int i = 0; i < 20000; i++) {
    int64_t ns = i < 10000 ? i : support_random_below(&random, INT64_C(1000000000000));
    char text[64];
    snprintf(text, sizeof text, "%lld.%06lldms", (long long)(ns / 1000000),
             (long long)(ns % 1000000));
    int64_t read_ns = -1;
    assert_true(m4s_parse_delay(text, &read_ns));
    assert_int_equal(read_ns, ns);
  }
}

static void conversions_should_hold_known_values(void **state) {
  (void)state;
  assert_true(m4s_bps_to_bytes_per_ns(INT64_C(400000000000)) == 50.0);
  assert_true(m4s_bps_to_bytes_per_ns(INT64_C(2400000000000)) == 300.0);
  assert_true(m4s_ns_to_us(1500) == 1.5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bandwidth_should_be_read_in_every_unit),
      cmocka_unit_test(bandwidth_should_refuse_all_else),
      cmocka_unit_test(delay_should_be_read_in_every_unit),
      cmocka_unit_test(delay_should_refuse_all_else),
      cmocka_unit_test(delay_should_be_exact_in_decimal_milliseconds),
      cmocka_unit_test(conversions_should_hold_known_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
