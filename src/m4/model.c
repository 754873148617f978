#include "m4/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/field.h"
#include "m4/built_in.h"
#include "m4/inputs.h"

enum { NAME_BYTES = M4S_MODEL_NAME_BYTES, MAX_EXPECTED = M4S_MODEL_MAX_TENSORS };

static const char flow_range[] = "flow_input_range", link_range[] = "link_input_range";
static const char *const inputs_names[] = {"published", "fluid-2"};  // m4s_model_inputs_t

// --- the tensors that there should be ---

typedef struct {
  const m4s_safetensors_t *file;  // NULL: that of a model that is made
  const char *name;  // of the file
  m4s_model_t *model;
  m4s_model_tensor_t expected[MAX_EXPECTED];
  size_t n_expected;
} reader_t;

// n_columns 0: a vector of n_rows.
static void expect(reader_t *reader, const char *module, const char *parameter, int64_t n_rows,
                   int64_t n_columns, const float **slot) {
  m4s_model_tensor_t *expected = &reader->expected[reader->n_expected++];
  *expected = (m4s_model_tensor_t){
      .n_dims = n_columns == 0 ? 1 : 2, .shape = {n_rows, n_columns}, .slot = slot};
  snprintf(expected->name, sizeof expected->name, "%s.%s", module, parameter);
}

static void expect_gru(reader_t *reader, const char *module, m4s_gru_t *gru, int32_t n_in) {
  int32_t n = reader->model->hidden;
  gru->n_in = n_in;
  gru->n_hidden = n;
  expect(reader, module, "seq_cell.weight_ih", 3 * n, n_in, &gru->weight_ih);
  expect(reader, module, "seq_cell.weight_hh", 3 * n, n, &gru->weight_hh);
  expect(reader, module, "seq_cell.bias_ih", 3 * n, 0, &gru->bias_ih);
  expect(reader, module, "seq_cell.bias_hh", 3 * n, 0, &gru->bias_hh);
}

static void expect_sage(reader_t *reader, int32_t layer) {
  const m4s_model_t *model = reader->model;
  m4s_sage_t *sage = &reader->model->gnn[layer];
  int32_t n_in = layer == 0 ? model->hidden : model->gnn_hidden;
  int32_t n_out = layer == model->n_gnn_layers - 1 ? model->hidden : model->gnn_hidden;
  char module[NAME_BYTES / 2];
  snprintf(module, sizeof module, "gnn_layer_%d.homogeneous_layer", layer);
  sage->n_in = n_in;
  sage->n_out = n_out;
  expect(reader, module, "conv.lin.weight", n_in, n_in, &sage->project_weight);
  expect(reader, module, "conv.lin_r.weight", n_out, n_in, &sage->own_weight);
  expect(reader, module, "conv.lin.bias", n_in, 0, &sage->project_bias);
  expect(reader, module, "conv.lin_l.weight", n_out, n_in, &sage->neighbour_weight);
  expect(reader, module, "conv.lin_l.bias", n_out, 0, &sage->neighbour_bias);
  expect(reader, module, "norm.weight", n_out, 0, &sage->norm_weight);
  expect(reader, module, "norm.bias", n_out, 0, &sage->norm_bias);
}

static bool has_module(const m4s_safetensors_t *file, const char *prefix) {
  for (size_t i = 0; i < file->n_tensors; i++) {
    if (strncmp(file->tensors[i].name, prefix, strlen(prefix)) == 0) {
      return true;
    }
  }
  return false;
}

// The layer behind is the third of its sequence, or the fourth where a dropout stands before it.
static void expect_mlp(reader_t *reader, const char *module, m4s_mlp_t *mlp, int32_t n_in) {
  int32_t n = reader->model->hidden;
  char prefix[NAME_BYTES];
  snprintf(prefix, sizeof prefix, "%s.3.", module);
  bool dropout = reader->file != NULL && has_module(reader->file, prefix);
  mlp->n_in = n_in;
  mlp->n_hidden = n;
  expect(reader, module, "0.weight", n, n_in, &mlp->hidden_weight);
  expect(reader, module, "0.bias", n, 0, &mlp->hidden_bias);
  expect(reader, module, dropout ? "3.weight" : "2.weight", 1, n, &mlp->out_weight);
  expect(reader, module, dropout ? "3.bias" : "2.bias", 1, 0, &mlp->out_bias);
}

