// m4sweep: the program. Finds the subcommand, reads its options, runs it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/json.h"
#include "core/log.h"
#include "core/version.h"
#include "dispatch/comm.h"
#include "m4/kernels.h"
#include "sweep/point.h"

// One line a subcommand, in the order of the help.
#define M4S_COMMANDS(X) \
  X(run) \
  X(plan) \
  X(simulate) \
  X(status) \
  X(gather) \
  X(compare) \
  X(topology_gray_failure) \
  X(topology_cluster) \
  X(topology_clos) \
  X(topology_info) \
  X(model_import) \
  X(model_info) \
  X(model_test) \
  X(export) \
  X(import_mixes) \
  X(import_flows) \
  X(dataset) \
  X(train) \
  X(flows) \
  X(packet) \
  X(bench_flowsim) \
  X(bench_m4) \
  X(bench_packet)

#define DECLARE(name) extern const m4s_command_t m4s_command_##name;
M4S_COMMANDS(DECLARE)
#undef DECLARE

#define ADDRESS(name) &m4s_command_##name,
static const m4s_command_t *const commands[] = {M4S_COMMANDS(ADDRESS)};
#undef ADDRESS

enum { N_COMMANDS = M4S_COUNT(commands) };

static int print_version(void) {
  const m4s_kernels_t *kernels;
  m4s_status_t status = m4s_kernels_choose(&kernels);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  printf("m4sweep %s (%s)\nsimulators:", M4S_VERSION, M4S_GIT_ID);
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    printf(" %s", m4s_simulator_names[i]);
  }
  printf("\nback ends: cpu (%s)\n", kernels->name);
  return M4S_EXIT_OK;
}

static void print_usage(void) {
  printf(
      "usage: m4sweep COMMAND [OPTIONS] …\n\n"
      "Sweeps of network simulations over MPI: mpirun -n 8 m4sweep run "
      "sweeps/gray-failure.json\n\n");
  for (size_t i = 0; i < N_COMMANDS; i++) {
    printf("  %-22s %s\n", commands[i]->name, commands[i]->summary);
  }
  printf("\nm4sweep COMMAND --help tells more; m4sweep --version lists what is built in.\n");
}

static void print_help(const m4s_command_t *command) {
  printf("usage: m4sweep %s%s%s%s\n\n%s\n", command->name,
         command->n_options > 0 ? " [OPTIONS]" : "", command->arguments[0] == '\0' ? "" : " ",
         command->arguments, command->summary);
  if (command->details != NULL) {
    printf("\n%s\n", command->details);
  }
  printf("\noptions:\n");
  m4s_fields_print_help(stdout, command->options, command->n_options, true);
  printf("  %-30s this text\n", "--help");
}

int m4s_cli_failed(m4s_status_t status) {
  m4s_log(M4S_LOG_ERROR, "%s", m4s_last_error());
  return m4s_exit_status(status);
}

// Words of argv that name the command: 1 or 2, 0 if they do not name this one.
static int match(const m4s_command_t *command, int argc, char **argv) {
  const char *blank = strchr(command->name, ' ');
  if (blank == NULL) {
    return strcmp(argv[0], command->name) == 0 ? 1 : 0;
  }
  size_t n_first = (size_t)(blank - command->name);
  return argc > 1 && strlen(argv[0]) == n_first && strncmp(argv[0], command->name, n_first) == 0 &&
                 strcmp(argv[1], blank + 1) == 0
             ? 2
             : 0;
}

// Lists the commands that begin with `first` and a blank, with their summaries or, where `line` is
// not NULL, as words on that line; the number of them.
static size_t list_group(const char *first, m4s_text_t *line) {
  size_t n_found = 0;
  size_t n = strlen(first);
  for (size_t i = 0; i < N_COMMANDS; i++) {
    const m4s_command_t *command = commands[i];
    if (strncmp(command->name, first, n) != 0 || command->name[n] != ' ') {
      continue;
    }
    if (line == NULL) {
      printf("  %-22s %s\n", command->name, command->summary);
    } else {
      (void)m4s_text_add(line, "%s%s", n_found == 0 ? "" : ", ", command->name + n + 1);
    }
    n_found++;
  }
  return n_found;
}

