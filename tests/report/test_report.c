// The files of a report, byte by byte where they are text.
#include "fixture.h"

#include "report/format.h"
#include "report/page.h"
#include "report/report.h"

static void assert_file(const char *name, const char *expected) {
  char *bytes = fixture_read(name);
  assert_string_equal(bytes, expected);
  free(bytes);
}

// Whether a file holds a text.
static bool file_holds(const char *name, const char *text) {
  char *bytes = fixture_read(name);
  bool holds = strstr(bytes, text) != NULL;
  free(bytes);
  return holds;
}

// Writes the grid's report against a table; returns what was printed, owned by the caller.
static char *write_grid(const char *table) {
  m4s_results_t results = fixture_results(fixture_grid);
  json_t *reference = NULL;
  if (table != NULL) {
    fixture_write("table.csv", table);
    reference = json_pack("{s:s, s:s}", "table", fixture_path("table.csv"), "simulator", "ns3");
  }
  char *printed = NULL;
  size_t n_printed = 0;
  FILE *stream = open_memstream(&printed, &n_printed);
  assert_non_null(stream);
  m4s_status_t status = m4s_report_write_results(&results, reference, stream);
  fclose(stream);
  json_decref(reference);
  m4s_results_clear(&results);
  if (status != M4S_OK) {
    fail_msg("%s", m4s_last_error());
  }
  return printed;
}

static const char one_point_table[] =
    "degraded_gpus,reduction,simulator,total_us,comm_1_us\n2,4,ns3,1000,\n";

static void summary_should_be_these_bytes(void **state) {
  (void)state;
  free(write_grid(NULL));
  assert_file("summary.csv",
              "case,simulator,status,degraded_gpus,reduction,total_us,exposed_comm_us,comm_1_us,"
              "comm_2_us,flows,wall_s,makespan_us,events,reason\n"
              "aa,flowsim,ok,2,4,900.500,800.000,300.000,500.000,15360,1.500000,950.000,12,\n"
              "aa,m4,ok,2,4,1100.000,1000.000,400.000,600.000,15360,2.000000,1150.000,13,\n"
              "bb,flowsim,ok,2,5,1200.000,1100.000,400.000,700.000,15360,1.000000,1250.000,14,\n"
              "bb,m4,failed,2,5,,,,,,0.250000,,,"
              "\"time limit <60 s>, \"\"hard\"\" & final\"\n"
              "cc,flowsim,ok,3,4,1500.000,1400.000,500.000,900.000,15360,1.000000,1550.000,15,\n"
              "cc,m4,missing,3,4,,,,,,,,,\n"
              "dd,flowsim,ok,3,5,2000.000,1900.000,600.000,1300.000,15360,1.000000,2050.000,16,\n"
              "dd,m4,ok,3,5,2500.000,2400.000,900.000,1500.000,15360,3.000000,2550.000,17,\n");
}

static void errors_should_be_these_bytes(void **state) {
  (void)state;
  free(write_grid(one_point_table));
  assert_file(
      "errors.csv",
      "simulator,reference,metric,n_points,mae_percent,mae_low95_percent,"
      "mae_high95_percent,median_abs_percent,median_low95_percent,median_high95_percent,"
      "p90_abs_percent,p95_abs_percent,max_abs_percent,mean_signed_percent\n"
      "flowsim,ns3,total_us,1,9.950000,,,9.950000,,,9.950000,9.950000,9.950000,-9.950000\n"
      "m4,ns3,total_us,1,10.000000,,,10.000000,,,10.000000,10.000000,10.000000,10.000000\n");
  assert_file("point_errors.csv",
              "case,simulator,degraded_gpus,reduction,metric,value,reference,error_percent\n"
              "aa,flowsim,2,4,total_us,900.500,1000.000,-9.950000\n"
              "aa,m4,2,4,total_us,1100.000,1000.000,10.000000\n");
  assert_file("cdf.csv",
              "quantity,series,value,probability,low95,high95\n"
              "total_us,flowsim,900.500,0.250000,,\n"
              "total_us,flowsim,1200.000,0.500000,,\n"
              "total_us,flowsim,1500.000,0.750000,,\n"
              "total_us,flowsim,2000.000,1.000000,,\n"
              "total_us,m4,1100.000,0.500000,,\n"
              "total_us,m4,2500.000,1.000000,,\n"
              "total_us,ns3,1000.000,1.000000,,\n"
              "total_us_compared,flowsim,900.500,1.000000,,\n"
              "total_us_compared,m4,1100.000,1.000000,,\n"
              "total_us_compared,ns3,1000.000,1.000000,,\n"
              "abs_error_percent,flowsim,9.950000,1.000000,,\n"
              "abs_error_percent,m4,10.000000,1.000000,,\n"
              "error_percent,flowsim,-9.950000,1.000000,,\n"
              "error_percent,m4,10.000000,1.000000,,\n"
              "wall_s,flowsim,1.000000,0.750000,,\n"
              "wall_s,flowsim,1.500000,1.000000,,\n"
              "wall_s,m4,2.000000,0.500000,,\n"
              "wall_s,m4,3.000000,1.000000,,\n");
}

