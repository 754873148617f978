// m4sweep run: simulates the points of a sweep, alone or on the ranks of an MPI job.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "dispatch/dispatch.h"
#include "report/reference.h"
#include "report/report.h"

static const char *const master_works[] = {"auto", "yes", "no", NULL};

static const m4s_field_t options[] = {
    {.name = "out",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_dispatch_options_t, out),
     .unit = "DIR",
     .help = "folder of the results; default: results/<name of the sweep>"},
    {.name = "simulators",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_dispatch_options_t, simulators),
     .unit = "A,B",
     .help = "run these instead of the spec's"},
    {.name = "set",
     .kind = M4S_FIELD_LIST,
     .offset = offsetof(m4s_dispatch_options_t, set),
     .unit = "NAME=VALUE",
     .help = "keep an axis at one of its values, or change another setting; repeatable"},
    {.name = "where",
     .kind = M4S_FIELD_LIST,
     .offset = offsetof(m4s_dispatch_options_t, where),
     .unit = "CONDITION",
     .help = "only points for which this holds, as \"where\" in specs; repeatable"},
    {.name = "resume",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, resume),
     .help = "go on where an earlier run ended (this is the default)"},
    {.name = "fresh",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, fresh),
     .help = "remove the results that are in the folder and start over"},
    {.name = "retry_failed",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, retry_failed),
     .help = "run points again that failed in an earlier run"},
    {.name = "time_limit",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_dispatch_options_t, time_limit_s),
     .unit = "S",
     .min = 0,
     .max = 1e9,
     .help = "seconds after which a point counts as failed; default: run.time_limit_s"},
    {.name = "master_works",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_dispatch_options_t, master_works),
     .fallback = "auto",
     .choices = master_works,
     .help = "whether rank 0 simulates, too; auto: with up to 8 ranks"},
    {.name = "yes",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, yes),
     .help = "run more than 1000000 points"},
    {.name = "no_report",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, no_report),
     .help = "leave tables and figures to m4sweep gather"},
};

// Enough to find that a reference cannot be read.
enum { MAX_ROWS_CHECKED = 1000 };

// Rows of points that have not been run; the first one has the metrics' names.
static m4s_status_t make_rows(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_rows,
                              const json_t *metrics, m4s_results_t *results) {
  results->rows = calloc(n_rows, sizeof *results->rows);
  results->folder = strdup(sweep->path);
  results->manifest = json_pack("{s:o, s:[s]}", "axes", m4s_sweep_axis_names(sweep), "simulators",
                                sweep->simulators.items[0]);
  if (results->rows == NULL || results->folder == NULL || results->manifest == NULL) {
    return m4s_fail_memory("rows");
  }
  for (size_t i = 0; i < n_rows; i++) {
    m4s_result_row_t *row = &results->rows[results->n_rows++];
    row->status = M4S_ROW_MISSING;
    row->axes = m4s_sweep_axes(sweep, indices[i]);
    row->simulator = strdup(sweep->simulators.items[0]);
    if (row->axes == NULL || row->simulator == NULL) {
      return m4s_fail_memory("rows");
    }
  }
  size_t i;
  const json_t *name;
  results->rows[0].metrics = json_object();
  json_array_foreach(metrics, i, name) {
    json_object_set_new(results->rows[0].metrics, json_string_value(name), json_null());
  }
  return M4S_OK;
}

static m4s_status_t read_reference(const m4s_sweep_t *sweep, const m4s_results_t *results) {
  m4s_view_t view;
  M4S_TRY(m4s_view_make(results, &view));
  m4s_reference_t reference = {0};
  m4s_status_t status = m4s_reference_read(&view, sweep->reference, &reference);
  if (status == M4S_OK) {
    m4s_reference_clear(&reference);
  } else {
    status = m4s_fail_in(status, "%s: reference", sweep->path);
  }
  m4s_view_clear(&view);
  return status;
}

// Reads the table or folder of the sweep's reference as the report will do, so that a bad one is
// found before points are simulated.
static m4s_status_t check_reference(const m4s_sweep_t *sweep, const uint64_t *indices,
                                    size_t n_indices, const json_t *metrics) {
  if (json_object_get(sweep->reference, "table") == NULL &&
      json_object_get(sweep->reference, "folder") == NULL) {
    return M4S_OK;
  }
  m4s_results_t results = {0};
  size_t n_rows = n_indices < MAX_ROWS_CHECKED ? n_indices : MAX_ROWS_CHECKED;
  m4s_status_t status = make_rows(sweep, indices, n_rows, metrics, &results);
  if (status == M4S_OK) {
    status = read_reference(sweep, &results);
  }
  m4s_results_clear(&results);
  return status;
}

static m4s_status_t write_report(const char *folder) {
  return m4s_report_write(folder, NULL, stdout);
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)n_arguments;
  static const m4s_dispatch_hooks_t hooks = {.check = check_reference, .finish = write_report};
  return m4s_dispatch(arguments[0], given, &hooks);
}

const m4s_command_t m4s_command_run = {
    .name = "run",
    .arguments = "SPEC",
    .summary = "simulate the points of a sweep and report on them",
    .details =
        "Alone it works in one process; under mpirun or srun --mpi=pmix, rank 0 hands points to "
        "all\n"
        "ranks. Every finished point is kept whatever happens: the same command again goes on "
        "where\n"
        "the last one ended. m4sweep plan shows the points without running them, m4sweep status "
        "how\n"
        "far a run is.\n\n"
        "exit status: 0 all points done; 3 points failed; 2 bad input, nothing was written; 128 + "
        "n\n"
        "stopped by signal n; 1 other errors.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(m4s_dispatch_options_t),
    .run = run,
    .on_all_ranks = true,
};
