// Filter expressions.
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "sweep/where.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char *text = fuzz_text(data, n_bytes);
  m4s_where_t *where = NULL;
  m4s_status_t status = m4s_where_parse(text, "--where", &where);
  fuzz_check_status(status, "--where");
  if (status == M4S_OK) {
    size_t n_names = m4s_where_n_names(where);
    m4s_value_t *values = calloc(n_names + 1, sizeof *values);
    bool result;
    for (size_t i = 0; values != NULL && i < n_names; i++) {
      m4s_field_kind_t kind = m4s_where_setting(where, i).field->kind;
      bool number = kind == M4S_FIELD_INT || kind == M4S_FIELD_REAL;
      values[i] = (m4s_value_t){.kind = number                   ? M4S_VALUE_NUMBER
                                        : kind == M4S_FIELD_FLAG ? M4S_VALUE_TRUTH
                                                                 : M4S_VALUE_TEXT,
                                .number = (double)i,
                                .text = "file"};
    }
    (void)m4s_where_eval(where, values, &result);
    free(values);
  }
  m4s_where_destroy(where);
  free(text);
  return 0;
}