// m4 failed at the second point and lacks the third: neither counts for flowsim.
static void errors_should_be_summed_over_common_points(void **state) {
  (void)state;
  char *printed = write_grid(
      "degraded_gpus,reduction,simulator,total_us,comm_1_us\n"
      "2,4,ns3,1000,300\n2,5,ns3,1000,200\n3,4,ns3,1000,250\n3,5,ns3,2500,\n");
  assert_non_null(strstr(printed, "\nCompared at the 2 points that every simulator has.\n"));
  free(printed);
  assert_true(file_holds("report.html", "Compared at the 2 points that every simulator has."));
  assert_true(file_holds("errors.csv", "\nflowsim,ns3,total_us,2,14.975000,"));
  assert_true(file_holds("errors.csv", "\nm4,ns3,total_us,2,5.000000,"));
  assert_true(file_holds("errors.csv", "\nflowsim,ns3,comm_1_us,1,0.000000,,,"));
  assert_true(file_holds("point_errors.csv", "\nbb,flowsim,2,5,total_us,1200.000,1000.000,"));
  assert_true(file_holds("cdf.csv",
                         "total_us_compared,flowsim,900.500,0.500000,,\n"
                         "total_us_compared,flowsim,2000.000,1.000000,,\n"
                         "total_us_compared,m4,1100.000,0.500000,,\n"
                         "total_us_compared,m4,2500.000,1.000000,,\n"
                         "total_us_compared,ns3,1000.000,0.500000,,\n"
                         "total_us_compared,ns3,2500.000,1.000000,,\n"
                         "abs_error_percent,flowsim,9.950000,0.500000,0.000000,1.000000\n"
                         "abs_error_percent,flowsim,20.000000,1.000000,1.000000,1.000000\n"
                         "abs_error_percent,m4,0.000000,0.500000,0.000000,1.000000\n"));
}

static void errors_should_need_a_common_point(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(
      "{\"manifest\": {\"simulators\": [\"a\", \"b\", \"r\"], \"axes\": [\"x\"]}, \"rows\": ["
      "{\"case\": \"c\", \"simulator\": \"a\", \"axes\": {\"x\": 1}, \"metrics\": {\"total_us\": "
      "1}},"
      "{\"case\": \"c\", \"simulator\": \"r\", \"axes\": {\"x\": 1}, \"metrics\": {\"total_us\": "
      "2}},"
      "{\"case\": \"d\", \"simulator\": \"b\", \"axes\": {\"x\": 2}, \"metrics\": {\"total_us\": "
      "3}},"
      "{\"case\": \"d\", \"simulator\": \"r\", \"axes\": {\"x\": 2}, \"metrics\": {\"total_us\": "
      "2}}"
      "]}");
  json_t *reference = json_pack("{s:s}", "simulator", "r");
  assert_int_equal(m4s_report_write_results(&results, reference, NULL), M4S_OK);
  json_decref(reference);
  m4s_results_clear(&results);
  assert_true(file_holds("report.html", "No point has the total time of every simulator."));
  assert_false(file_holds("errors.csv", "total_us"));
  assert_true(file_holds("point_errors.csv", "\nd,b,2,total_us,3.000,2.000,50.000000\n"));
}