// The same of a layer that only training uses, where it is there.
static void expect_training_mlp(reader_t *reader, const char *module, m4s_mlp_t *mlp) {
  if (reader->file == NULL || has_module(reader->file, module)) {
    expect_mlp(reader, module, mlp, reader->model->hidden);
  }
}

// The range of inputs where it is there.
static void expect_range(reader_t *reader, const char *name, int32_t n_inputs, const float **slot) {
  if (m4s_safetensors_find(reader->file, name) != NULL) {
    m4s_model_tensor_t *expected = &reader->expected[reader->n_expected++];
    *expected = (m4s_model_tensor_t){.n_dims = 2, .shape = {2, n_inputs}, .slot = slot};
    snprintf(expected->name, sizeof expected->name, "%s", name);
  }
}

static void expect_weights(reader_t *reader) {
  m4s_model_t *model = reader->model;
  int32_t n = model->hidden;
  expect_gru(reader, "lstmcell_time", &model->time_flow, model->n_flow_inputs);
  expect_gru(reader, "lstmcell_time_link", &model->time_link, model->n_link_inputs);
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    expect_sage(reader, i);
  }
  expect_gru(reader, "lstmcell_rate", &model->rate_flow, n + model->n_params);
  expect_gru(reader, "lstmcell_rate_link", &model->rate_link, n);
  expect_mlp(reader, "output_layer", &model->output, 1 + model->n_params + n);
  expect_training_mlp(reader, "remain_size_layer", &model->remaining);
  expect_training_mlp(reader, "queue_len_layer", &model->queue);
}

static void expect_all(reader_t *reader) {
  m4s_model_t *model = reader->model;
  expect_weights(reader);
  if (model->inputs == M4S_INPUTS_FLUID) {
    expect_range(reader, flow_range, model->n_flow_inputs, &model->flow_input_range);
    expect_range(reader, link_range, model->n_link_inputs, &model->link_input_range);
  }
}

// --- sizes ---

static m4s_status_t fail_missing(const reader_t *reader, const char *tensor) {
  return m4s_fail(M4S_ERR_INPUT, "%s: tensor \"%s\" is missing", reader->name, tensor);
}

// Size `dimension` of a matrix, less `less`: the size called `what`, min to M4S_MODEL_MAX_SIZE.
static m4s_status_t read_size(const reader_t *reader, const char *name, int dimension, int32_t less,
                              const char *what, int32_t min, int32_t *size_out) {
  const m4s_tensor_t *tensor = m4s_safetensors_find(reader->file, name);
  if (tensor == NULL) {
    return fail_missing(reader, name);
  }
  if (tensor->n_dims != 2 || tensor->shape[dimension] - less < min ||
      tensor->shape[dimension] - less > M4S_MODEL_MAX_SIZE) {
    char shape[M4S_TENSOR_SHOWN_BYTES];
    m4s_tensor_show_shape(tensor, shape);
    return m4s_fail(
        M4S_ERR_INPUT,
        "%s: tensor \"%s\" has shape %s, a matrix is needed that gives a %s of %d to %d",
        reader->name, name, shape, what, min, M4S_MODEL_MAX_SIZE);
  }
  *size_out = (int32_t)(tensor->shape[dimension] - less);
  return M4S_OK;
}

// One more than the greatest number of a layer that is there.
static m4s_status_t count_gnn_layers(const reader_t *reader, int32_t *n_out) {
  static const char prefix[] = "gnn_layer_";
  int32_t n = 1;
  for (size_t i = 0; i < reader->file->n_tensors; i++) {
    const char *name = reader->file->tensors[i].name;
    char *end;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) {
      continue;
    }
    long layer = strtol(name + sizeof prefix - 1, &end, 10);
    if (layer >= M4S_MODEL_MAX_GNN_LAYERS && *end == '.') {
      return m4s_fail(M4S_ERR_INPUT, "%s: tensor \"%.200s\": at most %d GNN layers can be read",
                      reader->name, name, M4S_MODEL_MAX_GNN_LAYERS);
    }
    if (layer >= n && *end == '.') {
      n = (int32_t)layer + 1;
    }
  }
  *n_out = n;
  return M4S_OK;
}

