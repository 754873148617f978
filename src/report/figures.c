#include "report/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/log.h"
#include "report/gnuplot.h"

enum { MORE_AXES = 2 };  // of numbers, along which measures are drawn

const m4s_figure_t m4s_figures[] = {
    {"cdf_total_time", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_WORKLOADS, false, M4S_QUANTITY_TOTAL,
     "CDF of completion times",
     "Share of points whose total completion time (of rank 0) is at most the value on the x axis. "
     "Where "
     "simulators are compared with a reference, only points that it and all of them have are "
     "counted.",
     .write = m4s_figure_write_cdf},
    {"cdf_error_magnitude", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_WORKLOADS, false,
     M4S_QUANTITY_ABS_ERROR, "CDF of the error magnitude",
     "Share of points whose total time is off by at most the value on the x axis, relative to the "
     "reference, among the points that all compared simulators have. Further left is better. "
     "Shaded: pointwise 95 % intervals by resampling points.",
     .write = m4s_figure_write_cdf},
    {"cdf_error_signed", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_WORKLOADS, false, M4S_QUANTITY_ERROR,
     "CDF of the signed error",
     "Share of the same points by signed error of the total time. Left of zero: faster than the "
     "reference; "
     "right of zero: slower. Shaded: pointwise 95 % intervals by resampling points.",
     .write = m4s_figure_write_cdf},
    {"error_map", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_WORKLOADS, true, M4S_QUANTITY_ERROR,
     "Error by two axes",
     "Signed error of the total time in percent at each pair of axis values (mean, where several "
     "points share the pair). Blue: faster than the reference; red: slower; grey: no value.",
     .write = m4s_figure_write_map},
    {"error_by_axis", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_WORKLOADS, false, M4S_QUANTITY_ERROR,
     "Error along an axis",
     "Signed error of the total time in percent along the axis of numbers on which that time "
     "varies "
     "most, the others held at the values named above the plot; points that were drawn at random "
     "are dots.",
     .write = m4s_figure_write_by_axis},
    {"total_time_by_axis", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_WORKLOADS, false, M4S_QUANTITY_TOTAL,
     "Completion time along an axis",
     "Total completion time of rank 0 along the axis of numbers on which it varies most, the "
     "others "
     "held at the values named above the plot; points that were drawn at random are dots.",
     .write = m4s_figure_write_by_axis, .n_more_axes = MORE_AXES},
    {"total_time_by_name", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_WORKLOADS, false, M4S_QUANTITY_TOTAL,
     "Completion time by name",
     "Total completion time of rank 0 for each value of the axis of names on which it varies most, "
     "the other axes held at the values named above the plot.",
     .write = m4s_figure_write_by_name},
    {"makespan_by_axis", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_LOOPS, false, M4S_QUANTITY_TOTAL,
     "Makespan along an axis",
     "When the last flow of a point was complete, along the limit of flows in flight where that is "
     "an axis, else along the axis of numbers on which it varies most, the others held at the "
     "values named above the plot; points that were drawn at random are dots.",
     .write = m4s_figure_write_by_axis, .n_more_axes = MORE_AXES},
    {"makespan_by_name", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_LOOPS, false, M4S_QUANTITY_TOTAL,
     "Makespan by name",
     "When the last flow of a point was complete, for each value of the axis of names on which it "
     "varies most, the other axes held at the values named above the plot.",
     .write = m4s_figure_write_by_name},
    {"throughput_by_axis", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_LOOPS, false, M4S_QUANTITY_TOTAL,
     "Throughput along an axis",
     "Application bytes of all flows over the time from the first start to the last completion, "
     "along the same kind of axis.",
     .write = m4s_figure_write_throughput},
    {"cdf_slowdown", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_FLOWS, false, M4S_QUANTITY_SLOWDOWN,
     "CDF of slowdowns",
     "Share of flows whose slowdown is at most the value on the x axis, over all points that every "
     "simulator has. 1: as fast as alone in the network. Shaded: pointwise 95 % intervals by "
     "resampling points with all their flows, as the flows of a point depend on each other.",
     .write = m4s_figure_write_cdf},
    {"p50_slowdown_by_axis", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_SLOWDOWNS, false,
     M4S_QUANTITY_TOTAL, "Median slowdown along an axis",
     "Slowdown that half of a point's flows do not pass, along the load where that is an axis, "
     "else "
     "along the axis of numbers on which it varies most, the others held at the values named above "
     "the plot; points that were drawn at random are dots.",
     .write = m4s_figure_write_p50_slowdown},
    {"p99_slowdown_by_axis", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_SLOWDOWNS, false,
     M4S_QUANTITY_TOTAL, "p99 slowdown along an axis",
     "Slowdown that 99 % of a point's flows do not pass, along the load where that is an axis, "
     "else "
     "along the axis of numbers on which it varies most, the others held at the values named above "
     "the plot; points that were drawn at random are dots.",
     .write = m4s_figure_write_by_axis, .n_more_axes = MORE_AXES},
    {"p99_slowdown_by_name", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_SLOWDOWNS, false,
     M4S_QUANTITY_TOTAL, "p99 slowdown by name",
     "Slowdown that 99 % of a point's flows do not pass, for each value of the axis of names on "
     "which it varies most, the other axes held at the values named above the plot.",
     .write = m4s_figure_write_by_name},
    {"slowdown_by_size", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_FLOWS, false, M4S_QUANTITY_TOTAL,
     "Slowdowns by flow size",
     "Slowdown that half (p50) and 99 % (p99) of the flows of a size do not pass, at the point "
     "named "
     "above the plot, the middle one of the sweep.",
     .write = m4s_figure_write_sizes},
    {"throughput_over_time", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_ALL, false, M4S_QUANTITY_TOTAL,
     "Throughput over time",
     "Application bytes of all flows, each flow's spread evenly from its start to its completion, "
     "at "
     "the point named above the plot, the middle one of the sweep. All points: throughput.csv.",
     .write = m4s_figure_write_over_time},
    {"link_utilisation", M4S_FIGURES_OF_TIMES, M4S_FIGURE_OF_ALL, true, M4S_QUANTITY_TOTAL,
     "Utilisation of links",
     "By tier: mean over its links (dot), median to p90 (box), up to the largest (line), at the "
     "point named above the plot, the middle one of the sweep. fabric: all links but NVLinks. All "
     "points: links_summary.csv.",
     .write = m4s_figure_write_links},
    {"cdf_flow_error", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_FLOWS, false, M4S_QUANTITY_FLOW_ERROR,
     "CDF of the error of single flows",
     "Share of flows whose slowdown is off by at most the value on the x axis, relative to the "
     "same "
     "flow's with the reference. Further left is better. Shaded: pointwise 95 % intervals by "
     "resampling points with all their flows, as the flows of a point depend on each other.",
     .write = m4s_figure_write_cdf},
    {"cdf_p99_error", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_SLOWDOWNS, false, M4S_QUANTITY_ERROR,
     "CDF of the error of the p99 slowdown",
     "Share of points by signed error of their p99 slowdown. Left of zero: faster than the "
     "reference; right of zero: slower. Shaded: pointwise 95 % intervals by resampling points.",
     .write = m4s_figure_write_cdf},
    {"p99_error_map", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_SLOWDOWNS, true, M4S_QUANTITY_ERROR,
     "Error of the p99 slowdown by two axes",
     "Signed error of the p99 slowdown in percent at each pair of axis values (mean, where several "
     "points share the pair). Blue: faster than the reference; red: slower; grey: no value.",
     .write = m4s_figure_write_map},
    {"p99_error_by_axis", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_SLOWDOWNS, false, M4S_QUANTITY_ERROR,
     "Error of the p99 slowdown along an axis",
     "Signed error of the p99 slowdown in percent along the load where that is an axis, else along "
     "the axis of numbers on which that slowdown varies most, the others held at the values named "
     "above the plot; points that were drawn at random are dots.",
     .write = m4s_figure_write_by_axis},
    {"cdf_makespan_error", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_LOOPS, false, M4S_QUANTITY_ERROR,
     "CDF of the error of the makespan",
     "Share of points by signed error of their makespan. Left of zero: faster than the reference; "
     "right of zero: slower. Shaded: pointwise 95 % intervals by resampling points.",
     .write = m4s_figure_write_cdf},
    {"makespan_error_map", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_LOOPS, true, M4S_QUANTITY_ERROR,
     "Error of the makespan by two axes",
     "Signed error of the makespan in percent at each pair of axis values (mean, where several "
     "points share the pair). Blue: faster than the reference; red: slower; grey: no value.",
     .write = m4s_figure_write_map},
    {"makespan_error_by_axis", M4S_FIGURES_OF_ERRORS, M4S_FIGURE_OF_LOOPS, false,
     M4S_QUANTITY_ERROR, "Error of the makespan along an axis",
     "Signed error of the makespan in percent along the limit of flows in flight where that is an "
     "axis, else along the axis of numbers on which the makespan varies most, the others held at "
     "the values named above the plot; points that were drawn at random are dots.",
     .write = m4s_figure_write_by_axis},
    {"cdf_run_time", M4S_FIGURES_OF_RUNS, M4S_FIGURE_OF_ALL, false, M4S_QUANTITY_WALL,
     "CDF of run times",
     "Share of points whose simulation took at most the value on the x axis (wall time of one "
     "point).",
     .write = m4s_figure_write_cdf},
};
const size_t m4s_n_figures = sizeof m4s_figures / sizeof *m4s_figures;

