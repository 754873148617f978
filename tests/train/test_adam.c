// The optimiser against numbers of PyTorch 1.13 (torch.optim.Adam in float64, ReduceLROnPlateau).
#include "support.h"

#include <math.h>

#include "train/adam.h"

static void assert_near(double got, double want, double tolerance) {
  if (!(fabs(got - want) <= tolerance * fabs(want))) {
    fail_msg("%.17g, expected %.17g", got, want);
  }
}

// --- clipping ---

static void long_gradients_should_be_clipped(void **state) {
  (void)state;
  double gradients[] = {3, -4, 12};
  assert_near(m4s_clip_gradients(3, gradients, 6.5), 13, 1e-15);
  assert_near(gradients[0], 1.5, 1e-15);
  assert_near(gradients[1], -2, 1e-15);
  assert_near(gradients[2], 6, 1e-15);
}

static void short_gradients_should_stay(void **state) {
  (void)state;
  double gradients[] = {3, -4};
  assert_true(m4s_clip_gradients(2, gradients, 5) == 5);
  assert_true(gradients[0] == 3 && gradients[1] == -4);
  double zeros[] = {0, 0};
  assert_true(m4s_clip_gradients(2, zeros, 1) == 0);
  assert_true(zeros[0] == 0);
}

static void gradients_that_are_not_finite_should_be_told(void **state) {
  (void)state;
  double gradients[] = {3, NAN};
  assert_true(isnan(m4s_clip_gradients(2, gradients, 1)));
  assert_true(gradients[0] == 3);
  gradients[1] = INFINITY;
  assert_true(isinf(m4s_clip_gradients(2, gradients, 1)));
  assert_true(gradients[0] == 3);
}

// --- Adam ---

static const double rate = 0.01;

static void fill_gradients(int step, double gradients[3]) {
  gradients[0] = 0.1 * step;
  gradients[1] = -3.0 / step;
  gradients[2] = step % 2 == 0 ? 1e-3 : -1e-3;
}

static void take_steps(m4s_adam_t *adam, int first, int last, float weights[3]) {
  for (int step = first; step <= last; step++) {
    double gradients[3];
    fill_gradients(step, gradients);
    m4s_adam_step(adam, &m4s_adam_defaults, rate, gradients, weights);
  }
}

static void adam_should_step_as_pytorch(void **state) {
  (void)state;
  static const double want[5][3] = {
      {0.4900000009999999, -0.24000000003333333, 2.009999900001},
      {0.4803481813521253, -0.23067820368452935, 2.0094735894746316},
      {0.47076816955448425, -0.22194661844435587, 2.0128314894749675},
      {0.46116406721264175, -0.21373422991788885, 2.012305178948599},
      {0.451491693173601, -0.20598539121495668, 2.0143493088332995},
  };
  float weights[] = {0.5F, -0.25F, 2};
  m4s_adam_t adam;
  ASSERT_OK(m4s_adam_init(&adam, 3));
  for (int step = 1; step <= 5; step++) {
    take_steps(&adam, step, step, weights);
    for (int i = 0; i < 3; i++) {
      assert_near((double)weights[i], want[step - 1][i], 2e-7);  // weights are float32
    }
  }
  assert_int_equal(adam.n_steps, 5);
  m4s_adam_clear(&adam);
}

// mean = 0.1 g, square = 0.001 g², the corrected ones g and g²: a step of rate g / (|g| + 1e-8).
static void first_step_should_have_the_size_of_the_rate(void **state) {
  (void)state;
  const double gradients[] = {4, -1e-8};
  float weights[] = {0, 0};
  m4s_adam_t adam;
  ASSERT_OK(m4s_adam_init(&adam, 2));
  m4s_adam_step(&adam, &m4s_adam_defaults, 0.5, gradients, weights);
  assert_near(adam.mean[0], 0.4, 1e-14);
  assert_near(adam.square[0], 0.016, 1e-13);
  assert_near((double)weights[0], -0.5, 1e-7);
  assert_near((double)weights[1], 0.25, 1e-7);
  m4s_adam_clear(&adam);
}

static void write_state(const m4s_adam_t *adam, const char *path) {
  m4s_tensor_t tensors[M4S_ADAM_N_TENSORS];
  m4s_adam_tensors(adam, tensors);
  const m4s_safetensors_t file = {.tensors = tensors, .n_tensors = M4S_ADAM_N_TENSORS};
  ASSERT_OK(m4s_safetensors_write(path, &file));
}

