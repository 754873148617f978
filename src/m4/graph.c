#include "m4/graph.h"

#include <string.h>

m4s_graph_sizes_t m4s_graph_place(const m4s_inference_batch_t *batch, int32_t *flow_begin_out,
                                  int32_t *link_begin_out) {
  m4s_graph_sizes_t sizes = {0};
  for (int timed = 1; timed >= 0; timed--) {
    for (int32_t i = 0; i < batch->n_steps; i++) {
      const m4s_step_t *step = &batch->steps[i];
      if (m4s_step_passes_time(step) == timed) {
        flow_begin_out[i] = sizes.n_flows;
        link_begin_out[i] = sizes.n_links;
        sizes.n_flows += step->n_flows;
        sizes.n_links += step->n_links;
        sizes.n_edges += (size_t)step->edge_begin[step->n_flows];
      }
    }
    if (timed) {
      sizes.n_timed_flows = sizes.n_flows;
      sizes.n_timed_links = sizes.n_links;
    }
  }
  sizes.n_rows = sizes.n_flows + sizes.n_links;
  return sizes;
}

// Counts the neighbours of each row of a step, whose flows and links are the rows from `flow` and
// from `link` on.
static void count_neighbours(const m4s_step_t *step, int32_t flow, int32_t link, int32_t *count) {
  for (int32_t i = 0; i < step->n_flows; i++) {
    count[flow + i] = step->edge_begin[i + 1] - step->edge_begin[i];
  }
  for (int32_t e = 0; e < step->edge_begin[step->n_flows]; e++) {
    count[link + step->edges[e]]++;
  }
}

// `next`: where each row's next neighbour goes.
static void list_neighbours(const m4s_step_t *step, int32_t flow, int32_t link, int32_t *next,
                            int32_t *neighbours) {
  for (int32_t i = 0; i < step->n_flows; i++) {
    for (int32_t e = step->edge_begin[i]; e < step->edge_begin[i + 1]; e++) {
      int32_t other = link + step->edges[e];
      neighbours[next[flow + i]++] = other;
      neighbours[next[other]++] = flow + i;
    }
  }
}

void m4s_graph_connect(const m4s_inference_batch_t *batch, const m4s_graph_sizes_t *sizes,
                       const int32_t *flow_begin, const int32_t *link_begin, int32_t *begin_out,
                       int32_t *neighbours_out) {
  memset(begin_out, 0, ((size_t)sizes->n_rows + 2) * sizeof *begin_out);
  for (int32_t i = 0; i < batch->n_steps; i++) {
    count_neighbours(&batch->steps[i], flow_begin[i], sizes->n_flows + link_begin[i],
                     begin_out + 1);
  }
  for (int32_t row = 0; row < sizes->n_rows; row++) {
    begin_out[row + 1] += begin_out[row];
  }
  // Listing moves every row's begin to its end, which is the next row's begin.
  for (int32_t i = 0; i < batch->n_steps; i++) {
    list_neighbours(&batch->steps[i], flow_begin[i], sizes->n_flows + link_begin[i], begin_out,
                    neighbours_out);
  }
  memmove(begin_out + 1, begin_out, (size_t)sizes->n_rows * sizeof *begin_out);
  begin_out[0] = 0;
}
