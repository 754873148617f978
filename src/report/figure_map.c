// Heat map of the signed error over two axes, one panel a simulator.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figures.h"
#include "report/format.h"
#include "report/gnuplot.h"

enum {
  MAX_LABELLED_COLUMNS = 18,  // wider maps are drawn without the numbers in their cells
  MAX_TICS = 18,  // on one axis
  MAX_CELLS = 20000,  // larger maps are not drawn
};

typedef struct {
  const m4s_report_t *report;
  const m4s_axis_values_t *axes[2];  // x, y
  double *sums;  // [n_y, n_x], of one simulator
  size_t *counts;  // the same shape
  double limit;  // largest magnitude of a mean over all panels, percent
} map_t;

static bool has_errors(const m4s_report_t *report, size_t simulator) {
  return m4s_errors_find(&report->errors, simulator, report->view.measure->metric) != NULL;
}

static void fill_cells(map_t *map, size_t simulator) {
  size_t n_x = map->axes[0]->n_values;
  memset(map->sums, 0, n_x * map->axes[1]->n_values * sizeof *map->sums);
  memset(map->counts, 0, n_x * map->axes[1]->n_values * sizeof *map->counts);
  for (size_t i = 0; i < map->report->errors.n_points; i++) {
    const m4s_point_error_t *error = &map->report->errors.points[i];
    if (error->simulator == simulator &&
        strcmp(error->metric, map->report->view.measure->metric) == 0) {
      int x = m4s_axis_values_index(map->axes[0], error->point);
      int y = m4s_axis_values_index(map->axes[1], error->point);
      map->sums[(size_t)y * n_x + (size_t)x] += error->error_percent;
      map->counts[(size_t)y * n_x + (size_t)x]++;
    }
  }
}

// One block of data a simulator: x index, y index, mean error.
static m4s_status_t add_panel_data(map_t *map, size_t simulator, m4s_text_t *data) {
  fill_cells(map, simulator);
  M4S_TRY(m4s_text_add(data, "# "));
  M4S_TRY(m4s_text_add_comment(data, map->report->view.simulators.items[simulator]));
  for (int i = 0; i < 2; i++) {
    M4S_TRY(m4s_text_add(data, i == 0 ? ": place of " : ", place of "));
    M4S_TRY(m4s_text_add_comment(data, map->axes[i]->name));
  }
  M4S_TRY(m4s_text_add(data, ", error of the %s [%%]\n", map->report->view.measure->short_title));
  for (size_t y = 0; y < map->axes[1]->n_values; y++) {
    for (size_t x = 0; x < map->axes[0]->n_values; x++) {
      size_t cell = y * map->axes[0]->n_values + x;
      if (map->counts[cell] > 0) {
        double mean = map->sums[cell] / (double)map->counts[cell];
        map->limit = fmax(map->limit, fabs(mean));
        M4S_TRY(m4s_text_add(data, "%zu %zu %.6f\n", x, y, mean));
      }
    }
  }
  return m4s_text_add(data, "\n\n");
}

static m4s_status_t add_tics(char which, const m4s_axis_values_t *axis, m4s_text_t *script) {
  enum { COLUMNS = 100 };  // of a map's width
  size_t step = (axis->n_values + MAX_TICS - 1) / MAX_TICS;
  bool turned = which == 'x' && m4s_axis_values_are_long(axis, COLUMNS);
  M4S_TRY(m4s_text_add(script, "  set %ctics %s(", which, turned ? "rotate by -30 " : ""));
  for (size_t i = 0; i < axis->n_values; i += step) {
    M4S_TRY(m4s_text_add(script, "%s", i == 0 ? "" : ", "));
    M4S_TRY(m4s_axis_values_add_label(axis, i, script));
    M4S_TRY(m4s_text_add(script, " %zu", i));
  }
  M4S_TRY(m4s_text_add(script, ") scale 0\n  set %clabel ", which));
  M4S_TRY(m4s_script_add_label(script, axis->name));
  return m4s_text_add(script, "\n  set %crange [-0.5:%zu.5]\n", which, axis->n_values - 1);
}

