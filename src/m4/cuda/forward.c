#include "m4/cuda/forward.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/clock.h"
#include "m4/cuda/batch.h"
#include "m4/cuda/weights.h"

// Rows of a part where memory sets no limit: far beyond what fills a GPU. Fewer make no sense.
enum { MOST_ROWS = 65536, FEWEST_ROWS = 1024, MIN_CLASS = 8, MAX_GRAPHS = 256 };

// The share of the device's free memory that rows under way may take.
static const double MEMORY_SHARE = 0.5;

// States of one kind.
typedef struct {
  float *states;  // of the device, [n_rows, width]
  int32_t n_rows;
  m4s_resets_t resets;  // that wait
} slab_t;

// What was met of batches of up to so many rows.
typedef struct {
  int32_t n_flows, n_links;
  bool timed;  // some rows pass time
  m4s_device_graph_t *graph;  // owned; NULL: not recorded yet
  int64_t used;  // when last
} recorded_t;

// Activations on the device, [n_rows, …] each.
typedef struct {
  float *memory;  // owned, the others lie in it
  float *states;  // [width]: as gathered
  float *timed;  // [width]: after the time cells
  float *inputs;  // [input_width]
  float *pairs;  // [2 layer_width]: sums of neighbours, own row
  float *values;  // [layer_width]
  float *from_input, *from_state;  // [3 width]
  float *gnn;  // [gnn_width]
  float *next;  // [state_width]
  float *predictions;  // [1]
  int32_t n_rows;
} space_t;

typedef struct {
  int stream;
  space_t space;
  int32_t *words, *words_host;  // owned, [n_words]: of the device, of the host
  size_t n_words;
  float *predictions_host;  // owned, [n_predictions]
  int32_t n_predictions;
  recorded_t recorded[MAX_GRAPHS];
  int n_recorded;
  // Under way, else n_steps is 0.
  m4s_step_t *steps;  // owned, [n_steps]
  int32_t *begins;  // owned, [2, step_capacity]: of a part's steps among its flows, its links
  int32_t n_steps, step_capacity;
  int32_t first, end;  // steps of the part under way
} lane_t;

struct m4s_gpu_forward {
  m4s_device_t device;
  m4s_gpu_weights_t weights;
  slab_t flows, links;
  lane_t lanes[M4S_DEVICE_STREAMS];
  int32_t max_rows;
  bool no_graphs;  // recording has failed
  bool timing;
  m4s_gpu_times_t times;
  int64_t n_passes, n_graphs;
  m4s_status_t failed;  // to reset a state
};

#define DEVICE(forward, call, ...) \
  (forward)->device.ops->call((forward)->device.state __VA_OPT__(, ) __VA_ARGS__)

static size_t row_floats(const m4s_gpu_weights_t *weights) {
  return (size_t)weights->width * 8 + (size_t)weights->input_width +
         (size_t)weights->layer_width * 3 + (size_t)weights->gnn_width +
         (size_t)weights->state_width + 4;
}

static slab_t *slab_of(m4s_gpu_forward_t *forward, bool links) {
  return links ? &forward->links : &forward->flows;
}

// --- making and clearing ---

static m4s_status_t init(m4s_gpu_forward_t *forward, const m4s_model_t *model,
                         m4s_gpu_cells_t cells) {
  size_t free_bytes;
  M4S_TRY(m4s_gpu_weights_init(model, &forward->device, cells == M4S_GPU_CELLS_CUDNN,
                               &forward->weights));
  M4S_TRY(DEVICE(forward, free_bytes, &free_bytes));
  double row_bytes = (double)row_floats(&forward->weights) * sizeof(float);
  double rows = MEMORY_SHARE * (double)free_bytes / M4S_DEVICE_STREAMS / row_bytes;
  forward->max_rows = rows > MOST_ROWS     ? MOST_ROWS
                      : rows < FEWEST_ROWS ? FEWEST_ROWS
                                           : (int32_t)rows;
  return M4S_OK;
}

m4s_status_t m4s_gpu_forward_create(const m4s_model_t *model, const m4s_device_t *device,
                                    m4s_gpu_cells_t cells, m4s_gpu_forward_t **forward_out) {
  m4s_gpu_forward_t *forward = calloc(1, sizeof *forward);
  if (forward == NULL) {
    return m4s_fail_memory("an engine");
  }
  forward->device = *device;
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    forward->lanes[i].stream = i;
  }
  m4s_status_t status = init(forward, model, cells);
  if (status != M4S_OK) {
    m4s_gpu_forward_destroy(forward);
    return status;
  }
  *forward_out = forward;
  return M4S_OK;
}