static void set_n_inputs(m4s_model_t *model) {
  bool fluid = model->inputs == M4S_INPUTS_FLUID;
  model->n_flow_inputs = fluid ? M4S_M4_N_FLOW_INPUTS : 1;
  model->n_link_inputs = fluid ? M4S_M4_N_LINK_INPUTS : 1;
}

// The kind of inputs, and their numbers.
static m4s_status_t read_inputs(reader_t *reader) {
  m4s_model_t *model = reader->model;
  const char *name = m4s_safetensors_metadata(reader->file, "inputs");
  int kind = M4S_INPUTS_PUBLISHED;
  while (name != NULL && kind < (int)M4S_COUNT(inputs_names) &&
         strcmp(name, inputs_names[kind]) != 0) {
    kind++;
  }
  if (kind == (int)M4S_COUNT(inputs_names)) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: __metadata__: \"inputs\" is \"%.60s\", known are \"%s\" and \"%s\"",
                    reader->name, name, inputs_names[0], inputs_names[1]);
  }
  model->inputs = (m4s_model_inputs_t)kind;
  set_n_inputs(model);
  return M4S_OK;
}

static m4s_status_t read_n_params(reader_t *reader) {
  static const char name[] = "lstmcell_rate.seq_cell.weight_ih";
  m4s_model_t *model = reader->model;
  M4S_TRY(read_size(reader, name, 1, model->hidden, "number of network parameters", 0,
                    &model->n_params));
  if (model->inputs == M4S_INPUTS_FLUID && model->n_params != 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: tensor \"%s\" gives %d network parameters, but a model with inputs "
                    "\"%s\" has none",
                    reader->name, name, model->n_params, m4s_model_inputs_name(model));
  }
  return M4S_OK;
}

static m4s_status_t read_sizes(reader_t *reader) {
  m4s_model_t *model = reader->model;
  M4S_TRY(read_size(reader, "lstmcell_time.seq_cell.weight_hh", 1, 0, "hidden size", 1,
                    &model->hidden));
  M4S_TRY(count_gnn_layers(reader, &model->n_gnn_layers));
  model->gnn_hidden = model->hidden;
  if (model->n_gnn_layers > 1) {
    M4S_TRY(read_size(reader, "gnn_layer_0.homogeneous_layer.conv.lin_l.weight", 0, 0,
                      "GNN hidden size", 1, &model->gnn_hidden));
  }
  return read_n_params(reader);
}

static m4s_status_t check_metadata(const reader_t *reader) {
  const m4s_model_t *model = reader->model;
  const struct {
    const char *key;
    int32_t size;
  } sizes[] = {
      {"hidden_size", model->hidden},
      {"gnn_layers", model->n_gnn_layers},
      {"params", model->n_params},
      {"gnn_hidden_size", model->gnn_hidden},
  };
  size_t n_sizes = model->n_gnn_layers > 1 ? 4 : 3;  // one layer alone has no size of its own
  for (size_t i = 0; i < n_sizes; i++) {
    const char *text = m4s_safetensors_metadata(reader->file, sizes[i].key);
    int64_t value;
    if (text != NULL && (!m4s_parse_int64(text, &value) || value != sizes[i].size)) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s: __metadata__: \"%s\" is \"%.60s\", the tensors' shapes give %d",
                      reader->name, sizes[i].key, text, sizes[i].size);
    }
  }
  return M4S_OK;
}

// --- tensors ---

static bool is_expected(const reader_t *reader, const char *name) {
  bool found = false;
  for (size_t i = 0; i < reader->n_expected && !found; i++) {
    found = strcmp(name, reader->expected[i].name) == 0;
  }
  return found;
}

