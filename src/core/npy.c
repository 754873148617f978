#define _GNU_SOURCE
#include "core/npy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"

// A header of at least `least_bytes`.
static m4s_status_t add_header(m4s_text_t *file, const m4s_npy_member_t *members, size_t n_members,
                               size_t record_bytes, size_t n_records, size_t least_bytes) {
  m4s_text_t header = {0};
  size_t sum = 0;
  m4s_status_t status = m4s_text_add(&header, "{'descr': [");
  for (size_t i = 0; status == M4S_OK && i < n_members; i++) {
    sum += (size_t)(members[i].type[2] - '0');
    status = m4s_text_add(&header, "%s('%s', '%s')", i == 0 ? "" : ", ", members[i].name,
                          members[i].type);
  }
  if (status == M4S_OK && sum != record_bytes) {
    status = m4s_fail(M4S_ERR_INTERNAL, "npy members of %zu bytes for records of %zu", sum,
                      record_bytes);
  }
  if (status == M4S_OK) {
    status = m4s_text_add(&header, "], 'fortran_order': False, 'shape': (%zu,), }", n_records);
  }
  // Magic, version and length take 10 bytes; the whole is padded with blanks to 64 and ends in
  // "\n".
  if (status == M4S_OK) {
    size_t padded = (10 + header.length + 1 + 63) / 64 * 64;
    padded = padded > least_bytes ? padded : least_bytes;
    int n_blanks = (int)(padded - 10 - header.length - 1);
    size_t n_rest = padded - 10;
    const unsigned char head[10] = {0x93,
                                    'N',
                                    'U',
                                    'M',
                                    'P',
                                    'Y',
                                    1,
                                    0,
                                    (unsigned char)(n_rest & 255),
                                    (unsigned char)(n_rest >> 8)};
    status = m4s_text_add_bytes(file, head, sizeof head);
    if (status == M4S_OK) {
      status = m4s_text_add(file, "%s%*s\n", header.bytes, n_blanks, "");
    }
  }
  m4s_text_clear(&header);
  return status;
}

m4s_status_t m4s_npy_write(const char *path, const m4s_npy_member_t *members, size_t n_members,
                           const void *records, size_t record_bytes, size_t n_records) {
  m4s_text_t file = {0};
  m4s_status_t status = add_header(&file, members, n_members, record_bytes, n_records, 0);
  if (status == M4S_OK && n_records > 0) {
    status = m4s_text_add_bytes(&file, records, record_bytes * n_records);
  }
  if (status == M4S_OK) {
    status = m4s_file_write(path, file.bytes, file.length);
  }
  m4s_text_clear(&file);
  return status;
}

static m4s_status_t fail_to_write(const m4s_npy_stream_t *stream, int error) {
  return m4s_fail(M4S_ERR_IO, "%s: cannot be written: %s", stream->path, strerror(error));
}

static m4s_status_t write_bytes(const m4s_npy_stream_t *stream, const void *bytes, size_t n_bytes) {
  return fwrite(bytes, 1, n_bytes, stream->file) == n_bytes ? M4S_OK : fail_to_write(stream, errno);
}

// Room for any number of records, and this one.
static m4s_status_t write_header(const m4s_npy_stream_t *stream) {
  m4s_text_t widest = {0};
  m4s_text_t header = {0};
  m4s_status_t status =
      add_header(&widest, stream->members, stream->n_members, stream->record_bytes, SIZE_MAX, 0);
  if (status == M4S_OK) {
    status = add_header(&header, stream->members, stream->n_members, stream->record_bytes,
                        stream->n_records, widest.length);
  }
  if (status == M4S_OK) {
    status = write_bytes(stream, header.bytes, header.length);
  }
  m4s_text_clear(&widest);
  m4s_text_clear(&header);
  return status;
}

