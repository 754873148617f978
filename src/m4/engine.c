#include "m4/engine.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "m4/cuda/calibrate.h"
#include "m4/cuda/forward.h"
#include "m4/fast.h"
#include "m4/reference.h"

// State rows of one kind; released ones are used again.
typedef struct {
  float *states;  // owned, [capacity, hidden]; NULL: they are on a device
  int32_t *epochs;  // owned, [capacity]
  int32_t *free_rows;  // owned, [n_free]
  int32_t n_rows, n_free, capacity;
} slab_t;

// Of a device that was not calibrated.
enum { GPU_FULL_ROWS = 4096 };

struct m4s_engine {
  const m4s_model_t *model;
  m4s_forward_t forward;
  m4s_fast_t *fast;  // owned, for M4S_FORWARD_FAST
  m4s_gpu_forward_t *gpu;  // owned; NULL on the CPU
  int32_t full_rows;
  slab_t flows, links;
  m4s_engine_counts_t counts;
};

m4s_status_t m4s_engine_create(const m4s_model_t *model, m4s_forward_t forward,
                               m4s_engine_t **engine_out) {
  m4s_engine_t *engine = calloc(1, sizeof *engine);
  if (engine == NULL) {
    return m4s_fail_memory("an engine");
  }
  engine->model = model;
  engine->forward = forward;
  if (forward == M4S_FORWARD_FAST) {
    m4s_status_t status = m4s_fast_create(model, &engine->fast);
    if (status != M4S_OK) {
      free(engine);
      return status;
    }
  }
  *engine_out = engine;
  return M4S_OK;
}

m4s_status_t m4s_engine_create_on(const m4s_model_t *model, const m4s_device_t *device,
                                  m4s_gpu_cells_t cells, m4s_engine_t **engine_out) {
  m4s_engine_t *engine = calloc(1, sizeof *engine);
  if (engine == NULL) {
    return m4s_fail_memory("an engine");
  }
  engine->model = model;
  engine->full_rows = GPU_FULL_ROWS;
  m4s_status_t status = m4s_gpu_forward_create(model, device, cells, &engine->gpu);
  if (status != M4S_OK) {
    free(engine);
    return status;
  }
  *engine_out = engine;
  return M4S_OK;
}

static void clear_slab(slab_t *slab) {
  free(slab->states);
  free(slab->epochs);
  free(slab->free_rows);
}

void m4s_engine_destroy(m4s_engine_t *engine) {
  if (engine == NULL) {
    return;
  }
  m4s_fast_destroy(engine->fast);
  m4s_gpu_forward_destroy(engine->gpu);
  clear_slab(&engine->flows);
  clear_slab(&engine->links);
  free(engine);
}

const m4s_model_t *m4s_engine_model(const m4s_engine_t *engine) { return engine->model; }

m4s_engine_counts_t m4s_engine_counts(const m4s_engine_t *engine) { return engine->counts; }

const char *m4s_engine_instructions(const m4s_engine_t *engine) {
  const char *without = engine->gpu == NULL ? "generic" : "GPU";
  return engine->fast == NULL ? without : m4s_fast_instructions(engine->fast);
}

int m4s_engine_n_lanes(const m4s_engine_t *engine) {
  return engine->gpu == NULL ? 1 : M4S_DEVICE_STREAMS;
}

int32_t m4s_engine_full_rows(const m4s_engine_t *engine) {
  if (engine->gpu == NULL) {
    return 0;
  }
  int32_t most = m4s_gpu_forward_max_rows(engine->gpu);
  return engine->full_rows < most ? engine->full_rows : most;
}

m4s_gpu_forward_t *m4s_engine_gpu(const m4s_engine_t *engine) { return engine->gpu; }

// Room for the states of rows 0 … capacity - 1.
static m4s_status_t grow_states(m4s_engine_t *engine, slab_t *slab, int32_t capacity) {
  if (engine->gpu != NULL) {
    return m4s_gpu_forward_reserve(engine->gpu, slab == &engine->links, capacity);
  }
  size_t row_bytes = (size_t)engine->model->hidden * sizeof *slab->states;
  return m4s_array_resize(&slab->states, capacity, row_bytes, "states");
}

static m4s_status_t grow(m4s_engine_t *engine, slab_t *slab) {
  if (slab->capacity > INT32_MAX / 4) {
    return m4s_fail_memory("states");
  }
  int32_t capacity = slab->capacity == 0 ? 256 : slab->capacity * 2;
  M4S_TRY(grow_states(engine, slab, capacity));
  M4S_TRY(m4s_array_resize(&slab->epochs, capacity, sizeof *slab->epochs, "states"));
  M4S_TRY(m4s_array_resize(&slab->free_rows, capacity, sizeof *slab->free_rows, "states"));
  memset(slab->epochs + slab->capacity, 0,
         (size_t)(capacity - slab->capacity) * sizeof *slab->epochs);
  slab->capacity = capacity;
  return M4S_OK;
}

