// The walk of the ranks and the send times of collectives, on a network of fixed delays.
#include "flow/fixed_delay.h"

static int64_t delay_100(const m4s_flow_t *flow) {
  (void)flow;
  return 100;
}

static int64_t delay_1000(const m4s_flow_t *flow) {
  (void)flow;
  return 1000;
}

static const m4s_flow_record_t *find(const fixed_run_t *run, int collective, int channel, int step,
                                     int src) {
  for (int64_t i = 0; i < run->result.n_flows; i++) {
    const m4s_flow_record_t *record = &run->result.records[i];
    if (record->collective == collective && record->channel == channel && record->step == step &&
        record->src == src) {
      return record;
    }
  }
  fail_msg("collective %d channel %d step %d src %d: no such flow", collective, channel, step, src);
  return NULL;
}

static int64_t call_of(const fixed_run_t *run, int collective, int channel, int step, int src) {
  return find(run, collective, channel, step, src)->call_ns;
}

static int64_t done_of(const m4s_flow_record_t *record) {
  return record->start_ns + record->fct_ns;
}

// Forward compute 1000: issued at 1000, sent 10 later, arrived 100 later. Step 1 pays the 30: the
// rank's only channel has set the flag. Then 5 of update and 1; 1 of compute and 1 for each
// gradient.
static void ring_of_two_should_take_hand_computed_times(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 2 all_gpus: 2\n1\n"
            "a -1 1000 ALLREDUCE 8192 1 NONE 0 1 NONE 0 5",
            2, 1, delay_100, &run);
  assert_int_equal(run.result.n_flows, 4);
  for (int src = 0; src < 2; src++) {
    assert_int_equal(call_of(&run, 0, 0, 0, src), 1010);
    assert_int_equal(call_of(&run, 0, 0, 1, src), 1150);
  }
  for (int64_t i = 0; i < 4; i++) {
    const m4s_flow_record_t *record = &run.result.records[i];
    assert_int_equal(record->id, i);
    assert_int_equal(record->size_bytes, 4096);
    assert_int_equal(record->start_ns, record->call_ns);
    assert_int_equal(record->fct_ns, 100);
    assert_int_equal(record->dst, 1 - record->src);
    // Two cables of 500 ns and 100 Gbps: RTT 2000 + 2 * 80; 4096 + 5 * 48 bytes take 346.88 ns.
    assert_int_equal(record->ideal_fct_ns, 2160 + 346);
  }
  const m4s_layer_times_t *times = run.result.layers;
  assert_int_equal(times->exposed_ns[M4S_PASS_FORWARD], 250 + 5);
  assert_int_equal(times->total_ns[M4S_PASS_FORWARD], 250 + 5);
  assert_int_equal(times->exposed_ns[M4S_PASS_INPUT_GRADIENT], 0);
  assert_int_equal(run.result.compute_ns, 1002);
  assert_int_equal(run.result.total_ns, 1250 + 5 + 1 + 2 + 2);
  assert_int_equal(run.result.makespan_ns, run.result.total_ns);
  fixed_clear(&run);
}

// The flag is set at step 0 and cleared at step 4: steps 1 to 3 pay.
static void ring_of_four_should_pay_in_its_first_turn(void **state) {
  (void)state;
  static const int64_t calls[] = {10, 150, 290, 430, 540, 650};
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 4 all_gpus: 4\n1\n"
            "a -1 0 ALLREDUCE 1000000 0 NONE 0 0 NONE 0 0",
            4, 1, delay_100, &run);
  assert_int_equal(run.result.n_flows, 4 * 6);
  for (int step = 0; step < 6; step++) {
    for (int src = 0; src < 4; src++) {
      assert_int_equal(call_of(&run, 0, 0, step, src), calls[step]);
    }
  }
  assert_int_equal(run.result.total_ns, 750 + 1 + 1 + 1);
  fixed_clear(&run);
}

static int64_t delay_by_channel(const m4s_flow_t *flow) {
  // Two channels of six steps of four flows.
  return flow->id / 24 == 0 ? 100 : 1000;
}

