#include "report/contents.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "sweep/setting.h"

m4s_status_t m4s_report_make(const m4s_results_t *results, const json_t *reference,
                             m4s_report_t *report_out) {
  m4s_report_t report = {.reference.simulator = -1};
  if (reference == NULL) {
    reference = json_object_get(results->manifest, "reference");
  }
  m4s_status_t status = m4s_view_make(results, &report.view);
  if (status == M4S_OK) {
    status = m4s_reference_read(&report.view, reference, &report.reference);
  }
  if (status == M4S_OK) {
    status = m4s_errors_make(&report.view, &report.reference, &report.errors);
  }
  if (status == M4S_OK) {
    status =
        m4s_flow_samples_make(&report.view, &report.reference, &report.unreadable, &report.flows);
  }
  if (status == M4S_OK) {
    const m4s_distribution_sources_t sources = {.view = &report.view,
                                                .reference = &report.reference,
                                                .errors = &report.errors,
                                                .flows = &report.flows};
    status = m4s_distributions_make(&sources, &report.distributions);
  }
  if (status == M4S_OK) {
    status = m4s_throughputs_make(&report.view, &report.unreadable, &report.throughputs);
  }
  if (status == M4S_OK) {
    status = m4s_link_usages_make(&report.view, &report.unreadable, &report.links);
  }
  if (status != M4S_OK) {
    m4s_report_clear(&report);
    return status;
  }
  *report_out = report;
  return M4S_OK;
}

void m4s_report_clear(m4s_report_t *report) {
  m4s_text_list_clear(&report->unreadable);
  m4s_link_usages_clear(&report->links);
  m4s_throughputs_clear(&report->throughputs);
  m4s_distributions_clear(&report->distributions);
  m4s_flow_samples_clear(&report->flows);
  m4s_errors_clear(&report->errors);
  m4s_reference_clear(&report->reference);
  m4s_view_clear(&report->view);
}

m4s_status_t m4s_report_write_text(const char *folder, const char *name, const m4s_text_t *text) {
  char *path = m4s_path_join(folder, name);
  if (path == NULL) {
    return m4s_fail_memory("a file name");
  }
  m4s_status_t status = m4s_file_write(path, text->bytes, text->length);
  free(path);
  return status;
}

const char *m4s_report_title(const m4s_report_t *report) {
  const json_t *manifest = report->view.results->manifest;
  const char *title = json_string_value(json_object_get(manifest, "title"));
  return title != NULL ? title : json_string_value(json_object_get(manifest, "name"));
}

m4s_status_t m4s_report_add_reference(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_reference_t *reference = &report->reference;
  if (reference->name == NULL) {
    return M4S_OK;
  }
  if (reference->source == NULL) {
    return m4s_text_add(text, "%s", reference->name);
  }
  const char *slash = strrchr(reference->source, '/');
  bool whole = slash == NULL || slash[1] == '\0';
  return m4s_text_add(text, "%s of %s", reference->name, whole ? reference->source : slash + 1);
}

m4s_status_t m4s_report_add_compared(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_errors_t *errors = &report->errors;
  size_t n_common = 0;
  bool more = false;
  for (size_t s = 0; s < report->view.simulators.n_items; s++) {
    const m4s_error_row_t *row = m4s_errors_find(errors, s, report->view.measure->metric);
    n_common = row == NULL ? n_common : row->summary.n;
    more = more || (row != NULL && row->n_known > row->summary.n);
  }
  if (errors->n_points > 0 && n_common == 0) {
    return m4s_text_add(text, "No point has the %s of every simulator.",
                        report->view.measure->short_title);
  }
  return more ? m4s_text_add(text, "Compared at the %zu point%s that every simulator has.",
                             n_common, n_common == 1 ? "" : "s")
              : M4S_OK;
}

// Whether a setting, up to '=', is one that the reference may not share: neither an axis, nor an
// option of a simulator ("flowsim.mode"), nor one that leaves results as they are.
static bool is_unmatched(const m4s_view_t *view, const char *name, size_t length) {
  for (size_t i = 0; i < view->axes.n_items; i++) {
    const char *axis = view->axes.items[i];
    if (strlen(axis) == length && strncmp(axis, name, length) == 0) {
      return false;
    }
  }
  char whole[96];
  m4s_setting_t setting;
  snprintf(whole, sizeof whole, "%.*s", (int)length, name);
  if (m4s_setting_find(whole, "--set", &setting) != M4S_OK) {
    return true;  // of another version
  }
  return m4s_setting_affects_results(setting) &&
         m4s_text_list_find(&view->simulators, setting.section->name) < 0;
}

