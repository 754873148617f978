// What a report reads from the folders of points: throughput over time, utilisation of links.
#include "fixture.h"

#include "report/contents.h"
#include "report/report.h"

static void assert_near(double value, double expected) {
  if (!(value - expected <= 1e-9 && expected - value <= 1e-9)) {
    fail_msg("%.17g instead of %.17g", value, expected);
  }
}

// Intervals of 10 ns: a flow of 100 bytes from 0 to 100 ns (8 Gb/s), one of 60 bytes from 95 to 115
// (24 Gb/s), one of 50 within the last interval, one that takes no time.
static void bytes_should_be_spread_over_lifetimes(void **state) {
  (void)state;
  const m4s_flow_record_t records[] = {
      {.size_bytes = 100, .start_ns = 0, .fct_ns = 100},
      {.size_bytes = 60, .start_ns = 95, .fct_ns = 20},
      {.size_bytes = 50, .start_ns = 492, .fct_ns = 8},
      {.size_bytes = 5, .start_ns = 200, .fct_ns = 0},
      {.size_bytes = 1000, .start_ns = -1, .fct_ns = 10},
      {.size_bytes = 1000, .start_ns = 10, .fct_ns = -1},
  };
  double gbps[M4S_THROUGHPUT_INTERVALS] = {0};
  m4s_throughput_add(records, 6, 0, 500, gbps);
  for (int i = 0; i < 9; i++) {
    assert_near(gbps[i], 8);
  }
  assert_near(gbps[9], 8 + 12);
  assert_near(gbps[10], 24);
  assert_near(gbps[11], 12);
  assert_near(gbps[12], 0);
  assert_near(gbps[20], 4);
  assert_near(gbps[49], 40);
  double n_bytes = 0;
  for (int i = 0; i < M4S_THROUGHPUT_INTERVALS; i++) {
    n_bytes += gbps[i] * 10 / 8;
  }
  assert_near(n_bytes, 215);
}

#define TWO_SIZES ", \"slowdown_p50_gt_1mb\": 1.25, \"slowdown_p99_gt_1mb\": 2.5"
#define ROW(case_, size, simulator, sizes) \
  "{\"case\": \"" case_ "\", \"simulator\": \"" simulator "\", \"axes\": {\"size\": " size \
  "}, \"wall_s\": 1, \"metrics\": {\"flows\": 2, \"slowdown_p50\": 1, \"slowdown_p99\": 2, " \
  "\"slowdown_p50_le_1kb\": 1.5, \"slowdown_p99_le_1kb\": 9" sizes "}}"

static const char results_text[] =
    "{\"manifest\": {\"simulators\": [\"a\", \"b\"], \"axes\": [\"size\"]}, \"rows\": [" ROW(
        "p1", "1", "a", TWO_SIZES) "," ROW("p1", "1", "b",
                                           TWO_SIZES) "," ROW("p2", "2", "a",
                                                              TWO_SIZES) "," ROW("p2", "2", "b",
                                                                                 TWO_SIZES) "]}";

static void write_flow(const char *folder, int64_t start_ns, int64_t fct_ns) {
  char name[96];
  const m4s_flow_record_t record = {
      .dst = 1, .size_bytes = 1000, .start_ns = start_ns, .fct_ns = fct_ns, .ideal_fct_ns = 10};
  snprintf(name, sizeof name, "points/%s", folder);
  assert_int_equal(m4s_folder_make(fixture_path(name)), M4S_OK);
  snprintf(name, sizeof name, "points/%s/flows.npy", folder);
  assert_int_equal(m4s_flow_records_write(fixture_path(name), &record, 1), M4S_OK);
}

static void assert_holds(const char *name, const char *text) {
  char *bytes = fixture_read(name);
  if (strstr(bytes, text) == NULL) {
    fail_msg("%s does not hold \"%s\":\n%s", name, text, bytes);
  }
  free(bytes);
}

static void write_report(void) {
  m4s_results_t results = fixture_results(results_text);
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
}

// Simulators share a point's span: a is done when b is half way.
static void throughput_should_be_of_one_span_a_point(void **state) {
  (void)state;
  write_flow("p1/a", 1000, 5000);
  write_flow("p1/b", 1000, 10000);
  write_flow("p2/a", 0, 1000);
  write_report();
  assert_holds("throughput.csv",
               "case,simulator,size,begin_us,end_us,throughput_gbps\n"
               "p1,a,1,1.000,1.200,1.600000\n");
  assert_holds("throughput.csv", "p1,a,1,5.800,6.000,1.600000\np1,a,1,6.000,6.200,0.000000\n");
  assert_holds("throughput.csv", "p1,b,1,10.800,11.000,0.800000\n");
  assert_holds("throughput.csv", "p2,a,2,0.000,0.020,8.000000\n");
  assert_holds("figures/throughput_over_time.gp", "set title 'size = 1'");  // p2 lacks b
  assert_holds("figures/throughput_over_time.dat", "# b\n0.001 0.8\n");
  assert_int_equal(m4s_path_remove(fixture_path("points")), M4S_OK);
  write_report();
  assert_false(m4s_path_exists(fixture_path("throughput.csv")));
  assert_false(m4s_path_exists(fixture_path("figures/throughput_over_time.gp")));
}