// Both channels flip the flag at the start: not set. The fast one sets it at its step 4, so the
// slow one pays at its steps 1 to 3 and clears it at its step 4; of the fast one only step 5 pays.
static void fast_channels_should_make_slow_ones_pay(void **state) {
  (void)state;
  static const int64_t fast[] = {10, 120, 230, 340, 450, 590};
  static const int64_t slow[] = {10, 1050, 2090, 3130, 4140, 5150};
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 4 all_gpus: 4\n1\n"
            "a -1 0 ALLREDUCE 1000000 0 NONE 0 0 NONE 0 0",
            4, 2, delay_by_channel, &run);
  for (int step = 0; step < 6; step++) {
    for (int src = 0; src < 4; src++) {
      assert_int_equal(call_of(&run, 0, 0, step, src), fast[step]);
      assert_int_equal(call_of(&run, 0, 1, step, src), slow[step]);
    }
  }
  assert_int_equal(run.result.layers[0].exposed_ns[0], 6150);
  fixed_clear(&run);
}

static int64_t delay_slow_last(const m4s_flow_t *flow) {
  // The last flow of the first collective, 3 to 0 in step 5, is slow.
  return flow->id == 23 ? 1000 : 100;
}

// Ranks 3 and 0 end the first layer 900 later than 1 and 2. In the second, rank 2's data waits at
// rank 3 until that has sent its own flow of the same step.
static void data_should_wait_for_the_receivers_own_send(void **state) {
  (void)state;
  static const int64_t calls[6][4] = {{1771, 871, 871, 1771},   {1911, 1911, 1011, 1811},
                                      {1951, 2051, 2051, 1851}, {1991, 2091, 2191, 2191},
                                      {2301, 2101, 2201, 2301}, {2411, 2411, 2211, 2311}};
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 4 all_gpus: 4\n2\n"
            "a -1 100 ALLREDUCE 1000000 0 NONE 0 0 NONE 0 0\n"
            "b -1 10 ALLREDUCE 1000000 0 NONE 0 0 NONE 0 0",
            4, 1, delay_slow_last, &run);
  for (int step = 0; step < 6; step++) {
    for (int src = 0; src < 4; src++) {
      assert_int_equal(call_of(&run, 1, 0, step, src), calls[step][src]);
    }
  }
  assert_int_equal(run.result.layers[0].exposed_ns[0], 1750 - 100);
  assert_int_equal(run.result.layers[1].exposed_ns[0], 2511 - 1761);
  assert_int_equal(run.result.total_ns, 2511 + 5);
  assert_int_equal(run.result.makespan_ns, 2511 + 5);
  fixed_clear(&run);
}

static int64_t delay_random(const m4s_flow_t *flow) {
  uint64_t random = (uint64_t)flow->id * 2654435761U;
  return 1 + (int64_t)(support_random(&random) % 1000000);
}

typedef struct {
  int64_t time_ns;  // the data is at hand and the rank has sent its flow of the step before
  int channel, step;
} injection_t;

static int compare_injections(const void *a, const void *b) {
  const injection_t *left = a;
  const injection_t *right = b;
  if (left->time_ns != right->time_ns) {
    return left->time_ns < right->time_ns ? -1 : 1;
  }
  return left->channel - right->channel;
}

// Recomputes a rank's send calls of one collective from what arrived when. Returns how many paid.
static int assert_calls(const fixed_run_t *run, int collective, int rank, int n_ranks,
                        int n_channels, int n_steps, m4s_collective_kind_t kind,
                        const int *previous) {
  injection_t injections[512];
  int n = 0;
  for (int channel = 0; channel < n_channels; channel++) {
    for (int step = 0; step < n_steps; step++) {
      injection_t *injection = &injections[n++];
      *injection = (injection_t){.channel = channel, .step = step};
      if (step == 0) {
        injection->time_ns = call_of(run, collective, channel, 0, rank) - 10;
        continue;
      }
      int64_t own = call_of(run, collective, channel, step - 1, rank);
      int64_t arrived =
          done_of(find(run, collective, channel, step - 1, previous[channel * n_ranks + rank]));
      injection->time_ns = own > arrived ? own : arrived;
    }
  }
  qsort(injections, (size_t)n, sizeof *injections, compare_injections);
  bool flag = false;
  int n_paid = 0;
  for (int i = 0; i < n; i++) {
    bool first_of_turn = injections[i].step % n_ranks == 0;
    // At one time the order matters only with one that flips the flag; but for the first steps,
    // which go in the order of channels, there is none with these delays.
    assert_true(i == 0 || injections[i].step == 0 ||
                injections[i].time_ns > injections[i - 1].time_ns ||
                (!first_of_turn && injections[i - 1].step % n_ranks != 0));
    flag = first_of_turn ? !flag : flag;
    bool pays = !first_of_turn && (kind == M4S_COLLECTIVE_REDUCESCATTER ||
                                   (kind == M4S_COLLECTIVE_ALLREDUCE && flag));
    assert_int_equal(call_of(run, collective, injections[i].channel, injections[i].step, rank),
                     injections[i].time_ns + 10 + (pays ? 30 : 0));
    n_paid += pays;
  }
  return n_paid;
}

