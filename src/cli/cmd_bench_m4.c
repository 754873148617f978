// m4sweep bench m4: how fast a network is evaluated, next to OpenBLAS and the peak
// of its products on this core.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_m4.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "m4/m4.h"
#include "sweep/device_choice.h"

enum { MAX_LIST = 32 };

typedef struct {
  char *model, *workload, *batch_rows, *points, *device;
  int gpu_products;  // m4s_gpu_products_t
  double seconds;
} options_t;

static const m4s_field_t fields[] = {
    {.name = "model",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, model),
     .unit = "MODEL",
     .fallback = M4S_BUILT_IN_NAME,
     .help = "a file of weights, built-in, or random: weights of the published sizes, and no "
             "points"},
    {.name = "batch_rows",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, batch_rows),
     .unit = "LIST",
     .help = "rows (flows and links) of the steps that are timed, with commas; default: "
             "4,16,64,180,512,1024,2048; on a GPU up to 32768"},
    M4S_OPTION_DEVICE(options_t, "cpu", "cpu or cuda:N"),
    M4S_OPTION_GPU_PRODUCTS(options_t, "on a GPU, as for m4sweep run"),
    {.name = "seconds",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(options_t, seconds),
     .unit = "s",
     .fallback = "0.5",
     .min = 0.001,
     .max = 60,
     .help = "for each measurement; its fastest repetition counts"},
    {.name = "points",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, points),
     .unit = "LIST",
     .help = "gray-failure points NxR to simulate, N degraded GPUs at 1/R; default: "
             "2x4,16x4,10x10"},
    {.name = "workload",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, workload),
     .unit = "FILE",
     .help = "for the points; default: sweeps/workloads/gray-failure.txt"},
};

// --- lists of numbers ---

enum { ITEM_BYTES = 32, MAX_ROWS = 100000, MAX_DEGRADED = 32, MAX_REDUCTION = 1000 };

// Copies the list's next item and moves on behind its comma. False at the end of the list.
static bool next_item(const char **list, char item_out[ITEM_BYTES]) {
  if (*list == NULL) {
    return false;
  }
  size_t n = strcspn(*list, ",");
  snprintf(item_out, ITEM_BYTES, "%.*s", (int)(n < ITEM_BYTES ? n : ITEM_BYTES - 1), *list);
  *list = (*list)[n] == ',' ? *list + n + 1 : NULL;
  return true;
}

static m4s_status_t read_number(const char *text, int64_t min, int64_t max, const char *where,
                                int64_t *value_out) {
  const m4s_field_t field = {.kind = M4S_FIELD_INT, .min = (double)min, .max = (double)max};
  return m4s_field_set_text(&field, value_out, text, where);
}

static m4s_status_t check_room(size_t n, const char *where) {
  return n < MAX_LIST ? M4S_OK : m4s_fail(M4S_ERR_INPUT, "%s: more than %d items", where, MAX_LIST);
}

static m4s_status_t read_rows(const char *list, int64_t rows_out[MAX_LIST], size_t *n_out) {
  const char *where = "--batch-rows";
  char item[ITEM_BYTES];
  for (*n_out = 0; next_item(&list, item); ++*n_out) {
    M4S_TRY(check_room(*n_out, where));
    M4S_TRY(read_number(item, 2, MAX_ROWS, where, &rows_out[*n_out]));
  }
  return M4S_OK;
}

typedef struct {
  int64_t degraded_gpus, reduction;
} place_t;

static m4s_status_t read_points(const char *list, place_t points_out[MAX_LIST], size_t *n_out) {
  char item[ITEM_BYTES];
  for (*n_out = 0; next_item(&list, item); ++*n_out) {
    place_t *point = &points_out[*n_out];
    char *x = strchr(item, 'x');
    M4S_TRY(check_room(*n_out, "--points"));
    if (x == NULL) {
      return m4s_fail(M4S_ERR_INPUT, "--points: \"%s\" is no point NxR, such as 2x4", item);
    }
    *x = '\0';
    M4S_TRY(read_number(item, 1, MAX_DEGRADED, "--points: N", &point->degraded_gpus));
    M4S_TRY(read_number(x + 1, 1, MAX_REDUCTION, "--points: R", &point->reduction));
  }
  return M4S_OK;
}

// --- what is measured, on what ---

typedef struct {
  const options_t *options;
  m4s_model_t *model;
  m4s_workload_t *workload;  // of the points, NULL without them
  m4s_engine_t *engine;
  double peak_flops;
} bench_t;

