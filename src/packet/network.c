#include "packet/transmit.h"

#include <stdlib.h>
#include <string.h>

enum {
  IP_HEADERS_BYTES = 14 + 20,  // Ethernet, IPv4
  LEAST_ACK_BYTES = 26,
  TELEMETRY_BYTES = 42,  // HPCC
  TIMESTAMP_BYTES = 8,  // TIMELY
  FIRST_SOURCE_PORT = 10000,
  MAX_EVENTS_PER_ADVANCE = 4096,  // so that the run's limits are looked at now and then
};

// Flows so far from one host to another.
typedef struct pair_count {
  int32_t src, dst;  // src < 0: free
  int32_t n;
} pair_count_t;

int64_t m4s_serialisation_ns(bool floor_of_double, int64_t bytes, uint64_t rate_bps) {
  __extension__ typedef unsigned __int128 wide_t;
  if (!floor_of_double) {
    // Up to 2 GB the product fits into 64 bits, whose division is much faster.
    const uint64_t bit_ns = UINT64_C(8000000000);
    return bytes < (INT64_C(1) << 31) ? (int64_t)((uint64_t)bytes * bit_ns / rate_bps)
                                      : (int64_t)((wide_t)bytes * bit_ns / rate_bps);
  }
  double seconds = (double)bytes * 8 / (double)rate_bps;
  int64_t whole = (int64_t)seconds;
  uint64_t fraction = (uint64_t)((seconds - (double)whole) * 0x1p64);
  return whole * 1000000000 + (int64_t)((wide_t)fraction * 1000000000 >> 64);
}

void m4s_packet_add_event(network_t *network, m4s_event_key_t key, event_kind_t kind, int32_t id) {
  m4s_status_t status =
      m4s_event_queue_add(&network->events, key, (uint32_t)kind << EVENT_ID_BITS | (uint32_t)id);
  network->status = status == M4S_OK ? network->status : status;
  network->n_live += kind < EVENT_ALPHA;
}

// An array of the packets, with room for more.
static bool grow(void **items, int32_t capacity, size_t item_bytes) {
  void *grown = realloc(*items, (size_t)capacity * item_bytes);
  *items = grown == NULL ? *items : grown;
  return grown != NULL;
}

bool m4s_packet_grow(network_t *network) {
  int32_t capacity = network->packet_capacity == 0 ? 1024 : 2 * network->packet_capacity;
  m4s_packet_cc_t cc = network->rules.cc;
  bool ok = capacity < 1 << (EVENT_ID_BITS - 1) &&
            grow((void **)&network->packets, capacity, sizeof *network->packets) &&
            (cc != M4S_PACKET_HPCC ||
             grow((void **)&network->telemetry, capacity, sizeof *network->telemetry)) &&
            (cc != M4S_PACKET_TIMELY ||
             grow((void **)&network->sent_ns, capacity, sizeof *network->sent_ns));
  if (!ok) {
    network->status = m4s_fail_memory("packets");
    return false;
  }
  network->counts.allocations++;
  network->packet_capacity = capacity;
  return true;
}

// The peer of a port has told it to pause, or to go on.
static void set_paused(const network_t *network, port_t *port, bool paused) {
  if (paused && !port->paused) {
    port->n_pauses++;
    port->paused_since_ns = now_of(network);
  } else if (!paused && port->paused) {
    port->paused_ns += now_of(network) - port->paused_since_ns;
  }
  port->paused = paused;
}

// A PFC frame has come to the end of a link.
static void receive_pfc(network_t *network, int32_t id) {
  const packet_t *packet = &network->packets[id];
  bool pause = packet->kind == M4S_PACKET_PAUSE;
  int32_t port_id = network->ports[packet->link].reverse;
  port_t *port = &network->ports[port_id];
  set_paused(network, port, pause);
  tell_packet(network, pause ? M4S_PACKET_PAUSED : M4S_PACKET_RESUMED, port_id, id);
  free_packet(network, id);
  if (!pause) {
    (port->is_nic ? m4s_packet_host_send : m4s_packet_switch_send)(network, port_id);
  }
}

static void run_alarm(network_t *network, int32_t port_id) {
  nic_t *nic = &network->nics[port_id];
  if (nic->alarm.order == network->present.order) {
    nic->alarm = m4s_event_never();
    m4s_packet_host_send(network, port_id);
  }
}

