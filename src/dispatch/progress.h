// Progress of a sweep on stderr: a bar on a terminal, plain lines otherwise.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  int64_t n_total, n_before;  // units; of these done by earlier runs
  int64_t n_done, n_failed;  // with those of earlier runs
  double cost, cost_total;  // expected, of the units that ended in this run, and of all in it
  bool terminal, drawn;
  double start_s, shown_s;
} m4s_progress_t;

// `cost_total`: 0 where nothing is known of costs.
void m4s_progress_start(m4s_progress_t *progress, int64_t n_total, int64_t n_done, int64_t n_failed,
                        double cost_total);

// A unit has ended (ok: with results).
void m4s_progress_add(m4s_progress_t *progress, bool ok, double cost);

// Shows the state if it is time to.
void m4s_progress_show(m4s_progress_t *progress);

// Clears the bar, so that a log line can be written.
void m4s_progress_hide(m4s_progress_t *progress);

// The last line.
void m4s_progress_end(m4s_progress_t *progress);

// Seconds since the start.
double m4s_progress_elapsed_s(const m4s_progress_t *progress);

// "12 s", "3 min 20 s", "5 h 7 min".
void m4s_duration_show(double seconds, char *text, size_t n_text);
