// CDFs: one stepped curve a simulator, the reference dashed.
#include <math.h>
#include <stdio.h>

#include "report/figures.h"
#include "report/format.h"
#include "report/gnuplot.h"

typedef struct {
  char x_label[96];
  double scale;  // from the quantity's unit to the axis's
  const char *setup;  // more gnuplot commands
  const char *counted;  // what a sample is: "point" or "flow"
} cdf_t;

static cdf_t make_cdf(const m4s_report_t *report, m4s_quantity_t quantity) {
  const m4s_measure_t *measure = report->view.measure;
  cdf_t cdf = {.scale = 1, .setup = "", .counted = "point"};
  switch (quantity) {
    case M4S_QUANTITY_TOTAL:
    case M4S_QUANTITY_TOTAL_COMPARED:
      snprintf(cdf.x_label, sizeof cdf.x_label, "%s%s", measure->title, measure->unit);
      cdf.scale = measure->scale;
      break;
    case M4S_QUANTITY_ABS_ERROR:
      snprintf(cdf.x_label, sizeof cdf.x_label, "magnitude of the error in %s [%%]",
               measure->short_title);
      break;
    case M4S_QUANTITY_ERROR:
      snprintf(cdf.x_label, sizeof cdf.x_label, "error in %s [%%]", measure->short_title);
      cdf.setup =
          "  set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead lw 0.8 "
          "lc rgb '#606060'\n  set key top left\n";
      break;
    case M4S_QUANTITY_WALL:
      snprintf(cdf.x_label, sizeof cdf.x_label, "wall time of one point [s]");
      break;
    case M4S_QUANTITY_SLOWDOWN:
      snprintf(cdf.x_label, sizeof cdf.x_label, "slowdown of a flow (FCT over ideal FCT)");
      cdf.counted = "flow";
      break;
    default:
      snprintf(cdf.x_label, sizeof cdf.x_label,
               "magnitude of the error in a flow\xe2\x80\x99s slowdown [%%]");
      cdf.counted = "flow";
      break;
  }
  return cdf;
}

typedef struct {
  size_t n_series;
  bool has_own;  // whether one is not of a reference from outside of the sweep
  double min, max;  // over all series, on the axis
  size_t n_samples;  // of each series; 0: they differ
} extent_t;

static extent_t find_extent(const m4s_report_t *report, m4s_quantity_t quantity) {
  double scale = make_cdf(report, quantity).scale;
  extent_t extent = {0};
  for (size_t i = 0; i < report->distributions.n_items; i++) {
    const m4s_distribution_t *item = &report->distributions.items[i];
    if (item->quantity == quantity) {
      double first = scale * item->ecdf.values[0];
      double last = scale * item->ecdf.values[item->ecdf.n_steps - 1];
      extent.min = extent.n_series == 0 ? first : fmin(extent.min, first);
      extent.max = extent.n_series == 0 ? last : fmax(extent.max, last);
      extent.n_samples = extent.n_series == 0 || extent.n_samples == item->ecdf.n_samples
                             ? item->ecdf.n_samples
                             : 0;
      extent.has_own = extent.has_own || item->simulator >= 0;
      extent.n_series++;
    }
  }
  return extent;
}

m4s_status_t m4s_data_add_curve(m4s_text_t *data, const m4s_ecdf_t *ecdf, double scale,
                                double end) {
  M4S_TRY(m4s_text_add(data, "%.9g 0\n", scale * ecdf->values[0]));
  for (size_t i = 0; i < ecdf->n_steps; i++) {
    M4S_TRY(m4s_text_add(data, "%.9g %.9g\n", scale * ecdf->values[i], ecdf->probabilities[i]));
  }
  return m4s_text_add(data, "%.9g 1\n\n\n", end);
}

// A band: at each value the bounds up to there, and those from there on.
static m4s_status_t add_band(const m4s_distribution_t *item, double scale, m4s_text_t *data) {
  const m4s_interval_t *band = item->band;
  M4S_TRY(m4s_text_add(data, "# 95 %% intervals of the points: low, high\n"));
  for (size_t i = 0; i < item->ecdf.n_steps; i++) {
    double x = scale * item->ecdf.values[i];
    double low = i == 0 ? 0 : band[i - 1].low;
    double high = i == 0 ? 0 : band[i - 1].high;
    M4S_TRY(m4s_text_add(data, "%.9g %.9g %.9g\n%.9g %.9g %.9g\n", x, low, high, x, band[i].low,
                         band[i].high));
  }
  return m4s_text_add(data, "\n\n");
}

