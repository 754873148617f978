// Results folders: resuming, torn journals, refusals, reading back. No simulation.
#include "fixture.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "core/json.h"
#include "sweep/store.h"

static const char *const spec_text = AXES("{\"degraded_gpus\": [2, 3]}, {\"reduction\": [4, 5]}");

static const char *folder(void) { return fixture_path("out"); }

static json_t *no_selection(void) { return json_object(); }

// Opens the folder and writes a manifest for `selection` (JSON text).
static m4s_store_t *open_store(const char *text, const char *selection_text, bool fresh) {
  m4s_sweep_t *sweep = fixture_sweep(text);
  json_t *selection = selection_text == NULL ? no_selection() : json_loads(selection_text, 0, NULL);
  json_t *about = json_pack("{s:s}", "version", "test");
  m4s_store_t *store = NULL;
  bool changed;
  m4s_status_t status = m4s_store_open(folder(), "t", fresh, &store);
  if (status == M4S_OK) {
    status = m4s_store_write_manifest(store, sweep, selection, about, &changed);
  }
  if (status != M4S_OK) {
    print_message("%s\n", m4s_last_error());
  }
  assert_int_equal(status, M4S_OK);
  json_decref(about);
  json_decref(selection);
  m4s_sweep_destroy(sweep);
  return store;
}

static void case_id_of(uint64_t index, char id_out[M4S_CASE_ID_BYTES]) {
  m4s_sweep_t *sweep = fixture_sweep(spec_text);
  assert_int_equal(m4s_sweep_case_id(sweep, index, id_out), M4S_OK);
  m4s_sweep_destroy(sweep);
}

// Finishes a unit as a run does.
static void finish_unit(m4s_store_t *store, uint64_t index, bool ok, double total_us) {
  char id[M4S_CASE_ID_BYTES];
  case_id_of(index, id);
  if (ok) {
    char *temporary;
    assert_int_equal(m4s_unit_begin(m4s_store_folder(store), id, "flowsim", &temporary), M4S_OK);
    assert_int_equal(m4s_unit_publish(m4s_store_folder(store), id, "flowsim", temporary), M4S_OK);
    assert_false(m4s_path_exists(temporary));
    free(temporary);
  }
  json_t *line = ok ? json_pack("{s:s, s:s, s:s, s:f, s:{s:f}}", "case", id, "simulator", "flowsim",
                                "status", "ok", "wall_s", 0.5, "metrics", "total_us", total_us)
                    : json_pack("{s:s, s:s, s:s, s:f, s:s}", "case", id, "simulator", "flowsim",
                                "status", "failed", "wall_s", 0.5, "reason", "because");
  assert_int_equal(m4s_store_record(store, line), M4S_OK);
  json_decref(line);
}

// Statuses of all units of all points, "o", "f" or "m".
static void assert_statuses(const m4s_store_t *store, const char *expected) {
  char statuses[5] = "";
  for (uint64_t i = 0; i < 4; i++) {
    char id[M4S_CASE_ID_BYTES];
    case_id_of(i, id);
    statuses[i] = "ofm"[m4s_store_unit_status(store, id, "flowsim", NULL)];
  }
  assert_string_equal(statuses, expected);
}

static void assert_rows(const char *expected) {
  m4s_results_t results;
  m4s_status_t status = m4s_results_read(folder(), &results);
  if (status != M4S_OK) {
    print_message("%s\n", m4s_last_error());
  }
  assert_int_equal(status, M4S_OK);
  m4s_text_t text = {0};
  for (size_t i = 0; i < results.n_rows; i++) {
    const m4s_result_row_t *row = &results.rows[i];
    char *axes = m4s_json_canonical(row->axes);
    m4s_text_add(&text, "%s%s %s", i == 0 ? "" : "; ", axes, m4s_row_status_names[row->status]);
    if (row->metrics != NULL) {
      m4s_text_add(&text, " %g", json_number_value(json_object_get(row->metrics, "total_us")));
    }
    if (row->reason != NULL) {
      m4s_text_add(&text, " %s", row->reason);
    }
    free(axes);
  }
  assert_string_equal(text.bytes, expected);
  m4s_text_clear(&text);
  m4s_results_clear(&results);
}

