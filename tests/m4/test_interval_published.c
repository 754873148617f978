// The published mode of the algorithm "interval": its quirks by hand, and steps and flows against
// those of the public program.
#include "parity.h"
#include "scripted.h"

// --- quirks by hand ---

static scripted_t *create(void) {
  scripted_t *run = scripted_create();
  run->config.mode = M4S_M4_PUBLISHED;
  return run;
}

// Marks the states of the links with the ids 0 … n-1, which have the rows 0 … n-1.
static void mark_links(const scripted_t *run, int32_t n) {
  for (int32_t row = 0; row < n; row++) {
    m4s_engine_link_state(run->engine, row)[3] = 7;
  }
}

static void assert_marks(const scripted_t *run, const char *expected) {
  for (int32_t row = 0; expected[row] != '\0'; row++) {
    const float *state = m4s_engine_link_state(run->engine, row);
    if (expected[row] == 'x') {
      assert_true(state[3] == 7);
    } else {
      assert_true(state[0] == 0 && state[1] == 1 && state[2] == 1 && state[3] == 0);
    }
  }
}

// Flow 0 gives the ids 0 and 1 to its links, flow 1 gives 2 and 3. Flow 1 leaves its links idle:
// what is reset are the links 0 and 1, since these are the places in its path.
static void idle_links_should_reset_those_of_other_flows(void **state) {
  (void)state;
  scripted_t *run = create();
  scripted_flow(run, 0, 2, 0, 42040);
  scripted_flow(run, 2, 1, 0, 12040);
  scripted_flow(run, 0, 2, 25000, 42040);
  scripted_open(run, (scripted_line_t[]){{2, {1, 1}}, {2, {1, 1}}, {0}});
  ASSERT_OK(scripted_step(run));
  mark_links(run, 4);
  ASSERT_OK(scripted_step(run));  // at 30000
  assert_marks(run, "..xx");
  scripted_destroy(run);
}

// Flow 1 has completed before the firing but is counted on its links, which are flow 0's: they are
// never idle any more.
static void flows_that_complete_before_a_firing_should_stay_counted(void **state) {
  (void)state;
  scripted_t *run = create();
  scripted_flow(run, 0, 2, 0, 12040);
  scripted_flow(run, 0, 2, 0, 3040);
  scripted_flow(run, 0, 2, 25000, 42040);
  scripted_open(run, (scripted_line_t[]){{1, {1}}, {1, {1}}, {0}});
  ASSERT_OK(scripted_step(run));
  assert_int_equal(run->traces[0].n_pending, 2);
  assert_int_equal(run->traces[0].n_pending_completed, 1);
  mark_links(run, 2);
  ASSERT_OK(scripted_step(run));
  assert_marks(run, "xx");
  scripted_destroy(run);
}

// Flow 1 makes a step at 20000 though it has completed; it counts among the arrivals, so the step
// at 30000 reschedules all. Flow 3 is alone and completes before 81000: that is no step.
static void firings_should_count_flows_that_have_completed(void **state) {
  (void)state;
  scripted_t *run = create();
  run->config.reschedule_flow_count = 2;
  scripted_flow(run, 0, 2, 0, 22040);
  scripted_flow(run, 1, 2, 11000, 3040);
  scripted_flow(run, 1, 2, 21000, 22040);
  scripted_flow(run, 1, 2, 71000, 3040);
  scripted_flow(run, 1, 2, 90000, 22040);
  ASSERT_OK(
      scripted_finish(run, (scripted_line_t[]){{1, {2}}, {1, {3}}, {2, {2.5F, 2}}, {1, {1}}, {0}}));
  assert_int_equal(run->n_steps, 4);
  assert_int_equal(run->traces[1].now_ns, 20000);
  assert_int_equal(run->traces[1].n_pending, 1);
  assert_int_equal(run->traces[1].n_pending_completed, 1);
  assert_false(run->traces[1].reschedule_all);
  assert_true(run->traces[2].reschedule_all);
  assert_int_equal(run->traces[3].now_ns, 100000);
  assert_false(run->traces[3].reschedule_all);
  assert_int_equal(run->records[0].fct_ns, 5 * 22040 / 2);
  assert_int_equal(run->records[2].fct_ns, 2 * 22040);
  scripted_destroy(run);
}

