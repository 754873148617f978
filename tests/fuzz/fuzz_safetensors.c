// safetensors files and m4 networks in them: what is read can be written and is the same again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "m4/model_info.h"

// The file's bytes as they are written; aborts if they cannot be.
static m4s_text_t format(const m4s_safetensors_t *file) {
  m4s_text_t bytes = {0};
  if (m4s_safetensors_format(file, &bytes) != M4S_OK) {
    abort();
  }
  return bytes;
}

// A second file, of what is written of the first; it must be written as the same bytes.
static m4s_safetensors_t *copy(const m4s_safetensors_t *file) {
  m4s_safetensors_t *again = NULL;
  m4s_text_t bytes = format(file);
  if (m4s_safetensors_parse(bytes.bytes, bytes.length, "again", &again) != M4S_OK) {
    abort();
  }
  m4s_text_t same = format(again);
  if (same.length != bytes.length || memcmp(same.bytes, bytes.bytes, same.length) != 0) {
    abort();
  }
  m4s_text_clear(&bytes);
  m4s_text_clear(&same);
  return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  static FILE *nowhere;
  if (nowhere == NULL) {
    nowhere = fopen("/dev/null", "w");
  }
  m4s_safetensors_t *file = NULL;
  m4s_status_t status = m4s_safetensors_parse(data, n_bytes, "fuzz.safetensors", &file);
  fuzz_check_status(status, "fuzz.safetensors");
  if (status != M4S_OK) {
    return 0;
  }
  m4s_safetensors_t *again = copy(file);
  m4s_safetensors_destroy(file);
  m4s_model_t *model = NULL;
  status = m4s_model_create(again, "again", &model);
  fuzz_check_status(status, "again");
  if (status == M4S_OK) {
    m4s_model_info_print(model, nowhere);
  }
  m4s_model_destroy(model);
  return 0;
}
