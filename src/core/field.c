#include "core/field.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"

static void *member(const m4s_field_t *field, void *object) {
  return (char *)object + field->offset;
}

static size_t count_choices(const char *const *choices) {
  size_t n = 0;
  while (choices[n] != NULL) {
    n++;
  }
  return n;
}

static m4s_status_t set_text(char **text, const char *value) {
  char *copy = strdup(value);
  if (copy == NULL) {
    return m4s_fail_memory("a setting");
  }
  free(*text);
  *text = copy;
  return M4S_OK;
}

static m4s_status_t set_choice(const m4s_field_t *field, void *object, const char *text,
                               const char *where) {
  size_t n = count_choices(field->choices);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(text, field->choices[i]) == 0) {
      *(int *)member(field, object) = (int)i;
      return M4S_OK;
    }
  }
  char names[256] = "";
  for (size_t i = 0; i < n; i++) {
    size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : ", ", field->choices[i]);
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" is none of %s%s", where, text, names,
                  m4s_did_you_mean(text, field->choices, n));
}

// The unit as a message shows it: names of values, all capitals ("N"), are none.
static const char *unit_of(const m4s_field_t *field) {
  const char *unit = field->unit == NULL ? "" : field->unit;
  for (const char *c = unit; *c != '\0'; c++) {
    if (islower((unsigned char)*c)) {
      return unit;
    }
  }
  return "";
}

// Numbers: checked against the range, integers kept exact.
static m4s_status_t set_int(const m4s_field_t *field, void *object, int64_t value,
                            const char *where) {
  if ((double)value < field->min || (double)value > field->max) {
    int64_t nearest = (double)value < field->min ? (int64_t)field->min : (int64_t)field->max;
    return m4s_fail(M4S_ERR_INPUT, "%s: %lld is outside %.15g to %.15g%s%s (nearest valid: %lld)",
                    where, (long long)value, field->min, field->max,
                    *unit_of(field) == '\0' ? "" : " ", unit_of(field), (long long)nearest);
  }
  *(int64_t *)member(field, object) = value;
  return M4S_OK;
}

static m4s_status_t set_real(const m4s_field_t *field, void *object, double value,
                             const char *where) {
  if (!(value >= field->min && value <= field->max)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %.15g is outside %.15g to %.15g%s%s (nearest valid: %.15g)",
                    where, value, field->min, field->max, *unit_of(field) == '\0' ? "" : " ",
                    unit_of(field), value < field->min ? field->min : field->max);
  }
  *(double *)member(field, object) = value;
  return M4S_OK;
}

static m4s_status_t set_flag(const m4s_field_t *field, void *object, const char *text,
                             const char *where) {
  bool yes = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;
  if (!yes && strcmp(text, "false") != 0 && strcmp(text, "no") != 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" is neither true nor false", where, text);
  }
  *(bool *)member(field, object) = yes;
  return M4S_OK;
}

m4s_status_t m4s_field_set_text(const m4s_field_t *field, void *object, const char *text,
                                const char *where) {
  int64_t whole;
  double real;
  switch (field->kind) {
    case M4S_FIELD_INT:
      if (!m4s_parse_int64(text, &whole)) {
        return m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" is not a whole number", where, text);
      }
      return set_int(field, object, whole, where);
    case M4S_FIELD_REAL:
      if (!m4s_parse_double(text, &real)) {
        return m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" is not a number", where, text);
      }
      return set_real(field, object, real, where);
    case M4S_FIELD_TEXT:
    case M4S_FIELD_PATH:
      if (text[0] == '\0') {
        return m4s_fail(M4S_ERR_INPUT, "%s: is empty", where);
      }
      return set_text(member(field, object), text);
    case M4S_FIELD_CHOICE:
      return set_choice(field, object, text, where);
    case M4S_FIELD_FLAG:
      return set_flag(field, object, text, where);
    case M4S_FIELD_LIST:
      return m4s_text_list_add(member(field, object), text);
  }
  return m4s_fail(M4S_ERR_INTERNAL, "%s: unknown kind of field", where);
}

