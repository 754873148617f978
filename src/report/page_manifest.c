// How a sweep was run, in words: the manifest's members in report.html.
#include <stdlib.h>
#include <string.h>

#include "report/format.h"
#include "report/page.h"

// Longer texts are folded below the table.
enum { MAX_SHORT = 300 };

// Members that stand elsewhere in the page.
static bool is_left_out(const char *key) {
  static const char *const keys[] = {"format", "title", "axes", "simulators", "metrics"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    if (strcmp(key, keys[i]) == 0) {
      return true;
    }
  }
  return false;
}

// Whether a member says nothing: an empty list, no text, a limit of 0.
static bool is_unset(const char *key, const json_t *value) {
  bool empty = json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0) ||
               (json_is_array(value) && json_array_size(value) == 0) ||
               (json_is_object(value) && json_object_size(value) == 0);
  return empty ||
         (strstr(key, "limit") != NULL && json_is_number(value) && json_number_value(value) == 0);
}

// A key as a text: '_' becomes a blank.
static m4s_status_t add_key(const char *key, m4s_text_t *text) {
  for (const char *c = key; *c != '\0'; c++) {
    M4S_TRY(m4s_text_add_bytes(text, *c == '_' ? " " : c, 1));
  }
  return M4S_OK;
}

static m4s_status_t add_words(json_t *value, m4s_text_t *text);

// "set degraded gpus 8, where x > 1": members in a row.
static m4s_status_t add_object_words(json_t *object, m4s_text_t *text) {
  const char *key;
  json_t *value;
  bool first = true;
  json_object_foreach(object, key, value) {
    if (!is_unset(key, value)) {
      M4S_TRY(m4s_text_add(text, "%s", first ? "" : ", "));
      M4S_TRY(add_key(key, text));
      M4S_TRY(m4s_text_add(text, " "));
      M4S_TRY(add_words(value, text));
      first = false;
    }
  }
  return M4S_OK;
}

static m4s_status_t add_array_words(json_t *array, m4s_text_t *text) {
  for (size_t i = 0; i < json_array_size(array); i++) {
    json_t *item = json_array_get(array, i);
    M4S_TRY(m4s_text_add(text, "%s", i == 0 ? "" : json_is_object(item) ? "; " : ", "));
    M4S_TRY(add_words(item, text));
  }
  return M4S_OK;
}

// A value without the signs of JSON.
static m4s_status_t add_words(json_t *value, m4s_text_t *text) {
  if (json_is_object(value)) {
    return add_object_words(value, text);
  }
  return json_is_array(value) ? add_array_words(value, text) : m4s_text_add_json(text, value);
}

// What was selected: no restriction means all points.
static m4s_status_t add_selections(json_t *selections, m4s_text_t *text) {
  for (size_t i = 0; i < json_array_size(selections); i++) {
    json_t *selection = json_array_get(selections, i);
    M4S_TRY(m4s_text_add(text, "%s", i == 0 ? "" : "; "));
    M4S_TRY(json_object_size(selection) == 0 ? m4s_text_add(text, "all points")
                                             : add_words(selection, text));
  }
  return M4S_OK;
}

// The spec as it was read.
static m4s_status_t add_spec(json_t *spec, m4s_text_t *text) {
  char *indented = json_dumps(spec, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
  m4s_status_t status =
      indented == NULL ? m4s_fail_memory("the page") : m4s_text_add(text, "%s", indented);
  free(indented);
  return status;
}

// Adds a member to the rows of the table, or folded to `folds`.
static m4s_status_t add_member(const char *key, const m4s_text_t *words, bool folded,
                               m4s_text_t *rows, m4s_text_t *folds) {
  m4s_text_t *text = folded ? folds : rows;
  M4S_TRY(m4s_text_add(text, folded ? "<details><summary>" : "<tr><td class=\"t\">"));
  M4S_TRY(add_key(key, text));
  M4S_TRY(m4s_text_add(text, folded ? "</summary><pre>" : "</td><td class=\"w\">"));
  M4S_TRY(m4s_text_add_html(text, words->bytes));
  return m4s_text_add(text, folded ? "</pre></details>\n" : "</td></tr>\n");
}

static m4s_status_t add_manifest(json_t *manifest, m4s_text_t *rows, m4s_text_t *folds) {
  const char *key;
  json_t *value;
  json_object_foreach(manifest, key, value) {
    if (is_left_out(key) || is_unset(key, value)) {
      continue;
    }
    bool is_spec = strcmp(key, "sweep") == 0;
    m4s_text_t words = {0};
    m4s_status_t status = is_spec                          ? add_spec(value, &words)
                          : strcmp(key, "selections") == 0 ? add_selections(value, &words)
                                                           : add_words(value, &words);
    if (status == M4S_OK && words.length > 0) {
      bool folded = is_spec || words.length > MAX_SHORT;
      status = add_member(is_spec ? "spec" : key, &words, folded, rows, folds);
    }
    m4s_text_clear(&words);
    M4S_TRY(status);
  }
  return M4S_OK;
}

m4s_status_t m4s_page_add_manifest(const m4s_report_t *report, m4s_text_t *text) {
  m4s_text_t rows = {0};
  m4s_text_t folds = {0};
  m4s_status_t status = add_manifest(report->view.results->manifest, &rows, &folds);
  if (status == M4S_OK && rows.length > 0) {
    status = m4s_text_add(text, "<div class=\"wide\"><table>\n%s</table></div>\n", rows.bytes);
  }
  if (status == M4S_OK && folds.length > 0) {
    status = m4s_text_add_bytes(text, folds.bytes, folds.length);
  }
  m4s_text_clear(&rows);
  m4s_text_clear(&folds);
  return status;
}
