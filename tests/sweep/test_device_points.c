// Points with m4 on a device: in groups that go on in turn, on one that is lost, on one that is
// wrong. The device is one on the host (m4/host_device.h).
#include "support.h"

#include "core/json.h"
#include "m4/host_device.h"
#include "m4/tiny_model.h"
#include "sweep/unit.h"

enum { MAX_UNITS = 6 };

static const tiny_sizes_t sizes = {
    .hidden = 16, .gnn_hidden = 24, .n_gnn_layers = 2, .n_params = 13};

static const char workload[] =
    "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 all_gpus: 8\n2\n"
    "layer -1 10 ALLREDUCE 655360000 1 NONE 0 1 NONE 0 1\n"
    "layer -1 10 ALLREDUCE 65536 1 NONE 0 1 NONE 0 1\n";

static const m4s_device_choice_t named = {.kind = M4S_DEVICE_GPU, .gpu = 0};

static json_t *make_order(int i, const char *folder) {
  char spec[512];
  m4s_sweep_t *sweep = NULL;
  json_t *order = NULL;
  support_write("w.txt", workload);
  snprintf(spec, sizeof spec,
           "{\"name\": \"t\", \"simulators\": [\"m4\"], \"base\": {\"topology\": {\"gpus\": 8, "
           "\"degraded_gpus\": 2, \"reduction\": %d}, \"traffic\": {\"workload\": \"w.txt\"}, "
           "\"m4\": {\"batch_time_ns\": 1000, \"model\": \"a\"}}}",
           i + 1);
  ASSERT_OK(m4s_sweep_parse(spec, support_path("t.json"), &sweep));
  ASSERT_OK(m4s_sweep_load(sweep, NULL));
  ASSERT_OK(m4s_folder_make(support_path(folder)));
  ASSERT_OK(m4s_unit_order(sweep, 0, "m4", support_path(folder), i, -1, &order));
  m4s_sweep_destroy(sweep);
  return order;
}

static void assert_status(const json_t *reply, const char *word, const char *reason) {
  const char *told = json_string_value(json_object_get(reply, "reason"));
  assert_string_equal(json_string_value(json_object_get(reply, "status")), word);
  assert_true(reason == NULL || (told != NULL && strstr(told, reason) != NULL));
}

static m4s_unit_t *begin_unit(int i, const char *folder, m4s_engines_t *engines) {
  m4s_unit_t *unit = NULL;
  json_t *order = make_order(i, folder);
  ASSERT_OK(m4s_unit_create(order, engines, NULL, &unit));
  json_decref(order);
  return unit;
}

// Runs units, the i-th on lane i mod n_lanes; their replies are the caller's.
static void run_units(m4s_engines_t *engines, const char *folder, int n, int n_lanes,
                      json_t **replies_out) {
  m4s_unit_t *units[MAX_UNITS] = {NULL};
  int n_left = n;
  for (int i = 0; i < n; i++) {
    units[i] = begin_unit(i, folder, engines);
  }
  for (int lane = 0; n_left > 0; lane = (lane + 1) % n_lanes) {
    m4s_engines_end(engines, lane);
    for (int i = lane; i < n; i += n_lanes) {
      replies_out[i] = units[i] == NULL ? replies_out[i] : NULL;
      if (units[i] != NULL) {
        ASSERT_OK(m4s_unit_advance(units[i], &replies_out[i]));
      }
      if (units[i] != NULL && replies_out[i] != NULL) {
        m4s_unit_destroy(units[i]);
        units[i] = NULL;
        n_left--;
      }
    }
    m4s_engines_begin(engines, lane);
  }
}

static m4s_engines_t *make_engines(const m4s_device_choice_t *choice, host_device_t *host) {
  m4s_engines_t *engines = NULL;
  const m4s_device_t device = host_device_of(host);
  ASSERT_OK(m4s_engines_create(&engines));
  m4s_engines_choose_device(engines, choice, &device);
  return engines;
}

// In groups or not, side by side or one by one: the same results.
static void groups_should_not_matter(void **state) {
  (void)state;
  json_t *want[MAX_UNITS] = {NULL};
  tiny_write(sizes, 1, "a");
  for (int n_lanes = 1; n_lanes <= M4S_ENGINES_LANES; n_lanes++) {
    host_device_t host = host_device();
    json_t *got[MAX_UNITS] = {NULL};
    m4s_engines_t *engines = make_engines(&named, &host);
    assert_int_equal(m4s_engines_n_lanes(engines), 1);  // as long as there is no network
    run_units(engines, n_lanes == 1 ? "one" : "two", MAX_UNITS, n_lanes, got);
    assert_int_equal(m4s_engines_n_lanes(engines), M4S_ENGINES_LANES);
    assert_true(m4s_engines_full_rows(engines) > 0);
    assert_true(host.n_replays > 0);
    for (int i = 0; i < MAX_UNITS; i++) {
      assert_status(got[i], "ok", NULL);
      const json_t *metrics = json_object_get(got[i], "metrics");
      assert_true(json_number_value(json_object_get(metrics, "total_us")) > 0);
      if (n_lanes > 1) {
        assert_true(json_equal(metrics, json_object_get(want[i], "metrics")));
        json_decref(want[i]);
        json_decref(got[i]);
      } else {
        want[i] = got[i];
      }
    }
    m4s_engines_destroy(engines);
    host_device_clear(&host);
  }
}

