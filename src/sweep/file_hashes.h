// Hashes of files that are asked for again and again, computed anew only where a file may have
// changed.
#pragma once

#include "core/status.h"

typedef struct m4s_file_hashes m4s_file_hashes_t;

m4s_status_t m4s_file_hashes_create(m4s_file_hashes_t **hashes_out);
void m4s_file_hashes_destroy(m4s_file_hashes_t *hashes);

// As m4s_file_hash(). A hash is believed again as long as the file's identity, size and times are
// what they were, and those times lay far enough back that no later change can have left them as
// they are.
m4s_status_t m4s_file_hashes_get(m4s_file_hashes_t *hashes, const char *path, char hash_out[17]);
