// Reports on traffic that is given flow by flow: compared by slowdowns, over points and flow by
// flow.
#include "fixture.h"

#include "flow/flow.h"
#include "report/contents.h"
#include "report/report.h"

#define ROW(case_, load, simulator, mean, p99) \
  "{\"case\": \"" case_ "\", \"simulator\": \"" simulator "\", \"axes\": {\"max_load\": " load \
  "}, \"wall_s\": 1, \"metrics\": {\"flows\": 2, \"makespan_us\": 10, \"throughput_gbps\": 1.5, " \
  "\"slowdown_mean\": " mean ", \"slowdown_p99\": " p99 ", \"events\": 4}}"

static const char results_text[] =
    "{\"manifest\": {\"title\": \"mixes\", \"simulators\": [\"flowsim\", \"packet\"], \"axes\": "
    "[\"max_load\"], \"metrics\": [\"flows\", \"makespan_us\", \"throughput_gbps\", "
    "\"load_expected\", \"slowdown_mean\", \"slowdown_p99\", \"events\"], \"reference\": "
    "{\"simulator\": \"packet\"}}, \"rows\": [" ROW("aa", "0.2", "flowsim", "1", "2") "," ROW(
        "aa", "0.2", "packet", "2",
        "4") "," ROW("bb", "0.4", "flowsim", "3",
                     "5") "," ROW("bb", "0.4", "packet", "3",
                                  "4") "," ROW("cc", "0.6", "flowsim", "4",
                                               "6") "," ROW("cc", "0.6", "packet", "4", "8") "]}";

// Two flows with ideal FCTs of 1,000 and 2,000 ns.
static void write_flows(const char *folder, int64_t fct_0_ns, int64_t fct_1_ns) {
  char name[96];
  const m4s_flow_record_t records[] = {
      {.id = 0, .dst = 1, .size_bytes = 100, .fct_ns = fct_0_ns, .ideal_fct_ns = 1000},
      {.id = 1, .dst = 2, .size_bytes = 200, .fct_ns = fct_1_ns, .ideal_fct_ns = 2000}};
  snprintf(name, sizeof name, "points/%s", folder);
  assert_int_equal(m4s_folder_make(fixture_path(name)), M4S_OK);
  snprintf(name, sizeof name, "points/%s/flows.npy", folder);
  assert_int_equal(m4s_flow_records_write(fixture_path(name), records, 2), M4S_OK);
}

// Point cc has no flows of flowsim.
static m4s_results_t make_results(void) {
  write_flows("aa/flowsim", 1000, 3000);
  write_flows("aa/packet", 2000, 3000);
  write_flows("bb/flowsim", 1500, 4000);
  write_flows("bb/packet", 1000, 5000);
  write_flows("cc/packet", 1000, 5000);
  return fixture_results(results_text);
}

static void assert_near(double value, double expected) {
  if (!(value - expected <= 1e-9 && expected - value <= 1e-9)) {
    fail_msg("%.17g instead of %.17g", value, expected);
  }
}

// Errors: -50 and 0 % at aa, 50 and -20 % at bb.
static void flows_should_be_compared_one_by_one(void **state) {
  (void)state;
  m4s_results_t results = make_results();
  m4s_report_t report;
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  assert_int_equal(report.flows.n_points, 2);
  assert_int_equal(report.flows.points[1].point, 1);
  assert_near(report.flows.points[0].summary.mae, 25);
  assert_near(report.flows.points[0].summary.mean_signed, -25);
  assert_near(report.flows.points[1].summary.max_abs, 50);
  const m4s_error_row_t *row = m4s_flow_samples_find(&report.flows, 0);
  assert_non_null(row);
  assert_null(m4s_flow_samples_find(&report.flows, 1));
  assert_int_equal(row->summary.n, 4);
  assert_near(row->summary.mae, 30);
  assert_near(row->summary.median_abs, 35);
  assert_near(row->summary.mean_signed, -5);
  assert_int_equal(report.flows.series[1].n, 4);
  assert_near(report.flows.series[1].slowdowns[3], 2.5);
  assert_null(report.flows.series[1].errors_percent);
  m4s_report_clear(&report);
  m4s_results_clear(&results);
}

static void assert_holds(const char *name, const char *text) {
  char *bytes = fixture_read(name);
  if (strstr(bytes, text) == NULL) {
    fail_msg("%s does not hold \"%s\":\n%s", name, text, bytes);
  }
  free(bytes);
}

