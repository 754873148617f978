// The arithmetic of a tape, compiled once per precision and instruction set (tape_<set>.c). The
// includer defines
//   number_t, gemm          float or double, and OpenBLAS's matrix product for it
//   v_t, LANES, load(), store(), sigmoid_v(), tanh_v()
//                           vectors of these numbers, as m4/vectors.h has them
//   INSTRUCTIONS            the name of the set
// Backward functions follow the forward ones by the chain rule; `d_x` is the loss's derivative by
// x.

// A matrix without its number of rows: row r at base + r * stride.
typedef struct {
  number_t *base;
  size_t stride;
} rows_t;

typedef struct {
  const m4s_model_t *model;
  const float *origin;
  const number_t *weights;
  number_t *gradients;
} weights_t;

static rows_t rows_of(void *base, int32_t stride) {
  return (rows_t){.base = base, .stride = (size_t)stride};
}

static rows_t rows_from(rows_t rows, int32_t first) {
  return (rows_t){.base = rows.base + (size_t)first * rows.stride, .stride = rows.stride};
}

static rows_t columns_from(rows_t rows, int32_t first) {
  return (rows_t){.base = rows.base + first, .stride = rows.stride};
}

static const number_t *weight_of(const weights_t *weights, const float *place) {
  return weights->weights + (place - weights->origin);
}

static number_t *gradient_of(const weights_t *weights, const float *place) {
  return weights->gradients + (place - weights->origin);
}

// --- matrix products ---

// A matrix of weights [n_out, n_in], or some columns of one.
typedef struct {
  const float *place;  // in the model
  int32_t n_out, n_in;
  int32_t stride;
} matrix_t;

// out = x weight^T, or added to `out`.
static void multiply(const weights_t *weights, matrix_t matrix, int32_t n_rows, rows_t x, bool add,
                     rows_t out) {
  if (n_rows > 0 && matrix.n_in > 0) {
    gemm(CblasRowMajor, CblasNoTrans, CblasTrans, n_rows, matrix.n_out, matrix.n_in, 1, x.base,
         (int)x.stride, weight_of(weights, matrix.place), matrix.stride, add ? 1 : 0, out.base,
         (int)out.stride);
  }
}

// d_x = d_out weight, or added to `d_x`.
static void multiply_back(const weights_t *weights, matrix_t matrix, int32_t n_rows, rows_t d_out,
                          bool add, rows_t d_x) {
  if (n_rows > 0 && matrix.n_in > 0) {
    gemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n_rows, matrix.n_in, matrix.n_out, 1,
         d_out.base, (int)d_out.stride, weight_of(weights, matrix.place), matrix.stride,
         add ? 1 : 0, d_x.base, (int)d_x.stride);
  }
}

// The weights' gradient: d_out^T x.
static void add_gradient(const weights_t *weights, matrix_t matrix, int32_t n_rows, rows_t d_out,
                         rows_t x) {
  if (n_rows > 0 && matrix.n_in > 0) {
    gemm(CblasRowMajor, CblasTrans, CblasNoTrans, matrix.n_out, matrix.n_in, n_rows, 1, d_out.base,
         (int)d_out.stride, x.base, (int)x.stride, 1, gradient_of(weights, matrix.place),
         matrix.stride);
  }
}

// sums[j] = sum of column j.
static void sum_columns(int32_t n_rows, int32_t n, rows_t rows, number_t *restrict sums) {
  memset(sums, 0, (size_t)n * sizeof *sums);
  for (int32_t row = 0; row < n_rows; row++) {
    const number_t *restrict x = rows.base + (size_t)row * rows.stride;
    for (int32_t j = 0; j < n; j++) {
      sums[j] += x[j];
    }
  }
}

static void add_row(int32_t n, const number_t *restrict x, number_t *restrict sum) {
  for (int32_t j = 0; j < n; j++) {
    sum[j] += x[j];
  }
}

// --- recurrent cells ---

