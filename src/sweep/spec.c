#include "sweep/spec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "m4/built_in.h"
#include "sweep/identity.h"

enum { MAX_NAME_LENGTH = 100 };

const m4s_field_t m4s_sweep_fields[] = {
    {.name = "name",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_sweep_t, name),
     .help = "of the sweep and of its folder: letters, digits, \".\", \"_\", \"-\""},
    {.name = "title",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_sweep_t, title),
     .help = "one line, for reports"},
    {.name = "where",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_sweep_t, where_text),
     .help = "only points for which this holds: \"degraded_gpus * reduction <= 100\""},
    {.name = "quick",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_sweep_t, quick_text),
     .help = "a further condition, for runs with --quick"},
};
const size_t m4s_n_sweep_fields = M4S_COUNT(m4s_sweep_fields);

static const char *const spec_keys[] = {"name", "title", "simulators", "reference",
                                        "base", "axes",  "where",      "quick"};

static m4s_status_t read_own_fields(m4s_sweep_t *sweep, const json_t *spec) {
  M4S_TRY(m4s_json_check_keys(spec, sweep->path, spec_keys, M4S_COUNT(spec_keys)));
  for (size_t i = 0; i < m4s_n_sweep_fields; i++) {
    const json_t *value = json_object_get(spec, m4s_sweep_fields[i].name);
    if (value != NULL) {
      char place[640];
      snprintf(place, sizeof place, "%s: %s", sweep->path, m4s_sweep_fields[i].name);
      M4S_TRY(m4s_field_set_json(&m4s_sweep_fields[i], sweep, value, place));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_sweep_check_name(const char *name, const char *path) {
  if (name == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: name: is missing", path);
  }
  bool ok = isalnum((unsigned char)name[0]) && strlen(name) <= MAX_NAME_LENGTH;
  for (const char *c = name; *c != '\0'; c++) {
    ok = ok && (isalnum((unsigned char)*c) || strchr("._-", *c) != NULL);
  }
  if (!ok) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: name: \"%.40s\" is not 1 to %d letters, digits, \".\", \"_\", \"-\" that "
                    "begin with a letter or digit",
                    path, name, MAX_NAME_LENGTH);
  }
  return M4S_OK;
}

void m4s_sweep_clean_name(char *name) {
  for (char *c = name; *c != '\0'; c++) {
    bool ok = isalnum((unsigned char)*c) || (c != name && strchr("._-", *c) != NULL);
    *c = ok ? *c : 'x';
  }
}

static m4s_status_t check_title(m4s_sweep_t *sweep) {
  if (sweep->title == NULL) {
    sweep->title = strdup(sweep->name);
    return sweep->title == NULL ? m4s_fail_memory("a sweep") : M4S_OK;
  }
  for (const char *c = sweep->title; *c != '\0'; c++) {
    if (iscntrl((unsigned char)*c)) {
      return m4s_fail(M4S_ERR_INPUT, "%s: title: holds a control character (byte %d)", sweep->path,
                      (int)(c - sweep->title));
    }
  }
  return M4S_OK;
}

const m4s_external_t *m4s_sweep_external(const m4s_sweep_t *sweep, const char *simulator) {
  for (size_t i = 0; i < sweep->n_externals; i++) {
    if (strcmp(sweep->externals[i].name, simulator) == 0) {
      return &sweep->externals[i];
    }
  }
  return NULL;
}

// The names of all simulators that the sweep may use: built-in ones, then those of the spec.
static m4s_status_t list_simulators(const m4s_sweep_t *sweep, m4s_text_list_t *names,
                                    size_t *n_built_in_out) {
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    M4S_TRY(m4s_text_list_add(names, m4s_simulator_names[i]));
  }
  *n_built_in_out = names->n_items;
  for (size_t i = 0; i < sweep->n_externals; i++) {
    M4S_TRY(m4s_text_list_add(names, sweep->externals[i].name));
  }
  return M4S_OK;
}

