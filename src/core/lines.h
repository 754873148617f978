// A text line by line, cut in place.
#pragma once

typedef struct {
  const char *path;  // borrowed: names the file in errors
  char *next;  // the rest of the text, NULL after the last line
  int line;  // number of the line read last, from 1
} m4s_lines_t;

// The next line without its end, of either kind; NULL after the last one.
char *m4s_lines_next(m4s_lines_t *lines);
