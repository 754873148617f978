// Simulators of the user's: definitions, commands, runs with stand-ins that are commands of the
// shell.
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "core/clock.h"
#include "core/json.h"
#include "flow/end_to_end_files.h"
#include "support.h"
#include "sweep/journal.h"
#include "sweep/store.h"
#include "sweep/unit.h"

static const char workload[] =
    "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 all_gpus: 8\n2\n"
    "layer -1 10 ALLREDUCE 65536 1 NONE 0 1 NONE 0 1\n"
    "layer -1 10 ALLREDUCE 65536 1 NONE 0 1 NONE 0 1\n";

// --- definitions ---

static m4s_status_t read_definition(const char *text, m4s_external_t *external) {
  json_t *object = json_loads(text, 0, NULL);
  assert_non_null(object);
  m4s_status_t status = m4s_external_read(external, object, "t.json: simulators[0]");
  json_decref(object);
  return status;
}

static void definition_should_have_defaults(void **state) {
  (void)state;
  m4s_external_t external;
  ASSERT_OK(read_definition("{\"name\": \"ns3\", \"command\": \"x\"}", &external));
  assert_string_equal(external.name, "ns3");
  assert_string_equal(external.end_to_end, "EndToEnd.csv");
  assert_false(external.flow_ids);
  assert_null(external.fct);
  assert_null(external.environment);
  assert_true(external.time_limit_s == 0);
  m4s_external_clear(&external);
}

static void definitions_should_be_refused(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"{\"command\": \"x\"}", ": name is missing"},
      {"{\"name\": \"ns3\"}", ": command is missing"},
      {"{\"name\": \"ns3\", \"comand\": \"x\"}",
       ": unknown key \"comand\" (did you mean command?)"},
      {"{\"name\": \"ns3\", \"command\": 3}", ".command: 3 is not a string"},
      {"{\"name\": \"ns3\", \"command\": \"\"}", ".command: is empty"},
      {"{\"name\": \"a/b\", \"command\": \"x\"}",
       ".name: \"a/b\" is not 1 to 40 letters, digits, \".\", \"_\", \"-\" that begin with a "
       "letter "
       "or digit"},
      {"{\"name\": \"flowsim\", \"command\": \"x\"}", ".name: \"flowsim\" is a built-in simulator"},
      {"{\"name\": \"a\", \"command\": \"x {wrkload}\"}",
       ".command: unknown placeholder {wrkload} (did you mean workload?)"},
      {"{\"name\": \"a\", \"command\": \"x {topology.reductio}\"}",
       ".command: unknown placeholder {topology.reductio} (did you mean topology.reduction?)"},
      {"{\"name\": \"a\", \"command\": \"x ${HOME}\"}",
       ".command: unknown placeholder {HOME} (braces of the shell are written {{ and }})"},
      {"{\"name\": \"a\", \"command\": \"f() { x; }\"}",
       ".command: unknown placeholder { x; } (braces of the shell are written {{ and }})"},
      {"{\"name\": \"a\", \"command\": \"x {out\"}",
       ".command: \"{out\" at byte 3 is no {placeholder} (braces of the shell are written {{ and "
       "}})"},
      {"{\"name\": \"a\", \"command\": \"x }\"}",
       ".command: \"}\" at byte 3 is no {placeholder} (braces of the shell are written {{ and }})"},
      {"{\"name\": \"a\", \"command\": \"x \\\"{out}\\\"\"}",
       ".command: {out} stands within \": write it without, values are quoted where they need to "
       "be"},
      {"{\"name\": \"a\", \"command\": \"x 'it' 'a{out}'\"}",
       ".command: {out} stands within ': write it without, values are quoted where they need to "
       "be"},
      {"{\"name\": \"a\", \"command\": \"x \\\\{out}\"}",
       ".command: {out} stands after \\: write it without, values are quoted where they need to "
       "be"},
      {"{\"name\": \"a\", \"command\": \"x\", \"time_limit_s\": -1}",
       ".time_limit_s: -1 is outside 0 to 1000000000 s (nearest valid: 0)"},
      {"{\"name\": \"a\", \"command\": \"x\", \"end_to_end\": \"/etc/passwd\"}",
       ".end_to_end: \"/etc/passwd\" is no file below {out}"},
      {"{\"name\": \"a\", \"command\": \"x\", \"fct\": \"a/../../x\"}",
       ".fct: \"a/../../x\" is no file below {out}"},
      {"{\"name\": \"a\", \"command\": \"x\", \"environment\": []}",
       ".environment: [] is not an object {\"NAME\": \"value\"}"},
      {"{\"name\": \"a\", \"command\": \"x\", \"environment\": {\"A=B\": \"c\"}}",
       ".environment: \"A=B\" is no variable's name"},
      {"{\"name\": \"a\", \"command\": \"x\", \"environment\": {\"A\": 3}}",
       ".environment.A: 3 is not a string"},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    m4s_external_t external;
    char expected[512];
    snprintf(expected, sizeof expected, "t.json: simulators[0]%s", cases[i][1]);
    ASSERT_REFUSES(read_definition(cases[i][0], &external), expected);
    m4s_external_clear(&external);
  }
}

