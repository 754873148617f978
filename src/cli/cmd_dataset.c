// m4sweep dataset: runs packet over scenarios, with traces, and cuts them into busy periods.
#include <stdio.h>

#include "cli/cli.h"
#include "dispatch/dispatch.h"
#include "train/dataset.h"

static const m4s_field_t options[] = {
    {.name = "out",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_dispatch_options_t, out),
     .unit = "DIR",
     .help = "folder of the data set; default: results/<name of the sweep>"},
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
     .help = "only points for which the spec's \"quick\" holds"},
    {.name = "fresh",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_dispatch_options_t, fresh),
     .help = "remove the results that are in the folder and start over"},
    {.name = "time_limit",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_dispatch_options_t, time_limit_s),
     .unit = "S",
     .min = 0,
     .max = 1e9,
     .help = "seconds after which a point counts as failed; default: run.time_limit_s"},
};

static m4s_status_t cut(const char *folder) {
  M4S_TRY(m4s_dataset_cut(folder, stdout));
  printf("\ndata set: %s\n", folder);
  return M4S_OK;
}

// What is set, and traces.
static m4s_status_t list_settings(const m4s_text_list_t *given, m4s_text_list_t *list) {
  for (size_t i = 0; i < given->n_items; i++) {
    M4S_TRY(m4s_text_list_add(list, given->items[i]));
  }
  M4S_TRY(m4s_text_list_add(list, "output.trace=true"));
  return m4s_text_list_add(list, "output.flows=true");
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)n_arguments;
  static char packet[] = "packet";
  static const m4s_dispatch_hooks_t hooks = {.finish = cut};
  m4s_dispatch_options_t dispatch = *(const m4s_dispatch_options_t *)given;
  m4s_text_list_t settings = {0};
  m4s_status_t status = list_settings(&dispatch.set, &settings);
  dispatch.set = settings;
  dispatch.simulators = packet;
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
        "Runs like m4sweep run, alone or under mpirun, with the simulator packet and "
        "output.trace:\n"
        "flows, queues and what remains of flows at every arrival and completion. The runs are "
        "then\n"
        "cut into busy periods; of ten points about one is for validation and one for the test.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(m4s_dispatch_options_t),
    .run = run,
    .on_all_ranks = true,
};
