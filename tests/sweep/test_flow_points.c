// Points whose traffic is a load mix or a list of flows.
#include "support.h"

#include <math.h>

#include "core/csv.h"
#include "core/json.h"
#include "core/npy.h"
#include "core/text.h"
#include "sweep/flow_metrics.h"
#include "sweep/spec.h"

#define MIX \
  "\"topology\": {\"kind\": \"clos\", \"size\": \"training\"}, \"traffic\": {\"kind\": \"mix\", " \
  "\"sizes\": \"webserver\", \"n_flows\": 300, \"max_load\": 0.4}"

// A point of these settings (JSON text); free with m4s_point_clear().
static m4s_point_t make_point(const char *text) {
  json_t *settings = NULL;
  m4s_point_t point = {0};
  ASSERT_OK(m4s_json_parse(text, "settings", &settings));
  ASSERT_OK(m4s_point_set(&point, settings, support_folder, "test"));
  json_decref(settings);
  return point;
}

static json_t *run(const m4s_point_t *point, const char *simulator, const char *folder) {
  json_t *metrics = NULL;
  if (folder != NULL) {
    ASSERT_OK(m4s_folder_make(support_path(folder)));
  }
  ASSERT_OK(m4s_point_check(point, NULL));
  ASSERT_OK(m4s_point_run(point, simulator, folder == NULL ? NULL : support_path(folder), NULL,
                          &metrics));
  return metrics;
}

static double get(const json_t *metrics, const char *name) {
  const json_t *value = json_object_get(metrics, name);
  if (!json_is_number(value)) {
    fail_msg("%s is missing", name);
  }
  return json_number_value(value);
}

static void assert_near(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-9 * fabs(expected))) {
    fail_msg("%.17g instead of %.17g", value, expected);
  }
}

static double cell(const m4s_csv_t *csv, size_t row, const char *column) {
  int i = m4s_csv_column(csv, column);
  assert_true(i >= 0);
  double value = NAN;
  const char *text = m4s_csv_cell(csv, row, (size_t)i);
  assert_int_equal(sscanf(text, "%lf", &value), 1);
  return value;
}

// --- metrics ---

// Flows with slowdowns 1 … 4 in two classes of sizes.
static void metrics_should_be_as_by_hand(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {
      {.id = 0, .size_bytes = 1000, .start_ns = 1000, .fct_ns = 1000, .ideal_fct_ns = 1000},
      {.id = 1, .size_bytes = 1, .start_ns = 1100, .fct_ns = 2000, .ideal_fct_ns = 1000},
      {.id = 2, .size_bytes = 1001, .start_ns = 1200, .fct_ns = 6000, .ideal_fct_ns = 2000},
      {.id = 3, .size_bytes = 10000, .start_ns = 2000, .fct_ns = 4000, .ideal_fct_ns = 1000},
  };
  m4s_flow_traffic_t traffic = {.records = records,
                                .n_flows = 4,
                                .load_expected = -1,
                                .load_realised = 0.25,
                                .load_deviation = 0.125,
                                .load_busiest = -1};
  json_t *metrics = NULL;
  ASSERT_OK(m4s_flow_metrics_make(&traffic, 17, &metrics));
  assert_near(get(metrics, "flows"), 4);
  assert_near(get(metrics, "makespan_us"), 7.2);
  assert_near(get(metrics, "throughput_gbps"), 8 * 12002 / 6200.0);
  assert_near(get(metrics, "load_realised"), 0.25);
  assert_near(get(metrics, "load_deviation"), 0.125);
  assert_near(get(metrics, "slowdown_mean"), 2.5);
  assert_near(get(metrics, "slowdown_p50"), 2.5);
  assert_near(get(metrics, "slowdown_p90"), 3.7);
  assert_near(get(metrics, "slowdown_p99"), 3.97);
  assert_near(get(metrics, "slowdown_mean_le_1kb"), 1.5);
  assert_near(get(metrics, "slowdown_mean_1kb_10kb"), 3.5);
  assert_near(get(metrics, "events"), 17);
  assert_null(json_object_get(metrics, "load_expected"));
  assert_null(json_object_get(metrics, "slowdown_p99_gt_1mb"));
  assert_int_equal(json_object_size(metrics), 6 + 3 * 4);
  json_decref(metrics);
}

