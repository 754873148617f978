// Mix files and mix spaces: what is accepted is a spec that reads again.
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "sweep/mixes.h"
#include "sweep/spec.h"

static void check(const json_t *spec) {
  m4s_sweep_t *sweep = NULL;
  if (m4s_sweep_from_json(spec, "fuzz.json", ".", &sweep) != M4S_OK || sweep->n_combinations == 0) {
    abort();
  }
  m4s_sweep_destroy(sweep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  static const m4s_mixes_options_t options = {
      .name = "fuzz", .size = "small", .n_points = 20, .seed = 1};
  char *text = fuzz_text(data, n_bytes);
  json_t *spec = NULL;
  m4s_text_list_t notes = {0};
  m4s_status_t status = m4s_mixes_parse(text, "fuzz.json", &options, &notes, &spec);
  fuzz_check_status(status, "fuzz.json");
  if (status == M4S_OK) {
    check(spec);
  }
  json_decref(spec);
  m4s_text_list_clear(&notes);
  free(text);
  return 0;
}
