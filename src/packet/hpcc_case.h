// A simulation of the HPCC family of ns-3 programs: configuration, topology and flows from their
// files, what they write as texts.
#pragma once

#include "net/routing.h"
#include "packet/hpcc_config.h"
#include "packet/hpcc_flows.h"
#include "packet/packet.h"
#include "sim/run_loop.h"

// Start from {0}; free with m4s_hpcc_case_clear().
typedef struct {
  m4s_packet_profile_t profile;
  m4s_hpcc_config_t config;
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_hpcc_flows_t flows;
} m4s_hpcc_case_t;

// Where a case's files are. NULL: where the configuration says, relative to its folder.
typedef struct {
  const char *config, *topology, *flows;
} m4s_hpcc_paths_t;

// M4S_ERR_INPUT, naming the file, for what the readers refuse, links with an error rate, and links
// for whose rate the configuration has no ECN thresholds.
m4s_status_t m4s_hpcc_case_read(const m4s_hpcc_paths_t *paths, m4s_packet_profile_t profile,
                                m4s_hpcc_case_t *case_out);
void m4s_hpcc_case_clear(m4s_hpcc_case_t *one);

// The artefacts' output files, each a line per thing; which are wanted, and what is in them.
typedef struct {
  bool wants_fct, wants_paths, wants_pauses, wants_queues;
  // Flows, as they complete: src dst src_port dst_port size start fct ideal (addresses in
  // hexadecimal, ns); m4's have the flow's id before.
  m4s_text_t fct;
  // Flows, as the flow file has them: id, then the nodes of its path.
  m4s_text_t paths;
  // Ports that are told to pause or to go on: time node node_type port pause (ns; type 0: host, 1:
  // switch; ports count from 1; 1: pause, 0: go on).
  m4s_text_t pauses;
  m4s_text_t queues;  // see hpcc_queues.h
} m4s_hpcc_outputs_t;

void m4s_hpcc_outputs_clear(m4s_hpcc_outputs_t *outputs);

// Start from {0}; free with m4s_hpcc_result_clear(). Rows are flows in the order of the file.
typedef struct {
  int64_t n_flows, n_completed;
  m4s_packet_flow_result_t *flows;  // owned, [n_flows]
  int64_t *fct_ns;  // owned, [n_flows], what counts as completion in the profile; -1: did not
  int64_t *ideal_ns;  // owned, [n_flows]
  m4s_packet_counts_t counts;
  int64_t end_ns;  // of the run
  char *unfinished;  // owned: why flows did not complete; NULL: they did, or the time was up
} m4s_hpcc_result_t;

// Runs until all flows have completed, until the configuration's stop time, or until none of those
// left can complete any more.
m4s_status_t m4s_hpcc_case_run(m4s_hpcc_case_t *one, const m4s_run_limits_t *limits,
                               m4s_hpcc_outputs_t *outputs, m4s_hpcc_result_t *result_out);
void m4s_hpcc_result_clear(m4s_hpcc_result_t *result);