static void assert_same_definition(const char *a, const char *b, bool same) {
  m4s_external_t x, y;
  ASSERT_OK(read_definition(a, &x));
  ASSERT_OK(read_definition(b, &y));
  assert_int_equal(strlen(x.definition), 16);
  assert_true((strcmp(x.definition, y.definition) == 0) == same);
  m4s_external_clear(&x);
  m4s_external_clear(&y);
}

static void definitions_should_be_told_apart_by_what_results_depend_on(void **state) {
  (void)state;
  static const char base[] = "{\"name\": \"a\", \"command\": \"x\"}";
  static const struct {
    const char *text;
    bool same;
  } cases[] = {
      {"{\"name\": \"b\", \"command\": \"x\", \"time_limit_s\": 7}", true},
      {"{\"end_to_end\": \"EndToEnd.csv\", \"name\": \"a\", \"command\": \"x\"}", true},
      {"{\"name\": \"a\", \"command\": \"x \"}", false},
      {"{\"name\": \"a\", \"command\": \"x\", \"end_to_end\": \"*.csv\"}", false},
      {"{\"name\": \"a\", \"command\": \"x\", \"fct\": \"fct.txt\"}", false},
      {"{\"name\": \"a\", \"command\": \"x\", \"environment\": {\"A\": \"1\"}}", false},
      {"{\"name\": \"a\", \"command\": \"x\", \"flow_ids\": true}", false},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    assert_same_definition(base, cases[i].text, cases[i].same);
  }
}

// A sweep keeps definitions, and makes itself again from what it says of itself.
static void sweep_should_know_its_simulators(void **state) {
  (void)state;
  static const char text[] =
      "{\"name\": \"t\", \"simulators\": [{\"name\": \"ns3\", \"command\": \"x {seed}\", "
      "\"environment\": {\"A\": \"{b}\"}}, \"flowsim\"], \"reference\": \"ns3\", \"base\": "
      "{\"traffic\": {\"workload\": \"w.txt\"}}}";
  fixture_write("w.txt", workload);
  m4s_sweep_t *sweep = fixture_sweep(text);
  assert_int_equal(sweep->simulators.n_items, 2);
  assert_string_equal(sweep->simulators.items[0], "ns3");
  assert_null(m4s_sweep_external(sweep, "flowsim"));
  assert_null(m4s_sweep_definition(sweep, 0, "flowsim"));
  json_t *json = m4s_sweep_to_json(sweep);
  m4s_sweep_t *again = NULL;
  ASSERT_OK(m4s_sweep_from_json(json, "again.json", ".", &again));
  assert_string_equal(m4s_sweep_definition(sweep, 0, "ns3"), m4s_sweep_definition(again, 0, "ns3"));
  json_decref(json);
  m4s_sweep_destroy(again);
  m4s_text_list_clear(&sweep->simulators);
  ASSERT_OK(m4s_sweep_add_simulator(sweep, "ns3", "--simulators"));
  ASSERT_REFUSES(m4s_sweep_add_simulator(sweep, "ns", "--simulators"),
                 "--simulators: unknown simulator \"ns\" (did you mean ns3?)");
  m4s_sweep_destroy(sweep);
}

