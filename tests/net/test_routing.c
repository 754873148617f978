// Paths and the facts of pairs.
#include "gray.h"

#include "net/routing.h"

// A topology with its routing.
typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
} net_t;

static net_t make_net(const char *text) {
  net_t net;
  ASSERT_OK(m4s_topology_parse(text, "t.txt", &net.topology));
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  return net;
}

static net_t make_gray(int n, int r) {
  char *text = gray_text(n, r);
  net_t net = make_net(text);
  free(text);
  return net;
}

static void clear_net(net_t *net) {
  m4s_routing_destroy(net->routing);
  m4s_topology_destroy(net->topology);
}

// The nodes of a path as "0 32 1".
static void assert_path(net_t *net, int32_t src, int32_t dst, const char *expected) {
  const int32_t *links;
  int32_t n;
  ASSERT_OK(m4s_routing_path(net->routing, src, dst, &links, &n));
  char text[512];
  int used = snprintf(text, sizeof text, "%d", src);
  for (int32_t i = 0; i < n; i++) {
    used += snprintf(text + used, sizeof text - (size_t)used, " %d",
                     net->topology->links[links[i]].dst);
  }
  assert_string_equal(text, expected);
}

static void assert_no_path(net_t *net, int32_t src, int32_t dst, const char *message) {
  const int32_t *links;
  int32_t n;
  m4s_pair_facts_t facts;
  ASSERT_REFUSES(m4s_routing_path(net->routing, src, dst, &links, &n), message);
  ASSERT_REFUSES(m4s_routing_pair_facts(net->routing, src, dst, &facts), message);
}

// --- the gray-failure network ---

static void gray_paths_should_be_two_two_and_four_links(void **state) {
  (void)state;
  net_t net = make_gray(10, 10);
  assert_path(&net, 0, 1, "0 32 1");
  assert_path(&net, 31, 24, "31 35 24");
  assert_path(&net, 0, 8, "0 36 8");
  assert_path(&net, 29, 5, "29 41 5");
  assert_path(&net, 7, 8, "7 43 44 36 8");
  assert_path(&net, 15, 16, "15 43 44 36 16");
  clear_net(&net);
}

static void gray_pairs_should_all_follow_the_rule(void **state) {
  (void)state;
  net_t net = make_gray(3, 4);
  for (int32_t src = 0; src < 32; src++) {
    for (int32_t dst = 0; dst < 32; dst++) {
      char expected[64];
      if (src == dst) {
        continue;
      }
      if (src / 8 == dst / 8) {
        snprintf(expected, sizeof expected, "%d %d %d", src, 32 + src / 8, dst);
      } else if (src % 8 == dst % 8) {
        snprintf(expected, sizeof expected, "%d %d %d", src, 36 + src % 8, dst);
      } else {
        snprintf(expected, sizeof expected, "%d %d 44 %d %d", src, 36 + src % 8, 36 + dst % 8, dst);
      }
      assert_path(&net, src, dst, expected);
    }
  }
  clear_net(&net);
}

static void assert_facts(net_t *net, int32_t src, int32_t dst, int64_t rtt_ns, int64_t gbps,
                         int32_t n_links) {
  m4s_pair_facts_t facts;
  ASSERT_OK(m4s_routing_pair_facts(net->routing, src, dst, &facts));
  assert_int_equal(facts.base_rtt_ns, rtt_ns);
  assert_int_equal(facts.bottleneck_bps, gbps * 1000000000);
  assert_int_equal(facts.n_links, n_links);
}

