#include "core/npy.h"

#include <string.h>

#include "core/file.h"
#include "core/text.h"

static m4s_status_t add_header(m4s_text_t *file, const m4s_npy_member_t *members, size_t n_members,
                               size_t record_bytes, size_t n_records) {
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
  m4s_status_t status = add_header(&file, members, n_members, record_bytes, n_records);
  if (status == M4S_OK && n_records > 0) {
    status = m4s_text_add_bytes(&file, records, record_bytes * n_records);
  }
  if (status == M4S_OK) {
    status = m4s_file_write(path, file.bytes, file.length);
  }
  m4s_text_clear(&file);
  return status;
}
