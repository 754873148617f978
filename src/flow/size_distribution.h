// Distributions of flow sizes: empirical ones of published studies or of files, and parametric
// ones. Sizes are rounded to bytes, at least 1.
#pragma once

#include "core/random.h"
#include "core/status.h"

typedef enum {
  M4S_SIZES_CACHEFOLLOWER,
  M4S_SIZES_WEBSERVER,
  M4S_SIZES_HADOOP,
  M4S_SIZES_WEBSEARCH,
  M4S_SIZES_FILE,
  M4S_SIZES_PARETO,  // P(X > x) ~ x^-shape from smallest_bytes to max_flow_bytes
  M4S_SIZES_EXPONENTIAL,
  M4S_SIZES_GAUSSIAN,
  M4S_SIZES_LOGNORMAL,  // ln X is normal with deviation sigma
  M4S_SIZES_CONSTANT,
} m4s_sizes_kind_t;

extern const char *const m4s_sizes_names[];  // NULL-terminated

// Settings; those of other kinds are not looked at. What would be above max_flow_bytes, or below 1
// byte for kinds that reach there, is drawn again.
typedef struct {
  int kind;  // m4s_sizes_kind_t
  char *file;  // for M4S_SIZES_FILE
  double mean_bytes;  // before anything is drawn again: exponential, Gaussian, lognormal, constant
  double deviation_bytes;  // Gaussian
  double sigma;  // lognormal
  double shape;  // Pareto
  int64_t smallest_bytes;  // Pareto
  int64_t max_flow_bytes;
} m4s_sizes_config_t;

typedef struct m4s_size_distribution m4s_size_distribution_t;

// `where` names the settings in errors ("sweeps/x.json: base.traffic"). M4S_ERR_INPUT for settings
// that leave hardly any sizes, and for files that are no distribution.
m4s_status_t m4s_size_distribution_create(const m4s_sizes_config_t *config, const char *where,
                                          m4s_size_distribution_t **distribution_out);
void m4s_size_distribution_destroy(m4s_size_distribution_t *distribution);

// The same from the text of a file, which holds one point a line: size in bytes, ascending, and
// cumulative percent (the last is 100) or share (the last is 1), with blanks, tabs, commas or
// semicolons between; linear between points. Lines that begin with '#' are comments; a line of
// column names may come first. Errors name file, line, column and value.
m4s_status_t m4s_size_distribution_parse(const char *text, const char *path, int64_t max_flow_bytes,
                                         m4s_size_distribution_t **distribution_out);

// One size, bytes. Empirical ones, Pareto and exponential take one number of the stream.
int64_t m4s_size_distribution_draw(const m4s_size_distribution_t *distribution,
                                   m4s_random_t *random);

// The mean of what is drawn, rounding included: exact for empirical distributions, exponential and
// constant; relative error below 1e-6 for the others where the mean is above 100 bytes.
double m4s_size_distribution_mean(const m4s_size_distribution_t *distribution);

// The mean of their squares, without rounding.
double m4s_size_distribution_mean_square(const m4s_size_distribution_t *distribution);
