// The order of the event algorithm's events and steps, with predictions from a script.
#include <math.h>

#include "core/text.h"
#include "m4/mixes.h"
#include "m4/tiny_model.h"

enum { MAX_FLOWS = 4, MAX_STEPS = 12 };

// A simulation on the star whose n-th step predicts these slowdowns, by flow; 0: `slowdown`.
typedef struct {
  float slowdowns[MAX_STEPS][MAX_FLOWS];
  float slowdown;
  int n_steps;
  m4s_text_t story;  // steps "time:flows", those of one batch with + between
  m4s_model_t *model;
  m4s_engine_t *engine;
  m4s_topology_t *topology;
  m4s_m4_config_t config;
  harness_t sim;
} script_t;

static script_t make_script(float slowdown) {
  const tiny_sizes_t sizes = {
      .hidden = 4, .gnn_hidden = 4, .n_gnn_layers = 1, .n_params = M4S_M4_N_PARAMS};
  script_t script = {.slowdown = slowdown, .model = tiny_model(sizes, 1)};
  script.engine = mixes_engine(script.model, M4S_FORWARD_FAST);
  script.topology = mixes_star();
  script.config = harness_config();
  script.config.algorithm = M4S_M4_EVENT;
  ASSERT_OK(m4s_text_add(&script.story, "%s", ""));
  return script;
}

// The size by which a flow is known in steps, whose states hold log2(size / 1000 + 1).
static int64_t size_of(int flow) { return ((INT64_C(2) << flow) - 1) * 1000; }

// Alone on the star: two hops with 10 ns each way and a packet of 1000 bytes, then all packets.
static int64_t ideal_of(int flow) { return 2 * (2 * 10 + 1000) + size_of(flow) / 1000 * 1048; }

// The slowdown with which a flow takes `fct_ns`.
static float slowdown_for(int flow, int64_t fct_ns) {
  return (float)(((double)fct_ns + 0.5) / (double)ideal_of(flow));
}

static int flow_of(const script_t *script, int32_t row) {
  return (int)lrintf(m4s_engine_flow_state(script->engine, row)[2]) - 1;
}

// What the engine does with a batch, by the script.
static void evaluate(script_t *script, m4s_inference_batch_t *batch) {
  for (int32_t i = 0; i < batch->n_steps; i++) {
    const m4s_step_t *step = &batch->steps[i];
    assert_in_range(script->n_steps, 0, MAX_STEPS - 1);
    const float *slowdowns = script->slowdowns[script->n_steps++];
    if (i == 0) {
      ASSERT_OK(m4s_text_add(&script->story, "%s%lld:", script->story.length == 0 ? "" : " ",
                             (long long)script->sim.clock.now_ns));
    } else {
      ASSERT_OK(m4s_text_add(&script->story, "+"));
    }
    for (int32_t j = 0; j < step->n_flows; j++) {
      int flow = flow_of(script, step->flow_rows[j]);
      assert_in_range(flow, 0, MAX_FLOWS - 1);
      ASSERT_OK(m4s_text_add(&script->story, "%d", flow));
      step->predictions_out[j] = slowdowns[flow] != 0 ? slowdowns[flow] : script->slowdown;
    }
  }
  batch->n_steps = 0;
}

static void assert_story(const script_t *script, const char *expected) {
  assert_string_equal(script->story.bytes, expected);
}

static void clear_script(script_t *script) {
  harness_close(&script->sim);
  mixes_assert_no_row_is_held(script->engine, MAX_FLOWS, script->topology->n_links);
  m4s_text_clear(&script->story);
  m4s_topology_destroy(script->topology);
  m4s_engine_destroy(script->engine);
  m4s_model_destroy(script->model);
}

// Runs flows from `pairs` at `starts_ns` to the end, or to the first error, whose status it
// returns.
static m4s_status_t run_script(script_t *script, const int (*pairs)[2], const int64_t *starts_ns,
                               int n_flows, m4s_flow_record_t *records) {
  m4s_inference_batch_t batch = {.engine = script->engine};
  harness_t *sim = &script->sim;
  m4s_run_state_t state = M4S_RUN_WANTS_INFERENCE;
  m4s_status_t status = M4S_OK;
  for (int i = 0; i < n_flows; i++) {
    records[i] = (m4s_flow_record_t){.id = i,
                                     .src = pairs[i][0],
                                     .dst = pairs[i][1],
                                     .size_bytes = size_of(i),
                                     .start_ns = starts_ns[i]};
  }
  harness_open_list(sim, &script->config, script->engine, script->topology, records, n_flows);
  while (status == M4S_OK && state != M4S_RUN_FINISHED) {
    ASSERT_OK(m4s_run_advance(sim->run, &batch, &state));
    evaluate(script, &batch);
    if (state != M4S_RUN_FINISHED) {
      status = sim->model.ops->inference_done(sim->model.state, &batch);
    }
  }
  m4s_inference_batch_clear(&batch);
  return status;
}

// Flows 0 and 1 share the link from host 0; 2 is alone.
static const int two_and_one[][2] = {{0, 1}, {0, 2}, {3, 0}};

