#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *fuzz_text(const uint8_t *data, size_t n_bytes) {
  char *text = malloc(n_bytes + 1);
  if (text == NULL) {
    abort();
  }
  if (n_bytes > 0) {
    memcpy(text, data, n_bytes);
  }
  text[n_bytes] = '\0';
  return text;
}

void fuzz_check_status(m4s_status_t status, const char *path) {
  const char *message = m4s_last_error();
  if (status == M4S_OK) {
    return;
  }
  if (status != M4S_ERR_INPUT || strncmp(message, path, strlen(path)) != 0 ||
      strpbrk(message, "\n\r") != NULL) {
    fprintf(stderr, "status %d with the message \"%s\"\n", (int)status, message);
    abort();
  }
}
