// Random sampling of points.
#include "fixture.h"

#include <math.h>

#include "core/json.h"
#include "sweep/sample.h"

#define SAMPLE(members) AXES("{\"sample\": {" members "}}")

// The only group of a spec with a sample.
static const m4s_axis_group_t *group_of(const m4s_sweep_t *sweep) {
  assert_int_equal(sweep->n_groups, 1);
  return &sweep->groups[0];
}

static double number_at(const m4s_axis_group_t *group, size_t axis, uint64_t position) {
  json_t *value = m4s_axis_value(&group->axes[axis], position);
  double number = json_number_value(value);
  json_decref(value);
  return number;
}

static void draws_should_be_those_of_the_seed(void **state) {
  (void)state;
  assert_points(SAMPLE("\"points\": 4, \"seed\": 7, \"max_load\": {\"uniform\": [0.25, 0.75]}, "
                       "\"sizes\": [\"hadoop\", \"webserver\"], \"reduction\": {\"loguniform\": "
                       "[1, 1000]}, \"cores\": {\"range\": [2, 8, 2]}"),
                NULL,
                "max_load=0.36529,sizes=\"hadoop\",reduction=7,cores=2 "
                "max_load=0.293055,sizes=\"webserver\",reduction=34,cores=4 "
                "max_load=0.307352,sizes=\"hadoop\",reduction=5,cores=4 "
                "max_load=0.44263,sizes=\"webserver\",reduction=29,cores=2");
}

static void points_should_be_the_same_whatever_their_number(void **state) {
  (void)state;
  m4s_sweep_t *few = fixture_sweep(SAMPLE("\"points\": 9, \"reduction\": {\"uniform\": [1, 12]}"));
  m4s_sweep_t *many =
      fixture_sweep(SAMPLE("\"points\": 12, \"reduction\": {\"uniform\": [1, 12]}"));
  double sum = 0;
  for (uint64_t i = 0; i < 12; i++) {
    double value = number_at(group_of(many), 0, i);
    assert_true(i >= 9 || number_at(group_of(few), 0, i) == value);
    sum += value;
  }
  assert_true(sum == 78);  // 1 to 12, each once
  m4s_sweep_destroy(few);
  m4s_sweep_destroy(many);
}

static void a_setting_should_draw_the_same_beside_others(void **state) {
  (void)state;
  m4s_sweep_t *alone =
      fixture_sweep(SAMPLE("\"points\": 50, \"max_load\": {\"uniform\": [0.001, 1]}"));
  m4s_sweep_t *beside = fixture_sweep(
      SAMPLE("\"points\": 50, \"run.seed\": {\"uniform\": [0, 9]}, \"traffic.max_load\": "
             "{\"uniform\": [0.001, 1]}"));
  for (uint64_t i = 0; i < 50; i++) {
    assert_true(number_at(group_of(alone), 0, i) == number_at(group_of(beside), 1, i));
  }
  m4s_sweep_destroy(alone);
  m4s_sweep_destroy(beside);
}

// Counts in ten bins of a chi-square test at 1e-4: 9 degrees of freedom, 33.7.
static void assert_even(const int64_t bins[10], int64_t n) {
  double chi_square = 0;
  for (int i = 0; i < 10; i++) {
    double expected = (double)n / 10;
    chi_square += ((double)bins[i] - expected) * ((double)bins[i] - expected) / expected;
  }
  if (!(chi_square < 33.7)) {
    fail_msg("chi-square %g", chi_square);
  }
}

static void draws_should_be_even_between_the_bounds(void **state) {
  (void)state;
  m4s_sweep_t *sweep =
      fixture_sweep(SAMPLE("\"points\": 10000, \"max_load\": {\"uniform\": [0.2, 0.8]}, "
                           "\"mean_bytes\": {\"loguniform\": [1, 1e10]}, \"cores\": {\"uniform\": "
                           "[1, 10]}, \"allow_overload\": [true, false]"));
  int64_t loads[10] = {0};
  int64_t means[10] = {0};
  int64_t cores[10] = {0};
  int64_t flags = 0;
  for (uint64_t i = 0; i < 10000; i++) {
    double load = number_at(group_of(sweep), 0, i);
    double mean = number_at(group_of(sweep), 1, i);
    double n_cores = number_at(group_of(sweep), 2, i);
    assert_true(load >= 0.2 && load <= 0.8 && mean >= 1 && mean <= 1e10);
    assert_true(n_cores == floor(n_cores) && n_cores >= 1 && n_cores <= 10);
    loads[(int)fmin((load - 0.2) / 0.06, 9)]++;
    means[(int)fmin(log10(mean), 9)]++;
    cores[(int)n_cores - 1]++;
    json_t *flag = m4s_axis_value(&group_of(sweep)->axes[3], i);
    flags += json_is_true(flag);
    json_decref(flag);
  }
  assert_even(loads, 10000);
  assert_even(means, 10000);
  assert_even(cores, 10000);
  assert_true(llabs(flags - 5000) < 200);  // four standard deviations
  m4s_sweep_destroy(sweep);
}

