// The algorithm "interval" in its default mode: by hand with written predictions, and with a small
// network on random flows.
#include "mixes.h"
#include "scripted.h"

#include <math.h>

#include "m4/network.h"

// --- by hand ---

static void assert_step(const scripted_t *run, int32_t step, int64_t now_ns, int64_t n_pending,
                        int64_t n_pending_completed, float dt_us, bool reschedule_all) {
  assert_true(step < run->n_steps);
  const m4s_m4_step_trace_t *trace = &run->traces[step];
  assert_int_equal(trace->now_ns, now_ns);
  assert_int_equal(trace->n_pending, n_pending);
  assert_int_equal(trace->n_pending_completed, n_pending_completed);
  assert_true(trace->dt_us == dt_us);
  assert_int_equal(trace->reschedule_all, reschedule_all);
}

// The timer fires 10 us after the flow came. Later firings find nothing pending.
static void lone_flow_should_take_its_predicted_time(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  scripted_flow(run, 0, 2, 70, 22040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {2}}, {0}}));
  assert_int_equal(run->records[0].fct_ns, 2 * 22040);
  assert_int_equal(run->n_steps, 1);
  assert_step(run, 0, 10070, 1, 0, 0, false);
  m4s_m4_counts_t counts = m4s_m4_counts(&run->sim.model);
  assert_int_equal(counts.steps, 1);
  assert_int_equal(counts.flow_rows, 1);
  assert_int_equal(counts.link_rows, 2);
  assert_int_equal(counts.edges, 2);
  assert_int_equal(counts.reschedules, 1);
  assert_int_equal(counts.peak_active_flows, 1);
  scripted_destroy(run);
}

// 20,000 bytes: two delays, 1000 bytes on either link, 19,000 more on one of them.
static void predictions_should_be_multiples_of_the_ideal_of_the_path(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  run->config.ideal = M4S_M4_IDEAL_PATH;
  scripted_flow(run, 0, 2, 70, 22040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {2}}, {0}}));
  assert_int_equal(run->records[0].fct_ns, 2 * (20 + 2000 + 19000));
  scripted_destroy(run);
}

static void predictions_should_not_be_below_the_ideal(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  scripted_flow(run, 0, 2, 0, 22040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {-3}}, {0}}));
  assert_int_equal(run->records[0].fct_ns, 22040);
  scripted_destroy(run);
}

// Flow 1 completes before the firing and is left out of it; flow 2 is alone in a pending queue and
// completes before its firing: no step at 20000, though flow 0 is there.
static void flows_that_complete_before_a_firing_should_be_skipped(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  scripted_flow(run, 0, 2, 0, 22040);
  scripted_flow(run, 1, 2, 5000, 3040);
  scripted_flow(run, 1, 2, 11000, 3040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {2}}, {0}}));
  assert_int_equal(run->records[0].fct_ns, 2 * 22040);
  assert_int_equal(run->records[1].fct_ns, 3040);
  assert_int_equal(run->records[2].fct_ns, 3040);
  assert_int_equal(run->n_steps, 1);
  assert_step(run, 0, 10000, 2, 1, 0, false);
  assert_int_equal(m4s_m4_counts(&run->sim.model).peak_active_flows, 2);
  scripted_destroy(run);
}

// After the firing at 10000, which finds no flow any more, the timer is armed by the next flow.
static void timer_should_rest_without_flows(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  scripted_flow(run, 0, 2, 0, 3040);
  scripted_flow(run, 0, 2, 12345, 22040);
  scripted_flow(run, 1, 2, 35000, 22040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {2}}, {2, {1, 3}}, {0}}));
  assert_step(run, 0, 22345, 1, 0, 0, false);
  // It has gone on since: 32345, 42345.
  assert_step(run, 1, 42345, 1, 0, 20, false);
  assert_int_equal(run->records[1].fct_ns, 2 * 22040);
  assert_int_equal(run->records[2].fct_ns, 3 * 22040);
  scripted_destroy(run);
}