static void release_graph(m4s_gpu_forward_t *forward, recorded_t *recorded) {
  if (recorded->graph != NULL) {
    DEVICE(forward, release_graph, recorded->graph);
  }
  recorded->graph = NULL;
}

static void forget_graphs(m4s_gpu_forward_t *forward, lane_t *lane) {
  for (int i = 0; i < lane->n_recorded; i++) {
    release_graph(forward, &lane->recorded[i]);
  }
}

static void release(m4s_gpu_forward_t *forward, void *memory) {
  if (memory != NULL) {
    DEVICE(forward, release, memory);
  }
}

static void release_host(m4s_gpu_forward_t *forward, void *memory) {
  if (memory != NULL) {
    DEVICE(forward, release_host, memory);
  }
}

// Gives the lane's memory on the device back; nothing is under way there.
static void shrink(m4s_gpu_forward_t *forward, lane_t *lane) {
  forget_graphs(forward, lane);
  release(forward, lane->space.memory);
  release(forward, lane->words);
  release_host(forward, lane->words_host);
  lane->space = (space_t){0};
  lane->words = lane->words_host = NULL;
  lane->n_words = 0;
}

static void shrink_all(m4s_gpu_forward_t *forward) {
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    shrink(forward, &forward->lanes[i]);
  }
}

static void clear_lane(m4s_gpu_forward_t *forward, lane_t *lane) {
  // Whatever it says: nobody waits for what is under way.
  (void)DEVICE(forward, synchronise, lane->stream);
  shrink(forward, lane);
  release_host(forward, lane->predictions_host);
  free(lane->steps);
  free(lane->begins);
}

void m4s_gpu_forward_destroy(m4s_gpu_forward_t *forward) {
  if (forward == NULL) {
    return;
  }
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    clear_lane(forward, &forward->lanes[i]);
  }
  for (int links = 0; links < 2; links++) {
    release(forward, slab_of(forward, links)->states);
    m4s_resets_clear(&slab_of(forward, links)->resets);
  }
  m4s_gpu_weights_clear(&forward->weights, &forward->device);
  free(forward);
}

// --- states ---

static m4s_status_t synchronise_all(m4s_gpu_forward_t *forward) {
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    M4S_TRY(DEVICE(forward, synchronise, i));
  }
  return M4S_OK;
}

// Memory on the device. Where there is too little, what the lanes keep for batches to come is given
// back first, and these become smaller; nothing may be under way then.
static m4s_status_t allocate(m4s_gpu_forward_t *forward, size_t n_bytes, void **memory_out) {
  m4s_status_t status = DEVICE(forward, allocate, n_bytes, memory_out);
  if (status != M4S_ERR_MEMORY) {
    return status;
  }
  shrink_all(forward);
  m4s_gpu_forward_limit_rows(forward, forward->max_rows / 2);
  return DEVICE(forward, allocate, n_bytes, memory_out);
}

m4s_status_t m4s_gpu_forward_reserve(m4s_gpu_forward_t *forward, bool links, int32_t n_rows) {
  slab_t *slab = slab_of(forward, links);
  if (n_rows <= slab->n_rows) {
    return M4S_OK;
  }
  void *states;
  size_t row_bytes = (size_t)forward->weights.width * sizeof(float);
  M4S_TRY(m4s_resets_reserve(&slab->resets, n_rows));
  M4S_TRY(synchronise_all(forward));
  M4S_TRY(allocate(forward, (size_t)n_rows * row_bytes, &states));
  m4s_status_t status = M4S_OK;
  if (slab->n_rows > 0) {
    status = DEVICE(forward, copy, 0, states, slab->states, (size_t)slab->n_rows * row_bytes);
  }
  if (status == M4S_OK) {
    status = DEVICE(forward, synchronise, 0);
  }
  if (status != M4S_OK) {
    release(forward, states);
    return status;
  }
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    forget_graphs(forward, &forward->lanes[i]);
  }
  release(forward, slab->states);
  slab->states = states;
  slab->n_rows = n_rows;
  return M4S_OK;
}

void m4s_gpu_forward_reset(m4s_gpu_forward_t *forward, bool links, int32_t row,
                           const float start[4]) {
  m4s_status_t status = m4s_resets_add(&slab_of(forward, links)->resets, row, start);
  forward->failed = status == M4S_OK ? forward->failed : status;
}