// 2^24 + 1 is 2^24 in float32, 2^25 + 3 is 2^25 + 4.
static void clock_should_have_24_bits(void **state) {
  (void)state;
  scripted_t *run = create();
  run->config.batch_time_ns = 10001;
  scripted_flow(run, 0, 2, 16777217, 22040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {2}}, {0}}));
  assert_int_equal(run->records[0].fct_ns, 2 * 22040 - 1);
  scripted_destroy(run);

  run = create();
  run->config.batch_time_ns = 10001;
  scripted_flow(run, 0, 2, 33544434, 1002040);  // enters at 2^25 + 3
  scripted_flow(run, 0, 2, 33554436, 1002040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {1}}, {2, {1, 1}}, {0}}));
  assert_int_equal(run->traces[1].now_ns, 33564436);
  assert_true(run->traces[1].dt_us == 10.0F);
  scripted_destroy(run);
}

// Flow 1 would complete when the timer fires. The firing gives it more time, but the completion
// that is due happens.
static void completions_at_a_firing_should_happen(void **state) {
  (void)state;
  scripted_t *run = create();
  scripted_flow(run, 0, 2, 0, 30000);
  scripted_flow(run, 1, 2, 15000, 5000);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {2}}, {2, {1, 3}}, {0}}));
  assert_int_equal(run->records[1].fct_ns, 5000);
  scripted_destroy(run);
}

// --- against the public program ---

// Sanitizers make a step a hundred times as long.
enum { N_STEPS = SUPPORT_SANITIZED ? 6 : 100 };

static void assert_parity(const parity_point_t *point) {
  parity_t parity;
  m4s_model_t *weights = NULL;
  m4s_engine_t *engine = parity_engine(M4S_FORWARD_FAST, &weights);
  parity_run(&parity, point, N_STEPS, engine);
  parity_print(&parity);
  assert_int_equal(parity.n_equal, N_STEPS);
  assert_true(parity.largest_difference <= 1e-5);
  assert_true(parity.n_flows > 10 * N_STEPS);
  assert_true(parity.n_flows_different * 20 <= parity.n_flows);
  assert_true(parity.largest_flow_difference_ns <= 2);
  parity_clear(&parity);
  m4s_engine_destroy(engine);
  m4s_model_destroy(weights);
}

static void steps_of_2_at_a_quarter_should_equal_the_dump(void **state) {
  (void)state;
  assert_parity(&parity_points[0]);
}

static void steps_of_16_at_a_quarter_should_equal_the_dump(void **state) {
  (void)state;
  assert_parity(&parity_points[1]);
}

// --- against the published table: exposed communication of the first layer ---
//
// Where it is so short that no rank has begun the second one, the first layer is all that is run.

static void first_layers_should_equal_the_published_ones(void **state) {
  (void)state;
  static const char workload[] =
      "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 16 ep: 1 pp: 1 vpp: 16 ga: 1 "
      "all_gpus: 32 checkpoints: 0 checkpoint_initiates: 0\n1\n"
      "embedding_layer -1 556000 ALLREDUCE 16777216 1 NONE 0 1 NONE 0 1\n";
  enum { N_POINTS = 6 };
  static const struct {
    int n, r;
    int64_t exposed_ns;
  } points[N_POINTS] = {{2, 4, 545727},  {3, 4, 572190},  {5, 4, 587645},
                        {10, 4, 639621}, {13, 4, 647571}, {16, 4, 631938}};
  if (SUPPORT_SANITIZED) {
    print_message("skipped: takes minutes with sanitizers\n");
    skip();
  }
  m4s_model_t *weights = NULL;
  m4s_engine_t *engine = parity_engine(M4S_FORWARD_FAST, &weights);
  harness_t sims[N_POINTS];
  harness_t *pointers[N_POINTS];
  for (int i = 0; i < N_POINTS; i++) {
    harness_open_gray(&sims[i], points[i].n, points[i].r, workload, engine);
    pointers[i] = &sims[i];
  }
  ASSERT_OK(harness_finish(pointers, N_POINTS, engine, NULL));
  for (int i = 0; i < N_POINTS; i++) {
    m4s_collective_result_t result = m4s_collective_source_result(sims[i].collective);
    assert_int_equal(result.layers[0].exposed_ns[M4S_PASS_FORWARD], points[i].exposed_ns);
    harness_close(&sims[i]);
  }
  m4s_engine_destroy(engine);
  m4s_model_destroy(weights);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(idle_links_should_reset_those_of_other_flows),
      cmocka_unit_test(flows_that_complete_before_a_firing_should_stay_counted),
      cmocka_unit_test(firings_should_count_flows_that_have_completed),
      cmocka_unit_test(clock_should_have_24_bits),
      cmocka_unit_test(completions_at_a_firing_should_happen),
      cmocka_unit_test(steps_of_2_at_a_quarter_should_equal_the_dump),
      cmocka_unit_test(steps_of_16_at_a_quarter_should_equal_the_dump),
      cmocka_unit_test(first_layers_should_equal_the_published_ones),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
