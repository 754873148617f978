// Pictures drawn by gnuplot; skipped where it is not installed.
#include "fixture.h"

#include <sys/stat.h>

#include "core/log.h"
#include "report/gnuplot.h"
#include "report/report.h"

static void write_report(const char *grid, const char *simulator) {
  m4s_results_t results = fixture_results(grid);
  json_t *reference = json_pack("{s:s}", "simulator", simulator);
  assert_int_equal(m4s_report_write_results(&results, reference, NULL), M4S_OK);
  json_decref(reference);
  m4s_results_clear(&results);
}

static void assert_picture(const char *name, const char *ending, const char *magic) {
  char file[96];
  char *bytes = NULL;
  size_t n_bytes = 0;
  snprintf(file, sizeof file, "figures/%s.%s", name, ending);
  assert_int_equal(m4s_file_read(fixture_path(file), 64 << 20, &bytes, &n_bytes), M4S_OK);
  assert_true(n_bytes > 2000);
  assert_memory_equal(bytes, magic, strlen(magic));
  free(bytes);
}

static void assert_figure(const char *name) {
  assert_picture(name, "png", "\x89PNG\r\n");
  assert_picture(name, "pdf", "%PDF-");
}

static bool figure_exists(const char *name) {
  char file[96];
  snprintf(file, sizeof file, "figures/%s.png", name);
  return m4s_path_exists(fixture_path(file));
}

static size_t count_images(void) {
  char *page = fixture_read("report.html");
  size_t n = 0;
  for (const char *at = page; (at = strstr(at, "<img ")) != NULL; at++) {
    n++;
  }
  free(page);
  return n;
}

static void figures_should_be_drawn_for_two_axes(void **state) {
  (void)state;
  write_report(fixture_grid, "m4");
  assert_figure("cdf_total_time");
  assert_figure("cdf_error_magnitude");
  assert_figure("cdf_error_signed");
  assert_figure("cdf_run_time");
  assert_figure("total_time_by_axis");
  assert_figure("total_time_by_axis_2");
  assert_false(figure_exists("error_by_axis"));  // m4 has two points, on no line
  assert_int_equal(count_images(), 7);
}

static void figures_should_map_errors(void **state) {
  (void)state;
  m4s_results_t results = fixture_results(fixture_grid);
  fixture_write("table.csv",
                "degraded_gpus,reduction,simulator,total_us\n2,4,it's <n>_3,1000\n"
                "3,5,it's <n>_3,2100\n2,5,it's <n>_3,1300\n");
  json_t *reference =
      json_pack("{s:s, s:s}", "table", fixture_path("table.csv"), "simulator", "it's <n>_3");
  assert_int_equal(m4s_report_write_results(&results, reference, NULL), M4S_OK);
  json_decref(reference);
  m4s_results_clear(&results);
  assert_figure("error_map");
  assert_figure("error_by_axis");
}

static const char one_axis[] =
    "{\"manifest\": {\"simulators\": [\"a\", \"b\"], \"axes\": [\"load_factor\"]}, \"rows\": ["
    "{\"case\": \"x\", \"simulator\": \"a\", \"axes\": {\"load_factor\": 0.25}, \"wall_s\": 0.01,"
    " \"metrics\": {\"total_us\": 100}},"
    "{\"case\": \"x\", \"simulator\": \"b\", \"axes\": {\"load_factor\": 0.25}, \"wall_s\": 9,"
    " \"metrics\": {\"total_us\": 110}},"
    "{\"case\": \"y\", \"simulator\": \"a\", \"axes\": {\"load_factor\": 0.5}, \"wall_s\": 0.02,"
    " \"metrics\": {\"total_us\": 100}},"
    "{\"case\": \"y\", \"simulator\": \"b\", \"axes\": {\"load_factor\": 0.5}, \"wall_s\": 8,"
    " \"metrics\": {\"total_us\": 100}}]}";

