// m4sweep bench packet: how fast packets are simulated, with the work that is done. Mixes: web
// search sizes on the Clos fabric "small" by the rules of profile m4; the point: a gray failure
// with marking by rule, so that its total time is the same wherever it is run.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "core/clock.h"
#include "core/file.h"
#include "packet/trace.h"
#include "sweep/point.h"

typedef struct {
  char *workload;
  int64_t flows, degraded_gpus, reduction, repeat, seed;
  double load;
  bool observers, large;
} options_t;

static const m4s_field_t fields[] = {
    {.name = "flows",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, flows),
     .fallback = "2000",
     .min = 1,
     .max = 1e8,
     .help = "of each mix"},
    {.name = "load",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(options_t, load),
     .fallback = "0.5",
     .min = 0.01,
     .max = 0.95,
     .help = "of the mixes' most loaded link"},
    M4S_OPTION_SEED(options_t, "of the mixes"),
    {.name = "degraded_gpus",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, degraded_gpus),
     .fallback = "16",
     .min = 0,
     .max = 32,
     .help = "of the gray-failure point"},
    {.name = "reduction",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, reduction),
     .fallback = "4",
     .min = 1,
     .max = 100,
     .help = "of the gray-failure point: degraded GPUs have 1/R of their bandwidth"},
    M4S_OPTION_GRAY_WORKLOAD(options_t, "of the gray-failure point"),
    {.name = "repeat",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, repeat),
     .unit = "N",
     .fallback = "3",
     .min = 1,
     .max = 1000,
     .help = "runs of each case, of which the fastest counts"},
    {.name = "observers",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(options_t, observers),
     .help = "what watching queues, tracing and observers cost, on the mix with DCTCP"},
    {.name = "large",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(options_t, large),
     .help = "instead: 1,000,000 flows of web server sizes on 6,144 hosts, once; takes minutes"},
};

// --- one case ---

typedef enum { OBSERVE_NOTHING, OBSERVE_QUEUES, OBSERVE_TRACE, OBSERVE_EVENTS } observed_t;

// What looks on during a run.
typedef struct {
  m4s_packet_trace_t *trace;
  char folder[M4S_TEMPORARY_BYTES];  // of the trace; "": none
  m4s_packet_observer_t observer;
  int64_t n_told;
} watch_t;

static m4s_status_t count_event(void *context, const m4s_packet_event_t *event) {
  (void)event;
  ((watch_t *)context)->n_told++;
  return M4S_OK;
}

static m4s_status_t begin_watch(watch_t *watch, observed_t what, m4s_network_model_t *model) {
  switch (what) {
    case OBSERVE_NOTHING:
      return M4S_OK;
    case OBSERVE_QUEUES:
      return m4s_packet_watch_queues(model);
    case OBSERVE_TRACE:
      M4S_TRY(m4s_folder_make_temporary(watch->folder));
      return m4s_packet_trace_create(model, true, watch->folder, &watch->trace);
    case OBSERVE_EVENTS:
      watch->observer =
          (m4s_packet_observer_t){.kinds = ~0U, .observe = count_event, .context = watch};
      m4s_packet_observe(model, &watch->observer);
      return M4S_OK;
  }
  return M4S_OK;
}

// After the model is destroyed.
static void end_watch(watch_t *watch) {
  m4s_packet_trace_destroy(watch->trace);
  if (watch->folder[0] != '\0') {
    m4s_path_remove(watch->folder);
  }
}

// What a run took, and what it did.
typedef struct {
  double made_s, wall_s, cpu_s;  // until it begins; from then on
  m4s_packet_counts_t counts;
  int64_t n_flows, end_ns, n_told;
} result_t;

static m4s_status_t time_run(m4s_point_run_t *run, m4s_engines_t *engines, watch_t *watch,
                             result_t *result) {
  result->wall_s = -m4s_now_s();
  result->cpu_s = -m4s_bench_cpu_s();
  M4S_TRY(m4s_point_run_to_end(run, engines));
  if (watch->trace != NULL) {
    M4S_TRY(m4s_packet_trace_finish(watch->trace));
  }
  result->wall_s += m4s_now_s();
  result->cpu_s += m4s_bench_cpu_s();
  m4s_point_result_t end = m4s_point_run_result(run);
  result->n_flows = end.times.n_flows;
  result->end_ns = end.end_ns;
  result->counts = m4s_packet_counts(end.model);
  result->n_told = watch->n_told;
  return M4S_OK;
}

