// m4sweep plan: the points of a sweep without running them; the settings that a spec may name.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "core/json.h"
#include "dispatch/plan.h"

typedef struct {
  char *simulators, *model;
  m4s_text_list_t set, where;
  bool quick, yes, count, settings;
} options_t;

static const m4s_field_t options[] = {
    M4S_OPTION_SIMULATORS(options_t, M4S_HELP_AS_RUN),
    M4S_OPTION_MODEL(options_t, M4S_HELP_AS_RUN),
    M4S_OPTION_SET(options_t, M4S_HELP_AS_RUN),
    M4S_OPTION_WHERE(options_t, M4S_HELP_AS_RUN),
    M4S_OPTION_QUICK(options_t, M4S_HELP_AS_RUN),
    {.name = "yes",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(options_t, yes),
     .help = "list more than 1000000 points"},
    {.name = "count",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(options_t, count),
     .help = "check as well, but print the number of points only"},
    {.name = "settings",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(options_t, settings),
     .help = "print all settings that \"base\" and \"axes\" may name, and stop"},
};

static void print_external(void) {
  printf(
      "\nA simulator of your own, {\"name\": NAME, \"command\": TEXT, ...}: the command runs once "
      "a point. Of a\nworkload it gets {workload} and {topology} (a file in SimAI's format) and "
      "leaves SimAI's EndToEnd.csv;\nof a mix or list of flows it gets {flows} and {topology} "
      "(files "
      "of the HPCC simulators) and leaves their\nfct.txt. {out} (its folder), {seed}, {case}, "
      "{spec_folder} and every setting ({topology.reduction})\nstand for their values, quoted "
      "where "
      "they need to be; braces of the shell are written {{ and }}.\n");
  m4s_fields_print_help(stdout, m4s_external_fields, M4S_N_EXTERNAL_FIELDS, false);
  printf("  %-30s %s\n", "environment", "{\"NAME\": \"value\"}: variables beside those of m4sweep");
}

static void print_settings(void) {
  printf("A spec is one JSON object:\n\n");
  m4s_fields_print_help(stdout, m4s_sweep_fields, m4s_n_sweep_fields, false);
  printf("  %-30s %s\n", "simulators",
         "names, in the order of the results; one of your own is an object");
  printf("  %-30s %s\n", "reference",
         "what errors are against: a simulator's name, {\"table\": FILE,");
  printf("  %-30s %s\n", "", "\"simulator\": NAME} or {\"folder\": DIR, \"backend\": NAME}");
  printf("  %-30s %s\n", "base", "settings of all points: {\"section\": {\"key\": value}}");
  printf("  %-30s %s\n", "axes",
         "[{\"setting\": values, ...}, ...]: entries are crossed, settings of one");
  printf("  %-30s %s\n", "",
         "entry move together; values are a list, {\"range\": [first, last, step]},");
  printf("  %-30s %s\n", "",
         "{\"linspace\": [first, last, count]} or {\"logspace\": [first, last, count]}");
  printf("  %-30s %s\n", "",
         "(rounded for whole-number settings, each value once); or random points,");
  printf("  %-30s %s\n", "",
         "{\"sample\": {\"points\": N, \"seed\": S, \"setting\": values, ...}}: each");
  printf("  %-30s %s\n", "",
         "setting draws one of its values, or of {\"uniform\": [low, high]} or");
  printf("  %-30s %s\n", "",
         "{\"loguniform\": [low, high]} (the seed of the points themselves is run.seed)");
  print_external();
  printf(
      "\nConditions (\"where\", --where): names of settings, numbers, 'texts', + - * / %%, == != < "
      "<= > >=,\n&& || !, parentheses.\n");
  printf("\nSettings, \"section.key\" or \"key\" where only one section has it:\n");
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    printf("\n%s: %s\n", section->name, section->help);
    m4s_fields_print_help(stdout, section->fields, section->n_fields, false);
  }
}

// A value as it stands in a column.
static void show_value(const json_t *value, char *text, size_t n_text) {
  const char *string = json_string_value(value);
  snprintf(text, n_text, "%s", string != NULL ? string : m4s_json_show(value));
}

// Widths of the axes' columns, from their names and the first points.
static m4s_status_t measure(const m4s_sweep_t *sweep, const uint64_t *indices, size_t n_indices,
                            int *widths) {
  for (size_t i = 0; i < n_indices && i < 1000; i++) {
    json_t *axes = m4s_sweep_axes(sweep, indices[i]);
    if (axes == NULL) {
      return m4s_fail_memory("a point");
    }
    int column = 0;
    const char *name;
    json_t *value;
    json_object_foreach(axes, name, value) {
      char text[80];
      show_value(value, text, sizeof text);
      int wanted = (int)(strlen(name) > strlen(text) ? strlen(name) : strlen(text));
      widths[column] = wanted > widths[column] ? wanted : widths[column];
      column++;
    }
    json_decref(axes);
  }
  return M4S_OK;
}

static m4s_status_t cost_of(const m4s_sweep_t *sweep, uint64_t index, double *cost_out) {
  m4s_point_t point;
  m4s_status_t status = m4s_sweep_point(sweep, index, &point);
  *cost_out = 0;
  for (size_t i = 0; status == M4S_OK && i < sweep->simulators.n_items; i++) {
    *cost_out += m4s_point_expected_cost(&point, sweep->simulators.items[i]);
  }
  m4s_point_clear(&point);
  return status;
}