static m4s_status_t check_among(const m4s_text_list_t *names, size_t n_built_in, const char *name,
                                const char *where) {
  m4s_text_t list = {0};
  for (size_t i = 0; i < names->n_items; i++) {
    if (strcmp(names->items[i], name) == 0) {
      return M4S_OK;
    }
  }
  const char *nearest = m4s_did_you_mean(name, (const char *const *)names->items, names->n_items);
  for (size_t i = 0; nearest[0] == '\0' && i < n_built_in; i++) {
    M4S_TRY(m4s_text_add(&list, "%s%s", i == 0 ? " (built in: " : ", ", names->items[i]));
  }
  m4s_status_t status =
      m4s_fail(M4S_ERR_INPUT, "%s: unknown simulator \"%s\"%s%s%s", where, name, nearest,
               list.bytes == NULL ? "" : list.bytes, list.bytes == NULL ? "" : ")");
  m4s_text_clear(&list);
  return status;
}

// Refuses a name that is neither built in nor defined.
static m4s_status_t check_simulator(const m4s_sweep_t *sweep, const char *name, const char *where) {
  m4s_text_list_t names = {0};
  size_t n_built_in = 0;
  m4s_status_t status = list_simulators(sweep, &names, &n_built_in);
  if (status == M4S_OK) {
    status = check_among(&names, n_built_in, name, where);
  }
  m4s_text_list_clear(&names);
  return status;
}

m4s_status_t m4s_sweep_add_simulator(m4s_sweep_t *sweep, const char *name, const char *where) {
  M4S_TRY(check_simulator(sweep, name, where));
  for (size_t i = 0; i < sweep->simulators.n_items; i++) {
    if (strcmp(sweep->simulators.items[i], name) == 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" stands twice", where, name);
    }
  }
  return m4s_text_list_add(&sweep->simulators, name);
}

// Adds the definition of a simulator; `name_out` is borrowed from it.
static m4s_status_t add_external(m4s_sweep_t *sweep, const json_t *object, const char *where,
                                 const char **name_out) {
  m4s_external_t external;
  m4s_status_t status = m4s_external_read(&external, object, where);
  if (status == M4S_OK && m4s_sweep_external(sweep, external.name) != NULL) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" stands twice", where, external.name);
  }
  if (status != M4S_OK) {
    m4s_external_clear(&external);
    return status;
  }
  sweep->externals[sweep->n_externals++] = external;
  *name_out = external.name;
  return M4S_OK;
}

static m4s_status_t read_simulator(m4s_sweep_t *sweep, const json_t *entry, const char *where) {
  const char *name = json_string_value(entry);
  if (json_is_object(entry)) {
    M4S_TRY(add_external(sweep, entry, where, &name));
  } else if (name == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is neither a string nor an object", where,
                    m4s_json_show(entry));
  }
  M4S_TRY(m4s_sweep_add_simulator(sweep, name, where));
  return m4s_text_list_add(&sweep->spec_simulators, name);
}

static m4s_status_t read_simulators(m4s_sweep_t *sweep, const json_t *entries) {
  if (entries == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: simulators: is missing", sweep->path);
  }
  if (!json_is_array(entries) || json_array_size(entries) == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: simulators: %s is not a list of names", sweep->path,
                    m4s_json_show(entries));
  }
  sweep->externals = calloc(json_array_size(entries), sizeof *sweep->externals);
  if (sweep->externals == NULL) {
    return m4s_fail_memory("simulators");
  }
  for (size_t i = 0; i < json_array_size(entries); i++) {
    char place[640];
    snprintf(place, sizeof place, "%s: simulators[%zu]", sweep->path, i);
    M4S_TRY(read_simulator(sweep, json_array_get(entries, i), place));
  }
  return M4S_OK;
}

// Copies a text member of "reference"; a path is made absolute.
static m4s_status_t copy_member(m4s_sweep_t *sweep, const json_t *source, const char *key,
                                bool is_path) {
  const json_t *value = json_object_get(source, key);
  const char *text = json_string_value(value);
  if (value == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: reference.%s: is missing", sweep->path, key);
  }
  if (text == NULL || text[0] == '\0') {
    return m4s_fail(M4S_ERR_INPUT, "%s: reference.%s: %s is not a name", sweep->path, key,
                    m4s_json_show(value));
  }
  char *copy = is_path ? m4s_path_join(sweep->folder, text) : strdup(text);
  char *real = is_path && copy != NULL ? realpath(copy, NULL) : NULL;
  if (real != NULL) {
    free(copy);
    copy = real;
  }
  int failed = copy == NULL || json_object_set_new(sweep->reference, key, json_string(copy)) != 0;
  free(copy);
  return failed ? m4s_fail_memory("a reference") : M4S_OK;
}