static m4s_status_t run_once(const m4s_point_t *point, m4s_engines_t *engines, observed_t what,
                             result_t *result_out) {
  m4s_point_run_t *run = NULL;
  watch_t watch = {0};
  result_t result = {.made_s = -m4s_now_s()};
  M4S_TRY(m4s_point_run_begin(point, "packet", engines, NULL, &run));
  result.made_s += m4s_now_s();
  m4s_status_t status = begin_watch(&watch, what, m4s_point_run_model(run));
  if (status == M4S_OK) {
    status = time_run(run, engines, &watch, &result);
  }
  m4s_point_run_destroy(run);
  end_watch(&watch);
  M4S_TRY(status);
  *result_out = result;
  return M4S_OK;
}

// The fastest of some runs.
static m4s_status_t run_case(json_t *settings, int64_t n_runs, observed_t what,
                             result_t *result_out) {
  m4s_point_t point = {0};
  m4s_engines_t *engines = NULL;
  result_t fastest = {.cpu_s = INFINITY};
  m4s_status_t status = settings == NULL ? m4s_fail_memory("settings")
                                         : m4s_point_set(&point, settings, ".", "bench packet");
  if (status == M4S_OK) {
    status = m4s_engines_create(&engines);
  }
  for (int64_t i = 0; status == M4S_OK && i < n_runs; i++) {
    result_t result;
    status = run_once(&point, engines, what, &result);
    if (status == M4S_OK && result.cpu_s < fastest.cpu_s) {
      fastest = result;
    }
  }
  m4s_engines_destroy(engines);
  m4s_point_clear(&point);
  json_decref(settings);
  M4S_TRY(status);
  *result_out = fastest;
  return M4S_OK;
}

// --- the cases ---

// New references, NULL without memory.
static json_t *mix_settings(const options_t *options, const char *cc) {
  return json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:f, s:I}, s:{s:s, s:s}, s:{s:I}}", "topology",
                   "kind", "clos", "size", "small", "traffic", "kind", "mix", "sizes", "websearch",
                   "max_load", options->load, "n_flows", (json_int_t)options->flows, "packet",
                   "profile", "m4", "cc", cc, "run", "seed", (json_int_t)options->seed);
}

static json_t *large_settings(const options_t *options) {
  const json_int_t n_flows = 1000000;
  return json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:f, s:I}, s:{s:s}, s:{s:I}}", "topology", "kind",
                   "clos", "size", "large", "traffic", "kind", "mix", "sizes", "webserver",
                   "max_load", options->load, "n_flows", n_flows, "packet", "profile", "m4", "run",
                   "seed", (json_int_t)options->seed);
}

static json_t *gray_settings(const options_t *options) {
  const json_int_t k_kb = 100;
  return json_pack("{s:{s:I, s:I}, s:{s:s}, s:{s:i, s:i}, s:{s:s, s:s, s:I, s:I, s:i, s:s}}",
                   "topology", "degraded_gpus", (json_int_t)options->degraded_gpus, "reduction",
                   (json_int_t)options->reduction, "traffic", "workload", options->workload,
                   "system", "send_latency_ns", 3000, "min_flow_bytes", 4096, "packet", "ecmp",
                   "pair", "event_order", "partitioned", "k_min_kb", k_kb, "k_max_kb", k_kb,
                   "p_max", 1, "ecn_scale", "flat");
}

// --- tables ---

static void print_head(void) {
  printf("%-14s %8s %10s %10s %10s %7s %8s %8s %8s %8s %7s %9s %7s %9s %10s\n", "", "", "data", "",
         "", "events", "wall", "CPU", "million", "million", "ns per", "packets", "bytes", "alloca-",
         "simulated");
  printf("%-14s %8s %10s %10s %10s %7s %8s %8s %8s %8s %7s %9s %7s %9s %10s\n", "case", "flows",
         "packets", "hops", "events", "per hop", "s", "s", "hops/s", "events/s", "hop", "at once",
         "each", "tions", "us");
}

static void print_row(const char *name, const result_t *result) {
  const m4s_packet_counts_t *counts = &result->counts;
  double n_hops = (double)counts->transmissions;
  double n_events = (double)counts->events;
  printf("%-14s %8" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64
         " %7.2f %8.3f %8.3f %8.2f %8.2f %7.1f %9" PRId64 " %7d %9" PRId64 " %10.1f\n",
         name, result->n_flows, counts->data_packets, counts->transmissions, counts->events,
         n_events / n_hops, result->wall_s, result->cpu_s, n_hops / result->cpu_s / 1e6,
         n_events / result->cpu_s / 1e6, result->cpu_s * 1e9 / n_hops, counts->peak_packets,
         counts->packet_bytes, counts->allocations, (double)result->end_ns / 1e3);
  fflush(stdout);
}

