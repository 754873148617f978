#include "core/lines.h"

#include <string.h>

char *m4s_lines_next(m4s_lines_t *lines) {
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
