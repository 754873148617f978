// Whole cases from files: what the output files say, small enough to be reckoned by hand; stops and
// halts; what is refused of files that do not fit together.
#include "support.h"

#include <inttypes.h>

#include "core/event.h"
#include "packet/hpcc_case.h"

static const char star[] =
    "4 1 3\n3\n0 3 10Gbps 1000ns 0\n1 3 10Gbps 1000ns 0\n2 3 10Gbps 1000ns 0\n";
static const char dctcp[] = "CC_MODE 8\nTOPOLOGY_FILE topology.txt\nFLOW_FILE flows.txt\n";

// Files of the test's folder; NULL texts are left as they are.
static void write_files(const char *config, const char *topology, const char *flows) {
  support_write("config.txt", config);
  support_write("topology.txt", topology);
  support_write("flows.txt", flows);
}

static m4s_hpcc_case_t read_case(m4s_packet_profile_t profile) {
  m4s_hpcc_case_t one = {0};
  const m4s_hpcc_paths_t paths = {.config = support_path("config.txt")};
  ASSERT_OK(m4s_hpcc_case_read(&paths, profile, &one));
  return one;
}

typedef struct {
  m4s_hpcc_outputs_t outputs;
  m4s_hpcc_result_t result;
} ran_t;

static ran_t run(m4s_packet_profile_t profile) {
  ran_t ran = {
      .outputs = {
          .wants_fct = true, .wants_paths = true, .wants_pauses = true, .wants_queues = true}};
  m4s_hpcc_case_t one = read_case(profile);
  ASSERT_OK(m4s_hpcc_case_run(&one, &(m4s_run_limits_t){0}, &ran.outputs, &ran.result));
  m4s_hpcc_case_clear(&one);
  return ran;
}

static void clear(ran_t *ran) {
  m4s_hpcc_outputs_clear(&ran->outputs);
  m4s_hpcc_result_clear(&ran->result);
}

// A packet of 1000 bytes takes 838 ns on a link, its ACK 47, propagation 4 times 1000.
static void fct_file_should_have_a_line_per_flow(void **state) {
  (void)state;
  write_files(dctcp, star, "3\n0 1 3 100 1000 0.001\n0 1 3 100 1000 0.002\n2 0 3 100 100 0.003\n");
  ran_t ran = run(M4S_PROFILE_HPCC);
  assert_string_equal(ran.outputs.fct.bytes,
                      "0b000001 0b000101 10000 100 1000 1000000 5770 6438\n"
                      "0b000001 0b000101 10001 100 1000 2000000 5770 6438\n"
                      "0b000201 0b000001 10000 100 100 3000000 4330 5718\n");
  assert_int_equal(ran.result.n_flows, 3);
  assert_int_equal(ran.result.n_completed, 3);
  assert_int_equal(ran.result.fct_ns[2], 4330);
  assert_int_equal(ran.result.ideal_ns[2], 5718);
  assert_int_equal(ran.result.flows[1].start_ns, 2000000);
  assert_int_equal(ran.result.flows[1].fct_received_ns, 2 * 838 + 2000);
  assert_null(ran.result.unfinished);
  assert_int_equal(ran.result.end_ns, 3000000 + 4330);
  clear(&ran);
}

// 1052 bytes on the wire, 841 ns; starts are rounded.
static void simai_should_have_other_headers(void **state) {
  (void)state;
  write_files(dctcp, star, "1\n0 1 3 100 1000 0.001\n");
  ran_t ran = run(M4S_PROFILE_SIMAI);
  assert_string_equal(ran.outputs.fct.bytes,
                      "0b000001 0b000101 10000 100 1000 1000000 5778 6441\n");
  clear(&ran);
}