static m4s_status_t check_reference_simulator(const m4s_sweep_t *sweep) {
  const char *name = json_string_value(json_object_get(sweep->reference, "simulator"));
  char place[640];
  snprintf(place, sizeof place, "%s: reference", sweep->path);
  M4S_TRY(check_simulator(sweep, name, place));
  for (size_t i = 0; i < sweep->simulators.n_items; i++) {
    if (strcmp(sweep->simulators.items[i], name) == 0) {
      return M4S_OK;
    }
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" is not among this sweep's simulators", place, name);
}

static m4s_status_t read_reference_object(m4s_sweep_t *sweep, const json_t *source) {
  static const char *const keys[][2] = {
      {"table", "simulator"}, {"folder", "backend"}, {"simulator", NULL}};
  static const char *const all_keys[] = {"simulator", "table", "folder", "backend"};
  char place[640];
  snprintf(place, sizeof place, "%s: reference", sweep->path);
  M4S_TRY(m4s_json_check_keys(source, place, all_keys, M4S_COUNT(all_keys)));
  for (size_t i = 0; i < M4S_COUNT(keys); i++) {
    if (json_object_get(source, keys[i][0]) == NULL) {
      continue;
    }
    size_t n_keys = keys[i][1] == NULL ? 1 : 2;
    M4S_TRY(m4s_json_check_keys(source, place, keys[i], n_keys));
    M4S_TRY(copy_member(sweep, source, keys[i][0], n_keys == 2));
    return n_keys == 2 ? copy_member(sweep, source, keys[i][1], false)
                       : check_reference_simulator(sweep);
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: %s has none of simulator, table, folder", place,
                  m4s_json_show(source));
}

static m4s_status_t read_reference(m4s_sweep_t *sweep, const json_t *source) {
  if (source == NULL) {
    return M4S_OK;
  }
  sweep->reference = json_object();
  if (sweep->reference == NULL) {
    return m4s_fail_memory("a reference");
  }
  if (json_is_object(source)) {
    return read_reference_object(sweep, source);
  }
  if (!json_is_string(source)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: reference: %s is neither a simulator's name nor an object",
                    sweep->path, m4s_json_show(source));
  }
  if (json_object_set(sweep->reference, "simulator", (json_t *)(uintptr_t)source) != 0) {
    return m4s_fail_memory("a reference");
  }
  return check_reference_simulator(sweep);
}

const m4s_axis_t *m4s_sweep_find_axis(const m4s_sweep_t *sweep, m4s_setting_t setting,
                                      size_t *i_group_out) {
  for (size_t g = 0; g < sweep->n_groups; g++) {
    for (size_t a = 0; a < sweep->groups[g].n_axes; a++) {
      if (m4s_setting_equal(sweep->groups[g].axes[a].setting, setting)) {
        if (i_group_out != NULL) {
          *i_group_out = g;
        }
        return &sweep->groups[g].axes[a];
      }
    }
  }
  return NULL;
}

static m4s_status_t read_base(m4s_sweep_t *sweep, const json_t *base) {
  sweep->base = base == NULL ? json_object() : json_deep_copy(base);
  if (sweep->base == NULL) {
    return m4s_fail_memory("a sweep");
  }
  char place[640];
  snprintf(place, sizeof place, "%s: base", sweep->path);
  m4s_point_t point;
  m4s_status_t status = m4s_point_set(&point, sweep->base, sweep->folder, place);
  m4s_point_clear(&point);
  return status;
}

// Refuses the settings of the newest group that an earlier one has.
static m4s_status_t check_new_group(const m4s_sweep_t *sweep) {
  size_t last = sweep->n_groups - 1;
  const m4s_axis_group_t *group = &sweep->groups[last];
  for (size_t a = 0; a < group->n_axes; a++) {
    for (size_t g = 0; g <= last; g++) {
      size_t n = g == last ? a : sweep->groups[g].n_axes;
      for (size_t b = 0; b < n; b++) {
        const m4s_axis_t *other = &sweep->groups[g].axes[b];
        if (m4s_setting_equal(other->setting, group->axes[a].setting)) {
          return m4s_fail(M4S_ERR_INPUT, "%s: axes[%zu].%s: is an axis already, axes[%zu].%s",
                          sweep->path, last, group->axes[a].name, g, other->name);
        }
      }
    }
  }
  return M4S_OK;
}

