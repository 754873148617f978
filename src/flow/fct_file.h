// Lists of completed flows as the HPCC family of ns-3 simulators writes them, SimAI's among them: a
// line a flow: source and destination (IPv4 addresses, hexadecimal), source and destination port,
// bytes, start, FCT, ideal FCT (ns), and with some an id, behind or (the m4 artefact) before.
#pragma once

#include "flow/flow.h"

// Reads the flows, by id where they have one, else in the order of the file. What the file does not
// tell is -1. M4S_ERR_INPUT, with file, line and column: addresses that are none of `n_nodes`
// nodes', ids that stand twice, anything else that makes no sense. `records_out` [n_records_out] is
// owned, free().
m4s_status_t m4s_fct_file_read(const char *path, int32_t n_nodes, m4s_flow_record_t **records_out,
                               int64_t *n_records_out);

// Reads the FCTs of flows that a program was given into fct_ns of `records` [n_flows], which are by
// start; they change only on success. A line is a record's by its id, which counts from 0, where
// the lines have one; else by source and destination, and then in the order of starts, of equal
// ones in that of source ports. M4S_ERR_INPUT also for flows that are missing, stand twice or have
// another size, and for an FCT of 0.
m4s_status_t m4s_fct_file_read_times(const char *path, int32_t n_nodes, m4s_flow_record_t *records,
                                     int64_t n_flows);

// Writes flows with their ids and these FCTs [n_flows], atomically, so that both functions above
// read them; ideal FCTs that are not known stand there as 0. Hosts must be below 65,536.
m4s_status_t m4s_fct_file_write(const char *path, const m4s_flow_record_t *records,
                                const int64_t *fct_ns, int64_t n_flows);