// With a count of 2: the step that finds two arrivals since the last full one reschedules all. The
// others reschedule what entered alone.
static void arrivals_should_bring_a_full_rescheduling(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  run->config.reschedule_flow_count = 2;
  for (int32_t i = 0; i < 5; i++) {
    scripted_flow(run, 0, 2, i * 10000 + (i > 0), 22040);
  }
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {4}},
                                                     {2, {9, 4}},
                                                     {3, {3, 3.5F, 4}},
                                                     {4, {9, 9, 9, 2}},
                                                     {5, {3, 3.5F, 4, 2, 1}},
                                                     {0}}));
  assert_step(run, 0, 10000, 1, 0, 0, false);
  assert_step(run, 1, 20000, 1, 0, 10, false);
  assert_step(run, 2, 30000, 1, 0, 10, true);
  assert_step(run, 3, 40000, 1, 0, 10, false);
  assert_step(run, 4, 50000, 1, 0, 10, true);
  assert_int_equal(run->records[0].fct_ns, 3 * 22040);
  assert_int_equal(run->records[1].fct_ns, 7 * 22040 / 2);
  assert_int_equal(run->records[2].fct_ns, 4 * 22040);
  assert_int_equal(run->records[3].fct_ns, 2 * 22040);
  assert_int_equal(run->records[4].fct_ns, 22040);
  assert_int_equal(m4s_m4_counts(&run->sim.model).reschedules, 1 + 1 + 3 + 1 + 5);
  scripted_destroy(run);
}

// At 40000 flow 0 should have completed after 33060 already.
static void overdue_flows_should_complete_after_1_ns(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  run->config.reschedule_flow_count = 0;
  scripted_flow(run, 0, 2, 0, 22040);
  scripted_flow(run, 1, 2, 30001, 22040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {10}}, {2, {1.5F, 1}}, {0}}));
  assert_int_equal(run->records[0].fct_ns, 40001);
  assert_int_equal(run->records[1].fct_ns, 22040);
  scripted_destroy(run);
}

// The flow that arms the timer would complete when it fires; its completion was scheduled first.
// Flow 1 comes while the timer is armed for 20000 and would complete then; the firing moves that.
static void events_of_one_time_should_happen_as_scheduled(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  scripted_flow(run, 0, 2, 0, 10000);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{0}}));
  assert_int_equal(run->records[0].fct_ns, 10000);
  assert_int_equal(run->n_steps, 0);
  scripted_destroy(run);

  run = scripted_create();
  scripted_flow(run, 0, 2, 0, 30000);
  scripted_flow(run, 1, 2, 15000, 5000);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {2}}, {2, {1, 3}}, {0}}));
  assert_int_equal(run->records[1].fct_ns, 15000);
  scripted_destroy(run);
}

// Also those of flows that complete before their firing.
static void slots_should_be_used_again(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  for (int32_t i = 0; i < SCRIPTED_MAX_FLOWS; i++) {
    scripted_flow(run, 0, 2, 25000 * i, i % 2 == 0 ? 3040 : 12040);
  }
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{1, {1}}, {1, {1}}, {1, {1}}, {1, {1}}, {0}}));
  const m4s_m4_network_t *network = run->sim.model.state;
  assert_int_equal(network->n_slots, 1);
  scripted_destroy(run);
}

static void assert_prediction_fails(float slowdown, const char *message) {
  scripted_t *run = scripted_create();
  scripted_flow(run, 0, 2, 0, 22040);
  scripted_flow(run, 1, 2, 0, 22040);
  ASSERT_FAILS(scripted_finish(run, (scripted_line_t[]){{2, {1, slowdown}}, {0}}),
               M4S_ERR_SIMULATION, message);
  scripted_destroy(run);
}

static void predictions_that_are_no_numbers_should_end_the_run(void **state) {
  (void)state;
  assert_prediction_fails(NAN, "flow 1: the predicted slowdown at 10.000 us is nan");
  assert_prediction_fails(INFINITY, "flow 1: the predicted slowdown at 10.000 us is inf");
  assert_prediction_fails(-INFINITY, "flow 1: the predicted slowdown at 10.000 us is -inf");
  assert_prediction_fails(1e38F, "flow 1 would take 2.2e+33 s");
}

