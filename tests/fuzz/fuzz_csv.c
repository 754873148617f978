// CSV tables, as of references.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/csv.h"
#include "fuzz/fuzz.h"

// Every cell is read, so that a sanitizer sees one that is none.
static size_t sum_lengths(const m4s_csv_t *csv) {
  size_t sum = 0;
  for (size_t row = 0; row < csv->n_rows; row++) {
    for (size_t column = 0; column < csv->n_columns; column++) {
      sum += strlen(m4s_csv_cell(csv, row, column));
    }
  }
  return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char path[64];
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, n_bytes) != (ssize_t)n_bytes) {
    abort();
  }
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  m4s_csv_t csv = {0};
  m4s_status_t status = m4s_csv_read(path, &csv);
  fuzz_check_status(status, path);
  if (status == M4S_OK && (sum_lengths(&csv) > n_bytes || m4s_csv_column(&csv, "x") < -1)) {
    abort();
  }
  m4s_csv_clear(&csv);
  close(fd);
  return 0;
}
