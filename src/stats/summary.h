// Summaries of samples: mean, quantiles, errors against a reference.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

// In the samples' unit. With n = 0 every other member is 0.
typedef struct {
  size_t n;
  double mean, median, p90, p95, p99, max;
} m4s_summary_t;

// Of relative errors, in the errors' unit. With n = 0 every other member is 0.
typedef struct {
  size_t n;
  double mae;  // mean of the magnitudes
  double mean_signed;
  double median_abs, p90_abs, p95_abs, p99_abs, max_abs;  // of the magnitudes
} m4s_error_summary_t;

// Quantile p (0 … 1) of n > 0 ascending values: linear between the neighbours of position (n-1)·p,
// which is definition 7 of Hyndman and Fan, the default of NumPy and R.
double m4s_quantile_of_sorted(const double *sorted, size_t n, double p);

// A sorted copy, owned by the caller (free()); NULL for n = 0. A NaN or an infinity is
// M4S_ERR_INPUT, naming `what` and the place.
m4s_status_t m4s_samples_sort(const char *what, const double *samples, size_t n,
                              double **sorted_out);

// `what` names the samples in errors; a NaN or an infinity is M4S_ERR_INPUT.
m4s_status_t m4s_summary_make(const char *what, const double *samples, size_t n,
                              m4s_summary_t *summary_out);
m4s_status_t m4s_error_summary_make(const char *what, const double *errors, size_t n,
                                    m4s_error_summary_t *summary_out);