m4s_figure_t m4s_figure_along(const m4s_figure_t *figure, size_t i_axis,
                              char name[M4S_FIGURE_NAME_BYTES]) {
  m4s_figure_t along = *figure;
  if (i_axis > 0) {
    snprintf(name, M4S_FIGURE_NAME_BYTES, "%s_%zu", figure->name, i_axis + 1);
    along.name = name;
    along.caption = "The same along another axis.";
    along.i_axis = i_axis;
  }
  return along;
}

// Okabe and Ito's colours, told apart by colour-blind readers; black is the reference's.
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#7F7F7F"};
enum { N_COLOURS = sizeof colours / sizeof *colours };

m4s_status_t m4s_script_begin(m4s_text_t *script, const m4s_figure_t *figure, m4s_canvas_t canvas) {
  const char *name = figure->name;
  M4S_TRY(m4s_text_add(script,
                       "# %s. Draw again: gnuplot %s.gp\n"
                       "if (!exists('out')) out = '%s'\n"
                       "data = '%s.dat'\n"
                       "set encoding utf8\n"
                       "set border 3 lw 0.8 lc rgb '#404040'\n"
                       "set tics nomirror out scale 0.6 textcolor rgb '#202020' format '%%g'\n"
                       "set grid back lt 1 lw 0.7 lc rgb '#dcdcdc'\n"
                       "set key above left horizontal Left reverse samplen 2.2 spacing 1.1 nobox\n",
                       figure->title, name, name, name));
  return m4s_text_add(script,
                      "do for [i = 1:2] {\n"
                      "  if (i == 1) {\n"
                      "    set terminal pngcairo noenhanced size %d,%d font 'sans,%d' linewidth 2\n"
                      "    set output out.'.png'\n"
                      "  } else {\n"
                      "    set terminal pdfcairo noenhanced size %.3fin,%.3fin font 'sans,%.1f' "
                      "linewidth 1\n"
                      "    set output out.'.pdf'\n"
                      "  }\n",
                      canvas.width, canvas.height, canvas.font, canvas.width / 200.0,
                      canvas.height / 200.0, 0.48 * canvas.font);
}