static void tell_sent(network_t *network, int32_t flow) {
  network->completed = true;
  m4s_status_t status = network->port->flow_sent(network->port->context, flow);
  network->status = network->status == M4S_OK ? status : network->status;
}

static void run_event(network_t *network, event_kind_t kind, int32_t id) {
  switch (kind) {
    case EVENT_AT_SWITCH:
      if (network->packets[id].kind < M4S_PACKET_PAUSE) {
        m4s_packet_switch_receive(network, id);
      } else {
        receive_pfc(network, id);
      }
      break;
    case EVENT_AT_HOST:
      if (network->packets[id].kind < M4S_PACKET_PAUSE) {
        m4s_packet_host_receive(network, id);
      } else {
        receive_pfc(network, id);
      }
      break;
    case EVENT_PORT_FREE:
      network->ports[id].done_scheduled = false;
      m4s_packet_switch_send(network, id);
      break;
    case EVENT_NIC_FREE:
      network->ports[id].done_scheduled = false;
      m4s_packet_host_send(network, id);
      break;
    case EVENT_ALARM:
      run_alarm(network, id);
      break;
    case EVENT_FLOW_INIT:
      new_event(network, now_of(network), EVENT_FLOW_START, id);
      break;
    case EVENT_FLOW_START:
      m4s_packet_host_start_flow(network, id);
      break;
    case EVENT_FLOW_SENT:
      tell_sent(network, id);
      break;
    case EVENT_ALPHA:
    case EVENT_DECREASE:
    case EVENT_INCREASE:
      m4s_packet_cc_timer(network, kind, id, network->present.order);
      break;
  }
}

static void run(network_t *network, m4s_event_key_t key, uint32_t what) {
  event_kind_t kind = (event_kind_t)(what >> EVENT_ID_BITS);
  network->present.order = key.order;
  network->present.time_ns = key.time_ns;
  network->clock->now_ns = key.time_ns;
  network->n_live -= kind < EVENT_ALPHA;
  network->counts.events++;
  run_event(network, kind, (int32_t)(what & EVENT_ID_MASK));
}

// Runs the next event if it comes before `until`.
static bool run_next(network_t *network, m4s_event_key_t until) {
  uint32_t what;
  m4s_event_key_t key;
  if (network->partitions != NULL) {
    m4s_packet_open_window(network, until);
  }
  if (!m4s_event_queue_take(&network->events, until, &key, &what)) {
    return false;
  }
  run(network, key, what);
  return true;
}

static bool goes_on(const network_t *network) {
  return network->status == M4S_OK && !network->completed;
}

// Runs events before a time, as long as they are near, until so many have been run in all.
static void run_near(network_t *network, int64_t until_ns, int64_t end) {
  m4s_event_queue_t *events = &network->events;
  while (goes_on(network) && network->counts.events < end &&
         m4s_event_queue_go_on(events, until_ns)) {
    m4s_event_key_t key = {.time_ns = events->now_ns};
    uint32_t what;
    uint32_t following;
    while (goes_on(network) && m4s_event_queue_take_now(events, &key.order, &what)) {
      if (m4s_event_queue_peek_now(events, &following)) {
        __builtin_prefetch(&network->packets[following & EVENT_ID_MASK]);  // mostly of a packet
      }
      run(network, key, what);
    }
  }
}

static m4s_status_t advance(void *state, m4s_event_key_t until, const m4s_completion_port_t *port) {
  network_t *network = state;
  network->port = port;
  network->completed = false;
  const int64_t end = network->counts.events + MAX_EVENTS_PER_ADVANCE;
  do {
    run_near(network, m4s_packet_window_ns(network, until.time_ns), end);
  } while (goes_on(network) && network->counts.events < end && run_next(network, until));
  return network->status;
}

// Timers alone bring nothing about: without another event nothing will ever happen.
static m4s_event_key_t next_event(const void *state) {
  const network_t *network = state;
  m4s_event_key_t posted = {.time_ns = m4s_packet_first_posted_ns(network)};
  if (network->n_live == 0 && posted.time_ns == M4S_TIME_NEVER) {
    return m4s_event_never();
  }
  m4s_event_key_t first = m4s_event_queue_first(&network->events);
  return posted.time_ns <= first.time_ns ? posted : first;
}

