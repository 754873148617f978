#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "sweep/spec.h"
#include "train/train.h"

static const char *const inputs_names[] = {"published", "fluid-2", NULL};

#define WHOLE(type_, member_, unit_, fallback_, min_, max_, help_) \
  { \
    .name = #member_, .kind = M4S_FIELD_INT, .offset = offsetof(type_, member_), .unit = unit_, \
    .fallback = fallback_, .min = min_, .max = max_, .help = help_ \
  }
#define REAL(member_, fallback_, min_, max_, help_) \
  { \
    .name = #member_, .kind = M4S_FIELD_REAL, .offset = offsetof(m4s_train_settings_t, member_), \
    .fallback = fallback_, .min = min_, .max = max_, .help = help_ \
  }

static const m4s_field_t network_fields[] = {
    {.name = "inputs",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_train_network_t, inputs),
     .fallback = "fluid-2",
     .choices = inputs_names,
     .help = "what the network knows: as the public one, or of a fluid simulation beside it"},
    WHOLE(m4s_train_network_t, hidden, "numbers", "64", 4, M4S_MODEL_MAX_SIZE,
          "state of a flow and of a link"),
    WHOLE(m4s_train_network_t, gnn_hidden, "numbers", "64", 4, M4S_MODEL_MAX_SIZE,
          "between layers of the graph network"),
    WHOLE(m4s_train_network_t, gnn_layers, NULL, "2", 1, M4S_MODEL_MAX_GNN_LAYERS,
          "layers of the graph network"),
    {.name = "initial",
     .kind = M4S_FIELD_PATH,
     .offset = offsetof(m4s_train_network_t, initial),
     .help = "model file to begin with, of these sizes; without: random weights"},
};

static const m4s_field_t training_fields[] = {
    WHOLE(m4s_train_settings_t, seed, NULL, "1", 0, 9007199254740991.0,
          "of the first weights and of what is drawn"),
    WHOLE(m4s_train_settings_t, rounds, NULL, "100", 1, 1e9, "rounds"),
    WHOLE(m4s_train_settings_t, windows, NULL, "250", 1, 1e6,
          "of a round, each followed by a step of Adam"),
    WHOLE(m4s_train_settings_t, lanes, "sequences", "16", 1, 4096, "side by side, on each rank"),
    WHOLE(m4s_train_settings_t, window, "steps", "16", 1, 100000,
          "through which gradients go back, for a step of Adam"),
    WHOLE(m4s_train_settings_t, max_steps, "steps", "4000", 1, 1e12, "of a sequence at most"),
    WHOLE(m4s_train_settings_t, validation_sequences, NULL, "64", 1, 1e6,
          "evaluated after each round"),
    REAL(learning_rate, "0.001", 1e-9, 1, "of Adam"),
    REAL(plateau_factor, "0.5", 0, 1, "by which it falls where the validation loss does not"),
    WHOLE(m4s_train_settings_t, plateau_patience, "rounds", "5", 0, 1e9, "before it falls"),
    REAL(learning_rate_floor, "0.00001", 0, 1, "it falls no further"),
    WHOLE(m4s_train_settings_t, stop_patience, "rounds", "0", 0, 1e9,
          "without a better validation loss, after which training ends; 0: never"),
    REAL(closed_loop, "0", 0, 1,
         "share of the sequences in which the network goes on from what it has said"),
    WHOLE(m4s_train_settings_t, averaging, "updates", "200", 1, 1e9,
          "over which the weights that are kept are averaged"),
    REAL(max_gradient_norm, "1", 1e-9, 1e9, "larger gradients are scaled down"),
    REAL(remaining_weight, "0.05", 0, 1e3, "in the loss: of log2(1 + kB that remain of a flow)"),
    REAL(queue_weight, "0.05", 0, 1e3, "in the loss: of log2(1 + kB that wait for a link)"),
};

const m4s_section_t m4s_train_sections[] = {
    {"network", network_fields, M4S_COUNT(network_fields), offsetof(m4s_train_spec_t, network),
     "its architecture"},
    {"training", training_fields, M4S_COUNT(training_fields), offsetof(m4s_train_spec_t, training),
     "how it is trained"},
};
const size_t m4s_n_train_sections = M4S_COUNT(m4s_train_sections);

static const m4s_field_t spec_fields[] = {
    {.name = "name",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_train_spec_t, name),
     .help = "of the network and of its folder"},
    {.name = "title",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(m4s_train_spec_t, title),
     .help = "one line"},
};