// The rows of one cell in a step. Inputs are in two parts, the second may have no columns.
typedef struct {
  const m4s_gru_t *cell;
  int32_t n_rows, n_first;
  rows_t first, second;
  rows_t state, next;
  rows_t gates;
} recurrence_t;

static matrix_t first_inputs(const recurrence_t *rec) {
  const m4s_gru_t *cell = rec->cell;
  return (matrix_t){cell->weight_ih, 3 * cell->n_hidden, rec->n_first, cell->n_in};
}

static matrix_t second_inputs(const recurrence_t *rec) {
  const m4s_gru_t *cell = rec->cell;
  return (matrix_t){cell->weight_ih + rec->n_first, 3 * cell->n_hidden, cell->n_in - rec->n_first,
                    cell->n_in};
}

// Of the gates r and i.
static matrix_t state_to_gates(const m4s_gru_t *cell) {
  return (matrix_t){cell->weight_hh, 2 * cell->n_hidden, cell->n_hidden, cell->n_hidden};
}

static matrix_t state_to_candidate(const m4s_gru_t *cell) {
  int32_t n = cell->n_hidden;
  return (matrix_t){cell->weight_hh + (size_t)2 * (size_t)n * (size_t)n, n, n, n};
}

// The numbers of a vector from column j of n on; 0 beyond.
static inline __attribute__((always_inline)) v_t load_part(const number_t *from, int32_t j,
                                                           int32_t n) {
  if (j + LANES <= n) {
    return load(from + j);
  }
  number_t part[LANES] = {0};
  memcpy(part, from + j, (size_t)(n - j) * sizeof *part);
  return load(part);
}

static inline __attribute__((always_inline)) void store_part(number_t *to, int32_t j, int32_t n,
                                                             v_t value) {
  if (j + LANES <= n) {
    store(to + j, value);
    return;
  }
  number_t part[LANES];
  store(part, value);
  memcpy(to + j, part, (size_t)(n - j) * sizeof *part);
}

// One row. In `gates` the sums of products with input and state of r and i, then n's product with
// the input and with the state; they become r, i, n, W_hn h + b_hn.
static inline __attribute__((always_inline)) void pass_gates(int32_t n, const number_t *bias_ih,
                                                             const number_t *bias_hh,
                                                             const number_t *state, number_t *gates,
                                                             number_t *next) {
  number_t *gate_i = gates + n;
  number_t *gate_n = gate_i + n;
  number_t *gate_h = gate_n + n;
  const number_t *ih_i = bias_ih + n, *hh_i = bias_hh + n;
  const number_t *ih_n = ih_i + n, *hh_n = hh_i + n;
  for (int32_t j = 0; j < n; j += LANES) {
    v_t r = sigmoid_v(load_part(gates, j, n) + load_part(bias_ih, j, n) + load_part(bias_hh, j, n));
    v_t i = sigmoid_v(load_part(gate_i, j, n) + load_part(ih_i, j, n) + load_part(hh_i, j, n));
    v_t of_state = load_part(gate_h, j, n) + load_part(hh_n, j, n);
    v_t candidate = tanh_v(load_part(gate_n, j, n) + load_part(ih_n, j, n) + r * of_state);
    store_part(gates, j, n, r);
    store_part(gate_i, j, n, i);
    store_part(gate_n, j, n, candidate);
    store_part(gate_h, j, n, of_state);
    store_part(next, j, n, candidate + i * (load_part(state, j, n) - candidate));
  }
}

static void pass_cell(const weights_t *weights, const recurrence_t *rec) {
  const m4s_gru_t *cell = rec->cell;
  const int32_t n = cell->n_hidden;
  multiply(weights, first_inputs(rec), rec->n_rows, rec->first, false, rec->gates);
  multiply(weights, second_inputs(rec), rec->n_rows, rec->second, true, rec->gates);
  multiply(weights, state_to_gates(cell), rec->n_rows, rec->state, true, rec->gates);
  multiply(weights, state_to_candidate(cell), rec->n_rows, rec->state, false,
           columns_from(rec->gates, 3 * n));
  const number_t *bias_ih = weight_of(weights, cell->bias_ih);
  const number_t *bias_hh = weight_of(weights, cell->bias_hh);
  for (int32_t row = 0; row < rec->n_rows; row++) {
    pass_gates(n, bias_ih, bias_hh, rec->state.base + (size_t)row * rec->state.stride,
               rec->gates.base + (size_t)row * rec->gates.stride,
               rec->next.base + (size_t)row * rec->next.stride);
  }
}

