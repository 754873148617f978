#include "sweep/mixes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/json.h"
#include "net/clos.h"
#include "sweep/setting.h"
#include "sweep/spec.h"

enum {
  MAX_NAME = 64,
  MAX_OVERSUBSCRIPTION = 1 << 20,
  POD_SHARE_DIGITS = 4,
  MAX_DRAWN_SEED = 999999
};

#define MAX_SEED 9007199254740991  // 2^53 - 1

typedef struct {
  const char *path;  // of the mix file
  char *folder;  // owned: its folder
  const m4s_mixes_options_t *options;
  m4s_text_list_t *notes;
  m4s_clos_t fabric;  // of the size
} reader_t;

// --- names ---

static const char *base_name(const char *text) {
  const char *slash = strrchr(text, '/');
  return slash == NULL ? text : slash + 1;
}

// The base name without ending, lower case, without "-" and "_"; "" where it is too long.
static void plain_name(const char *text, char plain[MAX_NAME]) {
  const char *base = base_name(text);
  const char *dot = strchr(base, '.');
  size_t n_base = dot == NULL ? strlen(base) : (size_t)(dot - base);
  size_t n = 0;
  for (size_t i = 0; n_base < MAX_NAME && i < n_base; i++) {
    if (base[i] != '-' && base[i] != '_') {
      plain[n++] = (char)tolower((unsigned char)base[i]);
    }
  }
  plain[n] = '\0';
}

// What a name that begins with `known` has behind it; NULL for other names.
static const char *after_name(const char *text, const char *known, char plain[MAX_NAME]) {
  char plain_known[MAX_NAME];
  plain_name(known, plain_known);
  plain_name(text, plain);
  size_t n = strlen(plain_known);
  return strncmp(plain, plain_known, n) == 0 ? plain + n : NULL;
}

