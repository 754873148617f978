// Scores of m4 networks as tables: for a terminal, and as CSV files.
#include <stdlib.h>

#include "report/contents.h"
#include "report/format.h"
#include "report/grid.h"
#include "report/model_scores.h"

typedef const m4s_error_summary_t *(*summary_fn)(const m4s_model_score_t *score);

static const m4s_error_summary_t *of_flows(const m4s_model_score_t *score) { return &score->flows; }

static const m4s_error_summary_t *of_scenarios(const m4s_model_score_t *score) {
  return &score->scenarios;
}

// --- terminal ---

static m4s_status_t add_percent(double value, m4s_text_list_t *cells) {
  return m4s_text_list_add_format(cells, "%.1f", value);
}

static m4s_status_t add_lower_by(double error, double of_flowsim, m4s_text_list_t *cells) {
  return of_flowsim > 0 ? add_percent(m4s_lower_by_percent(error, of_flowsim), cells)
                        : m4s_text_list_add(cells, "-");
}

static m4s_status_t add_cells(const char *const *names, size_t n, m4s_text_list_t *cells) {
  for (size_t i = 0; i < n; i++) {
    M4S_TRY(m4s_text_list_add(cells, names[i]));
  }
  return M4S_OK;
}

// A simulator's row; by how much it is lower than flowsim stands beside all others.
static m4s_status_t add_simulator(const m4s_model_group_t *group, int tested, summary_fn summary_of,
                                  m4s_text_list_t *cells) {
  const m4s_error_summary_t *own = summary_of(&group->scores[tested]);
  const m4s_error_summary_t *flowsim = summary_of(&group->scores[M4S_TESTED_FLOWSIM]);
  const double values[] = {own->mae, own->median_abs, own->p90_abs, own->p99_abs};
  M4S_TRY(m4s_text_list_add(cells, m4s_tested_names[tested]));
  M4S_TRY(m4s_text_list_add_format(cells, "%zu", own->n));
  for (size_t i = 0; i < M4S_COUNT(values); i++) {
    M4S_TRY(add_percent(values[i], cells));
  }
  M4S_TRY(m4s_text_list_add_format(cells, "%+.1f", own->mean_signed));
  if (summary_of == of_scenarios) {
    M4S_TRY(add_percent(group->scores[tested].p99_slowdown_error, cells));
  }
  if (tested == M4S_TESTED_FLOWSIM) {
    M4S_TRY(m4s_text_list_add(cells, ""));
    return m4s_text_list_add(cells, "");
  }
  M4S_TRY(add_lower_by(own->mae, flowsim->mae, cells));
  return add_lower_by(own->p90_abs, flowsim->p90_abs, cells);
}

static m4s_status_t add_simulators(const m4s_model_group_t *group, summary_fn summary_of,
                                   m4s_text_t *text) {
  static const char *const flows_head[] = {"simulator",   "flows",         "mean",
                                           "p50",         "p90",           "p99",
                                           "mean signed", "mean lower by", "p90 lower by"};
  static const char *const scenarios_head[] = {
      "simulator", "scenarios",   "mean",         "p50",           "p90",
      "p99",       "mean signed", "p99 slowdown", "mean lower by", "p90 lower by"};
  bool scenarios = summary_of == of_scenarios;
  size_t n_columns = scenarios ? M4S_COUNT(scenarios_head) : M4S_COUNT(flows_head);
  m4s_text_list_t cells = {0};
  m4s_status_t status = add_cells(scenarios ? scenarios_head : flows_head, n_columns, &cells);
  for (int tested = 0; status == M4S_OK && tested < M4S_N_TESTED; tested++) {
    status = add_simulator(group, tested, summary_of, &cells);
  }
  if (status == M4S_OK) {
    status = m4s_text_add_grid(text, &cells, n_columns, 1);
  }
  m4s_text_list_clear(&cells);
  return status;
}

static double mean_of(const m4s_error_summary_t *summary) { return summary->mae; }
static double p90_of(const m4s_error_summary_t *summary) { return summary->p90_abs; }

// A statistic of a group with flowsim, m4 teacher-forced, m4.
static m4s_status_t add_statistic(const m4s_model_group_t *group,
                                  double (*statistic)(const m4s_error_summary_t *summary),
                                  m4s_text_list_t *cells) {
  double flowsim = statistic(&group->scores[M4S_TESTED_FLOWSIM].flows);
  double m4 = statistic(&group->scores[M4S_TESTED_M4].flows);
  M4S_TRY(add_percent(flowsim, cells));
  M4S_TRY(add_percent(statistic(&group->scores[M4S_TESTED_FORCED].flows), cells));
  M4S_TRY(add_percent(m4, cells));
  return add_lower_by(m4, flowsim, cells);
}

