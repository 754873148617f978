// The rows of a batch and the graph that connects them: the flows of all steps, then the links; of
// each, those of steps that pass time come first.
#pragma once

#include "m4/engine.h"

typedef struct {
  int32_t n_flows, n_links, n_rows;
  int32_t n_timed_flows, n_timed_links;  // of steps that pass time
  size_t n_edges;
} m4s_graph_sizes_t;

// Sizes, and where the flows and the links of each step begin, counted among flows and among links:
// `flow_begin_out` and `link_begin_out`, [n_steps].
m4s_graph_sizes_t m4s_graph_place(const m4s_inference_batch_t *batch, int32_t *flow_begin_out,
                                  int32_t *link_begin_out);

// The neighbours of row i are neighbours_out[begin_out[i]] … neighbours_out[begin_out[i + 1] - 1]:
// a flow's links in the order of its path, a link's flows in the order of the step. `begin_out` has
// room for n_rows + 2, `neighbours_out` for 2 n_edges.
void m4s_graph_connect(const m4s_inference_batch_t *batch, const m4s_graph_sizes_t *sizes,
                       const int32_t *flow_begin, const int32_t *link_begin, int32_t *begin_out,
                       int32_t *neighbours_out);