static bool is_random(const options_t *options) { return strcmp(options->model, "random") == 0; }

static void print_network(const bench_t *bench) {
  const m4s_model_t *model = bench->model;
  double n_weights = (double)m4s_model_n_weights(model);
  printf("%s: hidden %d, GNN %d x %d layers, %d parameters; %.2f M weights, %.2f MB\n",
         is_random(bench->options) ? "random weights" : bench->options->model, model->hidden,
         model->gnn_hidden, model->n_gnn_layers, model->n_params, n_weights / 1e6,
         n_weights * (double)sizeof(float) / 1e6);
  printf("matrix products: %.3f MFLOP per flow row, %.3f per link row\n",
         m4s_model_flops_per_flow(model) / 1e6, m4s_model_flops_per_link(model) / 1e6);
}

static void print_head(const bench_t *bench) {
  char cpu[M4S_BENCH_CPU_NAME_BYTES];
  m4s_bench_cpu_name(cpu);
  printf("%s, one core, %s instructions\n", cpu, m4s_engine_instructions(bench->engine));
  print_network(bench);
}

// The peak is OpenBLAS's: what a product of large matrices reaches on this core.
static m4s_status_t measure_peak(bench_t *bench) {
  int size = 0;
  int own_size = 0;
  double own_flops = 0;
  double seconds = bench->options->seconds;
  char name[M4S_BENCH_BLAS_NAME_BYTES];
  m4s_bench_blas_start(name);
  M4S_TRY(m4s_bench_peak(M4S_BENCH_OWN_KERNELS, seconds, &own_flops, &own_size));
  M4S_TRY(m4s_bench_peak(M4S_BENCH_OPENBLAS, seconds, &bench->peak_flops, &size));
  printf("peak: %.1f GFLOP/s, %d x %d matrices, cblas_sgemm() of %s\n", bench->peak_flops / 1e9,
         size, size, name);
  printf("m4sweep's own kernels: %.1f GFLOP/s, %d x %d matrices\n", own_flops / 1e9, own_size,
         own_size);
  fflush(stdout);
  return M4S_OK;
}

// --- one step of many rows ---

typedef struct {
  m4s_inference_batch_t batch;
  const m4s_bench_step_t *steps;
  int n_steps;
  bool together;
} work_t;

static m4s_status_t evaluate(void *context) {
  work_t *work = context;
  for (int i = 0; i < work->n_steps; i++) {
    M4S_TRY(m4s_inference_batch_add(&work->batch, &work->steps[i].step));
    if (!work->together || i == work->n_steps - 1) {
      M4S_TRY(m4s_engine_evaluate(work->batch.engine, &work->batch));
    }
  }
  return M4S_OK;
}

// Time of one evaluation of all steps, in one batch or one by one.
static m4s_status_t time_steps(const bench_t *bench, const m4s_bench_step_t *steps, int n_steps,
                               bool together, double *cpu_s_out) {
  work_t work = {
      .batch = {.engine = bench->engine}, .steps = steps, .n_steps = n_steps, .together = together};
  m4s_status_t status = m4s_bench_fastest(bench->options->seconds, evaluate, &work, cpu_s_out);
  m4s_inference_batch_clear(&work.batch);
  return status;
}

// Both have made one step from the same states: a comparison of times is worth something only where
// the results agree.
static m4s_status_t check_agreement(const m4s_step_t *step, const float *slowdowns) {
  const double tolerance = 1e-4;
  double error = 0;
  double largest = 0;
  for (int32_t i = 0; i < step->n_flows; i++) {
    double difference = fabs((double)slowdowns[i] - (double)step->predictions_out[i]);
    error = isfinite(difference) ? fmax(error, difference) : INFINITY;
    largest = fmax(largest, fabs((double)step->predictions_out[i]));
    if (!isfinite(difference)) {
      break;
    }
  }
  return error <= tolerance * largest
             ? M4S_OK
             : m4s_fail(M4S_ERR_INTERNAL,
                        "slowdowns of a step of %d flows differ by %g between this program and "
                        "OpenBLAS",
                        step->n_flows, error);
}