static m4s_status_t add_groups(const m4s_model_scores_t *scores, m4s_text_t *text) {
  static const char *const head[] = {"group",  "scenarios", "flows",    "mean flowsim",
                                     "forced", "m4",        "lower by", "p90 flowsim",
                                     "forced", "m4",        "lower by"};
  m4s_text_list_t cells = {0};
  m4s_status_t status = add_cells(head, M4S_COUNT(head), &cells);
  for (size_t i = 0; status == M4S_OK && i < scores->n_groups; i++) {
    const m4s_model_group_t *group = &scores->groups[i];
    if (group->kind == M4S_MODEL_GROUP_SCENARIO) {
      continue;
    }
    status = m4s_text_list_add(&cells, group->name);
    if (status == M4S_OK) {
      status = m4s_text_list_add_format(&cells, "%zu", group->n_scenarios);
    }
    if (status == M4S_OK) {
      status = m4s_text_list_add_format(&cells, "%zu", group->n_flows);
    }
    if (status == M4S_OK) {
      status = add_statistic(group, mean_of, &cells);
    }
    if (status == M4S_OK) {
      status = add_statistic(group, p90_of, &cells);
    }
  }
  if (status == M4S_OK) {
    status = m4s_text_add_grid(text, &cells, M4S_COUNT(head), 1);
  }
  m4s_text_list_clear(&cells);
  return status;
}

// Of workloads: the error of total times, over scenarios.
static m4s_status_t add_totals(const m4s_tested_results_t *results, m4s_text_t *text) {
  static const int shown[] = {M4S_TESTED_FLOWSIM, M4S_TESTED_M4};
  double *errors = malloc((results->n_scenarios + 1) * sizeof *errors);
  m4s_status_t status = errors == NULL ? m4s_fail_memory("errors") : M4S_OK;
  for (size_t s = 0; status == M4S_OK && s < M4S_COUNT(shown); s++) {
    m4s_error_summary_t summary = {0};
    size_t n = 0;
    for (size_t i = 0; i < results->n_scenarios; i++) {
      const m4s_tested_scenario_t *scenario = &results->scenarios[i];
      if (scenario->packet_total_ns > 0 && scenario->total_ns[shown[s]] >= 0) {
        errors[n++] = 100 * (scenario->total_ns[shown[s]] / scenario->packet_total_ns - 1);
      }
    }
    status = m4s_error_summary_make("errors of total times", errors, n, &summary);
    if (status == M4S_OK && n > 0) {
      status = m4s_text_add(text,
                            "%serror in the total time of %zu workload%s [%%], %s: mean %.1f, p90 "
                            "%.1f, mean signed %+.1f\n",
                            s == 0 ? "\n" : "", n, n == 1 ? "" : "s", m4s_tested_names[shown[s]],
                            summary.mae, summary.p90_abs, summary.mean_signed);
    }
  }
  free(errors);
  return status;
}

static m4s_status_t add_times(const m4s_tested_results_t *results, m4s_text_t *text) {
  double packet_s = 0, flowsim_s = 0, m4_s = 0;
  for (size_t i = 0; i < results->n_scenarios; i++) {
    packet_s += results->scenarios[i].packet_s;
    flowsim_s += results->scenarios[i].wall_s[M4S_TESTED_FLOWSIM];
    m4_s += results->scenarios[i].wall_s[M4S_TESTED_M4];
  }
  return m4s_text_add(text, "\ntime of all scenarios [s]: packet %.2f, flowsim %.2f, m4 %.2f\n",
                      packet_s, flowsim_s, m4_s);
}

m4s_status_t m4s_model_scores_add_text(const m4s_tested_results_t *results,
                                       const m4s_model_scores_t *scores, m4s_text_t *text) {
  const m4s_model_group_t *all = &scores->groups[0];
  M4S_TRY(m4s_text_add(text, "error in the slowdown of single flows [%%] against packet\n"));
  M4S_TRY(add_simulators(all, of_flows, text));
  M4S_TRY(m4s_text_add(text, "\nmeans over scenarios of what each has of its own flows\n"));
  M4S_TRY(add_simulators(all, of_scenarios, text));
  M4S_TRY(m4s_text_add(text, "\nby group, all flows alike (forced: m4 teacher-forced)\n"));
  M4S_TRY(add_groups(scores, text));
  M4S_TRY(add_totals(results, text));
  return add_times(results, text);
}

// --- CSV ---

static m4s_status_t add_fixed(double value, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text, ","));
  return m4s_text_add_fixed(text, value, 4);
}

// As in add_simulators(), after a comma each.
static const char statistics_head[] =
    "mean_abs_percent,p50_abs_percent,p90_abs_percent,p99_abs_percent,mean_signed_percent";

static m4s_status_t add_summary(const m4s_error_summary_t *summary, m4s_text_t *text) {
  const double values[] = {summary->mae, summary->median_abs, summary->p90_abs, summary->p99_abs,
                           summary->mean_signed};
  for (size_t i = 0; i < M4S_COUNT(values); i++) {
    M4S_TRY(add_fixed(values[i], text));
  }
  return M4S_OK;
}

static m4s_status_t add_lower(const m4s_model_group_t *group, int tested, m4s_text_t *text) {
  const m4s_error_summary_t *own = &group->scores[tested].flows;
  const m4s_error_summary_t *flowsim = &group->scores[M4S_TESTED_FLOWSIM].flows;
  M4S_TRY(add_fixed(m4s_lower_by_percent(own->mae, flowsim->mae), text));
  return add_fixed(m4s_lower_by_percent(own->p90_abs, flowsim->p90_abs), text);
}

