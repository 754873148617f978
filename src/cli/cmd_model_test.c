// m4sweep model test: how accurate an m4 network is over the recorded scenarios of data sets.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "core/file.h"
#include "core/log.h"
#include "dispatch/comm.h"
#include "report/model_scores.h"

typedef struct {
  int part;
  char *out;
  int64_t points;
} options_t;

static const char *const parts[] = {"training", "validation", "test", "all", NULL};

static const m4s_field_t options[] = {
    {.name = "part",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(options_t, part),
     .choices = parts,
     .fallback = "test",
     .help = "of the data sets: training: what networks are trained on; validation: what the best "
             "is chosen by; test: neither; all: for data sets that the network has not seen"},
    M4S_OPTION_OUT(options_t, "DIR", "write scenarios.csv, groups.csv and figures there"),
    {.name = "points",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, points),
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .help = "test no more than so many scenarios, at even distances in the list; 0: all"},
};

typedef struct {
  const options_t *options;
  const char *model;  // NULL: the one that is built in
  m4s_comm_t comm;
  m4s_engines_t *engines;  // owned
  m4s_test_cases_t cases;
  m4s_tested_results_t results;
} job_t;

static void clear(job_t *job) {
  m4s_engines_destroy(job->engines);
  m4s_test_cases_clear(&job->cases);
  m4s_tested_results_clear(&job->results);
}

// Everything that can be wrong before something is simulated; the same on all ranks.
static m4s_status_t prepare(job_t *job, int n_arguments, char **arguments) {
  m4s_shared_engine_t *shared;
  job->model = m4s_typed_model(arguments[0]);
  M4S_TRY(m4s_engines_create(&job->engines));
  M4S_TRY(m4s_engines_take(job->engines, job->model, M4S_FORWARD_FAST, &shared));
  m4s_engines_release(job->engines, shared);
  return m4s_test_cases_list((const char *const *)arguments + 1, (size_t)n_arguments - 1,
                             (m4s_part_t)job->options->part, job->options->points, &job->cases);
}

// Every n-th case is this rank's.
static m4s_status_t run_cases(job_t *job) {
  for (size_t i = (size_t)job->comm.rank; i < job->cases.n_cases; i += (size_t)job->comm.n_ranks) {
    const m4s_test_case_t *test_case = &job->cases.cases[i];
    M4S_TRY(m4s_test_run(test_case, (int32_t)i, job->model, job->engines, &job->results));
    m4s_log(M4S_LOG_INFO, "scenario %zu of %zu, case %s", i + 1, job->cases.n_cases,
            test_case->case_id);
  }
  return M4S_OK;
}

// --- results of all ranks ---

static m4s_status_t check(int code) {
  return code == MPI_SUCCESS
             ? M4S_OK
             : m4s_fail(M4S_ERR_MPI, "the ranks' results cannot be brought together");
}

// Rank 0 gets the items of all ranks, one rank's after the other's; they replace its own.
static m4s_status_t gather(const m4s_comm_t *comm, void **items, size_t *n_items,
                           size_t item_bytes) {
  int *counts = calloc(2 * (size_t)comm->n_ranks, sizeof *counts);  // bytes, then where they begin
  char *all = NULL;
  if (counts == NULL || *n_items * item_bytes > INT_MAX / (size_t)comm->n_ranks) {
    free(counts);
    return m4s_fail_memory("the ranks' results");
  }
  int *begins = counts + comm->n_ranks;
  int n_bytes = (int)(*n_items * item_bytes);
  m4s_status_t status = check(MPI_Gather(&n_bytes, 1, MPI_INT, counts, 1, MPI_INT, 0, comm->comm));
  size_t total = 0;
  for (int rank = 0; rank < comm->n_ranks; rank++) {
    begins[rank] = (int)total;
    total += (size_t)counts[rank];
  }
  if (status == M4S_OK && comm->rank == 0) {
    all = malloc(total + 1);
    status = all == NULL ? m4s_fail_memory("the ranks' results") : M4S_OK;
  }
  if (status == M4S_OK) {
    status =
        check(MPI_Gatherv(*items, n_bytes, MPI_BYTE, all, counts, begins, MPI_BYTE, 0, comm->comm));
  }
  if (status == M4S_OK && comm->rank == 0) {
    free(*items);
    *items = all;
    *n_items = total / item_bytes;
    all = NULL;
  }
  free(all);
  free(counts);
  return status;
}

