// m4sweep bench flowsim: how fast the fluid model is, with the work it does: the gray-failure
// points in both modes, and a load mix on a large Clos fabric.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "core/clock.h"
#include "flow/collective_source.h"
#include "flow/flow_list.h"
#include "flow/load_mix.h"
#include "flowsim/flowsim.h"
#include "net/clos.h"
#include "net/gpu_cluster.h"
#include "sim/run_loop.h"

enum { PODS = 8 };

typedef enum { CASE_ALL, CASE_GRAY_FAILURE, CASE_CLOS } case_t;

static const char *const case_names[] = {"all", "gray-failure", "clos", NULL};

typedef struct {
  int which;  // case_t
  char *workload;
  int64_t flows, racks, seed;
  int sizes;  // m4s_sizes_kind_t
  double load, lognorm_sigma, oversubscription;
} options_t;

static const m4s_field_t fields[] = {
    {.name = "case",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(options_t, which),
     .choices = case_names,
     .fallback = "all",
     .help = "what is timed"},
    M4S_OPTION_GRAY_WORKLOAD(options_t, "for the 105 gray-failure points"),
    {.name = "flows",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, flows),
     .fallback = "2000000",
     .min = 1,
     .max = 1e8,
     .help = "of the load mix on the Clos fabric"},
    {.name = "racks",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, racks),
     .fallback = "384",
     .min = 8,
     .max = 4096,
     .help = "racks of 16 hosts, in 8 pods (a multiple of 8)"},
    {.name = "oversubscription",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(options_t, oversubscription),
     .fallback = "1",
     .min = 0.01,
     .max = 512,
     .help = "of the fabric switches' links to spines"},
    {.name = "sizes",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(options_t, sizes),
     .choices = m4s_sizes_names,
     .fallback = "websearch",
     .help = "distribution of flow sizes"},
    {.name = "load",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(options_t, load),
     .fallback = "0.5",
     .min = 0.01,
     .max = 0.95,
     .help = "expected load of the most loaded link"},
    {.name = "lognorm_sigma",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(options_t, lognorm_sigma),
     .fallback = "1",
     .min = 0,
     .max = 10,
     .help = "of the logarithm of the gaps between flows, 2 for bursts"},
    M4S_OPTION_SEED(options_t, "of the mix"),
};

// What a case took, on both clocks: they differ where others use the core.
typedef struct {
  double wall_s, cpu_s;
} watch_t;

static watch_t start_watch(void) {
  return (watch_t){.wall_s = m4s_now_s(), .cpu_s = m4s_bench_cpu_s()};
}

static watch_t stop_watch(watch_t began) {
  return (watch_t){.wall_s = m4s_now_s() - began.wall_s, .cpu_s = m4s_bench_cpu_s() - began.cpu_s};
}

static void print_head(void) {
  printf("%-23s %9s %7s %7s %10s %9s %9s %9s %8s\n", "case", "flows", "wall", "CPU", "events",
         "events/s", "re-rated", "links", "ns per");
  printf("%-23s %9s %7s %7s %10s %9s %9s %9s %8s\n", "", "", "[s]", "[s]", "", "of CPU",
         "per event", "per event", "re-rated");
}

static void print_row(const char *name, int64_t n_flows, watch_t took,
                      const m4s_flowsim_counts_t *counts) {
  double events = (double)counts->events;
  double changes = (double)counts->rate_changes;
  printf("%-23s %9" PRId64 " %7.2f %7.2f %10" PRId64 " %9.0f %9.2f %9.2f %8.1f\n", name, n_flows,
         took.wall_s, took.cpu_s, counts->events, events / took.cpu_s, changes / events,
         (double)counts->links_filled / events, took.cpu_s * 1e9 / changes);
}

// --- the 105 gray-failure points ---

static void add_counts(m4s_flowsim_counts_t *sum, const m4s_flowsim_counts_t *counts) {
  sum->events += counts->events;
  sum->allocations += counts->allocations;
  sum->flows_filled += counts->flows_filled;
  sum->links_filled += counts->links_filled;
  sum->rate_changes += counts->rate_changes;
}

