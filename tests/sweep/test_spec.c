// Sweep specs: what they mean, and what is said about bad ones.
#include "fixture.h"

#include "core/json.h"
#include "m4/built_in.h"

static void axes_should_cross_the_first_slowest(void **state) {
  (void)state;
  assert_points(AXES("{\"degraded_gpus\": [2, 3]}, {\"reduction\": [4, 5]}"), NULL,
                "degraded_gpus=2,reduction=4 degraded_gpus=2,reduction=5 "
                "degraded_gpus=3,reduction=4 degraded_gpus=3,reduction=5");
}

static void axes_should_zip_within_an_entry(void **state) {
  (void)state;
  assert_points(AXES("{\"flowsim.mode\": [\"exact\", \"published\"], \"send_latency_ns\": [0, "
                     "3000]}, {\"seed\": [1]}"),
                NULL,
                "flowsim.mode=\"exact\",send_latency_ns=0,seed=1 "
                "flowsim.mode=\"published\",send_latency_ns=3000,seed=1");
}

static void ranges_should_include_the_last_value(void **state) {
  (void)state;
  assert_points(AXES("{\"reduction\": {\"range\": [4, 6]}}"), NULL,
                "reduction=4 reduction=5 reduction=6");
  assert_points(AXES("{\"reduction\": {\"range\": [4, 9, 3]}}"), NULL, "reduction=4 reduction=7");
  assert_points(AXES("{\"reduction\": {\"range\": [9, 5, -2]}}"), NULL,
                "reduction=9 reduction=7 reduction=5");
  assert_points(AXES("{\"reduction\": {\"range\": [3, 3]}}"), NULL, "reduction=3");
}

static void spaces_should_end_on_both_values(void **state) {
  (void)state;
  assert_points(AXES("{\"reduction\": {\"linspace\": [1, 9, 3]}}"), NULL,
                "reduction=1 reduction=5 reduction=9");
  assert_points(AXES("{\"nic_gbps\": {\"logspace\": [1, 1000, 4]}}"), NULL,
                "nic_gbps=1 nic_gbps=10 nic_gbps=100 nic_gbps=1000");
}

static void spaces_of_whole_numbers_should_be_rounded_without_repetitions(void **state) {
  (void)state;
  assert_points(AXES("{\"reduction\": {\"linspace\": [1, 2, 5]}}"), NULL,
                "reduction=1 reduction=2");
  assert_points(AXES("{\"reduction\": {\"logspace\": [1, 16, 7]}}"), NULL,
                "reduction=1 reduction=2 reduction=3 reduction=4 reduction=6 reduction=10 "
                "reduction=16");
  assert_points(AXES("{\"reduction\": {\"logspace\": [4, 1, 9]}}"), NULL,
                "reduction=4 reduction=3 reduction=2 reduction=1");
}

static void made_values_should_be_short_decimals(void **state) {
  (void)state;
  m4s_axis_t axis;
  json_t *values = json_loads("{\"range\": [0, 0.5, 0.1]}", 0, NULL);
  // No setting that may be an axis is real yet: the axis alone is made.
  assert_int_equal(m4s_axis_read(&axis, "reduction", values, "t"), M4S_ERR_INPUT);
  axis.n_values = 6;
  for (uint64_t i = 0; i < axis.n_values; i++) {
    json_t *value = m4s_axis_value(&axis, i);
    double expected[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5};
    assert_true(json_number_value(value) == expected[i]);
    assert_int_equal(json_is_integer(value), i == 0);
    json_decref(value);
  }
  m4s_axis_clear(&axis);
  json_decref(values);
}

static void where_should_filter_points(void **state) {
  (void)state;
  assert_points(
      SPEC(", \"axes\": [{\"degraded_gpus\": {\"range\": [2, 4]}}, {\"reduction\": [4, 5]}], "
           "\"where\": \"degraded_gpus * reduction <= 12 && gpus == 32\""),
      NULL, "degraded_gpus=2,reduction=4 degraded_gpus=2,reduction=5 degraded_gpus=3,reduction=4");
}

