#include "flow/load_mix.h"

#include <math.h>
#include <stdlib.h>

#include "core/event.h"
#include "core/units.h"
#include "net/tiers.h"

enum { MAX_FLOWS = 100000000 };

#define AT(member_) offsetof(m4s_load_mix_config_t, member_)
#define REAL(name_, member_, unit_, fallback_, min_, max_, help_) \
  { \
    .name = name_, .kind = M4S_FIELD_REAL, .offset = AT(member_), .unit = unit_, \
    .fallback = fallback_, .min = min_, .max = max_, .help = help_ \
  }
#define INT(name_, member_, unit_, fallback_, min_, max_, help_) \
  { \
    .name = name_, .kind = M4S_FIELD_INT, .offset = AT(member_), .unit = unit_, \
    .fallback = fallback_, .min = min_, .max = max_, .help = help_ \
  }
#define CHOICE(name_, member_, names_, fallback_, help_) \
  { \
    .name = name_, .kind = M4S_FIELD_CHOICE, .offset = AT(member_), .choices = names_, \
    .fallback = fallback_, .help = help_ \
  }
#define PATH(name_, member_, help_) \
  { .name = name_, .kind = M4S_FIELD_PATH, .offset = AT(member_), .unit = "path", .help = help_ }
const m4s_field_t m4s_load_mix_fields[] = {
    CHOICE("spatial", spatial.kind, m4s_spatial_names, "uniform", "which hosts send to which"),
    PATH("matrix_file", spatial.matrix_file,
         "spatial matrix: counts from rack to rack, JSON: {\"matrix\": {\"inner\": rows, "
         "\"idx2name\": "
         "racks}, \"pod2tors\": {pod: racks, ...}}"),
    REAL("rack_share", spatial.rack_share, NULL, "0.1", 0, 1,
         "spatial locality: share of the flows that stay in their rack"),
    REAL("pod_share", spatial.pod_share, NULL, "0.3", 0, 1,
         "spatial locality: of the flows that leave their rack, the share within a pod"),
    REAL("skew", spatial.skew, NULL, "0", 0, 10,
         "spatial locality: Zipf exponent of the racks' popularity"),
    INT("senders", spatial.senders, NULL, "8", 1, 1 << 20, "spatial incast: senders per receiver"),
    CHOICE("sizes", sizes.kind, m4s_sizes_names, "websearch", "distribution of flow sizes"),
    PATH("sizes_file", sizes.file,
         "sizes file: lines of size in bytes and cumulative percent (or share)"),
    REAL("mean_bytes", sizes.mean_bytes, "bytes", "20000", 1, 1e12,
         "sizes exponential, gaussian, lognormal, constant: their mean"),
    REAL("deviation_bytes", sizes.deviation_bytes, "bytes", "5000", 1, 1e12,
         "sizes gaussian: standard deviation"),
    REAL("size_sigma", sizes.sigma, NULL, "1", 0.001, 3,
         "sizes lognormal: standard deviation of the logarithm"),
    REAL("pareto_shape", sizes.shape, NULL, "1.2", 0.01, 20, "sizes pareto: exponent"),
    INT("smallest_bytes", sizes.smallest_bytes, "bytes", "1000", 1, 1e12,
        "sizes pareto: the smallest"),
    INT("max_flow_bytes", sizes.max_flow_bytes, "bytes", "1000000000", 1, 1e12,
        "the largest size; what would be larger is drawn again"),
    CHOICE("gaps", gaps, m4s_gaps_names, "lognormal", "times between the starts of flows"),
    REAL("lognorm_sigma", lognorm_sigma, NULL, "1", 0, 4,
         "gaps lognormal: standard deviation of the logarithm, 2 for bursts"),
    REAL("max_load", max_load, NULL, "0.5", 1e-6, 100,
         "expected load of the most loaded link, above 0 and below 1"),
    REAL("host_load", host_load, NULL, "0", 0, 100,
         "load of the hosts' links on average instead of max_load: the same traffic whatever the "
         "fabric; 0: max_load"),
    {.name = "allow_overload",
     .kind = M4S_FIELD_FLAG,
     .offset = AT(allow_overload),
     .fallback = "false",
     .help = "the load of the most loaded link may be 1 and above"},
    INT("n_flows", n_flows, NULL, "20000", 1, MAX_FLOWS, "number of flows"),
    INT("duration_us", duration_us, "us", "0", 0, 1e12,
        "flows start up to this time, however many; 0: n_flows of them"),
};

