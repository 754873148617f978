// Rail-optimised GPU clusters: per server an NVSwitch; GPU g also connects to rail switch g mod
// rails; every rail switch connects to every core switch. Optionally with degraded GPUs ("gray
// failures").
#pragma once

#include "core/field.h"
#include "net/topology.h"

// Defaults: the 32-GPU cluster of the published gray-failure sweep, without failures.
typedef struct {
  int64_t gpus, gpus_per_server, rails, cores;
  int64_t nvlink_gbps, nic_gbps, core_gbps;
  int64_t nvlink_delay_ns, nic_delay_ns;
  int64_t degraded_gpus;  // number of GPUs whose NVLink and NIC run at floor(Gbps / reduction)
  int64_t reduction;
  int64_t degraded_seed;  // of which GPUs those are; 0: as published
  int gpu_type;  // index into m4s_gpu_types
} m4s_gpu_cluster_t;

extern const char *const m4s_gpu_types[];
enum { M4S_N_GPU_CLUSTER_FIELDS = 13 };
extern const m4s_field_t m4s_gpu_cluster_fields[M4S_N_GPU_CLUSTER_FIELDS];

// The degraded GPUs in ascending order, written to gpus_out[degraded_gpus]; at most all of them.
// With a degraded_seed a random set, else as published: with s GPUs a server and N degraded: N ≤ s:
// ceil(N/2) of server 0 and the rest of server 1; s < N ≤ 2s: server 0 and N-s of server 2 (so that
// both halves of the cluster are hit); more, or servers missing: whole servers from 0.
void m4s_gpu_cluster_degraded(const m4s_gpu_cluster_t *cluster, int32_t *gpus_out);

// `origin` names the settings in errors.
m4s_status_t m4s_gpu_cluster_create(const m4s_gpu_cluster_t *cluster, const char *origin,
                                    m4s_topology_t **topology_out);
