// Filter expressions.
#include "fixture.h"

// Evaluates with reduction = 5, gpus = 32, flowsim.mode = "exact", output.flows = true.
static bool eval(const char *text) {
  m4s_where_t *where = NULL;
  m4s_status_t status = m4s_where_parse(text, "w", &where);
  if (status != M4S_OK) {
    fail_msg("%s: %s", text, m4s_last_error());
  }
  m4s_value_t values[8] = {{0}};
  for (size_t i = 0; i < m4s_where_n_names(where); i++) {
    const char *name = m4s_where_setting(where, i).field->name;
    if (strcmp(name, "reduction") == 0) {
      values[i] = (m4s_value_t){.kind = M4S_VALUE_NUMBER, .number = 5};
    } else if (strcmp(name, "gpus") == 0) {
      values[i] = (m4s_value_t){.kind = M4S_VALUE_NUMBER, .number = 32};
    } else if (strcmp(name, "mode") == 0) {
      values[i] = (m4s_value_t){.kind = M4S_VALUE_TEXT, .text = "exact"};
    } else {
      values[i] = (m4s_value_t){.kind = M4S_VALUE_TRUTH, .truth = true};
    }
  }
  bool result = false;
  assert_int_equal(m4s_where_eval(where, values, &result), M4S_OK);
  m4s_where_destroy(where);
  return result;
}

static void where_should_follow_precedence(void **state) {
  (void)state;
  assert_true(eval("1 + 2 * 3 == 7"));
  assert_true(eval("(1 + 2) * 3 == 9"));
  assert_true(eval("10 - 4 - 3 == 3"));
  assert_true(eval("2 * 7 % 4 == 2"));
  assert_true(eval("-2 + 3 == 1 && !(1 > 2)"));
  assert_true(eval("1 == 1 || 1 == 2 && 1 == 3"));
  assert_false(eval("(1 == 1 || 1 == 2) && 1 == 3"));
  assert_true(eval("1.5e1 == 15 && .5 < 1"));
}

static void where_should_know_settings(void **state) {
  (void)state;
  assert_true(eval("reduction * 2 == 10"));
  assert_true(eval("topology.reduction<gpus"));
  assert_true(eval("flowsim.mode == 'exact'"));
  assert_true(eval("flowsim.mode != \"published\""));
  assert_true(eval("output.flows"));
  assert_true(eval("flows == true && !links == false"));
}

static void where_should_skip_what_does_not_matter(void **state) {
  (void)state;
  assert_true(eval("reduction == 5 || 1 / 0 > 1"));
  assert_false(eval("reduction != 5 && 1 % 0 > 1"));
}

static void bad_expressions_should_name_the_column(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "w: column 1: a number, 'text', name or parenthesis is needed, not the end"},
      {"reduction", "w: is a number, a condition such as reduction <= 4 is needed"},
      {"reduction = 4", "w: column 11: an operator is needed, not \"= 4\" (did you mean ==?)"},
      {"reduction == 4 & gpus == 2",
       "w: column 16: an operator is needed, not \"& gpus == 2\" (did you mean &&?)"},
      {"reduction == 4 and gpus == 2", "w: column 16: use &&, not \"and\""},
      {"(reduction == 4 or gpus == 2)", "w: column 17: use ||, not \"or\""},
      {"not (reduction == 4)", "w: column 1: use !, not \"not\""},
      {"(reduction == 4", "w: column 1: a parenthesis that does not close"},
      {"reduction == 4)", "w: column 15: an operator is needed, not \")\""},
      {"reductoin == 4", "w: column 1: unknown setting \"reductoin\" (did you mean reduction?)"},
      {"gpus == 1 && topolgy.gpus == 4",
       "w: column 14: unknown setting \"topolgy.gpus\" (did you mean topology.gpus?)"},
      {"flowsim.mode == 'exakt'",
       "w: column 17: \"exakt\" is none of exact, published (did you mean exact?)"},
      {"flowsim.mode == 3", "w: column 14: \"==\" between a text and a number"},
      {"flowsim.mode < 'x'", "w: column 14: \"<\" needs a number on both sides, not a text"},
      {"mode == 'exact'",
       "w: column 1: \"mode\" may be flowsim.mode or m4.mode, write one of them"},
      {"2 <= gpus <= 4",
       "w: column 11: \"<=\" needs a number on both sides, not a truth value (write a <= x && x "
       "<= b for a range)"},
      {"!gpus", "w: column 1: \"!\" needs a truth value, not a number"},
      {"-true == 1", "w: column 1: \"-\" needs a number, not a truth value"},
      {"gpus > 0x10", "w: column 8: \"0x10\" is not a number"},
      {"gpus > 1e999", "w: column 8: \"1e999\" is not a number"},
      {"flowsim.mode == 'exact", "w: column 17: a quote that does not close"},
      {"gpus > 3 @", "w: column 10: an operator is needed, not \"@\""},
  };
  for (size_t i = 0; i < M4S_COUNT(cases); i++) {
    m4s_where_t *where = NULL;
    assert_int_equal(m4s_where_parse(cases[i].text, "w", &where), M4S_ERR_INPUT);
    assert_null(where);
    assert_string_equal(m4s_last_error(), cases[i].message);
  }
}

static void deep_expressions_should_be_refused(void **state) {
  (void)state;
  char text[201];
  memset(text, '(', 200);
  text[200] = '\0';
  m4s_where_t *where = NULL;
  assert_int_equal(m4s_where_parse(text, "w", &where), M4S_ERR_INPUT);
  assert_non_null(strstr(m4s_last_error(), "nested too deeply"));
}

static void division_by_zero_should_be_an_error(void **state) {
  (void)state;
  m4s_where_t *where;
  bool result;
  assert_int_equal(m4s_where_parse("1 / 0 > 2", "w", &where), M4S_OK);
  assert_int_equal(m4s_where_eval(where, NULL, &result), M4S_ERR_INPUT);
  assert_string_equal(m4s_last_error(), "w: column 3: division by zero");
  m4s_where_destroy(where);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(where_should_follow_precedence),
      cmocka_unit_test(where_should_know_settings),
      cmocka_unit_test(where_should_skip_what_does_not_matter),
      cmocka_unit_test(bad_expressions_should_name_the_column),
      cmocka_unit_test(deep_expressions_should_be_refused),
      cmocka_unit_test(division_by_zero_should_be_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