static int remove_out(void **state) {
  (void)state;
  return m4s_path_remove(folder()) != M4S_OK;
}

static void store_should_know_what_is_done(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  finish_unit(store, 0, true, 1.5);
  finish_unit(store, 1, false, 0);
  finish_unit(store, 3, false, 0);
  finish_unit(store, 3, true, 4);
  m4s_store_close(store);
  store = open_store(spec_text, NULL, false);
  assert_statuses(store, "ofmo");
  m4s_store_close(store);
  assert_rows(
      "{\"degraded_gpus\":2,\"reduction\":4} ok 1.5; {\"degraded_gpus\":2,\"reduction\":5} failed "
      "because; {\"degraded_gpus\":3,\"reduction\":4} missing; "
      "{\"degraded_gpus\":3,\"reduction\":5} ok 4");
}

static void append(const char *name, const char *text) {
  int fd = open(fixture_path(name), O_WRONLY | O_APPEND);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

static void torn_last_line_should_be_dropped(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  finish_unit(store, 0, true, 1);
  m4s_store_close(store);
  append("out/journal.jsonl", "{\"case\":\"0123456789abcdef\",\"simu");
  assert_rows(
      "{\"degraded_gpus\":2,\"reduction\":4} ok 1; {\"degraded_gpus\":2,\"reduction\":5} missing; "
      "{\"degraded_gpus\":3,\"reduction\":4} missing; {\"degraded_gpus\":3,\"reduction\":5} "
      "missing");
  store = open_store(spec_text, NULL, false);
  assert_statuses(store, "ommm");
  finish_unit(store, 1, true, 2);
  m4s_store_close(store);
  store = open_store(spec_text, NULL, false);
  assert_statuses(store, "oomm");
  m4s_store_close(store);
}

// A zero byte, no JSON, no metrics: the lines after them count.
static void damaged_lines_should_be_skipped(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  finish_unit(store, 0, true, 1);
  finish_unit(store, 1, true, 2);
  finish_unit(store, 2, false, 0);
  m4s_store_close(store);
  append("out/journal.jsonl",
         "\x01rubbish\n{\"case\":\"x\"}\n{\"case\":\"0123456789abcdef\",\"simulator\":\"flowsim\","
         "\"status\":\"ok\"}\n");
  int fd = open(fixture_path("out/journal.jsonl"), O_WRONLY);
  assert_int_equal(pwrite(fd, "", 1, 20), 1);  // in the first line
  close(fd);
  store = open_store(spec_text, NULL, false);
  assert_statuses(store, "mofm");
  finish_unit(store, 3, true, 4);
  m4s_store_close(store);
  assert_rows(
      "{\"degraded_gpus\":2,\"reduction\":4} missing; {\"degraded_gpus\":2,\"reduction\":5} ok 2; "
      "{\"degraded_gpus\":3,\"reduction\":4} failed because; {\"degraded_gpus\":3,\"reduction\":5} "
      "ok 4");
}

static void unit_without_folder_should_not_count(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  finish_unit(store, 0, true, 1);
  char id[M4S_CASE_ID_BYTES];
  case_id_of(0, id);
  char *unit = m4s_unit_folder(m4s_store_folder(store), id, "flowsim");
  m4s_store_close(store);
  assert_int_equal(m4s_path_remove(unit), M4S_OK);
  free(unit);
  store = open_store(spec_text, NULL, false);
  assert_statuses(store, "mmmm");
  m4s_store_close(store);
}

static void leftovers_of_a_kill_should_be_cleaned_up(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  char *temporary;
  assert_int_equal(
      m4s_unit_begin(m4s_store_folder(store), "0123456789abcdef", "flowsim", &temporary), M4S_OK);
  m4s_store_close(store);
  fixture_write("out/summary.csv.tmp123", "torn");
  fixture_write("out/mine.tmp123", "not ours");
  m4s_store_close(open_store(spec_text, NULL, false));
  assert_false(m4s_path_exists(temporary));
  assert_false(m4s_path_exists(fixture_path("out/summary.csv.tmp123")));
  assert_true(m4s_path_exists(fixture_path("out/mine.tmp123")));
  free(temporary);
}

static void earlier_folder_of_a_unit_should_be_replaced(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  const char *id = "0123456789abcdef";
  for (int i = 0; i < 2; i++) {
    char *temporary;
    assert_int_equal(m4s_unit_begin(m4s_store_folder(store), id, "flowsim", &temporary), M4S_OK);
    char *path = m4s_path_join(temporary, i == 0 ? "old" : "new");
    assert_int_equal(m4s_file_write(path, "x", 1), M4S_OK);
    free(path);
    assert_int_equal(m4s_unit_publish(m4s_store_folder(store), id, "flowsim", temporary), M4S_OK);
    free(temporary);
  }
  assert_true(m4s_path_exists(fixture_path("out/points/0123456789abcdef/flowsim/new")));
  assert_false(m4s_path_exists(fixture_path("out/points/0123456789abcdef/flowsim/old")));
  m4s_store_close(store);
}

static void assert_open_fails(const char *path, m4s_status_t expected, const char *message) {
  m4s_store_t *store = NULL;
  assert_int_equal(m4s_store_open(path, "t", false, &store), expected);
  assert_null(store);
  assert_non_null(strstr(m4s_last_error(), message));
}

static void foreign_folders_should_be_refused_and_left_alone(void **state) {
  (void)state;
  assert_int_equal(m4s_folder_make(folder()), M4S_OK);
  fixture_write("out/thesis.tex", "precious");
  m4s_store_t *store = NULL;
  for (int fresh = 0; fresh < 2; fresh++) {
    assert_int_equal(m4s_store_open(folder(), "t", fresh, &store), M4S_ERR_INPUT);
    assert_non_null(strstr(m4s_last_error(), "holds other files (thesis.tex)"));
  }
  assert_true(m4s_path_exists(fixture_path("out/thesis.tex")));
  assert_false(m4s_path_exists(fixture_path("out/.lock")));
  fixture_write("file", "x");
  assert_open_fails(fixture_path("file"), M4S_ERR_IO, "Not a directory");
  assert_open_fails("/proc/none/such", M4S_ERR_IO, "cannot be made");
}

// Any program may call a file manifest.json.
static void foreign_manifests_should_be_refused_and_left_alone(void **state) {
  (void)state;
  static const char *const manifests[] = {"{}", "{\"name\": \"t\", \"version\": 3}",
                                          "{\"name\": \"t\", \"format\": 1}", "[]", "MZ"};
  assert_int_equal(m4s_folder_make(fixture_path("out/points")), M4S_OK);
  fixture_write("out/points/mine", "precious");
  for (size_t i = 0; i < M4S_COUNT(manifests); i++) {
    fixture_write("out/manifest.json", manifests[i]);
    for (int fresh = 0; fresh < 2; fresh++) {
      m4s_store_t *store = NULL;
      assert_int_equal(m4s_store_open(folder(), "t", fresh, &store), M4S_ERR_INPUT);
      assert_non_null(strstr(m4s_last_error(), "manifest.json"));
    }
  }
  assert_true(m4s_path_exists(fixture_path("out/points/mine")));
  assert_false(m4s_path_exists(fixture_path("out/.lock")));
}

static json_t *read_manifest(void) {
  json_t *manifest = NULL;
  assert_int_equal(m4s_json_read(fixture_path("out/manifest.json"), &manifest), M4S_OK);
  return manifest;
}

static void write_about(const char *about_text) {
  m4s_sweep_t *sweep = fixture_sweep(spec_text);
  json_t *about = json_loads(about_text, 0, NULL);
  json_t *selection = no_selection();
  m4s_store_t *store = NULL;
  bool changed;
  assert_int_equal(m4s_store_open(folder(), "t", false, &store), M4S_OK);
  assert_int_equal(m4s_store_write_manifest(store, sweep, selection, about, &changed), M4S_OK);
  m4s_store_close(store);
  json_decref(selection);
  json_decref(about);
  m4s_sweep_destroy(sweep);
}

static void versions_and_metrics_should_add_up(void **state) {
  (void)state;
  write_about("{\"version\": \"1\", \"git_id\": \"a\", \"metrics\": [\"total_us\", \"flows\"]}");
  write_about("{\"version\": \"1\", \"git_id\": \"b\", \"metrics\": [\"flows\"]}");
  write_about("{\"version\": \"1\", \"git_id\": \"a\", \"metrics\": [\"flows\"]}");
  json_t *manifest = read_manifest();
  char *versions = m4s_json_canonical(json_object_get(manifest, "versions"));
  assert_string_equal(versions, "[\"1 (a)\",\"1 (b)\"]");
  assert_int_equal(json_array_size(json_object_get(manifest, "metrics")), 2);
  free(versions);
  json_decref(manifest);
}

// Two runs that find no folder: the second comes to the lock with what it saw before the first had
// it. Here the first is a process that lets go once the second waits.
static void manifest_should_be_read_under_the_lock(void **state) {
  (void)state;
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  pid_t second = fork();
  if (second == 0) {
    char byte;
    if (read(ready[0], &byte, 1) != 1) {
      _exit(1);
    }
    m4s_store_t *other = NULL;
    bool refused = m4s_store_open(folder(), "other", false, &other) == M4S_ERR_INPUT &&
                   strstr(m4s_last_error(), "holds results of the sweep \"t\"") != NULL;
    _exit(refused ? 0 : 1);
  }
  m4s_store_t *store = NULL;
  assert_int_equal(m4s_store_open(folder(), "t", false, &store), M4S_OK);
  assert_int_equal(write(ready[1], "x", 1), 1);
  usleep(200000);  // the second has looked into the folder and waits for the lock
  fixture_write("out/manifest.json", "{\"format\": 1, \"name\": \"t\", \"sweep\": {}}");
  m4s_store_close(store);
  int exit_status = 0;
  close(ready[0]);
  close(ready[1]);
  assert_int_equal(waitpid(second, &exit_status, 0), second);
  assert_int_equal(exit_status, 0);
}

static void held_folder_should_not_be_opened(void **state) {
  (void)state;
  assert_int_equal(m4s_store_hold(folder()), -1);
  m4s_store_close(open_store(spec_text, NULL, false));
  int hold = m4s_store_hold(folder());
  assert_true(hold >= 0);
  m4s_store_t *store = NULL;
  assert_int_equal(m4s_store_open(folder(), "t", false, &store), M4S_ERR_INPUT);
  m4s_store_release(hold);
  m4s_store_close(open_store(spec_text, NULL, false));
}

static void folder_of_another_sweep_should_be_refused(void **state) {
  (void)state;
  m4s_store_close(open_store(spec_text, NULL, false));
  m4s_store_t *store = NULL;
  assert_int_equal(m4s_store_open(folder(), "other", false, &store), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "holds results of the sweep \"t\", not \"other\""));
}

