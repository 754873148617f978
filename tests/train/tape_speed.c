// tape_speed [SECONDS]: rows a second, forward and backward, of the tape next to three times the
// engine's forward pass, on batches of steps whose rows are two thirds flows, one third links.
#include "support.h"

#include <time.h>

#include "train/tape.h"

enum { N_STEPS = 4, N_BATCHES = 16, PATH = 5 };

typedef struct {
  m4s_inference_batch_t batch;
  int32_t *rows, *edge_begin, *edges;  // owned, of all steps
  float *inputs, *predictions;  // likewise
} batches_t;

static double cpu_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *allocate(size_t n, size_t item_bytes) {
  void *items = calloc(n, item_bytes);
  assert_non_null(items);
  return items;
}

// A step over new rows; its edges are those from edge_begin on.
static void make_step(batches_t *batches, int32_t n_flows, int32_t n_links, int32_t *rows,
                      int32_t *edge_begin, int32_t *edges, float *inputs, float *predictions) {
  m4s_engine_t *engine = batches->batch.engine;
  const m4s_model_t *model = m4s_engine_model(engine);
  uint64_t random = (uint64_t)(rows - batches->rows);
  for (int32_t i = 0; i < n_flows; i++) {
    ASSERT_OK(m4s_engine_take_flow_row(engine, &rows[i]));
    m4s_engine_reset_flow(engine, rows[i], 1000 * (i + 1), PATH);
    int32_t first = (int32_t)support_random_below(&random, n_links);
    edge_begin[i] = i * PATH;
    for (int32_t k = 0; k < PATH; k++) {
      edges[i * PATH + k] = (first + k * 7) % n_links;
    }
  }
  edge_begin[n_flows] = n_flows * PATH;
  for (int32_t i = 0; i < n_links; i++) {
    ASSERT_OK(m4s_engine_take_link_row(engine, &rows[n_flows + i]));
    m4s_engine_reset_link(engine, rows[n_flows + i]);
  }
  const m4s_step_t step = {.n_flows = n_flows,
                           .n_links = n_links,
                           .flow_rows = rows,
                           .link_rows = rows + n_flows,
                           .edge_begin = edge_begin,
                           .edges = edges,
                           .flow_inputs = inputs,
                           .link_inputs = inputs + n_flows * model->n_flow_inputs,
                           .predictions_out = predictions};
  ASSERT_OK(m4s_inference_batch_add(&batches->batch, &step));
}

static batches_t make_batches(m4s_engine_t *engine, int32_t n_rows) {
  size_t n = (size_t)n_rows;
  size_t n_inputs = n * (size_t)m4s_engine_model(engine)->n_flow_inputs;
  batches_t batches = {.batch = {.engine = engine},
                       .rows = allocate(n, sizeof(int32_t)),
                       .edge_begin = allocate(n + N_STEPS, sizeof(int32_t)),
                       .edges = allocate(n * PATH, sizeof(int32_t)),
                       .inputs = allocate(n_inputs, sizeof(float)),
                       .predictions = allocate(n, sizeof(float))};
  uint64_t random = 1;
  for (size_t i = 0; i < n_inputs; i++) {
    batches.inputs[i] = (float)support_random_below(&random, 2048) / 1024 - 1;
  }
  int32_t per_step = n_rows / N_STEPS;
  int32_t n_flows = per_step * 2 / 3;
  for (int32_t i = 0; i < N_STEPS; i++) {
    size_t first = (size_t)(i * per_step);
    make_step(&batches, n_flows, per_step - n_flows, batches.rows + first,
              batches.edge_begin + first + i, batches.edges + first * PATH,
              batches.inputs + n_inputs / N_STEPS * (size_t)i, batches.predictions + first);
  }
  return batches;
}

static void clear_batches(batches_t *batches) {
  m4s_inference_batch_clear(&batches->batch);
  free(batches->rows);
  free(batches->edge_begin);
  free(batches->edges);
  free(batches->inputs);
  free(batches->predictions);
}