// Bands lie behind all curves; curves begin at index n_bands.
static m4s_status_t add_bands(const m4s_report_t *report, m4s_quantity_t quantity, size_t *n_bands,
                              m4s_text_t *script, m4s_text_t *data) {
  for (size_t i = 0; i < report->distributions.n_items; i++) {
    const m4s_distribution_t *item = &report->distributions.items[i];
    if (item->quantity != quantity || item->band == NULL) {
      continue;
    }
    M4S_TRY(m4s_text_add(script,
                         "%s data index %zu using 1:2:3 with filledcurves fs transparent solid "
                         "0.18 noborder",
                         *n_bands == 0 ? "  plot" : ", \\\n      ", *n_bands));
    M4S_TRY(m4s_script_add_colour(report, item->simulator, script));
    M4S_TRY(m4s_text_add(script, " notitle"));
    M4S_TRY(add_band(item, make_cdf(report, quantity).scale, data));
    (*n_bands)++;
  }
  return M4S_OK;
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

// Run times and slowdowns that are spread far are shown on a logarithmic axis.
static m4s_status_t add_range(m4s_quantity_t quantity, extent_t extent, double *end_out,
                              m4s_text_t *script) {
  double spread = quantity == M4S_QUANTITY_WALL       ? 20
                  : quantity == M4S_QUANTITY_SLOWDOWN ? 5
                                                      : INFINITY;
  if (extent.min > 0 && extent.max > spread * extent.min) {
    *end_out = extent.max * 1.3;
    if (quantity == M4S_QUANTITY_SLOWDOWN) {
      M4S_TRY(
          m4s_text_add(script, "  set xtics (0.5, 1, 2, 3, 5, 10, 20, 50, 100, 1000, 10000)\n"));
    }
    return m4s_text_add(script, "  set logscale x\n  set xrange [%.9g:%.9g]\n", extent.min / 1.3,
                        *end_out);
  }
  if (quantity == M4S_QUANTITY_ERROR) {  // zero is always in sight
    extent.min = fmin(extent.min, 0);
    extent.max = fmax(extent.max, 0);
  }
  double width = extent.max - extent.min;
  double margin = 0.04 * (width > 0 ? width : fabs(extent.max) + 1);
  bool from_zero = quantity == M4S_QUANTITY_ABS_ERROR || quantity == M4S_QUANTITY_WALL ||
                   quantity == M4S_QUANTITY_FLOW_ERROR;
  *end_out = extent.max + margin;
  return m4s_text_add(script, "  set xrange [%.9g:%.9g]\n", from_zero ? 0 : extent.min - margin,
                      *end_out);
}

static m4s_status_t add_curves(const m4s_report_t *report, m4s_quantity_t quantity, extent_t extent,
                               double end, m4s_text_t *script, m4s_text_t *data) {
  cdf_t cdf = make_cdf(report, quantity);
  size_t index = 0;
  M4S_TRY(add_bands(report, quantity, &index, script, data));
  for (size_t i = 0; i < report->distributions.n_items; i++) {
    const m4s_distribution_t *item = &report->distributions.items[i];
    if (item->quantity != quantity) {
      continue;
    }
    M4S_TRY(m4s_text_add(script, "%s data index %zu using 1:2 with steps",
                         index == 0 ? "  plot" : ", \\\n      ", index));
    M4S_TRY(m4s_script_add_line(report, item->simulator, script));
    M4S_TRY(m4s_text_add(script, " title "));
    M4S_TRY(add_series_title(report, item, extent.n_samples == 0, script));
    M4S_TRY(m4s_text_add(data, "# "));
    M4S_TRY(m4s_text_add_comment(data, item->series));
    M4S_TRY(m4s_text_add(data, ", %s\n", cdf.x_label));
    M4S_TRY(m4s_data_add_curve(data, &item->ecdf, cdf.scale, end));
    index++;
  }
  return m4s_text_add(script, "\n");
}

m4s_status_t m4s_figure_write_cdf(const m4s_report_t *report, const m4s_figure_t *figure,
                                  m4s_text_t *script, m4s_text_t *data) {
  m4s_quantity_t quantity = figure->quantity;
  extent_t extent = find_extent(report, quantity);
  if (quantity == M4S_QUANTITY_TOTAL) {
    extent_t compared = find_extent(report, M4S_QUANTITY_TOTAL_COMPARED);
    quantity = compared.n_series > 0 ? M4S_QUANTITY_TOTAL_COMPARED : quantity;
    extent = compared.n_series > 0 ? compared : extent;
  }
  cdf_t cdf = make_cdf(report, quantity);
  if (!extent.has_own) {
    return M4S_OK;
  }
  double end;
  m4s_canvas_t canvas = {.width = 1280, .height = 860, .font = 22};
  M4S_TRY(m4s_script_begin(script, figure, canvas));
  M4S_TRY(m4s_text_add(script, "  set xlabel '%s'\n  set yrange [0:1.02]\n  set ytics 0.2\n%s",
                       cdf.x_label, cdf.setup));
  M4S_TRY(extent.n_samples == 0
              ? m4s_text_add(script, "  set ylabel 'share of %ss'\n", cdf.counted)
              : m4s_text_add(script, "  set ylabel 'share of %zu %s%s'\n", extent.n_samples,
                             cdf.counted, extent.n_samples == 1 ? "" : "s"));
  M4S_TRY(add_range(quantity, extent, &end, script));
  M4S_TRY(add_curves(report, quantity, extent, end, script, data));
  return m4s_script_end(script);
}
