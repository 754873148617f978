// How far the packet simulator agrees with the ns-3 programs on all cases of the reference data,
// for people to read. It needs $M4SWEEP_REFERENCE and takes some seconds.
#include "packet/reference_case.h"

typedef struct {
  const char *name;
  m4s_packet_profile_t profile;
  int n_cases;
  int64_t n_flows, n_equal;  // of deterministic cases; to the nanosecond
} family_t;

static family_t families[] = {{.name = "hpcc", .profile = M4S_PROFILE_HPCC},
                              {.name = "simai", .profile = M4S_PROFILE_SIMAI},
                              {.name = "m4", .profile = M4S_PROFILE_M4}};

// Flows whose completions at the sender and at the receiver are equal.
static void count_equal(run_t *run, family_t *family) {
  simulate(run);
  family->n_cases++;
  for (size_t i = 0; i < run->n_rows; i++) {
    const row_t *row = &run->rows[i];
    const m4s_packet_flow_result_t *flow = &run->result.flows[row->flow];
    family->n_flows++;
    family->n_equal += flow->start_ns == row->start_ns && flow->fct_ack_ns == row->ack_ns &&
                       flow->fct_received_ns == row->received_ns;
  }
}

// Slowdowns with random marking, means over some seeds, against the program's one run.
static void print_random(run_t *run, const char *name) {
  double theirs[N_STATISTICS];
  double ours[N_STATISTICS] = {0};
  describe_theirs(run, theirs);
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    double one[N_STATISTICS];
    run->one.config.rules.seed = seed;
    simulate(run);
    describe_ours(run, one);
    for (int i = 0; i < N_STATISTICS; i++) {
      ours[i] += one[i] / SEEDS;
    }
  }
  printf("%-32s %-6s %6zu", name, run->profile_name, run->n_rows);
  for (int i = 0; i < N_STATISTICS; i++) {
    printf(" %8.3f %+6.1f%%", theirs[i], 100 * (ours[i] / theirs[i] - 1));
  }
  printf("\n");
}

static void compare(const char *folder, const char *name, bool random) {
  for (int i = 0; i < 2; i++) {
    run_t run;
    char csv[900];
    if (is_random(name) != random) {
      continue;
    }
    read_case(&run, folder, families[i].name, families[i].profile);
    snprintf(csv, sizeof csv, "%s/fct.%s.csv", folder, families[i].name);
    read_csv(&run, csv);
    if (random) {
      print_random(&run, name);
    } else {
      count_equal(&run, &families[i]);
    }
    clear(&run);
  }
}

static void compare_exact(const char *folder, const char *name) { compare(folder, name, false); }
static void compare_random(const char *folder, const char *name) { compare(folder, name, true); }

static void next_line(const char **text) {
  const char *end = strchr(*text, '\n');
  *text = end == NULL ? *text + strlen(*text) : end + 1;
}

// Lines of fct.txt, in the order of completion.
static void compare_m4(const char *folder, const char *name) {
  (void)name;
  run_t run;
  char path[900];
  char *theirs;
  family_t *family = &families[M4S_PROFILE_M4];
  read_case(&run, folder, "m4", M4S_PROFILE_M4);
  simulate(&run);
  snprintf(path, sizeof path, "%s/fct.m4.txt", folder);
  ASSERT_OK(m4s_file_read_text(path, 1 << 24, &theirs));
  const char *our_line = run.outputs.fct.bytes;
  for (const char *line = theirs; *line != '\0'; next_line(&line), next_line(&our_line)) {
    size_t n = strcspn(line, "\n");
    family->n_flows++;
    family->n_equal += strcspn(our_line, "\n") == n && memcmp(our_line, line, n) == 0;
  }
  family->n_cases++;
  free(theirs);
  clear(&run);
}

static void print_all(void **state) {
  (void)state;
  for_each_case("packet/star", 1, compare_exact);
  for_each_case("packet/clos", 1, compare_exact);
  for_each_case("packet/m4", 1, compare_m4);
  printf("\ndeterministic cases\n%-8s %6s %8s %s\n", "profile", "cases", "flows",
         "equal to the ns");
  for (size_t i = 0; i < M4S_COUNT(families); i++) {
    const family_t *family = &families[i];
    printf("%-8s %6d %8" PRId64 " %8" PRId64 "\n", family->name, family->n_cases, family->n_flows,
           family->n_equal);
  }
  printf("\nrandom marking: slowdowns of ns-3, deviation of the mean of %d seeds\n", SEEDS);
  printf("%-32s %-6s %6s %16s %16s %16s %16s\n", "case", "", "flows", "p50", "mean", "p90", "p99");
  for_each_case("packet/clos", 1, compare_random);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(print_all)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
