#include "stats/bootstrap.h"

#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "stats/summary.h"

// How many samples of a group are in a bin.
typedef struct {
  size_t bin, n;
} entry_t;

// Samples in ascending order, cut into bins, with what each group has in each bin: a resample is
// known by its bins, and only the bin with the median is looked into.
typedef struct {
  const char *name;
  size_t n, n_groups, n_bins;
  double *sorted;  // [n]
  size_t *group_of;  // [n]: of the sorted samples
  size_t *bin_ends;  // [n_bins]: in the sorted samples
  size_t *entries_start;  // [n_groups + 1]
  entry_t *entries;  // by group
  double *sums;  // [n_groups]: of the samples
  size_t *sizes;  // [n_groups]
} pool_t;

typedef struct {
  gsl_rng rng;  // its state is `rng_state`; gsl_rng_alloc() would abort when memory runs out
  void *rng_state;
  size_t *counts;  // [n_groups]: how often each was drawn
  size_t *in_bin;  // [n_bins]
  size_t n;  // samples that were drawn
} resample_t;

// --- the pool ---

typedef struct {
  double value;
  size_t group;
} member_t;

static int compare_members(const void *a, const void *b) {
  const member_t *left = a;
  const member_t *right = b;
  if (left->value != right->value) {
    return left->value < right->value ? -1 : 1;
  }
  return (left->group > right->group) - (left->group < right->group);
}

static void pool_clear(pool_t *pool) {
  free(pool->sorted);
  free(pool->group_of);
  free(pool->bin_ends);
  free(pool->entries_start);
  free(pool->entries);
  free(pool->sums);
  free(pool->sizes);
}

static m4s_status_t sort_groups(const m4s_grouped_samples_t *grouped, pool_t *pool) {
  member_t *members = malloc((pool->n + 1) * sizeof *members);
  if (members == NULL) {
    return m4s_fail_memory(pool->name);
  }
  size_t group = 0;
  for (size_t i = 0; i < pool->n; i++) {
    while (grouped->group_ends[group] <= i) {
      group++;
    }
    members[i] = (member_t){grouped->samples[i], group};
  }
  qsort(members, pool->n, sizeof *members, compare_members);
  for (size_t i = 0; i < pool->n; i++) {
    pool->group_of[i] = members[i].group;
  }
  free(members);
  return M4S_OK;
}

// Where every sample is a group of its own, groups are numbered in ascending order: the order in
// which samples are given does not matter.
static m4s_status_t find_groups(const m4s_grouped_samples_t *grouped, pool_t *pool) {
  for (size_t i = 0; grouped->group_ends == NULL && i < pool->n; i++) {
    pool->group_of[i] = i;
  }
  if (grouped->group_ends != NULL) {
    M4S_TRY(sort_groups(grouped, pool));
  }
  for (size_t i = 0; i < pool->n; i++) {
    pool->sums[pool->group_of[i]] += pool->sorted[i];
    pool->sizes[pool->group_of[i]]++;
  }
  return M4S_OK;
}

static m4s_status_t pool_make(const char *name, const m4s_grouped_samples_t *grouped,
                              pool_t *pool_out) {
  size_t n = grouped->n;
  size_t n_groups = grouped->group_ends == NULL ? n : grouped->n_groups;
  pool_t pool = {.name = name, .n = n, .n_groups = n_groups};
  M4S_TRY(m4s_samples_sort(name, grouped->samples, n, &pool.sorted));
  pool.group_of = malloc((n + 1) * sizeof *pool.group_of);
  pool.sums = calloc(n_groups + 1, sizeof *pool.sums);
  pool.sizes = calloc(n_groups + 1, sizeof *pool.sizes);
  m4s_status_t status = pool.group_of == NULL || pool.sums == NULL || pool.sizes == NULL
                            ? m4s_fail_memory(name)
                            : find_groups(grouped, &pool);
  if (status != M4S_OK) {
    pool_clear(&pool);
    return status;
  }
  *pool_out = pool;
  return M4S_OK;
}