// The name that was meant is one of those that are missing.
static m4s_status_t fail_unknown(const reader_t *reader, const char *name) {
  const char *missing[MAX_EXPECTED];
  size_t n_missing = 0;
  for (size_t i = 0; i < reader->n_expected; i++) {
    if (m4s_safetensors_find(reader->file, reader->expected[i].name) == NULL) {
      missing[n_missing++] = reader->expected[i].name;
    }
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: unknown tensor \"%.200s\"%s", reader->name, name,
                  m4s_did_you_mean(name, missing, n_missing));
}

static m4s_status_t check_names(const reader_t *reader) {
  for (size_t i = 0; i < reader->file->n_tensors; i++) {
    if (!is_expected(reader, reader->file->tensors[i].name)) {
      return fail_unknown(reader, reader->file->tensors[i].name);
    }
  }
  return M4S_OK;
}

static m4s_status_t check_shape(const reader_t *reader, const m4s_tensor_t *tensor,
                                const m4s_model_tensor_t *expected) {
  bool same = tensor->n_dims == expected->n_dims;
  for (int32_t i = 0; same && i < expected->n_dims; i++) {
    same = tensor->shape[i] == expected->shape[i];
  }
  if (same && tensor->dtype == M4S_DTYPE_F32) {
    return M4S_OK;
  }
  const m4s_model_t *model = reader->model;
  m4s_tensor_t wanted = {.n_dims = expected->n_dims};
  memcpy(wanted.shape, expected->shape, sizeof expected->shape);
  char is[M4S_TENSOR_SHOWN_BYTES];
  char should[M4S_TENSOR_SHOWN_BYTES];
  m4s_tensor_show_shape(tensor, is);
  m4s_tensor_show_shape(&wanted, should);
  char rest[64];
  if (model->inputs == M4S_INPUTS_FLUID) {
    snprintf(rest, sizeof rest, "inputs \"%s\"", m4s_model_inputs_name(model));
  } else {
    snprintf(rest, sizeof rest, "%d network parameters", model->n_params);
  }
  return m4s_fail(M4S_ERR_INPUT,
                  "%s: tensor \"%s\" is %s %s, but F32 %s is needed in a model of hidden size %d, "
                  "GNN hidden size %d and %s",
                  reader->name, expected->name, m4s_dtype_name(tensor->dtype), is, should,
                  model->hidden, model->gnn_hidden, rest);
}

static m4s_status_t check_finite(const reader_t *reader, const m4s_tensor_t *tensor) {
  const float *values = tensor->data;
  for (int64_t i = 0; i < tensor->n_elements; i++) {
    if (isfinite(values[i])) {
      continue;
    }
    int64_t n_columns = tensor->shape[tensor->n_dims - 1];
    char place[64];
    if (tensor->n_dims == 1) {
      snprintf(place, sizeof place, "[%" PRId64 "]", i);
    } else {
      snprintf(place, sizeof place, "[%" PRId64 ", %" PRId64 "]", i / n_columns, i % n_columns);
    }
    return m4s_fail(M4S_ERR_INPUT, "%s: tensor \"%s\": %s is %s, weights must be finite",
                    reader->name, tensor->name, place,
                    isnan(values[i])     ? "NaN"
                    : signbit(values[i]) ? "-Inf"
                                         : "Inf");
  }
  return M4S_OK;
}

static m4s_status_t take_tensors(const reader_t *reader) {
  for (size_t i = 0; i < reader->n_expected; i++) {
    const m4s_model_tensor_t *expected = &reader->expected[i];
    const m4s_tensor_t *tensor = m4s_safetensors_find(reader->file, expected->name);
    if (tensor == NULL) {
      return fail_missing(reader, expected->name);
    }
    M4S_TRY(check_shape(reader, tensor, expected));
    M4S_TRY(check_finite(reader, tensor));
    *expected->slot = tensor->data;
  }
  return M4S_OK;
}

// `range` [2, n] may be NULL.
static m4s_status_t check_range(const reader_t *reader, const char *tensor, const float *range,
                                int32_t n) {
  for (int32_t i = 0; range != NULL && i < n; i++) {
    if (range[i] > range[n + i]) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s: tensor \"%s\": the least number of input %d, %g, is above its greatest, "
                      "%g",
                      reader->name, tensor, i, (double)range[i], (double)range[n + i]);
    }
  }
  return M4S_OK;
}

