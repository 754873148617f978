// Subcommands of the m4sweep program. Each is one thin file with one constant of this type; main.c
// lists them, reads their options from the field table and prints their help.
#pragma once

#include "core/field.h"
#include "sweep/spec.h"

// Exit statuses of the program.
enum {
  M4S_EXIT_OK = 0,
  M4S_EXIT_FAILURE = 1,  // anything not listed below
  M4S_EXIT_BAD_INPUT = 2,  // bad options or files: a run has written nothing
  M4S_EXIT_POINTS_FAILED = 3,  // the sweep went through, but points of it failed
};

typedef struct m4s_command {
  const char *name;  // "run"; a second word after a blank makes a sub-subcommand: "bench flowsim"
  const char *arguments;  // "SPEC", "A B", …: shown in the usage line
  const char *summary;  // one line
  const char *details;  // more help: full sentences, lines of at most 100 columns; may be NULL
  int min_arguments, max_arguments;
  const m4s_field_t *options;
  size_t n_options;
  size_t options_bytes;  // of the object that `options` describe
  // `options` are filled in, `arguments` hold between min and max entries. Returns the exit status;
  // after an error set by m4s_fail() it returns m4s_cli_failed(status), which prints it.
  int (*run)(const void *options, int n_arguments, char **arguments);
  bool on_all_ranks;  // of an MPI job, of which one reports bad options
} m4s_command_t;

// Logs the last error once and gives the exit status for it.
int m4s_cli_failed(m4s_status_t status);

// Reads the table or folder of the sweep's reference as the report will do, so that a bad one is
// found before points are simulated. `metrics`: the names of the points' metrics.
m4s_status_t m4s_cli_check_reference(const m4s_sweep_t *sweep, const uint64_t *indices,
                                     size_t n_indices, const json_t *metrics);