static void metrics_should_be_those_of_the_names(void **state) {
  (void)state;
  m4s_point_t point = make_point("{" MIX "}");
  json_t *metrics = run(&point, "flowsim", NULL);
  json_t *names = m4s_point_metric_names(M4S_TRAFFIC_MIX, 0);
  size_t n_found = 0;
  const char *name;
  json_t *value;
  json_object_foreach(metrics, name, value) {
    assert_true(isfinite(json_number_value(value)));
    while (n_found < json_array_size(names) &&
           strcmp(json_string_value(json_array_get(names, n_found)), name) != 0) {
      n_found++;
    }
    if (n_found == json_array_size(names)) {
      fail_msg("%s is not among the names, or not in their order", name);
    }
  }
  assert_int_equal(json_array_size(names), 7 + 6 * 4 + 1);
  assert_near(get(metrics, "load_expected"), 0.4);
  assert_true(get(metrics, "load_realised") > 0);
  json_decref(names);
  json_decref(metrics);
  m4s_point_clear(&point);
}

// --- runs ---

static void mixes_should_run_on_simulators_and_repeat(void **state) {
  (void)state;
  static const char *const simulators[] = {"flowsim", "packet"};
  m4s_point_t point = make_point("{" MIX ", \"packet\": {\"profile\": \"m4\"}}");
  for (size_t i = 0; i < M4S_COUNT(simulators); i++) {
    char name[64];
    size_t n;
    size_t m;
    json_t *first = run(&point, simulators[i], "first");
    json_t *second = run(&point, simulators[i], "second");
    assert_true(json_equal(first, second));
    assert_near(get(first, "flows"), 300);
    char *a = support_read("first/flows.npy", &n);
    char *b = support_read("second/flows.npy", &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    snprintf(name, sizeof name, "'shape': (300,)");
    assert_non_null(strstr(a + 10, name));
    assert_false(m4s_path_exists(support_path("first/EndToEnd.csv")));
    free(a);
    free(b);
    json_decref(first);
    json_decref(second);
  }
  m4s_point_clear(&point);
}

// Alone, a flow takes its ideal time to the last byte's arrival.
static void lone_flows_should_take_their_ideal_time(void **state) {
  (void)state;
  support_write("flows.csv",
                "src,dst,size_bytes,start_ns\n0,1,1000,0\n0,31,1000,10000000\n"
                "3,17,500,20000000\n5,9,10000,30000000\n");
  m4s_point_t point = make_point(
      "{\"topology\": {\"kind\": \"clos\", \"size\": \"training\"}, \"traffic\": {\"kind\": "
      "\"flows\", \"flow_list\": \"flows.csv\"}, \"packet\": {\"profile\": \"m4\"}}");
  json_t *metrics = run(&point, "packet", NULL);
  assert_near(get(metrics, "slowdown_p50"), 1);
  assert_true(get(metrics, "slowdown_p99") < 1.01);
  assert_null(json_object_get(metrics, "load_expected"));
  assert_null(json_object_get(metrics, "load_realised"));
  assert_true(get(metrics, "load_busiest") > 0);
  json_decref(metrics);
  m4s_point_clear(&point);
}

// Of mixes of the studies: expected loads are those asked for, those of the flows within three
// standard deviations.
static void loads_should_be_told_with_their_deviations(void **state) {
  (void)state;
  static const char *const sizes[] = {"cachefollower", "webserver", "hadoop"};
  for (int i = 0; i < 12; i++) {
    char text[512];
    double max_load = 0.25 * (1 + i % 3);
    snprintf(
        text, sizeof text,
        "{\"topology\": {\"kind\": \"clos\", \"oversubscription\": %d}, \"traffic\": {\"kind\": "
        "\"mix\", \"spatial\": \"locality\", \"n_flows\": 20000, \"max_load\": %g, \"sizes\": "
        "\"%s\", \"lognorm_sigma\": %d}, \"run\": {\"seed\": %d}}",
        1 << i % 3, max_load, sizes[i / 4], 1 + i % 2, i);
    m4s_point_t point = make_point(text);
    json_t *metrics = run(&point, "flowsim", NULL);
    double deviation = get(metrics, "load_deviation");
    assert_true(fabs(get(metrics, "load_expected") / max_load - 1) <= 0.01);
    assert_true(deviation > 0);
    assert_true(fabs(get(metrics, "load_realised") - max_load) <= 3 * deviation);
    assert_true(get(metrics, "load_busiest") >= get(metrics, "load_realised"));
    json_decref(metrics);
    m4s_point_clear(&point);
  }
}

static void seeds_should_make_other_flows(void **state) {
  (void)state;
  m4s_point_t a = make_point("{" MIX "}");
  m4s_point_t b = make_point("{" MIX ", \"run\": {\"seed\": 2}}");
  json_t *first = run(&a, "flowsim", NULL);
  json_t *second = run(&b, "flowsim", NULL);
  assert_false(json_equal(first, second));
  json_decref(first);
  json_decref(second);
  m4s_point_clear(&a);
  m4s_point_clear(&b);
}

// GPU clusters have racks, too: their servers.
static void mixes_should_run_on_any_topology(void **state) {
  (void)state;
  m4s_point_t point =
      make_point("{\"traffic\": {\"kind\": \"mix\", \"spatial\": \"locality\", \"n_flows\": 100}}");
  json_t *metrics = run(&point, "flowsim", NULL);
  assert_near(get(metrics, "flows"), 100);
  json_decref(metrics);
  m4s_point_clear(&point);
}

// A record of packet_flows.npy, and its members.
typedef struct {
  int64_t packets, retransmitted, dropped, fct_ack_ns, fct_received_ns;
} packet_flow_t;

static const m4s_npy_member_t packet_flow_members[] = {{"packets", "<i8"},
                                                       {"retransmitted", "<i8"},
                                                       {"dropped", "<i8"},
                                                       {"fct_ack_ns", "<i8"},
                                                       {"fct_received_ns", "<i8"}};

enum { INCAST_FLOWS = 16 };

// Host 8 + i / 2 sends 100 + i packets to host 31.
static void write_incast(void) {
  m4s_text_t list = {0};
  ASSERT_OK(m4s_text_add(&list, "src,dst,size_bytes,start_ns\n"));
  for (int i = 0; i < INCAST_FLOWS; i++) {
    ASSERT_OK(m4s_text_add(&list, "%d,31,%d,0\n", 8 + i / 2, 1000 * (100 + i)));
  }
  support_write("incast.csv", list.bytes);
  m4s_text_clear(&list);
}

// The sums of all flows.
static packet_flow_t read_incast_flows(const char *path) {
  void *bytes = NULL;
  size_t n_flows;
  packet_flow_t sum = {0};
  ASSERT_OK(m4s_npy_read(path, packet_flow_members, M4S_COUNT(packet_flow_members),
                         sizeof(packet_flow_t), &bytes, &n_flows));
  assert_int_equal(n_flows, INCAST_FLOWS);
  const packet_flow_t *flows = bytes;
  for (int i = 0; i < INCAST_FLOWS; i++) {
    const packet_flow_t *flow = &flows[i];
    // All that was sent beyond the flow's own packets was asked for again.
    assert_in_range(flow->packets, 100 + i, 100 + i + flow->retransmitted);
    assert_true(flow->fct_received_ns > 100000);
    assert_true(flow->fct_ack_ns == -1 || flow->fct_ack_ns > flow->fct_received_ns);
    sum.packets += flow->packets;
    sum.retransmitted += flow->retransmitted;
    sum.dropped += flow->dropped;
  }
  free(bytes);
  return sum;
}

static void assert_incast_link(const m4s_csv_t *csv, size_t i, const packet_flow_t *sum) {
  double n_paused = cell(csv, i, "pfc_pauses_received");
  assert_true((cell(csv, i, "pfc_paused_ns") > 0) == (n_paused > 0));
  const char *longest = m4s_csv_cell(csv, i, (size_t)m4s_csv_column(csv, "queue_max_bytes"));
  assert_true((longest[0] == '\0') == (cell(csv, i, "src") < 32));
  if (cell(csv, i, "dst") != 31) {
    return;
  }
  // Full packets only; drops come before this link.
  assert_near(cell(csv, i, "packets"), (double)(sum->packets - sum->dropped));
  assert_near(cell(csv, i, "bytes"), 1048 * cell(csv, i, "packets"));
  assert_true(cell(csv, i, "queue_mean_bytes") > 0);
  assert_true(cell(csv, i, "queue_p50_bytes") <= cell(csv, i, "queue_p90_bytes"));
  assert_true(cell(csv, i, "queue_p90_bytes") <= cell(csv, i, "queue_p99_bytes"));
  assert_true(cell(csv, i, "queue_p99_bytes") <= cell(csv, i, "queue_max_bytes"));
}

static double sum_of(const m4s_csv_t *csv, const char *column) {
  double sum = 0;
  for (size_t i = 0; i < csv->n_rows; i++) {
    sum += cell(csv, i, column);
  }
  return sum;
}

// Eight hosts send to one, through buffers that are too small: marks, pauses and drops in the
// columns of the links; the flows' packets in the order of the flows, which a closed loop starts in
// another.
static void packets_should_tell_of_links_and_flows(void **state) {
  (void)state;
  m4s_csv_t csv;
  write_incast();
  m4s_point_t point = make_point(
      "{\"topology\": {\"kind\": \"clos\", \"size\": \"training\"}, \"traffic\": {\"kind\": "
      "\"flows\", \"flow_list\": \"incast.csv\", \"in_flight\": 1, \"in_flight_of\": \"host\"}, "
      "\"packet\": {\"profile\": \"m4\", \"buffer_kb\": 200}, \"output\": {\"links\": true}}");
  json_decref(run(&point, "packet", "incast"));
  packet_flow_t sum = read_incast_flows(support_path("incast/packet_flows.npy"));
  assert_true(sum.dropped > 0 && sum.retransmitted > 0);
  ASSERT_OK(m4s_csv_read(support_path("incast/links.csv"), &csv));
  assert_int_equal(csv.n_columns, 18);
  for (size_t i = 0; i < csv.n_rows; i++) {
    assert_incast_link(&csv, i, &sum);
  }
  assert_near(sum_of(&csv, "drops"), (double)sum.dropped);
  assert_true(sum_of(&csv, "ecn_marks") > 0);
  assert_true(sum_of(&csv, "pfc_pauses_received") > 0);
  assert_true(sum_of(&csv, "pfc_pauses_sent") >= sum_of(&csv, "pfc_pauses_received"));
  m4s_csv_clear(&csv);
  m4s_point_clear(&point);
}

// Two flows of one rack, each 1 ms long, that come at once: together, or one behind the other.
static void closed_loops_should_limit_the_flows_in_flight(void **state) {
  (void)state;
  static const struct {
    const char *more;
    bool one_by_one;
  } cases[] = {{"", false},
               {", \"in_flight\": 1", true},
               {", \"in_flight\": 2", false},
               {", \"in_flight\": 1, \"in_flight_of\": \"host\"", false}};
  support_write("two.csv", "src,dst,size_bytes,start_ns\n0,31,1192802,0\n1,30,1192802,0\n");
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    char text[512];
    snprintf(text, sizeof text,
             "{\"topology\": {\"kind\": \"clos\", \"size\": \"training\"}, \"traffic\": {\"kind\": "
             "\"flows\", \"flow_list\": \"two.csv\"%s}}",
             cases[i].more);
    m4s_point_t point = make_point(text);
    json_t *metrics = run(&point, "flowsim", NULL);
    double makespan_us = get(metrics, "makespan_us");
    assert_true(cases[i].one_by_one ? makespan_us > 2000 && makespan_us < 2020
                                    : makespan_us > 1000 && makespan_us < 1010);
    json_decref(metrics);
    m4s_point_clear(&point);
  }
}

