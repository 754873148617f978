// Weights and steps for m4sweep bench m4.
#include <math.h>
#include <stdlib.h>

#include "cli/bench_m4.h"
#include "core/text.h"

enum { HIDDEN = 200, GNN_HIDDEN = 300, N_LAYERS = 3, N_PARAMS = 13 };

// Those of the published gray-failure runs: buffer, window, one-hot DCTCP, its threshold.
static const float params[N_PARAMS] = {10, 1, 1, 0, 0, 0, 10};

m4s_status_t m4s_bench_fastest(double seconds, m4s_bench_work_t *work, void *context,
                               double *fastest_s_out) {
  M4S_TRY(work(context));
  double fastest_s = INFINITY;
  double until_s = m4s_bench_cpu_s() + seconds;
  for (double began_s = m4s_bench_cpu_s(); fastest_s == INFINITY || began_s < until_s;) {
    M4S_TRY(work(context));
    double ended_s = m4s_bench_cpu_s();
    fastest_s = fmin(fastest_s, ended_s - began_s);
    began_s = ended_s;
  }
  *fastest_s_out = fastest_s;
  return M4S_OK;
}

// splitmix64, as a number in [-1, 1).
static double uniform(uint64_t *state) {
  uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return (double)((x ^ x >> 31) >> 11) * 0x1p-52 - 1;
}

// --- the network ---

enum { MAX_TENSORS = 64, NAME_BYTES = 64 };

typedef struct {
  m4s_safetensors_t file;
  m4s_tensor_t tensors[MAX_TENSORS];
  char names[MAX_TENSORS][NAME_BYTES];
  uint64_t random;
  bool out_of_memory;
} parts_t;

// Weights as PyTorch's layers begin with: uniform within 1/√n_inputs. n_columns 0: a vector.
static void add(parts_t *parts, const char *module, const char *parameter, int64_t n_rows,
                int64_t n_columns, int64_t n_inputs) {
  size_t i = parts->file.n_tensors++;
  int64_t n = n_rows * (n_columns == 0 ? 1 : n_columns);
  float *values = malloc((size_t)n * sizeof *values);
  parts->out_of_memory = parts->out_of_memory || values == NULL;
  double bound = 1 / sqrt((double)n_inputs);
  for (int64_t j = 0; values != NULL && j < n; j++) {
    values[j] = (float)(bound * uniform(&parts->random));
  }
  snprintf(parts->names[i], NAME_BYTES, "%s.%s", module, parameter);
  parts->tensors[i] = (m4s_tensor_t){.name = parts->names[i],
                                     .dtype = M4S_DTYPE_F32,
                                     .n_dims = n_columns == 0 ? 1 : 2,
                                     .shape = {n_rows, n_columns},
                                     .n_elements = n,
                                     .data = values};
}

static void add_gru(parts_t *parts, const char *module, int64_t n_in) {
  add(parts, module, "seq_cell.weight_ih", (int64_t)3 * HIDDEN, n_in, HIDDEN);
  add(parts, module, "seq_cell.weight_hh", (int64_t)3 * HIDDEN, HIDDEN, HIDDEN);
  add(parts, module, "seq_cell.bias_ih", (int64_t)3 * HIDDEN, 0, HIDDEN);
  add(parts, module, "seq_cell.bias_hh", (int64_t)3 * HIDDEN, 0, HIDDEN);
}

static void add_sage(parts_t *parts, int layer) {
  char module[NAME_BYTES / 2];
  int64_t n_in = layer == 0 ? HIDDEN : GNN_HIDDEN;
  int64_t n_out = layer == N_LAYERS - 1 ? HIDDEN : GNN_HIDDEN;
  snprintf(module, sizeof module, "gnn_layer_%d.homogeneous_layer", layer);
  add(parts, module, "conv.lin.weight", n_in, n_in, n_in);
  add(parts, module, "conv.lin.bias", n_in, 0, n_in);
  add(parts, module, "conv.lin_l.weight", n_out, n_in, n_in);
  add(parts, module, "conv.lin_l.bias", n_out, 0, n_in);
  add(parts, module, "conv.lin_r.weight", n_out, n_in, n_in);
  add(parts, module, "norm.weight", n_out, 0, 1);
  add(parts, module, "norm.bias", n_out, 0, n_out);
}

static void add_all(parts_t *parts) {
  for (int layer = 0; layer < N_LAYERS; layer++) {
    add_sage(parts, layer);
  }
  add_gru(parts, "lstmcell_rate", HIDDEN + N_PARAMS);
  add_gru(parts, "lstmcell_rate_link", HIDDEN);
  add_gru(parts, "lstmcell_time", 1);
  add_gru(parts, "lstmcell_time_link", 1);
  const int64_t n_in = 1 + N_PARAMS + HIDDEN;
  add(parts, "output_layer", "0.weight", HIDDEN, n_in, n_in);
  add(parts, "output_layer", "0.bias", HIDDEN, 0, n_in);
  add(parts, "output_layer", "3.weight", 1, HIDDEN, HIDDEN);
  add(parts, "output_layer", "3.bias", 1, 0, HIDDEN);
}

static m4s_status_t make_model(const parts_t *parts, m4s_model_t **model_out) {
  m4s_text_t bytes = {0};
  m4s_safetensors_t *file = NULL;
  m4s_status_t status = parts->out_of_memory ? m4s_fail_memory("weights")
                                             : m4s_safetensors_format(&parts->file, &bytes);
  if (status == M4S_OK) {
    status = m4s_safetensors_parse(bytes.bytes, bytes.length, "random weights", &file);
  }
  m4s_text_clear(&bytes);
  return status == M4S_OK ? m4s_model_create(file, "random weights", model_out) : status;
}

