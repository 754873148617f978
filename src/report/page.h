// The parts of report.html. Private to src/report. All append to `text`.
#pragma once

#include "report/contents.h"

m4s_status_t m4s_page_add_base64(m4s_text_t *text, const unsigned char *bytes, size_t n_bytes);

// page_tables.c
m4s_status_t m4s_page_add_axes(const m4s_report_t *report, m4s_text_t *text);
// Nothing where neither errors nor speed-ups are known.
m4s_status_t m4s_page_add_scores(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_page_add_totals(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_page_add_errors(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_page_add_run_times(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_page_add_failures(const m4s_report_t *report, m4s_text_t *text);
m4s_status_t m4s_page_add_points(const m4s_report_t *report, m4s_text_t *text);
// page_manifest.c
m4s_status_t m4s_page_add_manifest(const m4s_report_t *report, m4s_text_t *text);
