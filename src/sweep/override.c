// Overrides of a spec from the command line.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "sweep/simulator.h"
#include "sweep/spec.h"

// A path as typed, from the working folder: new reference to its absolute form, NULL on failure.
static json_t *absolute_path(const json_t *typed) {
  char *folder = getcwd(NULL, 0);
  char *path = folder == NULL ? NULL : m4s_path_join(folder, json_string_value(typed));
  json_t *absolute = path == NULL ? NULL : json_string(path);
  free(path);
  free(folder);
  return absolute;
}

static bool same_path(const m4s_sweep_t *sweep, const json_t *written, const json_t *typed) {
  if (!json_is_string(written)) {
    return false;
  }
  json_t *absolute = absolute_path(typed);
  char *path = m4s_path_join(sweep->folder, json_string_value(written));
  bool same = absolute != NULL && path != NULL && strcmp(path, json_string_value(absolute)) == 0;
  free(path);
  json_decref(absolute);
  return same;
}

// An axis' value at a place: is it the one that is sought? New reference or NULL.
static json_t *value_if_equal(const m4s_sweep_t *sweep, const m4s_axis_t *axis, uint64_t position,
                              const json_t *typed) {
  json_t *value = m4s_axis_value(axis, position);
  json_t *other = NULL;
  bool equal = value != NULL &&
               m4s_setting_type_json(axis->setting, value, axis->name, &other) == M4S_OK &&
               (json_equal(other, typed) ||
                (axis->setting.field->kind == M4S_FIELD_PATH && same_path(sweep, value, typed)));
  json_decref(other);
  if (!equal) {
    json_decref(value);
    value = NULL;
  }
  return value;
}

static double distance(const json_t *a, const json_t *b) {
  return fabs(json_number_value(a) - json_number_value(b));
}

// The axis' value that is nearest to a number: new reference, NULL where the axis has none.
static json_t *nearest_number(const m4s_axis_t *axis, const json_t *typed) {
  if (axis->kind != M4S_AXIS_LIST) {
    return m4s_axis_value(axis, m4s_axis_nearest(axis, typed));
  }
  json_t *best = NULL;
  size_t i;
  json_t *value;
  json_array_foreach(axis->list, i, value) {
    if (json_is_number(value) && (best == NULL || distance(value, typed) < distance(best, typed))) {
      best = value;
    }
  }
  return json_incref(best);
}

static m4s_status_t fail_not_in_axis(const m4s_axis_t *axis, const char *place, const char *text,
                                     const json_t *typed) {
  char hint[128] = "";
  json_t *nearest = json_is_number(typed) ? nearest_number(axis, typed) : NULL;
  if (nearest != NULL) {
    snprintf(hint, sizeof hint, " (nearest: %s)", m4s_json_show(nearest));
  } else if (axis->kind == M4S_AXIS_LIST && json_is_string(typed)) {
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < axis->n_values && n < M4S_COUNT(names); i++) {
      const char *name = json_string_value(json_array_get(axis->list, i));
      if (name != NULL) {
        names[n++] = name;
      }
    }
    snprintf(hint, sizeof hint, "%s", m4s_did_you_mean(text, names, n));
  }
  json_decref(nearest);
  return m4s_fail(M4S_ERR_INPUT, "%s: %s is none of the %llu values of this axis%s", place, text,
                  (unsigned long long)axis->n_values, hint);
}

static m4s_status_t restrict_axis(const m4s_sweep_t *sweep, const m4s_axis_t *axis,
                                  const char *place, const char *text, const json_t *typed,
                                  json_t *chosen) {
  json_t *value = NULL;
  if (axis->kind != M4S_AXIS_LIST) {
    value = value_if_equal(sweep, axis, m4s_axis_nearest(axis, typed), typed);
  }
  for (size_t i = 0; value == NULL && i < json_array_size(axis->list); i++) {
    value = value_if_equal(sweep, axis, i, typed);
  }
  if (value == NULL) {
    return fail_not_in_axis(axis, place, text, typed);
  }
  return json_object_set_new(chosen, axis->name, value) == 0 ? M4S_OK
                                                             : m4s_fail_memory("a selection");
}