static m4s_status_t reset_states(m4s_gpu_forward_t *forward, const lane_t *lane) {
  int32_t n = forward->flows.resets.n + forward->links.resets.n;
  if (n == 0) {
    return M4S_OK;
  }
  const m4s_reset_args_t args = {.upload = lane->words,
                                 .flow_slab = forward->flows.states,
                                 .link_slab = forward->links.states,
                                 .width = forward->weights.width};
  M4S_TRY(DEVICE(forward, launch, lane->stream, M4S_KERNEL_reset, &args,
                 (int64_t)n * (args.width / 4)));
  // The rows may be those of the other lane's next batch.
  for (int i = 0; i < M4S_DEVICE_STREAMS; i++) {
    if (i != lane->stream) {
      M4S_TRY(DEVICE(forward, follow, i, lane->stream));
    }
  }
  m4s_resets_empty(&forward->flows.resets);
  m4s_resets_empty(&forward->links.resets);
  return M4S_OK;
}

// --- memory of a lane ---

static m4s_status_t reserve_space(m4s_gpu_forward_t *forward, lane_t *lane, int32_t n_rows) {
  const m4s_gpu_weights_t *weights = &forward->weights;
  if (n_rows <= lane->space.n_rows) {
    return M4S_OK;
  }
  forget_graphs(forward, lane);
  release(forward, lane->space.memory);
  lane->space = (space_t){0};
  void *memory;
  size_t n = (size_t)n_rows;
  M4S_TRY(DEVICE(forward, allocate, n * row_floats(weights) * sizeof(float), &memory));
  space_t space = {.memory = memory, .n_rows = n_rows};
  size_t width = (size_t)weights->width;
  float *next = memory;
  space.states = next;
  space.timed = next += n * width;
  space.from_input = next += n * width;
  space.from_state = next += n * 3 * width;
  space.inputs = next += n * 3 * width;
  space.pairs = next += n * (size_t)weights->input_width;
  space.values = next += n * 2 * (size_t)weights->layer_width;
  space.gnn = next += n * (size_t)weights->layer_width;
  space.next = next += n * (size_t)weights->gnn_width;
  space.predictions = next + n * (size_t)weights->state_width;
  lane->space = space;
  return M4S_OK;
}

static m4s_status_t reserve_words(m4s_gpu_forward_t *forward, lane_t *lane, size_t n_words) {
  if (n_words <= lane->n_words) {
    return M4S_OK;
  }
  size_t capacity = n_words + n_words / 2;
  forget_graphs(forward, lane);
  release(forward, lane->words);
  release_host(forward, lane->words_host);
  lane->words = lane->words_host = NULL;
  lane->n_words = 0;
  void *memory;
  M4S_TRY(DEVICE(forward, allocate, capacity * sizeof *lane->words, &memory));
  lane->words = memory;
  M4S_TRY(DEVICE(forward, allocate_host, capacity * sizeof *lane->words, &memory));
  lane->words_host = memory;
  lane->n_words = capacity;
  return M4S_OK;
}

static m4s_status_t reserve_predictions(m4s_gpu_forward_t *forward, lane_t *lane, int32_t n) {
  if (n <= lane->n_predictions) {
    return M4S_OK;
  }
  release_host(forward, lane->predictions_host);
  lane->predictions_host = NULL;
  lane->n_predictions = 0;
  void *memory;
  M4S_TRY(DEVICE(forward, allocate_host, (size_t)n * sizeof(float), &memory));
  lane->predictions_host = memory;
  lane->n_predictions = n;
  return M4S_OK;
}

// --- one pass ---

// The sizes that a pass is recorded for.
typedef struct {
  m4s_gpu_forward_t *forward;
  const lane_t *lane;
  int32_t n_flows, n_links;  // rows, of which some may mean nothing
  bool timed;
} pass_t;

static m4s_status_t launch(const pass_t *pass, m4s_kernel_id_t kernel, const void *args,
                           int64_t n_items) {
  return DEVICE(pass->forward, launch, pass->lane->stream, kernel, args, n_items);
}

static m4s_status_t multiply(const pass_t *pass, const m4s_device_product_t *product,
                             int32_t n_rows, const float *x, int32_t x_stride, float *y,
                             int32_t y_stride) {
  return DEVICE(pass->forward, multiply, pass->lane->stream, product, n_rows, x, x_stride, y,
                y_stride);
}

static int32_t n_rows_of(const pass_t *pass) { return pass->n_flows + pass->n_links; }

