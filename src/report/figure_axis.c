// Figures along one axis: lines over numbers and bars over names, with the other axes held; dots
// where points were drawn at random. Of the measure, and of the errors of one-axis sweeps.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/field.h"
#include "report/figures.h"
#include "report/format.h"
#include "report/gnuplot.h"

// One point on a line.
typedef struct {
  double x, y;
} place_t;

// A point with something to show, found by the values of the axes that are held.
typedef struct {
  char *key;  // owned
  size_t point, n_values;
} member_t;

// Members with one key: they differ along the axis only.
typedef struct {
  size_t begin, end;  // in the members
  size_t n_values, first_point;
} run_t;

// How points are shown.
typedef enum { STYLE_LINES, STYLE_BARS, STYLE_DOTS } style_t;

typedef struct {
  const m4s_report_t *report;
  const m4s_figure_t *figure;
  const m4s_measure_t *measure;
  const m4s_axis_values_t *axis;  // along x, with those that are zipped with it
  style_t style;
  member_t *members;  // owned, [n_members], by key, then by point
  size_t n_members;
  run_t run;  // the members that are drawn
  bool *in_slice;  // owned, [n_points]: those of the run
  place_t *places;  // owned, [n_points]
} slice_t;

static int compare_places(const void *a, const void *b) {
  const place_t *left = a;
  const place_t *right = b;
  return (left->x > right->x) - (left->x < right->x);
}

static double x_of(const slice_t *slice, size_t point) { return slice->axis->places[point]; }

// The measure in the figure's unit; simulator -1: the reference's.
static bool get_total(const slice_t *slice, size_t point, int simulator, double *value_out) {
  const m4s_report_t *report = slice->report;
  const m4s_measure_t *measure = slice->measure;
  double value;
  bool known = simulator < 0
                   ? m4s_reference_value(&report->reference, point, measure->metric, &value)
                   : m4s_row_value(m4s_view_row(&report->view, point, (size_t)simulator),
                                   measure->metric, &value);
  if (known) {
    *value_out = measure->scale * value;
  }
  return known;
}

static size_t collect_totals(slice_t *slice, int simulator) {
  size_t n = 0;
  for (size_t point = 0; point < slice->report->view.n_points; point++) {
    if (slice->in_slice[point] && get_total(slice, point, simulator, &slice->places[n].y)) {
      slice->places[n++].x = x_of(slice, point);
    }
  }
  return n;
}

static size_t collect_errors(slice_t *slice, int simulator) {
  size_t n = 0;
  for (size_t i = 0; i < slice->report->errors.n_points; i++) {
    const m4s_point_error_t *error = &slice->report->errors.points[i];
    if ((int)error->simulator == simulator && strcmp(error->metric, slice->measure->metric) == 0 &&
        slice->in_slice[error->point]) {
      slice->places[n++] = (place_t){x_of(slice, error->point), error->error_percent};
    }
  }
  return n;
}

// What is plotted of block i_line of the data, one of n_lines.
static m4s_status_t add_plot(const slice_t *slice, size_t i_line, size_t n_lines, bool is_outside,
                             m4s_text_t *script) {
  M4S_TRY(m4s_text_add(script, "%s data index %zu using ", i_line == 0 ? "  plot" : ", \\\n      ",
                       i_line));
  switch (slice->style) {
    case STYLE_BARS: {
      double width = 0.8 / (double)n_lines;
      return m4s_text_add(script, "($1%+.4g):2:(%.4g) with boxes fs solid 0.85 noborder",
                          ((double)i_line + 0.5) * width - 0.4, 0.92 * width);
    }
    case STYLE_DOTS:
      return m4s_text_add(script, "1:2 with points pt %d ps 1.2", is_outside ? 6 : 7);
    default:
      return m4s_text_add(script, "1:2 with linespoints pt %d ps 0.9", is_outside ? 6 : 7);
  }
}

