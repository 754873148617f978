#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/lines.h"
#include "core/text.h"
#include "flow/end_to_end.h"

enum { MAX_FILE_BYTES = 16 << 20, N_LAYER_CELLS = 18, EXPOSED_CELL = 5 };

static const char layer_header[] =
    "fwd compute,wg compute,ig compute,fwd exposed comm,wg exposed comm,ig exposed comm,"
    "fwd total comm,algbw,busbw,wg total comm,algbw,busbw,ig total comm,algbw,busbw,"
    "workload finished at";

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

static m4s_status_t parse_time(const m4s_lines_t *lines, const char *what, const char *cell,
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
static m4s_status_t read_header(m4s_lines_t *lines) {
  char *line = m4s_lines_next(lines);
  for (int i = 0; i < 2 && line != NULL && strncmp(line, "layer_name,", 11) != 0; i++) {
    line = m4s_lines_next(lines);
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

static m4s_status_t add_layer(const m4s_lines_t *lines, char **cells, size_t n_cells,
                              m4s_end_to_end_t *times) {
  if (n_cells != N_LAYER_CELLS) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: %zu cells, a layer has %d", lines->path, lines->line,
                    n_cells, N_LAYER_CELLS);
  }
  double comm_us = 0;
  M4S_TRY(parse_time(lines, "fwd exposed comm", cells[EXPOSED_CELL], &comm_us));
  double *grown = realloc(times->comm_us, (times->n_layers + 1) * sizeof *grown);
  if (grown == NULL) {
    return m4s_fail_memory(lines->path);
  }
  times->comm_us = grown;
  times->comm_us[times->n_layers++] = comm_us;
  return M4S_OK;
}

static m4s_status_t read_totals(const m4s_lines_t *lines, char **cells, size_t n_cells,
                                m4s_end_to_end_t *times) {
  if (n_cells != 6 || strcmp(cells[2], "total comp") != 0 || strcmp(cells[4], "total time") != 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s:%d: must be \"total exposed comm,…,total comp,…,total time,…\"",
                    lines->path, lines->line);
  }
  double comp_us = 0;
  M4S_TRY(parse_time(lines, cells[0], cells[1], &times->exposed_comm_us));
  M4S_TRY(parse_time(lines, cells[2], cells[3], &comp_us));
  return parse_time(lines, cells[4], cells[5], &times->total_us);
}

static m4s_status_t read_layers(m4s_lines_t *lines, m4s_end_to_end_t *times) {
  char *cells[N_LAYER_CELLS];
  for (;;) {
    char *line = m4s_lines_next(lines);
    if (line == NULL) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: ends without the \"total exposed comm,…\" line",
                      lines->path, lines->line);
    }
    size_t n_cells = cut_cells(line, cells, N_LAYER_CELLS);
    if (strcmp(cells[0], "total exposed comm") == 0) {
      M4S_TRY(read_totals(lines, cells, n_cells, times));
      break;
    }
    if (strcmp(cells[0], "SUM") != 0) {
      M4S_TRY(add_layer(lines, cells, n_cells, times));
    }
  }
  const char *rest = m4s_lines_next(lines);
  if (rest != NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: \"%.40s\" after the last line", lines->path, lines->line,
                    rest);
  }
  if (times->n_layers == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: holds no layer", lines->path);
  }
  return M4S_OK;
}

m4s_status_t m4s_end_to_end_read(const char *path, m4s_end_to_end_t *times_out) {
  char *bytes;
  M4S_TRY(m4s_file_read(path, MAX_FILE_BYTES, &bytes, NULL));
  m4s_end_to_end_t times = {0};
  m4s_lines_t lines = {.path = path, .next = bytes};
  m4s_status_t status = read_header(&lines);
  if (status == M4S_OK) {
    status = read_layers(&lines, &times);
  }
  free(bytes);
  if (status != M4S_OK) {
    m4s_end_to_end_clear(&times);
    return status;
  }
  *times_out = times;
  return M4S_OK;
}

void m4s_end_to_end_clear(m4s_end_to_end_t *times) {
  free(times->comm_us);
  *times = (m4s_end_to_end_t){0};
}