static void figures_should_follow_the_only_axis(void **state) {
  (void)state;
  write_report(one_axis, "b");
  assert_figure("error_by_axis");
  assert_figure("total_time_by_axis");
  assert_figure("cdf_run_time");
  assert_false(figure_exists("error_map"));
}

static void figures_should_repeat_their_bytes(void **state) {
  (void)state;
  static const char *const names[] = {"figures/error_by_axis.png", "figures/error_by_axis.pdf"};
  char *before[2];
  size_t n_before[2];
  write_report(one_axis, "b");
  for (int i = 0; i < 2; i++) {
    assert_int_equal(m4s_file_read(fixture_path(names[i]), 64 << 20, &before[i], &n_before[i]),
                     M4S_OK);
  }
  sleep(1);  // a date in a picture would differ
  write_report(one_axis, "b");
  for (int i = 0; i < 2; i++) {
    char *after;
    size_t n_after;
    assert_int_equal(m4s_file_read(fixture_path(names[i]), 64 << 20, &after, &n_after), M4S_OK);
    assert_int_equal(n_after, n_before[i]);
    assert_memory_equal(after, before[i], n_after);
    free(after);
    free(before[i]);
  }
}

// Runs a report with another PATH.
static void write_report_with_path(const char *path) {
  char *kept = strdup(getenv("PATH"));
  m4s_log_set_level(M4S_LOG_ERROR);
  setenv("PATH", path, 1);
  write_report(one_axis, "b");
  setenv("PATH", kept, 1);
  m4s_log_set_level(M4S_LOG_INFO);
  free(kept);
}

static void report_should_do_without_gnuplot(void **state) {
  (void)state;
  write_report_with_path("/nonexistent");
  assert_int_equal(count_images(), 0);
  assert_true(m4s_path_exists(fixture_path("figures/error_by_axis.gp")));
  assert_false(figure_exists("error_by_axis"));
}

static void report_should_survive_a_failing_gnuplot(void **state) {
  (void)state;
  fixture_write("bin/gnuplot",
                "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\n"
                "echo >&2\necho '   line 7: it broke' >&2\necho more >&2\nexit 1\n");
  assert_int_equal(chmod(fixture_path("bin/gnuplot"), 0755), 0);
  char *bin = realpath(fixture_path("bin"), NULL);  // gnuplot is started in another folder
  assert_non_null(bin);
  write_report_with_path(bin);
  free(bin);
  assert_int_equal(count_images(), 0);
  assert_non_null(strstr(m4s_last_error(), ".gp: gnuplot failed: line 7: it broke"));
}

static void gnuplot_should_refuse_bad_scripts(void **state) {
  (void)state;
  fixture_write("figures/broken.gp", "plot 'nothing.dat'\n");
  fixture_write("figures/broken.png", "old");
  assert_int_equal(m4s_gnuplot_draw(fixture_path("figures"), "broken"), M4S_ERR_IO);
  assert_non_null(strstr(m4s_last_error(), "figures/broken.gp: gnuplot failed: "));
  assert_false(figure_exists("broken"));
}

static void gnuplot_texts_should_be_inert(void **state) {
  (void)state;
  m4s_text_t text = {0};
  assert_int_equal(m4s_text_add_gnuplot(&text, "it's `x` \"y\"\n\\z"), M4S_OK);
  assert_string_equal(text.bytes, "'it''s `x` \"y\" \\z'");
  m4s_text_clear(&text);
}

int main(void) {
  if (!m4s_gnuplot_is_there()) {
    printf("skipped: gnuplot is not installed\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(figures_should_be_drawn_for_two_axes),
      cmocka_unit_test(figures_should_map_errors),
      cmocka_unit_test(figures_should_follow_the_only_axis),
      cmocka_unit_test(figures_should_repeat_their_bytes),
      cmocka_unit_test(report_should_do_without_gnuplot),
      cmocka_unit_test(report_should_survive_a_failing_gnuplot),
      cmocka_unit_test(gnuplot_should_refuse_bad_scripts),
      cmocka_unit_test(gnuplot_texts_should_be_inert),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
