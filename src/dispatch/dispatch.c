#include "dispatch/dispatch.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/file.h"
#include "core/log.h"
#include "core/version.h"
#include "dispatch/comm.h"
#include "dispatch/master.h"
#include "dispatch/placement.h"
#include "dispatch/plan.h"
#include "dispatch/worker.h"
#include "m4/kernels.h"

// As in cli/cli.h.
enum { EXIT_OTHER = 1, EXIT_POINTS_FAILED = 3, EXIT_SIGNAL = 128, MAX_WORKING_MASTER_RANKS = 8 };

// Signals reach the run through these: there is one run in a process.
static atomic_bool stop_asked;
static volatile sig_atomic_t stop_signal;

static void on_signal(int signal_number) {
  if (stop_signal == 0) {
    stop_signal = signal_number;
  }
  atomic_store(&stop_asked, true);
}

// A second SIGINT ends the run at once. SIGTERM may come twice, from mpirun and from the batch
// system.
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, NULL);
  action.sa_flags = (int)SA_RESETHAND;
  sigaction(SIGINT, &action, NULL);
}

// What rank 0 holds during a run.
typedef struct {
  const m4s_dispatch_options_t *options;
  const m4s_dispatch_hooks_t *hooks;
  m4s_comm_t comm;
  m4s_sweep_t *sweep;
  m4s_selection_t *selection;
  uint64_t *indices;
  size_t n_indices;
  char *default_out;  // owned
  const char *out;  // borrowed
  m4s_store_t *store;
  m4s_device_choice_t device;  // of this rank
  json_t *placements;
  json_t *metrics;  // owned reference: names
  m4s_plan_t plan;
  m4s_progress_t progress;
} job_t;

static void job_clear(job_t *job) {
  m4s_plan_clear(&job->plan);
  json_decref(job->placements);
  json_decref(job->metrics);
  m4s_store_close(job->store);
  free(job->default_out);
  free(job->indices);
  json_decref(job->selection);
  m4s_sweep_destroy(job->sweep);
}

// Everything that can be wrong before something is written.
static m4s_status_t prepare(job_t *job, const char *spec_path) {
  const m4s_dispatch_options_t *options = job->options;
  if (options->resume && options->fresh) {
    return m4s_fail(M4S_ERR_INPUT, "--resume and --fresh exclude each other");
  }
  if (options->master_works == M4S_MASTER_WORKS_NO && job->comm.n_ranks == 1) {
    return m4s_fail(M4S_ERR_INPUT, "--master-works no needs more than one rank");
  }
  M4S_TRY(m4s_placement_check(job->placements));
  M4S_TRY(m4s_sweep_read(spec_path, &job->sweep));
  const m4s_overrides_t overrides = {.sets = &options->set,
                                     .wheres = &options->where,
                                     .quick = options->quick,
                                     .simulators = options->simulators,
                                     .model = options->model};
  M4S_TRY(m4s_sweep_override(job->sweep, &overrides, &job->selection));
  M4S_TRY(m4s_sweep_load(job->sweep, NULL));
  M4S_TRY(
      m4s_sweep_select(job->sweep, job->selection, options->yes, &job->indices, &job->n_indices));
  M4S_TRY(m4s_plan_check(job->sweep, job->indices, job->n_indices, &job->metrics));
  m4s_sweep_warn_of_unused(job->sweep, &overrides);
  M4S_TRY(m4s_plan_check_ids(job->sweep, job->indices, job->n_indices));
  if (job->hooks->check != NULL) {
    M4S_TRY(job->hooks->check(job->sweep, job->indices, job->n_indices, job->metrics));
  }
  job->default_out = m4s_path_join("results", job->sweep->name);
  job->out = options->out != NULL ? options->out : job->default_out;
  return job->out == NULL ? m4s_fail_memory("a folder name") : M4S_OK;
}

