// Two processes make up a group: the command, its leader, and a guard, which waits until this
// process closes a pipe, as the kernel does at its death, and then ends the group. Another pipe is
// open for writing in the command and all that inherits it: when nobody is left, it reads as ended.
#define _GNU_SOURCE
#include "core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

enum { GRACE_MS = 2000, ALIVE_FD = 3, LOWEST_FD = 10, EXIT_CANNOT_START = 127 };

static const char guard_script[] =
    "trap '' TERM; read -r _; kill -TERM 0; kill -CONT 0; sleep 2; kill -KILL 0";

struct m4s_process {
  pid_t leader, guard;
  int life_fd;  // the guard acts when it is closed
  int alive_fd;  // ends when the group, less the guard, has ended
  bool ended;  // the leader; `state` is then as of waitpid()
  bool gone;  // the group
  int state;
};

// What the two processes need; descriptors of LOWEST_FD or above.
typedef struct {
  int null_fd, log_fd, folder_fd;
  int life[2], alive[2];  // pipes: read, write
} files_t;

static void close_all(files_t *files) {
  int fds[] = {files->null_fd, files->log_fd,   files->folder_fd, files->life[0],
               files->life[1], files->alive[0], files->alive[1]};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
    if (fds[i] >= 0) {
      close(fds[i]);
    }
  }
}

// Moves a descriptor out of the way of those that the processes have.
static int raise_fd(int fd) {
  int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
  int error = errno;
  if (fd >= 0) {
    close(fd);
  }
  errno = error;
  return high;
}

static bool make_pipe(int fds[2]) {
  int made[2];
  if (pipe2(made, O_CLOEXEC) != 0) {
    return false;
  }
  fds[0] = raise_fd(made[0]);
  fds[1] = raise_fd(made[1]);
  return fds[0] >= 0 && fds[1] >= 0;
}