static void gray_pairs_should_have_the_published_facts(void **state) {
  (void)state;
  net_t healthy = make_gray(0, 1);
  assert_facts(&healthy, 0, 1, 106, 2400, 2);
  assert_facts(&healthy, 7, 8, 4080, 400, 4);
  assert_facts(&healthy, 0, 8, 2040, 400, 2);
  clear_net(&healthy);
  net_t quarter = make_gray(16, 4);
  assert_facts(&quarter, 0, 1, 126, 600, 2);
  assert_facts(&quarter, 7, 8, 4140, 100, 4);
  assert_facts(&quarter, 8, 23, 4140, 100, 4);
  clear_net(&quarter);
  net_t tenth = make_gray(16, 10);
  assert_facts(&tenth, 0, 1, 166, 240, 2);
  assert_facts(&tenth, 7, 8, 4260, 40, 4);
  assert_facts(&tenth, 8, 9, 106, 2400, 2);
  clear_net(&tenth);
}

static void base_rtts_should_count_the_packets_asked_for(void **state) {
  (void)state;
  net_t net = make_gray(16, 4);
  m4s_routing_set_packet_bytes(net.routing, 4000);
  assert_facts(&net, 7, 8, 4000 + 4 * 140, 100, 4);
  clear_net(&net);
}

static void ideal_fct_should_be_rtt_and_serialisation(void **state) {
  (void)state;
  const m4s_pair_facts_t facts = {
      .base_rtt_ns = 4260, .bottleneck_bps = INT64_C(40000000000), .n_links = 4};
  assert_int_equal(m4s_ideal_fct_ns(&facts, 0), 4260);
  assert_int_equal(m4s_ideal_fct_ns(&facts, 1), 4260);  // 0.2 ns
  assert_int_equal(m4s_ideal_fct_ns(&facts, 9), 4261);  // 1.8 ns
  assert_int_equal(m4s_ideal_fct_ns(&facts, 2097152), 4260 + 419430);
  // 1 PB: 8e9 times it passes 64 bits.
  assert_int_equal(m4s_ideal_fct_ns(&facts, INT64_C(1000000000000000)),
                   4260 + INT64_C(200000000000000));
}

// --- rules ---

// Host to host cables would be shorter, but only switches forward.
static void hosts_should_not_relay(void **state) {
  (void)state;
  net_t net = make_net(
      "7 1 0 3 7 A100\n4 5 6\n0 1 1Gbps 1us 0\n1 2 1Gbps 1us 0\n0 4 1Gbps 1us 0\n"
      "4 5 1Gbps 1us 0\n5 6 1Gbps 1us 0\n6 2 1Gbps 1us 0\n2 3 1Gbps 1us 0\n");
  assert_path(&net, 0, 2, "0 4 5 6 2");
  assert_path(&net, 2, 0, "2 6 5 4 0");
  assert_path(&net, 0, 1, "0 1");
  assert_path(&net, 2, 3, "2 3");
  assert_no_path(&net, 0, 3, "there is no path from GPU 0 to GPU 3");
  assert_no_path(&net, 3, 1, "there is no path from GPU 3 to GPU 1");
  clear_net(&net);
}

// A dual-homed host between two single-homed ones must not carry their traffic.
static void dual_homed_hosts_should_not_relay(void **state) {
  (void)state;
  net_t net = make_net(
      "5 1 0 2 4 A100\n3 4\n0 3 1Gbps 1us 0\n1 3 1Gbps 1us 0\n1 4 1Gbps 1us 0\n"
      "2 4 1Gbps 1us 0\n");
  assert_path(&net, 0, 1, "0 3 1");
  assert_path(&net, 1, 2, "1 4 2");
  assert_no_path(&net, 0, 2, "there is no path from GPU 0 to GPU 2");
  clear_net(&net);
}

static void pairs_should_be_two_gpus(void **state) {
  (void)state;
  net_t net = make_gray(2, 4);
  assert_no_path(&net, 3, 3, "no path from 3 to 3: GPUs are 0 to 31 and differ");
  assert_no_path(&net, 0, 32, "no path from 0 to 32: GPUs are 0 to 31 and differ");
  assert_no_path(&net, -1, 0, "no path from -1 to 0: GPUs are 0 to 31 and differ");
  clear_net(&net);
}

