// What figures show: which points, which slice, in which place and scale.
#include "fixture.h"

#include "report/figures.h"
#include "report/gnuplot.h"

typedef struct {
  m4s_text_t script, data;
} texts_t;

static texts_t write_figure(const char *grid, json_t *reference, const char *name) {
  m4s_results_t results = fixture_results(grid);
  m4s_report_t report;
  texts_t texts = {0};
  if (m4s_report_make(&results, reference, &report) != M4S_OK) {
    fail_msg("%s", m4s_last_error());
  }
  for (size_t i = 0; i < m4s_n_figures; i++) {
    for (size_t j = 0; j <= m4s_figures[i].n_more_axes; j++) {
      char along_name[M4S_FIGURE_NAME_BYTES];
      m4s_figure_t along = m4s_figure_along(&m4s_figures[i], j, along_name);
      if (strcmp(along.name, name) == 0) {
        assert_int_equal(along.write(&report, &along, &texts.script, &texts.data), M4S_OK);
      }
    }
  }
  m4s_report_clear(&report);
  m4s_results_clear(&results);
  json_decref(reference);
  return texts;
}

static json_t *table_reference(const char *table, const char *simulator) {
  fixture_write("table.csv", table);
  return json_pack("{s:s, s:s}", "table", fixture_path("table.csv"), "simulator", simulator);
}

// `parts`: what the script must hold, up to a NULL.
static void assert_figure(const char *grid, json_t *reference, const char *name, const char *data,
                          const char *const *parts) {
  texts_t texts = write_figure(grid, reference, name);
  assert_string_equal(texts.data.length == 0 ? "" : texts.data.bytes, data);
  for (; *parts != NULL; parts++) {
    if (strstr(texts.script.bytes, *parts) == NULL) {
      fail_msg("\"%s\" is not in %s", *parts, texts.script.bytes);
    }
  }
  m4s_text_clear(&texts.script);
  m4s_text_clear(&texts.data);
}

static void assert_no_figure(const char *grid, json_t *reference, const char *name) {
  texts_t texts = write_figure(grid, reference, name);
  assert_int_equal(texts.script.length, 0);
  assert_int_equal(texts.data.length, 0);
  m4s_text_clear(&texts.script);
  m4s_text_clear(&texts.data);
}

#define HEADER "degraded_gpus,reduction,simulator,total_us\n"

static void map_should_place_its_cells(void **state) {
  (void)state;
  const char *const parts[] = {"set xtics ('2' 0, '3' 1)",
                               "set ytics ('4' 0, '5' 1)",
                               "set xlabel 'degraded gpus'",
                               "set ylabel 'reduction'",
                               "limit = 30\n",
                               "set title 'flowsim against it''s: error in total time [%]'",
                               NULL};
  assert_figure(
      fixture_grid,
      table_reference(HEADER "2,4,it's,1000\n3,5,it's,2500\n2,5,it's,1500.0005\n", "it's"),
      "error_map",
      "# flowsim: place of degraded_gpus, place of reduction, error of the total time [%]\n"
      "0 0 -9.950000\n"
      "0 1 -20.000000\n"
      "1 1 -20.000000\n\n\n"
      "# m4: place of degraded_gpus, place of reduction, error of the total time [%]\n"
      "0 0 10.000000\n"
      "1 1 0.000000\n\n\n",
      parts);
}

// Times vary more with degraded_gpus than with reduction. The slice at 5 has as many results, but
// the reference has both points of the one at 4.
static void slice_should_be_the_one_with_most_points(void **state) {
  (void)state;
  const char *const parts[] = {"set title 'reduction = 4'", "set xlabel 'degraded gpus'",
                               "index 2 using 1:2 with linespoints pt 6", NULL};
  assert_figure(fixture_grid, table_reference(HEADER "2,4,ns3,1000\n3,4,ns3,1300\n", "ns3"),
                "total_time_by_axis",
                "# flowsim\n2 0.9005\n3 1.5\n\n\n"
                "# m4\n2 1.1\n\n\n"
                "# ns3\n2 1\n3 1.3\n\n\n",
                parts);
}

#define ROW(case_id, axes, us) \
  "{\"case\": \"" case_id "\", \"simulator\": \"a\", \"axes\": {" axes \
  "}, \"wall_s\": 1, \"metrics\": {\"total_us\": " us "}}"