// The rank before each one on each channel, from the order c, c+1, … on every server of m.
static void make_previous(int n_ranks, int m, int *previous) {
  for (int c = 0; c < m; c++) {
    for (int i = 0; i < n_ranks; i++) {
      int j = (i + 1) % n_ranks;
      previous[c * n_ranks + j / m * m + (c + j) % m] = i / m * m + (c + i) % m;
    }
  }
}

static int run_random(const char *kind_name, m4s_collective_kind_t kind, int n_ranks, int m,
                      int n_steps) {
  char workload[512];
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  snprintf(workload, sizeof workload,
           "model_parallel_NPU_group: %d all_gpus: %d\n2\na -1 3 %s 100000 0 NONE 0 0 NONE 0 7\n"
           "b -1 3 NONE 0 5 %s 100000 0 NONE 0 7",
           n_ranks, n_ranks, kind_name, kind_name);
  fixed_run(&config, workload, n_ranks, m, delay_random, &run);
  assert_int_equal(run.result.n_flows, 2 * n_ranks * m * n_steps);
  int previous[64];
  int n_paid = 0;
  make_previous(n_ranks, m, previous);
  for (int collective = 0; collective < 2; collective++) {
    for (int rank = 0; rank < n_ranks; rank++) {
      n_paid += assert_calls(&run, collective, rank, n_ranks, m, n_steps, kind, previous);
    }
  }
  fixed_clear(&run);
  return n_paid;
}

static void random_rings_should_follow_the_recursion(void **state) {
  (void)state;
  static const int sizes[][2] = {{2, 1}, {3, 1}, {5, 1}, {2, 2}, {4, 2}, {8, 4}, {6, 3}, {8, 8}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    int n = sizes[i][0];
    int m = sizes[i][1];
    int n_paid = run_random("ALLREDUCE", M4S_COLLECTIVE_ALLREDUCE, n, m, 2 * (n - 1));
    assert_true(n == 2 || n_paid > 0);  // else the test has shown little
    assert_int_equal(run_random("ALLGATHER", M4S_COLLECTIVE_ALLGATHER, n, m, n - 1), 0);
    // All steps but the first, of each rank and channel, in both collectives.
    assert_int_equal(run_random("REDUCESCATTER", M4S_COLLECTIVE_REDUCESCATTER, n, m, n - 1),
                     2 * n * m * (n - 2));
  }
}

static int64_t delay_by_pair(const m4s_flow_t *flow) { return 100 * (flow->src + 1) + flow->dst; }

// All flows are called 10 after the issue, without dependencies; a rank is done when all that it
// sends and receives has arrived: rank 0 with 2 to 0 at 300.
static void alltoall_should_send_everything_at_once(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 3 all_gpus: 3\n1\n"
            "a -1 50 ALLTOALL 30000 0 NONE 0 0 NONE 0 2",
            3, 1, delay_by_pair, &run);
  assert_int_equal(run.result.n_flows, 6);
  for (int64_t i = 0; i < 6; i++) {
    const m4s_flow_record_t *record = &run.result.records[i];
    assert_int_equal(record->call_ns, 60);
    assert_int_equal(record->size_bytes, 10000);
    assert_int_equal(record->fct_ns, 100 * (record->src + 1) + record->dst);
    assert_true(record->src != record->dst);
  }
  assert_int_equal(run.result.layers[0].exposed_ns[0], 10 + 300 + 2);
  assert_int_equal(run.result.total_ns, 60 + 300 + 2 + 1 + 2);
  // Ranks 1 and 2 wait for 2 to 1, at 301.
  assert_int_equal(run.result.makespan_ns, 60 + 301 + 2 + 1 + 2);
  fixed_clear(&run);
}

