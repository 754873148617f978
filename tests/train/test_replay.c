// Recorded runs: busy periods, and teacher forcing through m4.
#include "packet/small_clos.h"

#include <math.h>

#include "net/ideal_fct.h"
#include "packet/trace.h"
#include "train/forced.h"
#include "train/parameters.h"

enum { N = SMALL_CLOS_FLOWS, MAX_HOPS = 8 };

// A run of packet, as its folder would be read.
typedef struct {
  small_clos_t clos;
  m4s_scenario_t scenario;
  m4s_periods_t periods;
  int64_t hop_begin[N + 1];
  int32_t hops[N * MAX_HOPS];
} record_t;

static void note_flow(record_t *record, int32_t flow) {
  const m4s_scenario_t *scenario = &record->scenario;
  int32_t n;
  const int32_t *links;
  m4s_flow_record_t *row = &record->clos.records[flow];
  m4s_packet_flow_path(&record->clos.model, flow, &links, &n);
  memcpy(record->hops + record->hop_begin[flow], links, (size_t)n * sizeof *links);
  record->hop_begin[flow + 1] = record->hop_begin[flow] + n;
  row->ideal_fct_ns = m4s_ideal_fct_m_ns(scenario->topology, links, n, row->size_bytes, 1000, 48);
}

static record_t *make_record(void) {
  static record_t record;
  m4s_packet_rules_t rules;
  m4s_packet_trace_t *trace = NULL;
  record = (record_t){0};
  m4s_packet_rules_set(&rules, M4S_PROFILE_M4, M4S_PACKET_DCTCP);
  small_clos_make(&record.clos, &rules, 0.15);
  ASSERT_OK(m4s_packet_trace_create(&record.clos.model, true, support_folder, &trace));
  ASSERT_OK(small_clos_run(&record.clos));
  ASSERT_OK(m4s_packet_trace_finish(trace));
  record.scenario = (m4s_scenario_t){.topology = record.clos.topology,
                                     .routing = record.clos.routing,
                                     .records = record.clos.records,
                                     .n_flows = N,
                                     .hop_begin = record.hop_begin,
                                     .hops = record.hops};
  for (int32_t flow = 0; flow < N; flow++) {
    note_flow(&record, flow);
  }
  ASSERT_OK(
      m4s_trace_read(support_folder, N, record.clos.topology->n_links, &record.scenario.trace));
  ASSERT_OK(m4s_periods_find(&record.scenario, &record.periods));
  m4s_packet_trace_destroy(trace);
  return &record;
}

static void clear_record(record_t *record) {
  m4s_periods_clear(&record->periods);
  m4s_trace_clear(&record->scenario.trace);
  small_clos_clear(&record->clos);
}

static void periods_should_be_apart(void **state) {
  (void)state;
  record_t *record = make_record();
  const m4s_trace_t *trace = &record->scenario.trace;
  const m4s_periods_t *periods = &record->periods;
  int64_t n_flows = 0, n_events = 0, n_rows = 0;
  for (int32_t i = 0; i < periods->n_periods; i++) {
    n_flows += periods->periods[i].n_flows;
    n_events += periods->periods[i].n_events;
    n_rows += periods->periods[i].n_rows;
  }
  assert_int_equal(n_flows, N);
  assert_int_equal(n_events, trace->n_events);
  assert_int_equal(n_rows, trace->n_flows + trace->n_links);
  assert_in_range(periods->n_periods, 2, N - 1);
  for (size_t i = 0; i < trace->n_events; i++) {
    const m4s_trace_event_t *event = &trace->events[i];
    for (int32_t j = 0; j < event->n_flows; j++) {
      assert_int_equal(periods->of_flow[trace->flows[event->first_flow + j].flow],
                       periods->of_flow[event->flow]);
    }
  }
  clear_record(record);
}

