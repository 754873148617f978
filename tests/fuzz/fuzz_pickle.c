// Pickles, by themselves and within an archive that has some storages (a mutated archive hardly
// gets past its checksums).
#include <stdbool.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "m4/checkpoint.h"
#include "m4/pickle.h"
#include "m4/zip.h"

static void check_heights(const m4s_pickle_t *pickle) {
  for (size_t i = 0; i < pickle->n_values; i++) {
    const m4s_pickle_value_t *value = pickle->values[i];
    for (size_t j = 0; value->height > 0 && j < value->n_items; j++) {
      if (value->items[j]->height >= value->height) {
        abort();
      }
    }
  }
  if (pickle->root->height < 1 || pickle->root->height > M4S_PICKLE_MAX_DEPTH) {
    abort();
  }
}

static bool parse_alone(const uint8_t *data, size_t n_bytes) {
  m4s_pickle_t *pickle = NULL;
  m4s_status_t status = m4s_pickle_parse(data, n_bytes, "data.pkl", &pickle);
  fuzz_check_status(status, "data.pkl");
  if (status == M4S_OK) {
    check_heights(pickle);
  }
  m4s_pickle_destroy(pickle);
  return status == M4S_OK;
}

static void check_tensors(const m4s_checkpoint_t *checkpoint) {
  for (size_t i = 0; i < checkpoint->n_tensors; i++) {
    const m4s_tensor_t *tensor = &checkpoint->tensors[i];
    if (((const float *)tensor->data)[tensor->n_elements - 1] != 0) {
      abort();
    }
  }
}

enum { N_STORAGES = 4 };

static void parse_in_archive(const uint8_t *data, size_t n_bytes, const size_t *n_values) {
  static const float zeros[16];
  const zip_part_t parts[1 + N_STORAGES] = {
      {"x/data.pkl", data, n_bytes, ZIP_CM_STORE},
      {"x/data/0", zeros, n_values[0] * sizeof *zeros, ZIP_CM_STORE},
      {"x/data/1", zeros, n_values[1] * sizeof *zeros, ZIP_CM_DEFLATE},
      {"x/data/2", zeros, n_values[2] * sizeof *zeros, ZIP_CM_STORE},
      {"x/data/3", zeros, n_values[3] * sizeof *zeros, ZIP_CM_STORE}};
  size_t n_archive;
  char *archive = zip_make(parts, 1 + N_STORAGES, &n_archive);
  m4s_checkpoint_t *checkpoint = NULL;
  m4s_status_t status = m4s_checkpoint_parse(archive, n_archive, "fuzz.pt", &checkpoint);
  fuzz_check_status(status, "fuzz.pt");
  if (status == M4S_OK) {
    check_tensors(checkpoint);
  }
  m4s_checkpoint_destroy(checkpoint);
  free(archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  // As the modules of the corpus have them.
  static const size_t n_values[][N_STORAGES] = {{6, 12, 15, 0}, {4, 14, 6, 6}, {8, 6, 2, 0}};
  if (parse_alone(data, n_bytes)) {
    for (size_t i = 0; i < sizeof n_values / sizeof *n_values; i++) {
      parse_in_archive(data, n_bytes, n_values[i]);
    }
  }
  return 0;
}
