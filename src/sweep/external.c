#include "sweep/external.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/text.h"
#include "sweep/point.h"
#include "sweep/setting.h"

// A command that the kernel takes as one argument has 128 KiB at most.
enum { MAX_NAME_LENGTH = 40, MAX_COMMAND_BYTES = 16 << 10, MAX_EXPANDED_BYTES = (128 << 10) - 1 };

const m4s_field_t m4s_external_fields[M4S_N_EXTERNAL_FIELDS] = {
    {.name = "name",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_external_t, name),
     .help = "in tables and of folders: letters, digits, \".\", \"_\", \"-\""},
    {.name = "command",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_external_t, command),
     .help = "for sh, run in {out}, an empty folder; see above for placeholders"},
    {.name = "time_limit_s",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_external_t, time_limit_s),
     .unit = "s",
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .help = "time that it may take for a point; 0: run.time_limit_s"},
    {.name = "end_to_end",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_external_t, end_to_end),
     .fallback = "EndToEnd.csv",
     .help = "its table of times, below {out}; may be a pattern such as */*EndToEnd.csv"},
    {.name = "fct",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_external_t, fct),
     .help = "its list of completed flows (fct.txt of ns-3), below {out}; may be a pattern"},
    {.name = "flow_ids",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_external_t, flow_ids),
     .fallback = "false",
     .help = "{flows} has an id before each flow, as the m4 artefact's ns-3 wants it"},
};

static const char *const keys[] = {"name", "command",  "time_limit_s", "end_to_end",
                                   "fct",  "flow_ids", "environment"};

// --- placeholders ---

static const char *const own_placeholders[] = {"workload", "flows", "topology",   "out",
                                               "seed",     "case",  "spec_folder"};

static bool is_own_placeholder(const char *name) {
  for (size_t i = 0; i < M4S_COUNT(own_placeholders); i++) {
    if (strcmp(own_placeholders[i], name) == 0) {
      return true;
    }
  }
  return false;
}

// The setting called `name` in full; false if there is none.
static bool find_setting(const char *name, m4s_setting_t *setting_out) {
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    size_t n = strlen(section->name);
    for (size_t j = 0; j < section->n_fields; j++) {
      if (strncmp(name, section->name, n) == 0 && name[n] == '.' &&
          strcmp(name + n + 1, section->fields[j].name) == 0) {
        *setting_out = (m4s_setting_t){section, &section->fields[j]};
        return true;
      }
    }
  }
  return false;
}

static m4s_status_t list_placeholders(m4s_text_list_t *names) {
  for (size_t i = 0; i < M4S_COUNT(own_placeholders); i++) {
    M4S_TRY(m4s_text_list_add(names, own_placeholders[i]));
  }
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    for (size_t j = 0; j < section->n_fields; j++) {
      char name[96];
      snprintf(name, sizeof name, "%s.%s", section->name, section->fields[j].name);
      M4S_TRY(m4s_text_list_add(names, name));
    }
  }
  return M4S_OK;
}

static m4s_status_t unknown_placeholder(const char *name, const char *where) {
  m4s_text_list_t names = {0};
  m4s_status_t status = list_placeholders(&names);
  if (status == M4S_OK) {
    const char *nearest = m4s_did_you_mean(name, (const char *const *)names.items, names.n_items);
    status =
        m4s_fail(M4S_ERR_INPUT, "%s: unknown placeholder {%s}%s", where, name,
                 nearest[0] != '\0' ? nearest : " (braces of the shell are written {{ and }})");
  }
  m4s_text_list_clear(&names);
  return status;
}

// A part of a command: a placeholder, or text.
typedef struct {
  bool is_placeholder;
  char name[64];  // of a placeholder
  const char *text;  // else [n], borrowed
  size_t n;
} part_t;

// Takes the part of the command at *next. What is no part is left in `name`.
static bool take_part(const char **next, part_t *part) {
  const char *text = *next;
  *part = (part_t){.text = text, .n = strcspn(text, "{}")};
  if (part->n > 0) {
    *next = text + part->n;
    return true;
  }
  if (text[1] == text[0]) {
    part->n = 1;
    *next = text + 2;
    return true;
  }
  size_t n = strcspn(text + 1, "{}");
  snprintf(part->name, sizeof part->name, "%.*s", (int)(n < 60 ? n : 60), text + 1);
  part->is_placeholder = text[0] == '{' && text[1 + n] == '}' && n < sizeof part->name;
  *next = text + n + 2;
  return part->is_placeholder;
}

// How the shell reads what follows a text: within quotes, after a backslash.
typedef struct {
  char quote;  // '\0': none
  bool escaped;
} quoting_t;

static void read_quotes(quoting_t *quoting, const char *text, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (quoting->escaped) {
      quoting->escaped = false;
    } else if (text[i] == '\\' && quoting->quote != '\'') {
      quoting->escaped = true;
    } else if (quoting->quote != '\0') {
      quoting->quote = text[i] == quoting->quote ? '\0' : quoting->quote;
    } else if (text[i] == '\'' || text[i] == '"') {
      quoting->quote = text[i];
    }
  }
}