// Both also share a switch, whose cables come first, and a cable of their own.
static void common_nvswitch_should_win(void **state) {
  (void)state;
  net_t net = make_net(
      "4 2 1 1 5 A100\n3 2\n0 2 1Gbps 1us 0\n1 2 1Gbps 1us 0\n0 1 1Gbps 1us 0\n"
      "0 3 1Gbps 1us 0\n1 3 1Gbps 1us 0\n");
  assert_path(&net, 0, 1, "0 3 1");
  assert_path(&net, 1, 0, "1 3 0");
  clear_net(&net);
}

// Equal lengths through a switch (first in the file) and through an NVSwitch, in either direction
// and whatever the hash.
static void nvswitches_should_replace_other_next_hops(void **state) {
  (void)state;
  net_t net = make_net(
      "9 1 1 3 9 A100\n8 5 6 7\n0 5 1Gbps 1us 0\n1 5 1Gbps 1us 0\n2 5 1Gbps 1us 0\n"
      "5 7 1Gbps 1us 0\n0 8 1Gbps 1us 0\n1 8 1Gbps 1us 0\n2 8 1Gbps 1us 0\n8 7 1Gbps 1us 0\n"
      "7 3 1Gbps 1us 0\n");
  assert_path(&net, 0, 3, "0 8 7 3");
  assert_path(&net, 1, 3, "1 8 7 3");
  assert_path(&net, 2, 3, "2 8 7 3");
  assert_path(&net, 3, 2, "3 7 8 2");
  clear_net(&net);
}

// --- ECMP ---

// 32-bit murmur3 of whole words, from its publication; checked below.
static uint32_t murmur3(const unsigned char *bytes, uint32_t n_bytes, uint32_t seed) {
  uint32_t h = seed;
  for (uint32_t at = 0; at + 4 <= n_bytes; at += 4) {
    uint32_t k = (uint32_t)bytes[at] | (uint32_t)bytes[at + 1] << 8 |
                 (uint32_t)bytes[at + 2] << 16 | (uint32_t)bytes[at + 3] << 24;
    k *= 0xcc9e2d51U;
    k = (k << 15) | (k >> 17);
    k *= 0x1b873593U;
    h ^= k;
    h = (h << 13) | (h >> 19);
    h = h * 5 + 0xe6546b64U;
  }
  h ^= n_bytes;
  h ^= h >> 16;
  h *= 0x85ebca6bU;
  h ^= h >> 13;
  h *= 0xc2b2ae35U;
  h ^= h >> 16;
  return h;
}

static void put_word(unsigned char *bytes, uint32_t word) {
  for (int i = 0; i < 4; i++) {
    bytes[i] = (unsigned char)(word >> (8 * i));
  }
}

// 10.(id >> 8).(id & 255).1
static uint32_t ip_of(int32_t id) {
  uint32_t octets[] = {10, (uint32_t)id / 256, (uint32_t)id % 256, 1};
  return octets[0] * 16777216U + octets[1] * 65536U + octets[2] * 256U + octets[3];
}

static uint32_t pair_hash(int32_t src, int32_t dst) {
  unsigned char key[12];
  put_word(key, ip_of(src));
  put_word(key + 4, ip_of(dst));
  put_word(key + 8, 10006U + 100U * 65536U);
  return murmur3(key, sizeof key, ip_of(src));
}

static void test_hash_should_be_murmur3(void **state) {
  (void)state;
  assert_true(murmur3((const unsigned char *)"", 0, 0) == 0);
  assert_true(murmur3((const unsigned char *)"", 0, 1) == 0x514e28b7U);
  assert_true(murmur3((const unsigned char *)"test", 4, 0) == 0xba6bd213U);
  assert_true(murmur3((const unsigned char *)"aaaa", 4, 0x9747b28cU) == 0x5a97808aU);
}

