#include "m4/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { MAX_ENTRIES = 10000, WHERE_BYTES = 1024 };
static const char pickle_name[] = "/data.pkl";

struct m4s_archive {
  zip_t *zip;
  const char *name;
  size_t n_bytes;
  char *folder;  // owned
  char *where;  // owned, [WHERE_BYTES]
};

// --- opening ---

static m4s_status_t open_zip(m4s_archive_t *archive, const void *bytes) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t *source = zip_source_buffer_create(bytes, archive->n_bytes, 0, &error);
  if (source != NULL) {
    archive->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
  }
  m4s_status_t status = M4S_OK;
  if (archive->zip == NULL) {
    zip_source_free(source);
    status = m4s_fail(M4S_ERR_INPUT, "%s: is no zip archive, or a damaged one: %s", archive->name,
                      zip_error_strerror(&error));
  }
  zip_error_fini(&error);
  return status;
}

// The folder's length in "<folder>/data.pkl", 0 for other names.
static size_t folder_length(const char *entry) {
  size_t n = entry == NULL ? 0 : strlen(entry);
  size_t n_tail = sizeof pickle_name - 1;
  if (n <= n_tail || strcmp(entry + n - n_tail, pickle_name) != 0) {
    return 0;
  }
  n -= n_tail;
  return memchr(entry, '/', n) == NULL ? n : 0;
}

static m4s_status_t set_folder(m4s_archive_t *archive, const char *entry, size_t length) {
  if (archive->folder != NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: holds both %.200s%s and %.200s, one is needed",
                    archive->name, archive->folder, pickle_name, entry);
  }
  archive->folder = strndup(entry, length);
  return archive->folder == NULL ? m4s_fail_memory(archive->name) : M4S_OK;
}

static m4s_status_t find_folder(m4s_archive_t *archive) {
  zip_int64_t n_entries = zip_get_num_entries(archive->zip, 0);
  if (n_entries > MAX_ENTRIES) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %" PRId64 " entries, at most %d are read", archive->name,
                    (int64_t)n_entries, MAX_ENTRIES);
  }
  for (zip_int64_t i = 0; i < n_entries; i++) {
    const char *entry = zip_get_name(archive->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
    size_t length = folder_length(entry);
    if (length > 0) {
      M4S_TRY(set_folder(archive, entry, length));
    }
  }
  return archive->folder != NULL
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT, "%s: no entry <folder>%s, as archives of PyTorch have it",
                        archive->name, pickle_name);
}

m4s_status_t m4s_archive_open(const void *bytes, size_t n_bytes, const char *name,
                              m4s_archive_t **archive_out) {
  if (n_bytes == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is empty", name);
  }
  m4s_archive_t *archive = calloc(1, sizeof *archive);
  char *where = malloc(WHERE_BYTES);
  if (archive == NULL || where == NULL) {
    free(archive);
    free(where);
    return m4s_fail_memory(name);
  }
  *archive = (m4s_archive_t){.name = name, .n_bytes = n_bytes, .where = where};
  m4s_status_t status = open_zip(archive, bytes);
  if (status == M4S_OK) {
    status = find_folder(archive);
  }
  if (status != M4S_OK) {
    m4s_archive_close(archive);
    return status;
  }
  *archive_out = archive;
  return M4S_OK;
}

void m4s_archive_close(m4s_archive_t *archive) {
  if (archive == NULL) {
    return;
  }
  if (archive->zip != NULL) {
    zip_discard(archive->zip);
  }
  free(archive->folder);
  free(archive->where);
  free(archive);
}

// --- entries ---

const char *m4s_archive_where(const m4s_archive_t *archive, const char *entry) {
  snprintf(archive->where, WHERE_BYTES, "%s: %.200s/%.200s", archive->name, archive->folder, entry);
  return archive->where;
}

size_t m4s_archive_max_bytes(const m4s_archive_t *archive) {
  return M4S_ARCHIVE_MAX_RATIO * archive->n_bytes;
}

// Number of entries of that name; the last one's index.
static int count(const m4s_archive_t *archive, const char *entry, zip_uint64_t *index_out) {
  size_t n_folder = strlen(archive->folder);
  zip_uint64_t n_entries = (zip_uint64_t)zip_get_num_entries(archive->zip, 0);
  int n = 0;
  for (zip_uint64_t i = 0; i < n_entries; i++) {
    const char *name = zip_get_name(archive->zip, i, ZIP_FL_ENC_RAW);
    if (name != NULL && strncmp(name, archive->folder, n_folder) == 0 && name[n_folder] == '/' &&
        strcmp(name + n_folder + 1, entry) == 0) {
      *index_out = i;
      n++;
    }
  }
  return n;
}

