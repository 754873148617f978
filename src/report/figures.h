// The figures of a report: gnuplot scripts with their data, and the pictures drawn from them.
// Private to src/report.
#pragma once

#include "report/contents.h"

// Where a figure stands in the page.
typedef enum {
  M4S_FIGURES_OF_TIMES,
  M4S_FIGURES_OF_ERRORS,
  M4S_FIGURES_OF_RUNS,
} m4s_figure_group_t;

// With which measure it has something to show.
typedef enum {
  M4S_FIGURE_OF_ALL,
  M4S_FIGURE_OF_WORKLOADS,
  M4S_FIGURE_OF_FLOWS,  // of traffic that is no workload
  M4S_FIGURE_OF_SLOWDOWNS,
  M4S_FIGURE_OF_LOOPS,
} m4s_figure_traffic_t;

typedef struct m4s_figure m4s_figure_t;

// Appends script and data; leaves both empty where there is nothing to show.
typedef m4s_status_t (*m4s_figure_fn)(const m4s_report_t *report, const m4s_figure_t *figure,
                                      m4s_text_t *script, m4s_text_t *data);

struct m4s_figure {
  const char *name;  // file name without ending
  m4s_figure_group_t group;
  m4s_figure_traffic_t traffic;
  bool full_width;  // of the page
  m4s_quantity_t quantity;  // that is shown
  const char *title;
  const char *caption;  // what the figure shows and how to read it
  m4s_figure_fn write;
  size_t n_more_axes;  // along how many more axes the same is drawn
  size_t i_axis;  // along which: 0 the one that comes first
};

extern const m4s_figure_t m4s_figures[];
extern const size_t m4s_n_figures;

enum { M4S_FIGURE_NAME_BYTES = 64 };

// The same figure along the axis that comes i_axis-th, up to n_more_axes: its name is written to
// `name` and borrowed, NAME_2 for the second.
m4s_figure_t m4s_figure_along(const m4s_figure_t *figure, size_t i_axis,
                              char name[M4S_FIGURE_NAME_BYTES]);

// Writes figures/ in the results' folder: for each figure NAME.gp, NAME.dat, NAME.png, NAME.pdf.
// Files of figures that have nothing to show are removed. Where gnuplot is missing or fails, a
// warning is logged and that picture is left out.
m4s_status_t m4s_report_write_figures(const m4s_report_t *report);

// Whether pictures can be drawn; where gnuplot is missing a warning is logged.
bool m4s_figures_can_be_drawn(void);

// Writes NAME.gp and NAME.dat, and unless `draw` is false NAME.png and NAME.pdf; a warning is
// logged where those fail.
m4s_status_t m4s_figure_keep(const char *folder, const char *name, const m4s_text_t *script,
                             const m4s_text_t *data, bool draw);

// Shared by the writers of scripts.
typedef struct {
  int width, height;  // of the PNG in pixels; 200 an inch in the PDF
  int font;  // size in the PNG
} m4s_canvas_t;

// The script up to the plot commands: opens a loop over both terminals, in whose body the plot
// stands; m4s_script_end() closes it.
m4s_status_t m4s_script_begin(m4s_text_t *script, const m4s_figure_t *figure, m4s_canvas_t canvas);
m4s_status_t m4s_script_end(m4s_text_t *script);

// " lw … lc rgb … dt …": a line by its number from 0; -1: that of references.
m4s_status_t m4s_script_add_series(m4s_text_t *script, int series);

// The same of a simulator, -1 or the reference's: the reference's.
m4s_status_t m4s_script_add_line(const m4s_report_t *report, int simulator, m4s_text_t *script);

// " lc rgb …" of the same.
m4s_status_t m4s_script_add_colour(const m4s_report_t *report, int simulator, m4s_text_t *script);

// Axis names as a label: '_' becomes a blank, long ones are broken after commas. In quotes.
m4s_status_t m4s_script_add_label(m4s_text_t *script, const char *name);

