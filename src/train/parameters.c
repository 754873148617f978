#include "train/parameters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"

int64_t m4s_parameters_begin(const m4s_parameters_t *parameters, size_t i) {
  return *parameters->tensors[i].slot - parameters->values;
}

int64_t m4s_parameters_count(const m4s_parameters_t *parameters, size_t i) {
  const m4s_model_tensor_t *tensor = &parameters->tensors[i];
  return tensor->shape[0] * (tensor->n_dims == 2 ? tensor->shape[1] : 1);
}

m4s_status_t m4s_parameters_create(const m4s_network_sizes_t *sizes,
                                   m4s_parameters_t **parameters_out) {
  m4s_parameters_t *parameters = calloc(1, sizeof *parameters);
  if (parameters == NULL) {
    return m4s_fail_memory("the weights of a network");
  }
  parameters->model =
      (m4s_model_t){.inputs = sizes->inputs,
                    .hidden = sizes->hidden,
                    .gnn_hidden = sizes->n_gnn_layers == 1 ? sizes->hidden : sizes->gnn_hidden,
                    .n_params = sizes->n_params,
                    .n_gnn_layers = sizes->n_gnn_layers};
  parameters->n_tensors = m4s_model_list_tensors(&parameters->model, parameters->tensors);
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    parameters->n_values += m4s_parameters_count(parameters, i);
  }
  parameters->values = calloc((size_t)parameters->n_values, sizeof *parameters->values);
  if (parameters->values == NULL) {
    free(parameters);
    return m4s_fail_memory("the weights of a network");
  }
  const float *next = parameters->values;
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    *parameters->tensors[i].slot = next;
    next += m4s_parameters_count(parameters, i);
  }
  *parameters_out = parameters;
  return M4S_OK;
}

void m4s_parameters_destroy(m4s_parameters_t *parameters) {
  if (parameters != NULL) {
    free(parameters->values);
    free(parameters);
  }
}

m4s_network_sizes_t m4s_parameters_sizes(const m4s_parameters_t *parameters) {
  const m4s_model_t *model = &parameters->model;
  return (m4s_network_sizes_t){.inputs = model->inputs,
                               .hidden = model->hidden,
                               .gnn_hidden = model->gnn_hidden,
                               .n_params = model->n_params,
                               .n_gnn_layers = model->n_gnn_layers};
}

// --- initial values ---

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text);
  size_t n_end = strlen(end);
  return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

// The columns of "layer.weight", for "layer.bias" too.
static int64_t n_inputs_of(const m4s_parameters_t *parameters, const m4s_model_tensor_t *tensor) {
  size_t n_layer = (size_t)(strrchr(tensor->name, '.') - tensor->name);
  int64_t n = tensor->shape[1];
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    const m4s_model_tensor_t *other = &parameters->tensors[i];
    if (strncmp(other->name, tensor->name, n_layer) == 0 &&
        strcmp(other->name + n_layer, ".weight") == 0) {
      n = other->shape[1];
    }
  }
  return n;
}

static void init_tensor(m4s_parameters_t *parameters, size_t i, uint64_t seed) {
  const m4s_model_tensor_t *tensor = &parameters->tensors[i];
  float *values = parameters->values + m4s_parameters_begin(parameters, i);
  int64_t n = m4s_parameters_count(parameters, i);
  bool norm_weight = ends_with(tensor->name, ".norm.weight");
  if (norm_weight || ends_with(tensor->name, ".norm.bias")) {
    for (int64_t j = 0; j < n; j++) {
      values[j] = norm_weight ? 1 : 0;
    }
    return;
  }
  bool recurrent = strstr(tensor->name, ".seq_cell.") != NULL;
  int64_t n_inputs = recurrent ? parameters->model.hidden : n_inputs_of(parameters, tensor);
  double bound = 1 / sqrt((double)n_inputs);
  m4s_random_t random;
  m4s_random_init(&random, seed, tensor->name, 0);
  for (int64_t j = 0; j < n; j++) {
    values[j] = (float)((2 * m4s_random_uniform(&random) - 1) * bound);
  }
}

void m4s_parameters_init(m4s_parameters_t *parameters, uint64_t seed) {
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    init_tensor(parameters, i, seed);
  }
}

// --- files ---

enum { N_OWN_METADATA = 5, SIZE_BYTES = 16 };

