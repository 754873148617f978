// EndToEnd.csv and runtime.txt in the published layout.
#include "fixture.h"

#include "report/published.h"

static void assert_refused(const char *text, const char *message) {
  char expected[512];
  m4s_published_t published = {.n_layers = 77};
  fixture_write("EndToEnd.csv", text);
  assert_int_equal(m4s_end_to_end_read(fixture_path("EndToEnd.csv"), &published), M4S_ERR_INPUT);
  snprintf(expected, sizeof expected, "%s%s", fixture_path("EndToEnd.csv"), message);
  assert_string_equal(m4s_last_error(), expected);
  assert_int_equal(published.n_layers, 77);
}

static void end_to_end_should_give_totals_and_layers(void **state) {
  (void)state;
  m4s_published_t published;
  fixture_write("EndToEnd.csv", FIXTURE_END_TO_END("1315.394000", "19312.828000", "21740.232000"));
  assert_int_equal(m4s_end_to_end_read(fixture_path("EndToEnd.csv"), &published), M4S_OK);
  assert_int_equal(published.n_layers, 2);
  assert_true(published.comm_us[0] == 1315.394 && published.comm_us[1] == 19312.828);
  assert_true(published.total_us == 21740.232);
  assert_true(published.exposed_comm_us == 888);
  assert_true(published.duration_s < 0);
  m4s_published_clear(&published);
}

static void end_to_end_should_take_crlf_and_no_summary_lines(void **state) {
  (void)state;
  const char text[] = FIXTURE_END_TO_END_COLUMNS FIXTURE_END_TO_END_LAYER("7.5")
      FIXTURE_END_TO_END_SUM FIXTURE_END_TO_END_TOTAL("10.5");
  m4s_text_t crlf = {0};
  for (const char *c = text; *c != '\0'; c++) {
    assert_int_equal(m4s_text_add_bytes(&crlf, *c == '\n' ? "\r\n" : c, *c == '\n' ? 2 : 1),
                     M4S_OK);
  }
  fixture_write("EndToEnd.csv", crlf.bytes);
  m4s_text_clear(&crlf);
  m4s_published_t published;
  assert_int_equal(m4s_end_to_end_read(fixture_path("EndToEnd.csv"), &published), M4S_OK);
  assert_int_equal(published.n_layers, 1);
  assert_true(published.comm_us[0] == 7.5 && published.total_us == 10.5);
  m4s_published_clear(&published);
}

static void end_to_end_should_refuse_truncated_files(void **state) {
  (void)state;
  assert_refused("", ":0: ends before the \"layer_name,…\" line");
  assert_refused(FIXTURE_END_TO_END_HEAD, ":2: ends before the \"layer_name,…\" line");
  assert_refused(FIXTURE_END_TO_END_HEAD FIXTURE_END_TO_END_COLUMNS FIXTURE_END_TO_END_LAYER("1"),
                 ":4: ends without the \"total exposed comm,…\" line");
  assert_refused(FIXTURE_END_TO_END_HEAD FIXTURE_END_TO_END_COLUMNS "embedding_layer,ns3,556.0,0",
                 ":4: 4 cells, a layer has 18");
  assert_refused(FIXTURE_END_TO_END_COLUMNS FIXTURE_END_TO_END_SUM "total exposed comm,8,total co",
                 ":3: must be \"total exposed comm,…,total comp,…,total time,…\"");
  assert_refused(FIXTURE_END_TO_END_COLUMNS FIXTURE_END_TO_END_TOTAL("1"), ": holds no layer");
}

static void end_to_end_should_refuse_bad_numbers(void **state) {
  (void)state;
  assert_refused(FIXTURE_END_TO_END("-nan", "1", "1"),
                 ":4: fwd exposed comm \"-nan\" is not a time in us");
  assert_refused(FIXTURE_END_TO_END("1", "-5", "1"),
                 ":5: fwd exposed comm \"-5\" is not a time in us");
  assert_refused(FIXTURE_END_TO_END("1", "1", "1e999"),
                 ":7: total time \"1e999\" is not a time in us");
  assert_refused(FIXTURE_END_TO_END("1", "1", ""), ":7: total time \"\" is not a time in us");
}

static void end_to_end_should_refuse_other_files(void **state) {
  (void)state;
  assert_refused("a\nb\nc\n", ":3: \"c\" stands where \"layer_name,…\" must");
  assert_refused("layer_name,ns3,time\n", ":1: the columns are not the published ones (\"time…\")");
  assert_refused(FIXTURE_END_TO_END("1", "2", "3") "more\n", ":8: \"more\" after the last line");
  m4s_published_t published;
  assert_int_equal(m4s_end_to_end_read(fixture_folder, &published), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "is a folder, a file is needed"));
}

static m4s_status_t read_with_runtime(const char *runtime, bool *success_out,
                                      double *duration_out) {
  m4s_published_t published = {.duration_s = -1};
  fixture_write("n_2_r_4_ns3/EndToEnd.csv", FIXTURE_END_TO_END("1", "2", "3"));
  fixture_write("n_2_r_4_ns3/runtime.txt", runtime);
  m4s_status_t status =
      m4s_published_read(fixture_path("n_2_r_4_ns3"), "2", "4", success_out, &published);
  *duration_out = published.duration_s;
  free(published.comm_us);
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
      cmocka_unit_test(end_to_end_should_give_totals_and_layers),
      cmocka_unit_test(end_to_end_should_take_crlf_and_no_summary_lines),
      cmocka_unit_test(end_to_end_should_refuse_truncated_files),
      cmocka_unit_test(end_to_end_should_refuse_bad_numbers),
      cmocka_unit_test(end_to_end_should_refuse_other_files),
      cmocka_unit_test(published_should_use_the_status),
      cmocka_unit_test(published_should_refuse_bad_runtimes),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
