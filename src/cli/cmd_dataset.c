// m4sweep dataset: runs packet over scenarios, with traces, and cuts them into busy periods.
#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "dispatch/dispatch.h"
#include "train/dataset.h"

static const m4s_field_t options[] = {
    M4S_OPTION_OUT(m4s_dispatch_options_t, "DIR",
                   "folder of the data set; default: results/<name of the sweep>"),
    M4S_OPTION_SET(m4s_dispatch_options_t, M4S_HELP_SET),
    M4S_OPTION_WHERE(m4s_dispatch_options_t, M4S_HELP_WHERE),
    M4S_OPTION_QUICK(m4s_dispatch_options_t, "only points for which the spec's \"quick\" holds"),
    M4S_OPTION_FRESH(m4s_dispatch_options_t, M4S_HELP_FRESH),
    M4S_OPTION_TIME_LIMIT(m4s_dispatch_options_t, M4S_HELP_TIME_LIMIT),
};

static m4s_status_t cut(const char *folder) {
  M4S_TRY(m4s_dataset_cut(folder, stdout));
  printf("\ndata set: %s\n", folder);
  return M4S_OK;
}

// Traces are wanted of all points, with states for networks that step at every event.
static m4s_status_t check_point(const m4s_sweep_t *sweep, uint64_t index) {
  m4s_point_t point;
  m4s_status_t status = m4s_sweep_point(sweep, index, &point);
  if (status == M4S_OK && point.m4.algorithm == M4S_M4_EVENT &&
      point.output.trace != M4S_TRACE_STATES) {
    status =
        m4s_fail(M4S_ERR_INPUT, "%s: output.trace: m4.algorithm \"event\" is trained on \"states\"",
                 sweep->path);
  } else if (status == M4S_OK && point.output.trace == M4S_TRACE_NONE) {
    status = m4s_fail(M4S_ERR_INPUT,
                      "%s: output.trace: m4.algorithm \"interval\" is trained on \"events\"",
                      sweep->path);
  }
  m4s_point_clear(&point);
  return status;
}

static m4s_status_t check(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_indices,
                          const json_t *metrics) {
  (void)metrics;
  for (size_t i = 0; i < n_indices; i++) {
    M4S_TRY(check_point(sweep, indices[i]));
  }
  return M4S_OK;
}

// What is set, and flows.
static m4s_status_t list_settings(const m4s_text_list_t *given, m4s_text_list_t *list) {
  for (size_t i = 0; i < given->n_items; i++) {
    M4S_TRY(m4s_text_list_add(list, given->items[i]));
  }
  return m4s_text_list_add(list, "output.flows=true");
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)n_arguments;
  static char packet[] = "packet", cpu[] = "cpu";
  static const m4s_dispatch_hooks_t hooks = {.check = check, .finish = cut};
  m4s_dispatch_options_t dispatch = *(const m4s_dispatch_options_t *)given;
  m4s_text_list_t settings = {0};
  m4s_status_t status = list_settings(&dispatch.set, &settings);
  dispatch.set = settings;
  dispatch.simulators = packet;
  dispatch.device = cpu;
  int code =
      status == M4S_OK ? m4s_dispatch(arguments[0], &dispatch, &hooks) : m4s_cli_failed(status);
  m4s_text_list_clear(&settings);
  return code;
}

const m4s_command_t m4s_command_dataset = {
    .name = "dataset",
    .arguments = "SPEC",
    .summary = "simulate the points of a sweep with packet, as data to train m4 networks with",
    .details =
        "Runs like m4sweep run, alone or under mpirun, with the simulator packet. output.trace of "
        "the\n"
        "points is \"states\" for m4.algorithm \"event\", which is trained on busy periods, or "
        "\"events\"\n"
        "for \"interval\". Of ten points about one is for validation and one for the test.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(m4s_dispatch_options_t),
    .run = run,
    .on_all_ranks = true,
};