// A small network is the CPU's with "auto", whatever GPUs there are.
static void small_networks_should_be_the_cpus(void **state) {
  (void)state;
  const m4s_device_choice_t automatic = {.kind = M4S_DEVICE_AUTO, .gpu = 0};
  host_device_t host = host_device();
  json_t *reply = NULL;
  tiny_write(sizes, 1, "a");
  m4s_engines_t *engines = make_engines(&automatic, &host);
  run_units(engines, "cpu", 1, 1, &reply);
  assert_status(reply, "ok", NULL);
  assert_int_equal(host.n_launches, 0);
  assert_int_equal(m4s_engines_full_rows(engines), 0);
  json_decref(reply);
  m4s_engines_destroy(engines);
  host_device_clear(&host);
}

// The points at work fail, those that come later run on the CPU.
static void a_lost_device_should_fail_its_points_alone(void **state) {
  (void)state;
  host_device_t host = host_device();
  json_t *replies[MAX_UNITS] = {NULL};
  tiny_write(sizes, 1, "a");
  m4s_engines_t *engines = make_engines(&named, &host);
  m4s_unit_t *first = begin_unit(0, "before", engines);  // holds on to the network
  json_t *reply = NULL;
  ASSERT_OK(m4s_unit_advance(first, &reply));
  assert_null(reply);
  m4s_engines_evaluate(engines);
  host.launches_left = 40;
  run_units(engines, "lost", MAX_UNITS, 2, replies);
  for (int i = 0; i < MAX_UNITS; i++) {
    assert_status(replies[i], "failed", "the GPU is lost: planted by a test");
    json_decref(replies[i]);
  }
  int64_t n_launches = host.n_launches;
  run_units(engines, "after", 2, 2, replies);
  for (int i = 0; i < 2; i++) {
    assert_status(replies[i], "ok", NULL);
    json_decref(replies[i]);
  }
  assert_int_equal(host.n_launches, n_launches);
  assert_int_equal(m4s_engines_n_lanes(engines), 1);
  m4s_unit_destroy(first);
  m4s_engines_destroy(engines);
  host_device_clear(&host);
}

// A device that was named is refused by its points, with the reason.
static void a_wrong_device_should_not_be_used(void **state) {
  (void)state;
  host_device_t host = host_device();
  json_t *reply = NULL;
  tiny_write(sizes, 1, "a");
  host.is_wrong = true;
  m4s_engines_t *engines = make_engines(&named, &host);
  run_units(engines, "wrong", 1, 1, &reply);
  assert_status(reply, "failed", "cuda:0: the GPU computes something else than the CPU");
  json_decref(reply);
  m4s_engines_destroy(engines);
  host_device_clear(&host);
}

// --- choices ---

static void choices_should_be_read(void **state) {
  (void)state;
  m4s_device_choice_t choice = {.products = M4S_GPU_TF32};
  ASSERT_OK(m4s_device_choice_read("auto", &choice));
  assert_true(choice.kind == M4S_DEVICE_AUTO && choice.gpu == -1);
  ASSERT_OK(m4s_device_choice_read("cpu", &choice));
  assert_true(choice.kind == M4S_DEVICE_CPU && choice.gpu == -1);
  ASSERT_OK(m4s_device_choice_read("cuda:3", &choice));
  assert_true(choice.kind == M4S_DEVICE_GPU && choice.gpu == 3);
  assert_int_equal(choice.products, M4S_GPU_TF32);
  static const char *const bad[] = {
      "", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:1024", "CPU"};
  for (size_t i = 0; i < M4S_COUNT(bad); i++) {
    char message[128];
    snprintf(message, sizeof message, "--device: \"%s\" is none of auto, cpu and cuda:N", bad[i]);
    ASSERT_REFUSES(m4s_device_choice_read(bad[i], &choice), message);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_should_not_matter),
      cmocka_unit_test(small_networks_should_be_the_cpus),
      cmocka_unit_test(a_lost_device_should_fail_its_points_alone),
      cmocka_unit_test(a_wrong_device_should_not_be_used),
      cmocka_unit_test(choices_should_be_read),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
