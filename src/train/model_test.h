// Tests of m4 networks: recorded scenarios are simulated with flowsim, with m4 as in a sweep, and
// with m4 under teacher forcing; the FCTs stand beside those of the record.
#pragma once

#include "sweep/engines.h"
#include "train/dataset.h"

// What a flow's FCT is from, beside the record.
typedef enum {
  M4S_TESTED_FLOWSIM,
  M4S_TESTED_FIRST,  // m4 teacher-forced, first_ns of train/forced.h
  M4S_TESTED_FORCED,  // mean_ns of it
  M4S_TESTED_M4,  // in a closed loop: on its own predictions
  M4S_N_TESTED
} m4s_tested_t;

extern const char *const m4s_tested_names[M4S_N_TESTED];

// A flow; without pointers, so that ranks can hand it over.
typedef struct {
  int32_t scenario;  // place in the list of those that are tested
  int32_t id;
  int64_t size_bytes;
  double ideal_ns, packet_ns;  // FCTs: alone in the network, of the record
  double fct_ns[M4S_N_TESTED];  // -1: not known
} m4s_tested_flow_t;

enum { M4S_TESTED_NAME_BYTES = 64 };

// A scenario; without pointers.
typedef struct {
  int32_t scenario;  // as above
  char case_id[M4S_TESTED_NAME_BYTES];
  char topology[M4S_TESTED_NAME_BYTES];  // "clos 1x16x8", or another kind
  int32_t n_hosts;
  int32_t cc;  // place among the congestion controls
  int64_t n_flows;
  double load;  // expected, of the most loaded link; negative: not known
  double packet_s;  // wall time; 0: not known
  double wall_s[M4S_N_TESTED];  // of both kinds of teacher forcing together that of each
  // Total times of workloads, in ns; -1: other traffic, and never of teacher forcing.
  double packet_total_ns, total_ns[M4S_N_TESTED];
} m4s_tested_scenario_t;

// Congestion control by place; NULL beyond the last.
const char *m4s_tested_cc_name(int32_t cc);

// Results, by scenario, then by id.
typedef struct {
  m4s_tested_flow_t *flows;  // owned, [n_flows]
  m4s_tested_scenario_t *scenarios;  // owned, [n_scenarios]
  size_t n_flows, n_scenarios;
} m4s_tested_results_t;

void m4s_tested_results_clear(m4s_tested_results_t *results);

// A scenario that is to be tested.
typedef struct {
  char *case_id, *folder;  // owned
  double packet_s, packet_total_ns;  // as above
} m4s_test_case_t;

typedef struct {
  m4s_test_case_t *cases;  // owned, [n_cases]
  size_t n_cases;
} m4s_test_cases_t;

// Lists the scenarios of a part of data sets; `part` M4S_N_PARTS: of all. `n_points` > 0: no more
// than so many, at even distances. M4S_ERR_INPUT: there are none, or as of m4s_dataset_read().
m4s_status_t m4s_test_cases_list(const char *const *folders, size_t n_folders, m4s_part_t part,
                                 int64_t n_points, m4s_test_cases_t *cases_out);
void m4s_test_cases_clear(m4s_test_cases_t *cases);

// Simulates a case, the one at `place`, and adds its scenario and flows to the results. The model
// is a file, NULL for the one that is built in; the engines are those of the thread. M4S_ERR_INPUT
// where flows are not those of the record, and as of the simulators.
m4s_status_t m4s_test_run(const m4s_test_case_t *test_case, int32_t place, const char *model,
                          m4s_engines_t *engines, m4s_tested_results_t *results);