static m4s_status_t bench_case(const char *name, json_t *settings, int64_t n_runs) {
  result_t result;
  M4S_TRY(run_case(settings, n_runs, OBSERVE_NOTHING, &result));
  print_row(name, &result);
  return M4S_OK;
}

static m4s_status_t bench_mixes(const options_t *options) {
  static const char *const ccs[] = {"dctcp", "dcqcn", "hpcc", "timely"};
  for (size_t i = 0; i < M4S_COUNT(ccs); i++) {
    char name[32];
    snprintf(name, sizeof name, "mix, %s", ccs[i]);
    M4S_TRY(bench_case(name, mix_settings(options, ccs[i]), options->repeat));
  }
  return M4S_OK;
}

static m4s_status_t bench_gray(const options_t *options) {
  char name[32];
  snprintf(name, sizeof name, "gray (%" PRId64 ",%" PRId64 ")", options->degraded_gpus,
           options->reduction);
  return bench_case(name, gray_settings(options), options->repeat);
}

static m4s_status_t bench_observers(const options_t *options) {
  static const char *const names[] = {[OBSERVE_NOTHING] = "nothing",
                                      [OBSERVE_QUEUES] = "queues of links (links.csv)",
                                      [OBSERVE_TRACE] = "components of flows (trace)",
                                      [OBSERVE_EVENTS] = "every event, by an empty observer"};
  double alone_s = 0;
  printf("\nobserved on the mix with DCTCP\n%-34s %12s %8s %9s\n", "", "events told", "CPU s",
         "cost");
  for (size_t what = 0; what < M4S_COUNT(names); what++) {
    result_t result;
    M4S_TRY(run_case(mix_settings(options, "dctcp"), options->repeat, (observed_t)what, &result));
    alone_s = what == OBSERVE_NOTHING ? result.cpu_s : alone_s;
    printf("%-34s %12" PRId64 " %8.3f %+8.1f%%\n", names[what], result.n_told, result.cpu_s,
           100 * (result.cpu_s / alone_s - 1));
    fflush(stdout);
  }
  return M4S_OK;
}

static m4s_status_t bench_large(const options_t *options) {
  result_t result;
  M4S_TRY(run_case(large_settings(options), 1, OBSERVE_NOTHING, &result));
  print_row("large, dctcp", &result);
  printf("flows and network made in %.1f s\n", result.made_s);
  return M4S_OK;
}

// --- the command ---

static m4s_status_t check_workload(const options_t *options) {
  m4s_workload_t *workload = NULL;
  m4s_status_t status = m4s_workload_read(options->workload, &workload);
  m4s_workload_destroy(workload);
  return status == M4S_OK ? M4S_OK : m4s_fail_in(status, "--workload");
}

static m4s_status_t run_bench(const options_t *options) {
  char cpu[M4S_BENCH_CPU_NAME_BYTES];
  if (!options->large) {
    M4S_TRY(check_workload(options));
  }
  m4s_bench_cpu_name(cpu);
  printf("%s, one core\n", cpu);
  print_head();
  if (options->large) {
    return bench_large(options);
  }
  M4S_TRY(bench_mixes(options));
  M4S_TRY(bench_gray(options));
  return options->observers ? bench_observers(options) : M4S_OK;
}

static int run(const void *values, int n_arguments, char **arguments) {
  (void)n_arguments;
  (void)arguments;
  m4s_status_t status = run_bench(values);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  printf("peak memory %.0f MB\n", m4s_bench_peak_memory_mb());
  return M4S_EXIT_OK;
}

const m4s_command_t m4s_command_bench_packet = {
    .name = "bench packet",
    .arguments = "",
    .summary = "time the packet simulator: Clos mixes by congestion control, a gray failure",
    .details =
        "Hops: packets on links, ACKs and PFC frames too; their rates are by CPU time. Bytes each: "
        "of a\n"
        "packet in the network, with what its congestion control adds and its event. Allocations: "
        "of\n"
        "memory, during the run. One core.",
    .options = fields,
    .n_options = M4S_COUNT(fields),
    .options_bytes = sizeof(options_t),
    .run = run,
};
