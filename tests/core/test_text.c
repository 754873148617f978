// Growing texts, strict numbers, nearest names, hashes.
#include "support.h"

#include "core/text.h"

static void text_should_grow_and_stay_terminated(void **state) {
  (void)state;
  m4s_text_t text = {0};
  for (int i = 0; i < 5000; i++) {
    ASSERT_OK(m4s_text_add(&text, "%05d", i));
    assert_int_equal(text.length, 5 * (i + 1));
    assert_int_equal(text.bytes[text.length], '\0');
  }
  assert_memory_equal(text.bytes, "000000000100002", 15);
  assert_string_equal(text.bytes + 5 * 4999, "04999");
  m4s_text_clear(&text);
  assert_null(text.bytes);
  assert_int_equal(text.length, 0);
}

static void text_should_hold_zero_bytes(void **state) {
  (void)state;
  m4s_text_t text = {0};
  ASSERT_OK(m4s_text_add_bytes(&text, "a\0b", 3));
  ASSERT_OK(m4s_text_add_bytes(&text, "", 0));
  ASSERT_OK(m4s_text_add(&text, "c"));
  assert_int_equal(text.length, 4);
  assert_memory_equal(text.bytes, "a\0bc", 5);
  m4s_text_clear(&text);
}

static void list_should_copy_its_items(void **state) {
  (void)state;
  char item[] = "one";
  m4s_text_list_t list = {0};
  ASSERT_OK(m4s_text_list_add(&list, item));
  item[0] = 'x';
  ASSERT_OK(m4s_text_list_add(&list, item));
  assert_int_equal(list.n_items, 2);
  assert_string_equal(list.items[0], "one");
  assert_string_equal(list.items[1], "xne");
  m4s_text_list_clear(&list);
  assert_int_equal(list.n_items, 0);
}

static void int64_should_be_read_whole(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t value;
  } cases[] = {{"0", 0},
               {"-0", 0},
               {"17", 17},
               {"-17", -17},
               {"007", 7},
               {"9223372036854775807", INT64_MAX},
               {"-9223372036854775808", INT64_MIN}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t value = 99;
    assert_true(m4s_parse_int64(cases[i].text, &value));
    assert_int_equal(value, cases[i].value);
  }
}

static void int64_should_refuse_all_else(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "--1",
                                      "-",
                                      "1.0",
                                      "1e3",
                                      "0x1",
                                      "1\n",
                                      "nan",
                                      "inf",
                                      "1_000",
                                      ".5",
                                      "-.5",
                                      "\t1",
                                      "1,0",
                                      "9223372036854775808",
                                      "- 1",
                                      "one",
                                      "1a",
                                      "\xef\xbc\x91",
                                      "-9223372036854775809",
                                      "99999999999999999999999999"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int64_t value = 99;
    if (m4s_parse_int64(texts[i], &value)) {
      fail_msg("\"%s\" was read as a number", texts[i]);
    }
    assert_int_equal(value, 99);
  }
}

static void double_should_be_read_whole(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double value;
  } cases[] = {{"0", 0},
               {"0.5", 0.5},
               {".5", 0.5},
               {"-.5", -0.5},
               {"5.", 5},
               {"1e3", 1000},
               {"1E-3", 0.001},
               {"-2.25e+2", -225},
               {"0.1", 0.1},
               {"1e308", 1e308},
               {"12345678901234567890", 12345678901234567890.0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double value = 99;
    assert_true(m4s_parse_double(cases[i].text, &value));
    assert_true(value == cases[i].value);
  }
}

static void double_should_refuse_all_else(void **state) {
  (void)state;
  static const char *const texts[] = {"",     " 1", "1 ",   "+1",       "nan",   "NaN",    "inf",
                                      "-inf", ".",  "-",    "infinity", "1e400", "-1e999", "0x10",
                                      "1p3",  "1e", "1..2", "1,5",      "e5",    "0x1p-2", "--1",
                                      "1 2",  "-.", "1f",   "nan(1)",   "1e5.5"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    double value = 99;
    if (m4s_parse_double(texts[i], &value)) {
      fail_msg("\"%s\" was read as a number", texts[i]);
    }
    assert_true(value == 99);
  }
}

static const char *const names[] = {"degraded_gpus", "reduction", "mode", "gpus", "nic_gbps"};
enum { N_NAMES = sizeof names / sizeof *names };

static void nearest_should_be_found(void **state) {
  (void)state;
  assert_string_equal(m4s_nearest_name("reductoin", names, N_NAMES), "reduction");
  assert_string_equal(m4s_nearest_name("Mode", names, N_NAMES), "mode");
  assert_string_equal(m4s_nearest_name("degraded_gpu", names, N_NAMES), "degraded_gpus");
  assert_string_equal(m4s_nearest_name("mode", names, N_NAMES), "mode");
  // A prefix is meant although it is far by edits.
  assert_string_equal(m4s_nearest_name("degraded", names, N_NAMES), "degraded_gpus");
}

static void nearest_should_not_be_guessed(void **state) {
  (void)state;
  assert_null(m4s_nearest_name("bandwidth_of_everything", names, N_NAMES));
  assert_null(m4s_nearest_name("xyzzyxyz", names, N_NAMES));
  assert_null(m4s_nearest_name("mode", names, 0));
}

static void nearest_should_take_long_names(void **state) {
  (void)state;
  char name[1000];
  memset(name, 'x', sizeof name);
  name[sizeof name - 1] = '\0';
  assert_null(m4s_nearest_name(name, names, N_NAMES));
  const char *const own[] = {name};
  assert_ptr_equal(m4s_nearest_name(name, own, 1), name);
}

static void did_you_mean_should_be_a_clause_or_nothing(void **state) {
  (void)state;
  assert_string_equal(m4s_did_you_mean("mod", names, N_NAMES), " (did you mean mode?)");
  assert_string_equal(m4s_did_you_mean("xyzzyxyz", names, N_NAMES), "");
}

// Published vectors of 64-bit FNV-1a.
static void hash_should_be_fnv_1a(void **state) {
  (void)state;
  assert_true(m4s_hash_bytes(M4S_HASH_START, "", 0) == UINT64_C(0xcbf29ce484222325));
  assert_true(m4s_hash_bytes(M4S_HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
  assert_true(m4s_hash_bytes(M4S_HASH_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
  uint64_t part = m4s_hash_bytes(M4S_HASH_START, "foo", 3);
  assert_true(m4s_hash_bytes(part, "bar", 3) == UINT64_C(0x85944171f73967e8));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_should_grow_and_stay_terminated),
      cmocka_unit_test(text_should_hold_zero_bytes),
      cmocka_unit_test(list_should_copy_its_items),
      cmocka_unit_test(int64_should_be_read_whole),
      cmocka_unit_test(int64_should_refuse_all_else),
      cmocka_unit_test(double_should_be_read_whole),
      cmocka_unit_test(double_should_refuse_all_else),
      cmocka_unit_test(nearest_should_be_found),
      cmocka_unit_test(nearest_should_not_be_guessed),
      cmocka_unit_test(nearest_should_take_long_names),
      cmocka_unit_test(did_you_mean_should_be_a_clause_or_nothing),
      cmocka_unit_test(hash_should_be_fnv_1a),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
