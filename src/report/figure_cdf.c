// CDFs: one stepped curve a simulator, the reference dashed.
#include <math.h>

#include "report/figures.h"
#include "report/format.h"
#include "report/gnuplot.h"

typedef struct {
  const char *name, *title, *x_label;
  m4s_quantity_t quantity;
  double scale;  // from the quantity's unit to the axis's
  const char *setup;  // more gnuplot commands
} cdf_t;

typedef struct {
  size_t n_series;
  double min, max;  // over all series, on the axis
  size_t n_samples;  // of each series; 0: they differ
} extent_t;

static extent_t find_extent(const m4s_report_t *report, const cdf_t *cdf) {
  extent_t extent = {0};
  for (size_t i = 0; i < report->distributions.n_items; i++) {
    const m4s_distribution_t *item = &report->distributions.items[i];
    if (item->quantity == cdf->quantity) {
      double first = cdf->scale * item->ecdf.values[0];
      double last = cdf->scale * item->ecdf.values[item->ecdf.n_steps - 1];
      extent.min = extent.n_series == 0 ? first : fmin(extent.min, first);
      extent.max = extent.n_series == 0 ? last : fmax(extent.max, last);
      extent.n_samples = extent.n_series == 0 || extent.n_samples == item->ecdf.n_samples
                             ? item->ecdf.n_samples
                             : 0;
      extent.n_series++;
    }
  }
  return extent;
}

// A curve from probability 0 at its first value to 1 at the end of the plot.
static m4s_status_t add_curve(const m4s_ecdf_t *ecdf, double scale, double end, m4s_text_t *data) {
  M4S_TRY(m4s_text_add(data, "%.9g 0\n", scale * ecdf->values[0]));
  for (size_t i = 0; i < ecdf->n_steps; i++) {
    M4S_TRY(m4s_text_add(data, "%.9g %.9g\n", scale * ecdf->values[i], ecdf->probabilities[i]));
  }
  return m4s_text_add(data, "%.9g 1\n\n\n", end);
}

// "ns3, reference (60 points)"; the count only where the series differ in it.
static m4s_status_t add_series_title(const m4s_report_t *report, const m4s_distribution_t *item,
                                     bool with_count, m4s_text_t *script) {
  m4s_text_t title = {0};
  bool is_reference = item->simulator < 0 || item->simulator == report->reference.simulator;
  m4s_status_t status =
      m4s_text_add(&title, "%s%s", item->series, is_reference ? ", reference" : "");
  if (status == M4S_OK && with_count) {
    status = m4s_text_add(&title, " (%zu points)", item->ecdf.n_samples);
  }
  if (status == M4S_OK) {
    status = m4s_text_add_gnuplot(script, title.bytes);
  }
  m4s_text_clear(&title);
  return status;
}

// Run times spread over orders of magnitude are shown on a logarithmic axis.
static m4s_status_t add_range(const cdf_t *cdf, extent_t extent, double *end_out,
                              m4s_text_t *script) {
  if (cdf->quantity == M4S_QUANTITY_WALL && extent.min > 0 && extent.max > 20 * extent.min) {
    *end_out = extent.max * 1.3;
    return m4s_text_add(script, "  set logscale x\n  set xrange [%.9g:%.9g]\n", extent.min / 1.3,
                        *end_out);
  }
  if (cdf->quantity == M4S_QUANTITY_ERROR) {  // zero is always in sight
    extent.min = fmin(extent.min, 0);
    extent.max = fmax(extent.max, 0);
  }
  double width = extent.max - extent.min;
  double margin = 0.04 * (width > 0 ? width : fabs(extent.max) + 1);
  bool from_zero = cdf->quantity == M4S_QUANTITY_ABS_ERROR || cdf->quantity == M4S_QUANTITY_WALL;
  *end_out = extent.max + margin;
  return m4s_text_add(script, "  set xrange [%.9g:%.9g]\n", from_zero ? 0 : extent.min - margin,
                      *end_out);
}

