// CSV tables: quotes, line ends, comments, tables that are not rectangular.
#include "support.h"

#include "core/csv.h"

static m4s_status_t read_csv(const char *text, m4s_csv_t *csv_out) {
  support_write("t.csv", text);
  return m4s_csv_read(support_path("t.csv"), csv_out);
}

// The table is refused with "<path>" and this after it.
static void assert_refused(const char *text, const char *rest) {
  m4s_csv_t csv = {.n_rows = 77};
  char message[512];
  snprintf(message, sizeof message, "%s%s", support_path("t.csv"), rest);
  ASSERT_REFUSES(read_csv(text, &csv), message);
  assert_int_equal(csv.n_rows, 77);
}

static void csv_should_read_cells_by_column_name(void **state) {
  (void)state;
  m4s_csv_t csv;
  ASSERT_OK(read_csv("a,b,c\n1,2,3\n4,,6\n", &csv));
  assert_int_equal(csv.n_rows, 2);
  assert_int_equal(csv.n_columns, 3);
  assert_int_equal(m4s_csv_column(&csv, "c"), 2);
  assert_int_equal(m4s_csv_column(&csv, "d"), -1);
  assert_int_equal(m4s_csv_column(&csv, "A"), -1);
  assert_string_equal(m4s_csv_cell(&csv, 0, 0), "1");
  assert_string_equal(m4s_csv_cell(&csv, 1, 1), "");
  assert_string_equal(m4s_csv_cell(&csv, 1, 2), "6");
  m4s_csv_clear(&csv);
  assert_null(csv.bytes);
}

static void csv_should_skip_comments_and_keep_line_numbers(void **state) {
  (void)state;
  m4s_csv_t csv;
  ASSERT_OK(read_csv("# a, \"comment\n\na,b\n# more\n1,2\n\n3,4", &csv));
  assert_int_equal(csv.n_rows, 2);
  assert_int_equal(csv.line_of_row[0], 3);
  assert_int_equal(csv.line_of_row[1], 5);
  assert_int_equal(csv.line_of_row[2], 7);
  assert_string_equal(m4s_csv_cell(&csv, 1, 1), "4");
  m4s_csv_clear(&csv);
}

static void csv_should_read_crlf(void **state) {
  (void)state;
  m4s_csv_t csv;
  ASSERT_OK(read_csv("a,b\r\n1,\"2\"\r\n\r\n3,4\r\n", &csv));
  assert_int_equal(csv.n_rows, 2);
  assert_int_equal(m4s_csv_column(&csv, "b"), 1);
  assert_string_equal(m4s_csv_cell(&csv, 0, 1), "2");
  assert_string_equal(m4s_csv_cell(&csv, 1, 1), "4");
  m4s_csv_clear(&csv);
}

static void csv_should_undo_quotes(void **state) {
  (void)state;
  m4s_csv_t csv;
  ASSERT_OK(read_csv("\"a,1\",b,c\n\"x \"\"y\"\"\",\"\",\"a,b\"\n5\"6,\"\"\"\",7\n", &csv));
  assert_int_equal(csv.n_columns, 3);
  assert_int_equal(m4s_csv_column(&csv, "a,1"), 0);
  assert_string_equal(m4s_csv_cell(&csv, 0, 0), "x \"y\"");
  assert_string_equal(m4s_csv_cell(&csv, 0, 1), "");
  assert_string_equal(m4s_csv_cell(&csv, 0, 2), "a,b");
  // A quote inside a cell that does not begin with one is a byte like others.
  assert_string_equal(m4s_csv_cell(&csv, 1, 0), "5\"6");
  assert_string_equal(m4s_csv_cell(&csv, 1, 1), "\"");
  m4s_csv_clear(&csv);
}

static void csv_should_take_one_column_and_no_rows(void **state) {
  (void)state;
  m4s_csv_t csv;
  ASSERT_OK(read_csv("only\n", &csv));
  assert_int_equal(csv.n_rows, 0);
  assert_int_equal(csv.n_columns, 1);
  m4s_csv_clear(&csv);
  ASSERT_OK(read_csv("only\n1\n\"\"\n2", &csv));
  assert_int_equal(csv.n_rows, 3);
  assert_string_equal(m4s_csv_cell(&csv, 1, 0), "");
  assert_string_equal(m4s_csv_cell(&csv, 2, 0), "2");
  m4s_csv_clear(&csv);
}

static void csv_should_refuse_open_quotes(void **state) {
  (void)state;
  assert_refused("a,b\n1,\"2\n", ":2: a quote that does not close");
  assert_refused("a,b\n\"1\"2,3\n", ":2: a quote that does not close");
  assert_refused("\"a", ":1: a quote that does not close");
}

static void csv_should_refuse_ragged_rows(void **state) {
  (void)state;
  assert_refused("a,b\n1,2\n1\n", ":3: 1 cells, the header has 2");
  assert_refused("a,b\n1,2,\n", ":2: 3 cells, the header has 2");
}

static void csv_should_refuse_duplicate_columns(void **state) {
  (void)state;
  assert_refused("# c\na,b,a\n1,2,3\n", ":2: column \"a\" stands twice");
}

static void csv_should_refuse_empty_files(void **state) {
  (void)state;
  assert_refused("", ": has no header line");
  assert_refused("# nothing\n\n\r\n", ": has no header line");
}

static void csv_should_refuse_folders_and_missing_files(void **state) {
  (void)state;
  m4s_csv_t csv;
  char message[128];
  snprintf(message, sizeof message, "%s: is a folder, a file is needed", support_folder);
  ASSERT_REFUSES(m4s_csv_read(support_folder, &csv), message);
  assert_int_equal(m4s_csv_read(support_path("missing.csv"), &csv), M4S_ERR_INPUT);
}

static void csv_should_grow_with_the_table(void **state) {
  (void)state;
  enum { N = 3000 };
  char *text = malloc(32 * N);
  size_t used = (size_t)sprintf(text, "i,square\n");
  for (int i = 0; i < N; i++) {
    used += (size_t)sprintf(text + used, "%d,%d\n", i, i * i);
  }
  m4s_csv_t csv;
  ASSERT_OK(read_csv(text, &csv));
  assert_int_equal(csv.n_rows, N);
  for (int i = 0; i < N; i++) {
    assert_int_equal(atoi(m4s_csv_cell(&csv, (size_t)i, 0)), i);
    assert_int_equal(atoi(m4s_csv_cell(&csv, (size_t)i, 1)), i * i);
    assert_int_equal(csv.line_of_row[i + 1], i + 2);
  }
  m4s_csv_clear(&csv);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(csv_should_read_cells_by_column_name),
      cmocka_unit_test(csv_should_skip_comments_and_keep_line_numbers),
      cmocka_unit_test(csv_should_read_crlf),
      cmocka_unit_test(csv_should_undo_quotes),
      cmocka_unit_test(csv_should_take_one_column_and_no_rows),
      cmocka_unit_test(csv_should_refuse_open_quotes),
      cmocka_unit_test(csv_should_refuse_ragged_rows),
      cmocka_unit_test(csv_should_refuse_duplicate_columns),
      cmocka_unit_test(csv_should_refuse_empty_files),
      cmocka_unit_test(csv_should_refuse_folders_and_missing_files),
      cmocka_unit_test(csv_should_grow_with_the_table),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