static void tables_should_be_of_slowdowns(void **state) {
  (void)state;
  m4s_results_t results = make_results();
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
  assert_holds("summary.csv",
               "case,simulator,status,max_load,flows,wall_s,makespan_us,throughput_gbps,"
               "load_expected,slowdown_mean,slowdown_p99,events,reason\n"
               "aa,flowsim,ok,0.2,2,1.000000,10.000,1.500000,,1.000000,2.000000,4,\n");
  // p99: -50, 25 and -25 %.
  assert_holds("errors.csv", "flowsim,packet,slowdown_p99,3,33.333333,");
  // The two points have mean and median errors of 25 and 35 %.
  assert_holds("errors.csv",
               "flowsim,packet,flow_slowdown,4,30.000000,25.000000,35.000000,35.000000,25.000000,"
               "35.000000,50.000000,50.000000,50.000000,-5.000000\n");
  assert_holds("point_errors.csv", "bb,flowsim,0.4,slowdown_p99,5.000000,4.000000,25.000000\n");
  assert_holds("flow_errors.csv",
               "case,simulator,max_load,n_flows,mae_percent,median_abs_percent,p90_abs_percent,"
               "p95_abs_percent,max_abs_percent,mean_signed_percent\n"
               "aa,flowsim,0.2,2,25.000000,25.000000,45.000000,47.500000,50.000000,-25.000000\n");
  // Slowdowns of packet: 2 and 1.5 at aa, 1 and 2.5 at bb.
  assert_holds("cdf.csv",
               "slowdown,packet,1.000000,0.250000,0.000000,0.500000\n"
               "slowdown,packet,1.500000,0.500000,0.500000,0.500000\n"
               "slowdown,packet,2.000000,0.750000,0.500000,1.000000\n");
  assert_holds("cdf.csv", "flow_abs_error_percent,flowsim,20.000000,0.500000,0.500000,0.500000\n");
  assert_holds("cdf.csv", "slowdown_p99,packet,4.000000,0.666667,,\n");
  assert_holds("figures/p99_slowdown_by_axis.gp", "set ylabel 'p99 slowdown of the flows'");
  assert_holds("figures/p99_slowdown_by_axis.dat", "# packet\n0.2 4\n0.4 4\n0.6 8\n");
  assert_holds("figures/cdf_slowdown.gp", "set ylabel 'share of 4 flows'");
  assert_holds("figures/cdf_flow_error.dat", "20 0.5\n50 1\n");
  assert_holds("figures/cdf_slowdown.dat", "1 0 0\n1 0 0.5\n1.5 0 0.5\n1.5 0.5 0.5\n");
  assert_holds("report.html", "<h2>Slowdowns</h2>");
  assert_false(m4s_path_exists(fixture_path("figures/cdf_total_time.gp")));
}

static void overview_should_be_of_slowdowns(void **state) {
  (void)state;
  m4s_results_t results = make_results();
  m4s_report_t report;
  m4s_text_t text = {0};
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  assert_int_equal(m4s_report_add_overview(&report, &text), M4S_OK);
  assert_non_null(
      strstr(text.bytes,
             "simulator  ok  failed  missing   p99 slowdown  wall time [s]   speed-up\n"
             "flowsim     3       0        0  2.000 - 6.000           3.00         1x\n"
             "packet      3       0        0  4.000 - 8.000           3.00  reference\n"));
  assert_non_null(strstr(text.bytes,
                         "error in p99 slowdown [%] against packet, which has 3 of 3 "
                         "points\n"));
  assert_non_null(
      strstr(text.bytes,
             "error in the slowdown of single flows [%] against packet\n"
             "simulator  flows            MAE [95 %]         median [95 %]    p90    max  mean "
             "signed\n"
             "flowsim        4  30.00 [25.00, 35.00]  35.00 [25.00, 35.00]  50.00  50.00"
             "        -5.00\n"));
  m4s_text_clear(&text);
  m4s_report_clear(&report);
  m4s_results_clear(&results);
}

