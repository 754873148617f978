// Points and units with m4: alone and side by side.
#include "support.h"

#include "core/json.h"
#include "m4/built_in.h"
#include "m4/tiny_model.h"
#include "sweep/outside.h"
#include "sweep/store.h"
#include "sweep/unit.h"

static const tiny_sizes_t sizes = {
    .hidden = 16, .gnn_hidden = 24, .n_gnn_layers = 2, .n_params = 13};

static const char workload[] =
    "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 all_gpus: 8\n2\n"
    "layer -1 10 ALLREDUCE 655360000 1 NONE 0 1 NONE 0 1\n"
    "layer -1 10 ALLREDUCE 65536 1 NONE 0 1 NONE 0 1\n";

// A model that gives numbers as long as bfsz is small, as its column of weights overflows.
static void write_fragile_model(const char *name) {
  tiny_parts_t *parts = tiny_parts(sizes, 3);
  float *weights = tiny_values(parts, "output_layer.0.weight");
  for (int32_t i = 0; i < sizes.hidden; i++) {
    weights[(size_t)i * (size_t)(1 + sizes.n_params + sizes.hidden) + 1] = 1e35F;
  }
  ASSERT_OK(m4s_safetensors_write(support_path(name), &parts->file));
  tiny_clear(parts);
}

static m4s_point_t make_point(const char *m4) {
  char text[512];
  json_t *settings = NULL;
  m4s_point_t point = {0};
  support_write("w.txt", workload);
  snprintf(text, sizeof text,
           "{\"topology\": {\"gpus\": 8}, \"traffic\": {\"workload\": \"w.txt\"}, \"m4\": {%s}}",
           m4);
  ASSERT_OK(m4s_json_parse(text, "settings", &settings));
  ASSERT_OK(m4s_point_set(&point, settings, support_folder, "test"));
  json_decref(settings);
  return point;
}

// --- points ---

static const char *const ways[] = {
    "\"model\": \"a\", \"algorithm\": \"interval\", \"batch_time_ns\": 1000",
    "\"model\": \"a\", \"algorithm\": \"interval\", \"mode\": \"published\"",
    "\"model\": \"a\", \"algorithm\": \"event\"",
    "\"model\": \"b\", \"algorithm\": \"interval\", \"batch_time_ns\": 2000",
    "\"model\": \"a\", \"forward\": \"reference\"",
    "",
};

// All of them on one thread, each to its end.
static void run_side_by_side(const m4s_point_t *points, size_t n, json_t **metrics_out) {
  m4s_engines_t *engines = NULL;
  m4s_point_run_t *runs[8] = {NULL};
  size_t n_left = n;
  ASSERT_OK(m4s_engines_create(&engines));
  for (size_t i = 0; i < n; i++) {
    ASSERT_OK(m4s_point_run_begin(&points[i], "m4", engines, NULL, &runs[i]));
  }
  while (n_left > 0) {
    for (size_t i = 0; i < n; i++) {
      m4s_run_state_t run_state = M4S_RUN_WANTS_INFERENCE;
      if (runs[i] == NULL) {
        continue;
      }
      ASSERT_OK(m4s_point_run_advance(runs[i], &run_state));
      if (run_state == M4S_RUN_FINISHED) {
        assert_true(m4s_point_run_result(runs[i]).n_steps > 0);
        assert_true(m4s_point_run_inference_s(runs[i]) > 0);
        ASSERT_OK(m4s_point_run_finish(runs[i], NULL, &metrics_out[i]));
        m4s_point_run_destroy(runs[i]);
        runs[i] = NULL;
        n_left--;
      }
    }
    m4s_engines_evaluate(engines);
  }
  assert_true(m4s_engines_rows_per_step(engines) > 1);
  m4s_engines_destroy(engines);
}