static m4s_status_t read_axes(m4s_sweep_t *sweep, const json_t *axes) {
  sweep->n_combinations = 1;
  sweep->axes_source = axes == NULL ? json_array() : json_incref((json_t *)(uintptr_t)axes);
  if (axes == NULL) {
    return M4S_OK;
  }
  if (!json_is_array(axes) || json_array_size(axes) == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: axes: %s is not a list of {\"setting\": values}",
                    sweep->path, m4s_json_show(axes));
  }
  sweep->groups = calloc(json_array_size(axes), sizeof *sweep->groups);
  if (sweep->groups == NULL) {
    return m4s_fail_memory("axes");
  }
  for (size_t i = 0; i < json_array_size(axes); i++) {
    char place[640];
    snprintf(place, sizeof place, "%s: axes[%zu]", sweep->path, i);
    m4s_axis_group_t *group = &sweep->groups[sweep->n_groups++];
    M4S_TRY(m4s_axis_group_read(group, json_array_get(axes, i), place));
    M4S_TRY(check_new_group(sweep));
    if (__builtin_mul_overflow(sweep->n_combinations, group->n_values, &sweep->n_combinations)) {
      sweep->n_combinations = UINT64_MAX;
    }
  }
  return M4S_OK;
}

static m4s_status_t read_where(m4s_sweep_t *sweep) {
  char place[640];
  if (sweep->quick_text != NULL) {
    m4s_where_t *quick;
    snprintf(place, sizeof place, "%s: quick", sweep->path);
    M4S_TRY(m4s_where_parse(sweep->quick_text, place, &quick));
    m4s_where_destroy(quick);
  }
  if (sweep->where_text == NULL) {
    return M4S_OK;
  }
  snprintf(place, sizeof place, "%s: where", sweep->path);
  return m4s_where_parse(sweep->where_text, place, &sweep->where);
}

static m4s_status_t read_all(m4s_sweep_t *sweep, const json_t *spec) {
  M4S_TRY(m4s_json_check_text(sweep->path, "spec"));
  M4S_TRY(m4s_json_check_text(sweep->folder, "folder of the spec"));
  M4S_TRY(read_own_fields(sweep, spec));
  M4S_TRY(m4s_sweep_check_name(sweep->name, sweep->path));
  M4S_TRY(check_title(sweep));
  M4S_TRY(read_simulators(sweep, json_object_get(spec, "simulators")));
  M4S_TRY(read_reference(sweep, json_object_get(spec, "reference")));
  M4S_TRY(read_base(sweep, json_object_get(spec, "base")));
  M4S_TRY(read_axes(sweep, json_object_get(spec, "axes")));
  return read_where(sweep);
}

m4s_status_t m4s_sweep_from_json(const json_t *spec, const char *path, const char *folder,
                                 m4s_sweep_t **sweep_out) {
  m4s_sweep_t *sweep = calloc(1, sizeof *sweep);
  if (sweep == NULL) {
    return m4s_fail_memory("a sweep");
  }
  sweep->path = strdup(path);
  sweep->folder = realpath(folder, NULL);
  if (sweep->folder == NULL) {
    sweep->folder = strdup(folder);
  }
  m4s_status_t status = sweep->path == NULL || sweep->folder == NULL ? m4s_fail_memory("a sweep")
                                                                     : read_all(sweep, spec);
  if (status != M4S_OK) {
    m4s_sweep_destroy(sweep);
    return status;
  }
  *sweep_out = sweep;
  return M4S_OK;
}

static m4s_status_t from_root(json_t *root, const char *path, m4s_sweep_t **sweep_out) {
  char *folder = m4s_path_folder(path);
  m4s_status_t status = folder == NULL ? m4s_fail_memory("a sweep")
                                       : m4s_sweep_from_json(root, path, folder, sweep_out);
  free(folder);
  json_decref(root);
  return status;
}

m4s_status_t m4s_sweep_parse(const char *text, const char *path, m4s_sweep_t **sweep_out) {
  json_t *root;
  M4S_TRY(m4s_json_parse(text, path, &root));
  return from_root(root, path, sweep_out);
}

m4s_status_t m4s_sweep_read(const char *path, m4s_sweep_t **sweep_out) {
  json_t *root;
  M4S_TRY(m4s_json_read(path, &root));
  return from_root(root, path, sweep_out);
}

