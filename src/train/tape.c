#include "train/tape.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/array.h"
#include "m4/graph.h"
#include "m4/kernels.h"
#include "train/tape_pass.h"

// The states of one kind's rows, of the occupants that the tape met last.
typedef struct {
  unsigned char *states, *gradients;  // owned, [capacity, row_bytes]
  int32_t *epochs;  // owned, [capacity]; -1: none yet
  int32_t capacity;
} slab_t;

struct m4s_tape {
  const m4s_parameters_t *parameters;
  const m4s_tape_kernels_t *kernels;
  void *weights, *gradients;  // owned, [n_values]; weights NULL: those of the parameters
  bool wants_inputs;
  size_t row_bytes;  // of a state
  slab_t flows, links;
  m4s_tape_pass_t *passes;  // owned, [n_passes]
  int32_t n_passes, capacity;
  m4s_arena_t memory, scratch;  // of the passes; of one pass going back
};

// --- lifecycle ---

static m4s_status_t choose_kernels(m4s_tape_precision_t precision,
                                   const m4s_tape_kernels_t **kernels_out) {
  const m4s_kernels_t *engine_kernels;
  M4S_TRY(m4s_kernels_choose(&engine_kernels));
  *kernels_out = m4s_tape_kernels_generic();
  const m4s_tape_kernels_t *const sets[] = {m4s_tape_kernels_avx512(), m4s_tape_kernels_avx2()};
  for (int i = 0; i < 2; i++) {
    if (sets[i] != NULL && strcmp(sets[i]->instructions, engine_kernels->name) == 0) {
      *kernels_out = sets[i];
    }
  }
  if (precision == M4S_TAPE_FLOAT64) {
    *kernels_out = m4s_tape_kernels_float64();
  }
  return M4S_OK;
}

m4s_status_t m4s_tape_create(const m4s_parameters_t *parameters, m4s_tape_precision_t precision,
                             m4s_tape_t **tape_out) {
  const m4s_tape_kernels_t *kernels;
  M4S_TRY(choose_kernels(precision, &kernels));
  openblas_set_num_threads(1);
  m4s_tape_t *tape = calloc(1, sizeof *tape);
  if (tape == NULL) {
    return m4s_fail_memory("a tape");
  }
  size_t n_values = (size_t)parameters->n_values;
  tape->parameters = parameters;
  tape->kernels = kernels;
  tape->row_bytes = (size_t)parameters->model.hidden * kernels->number_bytes;
  tape->gradients = malloc(n_values * kernels->number_bytes);
  if (precision == M4S_TAPE_FLOAT64) {
    tape->weights = malloc(n_values * kernels->number_bytes);
  }
  if (tape->gradients == NULL || (precision == M4S_TAPE_FLOAT64 && tape->weights == NULL)) {
    m4s_tape_destroy(tape);
    return m4s_fail_memory("a tape");
  }
  *tape_out = tape;
  return M4S_OK;
}

static void clear_slab(slab_t *slab) {
  free(slab->states);
  free(slab->gradients);
  free(slab->epochs);
}

void m4s_tape_destroy(m4s_tape_t *tape) {
  if (tape == NULL) {
    return;
  }
  free(tape->weights);
  free(tape->gradients);
  clear_slab(&tape->flows);
  clear_slab(&tape->links);
  free(tape->passes);
  m4s_arena_clear(&tape->memory);
  m4s_arena_clear(&tape->scratch);
  free(tape);
}

void m4s_tape_want_inputs(m4s_tape_t *tape, bool wanted) { tape->wants_inputs = wanted; }

void m4s_tape_cut(m4s_tape_t *tape) {
  tape->n_passes = 0;
  m4s_arena_reset(&tape->memory);
}

static void forget_states(slab_t *slab) {
  for (int32_t row = 0; row < slab->capacity; row++) {
    slab->epochs[row] = -1;
  }
}

void m4s_tape_reset(m4s_tape_t *tape) {
  m4s_tape_cut(tape);
  forget_states(&tape->flows);
  forget_states(&tape->links);
}

void m4s_tape_flow_state(const m4s_tape_t *tape, int32_t row, double *state_out) {
  tape->kernels->read((size_t)tape->parameters->model.hidden,
                      tape->flows.states + (size_t)row * tape->row_bytes, state_out);
}