static void points_should_be_the_same_alone_and_side_by_side(void **state) {
  (void)state;
  enum { N = M4S_COUNT(ways) };
  m4s_point_t points[N];
  json_t *together[N];
  tiny_write(sizes, 1, "a");
  tiny_write(sizes, 2, "b");
  for (size_t i = 0; i < N; i++) {
    points[i] = make_point(ways[i]);
  }
  run_side_by_side(points, N, together);
  for (size_t i = 0; i < N; i++) {
    json_t *alone = NULL;
    ASSERT_OK(m4s_point_run(&points[i], "m4", NULL, NULL, &alone));
    assert_true(json_number_value(json_object_get(alone, "total_us")) > 0);
    assert_true(json_equal(alone, together[i]));
    assert_int_equal(json_equal(together[i], together[0]), i == 0);
    json_decref(alone);
    m4s_point_clear(&points[i]);
  }
  for (size_t i = 0; i < N; i++) {
    json_decref(together[i]);
  }
}

// Predictions are not below 1, and multiples of the ideal FCTs that are in the records.
static void mixes_should_have_slowdowns_of_the_ideal_of_their_paths(void **state) {
  (void)state;
  static const char *const algorithms[] = {"interval", "event"};
  tiny_write(sizes, 1, "a");
  for (size_t i = 0; i < M4S_COUNT(algorithms); i++) {
    char text[512];
    json_t *settings = NULL;
    json_t *metrics = NULL;
    m4s_point_t point = {0};
    m4s_flow_record_t *records = NULL;
    size_t n_records = 0;
    snprintf(text, sizeof text,
             "{\"topology\": {\"kind\": \"clos\", \"size\": \"training\"}, \"traffic\": {\"kind\": "
             "\"mix\", \"n_flows\": 50}, \"m4\": {\"model\": \"a\", \"algorithm\": \"%s\"}}",
             algorithms[i]);
    ASSERT_OK(m4s_json_parse(text, "settings", &settings));
    ASSERT_OK(m4s_point_set(&point, settings, support_folder, "test"));
    ASSERT_OK(m4s_folder_make(support_path(algorithms[i])));
    ASSERT_OK(m4s_point_run(&point, "m4", support_path(algorithms[i]), NULL, &metrics));
    char file[64];
    snprintf(file, sizeof file, "%s/flows.npy", algorithms[i]);
    ASSERT_OK(m4s_flow_records_read(support_path(file), &records, &n_records));
    assert_int_equal(n_records, 50);
    for (size_t j = 0; j < n_records; j++) {
      assert_true(records[j].fct_ns >= records[j].ideal_fct_ns - 1);  // truncated to a ns
    }
    free(records);
    json_decref(metrics);
    json_decref(settings);
    m4s_point_clear(&point);
  }
}

// Refused by the check, and by a run that was not checked.
static void assert_refused(const char *m4, const char *message) {
  m4s_point_t point = make_point(m4);
  m4s_engines_t *engines = NULL;
  json_t *metrics = NULL;
  ASSERT_OK(m4s_engines_create(&engines));
  ASSERT_OK(m4s_point_check_simulator(&point, "flowsim", engines));
  assert_int_equal(m4s_point_check_simulator(&point, "m4", engines), M4S_ERR_INPUT);
  if (strstr(m4s_last_error(), message) == NULL) {
    fail_msg("gave %s\n instead of %s", m4s_last_error(), message);
  }
  assert_int_equal(m4s_point_run(&point, "m4", NULL, NULL, &metrics), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), message));
  assert_null(metrics);
  m4s_engines_destroy(engines);
  m4s_point_clear(&point);
}