static void selection_should_restrict_axes_and_filter(void **state) {
  (void)state;
  const char *spec = AXES("{\"degraded_gpus\": {\"range\": [2, 16]}}, {\"reduction\": [4, 5]}");
  assert_points(spec, "{\"set\": {\"degraded_gpus\": 8, \"reduction\": 5}}",
                "degraded_gpus=8,reduction=5");
  assert_points(spec, "{\"set\": {\"reduction\": 4}, \"where\": [\"degraded_gpus > 14\"]}",
                "degraded_gpus=15,reduction=4 degraded_gpus=16,reduction=4");
}

static void spec_without_axes_should_be_one_point(void **state) {
  (void)state;
  m4s_sweep_t *sweep = fixture_sweep(SPEC());
  uint64_t *indices;
  size_t n;
  assert_int_equal(m4s_sweep_select(sweep, NULL, false, &indices, &n), M4S_OK);
  assert_int_equal(n, 1);
  free(indices);
  m4s_sweep_destroy(sweep);
}

typedef struct {
  const char *text, *message;
} bad_spec_t;

static const bad_spec_t bad_specs[] = {
    {"", "t.json:1:0: '[' or '{' expected near end of file"},
    {"{\"name\": \"t\"", "t.json:1:12: '}' expected near end of file"},
    {"[]", "t.json:1: the file must hold one JSON object {...}"},
    {"{\"name\": \"a\", \"name\": \"b\"}", "t.json:1:20: duplicate object key near '\"name\"'"},
    {"{\"name\": \"t\"}", "t.json: simulators: is missing"},
    {"{\"simulators\": [\"flowsim\"]}", "t.json: name: is missing"},
    {"{\"name\": \"../x\", \"simulators\": [\"flowsim\"]}",
     "t.json: name: \"../x\" is not 1 to 100 letters, digits, \".\", \"_\", \"-\" that begin with "
     "a "
     "letter or digit"},
    {"{\"name\": 3, \"simulators\": [\"flowsim\"]}", "t.json: name: 3 is not a string"},
    {"{\"name\": \"t\", \"simulators\": []}", "t.json: simulators: [] is not a list of names"},
    {"{\"name\": \"t\", \"simulators\": \"flowsim\"}",
     "t.json: simulators: \"flowsim\" is not a list of names"},
    {"{\"name\": \"t\", \"simulators\": [\"flwsim\"]}",
     "t.json: simulators[0]: unknown simulator \"flwsim\" (did you mean flowsim?)"},
    {"{\"name\": \"t\", \"simulators\": [\"flowsim\", \"flowsim\"]}",
     "t.json: simulators[1]: \"flowsim\" stands twice"},
    {SPEC(", \"axis\": []"), "t.json: unknown key \"axis\" (did you mean axes?)"},
    {SPEC(", \"reference\": 7"),
     "t.json: reference: 7 is neither a simulator's name nor an object"},
    {SPEC(", \"reference\": \"flowsin\""),
     "t.json: reference: unknown simulator \"flowsin\" (did you mean flowsim?)"},
    {SPEC(", \"reference\": {}"), "t.json: reference: {} has none of simulator, table, folder"},
    {SPEC(", \"reference\": {\"tabel\": \"x\"}"),
     "t.json: reference: unknown key \"tabel\" (did you mean table?)"},
    {SPEC(", \"reference\": {\"table\": \"x\"}"), "t.json: reference.simulator: is missing"},
    {SPEC(", \"reference\": {\"folder\": 1, \"backend\": \"ns3\"}"),
     "t.json: reference.folder: 1 is not a name"},
    {SPEC(", \"base\": []"), "t.json: base: [] is not an object {...}"},
    {SPEC(", \"base\": {\"topologi\": {}}"),
     "t.json: base: unknown section \"topologi\" (did you mean topology?)"},
    {SPEC(", \"base\": {\"topology\": 3}"), "t.json: base.topology: 3 is not an object {...}"},
    {SPEC(", \"base\": {\"topology\": {\"degraded_gpu\": 2}}"),
     "t.json: base.topology: unknown key \"degraded_gpu\" (did you mean degraded_gpus?)"},
    {SPEC(", \"base\": {\"flowsim\": {\"mode\": \"exakt\"}}"),
     "t.json: base.flowsim.mode: \"exakt\" is none of exact, published (did you mean exact?)"},
    {SPEC(", \"base\": {\"run\": {\"seed\": 1.5}}"),
     "t.json: base.run.seed: 1.5 is not a whole number"},
    {SPEC(", \"base\": {\"run\": {\"seed\": -1}}"),
     "t.json: base.run.seed: -1 is outside 0 to 9.00719925474099e+15 (nearest valid: 0)"},
    {SPEC(", \"base\": {\"output\": {\"flows\": \"yes\"}}"),
     "t.json: base.output.flows: \"yes\" is not true or false"},
    {SPEC(", \"base\": {\"run\": {\"time_limit_s\": NaN}}"), "t.json:1:"},
    {SPEC(", \"base\": {\"run\": {\"time_limit_s\": 1e999}}"),
     "t.json:1:79: real number overflow near '1e999'"},
    {SPEC(", \"base\": {\"run\": {\"seed\": 99999999999999999999}}"),
     "t.json:1:86: too big integer near '99999999999999999999'"},
    {SPEC(", \"axes\": []"), "t.json: axes: [] is not a list of {\"setting\": values}"},
    {SPEC(", \"axes\": {\"reduction\": [1]}"),
     "t.json: axes: {\"reduction\":[1]} is not a list of {\"setting\": values}"},
    {AXES("[1]"), "t.json: axes[0]: [1] is not an object {\"setting\": values}"},
    {AXES("{}"), "t.json: axes[0]: {} names no setting"},
    {AXES("{\"reduction\": []}"), "t.json: axes[0].reduction: [] has no values"},
    {AXES("{\"reduktion\": [1]}"),
     "t.json: axes[0].reduktion: unknown setting \"reduktion\" (did you mean reduction?)"},
    {AXES("{\"topology.reduktion\": [1]}"),
     "t.json: axes[0].topology.reduktion: unknown setting \"topology.reduktion\" (did you mean "
     "topology.reduction?)"},
    {AXES("{\"reduction\": 4}"),
     "t.json: axes[0].reduction: 4 is neither a list [...] nor {\"range\": [first, last]}, "
     "linspace, logspace"},
    {AXES("{\"reduction\": [4, \"5\"]}"),
     "t.json: axes[0].reduction[1]: \"5\" is not a whole number"},
    {AXES("{\"reduction\": [4, 0]}"), "t.json: axes[0].reduction[1]: 0 is outside"},
    {AXES("{\"reduction\": [4, 5, 4]}"),
     "t.json: axes[0].reduction[2]: 4 stands twice (first at [0])"},
    {AXES("{\"reduction\": [4, 5]}, {\"topology.reduction\": [6]}"),
     "t.json: axes[1].topology.reduction: is an axis already, axes[0].reduction"},
    {AXES("{\"reduction\": [4, 5], \"degraded_gpus\": [1]}"),
     "t.json: axes[0].degraded_gpus: 1 values, but reduction beside it has 2"},
    {AXES("{\"reduction\": [4, 4], \"degraded_gpus\": [1, 1]}"),
     "t.json: axes[0].reduction[1]: 4 stands twice (first at [0])"},
    {AXES("{\"output.links\": [true, false]}"),
     "t.json: axes[0].output.links: does not change results, so it cannot be an axis"},
    {AXES("{\"reduction\": {\"rnge\": [1, 2]}}"),
     "t.json: axes[0].reduction: unknown key \"rnge\" (did you mean range?)"},
    {AXES("{\"reduction\": {\"range\": [1]}}"),
     "t.json: axes[0].reduction.range: [1] is not [first, last] or [first, last, step]"},
    {AXES("{\"reduction\": {\"range\": [1, \"x\"]}}"),
     "t.json: axes[0].reduction.range[1]: \"x\" is not a number"},
    {AXES("{\"reduction\": {\"range\": [9, 4]}}"),
     "t.json: axes[0].reduction.range: [9,4] has no values (the step leads away from the last "
     "one)"},
    {AXES("{\"reduction\": {\"range\": [4, 9, 0]}}"),
     "t.json: axes[0].reduction.range[2]: a step of 0"},
    {AXES("{\"reduction\": {\"range\": [1, 2, 0.5]}}"),
     "t.json: axes[0].reduction.range: 1.5 is not a whole number"},
    {AXES("{\"reduction\": {\"linspace\": [1, 2, 0]}}"),
     "t.json: axes[0].reduction.linspace[2]: 0 is not a count from 1 to 1000000"},
    {AXES("{\"reduction\": {\"linspace\": [0.4, 2, 3]}}"),
     "t.json: axes[0].reduction.linspace: 0 is outside 1 to 1000000 (nearest valid: 1)"},
    {AXES("{\"reduction\": {\"linspace\": [1, 1e300, 3]}}"),
     "t.json: axes[0].reduction.linspace: 1e300 is not a whole number"},
    {AXES("{\"reduction\": {\"logspace\": [0, 2, 3]}}"),
     "t.json: axes[0].reduction.logspace[0]: 0 is not above 0"},
    {AXES("{\"flowsim.mode\": {\"range\": [0, 1]}}"),
     "t.json: axes[0].flowsim.mode.range: flowsim.mode is not a number, list its values"},
    {SPEC(", \"where\": \"reduktion < 3\""),
     "t.json: where: column 1: unknown setting \"reduktion\" (did you mean reduction?)"},
};

