// tape_gradients FOLDER: writes networks, batches of steps, and what the tape makes of them in
// float64, as FOLDER/0.safetensors, …, for tape_pytorch.py to compare with.
//
// Tensors of a file: the weights; "gradient:" and a weight's name; and of each round r:
//   r:flow_rows r:link_rows   [n], int64, in the order of the steps
//   r:flow_begin r:link_begin [n], float64: states before the step of rows that are new, else NaN
//   r:flow_inputs r:link_inputs, r:flow_timed r:link_timed: inputs of the time cells, if they run
//   r:features                [n_flows, 1 + P]
//   r:edge_flows r:edge_links [n_edges], int64: positions among the round's flows and links
//   r:slope0 r:curve0 …       of the terms of the loss of each output
//   r:output0 …               predictions, remaining, queues
#include "support.h"

#include "train/tape_batches.h"

enum { MAX_TENSORS = 4096, NAME_BYTES = 96, N_ROUNDS = 10 };

typedef struct {
  m4s_tensor_t tensors[MAX_TENSORS];
  char names[MAX_TENSORS][NAME_BYTES];
  size_t n;
} file_t;

// A tensor of zeros, [n_rows, n_columns] or, with n_columns 0, [n_rows].
__attribute__((format(printf, 5, 6))) static void *add_tensor(file_t *file, m4s_dtype_t dtype,
                                                              int64_t n_rows, int64_t n_columns,
                                                              const char *name, ...) {
  assert_true(file->n < MAX_TENSORS);
  int64_t n = n_rows * (n_columns == 0 ? 1 : n_columns);
  void *data = calloc((size_t)n + 1, m4s_dtype_bytes(dtype));
  assert_non_null(data);
  va_list arguments;
  va_start(arguments, name);
  vsnprintf(file->names[file->n], NAME_BYTES, name, arguments);
  va_end(arguments);
  file->tensors[file->n] = (m4s_tensor_t){.name = file->names[file->n],
                                          .dtype = dtype,
                                          .n_dims = n_columns == 0 ? 1 : 2,
                                          .shape = {n_rows, n_columns},
                                          .n_elements = n,
                                          .data = data};
  file->n++;
  return data;
}

typedef struct {
  m4s_tape_t *tape;
  const m4s_model_t *model;
  file_t *file;
  // Of the occupants seen last, by row; -1: none.
  int32_t flow_epochs[256], link_epochs[256];
} writer_t;

// The states and inputs of the flows or of the links.
static void write_rows(writer_t *writer, int round, const m4s_inference_batch_t *batch, bool link) {
  file_t *file = writer->file;
  const int32_t hidden = writer->model->hidden;
  const int32_t n_inputs = link ? writer->model->n_link_inputs : writer->model->n_flow_inputs;
  int64_t n = link ? batch->n_link_rows : batch->n_flow_rows;
  const char *what = link ? "link" : "flow";
  int64_t *rows = add_tensor(file, M4S_DTYPE_I64, n, 0, "%d:%s_rows", round, what);
  double *begin = add_tensor(file, M4S_DTYPE_F64, n, hidden, "%d:%s_begin", round, what);
  double *inputs = add_tensor(file, M4S_DTYPE_F64, n, n_inputs, "%d:%s_inputs", round, what);
  int64_t *timed = add_tensor(file, M4S_DTYPE_I64, n, 0, "%d:%s_timed", round, what);
  for (int32_t s = 0; s < batch->n_steps; s++) {
    const m4s_step_t *step = &batch->steps[s];
    const float *from = link ? step->link_inputs : step->flow_inputs;
    for (int32_t i = 0; i < (link ? step->n_links : step->n_flows); i++) {
      int32_t row = link ? step->link_rows[i] : step->flow_rows[i];
      assert_in_range(row, 0, 255);
      int32_t *known = link ? &writer->link_epochs[row] : &writer->flow_epochs[row];
      int32_t epoch = link ? m4s_engine_link_epoch(batch->engine, row)
                           : m4s_engine_flow_epoch(batch->engine, row);
      const float *state = link ? m4s_engine_link_state(batch->engine, row)
                                : m4s_engine_flow_state(batch->engine, row);
      for (int32_t j = 0; j < hidden; j++) {
        *begin++ = epoch == *known ? NAN : (double)state[j];
      }
      for (int32_t j = 0; j < n_inputs; j++) {
        *inputs++ = from == NULL ? (double)step->dt_us : (double)from[i * n_inputs + j];
      }
      *known = epoch;
      *rows++ = row;
      *timed++ = from != NULL || step->dt_us > 0;
    }
  }
}

static void write_graph(writer_t *writer, int round, const m4s_inference_batch_t *batch) {
  file_t *file = writer->file;
  int64_t n_edges = 0;
  int64_t flow = 0;
  int64_t link = 0;
  int32_t n_params = writer->model->n_params;
  for (int32_t s = 0; s < batch->n_steps; s++) {
    n_edges += batch->steps[s].edge_begin[batch->steps[s].n_flows];
  }
  int64_t *flows = add_tensor(file, M4S_DTYPE_I64, n_edges, 0, "%d:edge_flows", round);
  int64_t *links = add_tensor(file, M4S_DTYPE_I64, n_edges, 0, "%d:edge_links", round);
  double *features =
      add_tensor(file, M4S_DTYPE_F64, batch->n_flow_rows, 1 + n_params, "%d:features", round);
  for (int32_t s = 0; s < batch->n_steps; s++) {
    const m4s_step_t *step = &batch->steps[s];
    for (int32_t i = 0; i < step->n_flows; i++) {
      *features++ = step->edge_begin[i + 1] - step->edge_begin[i];
      for (int32_t j = 0; j < n_params; j++) {
        *features++ = (double)step->params[j];
      }
      for (int32_t e = step->edge_begin[i]; e < step->edge_begin[i + 1]; e++) {
        *flows++ = flow + i;
        *links++ = link + step->edges[e];
      }
    }
    flow += step->n_flows;
    link += step->n_links;
  }
}

