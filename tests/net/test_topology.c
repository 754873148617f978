// Topology files: every field read and written, every refusal with its place; graphs from parts.
#include "gray.h"

#include "core/text.h"
#include "net/topology.h"

static const char mixed[] =
    "7 2 1 2 6 H100\n"
    "5 6 4\n"
    "0 5 2400Gbps 0.000025ms 0\n"
    "5 1 33.333333333Gbps 500ns 0.001\n"
    "6 2 9600bps 1us 1e-9\n"
    "3 6 1.5Tbps 0s 1\n"
    "4 6 400Gbps 2s 0.5\n"
    "0 4 100Mbps 3ms 0.1\n";

static m4s_topology_t *parse(const char *text) {
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_parse(text, "t.txt", &topology));
  return topology;
}

static void assert_refused(const char *text, const char *message) {
  m4s_topology_t *topology = NULL;
  ASSERT_REFUSES(m4s_topology_parse(text, "t.txt", &topology), message);
  assert_null(topology);
}

static void assert_mixed(const m4s_topology_t *topology) {
  assert_int_equal(topology->n_nodes, 7);
  assert_int_equal(topology->n_hosts, 4);
  assert_int_equal(topology->n_nvswitches, 1);
  assert_int_equal(topology->n_switches, 2);
  assert_int_equal(topology->gpus_per_server, 2);
  assert_string_equal(topology->gpu_type, "H100");
  static const m4s_node_kind_t kinds[] = {M4S_NODE_HOST,  M4S_NODE_HOST,   M4S_NODE_HOST,
                                          M4S_NODE_HOST,  M4S_NODE_SWITCH, M4S_NODE_NVSWITCH,
                                          M4S_NODE_SWITCH};
  for (int v = 0; v < 7; v++) {
    assert_int_equal(topology->kinds[v], kinds[v]);
  }
  static const int32_t forwarders[] = {5, 6, 4};
  assert_memory_equal(topology->forwarders, forwarders, sizeof forwarders);
  static const m4s_cable_t cables[] = {{0, 5, INT64_C(2400000000000), 25, 0},
                                       {5, 1, INT64_C(33333333333), 500, 0.001},
                                       {6, 2, 9600, 1000, 1e-9},
                                       {3, 6, INT64_C(1500000000000), 0, 1},
                                       {4, 6, INT64_C(400000000000), 2000000000, 0.5},
                                       {0, 4, 100000000, 3000000, 0.1}};
  assert_int_equal(topology->n_cables, 6);
  for (int i = 0; i < 6; i++) {
    assert_int_equal(topology->cables[i].src, cables[i].src);
    assert_int_equal(topology->cables[i].dst, cables[i].dst);
    assert_int_equal(topology->cables[i].bandwidth_bps, cables[i].bandwidth_bps);
    assert_int_equal(topology->cables[i].delay_ns, cables[i].delay_ns);
    assert_true(topology->cables[i].error_rate == cables[i].error_rate);
  }
}

static void topology_should_keep_every_field(void **state) {
  (void)state;
  m4s_topology_t *topology = parse(mixed);
  assert_mixed(topology);
  m4s_topology_destroy(topology);
}

static void topology_should_survive_writing(void **state) {
  (void)state;
  m4s_topology_t *topology = parse(mixed);
  ASSERT_OK(m4s_topology_write(topology, support_path("a.txt")));
  m4s_topology_destroy(topology);
  ASSERT_OK(m4s_topology_read(support_path("a.txt"), &topology));
  assert_mixed(topology);
  ASSERT_OK(m4s_topology_write(topology, support_path("b.txt")));
  m4s_topology_destroy(topology);
  char *a = support_read("a.txt", NULL);
  char *b = support_read("b.txt", NULL);
  assert_string_equal(a, b);
  free(a);
  free(b);
}