static m4s_status_t read_model(reader_t *reader) {
  const m4s_model_t *model = reader->model;
  M4S_TRY(read_inputs(reader));
  M4S_TRY(read_sizes(reader));
  expect_all(reader);
  M4S_TRY(check_names(reader));
  M4S_TRY(take_tensors(reader));
  M4S_TRY(check_range(reader, flow_range, model->flow_input_range, model->n_flow_inputs));
  M4S_TRY(check_range(reader, link_range, model->link_input_range, model->n_link_inputs));
  return check_metadata(reader);
}

m4s_status_t m4s_model_create(m4s_safetensors_t *file, const char *name, m4s_model_t **model_out) {
  m4s_model_t *model = calloc(1, sizeof *model);
  if (model == NULL) {
    m4s_safetensors_destroy(file);
    return m4s_fail_memory(name);
  }
  model->file = file;
  reader_t reader = {.file = file, .name = name, .model = model};
  m4s_status_t status = read_model(&reader);
  if (status != M4S_OK) {
    m4s_model_destroy(model);
    return status;
  }
  *model_out = model;
  return M4S_OK;
}

m4s_status_t m4s_model_read(const char *path, m4s_model_t **model_out) {
  m4s_safetensors_t *file;
  M4S_TRY(path == NULL ? m4s_built_in_network(&file) : m4s_safetensors_read(path, &file));
  return m4s_model_create(file, path == NULL ? "the network that is built in" : path, model_out);
}

void m4s_model_destroy(m4s_model_t *model) {
  if (model != NULL) {
    m4s_safetensors_destroy(model->file);
    free(model);
  }
}

size_t m4s_model_list_tensors(m4s_model_t *model,
                              m4s_model_tensor_t tensors_out[M4S_MODEL_MAX_TENSORS]) {
  reader_t reader = {.model = model};
  set_n_inputs(model);
  expect_weights(&reader);
  memcpy(tensors_out, reader.expected, reader.n_expected * sizeof *tensors_out);
  return reader.n_expected;
}

const char *m4s_model_inputs_name(const m4s_model_t *model) { return inputs_names[model->inputs]; }

// --- counts ---

static int64_t gru_matrices(const m4s_gru_t *gru) {
  return (int64_t)3 * gru->n_hidden * (gru->n_in + gru->n_hidden);
}

static int64_t sage_matrices(const m4s_sage_t *sage) {
  return (int64_t)sage->n_in * (sage->n_in + 2 * sage->n_out);
}

static int64_t mlp_matrices(const m4s_mlp_t *mlp) {
  return (int64_t)mlp->n_hidden * (mlp->n_in + 1);
}

static int64_t gnn_matrices(const m4s_model_t *model) {
  int64_t n = 0;
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    n += sage_matrices(&model->gnn[i]);
  }
  return n;
}

int64_t m4s_model_n_weights(const m4s_model_t *model) {
  const m4s_gru_t *grus[] = {&model->time_flow, &model->time_link, &model->rate_flow,
                             &model->rate_link};
  int64_t n = gnn_matrices(model) + mlp_matrices(&model->output) + model->output.n_hidden + 1;
  for (size_t i = 0; i < sizeof grus / sizeof *grus; i++) {
    n += gru_matrices(grus[i]) + (int64_t)6 * grus[i]->n_hidden;
  }
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    n += model->gnn[i].n_in + (int64_t)3 * model->gnn[i].n_out;
  }
  return n;
}

double m4s_model_flops_per_flow(const m4s_model_t *model) {
  return 2.0 * (double)(gru_matrices(&model->time_flow) + gnn_matrices(model) +
                        gru_matrices(&model->rate_flow) + mlp_matrices(&model->output));
}

double m4s_model_flops_per_link(const m4s_model_t *model) {
  return 2.0 * (double)(gru_matrices(&model->time_link) + gnn_matrices(model) +
                        gru_matrices(&model->rate_link));
}
