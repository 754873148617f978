// Who sends to whom: alias tables, patterns, locality, matrices of files.
#include "support.h"

#include <math.h>

#include "flow/spatial.h"

static const m4s_cluster_shape_t small = {2, 16, 8};

static m4s_spatial_config_t config_of(m4s_spatial_kind_t kind) {
  return (m4s_spatial_config_t){.kind = kind, .rack_share = 0.2, .pod_share = 0.25, .senders = 4};
}

static m4s_spatial_t *create(const m4s_spatial_config_t *config, const m4s_cluster_shape_t *shape,
                             uint64_t seed) {
  m4s_spatial_t *spatial = NULL;
  ASSERT_OK(m4s_spatial_create(config, "t", shape, seed, &spatial));
  double sum = 0;
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    const m4s_spatial_pair_t *pair = &spatial->pairs[i];
    assert_true(pair->share > 0);
    assert_true(pair->src >= 0 && pair->src < spatial->n_groups);
    assert_true(pair->dst >= 0 && pair->dst < spatial->n_groups);
    assert_true(i == 0 || pair[-1].src < pair->src ||
                (pair[-1].src == pair->src && pair[-1].dst < pair->dst));
    sum += pair->share;
  }
  assert_true(fabs(sum - 1) < 1e-12);
  return spatial;
}

static void refuse(const m4s_spatial_config_t *config, const m4s_cluster_shape_t *shape,
                   const char *message) {
  m4s_spatial_t *spatial = NULL;
  ASSERT_REFUSES(m4s_spatial_create(config, "x.json: base.traffic", shape, 1, &spatial), message);
  assert_null(spatial);
}

// --- alias tables ---

// Chi square with 7 degrees of freedom: its 0.9999 quantile is 29.9.
static void alias_tables_should_have_their_weights(void **state) {
  (void)state;
  enum { N = 1000000 };
  const double weights[9] = {5, 0, 0.1, 3, 3, 1e-3, 8, 2, 1};
  double sum = 0;
  int counts[9] = {0};
  m4s_alias_t alias = {0};
  m4s_random_t random;
  ASSERT_OK(m4s_alias_make(weights, 9, &alias));
  m4s_random_init(&random, 1, "alias", 0);
  for (int i = 0; i < N; i++) {
    counts[m4s_alias_draw(&alias, &random)]++;
  }
  for (int i = 0; i < 9; i++) {
    sum += weights[i];
  }
  double chi2 = 0;
  for (int i = 0; i < 9; i++) {
    double expected = weights[i] / sum * N;
    if (weights[i] == 0) {
      assert_int_equal(counts[i], 0);
    } else {
      chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
  }
  assert_true(chi2 < 29.9);
  m4s_alias_clear(&alias);
  ASSERT_OK(m4s_alias_make(&weights[1], 2, &alias));
  assert_int_equal(m4s_alias_draw(&alias, &random), 1);
  m4s_alias_clear(&alias);
}

// --- patterns ---

// Draws flows and counts them by host; all differ in source and destination.
static void draw(const m4s_spatial_t *spatial, int n, int *sent, int *received) {
  m4s_random_t random;
  m4s_random_init(&random, 2, "pairs of hosts", 0);
  for (int i = 0; i < n; i++) {
    int32_t src = -1;
    int32_t dst = -1;
    m4s_spatial_draw(spatial, &random, &src, &dst);
    assert_true(src != dst && src >= 0 && dst >= 0 && src < 256 && dst < 256);
    sent[src]++;
    received[dst]++;
  }
}

// Each of 256 hosts sends and receives within five deviations of its share.
static void uniform_traffic_should_be_even(void **state) {
  (void)state;
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_UNIFORM);
  m4s_spatial_t *spatial = create(&config, &small, 1);
  assert_int_equal(spatial->n_pairs, 32 * 32);
  assert_true(fabs(spatial->pairs[0].share - 8.0 * 7 / (256 * 255)) < 1e-15);
  assert_true(fabs(spatial->pairs[1].share - 8.0 * 8 / (256 * 255)) < 1e-15);
  int sent[256] = {0};
  int received[256] = {0};
  draw(spatial, 256000, sent, received);
  for (int i = 0; i < 256; i++) {
    assert_true(abs(sent[i] - 1000) < 5 * 32 && abs(received[i] - 1000) < 5 * 32);
  }
  m4s_spatial_destroy(spatial);
}

