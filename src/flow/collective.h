// Collectives as flows: which ranks form groups, the rings through a group, and the dependencies
// between the flows of one collective.
#pragma once

#include "flow/workload.h"
#include "net/topology.h"

// Ranks that take part in a collective, and the rings ("channels") through them. A rank is a GPU
// id. Channel c visits the first server's ranks in the order c, c+1, ..., c-1, then the next
// server's likewise, and closes: there are as many channels as ranks a server.
typedef struct {
  int32_t n_ranks;
  int32_t *ranks;  // owned, [n_ranks], ascending
  int32_t n_channels;  // ranks a server; 0: no ring collective uses the group
} m4s_group_t;

// The index (into ranks) of the next and of the previous rank on a channel.
int32_t m4s_ring_next(const m4s_group_t *group, int32_t channel, int32_t index);
int32_t m4s_ring_previous(const m4s_group_t *group, int32_t channel, int32_t index);

// All groups of a workload, by kind. Ranks are numbered tensor-parallel first, then expert, data
// among experts, pipeline stage:
//   rank = ((stage * dp_ep + i_dp_ep) * ep + i_ep) * tp + i_tp,  dp = ep * dp_ep.
typedef struct {
  int32_t n_ranks;
  int32_t n_groups;
  m4s_group_t *groups;  // owned, [n_groups]
  int32_t *group_of;  // owned, [M4S_N_GROUP_KINDS, n_ranks] by m4s_group_kind_t; -1 where the kind
                      // is not used
  int32_t *index_of;  // owned, [M4S_N_GROUP_KINDS, n_ranks]: the rank's index in its group
} m4s_groups_t;

// How many ranks a group of this kind has.
int64_t m4s_group_size(const m4s_workload_t *workload, m4s_group_kind_t kind);

// Makes the groups that the workload's collectives use. M4S_ERR_INPUT if the workload has more
// ranks than the topology GPUs, if a group of ring collectives has different numbers of ranks on
// its servers, or if the workload makes more flows than ids (INT32_MAX).
m4s_status_t m4s_groups_create(const m4s_workload_t *workload, const m4s_topology_t *topology,
                               m4s_groups_t **groups_out);
void m4s_groups_destroy(m4s_groups_t *groups);

// How a collective runs on a group. Ring collectives: in step k each rank sends to the next one of
// the channel; 2(n-1) steps for ALLREDUCE, n-1 for ALLGATHER and REDUCESCATTER. ALLTOALL: one step,
// one channel, every rank sends to all others. Flow index: (channel * n_steps + step) * n_ranks +
// sender's index; for ALLTOALL: sender's index * (n_ranks - 1) + receiver's place among the others.
typedef struct {
  m4s_collective_kind_t kind;
  int32_t n_ranks, n_channels, n_steps;
  int64_t n_flows;  // 0: nothing to do
  int64_t flow_bytes;  // bytes / n_ranks / n_channels, at least 1 and min_flow_bytes
} m4s_collective_shape_t;

// The collective of a layer's pass as it is run: a forward one below 4096 bytes is raised to them.
m4s_collective_t m4s_collective_of_pass(const m4s_layer_t *layer, m4s_pass_t pass);

m4s_collective_shape_t m4s_collective_shape(const m4s_collective_t *collective,
                                            const m4s_group_t *group, int64_t min_flow_bytes);

// How many flows a workload makes on servers of `gpus_per_server` GPUs that its groups fill evenly;
// as a double, since it may pass any integer.
double m4s_workload_n_flows(const m4s_workload_t *workload, int64_t gpus_per_server);

// One flow of a collective; indices of ranks are into the group's ranks, indices of flows into the
// collective's, -1: none.
typedef struct {
  int32_t channel, step, sender, receiver;
  int64_t parent;  // must have arrived before this one is sent
  int64_t child;
} m4s_collective_flow_t;

m4s_collective_flow_t m4s_collective_flow(const m4s_collective_shape_t *shape,
                                          const m4s_group_t *group, int64_t index);

// The index of a ring flow.
static inline int64_t m4s_ring_flow_index(const m4s_collective_shape_t *shape, int32_t channel,
                                          int32_t step, int32_t sender) {
  return ((int64_t)channel * shape->n_steps + step) * shape->n_ranks + sender;
}

// Writes the flow DAG of a workload on a topology into `folder` (made if missing) as flow_dag.csv
// and, as records, flow_dag.npy, in the order layer, pass, group: id, layer, pass, group, channel,
// step, src, dst, size_bytes, parent, child (ids, -1: none).
m4s_status_t m4s_flow_dag_write(const m4s_workload_t *workload, const m4s_topology_t *topology,
                                int64_t min_flow_bytes, const char *folder, int64_t *n_flows_out);