// Adds the data of the n places of a simulator, and what is plotted of them.
static m4s_status_t add_line(slice_t *slice, int simulator, size_t n, size_t i_line, size_t n_lines,
                             m4s_text_t *script, m4s_text_t *data) {
  const m4s_report_t *report = slice->report;
  const char *name =
      simulator < 0 ? report->reference.name : report->view.simulators.items[simulator];
  qsort(slice->places, n, sizeof *slice->places, compare_places);
  M4S_TRY(m4s_text_add(data, "# "));
  M4S_TRY(m4s_text_add_comment(data, name));
  M4S_TRY(m4s_text_add(data, "\n"));
  for (size_t i = 0; i < n; i++) {
    M4S_TRY(m4s_text_add(data, "%.9g %.9g\n", slice->places[i].x, slice->places[i].y));
  }
  M4S_TRY(m4s_text_add(data, "\n\n"));
  M4S_TRY(add_plot(slice, i_line, n_lines, simulator < 0, script));
  M4S_TRY(m4s_script_add_line(report, simulator, script));
  M4S_TRY(m4s_text_add(script, " title "));
  return m4s_text_add_gnuplot(script, name);
}

static bool shows_errors(const slice_t *slice) {
  return slice->figure->quantity == M4S_QUANTITY_ERROR;
}

static size_t collect_places(slice_t *slice, int simulator) {
  return shows_errors(slice) ? collect_errors(slice, simulator) : collect_totals(slice, simulator);
}

// Whether a reference from outside of the sweep is shown beside the simulators.
static bool shows_reference(const slice_t *slice) {
  const m4s_reference_t *reference = &slice->report->reference;
  return !shows_errors(slice) && reference->name != NULL && reference->simulator < 0;
}

// The reference from outside comes last.
static m4s_status_t add_lines(slice_t *slice, m4s_text_t *script, m4s_text_t *data) {
  int n_simulators = (int)slice->report->view.simulators.n_items;
  int n_shown = n_simulators + shows_reference(slice);
  size_t n_lines = 0;
  for (int i = 0; i < n_shown; i++) {
    n_lines += collect_places(slice, i < n_simulators ? i : -1) > 0;
  }
  size_t i_line = 0;
  for (int i = 0; i < n_shown; i++) {
    int simulator = i < n_simulators ? i : -1;
    size_t n = collect_places(slice, simulator);
    if (n > 0) {
      M4S_TRY(add_line(slice, simulator, n, i_line++, n_lines, script, data));
    }
  }
  return m4s_text_add(script, "\n");
}

static bool is_held(const slice_t *slice, const char *axis) {
  return slice->style != STYLE_DOTS && strcmp(axis, slice->axis->name) != 0 &&
         !m4s_view_axes_zipped(&slice->report->view, axis, slice->axis->name);
}

static size_t count_totals(const slice_t *slice, size_t point) {
  const m4s_report_t *report = slice->report;
  double total;
  size_t n = 0;
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    n += get_total(slice, point, (int)s, &total);
  }
  bool apart = report->reference.name != NULL && report->reference.simulator < 0;
  return n + (apart && get_total(slice, point, -1, &total));
}

// How many values each point has to show.
static void count_values(const slice_t *slice, size_t *counts) {
  const m4s_report_t *report = slice->report;
  for (size_t point = 0; point < report->view.n_points; point++) {
    counts[point] = shows_errors(slice) ? 0 : count_totals(slice, point);
  }
  for (size_t i = 0; shows_errors(slice) && i < report->errors.n_points; i++) {
    const m4s_point_error_t *error = &report->errors.points[i];
    counts[error->point] += strcmp(error->metric, slice->measure->metric) == 0;
  }
}

static m4s_status_t make_key(const slice_t *slice, size_t point, m4s_text_t *key) {
  const m4s_view_t *view = &slice->report->view;
  m4s_status_t status = m4s_text_add(key, "%s", "");
  for (size_t i = 0; status == M4S_OK && i < view->axes.n_items; i++) {
    if (is_held(slice, view->axes.items[i])) {
      status = m4s_text_add_json(key, m4s_view_axis(view, point, view->axes.items[i]));
      if (status == M4S_OK) {
        status = m4s_text_add(key, "\x1f");
      }
    }
  }
  return status;
}

static int compare_members(const void *a, const void *b) {
  const member_t *left = a;
  const member_t *right = b;
  int order = strcmp(left->key, right->key);
  return order != 0 ? order : (left->point > right->point) - (left->point < right->point);
}