static m4s_status_t gather(const pass_t *pass) {
  m4s_gpu_forward_t *forward = pass->forward;
  const m4s_gpu_weights_t *weights = &forward->weights;
  const space_t *space = &pass->lane->space;
  const m4s_gather_args_t states = {.upload = pass->lane->words,
                                    .flow_slab = forward->flows.states,
                                    .link_slab = forward->links.states,
                                    .to = space->states,
                                    .width = weights->width};
  const m4s_features_args_t features = {.upload = pass->lane->words,
                                        .inputs = space->inputs,
                                        .gnn = space->gnn,
                                        .states = space->next,
                                        .input_width = weights->input_width,
                                        .gnn_width = weights->gnn_width,
                                        .state_width = weights->state_width,
                                        .width = weights->width,
                                        .n_flow_inputs = weights->n_flow_inputs,
                                        .n_link_inputs = weights->n_link_inputs,
                                        .n_params = weights->n_params};
  int64_t n_columns = (int64_t)weights->input_width + weights->gnn_width + weights->state_width -
                      2 * (int64_t)weights->width;
  M4S_TRY(launch(pass, M4S_KERNEL_gather, &states, (int64_t)n_rows_of(pass) * weights->width / 4));
  return launch(pass, M4S_KERNEL_features, &features, n_rows_of(pass) * n_columns);
}

// The states of `from`, [rows, width], with inputs of rows of the cell's width move on.
typedef struct {
  const float *inputs, *from;
  float *to, *also;
  int32_t to_stride, also_stride;
  bool in_time;
} move_t;

static m4s_status_t move_own(const pass_t *pass, const m4s_gpu_cell_t *cell, const float *inputs,
                             const m4s_cell_args_t *where, int32_t n_rows, size_t first) {
  const space_t *space = &pass->lane->space;
  const int32_t width = where->width;
  float *from_input = space->from_input + first * 3 * (size_t)width;
  float *from_state = space->from_state + first * 3 * (size_t)width;
  M4S_TRY(multiply(pass, &cell->input, n_rows, inputs, cell->input.n_in, from_input, 3 * width));
  M4S_TRY(multiply(pass, &cell->state, n_rows, where->state, width, from_state, 3 * width));
  const m4s_gates_args_t args = {
      .cell = *where, .from_input = from_input, .from_state = from_state, .bias = cell->bias};
  return launch(pass, M4S_KERNEL_gates, &args, (int64_t)n_rows * width / 4);
}

static m4s_status_t move_by_library(const pass_t *pass, const m4s_gpu_cell_t *cell,
                                    const float *inputs, const m4s_cell_args_t *where,
                                    int32_t n_rows, size_t first) {
  float *next = pass->lane->space.from_input + first * 3 * (size_t)where->width;
  M4S_TRY(DEVICE(pass->forward, run_cell, pass->lane->stream, cell->of_library, n_rows, inputs,
                 where->state, next));
  const m4s_place_args_t args = {.cell = *where, .next = next};
  return launch(pass, M4S_KERNEL_place, &args, (int64_t)n_rows * where->width / 4);
}

// Flows with one cell, links with the next.
static m4s_status_t move_states(const pass_t *pass, m4s_gpu_cell_id_t first_cell,
                                const move_t *move) {
  const m4s_gpu_weights_t *weights = &pass->forward->weights;
  for (int links = 0; links < 2; links++) {
    const m4s_gpu_cell_t *cell = &weights->cells[(int)first_cell + links];
    size_t first = links ? (size_t)pass->n_flows : 0;
    int32_t n_rows = links ? pass->n_links : pass->n_flows;
    const float *inputs = move->inputs + first * (size_t)cell->input.n_in;
    const m4s_cell_args_t where = {
        .upload = pass->lane->words,
        .state = move->from + first * (size_t)weights->width,
        .to = move->to + first * (size_t)move->to_stride,
        .also = move->also == NULL ? NULL : move->also + first * (size_t)move->also_stride,
        .width = weights->width,
        .to_stride = move->to_stride,
        .also_stride = move->also_stride,
        .of_links = links,
        .in_time = move->in_time};
    M4S_TRY(cell->of_library != NULL ? move_by_library(pass, cell, inputs, &where, n_rows, first)
                                     : move_own(pass, cell, inputs, &where, n_rows, first));
  }
  return M4S_OK;
}

