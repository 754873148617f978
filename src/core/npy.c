#define _GNU_SOURCE
#include "core/npy.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"

static const size_t MAX_NUMBERS_BYTES = (size_t)1 << 34;

// A whole header: magic, version and length take 10 bytes; it is padded with blanks to 64, and to
// at least `least_bytes`, and ends in "\n".
static m4s_status_t add_text_header(m4s_text_t *file, const char *text, size_t least_bytes) {
  size_t padded = (10 + strlen(text) + 1 + 63) / 64 * 64;
  padded = padded > least_bytes ? padded : least_bytes;
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
  M4S_TRY(m4s_text_add_bytes(file, head, sizeof head));
  return m4s_text_add(file, "%s%*s\n", text, (int)(n_rest - strlen(text) - 1), "");
}

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
  if (status == M4S_OK) {
    status = add_text_header(file, header.bytes, least_bytes);
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

// --- numbers ---

// What a header says.
typedef struct {
  char type[16];  // "" where it is not understood, as of records
  bool fortran_order;
  size_t shape[2], n_dimensions;  // more than 2: not kept
  size_t n_bytes;  // of the header
} header_t;

static const struct {
  const char *type;
  size_t n_bytes;
} number_types[] = {{"<i8", 8}, {"<i4", 4}, {"<f8", 8}};

// The value of a key, behind the colon and blanks; NULL: it is not there.
static const char *find_key(const char *text, const char *key) {
  const char *at = strstr(text, key);
  if (at == NULL) {
    return NULL;
  }
  at += strlen(key);
  at += strspn(at, " ");
  return *at == ':' ? at + 1 + strspn(at + 1, " ") : NULL;
}

static bool read_shape(const char *text, header_t *header) {
  if (text == NULL || *text++ != '(') {
    return false;
  }
  for (text += strspn(text, " "); *text != ')'; text += strspn(text, ", ")) {
    size_t n_digits = strspn(text, "0123456789");
    if (n_digits == 0 || n_digits > 15) {
      return false;
    }
    if (header->n_dimensions < 2) {
      header->shape[header->n_dimensions] = strtoull(text, NULL, 10);
    }
    header->n_dimensions++;
    text += n_digits;
  }
  return true;
}

static bool read_header_text(const char *text, header_t *header) {
  const char *type = find_key(text, "'descr'");
  const char *order = find_key(text, "'fortran_order'");
  if (type == NULL || order == NULL) {
    return false;
  }
  size_t n = *type == '\'' ? strcspn(type + 1, "'") : sizeof header->type;
  for (size_t i = 0; n < sizeof header->type && i < n; i++) {
    header->type[i] = isgraph((unsigned char)type[i + 1]) ? type[i + 1] : '?';
  }
  header->fortran_order = strncmp(order, "True", 4) == 0;
  return read_shape(find_key(text, "'shape'"), header);
}

static m4s_status_t read_header(const unsigned char *bytes, size_t n_bytes, const char *path,
                                header_t *header) {
  bool is_npy = n_bytes >= 12 && memcmp(bytes, "\x93NUMPY", 6) == 0 && bytes[6] >= 1;
  size_t start = is_npy && bytes[6] == 1 ? 10 : 12;
  size_t n_text = is_npy ? bytes[8] + ((size_t)bytes[9] << 8) : 0;
  if (start == 12 && is_npy) {
    n_text += ((size_t)bytes[10] << 16) + ((size_t)bytes[11] << 24);
  }
  if (!is_npy || n_text > n_bytes - start) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is not an npy file", path);
  }
  char *text = strndup((const char *)bytes + start, n_text);
  if (text == NULL) {
    return m4s_fail_memory(path);
  }
  *header = (header_t){.n_bytes = start + n_text};
  bool ok = read_header_text(text, header);
  free(text);
  return ok ? M4S_OK : m4s_fail(M4S_ERR_INPUT, "%s: the header of the npy file is no header", path);
}

static m4s_status_t check_type(const header_t *header, const char *path, size_t *item_bytes_out) {
  for (size_t i = 0; i < sizeof number_types / sizeof *number_types; i++) {
    if (strcmp(header->type, number_types[i].type) == 0) {
      *item_bytes_out = number_types[i].n_bytes;
      return M4S_OK;
    }
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: dtype %s, wanted: <i8, <i4 or <f8", path,
                  header->type[0] == '\0' ? "of records" : header->type);
}

