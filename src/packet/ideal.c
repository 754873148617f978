// Completion times of flows that are alone in the network.
#include "net/ideal_fct.h"
#include "packet/packet.h"

m4s_status_t m4s_packet_ideal_fct(const m4s_packet_rules_t *rules, const m4s_topology_t *topology,
                                  m4s_routing_t *routing, const m4s_flow_t *flow,
                                  int64_t *ideal_ns_out) {
  if (rules->complete_at_receiver) {
    const int32_t *links;
    int32_t n_links;
    M4S_TRY(m4s_routing_path(routing, flow->src, flow->dst, &links, &n_links));
    *ideal_ns_out = m4s_ideal_fct_m_limited_ns(
        topology, links, n_links, flow->size_bytes, rules->payload_bytes, rules->data_header_bytes,
        rules->max_rate_bps > 0 ? rules->max_rate_bps : INT64_MAX);
    return M4S_OK;
  }
  m4s_pair_facts_t facts;
  const m4s_wire_t wire = {.payload_bytes = rules->payload_bytes,
                           .header_bytes = rules->data_header_bytes};
  M4S_TRY(m4s_routing_pair_facts(routing, flow->src, flow->dst, &facts));
  *ideal_ns_out = m4s_ideal_fct_ns(&facts, m4s_wire_bytes(&wire, flow->size_bytes));
  return M4S_OK;
}
