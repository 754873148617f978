#include "flow/random_mix.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>

#include "core/units.h"

m4s_status_t m4s_random_mix_make(const m4s_random_mix_t *mix, m4s_flow_record_t *records) {
  if (mix->n_flows < 0 || mix->n_flows > INT32_MAX || mix->n_hosts < 2 || !(mix->load > 0) ||
      mix->host_bps <= 0 || !(mix->shape > 1) || mix->min_size_bytes < 1 ||
      mix->max_size_bytes <= mix->min_size_bytes) {
    return m4s_fail(M4S_ERR_INPUT, "a random mix with a setting out of range");
  }
  // GSL would abort where there is no memory.
  gsl_error_handler_t *handler = gsl_set_error_handler_off();
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_set_error_handler(handler);
  if (rng == NULL) {
    return m4s_fail_memory("a random stream");
  }
  gsl_rng_set(rng, mix->seed);
  double least = (double)mix->min_size_bytes;
  double ratio = least / (double)mix->max_size_bytes;
  double cut = pow(ratio, mix->shape);  // probability beyond the largest size
  double mean_bytes =
      mix->shape * least / (mix->shape - 1) * (1 - pow(ratio, mix->shape - 1)) / (1 - cut);
  double bytes_per_ns = mix->load * mix->n_hosts * m4s_bps_to_bytes_per_ns(mix->host_bps);
  double start_ns = 0;
  for (int64_t i = 0; i < mix->n_flows; i++) {
    double u = gsl_rng_uniform(rng);
    int32_t src = (int32_t)gsl_rng_uniform_int(rng, (unsigned long)mix->n_hosts);
    int32_t dst = (int32_t)gsl_rng_uniform_int(rng, (unsigned long)mix->n_hosts - 1);
    start_ns += gsl_ran_exponential(rng, mean_bytes / bytes_per_ns);
    records[i] = (m4s_flow_record_t){
        .id = (int32_t)i,
        .src = src,
        .dst = dst + (dst >= src),
        .size_bytes = (int64_t)(least * pow(1 - u * (1 - cut), -1 / mix->shape)),
        .start_ns = (int64_t)start_ns};
  }
  gsl_rng_free(rng);
  return M4S_OK;
}
