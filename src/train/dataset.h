// Data sets: results folders of sweeps of packet with traces, cut into busy periods.
//
// A scenario is a point. Whether it is for training, validation or the test follows from its case
// id, so that a data set that grows keeps its parts apart. In the folder, beside what the sweep
// wrote:
//
//   dataset.json  {"scenarios": [{"case": id, "part": "training", "flows": n, "events": n,
//                 "rows": n, "periods": n}, …]}
//   periods.npy   scenario, period (m4s_periods_find()), n_flows, n_events, n_rows; a scenario
//                 whose m4.algorithm is "interval" is one period
#pragma once

#include <stdio.h>

#include "train/scenario.h"

typedef enum { M4S_PART_TRAINING, M4S_PART_VALIDATION, M4S_PART_TEST, M4S_N_PARTS } m4s_part_t;

extern const char *const m4s_part_names[];  // "training", "validation", "test"; NULL-terminated

// The part of a case: of ten, one is for validation and one for the test, at random by its id.
m4s_part_t m4s_part_of_case(const char *case_id);

// Cuts what a sweep with output.trace has left in a results folder, and tells a table of the parts
// to `text`. M4S_ERR_INPUT: there are no finished points of packet, or they have no traces.
m4s_status_t m4s_dataset_cut(const char *folder, FILE *text);

// A record of periods.npy.
typedef struct __attribute__((packed)) {
  int32_t scenario, period;
  int64_t n_flows, n_events, n_rows;
} m4s_dataset_period_t;

typedef struct {
  char *case_id;  // owned
  char *folder;  // owned: of the scenario
  m4s_part_t part;
} m4s_dataset_scenario_t;

typedef struct {
  m4s_dataset_scenario_t *scenarios;  // owned, [n_scenarios]
  m4s_dataset_period_t *periods;  // owned, [n_periods], by scenario and number
  size_t n_scenarios, n_periods;
} m4s_dataset_t;

// Free with m4s_dataset_clear().
m4s_status_t m4s_dataset_read(const char *folder, m4s_dataset_t *dataset_out);
void m4s_dataset_clear(m4s_dataset_t *dataset);
