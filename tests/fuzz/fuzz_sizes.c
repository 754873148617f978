// Distributions of flow sizes: what is accepted can be drawn from, within its bounds.
#include <stdlib.h>

#include "flow/size_distribution.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  enum { MAX_FLOW_BYTES = 1000000, N_DRAWS = 64 };
  char *text = fuzz_text(data, n_bytes);
  m4s_size_distribution_t *distribution = NULL;
  m4s_status_t status =
      m4s_size_distribution_parse(text, "fuzz.csv", MAX_FLOW_BYTES, &distribution);
  fuzz_check_status(status, "fuzz.csv");
  if (status == M4S_OK) {
    m4s_random_t random;
    m4s_random_init(&random, 1, "flow sizes", 0);
    double mean = m4s_size_distribution_mean(distribution);
    if (!(mean >= 1 && mean <= MAX_FLOW_BYTES)) {
      abort();
    }
    for (int i = 0; i < N_DRAWS; i++) {
      int64_t size = m4s_size_distribution_draw(distribution, &random);
      if (size < 1 || size > MAX_FLOW_BYTES) {
        abort();
      }
    }
  }
  m4s_size_distribution_destroy(distribution);
  free(text);
  return 0;
}
