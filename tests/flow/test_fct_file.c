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

// Three flows from 0 to 1, of which two start at once, and one from 2 to 1.
static const m4s_flow_record_t given[] = {
    {.id = 0, .src = 0, .dst = 1, .size_bytes = 5},
    {.id = 1, .src = 2, .dst = 1, .size_bytes = 7},
    {.id = 2, .src = 0, .dst = 1, .size_bytes = 9},
    {.id = 3, .src = 0, .dst = 1, .size_bytes = 6, .start_ns = 100}};
enum { N_GIVEN = sizeof given / sizeof *given };

static m4s_status_t read_times(const char *text, m4s_flow_record_t records[N_GIVEN]) {
  support_write("fct.txt", text);
  memcpy(records, given, sizeof given);
  return m4s_fct_file_read_times(support_path("fct.txt"), 32, records, N_GIVEN);
}

static void times_should_be_those_of_the_flows(void **state) {
  (void)state;
  static const char *const texts[] = {
      // By pair, start and source port; another base of starts does not matter.
      "0b000001 0b000101 10002 100 6 2100 14 1\n0b000001 0b000101 10001 100 9 2000 13 1\n"
      "0b000201 0b000101 10000 100 7 2000 12 1\n0b000001 0b000101 10000 100 5 2000 11 1\n",
      // By id, after and before.
      "0b000001 0b000101 1 100 6 100 14 1 3\n0b000201 0b000101 1 100 7 0 12 1 1\n"
      "0b000001 0b000101 1 100 5 0 11 1 0\n0b000001 0b000101 1 100 9 0 13 1 2\n",
      "3 0b000001 0b000101 1 100 6 100 14 1\n1 0b000201 0b000101 1 100 7 0 12 1\n"
      "0 0b000001 0b000101 1 100 5 0 11 1\n2 0b000001 0b000101 1 100 9 0 13 1\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    m4s_flow_record_t records[N_GIVEN];
    ASSERT_OK(read_times(texts[i], records));
    for (int k = 0; k < N_GIVEN; k++) {
      assert_int_equal(records[k].fct_ns, 11 + k);
      assert_int_equal(records[k].start_ns, given[k].start_ns);
    }
  }
}

static void written_times_should_be_read(void **state) {
  (void)state;
  static const int64_t fct_ns[N_GIVEN] = {5, 6, 7, INT64_C(1) << 40};
  m4s_flow_record_t records[N_GIVEN];
  memcpy(records, given, sizeof given);
  records[0].dst = 300;
  records[2].ideal_fct_ns = -1;
  ASSERT_OK(m4s_fct_file_write(support_path("fct.txt"), records, fct_ns, N_GIVEN));
  ASSERT_OK(m4s_fct_file_read_times(support_path("fct.txt"), 301, records, N_GIVEN));
  for (int i = 0; i < N_GIVEN; i++) {
    assert_int_equal(records[i].fct_ns, fct_ns[i]);
  }
}

static void flows_that_are_missing_or_others_should_be_refused(void **state) {
  (void)state;
#define LINE(src, port, size, start, fct) \
  "0b000" src "01 0b000101 " port " 100 " size " " start " " fct " 1\n"
#define ALL_BUT_LAST \
  LINE("0", "10000", "5", "0", "1") \
  LINE("0", "10001", "9", "0", "1") LINE("0", "10002", "6", "100", "1")
  static const char *const cases[][2] = {
      {"", ": has 0 of 4 flows; flow 0 of 5 bytes from 0 to 1 is not there"},
      {ALL_BUT_LAST, ": has 3 of 4 flows; flow 1 of 7 bytes from 2 to 1 is not there"},
      {LINE("2", "1", "7", "0", "1") LINE("0", "1", "5", "0", "1") LINE("0", "3", "6", "100", "1"),
       ": has 3 of 4 flows; flow 2 of 9 bytes from 0 to 1 is not there"},
      {ALL_BUT_LAST LINE("2", "1", "8", "0", "1"),
       ":4: 8 bytes from 2 to 1, but flow 1 is 7 bytes from 2 to 1"},
      {ALL_BUT_LAST LINE("2", "1", "7", "0", "0"), ":4: an FCT of 0"},
      {ALL_BUT_LAST LINE("2", "1", "7", "0", "1") LINE("2", "2", "7", "0", "1"),
       ":5: one of 5 flows, of which there are 4"},
      {"9 0b000001 0b000101 1 100 6 100 14 1\n",
       ": has 1 of 4 flows; flow 0 of 5 bytes from 0 to 1 is not there"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_flow_record_t records[N_GIVEN];
    char expected[256];
    snprintf(expected, sizeof expected, "%s%s", support_path("fct.txt"), cases[i][1]);
    ASSERT_REFUSES(read_times(cases[i][0], records), expected);
    assert_memory_equal(records, given, sizeof given);
  }
#undef ALL_BUT_LAST
#undef LINE
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
      cmocka_unit_test(times_should_be_those_of_the_flows),
      cmocka_unit_test(written_times_should_be_read),
      cmocka_unit_test(flows_that_are_missing_or_others_should_be_refused),
      cmocka_unit_test(files_that_make_no_sense_should_be_refused),
      cmocka_unit_test(published_list_should_be_read),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