// 300 hosts on each of two leaves, two spines. The search from a host of the second leaf meets
// spine 603 before 602, since the leaf's cables stand so; from the first it is the other way round.
static net_t make_two_spines(void) {
  char *text = NULL;
  size_t n = 0;
  FILE *stream = open_memstream(&text, &n);
  fprintf(stream, "604 1 0 4 604 A100\n600 601 602 603\n");
  fprintf(stream, "601 603 1Gbps 1us 0\n600 602 1Gbps 1us 0\n");
  for (int host = 0; host < 600; host++) {
    fprintf(stream, "%d %d 1Gbps 1us 0\n", host, 600 + host / 300);
  }
  fprintf(stream, "600 603 1Gbps 1us 0\n601 602 1Gbps 1us 0\n");
  fclose(stream);
  net_t net = make_net(text);
  free(text);
  return net;
}

static void ecmp_should_choose_by_the_hash_of_the_pair(void **state) {
  (void)state;
  net_t net = make_two_spines();
  int n_by_spine[2] = {0};
  uint64_t random = 9;
  for (int i = 0; i < 3000; i++) {
    int32_t a = (int32_t)support_random_below(&random, 300);
    int32_t b = 300 + (int32_t)support_random_below(&random, 300);
    uint32_t there = pair_hash(a, b) % 2;
    uint32_t back = pair_hash(b, a) % 2;
    char expected[64];
    snprintf(expected, sizeof expected, "%d 600 %d 601 %d", a, there == 0 ? 603 : 602, b);
    assert_path(&net, a, b, expected);
    snprintf(expected, sizeof expected, "%d 601 %d 600 %d", b, back == 0 ? 602 : 603, a);
    assert_path(&net, b, a, expected);
    n_by_spine[there]++;
  }
  // Binomial with p = 1/2: six standard deviations are 164.
  assert_true(n_by_spine[0] > 1500 - 164 && n_by_spine[0] < 1500 + 164);
  clear_net(&net);
}

// --- any graph ---

enum { FAR = 1 << 20 };

// Least number of links from src to every node, hosts not relaying; plain relaxation.
static void distances_from(const m4s_topology_t *topology, int32_t src, int32_t *distances) {
  for (int32_t v = 0; v < topology->n_nodes; v++) {
    distances[v] = v == src ? 0 : FAR;
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (int32_t i = 0; i < topology->n_links; i++) {
      const m4s_link_t *link = &topology->links[i];
      bool forwards = link->src == src || link->src >= topology->n_hosts;
      if (forwards && distances[link->src] + 1 < distances[link->dst]) {
        distances[link->dst] = distances[link->src] + 1;
        changed = true;
      }
    }
  }
}

static bool share_nvswitch(const m4s_topology_t *topology, int32_t a, int32_t b) {
  for (int32_t v = topology->n_hosts; v < topology->n_nodes; v++) {
    if (topology->kinds[v] == M4S_NODE_NVSWITCH && m4s_topology_find_link(topology, a, v) >= 0 &&
        m4s_topology_find_link(topology, v, b) >= 0) {
      return true;
    }
  }
  return false;
}

static void assert_joined(const m4s_topology_t *topology, int32_t src, int32_t dst,
                          const int32_t *links, int32_t n) {
  int32_t at = src;
  for (int32_t i = 0; i < n; i++) {
    const m4s_link_t *link = &topology->links[links[i]];
    assert_int_equal(link->src, at);
    at = link->dst;
    if (i + 1 < n) {
      assert_true(topology->kinds[at] != M4S_NODE_HOST);
    }
  }
  assert_int_equal(at, dst);
}