// Four hosts under one rack switch. In a rotation each link carries one flow at a time, three one
// after the other; all at once, three share each link; an incast of three shares one. The
// receiver's link is busy as long in all three, and phases wait for the last byte's way.
static void phases_should_wait_for_each_other(void **state) {
  (void)state;
  static const struct {
    const char *settings;
    double n_flows, n_phases, n_in_turn;  // flows one after the other, or sharing
  } cases[] = {{"\"pattern\": \"rotation\"", 12, 3, 3},
               {"\"pattern\": \"all_to_all\"", 12, 1, 3},
               {"\"pattern\": \"incast\", \"incast_senders\": 3, \"phases\": 2", 6, 2, 6}};
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    char text[512];
    snprintf(text, sizeof text,
             "{\"topology\": {\"kind\": \"clos\", \"size\": \"training\"}, \"traffic\": "
             "{\"kind\": \"phases\", \"participants\": 4, \"flow_bytes\": 1192802, %s}}",
             cases[i].settings);
    m4s_point_t point = make_point(text);
    json_t *metrics = run(&point, "flowsim", NULL);
    assert_near(get(metrics, "flows"), cases[i].n_flows);
    assert_null(json_object_get(metrics, "load_busiest"));
    // 1,192,802 bytes with headers take a millisecond at 10 Gb/s, their way some us.
    double over_us = get(metrics, "makespan_us") - 1000 * cases[i].n_in_turn;
    if (!(over_us > 0 && over_us < 5 * cases[i].n_phases)) {
      fail_msg("%s: %g us", cases[i].settings, get(metrics, "makespan_us"));
    }
    assert_near(m4s_point_expected_cost(&point, "flowsim"), cases[i].n_flows);
    json_decref(metrics);
    m4s_point_clear(&point);
  }
}

