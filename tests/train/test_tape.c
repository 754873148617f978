// The tape against the engine's forward passes, and its gradients against finite differences.
#define _GNU_SOURCE  // dladdr()
#include "train/tape_batches.h"

#include <cblas.h>
#include <dlfcn.h>

#include "m4/forward.h"

static const m4s_network_sizes_t networks[] = {
    {M4S_INPUTS_PUBLISHED, .hidden = 5, .gnn_hidden = 7, .n_gnn_layers = 1, .n_params = 1},
    {M4S_INPUTS_PUBLISHED, .hidden = 6, .gnn_hidden = 9, .n_gnn_layers = 3, .n_params = 13},
    {M4S_INPUTS_FLUID, .hidden = 7, .gnn_hidden = 5, .n_gnn_layers = 2},
    {M4S_INPUTS_FLUID, .hidden = 17, .gnn_hidden = 16, .n_gnn_layers = 3},
};
enum { N_NETWORKS = sizeof networks / sizeof *networks, N_ROUNDS = 12, MAX_ROWS = 64 };

static m4s_tape_t *make_tape(const m4s_parameters_t *parameters, m4s_tape_precision_t precision) {
  m4s_tape_t *tape = NULL;
  ASSERT_OK(m4s_tape_create(parameters, precision, &tape));
  return tape;
}

// --- forward ---

typedef struct {
  m4s_tape_t *tape;
  size_t hidden;
  double tolerance;
  int64_t n_compared;
} comparison_t;

static void compare_states(const comparison_t *comparison, m4s_engine_t *engine, int32_t row,
                           bool link) {
  double state[64];
  float got[64];
  assert_in_range(comparison->hidden, 1, 64);
  const float *want =
      link ? m4s_engine_link_state(engine, row) : m4s_engine_flow_state(engine, row);
  (link ? m4s_tape_link_state : m4s_tape_flow_state)(comparison->tape, row, state);
  for (size_t i = 0; i < comparison->hidden; i++) {
    got[i] = (float)state[i];
  }
  ASSERT_WITHIN(forward_error(got, want, comparison->hidden), comparison->tolerance, "states");
}

static void compare_step(comparison_t *comparison, m4s_engine_t *engine,
                         const m4s_tape_record_t *record, const m4s_step_t *step, int i) {
  float got[MAX_ROWS];
  for (int32_t k = 0; k < step->n_flows; k++) {
    got[k] = (float)record->predictions[record->flow_begin[i] + k];
    compare_states(comparison, engine, step->flow_rows[k], false);
  }
  for (int32_t k = 0; k < step->n_links; k++) {
    compare_states(comparison, engine, step->link_rows[k], true);
  }
  ASSERT_WITHIN(forward_error(got, step->predictions_out, (size_t)step->n_flows),
                comparison->tolerance, "predictions");
  comparison->n_compared += step->n_flows;
}

static void compare_round(void *context, int round, m4s_inference_batch_t *batch) {
  comparison_t *comparison = context;
  m4s_tape_record_t record;
  int32_t n_steps = batch->n_steps;
  ASSERT_OK(m4s_tape_forward(comparison->tape, batch, &record));
  assert_int_equal(record.n_steps, n_steps);
  ASSERT_OK(m4s_engine_evaluate(batch->engine, batch));
  for (int32_t i = 0; i < n_steps; i++) {
    compare_step(comparison, batch->engine, &record, &batch->steps[i], i);
  }
  if (round % 5 == 4) {
    m4s_tape_cut(comparison->tape);
  }
}

static void forward_should_agree(m4s_tape_precision_t precision, m4s_forward_t forward,
                                 double tolerance) {
  for (size_t i = 0; i < N_NETWORKS; i++) {
    m4s_parameters_t *parameters = scenario_parameters(&networks[i], i);
    comparison_t comparison = {.tape = make_tape(parameters, precision),
                               .hidden = (size_t)networks[i].hidden,
                               .tolerance = tolerance};
    for (uint64_t seed = 0; seed < 3; seed++) {
      scenario_run(&(scenario_t){.model = &parameters->model,
                                 .forward = forward,
                                 .seed = seed,
                                 .n_rounds = N_ROUNDS,
                                 .visit = compare_round,
                                 .context = &comparison});
      m4s_tape_reset(comparison.tape);
    }
    assert_true(comparison.n_compared > 100);
    m4s_tape_destroy(comparison.tape);
    m4s_parameters_destroy(parameters);
  }
}