// --- the rate ---

// Where the traffic of the mix goes, and how fast.
typedef struct {
  const m4s_load_mix_config_t *config;
  const char *where;
  const m4s_topology_t *topology;
  m4s_routing_t *routing;
  int32_t n_hosts;  // of the cluster
  m4s_spatial_t *spatial;  // owned
  m4s_size_distribution_t *sizes;  // owned
  uint64_t seed;
} maker_t;

static void clear_maker(maker_t *maker) {
  m4s_spatial_destroy(maker->spatial);
  m4s_size_distribution_destroy(maker->sizes);
}

static m4s_status_t check(const m4s_load_mix_config_t *config, const char *where,
                          const m4s_cluster_shape_t *shape, const m4s_topology_t *topology) {
  if (!(config->max_load > 0)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: max_load: %.15g is not above 0 (nearest valid: 0.01)",
                    where, config->max_load);
  }
  if (config->max_load >= 1 && config->host_load == 0 && !config->allow_overload) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: max_load: %.15g is 1 or above, where queues grow without end (nearest "
                    "valid: 0.99; allow_overload: true takes it as it is)",
                    where, config->max_load);
  }
  int32_t n_hosts = m4s_cluster_n_hosts(shape);
  if (n_hosts > topology->n_hosts) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %d pods of %d racks of %d hosts, the topology has %d hosts",
                    where, shape->pods, shape->racks_per_pod, shape->hosts_per_rack,
                    topology->n_hosts);
  }
  return M4S_OK;
}

// The link with the most flows per bandwidth; in *most_out its share of them per byte per ns.
static m4s_status_t find_busiest_link(const maker_t *maker, m4s_load_mix_t *mix, double *most_out) {
  const m4s_topology_t *topology = maker->topology;
  double *shares = malloc((size_t)topology->n_links * sizeof *shares);
  if (shares == NULL) {
    return m4s_fail_memory("expected loads");
  }
  m4s_status_t status = m4s_link_shares(maker->spatial, topology, maker->routing,
                                        (m4s_paths_t)maker->config->paths, shares);
  double most = 0;
  for (int32_t i = 0; status == M4S_OK && i < topology->n_links; i++) {
    double ratio = shares[i] / m4s_bps_to_bytes_per_ns(topology->links[i].bandwidth_bps);
    if (ratio > most) {
      most = ratio;
      mix->busiest_link = i;
      mix->busiest_share = shares[i];
    }
  }
  free(shares);
  *most_out = most;
  return status;
}

// What all hosts of the cluster together can send.
static double host_bytes_per_ns(const maker_t *maker) {
  const m4s_topology_t *topology = maker->topology;
  double sum = 0;
  for (int32_t i = 0; i < topology->n_links; i++) {
    if (topology->links[i].src < maker->n_hosts) {
      sum += m4s_bps_to_bytes_per_ns(topology->links[i].bandwidth_bps);
    }
  }
  return sum;
}

// Whether the hosts' traffic is too much for a link on its way.
static m4s_status_t check_host_load(const maker_t *maker, const m4s_load_mix_t *mix) {
  const m4s_load_mix_config_t *config = maker->config;
  if (mix->expected_load < 1 || config->allow_overload) {
    return M4S_OK;
  }
  int32_t *tiers;
  char tier[M4S_TIER_NAME_BYTES];
  M4S_TRY(m4s_tiers_make(maker->topology, &tiers));
  m4s_tiers_name_link(maker->topology, tiers, mix->busiest_link, tier);
  free(tiers);
  return m4s_fail(
      M4S_ERR_INPUT,
      "%s: host_load: %.15g is a load of %.3g of the most loaded link (%s), 1 or above, "
      "where queues grow without end (nearest valid: %.3g; allow_overload: true takes "
      "it as it is)",
      maker->where, config->host_load, mix->expected_load, tier,
      config->host_load * 0.99 / mix->expected_load);
}