m4s_status_t m4s_npy_stream_open(m4s_npy_stream_t *stream, const char *path,
                                 const m4s_npy_member_t *members, size_t n_members,
                                 size_t record_bytes) {
  char *target;
  M4S_TRY(m4s_file_target(path, &target));
  *stream = (m4s_npy_stream_t){
      .path = target, .members = members, .n_members = n_members, .record_bytes = record_bytes};
  bool named = asprintf(&stream->temporary, "%s.tmp%d", target, (int)getpid()) >= 0;
  if (!named) {
    free(stream->path);
    *stream = (m4s_npy_stream_t){0};
    return m4s_fail_memory("a file name");
  }
  stream->file = fopen(stream->temporary, "wbe");
  m4s_status_t status = stream->file == NULL ? fail_to_write(stream, errno) : write_header(stream);
  if (status != M4S_OK) {
    m4s_npy_stream_drop(stream);
  }
  return status;
}

m4s_status_t m4s_npy_stream_add(m4s_npy_stream_t *stream, const void *records, size_t n_records) {
  stream->n_records += n_records;
  return write_bytes(stream, records, n_records * stream->record_bytes);
}

// Under its name, and on disk.
static m4s_status_t publish(const m4s_npy_stream_t *stream) {
  if (fflush(stream->file) != 0 || fsync(fileno(stream->file)) != 0 ||
      rename(stream->temporary, stream->path) != 0) {
    return fail_to_write(stream, errno);
  }
  char *folder = m4s_path_folder(stream->path);
  m4s_status_t status = folder == NULL ? m4s_fail_memory("a file name") : m4s_folder_sync(folder);
  free(folder);
  return status;
}

m4s_status_t m4s_npy_stream_finish(m4s_npy_stream_t *stream) {
  m4s_status_t status =
      fseek(stream->file, 0, SEEK_SET) == 0 ? write_header(stream) : fail_to_write(stream, errno);
  if (status == M4S_OK) {
    status = publish(stream);
  }
  m4s_npy_stream_drop(stream);
  return status;
}

void m4s_npy_stream_drop(m4s_npy_stream_t *stream) {
  if (stream->file != NULL) {
    fclose(stream->file);
  }
  if (stream->temporary != NULL) {
    unlink(stream->temporary);  // not there if it was finished
  }
  free(stream->path);
  free(stream->temporary);
  *stream = (m4s_npy_stream_t){0};
}

// The number of records that a file's header tells, where the file is as long as that takes and its
// header says all else as m4s_npy_write() does.
static m4s_status_t check_header(const char *path, const m4s_text_t *file,
                                 const m4s_npy_member_t *members, size_t n_members,
                                 size_t record_bytes, size_t *n_header_out, size_t *n_records_out) {
  const unsigned char *bytes = (const unsigned char *)file->bytes;
  size_t n_header = file->length < 10 ? 0 : 10 + bytes[8] + (size_t)256 * bytes[9];
  size_t n_records =
      n_header == 0 || n_header > file->length ? 0 : (file->length - n_header) / record_bytes;
  m4s_text_t expected = {0};
  M4S_TRY(add_header(&expected, members, n_members, record_bytes, n_records, n_header));
  bool ok = file->length == n_header + n_records * record_bytes && expected.length == n_header &&
            memcmp(expected.bytes, file->bytes, n_header) == 0;
  m4s_text_clear(&expected);
  if (!ok) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is not an npy file of records of \"%s\" …", path,
                    members[0].name);
  }
  *n_header_out = n_header;
  *n_records_out = n_records;
  return M4S_OK;
}

m4s_status_t m4s_npy_read(const char *path, const m4s_npy_member_t *members, size_t n_members,
                          size_t record_bytes, void **records_out, size_t *n_records_out) {
  static const size_t max_bytes = (size_t)1 << 36;
  m4s_text_t file = {0};
  size_t n_header = 0;
  size_t n_records = 0;
  M4S_TRY(m4s_file_read(path, max_bytes, &file.bytes, &file.length));
  m4s_status_t status =
      check_header(path, &file, members, n_members, record_bytes, &n_header, &n_records);
  if (status != M4S_OK) {
    free(file.bytes);
    return status;
  }
  memmove(file.bytes, file.bytes + n_header, n_records * record_bytes);
  *records_out = file.bytes;
  *n_records_out = n_records;
  return M4S_OK;
}
