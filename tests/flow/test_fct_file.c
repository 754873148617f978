// Lists of completed flows: both forms, all errors, a published one.
#include "support.h"

#include "flow/fct_file.h"

static void assert_refused(const char *text, const char *message) {
  char expected[512];
  m4s_flow_record_t *records = NULL;
  int64_t n_records = 77;
  support_write("fct.txt", text);
  snprintf(expected, sizeof expected, "%s%s", support_path("fct.txt"), message);
  ASSERT_REFUSES(m4s_fct_file_read(support_path("fct.txt"), 32, &records, &n_records), expected);
  assert_true(records == NULL && n_records == 77);
}

static void flows_should_be_in_the_order_of_their_ids(void **state) {
  (void)state;
  m4s_flow_record_t *records = NULL;
  int64_t n_records = 0;
  support_write("fct.txt",
                "0b001f01 0b000001 10006 100 131072 559010 2854 565 7211\r\n\n"
                "0b000101 0b000A01 10000 100 4096 100 200 300 3\n");
  ASSERT_OK(m4s_fct_file_read(support_path("fct.txt"), 32, &records, &n_records));
  assert_int_equal(n_records, 2);
  const m4s_flow_record_t expected[] = {{3, 1, 10, 4096, -1, 100, 200, 300, -1, -1, -1},
                                        {7211, 31, 0, 131072, -1, 559010, 2854, 565, -1, -1, -1}};
  assert_memory_equal(records, expected, sizeof expected);
  free(records);
}

static void flows_without_ids_should_keep_their_order(void **state) {
  (void)state;
  m4s_flow_record_t *records = NULL;
  int64_t n_records = 0;
  support_write("fct.txt", "0b010001 0b000001 1 2 9 30 4 5\n0b000001 0b010001 1 2 8 20 4 5");
  ASSERT_OK(m4s_fct_file_read(support_path("fct.txt"), 257, &records, &n_records));
  assert_int_equal(n_records, 2);
  assert_true(records[0].id == 0 && records[0].src == 256 && records[0].size_bytes == 9);
  assert_true(records[1].id == 1 && records[1].dst == 256 && records[1].start_ns == 20);
  free(records);
  support_write("fct.txt", " \n");
  ASSERT_OK(m4s_fct_file_read(support_path("fct.txt"), 257, &records, &n_records));
  assert_int_equal(n_records, 0);
  free(records);
}

static void files_that_make_no_sense_should_be_refused(void **state) {
  (void)state;
  static const char words[] =
      " words, needed: source, destination, source port, destination port, bytes, start, FCT, "
      "ideal FCT[, id]";
  char message[256];
  snprintf(message, sizeof message, ":1: 7%s", words);
  assert_refused("0b000001 0b000101 1 2 3 4 5\n", message);
  snprintf(message, sizeof message, ":2: 9%s", words);
  assert_refused("0b000001 0b000101 1 2 3 4 5 6\n0b000001 0b000101 1 2 3 4 5 6 7\n", message);
  static const char *const cases[][2] = {
      {"0b00001 0b000101 1 2 3 4 5 6",
       ":1:1: source \"0b00001\" is no address of 8 hexadecimal "
       "digits"},
      {"0b000001 11.0.1.1 1 2 3 4 5 6",
       ":1:10: destination \"11.0.1.1\" is no address of 8 "
       "hexadecimal digits"},
      {"0b002001 0b000101 1 2 3 4 5 6",
       ":1:1: source \"0b002001\" is the address of none of 32 "
       "nodes (0b000001 and on)"},
      {"0a000001 0b000101 1 2 3 4 5 6",
       ":1:1: source \"0a000001\" is the address of none of 32 "
       "nodes (0b000001 and on)"},
      {"0b000002 0b000101 1 2 3 4 5 6",
       ":1:1: source \"0b000002\" is the address of none of 32 "
       "nodes (0b000001 and on)"},
      {"0b000001 0b000101 1 2 3 4 -5 6",
       ":1:27: FCT in ns \"-5\" is outside 0 to "
       "4000000000000000000 (nearest valid: 0)"},
      {"0b000001 0b000101 1 2 nan 4 5 6", ":1:23: size in bytes \"nan\" is not a whole number"},
      {"0b000001 0b000101 1 2 3 4 5 6 9\n\n0b000001 0b000101 1 2 3 4 5 6 9",
       ":3: id 9 stands in line 1 already"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_refused(cases[i][0], cases[i][1]);
  }
  m4s_flow_record_t *records = NULL;
  int64_t n_records = 0;
  ASSERT_REFUSES(m4s_fct_file_read("none.txt", 32, &records, &n_records),
                 "none.txt: No such file or directory");
}

// Of a run of ns-3 whose rank 0 was done at 12476.559 us, and others later.
static void published_list_should_be_read(void **state) {
  (void)state;
  char command[1024];
  snprintf(command, sizeof command, "zcat '%s' > '%s'",
           support_reference("packet/gray/fct_N16_R4.txt.gz"), support_path("published.txt"));
  assert_int_equal(system(command), 0);
  m4s_flow_record_t *records = NULL;
  int64_t n_records = 0;
  ASSERT_OK(m4s_fct_file_read(support_path("published.txt"), 32, &records, &n_records));
  assert_int_equal(n_records, 15360);
  int64_t end_ns = 0;
  for (int64_t i = 0; i < n_records; i++) {
    assert_int_equal(records[i].id, i);
    int64_t flow_end_ns = records[i].start_ns + records[i].fct_ns;
    end_ns = flow_end_ns > end_ns ? flow_end_ns : end_ns;
  }
  assert_int_equal(end_ns, 14659416);
  free(records);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flows_should_be_in_the_order_of_their_ids),
      cmocka_unit_test(flows_without_ids_should_keep_their_order),
      cmocka_unit_test(files_that_make_no_sense_should_be_refused),
      cmocka_unit_test(published_list_should_be_read),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
