// The event algorithm against a plain simulation: no queue, components by search, one step after
// the other, each by m4s_reference_step(). Simulations side by side, and what they give back.
#include <math.h>

#include "flow/plain_components.h"
#include "m4/mixes.h"
#include "m4/reference.h"
#include "m4/tiny_model.h"

enum { HIDDEN = 8, N_SIDE_BY_SIDE = 6, N_FLOWS = 80 };
static const tiny_sizes_t sizes = {
    .hidden = HIDDEN, .gnn_hidden = 12, .n_gnn_layers = 2, .n_params = M4S_M4_N_PARAMS};

// --- the plain simulation ---

typedef struct {
  const m4s_model_t *model;
  const m4s_m4_config_t *config;
  const m4s_flow_record_t *records;
  int32_t n_flows, n_started;
  int64_t now_ns;
  plain_t network;
  float flow_states[PLAIN_MAX_FLOWS][HIDDEN], link_states[PLAIN_MAX_LINKS][HIDDEN];
  int64_t sizes_bytes[PLAIN_MAX_FLOWS], ideals_ns[PLAIN_MAX_FLOWS];
  int64_t updated_ns[PLAIN_MAX_FLOWS];
  int64_t predicted_ns[PLAIN_MAX_FLOWS];  // time of completion
  int64_t fcts_ns[PLAIN_MAX_FLOWS];
  // What was met:
  int64_t n_steps, n_late, n_clamped, n_ties, most_flows;
} plain_simulation_t;

static void reset_states(plain_simulation_t *plain, int32_t flow) {
  int32_t n_hops = plain->network.n_hops[flow];
  float *state = plain->flow_states[flow];
  memset(state, 0, HIDDEN * sizeof *state);
  state[0] = 1;
  state[2] = (float)log2((double)plain->records[flow].size_bytes / 1000.0 + 1.0);
  state[3] = (float)n_hops;
  for (int32_t hop = 0; hop < n_hops; hop++) {
    int32_t link = plain->network.paths[flow][hop];
    if (plain_with_link(&plain->network, link) == NULL) {
      memset(plain->link_states[link], 0, HIDDEN * sizeof *state);
      plain->link_states[link][1] = 1;
      plain->link_states[link][2] = 1;
    }
  }
}

// A step's flows and links, with copies of their states.
typedef struct {
  m4s_step_t step;
  float params[M4S_M4_N_PARAMS];
  int32_t edge_begin[PLAIN_MAX_FLOWS + 1], edges[PLAIN_MAX_FLOWS * PLAIN_MAX_HOPS];
  int32_t links[PLAIN_MAX_LINKS];
  float slowdowns[PLAIN_MAX_FLOWS];
  float flow_states[PLAIN_MAX_FLOWS][HIDDEN], link_states[PLAIN_MAX_LINKS][HIDDEN];
} plain_step_t;

static int32_t place_of(plain_step_t *plain, int32_t link) {
  int32_t place = 0;
  while (place < plain->step.n_links && plain->links[place] != link) {
    place++;
  }
  plain->links[place] = link;
  plain->step.n_links += place == plain->step.n_links;
  return place;
}

static void fill_step(const plain_simulation_t *plain, const plain_component_t *component,
                      plain_step_t *to) {
  int64_t dt_ns = 0;
  int32_t n_edges = 0;
  m4s_m4_params(plain->config, to->params);
  to->step = (m4s_step_t){.params = to->params,
                          .n_flows = component->n_flows,
                          .edge_begin = to->edge_begin,
                          .edges = to->edges,
                          .predictions_out = to->slowdowns};
  for (int32_t i = 0; i < component->n_flows; i++) {
    int32_t flow = component->flows[i];
    int64_t age_ns = plain->now_ns - plain->updated_ns[flow];
    dt_ns = age_ns > dt_ns ? age_ns : dt_ns;
    memcpy(to->flow_states[i], plain->flow_states[flow], sizeof to->flow_states[i]);
    to->edge_begin[i] = n_edges;
    for (int32_t hop = 0; hop < plain->network.n_hops[flow]; hop++) {
      to->edges[n_edges++] = place_of(to, plain->network.paths[flow][hop]);
    }
  }
  to->edge_begin[component->n_flows] = n_edges;
  to->step.dt_us = (float)((double)dt_ns / 1000);
  for (int32_t i = 0; i < to->step.n_links; i++) {
    memcpy(to->link_states[i], plain->link_states[to->links[i]], sizeof to->link_states[i]);
  }
}