static void m4_should_have_ids_and_end_at_the_receiver(void **state) {
  (void)state;
  write_files(dctcp, star, "2\n7 0 1 3 100 1000 0.001\n3 2 1 3 100 2000 0.002\n");
  ran_t ran = run(M4S_PROFILE_M4);
  assert_string_equal(ran.outputs.fct.bytes,
                      "7 0b000001 0b000101 10000 100 1000 1000000 3676 3676\n"
                      "3 0b000201 0b000101 10000 100 2000 2000000 4514 4514\n");
  assert_string_equal(ran.outputs.paths.bytes, "7 0 3 1\n3 2 3 1\n");
  clear(&ran);
}

// Its senders are not faster than 10 Gb/s: a packet takes 209 ns on the links, the 9 after it 838.
static void m4_ideals_should_be_limited_by_the_senders(void **state) {
  (void)state;
  write_files(dctcp, "3 1 2\n2\n0 2 40Gbps 1us 0\n1 2 40Gbps 1us 0\n", "1\n0 1 3 100 10000 0\n");
  ran_t ran = run(M4S_PROFILE_M4);
  assert_int_equal(ran.result.ideal_ns[0], 2000 + 2 * 209 + 9 * 800 + 9 * 38);
  assert_true(ran.result.fct_ns[0] >= ran.result.ideal_ns[0]);
  clear(&ran);
}

// Two packets reach the port to host 2 at 1838 ns: one of 1048 bytes waits for 838 ns, over the
// samples from 1900 to 2600. The ACK of the second comes at 3 * 838 + 2000 + 2047 + 47 ns.
static void queue_file_should_count_samples(void **state) {
  (void)state;
  write_files(dctcp, star, "2\n0 2 3 100 1000 0\n1 2 3 100 1000 0\n");
  ran_t ran = run(M4S_PROFILE_HPCC);
  assert_int_equal(ran.result.end_ns, 6608);
  assert_string_equal(ran.outputs.queues.bytes,
                      "time: 0\n3 1 1\n3 2 1\n3 3 1\n"
                      "time: 6608\n3 1 67\n3 2 67\n3 3 59 8\n");
  clear(&ran);
}

// Samples at 2550, 2650 and 2750: the first that is not before the end is the last.
static void queue_file_should_keep_to_its_window(void **state) {
  (void)state;
  char config[256];
  snprintf(config, sizeof config, "%sQLEN_MON_START 2550\nQLEN_MON_END 2700\n", dctcp);
  write_files(config, star, "2\n0 2 3 100 1000 0\n1 2 3 100 1000 0\n");
  ran_t ran = run(M4S_PROFILE_HPCC);
  assert_string_equal(ran.outputs.queues.bytes, "time: 6608\n3 1 3\n3 2 3\n3 3 1 2\n");
  clear(&ran);
  snprintf(config, sizeof config, "%sQLEN_MON_START 7000\nQLEN_MON_END 8000\n", dctcp);
  support_write("config.txt", config);
  ran = run(M4S_PROFILE_HPCC);
  assert_null(ran.outputs.queues.bytes);
  clear(&ran);
}

// Dumps at multiples of 100 ms, also where nothing has happened in between.
static void queue_file_should_be_dumped_regularly(void **state) {
  (void)state;
  write_files(dctcp, star, "2\n0 2 3 100 1000 0.00000005\n1 2 3 100 1000 0.25\n");
  ran_t ran = run(M4S_PROFILE_SIMAI);
  assert_string_equal(ran.outputs.queues.bytes,
                      "time: 0\n3 1 1\n3 2 1\n3 3 1\n"
                      "time: 100000000\n3 1 1000001\n3 2 1000001\n3 3 1000001\n"
                      "time: 200000000\n3 1 2000001\n3 2 2000001\n3 3 2000001\n"
                      "time: 250005778\n3 1 2500058\n3 2 2500058\n3 3 2500058\n");
  clear(&ran);
}

