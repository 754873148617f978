// Zip archives in memory, for tests and fuzz targets.
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

typedef struct {
  const char *name;
  const void *bytes;
  size_t n_bytes;
  zip_int32_t method;  // ZIP_CM_DEFAULT (-1), ZIP_CM_STORE (0), ZIP_CM_DEFLATE (8)
} zip_part_t;

static inline void zip_need(int good) {
  if (!good) {
    abort();
  }
}

static inline void zip_add_part(zip_t *zip, const zip_part_t *part) {
  zip_source_t *source = zip_source_buffer(zip, part->bytes, part->n_bytes, 0);
  zip_need(source != NULL);
  zip_int64_t index = zip_file_add(zip, part->name, source, ZIP_FL_ENC_UTF_8);
  zip_need(index >= 0);
  zip_need(zip_set_file_compression(zip, (zip_uint64_t)index, part->method, 0) == 0);
  zip_need(zip_file_set_mtime(zip, (zip_uint64_t)index, 0, 0) == 0);
}

// An archive of these entries, free(). It must have at least one.
static inline char *zip_make(const zip_part_t *parts, size_t n_parts, size_t *n_bytes_out) {
  zip_source_t *memory = zip_source_buffer_create(NULL, 0, 0, NULL);
  zip_need(memory != NULL);
  zip_source_keep(memory);
  zip_t *zip = zip_open_from_source(memory, ZIP_TRUNCATE, NULL);
  zip_need(zip != NULL);
  for (size_t i = 0; i < n_parts; i++) {
    zip_add_part(zip, &parts[i]);
  }
  zip_need(zip_close(zip) == 0);
  zip_stat_t info;
  zip_need(zip_source_stat(memory, &info) == 0 && zip_source_open(memory) == 0);
  char *bytes = malloc((size_t)info.size + 1);
  zip_need(bytes != NULL);
  zip_need(zip_source_read(memory, bytes, info.size) == (zip_int64_t)info.size);
  zip_source_close(memory);
  zip_source_free(memory);
  *n_bytes_out = (size_t)info.size;
  return bytes;
}
