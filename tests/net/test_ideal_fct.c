// Ideal FCTs by hand, and those that ns-3 wrote beside the FCTs of the m4 paper's mixes.
#include "support.h"

#include "core/event.h"
#include "core/scan.h"
#include "core/text.h"
#include "net/ideal_fct.h"
#include "net/routing.h"

typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
} net_t;

static int64_t ideal_of(net_t *net, int32_t src, int32_t dst, int64_t size_bytes) {
  const int32_t *links;
  int32_t n_links;
  ASSERT_OK(m4s_routing_path(net->routing, src, dst, &links, &n_links));
  return m4s_ideal_fct_m_ns(net->topology, links, n_links, size_bytes, 1000, 48);
}

static void clear_net(net_t *net) {
  m4s_routing_destroy(net->routing);
  m4s_topology_destroy(net->topology);
}

// 10 Gb/s and 1 us, then 40 Gb/s and 2 us.
static void ideal_fct_should_be_as_by_hand(void **state) {
  (void)state;
  static const struct {
    int64_t size_bytes, ideal_ns;
  } cases[] = {
      {1, 3000 + 39 + 9},  // 49 bytes: 39.2 and 9.8 ns
      {1000, 3000 + 838 + 209},  // 1048 bytes: 838.4 and 209.6 ns
      {1001, 3000 + 838 + 209 + 0 + 38},  // 0.8 and 38.4 ns
      {3500, 3000 + 838 + 209 + 2000 + 3 * 38},
      {INT64_C(1000000000000), 3000 + 838 + 209 + INT64_C(799999999200) + INT64_C(999999999) * 38},
      {INT64_MAX, M4S_TIME_MAX_NS},
  };
  net_t net;
  ASSERT_OK(m4s_topology_parse("3 1 0 1 2 none\n2\n0 2 10Gbps 1000ns 0\n2 1 40Gbps 2000ns 0\n",
                               "t.txt", &net.topology));
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(ideal_of(&net, 0, 1, cases[i].size_bytes), cases[i].ideal_ns);
  }
  clear_net(&net);
}

// The public simulator's "nodes switches cables", then the ids of the switches, then cables, as a
// topology of ours.
static net_t read_net(const char *run) {
  char name[128];
  m4s_scanner_t scan;
  int64_t n[3];
  m4s_text_t text = {0};
  char *bytes = NULL;
  snprintf(name, sizeof name, "packet/m4/%s/topology.txt", run);
  ASSERT_OK(m4s_file_read(support_reference(name), 1 << 20, &bytes, NULL));
  ASSERT_OK(m4s_scanner_init(&scan, bytes, name));
  ASSERT_OK(m4s_scanner_next(&scan, "the counts"));
  for (int i = 0; i < 3; i++) {
    ASSERT_OK(m4s_scanner_int(&scan, i, "a count", 0, 1 << 20, &n[i]));
  }
  m4s_scanner_clear(&scan);
  ASSERT_OK(m4s_text_add(&text, "%d 1 0 %d %d none\n%s", (int)n[0], (int)n[1], (int)n[2],
                         strchr(bytes, '\n') + 1));
  net_t net;
  ASSERT_OK(m4s_topology_parse(text.bytes, name, &net.topology));
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  m4s_text_clear(&text);
  free(bytes);
  return net;
}

// Addresses are 0b00NN01 with the host's number in the middle.
static int32_t host_of(const m4s_scanner_t *scan, int i) {
  return (int32_t)((strtol(scan->words[i].text, NULL, 16) >> 8) & 0xffff);
}

// Lines: id, source, destination, ports, size, start, FCT, ideal FCT.
static size_t check_run(const char *run) {
  char name[128];
  m4s_scanner_t scan;
  char *bytes = NULL;
  net_t net = read_net(run);
  snprintf(name, sizeof name, "packet/m4/%s/fct.m4.txt", run);
  ASSERT_OK(m4s_file_read(support_reference(name), 1 << 20, &bytes, NULL));
  ASSERT_OK(m4s_scanner_init(&scan, bytes, name));
  size_t n = 0;
  for (const char *c = bytes; *c != '\0'; c++) {
    n += *c == '\n';
  }
  for (size_t i = 0; i < n; i++) {
    int64_t size_bytes;
    int64_t ideal_ns;
    ASSERT_OK(m4s_scanner_next(&scan, "a flow"));
    ASSERT_OK(m4s_scanner_int(&scan, 5, "size", 1, 1 << 30, &size_bytes));
    ASSERT_OK(m4s_scanner_int(&scan, 8, "ideal", 1, 1 << 30, &ideal_ns));
    assert_int_equal(ideal_of(&net, host_of(&scan, 1), host_of(&scan, 2), size_bytes), ideal_ns);
  }
  m4s_scanner_clear(&scan);
  free(bytes);
  clear_net(&net);
  return n;
}

static void ideal_fct_should_be_that_of_the_public_simulator(void **state) {
  (void)state;
  static const char *const runs[] = {"B_i2_100B_dctcp",        "B_i_1pkt_dctcp",
                                     "B_i3_10pkt_dctcp",       "B_ii_1MB_dctcp",
                                     "dctcp_os1_l70_poisson",  "dctcp_os2_l50_poisson",
                                     "dctcp_os4_l50_burst",    "hpcc_os2_l50_poisson",
                                     "timely_os2_l50_poisson", "B_vi_sameHost4x250KB_dctcp"};
  size_t n = 0;
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
    n += check_run(runs[i]);
  }
  assert_int_equal(n, 4 + 5 * 2000 + 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ideal_fct_should_be_as_by_hand),
      cmocka_unit_test(ideal_fct_should_be_that_of_the_public_simulator),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
