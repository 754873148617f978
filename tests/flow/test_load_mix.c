// Load mixes: expected shares of links, calibration, realised loads, the same everywhere.
#include "support.h"

#include <math.h>

#include "core/text.h"
#include "core/units.h"
#include "flow/load_mix.h"
#include "net/clos.h"
#include "net/gpu_cluster.h"

// A fabric with its routing.
typedef struct {
  m4s_clos_t clos;
  m4s_cluster_shape_t shape;
  m4s_topology_t *topology;
  m4s_routing_t *routing;
} net_t;

static net_t make_net(const char *size, int64_t fabrics, int64_t uplink_gbps, double ratio) {
  m4s_clos_config_t config = {0};
  net_t net;
  ASSERT_OK(m4s_fields_set_defaults(m4s_clos_fields, M4S_N_CLOS_FIELDS, &config));
  ASSERT_OK(m4s_field_set_text(&m4s_clos_fields[0], &config, size, "size"));
  config.clos.fabrics_per_pod = fabrics;
  config.clos.uplink_gbps = uplink_gbps;
  config.oversubscription = ratio;
  ASSERT_OK(m4s_clos_resolve(&config, "t", &net.clos));
  net.shape = (m4s_cluster_shape_t){(int32_t)net.clos.pods, (int32_t)net.clos.racks_per_pod,
                                    (int32_t)net.clos.hosts_per_rack};
  ASSERT_OK(m4s_clos_create(&net.clos, &net.topology));
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  m4s_routing_set_ecmp_seed(net.routing, M4S_ECMP_SEED_NODE);
  return net;
}

static void clear_net(net_t *net) {
  m4s_routing_destroy(net->routing);
  m4s_topology_destroy(net->topology);
}

// The clusters of the studies: small and training at 1:1, 2:1 and 4:1.
enum { N_NETS = 6 };

static net_t make_nth_net(int i) {
  static const int64_t fabrics[] = {2, 4, 2};
  static const int64_t gbps[] = {40, 10, 10};
  return i < 3 ? make_net("small", 0, 40, 1 << i)
               : make_net("training", fabrics[i - 3], gbps[i - 3], 0);
}

static m4s_load_mix_config_t defaults(void) {
  m4s_load_mix_config_t config = {0};
  ASSERT_OK(m4s_fields_set_defaults(m4s_load_mix_fields, M4S_N_LOAD_MIX_FIELDS, &config));
  return config;
}

static m4s_load_mix_t make_mix(const m4s_load_mix_config_t *config, net_t *net, uint64_t seed) {
  m4s_load_mix_t mix = {0};
  ASSERT_OK(m4s_load_mix_make(config, "t", &net->shape, net->topology, net->routing, seed, &mix));
  return mix;
}

// --- expected shares ---

// The share of uniform traffic on a link, by its end and the counts alone.
static double uniform_share(const net_t *net, const m4s_link_t *link) {
  const m4s_clos_t *clos = &net->clos;
  double n_racks = (double)(clos->pods * clos->racks_per_pod);
  double n_hosts = n_racks * (double)clos->hosts_per_rack;
  int64_t lower = link->src < link->dst ? link->src : link->dst;
  double leave_rack = (n_hosts - (double)clos->hosts_per_rack) / (n_hosts - 1);
  double leave_pod = (n_hosts - n_hosts / (double)clos->pods) / (n_hosts - 1);
  if (lower < (int64_t)n_hosts) {
    return 1 / n_hosts;
  }
  if (lower < (int64_t)(n_hosts + n_racks)) {
    return leave_rack / n_racks / (double)clos->fabrics_per_pod;
  }
  return leave_pod / (double)(clos->pods * clos->fabrics_per_pod * clos->spines_per_plane);
}

static m4s_spatial_t *make_spatial(const net_t *net, m4s_spatial_kind_t kind) {
  m4s_load_mix_config_t config = defaults();
  m4s_spatial_t *spatial = NULL;
  config.spatial.kind = kind;
  config.spatial.skew = 1;
  ASSERT_OK(m4s_spatial_create(&config.spatial, "t", &net->shape, 5, &spatial));
  return spatial;
}