static void flow_should_complete_when_predicted(void **state) {
  (void)state;
  m4s_flow_record_t record;
  script_t script = make_script(1.5F);
  ASSERT_OK(run_script(&script, two_and_one, (const int64_t[]){70}, 1, &record));
  assert_int_equal(ideal_of(0), 3088);
  assert_int_equal(record.fct_ns, 4632);
  assert_story(&script, "70:0");
  clear_script(&script);
  // Never faster than alone.
  script = make_script(0.5F);
  ASSERT_OK(run_script(&script, two_and_one, (const int64_t[]){70}, 1, &record));
  assert_int_equal(record.fct_ns, 3088);
  clear_script(&script);
}

static void each_event_should_move_its_component_on(void **state) {
  (void)state;
  m4s_flow_record_t records[3];
  script_t script = make_script(2);
  ASSERT_OK(run_script(&script, two_and_one, (const int64_t[]){0, 100, 200}, 3, records));
  // Flow 0 completes at 6176: a step for 1, none for 2, which is alone all the time.
  assert_story(&script, "0:0 100:01 200:2 6176:1");
  assert_int_equal(records[2].fct_ns, 2 * ideal_of(2));
  clear_script(&script);
}

static void ties_should_complete_by_id_with_a_step_each(void **state) {
  (void)state;
  m4s_flow_record_t records[3];
  script_t script = make_script(2);
  script.slowdowns[1][0] = slowdown_for(0, 20000);
  script.slowdowns[1][1] = slowdown_for(1, 20000);
  script.slowdowns[2][1] = slowdown_for(1, 30000);
  ASSERT_OK(run_script(&script, two_and_one, (const int64_t[]){0, 0}, 2, records));
  // The step after flow 0 puts 1 off.
  assert_story(&script, "0:0 0:01 20000:1");
  assert_int_equal(records[0].fct_ns, 20000);
  assert_int_equal(records[1].fct_ns, 30000);
  clear_script(&script);
}

static void completion_should_come_before_arrival(void **state) {
  (void)state;
  m4s_flow_record_t records[3];
  script_t script = make_script(2);
  script.slowdowns[0][0] = slowdown_for(0, 5000);
  ASSERT_OK(run_script(&script, two_and_one, (const int64_t[]){0, 5000}, 2, records));
  assert_story(&script, "0:0 5000:1");
  clear_script(&script);
  // A ns earlier they meet.
  script = make_script(2);
  script.slowdowns[0][0] = slowdown_for(0, 5000);
  ASSERT_OK(run_script(&script, two_and_one, (const int64_t[]){0, 4999}, 2, records));
  assert_story(&script, "0:0 4999:01 6176:1");
  clear_script(&script);
}

static void prediction_of_the_past_should_mean_now(void **state) {
  (void)state;
  m4s_flow_record_t records[3];
  script_t script = make_script(9);
  script.slowdowns[1][0] = 1;
  ASSERT_OK(run_script(&script, two_and_one, (const int64_t[]){0, 8000}, 2, records));
  assert_int_equal(records[0].fct_ns, 8000);
  assert_int_equal(records[1].fct_ns, 9 * ideal_of(1));
  assert_story(&script, "0:0 8000:01 8000:1");
  clear_script(&script);
}

// Steps of one instant are evaluated together where they have nothing in common.
static void arrivals_should_have_steps_of_their_own(void **state) {
  (void)state;
  static const int pairs[][2] = {{0, 1}, {3, 0}, {0, 2}, {2, 3}};
  m4s_flow_record_t records[4];
  script_t script = make_script(2);
  ASSERT_OK(run_script(&script, pairs, (const int64_t[]){10, 10, 10, 10}, 4, records));
  // At 6186 flow 0 completes; 2 is in its component.
  assert_story(&script, "10:0+1 10:02+3 6186:2");
  clear_script(&script);
}

static void merged_arrivals_should_make_a_step_for_each_component(void **state) {
  (void)state;
  static const int pairs[][2] = {{0, 1}, {3, 0}, {0, 2}, {2, 3}};
  m4s_flow_record_t records[4];
  script_t script = make_script(2);
  script.config.merge_arrivals = true;
  ASSERT_OK(run_script(&script, pairs, (const int64_t[]){10, 10, 10, 10}, 4, records));
  assert_story(&script, "10:02+1+3 6186:2");
  clear_script(&script);
}

// Flow 0 completes as 2 and 3 arrive: 1, which it leaves behind, has its step before 3 joins it.
static void step_after_completion_should_precede_merged_arrivals(void **state) {
  (void)state;
  static const int pairs[][2] = {{0, 1}, {0, 2}, {2, 3}, {3, 2}};
  m4s_flow_record_t records[4];
  for (int merge = 0; merge < 2; merge++) {
    script_t script = make_script(2);
    script.slowdowns[0][0] = slowdown_for(0, 5000);
    script.slowdowns[1][0] = slowdown_for(0, 5000);
    script.config.merge_arrivals = merge;
    ASSERT_OK(run_script(&script, pairs, (const int64_t[]){0, 0, 5000, 5000}, 4, records));
    assert_story(&script,
                 merge ? "0:01 5000:1 5000:2+13 10368:3" : "0:0 0:01 5000:1+2 5000:13 10368:3");
    clear_script(&script);
  }
}

