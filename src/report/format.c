#include "report/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

m4s_status_t m4s_text_add_csv(m4s_text_t *text, const char *cell) {
  if (strpbrk(cell, ",\"\r\n") == NULL) {
    return m4s_text_add(text, "%s", cell);
  }
  M4S_TRY(m4s_text_add(text, "\""));
  for (const char *c = cell; *c != '\0'; c++) {
    M4S_TRY(m4s_text_add_bytes(text, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1));
  }
  return m4s_text_add(text, "\"");
}

static const char *html_entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return NULL;
  }
}

m4s_status_t m4s_text_add_html(m4s_text_t *text, const char *plain) {
  for (const char *c = plain; *c != '\0'; c++) {
    const char *entity = html_entity(*c);
    if (entity != NULL) {
      M4S_TRY(m4s_text_add(text, "%s", entity));
    } else {
      M4S_TRY(m4s_text_add_bytes(text, c, 1));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_text_add_number(m4s_text_t *text, double value) {
  char digits[64] = "";
  if (fabs(value) < 1e15 && value == floor(value)) {
    snprintf(digits, sizeof digits, "%.0f", value + 0.0);
    return m4s_text_add(text, "%s", digits);
  }
  for (int n_digits = 15; n_digits <= 17; n_digits++) {
    snprintf(digits, sizeof digits, "%.*g", n_digits, value);
    if (strtod(digits, NULL) == value) {
      break;
    }
  }
  return m4s_text_add(text, "%s", digits);
}

m4s_status_t m4s_text_add_json(m4s_text_t *text, const json_t *value) {
  switch (value == NULL ? JSON_NULL : json_typeof(value)) {
    case JSON_NULL:
      return m4s_text_add(text, "%s", "");
    case JSON_STRING:
      return m4s_text_add(text, "%s", json_string_value(value));
    case JSON_INTEGER:
      return m4s_text_add(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
      return m4s_text_add_number(text, json_real_value(value));
    default:
      break;
  }
  char *compact = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
  if (compact == NULL) {
    return m4s_fail_memory("a value");
  }
  m4s_status_t status = m4s_text_add(text, "%s", compact);
  free(compact);
  return status;
}

m4s_status_t m4s_text_add_fixed(m4s_text_t *text, double value, int n_decimals) {
  char digits[400];
  snprintf(digits, sizeof digits, "%.*f", n_decimals, value);
  bool zero = strspn(digits, "-0.") == strlen(digits);
  return m4s_text_add(text, "%s", zero && digits[0] == '-' ? digits + 1 : digits);
}

m4s_status_t m4s_text_add_metric(m4s_text_t *text, const char *metric, double value) {
  if (m4s_name_ends(metric, "_us")) {
    return m4s_text_add_fixed(text, value, 3);
  }
  bool is_ratio = strncmp(metric, "slowdown_", 9) == 0 || strncmp(metric, "load_", 5) == 0;
  return is_ratio || m4s_name_ends(metric, "_s") || m4s_name_ends(metric, "_gbps")
             ? m4s_text_add_fixed(text, value, 6)
             : m4s_text_add_number(text, value);
}

char *m4s_json_plain(const json_t *value) {
  m4s_text_t text = {0};
  if (m4s_text_add_json(&text, value) != M4S_OK) {
    m4s_text_clear(&text);
    return NULL;
  }
  return text.bytes;
}

m4s_status_t m4s_text_add_json_as(m4s_text_t *text, const json_t *value,
                                  m4s_status_t (*add)(m4s_text_t *text, const char *plain)) {
  char *plain = m4s_json_plain(value);
  m4s_status_t status = plain == NULL ? m4s_fail_memory("a value") : add(text, plain);
  free(plain);
  return status;
}

bool m4s_name_ends(const char *name, const char *ending) {
  size_t n_name = strlen(name);
  size_t n_ending = strlen(ending);
  return n_name >= n_ending && strcmp(name + n_name - n_ending, ending) == 0;
}