// --- what makes no sense ---

static void check_should_find_what_cannot_be_made(void **state) {
  (void)state;
  static const struct {
    const char *settings, *message;
  } cases[] = {
      {"{\"traffic\": {\"kind\": \"flows\"}}",
       "traffic.flow_list: is needed with traffic.kind \"flows\""},
      {"{\"traffic\": {\"kind\": \"flows\", \"flow_list\": \"none.csv\"}}",
       "none.csv: No such file"},
      {"{\"traffic\": {\"kind\": \"mix\", \"max_load\": 1.5}}",
       "traffic: max_load: 1.5 is 1 or above"},
      {"{\"topology\": {\"kind\": \"clos\", \"oversubscription\": 3}, \"traffic\": {\"kind\": "
       "\"mix\"}}",
       "topology: oversubscription: 3 takes 5.333 spines a plane"},
      {"{\"traffic\": {\"kind\": \"mix\", \"spatial\": \"matrix\"}}", "matrix_file"},
      {"{\"traffic\": {\"kind\": \"phases\", \"participants\": 33}}",
       "traffic: participants: 33 of 32 hosts (nearest valid: 32)"},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    m4s_point_t point = make_point(cases[i].settings);
    json_t *metrics = NULL;
    assert_int_equal(m4s_point_check(&point, NULL), M4S_ERR_INPUT);
    if (strstr(m4s_last_error(), cases[i].message) == NULL) {
      fail_msg("\"%s\" does not hold \"%s\"", m4s_last_error(), cases[i].message);
    }
    assert_int_equal(m4s_point_run(&point, "flowsim", NULL, NULL, &metrics), M4S_ERR_INPUT);
    assert_null(metrics);
    m4s_point_clear(&point);
  }
}