static m4s_status_t add_panels(const map_t *map, m4s_text_t *script) {
  const m4s_report_t *report = map->report;
  size_t index = 0;
  bool labelled = map->axes[0]->n_values <= MAX_LABELLED_COLUMNS;
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    if (!has_errors(report, s)) {
      continue;
    }
    m4s_text_t title = {0};
    m4s_status_t status =
        m4s_text_add(&title, "%s against %s: error in %s [%%]", report->view.simulators.items[s],
                     report->reference.name, report->view.measure->short_title);
    if (status == M4S_OK) {
      status = m4s_text_add(script, "  set title ");
    }
    if (status == M4S_OK) {
      status = m4s_text_add_gnuplot(script, title.bytes);
    }
    m4s_text_clear(&title);
    M4S_TRY(status);
    M4S_TRY(m4s_text_add(script,
                         "\n  plot data index %zu using "
                         "1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5):3 with boxxyerror fs solid 1 "
                         "noborder fc palette notitle",
                         index));
    if (labelled) {
      M4S_TRY(m4s_text_add(script,
                           ", \\\n       data index %zu using 1:2:"
                           "(abs($3) < 0.05 ? '0.0' : sprintf('%%+.1f', $3)):"
                           "(abs($3) > 0.72 * limit ? 0xffffff : 0x202020) with labels "
                           "font label_font tc rgb variable notitle",
                           index));
    }
    M4S_TRY(m4s_text_add(script, "\n"));
    index++;
  }
  return M4S_OK;
}

static m4s_status_t write_map(map_t *map, const m4s_figure_t *figure, m4s_text_t *script,
                              m4s_text_t *data) {
  size_t n_panels = 0;
  for (size_t s = 0; s < map->report->view.simulators.n_items; s++) {
    if (has_errors(map->report, s)) {
      M4S_TRY(add_panel_data(map, s, data));
      n_panels++;
    }
  }
  int panel_height = 150 + 56 * (map->axes[1]->n_values < 14 ? (int)map->axes[1]->n_values : 14);
  m4s_canvas_t canvas = {.width = 1480, .height = (int)n_panels * panel_height, .font = 18};
  M4S_TRY(m4s_script_begin(script, figure, canvas));
  double limit = fmax(10, 10 * ceil(map->limit / 10));
  M4S_TRY(m4s_text_add(
      script,
      "  limit = %.9g\n"
      "  label_font = i == 1 ? 'sans,16' : 'sans,7.5'\n"
      "  set palette defined (-1 '#2166ac', -0.5 '#92c5de', 0 '#f7f7f7', "
      "0.5 '#f4a582', 1 '#b2182b')\n"
      "  set cbrange [-limit:limit]\n"
      "  set cbtics scale 0.4 (sprintf('%%g', -limit) -limit, sprintf('%%g', -limit / 2) "
      "-limit / 2, '0' 0, sprintf('%%+g', limit / 2) limit / 2, "
      "sprintf('%%+g', limit) limit)\n"
      "  unset key\n"
      "  set object 1 rectangle from graph 0,0 to graph 1,1 behind "
      "fc rgb '#dddddd' fs solid noborder\n"
      "  unset grid\n  unset border\n",
      limit));
  M4S_TRY(add_tics('x', map->axes[0], script));
  M4S_TRY(add_tics('y', map->axes[1], script));
  M4S_TRY(m4s_text_add(script, "  set multiplot layout %zu,1\n", n_panels));
  M4S_TRY(add_panels(map, script));
  M4S_TRY(m4s_text_add(script, "  unset multiplot\n"));
  return m4s_script_end(script);
}

static const m4s_axis_values_t *find_axis(const m4s_axes_t *axes, const char *name) {
  for (size_t i = 0; i < axes->n_items; i++) {
    if (strcmp(axes->items[i].name, name) == 0 && !axes->items[i].continuous) {
      return &axes->items[i];
    }
  }
  return NULL;
}

// The first two axes of the sweep on which points share values; numbers go along x.
static bool choose_axes(const m4s_axes_t *axes, map_t *map) {
  const m4s_text_list_t *names = &map->report->view.axes;
  int n = 0;
  for (size_t i = 0; i < names->n_items && n < 2; i++) {
    map->axes[n] = find_axis(axes, names->items[i]);
    n += map->axes[n] != NULL;
  }
  if (n == 2 && map->axes[0]->of_names && !map->axes[1]->of_names) {
    const m4s_axis_values_t *of_names = map->axes[0];
    map->axes[0] = map->axes[1];
    map->axes[1] = of_names;
  }
  return n == 2 && map->axes[0]->n_values * map->axes[1]->n_values <= MAX_CELLS;
}

m4s_status_t m4s_figure_write_map(const m4s_report_t *report, const m4s_figure_t *figure,
                                  m4s_text_t *script, m4s_text_t *data) {
  map_t map = {.report = report};
  m4s_axes_t axes;
  M4S_TRY(m4s_axes_make(report, true, &axes));
  m4s_status_t status = M4S_OK;
  if (choose_axes(&axes, &map)) {
    size_t n_cells = map.axes[0]->n_values * map.axes[1]->n_values;
    map.sums = calloc(n_cells, sizeof *map.sums);
    map.counts = calloc(n_cells, sizeof *map.counts);
    status = map.sums == NULL || map.counts == NULL ? m4s_fail_memory("the error map")
                                                    : write_map(&map, figure, script, data);
  }
  free(map.sums);
  free(map.counts);
  m4s_axes_clear(&axes);
  return status;
}
