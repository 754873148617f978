// The run loop on toy sources and models that write down what happens.
#include "support.h"

#include <pthread.h>
#include <time.h>

#include "core/text.h"
#include "sim/run_loop.h"

enum { MAX_EVENTS = 64 };

// What happened, as "s10 m10 …".
static m4s_text_t story;

static void note(const char *who, int64_t what) {
  ASSERT_OK(m4s_text_add(&story, "%s%s%lld", story.length == 0 ? "" : " ", who, (long long)what));
}

// A source that starts flow i at times_ns[i] and has finished when all have completed.
typedef struct {
  m4s_clock_t *clock;
  const int64_t *times_ns;
  int n_flows, n_started, n_completed;
  m4s_event_key_t next;
} toy_source_t;

static void source_schedule(toy_source_t *source) {
  source->next = source->n_started < source->n_flows
                     ? m4s_clock_schedule(source->clock, source->times_ns[source->n_started])
                     : m4s_event_never();
}

static m4s_event_key_t source_next(const void *state) {
  return ((const toy_source_t *)state)->next;
}

static m4s_status_t source_run(void *state, const m4s_network_port_t *port) {
  toy_source_t *source = state;
  const m4s_flow_t flow = {.id = source->n_started++};
  note("s", source->clock->now_ns);
  source_schedule(source);
  return port->start_flow(port->context, &flow);
}

static m4s_status_t source_completed(void *state, int64_t flow_id) {
  toy_source_t *source = state;
  note("c", flow_id);
  source->n_completed++;
  return M4S_OK;
}

static bool source_finished(const void *state) {
  const toy_source_t *source = state;
  return source->n_completed == source->n_flows;
}

static const m4s_source_ops_t source_ops = {.name = "a toy",
                                            .next_event = source_next,
                                            .run_event = source_run,
                                            .flow_completed = source_completed,
                                            .finished = source_finished};

// A model that completes flow i after delays_ns[i]; negative: never.
typedef struct {
  m4s_clock_t *clock;
  const int64_t *delays_ns;
  m4s_event_key_t ends[MAX_EVENTS];  // by flow
  int64_t n_wanted;  // rows of inference wanted before it goes on
  int64_t inference_every;  // wants a row at each so many completions; 0: never
  int64_t n_completed;
} toy_model_t;

static m4s_status_t model_start(void *state, const m4s_flow_t *flow) {
  toy_model_t *model = state;
  int64_t delay_ns = model->delays_ns[flow->id];
  if (delay_ns >= 0) {
    model->ends[flow->id] = m4s_clock_schedule(model->clock, model->clock->now_ns + delay_ns);
  }
  return M4S_OK;
}

static int model_first(const toy_model_t *model) {
  int first = 0;
  for (int i = 1; i < MAX_EVENTS; i++) {
    if (m4s_event_before(model->ends[i], model->ends[first])) {
      first = i;
    }
  }
  return first;
}

static m4s_event_key_t model_next(const void *state) {
  const toy_model_t *model = state;
  return model->ends[model_first(model)];
}

static m4s_status_t model_advance(void *state, m4s_event_key_t until,
                                  const m4s_completion_port_t *port) {
  toy_model_t *model = state;
  int first = model_first(model);
  assert_int_equal(model->n_wanted, 0);  // not before the inference is done
  assert_true(m4s_event_before(model->ends[first], until));
  model->clock->now_ns = model->ends[first].time_ns;
  model->ends[first] = m4s_event_never();
  note("m", model->clock->now_ns);
  model->n_completed++;
  if (model->inference_every > 0 && model->n_completed % model->inference_every == 0) {
    model->n_wanted = 3;
  }
  return port->flow_completed(port->context, first);
}

static int64_t model_wants(void *state, m4s_inference_batch_t *batch) {
  (void)batch;
  return ((toy_model_t *)state)->n_wanted;
}

static m4s_status_t model_inferred(void *state, const m4s_inference_batch_t *batch) {
  (void)batch;
  ((toy_model_t *)state)->n_wanted = 0;
  return M4S_OK;
}

