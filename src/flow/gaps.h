// Times between the starts of flows, with a given mean.
#pragma once

#include "core/random.h"

typedef enum {
  M4S_GAPS_LOGNORMAL,  // ln of the gap is normal with deviation sigma: bursts
  M4S_GAPS_POISSON,  // exponential gaps
} m4s_gaps_kind_t;

extern const char *const m4s_gaps_names[];  // NULL-terminated

typedef struct {
  m4s_gaps_kind_t kind;
  double mean_ns;
  double mu, sigma;  // of the lognormal
} m4s_gaps_t;

// `mean_ns` > 0; `sigma` ≥ 0 is of lognormal gaps: mu = ln(mean_ns) - sigma^2 / 2.
m4s_gaps_t m4s_gaps_make(m4s_gaps_kind_t kind, double sigma, double mean_ns);

// Variance over the mean squared.
double m4s_gaps_relative_variance(const m4s_gaps_t *gaps);

// One gap, ns, not rounded.
double m4s_gaps_draw(const m4s_gaps_t *gaps, m4s_random_t *random);