static void sweeps_should_refuse_simulators_that_stand_twice(void **state) {
  (void)state;
  m4s_sweep_t *sweep = NULL;
  ASSERT_REFUSES(
      m4s_sweep_parse("{\"name\": \"t\", \"simulators\": [{\"name\": \"a\", \"command\": \"x\"}, "
                      "{\"name\": \"a\", \"command\": \"y\"}]}",
                      "t.json", &sweep),
      "t.json: simulators[1]: \"a\" stands twice");
  ASSERT_REFUSES(m4s_sweep_parse("{\"name\": \"t\", \"simulators\": [[]]}", "t.json", &sweep),
                 "t.json: simulators[0]: [] is neither a string nor an object");
}

// --- commands ---

static void placeholders_should_become_words_of_the_shell(void **state) {
  (void)state;
  m4s_external_t external;
  ASSERT_OK(read_definition(
      "{\"name\": \"a\", \"command\": \"A='x y' p\\\\'{workload} -n{topology} {{{out}}} ${{B}} "
      "{case} {seed} {spec_folder} {topology.reduction} {run.time_limit_s} {output.flows} "
      "{m4.model}$(({system.send_latency_ns}/1000))\"}",
      &external));
  json_t *settings = json_pack("{s:{s:i}, s:{s:f, s:i}, s:{s:b}, s:{s:i}}", "topology", "reduction",
                               4, "run", "time_limit_s", 2.5, "seed", 7, "output", "flows", 1,
                               "system", "send_latency_ns", 3000);
  const m4s_external_values_t values = {.workload = "/a/it's here",
                                        .topology = "/t/x.txt",
                                        .out = "/out $(rm)",
                                        .case_id = "0123",
                                        .spec_folder = "/s",
                                        .settings = settings};
  char *command = NULL;
  ASSERT_OK(m4s_external_command(&external, &values, &command));
  assert_string_equal(command,
                      "A='x y' p\\''/a/it'\\''s here' -n/t/x.txt {'/out $(rm)'} ${B} 0123 7 /s 4 "
                      "2.5 true ''$((3000/1000))");
  free(command);
  json_decref(settings);
  m4s_external_clear(&external);
}

static void long_commands_should_be_refused(void **state) {
  (void)state;
  static char text[40000];
  static char folder[100000];
  static const char start[] = "{\"name\": \"a\", \"command\": \"x";
  memset(text, ' ', sizeof text - 1);
  memcpy(text, start, strlen(start));
  memcpy(text + sizeof text - 3, "\"}", 2);
  m4s_external_t external;
  ASSERT_REFUSES(read_definition(text, &external),
                 "t.json: simulators[0].command: 39971 bytes, more than 16384");
  m4s_external_clear(&external);
  memset(folder, 'x', sizeof folder - 1);
  ASSERT_OK(read_definition("{\"name\": \"a\", \"command\": \"x {out} {out}\"}", &external));
  char *command = NULL;
  const m4s_external_values_t values = {.out = folder};
  ASSERT_REFUSES(m4s_external_command(&external, &values, &command),
                 "a: the command with its values has more than 131071 bytes");
  m4s_external_clear(&external);
}

// --- runs ---