static void uniform_shares_should_be_those_of_the_counts(void **state) {
  (void)state;
  for (int i = 0; i < N_NETS; i++) {
    net_t net = make_nth_net(i);
    m4s_spatial_t *spatial = make_spatial(&net, M4S_SPATIAL_UNIFORM);
    double *shares = malloc((size_t)net.topology->n_links * sizeof *shares);
    ASSERT_OK(m4s_link_shares(spatial, net.topology, net.routing, M4S_PATHS_FLOW, shares));
    for (int32_t j = 0; j < net.topology->n_links; j++) {
      double expected = uniform_share(&net, &net.topology->links[j]);
      assert_true(fabs(shares[j] / expected - 1) < 1e-12);
    }
    free(shares);
    m4s_spatial_destroy(spatial);
    clear_net(&net);
  }
}

// Draws flows, routes them and compares how often links are crossed: within five and a half
// deviations of the expected share, which 800 links pass with probability 0.99997.
static void assert_shares_drawn(net_t *net, m4s_spatial_kind_t kind, m4s_paths_t paths) {
  enum { N = 200000 };
  m4s_spatial_t *spatial = make_spatial(net, kind);
  size_t n_links = (size_t)net->topology->n_links;
  double *shares = malloc(n_links * sizeof *shares);
  double *loads = malloc(n_links * sizeof *loads);
  m4s_flow_record_t *records = calloc(N, sizeof *records);
  m4s_random_t random;
  m4s_random_init(&random, 8, "pairs of hosts", 0);
  for (int i = 0; i < N; i++) {
    int32_t src;
    int32_t dst;
    m4s_spatial_draw(spatial, &random, &src, &dst);
    records[i] = (m4s_flow_record_t){.id = i, .src = src, .dst = dst, .size_bytes = 1};
  }
  ASSERT_OK(m4s_link_shares(spatial, net->topology, net->routing, paths, shares));
  ASSERT_OK(m4s_link_loads(records, N, net->topology, net->routing, paths, 1, loads));
  for (size_t i = 0; i < n_links; i++) {
    double drawn = loads[i] * m4s_bps_to_bytes_per_ns(net->topology->links[i].bandwidth_bps) / N;
    assert_true(fabs(drawn - shares[i]) <= 5.5 * sqrt(shares[i] / N) + 1e-12);
  }
  free(shares);
  free(loads);
  free(records);
  m4s_spatial_destroy(spatial);
}

static void shares_should_be_those_of_routed_flows(void **state) {
  (void)state;
  for (int kind = M4S_SPATIAL_UNIFORM; kind <= M4S_SPATIAL_LOCALITY; kind++) {
    for (int paths = 0; paths < 2; paths++) {
      net_t net = make_net("small", 0, 40, 2);
      assert_shares_drawn(&net, (m4s_spatial_kind_t)kind, (m4s_paths_t)paths);
      clear_net(&net);
    }
  }
}