m4s_status_t m4s_bench_model_create(m4s_model_t **model_out) {
  parts_t *parts = calloc(1, sizeof *parts);
  if (parts == NULL) {
    return m4s_fail_memory("weights");
  }
  parts->file.tensors = parts->tensors;
  add_all(parts);
  m4s_status_t status = make_model(parts, model_out);
  for (size_t i = 0; i < parts->file.n_tensors; i++) {
    free((void *)parts->tensors[i].data);
  }
  free(parts);
  return status;
}

// --- steps ---

enum { PATH_LINKS = 4 };

// Paths begin at random links and go on through others that are not next to them.
static void make_paths(m4s_bench_step_t *step, int32_t *begin, int32_t *edges) {
  int32_t n_links = step->step.n_links;
  int32_t n_path = n_links < PATH_LINKS ? n_links : PATH_LINKS;
  uint64_t random = 1;
  for (int32_t flow = 0; flow < step->step.n_flows; flow++) {
    int32_t first = (int32_t)((uniform(&random) + 1) / 2 * n_links);
    begin[flow] = flow * n_path;
    for (int32_t hop = 0; hop < n_path; hop++) {
      edges[flow * n_path + hop] = (first + hop * (n_links / n_path)) % n_links;
    }
  }
  begin[step->step.n_flows] = step->step.n_flows * n_path;
}

static m4s_status_t take_rows(m4s_bench_step_t *step, int32_t *flow_rows, int32_t *link_rows) {
  uint64_t random = 2;
  for (int32_t i = 0; i < step->step.n_flows; i++) {
    int64_t size_bytes = (int64_t)(1000 * exp2(6 * (uniform(&random) + 1)));
    M4S_TRY(m4s_engine_take_flow_row(step->engine, &flow_rows[i]));
    m4s_engine_reset_flow(step->engine, flow_rows[i], size_bytes,
                          step->step.edge_begin[i + 1] - step->step.edge_begin[i]);
  }
  for (int32_t i = 0; i < step->step.n_links; i++) {
    M4S_TRY(m4s_engine_take_link_row(step->engine, &link_rows[i]));
    m4s_engine_reset_link(step->engine, link_rows[i]);
  }
  return M4S_OK;
}

static void free_arrays(m4s_step_t *step) {
  free((void *)step->flow_rows);
  free((void *)step->link_rows);
  free((void *)step->edge_begin);
  free((void *)step->edges);
  free((void *)step->flow_inputs);
  free((void *)step->link_inputs);
  free(step->predictions_out);
}

// [n_rows, n_inputs] numbers between -1 and 1; NULL without memory.
static float *make_inputs(int32_t n_rows, int32_t n_inputs) {
  uint64_t random = 3;
  size_t n = (size_t)n_rows * (size_t)n_inputs;
  float *inputs = calloc(n, sizeof *inputs);
  for (size_t i = 0; inputs != NULL && i < n; i++) {
    inputs[i] = (float)uniform(&random);
  }
  return inputs;
}

static m4s_status_t add_inputs(m4s_bench_step_t *step) {
  const m4s_model_t *model = m4s_engine_model(step->engine);
  if (model->inputs != M4S_INPUTS_FLUID) {
    return M4S_OK;
  }
  step->step.flow_inputs = make_inputs(step->step.n_flows, model->n_flow_inputs);
  step->step.link_inputs = make_inputs(step->step.n_links, model->n_link_inputs);
  return step->step.flow_inputs == NULL || step->step.link_inputs == NULL
             ? m4s_fail_memory("a step")
             : M4S_OK;
}

m4s_status_t m4s_bench_step_init(m4s_engine_t *engine, int64_t n_rows, m4s_bench_step_t *step_out) {
  int32_t n_links = n_rows < 3 ? 1 : (int32_t)(n_rows / 3);
  int32_t n_flows = (int32_t)n_rows - n_links;
  int32_t *flow_rows = calloc((size_t)n_flows, sizeof *flow_rows);
  int32_t *link_rows = calloc((size_t)n_links, sizeof *link_rows);
  int32_t *begin = calloc((size_t)n_flows + 1, sizeof *begin);
  int32_t *edges = calloc((size_t)n_flows * PATH_LINKS, sizeof *edges);
  float *slowdowns = calloc((size_t)n_flows, sizeof *slowdowns);
  m4s_bench_step_t step = {.engine = engine,
                           .step = {.params = params,
                                    .dt_us = 10,
                                    .n_flows = n_flows,
                                    .n_links = n_links,
                                    .flow_rows = flow_rows,
                                    .link_rows = link_rows,
                                    .edge_begin = begin,
                                    .edges = edges,
                                    .predictions_out = slowdowns}};
  m4s_status_t status = M4S_ERR_MEMORY;
  if (flow_rows == NULL || link_rows == NULL || begin == NULL || edges == NULL ||
      slowdowns == NULL) {
    status = m4s_fail_memory("a step");
  } else {
    make_paths(&step, begin, edges);
    status = add_inputs(&step);
  }
  if (status == M4S_OK) {
    status = take_rows(&step, flow_rows, link_rows);
  }
  if (status != M4S_OK) {
    free_arrays(&step.step);
    return status;
  }
  *step_out = step;
  return M4S_OK;
}

void m4s_bench_step_clear(m4s_bench_step_t *step) {
  for (int32_t i = 0; i < step->step.n_flows; i++) {
    m4s_engine_release_flow_row(step->engine, step->step.flow_rows[i]);
  }
  for (int32_t i = 0; i < step->step.n_links; i++) {
    m4s_engine_release_link_row(step->engine, step->step.link_rows[i]);
  }
  free_arrays(&step->step);
}
