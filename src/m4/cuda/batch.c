#include "m4/cuda/batch.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"

// --- states that begin anew ---

m4s_status_t m4s_resets_reserve(m4s_resets_t *resets, int32_t n_rows) {
  if (n_rows <= resets->n_rows) {
    return M4S_OK;
  }
  M4S_TRY(m4s_array_resize(&resets->places, n_rows, sizeof *resets->places, "states"));
  for (int32_t row = resets->n_rows; row < n_rows; row++) {
    resets->places[row] = -1;
  }
  resets->n_rows = n_rows;
  return M4S_OK;
}

m4s_status_t m4s_resets_add(m4s_resets_t *resets, int32_t row, const float start[4]) {
  int32_t place = resets->places[row];
  if (place < 0) {
    if (resets->n == resets->capacity) {
      int32_t capacity = resets->capacity == 0 ? 256 : 2 * resets->capacity;
      M4S_TRY(m4s_array_resize(&resets->rows, capacity, sizeof *resets->rows, "states"));
      M4S_TRY(m4s_array_resize(&resets->starts, capacity, 4 * sizeof *resets->starts, "states"));
      resets->capacity = capacity;
    }
    place = resets->n++;
    resets->places[row] = place;
    resets->rows[place] = row;
  }
  memcpy(resets->starts + 4 * (size_t)place, start, 4 * sizeof *start);
  return M4S_OK;
}

void m4s_resets_drop(m4s_resets_t *resets, int32_t row) {
  int32_t place = resets->places[row];
  if (place < 0) {
    return;
  }
  int32_t last = --resets->n;
  resets->rows[place] = resets->rows[last];
  memmove(resets->starts + 4 * (size_t)place, resets->starts + 4 * (size_t)last,
          4 * sizeof *resets->starts);
  resets->places[resets->rows[place]] = place;
  resets->places[row] = -1;
}

void m4s_resets_empty(m4s_resets_t *resets) {
  for (int32_t i = 0; i < resets->n; i++) {
    resets->places[resets->rows[i]] = -1;
  }
  resets->n = 0;
}

void m4s_resets_clear(m4s_resets_t *resets) {
  free(resets->rows);
  free(resets->starts);
  free(resets->places);
  *resets = (m4s_resets_t){0};
}

// --- batches ---

// Where an array of n words begins, behind *n_words others.
static int32_t take(size_t *n_words, size_t n) {
  size_t first = *n_words;
  *n_words += n;
  return (int32_t)first;
}

// Lays out the arrays whose lengths do not depend on the number of steps.
static m4s_upload_t lay_out(const m4s_batch_parts_t *parts, size_t *n_words) {
  const m4s_graph_sizes_t *sizes = &parts->sizes;
  m4s_upload_t upload = {.link_base = parts->link_base,
                         .n_flows = sizes->n_flows,
                         .n_links = sizes->n_links,
                         .n_timed_flows = sizes->n_timed_flows,
                         .n_timed_links = sizes->n_timed_links,
                         .n_flow_resets = parts->flow_resets->n,
                         .n_link_resets = parts->link_resets->n};
  size_t n_flows = (size_t)sizes->n_flows;
  size_t n_links = (size_t)sizes->n_links;
  (void)take(n_words, sizeof upload / sizeof(int32_t));
  upload.flow_rows = take(n_words, n_flows);
  upload.link_rows = take(n_words, n_links);
  upload.flow_params = take(n_words, n_flows);
  upload.flow_inputs = take(n_words, n_flows * (size_t)parts->n_flow_inputs);
  upload.link_inputs = take(n_words, n_links * (size_t)parts->n_link_inputs);
  upload.flow_resets = take(n_words, (size_t)upload.n_flow_resets);
  upload.link_resets = take(n_words, (size_t)upload.n_link_resets);
  upload.flow_starts = take(n_words, 4 * (size_t)upload.n_flow_resets);
  upload.link_starts = take(n_words, 4 * (size_t)upload.n_link_resets);
  upload.begin = take(n_words, (size_t)parts->link_base + n_links + 2);
  upload.neighbours = take(n_words, 2 * sizes->n_edges);
  return upload;
}

// The parameters of all steps come last.
size_t m4s_batch_n_words(const m4s_batch_parts_t *parts) {
  size_t n_words = 0;
  (void)lay_out(parts, &n_words);
  return n_words + (size_t)parts->batch->n_steps * (size_t)parts->n_params;
}

// The words of an array of `n` from `first` on get the numbers.
static void put(int32_t *words, size_t first, const void *numbers, size_t n) {
  if (n > 0) {
    memcpy(words + first, numbers, n * sizeof *words);
  }
}

// Inputs of the time cells of n rows from `row` on: `inputs`, or the elapsed time.
static void put_inputs(int32_t *words, int32_t first, int32_t row, int32_t n, int32_t n_inputs,
                       const float *inputs, const float *dt_us) {
  size_t place = (size_t)first + (size_t)row * (size_t)n_inputs;
  size_t n_numbers = (size_t)n * (size_t)n_inputs;
  if (inputs != NULL) {
    put(words, place, inputs, n_numbers);
    return;
  }
  for (size_t i = 0; i < n_numbers; i++) {
    put(words, place + i, dt_us, 1);
  }
}

static void write_step(const m4s_batch_parts_t *parts, const m4s_upload_t *upload, int32_t i,
                       size_t params, int32_t *words) {
  const m4s_step_t *step = &parts->batch->steps[i];
  int32_t flow = parts->flow_begin[i];
  int32_t link = parts->link_begin[i];
  put(words, (size_t)upload->flow_rows + (size_t)flow, step->flow_rows, (size_t)step->n_flows);
  put(words, (size_t)upload->link_rows + (size_t)link, step->link_rows, (size_t)step->n_links);
  put(words, params, step->params, (size_t)parts->n_params);
  for (int32_t k = 0; k < step->n_flows; k++) {
    words[upload->flow_params + flow + k] = (int32_t)params;
  }
  put_inputs(words, upload->flow_inputs, flow, step->n_flows, parts->n_flow_inputs,
             step->flow_inputs, &step->dt_us);
  put_inputs(words, upload->link_inputs, link, step->n_links, parts->n_link_inputs,
             step->link_inputs, &step->dt_us);
}

static void write_resets(const m4s_resets_t *resets, int32_t rows, int32_t starts, int32_t *words) {
  put(words, (size_t)rows, resets->rows, (size_t)resets->n);
  put(words, (size_t)starts, resets->starts, 4 * (size_t)resets->n);
}

void m4s_batch_write(const m4s_batch_parts_t *parts, int32_t *words) {
  size_t n_words = 0;
  m4s_upload_t upload = lay_out(parts, &n_words);
  put(words, 0, &upload, sizeof upload / sizeof *words);
  write_resets(parts->flow_resets, upload.flow_resets, upload.flow_starts, words);
  write_resets(parts->link_resets, upload.link_resets, upload.link_starts, words);
  for (int32_t i = 0; i < parts->batch->n_steps; i++) {
    write_step(parts, &upload, i, n_words + (size_t)i * (size_t)parts->n_params, words);
  }
  // Rows between the last flow and the first link have no neighbours.
  m4s_graph_sizes_t rows = parts->sizes;
  rows.n_flows = parts->link_base;
  rows.n_rows = parts->link_base + parts->sizes.n_links;
  m4s_graph_connect(parts->batch, &rows, parts->flow_begin, parts->link_begin, words + upload.begin,
                    words + upload.neighbours);
}