#define BASE(members) "{\"name\": \"t\", \"simulators\": [\"flowsim\"], \"base\": {" members "}}"

static void settings_of_other_kinds_should_be_refused(void **state) {
  (void)state;
  static const struct {
    const char *spec, *message;
  } cases[] = {
      {BASE("\"traffic\": {\"max_load\": 0.5}"),
       "t.json: traffic.max_load: has no effect with traffic.kind \"workload\" (set traffic.kind "
       "to \"mix\")"},
      {BASE("\"traffic\": {\"kind\": \"mix\", \"flow_list\": \"f.csv\"}"),
       "t.json: traffic.flow_list: has no effect with traffic.kind \"mix\" (set traffic.kind to "
       "\"flows\")"},
      {BASE("\"traffic\": {\"in_flight\": 3}"),
       "t.json: traffic.in_flight: has no effect with traffic.kind \"workload\" (set traffic.kind "
       "to \"mix\")"},
      {BASE("\"traffic\": {\"kind\": \"phases\", \"in_flight\": 3}"),
       "t.json: traffic.in_flight: has no effect with traffic.kind \"phases\" (set traffic.kind to "
       "\"mix\")"},
      {BASE("\"traffic\": {\"kind\": \"mix\", \"phases\": 3}"),
       "t.json: traffic.phases: has no effect with traffic.kind \"mix\" (set traffic.kind to "
       "\"phases\")"},
      {BASE("\"traffic\": {\"kind\": \"mix\"}, \"system\": {\"send_latency_ns\": 1}"),
       "t.json: system.send_latency_ns: has no effect with traffic.kind \"mix\" (set traffic.kind "
       "to \"workload\")"},
      {BASE("\"topology\": {\"kind\": \"clos\", \"gpus\": 32}"),
       "t.json: topology.gpus: has no effect with topology.kind \"clos\" (set topology.kind to "
       "\"gpu-cluster\")"},
      {BASE("\"topology\": {\"pods\": 2}"),
       "t.json: topology.pods: has no effect with topology.kind \"gpu-cluster\" (set topology.kind "
       "to \"clos\")"},
      {BASE("\"traffic\": {\"kind\": \"mix\", \"mean_bytes\": 5000}"),
       "t.json: traffic.mean_bytes: has no effect with traffic.sizes \"websearch\" (set "
       "traffic.sizes to \"exponential\")"},
      {BASE("\"traffic\": {\"kind\": \"mix\", \"max_load\": 0.3, \"host_load\": 0.1}"),
       "t.json: traffic.max_load: has no effect with traffic.host_load (take one of them away)"},
      {BASE("\"traffic\": {\"kind\": \"mix\", \"in_flight_of\": \"host\"}"),
       "t.json: traffic.in_flight_of: has no effect without traffic.in_flight (set it to 1 or "
       "more)"},
      {BASE("\"packet\": {\"profile\": \"m4\", \"pfc_shift\": 2}"),
       "t.json: packet.pfc_shift: has no effect with packet.profile \"m4\" (set packet.profile to "
       "\"hpcc\")"},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    m4s_sweep_t *sweep = NULL;
    m4s_selection_t *selection = NULL;
    ASSERT_OK(m4s_sweep_parse(cases[i].spec, "t.json", &sweep));
    ASSERT_REFUSES(m4s_sweep_override(sweep, &(m4s_overrides_t){0}, &selection), cases[i].message);
    assert_null(selection);
    m4s_sweep_destroy(sweep);
  }
}

