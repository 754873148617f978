// What observers of a packet network are told, against the network's own counts: an incast with
// pauses, one with drops.
#include "support.h"

#include "flow/flow_list.h"
#include "packet/packet.h"
#include "sim/run_loop.h"

enum { N_HOSTS = 4, N_FLOWS = 3, N_KINDS = 10, ALL_KINDS = (1 << N_KINDS) - 1, N_LINKS = 8 };

typedef struct {
  const m4s_topology_t *topology;
  int64_t n[N_KINDS];  // events, by the number of the kind's bit
  int64_t n_sent[M4S_PACKET_RESUME + 1];  // by hosts, by kind of packet
  int64_t last_ns;
  int64_t queued[N_LINKS];  // bytes in the queue of a link
  bool paused[N_LINKS];
  int64_t delivered[N_FLOWS];  // bytes
  int64_t n_marked;
  int64_t stop_after;  // events; then an error
} seen_t;

static int number_of(m4s_packet_event_kind_t kind) {
  int i = 0;
  while (1 << i != (int)kind) {
    i++;
  }
  return i;
}

// At a switch: bytes of all queues.
static void see_queue(seen_t *seen, const m4s_packet_event_t *event) {
  assert_int_equal(seen->topology->links[event->link].src, N_HOSTS);
  seen->queued[event->link] +=
      event->kind == M4S_PACKET_ENQUEUED ? event->wire_bytes : -event->wire_bytes;
  assert_int_equal(seen->queued[event->link], event->all_queue_bytes);
  assert_in_range(event->queue_bytes, 0, event->all_queue_bytes);
  seen->n_marked +=
      event->kind == M4S_PACKET_DEQUEUED && event->packet == M4S_PACKET_DATA && event->marked;
}

static m4s_status_t see(void *context, const m4s_packet_event_t *event) {
  seen_t *seen = context;
  assert_true(event->time_ns >= seen->last_ns);
  seen->last_ns = event->time_ns;
  seen->n[number_of(event->kind)]++;
  switch (event->kind) {
    case M4S_PACKET_SENT:
      assert_int_equal(seen->topology->links[event->link].dst, N_HOSTS);
      seen->n_sent[event->packet]++;
      break;
    case M4S_PACKET_ENQUEUED:
    case M4S_PACKET_DEQUEUED:
      see_queue(seen, event);
      break;
    case M4S_PACKET_DELIVERED:
      assert_int_equal(event->packet, M4S_PACKET_DATA);
      assert_int_equal(event->number, seen->delivered[event->flow]);
      seen->delivered[event->flow] += event->payload_bytes;
      break;
    case M4S_PACKET_DROPPED:
      assert_int_equal(seen->topology->links[event->link].dst, N_HOSTS);
      break;
    case M4S_PACKET_PAUSED:
    case M4S_PACKET_RESUMED:
      assert_int_equal(event->flow, -1);
      assert_int_equal(seen->paused[event->link], event->kind == M4S_PACKET_RESUMED);
      seen->paused[event->link] = event->kind == M4S_PACKET_PAUSED;
      break;
    case M4S_PACKET_FLOW_STARTED:
    case M4S_PACKET_FLOW_RECEIVED:
    case M4S_PACKET_FLOW_ACKED:
      assert_int_equal(event->link, -1);
      break;
  }
  return seen->stop_after > 0 && --seen->stop_after == 0
             ? m4s_fail(M4S_ERR_SIMULATION, "seen enough")
             : M4S_OK;
}

static m4s_topology_t *make_star(void) {
  m4s_cable_t cables[N_HOSTS];
  const int32_t forwarder = N_HOSTS;
  for (int32_t i = 0; i < N_HOSTS; i++) {
    cables[i] = (m4s_cable_t){
        .src = i, .dst = N_HOSTS, .bandwidth_bps = INT64_C(10000000000), .delay_ns = 1000};
  }
  const m4s_topology_parts_t parts = {.n_nodes = N_HOSTS + 1,
                                      .n_switches = 1,
                                      .gpus_per_server = 1,
                                      .gpu_type = "host",
                                      .forwarders = &forwarder,
                                      .n_cables = N_HOSTS,
                                      .cables = cables};
  m4s_topology_t *topology;
  ASSERT_OK(m4s_topology_create(&parts, "star", &topology));
  return topology;
}

typedef struct {
  m4s_status_t status;
  m4s_packet_counts_t counts;
  m4s_packet_flow_result_t flows[N_FLOWS];
} outcome_t;

// Without PFC a size at which no last packet is lost.
static int64_t size_of(bool pfc) { return pfc ? 300000 : 28000; }

