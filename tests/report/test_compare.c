// Comparison of two results folders.
#include "fixture.h"

#include <math.h>

#include "report/compare.h"

#define ROW(case_id, simulator, axes, total) \
  "{\"case\": \"" case_id "\", \"simulator\": \"" simulator "\", \"axes\": {" axes \
  "}, \"wall_s\": 2, \"metrics\": {\"total_us\": " total "}}"
#define MANIFEST(simulators) \
  "{\"manifest\": {\"simulators\": [" simulators "], \"axes\": [\"n\", \"r\"]}, \"rows\": ["

static const char text_a[] = MANIFEST("\"flowsim\"")
    ROW("1", "flowsim", "\"n\": 2, \"r\": 4", "100") "," ROW("2", "flowsim", "\"n\": 2, \"r\": 5",
                                                             "200.0001") ","
    ROW("3", "flowsim", "\"n\": 2, \"r\": 6", "300") "," ROW("4", "flowsim", "\"n\": 2, \"r\": 7",
                                                             "400")
    ",{\"case\": \"5\", \"simulator\": \"flowsim\", \"status\": \"failed\", \"axes\": {\"n\": 2, "
    "\"r\": 8}, \"wall_s\": 1, \"reason\": \"x\"}]}";

// The same points in another order of points and axes, some numbers written otherwise.
static const char text_b[] =
    MANIFEST("\"flowsim\", \"m4\"") ROW("9", "flowsim", "\"r\": 8, \"n\": 2", "500") "," ROW(
        "8", "flowsim", "\"r\": 6.0, \"n\": 2",
        "330") "," ROW("7", "flowsim", "\"r\": 5, \"n\": 2.0",
                       "200") "," ROW("6", "flowsim", "\"r\": 4, \"n\": 2",
                                      "95") "," ROW("5", "m4", "\"r\": 4, \"n\": 2", "120") "]}";

static m4s_results_t a, b;

static int make_results(void **state) {
  int failed = fixture_make_folder(state);
  a = fixture_results(text_a);
  b = fixture_results(text_b);
  return failed;
}

static int clear_results(void **state) {
  m4s_results_clear(&a);
  m4s_results_clear(&b);
  return fixture_remove_folder(state);
}

static void comparison_should_match_points_by_axes(void **state) {
  (void)state;
  m4s_comparison_t comparison;
  m4s_compare_options_t options = {.metric = "total_us"};
  assert_int_equal(m4s_comparison_make(&a, &b, &options, &comparison), M4S_OK);
  assert_int_equal(comparison.n_points, 4);
  assert_int_equal(comparison.n_compared, 3);
  assert_int_equal(comparison.n_equal, 1);  // 200.0001 and 200 are 200.000
  assert_int_equal(comparison.n_only_a, 1);
  assert_int_equal(comparison.n_only_b, 1);
  assert_int_equal(comparison.n_without_a, 1);
  assert_int_equal(comparison.n_without_b, 0);
  assert_true(fabs(comparison.summary.max_abs - 10) <= 1e-9);
  assert_true(fabs(comparison.points[0].difference_percent + 5) <= 1e-9);
  m4s_comparison_clear(&comparison);
}

static void points_should_be_compared_by_what_their_traffic_is_compared_by(void **state) {
  (void)state;
  m4s_comparison_t comparison;
  m4s_compare_options_t options = {0};
  assert_int_equal(m4s_comparison_make(&a, &b, &options, &comparison), M4S_OK);
  assert_string_equal(comparison.metric, "total_us");
  m4s_comparison_clear(&comparison);
  m4s_results_t mix = fixture_results(
      "{\"manifest\": {\"simulators\": [\"flowsim\"], \"axes\": [\"n\"]}, \"rows\": [{\"case\": "
      "\"1\", \"simulator\": \"flowsim\", \"axes\": {\"n\": 1}, \"wall_s\": 2, \"metrics\": "
      "{\"makespan_us\": 9, \"slowdown_p99\": 3}}]}");
  assert_int_equal(m4s_comparison_make(&mix, &mix, &options, &comparison), M4S_OK);
  assert_string_equal(comparison.metric, "slowdown_p99");
  assert_int_equal(comparison.n_equal, 1);
  m4s_comparison_clear(&comparison);
  m4s_results_clear(&mix);
}

