// Points: settings by name, defaults, reading back; units of work.
#include "fixture.h"

#include <stdatomic.h>

#include "core/json.h"
#include "sweep/store.h"
#include "sweep/unit.h"

static void settings_should_be_found_by_short_and_long_names(void **state) {
  (void)state;
  m4s_setting_t a;
  m4s_setting_t b;
  assert_int_equal(m4s_setting_find("reduction", "t", &a), M4S_OK);
  assert_int_equal(m4s_setting_find("topology.reduction", "t", &b), M4S_OK);
  assert_true(m4s_setting_equal(a, b));
  assert_int_equal(m4s_setting_find("seed", "t", &a), M4S_OK);
  assert_string_equal(a.section->name, "run");
}

static void short_names_should_be_unique_or_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    for (size_t j = 0; j < section->n_fields; j++) {
      char name[128];
      m4s_setting_t setting;
      snprintf(name, sizeof name, "%s.%s", section->name, section->fields[j].name);
      assert_int_equal(m4s_setting_find(name, "t", &setting), M4S_OK);
      assert_ptr_equal(setting.field, &section->fields[j]);
      if (m4s_setting_find(section->fields[j].name, "t", &setting) != M4S_OK) {
        assert_non_null(strstr(m4s_last_error(), "write one of them"));
      }
    }
  }
}

static void point_should_survive_being_resolved(void **state) {
  (void)state;
  json_t *settings = json_loads(
      "{\"topology\": {\"kind\": \"file\", \"file\": \"t.txt\", \"reduction\": 7}, \"traffic\": "
      "{\"workload\": \"/abs/w.txt\"}, \"run\": {\"seed\": 5, \"time_limit_s\": 0.1}}",
      0, NULL);
  m4s_point_t point;
  assert_int_equal(m4s_point_set(&point, settings, "/folder", "t"), M4S_OK);
  assert_string_equal(point.topology.file, "/folder/t.txt");
  assert_string_equal(point.traffic.workload, "/abs/w.txt");
  assert_int_equal(point.topology.cluster.reduction, 7);
  assert_int_equal(point.run.seed, 5);
  json_t *resolved = m4s_point_resolved(&point);
  m4s_point_t copy;
  assert_int_equal(m4s_point_set(&copy, resolved, "/elsewhere", "t"), M4S_OK);
  json_t *again = m4s_point_resolved(&copy);
  assert_true(json_equal(resolved, again));
  assert_int_equal(json_object_size(resolved), 9);
  json_decref(settings);
  json_decref(resolved);
  json_decref(again);
  m4s_point_clear(&point);
  m4s_point_clear(&copy);
}

static m4s_sweep_t *make_sweep(void) {
  return fixture_sweep(SPEC(", \"base\": {\"traffic\": {\"workload\": \"" M4SWEEP_SOURCE_DIR
                            "/sweeps/workloads/gray-failure.txt\"}}, \"axes\": "
                            "[{\"degraded_gpus\": [2]}]"));
}

static json_t *run_unit(const m4s_sweep_t *sweep, double time_limit_s, bool stop) {
  json_t *order;
  json_t *reply = NULL;
  atomic_bool stopped = stop;
  assert_int_equal(m4s_folder_make(fixture_path("out/points")), M4S_OK);
  assert_int_equal(
      m4s_unit_order(sweep, 0, "flowsim", fixture_path("out"), 17, time_limit_s, &order), M4S_OK);
  assert_int_equal(m4s_unit_run(order, &stopped, &reply), M4S_OK);
  assert_int_equal(json_integer_value(json_object_get(reply, "unit")), 17);
  json_decref(order);
  return reply;
}

static void assert_reply(const json_t *reply, const char *status) {
  assert_string_equal(json_string_value(json_object_get(reply, "status")), status);
}

static void unit_should_leave_whole_files_or_none(void **state) {
  (void)state;
  m4s_sweep_t *sweep = make_sweep();
  char id[M4S_CASE_ID_BYTES];
  assert_int_equal(m4s_sweep_case_id(sweep, 0, id), M4S_OK);
  char *folder = m4s_unit_folder(fixture_path("out"), id, "flowsim");
  json_t *reply = run_unit(sweep, 0, true);
  assert_reply(reply, "stopped");
  assert_false(m4s_path_exists(folder));
  json_decref(reply);
  reply = run_unit(sweep, 1e-9, false);
  assert_reply(reply, "failed");
  assert_non_null(json_object_get(reply, "reason"));
  assert_false(m4s_path_exists(folder));
  json_decref(reply);
  reply = run_unit(sweep, -1, false);
  assert_reply(reply, "ok");
  assert_true(m4s_path_exists(folder));
  char *path = m4s_path_join(folder, "point.json");
  json_t *point;
  assert_int_equal(m4s_json_read(path, &point), M4S_OK);
  assert_true(json_equal(json_object_get(point, "metrics"), json_object_get(reply, "metrics")));
  assert_string_equal(json_string_value(json_object_get(point, "case")), id);
  assert_int_equal(json_object_size(json_object_get(point, "files")), 1);
  json_decref(point);
  json_decref(reply);
  free(path);
  free(folder);
  m4s_sweep_destroy(sweep);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(settings_should_be_found_by_short_and_long_names),
      cmocka_unit_test(short_names_should_be_unique_or_refused),
      cmocka_unit_test(point_should_survive_being_resolved),
      cmocka_unit_test(unit_should_leave_whole_files_or_none),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