static void float64_should_agree_with_the_reference(void **state) {
  (void)state;
  forward_should_agree(M4S_TAPE_FLOAT64, M4S_FORWARD_REFERENCE, 1e-6);
}

static void float32_should_agree_with_the_engine(void **state) {
  (void)state;
  forward_should_agree(M4S_TAPE_FLOAT32, M4S_FORWARD_FAST, 1e-5);
}

// --- gradients ---

// Takes losses of the rounds from `cut` on; the weights that differ do so from there on.
typedef struct {
  m4s_tape_t *tape;
  m4s_parameters_t *parameters;
  int cut;
  int64_t changed;  // the weight that differs, by `by`; -1: none
  float by;
  double loss;
  const scenario_change_t *change;  // of an input
  double d_input;  // set where the input's gradient is wanted
  double *gradients;  // [n_values], to be set; NULL: none wanted
  m4s_tape_record_t first_records[N_ROUNDS];
} differences_t;

static void lose_round(void *context, int round, m4s_inference_batch_t *batch) {
  differences_t *run = context;
  m4s_tape_record_t record;
  if (round == run->cut) {
    m4s_tape_cut(run->tape);
    if (run->changed >= 0) {
      run->parameters->values[run->changed] += run->by;
    }
  }
  ASSERT_OK(m4s_tape_forward(run->tape, batch, &record));
  run->first_records[round] = record;
  if (round >= run->cut) {
    run->loss += scenario_lose(round, &record);
  }
}

static double lose(differences_t *run, uint64_t seed) {
  run->loss = 0;
  m4s_tape_reset(run->tape);
  m4s_tape_want_inputs(run->tape, true);
  scenario_run(&(scenario_t){.model = &run->parameters->model,
                             .seed = seed,
                             .n_rounds = N_ROUNDS,
                             .change = run->change,
                             .visit = lose_round,
                             .context = run});
  return run->loss;
}

static double lose_with(differences_t *run, uint64_t seed, int64_t weight, float by) {
  float before = run->parameters->values[weight];
  run->changed = weight;
  run->by = by;
  double loss = lose(run, seed);
  run->parameters->values[weight] = before;
  run->changed = -1;
  return loss;
}

// The derivative by a weight or, where `change` is one, by an input: differences over 2 and 4
// steps, extrapolated.
static double difference(differences_t *run, uint64_t seed, int64_t weight,
                         const scenario_change_t *change, float step) {
  double slopes[2];
  for (int i = 0; i < 2; i++) {
    double losses[2];
    float by = step * (float)(1 + i);
    for (int sign = 0; sign < 2; sign++) {
      float signed_by = sign ? by : -by;
      if (change != NULL) {
        scenario_change_t changed = *change;
        changed.by = signed_by;
        run->change = &changed;
        losses[sign] = lose(run, seed);
        run->change = NULL;
      } else {
        losses[sign] = lose_with(run, seed, weight, signed_by);
      }
    }
    slopes[i] = (losses[1] - losses[0]) / (2 * (double)by);
  }
  return slopes[0] + (slopes[0] - slopes[1]) / 3;
}

// Within 1e-6, relative to the derivative, or to a thousandth of the largest of its kind. Large
// steps may cross a kink of a relu, small ones lose digits: one of them has to agree.
static void check_derivative(differences_t *run, uint64_t seed, int64_t weight,
                             const scenario_change_t *change, double got, double largest,
                             const char *what) {
  static const float steps[] = {0x1p-13F, 0x1p-15F, 0x1p-17F, 0x1p-18F};
  double want = NAN;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    want = difference(run, seed, weight, change, steps[i]);
    if (fabs(got - want) <= 1e-6 * fmax(fabs(want), largest / 1000)) {
      return;
    }
  }
  fail_msg("%s: gradient %.12g, difference %.12g", what, got, want);
}

