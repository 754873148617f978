// report.html: one page with everything in it.
#include "report/page.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "report/figures.h"
#include "report/format.h"

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light}\n"
    "body{font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",\"DejaVu Sans\",sans-serif;"
    "color:#1c2430;background:#f4f6f8;margin:0}\n"
    "main{max-width:1180px;margin:0 auto;padding:32px 40px 64px;background:#fff}\n"
    "h1{font-size:30px;line-height:1.2;margin:0 0 6px}\n"
    "h2{font-size:21px;margin:44px 0 12px;padding-bottom:6px;border-bottom:2px solid #e3e8ee}\n"
    "p.lead{color:#4a5568;margin:0 0 8px}p.note{color:#4a5568;font-size:14px}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;"
    "margin:8px 0 4px}\n"
    "th,td{padding:5px 12px;border-bottom:1px solid #e3e8ee;text-align:right;"
    "white-space:nowrap}\n"
    "th{background:#f4f6f8;font-weight:600;border-bottom:2px solid #cbd5e0}\n"
    "th.t,td.t{text-align:left}td.w{text-align:left;white-space:normal}\n"
    "td .ci{color:#718096}td.bad{color:#b2182b;font-weight:600}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(480px,1fr));gap:28px;"
    "margin-top:20px}\n"
    "figure{margin:0}figure.full{grid-column:1/-1}\n"
    "figure img{width:100%;height:auto;border:1px solid #e3e8ee}\n"
    "figcaption{font-size:14px;color:#4a5568;margin-top:6px}\n"
    "figcaption b{color:#1c2430}\n"
    "details{margin:8px 0}summary{cursor:pointer;color:#0b5394}\n"
    "pre{background:#f4f6f8;padding:12px 16px;font-size:13px;white-space:pre-wrap;"
    "overflow-wrap:anywhere}\n"
    "</style>\n";

static m4s_status_t add_head(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  const char *title = m4s_report_title(report);
  title = title == NULL ? "Sweep" : title;
  M4S_TRY(m4s_text_add(text,
                       "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width\">\n<title>"));
  M4S_TRY(m4s_text_add_html(text, title));
  M4S_TRY(m4s_text_add(text, "</title>\n%s</head>\n<body>\n<main>\n<h1>", style));
  M4S_TRY(m4s_text_add_html(text, title));
  M4S_TRY(m4s_text_add(text, "</h1>\n<p class=\"lead\">%zu point%s, simulated with ",
                       view->n_points, view->n_points == 1 ? "" : "s"));
  for (size_t s = 0; s < view->simulators.n_items; s++) {
    M4S_TRY(m4s_text_add(text, "%s", s == 0 ? "" : ", "));
    M4S_TRY(m4s_text_add_html(text, view->simulators.items[s]));
  }
  return m4s_text_add(text, "</p>\n");
}

m4s_status_t m4s_page_add_base64(m4s_text_t *text, const unsigned char *bytes, size_t n_bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < n_bytes; i += 3) {
    size_t n = n_bytes - i < 3 ? n_bytes - i : 3;
    unsigned group = (unsigned)bytes[i] << 16;
    group |= n > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
    group |= n > 2 ? bytes[i + 2] : 0;
    const char quad[4] = {digits[group >> 18], digits[(group >> 12) & 63],
                          n > 1 ? digits[(group >> 6) & 63] : '=',
                          n > 2 ? digits[group & 63] : '='};
    M4S_TRY(m4s_text_add_bytes(text, quad, 4));
  }
  return M4S_OK;
}

// A picture in the page; nothing where it was not drawn.
static m4s_status_t add_figure(const m4s_figure_t *figure, const char *folder, m4s_text_t *text) {
  enum { MAX_PICTURE_BYTES = 64 << 20 };
  m4s_text_t path = {0};
  char *bytes = NULL;
  size_t n_bytes = 0;
  m4s_status_t status = m4s_text_add(&path, "%s/figures/%s.png", folder, figure->name);
  if (status == M4S_OK && m4s_path_exists(path.bytes)) {
    status = m4s_file_read(path.bytes, MAX_PICTURE_BYTES, &bytes, &n_bytes);
  }
  if (status == M4S_OK && bytes != NULL) {
    status = m4s_text_add(text, "<figure%s><img alt=\"%s\" src=\"data:image/png;base64,",
                          figure->full_width ? " class=\"full\"" : "", figure->title);
    if (status == M4S_OK) {
      status = m4s_page_add_base64(text, (const unsigned char *)bytes, n_bytes);
    }
    if (status == M4S_OK) {
      status = m4s_text_add(text, "\">\n<figcaption><b>%s.</b> %s</figcaption></figure>\n",
                            figure->title, figure->caption);
    }
  }
  free(bytes);
  m4s_text_clear(&path);
  return status;
}

static m4s_status_t add_figures(m4s_figure_group_t group, const char *folder, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, "<div class=\"figures\">\n"));
  for (size_t i = 0; i < m4s_n_figures; i++) {
    const m4s_figure_t *figure = &m4s_figures[i];
    for (size_t j = 0; figure->group == group && j <= figure->n_more_axes; j++) {
      char name[M4S_FIGURE_NAME_BYTES];
      m4s_figure_t along = m4s_figure_along(figure, j, name);
      M4S_TRY(add_figure(&along, folder, text));
    }
  }
  return m4s_text_add(text, "</div>\n");
}

m4s_status_t m4s_report_add_page(const m4s_report_t *report, m4s_text_t *text) {
  const char *folder = report->view.results->folder;
  M4S_TRY(add_head(report, text));
  M4S_TRY(m4s_text_add(text, "<h2>What was swept</h2>\n"));
  M4S_TRY(m4s_page_add_axes(report, text));
  M4S_TRY(m4s_page_add_scores(report, text));
  M4S_TRY(m4s_text_add(text, "<h2>%s</h2>\n",
                       report->view.measure->of_flows && !report->view.measure->of_loops
                           ? "Slowdowns"
                           : "Completion times"));
  M4S_TRY(m4s_page_add_totals(report, text));
  M4S_TRY(add_figures(M4S_FIGURES_OF_TIMES, folder, text));
  M4S_TRY(m4s_text_add(text, "<h2>How accurate each simulator was</h2>\n"));
  M4S_TRY(m4s_page_add_errors(report, text));
  M4S_TRY(add_figures(M4S_FIGURES_OF_ERRORS, folder, text));
  M4S_TRY(m4s_text_add(text, "<h2>How long it took</h2>\n"));
  M4S_TRY(m4s_page_add_run_times(report, text));
  M4S_TRY(add_figures(M4S_FIGURES_OF_RUNS, folder, text));
  M4S_TRY(m4s_text_add(text, "<h2>Failed points</h2>\n"));
  M4S_TRY(m4s_page_add_failures(report, text));
  M4S_TRY(m4s_text_add(text, "<h2>All points</h2>\n"));
  M4S_TRY(m4s_page_add_points(report, text));
  M4S_TRY(m4s_text_add(text, "<h2>How it was run</h2>\n"));
  M4S_TRY(m4s_page_add_manifest(report, text));
  return m4s_text_add(text, "</main>\n</body>\n</html>\n");
}
