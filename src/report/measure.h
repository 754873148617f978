// What points are compared by.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/text.h"

// Of workloads the total time; of other traffic the slowdowns of a point's flows, but the makespan
// where flows wait for each other: in closed loops and phases.
typedef struct {
  const char *metric;
  const char *metric_compared;  // its name at the points that are compared
  const char *title;  // "total completion time of rank 0"
  const char *short_title;  // "total time"
  const char *column;  // above values in this unit: "total time of rank 0 [ms]"
  const char *unit;  // " [ms]", or "" for ratios
  double scale;  // from the metric's unit to this one
  bool of_flows;  // of traffic that is no workload
  bool of_loops;  // where flows wait for each other
} m4s_measure_t;

// By the names of the points' metrics, and the spec, NULL where there is none.
const m4s_measure_t *m4s_measure_choose(const m4s_text_list_t *metrics, const json_t *sweep);

// Application bytes over time: shown beside the makespan.
extern const m4s_measure_t m4s_measure_throughput;
// Shown beside the p99 slowdown.
extern const m4s_measure_t m4s_measure_p50_slowdown;

// Whether simulators are compared in a metric: times in us, and slowdowns.
bool m4s_metric_is_compared(const char *metric);
