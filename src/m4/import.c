#define _GNU_SOURCE
#include "m4/import.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "m4/checkpoint.h"

enum { NAME_BYTES = 640, MODULE_BYTES = 32, SHOWN_BYTES = 512 };
static const char extension[] = ".pt";
static const char layer_prefix[] = "gnn_layer_";
static const char layers_prefix[] = "gnn_layers.";

// --- modules ---

static const char *const other_modules[] = {
    "lstmcell_time", "lstmcell_time_link", "lstmcell_rate",  "lstmcell_rate_link",
    "output_layer",  "remain_size_layer",  "queue_len_layer"};
enum {
  N_OTHER_MODULES = sizeof other_modules / sizeof *other_modules,
  N_NEEDED_MODULES = 5,  // the first ones; the others are used in training only
  N_MODULES = N_OTHER_MODULES + M4S_MODEL_MAX_GNN_LAYERS,
};

typedef struct {
  char names[N_MODULES][MODULE_BYTES];
  const char *pointers[N_MODULES];
} modules_t;

static void list_modules(modules_t *modules) {
  for (int i = 0; i < N_MODULES; i++) {
    if (i < N_OTHER_MODULES) {
      snprintf(modules->names[i], MODULE_BYTES, "%s", other_modules[i]);
    } else {
      snprintf(modules->names[i], MODULE_BYTES, "%s%d", layer_prefix, i - N_OTHER_MODULES);
    }
    modules->pointers[i] = modules->names[i];
  }
}

// Whether the first n bytes of `name` are a module's name.
static bool is_module(const modules_t *modules, const char *name, size_t n) {
  for (int i = 0; i < N_MODULES; i++) {
    if (strlen(modules->names[i]) == n && strncmp(modules->names[i], name, n) == 0) {
      return true;
    }
  }
  return false;
}

// --- archives ---

typedef struct {
  const char *path;  // borrowed
  m4s_checkpoint_t *checkpoint;  // owned
} archive_t;

typedef struct {
  char *name;  // owned
  const m4s_tensor_t *tensor;
  const char *path;  // of its archive
} entry_t;

typedef struct {
  modules_t modules;
  m4s_text_list_t paths;  // of the archives
  archive_t *archives;  // [paths.n_items]
  entry_t *entries;  // [n_entries]
  size_t n_entries;
  char shown[SHOWN_BYTES];  // stands for all archives in errors
} importer_t;

static bool has_extension(const char *name) {
  size_t n = strlen(name);
  size_t n_extension = sizeof extension - 1;
  return n > n_extension && strcmp(name + n - n_extension, extension) == 0;
}

static int is_archive(const struct dirent *entry) {
  return entry->d_name[0] != '.' && has_extension(entry->d_name);
}

static m4s_status_t add_path(importer_t *importer, const char *folder, const char *name) {
  char *path = m4s_path_join(folder, name);
  if (path == NULL) {
    return m4s_fail_memory(folder);
  }
  m4s_status_t status = m4s_text_list_add(&importer->paths, path);
  free(path);
  return status;
}

static m4s_status_t add_folder(importer_t *importer, const char *folder) {
  struct dirent **found = NULL;
  int n_found = scandir(folder, &found, is_archive, NULL);
  if (n_found < 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s", folder, strerror(errno));
  }
  m4s_status_t status = M4S_OK;
  if (n_found == 0) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: no files *%s in this folder", folder, extension);
  }
  for (int i = 0; i < n_found; i++) {
    if (status == M4S_OK) {
      status = add_path(importer, folder, found[i]->d_name);
    }
    free(found[i]);
  }
  free(found);
  return status;
}

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static m4s_status_t list_archives(importer_t *importer, const char *const *paths, size_t n_paths) {
  for (size_t i = 0; i < n_paths; i++) {
    struct stat info;
    bool folder = stat(paths[i], &info) == 0 && S_ISDIR(info.st_mode);
    M4S_TRY(folder ? add_folder(importer, paths[i])
                   : m4s_text_list_add(&importer->paths, paths[i]));
  }
  m4s_text_list_t *list = &importer->paths;
  qsort(list->items, list->n_items, sizeof *list->items, compare_texts);
  char more[64] = "";
  if (n_paths > 1) {
    snprintf(more, sizeof more, " and %zu more", n_paths - 1);
  }
  snprintf(importer->shown, sizeof importer->shown, "%.400s%s", paths[0], more);
  return M4S_OK;
}

static m4s_status_t check_output(const importer_t *importer, const char *output) {
  struct stat there;
  if (stat(output, &there) != 0) {
    return M4S_OK;
  }
  for (size_t i = 0; i < importer->paths.n_items; i++) {
    struct stat info;
    if (stat(importer->paths.items[i], &info) == 0 && info.st_dev == there.st_dev &&
        info.st_ino == there.st_ino) {
      return m4s_fail(M4S_ERR_INPUT, "%s: is one of the archives, it is not written over", output);
    }
  }
  return M4S_OK;
}