// The order of a sweep's one point, whose simulator has this command and these other members.
static json_t *make_order(const char *command, const char *members, double time_limit_s) {
  m4s_text_t text = {0};
  ASSERT_OK(m4s_text_add(
      &text,
      "{\"name\": \"t\", \"simulators\": [{\"name\": \"mine\", \"command\": \"%s\"%s}], \"base\": "
      "{\"topology\": {\"gpus\": 8}, \"traffic\": {\"workload\": \"w.txt\"}, \"run\": "
      "{\"time_limit_s\": 60}}}",
      command, members));
  fixture_write("w.txt", workload);
  fixture_write("good.csv", FIXTURE_END_TO_END("631.5", "7445.25", "9189.5"));
  ASSERT_OK(m4s_folder_make(fixture_path("out")));
  m4s_sweep_t *sweep = fixture_sweep(text.bytes);
  json_t *order = NULL;
  char *folder = realpath(fixture_path("out"), NULL);
  ASSERT_OK(m4s_unit_order(sweep, 0, "mine", folder, 7, time_limit_s, &order));
  free(folder);
  m4s_sweep_destroy(sweep);
  m4s_text_clear(&text);
  return order;
}

static json_t *run(json_t *order, const atomic_bool *stop) {
  json_t *reply = NULL;
  ASSERT_OK(m4s_unit_run(order, stop, &reply));
  return reply;
}

// A file of the unit's folder; one of four buffers in turn.
static const char *unit_path(const json_t *order, const char *name) {
  char path[128];
  snprintf(path, sizeof path, "out/points/%s/mine/%s",
           json_string_value(json_object_get(order, "case")), name);
  return fixture_path(path);
}

static void assert_file(const char *path, const char *expected) {
  char *text = NULL;
  ASSERT_OK(m4s_file_read_text(path, 1 << 20, &text));
  assert_string_equal(text, expected);
  free(text);
}

static void assert_nothing_temporary(void) {
  char command[256];
  snprintf(command, sizeof command, "! ls -A %s | grep -q tmp", fixture_path("out/points"));
  assert_int_equal(system(command), 0);
}

static double metric(const json_t *reply, const char *name) {
  const json_t *value = json_object_get(json_object_get(reply, "metrics"), name);
  assert_true(json_is_number(value));
  return json_number_value(value);
}

static void results_should_be_those_of_its_files(void **state) {
  (void)state;
  json_t *order = make_order(
      "cp {spec_folder}/good.csv {out}/run_EndToEnd.csv; echo 0b000001 0b000101 1 2 4096 9189000 "
      "1000 15 > fct.txt; head -1 {topology}; test -s {workload}; pwd | tail -c 14; cat; echo "
      "$GREETING $OMPI_COMM_WORLD_RANK.",
      ", \"end_to_end\": \"*_EndToEnd.csv\", \"fct\": \"fct.txt\", \"environment\": "
      "{\"GREETING\": \"it's {me}\"}",
      -1);
  setenv("OMPI_COMM_WORLD_RANK", "5", 1);
  json_t *reply = run(order, NULL);
  unsetenv("OMPI_COMM_WORLD_RANK");
  assert_string_equal(json_string_value(json_object_get(reply, "status")), "ok");
  assert_int_equal(json_object_size(json_object_get(reply, "metrics")), 6);
  assert_true(metric(reply, "total_us") == 9189.5 && metric(reply, "exposed_comm_us") == 888);
  assert_true(metric(reply, "comm_1_us") == 631.5 && metric(reply, "comm_2_us") == 7445.25);
  assert_true(metric(reply, "flows") == 1 && metric(reply, "makespan_us") == 9190);
  assert_file(unit_path(order, "EndToEnd.csv"), FIXTURE_END_TO_END("631.5", "7445.25", "9189.5"));
  assert_file(unit_path(order, "external.log"), "18 8 1 9 24 A100\n/external/out\nit's {me} .\n");
  assert_true(m4s_path_exists(unit_path(order, "flows.npy")));
  assert_false(m4s_path_exists(unit_path(order, "external")));
  json_t *point = NULL;
  ASSERT_OK(m4s_json_read(unit_path(order, "point.json"), &point));
  assert_true(
      json_equal(json_object_get(point, "definition"), json_object_get(order, "definition")));
  json_decref(point);
  assert_nothing_temporary();
  json_decref(reply);
  json_decref(order);
}