// Runs a source on flowsim to its end.
static m4s_status_t simulate(const m4s_flowsim_config_t *config, const m4s_topology_t *topology,
                             m4s_clock_t *clock, m4s_source_t source,
                             m4s_flowsim_counts_t *counts_out) {
  m4s_network_model_t model = {0};
  m4s_run_t *run = NULL;
  m4s_run_state_t state;
  M4S_TRY(m4s_flowsim_create(config, topology, clock, &model));
  m4s_status_t status = m4s_run_create(clock, source, model, &(m4s_run_limits_t){0}, &run);
  if (status == M4S_OK) {
    status = m4s_run_advance(run, NULL, &state);
  }
  *counts_out = m4s_flowsim_counts(&model);
  m4s_run_destroy(run);
  model.ops->destroy(model.state);
  return status;
}

static m4s_status_t run_point(const m4s_gpu_cluster_t *cluster, const m4s_workload_t *workload,
                              const m4s_flowsim_config_t *config, m4s_flowsim_counts_t *sum,
                              int64_t *n_flows) {
  const m4s_collective_config_t system = {.send_latency_ns = 3000,
                                          .endpoint_delay_ns = 10,
                                          .processing_delay_ns = 30,
                                          .min_flow_bytes = 4096,
                                          .wire = config->wire};
  m4s_topology_t *topology = NULL;
  m4s_routing_t *routing = NULL;
  m4s_collective_source_t *source = NULL;
  m4s_clock_t clock = {0};
  m4s_flowsim_counts_t counts = {0};
  m4s_status_t status = m4s_gpu_cluster_create(cluster, "bench", &topology);
  if (status == M4S_OK) {
    status = m4s_routing_create(topology, &routing);
  }
  if (status == M4S_OK) {
    status = m4s_collective_source_create(&system, workload, topology, routing, &clock, &source);
  }
  if (status == M4S_OK) {
    status = simulate(config, topology, &clock, m4s_collective_source_as_source(source), &counts);
  }
  if (status == M4S_OK) {
    add_counts(sum, &counts);
    *n_flows += m4s_collective_source_result(source).n_flows;
  }
  m4s_collective_source_destroy(source);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
  return status;
}

static m4s_status_t bench_gray_failure(const m4s_workload_t *workload, m4s_flowsim_mode_t mode,
                                       const char *name) {
  m4s_gpu_cluster_t cluster = {0};
  m4s_flowsim_config_t config = {.wire = {1000, 48}};
  m4s_flowsim_counts_t sum = {0};
  int64_t n_flows = 0;
  M4S_TRY(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  M4S_TRY(m4s_fields_set_defaults(m4s_flowsim_fields, M4S_N_FLOWSIM_FIELDS, &config));
  config.mode = mode;
  watch_t began = start_watch();
  for (cluster.degraded_gpus = 2; cluster.degraded_gpus <= 16; cluster.degraded_gpus++) {
    for (cluster.reduction = 4; cluster.reduction <= 10; cluster.reduction++) {
      M4S_TRY(run_point(&cluster, workload, &config, &sum, &n_flows));
    }
  }
  print_row(name, n_flows, stop_watch(began), &sum);
  return M4S_OK;
}

static m4s_status_t bench_gray_failures(const options_t *options) {
  m4s_workload_t *workload = NULL;
  m4s_status_t status = m4s_workload_read(options->workload, &workload);
  if (status != M4S_OK) {
    return m4s_fail_in(status, "--workload");
  }
  print_head();
  status = bench_gray_failure(workload, M4S_FLOWSIM_PUBLISHED, "gray-failure, published");
  if (status == M4S_OK) {
    status = bench_gray_failure(workload, M4S_FLOWSIM_EXACT, "gray-failure, exact");
  }
  if (status == M4S_OK) {
    printf("105 points; peak memory %.0f MB\n", m4s_bench_peak_memory_mb());
  }
  m4s_workload_destroy(workload);
  return status;
}

// --- a load mix on a Clos fabric ---

typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_cluster_shape_t shape;
  m4s_load_mix_t mix;
  watch_t made_in;  // the mix
} traffic_t;

static void clear_traffic(traffic_t *traffic) {
  m4s_load_mix_clear(&traffic->mix);
  m4s_routing_destroy(traffic->routing);
  m4s_topology_destroy(traffic->topology);
}