static m4s_m4_config_t make_config(void) {
  m4s_m4_config_t config = {.algorithm = M4S_M4_EVENT,
                            .wire = {1000, 48},
                            .ideal = M4S_M4_IDEAL_PATH,
                            .batch_time_ns = 10000};
  config.conditions = (m4s_m4_input_settings_t){
      .cc = M4S_M4_FLOW_DCTCP, .buffer_bytes = 3e6, .ecn_else = {0, 30000, 30000}};
  return config;
}

typedef struct {
  int64_t n_steps, n_flows;
  double weight;
  // Of flows: what a network says that is silent, in the mean and at first; 0: not yet.
  double weights[N], sums_ns[N], first_ns[N];
} totals_t;

// A flow of a step: the label means the FCT of the record.
static void check_flow(const record_t *record, const m4s_replay_t *replay, int32_t i,
                       const m4s_step_labels_t *labels, totals_t *totals) {
  double weight = (double)labels->weights[i];
  int32_t id = labels->flows[i];
  const m4s_flow_record_t *row = &record->scenario.records[id];
  double silent_ns = fmax(m4s_replay_fct_ns(replay, i, 0), (double)row->ideal_fct_ns);
  assert_true(isfinite(labels->predictions[i]) && weight >= 0);
  totals->weight += weight;
  totals->weights[id] += weight;
  totals->sums_ns[id] += weight * silent_ns;
  totals->first_ns[id] = totals->first_ns[id] > 0 ? totals->first_ns[id] : silent_ns;
  if (weight > 0) {
    // The label is a float.
    double fct_ns = m4s_replay_fct_ns(replay, i, (double)labels->predictions[i]);
    assert_true(fabs(fct_ns / (double)row->fct_ns - 1) < 2e-6);
  }
}

// Goes through a busy period, or all, checking the labels of each step.
static totals_t replay_with(m4s_model_inputs_t inputs, const record_t *record, int32_t period,
                            const m4s_m4_config_t *config) {
  const m4s_network_sizes_t sizes = {.inputs = inputs,
                                     .hidden = 4,
                                     .gnn_hidden = 4,
                                     .n_params = inputs == M4S_INPUTS_FLUID ? 0 : M4S_M4_N_PARAMS,
                                     .n_gnn_layers = 1};
  totals_t totals = {0};
  m4s_parameters_t *parameters = NULL;
  m4s_engine_t *engine = NULL;
  m4s_replay_t *replay = NULL;
  ASSERT_OK(m4s_parameters_create(&sizes, &parameters));
  ASSERT_OK(m4s_engine_create(&parameters->model, M4S_FORWARD_REFERENCE, &engine));
  ASSERT_OK(
      m4s_replay_create(&record->scenario, &record->periods, period, config, engine, &replay));
  m4s_inference_batch_t batch = {.engine = engine};
  for (bool more = true; more;) {
    m4s_step_labels_t labels;
    batch.n_steps = 0;
    ASSERT_OK(m4s_replay_next(replay, &batch, &labels, &more));
    assert_int_equal(batch.n_steps, more);
    for (int32_t i = 0; more && i < labels.n_flows; i++) {
      check_flow(record, replay, i, &labels, &totals);
      assert_true(labels.remaining == NULL || labels.remaining[i] >= 0);
    }
    totals.n_steps += more;
    totals.n_flows += more ? labels.n_flows : 0;
  }
  m4s_replay_destroy(replay);
  m4s_inference_batch_clear(&batch);
  m4s_engine_destroy(engine);
  m4s_parameters_destroy(parameters);
  return totals;
}

static totals_t replay(const record_t *record, int32_t period, const m4s_m4_config_t *config) {
  return replay_with(M4S_INPUTS_FLUID, record, period, config);
}