static void adam_should_go_on_from_a_file(void **state) {
  (void)state;
  float weights[] = {0.5F, -0.25F, 2};
  float through[3];
  m4s_adam_t adam, restored;
  m4s_safetensors_t *file = NULL;
  ASSERT_OK(m4s_adam_init(&adam, 3));
  ASSERT_OK(m4s_adam_init(&restored, 3));
  take_steps(&adam, 1, 3, weights);
  write_state(&adam, support_path("adam"));
  memcpy(through, weights, sizeof through);
  take_steps(&adam, 4, 7, weights);
  ASSERT_OK(m4s_safetensors_read(support_path("adam"), &file));
  ASSERT_OK(m4s_adam_restore(&restored, file, "adam"));
  take_steps(&restored, 4, 7, through);
  assert_memory_equal(weights, through, sizeof weights);
  m4s_safetensors_destroy(file);
  m4s_adam_clear(&adam);
  m4s_adam_clear(&restored);
}

static void states_of_others_should_be_refused(void **state) {
  (void)state;
  m4s_adam_t adam, other;
  ASSERT_OK(m4s_adam_init(&adam, 3));
  ASSERT_OK(m4s_adam_init(&other, 2));
  write_state(&other, support_path("other"));
  m4s_safetensors_t *file = NULL;
  ASSERT_OK(m4s_safetensors_read(support_path("other"), &file));
  ASSERT_REFUSES(m4s_adam_restore(&adam, file, "other"),
                 "other: tensor \"adam.mean\" is F64 [2], but F64 [3] is needed");
  m4s_safetensors_destroy(file);
  other.n_steps = -1;
  write_state(&other, support_path("other"));
  ASSERT_OK(m4s_safetensors_read(support_path("other"), &file));
  ASSERT_REFUSES(m4s_adam_restore(&other, file, "other"),
                 "other: tensor \"adam.n_steps\" is -1, but cannot be below 0");
  m4s_safetensors_destroy(file);
  ASSERT_REFUSES(m4s_adam_restore(&adam, &(m4s_safetensors_t){0}, "other"),
                 "other: tensor \"adam.mean\" is missing");
  assert_int_equal(adam.n_steps, 0);
  m4s_adam_clear(&adam);
  m4s_adam_clear(&other);
}

// --- learning rate ---

static void rate_should_fall_as_pytorch_lets_it(void **state) {
  (void)state;
  static const double losses[] = {1.0, 0.9, 0.95, NAN, 0.89995, 0.8, 0.9, 0.9, 0.9, 0.9,
                                  0.9, 0.9, 0.9,  0.9, 0.9,     0.5, 0.6, 0.6, 0.6, 0.6};
  static const double want[] = {1e-3, 1e-3, 1e-3, 1e-3, 2e-4, 2e-4, 2e-4, 2e-4, 4e-5, 4e-5,
                                4e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5};
  const m4s_plateau_config_t config = {
      .factor = 0.2, .patience = 2, .threshold = 1e-4, .floor = 1e-5};
  m4s_plateau_t plateau = m4s_plateau_start(1e-3);
  for (int i = 0; i < 20; i++) {
    double before = plateau.learning_rate;
    bool fell = m4s_plateau_update(&plateau, &config, losses[i]);
    assert_near(plateau.learning_rate, want[i], 1e-14);
    assert_int_equal(fell, plateau.learning_rate < before);
  }
  assert_true(plateau.best == 0.5);
}

static void rate_below_the_floor_should_stay(void **state) {
  (void)state;
  const m4s_plateau_config_t config = {.factor = 0.5, .floor = 1};
  m4s_plateau_t plateau = m4s_plateau_start(0.25);
  assert_false(m4s_plateau_update(&plateau, &config, NAN));
  assert_true(plateau.learning_rate == 0.25);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(long_gradients_should_be_clipped),
      cmocka_unit_test(short_gradients_should_stay),
      cmocka_unit_test(gradients_that_are_not_finite_should_be_told),
      cmocka_unit_test(adam_should_step_as_pytorch),
      cmocka_unit_test(first_step_should_have_the_size_of_the_rate),
      cmocka_unit_test(adam_should_go_on_from_a_file),
      cmocka_unit_test(states_of_others_should_be_refused),
      cmocka_unit_test(rate_should_fall_as_pytorch_lets_it),
      cmocka_unit_test(rate_below_the_floor_should_stay),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
