#include "sweep/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/log.h"

#define TEMPORARY_PREFIX ".tmp-"

// How long a lock may be held by the dying ranks of a killed run.
enum { LOCK_PATIENCE_MS = 5000, LOCK_POLL_MS = 50, LOCK_SILENCE_MS = 500 };

enum { MANIFEST_FORMAT = 1 };

struct m4s_store {
  char *folder;  // owned, absolute
  int lock_fd, journal_fd;
  m4s_journal_t journal;
  json_t *manifest;  // owned reference: of earlier runs; NULL: none
};

// All that a run and its report write, the journal before the points.
static const char *const own_files[] = {"manifest.json", "journal.jsonl", "points",
                                        "summary.csv",   "errors.csv",    "point_errors.csv",
                                        "cdf.csv",       "report.html",   "figures"};

static m4s_status_t io_error(const char *path) {
  return m4s_fail(M4S_ERR_IO, "%s: %s", path, strerror(errno));
}

static m4s_status_t join(const char *folder, const char *name, char **path_out) {
  *path_out = m4s_path_join(folder, name);
  if (*path_out == NULL) {
    m4s_fail_memory("a file name");
    return M4S_ERR_MEMORY;
  }
  return M4S_OK;
}

// "name.tmp123" of one of our files: left by a kill during an atomic write.
static bool is_leftover(const char *name) {
  for (size_t i = 0; i < M4S_COUNT(own_files); i++) {
    size_t n = strlen(own_files[i]);
    if (strncmp(name, own_files[i], n) == 0 && strncmp(name + n, ".tmp", 4) == 0) {
      return strspn(name + n + 4, "0123456789") == strlen(name + n + 4);
    }
  }
  return false;
}

// Refuses a folder with files of others and no manifest; `has_manifest_out`: there is one.
static m4s_status_t look_into(const char *folder, const char *manifest, bool *has_manifest_out) {
  DIR *directory = opendir(folder);
  if (directory == NULL) {
    *has_manifest_out = false;
    return errno == ENOENT ? M4S_OK : io_error(folder);
  }
  char other[256] = "";
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, ".lock") != 0 &&
        !is_leftover(name)) {
      snprintf(other, sizeof other, "%s", name);
    }
  }
  closedir(directory);
  *has_manifest_out = m4s_path_exists(manifest);
  if (other[0] != '\0' && !*has_manifest_out) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: holds other files (%s) and no manifest.json; choose another folder with "
                    "--out",
                    folder, other);
  }
  return M4S_OK;
}

static m4s_status_t check_manifest(const json_t *manifest, const char *path, const char *folder,
                                   const char *name, bool fresh) {
  const char *before = json_string_value(json_object_get(manifest, "name"));
  if (json_integer_value(json_object_get(manifest, "format")) != MANIFEST_FORMAT ||
      !json_is_object(json_object_get(manifest, "sweep")) || before == NULL) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: is not a manifest (format %d, name or sweep is missing); choose another "
                    "folder with --out",
                    path, MANIFEST_FORMAT);
  }
  if (!fresh && strcmp(before, name) != 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: holds results of the sweep \"%s\", not \"%s\"; choose another folder "
                    "with --out, or start over with --fresh",
                    folder, before, name);
  }
  return M4S_OK;
}

// Decides, without writing, whether a run may use the folder. `manifest_out`: of earlier runs, a
// new reference; NULL: none.
static m4s_status_t inspect_folder(const char *folder, const char *name, bool fresh,
                                   json_t **manifest_out) {
  *manifest_out = NULL;
  char *path = NULL;
  bool has_manifest = false;
  json_t *manifest = NULL;
  M4S_TRY(join(folder, "manifest.json", &path));
  m4s_status_t status = look_into(folder, path, &has_manifest);
  if (status == M4S_OK && has_manifest) {
    status = m4s_json_read(path, &manifest);
  }
  if (manifest != NULL) {
    status = check_manifest(manifest, path, folder, name, fresh);
  }
  free(path);
  if (status != M4S_OK) {
    json_decref(manifest);
    return status;
  }
  *manifest_out = manifest;
  return M4S_OK;
}