static m4s_status_t collect_members(slice_t *slice, const size_t *counts) {
  for (size_t point = 0; point < slice->report->view.n_points; point++) {
    if (counts[point] > 0) {
      m4s_text_t key = {0};
      m4s_status_t status = make_key(slice, point, &key);
      if (status != M4S_OK) {
        m4s_text_clear(&key);
        return status;
      }
      slice->members[slice->n_members++] = (member_t){key.bytes, point, counts[point]};
    }
  }
  qsort(slice->members, slice->n_members, sizeof *slice->members, compare_members);
  return M4S_OK;
}

static size_t find_runs(const slice_t *slice, run_t *runs) {
  size_t n = 0;
  for (size_t i = 0; i < slice->n_members; i++) {
    if (i == 0 || strcmp(slice->members[i].key, slice->members[i - 1].key) != 0) {
      runs[n++] = (run_t){.begin = i, .first_point = slice->members[i].point};
    }
    runs[n - 1].end = i + 1;
    runs[n - 1].n_values += slice->members[i].n_values;
  }
  return n;
}

static int compare_runs(const void *a, const void *b) {
  const run_t *left = a;
  const run_t *right = b;
  if (left->n_values != right->n_values) {
    return left->n_values > right->n_values ? -1 : 1;
  }
  return (left->first_point > right->first_point) - (left->first_point < right->first_point);
}

// Chooses the run with the most values; of several the one in the middle, in the points' order.
static m4s_status_t choose_run(slice_t *slice) {
  run_t *runs = calloc(slice->n_members + 1, sizeof *runs);
  if (runs == NULL) {
    return m4s_fail_memory("a figure");
  }
  size_t n_runs = find_runs(slice, runs);
  qsort(runs, n_runs, sizeof *runs, compare_runs);
  size_t n_ties = 0;
  while (n_ties < n_runs && runs[n_ties].n_values == runs[0].n_values) {
    n_ties++;
  }
  slice->run = runs[n_ties / 2];
  free(runs);
  for (size_t i = slice->run.begin; i < slice->run.end; i++) {
    slice->in_slice[slice->members[i].point] = true;
  }
  return M4S_OK;
}

// Lays out the points with something to show by the values of the axes that are held.
static m4s_status_t find_members(slice_t *slice) {
  size_t n_points = slice->report->view.n_points;
  slice->in_slice = calloc(n_points + 1, sizeof *slice->in_slice);
  slice->places = calloc(n_points + 1, sizeof *slice->places);
  slice->members = calloc(n_points + 1, sizeof *slice->members);
  size_t *counts = calloc(n_points + 1, sizeof *counts);
  m4s_status_t status;
  if (slice->in_slice == NULL || slice->places == NULL || slice->members == NULL ||
      counts == NULL) {
    status = m4s_fail_memory("a figure");
  } else {
    count_values(slice, counts);
    status = collect_members(slice, counts);
  }
  free(counts);
  return status;
}

static void slice_clear(slice_t *slice) {
  for (size_t i = 0; i < slice->n_members; i++) {
    free(slice->members[i].key);
  }
  free(slice->members);
  free(slice->in_slice);
  free(slice->places);
}

// "degraded gpus = 9, load = 0.5": the axes that are held.
static m4s_status_t add_held(const slice_t *slice, m4s_text_t *title) {
  const m4s_view_t *view = &slice->report->view;
  for (size_t i = 0; i < view->axes.n_items; i++) {
    const char *name = view->axes.items[i];
    if (is_held(slice, name)) {
      size_t point = slice->members[slice->run.begin].point;
      M4S_TRY(m4s_text_add(title, "%s%s = ", title->length == 0 ? "" : ", ", name));
      M4S_TRY(m4s_text_add_json(title, m4s_view_axis(view, point, name)));
    }
  }
  return M4S_OK;
}

