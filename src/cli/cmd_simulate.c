// m4sweep simulate: one point of a sweep, told in full.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "core/clock.h"
#include "core/file.h"
#include "dispatch/plan.h"
#include "report/point_summary.h"
#include "sweep/outside.h"

typedef struct {
  char *out;
  char *simulators, *model, *device;
  m4s_text_list_t set;
} options_t;

static const m4s_field_t options[] = {
    M4S_OPTION_OUT(options_t, "DIR",
                   "write flows.npy, links.csv and EndToEnd.csv of workloads to DIR/<simulator>"),
    M4S_OPTION_SIMULATORS(options_t, M4S_HELP_AS_RUN),
    M4S_OPTION_MODEL(options_t, M4S_HELP_AS_RUN),
    M4S_OPTION_DEVICE(options_t, "auto", M4S_HELP_AS_RUN),
    M4S_OPTION_SET(options_t, M4S_HELP_AS_RUN),
};

typedef struct {
  const options_t *options;
  m4s_sweep_t *sweep;  // owned
  uint64_t index;  // of the point
  m4s_point_t point;
  m4s_engines_t *engines;  // owned
  m4s_results_t results;
  m4s_simulated_t *facts;  // owned, [n simulators]
} job_t;

static void clear(job_t *job) {
  free(job->facts);
  m4s_results_clear(&job->results);
  m4s_engines_destroy(job->engines);
  m4s_point_clear(&job->point);
  m4s_sweep_destroy(job->sweep);
}

// Several points are left: names the axes along which they differ.
static m4s_status_t fail_several(const m4s_sweep_t *sweep, const json_t *selection,
                                 const uint64_t *indices, size_t n_indices) {
  const json_t *chosen = json_object_get(selection, "set");
  m4s_text_t open = {0};
  m4s_status_t status = M4S_OK;
  for (size_t g = 0; g < sweep->n_groups; g++) {
    bool differ = false;
    for (size_t i = 1; i < n_indices && !differ; i++) {
      differ = m4s_sweep_position(sweep, indices[i], g) != m4s_sweep_position(sweep, indices[0], g);
    }
    for (size_t a = 0; differ && status == M4S_OK && a < sweep->groups[g].n_axes; a++) {
      const char *name = sweep->groups[g].axes[a].name;
      if (json_object_get(chosen, name) == NULL) {
        status = m4s_text_add(&open, "%s--set %s=…", open.length == 0 ? "" : ", ", name);
      }
    }
  }
  if (status == M4S_OK) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: %zu points are left, one is simulated: choose it with %s",
                      sweep->path, n_indices, open.bytes == NULL ? "--set" : open.bytes);
  }
  m4s_text_clear(&open);
  return status;
}

static m4s_status_t select_point(job_t *job, const m4s_selection_t *selection) {
  uint64_t *indices = NULL;
  size_t n_indices = 0;
  M4S_TRY(m4s_sweep_select(job->sweep, selection, false, &indices, &n_indices));
  m4s_status_t status =
      n_indices == 1 ? M4S_OK : fail_several(job->sweep, selection, indices, n_indices);
  job->index = indices[0];
  free(indices);
  return status;
}

// A reference that is a simulator which is not run would be missed in the results.
static m4s_status_t outline(job_t *job) {
  M4S_TRY(m4s_results_outline(job->sweep, &job->index, 1, &job->results));
  json_t *manifest = job->results.manifest;
  const json_t *reference = json_object_get(manifest, "reference");
  const char *name = json_string_value(json_object_get(reference, "simulator"));
  bool run = json_object_get(reference, "table") != NULL;
  for (size_t i = 0; name != NULL && i < job->sweep->simulators.n_items; i++) {
    run = run || strcmp(job->sweep->simulators.items[i], name) == 0;
  }
  if (name != NULL && !run) {
    json_object_del(manifest, "reference");
  }
  json_t *sets = json_array();
  for (size_t i = 0; i < job->options->set.n_items; i++) {
    json_array_append_new(sets, json_string(job->options->set.items[i]));
  }
  json_t *overrides = json_pack("{s:o}", "set", sets);
  return overrides == NULL || json_object_set_new(manifest, "overrides", overrides) != 0
             ? m4s_fail_memory("results")
             : M4S_OK;
}

// Everything that can be wrong before something is simulated.
static m4s_status_t prepare(job_t *job, const char *spec_path) {
  const m4s_overrides_t overrides = {.sets = &job->options->set,
                                     .simulators = job->options->simulators,
                                     .model = job->options->model};
  m4s_selection_t *selection = NULL;
  json_t *metrics = NULL;
  M4S_TRY(m4s_sweep_read(spec_path, &job->sweep));
  M4S_TRY(m4s_sweep_override(job->sweep, &overrides, &selection));
  m4s_status_t status = m4s_sweep_load(job->sweep, NULL);
  if (status == M4S_OK) {
    status = select_point(job, selection);
  }
  json_decref(selection);
  M4S_TRY(status);
  M4S_TRY(m4s_plan_check(job->sweep, &job->index, 1, &metrics));
  m4s_sweep_warn_of_unused(job->sweep, &overrides);
  status = m4s_cli_check_reference(job->sweep, &job->index, 1, metrics);
  json_decref(metrics);
  M4S_TRY(status);
  M4S_TRY(m4s_sweep_point(job->sweep, job->index, &job->point));
  job->point.output.flows = job->point.output.links = job->options->out != NULL;
  job->facts = calloc(job->sweep->simulators.n_items, sizeof *job->facts);
  return job->facts == NULL ? m4s_fail_memory("results") : M4S_OK;
}