static double largest_of(const double *numbers, int64_t n) {
  double largest = 0;
  for (int64_t i = 0; i < n; i++) {
    assert_true(isfinite(numbers[i]));
    largest = fmax(largest, fabs(numbers[i]));
  }
  return largest;
}

static void check_tensor(differences_t *run, uint64_t seed, size_t tensor,
                         const double *gradients) {
  enum { N_SAMPLES = 6 };
  const m4s_parameters_t *parameters = run->parameters;
  int64_t begin = m4s_parameters_begin(parameters, tensor);
  int64_t n = m4s_parameters_count(parameters, tensor);
  double largest = largest_of(gradients + begin, n);
  if (run->cut == 0) {
    assert_true(largest > 0);
  }
  uint64_t random = seed + tensor;
  for (int i = 0; i < N_SAMPLES && i < n; i++) {
    int64_t element = n <= N_SAMPLES ? i : support_random_below(&random, n);
    check_derivative(run, seed, begin + element, NULL, gradients[begin + element], largest,
                     parameters->tensors[tensor].name);
  }
}

static void check_weights(const m4s_network_sizes_t *sizes, uint64_t seed, int cut) {
  m4s_parameters_t *parameters = scenario_parameters(sizes, seed);
  differences_t run = {.tape = make_tape(parameters, M4S_TAPE_FLOAT64),
                       .parameters = parameters,
                       .cut = cut,
                       .changed = -1};
  double *gradients = calloc((size_t)parameters->n_values, sizeof *gradients);
  assert_non_null(gradients);
  lose(&run, seed);
  ASSERT_OK(m4s_tape_backward(run.tape, gradients));
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    check_tensor(&run, seed, i, gradients);
  }
  free(gradients);
  m4s_tape_destroy(run.tape);
  m4s_parameters_destroy(parameters);
}

static void gradients_should_be_those_of_differences(void **state) {
  (void)state;
  for (size_t i = 0; i < N_NETWORKS; i++) {
    check_weights(&networks[i], i, 0);
  }
}

// The states at the cut are constant.
static void gradients_should_stop_at_a_cut(void **state) {
  (void)state;
  check_weights(&networks[1], 5, 6);
  check_weights(&networks[2], 6, 3);
}

static void check_inputs(differences_t *run, uint64_t seed, int round, bool link,
                         const double *d_inputs, int32_t n) {
  uint64_t random = seed + (uint64_t)round;
  double largest = largest_of(d_inputs, n);
  assert_true(largest > 0);
  for (int i = 0; i < 4; i++) {
    scenario_change_t change = {
        .round = round, .link = link, .index = (int32_t)support_random_below(&random, n)};
    check_derivative(run, seed, 0, &change, d_inputs[change.index], largest,
                     link ? "link inputs" : "flow inputs");
  }
}

static double *copy_numbers(const double *numbers, int32_t n) {
  return forward_copy(numbers, (size_t)n * sizeof *numbers);
}

// Early rounds reach the loss of later ones through the states.
static void input_gradients_should_be_those_of_differences(void **state) {
  (void)state;
  enum { EVERY = 3, N_CHECKED = N_ROUNDS / EVERY };
  const m4s_network_sizes_t *sizes = &networks[2];
  uint64_t seed = 9;
  m4s_parameters_t *parameters = scenario_parameters(sizes, seed);
  differences_t run = {
      .tape = make_tape(parameters, M4S_TAPE_FLOAT64), .parameters = parameters, .changed = -1};
  double *gradients = calloc((size_t)parameters->n_values, sizeof *gradients);
  double *of_flows[N_CHECKED], *of_links[N_CHECKED];
  int32_t n_flows[N_CHECKED], n_links[N_CHECKED];
  assert_non_null(gradients);
  lose(&run, seed);
  m4s_tape_record_t records[N_ROUNDS];
  memcpy(records, run.first_records, sizeof records);
  ASSERT_OK(m4s_tape_backward(run.tape, gradients));
  for (int i = 0; i < N_CHECKED; i++) {
    // The first step is the first of the record too: with fluid inputs all pass time.
    const m4s_tape_record_t *record = &records[i * EVERY];
    n_flows[i] = (record->n_steps > 1 ? record->flow_begin[1] : record->n_flows) *
                 parameters->model.n_flow_inputs;
    n_links[i] = (record->n_steps > 1 ? record->link_begin[1] : record->n_links) *
                 parameters->model.n_link_inputs;
    of_flows[i] = copy_numbers(record->d_flow_inputs, n_flows[i]);
    of_links[i] = copy_numbers(record->d_link_inputs, n_links[i]);
  }
  for (int i = 0; i < N_CHECKED; i++) {
    check_inputs(&run, seed, i * EVERY, false, of_flows[i], n_flows[i]);
    check_inputs(&run, seed, i * EVERY, true, of_links[i], n_links[i]);
    free(of_flows[i]);
    free(of_links[i]);
  }
  free(gradients);
  m4s_tape_destroy(run.tape);
  m4s_parameters_destroy(parameters);
}