static m4s_status_t check_placeholder(const char *name, quoting_t quoting, const char *where) {
  m4s_setting_t setting;
  if (!is_own_placeholder(name) && !find_setting(name, &setting)) {
    return unknown_placeholder(name, where);
  }
  if (quoting.escaped || quoting.quote != '\0') {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: {%s} stands %s %c: write it without, values are quoted where they need to "
                    "be",
                    where, name, quoting.escaped ? "after" : "within",
                    quoting.escaped ? '\\' : quoting.quote);
  }
  return M4S_OK;
}

static m4s_status_t check_command(const char *command, const char *where) {
  if (strlen(command) > MAX_COMMAND_BYTES) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %zu bytes, more than %d", where, strlen(command),
                    MAX_COMMAND_BYTES);
  }
  quoting_t quoting = {0};
  for (const char *next = command; *next != '\0';) {
    const char *start = next;
    part_t part;
    if (!take_part(&next, &part)) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s: \"%.30s\" at byte %d is no {placeholder} (braces of the shell are "
                      "written {{ and }})",
                      where, start, (int)(start - command) + 1);
    }
    if (part.is_placeholder) {
      M4S_TRY(check_placeholder(part.name, quoting, where));
    } else {
      read_quotes(&quoting, part.text, part.n);
    }
  }
  return M4S_OK;
}

// --- reading ---

static m4s_status_t check_name(const char *name, const char *where) {
  bool ok = name[0] != '\0' && isalnum((unsigned char)name[0]) && strlen(name) <= MAX_NAME_LENGTH;
  for (const char *c = name; *c != '\0'; c++) {
    ok = ok && (isalnum((unsigned char)*c) || strchr("._-", *c) != NULL);
  }
  if (!ok) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s.name: \"%.60s\" is not 1 to %d letters, digits, \".\", \"_\", \"-\" that "
                    "begin with a letter or digit",
                    where, name, MAX_NAME_LENGTH);
  }
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    if (strcmp(m4s_simulator_names[i], name) == 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s.name: \"%s\" is a built-in simulator", where, name);
    }
  }
  return M4S_OK;
}

// A pattern stays below the folder.
static m4s_status_t check_pattern(const char *pattern, const char *key, const char *where) {
  bool ok = pattern[0] != '\0' && pattern[0] != '/';
  for (const char *part = pattern; ok && part != NULL; part = strchr(part, '/')) {
    part += *part == '/';
    ok = strncmp(part, "..", 2) != 0 || (part[2] != '/' && part[2] != '\0');
  }
  return ok ? M4S_OK
            : m4s_fail(M4S_ERR_INPUT, "%s.%s: \"%.60s\" is no file below {out}", where, key,
                       pattern);
}

static bool is_variable_name(const char *name) {
  bool ok = isalpha((unsigned char)name[0]) || name[0] == '_';
  for (const char *c = name; *c != '\0'; c++) {
    ok = ok && (isalnum((unsigned char)*c) || *c == '_');
  }
  return ok;
}

static m4s_status_t read_environment(m4s_external_t *external, const json_t *object,
                                     const char *where) {
  if (object == NULL) {
    return M4S_OK;
  }
  if (!json_is_object(object)) {
    return m4s_fail(M4S_ERR_INPUT, "%s.environment: %s is not an object {\"NAME\": \"value\"}",
                    where, m4s_json_show(object));
  }
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, name, value) {
    if (!is_variable_name(name)) {
      return m4s_fail(M4S_ERR_INPUT, "%s.environment: \"%.60s\" is no variable's name", where,
                      name);
    }
    if (!json_is_string(value)) {
      return m4s_fail(M4S_ERR_INPUT, "%s.environment.%.60s: %s is not a string", where, name,
                      m4s_json_show(value));
    }
  }
  external->environment = json_deep_copy(object);
  return external->environment == NULL ? m4s_fail_memory("an environment") : M4S_OK;
}

static m4s_status_t hash_definition(m4s_external_t *external) {
  json_t *object = m4s_external_to_json(external);
  json_object_del(object, "name");
  json_object_del(object, "time_limit_s");
  char *text = object == NULL ? NULL : m4s_json_canonical(object);
  json_decref(object);
  if (text == NULL) {
    return m4s_fail_memory("a simulator");
  }
  uint64_t hash = m4s_hash_bytes(M4S_HASH_START, text, strlen(text));
  snprintf(external->definition, sizeof external->definition, "%016llx", (unsigned long long)hash);
  free(text);
  return M4S_OK;
}

