// Folders in the published layout: runtime.txt and EndToEnd.csv.
#include "fixture.h"

#include "report/published.h"

static m4s_status_t read_with_runtime(const char *runtime, bool *success_out,
                                      double *duration_out) {
  m4s_published_t published = {.duration_s = -1};
  fixture_write("n_2_r_4_ns3/EndToEnd.csv", FIXTURE_END_TO_END("1", "2", "3"));
  fixture_write("n_2_r_4_ns3/runtime.txt", runtime);
  m4s_status_t status =
      m4s_published_read(fixture_path("n_2_r_4_ns3"), "2", "4", success_out, &published);
  *duration_out = published.duration_s;
  m4s_end_to_end_clear(&published.times);
  return status;
}

static void published_should_use_the_status(void **state) {
  (void)state;
  bool success = false;
  double duration_s;
  assert_int_equal(read_with_runtime("simulator: ns3\nn: 2\nr: 4\nstatus: success\n"
                                     "duration_seconds: 1181.185864\n",
                                     &success, &duration_s),
                   M4S_OK);
  assert_true(success && duration_s == 1181.185864);
  assert_int_equal(read_with_runtime("n: 2\nr: 4\nstatus: timeout\n", &success, &duration_s),
                   M4S_OK);
  assert_true(!success && duration_s < 0);
}

static void published_should_refuse_bad_runtimes(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"n: 2\n", "runtime.txt:1: ends without a \"status: …\" line"},
      {"status success\n", "runtime.txt:1: \"status success\" is not \"key: value\""},
      {"n: 3\nstatus: success\n", "runtime.txt:1: n is 3, but the folder's name says 2"},
      {"n: 2\nr: x\n", "runtime.txt:2: r \"x\" is not a number"},
      {"duration_seconds: nan\n", "runtime.txt:1: duration_seconds \"nan\" is not a time in s"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bool success = false;
    double duration_s;
    assert_int_equal(read_with_runtime(cases[i][0], &success, &duration_s), M4S_ERR_INPUT);
    assert_non_null(strstr(m4s_last_error(), cases[i][1]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_should_use_the_status),
      cmocka_unit_test(published_should_refuse_bad_runtimes),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