static bool is_file(const char *path) {
  struct stat status;
  return path != NULL && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

// The absolute path of the file that a text names: owned, free(); NULL where there is none.
static char *find_file(const reader_t *reader, const char *text) {
  const char *folders[] = {reader->folder, reader->options->folder};
  const char *names[] = {text, base_name(text)};
  for (size_t i = 0; i < M4S_COUNT(folders); i++) {
    char *path = folders[i] == NULL ? NULL : m4s_path_join(folders[i], names[i]);
    char *absolute = is_file(path) ? realpath(path, NULL) : NULL;
    free(path);
    if (absolute != NULL) {
      return absolute;
    }
  }
  return NULL;
}

static m4s_status_t fail_unknown(const char *what, const char *text, const char *where,
                                 const char *const *names, size_t n_names) {
  char plain[MAX_NAME];
  plain_name(text, plain);
  return m4s_fail(M4S_ERR_INPUT, "%s: \"%.200s\" is no file, and no %s has this name%s", where,
                  text, what, m4s_did_you_mean(plain, names, n_names));
}

// --- settings ---

// Puts a value under a setting's full name. Takes the reference.
static m4s_status_t put(json_t *settings, const char *name, json_t *value) {
  return json_object_set_new(settings, name, value) == 0 ? M4S_OK : m4s_fail_memory("a mix");
}

// The same of a path, which it frees.
static m4s_status_t put_path(json_t *settings, const char *name, char *path) {
  m4s_status_t status = put(settings, name, json_string(path));
  free(path);
  return status;
}

// With the setting's checks; `value` is borrowed.
static m4s_status_t put_checked(json_t *settings, const char *name, const json_t *value,
                                const char *where) {
  m4s_setting_t setting;
  json_t *typed;
  M4S_TRY(m4s_setting_find(name, where, &setting));
  M4S_TRY(m4s_setting_type_json(setting, value, where, &typed));
  return put(settings, name, typed);
}

static m4s_status_t add_note(const reader_t *reader, const char *text) {
  for (size_t i = 0; i < reader->notes->n_items; i++) {
    if (strcmp(reader->notes->items[i], text) == 0) {
      return M4S_OK;
    }
  }
  return m4s_text_list_add(reader->notes, text);
}

// --- spatial ---

// The published matrices, and what share of their flows stays within racks.
static const struct {
  const char *name;
  double rack_share;
} published_matrices[] = {{"cluster_a", 0.0005}, {"cluster_b", 0.01}, {"cluster_c", 0.505}};

static const char *const patterns[] = {"uniform", "all_to_all", "permutation"};

// The share of a pod where all other racks are alike.
static double even_pod_share(const m4s_clos_t *clos) {
  return (double)(clos->racks_per_pod - 1) / (double)(clos->pods * clos->racks_per_pod - 1);
}

static m4s_status_t put_stand_in(const reader_t *reader, const char *text, double rack_share,
                                 json_t *settings) {
  char note[256];
  json_t *pod_share = m4s_axis_number(even_pod_share(&reader->fabric), POD_SHARE_DIGITS);
  M4S_TRY(put(settings, "traffic.pod_share", pod_share));
  M4S_TRY(put(settings, "traffic.spatial", json_string("locality")));
  M4S_TRY(put(settings, "traffic.rack_share", json_real(rack_share)));
  M4S_TRY(put(settings, "traffic.skew", json_real(1)));
  snprintf(note, sizeof note,
           "%.100s is no file: random racks stand for it, with %g %% of the flows within racks",
           text, 100 * rack_share);
  return add_note(reader, note);
}

static m4s_status_t read_spatial(const reader_t *reader, const char *text, const char *where,
                                 json_t *settings) {
  const char *names[M4S_COUNT(published_matrices) + M4S_COUNT(patterns)];
  size_t n_names = 0;
  char plain[MAX_NAME];
  char *file = find_file(reader, text);
  if (file != NULL) {
    M4S_TRY(put_path(settings, "traffic.matrix_file", file));
    return put(settings, "traffic.spatial", json_string("matrix"));
  }
  for (size_t i = 0; i < M4S_COUNT(patterns); i++) {
    const char *rest = after_name(text, patterns[i], plain);
    if (rest != NULL && rest[0] == '\0') {
      return put(settings, "traffic.spatial", json_string(patterns[i]));
    }
    names[n_names++] = patterns[i];
  }
  for (size_t i = 0; i < M4S_COUNT(published_matrices); i++) {
    const char *rest = after_name(text, published_matrices[i].name, plain);
    if (rest != NULL && rest[strspn(rest, "0123456789")] == '\0') {
      return put_stand_in(reader, text, published_matrices[i].rack_share, settings);
    }
    names[n_names++] = published_matrices[i].name;
  }
  return fail_unknown("spatial", text, where, names, n_names);
}

// --- sizes ---

static m4s_status_t read_sizes(const reader_t *reader, const char *text, const char *where,
                               json_t *settings) {
  char plain[MAX_NAME];
  char *file = find_file(reader, text);
  if (file != NULL) {
    M4S_TRY(put_path(settings, "traffic.sizes_file", file));
    return put(settings, "traffic.sizes", json_string("file"));
  }
  // The published distributions come first.
  for (size_t i = 0; i < M4S_SIZES_FILE; i++) {
    const char *rest = after_name(text, m4s_sizes_names[i], plain);
    if (rest != NULL && (rest[0] == '\0' || strcmp(rest, "all") == 0)) {
      return put(settings, "traffic.sizes", json_string(m4s_sizes_names[i]));
    }
  }
  return fail_unknown("size_dist", text, where, m4s_sizes_names, M4S_SIZES_FILE);
}

// --- cluster ---

// A number of 1 to 7 digits at text[*at], which moves behind it; 0 where there is none.
static int64_t take_number(const char *text, size_t *at) {
  size_t n = strspn(text + *at, "0123456789");
  int64_t number = n >= 1 && n <= 7 ? strtoll(text + *at, NULL, 10) : 0;
  *at += n;
  return number;
}

static size_t skip_separator(const char *text, size_t at) {
  return text[at] == '-' || text[at] == '_' ? at + 1 : at;
}

// "2-to-1", "2:1" anywhere in a base name; 0 where there is none.
static double find_ratio(const char *text) {
  const char *base = base_name(text);
  for (size_t i = 0; base[i] != '\0'; i++) {
    if (!isdigit((unsigned char)base[i]) || (i > 0 && isdigit((unsigned char)base[i - 1]))) {
      continue;
    }
    size_t at = i;
    int64_t above = take_number(base, &at);
    size_t to = skip_separator(base, at);
    bool is_to = strncasecmp(base + to, "to", 2) == 0;
    if (!is_to && base[at] != ':') {
      continue;
    }
    at = is_to ? skip_separator(base, to + 2) : at + 1;
    int64_t below = take_number(base, &at);
    if (above > 0 && below > 0) {
      return (double)above / (double)below;
    }
  }
  return 0;
}

static m4s_status_t read_cluster(const reader_t *reader, const char *text, const char *where,
                                 json_t *settings) {
  static const char *const names[] = {"1to1", "2to1", "4to1"};
  double oversubscription = find_ratio(text);
  if (oversubscription > 0 && oversubscription <= MAX_OVERSUBSCRIPTION) {
    M4S_TRY(put(settings, "topology.kind", json_string("clos")));
    M4S_TRY(put(settings, "topology.size", json_string(reader->options->size)));
    return put(settings, "topology.oversubscription", json_real(oversubscription));
  }
  char *file = find_file(reader, text);
  if (file == NULL) {
    return fail_unknown("cluster (1-to-1, 2-to-1, 4-to-1, ...)", text, where, names,
                        M4S_COUNT(names));
  }
  M4S_TRY(put_path(settings, "topology.file", file));
  return put(settings, "topology.kind", json_string("file"));
}

// --- numbers ---

static m4s_status_t read_duration(const json_t *value, const char *where, json_t *settings) {
  double ns = json_number_value(value);
  if (!json_is_number(value) || !(ns > 0) || ns > 1e15) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not a number of ns above 0, up to 1e15", where,
                    m4s_json_show(value));
  }
  int64_t us = ns < 1000 ? 1 : (int64_t)(ns / 1000 + 0.5);
  if ((double)us * 1000 != ns) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: %s ns is not a whole number of microseconds (nearest: %lld)", where,
                    m4s_json_show(value), (long long)us * 1000);
  }
  return put(settings, "traffic.duration_us", json_integer(us));
}

