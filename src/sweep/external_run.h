// A point simulated by a program of the user's, in a process group of its own.
#pragma once

#include <stdatomic.h>

#include "flow/end_to_end.h"
#include "sweep/point.h"

// All borrowed until m4s_external_run_destroy().
typedef struct {
  const m4s_external_place_t *place;
  const m4s_point_t *point;
  const m4s_topology_t *topology;
  const m4s_workload_t *workload;  // NULL: flows
  m4s_flow_traffic_t *flows;  // where there is no workload; fct_ns is set by a run to its end
} m4s_external_inputs_t;

typedef struct m4s_external_run m4s_external_run_t;

// What its files tell of a workload.
typedef struct {
  m4s_end_to_end_t times;
  m4s_flow_record_t *records;  // [n_records]; NULL: there is no list of flows
  int64_t n_records;
} m4s_external_result_t;

// Writes what the program is given. M4S_ERR_IO: the folder cannot be written.
m4s_status_t m4s_external_run_begin(const m4s_external_inputs_t *inputs,
                                    m4s_external_run_t **run_out);

// Runs the program to its end and reads its files; after an error nothing of it runs any more.
// M4S_ERR_STOPPED once *stop is true (NULL: never), M4S_ERR_TIME_LIMIT, M4S_ERR_SIMULATION: it
// failed, M4S_ERR_INPUT: its files make no sense.
m4s_status_t m4s_external_run_advance(m4s_external_run_t *run, const atomic_bool *stop);

// Of a finished run of a workload; borrowed.
const m4s_external_result_t *m4s_external_run_result(const m4s_external_run_t *run);

// Writes what is kept of a finished run into the existing `folder`: EndToEnd.csv of a workload as
// it is, flows.npy as settings.output says. `metrics_out`: as of m4s_point_metrics_make() or
// m4s_flow_metrics_make().
m4s_status_t m4s_external_run_finish(const m4s_external_run_t *run, const char *folder,
                                     json_t **metrics_out);

// Moves the program's output, if it has been run, to external.log in `folder`, and removes the
// folder it worked in. *kept_out: there is a log.
m4s_status_t m4s_external_run_keep_log(m4s_external_run_t *run, const char *folder, bool *kept_out);

// Ends the program if it runs, and removes what it has left.
void m4s_external_run_destroy(m4s_external_run_t *run);