static void unusable_models_should_be_refused(void **state) {
  (void)state;
  tiny_sizes_t other = sizes;
  other.n_params = 12;
  tiny_write(sizes, 1, "a");
  tiny_write(other, 1, "few");
  support_write("text", "no model");
  assert_refused("\"algorithm\": \"interval\", \"mode\": \"published\"",
                 "the network that is built in");
  assert_refused("\"model\": \"none\"", "m4.model: ");
  assert_refused("\"model\": \"text\"", "/text: ");
  assert_refused("\"model\": \"few\"", "/few takes 12 network parameters, m4 has 13");
  assert_refused("\"model\": \"a\", \"algorithm\": \"event\", \"mode\": \"published\"",
                 "m4.mode: \"published\"");
}

static void predictions_that_are_no_numbers_should_fail_the_point(void **state) {
  (void)state;
  write_fragile_model("fragile");
  m4s_point_t point = make_point("\"model\": \"fragile\", \"bfsz\": 1e5");
  json_t *metrics = NULL;
  assert_int_equal(m4s_point_run(&point, "m4", NULL, NULL, &metrics), M4S_ERR_SIMULATION);
  assert_non_null(strstr(m4s_last_error(), "predicted slowdown"));
  assert_null(metrics);
  m4s_point_clear(&point);
}

// --- units ---

enum { N_UNITS = 4 };

// Two good ones, one whose predictions overflow, one that has no time.
static json_t *make_order(int i, const char *folder) {
  static const char *const more[N_UNITS] = {"", "\"bfsz\": 1e5, ", "", "\"cc\": \"hpcc\", "};
  char spec[512];
  m4s_sweep_t *sweep = NULL;
  json_t *order = NULL;
  support_write("w.txt", workload);
  snprintf(spec, sizeof spec,
           "{\"name\": \"t\", \"simulators\": [\"m4\"], \"base\": {\"topology\": {\"gpus\": 8}, "
           "\"traffic\": {\"workload\": \"w.txt\"}, \"run\": {\"seed\": %d}, \"m4\": {%s"
           "\"batch_time_ns\": 1000, \"model\": \"fragile\"%s}}}",
           i, more[i], i == 1 ? "" : ", \"bfsz\": 0");
  ASSERT_OK(m4s_sweep_parse(spec, support_path("t.json"), &sweep));
  ASSERT_OK(m4s_sweep_load(sweep, NULL));
  ASSERT_OK(m4s_folder_make(support_path(folder)));
  ASSERT_OK(m4s_unit_order(sweep, 0, "m4", support_path(folder), i, i == 2 ? 1e-6 : -1, &order));
  m4s_sweep_destroy(sweep);
  return order;
}

static void assert_reply(json_t *reply, int i) {
  static const char *const words[N_UNITS] = {"ok", "failed", "failed", "ok"};
  static const char *const reasons[N_UNITS] = {NULL, "predicted slowdown", "time limit", NULL};
  const char *reason = json_string_value(json_object_get(reply, "reason"));
  assert_string_equal(json_string_value(json_object_get(reply, "status")), words[i]);
  assert_int_equal(json_integer_value(json_object_get(reply, "unit")), i);
  assert_true((reason != NULL) == (reasons[i] != NULL));
  assert_true(reason == NULL || strstr(reason, reasons[i]) != NULL);
  json_decref(reply);
}

// The files of a unit that went well, in the folders of both runs.
static void assert_same_file(const json_t *order, const char *name) {
  size_t n[2];
  char *bytes[2];
  for (int i = 0; i < 2; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/points/%s/m4/%s", i == 0 ? "alone" : "together",
             json_string_value(json_object_get(order, "case")), name);
    bytes[i] = support_read(path, &n[i]);
  }
  assert_int_equal(n[0], n[1]);
  assert_memory_equal(bytes[0], bytes[1], n[0]);
  free(bytes[0]);
  free(bytes[1]);
}

