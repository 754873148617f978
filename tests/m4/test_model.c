// m4 networks: sizes from shapes, what is refused, counts.
#include "m4/tiny_model.h"

static void model_should_have_the_sizes_of_its_tensors(void **state) {
  (void)state;
  const tiny_sizes_t cases[] = {{1, 1, 1, 0, false},
                                {1, 1, 2, 1, true},
                                {3, 5, 3, 13, false},
                                {8, 4, 5, 2, true},
                                {2, 7, 16, 1, true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_model_t *model = tiny_model(cases[i], i);
    assert_int_equal(model->hidden, cases[i].hidden);
    assert_int_equal(model->gnn_hidden, cases[i].gnn_hidden);
    assert_int_equal(model->n_gnn_layers, cases[i].n_gnn_layers);
    assert_int_equal(model->n_params, cases[i].n_params);
    m4s_model_destroy(model);
  }
}

static void model_should_read_the_published_weights(void **state) {
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(model_should_have_the_sizes_of_its_tensors),
      cmocka_unit_test(model_should_read_the_published_weights),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
