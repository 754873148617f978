#include "report/measure.h"

#include <string.h>

#include "report/format.h"
#include "report/view.h"

static const m4s_measure_t total_time = {.metric = "total_us",
                                         .title = "total completion time of rank 0",
                                         .short_title = "total time",
                                         .unit = " [ms]",
                                         .scale = 1e-3};
static const m4s_measure_t p99_slowdown = {.metric = "slowdown_p99",
                                           .title = "p99 slowdown of the flows",
                                           .short_title = "p99 slowdown",
                                           .unit = "",
                                           .scale = 1,
                                           .of_flows = true};

const m4s_measure_t *m4s_measure_choose(const m4s_text_list_t *metrics) {
  return m4s_text_list_find(metrics, p99_slowdown.metric) >= 0 ? &p99_slowdown : &total_time;
}

bool m4s_metric_is_compared(const char *metric) {
  return m4s_name_ends(metric, "_us") || strncmp(metric, "slowdown_", 9) == 0;
}