// Hosts with several links, an NVSwitch among them, and one path a pair: both ways of counting
// agree.
static void shares_should_hold_for_gpu_clusters(void **state) {
  (void)state;
  m4s_gpu_cluster_t cluster = {0};
  net_t net = {.shape = {1, 4, 8}};
  ASSERT_OK(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  ASSERT_OK(m4s_gpu_cluster_create(&cluster, "t", &net.topology));
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  m4s_spatial_t *spatial = make_spatial(&net, M4S_SPATIAL_LOCALITY);
  double flow[256];
  double pair[256];
  assert_true(net.topology->n_links <= 256);
  ASSERT_OK(m4s_link_shares(spatial, net.topology, net.routing, M4S_PATHS_FLOW, flow));
  ASSERT_OK(m4s_link_shares(spatial, net.topology, net.routing, M4S_PATHS_PAIR, pair));
  double sum = 0;
  for (int32_t i = 0; i < net.topology->n_links; i++) {
    assert_true(fabs(flow[i] - pair[i]) < 1e-12);
    sum += net.topology->links[i].src < 32 ? flow[i] : 0;
  }
  assert_true(fabs(sum - 1) < 1e-12);
  m4s_spatial_destroy(spatial);
  clear_net(&net);
}

// --- loads ---

// The load of the busiest link by the closed form of the shares.
static double expected_load(const net_t *net, const m4s_load_mix_t *mix) {
  double most = 0;
  for (int32_t i = 0; i < net->topology->n_links; i++) {
    const m4s_link_t *link = &net->topology->links[i];
    double ratio = uniform_share(net, link) / m4s_bps_to_bytes_per_ns(link->bandwidth_bps);
    most = fmax(most, ratio);
  }
  return most * mix->mean_size_bytes / mix->mean_gap_ns;
}

// The deviation of a link's realised load over its expectation: a compound binomial of n flows with
// probability `share`, over a sum of n gaps. By the sizes that were drawn.
static double relative_deviation(const m4s_load_mix_t *mix, double share, double gap_variance) {
  double squares = 0;
  for (int64_t i = 0; i < mix->n_flows; i++) {
    double size = (double)mix->records[i].size_bytes / mix->mean_size_bytes;
    squares += size * size;
  }
  double n = (double)mix->n_flows;
  return sqrt((squares / n / share - 1 + gap_variance) / n);
}

static void assert_load(net_t *net, const m4s_load_mix_config_t *config, double gap_variance,
                        uint64_t seed) {
  m4s_load_mix_t mix = make_mix(config, net, seed);
  m4s_realised_load_t load;
  ASSERT_OK(m4s_load_mix_measure(&mix, net->topology, net->routing, M4S_PATHS_FLOW, &load));
  assert_int_equal(mix.n_flows, config->n_flows);
  assert_true(fabs(expected_load(net, &mix) / config->max_load - 1) <= 1e-9);
  assert_true(fabs(mix.expected_load / config->max_load - 1) <= 1e-9);
  double share = uniform_share(net, &net->topology->links[mix.busiest_link]);
  double deviation = relative_deviation(&mix, share, gap_variance);
  assert_true(deviation < 0.15);
  assert_true(fabs(mix.busiest_share / share - 1) <= 1e-9);
  assert_true(fabs(mix.load_deviation / config->max_load / deviation - 1) <= 0.02);
  assert_true(fabs(load.load / config->max_load - 1) <= 3 * deviation);
  assert_true(load.busiest_load >= load.load);
  m4s_load_mix_clear(&mix);
}

static void loads_should_be_those_asked_for(void **state) {
  (void)state;
  for (int i = 0; i < N_NETS; i++) {
    net_t net = make_nth_net(i);
    for (int kind = 0; kind < 4; kind++) {
      m4s_load_mix_config_t config = defaults();
      config.max_load = 0.25 + 0.15 * kind;
      config.n_flows = 100000;
      config.sizes.kind = kind % 2 == 0 ? M4S_SIZES_WEBSEARCH : M4S_SIZES_EXPONENTIAL;
      config.gaps = kind / 2;
      config.lognorm_sigma = 1;
      assert_load(&net, &config, kind / 2 == 0 ? expm1(1) : 1, 100 + (uint64_t)kind);
    }
    clear_net(&net);
  }
}

// Whatever the fabric, the hosts send as much, in the same flows.
static void host_loads_should_give_the_same_traffic_on_all_fabrics(void **state) {
  (void)state;
  static const double busiest[] = {0.2, 0.2 * 2 * 128 / 255, 0.2 * 4 * 128 / 255};
  m4s_load_mix_t mixes[3];
  for (int i = 0; i < 3; i++) {
    net_t net = make_nth_net(i);
    m4s_load_mix_config_t config = defaults();
    config.host_load = 0.2;
    config.n_flows = 1000;
    mixes[i] = make_mix(&config, &net, 1);
    double host_bytes_per_ns =
        (double)net.topology->n_hosts *
        m4s_bps_to_bytes_per_ns(net.topology->links[net.topology->adjacency[0]].bandwidth_bps);
    double rate = mixes[i].mean_size_bytes / mixes[i].mean_gap_ns;
    assert_true(fabs(rate / (0.2 * host_bytes_per_ns) - 1) <= 1e-12);
    assert_true(fabs(mixes[i].expected_load / expected_load(&net, &mixes[i]) - 1) <= 1e-9);
    assert_true(fabs(mixes[i].expected_load / busiest[i] - 1) <= 1e-9);
    assert_memory_equal(mixes[i].records, mixes[0].records, 1000 * sizeof *mixes[i].records);
    clear_net(&net);
  }
  for (int i = 0; i < 3; i++) {
    m4s_load_mix_clear(&mixes[i]);
  }
}

// And the load that is told to be valid is taken.
static void host_loads_should_be_refused_where_links_cannot_carry_them(void **state) {
  (void)state;
  net_t net = make_nth_net(2);
  m4s_load_mix_config_t config = defaults();
  m4s_load_mix_t mix;
  config.host_load = 0.6;
  ASSERT_REFUSES(
      m4s_load_mix_make(&config, "t", &net.shape, net.topology, net.routing, 1, &mix),
      "t: host_load: 0.6 is a load of 1.2 of the most loaded link (tier2-tier3), 1 or above, "
      "where queues grow without end (nearest valid: 0.493; allow_overload: true takes it as it "
      "is)");
  config.allow_overload = true;
  mix = make_mix(&config, &net, 1);
  assert_true(fabs(mix.expected_load - 0.6 * 4 * 128 / 255) <= 1e-9);
  m4s_load_mix_clear(&mix);
  config.allow_overload = false;
  config.host_load = 0.493;
  mix = make_mix(&config, &net, 1);
  assert_true(mix.expected_load < 1);
  m4s_load_mix_clear(&mix);
  clear_net(&net);
}

// Over 400 seeds the loads have the deviation that is told, within three deviations of their own (a
// share of the largest eighth of them, as loads are nearly normal), and the mean that is asked for.
static void loads_should_deviate_as_told(void **state) {
  (void)state;
  enum { N = 400 };
  net_t net = make_net("training", 2, 10, 0);
  for (int gaps = 0; gaps < 2; gaps++) {
    m4s_load_mix_config_t config = defaults();
    config.sizes.kind = M4S_SIZES_EXPONENTIAL;
    config.gaps = gaps;
    config.n_flows = 2000;
    double sum = 0;
    double squares = 0;
    double deviation = 0;
    for (uint64_t seed = 0; seed < N; seed++) {
      m4s_load_mix_t mix = make_mix(&config, &net, seed);
      m4s_realised_load_t load;
      ASSERT_OK(m4s_load_mix_measure(&mix, net.topology, net.routing, M4S_PATHS_FLOW, &load));
      deviation = mix.load_deviation;
      sum += load.load - 0.5;
      squares += (load.load - 0.5) * (load.load - 0.5);
      m4s_load_mix_clear(&mix);
    }
    assert_true(fabs(sum / N) <= 3 * deviation / sqrt(N) + 0.01 * 0.5);
    assert_true(fabs(sqrt(squares / N) / deviation - 1) <= 3 / sqrt(2.0 * N));
  }
  clear_net(&net);
}

// With one path a pair, the busiest link is that of the hash.
static void loads_should_follow_the_paths_of_pairs(void **state) {
  (void)state;
  net_t net = make_net("small", 0, 40, 4);
  m4s_load_mix_config_t config = defaults();
  config.paths = M4S_PATHS_PAIR;
  config.sizes.kind = M4S_SIZES_CONSTANT;
  config.gaps = M4S_GAPS_POISSON;
  config.n_flows = 200000;
  m4s_load_mix_t mix = make_mix(&config, &net, 1);
  m4s_realised_load_t load;
  ASSERT_OK(m4s_load_mix_measure(&mix, net.topology, net.routing, M4S_PATHS_PAIR, &load));
  // Its share is at least 1 / 64 of what leaves pods: three deviations.
  assert_true(fabs(load.load / 0.5 - 1) <= 3 * sqrt((64 * 2 + 1) / 200000.0));
  config.paths = M4S_PATHS_FLOW;
  m4s_load_mix_t other = make_mix(&config, &net, 1);
  assert_true(mix.mean_gap_ns > 1.01 * other.mean_gap_ns);
  m4s_load_mix_clear(&mix);
  m4s_load_mix_clear(&other);
  clear_net(&net);
}

// --- flows ---

static void flows_should_be_in_order(void **state) {
  (void)state;
  net_t net = make_net("training", 2, 40, 0);
  m4s_load_mix_config_t config = defaults();
  config.n_flows = 5000;
  m4s_load_mix_t mix = make_mix(&config, &net, 3);
  int64_t last_ns = 0;
  for (int64_t i = 0; i < mix.n_flows; i++) {
    const m4s_flow_record_t *record = &mix.records[i];
    assert_int_equal(record->id, i);
    assert_true(record->start_ns >= last_ns && record->call_ns == record->start_ns);
    assert_true(record->src >= 0 && record->src < 32 && record->dst >= 0 && record->dst < 32);
    assert_true(record->src != record->dst && record->size_bytes >= 1);
    assert_true(record->fct_ns == -1 && record->ideal_fct_ns == -1 && record->collective == -1);
    last_ns = record->start_ns;
  }
  assert_int_equal(mix.horizon_ns, last_ns);
  m4s_load_mix_clear(&mix);
  clear_net(&net);
}

// As many flows as the mean gap says, within five deviations; the first of them are those of a mix
// by number.
static void durations_should_end_the_flows(void **state) {
  (void)state;
  net_t net = make_net("training", 2, 40, 0);
  m4s_load_mix_config_t config = defaults();
  config.gaps = M4S_GAPS_POISSON;
  config.sizes.kind = M4S_SIZES_EXPONENTIAL;
  config.n_flows = 10;
  config.duration_us = 100000;
  m4s_load_mix_t mix = make_mix(&config, &net, 3);
  double expected = 1e8 / mix.mean_gap_ns;
  assert_true(expected > 10000);
  assert_true(fabs((double)mix.n_flows - expected) <= 5 * sqrt(expected));
  assert_true(mix.records[mix.n_flows - 1].start_ns < 100000000);
  assert_int_equal(mix.horizon_ns, 100000000);
  config.duration_us = 0;
  m4s_load_mix_t few = make_mix(&config, &net, 3);
  assert_memory_equal(few.records, mix.records, 10 * sizeof *few.records);
  m4s_load_mix_clear(&mix);
  m4s_load_mix_clear(&few);
  clear_net(&net);
}

static uint64_t hash_of(const m4s_load_mix_config_t *config, net_t *net, uint64_t seed) {
  m4s_load_mix_t mix = make_mix(config, net, seed);
  uint64_t hash =
      m4s_hash_bytes(M4S_HASH_START, mix.records, (size_t)mix.n_flows * sizeof *mix.records);
  m4s_load_mix_clear(&mix);
  return hash;
}

static void flows_should_be_the_same_everywhere(void **state) {
  (void)state;
  net_t net = make_net("small", 0, 40, 2);
  m4s_load_mix_config_t config = defaults();
  config.spatial.kind = M4S_SPATIAL_LOCALITY;
  config.spatial.skew = 1.2;
  config.lognorm_sigma = 2;
  assert_int_equal(hash_of(&config, &net, 42), UINT64_C(0x9293ae44631ad7e8));
  assert_true(hash_of(&config, &net, 43) != hash_of(&config, &net, 42));
  clear_net(&net);
}

// Loads change when flows start and nothing else.
static void loads_should_keep_pairs_and_sizes(void **state) {
  (void)state;
  net_t net = make_net("small", 0, 40, 2);
  m4s_load_mix_config_t config = defaults();
  config.n_flows = 1000;
  m4s_load_mix_t slow = make_mix(&config, &net, 1);
  config.max_load = 0.75;
  m4s_load_mix_t fast = make_mix(&config, &net, 1);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(slow.records[i].src, fast.records[i].src);
    assert_int_equal(slow.records[i].dst, fast.records[i].dst);
    assert_int_equal(slow.records[i].size_bytes, fast.records[i].size_bytes);
    double start_ns = (double)slow.records[i].start_ns / 1.5;
    assert_true(fabs(start_ns - (double)fast.records[i].start_ns) <= 2);
  }
  m4s_load_mix_clear(&slow);
  m4s_load_mix_clear(&fast);
  clear_net(&net);
}

