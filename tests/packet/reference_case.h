// Cases that the ns-3 programs of the HPCC family have run: what the programs took, and this
// project's runs of the same files.
#pragma once

#include "support.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>

#include "core/csv.h"
#include "core/text.h"
#include "packet/hpcc_case.h"
#include "stats/summary.h"

// A row of the programs' results.
typedef struct {
  int64_t flow, size_bytes, start_ns, ack_ns, received_ns, ideal_ns;
} row_t;

typedef struct {
  char folder[800];
  const char *profile_name;
  m4s_packet_profile_t profile;
  m4s_hpcc_case_t one;
  m4s_hpcc_outputs_t outputs;
  m4s_hpcc_result_t result;
  row_t *rows;  // [n_rows], in the order of completion
  size_t n_rows;
} run_t;

static inline int64_t number_of(const char *text) {
  int64_t value = -1;
  if (!m4s_parse_int64(text, &value)) {
    fail_msg("\"%s\" is no number", text);
  }
  return value;
}

static inline void read_csv(run_t *run, const char *path) {
  static const char *const names[] = {"flow",       "size",      "start_ns",
                                      "fct_ack_ns", "fct_rx_ns", "standalone_ns"};
  m4s_csv_t csv;
  ASSERT_OK(m4s_csv_read(path, &csv));
  run->n_rows = csv.n_rows;
  run->rows = calloc(csv.n_rows, sizeof *run->rows);
  assert_non_null(run->rows);
  for (size_t i = 0; i < csv.n_rows; i++) {
    int64_t values[6];
    for (size_t j = 0; j < 6; j++) {
      int column = m4s_csv_column(&csv, names[j]);
      assert_true(column >= 0);
      values[j] = number_of(m4s_csv_cell(&csv, i, (size_t)column));
    }
    run->rows[i] = (row_t){values[0], values[1], values[2], values[3], values[4], values[5]};
  }
  m4s_csv_clear(&csv);
}

static inline void read_case(run_t *run, const char *folder, const char *profile_name,
                             m4s_packet_profile_t profile) {
  char config[900];
  *run = (run_t){.profile_name = profile_name, .profile = profile};
  snprintf(run->folder, sizeof run->folder, "%s", folder);
  snprintf(config, sizeof config, "%s/config.%s.txt", folder, profile_name);
  const m4s_hpcc_paths_t paths = {.config = config};
  ASSERT_OK(m4s_hpcc_case_read(&paths, profile, &run->one));
  run->outputs.wants_fct = true;
}

static inline void simulate(run_t *run) {
  m4s_hpcc_result_clear(&run->result);
  m4s_hpcc_outputs_clear(&run->outputs);
  run->outputs.wants_fct = true;
  ASSERT_OK(m4s_hpcc_case_run(&run->one, &(m4s_run_limits_t){0}, &run->outputs, &run->result));
}

static inline void clear(run_t *run) {
  m4s_hpcc_result_clear(&run->result);
  m4s_hpcc_outputs_clear(&run->outputs);
  m4s_hpcc_case_clear(&run->one);
  free(run->rows);
}

// --- distributions ---

enum { P50, MEAN, P90, P99, N_STATISTICS };

enum { SEEDS = 4 };  // of random marking

static inline void describe(const double *slowdowns, size_t n, double out[N_STATISTICS]) {
  m4s_summary_t summary;
  double *sorted = NULL;
  ASSERT_OK(m4s_summary_make("slowdowns", slowdowns, n, &summary));
  ASSERT_OK(m4s_samples_sort("slowdowns", slowdowns, n, &sorted));
  out[P50] = summary.median;
  out[MEAN] = summary.mean;
  out[P90] = summary.p90;
  out[P99] = m4s_quantile_of_sorted(sorted, n, 0.99);
  free(sorted);
}

static inline void describe_theirs(const run_t *run, double out[N_STATISTICS]) {
  double *slowdowns = calloc(run->n_rows, sizeof *slowdowns);
  assert_non_null(slowdowns);
  for (size_t i = 0; i < run->n_rows; i++) {
    slowdowns[i] = (double)run->rows[i].ack_ns / (double)run->rows[i].ideal_ns;
  }
  describe(slowdowns, run->n_rows, out);
  free(slowdowns);
}

static inline void describe_ours(const run_t *run, double out[N_STATISTICS]) {
  size_t n = (size_t)run->result.n_flows;
  double *slowdowns = calloc(n, sizeof *slowdowns);
  assert_non_null(slowdowns);
  for (size_t i = 0; i < n; i++) {
    assert_true(run->result.fct_ns[i] >= 0);
    slowdowns[i] = (double)run->result.fct_ns[i] / (double)run->result.ideal_ns[i];
  }
  describe(slowdowns, n, out);
  free(slowdowns);
}

// --- cases ---

static inline int is_name(const struct dirent *entry) { return entry->d_name[0] != '.'; }

// Calls `check` for every case of a folder of the reference data; returns their number.
static inline int for_each_case(const char *folder, int stride,
                                void (*check)(const char *folder, const char *name)) {
  struct dirent **entries;
  char base[512];
  snprintf(base, sizeof base, "%s", support_reference(folder));
  int n = scandir(base, &entries, is_name, alphasort);
  assert_true(n > 0);
  for (int i = 0; i < n; i++) {
    char one[800];
    snprintf(one, sizeof one, "%s/%s", base, entries[i]->d_name);
    if (i % stride == 0) {
      check(one, entries[i]->d_name);
    }
    free(entries[i]);
  }
  free(entries);
  return n;
}

static inline bool is_random(const char *name) {
  return strstr(name, "dcqcn") != NULL && strstr(name, "det") == NULL;
}
