// Units of work: files that change under a run, folders that cannot be written.
#include "fixture.h"

#include <signal.h>
#include <sys/resource.h>

#include "core/json.h"
#include "sweep/unit.h"

static const char workload[] =
    "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 ep: 1 pp: 1 vpp: 1 ga: 1 "
    "all_gpus: 8 checkpoints: 0 checkpoint_initiates: 0\n1\n"
    "layer -1 10 ALLREDUCE 65536 1 NONE 0 1 NONE 0 1\n";

static const char spec_text[] =
    SPEC(", \"base\": {\"topology\": {\"gpus\": 8}, \"traffic\": {\"workload\": \"w.txt\"}}");

static json_t *make_order(void) {
  fixture_write("w.txt", workload);
  assert_int_equal(m4s_folder_make(fixture_path("out")), M4S_OK);
  m4s_sweep_t *sweep = fixture_sweep(spec_text);
  json_t *order = NULL;
  assert_int_equal(m4s_unit_order(sweep, 0, "flowsim", fixture_path("out"), 7, -1, &order), M4S_OK);
  m4s_sweep_destroy(sweep);
  return order;
}

// Runs the order; its reply must have this status, and this in its reason.
static void assert_reply(json_t *order, const char *status, const char *reason) {
  json_t *reply = NULL;
  assert_int_equal(m4s_unit_run(order, NULL, &reply), M4S_OK);
  const char *why = json_string_value(json_object_get(reply, "reason"));
  if (why != NULL) {
    print_message("%s\n", why);
  }
  assert_string_equal(json_string_value(json_object_get(reply, "status")), status);
  assert_int_equal(json_integer_value(json_object_get(reply, "unit")), 7);
  assert_true((json_object_get(reply, "metrics") != NULL) == (reason == NULL));
  assert_true((why != NULL) == (reason != NULL));
  if (reason != NULL) {
    assert_non_null(strstr(why, reason));
    assert_null(strstr(why, ".tmp"));
  }
  json_decref(reply);
}

static void unit_should_be_put_into_place(void **state) {
  (void)state;
  json_t *order = make_order();
  assert_reply(order, "ok", NULL);
  char *folder =
      m4s_path_join(fixture_path("out/points"), json_string_value(json_object_get(order, "case")));
  assert_true(m4s_path_exists(folder));
  free(folder);
  json_decref(order);
}

static void changed_file_should_fail_the_unit(void **state) {
  (void)state;
  json_t *order = make_order();
  fixture_write("w.txt",
                "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 all_gpus: 8\n1\n"
                "layer -1 10 ALLREDUCE 131072 1 NONE 0 1 NONE 0 1\n");
  assert_reply(order, "failed", "w.txt: has changed since the run began");
  json_decref(order);
}

// A file-size limit stands in for a full disk.
static void full_disk_should_be_an_error_of_the_run(void **state) {
  (void)state;
  json_t *order = make_order();
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = {.rlim_cur = 64, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  json_t *reply = NULL;
  m4s_status_t status = m4s_unit_run(order, NULL, &reply);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(status, M4S_OK);
  assert_string_equal(json_string_value(json_object_get(reply, "status")), "error");
  const char *reason = json_string_value(json_object_get(reply, "reason"));
  assert_non_null(strstr(reason, "cannot be written: File too large"));
  assert_null(strstr(reason, ".tmp"));
  json_decref(reply);
  assert_reply(order, "ok", NULL);
  json_decref(order);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unit_should_be_put_into_place),
      cmocka_unit_test(changed_file_should_fail_the_unit),
      cmocka_unit_test(full_disk_should_be_an_error_of_the_run),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