// Three flows to one host, with two observers.
static outcome_t run(bool pfc, seen_t *all, seen_t *some, unsigned some_kinds) {
  m4s_flow_record_t records[N_FLOWS];
  m4s_clock_t clock = {0};
  m4s_routing_t *routing;
  m4s_flow_list_t *list;
  m4s_network_model_t model;
  m4s_run_t *loop;
  m4s_run_state_t state;
  m4s_packet_rules_t rules;
  outcome_t outcome;
  m4s_topology_t *topology = make_star();
  m4s_packet_observer_t observers[] = {{.kinds = ALL_KINDS, .observe = see, .context = all},
                                       {.kinds = some_kinds, .observe = see, .context = some}};
  for (int i = 0; i < N_FLOWS; i++) {
    records[i] = (m4s_flow_record_t){
        .id = i, .src = i, .dst = N_FLOWS, .size_bytes = size_of(pfc), .start_ns = 1000 * i};
  }
  all->topology = some->topology = topology;
  m4s_packet_rules_set(&rules, M4S_PROFILE_HPCC, M4S_PACKET_DCTCP);
  rules.pfc = pfc;
  rules.window = false;
  rules.buffer_bytes = (pfc ? 140 : 40) * 1024;
  rules.headroom_extra_bytes = pfc ? 8000 : 0;
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_flow_list_create(records, N_FLOWS, routing, &clock, &list));
  ASSERT_OK(m4s_packet_create(&rules, M4S_PACKET_ECMP_FLOW, topology, routing, &clock, &model));
  m4s_packet_observe(&model, &observers[0]);
  m4s_packet_observe(&model, &observers[1]);
  ASSERT_OK(
      m4s_run_create(&clock, m4s_flow_list_as_source(list), model, &(m4s_run_limits_t){0}, &loop));
  outcome.status = m4s_run_advance(loop, NULL, &state);
  outcome.counts = m4s_packet_counts(&model);
  for (int i = 0; i < N_FLOWS; i++) {
    outcome.flows[i] = m4s_packet_flow_result(&model, i);
  }
  m4s_run_destroy(loop);
  model.ops->destroy(model.state);
  m4s_flow_list_destroy(list);
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
  return outcome;
}

static int64_t n_of(const seen_t *seen, m4s_packet_event_kind_t kind) {
  return seen->n[number_of(kind)];
}

static void assert_counts(const seen_t *seen, const outcome_t *outcome, int64_t size_bytes) {
  int64_t n_packets = 0;
  int64_t n_dropped = 0;
  assert_int_equal(outcome->status, M4S_OK);
  for (int i = 0; i < N_FLOWS; i++) {
    assert_int_equal(seen->delivered[i], size_bytes);
    n_packets += outcome->flows[i].n_packets;
    n_dropped += outcome->flows[i].n_dropped;
  }
  assert_int_equal(n_of(seen, M4S_PACKET_FLOW_STARTED), N_FLOWS);
  assert_int_equal(n_of(seen, M4S_PACKET_FLOW_RECEIVED), N_FLOWS);
  assert_int_equal(n_of(seen, M4S_PACKET_FLOW_ACKED), N_FLOWS);
  assert_int_equal(seen->n_sent[M4S_PACKET_DATA], n_packets);
  assert_int_equal(seen->n_sent[M4S_PACKET_DATA], outcome->counts.data_packets);
  assert_int_equal(seen->n_sent[M4S_PACKET_ACK] + seen->n_sent[M4S_PACKET_NACK],
                   outcome->counts.ack_packets);
  assert_int_equal(n_of(seen, M4S_PACKET_DROPPED), outcome->counts.dropped);
  assert_int_equal(n_of(seen, M4S_PACKET_DROPPED), n_dropped);
  assert_int_equal(seen->n_marked, outcome->counts.marked);
  assert_int_equal(n_of(seen, M4S_PACKET_ENQUEUED), n_of(seen, M4S_PACKET_DEQUEUED));
  assert_int_equal(n_of(seen, M4S_PACKET_PAUSED), outcome->counts.pauses);
  assert_int_equal(n_of(seen, M4S_PACKET_RESUMED), outcome->counts.pauses);
}

static void observers_should_see_pauses(void **state) {
  (void)state;
  seen_t all = {0};
  seen_t some = {0};
  outcome_t outcome = run(true, &all, &some, M4S_PACKET_SENT | M4S_PACKET_FLOW_ACKED);
  assert_counts(&all, &outcome, size_of(true));
  assert_true(outcome.counts.pauses > 0);
  assert_true(outcome.counts.marked > 0);
  for (int i = 0; i < N_KINDS; i++) {
    bool wanted = 1 << i == M4S_PACKET_SENT || 1 << i == M4S_PACKET_FLOW_ACKED;
    assert_int_equal(some.n[i], wanted ? all.n[i] : 0);
  }
}

static void observers_should_see_drops(void **state) {
  (void)state;
  seen_t all = {0};
  seen_t some = {0};
  outcome_t outcome = run(false, &all, &some, M4S_PACKET_DROPPED);
  assert_counts(&all, &outcome, size_of(false));
  assert_true(outcome.counts.dropped > 0);
  assert_true(all.n_sent[M4S_PACKET_NACK] > 0);
  assert_int_equal(outcome.counts.pauses, 0);
}

static void observers_should_change_nothing(void **state) {
  (void)state;
  seen_t all = {0};
  seen_t none = {0};
  outcome_t watched = run(true, &all, &none, 0);
  for (int i = 0; i < N_KINDS; i++) {
    assert_int_equal(none.n[i], 0);
  }
  all = (seen_t){0};
  outcome_t again = run(true, &all, &none, ALL_KINDS);
  for (int i = 0; i < N_FLOWS; i++) {
    assert_int_equal(watched.flows[i].fct_ack_ns, again.flows[i].fct_ack_ns);
  }
  assert_int_equal(watched.counts.events, again.counts.events);
}

static void errors_of_observers_should_end_the_run(void **state) {
  (void)state;
  seen_t all = {.stop_after = 100};
  seen_t some = {0};
  outcome_t outcome = run(true, &all, &some, 0);
  assert_int_equal(outcome.status, M4S_ERR_SIMULATION);
  assert_string_equal(m4s_last_error(), "seen enough");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(observers_should_see_pauses),
      cmocka_unit_test(observers_should_see_drops),
      cmocka_unit_test(observers_should_change_nothing),
      cmocka_unit_test(errors_of_observers_should_end_the_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
