#include "core/alias.h"

#include <stdlib.h>

// Vose's construction: `light` and `heavy` are numbers below and above the mean weight.
typedef struct {
  double *excess;  // [n], weight over the mean weight
  int32_t *light, *heavy;  // [n]
  int32_t n_light, n_heavy;
} work_t;

static void sort_in(work_t *work, int32_t i) {
  if (work->excess[i] < 1) {
    work->light[work->n_light++] = i;
  } else {
    work->heavy[work->n_heavy++] = i;
  }
}

static void fill(work_t *work, m4s_alias_t *alias) {
  for (int32_t i = 0; i < alias->n; i++) {
    sort_in(work, i);
  }
  while (work->n_light > 0 && work->n_heavy > 0) {
    int32_t light = work->light[--work->n_light];
    int32_t heavy = work->heavy[--work->n_heavy];
    // Below 1, so below 2^64 after scaling.
    alias->entries[light] =
        (m4s_alias_entry_t){.threshold = (uint64_t)(work->excess[light] * 0x1p64), .other = heavy};
    work->excess[heavy] -= 1 - work->excess[light];
    sort_in(work, heavy);
  }
  // What is left has the mean weight but for rounding, and keeps itself.
}

m4s_status_t m4s_alias_make(const double *weights, int32_t n, m4s_alias_t *alias_out) {
  size_t count = (size_t)n;
  m4s_alias_t alias = {.entries = malloc(count * sizeof *alias.entries), .n = n};
  work_t work = {.excess = malloc(count * sizeof *work.excess),
                 .light = malloc(count * sizeof *work.light),
                 .heavy = malloc(count * sizeof *work.heavy)};
  m4s_status_t status = M4S_OK;
  if (alias.entries == NULL || work.excess == NULL || work.light == NULL || work.heavy == NULL) {
    status = m4s_fail_memory("a table of probabilities");
    m4s_alias_clear(&alias);
  } else {
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
      sum += weights[i];
    }
    for (int32_t i = 0; i < n; i++) {
      work.excess[i] = weights[i] / sum * n;
      alias.entries[i] = (m4s_alias_entry_t){.threshold = UINT64_MAX, .other = i};
    }
    fill(&work, &alias);
    *alias_out = alias;
  }
  free(work.excess);
  free(work.light);
  free(work.heavy);
  return status;
}

void m4s_alias_clear(m4s_alias_t *alias) {
  free(alias->entries);
  *alias = (m4s_alias_t){0};
}
