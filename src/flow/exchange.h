// Folders in which flows and their completion times are exchanged with other programs, as arrays of
// NumPy. Names follow the public m4 artefact, whose arrays they are; types and shapes are these:
//
//   fid.npy            int64 (n,)    ids, 0 … n-1; may be missing on reading
//   fat.npy            int64 (n,)    when flows arrive, ns, ascending
//   fsize.npy          int64 (n,)    bytes
//   fsd.npy            int64 (n, 2)  source and destination: hosts, 0 and on
//   fct_<name>.npy     int64 (n,)    FCTs with a simulator, ns
//   ideal_fct.npy      int64 (n,)    FCTs of flows alone on their paths, ns
//   param_<name>.npy   float64 (13,) network parameters of m4, in the order of m4s_m4_params()
//   links.npy          int64 (l, 2)  links: the nodes at their ends
//   flow_to_path.npy   int64 (n, p)  rows of links.npy on a flow's path, in order, then -1
//   flow_to_links.txt  a line a flow: its id, then its links as from-to
//   flows.txt          flow file of the HPCC family: packet/hpcc_flows.h
//   topology.txt       the network; in the HPCC family's format unless it has NVSwitches
//   records.csv        a row a flow: id,src,dst,size_bytes,start_ns,ideal_fct_ns,<name>_fct_ns,…
//
// Row i of every array is flow i. Reading takes fat, fsize, fsd and all fct_<name>.npy, also of
// float64 (rounded) and of int32; it looks at nothing else but fid.
#pragma once

#include "core/text.h"
#include "flow/flow.h"
#include "net/routing.h"

// What is written; all borrowed.
typedef struct {
  const m4s_topology_t *topology;
  m4s_routing_t *routing;  // with paths as set
  int64_t n_flows;
  const m4s_flow_record_t *const *records;  // [n_names][n_flows]: by simulator, of the same flows
  const m4s_text_list_t *names;  // of the simulators, at least one
  const double *params;  // [n_params], of m4, written if that is among the names
  size_t n_params;
} m4s_exchange_t;

// Writes all but flows.txt into an existing folder. M4S_ERR_INPUT for a flow without a path.
m4s_status_t m4s_exchange_write(const m4s_exchange_t *exchange, const char *folder);

// What is read. Free with m4s_exchange_flows_clear().
typedef struct {
  int64_t n_flows;
  m4s_flow_record_t *records;  // owned, [n_flows], by start; times but call_ns = start_ns are -1
  m4s_text_list_t names;  // of the FCTs, sorted; may be none
  int64_t **fct_ns;  // owned, [n_names][n_flows]
} m4s_exchange_flows_t;

// M4S_ERR_INPUT, naming the file, and the dtype or shape found and wanted, or the flow: what is
// missing, of another type, shape or length, hosts that are none of `n_hosts`, flows from a host to
// itself, starts that do not ascend, FCTs below 1 ns, and names that no simulator can have.
m4s_status_t m4s_exchange_read(const char *folder, int32_t n_hosts,
                               m4s_exchange_flows_t *flows_out);
void m4s_exchange_flows_clear(m4s_exchange_flows_t *flows);
