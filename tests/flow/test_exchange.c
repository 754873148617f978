// Folders of flows and FCTs as NumPy arrays.
#include "support.h"

#include "core/npy.h"
#include "flow/exchange.h"

// Hosts 0 to 2 at one switch, 3.
static const char star[] = "4 1 3\n3\n0 3 10Gbps 1us 0\n1 3 10Gbps 1us 0\n2 3 10Gbps 1us 0\n";

static const m4s_flow_record_t written[] = {
    {0, 2, 1, 5000, 10, 10, 900, 800, -1, -1, -1},
    {1, 0, 1, 70, 10, 10, 300, 200, -1, -1, -1},
    {2, 1, 0, INT64_C(1) << 40, 4000000000, 4000000000, INT64_C(1) << 41, 1, -1, -1, -1}};
enum { N = 3 };

static void write_folder(void) {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_flow_record_t other[N];
  memcpy(other, written, sizeof other);
  other[1].fct_ns = 333;
  const m4s_flow_record_t *records[] = {written, other};
  m4s_text_list_t names = {0};
  const double params[] = {1, 2.5};
  ASSERT_OK(m4s_text_list_add(&names, "flowsim"));
  ASSERT_OK(m4s_text_list_add(&names, "m4"));
  ASSERT_OK(m4s_topology_parse(star, "star", &topology));
  ASSERT_OK(m4s_routing_create(topology, &routing));
  const m4s_exchange_t exchange = {.topology = topology,
                                   .routing = routing,
                                   .n_flows = N,
                                   .records = records,
                                   .names = &names,
                                   .params = params,
                                   .n_params = 2};
  ASSERT_OK(m4s_path_remove(support_path("x")));
  ASSERT_OK(m4s_folder_make(support_path("x")));
  ASSERT_OK(m4s_exchange_write(&exchange, support_path("x")));
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
  m4s_text_list_clear(&names);
}

static void assert_text(const char *name, const char *expected) {
  char *text = support_read(name, NULL);
  assert_string_equal(text, expected);
  free(text);
}

static void folders_should_hold_the_flows(void **state) {
  (void)state;
  write_folder();
  assert_text("x/records.csv",
              "id,src,dst,size_bytes,start_ns,ideal_fct_ns,flowsim_fct_ns,m4_fct_ns\n"
              "0,2,1,5000,10,800,900,900\n1,0,1,70,10,200,300,333\n"
              "2,1,0,1099511627776,4000000000,1,2199023255552,2199023255552\n");
  assert_text("x/flow_to_links.txt", "0 2-3 3-1\n1 0-3 3-1\n2 1-3 3-0\n");
  assert_text("x/topology.txt",
              "4 1 3\n3\n0 3 10Gbps 0.001ms 0\n1 3 10Gbps 0.001ms 0\n2 3 10Gbps 0.001ms 0\n");
  // Links are sorted: 0-3, 1-3, 2-3, 3-0, 3-1, 3-2.
  static const int64_t paths[] = {2, 4, 0, 4, 1, 3};
  int64_t *numbers;
  size_t n;
  ASSERT_OK(m4s_npy_read_numbers(support_path("x/flow_to_path.npy"), 2, -1, 5, &numbers, &n));
  assert_int_equal(n, N);
  assert_memory_equal(numbers, paths, sizeof paths);
  free(numbers);
  ASSERT_OK(m4s_npy_read_numbers(support_path("x/links.npy"), 2, 0, 3, &numbers, &n));
  assert_true(n == 6 && numbers[2] == 1 && numbers[3] == 3 && numbers[10] == 3 && numbers[11] == 2);
  free(numbers);
  ASSERT_OK(m4s_npy_read_numbers(support_path("x/ideal_fct.npy"), 0, 0, 800, &numbers, &n));
  assert_true(n == N && numbers[0] == 800 && numbers[2] == 1);
  free(numbers);
  ASSERT_OK(m4s_npy_read_numbers(support_path("x/param_m4.npy"), 0, 0, 9, &numbers, &n));
  assert_int_equal(n, 2);
  free(numbers);
  assert_false(m4s_path_exists(support_path("x/param_flowsim.npy")));
}

static void folders_should_be_read_back(void **state) {
  (void)state;
  m4s_exchange_flows_t flows;
  write_folder();
  ASSERT_OK(m4s_exchange_read(support_path("x"), 3, &flows));
  assert_true(flows.n_flows == N && flows.names.n_items == 2);
  assert_string_equal(flows.names.items[0], "flowsim");
  assert_string_equal(flows.names.items[1], "m4");
  for (int i = 0; i < N; i++) {
    m4s_flow_record_t expected = written[i];
    expected.fct_ns = expected.ideal_fct_ns = -1;
    assert_memory_equal(&flows.records[i], &expected, sizeof expected);
    assert_int_equal(flows.fct_ns[0][i], written[i].fct_ns);
  }
  assert_int_equal(flows.fct_ns[1][1], 333);
  m4s_exchange_flows_clear(&flows);
}