static void read_holder(int lock_fd, char *holder, size_t n_holder) {
  ssize_t n = pread(lock_fd, holder, n_holder - 1, 0);
  holder[n < 0 ? 0 : n] = '\0';
  holder[strcspn(holder, "\n")] = '\0';
}

static m4s_status_t refuse_lock(const m4s_store_t *store) {
  char holder[128];
  read_holder(store->lock_fd, holder, sizeof holder);
  return m4s_fail(M4S_ERR_INPUT, "%s: another run is at work in this folder (%s)", store->folder,
                  holder[0] == '\0' ? "unknown" : holder);
}

static void log_waiting(const m4s_store_t *store) {
  char holder[128];
  read_holder(store->lock_fd, holder, sizeof holder);
  m4s_log(M4S_LOG_INFO, "waiting for the run in %s (%s) …", store->folder,
          holder[0] == '\0' ? "unknown" : holder);
}

static m4s_status_t take_lock(m4s_store_t *store) {
  char *path = NULL;
  M4S_TRY(join(store->folder, ".lock", &path));
  store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  m4s_status_t status = store->lock_fd < 0 ? io_error(path) : M4S_OK;
  free(path);
  M4S_TRY(status);
  for (int waited_ms = 0; flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0;
       waited_ms += LOCK_POLL_MS) {
    if (errno == ENOSYS || errno == ENOLCK || errno == EOPNOTSUPP) {
      m4s_log(M4S_LOG_WARN, "%s: this file system has no locks: start one run at a time",
              store->folder);
      break;
    }
    if (errno != EWOULDBLOCK || waited_ms >= LOCK_PATIENCE_MS) {
      return errno == EWOULDBLOCK ? refuse_lock(store) : io_error(store->folder);
    }
    if (waited_ms == LOCK_SILENCE_MS) {
      log_waiting(store);
    }
    nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_MS * 1000000L}, NULL);
  }
  char host[64] = "?";
  gethostname(host, sizeof host - 1);
  char text[96];
  int n = snprintf(text, sizeof text, "process %d on %s\n", (int)getpid(), host);
  if (ftruncate(store->lock_fd, 0) != 0 || pwrite(store->lock_fd, text, (size_t)n, 0) != n) {
    return io_error(store->folder);
  }
  return M4S_OK;
}

// Removes the entries of a folder for which `chosen` holds.
static m4s_status_t remove_entries(const char *folder, bool (*chosen)(const char *name)) {
  DIR *directory = opendir(folder);
  m4s_status_t status = M4S_OK;
  if (directory == NULL) {
    return errno == ENOENT ? M4S_OK : io_error(folder);
  }
  for (struct dirent *entry; status == M4S_OK && (entry = readdir(directory)) != NULL;) {
    if (chosen(entry->d_name)) {
      char *path = NULL;
      status = join(folder, entry->d_name, &path);
      if (status == M4S_OK) {
        status = m4s_path_remove(path);
      }
      free(path);
    }
  }
  closedir(directory);
  return status;
}

static bool is_temporary_unit(const char *name) {
  return strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0;
}

// Removes what earlier runs and reports made. The journal goes first, so that a kill on the way
// leaves units that count as not done. The manifest stays, so that the folder stays ours, until the
// new one replaces it.
static m4s_status_t remove_results(const m4s_store_t *store) {
  for (size_t i = 0; i < M4S_COUNT(own_files); i++) {
    if (strcmp(own_files[i], "manifest.json") == 0) {
      continue;
    }
    char *path = NULL;
    M4S_TRY(join(store->folder, own_files[i], &path));
    m4s_status_t status = m4s_path_remove(path);
    free(path);
    M4S_TRY(status);
  }
  return M4S_OK;
}

static m4s_status_t open_journal(m4s_store_t *store) {
  char *path = NULL;
  M4S_TRY(join(store->folder, "journal.jsonl", &path));
  m4s_status_t status = m4s_journal_read(&store->journal, path);
  if (status == M4S_OK) {
    store->journal_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (store->journal_fd < 0 ||
        ftruncate(store->journal_fd, (off_t)store->journal.whole_bytes) != 0) {
      status = io_error(path);
    }
  }
  free(path);
  return status == M4S_OK ? m4s_folder_sync(store->folder) : status;
}