static void metrics_that_no_file_tells_should_be_left_out(void **state) {
  (void)state;
  json_t *order = make_order("cp {spec_folder}/good.csv {out}/EndToEnd.csv", "", -1);
  json_t *reply = run(order, NULL);
  assert_int_equal(json_object_size(json_object_get(reply, "metrics")), 4);
  assert_false(m4s_path_exists(unit_path(order, "flows.npy")));
  json_decref(reply);
  json_decref(order);
}

// --- flows ---

#define FLOWS_SPEC(command, members, traffic) \
  "{\"name\": \"t\", \"simulators\": [{\"name\": \"mine\", \"command\": \"" command "\"" members \
  "}], \"base\": {\"topology\": {\"kind\": \"clos\", \"size\": \"training\"}, \"traffic\": " \
  "{" traffic "}}}"

static json_t *make_flows_order(const char *spec) {
  fixture_write("list.csv", "src,dst,size_bytes,start_ns\n0,9,4000,5\n1,2,100,5\n0,9,70,1000\n");
  ASSERT_OK(m4s_folder_make(fixture_path("out")));
  m4s_sweep_t *sweep = fixture_sweep(spec);
  json_t *order = NULL;
  char *folder = realpath(fixture_path("out"), NULL);
  ASSERT_OK(m4s_unit_order(sweep, 0, "mine", folder, 7, -1, &order));
  free(folder);
  m4s_sweep_destroy(sweep);
  return order;
}

#define LIST "\"kind\": \"flows\", \"flow_list\": \"list.csv\""

static void flows_should_be_given_and_read_back(void **state) {
  (void)state;
  json_t *order = make_flows_order(FLOWS_SPEC(
      "head -1 {topology}; cat {flows}; printf '%s\\n' '0b000001 0b000901 10001 100 70 1000 800 1' "
      "'0b000101 0b000201 10000 100 100 5 500 1' '0b000001 0b000901 10000 100 4000 5 9000 1' > "
      "fct.txt",
      "", LIST));
  json_t *reply = run(order, NULL);
  assert_string_equal(json_string_value(json_object_get(reply, "status")), "ok");
  assert_file(unit_path(order, "external.log"),
              "38 6 40\n3\n0 9 3 100 4000 0.0000000051\n1 2 3 100 100 0.0000000051\n"
              "0 9 3 100 70 0.0000010001\n");
  assert_true(metric(reply, "flows") == 3 && metric(reply, "makespan_us") == 9.005);
  assert_null(json_object_get(json_object_get(reply, "metrics"), "events"));
  m4s_flow_record_t *records;
  size_t n_records;
  ASSERT_OK(m4s_flow_records_read(unit_path(order, "flows.npy"), &records, &n_records));
  assert_int_equal(n_records, 3);
  assert_true(records[0].fct_ns == 9000 && records[1].fct_ns == 500 && records[2].fct_ns == 800);
  assert_true(records[0].ideal_fct_ns > 0);
  free(records);
  assert_false(m4s_path_exists(unit_path(order, "EndToEnd.csv")));
  json_decref(reply);
  json_decref(order);
}

