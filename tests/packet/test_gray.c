// The gray-failure point (16, 4) with marking by rule, as the public SimAI build dumped its 15,360
// flows: called for as recorded, they should complete as recorded, and the source of collectives
// should make these calls.
//
// The public build runs the partitions of a network side by side. Where two of them tell one rank
// something within a window, chance decides which comes first, and so whether a send pays the
// processing delay: the rule gives all but three of the 14,336 calls that depend on other flows,
// the first of the three at 780,694 ns.
#include "flow/collective_source.h"
#include "net/gpu_cluster.h"
#include "packet/packet.h"
#include "sim/run_loop.h"
#include "support.h"

enum {
  N_FLOWS = 15360,
  N_COLLECTIVES = 4,  // two layers of two groups
  N_STEPS = 30,
  N_RANKS = 16,  // of a group
  N_GPUS = 32,
  N_OF_COLLECTIVE = 8 * N_STEPS * N_RANKS,  // eight channels
  N_BEFORE_CHANCE = 3971,  // flows that complete before chance comes in
  SEND_LATENCY_NS = 3000,
  ENDPOINT_DELAY_NS = 10,
  NEXT_LAYER_NS = 556012,  // from the end of a rank's part in one layer to its calls in the next
};
static const int64_t FIRST_CHANCE_NS = 780694, TOTAL_NS = 12476559;

// A flow, and its call: when it was decided on, in which line of the dump what decided it is, at
// which host (-1: by the clock alone).
typedef struct {
  int32_t id, src, dst;
  int64_t size_bytes, start_ns, end_ns;
  int32_t line;
  int64_t decided_ns;
  int32_t decided_in, caller;
} recorded_t;

static recorded_t *recorded;  // [N_FLOWS], by id

static int64_t call_of(const recorded_t *flow) { return flow->start_ns - SEND_LATENCY_NS; }

static void read_flow(const char *text, int32_t line) {
  unsigned src;
  unsigned dst;
  long long size;
  long long start;
  long long fct;
  int id;
  assert_int_equal(
      sscanf(text, "%x %x %*d %*d %lld %lld %lld %*d %d", &src, &dst, &size, &start, &fct, &id), 6);
  assert_in_range(id, 0, N_FLOWS - 1);
  recorded[id] = (recorded_t){.id = id,
                              .src = (int32_t)(src >> 8 & 0xff),
                              .dst = (int32_t)(dst >> 8 & 0xff),
                              .size_bytes = size,
                              .start_ns = start,
                              .end_ns = start + fct,
                              .line = line};
}

static int step_of(int32_t id) { return id / N_RANKS % N_STEPS; }

// The flow of the step before on the same channel that came to this one's sender.
static const recorded_t *parent_of(const recorded_t *flow) {
  int32_t step_before = flow->id / N_RANKS * N_RANKS - N_RANKS;
  for (int32_t id = step_before; id < step_before + N_RANKS; id++) {
    if (recorded[id].dst == flow->src) {
      return &recorded[id];
    }
  }
  fail_msg("flow %d has no parent", flow->id);
  return NULL;
}

// The rank's last receive in the layer before; its part may have ended later, with a send.
static const recorded_t *last_received(const recorded_t *flow) {
  const recorded_t *last = NULL;
  int32_t first = (flow->id / N_OF_COLLECTIVE - 2) * N_OF_COLLECTIVE;
  for (int32_t id = first; id < first + N_OF_COLLECTIVE; id++) {
    if (recorded[id].dst == flow->src && (last == NULL || recorded[id].end_ns > last->end_ns)) {
      last = &recorded[id];
    }
  }
  return last;
}

static void decide_first_step(recorded_t *flow) {
  flow->decided_ns = call_of(flow) - ENDPOINT_DELAY_NS;
  flow->decided_in = flow->src;  // ranks in order, channels in order
  flow->caller = -1;
  if (flow->id / N_OF_COLLECTIVE >= 2) {
    const recorded_t *last = last_received(flow);
    flow->caller = last->end_ns + NEXT_LAYER_NS == call_of(flow) ? last->src : flow->src;
  }
}

// Parents, and the same sender's flow of the step before, come first.
static void decide(recorded_t *flow) {
  if (step_of(flow->id) == 0) {
    decide_first_step(flow);
    return;
  }
  const recorded_t *parent = parent_of(flow);
  const recorded_t *own = flow - N_RANKS;
  bool by_parent = parent->end_ns > call_of(own);
  flow->decided_ns = by_parent ? parent->end_ns : call_of(own);
  flow->decided_in = by_parent ? parent->line : own->decided_in;
  flow->caller = by_parent ? parent->src : own->caller;
}

static void read_recorded(void) {
  if (recorded != NULL) {
    return;
  }
  char command[600];
  snprintf(command, sizeof command, "gzip -dc '%s'",
           support_reference("packet/gray/fct_N16_R4.txt.gz"));
  recorded = calloc(N_FLOWS, sizeof *recorded);
  assert_non_null(recorded);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  char text[256];
  int32_t line = 0;
  for (; fgets(text, sizeof text, pipe) != NULL; line++) {
    read_flow(text, line);
  }
  assert_int_equal(pclose(pipe), 0);
  assert_int_equal(line, N_FLOWS);
  for (int32_t id = 0; id < N_FLOWS; id++) {
    decide(&recorded[id]);
  }
}