// What another run wrote before this one had the lock counts: the folder is looked at again.
static m4s_status_t prepare(m4s_store_t *store, const char *name, bool fresh) {
  M4S_TRY(take_lock(store));
  M4S_TRY(inspect_folder(store->folder, name, fresh, &store->manifest));
  M4S_TRY(remove_entries(store->folder, is_leftover));
  if (store->manifest != NULL && fresh) {
    json_decref(store->manifest);
    store->manifest = NULL;
    M4S_TRY(remove_results(store));
  }
  char *points = NULL;
  M4S_TRY(join(store->folder, "points", &points));
  m4s_status_t status = remove_entries(points, is_temporary_unit);
  free(points);
  return status;
}

static m4s_status_t make_folder(const char *folder, char **path_out) {
  M4S_TRY(m4s_folder_make(folder));
  *path_out = realpath(folder, NULL);
  return *path_out == NULL ? io_error(folder) : m4s_json_check_text(*path_out, "results folder");
}

m4s_status_t m4s_store_open(const char *folder, const char *name, bool fresh,
                            m4s_store_t **store_out) {
  json_t *manifest;
  M4S_TRY(inspect_folder(folder, name, fresh, &manifest));
  json_decref(manifest);
  m4s_store_t *store = calloc(1, sizeof *store);
  if (store == NULL) {
    return m4s_fail_memory("a results folder");
  }
  store->lock_fd = -1;
  store->journal_fd = -1;
  m4s_status_t status = make_folder(folder, &store->folder);
  if (status == M4S_OK) {
    status = prepare(store, name, fresh);
  }
  if (status != M4S_OK) {
    m4s_store_close(store);
    return status;
  }
  *store_out = store;
  return M4S_OK;
}

void m4s_store_close(m4s_store_t *store) {
  if (store == NULL) {
    return;
  }
  if (store->journal_fd >= 0) {
    close(store->journal_fd);
  }
  if (store->lock_fd >= 0) {
    close(store->lock_fd);
  }
  m4s_journal_clear(&store->journal);
  json_decref(store->manifest);
  free(store->folder);
  free(store);
}

// The lock file, locked for sharing, or -1; `busy_out`: a run has the lock.
static int open_lock(const char *folder, bool *busy_out) {
  char *path = m4s_path_join(folder, ".lock");
  int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  free(path);
  *busy_out = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  return fd;
}

bool m4s_store_busy(const char *folder, char *holder, size_t n_holder) {
  bool busy;
  int fd = open_lock(folder, &busy);
  if (busy) {
    read_holder(fd, holder, n_holder);
  }
  m4s_store_release(fd);
  return busy;
}

int m4s_store_hold(const char *folder) {
  bool busy;
  return open_lock(folder, &busy);
}

void m4s_store_release(int hold) {
  if (hold >= 0) {
    close(hold);
  }
}

const char *m4s_store_folder(const m4s_store_t *store) { return store->folder; }

// True if the manifest of earlier runs describes the same points.
static bool same_points(const json_t *manifest, const json_t *spec, const json_t *files) {
  const json_t *before = json_object_get(manifest, "sweep");
  static const char *const keys[] = {"base", "axes", "where"};
  bool same = json_equal(json_object_get(manifest, "files"), files);
  for (size_t i = 0; i < M4S_COUNT(keys); i++) {
    json_t *a = json_object_get(before, keys[i]);
    json_t *b = json_object_get(spec, keys[i]);
    same = same && ((a == NULL && b == NULL) || json_equal(a, b) != 0);
  }
  return same;
}

// The selections of earlier runs with the new one; {} alone means all points.
static json_t *merge_selections(const json_t *before, const json_t *selection) {
  json_t *all = before == NULL ? json_array() : json_deep_copy(before);
  bool known = false;
  for (size_t i = 0; i < json_array_size(all); i++) {
    const json_t *other = json_array_get(all, i);
    known = known || json_object_size(other) == 0 || json_equal(other, selection) != 0;
  }
  if (all != NULL && json_object_size(selection) == 0) {
    json_array_clear(all);
    known = false;
  }
  if (all != NULL && !known && json_array_append(all, (json_t *)(uintptr_t)selection) != 0) {
    json_decref(all);
    return NULL;
  }
  return all;
}