// One row: the gates' derivatives by what goes into them, in their places; `d` is that of the next
// state and becomes the part of the state's that does not pass through the gates.
static void pass_gates_back(int32_t n, const number_t *restrict state, number_t *restrict gates,
                            number_t *restrict d) {
  number_t *restrict gate_i = gates + n;
  number_t *restrict gate_n = gate_i + n;
  number_t *restrict gate_h = gate_n + n;
  for (int32_t j = 0; j < n; j++) {
    number_t r = gates[j];
    number_t i = gate_i[j];
    number_t candidate = gate_n[j];
    number_t d_candidate = d[j] * (1 - i) * (1 - candidate * candidate);
    gates[j] = d_candidate * gate_h[j] * r * (1 - r);
    gate_i[j] = d[j] * (state[j] - candidate) * i * (1 - i);
    gate_n[j] = d_candidate;
    gate_h[j] = d_candidate * r;
    d[j] *= i;
  }
}

static void add_bias_gradients(const weights_t *weights, const recurrence_t *rec, number_t *sums) {
  const m4s_gru_t *cell = rec->cell;
  const int32_t n = cell->n_hidden;
  sum_columns(rec->n_rows, 4 * n, rec->gates, sums);
  add_row(3 * n, sums, gradient_of(weights, cell->bias_ih));
  add_row(2 * n, sums, gradient_of(weights, cell->bias_hh));
  add_row(n, sums + (size_t)3 * (size_t)n,
          gradient_of(weights, cell->bias_hh) + (size_t)2 * (size_t)n);
}

// `d`: of the next states, becomes that of the states. `d_first` (of the first part of the inputs)
// may be without a base.
static void pass_cell_back(const weights_t *weights, const recurrence_t *rec, rows_t d,
                           rows_t d_first, number_t *sums) {
  const m4s_gru_t *cell = rec->cell;
  const int32_t n = cell->n_hidden;
  for (int32_t row = 0; row < rec->n_rows; row++) {
    pass_gates_back(n, rec->state.base + (size_t)row * rec->state.stride,
                    rec->gates.base + (size_t)row * rec->gates.stride,
                    d.base + (size_t)row * d.stride);
  }
  rows_t of_state = columns_from(rec->gates, 3 * n);
  add_gradient(weights, first_inputs(rec), rec->n_rows, rec->gates, rec->first);
  add_gradient(weights, second_inputs(rec), rec->n_rows, rec->gates, rec->second);
  add_gradient(weights, state_to_gates(cell), rec->n_rows, rec->gates, rec->state);
  add_gradient(weights, state_to_candidate(cell), rec->n_rows, of_state, rec->state);
  add_bias_gradients(weights, rec, sums);
  multiply_back(weights, state_to_gates(cell), rec->n_rows, rec->gates, true, d);
  multiply_back(weights, state_to_candidate(cell), rec->n_rows, of_state, true, d);
  if (d_first.base != NULL) {
    multiply_back(weights, first_inputs(rec), rec->n_rows, rec->gates, false, d_first);
  }
}

// --- graph network ---

// relu(x + bias) in place.
static void add_bias_and_relu(int32_t n_rows, int32_t n, const number_t *restrict bias,
                              rows_t rows) {
  for (int32_t row = 0; row < n_rows; row++) {
    number_t *restrict x = rows.base + (size_t)row * rows.stride;
    for (int32_t j = 0; j < n; j++) {
      number_t value = x[j] + bias[j];
      x[j] = value < 0 ? 0 : value;  // NaN stays NaN
    }
  }
}

