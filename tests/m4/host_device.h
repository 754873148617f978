// A device (m4/cuda/device.h) on the host: the GPU's kernels item by item, products as plain loops,
// graphs that are lists of what was launched. What is given to a stream waits until the stream is
// waited for, so that whatever comes too early or too late shows.
#pragma once

#include "support.h"

#include "m4/cuda/bodies.h"
#include "m4/cuda/device.h"

enum { HOST_DEVICE_MAX_WORK = 512, HOST_DEVICE_MAX_ARGS = 160 };

typedef enum {
  HOST_WORK_COPY,
  HOST_WORK_LAUNCH,
  HOST_WORK_MULTIPLY,
  HOST_WORK_CELL,
  HOST_WORK_FOLLOW
} host_work_kind_t;

typedef struct {
  host_work_kind_t kind;
  void *to;  // copy, multiply (y), cell (next)
  const void *from;  // copy, multiply (x), cell (x)
  size_t n_bytes;
  m4s_kernel_id_t kernel;
  union {
    max_align_t align;
    unsigned char bytes[HOST_DEVICE_MAX_ARGS];
  } args;
  int64_t n_items;
  m4s_device_product_t product;
  const float *states;
  const m4s_device_cell_t *cell;
  int32_t n_rows, from_stride, to_stride;
  int other;
  int64_t until;  // of the other stream
} host_work_t;

struct m4s_device_graph {
  host_work_t *work;
  int n;
};

typedef struct {
  host_work_t *work;  // owned, [n]: not done yet
  int n, capacity;
  int64_t n_done;
  m4s_device_graph_t *recording;
} host_stream_t;

struct m4s_device_cell {
  int32_t n_in, n_hidden;
  float *weight_ih, *weight_hh, *bias_ih, *bias_hh;  // owned
};

typedef struct {
  host_stream_t streams[M4S_DEVICE_STREAMS];
  size_t bytes_left;  // of memory
  int64_t n_launches, n_replays, n_blocks;  // n_blocks: of memory that are held
  int64_t launches_left;  // until the device is lost
  bool refuses_graphs;
  bool is_wrong;  // computes something else
} host_device_t;

static inline m4s_status_t host_check(host_device_t *device) {
  return device->launches_left > 0 ? M4S_OK
                                   : m4s_fail(M4S_ERR_DEVICE, "the GPU is lost: planted by a test");
}

// --- memory ---

static inline m4s_status_t host_allocate(void *state, size_t n_bytes, void **memory_out) {
  host_device_t *device = state;
  if (n_bytes > device->bytes_left) {
    return m4s_fail_memory("what a test does not want");
  }
  // 64 bytes in front keep the size.
  size_t *block = aligned_alloc(64, (n_bytes + 64 + 63) / 64 * 64);
  assert_non_null(block);
  *block = n_bytes;
  memset((char *)block + 64, 0, n_bytes);
  device->bytes_left -= n_bytes;
  device->n_blocks++;
  *memory_out = (char *)block + 64;
  return M4S_OK;
}

static inline void host_release(void *state, void *memory) {
  host_device_t *device = state;
  size_t *block = (size_t *)((char *)memory - 64);
  device->bytes_left += *block;
  device->n_blocks--;
  free(block);
}

static inline m4s_status_t host_allocate_host(void *state, size_t n_bytes, void **memory_out) {
  host_device_t *device = state;
  *memory_out = malloc(n_bytes);
  device->n_blocks++;
  assert_non_null(*memory_out);
  return M4S_OK;
}

static inline void host_release_host(void *state, void *memory) {
  host_device_t *device = state;
  device->n_blocks--;
  free(memory);
}

static inline m4s_status_t host_free_bytes(void *state, size_t *n_bytes_out) {
  *n_bytes_out = ((host_device_t *)state)->bytes_left;
  return M4S_OK;
}

// --- what is done ---

// As the lanes of a warp add up.
static inline float host_over_lanes(float values[M4S_KERNEL_LANES]) {
  for (int distance = M4S_KERNEL_LANES / 2; distance > 0; distance /= 2) {
    float sums[M4S_KERNEL_LANES];
    for (int lane = 0; lane < M4S_KERNEL_LANES; lane++) {
      sums[lane] = values[lane] + values[lane ^ distance];
    }
    memcpy(values, sums, sizeof sums);
  }
  return values[0];
}

