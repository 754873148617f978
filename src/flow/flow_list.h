// A fixed list of flows as a traffic source: each starts at its own time, whatever the network
// does.
#pragma once

#include "flow/source.h"
#include "net/routing.h"

typedef struct m4s_flow_list m4s_flow_list_t;

// `records` [n_flows] are borrowed: id, src, dst, size_bytes and start_ns are read (ids 0 …
// n_flows-1 in place, starts ascending, else M4S_ERR_INPUT), fct_ns is set as flows complete.
// Routing and clock are borrowed.
m4s_status_t m4s_flow_list_create(m4s_flow_record_t *records, int64_t n_flows,
                                  m4s_routing_t *routing, m4s_clock_t *clock,
                                  m4s_flow_list_t **list_out);
void m4s_flow_list_destroy(m4s_flow_list_t *list);

m4s_source_t m4s_flow_list_as_source(m4s_flow_list_t *list);

// --- for sources over lists ---

// M4S_ERR_INPUT unless the records are as above.
m4s_status_t m4s_flow_list_check(const m4s_flow_record_t *records, int64_t n_flows);

// Starts a record's flow on its path (m4s_routing_set_paths()), as flow `id` of the network.
m4s_status_t m4s_flow_list_start(const m4s_flow_record_t *record, int64_t id,
                                 m4s_routing_t *routing, const m4s_network_port_t *port);
