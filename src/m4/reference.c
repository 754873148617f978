#include "m4/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double norm_epsilon = 1e-5;

typedef struct {
  const m4s_model_t *model;
  const m4s_step_t *step;
  float *flow_states, *link_states;  // borrowed, [n_flows, hidden], [n_links, hidden]
  size_t n_nodes;  // of the graph: the flows, then the links
  size_t width;  // between the rows of nodes
  float *nodes, *projected;  // [n_nodes, width]
  double *sums;  // [n_nodes, width], over neighbours
  float *input, *output;  // of one row
} pass_t;

static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

static m4s_status_t pass_init(pass_t *pass, const m4s_model_t *model, const m4s_step_t *step,
                              float *flow_states, float *link_states) {
  size_t width = (size_t)larger(model->hidden, model->gnn_hidden);
  size_t n_nodes = (size_t)step->n_flows + (size_t)step->n_links;
  int32_t n_inputs = larger(model->n_flow_inputs, model->n_link_inputs);
  size_t n_input = 1 + (size_t)larger(model->n_params, n_inputs) + width;
  *pass = (pass_t){.model = model,
                   .step = step,
                   .flow_states = flow_states,
                   .link_states = link_states,
                   .n_nodes = n_nodes,
                   .width = width};
  pass->sums = calloc(n_nodes * width + 1, sizeof *pass->sums);
  pass->nodes = calloc(2 * n_nodes * width + n_input + width, sizeof *pass->nodes);
  if (pass->sums == NULL || pass->nodes == NULL) {
    free(pass->sums);
    free(pass->nodes);
    return m4s_fail_memory("a step of m4");
  }
  pass->projected = pass->nodes + n_nodes * width;
  pass->input = pass->projected + n_nodes * width;
  pass->output = pass->input + n_input;
  return M4S_OK;
}