static m4s_status_t read_id(const json_t *value, const char *where, json_t *settings) {
  if (!json_is_integer(value) || json_integer_value(value) < 0 ||
      json_integer_value(value) > MAX_SEED) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not a whole number from 0 to %lld", where,
                    m4s_json_show(value), (long long)MAX_SEED);
  }
  return put(settings, "run.seed", json_integer(json_integer_value(value)));
}

// --- members of mixes ---

typedef enum { OF_ID, OF_SPATIAL, OF_SIZES, OF_SIGMA, OF_LOAD, OF_CLUSTER, OF_DURATION } member_t;

static const char *const mix_keys[] = {[OF_ID] = "id",
                                       [OF_SPATIAL] = "spatial",
                                       [OF_SIZES] = "size_dist",
                                       [OF_SIGMA] = "lognorm_sigma",
                                       [OF_LOAD] = "max_load",
                                       [OF_CLUSTER] = "cluster",
                                       [OF_DURATION] = "duration"};

// The same in a space: lists, but for the loads and the duration.
static const char *const space_keys[] = {[OF_ID] = NULL,
                                         [OF_SPATIAL] = "spatials",
                                         [OF_SIZES] = "size_dists",
                                         [OF_SIGMA] = "lognorm_sigmas",
                                         [OF_LOAD] = "max_loads",
                                         [OF_CLUSTER] = "clusters",
                                         [OF_DURATION] = "duration"};

