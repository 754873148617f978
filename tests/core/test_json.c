// JSON files: syntax errors with places, duplicates, texts that keep every number.
#include "support.h"

#include <math.h>

#include "core/json.h"

static m4s_status_t parse(const char *text) {
  json_t *root = NULL;
  m4s_status_t status = m4s_json_parse(text, "f.json", &root);
  if (status != M4S_OK) {
    assert_null(root);
  }
  json_decref(root);
  return status;
}

static void json_should_name_line_and_column(void **state) {
  (void)state;
  assert_int_equal(parse("{\n  \"a\": 1,\n  \"b\" 2\n}"), M4S_ERR_INPUT);
  assert_int_equal(strncmp(m4s_last_error(), "f.json:3:7: ", 12), 0);
  assert_int_equal(parse("{\"a\": nan}"), M4S_ERR_INPUT);
  assert_int_equal(strncmp(m4s_last_error(), "f.json:1:9: ", 12), 0);
  assert_int_equal(parse("{\"a\": [1, 2"), M4S_ERR_INPUT);
  assert_int_equal(strncmp(m4s_last_error(), "f.json:1:", 9), 0);
}

static void json_should_refuse_duplicate_keys(void **state) {
  (void)state;
  assert_int_equal(parse("{\"a\": 1,\n \"a\": 2}"), M4S_ERR_INPUT);
  assert_int_equal(strncmp(m4s_last_error(), "f.json:2:4: duplicate object key", 32), 0);
  assert_int_equal(parse("{\"x\": {\"a\": 1, \"a\": 1}}"), M4S_ERR_INPUT);
}

static void json_should_refuse_what_is_no_object(void **state) {
  (void)state;
  ASSERT_REFUSES(parse("[1]"), "f.json:1: the file must hold one JSON object {...}");
  static const char *const texts[] = {"",
                                      "3",
                                      "null",
                                      "{} {}",
                                      "{\"a\":1,}",
                                      "{'a': 1}",
                                      "{\"a\":01}",
                                      "{\"a\":1e999}",
                                      "{\"a\":99999999999999999999}",
                                      "{\"a\":\"\xff\"}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (parse(texts[i]) != M4S_ERR_INPUT) {
      fail_msg("%s was read", texts[i]);
    }
  }
}

static void json_should_be_read_from_files(void **state) {
  (void)state;
  json_t *root = NULL;
  support_write("a.json", "{\"a\": [1, 2.5, \"x\"]}\r\n");
  ASSERT_OK(m4s_json_read(support_path("a.json"), &root));
  assert_int_equal(json_array_size(json_object_get(root, "a")), 3);
  json_decref(root);
  root = NULL;
  assert_int_equal(m4s_json_read(support_path("missing.json"), &root), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "missing.json: No such file"));
  assert_int_equal(m4s_json_read(support_folder, &root), M4S_ERR_INPUT);
  ASSERT_OK(m4s_file_write(support_path("z.json"), "{}\0", 3));
  assert_int_equal(m4s_json_read(support_path("z.json"), &root), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "a zero byte at offset 2"));
  assert_null(root);
}

static void canonical_text_should_be_one_per_value(void **state) {
  (void)state;
  json_t *a = json_loads("{\"b\": 0.1, \"a\": {\"d\": [1, true], \"c\": null}}", 0, NULL);
  json_t *b = json_loads("{ \"a\": {\"c\":null,\"d\":[1,true]},\"b\":0.10}", 0, NULL);
  char *first = m4s_json_canonical(a);
  char *second = m4s_json_canonical(b);
  assert_string_equal(first, "{\"a\":{\"c\":null,\"d\":[1,true]},\"b\":0.10000000000000001}");
  assert_string_equal(first, second);
  free(first);
  free(second);
  json_decref(a);
  json_decref(b);
}

static void text_should_keep_doubles_exact(void **state) {
  (void)state;
  uint64_t random = 7;
  for (int i = 0; i < 20000; i++) {
    uint64_t bits = support_random(&random);
    double number;
    memcpy(&number, &bits, sizeof number);
    if (!isfinite(number)) {
      continue;
    }
    json_t *value = json_real(number);
    char *text = m4s_json_text(value, 0);
    json_t *back = json_loads(text, JSON_DECODE_ANY, NULL);
    double read = json_real_value(back);
    assert_memory_equal(&read, &number, sizeof read);
    free(text);
    json_decref(value);
    json_decref(back);
  }
}

static void text_should_be_short_where_that_is_exact(void **state) {
  (void)state;
  json_t *value = json_real(21740.232);
  char *text = m4s_json_text(value, 0);
  assert_string_equal(text, "21740.232");
  free(text);
  json_decref(value);
}

static void json_should_be_written_with_a_newline_at_the_end(void **state) {
  (void)state;
  json_t *value = json_pack("{s:i, s:[s]}", "z", 1, "a", "x");
  ASSERT_OK(m4s_json_write(support_path("w.json"), value));
  size_t n;
  char *bytes = support_read("w.json", &n);
  assert_string_equal(bytes, "{\n  \"z\": 1,\n  \"a\": [\n    \"x\"\n  ]\n}\n");
  assert_int_equal(strlen(bytes), n);
  json_t *back = NULL;
  ASSERT_OK(m4s_json_read(support_path("w.json"), &back));
  assert_true(json_equal(value, back));
  free(bytes);
  json_decref(value);
  json_decref(back);
}

static void show_should_cut_long_values(void **state) {
  (void)state;
  json_t *value = json_pack("[i, s, n]", 1, "two");
  assert_string_equal(m4s_json_show(value), "[1,\"two\",null]");
  json_decref(value);
  char text[500];
  memset(text, 'q', sizeof text);
  value = json_stringn(text, sizeof text);
  assert_int_equal(strlen(m4s_json_show(value)), 59);
  assert_string_equal(m4s_json_show(value) + 55, "q...");
  json_decref(value);
}

static void unknown_keys_should_be_refused(void **state) {
  (void)state;
  static const char *const names[] = {"axes", "base"};
  json_t *good = json_pack("{s:i}", "axes", 1);
  json_t *bad = json_pack("{s:i, s:i}", "base", 1, "axis", 1);
  ASSERT_OK(m4s_json_check_keys(good, "f.json", names, 2));
  ASSERT_REFUSES(m4s_json_check_keys(bad, "f.json", names, 2),
                 "f.json: unknown key \"axis\" (did you mean axes?)");
  json_decref(good);
  json_decref(bad);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_should_name_line_and_column),
      cmocka_unit_test(json_should_refuse_duplicate_keys),
      cmocka_unit_test(json_should_refuse_what_is_no_object),
      cmocka_unit_test(json_should_be_read_from_files),
      cmocka_unit_test(canonical_text_should_be_one_per_value),
      cmocka_unit_test(text_should_keep_doubles_exact),
      cmocka_unit_test(text_should_be_short_where_that_is_exact),
      cmocka_unit_test(json_should_be_written_with_a_newline_at_the_end),
      cmocka_unit_test(show_should_cut_long_values),
      cmocka_unit_test(unknown_keys_should_be_refused),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