static void all_to_all_should_leave_racks(void **state) {
  (void)state;
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_ALL_TO_ALL);
  m4s_spatial_t *spatial = create(&config, &small, 1);
  assert_int_equal(spatial->n_pairs, 32 * 31);
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    assert_true(spatial->pairs[i].src != spatial->pairs[i].dst);
  }
  m4s_spatial_destroy(spatial);
  refuse(&config, &(m4s_cluster_shape_t){1, 1, 8},
         "x.json: base.traffic: spatial: no traffic between racks in a cluster of one");
}

static void permutations_should_use_every_host_once(void **state) {
  (void)state;
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_PERMUTATION);
  m4s_spatial_t *spatial = create(&config, &small, 1);
  int received[256] = {0};
  assert_int_equal(spatial->n_pairs, 256);
  assert_int_equal(spatial->hosts_per_group, 1);
  for (int32_t i = 0; i < 256; i++) {
    assert_int_equal(spatial->pairs[i].src, i);
    assert_true(spatial->pairs[i].dst != i);
    received[spatial->pairs[i].dst]++;
  }
  for (int32_t i = 0; i < 256; i++) {
    assert_int_equal(received[i], 1);
  }
  int sent[256] = {0};
  draw(spatial, 25600, sent, received);
  m4s_spatial_destroy(spatial);
}

// 256 hosts are 51 groups of a receiver and 4 senders, and one host.
static void incast_should_have_receivers_and_senders(void **state) {
  (void)state;
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_INCAST);
  m4s_spatial_t *spatial = create(&config, &small, 1);
  int received[256] = {0};
  int sent[256] = {0};
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    sent[spatial->pairs[i].src]++;
    received[spatial->pairs[i].dst]++;
  }
  int n_receivers = 0;
  for (int i = 0; i < 256; i++) {
    assert_true((sent[i] == 1 && received[i] == 0) || (sent[i] == 0 && received[i] == 4) ||
                (sent[i] == 0 && received[i] == 0));
    n_receivers += received[i] == 4;
  }
  assert_int_equal(n_receivers, 51);
  assert_int_equal(spatial->n_pairs, 51 * 4);
  m4s_spatial_destroy(spatial);
  config.senders = 256;
  refuse(&config, &small, "x.json: base.traffic: senders: 256 of 256 hosts (nearest valid: 255)");
  refuse(&config, &(m4s_cluster_shape_t){1, 1, 1},
         "x.json: base.traffic: traffic needs two hosts or more");
}

// --- locality ---

static void locality_should_have_its_shares(void **state) {
  (void)state;
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_LOCALITY);
  config.skew = 1.5;
  m4s_spatial_t *spatial = create(&config, &small, 1);
  double rack = 0;
  double pod = 0;
  for (int32_t i = 0; i < spatial->n_pairs; i++) {
    const m4s_spatial_pair_t *pair = &spatial->pairs[i];
    rack += pair->src == pair->dst ? pair->share : 0;
    pod += pair->src != pair->dst && pair->src / 16 == pair->dst / 16 ? pair->share : 0;
  }
  assert_true(fabs(rack - 0.2) < 1e-12);
  assert_true(fabs(pod - 0.8 * 0.25) < 1e-12);
  m4s_spatial_destroy(spatial);
}

static int descending(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x < y) - (x > y);
}

// Traffic within racks is as popular as the rack: k^-skew.
static void skew_should_be_zipfs(void **state) {
  (void)state;
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_LOCALITY);
  config.rack_share = 1;
  config.skew = 1.5;
  m4s_spatial_t *spatial = create(&config, &small, 1);
  double shares[32];
  assert_int_equal(spatial->n_pairs, 32);
  bool ordered = true;
  for (int32_t i = 0; i < 32; i++) {
    shares[i] = spatial->pairs[i].share;
    ordered = ordered && (i == 0 || shares[i - 1] > shares[i]);
  }
  assert_false(ordered);
  qsort(shares, 32, sizeof *shares, descending);
  for (int k = 1; k <= 32; k++) {
    assert_true(fabs(shares[k - 1] / shares[0] * pow(k, 1.5) - 1) < 1e-12);
  }
  m4s_spatial_destroy(spatial);
}

static void locality_should_fit_the_cluster(void **state) {
  (void)state;
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_LOCALITY);
  refuse(&config, &(m4s_cluster_shape_t){1, 1, 8},
         "x.json: base.traffic: rack_share: 0.2 in a cluster of one rack (nearest valid: 1)");
  refuse(&config, &(m4s_cluster_shape_t){2, 4, 1},
         "x.json: base.traffic: rack_share: 0.2 in a cluster of racks of one host (nearest valid: "
         "0)");
  // One pod: what leaves the rack stays in the pod; pods of one rack: in another pod.
  m4s_spatial_destroy(create(&config, &(m4s_cluster_shape_t){1, 4, 8}, 1));
  m4s_spatial_destroy(create(&config, &(m4s_cluster_shape_t){4, 1, 8}, 1));
}