static void fresh_should_remove_what_runs_made_only(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  finish_unit(store, 0, true, 1);
  m4s_store_close(store);
  fixture_write("out/summary.csv", "ours");
  fixture_write("out/notes.txt", "the user's");
  store = open_store(spec_text, NULL, true);
  assert_statuses(store, "mmmm");
  m4s_store_close(store);
  assert_false(m4s_path_exists(fixture_path("out/summary.csv")));
  assert_true(m4s_path_exists(fixture_path("out/notes.txt")));
}

static void second_run_in_a_folder_should_be_refused(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  char holder[128];
  assert_true(m4s_store_busy(folder(), holder, sizeof holder));
  m4s_store_t *second = NULL;
  m4s_status_t status = m4s_store_open(folder(), "t", false, &second);
  assert_int_equal(status, M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "another run is at work in this folder (process "));
  m4s_store_close(store);
  assert_false(m4s_store_busy(folder(), holder, sizeof holder));
}

static void selections_should_add_up(void **state) {
  (void)state;
  m4s_store_close(
      open_store(spec_text, "{\"set\": {\"degraded_gpus\": 3, \"reduction\": 4}}", false));
  assert_rows("{\"degraded_gpus\":3,\"reduction\":4} missing");
  m4s_store_close(open_store(spec_text, "{\"where\": [\"reduction == 4\"]}", false));
  assert_rows(
      "{\"degraded_gpus\":2,\"reduction\":4} missing; {\"degraded_gpus\":3,\"reduction\":4} "
      "missing");
  m4s_store_t *store = open_store(spec_text, NULL, false);
  finish_unit(store, 1, true, 7);
  m4s_store_close(store);
  // A part of what has been selected changes nothing.
  m4s_store_close(open_store(spec_text, "{\"set\": {\"reduction\": 5}}", false));
  assert_rows(
      "{\"degraded_gpus\":2,\"reduction\":4} missing; {\"degraded_gpus\":2,\"reduction\":5} ok 7; "
      "{\"degraded_gpus\":3,\"reduction\":4} missing; {\"degraded_gpus\":3,\"reduction\":5} "
      "missing");
}

