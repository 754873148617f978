// Scores of m4 networks: errors by groups of flows, tables and files.
#include "support.h"

#include <math.h>

#include "report/loss_figure.h"
#include "report/model_scores.h"

enum { N_SCENARIOS = 4, N_FLOWS = 10 };

// Scenario 0 has 4 flows, the others 2 each. All FCTs of packet are 100, ideal ones 50.
static m4s_tested_flow_t flows[N_FLOWS];
static m4s_tested_scenario_t scenarios[N_SCENARIOS];

static const int32_t scenario_of[N_FLOWS] = {0, 0, 0, 0, 1, 1, 2, 2, 3, 3};
static const int64_t sizes[N_FLOWS] = {1000, 1001, 2000, 1000, 1000, 5000, 1000, 1000, 9000, 1000};
static const double flowsim[N_FLOWS] = {90, 80, 70, 60, 100, 150, 100, 100, 100, 100};
static const double m4[N_FLOWS] = {95, 110, 100, 100, 100, 125, 100, 100, 100, 100};

static m4s_tested_results_t make_results(void) {
  for (int32_t i = 0; i < N_FLOWS; i++) {
    flows[i] = (m4s_tested_flow_t){.scenario = scenario_of[i],
                                   .id = i,
                                   .size_bytes = sizes[i],
                                   .ideal_ns = 50,
                                   .packet_ns = 100,
                                   .fct_ns = {flowsim[i], 100, i == 0 ? -1 : 120, m4[i]}};
  }
  for (int32_t i = 0; i < N_SCENARIOS; i++) {
    scenarios[i] = (m4s_tested_scenario_t){.scenario = i,
                                           .topology = "clos 1x4x8",
                                           .n_hosts = 32,
                                           .cc = i == 1 ? 2 : 0,
                                           .n_flows = i == 0 ? 4 : 2,
                                           .load = i == 3 ? -1 : 0.2 + 0.2 * i,
                                           .packet_s = 2,
                                           .wall_s = {0.5, 1, 1, 1},
                                           .packet_total_ns = -1,
                                           .total_ns = {-1, -1, -1, -1}};
    snprintf(scenarios[i].case_id, sizeof scenarios[i].case_id, "case%d", i);
  }
  return (m4s_tested_results_t){
      .flows = flows, .scenarios = scenarios, .n_flows = N_FLOWS, .n_scenarios = N_SCENARIOS};
}

static const m4s_model_group_t *find(const m4s_model_scores_t *scores, m4s_model_group_kind_t kind,
                                     const char *name) {
  for (size_t i = 0; i < scores->n_groups; i++) {
    if (scores->groups[i].kind == kind && strcmp(scores->groups[i].name, name) == 0) {
      return &scores->groups[i];
    }
  }
  return NULL;
}

#define ASSERT_NEAR(value, expected) assert_true(fabs((value) - (expected)) < 1e-9)

static void flows_should_count_alike_or_by_scenario(void **state) {
  (void)state;
  m4s_tested_results_t results = make_results();
  m4s_model_scores_t scores;
  ASSERT_OK(m4s_model_scores_make(&results, &scores));
  const m4s_model_group_t *all = find(&scores, M4S_MODEL_GROUP_ALL, "all flows");
  assert_non_null(all);
  assert_int_equal(all->n_flows, N_FLOWS);
  assert_int_equal(all->n_scenarios, N_SCENARIOS);
  const m4s_model_score_t *score = &all->scores[M4S_TESTED_FLOWSIM];
  ASSERT_NEAR(score->flows.mae, 15);  // 10, 20, 30, 40, 0, 50, 0 …
  ASSERT_NEAR(score->flows.mean_signed, -5);
  ASSERT_NEAR(score->flows.median_abs, 5);
  ASSERT_NEAR(score->flows.p90_abs, 41);
  ASSERT_NEAR(score->scenarios.mae, (25 + 25 + 0 + 0) / 4.0);
  ASSERT_NEAR(score->scenarios.mean_signed, 0);
  assert_int_equal(score->scenarios.n, N_SCENARIOS);
  // Of p99 slowdowns: 1.794 of 2, 2.99 of 2, none.
  ASSERT_NEAR(score->p99_slowdown_error, (10.3 + 49.5) / 4);
  ASSERT_NEAR(all->scores[M4S_TESTED_M4].flows.mae, 4);
  // A flow that is in no step has no error.
  assert_int_equal(all->scores[M4S_TESTED_FORCED].flows.n, N_FLOWS - 1);
  ASSERT_NEAR(all->scores[M4S_TESTED_FORCED].flows.mae, 20);
  ASSERT_NEAR(m4s_lower_by_percent(4, 15), 100 * 11 / 15.0);
  ASSERT_NEAR(m4s_lower_by_percent(4, 0), 0);
  m4s_model_scores_clear(&scores);
}

