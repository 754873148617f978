// The kernels' code, compiled once per instruction set (kernels_<set>.c). The includer defines
// ROWS (of a tile, at most 8), KERNELS (the name of the set) and what m4/vectors.h wants.

#include "m4/vectors.h"

enum { PARTS = M4S_GROUP / LANES };  // vectors of a group
enum { GATES = 3 };  // of a GRU, and groups of a panel
enum { CHUNK = 32 };  // inputs of a partial sum
enum { ROW_BLOCK = 192 };  // rows whose activations stay in the second-level cache

// acc[row][g] += x[row][k] * w[k][g] for one part of each of n_groups groups: sums over CHUNK
// ascending k, then the sum of these, whose rounding errors are smaller than those of one long sum.
INLINE void multiply(v_t acc[ROWS][GATES], int n_rows, int n_groups, int part, const float *x,
                     size_t stride, const float *w, int32_t n_in) {
  w += part * LANES;
  for (int32_t begin = 0; begin < n_in; begin += CHUNK) {
    int32_t end = n_in - begin < CHUNK ? n_in : begin + CHUNK;
    v_t sum[ROWS][GATES];
    UNROLL for (int row = 0; row < n_rows; row++) {
      UNROLL for (int g = 0; g < n_groups; g++) { sum[row][g] = set(0.0F); }
    }
    for (int32_t k = begin; k < end; k++, w += n_groups * M4S_GROUP) {
      v_t b[GATES];
      UNROLL for (int g = 0; g < n_groups; g++) { b[g] = load(w + g * M4S_GROUP); }
      UNROLL for (int row = 0; row < n_rows; row++) {
        v_t a = set(x[(size_t)row * stride + (size_t)k]);
        UNROLL for (int g = 0; g < n_groups; g++) { sum[row][g] = fma_v(a, b[g], sum[row][g]); }
      }
    }
    UNROLL for (int row = 0; row < n_rows; row++) {
      UNROLL for (int g = 0; g < n_groups; g++) { acc[row][g] += sum[row][g]; }
    }
  }
}

// One tile of a linear layer: n_rows rows, one part of the n_groups groups of a panel.
INLINE void linear_tile(const m4s_linear_t *linear, int n_rows, int n_groups, int part,
                        int32_t first_group, const float *x, size_t x_stride, const float *y,
                        size_t y_stride, float *out, size_t out_stride) {
  v_t acc[ROWS][GATES];
  size_t column = (size_t)first_group * M4S_GROUP;
  UNROLL for (int row = 0; row < n_rows; row++) {
    UNROLL for (int g = 0; g < n_groups; g++) {
      acc[row][g] = load(linear->bias + column + g * M4S_GROUP + part * LANES);
    }
  }
  multiply(acc, n_rows, n_groups, part, x, x_stride,
           linear->a.numbers + column * (size_t)linear->a.n_in, linear->a.n_in);
  if (linear->b.n_in > 0) {
    multiply(acc, n_rows, n_groups, part, y, y_stride,
             linear->b.numbers + column * (size_t)linear->b.n_in, linear->b.n_in);
  }
  UNROLL for (int row = 0; row < n_rows; row++) {
    UNROLL for (int g = 0; g < n_groups; g++) {
      v_t value = acc[row][g];
      value = linear->relu ? choose(value < set(0.0F), set(0.0F), value) : value;
      store(out + (size_t)row * out_stride + column + g * M4S_GROUP + part * LANES, value);
    }
  }
}

INLINE void linear_rows(const m4s_linear_t *linear, int n_rows, int n_groups, int32_t first_group,
                        const float *x, size_t x_stride, const float *y, size_t y_stride,
                        float *out, size_t out_stride) {
  for (int part = 0; part < PARTS; part++) {
    switch (n_rows) {
#define CASE(n) \
  case n: \
    linear_tile(linear, n, n_groups, part, first_group, x, x_stride, y, y_stride, out, \
                out_stride); \
    break;
      CASE(1)
      CASE(2)
      CASE(3)
      CASE(4)
#if ROWS > 4
      CASE(5)
      CASE(6)
      CASE(7)
      CASE(8)
#endif
#undef CASE
    }
  }
}