static size_t pair_slot(const network_t *network, int32_t src, int32_t dst) {
  uint64_t key = (uint64_t)(uint32_t)src << 32 | (uint32_t)dst;
  size_t slot = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (network->pair_capacity - 1);
  while (network->pairs[slot].src >= 0 &&
         (network->pairs[slot].src != src || network->pairs[slot].dst != dst)) {
    slot = (slot + 1) & (network->pair_capacity - 1);
  }
  return slot;
}

static m4s_status_t grow_pairs(network_t *network) {
  size_t old_capacity = network->pair_capacity;
  pair_count_t *old = network->pairs;
  size_t capacity = old_capacity == 0 ? 1024 : 2 * old_capacity;
  pair_count_t *pairs = malloc(capacity * sizeof *pairs);
  if (pairs == NULL) {
    return m4s_fail_memory("flows");
  }
  for (size_t i = 0; i < capacity; i++) {
    pairs[i] = (pair_count_t){.src = NO_ID};
  }
  network->counts.allocations++;
  network->pairs = pairs;
  network->pair_capacity = capacity;
  for (size_t i = 0; i < old_capacity; i++) {
    if (old[i].src >= 0) {
      pairs[pair_slot(network, old[i].src, old[i].dst)] = old[i];
    }
  }
  free(old);
  return M4S_OK;
}

// The source port of the next flow of a pair.
static m4s_status_t next_source_port(network_t *network, int32_t src, int32_t dst,
                                     uint16_t *port_out) {
  if (2 * (network->n_pairs + 1) > network->pair_capacity) {
    M4S_TRY(grow_pairs(network));
  }
  pair_count_t *pair = &network->pairs[pair_slot(network, src, dst)];
  if (pair->src < 0) {
    *pair = (pair_count_t){.src = src, .dst = dst};
    network->n_pairs++;
  }
  *port_out = (uint16_t)(FIRST_SOURCE_PORT + pair->n++);
  return M4S_OK;
}

uint32_t m4s_packet_address(int32_t host) {
  return UINT32_C(0x0b000001) + ((uint32_t)host >> 8 << 16) + (((uint32_t)host & 255) << 8);
}

static m4s_status_t find_path(network_t *network, int32_t src, int32_t dst,
                              const m4s_flow_key_t *key, const int32_t **links_out,
                              int32_t *n_links_out) {
  if (network->ecmp == M4S_PACKET_ECMP_PAIR) {
    return m4s_routing_path(network->routing, src, dst, links_out, n_links_out);
  }
  return m4s_routing_flow_path(network->routing, src, dst, key, links_out, n_links_out);
}

// Behind the last route is room for one more link, which packets at their destination look at.
static m4s_status_t add_route(network_t *network, const int32_t *links, int32_t n_links) {
  int64_t n = network->n_routes + n_links;
  if (n >= network->route_capacity) {
    int64_t capacity = 2 * n;
    int32_t *routes =
        capacity > INT32_MAX ? NULL : realloc(network->routes, (size_t)capacity * sizeof *routes);
    if (routes == NULL) {
      return m4s_fail_memory("flows");
    }
    network->counts.allocations++;
    network->routes = routes;
    network->route_capacity = capacity;
  }
  memcpy(network->routes + network->n_routes, links, (size_t)n_links * sizeof *links);
  network->routes[n] = NO_ID;
  network->n_routes = n;
  return M4S_OK;
}

// The paths of data and of ACKs, one behind the other.
static m4s_status_t set_paths(network_t *network, const m4s_flow_t *flow, sender_t *sender) {
  m4s_flow_key_t key = {.src_address = m4s_packet_address(flow->src),
                        .dst_address = m4s_packet_address(flow->dst),
                        .dst_port = M4S_PACKET_DESTINATION_PORT};
  M4S_TRY(next_source_port(network, flow->src, flow->dst, &key.src_port));
  sender->source_port = key.src_port;
  const m4s_flow_key_t back = {.src_address = key.dst_address,
                               .dst_address = key.src_address,
                               .src_port = key.dst_port,
                               .dst_port = key.src_port};
  const int32_t *links;
  int32_t n_links;
  if (network->ecmp == M4S_PACKET_ECMP_GIVEN) {
    links = flow->links;
    n_links = flow->n_links;
  } else {
    M4S_TRY(find_path(network, flow->src, flow->dst, &key, &links, &n_links));
  }
  sender->route = (int32_t)network->n_routes;
  sender->nic = links[0];
  sender->n_hops = (uint16_t)n_links;
  M4S_TRY(add_route(network, links, n_links));
  M4S_TRY(find_path(network, flow->dst, flow->src, &back, &links, &n_links));
  sender->n_ack_hops = (uint16_t)n_links;
  return add_route(network, links, n_links);
}

