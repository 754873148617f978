// The state of a packet network, shared by the files of this folder.
//
// Objects are numbered; a port is the sending end of a directed link and has the link's number.
// Data structures are sized for the hot path: no allocation per packet but from free lists.
#pragma once

#include "flow/flow.h"
#include "net/routing.h"
#include "packet/event_queue.h"
#include "packet/packet.h"
#include "packet/rules.h"

enum { NO_ID = -1, INT_HOPS = 5, CACHE_LINE_BYTES = 64 };

// 32 bytes.
typedef struct {
  int32_t next;  // in its queue, or of the free ones
  int32_t flow;  // not of PFC frames
  int32_t link;  // that it is on; in a switch, the one it came over
  int32_t next_link;  // where it goes from the end of that, or next; not of PFC frames
  int32_t route;  // index into the network's routes where next_link stands
  uint16_t wire_bytes;
  uint8_t kind;  // m4s_packet_kind_t
  bool marked;  // by ECN; in an ACK: its data packet was
  int64_t number;  // data: offset of its first byte; ACK, NACK: the byte expected next
} packet_t;

// What switches tell HPCC's senders.
typedef struct {
  uint64_t hops[INT_HOPS];  // time 24 bits, bytes 20, queue 17, from the lowest bit
  int32_t ports[INT_HOPS];  // of the hops, whose rates are theirs
  int32_t n_hops;
} telemetry_t;

// A FIFO of packets.
typedef struct {
  int32_t first, last;  // NO_ID: empty
} fifo_t;

// A port, and the link that it sends on. Ports of hosts are NICs. Three cache lines: what every
// packet reads, what it counts, the rest.
typedef struct {
  _Alignas(CACHE_LINE_BYTES) m4s_event_key_t done;  // transmission under way, or the last one
  int32_t serialised_bytes[2];  // sizes whose times are known: small, large
  int32_t serialised_ns[2];
  int64_t delay_ns;
  fifo_t class0, class3;  // NICs: class 0 is the queue of ACKs
  uint8_t arrival;  // event_kind_t of what arrives at the link's end
  bool done_scheduled;
  bool paused;  // class 3, by the peer
  bool is_nic;
  bool crosses;  // to another partition

  int64_t class0_bytes, class3_bytes;  // queued, of switches
  uint64_t sent_bytes;
  int64_t sending_ns, n_sent;
  int64_t k_min_bytes;  // no marking up to this; INT64_MAX: never
  int64_t rate_bps;
  int32_t node, peer;

  int32_t reverse;  // the port at the other end of the cable
  int64_t k_max_bytes;
  double p_max;
  int64_t n_marked;
  uint64_t n_marking;  // random draws
  int64_t n_pauses, paused_since_ns, paused_ns;
} port_t;

// What came over a link into the switch at its end and is still there, class 3.
typedef struct {
  uint32_t held_bytes, headroom_bytes, headroom_limit;
  int32_t node;  // the switch
  uint8_t shift;
  bool pauses;  // PFC is in use
  bool pausing;  // the link's sender has been told to pause
  uint32_t n_pauses;  // how often it was told
  int64_t n_drops;
} ingress_t;

enum { QUEUE_SUB_BITS = 3, N_QUEUE_BINS = (40 - QUEUE_SUB_BITS) << QUEUE_SUB_BITS };

// How long a queue has had which lengths; bins of lengths grow with the length, see watch.c.
typedef struct {
  int64_t since_ns, bytes;  // present length, and since when
  int64_t max_bytes;
  double byte_ns;  // the length's integral
  int64_t bin_ns[N_QUEUE_BINS];
} queue_watch_t;

// A host's NIC.
typedef struct {
  int32_t *flows;  // owned, [n_flows], in the order of their start, until compacted away
  int32_t n_flows, capacity;
  int32_t last;  // index of the flow that sent last
  m4s_event_key_t alarm;  // pending wake-up; never: none
  uint64_t max_rate_bps;  // of its flows
  int64_t window_bytes;  // at that rate; 0: none
} nic_t;

// A switch's memory management.
typedef struct {
  // M4S_MMU_SHIFT: the shared part of the buffer, and how much of it is used, in the model's 32-bit
  // arithmetic.
  _Alignas(CACHE_LINE_BYTES) uint32_t pool_bytes;
  uint32_t shared_bytes;
  // M4S_MMU_SONIC.
  int64_t buffer_bytes, headroom_bytes;
  int64_t used_bytes, used_headroom_bytes;
} mmu_t;

typedef struct {
  double alpha;
  int64_t n_marked, batch;
  int64_t last_number, high_number;
  bool reduced;
} dctcp_t;

typedef struct {
  uint64_t target_bps;
  double alpha;
  bool alpha_marked, decrease_marked, started;
  int32_t stage;
  uint64_t alpha_order, decrease_order, increase_order;  // of pending timers; 0: none
} dcqcn_t;

