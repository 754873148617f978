#include "m4/model_info.h"

#include <inttypes.h>
#include <math.h>

#include "core/json.h"
#include "m4/inputs.h"

typedef struct {
  double min, max, rms;
} range_t;

static range_t range_of(const m4s_tensor_t *tensor) {
  const float *values = tensor->data;
  range_t range = {values[0], values[0], 0};
  double sum = 0;
  for (int64_t i = 0; i < tensor->n_elements; i++) {
    double value = values[i];
    range.min = fmin(range.min, value);
    range.max = fmax(range.max, value);
    sum += value * value;
  }
  range.rms = sqrt(sum / (double)tensor->n_elements);
  return range;
}

// Quoted: control characters are escaped.
static void print_metadata(const m4s_safetensors_t *file, FILE *stream) {
  fprintf(stream, "\nmetadata\n");
  for (size_t i = 0; i < file->n_metadata; i++) {
    const char *const texts[] = {file->metadata[i].key, file->metadata[i].value};
    for (int j = 0; j < 2; j++) {
      json_t *text = json_string(texts[j]);
      fprintf(stream, j == 0 ? "  %-20s" : " %s\n", m4s_json_show(text));
      json_decref(text);
    }
  }
}

static void print_tensors(const m4s_safetensors_t *file, FILE *stream) {
  fprintf(stream, "\n%-50s %-12s %10s %10s %10s\n", "tensors", "shape", "min", "max", "rms");
  for (size_t i = 0; i < file->n_tensors; i++) {
    const m4s_tensor_t *tensor = &file->tensors[i];
    char shape[M4S_TENSOR_SHOWN_BYTES];
    m4s_tensor_show_shape(tensor, shape);
    range_t range = range_of(tensor);
    fprintf(stream, "  %-48s %-12s %10.4g %10.4g %10.4g\n", tensor->name, shape, range.min,
            range.max, range.rms);
  }
}

// `trained` [2, n], NULL: not known.
static void print_range(const m4s_m4_input_t *inputs, int32_t n, const float *trained,
                        FILE *stream) {
  for (int32_t i = 0; i < n; i++) {
    fprintf(stream, "  %-54s", inputs[i].quantity);
    if (trained == NULL) {
      fprintf(stream, " %10s %10s\n", "-", "-");
    } else {
      fprintf(stream, " %10.4g %10.4g\n", (double)(trained[i] / inputs[i].scale),
              (double)(trained[n + i] / inputs[i].scale));
    }
  }
}

static void print_inputs(const m4s_model_t *model, FILE *stream) {
  static const char *const columns = "\n%-56s %10s %10s\n";
  fprintf(stream, columns, "inputs of a flow", "trained on", "to");
  print_range(m4s_m4_flow_inputs, M4S_M4_N_FLOW_INPUTS, model->flow_input_range, stream);
  fprintf(stream, columns, "inputs of a link", "trained on", "to");
  print_range(m4s_m4_link_inputs, M4S_M4_N_LINK_INPUTS, model->link_input_range, stream);
}

void m4s_model_info_print(const m4s_model_t *model, FILE *stream) {
  int64_t n_weights = m4s_model_n_weights(model);
  fprintf(stream, "sizes      hidden %d, GNN hidden %d, %d GNN layer%s, %d network parameters\n",
          model->hidden, model->gnn_hidden, model->n_gnn_layers,
          model->n_gnn_layers == 1 ? "" : "s", model->n_params);
  fprintf(stream, "inputs     %s: %d of a flow, %d of a link\n", m4s_model_inputs_name(model),
          model->n_flow_inputs, model->n_link_inputs);
  fprintf(stream, "weights    %" PRId64 ", %.4g MB\n", n_weights, 4e-6 * (double)n_weights);
  fprintf(stream, "flops      %.4g M a flow, %.4g M a link, in each step that moves it on\n",
          m4s_model_flops_per_flow(model) / 1e6, m4s_model_flops_per_link(model) / 1e6);
  if (model->inputs == M4S_INPUTS_FLUID) {
    print_inputs(model, stream);
  }
  if (model->file->n_metadata > 0) {
    print_metadata(model->file, stream);
  }
  print_tensors(model->file, stream);
}