static void errors_should_be_against_a_simulator(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(fixture_grid);
  json_t *reference = json_pack("{s:s}", "simulator", "m4");
  assert_int_equal(m4s_report_write_results(&results, reference, NULL), M4S_OK);
  json_decref(reference);
  m4s_results_clear(&results);
  // 900.5 / 1100 − 1 and 2000 / 2500 − 1
  assert_true(file_holds("errors.csv", "\nflowsim,m4,total_us,2,19.068182,"));
  assert_true(file_holds("errors.csv", "\nflowsim,m4,makespan_us,2,"));
  assert_false(file_holds("errors.csv", "\nm4,m4,"));
}

static void report_should_use_the_manifest_s_reference(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(fixture_grid);
  json_object_set_new(results.manifest, "reference", json_pack("{s:s}", "simulator", "flowsim"));
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
  assert_true(file_holds("errors.csv", "\nm4,flowsim,total_us,2,"));
}

static void report_should_repeat_its_bytes(void **state) {
  (void)state;
  static const char *const names[] = {"summary.csv", "errors.csv",  "point_errors.csv",
                                      "cdf.csv",     "report.html", "figures/cdf_total_time.gp"};
  enum { N = sizeof names / sizeof *names };
  char *before[N];
  free(write_grid(one_point_table));
  for (size_t i = 0; i < N; i++) {
    before[i] = fixture_read(names[i]);
  }
  free(write_grid(one_point_table));
  for (size_t i = 0; i < N; i++) {
    assert_file(names[i], before[i]);
    free(before[i]);
  }
}

static void page_should_hold_the_tables_and_escape_names(void **state) {
  (void)state;
  free(write_grid(one_point_table));
  assert_true(file_holds("report.html", "<h1>A &lt;small&gt; grid &amp; more</h1>"));
  assert_true(file_holds("report.html", "time limit &lt;60 s&gt;, &quot;hard&quot; &amp; final"));
  assert_true(file_holds("report.html", "<td class=\"t\">degraded_gpus</td><td>2</td>"));
  assert_true(file_holds("report.html", "<td class=\"t\">total_us</td><td>1</td><td>9.95</td>"));
  assert_true(file_holds("report.html", "<td>900.500</td><td>800.000</td>"));
  assert_false(file_holds("report.html", "<small>"));
  assert_false(file_holds("report.html", "<60 s>"));
}

static void page_should_tell_the_manifest_in_words(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(fixture_grid);
  json_t *more = json_loads(
      "{\"selections\": [{}, {\"set\": {\"reduction\": 4}, \"where\": [\"x < 1\"]}],"
      " \"overrides\": {\"set\": [], \"where\": [], \"time_limit_s\": 0.0},"
      " \"files\": {\"/a/w.txt\": \"1a83\"}, \"git_id\": \"66\", \"n_ranks\": 1,"
      " \"ranks\": [{\"rank\": 0, \"cores\": \"0-1\"}, {\"rank\": 1, \"cores\": \"2\"}],"
      " \"sweep\": {\"name\": \"grid\"}}",
      0, NULL);
  assert_int_equal(json_object_update(results.manifest, more), 0);
  json_decref(more);
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
#define MEMBER(key, words) "<tr><td class=\"t\">" key "</td><td class=\"w\">" words "</td></tr>\n"
  assert_true(file_holds("report.html",
                         MEMBER("selections", "all points; set reduction 4, where x &lt; 1")));
  assert_true(file_holds("report.html", MEMBER("files", "/a/w.txt 1a83")));
  assert_true(file_holds("report.html", MEMBER("git id", "66")));
  assert_true(file_holds("report.html", MEMBER("ranks", "rank 0, cores 0-1; rank 1, cores 2")));
  assert_false(file_holds("report.html", "overrides"));
  assert_true(file_holds("report.html", "<summary>spec</summary><pre>{\n  &quot;name&quot;"));
}

