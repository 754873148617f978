// The weights of a network in training: places, initial values, files.
#include "support.h"

#include <math.h>

#include "m4/engine.h"
#include "m4/inputs.h"
#include "m4/tiny_model.h"
#include "train/parameters.h"

static const m4s_network_sizes_t fluid = {M4S_INPUTS_FLUID, .hidden = 24, .gnn_hidden = 20,
                                          .n_gnn_layers = 3};
static const m4s_network_sizes_t published = {M4S_INPUTS_PUBLISHED, .hidden = 4, .gnn_hidden = 6,
                                              .n_params = 13, .n_gnn_layers = 2};

static m4s_parameters_t *make(const m4s_network_sizes_t *sizes, uint64_t seed) {
  m4s_parameters_t *parameters = NULL;
  ASSERT_OK(m4s_parameters_create(sizes, &parameters));
  m4s_parameters_init(parameters, seed);
  return parameters;
}

static size_t index_of(const m4s_parameters_t *parameters, const char *name) {
  size_t i = 0;
  while (i < parameters->n_tensors && strcmp(parameters->tensors[i].name, name) != 0) {
    i++;
  }
  if (i == parameters->n_tensors) {
    fail_msg("there is no tensor %s", name);
  }
  return i;
}

static void tensors_should_fill_the_values(void **state) {
  (void)state;
  m4s_parameters_t *parameters = make(&fluid, 1);
  const m4s_model_t *model = &parameters->model;
  int64_t begin = 0;
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    assert_int_equal(m4s_parameters_begin(parameters, i), begin);
    begin += m4s_parameters_count(parameters, i);
  }
  assert_int_equal(begin, parameters->n_values);
  assert_int_equal(parameters->n_tensors, 4 * 4 + 3 * 7 + 3 * 4);
  assert_int_equal(model->n_flow_inputs, M4S_M4_N_FLOW_INPUTS);
  assert_int_equal(model->n_link_inputs, M4S_M4_N_LINK_INPUTS);
  // What inference uses, and two layers H → H → 1.
  assert_int_equal(parameters->n_values, m4s_model_n_weights(model) + 2 * (24 * 24 + 24 + 24 + 1));
  for (int32_t i = 0; i < 3; i++) {
    const m4s_sage_t *sage = &model->gnn[i];
    assert_ptr_equal(sage->own_weight, sage->project_weight + sage->n_in * sage->n_in);
  }
  m4s_network_sizes_t sizes = m4s_parameters_sizes(parameters);
  assert_memory_equal(&sizes, &fluid, sizeof sizes);
  m4s_parameters_destroy(parameters);
}

// Uniform within the bound: no value beyond it, some near it, mean and variance about right.
static void assert_uniform(const m4s_parameters_t *parameters, const char *name, double bound) {
  size_t i = index_of(parameters, name);
  const float *values = parameters->values + m4s_parameters_begin(parameters, i);
  int64_t n = m4s_parameters_count(parameters, i);
  double sum = 0;
  double squares = 0;
  double largest = 0;
  for (int64_t j = 0; j < n; j++) {
    double value = (double)values[j] / bound;
    assert_true(fabs(value) <= 1);
    largest = fmax(largest, fabs(value));
    sum += value;
    squares += value * value;
  }
  assert_true(n < 50 || largest > 0.9);
  assert_true(fabs(sum / (double)n) < 4 / sqrt(3 * (double)n));
  assert_true(n < 50 || fabs(squares / (double)n - 1.0 / 3) < 4 * 0.3 / sqrt((double)n));
}