m4s_status_t m4s_script_end(m4s_text_t *script) {
  return m4s_text_add(script, "}\nunset output\n");
}

static m4s_status_t add_colour(int series, m4s_text_t *script) {
  return m4s_text_add(script, " lc rgb '%s'", series < 0 ? "#000000" : colours[series % N_COLOURS]);
}

m4s_status_t m4s_script_add_series(m4s_text_t *script, int series) {
  M4S_TRY(m4s_text_add(script, series < 0 ? " lw 1.6" : " lw 1.8"));
  M4S_TRY(add_colour(series, script));
  return series < 0 ? m4s_text_add(script, " dt (8,4)")
                    : m4s_text_add(script, " dt %d", series / N_COLOURS + 1);
}

// -1 for the reference.
static int series_of(const m4s_report_t *report, int simulator) {
  return simulator == report->reference.simulator ? -1 : simulator;
}

m4s_status_t m4s_script_add_colour(const m4s_report_t *report, int simulator, m4s_text_t *script) {
  return add_colour(series_of(report, simulator), script);
}

m4s_status_t m4s_script_add_line(const m4s_report_t *report, int simulator, m4s_text_t *script) {
  return m4s_script_add_series(script, series_of(report, simulator));
}

// The bytes of a label's next line: up to the last ", " within the width, else up to the next one.
static size_t line_of(const char *label) {
  enum { MAX_COLUMNS = 72 };
  size_t length = 0;
  for (const char *comma = strstr(label, ", "); comma != NULL; comma = strstr(comma + 2, ", ")) {
    size_t n = (size_t)(comma - label) + 1;
    if (length > 0 && n > MAX_COLUMNS) {
      return length;
    }
    length = n;
  }
  size_t whole = strlen(label);
  return length == 0 || whole <= MAX_COLUMNS ? whole : length;
}

