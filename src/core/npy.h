// NumPy files (.npy), little-endian: one-dimensional arrays of records (format 1.0), and arrays of
// numbers of one or two dimensions.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

// Reads a file with these very members, as m4s_npy_write() wrote it; any other is M4S_ERR_INPUT.
// `records_out` [n_records_out, record_bytes]: owned, free(); never NULL.
m4s_status_t m4s_npy_read(const char *path, const m4s_npy_member_t *members, size_t n_members,
                          size_t record_bytes, void **records_out, size_t *n_records_out);

// A file that is written a part at a time, with little memory.
typedef struct {
  FILE *file;  // under a temporary name; NULL: none is open
  char *path, *temporary;  // owned
  const m4s_npy_member_t *members;  // borrowed
  size_t n_members, record_bytes, n_records;
} m4s_npy_stream_t;

// Until m4s_npy_stream_finish() nothing stands under `path`. `members` are borrowed until then.
m4s_status_t m4s_npy_stream_open(m4s_npy_stream_t *stream, const char *path,
                                 const m4s_npy_member_t *members, size_t n_members,
                                 size_t record_bytes);
m4s_status_t m4s_npy_stream_add(m4s_npy_stream_t *stream, const void *records, size_t n_records);

// The file is whole and on disk when this returns; the stream is closed, also after an error.
m4s_status_t m4s_npy_stream_finish(m4s_npy_stream_t *stream);

// Closes a stream and removes what was written; one that is not open is fine.
void m4s_npy_stream_drop(m4s_npy_stream_t *stream);

// --- numbers ---

// Writes `n_rows` rows of 8-byte numbers, atomically: of one dimension where n_columns is 0, else
// of the shape [n_rows, n_columns]. `type`: "<i8" or "<f8".
m4s_status_t m4s_npy_write_numbers(const char *path, const char *type, const void *numbers,
                                   size_t n_rows, size_t n_columns);

// Reads whole numbers of any of the types "<i8", "<i4", "<f8", in format 1.0 or 2.0 and C order;
// `n_columns` as above. M4S_ERR_INPUT, telling what was found and what is wanted, for other types
// and shapes, for files of another length, and for numbers that are not `min` to `max`, both within
// 2^53; fractions of "<f8" are rounded. `numbers_out` [n_rows_out, n_columns]: owned, free(); never
// NULL.
m4s_status_t m4s_npy_read_numbers(const char *path, size_t n_columns, int64_t min, int64_t max,
                                  int64_t **numbers_out, size_t *n_rows_out);
m4s_status_t m4s_npy_parse_numbers(const void *bytes, size_t n_bytes, const char *path,
                                   size_t n_columns, int64_t min, int64_t max,
                                   int64_t **numbers_out, size_t *n_rows_out);
