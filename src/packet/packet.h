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
} m4s_packet_flow_result_t;

// Work done.
typedef struct {
  int64_t events;
  int64_t data_packets, ack_packets;
  int64_t transmissions;  // packets on links, a packet on each link of its path counts
  int64_t marked, dropped, pauses;
  int64_t peak_packets;  // in the network at a time
} m4s_packet_counts_t;

// How a flow's path is chosen among equal ones.
typedef enum {
  M4S_PACKET_ECMP_FLOW,  // by addresses and ports, at every switch, for each direction
  M4S_PACKET_ECMP_PAIR,  // the routing's path of the pair, and that of the pair backwards
} m4s_packet_ecmp_t;

// Topology, routing and clock are borrowed until model_out->ops->destroy(model_out->state); the
// rules are copied. M4S_ERR_INPUT for rules that make no sense.
m4s_status_t m4s_packet_create(const m4s_packet_rules_t *rules, m4s_packet_ecmp_t ecmp,
                               const m4s_topology_t *topology, m4s_routing_t *routing,
                               m4s_clock_t *clock, m4s_network_model_t *model_out);

// Of a model made by m4s_packet_create(). `flow` has been started.
m4s_packet_counts_t m4s_packet_counts(const m4s_network_model_t *model);
m4s_packet_flow_result_t m4s_packet_flow_result(const m4s_network_model_t *model, int64_t flow);

// ns to serialise `bytes` at a rate: floor, of the exact quotient or of the double nearest to it.
int64_t m4s_serialisation_ns(bool floor_of_double, int64_t bytes, uint64_t rate_bps);
