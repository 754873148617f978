// Traces of packet networks, for training: at every arrival and completion of a flow the state of
// its connected component, the flows that share links with it, directly or through others, and
// their links (flow/components.h).
//
// A flow is active from the creation of its sender to its completion (at its sender or at its
// receiver, as the rules say); an arriving flow belongs to its component, one that completes has
// left it, with the links that nobody else is on. Four files of records, rows of one event
// together, in the order of the components' flows and links:
//
//   events.npy  time_ns, flow, kind (0 arrival, 1 completion), first_flow, n_flows, first_link,
//               n_links: the event's rows in flows.npy and links.npy
//   flows.npy   flow, remaining_bytes: application bytes that its receiver does not have in order
//   links.npy   link, queue_bytes: on the wire, that wait for the link in a switch, without the
//               packet that is being sent; 0 for hosts' links, whose flows wait at their senders
//   paths.npy   flow, link: the links of its data, in order, at its arrival
#pragma once

#include "packet/packet.h"

typedef enum { M4S_TRACE_ARRIVAL, M4S_TRACE_COMPLETION } m4s_trace_kind_t;

// The records of the files, as they lie there: packed, little-endian.
typedef struct __attribute__((packed)) {
  int64_t time_ns;
  int32_t flow;
  uint8_t kind;  // m4s_trace_kind_t
  int64_t first_flow;
  int32_t n_flows;
  int64_t first_link;
  int32_t n_links;
} m4s_trace_event_t;

typedef struct __attribute__((packed)) {
  int32_t flow;
  int64_t remaining_bytes;
} m4s_trace_flow_t;

typedef struct __attribute__((packed)) {
  int32_t link;
  int64_t queue_bytes;
} m4s_trace_link_t;

typedef struct __attribute__((packed)) {
  int32_t flow, link;
} m4s_trace_hop_t;

typedef struct m4s_packet_trace m4s_packet_trace_t;

// Without `states` events have no rows in flows.npy and links.npy, which are empty.
//
// Traces a model that has had no flow yet, into files in a folder that is there; keep the trace
// until the model is destroyed. The size of the files grows with the sum of the components' sizes
// over all events; memory does not.
m4s_status_t m4s_packet_trace_create(m4s_network_model_t *model, bool states, const char *folder,
                                     m4s_packet_trace_t **trace_out);

// Brings the files under their names and to disk; nothing is traced any more.
m4s_status_t m4s_packet_trace_finish(m4s_packet_trace_t *trace);

// A trace that was read; free with m4s_trace_clear().
typedef struct {
  m4s_trace_event_t *events;  // owned, [n_events], and so on
  m4s_trace_flow_t *flows;
  m4s_trace_link_t *links;
  m4s_trace_hop_t *hops;
  size_t n_events, n_flows, n_links, n_hops;
} m4s_trace_t;

// Reads the files of a folder, of `n_flows` flows in a network of `n_links` links. M4S_ERR_INPUT
// names the file and the record that makes no sense.
m4s_status_t m4s_trace_read(const char *folder, int64_t n_flows, int32_t n_links,
                            m4s_trace_t *trace_out);
void m4s_trace_clear(m4s_trace_t *trace);

// Removes what was not finished.
void m4s_packet_trace_destroy(m4s_packet_trace_t *trace);