// --- reading ---

static m4s_status_t add_dataset(m4s_train_spec_t *spec, const char *folder, const json_t *value,
                                size_t i) {
  const char *name = json_string_value(value);
  if (name == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: datasets[%zu]: %s is not the path of a folder", spec->path,
                    i, m4s_json_show(value));
  }
  char *path = m4s_path_join(folder, name);
  m4s_status_t status =
      path == NULL ? m4s_fail_memory("a path") : m4s_text_list_add(&spec->datasets, path);
  free(path);
  return status;
}

static m4s_status_t read_datasets(m4s_train_spec_t *spec, const char *folder, const json_t *root) {
  const json_t *list = json_object_get(root, "datasets");
  if (json_array_size(list) == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: datasets: a list of folders is needed", spec->path);
  }
  for (size_t i = 0; i < json_array_size(list); i++) {
    M4S_TRY(add_dataset(spec, folder, json_array_get(list, i), i));
  }
  return M4S_OK;
}

static m4s_status_t read_section(m4s_train_spec_t *spec, const m4s_section_t *section,
                                 const json_t *root) {
  char where[512];
  const json_t *values = json_object_get(root, section->name);
  if (values == NULL) {
    return M4S_OK;
  }
  snprintf(where, sizeof where, "%s: %s", spec->path, section->name);
  if (!json_is_object(values)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not an object {...}", where, m4s_json_show(values));
  }
  return m4s_fields_set_json(section->fields, section->n_fields, (char *)spec + section->offset,
                             values, where);
}

static m4s_status_t read_text(m4s_train_spec_t *spec, const m4s_field_t *field,
                              const json_t *root) {
  char where[512];
  const json_t *value = json_object_get(root, field->name);
  snprintf(where, sizeof where, "%s: %s", spec->path, field->name);
  return value == NULL ? M4S_OK : m4s_field_set_json(field, spec, value, where);
}

static m4s_status_t set_initial(m4s_train_spec_t *spec, const char *folder) {
  if (spec->network.initial == NULL) {
    return M4S_OK;
  }
  char *path = m4s_path_join(folder, spec->network.initial);
  if (path == NULL) {
    return m4s_fail_memory("a path");
  }
  free(spec->network.initial);
  spec->network.initial = path;
  return M4S_OK;
}

static m4s_status_t read_root(m4s_train_spec_t *spec, const char *folder, const json_t *root) {
  static const char *const keys[] = {"name", "title", "datasets", "network", "training"};
  M4S_TRY(m4s_json_check_keys(root, spec->path, keys, M4S_COUNT(keys)));
  for (size_t i = 0; i < M4S_COUNT(spec_fields); i++) {
    M4S_TRY(read_text(spec, &spec_fields[i], root));
  }
  M4S_TRY(m4s_sweep_check_name(spec->name, spec->path));
  M4S_TRY(read_datasets(spec, folder, root));
  for (size_t i = 0; i < m4s_n_train_sections; i++) {
    M4S_TRY(read_section(spec, &m4s_train_sections[i], root));
  }
  return set_initial(spec, folder);
}

m4s_status_t m4s_train_spec_read(const char *path, m4s_train_spec_t *spec) {
  *spec = (m4s_train_spec_t){.path = strdup(path)};
  if (spec->path == NULL) {
    return m4s_fail_memory("a spec");
  }
  for (size_t i = 0; i < m4s_n_train_sections; i++) {
    const m4s_section_t *section = &m4s_train_sections[i];
    M4S_TRY(m4s_fields_set_defaults(section->fields, section->n_fields,
                                    (char *)spec + section->offset));
  }
  json_t *root;
  char *folder = m4s_path_folder(path);
  m4s_status_t status = folder == NULL ? m4s_fail_memory("a path") : m4s_json_read(path, &root);
  if (status == M4S_OK) {
    status = read_root(spec, folder, root);
    json_decref(root);
  }
  free(folder);
  return status;
}

void m4s_train_spec_clear(m4s_train_spec_t *spec) {
  m4s_fields_clear(spec_fields, M4S_COUNT(spec_fields), spec);
  for (size_t i = 0; i < m4s_n_train_sections; i++) {
    const m4s_section_t *section = &m4s_train_sections[i];
    m4s_fields_clear(section->fields, section->n_fields, (char *)spec + section->offset);
  }
  m4s_text_list_clear(&spec->datasets);
  free(spec->path);
  *spec = (m4s_train_spec_t){0};
}
