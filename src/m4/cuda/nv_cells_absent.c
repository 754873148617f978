// Builds without cuDNN.
#include <stdio.h>

#include "m4/cuda/nv_cells.h"

static m4s_status_t fail_absent(void) {
  return m4s_fail(M4S_ERR_INPUT, "m4sweep was built without cuDNN");
}

m4s_status_t m4s_nv_cells_create(bool tf32, m4s_nv_cells_t **cells_out) {
  (void)tf32;
  (void)cells_out;
  return fail_absent();
}

void m4s_nv_cells_destroy(m4s_nv_cells_t *cells) { (void)cells; }

m4s_status_t m4s_nv_cell_make(m4s_nv_cells_t *cells, const m4s_device_gru_t *gru,
                              m4s_device_cell_t **cell_out) {
  (void)cells;
  (void)gru;
  (void)cell_out;
  return fail_absent();
}

void m4s_nv_cell_release(m4s_device_cell_t *cell) { (void)cell; }

m4s_status_t m4s_nv_cell_run(m4s_nv_cells_t *cells, CUstream stream, int number,
                             m4s_device_cell_t *cell, int32_t n_rows, const float *x,
                             const float *states, float *next) {
  (void)cells;
  (void)stream;
  (void)number;
  (void)cell;
  (void)n_rows;
  (void)x;
  (void)states;
  (void)next;
  return fail_absent();
}

void m4s_nv_cells_version(char *text, size_t n_text) { snprintf(text, n_text, "no cuDNN"); }