static int compare_metadata(const void *a, const void *b) {
  const m4s_metadata_t *x = a;
  const m4s_metadata_t *y = b;
  return strcmp(x->key, y->key);
}

// The file's parts; the sizes are written to `texts`.
static void fill_file(const m4s_parameters_t *parameters, const m4s_metadata_t *metadata,
                      size_t n_metadata, const m4s_tensor_t *more, size_t n_more,
                      char texts[N_OWN_METADATA][SIZE_BYTES], m4s_safetensors_t *file) {
  const m4s_model_t *model = &parameters->model;
  const struct {
    const char *key;
    int32_t size;
  } sizes[] = {{"hidden_size", model->hidden},
               {"gnn_hidden_size", model->gnn_hidden},
               {"gnn_layers", model->n_gnn_layers},
               {"params", model->n_params}};
  for (size_t i = 0; i < N_OWN_METADATA - 1; i++) {
    snprintf(texts[i], SIZE_BYTES, "%d", sizes[i].size);
    file->metadata[file->n_metadata++] = (m4s_metadata_t){sizes[i].key, texts[i]};
  }
  file->metadata[file->n_metadata++] = (m4s_metadata_t){"inputs", m4s_model_inputs_name(model)};
  for (size_t i = 0; i < n_metadata; i++) {
    file->metadata[file->n_metadata++] = metadata[i];
  }
  qsort(file->metadata, file->n_metadata, sizeof *file->metadata, compare_metadata);
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    const m4s_model_tensor_t *tensor = &parameters->tensors[i];
    file->tensors[file->n_tensors++] =
        (m4s_tensor_t){.name = tensor->name,
                       .dtype = M4S_DTYPE_F32,
                       .n_dims = tensor->n_dims,
                       .shape = {tensor->shape[0], tensor->shape[1]},
                       .n_elements = m4s_parameters_count(parameters, i),
                       .data = *tensor->slot};
  }
  for (size_t i = 0; i < n_more; i++) {
    file->tensors[file->n_tensors++] = more[i];
  }
}

m4s_status_t m4s_parameters_write(const m4s_parameters_t *parameters, const char *path,
                                  const m4s_metadata_t *metadata, size_t n_metadata,
                                  const m4s_tensor_t *more, size_t n_more) {
  char texts[N_OWN_METADATA][SIZE_BYTES];
  m4s_safetensors_t file = {.tensors = calloc(parameters->n_tensors + n_more, sizeof *file.tensors),
                            .metadata = calloc(N_OWN_METADATA + n_metadata, sizeof *file.metadata)};
  m4s_status_t status = M4S_OK;
  if (file.tensors == NULL || file.metadata == NULL) {
    status = m4s_fail_memory(path);
  } else {
    fill_file(parameters, metadata, n_metadata, more, n_more, texts, &file);
    status = m4s_safetensors_write(path, &file);
  }
  free(file.tensors);
  free(file.metadata);
  return status;
}

// Copies the weights that `model`, of the same sizes, has.
static void copy_weights(const m4s_model_t *model, m4s_parameters_t *parameters) {
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    const float *const *slot = parameters->tensors[i].slot;
    size_t place = (size_t)((const char *)slot - (const char *)&parameters->model);
    const float *weights;
    memcpy(&weights, (const char *)model + place, sizeof weights);
    if (weights != NULL) {
      memcpy(parameters->values + m4s_parameters_begin(parameters, i), weights,
             (size_t)m4s_parameters_count(parameters, i) * sizeof *weights);
    }
  }
}

m4s_status_t m4s_parameters_read(const char *path, uint64_t seed,
                                 m4s_parameters_t **parameters_out) {
  m4s_model_t *model;
  M4S_TRY(m4s_model_read(path, &model));
  const m4s_network_sizes_t sizes = {.inputs = model->inputs,
                                     .hidden = model->hidden,
                                     .gnn_hidden = model->gnn_hidden,
                                     .n_params = model->n_params,
                                     .n_gnn_layers = model->n_gnn_layers};
  m4s_parameters_t *parameters;
  m4s_status_t status = m4s_parameters_create(&sizes, &parameters);
  if (status == M4S_OK) {
    m4s_parameters_init(parameters, seed);
    copy_weights(model, parameters);
    *parameters_out = parameters;
  }
  m4s_model_destroy(model);
  return status;
}
