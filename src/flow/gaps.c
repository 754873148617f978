#include "flow/gaps.h"

#include "core/elementary.h"

const char *const m4s_gaps_names[] = {"lognormal", "poisson", NULL};

m4s_gaps_t m4s_gaps_make(m4s_gaps_kind_t kind, double sigma, double mean_ns) {
  return (m4s_gaps_t){.kind = kind,
                      .mean_ns = mean_ns,
                      .mu = m4s_real_log(mean_ns) - sigma * sigma / 2,
                      .sigma = sigma};
}

double m4s_gaps_relative_variance(const m4s_gaps_t *gaps) {
  return gaps->kind == M4S_GAPS_POISSON ? 1 : m4s_real_exp(gaps->sigma * gaps->sigma) - 1;
}

double m4s_gaps_draw(const m4s_gaps_t *gaps, m4s_random_t *random) {
  if (gaps->kind == M4S_GAPS_POISSON) {
    return -gaps->mean_ns * m4s_real_log(1 - m4s_random_uniform(random));
  }
  return m4s_real_exp(gaps->mu + gaps->sigma * m4s_random_normal(random));
}