static m4s_status_t grow_senders(network_t *network, int64_t n) {
  if (n <= network->sender_capacity) {
    return M4S_OK;
  }
  int64_t capacity = network->sender_capacity == 0 ? 1024 : 2 * network->sender_capacity;
  capacity = capacity < n ? n : capacity;
  if (capacity >= INT64_C(1) << EVENT_ID_BITS) {
    return m4s_fail_memory("flows");
  }
  sender_t *senders = aligned_alloc(CACHE_LINE_BYTES, (size_t)capacity * sizeof *senders);
  if (senders == NULL) {
    return m4s_fail_memory("flows");
  }
  size_t n_old = (size_t)network->sender_capacity;
  if (n_old > 0) {
    memcpy(senders, network->senders, n_old * sizeof *senders);
  }
  memset(senders + n_old, 0, ((size_t)capacity - n_old) * sizeof *senders);
  free(network->senders);
  network->counts.allocations++;
  network->senders = senders;
  network->sender_capacity = capacity;
  return M4S_OK;
}

// Events that were not waited for, since only timers were left, happen before this.
static m4s_status_t catch_up(network_t *network) {
  m4s_event_key_t now = {.time_ns = network->clock->now_ns};
  int64_t now_ns = now.time_ns;
  while (next_event(network).time_ns == M4S_TIME_NEVER && network->status == M4S_OK &&
         run_next(network, now)) {
  }
  network->clock->now_ns = now_ns;
  return network->status;
}

static m4s_status_t prepare_flow(network_t *network, const m4s_flow_t *flow) {
  M4S_TRY(catch_up(network));
  if (network->n_senders == 0) {
    network->began_ns = network->clock->now_ns;
  }
  M4S_TRY(grow_senders(network, flow->id + 1));
  network->n_senders = flow->id >= network->n_senders ? flow->id + 1 : network->n_senders;
  sender_t *sender = &network->senders[flow->id];
  *sender = (sender_t){
      .size_bytes = flow->size_bytes, .start_ns = -1, .fct_ack_ns = -1, .fct_received_ns = -1};
  M4S_TRY(set_paths(network, flow, sender));
  m4s_packet_set_rate(network, sender, network->nics[sender->nic].max_rate_bps);
  M4S_TRY(m4s_packet_cc_start(network, sender));
  network->n_active++;
  return M4S_OK;
}

static m4s_status_t start_flow(void *state, const m4s_flow_t *flow) {
  network_t *network = state;
  M4S_TRY(prepare_flow(network, flow));
  new_event(network, network->clock->now_ns, EVENT_FLOW_INIT, (int32_t)flow->id);
  return network->status;
}

static m4s_status_t call_flow(void *state, const m4s_flow_t *flow, int32_t caller,
                              int64_t start_ns) {
  network_t *network = state;
  M4S_TRY(prepare_flow(network, flow));
  if (network->partitions != NULL) {
    M4S_TRY(m4s_packet_call(network, (int32_t)flow->id, caller, start_ns));
  } else {
    new_event(network, start_ns, EVENT_FLOW_START, (int32_t)flow->id);
  }
  return network->status;
}

static void link_usage(const void *state, m4s_link_usage_t *usage_out) {
  const network_t *network = state;
  for (int32_t i = 0; i < network->topology->n_links; i++) {
    usage_out[i] = (m4s_link_usage_t){.bytes = (int64_t)network->ports[i].sent_bytes,
                                      .busy_ns = network->ports[i].sending_ns};
  }
}

