// The published mode against the published numbers, to the digit.
#include "flow/dumped.h"
#include "flowsim/harness.h"

// Microseconds with three decimals.
static void assert_us(int64_t ns, const char *expected) {
  char text[64];
  snprintf(text, sizeof text, "%lld.%03lld", (long long)(ns / 1000), (long long)(ns % 1000));
  assert_string_equal(text, expected);
}

// Six points measured on the public program, with headers of 0 and 48 bytes a packet.
static void totals_should_equal_those_measured(void **state) {
  (void)state;
  static const struct {
    int n, r;
    const char *header_0, *header_48;
  } points[] = {{2, 4, "8912.437", "9189.590"},    {8, 4, "8787.954", "9374.113"},
                {8, 10, "21702.612", "23307.973"}, {10, 10, "20565.472", "21740.232"},
                {16, 4, "8974.295", "9281.705"},   {16, 10, "20338.100", "21280.976"}};
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    harness_gray_t gray;
    harness_run_gray(points[i].n, points[i].r, M4S_FLOWSIM_PUBLISHED, 0, &gray);
    assert_us(gray.result.total_ns, points[i].header_0);
    harness_clear_gray(&gray);
    harness_run_gray(points[i].n, points[i].r, M4S_FLOWSIM_PUBLISHED, 48, &gray);
    assert_us(gray.result.total_ns, points[i].header_48);
    harness_clear_gray(&gray);
  }
}

static void assert_flows_equal(const char *name, int n, int r) {
  m4s_csv_t dumped = dumped_read(name);
  harness_gray_t gray;
  harness_run_gray(n, r, M4S_FLOWSIM_PUBLISHED, 48, &gray);
  assert_int_equal(gray.result.n_flows, 15360);
  assert_int_equal(dumped.n_rows, 15360);
  bool *seen = calloc(15360, sizeof *seen);
  int n_different = 0;
  for (size_t row = 0; row < dumped.n_rows; row++) {
    int64_t id = dumped_int(&dumped, row, "flow_id");
    assert_true(id >= 0 && id < 15360 && !seen[id]);
    seen[id] = true;
    const m4s_flow_record_t *record = &gray.result.records[id];
    assert_int_equal(record->src, dumped_int(&dumped, row, "src"));
    assert_int_equal(record->dst, dumped_int(&dumped, row, "dst"));
    assert_int_equal(record->size_bytes, dumped_int(&dumped, row, "size_bytes"));
    n_different += record->call_ns != dumped_int(&dumped, row, "t_send_call_ns") ||
                   record->start_ns != dumped_int(&dumped, row, "t_net_start_ns") ||
                   record->start_ns + record->fct_ns != dumped_int(&dumped, row, "t_done_ns");
  }
  assert_int_equal(n_different, 0);
  free(seen);
  harness_clear_gray(&gray);
  m4s_csv_clear(&dumped);
}

static void flows_of_16_at_a_quarter_should_equal_the_dump(void **state) {
  (void)state;
  assert_flows_equal("simai/flows_N16_R4_flowsim.csv.gz", 16, 4);
}

static void flows_of_2_at_a_quarter_should_equal_the_dump(void **state) {
  (void)state;
  assert_flows_equal("simai/flows_N2_R4_flowsim.csv.gz", 2, 4);
}

// The published table is separated by tabs: the same as CSV otherwise.
static m4s_csv_t read_table(void) {
  char *text;
  ASSERT_OK(m4s_file_read_text(support_reference("gray-failure.tsv"), 1 << 20, &text));
  for (char *c = text; *c != '\0'; c++) {
    *c = *c == '\t' ? ',' : *c;
  }
  support_write("table.csv", text);
  free(text);
  m4s_csv_t csv;
  ASSERT_OK(m4s_csv_read(support_path("table.csv"), &csv));
  return csv;
}

static void assert_cell(const m4s_csv_t *csv, size_t row, const char *column, int64_t ns) {
  char text[64];
  snprintf(text, sizeof text, "%.6f", (double)ns / 1e3);
  int i = m4s_csv_column(csv, column);
  assert_true(i >= 0);
  assert_string_equal(text, m4s_csv_cell(csv, row, (size_t)i));
}

static void points_should_equal_the_published_table(void **state) {
  (void)state;
  m4s_csv_t csv = read_table();
  int simulator = m4s_csv_column(&csv, "simulator");
  int n_points = 0;
  assert_true(simulator >= 0);
  for (size_t row = 0; row < csv.n_rows; row++) {
    if (strcmp(m4s_csv_cell(&csv, row, (size_t)simulator), "flowsim") != 0) {
      continue;
    }
    // Sanitizers make a run ten times as long: every fifth point then.
    if (n_points++ % 5 != 0 && SUPPORT_SANITIZED) {
      continue;
    }
    harness_gray_t gray;
    harness_run_gray((int)dumped_int(&csv, row, "n"), (int)dumped_int(&csv, row, "r"),
                     M4S_FLOWSIM_PUBLISHED, 48, &gray);
    assert_cell(&csv, row, "comm_1_us", gray.result.layers[0].exposed_ns[M4S_PASS_FORWARD]);
    assert_cell(&csv, row, "comm_2_us", gray.result.layers[1].exposed_ns[M4S_PASS_FORWARD]);
    assert_cell(&csv, row, "total_us", gray.result.total_ns);
    harness_clear_gray(&gray);
  }
  assert_int_equal(n_points, 60);
  m4s_csv_clear(&csv);
}

