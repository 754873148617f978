#include "stats/summary.h"

#include <gsl/gsl_sort_double.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double m4s_quantile_of_sorted(const double *sorted, size_t n, double p) {
  return gsl_stats_quantile_from_sorted_data(sorted, 1, n, p);
}

m4s_status_t m4s_samples_sort(const char *what, const double *samples, size_t n,
                              double **sorted_out) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(samples[i])) {
      return m4s_fail(M4S_ERR_INPUT, "%s: sample %zu is %g, not a finite number", what, i,
                      samples[i]);
    }
  }
  if (n == 0) {
    *sorted_out = NULL;
    return M4S_OK;
  }
  double *sorted = malloc(n * sizeof *sorted);
  if (sorted == NULL) {
    return m4s_fail_memory(what);
  }
  memcpy(sorted, samples, n * sizeof *sorted);
  gsl_sort(sorted, 1, n);
  *sorted_out = sorted;
  return M4S_OK;
}

m4s_status_t m4s_summary_make(const char *what, const double *samples, size_t n,
                              m4s_summary_t *summary_out) {
  double *sorted = NULL;
  M4S_TRY(m4s_samples_sort(what, samples, n, &sorted));
  m4s_summary_t summary = {.n = n};
  if (sorted != NULL) {
    summary.mean = gsl_stats_mean(sorted, 1, n);
    summary.median = m4s_quantile_of_sorted(sorted, n, 0.5);
    summary.p90 = m4s_quantile_of_sorted(sorted, n, 0.9);
    summary.p95 = m4s_quantile_of_sorted(sorted, n, 0.95);
    summary.p99 = m4s_quantile_of_sorted(sorted, n, 0.99);
    summary.max = sorted[n - 1];
  }
  free(sorted);
  *summary_out = summary;
  return M4S_OK;
}

m4s_status_t m4s_error_summary_make(const char *what, const double *errors, size_t n,
                                    m4s_error_summary_t *summary_out) {
  double *magnitudes = calloc(n + 1, sizeof *magnitudes);
  if (magnitudes == NULL) {
    return m4s_fail_memory(what);
  }
  for (size_t i = 0; i < n; i++) {
    magnitudes[i] = fabs(errors[i]);
  }
  m4s_summary_t summary;
  m4s_status_t status = m4s_summary_make(what, magnitudes, n, &summary);
  free(magnitudes);
  if (status != M4S_OK) {
    return status;
  }
  *summary_out = (m4s_error_summary_t){
      .n = n,
      .mae = summary.mean,
      .mean_signed = n == 0 ? 0 : gsl_stats_mean(errors, 1, n),
      .median_abs = summary.median,
      .p90_abs = summary.p90,
      .p95_abs = summary.p95,
      .p99_abs = summary.p99,
      .max_abs = summary.max,
  };
  return M4S_OK;
}
