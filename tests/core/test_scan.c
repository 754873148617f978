// Lines and words of text files, and the places named in errors.
#include "support.h"

#include "core/scan.h"

static m4s_scanner_t make_scanner(const char *text) {
  m4s_scanner_t scanner;
  ASSERT_OK(m4s_scanner_init(&scanner, text, "f.txt"));
  return scanner;
}

static void scanner_should_cut_words_with_columns(void **state) {
  (void)state;
  m4s_scanner_t scanner = make_scanner("  one\ttwo   3\nlast");
  ASSERT_OK(m4s_scanner_next(&scanner, "words"));
  assert_int_equal(scanner.line, 1);
  assert_int_equal(scanner.n_words, 3);
  assert_string_equal(scanner.words[0].text, "one");
  assert_int_equal(scanner.words[0].column, 3);
  assert_string_equal(scanner.words[1].text, "two");
  assert_int_equal(scanner.words[1].column, 7);
  assert_string_equal(scanner.words[2].text, "3");
  assert_int_equal(scanner.words[2].column, 13);
  ASSERT_OK(m4s_scanner_next(&scanner, "words"));
  assert_int_equal(scanner.line, 2);
  assert_int_equal(scanner.n_words, 1);
  assert_string_equal(scanner.words[0].text, "last");
  m4s_scanner_clear(&scanner);
}

static void scanner_should_skip_empty_lines_but_count_them(void **state) {
  (void)state;
  m4s_scanner_t scanner = make_scanner("\n \t \n\r\nword\n\n");
  ASSERT_OK(m4s_scanner_next(&scanner, "words"));
  assert_int_equal(scanner.line, 4);
  ASSERT_REFUSES(m4s_scanner_next(&scanner, "a cable"), "f.txt:6: ends where a cable should stand");
  m4s_scanner_clear(&scanner);
}

static void scanner_should_read_both_line_ends(void **state) {
  (void)state;
  m4s_scanner_t scanner = make_scanner("1 2\r\n3 4\r\n");
  for (int i = 0; i < 2; i++) {
    int64_t value;
    ASSERT_OK(m4s_scanner_next(&scanner, "numbers"));
    assert_int_equal(scanner.n_words, 2);
    ASSERT_OK(m4s_scanner_int(&scanner, 1, "number", 0, 10, &value));
    assert_int_equal(value, 2 * i + 2);
  }
  ASSERT_OK(m4s_scanner_expect_end(&scanner));
  m4s_scanner_clear(&scanner);
}

static void scanner_should_tell_whether_words_follow(void **state) {
  (void)state;
  m4s_scanner_t scanner = make_scanner("\n one\n \t\r\n two \n \n\t");
  for (int i = 0; i < 2; i++) {
    assert_true(m4s_scanner_has_more(&scanner));
    ASSERT_OK(m4s_scanner_next(&scanner, "a word"));
  }
  assert_int_equal(scanner.line, 4);
  assert_false(m4s_scanner_has_more(&scanner));
  m4s_scanner_clear(&scanner);
  scanner = make_scanner("");
  assert_false(m4s_scanner_has_more(&scanner));
  m4s_scanner_clear(&scanner);
}

static void scanner_should_leave_the_text_alone(void **state) {
  (void)state;
  char text[] = "a b\nc";
  m4s_scanner_t scanner = make_scanner(text);
  ASSERT_OK(m4s_scanner_next(&scanner, "words"));
  assert_string_equal(text, "a b\nc");
  m4s_scanner_clear(&scanner);
}

static void scanner_should_name_the_end_of_an_empty_file(void **state) {
  (void)state;
  m4s_scanner_t scanner = make_scanner("");
  ASSERT_REFUSES(m4s_scanner_next(&scanner, "a head"), "f.txt:1: ends where a head should stand");
  m4s_scanner_clear(&scanner);
}

static void scanner_should_name_words_after_the_end(void **state) {
  (void)state;
  m4s_scanner_t scanner = make_scanner("a\n\n  more\n");
  ASSERT_OK(m4s_scanner_next(&scanner, "words"));
  ASSERT_REFUSES(m4s_scanner_expect_end(&scanner),
                 "f.txt:3:3: line \"more\" stands after the last line of those counted above");
  m4s_scanner_clear(&scanner);
}

