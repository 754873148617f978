// The metrics of points whose traffic is given flow by flow.
#pragma once

#include <jansson.h>

#include "sweep/flow_traffic.h"

// flows, makespan_us (when the last flow was complete), throughput_gbps (application bytes over the
// time from the first start to there), load_expected (of the link that is to be loaded most),
// load_realised (of that link, by the flows that were drawn), load_deviation (standard deviation of
// that), load_busiest (of the link that the flows load most), slowdown_mean, slowdown_p50,
// slowdown_p90, slowdown_p99 (FCT over ideal FCT) of all flows and by size ("_le_1kb" up to 1,000
// bytes, "_1kb_10kb", "_10kb_100kb", "_100kb_1mb", "_gt_1mb"), events.

// Classes of sizes, bytes: above the first number, up to the second.
typedef struct {
  const char *ending;  // of metrics' names
  const char *title;
  int64_t above, up_to;
} m4s_size_class_t;

enum { M4S_N_SIZE_CLASSES = 6 };
extern const m4s_size_class_t m4s_size_classes[M4S_N_SIZE_CLASSES];  // the first is all flows

// Their names in this order: a new array, NULL without memory.
json_t *m4s_flow_metric_names(void);

// A new object of numbers; `n_events` negative: not known. What is not known and sizes without
// flows are left out. All flows have completed.
m4s_status_t m4s_flow_metrics_make(const m4s_flow_traffic_t *traffic, int64_t n_events,
                                   json_t **metrics_out);
