// Filter expressions over the settings of a point: "degraded_gpus * reduction <= 100".
//
// Numbers, 'texts', true, false; names of settings; + - * / % on numbers; == != on all kinds; < <=
// >
// >= on numbers; && || ! on truth values; parentheses. Kinds are checked when the text is read.
#pragma once

#include <stdbool.h>

#include "core/status.h"
#include "sweep/setting.h"

typedef enum { M4S_VALUE_NUMBER, M4S_VALUE_TEXT, M4S_VALUE_TRUTH } m4s_value_kind_t;

typedef struct {
  m4s_value_kind_t kind;
  double number;
  bool truth;
  const char *text;  // borrowed
} m4s_value_t;

typedef struct m4s_where m4s_where_t;

// Reads an expression of kind truth. Errors name the column (from 1, in bytes) and begin with
// `where` ("x.json: where", "--where"). Owned by the caller, free with m4s_where_destroy().
m4s_status_t m4s_where_parse(const char *text, const char *where, m4s_where_t **where_out);
void m4s_where_destroy(m4s_where_t *expression);

// The settings that the expression names, each once.
size_t m4s_where_n_names(const m4s_where_t *expression);
m4s_setting_t m4s_where_setting(const m4s_where_t *expression, size_t i_name);

// A setting's value as an operand; the text is borrowed from `value`. Null is the empty text.
m4s_value_t m4s_value_of_json(const json_t *value);

// `values` [n_names], in the order of the names. M4S_ERR_INPUT on a division by zero.
m4s_status_t m4s_where_eval(const m4s_where_t *expression, const m4s_value_t *values,
                            bool *result_out);