// --- matrices ---

// Weights 10 * row + column of four racks in two pods, {a, c} and {b, 4}.
static const char four[] =
    "{\"matrix\": {\"inner\": [[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23],"
    " [30, 31, 32, 33]], \"idx2name\": [\"a\", \"b\", \"c\", 4]},"
    " \"pod2tors\": {\"0\": [\"a\", \"c\"], \"1\": [\"b\", \"4\"]}, \"nr_pods\": 2, \"nr_racks\": "
    "4}";

static void matrices_should_be_read(void **state) {
  (void)state;
  m4s_rack_matrix_t matrix;
  ASSERT_OK(m4s_rack_matrix_parse(four, "m.json", &matrix));
  assert_int_equal(matrix.n_racks, 4);
  assert_int_equal(matrix.n_pods, 2);
  const int32_t pods[] = {0, 1, 0, 1};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(matrix.pod_of_rack[i], pods[i]);
    for (int j = 0; j < 4; j++) {
      assert_true(matrix.weights[4 * i + j] == 10 * i + j);
    }
  }
  m4s_rack_matrix_clear(&matrix);
}

// Racks of the cluster are those of the matrix, pods stay together, and other seeds give other
// orders.
static void matrices_should_be_laid_over_clusters_at_random(void **state) {
  (void)state;
  support_write("four.json", four);
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_MATRIX);
  config.matrix_file = (char *)support_path("four.json");
  const double total = 16.5 * 16;
  unsigned seen = 0;
  for (uint64_t seed = 0; seed < 64; seed++) {
    m4s_spatial_t *spatial = create(&config, &(m4s_cluster_shape_t){2, 2, 3}, seed);
    int32_t rack_of[4];
    assert_int_equal(spatial->n_pairs, 15);
    double weights[4][4] = {{0}};
    for (int32_t i = 0; i < 15; i++) {
      weights[spatial->pairs[i].src][spatial->pairs[i].dst] = spatial->pairs[i].share * total;
    }
    for (int32_t i = 0; i < 4; i++) {
      rack_of[i] = (int32_t)lround(weights[i][i] / 11);
    }
    for (int32_t i = 0; i < 4; i++) {
      for (int32_t j = 0; j < 4; j++) {
        assert_true(fabs(weights[i][j] - (10 * rack_of[i] + rack_of[j])) < 1e-9);
      }
    }
    assert_int_equal(rack_of[0] % 2, rack_of[1] % 2);
    assert_int_equal(rack_of[2] % 2, rack_of[3] % 2);
    seen |= 1U << (4 * (rack_of[0] % 2) + 2 * (rack_of[0] / 2) + rack_of[2] / 2);
    m4s_spatial_destroy(spatial);
  }
  assert_int_equal(seen, 0xff);
}

static void large_matrices_should_be_down_sampled(void **state) {
  (void)state;
  support_write("four.json", four);
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_MATRIX);
  config.matrix_file = (char *)support_path("four.json");
  m4s_spatial_t *spatial = create(&config, &(m4s_cluster_shape_t){1, 2, 1}, 3);
  assert_int_equal(spatial->n_pairs, 2);  // racks of one host have nothing within
  m4s_spatial_destroy(spatial);
  char message[256];
  snprintf(message, sizeof message,
           "x.json: base.traffic: matrix_file: %s has 2 pods, 0 of them with 3 racks or more; the "
           "cluster has 2 pods of 3 racks",
           config.matrix_file);
  refuse(&config, &(m4s_cluster_shape_t){2, 3, 1}, message);
  config.matrix_file = NULL;
  refuse(&config, &small, "x.json: base.traffic: spatial matrix needs matrix_file");
}

static void matrices_without_traffic_should_be_refused(void **state) {
  (void)state;
  support_write("local.json",
                "{\"matrix\": {\"inner\": [[1, 0], [0, 5]], \"idx2name\": [0, 1]}, \"pod2tors\": "
                "{\"p\": [0, 1]}}");
  m4s_spatial_config_t config = config_of(M4S_SPATIAL_MATRIX);
  config.matrix_file = (char *)support_path("local.json");
  refuse(&config, &(m4s_cluster_shape_t){1, 2, 1},
         "x.json: base.traffic: matrix_file: no traffic among the racks taken from it");
}

