// Flow files of the HPCC family of ns-3 simulators. Line 1: the number of flows; then a line per
// flow, in the order of their starts: src dst priority_group dst_port size_bytes start_s. The m4
// artefact puts an id before them.
#pragma once

#include <stdbool.h>

#include "flow/flow.h"
#include "packet/rules.h"

// Start from {0}; free with m4s_hpcc_flows_clear().
typedef struct {
  int64_t n_flows;
  m4s_flow_record_t *records;  // owned, [n_flows], as m4s_flow_list_create() takes them
  int64_t *ids;  // owned, [n_flows], the file's; NULL: it has none
} m4s_hpcc_flows_t;

// Reads flows between `n_hosts` hosts; starts become ns as in the profile's code base, flows that
// start at one time keep their order. M4S_ERR_INPUT, with file, line and column: what is no flow, a
// start before that of the line above (as for the ns-3 programs), a priority group other than 3 or
// a destination port other than 100 (they are the only ones that are simulated), an id that stands
// twice.
m4s_status_t m4s_hpcc_flows_read(const char *path, m4s_packet_profile_t profile, int32_t n_hosts,
                                 m4s_hpcc_flows_t *flows_out);
m4s_status_t m4s_hpcc_flows_parse(const char *text, const char *path, m4s_packet_profile_t profile,
                                  int32_t n_hosts, m4s_hpcc_flows_t *flows_out);
void m4s_hpcc_flows_clear(m4s_hpcc_flows_t *flows);

// Writes flows, by start, atomically. Starts stand there with a tenth of a nanosecond more, which
// every profile's code base drops again: some truncate binary fractions. With ids, as the m4
// artefact wants them, the records' ids come first.
m4s_status_t m4s_hpcc_flows_write(const char *path, const m4s_flow_record_t *records,
                                  int64_t n_flows, bool with_ids);

// The id that the file has for a flow.
static inline int64_t m4s_hpcc_flow_id(const m4s_hpcc_flows_t *flows, int64_t flow) {
  return flows->ids == NULL ? flow : flows->ids[flow];
}