static void flows_may_have_ids(void **state) {
  (void)state;
  json_t *order = make_flows_order(FLOWS_SPEC(
      "sed 1d {flows} > mine.txt; awk '{{ printf \\\"%d 0b00%02x01 0b00%02x01 1 100 %d 1 %d "
      "1\\\\n\\\", "
      "$1, $2, $3, $6, 100 + $1 }}' mine.txt > times.txt",
      ", \"flow_ids\": true, \"fct\": \"t*.txt\"", "\"kind\": \"mix\", \"n_flows\": 40"));
  json_t *reply = run(order, NULL);
  assert_string_equal(json_string_value(json_object_get(reply, "status")), "ok");
  m4s_flow_record_t *records;
  size_t n_records;
  ASSERT_OK(m4s_flow_records_read(unit_path(order, "flows.npy"), &records, &n_records));
  assert_int_equal(n_records, 40);
  for (int i = 0; i < 40; i++) {
    assert_int_equal(records[i].fct_ns, 100 + i);
  }
  free(records);
  json_decref(reply);
  json_decref(order);
}

static void lost_flows_should_fail_the_point(void **state) {
  (void)state;
  json_t *order = make_flows_order(
      FLOWS_SPEC("echo 0b000101 0b000201 10000 100 100 5 500 1 > fct.txt", "", LIST));
  json_t *reply = run(order, NULL);
  assert_string_equal(json_string_value(json_object_get(reply, "status")), "failed");
  assert_string_equal(
      json_string_value(json_object_get(reply, "reason")),
      "{out}/fct.txt: has 1 of 3 flows; flow 0 of 4000 bytes from 0 to 9 is not there");
  json_decref(reply);
  json_decref(order);
}

static void traffic_that_no_file_tells_should_be_refused(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {FLOWS_SPEC("x {workload}", "", LIST),
       "mine: {workload} stands for nothing with traffic.kind \"flows\""},
      {FLOWS_SPEC("x {flows}", "", "\"workload\": \"w.txt\""),
       "mine: {flows} stands for nothing with traffic.kind \"workload\""},
      {FLOWS_SPEC("x {flows}", "", LIST ", \"in_flight\": 3"),
       "mine: simulators of your own take flows that start at known times, not a closed loop "
       "(traffic.in_flight)"},
      {FLOWS_SPEC("x {flows}", "", "\"kind\": \"phases\""),
       "mine: simulators of your own take flows that start at known times, not traffic.kind "
       "\"phases\""},
  };
  fixture_write("w.txt", workload);
  fixture_write("list.csv", "src,dst,size_bytes,start_ns\n0,9,4000,5\n");
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    m4s_sweep_t *sweep = fixture_sweep(cases[i][0]);
    m4s_point_t point;
    ASSERT_OK(m4s_sweep_point(sweep, 0, &point));
    ASSERT_REFUSES(m4s_point_check_external(&point, m4s_sweep_external(sweep, "mine")),
                   cases[i][1]);
    m4s_point_clear(&point);
    m4s_sweep_destroy(sweep);
  }
}