// Every event but the last of a period makes a step over its component; a flow weighs as the part
// of its FCT in which it sends: all but the latency beyond the sending.
static void steps_should_be_those_of_the_record(void **state) {
  (void)state;
  record_t *record = make_record();
  const m4s_m4_config_t config = make_config();
  totals_t all = {0};
  double sending = 0;
  for (int32_t i = 0; i < record->periods.n_periods; i++) {
    totals_t totals = replay(record, i, &config);
    assert_int_equal(totals.n_steps, record->periods.periods[i].n_events - 1);
    all.n_flows += totals.n_flows;
    all.weight += totals.weight;
  }
  assert_int_equal(all.n_flows, record->scenario.trace.n_flows);
  for (int32_t flow = 0; flow < N; flow++) {
    const m4s_flow_record_t *row = &record->clos.records[flow];
    // All links are of 10 Gb/s.
    double alone_ns = (double)m4s_wire_bytes(&config.wire, row->size_bytes) * 0.8;
    sending += 1 - ((double)row->ideal_fct_ns - alone_ns) / (double)row->fct_ns;
  }
  // A flow beside others that have sent all goes on faster until the next step; one that is through
  // by then, too early, weighs no more: 0.4 % of the whole here.
  assert_true(all.weight <= sending * (1 + 1e-6) && all.weight > 0.99 * sending);
  clear_record(record);
}

// A network that predicts slowdowns is right from arrival to completion, the steps' parts sum up.
static void slowdowns_should_weigh_as_whole_flows(void **state) {
  (void)state;
  record_t *record = make_record();
  const m4s_m4_config_t config = make_config();
  totals_t totals = replay_with(M4S_INPUTS_PUBLISHED, record, -1, &config);
  for (int32_t flow = 0; flow < N; flow++) {
    assert_true(fabs(totals.weights[flow] - 1) < 1e-5);
  }
  clear_record(record);
}

// Steps at the ends of intervals in which flows arrived, over all flows.
static void intervals_should_make_steps_over_all_flows(void **state) {
  (void)state;
  record_t *record = make_record();
  m4s_m4_config_t config = make_config();
  config.algorithm = M4S_M4_INTERVAL;
  totals_t totals = replay(record, -1, &config);
  assert_in_range(totals.n_steps, N / 10, N);
  assert_true(totals.n_flows > totals.n_steps);
  clear_record(record);
}

// A network whose weights are 0 is silent: its flows are max-min fair.
static void forced_fcts_should_be_means_over_the_steps(void **state) {
  (void)state;
  record_t *record = make_record();
  const m4s_m4_config_t config = make_config();
  totals_t totals = replay(record, -1, &config);
  const m4s_network_sizes_t sizes = {
      .inputs = M4S_INPUTS_FLUID, .hidden = 4, .gnn_hidden = 4, .n_gnn_layers = 1};
  m4s_parameters_t *parameters = NULL;
  m4s_engine_t *engine = NULL;
  m4s_forced_fct_t fcts[N];
  ASSERT_OK(m4s_parameters_create(&sizes, &parameters));
  ASSERT_OK(m4s_engine_create(&parameters->model, M4S_FORWARD_FAST, &engine));
  ASSERT_OK(m4s_forced_fcts(&record->scenario, &config, engine, fcts));
  int n_apart = 0;
  for (int32_t flow = 0; flow < N; flow++) {
    double mean_ns = totals.sums_ns[flow] / totals.weights[flow];
    assert_true(totals.weights[flow] > 0);
    assert_true(fabs(fcts[flow].first_ns / totals.first_ns[flow] - 1) < 1e-12);
    assert_true(fabs(fcts[flow].mean_ns / mean_ns - 1) < 1e-9);
    n_apart += fcts[flow].mean_ns > 1.01 * fcts[flow].first_ns;
  }
  assert_true(n_apart > N / 20);
  m4s_engine_destroy(engine);
  // One that says what no FCT can be.
  for (int64_t i = 0; i < parameters->n_values; i++) {
    parameters->values[i] = NAN;
  }
  ASSERT_OK(m4s_engine_create(&parameters->model, M4S_FORWARD_FAST, &engine));
  assert_int_equal(m4s_forced_fcts(&record->scenario, &config, engine, fcts), M4S_ERR_SIMULATION);
  assert_non_null(strstr(m4s_last_error(), "the network's prediction is not finite"));
  m4s_engine_destroy(engine);
  m4s_parameters_destroy(parameters);
  clear_record(record);
}

