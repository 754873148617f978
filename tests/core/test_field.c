// The field table: every kind from JSON and from text, defaults, ranges, messages.
#include "support.h"

#include "core/field.h"
#include "core/json.h"

typedef struct {
  int64_t count;
  double share;
  char *name, *file;
  int colour;
  bool loud;
  m4s_text_list_t set;
} object_t;

static const char *const colours[] = {"red", "green", "blue", NULL};

static const m4s_field_t fields[] = {
    {.name = "count",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(object_t, count),
     .unit = "bytes",
     .fallback = "7",
     .min = 1,
     .max = 100,
     .help = "how many"},
    {.name = "share_part",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(object_t, share),
     .fallback = "0.25",
     .min = 0,
     .max = 1.5,
     .help = "how much"},
    {.name = "name", .kind = M4S_FIELD_TEXT, .offset = offsetof(object_t, name), .help = "who"},
    {.name = "file",
     .kind = M4S_FIELD_PATH,
     .offset = offsetof(object_t, file),
     .fallback = "a.txt",
     .help = "where"},
    {.name = "colour",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(object_t, colour),
     .fallback = "green",
     .choices = colours,
     .help = "which"},
    {.name = "loud", .kind = M4S_FIELD_FLAG, .offset = offsetof(object_t, loud), .help = "whether"},
};
static const m4s_field_t list_field = {
    .name = "set", .kind = M4S_FIELD_LIST, .offset = offsetof(object_t, set), .help = "more"};
enum { N_FIELDS = M4S_COUNT(fields) };

static object_t make_object(void) {
  object_t object = {0};
  ASSERT_OK(m4s_fields_set_defaults(fields, N_FIELDS, &object));
  return object;
}

static m4s_status_t set_json(object_t *object, const char *text) {
  json_t *values = json_loads(text, JSON_DECODE_ANY, NULL);
  assert_non_null(values);
  m4s_status_t status = m4s_fields_set_json(fields, N_FIELDS, object, values, "f.json: base");
  json_decref(values);
  return status;
}

static m4s_status_t set_text(object_t *object, const char *name, const char *text) {
  const m4s_field_t *field = m4s_fields_find(fields, N_FIELDS, name);
  assert_non_null(field);
  return m4s_field_set_text(field, object, text, "--option");
}

static void fields_should_have_their_defaults(void **state) {
  (void)state;
  object_t object = make_object();
  assert_int_equal(object.count, 7);
  assert_true(object.share == 0.25);
  assert_null(object.name);
  assert_string_equal(object.file, "a.txt");
  assert_int_equal(object.colour, 1);
  assert_false(object.loud);
  m4s_fields_clear(fields, N_FIELDS, &object);
  assert_null(object.file);
}

static void fields_should_be_set_from_json(void **state) {
  (void)state;
  object_t object = make_object();
  ASSERT_OK(set_json(&object,
                     "{\"count\": 100, \"share_part\": 1, \"name\": \"n\", \"file\": "
                     "\"/b\", \"colour\": \"blue\", \"loud\": true}"));
  assert_int_equal(object.count, 100);
  assert_true(object.share == 1);
  assert_string_equal(object.name, "n");
  assert_string_equal(object.file, "/b");
  assert_int_equal(object.colour, 2);
  assert_true(object.loud);
  m4s_fields_clear(fields, N_FIELDS, &object);
}

static void fields_should_be_set_from_text(void **state) {
  (void)state;
  object_t object = make_object();
  ASSERT_OK(set_text(&object, "count", "1"));
  ASSERT_OK(set_text(&object, "share-part", "1.5"));
  ASSERT_OK(set_text(&object, "name", "x y"));
  ASSERT_OK(set_text(&object, "colour", "red"));
  ASSERT_OK(set_text(&object, "loud", "yes"));
  assert_int_equal(object.count, 1);
  assert_true(object.share == 1.5);
  assert_string_equal(object.name, "x y");
  assert_int_equal(object.colour, 0);
  assert_true(object.loud);
  ASSERT_OK(set_text(&object, "loud", "false"));
  assert_false(object.loud);
  ASSERT_OK(set_text(&object, "loud", "true"));
  ASSERT_OK(set_text(&object, "loud", "no"));
  assert_false(object.loud);
  m4s_fields_clear(fields, N_FIELDS, &object);
}