static void page_should_say_whose_times_they_are(void **state) {
  (void)state;
  free(write_grid(NULL));
  assert_true(file_holds("report.html", "<th>longest of all ranks [ms]</th></tr>"));
  assert_true(file_holds("report.html", "<td>0.900</td><td>2.000</td><td>2.050</td></tr>"));
  assert_true(file_holds("report.html", "<code>total_us</code>: when rank 0 was done; <code>"));
  assert_true(file_holds("report.html", "<code>comm_K_us</code>: "));
}

static void overview_should_fit_a_terminal(void **state) {
  (void)state;
  char *printed = write_grid(one_point_table);
  assert_non_null(strstr(printed, "simulator  ok  failed  missing  total time of rank 0 [ms]"));
  assert_non_null(strstr(printed, "m4          2       1        1              1.100 - 2.500"));
  assert_non_null(strstr(printed, "against ns3 of table.csv, which has 1 of 4 points"));
  assert_null(strstr(printed, "9.95 ["));
  assert_non_null(strstr(printed, "/report.html\n"));
  for (const char *line = printed; *line != '\0'; line += strcspn(line, "\n") + 1) {
    assert_true(strcspn(line, "\n") <= 100);
  }
  free(printed);
}

// Prints the overview of results against a reference, whose ownership it takes; owned by the
// caller.
static char *print_overview(const char *grid, json_t *reference) {
  m4s_results_t results = fixture_results(grid);
  char *printed = NULL;
  size_t n_printed = 0;
  FILE *stream = open_memstream(&printed, &n_printed);
  assert_non_null(stream);
  assert_int_equal(m4s_report_write_results(&results, reference, stream), M4S_OK);
  fclose(stream);
  json_decref(reference);
  m4s_results_clear(&results);
  return printed;
}

#define ONE_POINT(members, row) \
  "{\"manifest\": {\"simulators\": [\"m4\"], \"axes\": [\"reduction\"]" members \
  "}, \"rows\": [{\"case\": \"x\", \"simulator\": \"m4\", \"axes\": {\"reduction\": 4}, " row \
  "}]}"

static json_t *one_reference(void) {
  fixture_write("table.csv", "reduction,simulator,total_us\n4,ns3,1000\n");
  return json_pack("{s:s, s:s}", "table", fixture_path("table.csv"), "simulator", "ns3");
}

static void reference_should_warn_of_changed_settings(void **state) {
  (void)state;
  const char ok[] = ONE_POINT(
      ", \"overrides\": {\"set\": [\"reduction=4\", \"m4.bfsz=1\", \"output.links=true\", "
      "\"nic_gbps=<1\"]}",
      "\"wall_s\": 1, \"metrics\": {\"total_us\": 1100}");
  char *printed = print_overview(ok, one_reference());
  assert_non_null(
      strstr(printed,
             "\nwarning: the reference was matched by reduction alone; this run changed "
             "nic_gbps\n"));
  free(printed);
  assert_true(file_holds("report.html", " by reduction alone; this run changed nic_gbps.</p>"));
  printed = print_overview(ok, NULL);
  assert_null(strstr(printed, "warning"));
  free(printed);
}