// A finished run's results, and its files unless `folder` is NULL.
static m4s_status_t keep(m4s_point_run_t *run, const char *folder, m4s_result_row_t *row,
                         m4s_simulated_t *facts) {
  m4s_point_result_t result = m4s_point_run_result(run);
  facts->n_steps = result.n_steps;
  M4S_TRY(m4s_slowdowns_make(result.times.records, result.times.n_flows, &facts->slowdowns));
  if (folder != NULL) {
    M4S_TRY(m4s_folder_make(folder));
  }
  M4S_TRY(m4s_point_run_finish(run, folder, &row->metrics));
  row->status = M4S_ROW_OK;
  json_t *outside;
  M4S_TRY(m4s_point_run_outside(run, &outside));
  m4s_status_t status = m4s_outside_words(outside, &row->caution);
  json_decref(outside);
  return status;
}

// Keeps the output of a simulator of the user's, also after an error, which then stays.
static m4s_status_t keep_log(m4s_point_run_t *run, const char *folder, m4s_status_t status) {
  char problem[512];
  bool kept;
  snprintf(problem, sizeof problem, "%s", m4s_last_error());
  m4s_status_t logged = m4s_point_run_keep_log(run, folder, &kept);
  return status == M4S_OK ? logged : m4s_fail(status, "%s", problem);
}

// Runs to the end in `place`, of a simulator of the user's, and keeps its results.
static m4s_status_t simulate_in(job_t *job, size_t i, const m4s_external_place_t *place,
                                const char *folder) {
  m4s_result_row_t *row = &job->results.rows[i];
  m4s_point_run_t *run = NULL;
  double start_s = m4s_now_s();
  m4s_status_t status =
      place->external != NULL
          ? m4s_point_run_begin_external(&job->point, place, NULL, &run)
          : m4s_point_run_begin(&job->point, row->simulator, job->engines, NULL, &run);
  if (status == M4S_OK && folder != NULL && place->external == NULL) {
    status = m4s_point_run_trace(run, folder);
  }
  if (status == M4S_OK) {
    status = m4s_point_run_to_end(run, job->engines);
  }
  row->wall_s = m4s_now_s() - start_s;
  if (status == M4S_OK) {
    status = keep(run, folder, row, &job->facts[i]);
  }
  if (run != NULL && folder != NULL) {
    status = keep_log(run, folder, status);
  }
  m4s_point_run_destroy(run);
  return status;
}

static m4s_status_t simulate_into(job_t *job, size_t i, const char *folder) {
  const m4s_result_row_t *row = &job->results.rows[i];
  char scratch[M4S_TEMPORARY_BYTES];
  m4s_external_place_t place = {.external = m4s_sweep_external(job->sweep, row->simulator),
                                .case_id = row->case_id,
                                .spec_folder = job->sweep->folder,
                                .folder = folder == NULL ? scratch : folder};
  if (place.external == NULL) {
    return simulate_in(job, i, &place, folder);
  }
  M4S_TRY(folder == NULL ? m4s_folder_make_temporary(scratch) : m4s_folder_make(folder));
  m4s_status_t status = simulate_in(job, i, &place, folder);
  if (folder == NULL) {
    rmdir(scratch);
  }
  return status;
}

static m4s_status_t simulate(job_t *job, size_t i) {
  const char *out = job->options->out;
  const char *simulator = job->results.rows[i].simulator;
  char *folder = out == NULL ? NULL : m4s_path_join(out, simulator);
  m4s_status_t status = out != NULL && folder == NULL ? m4s_fail_memory("a folder name")
                                                      : simulate_into(job, i, folder);
  free(folder);
  return status == M4S_OK ? M4S_OK : m4s_fail_in(status, "%s", simulator);
}

static m4s_status_t print(const job_t *job) {
  m4s_text_t text = {0};
  m4s_status_t status = m4s_point_summary_add(&job->results, job->facts, &text);
  if (status == M4S_OK) {
    fputs(text.bytes, stdout);
  }
  m4s_text_clear(&text);
  return status;
}

static m4s_status_t run_job(job_t *job, const char *spec_path) {
  m4s_device_choice_t device = m4s_device_choice_cpu();
  M4S_TRY(m4s_device_choice_read(job->options->device, &device));
  M4S_TRY(m4s_device_choice_resolve(&device, 0));
  M4S_TRY(prepare(job, spec_path));
  M4S_TRY(outline(job));
  if (job->options->out != NULL) {
    M4S_TRY(m4s_folder_make(job->options->out));
  }
  M4S_TRY(m4s_engines_create(&job->engines));
  m4s_engines_choose(job->engines, &device);
  for (size_t i = 0; i < job->results.n_rows; i++) {
    M4S_TRY(simulate(job, i));
  }
  return print(job);
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)n_arguments;
  job_t job = {.options = given};
  m4s_status_t status = run_job(&job, arguments[0]);
  clear(&job);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_simulate = {
    .name = "simulate",
    .arguments = "SPEC",
    .summary = "simulate one point of a sweep and tell what came out",
    .details =
        "One point must be left by --set. Each simulator's times, slowdowns (FCT over ideal FCT) "
        "and work\nare printed, and its errors against the sweep's reference. Nothing is kept "
        "without --out.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(options_t),
    .run = run,
};