static m4s_status_t write_cdf(const m4s_report_t *report, const cdf_t *cdf, m4s_text_t *script,
                              m4s_text_t *data) {
  extent_t extent = find_extent(report, cdf);
  if (extent.n_series == 0) {
    return M4S_OK;
  }
  double end;
  m4s_canvas_t canvas = {.name = cdf->name, .width = 1280, .height = 860, .font = 22};
  M4S_TRY(m4s_script_begin(script, canvas, cdf->title));
  M4S_TRY(m4s_text_add(script, "  set xlabel '%s'\n  set yrange [0:1.02]\n  set ytics 0.2\n%s",
                       cdf->x_label, cdf->setup));
  M4S_TRY(extent.n_samples == 0 ? m4s_text_add(script, "  set ylabel 'share of points'\n")
                                : m4s_text_add(script, "  set ylabel 'share of %zu point%s'\n",
                                               extent.n_samples, extent.n_samples == 1 ? "" : "s"));
  M4S_TRY(add_range(cdf, extent, &end, script));
  size_t index = 0;
  for (size_t i = 0; i < report->distributions.n_items; i++) {
    const m4s_distribution_t *item = &report->distributions.items[i];
    if (item->quantity != cdf->quantity) {
      continue;
    }
    M4S_TRY(m4s_text_add(script, "%s data index %zu using 1:2 with steps",
                         index == 0 ? "  plot" : ", \\\n      ", index));
    M4S_TRY(m4s_script_add_line(report, item->simulator, script));
    M4S_TRY(m4s_text_add(script, " title "));
    M4S_TRY(add_series_title(report, item, extent.n_samples == 0, script));
    M4S_TRY(m4s_text_add(data, "# %s, %s\n", item->series, cdf->x_label));
    M4S_TRY(add_curve(&item->ecdf, cdf->scale, end, data));
    index++;
  }
  M4S_TRY(m4s_text_add(script, "\n"));
  return m4s_script_end(script);
}

m4s_status_t m4s_figure_write_cdf_total(const m4s_report_t *report, m4s_text_t *script,
                                        m4s_text_t *data) {
  bool compared = report->reference.n_points_known > 0;
  const cdf_t cdf = {
      .name = "cdf_total_time",
      .title = "CDF of completion times",
      .x_label = "total completion time [ms]",
      .quantity = compared ? M4S_QUANTITY_TOTAL_COMPARED : M4S_QUANTITY_TOTAL,
      .scale = 1e-3,
      .setup = "",
  };
  return write_cdf(report, &cdf, script, data);
}

m4s_status_t m4s_figure_write_cdf_abs_error(const m4s_report_t *report, m4s_text_t *script,
                                            m4s_text_t *data) {
  const cdf_t cdf = {
      .name = "cdf_error_magnitude",
      .title = "CDF of the error magnitude",
      .x_label = "magnitude of the error in total time [%]",
      .quantity = M4S_QUANTITY_ABS_ERROR,
      .scale = 1,
      .setup = "",
  };
  return write_cdf(report, &cdf, script, data);
}

m4s_status_t m4s_figure_write_cdf_error(const m4s_report_t *report, m4s_text_t *script,
                                        m4s_text_t *data) {
  const cdf_t cdf = {
      .name = "cdf_error_signed",
      .title = "CDF of the signed error",
      .x_label = "error in total time [%]",
      .quantity = M4S_QUANTITY_ERROR,
      .scale = 1,
      .setup =
          "  set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead lw 0.8 "
          "lc rgb '#606060'\n  set key top left\n",
  };
  return write_cdf(report, &cdf, script, data);
}

m4s_status_t m4s_figure_write_cdf_wall(const m4s_report_t *report, m4s_text_t *script,
                                       m4s_text_t *data) {
  const cdf_t cdf = {
      .name = "cdf_run_time",
      .title = "CDF of run times",
      .x_label = "wall time of one point [s]",
      .quantity = M4S_QUANTITY_WALL,
      .scale = 1,
      .setup = "",
  };
  return write_cdf(report, &cdf, script, data);
}
