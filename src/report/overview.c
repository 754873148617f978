// The short summary that a terminal gets.
#include <stdio.h>
#include <string.h>

#include "report/contents.h"
#include "report/format.h"
#include "report/grid.h"
#include "report/scores.h"

static m4s_status_t add_header(const char *const *header, size_t n, m4s_text_list_t *cells) {
  for (size_t i = 0; i < n; i++) {
    M4S_TRY(m4s_text_list_add(cells, header[i]));
  }
  return M4S_OK;
}

static m4s_status_t add_facts(const m4s_report_t *report, size_t simulator,
                              m4s_text_list_t *cells) {
  m4s_simulator_facts_t facts = m4s_report_simulator_facts(report, simulator);
  M4S_TRY(m4s_text_list_add_format(cells, "%.24s", report->view.simulators.items[simulator]));
  M4S_TRY(m4s_text_list_add_format(cells, "%zu", facts.n_ok));
  M4S_TRY(m4s_text_list_add_format(cells, "%zu", facts.n_failed));
  M4S_TRY(m4s_text_list_add_format(cells, "%zu", facts.n_missing));
  char shortest[32], longest[32];
  snprintf(shortest, sizeof shortest, "%.3f", facts.min * report->view.measure->scale);
  snprintf(longest, sizeof longest, "%.3f", facts.max * report->view.measure->scale);
  if (facts.max <= 0) {
    M4S_TRY(m4s_text_list_add(cells, "-"));
  } else if (strcmp(shortest, longest) == 0) {
    M4S_TRY(m4s_text_list_add(cells, shortest));
  } else {
    M4S_TRY(m4s_text_list_add_format(cells, "%s - %s", shortest, longest));
  }
  M4S_TRY(m4s_text_list_add_format(cells, "%.2f", facts.wall_s));
  if (!m4s_scores_have_speed(report)) {
    return M4S_OK;
  }
  m4s_score_t score = m4s_score_make(report, simulator);
  if ((int)simulator == report->reference.simulator) {
    return m4s_text_list_add(cells, "reference");
  }
  return score.n_timed > 0 ? m4s_text_list_add_format(cells, "%.3gx", score.speed_up)
                           : m4s_text_list_add(cells, "-");
}

// Speed-ups where they are known.
static size_t n_fact_columns(const m4s_report_t *report) {
  return m4s_scores_have_speed(report) ? 7 : 6;
}

static m4s_status_t fill_facts(const m4s_report_t *report, m4s_text_list_t *cells) {
  const char *header[] = {
      "simulator",     "ok",      "failed", "missing", report->view.measure->column,
      "wall time [s]", "speed-up"};
  M4S_TRY(add_header(header, n_fact_columns(report), cells));
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    M4S_TRY(add_facts(report, s, cells));
  }
  return M4S_OK;
}

static m4s_status_t add_estimate(double value, bool has_interval, const m4s_interval_t *interval,
                                 m4s_text_list_t *cells) {
  return has_interval ? m4s_text_list_add_format(cells, "%.2f [%.2f, %.2f]", value, interval->low,
                                                 interval->high)
                      : m4s_text_list_add_format(cells, "%.2f", value);
}

static m4s_status_t fill_error(const m4s_report_t *report, const m4s_error_row_t *row,
                               m4s_text_list_t *cells) {
  const m4s_error_summary_t *summary = &row->summary;
  M4S_TRY(m4s_text_list_add_format(cells, "%.24s", report->view.simulators.items[row->simulator]));
  M4S_TRY(m4s_text_list_add_format(cells, "%zu", summary->n));
  bool known = row->intervals.known;
  M4S_TRY(add_estimate(summary->mae, known, &row->intervals.mean, cells));
  M4S_TRY(add_estimate(summary->median_abs, known, &row->intervals.median, cells));
  M4S_TRY(m4s_text_list_add_format(cells, "%.2f", summary->p90_abs));
  M4S_TRY(m4s_text_list_add_format(cells, "%.2f", summary->max_abs));
  return m4s_text_list_add_format(cells, "%+.2f", summary->mean_signed);
}

static m4s_status_t fill_errors(const m4s_report_t *report, m4s_text_list_t *cells) {
  static const char *const header[] = {"simulator", "points", "MAE [95 %]", "median [95 %]",
                                       "p90",       "max",    "mean signed"};
  M4S_TRY(add_header(header, sizeof header / sizeof *header, cells));
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    const m4s_error_row_t *row = m4s_errors_find(&report->errors, s, report->view.measure->metric);
    if (row != NULL) {
      M4S_TRY(fill_error(report, row, cells));
    }
  }
  return M4S_OK;
}

static m4s_status_t fill_flow_errors(const m4s_report_t *report, m4s_text_list_t *cells) {
  static const char *const header[] = {"simulator", "flows", "MAE [95 %]", "median [95 %]",
                                       "p90",       "max",   "mean signed"};
  M4S_TRY(add_header(header, sizeof header / sizeof *header, cells));
  for (size_t i = 0; i < report->flows.n_rows; i++) {
    M4S_TRY(fill_error(report, &report->flows.rows[i], cells));
  }
  return M4S_OK;
}