static m4s_status_t apply_typed(m4s_sweep_t *sweep, m4s_setting_t setting, const char *place,
                                const char *text, json_t *typed, json_t *chosen) {
  const m4s_axis_t *axis = m4s_sweep_find_axis(sweep, setting, NULL);
  if (axis != NULL) {
    return restrict_axis(sweep, axis, place, text, typed, chosen);
  }
  if (setting.field->kind != M4S_FIELD_PATH) {
    return m4s_setting_put(sweep->base, setting, typed);
  }
  json_t *path = absolute_path(typed);
  char hash[M4S_CASE_ID_BYTES];
  m4s_status_t status =
      path == NULL ? m4s_fail_memory("a file name") : m4s_file_hash(json_string_value(path), hash);
  if (status == M4S_OK) {
    status = m4s_setting_put(sweep->base, setting, path);
  } else {
    status = m4s_fail_in(status, "%s", place);
  }
  json_decref(path);
  return status;
}

// Overrides of settings as they are applied.
typedef struct {
  m4s_sweep_t *sweep;
  json_t *seen;  // owned reference: settings that have been set
  json_t *chosen;  // owned reference: {axis: value}
} apply_t;

// Gives a setting the value in `text`; `place` begins messages.
static m4s_status_t apply(const apply_t *apply, m4s_setting_t setting, const char *place,
                          const char *text) {
  if (m4s_setting_get(apply->seen, setting) != NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is set twice (use --where to choose several values)",
                    place);
  }
  json_t *typed;
  M4S_TRY(m4s_setting_type_text(setting, text, place, &typed));
  m4s_status_t status = m4s_setting_put(apply->seen, setting, typed);
  if (status == M4S_OK) {
    status = apply_typed(apply->sweep, setting, place, text, typed, apply->chosen);
  }
  json_decref(typed);
  return status;
}

static m4s_status_t apply_set(const apply_t *given, const char *set) {
  const char *equals = strchr(set, '=');
  char name[96];
  char place[128];
  if (equals == NULL || equals == set || (size_t)(equals - set) >= sizeof name) {
    return m4s_fail(M4S_ERR_INPUT, "--set: \"%.60s\" is not name=value", set);
  }
  snprintf(name, sizeof name, "%.*s", (int)(equals - set), set);
  m4s_setting_t setting;
  M4S_TRY(m4s_setting_find(name, "--set", &setting));
  snprintf(place, sizeof place, "--set %s", name);
  return apply(given, setting, place, equals + 1);
}

// The simulators that --simulators names stay as they are.
static m4s_status_t apply_model(const apply_t *given, const char *path, bool add_simulator) {
  m4s_setting_t setting;
  M4S_TRY(m4s_setting_find("m4.model", "--model", &setting));
  M4S_TRY(apply(given, setting, "--model", path));
  if (!add_simulator) {
    return M4S_OK;
  }
  for (size_t i = 0; i < given->sweep->simulators.n_items; i++) {
    if (strcmp(given->sweep->simulators.items[i], "m4") == 0) {
      return M4S_OK;
    }
  }
  return m4s_sweep_add_simulator(given->sweep, "m4", "--model");
}

static m4s_status_t apply_settings(const apply_t *given, const m4s_overrides_t *overrides) {
  for (size_t i = 0; overrides->sets != NULL && i < overrides->sets->n_items; i++) {
    M4S_TRY(apply_set(given, overrides->sets->items[i]));
  }
  return overrides->model == NULL
             ? M4S_OK
             : apply_model(given, overrides->model, overrides->simulators == NULL);
}

static m4s_status_t change_settings(m4s_sweep_t *sweep, const m4s_overrides_t *overrides,
                                    json_t *selection) {
  apply_t given = {.sweep = sweep, .seen = json_object(), .chosen = json_object()};
  m4s_status_t status = given.seen == NULL || given.chosen == NULL
                            ? m4s_fail_memory("settings")
                            : apply_settings(&given, overrides);
  if (status == M4S_OK && json_object_size(given.chosen) > 0 &&
      json_object_set(selection, "set", given.chosen) != 0) {
    status = m4s_fail_memory("settings");
  }
  json_decref(given.seen);
  json_decref(given.chosen);
  return status;
}

// Reads the filters once, so that their errors come early.
static m4s_status_t apply_wheres(const m4s_text_list_t *wheres, const char *quick,
                                 json_t *selection) {
  json_t *texts = json_array();
  m4s_status_t status = texts == NULL ? m4s_fail_memory("filters") : M4S_OK;
  size_t n_wheres = wheres == NULL ? 0 : wheres->n_items;
  for (size_t i = 0; status == M4S_OK && i < n_wheres; i++) {
    m4s_where_t *where = NULL;
    status = m4s_where_parse(wheres->items[i], "--where", &where);
    m4s_where_destroy(where);
    if (status == M4S_OK && json_array_append_new(texts, json_string(wheres->items[i])) != 0) {
      status = m4s_fail(M4S_ERR_INPUT, "--where: is not UTF-8");
    }
  }
  if (status == M4S_OK && quick != NULL && json_array_append_new(texts, json_string(quick)) != 0) {
    status = m4s_fail_memory("filters");
  }
  if (status == M4S_OK && json_array_size(texts) > 0 &&
      json_object_set(selection, "where", texts) != 0) {
    status = m4s_fail_memory("filters");
  }
  json_decref(texts);
  return status;
}

