// EndToEnd.csv, the result table of SimAI runs, read back.
#pragma once

#include <stddef.h>

#include "core/status.h"

typedef struct {
  double total_us;  // when rank 0 was done
  double exposed_comm_us;  // total time less compute time
  double *comm_us;  // owned, [n_layers]: exposed forward communication of each layer
  size_t n_layers;
} m4s_end_to_end_t;

// Anything that is not the published layout is M4S_ERR_INPUT with file and line. Both line ends are
// read. Free with m4s_end_to_end_clear().
m4s_status_t m4s_end_to_end_read(const char *path, m4s_end_to_end_t *times_out);
void m4s_end_to_end_clear(m4s_end_to_end_t *times);
