// m4sweep export: flows of points as NumPy arrays.
#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "report/export.h"

typedef struct {
  char *out, *simulators;
} options_t;

static const m4s_field_t options[] = {
    M4S_OPTION_OUT(options_t, "FOLDER", "the folder to write (-o FOLDER does the same)"),
    M4S_OPTION_SIMULATORS(options_t, "whose completion times (default: all of the sweep)"),
};

static int run(const void *values, int n_arguments, char **arguments) {
  (void)n_arguments;
  const options_t *given = values;
  const m4s_export_t export = {
      .results = arguments[0], .simulators = given->simulators, .out = given->out};
  size_t n_points = 0;
  size_t n_left_out = 0;
  m4s_status_t status = given->out == NULL
                            ? m4s_fail(M4S_ERR_INPUT, "m4sweep export: needs --out FOLDER")
                            : m4s_export(&export, &n_points, &n_left_out);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  printf("%zu point%s written to %s", n_points, n_points == 1 ? "" : "s", given->out);
  if (n_left_out > 0) {
    printf(", %zu left out: failed, missing or without flows", n_left_out);
  }
  printf("\n");
  return M4S_EXIT_OK;
}

const m4s_command_t m4s_command_export = {
    .name = "export",
    .arguments = "DIR|POINT",
    .summary = "write flows and completion times of points as NumPy arrays",
    .details =
        "DIR is a results folder, POINT one of its DIR/points/CASE. Each point gets a folder with "
        "fat.npy\n"
        "(arrivals, ns), fsize.npy (bytes), fsd.npy (source, destination), fct_NAME.npy (ns, by "
        "simulator),\n"
        "ideal_fct.npy, links.npy, flow_to_path.npy, flow_to_links.txt, param_m4.npy, flows.txt, "
        "topology.txt\n"
        "and records.csv; results/README.md tells what is in them. m4sweep import flows reads "
        "them.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(options_t),
    .run = run,
};