// --- names ---

// "gnn_layers.0.x" becomes "gnn_layer_0.x".
static void unify(const char *name, char unified[NAME_BYTES]) {
  size_t n = sizeof layers_prefix - 1;
  bool list = strncmp(name, layers_prefix, n) == 0;
  snprintf(unified, NAME_BYTES, "%s%s", list ? layer_prefix : "", list ? name + n : name);
}

static bool all_have_modules(const importer_t *importer, const m4s_checkpoint_t *checkpoint) {
  for (size_t i = 0; i < checkpoint->n_tensors; i++) {
    char name[NAME_BYTES];
    unify(checkpoint->tensors[i].name, name);
    if (!is_module(&importer->modules, name, strcspn(name, "."))) {
      return false;
    }
  }
  return true;
}

static m4s_status_t fail_module(const importer_t *importer, const char *path, const char *module) {
  return m4s_fail(M4S_ERR_INPUT,
                  "%s: \"%.200s\" is no module of an m4 network%s; an archive is named after its "
                  "module: lstmcell_time.pt, gnn_layer_0.pt",
                  path, module, m4s_did_you_mean(module, importer->modules.pointers, N_MODULES));
}

// What stands before the names of an archive's tensors: its module and ".", or nothing.
static m4s_status_t find_prefix(const importer_t *importer, const archive_t *archive,
                                char prefix[MODULE_BYTES + 1]) {
  const char *slash = strrchr(archive->path, '/');
  const char *file = slash == NULL ? archive->path : slash + 1;
  size_t n = strlen(file) - (has_extension(file) ? sizeof extension - 1 : 0);
  if (all_have_modules(importer, archive->checkpoint)) {
    prefix[0] = '\0';
    return M4S_OK;
  }
  if (!is_module(&importer->modules, file, n)) {
    char module[SHOWN_BYTES];
    snprintf(module, sizeof module, "%.*s", (int)n, file);
    return fail_module(importer, archive->path, module);
  }
  snprintf(prefix, MODULE_BYTES + 1, "%.*s.", (int)n, file);
  return M4S_OK;
}

static m4s_status_t add_entries(importer_t *importer, const archive_t *archive) {
  const m4s_checkpoint_t *checkpoint = archive->checkpoint;
  char prefix[MODULE_BYTES + 1];
  M4S_TRY(find_prefix(importer, archive, prefix));
  size_t n = importer->n_entries + checkpoint->n_tensors;
  entry_t *entries = realloc(importer->entries, n * sizeof *entries);
  if (entries == NULL) {
    return m4s_fail_memory(archive->path);
  }
  importer->entries = entries;
  for (size_t i = 0; i < checkpoint->n_tensors; i++) {
    const m4s_tensor_t *tensor = &checkpoint->tensors[i];
    char unified[NAME_BYTES];
    entry_t entry = {.tensor = tensor, .path = archive->path};
    unify(tensor->name, unified);
    if (asprintf(&entry.name, "%s%s", prefix, unified) < 0) {
      return m4s_fail_memory(archive->path);
    }
    entries[importer->n_entries++] = entry;
  }
  return M4S_OK;
}

// --- reading ---

static m4s_status_t read_archives(importer_t *importer) {
  importer->archives = calloc(importer->paths.n_items, sizeof *importer->archives);
  if (importer->archives == NULL) {
    return m4s_fail_memory(importer->shown);
  }
  for (size_t i = 0; i < importer->paths.n_items; i++) {
    archive_t *archive = &importer->archives[i];
    archive->path = importer->paths.items[i];
    M4S_TRY(m4s_checkpoint_read(archive->path, &archive->checkpoint));
    M4S_TRY(add_entries(importer, archive));
  }
  return M4S_OK;
}

static int compare_entries(const void *a, const void *b) {
  const entry_t *x = a;
  const entry_t *y = b;
  int order = strcmp(x->name, y->name);
  return order != 0 ? order : strcmp(x->path, y->path);
}

static m4s_status_t sort_entries(importer_t *importer) {
  entry_t *entries = importer->entries;
  qsort(entries, importer->n_entries, sizeof *entries, compare_entries);
  for (size_t i = 1; i < importer->n_entries; i++) {
    if (strcmp(entries[i - 1].name, entries[i].name) == 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: tensor \"%.200s\" is also in %s", entries[i].path,
                      entries[i].name, entries[i - 1].path);
    }
  }
  return M4S_OK;
}

static bool has_module(const importer_t *importer, const char *module) {
  size_t n = strlen(module);
  for (size_t i = 0; i < importer->n_entries; i++) {
    const char *name = importer->entries[i].name;
    if (strncmp(name, module, n) == 0 && name[n] == '.') {
      return true;
    }
  }
  return false;
}

