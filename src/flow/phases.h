// Synchronised traffic: phases of flows that start together, each when the former one is complete,
// as in applications that exchange data step by step. Lists for m4s_closed_loop_create_phases().
#pragma once

#include "core/field.h"
#include "flow/flow.h"
#include "flow/spatial.h"

typedef enum {
  M4S_PATTERN_ALL_TO_ALL,  // every participant sends to every other at once
  M4S_PATTERN_ROTATION,  // in phase p participant i sends to i + p, over all others in turn
  M4S_PATTERN_INCAST,  // in phase p those after participant p - 1 send to it
} m4s_pattern_t;

// Which hosts take part.
typedef enum {
  M4S_PLACEMENT_PACKED,  // the first ones, rack by rack
  M4S_PLACEMENT_SPREAD,  // one of each rack in turn
  M4S_PLACEMENT_RANDOM,  // drawn by the seed
} m4s_placement_t;

typedef struct {
  int pattern;  // m4s_pattern_t
  int64_t n_phases;  // 0: until all have sent to all, or all have received
  int64_t participants;  // 0: all hosts
  int placement;  // m4s_placement_t
  int64_t flow_bytes;  // of each flow
  int64_t senders;  // of an incast
} m4s_phases_config_t;

enum { M4S_N_PHASES_FIELDS = 6 };
extern const m4s_field_t m4s_phases_fields[M4S_N_PHASES_FIELDS];

// Free with m4s_phases_clear().
typedef struct {
  // Owned, [n_flows]: id, src, dst, size_bytes, start_ns 0; the rest -1.
  m4s_flow_record_t *records;
  int64_t n_flows;
  int64_t *first_of_phase;  // owned, [n_phases + 1]
  int32_t n_phases;
} m4s_phases_t;

// How many phases there are, and flows in each: with n_hosts hosts that could take part.
// M4S_ERR_INPUT for participants and senders that they lack, and for too many flows; `where` names
// the settings in errors ("sweeps/x.json: base.traffic").
m4s_status_t m4s_phases_count(const m4s_phases_config_t *config, const char *where, int64_t n_hosts,
                              int64_t *n_phases_out, int64_t *flows_per_phase_out);

// Makes the flows among the hosts of a cluster. Only random placement looks at the seed.
m4s_status_t m4s_phases_make(const m4s_phases_config_t *config, const char *where,
                             const m4s_cluster_shape_t *shape, uint64_t seed,
                             m4s_phases_t *phases_out);
void m4s_phases_clear(m4s_phases_t *phases);
