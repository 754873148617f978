#include "sweep/outside.h"

#include <math.h>
#include <stdio.h>

#include "core/text.h"
#include "m4/m4.h"

// Four digits: for people, and the same text wherever the last bits differ.
static json_t *number(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.4g", value);
  double rounded;
  sscanf(text, "%lf", &rounded);
  return json_real(rounded);
}

m4s_status_t m4s_outside_make(const m4s_network_model_t *model, json_t **outside_out) {
  m4s_m4_outside_t inputs[M4S_M4_MAX_OUTSIDE];
  int32_t n = m4s_m4_outside(model, inputs);
  *outside_out = NULL;
  if (n == 0) {
    return M4S_OK;
  }
  json_t *outside = json_array();
  bool ok = outside != NULL;
  for (int32_t i = 0; ok && i < n; i++) {
    const m4s_m4_outside_t *input = &inputs[i];
    char name[128];
    snprintf(name, sizeof name, "%s: %s", input->of_link ? "link" : "flow", input->quantity);
    json_t *item = json_pack("{s:s, s:o, s:o, s:[o, o]}", "input", name, "least",
                             number(input->least), "greatest", number(input->greatest), "trained",
                             number(input->trained_least), number(input->trained_greatest));
    ok = item != NULL && json_array_append_new(outside, item) == 0;
  }
  if (!ok) {
    json_decref(outside);
    return m4s_fail_memory("a result");
  }
  *outside_out = outside;
  return M4S_OK;
}

static m4s_status_t add_input(const json_t *input, bool first, m4s_text_t *text) {
  const char *name = json_string_value(json_object_get(input, "input"));
  const json_t *trained = json_object_get(input, "trained");
  double least = json_number_value(json_object_get(input, "least"));
  double greatest = json_number_value(json_object_get(input, "greatest"));
  double trained_least = json_number_value(json_array_get(trained, 0));
  double trained_greatest = json_number_value(json_array_get(trained, 1));
  bool below = trained_least - least > greatest - trained_greatest;
  return m4s_text_add(text, "%s%s = %.4g (trained on %.4g to %.4g)", first ? "" : ", ",
                      name == NULL ? "?" : name, below ? least : greatest, trained_least,
                      trained_greatest);
}

m4s_status_t m4s_outside_words(const json_t *outside, char **words_out) {
  enum { MAX_SHOWN = 3 };
  size_t n = json_array_size(outside);
  *words_out = NULL;
  if (n == 0) {
    return M4S_OK;
  }
  m4s_text_t text = {0};
  m4s_status_t status = m4s_text_add(&text, "inputs outside the network's training: ");
  for (size_t i = 0; status == M4S_OK && i < n && i < MAX_SHOWN; i++) {
    status = add_input(json_array_get(outside, i), i == 0, &text);
  }
  if (status == M4S_OK && n > MAX_SHOWN) {
    status = m4s_text_add(&text, " and %zu more", n - MAX_SHOWN);
  }
  if (status != M4S_OK) {
    m4s_text_clear(&text);
    return status;
  }
  *words_out = text.bytes;
  return M4S_OK;
}
