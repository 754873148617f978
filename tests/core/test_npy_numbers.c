// Arrays of numbers in NumPy files.
#include "support.h"

#include "core/npy.h"

// An npy file in memory: format 1.0, this dictionary, these bytes.
typedef struct {
  char bytes[1024];
  size_t n;
} file_t;

static file_t make_file(const char *dictionary, const void *data, size_t n_data) {
  file_t file = {.n = 10};
  size_t n_header = strlen(dictionary);
  memcpy(file.bytes, "\x93NUMPY\x01\x00", 8);
  file.bytes[8] = (char)n_header;
  memcpy(file.bytes + 10, dictionary, n_header);
  memcpy(file.bytes + 10 + n_header, data, n_data);
  file.n += n_header + n_data;
  return file;
}

#define HEADER(type, shape) \
  "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }  \n"

static m4s_status_t parse(const file_t *file, size_t n_columns, int64_t **numbers, size_t *n) {
  return m4s_npy_parse_numbers(file->bytes, file->n, "a.npy", n_columns, -9, 9, numbers, n);
}

static void assert_numbers(const file_t *file, size_t n_columns, size_t n_rows,
                           const int64_t *expected) {
  int64_t *numbers = NULL;
  size_t n = 77;
  ASSERT_OK(parse(file, n_columns, &numbers, &n));
  assert_int_equal(n, n_rows);
  size_t n_all = n_rows * (n_columns == 0 ? 1 : n_columns);
  assert_memory_equal(numbers, expected, n_all * sizeof *numbers);
  free(numbers);
}

static void numbers_should_be_read_of_each_type(void **state) {
  (void)state;
  const int64_t expected[] = {-3, 0, 9, 4};
  const int32_t small[] = {-3, 0, 9, 4};
  const double real[] = {-2.6, 0.4, 9, 3.5};
  file_t file = make_file(HEADER("<i8", "(4,)"), expected, sizeof expected);
  assert_numbers(&file, 0, 4, expected);
  file = make_file(HEADER("<i4", "(4,)"), small, sizeof small);
  assert_numbers(&file, 0, 4, expected);
  file = make_file(HEADER("<f8", "(2, 2)"), real, sizeof real);
  assert_numbers(&file, 2, 2, expected);
  file = make_file(HEADER("<i8", "(0,)"), expected, 0);
  assert_numbers(&file, 0, 0, expected);
  // Another order and no blanks; one dimension has no order.
  file = make_file("{'shape':(4,),'fortran_order':True,'descr':'<i8'}", expected, sizeof expected);
  assert_numbers(&file, 0, 4, expected);
}

static void format_2_should_be_read(void **state) {
  (void)state;
  const int64_t expected[] = {7};
  char bytes[256];
  int64_t *numbers = NULL;
  size_t n = 0;
  size_t n_header = strlen(HEADER("<i8", "(1,)"));
  memcpy(bytes, "\x93NUMPY\x02\x00", 8);
  memcpy(bytes + 8, (char[]){(char)n_header, 0, 0, 0}, 4);
  memcpy(bytes + 12, HEADER("<i8", "(1,)"), n_header);
  memcpy(bytes + 12 + n_header, expected, sizeof expected);
  ASSERT_OK(m4s_npy_parse_numbers(bytes, 12 + n_header + 8, "a.npy", 0, 0, 9, &numbers, &n));
  assert_true(n == 1 && numbers[0] == 7);
  free(numbers);
}

static void written_numbers_should_be_read(void **state) {
  (void)state;
  const int64_t rows[] = {1, 2, 3, 4, 5, 6};
  const double reals[] = {1, 2, 3};
  int64_t *numbers = NULL;
  size_t n = 0;
  ASSERT_OK(m4s_npy_write_numbers(support_path("rows.npy"), "<i8", rows, 3, 2));
  ASSERT_OK(m4s_npy_read_numbers(support_path("rows.npy"), 2, 1, 6, &numbers, &n));
  assert_int_equal(n, 3);
  assert_memory_equal(numbers, rows, sizeof rows);
  free(numbers);
  ASSERT_OK(m4s_npy_write_numbers(support_path("reals.npy"), "<f8", reals, 3, 0));
  size_t n_bytes;
  char *bytes = support_read("reals.npy", &n_bytes);
  assert_int_equal(n_bytes, 128 + sizeof reals);
  assert_non_null(strstr(bytes + 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), } "));
  assert_int_equal(bytes[127], '\n');
  assert_memory_equal(bytes + 128, reals, sizeof reals);
  free(bytes);
}