static void free_externals(m4s_sweep_t *sweep) {
  for (size_t i = 0; i < sweep->n_externals; i++) {
    m4s_external_clear(&sweep->externals[i]);
  }
  free(sweep->externals);
}

void m4s_sweep_destroy(m4s_sweep_t *sweep) {
  if (sweep == NULL) {
    return;
  }
  for (size_t i = 0; i < sweep->n_groups; i++) {
    m4s_axis_group_clear(&sweep->groups[i]);
  }
  free(sweep->groups);
  m4s_where_destroy(sweep->where);
  m4s_fields_clear(m4s_sweep_fields, m4s_n_sweep_fields, sweep);
  m4s_text_list_clear(&sweep->simulators);
  m4s_text_list_clear(&sweep->spec_simulators);
  free_externals(sweep);
  json_decref(sweep->identity);
  json_decref(sweep->reference);
  json_decref(sweep->base);
  json_decref(sweep->axes_source);
  json_decref(sweep->resolved);
  json_decref(sweep->files);
  free(sweep->path);
  free(sweep->folder);
  free(sweep);
}

// Adds a file's hash to sweep->files. `where` begins messages.
static m4s_status_t hash_file(m4s_sweep_t *sweep, const char *written, const json_t *known_files,
                              const char *where) {
  char *path = m4s_path_join(sweep->folder, written);
  if (path == NULL) {
    return m4s_fail_memory("a file name");
  }
  m4s_status_t status = M4S_OK;
  json_t *known = json_object_get(known_files, path);
  if (known != NULL) {
    status = json_object_set(sweep->files, path, known) == 0 ? M4S_OK : m4s_fail_memory("hashes");
  } else if (json_object_get(sweep->files, path) == NULL) {
    char hash[M4S_CASE_ID_BYTES];
    status = m4s_file_hash(path, hash);
    if (status != M4S_OK) {
      status = m4s_fail_in(status, "%s", where);
    } else if (json_object_set_new(sweep->files, path, json_string(hash)) != 0) {
      status = m4s_fail_memory("hashes");
    }
  }
  free(path);
  return status;
}

static m4s_status_t hash_base_files(m4s_sweep_t *sweep, const json_t *known_files) {
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    for (size_t j = 0; j < section->n_fields; j++) {
      m4s_setting_t setting = {section, &section->fields[j]};
      const char *path = json_string_value(m4s_setting_get(sweep->resolved, setting));
      if (setting.field->kind != M4S_FIELD_PATH || path == NULL ||
          m4s_sweep_find_axis(sweep, setting, NULL) != NULL) {
        continue;
      }
      char place[640];
      snprintf(place, sizeof place, "%s: base.%s.%s", sweep->path, section->name,
               setting.field->name);
      M4S_TRY(hash_file(sweep, path, known_files, place));
    }
  }
  return M4S_OK;
}

static m4s_status_t hash_axis_files(m4s_sweep_t *sweep, size_t i_group, const m4s_axis_t *axis,
                                    const json_t *known_files) {
  json_t *seen = json_object();
  m4s_status_t status = seen == NULL ? m4s_fail_memory("hashes") : M4S_OK;
  for (uint64_t i = 0; status == M4S_OK && i < axis->n_values; i++) {
    const char *written = json_string_value(json_array_get(axis->list, (size_t)i));
    if (written == NULL) {
      continue;  // null: the point has no such file
    }
    char place[640];
    snprintf(place, sizeof place, "%s: axes[%zu].%s%s[%llu]", sweep->path, i_group,
             sweep->groups[i_group].drawn ? "sample." : "", axis->name, (unsigned long long)i);
    status = hash_file(sweep, written, known_files, place);
    char *path = m4s_path_join(sweep->folder, written);
    const char *hash = path == NULL ? NULL : json_string_value(json_object_get(sweep->files, path));
    const char *before = hash == NULL ? NULL : json_string_value(json_object_get(seen, hash));
    if (status == M4S_OK && before != NULL && sweep->groups[i_group].n_axes == 1) {
      status = m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" has the same content as \"%s\"", place, written,
                        before);
    } else if (status == M4S_OK &&
               (hash == NULL || json_object_set_new(seen, hash, json_string(written)) != 0)) {
      status = m4s_fail_memory("hashes");
    }
    free(path);
  }
  json_decref(seen);
  return status;
}