// "load, with buffer size": the axis and those that change with it.
static m4s_status_t add_moving(const slice_t *slice, m4s_text_t *label) {
  const m4s_view_t *view = &slice->report->view;
  M4S_TRY(m4s_text_add(label, "%s", slice->axis->name));
  bool first = true;
  for (size_t i = 0; i < view->axes.n_items; i++) {
    const char *name = view->axes.items[i];
    if (m4s_view_axes_zipped(view, name, slice->axis->name) &&
        strcmp(name, slice->axis->name) != 0) {
      M4S_TRY(m4s_text_add(label, "%s%s", first ? ", with " : ", ", name));
      first = false;
    }
  }
  return M4S_OK;
}

// "  set WHAT 'label'"; nothing for an empty label.
static m4s_status_t set_label(const slice_t *slice, const char *what,
                              m4s_status_t (*add)(const slice_t *slice, m4s_text_t *label),
                              m4s_text_t *script) {
  m4s_text_t label = {0};
  m4s_status_t status = add(slice, &label);
  if (status == M4S_OK && label.length > 0) {
    status = m4s_text_add(script, "  set %s ", what);
    if (status == M4S_OK) {
      status = m4s_script_add_label(script, label.bytes);
    }
    if (status == M4S_OK) {
      status = m4s_text_add(script, "\n");
    }
  }
  m4s_text_clear(&label);
  return status;
}

// Whether there is more to draw than a reference from outside of the sweep.
static bool has_own_values(slice_t *slice) {
  size_t n = 0;
  for (int s = 0; s < (int)slice->report->view.simulators.n_items; s++) {
    n += collect_places(slice, s);
  }
  return n > 0;
}

static m4s_status_t add_x_range(const slice_t *slice, m4s_text_t *script) {
  if (slice->style == STYLE_BARS) {
    return m4s_text_add(script, "  set xrange [-0.6:%zu.6]\n", slice->axis->n_values - 1);
  }
  return m4s_text_add(script,
                      "  set autoscale xfix\n  set offsets graph 0.03, graph 0.03, graph "
                      "0.05, %s\n",
                      shows_errors(slice) ? "graph 0.05" : "0");
}

// Whether values spread over two powers of ten or more along a logarithmic axis: as powers of it.
static bool is_steep(slice_t *slice) {
  enum { MIN_RATIO = 100 };
  double low = INFINITY;
  double high = 0;
  for (int s = -shows_reference(slice); s < (int)slice->report->view.simulators.n_items; s++) {
    size_t n = collect_places(slice, s);
    for (size_t i = 0; i < n; i++) {
      low = fmin(low, slice->places[i].y);
      high = fmax(high, slice->places[i].y);
    }
  }
  return slice->axis->logarithmic && low > 0 && high >= MIN_RATIO * low;
}

static m4s_status_t add_y_axis(slice_t *slice, m4s_text_t *script) {
  const m4s_measure_t *measure = slice->measure;
  if (shows_errors(slice)) {
    return m4s_text_add(script,
                        "  set ylabel 'error in %s [%%]'\n"
                        "  set xzeroaxis lt 1 lw 0.8 lc rgb '#606060'\n",
                        measure->short_title);
  }
  return m4s_text_add(script, "  set ylabel '%s%s'\n%s", measure->title, measure->unit,
                      is_steep(slice) ? "  set logscale y\n" : "  set yrange [0:*]\n");
}

static m4s_status_t write_slice(slice_t *slice, m4s_text_t *script, m4s_text_t *data) {
  m4s_canvas_t canvas = {.width = 1280, .height = 860, .font = 22};
  M4S_TRY(m4s_script_begin(script, slice->figure, canvas));
  M4S_TRY(set_label(slice, "title", add_held, script));
  M4S_TRY(set_label(slice, "xlabel", add_moving, script));
  M4S_TRY(m4s_axis_values_add_scale(slice->axis, script));
  M4S_TRY(add_x_range(slice, script));
  M4S_TRY(add_y_axis(slice, script));
  M4S_TRY(add_lines(slice, script, data));
  return m4s_script_end(script);
}

