// Whole runs of gray-failure points in the published mode, against the public program's steps and
// flows and against the published table: how far they agree, for people to read.
//
// published_runs [fast|reference [N R …]]: the two points with dumped steps, or those named. It
// needs $M4SWEEP_REFERENCE. The fast forward pass takes some seconds a point, the reference one
// many minutes.
#include "core/units.h"
#include "parity.h"

static m4s_forward_t forward;
static char **names;  // N R …
static int n_names;

static void print_totals(const harness_t *sim, int n, int r) {
  m4s_collective_result_t result = m4s_collective_source_result(sim->collective);
  m4s_m4_counts_t counts = m4s_m4_counts(&sim->model);
  print_message("  N=%d R=%d: layers %.3f and %.3f us, total %.3f us, %lld steps\n", n, r,
                m4s_ns_to_us(result.layers[0].exposed_ns[M4S_PASS_FORWARD]),
                m4s_ns_to_us(result.layers[1].exposed_ns[M4S_PASS_FORWARD]),
                m4s_ns_to_us(result.total_ns), (long long)counts.steps);
}

// The row of the published table for m4.
static void print_published(int n, int r) {
  char line[256];
  int row_n = 0;
  int row_r = 0;
  char simulator[16] = "";
  char comm_1[32], comm_2[32], total[32];
  FILE *file = fopen(support_reference("gray-failure.tsv"), "r");
  assert_non_null(file);
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "%d %d %15s %31s %31s %31s", &row_n, &row_r, simulator, comm_1, comm_2,
               total) == 6 &&
        row_n == n && row_r == r && strcmp(simulator, "m4") == 0) {
      print_message("  published: layers %s and %s us, total %s us\n", comm_1, comm_2, total);
    }
  }
  assert_int_equal(fclose(file), 0);
}

static void run_dumped(m4s_engine_t *engine, const parity_point_t *point) {
  parity_t parity;
  parity_run(&parity, point, INT32_MAX, engine);
  parity_print(&parity);
  print_totals(&parity.sim, point->n, point->r);
  print_published(point->n, point->r);
  parity_clear(&parity);
}

static void run_named(m4s_engine_t *engine, int n, int r) {
  harness_t sim;
  harness_t *pointer = &sim;
  harness_open_gray(&sim, n, r, NULL, engine);
  ASSERT_OK(harness_finish(&pointer, 1, engine, NULL));
  print_totals(&sim, n, r);
  print_published(n, r);
  harness_close(&sim);
}

static void runs(void **state) {
  (void)state;
  m4s_model_t *weights = NULL;
  m4s_engine_t *engine = parity_engine(forward, &weights);
  for (size_t i = 0; n_names == 0 && i < M4S_COUNT(parity_points); i++) {
    run_dumped(engine, &parity_points[i]);
  }
  for (int i = 0; i + 1 < n_names; i += 2) {
    run_named(engine, atoi(names[i]), atoi(names[i + 1]));
  }
  m4s_engine_destroy(engine);
  m4s_model_destroy(weights);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(runs)};
  forward =
      argc > 1 && strcmp(argv[1], "reference") == 0 ? M4S_FORWARD_REFERENCE : M4S_FORWARD_FAST;
  names = argv + 2;
  n_names = argc > 2 ? argc - 2 : 0;
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
