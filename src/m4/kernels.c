#include "m4/kernels.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

m4s_status_t m4s_kernels_choose(const m4s_kernels_t **kernels_out) {
  const m4s_kernels_t *const sets[] = {m4s_kernels_avx512(), m4s_kernels_avx2(),
                                       m4s_kernels_generic()};
  const char *names[sizeof sets / sizeof *sets];
  size_t n_sets = 0;
  const char *wanted = getenv("M4SWEEP_INSTRUCTIONS");
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    if (sets[i] == NULL) {
      continue;
    }
    if (wanted == NULL || strcmp(sets[i]->name, wanted) == 0) {
      *kernels_out = sets[i];
      return M4S_OK;
    }
    names[n_sets++] = sets[i]->name;
  }
  return m4s_fail(
      M4S_ERR_INPUT, "M4SWEEP_INSTRUCTIONS: this machine does not have \"%s\"; it has %s%s%s%s%s%s",
      wanted, names[0], n_sets > 1 ? ", " : "", n_sets > 1 ? names[1] : "", n_sets > 2 ? ", " : "",
      n_sets > 2 ? names[2] : "", m4s_did_you_mean(wanted, names, n_sets));
}