static void kinds_of_traffic_should_not_be_mixed(void **state) {
  (void)state;
  m4s_sweep_t *sweep = NULL;
  ASSERT_REFUSES(m4s_sweep_parse("{\"name\": \"t\", \"simulators\": [\"flowsim\"], \"axes\": "
                                 "[{\"traffic.kind\": [\"mix\", \"workload\"]}]}",
                                 "t.json", &sweep),
                 "t.json: axes[0].traffic.kind: cannot be an axis: the points of a sweep have one "
                 "kind of traffic");
}

#define QUICK \
  "{\"name\": \"t\", \"simulators\": [\"flowsim\"], \"base\": {\"traffic\": {\"kind\": " \
  "\"mix\"}}, " \
  "\"axes\": [{\"max_load\": [0.25, 0.5, 0.75]}], \"quick\": \"max_load < 0.4\"}"

// The number of points with this flag, and of the same sweep when it is read from its manifest.
static size_t count_points(const m4s_sweep_t *sweep, const json_t *selection) {
  uint64_t *indices = NULL;
  size_t n = 0;
  ASSERT_OK(m4s_sweep_select(sweep, selection, false, &indices, &n));
  free(indices);
  return n;
}

static void quick_runs_should_have_the_points_of_the_condition(void **state) {
  (void)state;
  for (int quick = 0; quick < 2; quick++) {
    m4s_sweep_t *sweep = NULL;
    m4s_sweep_t *again = NULL;
    m4s_selection_t *selection = NULL;
    ASSERT_OK(m4s_sweep_parse(QUICK, "t.json", &sweep));
    ASSERT_OK(m4s_sweep_override(sweep, &(m4s_overrides_t){.quick = quick}, &selection));
    ASSERT_OK(m4s_sweep_load(sweep, NULL));
    assert_int_equal(count_points(sweep, selection), quick ? 1 : 3);
    json_t *spec = m4s_sweep_to_json(sweep);
    ASSERT_OK(m4s_sweep_from_json(spec, "again", ".", &again));
    assert_string_equal(again->quick_text, "max_load < 0.4");
    json_decref(spec);
    json_decref(selection);
    m4s_sweep_destroy(again);
    m4s_sweep_destroy(sweep);
  }
}

