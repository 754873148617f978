#include "m4/fast.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/arena.h"
#include "m4/graph.h"

enum { ALIGNMENT = 64, PAGE_BYTES = 2 << 20, N_MATRICES = 4 };

// Memory that is kept from batch to batch.
typedef struct {
  void *items;  // owned
  size_t n_bytes;
} room_t;

typedef struct {
  int32_t n_out;
  m4s_linear_t project, combine;
  float *norm_weight, *norm_bias;  // [n_out], padded
} layer_t;

struct m4s_fast {
  m4s_arena_t weights;  // of all layers, packed
  const m4s_kernels_t *kernels;
  int32_t hidden, n_params, n_layers;
  int32_t n_flow_inputs, n_link_inputs;
  m4s_gru_packed_t time_flow, time_link, rate_flow, rate_link;
  layer_t layers[M4S_MODEL_MAX_GNN_LAYERS];
  m4s_linear_t output_hidden;  // inputs in the order state, parameters, number of links
  float *output_weight;  // [hidden], padded
  float output_bias;
  size_t stride;  // numbers of a row of activations
  room_t numbers, places, begin, neighbours;  // of a pass
};

// Memory in large pages, where the system has them; NULL without memory. For free().
static void *take_pages(size_t n_bytes) {
  size_t rounded = (n_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
  void *pages = aligned_alloc(PAGE_BYTES, rounded);
  if (pages != NULL) {
    (void)madvise(pages, rounded, MADV_HUGEPAGE);  // slower without
  }
  return pages;
}

// [n] zeros that live as long as `fast`; NULL without memory.
static float *take_floats(m4s_fast_t *fast, size_t n) {
  float *numbers = m4s_arena_take(&fast->weights, n * sizeof *numbers);
  return numbers == NULL ? NULL : memset(numbers, 0, n * sizeof *numbers);
}

// [n] numbers padded with zeros to whole groups; NULL without memory.
static float *pad(m4s_fast_t *fast, const float *numbers, int32_t n) {
  float *padded = take_floats(fast, (size_t)m4s_groups_of(n) * M4S_GROUP);
  if (padded != NULL) {
    memcpy(padded, numbers, (size_t)n * sizeof *numbers);
  }
  return padded;
}

// Where a group of outputs of a linear layer lies for input 0, and the distance to the next input.
typedef struct {
  size_t offset, step;
} place_t;

static place_t place_of(int32_t group, int32_t n_groups, int32_t n_in) {
  int32_t first = 0;
  for (;;) {
    int32_t width = m4s_panel_groups(n_groups - first);
    if (group < first + width) {
      size_t panel = (size_t)first * M4S_GROUP * (size_t)n_in;
      return (place_t){.offset = panel + (size_t)(group - first) * M4S_GROUP,
                       .step = (size_t)width * M4S_GROUP};
    }
    first += width;
  }
}

// Packs weight [n_out, n_in].
static m4s_status_t pack_linear(m4s_fast_t *fast, const float *weight, int32_t n_out, int32_t n_in,
                                m4s_packed_t *packed_out) {
  int32_t n_groups = m4s_groups_of(n_out);
  float *numbers = take_floats(fast, (size_t)n_groups * M4S_GROUP * (size_t)n_in);
  if (numbers == NULL) {
    return m4s_fail_memory("packed weights");
  }
  for (int32_t out = 0; out < n_out; out++) {
    place_t place = place_of(out / M4S_GROUP, n_groups, n_in);
    float *to = numbers + place.offset + out % M4S_GROUP;
    for (int32_t k = 0; k < n_in; k++) {
      to[(size_t)k * place.step] = weight[(size_t)out * (size_t)n_in + (size_t)k];
    }
  }
  *packed_out = (m4s_packed_t){.n_in = n_in, .n_groups = n_groups, .numbers = numbers};
  return M4S_OK;
}

// Packs the three gates of weight [3 n_hidden, n_in].
static m4s_status_t pack_gates(m4s_fast_t *fast, const float *weight, int32_t n_hidden,
                               int32_t n_in, m4s_packed_t *packed_out) {
  int32_t n_groups = m4s_groups_of(n_hidden);
  float *numbers = take_floats(fast, (size_t)n_groups * 3 * M4S_GROUP * (size_t)n_in);
  if (numbers == NULL) {
    return m4s_fail_memory("packed weights");
  }
  for (int32_t row = 0; row < 3 * n_hidden; row++) {
    int32_t gate = row / n_hidden;
    int32_t unit = row % n_hidden;
    float *to = numbers + (size_t)(unit / M4S_GROUP) * 3 * M4S_GROUP * (size_t)n_in +
                gate * M4S_GROUP + unit % M4S_GROUP;
    for (int32_t k = 0; k < n_in; k++) {
      to[(size_t)k * 3 * M4S_GROUP] = weight[(size_t)row * (size_t)n_in + (size_t)k];
    }
  }
  *packed_out = (m4s_packed_t){.n_in = n_in, .n_groups = n_groups, .numbers = numbers};
  return M4S_OK;
}

static m4s_status_t pack_gru(m4s_fast_t *fast, const m4s_gru_t *gru, m4s_gru_packed_t *packed) {
  const int32_t n = gru->n_hidden;
  M4S_TRY(pack_gates(fast, gru->weight_ih, n, gru->n_in, &packed->input));
  M4S_TRY(pack_gates(fast, gru->weight_hh, n, n, &packed->state));
  float *bias = take_floats(fast, (size_t)m4s_groups_of(n) * 4 * M4S_GROUP);
  packed->bias = bias;
  if (bias == NULL) {
    return m4s_fail_memory("packed weights");
  }
  for (int32_t i = 0; i < n; i++) {
    float *to = bias + (size_t)(i / M4S_GROUP) * 4 * M4S_GROUP + i % M4S_GROUP;
    to[0] = gru->bias_ih[i] + gru->bias_hh[i];
    to[M4S_GROUP] = gru->bias_ih[n + i] + gru->bias_hh[n + i];
    to[2 * M4S_GROUP] = gru->bias_ih[2 * n + i];
    to[3 * M4S_GROUP] = gru->bias_hh[2 * n + i];
  }
  return M4S_OK;
}

static m4s_status_t pack_layer(m4s_fast_t *fast, const m4s_sage_t *sage, layer_t *layer) {
  layer->n_out = sage->n_out;
  layer->project.relu = 1;
  M4S_TRY(pack_linear(fast, sage->project_weight, sage->n_in, sage->n_in, &layer->project.a));
  M4S_TRY(pack_linear(fast, sage->neighbour_weight, sage->n_out, sage->n_in, &layer->combine.a));
  M4S_TRY(pack_linear(fast, sage->own_weight, sage->n_out, sage->n_in, &layer->combine.b));
  layer->project.bias = pad(fast, sage->project_bias, sage->n_in);
  layer->combine.bias = pad(fast, sage->neighbour_bias, sage->n_out);
  layer->norm_weight = pad(fast, sage->norm_weight, sage->n_out);
  layer->norm_bias = pad(fast, sage->norm_bias, sage->n_out);
  return layer->project.bias == NULL || layer->combine.bias == NULL || layer->norm_weight == NULL ||
                 layer->norm_bias == NULL
             ? m4s_fail_memory("packed weights")
             : M4S_OK;
}

static m4s_status_t pack_output(const m4s_mlp_t *output, int32_t n_params, m4s_fast_t *fast) {
  // Columns: number of links, parameters, state; the state comes first here.
  m4s_linear_t *hidden = &fast->output_hidden;
  float *rotated = malloc((size_t)output->n_hidden * (size_t)output->n_in * sizeof *rotated);
  if (rotated == NULL) {
    return m4s_fail_memory("packed weights");
  }
  for (int32_t row = 0; row < output->n_hidden; row++) {
    const float *from = output->hidden_weight + (size_t)row * (size_t)output->n_in;
    float *to = rotated + (size_t)row * (size_t)output->n_in;
    int32_t n_state = output->n_in - 1 - n_params;
    memcpy(to, from + 1 + n_params, (size_t)n_state * sizeof *to);
    memcpy(to + n_state, from + 1, (size_t)n_params * sizeof *to);
    to[output->n_in - 1] = from[0];
  }
  m4s_status_t status = pack_linear(fast, rotated, output->n_hidden, output->n_in, &hidden->a);
  free(rotated);
  M4S_TRY(status);
  hidden->relu = 1;
  hidden->bias = pad(fast, output->hidden_bias, output->n_hidden);
  fast->output_weight = pad(fast, output->out_weight, output->n_hidden);
  fast->output_bias = output->out_bias[0];
  return hidden->bias == NULL || fast->output_weight == NULL ? m4s_fail_memory("packed weights")
                                                             : M4S_OK;
}

static m4s_status_t pack(const m4s_model_t *model, m4s_fast_t *fast) {
  M4S_TRY(pack_gru(fast, &model->time_flow, &fast->time_flow));
  M4S_TRY(pack_gru(fast, &model->time_link, &fast->time_link));
  M4S_TRY(pack_gru(fast, &model->rate_flow, &fast->rate_flow));
  M4S_TRY(pack_gru(fast, &model->rate_link, &fast->rate_link));
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    M4S_TRY(pack_layer(fast, &model->gnn[i], &fast->layers[i]));
  }
  return pack_output(&model->output, model->n_params, fast);
}