static bool has_name(const json_t *names, const char *name) {
  for (size_t i = 0; i < json_array_size(names); i++) {
    const char *other = json_string_value(json_array_get(names, i));
    if (other != NULL && strcmp(other, name) == 0) {
      return true;
    }
  }
  return false;
}

static bool in_list(const m4s_text_list_t *list, const char *name) {
  for (size_t i = 0; i < list->n_items; i++) {
    if (strcmp(list->items[i], name) == 0) {
      return true;
    }
  }
  return false;
}

// Simulators of earlier runs and of this one: those of the spec in its order, then the others as
// they are built in; those that an earlier spec defined are left out.
static json_t *merge_simulators(const json_t *before, const m4s_sweep_t *sweep) {
  json_t *names = json_array();
  for (size_t i = 0; i < sweep->spec_simulators.n_items; i++) {
    const char *name = sweep->spec_simulators.items[i];
    if (has_name(before, name) || in_list(&sweep->simulators, name)) {
      json_array_append_new(names, json_string(name));
    }
  }
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    const char *name = m4s_simulator_names[i];
    if (!has_name(names, name) && (has_name(before, name) || in_list(&sweep->simulators, name))) {
      json_array_append_new(names, json_string(name));
    }
  }
  return names;
}

// The sweep's reference; NULL where it is a simulator that has not been run here.
static json_t *usable_reference(const m4s_sweep_t *sweep, const json_t *simulators) {
  const json_t *table = json_object_get(sweep->reference, "table");
  const json_t *folder = json_object_get(sweep->reference, "folder");
  const char *name = json_string_value(json_object_get(sweep->reference, "simulator"));
  bool usable = table != NULL || folder != NULL || (name != NULL && has_name(simulators, name));
  return usable ? sweep->reference : NULL;
}

// Results of another definition count as missing: says so, as they will be replaced.
static void warn_of_definitions(const m4s_store_t *store, const m4s_sweep_t *sweep) {
  const json_t *before = json_object_get(json_object_get(store->manifest, "sweep"), "simulators");
  for (size_t i = 0; i < json_array_size(before); i++) {
    m4s_external_t old;
    const json_t *entry = json_array_get(before, i);
    bool known = json_is_object(entry) && m4s_external_read(&old, entry, "manifest") == M4S_OK;
    const m4s_external_t *now = known ? m4s_sweep_external(sweep, old.name) : NULL;
    if (now != NULL && strcmp(old.definition, now->definition) != 0) {
      m4s_log(M4S_LOG_WARN,
              "%s: the simulator %s was defined otherwise in the last run: its points count as "
              "missing, and new results replace the old ones",
              store->folder, old.name);
    }
    if (json_is_object(entry)) {
      m4s_external_clear(&old);
    }
  }
}

// The hash of the network that is built in, or as long as m4 does not run, of the one that its
// results are of; NULL where no point takes it.
static const char *built_in_network(const json_t *before, const m4s_sweep_t *sweep) {
  const char *network = json_string_value(json_object_get(before, "network"));
  const char *now = sweep->network[0] == '\0' ? NULL : sweep->network;
  return network == NULL || in_list(&sweep->simulators, "m4") ? now : network;
}

static void warn_of_network(const m4s_store_t *store, const m4s_sweep_t *sweep) {
  const char *before = json_string_value(json_object_get(store->manifest, "network"));
  const char *now = built_in_network(store->manifest, sweep);
  bool has_results = has_name(json_object_get(store->manifest, "simulators"), "m4");
  if (has_results && before != NULL && now != NULL && strcmp(before, now) != 0) {
    m4s_log(M4S_LOG_WARN,
            "%s: another m4 network was built in in the last run: m4's points without m4.model "
            "count as missing, and new results replace the old ones",
            store->folder);
  }
}