// Whether m4 has no file of weights at a position of the axis over them; `axis` NULL: in the base.
static bool takes_built_in(const m4s_sweep_t *sweep, m4s_setting_t model, const m4s_axis_t *axis,
                           uint64_t position) {
  json_t *value = axis == NULL ? json_incref(m4s_setting_get(sweep->resolved, model))
                               : m4s_axis_value(axis, position);
  bool takes = !json_is_string(value);
  json_decref(value);
  return takes;
}

// The network that is built in counts where some point takes it.
static m4s_status_t hash_network(m4s_sweep_t *sweep) {
  m4s_setting_t model;
  M4S_TRY(m4s_setting_find("m4.model", sweep->path, &model));
  const m4s_axis_t *axis = m4s_sweep_find_axis(sweep, model, NULL);
  uint64_t n_values = axis == NULL ? 1 : axis->n_values;
  for (uint64_t i = 0; i < n_values && sweep->network[0] == '\0'; i++) {
    if (takes_built_in(sweep, model, axis, i)) {
      m4s_built_in_network_hash(sweep->network);
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_sweep_load(m4s_sweep_t *sweep, const json_t *known_files) {
  char place[640];
  snprintf(place, sizeof place, "%s: base", sweep->path);
  m4s_point_t point;
  m4s_status_t status = m4s_point_set(&point, sweep->base, sweep->folder, place);
  if (status == M4S_OK) {
    sweep->resolved = m4s_point_resolved(&point);
    sweep->files = json_object();
    status = sweep->resolved == NULL || sweep->files == NULL ? m4s_fail_memory("a sweep") : M4S_OK;
  }
  m4s_point_clear(&point);
  M4S_TRY(status);
  M4S_TRY(hash_base_files(sweep, known_files));
  for (size_t g = 0; g < sweep->n_groups; g++) {
    for (size_t a = 0; a < sweep->groups[g].n_axes; a++) {
      const m4s_axis_t *axis = &sweep->groups[g].axes[a];
      if (axis->setting.field->kind == M4S_FIELD_PATH) {
        M4S_TRY(hash_axis_files(sweep, g, axis, known_files));
      }
    }
  }
  M4S_TRY(hash_network(sweep));
  return m4s_identity_make(sweep, &sweep->identity);
}

uint64_t m4s_sweep_position(const m4s_sweep_t *sweep, uint64_t index, size_t i_group) {
  for (size_t g = sweep->n_groups; g-- > i_group + 1;) {
    index /= sweep->groups[g].n_values;
  }
  return index % sweep->groups[i_group].n_values;
}

const char *m4s_sweep_definition(const m4s_sweep_t *sweep, uint64_t index, const char *simulator) {
  const m4s_external_t *external = m4s_sweep_external(sweep, simulator);
  if (external != NULL) {
    return external->definition;
  }
  m4s_setting_t model;
  size_t i_group = 0;
  if (sweep->network[0] == '\0' || strcmp(simulator, "m4") != 0 ||
      m4s_setting_find("m4.model", sweep->path, &model) != M4S_OK) {
    return NULL;
  }
  const m4s_axis_t *axis = m4s_sweep_find_axis(sweep, model, &i_group);
  uint64_t position = axis == NULL ? 0 : m4s_sweep_position(sweep, index, i_group);
  return takes_built_in(sweep, model, axis, position) ? sweep->network : NULL;
}

json_t *m4s_sweep_axes(const m4s_sweep_t *sweep, uint64_t index) {
  json_t *values = json_object();
  for (size_t g = 0; values != NULL && g < sweep->n_groups; g++) {
    uint64_t position = m4s_sweep_position(sweep, index, g);
    for (size_t a = 0; values != NULL && a < sweep->groups[g].n_axes; a++) {
      const m4s_axis_t *axis = &sweep->groups[g].axes[a];
      if (json_object_set_new(values, axis->name, m4s_axis_value(axis, position)) != 0) {
        json_decref(values);
        values = NULL;
      }
    }
  }
  return values;
}

static m4s_status_t put_axes(const m4s_sweep_t *sweep, uint64_t index, json_t *settings) {
  for (size_t g = 0; g < sweep->n_groups; g++) {
    uint64_t position = m4s_sweep_position(sweep, index, g);
    for (size_t a = 0; a < sweep->groups[g].n_axes; a++) {
      const m4s_axis_t *axis = &sweep->groups[g].axes[a];
      json_t *value = m4s_axis_value(axis, position);
      m4s_status_t status = value == NULL ? m4s_fail_memory("a point")
                                          : m4s_setting_put(settings, axis->setting, value);
      json_decref(value);
      M4S_TRY(status);
    }
  }
  return M4S_OK;
}

json_t *m4s_sweep_settings(const m4s_sweep_t *sweep, uint64_t index) {
  json_t *settings = json_deep_copy(sweep->base);
  if (settings != NULL && put_axes(sweep, index, settings) != M4S_OK) {
    json_decref(settings);
    return NULL;
  }
  return settings;
}

m4s_status_t m4s_sweep_point(const m4s_sweep_t *sweep, uint64_t index, m4s_point_t *point) {
  *point = (m4s_point_t){0};
  json_t *settings = m4s_sweep_settings(sweep, index);
  if (settings == NULL) {
    return m4s_fail_memory("a point");
  }
  char place[640];
  snprintf(place, sizeof place, "%s: point %llu", sweep->path, (unsigned long long)index);
  m4s_status_t status = m4s_point_set(point, settings, sweep->folder, place);
  json_decref(settings);
  return status;
}

m4s_status_t m4s_sweep_case_id(const m4s_sweep_t *sweep, uint64_t index,
                               char id_out[M4S_CASE_ID_BYTES]) {
  uint64_t hash;
  M4S_TRY(m4s_identity_hash(sweep, index, &hash));
  snprintf(id_out, M4S_CASE_ID_BYTES, "%016llx", (unsigned long long)hash);
  return M4S_OK;
}

char *m4s_sweep_point_title(const m4s_sweep_t *sweep, uint64_t index) {
  json_t *axes = m4s_sweep_axes(sweep, index);
  m4s_text_t text = {0};
  m4s_status_t status = axes == NULL ? M4S_ERR_MEMORY : M4S_OK;
  const char *name;
  json_t *value;
  json_object_foreach(axes, name, value) {
    if (status == M4S_OK) {
      status =
          m4s_text_add(&text, "%s%s %s", text.length == 0 ? "" : ", ", name, m4s_json_show(value));
    }
  }
  if (status == M4S_OK && text.length == 0) {
    status = m4s_text_add(&text, "the one point");
  }
  json_decref(axes);
  if (status != M4S_OK) {
    m4s_text_clear(&text);
  }
  return text.bytes;
}

json_t *m4s_sweep_axis_names(const m4s_sweep_t *sweep) {
  json_t *names = json_array();
  for (size_t g = 0; names != NULL && g < sweep->n_groups; g++) {
    for (size_t a = 0; names != NULL && a < sweep->groups[g].n_axes; a++) {
      if (json_array_append_new(names, json_string(sweep->groups[g].axes[a].name)) != 0) {
        json_decref(names);
        names = NULL;
      }
    }
  }
  return names;
}

static json_t *simulators_to_json(const m4s_sweep_t *sweep) {
  json_t *simulators = json_array();
  for (size_t i = 0; simulators != NULL && i < sweep->spec_simulators.n_items; i++) {
    const char *name = sweep->spec_simulators.items[i];
    const m4s_external_t *external = m4s_sweep_external(sweep, name);
    json_t *entry = external == NULL ? json_string(name) : m4s_external_to_json(external);
    if (json_array_append_new(simulators, entry) != 0) {
      json_decref(simulators);
      simulators = NULL;
    }
  }
  return simulators;
}

json_t *m4s_sweep_to_json(const m4s_sweep_t *sweep) {
  json_t *simulators = simulators_to_json(sweep);
  json_t *spec = json_pack("{s:s, s:s, s:o, s:O}", "name", sweep->name, "title", sweep->title,
                           "simulators", simulators, "base", sweep->base);
  bool ok = spec != NULL;
  if (ok && sweep->reference != NULL) {
    ok = json_object_set(spec, "reference", sweep->reference) == 0;
  }
  if (ok && sweep->n_groups > 0) {
    ok = json_object_set(spec, "axes", sweep->axes_source) == 0;
  }
  if (ok && sweep->where_text != NULL) {
    ok = json_object_set_new(spec, "where", json_string(sweep->where_text)) == 0;
  }
  if (ok && sweep->quick_text != NULL) {
    ok = json_object_set_new(spec, "quick", json_string(sweep->quick_text)) == 0;
  }
  if (!ok) {
    json_decref(spec);
    spec = NULL;
  }
  return spec;
}
