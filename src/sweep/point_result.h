// What is kept of a simulated point: metrics and files.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "flow/collective_source.h"
#include "sim/network_model.h"
#include "sweep/flow_traffic.h"

// A finished run; all borrowed from it.
typedef struct {
  const char *simulator;
  const m4s_topology_t *topology;
  const m4s_workload_t *workload;  // NULL: other traffic
  const m4s_flow_traffic_t *flows;  // traffic that is no workload
  const m4s_network_model_t *model;
  const int32_t *record_of_flow;  // of the model's flows, by id; NULL: as they stand
  m4s_collective_result_t times;  // of other traffic only the records
  int64_t end_ns;  // simulated time
  int64_t n_events;  // turns of the run loop
  int64_t n_steps;  // of the neural network; 0 for models without
} m4s_point_result_t;

// The names of a point's metrics, in their order: a new array, NULL without memory. `n_layers`: of
// a workload.
json_t *m4s_point_metric_names(m4s_traffic_kind_t traffic, int32_t n_layers);

// What is measured of a point with a workload. Negative: not known, left out of the metrics.
typedef struct {
  double total_us, exposed_comm_us;  // of rank 0
  const double *comm_us;  // [n_layers]
  int32_t n_layers;
  int64_t n_flows;
  double makespan_us;  // of all ranks
  int64_t n_events;
} m4s_point_measures_t;

// A new object of numbers in this order: total_us (rank 0), exposed_comm_us, comm_1_us … comm_L_us
// (per workload layer), flows, makespan_us (all ranks), events.
m4s_status_t m4s_point_metrics_make(const m4s_point_measures_t *measures, json_t **metrics_out);
// The same of a finished run; for traffic that is no workload as of sweep/flow_metrics.h.
m4s_status_t m4s_point_result_metrics(const m4s_point_result_t *result, json_t **metrics_out);

// Writes EndToEnd.csv (of a workload) and, where asked for, flows.npy with packet_flows.npy of the
// simulator packet, and links.csv (of models that count their links' usage), into the existing
// `folder`; M4S_ERR_IO where that cannot be done.
m4s_status_t m4s_point_result_write(const m4s_point_result_t *result, bool flows, bool links,
                                    const char *folder);
