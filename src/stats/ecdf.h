// Empirical cumulative distribution functions.
#pragma once

#include <stddef.h>

#include "core/status.h"

// Right-continuous steps: the probability of a value ≤ values[i] is probabilities[i]. Equal samples
// make one step.
typedef struct {
  double *values;  // owned, [n_steps], ascending, in the samples' unit
  double *probabilities;  // owned, [n_steps], ascending, the last is 1
  size_t n_steps;  // 0 without samples
  size_t n_samples;
} m4s_ecdf_t;

// `what` names the samples in errors; a NaN or an infinity is M4S_ERR_INPUT. Free with
// m4s_ecdf_clear().
m4s_status_t m4s_ecdf_make(const char *what, const double *samples, size_t n, m4s_ecdf_t *ecdf_out);

// Keeps at most n_max > 1 steps, as they are: the first, the last, and others at equal distances.
void m4s_ecdf_thin(m4s_ecdf_t *ecdf, size_t n_max);
void m4s_ecdf_clear(m4s_ecdf_t *ecdf);