// The overrides as given, for the manifest.
static json_t *describe_overrides(const m4s_dispatch_options_t *options) {
  json_t *sets = json_array();
  json_t *wheres = json_array();
  for (size_t i = 0; i < options->set.n_items; i++) {
    json_array_append_new(sets, json_string(options->set.items[i]));
  }
  for (size_t i = 0; i < options->where.n_items; i++) {
    json_array_append_new(wheres, json_string(options->where.items[i]));
  }
  return json_pack("{s:o, s:o, s:b, s:s*, s:s*, s:f}", "set", sets, "where", wheres, "quick",
                   options->quick, "simulators", options->simulators, "model", options->model,
                   "time_limit_s", options->time_limit_s);
}

static json_t *describe_run(const job_t *job) {
  char started[32];
  time_t now = time(NULL);
  struct tm utc;
  gmtime_r(&now, &utc);
  strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &utc);
  const json_t *own = json_array_get(job->placements, 0);
  const m4s_kernels_t *kernels;
  char back_end[64] = "cpu";
  if (m4s_kernels_choose(&kernels) == M4S_OK) {
    snprintf(back_end, sizeof back_end, "cpu (%s)", kernels->name);
  }
  const m4s_dispatch_options_t *options = job->options;
  return json_pack("{s:s, s:s, s:s, s:O, s:s, s:s, s:s, s:s, s:i, s:O, s:O, s:o}", "version",
                   M4S_VERSION, "git_id", M4S_GIT_ID, "started", started, "host",
                   json_object_get(own, "host"), "back_end", back_end, "device", options->device,
                   "gpu_products", m4s_gpu_products_names[options->gpu_products], "gpu_cells",
                   m4s_gpu_cells_names[options->gpu_cells], "n_ranks", job->comm.n_ranks, "ranks",
                   job->placements, "metrics", job->metrics, "overrides",
                   describe_overrides(job->options));
}

// Lists what is to be done in the results folder.
static m4s_status_t plan_results(job_t *job) {
  json_t *about = describe_run(job);
  bool changed = false;
  m4s_status_t status = about == NULL ? m4s_fail_memory("the manifest")
                                      : m4s_store_write_manifest(job->store, job->sweep,
                                                                 job->selection, about, &changed);
  json_decref(about);
  M4S_TRY(status);
  if (changed) {
    m4s_log(M4S_LOG_WARN,
            "the sweep has changed since the last run in %s: points that it no longer has are "
            "kept but not listed; the earlier command lists them again, and --out keeps the two "
            "apart",
            job->out);
  }
  M4S_TRY(m4s_plan_make(job->sweep, job->indices, job->n_indices, job->store,
                        job->options->retry_failed, &job->plan));
  if (job->plan.n_failed > 0) {
    m4s_log(M4S_LOG_WARN,
            "%lld points failed in an earlier run and are left alone; --retry-failed "
            "runs them again",
            (long long)job->plan.n_failed);
  }
  return M4S_OK;
}

static bool master_works(const job_t *job) {
  switch (job->options->master_works) {
    case M4S_MASTER_WORKS_YES:
      return true;
    case M4S_MASTER_WORKS_NO:
      return false;
    default:
      return job->comm.n_ranks <= MAX_WORKING_MASTER_RANKS;
  }
}

static m4s_status_t greet(job_t *job) {
  json_t *own;
  M4S_TRY(m4s_placement_take(&job->comm, &job->device, &own));
  m4s_status_t status = m4s_master_greet(&job->comm, own, &job->placements);
  json_decref(own);
  return status;
}

static m4s_status_t run_plan(job_t *job) {
  double time_limit_s = job->options->time_limit_s;
  m4s_master_t master = {.comm = &job->comm,
                         .sweep = job->sweep,
                         .store = job->store,
                         .plan = &job->plan,
                         .placements = job->placements,
                         .device = &job->device,
                         .stop = &stop_asked,
                         .works = master_works(job),
                         .points_per_worker = (int)job->options->points_per_worker,
                         .time_limit_s = time_limit_s > 0 ? time_limit_s : -1};
  return m4s_master_run(&master, &job->progress);
}