// The mean gap with which the link that is loaded most, or all hosts' links, have the wanted load.
static m4s_status_t calibrate(const maker_t *maker, m4s_load_mix_t *mix) {
  const m4s_load_mix_config_t *config = maker->config;
  double most = 0;
  M4S_TRY(find_busiest_link(maker, mix, &most));
  mix->mean_size_bytes = m4s_size_distribution_mean(maker->sizes);
  mix->mean_gap_ns = config->host_load > 0
                         ? mix->mean_size_bytes / (config->host_load * host_bytes_per_ns(maker))
                         : mix->mean_size_bytes * most / config->max_load;
  mix->expected_load = mix->mean_size_bytes * most / mix->mean_gap_ns;
  return config->host_load > 0 ? check_host_load(maker, mix) : M4S_OK;
}

// --- flows ---

static m4s_status_t grow(m4s_load_mix_t *mix, int64_t capacity) {
  m4s_flow_record_t *records = realloc(mix->records, (size_t)capacity * sizeof *records);
  if (records == NULL) {
    return m4s_fail_memory("flows");
  }
  mix->records = records;
  return M4S_OK;
}

// How many flows there are to be, or to be made room for at first.
static m4s_status_t count_flows(const maker_t *maker, const m4s_load_mix_t *mix,
                                int64_t *n_flows_out) {
  const m4s_load_mix_config_t *config = maker->config;
  double duration_ns = (double)config->duration_us * (double)M4S_NS_PER_US;
  if (duration_ns == 0) {
    *n_flows_out = config->n_flows;
    return M4S_OK;
  }
  double expected = duration_ns / mix->mean_gap_ns;
  if (expected > 0.9 * MAX_FLOWS) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: duration_us: %lld would take %.3g flows, too many (nearest valid: %.0f)",
                    maker->where, (long long)config->duration_us, expected,
                    floor(0.9 * MAX_FLOWS * mix->mean_gap_ns / (double)M4S_NS_PER_US));
  }
  *n_flows_out = (int64_t)expected + 16;
  return M4S_OK;
}

typedef struct {
  m4s_random_t pairs, sizes, gaps;
} streams_t;

static void init_streams(streams_t *streams, uint64_t seed) {
  m4s_random_init(&streams->pairs, seed, "pairs of hosts", 0);
  m4s_random_init(&streams->sizes, seed, "flow sizes", 0);
  m4s_random_init(&streams->gaps, seed, "gaps", 0);
}

static void draw_flow(const maker_t *maker, streams_t *streams, int64_t id, int64_t start_ns,
                      m4s_flow_record_t *record) {
  int32_t src = 0;
  int32_t dst = 0;
  m4s_spatial_draw(maker->spatial, &streams->pairs, &src, &dst);
  int64_t size_bytes = m4s_size_distribution_draw(maker->sizes, &streams->sizes);
  *record = m4s_flow_record_starting(id, src, dst, size_bytes, start_ns);
}

// Looks at where the flows ended: `next_ns` would be the start of one more.
static m4s_status_t finish_times(const maker_t *maker, double next_ns, m4s_load_mix_t *mix) {
  const m4s_load_mix_config_t *config = maker->config;
  if (config->duration_us > 0) {
    mix->horizon_ns = config->duration_us * M4S_NS_PER_US;
    return mix->n_flows > 0
               ? M4S_OK
               : m4s_fail(M4S_ERR_INPUT,
                          "%s: duration_us: %lld ends before the first flow, at %.0f us",
                          maker->where, (long long)config->duration_us, ceil(next_ns / 1e3));
  }
  if (mix->n_flows < config->n_flows) {
    return m4s_fail(M4S_ERR_INPUT, "%s: flow %lld would start after %.3g s, too late", maker->where,
                    (long long)mix->n_flows, next_ns / 1e9);
  }
  int64_t last_ns = mix->n_flows > 0 ? mix->records[mix->n_flows - 1].start_ns : 0;
  mix->horizon_ns = last_ns > 0 ? last_ns : 1;
  return M4S_OK;
}

// The link's load is the sum of the sizes of the n flows that take it, each with the probability
// of its share, over the sum of n gaps.
static double load_deviation(const maker_t *maker, const m4s_gaps_t *gaps,
                             const m4s_load_mix_t *mix) {
  double square = m4s_size_distribution_mean_square(maker->sizes);
  double mean = mix->mean_size_bytes;
  double of_sizes = square / (mean * mean * mix->busiest_share) - 1;
  return mix->expected_load *
         sqrt((of_sizes + m4s_gaps_relative_variance(gaps)) / (double)mix->n_flows);
}

