// m4sweep bench flowsim: how fast the fluid model is, with the work it does. The mix on the Clos
// fabric: uniform pairs, bounded Pareto sizes (shape 1.2, 1 kB to 30 MB), Poisson arrivals.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/bench.h"
#include "cli/cli.h"
#include "core/clock.h"
#include "core/units.h"
#include "flow/collective_source.h"
#include "flow/flow_list.h"
#include "flow/random_mix.h"
#include "flowsim/flowsim.h"
#include "net/clos.h"
#include "net/gpu_cluster.h"
#include "sim/run_loop.h"

typedef struct {
  char *workload;
  int64_t flows, racks, seed;
  double load;
} options_t;

static const m4s_field_t fields[] = {
    {.name = "workload",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, workload),
     .unit = "FILE",
     .fallback = "sweeps/workloads/gray-failure.txt",
     .help = "for the 105 gray-failure points"},
    {.name = "flows",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, flows),
     .fallback = "1000000",
     .min = 1,
     .max = 1e9,
     .help = "flows of the random mix on a Clos fabric"},
    {.name = "racks",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, racks),
     .fallback = "384",
     .min = 8,
     .max = 4096,
     .help = "racks of 16 hosts, in 8 pods (a multiple of 8)"},
    {.name = "load",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(options_t, load),
     .fallback = "0.5",
     .min = 0.01,
     .max = 0.95,
     .help = "mean load of the host links"},
    {.name = "seed",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, seed),
     .fallback = "1",
     .min = 0,
     .max = 4294967295.0,
     .help = "of the random mix"},
};

static void print_head(void) {
  printf("%-26s %10s %9s %11s %12s %12s %10s %9s\n", "case", "flows", "wall s", "events",
         "re-rated", "re-rated per", "filled per", "ns per");
  printf("%-26s %10s %9s %11s %12s %12s %10s %9s\n", "", "", "", "", "flows", "event", "re-rated",
         "re-rated");
}

static void print_row(const char *name, int64_t n_flows, double wall_s,
                      const m4s_flowsim_counts_t *counts) {
  double changes = (double)counts->rate_changes;
  printf("%-26s %10" PRId64 " %9.3f %11" PRId64 " %12" PRId64 " %12.2f %10.2f %9.1f\n", name,
         n_flows, wall_s, counts->events, counts->rate_changes, changes / (double)counts->events,
         (double)counts->flows_filled / changes, wall_s * 1e9 / changes);
}

// --- the 105 gray-failure points ---

static void add_counts(m4s_flowsim_counts_t *sum, const m4s_flowsim_counts_t *counts) {
  sum->events += counts->events;
  sum->allocations += counts->allocations;
  sum->flows_filled += counts->flows_filled;
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
  double began_s = m4s_now_s();
  for (cluster.degraded_gpus = 2; cluster.degraded_gpus <= 16; cluster.degraded_gpus++) {
    for (cluster.reduction = 4; cluster.reduction <= 10; cluster.reduction++) {
      M4S_TRY(run_point(&cluster, workload, &config, &sum, &n_flows));
    }
  }
  print_row(name, n_flows, m4s_now_s() - began_s, &sum);
  return M4S_OK;
}

// --- a random mix on a Clos fabric ---

enum { PODS = 8, HOST_GBPS = 10 };

static m4s_status_t make_clos(int64_t racks, m4s_topology_t **topology_out) {
  const m4s_clos_t clos = {.pods = PODS,
                           .racks_per_pod = racks / PODS,
                           .hosts_per_rack = 16,
                           .fabrics_per_pod = 4,
                           .spines_per_plane = 48,
                           .host_gbps = HOST_GBPS,
                           .uplink_gbps = 40,
                           .link_delay_ns = 1000};
  return m4s_clos_create(&clos, topology_out);
}

