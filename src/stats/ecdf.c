#include "stats/ecdf.h"

#include <stdlib.h>

#include "stats/summary.h"

m4s_status_t m4s_ecdf_make(const char *what, const double *samples, size_t n,
                           m4s_ecdf_t *ecdf_out) {
  m4s_ecdf_t ecdf = {.n_samples = n};
  M4S_TRY(m4s_samples_sort(what, samples, n, &ecdf.values));
  ecdf.probabilities = malloc((n + 1) * sizeof *ecdf.probabilities);
  if (ecdf.probabilities == NULL) {
    m4s_ecdf_clear(&ecdf);
    return m4s_fail_memory(what);
  }
  for (size_t i = 0; i < n; i++) {
    if (i + 1 == n || ecdf.values[i + 1] > ecdf.values[i]) {
      ecdf.values[ecdf.n_steps] = ecdf.values[i];
      ecdf.probabilities[ecdf.n_steps++] = (double)(i + 1) / (double)n;
    }
  }
  *ecdf_out = ecdf;
  return M4S_OK;
}

void m4s_ecdf_thin(m4s_ecdf_t *ecdf, size_t n_max) {
  size_t n = ecdf->n_steps;
  if (n <= n_max) {
    return;
  }
  for (size_t i = 0; i < n_max; i++) {
    size_t kept = i * (n - 1) / (n_max - 1);
    ecdf->values[i] = ecdf->values[kept];
    ecdf->probabilities[i] = ecdf->probabilities[kept];
  }
  ecdf->n_steps = n_max;
}

void m4s_ecdf_clear(m4s_ecdf_t *ecdf) {
  free(ecdf->values);
  free(ecdf->probabilities);
  *ecdf = (m4s_ecdf_t){0};
}
