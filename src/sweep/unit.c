#include "sweep/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/version.h"
#include "sweep/store.h"

// Whether a section is of another simulator.
static bool is_foreign(const char *section, const char *simulator) {
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    if (strcmp(section, m4s_simulator_names[i]) == 0) {
      return strcmp(section, simulator) != 0;
    }
  }
  return false;
}

// The hashes of the files that the simulator reads: new reference, NULL without memory.
static json_t *used_files(const json_t *files, const json_t *settings, const char *simulator) {
  json_t *used = json_object();
  const char *section;
  const char *key;
  json_t *values;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)settings, section, values) {
    if (is_foreign(section, simulator)) {
      continue;
    }
    json_object_foreach(values, key, value) {
      const char *text = json_string_value(value);
      json_t *hash = text == NULL ? NULL : json_object_get(files, text);
      if (hash != NULL) {
        json_object_set(used, text, hash);
      }
    }
  }
  return used;
}

// Adds what a simulator of the user's is.
static m4s_status_t add_external(const m4s_sweep_t *sweep, const char *simulator,
                                 bool keeps_time_limit, json_t *order) {
  const m4s_external_t *external = m4s_sweep_external(sweep, simulator);
  if (external == NULL) {
    return M4S_OK;
  }
  json_t *object = m4s_external_to_json(external);
  if (!keeps_time_limit) {
    json_object_del(object, "time_limit_s");
  }
  int failed = json_object_set_new(order, "external", object) |
               json_object_set_new(order, "spec_folder", json_string(sweep->folder));
  return failed != 0 ? m4s_fail_memory("a unit of work") : M4S_OK;
}

m4s_status_t m4s_unit_order(const m4s_sweep_t *sweep, uint64_t index, const char *simulator,
                            const char *store_folder, int64_t number, double time_limit_s,
                            json_t **order_out) {
  char case_id[M4S_CASE_ID_BYTES];
  M4S_TRY(m4s_sweep_case_id(sweep, index, case_id));
  m4s_point_t point;
  m4s_status_t status = m4s_sweep_point(sweep, index, &point);
  if (status == M4S_OK && time_limit_s >= 0) {
    point.run.time_limit_s = time_limit_s;
  }
  json_t *settings = status == M4S_OK ? m4s_point_resolved(&point) : NULL;
  json_t *order =
      settings == NULL
          ? NULL
          : json_pack("{s:I, s:s, s:s, s:s, s:s*, s:o, s:o, s:o}", "unit", (json_int_t)number,
                      "folder", store_folder, "case", case_id, "simulator", simulator, "definition",
                      m4s_sweep_definition(sweep, index, simulator), "axes",
                      m4s_sweep_axes(sweep, index), "files",
                      used_files(sweep->files, settings, simulator), "settings", settings);
  m4s_point_clear(&point);
  if (status == M4S_OK && order == NULL) {
    status = m4s_fail_memory("a unit of work");
  }
  if (status == M4S_OK) {
    status = add_external(sweep, simulator, !(time_limit_s >= 0), order);
  }
  if (status != M4S_OK) {
    json_decref(order);
    return status;
  }
  *order_out = order;
  return M4S_OK;
}

static m4s_status_t write_point(const json_t *order, const m4s_point_t *point, json_t *metrics,
                                json_t *outside, const char *folder) {
  json_t *root = json_pack(
      "{s:O, s:O, s:O*, s:O*, s:O, s:O, s:O*, s:I, s:O, s:O, s:s, s:s}", "case",
      json_object_get(order, "case"), "simulator", json_object_get(order, "simulator"),
      "definition", json_object_get(order, "definition"), "external",
      json_object_get(order, "external"), "axes", json_object_get(order, "axes"), "metrics",
      metrics, "outside_training", outside, "seed", (json_int_t)point->run.seed, "settings",
      json_object_get(order, "settings"), "files", json_object_get(order, "files"), "version",
      M4S_VERSION, "git_id", M4S_GIT_ID);
  char *path = m4s_path_join(folder, "point.json");
  m4s_status_t status =
      root == NULL || path == NULL ? m4s_fail_memory("point.json") : m4s_json_write(path, root);
  free(path);
  json_decref(root);
  return status;
}

struct m4s_unit {
  json_t *order;  // owned reference
  const char *store_folder, *case_id, *simulator;  // in the order
  m4s_engines_t *engines;  // borrowed
  const atomic_bool *stop;  // borrowed
  double spent_s;  // in m4s_unit_advance()
  m4s_point_t point;
  char *folder;  // owned: the temporary one; NULL before it is made and after it is in place
  m4s_point_run_t *run;  // owned; NULL before the start
  json_t *outside;  // owned: of the finished run, as of m4s_outside_make(); or NULL
  m4s_external_t external;  // of a simulator of the user's
  m4s_external_place_t place;  // of that
};

