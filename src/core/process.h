// Commands of the shell, each with all that it starts in a process group that ends with this
// process.
#pragma once

#include <stdbool.h>

#include "core/status.h"

typedef struct m4s_process m4s_process_t;

typedef struct {
  const char *command;  // for sh -c
  const char *folder;  // where it runs
  const char *log;  // the file that gets its output and errors; stdin is /dev/null
  const char *const *environment;  // "NAME=value", NULL-terminated: all that it gets
} m4s_process_config_t;

// Starts a command. If this process or the calling thread dies, the whole group gets SIGTERM, and
// after 2 s SIGKILL. M4S_ERR_IO: the log cannot be written; M4S_ERR_INTERNAL: there are no more
// processes.
m4s_status_t m4s_process_start(const m4s_process_config_t *config, m4s_process_t **process_out);

// Waits up to `patience_ms` for the command to end; others of its group may go on.
m4s_status_t m4s_process_wait(m4s_process_t *process, double patience_ms, bool *ended_out);

// Ends the whole group: what is left of it gets SIGTERM, and after 2 s SIGKILL. Nothing of it is
// left then but what has gone into another group by itself.
void m4s_process_end(m4s_process_t *process);

// Of an ended command: true for exit status 0, else `problem` says how it ended: "exit status 3",
// "signal 9 (Killed)". A shell's 128 + n for a command that signal n has ended counts as that.
bool m4s_process_succeeded(const m4s_process_t *process, char *problem, int n_problem);

// Ends the group unless that has been done; NULL is fine.
void m4s_process_destroy(m4s_process_t *process);
