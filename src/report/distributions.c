#include "report/distributions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const m4s_quantity_names[M4S_N_QUANTITIES] = {
    [M4S_QUANTITY_TOTAL] = "total_us",
    [M4S_QUANTITY_TOTAL_COMPARED] = "total_us_compared",
    [M4S_QUANTITY_ABS_ERROR] = "abs_error_percent",
    [M4S_QUANTITY_ERROR] = "error_percent",
    [M4S_QUANTITY_WALL] = "wall_s",
};

typedef struct {
  const m4s_view_t *view;
  const m4s_reference_t *reference;
  const m4s_errors_t *errors;
  double *samples;  // [n_points]
  bool *compared;  // [n_points]: whether the reference and all compared simulators have total_us
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
  const char *metric = quantity == M4S_QUANTITY_WALL ? "wall_s" : "total_us";
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
        strcmp(error->metric, "total_us") == 0) {
      maker->samples[n++] =
          quantity == M4S_QUANTITY_ERROR ? error->error_percent : fabs(error->error_percent);
    }
  }
  return n;
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
  char what[160];
  snprintf(what, sizeof what, "%s of %.80s", m4s_quantity_names[quantity], item->series);
  M4S_TRY(m4s_ecdf_make(what, maker->samples, n, &item->ecdf));
  distributions->n_items++;
  return M4S_OK;
}

static m4s_status_t add_all(const maker_t *maker, m4s_distributions_t *distributions) {
  bool has_reference = maker->reference->name != NULL;
  bool reference_apart = has_reference && maker->reference->simulator < 0;
  for (int quantity = 0; quantity < M4S_N_QUANTITIES; quantity++) {
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
  return M4S_OK;
}

static void mark_compared(const maker_t *maker) {
  for (size_t i = 0; i < maker->errors->n_points; i++) {
    const m4s_point_error_t *error = &maker->errors->points[i];
    if (error->common && strcmp(error->metric, "total_us") == 0) {
      maker->compared[error->point] = true;
    }
  }
}

m4s_status_t m4s_distributions_make(const m4s_view_t *view, const m4s_reference_t *reference,
                                    const m4s_errors_t *errors,
                                    m4s_distributions_t *distributions_out) {
  m4s_distributions_t distributions = {0};
  maker_t maker = {.view = view, .reference = reference, .errors = errors};
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
  }
  free(distributions->items);
  *distributions = (m4s_distributions_t){0};
}
