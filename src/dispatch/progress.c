#include "dispatch/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"

static const double LINE_INTERVAL_S = 2;
static const double BAR_INTERVAL_S = 0.1;
enum { BAR_WIDTH = 30 };

void m4s_duration_show(double seconds, char *text, size_t n_text) {
  long long s = (long long)(seconds + 0.5);
  if (s < 60) {
    snprintf(text, n_text, "%lld s", s);
  } else if (s < 3600) {
    snprintf(text, n_text, "%lld min %lld s", s / 60, s % 60);
  } else {
    snprintf(text, n_text, "%lld h %lld min", s / 3600, s % 3600 / 60);
  }
}

// How long the rest will take, by expected costs or, without them, by numbers of units.
static double left_s(const m4s_progress_t *progress, double elapsed_s, int64_t n_now,
                     int64_t n_left) {
  return progress->cost > 0 ? elapsed_s * (progress->cost_total - progress->cost) / progress->cost
                            : elapsed_s * (double)n_left / (double)n_now;
}

static void show_state(const m4s_progress_t *progress, char *text, size_t n_text) {
  double elapsed_s = m4s_progress_elapsed_s(progress);
  int64_t n_ended = progress->n_done + progress->n_failed;
  int64_t n_now = n_ended - progress->n_before;
  int64_t n_left = progress->n_total - n_ended;
  int used = snprintf(text, n_text, "%lld of %lld done, %lld failed", (long long)progress->n_done,
                      (long long)progress->n_total, (long long)progress->n_failed);
  if (n_now > 0 && elapsed_s > 0 && (size_t)used < n_text) {
    double rate = (double)n_now / elapsed_s;
    char left[48];
    m4s_duration_show(left_s(progress, elapsed_s, n_now, n_left), left, sizeof left);
    snprintf(text + used, n_text - (size_t)used, ", %.3g points/s%s%s%s", rate,
             n_left > 0 ? ", " : "", n_left > 0 ? left : "", n_left > 0 ? " left" : "");
  }
}

static void draw_bar(m4s_progress_t *progress, const char *state) {
  char bar[BAR_WIDTH + 1];
  int64_t n_ended = progress->n_done + progress->n_failed;
  int64_t filled = progress->n_total > 0 ? n_ended * BAR_WIDTH / progress->n_total : BAR_WIDTH;
  memset(bar, '.', BAR_WIDTH);
  memset(bar, '#', (size_t)filled);
  bar[BAR_WIDTH] = '\0';
  fprintf(stderr, "\r[%s] %s\033[K", bar, state);
  fflush(stderr);
  progress->drawn = true;
}

static void show(m4s_progress_t *progress) {
  char state[256];
  show_state(progress, state, sizeof state);
  if (progress->terminal) {
    draw_bar(progress, state);
  } else {
    m4s_log(M4S_LOG_INFO, "%s", state);
  }
  progress->shown_s = m4s_now_s();
}

void m4s_progress_start(m4s_progress_t *progress, int64_t n_total, int64_t n_done, int64_t n_failed,
                        double cost_total) {
  *progress = (m4s_progress_t){.n_total = n_total,
                               .n_before = n_done + n_failed,
                               .n_done = n_done,
                               .n_failed = n_failed,
                               .cost_total = cost_total,
                               .terminal = isatty(STDERR_FILENO) != 0,
                               .start_s = m4s_now_s()};
  if (progress->n_before < n_total) {
    show(progress);
  }
}

void m4s_progress_add(m4s_progress_t *progress, bool ok, double cost) {
  progress->cost += cost;
  progress->n_done += ok;
  progress->n_failed += !ok;
}

void m4s_progress_show(m4s_progress_t *progress) {
  double interval_s = progress->terminal ? BAR_INTERVAL_S : LINE_INTERVAL_S;
  if (m4s_now_s() - progress->shown_s >= interval_s) {
    show(progress);
  }
}

void m4s_progress_hide(m4s_progress_t *progress) {
  if (progress->drawn) {
    fprintf(stderr, "\r\033[K");
    fflush(stderr);
    progress->drawn = false;
  }
}

void m4s_progress_end(m4s_progress_t *progress) {
  show(progress);
  if (progress->drawn) {
    fprintf(stderr, "\n");
    progress->drawn = false;
  }
}

double m4s_progress_elapsed_s(const m4s_progress_t *progress) {
  return m4s_now_s() - progress->start_s;
}