// Published mixes have no key that allows overload.
static m4s_status_t check_load(const json_t *load, const char *where) {
  return json_number_value(load) < 1
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT, "%s: %s is 1 or above (nearest valid: 0.99)", where,
                        m4s_json_show(load));
}

// Adds the settings that a member of a mix stands for.
static m4s_status_t read_member(const reader_t *reader, member_t member, const json_t *value,
                                const char *where, json_t *settings) {
  const char *text = json_string_value(value);
  bool is_name = member == OF_SPATIAL || member == OF_SIZES || member == OF_CLUSTER;
  if (is_name && (text == NULL || text[0] == '\0')) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not a name", where, m4s_json_show(value));
  }
  switch (member) {
    case OF_ID:
      return read_id(value, where, settings);
    case OF_SPATIAL:
      return read_spatial(reader, text, where, settings);
    case OF_SIZES:
      return read_sizes(reader, text, where, settings);
    case OF_SIGMA:
      return put_checked(settings, "traffic.lognorm_sigma", value, where);
    case OF_LOAD:
      M4S_TRY(put_checked(settings, "traffic.max_load", value, where));
      return check_load(value, where);
    case OF_CLUSTER:
      return read_cluster(reader, text, where, settings);
    case OF_DURATION:
      return read_duration(value, where, settings);
  }
  return m4s_fail(M4S_ERR_INTERNAL, "%s: unknown member", where);
}

static m4s_status_t read_mix(const reader_t *reader, const json_t *mix, const char *where,
                             json_t *settings) {
  if (!json_is_object(mix)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not a mix {...}", where, m4s_json_show(mix));
  }
  M4S_TRY(m4s_json_check_keys(mix, where, mix_keys, M4S_COUNT(mix_keys)));
  for (size_t i = 0; i < M4S_COUNT(mix_keys); i++) {
    char place[640];
    snprintf(place, sizeof place, "%s.%s", where, mix_keys[i]);
    const json_t *value = json_object_get(mix, mix_keys[i]);
    if (value == NULL) {
      return m4s_fail(M4S_ERR_INPUT, "%s: is missing", place);
    }
    M4S_TRY(read_member(reader, (member_t)i, value, place, settings));
  }
  return M4S_OK;
}

// --- columns: what alike mixes have goes to the base, the rest becomes axes ---

// The value of a mix that says nothing of a setting: new reference, NULL after an error.
static json_t *value_or_default(const json_t *settings, const char *name, m4s_setting_t setting) {
  json_t *value = json_object_get(settings, name);
  json_t *fallback = NULL;
  if (value != NULL) {
    return json_incref(value);
  }
  if (setting.field->fallback == NULL) {
    return json_null();
  }
  return m4s_setting_type_text(setting, setting.field->fallback, name, &fallback) == M4S_OK
             ? fallback
             : NULL;
}

// The column of a setting: new reference, NULL after an error.
static json_t *make_column(const json_t *mixes, const char *name, m4s_setting_t setting) {
  json_t *column = json_array();
  for (size_t i = 0; column != NULL && i < json_array_size(mixes); i++) {
    if (json_array_append_new(column, value_or_default(json_array_get(mixes, i), name, setting)) !=
        0) {
      json_decref(column);
      column = NULL;
    }
  }
  return column;
}

static bool is_constant(const json_t *column) {
  for (size_t i = 1; i < json_array_size(column); i++) {
    if (!json_equal(json_array_get(column, 0), json_array_get(column, i))) {
      return false;
    }
  }
  return true;
}

