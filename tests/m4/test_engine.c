// Steps in an engine: the fast forward pass against the reference, and that a step's result depends
// on nothing but the step. On the CPU, on a device on the host, on a GPU.
#include "support.h"

#include "back_end.h"
#include "forward.h"
#include "tiny_model.h"

static const double cpu_tolerance = 1e-5;  // of a tensor's largest magnitude: float32 sums

// H, G, K, P: around multiples of 16, G smaller and larger than H, models with fluid inputs, and
// the published sizes, last.
static const tiny_sizes_t sizes[] = {
    {.hidden = 5, .gnn_hidden = 7, .n_gnn_layers = 1, .n_params = 1},
    {.hidden = 16, .gnn_hidden = 16, .n_gnn_layers = 2, .n_params = 13},
    {.hidden = 17, .gnn_hidden = 31, .n_gnn_layers = 2, .n_params = 3},
    {.hidden = 33, .gnn_hidden = 20, .n_gnn_layers = 3, .n_params = 13},
    {.hidden = 13, .gnn_hidden = 49, .n_gnn_layers = 5, .n_params = 2},
    {.hidden = 47, .gnn_hidden = 65, .n_gnn_layers = 3, .n_params = 16},
    {.hidden = 9, .gnn_hidden = 18, .n_gnn_layers = 2, .n_params = TINY_FLUID},
    {.hidden = 64, .gnn_hidden = 64, .n_gnn_layers = 3, .n_params = TINY_FLUID},
    {.hidden = 200, .gnn_hidden = 300, .n_gnn_layers = 3, .n_params = 13},
};
enum {
  N_SIZES = sizeof sizes / sizeof *sizes,
  FLUID = 6,
  MAX_PARAMS = 16,
  MAX_STEPS = 40,
  MAX_HIDDEN = 256
};

// With those of the published runs, or others.
static const float params[2][MAX_PARAMS] = {
    {30, 18, 1, 0, 0, 0, 30},
    {10, 1, 0, 0, 1, 0, 0, 0, 0, 95, 50, 0.25F, -3, 7, 11, 0.5F},
};

static m4s_engine_t *make_engine(const m4s_model_t *model, m4s_forward_t how) {
  m4s_engine_t *engine = back_end_engine(model, how);
  assert_ptr_equal(m4s_engine_model(engine), model);
  return engine;
}

// `n` steps of all kinds: numbers of rows, times since the last step, parameters.
static void make_steps(const m4s_model_t *model, size_t n, int32_t max_rows, uint64_t *random,
                       forward_t steps_out[]) {
  static const float dts_us[] = {0, 3.25F, 0.004F, 0, 41.5F, 1e4F};
  for (size_t i = 0; i < n; i++) {
    int32_t n_flows = 1 + (int32_t)support_random_below(random, max_rows);
    int32_t n_links = 1 + (int32_t)support_random_below(random, max_rows);
    steps_out[i] = forward_random(model, params[i % 2], n_flows, n_links, dts_us[i % 6], random);
  }
}

static void clone_steps(const forward_t steps[], size_t n, forward_t clones_out[]) {
  for (size_t i = 0; i < n; i++) {
    clones_out[i] = forward_clone(&steps[i]);
  }
}

static void clear_steps(forward_t steps[], size_t n) {
  for (size_t i = 0; i < n; i++) {
    forward_clear(&steps[i]);
  }
}

static void run_together(m4s_engine_t *engine, forward_t steps[], size_t n) {
  forward_t *order[MAX_STEPS];
  for (size_t i = 0; i < n; i++) {
    order[i] = &steps[i];
  }
  forward_run_batch(engine, order, n);
}

static void run_each_alone(m4s_engine_t *engine, forward_t steps[], size_t n) {
  for (size_t i = 0; i < n; i++) {
    forward_run(engine, &steps[i]);
  }
}

static void assert_equal_steps(const forward_t got[], const forward_t want[], size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!forward_equal(&got[i], &want[i])) {
      fail_msg("step %zu (%d flows, %d links) differs", i, want[i].step.n_flows,
               want[i].step.n_links);
    }
  }
}

