// Which hosts send to which: rack-to-rack matrices and patterns of hosts.
#pragma once

#include "core/alias.h"
#include "flow/rack_matrix.h"

// Hosts are numbered by rack, racks by pod.
typedef struct {
  int32_t pods, racks_per_pod, hosts_per_rack;
} m4s_cluster_shape_t;

static inline int32_t m4s_cluster_n_hosts(const m4s_cluster_shape_t *shape) {
  return shape->pods * shape->racks_per_pod * shape->hosts_per_rack;
}

typedef enum {
  M4S_SPATIAL_UNIFORM,  // all pairs of hosts alike
  M4S_SPATIAL_ALL_TO_ALL,  // all pairs of hosts in different racks alike
  M4S_SPATIAL_PERMUTATION,  // every host sends to one other, and receives from one other
  M4S_SPATIAL_INCAST,  // hosts in groups of a receiver and its senders
  M4S_SPATIAL_LOCALITY,  // shares within a rack, within a pod; racks of different popularity
  M4S_SPATIAL_MATRIX,  // of a file
} m4s_spatial_kind_t;

extern const char *const m4s_spatial_names[];  // NULL-terminated

// Settings; those of other kinds are not looked at.
typedef struct {
  int kind;  // m4s_spatial_kind_t
  char *matrix_file;
  double rack_share;  // locality: of all flows, those within a rack
  double pod_share;  // locality: of the flows that leave their rack, those within a pod
  double skew;  // locality: the k-th popular rack sends and receives as k^-skew
  int64_t senders;  // incast: per receiver
} m4s_spatial_config_t;

// Traffic from one group of hosts to another, or within one.
typedef struct {
  int32_t src, dst;  // groups
  double share;  // of all flows, > 0
} m4s_spatial_pair_t;

// Group g is the hosts g * hosts_per_group … (g + 1) * hosts_per_group - 1: a rack, or a host.
// Within a pair of groups, all pairs of different hosts are alike.
typedef struct {
  int32_t n_groups, hosts_per_group;
  int32_t n_pairs;
  m4s_spatial_pair_t *pairs;  // owned, sorted by (src, dst); the shares sum to 1
  m4s_alias_t alias;  // of the shares
} m4s_spatial_t;

// Lays traffic over a cluster, of at least two hosts. What is random (which rack of the matrix is
// which rack of the cluster, which racks are popular, who sends to whom) depends on the seed. A
// matrix with more pods, or more racks in its pods, than the cluster is down-sampled; a smaller one
// is M4S_ERR_INPUT, as is traffic of which nothing is left. Racks of one host have no traffic
// within. `where` names the settings in errors.
m4s_status_t m4s_spatial_create(const m4s_spatial_config_t *config, const char *where,
                                const m4s_cluster_shape_t *shape, uint64_t seed,
                                m4s_spatial_t **spatial_out);
void m4s_spatial_destroy(m4s_spatial_t *spatial);

// The hosts of one flow, which differ. Takes three numbers of the stream.
void m4s_spatial_draw(const m4s_spatial_t *spatial, m4s_random_t *random, int32_t *src_out,
                      int32_t *dst_out);
