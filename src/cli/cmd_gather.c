// m4sweep gather: tables, figures and the page of a results folder, again.
#include <stdio.h>

#include "cli/cli.h"
#include "report/report.h"
#include "sweep/store.h"

typedef struct {
  char *reference;
  char *table, *table_simulator;
  char *folder, *folder_backend;
} options_t;

static const m4s_field_t options[] = {
    {.name = "reference",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, reference),
     .unit = "SIM",
     .help = "errors against this simulator of the sweep"},
    {.name = "reference_table",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, table),
     .unit = "FILE",
     .help = "errors against a CSV table: axes, simulator, metrics"},
    {.name = "reference_simulator",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, table_simulator),
     .unit = "NAME",
     .help = "the simulator's name in that table"},
    {.name = "reference_folder",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, folder),
     .unit = "DIR",
     .help = "errors against n_{N}_r_{R}_{backend}/EndToEnd.csv in a folder"},
    {.name = "reference_backend",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, folder_backend),
     .unit = "NAME",
     .help = "the back end's name in that folder"},
};

// Options that only make sense together.
static m4s_status_t check_pair(const char *first, const char *second, const char *names) {
  return (first == NULL) == (second == NULL)
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT, "m4sweep gather: %s go together", names);
}

// The reference that the options name, as in the manifest; NULL: none was named.
static m4s_status_t make_reference(const options_t *given, json_t **reference_out) {
  M4S_TRY(check_pair(given->table, given->table_simulator,
                     "--reference-table and --reference-simulator"));
  M4S_TRY(check_pair(given->folder, given->folder_backend,
                     "--reference-folder and --reference-backend"));
  int n = (given->reference != NULL) + (given->table != NULL) + (given->folder != NULL);
  if (n > 1) {
    return m4s_fail(M4S_ERR_INPUT,
                    "m4sweep gather: only one of --reference, --reference-table and "
                    "--reference-folder may be given");
  }
  *reference_out = NULL;
  if (given->reference != NULL) {
    *reference_out = json_pack("{s:s}", "simulator", given->reference);
  } else if (given->table != NULL) {
    *reference_out =
        json_pack("{s:s, s:s}", "table", given->table, "simulator", given->table_simulator);
  } else if (given->folder != NULL) {
    *reference_out =
        json_pack("{s:s, s:s}", "folder", given->folder, "backend", given->folder_backend);
  }
  return n == 1 && *reference_out == NULL ? m4s_fail_memory("a reference") : M4S_OK;
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)n_arguments;
  json_t *reference = NULL;
  m4s_status_t status = make_reference(given, &reference);
  if (status == M4S_OK) {
    int hold = m4s_store_hold(arguments[0]);
    status = m4s_report_write(arguments[0], reference, stdout);
    m4s_store_release(hold);
  }
  json_decref(reference);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_gather = {
    .name = "gather",
    .arguments = "DIR",
    .summary = "write tables, figures and report.html of a results folder",
    .details =
        "Without a reference option the one in the sweep's spec is used. Points that the "
        "reference\ndoes not have get no error. A table's columns are the axes of the "
        "sweep, \"simulator\", and\nmetrics in microseconds such as total_us; a folder is "
        "in the layout of the published\ngray-failure results.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(options_t),
    .run = run,
};