static void assert_near_steps(const forward_t got[], const forward_t want[], size_t n) {
  const double tolerance = back_end_tolerance(cpu_tolerance);
  for (size_t i = 0; i < n; i++) {
    ASSERT_WITHIN(
        forward_error(got[i].flow_states, want[i].flow_states, forward_n_flow_numbers(&want[i])),
        tolerance, "states of flows");
    ASSERT_WITHIN(
        forward_error(got[i].link_states, want[i].link_states, forward_n_link_numbers(&want[i])),
        tolerance, "states of links");
    ASSERT_WITHIN(forward_error(got[i].step.predictions_out, want[i].step.predictions_out,
                                (size_t)want[i].step.n_flows),
                  tolerance, "slowdowns");
  }
}

// --- what comes out ---

static void fast_should_agree_with_the_reference(void **state) {
  (void)state;
  enum { N = 12 };
  for (size_t i = 0; i < N_SIZES; i++) {
    uint64_t random = i;
    m4s_model_t *model = tiny_model(sizes[i], i);
    m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
    forward_t want[N], got[N];
    make_steps(model, N, 20, &random, want);
    clone_steps(want, N, got);
    for (size_t k = 0; k < N; k++) {
      forward_run_reference(model, &want[k]);
    }
    run_together(engine, got, N);
    assert_near_steps(got, want, N);
    clear_steps(want, N);
    clear_steps(got, N);
    m4s_engine_destroy(engine);
    m4s_model_destroy(model);
  }
}

