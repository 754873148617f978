// What m4sweep bench m4 compares with: OpenBLAS's matrix products, alone and in a step of m4 that
// is written straight down around them.
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bench_m4.h"
#include "m4/kernels.h"

void m4s_bench_blas_start(char name_out[M4S_BENCH_BLAS_NAME_BYTES]) {
  char version[32] = "";
  openblas_set_num_threads(1);
  (void)sscanf(openblas_get_config(), "OpenBLAS %31s", version);
  snprintf(name_out, M4S_BENCH_BLAS_NAME_BYTES, "OpenBLAS%s%s, %.32s kernels",
           version[0] == '\0' ? "" : " ", version, openblas_get_corename());
}

// --- the peak ---

// c = a b with square matrices of `size`.
typedef struct {
  const m4s_kernels_t *kernels;  // own ones; NULL: OpenBLAS
  int size;
  float *a, *b, *c;
} square_t;

static m4s_status_t multiply(void *context) {
  const square_t *square = context;
  int n = square->size;
  if (square->kernels == NULL) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, square->a, n, square->b, n,
                0, square->c, n);
    return M4S_OK;
  }
  const m4s_packed_t weights = {.n_in = n, .n_groups = n / M4S_GROUP, .numbers = square->b};
  // The first row of the activations serves as bias.
  const m4s_linear_t linear = {.a = weights, .bias = square->a};
  m4s_rows_t x = {.base = square->a, .stride = (size_t)n};
  m4s_rows_t out = {.base = square->c, .stride = (size_t)n};
  square->kernels->linear(&linear, n, x, x, out);
  return M4S_OK;
}

// Three square matrices with small numbers, 64-byte aligned.
static m4s_status_t make_matrices(square_t *square, float **numbers_out) {
  size_t n = (size_t)square->size * (size_t)square->size;
  float *numbers = aligned_alloc(64, 3 * n * sizeof *numbers);
  if (numbers == NULL) {
    return m4s_fail_memory("matrices");
  }
  for (size_t i = 0; i < 3 * n; i++) {
    numbers[i] = (float)(i % 7) / 7;
  }
  square->a = numbers;
  square->b = numbers + n;
  square->c = numbers + 2 * n;
  *numbers_out = numbers;
  return M4S_OK;
}

m4s_status_t m4s_bench_peak(m4s_bench_product_t product, double seconds, double *flops_out,
                            int *size_out) {
  static const int sizes[] = {512, 1024, 2048};
  bool own = product == M4S_BENCH_OWN_KERNELS;
  size_t n_sizes = own ? 2 : 3;  // own kernels are not made for large ones
  double largest = 0;
  square_t square = {.kernels = NULL};
  M4S_TRY(own ? m4s_kernels_choose(&square.kernels) : M4S_OK);
  for (size_t i = 0; i < n_sizes; i++) {
    double cpu_s;
    float *numbers = NULL;
    square.size = sizes[i];
    M4S_TRY(make_matrices(&square, &numbers));
    m4s_status_t status = m4s_bench_fastest(seconds, multiply, &square, &cpu_s);
    free(numbers);
    M4S_TRY(status);
    double flops = 2.0 * sizes[i] * sizes[i] * sizes[i] / cpu_s;
    if (flops > largest) {
      largest = flops;
      *size_out = sizes[i];
    }
  }
  *flops_out = largest;
  return M4S_OK;
}

// --- the step ---

struct m4s_bench_baseline {
  const m4s_model_t *model;
  const m4s_step_t *step;
  int n_flows, n_links, n_rows;
  // All [n_rows, …], flows first, without gaps between rows: states, two sets of node features,
  // projected ones, sums over neighbours, the GRU's inputs, products with input and state.
  float *numbers;  // owned, all of them
  float *states, *nodes, *next, *projected, *sums, *input, *of_input, *of_state;
  float *slowdowns;  // [n_flows]
  void (*run)(m4s_bench_baseline_t *baseline);  // for this machine's vectors
  double total_s, sgemm_s;
};

// For shares of the time: a clock that costs next to nothing, even beside small products.
static double wall_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Compiled for several instruction sets each, by inlining.
#define INLINE static inline __attribute__((always_inline))

// out = x weight^T, or added to it. x [n_rows, n_in], weight [n_out, n_in].
static void product(m4s_bench_baseline_t *baseline, int n_rows, const float *x, int n_in,
                    const float *weight, int n_out, bool add, float *out) {
  double began_s = wall_s();
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n_rows, n_out, n_in, 1, x, n_in, weight,
              n_in, add ? 1 : 0, out, n_out);
  baseline->sgemm_s += wall_s() - began_s;
}

