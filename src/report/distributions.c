#include "report/distributions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/summary.h"

static const char *const names[M4S_N_QUANTITIES] = {
    [M4S_QUANTITY_ABS_ERROR] = "abs_error_percent",
    [M4S_QUANTITY_ERROR] = "error_percent",
    [M4S_QUANTITY_WALL] = "wall_s",
    [M4S_QUANTITY_SLOWDOWN] = "slowdown",
    [M4S_QUANTITY_FLOW_ERROR] = "flow_abs_error_percent",
};

const char *m4s_quantity_name(m4s_quantity_t quantity, const m4s_measure_t *measure) {
  return quantity == M4S_QUANTITY_TOTAL            ? measure->metric
         : quantity == M4S_QUANTITY_TOTAL_COMPARED ? measure->metric_compared
                                                   : names[quantity];
}

typedef struct {
  const m4s_view_t *view;
  const m4s_reference_t *reference;
  const m4s_errors_t *errors;
  const m4s_flow_samples_t *flows;
  double *samples;  // [n_points]
  bool *compared;  // [n_points]: whether the reference and all compared simulators have the measure
} maker_t;

// A value of a simulator, or with simulator -1 of the reference.
static bool get_value(const maker_t *maker, size_t point, int simulator, const char *metric,
                      double *value_out) {
  if (simulator < 0) {
    return m4s_reference_value(maker->reference, point, metric, value_out);
  }
  return m4s_row_value(m4s_view_row(maker->view, point, (size_t)simulator), metric, value_out);
}

static size_t collect_values(const maker_t *maker, m4s_quantity_t quantity, int simulator) {
  const char *metric = quantity == M4S_QUANTITY_WALL ? "wall_s" : maker->view->measure->metric;
  size_t n = 0;
  for (size_t point = 0; point < maker->view->n_points; point++) {
    if (quantity != M4S_QUANTITY_TOTAL_COMPARED || maker->compared[point]) {
      n += get_value(maker, point, simulator, metric, &maker->samples[n]);
    }
  }
  return n;
}

static size_t collect_errors(const maker_t *maker, m4s_quantity_t quantity, int simulator) {
  size_t n = 0;
  for (size_t i = 0; i < maker->errors->n_points; i++) {
    const m4s_point_error_t *error = &maker->errors->points[i];
    if ((int)error->simulator == simulator && error->common &&
        strcmp(error->metric, maker->view->measure->metric) == 0) {
      maker->samples[n++] =
          quantity == M4S_QUANTITY_ERROR ? error->error_percent : fabs(error->error_percent);
    }
  }
  return n;
}

// Fills the item behind the last one, whose quantity and series are set, and counts it.
static m4s_status_t make_item(const maker_t *maker, const m4s_grouped_samples_t *samples,
                              bool has_band, m4s_distributions_t *distributions) {
  m4s_distribution_t *item = &distributions->items[distributions->n_items];
  char what[160];
  snprintf(what, sizeof what, "%s of %.80s",
           m4s_quantity_name(item->quantity, maker->view->measure), item->series);
  M4S_TRY(m4s_ecdf_make(what, samples->samples, samples->n, &item->ecdf));
  distributions->n_items++;
  if (samples->group_ends != NULL) {
    m4s_ecdf_thin(&item->ecdf, M4S_MAX_ECDF_STEPS);
  }
  return has_band ? m4s_bootstrap_band(what, samples, &item->ecdf, &item->band) : M4S_OK;
}

static m4s_status_t add_series(const maker_t *maker, m4s_quantity_t quantity, int simulator,
                               m4s_distributions_t *distributions) {
  bool is_error = quantity == M4S_QUANTITY_ABS_ERROR || quantity == M4S_QUANTITY_ERROR;
  size_t n = is_error ? collect_errors(maker, quantity, simulator)
                      : collect_values(maker, quantity, simulator);
  if (n == 0) {
    return M4S_OK;
  }
  m4s_distribution_t *item = &distributions->items[distributions->n_items];
  *item = (m4s_distribution_t){
      .quantity = quantity,
      .simulator = simulator,
      .series = simulator < 0 ? maker->reference->name : maker->view->simulators.items[simulator],
  };
  const m4s_grouped_samples_t samples = {.samples = maker->samples, .n = n};
  return make_item(maker, &samples, is_error, distributions);
}