static m4s_status_t cannot(const char *path) {
  return m4s_fail(M4S_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
}

static m4s_status_t open_files(const m4s_process_config_t *config, files_t *files) {
  files->folder_fd = raise_fd(open(config->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (files->folder_fd < 0) {
    return cannot(config->folder);
  }
  files->log_fd =
      raise_fd(open(config->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (files->log_fd < 0) {
    return cannot(config->log);
  }
  files->null_fd = raise_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (files->null_fd < 0 || !make_pipe(files->life) || !make_pipe(files->alive)) {
    return m4s_fail(M4S_ERR_INTERNAL, "a process cannot be started: %s", strerror(errno));
  }
  return M4S_OK;
}

// --- in the new processes: nothing but what may stand between fork() and exec() ---

// Signals as a program finds them at its start.
static void reset_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  for (int i = 1; i < NSIG; i++) {
    signal(i, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_shell(const char *script, const char *const *environment) {
  static const char problem[] = "/bin/sh cannot be started\n";
  char *const arguments[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                             (char *)(uintptr_t)script, NULL};
  execve("/bin/sh", arguments, (char *const *)(uintptr_t)environment);
  // E2BIG for one: the log is told.
  if (write(STDERR_FILENO, problem, sizeof problem - 1) < 0) {
    _exit(EXIT_CANNOT_START);
  }
  _exit(EXIT_CANNOT_START);
}

static _Noreturn void be_leader(const m4s_process_config_t *config, const files_t *files,
                                pid_t parent) {
  if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent ||
      dup2(files->null_fd, STDIN_FILENO) < 0 || dup2(files->log_fd, STDOUT_FILENO) < 0 ||
      dup2(files->log_fd, STDERR_FILENO) < 0 || dup2(files->alive[1], ALIVE_FD) < 0 ||
      fchdir(files->folder_fd) != 0) {
    _exit(EXIT_CANNOT_START);
  }
  close_range(ALIVE_FD + 1, ~0U, 0);
  reset_signals();
  run_shell(config->command, config->environment);
}

static _Noreturn void be_guard(const m4s_process_config_t *config, const files_t *files,
                               pid_t leader) {
  if (setpgid(0, leader) != 0 || dup2(files->life[0], STDIN_FILENO) < 0 ||
      dup2(files->log_fd, STDOUT_FILENO) < 0 || dup2(files->log_fd, STDERR_FILENO) < 0) {
    _exit(EXIT_CANNOT_START);
  }
  close_range(STDERR_FILENO + 1, ~0U, 0);
  reset_signals();
  run_shell(guard_script, config->environment);
}

// ---

static m4s_status_t cannot_fork(void) {
  return m4s_fail(M4S_ERR_INTERNAL, "a process cannot be started: %s", strerror(errno));
}

static m4s_status_t start_guard(const m4s_process_config_t *config, const files_t *files,
                                m4s_process_t *process) {
  process->guard = fork();
  if (process->guard == 0) {
    be_guard(config, files, process->leader);
  }
  if (process->guard < 0) {
    return cannot_fork();
  }
  // Here as well as there: whoever comes first.
  setpgid(process->guard, process->leader);
  return M4S_OK;
}

static m4s_status_t start_both(const m4s_process_config_t *config, const files_t *files,
                               m4s_process_t *process) {
  pid_t parent = getpid();
  process->leader = fork();
  if (process->leader == 0) {
    be_leader(config, files, parent);
  }
  if (process->leader < 0) {
    return cannot_fork();
  }
  setpgid(process->leader, process->leader);
  return start_guard(config, files, process);
}

m4s_status_t m4s_process_start(const m4s_process_config_t *config, m4s_process_t **process_out) {
  files_t files = {-1, -1, -1, {-1, -1}, {-1, -1}};
  m4s_process_t *process = malloc(sizeof *process);
  if (process == NULL) {
    return m4s_fail_memory("a process");
  }
  *process = (m4s_process_t){.leader = -1, .guard = -1, .life_fd = -1, .alive_fd = -1};
  m4s_status_t status = open_files(config, &files);
  if (status == M4S_OK) {
    process->life_fd = files.life[1];
    process->alive_fd = files.alive[0];
    files.life[1] = files.alive[0] = -1;
    status = start_both(config, &files, process);
  }
  close_all(&files);
  if (status != M4S_OK) {
    m4s_process_destroy(process);
    return status;
  }
  *process_out = process;
  return M4S_OK;
}

// Looks once.
static m4s_status_t look(m4s_process_t *process) {
  pid_t found = waitpid(process->leader, &process->state, WNOHANG);
  if (found < 0 && errno != EINTR) {
    return m4s_fail(M4S_ERR_INTERNAL, "a command cannot be waited for: %s", strerror(errno));
  }
  process->ended = process->ended || found == process->leader;
  return M4S_OK;
}

m4s_status_t m4s_process_wait(m4s_process_t *process, double patience_ms, bool *ended_out) {
  double until_s = m4s_now_s() + patience_ms / 1e3;
  double pause_ms = 0.25;
  while (!process->ended) {
    M4S_TRY(look(process));
    double left_ms = (until_s - m4s_now_s()) * 1e3;
    if (process->ended || !(left_ms > 0)) {
      break;
    }
    double ms = pause_ms < left_ms ? pause_ms : left_ms;
    nanosleep(&(struct timespec){.tv_nsec = (long)(ms * 1e6)}, NULL);
    pause_ms = pause_ms < 10 ? 2 * pause_ms : pause_ms;
  }
  *ended_out = process->ended;
  return M4S_OK;
}

static void reap(pid_t pid, int *state) {
  while (waitpid(pid, state, 0) < 0 && errno == EINTR) {
  }
}

// Waits for the end of all that may write to the pipe.
static void wait_until_alone(const m4s_process_t *process) {
  double until_s = m4s_now_s() + GRACE_MS / 1e3;
  for (;;) {
    struct pollfd ended = {.fd = process->alive_fd, .events = POLLIN};
    int left_ms = (int)((until_s - m4s_now_s()) * 1e3);
    if (left_ms <= 0 || poll(&ended, 1, left_ms) > 0) {
      return;
    }
  }
}

// As long as leader or guard have not been reaped, the group's number is no other's.
void m4s_process_end(m4s_process_t *process) {
  if (process->gone) {
    return;
  }
  process->gone = true;
  if (process->leader > 0) {
    kill(-process->leader, SIGTERM);
    kill(-process->leader, SIGCONT);
    wait_until_alone(process);
    kill(-process->leader, SIGKILL);
  }
  if (process->leader > 0 && !process->ended) {
    reap(process->leader, &process->state);
    process->ended = true;
  }
  if (process->guard > 0) {
    reap(process->guard, NULL);
  }
}

bool m4s_process_succeeded(const m4s_process_t *process, char *problem, int n_problem) {
  int exit_status = WIFEXITED(process->state) ? WEXITSTATUS(process->state) : -1;
  int number = WIFSIGNALED(process->state) ? WTERMSIG(process->state)
               : exit_status > 128         ? exit_status - 128
                                           : 0;
  const char *name = number > 0 && number < NSIG ? sigdescr_np(number) : NULL;
  if (name != NULL) {
    snprintf(problem, (size_t)n_problem, "signal %d (%s)", number, name);
  } else {
    snprintf(problem, (size_t)n_problem, "exit status %d", exit_status);
  }
  return exit_status == 0;
}

void m4s_process_destroy(m4s_process_t *process) {
  if (process == NULL) {
    return;
  }
  m4s_process_end(process);
  if (process->life_fd >= 0) {
    close(process->life_fd);
  }
  if (process->alive_fd >= 0) {
    close(process->alive_fd);
  }
  free(process);
}