static void model_destroy(void *state) { (void)state; }

static const m4s_network_model_ops_t plain_ops = {.name = "plain",
                                                  .start_flow = model_start,
                                                  .next_event = model_next,
                                                  .advance = model_advance,
                                                  .destroy = model_destroy};
static const m4s_network_model_ops_t learned_ops = {.name = "learned",
                                                    .start_flow = model_start,
                                                    .next_event = model_next,
                                                    .advance = model_advance,
                                                    .wants_inference = model_wants,
                                                    .inference_done = model_inferred,
                                                    .destroy = model_destroy};

// A model that can tell what is wrong, where two flows or more have come to an end.
static m4s_status_t model_stalled(const void *state) {
  const toy_model_t *model = state;
  return model->n_completed < 2 ? M4S_OK : m4s_fail(M4S_ERR_SIMULATION, "the toy is broken");
}

static const m4s_network_model_ops_t telling_ops = {.name = "telling",
                                                    .start_flow = model_start,
                                                    .next_event = model_next,
                                                    .advance = model_advance,
                                                    .stalled = model_stalled,
                                                    .destroy = model_destroy};

typedef struct {
  m4s_clock_t clock;
  toy_source_t source;
  toy_model_t model;
  m4s_run_t *run;
} toy_t;

static toy_t *make_toy(const m4s_network_model_ops_t *ops, int n_flows, const int64_t *times_ns,
                       const int64_t *delays_ns, m4s_run_limits_t limits) {
  static toy_t toy;
  toy = (toy_t){.source = {.clock = &toy.clock, .times_ns = times_ns, .n_flows = n_flows},
                .model = {.clock = &toy.clock, .delays_ns = delays_ns}};
  for (int i = 0; i < MAX_EVENTS; i++) {
    toy.model.ends[i] = m4s_event_never();
  }
  source_schedule(&toy.source);
  m4s_text_clear(&story);
  ASSERT_OK(m4s_run_create(&toy.clock, (m4s_source_t){.ops = &source_ops, .state = &toy.source},
                           (m4s_network_model_t){.ops = ops, .state = &toy.model}, &limits,
                           &toy.run));
  return &toy;
}

static void clear_toy(toy_t *toy) {
  m4s_run_destroy(toy->run);
  m4s_text_clear(&story);
}

static const m4s_run_limits_t no_limits = {0};

static void loop_should_merge_events_by_time(void **state) {
  (void)state;
  static const int64_t times_ns[] = {10, 20, 30};
  static const int64_t delays_ns[] = {100, 5, 45};
  toy_t *toy = make_toy(&plain_ops, 3, times_ns, delays_ns, no_limits);
  m4s_run_state_t run_state = M4S_RUN_WANTS_INFERENCE;
  ASSERT_OK(m4s_run_advance(toy->run, NULL, &run_state));
  assert_int_equal(run_state, M4S_RUN_FINISHED);
  assert_string_equal(story.bytes, "s10 s20 m25 c1 s30 m75 c2 m110 c0");
  assert_int_equal(toy->clock.now_ns, 110);
  assert_int_equal(m4s_run_n_turns(toy->run), 6);
  clear_toy(toy);
}

// At 20 the end of flow 0 was scheduled (at 10) after the start of flow 1 (at 10, before it), at 30
// likewise; the end of flow 1 comes before the start of flow 3, which is scheduled at 25.
static void equal_times_should_run_in_the_order_of_scheduling(void **state) {
  (void)state;
  static const int64_t times_ns[] = {10, 20, 25, 30};
  static const int64_t delays_ns[] = {10, 10, 5, 0};
  toy_t *toy = make_toy(&plain_ops, 4, times_ns, delays_ns, no_limits);
  m4s_run_state_t run_state;
  ASSERT_OK(m4s_run_advance(toy->run, NULL, &run_state));
  assert_string_equal(story.bytes, "s10 s20 m20 c0 s25 m30 c1 s30 m30 c2 m30 c3");
  clear_toy(toy);
}