static void numbers_should_have_as_many_digits_as_their_range_needs(void **state) {
  (void)state;
  m4s_sweep_t *sweep =
      fixture_sweep(SAMPLE("\"points\": 1000, \"mean_bytes\": {\"uniform\": [1000000, 1000001]}, "
                           "\"max_load\": {\"uniform\": [0.1234567, 0.12345678]}"));
  for (uint64_t i = 0; i < 1000; i++) {
    double mean = number_at(group_of(sweep), 0, i);
    assert_true(fabs(mean * 1e5 - round(mean * 1e5)) < 1e-3);
    double load = number_at(group_of(sweep), 1, i);
    assert_true(load >= 0.1234567 && load <= 0.12345678);
  }
  m4s_sweep_destroy(sweep);
}

static void samples_should_cross_other_axes(void **state) {
  (void)state;
  assert_points(AXES("{\"sample\": {\"points\": 2, \"degraded_gpus\": [2, 3]}}, {\"reduction\": "
                     "[4, 5]}"),
                NULL,
                "degraded_gpus=2,reduction=4 degraded_gpus=2,reduction=5 "
                "degraded_gpus=3,reduction=4 degraded_gpus=3,reduction=5");
}

static void samples_should_be_kept_as_written(void **state) {
  (void)state;
  m4s_sweep_t *sweep =
      fixture_sweep(SAMPLE("\"points\": 3, \"seed\": 5, \"reduction\": {\"uniform\": [1, 99]}"));
  json_t *spec = m4s_sweep_to_json(sweep);
  m4s_sweep_t *again = NULL;
  assert_int_equal(m4s_sweep_from_json(spec, "t.json", fixture_folder, &again), M4S_OK);
  for (uint64_t i = 0; i < 3; i++) {
    assert_true(number_at(group_of(sweep), 0, i) == number_at(group_of(again), 0, i));
  }
  json_decref(spec);
  m4s_sweep_destroy(again);
  m4s_sweep_destroy(sweep);
}