// A warning, in lines of at most 100 columns; nothing for an empty one.
static m4s_status_t add_warning(const char *words, m4s_text_t *text) {
  enum { MAX_COLUMNS = 100 };
  size_t column = 0;
  if (words != NULL && *words != '\0') {
    M4S_TRY(m4s_text_add(text, "warning:"));
    column = strlen("warning:");
  }
  while (words != NULL && *words != '\0') {
    size_t n = strcspn(words, " ");
    bool fits = column + 1 + n <= MAX_COLUMNS;
    M4S_TRY(m4s_text_add(text, "%s%.*s", fits ? " " : "\n  ", (int)n, words));
    column = fits ? column + 1 + n : 2 + n;
    words += n + (words[n] == ' ');
  }
  return column == 0 ? M4S_OK : m4s_text_add(text, "\n");
}

// Warns of what `add` says.
static m4s_status_t add_warning_of(const m4s_report_t *report,
                                   m4s_status_t (*add)(const m4s_report_t *report,
                                                       m4s_text_t *words),
                                   m4s_text_t *text) {
  m4s_text_t words = {0};
  m4s_status_t status = add(report, &words);
  if (status == M4S_OK) {
    status = add_warning(words.bytes, text);
  }
  m4s_text_clear(&words);
  return status;
}

m4s_status_t m4s_report_add_caution_lines(const m4s_report_t *report, m4s_text_t *text) {
  m4s_status_t status = M4S_OK;
  for (size_t s = 0; status == M4S_OK && s < report->view.simulators.n_items; s++) {
    m4s_text_t words = {0};
    status = m4s_report_add_cautions(report, s, &words);
    if (status == M4S_OK) {
      status = add_warning(words.bytes, text);
    }
    m4s_text_clear(&words);
  }
  return status == M4S_OK ? add_warning_of(report, m4s_report_add_unreadable, text) : status;
}

// A grid of errors, where it has more than its header.
static m4s_status_t add_errors_as(const m4s_report_t *report,
                                  m4s_status_t (*fill)(const m4s_report_t *report,
                                                       m4s_text_list_t *cells),
                                  m4s_text_t *text) {
  enum { N_COLUMNS = 7 };
  m4s_text_list_t cells = {0};
  m4s_status_t status = fill(report, &cells);
  if (status == M4S_OK && cells.n_items > N_COLUMNS) {
    status = m4s_text_add_grid(text, &cells, N_COLUMNS, 1);
  }
  m4s_text_list_clear(&cells);
  return status;
}

static m4s_status_t add_flow_errors(const m4s_report_t *report, m4s_text_t *text) {
  if (report->flows.n_rows == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_text_add(text, "\nerror in the slowdown of single flows [%%] against "));
  M4S_TRY(m4s_report_add_reference(report, text));
  M4S_TRY(m4s_text_add(text, "\n"));
  return add_errors_as(report, fill_flow_errors, text);
}

static m4s_status_t add_error_grid(const m4s_report_t *report, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, "\n"));
  if (!m4s_report_has_results(report)) {
    return m4s_text_add(text, "no point succeeded\n");
  }
  if (report->reference.name == NULL) {
    return m4s_text_add(text, "no reference: no errors\n");
  }
  M4S_TRY(m4s_text_add(text, "error in %s [%%] against ", report->view.measure->short_title));
  M4S_TRY(m4s_report_add_reference(report, text));
  M4S_TRY(m4s_text_add(text, ", which has %zu of %zu points\n", report->reference.n_points_known,
                       report->view.n_points));
  M4S_TRY(add_warning_of(report, m4s_report_add_unmatched, text));
  const char *nothing = m4s_report_nothing_compared(report);
  if (nothing != NULL && report->errors.n_points == 0) {
    return m4s_text_add(text, "%s\n", nothing);
  }
  size_t length = text->length;
  M4S_TRY(m4s_report_add_compared(report, text));
  if (text->length > length) {
    M4S_TRY(m4s_text_add(text, "\n"));
  }
  M4S_TRY(add_errors_as(report, fill_errors, text));
  return add_flow_errors(report, text);
}

// On a line of its own, cut between characters at 97 bytes.
static m4s_status_t add_title(const char *title, m4s_text_t *text) {
  enum { MAX_TITLE = 97 };
  if (title == NULL) {
    return M4S_OK;
  }
  size_t n = strlen(title);
  bool cut = n > MAX_TITLE;
  n = cut ? MAX_TITLE : n;
  while (cut && n > 0 && ((unsigned char)title[n] & 0xc0) == 0x80) {
    n--;
  }
  return m4s_text_add(text, "%.*s%s\n", (int)n, title, cut ? "…" : "");
}

m4s_status_t m4s_report_add_overview(const m4s_report_t *report, m4s_text_t *text) {
  M4S_TRY(add_title(m4s_report_title(report), text));
  M4S_TRY(m4s_text_add(text, "%zu point%s\n\n", report->view.n_points,
                       report->view.n_points == 1 ? "" : "s"));
  m4s_text_list_t cells = {0};
  m4s_status_t status = fill_facts(report, &cells);
  if (status == M4S_OK) {
    status = m4s_text_add_grid(text, &cells, n_fact_columns(report), 1);
  }
  m4s_text_list_clear(&cells);
  M4S_TRY(status);
  M4S_TRY(m4s_report_add_caution_lines(report, text));
  return add_error_grid(report, text);
}