// Walk: forwards 0 to 2, compute 100 to 102, 1, compute 50, at 153 the second layer's collective,
// 1, 100, 1, 50, at 305 the first layer's, 1: at 306 the rank only waits. The collectives take
// 10 + 1000 + 40 + 1000 each: to 2203 and 2355.
static void weight_gradient_collectives_should_run_beside_the_walk(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 1 all_gpus: 2\n2\n"
            "a -1 0 NONE 0 100 NONE 0 50 ALLREDUCE 50000 7\n"
            "b -1 0 NONE 0 100 NONE 0 50 ALLREDUCE 50000 7",
            2, 1, delay_1000, &run);
  assert_int_equal(run.result.n_flows, 8);
  assert_int_equal(call_of(&run, 0, 0, 0, 0), 163);
  assert_int_equal(call_of(&run, 0, 0, 1, 0), 1203);
  assert_int_equal(call_of(&run, 1, 0, 0, 0), 315);
  assert_int_equal(call_of(&run, 1, 0, 1, 0), 1355);
  const m4s_layer_times_t *a = &run.result.layers[0];
  const m4s_layer_times_t *b = &run.result.layers[1];
  const m4s_pass_t pass = M4S_PASS_WEIGHT_GRADIENT;
  assert_int_equal(b->total_ns[pass], 2203 - 153 + 7);
  assert_int_equal(a->total_ns[pass], 2355 - 305 + 7);
  // What the rank waited for, each instant booked once.
  assert_int_equal(b->exposed_ns[pass], 2203 + 7 - 306);
  assert_int_equal(a->exposed_ns[pass], 2355 - 2203);
  assert_int_equal(run.result.total_ns, 2355 + 7);
  assert_int_equal(run.result.compute_ns, 300);
  assert_int_equal(a->exposed_ns[pass] + b->exposed_ns[pass] + 306, run.result.total_ns);
  fixed_clear(&run);
}

// The walk is longer than the collective: nothing of it is exposed.
static void hidden_weight_gradient_collectives_should_not_be_exposed(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 1 all_gpus: 2\n2\n"
            "a -1 0 NONE 0 9000 NONE 0 0 NONE 0 0\n"
            "b -1 0 NONE 0 0 NONE 0 0 ALLREDUCE 50000 7",
            2, 1, delay_1000, &run);
  assert_int_equal(run.result.layers[1].exposed_ns[M4S_PASS_WEIGHT_GRADIENT], 0);
  assert_int_equal(run.result.layers[1].total_ns[M4S_PASS_WEIGHT_GRADIENT], 2050 + 7);
  assert_int_equal(run.result.total_ns, 9000 + 6);
  fixed_clear(&run);
}

// A collective ends with its update time: b's lasts beyond a's end, and nothing is exposed twice.
static void update_times_should_delay_the_end_of_collectives(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 1 all_gpus: 2\n2\n"
            "a -1 0 NONE 0 0 NONE 0 0 ALLREDUCE 50000 1\n"
            "b -1 0 NONE 0 0 NONE 0 0 ALLREDUCE 50000 100000",
            2, 1, delay_1000, &run);
  const m4s_pass_t pass = M4S_PASS_WEIGHT_GRADIENT;
  const m4s_layer_times_t *a = &run.result.layers[0];
  const m4s_layer_times_t *b = &run.result.layers[1];
  // The walk takes six steps of 1; b is issued at 3, a at 5; each takes 2050.
  assert_int_equal(run.result.total_ns, 3 + 2050 + 100000);
  assert_int_equal(a->exposed_ns[pass], 5 + 2050 + 1 - 6);
  assert_int_equal(b->exposed_ns[pass], run.result.total_ns - (5 + 2050 + 1));
  fixed_clear(&run);
}

// Input-gradient collectives block the walk.
static void input_gradient_collectives_should_block(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 2 all_gpus: 2\n1\n"
            "a -1 0 NONE 0 20 ALLGATHER 50000 30 NONE 0 4",
            2, 1, delay_100, &run);
  // Forward 1, compute 20, collective 110, update 4 and 1, compute 30 and 1.
  assert_int_equal(run.result.layers[0].exposed_ns[M4S_PASS_INPUT_GRADIENT], 114);
  assert_int_equal(run.result.total_ns, 1 + 20 + 110 + 5 + 31);
  fixed_clear(&run);
}

static void groups_of_one_and_empty_collectives_should_cost_nothing(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 1 all_gpus: 2\n1\n"
            "a -1 10 ALLREDUCE 50000 20 ALLTOALL_EP 50000 30 ALLREDUCE 0 9",
            2, 1, delay_100, &run);
  assert_int_equal(run.result.n_flows, 0);
  assert_int_equal(run.result.total_ns, 10 + 20 + 30 + 3);
  assert_int_equal(run.result.layers[0].total_ns[M4S_PASS_FORWARD], 0);
  fixed_clear(&run);
}

