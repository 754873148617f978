// packet: RDMA traffic packet by packet, with the congestion control, PFC, ECN and go-back-N of the
// HPCC family of ns-3 models, whose flow completion times it repeats to the nanosecond (random
// marking aside).
//
// Store and forward; hosts pace and schedule their flows on their NICs; switches share a buffer,
// mark by queue length and pause their peers. There is no retransmission timeout: a flow whose last
// packet is lost never completes.
#pragma once

#include "net/routing.h"
#include "packet/rules.h"
#include "sim/network_model.h"

typedef struct {
  int64_t start_ns;  // sender ready; -1: not yet
  int64_t fct_ack_ns;  // from then until the sender has the ACK of the last byte; -1: not yet
  int64_t fct_received_ns;  // until the last byte arrives
  int64_t n_packets, n_retransmitted, n_dropped;  // data
  uint16_t source_port;
} m4s_packet_flow_result_t;

// Work done.
typedef struct {
  int64_t events;
  int64_t data_packets, ack_packets;
  int64_t transmissions;  // packets on links, a packet on each link of its path counts
  int64_t marked, dropped, pauses;
  int64_t peak_packets;  // in the network at a time
  // Memory of a packet in the network: its record, what its congestion control adds, its event.
  int32_t packet_bytes;
  int64_t allocations;  // of memory, after the network was made
} m4s_packet_counts_t;

// What observers can be told, at the time it happens. A set of kinds is their bitwise or.
typedef enum {
  M4S_PACKET_FLOW_STARTED = 1 << 0,  // its sender is ready
  M4S_PACKET_FLOW_RECEIVED = 1 << 1,  // the last byte has arrived
  M4S_PACKET_FLOW_ACKED = 1 << 2,  // the sender has the ACK of the last byte
  M4S_PACKET_SENT = 1 << 3,  // a host begins to put a packet on its link
  M4S_PACKET_ENQUEUED = 1 << 4,  // in a switch, behind those that wait for the link
  M4S_PACKET_DEQUEUED = 1 << 5,  // out of the queue; its sending begins
  M4S_PACKET_DROPPED = 1 << 6,  // by a switch; the link is the one it came on
  M4S_PACKET_DELIVERED = 1 << 7,  // data in order, at its receiver; the link is the one it came on
  M4S_PACKET_PAUSED = 1 << 8,  // the node that sends on the link has been told to pause
  M4S_PACKET_RESUMED = 1 << 9,
} m4s_packet_event_kind_t;

typedef enum {
  M4S_PACKET_DATA,
  M4S_PACKET_ACK,
  M4S_PACKET_NACK,
  M4S_PACKET_PAUSE,
  M4S_PACKET_RESUME,
} m4s_packet_kind_t;

// Members that say nothing of an event are 0, ids -1.
typedef struct {
  m4s_packet_event_kind_t kind;
  int64_t time_ns;
  int64_t flow;  // -1: PFC frames
  int32_t link;
  m4s_packet_kind_t packet;
  int64_t number;  // data: offset of its first byte; ACK, NACK: the byte expected next
  int32_t wire_bytes, payload_bytes;
  bool marked;  // by ECN; of an ACK: its data was
  // Bytes that wait for the link in a switch, after the event: of the class that PFC pauses; all.
  int64_t queue_bytes, all_queue_bytes;
} m4s_packet_event_t;

// Told in the order of events. The network is not to be changed from within; an error ends the run.
typedef struct m4s_packet_observer {
  unsigned kinds;  // of events that are wanted
  m4s_status_t (*observe)(void *context, const m4s_packet_event_t *event);
  void *context;
  struct m4s_packet_observer *next;  // the network's
} m4s_packet_observer_t;

// How a flow's path is chosen among equal ones.
typedef enum {
  M4S_PACKET_ECMP_FLOW,  // by addresses and ports, at every switch, for each direction
  M4S_PACKET_ECMP_PAIR,  // the routing's path of the pair, and that of the pair backwards
  M4S_PACKET_ECMP_GIVEN,  // the links that the flow comes with; backwards as M4S_PACKET_ECMP_FLOW
} m4s_packet_ecmp_t;

// Topology, routing and clock are borrowed until model_out->ops->destroy(model_out->state); the
// rules are copied. M4S_ERR_INPUT for rules that make no sense.
m4s_status_t m4s_packet_create(const m4s_packet_rules_t *rules, m4s_packet_ecmp_t ecmp,
                               const m4s_topology_t *topology, m4s_routing_t *routing,
                               m4s_clock_t *clock, m4s_network_model_t *model_out);

// Adds an observer, borrowed until the model is destroyed. Without observers nothing is spent on
// them.
void m4s_packet_observe(m4s_network_model_t *model, m4s_packet_observer_t *observer);

// Of a model made by m4s_packet_create(). `flow` has been started.
m4s_packet_counts_t m4s_packet_counts(const m4s_network_model_t *model);
m4s_packet_flow_result_t m4s_packet_flow_result(const m4s_network_model_t *model, int64_t flow);

// What a link saw from the start of the first flow to the clock's time.
typedef struct {
  int64_t span_ns;
  int64_t bytes, packets;  // on the wire, whose sending has begun
  int64_t sending_ns;
  double utilisation;  // sending_ns / span_ns
  int64_t n_marked;  // by ECN, as they left the link's queue
  int64_t n_dropped;  // at the link's end, by a switch without room
  int64_t n_pauses_sent;  // PFC frames on the link that told its other end to pause
  int64_t n_pauses, paused_ns;  // PFC had told the link's sender to pause
  // Length of the link's queue in its switch, on the wire, without the packet that is being sent:
  // quantiles and mean over time, to 12 % (the upper end of a bin). -1 unless queues are watched;
  // hosts' links have none.
  int64_t queue_p50_bytes, queue_p90_bytes, queue_p99_bytes, queue_max_bytes;
  double queue_mean_bytes;
} m4s_packet_link_telemetry_t;

// Watches the lengths of all queues of a model that has had no flow yet, for link telemetry.
// Memory: 2.4 kB a link. M4S_ERR_MEMORY.
m4s_status_t m4s_packet_watch_queues(m4s_network_model_t *model);

// Of one link, 0 … n_links-1 of the topology.
void m4s_packet_link_telemetry(const m4s_network_model_t *model, int32_t link,
                               m4s_packet_link_telemetry_t *telemetry_out);

// The links of a flow's data, in order. `links_out` is good until the next flow is started.
void m4s_packet_flow_path(const m4s_network_model_t *model, int64_t flow, const int32_t **links_out,
                          int32_t *n_links_out);

// The IPv4 address of a host, 11.(id >> 8).(id & 255).1, and the port that all flows go to.
uint32_t m4s_packet_address(int32_t host);
enum { M4S_PACKET_DESTINATION_PORT = 100 };

// Completion time of a flow alone in the network, ns, as the code bases reckon it. At the sender:
// base RTT of the pair, and all bytes on the slowest link. At the receiver (m4): the first packet
// at every link, the others at the slowest. M4S_ERR_INPUT where there is no path.
m4s_status_t m4s_packet_ideal_fct(const m4s_packet_rules_t *rules, const m4s_topology_t *topology,
                                  m4s_routing_t *routing, const m4s_flow_t *flow,
                                  int64_t *ideal_ns_out);

// ns to serialise `bytes` at a rate: floor, of the exact quotient or of the double nearest to it.
int64_t m4s_serialisation_ns(bool floor_of_double, int64_t bytes, uint64_t rate_bps);