// Gates that saturate: long times, large states.
static void fast_should_agree_with_the_reference_at_extremes(void **state) {
  (void)state;
  uint64_t random = 1;
  m4s_model_t *model = tiny_model(sizes[3], 7);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  const float dts_us[] = {1e-9F, 1e3F, 1e7F, 1e20F};
  const float scales[] = {1e-30F, 1, 1e3F, 1e6F};
  for (size_t i = 0; i < 16; i++) {
    forward_t want = forward_random(model, params[0], 9, 5, dts_us[i % 4], &random);
    for (size_t k = 0; k < forward_n_flow_numbers(&want); k++) {
      want.flow_states[k] *= scales[i / 4];
    }
    forward_t got = forward_clone(&want);
    forward_run_reference(model, &want);
    forward_run(engine, &got);
    assert_near_steps(&got, &want, 1);
    forward_clear(&want);
    forward_clear(&got);
  }
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

static void reference_engine_should_be_the_reference(void **state) {
  (void)state;
  enum { N = 8 };
  uint64_t random = 2;
  m4s_model_t *model = tiny_model(sizes[2], 3);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_REFERENCE);
  forward_t want[N], got[N];
  make_steps(model, N, 12, &random, want);
  clone_steps(want, N, got);
  for (size_t k = 0; k < N; k++) {
    forward_run_reference(model, &want[k]);
  }
  run_together(engine, got, N);
  assert_equal_steps(got, want, N);
  clear_steps(want, N);
  clear_steps(got, N);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

// Steps of 1 to 40 flows and links, alone and all together: every remainder of the kernels' tiles.
static void any_number_of_rows_should_do(void **state) {
  (void)state;
  for (size_t i = 0; i < N_SIZES; i++) {
    uint64_t random = 3 + i;
    m4s_model_t *model = tiny_model(sizes[i], i);
    m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
    forward_t alone[MAX_STEPS], together[MAX_STEPS];
    for (int32_t n = 1; n <= MAX_STEPS; n++) {
      float dt_us = n % 3 == 0 ? 0 : 2.5F;
      alone[n - 1] = forward_random(model, params[0], n, n * 7 % 40 + 1, dt_us, &random);
    }
    clone_steps(alone, MAX_STEPS, together);
    run_each_alone(engine, alone, MAX_STEPS);
    run_together(engine, together, MAX_STEPS);
    assert_equal_steps(together, alone, MAX_STEPS);
    clear_steps(alone, MAX_STEPS);
    clear_steps(together, MAX_STEPS);
    m4s_engine_destroy(engine);
    m4s_model_destroy(model);
  }
}

static void shuffle(forward_t *order[], size_t n, uint64_t *random) {
  for (size_t i = n; i > 1; i--) {
    size_t k = (size_t)support_random_below(random, (int64_t)i);
    forward_t *other = order[k];
    order[k] = order[i - 1];
    order[i - 1] = other;
  }
}

static void order_in_the_batch_should_not_matter(void **state) {
  (void)state;
  enum { N = 24 };
  for (size_t i = 0; i < N_SIZES; i++) {
    uint64_t random = 11 + i;
    m4s_model_t *model = tiny_model(sizes[i], i);
    m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
    forward_t steps[N], alone[N];
    make_steps(model, N, 9, &random, steps);
    clone_steps(steps, N, alone);
    run_each_alone(engine, alone, N);
    for (int round = 0; round < 4; round++) {
      forward_t shuffled[N];
      forward_t *order[N];
      clone_steps(steps, N, shuffled);
      for (size_t k = 0; k < N; k++) {
        order[k] = &shuffled[k];
      }
      shuffle(order, N, &random);
      // Some leave others out.
      forward_run_batch(engine, order, round == 3 ? N / 2 : N);
      for (size_t k = 0; k < (round == 3 ? N / 2 : N); k++) {
        assert_true(forward_equal(order[k], &alone[order[k] - shuffled]));
      }
      clear_steps(shuffled, N);
    }
    clear_steps(steps, N);
    clear_steps(alone, N);
    m4s_engine_destroy(engine);
    m4s_model_destroy(model);
  }
}

// --- rows ---

// The rows of a step in another order among each other, between rows of others.
static void row_numbers_should_not_matter(void **state) {
  (void)state;
  enum { N_TAKEN = 50 };
  uint64_t random = 5;
  m4s_model_t *model = tiny_model(sizes[4], 5);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  forward_t plain = forward_random(model, params[0], 11, 6, 1.5F, &random);
  forward_t elsewhere = forward_clone(&plain);
  forward_run(engine, &plain);
  int32_t flow_rows[N_TAKEN], link_rows[N_TAKEN];
  for (int i = 0; i < N_TAKEN; i++) {
    ASSERT_OK(m4s_engine_take_flow_row(engine, &flow_rows[i]));
    ASSERT_OK(m4s_engine_take_link_row(engine, &link_rows[i]));
  }
  for (int i = 0; i < N_TAKEN; i++) {
    int k = i * 17 % N_TAKEN;
    if (k % 2 == 0) {
      m4s_engine_release_flow_row(engine, flow_rows[k]);
      m4s_engine_release_link_row(engine, link_rows[k]);
    }
  }
  forward_run(engine, &elsewhere);
  assert_true(elsewhere.step.flow_rows[0] != plain.step.flow_rows[0] ||
              elsewhere.step.flow_rows[1] != plain.step.flow_rows[1]);
  assert_true(forward_equal(&elsewhere, &plain));
  forward_clear(&plain);
  forward_clear(&elsewhere);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

typedef m4s_status_t (*take_row_t)(m4s_engine_t *engine, int32_t *row_out);
typedef void (*release_row_t)(m4s_engine_t *engine, int32_t row);

static void check_reuse(m4s_engine_t *engine, take_row_t take, release_row_t release) {
  enum { N = 300 };
  bool taken[N] = {false};
  int32_t row;
  for (int i = 0; i < N; i++) {
    ASSERT_OK(take(engine, &row));
    assert_int_equal(row, i);
    taken[row] = true;
  }
  for (int i = 0; i < N; i += 3) {
    release(engine, i);
    taken[i] = false;
  }
  for (int i = 0; i < N; i += 3) {
    ASSERT_OK(take(engine, &row));
    assert_in_range(row, 0, N - 1);
    assert_false(taken[row]);
    taken[row] = true;
  }
  ASSERT_OK(take(engine, &row));
  assert_int_equal(row, N);
}

static void released_rows_should_be_used_again(void **state) {
  (void)state;
  m4s_model_t *model = tiny_model(sizes[0], 5);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  check_reuse(engine, m4s_engine_take_flow_row, m4s_engine_release_flow_row);
  check_reuse(engine, m4s_engine_take_link_row, m4s_engine_release_link_row);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

static void states_should_survive_more_rows(void **state) {
  (void)state;
  uint64_t random = 8;
  m4s_model_t *model = tiny_model(sizes[2], 5);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  forward_t before = forward_random(model, params[0], 20, 10, 0, &random);
  forward_t after = forward_clone(&before);
  forward_enter(engine, &after);
  for (int i = 0; i < 2000; i++) {
    int32_t row;
    ASSERT_OK(m4s_engine_take_flow_row(engine, &row));
    ASSERT_OK(m4s_engine_take_link_row(engine, &row));
  }
  forward_read_states(engine, &after);
  assert_true(forward_equal(&after, &before));
  forward_clear(&before);
  forward_clear(&after);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

static void assert_row(const float *row, int32_t n, const float first[4]) {
  for (int32_t j = 0; j < n; j++) {
    assert_true(row[j] == (j < 4 ? first[j] : 0));
  }
}

static void assert_flow(m4s_engine_t *engine, int32_t flow, const float first[4]) {
  float row[MAX_HIDDEN];
  ASSERT_OK(m4s_engine_read_flow(engine, flow, row));
  assert_row(row, m4s_engine_model(engine)->hidden, first);
}

static void assert_link(m4s_engine_t *engine, int32_t link, const float first[4]) {
  float row[MAX_HIDDEN];
  ASSERT_OK(m4s_engine_read_link(engine, link, row));
  assert_row(row, m4s_engine_model(engine)->hidden, first);
}

static void resets_should_write_whole_rows(void **state) {
  (void)state;
  m4s_model_t *model = tiny_model(sizes[2], 5);
  int32_t n = model->hidden;
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  int32_t flow, link;
  ASSERT_OK(m4s_engine_take_flow_row(engine, &flow));
  ASSERT_OK(m4s_engine_take_link_row(engine, &link));
  float row[MAX_HIDDEN];
  for (int32_t j = 0; j < n; j++) {
    row[j] = NAN;
  }
  ASSERT_OK(m4s_engine_write_flow(engine, flow, row));
  ASSERT_OK(m4s_engine_write_link(engine, link, row));
  m4s_engine_reset_flow(engine, flow, 7000, 4);
  m4s_engine_reset_link(engine, link);
  assert_flow(engine, flow, (const float[]){1, 0, 3, 4});
  assert_link(engine, link, (const float[]){0, 1, 1, 0});
  m4s_engine_reset_flow(engine, flow, INT64_C(16777217), 7);
  const float log2_size = (float)log2(16777217.0 / 1000 + 1);
  assert_flow(engine, flow, (const float[]){1, 0, log2_size, 7});
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

static void resets_should_leave_to_fluid_inputs_what_they_tell(void **state) {
  (void)state;
  m4s_model_t *model = tiny_model(sizes[FLUID], 5);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  int32_t flow, link;
  ASSERT_OK(m4s_engine_take_flow_row(engine, &flow));
  ASSERT_OK(m4s_engine_take_link_row(engine, &link));
  m4s_engine_reset_flow(engine, flow, 7000, 4);
  m4s_engine_reset_link(engine, link);
  assert_flow(engine, flow, (const float[]){1, 0, 0, 0});
  assert_link(engine, link, (const float[]){0, 1, 1, 0});
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

// Of each row, also of those that came when the rows became too few.
static void resets_should_count_as_epochs(void **state) {
  (void)state;
  enum { N = 300 };
  m4s_model_t *model = tiny_model(sizes[0], 5);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  int32_t row;
  for (int32_t i = 0; i < N; i++) {
    ASSERT_OK(m4s_engine_take_flow_row(engine, &row));
    assert_int_equal(m4s_engine_flow_epoch(engine, row), 0);
    ASSERT_OK(m4s_engine_take_link_row(engine, &row));
    assert_int_equal(m4s_engine_link_epoch(engine, row), 0);
    for (int32_t k = 0; k < i % 3; k++) {
      m4s_engine_reset_flow(engine, i, 1000, 1);
      m4s_engine_reset_link(engine, i);
    }
  }
  m4s_engine_reset_link(engine, 7);
  m4s_engine_release_flow_row(engine, 8);
  ASSERT_OK(m4s_engine_take_flow_row(engine, &row));
  for (int32_t i = 0; i < N; i++) {
    assert_int_equal(m4s_engine_flow_epoch(engine, i), i % 3);
    assert_int_equal(m4s_engine_link_epoch(engine, i), i % 3 + (i == 7));
  }
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

// Every one of the inputs of the step's one flow and one link changes the flow's prediction, also
// without time between steps.
static void inputs_should_reach_the_prediction(void **state) {
  (void)state;
  uint64_t random = 9;
  m4s_model_t *model = tiny_model(sizes[FLUID], 5);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  forward_t step = forward_random(model, NULL, 1, 1, 0, &random);
  forward_t plain = forward_clone(&step);
  forward_run(engine, &plain);
  for (int32_t i = 0; i < model->n_flow_inputs + model->n_link_inputs; i++) {
    forward_t changed = forward_clone(&step);
    if (i < model->n_flow_inputs) {
      ((float *)changed.step.flow_inputs)[i] += 1;
    } else {
      ((float *)changed.step.link_inputs)[i - model->n_flow_inputs] += 1;
    }
    forward_run(engine, &changed);
    assert_true(changed.step.predictions_out[0] != plain.step.predictions_out[0]);
    forward_clear(&changed);
  }
  forward_clear(&step);
  forward_clear(&plain);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

// --- not a number ---

static void nan_should_stay_within_its_step(m4s_forward_t how) {
  enum { N = 6, BAD = 2 };
  uint64_t random = 21;
  m4s_model_t *model = tiny_model(sizes[3], 5);
  m4s_engine_t *engine = make_engine(model, how);
  forward_t clean[N], planted[N], again[N];
  make_steps(model, N, 9, &random, clean);
  clone_steps(clean, N, planted);
  clone_steps(clean, N, again);
  for (size_t place = 0; place < (size_t)model->hidden; place += 31) {
    planted[BAD].flow_states[place] = NAN;
  }
  run_together(engine, clean, N);
  run_together(engine, planted, N);
  assert_true(isnan(planted[BAD].step.predictions_out[0]));
  assert_true(isnan(planted[BAD].flow_states[0]));
  assert_equal_steps(planted, clean, BAD);
  assert_equal_steps(planted + BAD + 1, clean + BAD + 1, N - BAD - 1);
  run_together(engine, again, N);
  assert_equal_steps(again, clean, N);
  clear_steps(clean, N);
  clear_steps(planted, N);
  clear_steps(again, N);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

static void nan_should_stay_within_its_step_fast(void **state) {
  (void)state;
  nan_should_stay_within_its_step(M4S_FORWARD_FAST);
}

static void nan_should_stay_within_its_step_reference(void **state) {
  (void)state;
  nan_should_stay_within_its_step(M4S_FORWARD_REFERENCE);
}

// A NaN in any one number of a flow's or link's state reaches the flow's slowdown.
static void nan_should_reach_the_slowdown(void **state) {
  (void)state;
  uint64_t random = 22;
  m4s_model_t *model = tiny_model(sizes[2], 5);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  for (size_t place = 0; place < 2 * (size_t)model->hidden; place++) {
    forward_t step = forward_random(model, params[0], 1, 1, place % 2 == 0 ? 0 : 3, &random);
    if (place < (size_t)model->hidden) {
      step.flow_states[place] = NAN;
    } else {
      step.link_states[place - (size_t)model->hidden] = NAN;
    }
    forward_run(engine, &step);
    assert_true(isnan(step.step.predictions_out[0]));
    forward_clear(&step);
  }
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

// --- instruction sets ---

static bool machine_has(const char *instructions) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (strcmp(instructions, "avx512") == 0) {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  }
  if (strcmp(instructions, "avx2") == 0) {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  }
#endif
  return strcmp(instructions, "generic") == 0;
}

static m4s_engine_t *make_engine_with(const m4s_model_t *model, const char *instructions) {
  assert_int_equal(setenv("M4SWEEP_INSTRUCTIONS", instructions, 1), 0);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  assert_int_equal(unsetenv("M4SWEEP_INSTRUCTIONS"), 0);
  assert_string_equal(m4s_engine_instructions(engine), instructions);
  return engine;
}

static void instructions_should_not_matter(void **state) {
  (void)state;
  enum { N = 12 };
  static const char *const sets[] = {"generic", "avx2", "avx512"};
  for (size_t i = 0; i < N_SIZES; i++) {
    uint64_t random = 31 + i;
    m4s_model_t *model = tiny_model(sizes[i], i);
    forward_t steps[N], want[N];
    make_steps(model, N, 17, &random, steps);
    clone_steps(steps, N, want);
    for (size_t set = 0; set < 3; set++) {
      if (!machine_has(sets[set])) {
        print_message("not compared: %s, which this machine lacks\n", sets[set]);
        continue;
      }
      m4s_engine_t *engine = make_engine_with(model, sets[set]);
      forward_t got[N];
      clone_steps(steps, N, got);
      run_together(engine, got, N);
      if (set == 0) {
        clear_steps(want, N);
        clone_steps(got, N, want);
      }
      assert_equal_steps(got, want, N);
      clear_steps(got, N);
      m4s_engine_destroy(engine);
    }
    clear_steps(steps, N);
    clear_steps(want, N);
    m4s_model_destroy(model);
  }
}

// --- work ---

static void engine_should_count_its_work(void **state) {
  (void)state;
  enum { N = 5 };
  uint64_t random = 41;
  m4s_model_t *model = tiny_model(sizes[2], 5);
  m4s_engine_t *engine = make_engine(model, M4S_FORWARD_FAST);
  m4s_inference_batch_t empty = {.engine = engine};
  ASSERT_OK(m4s_engine_evaluate(engine, &empty));
  forward_t steps[N];
  make_steps(model, N, 9, &random, steps);
  int64_t n_flows = 0, n_links = 0, n_edges = 0;
  for (int i = 0; i < N; i++) {
    n_flows += steps[i].step.n_flows;
    n_links += steps[i].step.n_links;
    n_edges += steps[i].step.edge_begin[steps[i].step.n_flows];
  }
  m4s_engine_counts_t before = m4s_engine_counts(engine);
  assert_int_equal(before.steps, 0);
  run_together(engine, steps, N);
  run_each_alone(engine, steps, N);
  m4s_engine_counts_t counts = m4s_engine_counts(engine);
  assert_int_equal(counts.batches - before.batches, 1 + N);
  assert_int_equal(counts.steps, 2 * N);
  assert_int_equal(counts.flow_rows, 2 * n_flows);
  assert_int_equal(counts.link_rows, 2 * n_links);
  assert_int_equal(counts.edges, 2 * n_edges);
  clear_steps(steps, N);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

// What every back end promises.
#define TESTS_OF_ALL \
  cmocka_unit_test(fast_should_agree_with_the_reference), \
      cmocka_unit_test(fast_should_agree_with_the_reference_at_extremes), \
      cmocka_unit_test(released_rows_should_be_used_again), \
      cmocka_unit_test(states_should_survive_more_rows), \
      cmocka_unit_test(resets_should_write_whole_rows), \
      cmocka_unit_test(resets_should_leave_to_fluid_inputs_what_they_tell), \
      cmocka_unit_test(resets_should_count_as_epochs), \
      cmocka_unit_test(inputs_should_reach_the_prediction), \
      cmocka_unit_test(nan_should_reach_the_slowdown), \
      cmocka_unit_test(engine_should_count_its_work)
// Where rows do not depend on what is beside them.
#define TESTS_OF_ROWS \
  cmocka_unit_test(any_number_of_rows_should_do), \
      cmocka_unit_test(order_in_the_batch_should_not_matter), \
      cmocka_unit_test(row_numbers_should_not_matter), \
      cmocka_unit_test(nan_should_stay_within_its_step_fast)

int main(int argc, char **argv) {
  const struct CMUnitTest cpu[] = {
      TESTS_OF_ALL,
      TESTS_OF_ROWS,
      cmocka_unit_test(reference_engine_should_be_the_reference),
      cmocka_unit_test(nan_should_stay_within_its_step_reference),
      cmocka_unit_test(instructions_should_not_matter),
  };
  const struct CMUnitTest device[] = {TESTS_OF_ALL, TESTS_OF_ROWS};
  const struct CMUnitTest cells[] = {TESTS_OF_ALL};
  if (argc > 1 && strcmp(argv[1], "gpu") == 0) {
    back_end_need_gpu();
    return cmocka_run_group_tests_name("GPU", device, back_end_begin_gpu, back_end_end) +
           cmocka_run_group_tests_name("GPU, cuDNN's cells", cells, back_end_begin_gpu_cells,
                                       back_end_end);
  }
  return cmocka_run_group_tests_name("CPU", cpu, back_end_begin_cpu, back_end_end) +
         cmocka_run_group_tests_name("device on the host", device, back_end_begin_host,
                                     back_end_end) +
         cmocka_run_group_tests_name("device on the host, its cells", device,
                                     back_end_begin_host_cells, back_end_end);
}
