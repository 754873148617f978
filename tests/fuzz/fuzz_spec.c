// Sweep specs: reading, planning, and the ids of the first and last points.
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "sweep/spec.h"

enum { MAX_COMBINATIONS = 20000, N_POINTS = 4 };

static void look_at_point(const m4s_sweep_t *sweep, uint64_t index) {
  char id[M4S_CASE_ID_BYTES];
  m4s_point_t point;
  fuzz_check_status(m4s_sweep_case_id(sweep, index, id), "fuzz.json");
  free(m4s_sweep_point_title(sweep, index));
  if (m4s_sweep_point(sweep, index, &point) == M4S_OK) {
    (void)m4s_point_expected_cost(&point, sweep->simulators.items[0]);
    (void)m4s_point_check(&point, NULL);
  }
  m4s_point_clear(&point);
}

static void plan(m4s_sweep_t *sweep) {
  uint64_t *indices = NULL;
  size_t n_indices = 0;
  m4s_selection_t *selection = NULL;
  if (m4s_sweep_override(sweep, &(m4s_overrides_t){0}, &selection) == M4S_OK &&
      m4s_sweep_load(sweep, NULL) == M4S_OK &&
      m4s_sweep_select(sweep, selection, false, &indices, &n_indices) == M4S_OK) {
    for (size_t i = 0; i < n_indices && i < N_POINTS; i++) {
      look_at_point(sweep, indices[i]);
    }
    look_at_point(sweep, indices[n_indices - 1]);
  }
  free(indices);
  json_decref(selection);
}

// A spec of a spec says the same.
static void check_again(const m4s_sweep_t *sweep) {
  json_t *json = m4s_sweep_to_json(sweep);
  m4s_sweep_t *again = NULL;
  if (json == NULL || m4s_sweep_from_json(json, "again.json", ".", &again) != M4S_OK ||
      again->n_combinations != sweep->n_combinations) {
    abort();
  }
  m4s_sweep_destroy(again);
  json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char *text = fuzz_text(data, n_bytes);
  m4s_sweep_t *sweep = NULL;
  m4s_status_t status = m4s_sweep_parse(text, "fuzz.json", &sweep);
  fuzz_check_status(status, "fuzz.json");
  if (status == M4S_OK) {
    check_again(sweep);
    // Devices are files, too, and may never end.
    if (sweep->n_combinations <= MAX_COMBINATIONS && strstr(text, "dev") == NULL &&
        strstr(text, "proc") == NULL) {
      plan(sweep);
    }
  }
  m4s_sweep_destroy(sweep);
  free(text);
  return 0;
}
