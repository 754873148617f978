// m4 networks: sizes from shapes, where each weight goes, what is refused, counts.
#include "m4/tiny_model.h"

#include "m4/model_info.h"

static const tiny_sizes_t small = {3, 5, 3, 2, false};

// --- what is read ---

static void model_should_have_the_sizes_of_its_tensors(void **state) {
  (void)state;
  const tiny_sizes_t cases[] = {{1, 1, 1, 0, false},
                                {1, 1, 2, 1, true},
                                {3, 5, 3, 13, false},
                                {8, 4, 5, 2, true},
                                {2, 7, M4S_MODEL_MAX_GNN_LAYERS, 1, true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_model_t *model = tiny_model(cases[i], i);
    assert_int_equal(model->hidden, cases[i].hidden);
    assert_int_equal(model->gnn_hidden, cases[i].gnn_hidden);
    assert_int_equal(model->n_gnn_layers, cases[i].n_gnn_layers);
    assert_int_equal(model->n_params, cases[i].n_params);
    m4s_model_destroy(model);
  }
}

typedef struct {
  const char *name;
  const float *weights;
} place_t;

static void assert_places(const m4s_model_t *model, const char *module, const place_t *places,
                          size_t n_places) {
  for (size_t i = 0; i < n_places; i++) {
    char name[TINY_NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", module, places[i].name);
    const m4s_tensor_t *tensor = m4s_safetensors_find(model->file, name);
    assert_non_null(tensor);
    assert_ptr_equal(places[i].weights, tensor->data);
  }
}

static void assert_gru(const m4s_model_t *model, const char *module, const m4s_gru_t *gru,
                       int32_t n_in) {
  const place_t places[] = {{"seq_cell.weight_ih", gru->weight_ih},
                            {"seq_cell.weight_hh", gru->weight_hh},
                            {"seq_cell.bias_ih", gru->bias_ih},
                            {"seq_cell.bias_hh", gru->bias_hh}};
  assert_places(model, module, places, 4);
  assert_int_equal(gru->n_in, n_in);
  assert_int_equal(gru->n_hidden, small.hidden);
}

static void assert_sage(const m4s_model_t *model, int32_t layer, int32_t n_in, int32_t n_out) {
  const m4s_sage_t *sage = &model->gnn[layer];
  const place_t places[] = {{"conv.lin.weight", sage->project_weight},
                            {"conv.lin.bias", sage->project_bias},
                            {"conv.lin_l.weight", sage->neighbour_weight},
                            {"conv.lin_l.bias", sage->neighbour_bias},
                            {"conv.lin_r.weight", sage->own_weight},
                            {"norm.weight", sage->norm_weight},
                            {"norm.bias", sage->norm_bias}};
  char module[TINY_NAME_BYTES / 2];
  snprintf(module, sizeof module, "gnn_layer_%d.homogeneous_layer", layer);
  assert_places(model, module, places, 7);
  assert_int_equal(sage->n_in, n_in);
  assert_int_equal(sage->n_out, n_out);
}

static void model_should_point_to_each_tensor(void **state) {
  (void)state;
  m4s_model_t *model = tiny_model(small, 1);
  assert_gru(model, "lstmcell_time", &model->time_flow, 1);
  assert_gru(model, "lstmcell_time_link", &model->time_link, 1);
  assert_gru(model, "lstmcell_rate", &model->rate_flow, 3 + 2);
  assert_gru(model, "lstmcell_rate_link", &model->rate_link, 3);
  assert_sage(model, 0, 3, 5);
  assert_sage(model, 1, 5, 5);
  assert_sage(model, 2, 5, 3);
  const place_t places[] = {{"0.weight", model->output.hidden_weight},
                            {"0.bias", model->output.hidden_bias},
                            {"3.weight", model->output.out_weight},
                            {"3.bias", model->output.out_bias}};
  assert_places(model, "output_layer", places, 4);
  assert_int_equal(model->output.n_in, 1 + 2 + 3);
  assert_int_equal(model->output.n_hidden, 3);
  m4s_model_destroy(model);
}

static void one_gnn_layer_should_go_from_hidden_to_hidden(void **state) {
  (void)state;
  // The GNN's own hidden size has no tensor then; the metadata may say what they like of it.
  m4s_model_t *model = tiny_model((tiny_sizes_t){3, 5, 1, 2, false}, 1);
  assert_int_equal(model->n_gnn_layers, 1);
  assert_int_equal(model->gnn_hidden, 3);
  assert_sage(model, 0, 3, 3);
  m4s_model_destroy(model);
}

// Without a dropout, the second layer of an MLP is the third of its sequence.
static void output_layer_should_be_read_without_dropout(void **state) {
  (void)state;
  tiny_parts_t *parts = tiny_parts(small, 1);
  strcpy((char *)m4s_safetensors_find(&parts->file, "output_layer.3.weight")->name,
         "output_layer.2.weight");
  strcpy((char *)m4s_safetensors_find(&parts->file, "output_layer.3.bias")->name,
         "output_layer.2.bias");
  m4s_model_t *model;
  ASSERT_OK(m4s_model_create(tiny_file(parts), "tiny", &model));
  assert_memory_equal(model->output.out_weight, tiny_values(parts, "output_layer.2.weight"), 12);
  assert_memory_equal(model->output.out_bias, tiny_values(parts, "output_layer.2.bias"), 4);
  m4s_model_destroy(model);
  tiny_clear(parts);
}

static void model_should_be_read_without_metadata(void **state) {
  (void)state;
  tiny_parts_t *parts = tiny_parts(small, 1);
  parts->file.n_metadata = 0;
  m4s_model_t *model;
  ASSERT_OK(m4s_safetensors_write(support_path("plain"), &parts->file));
  ASSERT_OK(m4s_model_read(support_path("plain"), &model));
  m4s_model_destroy(model);
  tiny_clear(parts);
}

// --- what is refused ---

// Takes the parts over.
static m4s_status_t create(tiny_parts_t *parts) {
  m4s_model_t *model = NULL;
  m4s_status_t status = m4s_model_create(tiny_file(parts), "w", &model);
  assert_true((status == M4S_OK) == (model != NULL));
  m4s_model_destroy(model);
  tiny_clear(parts);
  return status;
}

static m4s_tensor_t *tensor_of(tiny_parts_t *parts, const char *name) {
  return (m4s_tensor_t *)m4s_safetensors_find(&parts->file, name);
}

static tiny_parts_t *renamed(tiny_sizes_t sizes, const char *from, const char *to) {
  tiny_parts_t *parts = tiny_parts(sizes, 1);
  tensor_of(parts, from)->name = to;
  return parts;
}

static tiny_parts_t *without(tiny_sizes_t sizes, const char *name) {
  tiny_parts_t *parts = tiny_parts(sizes, 1);
  m4s_tensor_t *tensor = tensor_of(parts, name);
  m4s_tensor_t *end = parts->tensors + parts->file.n_tensors--;
  free((void *)tensor->data);
  memmove(tensor, tensor + 1, (size_t)(end - tensor - 1) * sizeof *tensor);
  return parts;
}

// With another shape of at most as many elements. n_columns 0: a vector.
static tiny_parts_t *reshaped(const char *name, int64_t n_rows, int64_t n_columns) {
  tiny_parts_t *parts = tiny_parts(small, 1);
  m4s_tensor_t *tensor = tensor_of(parts, name);
  tensor->n_dims = n_columns == 0 ? 1 : 2;
  tensor->shape[0] = n_rows;
  tensor->shape[1] = n_columns;
  tensor->n_elements = n_rows * (n_columns == 0 ? 1 : n_columns);
  return parts;
}

static void model_should_name_every_missing_tensor(void **state) {
  (void)state;
  tiny_parts_t *all = tiny_parts((tiny_sizes_t){2, 3, 2, 1, true}, 1);
  for (size_t i = 0; i < all->file.n_tensors; i++) {
    char message[200];
    // The number after an MLP's first layer follows from what is there.
    const char *name = all->names[i];
    snprintf(message, sizeof message, "w: tensor \"%s\" is missing", name);
    ASSERT_REFUSES(create(without((tiny_sizes_t){2, 3, 2, 1, true}, name)), message);
  }
  tiny_clear(all);
}

static void model_should_name_unknown_tensors(void **state) {
  (void)state;
  ASSERT_REFUSES(create(renamed(small, "lstmcell_rate.seq_cell.bias_hh", "lstmcell_rate.bias_hh")),
                 "w: unknown tensor \"lstmcell_rate.bias_hh\" (did you mean "
                 "lstmcell_rate.seq_cell.bias_hh?)");
  ASSERT_REFUSES(create(renamed(small, "output_layer.0.bias", "optimizer state")),
                 "w: unknown tensor \"optimizer state\"");
  ASSERT_REFUSES(create(renamed(small, "output_layer.3.bias", "output_layer.2.bias")),
                 "w: unknown tensor \"output_layer.2.bias\" (did you mean output_layer.3.bias?)");
  ASSERT_REFUSES(create(renamed(small, "gnn_layer_2.homogeneous_layer.norm.bias",
                                "gnn_layer_02.homogeneous_layer.norm.bias")),
                 "w: unknown tensor \"gnn_layer_02.homogeneous_layer.norm.bias\" (did you mean "
                 "gnn_layer_2.homogeneous_layer.norm.bias?)");
}

static void model_should_refuse_gaps_between_gnn_layers_and_too_many(void **state) {
  (void)state;
  ASSERT_REFUSES(
      create(renamed((tiny_sizes_t){2, 2, 1, 1, false}, "gnn_layer_0.homogeneous_layer.norm.bias",
                     "gnn_layer_1.homogeneous_layer.norm.bias")),
      "w: tensor \"gnn_layer_0.homogeneous_layer.norm.bias\" is missing");
  ASSERT_REFUSES(
      create(renamed(small, "gnn_layer_2.homogeneous_layer.norm.bias",
                     "gnn_layer_16.homogeneous_layer.norm.bias")),
      "w: tensor \"gnn_layer_16.homogeneous_layer.norm.bias\": at most 16 GNN layers can be read");
  ASSERT_REFUSES(create(renamed(small, "gnn_layer_2.homogeneous_layer.norm.bias",
                                "gnn_layer_99999999999999999999.x")),
                 "w: tensor \"gnn_layer_99999999999999999999.x\": at most 16 GNN layers can be "
                 "read");
}

#define IN_MODEL \
  " is needed in a model of hidden size 3, GNN hidden size 5 and 2 network parameters"

static void model_should_refuse_wrong_shapes(void **state) {
  (void)state;
  ASSERT_REFUSES(create(reshaped("lstmcell_rate.seq_cell.bias_ih", 8, 0)),
                 "w: tensor \"lstmcell_rate.seq_cell.bias_ih\" is F32 [8], but F32 [9]" IN_MODEL);
  ASSERT_REFUSES(
      create(reshaped("lstmcell_rate.seq_cell.bias_ih", 9, 1)),
      "w: tensor \"lstmcell_rate.seq_cell.bias_ih\" is F32 [9, 1], but F32 [9]" IN_MODEL);
  ASSERT_REFUSES(
      create(reshaped("gnn_layer_0.homogeneous_layer.conv.lin_r.weight", 3, 5)),
      "w: tensor \"gnn_layer_0.homogeneous_layer.conv.lin_r.weight\" is F32 [3, 5], but F32 "
      "[5, 3]" IN_MODEL);
  ASSERT_REFUSES(create(reshaped("output_layer.0.weight", 3, 5)),
                 "w: tensor \"output_layer.0.weight\" is F32 [3, 5], but F32 [3, 6]" IN_MODEL);
  ASSERT_REFUSES(create(reshaped("output_layer.3.weight", 3, 0)),
                 "w: tensor \"output_layer.3.weight\" is F32 [3], but F32 [1, 3]" IN_MODEL);
  ASSERT_REFUSES(create(reshaped("output_layer.3.bias", 0, 0)),
                 "w: tensor \"output_layer.3.bias\" is F32 [0], but F32 [1]" IN_MODEL);
}

static void model_should_refuse_sizes_out_of_range(void **state) {
  (void)state;
  ASSERT_REFUSES(create(reshaped("lstmcell_time.seq_cell.weight_hh", 9, 0)),
                 "w: tensor \"lstmcell_time.seq_cell.weight_hh\" has shape [9], a matrix is needed "
                 "that gives a hidden size of 1 to 4096");
  ASSERT_REFUSES(create(reshaped("lstmcell_rate.seq_cell.weight_ih", 9, 2)),
                 "w: tensor \"lstmcell_rate.seq_cell.weight_ih\" has shape [9, 2], a matrix is "
                 "needed that gives a number of network parameters of 0 to 4096");
  tiny_parts_t *parts = reshaped("lstmcell_time.seq_cell.weight_hh", 0, 4097);
  ASSERT_REFUSES(create(parts),
                 "w: tensor \"lstmcell_time.seq_cell.weight_hh\" has shape [0, 4097], a matrix is "
                 "needed that gives a hidden size of 1 to 4096");
  parts = reshaped("gnn_layer_0.homogeneous_layer.conv.lin_l.weight", 5, 0);
  ASSERT_REFUSES(create(parts),
                 "w: tensor \"gnn_layer_0.homogeneous_layer.conv.lin_l.weight\" has shape [5], a "
                 "matrix is needed that gives a GNN hidden size of 1 to 4096");
}

static void model_should_refuse_other_types(void **state) {
  (void)state;
  tiny_parts_t *parts = tiny_parts(small, 1);
  tensor_of(parts, "output_layer.0.bias")->dtype = M4S_DTYPE_I32;
  ASSERT_REFUSES(create(parts),
                 "w: tensor \"output_layer.0.bias\" is I32 [3], but F32 [3]" IN_MODEL);
}

static void model_should_name_the_place_of_weights_that_are_not_finite(void **state) {
  (void)state;
  const tiny_sizes_t training = {3, 5, 3, 2, true};
  tiny_parts_t *parts = tiny_parts(small, 1);
  tiny_values(parts, "output_layer.0.weight")[6 + 4] = NAN;
  ASSERT_REFUSES(create(parts),
                 "w: tensor \"output_layer.0.weight\": [1, 4] is NaN, weights must be finite");
  parts = tiny_parts(small, 1);
  tiny_values(parts, "lstmcell_time_link.seq_cell.bias_hh")[8] = INFINITY;
  ASSERT_REFUSES(
      create(parts),
      "w: tensor \"lstmcell_time_link.seq_cell.bias_hh\": [8] is Inf, weights must be finite");
  parts = tiny_parts(training, 1);
  tiny_values(parts, "queue_len_layer.3.bias")[0] = -INFINITY;
  ASSERT_REFUSES(create(parts),
                 "w: tensor \"queue_len_layer.3.bias\": [0] is -Inf, weights must be finite");
}

static void model_should_check_the_layers_of_training(void **state) {
  (void)state;
  const tiny_sizes_t training = {3, 5, 3, 2, true};
  ASSERT_OK(create(tiny_parts(training, 1)));
  tiny_parts_t *parts = tiny_parts(training, 1);
  m4s_tensor_t *tensor = tensor_of(parts, "remain_size_layer.0.weight");
  tensor->shape[0] = 1;
  tensor->n_elements = 3;
  ASSERT_REFUSES(create(parts),
                 "w: tensor \"remain_size_layer.0.weight\" is F32 [1, 3], but F32 [3, 3]" IN_MODEL);
  ASSERT_REFUSES(create(renamed(small, "output_layer.0.bias", "remain_size_lay")),
                 "w: unknown tensor \"remain_size_lay\"");
}

static void model_should_agree_with_its_metadata(void **state) {
  (void)state;
  static const struct {
    const char *key, *value, *message;
  } cases[] = {
      {"hidden_size", "4", "w: __metadata__: \"hidden_size\" is \"4\", the tensors' shapes give 3"},
      {"gnn_hidden_size", "3",
       "w: __metadata__: \"gnn_hidden_size\" is \"3\", the tensors' shapes give 5"},
      {"gnn_layers", "three",
       "w: __metadata__: \"gnn_layers\" is \"three\", the tensors' shapes give 3"},
      {"params", "", "w: __metadata__: \"params\" is \"\", the tensors' shapes give 2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tiny_parts_t *parts = tiny_parts(small, 1);
    for (size_t j = 0; j < parts->file.n_metadata; j++) {
      if (strcmp(parts->metadata[j].key, cases[i].key) == 0) {
        parts->metadata[j].value = cases[i].value;
      }
    }
    ASSERT_REFUSES(create(parts), cases[i].message);
  }
}

static void model_should_name_files_that_cannot_be_read(void **state) {
  (void)state;
  m4s_model_t *model = NULL;
  ASSERT_REFUSES(m4s_model_read("no/weights", &model), "no/weights: No such file or directory");
  assert_null(model);
}

// --- the kind of inputs ---

static const tiny_sizes_t fluid = {3, 5, 2, TINY_FLUID, true};

static void fluid_model_should_be_read(void **state) {
  (void)state;
  m4s_model_t *model = tiny_model(fluid, 1);
  assert_int_equal(model->inputs, M4S_INPUTS_FLUID);
  assert_string_equal(m4s_model_inputs_name(model), "fluid-2");
  assert_int_equal(model->n_params, 0);
  assert_int_equal(model->n_flow_inputs, M4S_M4_N_FLOW_INPUTS);
  assert_int_equal(model->n_link_inputs, M4S_M4_N_LINK_INPUTS);
  assert_int_equal(model->time_flow.n_in, M4S_M4_N_FLOW_INPUTS);
  assert_int_equal(model->time_link.n_in, M4S_M4_N_LINK_INPUTS);
  assert_int_equal(model->rate_flow.n_in, 3);
  assert_int_equal(model->output.n_in, 4);
  assert_true(model->flow_input_range[2] == -2);
  assert_true(model->flow_input_range[M4S_M4_N_FLOW_INPUTS + 2] == 2.5F);
  assert_true(model->link_input_range[M4S_M4_N_LINK_INPUTS + 1] == 1.5F);
  m4s_model_destroy(model);
  model = tiny_model((tiny_sizes_t){3, 5, 2, TINY_FLUID, false}, 1);
  assert_null(model->flow_input_range);
  assert_null(model->link_input_range);
  m4s_model_destroy(model);
  model = tiny_model(small, 1);
  assert_int_equal(model->inputs, M4S_INPUTS_PUBLISHED);
  assert_int_equal(model->n_flow_inputs, 1);
  assert_int_equal(model->n_link_inputs, 1);
  m4s_model_destroy(model);
}

// The last of a fluid model's metadata.
static m4s_status_t create_with_inputs(tiny_sizes_t sizes, const char *inputs) {
  tiny_parts_t *parts = tiny_parts(sizes, 1);
  size_t place =
      sizes.n_params == TINY_FLUID ? parts->file.n_metadata - 1 : parts->file.n_metadata++;
  parts->metadata[place] = (m4s_metadata_t){"inputs", inputs};
  return create(parts);
}

static void kind_of_inputs_should_be_known_and_fit(void **state) {
  (void)state;
  ASSERT_OK(create_with_inputs(small, "published"));
  ASSERT_REFUSES(create_with_inputs(small, "fluid-1"),
                 "w: __metadata__: \"inputs\" is \"fluid-1\", known are \"published\" and "
                 "\"fluid-2\"");
  ASSERT_REFUSES(create_with_inputs(small, ""),
                 "w: __metadata__: \"inputs\" is \"\", known are \"published\" and \"fluid-2\"");
  ASSERT_REFUSES(create_with_inputs(small, "fluid-2"),
                 "w: tensor \"lstmcell_rate.seq_cell.weight_ih\" gives 2 network parameters, but a "
                 "model with inputs \"fluid-2\" has none");
  ASSERT_REFUSES(create_with_inputs((tiny_sizes_t){3, 5, 2, 0, false}, "fluid-2"),
                 "w: tensor \"lstmcell_time.seq_cell.weight_ih\" is F32 [9, 1], but F32 [9, 24] is "
                 "needed in a model of hidden size 3, GNN hidden size 5 and inputs \"fluid-2\"");
  ASSERT_REFUSES(create_with_inputs((tiny_sizes_t){3, 5, 2, TINY_FLUID, false}, "published"),
                 "w: tensor \"lstmcell_time.seq_cell.weight_ih\" is F32 [9, 24], but F32 [9, 1] is "
                 "needed in a model of hidden size 3, GNN hidden size 5 and 0 network parameters");
}

static void ranges_should_fit_and_be_in_order(void **state) {
  (void)state;
  ASSERT_REFUSES(create_with_inputs(fluid, "published"), "w: unknown tensor \"flow_input_range\"");
  tiny_parts_t *parts = tiny_parts(fluid, 1);
  tensor_of(parts, "link_input_range")->shape[1] = 4;
  tensor_of(parts, "link_input_range")->n_elements = 8;
  ASSERT_REFUSES(
      create(parts),
      "w: tensor \"link_input_range\" is F32 [2, 4], but F32 [2, 11] is needed in a model "
      "of hidden size 3, GNN hidden size 5 and inputs \"fluid-2\"");
  parts = tiny_parts(fluid, 1);
  tiny_values(parts, "flow_input_range")[3] = 4;
  ASSERT_REFUSES(create(parts),
                 "w: tensor \"flow_input_range\": the least number of input 3, 4, is above its "
                 "greatest, 3.5");
}

// --- counts ---

// Every tensor of inference counts once; the matrices' sizes count twice for each row that goes
// through them.
static void counts_should_be_those_of_the_tensors(void **state) {
  (void)state;
  const tiny_sizes_t cases[] = {small, {4, 2, 1, 3, false}, {2, 6, 5, 1, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_model_t *model = tiny_model(cases[i], 1);
    int64_t n_weights = 0;
    int64_t of_flows = 0;
    int64_t of_links = 0;
    for (size_t j = 0; j < model->file->n_tensors; j++) {
      const m4s_tensor_t *tensor = &model->file->tensors[j];
      int64_t n_matrix = tensor->n_dims == 2 ? tensor->n_elements : 0;
      bool link_only = strstr(tensor->name, "_link.") != NULL;
      bool gnn = strncmp(tensor->name, "gnn", 3) == 0;
      n_weights += tensor->n_elements;
      of_flows += link_only ? 0 : n_matrix;
      of_links += link_only || gnn ? n_matrix : 0;
    }
    assert_int_equal(m4s_model_n_weights(model), n_weights);
    assert_true(m4s_model_flops_per_flow(model) == 2.0 * (double)of_flows);
    assert_true(m4s_model_flops_per_link(model) == 2.0 * (double)of_links);
    m4s_model_destroy(model);
  }
}

static void published_weights_should_be_read(void **state) {
  (void)state;
  m4s_model_t *model;
  ASSERT_OK(m4s_model_read(support_reference("m4-published.safetensors"), &model));
  assert_int_equal(model->hidden, 200);
  assert_int_equal(model->gnn_hidden, 300);
  assert_int_equal(model->n_gnn_layers, 3);
  assert_int_equal(model->n_params, 13);
  assert_int_equal(m4s_model_n_weights(model), 5680804 / 4);
  m4s_model_destroy(model);
}

// --- info ---

static void info_should_tell_sizes_and_ranges(void **state) {
  (void)state;
  tiny_parts_t *parts = tiny_parts((tiny_sizes_t){2, 3, 1, 1, false}, 1);
  const float weights[] = {3, -4, 0, 0, 0, 0, 0, 0};
  memcpy(tiny_values(parts, "output_layer.0.weight"), weights, sizeof weights);
  parts->metadata[0] = (m4s_metadata_t){"note", "a\x1b[31mb"};
  m4s_model_t *model;
  ASSERT_OK(m4s_model_create(tiny_file(parts), "tiny", &model));
  tiny_clear(parts);
  char *text = NULL;
  size_t n_bytes;
  FILE *stream = open_memstream(&text, &n_bytes);
  m4s_model_info_print(model, stream);
  fclose(stream);
  m4s_model_destroy(model);
  assert_non_null(
      strstr(text, "sizes      hidden 2, GNN hidden 2, 1 GNN layer, 1 network parameters\n"));
  assert_non_null(strstr(text, "inputs     published: 1 of a flow, 1 of a link\n"));
  assert_null(strstr(text, "trained on"));
  assert_non_null(strstr(text, "  \"note\"               \"a\\u001B[31mb\"\n"));
  assert_non_null(strstr(text,
                         "  output_layer.0.weight                            [2, 4]        "
                         "       -4          3      1.768\n"));
  free(text);
}

// Of input i, as the network gets it: from -i to i + 0.5.
static void info_should_tell_what_inputs_were_trained_on(void **state) {
  (void)state;
  for (int training = 0; training < 2; training++) {
    m4s_model_t *model = tiny_model((tiny_sizes_t){2, 3, 1, TINY_FLUID, training == 1}, 1);
    char *text = NULL;
    size_t n_bytes;
    FILE *stream = open_memstream(&text, &n_bytes);
    m4s_model_info_print(model, stream);
    fclose(stream);
    m4s_model_destroy(model);
    assert_non_null(strstr(text, "inputs     fluid-2: 24 of a flow, 11 of a link\n"));
    const char *line =
        training == 1 ? "  log2(1 + size / payload)                                       -8      "
                        "   12\n"
                      : "  log2(1 + size / payload)                                        -      "
                        "    -\n";
    assert_non_null(strstr(text, line));
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(model_should_have_the_sizes_of_its_tensors),
      cmocka_unit_test(model_should_point_to_each_tensor),
      cmocka_unit_test(one_gnn_layer_should_go_from_hidden_to_hidden),
      cmocka_unit_test(output_layer_should_be_read_without_dropout),
      cmocka_unit_test(model_should_be_read_without_metadata),
      cmocka_unit_test(model_should_name_every_missing_tensor),
      cmocka_unit_test(model_should_name_unknown_tensors),
      cmocka_unit_test(model_should_refuse_gaps_between_gnn_layers_and_too_many),
      cmocka_unit_test(model_should_refuse_wrong_shapes),
      cmocka_unit_test(model_should_refuse_sizes_out_of_range),
      cmocka_unit_test(model_should_refuse_other_types),
      cmocka_unit_test(model_should_name_the_place_of_weights_that_are_not_finite),
      cmocka_unit_test(model_should_check_the_layers_of_training),
      cmocka_unit_test(model_should_agree_with_its_metadata),
      cmocka_unit_test(model_should_name_files_that_cannot_be_read),
      cmocka_unit_test(fluid_model_should_be_read),
      cmocka_unit_test(kind_of_inputs_should_be_known_and_fit),
      cmocka_unit_test(ranges_should_fit_and_be_in_order),
      cmocka_unit_test(counts_should_be_those_of_the_tensors),
      cmocka_unit_test(published_weights_should_be_read),
      cmocka_unit_test(info_should_tell_sizes_and_ranges),
      cmocka_unit_test(info_should_tell_what_inputs_were_trained_on),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
