// The vector kernels of the fast forward pass, one set per instruction set.
//
// Every output number is one chain of operations in an order that depends neither on the rows
// around it nor on the width of the vectors (sums over a row run over 16 lanes, always), and all
// operations are exactly rounded: so all sets give the same bits, for any number of rows.
//
// Matrices of activations are row-major, rows are 64-byte aligned and padded to whole groups of 16
// columns. The padding may be read but means nothing; linear() and layer_norm() leave zeros there.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum { M4S_GROUP = 16 };  // columns, the lanes of a sum

// Groups of the next panel where n_left are left: threes, but no single one unless it is all.
static inline int32_t m4s_panel_groups(int32_t n_left) {
  return n_left == 1 ? 1 : n_left == 2 || n_left == 4 ? 2 : 3;
}

static inline int32_t m4s_groups_of(int32_t n_columns) {
  return (n_columns + M4S_GROUP - 1) / M4S_GROUP;
}

// Weights [n_out, n_in] in the order in which a kernel reads them: panels of up to three groups of
// outputs, in a panel by input, then by output. A GRU's panel holds the gates r, i, n of one group
// of units.
typedef struct {
  int32_t n_in, n_groups;  // groups of outputs; a GRU's: of units
  float *numbers;  // borrowed
} m4s_packed_t;

// Rows of activations: row r at base + r * stride.
typedef struct {
  float *base;
  size_t stride;  // numbers
} m4s_rows_t;

// out = bias + first · A + second · B, then max(0, ·) if `relu`. B may be absent (n_in 0).
typedef struct {
  m4s_packed_t a, b;
  float *bias;  // borrowed, [n_groups * 16]
  int relu;
} m4s_linear_t;

// h' = (1 - i) n + i h with r, i, n of a GRU cell (m4/model.h).
typedef struct {
  m4s_packed_t input, state;
  float *bias;  // borrowed, [n_groups, 4, 16]: r, i (both biases), n of the input, n of the state
} m4s_gru_packed_t;

typedef struct {
  const char *name;
  void (*linear)(const m4s_linear_t *linear, int32_t n_rows, m4s_rows_t first, m4s_rows_t second,
                 m4s_rows_t out);
  // `out` must not be `state`.
  void (*gru)(const m4s_gru_packed_t *gru, int32_t n_rows, m4s_rows_t input, m4s_rows_t state,
              m4s_rows_t out);
  // row = (row - mean) / sqrt(variance + 1e-5) * weight + bias over the first n_columns, in place.
  void (*layer_norm)(int32_t n_columns, const float *weight, const float *bias, int32_t n_rows,
                     m4s_rows_t rows);
  // out[i] = sum of the rows of `values` listed in neighbours[begin[i]] … neighbours[begin[i+1]-1].
  void (*sum_neighbours)(int32_t n_groups, int32_t n_rows, const int32_t *begin,
                         const int32_t *neighbours, m4s_rows_t values, m4s_rows_t out);
  // out[i] = bias + row i · weight.
  void (*dot)(int32_t n_groups, const float *weight, float bias, int32_t n_rows, m4s_rows_t rows,
              float *out);
} m4s_kernels_t;

// NULL where this build or machine does not have them.
const m4s_kernels_t *m4s_kernels_avx512(void);
const m4s_kernels_t *m4s_kernels_avx2(void);
const m4s_kernels_t *m4s_kernels_generic(void);

// The fastest set of this machine, or the one that the environment's M4SWEEP_INSTRUCTIONS names.
// M4S_ERR_INPUT where this machine does not have that one.
m4s_status_t m4s_kernels_choose(const m4s_kernels_t **kernels_out);