// x and y change together; z is an axis of its own with one point missing at 1.
static const char zipped[] =
    "{\"manifest\": {\"simulators\": [\"a\"], \"axes\": [\"x_x\", \"y\", \"z\"], \"sweep\": "
    "{\"axes\": [{\"x_x\": [3, 1, 2], \"y\": [30, 10, 20]}, {\"z\": [1, 2]}]}}, \"rows\": [" ROW(
        "a", "\"x_x\": 3, \"y\": 30, \"z\": 1",
        "3100") "," ROW("b", "\"x_x\": 3, \"y\": 30, \"z\": 2",
                        "3200") "," ROW("c", "\"x_x\": 1, \"y\": 10, \"z\": 2",
                                        "1200") "," ROW("d", "\"x_x\": 2, \"y\": 20, \"z\": 1",
                                                        "2100") "," ROW("e",
                                                                        "\"x_x\": 2, \"y\": 20, "
                                                                        "\"z\": 2",
                                                                        "2200") "]}";

static void zipped_axes_should_count_as_one(void **state) {
  (void)state;
  const char *const parts[] = {"set title 'z = 2'", "set xlabel 'x x, with y'", NULL};
  assert_figure(zipped, NULL, "total_time_by_axis", "# a\n1 1.2\n2 2.2\n3 3.2\n\n\n", parts);
}

static const char only_zipped[] =
    "{\"manifest\": {\"simulators\": [\"a\"], \"axes\": [\"x_x\", \"y\"], \"sweep\": {\"axes\": "
    "[{\"x_x\": [3, 1, 2], \"y\": [30, 10, 20]}]}}, \"rows\": [" ROW(
        "a", "\"x_x\": 3, \"y\": 30", "3000") "," ROW("b", "\"x_x\": 1, \"y\": 10",
                                                      "1000") "," ROW("c", "\"x_x\": 2, \"y\": 20",
                                                                      "2000") "]}";

static void only_zipped_axes_should_make_a_line(void **state) {
  (void)state;
  const char *const parts[] = {"set xlabel 'x x, with y'", NULL};
  assert_figure(only_zipped, NULL, "total_time_by_axis", "# a\n1 1\n2 2\n3 3\n\n\n", parts);
  const char table[] = "x_x,simulator,total_us\n1,r,500\n3,r,6000\n";
  assert_figure(only_zipped, table_reference(table, "r"), "error_by_axis",
                "# a\n1 100\n3 -50\n\n\n", parts);
  assert_no_figure(only_zipped, table_reference(table, "r"), "error_map");
}

static const char diagonal[] =
    "{\"manifest\": {\"simulators\": [\"a\"], \"axes\": [\"x\", \"y\"]}, \"rows\": [" ROW(
        "a", "\"x\": 1, \"y\": 1", "10") "," ROW("b", "\"x\": 2, \"y\": 2", "20") "]}";

static void slices_of_one_point_should_not_be_drawn(void **state) {
  (void)state;
  assert_no_figure(diagonal, NULL, "total_time_by_axis");
}

static void cdf_should_be_in_ms_and_end_at_one(void **state) {
  (void)state;
  const char *const parts[] = {"set xrange [0.92:3.08]", "set ylabel 'share of 3 points'",
                               "set xlabel 'total completion time of rank 0 [ms]'", NULL};
  assert_figure(only_zipped, NULL, "cdf_total_time",
                "# a, total completion time of rank 0 [ms]\n"
                "1 0\n1 0.333333333\n2 0.666666667\n3 1\n3.08 1\n\n\n",
                parts);
}

static void comments_should_stay_on_their_line(void **state) {
  (void)state;
  m4s_text_t text = {0};
  assert_int_equal(m4s_text_add_comment(&text, "it's\n1 2\x7f\xc3\xa9"), M4S_OK);
  assert_string_equal(text.bytes, "it's 1 2 \xc3\xa9");
  m4s_text_clear(&text);
  const char grid[] =
      "{\"manifest\": {\"simulators\": [\"a\\n9 9\"], \"axes\": [\"x\"]}, \"rows\": ["
      "{\"case\": \"c\", \"simulator\": \"a\\n9 9\", \"axes\": {\"x\": 1}, \"metrics\": "
      "{\"total_us\": 1000}},"
      "{\"case\": \"d\", \"simulator\": \"a\\n9 9\", \"axes\": {\"x\": 2}, \"metrics\": "
      "{\"total_us\": 2000}}]}";
  const char *const none[] = {NULL};
  assert_figure(grid, NULL, "total_time_by_axis", "# a 9 9\n1 1\n2 2\n\n\n", none);
}