static inline void host_norm(const m4s_norm_args_t *args, int64_t row) {
  float values[M4S_KERNEL_LANES];
  if (!m4s_row_is_there(m4s_upload_of(args->upload), row)) {
    return;
  }
  for (int lane = 0; lane < M4S_KERNEL_LANES; lane++) {
    values[lane] = m4s_norm_sum(args, row, lane);
  }
  float mean = host_over_lanes(values) / (float)args->n_columns;
  for (int lane = 0; lane < M4S_KERNEL_LANES; lane++) {
    values[lane] = m4s_norm_squares(args, row, lane, mean);
  }
  float variance = host_over_lanes(values) / (float)args->n_columns;
  for (int lane = 0; lane < M4S_KERNEL_LANES; lane++) {
    m4s_norm_write(args, row, lane, mean, variance);
  }
}

static inline void host_predict(const m4s_predict_args_t *args, int64_t row) {
  float values[M4S_KERNEL_LANES];
  if (m4s_flow_of(m4s_upload_of(args->upload), row) < 0) {
    return;
  }
  for (int lane = 0; lane < M4S_KERNEL_LANES; lane++) {
    values[lane] = m4s_predict_sum(args, row, lane);
  }
  args->predictions[row] = args->out_bias + host_over_lanes(values);
}

#define HOST_CASE(name, call) \
  case M4S_KERNEL_##name: \
    for (int64_t item = 0; item < work->n_items; item++) { \
      call((const void *)work->args.bytes, item); \
    } \
    break;

static inline void host_launch_now(const host_work_t *work) {
  switch (work->kernel) {
    HOST_CASE(reset, m4s_reset_item)
    HOST_CASE(gather, m4s_gather_item)
    HOST_CASE(features, m4s_features_item)
    HOST_CASE(gates, m4s_gates_item)
    HOST_CASE(place, m4s_place_item)
    HOST_CASE(sum, m4s_sum_item)
    HOST_CASE(norm, host_norm)
    HOST_CASE(predict, host_predict)
    HOST_CASE(scatter, m4s_scatter_item)
    case M4S_N_DEVICE_KERNELS:
      fail_msg("no kernel");
  }
}

static inline void host_product(const float *weight, int32_t n_out, int32_t n_in, const float *x,
                                float *y) {
  for (int32_t out = 0; out < n_out; out++) {
    float sum = 0;
    for (int32_t k = 0; k < n_in; k++) {
      sum += weight[(size_t)out * (size_t)n_in + (size_t)k] * x[k];
    }
    y[out] = sum;
  }
}

static inline void host_multiply_now(const host_work_t *work, bool is_wrong) {
  for (int32_t row = 0; row < work->n_rows; row++) {
    float *y = (float *)work->to + (size_t)row * (size_t)work->to_stride;
    host_product(work->product.weight, work->product.n_out, work->product.n_in,
                 (const float *)work->from + (size_t)row * (size_t)work->from_stride, y);
    y[0] += is_wrong ? 1 : 0;
  }
}

static inline void host_cell_now(const host_work_t *work) {
  const m4s_device_cell_t *cell = work->cell;
  size_t n = (size_t)cell->n_hidden;
  float *from_x = calloc(6 * n, sizeof *from_x);
  assert_non_null(from_x);
  float *from_state = from_x + 3 * n;
  for (size_t row = 0; row < (size_t)work->n_rows; row++) {
    const float *state = work->states + row * n;
    host_product(cell->weight_ih, 3 * cell->n_hidden, cell->n_in,
                 (const float *)work->from + row * (size_t)cell->n_in, from_x);
    host_product(cell->weight_hh, 3 * cell->n_hidden, cell->n_hidden, state, from_state);
    for (size_t j = 0; j < n; j++) {
      float sums[4] = {
          from_x[j] + cell->bias_ih[j] + from_state[j] + cell->bias_hh[j],
          from_x[n + j] + cell->bias_ih[n + j] + from_state[n + j] + cell->bias_hh[n + j],
          from_x[2 * n + j] + cell->bias_ih[2 * n + j],
          from_state[2 * n + j] + cell->bias_hh[2 * n + j]};
      ((float *)work->to)[row * n + j] = m4s_gate(sums[0], sums[1], sums[2], sums[3], state[j]);
    }
  }
  free(from_x);
}

static inline void host_run_until(host_device_t *device, int stream, int64_t until);

static inline void host_do(host_device_t *device, const host_work_t *work) {
  switch (work->kind) {
    case HOST_WORK_COPY:
      memcpy(work->to, work->from, work->n_bytes);
      break;
    case HOST_WORK_LAUNCH:
      host_launch_now(work);
      break;
    case HOST_WORK_MULTIPLY:
      host_multiply_now(work, device->is_wrong);
      break;
    case HOST_WORK_CELL:
      host_cell_now(work);
      break;
    case HOST_WORK_FOLLOW:
      host_run_until(device, work->other, work->until);
      break;
  }
}