// To `timed`, and to the own rows of the first layer.
static m4s_status_t let_time_pass(const pass_t *pass) {
  const m4s_gpu_weights_t *weights = &pass->forward->weights;
  const space_t *space = &pass->lane->space;
  move_t move = {.inputs = space->inputs,
                 .from = space->states,
                 .to = space->timed,
                 .also = space->pairs + weights->layers[0].in_width,
                 .to_stride = weights->width,
                 .also_stride = 2 * weights->layer_width,
                 .in_time = true};
  if (pass->timed) {
    return move_states(pass, M4S_GPU_TIME_FLOW, &move);
  }
  // No row is moved: all keep their states.
  for (int links = 0; links < 2; links++) {
    size_t first = links ? (size_t)pass->n_flows : 0;
    int32_t n_rows = links ? pass->n_links : pass->n_flows;
    const m4s_place_args_t args = {.cell = {.upload = pass->lane->words,
                                            .state = move.from + first * (size_t)weights->width,
                                            .to = move.to + first * (size_t)move.to_stride,
                                            .also = move.also + first * (size_t)move.also_stride,
                                            .width = weights->width,
                                            .to_stride = move.to_stride,
                                            .also_stride = move.also_stride,
                                            .of_links = links,
                                            .in_time = true},
                                   .next = move.from + first * (size_t)weights->width};
    M4S_TRY(launch(pass, M4S_KERNEL_place, &args, (int64_t)n_rows * weights->width / 4));
  }
  return M4S_OK;
}

static m4s_status_t run_layer(const pass_t *pass, int32_t i) {
  const m4s_gpu_weights_t *weights = &pass->forward->weights;
  const m4s_gpu_layer_t *layer = &weights->layers[i];
  const space_t *space = &pass->lane->space;
  const int32_t n_rows = n_rows_of(pass);
  const int32_t stride = weights->layer_width;
  bool last = i == weights->n_layers - 1;
  const m4s_sum_args_t sum = {.upload = pass->lane->words,
                              .values = space->values,
                              .bias = layer->project_bias,
                              .to = space->pairs,
                              .width = layer->in_width,
                              .stride = stride,
                              .to_stride = 2 * stride};
  const m4s_norm_args_t norm = {.upload = pass->lane->words,
                                .values = space->values,
                                .bias = layer->combine_bias,
                                .weight = layer->norm_weight,
                                .norm_bias = layer->norm_bias,
                                .to = last ? space->gnn : space->pairs + layer->out_width,
                                .n_columns = layer->n_out,
                                .width = layer->out_width,
                                .stride = stride,
                                .to_stride = last ? weights->gnn_width : 2 * stride};
  M4S_TRY(multiply(pass, &layer->project, n_rows, space->pairs + layer->in_width, 2 * stride,
                   space->values, stride));
  M4S_TRY(launch(pass, M4S_KERNEL_sum, &sum, (int64_t)n_rows * layer->in_width / 4));
  M4S_TRY(multiply(pass, &layer->combine, n_rows, space->pairs, 2 * stride, space->values, stride));
  return launch(pass, M4S_KERNEL_norm, &norm, n_rows);
}

static m4s_status_t predict(const pass_t *pass) {
  const m4s_gpu_weights_t *weights = &pass->forward->weights;
  const space_t *space = &pass->lane->space;
  const m4s_predict_args_t args = {.upload = pass->lane->words,
                                   .values = space->values,
                                   .bias = weights->output_bias,
                                   .weight = weights->output_weight,
                                   .predictions = space->predictions,
                                   .out_bias = weights->out_bias,
                                   .n_columns = weights->n_hidden,
                                   .stride = weights->layer_width};
  M4S_TRY(multiply(pass, &weights->output, pass->n_flows, space->next, weights->state_width,
                   space->values, weights->layer_width));
  return launch(pass, M4S_KERNEL_predict, &args, pass->n_flows);
}

static m4s_status_t scatter(const pass_t *pass) {
  m4s_gpu_forward_t *forward = pass->forward;
  const m4s_scatter_args_t args = {.upload = pass->lane->words,
                                   .states = pass->lane->space.next,
                                   .flow_slab = forward->flows.states,
                                   .link_slab = forward->links.states,
                                   .width = forward->weights.width,
                                   .stride = forward->weights.state_width};
  return launch(pass, M4S_KERNEL_scatter, &args, (int64_t)n_rows_of(pass) * args.width / 4);
}

// Everything that the device does between the transfers.
static m4s_status_t issue(const pass_t *pass) {
  const m4s_gpu_weights_t *weights = &pass->forward->weights;
  const space_t *space = &pass->lane->space;
  const move_t rate = {.inputs = space->gnn,
                       .from = space->timed,
                       .to = space->next,
                       .to_stride = weights->state_width};
  M4S_TRY(gather(pass));
  M4S_TRY(let_time_pass(pass));
  for (int32_t i = 0; i < weights->n_layers; i++) {
    M4S_TRY(run_layer(pass, i));
  }
  M4S_TRY(move_states(pass, M4S_GPU_RATE_FLOW, &rate));
  M4S_TRY(predict(pass));
  return scatter(pass);
}