static void numbers_may_be_real_and_ids_missing(void **state) {
  (void)state;
  m4s_exchange_flows_t flows;
  const double starts[] = {10, 10.4, 4000000000};
  write_folder();
  ASSERT_OK(m4s_npy_write_numbers(support_path("x/fat.npy"), "<f8", starts, N, 0));
  ASSERT_OK(m4s_path_remove(support_path("x/fid.npy")));
  ASSERT_OK(m4s_path_remove(support_path("x/fct_m4.npy")));
  ASSERT_OK(m4s_path_remove(support_path("x/fct_flowsim.npy")));
  ASSERT_OK(m4s_exchange_read(support_path("x"), 3, &flows));
  assert_true(flows.records[1].start_ns == 10 && flows.names.n_items == 0);
  m4s_exchange_flows_clear(&flows);
}

static void bad_folders_should_be_refused(void **state) {
  (void)state;
  static const struct {
    const char *name, *type;
    int64_t numbers[6];
    size_t n_rows, n_columns;
    const char *message;
  } cases[] = {
      {"fat.npy",
       "<i8",
       {10, 9, 11},
       3,
       0,
       "/fat.npy: row 1: 9 ns lies before the 10 ns above: flows must stand in the order of their "
       "starts"},
      {"fat.npy", "<i8", {-1, 9, 11}, 3, 0, "/fat.npy: row 0: -1 is outside 0 to 9007199254740992"},
      {"fat.npy", "<i8", {0}, 0, 0, "/fat.npy: 0 flows, not 1 to 2147483647"},
      {"fat.npy", "<f4", {0}, 1, 0, "/fat.npy: dtype <f4, wanted: <i8, <i4 or <f8"},
      {"fsize.npy", "<i8", {1, 2}, 2, 0, "/fsize.npy: 2 rows, but fat.npy has 3"},
      {"fsize.npy",
       "<i8",
       {1, 2, 0},
       3,
       0,
       "/fsize.npy: row 2: 0 is outside 1 to 9007199254740992"},
      {"fsd.npy", "<i8", {1, 2, 0}, 3, 0, "/fsd.npy: shape (3,), wanted: (n, 2)"},
      {"fsd.npy", "<i8", {0, 1, 2, 2, 0, 1}, 3, 2, "/fsd.npy: row 1: host 2 sends to itself"},
      {"fsd.npy", "<i8", {0, 1, 2, 0, 0, 3}, 3, 2, "/fsd.npy: row 2: 3 is outside 0 to 2"},
      {"fid.npy", "<i8", {0, 2, 1}, 3, 0, "/fid.npy: row 1: 2 is not 1: ids are the rows"},
      {"fct_m4.npy",
       "<i8",
       {1, 0, 1},
       3,
       0,
       "/fct_m4.npy: row 1: 0 is outside 1 to 9007199254740992"},
      {"fct_.npy",
       "<i8",
       {1, 1, 1},
       3,
       0,
       "/fct_.npy: its name has not 1 to 30 letters, digits, \".\", \"_\", \"-\" between fct_ and "
       ".npy"},
      {"fct_a b.npy",
       "<i8",
       {1, 1, 1},
       3,
       0,
       "/fct_a b.npy: its name has not 1 to 30 letters, digits, \".\", \"_\", \"-\" between fct_ "
       "and .npy"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char name[64];
    char expected[300];
    m4s_exchange_flows_t flows = {.n_flows = 77};
    write_folder();
    snprintf(name, sizeof name, "x/%s", cases[i].name);
    snprintf(expected, sizeof expected, "%s%s", support_path("x"), cases[i].message);
    ASSERT_OK(m4s_npy_write_numbers(support_path(name), cases[i].type, cases[i].numbers,
                                    cases[i].n_rows, cases[i].n_columns));
    ASSERT_REFUSES(m4s_exchange_read(support_path("x"), 3, &flows), expected);
    assert_int_equal(flows.n_flows, 77);
  }
}

static void missing_files_should_be_named(void **state) {
  (void)state;
  static const char *const names[] = {"fat.npy", "fsize.npy", "fsd.npy"};
  m4s_exchange_flows_t flows;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char name[64];
    write_folder();
    snprintf(name, sizeof name, "x/%s", names[i]);
    ASSERT_OK(m4s_path_remove(support_path(name)));
    assert_int_equal(m4s_exchange_read(support_path("x"), 3, &flows), M4S_ERR_INPUT);
    assert_non_null(strstr(m4s_last_error(), names[i]));
    assert_non_null(strstr(m4s_last_error(), "No such file"));
  }
  assert_int_equal(m4s_exchange_read(support_path("none"), 3, &flows), M4S_ERR_INPUT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(folders_should_hold_the_flows),
      cmocka_unit_test(folders_should_be_read_back),
      cmocka_unit_test(numbers_may_be_real_and_ids_missing),
      cmocka_unit_test(bad_folders_should_be_refused),
      cmocka_unit_test(missing_files_should_be_named),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