static m4s_status_t time_baseline(const bench_t *bench, const m4s_bench_step_t *step,
                                  double *cpu_s_out, double *sgemm_share_out) {
  m4s_bench_baseline_t *baseline = NULL;
  work_t work = {.batch = {.engine = bench->engine}, .steps = step, .n_steps = 1};
  M4S_TRY(m4s_bench_baseline_create(bench->model, step, &baseline));
  m4s_status_t status = m4s_bench_baseline_run(baseline);
  if (status == M4S_OK) {
    status = evaluate(&work);
  }
  if (status == M4S_OK) {
    status = check_agreement(&step->step, m4s_bench_baseline_slowdowns(baseline));
  }
  if (status == M4S_OK) {
    status =
        m4s_bench_fastest(bench->options->seconds, m4s_bench_baseline_run, baseline, cpu_s_out);
    *sgemm_share_out = m4s_bench_baseline_sgemm_share(baseline);
  }
  m4s_inference_batch_clear(&work.batch);
  m4s_bench_baseline_destroy(baseline);
  return status;
}

static double flops_of(const bench_t *bench, const m4s_step_t *step) {
  return (double)step->n_flows * m4s_model_flops_per_flow(bench->model) +
         (double)step->n_links * m4s_model_flops_per_link(bench->model);
}

static void print_rate(const bench_t *bench, const m4s_step_t *step, double cpu_s) {
  double flops = flops_of(bench, step) / cpu_s;
  printf("   %10.0f %9.0f %8.1f %7.1f%%", (double)(step->n_flows + step->n_links) / cpu_s,
         1 / cpu_s, flops / 1e9, 100 * flops / bench->peak_flops);
}

static m4s_status_t bench_rows(const bench_t *bench, int64_t n_rows) {
  m4s_bench_step_t step;
  double cpu_s = 0;
  double baseline_s = 0;
  double sgemm_share = 0;
  M4S_TRY(m4s_bench_step_init(bench->engine, n_rows, &step));
  m4s_status_t status = time_baseline(bench, &step, &baseline_s, &sgemm_share);
  if (status == M4S_OK) {
    status = time_steps(bench, &step, 1, true, &cpu_s);
  }
  if (status == M4S_OK) {
    printf("%7" PRId64, n_rows);
    print_rate(bench, &step.step, cpu_s);
    printf(" %8.1f", (double)m4s_model_n_weights(bench->model) * sizeof(float) / cpu_s / 1e9);
    print_rate(bench, &step.step, baseline_s);
    printf(" %7.0f%%  %7.2fx\n", 100 * sgemm_share, baseline_s / cpu_s);
    fflush(stdout);
  }
  m4s_bench_step_clear(&step);
  return status;
}

static m4s_status_t bench_table(const bench_t *bench, const int64_t *rows, size_t n) {
  printf("\none step of so many rows: two thirds flows, one third links, 4 links on a path\n");
  printf("%7s   %-47s   %-47s  %8s\n", "", "m4sweep", "OpenBLAS", "m4sweep");
  printf("%7s   %10s %9s %8s %8s %8s", "rows", "rows/s", "steps/s", "GFLOP/s", "of peak", "GB/s");
  printf("   %10s %9s %8s %8s %8s  %8s\n", "rows/s", "steps/s", "GFLOP/s", "of peak", "in sgemm",
         "faster");
  for (size_t i = 0; i < n; i++) {
    M4S_TRY(bench_rows(bench, rows[i]));
  }
  return M4S_OK;
}

// --- many small steps ---

enum { SMALL_ROWS = 6, MAX_STEPS = 64 };

static m4s_status_t bench_steps(const bench_t *bench, const m4s_bench_step_t *steps, int n_steps) {
  double together_s = 0;
  double alone_s = 0;
  M4S_TRY(time_steps(bench, steps, n_steps, true, &together_s));
  M4S_TRY(time_steps(bench, steps, n_steps, false, &alone_s));
  double flops = n_steps * flops_of(bench, &steps[0].step) / together_s;
  printf("%7d   %10.0f   %10.0f %8.1f %7.1f%%  %7.2fx\n", n_steps, n_steps / alone_s,
         n_steps / together_s, flops / 1e9, 100 * flops / bench->peak_flops, alone_s / together_s);
  fflush(stdout);
  return M4S_OK;
}