// Counts the groups' samples in each bin into entries[next[group] - 1], or with `entries` NULL
// counts the entries of each group in `next`.
static void visit_bins(const pool_t *pool, size_t *last_bin, size_t *next, entry_t *entries) {
  for (size_t g = 0; g < pool->n_groups; g++) {
    last_bin[g] = SIZE_MAX;
  }
  size_t bin = 0;
  for (size_t i = 0; i < pool->bin_ends[pool->n_bins - 1]; i++) {
    bin += i == pool->bin_ends[bin];
    size_t group = pool->group_of[i];
    if (last_bin[group] != bin) {
      last_bin[group] = bin;
      next[group]++;
      if (entries != NULL) {
        entries[next[group] - 1] = (entry_t){.bin = bin};
      }
    }
    if (entries != NULL) {
      entries[next[group] - 1].n++;
    }
  }
}

// Lays out what each group has in each bin. The bins are not empty.
static m4s_status_t cut_into_bins(pool_t *pool) {
  size_t *last_bin = malloc((pool->n_groups + 1) * sizeof *last_bin);
  size_t *next = calloc(pool->n_groups + 1, sizeof *next);
  pool->entries_start = calloc(pool->n_groups + 1, sizeof *pool->entries_start);
  bool ok = last_bin != NULL && next != NULL && pool->entries_start != NULL;
  if (ok) {
    visit_bins(pool, last_bin, next, NULL);
    for (size_t g = 0; g < pool->n_groups; g++) {
      pool->entries_start[g + 1] = pool->entries_start[g] + next[g];
      next[g] = pool->entries_start[g];
    }
    pool->entries = malloc((pool->entries_start[pool->n_groups] + 1) * sizeof *pool->entries);
    ok = pool->entries != NULL;
  }
  if (ok) {
    visit_bins(pool, last_bin, next, pool->entries);
  }
  free(last_bin);
  free(next);
  return ok ? M4S_OK : m4s_fail_memory(pool->name);
}

// --- resamples ---

static unsigned long seed_of_name(const char *name) {
  uint64_t hash = m4s_hash_bytes(M4S_HASH_START, name, strlen(name));
  return (unsigned long)((hash ^ (hash >> 32)) & 0xffffffff);
}

static m4s_status_t resample_make(const pool_t *pool, resample_t *resample_out) {
  const gsl_rng_type *type = gsl_rng_mt19937;
  resample_t resample = {.rng_state = malloc(type->size),
                         .counts = malloc((pool->n_groups + 1) * sizeof *resample.counts),
                         .in_bin = malloc((pool->n_bins + 1) * sizeof *resample.in_bin)};
  if (resample.rng_state == NULL || resample.counts == NULL || resample.in_bin == NULL) {
    free(resample.rng_state);
    free(resample.counts);
    free(resample.in_bin);
    return m4s_fail_memory(pool->name);
  }
  resample.rng = (gsl_rng){.type = type, .state = resample.rng_state};
  gsl_rng_set(&resample.rng, seed_of_name(pool->name));
  *resample_out = resample;
  return M4S_OK;
}

static void resample_clear(resample_t *resample) {
  free(resample->rng_state);
  free(resample->counts);
  free(resample->in_bin);
}

static void draw(const pool_t *pool, resample_t *resample) {
  memset(resample->counts, 0, pool->n_groups * sizeof *resample->counts);
  memset(resample->in_bin, 0, pool->n_bins * sizeof *resample->in_bin);
  resample->n = 0;
  for (size_t i = 0; i < pool->n_groups; i++) {
    resample->counts[gsl_rng_uniform_int(&resample->rng, (unsigned long)pool->n_groups)]++;
  }
  for (size_t g = 0; g < pool->n_groups; g++) {
    size_t count = resample->counts[g];
    resample->n += count * pool->sizes[g];
    for (size_t i = pool->entries_start[g]; count > 0 && i < pool->entries_start[g + 1]; i++) {
      resample->in_bin[pool->entries[i].bin] += count * pool->entries[i].n;
    }
  }
}