// N_BATCHES forward, and back; the time of the forward part is added to `forward_s`.
static void run_tape(m4s_tape_t *tape, const batches_t *batches, double *gradients,
                     double *forward_s) {
  double began_s = cpu_s();
  for (int i = 0; i < N_BATCHES; i++) {
    m4s_tape_record_t record;
    ASSERT_OK(m4s_tape_forward(tape, &batches->batch, &record));
    for (int32_t k = 0; k < record.n_flows; k++) {
      record.d_predictions[k] = 1e-3;
      record.d_remaining[k] = 1e-4;
    }
    for (int32_t k = 0; k < record.n_links; k++) {
      record.d_queues[k] = 1e-4;
    }
  }
  *forward_s += cpu_s() - began_s;
  ASSERT_OK(m4s_tape_backward(tape, gradients));
}

static void run_engine(const batches_t *batches) {
  m4s_inference_batch_t copy = {.engine = batches->batch.engine};
  for (int32_t i = 0; i < N_STEPS; i++) {
    ASSERT_OK(m4s_inference_batch_add(&copy, &batches->batch.steps[i]));
  }
  ASSERT_OK(m4s_engine_evaluate(copy.engine, &copy));
  m4s_inference_batch_clear(&copy);
}

static void measure(int32_t hidden, int32_t n_layers, int32_t n_rows, double seconds) {
  const m4s_network_sizes_t sizes = {M4S_INPUTS_FLUID, .hidden = hidden, .gnn_hidden = hidden,
                                     .n_gnn_layers = n_layers};
  m4s_parameters_t *parameters = NULL;
  m4s_engine_t *engine = NULL;
  m4s_tape_t *tape = NULL;
  ASSERT_OK(m4s_parameters_create(&sizes, &parameters));
  m4s_parameters_init(parameters, 1);
  ASSERT_OK(m4s_engine_create(&parameters->model, M4S_FORWARD_FAST, &engine));
  ASSERT_OK(m4s_tape_create(parameters, M4S_TAPE_FLOAT32, &tape));
  double *gradients = allocate((size_t)parameters->n_values, sizeof *gradients);
  batches_t batches = make_batches(engine, n_rows);
  double forward_s = 0;
  int64_t n_runs = 0;
  run_tape(tape, &batches, gradients, &forward_s);
  forward_s = 0;
  double began_s = cpu_s();
  while (cpu_s() - began_s < seconds) {
    run_tape(tape, &batches, gradients, &forward_s);
    n_runs++;
  }
  double tape_s = cpu_s() - began_s;
  run_engine(&batches);
  int64_t n_engine_runs = 0;
  began_s = cpu_s();
  while (cpu_s() - began_s < seconds / 4) {
    run_engine(&batches);
    n_engine_runs++;
  }
  double engine_s = (cpu_s() - began_s) / (double)n_engine_runs / n_rows;
  double per_row_s = tape_s / (double)(n_runs * N_BATCHES) / n_rows;
  double forward_share = forward_s / tape_s;
  // Two thirds of the rows are flows; going back takes the products twice.
  double flops = 3 * (m4s_model_flops_per_flow(&parameters->model) * 2 / 3 +
                      m4s_model_flops_per_link(&parameters->model) / 3);
  printf("%6d %6d %6d %9.0f %8.0f %% %9.1f %9.2f %10.0f\n", hidden, n_layers, n_rows, 1 / per_row_s,
         100 * forward_share, flops / per_row_s / 1e9, per_row_s / (3 * engine_s),
         (double)m4s_tape_bytes(tape) / N_BATCHES / n_rows);
  clear_batches(&batches);
  free(gradients);
  m4s_tape_destroy(tape);
  m4s_engine_destroy(engine);
  m4s_parameters_destroy(parameters);
}

int main(int argc, char **argv) {
  static const int32_t sizes[][2] = {{64, 2}, {96, 3}};
  static const int32_t rows[] = {256, 1024};
  double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
  printf("hidden layers   rows    rows/s  forward  GFLOP/s  of 3 fwd  bytes/row\n");
  for (int i = 0; i < 2; i++) {
    for (int k = 0; k < 2; k++) {
      measure(sizes[i][0], sizes[i][1], rows[k], seconds);
    }
  }
  return 0;
}