// Does the stream's work up to a number of it.
static inline void host_run_until(host_device_t *device, int stream, int64_t until) {
  host_stream_t *s = &device->streams[stream];
  while (s->n > 0 && s->n_done < until) {
    host_work_t work = s->work[0];
    memmove(s->work, s->work + 1, (size_t)--s->n * sizeof *s->work);
    s->n_done++;
    host_do(device, &work);
  }
}

static inline m4s_status_t host_add(host_device_t *device, int stream, const host_work_t *work) {
  host_stream_t *s = &device->streams[stream];
  if (s->recording != NULL) {
    assert_true(work->kind != HOST_WORK_COPY && work->kind != HOST_WORK_FOLLOW);
    assert_true(s->recording->n < HOST_DEVICE_MAX_WORK);
    s->recording->work[s->recording->n++] = *work;
    return M4S_OK;
  }
  if (s->n == s->capacity) {
    s->capacity = 2 * s->capacity + 64;
    s->work = realloc(s->work, (size_t)s->capacity * sizeof *s->work);
    assert_non_null(s->work);
  }
  s->work[s->n++] = *work;
  return M4S_OK;
}

// --- the table ---

static inline m4s_status_t host_copy(void *state, int stream, void *to, const void *from,
                                     size_t n_bytes) {
  host_device_t *device = state;
  M4S_TRY(host_check(device));
  const host_work_t work = {.kind = HOST_WORK_COPY, .to = to, .from = from, .n_bytes = n_bytes};
  return host_add(device, stream, &work);
}

static inline m4s_status_t host_launch(void *state, int stream, m4s_kernel_id_t kernel,
                                       const void *args, int64_t n_items) {
  static const size_t sizes[] = {
      [M4S_KERNEL_reset] = sizeof(m4s_reset_args_t),
      [M4S_KERNEL_gather] = sizeof(m4s_gather_args_t),
      [M4S_KERNEL_features] = sizeof(m4s_features_args_t),
      [M4S_KERNEL_gates] = sizeof(m4s_gates_args_t),
      [M4S_KERNEL_place] = sizeof(m4s_place_args_t),
      [M4S_KERNEL_sum] = sizeof(m4s_sum_args_t),
      [M4S_KERNEL_norm] = sizeof(m4s_norm_args_t),
      [M4S_KERNEL_predict] = sizeof(m4s_predict_args_t),
      [M4S_KERNEL_scatter] = sizeof(m4s_scatter_args_t),
  };
  host_device_t *device = state;
  host_work_t work = {.kind = HOST_WORK_LAUNCH, .kernel = kernel, .n_items = n_items};
  assert_true(sizes[kernel] <= sizeof work.args.bytes);
  M4S_TRY(host_check(device));
  memcpy(work.args.bytes, args, sizes[kernel]);
  device->n_launches++;
  device->launches_left--;
  return host_add(device, stream, &work);
}

static inline m4s_status_t host_multiply(void *state, int stream,
                                         const m4s_device_product_t *product, int32_t n_rows,
                                         const float *x, int32_t x_stride, float *y,
                                         int32_t y_stride) {
  host_device_t *device = state;
  M4S_TRY(host_check(device));
  assert_true(((uintptr_t)x | (uintptr_t)y | (uintptr_t)product->weight) % 16 == 0);
  assert_true((x_stride | y_stride | product->n_in | product->n_out) % 4 == 0);
  assert_true(x_stride >= product->n_in && y_stride >= product->n_out);
  const host_work_t work = {.kind = HOST_WORK_MULTIPLY,
                            .to = y,
                            .from = x,
                            .product = *product,
                            .n_rows = n_rows,
                            .from_stride = x_stride,
                            .to_stride = y_stride};
  return host_add(device, stream, &work);
}

static inline float *host_keep(const float *numbers, size_t n) {
  float *copy = malloc(n * sizeof *copy);
  assert_non_null(copy);
  return memcpy(copy, numbers, n * sizeof *copy);
}

static inline m4s_status_t host_make_cell(void *state, const m4s_device_gru_t *gru,
                                          m4s_device_cell_t **cell_out) {
  size_t n_gates = 3 * (size_t)gru->n_hidden;
  m4s_device_cell_t *cell = malloc(sizeof *cell);
  assert_non_null(cell);
  *cell =
      (m4s_device_cell_t){.n_in = gru->n_in,
                          .n_hidden = gru->n_hidden,
                          .weight_ih = host_keep(gru->weight_ih, n_gates * (size_t)gru->n_in),
                          .weight_hh = host_keep(gru->weight_hh, n_gates * (size_t)gru->n_hidden),
                          .bias_ih = host_keep(gru->bias_ih, n_gates),
                          .bias_hh = host_keep(gru->bias_hh, n_gates)};
  ((host_device_t *)state)->n_blocks++;
  *cell_out = cell;
  return M4S_OK;
}