static void assert_matrix_refused(const char *inner, const char *names, const char *pods,
                                  const char *more, const char *message) {
  char text[1024];
  m4s_rack_matrix_t matrix = {.n_pods = 77};
  snprintf(text, sizeof text, "{\"matrix\": {\"inner\": %s, \"idx2name\": %s}, \"pod2tors\": %s%s}",
           inner, names, pods, more);
  ASSERT_REFUSES(m4s_rack_matrix_parse(text, "m.json", &matrix), message);
  assert_int_equal(matrix.n_pods, 77);
}

static void bad_matrices_should_be_refused(void **state) {
  (void)state;
  const char *names = "[\"a\", \"b\"]";
  const char *pods = "{\"p\": [\"a\", \"b\"]}";
  assert_matrix_refused("[[0, 1], [2]]", names, pods, "",
                        "m.json: matrix.inner[1]: [2] is not a list of 2 numbers");
  assert_matrix_refused("[[0, 1], 3]", names, pods, "",
                        "m.json: matrix.inner[1]: 3 is not a list of 2 numbers");
  assert_matrix_refused("[[0, 1], [-2, 0]]", names, pods, "",
                        "m.json: matrix.inner[1][0]: -2 is not a number of 0 to 1e+18");
  assert_matrix_refused("[[0, \"1\"], [2, 0]]", names, pods, "",
                        "m.json: matrix.inner[0][1]: \"1\" is not a number of 0 to 1e+18");
  assert_matrix_refused("[[0, 1], [2, 1e300]]", names, pods, "",
                        "m.json: matrix.inner[1][1]: 1e300 is not a number of 0 to 1e+18");
  assert_matrix_refused("[[0, 0], [0, 0]]", names, pods, "", "m.json: matrix.inner: is all zero");
  assert_matrix_refused("[]", "[]", pods, "",
                        "m.json: matrix: 0 rows and 0 names of racks: needed are equally many, 1 "
                        "to 16384");
  assert_matrix_refused("[[1]]", names, pods, "",
                        "m.json: matrix: 1 rows and 2 names of racks: needed are equally many, 1 "
                        "to 16384");
  assert_matrix_refused("7", names, pods, "", "m.json: matrix.inner: 7 is not a list of rows");
  assert_matrix_refused("[[0, 1], [2, 0]]", "[\"a\", \"a\"]", pods, "",
                        "m.json: matrix.idx2name[1]: \"a\" stands twice");
  assert_matrix_refused("[[0, 1], [2, 0]]", "[\"a\", 1.5]", pods, "",
                        "m.json: matrix.idx2name[1]: 1.5 is not a rack's name");
  assert_matrix_refused("[[0, 1], [2, 0]]", names, "{\"p\": [\"a\"]}", "",
                        "m.json: pod2tors: rack \"b\" is in no pod");
  assert_matrix_refused("[[0, 1], [2, 0]]", names, "{\"p\": [\"a\", \"b\"], \"q\": [\"a\"]}", "",
                        "m.json: pod2tors.q[0]: \"a\" is in a pod already");
  assert_matrix_refused("[[0, 1], [2, 0]]", names, "{\"p\": [\"a\", \"x\"]}", "",
                        "m.json: pod2tors.p[1]: \"x\" is not in matrix.idx2name");
  assert_matrix_refused("[[0, 1], [2, 0]]", names, "{\"p\": 5}", "",
                        "m.json: pod2tors.p: 5 is not a list of racks");
  assert_matrix_refused("[[0, 1], [2, 0]]", names, pods, ", \"nr_racks\": 3",
                        "m.json: nr_racks: 3, but the file has 2");
  assert_matrix_refused("[[0, 1], [2, 0]]", names, pods, ", \"nr_pods\": \"1\"",
                        "m.json: nr_pods: \"1\", but the file has 1");
  m4s_rack_matrix_t matrix;
  ASSERT_REFUSES(m4s_rack_matrix_parse("{}", "m.json", &matrix),
                 "m.json: matrix.inner: is missing");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alias_tables_should_have_their_weights),
      cmocka_unit_test(uniform_traffic_should_be_even),
      cmocka_unit_test(all_to_all_should_leave_racks),
      cmocka_unit_test(permutations_should_use_every_host_once),
      cmocka_unit_test(incast_should_have_receivers_and_senders),
      cmocka_unit_test(locality_should_have_its_shares),
      cmocka_unit_test(skew_should_be_zipfs),
      cmocka_unit_test(locality_should_fit_the_cluster),
      cmocka_unit_test(matrices_should_be_read),
      cmocka_unit_test(matrices_should_be_laid_over_clusters_at_random),
      cmocka_unit_test(large_matrices_should_be_down_sampled),
      cmocka_unit_test(matrices_without_traffic_should_be_refused),
      cmocka_unit_test(bad_matrices_should_be_refused),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
