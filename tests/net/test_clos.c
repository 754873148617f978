// Clos fabrics: named sizes, oversubscription, the graph.
#include "support.h"

#include "net/clos.h"
#include "net/routing.h"

static m4s_clos_config_t defaults(const char *size) {
  m4s_clos_config_t config = {0};
  ASSERT_OK(m4s_fields_set_defaults(m4s_clos_fields, M4S_N_CLOS_FIELDS, &config));
  ASSERT_OK(m4s_field_set_text(&m4s_clos_fields[0], &config, size, "size"));
  return config;
}

static m4s_clos_t resolve(const m4s_clos_config_t *config) {
  m4s_clos_t clos;
  ASSERT_OK(m4s_clos_resolve(config, "t", &clos));
  return clos;
}

static void assert_size(const char *size, int32_t n_hosts, int32_t n_switches, int32_t n_cables) {
  m4s_clos_config_t config = defaults(size);
  m4s_clos_t clos = resolve(&config);
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_clos_create(&clos, &topology));
  assert_int_equal(topology->n_hosts, n_hosts);
  assert_int_equal(topology->n_switches, n_switches);
  assert_int_equal(topology->n_cables, n_cables);
  m4s_topology_destroy(topology);
}

static void sizes_should_be_the_published_ones(void **state) {
  (void)state;
  assert_size("small", 256, 32 + 4 + 32, 256 + 64 + 64);
  assert_size("large", 6144, 384 + 32 + 192, 6144 + 1536 + 1536);
  assert_size("training", 32, 4 + 2, 32 + 8);
}

static void counts_should_replace_those_of_the_size(void **state) {
  (void)state;
  m4s_clos_config_t config = defaults("training");
  config.clos.pods = 3;
  config.clos.hosts_per_rack = 5;
  m4s_clos_t clos = resolve(&config);
  assert_int_equal(clos.pods, 3);
  assert_int_equal(clos.racks_per_pod, 4);
  assert_int_equal(clos.hosts_per_rack, 5);
  assert_int_equal(clos.spines_per_plane, 4);  // 1:1, the size has none
  assert_int_equal(clos.host_gbps, 10);
  assert_int_equal(clos.uplink_gbps, 40);
  assert_int_equal(clos.link_delay_ns, 1000);
}

static void oversubscription_should_set_the_spines(void **state) {
  (void)state;
  m4s_clos_config_t config = defaults("small");
  for (int ratio = 1; ratio <= 16; ratio *= 2) {
    config.oversubscription = ratio;
    assert_int_equal(resolve(&config).spines_per_plane, 16 / ratio);
  }
  config.oversubscription = 0.5;
  assert_int_equal(resolve(&config).spines_per_plane, 32);
  config.oversubscription = 2.6667;  // 16 / 6
  assert_int_equal(resolve(&config).spines_per_plane, 6);
}

static void oversubscription_of_one_pod_should_set_the_fabrics(void **state) {
  (void)state;
  m4s_clos_config_t config = defaults("training");
  config.oversubscription = 2;
  assert_int_equal(resolve(&config).fabrics_per_pod, 1);
  config.clos.uplink_gbps = 10;
  config.oversubscription = 4;
  assert_int_equal(resolve(&config).fabrics_per_pod, 2);
  assert_int_equal(resolve(&config).spines_per_plane, 0);
}

static void impossible_oversubscription_should_be_refused(void **state) {
  (void)state;
  m4s_clos_t clos;
  m4s_clos_config_t config = defaults("small");
  config.oversubscription = 3;
  ASSERT_REFUSES(m4s_clos_resolve(&config, "x.json: base.topology", &clos),
                 "x.json: base.topology: oversubscription: 3 takes 5.333 spines a plane (nearest "
                 "valid: 3.2 with 5, 2.66667 with 6)");
  config.oversubscription = 17;
  ASSERT_REFUSES(m4s_clos_resolve(&config, "t", &clos),
                 "t: oversubscription: 17 takes 0.9412 spines a plane (nearest valid: 16 with 1)");
  config.oversubscription = 2;
  config.clos.spines_per_plane = 8;
  ASSERT_REFUSES(m4s_clos_resolve(&config, "t", &clos),
                 "t: oversubscription: follows from spines_per_plane, set only one of them");
  config = defaults("training");
  config.oversubscription = 2;
  config.clos.fabrics_per_pod = 1;
  ASSERT_REFUSES(m4s_clos_resolve(&config, "t", &clos),
                 "t: oversubscription: follows from fabrics_per_pod, set only one of them");
}

static void impossible_fabrics_should_be_refused(void **state) {
  (void)state;
  m4s_topology_t *topology = NULL;
  m4s_clos_config_t config = defaults("large");
  config.clos.hosts_per_rack = 4096;
  m4s_clos_t clos = resolve(&config);
  ASSERT_REFUSES(m4s_clos_create(&clos, &topology), "clos: 1573472 nodes, more than 1048576");
  clos = (m4s_clos_t){.pods = 2,
                      .racks_per_pod = 2,
                      .hosts_per_rack = 1,
                      .fabrics_per_pod = 1,
                      .host_gbps = 1,
                      .uplink_gbps = 1};
  ASSERT_REFUSES(m4s_clos_create(&clos, &topology),
                 "clos: pods, racks, hosts, fabrics and, with several pods, spines must be at "
                 "least 1");
  assert_null(topology);
}

// Paths have two links within a rack, four within a pod, six between pods.
static void paths_should_climb_as_far_as_they_must(void **state) {
  (void)state;
  m4s_clos_config_t config = defaults("small");
  m4s_clos_t clos = resolve(&config);
  m4s_topology_t *topology = NULL;
  m4s_routing_t *routing = NULL;
  ASSERT_OK(m4s_clos_create(&clos, &topology));
  ASSERT_OK(m4s_routing_create(topology, &routing));
  const int32_t dst[] = {7, 8, 127, 128, 255};
  const int32_t n_links[] = {2, 4, 4, 6, 6};
  for (int i = 0; i < 5; i++) {
    const int32_t *links;
    int32_t n;
    ASSERT_OK(m4s_routing_path(routing, 0, dst[i], &links, &n));
    assert_int_equal(n, n_links[i]);
  }
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_should_be_the_published_ones),
      cmocka_unit_test(counts_should_replace_those_of_the_size),
      cmocka_unit_test(oversubscription_should_set_the_spines),
      cmocka_unit_test(oversubscription_of_one_pod_should_set_the_fabrics),
      cmocka_unit_test(impossible_oversubscription_should_be_refused),
      cmocka_unit_test(impossible_fabrics_should_be_refused),
      cmocka_unit_test(paths_should_climb_as_far_as_they_must),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
