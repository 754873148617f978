// References: a simulator of the sweep, tables, folders in the published layout.
#include "fixture.h"

#include "report/reference.h"

static m4s_results_t results;
static m4s_view_t view;

static int make_view(void **state) {
  if (fixture_make_folder(state) != 0) {
    return -1;
  }
  results = fixture_results(fixture_grid);
  return m4s_view_make(&results, &view) == M4S_OK ? 0 : -1;
}

static int clear_view(void **state) {
  m4s_view_clear(&view);
  m4s_results_clear(&results);
  return fixture_remove_folder(state);
}

static m4s_status_t read_reference(json_t *request, m4s_reference_t *reference_out) {
  m4s_status_t status = m4s_reference_read(&view, request, reference_out);
  json_decref(request);
  return status;
}

static m4s_status_t read_table(const char *text, const char *simulator,
                               m4s_reference_t *reference_out) {
  fixture_write("table.csv", text);
  return read_reference(
      json_pack("{s:s, s:s}", "table", fixture_path("table.csv"), "simulator", simulator),
      reference_out);
}

static void assert_table_refused(const char *text, const char *simulator, const char *message) {
  m4s_reference_t reference = {.simulator = 77};
  assert_int_equal(read_table(text, simulator, &reference), M4S_ERR_INPUT);
  char expected[512];
  snprintf(expected, sizeof expected, "%s%s", fixture_path("table.csv"), message);
  assert_string_equal(m4s_last_error(), expected);
  assert_int_equal(reference.simulator, 77);
}

// -1: no value.
static double value_of(const m4s_reference_t *reference, size_t point, const char *metric) {
  double value = -1;
  bool known = m4s_reference_value(reference, point, metric, &value);
  assert_int_equal(known, value != -1);
  return value;
}

static void reference_should_be_empty_without_a_request(void **state) {
  (void)state;
  m4s_reference_t reference;
  assert_int_equal(m4s_reference_read(&view, NULL, &reference), M4S_OK);
  assert_null(reference.name);
  assert_int_equal(reference.n_points_known, 0);
  m4s_reference_clear(&reference);
}

static void reference_should_take_a_simulator_of_the_sweep(void **state) {
  (void)state;
  m4s_reference_t reference;
  assert_int_equal(read_reference(json_pack("{s:s}", "simulator", "m4"), &reference), M4S_OK);
  assert_int_equal(reference.simulator, 1);
  assert_int_equal(reference.n_points_known, 2);
  assert_true(value_of(&reference, 0, "total_us") == 1100);
  assert_true(value_of(&reference, 1, "total_us") == -1);  // failed
  assert_true(value_of(&reference, 3, "makespan_us") == 2550);
  assert_true(value_of(&reference, 3, "flows") == -1);
  m4s_reference_clear(&reference);
}