// The names of such settings, ", " between them.
static m4s_status_t add_unmatched_names(const m4s_view_t *view, m4s_text_t *names) {
  const json_t *overrides = json_object_get(view->results->manifest, "overrides");
  const json_t *sets = json_object_get(overrides, "set");
  for (size_t i = 0; i < json_array_size(sets); i++) {
    const char *set = json_string_value(json_array_get(sets, i));
    size_t length = set == NULL ? 0 : strcspn(set, "=");
    if (length > 0 && is_unmatched(view, set, length)) {
      M4S_TRY(m4s_text_add(names, "%s%.*s", names->length == 0 ? "" : ", ", (int)length, set));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_report_add_unmatched(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_text_list_t *axes = &report->reference.axes;
  if (report->reference.source == NULL) {
    return M4S_OK;
  }
  m4s_text_t names = {0};
  m4s_status_t status = add_unmatched_names(&report->view, &names);
  if (status == M4S_OK && names.length > 0) {
    status = m4s_text_add(text, "the reference was matched by ");
    for (size_t i = 0; status == M4S_OK && i < axes->n_items; i++) {
      status = m4s_text_add(text, "%s%s",
                            i == 0                  ? ""
                            : i + 1 < axes->n_items ? ", "
                                                    : " and ",
                            axes->items[i]);
    }
    if (status == M4S_OK) {
      status = m4s_text_add(text, " alone; this run changed %s", names.bytes);
    }
  }
  m4s_text_clear(&names);
  return status;
}

m4s_status_t m4s_report_add_cautions(const m4s_report_t *report, size_t simulator,
                                     m4s_text_t *text) {
  const m4s_view_t *view = &report->view;
  const char *first = NULL;
  size_t n = 0;
  for (size_t point = 0; point < view->n_points; point++) {
    const m4s_result_row_t *row = m4s_view_row(view, point, simulator);
    if (row != NULL && row->caution != NULL) {
      first = first == NULL ? row->caution : first;
      n++;
    }
  }
  if (n == 0) {
    return M4S_OK;
  }
  const char *name = view->simulators.items[simulator];
  return view->n_points == 1
             ? m4s_text_add(text, "%s: %s", name, first)
             : m4s_text_add(
                   text,
                   "%s: in %zu of %zu points (column \"reason\" of summary.csv), as in the "
                   "first of them, %s",
                   name, n, view->n_points, first);
}

m4s_status_t m4s_report_add_unreadable(const m4s_report_t *report, m4s_text_t *text) {
  const m4s_text_list_t *unreadable = &report->unreadable;
  if (unreadable->n_items == 0) {
    return M4S_OK;
  }
  return unreadable->n_items == 1
             ? m4s_text_add(text, "%s; this file is left out", unreadable->items[0])
             : m4s_text_add(text, "%zu files of points are left out, the first of them as %s",
                            unreadable->n_items, unreadable->items[0]);
}

const char *m4s_report_nothing_compared(const m4s_report_t *report) {
  if (report->errors.n_rows > 0) {
    return NULL;
  }
  if (!m4s_report_has_results(report)) {
    return "no point succeeded";
  }
  return report->reference.simulator >= 0 && report->view.simulators.n_items == 1
             ? "the sweep has no other simulator to compare with it"
             : "there is no point to compare";
}

bool m4s_report_has_results(const m4s_report_t *report) {
  for (size_t i = 0; i < report->view.results->n_rows; i++) {
    if (report->view.results->rows[i].status == M4S_ROW_OK) {
      return true;
    }
  }
  return false;
}

m4s_simulator_facts_t m4s_report_simulator_facts(const m4s_report_t *report, size_t simulator) {
  m4s_simulator_facts_t facts = {0};
  for (size_t point = 0; point < report->view.n_points; point++) {
    const m4s_result_row_t *row = m4s_view_row(&report->view, point, simulator);
    facts.n_ok += row != NULL && row->status == M4S_ROW_OK;
    facts.n_failed += row != NULL && row->status == M4S_ROW_FAILED;
    facts.n_missing += row != NULL && row->status == M4S_ROW_MISSING;
    facts.wall_s += row == NULL || row->status == M4S_ROW_MISSING ? 0 : row->wall_s;
    double value;
    if (m4s_row_value(row, report->view.measure->metric, &value)) {
      bool first = facts.max == 0;
      facts.min = first ? value : fmin(facts.min, value);
      facts.max = fmax(facts.max, value);
    }
    double makespan_us;
    if (m4s_row_value(row, "makespan_us", &makespan_us)) {
      facts.max_makespan_us = fmax(facts.max_makespan_us, makespan_us);
    }
  }
  return facts;
}