// --- the rules, by hand: two cables of 8 Gbps (1 byte/ns) and 10 ns to a third host ---

static const char star[] =
    "4 1 0 1 3 A100\n3\n0 3 8Gbps 10ns 0\n1 3 8Gbps 10ns 0\n2 3 8Gbps 10ns 0\n";

static void run_star(m4s_flow_record_t *records, int n_flows) {
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_PUBLISHED, .wire = {1000, 0}};
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_parse(star, "star", &topology));
  harness_run_list(&config, topology, records, n_flows, NULL);
  m4s_topology_destroy(topology);
}

// The first keeps its event (1020) although it has to share; at that time the second is charged
// floor(520 * 0.5) = 260 of 1000 bytes and gets 740 at rate 1 and the latency.
static void present_flows_should_keep_their_stale_ends(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {
      {.id = 0, .src = 0, .dst = 2, .size_bytes = 1000, .start_ns = 0},
      {.id = 1, .src = 1, .dst = 2, .size_bytes = 1000, .start_ns = 500}};
  run_star(records, 2);
  assert_int_equal(records[0].fct_ns, 1020);
  assert_int_equal(records[1].fct_ns, 1020 + 740 + 20 - 500);
}

// Arrivals of one time enter together: both at half the rate. The shorter ends at 220; the other
// has then 1000 - 110 left and is given the latency again.
static void arrivals_of_one_time_should_enter_together(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {{.id = 0, .src = 0, .dst = 2, .size_bytes = 1000, .start_ns = 7},
                                 {.id = 1, .src = 1, .dst = 2, .size_bytes = 100, .start_ns = 7}};
  run_star(records, 2);
  assert_int_equal(records[1].fct_ns, 220);
  assert_int_equal(records[0].fct_ns, 220 + (1000 - 110) + 20);
}

// Flow 0 (100 bytes) is done sending at 100 and would complete at 120. At 110 flow 1, on other
// links, completes: flow 0 has nothing left, but gets the whole latency again: 130.
static void latency_tails_should_be_given_again(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {{.id = 0, .src = 0, .dst = 2, .size_bytes = 100, .start_ns = 0},
                                 {.id = 1, .src = 2, .dst = 1, .size_bytes = 90, .start_ns = 0}};
  run_star(records, 2);
  assert_int_equal(records[1].fct_ns, 110);
  assert_int_equal(records[0].fct_ns, 130);
}

// At least 1 ns, truncated: 3 bytes at 8 Gbps on cables without delay.
static void durations_should_be_truncated_to_at_least_1_ns(void **state) {
  (void)state;
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_PUBLISHED, .wire = {1000, 0}};
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_parse("3 1 0 1 2 A100\n2\n0 2 16Gbps 0ns 0\n1 2 16Gbps 0ns 0\n", "t",
                               &topology));
  m4s_flow_record_t records[] = {{.id = 0, .src = 0, .dst = 1, .size_bytes = 1, .start_ns = 5},
                                 {.id = 1, .src = 0, .dst = 1, .size_bytes = 3, .start_ns = 50}};
  harness_run_list(&config, topology, records, 2, NULL);
  assert_int_equal(records[0].fct_ns, 1);  // 0.5 ns
  assert_int_equal(records[1].fct_ns, 1);  // 1.5 ns
  m4s_topology_destroy(topology);
}

static void runs_should_repeat_to_the_byte(void **state) {
  (void)state;
  harness_gray_t first;
  harness_gray_t second;
  harness_run_gray(7, 9, M4S_FLOWSIM_PUBLISHED, 48, &first);
  harness_run_gray(7, 9, M4S_FLOWSIM_PUBLISHED, 48, &second);
  assert_int_equal(first.result.n_flows, second.result.n_flows);
  assert_memory_equal(first.result.records, second.result.records,
                      (size_t)first.result.n_flows * sizeof *first.result.records);
  harness_clear_gray(&first);
  harness_clear_gray(&second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(totals_should_equal_those_measured),
      cmocka_unit_test(flows_of_16_at_a_quarter_should_equal_the_dump),
      cmocka_unit_test(flows_of_2_at_a_quarter_should_equal_the_dump),
      cmocka_unit_test(points_should_equal_the_published_table),
      cmocka_unit_test(present_flows_should_keep_their_stale_ends),
      cmocka_unit_test(arrivals_of_one_time_should_enter_together),
      cmocka_unit_test(latency_tails_should_be_given_again),
      cmocka_unit_test(durations_should_be_truncated_to_at_least_1_ns),
      cmocka_unit_test(runs_should_repeat_to_the_byte),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