static void bad_specs_should_be_refused_with_place_and_value(void **state) {
  (void)state;
  for (size_t i = 0; i < M4S_COUNT(bad_specs); i++) {
    m4s_sweep_t *sweep = NULL;
    m4s_status_t status = m4s_sweep_parse(bad_specs[i].text, "t.json", &sweep);
    assert_null(sweep);
    assert_int_equal(status, M4S_ERR_INPUT);
    size_t n = strlen(bad_specs[i].message);
    if (strncmp(m4s_last_error(), bad_specs[i].message, n) != 0) {
      fail_msg("%s\n gave    %s\n instead %s", bad_specs[i].text, m4s_last_error(),
               bad_specs[i].message);
    }
  }
}

static void missing_files_should_be_refused_before_points(void **state) {
  (void)state;
  m4s_sweep_t *sweep;
  const char *text = AXES("{\"traffic.workload\": [\"there.txt\", \"absent.txt\"]}");
  fixture_write("there.txt", "x");
  assert_int_equal(m4s_sweep_parse(text, fixture_path("t.json"), &sweep), M4S_OK);
  assert_int_equal(m4s_sweep_load(sweep, NULL), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "axes[0].traffic.workload[1]: "));
  assert_non_null(strstr(m4s_last_error(), "absent.txt: No such file"));
  m4s_sweep_destroy(sweep);
}