static void scanner_should_count_words(void **state) {
  (void)state;
  m4s_scanner_t scanner = make_scanner("a b c");
  ASSERT_OK(m4s_scanner_next(&scanner, "words"));
  ASSERT_OK(m4s_scanner_expect_words(&scanner, 3, 3, "x y z"));
  ASSERT_OK(m4s_scanner_expect_words(&scanner, 1, 9, "x y z"));
  ASSERT_REFUSES(m4s_scanner_expect_words(&scanner, 4, 5, "w x y z"),
                 "f.txt:1: 3 words, needed: w x y z");
  ASSERT_REFUSES(m4s_scanner_expect_words(&scanner, 1, 2, "x y"), "f.txt:1: 3 words, needed: x y");
  m4s_scanner_clear(&scanner);
}

static void scanner_should_check_numbers(void **state) {
  (void)state;
  m4s_scanner_t scanner = make_scanner("5 x 1.5 11 -1 99999999999999999999");
  ASSERT_OK(m4s_scanner_next(&scanner, "numbers"));
  int64_t value = 77;
  ASSERT_REFUSES(m4s_scanner_int(&scanner, 1, "count", 0, 10, &value),
                 "f.txt:1:3: count \"x\" is not a whole number");
  ASSERT_REFUSES(m4s_scanner_int(&scanner, 2, "count", 0, 10, &value),
                 "f.txt:1:5: count \"1.5\" is not a whole number");
  ASSERT_REFUSES(m4s_scanner_int(&scanner, 3, "count", 0, 10, &value),
                 "f.txt:1:9: count \"11\" is outside 0 to 10 (nearest valid: 10)");
  ASSERT_REFUSES(m4s_scanner_int(&scanner, 4, "count", 0, 10, &value),
                 "f.txt:1:12: count \"-1\" is outside 0 to 10 (nearest valid: 0)");
  ASSERT_REFUSES(m4s_scanner_int(&scanner, 5, "count", 0, 10, &value),
                 "f.txt:1:15: count \"99999999999999999999\" is not a whole number");
  assert_int_equal(value, 77);
  ASSERT_OK(m4s_scanner_int(&scanner, 0, "count", 5, 5, &value));
  assert_int_equal(value, 5);
  m4s_scanner_clear(&scanner);
}

static void scanner_should_cut_long_words_in_errors(void **state) {
  (void)state;
  char text[5001];
  memset(text, 'y', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  m4s_scanner_t scanner = make_scanner(text);
  ASSERT_OK(m4s_scanner_next(&scanner, "words"));
  int64_t value;
  assert_int_equal(m4s_scanner_int(&scanner, 0, "count", 0, 1, &value), M4S_ERR_INPUT);
  assert_true(strlen(m4s_last_error()) < 150);
  m4s_scanner_clear(&scanner);
}

static void scanner_should_take_many_words(void **state) {
  (void)state;
  enum { N = 10000 };
  char *text = malloc(2 * N + 1);
  for (int i = 0; i < N; i++) {
    memcpy(text + (size_t)(2 * i), "7 ", 3);
  }
  m4s_scanner_t scanner = make_scanner(text);
  ASSERT_OK(m4s_scanner_next(&scanner, "words"));
  assert_int_equal(scanner.n_words, N);
  assert_int_equal(scanner.words[N - 1].column, 2 * N - 1);
  m4s_scanner_clear(&scanner);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scanner_should_cut_words_with_columns),
      cmocka_unit_test(scanner_should_skip_empty_lines_but_count_them),
      cmocka_unit_test(scanner_should_read_both_line_ends),
      cmocka_unit_test(scanner_should_tell_whether_words_follow),
      cmocka_unit_test(scanner_should_leave_the_text_alone),
      cmocka_unit_test(scanner_should_name_the_end_of_an_empty_file),
      cmocka_unit_test(scanner_should_name_words_after_the_end),
      cmocka_unit_test(scanner_should_count_words),
      cmocka_unit_test(scanner_should_check_numbers),
      cmocka_unit_test(scanner_should_cut_long_words_in_errors),
      cmocka_unit_test(scanner_should_take_many_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