// A flow of a century, through which the timer fires.
static void long_flows_should_not_keep_a_run_from_its_limits(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  m4s_run_state_t run_state;
  scripted_flow(run, 0, 2, 0, 22040);
  scripted_open(run, (scripted_line_t[]){{1, {1.5e14F}}, {0}});
  ASSERT_OK(scripted_step(run));
  m4s_run_destroy(run->sim.run);
  ASSERT_OK(m4s_run_create(&run->sim.clock, m4s_flow_list_as_source(run->sim.list), run->sim.model,
                           &(m4s_run_limits_t){.time_limit_s = 0.01}, &run->sim.run));
  ASSERT_FAILS(m4s_run_advance(run->sim.run, &run->batch, &run_state), M4S_ERR_TIME_LIMIT,
               "time limit of 0.01 s passed");
  scripted_destroy(run);
}

// Links: 0-3 is 0, 1-3 is 1, 2-3 is 2; 3-0 is 3, 3-1 is 4, 3-2 is 5.
static void usage_should_count_from_start_to_completion(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  run->config.wire.header_bytes = 48;
  scripted_flow(run, 0, 2, 0, 3040);  // 1000 bytes: one packet
  scripted_flow(run, 1, 2, 1000, 4040);  // 2000 bytes
  scripted_flow(run, 1, 2, 50000, 3040);
  ASSERT_OK(scripted_finish(run, (scripted_line_t[]){{0}}));
  const m4s_link_usage_t expected[6] = {{.bytes = 1048, .busy_ns = 3088},
                                        {.bytes = 3144, .busy_ns = 4136 + 3088},
                                        {0},
                                        {0},
                                        {0},
                                        {.bytes = 4192, .busy_ns = 1000 + 4136 + 3088}};
  m4s_link_usage_t usage[6];
  run->sim.model.ops->link_usage(run->sim.model.state, usage);
  assert_memory_equal(usage, expected, sizeof usage);
  scripted_destroy(run);
}

// A link that no flow is on loses its row; the links that stay in use keep their states.
static void idle_links_should_forget_their_states(void **state) {
  (void)state;
  scripted_t *run = scripted_create();
  scripted_flow(run, 0, 2, 0, 22040);
  scripted_flow(run, 1, 2, 0, 22040);
  scripted_flow(run, 1, 2, 31000, 22040);
  scripted_open(run, (scripted_line_t[]){{2, {4, 1}}, {2, {4, 1}}, {0}});
  ASSERT_OK(scripted_step(run));
  // Rows are handed out in the order of paths: 0-3, 3-2, 1-3.
  for (int32_t row = 0; row < 3; row++) {
    m4s_engine_link_state(run->engine, row)[3] = 7;
  }
  ASSERT_OK(scripted_step(run));
  assert_int_equal(run->n_steps, 2);
  assert_true(m4s_engine_link_state(run->engine, 0)[3] == 7);
  assert_true(m4s_engine_link_state(run->engine, 1)[3] == 7);
  assert_true(m4s_engine_link_state(run->engine, 2)[3] == 0);
  scripted_destroy(run);
}

// --- with a network, on random flows ---

enum { N_MIX = 400, N_SIMULATIONS = 4 };

typedef struct {
  m4s_model_t *weights;
  m4s_engine_t *engine;
  m4s_topology_t *topology;
  m4s_m4_config_t config;
  m4s_flow_record_t *records[N_SIMULATIONS];  // mixes of seeds 0, 1, …
} mixes_t;

