// Figures of tests of m4 networks: CDFs of slowdowns and of their errors, over all flows.
#include <math.h>
#include <stdlib.h>

#include "report/figures.h"
#include "report/model_scores.h"

// What is drawn of a flow; -1: nothing.
typedef double (*value_fn)(const m4s_tested_flow_t *flow, int series);

enum { PACKET = -1 };

typedef struct {
  m4s_figure_t figure;
  value_fn value_of;
  const char *x_label, *range;
  double least, end;  // of the axis; smaller values are drawn at the least
  int n_series, series[4];  // of m4s_tested_t, or PACKET
} model_figure_t;

static double error_of(const m4s_tested_flow_t *flow, int series) {
  double fct_ns = flow->fct_ns[series];
  return fct_ns < 0 ? -1 : 100 * fabs(fct_ns / flow->packet_ns - 1);
}

static double slowdown_of(const m4s_tested_flow_t *flow, int series) {
  double fct_ns = series == PACKET ? flow->packet_ns : flow->fct_ns[series];
  return fct_ns < 0 ? -1 : fct_ns / flow->ideal_ns;
}

static const model_figure_t model_figures[] = {
    {.figure = {.name = "cdf_flow_error", .title = "Errors of single flows"},
     .value_of = error_of,
     .x_label = "magnitude of the error in a flow\xe2\x80\x99s slowdown [%]",
     .range = "[0.1:1000]",
     .least = 0.01,
     .end = 1000,
     .n_series = 3,
     .series = {M4S_TESTED_FLOWSIM, M4S_TESTED_FORCED, M4S_TESTED_M4}},
    {.figure = {.name = "cdf_slowdown", .title = "Slowdowns"},
     .value_of = slowdown_of,
     .x_label = "slowdown of a flow (FCT / ideal FCT)",
     .range = "[0.8:1000]",
     .least = 0.1,
     .end = 1000,
     .n_series = 3,
     .series = {PACKET, M4S_TESTED_FLOWSIM, M4S_TESTED_M4}},
};

// Lines of the same simulator look the same in both.
static int line_of(int series) {
  return series == M4S_TESTED_FLOWSIM ? 0 : series == M4S_TESTED_M4 ? 1 : series == PACKET ? -1 : 2;
}

static m4s_status_t make_curve(const m4s_tested_results_t *results, const model_figure_t *figure,
                               int series, m4s_ecdf_t *ecdf_out) {
  double *values = malloc((results->n_flows + 1) * sizeof *values);
  if (values == NULL) {
    return m4s_fail_memory("the flows");
  }
  size_t n = 0;
  for (size_t i = 0; i < results->n_flows; i++) {
    double value = figure->value_of(&results->flows[i], series);
    if (value >= 0) {
      values[n++] = fmax(value, figure->least);
    }
  }
  m4s_status_t status = m4s_ecdf_make(figure->figure.name, values, n, ecdf_out);
  free(values);
  return status;
}

static m4s_status_t add_curve(const m4s_tested_results_t *results, const model_figure_t *figure,
                              int i, m4s_text_t *script, m4s_text_t *data) {
  int series = figure->series[i];
  const char *name = series == PACKET ? "packet" : m4s_tested_names[series];
  m4s_ecdf_t ecdf;
  M4S_TRY(m4s_text_add(script, "%s data index %d using 1:2 with steps title '%s'",
                       i == 0 ? "  plot" : ", \\\n      ", i, name));
  M4S_TRY(m4s_script_add_series(script, line_of(series)));
  M4S_TRY(m4s_text_add(data, "# %s, %s\n", name, figure->x_label));
  M4S_TRY(make_curve(results, figure, series, &ecdf));
  m4s_ecdf_thin(&ecdf, M4S_MAX_ECDF_STEPS);
  m4s_status_t status =
      ecdf.n_steps > 0
          ? m4s_data_add_curve(data, &ecdf, 1, fmax(figure->end, ecdf.values[ecdf.n_steps - 1]))
          : m4s_text_add(data, "NaN NaN\n\n\n");
  m4s_ecdf_clear(&ecdf);
  return status;
}

static m4s_status_t add_figure(const m4s_tested_results_t *results, const model_figure_t *figure,
                               m4s_text_t *script, m4s_text_t *data) {
  const m4s_canvas_t canvas = {.width = 1280, .height = 860, .font = 22};
  M4S_TRY(m4s_script_begin(script, &figure->figure, canvas));
  M4S_TRY(m4s_text_add(script,
                       "  set logscale x\n  set xrange %s\n  set yrange [0:1.02]\n"
                       "  set ytics 0.2\n  set grid xtics ytics\n  set xlabel '%s'\n"
                       "  set ylabel 'share of %zu flows'\n",
                       figure->range, figure->x_label, results->n_flows));
  for (int i = 0; i < figure->n_series; i++) {
    M4S_TRY(add_curve(results, figure, i, script, data));
  }
  M4S_TRY(m4s_text_add(script, "\n"));
  return m4s_script_end(script);
}

m4s_status_t m4s_model_figures_write(const m4s_tested_results_t *results, const char *folder) {
  bool draw = m4s_figures_can_be_drawn();
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < M4S_COUNT(model_figures); i++) {
    m4s_text_t script = {0}, data = {0};
    status = add_figure(results, &model_figures[i], &script, &data);
    if (status == M4S_OK) {
      status = m4s_figure_keep(folder, model_figures[i].figure.name, &script, &data, draw);
    }
    m4s_text_clear(&script);
    m4s_text_clear(&data);
  }
  return status;
}
