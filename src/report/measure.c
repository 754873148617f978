#include "report/measure.h"

#include <string.h>

#include "report/format.h"
#include "report/view.h"

static const m4s_measure_t total_time = {.metric = "total_us",
                                         .metric_compared = "total_us_compared",
                                         .title = "total completion time of rank 0",
                                         .short_title = "total time",
                                         .column = "total time of rank 0 [ms]",
                                         .unit = " [ms]",
                                         .scale = 1e-3};
static const m4s_measure_t p99_slowdown = {.metric = "slowdown_p99",
                                           .metric_compared = "slowdown_p99_compared",
                                           .title = "p99 slowdown of the flows",
                                           .short_title = "p99 slowdown",
                                           .column = "p99 slowdown",
                                           .unit = "",
                                           .scale = 1,
                                           .of_flows = true};

static const m4s_measure_t makespan = {.metric = "makespan_us",
                                       .metric_compared = "makespan_us_compared",
                                       .title = "makespan",
                                       .short_title = "makespan",
                                       .column = "makespan [ms]",
                                       .unit = " [ms]",
                                       .scale = 1e-3,
                                       .of_flows = true,
                                       .of_loops = true};
const m4s_measure_t m4s_measure_throughput = {.metric = "throughput_gbps",
                                              .metric_compared = "throughput_gbps_compared",
                                              .title = "throughput of all flows",
                                              .short_title = "throughput",
                                              .column = "throughput [Gb/s]",
                                              .unit = " [Gb/s]",
                                              .scale = 1,
                                              .of_flows = true,
                                              .of_loops = true};

const m4s_measure_t m4s_measure_p50_slowdown = {.metric = "slowdown_p50",
                                                .metric_compared = "slowdown_p50_compared",
                                                .title = "median slowdown of the flows",
                                                .short_title = "median slowdown",
                                                .column = "median slowdown",
                                                .unit = "",
                                                .scale = 1,
                                                .of_flows = true};

// Whether an entry of a spec's axes, or its space of random points, has a limit of flows in flight.
static bool limits_flows(const json_t *entry) {
  const json_t *sample = json_object_get(entry, "sample");
  return json_object_get(entry, "in_flight") != NULL ||
         json_object_get(entry, "traffic.in_flight") != NULL ||
         (sample != NULL && limits_flows(sample));
}

// Whether flows wait for each other: phases, or a limit of flows in flight.
static bool has_loops(const json_t *sweep) {
  const json_t *base = json_object_get(json_object_get(sweep, "base"), "traffic");
  const char *kind = json_string_value(json_object_get(base, "kind"));
  const json_t *axes = json_object_get(sweep, "axes");
  bool loops = (kind != NULL && strcmp(kind, "phases") == 0) ||
               json_number_value(json_object_get(base, "in_flight")) > 0;
  for (size_t i = 0; !loops && i < json_array_size(axes); i++) {
    loops = limits_flows(json_array_get(axes, i));
  }
  return loops;
}

const m4s_measure_t *m4s_measure_choose(const m4s_text_list_t *metrics, const json_t *sweep) {
  bool of_flows = m4s_text_list_find(metrics, p99_slowdown.metric) >= 0;
  return !of_flows ? &total_time : has_loops(sweep) ? &makespan : &p99_slowdown;
}

bool m4s_metric_is_compared(const char *metric) {
  return m4s_name_ends(metric, "_us") || strncmp(metric, "slowdown_", 9) == 0;
}
