#include "cli/bench.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

double m4s_bench_cpu_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double m4s_bench_peak_memory_mb(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss / 1024.0;
}

void m4s_bench_cpu_name(char name_out[M4S_BENCH_CPU_NAME_BYTES]) {
  char line[256];
  FILE *file = fopen("/proc/cpuinfo", "r");
  snprintf(name_out, M4S_BENCH_CPU_NAME_BYTES, "unknown CPU");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "model name : %95[^\n]", name_out) == 1) {
      break;
    }
  }
  if (file != NULL) {
    fclose(file);
  }
}