static m4s_status_t add_group_row(const m4s_model_group_t *group, int tested, m4s_text_t *text) {
  const m4s_model_score_t *score = &group->scores[tested];
  M4S_TRY(m4s_text_add(text, "%s,", m4s_model_group_kinds[group->kind]));
  M4S_TRY(m4s_text_add_csv(text, group->name));
  M4S_TRY(m4s_text_add(text, ",%s,%zu", m4s_tested_names[tested], score->flows.n));
  M4S_TRY(add_summary(&score->flows, text));
  M4S_TRY(add_lower(group, tested, text));
  M4S_TRY(m4s_text_add(text, ",%zu", score->scenarios.n));
  M4S_TRY(add_summary(&score->scenarios, text));
  M4S_TRY(add_fixed(score->p99_slowdown_error, text));
  return m4s_text_add(text, "\n");
}

static m4s_status_t add_groups_csv(const m4s_model_scores_t *scores, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text,
                       "kind,group,simulator,flows,%s,mean_lower_by_percent,p90_lower_by_percent,"
                       "scenarios",
                       statistics_head));
  M4S_TRY(m4s_text_add(text,
                       ",scenario_mean_abs_percent,scenario_p50_abs_percent,"
                       "scenario_p90_abs_percent,scenario_p99_abs_percent,"
                       "scenario_mean_signed_percent,scenario_p99_slowdown_error_percent\n"));
  for (size_t i = 0; i < scores->n_groups; i++) {
    for (int tested = 0;
         scores->groups[i].kind != M4S_MODEL_GROUP_SCENARIO && tested < M4S_N_TESTED; tested++) {
      M4S_TRY(add_group_row(&scores->groups[i], tested, text));
    }
  }
  return M4S_OK;
}

// Nothing where the value is not known.
static m4s_status_t add_known(bool known, double value, m4s_text_t *text) {
  return known ? add_fixed(value, text) : m4s_text_add(text, ",");
}

static m4s_status_t add_scenario_row(const m4s_tested_scenario_t *scenario,
                                     const m4s_model_group_t *group, int tested, m4s_text_t *text) {
  const m4s_model_score_t *score = &group->scores[tested];
  double total_ns = scenario->total_ns[tested];
  bool has_total = scenario->packet_total_ns > 0 && total_ns >= 0;
  M4S_TRY(m4s_text_add_csv(text, scenario->case_id));
  M4S_TRY(m4s_text_add(text, ",%s,%s,%d", m4s_tested_cc_name(scenario->cc), scenario->topology,
                       scenario->n_hosts));
  M4S_TRY(add_known(scenario->load >= 0, scenario->load, text));
  M4S_TRY(m4s_text_add(text, ",%s,%zu", m4s_tested_names[tested], score->flows.n));
  M4S_TRY(add_summary(&score->flows, text));
  M4S_TRY(add_lower(group, tested, text));
  M4S_TRY(add_fixed(score->p99_slowdown_error, text));
  M4S_TRY(add_known(has_total, 100 * (total_ns / scenario->packet_total_ns - 1), text));
  M4S_TRY(add_fixed(scenario->wall_s[tested], text));
  M4S_TRY(add_known(scenario->packet_s > 0, scenario->packet_s, text));
  return m4s_text_add(text, "\n");
}

static m4s_status_t add_scenarios_csv(const m4s_tested_results_t *results,
                                      const m4s_model_scores_t *scores, m4s_text_t *text) {
  M4S_TRY(m4s_text_add(text,
                       "case,cc,topology,hosts,load,simulator,flows,%s,mean_lower_by_percent,"
                       "p90_lower_by_percent,p99_slowdown_error_percent,total_error_percent,wall_s,"
                       "packet_wall_s\n",
                       statistics_head));
  for (size_t i = 0; i < scores->n_groups; i++) {
    const m4s_model_group_t *group = &scores->groups[i];
    for (int tested = 0; group->kind == M4S_MODEL_GROUP_SCENARIO && tested < M4S_N_TESTED;
         tested++) {
      M4S_TRY(add_scenario_row(&results->scenarios[group->index], group, tested, text));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_model_scores_write(const m4s_tested_results_t *results,
                                    const m4s_model_scores_t *scores, const char *folder) {
  m4s_text_t groups = {0}, scenarios = {0};
  m4s_status_t status = add_groups_csv(scores, &groups);
  if (status == M4S_OK) {
    status = add_scenarios_csv(results, scores, &scenarios);
  }
  if (status == M4S_OK) {
    status = m4s_report_write_text(folder, "groups.csv", &groups);
  }
  if (status == M4S_OK) {
    status = m4s_report_write_text(folder, "scenarios.csv", &scenarios);
  }
  m4s_text_clear(&groups);
  m4s_text_clear(&scenarios);
  return status == M4S_OK ? m4s_model_figures_write(results, folder) : status;
}
