// Which node, cores and GPU a rank uses.
#pragma once

#include <jansson.h>

#include "core/status.h"
#include "dispatch/comm.h"
#include "sweep/device_choice.h"

// Gives this rank its GPU, the one that `device` names or by node-local rank, which is then in
// device->gpu; and its share of the node's cores, of those near the GPU if it has one, unless
// something else has bound it already or there are more ranks than cores. Collective among the
// ranks of the node. `placement_out`, a new reference: {"rank": r, "host": "…", "local_rank": l,
// "cores": "0-3", "gpu": "cuda:0" | "none"}, and with a GPU "gpu_name", "gpu_uuid", "gpu_pci",
// "gpu_numa_node" and "gpu_ranks", the ranks of the node that have it; "problem" where a GPU that
// was named is missing or does not work.
m4s_status_t m4s_placement_take(const m4s_comm_t *comm, m4s_device_choice_t *device,
                                json_t **placement_out);

// M4S_ERR_INPUT if a rank (of an array of the above) has a problem.
m4s_status_t m4s_placement_check(const json_t *placements);

// Logs the placements of all ranks, a line a node, and warns of GPUs that ranks share.
void m4s_placement_log(const json_t *placements);
