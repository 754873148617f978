#include "sweep/point_result.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "core/units.h"
#include "net/tiers.h"
#include "sweep/flow_metrics.h"
#include "sweep/packet_output.h"

static bool is_packet(const m4s_point_result_t *result) {
  return strcmp(result->simulator, "packet") == 0;
}

static m4s_status_t add_link(const m4s_point_result_t *result, const int32_t *tiers, int32_t i,
                             const m4s_link_usage_t *usage, m4s_text_t *file) {
  const m4s_link_t *link = &result->topology->links[i];
  double could_carry_bytes = m4s_bps_to_bytes_per_ns(link->bandwidth_bps) * (double)result->end_ns;
  char tier[M4S_TIER_NAME_BYTES];
  m4s_tiers_name_link(result->topology, tiers, i, tier);
  M4S_TRY(m4s_text_add(file, "%d,%d,%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%.6f", link->src,
                       link->dst, tier, link->bandwidth_bps, usage->bytes, usage->busy_ns,
                       could_carry_bytes > 0 ? (double)usage->bytes / could_carry_bytes : 0.0));
  if (is_packet(result)) {
    M4S_TRY(m4s_packet_link_add(result->model, i, file));
  }
  return m4s_text_add(file, "\n");
}

static m4s_status_t add_links(const m4s_point_result_t *result, m4s_link_usage_t *usage,
                              m4s_text_t *file) {
  int32_t *tiers;
  M4S_TRY(m4s_tiers_make(result->topology, &tiers));
  result->model->ops->link_usage(result->model->state, usage);
  m4s_status_t status =
      m4s_text_add(file, "src,dst,tier,bandwidth_bps,bytes,busy_ns,utilisation%s\n",
                   is_packet(result) ? m4s_packet_link_columns : "");
  for (int32_t i = 0; status == M4S_OK && i < result->topology->n_links; i++) {
    status = add_link(result, tiers, i, &usage[i], file);
  }
  free(tiers);
  return status;
}

static m4s_status_t write_links(const m4s_point_result_t *result, const char *path) {
  m4s_link_usage_t *usage = calloc((size_t)result->topology->n_links + 1, sizeof *usage);
  m4s_text_t file = {0};
  if (usage == NULL) {
    return m4s_fail_memory("links.csv");
  }
  m4s_status_t status = add_links(result, usage, &file);
  if (status == M4S_OK) {
    status = m4s_file_write(path, file.bytes, file.length);
  }
  m4s_text_clear(&file);
  free(usage);
  return status;
}

static m4s_status_t write_end_to_end(const m4s_point_result_t *result, const char *path) {
  return m4s_end_to_end_write(path, result->simulator, result->workload, &result->times);
}

static m4s_status_t write_flows(const m4s_point_result_t *result, const char *path) {
  return m4s_flow_records_write(path, result->times.records, (size_t)result->times.n_flows);
}

static m4s_status_t write_packet_flows(const m4s_point_result_t *result, const char *path) {
  return m4s_packet_flows_write(path, result->model, result->record_of_flow, result->times.n_flows);
}

typedef m4s_status_t (*write_fn)(const m4s_point_result_t *result, const char *path);

static m4s_status_t write_into(const m4s_point_result_t *result, const char *folder,
                               const char *name, write_fn write) {
  char *path = m4s_path_join(folder, name);
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : write(result, path);
  free(path);
  return status;
}

m4s_status_t m4s_point_result_write(const m4s_point_result_t *result, bool flows, bool links,
                                    const char *folder) {
  if (result->workload != NULL) {
    M4S_TRY(write_into(result, folder, "EndToEnd.csv", write_end_to_end));
  }
  if (flows) {
    M4S_TRY(write_into(result, folder, "flows.npy", write_flows));
  }
  if (flows && is_packet(result)) {
    M4S_TRY(write_into(result, folder, "packet_flows.npy", write_packet_flows));
  }
  return links && result->model->ops->link_usage != NULL
             ? write_into(result, folder, "links.csv", write_links)
             : M4S_OK;
}

// One more metric: its name to `names`, its value to `values`; either may be NULL.
static bool add_metric(json_t *names, json_t *values, const char *name, json_t *value) {
  bool ok = names == NULL || json_array_append_new(names, json_string(name)) == 0;
  if (values == NULL) {
    json_decref(value);
    return ok;
  }
  return json_object_set_new(values, name, value) == 0 && ok;
}

// All metrics that are known in their order.
static bool add_metrics(json_t *names, json_t *values, const m4s_point_measures_t *measures) {
  bool ok = add_metric(names, values, "total_us", json_real(measures->total_us));
  ok = add_metric(names, values, "exposed_comm_us", json_real(measures->exposed_comm_us)) && ok;
  for (int32_t i = 0; i < measures->n_layers; i++) {
    char name[32];
    snprintf(name, sizeof name, "comm_%d_us", i + 1);
    double comm_us = measures->comm_us == NULL ? 0 : measures->comm_us[i];
    ok = add_metric(names, values, name, json_real(comm_us)) && ok;
  }
  if (measures->n_flows >= 0) {
    ok = add_metric(names, values, "flows", json_integer(measures->n_flows)) && ok;
  }
  if (measures->makespan_us >= 0) {
    ok = add_metric(names, values, "makespan_us", json_real(measures->makespan_us)) && ok;
  }
  if (measures->n_events >= 0) {
    ok = add_metric(names, values, "events", json_integer(measures->n_events)) && ok;
  }
  return ok;
}

json_t *m4s_point_metric_names(m4s_traffic_kind_t traffic, int32_t n_layers) {
  if (traffic != M4S_TRAFFIC_WORKLOAD) {
    return m4s_flow_metric_names();
  }
  json_t *names = json_array();
  if (names != NULL && !add_metrics(names, NULL, &(m4s_point_measures_t){.n_layers = n_layers})) {
    json_decref(names);
    return NULL;
  }
  return names;
}

m4s_status_t m4s_point_metrics_make(const m4s_point_measures_t *measures, json_t **metrics_out) {
  json_t *metrics = json_object();
  if (metrics == NULL || !add_metrics(NULL, metrics, measures)) {
    json_decref(metrics);
    return m4s_fail_memory("metrics");
  }
  *metrics_out = metrics;
  return M4S_OK;
}

static m4s_status_t workload_metrics(const m4s_point_result_t *result, json_t **metrics_out) {
  const m4s_collective_result_t *times = &result->times;
  int32_t n_layers = result->workload->n_layers;
  double *comm_us = calloc((size_t)n_layers + 1, sizeof *comm_us);
  if (comm_us == NULL) {
    return m4s_fail_memory("metrics");
  }
  for (int32_t i = 0; i < n_layers; i++) {
    comm_us[i] = m4s_ns_to_us(times->layers[i].exposed_ns[M4S_PASS_FORWARD]);
  }
  const m4s_point_measures_t measures = {
      .total_us = m4s_ns_to_us(times->total_ns),
      .exposed_comm_us = m4s_ns_to_us(times->total_ns - times->compute_ns),
      .comm_us = comm_us,
      .n_layers = n_layers,
      .n_flows = times->n_flows,
      .makespan_us = m4s_ns_to_us(times->makespan_ns),
      .n_events = result->n_events};
  m4s_status_t status = m4s_point_metrics_make(&measures, metrics_out);
  free(comm_us);
  return status;
}

m4s_status_t m4s_point_result_metrics(const m4s_point_result_t *result, json_t **metrics_out) {
  return result->workload == NULL
             ? m4s_flow_metrics_make(result->flows, result->n_events, metrics_out)
             : workload_metrics(result, metrics_out);
}