// --- graphs ---

static m4s_status_t record(const pass_t *pass, m4s_device_graph_t **graph_out) {
  m4s_gpu_forward_t *forward = pass->forward;
  M4S_TRY(DEVICE(forward, begin_graph, pass->lane->stream));
  m4s_device_graph_t *graph = NULL;
  m4s_status_t status = issue(pass);
  m4s_status_t ended = DEVICE(forward, end_graph, pass->lane->stream, &graph);
  if (status == M4S_OK && ended == M4S_OK) {
    *graph_out = graph;
    return M4S_OK;
  }
  if (ended == M4S_OK) {
    DEVICE(forward, release_graph, graph);
  }
  return status == M4S_OK ? ended : status;
}

// The place of a pass of these sizes; a new one where there is none, for which the least recently
// used one makes room.
static recorded_t *find_recorded(const pass_t *pass, lane_t *lane) {
  recorded_t *oldest = NULL;
  for (int i = 0; i < lane->n_recorded; i++) {
    recorded_t *recorded = &lane->recorded[i];
    if (recorded->n_flows == pass->n_flows && recorded->n_links == pass->n_links &&
        recorded->timed == pass->timed) {
      return recorded;
    }
    oldest = oldest == NULL || recorded->used < oldest->used ? recorded : oldest;
  }
  recorded_t *place = lane->n_recorded < MAX_GRAPHS ? &lane->recorded[lane->n_recorded++] : oldest;
  if (place == oldest) {
    release_graph(pass->forward, place);
  }
  *place = (recorded_t){.n_flows = pass->n_flows, .n_links = pass->n_links, .timed = pass->timed};
  return place;
}

// The first pass of a size is launched piece by piece, which also loads what the libraries load at
// first use; the second one is recorded, and replayed from then on. What cannot be recorded is
// launched always.
static m4s_status_t run(const pass_t *pass, lane_t *lane) {
  m4s_gpu_forward_t *forward = pass->forward;
  recorded_t *recorded = find_recorded(pass, lane);
  bool met = recorded->used > 0;
  recorded->used = ++forward->n_passes;
  if (met && recorded->graph == NULL && !forward->no_graphs) {
    forward->no_graphs = record(pass, &recorded->graph) != M4S_OK;
    forward->n_graphs += !forward->no_graphs;
  }
  return recorded->graph == NULL ? issue(pass)
                                 : DEVICE(forward, replay, lane->stream, recorded->graph);
}

// --- batches ---

// Eight classes an octave, multiples of 4.
static int32_t class_of(int32_t n) {
  int32_t step = 4;
  while (step * 16 < n) {
    step *= 2;
  }
  int32_t size = (n + step - 1) / step * step;
  return size < MIN_CLASS ? MIN_CLASS : size;
}

static m4s_status_t mark(const m4s_gpu_forward_t *forward, const lane_t *lane, int mark) {
  return forward->timing ? DEVICE(forward, mark, lane->stream, mark) : M4S_OK;
}

// Steps from lane->first on that make a part.
static int32_t end_of_part(const m4s_gpu_forward_t *forward, const lane_t *lane) {
  int64_t n_rows = 0;
  int32_t end = lane->first;
  do {
    n_rows += (int64_t)lane->steps[end].n_flows + lane->steps[end].n_links;
    end += end == lane->first || n_rows <= forward->max_rows;
  } while (end < lane->n_steps && n_rows <= forward->max_rows);
  return end;
}

// A part that is to begin.
typedef struct {
  m4s_inference_batch_t batch;
  m4s_batch_parts_t parts;
  size_t n_words;
  pass_t pass;
} part_t;