static m4s_status_t take_row(m4s_engine_t *engine, slab_t *slab, int32_t *row_out) {
  if (slab->n_free == 0 && slab->n_rows == slab->capacity) {
    M4S_TRY(grow(engine, slab));
  }
  *row_out = slab->n_free > 0 ? slab->free_rows[--slab->n_free] : slab->n_rows++;
  return M4S_OK;
}

m4s_status_t m4s_engine_take_flow_row(m4s_engine_t *engine, int32_t *row_out) {
  return take_row(engine, &engine->flows, row_out);
}

m4s_status_t m4s_engine_take_link_row(m4s_engine_t *engine, int32_t *row_out) {
  return take_row(engine, &engine->links, row_out);
}

void m4s_engine_release_flow_row(m4s_engine_t *engine, int32_t row) {
  engine->flows.free_rows[engine->flows.n_free++] = row;
}

void m4s_engine_release_link_row(m4s_engine_t *engine, int32_t row) {
  engine->links.free_rows[engine->links.n_free++] = row;
}

float *m4s_engine_flow_state(m4s_engine_t *engine, int32_t row) {
  return engine->flows.states + (size_t)row * (size_t)engine->model->hidden;
}

float *m4s_engine_link_state(m4s_engine_t *engine, int32_t row) {
  return engine->links.states + (size_t)row * (size_t)engine->model->hidden;
}

static m4s_status_t read_state(m4s_engine_t *engine, bool links, int32_t row, float *state_out) {
  if (engine->gpu != NULL) {
    return m4s_gpu_forward_read(engine->gpu, links, row, state_out);
  }
  const float *state =
      links ? m4s_engine_link_state(engine, row) : m4s_engine_flow_state(engine, row);
  memcpy(state_out, state, (size_t)engine->model->hidden * sizeof *state);
  return M4S_OK;
}

static m4s_status_t write_state(m4s_engine_t *engine, bool links, int32_t row, const float *from) {
  if (engine->gpu != NULL) {
    return m4s_gpu_forward_write(engine->gpu, links, row, from);
  }
  float *state = links ? m4s_engine_link_state(engine, row) : m4s_engine_flow_state(engine, row);
  memcpy(state, from, (size_t)engine->model->hidden * sizeof *state);
  return M4S_OK;
}

m4s_status_t m4s_engine_read_flow(m4s_engine_t *engine, int32_t row, float *state_out) {
  return read_state(engine, false, row, state_out);
}

m4s_status_t m4s_engine_read_link(m4s_engine_t *engine, int32_t row, float *state_out) {
  return read_state(engine, true, row, state_out);
}

m4s_status_t m4s_engine_write_flow(m4s_engine_t *engine, int32_t row, const float *state) {
  return write_state(engine, false, row, state);
}

m4s_status_t m4s_engine_write_link(m4s_engine_t *engine, int32_t row, const float *state) {
  return write_state(engine, true, row, state);
}

int32_t m4s_engine_flow_epoch(const m4s_engine_t *engine, int32_t row) {
  return engine->flows.epochs[row];
}

int32_t m4s_engine_link_epoch(const m4s_engine_t *engine, int32_t row) {
  return engine->links.epochs[row];
}

// A state whose first numbers are these, the others 0.
static void set_state(m4s_engine_t *engine, bool links, int32_t row, const float first[4]) {
  if (engine->gpu != NULL) {
    m4s_gpu_forward_reset(engine->gpu, links, row, first);
    return;
  }
  const int32_t hidden = engine->model->hidden;
  float *state = links ? m4s_engine_link_state(engine, row) : m4s_engine_flow_state(engine, row);
  memset(state, 0, (size_t)hidden * sizeof *state);
  memcpy(state, first, (size_t)(hidden < 4 ? hidden : 4) * sizeof *state);
}

void m4s_engine_reset_flow(m4s_engine_t *engine, int32_t row, int64_t size_bytes, int32_t n_links) {
  bool fluid = engine->model->inputs == M4S_INPUTS_FLUID;
  const float first[4] = {1, 0, fluid ? 0 : (float)log2((double)size_bytes / 1000.0 + 1.0),
                          fluid ? 0 : (float)n_links};
  engine->flows.epochs[row]++;
  set_state(engine, false, row, first);
}

void m4s_engine_reset_link(m4s_engine_t *engine, int32_t row) {
  const float first[4] = {0, 1, 1, 0};
  engine->links.epochs[row]++;
  set_state(engine, true, row, first);
}

