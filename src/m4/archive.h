// Zip archives as PyTorch writes them: entries "<folder>/data.pkl", "<folder>/data/0", … in one
// folder of any name. Nothing is extracted to disk.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

// An archive may hold that many times its own size: weights hardly shrink when compressed.
enum { M4S_ARCHIVE_MAX_RATIO = 64 };

typedef struct m4s_archive m4s_archive_t;

// The bytes are borrowed until m4s_archive_close(), so is `name`, which stands for the file in
// errors. M4S_ERR_INPUT: no zip archive, or one without or with several entries
// "<folder>/data.pkl".
m4s_status_t m4s_archive_open(const void *bytes, size_t n_bytes, const char *name,
                              m4s_archive_t **archive_out);
void m4s_archive_close(m4s_archive_t *archive);

// Whether there is an entry "<folder>/<entry>".
bool m4s_archive_has(const m4s_archive_t *archive, const char *entry);

// Reads a whole entry, stored or deflated, as zero-terminated bytes (owned by the caller, free()).
// M4S_ERR_INPUT: one that is missing, there several times, encrypted, compressed by another method,
// damaged, larger than max_bytes or than M4S_ARCHIVE_MAX_RATIO allows.
m4s_status_t m4s_archive_read(const m4s_archive_t *archive, const char *entry, size_t max_bytes,
                              char **bytes_out, size_t *n_bytes_out);

// The most bytes that its weights may take.
size_t m4s_archive_max_bytes(const m4s_archive_t *archive);

// "<file>: <folder>/<entry>" for errors: a buffer of the archive, until the next call.
const char *m4s_archive_where(const m4s_archive_t *archive, const char *entry);
