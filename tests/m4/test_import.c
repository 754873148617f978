// Import of archives that PyTorch saved (make_checkpoints.py), and what is refused of sets of them.
#include "m4/import.h"

#include "m4/pickles.h"
#include "m4/zip.h"

// "<source>/tests/m4/checkpoints/<name>"; one of four buffers in turn.
static const char *fixture(const char *name) {
  static char paths[4][512];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/tests/m4/checkpoints/%s", M4SWEEP_SOURCE_DIR, name);
  return path;
}

static m4s_status_t import_one(const char *path, const char *output) {
  m4s_model_t *model = NULL;
  m4s_status_t status = m4s_model_import(&path, 1, support_path(output), &model);
  assert_true((status == M4S_OK) == (model != NULL));
  m4s_model_destroy(model);
  return status;
}

// A folder of the test's own with the archives of a fixture; until the next call.
static const char *copy_fixture(const char *name, const char *folder) {
  static const char *const files[] = {
      "lstmcell_time.pt", "lstmcell_time_link.pt", "lstmcell_rate.pt", "lstmcell_rate_link.pt",
      "gnn_layer_0.pt",   "gnn_layer_1.pt",        "output_layer.pt"};
  static char path[256];
  snprintf(path, sizeof path, "%s", support_path(folder));
  ASSERT_OK(m4s_path_remove(path));
  ASSERT_OK(m4s_folder_make(path));
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char from[600];
    char to[300];
    char *bytes;
    size_t n_bytes;
    snprintf(from, sizeof from, "%s/%s", fixture(name), files[i]);
    snprintf(to, sizeof to, "%s/%s", path, files[i]);
    ASSERT_OK(m4s_file_read(from, 1 << 20, &bytes, &n_bytes));
    ASSERT_OK(m4s_file_write(to, bytes, n_bytes));
    free(bytes);
  }
  return path;
}

static void rename_in(const char *folder, const char *from, const char *to) {
  char from_path[300];
  char to_path[300];
  snprintf(from_path, sizeof from_path, "%s/%s", folder, from);
  snprintf(to_path, sizeof to_path, "%s/%s", folder, to);
  assert_int_equal(rename(from_path, to_path), 0);
}

// --- good ones ---

static void assert_equal_files(const char *path, const char *expected_path) {
  m4s_safetensors_t *file;
  m4s_safetensors_t *expected;
  ASSERT_OK(m4s_safetensors_read(path, &file));
  ASSERT_OK(m4s_safetensors_read(expected_path, &expected));
  assert_int_equal(file->n_tensors, expected->n_tensors);
  for (size_t i = 0; i < expected->n_tensors; i++) {
    const m4s_tensor_t *a = &file->tensors[i];
    const m4s_tensor_t *b = &expected->tensors[i];
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->n_dims, b->n_dims);
    assert_memory_equal(a->shape, b->shape, sizeof a->shape);
    assert_memory_equal(a->data, b->data, (size_t)b->n_elements * sizeof(float));
  }
  m4s_safetensors_destroy(file);
  m4s_safetensors_destroy(expected);
}

typedef struct {
  const char *folder, *expected;
  int32_t hidden, gnn_hidden, n_gnn_layers, n_params;
} fixture_t;

static const fixture_t fixtures[] = {
    {"scripted", "scripted/expected.safetensors", 8, 12, 3, 13},
    {"traced", "traced/expected.safetensors", 6, 5, 2, 4},
    {"network", "network/expected.safetensors", 2, 3, 2, 1},
    {"state", "network/expected.safetensors", 2, 3, 2, 1},
};

static void import_should_read_what_pytorch_saved(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
    const fixture_t *expected = &fixtures[i];
    m4s_model_t *model;
    ASSERT_OK(import_one(fixture(expected->folder), "model.safetensors"));
    assert_equal_files(support_path("model.safetensors"), fixture(expected->expected));
    ASSERT_OK(m4s_model_read(support_path("model.safetensors"), &model));
    assert_int_equal(model->hidden, expected->hidden);
    assert_int_equal(model->gnn_hidden, expected->gnn_hidden);
    assert_int_equal(model->n_gnn_layers, expected->n_gnn_layers);
    assert_int_equal(model->n_params, expected->n_params);
    char text[16];
    snprintf(text, sizeof text, "%d", expected->n_params);
    assert_string_equal(m4s_safetensors_metadata(model->file, "params"), text);
    m4s_model_destroy(model);
  }
}

