// Flows and FCTs of other programs (flow/exchange.h) as a sweep of one point.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef struct {
  const char *folder;  // with the arrays
  const char *topology;  // a topology file; NULL: the folder's topology.txt
  const char *reference;  // name of the FCTs that errors are against; NULL: packet, ns3, or else
                          // the first by name
  const char *out;  // must not exist yet
} m4s_given_t;

// Writes `out` with spec.json, flows.csv, topology.txt and, for all fct_<name>.npy, fct_<name>.txt:
// the spec simulates the flows with flowsim, and has a simulator "given-<name>" for each of these
// whose FCTs they are, one of them as the reference. M4S_ERR_INPUT, and no `out`, for folders that
// flow/exchange.h refuses, and for FCTs of flows among more than 65,536 nodes.
m4s_status_t m4s_given_import(const m4s_given_t *given, int64_t *n_flows_out, size_t *n_fcts_out);