static m4s_status_t apply_simulators(m4s_sweep_t *sweep, const char *names) {
  m4s_text_list_clear(&sweep->simulators);
  for (;;) {
    char name[64];
    size_t n = strcspn(names, ",");
    snprintf(name, sizeof name, "%.*s", (int)n, names);
    M4S_TRY(m4s_sweep_add_simulator(sweep, name, "--simulators"));
    if (names[n] == '\0') {
      return M4S_OK;
    }
    names += n + 1;
  }
}

// Settings that only some points look at: those where another setting, which names a kind, has
// certain values.
static const struct {
  const char *section;
  const m4s_field_t *fields;  // of its row; NULL: `name` alone
  const char *name;
  const char *kind_section, *kind_name;
  const char *kinds;  // "a|b"
  bool in_default;  // refused only where the kind is not given, else warned of (--set, axes)
} of_kinds[] = {
    {"topology", m4s_gpu_cluster_fields, NULL, "topology", "kind", "gpu-cluster", false},
    {"topology", m4s_clos_fields, NULL, "topology", "kind", "clos", false},
    {"topology", NULL, "file", "topology", "kind", "file", false},
    {"traffic", NULL, "workload", "traffic", "kind", "workload", false},
    {"system", m4s_collective_fields, NULL, "traffic", "kind", "workload", false},
    {"traffic", m4s_load_mix_fields, NULL, "traffic", "kind", "mix", false},
    {"traffic", m4s_phases_fields, NULL, "traffic", "kind", "phases", false},
    {"traffic", NULL, "flow_list", "traffic", "kind", "flows", false},
    {"traffic", NULL, "in_flight", "traffic", "kind", "mix|flows", false},
    {"traffic", NULL, "in_flight_of", "traffic", "kind", "mix|flows", false},
    {"traffic", NULL, "matrix_file", "traffic", "spatial", "matrix", true},
    {"traffic", NULL, "rack_share", "traffic", "spatial", "locality", true},
    {"traffic", NULL, "pod_share", "traffic", "spatial", "locality", true},
    {"traffic", NULL, "skew", "traffic", "spatial", "locality", true},
    {"traffic", NULL, "senders", "traffic", "spatial", "incast", true},
    {"traffic", NULL, "sizes_file", "traffic", "sizes", "file", true},
    {"traffic", NULL, "mean_bytes", "traffic", "sizes", "exponential|gaussian|lognormal|constant",
     true},
    {"traffic", NULL, "deviation_bytes", "traffic", "sizes", "gaussian", true},
    {"traffic", NULL, "size_sigma", "traffic", "sizes", "lognormal", true},
    {"traffic", NULL, "pareto_shape", "traffic", "sizes", "pareto", true},
    {"traffic", NULL, "smallest_bytes", "traffic", "sizes", "pareto", true},
    {"traffic", NULL, "lognorm_sigma", "traffic", "gaps", "lognormal", true},
    {"traffic", NULL, "incast_senders", "traffic", "pattern", "incast", true},
    {"packet", NULL, "pfc_shift", "packet", "profile", "hpcc|simai", false},
};

// Whether `kind` is one of "a|b".
static bool is_of_kinds(const char *kinds, const char *kind) {
  size_t length = strlen(kind);
  for (const char *next = kinds;; next++) {
    size_t n = strcspn(next, "|");
    if (n == length && strncmp(next, kind, n) == 0) {
      return true;
    }
    next += n;
    if (*next == '\0') {
      return false;
    }
  }
}

// Whether some point of the sweep has the setting from the spec or the command line.
static bool is_given(const m4s_sweep_t *sweep, m4s_setting_t setting) {
  return m4s_setting_get(sweep->base, setting) != NULL ||
         m4s_sweep_find_axis(sweep, setting, NULL) != NULL;
}