static inline void host_release_cell(void *state, m4s_device_cell_t *cell) {
  ((host_device_t *)state)->n_blocks--;
  free(cell->weight_ih);
  free(cell->weight_hh);
  free(cell->bias_ih);
  free(cell->bias_hh);
  free(cell);
}

static inline m4s_status_t host_run_cell(void *state, int stream, m4s_device_cell_t *cell,
                                         int32_t n_rows, const float *x, const float *states,
                                         float *next) {
  host_device_t *device = state;
  M4S_TRY(host_check(device));
  assert_true(next != states);
  const host_work_t work = {.kind = HOST_WORK_CELL,
                            .to = next,
                            .from = x,
                            .states = states,
                            .cell = cell,
                            .n_rows = n_rows};
  return host_add(device, stream, &work);
}

static inline m4s_status_t host_begin_graph(void *state, int stream) {
  host_device_t *device = state;
  host_stream_t *s = &device->streams[stream];
  M4S_TRY(host_check(device));
  if (device->refuses_graphs) {
    return m4s_fail(M4S_ERR_DEVICE, "no graphs: planted by a test");
  }
  assert_null(s->recording);
  s->recording = calloc(1, sizeof *s->recording);
  assert_non_null(s->recording);
  s->recording->work = calloc(HOST_DEVICE_MAX_WORK, sizeof(host_work_t));
  assert_non_null(s->recording->work);
  return M4S_OK;
}

static inline m4s_status_t host_end_graph(void *state, int stream, m4s_device_graph_t **graph_out) {
  host_stream_t *s = &((host_device_t *)state)->streams[stream];
  if (s->recording == NULL) {
    return m4s_fail(M4S_ERR_DEVICE, "nothing was recorded");
  }
  ((host_device_t *)state)->n_blocks++;
  *graph_out = s->recording;
  s->recording = NULL;
  return M4S_OK;
}

static inline m4s_status_t host_replay(void *state, int stream, m4s_device_graph_t *graph) {
  host_device_t *device = state;
  M4S_TRY(host_check(device));
  device->n_replays++;
  device->launches_left--;
  for (int i = 0; i < graph->n; i++) {
    M4S_TRY(host_add(device, stream, &graph->work[i]));
  }
  return M4S_OK;
}

static inline void host_release_graph(void *state, m4s_device_graph_t *graph) {
  ((host_device_t *)state)->n_blocks--;
  free(graph->work);
  free(graph);
}

static inline m4s_status_t host_follow(void *state, int stream, int other) {
  host_device_t *device = state;
  M4S_TRY(host_check(device));
  const host_stream_t *o = &device->streams[other];
  const host_work_t work = {
      .kind = HOST_WORK_FOLLOW, .other = other, .until = o->n_done + (int64_t)o->n};
  return host_add(device, stream, &work);
}

static inline m4s_status_t host_synchronise(void *state, int stream) {
  host_device_t *device = state;
  host_run_until(device, stream, INT64_MAX);
  return host_check(device);
}

static inline m4s_status_t host_mark(void *state, int stream, int mark) {
  (void)stream;
  assert_in_range(mark, 0, M4S_DEVICE_MARKS - 1);
  return host_check(state);
}

static inline m4s_status_t host_seconds_between(void *state, int stream, int first, int last,
                                                double *s_out) {
  (void)stream;
  *s_out = last - first;
  return host_check(state);
}

static const m4s_device_ops_t host_device_ops = {
    .allocate = host_allocate,
    .release = host_release,
    .allocate_host = host_allocate_host,
    .release_host = host_release_host,
    .free_bytes = host_free_bytes,
    .upload = host_copy,
    .download = host_copy,
    .copy = host_copy,
    .launch = host_launch,
    .multiply = host_multiply,
    .make_cell = host_make_cell,
    .release_cell = host_release_cell,
    .run_cell = host_run_cell,
    .begin_graph = host_begin_graph,
    .end_graph = host_end_graph,
    .replay = host_replay,
    .release_graph = host_release_graph,
    .follow = host_follow,
    .synchronise = host_synchronise,
    .mark = host_mark,
    .seconds_between = host_seconds_between,
};

// A device with plenty of memory. Free with host_device_clear().
static inline host_device_t host_device(void) {
  return (host_device_t){.bytes_left = (size_t)1 << 30, .launches_left = INT64_MAX};
}

static inline m4s_device_t host_device_of(host_device_t *state) {
  return (m4s_device_t){.ops = &host_device_ops, .state = state};
}

// All memory and graphs have been given back.
static inline void host_device_clear(host_device_t *device) {
  assert_int_equal(device->n_blocks, 0);
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    assert_null(device->streams[i].recording);
    free(device->streams[i].work);
  }
}
