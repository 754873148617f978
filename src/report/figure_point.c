// Figures of one point, in the middle of the sweep: throughput over time, utilisation of links by
// tier, slowdowns by size.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figures.h"
#include "report/format.h"
#include "report/gnuplot.h"

static const m4s_canvas_t canvas = {.width = 1280, .height = 860, .font = 22};
static const m4s_canvas_t wide_canvas = {.width = 1900, .height = 860, .font = 22};

// Of the points that occur most often in `points` [n > 0], ascending, the one in the middle.
static size_t middle_point(const size_t *points, size_t n) {
  size_t most = 0;
  size_t n_points = 0;
  for (size_t i = 0, begin = 0; i < n; i++) {
    begin = points[i] == points[begin] ? begin : i;
    bool last = i + 1 == n || points[i + 1] != points[i];
    size_t times = i + 1 - begin;
    n_points = !last || times < most ? n_points : times > most ? 1 : n_points + 1;
    most = last && times > most ? times : most;
  }
  size_t left = n_points / 2;
  for (size_t i = 0, begin = 0; i < n; i++) {
    begin = points[i] == points[begin] ? begin : i;
    bool last = i + 1 == n || points[i + 1] != points[i];
    if (last && i + 1 - begin == most && left-- == 0) {
      return points[i];
    }
  }
  return points[0];
}

// "degraded gpus = 9, reduction = 7"; nothing without axes.
static m4s_status_t add_title(const m4s_view_t *view, size_t point, m4s_text_t *script) {
  m4s_text_t title = {0};
  m4s_status_t status = M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < view->axes.n_items; i++) {
    const char *name = view->axes.items[i];
    status = m4s_text_add(&title, "%s%s = ", i == 0 ? "" : ", ", name);
    if (status == M4S_OK) {
      status = m4s_text_add_json(&title, m4s_view_axis(view, point, name));
    }
  }
  if (status == M4S_OK && title.length > 0) {
    status = m4s_text_add(script, "  set title ");
    if (status == M4S_OK) {
      status = m4s_script_add_label(script, title.bytes);
    }
    if (status == M4S_OK) {
      status = m4s_text_add(script, "\n");
    }
  }
  m4s_text_clear(&title);
  return status;
}

// One more element of the plot command.
static m4s_status_t begin_element(size_t *n_elements, m4s_text_t *script) {
  return m4s_text_add(script, "%s", (*n_elements)++ == 0 ? "  plot" : ", \\\n      ");
}

static m4s_status_t begin_block(const char *name, m4s_text_t *data) {
  M4S_TRY(m4s_text_add(data, "# "));
  M4S_TRY(m4s_text_add_comment(data, name));
  return m4s_text_add(data, "\n");
}

// --- throughput ---

static m4s_status_t add_throughput(const m4s_throughput_t *item, m4s_text_t *data) {
  double width_ms = (item->end_ns - item->begin_ns) / M4S_THROUGHPUT_INTERVALS / 1e6;
  for (int k = 0; k <= M4S_THROUGHPUT_INTERVALS; k++) {
    int shown = k < M4S_THROUGHPUT_INTERVALS ? k : M4S_THROUGHPUT_INTERVALS - 1;
    M4S_TRY(
        m4s_text_add(data, "%.9g %.9g\n", item->begin_ns / 1e6 + k * width_ms, item->gbps[shown]));
  }
  return m4s_text_add(data, "\n\n");
}

static m4s_status_t plot_throughput(const m4s_report_t *report, size_t point, m4s_text_t *script,
                                    m4s_text_t *data) {
  size_t n_elements = 0;
  for (size_t i = 0; i < report->throughputs.n_items; i++) {
    const m4s_throughput_t *item = &report->throughputs.items[i];
    if (item->point != point) {
      continue;
    }
    const char *name = report->view.simulators.items[item->simulator];
    M4S_TRY(begin_block(name, data));
    M4S_TRY(add_throughput(item, data));
    size_t index = n_elements;
    M4S_TRY(begin_element(&n_elements, script));
    M4S_TRY(m4s_text_add(script, " data index %zu using 1:2 with steps", index));
    M4S_TRY(m4s_script_add_line(report, (int)item->simulator, script));
    M4S_TRY(m4s_text_add(script, " title "));
    M4S_TRY(m4s_text_add_gnuplot(script, name));
  }
  return m4s_text_add(script, "\n");
}