static void loop_should_stop_for_inference_and_go_on(void **state) {
  (void)state;
  static const int64_t times_ns[] = {1, 2, 3, 4, 5};
  static const int64_t delays_ns[] = {10, 10, 10, 10, 10};
  toy_t *toy = make_toy(&learned_ops, 5, times_ns, delays_ns, no_limits);
  toy->model.inference_every = 2;
  m4s_run_state_t run_state = M4S_RUN_FINISHED;
  ASSERT_OK(m4s_run_advance(toy->run, NULL, &run_state));
  assert_int_equal(run_state, M4S_RUN_WANTS_INFERENCE);
  assert_string_equal(story.bytes, "s1 s2 s3 s4 s5 m11 c0 m12 c1");
  ASSERT_OK(learned_ops.inference_done(&toy->model, NULL));
  ASSERT_OK(m4s_run_advance(toy->run, NULL, &run_state));
  assert_int_equal(run_state, M4S_RUN_WANTS_INFERENCE);
  ASSERT_OK(learned_ops.inference_done(&toy->model, NULL));
  ASSERT_OK(m4s_run_advance(toy->run, NULL, &run_state));
  assert_int_equal(run_state, M4S_RUN_FINISHED);
  assert_string_equal(story.bytes, "s1 s2 s3 s4 s5 m11 c0 m12 c1 m13 c2 m14 c3 m15 c4");
  clear_toy(toy);
}

static void loop_should_notice_that_nothing_can_complete(void **state) {
  (void)state;
  static const int64_t times_ns[] = {10, 1234};
  static const int64_t delays_ns[] = {5, -1};
  toy_t *toy = make_toy(&plain_ops, 2, times_ns, delays_ns, no_limits);
  m4s_run_state_t run_state = M4S_RUN_WANTS_INFERENCE;
  ASSERT_FAILS(m4s_run_advance(toy->run, NULL, &run_state), M4S_ERR_SIMULATION,
               "no flow can complete any more at 1.234 us of simulated time, but a toy waits for "
               "some");
  assert_int_equal(run_state, M4S_RUN_WANTS_INFERENCE);
  clear_toy(toy);
}

static void models_should_be_asked_why_nothing_can_complete(void **state) {
  (void)state;
  static const int64_t times_ns[] = {10, 20, 1234};
  static const int64_t delays_ns[] = {5, -1, -1};
  static const int64_t other_delays_ns[] = {5, -1, 5};
  m4s_run_state_t run_state;
  toy_t *toy = make_toy(&telling_ops, 3, times_ns, delays_ns, no_limits);
  ASSERT_FAILS(m4s_run_advance(toy->run, NULL, &run_state), M4S_ERR_SIMULATION,
               "no flow can complete any more at 1.234 us of simulated time, but a toy waits for "
               "some");
  clear_toy(toy);
  toy = make_toy(&telling_ops, 3, times_ns, other_delays_ns, no_limits);
  ASSERT_FAILS(m4s_run_advance(toy->run, NULL, &run_state), M4S_ERR_SIMULATION,
               "the toy is broken");
  clear_toy(toy);
}

static void finished_sources_should_need_no_turn(void **state) {
  (void)state;
  toy_t *toy = make_toy(&plain_ops, 0, NULL, NULL, no_limits);
  m4s_run_state_t run_state = M4S_RUN_WANTS_INFERENCE;
  ASSERT_OK(m4s_run_advance(toy->run, NULL, &run_state));
  assert_int_equal(run_state, M4S_RUN_FINISHED);
  assert_int_equal(m4s_run_n_turns(toy->run), 0);
  clear_toy(toy);
}

// --- limits: a source and a model without end ---

static m4s_event_key_t endless_next(const void *state) {
  m4s_clock_t *clock = *(m4s_clock_t *const *)state;
  return (m4s_event_key_t){.time_ns = clock->now_ns + 1, .order = 0};
}

static m4s_status_t endless_run(void *state, const m4s_network_port_t *port) {
  (void)state;
  (void)port;
  return M4S_OK;
}

