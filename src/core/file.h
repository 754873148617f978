// Whole files, atomic writes, folders.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/status.h"

// Reads a regular file of at most `max_bytes` as zero-terminated bytes (owned by the caller,
// free()). A folder, a missing or a too large file is M4S_ERR_INPUT. `n_bytes_out` may be NULL.
m4s_status_t m4s_file_read(const char *path, size_t max_bytes, char **bytes_out,
                           size_t *n_bytes_out);

// The same for text: a zero byte in it is M4S_ERR_INPUT.
m4s_status_t m4s_file_read_text(const char *path, size_t max_bytes, char **text_out);

// The content's 64-bit FNV-1a hash, 16 hexadecimal digits; errors as of m4s_file_read().
m4s_status_t m4s_file_hash(const char *path, char hash_out[17]);

// Its size; 0 where that is not to be had.
size_t m4s_file_bytes(const char *path);

// The file that writing to `path` replaces: behind symbolic links, owned, free(). M4S_ERR_IO for
// a folder, M4S_ERR_INPUT for what else exists and is no regular file (a device, a pipe).
m4s_status_t m4s_file_target(const char *path, char **target_out);

// Writes to a temporary name beside `path`, syncs, renames, syncs the folder: readers see the old
// file or the new one, and the new one is on disk when this returns. `path` as of
// m4s_file_target().
m4s_status_t m4s_file_write(const char *path, const void *bytes, size_t n_bytes);

// Makes a folder and its parents; one that exists is fine.
m4s_status_t m4s_folder_make(const char *path);

// Makes a new folder in $TMPDIR (/tmp) for what is not kept; the caller removes it. M4S_ERR_IO.
enum { M4S_TEMPORARY_BYTES = 256 };
m4s_status_t m4s_folder_make_temporary(char path_out[M4S_TEMPORARY_BYTES]);

// Brings a folder's entries to disk, where its file system can.
m4s_status_t m4s_folder_sync(const char *path);

// Removes a file, or a folder with all it holds; one that is missing is fine. Links are not
// followed.
m4s_status_t m4s_path_remove(const char *path);

// The same after an error, which is returned with its message: nothing half-written stays.
m4s_status_t m4s_path_remove_after(m4s_status_t error, const char *path);

bool m4s_path_exists(const char *path);

// "folder/name" as an owned string, NULL without memory; an absolute name stays as it is.
char *m4s_path_join(const char *folder, const char *name);

// The folder part of `path` ("." if none) as an owned string, NULL without memory.
char *m4s_path_folder(const char *path);
