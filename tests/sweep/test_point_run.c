// Running and checking one point.
#include "support.h"

#include <math.h>

#include "core/csv.h"
#include "core/json.h"
#include "sweep/point.h"

#define WORKLOAD M4SWEEP_SOURCE_DIR "/sweeps/workloads/gray-failure.txt"

// A point of these settings (JSON text); free with m4s_point_clear().
static m4s_point_t make_point(const char *text) {
  json_t *settings = NULL;
  m4s_point_t point = {0};
  ASSERT_OK(m4s_json_parse(text, "settings", &settings));
  ASSERT_OK(m4s_point_set(&point, settings, support_folder, "test"));
  json_decref(settings);
  return point;
}

// A point of the gray-failure sweep; `more` are further sections.
static m4s_point_t make_gray(const char *more) {
  char text[1024];
  snprintf(text, sizeof text,
           "{\"topology\": {\"degraded_gpus\": 2, \"reduction\": 4}, \"traffic\": {\"workload\": "
           "\"" WORKLOAD
           "\"}, \"system\": {\"send_latency_ns\": 3000, \"min_flow_bytes\": 4096}, "
           "\"flowsim\": {\"mode\": \"published\"}%s}",
           more);
  return make_point(text);
}

// Runs it into `name` of the test's folder.
static json_t *run_into(const m4s_point_t *point, const char *name) {
  json_t *metrics = NULL;
  ASSERT_OK(m4s_folder_make(support_path(name)));
  ASSERT_OK(m4s_point_run(point, "flowsim", support_path(name), NULL, &metrics));
  return metrics;
}

// N = 2, R = 4: the published total and layer times, in this order.
static void metrics_should_have_names_order_and_values(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double value;  // NAN: only looked at
  } expected[] = {{"total_us", 9189.590}, {"exposed_comm_us", 9189.590 - 1112.004},
                  {"comm_1_us", 631.867}, {"comm_2_us", 7445.713},
                  {"flows", 15360},       {"makespan_us", NAN},
                  {"events", NAN}};
  m4s_point_t point = make_gray("");
  json_t *metrics = NULL;
  ASSERT_OK(m4s_point_run(&point, "flowsim", NULL, NULL, &metrics));
  assert_int_equal(json_object_size(metrics), M4S_COUNT(expected));
  size_t i = 0;
  const char *name;
  json_t *value;
  json_object_foreach(metrics, name, value) {
    assert_string_equal(name, expected[i].name);
    double number = json_number_value(value);
    assert_true(isfinite(number) && number > 0);
    // 1e-9 us: the difference of two doubles of three decimals.
    assert_true(isnan(expected[i].value) || fabs(number - expected[i].value) <= 1e-9);
    i++;
  }
  assert_true(json_number_value(json_object_get(metrics, "makespan_us")) >= 9189.590);
  json_decref(metrics);
  m4s_point_clear(&point);
}

static void files_should_be_written_as_the_settings_say(void **state) {
  (void)state;
  m4s_point_t point = make_gray(", \"output\": {\"flows\": true, \"links\": true}");
  json_decref(run_into(&point, "all"));
  size_t n_bytes;
  char *bytes = support_read("all/flows.npy", &n_bytes);
  size_t n_header = 10 + (size_t)(unsigned char)bytes[8] + 256 * (size_t)(unsigned char)bytes[9];
  assert_int_equal(n_bytes, n_header + (size_t)15360 * 64);  // 6 of 4 bytes, 5 of 8
  assert_non_null(strstr(bytes + 10, "'shape': (15360,)"));
  free(bytes);
  m4s_csv_t csv;
  ASSERT_OK(m4s_csv_read(support_path("all/links.csv"), &csv));
  assert_int_equal(csv.n_rows, 144);
  static const char *const columns[] = {"src",   "dst",     "tier",       "bandwidth_bps",
                                        "bytes", "busy_ns", "utilisation"};
  assert_int_equal(csv.n_columns, M4S_COUNT(columns));
  for (size_t i = 0; i < M4S_COUNT(columns); i++) {
    assert_int_equal(m4s_csv_column(&csv, columns[i]), i);
  }
  int n_of_tiers[4] = {0};  // 32 GPUs, 8 rail switches, a core switch
  static const char *const tiers[] = {"nvlink", "host-tier1", "tier1-tier2", "tier2-tier1"};
  for (size_t row = 0; row < csv.n_rows; row++) {
    for (int i = 0; i < 4; i++) {
      n_of_tiers[i] += strcmp(m4s_csv_cell(&csv, row, 2), tiers[i]) == 0;
    }
  }
  assert_int_equal(n_of_tiers[0], 64);
  assert_int_equal(n_of_tiers[1], 32);
  assert_int_equal(n_of_tiers[2], 8);
  assert_int_equal(n_of_tiers[3], 8);
  m4s_csv_clear(&csv);
  bytes = support_read("all/EndToEnd.csv", NULL);
  assert_non_null(strstr(bytes,
                         "total exposed comm,8077.586000,total comp,1112.004000,total "
                         "time,9189.590000\n"));
  free(bytes);
  m4s_point_clear(&point);
}