static void grown_sweep_should_keep_finished_points(void **state) {
  (void)state;
  m4s_store_t *store = open_store(spec_text, NULL, false);
  finish_unit(store, 3, true, 9);
  m4s_store_close(store);
  m4s_store_close(
      open_store(AXES("{\"degraded_gpus\": [3]}, {\"reduction\": [5, 6]}"), NULL, false));
  assert_rows(
      "{\"degraded_gpus\":3,\"reduction\":5} ok 9; {\"degraded_gpus\":3,\"reduction\":6} missing");
}

// --- networks that are built in ---

static const char *const m4_spec =
    "{\"name\": \"t\", \"simulators\": [\"flowsim\", \"m4\"], \"axes\": [{\"reduction\": [4]}]}";

// Opens the folder as a program with this network does, to run `simulator` alone; `sweep_out` may
// be NULL.
static m4s_store_t *open_with(const char *network, const char *simulator, m4s_sweep_t **sweep_out) {
  m4s_sweep_t *sweep = fixture_sweep(m4_spec);
  json_t *about = json_object();
  json_t *selection = no_selection();
  m4s_store_t *store = NULL;
  bool changed;
  m4s_text_list_clear(&sweep->simulators);
  assert_int_equal(m4s_sweep_add_simulator(sweep, simulator, "test"), M4S_OK);
  snprintf(sweep->network, sizeof sweep->network, "%s", network);
  assert_int_equal(m4s_store_open(folder(), "t", false, &store), M4S_OK);
  assert_int_equal(m4s_store_write_manifest(store, sweep, selection, about, &changed), M4S_OK);
  json_decref(selection);
  json_decref(about);
  if (sweep_out == NULL) {
    m4s_sweep_destroy(sweep);
  } else {
    *sweep_out = sweep;
  }
  return store;
}

