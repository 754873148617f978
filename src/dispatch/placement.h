// Which node, cores and GPU a rank uses.
#pragma once

#include <jansson.h>

#include "core/status.h"
#include "dispatch/comm.h"

// Gives this rank its share of the node's cores, unless something else has bound it already or
// there are more ranks than cores, and its GPU by node-local rank (GPUs from CUDA_VISIBLE_DEVICES,
// else as the driver lists them). `placement_out`, a new reference: {"rank": r, "host": "…",
// "local_rank": l, "cores": "0-3", "gpu": "0" | "none"}.
m4s_status_t m4s_placement_take(const m4s_comm_t *comm, json_t **placement_out);

// Logs the placements of all ranks (an array of the above), a line a node.
void m4s_placement_log(const json_t *placements);