void m4s_tape_link_state(const m4s_tape_t *tape, int32_t row, double *state_out) {
  tape->kernels->read((size_t)tape->parameters->model.hidden,
                      tape->links.states + (size_t)row * tape->row_bytes, state_out);
}

size_t m4s_tape_bytes(const m4s_tape_t *tape) { return m4s_arena_bytes(&tape->memory); }

static m4s_tape_weights_t weights_of(const m4s_tape_t *tape) {
  const m4s_parameters_t *parameters = tape->parameters;
  return (m4s_tape_weights_t){.model = &parameters->model,
                              .origin = parameters->values,
                              .weights = tape->weights == NULL ? parameters->values : tape->weights,
                              .gradients = tape->gradients};
}

// --- rows ---

static m4s_status_t make_room(slab_t *slab, const int32_t *rows, int32_t n, size_t row_bytes) {
  int32_t needed = 0;
  for (int32_t i = 0; i < n; i++) {
    needed = rows[i] >= needed ? rows[i] + 1 : needed;
  }
  if (needed <= slab->capacity) {
    return M4S_OK;
  }
  int32_t capacity = needed > INT32_MAX / 2 ? INT32_MAX : 2 * needed;
  M4S_TRY(m4s_array_resize(&slab->states, capacity, row_bytes, "states"));
  M4S_TRY(m4s_array_resize(&slab->gradients, capacity, row_bytes, "states"));
  M4S_TRY(m4s_array_resize(&slab->epochs, capacity, sizeof *slab->epochs, "states"));
  for (int32_t row = slab->capacity; row < capacity; row++) {
    slab->epochs[row] = -1;
  }
  slab->capacity = capacity;
  return M4S_OK;
}

// The slab of a row of a pass.
static slab_t *slab_of(m4s_tape_t *tape, const m4s_tape_pass_t *pass, int32_t i) {
  return i < pass->n_flows ? &tape->flows : &tape->links;
}

static unsigned char *row_of(const m4s_tape_t *tape, void *rows, int32_t i) {
  return (unsigned char *)rows + (size_t)i * tape->row_bytes;
}

// The states before a pass. Rows of new occupants begin with those of the engine.
static void gather_states(m4s_tape_t *tape, m4s_engine_t *engine, m4s_tape_pass_t *pass) {
  size_t hidden = (size_t)tape->parameters->model.hidden;
  for (int32_t i = 0; i < pass->n_rows; i++) {
    slab_t *slab = slab_of(tape, pass, i);
    bool flow = i < pass->n_flows;
    int32_t row = pass->rows[i];
    int32_t epoch = flow ? m4s_engine_flow_epoch(engine, row) : m4s_engine_link_epoch(engine, row);
    void *state = row_of(tape, pass->before, i);
    pass->fresh[i] = slab->epochs[row] != epoch;
    slab->epochs[row] = epoch;
    if (pass->fresh[i]) {
      const float *begins =
          flow ? m4s_engine_flow_state(engine, row) : m4s_engine_link_state(engine, row);
      tape->kernels->convert(hidden, begins, state);
    } else {
      memcpy(state, row_of(tape, slab->states, row), tape->row_bytes);
    }
  }
}

static void keep_states(m4s_tape_t *tape, const m4s_tape_pass_t *pass) {
  for (int32_t i = 0; i < pass->n_rows; i++) {
    memcpy(row_of(tape, slab_of(tape, pass, i)->states, pass->rows[i]),
           row_of(tape, pass->after, i), tape->row_bytes);
  }
}

// --- recording ---

// Takes memory while there is some; `failed` tells once there is none.
typedef struct {
  m4s_arena_t *arena;
  size_t number_bytes;
  bool failed;
} taker_t;

static void *take_bytes(taker_t *taker, size_t n_bytes) {
  void *memory = m4s_arena_take(taker->arena, n_bytes);
  taker->failed = taker->failed || memory == NULL;
  return memory;
}

static void *take(taker_t *taker, int32_t n_rows, int32_t n) {
  return take_bytes(taker, (size_t)n_rows * (size_t)n * taker->number_bytes);
}