// Finishes the one point with a simulator, as a run of a program with this network does.
static void run_with(const char *network, const char *simulator) {
  m4s_sweep_t *sweep = NULL;
  m4s_store_t *store = open_with(network, simulator, &sweep);
  char id[M4S_CASE_ID_BYTES];
  char *temporary;
  assert_int_equal(m4s_sweep_case_id(sweep, 0, id), M4S_OK);
  const char *definition = m4s_sweep_definition(sweep, 0, simulator);
  json_t *line = json_pack("{s:s, s:s, s:s*, s:s, s:f, s:{s:f}}", "case", id, "simulator",
                           simulator, "definition", definition, "status", "ok", "wall_s", 0.5,
                           "metrics", "total_us", 1.0);
  assert_int_equal(m4s_unit_begin(m4s_store_folder(store), id, simulator, &temporary), M4S_OK);
  char *path = m4s_path_join(temporary, "point.json");
  assert_int_equal(m4s_json_write(path, line), M4S_OK);
  assert_int_equal(m4s_unit_publish(m4s_store_folder(store), id, simulator, temporary), M4S_OK);
  assert_int_equal(m4s_store_record(store, line), M4S_OK);
  free(path);
  free(temporary);
  json_decref(line);
  m4s_sweep_destroy(sweep);
  m4s_store_close(store);
}

