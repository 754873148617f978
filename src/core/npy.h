// NumPy files (.npy, format 1.0): one-dimensional arrays of records, little-endian.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

// One member of a record: `type` is NumPy's ("<i8", "<f8", "<i4", "|u1").
typedef struct {
  const char *name;
  const char *type;
} m4s_npy_member_t;

// Writes `n_records` packed records of `record_bytes` each, atomically. The members' sizes must add
// up to record_bytes (else M4S_ERR_INTERNAL).
m4s_status_t m4s_npy_write(const char *path, const m4s_npy_member_t *members, size_t n_members,
                           const void *records, size_t record_bytes, size_t n_records);