// figure_cdf.c: data of a curve from probability 0 at its first value to 1 at the `end` of the
// plot.
m4s_status_t m4s_data_add_curve(m4s_text_t *data, const m4s_ecdf_t *ecdf, double scale, double end);
// figure_cdf.c: the CDF of figure->quantity.
m4s_status_t m4s_figure_write_cdf(const m4s_report_t *report, const m4s_figure_t *figure,
                                  m4s_text_t *script, m4s_text_t *data);
// figure_map.c: signed errors over two axes.
m4s_status_t m4s_figure_write_map(const m4s_report_t *report, const m4s_figure_t *figure,
                                  m4s_text_t *script, m4s_text_t *data);
// figure_axis.c: figure->quantity (the measure or its signed errors) along one axis of numbers, the
// others held where the most points are; errors over names where no axis is of numbers.
m4s_status_t m4s_figure_write_by_axis(const m4s_report_t *report, const m4s_figure_t *figure,
                                      m4s_text_t *script, m4s_text_t *data);
// figure_axis.c: the throughput along the axis of numbers along which it varies most.
m4s_status_t m4s_figure_write_throughput(const m4s_report_t *report, const m4s_figure_t *figure,
                                         m4s_text_t *script, m4s_text_t *data);
// The same of the median slowdown.
m4s_status_t m4s_figure_write_p50_slowdown(const m4s_report_t *report, const m4s_figure_t *figure,
                                           m4s_text_t *script, m4s_text_t *data);
// figure_axis.c: the measure over an axis of names.
m4s_status_t m4s_figure_write_by_name(const m4s_report_t *report, const m4s_figure_t *figure,
                                      m4s_text_t *script, m4s_text_t *data);

// The values of an axis that occur.
typedef struct {
  const char *name;  // borrowed from the view
  bool of_names;  // not of numbers: its values are places 0, 1, …
  bool drawn;  // at random, from a space
  bool continuous;  // drawn between two numbers, so that no two points share a value
  bool logarithmic;  // to be drawn with equal ratios at equal distances
  double *values;  // owned, [n_values], ascending
  size_t n_values;
  m4s_text_list_t labels;  // [n_values] of names, in the order in which they come
  double *places;  // owned, [n_points]: each point's value, NAN for a name without a place
} m4s_axis_values_t;

typedef struct {
  m4s_axis_values_t *items;  // owned
  size_t n_items;
} m4s_axes_t;

// The axes with two values or more, of names up to 1,000, but for seeds: those of numbers, then
// those of names, in the view's order; of axes that are zipped together the first, whose names are
// those of all of them. `with_errors`: only points with an error of the measure count. Free with
// m4s_axes_clear().
m4s_status_t m4s_axes_make(const m4s_report_t *report, bool with_errors, m4s_axes_t *axes_out);
void m4s_axes_clear(m4s_axes_t *axes);
void m4s_axis_values_clear(m4s_axis_values_t *axis);

// The index of a point's value, -1 if it is not among them.
int m4s_axis_values_index(const m4s_axis_values_t *axis, size_t point);

// A value as it stands beside an axis, in quotes.
m4s_status_t m4s_axis_values_add_label(const m4s_axis_values_t *axis, size_t i_value,
                                       m4s_text_t *script);

// Whether the names do not fit side by side into so many columns.
bool m4s_axis_values_are_long(const m4s_axis_values_t *axis, size_t n_columns);

// Script lines for the x axis: its scale, and tics at its values where they fit.
m4s_status_t m4s_axis_values_add_scale(const m4s_axis_values_t *axis, m4s_text_t *script);

// figure_point.c: of one point, the middle one of those that the most simulators have.
m4s_status_t m4s_figure_write_over_time(const m4s_report_t *report, const m4s_figure_t *figure,
                                        m4s_text_t *script, m4s_text_t *data);
m4s_status_t m4s_figure_write_links(const m4s_report_t *report, const m4s_figure_t *figure,
                                    m4s_text_t *script, m4s_text_t *data);
m4s_status_t m4s_figure_write_sizes(const m4s_report_t *report, const m4s_figure_t *figure,
                                    m4s_text_t *script, m4s_text_t *data);