static void files_should_be_left_out_as_the_settings_say(void **state) {
  (void)state;
  m4s_point_t point = make_gray(", \"output\": {\"flows\": false, \"links\": false}");
  json_decref(run_into(&point, "few"));
  assert_true(m4s_path_exists(support_path("few/EndToEnd.csv")));
  assert_false(m4s_path_exists(support_path("few/flows.npy")));
  assert_false(m4s_path_exists(support_path("few/links.csv")));
  m4s_point_clear(&point);
}

static void runs_should_repeat_to_the_byte(void **state) {
  (void)state;
  static const char *const files[] = {"flows.npy", "links.csv", "EndToEnd.csv"};
  m4s_point_t point =
      make_gray(", \"output\": {\"links\": true}, \"run\": {\"time_limit_s\": 1000}");
  json_t *first = run_into(&point, "first");
  json_t *second = run_into(&point, "second");
  assert_true(json_equal(first, second));
  for (size_t i = 0; i < M4S_COUNT(files); i++) {
    char name[64];
    size_t n;
    size_t m;
    snprintf(name, sizeof name, "first/%s", files[i]);
    char *a = support_read(name, &n);
    snprintf(name, sizeof name, "second/%s", files[i]);
    char *b = support_read(name, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
  }
  json_decref(first);
  json_decref(second);
  m4s_point_clear(&point);
}

// The same cluster as a file gives the same numbers.
static void topology_file_should_equal_the_generated_cluster(void **state) {
  (void)state;
  m4s_point_t generated = make_gray("");
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_gpu_cluster_create(&generated.topology.cluster, "t", &topology));
  ASSERT_OK(m4s_topology_write(topology, support_path("gray.txt")));
  m4s_topology_destroy(topology);
  m4s_point_t from_file = make_point(
      "{\"topology\": {\"kind\": \"file\", \"file\": \"gray.txt\"}, \"traffic\": {\"workload\": "
      "\"" WORKLOAD
      "\"}, \"system\": {\"send_latency_ns\": 3000, \"min_flow_bytes\": 4096}, "
      "\"flowsim\": {\"mode\": \"published\"}}");
  json_t *a = NULL;
  json_t *b = NULL;
  ASSERT_OK(m4s_point_check(&from_file, NULL));
  ASSERT_OK(m4s_point_run(&generated, "flowsim", NULL, NULL, &a));
  ASSERT_OK(m4s_point_run(&from_file, "flowsim", NULL, NULL, &b));
  assert_true(json_equal(a, b));
  json_decref(a);
  json_decref(b);
  m4s_point_clear(&generated);
  m4s_point_clear(&from_file);
}

static void unknown_simulators_should_be_refused(void **state) {
  (void)state;
  m4s_point_t point = make_gray("");
  json_t *metrics = NULL;
  ASSERT_REFUSES(m4s_point_run(&point, "flowsin", NULL, NULL, &metrics),
                 "unknown simulator \"flowsin\" (did you mean flowsim?)");
  ASSERT_REFUSES(m4s_point_run(&point, "omnet++", NULL, NULL, &metrics),
                 "unknown simulator \"omnet++\"");
  assert_null(metrics);
  m4s_point_clear(&point);
}

static void time_limit_should_end_a_run(void **state) {
  (void)state;
  m4s_point_t point = make_gray(", \"run\": {\"time_limit_s\": 1e-6}");
  json_t *metrics = NULL;
  ASSERT_OK(m4s_folder_make(support_path("limit")));
  assert_int_equal(m4s_point_run(&point, "flowsim", support_path("limit"), NULL, &metrics),
                   M4S_ERR_TIME_LIMIT);
  assert_string_equal(m4s_last_error(), "time limit of 1e-06 s passed");
  assert_null(metrics);
  assert_false(m4s_path_exists(support_path("limit/EndToEnd.csv")));
  m4s_point_clear(&point);
}

static void stop_flag_should_end_a_run(void **state) {
  (void)state;
  m4s_point_t point = make_gray("");
  atomic_bool stop = true;
  json_t *metrics = NULL;
  assert_int_equal(m4s_point_run(&point, "flowsim", NULL, &stop, &metrics), M4S_ERR_STOPPED);
  assert_null(metrics);
  m4s_point_clear(&point);
}

static void unwritable_folders_should_be_named(void **state) {
  (void)state;
  m4s_point_t point = make_gray("");
  json_t *metrics = NULL;
  assert_int_equal(m4s_point_run(&point, "flowsim", support_path("not/made"), NULL, &metrics),
                   M4S_ERR_IO);
  assert_non_null(strstr(m4s_last_error(), "not/made/EndToEnd.csv: cannot be written"));
  assert_null(metrics);
  m4s_point_clear(&point);
}

#define FILE_POINT \
  "{\"topology\": {\"kind\": \"file\", \"file\": \"t.txt\"}, \"traffic\": {\"workload\": " \
  "\"w.txt\"}}"

static void write_workload(const char *collective) {
  char text[512];
  snprintf(text, sizeof text,
           "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 3 all_gpus: 3\n1\n"
           "a -1 1 %s 1000 1 NONE 0 1 NONE 0 1\n",
           collective);
  support_write("w.txt", text);
}