// --- float32 and repetition ---

static void take_gradients(m4s_parameters_t *parameters, m4s_tape_t *tape, uint64_t seed,
                           double *gradients) {
  differences_t run = {.tape = tape, .parameters = parameters, .changed = -1};
  lose(&run, seed);
  ASSERT_OK(m4s_tape_backward(tape, gradients));
}

static void float32_gradients_should_be_near(void **state) {
  (void)state;
  for (size_t i = 0; i < N_NETWORKS; i++) {
    m4s_parameters_t *parameters = scenario_parameters(&networks[i], i);
    m4s_tape_t *fine = make_tape(parameters, M4S_TAPE_FLOAT64);
    m4s_tape_t *coarse = make_tape(parameters, M4S_TAPE_FLOAT32);
    double *want = calloc((size_t)parameters->n_values, sizeof *want);
    double *got = calloc((size_t)parameters->n_values, sizeof *got);
    assert_non_null(want);
    assert_non_null(got);
    take_gradients(parameters, fine, i, want);
    take_gradients(parameters, coarse, i, got);
    for (size_t k = 0; k < parameters->n_tensors; k++) {
      int64_t begin = m4s_parameters_begin(parameters, k);
      int64_t n = m4s_parameters_count(parameters, k);
      double largest = largest_of(want + begin, n);
      for (int64_t j = begin; j < begin + n; j++) {
        ASSERT_WITHIN(fabs(got[j] - want[j]) / largest, 1e-4, parameters->tensors[k].name);
      }
    }
    free(want);
    free(got);
    m4s_tape_destroy(fine);
    m4s_tape_destroy(coarse);
    m4s_parameters_destroy(parameters);
  }
}

// Whatever was on the tape before; and gradients add up.
static void same_steps_should_give_the_same_bytes(void **state) {
  (void)state;
  m4s_parameters_t *parameters = scenario_parameters(&networks[3], 3);
  size_t n = (size_t)parameters->n_values;
  m4s_tape_t *tape = make_tape(parameters, M4S_TAPE_FLOAT32);
  double *first = calloc(3 * n, sizeof *first);
  assert_non_null(first);
  double *second = first + n;
  double *sum = second + n;
  take_gradients(parameters, tape, 1, first);
  size_t n_bytes = m4s_tape_bytes(tape);
  take_gradients(parameters, tape, 2, sum);
  memset(sum, 0, n * sizeof *sum);
  take_gradients(parameters, tape, 1, second);
  assert_memory_equal(first, second, n * sizeof *first);
  assert_true(n_bytes > 0);
  assert_int_equal(m4s_tape_bytes(tape), n_bytes);
  take_gradients(parameters, tape, 1, sum);
  take_gradients(parameters, tape, 1, sum);
  for (size_t i = 0; i < n; i++) {
    assert_true(sum[i] == 2 * first[i]);
  }
  free(first);
  m4s_tape_destroy(tape);
  m4s_parameters_destroy(parameters);
}

static void nan_should_reach_the_gradients(void **state) {
  (void)state;
  m4s_parameters_t *parameters = scenario_parameters(&networks[2], 3);
  m4s_tape_t *tape = make_tape(parameters, M4S_TAPE_FLOAT32);
  double *gradients = calloc((size_t)parameters->n_values, sizeof *gradients);
  assert_non_null(gradients);
  differences_t run = {.tape = tape, .parameters = parameters, .changed = -1};
  lose(&run, 1);
  run.first_records[N_ROUNDS - 1].d_predictions[0] = NAN;
  ASSERT_OK(m4s_tape_backward(tape, gradients));
  assert_true(isnan(gradients[parameters->model.time_flow.weight_hh - parameters->values]));
  free(gradients);
  m4s_tape_destroy(tape);
  m4s_parameters_destroy(parameters);
}