static void linear(const m4s_linear_t *linear, int32_t n_rows, m4s_rows_t first, m4s_rows_t second,
                   m4s_rows_t out) {
  int32_t n_groups = linear->a.n_groups;
  for (int32_t block = 0; block < n_rows; block += ROW_BLOCK) {
    int32_t block_end = n_rows - block < ROW_BLOCK ? n_rows : block + ROW_BLOCK;
    int32_t width;
    for (int32_t group = 0; group < n_groups; group += width) {
      width = m4s_panel_groups(n_groups - group);
      for (int32_t row = block; row < block_end; row += ROWS) {
        int n = block_end - row < ROWS ? (int)(block_end - row) : ROWS;
        const float *x = first.base + (size_t)row * first.stride;
        const float *y = second.base + (size_t)row * second.stride;
        float *to = out.base + (size_t)row * out.stride;
        switch (width) {
          case 1:
            linear_rows(linear, n, 1, group, x, first.stride, y, second.stride, to, out.stride);
            break;
          case 2:
            linear_rows(linear, n, 2, group, x, first.stride, y, second.stride, to, out.stride);
            break;
          default:
            linear_rows(linear, n, 3, group, x, first.stride, y, second.stride, to, out.stride);
        }
      }
    }
  }
}

// One tile of a GRU cell: n_rows rows, one part of a group of units.
INLINE void gru_tile(const m4s_gru_packed_t *gru, int n_rows, int part, int32_t group,
                     const float *x, size_t x_stride, const float *h, size_t h_stride, float *out,
                     size_t out_stride) {
  enum { R, I, N };
  v_t acc[ROWS][GATES];
  v_t n_of_input[ROWS];
  const size_t panel = (size_t)group * GATES * M4S_GROUP;
  const float *bias = gru->bias + (size_t)group * 4 * M4S_GROUP + part * LANES;
  UNROLL for (int row = 0; row < n_rows; row++) {
    UNROLL for (int g = 0; g < GATES; g++) { acc[row][g] = load(bias + g * M4S_GROUP); }
  }
  multiply(acc, n_rows, GATES, part, x, x_stride,
           gru->input.numbers + panel * (size_t)gru->input.n_in, gru->input.n_in);
  UNROLL for (int row = 0; row < n_rows; row++) {
    n_of_input[row] = acc[row][N];
    acc[row][N] = load(bias + 3 * M4S_GROUP);
  }
  multiply(acc, n_rows, GATES, part, h, h_stride,
           gru->state.numbers + panel * (size_t)gru->state.n_in, gru->state.n_in);
  size_t column = (size_t)group * M4S_GROUP + (size_t)part * LANES;
  UNROLL for (int row = 0; row < n_rows; row++) {
    v_t r = sigmoid_v(acc[row][R]);
    v_t i = sigmoid_v(acc[row][I]);
    v_t n = tanh_v(fma_v(r, acc[row][N], n_of_input[row]));
    v_t before = load(h + (size_t)row * h_stride + column);
    store(out + (size_t)row * out_stride + column, fma_v(i, before - n, n));
  }
}

static void gru(const m4s_gru_packed_t *gru, int32_t n_rows, m4s_rows_t input, m4s_rows_t state,
                m4s_rows_t out) {
  for (int32_t block = 0; block < n_rows; block += ROW_BLOCK) {
    int32_t block_end = n_rows - block < ROW_BLOCK ? n_rows : block + ROW_BLOCK;
    for (int32_t group = 0; group < gru->state.n_groups; group++) {
      for (int32_t row = block; row < block_end; row += ROWS) {
        const float *x = input.base + (size_t)row * input.stride;
        const float *h = state.base + (size_t)row * state.stride;
        float *to = out.base + (size_t)row * out.stride;
        int n = block_end - row < ROWS ? (int)(block_end - row) : ROWS;
        for (int part = 0; part < PARTS; part++) {
          switch (n) {
#define CASE(n) \
  case n: \
    gru_tile(gru, n, part, group, x, input.stride, h, state.stride, to, out.stride); \
    break;
            CASE(1)
            CASE(2)
            CASE(3)
            CASE(4)
#if ROWS > 4
            CASE(5)
            CASE(6)
            CASE(7)
            CASE(8)
#endif
#undef CASE
          }
        }
      }
    }
  }
}