static m4s_status_t wrong_type(const char *where, const json_t *value, const char *wanted) {
  return m4s_fail(M4S_ERR_INPUT, "%s: %s is not %s", where, m4s_json_show(value), wanted);
}

static m4s_status_t not_a_number(const char *where, const json_t *value, const char *wanted) {
  const char *text = json_string_value(value);
  bool quoted = text != NULL && strpbrk(text, "0123456789") != NULL;
  return m4s_fail(M4S_ERR_INPUT, "%s: %s is not %s%s", where, m4s_json_show(value), wanted,
                  quoted ? " (write it without quotes and unit)" : "");
}

m4s_status_t m4s_field_set_json(const m4s_field_t *field, void *object, const json_t *value,
                                const char *where) {
  switch (field->kind) {
    case M4S_FIELD_INT:
      if (!json_is_integer(value)) {
        return not_a_number(where, value, "a whole number");
      }
      return set_int(field, object, json_integer_value(value), where);
    case M4S_FIELD_REAL:
      if (!json_is_number(value)) {
        return not_a_number(where, value, "a number");
      }
      return set_real(field, object, json_number_value(value), where);
    case M4S_FIELD_FLAG:
      if (!json_is_boolean(value)) {
        return wrong_type(where, value, "true or false");
      }
      *(bool *)member(field, object) = json_is_true(value);
      return M4S_OK;
    case M4S_FIELD_PATH:
      if (json_is_null(value)) {
        char **text = member(field, object);
        free(*text);
        *text = NULL;
        return M4S_OK;
      }
      // fall through
    case M4S_FIELD_TEXT:
    case M4S_FIELD_CHOICE:
      if (!json_is_string(value)) {
        return wrong_type(where, value, "a string");
      }
      return m4s_field_set_text(field, object, json_string_value(value), where);
    case M4S_FIELD_LIST:
      break;
  }
  return m4s_fail(M4S_ERR_INTERNAL, "%s: cannot be read from JSON", where);
}

json_t *m4s_field_get_json(const m4s_field_t *field, const void *object) {
  const void *at = (const char *)object + field->offset;
  switch (field->kind) {
    case M4S_FIELD_INT:
      return json_integer(*(const int64_t *)at);
    case M4S_FIELD_REAL:
      return json_real(*(const double *)at);
    case M4S_FIELD_TEXT:
    case M4S_FIELD_PATH:
      return *(char *const *)at == NULL ? json_null() : json_string(*(char *const *)at);
    case M4S_FIELD_CHOICE:
      return json_string(field->choices[*(const int *)at]);
    case M4S_FIELD_FLAG:
      return json_boolean(*(const bool *)at);
    case M4S_FIELD_LIST:
      break;
  }
  return NULL;
}

m4s_status_t m4s_fields_set_defaults(const m4s_field_t *fields, size_t n_fields, void *object) {
  for (size_t i = 0; i < n_fields; i++) {
    if (fields[i].fallback != NULL) {
      M4S_TRY(m4s_field_set_text(&fields[i], object, fields[i].fallback, fields[i].name));
    }
  }
  return M4S_OK;
}

void m4s_fields_clear(const m4s_field_t *fields, size_t n_fields, void *object) {
  for (size_t i = 0; i < n_fields; i++) {
    if (fields[i].kind == M4S_FIELD_TEXT || fields[i].kind == M4S_FIELD_PATH) {
      char **text = member(&fields[i], object);
      free(*text);
      *text = NULL;
    } else if (fields[i].kind == M4S_FIELD_LIST) {
      m4s_text_list_clear(member(&fields[i], object));
    }
  }
}

