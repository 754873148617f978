// Mix files and mix spaces of the published evaluation.
#include "support.h"

#include <jansson.h>

#include "sweep/mixes.h"
#include "sweep/spec.h"

static const m4s_mixes_options_t plain = {.name = "t", .size = "small", .n_points = 5, .seed = 3};

#define MIX(spatial, sizes, cluster) \
  "{\"id\": 7, \"spatial\": \"" spatial "\", \"size_dist\": \"" sizes \
  "\", \"lognorm_sigma\": 2, \"max_load\": 0.5, \"cluster\": \"" cluster \
  "\", \"duration\": 5000000}"

// Makes a spec of a text beside which files may stand; the notes are dropped.
static json_t *spec_of(const char *text, const m4s_mixes_options_t *options) {
  json_t *spec = NULL;
  m4s_text_list_t notes = {0};
  ASSERT_OK(m4s_mixes_parse(text, support_path("mixes.json"), options, &notes, &spec));
  m4s_text_list_clear(&notes);
  return spec;
}

// A part of the spec is this JSON.
static void assert_part(const json_t *spec, const char *key, const char *expected) {
  json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
  assert_non_null(wanted);
  if (!json_equal(json_object_get(spec, key), wanted)) {
    char *found = json_dumps(json_object_get(spec, key), JSON_COMPACT | JSON_ENCODE_ANY);
    print_error("%s: %s\n", key, found);
    free(found);
    fail();
  }
  json_decref(wanted);
}

static void what_mixes_have_alike_should_be_the_base(void **state) {
  (void)state;
  json_t *spec = spec_of(
      "[" MIX("a/Cluster-B_2_16.json", "x/WebServer_all.txt", "spec/cluster_2_to_1.json") "]",
      &plain);
  assert_part(
      spec, "base",
      "{\"topology\": {\"kind\": \"clos\", \"size\": \"small\", \"oversubscription\": 2.0}, "
      "\"traffic\": {\"kind\": \"mix\", \"spatial\": \"locality\", \"rack_share\": 0.01, "
      "\"pod_share\": 0.4839, \"skew\": 1.0, \"sizes\": \"webserver\", \"lognorm_sigma\": "
      "2.0, \"max_load\": 0.5, \"duration_us\": 5000}, \"packet\": {\"profile\": \"m4\"}, "
      "\"run\": {\"seed\": 7}}");
  assert_null(json_object_get(spec, "axes"));
  json_decref(spec);
}

static void what_differs_should_move_together(void **state) {
  (void)state;
  support_write("matrix.json", "{}");
  support_write("fabric.txt", "x");
  json_t *spec = spec_of("[" MIX("uniform", "hadoop", "4:1") ", {\"id\": 9, \"spatial\": "
                         "\"cluster_c\", \"size_dist\": \"hadoop\", \"lognorm_sigma\": 2, "
                         "\"max_load\": 0.25, \"cluster\": \"1To1\", \"duration\": 5e6}]",
                         &plain);
  assert_part(
      spec, "axes",
      "[{\"run.seed\": [7, 9], \"spatial\": [\"uniform\", \"locality\"], \"max_load\": [0.5, "
      "0.25], \"oversubscription\": [4.0, 1.0], \"rack_share\": [0.1, 0.505], "
      "\"pod_share\": [0.3, 0.4839], \"skew\": [0.0, 1.0]}]");
  json_decref(spec);
}

static void files_should_be_used_where_they_exist(void **state) {
  (void)state;
  support_write("cluster_a_2_16.json", "{}");
  support_write("fabric.txt", "x");
  ASSERT_OK(m4s_folder_make(support_path("sizes")));
  support_write("sizes/WebServer.txt", "0 0\n1 100\n");
  const char *folder = support_path("sizes");
  const m4s_mixes_options_t options = {.name = "t", .size = "small", .folder = folder};
  json_t *spec =
      spec_of("[" MIX("cluster_a_2_16.json", "far/WebServer.txt", "fabric.txt") "]", &options);
  char *matrix = realpath(support_path("cluster_a_2_16.json"), NULL);
  char *sizes = realpath(support_path("sizes/WebServer.txt"), NULL);
  char *fabric = realpath(support_path("fabric.txt"), NULL);
  json_t *base = json_object_get(spec, "base");
  json_t *traffic = json_object_get(base, "traffic");
  assert_string_equal(json_string_value(json_object_get(traffic, "spatial")), "matrix");
  assert_string_equal(json_string_value(json_object_get(traffic, "matrix_file")), matrix);
  assert_string_equal(json_string_value(json_object_get(traffic, "sizes")), "file");
  assert_string_equal(json_string_value(json_object_get(traffic, "sizes_file")), sizes);
  json_t *expected = json_pack("{s:s, s:s}", "kind", "file", "file", fabric);
  assert_true(json_equal(json_object_get(base, "topology"), expected));
  json_decref(expected);
  json_decref(spec);
  free(matrix);
  free(sizes);
  free(fabric);
  ASSERT_OK(m4s_path_remove(support_path("cluster_a_2_16.json")));
}

