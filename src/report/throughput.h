// Throughput of points over time, from their flows.npy.
#pragma once

#include "flow/flow.h"
#include "report/view.h"

enum { M4S_THROUGHPUT_INTERVALS = 50 };

// The application bytes of each flow are spread evenly over its lifetime, from start to completion:
// those of flows in flight are counted as they progress on average. Adds them to `gbps`
// [M4S_THROUGHPUT_INTERVALS], the mean throughput in equal intervals from begin_ns to a later
// end_ns. Flows whose times are not known and those outside are left out.
void m4s_throughput_add(const m4s_flow_record_t *records, size_t n_records, double begin_ns,
                        double end_ns, double gbps[M4S_THROUGHPUT_INTERVALS]);

// Of one simulator at one point.
typedef struct {
  size_t point, simulator;  // indices in the view
  double begin_ns, end_ns;  // first start, last completion, over all simulators of the point
  double gbps[M4S_THROUGHPUT_INTERVALS];
} m4s_throughput_t;

typedef struct {
  m4s_throughput_t *items;  // owned, by point, simulator; those without flows are left out
  size_t n_items;
} m4s_throughputs_t;

// A flows.npy that is none is passed over, as by m4s_view_pass_over(). Free with
// m4s_throughputs_clear().
m4s_status_t m4s_throughputs_make(const m4s_view_t *view, m4s_text_list_t *unreadable,
                                  m4s_throughputs_t *throughputs_out);
void m4s_throughputs_clear(m4s_throughputs_t *throughputs);