static double mean_of(const pool_t *pool, const resample_t *resample) {
  double sum = 0;
  for (size_t g = 0; g < pool->n_groups; g++) {
    sum += (double)resample->counts[g] * pool->sums[g];
  }
  return sum / (double)resample->n;
}

// The resample's value at `place` (0 … n-1) of its ascending order.
static double value_at(const pool_t *pool, const resample_t *resample, size_t place) {
  size_t bin = 0;
  size_t n_before = 0;
  while (n_before + resample->in_bin[bin] <= place) {
    n_before += resample->in_bin[bin++];
  }
  size_t i = bin == 0 ? 0 : pool->bin_ends[bin - 1];
  n_before += resample->counts[pool->group_of[i]];
  while (n_before <= place) {
    n_before += resample->counts[pool->group_of[++i]];
  }
  return pool->sorted[i];
}

static m4s_interval_t interval(double *values) {
  gsl_sort(values, 1, M4S_BOOTSTRAP_RESAMPLES);
  return (m4s_interval_t){
      .low = m4s_quantile_of_sorted(values, M4S_BOOTSTRAP_RESAMPLES, 0.025),
      .high = m4s_quantile_of_sorted(values, M4S_BOOTSTRAP_RESAMPLES, 0.975),
  };
}

// --- mean and median ---

// Bins of equal numbers of samples.
static m4s_status_t make_equal_bins(pool_t *pool) {
  enum { MAX_BINS = 512 };
  pool->n_bins = pool->n < MAX_BINS ? pool->n : MAX_BINS;
  pool->bin_ends = malloc(pool->n_bins * sizeof *pool->bin_ends);
  if (pool->bin_ends == NULL) {
    return m4s_fail_memory(pool->name);
  }
  for (size_t bin = 0; bin < pool->n_bins; bin++) {
    pool->bin_ends[bin] = pool->n * (bin + 1) / pool->n_bins;
  }
  return cut_into_bins(pool);
}

static m4s_status_t make_intervals(pool_t *pool, m4s_bootstrap_t *bootstrap_out) {
  double means[M4S_BOOTSTRAP_RESAMPLES];
  double medians[M4S_BOOTSTRAP_RESAMPLES];
  resample_t resample;
  M4S_TRY(make_equal_bins(pool));
  M4S_TRY(resample_make(pool, &resample));
  for (size_t i = 0; i < M4S_BOOTSTRAP_RESAMPLES; i++) {
    draw(pool, &resample);
    means[i] = mean_of(pool, &resample);
    medians[i] = (value_at(pool, &resample, (resample.n - 1) / 2) +
                  value_at(pool, &resample, resample.n / 2)) /
                 2;
  }
  resample_clear(&resample);
  *bootstrap_out =
      (m4s_bootstrap_t){.known = true, .mean = interval(means), .median = interval(medians)};
  return M4S_OK;
}

m4s_status_t m4s_bootstrap_make_grouped(const char *name, const m4s_grouped_samples_t *grouped,
                                        m4s_bootstrap_t *bootstrap_out) {
  pool_t pool;
  M4S_TRY(pool_make(name, grouped, &pool));
  m4s_bootstrap_t bootstrap = {0};
  m4s_status_t status = pool.n_groups < 2 ? M4S_OK : make_intervals(&pool, &bootstrap);
  pool_clear(&pool);
  M4S_TRY(status);
  *bootstrap_out = bootstrap;
  return M4S_OK;
}

m4s_status_t m4s_bootstrap_make(const char *name, const double *samples, size_t n,
                                m4s_bootstrap_t *bootstrap_out) {
  const m4s_grouped_samples_t grouped = {.samples = samples, .n = n};
  return m4s_bootstrap_make_grouped(name, &grouped, bootstrap_out);
}

// --- bands ---

// The steps that are resampled: `i` of `n_chosen`, the last one for i = n_chosen - 1.
static size_t chosen_step(size_t i, size_t n_chosen, size_t n_steps) {
  return n_chosen < 2 ? n_steps - 1 : i * (n_steps - 1) / (n_chosen - 1);
}