// e^x as 2^n e^r, with a polynomial; plain enough to be vectorised.
INLINE float exp_of(float x) {
  const float shift = 12582912.0F;  // 1.5 · 2^23: adding it rounds to an integer
  x = x < -87.0F ? -87.0F : x;
  x = x > 87.0F ? 87.0F : x;
  float shifted = x * 1.44269504F + shift;
  float n = shifted - shift;
  float r = x - n * 0.693359375F + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + UINT32_C(0x3f800000);
  float power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

INLINE float sigmoid(float x) { return 1 / (1 + exp_of(-x)); }

// h' = (1 - i) n + i h for one row; `a` and `b`, [3, n], are W_i x and W_h h.
INLINE void gates(const m4s_gru_t *gru, const float *restrict a, const float *restrict b,
                  float *restrict h) {
  int n = gru->n_hidden;
  const float *restrict p = gru->bias_ih;
  const float *restrict q = gru->bias_hh;
  for (int j = 0; j < n; j++) {
    float r = sigmoid(a[j] + p[j] + b[j] + q[j]);
    float i = sigmoid(a[n + j] + p[n + j] + b[n + j] + q[n + j]);
    float x = a[2 * n + j] + p[2 * n + j] + r * (b[2 * n + j] + q[2 * n + j]);
    float candidate = 2 * sigmoid(2 * x) - 1;
    h[j] = candidate + i * (h[j] - candidate);
  }
}

// Rows first … first + n_rows - 1 of the states; their inputs are `input`, [n_rows, gru->n_in].
INLINE void gru(m4s_bench_baseline_t *baseline, const m4s_gru_t *gru, int first, int n_rows,
                const float *input) {
  int n = gru->n_hidden;
  float *states = baseline->states + (size_t)first * (size_t)n;
  product(baseline, n_rows, input, gru->n_in, gru->weight_ih, 3 * n, false, baseline->of_input);
  product(baseline, n_rows, states, n, gru->weight_hh, 3 * n, false, baseline->of_state);
  for (int row = 0; row < n_rows; row++) {
    size_t gate = (size_t)row * 3 * (size_t)n;
    gates(gru, baseline->of_input + gate, baseline->of_state + gate,
          states + (size_t)row * (size_t)n);
  }
}

INLINE void let_time_pass(m4s_bench_baseline_t *baseline) {
  const m4s_model_t *model = baseline->model;
  const m4s_step_t *step = baseline->step;
  for (int row = 0; row < baseline->n_rows; row++) {
    baseline->input[row] = step->dt_us;
  }
  const float *flows = step->flow_inputs == NULL ? baseline->input : step->flow_inputs;
  const float *links = step->link_inputs == NULL ? baseline->input : step->link_inputs;
  gru(baseline, &model->time_flow, 0, baseline->n_flows, flows);
  gru(baseline, &model->time_link, baseline->n_flows, baseline->n_links, links);
}

// x = max(0, x + bias) for all of [n_rows, n].
INLINE void bias_and_relu(int n_rows, int n, const float *restrict bias, float *restrict x) {
  for (int row = 0; row < n_rows; row++, x += n) {
    for (int j = 0; j < n; j++) {
      float value = x[j] + bias[j];
      x[j] = value < 0 ? 0 : value;
    }
  }
}

INLINE void add_row(int n, const float *restrict x, float *restrict sum) {
  for (int j = 0; j < n; j++) {
    sum[j] += x[j];
  }
}

INLINE void sum_neighbours(m4s_bench_baseline_t *baseline, int n) {
  const m4s_step_t *step = baseline->step;
  size_t row_numbers = (size_t)n;
  memset(baseline->sums, 0, (size_t)baseline->n_rows * row_numbers * sizeof *baseline->sums);
  for (int32_t flow = 0; flow < step->n_flows; flow++) {
    for (int32_t e = step->edge_begin[flow]; e < step->edge_begin[flow + 1]; e++) {
      size_t from = (size_t)flow * row_numbers;
      size_t to = (size_t)(step->n_flows + step->edges[e]) * row_numbers;
      add_row(n, baseline->projected + to, baseline->sums + from);
      add_row(n, baseline->projected + from, baseline->sums + to);
    }
  }
}

// The sum of (x - shift)^2 or of x, in 16 lanes so that it can be vectorised.
INLINE float sum_of(int n, const float *restrict x, float shift, bool squares) {
  enum { LANES = 16 };
  float lanes[LANES] = {0};
  int i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int j = 0; j < LANES; j++) {
      float value = x[i + j] - shift;
      lanes[j] += squares ? value * value : value;
    }
  }
  float sum = 0;
  for (; i < n; i++) {
    float value = x[i] - shift;
    sum += squares ? value * value : value;
  }
  for (int j = 0; j < LANES; j++) {
    sum += lanes[j];
  }
  return sum;
}

