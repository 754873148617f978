#include "sweep/identity.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"

// A piece of the text, and the axis whose value follows it.
typedef struct {
  char *text;  // owned
  size_t n_text;
  int group, axis;  // -1: nothing follows
} piece_t;

struct m4s_identity {
  piece_t *pieces;  // owned, [n_pieces]
  size_t n_pieces;
};

static int compare_settings(const void *a, const void *b) {
  const m4s_setting_t *x = a;
  const m4s_setting_t *y = b;
  int order = strcmp(x->section->name, y->section->name);
  return order != 0 ? order : strcmp(x->field->name, y->field->name);
}

// All settings that count, in the order of canonical JSON.
static m4s_setting_t *list_settings(size_t *n_out) {
  size_t n = 0;
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    n += m4s_point_sections[i].n_fields;
  }
  m4s_setting_t *settings = calloc(n + 1, sizeof *settings);
  size_t n_kept = 0;
  for (size_t i = 0; settings != NULL && i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    for (size_t j = 0; j < section->n_fields; j++) {
      m4s_setting_t setting = {section, &section->fields[j]};
      if (m4s_setting_affects_results(setting)) {
        settings[n_kept++] = setting;
      }
    }
  }
  if (settings != NULL) {
    qsort(settings, n_kept, sizeof *settings, compare_settings);
  }
  *n_out = n_kept;
  return settings;
}

m4s_status_t m4s_identity_value(m4s_setting_t setting, const json_t *typed, const char *folder,
                                const json_t *files, char **text_out) {
  json_t *content = NULL;
  if (setting.field->kind == M4S_FIELD_PATH && json_is_string(typed)) {
    char *path = m4s_path_join(folder, json_string_value(typed));
    if (path == NULL) {
      return m4s_fail_memory("a file name");
    }
    content = json_object_get(files, path);
    if (content == NULL) {
      m4s_status_t status = m4s_fail(M4S_ERR_INTERNAL, "%s: has not been read", path);
      free(path);
      return status;
    }
    free(path);
  }
  *text_out = m4s_json_canonical(content != NULL ? content : typed);
  return *text_out == NULL ? m4s_fail_memory("a case id") : M4S_OK;
}

static bool find_axis(const m4s_sweep_t *sweep, m4s_setting_t setting, int *group_out,
                      int *axis_out) {
  for (size_t g = 0; g < sweep->n_groups; g++) {
    for (size_t a = 0; a < sweep->groups[g].n_axes; a++) {
      if (m4s_setting_equal(sweep->groups[g].axes[a].setting, setting)) {
        *group_out = (int)g;
        *axis_out = (int)a;
        return true;
      }
    }
  }
  return false;
}

static m4s_status_t end_piece(m4s_identity_t *identity, m4s_text_t *text, int group, int axis) {
  piece_t *pieces = realloc(identity->pieces, (identity->n_pieces + 1) * sizeof *pieces);
  if (pieces == NULL) {
    return m4s_fail_memory("case ids");
  }
  identity->pieces = pieces;
  pieces[identity->n_pieces++] = (piece_t){text->bytes, text->length, group, axis};
  *text = (m4s_text_t){0};
  return M4S_OK;
}

// Adds "key":value of one setting, or "key": and the place of an axis.
static m4s_status_t add_setting(m4s_identity_t *identity, const m4s_sweep_t *sweep,
                                m4s_setting_t setting, bool first, m4s_text_t *text) {
  int group;
  int axis;
  bool varies = find_axis(sweep, setting, &group, &axis);
  const json_t *value = m4s_setting_get(sweep->resolved, setting);
  if (!varies && value == NULL) {
    return M4S_OK;
  }
  // A comma unless the section has just been opened.
  if (!first && text->length > 0 && text->bytes[text->length - 1] == '{') {
    first = true;
  }
  M4S_TRY(m4s_text_add(text, "%s\"%s\":", first ? "" : ",", setting.field->name));
  if (varies) {
    return end_piece(identity, text, group, axis);
  }
  char *value_text = NULL;
  M4S_TRY(m4s_identity_value(setting, value, sweep->folder, sweep->files, &value_text));
  m4s_status_t status = m4s_text_add(text, "%s", value_text);
  free(value_text);
  return status;
}

static m4s_status_t build(m4s_identity_t *identity, const m4s_sweep_t *sweep,
                          const m4s_setting_t *settings, size_t n_settings, m4s_text_t *text) {
  for (size_t i = 0; i < n_settings; i++) {
    bool opens = i == 0 || strcmp(settings[i].section->name, settings[i - 1].section->name) != 0;
    if (opens) {
      M4S_TRY(m4s_text_add(text, "%s\"%s\":{", i == 0 ? "{" : "},", settings[i].section->name));
    }
    M4S_TRY(add_setting(identity, sweep, settings[i], opens, text));
  }
  M4S_TRY(m4s_text_add(text, "}}"));
  return end_piece(identity, text, -1, -1);
}

m4s_status_t m4s_identity_create(const m4s_sweep_t *sweep, m4s_identity_t **identity_out) {
  size_t n_settings;
  m4s_setting_t *settings = list_settings(&n_settings);
  m4s_identity_t *identity = calloc(1, sizeof *identity);
  m4s_text_t text = {0};
  m4s_status_t status = settings == NULL || identity == NULL
                            ? m4s_fail_memory("case ids")
                            : build(identity, sweep, settings, n_settings, &text);
  m4s_text_clear(&text);
  free(settings);
  if (status != M4S_OK) {
    m4s_identity_destroy(identity);
    return status;
  }
  *identity_out = identity;
  return M4S_OK;
}

void m4s_identity_destroy(m4s_identity_t *identity) {
  if (identity != NULL) {
    for (size_t i = 0; i < identity->n_pieces; i++) {
      free(identity->pieces[i].text);
    }
    free(identity->pieces);
    free(identity);
  }
}

static m4s_status_t hash_axis(const m4s_sweep_t *sweep, const m4s_axis_t *axis, uint64_t position,
                              uint64_t *hash) {
  json_t *value = m4s_axis_value(axis, position);
  json_t *typed = NULL;
  char *text = NULL;
  m4s_status_t status = value == NULL
                            ? m4s_fail_memory("a case id")
                            : m4s_setting_type_json(axis->setting, value, axis->name, &typed);
  if (status == M4S_OK) {
    status = m4s_identity_value(axis->setting, typed, sweep->folder, sweep->files, &text);
  }
  if (status == M4S_OK && text != NULL) {
    *hash = m4s_hash_bytes(*hash, text, strlen(text));
  }
  free(text);
  json_decref(typed);
  json_decref(value);
  return status;
}

m4s_status_t m4s_identity_hash(const m4s_identity_t *identity, const m4s_sweep_t *sweep,
                               const uint64_t *positions, uint64_t *hash_out) {
  uint64_t hash = M4S_HASH_START;
  for (size_t i = 0; i < identity->n_pieces; i++) {
    const piece_t *piece = &identity->pieces[i];
    hash = m4s_hash_bytes(hash, piece->text, piece->n_text);
    if (piece->group >= 0) {
      const m4s_axis_t *axis = &sweep->groups[piece->group].axes[piece->axis];
      M4S_TRY(hash_axis(sweep, axis, positions[piece->group], &hash));
    }
  }
  *hash_out = hash;
  return M4S_OK;
}