static int compare_flows(const void *a, const void *b) {
  const m4s_tested_flow_t *x = a;
  const m4s_tested_flow_t *y = b;
  return x->scenario != y->scenario ? (x->scenario > y->scenario) - (x->scenario < y->scenario)
                                    : (x->id > y->id) - (x->id < y->id);
}

static int compare_scenarios(const void *a, const void *b) {
  const m4s_tested_scenario_t *x = a;
  const m4s_tested_scenario_t *y = b;
  return (x->scenario > y->scenario) - (x->scenario < y->scenario);
}

static m4s_status_t gather_results(job_t *job) {
  m4s_tested_results_t *results = &job->results;
  void *flows = results->flows;
  void *scenarios = results->scenarios;
  if (job->comm.n_ranks == 1) {
    return M4S_OK;
  }
  m4s_status_t status = gather(&job->comm, &flows, &results->n_flows, sizeof *results->flows);
  results->flows = flows;
  if (status == M4S_OK) {
    status = gather(&job->comm, &scenarios, &results->n_scenarios, sizeof *results->scenarios);
    results->scenarios = scenarios;
  }
  M4S_TRY(status);
  if (job->comm.rank == 0) {
    qsort(results->flows, results->n_flows, sizeof *results->flows, compare_flows);
    qsort(results->scenarios, results->n_scenarios, sizeof *results->scenarios, compare_scenarios);
  }
  return M4S_OK;
}

static m4s_status_t tell(const job_t *job, const m4s_model_scores_t *scores) {
  const char *out = job->options->out;
  m4s_text_t text = {0};
  m4s_status_t status = m4s_model_scores_add_text(&job->results, scores, &text);
  if (status == M4S_OK) {
    printf("%s: %zu scenarios, %zu flows\n\n%s",
           job->model == NULL ? M4S_BUILT_IN_NAME : job->model, job->results.n_scenarios,
           job->results.n_flows, text.bytes);
  }
  m4s_text_clear(&text);
  if (status == M4S_OK && out != NULL) {
    status = m4s_folder_make(out);
  }
  if (status == M4S_OK && out != NULL) {
    status = m4s_model_scores_write(&job->results, scores, out);
  }
  return status;
}

static m4s_status_t run_all(job_t *job) {
  m4s_model_scores_t scores;
  M4S_TRY(run_cases(job));
  M4S_TRY(gather_results(job));
  if (job->comm.rank > 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_model_scores_make(&job->results, &scores));
  m4s_status_t status = tell(job, &scores);
  m4s_model_scores_clear(&scores);
  return status;
}

static int run(const void *given, int n_arguments, char **arguments) {
  job_t job = {.options = given};
  m4s_status_t status = m4s_comm_open(&job.comm);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  status = prepare(&job, n_arguments, arguments);
  int code = m4s_exit_status(status);
  if (status != M4S_OK && job.comm.rank == 0) {
    code = m4s_cli_failed(status);
  }
  if (status == M4S_OK) {
    status = run_all(&job);
    code = status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
    if (status != M4S_OK && job.comm.n_ranks > 1) {
      m4s_comm_abort(&job.comm, code);  // the other ranks wait for this one's results
    }
  }
  clear(&job);
  m4s_comm_close(&job.comm, code);
  return code;
}

const m4s_command_t m4s_command_model_test = {
    .name = "model test",
    .arguments = "MODEL DATASET…",
    .summary = "how accurate an m4 network is over recorded scenarios",
    .details =
        "MODEL is a file with the weights of an m4 network, or built-in; DATASETs are what m4sweep "
        "dataset\n"
        "has made.\n"
        "Each scenario is simulated with flowsim, with m4 as in a sweep, and with m4 "
        "teacher-forced, whose\n"
        "states and remaining bytes are those of the record at every step: its mean prediction "
        "over a flow's\n"
        "life, which tells of its accuracy where errors do not build up, and the one at the flow's "
        "arrival.\n"
        "Errors are those of single flows' slowdowns, against packet. Alone, or on the ranks of an "
        "MPI job.",
    .min_arguments = 2,
    .max_arguments = 64,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(options_t),
    .run = run,
    .on_all_ranks = true,
};