static void topology_should_be_written_in_the_hpcc_format(void **state) {
  (void)state;
  m4s_topology_t *topology = parse(
      "5 2 1 1 4 A100\n4 3\n0 3 10Gbps 1000ns 0\n1 3 10Gbps 1us 0\n"
      "2 4 25Gb/s 0.001ms 0\n3 4 40Gbps 500ns 0.5\n");
  ASSERT_OK(m4s_topology_write_hpcc(topology, support_path("h.txt")));
  m4s_topology_destroy(topology);
  char *text = support_read("h.txt", NULL);
  assert_string_equal(text,
                      "5 2 4\n4 3\n0 3 10Gbps 0.001ms 0\n1 3 10Gbps 0.001ms 0\n"
                      "2 4 25Gbps 0.001ms 0\n3 4 40Gbps 0.0005ms 0.5\n");
  free(text);
}

static void topology_should_read_crlf_and_blanks(void **state) {
  (void)state;
  m4s_text_t text = {0};
  for (const char *c = mixed; *c != '\0'; c++) {
    ASSERT_OK(m4s_text_add(&text, *c == '\n' ? "\r\n" : *c == ' ' ? " \t " : "%c", *c));
  }
  m4s_topology_t *topology = parse(text.bytes);
  assert_mixed(topology);
  m4s_topology_destroy(topology);
  m4s_text_clear(&text);
}

static void topology_should_read_the_hpcc_format(void **state) {
  (void)state;
  m4s_topology_t *topology = parse(
      "5 2 4\n4 3\n0 3 10Gbps 1000ns 0\n1 3 10Gbps 1us 0\n"
      "2 4 25Gb/s 0.001ms 0\n3 4 40Gbps 500ns 0.5\n");
  assert_int_equal(topology->n_hosts, 3);
  assert_int_equal(topology->n_switches, 2);
  assert_int_equal(topology->n_nvswitches, 0);
  assert_int_equal(topology->gpus_per_server, 1);
  assert_string_equal(topology->gpu_type, "host");
  assert_int_equal(topology->kinds[3], M4S_NODE_SWITCH);
  assert_int_equal(topology->n_cables, 4);
  assert_int_equal(topology->cables[2].bandwidth_bps, INT64_C(25000000000));
  assert_int_equal(topology->cables[2].delay_ns, 1000);
  assert_true(topology->cables[3].error_rate == 0.5);
  m4s_topology_destroy(topology);
}

// Each cable is two links; links are sorted; a node's links stand in the order of the file.
static void links_should_be_sorted_and_adjacency_in_order(void **state) {
  (void)state;
  m4s_topology_t *topology = parse(mixed);
  assert_int_equal(topology->n_links, 12);
  for (int32_t i = 0; i < 12; i++) {
    const m4s_link_t *link = &topology->links[i];
    assert_int_equal(m4s_topology_find_link(topology, link->src, link->dst), i);
    assert_true(m4s_topology_find_link(topology, link->dst, link->src) >= 0);
    if (i > 0) {
      assert_true(link->src > link[-1].src ||
                  (link->src == link[-1].src && link->dst > link[-1].dst));
    }
  }
  assert_int_equal(m4s_topology_find_link(topology, 0, 6), -1);
  assert_int_equal(m4s_topology_find_link(topology, 1, 1), -1);
  const m4s_link_t *back = &topology->links[m4s_topology_find_link(topology, 5, 0)];
  assert_int_equal(back->bandwidth_bps, INT64_C(2400000000000));
  assert_int_equal(back->delay_ns, 25);
  static const int32_t neighbours_of_6[] = {2, 3, 4};
  static const int32_t neighbours_of_0[] = {5, 4};
  assert_int_equal(topology->adjacency_start[7] - topology->adjacency_start[6], 3);
  assert_int_equal(topology->adjacency_start[1] - topology->adjacency_start[0], 2);
  for (int i = 0; i < 3; i++) {
    const int32_t *adjacency = topology->adjacency + topology->adjacency_start[6];
    assert_int_equal(topology->links[adjacency[i]].dst, neighbours_of_6[i]);
    assert_int_equal(topology->links[adjacency[i]].src, 6);
  }
  for (int i = 0; i < 2; i++) {
    const int32_t *adjacency = topology->adjacency + topology->adjacency_start[0];
    assert_int_equal(topology->links[adjacency[i]].dst, neighbours_of_0[i]);
  }
  m4s_topology_destroy(topology);
}