static void initial_values_should_be_those_of_pytorch(void **state) {
  (void)state;
  m4s_parameters_t *parameters = make(&fluid, 7);
  assert_uniform(parameters, "lstmcell_time.seq_cell.weight_ih", 1 / sqrt(24));
  assert_uniform(parameters, "lstmcell_time_link.seq_cell.weight_hh", 1 / sqrt(24));
  assert_uniform(parameters, "lstmcell_rate.seq_cell.bias_ih", 1 / sqrt(24));
  assert_uniform(parameters, "gnn_layer_0.homogeneous_layer.conv.lin.weight", 1 / sqrt(24));
  assert_uniform(parameters, "gnn_layer_1.homogeneous_layer.conv.lin_l.weight", 1 / sqrt(20));
  assert_uniform(parameters, "gnn_layer_2.homogeneous_layer.conv.lin_l.bias", 1 / sqrt(20));
  assert_uniform(parameters, "gnn_layer_2.homogeneous_layer.conv.lin_r.weight", 1 / sqrt(20));
  assert_uniform(parameters, "output_layer.0.weight", 1 / sqrt(25));
  assert_uniform(parameters, "output_layer.0.bias", 1 / sqrt(25));
  assert_uniform(parameters, "remain_size_layer.2.weight", 1 / sqrt(24));
  assert_uniform(parameters, "queue_len_layer.2.bias", 1 / sqrt(24));
  for (int32_t i = 0; i < 3; i++) {
    const m4s_sage_t *sage = &parameters->model.gnn[i];
    for (int32_t j = 0; j < sage->n_out; j++) {
      assert_true(sage->norm_weight[j] == 1 && sage->norm_bias[j] == 0);
    }
  }
  m4s_parameters_destroy(parameters);
}

// Each tensor's values follow from seed and name: other sizes elsewhere do not change them.
static void initial_values_should_depend_on_seed_and_tensor(void **state) {
  (void)state;
  m4s_network_sizes_t wider = fluid;
  wider.gnn_hidden = 31;
  m4s_parameters_t *first = make(&fluid, 7);
  m4s_parameters_t *same = make(&fluid, 7);
  m4s_parameters_t *other = make(&fluid, 8);
  m4s_parameters_t *wide = make(&wider, 7);
  size_t n_bytes = (size_t)first->n_values * sizeof(float);
  assert_memory_equal(first->values, same->values, n_bytes);
  assert_true(memcmp(first->values, other->values, n_bytes) != 0);
  assert_memory_equal(first->model.rate_flow.weight_ih, wide->model.rate_flow.weight_ih,
                      3 * 24 * 24 * sizeof(float));
  assert_true(memcmp(first->model.rate_flow.weight_ih, first->model.rate_link.weight_ih,
                     3 * 24 * 24 * sizeof(float)) != 0);
  m4s_parameters_destroy(first);
  m4s_parameters_destroy(same);
  m4s_parameters_destroy(other);
  m4s_parameters_destroy(wide);
}

// --- files ---

static void assert_same_files(const char *a, const char *b) {
  size_t n_a, n_b;
  char *x = support_read(a, &n_a);
  char *y = support_read(b, &n_b);
  assert_int_equal(n_a, n_b);
  assert_memory_equal(x, y, n_a);
  free(x);
  free(y);
}

static void files_should_survive_a_round_trip(void **state) {
  (void)state;
  const m4s_network_sizes_t *const sizes[] = {&fluid, &published};
  const m4s_metadata_t metadata[] = {{"version", "3"}, {"data", "mixes"}};
  const m4s_metadata_t turned[] = {{"data", "mixes"}, {"version", "3"}};
  for (int i = 0; i < 2; i++) {
    m4s_parameters_t *parameters = make(sizes[i], 11);
    m4s_parameters_t *back = NULL;
    ASSERT_OK(m4s_parameters_write(parameters, support_path("a"), metadata, 2, NULL, 0));
    ASSERT_OK(m4s_parameters_read(support_path("a"), 0, &back));
    assert_int_equal(back->n_values, parameters->n_values);
    assert_memory_equal(back->values, parameters->values,
                        (size_t)back->n_values * sizeof *back->values);
    ASSERT_OK(m4s_parameters_write(back, support_path("b"), turned, 2, NULL, 0));
    assert_same_files("a", "b");
    m4s_parameters_destroy(parameters);
    m4s_parameters_destroy(back);
  }
}