// The sum of the 16 lanes, in one order.
INLINE float sum_lanes(const v_t lanes[PARTS]) {
  float a[M4S_GROUP];
  memcpy(a, lanes, sizeof a);
  for (int width = M4S_GROUP / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; i++) {
      a[i] += a[i + width];
    }
  }
  return a[0];
}

// Keeps the lanes of columns below n_columns, else 0.
INLINE v_t keep(v_t value, int32_t column, int32_t n_columns) {
  if (column + LANES <= n_columns) {
    return value;
  }
  for (int i = 0; i < LANES; i++) {
    value[i] = column + i < n_columns ? value[i] : 0.0F;
  }
  return value;
}

static void layer_norm(int32_t n_columns, const float *weight, const float *bias, int32_t n_rows,
                       m4s_rows_t rows) {
  int32_t n_padded = m4s_groups_of(n_columns) * M4S_GROUP;
  for (int32_t row = 0; row < n_rows; row++) {
    float *x = rows.base + (size_t)row * rows.stride;
    v_t sums[PARTS] = {{0}};
    v_t squares[PARTS] = {{0}};
    for (int32_t i = 0; i < n_padded; i += M4S_GROUP) {
      for (int part = 0; part < PARTS; part++) {
        sums[part] += load(x + i + part * LANES);  // the padding is 0
      }
    }
    v_t mean = set(sum_lanes(sums) / (float)n_columns);
    for (int32_t i = 0; i < n_padded; i += M4S_GROUP) {
      for (int part = 0; part < PARTS; part++) {
        int32_t column = i + part * LANES;
        v_t centred = keep(load(x + column) - mean, column, n_columns);
        store(x + column, centred);
        squares[part] = fma_v(centred, centred, squares[part]);
      }
    }
    v_t scale = set(1.0F / sqrtf(sum_lanes(squares) / (float)n_columns + 1e-5F));
    for (int32_t i = 0; i < n_padded; i += LANES) {
      store(x + i, fma_v(load(x + i) * scale, load(weight + i), load(bias + i)));
    }
  }
}

static void sum_neighbours(int32_t n_groups, int32_t n_rows, const int32_t *begin,
                           const int32_t *neighbours, m4s_rows_t values, m4s_rows_t out) {
  for (int32_t row = 0; row < n_rows; row++) {
    float *to = out.base + (size_t)row * out.stride;
    memset(to, 0, (size_t)n_groups * M4S_GROUP * sizeof *to);
    for (int32_t e = begin[row]; e < begin[row + 1]; e++) {
      const float *from = values.base + (size_t)neighbours[e] * values.stride;
      for (int32_t i = 0; i < n_groups * M4S_GROUP; i += LANES) {
        store(to + i, load(to + i) + load(from + i));
      }
    }
  }
}

static void dot(int32_t n_groups, const float *weight, float bias, int32_t n_rows, m4s_rows_t rows,
                float *out) {
  for (int32_t row = 0; row < n_rows; row++) {
    const float *x = rows.base + (size_t)row * rows.stride;
    v_t sums[PARTS] = {{0}};
    for (int32_t i = 0; i < n_groups * M4S_GROUP; i += M4S_GROUP) {
      for (int part = 0; part < PARTS; part++) {
        int32_t column = i + part * LANES;
        sums[part] = fma_v(load(x + column), load(weight + column), sums[part]);
      }
    }
    out[row] = sum_lanes(sums) + bias;
  }
}

static const m4s_kernels_t kernels = {.name = KERNELS,
                                      .linear = linear,
                                      .gru = gru,
                                      .layer_norm = layer_norm,
                                      .sum_neighbours = sum_neighbours,
                                      .dot = dot};