static void failing_units_should_leave_the_others_alone(void **state) {
  (void)state;
  m4s_engines_t *engines = NULL;
  m4s_unit_t *units[N_UNITS] = {NULL};
  ASSERT_OK(m4s_engines_create(&engines));
  write_fragile_model("fragile");
  for (int i = 0; i < N_UNITS; i++) {
    json_t *reply = NULL;
    json_t *order = make_order(i, "alone");
    ASSERT_OK(m4s_unit_run(order, NULL, &reply));
    assert_reply(reply, i);
    json_decref(order);
    order = make_order(i, "together");
    ASSERT_OK(m4s_unit_create(order, engines, NULL, &units[i]));
    json_decref(order);
  }
  for (int n_left = N_UNITS; n_left > 0; m4s_engines_evaluate(engines)) {
    for (int i = 0; i < N_UNITS; i++) {
      json_t *reply = NULL;
      if (units[i] != NULL) {
        ASSERT_OK(m4s_unit_advance(units[i], &reply));
      }
      if (reply != NULL) {
        assert_reply(reply, i);
        m4s_unit_destroy(units[i]);
        units[i] = NULL;
        n_left--;
      }
    }
  }
  m4s_engines_destroy(engines);
  for (int i = 0; i < N_UNITS; i += 3) {
    json_t *order = make_order(i, "together");
    assert_same_file(order, "flows.npy");
    assert_same_file(order, "EndToEnd.csv");
    assert_same_file(order, "point.json");
    json_decref(order);
  }
}

// A unit that is given up between two inferences leaves nothing behind.
static void units_should_be_given_up_without_a_trace(void **state) {
  (void)state;
  m4s_engines_t *engines = NULL;
  m4s_unit_t *unit = NULL;
  json_t *reply = NULL;
  atomic_bool stop = false;
  ASSERT_OK(m4s_engines_create(&engines));
  write_fragile_model("fragile");
  json_t *order = make_order(0, "stopped");
  for (int pass = 0; pass < 2; pass++) {
    ASSERT_OK(m4s_unit_create(order, engines, &stop, &unit));
    ASSERT_OK(m4s_unit_advance(unit, &reply));
    assert_null(reply);
    m4s_engines_evaluate(engines);
    if (pass == 1) {
      atomic_store(&stop, true);
      ASSERT_OK(m4s_unit_advance(unit, &reply));
      assert_string_equal(json_string_value(json_object_get(reply, "status")), "stopped");
      json_decref(reply);
    }
    m4s_unit_destroy(unit);
    assert_int_equal(rmdir(support_path("stopped/points")), 0);  // empty
  }
  json_decref(order);
  m4s_engines_destroy(engines);
}

// Inputs of input i are trained on -i to i + 0.5.
static void points_unlike_the_training_should_be_told(void **state) {
  (void)state;
  const tiny_sizes_t fluid = {16, 24, 2, TINY_FLUID, true};
  tiny_write(fluid, 1, "fluid");
  m4s_point_t point = make_point("\"model\": \"fluid\", \"algorithm\": \"event\"");
  m4s_engines_t *engines = NULL;
  m4s_point_run_t *run = NULL;
  json_t *outside = NULL;
  char *words = NULL;
  ASSERT_OK(m4s_engines_create(&engines));
  ASSERT_OK(m4s_point_run_begin(&point, "m4", engines, NULL, &run));
  ASSERT_OK(m4s_point_run_outside(run, &outside));
  assert_null(outside);  // nothing has happened yet
  ASSERT_OK(m4s_outside_words(outside, &words));
  assert_null(words);
  ASSERT_OK(m4s_point_run_to_end(run, engines));
  ASSERT_OK(m4s_point_run_outside(run, &outside));
  // Of flows dt alone, whose scale is 1/2; log2(1 + 1) * 1/4 of links is inside.
  const json_t *first = json_array_get(outside, 0);
  assert_string_equal(json_string_value(json_object_get(first, "input")),
                      "flow: log2(1 + dt / RTT)");
  assert_true(json_number_value(json_object_get(first, "least")) == 0);
  double greatest = json_number_value(json_object_get(first, "greatest"));
  assert_true(greatest > 1.05);
  assert_true(json_real_value(json_array_get(json_object_get(first, "trained"), 0)) == 0);
  assert_true(json_real_value(json_array_get(json_object_get(first, "trained"), 1)) == 1);
  char begin[160];
  snprintf(
      begin, sizeof begin,
      "inputs outside the network's training: flow: log2(1 + dt / RTT) = %.4g (trained on 0 to "
      "1), ",
      greatest);
  ASSERT_OK(m4s_outside_words(outside, &words));
  assert_int_equal(strncmp(words, begin, strlen(begin)), 0);
  free(words);
  json_decref(outside);
  m4s_point_run_destroy(run);
  m4s_engines_destroy(engines);
  m4s_point_clear(&point);
}