// --- errors ---

static void refuse(net_t *net, const m4s_load_mix_config_t *config, const char *message) {
  m4s_load_mix_t mix = {.n_flows = 77};
  ASSERT_REFUSES(m4s_load_mix_make(config, "x.json: base.traffic", &net->shape, net->topology,
                                   net->routing, 1, &mix),
                 message);
  assert_int_equal(mix.n_flows, 77);
}

static void bad_settings_should_be_refused(void **state) {
  (void)state;
  net_t net = make_net("training", 2, 40, 0);
  m4s_load_mix_config_t config = defaults();
  config.max_load = 0;
  refuse(&net, &config, "x.json: base.traffic: max_load: 0 is not above 0 (nearest valid: 0.01)");
  config.max_load = NAN;
  refuse(&net, &config, "x.json: base.traffic: max_load: nan is not above 0 (nearest valid: 0.01)");
  config.max_load = 1;
  refuse(&net, &config,
         "x.json: base.traffic: max_load: 1 is 1 or above, where queues grow without end (nearest "
         "valid: 0.99; allow_overload: true takes it as it is)");
  config.allow_overload = true;
  m4s_load_mix_t mix = make_mix(&config, &net, 1);
  m4s_load_mix_clear(&mix);
  config = defaults();
  config.duration_us = 1;
  refuse(&net, &config,
         "x.json: base.traffic: duration_us: 1 ends before the first flow, at 50 us");
  config.duration_us = INT64_C(1000000000000);
  refuse(&net, &config,
         "x.json: base.traffic: duration_us: 1000000000000 would take 1.17e+10 flows, too many "
         "(nearest valid: 7700625000)");
  config = defaults();
  config.sizes.kind = M4S_SIZES_CONSTANT;
  config.sizes.mean_bytes = 1e9;
  config.max_load = 1e-9;
  refuse(&net, &config, "x.json: base.traffic: flow 59 would start after 1.02e+09 s, too late");
  net.shape.racks_per_pod = 5;
  refuse(&net, &config,
         "x.json: base.traffic: 1 pods of 5 racks of 8 hosts, the topology has 32 hosts");
  clear_net(&net);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(uniform_shares_should_be_those_of_the_counts),
      cmocka_unit_test(shares_should_be_those_of_routed_flows),
      cmocka_unit_test(shares_should_hold_for_gpu_clusters),
      cmocka_unit_test(loads_should_be_those_asked_for),
      cmocka_unit_test(host_loads_should_give_the_same_traffic_on_all_fabrics),
      cmocka_unit_test(host_loads_should_be_refused_where_links_cannot_carry_them),
      cmocka_unit_test(loads_should_deviate_as_told),
      cmocka_unit_test(loads_should_follow_the_paths_of_pairs),
      cmocka_unit_test(flows_should_be_in_order),
      cmocka_unit_test(durations_should_end_the_flows),
      cmocka_unit_test(flows_should_be_the_same_everywhere),
      cmocka_unit_test(loads_should_keep_pairs_and_sizes),
      cmocka_unit_test(bad_settings_should_be_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
