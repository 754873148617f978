#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 2048 };

static _Thread_local char message[MESSAGE_BYTES];

// One error is one line, whatever bytes came in with a bad value.
static void flatten(void) {
  for (char *c = message; *c != '\0'; c++) {
    if ((unsigned char)*c < ' ' || *c == 0x7f) {
      *c = '?';
    }
  }
}

m4s_status_t(m4s_fail)(m4s_status_t status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  flatten();
  return status;
}

m4s_status_t(m4s_fail_in)(m4s_status_t status, const char *format, ...) {
  char inner[MESSAGE_BYTES];
  memcpy(inner, message, sizeof inner);
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (n >= 0 && (size_t)n < sizeof message) {
    size_t room = sizeof message - (size_t)n;
    snprintf(message + n, room, ": %.*s", (int)room - 3, inner);
  }
  flatten();
  return status;
}

m4s_status_t(m4s_fail_memory)(const char *what) {
  return m4s_fail(M4S_ERR_MEMORY, "out of memory for %s", what);
}

const char *m4s_last_error(void) { return message; }

int m4s_exit_status(m4s_status_t status) {
  switch (status) {
    case M4S_OK:
      return 0;
    case M4S_ERR_INPUT:
    case M4S_ERR_IO:
      return 2;
    default:
      return 1;
  }
}