// Numbers of a row: a GNN row, or a state with the parameters and the number of links after it.
// Rows a multiple of 1 KiB apart would compete for the same lines of the cache.
static size_t stride_of(const m4s_model_t *model) {
  int32_t n = model->hidden + model->n_params + 1;
  n = model->gnn_hidden > n ? model->gnn_hidden : n;
  size_t stride = (size_t)m4s_groups_of(n) * M4S_GROUP;
  return stride % 256 == 0 ? stride + M4S_GROUP : stride;
}

m4s_status_t m4s_fast_create(const m4s_model_t *model, m4s_fast_t **fast_out) {
  const m4s_kernels_t *kernels;
  M4S_TRY(m4s_kernels_choose(&kernels));
  m4s_fast_t *fast = calloc(1, sizeof *fast);
  if (fast == NULL) {
    return m4s_fail_memory("an engine");
  }
  fast->kernels = kernels;
  fast->hidden = model->hidden;
  fast->n_params = model->n_params;
  fast->n_layers = model->n_gnn_layers;
  fast->n_flow_inputs = model->n_flow_inputs;
  fast->n_link_inputs = model->n_link_inputs;
  fast->stride = stride_of(model);
  m4s_status_t status = pack(model, fast);
  if (status != M4S_OK) {
    m4s_fast_destroy(fast);
    return status;
  }
  *fast_out = fast;
  return M4S_OK;
}