// The key of a setting where that is enough; of the seed the whole name, which samples ask for.
static const char *short_name(const char *name) {
  m4s_setting_t setting;
  const char *key = strchr(name, '.') + 1;
  return strcmp(key, "seed") != 0 && m4s_setting_find(key, "", &setting) == M4S_OK ? key : name;
}

static m4s_status_t place_column(const json_t *mixes, const char *name, json_t *base,
                                 json_t *entry) {
  m4s_setting_t setting;
  M4S_TRY(m4s_setting_find(name, "a mix", &setting));
  json_t *column = make_column(mixes, name, setting);
  m4s_status_t status = column == NULL ? m4s_fail_memory("mixes") : M4S_OK;
  if (status == M4S_OK && is_constant(column)) {
    status = m4s_setting_put(base, setting, json_array_get(column, 0));
  } else if (status == M4S_OK && json_object_set(entry, short_name(name), column) != 0) {
    status = m4s_fail_memory("mixes");
  }
  json_decref(column);
  return status;
}

// Shares the settings of `mixes`, [{setting: value, …}, …], out among `base` and `entry`, of which
// the latter gets lists.
static m4s_status_t place_columns(const json_t *mixes, json_t *base, json_t *entry) {
  json_t *names = json_object();
  m4s_status_t status = names == NULL ? m4s_fail_memory("mixes") : M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < json_array_size(mixes); i++) {
    if (json_object_update(names, json_array_get(mixes, i)) != 0) {
      status = m4s_fail_memory("mixes");
    }
  }
  const char *name;
  json_t *value;
  json_object_foreach(names, name, value) {
    status = status == M4S_OK ? place_column(mixes, name, base, entry) : status;
  }
  json_decref(names);
  return status;
}

// --- mix files ---

// Refuses a mix whose id an earlier one has.
static m4s_status_t check_id(const json_t *settings, size_t i_mix, const char *where,
                             json_t *seen) {
  char id[32];
  snprintf(id, sizeof id, "%lld",
           (long long)json_integer_value(json_object_get(settings, "run.seed")));
  const json_t *before = json_object_get(seen, id);
  if (before != NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s.id: %s stands twice (first at [%lld])", where, id,
                    (long long)json_integer_value(before));
  }
  return put(seen, id, json_integer((json_int_t)i_mix));
}

static m4s_status_t add_mix(const reader_t *reader, const json_t *mix, size_t i_mix, json_t *seen,
                            json_t *mixes) {
  char place[560];
  snprintf(place, sizeof place, "%s: [%zu]", reader->path, i_mix);
  json_t *settings = json_object();
  if (settings == NULL || json_array_append_new(mixes, settings) != 0) {
    return m4s_fail_memory("mixes");
  }
  M4S_TRY(read_mix(reader, mix, place, settings));
  return check_id(settings, i_mix, place, seen);
}

static m4s_status_t read_mixes(const reader_t *reader, const json_t *list, json_t *base,
                               json_t *entry) {
  if (json_array_size(list) == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: [] has no mixes", reader->path);
  }
  json_t *mixes = json_array();
  json_t *seen = json_object();
  m4s_status_t status = mixes == NULL || seen == NULL ? m4s_fail_memory("mixes") : M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < json_array_size(list); i++) {
    status = add_mix(reader, json_array_get(list, i), i, seen, mixes);
  }
  if (status == M4S_OK) {
    status = place_columns(mixes, base, entry);
  }
  json_decref(seen);
  json_decref(mixes);
  return status;
}

// --- mix spaces ---