// The sum over the neighbours of `row` in `values`.
static void sum_neighbours(const m4s_tape_pass_t *pass, int32_t row, int32_t n, rows_t values,
                           number_t *restrict sum) {
  memset(sum, 0, (size_t)n * sizeof *sum);
  for (int32_t e = pass->begin[row]; e < pass->begin[row + 1]; e++) {
    add_row(n, values.base + (size_t)pass->neighbours[e] * values.stride, sum);
  }
}

// The sum of a row's n numbers f(j), over lanes so that it can be vectorised.
enum { SUM_LANES = 16 };
#define SUM(n, f, sum_out) \
  do { \
    number_t lanes_[SUM_LANES] = {0}; \
    int32_t begin_ = 0; \
    for (; begin_ + SUM_LANES <= (n); begin_ += SUM_LANES) { \
      for (int32_t lane_ = 0; lane_ < SUM_LANES; lane_++) { \
        lanes_[lane_] += f(begin_ + lane_); \
      } \
    } \
    for (int32_t lane_ = 0; begin_ + lane_ < (n); lane_++) { \
      lanes_[lane_] += f(begin_ + lane_); \
    } \
    for (int32_t width_ = SUM_LANES / 2; width_ > 0; width_ /= 2) { \
      for (int32_t lane_ = 0; lane_ < width_; lane_++) { \
        lanes_[lane_] += lanes_[lane_ + width_]; \
      } \
    } \
    (sum_out) = lanes_[0]; \
  } while (0)

// x = (x + bias - mean) / deviation, out = x weight + offset; returns 1 / deviation.
static number_t normalise(int32_t n, const number_t *restrict bias, const number_t *restrict weight,
                          const number_t *restrict offset, number_t *restrict x,
                          number_t *restrict out) {
  number_t mean, variance;
  add_row(n, bias, x);
#define VALUE(j) (x[j])
  SUM(n, VALUE, mean);
#undef VALUE
  mean /= (number_t)n;
#define SQUARE(j) ((x[j] - mean) * (x[j] - mean))
  SUM(n, SQUARE, variance);
#undef SQUARE
  number_t scale = 1 / (number_t)sqrt((double)(variance / (number_t)n + (number_t)1e-5));
  for (int32_t j = 0; j < n; j++) {
    x[j] = (x[j] - mean) * scale;
    out[j] = x[j] * weight[j] + offset[j];
  }
  return scale;
}

// `normalised` becomes the derivative by what went in, `d_weight` and `d_offset` are added to.
static void normalise_back(int32_t n, number_t scale, const number_t *restrict weight,
                           const number_t *restrict d_out, number_t *restrict normalised,
                           number_t *restrict d_weight, number_t *restrict d_offset) {
  number_t mean, moment;
#define VALUE(j) (d_out[j] * weight[j])
  SUM(n, VALUE, mean);
#undef VALUE
#define MOMENT(j) (d_out[j] * weight[j] * normalised[j])
  SUM(n, MOMENT, moment);
#undef MOMENT
  mean /= (number_t)n;
  moment /= (number_t)n;
  for (int32_t j = 0; j < n; j++) {
    d_weight[j] += d_out[j] * normalised[j];
    d_offset[j] += d_out[j];
    normalised[j] = (d_out[j] * weight[j] - mean - normalised[j] * moment) * scale;
  }
}

// The rows of [W_p; W_r]: the parameters put W_r behind W_p.
static matrix_t own_matrix(const m4s_sage_t *sage) {
  return (matrix_t){sage->project_weight, sage->n_in + sage->n_out, sage->n_in, sage->n_in};
}

static matrix_t neighbour_matrix(const m4s_sage_t *sage) {
  return (matrix_t){sage->neighbour_weight, sage->n_out, sage->n_in, sage->n_in};
}

