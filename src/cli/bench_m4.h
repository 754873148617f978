// The parts of m4sweep bench m4: weights, steps, OpenBLAS, gray-failure points, and timing.
#pragma once

#include <stdbool.h>

#include "cli/bench.h"
#include "flow/workload.h"
#include "m4/engine.h"

// --- timing ---

typedef m4s_status_t m4s_bench_work_t(void *context);

// Repeats `work` for about `seconds`, once at least and after one run that does not count; what the
// fastest one took, so that what else runs on the machine counts least.
m4s_status_t m4s_bench_fastest(double seconds, m4s_bench_work_t *work, void *context,
                               double *fastest_s_out);

// --- the network and its steps ---

// Random weights of the published sizes: H 200, G 300, 3 GNN layers, 13 parameters. Always the
// same; the caller owns the model.
m4s_status_t m4s_bench_model_create(m4s_model_t **model_out);

// A step like those of gray-failure points: two thirds flows, one third links, 4 links on a path,
// or all where there are fewer.
typedef struct {
  m4s_step_t step;  // its arrays are owned
  m4s_engine_t *engine;  // borrowed
} m4s_bench_step_t;

// Takes rows of the engine and resets them. n_rows ≥ 2. Free with m4s_bench_step_clear().
m4s_status_t m4s_bench_step_init(m4s_engine_t *engine, int64_t n_rows, m4s_bench_step_t *step_out);
void m4s_bench_step_clear(m4s_bench_step_t *step);

// --- OpenBLAS ---

enum { M4S_BENCH_BLAS_NAME_BYTES = 128 };

// Gives OpenBLAS one thread; `name_out`: "OpenBLAS 0.3.21, SkylakeX kernels".
void m4s_bench_blas_start(char name_out[M4S_BENCH_BLAS_NAME_BYTES]);

typedef enum { M4S_BENCH_OPENBLAS, M4S_BENCH_OWN_KERNELS } m4s_bench_product_t;

// The most floating-point operations per second in products of square matrices, and the size of the
// one: by OpenBLAS, or by the kernels of the network.
m4s_status_t m4s_bench_peak(m4s_bench_product_t product, double seconds, double *flops_out,
                            int *size_out);

// A step written straight down: cblas_sgemm() for every product of all rows and a matrix, and
// passes over the rows for the rest.
typedef struct m4s_bench_baseline m4s_bench_baseline_t;

// Begins with the states that the step's rows now hold. All arguments are borrowed.
m4s_status_t m4s_bench_baseline_create(const m4s_model_t *model, const m4s_bench_step_t *step,
                                       m4s_bench_baseline_t **baseline_out);
void m4s_bench_baseline_destroy(m4s_bench_baseline_t *baseline);

// Evaluates the step of the baseline that is `context` once more: an m4s_bench_work_t.
m4s_status_t m4s_bench_baseline_run(void *context);

// [n_flows], of the last run.
const float *m4s_bench_baseline_slowdowns(const m4s_bench_baseline_t *baseline);

// The part of the time of all runs that went by in cblas_sgemm().
double m4s_bench_baseline_sgemm_share(const m4s_bench_baseline_t *baseline);

// --- points of the gray-failure sweep ---

typedef struct {
  int64_t n_flows, n_steps, n_flow_rows, n_link_rows;
  double matrix_flops;
  int64_t total_ns;  // of rank 0, as simulated
  double cpu_s, inference_s;
} m4s_bench_point_t;

// Simulates a point as the published runs did: algorithm interval in mode published, bfsz 10, fwin
// 1, DCTCP with K 10, send latency 3 us. With a network with fluid inputs: algorithm event.
m4s_status_t m4s_bench_point(m4s_engine_t *engine, const m4s_workload_t *workload,
                             int64_t degraded_gpus, int64_t reduction,
                             m4s_bench_point_t *point_out);

// --- a GPU ---

typedef struct {
  const m4s_model_t *model;
  const m4s_device_t *device;
  double peak_flops;  // of products on it
  double tolerance;  // of its agreement with the CPU, of the largest number
  double seconds;  // for each measurement
  const int64_t *rows;  // [n_rows]: of the steps that are timed
  size_t n_rows;
} m4s_bench_gpu_t;

// Prints tables of steps of many rows, with cells of cuBLAS and of cuDNN, and of points side by
// side.
m4s_status_t m4s_bench_gpu(const m4s_bench_gpu_t *bench);