static void place_part(m4s_gpu_forward_t *forward, const lane_t *lane, part_t *part) {
  int32_t n_steps = lane->end - lane->first;
  int32_t *flow_begin = lane->begins;
  int32_t *link_begin = lane->begins + n_steps;
  part->batch = (m4s_inference_batch_t){.steps = lane->steps + lane->first, .n_steps = n_steps};
  m4s_graph_sizes_t sizes = m4s_graph_place(&part->batch, flow_begin, link_begin);
  part->parts = (m4s_batch_parts_t){.batch = &part->batch,
                                    .sizes = sizes,
                                    .flow_begin = flow_begin,
                                    .link_begin = link_begin,
                                    .link_base = class_of(sizes.n_flows),
                                    .n_params = forward->weights.n_params,
                                    .n_flow_inputs = forward->weights.n_flow_inputs,
                                    .n_link_inputs = forward->weights.n_link_inputs,
                                    .flow_resets = &forward->flows.resets,
                                    .link_resets = &forward->links.resets};
  part->n_words = m4s_batch_n_words(&part->parts);
  part->pass = (pass_t){.forward = forward,
                        .lane = lane,
                        .n_flows = part->parts.link_base,
                        .n_links = class_of(sizes.n_links),
                        .timed = sizes.n_timed_flows + sizes.n_timed_links > 0};
}

static m4s_status_t reserve_part(m4s_gpu_forward_t *forward, lane_t *lane, const part_t *part) {
  if (part->n_words > INT32_MAX) {
    return m4s_fail_memory("a batch");
  }
  M4S_TRY(reserve_space(forward, lane, n_rows_of(&part->pass)));
  M4S_TRY(reserve_words(forward, lane, part->n_words));
  return reserve_predictions(forward, lane, part->pass.n_flows);
}

// Finds the part that there is memory for. A single step that there is none for may get what the
// lanes keep.
static m4s_status_t find_part(m4s_gpu_forward_t *forward, lane_t *lane, part_t *part) {
  for (bool shrunk = false;;) {
    lane->end = end_of_part(forward, lane);
    place_part(forward, lane, part);
    m4s_status_t status = reserve_part(forward, lane, part);
    bool single = lane->end - lane->first == 1;
    if (status != M4S_ERR_MEMORY || (single && shrunk)) {
      return status;
    }
    if (single) {
      M4S_TRY(synchronise_all(forward));
      shrink_all(forward);
      shrunk = true;
    } else {
      m4s_gpu_forward_limit_rows(forward, part->parts.sizes.n_rows / 2);
    }
  }
}

static m4s_status_t launch_part(m4s_gpu_forward_t *forward, lane_t *lane, const part_t *part) {
  m4s_batch_write(&part->parts, lane->words_host);
  M4S_TRY(mark(forward, lane, 0));
  M4S_TRY(DEVICE(forward, upload, lane->stream, lane->words, lane->words_host,
                 part->n_words * sizeof *lane->words));
  M4S_TRY(mark(forward, lane, 1));
  M4S_TRY(reset_states(forward, lane));
  M4S_TRY(run(&part->pass, lane));
  M4S_TRY(mark(forward, lane, 2));
  M4S_TRY(DEVICE(forward, download, lane->stream, lane->predictions_host, lane->space.predictions,
                 (size_t)part->parts.sizes.n_flows * sizeof(float)));
  return mark(forward, lane, 3);
}

static m4s_status_t begin_part(m4s_gpu_forward_t *forward, lane_t *lane) {
  part_t part;
  double start_s = m4s_now_s();
  M4S_TRY(find_part(forward, lane, &part));
  m4s_status_t status = launch_part(forward, lane, &part);
  forward->times.launch_s += forward->timing ? m4s_now_s() - start_s : 0;
  if (status != M4S_OK) {
    // The host's memory is free again then.
    (void)DEVICE(forward, synchronise, lane->stream);
  }
  return status;
}

static m4s_status_t copy_steps(lane_t *lane, const m4s_inference_batch_t *batch) {
  if (batch->n_steps > lane->step_capacity) {
    int32_t capacity = batch->n_steps + batch->n_steps / 2;
    M4S_TRY(m4s_array_resize(&lane->steps, capacity, sizeof *lane->steps, "a batch"));
    M4S_TRY(m4s_array_resize(&lane->begins, capacity, 2 * sizeof *lane->begins, "a batch"));
    lane->step_capacity = capacity;
  }
  memcpy(lane->steps, batch->steps, (size_t)batch->n_steps * sizeof *lane->steps);
  lane->n_steps = batch->n_steps;
  lane->first = lane->end = 0;
  return M4S_OK;
}

m4s_status_t m4s_gpu_forward_begin(m4s_gpu_forward_t *forward, int lane_number,
                                   const m4s_inference_batch_t *batch) {
  lane_t *lane = &forward->lanes[lane_number];
  m4s_status_t failed = forward->failed;
  forward->failed = M4S_OK;
  if (failed != M4S_OK) {
    return m4s_fail_memory("states");
  }
  if (batch->n_steps == 0) {
    return M4S_OK;
  }
  M4S_TRY(copy_steps(lane, batch));
  m4s_status_t status = begin_part(forward, lane);
  lane->n_steps = status == M4S_OK ? lane->n_steps : 0;
  return status;
}

