// Confidence intervals by the percentile bootstrap.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

enum { M4S_BOOTSTRAP_RESAMPLES = 1000 };

typedef struct {
  double low, high;
} m4s_interval_t;

typedef struct {
  bool known;  // false, and all bounds 0, for less than two samples
  m4s_interval_t mean, median;
} m4s_bootstrap_t;

// 95 % intervals of mean and median: the 2.5 % and 97.5 % quantiles over M4S_BOOTSTRAP_RESAMPLES
// resamples drawn with replacement by MT19937, whose seed is a hash of `name`: equal names and
// samples give equal intervals. A NaN or an infinity is M4S_ERR_INPUT,
// naming `name`.
m4s_status_t m4s_bootstrap_make(const char *name, const double *samples, size_t n,
                                m4s_bootstrap_t *bootstrap_out);