// Every pair has a path of the right length that joins, or none where there is none.
static void assert_paths_right(net_t *net) {
  const m4s_topology_t *topology = net->topology;
  int32_t *distances = calloc((size_t)topology->n_nodes, sizeof *distances);
  for (int32_t src = 0; src < topology->n_hosts; src++) {
    distances_from(topology, src, distances);
    for (int32_t dst = 0; dst < topology->n_hosts; dst++) {
      const int32_t *links;
      int32_t n;
      m4s_pair_facts_t facts;
      if (src == dst) {
        continue;
      }
      m4s_status_t status = m4s_routing_path(net->routing, src, dst, &links, &n);
      assert_int_equal(status, distances[dst] == FAR ? M4S_ERR_INPUT : M4S_OK);
      assert_int_equal(m4s_routing_pair_facts(net->routing, src, dst, &facts), status);
      if (status == M4S_OK) {
        assert_joined(topology, src, dst, links, n);
        assert_int_equal(n, share_nvswitch(topology, src, dst) ? 2 : distances[dst]);
        assert_int_equal(facts.n_links, n);
      }
    }
  }
  free(distances);
}

// What is found for all hosts towards one is what is found for each pair.
static void assert_facts_towards_right(net_t *net) {
  const m4s_topology_t *topology = net->topology;
  m4s_pair_facts_t *towards = calloc((size_t)topology->n_nodes, sizeof *towards);
  for (int32_t dst = 0; dst < topology->n_hosts; dst++) {
    ASSERT_OK(m4s_routing_facts_towards(net->routing, dst, towards));
    for (int32_t src = 0; src < topology->n_hosts; src++) {
      m4s_pair_facts_t facts;
      if (src == dst || m4s_routing_pair_facts(net->routing, src, dst, &facts) != M4S_OK) {
        assert_int_equal(towards[src].n_links, 0);
        continue;
      }
      assert_int_equal(towards[src].n_links, facts.n_links);
      assert_int_equal(towards[src].base_rtt_ns, facts.base_rtt_ns);
      assert_int_equal(towards[src].propagation_rtt_ns, facts.propagation_rtt_ns);
      assert_int_equal(towards[src].bottleneck_bps, facts.bottleneck_bps);
    }
  }
  free(towards);
}

// 4 racks of 4 single-homed hosts, 3 spines: hosts of a rack share a tree.
static void clos_paths_should_be_right_for_all_pairs(void **state) {
  (void)state;
  m4s_cable_t cables[16 + 12];
  int32_t forwarders[7];
  int32_t n = 0;
  for (int32_t host = 0; host < 16; host++) {
    cables[n++] = (m4s_cable_t){host, 16 + host / 4, 1000, 1, 0};
  }
  for (int32_t leaf = 0; leaf < 4; leaf++) {
    for (int32_t spine = 0; spine < 3; spine++) {
      cables[n++] = (m4s_cable_t){16 + leaf, 20 + (spine + leaf) % 3, 1000, 1, 0};
    }
  }
  for (int32_t i = 0; i < 7; i++) {
    forwarders[i] = 16 + i;
  }
  const m4s_topology_parts_t parts = {.n_nodes = 23,
                                      .n_switches = 7,
                                      .gpus_per_server = 1,
                                      .gpu_type = "A100",
                                      .forwarders = forwarders,
                                      .n_cables = n,
                                      .cables = cables};
  net_t net;
  ASSERT_OK(m4s_topology_create(&parts, "clos", &net.topology));
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  assert_paths_right(&net);
  assert_facts_towards_right(&net);
  clear_net(&net);
}

