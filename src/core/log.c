#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>

static m4s_log_level_t log_level = M4S_LOG_INFO;
static int log_rank = -1;

void m4s_log_set_level(m4s_log_level_t level) { log_level = level; }

void m4s_log_set_rank(int rank) { log_rank = rank; }

void m4s_log(m4s_log_level_t level, const char *format, ...) {
  if (level > log_level) {
    return;
  }
  static const char *const tags[] = {"error: ", "warning: ", "", "debug: "};
  char line[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  // One write a line, so that lines of several ranks do not mix.
  if (log_rank >= 0) {
    fprintf(stderr, "m4sweep[%d]: %s%s\n", log_rank, tags[level], line);
  } else {
    fprintf(stderr, "m4sweep: %s%s\n", tags[level], line);
  }
}