// GPU 2 hangs on a switch of its own.
static void disconnected_gpus_should_be_found_by_the_check(void **state) {
  (void)state;
  static const char *const collectives[] = {"ALLREDUCE", "ALLTOALL"};
  support_write("t.txt",
                "5 1 0 2 3 A100\n3 4\n0 3 1Gbps 1us 0\n1 3 1Gbps 1us 0\n2 4 1Gbps 1us 0\n");
  for (size_t i = 0; i < M4S_COUNT(collectives); i++) {
    write_workload(collectives[i]);
    m4s_point_t point = make_point(FILE_POINT);
    json_t *metrics = NULL;
    assert_int_equal(m4s_point_check(&point, NULL), M4S_ERR_INPUT);
    assert_non_null(strstr(m4s_last_error(), "there is no path from GPU "));
    assert_int_equal(m4s_point_run(&point, "flowsim", NULL, NULL, &metrics), M4S_ERR_INPUT);
    assert_null(metrics);
    m4s_point_clear(&point);
  }
  // Nobody talks to it: fine.
  write_workload("NONE");
  m4s_point_t point = make_point(FILE_POINT);
  ASSERT_OK(m4s_point_check(&point, NULL));
  m4s_point_clear(&point);
}

// No simulator here loses packets at random; those of users may.
static void error_rates_should_be_refused(void **state) {
  (void)state;
  support_write("t.txt",
                "4 1 0 1 3 A100\n3\n0 3 1Gbps 1us 0\n1 3 1Gbps 1us 0.25\n2 3 1Gbps 1us 0\n");
  write_workload("ALLREDUCE");
  m4s_point_t point = make_point(FILE_POINT);
  m4s_engines_t *engines = NULL;
  ASSERT_OK(m4s_engines_create(&engines));
  ASSERT_OK(m4s_point_check(&point, NULL));
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    const char *name = m4s_simulator_names[i];
    json_t *metrics = NULL;
    assert_int_equal(m4s_point_check_simulator(&point, name, engines), M4S_ERR_INPUT);
    assert_non_null(strstr(m4s_last_error(),
                           "t.txt: the error rate 0.25 of the link from 1 to 3: random losses are "
                           "not simulated (nearest valid: 0)"));
    assert_int_equal(m4s_point_run(&point, name, NULL, NULL, &metrics), M4S_ERR_INPUT);
    assert_null(metrics);
  }
  m4s_engines_destroy(engines);
  m4s_point_clear(&point);
}

static void check_should_find_what_cannot_be_made(void **state) {
  (void)state;
  static const struct {
    const char *settings, *message;
  } cases[] = {
      {"{}", "traffic.workload: is needed: the path of a workload file"},
      {"{\"topology\": {\"kind\": \"file\"}, \"traffic\": {\"workload\": \"" WORKLOAD "\"}}",
       "topology.file: is needed with topology.kind \"file\""},
      {"{\"topology\": {\"gpus\": 8}, \"traffic\": {\"workload\": \"" WORKLOAD "\"}}",
       "all_gpus: 32 of the workload are more than the topology's 8 GPUs"},
      {"{\"topology\": {\"degraded_gpus\": 40}, \"traffic\": {\"workload\": \"" WORKLOAD "\"}}",
       "topology: degraded_gpus: 40 of 32 GPUs (nearest valid: 32)"},
      {"{\"topology\": {\"gpus_per_server\": 6}, \"traffic\": {\"workload\": \"" WORKLOAD "\"}}",
       "the TP group of rank 0 has different numbers of its 16 ranks on servers of 6 GPUs: no "
       "rings"},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    m4s_point_t point = make_point(cases[i].settings);
    json_t *metrics = NULL;
    assert_int_equal(m4s_point_check(&point, NULL), M4S_ERR_INPUT);
    assert_non_null(strstr(m4s_last_error(), cases[i].message));
    assert_int_equal(m4s_point_run(&point, "flowsim", NULL, NULL, &metrics), M4S_ERR_INPUT);
    assert_null(metrics);
    m4s_point_clear(&point);
  }
  m4s_point_t point = make_gray("");
  ASSERT_OK(m4s_point_check(&point, NULL));
  m4s_point_clear(&point);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(metrics_should_have_names_order_and_values),
      cmocka_unit_test(files_should_be_written_as_the_settings_say),
      cmocka_unit_test(files_should_be_left_out_as_the_settings_say),
      cmocka_unit_test(runs_should_repeat_to_the_byte),
      cmocka_unit_test(topology_file_should_equal_the_generated_cluster),
      cmocka_unit_test(unknown_simulators_should_be_refused),
      cmocka_unit_test(time_limit_should_end_a_run),
      cmocka_unit_test(stop_flag_should_end_a_run),
      cmocka_unit_test(unwritable_folders_should_be_named),
      cmocka_unit_test(disconnected_gpus_should_be_found_by_the_check),
      cmocka_unit_test(error_rates_should_be_refused),
      cmocka_unit_test(check_should_find_what_cannot_be_made),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
