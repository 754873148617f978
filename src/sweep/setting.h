// Settings of a point by name: what axes, filters and --set refer to.
#pragma once

#include <jansson.h>

#include "core/field.h"

// A row of the settings' table (m4s_point_sections).
typedef struct {
  const m4s_section_t *section;
  const m4s_field_t *field;
} m4s_setting_t;

// Finds "section.key", or "key" where only one section has it. Unknown and ambiguous names are
// M4S_ERR_INPUT; the message begins with `where` and names the nearest setting.
m4s_status_t m4s_setting_find(const char *name, const char *where, m4s_setting_t *setting_out);

// Finds a key of one section.
m4s_status_t m4s_setting_find_in(const char *section, const char *key, const char *where,
                                 m4s_setting_t *setting_out);

// Refuses a name that is no section's.
m4s_status_t m4s_setting_check_section(const char *name, const char *where);

static inline bool m4s_setting_equal(m4s_setting_t a, m4s_setting_t b) {
  return a.field == b.field && a.section == b.section;
}

// False for settings that leave a point's numbers as they are: output.* and run.time_limit_s. They
// take no part in case ids and cannot be axes.
bool m4s_setting_affects_results(m4s_setting_t setting);

// Checks a value and gives it the setting's type (4 becomes 4.0 for a real): new reference.
m4s_status_t m4s_setting_type_json(m4s_setting_t setting, const json_t *value, const char *where,
                                   json_t **typed_out);
m4s_status_t m4s_setting_type_text(m4s_setting_t setting, const char *text, const char *where,
                                   json_t **typed_out);

// The setting's value in {"section": {"key": value}}; borrowed, NULL where absent.
json_t *m4s_setting_get(const json_t *settings, m4s_setting_t setting);
// Sets it, making the section where absent. A reference to `value` is taken.
m4s_status_t m4s_setting_put(json_t *settings, m4s_setting_t setting, json_t *value);