// The status that a program with this network sees.
static void assert_status_with(const char *network, const char *simulator,
                               m4s_row_status_t expected) {
  m4s_sweep_t *sweep = NULL;
  m4s_store_t *store = open_with(network, simulator, &sweep);
  char id[M4S_CASE_ID_BYTES];
  assert_int_equal(m4s_sweep_case_id(sweep, 0, id), M4S_OK);
  const char *definition = m4s_sweep_definition(sweep, 0, simulator);
  assert_int_equal(m4s_store_unit_status(store, id, simulator, definition), expected);
  m4s_sweep_destroy(sweep);
  m4s_store_close(store);
}

static const char network_a[] = "aaaaaaaaaaaaaaaa", network_b[] = "bbbbbbbbbbbbbbbb";

static void results_of_another_network_should_be_missing_and_no_others(void **state) {
  (void)state;
  run_with(network_a, "flowsim");
  run_with(network_a, "m4");
  assert_status_with(network_a, "m4", M4S_ROW_OK);
  assert_status_with(network_b, "flowsim", M4S_ROW_OK);
  assert_status_with(network_b, "m4", M4S_ROW_MISSING);
  run_with(network_b, "m4");
  assert_status_with(network_b, "m4", M4S_ROW_OK);
  assert_status_with(network_a, "m4", M4S_ROW_MISSING);  // replaced
}

// Whatever is built into the program that reads them, and that runs other simulators.
static void results_should_be_read_with_the_network_that_made_them(void **state) {
  (void)state;
  run_with(network_a, "m4");
  assert_rows("{\"reduction\":4} ok 1");
  run_with(network_b, "flowsim");
  assert_rows("{\"reduction\":4} ok 1; {\"reduction\":4} ok 1");
  m4s_store_close(open_with(network_b, "m4", NULL));
  assert_rows("{\"reduction\":4} ok 1; {\"reduction\":4} missing");
}

static void folder_without_results_should_be_refused(void **state) {
  (void)state;
  m4s_results_t results;
  assert_int_equal(m4s_results_read(fixture_path("none"), &results), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "holds no results (there is no manifest.json)"));
  assert_int_equal(m4s_folder_make(folder()), M4S_OK);
  fixture_write("out/manifest.json", "{\"name\": \"t\"}");
  assert_int_equal(m4s_results_read(folder(), &results), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "manifest.json: is not a manifest"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, remove_out)
  const struct CMUnitTest tests[] = {
      TEST(store_should_know_what_is_done),
      TEST(torn_last_line_should_be_dropped),
      TEST(damaged_lines_should_be_skipped),
      TEST(unit_without_folder_should_not_count),
      TEST(leftovers_of_a_kill_should_be_cleaned_up),
      TEST(earlier_folder_of_a_unit_should_be_replaced),
      TEST(foreign_folders_should_be_refused_and_left_alone),
      TEST(foreign_manifests_should_be_refused_and_left_alone),
      TEST(versions_and_metrics_should_add_up),
      TEST(manifest_should_be_read_under_the_lock),
      TEST(held_folder_should_not_be_opened),
      TEST(folder_of_another_sweep_should_be_refused),
      TEST(fresh_should_remove_what_runs_made_only),
      TEST(second_run_in_a_folder_should_be_refused),
      TEST(selections_should_add_up),
      TEST(grown_sweep_should_keep_finished_points),
      TEST(results_of_another_network_should_be_missing_and_no_others),
      TEST(results_should_be_read_with_the_network_that_made_them),
      TEST(folder_without_results_should_be_refused),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