static void pass_layer(const weights_t *weights, const m4s_sage_t *sage,
                       const m4s_tape_pass_t *pass, const m4s_tape_layer_t *layer, rows_t x) {
  const int32_t n_rows = pass->n_rows;
  rows_t joint = rows_of(layer->joint, sage->n_in + sage->n_out);
  rows_t sums = rows_of(layer->sums, sage->n_in);
  rows_t own = columns_from(joint, sage->n_in);
  rows_t out = rows_of(layer->out, sage->n_out);
  number_t *scales = layer->scales;
  multiply(weights, own_matrix(sage), n_rows, x, false, joint);
  add_bias_and_relu(n_rows, sage->n_in, weight_of(weights, sage->project_bias), joint);
  for (int32_t row = 0; row < n_rows; row++) {
    sum_neighbours(pass, row, sage->n_in, joint, rows_from(sums, row).base);
  }
  multiply(weights, neighbour_matrix(sage), n_rows, sums, true, own);
  for (int32_t row = 0; row < n_rows; row++) {
    scales[row] =
        normalise(sage->n_out, weight_of(weights, sage->neighbour_bias),
                  weight_of(weights, sage->norm_weight), weight_of(weights, sage->norm_bias),
                  rows_from(own, row).base, rows_from(out, row).base);
  }
}

static void normalise_rows_back(const weights_t *weights, const m4s_sage_t *sage, int32_t n_rows,
                                const number_t *scales, rows_t d_out, rows_t own, number_t *sums) {
  const int32_t n = sage->n_out;
  const number_t *weight = weight_of(weights, sage->norm_weight);
  memset(sums, 0, (size_t)2 * (size_t)n * sizeof *sums);
  for (int32_t row = 0; row < n_rows; row++) {
    normalise_back(n, scales[row], weight, rows_from(d_out, row).base, rows_from(own, row).base,
                   sums, sums + n);
  }
  add_row(n, sums, gradient_of(weights, sage->norm_weight));
  add_row(n, sums + n, gradient_of(weights, sage->norm_bias));
}

// The derivative by what went into the relu of the projection, in the place of its output: each
// row's was added to its neighbours' sums.
static void project_back(const m4s_tape_pass_t *pass, int32_t n, rows_t d_sums, rows_t projected,
                         number_t *restrict d) {
  for (int32_t row = 0; row < pass->n_rows; row++) {
    number_t *restrict x = rows_from(projected, row).base;
    sum_neighbours(pass, row, n, d_sums, d);
    for (int32_t j = 0; j < n; j++) {
      x[j] = x[j] > 0 ? d[j] : 0;
    }
  }
}

// `d`: of the layer's output; d_x: of its input, may be the same memory, or is added to.
static void pass_layer_back(const weights_t *weights, const m4s_sage_t *sage,
                            const m4s_tape_pass_t *pass, const m4s_tape_layer_t *layer, rows_t x,
                            const m4s_tape_scratch_t *scratch, bool add, rows_t d_x) {
  const int32_t n_rows = pass->n_rows;
  rows_t joint = rows_of(layer->joint, sage->n_in + sage->n_out);
  rows_t own = columns_from(joint, sage->n_in);
  rows_t d_sums = rows_of(scratch->d_sums, sage->n_in);
  normalise_rows_back(weights, sage, n_rows, layer->scales, rows_of(scratch->d_nodes, sage->n_out),
                      own, scratch->row);
  add_gradient(weights, neighbour_matrix(sage), n_rows, own, rows_of(layer->sums, sage->n_in));
  multiply_back(weights, neighbour_matrix(sage), n_rows, own, false, d_sums);
  project_back(pass, sage->n_in, d_sums, joint, scratch->row);
  add_gradient(weights, own_matrix(sage), n_rows, joint, x);
  number_t *sums = scratch->row;
  sum_columns(n_rows, sage->n_in + sage->n_out, joint, sums);
  add_row(sage->n_in, sums, gradient_of(weights, sage->project_bias));
  add_row(sage->n_out, sums + sage->n_in, gradient_of(weights, sage->neighbour_bias));
  multiply_back(weights, own_matrix(sage), n_rows, joint, add, d_x);
}

// --- layers that read states ---

// One of them: features, then the state, to a hidden layer and a number a row.
typedef struct {
  const m4s_mlp_t *mlp;
  int32_t n_rows, n_features;
  rows_t features, state, hidden;
} readout_t;