static bool same_name(const char *a, const char *b) {
  for (; *a != '\0' && *b != '\0'; a++, b++) {
    if (*a != *b && !(strchr("-_", *a) != NULL && strchr("-_", *b) != NULL)) {
      return false;
    }
  }
  return *a == *b;
}

const m4s_field_t *m4s_fields_find(const m4s_field_t *fields, size_t n_fields, const char *name) {
  for (size_t i = 0; i < n_fields; i++) {
    if (same_name(fields[i].name, name)) {
      return &fields[i];
    }
  }
  return NULL;
}

const char *m4s_fields_did_you_mean(const m4s_field_t *fields, size_t n_fields, const char *name) {
  const char *names[128];
  size_t n = 0;
  for (size_t i = 0; i < n_fields && n < M4S_COUNT(names); i++) {
    names[n++] = fields[i].name;
  }
  return m4s_did_you_mean(name, names, n);
}

m4s_status_t m4s_fields_set_json(const m4s_field_t *fields, size_t n_fields, void *object,
                                 const json_t *values, const char *where) {
  const char *key;
  json_t *value;
  if (!json_is_object(values)) {
    return wrong_type(where, values, "an object {...}");
  }
  json_object_foreach((json_t *)values, key, value) {
    const m4s_field_t *field = m4s_fields_find(fields, n_fields, key);
    if (field == NULL || strcmp(field->name, key) != 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: unknown key \"%s\"%s", where, key,
                      m4s_fields_did_you_mean(fields, n_fields, key));
    }
    char place[512];
    snprintf(place, sizeof place, "%s.%s", where, key);
    M4S_TRY(m4s_field_set_json(field, object, value, place));
  }
  return M4S_OK;
}

json_t *m4s_fields_get_json(const m4s_field_t *fields, size_t n_fields, const void *object) {
  json_t *values = json_object();
  for (size_t i = 0; values != NULL && i < n_fields; i++) {
    json_t *value = m4s_field_get_json(&fields[i], object);
    bool ok = value != NULL;
    if (ok && !json_is_null(value)) {
      ok = json_object_set_new(values, fields[i].name, value) == 0;
    }
    if (!ok) {
      json_decref(values);
      values = NULL;
    }
  }
  return values;
}

static void describe_values(const m4s_field_t *field, char *text, size_t n_text) {
  text[0] = '\0';
  if (field->kind == M4S_FIELD_CHOICE) {
    for (size_t i = 0; field->choices[i] != NULL; i++) {
      size_t used = strlen(text);
      snprintf(text + used, n_text - used, "%s%s", i == 0 ? "" : "|", field->choices[i]);
    }
  } else if (field->unit != NULL) {
    snprintf(text, n_text, "%s", field->unit);
  } else if (field->kind == M4S_FIELD_INT || field->kind == M4S_FIELD_REAL) {
    snprintf(text, n_text, "number");
  }
}

void m4s_fields_print_help(FILE *stream, const m4s_field_t *fields, size_t n_fields,
                           bool as_options) {
  for (size_t i = 0; i < n_fields; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s", fields[i].name);
    for (char *c = name; as_options && *c != '\0'; c++) {
      *c = *c == '_' ? '-' : *c;
    }
    char values[128];
    describe_values(&fields[i], values, sizeof values);
    char head[224];
    if (as_options) {
      snprintf(head, sizeof head, "--%s %s", name, values);
    } else {
      snprintf(head, sizeof head, values[0] == '\0' ? "%s" : "%s (%s)", name, values);
    }
    bool shown = fields[i].fallback != NULL && fields[i].kind != M4S_FIELD_FLAG;
    const char *fallback =
        fields[i].fallback_help != NULL ? fields[i].fallback_help : fields[i].fallback;
    bool wide = strlen(head) > 30;
    fprintf(stream, "  %-30s", head);
    fprintf(stream, wide ? "\n  %-30s" : "%s", "");
    fprintf(stream, shown ? " %s [%s]\n" : " %s\n", fields[i].help, fallback);
  }
}
