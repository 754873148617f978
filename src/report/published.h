// One point's folder in the published layout: EndToEnd.csv and runtime.txt.
#pragma once

#include <stdbool.h>

#include "flow/end_to_end.h"

typedef struct {
  m4s_end_to_end_t times;  // free with m4s_end_to_end_clear()
  double duration_s;  // how long the simulation took; negative: not known
} m4s_published_t;

// Reads a point's folder. *success_out is false, and *published_out untouched, where runtime.txt
// gives a status other than "success"; without a runtime.txt EndToEnd.csv is taken as it is. N and
// R in runtime.txt must be `n` and `r` (plain numbers), the folder's.
m4s_status_t m4s_published_read(const char *folder, const char *n, const char *r, bool *success_out,
                                m4s_published_t *published_out);
