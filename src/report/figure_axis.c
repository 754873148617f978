// Lines along one axis: total time with the other axes held, and errors of one-axis sweeps.
#include <stdlib.h>
#include <string.h>

#include "report/figures.h"
#include "report/format.h"
#include "report/gnuplot.h"

// One point on a line.
typedef struct {
  double x, y;
} place_t;

typedef struct {
  const m4s_report_t *report;
  const char *axis;  // along x
  bool *in_slice;  // [n_points]: all other axes are at the values of the slice
  place_t *places;  // [n_points]
} slice_t;

static int compare_places(const void *a, const void *b) {
  const place_t *left = a;
  const place_t *right = b;
  return (left->x > right->x) - (left->x < right->x);
}

static double x_of(const slice_t *slice, size_t point) {
  return json_number_value(m4s_view_axis(&slice->report->view, point, slice->axis));
}

// Total time in ms; simulator -1: the reference's.
static bool get_total_ms(const m4s_report_t *report, size_t point, int simulator,
                         double *value_out) {
  double us;
  bool known = simulator < 0 ? m4s_reference_value(&report->reference, point, "total_us", &us)
                             : m4s_row_value(m4s_view_row(&report->view, point, (size_t)simulator),
                                             "total_us", &us);
  if (known) {
    *value_out = us / 1e3;
  }
  return known;
}

static size_t collect_totals(slice_t *slice, int simulator) {
  size_t n = 0;
  for (size_t point = 0; point < slice->report->view.n_points; point++) {
    if (slice->in_slice[point] &&
        get_total_ms(slice->report, point, simulator, &slice->places[n].y)) {
      slice->places[n++].x = x_of(slice, point);
    }
  }
  return n;
}

static size_t collect_errors(slice_t *slice, int simulator) {
  size_t n = 0;
  for (size_t i = 0; i < slice->report->errors.n_points; i++) {
    const m4s_point_error_t *error = &slice->report->errors.points[i];
    if ((int)error->simulator == simulator && strcmp(error->metric, "total_us") == 0 &&
        slice->in_slice[error->point]) {
      slice->places[n++] = (place_t){x_of(slice, error->point), error->error_percent};
    }
  }
  return n;
}

// Adds a line's data and its part of the plot command; nothing where it has no points.
static m4s_status_t add_line(slice_t *slice, int simulator, size_t n, size_t *n_lines,
                             m4s_text_t *script, m4s_text_t *data) {
  if (n == 0) {
    return M4S_OK;
  }
  const m4s_report_t *report = slice->report;
  const char *name =
      simulator < 0 ? report->reference.name : report->view.simulators.items[simulator];
  qsort(slice->places, n, sizeof *slice->places, compare_places);
  M4S_TRY(m4s_text_add(data, "# %s\n", name));
  for (size_t i = 0; i < n; i++) {
    M4S_TRY(m4s_text_add(data, "%.9g %.9g\n", slice->places[i].x, slice->places[i].y));
  }
  M4S_TRY(m4s_text_add(data, "\n\n"));
  M4S_TRY(m4s_text_add(script, "%s data index %zu using 1:2 with linespoints pt %d ps 0.9",
                       *n_lines == 0 ? "  plot" : ", \\\n      ", *n_lines, simulator < 0 ? 6 : 7));
  M4S_TRY(m4s_script_add_line(report, simulator, script));
  M4S_TRY(m4s_text_add(script, " title "));
  M4S_TRY(m4s_text_add_gnuplot(script, name));
  (*n_lines)++;
  return M4S_OK;
}

static m4s_status_t add_lines(slice_t *slice, bool errors, m4s_text_t *script, m4s_text_t *data) {
  const m4s_report_t *report = slice->report;
  size_t n_lines = 0;
  int n_simulators = (int)report->view.simulators.n_items;
  for (int s = 0; s < n_simulators; s++) {
    size_t n = errors ? collect_errors(slice, s) : collect_totals(slice, s);
    M4S_TRY(add_line(slice, s, n, &n_lines, script, data));
  }
  if (!errors && report->reference.name != NULL && report->reference.simulator < 0) {
    M4S_TRY(add_line(slice, -1, collect_totals(slice, -1), &n_lines, script, data));
  }
  // A plot of nothing would be an error.
  return m4s_text_add(script, n_lines == 0 ? "  plot [0:1][0:1] -1 notitle\n" : "\n");
}

// Whether two points agree on every axis but the slice's.
static bool agree(const slice_t *slice, size_t a, size_t b) {
  const m4s_view_t *view = &slice->report->view;
  for (size_t i = 0; i < view->axes.n_items; i++) {
    const char *name = view->axes.items[i];
    if (strcmp(name, slice->axis) != 0 &&
        !json_equal(m4s_view_axis(view, a, name), m4s_view_axis(view, b, name))) {
      return false;
    }
  }
  return true;
}