// The series of all flows of a simulator.
static m4s_status_t add_flows(const maker_t *maker, m4s_quantity_t quantity, int simulator,
                              m4s_distributions_t *distributions) {
  const m4s_flow_series_t *flows = &maker->flows->series[simulator];
  const double *values =
      quantity == M4S_QUANTITY_FLOW_ERROR ? flows->errors_percent : flows->slowdowns;
  if (values == NULL || flows->n == 0) {
    return M4S_OK;
  }
  double *samples = calloc(flows->n, sizeof *samples);
  if (samples == NULL) {
    return m4s_fail_memory("the distributions");
  }
  for (size_t i = 0; i < flows->n; i++) {
    samples[i] = fabs(values[i]);
  }
  distributions->items[distributions->n_items] =
      (m4s_distribution_t){.quantity = quantity,
                           .simulator = simulator,
                           .series = maker->view->simulators.items[simulator]};
  m4s_grouped_samples_t grouped = m4s_flow_samples_group(maker->flows, (size_t)simulator, samples);
  m4s_status_t status = make_item(maker, &grouped, true, distributions);
  free(samples);
  return status;
}

static m4s_status_t add_all_flows(const maker_t *maker, m4s_distributions_t *distributions) {
  for (int quantity = M4S_QUANTITY_SLOWDOWN; quantity <= M4S_QUANTITY_FLOW_ERROR; quantity++) {
    for (size_t s = 0; s < maker->flows->n_simulators; s++) {
      M4S_TRY(add_flows(maker, (m4s_quantity_t)quantity, (int)s, distributions));
    }
  }
  return M4S_OK;
}

static m4s_status_t add_all(const maker_t *maker, m4s_distributions_t *distributions) {
  bool has_reference = maker->reference->name != NULL;
  bool reference_apart = has_reference && maker->reference->simulator < 0;
  for (int quantity = 0; quantity <= M4S_QUANTITY_WALL; quantity++) {
    if (quantity == M4S_QUANTITY_TOTAL_COMPARED && !has_reference) {
      continue;
    }
    for (size_t s = 0; s < maker->view->simulators.n_items; s++) {
      M4S_TRY(add_series(maker, (m4s_quantity_t)quantity, (int)s, distributions));
    }
    if (reference_apart) {
      M4S_TRY(add_series(maker, (m4s_quantity_t)quantity, -1, distributions));
    }
  }
  return add_all_flows(maker, distributions);
}

static void mark_compared(const maker_t *maker) {
  for (size_t i = 0; i < maker->errors->n_points; i++) {
    const m4s_point_error_t *error = &maker->errors->points[i];
    if (error->common && strcmp(error->metric, maker->view->measure->metric) == 0) {
      maker->compared[error->point] = true;
    }
  }
}

m4s_status_t m4s_distributions_make(const m4s_distribution_sources_t *sources,
                                    m4s_distributions_t *distributions_out) {
  const m4s_view_t *view = sources->view;
  m4s_distributions_t distributions = {0};
  maker_t maker = {.view = view,
                   .reference = sources->reference,
                   .errors = sources->errors,
                   .flows = sources->flows};
  maker.samples = calloc(view->n_points + 1, sizeof *maker.samples);
  maker.compared = calloc(view->n_points + 1, sizeof *maker.compared);
  distributions.items =
      calloc((view->simulators.n_items + 1) * M4S_N_QUANTITIES, sizeof *distributions.items);
  m4s_status_t status;
  if (maker.samples == NULL || maker.compared == NULL || distributions.items == NULL) {
    status = m4s_fail_memory("the distributions");
  } else {
    mark_compared(&maker);
    status = add_all(&maker, &distributions);
  }
  free(maker.samples);
  free(maker.compared);
  if (status != M4S_OK) {
    m4s_distributions_clear(&distributions);
    return status;
  }
  *distributions_out = distributions;
  return M4S_OK;
}

void m4s_distributions_clear(m4s_distributions_t *distributions) {
  for (size_t i = 0; i < distributions->n_items; i++) {
    m4s_ecdf_clear(&distributions->items[i].ecdf);
    free(distributions->items[i].band);
  }
  free(distributions->items);
  *distributions = (m4s_distributions_t){0};
}