static void lists_should_collect_texts(void **state) {
  (void)state;
  object_t object = {0};
  ASSERT_OK(m4s_field_set_text(&list_field, &object, "a=1", "--set"));
  ASSERT_OK(m4s_field_set_text(&list_field, &object, "b=2", "--set"));
  assert_int_equal(object.set.n_items, 2);
  assert_string_equal(object.set.items[1], "b=2");
  m4s_fields_clear(&list_field, 1, &object);
  assert_int_equal(object.set.n_items, 0);
}

// Every refusal of a value in JSON: what is wrong, the range, the nearest valid value.
static void json_values_should_be_refused_with_a_reason(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"{\"count\": 0}", "f.json: base.count: 0 is outside 1 to 100 bytes (nearest valid: 1)"},
      {"{\"count\": 9007199254740993}",
       "f.json: base.count: 9007199254740993 is outside 1 to 100 bytes (nearest valid: 100)"},
      {"{\"count\": 2.0}", "f.json: base.count: 2.0 is not a whole number"},
      {"{\"count\": \"2\"}",
       "f.json: base.count: \"2\" is not a whole number (write it without quotes and unit)"},
      {"{\"count\": null}", "f.json: base.count: null is not a whole number"},
      {"{\"share_part\": -0.5}",
       "f.json: base.share_part: -0.5 is outside 0 to 1.5 (nearest valid: 0)"},
      {"{\"share_part\": 1e300}",
       "f.json: base.share_part: 1e+300 is outside 0 to 1.5 (nearest valid: 1.5)"},
      {"{\"share_part\": [1]}", "f.json: base.share_part: [1] is not a number"},
      {"{\"name\": 5}", "f.json: base.name: 5 is not a string"},
      {"{\"name\": \"\"}", "f.json: base.name: is empty"},
      {"{\"file\": {}}", "f.json: base.file: {} is not a string"},
      {"{\"colour\": \"gren\"}",
       "f.json: base.colour: \"gren\" is none of red, green, blue (did you mean green?)"},
      {"{\"colour\": \"quicksilver\"}",
       "f.json: base.colour: \"quicksilver\" is none of red, green, blue"},
      {"{\"colour\": 1}", "f.json: base.colour: 1 is not a string"},
      {"{\"loud\": 1}", "f.json: base.loud: 1 is not true or false"},
      {"{\"loud\": \"true\"}", "f.json: base.loud: \"true\" is not true or false"},
      {"{\"cuont\": 1}", "f.json: base: unknown key \"cuont\" (did you mean count?)"},
      {"{\"share-part\": 1}",
       "f.json: base: unknown key \"share-part\" (did you mean share_part?)"},
      {"{\"elephants\": 1}", "f.json: base: unknown key \"elephants\""},
      {"[1, 2]", "f.json: base: [1,2] is not an object {...}"},
      {"3", "f.json: base: 3 is not an object {...}"},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    object_t object = make_object();
    ASSERT_REFUSES(set_json(&object, cases[i].text), cases[i].message);
    // The object is as it was.
    assert_int_equal(object.count, 7);
    assert_true(object.share == 0.25);
    assert_null(object.name);
    assert_string_equal(object.file, "a.txt");
    assert_int_equal(object.colour, 1);
    assert_false(object.loud);
    m4s_fields_clear(fields, N_FIELDS, &object);
  }
}

static void texts_should_be_refused_with_a_reason(void **state) {
  (void)state;
  static const struct {
    const char *name, *text, *message;
  } cases[] = {
      {"count", "many", "--option: \"many\" is not a whole number"},
      {"count", "1e2", "--option: \"1e2\" is not a whole number"},
      {"count", "101", "--option: 101 is outside 1 to 100 bytes (nearest valid: 100)"},
      {"count", "-9223372036854775808",
       "--option: -9223372036854775808 is outside 1 to 100 bytes (nearest valid: 1)"},
      {"share_part", "nan", "--option: \"nan\" is not a number"},
      {"share_part", "inf", "--option: \"inf\" is not a number"},
      {"share_part", "2", "--option: 2 is outside 0 to 1.5 (nearest valid: 1.5)"},
      {"name", "", "--option: is empty"},
      {"colour", "Red", "--option: \"Red\" is none of red, green, blue (did you mean red?)"},
      {"loud", "1", "--option: \"1\" is neither true nor false"},
  };
  object_t object = make_object();
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    ASSERT_REFUSES(set_text(&object, cases[i].name, cases[i].text), cases[i].message);
  }
  assert_int_equal(object.count, 7);
  m4s_fields_clear(fields, N_FIELDS, &object);
}