static mixes_t make_mixes(m4s_m4_mode_t mode) {
  mixes_t mixes = {.config = harness_config(), .topology = mixes_clos()};
  mixes.config.mode = (int)mode;
  mixes.config.batch_time_ns = 1000;
  // Small weights want small numbers, for slowdowns about 2.
  mixes.config.bfsz = mixes.config.fwin = mixes.config.dctcp_k = 1;
  mixes.weights = tiny_model(
      (tiny_sizes_t){.hidden = 16, .gnn_hidden = 12, .n_gnn_layers = 2, .n_params = 13}, 3);
  mixes.engine = mixes_engine(mixes.weights, M4S_FORWARD_FAST);
  for (int i = 0; i < N_SIMULATIONS; i++) {
    mixes.records[i] = mixes_records(mixes.topology, N_MIX, 0.6, 1, (uint64_t)i);
  }
  return mixes;
}

static void clear_mixes(mixes_t *mixes) {
  for (int i = 0; i < N_SIMULATIONS; i++) {
    free(mixes->records[i]);
  }
  m4s_topology_destroy(mixes->topology);
  m4s_engine_destroy(mixes->engine);
  m4s_model_destroy(mixes->weights);
}

static void open_mix(mixes_t *mixes, int seed, harness_t *sim) {
  harness_open_list(sim, &mixes->config, mixes->engine, mixes->topology, mixes->records[seed],
                    N_MIX);
}

static void assert_results_alone_and_beside(m4s_m4_mode_t mode) {
  mixes_t mixes = make_mixes(mode);
  mixes_t alone = make_mixes(mode);
  harness_t sims[N_SIMULATIONS];
  harness_t *pointers[N_SIMULATIONS];
  for (int i = 0; i < N_SIMULATIONS; i++) {
    open_mix(&mixes, i, &sims[i]);
    pointers[i] = &sims[i];
  }
  ASSERT_OK(harness_finish(pointers, N_SIMULATIONS, mixes.engine, NULL));
  for (int i = 0; i < N_SIMULATIONS; i++) {
    harness_t sim;
    harness_t *pointer = &sim;
    open_mix(&alone, i, &sim);
    ASSERT_OK(harness_finish(&pointer, 1, alone.engine, NULL));
    m4s_m4_counts_t counts = m4s_m4_counts(&sims[i].model);
    m4s_m4_counts_t counts_alone = m4s_m4_counts(&sim.model);
    assert_memory_equal(&counts_alone, &counts, sizeof counts);
    assert_memory_equal(alone.records[i], mixes.records[i], N_MIX * sizeof *mixes.records[i]);
    assert_true(counts.steps > 50 && counts.reschedules > N_MIX);
    harness_close(&sim);
    harness_close(&sims[i]);
  }
  clear_mixes(&alone);
  clear_mixes(&mixes);
}

static void results_should_not_depend_on_what_runs_beside(void **state) {
  (void)state;
  assert_results_alone_and_beside(M4S_M4_DEFAULT);
  assert_results_alone_and_beside(M4S_M4_PUBLISHED);
}

static void flows_should_take_at_least_their_ideal_time(void **state) {
  (void)state;
  mixes_t mixes = make_mixes(M4S_M4_DEFAULT);
  harness_t sim;
  harness_t *pointer = &sim;
  int n_slower = 0;
  open_mix(&mixes, 0, &sim);
  ASSERT_OK(harness_finish(&pointer, 1, mixes.engine, NULL));
  for (int i = 0; i < N_MIX; i++) {
    const m4s_flow_record_t *record = &mixes.records[0][i];
    m4s_pair_facts_t facts;
    ASSERT_OK(m4s_routing_pair_facts(sim.routing, record->src, record->dst, &facts));
    int64_t ideal_ns =
        m4s_ideal_fct_ns(&facts, m4s_wire_bytes(&mixes.config.wire, record->size_bytes));
    assert_true(record->fct_ns >= ideal_ns);
    n_slower += record->fct_ns > ideal_ns;
  }
  assert_true(n_slower > N_MIX / 4);
  harness_close(&sim);
  clear_mixes(&mixes);
}