// All but the GNN layers behind the last one that is there.
static m4s_status_t check_modules(const importer_t *importer) {
  const modules_t *modules = &importer->modules;
  int last = N_OTHER_MODULES;
  for (int i = N_OTHER_MODULES; i < N_MODULES; i++) {
    last = has_module(importer, modules->names[i]) ? i : last;
  }
  for (int i = 0; i <= last; i++) {
    bool needed = i < N_NEEDED_MODULES || i >= N_OTHER_MODULES;
    if (needed && !has_module(importer, modules->names[i])) {
      return m4s_fail(M4S_ERR_INPUT, "%s: module %s is missing (an archive %s%s)", importer->shown,
                      modules->names[i], modules->names[i], extension);
    }
  }
  return M4S_OK;
}

// --- the model ---

static m4s_status_t list_tensors(const importer_t *importer, m4s_safetensors_t *file) {
  file->tensors = calloc(importer->n_entries, sizeof *file->tensors);
  if (file->tensors == NULL) {
    return m4s_fail_memory(importer->shown);
  }
  for (size_t i = 0; i < importer->n_entries; i++) {
    file->tensors[i] = *importer->entries[i].tensor;
    file->tensors[i].name = importer->entries[i].name;
  }
  file->n_tensors = importer->n_entries;
  return M4S_OK;
}

// The model owns copies of all tensors.
static m4s_status_t make_model(const importer_t *importer, const m4s_safetensors_t *file,
                               m4s_model_t **model_out) {
  m4s_text_t bytes = {0};
  m4s_safetensors_t *copy = NULL;
  m4s_status_t status = m4s_safetensors_format(file, &bytes);
  if (status == M4S_OK) {
    status = m4s_safetensors_parse(bytes.bytes, bytes.length, importer->shown, &copy);
  }
  m4s_text_clear(&bytes);
  return status == M4S_OK ? m4s_model_create(copy, importer->shown, model_out) : status;
}

static m4s_status_t write_model(const m4s_model_t *model, m4s_safetensors_t *file,
                                const char *output) {
  enum { N_SIZES = 4 };
  char sizes[N_SIZES][16];
  const int32_t numbers[N_SIZES] = {model->gnn_hidden, model->n_gnn_layers, model->hidden,
                                    model->n_params};
  for (int i = 0; i < N_SIZES; i++) {
    snprintf(sizes[i], sizeof sizes[i], "%d", numbers[i]);
  }
  m4s_metadata_t metadata[] = {{"format", "pt"},
                               {"gnn_hidden_size", sizes[0]},
                               {"gnn_layers", sizes[1]},
                               {"hidden_size", sizes[2]},
                               {"params", sizes[3]}};
  file->metadata = metadata;
  file->n_metadata = sizeof metadata / sizeof *metadata;
  m4s_status_t status = m4s_safetensors_write(output, file);
  file->metadata = NULL;
  return status;
}

static m4s_status_t make_and_write(const importer_t *importer, const char *output,
                                   m4s_model_t **model_out) {
  m4s_safetensors_t file = {0};
  m4s_model_t *model = NULL;
  M4S_TRY(list_tensors(importer, &file));
  m4s_status_t status = make_model(importer, &file, &model);
  if (status == M4S_OK) {
    status = write_model(model, &file, output);
  }
  free(file.tensors);
  if (status != M4S_OK) {
    m4s_model_destroy(model);
    return status;
  }
  *model_out = model;
  return M4S_OK;
}

static void clear_importer(importer_t *importer) {
  for (size_t i = 0; i < importer->n_entries; i++) {
    free(importer->entries[i].name);
  }
  for (size_t i = 0; importer->archives != NULL && i < importer->paths.n_items; i++) {
    m4s_checkpoint_destroy(importer->archives[i].checkpoint);
  }
  free(importer->entries);
  free(importer->archives);
  m4s_text_list_clear(&importer->paths);
}

static m4s_status_t import_all(importer_t *importer, const char *const *paths, size_t n_paths,
                               const char *output, m4s_model_t **model_out) {
  list_modules(&importer->modules);
  M4S_TRY(list_archives(importer, paths, n_paths));
  M4S_TRY(check_output(importer, output));
  M4S_TRY(read_archives(importer));
  M4S_TRY(sort_entries(importer));
  M4S_TRY(check_modules(importer));
  return make_and_write(importer, output, model_out);
}

m4s_status_t m4s_model_import(const char *const *paths, size_t n_paths, const char *output,
                              m4s_model_t **model_out) {
  importer_t importer = {0};
  m4s_status_t status = import_all(&importer, paths, n_paths, output, model_out);
  clear_importer(&importer);
  return status;
}