// Times count at the points that both have: 0.5 and 0.25 s against 10 and 20 s.
static void simulators_should_stand_side_by_side(void **state) {
  (void)state;
  static const double wall_s[] = {0.5, 10, 0.25, 20, 4, 5};
  m4s_results_t results = make_results();
  for (size_t i = 0; i < results.n_rows; i++) {
    results.rows[i].wall_s = wall_s[i];
  }
  results.rows[4].status = M4S_ROW_FAILED;
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
  char *table = fixture_read("simulators.csv");
  assert_string_equal(
      table,
      "simulator,reference,points_ok,n_flows,flow_mae_percent,flow_p90_percent,metric,n_points,"
      "mae_percent,p90_percent,n_timed,wall_s,speed_up\n"
      "flowsim,packet,2,4,30.000000,50.000000,slowdown_p99,2,37.500000,47.500000,2,0.750000,"
      "40.000000\n"
      "packet,packet,3,0,,,slowdown_p99,0,,,3,35.000000,1.000000\n");
  free(table);
  assert_holds("report.html",
               "<tr><td class=\"t\">flowsim</td><td>30.00</td><td>50.00</td><td>37.50</td>"
               "<td>47.50</td><td>0.750</td><td>40\xc3\x97</td></tr>");
}

// Other flows at a point are not compared there; without any flows there are no such errors.
static void points_with_other_flows_should_not_count(void **state) {
  (void)state;
  m4s_results_t results = make_results();
  m4s_report_t report;
  const m4s_flow_record_t other = {.fct_ns = 1, .ideal_fct_ns = 1, .size_bytes = 1};
  assert_int_equal(m4s_flow_records_write(fixture_path("points/aa/flowsim/flows.npy"), &other, 1),
                   M4S_OK);
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  assert_int_equal(report.flows.n_points, 1);
  assert_int_equal(report.flows.points[0].point, 1);
  m4s_report_clear(&report);
  assert_int_equal(m4s_path_remove(fixture_path("points")), M4S_OK);
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  assert_int_equal(report.flows.n_points + report.flows.n_rows, 0);
  assert_int_equal(report.errors.n_rows, 3);  // makespan, mean, p99
  m4s_report_clear(&report);
  m4s_results_clear(&results);
}

static void broken_flows_should_be_named(void **state) {
  (void)state;
  m4s_results_t results = make_results();
  m4s_report_t report;
  fixture_write("points/bb/packet/flows.npy", "\x93NUMPY nonsense");
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  assert_int_equal(report.unreadable.n_items, 1);  // though read for slowdowns and throughput
  assert_non_null(
      strstr(report.unreadable.items[0], "points/bb/packet/flows.npy: is not an npy file"));
  m4s_report_clear(&report);
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  assert_holds("report.html", "points/bb/packet/flows.npy: is not an npy file");
  assert_holds("report.html", "; this file is left out.</p>");
  m4s_results_clear(&results);
}

// Of more flows than a curve needs some stand for all.
static void long_series_should_be_thinned(void **state) {
  (void)state;
  enum { N = 10001 };
  m4s_flow_record_t *records = calloc(N, sizeof *records);
  for (int i = 0; i < N; i++) {
    records[i] = (m4s_flow_record_t){
        .id = i, .dst = 1, .size_bytes = 1, .fct_ns = 1000 + i, .ideal_fct_ns = 1000};
  }
  m4s_results_t results = make_results();
  m4s_report_t report;
  static const char *const names[] = {"points/aa/flowsim/flows.npy", "points/aa/packet/flows.npy"};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(m4s_flow_records_write(fixture_path(names[i]), records, N), M4S_OK);
  }
  free(records);
  assert_int_equal(m4s_path_remove(fixture_path("points/bb")), M4S_OK);
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  const m4s_distribution_t *found = NULL;
  for (size_t i = 0; i < report.distributions.n_items; i++) {
    const m4s_distribution_t *item = &report.distributions.items[i];
    found = item->quantity == M4S_QUANTITY_SLOWDOWN && item->simulator == 1 ? item : found;
  }
  assert_non_null(found);
  assert_int_equal(found->ecdf.n_samples, N);
  assert_int_equal(found->ecdf.n_steps, M4S_MAX_ECDF_STEPS);
  assert_near(found->ecdf.values[0], 1);
  assert_near(found->ecdf.values[1000], 6);
  assert_near(found->ecdf.values[2000], 11);
  m4s_report_clear(&report);
  m4s_results_clear(&results);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flows_should_be_compared_one_by_one),
      cmocka_unit_test(tables_should_be_of_slowdowns),
      cmocka_unit_test(overview_should_be_of_slowdowns),
      cmocka_unit_test(simulators_should_stand_side_by_side),
      cmocka_unit_test(points_with_other_flows_should_not_count),
      cmocka_unit_test(broken_flows_should_be_named),
      cmocka_unit_test(long_series_should_be_thinned),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
