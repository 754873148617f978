// Generated GPU clusters: the gray-failure files, other sizes, refused settings.
#include "gray.h"

#include "net/gpu_cluster.h"
#include "net/topology_info.h"

static m4s_gpu_cluster_t default_cluster(void) {
  m4s_gpu_cluster_t cluster = {0};
  ASSERT_OK(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  return cluster;
}

static m4s_topology_t *create(const m4s_gpu_cluster_t *cluster) {
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_gpu_cluster_create(cluster, "test", &topology));
  return topology;
}

static void assert_equals_gray_text(int n, int r) {
  m4s_gpu_cluster_t cluster = default_cluster();
  cluster.degraded_gpus = n;
  cluster.reduction = r;
  m4s_topology_t *topology = create(&cluster);
  ASSERT_OK(m4s_topology_write(topology, support_path("gray.txt")));
  m4s_topology_destroy(topology);
  char *written = support_read("gray.txt", NULL);
  char *expected = gray_text(n, r);
  assert_string_equal(written, expected);
  free(written);
  free(expected);
}

static void cluster_should_equal_the_gray_failure_files(void **state) {
  (void)state;
  int n_files = 0;
  for (int n = 2; n <= 16; n++) {
    for (int r = 4; r <= 10; r++) {
      assert_equals_gray_text(n, r);
      n_files++;
    }
  }
  assert_int_equal(n_files, 105);
}

static void cluster_should_follow_the_rule_for_other_numbers(void **state) {
  (void)state;
  for (int n = 0; n <= 32; n++) {
    assert_equals_gray_text(n, 7);
  }
}