static void quick_should_be_refused_without_a_condition(void **state) {
  (void)state;
  m4s_sweep_t *sweep = NULL;
  m4s_selection_t *selection = NULL;
  ASSERT_OK(m4s_sweep_parse(BASE("\"run\": {\"seed\": 1}"), "t.json", &sweep));
  ASSERT_REFUSES(m4s_sweep_override(sweep, &(m4s_overrides_t){.quick = true}, &selection),
                 "t.json: --quick: the spec has no \"quick\", the condition for it");
  m4s_sweep_destroy(sweep);
  assert_int_equal(m4s_sweep_parse("{\"name\": \"t\", \"simulators\": [\"flowsim\"], \"quick\": "
                                   "\"max_lod < 1\"}",
                                   "t.json", &sweep),
                   M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "t.json: quick: "));
  assert_non_null(strstr(m4s_last_error(), "max_load"));
}

// The sweeps that ship can be read, and their points made.
static void shipped_sweeps_should_be_good(void **state) {
  (void)state;
  static const struct {
    const char *path;
    size_t n_points, n_quick;
  } sweeps[] = {{M4SWEEP_SOURCE_DIR "/sweeps/load.json", 7, 3},
                {M4SWEEP_SOURCE_DIR "/sweeps/oversubscription.json", 27, 5},
                {M4SWEEP_SOURCE_DIR "/sweeps/congestion-control.json", 40, 8},
                {M4SWEEP_SOURCE_DIR "/sweeps/flow-level.json", 100, 13},
                {M4SWEEP_SOURCE_DIR "/sweeps/large-scale.json", 27, 1},
                {M4SWEEP_SOURCE_DIR "/sweeps/application.json", 45, 3},
                {M4SWEEP_SOURCE_DIR "/sweeps/training.json", 960, 3},
                {M4SWEEP_SOURCE_DIR "/sweeps/training-large.json", 193, 18},
                {M4SWEEP_SOURCE_DIR "/sweeps/training-collectives.json", 226, 12},
                {M4SWEEP_SOURCE_DIR "/sweeps/phases.json", 24, 12},
                {M4SWEEP_SOURCE_DIR "/sweeps/held-out.json", 20, 4}};
  for (size_t i = 0; i < M4S_COUNT(sweeps); i++) {
    for (int quick = 0; quick < 2; quick++) {
      m4s_sweep_t *sweep = NULL;
      m4s_selection_t *selection = NULL;
      m4s_point_t point;
      ASSERT_OK(m4s_sweep_read(sweeps[i].path, &sweep));
      ASSERT_OK(m4s_sweep_override(sweep, &(m4s_overrides_t){.quick = quick}, &selection));
      ASSERT_OK(m4s_sweep_load(sweep, NULL));
      assert_int_equal(count_points(sweep, selection),
                       quick ? sweeps[i].n_quick : sweeps[i].n_points);
      const uint64_t places[] = {0, sweeps[i].n_points - 1};
      for (size_t p = 0; p < M4S_COUNT(places); p++) {
        ASSERT_OK(m4s_sweep_point(sweep, places[p], &point));
        ASSERT_OK(m4s_point_check(&point, NULL));
        m4s_point_clear(&point);
      }
      json_decref(selection);
      m4s_sweep_destroy(sweep);
    }
  }
}

static double cost_with_network(m4s_point_t *point, const char *path) {
  free(point->m4.model);
  point->m4.model = path == NULL ? NULL : strdup(path);
  return m4s_point_expected_cost(point, "m4");
}