static m4s_status_t draw_flows(const maker_t *maker, m4s_load_mix_t *mix) {
  const m4s_load_mix_config_t *config = maker->config;
  m4s_gaps_t gaps =
      m4s_gaps_make((m4s_gaps_kind_t)config->gaps, config->lognorm_sigma, mix->mean_gap_ns);
  int64_t capacity = 0;
  streams_t streams;
  M4S_TRY(count_flows(maker, mix, &capacity));
  M4S_TRY(grow(mix, capacity));
  init_streams(&streams, maker->seed);
  double end_ns = config->duration_us > 0 ? (double)config->duration_us * (double)M4S_NS_PER_US
                                          : (double)M4S_TIME_MAX_NS / 4;
  int64_t max_flows = config->duration_us > 0 ? MAX_FLOWS : config->n_flows;
  double start_ns = m4s_gaps_draw(&gaps, &streams.gaps);
  for (; mix->n_flows < max_flows && start_ns < end_ns; mix->n_flows++) {
    if (mix->n_flows == capacity) {
      capacity += capacity / 2;
      M4S_TRY(grow(mix, capacity));
    }
    draw_flow(maker, &streams, mix->n_flows, (int64_t)start_ns, &mix->records[mix->n_flows]);
    start_ns += m4s_gaps_draw(&gaps, &streams.gaps);
  }
  mix->load_deviation = mix->n_flows > 0 ? load_deviation(maker, &gaps, mix) : 0;
  return finish_times(maker, start_ns, mix);
}

// --- all ---

static m4s_status_t make(const maker_t *maker, m4s_load_mix_t *mix) {
  M4S_TRY(calibrate(maker, mix));
  return draw_flows(maker, mix);
}

void m4s_load_mix_clear(m4s_load_mix_t *mix) {
  free(mix->records);
  *mix = (m4s_load_mix_t){0};
}

m4s_status_t m4s_load_mix_make(const m4s_load_mix_config_t *config, const char *where,
                               const m4s_cluster_shape_t *shape, const m4s_topology_t *topology,
                               m4s_routing_t *routing, uint64_t seed, m4s_load_mix_t *mix_out) {
  maker_t maker = {.config = config,
                   .where = where,
                   .topology = topology,
                   .routing = routing,
                   .n_hosts = m4s_cluster_n_hosts(shape),
                   .seed = seed};
  m4s_load_mix_t mix = {0};
  M4S_TRY(check(config, where, shape, topology));
  m4s_status_t status = m4s_spatial_create(&config->spatial, where, shape, seed, &maker.spatial);
  if (status == M4S_OK) {
    status = m4s_size_distribution_create(&config->sizes, where, &maker.sizes);
  }
  if (status == M4S_OK) {
    status = make(&maker, &mix);
  }
  clear_maker(&maker);
  if (status == M4S_OK) {
    *mix_out = mix;
  } else {
    m4s_load_mix_clear(&mix);
  }
  return status;
}

// --- what became of the load ---

static void find_busiest(const double *loads, int32_t n_links, m4s_realised_load_t *load) {
  for (int32_t i = 0; i < n_links; i++) {
    if (loads[i] > load->busiest_load) {
      load->busiest_load = loads[i];
      load->busiest_link = i;
    }
  }
}

m4s_status_t m4s_load_mix_measure(const m4s_load_mix_t *mix, const m4s_topology_t *topology,
                                  m4s_routing_t *routing, m4s_paths_t paths,
                                  m4s_realised_load_t *load_out) {
  double *loads = malloc((size_t)topology->n_links * sizeof *loads);
  if (loads == NULL) {
    return m4s_fail_memory("loads of links");
  }
  m4s_status_t status =
      m4s_link_loads(mix->records, mix->n_flows, topology, routing, paths, mix->horizon_ns, loads);
  if (status == M4S_OK) {
    m4s_realised_load_t load = {.load = loads[mix->busiest_link]};
    find_busiest(loads, topology->n_links, &load);
    *load_out = load;
  }
  free(loads);
  return status;
}