static void mixes_without_a_file_should_have_none(void **state) {
  (void)state;
  support_write("mine.txt", "0 0\n1 100\n");
  json_t *spec = spec_of("[" MIX("uniform", "hadoop", "1-to-1") ", {\"id\": 8, \"spatial\": "
                         "\"uniform\", \"size_dist\": \"mine.txt\", \"lognorm_sigma\": 2, "
                         "\"max_load\": 0.5, \"cluster\": \"1-to-1\", \"duration\": 5000000}]",
                         &plain);
  const json_t *entry = json_array_get(json_object_get(spec, "axes"), 0);
  const json_t *files = json_object_get(entry, "sizes_file");
  assert_true(json_is_null(json_array_get(files, 0)));
  assert_true(json_is_string(json_array_get(files, 1)));
  json_decref(spec);
}

#define SPACE(members) \
  "{\"spatials\": [\"cluster_a\", \"cluster_b\"], \"size_dists\": [\"hadoop\", " \
  "\"CacheFollower\"], \"lognorm_sigmas\": [1, 2], \"clusters\": [\"1-to-1\", \"4-to-1\"]" members \
  "}"
#define LOADS ", \"max_loads\": {\"low\": 0.25, \"high\": 0.75}"

static void spaces_should_become_samples(void **state) {
  (void)state;
  json_t *spec = spec_of(SPACE(LOADS), &plain);
  assert_part(
      spec, "axes",
      "[{\"sample\": {\"points\": 5, \"seed\": 3, \"run.seed\": {\"uniform\": [0, 999999]}, "
      "\"rack_share\": [0.0005, 0.01], \"sizes\": [\"hadoop\", \"cachefollower\"], "
      "\"lognorm_sigma\": [1.0, 2.0], \"max_load\": {\"uniform\": [0.25, 0.75]}, "
      "\"oversubscription\": [1.0, 4.0]}}]");
  json_decref(spec);
  spec =
      spec_of(SPACE(", \"max_loads\": {\"low\": 0.5, \"high\": 0.5}, \"duration\": 1000"), &plain);
  const json_t *traffic = json_object_get(json_object_get(spec, "base"), "traffic");
  assert_true(json_number_value(json_object_get(traffic, "max_load")) == 0.5);
  assert_int_equal(json_integer_value(json_object_get(traffic, "duration_us")), 1);
  json_decref(spec);
}

static void stand_ins_should_be_told_once(void **state) {
  (void)state;
  json_t *spec = NULL;
  m4s_text_list_t notes = {0};
  const char *text = SPACE(LOADS);
  ASSERT_OK(m4s_mixes_parse(text, "mixes.json", &plain, &notes, &spec));
  json_decref(spec);
  ASSERT_OK(m4s_mixes_parse(text, "mixes.json", &plain, &notes, &spec));
  json_decref(spec);
  assert_int_equal(notes.n_items, 2);
  assert_string_equal(notes.items[0],
                      "cluster_a is no file: random racks stand for it, with 0.05 % of the flows "
                      "within racks");
  m4s_text_list_clear(&notes);
}