static matrix_t feature_matrix(const readout_t *readout) {
  const m4s_mlp_t *mlp = readout->mlp;
  return (matrix_t){mlp->hidden_weight, mlp->n_hidden, readout->n_features, mlp->n_in};
}

static matrix_t state_matrix(const readout_t *readout) {
  const m4s_mlp_t *mlp = readout->mlp;
  return (matrix_t){mlp->hidden_weight + readout->n_features, mlp->n_hidden,
                    mlp->n_in - readout->n_features, mlp->n_in};
}

static void read_out(const weights_t *weights, const readout_t *readout, double *out) {
  const m4s_mlp_t *mlp = readout->mlp;
  const int32_t n = mlp->n_hidden;
  multiply(weights, state_matrix(readout), readout->n_rows, readout->state, false, readout->hidden);
  multiply(weights, feature_matrix(readout), readout->n_rows, readout->features, true,
           readout->hidden);
  add_bias_and_relu(readout->n_rows, n, weight_of(weights, mlp->hidden_bias), readout->hidden);
  const number_t *restrict weight = weight_of(weights, mlp->out_weight);
  for (int32_t row = 0; row < readout->n_rows; row++) {
    const number_t *restrict x = rows_from(readout->hidden, row).base;
    number_t sum;
#define TERM(j) (x[j] * weight[j])
    SUM(n, TERM, sum);
#undef TERM
    out[row] = (double)(sum + *weight_of(weights, mlp->out_bias));
  }
}

// One row: the derivative by what went into the relu, in the place of its output.
static void unfold(int32_t n, number_t d, const number_t *restrict weight,
                   number_t *restrict hidden, number_t *restrict d_weight) {
  for (int32_t j = 0; j < n; j++) {
    d_weight[j] += d * hidden[j];
    hidden[j] = hidden[j] > 0 ? d * weight[j] : 0;
  }
}

// Adds to d_state.
static void read_out_back(const weights_t *weights, const readout_t *readout, const double *d,
                          rows_t d_state, number_t *sums) {
  const m4s_mlp_t *mlp = readout->mlp;
  const int32_t n = mlp->n_hidden;
  double d_bias = 0;
  memset(sums, 0, (size_t)n * sizeof *sums);
  for (int32_t row = 0; row < readout->n_rows; row++) {
    unfold(n, (number_t)d[row], weight_of(weights, mlp->out_weight),
           rows_from(readout->hidden, row).base, sums);
    d_bias += d[row];
  }
  add_row(n, sums, gradient_of(weights, mlp->out_weight));
  *gradient_of(weights, mlp->out_bias) += (number_t)d_bias;
  add_gradient(weights, feature_matrix(readout), readout->n_rows, readout->hidden,
               readout->features);
  add_gradient(weights, state_matrix(readout), readout->n_rows, readout->hidden, readout->state);
  sum_columns(readout->n_rows, n, readout->hidden, sums);
  add_row(n, sums, gradient_of(weights, mlp->hidden_bias));
  multiply_back(weights, state_matrix(readout), readout->n_rows, readout->hidden, true, d_state);
}

// --- a step's parts ---

// The flows' or the links' rows of the time cells.
static recurrence_t time_rows(const m4s_model_t *model, const m4s_tape_pass_t *pass, bool links) {
  const int32_t first = links ? pass->n_flows : 0;
  const m4s_gru_t *cell = links ? &model->time_link : &model->time_flow;
  return (recurrence_t){.cell = cell,
                        .n_rows = links ? pass->n_timed_links : pass->n_timed_flows,
                        .n_first = cell->n_in,
                        .first = rows_of(links ? pass->link_inputs : pass->flow_inputs, cell->n_in),
                        .state = rows_from(rows_of(pass->before, model->hidden), first),
                        .next = rows_from(rows_of(pass->between, model->hidden), first),
                        .gates = rows_from(rows_of(pass->time_gates, 4 * model->hidden), first)};
}

