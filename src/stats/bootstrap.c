#include "stats/bootstrap.h"

#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort_double.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "stats/summary.h"

typedef struct {
  gsl_rng rng;  // its state is `rng_state`; gsl_rng_alloc() would abort when memory runs out
  void *rng_state;
  const double *sorted;  // [n]
  size_t n;
  unsigned *counts;  // [n]: how often each sample was drawn
  double *means, *medians;  // [M4S_BOOTSTRAP_RESAMPLES]
} workspace_t;

static unsigned long seed_of_name(const char *name) {
  uint64_t hash = m4s_hash_bytes(M4S_HASH_START, name, strlen(name));
  return (unsigned long)((hash ^ (hash >> 32)) & 0xffffffff);
}

static m4s_status_t allocate(workspace_t *workspace, const char *name, const double *sorted,
                             size_t n) {
  const gsl_rng_type *type = gsl_rng_mt19937;
  *workspace = (workspace_t){
      .rng_state = malloc(type->size),
      .sorted = sorted,
      .n = n,
      .counts = malloc(n * sizeof *workspace->counts),
      .means = malloc(M4S_BOOTSTRAP_RESAMPLES * sizeof *workspace->means),
      .medians = malloc(M4S_BOOTSTRAP_RESAMPLES * sizeof *workspace->medians),
  };
  if (workspace->rng_state == NULL || workspace->counts == NULL || workspace->means == NULL ||
      workspace->medians == NULL) {
    return m4s_fail_memory(name);
  }
  workspace->rng = (gsl_rng){.type = type, .state = workspace->rng_state};
  gsl_rng_set(&workspace->rng, seed_of_name(name));
  return M4S_OK;
}

static void release(workspace_t *workspace) {
  free(workspace->rng_state);
  free(workspace->counts);
  free(workspace->means);
  free(workspace->medians);
}

// The resample's value at `place` (0 … n-1) of its ascending order.
static double value_at(const workspace_t *workspace, size_t place) {
  size_t i = 0;
  for (size_t n_before = workspace->counts[0]; n_before <= place;) {
    n_before += workspace->counts[++i];
  }
  return workspace->sorted[i];
}

// Counting what was drawn from the sorted samples leaves the resample sorted.
static void draw(workspace_t *workspace, size_t i_resample) {
  size_t n = workspace->n;
  memset(workspace->counts, 0, n * sizeof *workspace->counts);
  for (size_t i = 0; i < n; i++) {
    workspace->counts[gsl_rng_uniform_int(&workspace->rng, (unsigned long)n)]++;
  }
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    sum += workspace->counts[i] * workspace->sorted[i];
  }
  workspace->means[i_resample] = sum / (double)n;
  workspace->medians[i_resample] =
      (value_at(workspace, (n - 1) / 2) + value_at(workspace, n / 2)) / 2;
}

static m4s_interval_t interval(double *values) {
  gsl_sort(values, 1, M4S_BOOTSTRAP_RESAMPLES);
  return (m4s_interval_t){
      .low = m4s_quantile_of_sorted(values, M4S_BOOTSTRAP_RESAMPLES, 0.025),
      .high = m4s_quantile_of_sorted(values, M4S_BOOTSTRAP_RESAMPLES, 0.975),
  };
}

m4s_status_t m4s_bootstrap_make(const char *name, const double *samples, size_t n,
                                m4s_bootstrap_t *bootstrap_out) {
  double *sorted;
  M4S_TRY(m4s_samples_sort(name, samples, n, &sorted));
  if (n < 2) {
    free(sorted);
    *bootstrap_out = (m4s_bootstrap_t){0};
    return M4S_OK;
  }
  workspace_t workspace;
  m4s_status_t status = allocate(&workspace, name, sorted, n);
  if (status == M4S_OK) {
    for (size_t i = 0; i < M4S_BOOTSTRAP_RESAMPLES; i++) {
      draw(&workspace, i);
    }
    *bootstrap_out = (m4s_bootstrap_t){
        .known = true,
        .mean = interval(workspace.means),
        .median = interval(workspace.medians),
    };
  }
  release(&workspace);
  free(sorted);
  return status;
}
