#include "sweep/identity.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"

// Puts a typed value into the settings: for a file, the hash of its content.
static m4s_status_t put(const m4s_sweep_t *sweep, m4s_setting_t setting, json_t *typed,
                        json_t *identity) {
  if (setting.field->kind != M4S_FIELD_PATH || !json_is_string(typed)) {
    return m4s_setting_put(identity, setting, typed);
  }
  char *path = m4s_path_join(sweep->folder, json_string_value(typed));
  json_t *content = path == NULL ? NULL : json_object_get(sweep->files, path);
  m4s_status_t status =
      content == NULL ? m4s_fail(M4S_ERR_INTERNAL, "%s: has not been read", setting.field->name)
                      : m4s_setting_put(identity, setting, content);
  free(path);
  return status;
}

m4s_status_t m4s_identity_make(const m4s_sweep_t *sweep, json_t **identity_out) {
  json_t *identity = json_object();
  m4s_status_t status = identity == NULL ? m4s_fail_memory("case ids") : M4S_OK;
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    for (size_t j = 0; status == M4S_OK && j < section->n_fields; j++) {
      m4s_setting_t setting = {section, &section->fields[j]};
      json_t *value = m4s_setting_get(sweep->resolved, setting);
      if (!m4s_setting_affects_results(setting)) {
        continue;
      }
      // The axes' own values come with the points.
      if (value != NULL && m4s_sweep_find_axis(sweep, setting, NULL) == NULL) {
        status = put(sweep, setting, value, identity);
      } else if (json_object_get(identity, section->name) == NULL &&
                 json_object_set_new(identity, section->name, json_object()) != 0) {
        status = m4s_fail_memory("case ids");
      }
    }
  }
  if (status != M4S_OK) {
    json_decref(identity);
    return status;
  }
  *identity_out = identity;
  return M4S_OK;
}

static m4s_status_t put_axis(const m4s_sweep_t *sweep, const m4s_axis_t *axis, uint64_t position,
                             json_t *identity) {
  json_t *value = m4s_axis_value(axis, position);
  json_t *typed = NULL;
  m4s_status_t status = value == NULL
                            ? m4s_fail_memory("a case id")
                            : m4s_setting_type_json(axis->setting, value, axis->name, &typed);
  if (status == M4S_OK) {
    status = put(sweep, axis->setting, typed, identity);
  }
  json_decref(typed);
  json_decref(value);
  return status;
}

m4s_status_t m4s_identity_hash(const m4s_sweep_t *sweep, uint64_t index, uint64_t *hash_out) {
  json_t *identity = json_deep_copy(sweep->identity);
  m4s_status_t status = identity == NULL ? m4s_fail_memory("a case id") : M4S_OK;
  for (size_t g = 0; g < sweep->n_groups; g++) {
    uint64_t position = m4s_sweep_position(sweep, index, g);
    for (size_t a = 0; status == M4S_OK && a < sweep->groups[g].n_axes; a++) {
      status = put_axis(sweep, &sweep->groups[g].axes[a], position, identity);
    }
  }
  char *text = status == M4S_OK ? m4s_json_canonical(identity) : NULL;
  if (status == M4S_OK && text == NULL) {
    status = m4s_fail_memory("a case id");
  }
  if (status == M4S_OK) {
    *hash_out = m4s_hash_bytes(M4S_HASH_START, text, strlen(text));
  }
  free(text);
  json_decref(identity);
  return status;
}