// The latency is before the flow's time in the network, and paid at every step.
static void send_latency_should_be_paid_every_step(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  config.send_latency_ns = 3000;
  fixed_run(&config,
            "model_parallel_NPU_group: 2 all_gpus: 2\n1\n"
            "a -1 0 ALLREDUCE 8192 0 NONE 0 0 NONE 0 0",
            2, 1, delay_100, &run);
  const m4s_flow_record_t *second = find(&run, 0, 0, 1, 0);
  assert_int_equal(second->call_ns, 10 + 3000 + 100 + 40);
  assert_int_equal(second->start_ns, second->call_ns + 3000);
  assert_int_equal(second->fct_ns, 100);
  assert_int_equal(run.result.layers[0].exposed_ns[0], second->start_ns + 100);
  fixed_clear(&run);
}

static void delays_should_be_those_of_the_settings(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  config.endpoint_delay_ns = 3;
  config.processing_delay_ns = 200;
  fixed_run(&config,
            "model_parallel_NPU_group: 2 all_gpus: 2\n1\n"
            "a -1 0 ALLREDUCE 8192 0 NONE 0 0 NONE 0 0",
            2, 1, delay_100, &run);
  assert_int_equal(call_of(&run, 0, 0, 0, 0), 3);
  assert_int_equal(call_of(&run, 0, 0, 1, 0), 3 + 100 + 3 + 200);
  fixed_clear(&run);
}

// 100 bytes: a forward collective is raised to 4096; any flow to the settings' least size.
static void small_collectives_should_be_raised(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  static const char workload[] =
      "model_parallel_NPU_group: 2 all_gpus: 2\n1\n"
      "a -1 0 ALLGATHER 100 0 ALLGATHER 100 0 NONE 0 0";
  fixed_run(&config, workload, 2, 1, delay_100, &run);
  assert_int_equal(run.result.n_flows, 4);
  assert_int_equal(run.result.records[0].size_bytes, 2048);
  assert_int_equal(run.result.records[2].size_bytes, 50);
  fixed_clear(&run);
  config.min_flow_bytes = 3000;
  fixed_run(&config, workload, 2, 1, delay_100, &run);
  assert_int_equal(run.result.records[0].size_bytes, 3000);
  assert_int_equal(run.result.records[2].size_bytes, 3000);
  fixed_clear(&run);
}

// Two groups run the same layer by themselves: rank 0's time is its own group's.
static int64_t delay_slow_second_group(const m4s_flow_t *flow) {
  return flow->src < 2 ? 100 : 5000;
}

static void total_should_be_rank_0s_and_makespan_all(void **state) {
  (void)state;
  fixed_run_t run;
  m4s_collective_config_t config = fixed_config();
  fixed_run(&config,
            "model_parallel_NPU_group: 2 all_gpus: 4\n1\n"
            "a -1 0 ALLREDUCE 8192 0 NONE 0 0 NONE 0 0",
            4, 1, delay_slow_second_group, &run);
  assert_int_equal(run.result.total_ns, 250 + 3);
  assert_int_equal(run.result.makespan_ns, 10 + 5000 + 40 + 5000 + 3);
  fixed_clear(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ring_of_two_should_take_hand_computed_times),
      cmocka_unit_test(ring_of_four_should_pay_in_its_first_turn),
      cmocka_unit_test(fast_channels_should_make_slow_ones_pay),
      cmocka_unit_test(data_should_wait_for_the_receivers_own_send),
      cmocka_unit_test(random_rings_should_follow_the_recursion),
      cmocka_unit_test(alltoall_should_send_everything_at_once),
      cmocka_unit_test(weight_gradient_collectives_should_run_beside_the_walk),
      cmocka_unit_test(hidden_weight_gradient_collectives_should_not_be_exposed),
      cmocka_unit_test(update_times_should_delay_the_end_of_collectives),
      cmocka_unit_test(input_gradient_collectives_should_block),
      cmocka_unit_test(groups_of_one_and_empty_collectives_should_cost_nothing),
      cmocka_unit_test(send_latency_should_be_paid_every_step),
      cmocka_unit_test(delays_should_be_those_of_the_settings),
      cmocka_unit_test(small_collectives_should_be_raised),
      cmocka_unit_test(total_should_be_rank_0s_and_makespan_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
