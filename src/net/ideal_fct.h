// The ideal FCT of flows on Clos fabrics.
#pragma once

#include "net/topology.h"

// The time from the first byte of a flow at its source to the last at its destination, alone in the
// network, packet by packet: the first packet is stored and forwarded at every link of its path,
// the others follow at the least bandwidth. No packet simulator with these headers is faster. As
// the ns-3 build behind the m4 paper's data computes it:
// sum(delay) + sum over links of floor((head + header) * 8e9 / rate) + floor(rest * 8e9 / least) +
// (packets - 1) * floor(header * 8e9 / least), with head = min(payload, size), rest = size - head.
//
// `links` [n_links > 0] of the topology; size_bytes > 0; packets of payload_bytes > 0 with
// header_bytes. At most M4S_TIME_MAX_NS.
int64_t m4s_ideal_fct_m_ns(const m4s_topology_t *topology, const int32_t *links, int32_t n_links,
                           int64_t size_bytes, int64_t payload_bytes, int64_t header_bytes);

// The same of senders that are not faster than max_bps, whatever their links.
int64_t m4s_ideal_fct_m_limited_ns(const m4s_topology_t *topology, const int32_t *links,
                                   int32_t n_links, int64_t size_bytes, int64_t payload_bytes,
                                   int64_t header_bytes, int64_t max_bps);
