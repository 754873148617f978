// The field table: one row per setting drives reading (JSON, command line), checking, defaults and
// help.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/status.h"
#include "core/text.h"

typedef enum {
  M4S_FIELD_INT,  // int64_t
  M4S_FIELD_REAL,  // double
  M4S_FIELD_TEXT,  // char *, owned by the object, NULL where unset
  // As text: a file's path, relative to the folder of the file that names it. In JSON also null:
  // none.
  M4S_FIELD_PATH,
  M4S_FIELD_CHOICE,  // int, index into `choices`
  M4S_FIELD_FLAG,  // bool
  M4S_FIELD_LIST,  // m4s_text_list_t, command line only, may be repeated
} m4s_field_kind_t;

typedef struct {
  const char *name;  // JSON key; on the command line "_" is written "-"
  m4s_field_kind_t kind;
  size_t offset;  // of the member in the object
  const char *unit;  // "ns", "Gbps", …; for options the value's name in help; NULL for none
  const char *fallback;  // the default as text; NULL: 0, false, unset
  const char *fallback_help;  // what the default means, in its place in help; NULL: it is shown
  double min, max;  // inclusive, for numbers
  const char *const *choices;  // NULL-terminated, for M4S_FIELD_CHOICE
  const char *help;  // one line
} m4s_field_t;

// A named group of fields whose object lies `offset` bytes into a larger one.
typedef struct {
  const char *name;
  const m4s_field_t *fields;
  size_t n_fields;
  size_t offset;
  const char *help;
} m4s_section_t;

#define M4S_COUNT(array) (sizeof(array) / sizeof *(array))

// Sets every field of a zeroed object to its default.
m4s_status_t m4s_fields_set_defaults(const m4s_field_t *fields, size_t n_fields, void *object);

// Frees what the fields own.
void m4s_fields_clear(const m4s_field_t *fields, size_t n_fields, void *object);

// The field called `name` ("-" and "_" are equal), NULL if there is none.
const m4s_field_t *m4s_fields_find(const m4s_field_t *fields, size_t n_fields, const char *name);

// " (did you mean X?)" for an unknown field name, or "".
const char *m4s_fields_did_you_mean(const m4s_field_t *fields, size_t n_fields, const char *name);

// Sets one field; wrong type, unknown choice or out of range is M4S_ERR_INPUT, and the message
// begins with `where` ("sweeps/x.json: base.flowsim.mode" or "--mode"). The object changes only on
// success.
m4s_status_t m4s_field_set_json(const m4s_field_t *field, void *object, const json_t *value,
                                const char *where);
m4s_status_t m4s_field_set_text(const m4s_field_t *field, void *object, const char *text,
                                const char *where);

// The field's value: new reference, NULL without memory. An unset text is null.
json_t *m4s_field_get_json(const m4s_field_t *field, const void *object);

// Sets fields from the keys of a JSON object; an unknown key is an error with the nearest one.
m4s_status_t m4s_fields_set_json(const m4s_field_t *fields, size_t n_fields, void *object,
                                 const json_t *values, const char *where);

// All fields as a new JSON object in table order (unset texts left out), NULL without memory.
json_t *m4s_fields_get_json(const m4s_field_t *fields, size_t n_fields, const void *object);

// One help line per field. `as_options`: "--name <unit>", else "name (unit)".
void m4s_fields_print_help(FILE *stream, const m4s_field_t *fields, size_t n_fields,
                           bool as_options);