void m4s_fast_destroy(m4s_fast_t *fast) {
  if (fast == NULL) {
    return;
  }
  m4s_arena_clear(&fast->weights);
  free(fast->numbers.items);
  free(fast->begin.items);
  free(fast->neighbours.items);
  free(fast->places.items);
  free(fast);
}

const char *m4s_fast_instructions(const m4s_fast_t *fast) { return fast->kernels->name; }

// Makes room for `n` items of `item_bytes`; the old content is lost. NULL without memory.
static void *make_room(room_t *room, size_t n, size_t item_bytes) {
  size_t needed = n * item_bytes;
  if (needed <= room->n_bytes && room->items != NULL) {
    return room->items;
  }
  free(room->items);
  room->n_bytes = (needed + needed / 4 + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
  room->items = room->n_bytes < PAGE_BYTES ? aligned_alloc(ALIGNMENT, room->n_bytes)
                                           : take_pages(room->n_bytes);
  if (room->items == NULL) {
    room->n_bytes = 0;
    return NULL;
  }
  return memset(room->items, 0, room->n_bytes);
}

// A batch under way; its rows are those of m4/graph.h.
typedef struct {
  m4s_fast_t *fast;
  const m4s_inference_batch_t *batch;
  m4s_graph_sizes_t sizes;
  int32_t *flow_begin, *link_begin;  // [n_steps]
  m4s_rows_t matrices[N_MATRICES];  // [n_rows, stride]
  m4s_rows_t flow_inputs, link_inputs;  // of the time cells
  float *predictions;  // [n_flows]
  int32_t *begin, *neighbours;  // [n_rows + 2], [2 n_edges]: rows by row
} pass_t;

// Places the steps and makes room.
static m4s_status_t begin_pass(m4s_fast_t *fast, const m4s_inference_batch_t *batch, pass_t *pass) {
  *pass = (pass_t){.fast = fast, .batch = batch};
  pass->flow_begin = make_room(&fast->places, 2 * (size_t)batch->n_steps, sizeof *pass->flow_begin);
  if (pass->flow_begin == NULL) {
    return m4s_fail_memory("a batch");
  }
  pass->link_begin = pass->flow_begin + batch->n_steps;
  pass->sizes = m4s_graph_place(batch, pass->flow_begin, pass->link_begin);
  size_t n_rows = (size_t)pass->sizes.n_rows;
  size_t n_flows = (size_t)pass->sizes.n_flows;
  size_t matrix = n_rows * fast->stride;
  size_t flow_stride = (size_t)fast->n_flow_inputs;
  size_t link_stride = (size_t)fast->n_link_inputs;
  size_t n_numbers =
      N_MATRICES * matrix + n_flows * (flow_stride + 1) + (size_t)pass->sizes.n_links * link_stride;
  float *numbers = make_room(&fast->numbers, n_numbers, sizeof *numbers);
  pass->begin = make_room(&fast->begin, n_rows + 2, sizeof *pass->begin);
  pass->neighbours =
      make_room(&fast->neighbours, 2 * pass->sizes.n_edges, sizeof *pass->neighbours);
  if (numbers == NULL || pass->begin == NULL || pass->neighbours == NULL) {
    return m4s_fail_memory("the rows of a batch");
  }
  for (size_t i = 0; i < N_MATRICES; i++) {
    pass->matrices[i] = (m4s_rows_t){.base = numbers + i * matrix, .stride = fast->stride};
  }
  numbers += N_MATRICES * matrix;
  pass->flow_inputs = (m4s_rows_t){.base = numbers, .stride = flow_stride};
  pass->predictions = numbers + n_flows * flow_stride;
  pass->link_inputs = (m4s_rows_t){.base = pass->predictions + n_flows, .stride = link_stride};
  return M4S_OK;
}

static m4s_rows_t rows_from(m4s_rows_t rows, int32_t first) {
  return (m4s_rows_t){.base = rows.base + (size_t)first * rows.stride, .stride = rows.stride};
}

static void copy_row(m4s_rows_t to, int32_t to_row, m4s_rows_t from, int32_t from_row, int32_t n) {
  memcpy(to.base + (size_t)to_row * to.stride, from.base + (size_t)from_row * from.stride,
         (size_t)n * sizeof(float));
}

// What a function does to one step whose flows and links begin at these rows.
typedef void visit_t(pass_t *pass, const m4s_step_t *step, int32_t flow, int32_t link,
                     const void *context);

static void for_each_step(pass_t *pass, visit_t *visit, const void *context) {
  for (int32_t i = 0; i < pass->batch->n_steps; i++) {
    visit(pass, &pass->batch->steps[i], pass->flow_begin[i],
          pass->sizes.n_flows + pass->link_begin[i], context);
  }
}

// The slabs of states.
typedef struct {
  m4s_rows_t flows, links;
} slabs_t;

// Inputs of the time cells of n rows from `first` on: `inputs`, or the elapsed time.
static void put_inputs(m4s_rows_t rows, int32_t first, int32_t n, const float *inputs,
                       float dt_us) {
  float *to = rows.base + (size_t)first * rows.stride;
  if (inputs != NULL) {
    memcpy(to, inputs, (size_t)n * rows.stride * sizeof *to);
    return;
  }
  for (size_t i = 0; i < (size_t)n * rows.stride; i++) {
    to[i] = dt_us;
  }
}

static void gather(pass_t *pass, const m4s_step_t *step, int32_t flow, int32_t link,
                   const void *context) {
  const slabs_t *slabs = context;
  const int32_t hidden = pass->fast->hidden;
  for (int32_t i = 0; i < step->n_flows; i++) {
    copy_row(pass->matrices[0], flow + i, slabs->flows, step->flow_rows[i], hidden);
  }
  for (int32_t i = 0; i < step->n_links; i++) {
    copy_row(pass->matrices[0], link + i, slabs->links, step->link_rows[i], hidden);
  }
  put_inputs(pass->flow_inputs, flow, step->n_flows, step->flow_inputs, step->dt_us);
  put_inputs(pass->link_inputs, link - pass->sizes.n_flows, step->n_links, step->link_inputs,
             step->dt_us);
}

static void scatter(pass_t *pass, const m4s_step_t *step, int32_t flow, int32_t link,
                    const void *context) {
  const slabs_t *slabs = context;
  const int32_t hidden = pass->fast->hidden;
  for (int32_t i = 0; i < step->n_flows; i++) {
    copy_row(slabs->flows, step->flow_rows[i], pass->matrices[1], flow + i, hidden);
  }
  for (int32_t i = 0; i < step->n_links; i++) {
    copy_row(slabs->links, step->link_rows[i], pass->matrices[1], link + i, hidden);
  }
  memcpy(step->predictions_out, pass->predictions + flow, (size_t)step->n_flows * sizeof(float));
}

// The time cells: states of matrix 0 to matrix 1.
static void move_in_time(pass_t *pass) {
  const m4s_fast_t *fast = pass->fast;
  m4s_rows_t from = pass->matrices[0];
  m4s_rows_t to = pass->matrices[1];
  int32_t link = pass->sizes.n_flows;
  fast->kernels->gru(&fast->time_flow, pass->sizes.n_timed_flows, pass->flow_inputs, from, to);
  fast->kernels->gru(&fast->time_link, pass->sizes.n_timed_links, pass->link_inputs,
                     rows_from(from, link), rows_from(to, link));
  for (int32_t row = pass->sizes.n_timed_flows; row < pass->sizes.n_flows; row++) {
    copy_row(to, row, from, row, fast->hidden);
  }
  for (int32_t row = link + pass->sizes.n_timed_links; row < pass->sizes.n_rows; row++) {
    copy_row(to, row, from, row, fast->hidden);
  }
}

// The GNN from matrix 1, which stays; returns its output and gives a matrix that is free.
static m4s_rows_t run_gnn(pass_t *pass, m4s_rows_t *free_out) {
  const m4s_kernels_t *kernels = pass->fast->kernels;
  m4s_rows_t x = pass->matrices[1];
  m4s_rows_t next = pass->matrices[2];
  m4s_rows_t other = pass->matrices[0];
  const m4s_rows_t sums = pass->matrices[3];
  for (int32_t i = 0; i < pass->fast->n_layers; i++) {
    const layer_t *layer = &pass->fast->layers[i];
    kernels->linear(&layer->project, pass->sizes.n_rows, x, x, next);
    kernels->sum_neighbours(layer->project.a.n_groups, pass->sizes.n_rows, pass->begin,
                            pass->neighbours, next, sums);
    kernels->linear(&layer->combine, pass->sizes.n_rows, sums, x, next);
    kernels->layer_norm(layer->n_out, layer->norm_weight, layer->norm_bias, pass->sizes.n_rows,
                        next);
    x = next;
    next = other;
    other = x;
  }
  *free_out = next;
  return x;
}

// Writes the parameters, and the number of links after them, behind the flows' first `hidden`
// numbers.
static void add_features(pass_t *pass, const m4s_step_t *step, int32_t flow, int32_t link,
                         const void *context) {
  (void)link;
  const m4s_rows_t *rows = context;
  const m4s_fast_t *fast = pass->fast;
  for (int32_t i = 0; i < step->n_flows; i++) {
    float *to = rows->base + (size_t)(flow + i) * rows->stride + fast->hidden;
    for (int32_t j = 0; j < fast->n_params; j++) {
      to[j] = step->params[j];
    }
    to[fast->n_params] = (float)(step->edge_begin[i + 1] - step->edge_begin[i]);
  }
}

// The rate cells: the new states go to matrix 1.
static void update_states(pass_t *pass, m4s_rows_t gnn, m4s_rows_t free_rows) {
  const m4s_fast_t *fast = pass->fast;
  int32_t link = pass->sizes.n_flows;
  m4s_rows_t states = pass->matrices[1];
  for_each_step(pass, add_features, &gnn);
  fast->kernels->gru(&fast->rate_flow, pass->sizes.n_flows, gnn, states, free_rows);
  fast->kernels->gru(&fast->rate_link, pass->sizes.n_links, rows_from(gnn, link),
                     rows_from(states, link), rows_from(free_rows, link));
  pass->matrices[1] = free_rows;
}

static void predict(pass_t *pass) {
  const m4s_fast_t *fast = pass->fast;
  m4s_rows_t states = pass->matrices[1];
  m4s_rows_t hidden = pass->matrices[3];
  for_each_step(pass, add_features, &states);
  fast->kernels->linear(&fast->output_hidden, pass->sizes.n_flows, states, states, hidden);
  fast->kernels->dot(fast->output_hidden.a.n_groups, fast->output_weight, fast->output_bias,
                     pass->sizes.n_flows, hidden, pass->predictions);
}

m4s_status_t m4s_fast_evaluate(m4s_fast_t *fast, const m4s_inference_batch_t *batch,
                               m4s_rows_t flows, m4s_rows_t links) {
  pass_t pass;
  M4S_TRY(begin_pass(fast, batch, &pass));
  const slabs_t slabs = {.flows = flows, .links = links};
  for_each_step(&pass, gather, &slabs);
  m4s_graph_connect(batch, &pass.sizes, pass.flow_begin, pass.link_begin, pass.begin,
                    pass.neighbours);
  move_in_time(&pass);
  m4s_rows_t free_rows;
  m4s_rows_t gnn = run_gnn(&pass, &free_rows);
  update_states(&pass, gnn, free_rows);
  predict(&pass);
  for_each_step(&pass, scatter, &slabs);
  return M4S_OK;
}