static void comparison_should_be_these_texts(void **state) {
  (void)state;
  m4s_comparison_t comparison;
  m4s_compare_options_t options = {.metric = "total_us"};
  m4s_text_t text = {0};
  assert_int_equal(m4s_comparison_make(&a, &b, &options, &comparison), M4S_OK);
  assert_int_equal(m4s_comparison_add_csv(&comparison, &text), M4S_OK);
  assert_string_equal(text.bytes,
                      "n,r,simulator_a,simulator_b,total_us_a,total_us_b,difference_percent\n"
                      "2,4,flowsim,flowsim,100.000,95.000,-5.000000\n"
                      "2,5,flowsim,flowsim,200.000,200.000,-0.000050\n"
                      "2,6,flowsim,flowsim,300.000,330.000,10.000000\n"
                      "2,8,flowsim,flowsim,,500.000,\n");
  m4s_text_clear(&text);
  assert_int_equal(m4s_comparison_add_overview(&comparison, &text), M4S_OK);
  assert_string_equal(text.bytes,
                      "simulator  n  r  total_us in A  total_us in B  B/A-1 [%]\n"
                      "flowsim    2  4        100.000         95.000     -5.000\n"
                      "flowsim    2  6        300.000        330.000    +10.000\n"
                      "flowsim    2  8           none        500.000          -\n"
                      "\n"
                      "total_us: 3 compared, 1 equal to the digit, 2 differ\n"
                      "difference B/A-1 [%]: mean magnitude 5.0000, median 5.0000, p90 9.0000, max "
                      "10.0000; mean +1.6667\n"
                      "only in A: 1, only in B: 1\n"
                      "without a value: 1 in A, 0 in B\n");
  m4s_text_clear(&text);
  m4s_comparison_clear(&comparison);
}

static void comparison_should_pair_two_simulators(void **state) {
  (void)state;
  m4s_comparison_t comparison;
  m4s_compare_options_t options = {
      .metric = "total_us", .simulator_a = "flowsim", .simulator_b = "m4"};
  assert_int_equal(m4s_comparison_make(&b, &b, &options, &comparison), M4S_OK);
  assert_int_equal(comparison.n_compared, 1);
  assert_int_equal(comparison.n_only_a, 3);
  assert_int_equal(comparison.n_only_b, 0);
  assert_true(comparison.points[0].value_a == 95 && comparison.points[0].value_b == 120);
  m4s_comparison_clear(&comparison);
}

static void comparison_should_take_one_simulator_for_both(void **state) {
  (void)state;
  m4s_comparison_t comparison;
  m4s_compare_options_t options = {.metric = "wall_s", .simulator_a = "flowsim"};
  assert_int_equal(m4s_comparison_make(&a, &b, &options, &comparison), M4S_OK);
  assert_int_equal(comparison.n_compared, 3);
  assert_int_equal(comparison.n_equal, 3);
  assert_int_equal(comparison.n_only_b, 0);
  m4s_comparison_clear(&comparison);
}

static void comparison_should_refuse_unknown_names(void **state) {
  (void)state;
  m4s_comparison_t comparison;
  m4s_compare_options_t options = {.metric = "totl_us"};
  assert_int_equal(m4s_comparison_make(&a, &b, &options, &comparison), M4S_ERR_INPUT);
  assert_non_null(
      strstr(m4s_last_error(),
             "has a metric \"totl_us\" (did you mean total_us?); there are total_us, wall_s"));
  options = (m4s_compare_options_t){.metric = "total_us", .simulator_a = "flosim"};
  assert_int_equal(m4s_comparison_make(&a, &b, &options, &comparison), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "has no simulator \"flosim\" (did you mean flowsim?)"));
  options = (m4s_compare_options_t){.metric = "total_us", .simulator_b = "m4"};
  assert_int_equal(m4s_comparison_make(&a, &b, &options, &comparison), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "has no simulator \"m4\""));
}

static void comparison_should_refuse_unrelated_folders(void **state) {
  (void)state;
  static const char text_c[] =
      "{\"manifest\": {\"simulators\": [\"flowsim\"], \"axes\": [\"load\"]}, \"rows\": [" ROW(
          "1", "flowsim", "\"load\": 2", "100") "]}";
  static const char text_d[] =
      MANIFEST("\"flowsim\"") ROW("1", "flowsim", "\"n\": 99, \"r\": 4", "100") "]}";
  m4s_results_t c = fixture_results(text_c);
  m4s_results_t d = fixture_results(text_d);
  m4s_comparison_t comparison;
  m4s_compare_options_t options = {.metric = "total_us"};
  assert_int_equal(m4s_comparison_make(&a, &c, &options, &comparison), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(),
                         "no point of A is in B: axes n, r, simulators flowsim against axes load"));
  assert_int_equal(m4s_comparison_make(&a, &d, &options, &comparison), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "flowsim in both, but other values"));
  options.metric = "flows";
  assert_int_equal(m4s_comparison_make(&a, &b, &options, &comparison), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "has a metric \"flows\""));
  m4s_results_clear(&c);
  m4s_results_clear(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(comparison_should_match_points_by_axes),
      cmocka_unit_test(points_should_be_compared_by_what_their_traffic_is_compared_by),
      cmocka_unit_test(comparison_should_be_these_texts),
      cmocka_unit_test(comparison_should_pair_two_simulators),
      cmocka_unit_test(comparison_should_take_one_simulator_for_both),
      cmocka_unit_test(comparison_should_refuse_unknown_names),
      cmocka_unit_test(comparison_should_refuse_unrelated_folders),
  };
  return cmocka_run_group_tests(tests, make_results, clear_results);
}
