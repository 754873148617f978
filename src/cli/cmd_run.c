// m4sweep run: simulates the points of a sweep, alone or on the ranks of an MPI job.
#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "dispatch/dispatch.h"
#include "report/report.h"

static const char *const master_works[] = {"auto", "yes", "no", NULL};

static const m4s_field_t options[] = {
    M4S_OPTION_OUT(m4s_dispatch_options_t, "DIR",
                   "folder of the results; default: results/<name of the sweep>"),
    M4S_OPTION_SIMULATORS(m4s_dispatch_options_t, "run these instead of the spec's"),
    M4S_OPTION_MODEL(
        m4s_dispatch_options_t,
        "weights of m4 in place of those built in (m4.model); adds m4 to the spec's simulators"),
    M4S_OPTION_SET(m4s_dispatch_options_t, M4S_HELP_SET),
    M4S_OPTION_WHERE(m4s_dispatch_options_t, M4S_HELP_WHERE),
    M4S_OPTION_QUICK(m4s_dispatch_options_t,
                     "only points for which the spec's \"quick\" holds, to see it work"),
    {.name = "resume",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, resume),
     .help = "go on where an earlier run ended (this is the default)"},
    M4S_OPTION_FRESH(m4s_dispatch_options_t, M4S_HELP_FRESH),
    {.name = "retry_failed",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, retry_failed),
     .help = "run points again that failed in an earlier run"},
    M4S_OPTION_TIME_LIMIT(m4s_dispatch_options_t, M4S_HELP_TIME_LIMIT),
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
    M4S_OPTION_DEVICE(m4s_dispatch_options_t, "auto",
                      "where m4 networks are evaluated: cpu, cuda:N, or auto: large ones on a GPU "
                      "if there is one, by turns among the ranks of a node"),
    M4S_OPTION_GPU_PRODUCTS(m4s_dispatch_options_t,
                            "on a GPU; tf32 rounds factors to 11 bits: states are off by about "
                            "0.1 % a step"),
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