static void destroy(void *state) {
  network_t *network = state;
  for (int64_t i = 0; network->rules.cc == M4S_PACKET_HPCC && i < network->n_senders; i++) {
    free(network->senders[i].cc.hpcc);
  }
  for (int32_t i = 0; network->nics != NULL && i < network->topology->n_links; i++) {
    free(network->nics[i].flows);
  }
  m4s_packet_partitions_destroy(network->partitions);
  m4s_event_queue_clear(&network->events);
  free(network->senders);
  free(network->packets);
  free(network->telemetry);
  free(network->sent_ns);
  free(network->routes);
  free(network->pairs);
  free(network->ports);
  free(network->ingresses);
  free(network->nics);
  free(network->mmus);
  free(network->queue_watches);
  free(network);
}

static const m4s_network_model_ops_t packet_ops = {
    .name = "packet",
    .start_flow = start_flow,
    .call_flow = call_flow,
    .next_event = next_event,
    .advance = advance,
    .link_usage = link_usage,
    .stalled = m4s_packet_stalled,
    .destroy = destroy,
};

static void init_ports(network_t *network) {
  const m4s_topology_t *topology = network->topology;
  for (int32_t i = 0; i < topology->n_links; i++) {
    const m4s_link_t *link = &topology->links[i];
    bool to_host = topology->kinds[link->dst] == M4S_NODE_HOST;
    network->ports[i] = (port_t){.delay_ns = link->delay_ns,
                                 .class0 = {NO_ID, NO_ID},
                                 .class3 = {NO_ID, NO_ID},
                                 .arrival = to_host ? EVENT_AT_HOST : EVENT_AT_SWITCH,
                                 .is_nic = topology->kinds[link->src] == M4S_NODE_HOST,
                                 .rate_bps = link->bandwidth_bps,
                                 .node = link->src,
                                 .peer = link->dst,
                                 .reverse = m4s_topology_find_link(topology, link->dst, link->src)};
    network->nics[i].alarm = m4s_event_never();
  }
}

// Times on a link are kept in 32 bits.
static m4s_status_t check_least_rate(const network_t *network, const char *what, int64_t bps) {
  if (m4s_serialisation_ns(false, network->full_wire_bytes, (uint64_t)bps) > INT32_MAX) {
    return m4s_fail(M4S_ERR_INPUT,
                    "packet: %s of %lld b/s: packets of %d bytes would take more than 2 s", what,
                    (long long)bps, network->full_wire_bytes);
  }
  return M4S_OK;
}

static m4s_status_t check_links(const network_t *network) {
  const m4s_packet_rules_t *rules = &network->rules;
  M4S_TRY(check_least_rate(network, "min_rate", rules->min_rate_bps));
  for (int32_t i = 0; i < network->topology->n_links; i++) {
    const port_t *port = &network->ports[i];
    M4S_TRY(check_least_rate(network, "a link", port->rate_bps));
    if (port->is_nic && rules->min_rate_bps > port->rate_bps) {
      return m4s_fail(M4S_ERR_INPUT,
                      "packet: min_rate (%lld b/s) is above the rate of the link from host %d to "
                      "node %d (%lld b/s)",
                      (long long)rules->min_rate_bps, port->node, port->peer,
                      (long long)port->rate_bps);
    }
  }
  return M4S_OK;
}

// The limits of a NIC's flows.
static void init_nic(const network_t *network, int32_t port_id) {
  const m4s_packet_rules_t *rules = &network->rules;
  nic_t *nic = &network->nics[port_id];
  int64_t bps = network->ports[port_id].rate_bps;
  if (rules->max_rate_bps > 0 && rules->max_rate_bps < bps) {
    bps = rules->max_rate_bps;
  }
  nic->max_rate_bps = (uint64_t)bps;
  if (rules->window) {
    nic->window_bytes = rules->propagation_rtt
                            ? (int64_t)((double)bps * (double)network->base_rtt_ns * 1e-9 / 8)
                            : network->window_bytes;
  }
}

