// Matrices of traffic from rack to rack.
#pragma once

#include <stdint.h>

#include "core/status.h"

// Free with m4s_rack_matrix_clear().
typedef struct {
  int32_t n_pods, n_racks;
  int32_t *pod_of_rack;  // owned, [n_racks]
  double *weights;  // owned, [n_racks, n_racks], row: source; finite, not negative, not all 0
} m4s_rack_matrix_t;

// Reads the format of the public studies: {"matrix": {"inner": [[count, …], …], "idx2name": [rack,
// …]}, "pod2tors": {pod: [rack, …], …}, "nr_pods": n, "nr_racks": m}, where every rack is in one
// pod; the two numbers may be missing, other keys are not looked at. Errors name file, place and
// value.
m4s_status_t m4s_rack_matrix_read(const char *path, m4s_rack_matrix_t *matrix_out);
m4s_status_t m4s_rack_matrix_parse(const char *text, const char *path,
                                   m4s_rack_matrix_t *matrix_out);
void m4s_rack_matrix_clear(m4s_rack_matrix_t *matrix);