m4s_status_t m4s_figure_write_over_time(const m4s_report_t *report, const m4s_figure_t *figure,
                                        m4s_text_t *script, m4s_text_t *data) {
  size_t n = report->throughputs.n_items;
  size_t *points = calloc(n + 1, sizeof *points);
  if (points == NULL) {
    return m4s_fail_memory("a figure");
  }
  for (size_t i = 0; i < n; i++) {
    points[i] = report->throughputs.items[i].point;
  }
  size_t point = n == 0 ? 0 : middle_point(points, n);
  free(points);
  if (n == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_script_begin(script, figure, canvas));
  M4S_TRY(add_title(&report->view, point, script));
  M4S_TRY(m4s_text_add(script,
                       "  set autoscale xfix\n  set yrange [0:*]\n"
                       "  set xlabel 'simulated time [ms]'\n"
                       "  set ylabel 'throughput of all flows [Gb/s]'\n"));
  M4S_TRY(plot_throughput(report, point, script, data));
  return m4s_script_end(script);
}

// --- links ---

typedef struct {
  const m4s_report_t *report;
  size_t point;
  m4s_text_list_t tiers;  // along x
} link_figure_t;

static m4s_status_t find_tiers(link_figure_t *links) {
  const m4s_link_usages_t *usages = &links->report->links;
  for (size_t i = 0; i < usages->n_rows; i++) {
    const m4s_link_usage_row_t *row = &usages->rows[i];
    if (row->point == links->point && m4s_text_list_find(&links->tiers, row->tier) < 0) {
      M4S_TRY(m4s_text_list_add(&links->tiers, row->tier));
    }
  }
  return M4S_OK;
}

// Lines "x mean p50 p90 max", percent; simulators stand beside each other.
static m4s_status_t add_usages(const link_figure_t *links, size_t simulator, m4s_text_t *data) {
  double n = (double)links->report->view.simulators.n_items;
  double shift = ((double)simulator - (n - 1) / 2) * 0.7 / fmax(n, 2);
  for (size_t i = 0; i < links->report->links.n_rows; i++) {
    const m4s_link_usage_row_t *row = &links->report->links.rows[i];
    if (row->point == links->point && row->simulator == simulator) {
      double x = m4s_text_list_find(&links->tiers, row->tier) + shift;
      M4S_TRY(m4s_text_add(data, "%.9g %.9g %.9g %.9g %.9g\n", x, 100 * row->utilisation.mean,
                           100 * row->utilisation.median, 100 * row->utilisation.p90,
                           100 * row->utilisation.max));
    }
  }
  return m4s_text_add(data, "\n\n");
}

static m4s_status_t plot_usages(const link_figure_t *links, m4s_text_t *script, m4s_text_t *data) {
  static const char *const shapes[] = {
      "1:3:(0):($5-$3) with vectors nohead lw 1.5",
      "1:2:($1-0.08):($1+0.08):3:4 with boxxyerrorbars fs transparent solid 0.35 noborder"};
  const m4s_report_t *report = links->report;
  size_t n_elements = 0;
  size_t index = 0;
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    size_t length = data->length;
    M4S_TRY(begin_block(report->view.simulators.items[s], data));
    size_t n_empty = data->length - length + 2;
    M4S_TRY(add_usages(links, s, data));
    if (data->length - length == n_empty) {  // gnuplot counts no blocks without points
      continue;
    }
    for (size_t i = 0; i < 2; i++) {
      M4S_TRY(begin_element(&n_elements, script));
      M4S_TRY(m4s_text_add(script, " data index %zu using %s", index, shapes[i]));
      M4S_TRY(m4s_script_add_colour(report, (int)s, script));
      M4S_TRY(m4s_text_add(script, " notitle"));
    }
    M4S_TRY(begin_element(&n_elements, script));
    M4S_TRY(m4s_text_add(script, " data index %zu using 1:2 with points pt 7 ps 1.6", index++));
    M4S_TRY(m4s_script_add_colour(report, (int)s, script));
    M4S_TRY(m4s_text_add(script, " title "));
    M4S_TRY(m4s_text_add_gnuplot(script, report->view.simulators.items[s]));
  }
  return m4s_text_add(script, "\n");
}