static double total_us(const char *text) {
  json_t *settings = NULL;
  json_t *metrics = NULL;
  m4s_point_t point = {0};
  support_write("w.txt", workload);
  ASSERT_OK(m4s_json_parse(text, "settings", &settings));
  ASSERT_OK(m4s_point_set(&point, settings, support_folder, "test"));
  ASSERT_OK(m4s_point_run(&point, "m4", NULL, NULL, &metrics));
  double us = json_number_value(json_object_get(metrics, "total_us"));
  json_decref(metrics);
  json_decref(settings);
  m4s_point_clear(&point);
  return us;
}

#define POINT(more) \
  "{\"topology\": {\"gpus\": 8}, \"traffic\": {\"workload\": \"w.txt\"}, \"m4\": {\"model\": " \
  "\"model\"" more "}"

// Fluid networks are told of the packet simulator's settings, published ones of m4's.
static void settings_should_be_those_of_the_kind_of_network(void **state) {
  (void)state;
  const tiny_sizes_t fluid = {16, 24, 2, TINY_FLUID, false};
  tiny_write(fluid, 1, "model");
  double plain = total_us(POINT("}"));
  assert_true(total_us(POINT(", \"cc\": \"hpcc\", \"bfsz\": 5}")) == plain);
  assert_true(total_us(POINT("}, \"packet\": {\"cc\": \"hpcc\"}")) != plain);
  assert_true(total_us(POINT("}, \"packet\": {\"buffer_kb\": 50}")) != plain);
  assert_true(total_us(POINT("}, \"packet\": {\"window\": \"fixed\", \"window_kb\": 5}")) != plain);
  assert_true(total_us(POINT("}, \"packet\": {\"k_min_kb\": 3}")) != plain);
  tiny_write(sizes, 1, "model");
  plain = total_us(POINT("}"));
  assert_true(total_us(POINT(", \"cc\": \"hpcc\"}")) != plain);
  assert_true(total_us(POINT("}, \"packet\": {\"cc\": \"hpcc\"}")) == plain);
}

// What somebody has written into a journal is no reason to crash.
static void words_should_stand_for_any_json(void **state) {
  (void)state;
  json_t *odd = NULL;
  char *words = NULL;
  ASSERT_OK(m4s_json_parse("{\"odd\": [1, {\"input\": 2, \"least\": \"x\"}, {\"trained\": 3}, {}]}",
                           "odd", &odd));
  ASSERT_OK(m4s_outside_words(json_object_get(odd, "odd"), &words));
  assert_non_null(strstr(words, "? = 0 (trained on 0 to 0)"));
  assert_non_null(strstr(words, " and 1 more"));
  free(words);
  json_decref(odd);
}

// The order, the reply and point.json of a unit.
static void units_should_keep_what_was_outside(void **state) {
  (void)state;
  const tiny_sizes_t fluid = {16, 24, 2, TINY_FLUID, true};
  json_t *reply = NULL;
  tiny_write(fluid, 1, "fragile");
  json_t *order = make_order(0, "outside");
  ASSERT_OK(m4s_unit_run(order, NULL, &reply));
  const json_t *outside = json_object_get(reply, "outside_training");
  assert_true(json_array_size(outside) > 0);
  char path[128];
  json_t *point = NULL;
  snprintf(path, sizeof path, "outside/points/%s/m4/point.json",
           json_string_value(json_object_get(order, "case")));
  ASSERT_OK(m4s_json_read(support_path(path), &point));
  assert_true(json_equal(json_object_get(point, "outside_training"), outside));
  json_decref(point);
  json_decref(reply);
  json_decref(order);
}