static void report_should_warn_of_results_to_be_taken_with_care(void **state) {
  (void)state;
  const char one[] =
      ONE_POINT("", "\"wall_s\": 1, \"metrics\": {\"total_us\": 1}, \"caution\": \"x = 1, <2>\"");
  char *printed = print_overview(one, NULL);
  assert_non_null(strstr(printed, "\nwarning: m4: x = 1, <2>\n"));
  free(printed);
  assert_true(file_holds("report.html", "<p><b>Warning:</b> m4: x = 1, &lt;2&gt;.</p>"));
  assert_file("summary.csv",
              "case,simulator,status,reduction,total_us,exposed_comm_us,flows,wall_s,reason\n"
              "x,m4,ok,4,1.000,,,1.000000,\"x = 1, <2>\"\n");
  const char many[] =
      "{\"manifest\": {\"simulators\": [\"m4\"], \"axes\": [\"r\"]}, \"rows\": ["
      "{\"case\": \"x\", \"simulator\": \"m4\", \"axes\": {\"r\": 1}, \"wall_s\": 1, "
      "\"metrics\": {\"total_us\": 1}}, "
      "{\"case\": \"y\", \"simulator\": \"m4\", \"axes\": {\"r\": 2}, \"wall_s\": 1, "
      "\"metrics\": {\"total_us\": 1}, \"caution\": \"y = 1\"}]}";
  printed = print_overview(many, NULL);
  assert_non_null(
      strstr(printed,
             "\nwarning: m4: in 1 of 2 points (column \"reason\" of summary.csv), as in "
             "the first of them, y = 1\n"));
  free(printed);
}

static void report_should_say_that_all_failed(void **state) {
  (void)state;
  const char failed[] = ONE_POINT("", "\"status\": \"failed\", \"wall_s\": 1, \"reason\": \"no\"");
  char *printed = print_overview(failed, one_reference());
  assert_non_null(strstr(printed, "\n\nno point succeeded\n\nreport: "));
  assert_null(strstr(printed, "error in total time"));
  free(printed);
  assert_true(file_holds("report.html", "<p>No point succeeded.</p>"));
  assert_true(file_holds("report.html", "<p>No errors: no point succeeded.</p>"));
  assert_false(file_holds("report.html", "0.000"));
  assert_false(m4s_path_exists(fixture_path("figures/cdf_total_time.gp")));
  assert_false(m4s_path_exists(fixture_path("figures/total_time_by_axis.gp")));
}

static void report_should_say_that_nothing_is_compared(void **state) {
  (void)state;
  const char ok[] = ONE_POINT("", "\"wall_s\": 1, \"metrics\": {\"total_us\": 1100}");
  char *printed = print_overview(ok, json_pack("{s:s}", "simulator", "m4"));
  assert_non_null(strstr(printed,
                         "against m4, which has 1 of 1 points\n"
                         "the sweep has no other simulator to compare with it\n"));
  assert_null(strstr(printed, "1.100 - "));
  free(printed);
}

static void report_should_write_nothing_for_a_bad_reference(void **state) {
  (void)state;
  char kept[sizeof fixture_folder];
  memcpy(kept, fixture_folder, sizeof kept);
  snprintf(fixture_folder, sizeof fixture_folder, "%.40s/sub", kept);
  m4s_results_t results = fixture_results(fixture_grid);
  assert_int_equal(m4s_folder_make(fixture_folder), M4S_OK);
  json_t *reference = json_pack("{s:s}", "simulator", "ns3");
  assert_int_equal(m4s_report_write_results(&results, reference, NULL), M4S_ERR_INPUT);
  json_decref(reference);
  assert_false(m4s_path_exists(fixture_path("summary.csv")));
  assert_false(m4s_path_exists(fixture_path("figures")));
  m4s_results_clear(&results);
  memcpy(fixture_folder, kept, sizeof kept);
}

static void report_should_take_sweeps_without_axes_or_values(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(
      "{\"manifest\": {\"name\": \"one\", \"simulators\": [\"flowsim\"], \"axes\": []}, \"rows\": "
      "[{\"case\": \"x\", \"simulator\": \"flowsim\", \"status\": \"failed\", \"axes\": {}, "
      "\"reason\": \"no path\", \"wall_s\": 0}]}");
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
  assert_file("summary.csv",
              "case,simulator,status,total_us,exposed_comm_us,flows,wall_s,reason\n"
              "x,flowsim,failed,,,,0.000000,no path\n");
  assert_file("cdf.csv", "quantity,series,value,probability,low95,high95\n");
  // Figures of the earlier reports in this folder are gone.
  assert_false(m4s_path_exists(fixture_path("figures/cdf_total_time.gp")));
}

