// The distributions that a report shows: completion times, errors, run times.
#pragma once

#include "report/flow_samples.h"
#include "stats/ecdf.h"

typedef enum {
  M4S_QUANTITY_TOTAL,  // the measure of all points
  // The measure at the points that the reference and all compared simulators have.
  M4S_QUANTITY_TOTAL_COMPARED,
  M4S_QUANTITY_ABS_ERROR,  // |error| of the measure at these points, percent
  M4S_QUANTITY_ERROR,  // signed error of the measure at these points, percent
  M4S_QUANTITY_WALL,  // seconds that one simulation took
  // Of single flows, at the points that count in report/flow_samples.h:
  M4S_QUANTITY_SLOWDOWN,
  M4S_QUANTITY_FLOW_ERROR,  // |error|, percent
  M4S_N_QUANTITIES
} m4s_quantity_t;

// "total_us", "total_us_compared", "abs_error_percent", "error_percent", "wall_s", "slowdown",
// "flow_abs_error_percent"; the first two are "slowdown_p99" where that is the measure.
const char *m4s_quantity_name(m4s_quantity_t quantity, const m4s_measure_t *measure);

enum { M4S_MAX_ECDF_STEPS = 2001 };

typedef struct {
  m4s_quantity_t quantity;
  int simulator;  // index in the view; -1: a reference that is not a simulator of the sweep
  const char *series;  // borrowed: the simulator's name
  m4s_ecdf_t ecdf;  // of flows at most M4S_MAX_ECDF_STEPS steps, n_samples is that of all
  // Owned, [n_steps of ecdf]: pointwise 95 % intervals, for which points are drawn. NULL for times,
  // whose points are those that were asked for, and for less than two points.
  m4s_interval_t *band;
} m4s_distribution_t;

typedef struct {
  m4s_distribution_t *items;  // owned, by quantity, then by simulator, the reference last
  size_t n_items;
} m4s_distributions_t;

// All borrowed.
typedef struct {
  const m4s_view_t *view;
  const m4s_reference_t *reference;
  const m4s_errors_t *errors;
  const m4s_flow_samples_t *flows;
} m4s_distribution_sources_t;

// Series without samples are left out. Free with m4s_distributions_clear().
m4s_status_t m4s_distributions_make(const m4s_distribution_sources_t *sources,
                                    m4s_distributions_t *distributions_out);
void m4s_distributions_clear(m4s_distributions_t *distributions);