INLINE void normalise(const m4s_sage_t *layer, int n_rows, float *restrict x) {
  int n = layer->n_out;
  const float *restrict bias = layer->neighbour_bias;
  const float *restrict weight = layer->norm_weight;
  const float *restrict offset = layer->norm_bias;
  for (int row = 0; row < n_rows; row++, x += n) {
    add_row(n, bias, x);
    float mean = sum_of(n, x, 0, false) / (float)n;
    float variance = sum_of(n, x, mean, true) / (float)n;
    float scale = 1 / sqrtf(variance + 1e-5F);
    for (int j = 0; j < n; j++) {
      x[j] = (x[j] - mean) * scale * weight[j] + offset[j];
    }
  }
}

INLINE void run_gnn(m4s_bench_baseline_t *baseline) {
  const m4s_model_t *model = baseline->model;
  int n_rows = baseline->n_rows;
  const float *x = baseline->states;
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    const m4s_sage_t *layer = &model->gnn[i];
    float *out = i % 2 == 0 ? baseline->nodes : baseline->next;
    product(baseline, n_rows, x, layer->n_in, layer->project_weight, layer->n_in, false,
            baseline->projected);
    bias_and_relu(n_rows, layer->n_in, layer->project_bias, baseline->projected);
    sum_neighbours(baseline, layer->n_in);
    product(baseline, n_rows, baseline->sums, layer->n_in, layer->neighbour_weight, layer->n_out,
            false, out);
    product(baseline, n_rows, x, layer->n_in, layer->own_weight, layer->n_out, true, out);
    normalise(layer, n_rows, out);
    x = out;
  }
  if (x != baseline->nodes) {
    memcpy(baseline->nodes, x, (size_t)n_rows * (size_t)model->hidden * sizeof *x);
  }
}

INLINE void update_states(m4s_bench_baseline_t *baseline) {
  const m4s_model_t *model = baseline->model;
  size_t n = (size_t)model->hidden;
  size_t n_params = (size_t)model->n_params;
  float *to = baseline->input;
  for (int flow = 0; flow < baseline->n_flows; flow++, to += n + n_params) {
    memcpy(to, baseline->nodes + (size_t)flow * n, n * sizeof *to);
    memcpy(to + n, baseline->step->params, n_params * sizeof *to);
  }
  gru(baseline, &model->rate_flow, 0, baseline->n_flows, baseline->input);
  gru(baseline, &model->rate_link, baseline->n_flows, baseline->n_links,
      baseline->nodes + (size_t)baseline->n_flows * n);
}

INLINE void predict(m4s_bench_baseline_t *baseline) {
  const m4s_model_t *model = baseline->model;
  const m4s_mlp_t *mlp = &model->output;
  const m4s_step_t *step = baseline->step;
  size_t n = (size_t)model->hidden;
  size_t n_params = (size_t)model->n_params;
  float *to = baseline->input;
  for (int flow = 0; flow < baseline->n_flows; flow++, to += 1 + n_params + n) {
    to[0] = (float)(step->edge_begin[flow + 1] - step->edge_begin[flow]);
    memcpy(to + 1, step->params, n_params * sizeof *to);
    memcpy(to + 1 + n_params, baseline->states + (size_t)flow * n, n * sizeof *to);
  }
  product(baseline, baseline->n_flows, baseline->input, mlp->n_in, mlp->hidden_weight,
          mlp->n_hidden, false, baseline->of_input);
  bias_and_relu(baseline->n_flows, mlp->n_hidden, mlp->hidden_bias, baseline->of_input);
  product(baseline, baseline->n_flows, baseline->of_input, mlp->n_hidden, mlp->out_weight, 1, false,
          baseline->slowdowns);
  for (int flow = 0; flow < baseline->n_flows; flow++) {
    baseline->slowdowns[flow] += mlp->out_bias[0];
  }
}

INLINE void run_step(m4s_bench_baseline_t *baseline) {
  if (m4s_step_passes_time(baseline->step)) {
    let_time_pass(baseline);
  }
  run_gnn(baseline);
  update_states(baseline);
  predict(baseline);
}