// The setting that names the kinds of row i_kind, and in *kind_out its value where all points have
// the same, and it is none of the row's; else NULL.
static m4s_status_t find_other_kind(const m4s_sweep_t *sweep, size_t i_kind,
                                    m4s_setting_t *setting_out, const char **kind_out) {
  m4s_setting_t kind;
  M4S_TRY(m4s_setting_find_in(of_kinds[i_kind].kind_section, of_kinds[i_kind].kind_name,
                              sweep->path, &kind));
  const char *written = json_string_value(m4s_setting_get(sweep->base, kind));
  written = written == NULL ? kind.field->fallback : written;
  bool varies = m4s_sweep_find_axis(sweep, kind, NULL) != NULL;
  *setting_out = kind;
  *kind_out = varies || is_of_kinds(of_kinds[i_kind].kinds, written) ? NULL : written;
  return M4S_OK;
}

// Refuses a setting of row i_kind where all points have another kind.
static m4s_status_t check_setting(const m4s_sweep_t *sweep, size_t i_kind, m4s_setting_t setting) {
  m4s_setting_t kind;
  const char *other;
  M4S_TRY(find_other_kind(sweep, i_kind, &kind, &other));
  if (other == NULL || !is_given(sweep, setting) ||
      (of_kinds[i_kind].in_default && is_given(sweep, kind))) {
    return M4S_OK;
  }
  const char *kinds = of_kinds[i_kind].kinds;
  return m4s_fail(M4S_ERR_INPUT,
                  "%s: %s.%s: has no effect with %s.%s \"%s\" (set %s.%s to \"%.*s\")", sweep->path,
                  setting.section->name, setting.field->name, kind.section->name, kind.field->name,
                  other, kind.section->name, kind.field->name, (int)strcspn(kinds, "|"), kinds);
}

static bool is_of_row(m4s_setting_t setting, size_t i_kind) {
  return strcmp(setting.section->name, of_kinds[i_kind].section) == 0 &&
         (of_kinds[i_kind].name == NULL ? setting.section->fields == of_kinds[i_kind].fields
                                        : strcmp(setting.field->name, of_kinds[i_kind].name) == 0);
}

// Refuses settings that no point looks at, being of another kind.
static m4s_status_t check_kinds(const m4s_sweep_t *sweep) {
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    for (size_t k = 0; k < M4S_COUNT(of_kinds); k++) {
      for (size_t j = 0; j < section->n_fields; j++) {
        m4s_setting_t setting = {section, &section->fields[j]};
        if (is_of_row(setting, k)) {
          M4S_TRY(check_setting(sweep, k, setting));
        }
      }
    }
  }
  return M4S_OK;
}

// Whether a number is other than 0, its default, at some point.
static bool is_set(const m4s_sweep_t *sweep, m4s_setting_t setting) {
  return json_number_value(m4s_setting_get(sweep->base, setting)) != 0 ||
         m4s_sweep_find_axis(sweep, setting, NULL) != NULL;
}

// Refuses whose flows in flight are limited where nothing says that they are.
static m4s_status_t check_loops(const m4s_sweep_t *sweep) {
  m4s_setting_t limit;
  m4s_setting_t whose;
  M4S_TRY(m4s_setting_find_in("traffic", "in_flight", sweep->path, &limit));
  M4S_TRY(m4s_setting_find_in("traffic", "in_flight_of", sweep->path, &whose));
  return is_given(sweep, whose) && !is_given(sweep, limit)
             ? m4s_fail(M4S_ERR_INPUT,
                        "%s: traffic.in_flight_of: has no effect without traffic.in_flight (set it "
                        "to 1 or more)",
                        sweep->path)
             : M4S_OK;
}

// Refuses max_load beside host_load, which is instead of it.
static m4s_status_t check_loads(const m4s_sweep_t *sweep) {
  m4s_setting_t most;
  m4s_setting_t hosts;
  M4S_TRY(m4s_setting_find_in("traffic", "max_load", sweep->path, &most));
  M4S_TRY(m4s_setting_find_in("traffic", "host_load", sweep->path, &hosts));
  return is_set(sweep, hosts) && is_given(sweep, most)
             ? m4s_fail(M4S_ERR_INPUT,
                        "%s: traffic.max_load: has no effect with traffic.host_load (take one "
                        "of them away)",
                        sweep->path)
             : M4S_OK;
}

// The built-in simulator that alone looks at a setting and does not run; NULL where there is none.
static const char *absent_simulator(const m4s_sweep_t *sweep, m4s_setting_t setting) {
  const char *name = setting.section->name;
  for (size_t i = 0; i < sweep->simulators.n_items; i++) {
    const char *runs = sweep->simulators.items[i];
    // m4's networks may follow packet's settings, commands may name any.
    if (strcmp(runs, name) == 0 || m4s_sweep_external(sweep, runs) != NULL ||
        (strcmp(name, "packet") == 0 && strcmp(runs, "m4") == 0)) {
      return NULL;
    }
  }
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    if (strcmp(name, m4s_simulator_names[i]) == 0) {
      return name;
    }
  }
  return NULL;
}