static void models_should_be_read_from_files(void **state) {
  (void)state;
  float range[2 * M4S_M4_N_FLOW_INPUTS];
  for (int i = 0; i < M4S_M4_N_FLOW_INPUTS; i++) {
    range[i] = (float)-i;
    range[M4S_M4_N_FLOW_INPUTS + i] = 2;
  }
  const m4s_tensor_t more = {.name = "flow_input_range",
                             .dtype = M4S_DTYPE_F32,
                             .n_dims = 2,
                             .shape = {2, M4S_M4_N_FLOW_INPUTS},
                             .n_elements = 2 * M4S_M4_N_FLOW_INPUTS,
                             .data = range};
  m4s_parameters_t *parameters = make(&fluid, 11);
  ASSERT_OK(m4s_parameters_write(parameters, support_path("m"), NULL, 0, &more, 1));
  m4s_model_t *model = NULL;
  ASSERT_OK(m4s_model_read(support_path("m"), &model));
  assert_int_equal(model->inputs, M4S_INPUTS_FLUID);
  assert_int_equal(model->hidden, 24);
  assert_int_equal(model->gnn_hidden, 20);
  assert_int_equal(model->n_gnn_layers, 3);
  assert_memory_equal(model->flow_input_range, range, sizeof range);
  assert_memory_equal(model->queue.hidden_weight, parameters->model.queue.hidden_weight,
                      24 * 24 * sizeof(float));
  assert_memory_equal(model->gnn[1].own_weight, parameters->model.gnn[1].own_weight,
                      20 * 20 * sizeof(float));
  m4s_model_destroy(model);
  m4s_parameters_destroy(parameters);
}

static void layers_of_training_should_begin_where_files_lack_them(void **state) {
  (void)state;
  m4s_parameters_t *parameters = NULL;
  m4s_parameters_t *fresh = make(&published, 5);
  const char *path = tiny_write((tiny_sizes_t){4, 6, 2, 13, false}, 3, "tiny");
  ASSERT_OK(m4s_parameters_read(path, 5, &parameters));
  m4s_model_t *model = NULL;
  ASSERT_OK(m4s_model_read(path, &model));
  assert_int_equal(model->queue.n_hidden, 0);
  assert_memory_equal(parameters->model.rate_flow.weight_ih, model->rate_flow.weight_ih,
                      12 * 17 * sizeof(float));
  assert_memory_equal(parameters->model.output.out_weight, model->output.out_weight,
                      4 * sizeof(float));
  assert_memory_equal(parameters->model.queue.hidden_weight, fresh->model.queue.hidden_weight,
                      16 * sizeof(float));
  m4s_model_destroy(model);
  m4s_parameters_destroy(parameters);
  m4s_parameters_destroy(fresh);
}

static void bad_files_should_be_refused(void **state) {
  (void)state;
  m4s_parameters_t *parameters = NULL;
  ASSERT_REFUSES(m4s_parameters_read("no/such/file", 0, &parameters),
                 "no/such/file: No such file or directory");
  assert_null(parameters);
  parameters = make(&published, 1);
  const m4s_metadata_t twice = {"params", "13"};
  ASSERT_FAILS(m4s_parameters_write(parameters, support_path("x"), &twice, 1, NULL, 0),
               M4S_ERR_INTERNAL, "the safetensors name \"params\" stands twice");
  assert_false(m4s_path_exists(support_path("x")));
  m4s_parameters_destroy(parameters);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tensors_should_fill_the_values),
      cmocka_unit_test(initial_values_should_be_those_of_pytorch),
      cmocka_unit_test(initial_values_should_depend_on_seed_and_tensor),
      cmocka_unit_test(files_should_survive_a_round_trip),
      cmocka_unit_test(models_should_be_read_from_files),
      cmocka_unit_test(layers_of_training_should_begin_where_files_lack_them),
      cmocka_unit_test(bad_files_should_be_refused),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