static void points_may_have_no_file(void **state) {
  (void)state;
  fixture_write("there.txt", "x");
  assert_points(AXES("{\"spatial\": [\"matrix\", \"uniform\"], \"matrix_file\": [\"there.txt\", "
                     "null]}"),
                NULL,
                "spatial=\"matrix\",matrix_file=\"there.txt\" "
                "spatial=\"uniform\",matrix_file=null");
  m4s_sweep_t *sweep = fixture_sweep(
      AXES("{\"spatial\": [\"matrix\", \"uniform\"], \"matrix_file\": [\"there.txt\", null]}"));
  m4s_point_t point;
  assert_int_equal(m4s_sweep_point(sweep, 1, &point), M4S_OK);
  assert_null(point.traffic.mix.spatial.matrix_file);
  m4s_point_clear(&point);
  char ids[2][M4S_CASE_ID_BYTES];
  assert_int_equal(m4s_sweep_case_id(sweep, 0, ids[0]), M4S_OK);
  assert_int_equal(m4s_sweep_case_id(sweep, 1, ids[1]), M4S_OK);
  assert_string_not_equal(ids[0], ids[1]);
  m4s_sweep_destroy(sweep);
}

static void files_of_equal_content_should_be_refused(void **state) {
  (void)state;
  m4s_sweep_t *sweep;
  fixture_write("a.txt", "same");
  fixture_write("b.txt", "same");
  const char *text = AXES("{\"traffic.workload\": [\"a.txt\", \"b.txt\"]}");
  assert_int_equal(m4s_sweep_parse(text, fixture_path("t.json"), &sweep), M4S_OK);
  assert_int_equal(m4s_sweep_load(sweep, NULL), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "\"b.txt\" has the same content as \"a.txt\""));
  m4s_sweep_destroy(sweep);
}