typedef struct {
  uint64_t current_bps;
  double utilisation;
  int32_t stage;
  int64_t last_number;
  telemetry_t before;
} hpcc_t;

typedef struct {
  uint64_t current_bps;
  double rtt_difference_ns;
  int64_t last_rtt_ns, last_number;
  int32_t n_increases;
} timely_t;

// A flow's sender and receiver (a queue pair). The NIC's search reads the first cache line only,
// packets and ACKs mostly the first two.
typedef struct {
  _Alignas(CACHE_LINE_BYTES) int64_t size_bytes;
  int64_t next_byte, acked_bytes;
  int64_t present_window_bytes;  // INT64_MAX: none
  int64_t available_ns;  // earliest time of the next packet
  uint64_t rate_bps;
  int32_t full_ns;  // serialisation of a full packet at rate_bps
  int32_t last_wire_bytes;
  int32_t nic;  // port
  int32_t route;  // where its path begins in the network's routes; that of ACKs follows

  union {
    dctcp_t dctcp;
    dcqcn_t dcqcn;
    hpcc_t *hpcc;  // owned
    timely_t timely;
  } cc;
  int64_t expected_byte;  // by the receiver
  int64_t n_packets;

  int64_t nacked_byte, nack_after_ns;  // by the receiver
  int64_t start_ns, fct_ack_ns, fct_received_ns;  // see m4s_packet_flow_result_t
  int64_t n_retransmitted, n_dropped;
  uint16_t n_hops, n_ack_hops, source_port;
} sender_t;

typedef enum {
  EVENT_AT_SWITCH,  // arrival of a packet at the end of its link
  EVENT_AT_HOST,
  EVENT_PORT_FREE,  // a switch's port has sent a packet
  EVENT_NIC_FREE,
  EVENT_ALARM,  // of a NIC
  EVENT_FLOW_INIT,
  EVENT_FLOW_START,
  EVENT_FLOW_SENT,  // its first packet has left
  EVENT_ALPHA,  // DCQCN's timers
  EVENT_DECREASE,
  EVENT_INCREASE,
} event_kind_t;

enum { EVENT_ID_BITS = 28, EVENT_ID_MASK = (1 << EVENT_ID_BITS) - 1 };

typedef struct {
  m4s_packet_rules_t rules;
  m4s_packet_ecmp_t ecmp;
  const m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_clock_t *clock;
  const m4s_completion_port_t *port;  // while events run
  m4s_status_t status;  // the first error of an event
  bool completed;  // an event has completed flows
  // With what congestion control adds: of data packets without their payload, of full ones, of
  // ACKs.
  int32_t data_overhead_bytes, full_wire_bytes, ack_wire_bytes;
  int64_t window_bytes, base_rtt_ns;  // of every flow; see the rules
  m4s_event_queue_t events;
  m4s_event_key_t present;  // of the event under way
  struct partitions *partitions;  // owned; NULL: events run in the order of their scheduling
  int64_t n_live;  // events that are not timers
  port_t *ports;  // [topology->n_links]
  ingress_t *ingresses;  // [topology->n_links], of links that end at switches
  nic_t *nics;  // [topology->n_links], of ports that are NICs
  mmu_t *mmus;  // [topology->n_nodes], of switches
  packet_t *packets;  // [packet_capacity]
  telemetry_t *telemetry;  // [packet_capacity], HPCC only, else NULL
  int64_t *sent_ns;  // [packet_capacity], of data packets and in their ACKs, TIMELY only, else NULL
  int32_t first_free_packet;
  int32_t n_packets;  // in use or free; the most that were in use at a time
  int32_t packet_capacity;
  int32_t *routes;  // [n_routes], links of all flows' paths
  int64_t n_routes, route_capacity;
  sender_t *senders;  // [n_senders], by flow id
  int64_t n_senders, sender_capacity, n_active;
  struct pair_count *pairs;  // flows so far of a pair of hosts: open addressing
  size_t n_pairs, pair_capacity;
  m4s_packet_counts_t counts;
  m4s_packet_observer_t *observers;  // borrowed, a list
  unsigned observed;  // kinds of events that any of them wants, or queue_watches
  queue_watch_t *queue_watches;  // [topology->n_links], NULL: not asked for
  int64_t began_ns;  // start of the first flow
} network_t;

_Static_assert(sizeof(packet_t) == 32 && sizeof(ingress_t) == 32, "two to a cache line");
_Static_assert(sizeof(port_t) == 3 * CACHE_LINE_BYTES, "lines as port_t says");
_Static_assert(sizeof(sender_t) == 3 * CACHE_LINE_BYTES, "lines as sender_t says");

static inline int64_t now_of(const network_t *network) { return network->present.time_ns; }

// Tells the observers that want this kind of events: of a flow; of a packet at a link.
void m4s_packet_tell_flow(network_t *network, m4s_packet_event_kind_t kind, int64_t flow);
void m4s_packet_tell_packet(network_t *network, m4s_packet_event_kind_t kind, int32_t link,
                            int32_t packet);
