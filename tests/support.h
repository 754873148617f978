// What the tests of several modules share: cmocka with the headers it needs, a folder of their own
// below the working directory, error messages, reference data, random numbers.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// cmocka's header needs those above.
#include <cmocka.h>

#include "core/file.h"
#include "core/status.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SUPPORT_SANITIZED = 1 };
#else
enum { SUPPORT_SANITIZED = 0 };
#endif

// --- errors ---

static inline void support_assert_ok(m4s_status_t status, const char *call, const char *file,
                                     int line) {
  if (status != M4S_OK) {
    print_error("%s: %s\n", call, m4s_last_error());
    _assert_int_equal((uintmax_t)status, (uintmax_t)M4S_OK, file, line);
  }
}
#define ASSERT_OK(call) support_assert_ok(call, #call, __FILE__, __LINE__)

// The call fails with this status and exactly this message.
#define ASSERT_FAILS(call, status_, message_) \
  do { \
    assert_int_equal(call, status_); \
    assert_string_equal(m4s_last_error(), message_); \
  } while (0)

// The call refuses its input with exactly this message.
#define ASSERT_REFUSES(call, message_) ASSERT_FAILS(call, M4S_ERR_INPUT, message_)

// --- files ---

static char support_folder[64];

// Group setup and teardown: a folder below the working directory.
static inline int support_make_folder(void **state) {
  (void)state;
  snprintf(support_folder, sizeof support_folder, "unit-test-XXXXXX");
  return mkdtemp(support_folder) == NULL ? -1 : 0;
}

static inline int support_remove_folder(void **state) {
  (void)state;
  return m4s_path_remove(support_folder) == M4S_OK ? 0 : -1;
}

// "folder/name"; one of four buffers in turn.
static inline const char *support_path(const char *name) {
  static char paths[4][256];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", support_folder, name);
  return path;
}

static inline void support_write(const char *name, const char *text) {
  ASSERT_OK(m4s_file_write(support_path(name), text, strlen(text)));
}

// A file's bytes, owned by the caller; `n_bytes_out` may be NULL.
static inline char *support_read(const char *name, size_t *n_bytes_out) {
  char *bytes = NULL;
  ASSERT_OK(m4s_file_read(support_path(name), 256 << 20, &bytes, n_bytes_out));
  return bytes;
}

// The path of a file of the reference data; skips the test where there is none.
static inline const char *support_reference(const char *name) {
  static char path[512];
  const char *folder = getenv("M4SWEEP_REFERENCE");
  if (folder == NULL || folder[0] == '\0') {
    print_message("skipped: M4SWEEP_REFERENCE is not set (the folder of the reference data)\n");
    skip();
  }
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (access(path, R_OK) != 0) {
    print_message("skipped: %s of $M4SWEEP_REFERENCE cannot be read\n", name);
    skip();
  }
  return path;
}

// --- random numbers ---

// splitmix64: the next of a fixed sequence.
static inline uint64_t support_random(uint64_t *state) {
  uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

// 0 … n-1, n > 0.
static inline int64_t support_random_below(uint64_t *state, int64_t n) {
  return (int64_t)(support_random(state) % (uint64_t)n);
}