// Numbers that are not finite cannot be results (nor JSON).
static m4s_status_t check_metrics(const json_t *metrics) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)metrics, name, value) {
    if (!json_is_number(value)) {
      return m4s_fail(M4S_ERR_SIMULATION, "%s is not a finite number", name);
    }
  }
  return M4S_OK;
}

// The results would be filed under the content that the files had when the run began.
static m4s_status_t check_files(const json_t *order, m4s_engines_t *engines) {
  const char *path;
  json_t *hash;
  json_object_foreach(json_object_get(order, "files"), path, hash) {
    char now[M4S_CASE_ID_BYTES];
    M4S_TRY(m4s_file_hashes_get(m4s_engines_file_hashes(engines), path, now));
    if (json_string_value(hash) == NULL || strcmp(json_string_value(hash), now) != 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: has changed since the run began", path);
    }
  }
  return M4S_OK;
}

// Names the unit in place of its temporary folder.
static m4s_status_t fail_to_write(const m4s_unit_t *unit) {
  char reason[256];
  const char *colon = strrchr(m4s_last_error(), ':');
  snprintf(reason, sizeof reason, "%s", colon == NULL ? "?" : colon + 1);
  return m4s_fail(M4S_ERR_IO, "%s: the files of case %s with %s cannot be written:%s",
                  unit->store_folder, unit->case_id, unit->simulator, reason);
}

static m4s_status_t start_external(m4s_unit_t *unit, const json_t *object) {
  M4S_TRY(m4s_external_read(&unit->external, object, "order"));
  unit->place = (m4s_external_place_t){
      .external = &unit->external,
      .case_id = unit->case_id,
      .spec_folder = json_string_value(json_object_get(unit->order, "spec_folder")),
      .folder = unit->folder};
  return m4s_point_run_begin_external(&unit->point, &unit->place, unit->stop, &unit->run);
}

static m4s_status_t start(m4s_unit_t *unit) {
  M4S_TRY(m4s_point_set(&unit->point, json_object_get(unit->order, "settings"), "/", "order"));
  M4S_TRY(m4s_unit_begin(unit->store_folder, unit->case_id, unit->simulator, &unit->folder));
  M4S_TRY(check_files(unit->order, unit->engines));
  const json_t *external = json_object_get(unit->order, "external");
  if (external != NULL) {
    return start_external(unit, external);
  }
  M4S_TRY(
      m4s_point_run_begin(&unit->point, unit->simulator, unit->engines, unit->stop, &unit->run));
  return m4s_point_run_trace(unit->run, unit->folder);
}

// Moves the files into place.
static m4s_status_t publish(m4s_unit_t *unit) {
  M4S_TRY(m4s_unit_publish(unit->store_folder, unit->case_id, unit->simulator, unit->folder));
  free(unit->folder);
  unit->folder = NULL;
  return M4S_OK;
}

// Writes what the finished run leaves, and moves it into place.
static m4s_status_t finish(m4s_unit_t *unit, json_t **metrics_out) {
  json_t *metrics;
  M4S_TRY(m4s_point_run_finish(unit->run, unit->folder, &metrics));
  m4s_status_t status = check_metrics(metrics);
  if (status == M4S_OK) {
    status = check_files(unit->order, unit->engines);  // what was read lies between the two checks
  }
  if (status == M4S_OK) {
    status = m4s_point_run_outside(unit->run, &unit->outside);
  }
  if (status == M4S_OK) {
    status = write_point(unit->order, &unit->point, metrics, unit->outside, unit->folder);
  }
  if (status == M4S_OK) {
    bool kept;
    status = m4s_point_run_keep_log(unit->run, unit->folder, &kept);
  }
  if (status == M4S_OK) {
    status = publish(unit);
  }
  if (status != M4S_OK) {
    json_decref(metrics);
    return status;
  }
  *metrics_out = metrics;
  return M4S_OK;
}

// Simulates up to the end or the next inference; `metrics_out` is set at the end only.
static m4s_status_t simulate(m4s_unit_t *unit, bool *ended_out, json_t **metrics_out) {
  m4s_run_state_t state;
  if (unit->run == NULL) {
    M4S_TRY(start(unit));
  }
  M4S_TRY(m4s_point_run_advance(unit->run, &state));
  *ended_out = state == M4S_RUN_FINISHED;
  return *ended_out ? finish(unit, metrics_out) : M4S_OK;
}

// A reason in the journal is UTF-8 whatever file it quotes.
static json_t *reason_text(const char *reason) {
  json_t *text = json_string(reason);
  if (text != NULL) {
    return text;
  }
  char *ascii = strdup(reason);
  for (char *c = ascii; c != NULL && *c != '\0'; c++) {
    *c = (signed char)*c < 0 ? '?' : *c;
  }
  text = json_string(ascii == NULL ? "?" : ascii);
  free(ascii);
  return text;
}

