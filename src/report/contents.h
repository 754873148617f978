// All that a report is written from, and its parts. Private to src/report.
#pragma once

#include <stdio.h>

#include "report/distributions.h"
#include "report/link_usage.h"
#include "report/throughput.h"

typedef struct {
  m4s_view_t view;
  m4s_reference_t reference;
  m4s_errors_t errors;
  m4s_flow_samples_t flows;
  m4s_distributions_t distributions;
  m4s_throughputs_t throughputs;
  m4s_link_usages_t links;
  m4s_text_list_t unreadable;  // what is wrong with files of points that are done without
} m4s_report_t;

// `reference`: as in report.h; NULL: the manifest's. Borrows the results. Free with
// m4s_report_clear().
m4s_status_t m4s_report_make(const m4s_results_t *results, const json_t *reference,
                             m4s_report_t *report_out);
void m4s_report_clear(m4s_report_t *report);

// Writes `folder`/`name`.
m4s_status_t m4s_report_write_text(const char *folder, const char *name, const m4s_text_t *text);

// The sweep's title, or its name; borrowed, NULL if it has neither.
const char *m4s_report_title(const m4s_report_t *report);

// "ns3 of gray-failure.csv": the reference in a few words; "" without one.
m4s_status_t m4s_report_add_reference(const m4s_report_t *report, m4s_text_t *text);

// Says at which points simulators are compared by the measure, where that is not all that each has:
// one sentence, or nothing.
m4s_status_t m4s_report_add_compared(const m4s_report_t *report, m4s_text_t *text);

// Where a table or folder is the reference and the run set what is not an axis: one sentence that
// says so, or nothing.
m4s_status_t m4s_report_add_unmatched(const m4s_report_t *report, m4s_text_t *text);

// Why no simulator is compared with the reference; NULL where one is.
const char *m4s_report_nothing_compared(const m4s_report_t *report);

// In words, which points of a simulator are to be taken with care; nothing where there are none.
m4s_status_t m4s_report_add_cautions(const m4s_report_t *report, size_t simulator,
                                     m4s_text_t *text);

// In words, which files of points could not be read; nothing where all could.
m4s_status_t m4s_report_add_unreadable(const m4s_report_t *report, m4s_text_t *text);

// Whether any point succeeded with any simulator.
bool m4s_report_has_results(const m4s_report_t *report);

// A simulator's rows by status, the measures of the ok ones, and the sum of all run times.
typedef struct {
  size_t n_ok, n_failed, n_missing;
  double min, max;  // of the measure, in its metric's unit; 0 without any
  double max_makespan_us;  // of all ranks; 0 without any
  double wall_s;
} m4s_simulator_facts_t;

m4s_simulator_facts_t m4s_report_simulator_facts(const m4s_report_t *report, size_t simulator);

// tables.c: the CSV files as texts; the texts are appended to.
m4s_status_t m4s_report_add_summary_csv(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_report_add_errors_csv(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_report_add_point_errors_csv(const m4s_report_t *report, m4s_text_t *text);
// One row a simulator, as of report/scores.h.
m4s_status_t m4s_report_add_simulators_csv(const m4s_report_t *report, m4s_text_t *text);
// Nothing where there are no errors of single flows.
m4s_status_t m4s_report_add_flow_errors_csv(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_report_add_cdf_csv(const m4s_report_t *report, m4s_text_t *text);
// The next ones likewise, without flows and without links.
m4s_status_t m4s_report_add_throughput_csv(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_report_add_links_csv(const m4s_report_t *report, m4s_text_t *text);

// page.c: report.html; pictures are read from the results' folder.
m4s_status_t m4s_report_add_page(const m4s_report_t *report, m4s_text_t *text);

// overview.c: the short table for a terminal, lines of at most 100 columns.
m4s_status_t m4s_report_add_overview(const m4s_report_t *report, m4s_text_t *text);
// The cautions of all simulators and files that could not be read, as it has them: warnings.
m4s_status_t m4s_report_add_caution_lines(const m4s_report_t *report, m4s_text_t *text);