// Bandwidths, delays and error rates of any size come back as they were.
static void random_topologies_should_survive_writing(void **state) {
  (void)state;
  uint64_t random = 11;
  for (int round = 0; round < 50; round++) {
    m4s_cable_t cables[20];
    for (int32_t i = 0; i < 20; i++) {
      cables[i] = (m4s_cable_t){
          .src = i,
          .dst = 20,
          .bandwidth_bps =
              1 + support_random_below(&random, i % 2 == 0 ? 1000000 : INT64_C(1000000000000000)),
          .delay_ns = support_random_below(&random, i % 3 == 0 ? 2000 : INT64_C(1000000000000)),
          .error_rate = (double)support_random_below(&random, 1 << 30) / (double)(1 << 30)};
      if (i % 4 == 0) {
        cables[i].bandwidth_bps = (1 + cables[i].bandwidth_bps % 5000) * INT64_C(1000000000);
      }
    }
    const int32_t forwarder = 20;
    const m4s_topology_parts_t parts = {.n_nodes = 21,
                                        .n_switches = 1,
                                        .gpus_per_server = 4,
                                        .gpu_type = "X",
                                        .forwarders = &forwarder,
                                        .n_cables = 20,
                                        .cables = cables};
    m4s_topology_t *topology = NULL;
    ASSERT_OK(m4s_topology_create(&parts, "test", &topology));
    ASSERT_OK(m4s_topology_write(topology, support_path("r.txt")));
    m4s_topology_destroy(topology);
    ASSERT_OK(m4s_topology_read(support_path("r.txt"), &topology));
    for (int i = 0; i < 20; i++) {
      assert_int_equal(topology->cables[i].bandwidth_bps, cables[i].bandwidth_bps);
      assert_int_equal(topology->cables[i].delay_ns, cables[i].delay_ns);
      assert_true(topology->cables[i].error_rate == cables[i].error_rate);
    }
    m4s_topology_destroy(topology);
  }
}

#define HEAD_WORDS \
  "nodes gpus_per_server nvswitches switches cables gpu_type (of SimAI), or nodes switches " \
  "cables " \
  "(of HPCC)"
#define CABLE_WORDS "a cable: src dst bandwidth delay error_rate"