static const char *status_word(m4s_status_t status) {
  switch (status) {
    case M4S_OK:
      return "ok";
    case M4S_ERR_STOPPED:
      return "stopped";
    case M4S_ERR_IO:
      return "error";
    default:
      return "failed";
  }
}

static m4s_status_t make_reply(const m4s_unit_t *unit, m4s_status_t status, double wall_s,
                               json_t *metrics, json_t **reply_out) {
  json_t *reason = status == M4S_OK ? NULL : reason_text(m4s_last_error());
  json_t *reply =
      json_pack("{s:O, s:s, s:f, s:o*, s:O*, s:O*}", "unit", json_object_get(unit->order, "unit"),
                "status", status_word(status), "wall_s", wall_s, "reason", reason, "metrics",
                status == M4S_OK ? metrics : NULL, "outside_training",
                status == M4S_OK ? unit->outside : NULL);
  if (reply == NULL) {
    return m4s_fail_memory("a reply");
  }
  *reply_out = reply;
  return M4S_OK;
}

static m4s_status_t check_order(const json_t *order) {
  static const char *const texts[] = {"folder", "case", "simulator"};
  for (size_t i = 0; i < M4S_COUNT(texts); i++) {
    if (!json_is_string(json_object_get(order, texts[i]))) {
      return m4s_fail(M4S_ERR_INTERNAL, "an order without %s", texts[i]);
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_unit_create(json_t *order, m4s_engines_t *engines, const atomic_bool *stop,
                             m4s_unit_t **unit_out) {
  M4S_TRY(check_order(order));
  m4s_unit_t *unit = calloc(1, sizeof *unit);
  if (unit == NULL) {
    return m4s_fail_memory("a unit of work");
  }
  unit->order = json_incref(order);
  unit->store_folder = json_string_value(json_object_get(order, "folder"));
  unit->case_id = json_string_value(json_object_get(order, "case"));
  unit->simulator = json_string_value(json_object_get(order, "simulator"));
  unit->engines = engines;
  unit->stop = stop;
  *unit_out = unit;
  return M4S_OK;
}

// A failed run of a simulator of the user's leaves its output, for people to look into. The status,
// which is another one where that cannot be written.
static m4s_status_t keep_log(m4s_unit_t *unit, m4s_status_t status) {
  char reason[512];
  bool kept = false;
  if (unit->run == NULL) {
    return status;
  }
  snprintf(reason, sizeof reason, "%s", m4s_last_error());
  M4S_TRY(m4s_point_run_keep_log(unit->run, unit->folder, &kept));
  if (kept) {
    M4S_TRY(publish(unit));
  }
  return m4s_fail(status, "%s", reason);
}

m4s_status_t m4s_unit_advance(m4s_unit_t *unit, json_t **reply_out) {
  json_t *metrics = NULL;
  bool ended = false;
  double start_s = m4s_now_s();
  m4s_status_t status = simulate(unit, &ended, &metrics);
  unit->spent_s += m4s_now_s() - start_s;
  if (status == M4S_OK && !ended) {
    *reply_out = NULL;
    return M4S_OK;
  }
  if (status != M4S_OK && status != M4S_ERR_IO && status != M4S_ERR_STOPPED) {
    status = keep_log(unit, status);
  }
  if (status == M4S_ERR_IO) {
    fail_to_write(unit);
  }
  double inference_s = unit->run == NULL ? 0 : m4s_point_run_inference_s(unit->run);
  double wall_s = round((unit->spent_s + inference_s) * 1e6) / 1e6;
  m4s_status_t made = make_reply(unit, status, wall_s, metrics, reply_out);
  json_decref(metrics);
  return made;
}

void m4s_unit_destroy(m4s_unit_t *unit) {
  if (unit == NULL) {
    return;
  }
  m4s_point_run_destroy(unit->run);
  m4s_external_clear(&unit->external);
  m4s_point_clear(&unit->point);
  if (unit->folder != NULL) {
    m4s_path_remove(unit->folder);  // where that fails, the next run does it
  }
  free(unit->folder);
  json_decref(unit->order);
  json_decref(unit->outside);
  free(unit);
}

m4s_status_t m4s_unit_run(json_t *order, const atomic_bool *stop, json_t **reply_out) {
  m4s_engines_t *engines;
  m4s_unit_t *unit = NULL;
  json_t *reply = NULL;
  M4S_TRY(m4s_engines_create(&engines));
  m4s_status_t status = m4s_unit_create(order, engines, stop, &unit);
  while (status == M4S_OK && reply == NULL) {
    m4s_engines_evaluate(engines);
    status = m4s_unit_advance(unit, &reply);
  }
  m4s_unit_destroy(unit);
  m4s_engines_destroy(engines);
  M4S_TRY(status);
  *reply_out = reply;
  return M4S_OK;
}
