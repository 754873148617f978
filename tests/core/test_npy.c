// NumPy files, read back by a parser of their format.
#include "support.h"

#include "core/npy.h"
#include "flow/flow.h"

typedef struct __attribute__((packed)) {
  int32_t id;
  int64_t time_ns;
  double rate;
  uint8_t flag;
} record_t;

static const m4s_npy_member_t members[] = {
    {"id", "<i4"}, {"time_ns", "<i8"}, {"rate", "<f8"}, {"flag", "|u1"}};

// Checks magic, version and alignment; returns the header's dictionary with its padding, owned, and
// where the records begin.
static char *parse_header(const char *bytes, size_t n_bytes, size_t *data_out) {
  assert_true(n_bytes >= 64);
  assert_memory_equal(bytes, "\x93NUMPY\x01\x00", 8);
  size_t n = (size_t)(unsigned char)bytes[8] + 256 * (size_t)(unsigned char)bytes[9];
  assert_int_equal((10 + n) % 64, 0);
  assert_true(10 + n <= n_bytes);
  assert_int_equal(bytes[10 + n - 1], '\n');
  *data_out = 10 + n;
  char *header = malloc(n + 1);
  memcpy(header, bytes + 10, n);
  header[n] = '\0';
  return header;
}

// The dictionary is this, followed by blanks and a newline only.
static void assert_header(const char *header, const char *dictionary) {
  assert_int_equal(strncmp(header, dictionary, strlen(dictionary)), 0);
  const char *rest = header + strlen(dictionary);
  assert_int_equal(rest[strspn(rest, " ")], '\n');
  assert_int_equal(rest[strspn(rest, " ") + 1], '\0');
}

static void npy_should_hold_the_records(void **state) {
  (void)state;
  const record_t records[] = {{1, -5, 0.5, 255}, {2, INT64_MAX, -1e300, 0}, {-3, 7, 0.1, 1}};
  ASSERT_OK(m4s_npy_write(support_path("a.npy"), members, 4, records, sizeof *records, 3));
  size_t n;
  size_t data;
  char *bytes = support_read("a.npy", &n);
  char *header = parse_header(bytes, n, &data);
  assert_header(header,
                "{'descr': [('id', '<i4'), ('time_ns', '<i8'), ('rate', '<f8'), ('flag', '|u1')], "
                "'fortran_order': False, 'shape': (3,), }");
  assert_int_equal(n - data, sizeof records);
  assert_memory_equal(bytes + data, records, sizeof records);
  free(header);
  free(bytes);
}

static void npy_should_take_no_records(void **state) {
  (void)state;
  ASSERT_OK(m4s_npy_write(support_path("none.npy"), members, 4, NULL, sizeof(record_t), 0));
  size_t n;
  size_t data;
  char *bytes = support_read("none.npy", &n);
  char *header = parse_header(bytes, n, &data);
  assert_non_null(strstr(header, "'shape': (0,)"));
  assert_int_equal(n, data);
  free(header);
  free(bytes);
}

// Headers of every length around a multiple of 64, and longer than 255 bytes.
static void npy_should_align_headers_of_any_length(void **state) {
  (void)state;
  for (int length = 1; length < 300; length++) {
    char name[301];
    memset(name, 'n', (size_t)length);
    name[length] = '\0';
    const m4s_npy_member_t member = {name, "<i4"};
    const int32_t record = 17;
    ASSERT_OK(m4s_npy_write(support_path("b.npy"), &member, 1, &record, sizeof record, 1));
    size_t n;
    size_t data;
    char *bytes = support_read("b.npy", &n);
    char *header = parse_header(bytes, n, &data);
    assert_non_null(strstr(header, name));
    assert_int_equal(n, data + 4);
    assert_memory_equal(bytes + data, &record, 4);
    free(header);
    free(bytes);
  }
}

static void npy_should_refuse_members_that_do_not_add_up(void **state) {
  (void)state;
  const record_t record = {0};
  assert_int_equal(m4s_npy_write(support_path("c.npy"), members, 3, &record, sizeof record, 1),
                   M4S_ERR_INTERNAL);
  assert_false(m4s_path_exists(support_path("c.npy")));
}