static void head_should_be_checked(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "t.txt:1: ends where " HEAD_WORDS " should stand"},
      {"\n\r\n", "t.txt:3: ends where " HEAD_WORDS " should stand"},
      {"3 1 0 1 2\n", "t.txt:1: 5 words, needed: " HEAD_WORDS},
      {"3 1 0 1 2 A100 x\n", "t.txt:1: 7 words, needed: " HEAD_WORDS},
      {"nan 1 0 1 2 A\n", "t.txt:1:1: number of nodes \"nan\" is not a whole number"},
      {"3.0 1 0 1 2 A\n", "t.txt:1:1: number of nodes \"3.0\" is not a whole number"},
      {"0 1 0 1 2 A\n",
       "t.txt:1:1: number of nodes \"0\" is outside 1 to 1048576 (nearest valid: 1)"},
      {"-3 1 0 1 2 A\n",
       "t.txt:1:1: number of nodes \"-3\" is outside 1 to 1048576 (nearest valid: 1)"},
      {"1e9 1 0 1 2 A\n", "t.txt:1:1: number of nodes \"1e9\" is not a whole number"},
      {"99999999999999999999 1 0 1 2 A\n",
       "t.txt:1:1: number of nodes \"99999999999999999999\" is not a whole number"},
      {"2000000000 1 0 1 2 A\n",
       "t.txt:1:1: number of nodes \"2000000000\" is outside 1 to 1048576 (nearest valid: "
       "1048576)"},
      {"3 0 0 1 2 A\n",
       "t.txt:1:3: GPUs per server \"0\" is outside 1 to 1048576 (nearest valid: 1)"},
      {"3 1 3 0 2 A\n",
       "t.txt:1:5: number of NVSwitches \"3\" is outside 0 to 2 (nearest valid: 2)"},
      {"3 1 1 2 2 A\n", "t.txt:1:7: number of switches \"2\" is outside 0 to 1 (nearest valid: 1)"},
      {"3 1 0 1 -1 A\n",
       "t.txt:1:9: number of cables \"-1\" is outside 0 to 16777216 (nearest valid: 0)"},
      {"3 1 0 1 x A\n", "t.txt:1:9: number of cables \"x\" is not a whole number"},
      {"0 1 2\n", "t.txt:1:1: number of nodes \"0\" is outside 1 to 1048576 (nearest valid: 1)"},
      {"3 3 2\n", "t.txt:1:3: number of switches \"3\" is outside 0 to 2 (nearest valid: 2)"},
      {"3 1 -1\n",
       "t.txt:1:5: number of cables \"-1\" is outside 0 to 16777216 (nearest valid: 0)"},
      {"3 1 2\n0\n", "t.txt:2:1: switch id \"0\" is outside 2 to 2 (nearest valid: 2)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_refused(cases[i].text, cases[i].message);
  }
}

static void switch_ids_should_be_checked(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"5 1 1 1 0 A\n", "t.txt:2: ends where the ids of NVSwitches and switches should stand"},
      {"5 1 1 1 0 A\n3\n",
       "t.txt:2: 1 word, needed: as many ids as line 1 counts NVSwitches and switches"},
      {"5 1 1 1 0 A\n3 4 5\n",
       "t.txt:2: 3 words, needed: as many ids as line 1 counts NVSwitches and switches"},
      {"5 1 1 1 0 A\n3 5\n", "t.txt:2:3: switch id \"5\" is outside 3 to 4 (nearest valid: 4)"},
      {"5 1 1 1 0 A\n2 4\n", "t.txt:2:1: switch id \"2\" is outside 3 to 4 (nearest valid: 3)"},
      {"5 1 1 1 0 A\n4 4\n", "t.txt:2:3: switch id \"4\" is listed twice"},
      {"5 1 1 1 0 A\n3 a\n", "t.txt:2:3: switch id \"a\" is not a whole number"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_refused(cases[i].text, cases[i].message);
  }
}

// A file with two good cables and this third one.
static void assert_cable_refused(const char *cable, const char *message) {
  char text[512];
  snprintf(text, sizeof text,
           "4 1 0 1 3 A100\n3\n0 3 400Gbps 0.0005ms 0\n1 3 400Gbps 0.0005ms 0\n%s\n", cable);
  assert_refused(text, message);
}