// By the size of the file: that of the published one, of the one that is built in, a tiny one,
// none.
static void costs_should_grow_with_the_network(void **state) {
  (void)state;
  const size_t published_bytes = 5700000;
  char *bytes = calloc(published_bytes, 1);
  ASSERT_OK(m4s_file_write(support_path("published"), bytes, published_bytes));
  free(bytes);
  m4s_point_t mix = make_point("{" MIX ", \"m4\": {\"algorithm\": \"interval\"}}");
  assert_near(cost_with_network(&mix, support_path("published")), 250.0 * 300);
  double built_in = cost_with_network(&mix, NULL);
  double tiny = cost_with_network(&mix, M4SWEEP_SOURCE_DIR "/tests/m4/tiny.safetensors");
  assert_true(built_in < 0.2 * 250 * 300 && built_in > 2 * tiny);
  assert_true(cost_with_network(&mix, "absent") > 0);
  m4s_point_clear(&mix);
}

// The network that is built in takes some 20 times as long as flowsim on a gray-failure point.
static void costs_of_simulators_should_compare_as_measured(void **state) {
  (void)state;
  m4s_point_t gray = make_point(
      "{\"topology\": {\"degraded_gpus\": 2, \"reduction\": 4}, \"traffic\": "
      "{\"workload\": \"" M4SWEEP_SOURCE_DIR "/sweeps/workloads/gray-failure.txt\"}}");
  double flowsim = m4s_point_expected_cost(&gray, "flowsim");
  double m4 = m4s_point_expected_cost(&gray, "m4");
  assert_true(m4 > 10 * flowsim && m4 < 40 * flowsim);
  assert_true(m4s_point_expected_cost(&gray, "packet") > 5 * m4);
  m4s_point_clear(&gray);
}

// Packets cost by bytes, flows by their number.
static void costs_should_grow_with_the_traffic(void **state) {
  (void)state;
  m4s_point_t few = make_point("{" MIX "}");
  m4s_point_t large = make_point(
      "{\"traffic\": {\"kind\": \"mix\", \"n_flows\": 300, \"sizes\": \"constant\", "
      "\"mean_bytes\": 10000000}}");
  assert_near(m4s_point_expected_cost(&few, "flowsim"), 300);
  assert_near(m4s_point_expected_cost(&large, "flowsim"), 300);
  assert_true(m4s_point_expected_cost(&large, "packet") >
              10 * m4s_point_expected_cost(&few, "packet"));
  few.traffic.mix.duration_us = 1000;
  double cost = m4s_point_expected_cost(&few, "flowsim");
  few.traffic.mix.duration_us = 2000;
  assert_near(m4s_point_expected_cost(&few, "flowsim"), 2 * cost);
  few.m4.algorithm = M4S_M4_INTERVAL;
  double interval = m4s_point_expected_cost(&few, "m4");
  few.m4.batch_time_ns *= 4;
  assert_near(m4s_point_expected_cost(&few, "m4"), interval / 2);
  few.m4.algorithm = M4S_M4_EVENT;
  assert_near(m4s_point_expected_cost(&few, "m4"), 1.9 * interval);
  m4s_point_clear(&few);
  m4s_point_clear(&large);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(metrics_should_be_as_by_hand),
      cmocka_unit_test(metrics_should_be_those_of_the_names),
      cmocka_unit_test(mixes_should_run_on_simulators_and_repeat),
      cmocka_unit_test(lone_flows_should_take_their_ideal_time),
      cmocka_unit_test(loads_should_be_told_with_their_deviations),
      cmocka_unit_test(seeds_should_make_other_flows),
      cmocka_unit_test(mixes_should_run_on_any_topology),
      cmocka_unit_test(packets_should_tell_of_links_and_flows),
      cmocka_unit_test(closed_loops_should_limit_the_flows_in_flight),
      cmocka_unit_test(phases_should_wait_for_each_other),
      cmocka_unit_test(check_should_find_what_cannot_be_made),
      cmocka_unit_test(settings_of_other_kinds_should_be_refused),
      cmocka_unit_test(kinds_of_traffic_should_not_be_mixed),
      cmocka_unit_test(quick_runs_should_have_the_points_of_the_condition),
      cmocka_unit_test(quick_should_be_refused_without_a_condition),
      cmocka_unit_test(shipped_sweeps_should_be_good),
      cmocka_unit_test(costs_should_grow_with_the_traffic),
      cmocka_unit_test(costs_should_grow_with_the_network),
      cmocka_unit_test(costs_of_simulators_should_compare_as_measured),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