// The degraded GPUs in words, against misreading the rule twice in the same way.
static void degraded_should_be_these(void **state) {
  (void)state;
  static const struct {
    int64_t n;
    int32_t gpus[20];
  } cases[] = {{1, {0}},
               {2, {0, 8}},
               {3, {0, 1, 8}},
               {8, {0, 1, 2, 3, 8, 9, 10, 11}},
               {9, {0, 1, 2, 3, 4, 5, 6, 7, 16}},
               {15, {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22}},
               {16, {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23}},
               {17, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_gpu_cluster_t cluster = default_cluster();
    cluster.degraded_gpus = cases[i].n;
    int32_t gpus[32];
    m4s_gpu_cluster_degraded(&cluster, gpus);
    assert_memory_equal(gpus, cases[i].gpus, (size_t)cases[i].n * sizeof *gpus);
  }
}

static void assert_degraded_are_valid(const m4s_gpu_cluster_t *cluster) {
  int32_t degraded[40];
  m4s_gpu_cluster_degraded(cluster, degraded);
  for (int64_t i = 0; i < cluster->degraded_gpus; i++) {
    assert_true(degraded[i] < cluster->gpus);
    assert_true(degraded[i] >= (i == 0 ? 0 : degraded[i - 1] + 1));
  }
}

// Ascending, different, within the cluster, for any size and number.
static void degraded_should_be_valid_in_any_cluster(void **state) {
  (void)state;
  for (int64_t gpus = 1; gpus <= 40; gpus++) {
    for (int64_t per_server = 1; per_server <= 9; per_server++) {
      for (int64_t n = 0; n <= gpus; n++) {
        m4s_gpu_cluster_t cluster = default_cluster();
        cluster.gpus = gpus;
        cluster.gpus_per_server = per_server;
        cluster.degraded_gpus = n;
        assert_degraded_are_valid(&cluster);
        cluster.degraded_seed = per_server;
        assert_degraded_are_valid(&cluster);
      }
    }
  }
}

// Of 4000 seeds each GPU is in a quarter of the sets: 1000, standard deviation 27.
static void degraded_should_be_drawn_evenly(void **state) {
  (void)state;
  m4s_gpu_cluster_t cluster = default_cluster();
  cluster.degraded_gpus = 8;
  int n_times[32] = {0};
  for (cluster.degraded_seed = 1; cluster.degraded_seed <= 4000; cluster.degraded_seed++) {
    int32_t degraded[8];
    m4s_gpu_cluster_degraded(&cluster, degraded);
    for (int i = 0; i < 8; i++) {
      n_times[degraded[i]]++;
    }
  }
  for (int gpu = 0; gpu < 32; gpu++) {
    assert_in_range(n_times[gpu], 1000 - 4 * 27, 1000 + 4 * 27);
  }
}

static void assert_cable(const m4s_topology_t *topology, int32_t src, int32_t dst, int64_t gbps,
                         int64_t delay_ns) {
  int32_t link = m4s_topology_find_link(topology, src, dst);
  assert_true(link >= 0);
  assert_true(m4s_topology_find_link(topology, dst, src) >= 0);
  assert_int_equal(topology->links[link].bandwidth_bps, gbps * 1000000000);
  assert_int_equal(topology->links[link].delay_ns, delay_ns);
}

static void cluster_should_have_any_size(void **state) {
  (void)state;
  // 22 GPUs on servers of 4 (the last has 2), 3 rails, 2 cores.
  const m4s_gpu_cluster_t cluster = {.gpus = 22,
                                     .gpus_per_server = 4,
                                     .rails = 3,
                                     .cores = 2,
                                     .nvlink_gbps = 900,
                                     .nic_gbps = 200,
                                     .core_gbps = 800,
                                     .nvlink_delay_ns = 11,
                                     .nic_delay_ns = 70,
                                     .degraded_gpus = 5,
                                     .reduction = 3,
                                     .gpu_type = 3};
  m4s_topology_t *topology = create(&cluster);
  assert_int_equal(topology->n_hosts, 22);
  assert_int_equal(topology->n_nvswitches, 6);
  assert_int_equal(topology->n_switches, 5);
  assert_int_equal(topology->n_cables, 2 * 22 + 6);
  assert_int_equal(topology->gpus_per_server, 4);
  assert_string_equal(topology->gpu_type, "H800");
  for (int32_t g = 0; g < 22; g++) {
    bool degraded = g < 4 || g == 8;  // 4 < 5 <= 8: server 0 and one of server 2
    assert_cable(topology, g, 22 + g / 4, degraded ? 300 : 900, 11);
    assert_cable(topology, g, 28 + g % 3, degraded ? 66 : 200, 70);
  }
  for (int32_t rail = 28; rail < 31; rail++) {
    assert_cable(topology, rail, 31, 800, 70);
    assert_cable(topology, rail, 32, 800, 70);
  }
  assert_int_equal(topology->kinds[27], M4S_NODE_NVSWITCH);
  assert_int_equal(topology->kinds[28], M4S_NODE_SWITCH);
  m4s_topology_destroy(topology);
}

static void cluster_should_refuse_impossible_settings(void **state) {
  (void)state;
  m4s_topology_t *topology = NULL;
  m4s_gpu_cluster_t cluster = default_cluster();
  cluster.degraded_gpus = 33;
  ASSERT_REFUSES(m4s_gpu_cluster_create(&cluster, "x.json: base.topology", &topology),
                 "x.json: base.topology: degraded_gpus: 33 of 32 GPUs (nearest valid: 32)");
  cluster.degraded_gpus = 1;
  cluster.reduction = 401;
  ASSERT_REFUSES(m4s_gpu_cluster_create(&cluster, "t", &topology),
                 "t: reduction: 401 leaves nothing of 400 Gbps (nearest valid: 400)");
  assert_null(topology);
  cluster.degraded_gpus = 0;  // then the reduction does nothing
  topology = create(&cluster);
  m4s_topology_destroy(topology);
}

static char *info_of(const m4s_topology_t *topology) {
  char *text = NULL;
  size_t n = 0;
  FILE *stream = open_memstream(&text, &n);
  ASSERT_OK(m4s_topology_info_print(topology, stream));
  fclose(stream);
  return text;
}

// Down: 30 NICs at 400 Gbps and 2 at 100; up: 8 cables at 400 Gbps.
static void info_should_count_tiers_and_bandwidths(void **state) {
  (void)state;
  m4s_gpu_cluster_t cluster = default_cluster();
  cluster.degraded_gpus = 2;
  cluster.reduction = 4;
  m4s_topology_t *topology = create(&cluster);
  char *text = info_of(topology);
  assert_non_null(strstr(text, "45: 32 GPUs (A100, 8 a server), 4 NVSwitches, 9 switches\n"));
  assert_non_null(strstr(text, "72 cables, 144 directed links\n"));
  assert_non_null(strstr(text, "components 1 (connected)\n"));
  assert_non_null(strstr(text, "12200          3200  3.81:1\n"));
  assert_non_null(strstr(text, "top\n"));
  free(text);
  m4s_topology_destroy(topology);
}

static void info_should_tell_separate_parts(void **state) {
  (void)state;
  m4s_topology_t *topology = NULL;
  ASSERT_OK(
      m4s_topology_parse("7 1 0 2 4 A100\n5 6\n0 5 1Gbps 1us 0\n1 5 1Gbps 1us 0\n"
                         "2 6 1Gbps 1us 0\n5 3 1Gbps 1us 0\n",
                         "t", &topology));
  char *text = info_of(topology);
  // {0, 1, 3, 5}, {2, 6}, {4}
  assert_non_null(strstr(text, "components 3\n"));
  assert_non_null(strstr(text, "the largest has 4 of 7 nodes\n"));
  free(text);
  m4s_topology_destroy(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cluster_should_equal_the_gray_failure_files),
      cmocka_unit_test(cluster_should_follow_the_rule_for_other_numbers),
      cmocka_unit_test(degraded_should_be_these),
      cmocka_unit_test(degraded_should_be_valid_in_any_cluster),
      cmocka_unit_test(degraded_should_be_drawn_evenly),
      cmocka_unit_test(cluster_should_have_any_size),
      cmocka_unit_test(cluster_should_refuse_impossible_settings),
      cmocka_unit_test(info_should_count_tiers_and_bandwidths),
      cmocka_unit_test(info_should_tell_separate_parts),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