static void completions_at_one_time_should_be_evaluated_together(void **state) {
  (void)state;
  // Two pairs that share a link each.
  static const int pairs[][2] = {{0, 1}, {0, 2}, {3, 0}, {2, 0}};
  m4s_flow_record_t records[4];
  script_t script = make_script(30);
  script.slowdowns[1][0] = slowdown_for(0, 20000);  // the last steps with flows 0 and 2
  script.slowdowns[3][2] = slowdown_for(2, 20000);
  ASSERT_OK(run_script(&script, pairs, (const int64_t[]){0, 0, 0, 0}, 4, records));
  assert_story(&script, "0:0 0:01+2 0:23 20000:1+3");
  clear_script(&script);
}

// As a source may do where flows wait for different times before they start.
static void arrivals_should_be_taken_by_id(void **state) {
  (void)state;
  static const int32_t first[] = {0, 1}, second[] = {0, 2}, third[] = {0, 3};
  const m4s_flow_t flows[] = {
      {.id = 2, .src = 0, .dst = 1, .size_bytes = size_of(2), .links = first, .n_links = 2},
      {.id = 0, .src = 0, .dst = 2, .size_bytes = size_of(0), .links = second, .n_links = 2},
      {.id = 1, .src = 0, .dst = 3, .size_bytes = size_of(1), .links = third, .n_links = 2}};
  script_t script = make_script(2);
  m4s_flow_record_t record = {.dst = 1, .size_bytes = 1};
  m4s_inference_batch_t batch = {.engine = script.engine};
  harness_open_list(&script.sim, &script.config, script.engine, script.topology, &record, 1);
  void *model = script.sim.model.state;
  const m4s_network_model_ops_t *ops = script.sim.model.ops;
  for (int i = 0; i < 3; i++) {
    ASSERT_OK(ops->start_flow(model, &flows[i]));
    assert_int_equal(ops->wants_inference(model, &batch), 0);
  }
  for (int i = 0; i < 3; i++) {
    ASSERT_OK(ops->advance(model, m4s_event_never(), NULL));
    assert_true(ops->wants_inference(model, &batch) > 0);
    evaluate(&script, &batch);
    ASSERT_OK(ops->inference_done(model, &batch));
  }
  assert_story(&script, "0:0 0:01 0:012");
  m4s_inference_batch_clear(&batch);
  clear_script(&script);
}

// --- predictions that are no use ---

static void assert_fails_at_second_step(float slowdown, const char *message) {
  m4s_flow_record_t records[3];
  script_t script = make_script(2);
  script.slowdowns[1][1] = slowdown;
  ASSERT_FAILS(run_script(&script, two_and_one, (const int64_t[]){0, 1500}, 2, records),
               M4S_ERR_SIMULATION, message);
  clear_script(&script);
}

static void prediction_that_is_no_number_should_be_told(void **state) {
  (void)state;
  assert_fails_at_second_step(NAN, "flow 1: the predicted slowdown at 1.500 us is nan");
  assert_fails_at_second_step(-NAN, "flow 1: the predicted slowdown at 1.500 us is nan");
  assert_fails_at_second_step(INFINITY, "flow 1: the predicted slowdown at 1.500 us is inf");
  assert_fails_at_second_step(-INFINITY, "flow 1: the predicted slowdown at 1.500 us is -inf");
}

static void prediction_beyond_all_times_should_be_told(void **state) {
  (void)state;
  assert_fails_at_second_step(1e30F, "flow 1 would take 5.18e+24 s");
  assert_fails_at_second_step(7.8e14F, "flow 1 would take 4.04e+09 s");
  // 126 years are not too long.
  m4s_flow_record_t record;
  script_t script = make_script(1.29e15F);
  ASSERT_OK(run_script(&script, two_and_one, (const int64_t[]){0}, 1, &record));
  assert_true(record.fct_ns > INT64_C(3980000000000000000));
  clear_script(&script);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flow_should_complete_when_predicted),
      cmocka_unit_test(each_event_should_move_its_component_on),
      cmocka_unit_test(ties_should_complete_by_id_with_a_step_each),
      cmocka_unit_test(completion_should_come_before_arrival),
      cmocka_unit_test(prediction_of_the_past_should_mean_now),
      cmocka_unit_test(arrivals_should_have_steps_of_their_own),
      cmocka_unit_test(merged_arrivals_should_make_a_step_for_each_component),
      cmocka_unit_test(step_after_completion_should_precede_merged_arrivals),
      cmocka_unit_test(completions_at_one_time_should_be_evaluated_together),
      cmocka_unit_test(arrivals_should_be_taken_by_id),
      cmocka_unit_test(prediction_that_is_no_number_should_be_told),
      cmocka_unit_test(prediction_beyond_all_times_should_be_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