static m4s_status_t print_point(const m4s_sweep_t *sweep, uint64_t index, const int *widths,
                                double total_cost) {
  char case_id[M4S_CASE_ID_BYTES];
  double cost;
  M4S_TRY(m4s_sweep_case_id(sweep, index, case_id));
  M4S_TRY(cost_of(sweep, index, &cost));
  json_t *axes = m4s_sweep_axes(sweep, index);
  if (axes == NULL) {
    return m4s_fail_memory("a point");
  }
  printf("%s", case_id);
  int column = 0;
  const char *name;
  json_t *value;
  json_object_foreach(axes, name, value) {
    char text[80];
    show_value(value, text, sizeof text);
    printf("  %*s", widths[column++], text);
  }
  printf("  %5.2f %%\n", total_cost > 0 ? 100 * cost / total_cost : 0.0);
  json_decref(axes);
  return M4S_OK;
}

static void print_header(const m4s_sweep_t *sweep, const int *widths) {
  printf("%-16s", "case");
  int column = 0;
  for (size_t g = 0; g < sweep->n_groups; g++) {
    for (size_t a = 0; a < sweep->groups[g].n_axes; a++) {
      printf("  %*s", widths[column++], sweep->groups[g].axes[a].name);
    }
  }
  printf("  %7s\n", "cost");
}

static m4s_status_t print_points(const m4s_sweep_t *sweep, const uint64_t *indices,
                                 size_t n_indices) {
  size_t n_axes = 0;
  for (size_t g = 0; g < sweep->n_groups; g++) {
    n_axes += sweep->groups[g].n_axes;
  }
  int *widths = calloc(n_axes + 1, sizeof *widths);
  if (widths == NULL) {
    return m4s_fail_memory("a table");
  }
  double total_cost = 0;
  m4s_status_t status = measure(sweep, indices, n_indices, widths);
  for (size_t i = 0; status == M4S_OK && i < n_indices; i++) {
    double cost;
    status = cost_of(sweep, indices[i], &cost);
    total_cost += cost;
  }
  if (status == M4S_OK) {
    print_header(sweep, widths);
  }
  for (size_t i = 0; status == M4S_OK && i < n_indices; i++) {
    status = print_point(sweep, indices[i], widths, total_cost);
  }
  free(widths);
  return status;
}

static void print_end(const m4s_sweep_t *sweep, size_t n_indices) {
  size_t n = sweep->simulators.n_items;
  printf("\n%zu point%s with %zu simulator%s (", n_indices, n_indices == 1 ? "" : "s", n,
         n == 1 ? "" : "s");
  for (size_t i = 0; i < n; i++) {
    printf("%s%s", i == 0 ? "" : ", ", sweep->simulators.items[i]);
  }
  printf("); cost: expected share of the time, roughly\n");
}

// As m4sweep run does before it writes something; for very many points without their case ids.
static m4s_status_t check_points(const m4s_sweep_t *sweep, const uint64_t *indices,
                                 size_t n_indices) {
  json_t *metrics = NULL;
  m4s_status_t status = m4s_plan_check(sweep, indices, n_indices, &metrics);
  if (status == M4S_OK && n_indices <= M4S_MANY_POINTS) {
    status = m4s_plan_check_ids(sweep, indices, n_indices);
  }
  if (status == M4S_OK) {
    status = m4s_cli_check_reference(sweep, indices, n_indices, metrics);
  }
  json_decref(metrics);
  return status;
}

static m4s_status_t print_plan(m4s_sweep_t *sweep, const options_t *given) {
  m4s_selection_t *selection;
  uint64_t *indices = NULL;
  size_t n_indices = 0;
  const m4s_overrides_t overrides = {.sets = &given->set,
                                     .wheres = &given->where,
                                     .quick = given->quick,
                                     .simulators = given->simulators,
                                     .model = given->model};
  M4S_TRY(m4s_sweep_override(sweep, &overrides, &selection));
  m4s_status_t status = m4s_sweep_load(sweep, NULL);
  if (status == M4S_OK) {
    status = m4s_sweep_select(sweep, selection, given->yes, &indices, &n_indices);
  }
  if (status == M4S_OK) {
    status = check_points(sweep, indices, n_indices);
  }
  if (status == M4S_OK) {
    m4s_sweep_warn_of_unused(sweep, &overrides);
  }
  if (status == M4S_OK && given->count) {
    printf("%zu\n", n_indices);
  } else if (status == M4S_OK) {
    status = print_points(sweep, indices, n_indices);
    if (status == M4S_OK) {
      print_end(sweep, n_indices);
    }
  }
  free(indices);
  json_decref(selection);
  return status;
}

static int run(const void *given, int n_arguments, char **arguments) {
  const options_t *chosen = given;
  if (chosen->settings) {
    print_settings();
    return M4S_EXIT_OK;
  }
  if (n_arguments == 0) {
    return m4s_cli_failed(
        m4s_fail(M4S_ERR_INPUT, "usage: m4sweep plan [OPTIONS] SPEC, or m4sweep plan --settings"));
  }
  m4s_sweep_t *sweep = NULL;
  m4s_status_t status = m4s_sweep_read(arguments[0], &sweep);
  if (status == M4S_OK) {
    status = print_plan(sweep, chosen);
  }
  m4s_sweep_destroy(sweep);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_plan = {
    .name = "plan",
    .arguments = "SPEC",
    .summary = "list the points of a sweep without running them",
    .details =
        "One line a point: case id, values of the axes, expected share of the time. The "
        "inputs are\nchecked as by m4sweep run. --settings lists what a spec may set.",
    .min_arguments = 0,
    .max_arguments = 1,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(options_t),
    .run = run,
};
