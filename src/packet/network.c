#include "packet/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  IP_HEADERS_BYTES = 14 + 20,  // Ethernet, IPv4
  LEAST_ACK_BYTES = 26,
  TELEMETRY_BYTES = 42,  // HPCC
  TIMESTAMP_BYTES = 8,  // TIMELY
  SMALL_BYTES = 128,  // an ACK rather than data
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
  double whole = floor(seconds);
  uint64_t fraction = (uint64_t)((seconds - whole) * 0x1p64);
  return (int64_t)whole * 1000000000 + (int64_t)((wide_t)fraction * 1000000000 >> 64);
}

void m4s_packet_add_event(network_t *network, m4s_event_key_t key, event_kind_t kind, int32_t id) {
  m4s_status_t status =
      m4s_event_queue_add(&network->events, key, (uint32_t)kind << EVENT_ID_BITS | (uint32_t)id);
  network->status = status == M4S_OK ? network->status : status;
  network->n_live += kind < EVENT_ALPHA;
}

static m4s_status_t grow_packets(network_t *network) {
  int32_t capacity = network->packet_capacity == 0 ? 1024 : 2 * network->packet_capacity;
  packet_t *packets = realloc(network->packets, (size_t)capacity * sizeof *packets);
  network->packets = packets == NULL ? network->packets : packets;
  if (packets == NULL || capacity >= 1 << (EVENT_ID_BITS - 1)) {
    return m4s_fail_memory("packets");
  }
  if (network->rules.cc == M4S_PACKET_HPCC) {
    telemetry_t *telemetry =
        realloc(network->telemetry, (size_t)capacity * sizeof *network->telemetry);
    if (telemetry == NULL) {
      return m4s_fail_memory("packets");
    }
    network->telemetry = telemetry;
  }
  network->packet_capacity = capacity;
  return M4S_OK;
}

int32_t m4s_packet_take(network_t *network) {
  int32_t id = network->first_free_packet;
  if (id != NO_ID) {
    network->first_free_packet = network->packets[id].next;
  } else {
    if (network->n_packets == network->packet_capacity) {
      m4s_status_t status = grow_packets(network);
      if (status != M4S_OK) {
        network->status = status;
        return NO_ID;
      }
    }
    id = network->n_packets++;
  }
  network->n_in_use++;
  if (network->n_in_use > network->counts.peak_packets) {
    network->counts.peak_packets = network->n_in_use;
  }
  return id;
}

void m4s_packet_free(network_t *network, int32_t packet) {
  network->packets[packet].next = network->first_free_packet;
  network->first_free_packet = packet;
  network->n_in_use--;
}

// Serialisation at a port, which mostly sends two sizes.
static int64_t serialise(const network_t *network, port_t *port, int32_t bytes) {
  int slot = bytes > SMALL_BYTES;
  if (port->serialised_bytes[slot] != bytes) {
    port->serialised_bytes[slot] = bytes;
    port->serialised_ns[slot] = (int32_t)m4s_serialisation_ns(network->rules.floor_of_double, bytes,
                                                              (uint64_t)port->rate_bps);
  }
  return port->serialised_ns[slot];
}

bool m4s_packet_port_is_busy(network_t *network, int32_t port_id) {
  port_t *port = &network->ports[port_id];
  if (!m4s_event_before(network->present, port->done)) {
    return false;
  }
  if (!port->done_scheduled) {
    port->done_scheduled = true;
    m4s_packet_add_event(network, port->done, EVENT_SENT, port_id);
  }
  return true;
}

