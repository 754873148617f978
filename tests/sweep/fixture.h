// What the tests of sweeps share: a folder of their own, small specs, comparison of messages.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// cmocka's header needs those above.
#include <cmocka.h>

#include "core/file.h"
#include "sweep/spec.h"

static char fixture_folder[64];

static inline int fixture_make_folder(void **state) {
  (void)state;
  snprintf(fixture_folder, sizeof fixture_folder, "./sweep-test-XXXXXX");
  return mkdtemp(fixture_folder) == NULL;
}

static inline int fixture_remove_folder(void **state) {
  (void)state;
  return m4s_path_remove(fixture_folder) != M4S_OK;
}

// A path in the test's folder; one of four buffers in turn.
static inline const char *fixture_path(const char *name) {
  static char paths[4][256];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", fixture_folder, name);
  return path;
}

static inline void fixture_write(const char *name, const char *text) {
  assert_int_equal(m4s_file_write(fixture_path(name), text, strlen(text)), M4S_OK);
}

// A spec that is good but for what stands in `members`.
#define SPEC(members) "{\"name\": \"t\", \"simulators\": [\"flowsim\"]" members "}"
#define AXES(entries) SPEC(", \"axes\": [" entries "]")

static inline m4s_sweep_t *fixture_sweep(const char *text) {
  m4s_sweep_t *sweep = NULL;
  m4s_status_t status = m4s_sweep_parse(text, fixture_path("t.json"), &sweep);
  if (status != M4S_OK) {
    print_message("%s\n", m4s_last_error());
  }
  assert_int_equal(status, M4S_OK);
  status = m4s_sweep_load(sweep, NULL);
  if (status != M4S_OK) {
    print_message("%s\n", m4s_last_error());
  }
  assert_int_equal(status, M4S_OK);
  return sweep;
}

// The points of a selection (JSON text; NULL: all) as "a=1,b=2 a=1,b=3".
static inline char *fixture_points(const m4s_sweep_t *sweep, const char *selection_text) {
  json_t *selection = selection_text == NULL ? NULL : json_loads(selection_text, 0, NULL);
  uint64_t *indices;
  size_t n_indices;
  m4s_status_t status = m4s_sweep_select(sweep, selection, false, &indices, &n_indices);
  if (status != M4S_OK) {
    print_message("%s\n", m4s_last_error());
  }
  assert_int_equal(status, M4S_OK);
  m4s_text_t text = {0};
  for (size_t i = 0; i < n_indices; i++) {
    json_t *axes = m4s_sweep_axes(sweep, indices[i]);
    const char *name;
    json_t *value;
    bool first = true;
    json_object_foreach(axes, name, value) {
      char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
      m4s_text_add(&text, "%s%s=%s", first ? (i == 0 ? "" : " ") : ",", name, shown);
      free(shown);
      first = false;
    }
    json_decref(axes);
  }
  free(indices);
  json_decref(selection);
  return text.bytes;
}

static inline void assert_points(const char *spec, const char *selection, const char *expected) {
  m4s_sweep_t *sweep = fixture_sweep(spec);
  char *points = fixture_points(sweep, selection);
  assert_string_equal(points, expected);
  free(points);
  m4s_sweep_destroy(sweep);
}
