// EndToEnd.csv read back.
#include "support.h"

#include "core/text.h"
#include "flow/end_to_end.h"
#include "flow/end_to_end_files.h"

static void assert_refused(const char *text, const char *message) {
  char expected[512];
  m4s_end_to_end_t times = {.n_layers = 77};
  support_write("EndToEnd.csv", text);
  assert_int_equal(m4s_end_to_end_read(support_path("EndToEnd.csv"), &times), M4S_ERR_INPUT);
  snprintf(expected, sizeof expected, "%s%s", support_path("EndToEnd.csv"), message);
  assert_string_equal(m4s_last_error(), expected);
  assert_int_equal(times.n_layers, 77);
}

static void end_to_end_should_give_totals_and_layers(void **state) {
  (void)state;
  m4s_end_to_end_t times;
  support_write("EndToEnd.csv", FIXTURE_END_TO_END("1315.394000", "19312.828000", "21740.232000"));
  ASSERT_OK(m4s_end_to_end_read(support_path("EndToEnd.csv"), &times));
  assert_int_equal(times.n_layers, 2);
  assert_true(times.comm_us[0] == 1315.394 && times.comm_us[1] == 19312.828);
  assert_true(times.total_us == 21740.232);
  assert_true(times.exposed_comm_us == 888);
  m4s_end_to_end_clear(&times);
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
  support_write("EndToEnd.csv", crlf.bytes);
  m4s_text_clear(&crlf);
  m4s_end_to_end_t times;
  ASSERT_OK(m4s_end_to_end_read(support_path("EndToEnd.csv"), &times));
  assert_int_equal(times.n_layers, 1);
  assert_true(times.comm_us[0] == 7.5 && times.total_us == 10.5);
  m4s_end_to_end_clear(&times);
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
  m4s_end_to_end_t times;
  assert_int_equal(m4s_end_to_end_read(support_folder, &times), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "is a folder, a file is needed"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(end_to_end_should_give_totals_and_layers),
      cmocka_unit_test(end_to_end_should_take_crlf_and_no_summary_lines),
      cmocka_unit_test(end_to_end_should_refuse_truncated_files),
      cmocka_unit_test(end_to_end_should_refuse_bad_numbers),
      cmocka_unit_test(end_to_end_should_refuse_other_files),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
