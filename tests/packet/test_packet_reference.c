// Cases that the ns-3 programs of the HPCC family have run, through our readers of their files:
// star, Clos; with and without windows, PFC, drops.
//
// Deterministic cases: every start, completion at the sender and at the receiver and ideal time to
// the nanosecond, flows in the order of their completion. Cases with random marking (DCQCN unless
// "det"): every start; the distribution of slowdowns lies within what a few seeds give, widened by
// what shifts of the starts by 1 or 2 ns change in the programs themselves.
//
// All cases, which takes some seconds; under a sanitizer a sample of the Clos ones.
#include "packet/reference_case.h"

enum { FEW_FLOWS = 16, SEEDS_OF_FEW = 32 };

static void assert_equal(const run_t *run, const char *what, int64_t flow, int64_t ours,
                         int64_t theirs) {
  if (ours != theirs) {
    fail_msg("%s, %s, flow %" PRId64 ": %s %" PRId64 " instead of %" PRId64, run->folder,
             run->profile_name, flow, what, ours, theirs);
  }
}

static void assert_starts(const run_t *run) {
  assert_int_equal(run->n_rows, run->result.n_flows);
  for (size_t i = 0; i < run->n_rows; i++) {
    const row_t *row = &run->rows[i];
    assert_true(row->flow >= 0 && row->flow < run->result.n_flows);
    assert_equal(run, "start", row->flow, run->result.flows[row->flow].start_ns, row->start_ns);
    assert_equal(run, "ideal", row->flow, run->result.ideal_ns[row->flow], row->ideal_ns);
    assert_equal(run, "size", row->flow, run->one.flows.records[row->flow].size_bytes,
                 row->size_bytes);
  }
}

// The lines of fct.txt in the order of the programs' rows.
static void assert_order(const run_t *run) {
  const char *line = run->outputs.fct.bytes;
  for (size_t i = 0; i < run->n_rows; i++) {
    const row_t *row = &run->rows[i];
    int64_t size = 0;
    int64_t start = 0;
    int64_t fct = 0;
    int64_t ideal = 0;
    int n = 0;
    assert_int_equal(
        sscanf(line, "%*x %*x %*d 100 %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "\n%n", &size,
               &start, &fct, &ideal, &n),
        4);
    assert_equal(run, "line of size", row->flow, size, row->size_bytes);
    assert_equal(run, "line of start", row->flow, start, row->start_ns);
    assert_equal(run, "line of completion", row->flow, fct, row->ack_ns);
    assert_equal(run, "line of ideal", row->flow, ideal, row->ideal_ns);
    line += n;
  }
  assert_int_equal(*line, '\0');
}

static void assert_exact(const run_t *run) {
  for (size_t i = 0; i < run->n_rows; i++) {
    const row_t *row = &run->rows[i];
    const m4s_packet_flow_result_t *flow = &run->result.flows[row->flow];
    assert_equal(run, "completion at the sender", row->flow, flow->fct_ack_ns, row->ack_ns);
    assert_equal(run, "completion at the receiver", row->flow, flow->fct_received_ns,
                 row->received_ns);
    assert_equal(run, "completion", row->flow, run->result.fct_ns[row->flow], row->ack_ns);
  }
  assert_order(run);
}

// --- distributions ---

// Largest changes of p50, mean, p90 and p99 when all starts of a case move by 1 or 2 ns.
static const double *tolerances_of(const char *name) {
  static const double rate_only[] = {0.037, 0.034, 0.039, 0.22};
  static const double window[] = {0.013, 0.010, 0.013, 0.048};
  return strstr(name, "vwin") != NULL ? window : rate_only;
}

