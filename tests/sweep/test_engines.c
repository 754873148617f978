// What the points of a thread share: networks and hashes of files.
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "m4/tiny_model.h"
#include "sweep/engines.h"

static const tiny_sizes_t sizes = {
    .hidden = 16, .gnn_hidden = 24, .n_gnn_layers = 2, .n_params = 13};

static m4s_shared_engine_t *take(m4s_engines_t *engines, const char *name, m4s_forward_t forward) {
  m4s_shared_engine_t *shared = NULL;
  ASSERT_OK(m4s_engines_take(engines, support_path(name), forward, &shared));
  assert_ptr_equal(shared->batch.engine, shared->engine);
  return shared;
}

static void networks_should_be_read_once(void **state) {
  (void)state;
  m4s_engines_t *engines = NULL;
  ASSERT_OK(m4s_engines_create(&engines));
  tiny_write(sizes, 1, "a");
  tiny_write(sizes, 1, "copy");
  tiny_write(sizes, 2, "b");
  m4s_shared_engine_t *a = take(engines, "a", M4S_FORWARD_FAST);
  assert_ptr_equal(take(engines, "a", M4S_FORWARD_FAST), a);
  assert_ptr_equal(take(engines, "copy", M4S_FORWARD_FAST), a);  // the same content
  assert_ptr_not_equal(take(engines, "a", M4S_FORWARD_REFERENCE), a);
  assert_ptr_not_equal(take(engines, "b", M4S_FORWARD_FAST), a);
  m4s_engines_destroy(engines);
}

static void changed_files_should_be_read_again(void **state) {
  (void)state;
  m4s_engines_t *engines = NULL;
  ASSERT_OK(m4s_engines_create(&engines));
  tiny_write(sizes, 1, "a");
  m4s_shared_engine_t *before = take(engines, "a", M4S_FORWARD_FAST);
  tiny_write(sizes, 2, "a");  // of the same size
  m4s_shared_engine_t *after = take(engines, "a", M4S_FORWARD_FAST);
  assert_ptr_not_equal(after, before);
  const m4s_model_t *old = m4s_engine_model(before->engine);  // still there for its users
  assert_int_equal(old->hidden, 16);
  assert_true(*old->output.out_bias != *m4s_engine_model(after->engine)->output.out_bias);
  m4s_engines_destroy(engines);
}

// Used ones stay however many there are; of the others some.
static void unused_networks_should_be_dropped_in_turn(void **state) {
  (void)state;
  enum { N = 8 };
  m4s_engines_t *engines = NULL;
  m4s_shared_engine_t *shared[N];
  char names[N][16];
  ASSERT_OK(m4s_engines_create(&engines));
  for (int i = 0; i < N; i++) {
    snprintf(names[i], sizeof names[i], "n%d", i);
    tiny_write(sizes, (uint64_t)i, names[i]);
    shared[i] = take(engines, names[i], M4S_FORWARD_FAST);
  }
  for (int i = 0; i < N; i++) {
    assert_ptr_equal(take(engines, names[i], M4S_FORWARD_FAST), shared[i]);
    m4s_engines_release(engines, shared[i]);  // one of two users
  }
  for (int i = 1; i < N; i++) {
    m4s_engines_release(engines, shared[i]);
  }
  tiny_write(sizes, N, "more");
  take(engines, "more", M4S_FORWARD_FAST);
  // The one in use and the last ones that were used are there.
  assert_ptr_equal(take(engines, names[0], M4S_FORWARD_FAST), shared[0]);
  assert_ptr_equal(take(engines, names[N - 1], M4S_FORWARD_FAST), shared[N - 1]);
  m4s_engines_destroy(engines);
}

static void bad_files_should_be_refused(void **state) {
  (void)state;
  m4s_engines_t *engines = NULL;
  m4s_shared_engine_t *shared = NULL;
  ASSERT_OK(m4s_engines_create(&engines));
  support_write("text", "no model");
  assert_int_equal(m4s_engines_take(engines, support_path("none"), M4S_FORWARD_FAST, &shared),
                   M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "none: "));
  assert_int_equal(m4s_engines_take(engines, support_path("text"), M4S_FORWARD_FAST, &shared),
                   M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "text"));
  assert_null(shared);
  m4s_engines_evaluate(engines);  // nothing waits
  assert_true(m4s_engines_rows_per_step(engines) == 0);
  m4s_engines_destroy(engines);
}

// --- hashes ---

static void assert_hash(m4s_file_hashes_t *hashes, const char *name) {
  char known[17];
  char computed[17];
  ASSERT_OK(m4s_file_hashes_get(hashes, support_path(name), known));
  ASSERT_OK(m4s_file_hash(support_path(name), computed));
  assert_string_equal(known, computed);
}

// Sets a file's modification time, which a later change of the same size would have to repeat.
static void set_age(const char *name, time_t seconds) {
  struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
  assert_int_equal(utimensat(AT_FDCWD, support_path(name), times, 0), 0);
}

static void hashes_should_follow_changes(void **state) {
  (void)state;
  m4s_file_hashes_t *hashes = NULL;
  char hash[17];
  ASSERT_OK(m4s_file_hashes_create(&hashes));
  support_write("h", "one");
  assert_hash(hashes, "h");
  support_write("h", "two");  // at once, of the same size
  assert_hash(hashes, "h");
  set_age("h", 100);
  assert_hash(hashes, "h");
  support_write("h", "six");
  set_age("h", 100);
  assert_hash(hashes, "h");
  assert_int_equal(unlink(support_path("h")), 0);
  assert_int_equal(m4s_file_hashes_get(hashes, support_path("h"), hash), M4S_ERR_INPUT);
  m4s_file_hashes_destroy(hashes);
}

// More files than are remembered, and a settled one that does not change.
static void many_files_should_have_their_hashes(void **state) {
  (void)state;
  m4s_file_hashes_t *hashes = NULL;
  ASSERT_OK(m4s_file_hashes_create(&hashes));
  assert_hash(hashes, "../test_engines");
  assert_hash(hashes, "../test_engines");
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; i < 100; i++) {
      char name[16];
      snprintf(name, sizeof name, "f%d", i);
      support_write(name, name);
      assert_hash(hashes, name);
    }
  }
  m4s_file_hashes_destroy(hashes);
}

// The model that the shell tests use.
static void shipped_tiny_model_should_be_made_by_these_functions(void **state) {
  (void)state;
  char *shipped = NULL;
  size_t n_shipped;
  size_t n_made;
  tiny_write(sizes, 7, "tiny");
  char *made = support_read("tiny", &n_made);
  ASSERT_OK(m4s_file_read(M4SWEEP_SOURCE_DIR "/tests/m4/tiny.safetensors", 1 << 20, &shipped,
                          &n_shipped));
  assert_int_equal(n_shipped, n_made);
  assert_memory_equal(shipped, made, n_made);
  free(shipped);
  free(made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(networks_should_be_read_once),
      cmocka_unit_test(changed_files_should_be_read_again),
      cmocka_unit_test(unused_networks_should_be_dropped_in_turn),
      cmocka_unit_test(bad_files_should_be_refused),
      cmocka_unit_test(hashes_should_follow_changes),
      cmocka_unit_test(many_files_should_have_their_hashes),
      cmocka_unit_test(shipped_tiny_model_should_be_made_by_these_functions),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