// Values are searched for, and come in any order.
static void axis_values_should_be_found(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(zipped);
  m4s_report_t report;
  assert_int_equal(m4s_report_make(&results, NULL, &report), M4S_OK);
  m4s_axes_t axes;
  assert_int_equal(m4s_axes_make(&report, false, &axes), M4S_OK);
  assert_int_equal(axes.n_items, 2);
  assert_string_equal(axes.items[0].name, "x_x");
  assert_string_equal(axes.items[1].name, "z");
  const int expected[] = {2, 2, 0, 1, 1};
  for (size_t point = 0; point < 5; point++) {
    assert_int_equal(m4s_axis_values_index(&axes.items[0], point), expected[point]);
  }
  axes.items[0].n_values = 2;
  assert_int_equal(m4s_axis_values_index(&axes.items[0], 0), -1);
  m4s_axes_clear(&axes);
  m4s_report_clear(&report);
  m4s_results_clear(&results);
}

// --- names, scales, random points ---

#define TWO_ROWS(case_id, axes, us_a, us_b) \
  ROW(case_id, axes, us_a) \
  ",{\"case\": \"" case_id "\", \"simulator\": \"b\", \"axes\": {" axes \
  "}, \"wall_s\": 1, \"metrics\": {\"total_us\": " us_b "}}"

// Names stand in the order of the points; a line takes the numbers.
static const char named[] =
    "{\"manifest\": {\"simulators\": [\"a\", \"b\"], \"axes\": [\"packet.cc\", \"load\"]}, "
    "\"rows\": [" TWO_ROWS("a", "\"packet.cc\": \"timely\", \"load\": 1", "1000",
                           "2000") "," TWO_ROWS("b", "\"packet.cc\": \"timely\", \"load\": 2",
                                                "3000",
                                                "1000") "," TWO_ROWS("c",
                                                                     "\"packet.cc\": \"it's\", "
                                                                     "\"load\": 2",
                                                                     "1500", "1500") "]}";

static void names_should_be_bars(void **state) {
  (void)state;
  const char *const parts[] = {"set title 'load = 2'",
                               "set xlabel 'packet.cc'",
                               "set xtics ('timely' 0, 'it''s' 1)",
                               "set xrange [-0.6:1.6]",
                               "index 0 using ($1-0.2):2:(0.368) with boxes",
                               "index 1 using ($1+0.2):2:(0.368) with boxes",
                               NULL};
  assert_figure(named, NULL, "total_time_by_name", "# a\n0 3\n1 1.5\n\n\n# b\n0 1\n1 1.5\n\n\n",
                parts);
  const char *const lines[] = {"set title 'packet.cc = timely'", "set xlabel 'load'", NULL};
  assert_figure(named, NULL, "total_time_by_axis", "# a\n1 1\n2 3\n\n\n# b\n1 2\n2 1\n\n\n", lines);
}

static void map_should_have_names_beside_numbers(void **state) {
  (void)state;
  const char *const parts[] = {"set xtics ('1' 0, '2' 1)", "set xlabel 'load'",
                               "set ytics ('timely' 0, 'it''s' 1)", "set ylabel 'packet.cc'", NULL};
  assert_figure(named, json_pack("{s:s}", "simulator", "b"), "error_map",
                "# a: place of load, place of packet.cc, error of the total time [%]\n"
                "0 0 -50.000000\n"
                "1 0 200.000000\n"
                "1 1 0.000000\n\n\n",
                parts);
}

// Names that are zipped are one; of a path the file's name is shown, and files of one name in two
// folders are two. The error of such a sweep is along its only axis.
static const char paths[] =
    "{\"manifest\": {\"simulators\": [\"a\", \"b\"], \"axes\": [\"file\", \"on\"], \"sweep\": "
    "{\"axes\": [{\"file\": [\"x/f\", \"y/f\", \"y/f\"], \"on\": [true, true, false]}]}}, "
    "\"rows\": "
    "[" TWO_ROWS("a", "\"file\": \"x/f\", \"on\": true", "1000", "2000") "," TWO_ROWS(
        "b", "\"file\": \"y/f\", \"on\": true", "3000",
        "1000") "," TWO_ROWS("c", "\"file\": \"y/f\", \"on\": false", "4000", "2000") "]}";

