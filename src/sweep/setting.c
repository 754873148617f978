#include "sweep/setting.h"

#include <stdlib.h>
#include <string.h>

#include "sweep/point.h"

enum { MAX_NAMES = 512, MAX_NAME_BYTES = 96 };

// The names of all settings, or of one section's keys, as candidates for "did you mean".
typedef struct {
  char texts[MAX_NAMES][MAX_NAME_BYTES];
  const char *names[MAX_NAMES];
  size_t n_names;
} candidates_t;

static void add_candidate(candidates_t *candidates, const char *prefix, const char *name) {
  if (candidates->n_names < MAX_NAMES) {
    char *text = candidates->texts[candidates->n_names];
    snprintf(text, MAX_NAME_BYTES, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", name);
    candidates->names[candidates->n_names++] = text;
  }
}

// Short names where `qualified` is false, else "section.key"; of one section unless that is NULL.
static candidates_t *list_candidates(const char *only_section, bool qualified) {
  candidates_t *candidates = calloc(1, sizeof *candidates);
  for (size_t i = 0; candidates != NULL && i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    if (only_section != NULL && strcmp(section->name, only_section) != 0) {
      continue;
    }
    for (size_t j = 0; j < section->n_fields; j++) {
      add_candidate(candidates, qualified ? section->name : "", section->fields[j].name);
    }
  }
  return candidates;
}

static m4s_status_t unknown(const char *what, const char *name, const char *where,
                            candidates_t *candidates) {
  if (candidates == NULL) {
    return m4s_fail_memory("names of settings");
  }
  m4s_status_t status = m4s_fail(M4S_ERR_INPUT, "%s: unknown %s \"%s\"%s", where, what, name,
                                 m4s_did_you_mean(name, candidates->names, candidates->n_names));
  free(candidates);
  return status;
}

// The first section with this key, NULL if there is none.
static const char *section_of(const char *key) {
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    if (m4s_fields_find(section->fields, section->n_fields, key) != NULL) {
      return section->name;
    }
  }
  return NULL;
}

m4s_status_t m4s_setting_check_section(const char *name, const char *where) {
  const char *names[32];
  size_t n = 0;
  for (size_t i = 0; i < m4s_n_point_sections && n < M4S_COUNT(names); i++) {
    if (strcmp(m4s_point_sections[i].name, name) == 0) {
      return M4S_OK;
    }
    names[n++] = m4s_point_sections[i].name;
  }
  const char *section = section_of(name);
  if (section != NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: unknown section \"%s\" (it belongs to \"%s\")", where, name,
                    section);
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: unknown section \"%s\"%s", where, name,
                  m4s_did_you_mean(name, names, n));
}

static bool find_key(const m4s_section_t *section, const char *key, m4s_setting_t *setting_out) {
  for (size_t i = 0; i < section->n_fields; i++) {
    if (strcmp(section->fields[i].name, key) == 0) {
      *setting_out = (m4s_setting_t){section, &section->fields[i]};
      return true;
    }
  }
  return false;
}

m4s_status_t m4s_setting_find_in(const char *section, const char *key, const char *where,
                                 m4s_setting_t *setting_out) {
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    if (strcmp(m4s_point_sections[i].name, section) == 0 &&
        find_key(&m4s_point_sections[i], key, setting_out)) {
      return M4S_OK;
    }
  }
  return unknown("key", key, where, list_candidates(section, false));
}

m4s_status_t m4s_setting_find(const char *name, const char *where, m4s_setting_t *setting_out) {
  const char *dot = strchr(name, '.');
  m4s_setting_t found = {0};
  m4s_setting_t setting;
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    size_t n_section = dot == NULL ? 0 : (size_t)(dot - name);
    if (dot != NULL &&
        (strlen(section->name) != n_section || strncmp(section->name, name, n_section) != 0)) {
      continue;
    }
    if (!find_key(section, dot == NULL ? name : dot + 1, &setting)) {
      continue;
    }
    if (found.field != NULL) {
      return m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" may be %s.%s or %s.%s, write one of them", where,
                      name, found.section->name, name, section->name, name);
    }
    found = setting;
  }
  if (found.field == NULL) {
    return unknown("setting", name, where, list_candidates(NULL, dot != NULL));
  }
  *setting_out = found;
  return M4S_OK;
}

bool m4s_setting_affects_results(m4s_setting_t setting) {
  return strcmp(setting.section->name, "output") != 0 &&
         !(strcmp(setting.section->name, "run") == 0 &&
           strcmp(setting.field->name, "time_limit_s") == 0);
}

// Sets the field of a scratch point from JSON or, where that is NULL, from text, and reads it back.
static m4s_status_t through_scratch(m4s_setting_t setting, const json_t *value, const char *text,
                                    const char *where, json_t **typed_out) {
  m4s_point_t scratch = {0};
  char *object = (char *)&scratch + setting.section->offset;
  m4s_status_t status = value != NULL ? m4s_field_set_json(setting.field, object, value, where)
                                      : m4s_field_set_text(setting.field, object, text, where);
  if (status == M4S_OK) {
    *typed_out = m4s_field_get_json(setting.field, object);
    status = *typed_out == NULL ? m4s_fail_memory("a setting") : M4S_OK;
  }
  m4s_fields_clear(setting.field, 1, object);
  return status;
}

m4s_status_t m4s_setting_type_json(m4s_setting_t setting, const json_t *value, const char *where,
                                   json_t **typed_out) {
  return through_scratch(setting, value, NULL, where, typed_out);
}

m4s_status_t m4s_setting_type_text(m4s_setting_t setting, const char *text, const char *where,
                                   json_t **typed_out) {
  return through_scratch(setting, NULL, text, where, typed_out);
}

json_t *m4s_setting_get(const json_t *settings, m4s_setting_t setting) {
  return json_object_get(json_object_get(settings, setting.section->name), setting.field->name);
}

m4s_status_t m4s_setting_put(json_t *settings, m4s_setting_t setting, json_t *value) {
  json_t *section = json_object_get(settings, setting.section->name);
  if (section == NULL) {
    section = json_object();
    if (section == NULL || json_object_set_new(settings, setting.section->name, section) != 0) {
      return m4s_fail_memory("a setting");
    }
  }
  if (json_object_set(section, setting.field->name, value) != 0) {
    return m4s_fail_memory("a setting");
  }
  return M4S_OK;
}