// Bins that end at the chosen steps.
static m4s_status_t make_step_bins(pool_t *pool, const m4s_ecdf_t *ecdf) {
  pool->n_bins = ecdf->n_steps < M4S_MAX_BAND_VALUES ? ecdf->n_steps : M4S_MAX_BAND_VALUES;
  pool->bin_ends = malloc((pool->n_bins + 1) * sizeof *pool->bin_ends);
  if (pool->bin_ends == NULL) {
    return m4s_fail_memory(pool->name);
  }
  size_t end = 0;
  for (size_t bin = 0; bin < pool->n_bins; bin++) {
    double value = ecdf->values[chosen_step(bin, pool->n_bins, ecdf->n_steps)];
    while (end < pool->n && pool->sorted[end] <= value) {
      end++;
    }
    pool->bin_ends[bin] = end;
  }
  return cut_into_bins(pool);
}

// `shares` [n_bins, M4S_BOOTSTRAP_RESAMPLES]: of the resamples, up to the end of each bin.
static m4s_status_t draw_shares(const pool_t *pool, double *shares) {
  resample_t resample;
  M4S_TRY(resample_make(pool, &resample));
  for (size_t i = 0; i < M4S_BOOTSTRAP_RESAMPLES; i++) {
    draw(pool, &resample);
    size_t n = 0;
    for (size_t bin = 0; bin < pool->n_bins; bin++) {
      n += resample.in_bin[bin];
      shares[bin * M4S_BOOTSTRAP_RESAMPLES + i] = (double)n / (double)resample.n;
    }
  }
  resample_clear(&resample);
  return M4S_OK;
}

// The bounds at the steps from `first` to `last`, whose own are known.
static void interpolate(const m4s_ecdf_t *ecdf, size_t first, size_t last, m4s_interval_t *band) {
  const double *p = ecdf->probabilities;
  for (size_t i = first + 1; i < last; i++) {
    double part = (p[i] - p[first]) / (p[last] - p[first]);
    band[i].low = band[first].low + part * (band[last].low - band[first].low);
    band[i].high = band[first].high + part * (band[last].high - band[first].high);
  }
}

static void fill_band(const pool_t *pool, const m4s_ecdf_t *ecdf, double *shares,
                      m4s_interval_t *band) {
  size_t previous = 0;
  for (size_t bin = 0; bin < pool->n_bins; bin++) {
    size_t step = chosen_step(bin, pool->n_bins, ecdf->n_steps);
    band[step] = interval(shares + bin * M4S_BOOTSTRAP_RESAMPLES);
    interpolate(ecdf, previous, step, band);
    previous = step;
  }
}

static m4s_status_t make_band(pool_t *pool, const m4s_ecdf_t *ecdf, m4s_interval_t **band_out) {
  M4S_TRY(make_step_bins(pool, ecdf));
  double *shares = malloc(pool->n_bins * M4S_BOOTSTRAP_RESAMPLES * sizeof *shares);
  m4s_interval_t *band = calloc(ecdf->n_steps + 1, sizeof *band);
  m4s_status_t status =
      shares == NULL || band == NULL ? m4s_fail_memory(pool->name) : draw_shares(pool, shares);
  if (status == M4S_OK) {
    fill_band(pool, ecdf, shares, band);
  }
  free(shares);
  if (status != M4S_OK) {
    free(band);
    return status;
  }
  *band_out = band;
  return M4S_OK;
}

m4s_status_t m4s_bootstrap_band(const char *name, const m4s_grouped_samples_t *grouped,
                                const m4s_ecdf_t *ecdf, m4s_interval_t **band_out) {
  pool_t pool;
  M4S_TRY(pool_make(name, grouped, &pool));
  m4s_interval_t *band = NULL;
  m4s_status_t status = pool.n_groups < 2 ? M4S_OK : make_band(&pool, ecdf, &band);
  pool_clear(&pool);
  M4S_TRY(status);
  *band_out = band;
  return M4S_OK;
}