static void predict(plain_simulation_t *plain, int32_t flow, float slowdown) {
  assert_true(isfinite(slowdown));
  double fct_ns = (slowdown > 1 ? (double)slowdown : 1) * (double)plain->ideals_ns[flow];
  plain->n_clamped += slowdown < 1;
  plain->predicted_ns[flow] = plain->records[flow].start_ns + (int64_t)fct_ns;
  if (plain->predicted_ns[flow] < plain->now_ns) {
    plain->predicted_ns[flow] = plain->now_ns;
    plain->n_late++;
  }
}

static void make_step(plain_simulation_t *plain, const plain_component_t *component) {
  static plain_step_t work;
  fill_step(plain, component, &work);
  ASSERT_OK(m4s_reference_step(plain->model, &work.step, work.flow_states[0], work.link_states[0]));
  for (int32_t i = 0; i < component->n_flows; i++) {
    int32_t flow = component->flows[i];
    memcpy(plain->flow_states[flow], work.flow_states[i], sizeof work.flow_states[i]);
    plain->updated_ns[flow] = plain->now_ns;
    predict(plain, flow, work.slowdowns[i]);
  }
  for (int32_t i = 0; i < work.step.n_links; i++) {
    memcpy(plain->link_states[work.links[i]], work.link_states[i], sizeof work.link_states[i]);
  }
  plain->n_steps++;
  plain->most_flows =
      component->n_flows > plain->most_flows ? component->n_flows : plain->most_flows;
}

// The flow enters without a step.
static void enter(plain_simulation_t *plain, m4s_routing_t *routing, int32_t flow) {
  const m4s_flow_record_t *record = &plain->records[flow];
  const int32_t *links;
  m4s_pair_facts_t facts;
  ASSERT_OK(
      m4s_routing_path(routing, record->src, record->dst, &links, &plain->network.n_hops[flow]));
  ASSERT_OK(m4s_routing_pair_facts(routing, record->src, record->dst, &facts));
  assert_in_range(plain->network.n_hops[flow], 1, PLAIN_MAX_HOPS);
  memcpy(plain->network.paths[flow], links, (size_t)plain->network.n_hops[flow] * sizeof *links);
  plain->ideals_ns[flow] =
      m4s_ideal_fct_ns(&facts, m4s_wire_bytes(&plain->config->wire, record->size_bytes));
  reset_states(plain, flow);
  plain->updated_ns[flow] = plain->now_ns;
  plain_join(&plain->network, flow);
}

// One flow, or all that start at its time; then a step for each component that they are in.
static void arrive(plain_simulation_t *plain, m4s_routing_t *routing) {
  int32_t first = plain->n_started;
  plain->now_ns = plain->records[first].start_ns;
  do {
    enter(plain, routing, plain->n_started++);
  } while (plain->config->merge_arrivals && plain->n_started < plain->n_flows &&
           plain->records[plain->n_started].start_ns == plain->now_ns);
  for (int32_t flow = first; flow < plain->n_started; flow++) {
    const plain_component_t *component = plain_with_flow(&plain->network, flow);
    bool done = false;
    for (int32_t before = first; before < flow; before++) {
      done = done || plain_with_flow(&plain->network, before) == component;
    }
    if (!done) {
      make_step(plain, component);
    }
  }
}

static void complete(plain_simulation_t *plain, int32_t flow) {
  const plain_component_t *component = plain_with_flow(&plain->network, flow);
  plain->now_ns = plain->predicted_ns[flow];
  plain->fcts_ns[flow] = plain->now_ns - plain->records[flow].start_ns;
  plain_leave(&plain->network, flow);
  if (component->n_flows > 0) {
    make_step(plain, component);
  }
}

// The first flow by predicted completion and id, -1: none.
static int32_t first_completion(plain_simulation_t *plain) {
  int32_t first = -1;
  for (int32_t flow = 0; flow < plain->n_started; flow++) {
    if (plain->network.n_hops[flow] > 0 &&
        (first < 0 || plain->predicted_ns[flow] < plain->predicted_ns[first])) {
      first = flow;
    }
  }
  for (int32_t flow = first + 1; first >= 0 && flow < plain->n_started; flow++) {
    plain->n_ties +=
        plain->network.n_hops[flow] > 0 && plain->predicted_ns[flow] == plain->predicted_ns[first];
  }
  return first;
}

