// Files that other simulators write: EndToEnd.csv and lists of completed flows.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow/end_to_end.h"
#include "flow/fct_file.h"
#include "fuzz/fuzz.h"

enum { N_NODES = 300 };

static void read_times(const char *path) {
  m4s_end_to_end_t times = {0};
  m4s_status_t status = m4s_end_to_end_read(path, &times);
  fuzz_check_status(status, path);
  if (status == M4S_OK && (times.n_layers == 0 || !(times.total_us >= 0))) {
    abort();
  }
  m4s_end_to_end_clear(&times);
}

static void read_flows(const char *path) {
  m4s_flow_record_t *records = NULL;
  int64_t n_records = 0;
  fuzz_check_status(m4s_fct_file_read(path, N_NODES, &records, &n_records), path);
  for (int64_t i = 0; i < n_records; i++) {
    if (records[i].src < 0 || records[i].src >= N_NODES || records[i].fct_ns < 0 ||
        (i > 0 && records[i].id <= records[i - 1].id)) {
      abort();
    }
  }
  free(records);
}

// The times of flows as the first lines of the corpus have them.
static void read_flow_times(const char *path) {
  m4s_flow_record_t flows[2] = {{.src = 0, .dst = 1, .size_bytes = 4096},
                                {.src = 0, .dst = 1, .size_bytes = 4096}};
  m4s_status_t status = m4s_fct_file_read_times(path, N_NODES, flows, 2);
  fuzz_check_status(status, path);
  if (status == M4S_OK && (flows[0].fct_ns <= 0 || flows[1].fct_ns <= 0)) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  char path[64];
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, n_bytes) != (ssize_t)n_bytes) {
    abort();
  }
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  read_times(path);
  read_flows(path);
  read_flow_times(path);
  close(fd);
  return 0;
}