static void mark_slice(slice_t *slice, size_t through) {
  for (size_t point = 0; point < slice->report->view.n_points; point++) {
    slice->in_slice[point] = agree(slice, point, through);
  }
}

// "degraded gpus = 9, load = 0.5": the axes that are held.
static m4s_status_t add_slice_title(const slice_t *slice, size_t through, m4s_text_t *script) {
  const m4s_view_t *view = &slice->report->view;
  m4s_text_t title = {0};
  m4s_status_t status = m4s_text_add(&title, "%s", "");
  for (size_t i = 0; status == M4S_OK && i < view->axes.n_items; i++) {
    const char *name = view->axes.items[i];
    if (strcmp(name, slice->axis) != 0) {
      status = m4s_text_add(&title, "%s%s = ", title.length == 0 ? "" : ", ", name);
      if (status == M4S_OK) {
        status = m4s_text_add_json(&title, m4s_view_axis(view, through, name));
      }
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

static m4s_status_t write_slice(slice_t *slice, size_t through, bool errors, m4s_text_t *script,
                                m4s_text_t *data) {
  mark_slice(slice, through);
  m4s_canvas_t canvas = {.name = errors ? "error_by_axis" : "total_time_by_axis",
                         .width = 1280,
                         .height = 860,
                         .font = 22};
  M4S_TRY(m4s_script_begin(script, canvas,
                           errors ? "Error along the axis" : "Completion time along an axis"));
  M4S_TRY(add_slice_title(slice, through, script));
  M4S_TRY(m4s_text_add(script, "  set xlabel "));
  M4S_TRY(m4s_script_add_label(script, slice->axis));
  M4S_TRY(m4s_text_add(script,
                       "\n  set autoscale xfix\n"
                       "  set offsets graph 0.03, graph 0.03, graph 0.05, %s\n"
                       "  set ylabel '%s'\n",
                       errors ? "graph 0.05" : "0",
                       errors ? "error in total time [%]" : "total completion time [ms]"));
  if (errors) {
    M4S_TRY(m4s_text_add(script, "  set xzeroaxis lt 1 lw 0.8 lc rgb '#606060'\n"));
  } else {
    M4S_TRY(m4s_text_add(script, "  set yrange [0:*]\n"));
  }
  M4S_TRY(add_lines(slice, errors, script, data));
  return m4s_script_end(script);
}

// The point that the slice goes through: the first at the middle value of `held` (NULL: of all).
static size_t find_through(const m4s_report_t *report, const m4s_axis_values_t *held) {
  for (size_t point = 0; held != NULL && point < report->view.n_points; point++) {
    if (m4s_axis_values_index(held, &report->view, point) == (int)(held->n_values / 2)) {
      return point;
    }
  }
  return 0;
}

static m4s_status_t make_slice(const m4s_report_t *report, const m4s_axis_values_t *held,
                               const char *axis, bool errors, m4s_text_t *script,
                               m4s_text_t *data) {
  slice_t slice = {.report = report, .axis = axis};
  slice.in_slice = calloc(report->view.n_points, sizeof *slice.in_slice);
  slice.places = calloc(report->view.n_points, sizeof *slice.places);
  m4s_status_t status = slice.in_slice == NULL || slice.places == NULL
                            ? m4s_fail_memory("a figure")
                            : write_slice(&slice, find_through(report, held), errors, script, data);
  free(slice.in_slice);
  free(slice.places);
  return status;
}

m4s_status_t m4s_figure_write_error_by_axis(const m4s_report_t *report, m4s_text_t *script,
                                            m4s_text_t *data) {
  m4s_axis_values_t axes[2] = {0};
  size_t n_axes = 0;
  M4S_TRY(m4s_axis_values_make(report, true, 2, axes, &n_axes));
  m4s_status_t status =
      n_axes == 1 ? make_slice(report, NULL, axes[0].name, true, script, data) : M4S_OK;
  m4s_axis_values_clear(&axes[0]);
  m4s_axis_values_clear(&axes[1]);
  return status;
}

m4s_status_t m4s_figure_write_total_by_axis(const m4s_report_t *report, m4s_text_t *script,
                                            m4s_text_t *data) {
  m4s_axis_values_t axes[2] = {0};
  size_t n_axes = 0;
  M4S_TRY(m4s_axis_values_make(report, false, 2, axes, &n_axes));
  m4s_status_t status = M4S_OK;
  if (n_axes > 0) {
    const m4s_axis_values_t *held = n_axes == 2 ? &axes[0] : NULL;
    status = make_slice(report, held, axes[n_axes - 1].name, false, script, data);
  }
  m4s_axis_values_clear(&axes[0]);
  m4s_axis_values_clear(&axes[1]);
  return status;
}