static void run_plain(plain_simulation_t *plain, m4s_routing_t *routing) {
  for (;;) {
    int32_t flow = first_completion(plain);
    bool more = plain->n_started < plain->n_flows;
    if (flow >= 0 &&
        (!more || plain->predicted_ns[flow] <= plain->records[plain->n_started].start_ns)) {
      complete(plain, flow);
    } else if (more) {
      arrive(plain, routing);
    } else {
      return;
    }
  }
}

// --- comparison ---

// What the cases met, in all.
typedef struct {
  int64_t n_late, n_clamped, n_ties, most_flows;
  int64_t n_together;  // steps that were evaluated with one before
} met_t;

static m4s_m4_config_t make_config(void) {
  m4s_m4_config_t config = harness_config();
  config.algorithm = M4S_M4_EVENT;
  return config;
}

static void finish(harness_t *sims, int n, m4s_engine_t *engine) {
  harness_t *pointers[N_SIDE_BY_SIDE];
  for (int i = 0; i < n; i++) {
    pointers[i] = &sims[i];
  }
  ASSERT_OK(harness_finish(pointers, n, engine, NULL));
}

// Predictions that swing widely: above and below 1, and often for times that have passed.
static m4s_model_t *make_model(uint64_t seed) {
  tiny_parts_t *parts = tiny_parts(sizes, seed);
  float *weights = tiny_values(parts, "output_layer.3.weight");
  for (int i = 0; i < HIDDEN; i++) {
    weights[i] *= 3;
  }
  m4s_model_t *model = NULL;
  ASSERT_OK(m4s_model_create(tiny_file(parts), "tiny", &model));
  tiny_clear(parts);
  return model;
}

static void assert_same_as_plain(const m4s_topology_t *topology, const m4s_m4_config_t *config,
                                 const m4s_model_t *model, m4s_flow_record_t *records,
                                 int32_t n_flows, met_t *met) {
  static plain_simulation_t plain;
  m4s_engine_t *engine = mixes_engine(model, M4S_FORWARD_REFERENCE);
  harness_t sim;
  assert_in_range(topology->n_links, 1, PLAIN_MAX_LINKS);
  assert_in_range(n_flows, 1, PLAIN_MAX_FLOWS);
  plain = (plain_simulation_t){
      .model = model, .config = config, .records = records, .n_flows = n_flows};
  harness_open_list(&sim, config, engine, topology, records, n_flows);
  finish(&sim, 1, engine);
  run_plain(&plain, sim.routing);
  for (int32_t i = 0; i < n_flows; i++) {
    assert_int_equal(records[i].fct_ns, plain.fcts_ns[i]);
  }
  assert_int_equal(m4s_m4_counts(&sim.model).steps, plain.n_steps);
  harness_close(&sim);
  mixes_assert_no_row_is_held(engine, n_flows, topology->n_links);
  m4s_engine_counts_t counts = m4s_engine_counts(engine);
  m4s_engine_destroy(engine);
  met->n_late += plain.n_late;
  met->n_clamped += plain.n_clamped;
  met->n_ties += plain.n_ties;
  met->most_flows = plain.most_flows > met->most_flows ? plain.most_flows : met->most_flows;
  met->n_together += counts.steps - counts.batches;
}

// Mixes from sparse to crowded, with starts of their own and with many at a time.
static void compare_mixes(m4s_topology_t *topology, bool merge_arrivals, met_t *met) {
  static const double loads[] = {0.02, 0.3, 0.9};
  static const int64_t ticks_ns[] = {1, 1000, 200000};
  m4s_m4_config_t config = make_config();
  config.merge_arrivals = merge_arrivals;
  for (uint64_t i = 0; i < 9; i++) {
    int32_t n_flows = i % 3 == 2 ? 60 : 120;
    m4s_model_t *model = make_model(i);
    m4s_flow_record_t *records =
        mixes_records(topology, n_flows, loads[i % 3], ticks_ns[i / 3], 100 + i);
    assert_same_as_plain(topology, &config, model, records, n_flows, met);
    free(records);
    m4s_model_destroy(model);
  }
  m4s_topology_destroy(topology);
}

static void compare_topologies(bool merge_arrivals) {
  met_t met = {0};
  compare_mixes(mixes_star(), merge_arrivals, &met);
  compare_mixes(mixes_cluster(), merge_arrivals, &met);
  compare_mixes(mixes_clos(), merge_arrivals, &met);
  // The mixes are what they are meant to be.
  assert_true(met.n_late > 500);
  assert_true(met.n_clamped > 5000);
  assert_true(met.n_ties > 500);
  assert_true(met.most_flows > 100);
  assert_true(met.n_together > 100);
}

