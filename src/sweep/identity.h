// Case ids: the canonical JSON of a point's settings, cut where the axes' values go, so that an id
// costs one pass over about a kilobyte.
#pragma once

#include "sweep/spec.h"

typedef struct m4s_identity m4s_identity_t;

// The canonical form of one typed value as it counts for ids (a file's content hash for its path):
// owned text. `files`: {absolute path: hash}.
m4s_status_t m4s_identity_value(m4s_setting_t setting, const json_t *typed, const char *folder,
                                const json_t *files, char **text_out);

// Of a sweep with `resolved`, `files` and axes.
m4s_status_t m4s_identity_create(const m4s_sweep_t *sweep, m4s_identity_t **identity_out);
void m4s_identity_destroy(m4s_identity_t *identity);

// The hash for the positions of the groups, `positions` [n_groups].
m4s_status_t m4s_identity_hash(const m4s_identity_t *identity, const m4s_sweep_t *sweep,
                               const uint64_t *positions, uint64_t *hash_out);