// "'host-tier1' 0, 'tier1-host' 1".
static m4s_status_t add_tics(const m4s_text_list_t *names, m4s_text_t *script) {
  M4S_TRY(m4s_text_add(script, "  set xrange [-0.5:%zu.5]\n  set xtics (", names->n_items - 1));
  for (size_t i = 0; i < names->n_items; i++) {
    M4S_TRY(m4s_text_add(script, "%s", i == 0 ? "" : ", "));
    M4S_TRY(m4s_text_add_gnuplot(script, names->items[i]));
    M4S_TRY(m4s_text_add(script, " %zu", i));
  }
  return m4s_text_add(script, ")\n");
}

static m4s_status_t write_links(link_figure_t *links, const m4s_figure_t *figure,
                                m4s_text_t *script, m4s_text_t *data) {
  M4S_TRY(find_tiers(links));
  M4S_TRY(m4s_script_begin(script, figure, wide_canvas));
  M4S_TRY(add_title(&links->report->view, links->point, script));
  M4S_TRY(m4s_text_add(script,
                       "  set yrange [0:*]\n  set xlabel 'links'\n"
                       "  set ylabel 'utilisation [%%]'\n"));
  M4S_TRY(add_tics(&links->tiers, script));
  M4S_TRY(plot_usages(links, script, data));
  return m4s_script_end(script);
}

m4s_status_t m4s_figure_write_links(const m4s_report_t *report, const m4s_figure_t *figure,
                                    m4s_text_t *script, m4s_text_t *data) {
  size_t n = report->links.n_rows;
  size_t *points = calloc(n + 1, sizeof *points);
  if (points == NULL) {
    return m4s_fail_memory("a figure");
  }
  for (size_t i = 0; i < n; i++) {
    points[i] = report->links.rows[i].point;
  }
  link_figure_t links = {.report = report, .point = n == 0 ? 0 : middle_point(points, n)};
  free(points);
  m4s_status_t status = n == 0 ? M4S_OK : write_links(&links, figure, script, data);
  m4s_text_list_clear(&links.tiers);
  return status;
}

// --- slowdowns by size ---

static const struct {
  const char *ending, *label;
} sizes[] = {{"_le_1kb", "\xe2\x89\xa4 1 kB"},
             {"_1kb_10kb",
              "1\xe2\x80\x93"
              "10 kB"},
             {"_10kb_100kb",
              "10\xe2\x80\x93"
              "100 kB"},
             {"_100kb_1mb",
              "0.1\xe2\x80\x93"
              "1 MB"},
             {"_gt_1mb", "> 1 MB"},
             {"", "all"}};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

// simulator -1: the reference's.
static bool get_slowdown(const m4s_report_t *report, size_t point, int simulator,
                         const char *statistic, int size, double *value_out) {
  char metric[64];
  snprintf(metric, sizeof metric, "slowdown_%s%s", statistic, sizes[size].ending);
  return simulator < 0 ? m4s_reference_value(&report->reference, point, metric, value_out)
                       : m4s_row_value(m4s_view_row(&report->view, point, (size_t)simulator),
                                       metric, value_out);
}

typedef struct {
  double low, high;
  size_t n_lines;
} size_extent_t;

// One line of a simulator: p50 or p99 over the sizes that there are.
static m4s_status_t plot_sizes(const m4s_report_t *report, size_t point, int simulator,
                               const char *statistic, size_extent_t *extent, m4s_text_t *script,
                               m4s_text_t *data) {
  bool is_p99 = strcmp(statistic, "p99") == 0;
  const char *name =
      simulator < 0 ? report->reference.name : report->view.simulators.items[simulator];
  size_t n = 0;
  for (int size = 0; size < N_SIZES; size++) {
    double value;
    if (get_slowdown(report, point, simulator, statistic, size, &value)) {
      M4S_TRY(n == 0 ? begin_block(name, data) : M4S_OK);
      M4S_TRY(m4s_text_add(data, "%s%d %.9g\n", size == N_SIZES - 1 ? "\n" : "", size, value));
      extent->low = fmin(extent->low, value);
      extent->high = fmax(extent->high, value);
      n++;
    }
  }
  if (n == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(data, "\n\n"));
  size_t index = extent->n_lines;
  M4S_TRY(begin_element(&extent->n_lines, script));
  M4S_TRY(m4s_text_add(script,
                       " data index %zu using 1:2 with linespoints pt %d ps 1.2 lw %s dt %s", index,
                       is_p99 ? 7 : 6, is_p99 ? "1.8" : "1.2", is_p99 ? "1" : "(2,4)"));
  M4S_TRY(m4s_script_add_colour(report, simulator, script));
  char title[160];
  snprintf(title, sizeof title, "%.120s, %s", name, statistic);
  M4S_TRY(m4s_text_add(script, " title "));
  return m4s_text_add_gnuplot(script, title);
}