static m4s_status_t bench_side_by_side(const bench_t *bench) {
  m4s_bench_step_t steps[MAX_STEPS];
  int n_steps = 0;
  m4s_status_t status = M4S_OK;
  printf("\nsmall steps of %d rows, one by one and side by side in one batch\n", SMALL_ROWS);
  printf("%7s   %-10s   %s\n%7s   %10s   %10s %8s %8s  %8s\n", "", "one by one", "side by side",
         "steps", "steps/s", "steps/s", "GFLOP/s", "of peak", "faster");
  for (int n = 1; status == M4S_OK && n <= MAX_STEPS; n *= 2) {
    while (status == M4S_OK && n_steps < n) {
      status = m4s_bench_step_init(bench->engine, SMALL_ROWS, &steps[n_steps]);
      n_steps += status == M4S_OK;
    }
    if (status == M4S_OK) {
      status = bench_steps(bench, steps, n);
    }
  }
  for (int i = 0; i < n_steps; i++) {
    m4s_bench_step_clear(&steps[i]);
  }
  return status;
}

// --- points ---

static m4s_status_t bench_points(const bench_t *bench, const place_t *points, size_t n) {
  printf("\ngray-failure points, algorithm %s\n",
         bench->model->inputs == M4S_INPUTS_FLUID ? "event" : "interval, mode published");
  printf("%8s %8s %7s   %-15s   %8s %9s %8s %8s %8s %14s\n", "", "", "", "rows of a step", "", "",
         "", "", "outside", "total time,");
  printf("%8s %8s %7s   %7s %7s   %8s %9s %8s %8s %8s %14s\n", "point", "flows", "steps", "flows",
         "links", "s", "steps/s", "GFLOP/s", "of peak", "the net", "simulated us");
  for (size_t i = 0; i < n; i++) {
    char name[16];
    m4s_bench_point_t point;
    snprintf(name, sizeof name, "(%" PRId64 ",%" PRId64 ")", points[i].degraded_gpus,
             points[i].reduction);
    M4S_TRY(m4s_bench_point(bench->engine, bench->workload, points[i].degraded_gpus,
                            points[i].reduction, &point));
    double n_steps = (double)point.n_steps;
    double flops = point.matrix_flops / point.inference_s;
    printf("%8s %8" PRId64 " %7" PRId64
           "   %7.1f %7.1f   %8.3f %9.0f %8.1f %7.1f%% %7.1f%% %14.3f\n",
           name, point.n_flows, point.n_steps, (double)point.n_flow_rows / n_steps,
           (double)point.n_link_rows / n_steps, point.cpu_s, n_steps / point.cpu_s, flops / 1e9,
           100 * flops / bench->peak_flops, 100 * (1 - point.inference_s / point.cpu_s),
           (double)point.total_ns / 1e3);
    fflush(stdout);
  }
  return M4S_OK;
}

// --- inputs ---

// Steps and points are those of networks with the parameters of the published ones.
static m4s_status_t read_model(const char *path, m4s_model_t **model_out) {
  m4s_status_t status = m4s_model_read(m4s_typed_model(path), model_out);
  if (status == M4S_OK && (*model_out)->inputs == M4S_INPUTS_PUBLISHED &&
      (*model_out)->n_params != M4S_M4_N_PARAMS) {
    status = m4s_fail(M4S_ERR_INPUT, "%s takes %d network parameters, not %d", path,
                      (*model_out)->n_params, M4S_M4_N_PARAMS);
  }
  return status == M4S_OK ? M4S_OK : m4s_fail_in(status, "--model");
}

static m4s_status_t read_inputs(bench_t *bench) {
  const options_t *options = bench->options;
  if (is_random(options) && (options->points != NULL || options->workload != NULL)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: points are not simulated with random weights (--model)",
                    options->points != NULL ? "--points" : "--workload");
  }
  if (is_random(options)) {
    return m4s_bench_model_create(&bench->model);
  }
  M4S_TRY(read_model(options->model, &bench->model));
  const char *workload = options->workload;
  workload = workload == NULL ? "sweeps/workloads/gray-failure.txt" : workload;
  m4s_status_t status = m4s_workload_read(workload, &bench->workload);
  return status == M4S_OK ? M4S_OK : m4s_fail_in(status, "--workload");
}

// --- on a GPU ---

