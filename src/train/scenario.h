// Recorded runs of the packet simulator: points with their flows and traces, as a sweep with
// output.trace leaves them in <results>/points/<case>/packet.
#pragma once

#include "packet/trace.h"
#include "sweep/point.h"

typedef struct {
  m4s_point_t point;
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_flow_record_t *records;  // [n_flows], by id
  int64_t n_flows;
  m4s_trace_t trace;
  // A flow's links, in order, are hops[hop_begin[flow]] … hops[hop_begin[flow + 1] - 1]; none for
  // flows that the trace does not tell of.
  int64_t *hop_begin;  // [n_flows + 1]
  int32_t *hops;
} m4s_scenario_t;

// Reads the folder of a point. M4S_ERR_INPUT: a file is missing, or they do not fit together.
m4s_status_t m4s_scenario_read(const char *folder, m4s_scenario_t **scenario_out);
void m4s_scenario_destroy(m4s_scenario_t *scenario);

// Busy periods: sets of flows that share links with each other, directly or through others that
// were there meanwhile, from an instant at which none of the links was in use to the next such one.
// What happens in one does not depend on the others. Numbered by their first events.
typedef struct {
  int64_t n_flows, n_events;
  int64_t n_rows;  // flows and links in the trace, over all its events
} m4s_period_t;

typedef struct {
  int32_t *of_flow;  // [scenario->n_flows]; -1: the trace does not tell of it
  m4s_period_t *periods;  // [n_periods]
  int32_t n_periods;
} m4s_periods_t;

// Free with m4s_periods_clear(). M4S_ERR_MEMORY.
m4s_status_t m4s_periods_find(const m4s_scenario_t *scenario, m4s_periods_t *periods_out);
void m4s_periods_clear(m4s_periods_t *periods);
