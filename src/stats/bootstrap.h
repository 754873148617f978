// Confidence intervals by the percentile bootstrap.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "stats/ecdf.h"

enum { M4S_BOOTSTRAP_RESAMPLES = 1000 };

typedef struct {
  double low, high;
} m4s_interval_t;

typedef struct {
  bool known;  // false, and all bounds 0, for less than two samples or groups
  m4s_interval_t mean, median;
} m4s_bootstrap_t;

// All intervals are of 95 %: the 2.5 % and 97.5 % quantiles over M4S_BOOTSTRAP_RESAMPLES resamples
// drawn with replacement by MT19937, whose seed is a hash of `name`: equal names and samples give
// equal intervals. A NaN or an infinity is M4S_ERR_INPUT, naming `name`.
m4s_status_t m4s_bootstrap_make(const char *name, const double *samples, size_t n,
                                m4s_bootstrap_t *bootstrap_out);

// Samples of which groups are drawn, each with all that are in it, as those of one group depend on
// each other (the flows of a point). All borrowed.
typedef struct {
  const double *samples;  // [n]
  size_t n;
  // [n_groups], strictly ascending, the last is n; NULL: every sample is a group of its own.
  const size_t *group_ends;
  size_t n_groups;
} m4s_grouped_samples_t;

// Mean and median of all samples of the groups that were drawn.
m4s_status_t m4s_bootstrap_make_grouped(const char *name, const m4s_grouped_samples_t *grouped,
                                        m4s_bootstrap_t *bootstrap_out);

enum { M4S_MAX_BAND_VALUES = 512 };

// Pointwise intervals of the samples' distribution function at the values of `ecdf`, made from
// these samples and perhaps thinned. Of more than M4S_MAX_BAND_VALUES steps that many are
// resampled, the first and the last among them; the bounds at the others are interpolated, linear
// in the probability. `*band_out`: owned, [ecdf->n_steps]; NULL for less than two groups.
m4s_status_t m4s_bootstrap_band(const char *name, const m4s_grouped_samples_t *grouped,
                                const m4s_ecdf_t *ecdf, m4s_interval_t **band_out);