// Sparse and dense, hosts with any number of cables (also to each other), parts without connection.
static net_t make_random_net(uint64_t *random) {
  int32_t n_hosts = 2 + (int32_t)support_random_below(random, 10);
  int32_t n_nvswitches = (int32_t)support_random_below(random, 4);
  int32_t n_switches = (int32_t)support_random_below(random, 7);
  int32_t n_nodes = n_hosts + n_nvswitches + n_switches;
  int64_t density = 1 + support_random_below(random, 5);
  m4s_cable_t cables[300];
  int32_t forwarders[16];
  int32_t n = 0;
  for (int32_t a = 0; a < n_nodes; a++) {
    for (int32_t b = a + 1; b < n_nodes; b++) {
      if (support_random_below(random, 10) < density) {
        bool turned = support_random_below(random, 2) == 0;
        int64_t bps = 1000 * (1 + support_random_below(random, 4));
        int64_t delay_ns = support_random_below(random, 4);
        cables[n++] = (m4s_cable_t){turned ? b : a, turned ? a : b, bps, delay_ns, 0};
      }
    }
  }
  for (int32_t i = n - 1; i > 0; i--) {
    int64_t j = support_random_below(random, i + 1);
    m4s_cable_t kept = cables[i];
    cables[i] = cables[j];
    cables[j] = kept;
  }
  for (int32_t i = 0; i < n_nvswitches + n_switches; i++) {
    forwarders[i] = n_hosts + i;
  }
  const m4s_topology_parts_t parts = {.n_nodes = n_nodes,
                                      .n_nvswitches = n_nvswitches,
                                      .n_switches = n_switches,
                                      .gpus_per_server = 1,
                                      .gpu_type = "A100",
                                      .forwarders = forwarders,
                                      .n_cables = n,
                                      .cables = cables};
  net_t net;
  ASSERT_OK(m4s_topology_create(&parts, "random", &net.topology));
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  return net;
}

static void random_paths_should_be_right_for_all_pairs(void **state) {
  (void)state;
  uint64_t random = 2024;
  for (int round = 0; round < 400; round++) {
    net_t net = make_random_net(&random);
    assert_paths_right(&net);
    assert_facts_towards_right(&net);
    clear_net(&net);
  }
}

// Asked in another order, and asked again, paths are the same.
static void paths_should_not_depend_on_the_order_of_questions(void **state) {
  (void)state;
  net_t forward = make_two_spines();
  net_t backward = make_two_spines();
  for (int32_t i = 0; i < 600; i++) {
    const int32_t *links;
    int32_t n;
    int32_t src = 599 - i;
    ASSERT_OK(m4s_routing_path(backward.routing, src, (src + 300) % 600, &links, &n));
  }
  for (int32_t src = 0; src < 600; src++) {
    const int32_t *first;
    const int32_t *again;
    const int32_t *other;
    int32_t n;
    int32_t m;
    int32_t dst = (src + 300) % 600;
    ASSERT_OK(m4s_routing_path(forward.routing, src, dst, &first, &n));
    ASSERT_OK(m4s_routing_path(backward.routing, src, dst, &other, &m));
    assert_int_equal(n, m);
    assert_memory_equal(first, other, (size_t)n * sizeof *first);
    ASSERT_OK(m4s_routing_path(forward.routing, src, dst, &again, &n));
    assert_ptr_equal(first, again);
  }
  clear_net(&forward);
  clear_net(&backward);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gray_paths_should_be_two_two_and_four_links),
      cmocka_unit_test(gray_pairs_should_all_follow_the_rule),
      cmocka_unit_test(gray_pairs_should_have_the_published_facts),
      cmocka_unit_test(base_rtts_should_count_the_packets_asked_for),
      cmocka_unit_test(ideal_fct_should_be_rtt_and_serialisation),
      cmocka_unit_test(hosts_should_not_relay),
      cmocka_unit_test(dual_homed_hosts_should_not_relay),
      cmocka_unit_test(pairs_should_be_two_gpus),
      cmocka_unit_test(common_nvswitch_should_win),
      cmocka_unit_test(nvswitches_should_replace_other_next_hops),
      cmocka_unit_test(test_hash_should_be_murmur3),
      cmocka_unit_test(ecmp_should_choose_by_the_hash_of_the_pair),
      cmocka_unit_test(clos_paths_should_be_right_for_all_pairs),
      cmocka_unit_test(random_paths_should_be_right_for_all_pairs),
      cmocka_unit_test(paths_should_not_depend_on_the_order_of_questions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