// What fails must say so, keep the output, and leave nothing else.
static void failures_should_say_why(void **state) {
  (void)state;
  static const struct {
    const char *command, *members, *reason, *log;
  } cases[] = {
      {"echo one; echo 'no such link' >&2; echo; exit 3", "",
       "the command ended with exit status 3: no such link", "one\nno such link\n\n"},
      {"exit 4", "", "the command ended with exit status 4", ""},
      {"kill -11 $$", "", "the command ended with signal 11 (Segmentation fault)", ""},
      {"no-such-program-anywhere 2>/dev/null", "", "the command ended with exit status 127", ""},
      {"echo done", "", "the command has written no {out}/EndToEnd.csv: done", "done\n"},
      {"echo x > a.csv; echo x > b.csv", ", \"end_to_end\": \"*.csv\"",
       "2 files are {out}/*.csv: {out}/a.csv, {out}/b.csv …", ""},
      {"mkdir EndToEnd.csv", "", "{out}/EndToEnd.csv: is a folder, a file is needed", ""},
      {"mkfifo EndToEnd.csv", "", "{out}/EndToEnd.csv: is no regular file", ""},
      {"echo x > EndToEnd.csv", "", "{out}/EndToEnd.csv:1: ends before the \"layer_name,…\" line",
       ""},
      {"sed '4,5s/,7445.25,/,nan,/' {spec_folder}/good.csv > EndToEnd.csv", "",
       "{out}/EndToEnd.csv:5: fwd exposed comm \"nan\" is not a time in us", ""},
      {"sed 4d {spec_folder}/good.csv > EndToEnd.csv", "",
       "{out}/EndToEnd.csv: has 1 layers, the workload has 2", ""},
      {"cp {spec_folder}/good.csv EndToEnd.csv", ", \"fct\": \"fct.txt\"",
       "the command has written no {out}/fct.txt", ""},
      {"cp {spec_folder}/good.csv EndToEnd.csv; echo 0b000001 0b00ff01 1 2 3 4 5 6 > fct.txt",
       ", \"fct\": \"f*\"",
       "{out}/fct.txt:1:10: destination \"0b00ff01\" is the address of none of 18 nodes (0b000001 "
       "and on)",
       ""},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    json_t *order = make_order(cases[i].command, cases[i].members, -1);
    json_t *reply = run(order, NULL);
    assert_string_equal(json_string_value(json_object_get(reply, "reason")), cases[i].reason);
    assert_string_equal(json_string_value(json_object_get(reply, "status")), "failed");
    assert_null(json_object_get(reply, "metrics"));
    assert_file(unit_path(order, "external.log"), cases[i].log);
    assert_false(m4s_path_exists(unit_path(order, "point.json")));
    assert_false(m4s_path_exists(unit_path(order, "EndToEnd.csv")));
    assert_nothing_temporary();
    json_decref(reply);
    json_decref(order);
  }
}

// Whether the process whose id a stand-in has written is gone, or is a zombie that is not ours.
static bool is_gone(const char *name) {
  char *text = NULL;
  char path[64];
  ASSERT_OK(m4s_file_read_text(fixture_path(name), 100, &text));
  snprintf(path, sizeof path, "/proc/%d/stat", atoi(text));
  free(text);
  for (int i = 0; i < 100; i++) {
    char stat[512] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL) {
      return true;
    }
    size_t n = fread(stat, 1, sizeof stat - 1, file);
    fclose(file);
    stat[n] = '\0';
    const char *end = strrchr(stat, ')');
    if (end != NULL && end[2] == 'Z') {
      return true;
    }
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  return false;
}

// A grandchild that sleeps, and a child that waits for it.
static const char sleeper[] = "sh -c 'sleep 300 & echo $! > ../../../../../grandchild; wait'";

static void time_limits_should_end_all_of_it(void **state) {
  (void)state;
  static const struct {
    const char *members;
    double order_limit_s;
    const char *reason;
  } cases[] = {
      {", \"time_limit_s\": 0.3", -1, "time limit of 0.3 s passed"},
      {"", 0.25, "time limit of 0.25 s passed"},
      {", \"time_limit_s\": 60", 0.2, "time limit of 0.2 s passed"},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    json_t *order = make_order(sleeper, cases[i].members, cases[i].order_limit_s);
    double start_s = m4s_now_s();
    json_t *reply = run(order, NULL);
    assert_true(m4s_now_s() - start_s < 5);
    assert_string_equal(json_string_value(json_object_get(reply, "status")), "failed");
    assert_string_equal(json_string_value(json_object_get(reply, "reason")), cases[i].reason);
    assert_true(is_gone("grandchild"));
    assert_nothing_temporary();
    json_decref(reply);
    json_decref(order);
  }
}

static void *stop_soon(void *stop) {
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
  atomic_store((atomic_bool *)stop, true);
  return NULL;
}