static m4s_status_t missing_word(const char *first) {
  m4s_text_t line = {0};
  (void)list_group(first, &line);
  m4s_status_t status = m4s_fail(M4S_ERR_INPUT, "m4sweep \"%s\" needs one more word: %s", first,
                                 line.bytes == NULL ? "" : line.bytes);
  m4s_text_clear(&line);
  return status;
}

static m4s_status_t unknown_command(int argc, char **argv) {
  char typed[128];
  const char *names[N_COMMANDS];
  bool group = false;
  for (size_t i = 0; i < N_COMMANDS; i++) {
    names[i] = commands[i]->name;
    size_t n = strlen(argv[0]);
    group = group || (strncmp(names[i], argv[0], n) == 0 && names[i][n] == ' ');
  }
  if (group && argc == 1) {
    return missing_word(argv[0]);
  }
  bool two = group && argc > 1;
  snprintf(typed, sizeof typed, "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
  return m4s_fail(M4S_ERR_INPUT, "unknown command \"%s\"%s; m4sweep --help lists them", typed,
                  m4s_did_you_mean(typed, names, N_COMMANDS));
}

static m4s_status_t unknown_option(const m4s_command_t *command, const char *typed) {
  char texts[64][64];
  const char *names[64];
  size_t n = 0;
  for (; n < command->n_options && n < M4S_COUNT(names); n++) {
    snprintf(texts[n], sizeof texts[n], "--%s", command->options[n].name);
    for (char *c = texts[n]; *c != '\0'; c++) {
      *c = *c == '_' ? '-' : *c;
    }
    names[n] = texts[n] + 2;
  }
  const char *nearest = m4s_nearest_name(typed, names, n);
  char hint[96] = "";
  if (nearest != NULL) {
    snprintf(hint, sizeof hint, " (did you mean --%s?)", nearest);
  }
  return m4s_fail(M4S_ERR_INPUT, "m4sweep %s: unknown option --%s%s", command->name, typed, hint);
}

// What a command line has given so far.
typedef struct {
  void *options;
  bool seen[64];  // by the command's options
} given_t;

// Lists may be given again and flags say the same; of two values of another one would be lost.
static m4s_status_t check_once(const m4s_command_t *command, const m4s_field_t *field,
                               const char *where, given_t *given) {
  size_t i = (size_t)(field - command->options);
  bool again = field->kind != M4S_FIELD_LIST && field->kind != M4S_FIELD_FLAG &&
               i < M4S_COUNT(given->seen) && given->seen[i];
  if (i < M4S_COUNT(given->seen)) {
    given->seen[i] = true;
  }
  return again ? m4s_fail(M4S_ERR_INPUT, "%s is given twice", where) : M4S_OK;
}

// Reads one option at argv[0]; n_used_out: 1, or 2 with its value.
static m4s_status_t read_option(const m4s_command_t *command, given_t *given, int argc, char **argv,
                                int *n_used_out) {
  const char *equals = strchr(argv[0], '=');
  char name[64];
  int n_name = equals == NULL ? (int)strlen(argv[0]) : (int)(equals - argv[0]);
  snprintf(name, sizeof name, "%.*s", n_name - 2 < 63 ? n_name - 2 : 63, argv[0] + 2);
  const m4s_field_t *field = m4s_fields_find(command->options, command->n_options, name);
  if (field == NULL) {
    return unknown_option(command, name);
  }
  char where[96];
  snprintf(where, sizeof where, "--%s", name);
  bool next = equals == NULL && field->kind != M4S_FIELD_FLAG;
  if (next && argc < 2) {
    return m4s_fail(M4S_ERR_INPUT, "%s needs a value", where);
  }
  *n_used_out = next ? 2 : 1;
  const char *value = next ? argv[1] : equals != NULL ? equals + 1 : "true";
  M4S_TRY(check_once(command, field, where, given));
  M4S_TRY(m4s_json_check_text(value, where));
  return m4s_field_set_text(field, given->options, value, where);
}

// "-o" is short for --out, in commands that have it.
static char *long_form(const m4s_command_t *command, char *typed) {
  static char out[] = "--out";
  bool short_form = strcmp(typed, "-o") == 0 &&
                    m4s_fields_find(command->options, command->n_options, out + 2) != NULL;
  return short_form ? out : typed;
}

// Splits argv into options and arguments (moved to the front of argv). Sets *help_out on --help.
static m4s_status_t read_command_line(const m4s_command_t *command, void *options, int argc,
                                      char **argv, int *n_arguments_out, bool *help_out) {
  given_t given = {.options = options};
  int n_arguments = 0;
  bool only_arguments = false;
  for (int i = 0; i < argc;) {
    argv[i] = only_arguments ? argv[i] : long_form(command, argv[i]);
    if (only_arguments || strncmp(argv[i], "-", 1) != 0) {
      argv[n_arguments++] = argv[i++];
    } else if (strcmp(argv[i], "--") == 0) {
      only_arguments = true;
      i++;
    } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      *help_out = true;
      return M4S_OK;
    } else if (strncmp(argv[i], "--", 2) != 0) {
      return m4s_fail(M4S_ERR_INPUT, "m4sweep %s: unknown option %s (options begin with --)",
                      command->name, argv[i]);
    } else {
      int n_used = 0;
      M4S_TRY(read_option(command, &given, argc - i, argv + i, &n_used));
      i += n_used;
    }
  }
  if (n_arguments < command->min_arguments || n_arguments > command->max_arguments) {
    return m4s_fail(M4S_ERR_INPUT, "usage: m4sweep %s [OPTIONS] %s (%d given)", command->name,
                    command->arguments, n_arguments);
  }
  *n_arguments_out = n_arguments;
  return M4S_OK;
}