static void import_should_not_depend_on_the_order_of_files(void **state) {
  (void)state;
  char paths[7][512];
  const char *pointers[7];
  static const char *const names[] = {"output_layer",       "lstmcell_rate", "gnn_layer_1",
                                      "lstmcell_rate_link", "gnn_layer_0",   "lstmcell_time_link",
                                      "lstmcell_time"};
  for (size_t i = 0; i < 7; i++) {
    snprintf(paths[i], sizeof paths[i], "%s/%s.pt", fixture("state"), names[i]);
    pointers[i] = paths[i];
  }
  m4s_model_t *model = NULL;
  ASSERT_OK(m4s_model_import(pointers, 7, support_path("files.safetensors"), &model));
  m4s_model_destroy(model);
  ASSERT_OK(import_one(fixture("state"), "folder.safetensors"));
  size_t n_files;
  size_t n_folder;
  char *files = support_read("files.safetensors", &n_files);
  char *folder = support_read("folder.safetensors", &n_folder);
  assert_int_equal(n_files, n_folder);
  assert_memory_equal(files, folder, n_files);
  free(files);
  free(folder);
}

static void import_should_write_over_older_output(void **state) {
  (void)state;
  support_write("old.safetensors", "old");
  ASSERT_OK(import_one(fixture("state"), "old.safetensors"));
  assert_equal_files(support_path("old.safetensors"), fixture("network/expected.safetensors"));
}

// Files that are hidden or no archives are not looked at.
static void import_should_skip_other_files_of_a_folder(void **state) {
  (void)state;
  const char *folder = copy_fixture("state", "others");
  support_write("others/notes.txt", "x");
  support_write("others/.hidden.pt", "x");
  support_write("others/.pt", "x");
  support_write("others/model.ptx", "x");
  ASSERT_OK(import_one(folder, "model.safetensors"));
}

// --- sets of archives that make no model ---

static void assert_refused(const char *path, const char *format, const char *argument) {
  char rest[512];
  char message[1024];
  snprintf(rest, sizeof rest, format, argument);  // NOLINT: literals
  snprintf(message, sizeof message, "%s%s", path, rest);
  ASSERT_OK(m4s_path_remove(support_path("refused.safetensors")));
  ASSERT_REFUSES(import_one(path, "refused.safetensors"), message);
  assert_false(m4s_path_exists(support_path("refused.safetensors")));
}

static void import_should_refuse_missing_modules(void **state) {
  (void)state;
  const char *folder = copy_fixture("state", "missing");
  char path[300];
  snprintf(path, sizeof path, "%s/lstmcell_rate_link.pt", folder);
  ASSERT_OK(m4s_path_remove(path));
  assert_refused(folder, ": module lstmcell_rate_link is missing (an archive %s.pt)",
                 "lstmcell_rate_link");
  folder = copy_fixture("state", "missing");
  snprintf(path, sizeof path, "%s/gnn_layer_0.pt", folder);
  ASSERT_OK(m4s_path_remove(path));
  assert_refused(folder, ": module gnn_layer_0 is missing (an archive %s.pt)", "gnn_layer_0");
  const char *paths[] = {fixture("state/output_layer.pt"), fixture("state/gnn_layer_0.pt")};
  char message[1024];
  snprintf(message, sizeof message,
           "%s and 1 more: module lstmcell_time is missing (an archive lstmcell_time.pt)",
           paths[0]);
  m4s_model_t *model = NULL;
  ASSERT_REFUSES(m4s_model_import(paths, 2, support_path("refused.safetensors"), &model), message);
}

static void import_should_refuse_unknown_modules(void **state) {
  (void)state;
  const char *folder = copy_fixture("state", "unknown");
  rename_in(folder, "lstmcell_rate.pt", "lstmcell_rates.pt");
  assert_refused(folder,
                 "/lstmcell_rates.pt: \"lstmcell_rates\" is no module of an m4 network (did you "
                 "mean %s?); an archive is named after its module: lstmcell_time.pt, "
                 "gnn_layer_0.pt",
                 "lstmcell_rate");
  rename_in(folder, "lstmcell_rates.pt", "weights.pt");
  assert_refused(folder,
                 "/weights.pt: \"%s\" is no module of an m4 network; an archive is named after its "
                 "module: lstmcell_time.pt, gnn_layer_0.pt",
                 "weights");
}