static m4s_status_t read_fields(m4s_external_t *external, const json_t *object, const char *where) {
  M4S_TRY(m4s_fields_set_defaults(m4s_external_fields, M4S_N_EXTERNAL_FIELDS, external));
  M4S_TRY(m4s_json_check_keys(object, where, keys, M4S_COUNT(keys)));
  for (size_t i = 0; i < M4S_N_EXTERNAL_FIELDS; i++) {
    const m4s_field_t *field = &m4s_external_fields[i];
    const json_t *value = json_object_get(object, field->name);
    char place[700];
    snprintf(place, sizeof place, "%s.%s", where, field->name);
    if (value != NULL) {
      M4S_TRY(m4s_field_set_json(field, external, value, place));
    }
  }
  if (external->name == NULL || external->command == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is missing", where,
                    external->name == NULL ? "name" : "command");
  }
  return M4S_OK;
}

m4s_status_t m4s_external_read(m4s_external_t *external, const json_t *object, const char *where) {
  *external = (m4s_external_t){0};
  char place[700];
  snprintf(place, sizeof place, "%s.command", where);
  M4S_TRY(read_fields(external, object, where));
  M4S_TRY(check_name(external->name, where));
  M4S_TRY(check_command(external->command, place));
  M4S_TRY(check_pattern(external->end_to_end, "end_to_end", where));
  if (external->fct != NULL) {
    M4S_TRY(check_pattern(external->fct, "fct", where));
  }
  M4S_TRY(read_environment(external, json_object_get(object, "environment"), where));
  return hash_definition(external);
}

void m4s_external_clear(m4s_external_t *external) {
  m4s_fields_clear(m4s_external_fields, M4S_N_EXTERNAL_FIELDS, external);
  json_decref(external->environment);
  *external = (m4s_external_t){0};
}

json_t *m4s_external_to_json(const m4s_external_t *external) {
  json_t *object = m4s_fields_get_json(m4s_external_fields, M4S_N_EXTERNAL_FIELDS, external);
  if (object != NULL && external->environment != NULL &&
      json_object_set(object, "environment", external->environment) != 0) {
    json_decref(object);
    return NULL;
  }
  return object;
}

// --- commands ---

// As one word of the shell.
static m4s_status_t add_quoted(m4s_text_t *text, const char *value) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-";
  if (value[0] != '\0' && strspn(value, plain) == strlen(value)) {
    return m4s_text_add(text, "%s", value);
  }
  M4S_TRY(m4s_text_add(text, "'"));
  for (const char *c = value; *c != '\0'; c++) {
    M4S_TRY(*c == '\'' ? m4s_text_add(text, "'\\''") : m4s_text_add_bytes(text, c, 1));
  }
  return m4s_text_add(text, "'");
}

static m4s_status_t add_setting(m4s_text_t *text, const json_t *settings, const char *name) {
  m4s_setting_t setting;
  const json_t *value = find_setting(name, &setting) ? m4s_setting_get(settings, setting) : NULL;
  const char *string = json_string_value(value);
  if (string != NULL || value == NULL || json_is_null(value)) {
    return add_quoted(text, string == NULL ? "" : string);
  }
  char *shown = m4s_json_text(value, 0);
  m4s_status_t status = shown == NULL ? m4s_fail_memory("a command") : add_quoted(text, shown);
  free(shown);
  return status;
}

static m4s_status_t add_value(m4s_text_t *text, const m4s_external_values_t *values,
                              const char *name) {
  const char *const given[M4S_COUNT(own_placeholders)] = {
      values->workload, values->flows,      values->topology, values->out, NULL,
      values->case_id,  values->spec_folder};
  for (size_t i = 0; i < M4S_COUNT(own_placeholders); i++) {
    if (given[i] != NULL && strcmp(own_placeholders[i], name) == 0) {
      return add_quoted(text, given[i]);
    }
  }
  return add_setting(text, values->settings, strcmp(name, "seed") == 0 ? "run.seed" : name);
}

static m4s_status_t add_parts(const m4s_external_t *external, const m4s_external_values_t *values,
                              m4s_text_t *text) {
  for (const char *next = external->command; *next != '\0';) {
    part_t part;
    take_part(&next, &part);
    M4S_TRY(part.is_placeholder ? add_value(text, values, part.name)
                                : m4s_text_add_bytes(text, part.text, part.n));
    if (text->length > MAX_EXPANDED_BYTES) {
      return m4s_fail(M4S_ERR_INPUT, "%s: the command with its values has more than %d bytes",
                      external->name, MAX_EXPANDED_BYTES);
    }
  }
  return M4S_OK;
}

bool m4s_external_uses(const m4s_external_t *external, const char *placeholder) {
  for (const char *next = external->command; *next != '\0';) {
    part_t part;
    take_part(&next, &part);
    if (part.is_placeholder && strcmp(part.name, placeholder) == 0) {
      return true;
    }
  }
  return false;
}

m4s_status_t m4s_external_command(const m4s_external_t *external,
                                  const m4s_external_values_t *values, char **command_out) {
  m4s_text_t text = {0};
  m4s_status_t status = m4s_text_add(&text, "%s", "");
  if (status == M4S_OK) {
    status = add_parts(external, values, &text);
  }
  if (status != M4S_OK) {
    m4s_text_clear(&text);
    return status;
  }
  *command_out = text.bytes;
  return M4S_OK;
}
