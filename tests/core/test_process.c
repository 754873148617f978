// Commands in groups of their own: how they end, and that nothing of them is left.
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "core/clock.h"
#include "core/process.h"

static m4s_process_t *start(const char *command) {
  static const char *const environment[] = {"PATH=/usr/bin:/bin", "GREETING=hello", NULL};
  m4s_process_t *process = NULL;
  m4s_process_config_t config = {
      .command = command, .folder = support_folder, .environment = environment};
  config.log = support_path("log");
  ASSERT_OK(m4s_process_start(&config, &process));
  return process;
}

static bool ends_within(m4s_process_t *process, double ms) {
  bool ended = false;
  ASSERT_OK(m4s_process_wait(process, ms, &ended));
  return ended;
}

static void assert_log(const char *expected) {
  char *log = support_read("log", NULL);
  assert_string_equal(log, expected);
  free(log);
}

// Waits for a file with a number in it.
static pid_t read_pid(const char *name) {
  for (int i = 0; i < 1000; i++) {
    FILE *file = fopen(support_path(name), "re");
    int pid = 0;
    if (file != NULL && fscanf(file, "%d ", &pid) == 1 && pid > 0) {
      fclose(file);
      return pid;
    }
    if (file != NULL) {
      fclose(file);
    }
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  fail_msg("%s has no process id", name);
  return 0;
}

// Not even as a zombie of ours; a zombie of init's is gone soon.
static bool is_gone(pid_t pid, double seconds) {
  char path[64];
  char text[512];
  double until_s = m4s_now_s() + seconds;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  do {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
      return true;
    }
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || name_end[2] == 'Z' || name_end[2] == 'X') {
      return true;
    }
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  } while (m4s_now_s() < until_s);
  return false;
}

static void assert_no_children(void) {
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  assert_int_equal(errno, ECHILD);
}

static void command_should_run_in_its_folder_with_its_environment(void **state) {
  (void)state;
  char problem[64];
  m4s_process_t *process =
      start("echo $GREETING; echo error >&2; touch here; cat; echo ${HOME-none}");
  assert_true(ends_within(process, 10000));
  assert_true(m4s_process_succeeded(process, problem, sizeof problem));
  m4s_process_destroy(process);
  assert_log("hello\nerror\nnone\n");
  assert_true(m4s_path_exists(support_path("here")));
  assert_no_children();
}

static void ends_should_be_told(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"exit 3", "exit status 3"},
                                         {"kill -9 $$", "signal 9 (Killed)"},
                                         {"sh -c 'kill -11 $$'; exit $?",
                                          "signal 11 (Segmentation "
                                          "fault)"},
                                         {"/nowhere/program", "exit status 127"},
                                         {"exit 255", "exit status 255"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char problem[64];
    m4s_process_t *process = start(cases[i][0]);
    assert_true(ends_within(process, 10000));
    assert_false(m4s_process_succeeded(process, problem, sizeof problem));
    assert_string_equal(problem, cases[i][1]);
    m4s_process_destroy(process);
  }
  assert_no_children();
}

static void waiting_should_be_patient_as_asked(void **state) {
  (void)state;
  m4s_process_t *process = start("sleep 30");
  double start_s = m4s_now_s();
  assert_false(ends_within(process, 50));
  double waited_s = m4s_now_s() - start_s;
  assert_true(waited_s >= 0.05 && waited_s < 5);
  m4s_process_destroy(process);
  assert_true(m4s_now_s() - start_s < 1.9);  // no grace is needed
  assert_no_children();
}

// A grandchild that ignores SIGTERM, and outlives its parents.
static void group_should_end_in_full(void **state) {
  (void)state;
  m4s_process_t *process =
      start("sh -c 'trap \"\" TERM; sleep 60 & echo $! > stubborn; wait' & echo $! > child; wait");
  pid_t child = read_pid("child");
  pid_t stubborn = read_pid("stubborn");
  double start_s = m4s_now_s();
  m4s_process_end(process);
  double took_s = m4s_now_s() - start_s;
  assert_true(took_s >= 1.9 && took_s < 10);
  assert_true(is_gone(child, 1) && is_gone(stubborn, 1));
  m4s_process_destroy(process);
  assert_no_children();
}

// What a command that has ended has left behind.
static void rest_of_the_group_should_end(void **state) {
  (void)state;
  m4s_process_t *process = start("sleep 60 & echo $! > rest");
  pid_t rest = read_pid("rest");
  assert_true(ends_within(process, 10000));
  assert_false(is_gone(rest, 0.05));
  m4s_process_destroy(process);
  assert_true(is_gone(rest, 1));
  assert_no_children();
}

static void stopped_processes_should_end(void **state) {
  (void)state;
  m4s_process_t *process = start("sleep 60 & echo $! > rest; kill -STOP $! $$");
  pid_t rest = read_pid("rest");
  m4s_process_destroy(process);
  assert_true(is_gone(rest, 1));
  assert_no_children();
}

// A process that is killed leaves nothing running, stubborn ones neither.
static void group_should_end_with_its_maker(void **state) {
  (void)state;
  pid_t maker = fork();
  assert_true(maker >= 0);
  if (maker == 0) {
    start("(trap '' TERM; exec sleep 61) & echo $! > left; sleep 62 & echo $! > killed; wait");
    pause();
    _exit(0);
  }
  pid_t stubborn = read_pid("left");
  pid_t child = read_pid("killed");
  assert_false(is_gone(stubborn, 0.2));
  kill(maker, SIGKILL);
  assert_int_equal(waitpid(maker, NULL, 0), maker);
  assert_true(is_gone(child, 1.5));
  assert_true(is_gone(stubborn, 10));
}

static void log_that_cannot_be_written_should_be_an_error(void **state) {
  (void)state;
  m4s_process_t *process = NULL;
  const char *const environment[] = {NULL};
  m4s_process_config_t config = {.command = "true",
                                 .folder = support_folder,
                                 .log = "/proc/none/log",
                                 .environment = environment};
  ASSERT_FAILS(m4s_process_start(&config, &process), M4S_ERR_IO,
               "/proc/none/log: cannot be written: No such file or directory");
  assert_null(process);
  assert_no_children();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(command_should_run_in_its_folder_with_its_environment),
      cmocka_unit_test(ends_should_be_told),
      cmocka_unit_test(waiting_should_be_patient_as_asked),
      cmocka_unit_test(group_should_end_in_full),
      cmocka_unit_test(rest_of_the_group_should_end),
      cmocka_unit_test(stopped_processes_should_end),
      cmocka_unit_test(group_should_end_with_its_maker),
      cmocka_unit_test(log_that_cannot_be_written_should_be_an_error),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