// Each port that is told to pause is told to go on before it is told again.
static void pause_file_should_alternate(void **state) {
  (void)state;
  char config[256];
  snprintf(config, sizeof config, "%sBUFFER_SIZE_KB 60\nHEADROOM_EXTRA 8000\nHAS_WIN 0\n", dctcp);
  write_files(config, star, "2\n0 2 3 100 300000 0\n1 2 3 100 300000 0\n");
  ran_t ran = run(M4S_PROFILE_HPCC);
  int64_t last_ns = 0;
  int paused[2] = {0};
  int n_pauses = 0;
  assert_non_null(ran.outputs.pauses.bytes);
  for (const char *line = ran.outputs.pauses.bytes; *line != '\0';) {
    int64_t ns;
    int node;
    int type;
    int port;
    int pause;
    int n = 0;
    assert_int_equal(
        sscanf(line, "%" SCNd64 " %d %d %d %d\n%n", &ns, &node, &type, &port, &pause, &n), 5);
    assert_true(ns >= last_ns);
    assert_true(node == 0 || node == 1);
    assert_int_equal(type, 0);
    assert_int_equal(port, 1);
    assert_int_equal(pause, !paused[node]);
    paused[node] = pause;
    n_pauses += pause;
    last_ns = ns;
    line += n;
  }
  assert_true(n_pauses > 1);
  assert_int_equal(n_pauses, ran.result.counts.pauses);
  assert_int_equal(ran.result.counts.dropped, 0);
  clear(&ran);
}

static void other_payloads_should_change_base_rtts(void **state) {
  (void)state;
  char config[256];
  snprintf(config, sizeof config, "%sPACKET_PAYLOAD_SIZE 4000\n", dctcp);
  write_files(config, star, "1\n0 1 3 100 4000 0\n");
  ran_t ran = run(M4S_PROFILE_SIMAI);
  // Base RTT 4000 + 2 * 3200 ns; 4052 bytes take 3241 ns.
  assert_int_equal(ran.result.ideal_ns[0], 10400 + 3241);
  assert_int_equal(ran.result.fct_ns[0], 2 * 3241 + 4000 + 2 * 48);
  clear(&ran);
}

// The window of 250 MB times its rate passes 64 bits. The flow fits into it: 100,000 packets of 8
// ns each, one after the other.
static void long_links_should_have_large_windows(void **state) {
  (void)state;
  char config[256];
  snprintf(config, sizeof config, "%sBUFFER_SIZE_KB 4000000\n", dctcp);
  write_files(config, "3 1 2\n2\n0 2 1Tbps 500us 0\n1 2 1Tbps 500us 0\n",
              "1\n0 1 3 100 100000000 0\n");
  ran_t ran = run(M4S_PROFILE_SIMAI);
  assert_in_range(ran.result.fct_ns[0], 2000000 + 100000 * 8, 2000000 + 100000 * 9);
  clear(&ran);
}

static void runs_should_end_at_the_stop_time(void **state) {
  (void)state;
  char config[256];
  snprintf(config, sizeof config, "%sSIMULATOR_STOP_TIME 0.0010057\n", dctcp);
  write_files(config, star,
              "3\n0 1 3 100 100 0.001\n2 1 3 100 100000 0.001\n0 1 3 100 100 0.002\n");
  ran_t ran = run(M4S_PROFILE_SIMAI);
  assert_int_equal(ran.result.n_completed, 1);
  assert_int_equal(ran.result.end_ns, 1005700);
  assert_int_equal(ran.result.fct_ns[0], 4338);
  assert_int_equal(ran.result.fct_ns[1], -1);
  assert_int_equal(ran.result.flows[1].start_ns, 1000000);
  assert_int_equal(ran.result.fct_ns[2], -1);
  assert_int_equal(ran.result.flows[2].start_ns, -1);
  assert_null(ran.result.unfinished);
  assert_string_equal(ran.outputs.fct.bytes, "0b000001 0b000101 10000 100 100 1000000 4338 5721\n");
  assert_string_equal(ran.outputs.paths.bytes, "0 0 3 1\n1 2 3 1\n");
  clear(&ran);
}