static recurrence_t rate_rows(const m4s_model_t *model, const m4s_tape_pass_t *pass, bool links) {
  const int32_t first = links ? pass->n_flows : 0;
  void *nodes = pass->layers[model->n_gnn_layers - 1].out;
  recurrence_t rec = {.cell = links ? &model->rate_link : &model->rate_flow,
                      .n_rows = links ? pass->n_links : pass->n_flows,
                      .n_first = model->hidden,
                      .first = rows_from(rows_of(nodes, model->hidden), first),
                      .state = rows_from(rows_of(pass->between, model->hidden), first),
                      .next = rows_from(rows_of(pass->after, model->hidden), first),
                      .gates = rows_from(rows_of(pass->rate_gates, 4 * model->hidden), first)};
  if (!links) {
    rec.second = columns_from(rows_of(pass->features, 1 + model->n_params), 1);
  }
  return rec;
}

static readout_t prediction_rows(const m4s_model_t *model, const m4s_tape_pass_t *pass) {
  return (readout_t){.mlp = &model->output,
                     .n_rows = pass->n_flows,
                     .n_features = 1 + model->n_params,
                     .features = rows_of(pass->features, 1 + model->n_params),
                     .state = rows_of(pass->after, model->hidden),
                     .hidden = rows_of(pass->hidden_prediction, model->hidden)};
}

static readout_t remaining_rows(const m4s_model_t *model, const m4s_tape_pass_t *pass) {
  return (readout_t){.mlp = &model->remaining,
                     .n_rows = pass->n_flows,
                     .state = rows_of(pass->after, model->hidden),
                     .hidden = rows_of(pass->hidden_remaining, model->hidden)};
}

static readout_t queue_rows(const m4s_model_t *model, const m4s_tape_pass_t *pass) {
  return (readout_t){.mlp = &model->queue,
                     .n_rows = pass->n_links,
                     .state = rows_from(rows_of(pass->after, model->hidden), pass->n_flows),
                     .hidden = rows_of(pass->hidden_queue, model->hidden)};
}

// What goes into GNN layer `layer`.
static rows_t nodes_of(const m4s_model_t *model, const m4s_tape_pass_t *pass, int32_t layer) {
  return layer == 0 ? rows_of(pass->between, model->hidden)
                    : rows_of(pass->layers[layer - 1].out, model->gnn_hidden);
}

// --- forward ---

static void copy_rows(const m4s_model_t *model, int32_t first, int32_t end, void *from, void *to) {
  memcpy(rows_from(rows_of(to, model->hidden), first).base,
         rows_from(rows_of(from, model->hidden), first).base,
         (size_t)(end - first) * (size_t)model->hidden * sizeof(number_t));
}

static void let_time_pass(const weights_t *weights, const m4s_tape_pass_t *pass) {
  for (int links = 0; links < 2; links++) {
    const recurrence_t rec = time_rows(weights->model, pass, links);
    pass_cell(weights, &rec);
  }
  copy_rows(weights->model, pass->n_timed_flows, pass->n_flows, pass->before, pass->between);
  copy_rows(weights->model, pass->n_flows + pass->n_timed_links, pass->n_rows, pass->before,
            pass->between);
}

static weights_t weights_of(const m4s_tape_weights_t *weights) {
  return (weights_t){.model = weights->model,
                     .origin = weights->origin,
                     .weights = weights->weights,
                     .gradients = weights->gradients};
}

static void forward(const m4s_tape_weights_t *tape_weights, m4s_tape_pass_t *pass) {
  const weights_t weights = weights_of(tape_weights);
  const m4s_model_t *model = weights.model;
  let_time_pass(&weights, pass);
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    pass_layer(&weights, &model->gnn[i], pass, &pass->layers[i], nodes_of(model, pass, i));
  }
  for (int links = 0; links < 2; links++) {
    const recurrence_t rec = rate_rows(model, pass, links);
    pass_cell(&weights, &rec);
  }
  const readout_t readouts[] = {prediction_rows(model, pass), remaining_rows(model, pass),
                                queue_rows(model, pass)};
  double *const out[] = {pass->predictions, pass->remaining, pass->queues};
  for (int i = 0; i < 3; i++) {
    if (out[i] != NULL) {
      read_out(&weights, &readouts[i], out[i]);
    }
  }
}