static void lists_should_not_come_from_json(void **state) {
  (void)state;
  object_t object = {0};
  json_t *value = json_string("a");
  assert_int_equal(m4s_field_set_json(&list_field, &object, value, "w"), M4S_ERR_INTERNAL);
  assert_null(m4s_field_get_json(&list_field, &object));
  json_decref(value);
}

static void fields_should_survive_json_both_ways(void **state) {
  (void)state;
  object_t object = make_object();
  ASSERT_OK(set_json(&object,
                     "{\"count\": 42, \"share_part\": 0.1, \"name\": \"a\\\"b\", "
                     "\"colour\": \"red\", \"loud\": true}"));
  json_t *values = m4s_fields_get_json(fields, N_FIELDS, &object);
  object_t copy = {0};
  ASSERT_OK(m4s_fields_set_json(fields, N_FIELDS, &copy, values, "w"));
  json_t *again = m4s_fields_get_json(fields, N_FIELDS, &copy);
  assert_true(json_equal(values, again));
  char *text = m4s_json_text(values, JSON_COMPACT);
  assert_string_equal(text,
                      "{\"count\":42,\"share_part\":0.1,\"name\":\"a\\\"b\",\"file\":\"a.txt\","
                      "\"colour\":\"red\",\"loud\":true}");
  free(text);
  json_decref(values);
  json_decref(again);
  m4s_fields_clear(fields, N_FIELDS, &object);
  m4s_fields_clear(fields, N_FIELDS, &copy);
}

static void unset_texts_should_be_left_out_of_json(void **state) {
  (void)state;
  object_t object = {.file = NULL};
  json_t *values = m4s_fields_get_json(fields, N_FIELDS, &object);
  assert_int_equal(json_object_size(values), 4);
  assert_null(json_object_get(values, "name"));
  json_decref(values);
}

static void fields_should_be_found_with_either_dash(void **state) {
  (void)state;
  assert_ptr_equal(m4s_fields_find(fields, N_FIELDS, "share-part"), &fields[1]);
  assert_ptr_equal(m4s_fields_find(fields, N_FIELDS, "share_part"), &fields[1]);
  assert_null(m4s_fields_find(fields, N_FIELDS, "share"));
  assert_null(m4s_fields_find(fields, N_FIELDS, "share_part_"));
  assert_null(m4s_fields_find(fields, N_FIELDS, ""));
  assert_string_equal(m4s_fields_did_you_mean(fields, N_FIELDS, "nam"), " (did you mean name?)");
}

static void help_should_say_what_a_default_means(void **state) {
  (void)state;
  static const m4s_field_t field = {
      .name = "limit", .fallback = "-1", .fallback_help = "none", .help = "most"};
  char *text = NULL;
  size_t n = 0;
  FILE *stream = open_memstream(&text, &n);
  m4s_fields_print_help(stream, &field, 1, false);
  fclose(stream);
  assert_non_null(strstr(text, " most [none]\n"));
  free(text);
}

static void help_should_show_every_field(void **state) {
  (void)state;
  char *text = NULL;
  size_t n = 0;
  FILE *stream = open_memstream(&text, &n);
  m4s_fields_print_help(stream, fields, N_FIELDS, true);
  m4s_fields_print_help(stream, fields, N_FIELDS, false);
  fclose(stream);
  assert_non_null(strstr(text, "  --count bytes                  how many [7]\n"));
  assert_non_null(strstr(text, "--share-part number"));
  assert_non_null(strstr(text, "--colour red|green|blue"));
  assert_non_null(strstr(text, "count (bytes)"));
  assert_non_null(strstr(text, "share_part (number)"));
  assert_non_null(strstr(text, "whether\n"));
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fields_should_have_their_defaults),
      cmocka_unit_test(fields_should_be_set_from_json),
      cmocka_unit_test(fields_should_be_set_from_text),
      cmocka_unit_test(lists_should_collect_texts),
      cmocka_unit_test(json_values_should_be_refused_with_a_reason),
      cmocka_unit_test(texts_should_be_refused_with_a_reason),
      cmocka_unit_test(lists_should_not_come_from_json),
      cmocka_unit_test(fields_should_survive_json_both_ways),
      cmocka_unit_test(unset_texts_should_be_left_out_of_json),
      cmocka_unit_test(fields_should_be_found_with_either_dash),
      cmocka_unit_test(help_should_show_every_field),
      cmocka_unit_test(help_should_say_what_a_default_means),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
