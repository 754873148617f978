// What points are compared by.
#pragma once

#include <stdbool.h>

#include "core/text.h"

// Of workloads the total time, of other traffic the slowdowns of a point's flows.
typedef struct {
  const char *metric;
  const char *title;  // "total completion time of rank 0"
  const char *short_title;  // "total time"
  const char *unit;  // " [ms]", or "" for ratios
  double scale;  // from the metric's unit to this one
  bool of_flows;
} m4s_measure_t;

// By the names of the points' metrics.
const m4s_measure_t *m4s_measure_choose(const m4s_text_list_t *metrics);

// Whether simulators are compared in a metric: times in us, and slowdowns.
bool m4s_metric_is_compared(const char *metric);
