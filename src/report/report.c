#include "report/report.h"

#include <stdlib.h>

#include "core/file.h"
#include "report/contents.h"
#include "report/figures.h"

typedef m4s_status_t (*add_fn)(const m4s_report_t *report, m4s_text_t *text);

static m4s_status_t write_file(const m4s_report_t *report, const char *name, add_fn add) {
  m4s_text_t text = {0};
  m4s_status_t status = add(report, &text);
  if (status == M4S_OK) {
    status = m4s_report_write_text(report->view.results->folder, name, &text);
  }
  m4s_text_clear(&text);
  return status;
}

// Only where there is something; what an earlier report wrote is removed.
static m4s_status_t write_or_remove(const m4s_report_t *report, bool any, const char *name,
                                    add_fn add) {
  if (any) {
    return write_file(report, name, add);
  }
  char *path = m4s_path_join(report->view.results->folder, name);
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : m4s_path_remove(path);
  free(path);
  return status;
}

static m4s_status_t write_files(const m4s_report_t *report) {
  M4S_TRY(write_file(report, "summary.csv", m4s_report_add_summary_csv));
  M4S_TRY(write_file(report, "simulators.csv", m4s_report_add_simulators_csv));
  M4S_TRY(write_file(report, "errors.csv", m4s_report_add_errors_csv));
  M4S_TRY(write_file(report, "point_errors.csv", m4s_report_add_point_errors_csv));
  M4S_TRY(write_file(report, "cdf.csv", m4s_report_add_cdf_csv));
  M4S_TRY(write_or_remove(report, report->flows.n_points > 0, "flow_errors.csv",
                          m4s_report_add_flow_errors_csv));
  M4S_TRY(write_or_remove(report, report->throughputs.n_items > 0, "throughput.csv",
                          m4s_report_add_throughput_csv));
  M4S_TRY(write_or_remove(report, report->links.n_rows > 0, "links_summary.csv",
                          m4s_report_add_links_csv));
  M4S_TRY(m4s_report_write_figures(report));
  return write_file(report, "report.html", m4s_report_add_page);
}

static m4s_status_t print_overview(const m4s_report_t *report, FILE *stream) {
  m4s_text_t text = {0};
  m4s_status_t status = m4s_report_add_overview(report, &text);
  if (status == M4S_OK) {
    status = m4s_text_add(&text, "\nreport: %s/report.html\n", report->view.results->folder);
  }
  if (status == M4S_OK) {
    fwrite(text.bytes, 1, text.length, stream);
  }
  m4s_text_clear(&text);
  return status;
}

m4s_status_t m4s_report_write_results(const m4s_results_t *results, const json_t *reference,
                                      FILE *stream) {
  m4s_report_t report;
  M4S_TRY(m4s_report_make(results, reference, &report));
  m4s_status_t status = write_files(&report);
  if (status == M4S_OK && stream != NULL) {
    status = print_overview(&report, stream);
  }
  m4s_report_clear(&report);
  return status;
}

m4s_status_t m4s_report_write(const char *folder, const json_t *reference, FILE *stream) {
  m4s_results_t results;
  M4S_TRY(m4s_results_read(folder, &results));
  m4s_status_t status = m4s_report_write_results(&results, reference, stream);
  m4s_results_clear(&results);
  return status;
}
