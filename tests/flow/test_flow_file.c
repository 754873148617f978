// Lists of flows in CSV files.
#include "support.h"

#include "flow/flow_file.h"

static m4s_status_t read_text(const char *text, m4s_flow_record_t **records_out,
                              int64_t *n_flows_out) {
  support_write("f.csv", text);
  return m4s_flow_file_read(support_path("f.csv"), 4, records_out, n_flows_out);
}

static void lists_should_be_read(void **state) {
  (void)state;
  static const char *const texts[] = {
      "src,dst,size_bytes,start_ns\n0,3,1000,5\n# a comment\n2,1,9000000000000,5\n",
      "start_ns,id,dst,src,size_bytes\r\n5,0,3,0,1000\r\n5,1,1,2,9000000000000\r\n",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    m4s_flow_record_t *records = NULL;
    int64_t n_flows = 0;
    ASSERT_OK(read_text(texts[i], &records, &n_flows));
    assert_int_equal(n_flows, 2);
    const m4s_flow_record_t expected = {.id = 1,
                                        .src = 2,
                                        .dst = 1,
                                        .size_bytes = INT64_C(9000000000000),
                                        .call_ns = 5,
                                        .start_ns = 5,
                                        .fct_ns = -1,
                                        .ideal_fct_ns = -1,
                                        .collective = -1,
                                        .channel = -1,
                                        .step = -1};
    assert_memory_equal(&records[1], &expected, sizeof expected);
    assert_int_equal(records[0].size_bytes, 1000);
    free(records);
  }
}

static void written_lists_should_be_read(void **state) {
  (void)state;
  m4s_flow_record_t *records = NULL;
  m4s_flow_record_t *again = NULL;
  int64_t n_flows = 0;
  ASSERT_OK(read_text("src,dst,size_bytes,start_ns\n0,3,1000,5\n2,1,9000000000000,6\n", &records,
                      &n_flows));
  ASSERT_OK(m4s_flow_file_write(support_path("w.csv"), records, n_flows));
  ASSERT_OK(m4s_flow_file_read(support_path("w.csv"), 4, &again, &n_flows));
  assert_int_equal(n_flows, 2);
  assert_memory_equal(again, records, 2 * sizeof *records);
  free(records);
  free(again);
}

static void what_is_no_list_should_be_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *problem;
  } cases[] = {
      {"src,dst,size,start_ns\n", ":1: has no column \"size_bytes\""},
      {"src,dst,size_bytes,start_ns,colour\n0,1,1,0,3\n", ":1: unknown column \"colour\""},
      {"src,dst,size_bytes,start_ns\n", "0 flows, not 1 to 2147483647"},
      {"src,dst,size_bytes,start_ns\n0,4,1,0\n", ":2: dst 4 is outside 0 to 3 (nearest valid: 3)"},
      {"src,dst,size_bytes,start_ns\n0,1,1,0\n-1,1,1,0\n",
       ":3: src -1 is outside 0 to 3 (nearest valid: 0)"},
      {"src,dst,size_bytes,start_ns\n2,2,1,0\n", ":2: host 2 sends to itself"},
      {"src,dst,size_bytes,start_ns\n0,1,0,0\n", ":2: size_bytes 0 is outside 1 to "},
      {"src,dst,size_bytes,start_ns\n0,1,1e3,0\n", ":2: size_bytes \"1e3\" is not a whole number"},
      {"src,dst,size_bytes,start_ns\n0,1,1,7\n0,1,1,6\n", ":3: start_ns 6 is outside 7 to "},
      {"id,src,dst,size_bytes,start_ns\n1,0,1,1,7\n",
       ":2: id 1 is outside 0 to 0 (nearest valid: 0)"},
      {"src,dst,size_bytes,start_ns\n0,1,1\n", ":2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_flow_record_t *records = NULL;
    int64_t n_flows = -1;
    assert_int_equal(read_text(cases[i].text, &records, &n_flows), M4S_ERR_INPUT);
    if (strstr(m4s_last_error(), cases[i].problem) == NULL ||
        strstr(m4s_last_error(), "f.csv") == NULL) {
      fail_msg("\"%s\" does not hold \"%s\"", m4s_last_error(), cases[i].problem);
    }
    assert_null(records);
    assert_int_equal(n_flows, -1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lists_should_be_read),
      cmocka_unit_test(written_lists_should_be_read),
      cmocka_unit_test(what_is_no_list_should_be_refused),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