static void mixes_should_be_as_plain(void **state) {
  (void)state;
  compare_topologies(false);
}

static void mixes_with_merged_arrivals_should_be_as_plain(void **state) {
  (void)state;
  compare_topologies(true);
}

// --- side by side ---

static m4s_flow_record_t *make_records(const m4s_topology_t *topology, int i) {
  return mixes_records(topology, N_FLOWS, 0.1 + 0.15 * i, i % 2 == 0 ? 1 : 50000, (uint64_t)i);
}

// Each alone, with an engine of its own.
static void run_alone(const m4s_topology_t *topology, const m4s_m4_config_t *config,
                      const m4s_model_t *model, m4s_flow_record_t *records) {
  m4s_engine_t *engine = mixes_engine(model, M4S_FORWARD_FAST);
  harness_t sim;
  harness_open_list(&sim, config, engine, topology, records, N_FLOWS);
  finish(&sim, 1, engine);
  harness_close(&sim);
  m4s_engine_destroy(engine);
}

static void simulations_side_by_side_should_be_as_alone(void **state) {
  (void)state;
  m4s_model_t *model = make_model(5);
  m4s_engine_t *engine = mixes_engine(model, M4S_FORWARD_FAST);
  m4s_topology_t *topologies[] = {mixes_star(), mixes_cluster(), mixes_clos()};
  harness_t sims[N_SIDE_BY_SIDE];
  m4s_m4_config_t configs[N_SIDE_BY_SIDE];
  m4s_flow_record_t *records[N_SIDE_BY_SIDE];
  for (int i = 0; i < N_SIDE_BY_SIDE; i++) {
    configs[i] = make_config();
    configs[i].bfsz = 10 + i;
    records[i] = make_records(topologies[i % 3], i);
    harness_open_list(&sims[i], &configs[i], engine, topologies[i % 3], records[i], N_FLOWS);
  }
  finish(sims, N_SIDE_BY_SIDE, engine);
  assert_true(m4s_engine_counts(engine).steps > 3 * m4s_engine_counts(engine).batches);
  for (int i = 0; i < N_SIDE_BY_SIDE; i++) {
    m4s_flow_record_t *alone = make_records(topologies[i % 3], i);
    run_alone(topologies[i % 3], &configs[i], model, alone);
    assert_memory_equal(alone, records[i], N_FLOWS * sizeof *alone);
    free(alone);
    free(records[i]);
    harness_close(&sims[i]);
  }
  for (int i = 0; i < 3; i++) {
    m4s_topology_destroy(topologies[i]);
  }
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

// Given up while flows are active and steps wait.
static void abandoned_simulation_should_give_its_rows_back(void **state) {
  (void)state;
  m4s_model_t *model = make_model(1);
  m4s_engine_t *engine = mixes_engine(model, M4S_FORWARD_FAST);
  m4s_topology_t *topology = mixes_clos();
  m4s_flow_record_t *records = mixes_records(topology, N_FLOWS, 0.9, 100000, 3);
  m4s_m4_config_t config = make_config();
  m4s_inference_batch_t batch = {.engine = engine};
  m4s_run_state_t run_state;
  harness_t sim;
  harness_t *pointer = &sim;
  int n_unfinished;
  harness_open_list(&sim, &config, engine, topology, records, N_FLOWS);
  for (int i = 0; i < 70; i++) {
    ASSERT_OK(harness_round(&pointer, 1, &batch, NULL, &n_unfinished));
  }
  ASSERT_OK(m4s_run_advance(sim.run, &batch, &run_state));
  assert_int_equal(run_state, M4S_RUN_WANTS_INFERENCE);
  assert_true(m4s_m4_counts(&sim.model).peak_active_flows > 20);
  harness_close(&sim);
  mixes_assert_no_row_is_held(engine, N_FLOWS, topology->n_links);
  m4s_inference_batch_clear(&batch);
  free(records);
  m4s_topology_destroy(topology);
  m4s_engine_destroy(engine);
  m4s_model_destroy(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mixes_should_be_as_plain),
      cmocka_unit_test(mixes_with_merged_arrivals_should_be_as_plain),
      cmocka_unit_test(simulations_side_by_side_should_be_as_alone),
      cmocka_unit_test(abandoned_simulation_should_give_its_rows_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