static void npy_should_name_an_unwritable_path(void **state) {
  (void)state;
  const record_t record = {0};
  assert_int_equal(
      m4s_npy_write(support_path("no/such/folder.npy"), members, 4, &record, sizeof record, 1),
      M4S_ERR_IO);
  assert_non_null(strstr(m4s_last_error(), "no/such/folder.npy: cannot be written: No such file"));
}

// Also where the number of records has more digits in the end than at the beginning.
static void streams_should_hold_the_records_of_all_parts(void **state) {
  (void)state;
  enum { N_RECORDS = 12345 };
  static record_t records[N_RECORDS];
  for (int32_t i = 0; i < N_RECORDS; i++) {
    records[i] = (record_t){.id = i, .time_ns = -i, .rate = i * 0.5, .flag = (uint8_t)i};
  }
  m4s_npy_stream_t stream;
  ASSERT_OK(m4s_npy_stream_open(&stream, support_path("s.npy"), members, 4, sizeof *records));
  for (size_t i = 0, n; i < N_RECORDS; i += n) {
    n = i % 7 < N_RECORDS - i ? i % 7 + 1 : 1;
    ASSERT_OK(m4s_npy_stream_add(&stream, &records[i], n));
    assert_false(m4s_path_exists(support_path("s.npy")));
  }
  ASSERT_OK(m4s_npy_stream_finish(&stream));
  size_t n;
  size_t data;
  char *bytes = support_read("s.npy", &n);
  char *header = parse_header(bytes, n, &data);
  assert_header(header,
                "{'descr': [('id', '<i4'), ('time_ns', '<i8'), ('rate', '<f8'), ('flag', '|u1')], "
                "'fortran_order': False, 'shape': (12345,), }");
  assert_int_equal(n - data, sizeof records);
  assert_memory_equal(bytes + data, records, sizeof records);
  free(header);
  free(bytes);
}

static void dropped_streams_should_leave_nothing(void **state) {
  (void)state;
  const record_t record = {0};
  char temporary[300];
  m4s_npy_stream_t stream;
  ASSERT_OK(m4s_npy_stream_open(&stream, support_path("d.npy"), members, 4, sizeof record));
  ASSERT_OK(m4s_npy_stream_add(&stream, &record, 1));
  snprintf(temporary, sizeof temporary, "%s", stream.temporary);
  assert_true(m4s_path_exists(temporary));
  m4s_npy_stream_drop(&stream);
  m4s_npy_stream_drop(&stream);
  assert_false(m4s_path_exists(temporary));
  assert_false(m4s_path_exists(support_path("d.npy")));
}

static void streams_should_refuse_what_files_do(void **state) {
  (void)state;
  m4s_npy_stream_t stream;
  assert_int_equal(
      m4s_npy_stream_open(&stream, support_path("c.npy"), members, 3, sizeof(record_t)),
      M4S_ERR_INTERNAL);
  assert_int_equal(m4s_npy_stream_open(&stream, support_path("no/such/folder.npy"), members, 4,
                                       sizeof(record_t)),
                   M4S_ERR_IO);
  assert_non_null(strstr(m4s_last_error(), "no/such/folder.npy: cannot be written: No such file"));
  const record_t record = {0};
  ASSERT_OK(m4s_npy_stream_open(&stream, support_path("e.npy"), members, 4, sizeof record));
  assert_ptr_not_equal(freopen("/dev/full", "wb", stream.file), NULL);
  ASSERT_OK(m4s_npy_stream_add(&stream, &record, 1));
  assert_int_equal(m4s_npy_stream_finish(&stream), M4S_ERR_IO);
  assert_non_null(strstr(m4s_last_error(), "e.npy: cannot be written: No space left on device"));
  assert_false(m4s_path_exists(support_path("e.npy")));
}

