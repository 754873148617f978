// Fixed lists of flows as a traffic source.
#include "flow/fixed_delay.h"

#include "flow/flow_list.h"

static int64_t delay_of_flow(const m4s_flow_t *flow) { return 1000 - 100 * flow->id; }

typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t clock;
} net_t;

static net_t *make_net(void) {
  static net_t net;
  net = (net_t){.topology = fixed_star(4, 1)};
  ASSERT_OK(m4s_routing_create(net.topology, &net.routing));
  return &net;
}

static void clear_net(net_t *net) {
  m4s_routing_destroy(net->routing);
  m4s_topology_destroy(net->topology);
}

static m4s_status_t run_list(net_t *net, m4s_flow_list_t *list, int64_t *n_turns_out) {
  static fixed_model_t model;
  model.clock = &net->clock;
  model.delay_of = delay_of_flow;
  model.n_flows = 0;
  m4s_run_t *run = NULL;
  m4s_run_state_t state;
  ASSERT_OK(m4s_run_create(&net->clock, m4s_flow_list_as_source(list),
                           (m4s_network_model_t){.ops = &fixed_ops, .state = &model},
                           &(m4s_run_limits_t){0}, &run));
  m4s_status_t status = m4s_run_advance(run, NULL, &state);
  *n_turns_out = m4s_run_n_turns(run);
  m4s_run_destroy(run);
  return status;
}

static void flows_should_start_at_their_times(void **state) {
  (void)state;
  net_t *net = make_net();
  m4s_flow_record_t records[] = {
      {.id = 0, .src = 0, .dst = 1, .size_bytes = 5, .start_ns = 10, .fct_ns = -1},
      {.id = 1, .src = 2, .dst = 3, .size_bytes = 6, .start_ns = 10, .fct_ns = -1},
      {.id = 2, .src = 3, .dst = 0, .size_bytes = 7, .start_ns = 2000, .fct_ns = -1}};
  m4s_flow_list_t *list = NULL;
  ASSERT_OK(m4s_flow_list_create(records, 3, net->routing, &net->clock, &list));
  int64_t n_turns;
  ASSERT_OK(run_list(net, list, &n_turns));
  assert_int_equal(n_turns, 6);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(records[i].fct_ns, 1000 - 100 * i);
  }
  assert_int_equal(net->clock.now_ns, 2800);
  m4s_flow_list_destroy(list);
  clear_net(net);
}

static void empty_lists_should_be_finished(void **state) {
  (void)state;
  net_t *net = make_net();
  m4s_flow_list_t *list = NULL;
  ASSERT_OK(m4s_flow_list_create(NULL, 0, net->routing, &net->clock, &list));
  int64_t n_turns;
  ASSERT_OK(run_list(net, list, &n_turns));
  assert_int_equal(n_turns, 0);
  m4s_flow_list_destroy(list);
  clear_net(net);
}

static void lists_should_be_in_order(void **state) {
  (void)state;
  net_t *net = make_net();
  const m4s_flow_record_t good[] = {{.id = 0, .src = 0, .dst = 1, .size_bytes = 5, .start_ns = 10},
                                    {.id = 1, .src = 1, .dst = 2, .size_bytes = 5, .start_ns = 11}};
  for (int i = 0; i < 4; i++) {
    m4s_flow_record_t records[2] = {good[0], good[1]};
    records[1].id = i == 0 ? 2 : 1;
    records[1].start_ns = i == 1 ? 9 : 11;
    records[1].size_bytes = i == 2 ? 0 : 5;
    m4s_flow_list_t *list = NULL;
    m4s_status_t status = m4s_flow_list_create(records, 2, net->routing, &net->clock, &list);
    assert_int_equal(status, i < 3 ? M4S_ERR_INPUT : M4S_OK);
    if (i < 3) {
      assert_string_equal(m4s_last_error(),
                          "flow 1 of the list: ids must count from 0, starts "
                          "ascend, sizes be positive");
      assert_null(list);
    }
    m4s_flow_list_destroy(list);
  }
  m4s_flow_record_t early = good[0];
  early.start_ns = -1;
  m4s_flow_list_t *list = NULL;
  assert_int_equal(m4s_flow_list_create(&early, 1, net->routing, &net->clock, &list),
                   M4S_ERR_INPUT);
  clear_net(net);
}

static void flows_without_a_path_should_end_the_run(void **state) {
  (void)state;
  net_t *net = make_net();
  m4s_flow_record_t record = {.id = 0, .src = 1, .dst = 1, .size_bytes = 5, .start_ns = 10};
  m4s_flow_list_t *list = NULL;
  ASSERT_OK(m4s_flow_list_create(&record, 1, net->routing, &net->clock, &list));
  int64_t n_turns;
  ASSERT_REFUSES(run_list(net, list, &n_turns), "no path from 1 to 1: GPUs are 0 to 3 and differ");
  m4s_flow_list_destroy(list);
  clear_net(net);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flows_should_start_at_their_times),
      cmocka_unit_test(empty_lists_should_be_finished),
      cmocka_unit_test(lists_should_be_in_order),
      cmocka_unit_test(flows_without_a_path_should_end_the_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
