// m4sweep bench m4 --device cuda:N: steps on a GPU.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cli/bench_m4.h"
#include "core/clock.h"
#include "m4/cuda/calibrate.h"
#include "m4/cuda/forward.h"

enum { N_CELLS = 2, USUAL_ROWS = 180, MAX_POINTS = 128, MIN_REPEATS = 5 };

static const char *const cells_names[N_CELLS] = {
    [M4S_GPU_CELLS_CUBLAS] = "cuBLAS", [M4S_GPU_CELLS_CUDNN] = "cuDNN"};

// --- timing ---

// What a lane evaluates.
typedef struct {
  m4s_engine_t *engine;
  const m4s_bench_step_t *steps;
  int n_steps;
  m4s_inference_batch_t batch;
} work_t;

static m4s_status_t begin(work_t *work, int lane) {
  for (int i = 0; i < work->n_steps; i++) {
    M4S_TRY(m4s_inference_batch_add(&work->batch, &work->steps[i].step));
  }
  return m4s_engine_begin(work->engine, lane, &work->batch);
}

static m4s_status_t evaluate(work_t *work) {
  M4S_TRY(begin(work, 0));
  return m4s_engine_end(work->engine, 0);
}

// Seconds by the clock of the fastest evaluation; the first two, which load and record, do not
// count.
static m4s_status_t time_work(work_t *work, double seconds, double *fastest_s_out) {
  double fastest_s = INFINITY;
  M4S_TRY(evaluate(work));
  M4S_TRY(evaluate(work));
  double until_s = m4s_now_s() + seconds;
  double began_s = m4s_now_s();
  for (int i = 0; i < MIN_REPEATS || began_s < until_s; i++) {
    M4S_TRY(evaluate(work));
    double ended_s = m4s_now_s();
    fastest_s = fmin(fastest_s, ended_s - began_s);
    began_s = ended_s;
  }
  *fastest_s_out = fastest_s;
  return M4S_OK;
}

// Where the time of a step goes, on average.
static m4s_status_t split_work(work_t *work, double seconds, m4s_gpu_times_t *times_out) {
  m4s_gpu_forward_t *forward = m4s_engine_gpu(work->engine);
  double until_s = m4s_now_s() + seconds;
  m4s_status_t status = M4S_OK;
  m4s_gpu_forward_time(forward, true);
  for (int i = 0; status == M4S_OK && (i < MIN_REPEATS || m4s_now_s() < until_s); i++) {
    status = evaluate(work);
  }
  *times_out = m4s_gpu_forward_times(forward);
  m4s_gpu_forward_time(forward, false);
  return status;
}

// --- one step of many rows ---

static double flops_of(const m4s_bench_gpu_t *bench, const m4s_step_t *step) {
  return (double)step->n_flows * m4s_model_flops_per_flow(bench->model) +
         (double)step->n_links * m4s_model_flops_per_link(bench->model);
}

static m4s_status_t bench_rows(const m4s_bench_gpu_t *bench, m4s_engine_t *engine, int cells,
                               int64_t n_rows) {
  m4s_bench_step_t step;
  double s = 0;
  m4s_gpu_times_t times = {0};
  M4S_TRY(m4s_bench_step_init(engine, n_rows, &step));
  work_t work = {.engine = engine, .steps = &step, .n_steps = 1, .batch = {.engine = engine}};
  m4s_status_t status = time_work(&work, bench->seconds, &s);
  if (status == M4S_OK) {
    status = split_work(&work, bench->seconds, &times);
  }
  if (status == M4S_OK) {
    double flops = flops_of(bench, &step.step) / s;
    double us = 1e6 / (double)times.n_parts;
    printf("%7" PRId64 "  %-6s   %11.0f %9.0f %9.0f %7.1f%%   %9.1f %8.1f %8.1f %8.1f %8.1f\n",
           n_rows, cells_names[cells], (double)n_rows / s, 1 / s, flops / 1e9,
           100 * flops / bench->peak_flops, 1e6 * s, us * times.launch_s, us * times.up_s,
           us * times.compute_s, us * times.down_s);
    fflush(stdout);
  }
  m4s_inference_batch_clear(&work.batch);
  m4s_bench_step_clear(&step);
  return status;
}

static m4s_status_t bench_table(const m4s_bench_gpu_t *bench, m4s_engine_t *const *engines) {
  printf("\none step of so many rows: two thirds flows, one third links, 4 links on a path\n");
  printf("%7s  %-6s   %-39s   %s\n", "", "", "",
         "us a step: all, host; on the GPU up, compute, down");
  printf("%7s  %-6s   %11s %9s %9s %8s   %9s %8s %8s %8s %8s\n", "rows", "cells", "rows/s",
         "steps/s", "GFLOP/s", "of peak", "all", "host", "up", "compute", "down");
  for (size_t i = 0; i < bench->n_rows; i++) {
    for (int cells = 0; cells < N_CELLS; cells++) {
      if (engines[cells] != NULL) {
        M4S_TRY(bench_rows(bench, engines[cells], cells, bench->rows[i]));
      }
    }
  }
  return M4S_OK;
}

