// Gray-failure points of the reference data, as run by the public program: step for step and flow
// for flow.
//
// That program evaluates the network with other sums, so predictions differ in the last bits, and
// with them, where a time is near a whole ns, that time by 1 ns and what follows from it: sooner or
// later a flow falls on the other side of a firing, and the runs part.
#pragma once

#include <math.h>

#include "flow/dumped.h"
#include "harness.h"

typedef struct {
  int n, r;
  const char *steps, *flows;  // files of the reference data
} parity_point_t;

static const parity_point_t parity_points[] = {
    {2, 4, "simai/steps_N2_R4_m4.csv.gz", "simai/flows_N2_R4_m4.csv.gz"},
    {16, 4, "simai/steps_N16_R4_m4.csv.gz", "simai/flows_N16_R4_m4.csv.gz"}};

// A run and how far it is equal; free with parity_clear().
typedef struct {
  const parity_point_t *point;
  harness_t sim;
  m4s_csv_t steps;
  size_t row;  // of the next step
  int32_t n_equal;  // steps until they part
  int64_t equal_until_ns;  // the last of them
  double largest_difference;  // of a slowdown in them
  char deviation[160];  // where they part; "": nowhere yet
  // Flows that completed up to the last equal step:
  int n_flows, n_flows_different;
  int64_t largest_flow_difference_ns;  // of a start or completion
} parity_t;

// A firing without active flows is in the table, too.
static inline bool parity_find_row(parity_t *parity) {
  while (parity->row < parity->steps.n_rows &&
         dumped_int(&parity->steps, parity->row, "n_active") == 0) {
    parity->row++;
  }
  return parity->row < parity->steps.n_rows;
}

static inline double parity_real(const parity_t *parity, const char *column) {
  int i = m4s_csv_column(&parity->steps, column);
  double value = NAN;
  assert_true(i >= 0);
  assert_true(m4s_parse_double(m4s_csv_cell(&parity->steps, parity->row, (size_t)i), &value));
  return value;
}

static inline void parity_note(parity_t *parity, const char *what, double got, double expected) {
  if (parity->deviation[0] == '\0') {
    snprintf(parity->deviation, sizeof parity->deviation, "%s of step %d is %.9g, not %.9g", what,
             parity->n_equal, got, expected);
  }
}

static inline void parity_compare_numbers(parity_t *parity, const m4s_m4_step_trace_t *trace) {
  const struct {
    const char *column;
    int64_t value;
  } numbers[] = {{"now_ns", trace->now_ns},
                 {"n_pending", trace->n_pending},
                 {"n_pending_dead", trace->n_pending_completed},
                 {"n_active", trace->n_flows},
                 {"n_links", trace->n_links},
                 {"n_edges", trace->n_edges},
                 {"reschedule_all", trace->reschedule_all}};
  for (size_t i = 0; i < M4S_COUNT(numbers); i++) {
    int64_t expected = dumped_int(&parity->steps, parity->row, numbers[i].column);
    if (numbers[i].value != expected) {
      parity_note(parity, numbers[i].column, (double)numbers[i].value, (double)expected);
    }
  }
}

// The times have three decimals, the slowdowns six.
static inline void parity_compare_reals(parity_t *parity, const m4s_m4_step_trace_t *trace) {
  static const char *const columns[] = {"s0", "s1", "s2", "s3", "s4"};
  double dt_us = parity_real(parity, "dt_us");
  if (!(fabs((double)trace->dt_us - dt_us) <= 5.1e-4)) {
    parity_note(parity, "dt_us", (double)trace->dt_us, dt_us);
  }
  for (int i = 0; i < (int)M4S_COUNT(columns) && i < trace->n_flows; i++) {
    double slowdown = fmax(1, (double)trace->slowdowns[i]);
    double expected = parity_real(parity, columns[i]);
    double difference = fabs(slowdown - expected);
    if (!(difference <= 1e-4)) {
      parity_note(parity, columns[i], slowdown, expected);
    }
    parity->largest_difference = fmax(parity->largest_difference, difference);
  }
}

