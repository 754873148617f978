// m4sweep compare: two results folders, point by point.
#include <stdio.h>

#include "cli/cli.h"
#include "core/file.h"
#include "report/compare.h"

typedef struct {
  char *metric;
  char *simulator_a, *simulator_b;
  char *csv;
} options_t;

static const m4s_field_t options[] = {
    {.name = "metric",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, metric),
     .unit = "NAME",
     .help = "a column of summary.csv (default: what reports compare the traffic by)"},
    {.name = "simulator_a",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, simulator_a),
     .unit = "SIM",
     .help = "only this simulator of A (and of B, unless given)"},
    {.name = "simulator_b",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, simulator_b),
     .unit = "SIM",
     .help = "only this simulator of B (and of A, unless given)"},
    {.name = "csv",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, csv),
     .unit = "FILE",
     .help = "write all points to this file"},
};

static m4s_status_t print(const m4s_comparison_t *comparison, const char *csv_path) {
  m4s_text_t text = {0};
  m4s_status_t status = M4S_OK;
  if (csv_path != NULL) {
    status = m4s_comparison_add_csv(comparison, &text);
    if (status == M4S_OK) {
      status = m4s_file_write(csv_path, text.bytes, text.length);
    }
    m4s_text_clear(&text);
  }
  if (status == M4S_OK) {
    status = m4s_comparison_add_overview(comparison, &text);
  }
  if (status == M4S_OK) {
    fputs(text.bytes, stdout);
  }
  m4s_text_clear(&text);
  return status;
}

static m4s_status_t compare(const options_t *given, const char *folder_a, const char *folder_b) {
  m4s_results_t a, b;
  M4S_TRY(m4s_results_read(folder_a, &a));
  m4s_status_t status = m4s_results_read(folder_b, &b);
  if (status != M4S_OK) {
    m4s_results_clear(&a);
    return status;
  }
  m4s_compare_options_t how = {
      .metric = given->metric,
      .simulator_a = given->simulator_a,
      .simulator_b = given->simulator_b,
  };
  m4s_comparison_t comparison;
  status = m4s_comparison_make(&a, &b, &how, &comparison);
  if (status == M4S_OK) {
    status = print(&comparison, given->csv);
    m4s_comparison_clear(&comparison);
  }
  m4s_results_clear(&a);
  m4s_results_clear(&b);
  return status;
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)n_arguments;
  m4s_status_t status = compare(given, arguments[0], arguments[1]);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_compare = {
    .name = "compare",
    .arguments = "A B",
    .summary = "compare two results folders point by point",
    .details =
        "Points match where all axis values and the simulator are equal. With "
        "--simulator-a and\n--simulator-b two simulators are compared; A and B may then be "
        "one folder. That nothing can be compared is an error.",
    .min_arguments = 2,
    .max_arguments = 2,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(options_t),
    .run = run,
};
