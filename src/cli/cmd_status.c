// m4sweep status: how far a run is, what failed and why, where the time went.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/json.h"
#include "dispatch/progress.h"
#include "sweep/results.h"
#include "sweep/store.h"

enum { MAX_REASONS = 20 };

typedef struct {
  const char *name;
  size_t n[3];  // by m4s_row_status_t
  double wall_s, max_wall_s;
} totals_t;

static totals_t total_of(const m4s_results_t *results, const char *simulator) {
  totals_t totals = {.name = simulator};
  for (size_t i = 0; i < results->n_rows; i++) {
    const m4s_result_row_t *row = &results->rows[i];
    if (strcmp(row->simulator, simulator) == 0) {
      totals.n[row->status]++;
      totals.wall_s += row->wall_s;
      totals.max_wall_s = row->wall_s > totals.max_wall_s ? row->wall_s : totals.max_wall_s;
    }
  }
  return totals;
}

static void print_totals(const m4s_results_t *results) {
  const json_t *names = json_object_get(results->manifest, "simulators");
  printf("%-12s %8s %8s %8s %14s %11s %11s\n", "simulator", "ok", "failed", "missing", "time",
         "mean", "longest");
  for (size_t i = 0; i < json_array_size(names); i++) {
    const char *name = json_string_value(json_array_get(names, i));
    totals_t totals = total_of(results, name);
    size_t n_run = totals.n[M4S_ROW_OK] + totals.n[M4S_ROW_FAILED];
    char time[48];
    m4s_duration_show(totals.wall_s, time, sizeof time);
    printf("%-12s %8zu %8zu %8zu %14s %9.3f s %9.3f s\n", name, totals.n[M4S_ROW_OK],
           totals.n[M4S_ROW_FAILED], totals.n[M4S_ROW_MISSING], time,
           n_run > 0 ? totals.wall_s / (double)n_run : 0.0, totals.max_wall_s);
  }
}

static void print_axes(const m4s_result_row_t *row) {
  const char *name;
  json_t *value;
  bool first = true;
  json_object_foreach(row->axes, name, value) {
    const char *text = json_string_value(value);
    printf("%s%s %s", first ? "" : ", ", name, text != NULL ? text : m4s_json_show(value));
    first = false;
  }
}

// Failures of one simulator for one reason.
typedef struct {
  const m4s_result_row_t *first;
  size_t n;
} failure_t;

static int compare_reasons(const m4s_result_row_t *a, const m4s_result_row_t *b) {
  int order = strcmp(a->simulator, b->simulator);
  return order != 0 ? order : strcmp(a->reason, b->reason);
}

static int compare_failures(const void *a, const void *b) {
  const failure_t *x = a;
  const failure_t *y = b;
  int order = compare_reasons(x->first, y->first);
  return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

static int compare_first(const void *a, const void *b) {
  const failure_t *x = a;
  const failure_t *y = b;
  return (x->first > y->first) - (x->first < y->first);
}

// Each reason once, in the order of the first points that they hit; the number of them.
static size_t group_failures(const m4s_results_t *results, failure_t *failures) {
  size_t n_rows = 0;
  for (size_t i = 0; i < results->n_rows; i++) {
    if (results->rows[i].status == M4S_ROW_FAILED) {
      failures[n_rows++] = (failure_t){&results->rows[i], 1};
    }
  }
  qsort(failures, n_rows, sizeof *failures, compare_failures);
  size_t n = 0;
  for (size_t i = 0; i < n_rows; i++) {
    if (n > 0 && compare_reasons(failures[n - 1].first, failures[i].first) == 0) {
      failures[n - 1].n++;
    } else {
      failures[n++] = failures[i];
    }
  }
  qsort(failures, n, sizeof *failures, compare_first);
  return n;
}

static m4s_status_t print_failures(const m4s_results_t *results) {
  failure_t *failures = calloc(results->n_rows + 1, sizeof *failures);
  if (failures == NULL) {
    return m4s_fail_memory("a table");
  }
  size_t n = group_failures(results, failures);
  for (size_t i = 0; i < n && i < MAX_REASONS; i++) {
    const m4s_result_row_t *row = failures[i].first;
    printf(i == 0 ? "\nfailed:\n" : "");
    printf("  %zu with %s: %s\n    first: %s (", failures[i].n, row->simulator, row->reason,
           row->case_id);
    print_axes(row);
    printf(")\n");
  }
  if (n > MAX_REASONS) {
    printf("  … and more: journal.jsonl has them all\n");
  }
  free(failures);
  return M4S_OK;
}

static m4s_status_t print_status(const m4s_results_t *results) {
  size_t n[3] = {0};
  for (size_t i = 0; i < results->n_rows; i++) {
    n[results->rows[i].status]++;
  }
  const char *name = json_string_value(json_object_get(results->manifest, "name"));
  const char *version = json_string_value(json_object_get(results->manifest, "version"));
  const char *started = json_string_value(json_object_get(results->manifest, "started"));
  char holder[128] = "";
  bool busy = m4s_store_busy(results->folder, holder, sizeof holder);
  printf("%s: %zu of %zu done, %zu failed, %zu missing\n", name == NULL ? "?" : name, n[M4S_ROW_OK],
         results->n_rows, n[M4S_ROW_FAILED], n[M4S_ROW_MISSING]);
  int64_t n_ranks = json_integer_value(json_object_get(results->manifest, "n_ranks"));
  printf("last run started %s with m4sweep %s on %lld rank%s%s%s\n\n",
         started == NULL ? "?" : started, version == NULL ? "?" : version, (long long)n_ranks,
         n_ranks == 1 ? "" : "s", busy ? ", at work now: " : "", holder);
  print_totals(results);
  M4S_TRY(print_failures(results));
  if (n[M4S_ROW_FAILED] > 0) {
    printf("\nm4sweep run with --retry-failed runs the failed points again\n");
  }
  if (n[M4S_ROW_MISSING] > 0 && !busy) {
    printf("%sto run the missing points, run the same command again\n",
           n[M4S_ROW_FAILED] > 0 ? "" : "\n");
  }
  return M4S_OK;
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)given;
  (void)n_arguments;
  m4s_results_t results;
  m4s_status_t status = m4s_results_read(arguments[0], &results);
  if (status == M4S_OK) {
    status = print_status(&results);
    m4s_results_clear(&results);
  }
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_status = {
    .name = "status",
    .arguments = "DIR",
    .summary = "tell what is done, failed and missing in a results folder",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = NULL,
    .n_options = 0,
    .options_bytes = 0,
    .run = run,
};