static void assert_refused(const file_t *file, size_t n_columns, const char *message) {
  int64_t *numbers = NULL;
  size_t n = 77;
  ASSERT_REFUSES(parse(file, n_columns, &numbers, &n), message);
  assert_true(numbers == NULL && n == 77);
}

static void other_arrays_should_be_refused(void **state) {
  (void)state;
  static const int64_t data[] = {1, 2, 3, 10};
  static const struct {
    const char *header;
    size_t n_data, n_columns;
    const char *message;
  } cases[] = {
      {HEADER("<f4", "(4,)"), 16, 0, "a.npy: dtype <f4, wanted: <i8, <i4 or <f8"},
      {HEADER(">i8", "(4,)"), 32, 0, "a.npy: dtype >i8, wanted: <i8, <i4 or <f8"},
      {HEADER("\x1b[2", "(4,)"), 32, 0, "a.npy: dtype ?[2, wanted: <i8, <i4 or <f8"},
      {"{'descr': [('id', '<i8')], 'fortran_order': False, 'shape': (4,), }", 32, 0,
       "a.npy: dtype of records, wanted: <i8, <i4 or <f8"},
      {HEADER("<i8", "(2, 2)"), 32, 0, "a.npy: shape (2, 2), wanted: (n,)"},
      {HEADER("<i8", "(4,)"), 32, 2, "a.npy: shape (4,), wanted: (n, 2)"},
      {HEADER("<i8", "(1, 4)"), 32, 2, "a.npy: shape (1, 4), wanted: (n, 2)"},
      {HEADER("<i8", "()"), 8, 0, "a.npy: shape of 0 dimensions, wanted: (n,)"},
      {HEADER("<i8", "(1, 1, 4)"), 32, 0, "a.npy: shape of 3 dimensions, wanted: (n,)"},
      {"{'descr': '<i8', 'fortran_order': True, 'shape': (2, 2), }", 32, 2,
       "a.npy: is in Fortran order, wanted: C order"},
      {HEADER("<i8", "(4,)"), 31, 0, "a.npy: 31 bytes of data, its header tells of 32"},
      {HEADER("<i8", "(999999999999999,)"), 32, 0,
       "a.npy: 32 bytes of data, its header tells of 7999999999999992"},
      {HEADER("<i8", "(9999999999999999,)"), 32, 0,
       "a.npy: the header of the npy file is no header"},
      {HEADER("<i8", "(4,"), 32, 0, "a.npy: the header of the npy file is no header"},
      {HEADER("<i8", "-4"), 32, 0, "a.npy: the header of the npy file is no header"},
      {"{'shape': (4,), }", 32, 0, "a.npy: the header of the npy file is no header"},
      {HEADER("<i8", "(4,)"), 32, 0, "a.npy: row 3: 10 is outside -9 to 9"},
      {HEADER("<i8", "(2, 2)"), 32, 2, "a.npy: row 1: 10 is outside -9 to 9"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    file_t file = make_file(cases[i].header, data, cases[i].n_data);
    assert_refused(&file, cases[i].n_columns, cases[i].message);
  }
  const double not_a_number = strtod("nan", NULL);
  file_t file = make_file(HEADER("<f8", "(1,)"), &not_a_number, 8);
  assert_refused(&file, 0, "a.npy: row 0: nan is outside -9 to 9");
  file.n = 11;
  assert_refused(&file, 0, "a.npy: is not an npy file");
  file = make_file(HEADER("<i8", "(4,)"), data, 0);
  file.bytes[9] = 1;
  assert_refused(&file, 0, "a.npy: is not an npy file");
  file.bytes[0] = 'x';
  assert_refused(&file, 0, "a.npy: is not an npy file");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_should_be_read_of_each_type),
      cmocka_unit_test(format_2_should_be_read),
      cmocka_unit_test(written_numbers_should_be_read),
      cmocka_unit_test(other_arrays_should_be_refused),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