// Without PFC a small buffer loses packets, a flow's last one among them: nobody sends it again.
static void halts_should_be_results(void **state) {
  (void)state;
  static const char *const ends[] = {"", "SIMULATOR_STOP_TIME 60\n"};
  for (int i = 0; i < 2; i++) {
    char config[256];
    snprintf(config, sizeof config, "%sBUFFER_SIZE_KB 30\nENABLE_PFC 0\nHAS_WIN 0\n%s", dctcp,
             ends[i]);
    write_files(config, star, "2\n0 2 3 100 25000 0\n1 2 3 100 25000 0\n");
    ran_t ran = run(M4S_PROFILE_HPCC);
    assert_int_equal(ran.result.n_completed, 1);
    assert_int_equal(ran.result.counts.dropped, 14);
    assert_non_null(ran.result.unfinished);
    assert_string_equal(ran.result.unfinished,
                        "packet: flow 0 from host 0 to host 2 can never complete: 24000 of 25000 "
                        "bytes acknowledged, 7 packets lost and no retransmission timeout");
    assert_int_equal(ran.result.fct_ns[0], -1);
    clear(&ran);
  }
}

static void time_limits_should_hold(void **state) {
  (void)state;
  write_files(dctcp, star, "2\n0 2 3 100 900000000000 0\n1 2 3 100 900000000000 0\n");
  m4s_hpcc_case_t one = read_case(M4S_PROFILE_HPCC);
  m4s_hpcc_outputs_t outputs = {0};
  m4s_hpcc_result_t result = {.n_flows = 77};
  ASSERT_FAILS(
      m4s_hpcc_case_run(&one, &(m4s_run_limits_t){.time_limit_s = 0.05}, &outputs, &result),
      M4S_ERR_TIME_LIMIT, "time limit of 0.05 s passed");
  assert_int_equal(result.n_flows, 77);
  m4s_hpcc_case_clear(&one);
}

// --- files that do not fit together ---

// The message after "folder/".
static void assert_refused(const char *message) {
  char whole[512];
  m4s_hpcc_case_t one = {0};
  const m4s_hpcc_paths_t paths = {.config = support_path("config.txt")};
  snprintf(whole, sizeof whole, "%s/%s", support_folder, message);
  ASSERT_REFUSES(m4s_hpcc_case_read(&paths, M4S_PROFILE_HPCC, &one), whole);
  assert_null(one.topology);
}

static void cases_should_be_refused_as_a_whole(void **state) {
  (void)state;
  static const char one_flow[] = "1\n0 1 3 100 10 0\n";
  write_files("CC_MODE 8\n", star, one_flow);
  assert_refused("config.txt: TOPOLOGY_FILE is missing");
  write_files("CC_MODE 8\nTOPOLOGY_FILE topology.txt\n", star, one_flow);
  assert_refused("config.txt: FLOW_FILE is missing");
  write_files("CC_MODE 8\nTOPOLOGY_FILE none.txt\n", star, one_flow);
  assert_refused("none.txt: No such file or directory");
  write_files(dctcp, star, "1\n0 3 3 100 10 0\n");
  assert_refused("flows.txt:2:3: destination \"3\" is outside 0 to 2 (nearest valid: 2)");
  write_files(dctcp, "3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 10Gbps 1us 0.01\n", one_flow);
  assert_refused(
      "topology.txt: the error rate 0.01 of the link from 1 to 2: random losses are not simulated "
      "(nearest valid: 0)");
  char config[256];
  snprintf(config, sizeof config,
           "%sKMIN_MAP 1 10000000000 5\nKMAX_MAP 1 10000000000 5\nPMAX_MAP 1 10000000000 1\n",
           dctcp);
  write_files(config, "3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 40Gbps 1us 0\n", one_flow);
  assert_refused(
      "config.txt: KMIN_MAP, KMAX_MAP and PMAX_MAP lack 40000000000 b/s, the rate of the link from "
      "node 2 to 1");
}