static void reference_should_refuse_bad_requests(void **state) {
  (void)state;
  const struct {
    json_t *request;
    const char *message;
  } cases[] = {
      {json_pack("{s:s}", "simulator", "flwsim"),
       "reference \"flwsim\" is not a simulator of the sweep (did you mean flowsim?); for one of a "
       "table: --reference-table FILE --reference-simulator flwsim"},
      {json_pack("{s:s}", "tabel", "x"),
       "reference: {\"tabel\":\"x\"} is none of {simulator}, {table, simulator}, {folder, "
       "backend}"},
      {json_pack("{s:s}", "table", "x"), "is none of {simulator}, {table, simulator}"},
      {json_pack("{s:s, s:i}", "folder", "x", "backend", 3), "\"backend\":3} is none of"},
      {json_string("ns3"), "reference: \"ns3\" is none of {simulator}"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_reference_t reference;
    assert_int_equal(read_reference(cases[i].request, &reference), M4S_ERR_INPUT);
    assert_non_null(strstr(m4s_last_error(), cases[i].message));
  }
}

static void table_should_match_numbers_and_leave_gaps(void **state) {
  (void)state;
  m4s_reference_t reference;
  assert_int_equal(read_table("# source\n"
                              "simulator,reduction,degraded_gpus,total_us,comm_1_us,note\n"
                              "ns3,4.0,2,1000,,a\n"
                              "m4,4,2,1,1,\n"
                              "ns3,5e0,3,2000.5,700,\"b, c\"\n"
                              "ns3,9,9,5,5,\n",
                              "ns3", &reference),
                   M4S_OK);
  assert_int_equal(reference.n_points_known, 2);
  assert_int_equal(reference.simulator, -1);
  assert_string_equal(reference.name, "ns3");
  assert_true(value_of(&reference, 0, "total_us") == 1000);
  assert_true(value_of(&reference, 0, "comm_1_us") == -1);
  assert_true(value_of(&reference, 1, "total_us") == -1);
  assert_true(value_of(&reference, 3, "total_us") == 2000.5);
  assert_true(value_of(&reference, 3, "comm_1_us") == 700);
  assert_true(value_of(&reference, 3, "comm_2_us") == -1);
  m4s_reference_clear(&reference);
}

static void table_should_hold_for_axes_that_it_lacks(void **state) {
  (void)state;
  m4s_reference_t reference;
  assert_int_equal(read_table("reduction,simulator,total_us\r\n5,ns3,1500\r\n", "ns3", &reference),
                   M4S_OK);
  assert_int_equal(reference.n_points_known, 2);
  assert_true(value_of(&reference, 1, "total_us") == 1500);
  assert_true(value_of(&reference, 3, "total_us") == 1500);
  m4s_reference_clear(&reference);
}

#define HEADER "degraded_gpus,reduction,simulator,total_us\n"

static void table_should_refuse_bad_cells(void **state) {
  (void)state;
  assert_table_refused(HEADER "2,x,ns3,5\n", "ns3", ":2: reduction \"x\" is not a number");
  assert_table_refused(HEADER "2,4,ns3,5\n2,5,m4,nan\n", "ns3",
                       ":3: total_us \"nan\" is not a time in us");
  assert_table_refused(HEADER "2,4,ns3,-1\n", "ns3", ":2: total_us \"-1\" is not a time in us");
  assert_table_refused(HEADER "2,4,ns3\n", "ns3", ":2: 3 cells, the header has 4");
}

static void table_should_refuse_missing_columns(void **state) {
  (void)state;
  assert_table_refused("degraded_gpus,reduction,simulater,total_us\n2,4,ns3,5\n", "ns3",
                       ":1: has no column \"simulator\" (did you mean simulater?)");
  assert_table_refused("#\ndegraded_gpu,r,simulator,total_us\n2,4,ns3,5\n", "ns3",
                       ":2: has no column for any axis of the sweep (did you mean degraded_gpu?)");
  assert_table_refused("degraded_gpus,reduction,simulator,totl_us\n2,4,ns3,5\n", "ns3",
                       ":1: has no column for any metric such as \"total_us\" (did you mean "
                       "totl_us?)");
  assert_table_refused("", "ns3", ": has no header line");
}

static void table_should_refuse_unknown_simulators(void **state) {
  (void)state;
  assert_table_refused(HEADER "2,4,ns3,5\n", "ns4",
                       ": has no row of simulator \"ns4\" (did you mean ns3?)");
  assert_table_refused(HEADER, "ns3", ": has no row of simulator \"ns3\"");
}

static void table_should_refuse_two_rows_for_a_point(void **state) {
  (void)state;
  assert_table_refused(HEADER "2,5,ns3,5\n2,4,ns3,5\n2,4,m4,5\n2.0,4,ns3,6\n", "ns3",
                       ":5: gives the same point and simulator as line 3");
}

static void table_should_refuse_folders_and_missing_files(void **state) {
  (void)state;
  m4s_reference_t reference;
  assert_int_equal(
      read_reference(json_pack("{s:s, s:s}", "table", fixture_folder, "simulator", "ns3"),
                     &reference),
      M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "is a folder, a file is needed"));
  assert_int_equal(
      read_reference(json_pack("{s:s, s:s}", "table", fixture_path("none.csv"), "simulator", "ns3"),
                     &reference),
      M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "none.csv: No such file"));
}

static m4s_status_t read_folder(const char *name, const char *backend,
                                m4s_reference_t *reference_out) {
  return read_reference(json_pack("{s:s, s:s}", "folder", fixture_path(name), "backend", backend),
                        reference_out);
}