static void *take_zeros(taker_t *taker, int32_t n_rows, int32_t n) {
  size_t n_bytes = (size_t)n_rows * (size_t)n * sizeof(double);
  void *memory = take_bytes(taker, n_bytes);
  return memory == NULL ? NULL : memset(memory, 0, n_bytes);
}

static void take_layers(taker_t *taker, const m4s_model_t *model, m4s_tape_pass_t *pass) {
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    const m4s_sage_t *sage = &model->gnn[i];
    m4s_tape_layer_t *layer = &pass->layers[i];
    layer->joint = take(taker, pass->n_rows, sage->n_in + sage->n_out);
    layer->sums = take(taker, pass->n_rows, sage->n_in);
    layer->scales = take(taker, pass->n_rows, 1);
    layer->out = take(taker, pass->n_rows, sage->n_out);
  }
}

// The numbers of a row of each kind of output, for the caller.
static void take_record(taker_t *taker, const m4s_model_t *model, bool wants_inputs,
                        m4s_tape_pass_t *pass) {
  m4s_tape_record_t *record = &pass->record;
  pass->predictions = take_zeros(taker, pass->n_flows, 1);
  record->d_predictions = take_zeros(taker, pass->n_flows, 1);
  if (model->remaining.n_hidden > 0) {
    pass->hidden_remaining = take(taker, pass->n_flows, model->hidden);
    pass->remaining = take_zeros(taker, pass->n_flows, 1);
    record->d_remaining = take_zeros(taker, pass->n_flows, 1);
  }
  if (model->queue.n_hidden > 0) {
    pass->hidden_queue = take(taker, pass->n_links, model->hidden);
    pass->queues = take_zeros(taker, pass->n_links, 1);
    record->d_queues = take_zeros(taker, pass->n_links, 1);
  }
  if (wants_inputs) {
    pass->d_flow_inputs = take_zeros(taker, pass->n_flows, model->n_flow_inputs);
    pass->d_link_inputs = take_zeros(taker, pass->n_links, model->n_link_inputs);
  }
  record->predictions = pass->predictions;
  record->remaining = pass->remaining;
  record->queues = pass->queues;
  record->d_flow_inputs = pass->d_flow_inputs;
  record->d_link_inputs = pass->d_link_inputs;
}

static m4s_status_t take_pass(m4s_tape_t *tape, const m4s_graph_sizes_t *sizes,
                              m4s_tape_pass_t *pass) {
  const m4s_model_t *model = &tape->parameters->model;
  taker_t taker = {.arena = &tape->memory, .number_bytes = tape->kernels->number_bytes};
  size_t n_rows = (size_t)sizes->n_rows;
  pass->n_flows = sizes->n_flows;
  pass->n_links = sizes->n_links;
  pass->n_rows = sizes->n_rows;
  pass->n_timed_flows = sizes->n_timed_flows;
  pass->n_timed_links = sizes->n_timed_links;
  pass->rows = take_bytes(&taker, n_rows * sizeof *pass->rows);
  pass->fresh = take_bytes(&taker, n_rows * sizeof *pass->fresh);
  pass->begin = take_bytes(&taker, (n_rows + 2) * sizeof *pass->begin);
  pass->neighbours = take_bytes(&taker, 2 * sizes->n_edges * sizeof *pass->neighbours);
  pass->features = take(&taker, pass->n_flows, 1 + model->n_params);
  pass->flow_inputs = take(&taker, pass->n_timed_flows, model->n_flow_inputs);
  pass->link_inputs = take(&taker, pass->n_timed_links, model->n_link_inputs);
  pass->before = take(&taker, pass->n_rows, model->hidden);
  pass->time_gates = take(&taker, pass->n_rows, 4 * model->hidden);
  pass->between = take(&taker, pass->n_rows, model->hidden);
  take_layers(&taker, model, pass);
  pass->rate_gates = take(&taker, pass->n_rows, 4 * model->hidden);
  pass->after = take(&taker, pass->n_rows, model->hidden);
  pass->hidden_prediction = take(&taker, pass->n_flows, model->hidden);
  take_record(&taker, model, tape->wants_inputs, pass);
  return taker.failed ? m4s_fail_memory("a batch on the tape") : M4S_OK;
}