static void zipped_names_should_be_one(void **state) {
  (void)state;
  const char *const parts[] = {"set xtics ('f, true' 0, 'f, true' 1, 'f, false' 2)",
                               "set xlabel 'file, with on'", "with boxes", NULL};
  assert_figure(paths, json_pack("{s:s}", "simulator", "b"), "error_by_axis",
                "# a\n0 -50\n1 200\n2 100\n\n\n", parts);
}

static void many_names_should_not_be_drawn(void **state) {
  (void)state;
  for (int n = 24; n <= 25; n++) {
    m4s_text_t grid = {0};
    assert_int_equal(
        m4s_text_add(&grid,
                     "{\"manifest\": {\"simulators\": [\"a\"], \"axes\": [\"x\"]}, \"rows\": ["),
        M4S_OK);
    for (int i = 0; i < n; i++) {
      assert_int_equal(m4s_text_add(&grid,
                                    "%s{\"case\": \"%d\", \"simulator\": \"a\", \"axes\": "
                                    "{\"x\": \"n%d\"}, \"metrics\": {\"total_us\": %d}}",
                                    i == 0 ? "" : ",", i, i, i + 1),
                       M4S_OK);
    }
    assert_int_equal(m4s_text_add(&grid, "]}"), M4S_OK);
    texts_t texts = write_figure(grid.bytes, NULL, "total_time_by_name");
    assert_int_equal(texts.script.length > 0, n == 24);
    m4s_text_clear(&texts.script);
    m4s_text_clear(&texts.data);
    m4s_text_clear(&grid);
  }
}

// Values of one axis, as the spec has them; whether the scale is logarithmic.
static void assert_scale(const char *written, const char *first, const char *last, bool expected) {
  char grid[1024];
  snprintf(
      grid, sizeof grid,
      "{\"manifest\": {\"simulators\": [\"a\"], \"axes\": [\"x\"], \"sweep\": {\"axes\": "
      "[{\"x\": %s}]}}, \"rows\": [" ROW("a", "\"x\": %s", "1") "," ROW("b", "\"x\": %s", "2") "]}",
      written, first, last);
  texts_t texts = write_figure(grid, NULL, "total_time_by_axis");
  assert_int_equal(strstr(texts.script.bytes, "set logscale x\n") != NULL, expected);
  m4s_text_clear(&texts.script);
  m4s_text_clear(&texts.data);
}

static void scales_should_be_those_of_the_values(void **state) {
  (void)state;
  assert_scale("{\"logspace\": [2, 4, 2]}", "2", "4", true);
  assert_scale("{\"range\": [1, 1000, 999]}", "1", "1000", false);
  assert_scale("{\"linspace\": [1, 1000, 2]}", "1", "1000", false);
  assert_scale("[1, 100]", "1", "100", true);
  assert_scale("[1, 99]", "1", "99", false);
  assert_scale("[0, 1000]", "0", "1000", false);
}

static void random_points_should_be_dots(void **state) {
  (void)state;
  static const char drawn[] =
      "{\"manifest\": {\"simulators\": [\"a\", \"b\"], \"axes\": [\"size\", \"max_load\"], "
      "\"sweep\": {\"axes\": [{\"sample\": {\"points\": 2, \"size\": {\"uniform\": [1, 9]}, "
      "\"max_load\": {\"uniform\": [0, 1]}}}]}}, \"rows\": [" TWO_ROWS(
          "a", "\"size\": 1, \"max_load\": 0.7", "1000",
          "2000") "," TWO_ROWS("b", "\"size\": 2, \"max_load\": 0.2", "3000", "1000") "]}";
  const char *const parts[] = {"set xlabel 'max load'", "with points", NULL};
  assert_figure(drawn, NULL, "total_time_by_axis", "# a\n0.2 3\n0.7 1\n\n\n# b\n0.2 1\n0.7 2\n\n\n",
                parts);
  assert_figure(drawn, json_pack("{s:s}", "simulator", "b"), "error_by_axis",
                "# a\n0.2 200\n0.7 -50\n\n\n", parts);
  assert_no_figure(drawn, json_pack("{s:s}", "simulator", "b"), "error_map");
}