// Also from runs that end early.
static void assert_rows_come_back(m4s_m4_mode_t mode, int n_steps) {
  mixes_t mixes = make_mixes(mode);
  harness_t sim;
  harness_t *pointer = &sim;
  m4s_inference_batch_t batch = {.engine = mixes.engine};
  open_mix(&mixes, 1, &sim);
  int n_unfinished = 1;
  for (int i = 0; i < n_steps && n_unfinished > 0; i++) {
    ASSERT_OK(harness_round(&pointer, 1, &batch, NULL, &n_unfinished));
  }
  assert_int_equal(n_unfinished == 0, n_steps == INT32_MAX);
  m4s_m4_counts_t counts = m4s_m4_counts(&sim.model);
  harness_close(&sim);
  mixes_assert_no_row_is_held(mixes.engine, counts.peak_active_flows, mixes.topology->n_links);
  m4s_inference_batch_clear(&batch);
  clear_mixes(&mixes);
}

static void rows_should_come_back(void **state) {
  (void)state;
  static const int n_steps[] = {1, 10, 50, INT32_MAX};
  for (size_t i = 0; i < M4S_COUNT(n_steps); i++) {
    assert_rows_come_back(M4S_M4_DEFAULT, n_steps[i]);
    assert_rows_come_back(M4S_M4_PUBLISHED, n_steps[i]);
  }
}

// Every byte of every flow is on every link of its path, and links are busy as long as flows are.
static void usage_should_add_up(void **state) {
  (void)state;
  mixes_t mixes = make_mixes(M4S_M4_DEFAULT);
  harness_t sim;
  harness_t *pointer = &sim;
  m4s_link_usage_t *usage = calloc((size_t)mixes.topology->n_links, sizeof *usage);
  int64_t rest_bytes = 0, longest_ns = 0, longest_busy_ns = 0;
  assert_non_null(usage);
  open_mix(&mixes, 2, &sim);
  ASSERT_OK(harness_finish(&pointer, 1, mixes.engine, NULL));
  for (int i = 0; i < N_MIX; i++) {
    const m4s_flow_record_t *record = &mixes.records[2][i];
    const int32_t *links;
    int32_t n_links;
    ASSERT_OK(m4s_routing_path(sim.routing, record->src, record->dst, &links, &n_links));
    rest_bytes += n_links * m4s_wire_bytes(&mixes.config.wire, record->size_bytes);
    longest_ns = record->fct_ns > longest_ns ? record->fct_ns : longest_ns;
  }
  sim.model.ops->link_usage(sim.model.state, usage);
  for (int32_t i = 0; i < mixes.topology->n_links; i++) {
    rest_bytes -= usage[i].bytes;
    assert_true(usage[i].busy_ns >= 0 && usage[i].busy_ns <= sim.clock.now_ns);
    longest_busy_ns = usage[i].busy_ns > longest_busy_ns ? usage[i].busy_ns : longest_busy_ns;
  }
  assert_int_equal(rest_bytes, 0);
  assert_true(longest_busy_ns >= longest_ns);
  free(usage);
  harness_close(&sim);
  clear_mixes(&mixes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lone_flow_should_take_its_predicted_time),
      cmocka_unit_test(predictions_should_be_multiples_of_the_ideal_of_the_path),
      cmocka_unit_test(predictions_should_not_be_below_the_ideal),
      cmocka_unit_test(flows_that_complete_before_a_firing_should_be_skipped),
      cmocka_unit_test(timer_should_rest_without_flows),
      cmocka_unit_test(arrivals_should_bring_a_full_rescheduling),
      cmocka_unit_test(overdue_flows_should_complete_after_1_ns),
      cmocka_unit_test(events_of_one_time_should_happen_as_scheduled),
      cmocka_unit_test(slots_should_be_used_again),
      cmocka_unit_test(predictions_that_are_no_numbers_should_end_the_run),
      cmocka_unit_test(long_flows_should_not_keep_a_run_from_its_limits),
      cmocka_unit_test(usage_should_count_from_start_to_completion),
      cmocka_unit_test(idle_links_should_forget_their_states),
      cmocka_unit_test(results_should_not_depend_on_what_runs_beside),
      cmocka_unit_test(flows_should_take_at_least_their_ideal_time),
      cmocka_unit_test(rows_should_come_back),
      cmocka_unit_test(usage_should_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