static void log_end(const job_t *job) {
  const m4s_progress_t *progress = &job->progress;
  int64_t n_ended = progress->n_done + progress->n_failed;
  if (n_ended < progress->n_total) {
    m4s_log(M4S_LOG_WARN, "stopped: %lld of %lld done; run the same command again to go on",
            (long long)progress->n_done, (long long)progress->n_total);
  } else {
    m4s_log(M4S_LOG_INFO, "results in %s after %.1f s", job->out, m4s_progress_elapsed_s(progress));
  }
  if (progress->n_failed > job->plan.n_failed) {
    m4s_log(M4S_LOG_WARN,
            "%lld points failed; m4sweep status %s lists them, --retry-failed runs them again",
            (long long)progress->n_failed, job->out);
  }
}

static m4s_status_t finish(job_t *job, int *exit_out) {
  const m4s_progress_t *progress = &job->progress;
  bool complete = progress->n_done + progress->n_failed == progress->n_total;
  log_end(job);
  if (!complete) {
    *exit_out = EXIT_SIGNAL + (stop_signal != 0 ? (int)stop_signal : SIGTERM);
    return M4S_OK;
  }
  *exit_out = progress->n_failed > 0 ? EXIT_POINTS_FAILED : 0;
  return job->hooks->finish != NULL && !job->options->no_report ? job->hooks->finish(job->out)
                                                                : M4S_OK;
}

// Results are written from here on.
static m4s_status_t run_in_store(job_t *job, int *exit_out) {
  M4S_TRY(plan_results(job));
  m4s_placement_log(job->placements);
  M4S_TRY(run_plan(job));
  return finish(job, exit_out);
}

// All of rank 0's work; the exit status.
static int run_master(job_t *job, const char *spec_path) {
  int exit_status = 0;
  m4s_status_t status = greet(job);
  if (status == M4S_OK) {
    status = prepare(job, spec_path);
  }
  if (status == M4S_OK) {
    status = m4s_store_open(job->out, job->sweep->name, job->options->fresh, &job->store);
  }
  bool opened = status == M4S_OK;
  if (opened) {
    status = run_in_store(job, &exit_status);
  }
  if (status != M4S_OK) {
    m4s_log(M4S_LOG_ERROR, "%s", m4s_last_error());
    if (!opened) {
      return m4s_exit_status(status);
    }
    // A report that cannot be written does not hide that points failed.
    return exit_status != 0 ? exit_status : EXIT_OTHER;
  }
  return exit_status;
}

static int run_rank(job_t *job, const char *spec_path) {
  int exit_status = 0;
  m4s_status_t status;
  if (job->comm.rank == 0) {
    exit_status = run_master(job, spec_path);
    status = m4s_master_dismiss(&job->comm, exit_status);
  } else {
    m4s_log_set_rank(job->comm.rank);
    status = m4s_worker_serve(&job->comm, &job->device, &stop_asked, &exit_status);
  }
  if (status != M4S_OK) {
    m4s_log(M4S_LOG_ERROR, "%s", m4s_last_error());
    m4s_comm_abort(&job->comm, 1);
    return 1;
  }
  return exit_status;
}

static m4s_status_t read_device(const m4s_dispatch_options_t *options,
                                m4s_device_choice_t *device_out) {
  device_out->products = (m4s_gpu_products_t)options->gpu_products;
  device_out->cells = (m4s_gpu_cells_t)options->gpu_cells;
  return m4s_device_choice_read(options->device, device_out);
}

int m4s_dispatch(const char *spec_path, const m4s_dispatch_options_t *options,
                 const m4s_dispatch_hooks_t *hooks) {
  job_t job = {.options = options, .hooks = hooks};
  m4s_status_t status = m4s_comm_open(&job.comm);
  if (status == M4S_OK) {
    status = read_device(options, &job.device);
  }
  if (status != M4S_OK) {
    if (m4s_comm_launch_rank() == 0) {
      m4s_log(M4S_LOG_ERROR, "%s", m4s_last_error());
    }
    m4s_comm_abort(&job.comm, m4s_exit_status(status));
    return m4s_exit_status(status);
  }
  catch_signals();
  int exit_status = run_rank(&job, spec_path);
  job_clear(&job);
  status = m4s_comm_close(&job.comm, exit_status);
  if (status != M4S_OK) {
    m4s_log(M4S_LOG_ERROR, "%s", m4s_last_error());
    return m4s_exit_status(status);
  }
  return exit_status;
}