// Adds the ranges of a run's total times, one for each simulator that has two or more there.
static void add_ranges(const slice_t *slice, const run_t *run, double *sum, size_t *n) {
  for (int s = 0; s < (int)slice->report->view.simulators.n_items; s++) {
    double low = INFINITY;
    double high = -INFINITY;
    size_t n_values = 0;
    for (size_t i = run->begin; i < run->end; i++) {
      double total;
      if (get_total(slice, slice->members[i].point, s, &total)) {
        low = fmin(low, total);
        high = fmax(high, total);
        n_values++;
      }
    }
    if (n_values >= 2) {
      *sum += high - low;
      (*n)++;
    }
  }
}

// How much total times vary along an axis: the mean of their ranges with the others held; negative
// where no two points differ along this axis only.
static m4s_status_t measure_range(const slice_t *figure, const m4s_axis_values_t *axis,
                                  double *range_out) {
  slice_t slice = {
      .report = figure->report, .figure = figure->figure, .measure = figure->measure, .axis = axis};
  m4s_status_t status = find_members(&slice);
  run_t *runs = calloc(slice.n_members + 1, sizeof *runs);
  if (status == M4S_OK && runs == NULL) {
    status = m4s_fail_memory("a figure");
  }
  if (status == M4S_OK) {
    double sum = 0;
    size_t n = 0;
    size_t n_runs = find_runs(&slice, runs);
    for (size_t i = 0; i < n_runs; i++) {
      add_ranges(&slice, &runs[i], &sum, &n);
    }
    *range_out = n == 0 ? -1 : sum / (double)n;
  }
  free(runs);
  slice_clear(&slice);
  return status;
}

// Whether an axis is what is looked at first: the load of mixes, the limit of closed loops.
static bool comes_first(const slice_t *slice, const m4s_axis_values_t *axis) {
  const char *dot = strchr(axis->name, '.');
  const char *name = dot == NULL ? axis->name : dot + 1;
  return slice->measure->of_loops ? strcmp(name, "in_flight") == 0
                                  : strcmp(name, "max_load") == 0 || strcmp(name, "host_load") == 0;
}

// Bars over more names cannot be told apart.
enum { MAX_BARS = 24 };

// Whether lines, or of names bars, can be drawn along an axis.
static bool has_lines(const m4s_axis_values_t *axis, bool of_names) {
  return axis->of_names == of_names && !axis->drawn && (!of_names || axis->n_values <= MAX_BARS);
}

// How much an axis is worth to be looked at: what comes first, then along what the measure varies
// most; negative where nothing can be drawn along it in this style.
static m4s_status_t rank_axis(const slice_t *slice, const m4s_axis_values_t *axis, style_t style,
                              double *rank_out) {
  bool is_drawable =
      style == STYLE_DOTS ? axis->drawn && !axis->of_names : has_lines(axis, style == STYLE_BARS);
  double rank = is_drawable ? 0 : -1;
  if (is_drawable && style != STYLE_DOTS) {
    M4S_TRY(measure_range(slice, axis, &rank));
  }
  *rank_out = is_drawable && comes_first(slice, axis) ? INFINITY : rank;
  return M4S_OK;
}

// The axis of the best rank, the first of several; -1 without any.
static int find_best(const double *ranks, size_t n_ranks) {
  int best = -1;
  double most = -1;
  for (size_t i = 0; i < n_ranks; i++) {
    if (ranks[i] > most + 1e-9 * fabs(most)) {  // than by rounding
      most = ranks[i];
      best = (int)i;
    }
  }
  return best;
}

// Sets slice->axis to the axis of figure->i_axis-th rank in a style, NULL where there are not so
// many; *any_out: whether there is one at all.
static m4s_status_t choose_axis(slice_t *slice, const m4s_axes_t *axes, style_t style,
                                bool *any_out) {
  double *ranks = calloc(axes->n_items + 1, sizeof *ranks);
  m4s_status_t status = ranks == NULL ? m4s_fail_memory("a figure") : M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < axes->n_items; i++) {
    status = rank_axis(slice, &axes->items[i], style, &ranks[i]);
  }
  if (status == M4S_OK) {
    int best = find_best(ranks, axes->n_items);
    *any_out = best >= 0;
    for (size_t i = 0; best >= 0 && i < slice->figure->i_axis; i++) {
      ranks[best] = -1;
      best = find_best(ranks, axes->n_items);
    }
    slice->axis = best < 0 ? NULL : &axes->items[best];
    slice->style = style;
  }
  free(ranks);
  return status;
}