static void cables_should_be_checked(void **state) {
  (void)state;
  static const struct {
    const char *cable, *message;
  } cases[] = {
      {"2 3 400Gbps 0.0005ms", "t.txt:5: 4 words, needed: " CABLE_WORDS},
      {"2 3 400Gbps 0.0005ms 0 0", "t.txt:5: 6 words, needed: " CABLE_WORDS},
      {"4 3 400Gbps 0.0005ms 0", "t.txt:5:1: node \"4\" is outside 0 to 3 (nearest valid: 3)"},
      {"2 -1 400Gbps 0.0005ms 0", "t.txt:5:3: node \"-1\" is outside 0 to 3 (nearest valid: 0)"},
      {"two 3 400Gbps 0.0005ms 0", "t.txt:5:1: node \"two\" is not a whole number"},
      {"2 2 400Gbps 0.0005ms 0", "t.txt:5:3: node \"2\" is joined to itself"},
      {"2 3 0Gbps 0.0005ms 0",
       "t.txt:5:5: bandwidth \"0Gbps\" is not a positive bandwidth such as 400Gbps"},
      {"2 3 -400Gbps 0.0005ms 0",
       "t.txt:5:5: bandwidth \"-400Gbps\" is not a positive bandwidth such as 400Gbps"},
      {"2 3 nanGbps 0.0005ms 0",
       "t.txt:5:5: bandwidth \"nanGbps\" is not a positive bandwidth such as 400Gbps"},
      {"2 3 1e300Gbps 0.0005ms 0",
       "t.txt:5:5: bandwidth \"1e300Gbps\" is not a positive bandwidth such as 400Gbps"},
      {"2 3 400 0.0005ms 0",
       "t.txt:5:5: bandwidth \"400\" is not a positive bandwidth such as 400Gbps"},
      {"2 3 400Gbps 0.0005 0",
       "t.txt:5:13: delay \"0.0005\" is not a whole number of ns, such as 0.0005ms or 500ns"},
      {"2 3 400Gbps -1ms 0",
       "t.txt:5:13: delay \"-1ms\" is not a whole number of ns, such as 0.0005ms or 500ns"},
      {"2 3 400Gbps nanms 0",
       "t.txt:5:13: delay \"nanms\" is not a whole number of ns, such as 0.0005ms or 500ns"},
      {"2 3 400Gbps 0.0005ms nan", "t.txt:5:22: error rate \"nan\" is not a number of 0 to 1"},
      {"2 3 400Gbps 0.0005ms -0.1", "t.txt:5:22: error rate \"-0.1\" is not a number of 0 to 1"},
      {"2 3 400Gbps 0.0005ms 1.1", "t.txt:5:22: error rate \"1.1\" is not a number of 0 to 1"},
      {"0 3 400Gbps 0.0005ms 0", "t.txt:5: nodes 0 and 3 are joined already in line 3"},
      {"3 1 100Gbps 1ms 0.5", "t.txt:5: nodes 1 and 3 are joined already in line 4"},
      {"", "t.txt:6: ends where " CABLE_WORDS " should stand"},
      {"2 3 400Gbps 0.0005ms 0\n2 1 400Gbps 0.0005ms 0",
       "t.txt:6:1: line \"2\" stands after the last line of those counted above"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_cable_refused(cases[i].cable, cases[i].message);
  }
}

// A count that no file can hold is refused by what is missing, without memory for it.
static void huge_counts_should_not_cost_memory(void **state) {
  (void)state;
  assert_refused("1048576 8 0 1 16777216 A100\n1048575\n0 1048575 1Gbps 1ns 0\n",
                 "t.txt:4: ends where " CABLE_WORDS " should stand");
}

// However a file is cut, it is refused: only the last newline may miss.
static void truncated_files_should_be_refused(void **state) {
  (void)state;
  char *text = gray_text(10, 10);
  for (size_t n = strlen(text) - 2; n > 0; n -= n > 400 && n < 2000 ? 7 : 1) {
    text[n] = '\0';
    m4s_topology_t *topology = NULL;
    assert_int_equal(m4s_topology_parse(text, "t.txt", &topology), M4S_ERR_INPUT);
    assert_int_equal(strncmp(m4s_last_error(), "t.txt:", 6), 0);
    assert_null(topology);
  }
  free(text);
}

static void reading_should_refuse_folders_and_binaries(void **state) {
  (void)state;
  m4s_topology_t *topology = NULL;
  char message[256];
  snprintf(message, sizeof message, "%s: is a folder, a file is needed", support_folder);
  ASSERT_REFUSES(m4s_topology_read(support_folder, &topology), message);
  assert_int_equal(m4s_topology_read(support_path("missing.txt"), &topology), M4S_ERR_INPUT);
  ASSERT_OK(m4s_file_write(support_path("zero.txt"), mixed, sizeof mixed));
  assert_int_equal(m4s_topology_read(support_path("zero.txt"), &topology), M4S_ERR_INPUT);
  assert_null(topology);
}

static void writing_should_name_an_unwritable_path(void **state) {
  (void)state;
  m4s_topology_t *topology = parse(mixed);
  assert_int_equal(m4s_topology_write(topology, support_path("none/t.txt")), M4S_ERR_IO);
  m4s_topology_destroy(topology);
}

// Two hosts and a switch, with these cables.
static m4s_status_t create(const m4s_cable_t *cables, int32_t n_cables, const int32_t *forwarders) {
  const m4s_topology_parts_t parts = {.n_nodes = 3,
                                      .n_switches = 1,
                                      .gpus_per_server = 1,
                                      .gpu_type = "A100",
                                      .forwarders = forwarders,
                                      .n_cables = n_cables,
                                      .cables = cables};
  m4s_topology_t *topology = NULL;
  m4s_status_t status = m4s_topology_create(&parts, "parts", &topology);
  assert_true((status == M4S_OK) == (topology != NULL));
  m4s_topology_destroy(topology);
  return status;
}

static void parts_should_be_checked(void **state) {
  (void)state;
  const int32_t forwarder = 2;
  const int32_t host = 1;
  const m4s_cable_t good = {0, 2, 1000, 5, 0};
  const m4s_cable_t to_nowhere = {0, 3, 1000, 5, 0};
  const m4s_cable_t to_itself = {1, 1, 1000, 5, 0};
  const m4s_cable_t no_bandwidth = {0, 2, 0, 5, 0};
  const m4s_cable_t early = {0, 2, 1000, -1, 0};
  const m4s_cable_t twice[] = {{0, 2, 1000, 5, 0}, {2, 0, 1000, 5, 0}};
  ASSERT_OK(create(&good, 1, &forwarder));
  ASSERT_OK(create(NULL, 0, &forwarder));
  ASSERT_REFUSES(create(&to_nowhere, 1, &forwarder),
                 "parts: cable 0 joins 0 and 3, nodes are 0 to 2");
  ASSERT_REFUSES(create(&to_itself, 1, &forwarder), "parts: cable 0 joins node 1 to itself");
  ASSERT_REFUSES(create(&no_bandwidth, 1, &forwarder),
                 "parts: cable 0 (0 2) needs a positive bandwidth and no negative delay");
  ASSERT_REFUSES(create(&early, 1, &forwarder),
                 "parts: cable 0 (0 2) needs a positive bandwidth and no negative delay");
  ASSERT_REFUSES(create(twice, 2, &forwarder), "parts: nodes 0 and 2 are joined twice");
  ASSERT_REFUSES(create(&good, 1, &host), "parts: switch 1 is outside 2 to 2 (GPUs come first)");
}

static void destroy_should_take_null(void **state) {
  (void)state;
  m4s_topology_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(topology_should_keep_every_field),
      cmocka_unit_test(topology_should_survive_writing),
      cmocka_unit_test(topology_should_be_written_in_the_hpcc_format),
      cmocka_unit_test(topology_should_read_crlf_and_blanks),
      cmocka_unit_test(topology_should_read_the_hpcc_format),
      cmocka_unit_test(links_should_be_sorted_and_adjacency_in_order),
      cmocka_unit_test(random_topologies_should_survive_writing),
      cmocka_unit_test(head_should_be_checked),
      cmocka_unit_test(switch_ids_should_be_checked),
      cmocka_unit_test(cables_should_be_checked),
      cmocka_unit_test(huge_counts_should_not_cost_memory),
      cmocka_unit_test(truncated_files_should_be_refused),
      cmocka_unit_test(reading_should_refuse_folders_and_binaries),
      cmocka_unit_test(writing_should_name_an_unwritable_path),
      cmocka_unit_test(parts_should_be_checked),
      cmocka_unit_test(destroy_should_take_null),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
