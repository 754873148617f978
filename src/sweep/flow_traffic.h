// Traffic of points that is given flow by flow: load mixes, lists of flows, synchronised phases.
#pragma once

#include "flow/load_mix.h"
#include "flow/phases.h"

typedef enum {
  M4S_TRAFFIC_WORKLOAD,
  M4S_TRAFFIC_MIX,
  M4S_TRAFFIC_FLOWS,
  M4S_TRAFFIC_PHASES,
} m4s_traffic_kind_t;

extern const char *const m4s_traffic_kinds[];  // NULL-terminated

// Whose flows a closed loop counts.
typedef enum { M4S_IN_FLIGHT_OF_RACK, M4S_IN_FLIGHT_OF_HOST } m4s_in_flight_of_t;

extern const char *const m4s_in_flight_names[];  // NULL-terminated

// Section "traffic" of a point.
typedef struct {
  int kind;  // m4s_traffic_kind_t
  char *workload;  // owned: path of a SimAI workload file
  char *flow_list;  // owned: path of a list of flows
  int64_t in_flight;  // of a mix or a list, at most so many flows at once; 0: any number
  int in_flight_of;  // m4s_in_flight_of_t
  m4s_load_mix_config_t mix;
  m4s_phases_config_t phases;
} m4s_traffic_config_t;

// What the flows run on; all borrowed.
typedef struct {
  const m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_cluster_shape_t shape;
  m4s_wire_t wire;
  uint64_t seed;
} m4s_traffic_place_t;

// Free with m4s_flow_traffic_clear().
typedef struct {
  m4s_flow_record_t *records;  // owned, [n_flows], by start; ideal_fct_ns as of net/ideal_fct.h
  int64_t n_flows;
  int64_t *first_of_phase;  // owned, [n_phases + 1]; NULL: no phases, flows start as they stand
  int32_t n_phases;
  // Of the link with the largest expected load: expected, by the flows there are, and the latter's
  // standard deviation. Of the link that the flows load most. Negative: not known.
  double load_expected, load_realised, load_deviation, load_busiest;
} m4s_flow_traffic_t;

// Makes the flows of a kind that is not "workload". M4S_ERR_INPUT for settings and files that make
// no sense, and where two hosts of a flow have no path.
m4s_status_t m4s_flow_traffic_make(const m4s_traffic_config_t *config,
                                   const m4s_traffic_place_t *place,
                                   m4s_flow_traffic_t *traffic_out);
void m4s_flow_traffic_clear(m4s_flow_traffic_t *traffic);

// The same without keeping anything; of a mix only the first flows, of phases one to every
// participant.
m4s_status_t m4s_flow_traffic_check(const m4s_traffic_config_t *config,
                                    const m4s_traffic_place_t *place);

// Roughly how many flows, and bytes in all, for expected costs; 0 where the settings make no sense.
// `host_bytes_per_ns`: what all hosts together can send.
void m4s_flow_traffic_estimate(const m4s_traffic_config_t *config, int64_t n_hosts,
                               double host_bytes_per_ns, double *n_flows_out, double *n_bytes_out);