// Where labels say what a flow sends, they say of all of it when it does.
static void what_is_sent_should_add_up(void **state) {
  (void)state;
  record_t *record = make_record();
  const m4s_m4_config_t config = make_config();
  const m4s_network_sizes_t sizes = {
      .inputs = M4S_INPUTS_FLUID, .hidden = 4, .gnn_hidden = 4, .n_gnn_layers = 1};
  m4s_parameters_t *parameters = NULL;
  m4s_engine_t *engine = NULL;
  m4s_replay_t *replay = NULL;
  double sent[N] = {0};
  int64_t n_within = 0;
  ASSERT_OK(m4s_parameters_create(&sizes, &parameters));
  ASSERT_OK(m4s_engine_create(&parameters->model, M4S_FORWARD_REFERENCE, &engine));
  ASSERT_OK(m4s_replay_create(&record->scenario, &record->periods, -1, &config, engine, &replay));
  m4s_inference_batch_t batch = {.engine = engine};
  for (bool more = true; more;) {
    m4s_step_labels_t labels;
    ASSERT_OK(m4s_replay_next(replay, &batch, &labels, &more));
    for (int32_t i = 0; more && i < labels.n_flows; i++) {
      bool within = labels.sent[i] >= 0;
      double ratio = within ? (double)labels.sent[i] : exp(-(double)labels.predictions[i]);
      sent[labels.flows[i]] += ratio * (double)labels.due[i];
      n_within += within;
    }
    batch.n_steps = 0;
  }
  assert_true(n_within > 0);
  double all = 0;
  for (int32_t flow = 0; flow < N; flow++) {
    assert_true(sent[flow] < 1 + 1e-5);
    all += sent[flow];
  }
  // But for what a flow should send when it is through too early, beside others.
  assert_true(all > 0.99 * N);
  m4s_replay_destroy(replay);
  m4s_inference_batch_clear(&batch);
  m4s_engine_destroy(engine);
  m4s_parameters_destroy(parameters);
  clear_record(record);
}

// --- closed loops ---

// Completions of m4 itself.
typedef struct {
  const record_t *record;
  m4s_clock_t clock;
  m4s_network_model_t model;
  m4s_inference_batch_t batch;
  double error;
  int32_t n_completed;
} loop_t;

static m4s_status_t note_completion(void *context, int64_t id) {
  loop_t *loop = context;
  const m4s_flow_record_t *row = &loop->record->scenario.records[id];
  loop->error += fabs((double)(loop->clock.now_ns - row->start_ns) / (double)row->fct_ns - 1);
  loop->n_completed++;
  return M4S_OK;
}

static void run_until(loop_t *loop, m4s_event_key_t until) {
  const m4s_completion_port_t port = {.flow_completed = note_completion, .context = loop};
  const m4s_network_model_ops_t *ops = loop->model.ops;
  while (true) {
    if (ops->wants_inference(loop->model.state, &loop->batch) > 0) {
      ASSERT_OK(m4s_engine_evaluate(loop->batch.engine, &loop->batch));
      ASSERT_OK(ops->inference_done(loop->model.state, &loop->batch));
    } else if (m4s_event_before(ops->next_event(loop->model.state), until)) {
      ASSERT_OK(ops->advance(loop->model.state, until, &port));
    } else {
      return;
    }
  }
}

