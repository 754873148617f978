// One point's folder in the published layout: EndToEnd.csv and runtime.txt.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

typedef struct {
  double total_us;  // when rank 0 was done
  double exposed_comm_us;  // total time less compute time
  double *comm_us;  // owned, [n_layers]: exposed forward communication of each layer
  size_t n_layers;
  double duration_s;  // how long the simulation took; negative: not known
} m4s_published_t;

// Reads EndToEnd.csv alone (duration_s stays -1). Anything that is not the published layout is
// M4S_ERR_INPUT with file and line. Both line ends are read. Free with m4s_published_clear().
m4s_status_t m4s_end_to_end_read(const char *path, m4s_published_t *published_out);
void m4s_published_clear(m4s_published_t *published);

// Reads a point's folder. *success_out is false, and *published_out untouched, where runtime.txt
// gives a status other than "success"; without a runtime.txt EndToEnd.csv is taken as it is. N and
// R in runtime.txt must be `n` and `r` (plain numbers), the folder's.
m4s_status_t m4s_published_read(const char *folder, const char *n, const char *r, bool *success_out,
                                m4s_published_t *published_out);
