// m4sweep run: simulates the points of a sweep, alone or on the ranks of an MPI job.
#include <stdio.h>

#include "cli/cli.h"
#include "dispatch/dispatch.h"
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
    {.name = "model",
     .kind = M4S_FIELD_PATH,
     .offset = offsetof(m4s_dispatch_options_t, model),
     .unit = "FILE",
     .help = "weights of m4 (m4.model); adds m4 to the spec's simulators"},
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
    {.name = "quick",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, quick),
     .help = "only points for which the spec's \"quick\" holds, to see it work"},
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
    {.name = "points_per_worker",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_dispatch_options_t, points_per_worker),
     .unit = "N",
     .fallback = "0",
     .min = 0,
     .max = M4S_MAX_POINTS_PER_WORKER,
     .help = "points that a rank simulates side by side; 0: as many as make full batches of m4"},
    {.name = "device",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_dispatch_options_t, device),
     .unit = "WHERE",
     .fallback = "auto",
     .help =
         "where m4 networks are evaluated: cpu, cuda:N, or auto: large ones on a GPU if there is "
         "one, by turns among the ranks of a node"},
    {.name = "gpu_products",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_dispatch_options_t, gpu_products),
     .fallback = "float32",
     .choices = m4s_gpu_products_names,
     .help = "on a GPU; tf32 is faster, and off by about 0.1 % in a step"},
    {.name = "gpu_cells",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_dispatch_options_t, gpu_cells),
     .fallback = "cublas",
     .choices = m4s_gpu_cells_names,
     .help = "recurrent cells on a GPU; with cudnn last bits may depend on the batch"},
    {.name = "yes",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, yes),
     .help = "run more than 1000000 points"},
    {.name = "no_report",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, no_report),
     .help = "leave tables and figures to m4sweep gather"},
};

static m4s_status_t write_report(const char *folder) {
  return m4s_report_write(folder, NULL, stdout);
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)n_arguments;
  static const m4s_dispatch_hooks_t hooks = {.check = m4s_cli_check_reference,
                                             .finish = write_report};
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
        "conditions (--where, \"where\"): names of settings, numbers, 'texts', + - * / %, == != < "
        "<= "
        "> >=,\n&& || !, parentheses: --where \"reduction <= 4 && flowsim.mode == 'exact'\"\n\n"
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
