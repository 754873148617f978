// Arrays of numbers in npy files, of one and two dimensions.
#include <stdlib.h>

#include "core/npy.h"
#include "fuzz/fuzz.h"

static void parse(const uint8_t *data, size_t n_bytes, size_t n_columns) {
  int64_t *numbers = NULL;
  size_t n = 0;
  m4s_status_t status =
      m4s_npy_parse_numbers(data, n_bytes, "fuzz.npy", n_columns, -5, 1000, &numbers, &n);
  fuzz_check_status(status, "fuzz.npy");
  n *= n_columns == 0 ? 1 : n_columns;
  for (size_t i = 0; status == M4S_OK && i < n; i++) {
    if (numbers[i] < -5 || numbers[i] > 1000) {
      abort();
    }
  }
  free(numbers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  parse(data, n_bytes, 0);
  parse(data, n_bytes, 2);
  return 0;
}
