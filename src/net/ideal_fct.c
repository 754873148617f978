#include "net/ideal_fct.h"

#include "core/event.h"
#include "core/units.h"

// 8e9 times the largest sizes passes 63 bits.
__extension__ typedef __int128 wide_t;

static wide_t sending_ns(int64_t n_bytes, int64_t bandwidth_bps) {
  return (wide_t)n_bytes * 8 * M4S_NS_PER_S / bandwidth_bps;
}

int64_t m4s_ideal_fct_m_ns(const m4s_topology_t *topology, const int32_t *links, int32_t n_links,
                           int64_t size_bytes, int64_t payload_bytes, int64_t header_bytes) {
  return m4s_ideal_fct_m_limited_ns(topology, links, n_links, size_bytes, payload_bytes,
                                    header_bytes, INT64_MAX);
}

int64_t m4s_ideal_fct_m_limited_ns(const m4s_topology_t *topology, const int32_t *links,
                                   int32_t n_links, int64_t size_bytes, int64_t payload_bytes,
                                   int64_t header_bytes, int64_t max_bps) {
  int64_t head_bytes = size_bytes < payload_bytes ? size_bytes : payload_bytes;
  int64_t least_bps = max_bps;
  wide_t fct_ns = 0;
  for (int32_t i = 0; i < n_links; i++) {
    const m4s_link_t *link = &topology->links[links[i]];
    fct_ns += link->delay_ns + sending_ns(head_bytes + header_bytes, link->bandwidth_bps);
    least_bps = link->bandwidth_bps < least_bps ? link->bandwidth_bps : least_bps;
  }
  fct_ns += sending_ns(size_bytes - head_bytes, least_bps);
  fct_ns += (size_bytes - 1) / payload_bytes * sending_ns(header_bytes, least_bps);
  return fct_ns < M4S_TIME_MAX_NS ? (int64_t)fct_ns : M4S_TIME_MAX_NS;
}
