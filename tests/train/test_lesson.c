#include "train/lesson.h"

#include <math.h>

#include "support.h"

static void deviance_should_be_least_where_as_much_is_sent(void **state) {
  (void)state;
  static const double ratios[] = {0.02, 0.5, 1, 3};
  for (size_t i = 0; i < M4S_COUNT(ratios); i++) {
    double slope;
    assert_true(fabs(m4s_lesson_deviance(-log(ratios[i]), ratios[i], &slope)) < 1e-12);
    assert_true(fabs(slope) < 1e-12);
    assert_true(m4s_lesson_deviance(-log(ratios[i]) + 0.1, ratios[i], &slope) > 0 && slope > 0);
    assert_true(m4s_lesson_deviance(-log(ratios[i]) - 0.1, ratios[i], &slope) > 0 && slope < 0);
  }
}

static void deviance_should_have_the_slope_of_differences(void **state) {
  (void)state;
  static const double ratios[] = {0, 0.1, 1, 4};
  for (size_t i = 0; i < M4S_COUNT(ratios); i++) {
    for (double output = -2; output <= 4; output += 0.5) {
      const double step = 1e-6;
      double slope, unused;
      m4s_lesson_deviance(output, ratios[i], &slope);
      double difference = m4s_lesson_deviance(output + step, ratios[i], &unused) -
                          m4s_lesson_deviance(output - step, ratios[i], &unused);
      assert_true(fabs(difference / (2 * step) - slope) < 1e-8 * (1 + fabs(slope)));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(deviance_should_be_least_where_as_much_is_sent),
      cmocka_unit_test(deviance_should_have_the_slope_of_differences),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