static void groups_should_have_their_flows(void **state) {
  (void)state;
  m4s_tested_results_t results = make_results();
  m4s_model_scores_t scores;
  ASSERT_OK(m4s_model_scores_make(&results, &scores));
  const struct {
    m4s_model_group_kind_t kind;
    const char *name;
    size_t n_flows, n_scenarios;
    double flowsim_mae;
  } groups[] = {{M4S_MODEL_GROUP_CC, "dctcp", 8, 3, 12.5},
                {M4S_MODEL_GROUP_CC, "hpcc", 2, 1, 25},
                {M4S_MODEL_GROUP_LOAD, "load 0.20", 4, 1, 25},
                {M4S_MODEL_GROUP_LOAD, "load 0.40", 2, 1, 25},
                {M4S_MODEL_GROUP_LOAD, "load 0.60", 2, 1, 0},
                {M4S_MODEL_GROUP_SIZE, "up to 1 kB", 6, 4, 50 / 6.0},
                {M4S_MODEL_GROUP_SIZE, "1 to 10 kB", 4, 3, 25},
                {M4S_MODEL_GROUP_SCENARIO, "case3", 2, 1, 0}};
  for (size_t i = 0; i < M4S_COUNT(groups); i++) {
    const m4s_model_group_t *group = find(&scores, groups[i].kind, groups[i].name);
    assert_non_null(group);
    assert_int_equal(group->n_flows, groups[i].n_flows);
    assert_int_equal(group->n_scenarios, groups[i].n_scenarios);
    ASSERT_NEAR(group->scores[M4S_TESTED_FLOWSIM].flows.mae, groups[i].flowsim_mae);
  }
  assert_int_equal(scores.n_groups, 1 + 2 + 3 + 2 + N_SCENARIOS);
  m4s_model_scores_clear(&scores);
}

static void errors_that_are_not_finite_should_fail(void **state) {
  (void)state;
  m4s_tested_results_t results = make_results();
  m4s_model_scores_t scores;
  flows[3].fct_ns[M4S_TESTED_M4] = INFINITY;
  assert_int_equal(m4s_model_scores_make(&results, &scores), M4S_ERR_INPUT);
}

static void tables_should_be_written(void **state) {
  (void)state;
  m4s_tested_results_t results = make_results();
  m4s_model_scores_t scores;
  m4s_text_t text = {0};
  scenarios[3].packet_total_ns = 200;
  scenarios[3].total_ns[M4S_TESTED_M4] = 210;
  ASSERT_OK(m4s_model_scores_make(&results, &scores));
  ASSERT_OK(m4s_model_scores_add_text(&results, &scores, &text));
  assert_non_null(strstr(text.bytes, "flowsim               10  15.0   5.0  41.0"));
  assert_non_null(
      strstr(text.bytes, "error in the total time of 1 workload [%], m4: mean 5.0, p90 5.0"));
  assert_non_null(strstr(text.bytes, "packet 8.00, flowsim 2.00, m4 4.00"));
  m4s_text_clear(&text);
  ASSERT_OK(m4s_model_scores_write(&results, &scores, support_folder));
  char *csv = support_read("scenarios.csv", NULL);
  assert_non_null(strstr(csv,
                         "case1,hpcc,clos 1x4x8,32,0.4000,m4,2,12.5000,12.5000,22.5000,24.7500,"
                         "12.5000,50.0000,50.0000,24.7500,,1.0000,2.0000\n"));
  assert_non_null(strstr(csv, "case3,dctcp,clos 1x4x8,32,,m4,2,0.0000"));
  assert_non_null(strstr(csv, ",5.0000,1.0000,2.0000\n"));
  free(csv);
  csv = support_read("groups.csv", NULL);
  assert_non_null(strstr(csv, "all,all flows,m4,10,4.0000,0.0000,11.5000,"));
  free(csv);
  char *data = support_read("cdf_flow_error.dat", NULL);
  assert_non_null(strstr(data, "# m4 teacher-forced, "));
  assert_non_null(strstr(data, "\n20 1\n"));
  free(data);
  m4s_model_scores_clear(&scores);
}

static void losses_should_be_drawn(void **state) {
  (void)state;
  ASSERT_OK(m4s_loss_figure_write(support_folder));  // there is no log yet
  assert_false(m4s_path_exists(support_path("loss.gp")));
  support_write("log.csv",
                "round,rows,loss,validation_loss,validation_silent_loss,learning_rate\n"
                "1,1000000,0.5,0.4,0,0.001\n2,2500000,0.25,0.3,0,0.0005\n");
  ASSERT_OK(m4s_loss_figure_write(support_folder));
  char *data = support_read("loss.dat", NULL);
  assert_non_null(strstr(data, "\n1 0.5 0.4 0\n2.5 0.25 0.3 0\n"));
  free(data);
  char *script = support_read("loss.gp", NULL);
  assert_non_null(strstr(script, "set arrow from 2.5, graph 0 to 2.5, graph 1"));
  assert_non_null(strstr(script, "title 'validation'"));
  assert_null(strstr(script, "max-min fair"));  // a loss of 0 has no place
  free(script);
  support_write("log.csv",
                "round,rows,loss,validation_loss,validation_silent_loss,learning_rate\n"
                "1,1000000,0.5,0.4,0,fast\n");
  char message[256];
  snprintf(message, sizeof message, "%s:2: learning_rate: \"fast\" is not a number",
           support_path("log.csv"));
  ASSERT_REFUSES(m4s_loss_figure_write(support_folder), message);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flows_should_count_alike_or_by_scenario),
      cmocka_unit_test(groups_should_have_their_flows),
      cmocka_unit_test(errors_that_are_not_finite_should_fail),
      cmocka_unit_test(tables_should_be_written),
      cmocka_unit_test(losses_should_be_drawn),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