static void folder_should_give_points_that_succeeded(void **state) {
  (void)state;
  fixture_write("pub/n_2_r_4_ns3/EndToEnd.csv", FIXTURE_END_TO_END("300.5", "500", "1000"));
  fixture_write("pub/n_2_r_4_ns3/runtime.txt", "status: success\nduration_seconds: 12.5\n");
  fixture_write("pub/n_2_r_5_ns3/runtime.txt", "status: failed\n");
  fixture_write("pub/n_3_r_4_ns3/EndToEnd.csv", FIXTURE_END_TO_END("1", "2", "3000"));
  m4s_reference_t reference;
  assert_int_equal(read_folder("pub", "ns3", &reference), M4S_OK);
  assert_int_equal(reference.n_points_known, 2);
  assert_true(value_of(&reference, 0, "total_us") == 1000);
  assert_true(value_of(&reference, 0, "exposed_comm_us") == 888);
  assert_true(value_of(&reference, 0, "comm_1_us") == 300.5);
  assert_true(value_of(&reference, 0, "wall_s") == 12.5);
  assert_true(value_of(&reference, 1, "total_us") == -1);
  assert_true(value_of(&reference, 2, "total_us") == 3000);
  assert_true(value_of(&reference, 2, "wall_s") == -1);
  assert_true(value_of(&reference, 3, "total_us") == -1);
  m4s_reference_clear(&reference);
}

static void folder_should_refuse_bad_content(void **state) {
  (void)state;
  m4s_reference_t reference;
  fixture_write("bad/n_2_r_4_ns3/EndToEnd.csv", FIXTURE_END_TO_END_HEAD);
  assert_int_equal(read_folder("bad", "ns3", &reference), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "bad/n_2_r_4_ns3/EndToEnd.csv:2: ends before"));
  assert_int_equal(read_folder("bad", "ns4", &reference), M4S_ERR_INPUT);
  assert_non_null(
      strstr(m4s_last_error(), "bad: holds no folder n_{N}_r_{R}_ns4 (did you mean ns3?)"));
  assert_int_equal(read_folder("none", "ns3", &reference), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "none: No such file or directory"));
  fixture_write("empty/n_2_r_4_ns3/runtime.txt", "status: success\n");
  assert_int_equal(read_folder("empty", "ns3", &reference), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "EndToEnd.csv: No such file"));
}

static void folder_should_refuse_sweeps_without_its_axes(void **state) {
  (void)state;
  m4s_results_t other = fixture_results(
      "{\"manifest\": {\"simulators\": [\"m4\"], \"axes\": [\"load\", \"degraded_gpu\"]}, "
      "\"rows\": []}");
  m4s_view_t other_view;
  m4s_reference_t reference;
  assert_int_equal(m4s_view_make(&other, &other_view), M4S_OK);
  json_t *request = json_pack("{s:s, s:s}", "folder", fixture_folder, "backend", "ns3");
  assert_int_equal(m4s_reference_read(&other_view, request, &reference), M4S_ERR_INPUT);
  assert_non_null(
      strstr(m4s_last_error(), "no axis \"degraded_gpus\" (did you mean degraded_gpu?)"));
  json_decref(request);
  m4s_view_clear(&other_view);
  m4s_results_clear(&other);
}

// The table that ships, read as the default sweep reads it.
static void shipped_table_should_have_its_sixty_points(void **state) {
  (void)state;
  m4s_reference_t reference;
  json_t *request =
      json_pack("{s:s, s:s}", "table", M4SWEEP_SOURCE_DIR "/results/reference/gray-failure.csv",
                "simulator", "ns3");
  assert_int_equal(read_reference(request, &reference), M4S_OK);
  assert_int_equal(reference.n_points_known, 2);  // the even reductions of the grid
  assert_true(value_of(&reference, 0, "total_us") == 10440.773);
  assert_true(value_of(&reference, 0, "comm_2_us") == 8909.159);
  m4s_reference_clear(&reference);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reference_should_be_empty_without_a_request),
      cmocka_unit_test(reference_should_take_a_simulator_of_the_sweep),
      cmocka_unit_test(reference_should_refuse_bad_requests),
      cmocka_unit_test(table_should_match_numbers_and_leave_gaps),
      cmocka_unit_test(table_should_hold_for_axes_that_it_lacks),
      cmocka_unit_test(table_should_refuse_bad_cells),
      cmocka_unit_test(table_should_refuse_missing_columns),
      cmocka_unit_test(table_should_refuse_unknown_simulators),
      cmocka_unit_test(table_should_refuse_two_rows_for_a_point),
      cmocka_unit_test(table_should_refuse_folders_and_missing_files),
      cmocka_unit_test(folder_should_give_points_that_succeeded),
      cmocka_unit_test(folder_should_refuse_bad_content),
      cmocka_unit_test(folder_should_refuse_sweeps_without_its_axes),
      cmocka_unit_test(shipped_table_should_have_its_sixty_points),
  };
  return cmocka_run_group_tests(tests, make_view, clear_view);
}
