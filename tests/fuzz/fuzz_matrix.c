// Matrices of traffic: every rack of what is accepted is in a pod, and weights are numbers.
#include <math.h>
#include <stdlib.h>

#include "flow/rack_matrix.h"
#include "fuzz/fuzz.h"

static void check(const m4s_rack_matrix_t *matrix) {
  double sum = 0;
  for (int32_t i = 0; i < matrix->n_racks; i++) {
    if (matrix->pod_of_rack[i] < 0 || matrix->pod_of_rack[i] >= matrix->n_pods) {
      abort();
    }
    for (int32_t j = 0; j < matrix->n_racks; j++) {
      double weight = matrix->weights[(size_t)i * (size_t)matrix->n_racks + (size_t)j];
      if (!(weight >= 0)) {
        abort();
      }
      sum += weight;
    }
  }
  if (!(sum > 0) || !isfinite(sum)) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char *text = fuzz_text(data, n_bytes);
  m4s_rack_matrix_t matrix = {0};
  m4s_status_t status = m4s_rack_matrix_parse(text, "fuzz.json", &matrix);
  fuzz_check_status(status, "fuzz.json");
  if (status == M4S_OK) {
    check(&matrix);
  }
  m4s_rack_matrix_clear(&matrix);
  free(text);
  return 0;
}