m4s_status_t m4s_inference_batch_add(m4s_inference_batch_t *batch, const m4s_step_t *step) {
  M4S_TRY(m4s_array_grow(&batch->steps, batch->n_steps, &batch->capacity, sizeof *batch->steps,
                         "a batch"));
  batch->steps[batch->n_steps++] = *step;
  batch->n_flow_rows += step->n_flows;
  batch->n_link_rows += step->n_links;
  return M4S_OK;
}

static void empty_batch(m4s_inference_batch_t *batch) {
  batch->n_steps = 0;
  batch->n_flow_rows = batch->n_link_rows = 0;
}

void m4s_inference_batch_clear(m4s_inference_batch_t *batch) {
  free(batch->steps);
  *batch = (m4s_inference_batch_t){.engine = batch->engine};
}

// Copies the states of `rows` out of the slab, or back into it.
static void copy_states(slab_t *slab, int32_t hidden, int32_t n_rows, const int32_t *rows,
                        float *states, bool back) {
  for (int32_t i = 0; i < n_rows; i++) {
    float *in_slab = slab->states + (size_t)rows[i] * (size_t)hidden;
    float *apart = states + (size_t)i * (size_t)hidden;
    memcpy(back ? in_slab : apart, back ? apart : in_slab, (size_t)hidden * sizeof *apart);
  }
}

static m4s_status_t evaluate_reference(m4s_engine_t *engine, const m4s_step_t *step) {
  const int32_t hidden = engine->model->hidden;
  size_t n_rows = (size_t)step->n_flows + (size_t)step->n_links;
  float *flows = malloc((n_rows * (size_t)hidden + 1) * sizeof *flows);
  if (flows == NULL) {
    return m4s_fail_memory("the rows of a step");
  }
  float *links = flows + (size_t)step->n_flows * (size_t)hidden;
  copy_states(&engine->flows, hidden, step->n_flows, step->flow_rows, flows, false);
  copy_states(&engine->links, hidden, step->n_links, step->link_rows, links, false);
  m4s_status_t status = m4s_reference_step(engine->model, step, flows, links);
  if (status == M4S_OK) {
    copy_states(&engine->flows, hidden, step->n_flows, step->flow_rows, flows, true);
    copy_states(&engine->links, hidden, step->n_links, step->link_rows, links, true);
  }
  free(flows);
  return status;
}

static m4s_status_t evaluate(m4s_engine_t *engine, const m4s_inference_batch_t *batch) {
  if (engine->forward == M4S_FORWARD_FAST) {
    size_t stride = (size_t)engine->model->hidden;
    return m4s_fast_evaluate(engine->fast, batch,
                             (m4s_rows_t){.base = engine->flows.states, .stride = stride},
                             (m4s_rows_t){.base = engine->links.states, .stride = stride});
  }
  for (int32_t i = 0; i < batch->n_steps; i++) {
    M4S_TRY(evaluate_reference(engine, &batch->steps[i]));
  }
  return M4S_OK;
}

static void count(m4s_engine_t *engine, const m4s_inference_batch_t *batch) {
  m4s_engine_counts_t *counts = &engine->counts;
  counts->batches++;
  counts->steps += batch->n_steps;
  counts->flow_rows += batch->n_flow_rows;
  counts->link_rows += batch->n_link_rows;
  for (int32_t i = 0; i < batch->n_steps; i++) {
    counts->edges += batch->steps[i].edge_begin[batch->steps[i].n_flows];
  }
  counts->matrix_flops += (double)batch->n_flow_rows * m4s_model_flops_per_flow(engine->model) +
                          (double)batch->n_link_rows * m4s_model_flops_per_link(engine->model);
}

m4s_status_t m4s_engine_begin(m4s_engine_t *engine, int lane, m4s_inference_batch_t *batch) {
  m4s_status_t status = engine->gpu == NULL ? evaluate(engine, batch)
                                            : m4s_gpu_forward_begin(engine->gpu, lane, batch);
  count(engine, batch);
  empty_batch(batch);
  return status;
}

m4s_status_t m4s_engine_end(m4s_engine_t *engine, int lane) {
  return engine->gpu == NULL ? M4S_OK : m4s_gpu_forward_end(engine->gpu, lane);
}

m4s_status_t m4s_engine_evaluate(m4s_engine_t *engine, m4s_inference_batch_t *batch) {
  M4S_TRY(m4s_engine_begin(engine, 0, batch));
  return m4s_engine_end(engine, 0);
}

m4s_status_t m4s_engine_calibrate(m4s_engine_t *engine, double tolerance) {
  const m4s_engine_counts_t before = engine->counts;
  if (engine->gpu == NULL) {
    return M4S_OK;
  }
  M4S_TRY(m4s_gpu_check(engine, tolerance));
  M4S_TRY(m4s_gpu_find_full_rows(engine, &engine->full_rows));
  engine->counts = before;
  return M4S_OK;
}