static const struct {
  const char *text, *message;
} bad_samples[] = {
    {AXES("{\"sample\": 3}"),
     "t.json: axes[0].sample: 3 is not an object {\"points\": n, \"setting\": values}"},
    {AXES("{\"sample\": {\"points\": 1, \"reduction\": [1]}, \"cores\": [1]}"),
     "t.json: axes[0]: {\"sample\":{\"points\":1,\"reduction\":[1]},\"cores\":[1]} has settings "
     "beside \"sample\", which belong into it"},
    {SAMPLE("\"reduction\": [1]"), "t.json: axes[0].sample.points: is missing"},
    {SAMPLE("\"points\": 2"), "t.json: axes[0].sample: {\"points\":2} names no setting"},
    {SAMPLE("\"points\": 0, \"reduction\": [1]"),
     "t.json: axes[0].sample.points: 0 is not a whole number from 1 to 50000"},
    {SAMPLE("\"points\": 50001, \"reduction\": [1]"),
     "t.json: axes[0].sample.points: 50001 is not a whole number from 1 to 50000"},
    {SAMPLE("\"points\": 1, \"seed\": -1, \"reduction\": [1]"),
     "t.json: axes[0].sample.seed: -1 is not a whole number from 0 to 9007199254740991"},
    {SAMPLE("\"points\": 1, \"seed\": \"x\", \"reduction\": [1]"),
     "t.json: axes[0].sample.seed: \"x\" is not a whole number from 0 to 9007199254740991"},
    {SAMPLE("\"points\": 1, \"reduktion\": [1]"),
     "t.json: axes[0].sample.reduktion: unknown setting \"reduktion\" (did you mean reduction?)"},
    {SAMPLE("\"points\": 1, \"reduction\": [1, 0]"),
     "t.json: axes[0].sample.reduction[1]: 0 is outside 1 to 1000000 (nearest valid: 1)"},
    {SAMPLE("\"points\": 1, \"reduction\": {\"unifrom\": [1, 2]}"),
     "t.json: axes[0].sample.reduction: unknown key \"unifrom\" (did you mean uniform?)"},
    {SAMPLE("\"points\": 1, \"reduction\": {\"uniform\": [1, 2], \"range\": [1, 2]}"),
     "t.json: axes[0].sample.reduction: {\"uniform\":[1,2],\"range\":[1,2]} must have one of "
     "uniform, loguniform"},
    {SAMPLE("\"points\": 1, \"reduction\": {\"uniform\": [1]}"),
     "t.json: axes[0].sample.reduction.uniform: [1] is not [low, high]"},
    {SAMPLE("\"points\": 1, \"reduction\": {\"uniform\": [1, 2.5]}"),
     "t.json: axes[0].sample.reduction.uniform[1]: 2.5 is not a whole number"},
    {SAMPLE("\"points\": 1, \"max_load\": {\"uniform\": [0.5, \"x\"]}"),
     "t.json: axes[0].sample.max_load.uniform[1]: \"x\" is not a number"},
    {SAMPLE("\"points\": 1, \"max_load\": {\"uniform\": [0.5, 0.5]}"),
     "t.json: axes[0].sample.max_load.uniform: [0.5,0.5]: the first is not below the second"},
    {SAMPLE("\"points\": 1, \"max_load\": {\"uniform\": [-1, 0.5]}"),
     "t.json: axes[0].sample.max_load.uniform[0]: -1 is outside 1e-06 to 100 (nearest valid: "
     "1e-06)"},
    {SAMPLE("\"points\": 1, \"lognorm_sigma\": {\"loguniform\": [0, 0.5]}"),
     "t.json: axes[0].sample.lognorm_sigma.loguniform[0]: 0 is not above 0"},
    {SAMPLE("\"points\": 1, \"sizes\": {\"uniform\": [0, 1]}"),
     "t.json: axes[0].sample.sizes.uniform: sizes is not a number, list its values"},
    {SAMPLE("\"points\": 1, \"time_limit_s\": {\"uniform\": [0, 1]}"),
     "t.json: axes[0].sample.time_limit_s: does not change results, so it cannot be an axis"},
    {SAMPLE("\"points\": 7, \"reduction\": [1, 2], \"cores\": {\"uniform\": [1, 3]}"),
     "t.json: axes[0].sample.points: 7 is more than the 6 that there may be"},
    {SAMPLE("\"points\": 3, \"reduction\": [1, 2, 1]"),
     "t.json: axes[0].sample.points: 3 is more than the different points that were found (nearest: "
     "2)"},
    {SAMPLE("\"points\": 2, \"reduction\": [1, 2], \"topology.reduction\": [1, 2]"),
     "t.json: axes[0].topology.reduction: is an axis already, axes[0].reduction"},
};

static void bad_samples_should_be_refused_with_place_and_value(void **state) {
  (void)state;
  for (size_t i = 0; i < M4S_COUNT(bad_samples); i++) {
    m4s_sweep_t *sweep = NULL;
    m4s_status_t status = m4s_sweep_parse(bad_samples[i].text, "t.json", &sweep);
    assert_null(sweep);
    assert_int_equal(status, M4S_ERR_INPUT);
    assert_string_equal(m4s_last_error(), bad_samples[i].message);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(draws_should_be_those_of_the_seed),
      cmocka_unit_test(points_should_be_the_same_whatever_their_number),
      cmocka_unit_test(a_setting_should_draw_the_same_beside_others),
      cmocka_unit_test(draws_should_be_even_between_the_bounds),
      cmocka_unit_test(numbers_should_have_as_many_digits_as_their_range_needs),
      cmocka_unit_test(samples_should_cross_other_axes),
      cmocka_unit_test(samples_should_be_kept_as_written),
      cmocka_unit_test(bad_samples_should_be_refused_with_place_and_value),
  };
  return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