static void assert_select_fails(const char *text, bool many, const char *message) {
  m4s_sweep_t *sweep = fixture_sweep(text);
  uint64_t *indices = NULL;
  size_t n = 0;
  assert_int_equal(m4s_sweep_select(sweep, NULL, many, &indices, &n), M4S_ERR_INPUT);
  assert_null(indices);
  assert_non_null(strstr(m4s_last_error(), message));
  m4s_sweep_destroy(sweep);
}

static void many_points_should_be_refused_with_the_count(void **state) {
  (void)state;
  assert_select_fails(AXES("{\"seed\": {\"range\": [1, 10000000]}}"), false,
                      ": axes: 10000000 points, more than 1000000 are run only with --yes");
  assert_select_fails(AXES("{\"seed\": {\"range\": [1, 9007199254740991]}}, "
                           "{\"send_latency_ns\": {\"range\": [0, 999999999]}}, "
                           "{\"min_flow_bytes\": {\"range\": [0, 99]}}"),
                      true, ": axes: 9.01e+26 points, more than the 1000000000");
  // One value of such a range is found at once.
  assert_points(AXES("{\"seed\": {\"range\": [1, 9007199254740991]}}, {\"reduction\": [4]}"),
                "{\"set\": {\"seed\": 9007199254740990}}", "seed=9007199254740990,reduction=4");
  m4s_sweep_t *sweep = fixture_sweep(AXES("{\"seed\": {\"range\": [1, 2000000]}}"));
  uint64_t *indices = NULL;
  size_t n = 0;
  assert_int_equal(m4s_sweep_select(sweep, NULL, true, &indices, &n), M4S_OK);
  assert_int_equal(n, 2000000);
  assert_int_equal(indices[n - 1], 1999999);
  free(indices);
  m4s_sweep_destroy(sweep);
}

static void filters_that_leave_nothing_should_be_refused(void **state) {
  (void)state;
  assert_select_fails(SPEC(", \"axes\": [{\"reduction\": [4, 5]}], \"where\": \"reduction > 5\""),
                      false, "none of the 2 points is left by the filters (where)");
  assert_select_fails(SPEC(", \"axes\": [{\"reduction\": [4, 5]}], \"where\": "
                           "\"10 / degraded_gpus > 5\""),
                      false, "t.json: where: column 4: division by zero");
}

// The text that ids hash, made the long way round.
static uint64_t slow_hash(const m4s_sweep_t *sweep, uint64_t index) {
  m4s_point_t point;
  assert_int_equal(m4s_sweep_point(sweep, index, &point), M4S_OK);
  json_t *settings = m4s_point_resolved(&point);
  json_object_del(settings, "output");
  json_object_del(json_object_get(settings, "run"), "time_limit_s");
  json_t *traffic = json_object_get(settings, "traffic");
  const char *path = json_string_value(json_object_get(traffic, "workload"));
  if (path != NULL) {
    json_object_set(traffic, "workload", json_object_get(sweep->files, path));
  }
  char *text = m4s_json_canonical(settings);
  uint64_t hash = m4s_hash_bytes(M4S_HASH_START, text, strlen(text));
  free(text);
  json_decref(settings);
  m4s_point_clear(&point);
  return hash;
}

static void case_id_should_hash_the_resolved_settings(void **state) {
  (void)state;
  fixture_write("w.txt", "workload");
  m4s_sweep_t *sweep = fixture_sweep(
      SPEC(", \"base\": {\"traffic\": {\"workload\": \"w.txt\"}, \"output\": {\"links\": true}, "
           "\"run\": {\"time_limit_s\": 5}}, \"axes\": [{\"reduction\": [4, 5]}, "
           "{\"flowsim.mode\": [\"exact\", \"published\"], \"seed\": {\"range\": [3, 4]}}]"));
  char ids[4][M4S_CASE_ID_BYTES];
  for (uint64_t i = 0; i < 4; i++) {
    assert_int_equal(m4s_sweep_case_id(sweep, i, ids[i]), M4S_OK);
    assert_int_equal(strtoull(ids[i], NULL, 16), slow_hash(sweep, i));
    for (uint64_t j = 0; j < i; j++) {
      assert_string_not_equal(ids[i], ids[j]);
    }
  }
  m4s_sweep_destroy(sweep);
}