static void list_rows(const m4s_inference_batch_t *batch, m4s_tape_pass_t *pass) {
  for (int32_t i = 0; i < batch->n_steps; i++) {
    const m4s_step_t *step = &batch->steps[i];
    memcpy(pass->rows + pass->record.flow_begin[i], step->flow_rows,
           (size_t)step->n_flows * sizeof *pass->rows);
    memcpy(pass->rows + pass->n_flows + pass->record.link_begin[i], step->link_rows,
           (size_t)step->n_links * sizeof *pass->rows);
  }
}

// Inputs of the time cells of `n` rows from `first` on.
static void put_inputs(const m4s_tape_t *tape, void *rows, int32_t first, int32_t n,
                       int32_t n_inputs, const float *inputs, float dt_us) {
  size_t number_bytes = tape->kernels->number_bytes;
  size_t n_numbers = (size_t)n * (size_t)n_inputs;
  unsigned char *to = (unsigned char *)rows + (size_t)first * (size_t)n_inputs * number_bytes;
  if (inputs != NULL) {
    tape->kernels->convert(n_numbers, inputs, to);
    return;
  }
  for (size_t i = 0; i < n_numbers; i++) {
    tape->kernels->convert(1, &dt_us, to + i * number_bytes);
  }
}

static void put_features(const m4s_tape_t *tape, const m4s_step_t *step, int32_t first,
                         const m4s_tape_pass_t *pass) {
  size_t number_bytes = tape->kernels->number_bytes;
  size_t n_params = (size_t)tape->parameters->model.n_params;
  unsigned char *to =
      (unsigned char *)pass->features + (size_t)first * (1 + n_params) * number_bytes;
  for (int32_t i = 0; i < step->n_flows; i++, to += (1 + n_params) * number_bytes) {
    float n_links = (float)(step->edge_begin[i + 1] - step->edge_begin[i]);
    tape->kernels->convert(1, &n_links, to);
    tape->kernels->convert(n_params, step->params, to + number_bytes);
  }
}

static void put_steps(const m4s_tape_t *tape, const m4s_inference_batch_t *batch,
                      const m4s_tape_pass_t *pass) {
  const m4s_model_t *model = &tape->parameters->model;
  for (int32_t i = 0; i < batch->n_steps; i++) {
    const m4s_step_t *step = &batch->steps[i];
    int32_t flow = pass->record.flow_begin[i];
    put_features(tape, step, flow, pass);
    if (m4s_step_passes_time(step)) {
      put_inputs(tape, pass->flow_inputs, flow, step->n_flows, model->n_flow_inputs,
                 step->flow_inputs, step->dt_us);
      put_inputs(tape, pass->link_inputs, pass->record.link_begin[i], step->n_links,
                 model->n_link_inputs, step->link_inputs, step->dt_us);
    }
  }
}

// Everything that may fail.
static m4s_status_t begin_pass(m4s_tape_t *tape, const m4s_inference_batch_t *batch,
                               m4s_tape_pass_t *pass) {
  size_t n_steps = (size_t)batch->n_steps;
  int32_t *begins = m4s_arena_take(&tape->memory, 2 * n_steps * sizeof *begins);
  if (begins == NULL) {
    return m4s_fail_memory("a batch on the tape");
  }
  m4s_graph_sizes_t sizes = m4s_graph_place(batch, begins, begins + n_steps);
  pass->record = (m4s_tape_record_t){.n_steps = batch->n_steps,
                                     .n_flows = sizes.n_flows,
                                     .n_links = sizes.n_links,
                                     .flow_begin = begins,
                                     .link_begin = begins + n_steps};
  M4S_TRY(take_pass(tape, &sizes, pass));
  m4s_graph_connect(batch, &sizes, begins, begins + n_steps, pass->begin, pass->neighbours);
  list_rows(batch, pass);
  M4S_TRY(make_room(&tape->flows, pass->rows, pass->n_flows, tape->row_bytes));
  M4S_TRY(make_room(&tape->links, pass->rows + pass->n_flows, pass->n_links, tape->row_bytes));
  return m4s_array_grow(&tape->passes, tape->n_passes, &tape->capacity, sizeof *tape->passes,
                        "a tape");
}

