// The distributions that a report shows: completion times, errors, run times.
#pragma once

#include "report/errors.h"
#include "stats/ecdf.h"

typedef enum {
  M4S_QUANTITY_TOTAL,  // total_us of all points
  // total_us at the points that the reference and all compared simulators have
  M4S_QUANTITY_TOTAL_COMPARED,
  M4S_QUANTITY_ABS_ERROR,  // |error| of total_us at these points, percent
  M4S_QUANTITY_ERROR,  // signed error of total_us at these points, percent
  M4S_QUANTITY_WALL,  // seconds that one simulation took
  M4S_N_QUANTITIES
} m4s_quantity_t;

// "total_us", "total_us_compared", "abs_error_percent", "error_percent", "wall_s".
extern const char *const m4s_quantity_names[M4S_N_QUANTITIES];

typedef struct {
  m4s_quantity_t quantity;
  int simulator;  // index in the view; -1: a reference that is not a simulator of the sweep
  const char *series;  // borrowed: the simulator's name
  m4s_ecdf_t ecdf;
} m4s_distribution_t;

typedef struct {
  m4s_distribution_t *items;  // owned, by quantity, then by simulator, the reference last
  size_t n_items;
} m4s_distributions_t;

// Series without samples are left out. Free with m4s_distributions_clear().
m4s_status_t m4s_distributions_make(const m4s_view_t *view, const m4s_reference_t *reference,
                                    const m4s_errors_t *errors,
                                    m4s_distributions_t *distributions_out);
void m4s_distributions_clear(m4s_distributions_t *distributions);