static m4s_status_t plot_all_sizes(const m4s_report_t *report, size_t point, size_extent_t *extent,
                                   m4s_text_t *script, m4s_text_t *data) {
  int first = report->reference.name != NULL && report->reference.simulator < 0 ? -1 : 0;
  for (int s = first; s < (int)report->view.simulators.n_items; s++) {
    M4S_TRY(plot_sizes(report, point, s, "p99", extent, script, data));
    M4S_TRY(plot_sizes(report, point, s, "p50", extent, script, data));
  }
  return M4S_OK;
}

// Whether the point has flows of two sizes: of one, all would be the same.
static bool has_sizes(const m4s_report_t *report, size_t point) {
  int n = 0;
  for (int size = 0; size < N_SIZES - 1; size++) {
    bool any = false;
    for (int s = 0; s < (int)report->view.simulators.n_items; s++) {
      double value;
      any = any || get_slowdown(report, point, s, "p99", size, &value);
    }
    n += any;
  }
  return n >= 2;
}

// The point in the middle of those that most simulators have; false without any.
static m4s_status_t find_point(const m4s_report_t *report, size_t *point_out, bool *found_out) {
  size_t n_simulators = report->view.simulators.n_items;
  size_t *points = calloc(report->view.n_points * n_simulators + 1, sizeof *points);
  if (points == NULL) {
    return m4s_fail_memory("a figure");
  }
  size_t n = 0;
  for (size_t i = 0; i < report->view.n_points * n_simulators; i++) {
    double value;
    points[n] = i / n_simulators;
    n += get_slowdown(report, points[n], (int)(i % n_simulators), "p99", N_SIZES - 1, &value);
  }
  *found_out = n > 0;
  *point_out = n == 0 ? 0 : middle_point(points, n);
  free(points);
  return M4S_OK;
}

static m4s_status_t write_sizes(const m4s_report_t *report, const m4s_figure_t *figure,
                                size_t point, const m4s_text_t *plot, size_extent_t extent,
                                m4s_text_t *script) {
  m4s_text_list_t labels = {0};
  m4s_status_t status = M4S_OK;
  for (int size = 0; status == M4S_OK && size < N_SIZES; size++) {
    status = m4s_text_list_add(&labels, sizes[size].label);
  }
  if (status == M4S_OK) {
    status = m4s_script_begin(script, figure, canvas);
  }
  if (status == M4S_OK) {
    status = add_title(&report->view, point, script);
  }
  if (status == M4S_OK) {
    status = add_tics(&labels, script);
  }
  m4s_text_list_clear(&labels);
  M4S_TRY(status);
  M4S_TRY(m4s_text_add(script, "  set xlabel 'size of the flow'\n  set ylabel 'slowdown'\n"));
  M4S_TRY(extent.high > 5 * extent.low
              ? m4s_text_add(script,
                             "  set logscale y\n  set yrange [%.9g:%.9g]\n  set ytics (0.5, 1, 2, "
                             "3, 5, 10, 20, 50, 100, 1000, 10000)\n",
                             extent.low / 1.2, extent.high * 1.2)
              : m4s_text_add(script, "  set yrange [0:*]\n"));
  M4S_TRY(m4s_text_add_bytes(script, plot->bytes, plot->length));
  M4S_TRY(m4s_text_add(script, "\n"));
  return m4s_script_end(script);
}

m4s_status_t m4s_figure_write_sizes(const m4s_report_t *report, const m4s_figure_t *figure,
                                    m4s_text_t *script, m4s_text_t *data) {
  size_t point = 0;
  bool found = false;
  m4s_text_t plot = {0};
  size_extent_t extent = {.low = INFINITY};
  M4S_TRY(find_point(report, &point, &found));
  if (!found || !has_sizes(report, point)) {
    return M4S_OK;
  }
  m4s_status_t status = plot_all_sizes(report, point, &extent, &plot, data);
  if (status == M4S_OK) {
    status = write_sizes(report, figure, point, &plot, extent, script);
  }
  m4s_text_clear(&plot);
  return status;
}
