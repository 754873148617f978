// Error messages and log lines: one line each, with their context.
#include "support.h"

#include <fcntl.h>
#include <pthread.h>

#include "core/log.h"

static void error_should_be_one_line(void **state) {
  (void)state;
  ASSERT_REFUSES(m4s_fail(M4S_ERR_INPUT, "%s: bad \"%s\"", "f.txt", "a\nb\tc\x1b[31m\x7f"),
                 "f.txt: bad \"a?b?c?[31m?\"");
}

static void error_should_keep_utf_8(void **state) {
  (void)state;
  ASSERT_REFUSES(m4s_fail(M4S_ERR_INPUT, "gr\xc3\xa4y"), "gr\xc3\xa4y");
}

static void error_should_be_cut_when_long(void **state) {
  (void)state;
  char text[10000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  assert_int_equal(m4s_fail(M4S_ERR_IO, "%s", text), M4S_ERR_IO);
  size_t n = strlen(m4s_last_error());
  assert_true(n > 1000 && n < 4000);
  assert_int_equal(m4s_fail_in(M4S_ERR_IO, "point 3"), M4S_ERR_IO);
  assert_int_equal(strncmp(m4s_last_error(), "point 3: xxx", 12), 0);
  assert_int_equal(strlen(m4s_last_error()), n);
  // A context that leaves no room for the message.
  assert_int_equal(m4s_fail_in(M4S_ERR_IO, "%s", text), M4S_ERR_IO);
  assert_int_equal(m4s_last_error()[0], 'x');
}

static void context_should_stand_before_the_message(void **state) {
  (void)state;
  m4s_fail(M4S_ERR_INPUT, "inner %d", 1);
  ASSERT_FAILS(m4s_fail_in(M4S_ERR_SIMULATION, "case %s", "ab\n12"), M4S_ERR_SIMULATION,
               "case ab?12: inner 1");
  ASSERT_FAILS(m4s_fail_in(M4S_ERR_SIMULATION, "run"), M4S_ERR_SIMULATION,
               "run: case ab?12: inner 1");
}

static void memory_errors_should_say_for_what(void **state) {
  (void)state;
  ASSERT_FAILS(m4s_fail_memory("a topology"), M4S_ERR_MEMORY, "out of memory for a topology");
}

static void *fail_in_thread(void *arguments) {
  (void)arguments;
  m4s_fail(M4S_ERR_IO, "another thread's");
  return NULL;
}

static void errors_should_belong_to_their_thread(void **state) {
  (void)state;
  m4s_fail(M4S_ERR_IO, "mine");
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, fail_in_thread, NULL), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_string_equal(m4s_last_error(), "mine");
}

static void exit_status_should_tell_input_from_the_rest(void **state) {
  (void)state;
  assert_int_equal(m4s_exit_status(M4S_OK), 0);
  assert_int_equal(m4s_exit_status(M4S_ERR_INPUT), 2);
  assert_int_equal(m4s_exit_status(M4S_ERR_IO), 2);
  assert_int_equal(m4s_exit_status(M4S_ERR_MEMORY), 1);
  assert_int_equal(m4s_exit_status(M4S_ERR_MPI), 1);
  assert_int_equal(m4s_exit_status(M4S_ERR_INTERNAL), 1);
}

static m4s_status_t try_it(m4s_status_t status, bool *reached_out) {
  M4S_TRY(status);
  *reached_out = true;
  return M4S_OK;
}

static void try_should_pass_errors_on(void **state) {
  (void)state;
  bool reached = false;
  assert_int_equal(try_it(M4S_ERR_STOPPED, &reached), M4S_ERR_STOPPED);
  assert_false(reached);
  assert_int_equal(try_it(M4S_OK, &reached), M4S_OK);
  assert_true(reached);
}

// What three log calls of descending weight write to stderr at a level.
static char *logged(m4s_log_level_t level, int rank) {
  fflush(stderr);
  int kept = dup(STDERR_FILENO);
  int file = open(support_path("log"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  assert_true(kept >= 0 && file >= 0);
  dup2(file, STDERR_FILENO);
  m4s_log_set_level(level);
  m4s_log_set_rank(rank);
  m4s_log(M4S_LOG_ERROR, "flow %d", 1);
  m4s_log(M4S_LOG_WARN, "slow");
  m4s_log(M4S_LOG_INFO, "100%%");
  m4s_log(M4S_LOG_DEBUG, "detail");
  fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(file);
  m4s_log_set_level(M4S_LOG_INFO);
  m4s_log_set_rank(-1);
  return support_read("log", NULL);
}

static void log_should_show_levels_and_ranks(void **state) {
  (void)state;
  char *text = logged(M4S_LOG_INFO, -1);
  assert_string_equal(text, "m4sweep: error: flow 1\nm4sweep: warning: slow\nm4sweep: 100%\n");
  free(text);
  text = logged(M4S_LOG_DEBUG, 3);
  assert_string_equal(text,
                      "m4sweep[3]: error: flow 1\nm4sweep[3]: warning: slow\n"
                      "m4sweep[3]: 100%\nm4sweep[3]: debug: detail\n");
  free(text);
  text = logged(M4S_LOG_ERROR, 0);
  assert_string_equal(text, "m4sweep[0]: error: flow 1\n");
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(error_should_be_one_line),
      cmocka_unit_test(error_should_keep_utf_8),
      cmocka_unit_test(error_should_be_cut_when_long),
      cmocka_unit_test(context_should_stand_before_the_message),
      cmocka_unit_test(memory_errors_should_say_for_what),
      cmocka_unit_test(errors_should_belong_to_their_thread),
      cmocka_unit_test(exit_status_should_tell_input_from_the_rest),
      cmocka_unit_test(try_should_pass_errors_on),
      cmocka_unit_test(log_should_show_levels_and_ranks),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