static m4s_status_t bench_gpu(const bench_t *bench, const m4s_device_choice_t *choice,
                              const int64_t *rows, size_t n_rows) {
  char versions[128];
  m4s_gpu_info_t info;
  m4s_gpu_t *gpu = NULL;
  double peak_flops = 0;
  int size = 0;
  M4S_TRY(m4s_gpu_describe(choice->gpu, &info));
  M4S_TRY(m4s_gpu_open(choice->gpu, choice->products, &gpu));
  m4s_status_t status = m4s_gpu_peak(gpu, &peak_flops, &size);
  if (status == M4S_OK) {
    const m4s_device_t device = m4s_gpu_device(gpu);
    const m4s_bench_gpu_t tables = {.model = bench->model,
                                    .device = &device,
                                    .peak_flops = peak_flops,
                                    .tolerance = choice->products == M4S_GPU_TF32 ? 3e-2 : 1e-3,
                                    .seconds = bench->options->seconds,
                                    .rows = rows,
                                    .n_rows = n_rows};
    m4s_gpu_versions(gpu, versions, sizeof versions);
    printf("cuda:%d, %s, %.0f GB, %s\n", choice->gpu, info.name, (double)info.memory_bytes / 1e9,
           versions);
    print_network(bench);
    printf("peak: %.1f GFLOP/s, %d x %d matrices, %s products of cuBLAS\n", peak_flops / 1e9, size,
           size, m4s_gpu_products_names[choice->products]);
    fflush(stdout);
    status = m4s_bench_gpu(&tables);
    printf("\nproducts of a size by more than one algorithm: %" PRId64
           " (with any, last bits depend on batches)\n",
           m4s_gpu_n_exceptions(gpu));
  }
  m4s_gpu_close(gpu);
  return status;
}

// --- the command ---

static m4s_status_t bench_cpu(bench_t *bench, const int64_t *rows, size_t n_rows,
                              const place_t *points, size_t n_points) {
  M4S_TRY(m4s_engine_create(bench->model, M4S_FORWARD_FAST, &bench->engine));
  print_head(bench);
  M4S_TRY(measure_peak(bench));
  M4S_TRY(bench_table(bench, rows, n_rows));
  M4S_TRY(bench_side_by_side(bench));
  return bench->workload == NULL ? M4S_OK : bench_points(bench, points, n_points);
}

static m4s_status_t read_device(const options_t *options, m4s_device_choice_t *choice_out) {
  choice_out->products = (m4s_gpu_products_t)options->gpu_products;
  M4S_TRY(m4s_device_choice_read(options->device, choice_out));
  M4S_TRY(m4s_device_choice_resolve(choice_out, 0));
  if (choice_out->gpu >= 0 && (options->points != NULL || options->workload != NULL)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: points are simulated on the CPU only, see m4sweep run",
                    options->points != NULL ? "--points" : "--workload");
  }
  return M4S_OK;
}

static m4s_status_t run_bench(bench_t *bench) {
  const options_t *options = bench->options;
  m4s_device_choice_t choice = m4s_device_choice_cpu();
  int64_t rows[MAX_LIST];
  place_t points[MAX_LIST];
  size_t n_rows = 0;
  size_t n_points = 0;
  M4S_TRY(read_device(options, &choice));
  const char *usual =
      choice.gpu < 0 ? "4,16,64,180,512,1024,2048" : "16,180,512,1024,2048,4096,8192,16384,32768";
  M4S_TRY(read_rows(options->batch_rows == NULL ? usual : options->batch_rows, rows, &n_rows));
  M4S_TRY(
      read_points(options->points == NULL ? "2x4,16x4,10x10" : options->points, points, &n_points));
  M4S_TRY(read_inputs(bench));
  return choice.gpu < 0 ? bench_cpu(bench, rows, n_rows, points, n_points)
                        : bench_gpu(bench, &choice, rows, n_rows);
}

static int run(const void *values, int n_arguments, char **arguments) {
  (void)n_arguments;
  (void)arguments;
  bench_t bench = {.options = values};
  m4s_status_t status = run_bench(&bench);
  m4s_engine_destroy(bench.engine);
  m4s_workload_destroy(bench.workload);
  m4s_model_destroy(bench.model);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_bench_m4 = {
    .name = "bench m4",
    .arguments = "",
    .summary = "time the network of m4: rows/s next to OpenBLAS, gray-failure points",
    .details =
        "One core; seconds are the CPU time of the thread. GFLOP/s: 2 for each multiply-add of a\n"
        "matrix product, nothing for the rest. GB/s: if all weights were read once a step. "
        "OpenBLAS:\n"
        "the same step with cblas_sgemm() for each product and passes over the rows for the rest. "
        "In\n"
        "sgemm, outside the net: parts of the time. On a GPU seconds are the clock's.",
    .options = fields,
    .n_options = M4S_COUNT(fields),
    .options_bytes = sizeof(options_t),
    .run = run,
};
