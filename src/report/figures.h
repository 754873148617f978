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

typedef struct {
  const char *name;  // file name without ending
  m4s_figure_group_t group;
  bool full_width;  // of the page
  const char *title;
  const char *caption;  // what the figure shows and how to read it
  // Appends script and data; leaves both empty where there is nothing to show.
  m4s_status_t (*write)(const m4s_report_t *report, m4s_text_t *script, m4s_text_t *data);
} m4s_figure_t;

extern const m4s_figure_t m4s_figures[];
extern const size_t m4s_n_figures;

// Writes `folder`/figures: for each figure NAME.gp, NAME.dat, NAME.png, NAME.pdf. Files of figures
// that have nothing to show are removed. Where gnuplot is missing or fails, a warning is logged and
// that picture is left out.
m4s_status_t m4s_report_write_figures(const m4s_report_t *report, const char *folder);

// Shared by the writers of scripts.
typedef struct {
  const char *name;
  int width, height;  // of the PNG in pixels; 200 an inch in the PDF
  int font;  // size in the PNG
} m4s_canvas_t;

// The script up to the plot commands: opens a loop over both terminals, in whose body the plot
// stands; m4s_script_end() closes it.
m4s_status_t m4s_script_begin(m4s_text_t *script, m4s_canvas_t canvas, const char *title);
m4s_status_t m4s_script_end(m4s_text_t *script);

// " lw … lc rgb … dt …": the line of a simulator, -1 or the reference's: the reference's.
m4s_status_t m4s_script_add_line(const m4s_report_t *report, int simulator, m4s_text_t *script);

// An axis name as a label: '_' becomes a blank. In quotes.
m4s_status_t m4s_script_add_label(m4s_text_t *script, const char *name);

// figure_cdf.c
m4s_status_t m4s_figure_write_cdf_total(const m4s_report_t *report, m4s_text_t *script,
                                        m4s_text_t *data);
m4s_status_t m4s_figure_write_cdf_abs_error(const m4s_report_t *report, m4s_text_t *script,
                                            m4s_text_t *data);
m4s_status_t m4s_figure_write_cdf_error(const m4s_report_t *report, m4s_text_t *script,
                                        m4s_text_t *data);
m4s_status_t m4s_figure_write_cdf_wall(const m4s_report_t *report, m4s_text_t *script,
                                       m4s_text_t *data);
// figure_map.c
m4s_status_t m4s_figure_write_error_map(const m4s_report_t *report, m4s_text_t *script,
                                        m4s_text_t *data);
// figure_axis.c
m4s_status_t m4s_figure_write_error_by_axis(const m4s_report_t *report, m4s_text_t *script,
                                            m4s_text_t *data);
m4s_status_t m4s_figure_write_total_by_axis(const m4s_report_t *report, m4s_text_t *script,
                                            m4s_text_t *data);

// The values of a number axis that occur, ascending.
typedef struct {
  const char *name;  // borrowed from the view
  double *values;  // owned
  size_t n_values;
} m4s_axis_values_t;

// The number axes with at least two values, but for seeds, in the view's order; at most `capacity`
// are stored.
// `with_errors`: only points with an error of total_us count. Clear each.
m4s_status_t m4s_axis_values_make(const m4s_report_t *report, bool with_errors, size_t capacity,
                                  m4s_axis_values_t *axes_out, size_t *n_axes_out);
void m4s_axis_values_clear(m4s_axis_values_t *axis);

// The index of a point's value, -1 if it is not among them.
int m4s_axis_values_index(const m4s_axis_values_t *axis, const m4s_view_t *view, size_t point);