// A list of a space. Its values are drawn one setting at a time, so that they may differ in one.
static m4s_status_t read_choices(const reader_t *reader, member_t member, const json_t *list,
                                 json_t *base, json_t *sample) {
  json_t *choices = json_array();
  size_t n_before = json_object_size(sample);
  m4s_status_t status = choices == NULL ? m4s_fail_memory("mixes") : M4S_OK;
  for (size_t i = 0; status == M4S_OK && i < json_array_size(list); i++) {
    char place[640];
    snprintf(place, sizeof place, "%s: %s[%zu]", reader->path, space_keys[member], i);
    json_t *settings = json_object();
    status = settings == NULL || json_array_append_new(choices, settings) != 0
                 ? m4s_fail_memory("mixes")
                 : read_member(reader, member, json_array_get(list, i), place, settings);
  }
  if (status == M4S_OK) {
    status = place_columns(choices, base, sample);
  }
  if (status == M4S_OK && json_object_size(sample) > n_before + 1) {
    status = m4s_fail(M4S_ERR_INPUT,
                      "%s: %s: %s cannot be drawn from, as more than a name or number would differ",
                      reader->path, space_keys[member], m4s_json_show(list));
  }
  json_decref(choices);
  return status;
}

static m4s_status_t read_loads(const json_t *loads, const char *where, json_t *base,
                               json_t *sample) {
  static const char *const keys[] = {"low", "high"};
  m4s_setting_t setting;
  json_t *ends[2] = {NULL, NULL};
  if (!json_is_object(loads)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not {\"low\": load, \"high\": load}", where,
                    m4s_json_show(loads));
  }
  M4S_TRY(m4s_json_check_keys(loads, where, keys, M4S_COUNT(keys)));
  M4S_TRY(m4s_setting_find("max_load", where, &setting));
  for (size_t i = 0; i < M4S_COUNT(keys); i++) {
    char place[660];
    snprintf(place, sizeof place, "%s.%s", where, keys[i]);
    json_t *end = json_object_get(loads, keys[i]);
    json_t *typed;
    if (end == NULL) {
      return m4s_fail(M4S_ERR_INPUT, "%s: is missing", place);
    }
    M4S_TRY(m4s_setting_type_json(setting, end, place, &typed));
    json_decref(typed);
    M4S_TRY(check_load(end, place));
    ends[i] = end;
  }
  double width = json_number_value(ends[1]) - json_number_value(ends[0]);
  if (width < 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s: low is above high", where, m4s_json_show(loads));
  }
  return width == 0 ? m4s_setting_put(base, setting, ends[0])
                    : put(sample, "max_load", json_pack("{s:[O,O]}", "uniform", ends[0], ends[1]));
}

static m4s_status_t read_space_member(const reader_t *reader, member_t member, const json_t *value,
                                      json_t *base, json_t *sample) {
  char place[640];
  snprintf(place, sizeof place, "%s: %s", reader->path, space_keys[member]);
  if (value == NULL) {
    return member == OF_DURATION ? M4S_OK : m4s_fail(M4S_ERR_INPUT, "%s: is missing", place);
  }
  if (member == OF_LOAD) {
    return read_loads(value, place, base, sample);
  }
  json_t *list =
      member == OF_DURATION ? json_pack("[O]", value) : json_incref((json_t *)(uintptr_t)value);
  m4s_status_t status =
      json_array_size(list) > 0
          ? read_choices(reader, member, list, base, sample)
          : m4s_fail(M4S_ERR_INPUT, "%s: %s is not a list of values", place, m4s_json_show(value));
  json_decref(list);
  return status;
}

static m4s_status_t read_space(const reader_t *reader, const json_t *space, json_t *base,
                               json_t *entry) {
  M4S_TRY(m4s_json_check_keys(space, reader->path, space_keys + 1, M4S_COUNT(space_keys) - 1));
  json_t *sample = json_pack(
      "{s:I, s:I, s:{s:[i, I]}}", "points", (json_int_t)reader->options->n_points, "seed",
      (json_int_t)reader->options->seed, "run.seed", "uniform", 0, (json_int_t)MAX_DRAWN_SEED);
  if (sample == NULL || json_object_set_new(entry, "sample", sample) != 0) {
    return m4s_fail_memory("mixes");
  }
  for (size_t i = 1; i < M4S_COUNT(space_keys); i++) {
    M4S_TRY(read_space_member(reader, (member_t)i, json_object_get(space, space_keys[i]), base,
                              sample));
  }
  return M4S_OK;
}