static bool endless_finished(const void *state) {
  (void)state;
  return false;
}

static const m4s_source_ops_t endless_ops = {.name = "endless",
                                             .next_event = endless_next,
                                             .run_event = endless_run,
                                             .flow_completed = source_completed,
                                             .finished = endless_finished};

static m4s_status_t run_endless(m4s_run_limits_t limits) {
  m4s_clock_t clock = {0};
  m4s_clock_t *its_clock = &clock;
  static toy_model_t model;
  for (int i = 0; i < MAX_EVENTS; i++) {
    model.ends[i] = m4s_event_never();
  }
  m4s_run_t *run = NULL;
  ASSERT_OK(m4s_run_create(&clock, (m4s_source_t){.ops = &endless_ops, .state = &its_clock},
                           (m4s_network_model_t){.ops = &plain_ops, .state = &model}, &limits,
                           &run));
  m4s_run_state_t state;
  m4s_status_t status = m4s_run_advance(run, NULL, &state);
  assert_true(m4s_run_n_turns(run) > 0);
  m4s_run_destroy(run);
  return status;
}

static void time_limit_should_end_a_run(void **state) {
  (void)state;
  struct timespec began;
  struct timespec ended;
  clock_gettime(CLOCK_MONOTONIC, &began);
  assert_int_equal(run_endless((m4s_run_limits_t){.time_limit_s = 0.05}), M4S_ERR_TIME_LIMIT);
  clock_gettime(CLOCK_MONOTONIC, &ended);
  double seconds =
      (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
  assert_true(seconds >= 0.05 && seconds < 5);  // the upper bound: a machine under load
  assert_string_equal(m4s_last_error(), "time limit of 0.05 s passed");
}

// A model that wants inference after every few turns is looked at as well.
static void limits_should_hold_between_inferences(void **state) {
  (void)state;
  static const int64_t times_ns[] = {1, 2, 3};
  static const int64_t delays_ns[] = {10, 10, 10};
  atomic_bool stop = false;
  toy_t *toy = make_toy(&learned_ops, 3, times_ns, delays_ns, (m4s_run_limits_t){.stop = &stop});
  toy->model.inference_every = 1;
  m4s_run_state_t run_state = M4S_RUN_FINISHED;
  ASSERT_OK(m4s_run_advance(toy->run, NULL, &run_state));
  assert_int_equal(run_state, M4S_RUN_WANTS_INFERENCE);
  ASSERT_OK(learned_ops.inference_done(&toy->model, NULL));
  atomic_store(&stop, true);
  ASSERT_FAILS(m4s_run_advance(toy->run, NULL, &run_state), M4S_ERR_STOPPED, "stopped");
  clear_toy(toy);
}

static void *set_stop(void *flag) {
  const struct timespec wait = {.tv_nsec = 20000000};
  nanosleep(&wait, NULL);
  atomic_store((atomic_bool *)flag, true);
  return NULL;
}

static void stop_flag_should_end_a_run(void **state) {
  (void)state;
  atomic_bool stop = true;
  ASSERT_FAILS(run_endless((m4s_run_limits_t){.stop = &stop}), M4S_ERR_STOPPED, "stopped");
  atomic_store(&stop, false);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, set_stop, &stop), 0);
  assert_int_equal(run_endless((m4s_run_limits_t){.stop = &stop, .time_limit_s = 60}),
                   M4S_ERR_STOPPED);
  assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loop_should_merge_events_by_time),
      cmocka_unit_test(equal_times_should_run_in_the_order_of_scheduling),
      cmocka_unit_test(loop_should_stop_for_inference_and_go_on),
      cmocka_unit_test(loop_should_notice_that_nothing_can_complete),
      cmocka_unit_test(models_should_be_asked_why_nothing_can_complete),
      cmocka_unit_test(finished_sources_should_need_no_turn),
      cmocka_unit_test(time_limit_should_end_a_run),
      cmocka_unit_test(stop_flag_should_end_a_run),
      cmocka_unit_test(limits_should_hold_between_inferences),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