bool m4s_archive_has(const m4s_archive_t *archive, const char *entry) {
  zip_uint64_t index;
  return count(archive, entry, &index) > 0;
}

static m4s_status_t check_method(const zip_stat_t *info, const char *where) {
  if (info->encryption_method != ZIP_EM_NONE) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is encrypted", where);
  }
  if (info->comp_method != ZIP_CM_STORE && info->comp_method != ZIP_CM_DEFLATE) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: is compressed by method %d, only stored (0) and deflated (8) entries are "
                    "read",
                    where, info->comp_method);
  }
  return M4S_OK;
}

static m4s_status_t check_size(const m4s_archive_t *archive, const zip_stat_t *info,
                               size_t max_bytes, const char *where) {
  size_t most = m4s_archive_max_bytes(archive);
  if (info->size > max_bytes) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %" PRIu64 " bytes, at most %zu are read", where,
                    (uint64_t)info->size, max_bytes);
  }
  if (info->size > most) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: %" PRIu64 " bytes in an archive of %zu, at most %d times as many are read",
                    where, (uint64_t)info->size, archive->n_bytes, M4S_ARCHIVE_MAX_RATIO);
  }
  return M4S_OK;
}

static m4s_status_t locate(const m4s_archive_t *archive, const char *entry, size_t max_bytes,
                           zip_stat_t *info_out) {
  const char *where = m4s_archive_where(archive, entry);
  zip_uint64_t index;
  int n = count(archive, entry, &index);
  if (n != 1) {
    return n == 0 ? m4s_fail(M4S_ERR_INPUT, "%s: is missing", where)
                  : m4s_fail(M4S_ERR_INPUT, "%s: is there %d times", where, n);
  }
  const zip_uint64_t needed =
      ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  zip_stat_init(info_out);
  if (zip_stat_index(archive->zip, index, 0, info_out) != 0 ||
      (info_out->valid & needed) != needed) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is damaged: %s", where, zip_strerror(archive->zip));
  }
  M4S_TRY(check_method(info_out, where));
  return check_size(archive, info_out, max_bytes, where);
}

// Reads to the end, one byte more than there should be: there the checksum is compared.
static m4s_status_t read_to_end(zip_file_t *file, char *bytes, size_t n_bytes, const char *where) {
  size_t n_read = 0;
  for (;;) {
    zip_int64_t n = zip_fread(file, bytes + n_read, n_bytes + 1 - n_read);
    if (n < 0) {
      return m4s_fail(M4S_ERR_INPUT, "%s: is damaged: %s", where, zip_file_strerror(file));
    }
    n_read += (size_t)n;
    if (n_read > n_bytes || (n == 0 && n_read < n_bytes)) {
      return m4s_fail(M4S_ERR_INPUT, "%s: is damaged: %s than its %zu bytes", where,
                      n_read > n_bytes ? "more" : "fewer", n_bytes);
    }
    if (n == 0) {
      bytes[n_bytes] = '\0';
      return M4S_OK;
    }
  }
}

m4s_status_t m4s_archive_read(const m4s_archive_t *archive, const char *entry, size_t max_bytes,
                              char **bytes_out, size_t *n_bytes_out) {
  zip_stat_t info;
  M4S_TRY(locate(archive, entry, max_bytes, &info));
  const char *where = m4s_archive_where(archive, entry);
  char *bytes = malloc((size_t)info.size + 1);
  if (bytes == NULL) {
    return m4s_fail_memory(where);
  }
  zip_file_t *file = zip_fopen_index(archive->zip, info.index, 0);
  m4s_status_t status = file == NULL ? m4s_fail(M4S_ERR_INPUT, "%s: is damaged: %s", where,
                                                zip_strerror(archive->zip))
                                     : read_to_end(file, bytes, (size_t)info.size, where);
  if (file != NULL) {
    zip_fclose(file);
  }
  if (status != M4S_OK) {
    free(bytes);
    return status;
  }
  *bytes_out = bytes;
  *n_bytes_out = (size_t)info.size;
  return M4S_OK;
}