static void long_labels_should_be_broken(void **state) {
  (void)state;
  static const struct {
    const char *label, *expected;
  } cases[] = {
      {"max_load", "'max load'"},
      {"a, b", "'a, b'"},
      {"packet.cc = dctcp, max load = 0.705297, rack share = 0.505, run.seed = 7, x = 1",
       "'packet.cc = dctcp, max load = 0.705297, rack share = 0.505,'.\"\\n\".' run.seed = 7, x = "
       "1'"},
      {"0123456789012345678901234567890123456789012345678901234567890123456789abcdef, b",
       "'0123456789012345678901234567890123456789012345678901234567890123456789abcdef,'.\"\\n\".' "
       "b'"},
      {"", "''"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    m4s_text_t script = {0};
    assert_int_equal(m4s_script_add_label(&script, cases[i].label), M4S_OK);
    assert_string_equal(script.bytes, cases[i].expected);
    m4s_text_clear(&script);
  }
}

// --- loads ---

#define P99_ROW(case_id, axes, p99) \
  "{\"case\": \"" case_id "\", \"simulator\": \"a\", \"axes\": {" axes \
  "}, \"metrics\": {\"slowdown_p99\": " p99 "}}"

// Slowdowns differ more along "size".
static void loads_should_come_first(void **state) {
  (void)state;
  static const char grid[] =
      "{\"manifest\": {\"simulators\": [\"a\"], \"axes\": [\"size\", \"traffic.host_load\"], "
      "\"sweep\": {\"base\": {\"traffic\": {\"kind\": \"mix\"}}, \"axes\": []}}, \"rows\": "
      "[" P99_ROW("a", "\"size\": 1, \"traffic.host_load\": 0.1", "2") "," P99_ROW(
          "b", "\"size\": 1, \"traffic.host_load\": 0.2",
          "3") "," P99_ROW("c", "\"size\": 9, \"traffic.host_load\": 0.1",
                           "40") "," P99_ROW("d",
                                             "\"size\": 9, "
                                             "\"traffic.host_load\": 0.2",
                                             "50") "]}";
  const char *const parts[] = {"set title 'size = 9'", "host load'", NULL};
  assert_figure(grid, NULL, "p99_slowdown_by_axis", "# a\n0.1 40\n0.2 50\n\n\n", parts);
}

// Loads at 4:1 and fabrics at the largest load, the corner first: a cross that is not full.
#define CROSS_ROW(simulator, ratio, load, p99) \
  "{\"case\": \"" ratio load "\", \"simulator\": \"" simulator \
  "\", \"axes\": {\"oversubscription\": " ratio ", \"host_load\": " load \
  "}, \"metrics\": {\"slowdown_p99\": " p99 ", \"slowdown_p99_compared\": " p99 "}}"
#define CROSS_POINT(ratio, load, p99_a, p99_b) \
  CROSS_ROW("a", ratio, load, p99_a) "," CROSS_ROW("b", ratio, load, p99_b)

static const char cross[] =
    "{\"manifest\": {\"simulators\": [\"a\", \"b\"], \"axes\": [\"oversubscription\", "
    "\"host_load\"], \"sweep\": {\"base\": {\"traffic\": {\"kind\": \"mix\"}}, \"axes\": []}}, "
    "\"rows\": [" CROSS_POINT("4", "0.3", "6", "8") "," CROSS_POINT(
        "1", "0.3", "3",
        "2") "," CROSS_POINT("2", "0.3", "4",
                             "4") "," CROSS_POINT("4", "0.1", "2",
                                                  "1") "," CROSS_POINT("4", "0.2", "3", "4") "]}";

static void slices_of_a_cross_should_be_its_arms(void **state) {
  (void)state;
  const char *const loads[] = {"set title 'oversubscription = 4'", "set xlabel 'host load'", NULL};
  assert_figure(cross, NULL, "p99_slowdown_by_axis",
                "# a\n0.1 2\n0.2 3\n0.3 6\n\n\n# b\n0.1 1\n0.2 4\n0.3 8\n\n\n", loads);
  const char *const fabrics[] = {"set title 'host load = 0.3'", "set xlabel 'oversubscription'",
                                 NULL};
  assert_figure(cross, NULL, "p99_slowdown_by_axis_2",
                "# a\n1 3\n2 4\n4 6\n\n\n# b\n1 2\n2 4\n4 8\n\n\n", fabrics);
  assert_no_figure(cross, NULL, "p99_slowdown_by_axis_3");
  assert_figure(cross, json_pack("{s:s}", "simulator", "b"), "p99_error_by_axis",
                "# a\n0.1 100\n0.2 -25\n0.3 -25\n\n\n", loads);
}

// --- closed loops ---

#define FLOW_ROW(case_id, axes, us, gbps) \
  "{\"case\": \"" case_id "\", \"simulator\": \"a\", \"axes\": {" axes \
  "}, \"metrics\": {\"makespan_us\": " us ", \"throughput_gbps\": " gbps ", \"slowdown_p99\": 2}}"
// Rows of a sweep with this base and these axes; makespans differ more along "size".
#define LOOPS(base, axes) \
  "{\"manifest\": {\"simulators\": [\"a\"], \"axes\": [\"size\", \"in_flight\"], \"sweep\": " \
  "{\"base\": {\"traffic\": {" base "}}, \"axes\": " axes \
  "}}, \"rows\": [" FLOW_ROW("a", "\"size\": 1, \"in_flight\": 1", "4000", "1") "," FLOW_ROW( \
      "b", "\"size\": 1, \"in_flight\": 2", "2000", \
      "2") "," FLOW_ROW("c", "\"size\": 9, \"in_flight\": 1", "90000", \
                        "3") "," FLOW_ROW("d", "\"size\": 9, \"in_flight\": 2", "80000", "4") "]}"

static void loops_should_be_compared_by_their_makespans(void **state) {
  (void)state;
  static const char grid[] = LOOPS("\"kind\": \"mix\"", "[{\"in_flight\": [1, 2]}]");
  const char *const parts[] = {"set title 'size = 9'", "set xlabel 'in flight'",
                               "set ylabel 'makespan [ms]'", NULL};
  assert_figure(grid, NULL, "makespan_by_axis", "# a\n1 90\n2 80\n\n\n", parts);
  const char *const more[] = {"set ylabel 'throughput of all flows [Gb/s]'", NULL};
  assert_figure(grid, NULL, "throughput_by_axis", "# a\n1 3\n2 4\n\n\n", more);
}

static const char *measure_of(const char *grid) {
  m4s_results_t results = fixture_results(grid);
  m4s_view_t view;
  assert_int_equal(m4s_view_make(&results, &view), M4S_OK);
  const char *metric = view.measure->metric;
  m4s_view_clear(&view);
  m4s_results_clear(&results);
  return metric;
}

static void measures_should_follow_the_traffic(void **state) {
  (void)state;
  assert_string_equal(measure_of(LOOPS("\"kind\": \"mix\"", "[{\"size\": [1]}]")), "slowdown_p99");
  assert_string_equal(measure_of(LOOPS("\"kind\": \"mix\", \"in_flight\": 0", "[]")),
                      "slowdown_p99");
  assert_string_equal(measure_of(LOOPS("\"kind\": \"mix\", \"in_flight\": 4", "[]")),
                      "makespan_us");
  assert_string_equal(measure_of(LOOPS("\"kind\": \"phases\"", "[]")), "makespan_us");
  assert_string_equal(
      measure_of(LOOPS("\"kind\": \"mix\"", "[{}, {\"traffic.in_flight\": [1, 2]}]")),
      "makespan_us");
  assert_string_equal(
      measure_of(LOOPS("\"kind\": \"mix\"", "[{\"sample\": {\"in_flight\": [1, 2]}}]")),
      "makespan_us");
  assert_string_equal(measure_of(fixture_grid), "total_us");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(map_should_place_its_cells),
      cmocka_unit_test(slice_should_be_the_one_with_most_points),
      cmocka_unit_test(zipped_axes_should_count_as_one),
      cmocka_unit_test(only_zipped_axes_should_make_a_line),
      cmocka_unit_test(slices_of_one_point_should_not_be_drawn),
      cmocka_unit_test(cdf_should_be_in_ms_and_end_at_one),
      cmocka_unit_test(comments_should_stay_on_their_line),
      cmocka_unit_test(axis_values_should_be_found),
      cmocka_unit_test(names_should_be_bars),
      cmocka_unit_test(map_should_have_names_beside_numbers),
      cmocka_unit_test(zipped_names_should_be_one),
      cmocka_unit_test(many_names_should_not_be_drawn),
      cmocka_unit_test(scales_should_be_those_of_the_values),
      cmocka_unit_test(random_points_should_be_dots),
      cmocka_unit_test(long_labels_should_be_broken),
      cmocka_unit_test(loads_should_come_first),
      cmocka_unit_test(slices_of_a_cross_should_be_its_arms),
      cmocka_unit_test(loops_should_be_compared_by_their_makespans),
      cmocka_unit_test(measures_should_follow_the_traffic),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