// --- backward ---

static void read_outs_back(const weights_t *weights, const m4s_tape_pass_t *pass,
                           const m4s_tape_scratch_t *scratch) {
  const m4s_model_t *model = weights->model;
  const readout_t readouts[] = {prediction_rows(model, pass), remaining_rows(model, pass),
                                queue_rows(model, pass)};
  const double *const d[] = {pass->record.d_predictions, pass->record.d_remaining,
                             pass->record.d_queues};
  rows_t d_states = rows_of(scratch->d_states, model->hidden);
  for (int i = 0; i < 3; i++) {
    if (d[i] != NULL) {
      read_out_back(weights, &readouts[i], d[i],
                    i == 2 ? rows_from(d_states, pass->n_flows) : d_states, scratch->row);
    }
  }
}

static void read_inputs_back(const recurrence_t *rec, const void *d_inputs, double *d_out) {
  const number_t *d = d_inputs;
  size_t n = (size_t)rec->n_rows * (size_t)rec->n_first;
  for (size_t i = 0; i < n; i++) {
    d_out[i] = (double)d[i];
  }
}

static void let_time_pass_back(const weights_t *weights, const m4s_tape_pass_t *pass,
                               const m4s_tape_scratch_t *scratch) {
  rows_t d_states = rows_of(scratch->d_states, weights->model->hidden);
  for (int links = 0; links < 2; links++) {
    const recurrence_t rec = time_rows(weights->model, pass, links);
    double *d_inputs = links ? pass->d_link_inputs : pass->d_flow_inputs;
    rows_t d_first = {.stride = (size_t)rec.n_first};
    d_first.base = d_inputs == NULL ? NULL : scratch->d_inputs;
    pass_cell_back(weights, &rec, rows_from(d_states, links ? pass->n_flows : 0), d_first,
                   scratch->row);
    if (d_inputs != NULL) {
      read_inputs_back(&rec, scratch->d_inputs, d_inputs);
    }
  }
}

static void backward(const m4s_tape_weights_t *tape_weights, m4s_tape_pass_t *pass,
                     const m4s_tape_scratch_t *scratch) {
  const weights_t weights = weights_of(tape_weights);
  const m4s_model_t *model = weights.model;
  rows_t d_states = rows_of(scratch->d_states, model->hidden);
  read_outs_back(&weights, pass, scratch);
  for (int links = 0; links < 2; links++) {
    const recurrence_t rec = rate_rows(model, pass, links);
    int32_t first = links ? pass->n_flows : 0;
    pass_cell_back(&weights, &rec, rows_from(d_states, first),
                   rows_from(rows_of(scratch->d_nodes, model->hidden), first), scratch->row);
  }
  for (int32_t i = model->n_gnn_layers - 1; i >= 0; i--) {
    pass_layer_back(&weights, &model->gnn[i], pass, &pass->layers[i], nodes_of(model, pass, i),
                    scratch, i == 0,
                    i == 0 ? d_states : rows_of(scratch->d_nodes, model->gnn_hidden));
  }
  let_time_pass_back(&weights, pass, scratch);
}

// --- other numbers ---

static void convert(size_t n, const float *from, void *to) {
  number_t *numbers = to;
  for (size_t i = 0; i < n; i++) {
    numbers[i] = (number_t)from[i];
  }
}

static void read_numbers(size_t n, const void *from, double *to) {
  const number_t *numbers = from;
  for (size_t i = 0; i < n; i++) {
    to[i] = (double)numbers[i];
  }
}

static void add(size_t n, const void *from, double *to) {
  const number_t *numbers = from;
  for (size_t i = 0; i < n; i++) {
    to[i] += (double)numbers[i];
  }
}

static const m4s_tape_kernels_t kernels = {.instructions = INSTRUCTIONS,
                                           .number_bytes = sizeof(number_t),
                                           .convert = convert,
                                           .read = read_numbers,
                                           .add = add,
                                           .forward = forward,
                                           .backward = backward};