static void links_should_be_summed_up_by_tier(void **state) {
  (void)state;
  fixture_write("points/p1/a/links.csv",
                "src,dst,tier,utilisation,more\n0,4,nvlink,1,x\n0,5,host-tier1,0.1,x\n"
                "1,5,host-tier1,0.3,x\n5,0,tier1-host,0.8,x\n");
  fixture_write("points/p1/b/links.csv", "src,dst,utilisation\n0,5,0.25\n5,0,0.75\n");
  write_report();
  assert_holds("links_summary.csv",
               "case,simulator,size,tier,n_links,mean_utilisation,p50_utilisation,"
               "p90_utilisation,max_utilisation\n"
               "p1,a,1,nvlink,1,1.000000,1.000000,1.000000,1.000000\n"
               "p1,a,1,host-tier1,2,0.200000,0.200000,0.280000,0.300000\n"
               "p1,a,1,tier1-host,1,0.800000,0.800000,0.800000,0.800000\n"
               "p1,a,1,fabric,3,0.400000,0.300000,0.700000,0.800000\n"
               "p1,b,1,all,2,0.500000,0.500000,0.700000,0.750000\n");
  assert_holds("figures/link_utilisation.gp",
               "'host-tier1' 1, 'tier1-host' 2, 'fabric' 3, 'all' 4");
  assert_holds("figures/link_utilisation.dat", "# a\n-0.175 100 100 100 100\n");
  assert_int_equal(m4s_path_remove(fixture_path("points")), M4S_OK);
}

static void broken_links_should_be_named(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(results_text);
  m4s_report_t report;
  fixture_write("points/p1/a/links.csv", "src,dst,utilisation\n0,5,0.1\n5,0,nan\n");
  fixture_write("points/p2/a/links.csv", "src,dst,utilisation\n0,5,0.5\n");
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  assert_int_equal(report.links.n_rows, 1);  // of p2
  assert_int_equal(report.links.rows[0].point, 1);
  assert_int_equal(report.unreadable.n_items, 1);
  assert_non_null(strstr(report.unreadable.items[0],
                         "points/p1/a/links.csv:3: utilisation \"nan\" is not a number"));
  m4s_report_clear(&report);
  fixture_write("points/p1/a/links.csv", "src,dst\n0,5\n");
  fixture_write("points/p2/a/links.csv", "");
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  assert_int_equal(report.links.n_rows, 0);
  assert_int_equal(report.unreadable.n_items, 2);
  assert_non_null(
      strstr(report.unreadable.items[0], "points/p1/a/links.csv: has no column utilisation"));
  m4s_text_t words = {0};
  assert_int_equal(m4s_report_add_unreadable(&report, &words), M4S_OK);
  assert_int_equal(
      strncmp(words.bytes, "2 files of points are left out, the first of them as ", 53), 0);
  m4s_text_clear(&words);
  m4s_report_clear(&report);
  assert_int_equal(m4s_path_remove(fixture_path("points")), M4S_OK);
  m4s_results_clear(&results);
}

static void sizes_should_stand_by_their_class(void **state) {
  (void)state;
  write_report();
  assert_holds("figures/slowdown_by_size.dat",
               "# a\n0 9\n4 2.5\n\n5 2\n\n\n# a\n0 1.5\n4 1.25\n\n5 1\n");
  assert_holds("figures/slowdown_by_size.gp", "title 'b, p99'");
  m4s_results_t results = fixture_results(
      "{\"manifest\": {\"simulators\": [\"a\"], \"axes\": [\"size\"]}, \"rows\": [" ROW(
          "p1", "1", "a", "") "]}");
  assert_holds("figures/p50_slowdown_by_axis.dat", "# a\n1 1\n2 1\n");
  assert_holds("figures/slowdown_by_size.gp", "set title 'size = 2'");
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
  assert_false(m4s_path_exists(fixture_path("figures/slowdown_by_size.gp")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_should_be_spread_over_lifetimes),
      cmocka_unit_test(throughput_should_be_of_one_span_a_point),
      cmocka_unit_test(links_should_be_summed_up_by_tier),
      cmocka_unit_test(broken_links_should_be_named),
      cmocka_unit_test(sizes_should_stand_by_their_class),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