static m4s_status_t init(network_t *network) {
  const m4s_topology_t *topology = network->topology;
  const m4s_packet_rules_t *rules = &network->rules;
  const int32_t added = rules->cc == M4S_PACKET_HPCC     ? TELEMETRY_BYTES
                        : rules->cc == M4S_PACKET_TIMELY ? TIMESTAMP_BYTES
                                                         : 0;
  int32_t ack = rules->ack_header_bytes + added;
  network->data_overhead_bytes = rules->data_header_bytes + added;
  network->full_wire_bytes = rules->payload_bytes + network->data_overhead_bytes;
  network->ack_wire_bytes = IP_HEADERS_BYTES + (ack > LEAST_ACK_BYTES ? ack : LEAST_ACK_BYTES);
  size_t n_ports = (size_t)topology->n_links + 1;
  network->ports = aligned_alloc(CACHE_LINE_BYTES, n_ports * sizeof *network->ports);
  network->ingresses = calloc(n_ports, sizeof *network->ingresses);
  network->nics = calloc(n_ports, sizeof *network->nics);
  network->mmus =
      aligned_alloc(CACHE_LINE_BYTES, ((size_t)topology->n_nodes + 1) * sizeof *network->mmus);
  if (network->ports == NULL || network->ingresses == NULL || network->nics == NULL ||
      network->mmus == NULL) {
    return m4s_fail_memory("a packet network");
  }
  init_ports(network);
  if (!m4s_packet_grow(network)) {
    return network->status;
  }
  network->counts.allocations = 0;
  M4S_TRY(check_links(network));
  if (rules->partitioned) {
    M4S_TRY(m4s_packet_partitions_create(network));
  }
  for (int32_t node = topology->n_hosts; node < topology->n_nodes; node++) {
    M4S_TRY(m4s_packet_switch_init(network, node));
  }
  M4S_TRY(m4s_packet_find_window(network));
  for (int32_t i = 0; i < topology->n_links; i++) {
    init_nic(network, i);
  }
  return M4S_OK;
}

m4s_status_t m4s_packet_create(const m4s_packet_rules_t *rules, m4s_packet_ecmp_t ecmp,
                               const m4s_topology_t *topology, m4s_routing_t *routing,
                               m4s_clock_t *clock, m4s_network_model_t *model_out) {
  M4S_TRY(m4s_packet_rules_check(rules));
  network_t *network = calloc(1, sizeof *network);
  if (network == NULL) {
    return m4s_fail_memory("a packet network");
  }
  network->rules = *rules;
  network->ecmp = ecmp;
  network->topology = topology;
  network->routing = routing;
  network->clock = clock;
  network->first_free_packet = NO_ID;
  m4s_event_queue_init(&network->events);
  m4s_status_t status = init(network);
  if (status != M4S_OK) {
    destroy(network);
    return status;
  }
  *model_out = (m4s_network_model_t){.ops = &packet_ops, .state = network};
  return M4S_OK;
}

static int32_t packet_bytes(const network_t *network) {
  size_t bytes = sizeof *network->packets + sizeof *network->events.events;
  bytes += network->telemetry == NULL ? 0 : sizeof *network->telemetry;
  bytes += network->sent_ns == NULL ? 0 : sizeof *network->sent_ns;
  return (int32_t)bytes;
}

m4s_packet_counts_t m4s_packet_counts(const m4s_network_model_t *model) {
  const network_t *network = model->state;
  m4s_packet_counts_t counts = network->counts;
  counts.peak_packets = network->n_packets;
  counts.packet_bytes = packet_bytes(network);
  counts.allocations += network->events.n_allocations;
  for (int32_t i = 0; i < network->topology->n_links; i++) {
    counts.transmissions += network->ports[i].n_sent;
    counts.marked += network->ports[i].n_marked;
  }
  return counts;
}

m4s_packet_flow_result_t m4s_packet_flow_result(const m4s_network_model_t *model, int64_t flow) {
  const network_t *network = model->state;
  const sender_t *sender = &network->senders[flow];
  return (m4s_packet_flow_result_t){.start_ns = sender->start_ns,
                                    .fct_ack_ns = sender->fct_ack_ns,
                                    .fct_received_ns = sender->fct_received_ns,
                                    .n_packets = sender->n_packets,
                                    .n_retransmitted = sender->n_retransmitted,
                                    .n_dropped = sender->n_dropped,
                                    .source_port = sender->source_port};
}

void m4s_packet_flow_path(const m4s_network_model_t *model, int64_t flow, const int32_t **links_out,
                          int32_t *n_links_out) {
  const network_t *network = model->state;
  *links_out = path_of(network, &network->senders[flow]);
  *n_links_out = network->senders[flow].n_hops;
}