static m4s_status_t check_shape(const header_t *header, const char *path, size_t n_columns) {
  char found[64];
  char wanted[48] = "(n,)";
  bool ok = header->n_dimensions == (n_columns == 0 ? 1 : 2) &&
            (n_columns == 0 || header->shape[1] == n_columns);
  if (ok && header->fortran_order && n_columns > 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is in Fortran order, wanted: C order", path);
  }
  if (ok) {
    return M4S_OK;
  }
  if (n_columns > 0) {
    snprintf(wanted, sizeof wanted, "(n, %zu)", n_columns);
  }
  if (header->n_dimensions == 2) {
    snprintf(found, sizeof found, "(%zu, %zu)", header->shape[0], header->shape[1]);
  } else if (header->n_dimensions == 1) {
    snprintf(found, sizeof found, "(%zu,)", header->shape[0]);
  } else {
    snprintf(found, sizeof found, "of %zu dimensions", header->n_dimensions);
  }
  return m4s_fail(M4S_ERR_INPUT, "%s: shape %s, wanted: %s", path, found, wanted);
}

// Number i of the data as a double, which is exact within 2^53.
static double number_at(const header_t *header, const unsigned char *data, size_t i) {
  int64_t i8;
  int32_t i4;
  double f8;
  if (header->type[1] == 'f') {
    memcpy(&f8, data + 8 * i, sizeof f8);
    return f8;
  }
  if (header->type[2] == '4') {
    memcpy(&i4, data + 4 * i, sizeof i4);
    return i4;
  }
  memcpy(&i8, data + 8 * i, sizeof i8);
  return (double)i8;
}

static m4s_status_t take_numbers(const header_t *header, const unsigned char *data, size_t n,
                                 const char *path, int64_t min, int64_t max, int64_t *numbers) {
  for (size_t i = 0; i < n; i++) {
    double value = number_at(header, data, i);
    if (!(value >= (double)min && value <= (double)max)) {
      size_t columns = header->n_dimensions == 2 ? header->shape[1] : 1;
      return m4s_fail(M4S_ERR_INPUT, "%s: row %zu: %.17g is outside %lld to %lld", path,
                      i / columns, value, (long long)min, (long long)max);
    }
    numbers[i] = (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
  }
  return M4S_OK;
}

m4s_status_t m4s_npy_parse_numbers(const void *bytes, size_t n_bytes, const char *path,
                                   size_t n_columns, int64_t min, int64_t max,
                                   int64_t **numbers_out, size_t *n_rows_out) {
  header_t header;
  size_t item_bytes = 0;
  M4S_TRY(read_header(bytes, n_bytes, path, &header));
  M4S_TRY(check_type(&header, path, &item_bytes));
  M4S_TRY(check_shape(&header, path, n_columns));
  size_t row_bytes = item_bytes * (n_columns == 0 ? 1 : n_columns);
  size_t n_data = n_bytes - header.n_bytes;
  // At most 15 digits of rows, small columns: no product passes size_t.
  if (header.shape[0] * row_bytes != n_data) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %zu bytes of data, its header tells of %zu", path, n_data,
                    header.shape[0] * row_bytes);
  }
  size_t n = n_data / item_bytes;
  int64_t *numbers = malloc((n + 1) * sizeof *numbers);
  if (numbers == NULL) {
    return m4s_fail_memory(path);
  }
  m4s_status_t status = take_numbers(&header, (const unsigned char *)bytes + header.n_bytes, n,
                                     path, min, max, numbers);
  if (status != M4S_OK) {
    free(numbers);
    return status;
  }
  *numbers_out = numbers;
  *n_rows_out = header.shape[0];
  return M4S_OK;
}

m4s_status_t m4s_npy_read_numbers(const char *path, size_t n_columns, int64_t min, int64_t max,
                                  int64_t **numbers_out, size_t *n_rows_out) {
  char *bytes;
  size_t n_bytes;
  M4S_TRY(m4s_file_read(path, MAX_NUMBERS_BYTES, &bytes, &n_bytes));
  m4s_status_t status =
      m4s_npy_parse_numbers(bytes, n_bytes, path, n_columns, min, max, numbers_out, n_rows_out);
  free(bytes);
  return status;
}

m4s_status_t m4s_npy_write_numbers(const char *path, const char *type, const void *numbers,
                                   size_t n_rows, size_t n_columns) {
  m4s_text_t header = {0};
  m4s_text_t file = {0};
  size_t n = n_rows * (n_columns == 0 ? 1 : n_columns);
  m4s_status_t status =
      m4s_text_add(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu,", type, n_rows);
  if (status == M4S_OK) {
    status = n_columns == 0 ? m4s_text_add(&header, "), }")
                            : m4s_text_add(&header, " %zu), }", n_columns);
  }
  if (status == M4S_OK) {
    status = add_text_header(&file, header.bytes, 0);
  }
  if (status == M4S_OK && n > 0) {
    status = m4s_text_add_bytes(&file, numbers, 8 * n);
  }
  if (status == M4S_OK) {
    status = m4s_file_write(path, file.bytes, file.length);
  }
  m4s_text_clear(&file);
  m4s_text_clear(&header);
  return status;
}