static void case_id_should_not_depend_on_paths_or_outputs(void **state) {
  (void)state;
  fixture_write("one.txt", "same bytes");
  fixture_write("two.txt", "same bytes");
  fixture_write("other.txt", "other bytes");
  static const char *const texts[] = {
      SPEC(", \"base\": {\"traffic\": {\"workload\": \"one.txt\"}}"),
      SPEC(", \"base\": {\"traffic\": {\"workload\": \"two.txt\"}, \"output\": {\"flows\": false}, "
           "\"run\": {\"time_limit_s\": 9}}"),
      SPEC(", \"axes\": [{\"traffic.workload\": [\"two.txt\"]}, {\"seed\": [1]}]"),
      SPEC(", \"base\": {\"traffic\": {\"workload\": \"other.txt\"}}"),
  };
  char ids[4][M4S_CASE_ID_BYTES];
  for (size_t i = 0; i < 4; i++) {
    m4s_sweep_t *sweep = fixture_sweep(texts[i]);
    assert_int_equal(m4s_sweep_case_id(sweep, 0, ids[i]), M4S_OK);
    m4s_sweep_destroy(sweep);
  }
  assert_string_equal(ids[0], ids[1]);
  assert_string_equal(ids[0], ids[2]);
  assert_string_not_equal(ids[0], ids[3]);
}

// The network that is built in is in the definition of m4's units, where they take it, and in no
// id: another one leaves the other simulators' results as they are.
static void definition_should_be_the_network_that_is_built_in(void **state) {
  (void)state;
  static const struct {
    const char *members;
    bool takes[2];
  } cases[] = {
      {", \"axes\": [{\"seed\": [1, 2]}]", {true, true}},
      {", \"axes\": [{\"m4.model\": [null, \"weights\"]}]", {true, false}},
      {", \"axes\": [{\"m4.model\": [\"weights\", null], \"seed\": [1, 2]}]", {false, true}},
      {", \"base\": {\"m4\": {\"model\": \"weights\"}}, \"axes\": [{\"seed\": [1, 2]}]",
       {false, false}},
  };
  char network[M4S_CASE_ID_BYTES];
  m4s_built_in_network_hash(network);
  fixture_write("weights", "x");
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    char text[256];
    char ids[2][M4S_CASE_ID_BYTES];
    snprintf(text, sizeof text, "{\"name\": \"t\", \"simulators\": [\"m4\", \"packet\"]%s}",
             cases[i].members);
    m4s_sweep_t *sweep = fixture_sweep(text);
    for (uint64_t p = 0; p < 2; p++) {
      const char *definition = m4s_sweep_definition(sweep, p, "m4");
      assert_int_equal(definition != NULL, cases[i].takes[p]);
      assert_true(definition == NULL || strcmp(definition, network) == 0);
      assert_null(m4s_sweep_definition(sweep, p, "packet"));
      assert_int_equal(m4s_sweep_case_id(sweep, p, ids[p]), M4S_OK);
    }
    assert_string_not_equal(ids[0], ids[1]);
    m4s_sweep_destroy(sweep);
  }
}

static m4s_status_t override(m4s_sweep_t *sweep, const char *set, const char *where,
                             const char *simulators, char **selection_text_out) {
  m4s_text_list_t sets = {0};
  m4s_text_list_t wheres = {0};
  m4s_selection_t *selection = NULL;
  if (set != NULL) {
    m4s_text_list_add(&sets, set);
  }
  if (where != NULL) {
    m4s_text_list_add(&wheres, where);
  }
  m4s_overrides_t overrides = {.sets = &sets, .wheres = &wheres, .simulators = simulators};
  m4s_status_t status = m4s_sweep_override(sweep, &overrides, &selection);
  *selection_text_out = selection == NULL ? NULL : m4s_json_canonical(selection);
  json_decref(selection);
  m4s_text_list_clear(&sets);
  m4s_text_list_clear(&wheres);
  return status;
}

static const char *const override_spec = AXES(
    "{\"degraded_gpus\": {\"range\": [2, 16]}}, {\"flowsim.mode\": [\"exact\", "
    "\"published\"]}");