m4s_status_t m4s_tape_forward(m4s_tape_t *tape, const m4s_inference_batch_t *batch,
                              m4s_tape_record_t *record_out) {
  m4s_tape_pass_t pass = {0};
  M4S_TRY(begin_pass(tape, batch, &pass));
  if (tape->weights != NULL && tape->n_passes == 0) {
    tape->kernels->convert((size_t)tape->parameters->n_values, tape->parameters->values,
                           tape->weights);
  }
  put_steps(tape, batch, &pass);
  gather_states(tape, batch->engine, &pass);
  const m4s_tape_weights_t weights = weights_of(tape);
  tape->kernels->forward(&weights, &pass);
  keep_states(tape, &pass);
  tape->passes[tape->n_passes++] = pass;
  *record_out = pass.record;
  return M4S_OK;
}

// --- going back ---

static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

// Room for the largest pass.
static m4s_status_t take_scratch(m4s_tape_t *tape, m4s_tape_scratch_t *scratch_out) {
  const m4s_model_t *model = &tape->parameters->model;
  const int32_t width = larger(model->hidden, model->gnn_hidden);
  int32_t n_rows = 0;
  bool wants_inputs = false;
  for (int32_t i = 0; i < tape->n_passes; i++) {
    n_rows = larger(n_rows, tape->passes[i].n_rows);
    wants_inputs = wants_inputs || tape->passes[i].d_flow_inputs != NULL;
  }
  m4s_arena_reset(&tape->scratch);
  taker_t taker = {.arena = &tape->scratch, .number_bytes = tape->kernels->number_bytes};
  *scratch_out = (m4s_tape_scratch_t){.d_states = take(&taker, n_rows, model->hidden),
                                      .d_nodes = take(&taker, n_rows, width),
                                      .d_sums = take(&taker, n_rows, width),
                                      .row = take(&taker, 4, width)};
  if (wants_inputs) {
    scratch_out->d_inputs =
        take(&taker, n_rows, larger(model->n_flow_inputs, model->n_link_inputs));
  }
  return taker.failed ? m4s_fail_memory("the backward pass") : M4S_OK;
}

// The derivatives by the states after a pass, from the passes behind it.
static void gather_gradients(m4s_tape_t *tape, const m4s_tape_pass_t *pass, void *d_states) {
  for (int32_t i = 0; i < pass->n_rows; i++) {
    memcpy(row_of(tape, d_states, i),
           row_of(tape, slab_of(tape, pass, i)->gradients, pass->rows[i]), tape->row_bytes);
  }
}

// Those by the states before it, for the passes ahead of it. An earlier occupant's state, which
// nothing went on from, has none.
static void keep_gradients(m4s_tape_t *tape, const m4s_tape_pass_t *pass, void *d_states) {
  for (int32_t i = 0; i < pass->n_rows; i++) {
    unsigned char *row = row_of(tape, slab_of(tape, pass, i)->gradients, pass->rows[i]);
    if (pass->fresh[i]) {
      memset(row, 0, tape->row_bytes);
    } else {
      memcpy(row, row_of(tape, d_states, i), tape->row_bytes);
    }
  }
}

static void clear_gradients(const slab_t *slab, size_t row_bytes) {
  if (slab->capacity > 0) {
    memset(slab->gradients, 0, (size_t)slab->capacity * row_bytes);
  }
}

m4s_status_t m4s_tape_backward(m4s_tape_t *tape, double *gradients) {
  size_t n_values = (size_t)tape->parameters->n_values;
  const m4s_tape_weights_t weights = weights_of(tape);
  m4s_tape_scratch_t scratch;
  M4S_TRY(take_scratch(tape, &scratch));
  memset(tape->gradients, 0, n_values * tape->kernels->number_bytes);
  clear_gradients(&tape->flows, tape->row_bytes);
  clear_gradients(&tape->links, tape->row_bytes);
  for (int32_t i = tape->n_passes - 1; i >= 0; i--) {
    m4s_tape_pass_t *pass = &tape->passes[i];
    gather_gradients(tape, pass, scratch.d_states);
    tape->kernels->backward(&weights, pass, &scratch);
    keep_gradients(tape, pass, scratch.d_states);
  }
  tape->kernels->add(n_values, tape->gradients, gradients);
  m4s_tape_cut(tape);
  return M4S_OK;
}
