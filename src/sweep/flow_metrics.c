#include "sweep/flow_metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/units.h"
#include "stats/summary.h"

const m4s_size_class_t m4s_size_classes[M4S_N_SIZE_CLASSES] = {
    {"", "all sizes", 0, INT64_MAX},
    {"_le_1kb", "up to 1 kB", 0, 1000},
    {"_1kb_10kb", "1 to 10 kB", 1000, 10000},
    {"_10kb_100kb", "10 to 100 kB", 10000, 100000},
    {"_100kb_1mb", "100 kB to 1 MB", 100000, 1000000},
    {"_gt_1mb", "above 1 MB", 1000000, INT64_MAX},
};

static const struct {
  const char *name;
  double quantile;  // negative: the mean
} statistics[] = {{"mean", -1}, {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};

enum { N_CLASSES = M4S_N_SIZE_CLASSES, N_STATISTICS = M4S_COUNT(statistics) };

// NAN: not known.
typedef struct {
  int64_t n_flows;
  double makespan_us, throughput_gbps;
  double load_expected, load_realised, load_deviation, load_busiest;
  double slowdowns[N_CLASSES][N_STATISTICS];
  int64_t n_events;
} measures_t;

// One more metric: its name to `names`, its value to `values` if it is known; either may be NULL.
static bool add(json_t *names, json_t *values, const char *name, double value) {
  bool ok = names == NULL || json_array_append_new(names, json_string(name)) == 0;
  if (values == NULL || isnan(value)) {
    return ok;
  }
  return json_object_set_new(values, name, json_real(value)) == 0 && ok;
}

static bool add_count(json_t *names, json_t *values, const char *name, int64_t count) {
  bool ok = names == NULL || json_array_append_new(names, json_string(name)) == 0;
  if (values == NULL || count < 0) {
    return ok;
  }
  return json_object_set_new(values, name, json_integer(count)) == 0 && ok;
}

static bool add_all(json_t *names, json_t *values, const measures_t *measures) {
  bool ok = add_count(names, values, "flows", measures->n_flows);
  ok = add(names, values, "makespan_us", measures->makespan_us) && ok;
  ok = add(names, values, "throughput_gbps", measures->throughput_gbps) && ok;
  ok = add(names, values, "load_expected", measures->load_expected) && ok;
  ok = add(names, values, "load_realised", measures->load_realised) && ok;
  ok = add(names, values, "load_deviation", measures->load_deviation) && ok;
  ok = add(names, values, "load_busiest", measures->load_busiest) && ok;
  for (int c = 0; c < N_CLASSES; c++) {
    for (int s = 0; s < N_STATISTICS; s++) {
      char name[64];
      snprintf(name, sizeof name, "slowdown_%s%s", statistics[s].name, m4s_size_classes[c].ending);
      ok = add(names, values, name, measures->slowdowns[c][s]) && ok;
    }
  }
  return add_count(names, values, "events", measures->n_events) && ok;
}

json_t *m4s_flow_metric_names(void) {
  json_t *names = json_array();
  if (names != NULL && !add_all(names, NULL, &(measures_t){0})) {
    json_decref(names);
    return NULL;
  }
  return names;
}

// --- measuring ---

static void measure_times(const m4s_flow_traffic_t *traffic, measures_t *measures) {
  int64_t end_ns = 0;
  double n_bytes = 0;
  for (int64_t i = 0; i < traffic->n_flows; i++) {
    const m4s_flow_record_t *record = &traffic->records[i];
    int64_t completed_ns = record->start_ns + record->fct_ns;
    end_ns = completed_ns > end_ns ? completed_ns : end_ns;
    n_bytes += (double)record->size_bytes;
  }
  double time_ns = (double)(end_ns - traffic->records[0].start_ns);
  measures->makespan_us = m4s_ns_to_us(end_ns);
  measures->throughput_gbps = time_ns > 0 ? 8 * n_bytes / time_ns : NAN;
}

// Slowdowns of one class; `samples` has room for all flows.
static m4s_status_t measure_class(const m4s_flow_traffic_t *traffic, int i_class, double *samples,
                                  double *measures_out) {
  size_t n = 0;
  double sum = 0;
  for (int64_t i = 0; i < traffic->n_flows; i++) {
    const m4s_flow_record_t *record = &traffic->records[i];
    if (record->size_bytes > m4s_size_classes[i_class].above &&
        record->size_bytes <= m4s_size_classes[i_class].up_to) {
      samples[n] = (double)record->fct_ns / (double)record->ideal_fct_ns;
      sum += samples[n++];
    }
  }
  double *sorted = NULL;
  M4S_TRY(m4s_samples_sort("slowdowns", samples, n, &sorted));
  for (int s = 0; s < N_STATISTICS; s++) {
    double quantile = statistics[s].quantile;
    measures_out[s] = n == 0         ? NAN
                      : quantile < 0 ? sum / (double)n
                                     : m4s_quantile_of_sorted(sorted, n, quantile);
  }
  free(sorted);
  return M4S_OK;
}

static double nan_if_negative(double value) { return value < 0 ? NAN : value; }

static m4s_status_t measure(const m4s_flow_traffic_t *traffic, measures_t *measures) {
  double *samples = calloc((size_t)traffic->n_flows + 1, sizeof *samples);
  m4s_status_t status = samples == NULL ? m4s_fail_memory("slowdowns") : M4S_OK;
  for (int c = 0; status == M4S_OK && c < N_CLASSES; c++) {
    status = measure_class(traffic, c, samples, measures->slowdowns[c]);
  }
  free(samples);
  measure_times(traffic, measures);
  measures->n_flows = traffic->n_flows;
  measures->load_expected = nan_if_negative(traffic->load_expected);
  measures->load_realised = nan_if_negative(traffic->load_realised);
  measures->load_deviation = nan_if_negative(traffic->load_deviation);
  measures->load_busiest = nan_if_negative(traffic->load_busiest);
  return status;
}

m4s_status_t m4s_flow_metrics_make(const m4s_flow_traffic_t *traffic, int64_t n_events,
                                   json_t **metrics_out) {
  measures_t measures = {.n_events = n_events};
  M4S_TRY(measure(traffic, &measures));
  json_t *metrics = json_object();
  if (metrics == NULL || !add_all(NULL, metrics, &measures)) {
    json_decref(metrics);
    return m4s_fail_memory("metrics");
  }
  *metrics_out = metrics;
  return M4S_OK;
}