// Outputs and terms of the loss, in the order of the steps, which is not the record's.
static void write_outputs(writer_t *writer, int round, const m4s_inference_batch_t *batch,
                          const m4s_tape_record_t *record) {
  file_t *file = writer->file;
  for (int output = 0; output < SCENARIO_OUTPUTS; output++) {
    bool link = output == SCENARIO_QUEUE;
    int64_t n = link ? record->n_links : record->n_flows;
    double *slope = add_tensor(file, M4S_DTYPE_F64, n, 0, "%d:slope%d", round, output);
    double *curve = add_tensor(file, M4S_DTYPE_F64, n, 0, "%d:curve%d", round, output);
    double *y = add_tensor(file, M4S_DTYPE_F64, n, 0, "%d:output%d", round, output);
    for (int32_t s = 0; s < batch->n_steps; s++) {
      int32_t first = link ? record->link_begin[s] : record->flow_begin[s];
      int32_t n_rows = link ? batch->steps[s].n_links : batch->steps[s].n_flows;
      for (int32_t i = first; i < first + n_rows; i++) {
        scenario_loss_t terms = scenario_loss(round, output, i);
        *slope++ = terms.slope;
        *curve++ = terms.curve;
        *y++ = scenario_outputs(record, output)[i];
      }
    }
  }
}

static void write_round(void *context, int round, m4s_inference_batch_t *batch) {
  writer_t *writer = context;
  m4s_tape_record_t record;
  write_rows(writer, round, batch, false);
  write_rows(writer, round, batch, true);
  write_graph(writer, round, batch);
  ASSERT_OK(m4s_tape_forward(writer->tape, batch, &record));
  write_outputs(writer, round, batch, &record);
  (void)scenario_lose(round, &record);
}

static void write_weights(file_t *file, const m4s_parameters_t *parameters,
                          const double *gradients) {
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    const m4s_model_tensor_t *tensor = &parameters->tensors[i];
    int64_t n_columns = tensor->n_dims == 2 ? tensor->shape[1] : 0;
    size_t n = (size_t)m4s_parameters_count(parameters, i);
    float *values =
        add_tensor(file, M4S_DTYPE_F32, tensor->shape[0], n_columns, "%s", tensor->name);
    double *numbers =
        add_tensor(file, M4S_DTYPE_F64, tensor->shape[0], n_columns, "gradient:%s", tensor->name);
    memcpy(values, *tensor->slot, n * sizeof *values);
    memcpy(numbers, gradients + m4s_parameters_begin(parameters, i), n * sizeof *numbers);
  }
}

static void write_network(const m4s_network_sizes_t *sizes, uint64_t seed, const char *path) {
  m4s_parameters_t *parameters = scenario_parameters(sizes, seed);
  file_t *file = calloc(1, sizeof *file);
  double *gradients = calloc((size_t)parameters->n_values, sizeof *gradients);
  assert_non_null(file);
  assert_non_null(gradients);
  writer_t writer = {.model = &parameters->model, .file = file};
  memset(writer.flow_epochs, -1, sizeof writer.flow_epochs);
  memset(writer.link_epochs, -1, sizeof writer.link_epochs);
  ASSERT_OK(m4s_tape_create(parameters, M4S_TAPE_FLOAT64, &writer.tape));
  scenario_run(&(scenario_t){.model = &parameters->model,
                             .seed = seed,
                             .n_rounds = N_ROUNDS,
                             .visit = write_round,
                             .context = &writer});
  ASSERT_OK(m4s_tape_backward(writer.tape, gradients));
  write_weights(file, parameters, gradients);
  const m4s_safetensors_t all = {.tensors = file->tensors, .n_tensors = file->n};
  ASSERT_OK(m4s_safetensors_write(path, &all));
  for (size_t i = 0; i < file->n; i++) {
    free((void *)file->tensors[i].data);
  }
  m4s_tape_destroy(writer.tape);
  m4s_parameters_destroy(parameters);
  free(gradients);
  free(file);
}

int main(int argc, char **argv) {
  static const m4s_network_sizes_t networks[] = {
      {M4S_INPUTS_PUBLISHED, .hidden = 8, .gnn_hidden = 8, .n_gnn_layers = 1, .n_params = 13},
      {M4S_INPUTS_PUBLISHED, .hidden = 20, .gnn_hidden = 30, .n_gnn_layers = 3, .n_params = 13},
      {M4S_INPUTS_FLUID, .hidden = 33, .gnn_hidden = 17, .n_gnn_layers = 2},
      {M4S_INPUTS_FLUID, .hidden = 64, .gnn_hidden = 64, .n_gnn_layers = 3},
  };
  if (argc != 2) {
    fprintf(stderr, "usage: tape_gradients FOLDER\n");
    return 2;
  }
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/%zu.safetensors", argv[1], i);
    write_network(&networks[i], i, path);
  }
  return 0;
}