static void warn_of_absent(const m4s_sweep_t *sweep, m4s_setting_t setting, const char *where) {
  const char *absent = absent_simulator(sweep, setting);
  if (absent != NULL) {
    m4s_log(M4S_LOG_WARN, "%s %s.%s: has no effect: the sweep does not run %s", where,
            setting.section->name, setting.field->name, absent);
  }
}

static void warn_of_other_kind(const m4s_sweep_t *sweep, m4s_setting_t setting, const char *where) {
  for (size_t k = 0; k < M4S_COUNT(of_kinds); k++) {
    m4s_setting_t kind;
    const char *other = NULL;
    if (is_of_row(setting, k) && find_other_kind(sweep, k, &kind, &other) == M4S_OK &&
        other != NULL) {
      m4s_log(M4S_LOG_WARN, "%s %s.%s: has no effect with %s.%s \"%s\"", where,
              setting.section->name, setting.field->name, kind.section->name, kind.field->name,
              other);
    }
  }
}

// Where the limit is 0 at all points, as a spec or --set may say.
static void warn_of_open_loops(const m4s_sweep_t *sweep, m4s_setting_t setting, const char *where) {
  m4s_setting_t limit;
  if (strcmp(setting.field->name, "in_flight_of") == 0 &&
      m4s_setting_find_in("traffic", "in_flight", where, &limit) == M4S_OK &&
      !is_set(sweep, limit)) {
    m4s_log(M4S_LOG_WARN, "%s traffic.in_flight_of: has no effect with traffic.in_flight 0", where);
  }
}

// Settings of absent simulators may move together with one that has an effect.
static void warn_of_axes(const m4s_sweep_t *sweep, const m4s_axis_group_t *group) {
  bool all_absent = true;
  for (size_t i = 0; i < group->n_axes; i++) {
    all_absent = all_absent && absent_simulator(sweep, group->axes[i].setting) != NULL;
  }
  for (size_t i = 0; i < group->n_axes; i++) {
    if (all_absent) {
      warn_of_absent(sweep, group->axes[i].setting, "axis");
    }
    warn_of_other_kind(sweep, group->axes[i].setting, "axis");
    warn_of_open_loops(sweep, group->axes[i].setting, "axis");
  }
}

static void warn_of_name(const m4s_sweep_t *sweep, const char *name, const char *where) {
  m4s_setting_t setting;
  if (m4s_setting_find(name, where, &setting) == M4S_OK) {
    warn_of_absent(sweep, setting, where);
    warn_of_other_kind(sweep, setting, where);
    warn_of_open_loops(sweep, setting, where);
  }
}

void m4s_sweep_warn_of_unused(const m4s_sweep_t *sweep, const m4s_overrides_t *overrides) {
  size_t n_sets = overrides->sets == NULL ? 0 : overrides->sets->n_items;
  for (size_t i = 0; i < n_sets; i++) {
    char name[96];
    const char *set = overrides->sets->items[i];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(set, "="), set);
    warn_of_name(sweep, name, "--set");
  }
  if (overrides->model != NULL) {
    warn_of_name(sweep, "m4.model", "--model");
  }
  for (size_t g = 0; g < sweep->n_groups; g++) {
    warn_of_axes(sweep, &sweep->groups[g]);
  }
}

m4s_status_t m4s_sweep_override(m4s_sweep_t *sweep, const m4s_overrides_t *overrides,
                                m4s_selection_t **selection_out) {
  json_t *selection = json_object();
  m4s_status_t status = selection == NULL ? m4s_fail_memory("a selection") : M4S_OK;
  if (status == M4S_OK && overrides->simulators != NULL) {
    status = apply_simulators(sweep, overrides->simulators);
  }
  if (status == M4S_OK) {
    status = change_settings(sweep, overrides, selection);
  }
  if (status == M4S_OK) {
    status = check_kinds(sweep);
  }
  if (status == M4S_OK) {
    status = check_loads(sweep);
  }
  if (status == M4S_OK) {
    status = check_loops(sweep);
  }
  if (status == M4S_OK && overrides->quick && sweep->quick_text == NULL) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: --quick: the spec has no \"quick\", the condition for it",
                      sweep->path);
  }
  if (status == M4S_OK) {
    status =
        apply_wheres(overrides->wheres, overrides->quick ? sweep->quick_text : NULL, selection);
  }
  if (status != M4S_OK) {
    json_decref(selection);
    return status;
  }
  *selection_out = selection;
  return M4S_OK;
}
