#include "report/published.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"

enum { MAX_FILE_BYTES = 16 << 20, N_LAYER_CELLS = 18, EXPOSED_CELL = 5 };

static const char layer_header[] =
    "fwd compute,wg compute,ig compute,fwd exposed comm,wg exposed comm,ig exposed comm,"
    "fwd total comm,algbw,busbw,wg total comm,algbw,busbw,ig total comm,algbw,busbw,"
    "workload finished at";

typedef struct {
  const char *path;
  char *next;  // the rest of the file, NULL after the last line
  int line;  // number of the line read last, from 1
} lines_t;

// The next line without its end, cut in place; NULL after the last one.
static char *next_line(lines_t *lines) {
  char *line = lines->next;
  if (line == NULL || *line == '\0') {
    return NULL;
  }
  char *end = strchr(line, '\n');
  lines->next = end == NULL ? NULL : end + 1;
  if (end != NULL) {
    *end = '\0';
  }
  size_t length = strlen(line);
  if (length > 0 && line[length - 1] == '\r') {
    line[length - 1] = '\0';
  }
  lines->line++;
  return line;
}

// Cuts a line at its commas, in place. Returns how many cells there are; only the first `capacity`
// are stored.
static size_t cut_cells(char *line, char **cells, size_t capacity) {
  size_t n = 0;
  for (char *cell = line; cell != NULL;) {
    char *comma = strchr(cell, ',');
    if (comma != NULL) {
      *comma = '\0';
    }
    if (n < capacity) {
      cells[n] = cell;
    }
    n++;
    cell = comma == NULL ? NULL : comma + 1;
  }
  return n;
}

static m4s_status_t parse_time(const lines_t *lines, const char *what, const char *cell,
                               double *value_out) {
  double value = 0;
  if (!m4s_parse_double(cell, &value) || value < 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s \"%.40s\" is not a time in us", lines->path,
                    lines->line, what, cell);
  }
  *value_out = value;
  return M4S_OK;
}

// The two summary lines and the header of the layers; the summary lines may be missing.
static m4s_status_t read_header(lines_t *lines) {
  char *line = next_line(lines);
  for (int i = 0; i < 2 && line != NULL && strncmp(line, "layer_name,", 11) != 0; i++) {
    line = next_line(lines);
  }
  if (line == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: ends before the \"layer_name,…\" line", lines->path,
                    lines->line);
  }
  if (strncmp(line, "layer_name,", 11) != 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: \"%.40s\" stands where \"layer_name,…\" must",
                    lines->path, lines->line, line);
  }
  const char *columns = strchr(line + 11, ',');  // after the name of the run
  if (columns == NULL || strcmp(columns + 1, layer_header) != 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: the columns are not the published ones (\"%.40s…\")",
                    lines->path, lines->line, columns == NULL ? line : columns + 1);
  }
  return M4S_OK;
}

static m4s_status_t add_layer(const lines_t *lines, char **cells, size_t n_cells,
                              m4s_published_t *published) {
  if (n_cells != N_LAYER_CELLS) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %zu cells, a layer has %d", lines->path, lines->line,
                    n_cells, N_LAYER_CELLS);
  }
  double comm_us = 0;
  M4S_TRY(parse_time(lines, "fwd exposed comm", cells[EXPOSED_CELL], &comm_us));
  double *grown = realloc(published->comm_us, (published->n_layers + 1) * sizeof *grown);
  if (grown == NULL) {
    return m4s_fail_memory(lines->path);
  }
  published->comm_us = grown;
  published->comm_us[published->n_layers++] = comm_us;
  return M4S_OK;
}

static m4s_status_t read_totals(const lines_t *lines, char **cells, size_t n_cells,
                                m4s_published_t *published) {
  if (n_cells != 6 || strcmp(cells[2], "total comp") != 0 || strcmp(cells[4], "total time") != 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s:%d: must be \"total exposed comm,…,total comp,…,total time,…\"",
                    lines->path, lines->line);
  }
  double comp_us = 0;
  M4S_TRY(parse_time(lines, cells[0], cells[1], &published->exposed_comm_us));
  M4S_TRY(parse_time(lines, cells[2], cells[3], &comp_us));
  return parse_time(lines, cells[4], cells[5], &published->total_us);
}

static m4s_status_t read_layers(lines_t *lines, m4s_published_t *published) {
  char *cells[N_LAYER_CELLS];
  for (;;) {
    char *line = next_line(lines);
    if (line == NULL) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: ends without the \"total exposed comm,…\" line",
                      lines->path, lines->line);
    }
    size_t n_cells = cut_cells(line, cells, N_LAYER_CELLS);
    if (strcmp(cells[0], "total exposed comm") == 0) {
      M4S_TRY(read_totals(lines, cells, n_cells, published));
      break;
    }
    if (strcmp(cells[0], "SUM") != 0) {
      M4S_TRY(add_layer(lines, cells, n_cells, published));
    }
  }
  const char *rest = next_line(lines);
  if (rest != NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: \"%.40s\" after the last line", lines->path, lines->line,
                    rest);
  }
  if (published->n_layers == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: holds no layer", lines->path);
  }
  return M4S_OK;
}

m4s_status_t m4s_end_to_end_read(const char *path, m4s_published_t *published_out) {
  char *bytes;
  M4S_TRY(m4s_file_read(path, MAX_FILE_BYTES, &bytes, NULL));
  m4s_published_t published = {.duration_s = -1};
  lines_t lines = {.path = path, .next = bytes};
  m4s_status_t status = read_header(&lines);
  if (status == M4S_OK) {
    status = read_layers(&lines, &published);
  }
  free(bytes);
  if (status != M4S_OK) {
    m4s_published_clear(&published);
    return status;
  }
  *published_out = published;
  return M4S_OK;
}

void m4s_published_clear(m4s_published_t *published) {
  free(published->comm_us);
  *published = (m4s_published_t){.duration_s = -1};
}

typedef struct {
  const char *n, *r;
  bool has_status, success;
  double duration_s;
} runtime_t;

static m4s_status_t check_axis(const lines_t *lines, const char *key, const char *value,
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

static m4s_status_t read_runtime_line(const lines_t *lines, char *line, runtime_t *runtime) {
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
  lines_t lines = {.path = path, .next = bytes};
  m4s_status_t status = M4S_OK;
  for (char *line = next_line(&lines); status == M4S_OK && line != NULL; line = next_line(&lines)) {
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
    status = m4s_end_to_end_read(path, published_out);
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
