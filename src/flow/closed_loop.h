// Closed loops over a list of flows: at most so many flows at once per rack or host, or phases that
// wait for each other. What is asked of them is how long the whole set takes.
#pragma once

#include "flow/source.h"
#include "net/routing.h"

typedef struct m4s_closed_loop m4s_closed_loop_t;

// At most `limit` ≥ 1 flows in flight from each group of `hosts_per_group` ≥ 1 hosts in a row
// (those of a rack, or 1: a host's own). A flow whose turn has come starts when one of its group's
// flows completes, and not before its own arrival; turns are in the order of arrival. A limit of
// n_flows is an open loop.
//
// `records` [n_flows] are borrowed, as of m4s_flow_list_create(), with the arrivals as start_ns.
// The arrival goes to call_ns, and start_ns and fct_ns are set as flows start and complete.
m4s_status_t m4s_closed_loop_create(m4s_flow_record_t *records, int64_t n_flows, int64_t limit,
                                    int32_t hosts_per_group, m4s_routing_t *routing,
                                    m4s_clock_t *clock, m4s_closed_loop_t **loop_out);

// Phase i is the flows first_of_phase[i] … first_of_phase[i + 1] - 1 of the list, all of them (0 is
// the first, n_flows the last of n_phases + 1 numbers, which ascend). The flows of a phase start
// together when the phase before is complete, the first at time 0; their start_ns, which are to be
// 0, are set.
m4s_status_t m4s_closed_loop_create_phases(m4s_flow_record_t *records, int64_t n_flows,
                                           const int64_t *first_of_phase, int32_t n_phases,
                                           m4s_routing_t *routing, m4s_clock_t *clock,
                                           m4s_closed_loop_t **loop_out);
void m4s_closed_loop_destroy(m4s_closed_loop_t *loop);

m4s_source_t m4s_closed_loop_as_source(m4s_closed_loop_t *loop);

// Of each flow of the network, by id, the record that it is: [n_flows], set as flows start. Valid
// as long as the loop.
const int32_t *m4s_closed_loop_record_of_flow(const m4s_closed_loop_t *loop);

// When the last flow completed, ns; 0 for an empty list.
int64_t m4s_closed_loop_completion_ns(const m4s_closed_loop_t *loop);

// When each phase completed, [n_phases]; NULL without phases. Valid as long as the loop.
const int64_t *m4s_closed_loop_phase_ends_ns(const m4s_closed_loop_t *loop);
