// The Kolmogorov-Smirnov test against a known distribution.
#pragma once

#include "support.h"

#include <math.h>

static inline int kolmogorov_compare(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

// The largest distance between the values' distribution and P(X ≤ x) = below(x, context), looked at
// right after each value and right before it; `half` widens what "before" and "after" mean: 0.5 for
// values rounded to whole numbers. Sorts the values.
static inline double kolmogorov_distance(double *values, int64_t n, double half,
                                         double (*below)(double x, const void *context),
                                         const void *context) {
  double distance = 0;
  qsort(values, (size_t)n, sizeof *values, kolmogorov_compare);
  for (int64_t i = 0; i < n; i++) {
    double after = i + 1 < n && values[i + 1] == values[i]
                       ? 0
                       : fabs((double)(i + 1) / (double)n - below(values[i] + half, context));
    double before = i > 0 && values[i - 1] == values[i]
                        ? 0
                        : fabs((double)i / (double)n - below(values[i] - half, context));
    distance = fmax(distance, fmax(after, before));
    if (!isfinite(after) || !isfinite(before)) {
      return INFINITY;
    }
  }
  return distance;
}

// What the distance of n values of the distribution exceeds once in 10,000 times (Kolmogorov's
// limit: sqrt(-ln(p / 2) / 2) / sqrt(n)); less often for rounded values.
static inline double kolmogorov_limit(int64_t n) { return 2.2253 / sqrt((double)n); }