static void axis_values_should_keep_their_form(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(
      "{\"manifest\": {\"simulators\": [\"m4\"], \"axes\": [\"cc\", \"load\", \"on\"]}, "
      "\"rows\": [{\"case\": \"x\", \"simulator\": \"m4\", \"axes\": {\"cc\": \"a,b\", \"load\": "
      "0.1, \"on\": true}, \"wall_s\": 1, \"metrics\": {\"total_us\": 1, \"x_s\": 0.5, \"ratio\": "
      "0.30000000000000004}}]}");
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
  assert_file("summary.csv",
              "case,simulator,status,cc,load,on,total_us,exposed_comm_us,flows,wall_s,x_s,ratio,"
              "reason\n"
              "x,m4,ok,\"a,b\",0.1,true,1.000,,,1.000000,0.500000,0.30000000000000004,\n");
}

static void columns_should_not_depend_on_success(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(
      "{\"manifest\": {\"simulators\": [\"m4\"], \"axes\": [\"load\"], \"metrics\": [\"total_us\", "
      "\"comm_1_us\", \"comm_2_us\", \"events\"]}, \"rows\": [{\"case\": \"x\", \"simulator\": "
      "\"m4\", "
      "\"axes\": {\"load\": 1}, \"status\": \"failed\", \"wall_s\": 1, \"reason\": \"no\"}]}");
  assert_int_equal(m4s_report_write_results(&results, NULL, NULL), M4S_OK);
  m4s_results_clear(&results);
  assert_file("summary.csv",
              "case,simulator,status,load,total_us,exposed_comm_us,comm_1_us,comm_2_us,flows,"
              "wall_s,events,reason\n"
              "x,m4,failed,1,,,,,,1.000000,,no\n");
}

static void numbers_should_have_no_negative_zero(void **state) {
  (void)state;
  m4s_text_t text = {0};
  assert_int_equal(m4s_text_add_fixed(&text, -0.0000001, 3), M4S_OK);
  assert_int_equal(m4s_text_add(&text, " "), M4S_OK);
  assert_int_equal(m4s_text_add_fixed(&text, -0.002, 3), M4S_OK);
  assert_int_equal(m4s_text_add(&text, " "), M4S_OK);
  assert_int_equal(m4s_text_add_number(&text, -0.0), M4S_OK);
  assert_string_equal(text.bytes, "0.000 -0.002 0");
  m4s_text_clear(&text);
}

static void base64_should_give_known_values(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_text_t text = {0};
    assert_int_equal(
        m4s_page_add_base64(&text, (const unsigned char *)cases[i][0], strlen(cases[i][0])),
        M4S_OK);
    assert_string_equal(text.bytes, cases[i][1]);
    m4s_text_clear(&text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(summary_should_be_these_bytes),
      cmocka_unit_test(errors_should_be_these_bytes),
      cmocka_unit_test(errors_should_be_summed_over_common_points),
      cmocka_unit_test(errors_should_need_a_common_point),
      cmocka_unit_test(errors_should_be_against_a_simulator),
      cmocka_unit_test(report_should_use_the_manifest_s_reference),
      cmocka_unit_test(report_should_repeat_its_bytes),
      cmocka_unit_test(page_should_hold_the_tables_and_escape_names),
      cmocka_unit_test(page_should_tell_the_manifest_in_words),
      cmocka_unit_test(page_should_say_whose_times_they_are),
      cmocka_unit_test(overview_should_fit_a_terminal),
      cmocka_unit_test(report_should_warn_of_results_to_be_taken_with_care),
      cmocka_unit_test(reference_should_warn_of_changed_settings),
      cmocka_unit_test(report_should_say_that_all_failed),
      cmocka_unit_test(report_should_say_that_nothing_is_compared),
      cmocka_unit_test(report_should_write_nothing_for_a_bad_reference),
      cmocka_unit_test(report_should_take_sweeps_without_axes_or_values),
      cmocka_unit_test(axis_values_should_keep_their_form),
      cmocka_unit_test(columns_should_not_depend_on_success),
      cmocka_unit_test(numbers_should_have_no_negative_zero),
      cmocka_unit_test(base64_should_give_known_values),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