static inline void tell_flow(network_t *network, m4s_packet_event_kind_t kind, int64_t flow) {
  if ((network->observed & kind) != 0) {
    m4s_packet_tell_flow(network, kind, flow);
  }
}
static inline void tell_packet(network_t *network, m4s_packet_event_kind_t kind, int32_t link,
                               int32_t packet) {
  if ((network->observed & kind) != 0) {
    m4s_packet_tell_packet(network, kind, link, packet);
  }
}

// The model's `stalled`: names a flow that can never complete.
m4s_status_t m4s_packet_stalled(const void *state);

// The length of a link's queue has changed; only with queue_watches.
void m4s_packet_watch_queue(network_t *network, int32_t link);

// Adds an event with a key made before others of its time; with one made just now.
void m4s_packet_add_event(network_t *network, m4s_event_key_t key, event_kind_t kind, int32_t id);
static inline void append_event(network_t *network, m4s_event_key_t key, event_kind_t kind,
                                int32_t id) {
  m4s_status_t status =
      m4s_event_queue_append(&network->events, key, (uint32_t)kind << EVENT_ID_BITS | (uint32_t)id);
  network->status = status == M4S_OK ? network->status : status;
  network->n_live += kind < EVENT_ALPHA;
}

static inline m4s_event_key_t new_event(network_t *network, int64_t time_ns, event_kind_t kind,
                                        int32_t id) {
  m4s_event_key_t key = m4s_clock_schedule(network->clock, time_ns);
  append_event(network, key, kind, id);
  return key;
}

// Partitions of the network, see partitions.c. Destroying NULL is fine.
m4s_status_t m4s_packet_partitions_create(network_t *network);
void m4s_packet_partitions_destroy(struct partitions *partitions);

// What waits for the end of the window: a packet that crosses to another partition, and a flow that
// was called for by what happened at a host (NO_ID: at none). A flow of the caller's own partition
// does not wait.
void m4s_packet_post(network_t *network, int32_t port, int64_t arrival_ns, int32_t packet);
m4s_status_t m4s_packet_call(network_t *network, int32_t flow, int32_t caller, int64_t start_ns);

// By when what waits must be taken over: its earliest time, but not before the end of the window;
// M4S_TIME_NEVER if nothing waits.
int64_t m4s_packet_first_posted_ns(const network_t *network);

// Until when (not including it) events can run before another window opens, at most `until_ns`.
int64_t m4s_packet_window_ns(const network_t *network, int64_t until_ns);

// Ends windows, as long as nothing before the window's end is left to do, here or at the traffic
// source, whose next event is `until`.
void m4s_packet_open_window(network_t *network, m4s_event_key_t until);

// Room for more packets; an error is the network's status.
bool m4s_packet_grow(network_t *network);

// A packet that is no PFC frame has come to the end of its link.
void m4s_packet_switch_receive(network_t *network, int32_t packet);
void m4s_packet_host_receive(network_t *network, int32_t packet);

// Sends the next packet of a port that is free and has one.
void m4s_packet_switch_send(network_t *network, int32_t port);
void m4s_packet_host_send(network_t *network, int32_t port);

// Bytes that wait in a switch for a port.
static inline int64_t queued_bytes(const port_t *port) {
  return port->class0_bytes + port->class3_bytes;
}

// The sender has the ACK of the last byte.
static inline bool is_complete(const sender_t *sender) {
  return sender->acked_bytes >= sender->size_bytes;
}

// Application bytes of a data packet.
static inline int32_t payload_of(const network_t *network, const packet_t *packet) {
  return packet->wire_bytes - network->data_overhead_bytes;
}

// Good until the next flow is started.
static inline const int32_t *path_of(const network_t *network, const sender_t *sender) {
  return network->routes + sender->route;
}
static inline const int32_t *ack_path_of(const network_t *network, const sender_t *sender) {
  return network->routes + sender->route + sender->n_hops;
}

// Finds window_bytes and base_rtt_ns: the largest bandwidth-delay product and base RTT of any pair
// of hosts.
m4s_status_t m4s_packet_find_window(network_t *network);

// Prepares a switch's memory management, its ports, and what comes in.
m4s_status_t m4s_packet_switch_init(network_t *network, int32_t node);

// Puts a flow on its NIC.
void m4s_packet_host_start_flow(network_t *network, int32_t flow);

// The bytes that a flow may have in flight at its present rate, and the pace of its packets.
void m4s_packet_set_rate(network_t *network, sender_t *sender, uint64_t rate_bps);

// Congestion control: at the start of a flow, at every ACK or NACK (a copy; `id` is the packet's),
// at timers.
m4s_status_t m4s_packet_cc_start(network_t *network, sender_t *sender);
void m4s_packet_cc_ack(network_t *network, const packet_t *ack, int32_t id);
void m4s_packet_cc_timer(network_t *network, event_kind_t kind, int32_t flow, uint64_t order);
void m4s_packet_cc_stop(network_t *network, sender_t *sender);