// --- both ---

// {"base": {…}, "axes": [{…}]} of a root; takes no reference.
static m4s_status_t read_root(const reader_t *reader, const json_t *root, json_t *spec) {
  json_t *base = json_object_get(spec, "base");
  json_t *entry = json_object();
  if (entry == NULL) {
    return m4s_fail_memory("mixes");
  }
  m4s_status_t status = json_is_array(root) ? read_mixes(reader, root, base, entry)
                                            : read_space(reader, root, base, entry);
  if (status == M4S_OK && json_object_size(entry) > 0 &&
      json_object_set_new(spec, "axes", json_pack("[O]", entry)) != 0) {
    status = m4s_fail_memory("mixes");
  }
  json_decref(entry);
  return status;
}

// The spec is read once, as whoever runs it will do.
static m4s_status_t check_spec(const reader_t *reader, const json_t *spec) {
  m4s_sweep_t *sweep = NULL;
  m4s_status_t status = m4s_sweep_from_json(spec, reader->path, reader->folder, &sweep);
  m4s_sweep_destroy(sweep);
  return status;
}

static m4s_status_t make_spec(const reader_t *reader, const json_t *root, json_t **spec_out) {
  json_t *spec =
      json_pack("{s:s, s:s+, s:[s,s], s:s, s:{s:{s:s}, s:{s:s}}}", "name", reader->options->name,
                "title", "Mixes of ", base_name(reader->path), "simulators", "flowsim", "packet",
                "reference", "packet", "base", "traffic", "kind", "mix", "packet", "profile", "m4");
  m4s_status_t status = spec == NULL ? m4s_fail_memory("a spec") : read_root(reader, root, spec);
  if (status == M4S_OK) {
    status = check_spec(reader, spec);
  }
  if (status != M4S_OK) {
    json_decref(spec);
    return status;
  }
  *spec_out = spec;
  return M4S_OK;
}

static m4s_status_t read_size(const char *name, m4s_clos_t *fabric_out) {
  m4s_clos_config_t config = {0};
  const m4s_field_t *field = m4s_fields_find(m4s_clos_fields, M4S_N_CLOS_FIELDS, "size");
  M4S_TRY(m4s_field_set_text(field, &config, name, "--size"));
  return m4s_clos_resolve(&config, "--size", fabric_out);
}

static m4s_status_t from_root(const json_t *root, const char *path,
                              const m4s_mixes_options_t *options, m4s_text_list_t *notes,
                              json_t **spec_out) {
  reader_t reader = {
      .path = path, .folder = m4s_path_folder(path), .options = options, .notes = notes};
  m4s_status_t status =
      reader.folder == NULL ? m4s_fail_memory("mixes") : read_size(options->size, &reader.fabric);
  if (status == M4S_OK) {
    status = make_spec(&reader, root, spec_out);
  }
  free(reader.folder);
  return status;
}

m4s_status_t m4s_mixes_parse(const char *text, const char *path, const m4s_mixes_options_t *options,
                             m4s_text_list_t *notes, json_t **spec_out) {
  json_t *root;
  M4S_TRY(m4s_json_parse_any(text, path, &root));
  m4s_status_t status = from_root(root, path, options, notes, spec_out);
  json_decref(root);
  return status;
}

m4s_status_t m4s_mixes_read(const char *path, const m4s_mixes_options_t *options,
                            m4s_text_list_t *notes, json_t **spec_out) {
  char *text;
  M4S_TRY(m4s_json_check_text(path, "mix file"));
  M4S_TRY(m4s_file_read_text(path, M4S_JSON_MAX_BYTES, &text));
  m4s_status_t status = m4s_mixes_parse(text, path, options, notes, spec_out);
  free(text);
  return status;
}
