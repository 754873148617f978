// Lists of flows in CSV files.
#pragma once

#include "flow/flow.h"

// Reads a table with the columns src, dst (hosts, 0 … n_hosts-1), size_bytes and start_ns, in any
// order, and perhaps id, which then counts from 0; starts ascend. Of the records, id, src, dst,
// size_bytes, call_ns = start_ns and start_ns are set, the rest is -1. M4S_ERR_INPUT, naming file,
// line and column, for a table that is no such list or has no flow. `records_out` [n_flows_out]:
// owned, free().
m4s_status_t m4s_flow_file_read(const char *path, int32_t n_hosts, m4s_flow_record_t **records_out,
                                int64_t *n_flows_out);

// Writes such a table, atomically.
m4s_status_t m4s_flow_file_write(const char *path, const m4s_flow_record_t *records,
                                 int64_t n_flows);