static void flow_records_should_be_packed_under_their_names(void **state) {
  (void)state;
  const m4s_flow_record_t record = {.id = 1,
                                    .src = 2,
                                    .dst = 3,
                                    .size_bytes = 4,
                                    .call_ns = 5,
                                    .start_ns = 6,
                                    .fct_ns = 7,
                                    .ideal_fct_ns = 8,
                                    .collective = 9,
                                    .channel = 10,
                                    .step = 11};
  ASSERT_OK(m4s_flow_records_write(support_path("f.npy"), &record, 1));
  size_t n;
  size_t data;
  char *bytes = support_read("f.npy", &n);
  char *header = parse_header(bytes, n, &data);
  assert_header(header,
                "{'descr': [('id', '<i4'), ('src', '<i4'), ('dst', '<i4'), ('size_bytes', '<i8'), "
                "('call_ns', '<i8'), ('start_ns', '<i8'), ('fct_ns', '<i8'), ('ideal_fct_ns', "
                "'<i8'), ('collective', '<i4'), ('channel', '<i4'), ('step', '<i4')], "
                "'fortran_order': False, 'shape': (1,), }");
  static const unsigned char sizes[] = {4, 4, 4, 8, 8, 8, 8, 8, 4, 4, 4};
  size_t at = data;
  for (unsigned char i = 0; i < 11; i++) {
    for (unsigned char byte = 0; byte < sizes[i]; byte++) {
      assert_int_equal(bytes[at++], byte == 0 ? i + 1 : 0);  // little-endian
    }
  }
  assert_int_equal(at, n);
  free(header);
  free(bytes);
}

static void npy_should_be_read_back(void **state) {
  (void)state;
  const record_t records[] = {{1, -5, 0.5, 255}, {2, INT64_MAX, -1e300, 0}};
  for (size_t n = 0; n <= 2; n += 2) {
    void *read = NULL;
    size_t n_read = 77;
    ASSERT_OK(m4s_npy_write(support_path("back.npy"), members, 4, records, sizeof *records, n));
    ASSERT_OK(m4s_npy_read(support_path("back.npy"), members, 4, sizeof *records, &read, &n_read));
    assert_int_equal(n_read, n);
    assert_memory_equal(read, records, n * sizeof *records);
    free(read);
  }
  // Streams leave room in their headers.
  m4s_npy_stream_t stream;
  void *read = NULL;
  size_t n_read = 0;
  ASSERT_OK(m4s_npy_stream_open(&stream, support_path("back.npy"), members, 4, sizeof *records));
  ASSERT_OK(m4s_npy_stream_add(&stream, records, 2));
  ASSERT_OK(m4s_npy_stream_finish(&stream));
  ASSERT_OK(m4s_npy_read(support_path("back.npy"), members, 4, sizeof *records, &read, &n_read));
  assert_int_equal(n_read, 2);
  assert_memory_equal(read, records, sizeof records);
  free(read);
}

static void other_files_should_not_be_read(void **state) {
  (void)state;
  const record_t records[] = {{1, -5, 0.5, 255}, {2, 3, 4, 5}};
  size_t n;
  ASSERT_OK(m4s_npy_write(support_path("o.npy"), members, 4, records, sizeof *records, 2));
  char *bytes = support_read("o.npy", &n);
  const size_t lengths[] = {0, 9, 10, 63, n - 1};
  void *read = NULL;
  size_t n_read;
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    ASSERT_OK(m4s_file_write(support_path("cut.npy"), bytes, lengths[i]));
    assert_int_equal(
        m4s_npy_read(support_path("cut.npy"), members, 4, sizeof *records, &read, &n_read),
        M4S_ERR_INPUT);
    assert_non_null(strstr(m4s_last_error(), "cut.npy: is not an npy file of records of \"id\""));
  }
  bytes[20] ^= 1;  // in the members
  ASSERT_OK(m4s_file_write(support_path("cut.npy"), bytes, n));
  assert_int_equal(
      m4s_npy_read(support_path("cut.npy"), members, 4, sizeof *records, &read, &n_read),
      M4S_ERR_INPUT);
  assert_null(read);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(npy_should_be_read_back),
      cmocka_unit_test(other_files_should_not_be_read),
      cmocka_unit_test(npy_should_hold_the_records),
      cmocka_unit_test(npy_should_take_no_records),
      cmocka_unit_test(npy_should_align_headers_of_any_length),
      cmocka_unit_test(npy_should_refuse_members_that_do_not_add_up),
      cmocka_unit_test(npy_should_name_an_unwritable_path),
      cmocka_unit_test(streams_should_hold_the_records_of_all_parts),
      cmocka_unit_test(dropped_streams_should_leave_nothing),
      cmocka_unit_test(streams_should_refuse_what_files_do),
      cmocka_unit_test(flow_records_should_be_packed_under_their_names),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
