// What the commands of m4sweep bench share.
#pragma once

// CPU time of this thread: what else runs on the machine does not count.
double m4s_bench_cpu_s(void);

// The most memory that the process has had, MB.
double m4s_bench_peak_memory_mb(void);

// The first "model name" of /proc/cpuinfo.
enum { M4S_BENCH_CPU_NAME_BYTES = 96 };
void m4s_bench_cpu_name(char name_out[M4S_BENCH_CPU_NAME_BYTES]);