static void pass_clear(pass_t *pass) {
  free(pass->sums);
  free(pass->nodes);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

// NaN stays NaN.
static float relu(double x) { return x < 0 ? 0 : (float)x; }

// Element `out` of W x, weight [n_out, n_in].
static double product(const float *weight, int32_t out, const float *x, int32_t n_in) {
  const float *row = weight + (size_t)out * (size_t)n_in;
  double sum = 0;
  for (int32_t in = 0; in < n_in; in++) {
    sum += (double)row[in] * (double)x[in];
  }
  return sum;
}

// --- recurrent cells ---

// Moves `state`, [n_hidden], on with the input in pass->input.
static void gru(pass_t *pass, const m4s_gru_t *cell, float *state) {
  int32_t n = cell->n_hidden;
  for (int32_t j = 0; j < n; j++) {
    double from_input[3], from_state[3];
    for (int32_t gate = 0; gate < 3; gate++) {
      int32_t out = gate * n + j;
      from_input[gate] =
          product(cell->weight_ih, out, pass->input, cell->n_in) + (double)cell->bias_ih[out];
      from_state[gate] = product(cell->weight_hh, out, state, n) + (double)cell->bias_hh[out];
    }
    double r = sigmoid(from_input[0] + from_state[0]);
    double i = sigmoid(from_input[1] + from_state[1]);
    double candidate = tanh(from_input[2] + r * from_state[2]);
    pass->output[j] = (float)((1 - i) * candidate + i * (double)state[j]);
  }
  memcpy(state, pass->output, (size_t)n * sizeof *state);
}

// Row i of fluid inputs, or the elapsed time.
static void load_inputs(pass_t *pass, const float *inputs, int32_t n_inputs, int32_t i) {
  const float *row = inputs == NULL ? &pass->step->dt_us : inputs + (size_t)i * (size_t)n_inputs;
  memcpy(pass->input, row, (size_t)n_inputs * sizeof *row);
}

static void let_time_pass(pass_t *pass) {
  const m4s_model_t *model = pass->model;
  const m4s_step_t *step = pass->step;
  size_t hidden = (size_t)model->hidden;
  for (int32_t i = 0; i < step->n_flows; i++) {
    load_inputs(pass, step->flow_inputs, model->n_flow_inputs, i);
    gru(pass, &model->time_flow, pass->flow_states + (size_t)i * hidden);
  }
  for (int32_t i = 0; i < step->n_links; i++) {
    load_inputs(pass, step->link_inputs, model->n_link_inputs, i);
    gru(pass, &model->time_link, pass->link_states + (size_t)i * hidden);
  }
}

// The step's parameters, which may be NULL where there are none.
static void put_params(const pass_t *pass, float *to) {
  for (int32_t i = 0; i < pass->model->n_params; i++) {
    to[i] = pass->step->params[i];
  }
}

static void update_states(pass_t *pass) {
  const m4s_model_t *model = pass->model;
  size_t hidden = (size_t)model->hidden;
  size_t n_flows = (size_t)pass->step->n_flows;
  const float *node = pass->nodes;
  put_params(pass, pass->input + hidden);
  for (size_t i = 0; i < pass->n_nodes; i++, node += pass->width) {
    memcpy(pass->input, node, hidden * sizeof *node);
    if (i < n_flows) {
      gru(pass, &model->rate_flow, pass->flow_states + i * hidden);
    } else {
      gru(pass, &model->rate_link, pass->link_states + (i - n_flows) * hidden);
    }
  }
}

// --- graph network ---

static void load_nodes(pass_t *pass) {
  size_t hidden = (size_t)pass->model->hidden;
  size_t n_flows = (size_t)pass->step->n_flows;
  for (size_t i = 0; i < pass->n_nodes; i++) {
    const float *state =
        i < n_flows ? pass->flow_states + i * hidden : pass->link_states + (i - n_flows) * hidden;
    memcpy(pass->nodes + i * pass->width, state, hidden * sizeof *state);
  }
}

static void add(double *sum, const float *x, int32_t n) {
  for (int32_t j = 0; j < n; j++) {
    sum[j] += (double)x[j];
  }
}

// sums[i] = Σ projected[j] over the neighbours j of i: a flow's links in the order of its path, a
// link's flows in their order.
static void sum_neighbours(pass_t *pass, int32_t n) {
  const m4s_step_t *step = pass->step;
  size_t width = pass->width;
  memset(pass->sums, 0, pass->n_nodes * width * sizeof *pass->sums);
  for (int32_t flow = 0; flow < step->n_flows; flow++) {
    for (int32_t edge = step->edge_begin[flow]; edge < step->edge_begin[flow + 1]; edge++) {
      size_t from = (size_t)flow * width;
      size_t to = ((size_t)step->n_flows + (size_t)step->edges[edge]) * width;
      add(pass->sums + from, pass->projected + to, n);
      add(pass->sums + to, pass->projected + from, n);
    }
  }
}

static void layer_norm(const m4s_sage_t *layer, const float *x, float *y) {
  int32_t n = layer->n_out;
  double mean = 0;
  double variance = 0;
  for (int32_t j = 0; j < n; j++) {
    mean += (double)x[j];
  }
  mean /= n;
  for (int32_t j = 0; j < n; j++) {
    variance += ((double)x[j] - mean) * ((double)x[j] - mean);
  }
  variance /= n;
  double scale = 1 / sqrt(variance + norm_epsilon);
  for (int32_t j = 0; j < n; j++) {
    y[j] = (float)(((double)x[j] - mean) * scale * (double)layer->norm_weight[j] +
                   (double)layer->norm_bias[j]);
  }
}

static void project(pass_t *pass, const m4s_sage_t *layer) {
  for (size_t i = 0; i < pass->n_nodes; i++) {
    for (int32_t j = 0; j < layer->n_in; j++) {
      pass->projected[i * pass->width + (size_t)j] =
          relu(product(layer->project_weight, j, pass->nodes + i * pass->width, layer->n_in) +
               (double)layer->project_bias[j]);
    }
  }
}

static void sage(pass_t *pass, const m4s_sage_t *layer) {
  project(pass, layer);
  sum_neighbours(pass, layer->n_in);
  for (size_t i = 0; i < pass->n_nodes; i++) {
    float *node = pass->nodes + i * pass->width;
    for (int32_t j = 0; j < layer->n_in; j++) {
      pass->input[j] = (float)pass->sums[i * pass->width + (size_t)j];
    }
    for (int32_t j = 0; j < layer->n_out; j++) {
      pass->output[j] = (float)(product(layer->neighbour_weight, j, pass->input, layer->n_in) +
                                (double)layer->neighbour_bias[j] +
                                product(layer->own_weight, j, node, layer->n_in));
    }
    layer_norm(layer, pass->output, node);
  }
}

// --- prediction ---

static void predict(pass_t *pass) {
  const m4s_model_t *model = pass->model;
  const m4s_step_t *step = pass->step;
  const m4s_mlp_t *mlp = &model->output;
  size_t hidden = (size_t)model->hidden;
  float *state = pass->input + 1 + model->n_params;
  put_params(pass, pass->input + 1);
  for (int32_t flow = 0; flow < step->n_flows; flow++) {
    pass->input[0] = (float)(step->edge_begin[flow + 1] - step->edge_begin[flow]);
    memcpy(state, pass->flow_states + (size_t)flow * hidden, hidden * sizeof *state);
    for (int32_t j = 0; j < mlp->n_hidden; j++) {
      pass->output[j] = relu(product(mlp->hidden_weight, j, pass->input, mlp->n_in) +
                             (double)mlp->hidden_bias[j]);
    }
    step->predictions_out[flow] = (float)(product(mlp->out_weight, 0, pass->output, mlp->n_hidden) +
                                          (double)mlp->out_bias[0]);
  }
}

m4s_status_t m4s_reference_step(const m4s_model_t *model, const m4s_step_t *step,
                                float *flow_states, float *link_states) {
  pass_t pass;
  M4S_TRY(pass_init(&pass, model, step, flow_states, link_states));
  if (m4s_step_passes_time(step)) {
    let_time_pass(&pass);
  }
  load_nodes(&pass);
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    sage(&pass, &model->gnn[i]);
  }
  update_states(&pass);
  predict(&pass);
  pass_clear(&pass);
  return M4S_OK;
}