static int forget_recorded(void **state) {
  (void)state;
  free(recorded);
  recorded = NULL;
  return 0;
}

typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t clock;
  m4s_network_model_t model;
} network_t;

static void make_network(network_t *network) {
  *network = (network_t){0};
  m4s_gpu_cluster_t cluster = {0};
  m4s_packet_rules_t rules;
  ASSERT_OK(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  cluster.degraded_gpus = 16;
  cluster.reduction = 4;
  m4s_packet_rules_set(&rules, M4S_PROFILE_SIMAI, M4S_PACKET_DCTCP);
  rules.partitioned = true;
  for (int32_t i = 0; i < rules.n_ecn; i++) {
    rules.ecn[i].k_min_bytes = rules.ecn[i].k_max_bytes = 100000;
    rules.ecn[i].p_max = 1;
  }
  ASSERT_OK(m4s_gpu_cluster_create(&cluster, "gray", &network->topology));
  ASSERT_OK(m4s_routing_create(network->topology, &network->routing));
  ASSERT_OK(m4s_packet_create(&rules, M4S_PACKET_ECMP_PAIR, network->topology, network->routing,
                              &network->clock, &network->model));
}

static void clear_network(network_t *network) {
  network->model.ops->destroy(network->model.state);
  m4s_routing_destroy(network->routing);
  m4s_topology_destroy(network->topology);
}

static void run(network_t *network, m4s_source_t source) {
  m4s_run_t *run = NULL;
  m4s_run_state_t state;
  ASSERT_OK(m4s_run_create(&network->clock, source, network->model, &(m4s_run_limits_t){0}, &run));
  ASSERT_OK(m4s_run_advance(run, NULL, &state));
  assert_int_equal(state, M4S_RUN_FINISHED);
  m4s_run_destroy(run);
}

// A source that makes the recorded calls, and notes when each rank's part in a collective ends.
typedef struct {
  const recorded_t *calls[N_FLOWS];  // in the order of calling
  int32_t n_called, n_completed;
  int64_t part_end_ns[N_COLLECTIVES][N_GPUS];
  const m4s_clock_t *clock;
} replay_t;

static m4s_event_key_t replay_next(const void *state) {
  const replay_t *replay = state;
  return replay->n_called == N_FLOWS
             ? m4s_event_never()
             : (m4s_event_key_t){.time_ns = call_of(replay->calls[replay->n_called])};
}

static m4s_status_t replay_call(void *state, const m4s_network_port_t *port) {
  replay_t *replay = state;
  const recorded_t *call = replay->calls[replay->n_called++];
  const m4s_flow_t flow = {
      .id = call->id, .src = call->src, .dst = call->dst, .size_bytes = call->size_bytes};
  return port->call_flow(port->context, &flow, call->caller, call->start_ns);
}

static m4s_status_t replay_sent(void *state, int64_t id) {
  replay_t *replay = state;
  replay->part_end_ns[id / N_OF_COLLECTIVE][recorded[id].src] = replay->clock->now_ns;
  return M4S_OK;
}

static m4s_status_t replay_completed(void *state, int64_t id) {
  replay_t *replay = state;
  replay->n_completed++;
  replay->part_end_ns[id / N_OF_COLLECTIVE][recorded[id].dst] = replay->clock->now_ns;
  return M4S_OK;
}

static bool replay_finished(const void *state) {
  const replay_t *replay = state;
  return replay->n_completed == N_FLOWS;
}

static const m4s_source_ops_t replay_ops = {.name = "recorded calls",
                                            .next_event = replay_next,
                                            .run_event = replay_call,
                                            .flow_completed = replay_completed,
                                            .flow_sent = replay_sent,
                                            .finished = replay_finished};

static int compare_calls(const void *a, const void *b) {
  const recorded_t *x = *(const recorded_t *const *)a;
  const recorded_t *y = *(const recorded_t *const *)b;
  if (x->start_ns != y->start_ns) {
    return x->start_ns < y->start_ns ? -1 : 1;
  }
  if (x->decided_ns != y->decided_ns) {
    return x->decided_ns < y->decided_ns ? -1 : 1;
  }
  return x->decided_in != y->decided_in ? x->decided_in - y->decided_in : x->id - y->id;
}

static void assert_flow_equal(const m4s_network_model_t *model, const recorded_t *flow) {
  m4s_packet_flow_result_t result = m4s_packet_flow_result(model, flow->id);
  if (result.start_ns != flow->start_ns || result.start_ns + result.fct_ack_ns != flow->end_ns) {
    fail_msg("flow %d from %d to %d: %lld ns from %lld ns on instead of %lld ns from %lld ns on",
             flow->id, flow->src, flow->dst, (long long)result.fct_ack_ns,
             (long long)result.start_ns, (long long)(flow->end_ns - flow->start_ns),
             (long long)flow->start_ns);
  }
}

static void packets_should_complete_recorded_calls_as_recorded(void **state) {
  (void)state;
  read_recorded();
  network_t network;
  make_network(&network);
  replay_t *replay = calloc(1, sizeof *replay);
  assert_non_null(replay);
  replay->clock = &network.clock;
  for (int32_t i = 0; i < N_FLOWS; i++) {
    replay->calls[i] = &recorded[i];
  }
  qsort(replay->calls, N_FLOWS, sizeof *replay->calls, compare_calls);
  run(&network, (m4s_source_t){.ops = &replay_ops, .state = replay});
  for (int32_t i = 0; i < N_FLOWS; i++) {
    assert_flow_equal(&network.model, &recorded[i]);
  }
  // Ranks go on to the next layer when all has been received and all first packets have left.
  for (int32_t id = 2 * N_OF_COLLECTIVE; id < N_FLOWS; id++) {
    if (step_of(id) == 0) {
      int64_t end_ns = replay->part_end_ns[id / N_OF_COLLECTIVE - 2][recorded[id].src];
      assert_int_equal(end_ns + NEXT_LAYER_NS, call_of(&recorded[id]));
    }
  }
  assert_int_equal(replay->part_end_ns[2][0] + 10, TOTAL_NS);
  free(replay);
  clear_network(&network);
}

// The source of collectives until chance comes in.
typedef struct {
  m4s_source_t inner;
  const m4s_clock_t *clock;
} until_chance_t;

static m4s_event_key_t until_next(const void *state) {
  const until_chance_t *until = state;
  return until->inner.ops->next_event(until->inner.state);
}

static m4s_status_t until_run(void *state, const m4s_network_port_t *port) {
  until_chance_t *until = state;
  return until->inner.ops->run_event(until->inner.state, port);
}

static m4s_status_t until_completed(void *state, int64_t id) {
  until_chance_t *until = state;
  return until->inner.ops->flow_completed(until->inner.state, id);
}

static m4s_status_t until_sent(void *state, int64_t id) {
  until_chance_t *until = state;
  return until->inner.ops->flow_sent(until->inner.state, id);
}

static bool until_finished(const void *state) {
  const until_chance_t *until = state;
  return until->clock->now_ns >= FIRST_CHANCE_NS;
}

static const m4s_source_ops_t until_ops = {.name = "collectives until chance comes in",
                                           .next_event = until_next,
                                           .run_event = until_run,
                                           .flow_completed = until_completed,
                                           .flow_sent = until_sent,
                                           .finished = until_finished};

static void assert_calls_equal(const m4s_collective_result_t *result,
                               const m4s_network_model_t *model) {
  int n_completed = 0;
  for (int32_t id = 0; id < 2 * N_OF_COLLECTIVE; id++) {
    const recorded_t *flow = &recorded[id];
    assert_int_equal(result->records[id].src, flow->src);
    assert_int_equal(result->records[id].dst, flow->dst);
    assert_int_equal(result->records[id].size_bytes, flow->size_bytes);
    if (call_of(flow) < FIRST_CHANCE_NS) {
      assert_int_equal(result->records[id].call_ns, call_of(flow));
      assert_int_equal(result->records[id].start_ns, flow->start_ns);
    }
    if (flow->end_ns < FIRST_CHANCE_NS) {
      assert_flow_equal(model, flow);
      assert_int_equal(result->records[id].fct_ns, flow->end_ns - flow->start_ns);
      n_completed++;
    }
  }

  assert_int_equal(n_completed, N_BEFORE_CHANCE);
}

static void collectives_should_make_the_recorded_calls(void **state) {
  (void)state;
  read_recorded();
  network_t network;
  make_network(&network);
  m4s_workload_t *workload;
  m4s_collective_source_t *source;
  m4s_collective_config_t config = {.wire = {1000, 52}};
  ASSERT_OK(m4s_fields_set_defaults(m4s_collective_fields, M4S_N_COLLECTIVE_FIELDS, &config));
  config.send_latency_ns = SEND_LATENCY_NS;
  config.min_flow_bytes = 4096;
  ASSERT_OK(m4s_workload_read(M4SWEEP_SOURCE_DIR "/sweeps/workloads/gray-failure.txt", &workload));
  ASSERT_OK(m4s_collective_source_create(&config, workload, network.topology, network.routing,
                                         &network.clock, &source));
  until_chance_t until = {.inner = m4s_collective_source_as_source(source),
                          .clock = &network.clock};
  run(&network, (m4s_source_t){.ops = &until_ops, .state = &until});
  const m4s_collective_result_t result = m4s_collective_source_result(source);
  assert_calls_equal(&result, &network.model);
  m4s_collective_source_destroy(source);
  m4s_workload_destroy(workload);
  clear_network(&network);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packets_should_complete_recorded_calls_as_recorded),
      cmocka_unit_test(collectives_should_make_the_recorded_calls),
  };
  return cmocka_run_group_tests(tests, NULL, forget_recorded);
}