// What only the network tells.
static void assert_run_refused(const char *message) {
  m4s_hpcc_case_t one = read_case(M4S_PROFILE_HPCC);
  m4s_hpcc_outputs_t outputs = {0};
  m4s_hpcc_result_t result = {.n_flows = 77};
  ASSERT_REFUSES(m4s_hpcc_case_run(&one, &(m4s_run_limits_t){0}, &outputs, &result), message);
  assert_int_equal(result.n_flows, 77);
  m4s_hpcc_case_clear(&one);
}

static void networks_should_fit_the_rules(void **state) {
  (void)state;
  static const char one_flow[] = "1\n0 1 3 100 10 0\n";
  char config[256];
  snprintf(config, sizeof config, "%sBUFFER_SIZE_KB 22\n", dctcp);
  write_files(config, star, one_flow);
  assert_run_refused(
      "packet: node 3: the headroom and reserve of its ports, 11250 + 12288 bytes, do not fit into "
      "the buffer of 22528 bytes");
  snprintf(config, sizeof config, "%sMIN_RATE 11Gb/s\n", dctcp);
  write_files(config, star, one_flow);
  assert_run_refused(
      "packet: min_rate (11000000000 b/s) is above the rate of the link from host 0 to node 3 "
      "(10000000000 b/s)");
  snprintf(config, sizeof config, "%sMIN_RATE 1000bps\n", dctcp);
  write_files(config, star, one_flow);
  assert_run_refused(
      "packet: min_rate of 1000 b/s: packets of 1048 bytes would take more than 2 s");
  write_files(dctcp, "3 1 2\n2\n0 2 1Tbps 999s 0\n1 2 1Tbps 999s 0\n", one_flow);
  assert_run_refused(
      "packet: node 2: the headroom and reserve of its ports, 137438953472 + 8192 bytes, do not "
      "fit "
      "into the buffer of 3354624 bytes");
  write_files(dctcp, "4 2 2\n2 3\n0 2 10Gbps 1us 0\n1 3 10Gbps 1us 0\n", one_flow);
  assert_run_refused("there is no path from GPU 0 to GPU 1");
}

static void files_may_lie_elsewhere(void **state) {
  (void)state;
  write_files("CC_MODE 8\nTOPOLOGY_FILE none.txt\n", star, "1\n0 1 3 100 10 0\n");
  m4s_hpcc_case_t one = {0};
  const m4s_hpcc_paths_t paths = {.config = support_path("config.txt"),
                                  .topology = support_path("topology.txt"),
                                  .flows = support_path("flows.txt")};
  ASSERT_OK(m4s_hpcc_case_read(&paths, M4S_PROFILE_HPCC, &one));
  assert_int_equal(one.flows.n_flows, 1);
  m4s_hpcc_case_clear(&one);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fct_file_should_have_a_line_per_flow),
      cmocka_unit_test(simai_should_have_other_headers),
      cmocka_unit_test(m4_should_have_ids_and_end_at_the_receiver),
      cmocka_unit_test(m4_ideals_should_be_limited_by_the_senders),
      cmocka_unit_test(queue_file_should_count_samples),
      cmocka_unit_test(queue_file_should_keep_to_its_window),
      cmocka_unit_test(queue_file_should_be_dumped_regularly),
      cmocka_unit_test(pause_file_should_alternate),
      cmocka_unit_test(other_payloads_should_change_base_rtts),
      cmocka_unit_test(long_links_should_have_large_windows),
      cmocka_unit_test(runs_should_end_at_the_stop_time),
      cmocka_unit_test(halts_should_be_results),
      cmocka_unit_test(time_limits_should_hold),
      cmocka_unit_test(cases_should_be_refused_as_a_whole),
      cmocka_unit_test(networks_should_fit_the_rules),
      cmocka_unit_test(files_may_lie_elsewhere),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
