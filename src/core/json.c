#include "core/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"

m4s_status_t m4s_json_parse_any(const char *text, const char *where, json_t **root_out) {
  json_error_t error;
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (root == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d:%d: %s", where, error.line, error.column, error.text);
  }
  *root_out = root;
  return M4S_OK;
}

m4s_status_t m4s_json_parse(const char *text, const char *where, json_t **root_out) {
  json_t *root;
  M4S_TRY(m4s_json_parse_any(text, where, &root));
  if (!json_is_object(root)) {
    json_decref(root);
    return m4s_fail(M4S_ERR_INPUT, "%s:1: the file must hold one JSON object {...}", where);
  }
  *root_out = root;
  return M4S_OK;
}

m4s_status_t m4s_json_read(const char *path, json_t **root_out) {
  char *text;
  M4S_TRY(m4s_file_read_text(path, M4S_JSON_MAX_BYTES, &text));
  m4s_status_t status = m4s_json_parse(text, path, root_out);
  free(text);
  return status;
}

char *m4s_json_canonical(const json_t *value) {
  return json_dumps(value,
                    JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
}

char *m4s_json_text(const json_t *value, size_t flags) {
  char *text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
  json_t *back = text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
  bool exact = back != NULL && json_equal(back, value) != 0;
  json_decref(back);
  if (exact) {
    return text;
  }
  free(text);
  return json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
}

m4s_status_t m4s_json_write(const char *path, const json_t *value) {
  char *text = m4s_json_text(value, JSON_INDENT(2));
  if (text == NULL) {
    return m4s_fail_memory(path);
  }
  size_t length = strlen(text);
  text[length] = '\n';  // in place of the terminator: the file ends with a newline
  m4s_status_t status = m4s_file_write(path, text, length + 1);
  free(text);
  return status;
}

const char *m4s_json_show(const json_t *value) {
  static _Thread_local char buffer[64];
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
  bool cut = text != NULL && strlen(text) >= sizeof buffer;
  snprintf(buffer, sizeof buffer, "%.*s%s", cut ? 56 : 63, text == NULL ? "?" : text,
           cut ? "..." : "");
  free(text);
  return buffer;
}

m4s_status_t m4s_json_check_text(const char *text, const char *what) {
  json_t *string = json_string(text);
  json_decref(string);
  return string != NULL ? M4S_OK
                        : m4s_fail(M4S_ERR_INPUT, "%s: \"%.200s\" is not UTF-8", what, text);
}

m4s_status_t m4s_json_check_keys(const json_t *object, const char *where, const char *const *names,
                                 size_t n_names) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)object, key, value) {
    bool known = false;
    for (size_t i = 0; i < n_names && !known; i++) {
      known = strcmp(key, names[i]) == 0;
    }
    if (!known) {
      return m4s_fail(M4S_ERR_INPUT, "%s: unknown key \"%s\"%s", where, key,
                      m4s_did_you_mean(key, names, n_names));
    }
  }
  return M4S_OK;
}
