// A batch as it goes up to a device: one array of words, see m4s_upload_t.
#pragma once

#include "m4/cuda/kernels.h"
#include "m4/graph.h"

// States that begin anew, of flows or of links. Start from {0}; free with m4s_resets_clear().
typedef struct {
  int32_t *rows;  // owned, [n]
  float *starts;  // owned, [n, 4]
  int32_t *places;  // owned, [n_rows]: of the rows among them, -1: not there
  int32_t n, capacity, n_rows;
} m4s_resets_t;

// Room for rows 0 … n_rows - 1. M4S_ERR_MEMORY.
m4s_status_t m4s_resets_reserve(m4s_resets_t *resets, int32_t n_rows);
// A row that is there already begins with what was given last.
m4s_status_t m4s_resets_add(m4s_resets_t *resets, int32_t row, const float start[4]);
// Forgets a row, if it is there.
void m4s_resets_drop(m4s_resets_t *resets, int32_t row);
void m4s_resets_empty(m4s_resets_t *resets);
void m4s_resets_clear(m4s_resets_t *resets);

// What is written, and the sizes that tell how.
typedef struct {
  const m4s_inference_batch_t *batch;
  m4s_graph_sizes_t sizes;
  const int32_t *flow_begin, *link_begin;  // [n_steps], of m4s_graph_place()
  int32_t link_base;  // at least n_flows
  int32_t n_params, n_flow_inputs, n_link_inputs;
  const m4s_resets_t *flow_resets, *link_resets;
} m4s_batch_parts_t;

// Words that m4s_batch_write() needs room for.
size_t m4s_batch_n_words(const m4s_batch_parts_t *parts);

// Writes the batch to `words`, which has that room; fewer than 2^31.
void m4s_batch_write(const m4s_batch_parts_t *parts, int32_t *words);