static m4s_status_t make_clos(const options_t *options, traffic_t *traffic) {
  const m4s_clos_config_t config = {.clos = {.pods = PODS,
                                             .racks_per_pod = options->racks / PODS,
                                             .hosts_per_rack = 16,
                                             .fabrics_per_pod = 4,
                                             .host_gbps = 10,
                                             .uplink_gbps = 40,
                                             .link_delay_ns = 1000},
                                    .oversubscription = options->oversubscription};
  m4s_clos_t clos;
  M4S_TRY(m4s_clos_resolve(&config, "--oversubscription", &clos));
  M4S_TRY(m4s_clos_create(&clos, &traffic->topology));
  M4S_TRY(m4s_routing_create(traffic->topology, &traffic->routing));
  m4s_routing_set_paths(traffic->routing, M4S_PATHS_FLOW);
  traffic->shape = (m4s_cluster_shape_t){.pods = (int32_t)clos.pods,
                                         .racks_per_pod = (int32_t)clos.racks_per_pod,
                                         .hosts_per_rack = (int32_t)clos.hosts_per_rack};
  return M4S_OK;
}

static m4s_status_t make_mix(const options_t *options, traffic_t *traffic) {
  m4s_load_mix_config_t config = {0};
  M4S_TRY(m4s_fields_set_defaults(m4s_load_mix_fields, M4S_N_LOAD_MIX_FIELDS, &config));
  config.sizes.kind = options->sizes;
  config.lognorm_sigma = options->lognorm_sigma;
  config.max_load = options->load;
  config.n_flows = options->flows;
  watch_t began = start_watch();
  M4S_TRY(m4s_load_mix_make(&config, "options", &traffic->shape, traffic->topology,
                            traffic->routing, (uint64_t)options->seed, &traffic->mix));
  traffic->made_in = stop_watch(began);
  return M4S_OK;
}

static m4s_status_t simulate_mix(const options_t *options, traffic_t *traffic) {
  m4s_flow_list_t *list = NULL;
  m4s_clock_t clock = {0};
  m4s_flowsim_counts_t counts;
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_EXACT, .wire = {1000, 48}};
  watch_t began = start_watch();
  M4S_TRY(m4s_flow_list_create(traffic->mix.records, traffic->mix.n_flows, traffic->routing, &clock,
                               &list));
  m4s_status_t status =
      simulate(&config, traffic->topology, &clock, m4s_flow_list_as_source(list), &counts);
  m4s_flow_list_destroy(list);
  M4S_TRY(status);
  char name[64];
  snprintf(name, sizeof name, "clos %" PRId64 " racks, exact", options->racks);
  print_row(name, traffic->mix.n_flows, stop_watch(began), &counts);
  printf("load %g, %.3f s simulated, at most %" PRId64
         " flows at once, %.2f flows filled per re-rated\n",
         options->load, (double)clock.now_ns / 1e9, counts.peak_active_flows,
         (double)counts.flows_filled / (double)counts.rate_changes);
  printf("peak memory %.0f MB\n", m4s_bench_peak_memory_mb());
  return M4S_OK;
}

static m4s_status_t bench_clos(const options_t *options) {
  traffic_t traffic = {0};
  m4s_status_t status = make_clos(options, &traffic);
  if (status == M4S_OK) {
    status = make_mix(options, &traffic);
  }
  if (status == M4S_OK) {
    double made_in_s = traffic.made_in.cpu_s;
    printf("\nmix of %" PRId64 " flows: made in %.2f s of CPU, %.1f million flows/s\n",
           traffic.mix.n_flows, made_in_s, (double)traffic.mix.n_flows / made_in_s / 1e6);
    print_head();
    status = simulate_mix(options, &traffic);
  }
  clear_traffic(&traffic);
  return status;
}

static m4s_status_t bench(const options_t *options) {
  if (options->racks % PODS != 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "--racks: %" PRId64 " is no multiple of %d (nearest valid: %" PRId64 ")",
                    options->racks, PODS, (options->racks + PODS / 2) / PODS * PODS);
  }
  if (options->which != CASE_CLOS) {
    M4S_TRY(bench_gray_failures(options));
  }
  return options->which != CASE_GRAY_FAILURE ? bench_clos(options) : M4S_OK;
}

static int run(const void *options, int n_arguments, char **arguments) {
  (void)n_arguments;
  (void)arguments;
  m4s_status_t status = bench(options);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_bench_flowsim = {
    .name = "bench flowsim",
    .arguments = "",
    .summary = "time the fluid model: gray-failure points, a load mix on a large Clos fabric",
    .details =
        "On one core. Events: water-fillings, ends of transmissions, completions. Per event:\n"
        "re-rated, flows whose rate changed; links, those that water-fillings looked at.",
    .options = fields,
    .n_options = M4S_COUNT(fields),
    .options_bytes = sizeof(options_t),
    .run = run,
};