// The versions of the program that earlier runs in the folder used, and this one's.
static json_t *merge_versions(const json_t *manifest, const json_t *about) {
  const json_t *before = json_object_get(manifest, "versions");
  const char *version = json_string_value(json_object_get(about, "version"));
  const char *git_id = json_string_value(json_object_get(about, "git_id"));
  char own[128];
  snprintf(own, sizeof own, "%s (%s)", version == NULL ? "?" : version,
           git_id == NULL ? "?" : git_id);
  json_t *versions = json_is_array(before) ? json_deep_copy(before) : json_array();
  if (!has_name(versions, own)) {
    json_array_append_new(versions, json_string(own));
  }
  return versions;
}

// Members of the manifest that add to what earlier runs of the same points have left there.
static int add_about(json_t *manifest, const json_t *before, const json_t *about) {
  json_t *metrics = json_object_get(before, "metrics");
  int failed = json_object_update(manifest, (json_t *)(uintptr_t)about);
  if (json_array_size(metrics) > json_array_size(json_object_get(about, "metrics"))) {
    failed |= json_object_set(manifest, "metrics", metrics);
  }
  return failed;
}

static json_t *make_manifest(const m4s_sweep_t *sweep, const json_t *spec, const json_t *before,
                             const m4s_selection_t *selection, const json_t *about) {
  json_t *simulators = merge_simulators(json_object_get(before, "simulators"), sweep);
  json_t *manifest =
      json_pack("{s:i, s:s, s:s, s:O, s:o, s:O*, s:O, s:s, s:O, s:s*, s:o}", "format",
                MANIFEST_FORMAT, "name", sweep->name, "title", sweep->title, "simulators",
                simulators, "axes", m4s_sweep_axis_names(sweep), "reference",
                usable_reference(sweep, simulators), "sweep", spec, "spec_folder", sweep->folder,
                "files", sweep->files, "network", built_in_network(before, sweep), "selections",
                merge_selections(json_object_get(before, "selections"), selection));
  json_decref(simulators);
  if (manifest != NULL && add_about(manifest, before, about) != 0) {
    json_decref(manifest);
    manifest = NULL;
  }
  return manifest;
}

m4s_status_t m4s_store_write_manifest(m4s_store_t *store, const m4s_sweep_t *sweep,
                                      const m4s_selection_t *selection, const json_t *about,
                                      bool *changed_out) {
  json_t *spec = m4s_sweep_to_json(sweep);
  bool same =
      spec != NULL && store->manifest != NULL && same_points(store->manifest, spec, sweep->files);
  json_t *manifest =
      spec == NULL ? NULL
                   : make_manifest(sweep, spec, same ? store->manifest : NULL, selection, about);
  json_t *versions = merge_versions(store->manifest, about);
  warn_of_definitions(store, sweep);
  warn_of_network(store, sweep);
  if (json_array_size(versions) > 1) {
    m4s_log(M4S_LOG_WARN, "%s: holds results of other versions of m4sweep, too: %s", store->folder,
            m4s_json_show(versions));
  }
  if (manifest != NULL && json_object_set_new(manifest, "versions", versions) != 0) {
    json_decref(manifest);
    manifest = NULL;
  }
  char *path = m4s_path_join(store->folder, "manifest.json");
  m4s_status_t status = manifest == NULL || path == NULL ? m4s_fail_memory("the manifest")
                                                         : m4s_json_write(path, manifest);
  free(path);
  json_decref(manifest);
  json_decref(spec);
  M4S_TRY(status);
  *changed_out = store->manifest != NULL && !same;
  // The manifest comes before the journal: a folder with results has one.
  return store->journal_fd >= 0 ? M4S_OK : open_journal(store);
}

// Whether point.json in a unit's folder is of this definition.
static bool has_definition(const char *folder, const char *definition) {
  char *path = m4s_path_join(folder, "point.json");
  json_t *point = NULL;
  bool has = path != NULL && m4s_path_exists(path) && m4s_json_read(path, &point) == M4S_OK;
  const char *own = json_string_value(json_object_get(point, "definition"));
  has = has && own != NULL && strcmp(own, definition) == 0;
  json_decref(point);
  free(path);
  return has;
}

bool m4s_unit_present(const char *store_folder, const char *case_id, const char *simulator,
                      const char *definition) {
  char *folder = m4s_unit_folder(store_folder, case_id, simulator);
  bool present = folder != NULL && m4s_path_exists(folder) &&
                 (definition == NULL || has_definition(folder, definition));
  free(folder);
  return present;
}

