// Axes of a sweep: a setting and the values it takes, made one at a time so that long ranges cost
// no memory.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "core/status.h"
#include "sweep/setting.h"

typedef enum {
  M4S_AXIS_LIST,
  M4S_AXIS_RANGE,  // {"range": [first, last]} or [first, last, step]; the last one is included
  // Of whole-number settings these two are lists of rounded values, each once.
  M4S_AXIS_LINEAR,  // {"linspace": [first, last, count]}
  M4S_AXIS_LOG,  // {"logspace": [first, last, count]}: equal ratios from first to last, both > 0
} m4s_axis_kind_t;

typedef struct {
  char *name;  // owned: as written in the spec
  m4s_setting_t setting;
  m4s_axis_kind_t kind;
  json_t *list;  // owned reference, for M4S_AXIS_LIST: the values as written
  bool whole;  // M4S_AXIS_RANGE over whole numbers
  int64_t first, step;  // if whole
  double first_real, last_real, step_real;  // if not
  uint64_t n_values;  // at least 1
} m4s_axis_t;

// Reads an axis and checks its values. `where` ("x.json: axes[0].reduction") begins error messages.
// Free with m4s_axis_clear(), also after an error.
m4s_status_t m4s_axis_read(m4s_axis_t *axis, const char *name, const json_t *values,
                           const char *where);
void m4s_axis_clear(m4s_axis_t *axis);

// The axis' name and setting alone; settings that cannot be an axis are M4S_ERR_INPUT.
m4s_status_t m4s_axis_begin(m4s_axis_t *axis, const char *name, const char *where);

// Value i_value < n_values: a new reference, NULL without memory. Made values are whole where they
// come out whole, and otherwise have M4S_AXIS_DIGITS digits.
json_t *m4s_axis_value(const m4s_axis_t *axis, uint64_t i_value);

// A made number with that many digits at most: new reference, NULL without memory.
enum { M4S_AXIS_DIGITS = 15 };
json_t *m4s_axis_number(double value, int digits);

// The position of the value that is nearest to a number, of an axis that is not a list.
uint64_t m4s_axis_nearest(const m4s_axis_t *axis, const json_t *number);

// Axes that move together (one entry of "axes"): value i of all of them makes position i.
typedef struct {
  m4s_axis_t *axes;  // owned, [n_axes]
  size_t n_axes;
  uint64_t n_values;
  bool drawn;  // as of sweep/sample.h
} m4s_axis_group_t;

// Reads an entry {"name": values, …} or {"sample": {…}} (sweep/sample.h). Unequal lengths,
// positions that stand twice and unknown names are M4S_ERR_INPUT. Free with m4s_axis_group_clear(),
// also after an error.
m4s_status_t m4s_axis_group_read(m4s_axis_group_t *group, const json_t *entry, const char *where);
void m4s_axis_group_clear(m4s_axis_group_t *group);

// The values of a position, typed, as one text, equal for equal positions: owned, free(); NULL
// without memory.
char *m4s_axis_group_position_text(const m4s_axis_group_t *group, uint64_t position,
                                   const char *where);