static const struct {
  const char *text, *message;
} bad[] = {
    {"", "m.json:1:0: '[' or '{' expected near end of file"},
    {"[]", "m.json: [] has no mixes"},
    {"[3]", "m.json: [0]: 3 is not a mix {...}"},
    {"[{\"id\": 1, \"id\": 2}]", "m.json:1:15: duplicate object key near '\"id\"'"},
    {"[{\"identity\": 1}]", "m.json: [0]: unknown key \"identity\""},
    {"[{\"id\": 1}]", "m.json: [0].spatial: is missing"},
    {"[{\"id\": -1}]", "m.json: [0].id: -1 is not a whole number from 0 to 9007199254740991"},
    {"[" MIX("uniform", "hadoop", "1-to-1") "," MIX("uniform", "hadoop", "1-to-1") "]",
     "m.json: [1].id: 7 stands twice (first at [0])"},
    {"[" MIX("x/cluster_d.json", "hadoop", "1-to-1") "]",
     "m.json: [0].spatial: \"x/cluster_d.json\" is no file, and no spatial has this name (did you "
     "mean cluster_a?)"},
    {"[" MIX("cluster_a_2_16x", "hadoop", "1-to-1") "]",
     "m.json: [0].spatial: \"cluster_a_2_16x\" is no file, and no spatial has this name"},
    {"[" MIX("uniform", "x/WebServr.txt", "1-to-1") "]",
     "m.json: [0].size_dist: \"x/WebServr.txt\" is no file, and no size_dist has this name (did "
     "you mean webserver?)"},
    {"[" MIX("uniform", "pareto", "1-to-1") "]",
     "m.json: [0].size_dist: \"pareto\" is no file, and no size_dist has this name"},
    {"[" MIX("uniform", "hadoop", "0-to-1") "]",
     "m.json: [0].cluster: \"0-to-1\" is no file, and no cluster (1-to-1, 2-to-1, 4-to-1, ...) has "
     "this name (did you mean 1to1?)"},
    {"[" MIX("uniform", "hadoop", "99999999-to-1") "]",
     "m.json: [0].cluster: \"99999999-to-1\" is no file, and no cluster (1-to-1, 2-to-1, 4-to-1, "
     "...) has this name"},
    {"[{\"id\": 1, \"spatial\": 3}]", "m.json: [0].spatial: 3 is not a name"},
    {"[{\"id\": 1, \"spatial\": \"uniform\", \"size_dist\": \"hadoop\", \"lognorm_sigma\": 5}]",
     "m.json: [0].lognorm_sigma: 5 is outside 0 to 4 (nearest valid: 4)"},
    {"[{\"id\": 1, \"spatial\": \"uniform\", \"size_dist\": \"hadoop\", \"lognorm_sigma\": 1, "
     "\"max_load\": \"1\"}]",
     "m.json: [0].max_load: \"1\" is not a number (write it without quotes and unit)"},
    {"[{\"id\": 1, \"spatial\": \"uniform\", \"size_dist\": \"hadoop\", \"lognorm_sigma\": 1, "
     "\"max_load\": 0.5, \"cluster\": \"1-to-1\", \"duration\": 1500}]",
     "m.json: [0].duration: 1500 ns is not a whole number of microseconds (nearest: 2000)"},
    {"[{\"id\": 1, \"spatial\": \"uniform\", \"size_dist\": \"hadoop\", \"lognorm_sigma\": 1, "
     "\"max_load\": 0.5, \"cluster\": \"1:1\", \"duration\": 2001}]",
     "m.json: [0].duration: 2001 ns is not a whole number of microseconds (nearest: 2000)"},
    {"[{\"id\": 1, \"spatial\": \"uniform\", \"size_dist\": \"hadoop\", \"lognorm_sigma\": 1, "
     "\"max_load\": 0.5, \"cluster\": \"1-to-1\", \"duration\": -1}]",
     "m.json: [0].duration: -1 is not a number of ns above 0, up to 1e15"},
    {"{}", "m.json: spatials: is missing"},
    {"{\"spatial\": []}", "m.json: unknown key \"spatial\" (did you mean spatials?)"},
    {"{\"spatials\": []}", "m.json: spatials: [] is not a list of values"},
    {"{\"spatials\": \"uniform\"}", "m.json: spatials: \"uniform\" is not a list of values"},
    {"{\"spatials\": [\"unifrom\"]}",
     "m.json: spatials[0]: \"unifrom\" is no file, and no spatial has this name (did you mean "
     "uniform?)"},
    {"{\"spatials\": [\"uniform\", \"cluster_a\"]}",
     "m.json: spatials: [\"uniform\",\"cluster_a\"] cannot be drawn from, as more than a name or "
     "number would differ"},
    {SPACE(""), "m.json: max_loads: is missing"},
    {SPACE(", \"max_loads\": [0.1, 0.2]"),
     "m.json: max_loads: [0.1,0.2] is not {\"low\": load, \"high\": load}"},
    {SPACE(", \"max_loads\": {\"low\": 0.1}"), "m.json: max_loads.high: is missing"},
    {SPACE(", \"max_loads\": {\"low\": 0.5, \"high\": 0.1}"),
     "m.json: max_loads: {\"low\":0.5,\"high\":0.1}: low is above high"},
    {SPACE(", \"max_loads\": {\"low\": 0.5, \"high\": 101}"),
     "m.json: max_loads.high: 101 is outside 1e-06 to 100 (nearest valid: 100)"},
    {SPACE(", \"max_loads\": {\"low\": 0.5, \"high\": 1.5}"),
     "m.json: max_loads.high: 1.5 is 1 or above (nearest valid: 0.99)"},
};

static void bad_mixes_should_be_refused_with_place_and_value(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    json_t *spec = NULL;
    m4s_text_list_t notes = {0};
    assert_int_equal(m4s_mixes_parse(bad[i].text, "m.json", &plain, &notes, &spec), M4S_ERR_INPUT);
    assert_null(spec);
    assert_string_equal(m4s_last_error(), bad[i].message);
    m4s_text_list_clear(&notes);
  }
}

static void unknown_sizes_of_fabrics_should_be_refused(void **state) {
  (void)state;
  json_t *spec = NULL;
  m4s_text_list_t notes = {0};
  const m4s_mixes_options_t options = {.name = "t", .size = "smal"};
  ASSERT_REFUSES(m4s_mixes_parse("[" MIX("uniform", "hadoop", "1-to-1") "]", "m.json", &options,
                                 &notes, &spec),
                 "--size: \"smal\" is none of small, large, training (did you mean small?)");
  m4s_text_list_clear(&notes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_mixes_have_alike_should_be_the_base),
      cmocka_unit_test(what_differs_should_move_together),
      cmocka_unit_test(files_should_be_used_where_they_exist),
      cmocka_unit_test(mixes_without_a_file_should_have_none),
      cmocka_unit_test(spaces_should_become_samples),
      cmocka_unit_test(stand_ins_should_be_told_once),
      cmocka_unit_test(bad_mixes_should_be_refused_with_place_and_value),
      cmocka_unit_test(unknown_sizes_of_fabrics_should_be_refused),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
