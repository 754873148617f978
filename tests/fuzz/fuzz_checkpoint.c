// Archives of PyTorch: what is accepted has tensors whose every number can be read.
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "m4/checkpoint.h"

static int64_t count_ones(const m4s_checkpoint_t *checkpoint) {
  int64_t n = 0;
  for (size_t i = 0; i < checkpoint->n_tensors; i++) {
    const m4s_tensor_t *tensor = &checkpoint->tensors[i];
    const float *values = tensor->data;
    n += (int64_t)strlen(tensor->name);
    for (int64_t j = 0; j < tensor->n_elements; j++) {
      n += values[j] == 1;
    }
  }
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  m4s_checkpoint_t *checkpoint = NULL;
  m4s_status_t status = m4s_checkpoint_parse(data, n_bytes, "fuzz.pt", &checkpoint);
  fuzz_check_status(status, "fuzz.pt");
  if (status == M4S_OK && (checkpoint->n_tensors == 0 || count_ones(checkpoint) < 0)) {
    abort();
  }
  m4s_checkpoint_destroy(checkpoint);
  return 0;
}