// A command line that all ranks were given is refused by all, and told by one. They meet first:
// mpirun kills the others as soon as one has ended, and the error with them.
static int failed_on_all_ranks(m4s_status_t status) {
  int exit_status = m4s_exit_status(status);
  if (m4s_comm_launch_rank() == 0) {
    exit_status = m4s_cli_failed(status);
  }
  m4s_comm_t comm;
  if (m4s_comm_open(&comm) == M4S_OK) {
    (void)m4s_comm_close(&comm, exit_status);
  }
  return exit_status;
}

static int run_command(const m4s_command_t *command, int argc, char **argv) {
  void *options = calloc(1, command->options_bytes + 1);
  if (options == NULL) {
    return m4s_cli_failed(m4s_fail_memory("options"));
  }
  int n_arguments = 0;
  bool help = false;
  int exit_status = M4S_EXIT_OK;
  m4s_status_t status = m4s_fields_set_defaults(command->options, command->n_options, options);
  if (status == M4S_OK) {
    status = read_command_line(command, options, argc, argv, &n_arguments, &help);
  }
  if (status != M4S_OK) {
    exit_status = command->on_all_ranks ? failed_on_all_ranks(status) : m4s_cli_failed(status);
  } else if (help) {
    print_help(command);
  } else {
    exit_status = command->run(options, n_arguments, argv);
  }
  m4s_fields_clear(command->options, command->n_options, options);
  free(options);
  return exit_status;
}

// A full disk or a closed pipe must not look like success.
static int flush_output(int exit_status) {
  if (fflush(stdout) != 0 || ferror(stdout)) {
    m4s_log(M4S_LOG_ERROR, "standard output cannot be written");
    return exit_status == M4S_EXIT_OK ? M4S_EXIT_FAILURE : exit_status;
  }
  return exit_status;
}

int main(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
      strcmp(argv[1], "help") == 0) {
    print_usage();
    return flush_output(argc < 2 ? M4S_EXIT_BAD_INPUT : M4S_EXIT_OK);
  }
  if (strcmp(argv[1], "--version") == 0) {
    return flush_output(print_version());
  }
  for (size_t i = 0; i < N_COMMANDS; i++) {
    int n_words = match(commands[i], argc - 1, argv + 1);
    if (n_words > 0) {
      return flush_output(run_command(commands[i], argc - 1 - n_words, argv + 1 + n_words));
    }
  }
  if (argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0) &&
      list_group(argv[1], NULL) > 0) {
    return flush_output(M4S_EXIT_OK);
  }
  return m4s_cli_failed(unknown_command(argc - 1, argv + 1));
}
