// SimAI / AICB workload files: the layers of a training step, with compute times and collectives.
#pragma once

#include <stdint.h>

#include "core/status.h"

typedef enum {
  M4S_COLLECTIVE_NONE,
  M4S_COLLECTIVE_ALLREDUCE,
  M4S_COLLECTIVE_ALLGATHER,
  M4S_COLLECTIVE_REDUCESCATTER,
  M4S_COLLECTIVE_ALLTOALL,
} m4s_collective_kind_t;

// Which ranks take part: tensor, data, expert or data-among-expert parallel group of a rank.
typedef enum { M4S_GROUP_TP, M4S_GROUP_DP, M4S_GROUP_EP, M4S_GROUP_DP_EP } m4s_group_kind_t;
enum { M4S_N_GROUP_KINDS = 4 };

typedef struct {
  m4s_collective_kind_t kind;
  m4s_group_kind_t group;
  int64_t size_bytes;
} m4s_collective_t;

// The three passes of a layer, in the order of the file's columns.
typedef enum { M4S_PASS_FORWARD, M4S_PASS_INPUT_GRADIENT, M4S_PASS_WEIGHT_GRADIENT } m4s_pass_t;
enum { M4S_N_PASSES = 3 };

typedef struct {
  char *name;  // owned
  int64_t dependency;  // kept, without effect
  int64_t compute_ns[M4S_N_PASSES];
  m4s_collective_t collectives[M4S_N_PASSES];
  int64_t update_ns;  // after any collective of the layer
} m4s_layer_t;

// Owned by its creator, free with m4s_workload_destroy().
typedef struct {
  // Line 1. vpp and ga are kept, without effect: the layers of all micro-batches stand in the file.
  int64_t tp, ep, pp, vpp, ga, all_gpus;
  int32_t n_layers;
  m4s_layer_t *layers;  // owned, [n_layers]
} m4s_workload_t;

// Errors name file, line, column and value, with the nearest valid keyword; what the format allows
// but is not simulated yet says so (M4S_ERR_INPUT).
m4s_status_t m4s_workload_read(const char *path, m4s_workload_t **workload_out);
m4s_status_t m4s_workload_parse(const char *text, const char *path, m4s_workload_t **workload_out);
void m4s_workload_destroy(m4s_workload_t *workload);

extern const char *const m4s_collective_names[];  // by m4s_collective_kind_t
extern const char *const m4s_group_names[];  // by m4s_group_kind_t
extern const char *const m4s_pass_names[];  // by m4s_pass_t
