// Case ids: hashes of the canonical JSON of a point's settings that affect results, with files'
// contents in place of their paths. The network that is built in takes no part, so that another one
// leaves the other simulators' results valid: see m4s_sweep_definition().
#pragma once

#include "sweep/spec.h"

// The settings of the base as they count for ids: new reference. Of a sweep with `resolved` and
// `files`.
m4s_status_t m4s_identity_make(const m4s_sweep_t *sweep, json_t **identity_out);

// The hash of a point. Of a sweep with `identity`.
m4s_status_t m4s_identity_hash(const m4s_sweep_t *sweep, uint64_t index, uint64_t *hash_out);