static void run_generic(m4s_bench_baseline_t *baseline) { run_step(baseline); }

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void run_avx2(m4s_bench_baseline_t *baseline) {
  run_step(baseline);
}

__attribute__((target("avx512f,avx512dq,avx512vl,fma"))) static void run_avx512(
    m4s_bench_baseline_t *baseline) {
  run_step(baseline);
}

static void choose_instructions(m4s_bench_baseline_t *baseline) {
  if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    baseline->run = run_avx512;
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    baseline->run = run_avx2;
  } else {
    baseline->run = run_generic;
  }
}
#else
static void choose_instructions(m4s_bench_baseline_t *baseline) { baseline->run = run_generic; }
#endif

m4s_status_t m4s_bench_baseline_run(void *context) {
  m4s_bench_baseline_t *baseline = context;
  double began_s = wall_s();
  baseline->run(baseline);
  baseline->total_s += wall_s() - began_s;
  return M4S_OK;
}

const float *m4s_bench_baseline_slowdowns(const m4s_bench_baseline_t *baseline) {
  return baseline->slowdowns;
}

double m4s_bench_baseline_sgemm_share(const m4s_bench_baseline_t *baseline) {
  return baseline->sgemm_s / baseline->total_s;
}

static void copy_states(m4s_bench_baseline_t *baseline, m4s_engine_t *engine) {
  size_t n = (size_t)baseline->model->hidden;
  float *to = baseline->states;
  for (int i = 0; i < baseline->n_flows; i++, to += n) {
    memcpy(to, m4s_engine_flow_state(engine, baseline->step->flow_rows[i]), n * sizeof *to);
  }
  for (int i = 0; i < baseline->n_links; i++, to += n) {
    memcpy(to, m4s_engine_link_state(engine, baseline->step->link_rows[i]), n * sizeof *to);
  }
}

static m4s_status_t make_room(m4s_bench_baseline_t *baseline) {
  const m4s_model_t *model = baseline->model;
  int32_t widest = model->gnn_hidden > model->hidden ? model->gnn_hidden : model->hidden;
  const size_t widths[] = {(size_t)model->hidden,
                           (size_t)widest,
                           (size_t)widest,
                           (size_t)widest,
                           (size_t)widest,
                           (size_t)(1 + model->n_params + model->hidden),
                           (size_t)(3 * model->hidden),
                           (size_t)(3 * model->hidden),
                           1};
  float **const parts[] = {&baseline->states,    &baseline->nodes,    &baseline->next,
                           &baseline->projected, &baseline->sums,     &baseline->input,
                           &baseline->of_input,  &baseline->of_state, &baseline->slowdowns};
  enum { N_PARTS = sizeof parts / sizeof *parts };
  size_t n = 0;
  size_t offsets[N_PARTS];
  for (size_t i = 0; i < N_PARTS; i++) {
    offsets[i] = n;
    n += ((size_t)baseline->n_rows * widths[i] + 15) / 16 * 16;
  }
  baseline->numbers = aligned_alloc(64, n * sizeof *baseline->numbers);
  if (baseline->numbers == NULL) {
    return m4s_fail_memory("the rows of a step");
  }
  memset(baseline->numbers, 0, n * sizeof *baseline->numbers);
  for (size_t i = 0; i < N_PARTS; i++) {
    *parts[i] = baseline->numbers + offsets[i];
  }
  return M4S_OK;
}

m4s_status_t m4s_bench_baseline_create(const m4s_model_t *model, const m4s_bench_step_t *step,
                                       m4s_bench_baseline_t **baseline_out) {
  m4s_bench_baseline_t *baseline = malloc(sizeof *baseline);
  if (baseline == NULL) {
    return m4s_fail_memory("a step");
  }
  *baseline = (m4s_bench_baseline_t){.model = model,
                                     .step = &step->step,
                                     .n_flows = step->step.n_flows,
                                     .n_links = step->step.n_links,
                                     .n_rows = step->step.n_flows + step->step.n_links};
  choose_instructions(baseline);
  m4s_status_t status = make_room(baseline);
  if (status != M4S_OK) {
    free(baseline);
    return status;
  }
  copy_states(baseline, step->engine);
  *baseline_out = baseline;
  return M4S_OK;
}

void m4s_bench_baseline_destroy(m4s_bench_baseline_t *baseline) {
  if (baseline != NULL) {
    free(baseline->numbers);
    free(baseline);
  }
}
