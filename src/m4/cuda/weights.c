#include "m4/cuda/weights.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };  // numbers: 256 bytes

// Lays the weights out twice: to count the numbers, and to copy them.
typedef struct {
  float *host;  // NULL: counting
  float *device;
  size_t n;
} builder_t;

// Room for `n` numbers, all 0: of the host, NULL when counting. *device_out: of the device.
static float *take(builder_t *builder, size_t n, const float **device_out) {
  size_t first = builder->n;
  builder->n += (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  *device_out = builder->device + first;
  return builder->host == NULL ? NULL : builder->host + first;
}

// Copies a block of columns, `n` of `from_width`, to columns of `to_width`.
static void copy_columns(float *to, int32_t to_width, const float *from, int32_t from_width,
                         int32_t n_rows, int32_t n) {
  for (int32_t row = 0; to != NULL && row < n_rows; row++) {
    memcpy(to + (size_t)row * (size_t)to_width, from + (size_t)row * (size_t)from_width,
           (size_t)n * sizeof *to);
  }
}

static const float *put_vector(builder_t *builder, const float *values, int32_t n, int32_t width) {
  const float *device;
  copy_columns(take(builder, (size_t)width, &device), width, values, n, 1, n);
  return device;
}

// A product with weights [n_out, n_in], all 0; *host_out as of take().
static m4s_device_product_t put_product(builder_t *builder, int32_t n_out, int32_t n_in,
                                        float **host_out) {
  m4s_device_product_t product = {.n_out = n_out, .n_in = n_in};
  *host_out = take(builder, (size_t)n_out * (size_t)n_in, &product.weight);
  return product;
}

// The three gates of a cell's weights [3 n_hidden, n_in], from a column on; each gate has `width`
// rows on the device.
static void copy_gates(float *to, int32_t width, int32_t in_width, const float *from,
                       int32_t n_hidden, int32_t n_in, int32_t n_columns) {
  for (int32_t gate = 0; to != NULL && gate < 3; gate++) {
    copy_columns(to + (size_t)gate * (size_t)width * (size_t)in_width, in_width,
                 from + (size_t)gate * (size_t)n_hidden * (size_t)n_in, n_in, n_hidden, n_columns);
  }
}

// The first n_first inputs come first on the device, the others behind column `width`.
static m4s_gpu_cell_t put_cell(builder_t *builder, const m4s_gru_t *gru, int32_t width,
                               int32_t in_width, int32_t n_first) {
  m4s_gpu_cell_t cell = {0};
  float *host;
  const int32_t n = gru->n_hidden;
  cell.input = put_product(builder, 3 * width, in_width, &host);
  copy_gates(host, width, in_width, gru->weight_ih, n, gru->n_in, n_first);
  if (host != NULL && n_first < gru->n_in) {
    copy_gates(host + width, width, in_width, gru->weight_ih + n_first, n, gru->n_in,
               gru->n_in - n_first);
  }
  cell.state = put_product(builder, 3 * width, width, &host);
  copy_gates(host, width, width, gru->weight_hh, n, n, n);
  host = take(builder, 4 * (size_t)width, &cell.bias);
  for (int32_t i = 0; host != NULL && i < n; i++) {
    host[i] = gru->bias_ih[i] + gru->bias_hh[i];
    host[width + i] = gru->bias_ih[n + i] + gru->bias_hh[n + i];
    host[2 * width + i] = gru->bias_ih[2 * n + i];
    host[3 * width + i] = gru->bias_hh[2 * n + i];
  }
  return cell;
}

static m4s_gpu_layer_t put_layer(builder_t *builder, const m4s_sage_t *sage) {
  m4s_gpu_layer_t layer = {.n_in = sage->n_in,
                           .n_out = sage->n_out,
                           .in_width = m4s_gpu_width(sage->n_in),
                           .out_width = m4s_gpu_width(sage->n_out)};
  const int32_t in = layer.in_width;
  float *host;
  layer.project = put_product(builder, in, in, &host);
  copy_columns(host, in, sage->project_weight, sage->n_in, sage->n_in, sage->n_in);
  layer.combine = put_product(builder, layer.out_width, 2 * in, &host);
  copy_columns(host, 2 * in, sage->neighbour_weight, sage->n_in, sage->n_out, sage->n_in);
  copy_columns(host == NULL ? NULL : host + in, 2 * in, sage->own_weight, sage->n_in, sage->n_out,
               sage->n_in);
  layer.project_bias = put_vector(builder, sage->project_bias, sage->n_in, in);
  layer.combine_bias = put_vector(builder, sage->neighbour_bias, sage->n_out, layer.out_width);
  layer.norm_weight = put_vector(builder, sage->norm_weight, sage->n_out, layer.out_width);
  layer.norm_bias = put_vector(builder, sage->norm_bias, sage->n_out, layer.out_width);
  return layer;
}

// Columns: number of links, parameters, state; on the device the number of links comes last and the
// state first.
static void put_output(builder_t *builder, const m4s_mlp_t *output, m4s_gpu_weights_t *weights) {
  float *host;
  const int32_t n_state = weights->n_hidden;
  weights->output = put_product(builder, weights->width, weights->state_width, &host);
  for (int32_t row = 0; host != NULL && row < output->n_hidden; row++) {
    const float *from = output->hidden_weight + (size_t)row * (size_t)output->n_in;
    float *to = host + (size_t)row * (size_t)weights->state_width;
    memcpy(to, from + 1 + weights->n_params, (size_t)n_state * sizeof *to);
    memcpy(to + weights->width, from + 1, (size_t)weights->n_params * sizeof *to);
    to[weights->width + weights->n_params] = from[0];
  }
  weights->output_bias = put_vector(builder, output->hidden_bias, output->n_hidden, weights->width);
  weights->output_weight =
      put_vector(builder, output->out_weight, output->n_hidden, weights->width);
  weights->out_bias = output->out_bias[0];
}

static const m4s_gru_t *gru_of(const m4s_model_t *model, int cell) {
  const m4s_gru_t *const grus[M4S_GPU_N_CELLS] = {
      [M4S_GPU_TIME_FLOW] = &model->time_flow,
      [M4S_GPU_TIME_LINK] = &model->time_link,
      [M4S_GPU_RATE_FLOW] = &model->rate_flow,
      [M4S_GPU_RATE_LINK] = &model->rate_link,
  };
  return grus[cell];
}

static void build(builder_t *builder, const m4s_model_t *model, m4s_gpu_weights_t *weights) {
  builder->n = 0;
  for (int i = 0; i < M4S_GPU_N_CELLS; i++) {
    const m4s_gru_t *gru = gru_of(model, i);
    bool in_time = i < M4S_GPU_RATE_FLOW;
    int32_t in_width = in_time ? weights->input_width : weights->gnn_width;
    int32_t n_first = in_time ? gru->n_in : gru->n_hidden;
    weights->cells[i] = put_cell(builder, gru, weights->width, in_width, n_first);
  }
  for (int32_t i = 0; i < model->n_gnn_layers; i++) {
    weights->layers[i] = put_layer(builder, &model->gnn[i]);
  }
  put_output(builder, &model->output, weights);
}

static void find_sizes(const m4s_model_t *model, m4s_gpu_weights_t *weights) {
  int32_t n_inputs =
      model->n_flow_inputs > model->n_link_inputs ? model->n_flow_inputs : model->n_link_inputs;
  int32_t width = m4s_gpu_width(model->hidden);
  int32_t widest = model->gnn_hidden > model->hidden ? model->gnn_hidden : model->hidden;
  *weights = (m4s_gpu_weights_t){.n_hidden = model->hidden,
                                 .n_params = model->n_params,
                                 .n_flow_inputs = model->n_flow_inputs,
                                 .n_link_inputs = model->n_link_inputs,
                                 .n_layers = model->n_gnn_layers,
                                 .width = width,
                                 .input_width = m4s_gpu_width(n_inputs),
                                 .gnn_width = width + m4s_gpu_width(model->n_params),
                                 .state_width = width + m4s_gpu_width(model->n_params + 1),
                                 .layer_width = m4s_gpu_width(widest)};
}

// Biases of the three gates, each with its own width.
static void copy_biases(float *to, int32_t width, const float *from, int32_t n_hidden) {
  memset(to, 0, 3 * (size_t)width * sizeof *to);
  copy_gates(to, width, 1, from, n_hidden, 1, 1);
}

static m4s_status_t make_cells(const m4s_model_t *model, const builder_t *builder,
                               m4s_gpu_weights_t *weights, const m4s_device_t *device) {
  size_t n_bias = 3 * (size_t)weights->width;
  float *biases = malloc(2 * n_bias * sizeof *biases);
  m4s_status_t status = biases == NULL ? m4s_fail_memory("weights") : M4S_OK;
  for (int i = 0; status == M4S_OK && i < M4S_GPU_N_CELLS; i++) {
    const m4s_gru_t *gru = gru_of(model, i);
    m4s_gpu_cell_t *cell = &weights->cells[i];
    copy_biases(biases, weights->width, gru->bias_ih, gru->n_hidden);
    copy_biases(biases + n_bias, weights->width, gru->bias_hh, gru->n_hidden);
    const m4s_device_gru_t padded = {
        .n_in = cell->input.n_in,
        .n_hidden = weights->width,
        .weight_ih = builder->host + (cell->input.weight - builder->device),
        .weight_hh = builder->host + (cell->state.weight - builder->device),
        .bias_ih = biases,
        .bias_hh = biases + n_bias};
    status = device->ops->make_cell(device->state, &padded, &cell->of_library);
  }
  free(biases);
  return status;
}

static m4s_status_t copy_weights(const m4s_model_t *model, const m4s_device_t *device, bool cells,
                                 builder_t *builder, m4s_gpu_weights_t *weights) {
  size_t n_bytes = builder->n * sizeof *builder->host;
  M4S_TRY(device->ops->allocate(device->state, n_bytes, &weights->memory));
  builder->device = weights->memory;
  build(builder, model, weights);
  M4S_TRY(device->ops->upload(device->state, 0, weights->memory, builder->host, n_bytes));
  M4S_TRY(device->ops->synchronise(device->state, 0));
  return cells ? make_cells(model, builder, weights, device) : M4S_OK;
}

m4s_status_t m4s_gpu_weights_init(const m4s_model_t *model, const m4s_device_t *device, bool cells,
                                  m4s_gpu_weights_t *weights) {
  float nothing;
  builder_t builder = {.device = &nothing};
  find_sizes(model, weights);
  build(&builder, model, weights);
  builder.host = calloc(builder.n, sizeof *builder.host);
  if (builder.host == NULL) {
    return m4s_fail_memory("weights");
  }
  m4s_status_t status = copy_weights(model, device, cells, &builder, weights);
  free(builder.host);
  return status;
}

void m4s_gpu_weights_clear(m4s_gpu_weights_t *weights, const m4s_device_t *device) {
  for (int i = 0; i < M4S_GPU_N_CELLS; i++) {
    if (weights->cells[i].of_library != NULL) {
      device->ops->release_cell(device->state, weights->cells[i].of_library);
    }
  }
  if (weights->memory != NULL) {
    device->ops->release(device->state, weights->memory);
  }
  *weights = (m4s_gpu_weights_t){0};
}