m4s_row_status_t m4s_store_unit_status(const m4s_store_t *store, const char *case_id,
                                       const char *simulator, const char *definition) {
  const m4s_journal_entry_t *entry =
      m4s_journal_find(&store->journal, case_id, simulator, definition);
  if (entry == NULL) {
    return M4S_ROW_MISSING;
  }
  if (!entry->ok) {
    return M4S_ROW_FAILED;
  }
  return m4s_unit_present(store->folder, case_id, simulator, definition) ? M4S_ROW_OK
                                                                         : M4S_ROW_MISSING;
}

m4s_status_t m4s_store_record(m4s_store_t *store, const json_t *line) {
  char *text = m4s_json_text(line, JSON_COMPACT);
  if (text == NULL) {
    return m4s_fail_memory("a journal line");
  }
  size_t n = strlen(text);
  text[n] = '\n';  // in place of the terminator
  off_t before = lseek(store->journal_fd, 0, SEEK_END);
  ssize_t written;
  do {
    written = write(store->journal_fd, text, n + 1);
  } while (written < 0 && errno == EINTR);
  free(text);
  if (written == (ssize_t)(n + 1) && fdatasync(store->journal_fd) == 0) {
    return M4S_OK;
  }
  int error = written >= 0 && written <= (ssize_t)n ? ENOSPC : errno;
  // What stands there of the line must not be glued to the next one.
  if (before >= 0 && ftruncate(store->journal_fd, before) != 0) {
    error = errno;
  }
  return m4s_fail(M4S_ERR_IO, "%s: cannot be written: %s", store->journal.path, strerror(error));
}

char *m4s_unit_folder(const char *store_folder, const char *case_id, const char *simulator) {
  m4s_text_t path = {0};
  if (m4s_text_add(&path, "%s/points/%s/%s", store_folder, case_id, simulator) != M4S_OK) {
    return NULL;
  }
  return path.bytes;
}

m4s_status_t m4s_unit_begin(const char *store_folder, const char *case_id, const char *simulator,
                            char **folder_out) {
  char host[64] = "host";
  gethostname(host, sizeof host - 1);
  m4s_text_t folder = {0};
  // Process and host keep apart the ranks of a killed run that still die and those of the next one.
  M4S_TRY(m4s_text_add(&folder, "%s/points/" TEMPORARY_PREFIX "%s-%s-%s-%d", store_folder, case_id,
                       simulator, host, (int)getpid()));
  m4s_status_t status = m4s_path_remove(folder.bytes);
  if (status == M4S_OK) {
    status = m4s_folder_make(folder.bytes);
  }
  if (status != M4S_OK) {
    m4s_text_clear(&folder);
    return status;
  }
  *folder_out = folder.bytes;
  return M4S_OK;
}

static m4s_status_t move_into_place(const char *temporary_folder, const char *case_folder,
                                    const char *folder) {
  M4S_TRY(m4s_folder_sync(temporary_folder));
  M4S_TRY(m4s_folder_make(case_folder));
  if (rename(temporary_folder, folder) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) {
      return io_error(folder);
    }
    M4S_TRY(m4s_path_remove(folder));
    if (rename(temporary_folder, folder) != 0) {
      return io_error(folder);
    }
  }
  M4S_TRY(m4s_folder_sync(case_folder));
  char *points = m4s_path_folder(case_folder);
  m4s_status_t status = points == NULL ? m4s_fail_memory("a folder name") : m4s_folder_sync(points);
  free(points);
  return status;
}

m4s_status_t m4s_unit_publish(const char *store_folder, const char *case_id, const char *simulator,
                              const char *temporary_folder) {
  char *folder = m4s_unit_folder(store_folder, case_id, simulator);
  char *case_folder = folder == NULL ? NULL : m4s_path_folder(folder);
  m4s_status_t status = case_folder == NULL
                            ? m4s_fail_memory("a folder name")
                            : move_into_place(temporary_folder, case_folder, folder);
  free(case_folder);
  free(folder);
  return status;
}