static m4s_status_t make_mix(const options_t *options, int32_t n_hosts,
                             m4s_flow_record_t *records) {
  const m4s_random_mix_t mix = {.n_flows = options->flows,
                                .n_hosts = n_hosts,
                                .load = options->load,
                                .host_bps = HOST_GBPS * M4S_BPS_PER_GBPS,
                                .shape = 1.2,
                                .min_size_bytes = 1000,
                                .max_size_bytes = 30000000,
                                .seed = (uint64_t)options->seed};
  return m4s_random_mix_make(&mix, records);
}

static m4s_status_t bench_clos(const options_t *options) {
  m4s_topology_t *topology = NULL;
  m4s_routing_t *routing = NULL;
  m4s_flow_list_t *list = NULL;
  m4s_clock_t clock = {0};
  m4s_flowsim_counts_t counts = {0};
  m4s_flowsim_config_t config = {.wire = {1000, 48}};
  m4s_flow_record_t *records = calloc((size_t)options->flows, sizeof *records);
  m4s_status_t status =
      records == NULL ? m4s_fail_memory("flows") : make_clos(options->racks, &topology);
  if (status == M4S_OK) {
    status = m4s_routing_create(topology, &routing);
  }
  if (status == M4S_OK) {
    m4s_routing_set_ecmp_seed(routing, M4S_ECMP_SEED_NODE);
    status = make_mix(options, topology->n_hosts, records);
  }
  if (status == M4S_OK) {
    status = m4s_flow_list_create(records, options->flows, routing, &clock, &list);
  }
  if (status == M4S_OK) {
    status = m4s_fields_set_defaults(m4s_flowsim_fields, M4S_N_FLOWSIM_FIELDS, &config);
  }
  double began_s = m4s_now_s();
  if (status == M4S_OK) {
    status = simulate(&config, topology, &clock, m4s_flow_list_as_source(list), &counts);
  }
  if (status == M4S_OK) {
    char name[64];
    snprintf(name, sizeof name, "clos %" PRId64 " racks, exact", options->racks);
    print_row(name, options->flows, m4s_now_s() - began_s, &counts);
    printf("%-26s %" PRId64 " flows at once at most, load %g, %.3f s simulated\n", "",
           counts.peak_active_flows, options->load, (double)clock.now_ns / 1e9);
  }
  m4s_flow_list_destroy(list);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
  free(records);
  return status;
}

static int run(const void *values, int n_arguments, char **arguments) {
  (void)n_arguments;
  (void)arguments;
  const options_t *options = values;
  m4s_workload_t *workload = NULL;
  m4s_status_t status = M4S_OK;
  if (options->racks % PODS != 0) {
    status = m4s_fail(M4S_ERR_INPUT,
                      "--racks: %" PRId64 " is no multiple of %d (nearest valid: %" PRId64 ")",
                      options->racks, PODS, (options->racks + PODS / 2) / PODS * PODS);
  }
  if (status == M4S_OK) {
    status = m4s_workload_read(options->workload, &workload);
    status = status == M4S_OK ? status : m4s_fail_in(status, "--workload");
  }
  if (status == M4S_OK) {
    print_head();
    status = bench_gray_failure(workload, M4S_FLOWSIM_PUBLISHED, "gray-failure, published");
  }
  if (status == M4S_OK) {
    status = bench_gray_failure(workload, M4S_FLOWSIM_EXACT, "gray-failure, exact");
  }
  if (status == M4S_OK) {
    printf("%-26s 105 points; peak memory %.0f MB\n", "", m4s_bench_peak_memory_mb());
    status = bench_clos(options);
  }
  if (status == M4S_OK) {
    printf("peak memory %.0f MB\n", m4s_bench_peak_memory_mb());
  }
  m4s_workload_destroy(workload);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_bench_flowsim = {
    .name = "bench flowsim",
    .arguments = "",
    .summary = "time the fluid model: gray-failure points, a large Clos mix",
    .details =
        "Re-rated: flows whose rate changed. Filled: flows that took part in water-fillings. One "
        "core.",
    .options = fields,
    .n_options = M4S_COUNT(fields),
    .options_bytes = sizeof(options_t),
    .run = run,
};