// --- points side by side ---

// Rounds of two lanes, one begun while the other is evaluated; seconds a round of both.
static m4s_status_t time_lanes(work_t works[2], double seconds, double *s_out) {
  int64_t n_rounds = 0;
  M4S_TRY(begin(&works[0], 0));
  double began_s = m4s_now_s();
  do {
    M4S_TRY(begin(&works[1], 1));
    M4S_TRY(m4s_engine_end(works[0].engine, 0));
    M4S_TRY(begin(&works[0], 0));
    M4S_TRY(m4s_engine_end(works[1].engine, 1));
    n_rounds++;
  } while (n_rounds < MIN_REPEATS || m4s_now_s() < began_s + seconds);
  *s_out = (m4s_now_s() - began_s) / (double)n_rounds;
  return m4s_engine_end(works[0].engine, 0);
}

static m4s_status_t bench_points(const m4s_bench_gpu_t *bench, m4s_engine_t *engine,
                                 const m4s_bench_step_t *steps, int n) {
  double together_s = 0;
  double lanes_s = 0;
  int half = n / 2;
  work_t all = {.engine = engine, .steps = steps, .n_steps = n, .batch = {.engine = engine}};
  work_t halves[2] = {
      {.engine = engine, .steps = steps, .n_steps = half, .batch = {.engine = engine}},
      {.engine = engine, .steps = steps + half, .n_steps = n - half, .batch = {.engine = engine}}};
  m4s_status_t status = time_work(&all, bench->seconds, &together_s);
  if (status == M4S_OK && half > 0) {
    status = time_lanes(halves, bench->seconds / 2, &lanes_s);  // loads and records
  }
  if (status == M4S_OK && half > 0) {
    status = time_lanes(halves, bench->seconds, &lanes_s);
  }
  if (status == M4S_OK) {
    double flops = n * flops_of(bench, &steps[0].step) / together_s;
    printf("%7d   %10.0f %9.0f %7.1f%%", n, n / together_s, flops / 1e9,
           100 * flops / bench->peak_flops);
    if (half > 0) {
      printf("   %10.0f", n / lanes_s);
    }
    printf("\n");
    fflush(stdout);
  }
  m4s_inference_batch_clear(&all.batch);
  m4s_inference_batch_clear(&halves[0].batch);
  m4s_inference_batch_clear(&halves[1].batch);
  return status;
}

static m4s_status_t bench_side_by_side(const m4s_bench_gpu_t *bench, m4s_engine_t *engine) {
  static m4s_bench_step_t steps[MAX_POINTS];
  int n_steps = 0;
  m4s_status_t status = M4S_OK;
  printf("\npoints side by side, a step of %d rows each; cells of cuBLAS\n", USUAL_ROWS);
  printf("%7s   %-29s   %s\n%7s   %10s %9s %8s   %10s\n", "", "in one batch", "in two groups",
         "points", "steps/s", "GFLOP/s", "of peak", "steps/s");
  for (int n = 1; status == M4S_OK && n <= MAX_POINTS; n *= 2) {
    while (status == M4S_OK && n_steps < n) {
      status = m4s_bench_step_init(engine, USUAL_ROWS, &steps[n_steps]);
      n_steps += status == M4S_OK;
    }
    if (status == M4S_OK) {
      status = bench_points(bench, engine, steps, n);
    }
  }
  for (int i = 0; i < n_steps; i++) {
    m4s_bench_step_clear(&steps[i]);
  }
  return status;
}

// --- all ---

static m4s_status_t run(const m4s_bench_gpu_t *bench, m4s_engine_t **engines) {
  M4S_TRY(m4s_engine_create_on(bench->model, bench->device, M4S_GPU_CELLS_CUBLAS, &engines[0]));
  M4S_TRY(m4s_engine_calibrate(engines[0], bench->tolerance));
  printf("agrees with the CPU within %g; batches are full from %d rows on, at most %d\n",
         bench->tolerance, m4s_engine_full_rows(engines[0]),
         m4s_gpu_forward_max_rows(m4s_engine_gpu(engines[0])));
  m4s_status_t status =
      m4s_engine_create_on(bench->model, bench->device, M4S_GPU_CELLS_CUDNN, &engines[1]);
  if (status == M4S_OK) {
    status = m4s_gpu_check(engines[1], bench->tolerance);
  }
  if (status != M4S_OK) {
    printf("not measured: cells of cuDNN: %s\n", m4s_last_error());
    m4s_engine_destroy(engines[1]);
    engines[1] = NULL;
  }
  M4S_TRY(bench_table(bench, engines));
  return bench_side_by_side(bench, engines[0]);
}

m4s_status_t m4s_bench_gpu(const m4s_bench_gpu_t *bench) {
  m4s_engine_t *engines[N_CELLS] = {NULL};
  m4s_status_t status = run(bench, engines);
  m4s_engine_destroy(engines[0]);
  m4s_engine_destroy(engines[1]);
  return status;
}