static void empty_tapes_should_give_nothing(void **state) {
  (void)state;
  m4s_parameters_t *parameters = scenario_parameters(&networks[0], 3);
  m4s_tape_t *tape = make_tape(parameters, M4S_TAPE_FLOAT32);
  double *gradients = calloc((size_t)parameters->n_values, sizeof *gradients);
  assert_non_null(gradients);
  ASSERT_OK(m4s_tape_backward(tape, gradients));
  m4s_engine_t *engine = NULL;
  ASSERT_OK(m4s_engine_create(&parameters->model, M4S_FORWARD_FAST, &engine));
  m4s_inference_batch_t batch = {.engine = engine};
  m4s_tape_record_t record;
  ASSERT_OK(m4s_tape_forward(tape, &batch, &record));
  assert_int_equal(record.n_steps + record.n_flows + record.n_links, 0);
  ASSERT_OK(m4s_tape_backward(tape, gradients));
  for (int64_t i = 0; i < parameters->n_values; i++) {
    assert_true(gradients[i] == 0);
  }
  m4s_engine_destroy(engine);
  free(gradients);
  m4s_tape_destroy(tape);
  m4s_parameters_destroy(parameters);
}

static void instructions_that_are_not_there_should_be_refused(void **state) {
  (void)state;
  m4s_parameters_t *parameters = scenario_parameters(&networks[0], 3);
  m4s_tape_t *tape = NULL;
  assert_int_equal(setenv("M4SWEEP_INSTRUCTIONS", "mmx", 1), 0);
  assert_int_equal(m4s_tape_create(parameters, M4S_TAPE_FLOAT32, &tape), M4S_ERR_INPUT);
  assert_null(tape);
  static const char *const sets[] = {"avx512", "avx2", "generic"};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(setenv("M4SWEEP_INSTRUCTIONS", sets[i], 1), 0);
    if (m4s_tape_create(parameters, M4S_TAPE_FLOAT32, &tape) == M4S_OK) {
      m4s_tape_destroy(tape);
      forward_should_agree(M4S_TAPE_FLOAT32, M4S_FORWARD_FAST, 1e-5);
    }
  }
  assert_int_equal(unsetenv("M4SWEEP_INSTRUCTIONS"), 0);
  m4s_parameters_destroy(parameters);
}

static const void *library_of(const void *function) {
  void *address;
  Dl_info info;
  memcpy(&address, function, sizeof address);
  assert_int_not_equal(dladdr(address, &info), 0);
  return info.dli_fbase;
}

// Not those of another library with the same names, such as GSL's.
static void matrix_products_should_be_those_of_openblas(void **state) {
  (void)state;
  void (*const sgemm)(void) = (void (*)(void))cblas_sgemm;
  void (*const dgemm)(void) = (void (*)(void))cblas_dgemm;
  void (*const own)(void) = (void (*)(void))openblas_set_num_threads;
  assert_ptr_equal(library_of(&sgemm), library_of(&own));
  assert_ptr_equal(library_of(&dgemm), library_of(&own));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(float64_should_agree_with_the_reference),
      cmocka_unit_test(float32_should_agree_with_the_engine),
      cmocka_unit_test(gradients_should_be_those_of_differences),
      cmocka_unit_test(gradients_should_stop_at_a_cut),
      cmocka_unit_test(input_gradients_should_be_those_of_differences),
      cmocka_unit_test(float32_gradients_should_be_near),
      cmocka_unit_test(same_steps_should_give_the_same_bytes),
      cmocka_unit_test(nan_should_reach_the_gradients),
      cmocka_unit_test(empty_tapes_should_give_nothing),
      cmocka_unit_test(instructions_that_are_not_there_should_be_refused),
      cmocka_unit_test(matrix_products_should_be_those_of_openblas),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