// A tracer of steps; compares until the runs part.
static inline void parity_step(void *context, const m4s_m4_step_trace_t *trace) {
  parity_t *parity = context;
  if (parity->deviation[0] != '\0') {
    return;
  }
  if (!parity_find_row(parity)) {
    parity_note(parity, "now_ns", (double)trace->now_ns, INFINITY);
    return;
  }
  parity_compare_numbers(parity, trace);
  if (parity->deviation[0] == '\0') {
    parity_compare_reals(parity, trace);
  }
  if (parity->deviation[0] == '\0') {
    parity->n_equal++;
    parity->equal_until_ns = trace->now_ns;
    parity->row++;
  }
}

static inline void parity_compare_flows(parity_t *parity) {
  m4s_csv_t csv = dumped_read(parity->point->flows);
  m4s_collective_result_t result = m4s_collective_source_result(parity->sim.collective);
  for (size_t row = 0; row < csv.n_rows; row++) {
    const m4s_flow_record_t *record = &result.records[dumped_int(&csv, row, "flow_id")];
    int64_t done_ns = dumped_int(&csv, row, "t_done");
    if (done_ns > parity->equal_until_ns) {
      continue;
    }
    assert_true(record->fct_ns >= 0);
    int64_t start_ns = llabs(record->start_ns - dumped_int(&csv, row, "t_start"));
    int64_t end_ns = llabs(record->start_ns + record->fct_ns - done_ns);
    int64_t difference_ns = start_ns > end_ns ? start_ns : end_ns;
    parity->n_flows++;
    parity->n_flows_different += difference_ns > 0;
    if (difference_ns > parity->largest_flow_difference_ns) {
      parity->largest_flow_difference_ns = difference_ns;
    }
  }
  m4s_csv_clear(&csv);
}

// Runs a point until `max_steps` are equal or the runs part; to its end where max_steps is
// INT32_MAX.
static inline void parity_run(parity_t *parity, const parity_point_t *point, int32_t max_steps,
                              m4s_engine_t *engine) {
  m4s_inference_batch_t batch = {.engine = engine};
  harness_t *sim = &parity->sim;
  int n_unfinished = 1;
  bool goes_on = true;
  *parity = (parity_t){.point = point, .steps = dumped_read(point->steps)};
  harness_open_gray(sim, point->n, point->r, NULL, engine);
  m4s_m4_set_tracer(&sim->model, (m4s_m4_tracer_t){.step = parity_step, .context = parity});
  while (goes_on && n_unfinished > 0) {
    ASSERT_OK(harness_round(&sim, 1, &batch, NULL, &n_unfinished));
    goes_on =
        max_steps == INT32_MAX || (parity->n_equal < max_steps && parity->deviation[0] == '\0');
  }
  m4s_inference_batch_clear(&batch);
  parity_compare_flows(parity);
}

static inline void parity_clear(parity_t *parity) {
  harness_close(&parity->sim);
  m4s_csv_clear(&parity->steps);
}

static inline void parity_print(const parity_t *parity) {
  print_message("  N=%d R=%d: %d steps are equal, up to %.3f us; slowdowns differ by up to %.1e\n",
                parity->point->n, parity->point->r, parity->n_equal,
                (double)parity->equal_until_ns / 1e3, parity->largest_difference);
  print_message("  %d of %d flows differ, by up to %lld ns\n", parity->n_flows_different,
                parity->n_flows, (long long)parity->largest_flow_difference_ns);
  if (parity->deviation[0] != '\0') {
    print_message("  %s\n", parity->deviation);
  }
}

// An engine with the published weights; both are the caller's.
static inline m4s_engine_t *parity_engine(m4s_forward_t forward, m4s_model_t **weights_out) {
  m4s_engine_t *engine = NULL;
  ASSERT_OK(m4s_model_read(support_reference("m4-published.safetensors"), weights_out));
  ASSERT_OK(m4s_engine_create(*weights_out, forward, &engine));
  return engine;
}