void m4s_packet_transmit(network_t *network, int32_t port_id, int32_t packet, bool more) {
  port_t *port = &network->ports[port_id];
  int32_t bytes = network->packets[packet].wire_bytes;
  int64_t sending_ns = serialise(network, port, bytes);
  int64_t done_ns = now_of(network) + sending_ns;
  port->sent_bytes += (uint64_t)bytes;
  port->sending_ns += sending_ns;
  port->n_sent++;
  network->counts.transmissions++;
  // The end of sending comes before the arrival, also where both happen at one time; nobody looks
  // at it unless something waits for the port.
  port->done = m4s_clock_schedule(network->clock, done_ns);
  port->done_scheduled = more;
  if (more) {
    append_event(network, port->done, EVENT_SENT, port_id);
  }
  if (port->crosses) {
    m4s_packet_post(network, port_id, done_ns + port->delay_ns, packet);
  } else {
    new_event(network, done_ns + port->delay_ns, EVENT_ARRIVAL, packet);
  }
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

static void arrive(network_t *network, int32_t id) {
  packet_t *packet = &network->packets[id];
  const port_t *link = &network->ports[packet->link];
  int32_t port_id = link->reverse;
  if (packet->kind >= M4S_PACKET_PAUSE) {
    bool pause = packet->kind == M4S_PACKET_PAUSE;
    set_paused(network, &network->ports[port_id], pause);
    tell_packet(network, pause ? M4S_PACKET_PAUSED : M4S_PACKET_RESUMED, port_id, id);
    m4s_packet_free(network, id);
    if (!pause) {
      (link->peer_is_host ? m4s_packet_host_send : m4s_packet_switch_send)(network, port_id);
    }
  } else if (link->peer_is_host) {
    m4s_packet_host_receive(network, port_id, id);
  } else {
    m4s_packet_switch_receive(network, port_id, id);
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
    case EVENT_ARRIVAL:
      arrive(network, id);
      break;
    case EVENT_SENT:
      network->ports[id].done_scheduled = false;
      (network->ports[id].is_nic ? m4s_packet_host_send : m4s_packet_switch_send)(network, id);
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
  event_kind_t kind = (event_kind_t)(what >> EVENT_ID_BITS);
  network->present = key;
  network->clock->now_ns = key.time_ns;
  network->n_live -= kind < EVENT_ALPHA;
  network->counts.events++;
  run_event(network, kind, (int32_t)(what & ((1U << EVENT_ID_BITS) - 1)));
  return true;
}

static m4s_status_t advance(void *state, m4s_event_key_t until, const m4s_completion_port_t *port) {
  network_t *network = state;
  network->port = port;
  network->completed = false;
  int n_events = 0;
  while (network->status == M4S_OK && !network->completed && n_events < MAX_EVENTS_PER_ADVANCE &&
         run_next(network, until)) {
    n_events++;
  }
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

// The paths of data and of ACKs, in one array.
static m4s_status_t set_paths(network_t *network, const m4s_flow_t *flow, sender_t *sender) {
  m4s_flow_key_t key = {.src_address = m4s_packet_address(flow->src),
                        .dst_address = m4s_packet_address(flow->dst),
                        .dst_port = M4S_PACKET_DESTINATION_PORT};
  M4S_TRY(next_source_port(network, flow->src, flow->dst, &key.src_port));
  sender->result.source_port = key.src_port;
  const m4s_flow_key_t back = {.src_address = key.dst_address,
                               .dst_address = key.src_address,
                               .src_port = key.dst_port,
                               .dst_port = key.src_port};
  const int32_t *links;
  M4S_TRY(find_path(network, flow->src, flow->dst, &key, &links, &sender->n_hops));
  int32_t *path = malloc((size_t)sender->n_hops * sizeof *path);
  if (path == NULL) {
    return m4s_fail_memory("flows");
  }
  memcpy(path, links, (size_t)sender->n_hops * sizeof *path);
  sender->path = path;
  M4S_TRY(find_path(network, flow->dst, flow->src, &back, &links, &sender->n_ack_hops));
  size_t n_both = (size_t)sender->n_hops + (size_t)sender->n_ack_hops;
  path = realloc(sender->path, n_both * sizeof *path);
  if (path == NULL) {
    return m4s_fail_memory("flows");
  }
  sender->path = path;
  sender->ack_path = path + sender->n_hops;
  memcpy(sender->ack_path, links, (size_t)sender->n_ack_hops * sizeof *path);
  return sender->n_hops > MAX_HOPS || sender->n_ack_hops > MAX_HOPS
             ? m4s_fail(M4S_ERR_INPUT, "packet: a path of more than %d links", MAX_HOPS)
             : M4S_OK;
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
  sender_t *senders = realloc(network->senders, (size_t)capacity * sizeof *senders);
  if (senders == NULL) {
    return m4s_fail_memory("flows");
  }
  memset(senders + network->sender_capacity, 0,
         (size_t)(capacity - network->sender_capacity) * sizeof *senders);
  network->senders = senders;
  network->sender_capacity = capacity;
  return M4S_OK;
}

static uint64_t line_rate(const network_t *network, int32_t port_id) {
  int64_t max_bps = network->rules.max_rate_bps;
  int64_t bps = network->ports[port_id].rate_bps;
  return (uint64_t)(max_bps > 0 && max_bps < bps ? max_bps : bps);
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
  *sender = (sender_t){.size_bytes = flow->size_bytes,
                       .result = {.start_ns = -1, .fct_ack_ns = -1, .fct_received_ns = -1}};
  M4S_TRY(set_paths(network, flow, sender));
  sender->nic = sender->path[0];
  sender->max_rate_bps = line_rate(network, sender->nic);
  sender->base_rtt_ns = network->base_rtt_ns;
  if (network->rules.window) {
    sender->window_bytes =
        network->rules.propagation_rtt
            ? (int64_t)((double)sender->max_rate_bps * (double)network->base_rtt_ns * 1e-9 / 8)
            : network->window_bytes;
  }
  m4s_packet_set_rate(network, sender, sender->max_rate_bps);
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
  for (int64_t i = 0; i < network->n_senders; i++) {
    free(network->senders[i].path);
    if (network->rules.cc == M4S_PACKET_HPCC) {
      free(network->senders[i].cc.hpcc);
    }
  }
  for (int32_t i = 0; network->nics != NULL && i < network->topology->n_links; i++) {
    free(network->nics[i].flows);
  }
  m4s_packet_partitions_destroy(network->partitions);
  m4s_event_queue_clear(&network->events);
  free(network->senders);
  free(network->packets);
  free(network->telemetry);
  free(network->pairs);
  free(network->ports);
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
    network->ports[i] = (port_t){.rate_bps = link->bandwidth_bps,
                                 .delay_ns = link->delay_ns,
                                 .node = link->src,
                                 .peer = link->dst,
                                 .reverse = m4s_topology_find_link(topology, link->dst, link->src),
                                 .is_nic = topology->kinds[link->src] == M4S_NODE_HOST,
                                 .peer_is_host = topology->kinds[link->dst] == M4S_NODE_HOST,
                                 .class0 = {NO_ID, NO_ID},
                                 .class3 = {NO_ID, NO_ID}};
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

// Whether a host has one cable only, to a node where an earlier host has an equal one: what holds
// of pairs with the one holds of those with the other.
static bool is_like_earlier_host(const m4s_topology_t *topology, int32_t host, int32_t *last_at) {
  int32_t start = topology->adjacency_start[host];
  if (topology->adjacency_start[host + 1] - start != 1) {
    return false;
  }
  const m4s_link_t *link = &topology->links[topology->adjacency[start]];
  int32_t other = last_at[link->dst];
  last_at[link->dst] = host;
  if (other == NO_ID) {
    return false;
  }
  const m4s_link_t *others =
      &topology->links[topology->adjacency[topology->adjacency_start[other]]];
  return others->bandwidth_bps == link->bandwidth_bps && others->delay_ns == link->delay_ns;
}

static void widen_window(network_t *network, const m4s_pair_facts_t *facts) {
  __extension__ typedef __int128 wide_t;
  int64_t rtt_ns = network->rules.propagation_rtt ? facts->propagation_rtt_ns : facts->base_rtt_ns;
  int64_t bytes = (int64_t)((wide_t)rtt_ns * facts->bottleneck_bps / 1000000000 / 8);
  network->base_rtt_ns = rtt_ns > network->base_rtt_ns ? rtt_ns : network->base_rtt_ns;
  network->window_bytes = bytes > network->window_bytes ? bytes : network->window_bytes;
}

static m4s_status_t widen_windows(network_t *network, m4s_pair_facts_t *facts, int32_t *last_at) {
  const m4s_topology_t *topology = network->topology;
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    last_at[node] = NO_ID;
  }
  for (int32_t dst = 0; dst < topology->n_hosts; dst++) {
    if (is_like_earlier_host(topology, dst, last_at)) {
      continue;
    }
    M4S_TRY(m4s_routing_facts_towards(network->routing, dst, facts));
    for (int32_t src = 0; src < topology->n_hosts; src++) {
      if (facts[src].n_links > 0) {
        widen_window(network, &facts[src]);
      }
    }
  }
  return M4S_OK;
}

// The largest base RTT and bandwidth-delay product of any pair of hosts.
static m4s_status_t find_window(network_t *network) {
  size_t n_nodes = (size_t)network->topology->n_nodes;
  m4s_pair_facts_t *facts = malloc(n_nodes * sizeof *facts);
  int32_t *last_at = malloc(n_nodes * sizeof *last_at);
  m4s_status_t status = facts == NULL || last_at == NULL ? m4s_fail_memory("a packet network")
                                                         : widen_windows(network, facts, last_at);
  free(facts);
  free(last_at);
  if (network->rules.window_bytes > 0) {
    network->window_bytes = network->rules.window_bytes;
  }
  return status;
}

static m4s_status_t init(network_t *network) {
  const m4s_topology_t *topology = network->topology;
  const m4s_packet_rules_t *rules = &network->rules;
  const int32_t added = rules->cc == M4S_PACKET_HPCC     ? TELEMETRY_BYTES
                        : rules->cc == M4S_PACKET_TIMELY ? TIMESTAMP_BYTES
                                                         : 0;
  int32_t ack = rules->ack_header_bytes + added;
  network->full_wire_bytes = rules->payload_bytes + rules->data_header_bytes + added;
  network->ack_wire_bytes = IP_HEADERS_BYTES + (ack > LEAST_ACK_BYTES ? ack : LEAST_ACK_BYTES);
  network->ports = calloc((size_t)topology->n_links + 1, sizeof *network->ports);
  network->nics = calloc((size_t)topology->n_links + 1, sizeof *network->nics);
  network->mmus = calloc((size_t)topology->n_nodes + 1, sizeof *network->mmus);
  if (network->ports == NULL || network->nics == NULL || network->mmus == NULL) {
    return m4s_fail_memory("a packet network");
  }
  init_ports(network);
  M4S_TRY(check_links(network));
  if (rules->partitioned) {
    M4S_TRY(m4s_packet_partitions_create(network));
  }
  for (int32_t node = topology->n_hosts; node < topology->n_nodes; node++) {
    M4S_TRY(m4s_packet_switch_init(network, node));
  }
  return find_window(network);
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

m4s_packet_counts_t m4s_packet_counts(const m4s_network_model_t *model) {
  const network_t *network = model->state;
  return network->counts;
}

m4s_packet_flow_result_t m4s_packet_flow_result(const m4s_network_model_t *model, int64_t flow) {
  const network_t *network = model->state;
  return network->senders[flow].result;
}

void m4s_packet_flow_path(const m4s_network_model_t *model, int64_t flow, const int32_t **links_out,
                          int32_t *n_links_out) {
  const network_t *network = model->state;
  *links_out = network->senders[flow].path;
  *n_links_out = network->senders[flow].n_hops;
}