static void assert_alike(run_t *run, const char *name) {
  static const char *const names[] = {"median", "mean", "90th percentile", "99th percentile"};
  const double *tolerances = tolerances_of(name);
  double theirs[N_STATISTICS];
  double least[N_STATISTICS] = {INFINITY, INFINITY, INFINITY, INFINITY};
  double most[N_STATISTICS] = {0};
  const uint64_t n_seeds = run->n_rows <= FEW_FLOWS ? SEEDS_OF_FEW : SEEDS;
  describe_theirs(run, theirs);
  for (uint64_t seed = 1; seed <= n_seeds; seed++) {
    double ours[N_STATISTICS];
    run->one.config.rules.seed = seed;
    simulate(run);
    assert_starts(run);
    describe_ours(run, ours);
    for (int i = 0; i < N_STATISTICS; i++) {
      least[i] = fmin(least[i], ours[i]);
      most[i] = fmax(most[i], ours[i]);
    }
  }
  for (int i = 0; i < N_STATISTICS; i++) {
    if (!(theirs[i] >= least[i] * (1 - tolerances[i]) &&
          theirs[i] <= most[i] * (1 + tolerances[i]))) {
      fail_msg("%s, %s: %s of slowdowns %g to %g, theirs is %g", run->folder, run->profile_name,
               names[i], least[i], most[i], theirs[i]);
    }
  }
}

// --- cases ---

static void check_profile(const char *folder, const char *name, const char *profile_name,
                          m4s_packet_profile_t profile) {
  run_t run;
  char csv[900];
  read_case(&run, folder, profile_name, profile);
  snprintf(csv, sizeof csv, "%s/fct.%s.csv", folder, profile_name);
  read_csv(&run, csv);
  if (is_random(name)) {
    assert_alike(&run, name);
  } else {
    simulate(&run);
    assert_starts(&run);
    assert_exact(&run);
  }
  clear(&run);
}

static void check_both(const char *folder, const char *name) {
  check_profile(folder, name, "hpcc", M4S_PROFILE_HPCC);
  check_profile(folder, name, "simai", M4S_PROFILE_SIMAI);
}

// fct.txt of the m4 artefact, byte by byte.
static void check_m4(const char *folder, const char *name) {
  (void)name;
  run_t run;
  char path[900];
  char *theirs;
  read_case(&run, folder, "m4", M4S_PROFILE_M4);
  simulate(&run);
  snprintf(path, sizeof path, "%s/fct.m4.txt", folder);
  ASSERT_OK(m4s_file_read_text(path, 1 << 24, &theirs));
  if (strcmp(run.outputs.fct.bytes, theirs) != 0) {
    fail_msg("%s: other completion times", folder);
  }
  free(theirs);
  clear(&run);
}

static void stars_should_take_the_same_times(void **state) {
  (void)state;
  assert_int_equal(for_each_case("packet/star", 1, check_both), 68);
}

static void clos_networks_should_take_the_same_times(void **state) {
  (void)state;
  assert_int_equal(for_each_case("packet/clos", SUPPORT_SANITIZED ? 5 : 1, check_both), 12);
}

static void m4_should_write_the_same_files(void **state) {
  (void)state;
  assert_int_equal(for_each_case("packet/m4", SUPPORT_SANITIZED ? 4 : 1, check_m4), 16);
}

// What the cases above exercise, so that they cannot pass without it.
static void cases_should_pause_and_drop(void **state) {
  (void)state;
  run_t run;
  read_case(&run, support_reference("packet/star/v2_16to1_1MB_bigbuf_timely"), "hpcc",
            M4S_PROFILE_HPCC);
  simulate(&run);
  assert_int_equal(run.result.counts.dropped, 28);
  int64_t n_retransmitted = 0;
  for (int64_t i = 0; i < run.result.n_flows; i++) {
    n_retransmitted += run.result.flows[i].n_retransmitted;
  }
  assert_true(n_retransmitted >= 28);
  clear(&run);
  read_case(&run, support_reference("packet/clos/dctcp_os2_l70_burst_buf300"), "hpcc",
            M4S_PROFILE_HPCC);
  simulate(&run);
  assert_int_equal(run.result.counts.dropped, 0);
  assert_true(run.result.counts.pauses > 100);
  assert_true(run.result.counts.marked > 1000);
  clear(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stars_should_take_the_same_times),
      cmocka_unit_test(clos_networks_should_take_the_same_times),
      cmocka_unit_test(m4_should_write_the_same_files),
      cmocka_unit_test(cases_should_pause_and_drop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