static void set_should_restrict_axes_and_change_the_base(void **state) {
  (void)state;
  m4s_sweep_t *sweep;
  char *text;
  assert_int_equal(m4s_sweep_parse(override_spec, "t.json", &sweep), M4S_OK);
  assert_int_equal(override(sweep, "topology.degraded_gpus=8", "degraded_gpus < 9", NULL, &text),
                   M4S_OK);
  assert_string_equal(text, "{\"set\":{\"degraded_gpus\":8},\"where\":[\"degraded_gpus < 9\"]}");
  free(text);
  assert_int_equal(override(sweep, "flowsim.mode=published", NULL, NULL, &text), M4S_OK);
  assert_string_equal(text, "{\"set\":{\"flowsim.mode\":\"published\"}}");
  free(text);
  assert_int_equal(override(sweep, "reduction=4", NULL, "flowsim", &text), M4S_OK);
  assert_string_equal(text, "{}");
  free(text);
  char *base = m4s_json_canonical(sweep->base);
  assert_string_equal(base, "{\"topology\":{\"reduction\":4}}");
  free(base);
  m4s_sweep_destroy(sweep);
}

static void bad_overrides_should_be_refused(void **state) {
  (void)state;
  static const struct {
    const char *set, *where, *simulators, *message;
  } cases[] = {
      {"degraded_gpus=17", NULL, NULL,
       "--set degraded_gpus: 17 is none of the 15 values of this axis (nearest: 16)"},
      {"degraded_gpu=3", NULL, NULL,
       "--set: unknown setting \"degraded_gpu\" (did you mean degraded_gpus?)"},
      {"degraded_gpus", NULL, NULL, "--set: \"degraded_gpus\" is not name=value"},
      {"degraded_gpus=x", NULL, NULL, "--set degraded_gpus: \"x\" is not a whole number"},
      {"flowsim.mode=publishd", NULL, NULL,
       "--set flowsim.mode: \"publishd\" is none of exact, published (did you mean published?)"},
      {NULL, "degraded_gpus <", NULL,
       "--where: column 16: a number, 'text', name or parenthesis is needed, not the end"},
      {NULL, NULL, "flowsim,flowsim", "--simulators: \"flowsim\" stands twice"},
      {NULL, NULL, "ns4", "--simulators: unknown simulator \"ns4\""},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    m4s_sweep_t *sweep;
    char *text;
    assert_int_equal(m4s_sweep_parse(override_spec, "t.json", &sweep), M4S_OK);
    assert_int_equal(override(sweep, cases[i].set, cases[i].where, cases[i].simulators, &text),
                     M4S_ERR_INPUT);
    assert_null(text);
    if (strncmp(m4s_last_error(), cases[i].message, strlen(cases[i].message)) != 0) {
      fail_msg("gave %s\n instead of %s", m4s_last_error(), cases[i].message);
    }
    m4s_sweep_destroy(sweep);
  }
}

// --model sets m4.model, or keeps the axis at it, and adds m4 where it is not yet.
static void model_should_be_set_and_bring_m4(void **state) {
  (void)state;
  static const struct {
    const char *members, *simulators, *expected, *selection;
  } cases[] = {
      {"\"simulators\": [\"flowsim\"]", NULL, "flowsim m4", "{}"},
      {"\"simulators\": [\"m4\", \"flowsim\"]", NULL, "m4 flowsim", "{}"},
      {"\"simulators\": [\"m4\", \"flowsim\"]", "flowsim", "flowsim", "{}"},
      {"\"simulators\": [\"m4\"], \"axes\": [{\"model\": [\"a\", \"b\"]}]", NULL, "m4",
       "{\"set\":{\"model\":\"b\"}}"},
  };
  fixture_write("b", "weights");
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    char spec[256];
    char names[64] = "";
    m4s_sweep_t *sweep = NULL;
    m4s_selection_t *selection = NULL;
    char *path = realpath(fixture_path("b"), NULL);
    const m4s_overrides_t overrides = {.simulators = cases[i].simulators, .model = path};
    snprintf(spec, sizeof spec, "{\"name\": \"t\", %s}", cases[i].members);
    assert_int_equal(m4s_sweep_parse(spec, fixture_path("t.json"), &sweep), M4S_OK);
    assert_int_equal(m4s_sweep_override(sweep, &overrides, &selection), M4S_OK);
    for (size_t j = 0; j < sweep->simulators.n_items; j++) {
      snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", j == 0 ? "" : " ",
               sweep->simulators.items[j]);
    }
    char *text = m4s_json_canonical(selection);
    assert_string_equal(names, cases[i].expected);
    assert_string_equal(text, cases[i].selection);
    const char *set =
        json_string_value(json_object_get(json_object_get(sweep->base, "m4"), "model"));
    assert_true(strcmp(cases[i].selection, "{}") != 0 || strcmp(set, path) == 0);
    free(text);
    free(path);
    json_decref(selection);
    m4s_sweep_destroy(sweep);
  }
}