static m4s_status_t add_times(m4s_gpu_forward_t *forward, const lane_t *lane) {
  double s[M4S_DEVICE_MARKS - 1];
  for (int i = 0; forward->timing && i < M4S_DEVICE_MARKS - 1; i++) {
    M4S_TRY(DEVICE(forward, seconds_between, lane->stream, i, i + 1, &s[i]));
  }
  if (forward->timing) {
    forward->times.n_parts++;
    forward->times.up_s += s[0];
    forward->times.compute_s += s[1];
    forward->times.down_s += s[2];
  }
  return M4S_OK;
}

static m4s_status_t end_part(m4s_gpu_forward_t *forward, const lane_t *lane) {
  M4S_TRY(DEVICE(forward, synchronise, lane->stream));
  for (int32_t i = lane->first; i < lane->end; i++) {
    const m4s_step_t *step = &lane->steps[i];
    memcpy(step->predictions_out, lane->predictions_host + lane->begins[i - lane->first],
           (size_t)step->n_flows * sizeof(float));
  }
  return add_times(forward, lane);
}

m4s_status_t m4s_gpu_forward_end(m4s_gpu_forward_t *forward, int lane_number) {
  lane_t *lane = &forward->lanes[lane_number];
  m4s_status_t status = M4S_OK;
  while (status == M4S_OK && lane->first < lane->n_steps) {
    status = end_part(forward, lane);
    lane->first = lane->end;
    if (status == M4S_OK && lane->first < lane->n_steps) {
      status = begin_part(forward, lane);
    }
  }
  lane->n_steps = lane->first = 0;
  return status;
}

// --- single states ---

static float *state_of(const m4s_gpu_forward_t *forward, const slab_t *slab, int32_t row) {
  return slab->states + (size_t)row * (size_t)forward->weights.width;
}

m4s_status_t m4s_gpu_forward_read(m4s_gpu_forward_t *forward, bool links, int32_t row,
                                  float *state_out) {
  const slab_t *slab = slab_of(forward, links);
  size_t n_hidden = (size_t)forward->weights.n_hidden;
  int32_t place = slab->resets.places[row];
  if (place >= 0) {
    memset(state_out, 0, n_hidden * sizeof *state_out);
    memcpy(state_out, slab->resets.starts + 4 * (size_t)place,
           (n_hidden < 4 ? n_hidden : 4) * sizeof *state_out);
    return M4S_OK;
  }
  M4S_TRY(synchronise_all(forward));
  M4S_TRY(DEVICE(forward, download, 0, state_out, state_of(forward, slab, row),
                 n_hidden * sizeof *state_out));
  return DEVICE(forward, synchronise, 0);
}

m4s_status_t m4s_gpu_forward_write(m4s_gpu_forward_t *forward, bool links, int32_t row,
                                   const float *state) {
  slab_t *slab = slab_of(forward, links);
  M4S_TRY(synchronise_all(forward));
  size_t width = (size_t)forward->weights.width;
  float *padded = calloc(width, sizeof *padded);
  if (padded == NULL) {
    return m4s_fail_memory("a state");
  }
  memcpy(padded, state, (size_t)forward->weights.n_hidden * sizeof *state);
  // A reset that waits would come after it.
  m4s_resets_drop(&slab->resets, row);
  m4s_status_t status =
      DEVICE(forward, upload, 0, state_of(forward, slab, row), padded, width * sizeof *padded);
  m4s_status_t ended = DEVICE(forward, synchronise, 0);
  free(padded);
  return status == M4S_OK ? ended : status;
}

// --- settings and counts ---

int32_t m4s_gpu_forward_max_rows(const m4s_gpu_forward_t *forward) { return forward->max_rows; }

void m4s_gpu_forward_limit_rows(m4s_gpu_forward_t *forward, int32_t n_rows) {
  forward->max_rows = n_rows > 1 ? n_rows : 1;
}

void m4s_gpu_forward_time(m4s_gpu_forward_t *forward, bool on) {
  forward->timing = on;
  forward->times = (m4s_gpu_times_t){0};
}

m4s_gpu_times_t m4s_gpu_forward_times(const m4s_gpu_forward_t *forward) { return forward->times; }

int64_t m4s_gpu_forward_n_graphs(const m4s_gpu_forward_t *forward) { return forward->n_graphs; }
