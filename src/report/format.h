// How values stand in the report's files. All functions append to a text and fail only for lack of
// memory.
#pragma once

#include <jansson.h>

#include "core/text.h"

// A cell of a CSV file, quoted as RFC 4180 says where it must be.
m4s_status_t m4s_text_add_csv(m4s_text_t *text, const char *cell);

// Text for HTML: & < > " ' are escaped.
m4s_status_t m4s_text_add_html(m4s_text_t *text, const char *plain);

// A value of an axis: strings without quotes, numbers as short as they read back the same, null as
// nothing, arrays and objects as compact JSON.
m4s_status_t m4s_text_add_json(m4s_text_t *text, const json_t *value);

// A number as short as it reads back the same, whole numbers without a point.
m4s_status_t m4s_text_add_number(m4s_text_t *text, double value);

// With `n_decimals` decimals; never "-0.00".
m4s_status_t m4s_text_add_fixed(m4s_text_t *text, double value, int n_decimals);

// A metric's value: names that end in "_us" with 3 decimals, in "_s" and "_gbps" and those of
// slowdowns and loads with 6, others as numbers.
m4s_status_t m4s_text_add_metric(m4s_text_t *text, const char *metric, double value);

// The same through `add`: m4s_text_add_csv(), m4s_text_add_html(), m4s_text_add_key().
m4s_status_t m4s_text_add_json_as(m4s_text_t *text, const json_t *value,
                                  m4s_status_t (*add)(m4s_text_t *text, const char *plain));

// A whole text of `m4s_text_add_json`; owned, NULL without memory.
char *m4s_json_plain(const json_t *value);

// Whether `name` ends in `ending`.
bool m4s_name_ends(const char *name, const char *ending);