static void sweep_should_survive_being_written_and_read(void **state) {
  (void)state;
  fixture_write("w.txt", "workload");
  m4s_sweep_t *sweep = fixture_sweep(SPEC(
      ", \"reference\": {\"table\": \"r.csv\", \"simulator\": \"ns3\"}, \"base\": {\"traffic\": "
      "{\"workload\": \"w.txt\"}}, \"axes\": [{\"reduction\": {\"range\": [4, 9]}}], "
      "\"where\": \"reduction != 5\""));
  json_t *spec = m4s_sweep_to_json(sweep);
  m4s_sweep_t *copy;
  assert_int_equal(m4s_sweep_from_json(spec, "manifest.json", sweep->folder, &copy), M4S_OK);
  // The hashes are believed: the file need not be there any more.
  unlink(fixture_path("w.txt"));
  assert_int_equal(m4s_sweep_load(copy, sweep->files), M4S_OK);
  char *points = fixture_points(copy, NULL);
  assert_string_equal(points, "reduction=4 reduction=6 reduction=7 reduction=8 reduction=9");
  char ids[2][M4S_CASE_ID_BYTES];
  assert_int_equal(m4s_sweep_case_id(sweep, 3, ids[0]), M4S_OK);
  assert_int_equal(m4s_sweep_case_id(copy, 3, ids[1]), M4S_OK);
  assert_string_equal(ids[0], ids[1]);
  free(points);
  json_decref(spec);
  m4s_sweep_destroy(copy);
  m4s_sweep_destroy(sweep);
}

static void shipped_sweep_should_have_105_points(void **state) {
  (void)state;
  m4s_sweep_t *sweep;
  const char *path = M4SWEEP_SOURCE_DIR "/sweeps/gray-failure.json";
  assert_int_equal(m4s_sweep_read(path, &sweep), M4S_OK);
  assert_int_equal(m4s_sweep_load(sweep, NULL), M4S_OK);
  uint64_t *indices;
  size_t n;
  assert_int_equal(m4s_sweep_select(sweep, NULL, false, &indices, &n), M4S_OK);
  assert_int_equal(n, 105);
  free(indices);
  m4s_sweep_destroy(sweep);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(axes_should_cross_the_first_slowest),
      cmocka_unit_test(axes_should_zip_within_an_entry),
      cmocka_unit_test(ranges_should_include_the_last_value),
      cmocka_unit_test(spaces_should_end_on_both_values),
      cmocka_unit_test(spaces_of_whole_numbers_should_be_rounded_without_repetitions),
      cmocka_unit_test(made_values_should_be_short_decimals),
      cmocka_unit_test(where_should_filter_points),
      cmocka_unit_test(selection_should_restrict_axes_and_filter),
      cmocka_unit_test(spec_without_axes_should_be_one_point),
      cmocka_unit_test(bad_specs_should_be_refused_with_place_and_value),
      cmocka_unit_test(missing_files_should_be_refused_before_points),
      cmocka_unit_test(points_may_have_no_file),
      cmocka_unit_test(files_of_equal_content_should_be_refused),
      cmocka_unit_test(many_points_should_be_refused_with_the_count),
      cmocka_unit_test(filters_that_leave_nothing_should_be_refused),
      cmocka_unit_test(case_id_should_hash_the_resolved_settings),
      cmocka_unit_test(case_id_should_not_depend_on_paths_or_outputs),
      cmocka_unit_test(definition_should_be_the_network_that_is_built_in),
      cmocka_unit_test(set_should_restrict_axes_and_change_the_base),
      cmocka_unit_test(bad_overrides_should_be_refused),
      cmocka_unit_test(model_should_be_set_and_bring_m4),
      cmocka_unit_test(sweep_should_survive_being_written_and_read),
      cmocka_unit_test(shipped_sweep_should_have_105_points),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
