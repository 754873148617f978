// One point as a terminal is shown it.
#include "support.h"

#include <math.h>

#include "report/point_summary.h"

static void slowdowns_should_be_those_of_completed_flows(void **state) {
  (void)state;
  enum { N = 101 };
  m4s_flow_record_t records[N + 2];
  m4s_slowdowns_t slowdowns;
  for (int i = 0; i < N + 2; i++) {
    records[i] = (m4s_flow_record_t){.fct_ns = 1000 + 10 * ((i * 37) % N), .ideal_fct_ns = 1000};
  }
  records[N].fct_ns = -1;  // has not completed
  records[N + 1].ideal_fct_ns = -1;
  ASSERT_OK(m4s_slowdowns_make(records, N + 2, &slowdowns));
  assert_int_equal(slowdowns.n, N);
  // 1 to 2 in steps of 1/100: quantile p is 1 + p. 1e-12: sums of decimal fractions.
  assert_true(fabs(slowdowns.p50 - 1.5) <= 1e-12);
  assert_true(fabs(slowdowns.p90 - 1.9) <= 1e-12);
  assert_true(fabs(slowdowns.p99 - 1.99) <= 1e-12);
  assert_true(slowdowns.max == 2);
  ASSERT_OK(m4s_slowdowns_make(records + N, 2, &slowdowns));
  assert_int_equal(slowdowns.n, 0);
  assert_true(slowdowns.max == 0);
}

static const char spec[] =
    "{\"name\": \"t\", \"title\": \"Title\", \"simulators\": [\"flowsim\", \"m4\"], %s\"base\": "
    "{\"traffic\": {\"workload\": \"w\"}}, \"axes\": [{\"reduction\": [4, 8]}]}";

// The second point of the sweep with this reference: "" or "\"reference\": …, ".
static void assert_summary(const char *reference, const char *expected) {
  char text[512];
  m4s_sweep_t *sweep = NULL;
  m4s_results_t results;
  m4s_text_t shown = {0};
  const uint64_t index = 1;
  const m4s_simulated_t facts[] = {
      {.slowdowns = {.n = 9, .p50 = 1, .p90 = 2, .p99 = 3, .max = 4}},
      {.slowdowns = {.n = 0}, .n_steps = 77},
  };
  support_write("w", "workload");
  support_write("r.csv", "reduction,simulator,total_us,comm_1_us\n8,ns3,2000,\n");
  snprintf(text, sizeof text, spec, reference);
  ASSERT_OK(m4s_sweep_parse(text, support_path("t.json"), &sweep));
  ASSERT_OK(m4s_sweep_load(sweep, NULL));
  ASSERT_OK(m4s_results_outline(sweep, &index, 1, &results));
  assert_int_equal(results.n_rows, 2);
  for (size_t i = 0; i < 2; i++) {
    m4s_result_row_t *row = &results.rows[i];
    assert_int_equal(row->status, M4S_ROW_MISSING);
    row->status = M4S_ROW_OK;
    row->wall_s = 0.25;
    row->metrics = json_pack("{s:f, s:f, s:f, s:i, s:f, s:i}", "total_us", i == 0 ? 1000.0 : 2500.6,
                             "exposed_comm_us", 900.0, "comm_1_us", 500.0, "flows", 12,
                             "makespan_us", 3000.0, "events", 34);
  }
  ASSERT_OK(m4s_point_summary_add(&results, facts, &shown));
  assert_string_equal(shown.bytes, expected);
  m4s_text_clear(&shown);
  m4s_results_clear(&results);
  m4s_sweep_destroy(sweep);
}

static void table_should_show_simulators_and_reference(void **state) {
  (void)state;
  assert_summary("\"reference\": {\"table\": \"r.csv\", \"simulator\": \"ns3\"}, ",
                 "Title\n"
                 "reduction 8\n"
                 "\n"
                 "                             flowsim        m4       ns3\n"
                 "total time of rank 0 [ms]   1.000000  2.500600  2.000000\n"
                 "  error [%]                   -50.00    +25.03\n"
                 "exposed communication [ms]  0.900000  0.900000\n"
                 "  of layer 1, forward [ms]  0.500000  0.500000\n"
                 "makespan [ms]               3.000000  3.000000\n"
                 "flows                             12        12\n"
                 "slowdown of flows, p50         1.000         -\n"
                 "  p90                          2.000         -\n"
                 "  p99                          3.000         -\n"
                 "  max                          4.000         -\n"
                 "events                            34        34\n"
                 "steps of the network               -        77\n"
                 "wall time [s]                  0.250     0.250\n"
                 "\n"
                 "errors are against ns3 of r.csv\n");
}

static void reference_may_be_one_of_the_simulators(void **state) {
  (void)state;
  assert_summary("\"reference\": \"flowsim\", ",
                 "Title\n"
                 "reduction 8\n"
                 "\n"
                 "                             flowsim        m4\n"
                 "total time of rank 0 [ms]   1.000000  2.500600\n"
                 "  error [%]                            +150.06\n"
                 "exposed communication [ms]  0.900000  0.900000\n"
                 "  error [%]                              +0.00\n"
                 "  of layer 1, forward [ms]  0.500000  0.500000\n"
                 "  error [%]                              +0.00\n"
                 "makespan [ms]               3.000000  3.000000\n"
                 "  error [%]                              +0.00\n"
                 "flows                             12        12\n"
                 "slowdown of flows, p50         1.000         -\n"
                 "  p90                          2.000         -\n"
                 "  p99                          3.000         -\n"
                 "  max                          4.000         -\n"
                 "events                            34        34\n"
                 "steps of the network               -        77\n"
                 "wall time [s]                  0.250     0.250\n"
                 "\n"
                 "errors are against flowsim\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slowdowns_should_be_those_of_completed_flows),
      cmocka_unit_test(table_should_show_simulators_and_reference),
      cmocka_unit_test(reference_may_be_one_of_the_simulators),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