// Takes all points, whatever else differs between them.
static m4s_status_t take_all(slice_t *slice) {
  size_t n_points = slice->report->view.n_points;
  slice->in_slice = calloc(n_points + 1, sizeof *slice->in_slice);
  slice->places = calloc(n_points + 1, sizeof *slice->places);
  if (slice->in_slice == NULL || slice->places == NULL) {
    return m4s_fail_memory("a figure");
  }
  for (size_t point = 0; point < n_points; point++) {
    slice->in_slice[point] = true;
  }
  return M4S_OK;
}

// Takes the points that differ along the axis only; *any_out: there are at least two.
static m4s_status_t take_run(slice_t *slice, bool *any_out) {
  M4S_TRY(find_members(slice));
  M4S_TRY(choose_run(slice));
  *any_out = slice->run.end - slice->run.begin >= 2;
  return M4S_OK;
}

// Draws along slice->axis, where there is something to draw.
static m4s_status_t draw(slice_t *slice, m4s_text_t *script, m4s_text_t *data) {
  bool any = true;
  m4s_status_t status = slice->style == STYLE_DOTS ? take_all(slice) : take_run(slice, &any);
  if (status == M4S_OK && any && has_own_values(slice)) {
    status = write_slice(slice, script, data);
  }
  slice_clear(slice);
  return status;
}

// The styles in which a figure may be drawn, the first one that has an axis: errors as dots where
// points were drawn at random; over names only if there is nothing else.
static const style_t styles_of_totals[] = {STYLE_LINES, STYLE_DOTS};
static const style_t styles_of_errors[] = {STYLE_DOTS, STYLE_LINES, STYLE_BARS};

static m4s_status_t write_in_styles(slice_t slice, const style_t *styles, size_t n_styles,
                                    m4s_text_t *script, m4s_text_t *data) {
  m4s_axes_t axes;
  M4S_TRY(m4s_axes_make(slice.report, shows_errors(&slice), &axes));
  m4s_status_t status = M4S_OK;
  bool any = false;
  for (size_t i = 0; status == M4S_OK && !any && i < n_styles; i++) {
    status = choose_axis(&slice, &axes, styles[i], &any);
  }
  if (status == M4S_OK && slice.axis != NULL) {
    status = draw(&slice, script, data);
  }
  m4s_axes_clear(&axes);
  return status;
}

static m4s_status_t write_by_axis(slice_t slice, m4s_text_t *script, m4s_text_t *data) {
  return shows_errors(&slice)
             ? write_in_styles(slice, styles_of_errors, M4S_COUNT(styles_of_errors), script, data)
             : write_in_styles(slice, styles_of_totals, M4S_COUNT(styles_of_totals), script, data);
}

m4s_status_t m4s_figure_write_by_axis(const m4s_report_t *report, const m4s_figure_t *figure,
                                      m4s_text_t *script, m4s_text_t *data) {
  return write_by_axis(
      (slice_t){.report = report, .figure = figure, .measure = report->view.measure}, script, data);
}

m4s_status_t m4s_figure_write_throughput(const m4s_report_t *report, const m4s_figure_t *figure,
                                         m4s_text_t *script, m4s_text_t *data) {
  return write_by_axis(
      (slice_t){.report = report, .figure = figure, .measure = &m4s_measure_throughput}, script,
      data);
}

m4s_status_t m4s_figure_write_p50_slowdown(const m4s_report_t *report, const m4s_figure_t *figure,
                                           m4s_text_t *script, m4s_text_t *data) {
  return write_by_axis(
      (slice_t){.report = report, .figure = figure, .measure = &m4s_measure_p50_slowdown}, script,
      data);
}

m4s_status_t m4s_figure_write_by_name(const m4s_report_t *report, const m4s_figure_t *figure,
                                      m4s_text_t *script, m4s_text_t *data) {
  static const style_t bars[] = {STYLE_BARS};
  slice_t slice = {.report = report, .figure = figure, .measure = report->view.measure};
  return write_in_styles(slice, bars, M4S_COUNT(bars), script, data);
}
