// Traffic of a training step: every rank walks through the layers of a workload by itself, waits
// for its compute phases, and takes part in collectives whose flows depend on each other.
//
// The timing follows the SimAI system layer (ASTRA-sim) as used by the public m4 artefact; see
// collective_source.c.
#pragma once

#include "core/field.h"
#include "flow/source.h"
#include "flow/workload.h"
#include "net/routing.h"

typedef struct {
  int64_t send_latency_ns;  // from a rank's send call to the flow's start in the network
  int64_t endpoint_delay_ns;  // from data at hand to the send call
  int64_t processing_delay_ns;  // added to it where the pipeline's turn says so
  int64_t min_flow_bytes;  // smaller flows are raised to this; 0: none
  m4s_wire_t wire;  // for ideal FCTs
} m4s_collective_config_t;

enum { M4S_N_COLLECTIVE_FIELDS = 4 };
extern const m4s_field_t m4s_collective_fields[M4S_N_COLLECTIVE_FIELDS];

typedef struct m4s_collective_source m4s_collective_source_t;

// Workload, topology, routing and clock are borrowed. M4S_ERR_INPUT where the workload's groups do
// not fit the topology.
m4s_status_t m4s_collective_source_create(const m4s_collective_config_t *config,
                                          const m4s_workload_t *workload,
                                          const m4s_topology_t *topology, m4s_routing_t *routing,
                                          m4s_clock_t *clock, m4s_collective_source_t **source_out);
void m4s_collective_source_destroy(m4s_collective_source_t *source);

// The source as the run loop sees it.
m4s_source_t m4s_collective_source_as_source(m4s_collective_source_t *source);

// What a rank's walk took, per layer and pass.
typedef struct {
  int64_t exposed_ns[M4S_N_PASSES];  // the rank stood still for the collective
  int64_t total_ns[M4S_N_PASSES];  // from issue to end of the collective, with the update time
} m4s_layer_times_t;

typedef struct {
  int64_t total_ns;  // rank 0 has finished
  int64_t makespan_ns;  // all ranks have finished
  int64_t compute_ns;  // of rank 0, all phases
  const m4s_layer_times_t *layers;  // [n_layers] of rank 0; borrowed from the source
  const m4s_flow_record_t *records;  // [n_flows]; borrowed from the source
  int64_t n_flows;
} m4s_collective_result_t;

// Of a finished source.
m4s_collective_result_t m4s_collective_source_result(const m4s_collective_source_t *source);

// EndToEnd.csv with the columns of the public artefact; `run_name` stands in its second column.
m4s_status_t m4s_end_to_end_write(const char *path, const char *run_name,
                                  const m4s_workload_t *workload,
                                  const m4s_collective_result_t *result);
