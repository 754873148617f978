#include "report/published.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/lines.h"
#include "core/text.h"

enum { MAX_FILE_BYTES = 16 << 20 };

typedef struct {
  const char *n, *r;
  bool has_status, success;
  double duration_s;
} runtime_t;

static m4s_status_t check_axis(const m4s_lines_t *lines, const char *key, const char *value,
                               const char *expected) {
  double is = 0, should_be = 0;
  if (!m4s_parse_double(value, &is)) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s \"%.40s\" is not a number", lines->path, lines->line,
                    key, value);
  }
  if (!m4s_parse_double(expected, &should_be) || is != should_be) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s is %s, but the folder's name says %s", lines->path,
                    lines->line, key, value, expected);
  }
  return M4S_OK;
}

static m4s_status_t read_runtime_line(const m4s_lines_t *lines, char *line, runtime_t *runtime) {
  char *value = strstr(line, ": ");
  if (value == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: \"%.40s\" is not \"key: value\"", lines->path,
                    lines->line, line);
  }
  *value = '\0';
  value += 2;
  if (strcmp(line, "status") == 0) {
    runtime->has_status = true;
    runtime->success = strcmp(value, "success") == 0;
  } else if (strcmp(line, "n") == 0) {
    return check_axis(lines, "n", value, runtime->n);
  } else if (strcmp(line, "r") == 0) {
    return check_axis(lines, "r", value, runtime->r);
  } else if (strcmp(line, "duration_seconds") == 0 &&
             (!m4s_parse_double(value, &runtime->duration_s) || runtime->duration_s < 0)) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: duration_seconds \"%.40s\" is not a time in s",
                    lines->path, lines->line, value);
  }
  return M4S_OK;
}

static m4s_status_t read_runtime(const char *path, runtime_t *runtime) {
  char *bytes;
  M4S_TRY(m4s_file_read(path, MAX_FILE_BYTES, &bytes, NULL));
  m4s_lines_t lines = {.path = path, .next = bytes};
  m4s_status_t status = M4S_OK;
  for (char *line = m4s_lines_next(&lines); status == M4S_OK && line != NULL;
       line = m4s_lines_next(&lines)) {
    if (line[0] != '\0') {
      status = read_runtime_line(&lines, line, runtime);
    }
  }
  free(bytes);
  if (status == M4S_OK && !runtime->has_status) {
    status = m4s_fail(M4S_ERR_INPUT, "%s:%d: ends without a \"status: …\" line", path, lines.line);
  }
  return status;
}

m4s_status_t m4s_published_read(const char *folder, const char *n, const char *r, bool *success_out,
                                m4s_published_t *published_out) {
  runtime_t runtime = {.n = n, .r = r, .success = true, .duration_s = -1};
  char *runtime_path = m4s_path_join(folder, "runtime.txt");
  char *path = m4s_path_join(folder, "EndToEnd.csv");
  m4s_status_t status =
      runtime_path == NULL || path == NULL ? m4s_fail_memory("a file name") : M4S_OK;
  if (status == M4S_OK && m4s_path_exists(runtime_path)) {
    status = read_runtime(runtime_path, &runtime);
  }
  if (status == M4S_OK && runtime.success) {
    status = m4s_end_to_end_read(path, &published_out->times);
  }
  if (status == M4S_OK && runtime.success) {
    published_out->duration_s = runtime.duration_s;
  }
  if (status == M4S_OK) {
    *success_out = runtime.success;
  }
  free(runtime_path);
  free(path);
  return status;
}
