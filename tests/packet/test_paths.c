// Paths of single flows: the same for whoever simulates them.
#include "packet/small_clos.h"

static void given_paths_should_be_taken(void **state) {
  (void)state;
  m4s_packet_rules_t rules;
  small_clos_t clos;
  int n_others = 0;
  m4s_packet_rules_set(&rules, M4S_PROFILE_M4, M4S_PACKET_DCTCP);
  small_clos_make(&clos, &rules, 0.3);
  clos.model.ops->destroy(clos.model.state);
  m4s_routing_set_paths(clos.routing, M4S_PATHS_FLOW);
  ASSERT_OK(m4s_packet_create(&rules, M4S_PACKET_ECMP_GIVEN, clos.topology, clos.routing,
                              &clos.clock, &clos.model));
  ASSERT_OK(small_clos_run(&clos));
  for (int32_t id = 0; id < SMALL_CLOS_FLOWS; id++) {
    const m4s_flow_record_t *flow = &clos.records[id];
    const int32_t *links, *own, *pair;
    int32_t n, n_own, n_pair;
    m4s_packet_flow_path(&clos.model, id, &links, &n);
    ASSERT_OK(m4s_routing_path(clos.routing, flow->src, flow->dst, &pair, &n_pair));
    ASSERT_OK(m4s_routing_path_of_flow(clos.routing, M4S_PATHS_FLOW, id, flow->src, flow->dst, &own,
                                       &n_own));
    assert_int_equal(n, n_own);
    assert_memory_equal(links, own, (size_t)n * sizeof *links);
    n_others += memcmp(links, pair, (size_t)n * sizeof *links) != 0;
  }
  assert_in_range(n_others, SMALL_CLOS_FLOWS / 4, SMALL_CLOS_FLOWS - 1);
  small_clos_clear(&clos);
}

static void kept_paths_should_stay(void **state) {
  (void)state;
  m4s_packet_rules_t rules;
  small_clos_t clos;
  const int32_t *kept[2], *links;
  int32_t n[2], n_links;
  m4s_packet_rules_set(&rules, M4S_PROFILE_M4, M4S_PACKET_DCTCP);
  small_clos_make(&clos, &rules, 0.3);
  m4s_routing_set_paths(clos.routing, M4S_PATHS_FLOW);
  for (int i = 0; i < 2; i++) {
    ASSERT_OK(m4s_routing_keep_path_of_flow(clos.routing, i, i, 15, &kept[i], &n[i]));
  }
  for (int i = 0; i < 2; i++) {
    ASSERT_OK(m4s_routing_path_of_flow(clos.routing, M4S_PATHS_FLOW, i, i, 15, &links, &n_links));
    assert_int_equal(n[i], n_links);
    assert_memory_equal(kept[i], links, (size_t)n_links * sizeof *links);
  }
  small_clos_clear(&clos);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(given_paths_should_be_taken),
      cmocka_unit_test(kept_paths_should_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
