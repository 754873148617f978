#include "report/loss_figure.h"

#include <math.h>
#include <stdlib.h>

#include "core/csv.h"
#include "core/file.h"
#include "report/figures.h"

typedef enum {
  ROWS,
  LEARNING_RATE,
  LOSS,
  VALIDATION_LOSS,
  SILENT_LOSS,
  N_COLUMNS,
} column_t;

static const char *const columns[N_COLUMNS] = {"rows", "learning_rate", "loss", "validation_loss",
                                               "validation_silent_loss"};

static const struct {
  column_t column;
  const char *title;
  int line;  // of m4s_script_add_series()
} series[] = {{LOSS, "training", 0},
              {VALIDATION_LOSS, "validation", 1},
              {SILENT_LOSS, "validation, max-min fair", -1}};

typedef struct {
  double *values[N_COLUMNS];  // owned, [n]
  size_t n;
} log_t;

static void clear(log_t *log) {
  for (int column = 0; column < N_COLUMNS; column++) {
    free(log->values[column]);
  }
}

static m4s_status_t read_column(const m4s_csv_t *csv, const char *path, column_t column,
                                log_t *log) {
  int place = m4s_csv_column(csv, columns[column]);
  double *values = calloc(csv->n_rows + 1, sizeof *values);
  if (values == NULL) {
    return m4s_fail_memory("losses");
  }
  log->values[column] = values;
  if (place < 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: has no column \"%s\"", path, columns[column]);
  }
  for (size_t row = 0; row < csv->n_rows; row++) {
    const char *cell = m4s_csv_cell(csv, row, (size_t)place);
    if (!m4s_parse_double(cell, &values[row])) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s: \"%s\" is not a number", path,
                      csv->line_of_row[row + 1], columns[column], cell);
    }
  }
  return M4S_OK;
}

static m4s_status_t read_log(const char *path, log_t *log) {
  m4s_csv_t csv;
  M4S_TRY(m4s_csv_read(path, &csv));
  m4s_status_t status = M4S_OK;
  for (int column = 0; status == M4S_OK && column < N_COLUMNS; column++) {
    status = read_column(&csv, path, (column_t)column, log);
  }
  log->n = csv.n_rows;
  m4s_csv_clear(&csv);
  return status;
}

// Losses of 0 have no place on the axis; those of networks that cannot be silent are.
static bool is_shown(const log_t *log, column_t column) {
  for (size_t i = 0; i < log->n; i++) {
    if (log->values[column][i] > 0) {
      return true;
    }
  }
  return false;
}

static m4s_status_t add_range(const log_t *log, m4s_text_t *script) {
  double least = INFINITY, greatest = 0;
  for (size_t s = 0; s < M4S_COUNT(series); s++) {
    for (size_t i = 0; i < log->n; i++) {
      double loss = log->values[series[s].column][i];
      least = loss > 0 ? fmin(least, loss) : least;
      greatest = fmax(greatest, loss);
    }
  }
  return greatest > 0
             ? m4s_text_add(script, "  set yrange [%.9g:%.9g]\n", least / 1.1, greatest * 1.1)
             : M4S_OK;
}

// A light line wherever the learning rate has fallen.
static m4s_status_t add_rates(const log_t *log, m4s_text_t *script) {
  M4S_TRY(m4s_text_add(script, "  unset arrow\n"));
  for (size_t i = 1; i < log->n; i++) {
    if (log->values[LEARNING_RATE][i] < log->values[LEARNING_RATE][i - 1]) {
      M4S_TRY(m4s_text_add(script,
                           "  set arrow from %.9g, graph 0 to %.9g, graph 1 nohead back lw 0.8 lc "
                           "rgb '#b0b0b0' dt 3\n",
                           1e-6 * log->values[ROWS][i], 1e-6 * log->values[ROWS][i]));
    }
  }
  return M4S_OK;
}

static m4s_status_t add_curves(const log_t *log, m4s_text_t *script) {
  bool first = true;
  for (size_t s = 0; s < M4S_COUNT(series); s++) {
    if (!is_shown(log, series[s].column)) {
      continue;
    }
    M4S_TRY(m4s_text_add(script, "%s data using 1:($%zu > 0 ? $%zu : NaN) with %s",
                         first ? "  plot" : ", \\\n      ", s + 2, s + 2,
                         log->n > 40 ? "lines" : "linespoints pt 7 ps 0.8"));
    M4S_TRY(m4s_script_add_series(script, series[s].line));
    M4S_TRY(m4s_text_add(script, " title '%s'", series[s].title));
    first = false;
  }
  return m4s_text_add(script, "%s\n", first ? "  plot NaN notitle" : "");
}

static m4s_status_t add_data(const log_t *log, m4s_text_t *data) {
  M4S_TRY(m4s_text_add(data, "# million rows"));
  for (size_t s = 0; s < M4S_COUNT(series); s++) {
    M4S_TRY(m4s_text_add(data, ", %s", series[s].title));
  }
  M4S_TRY(m4s_text_add(data, "\n"));
  for (size_t i = 0; i < log->n; i++) {
    M4S_TRY(m4s_text_add(data, "%.9g", 1e-6 * log->values[ROWS][i]));
    for (size_t s = 0; s < M4S_COUNT(series); s++) {
      M4S_TRY(m4s_text_add(data, " %.9g", log->values[series[s].column][i]));
    }
    M4S_TRY(m4s_text_add(data, "\n"));
  }
  return M4S_OK;
}

static m4s_status_t add_figure(const log_t *log, m4s_text_t *script, m4s_text_t *data) {
  const m4s_figure_t figure = {.name = "loss", .title = "Losses of the training's rounds"};
  const m4s_canvas_t canvas = {.width = 1280, .height = 860, .font = 22};
  M4S_TRY(m4s_script_begin(script, &figure, canvas));
  M4S_TRY(m4s_text_add(
      script,
      "  set logscale y\n  set grid xtics ytics\n"
      "  set ytics (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 2, 5, 10)\n"
      "  set xrange [0:*]\n  set xlabel 'rows of flows and links seen in training [million]'\n"
      "  set ylabel 'loss of a round'\n"));
  M4S_TRY(add_range(log, script));
  M4S_TRY(add_rates(log, script));
  M4S_TRY(add_curves(log, script));
  M4S_TRY(add_data(log, data));
  return m4s_script_end(script);
}

static m4s_status_t draw(const char *folder, const log_t *log) {
  m4s_text_t script = {0}, data = {0};
  m4s_status_t status = add_figure(log, &script, &data);
  if (status == M4S_OK) {
    status = m4s_figure_keep(folder, "loss", &script, &data, m4s_figures_can_be_drawn());
  }
  m4s_text_clear(&script);
  m4s_text_clear(&data);
  return status;
}

m4s_status_t m4s_loss_figure_write(const char *folder) {
  char *path = m4s_path_join(folder, "log.csv");
  if (path == NULL) {
    return m4s_fail_memory("a file name");
  }
  log_t log = {0};
  m4s_status_t status = m4s_path_exists(path) ? read_log(path, &log) : M4S_OK;
  free(path);
  if (status == M4S_OK && log.n > 0) {
    status = draw(folder, &log);
  }
  clear(&log);
  return status;
}