static void import_should_refuse_tensors_that_stand_twice(void **state) {
  (void)state;
  const char *folder = copy_fixture("state", "twice");
  const char *other = fixture("state/lstmcell_time.pt");
  const char *paths[] = {folder, other};
  m4s_model_t *model = NULL;
  char message[1400];
  char own[300];
  snprintf(own, sizeof own, "%s/lstmcell_time.pt", folder);
  assert_int_equal(m4s_model_import(paths, 2, support_path("refused.safetensors"), &model),
                   M4S_ERR_INPUT);
  bool own_first = strncmp(m4s_last_error(), own, strlen(own)) == 0;  // either is good
  snprintf(message, sizeof message, "%s: tensor \"lstmcell_time.seq_cell.bias_hh\" is also in %s",
           own_first ? own : other, own_first ? other : own);
  assert_string_equal(m4s_last_error(), message);
}

static void import_should_refuse_sizes_that_contradict(void **state) {
  (void)state;
  const char *folder = copy_fixture("state", "sizes");
  rename_in(folder, "lstmcell_rate.pt", "swap");
  rename_in(folder, "lstmcell_rate_link.pt", "lstmcell_rate.pt");
  rename_in(folder, "swap", "lstmcell_rate_link.pt");
  assert_refused(folder,
                 ": tensor \"%s\" is F32 [6, 3], but F32 [6, 2] is needed in a model of hidden "
                 "size 2, GNN hidden size 3 and 0 network parameters",
                 "lstmcell_rate_link.seq_cell.weight_ih");
}

// output_layer.pt with one tensor more.
static void import_should_refuse_unknown_tensors(void **state) {
  (void)state;
  const char *folder = copy_fixture("state", "tensors");
  const pickle_tensor_t tensor = {"0", "Float", 1, 0, 1, {1}, {1}};
  const float number = 1;
  m4s_text_t pickle = {0};
  pickle_module(&pickle, "wieght", &tensor);
  const zip_part_t parts[] = {{"x/data.pkl", pickle.bytes, pickle.length, ZIP_CM_STORE},
                              {"x/data/0", &number, sizeof number, ZIP_CM_STORE}};
  size_t n_bytes;
  char *bytes = zip_make(parts, 2, &n_bytes);
  char path[300];
  snprintf(path, sizeof path, "%s/remain_size_layer.pt", folder);
  ASSERT_OK(m4s_file_write(path, bytes, n_bytes));
  assert_refused(folder, ": unknown tensor \"%s\" (did you mean remain_size_layer.0.weight?)",
                 "remain_size_layer.wieght");
  free(bytes);
  m4s_text_clear(&pickle);
}

static void import_should_refuse_folders_without_archives(void **state) {
  (void)state;
  const char *folder = support_path("empty");
  ASSERT_OK(m4s_folder_make(folder));
  assert_refused(folder, ": no files *%s in this folder", ".pt");
  assert_refused(support_path("none.pt"), ": No such file or directory%s", "");
}

static void import_should_refuse_bad_archives(void **state) {
  (void)state;
  const char *folder = copy_fixture("state", "bad");
  support_write("bad/lstmcell_time.pt", "x");
  assert_refused(folder, "/lstmcell_time.pt: is no zip archive, or a damaged one: %s",
                 "Not a zip archive");
}

static void import_should_refuse_outputs_that_cannot_be(void **state) {
  (void)state;
  char message[1024];
  const char *folder = copy_fixture("state", "output");
  snprintf(message, sizeof message,
           "%s/output_layer.pt: is one of the archives, it is not written over", folder);
  ASSERT_REFUSES(import_one(folder, "output/output_layer.pt"), message);
  ASSERT_OK(import_one(folder, "model.safetensors"));  // it is as it was
  snprintf(message, sizeof message, "%s: cannot be written: Is a directory", folder);
  ASSERT_FAILS(import_one(fixture("state"), "output"), M4S_ERR_IO, message);
  snprintf(message, sizeof message, "%s/none/x: cannot be written: No such file or directory",
           support_folder);
  ASSERT_FAILS(import_one(folder, "none/x"), M4S_ERR_IO, message);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(import_should_read_what_pytorch_saved),
      cmocka_unit_test(import_should_not_depend_on_the_order_of_files),
      cmocka_unit_test(import_should_write_over_older_output),
      cmocka_unit_test(import_should_skip_other_files_of_a_folder),
      cmocka_unit_test(import_should_refuse_missing_modules),
      cmocka_unit_test(import_should_refuse_unknown_modules),
      cmocka_unit_test(import_should_refuse_tensors_that_stand_twice),
      cmocka_unit_test(import_should_refuse_sizes_that_contradict),
      cmocka_unit_test(import_should_refuse_unknown_tensors),
      cmocka_unit_test(import_should_refuse_folders_without_archives),
      cmocka_unit_test(import_should_refuse_bad_archives),
      cmocka_unit_test(import_should_refuse_outputs_that_cannot_be),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
