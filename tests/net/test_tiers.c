// Tiers of nodes and names of links.
#include "gray.h"

#include "net/tiers.h"

// Hosts 0 to 3, NVSwitch 4 at 0 and 1, switches 5 (at 1 and 2), 6 (above 5); 7 and 8 stand apart.
static const char text[] =
    "9 2 1 4 6 H100\n"
    "4 5 6 7 8\n"
    "0 4 100Gbps 1us 0\n"
    "4 1 100Gbps 1us 0\n"
    "1 5 100Gbps 1us 0\n"
    "2 5 100Gbps 1us 0\n"
    "5 6 100Gbps 1us 0\n"
    "7 8 100Gbps 1us 0\n";

static void assert_name(const m4s_topology_t *topology, const int32_t *tiers, int32_t src,
                        int32_t dst, const char *expected) {
  char name[M4S_TIER_NAME_BYTES];
  m4s_tiers_name_link(topology, tiers, m4s_topology_find_link(topology, src, dst), name);
  assert_string_equal(name, expected);
}

static void tiers_should_be_distances_to_hosts(void **state) {
  (void)state;
  m4s_topology_t *topology;
  int32_t *tiers;
  static const int32_t expected[] = {0, 0, 0, 0, 1, 1, 2, M4S_NO_TIER, M4S_NO_TIER};
  ASSERT_OK(m4s_topology_parse(text, "t.txt", &topology));
  ASSERT_OK(m4s_tiers_make(topology, &tiers));
  assert_memory_equal(tiers, expected, sizeof expected);
  assert_name(topology, tiers, 0, 4, "nvlink");
  assert_name(topology, tiers, 4, 1, "nvlink");
  assert_name(topology, tiers, 2, 5, "host-tier1");
  assert_name(topology, tiers, 5, 1, "tier1-host");
  assert_name(topology, tiers, 5, 6, "tier1-tier2");
  assert_name(topology, tiers, 6, 5, "tier2-tier1");
  assert_name(topology, tiers, 7, 8, "detached");
  free(tiers);
  m4s_topology_destroy(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tiers_should_be_distances_to_hosts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