m4s_status_t m4s_script_add_label(m4s_text_t *script, const char *name) {
  char *label = strdup(name);
  if (label == NULL) {
    return m4s_fail_memory("a label");
  }
  for (char *c = label; *c != '\0'; c++) {
    *c = *c == '_' ? ' ' : *c;
  }
  m4s_status_t status = M4S_OK;
  char *rest = label;
  while (status == M4S_OK) {
    size_t n = line_of(rest);
    char after = rest[n];
    rest[n] = '\0';
    status = m4s_text_add_gnuplot(script, rest);
    if (after == '\0') {
      break;
    }
    if (status == M4S_OK) {
      status = m4s_text_add(script, ".\"\\n\".");
    }
    rest += n;
    *rest = after;
  }
  free(label);
  return status;
}

static m4s_status_t write_file(const char *folder, const char *name, const char *ending,
                               const m4s_text_t *text) {
  char file[96];
  snprintf(file, sizeof file, "%s.%s", name, ending);
  return m4s_report_write_text(folder, file, text);
}

m4s_status_t m4s_figure_keep(const char *folder, const char *name, const m4s_text_t *script,
                             const m4s_text_t *data, bool draw) {
  M4S_TRY(write_file(folder, name, "dat", data));
  M4S_TRY(write_file(folder, name, "gp", script));
  if (draw && m4s_gnuplot_draw(folder, name) != M4S_OK) {
    m4s_log(M4S_LOG_WARN, "%s", m4s_last_error());
  }
  return M4S_OK;
}

bool m4s_figures_can_be_drawn(void) {
  bool draw = m4s_gnuplot_is_there();
  if (!draw) {
    m4s_log(M4S_LOG_WARN,
            "gnuplot is not installed: the figures' scripts are written, but no "
            "pictures");
  }
  return draw;
}

static m4s_status_t remove_files(const char *folder, const char *name) {
  static const char *const endings[] = {"gp", "dat", "png", "pdf"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    char file[96];
    snprintf(file, sizeof file, "%s.%s", name, endings[i]);
    char *path = m4s_path_join(folder, file);
    if (path == NULL) {
      return m4s_fail_memory("a file name");
    }
    m4s_status_t status = m4s_path_remove(path);
    free(path);
    M4S_TRY(status);
  }
  return M4S_OK;
}

static bool is_wanted(const m4s_report_t *report, const m4s_figure_t *figure) {
  const m4s_measure_t *measure = report->view.measure;
  switch (figure->traffic) {
    case M4S_FIGURE_OF_WORKLOADS:
      return !measure->of_flows;
    case M4S_FIGURE_OF_FLOWS:
      return measure->of_flows;
    case M4S_FIGURE_OF_SLOWDOWNS:
      return measure->of_flows && !measure->of_loops;
    case M4S_FIGURE_OF_LOOPS:
      return measure->of_loops;
    default:
      return true;
  }
}

static m4s_status_t write_along(const m4s_report_t *report, const m4s_figure_t *figure,
                                const char *folder, bool draw) {
  m4s_text_t script = {0};
  m4s_text_t data = {0};
  m4s_status_t status = remove_files(folder, figure->name);
  if (status == M4S_OK && is_wanted(report, figure)) {
    status = figure->write(report, figure, &script, &data);
  }
  if (status == M4S_OK && script.length > 0) {
    status = m4s_figure_keep(folder, figure->name, &script, &data, draw);
  }
  m4s_text_clear(&script);
  m4s_text_clear(&data);
  return status;
}

static m4s_status_t write_figure(const m4s_report_t *report, const m4s_figure_t *figure,
                                 const char *folder, bool draw) {
  for (size_t i = 0; i <= figure->n_more_axes; i++) {
    char name[M4S_FIGURE_NAME_BYTES];
    m4s_figure_t along = m4s_figure_along(figure, i, name);
    M4S_TRY(write_along(report, &along, folder, draw));
  }
  return M4S_OK;
}

m4s_status_t m4s_report_write_figures(const m4s_report_t *report) {
  bool draw = m4s_figures_can_be_drawn();
  char *figures = m4s_path_join(report->view.results->folder, "figures");
  if (figures == NULL) {
    return m4s_fail_memory("a folder name");
  }
  m4s_status_t status = m4s_folder_make(figures);
  for (size_t i = 0; status == M4S_OK && i < m4s_n_figures; i++) {
    status = write_figure(report, &m4s_figures[i], figures, draw);
  }
  free(figures);
  return status;
}