// The sum of |FCT / recorded FCT - 1| of m4 on its own predictions.
static double run_m4(const record_t *record, const m4s_m4_config_t *config, m4s_engine_t *engine) {
  const m4s_scenario_t *scenario = &record->scenario;
  loop_t loop = {.record = record, .batch = {.engine = engine}};
  ASSERT_OK(m4s_m4_create(config, engine, scenario->topology, scenario->routing, &loop.clock,
                          &loop.model));
  for (int32_t id = 0; id < N; id++) {
    const m4s_flow_record_t *row = &scenario->records[id];
    const m4s_flow_t flow = {
        .id = id,
        .src = row->src,
        .dst = row->dst,
        .size_bytes = row->size_bytes,
        .links = record->hops + record->hop_begin[id],
        .n_links = (int32_t)(record->hop_begin[id + 1] - record->hop_begin[id])};
    assert_true(row->start_ns >= loop.clock.now_ns);
    run_until(&loop, (m4s_event_key_t){.time_ns = row->start_ns});
    loop.clock.now_ns = row->start_ns;
    ASSERT_OK(loop.model.ops->start_flow(loop.model.state, &flow));
  }
  run_until(&loop, m4s_event_never());
  assert_int_equal(loop.n_completed, N);
  loop.model.ops->destroy(loop.model.state);
  m4s_inference_batch_clear(&loop.batch);
  return loop.error;
}

// Replays a busy period, or all, in a closed loop.
static m4s_replay_score_t close_loop(const record_t *record, int32_t period,
                                     const m4s_m4_config_t *config, m4s_engine_t *engine) {
  m4s_replay_t *replay = NULL;
  m4s_inference_batch_t batch = {.engine = engine};
  ASSERT_OK(
      m4s_replay_create(&record->scenario, &record->periods, period, config, engine, &replay));
  m4s_replay_close_loop(replay);
  for (bool more = true; more;) {
    m4s_step_labels_t labels;
    ASSERT_OK(m4s_replay_next(replay, &batch, &labels, &more));
    for (int32_t i = 0; more && i < labels.n_flows; i++) {
      assert_true(isfinite(labels.predictions[i]) && labels.weights[i] >= 0);
      assert_true(labels.weights[i] <= 1);
    }
    assert_true(!more || (labels.remaining == NULL && labels.queues == NULL));
    ASSERT_OK(m4s_engine_evaluate(engine, &batch));
  }
  m4s_replay_score_t score = m4s_replay_score(replay);
  m4s_replay_destroy(replay);
  m4s_inference_batch_clear(&batch);
  return score;
}

// As in the simulator, for a network with weights at random.
static void closed_loops_should_be_those_of_m4(void **state) {
  (void)state;
  record_t *record = make_record();
  const m4s_m4_config_t config = make_config();
  const m4s_network_sizes_t sizes = {
      .inputs = M4S_INPUTS_FLUID, .hidden = 8, .gnn_hidden = 8, .n_gnn_layers = 1};
  m4s_parameters_t *parameters = NULL;
  m4s_engine_t *engine = NULL;
  ASSERT_OK(m4s_parameters_create(&sizes, &parameters));
  m4s_parameters_init(parameters, 3);
  ASSERT_OK(m4s_engine_create(&parameters->model, M4S_FORWARD_FAST, &engine));
  m4s_replay_score_t score = close_loop(record, -1, &config, engine);
  assert_int_equal(score.n_flows, N);
  assert_true(score.error > 0.01 * N);
  assert_true(fabs(score.error / run_m4(record, &config, engine) - 1) < 1e-12);
  // Of single periods, which flows that are late do not leave.
  int64_t n_flows = 0;
  for (int32_t i = 0; i < record->periods.n_periods; i++) {
    n_flows += close_loop(record, i, &config, engine).n_flows;
  }
  assert_int_equal(n_flows, N);
  m4s_engine_destroy(engine);
  m4s_parameters_destroy(parameters);
  clear_record(record);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closed_loops_should_be_those_of_m4),
      cmocka_unit_test(periods_should_be_apart),
      cmocka_unit_test(steps_should_be_those_of_the_record),
      cmocka_unit_test(slowdowns_should_weigh_as_whole_flows),
      cmocka_unit_test(intervals_should_make_steps_over_all_flows),
      cmocka_unit_test(forced_fcts_should_be_means_over_the_steps),
      cmocka_unit_test(what_is_sent_should_add_up),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