// Orders of flowsim do not name the files of m4.
static void orders_should_name_the_files_of_their_simulator(void **state) {
  (void)state;
  m4s_sweep_t *sweep = NULL;
  json_t *orders[2];
  support_write("w.txt", workload);
  tiny_write(sizes, 1, "a");
  ASSERT_OK(
      m4s_sweep_parse("{\"name\": \"t\", \"simulators\": [\"flowsim\", \"m4\"], \"base\": "
                      "{\"traffic\": {\"workload\": \"w.txt\"}, \"m4\": {\"model\": \"a\"}}}",
                      support_path("t.json"), &sweep));
  ASSERT_OK(m4s_sweep_load(sweep, NULL));
  ASSERT_OK(m4s_unit_order(sweep, 0, "flowsim", support_folder, 0, -1, &orders[0]));
  ASSERT_OK(m4s_unit_order(sweep, 0, "m4", support_folder, 0, -1, &orders[1]));
  assert_int_equal(json_object_size(json_object_get(orders[0], "files")), 1);
  assert_int_equal(json_object_size(json_object_get(orders[1], "files")), 2);
  assert_null(json_object_get(orders[1], "definition"));  // the file is in the case id
  json_decref(orders[0]);
  json_decref(orders[1]);
  m4s_sweep_destroy(sweep);
}

static void units_of_the_network_that_is_built_in_should_keep_its_hash(void **state) {
  (void)state;
  m4s_sweep_t *sweep = NULL;
  json_t *order = NULL;
  json_t *reply = NULL;
  char network[17];
  m4s_built_in_network_hash(network);
  support_write("w.txt", workload);
  ASSERT_OK(
      m4s_sweep_parse("{\"name\": \"t\", \"simulators\": [\"m4\"], \"base\": {\"topology\": "
                      "{\"gpus\": 8}, \"traffic\": {\"workload\": \"w.txt\"}}}",
                      support_path("t.json"), &sweep));
  ASSERT_OK(m4s_sweep_load(sweep, NULL));
  ASSERT_OK(m4s_unit_order(sweep, 0, "m4", support_folder, 0, -1, &order));
  ASSERT_OK(m4s_unit_run(order, NULL, &reply));
  const char *id = json_string_value(json_object_get(order, "case"));
  assert_true(m4s_unit_present(support_folder, id, "m4", network));
  assert_false(m4s_unit_present(support_folder, id, "m4", "0123456789abcdef"));
  json_decref(reply);
  json_decref(order);
  m4s_sweep_destroy(sweep);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mixes_should_have_slowdowns_of_the_ideal_of_their_paths),
      cmocka_unit_test(points_should_be_the_same_alone_and_side_by_side),
      cmocka_unit_test(unusable_models_should_be_refused),
      cmocka_unit_test(points_unlike_the_training_should_be_told),
      cmocka_unit_test(settings_should_be_those_of_the_kind_of_network),
      cmocka_unit_test(words_should_stand_for_any_json),
      cmocka_unit_test(units_should_keep_what_was_outside),
      cmocka_unit_test(predictions_that_are_no_numbers_should_fail_the_point),
      cmocka_unit_test(failing_units_should_leave_the_others_alone),
      cmocka_unit_test(units_should_be_given_up_without_a_trace),
      cmocka_unit_test(orders_should_name_the_files_of_their_simulator),
      cmocka_unit_test(units_of_the_network_that_is_built_in_should_keep_its_hash),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