static void stop_should_end_all_of_it(void **state) {
  (void)state;
  atomic_bool stop = false;
  pthread_t thread;
  json_t *order = make_order(sleeper, "", -1);
  m4s_path_remove(fixture_path("out/points"));
  assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
  double start_s = m4s_now_s();
  json_t *reply = run(order, &stop);
  assert_true(m4s_now_s() - start_s < 5);
  pthread_join(thread, NULL);
  assert_string_equal(json_string_value(json_object_get(reply, "status")), "stopped");
  assert_true(is_gone("grandchild"));
  assert_false(m4s_path_exists(unit_path(order, "external.log")));
  assert_nothing_temporary();
  json_decref(reply);
  // Once it is set, nothing is started.
  m4s_path_remove(fixture_path("grandchild"));
  reply = run(order, &stop);
  assert_string_equal(json_string_value(json_object_get(reply, "status")), "stopped");
  assert_false(m4s_path_exists(fixture_path("grandchild")));
  json_decref(reply);
  json_decref(order);
}

// --- results of other definitions ---

static void journal_should_keep_definitions_apart(void **state) {
  (void)state;
  m4s_journal_t journal;
  fixture_write("journal.jsonl",
                "{\"case\":\"0123456789abcdef\",\"simulator\":\"a\",\"definition\":\"11\","
                "\"status\":\"ok\",\"metrics\":{}}\n"
                "{\"case\":\"0123456789abcdef\",\"simulator\":\"a\",\"definition\":\"22\","
                "\"status\":\"failed\",\"reason\":\"x\"}\n");
  ASSERT_OK(m4s_journal_read(&journal, fixture_path("journal.jsonl")));
  const m4s_journal_entry_t *one = m4s_journal_find(&journal, "0123456789abcdef", "a", "11");
  const m4s_journal_entry_t *two = m4s_journal_find(&journal, "0123456789abcdef", "a", "22");
  assert_true(one != NULL && one->ok);
  assert_true(two != NULL && !two->ok);
  assert_null(m4s_journal_find(&journal, "0123456789abcdef", "a", "33"));
  assert_null(m4s_journal_find(&journal, "0123456789abcdef", "a", NULL));
  m4s_journal_clear(&journal);
}

static void results_of_another_definition_should_not_be_present(void **state) {
  (void)state;
  json_t *order = make_order("cp {spec_folder}/good.csv {out}/EndToEnd.csv", "", -1);
  const char *case_id = json_string_value(json_object_get(order, "case"));
  const char *definition = json_string_value(json_object_get(order, "definition"));
  json_decref(run(order, NULL));
  assert_true(m4s_unit_present(fixture_path("out"), case_id, "mine", definition));
  assert_false(m4s_unit_present(fixture_path("out"), case_id, "mine", "0123456789abcdef"));
  json_t *other = make_order("exit 1", "", -1);
  json_decref(run(other, NULL));
  assert_false(m4s_unit_present(fixture_path("out"), case_id, "mine", definition));
  json_decref(other);
  json_decref(order);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(definition_should_have_defaults),
      cmocka_unit_test(definitions_should_be_refused),
      cmocka_unit_test(definitions_should_be_told_apart_by_what_results_depend_on),
      cmocka_unit_test(sweep_should_know_its_simulators),
      cmocka_unit_test(sweeps_should_refuse_simulators_that_stand_twice),
      cmocka_unit_test(placeholders_should_become_words_of_the_shell),
      cmocka_unit_test(long_commands_should_be_refused),
      cmocka_unit_test(results_should_be_those_of_its_files),
      cmocka_unit_test(metrics_that_no_file_tells_should_be_left_out),
      cmocka_unit_test(flows_should_be_given_and_read_back),
      cmocka_unit_test(flows_may_have_ids),
      cmocka_unit_test(lost_flows_should_fail_the_point),
      cmocka_unit_test(traffic_that_no_file_tells_should_be_refused),
      cmocka_unit_test(failures_should_say_why),
      cmocka_unit_test(time_limits_should_end_all_of_it),
      cmocka_unit_test(stop_should_end_all_of_it),
      cmocka_unit_test(journal_should_keep_definitions_apart),
      cmocka_unit_test(results_of_another_definition_should_not_be_present),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
