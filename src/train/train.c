#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "m4/inputs.h"
#include "train/adam.h"
#include "train/lesson.h"

typedef struct {
  const m4s_train_spec_t *spec;
  const char *folder;
  const m4s_train_ranks_t *ranks;
  const m4s_train_options_t *options;
  m4s_dataset_t *datasets;  // owned, [spec->datasets.n_items]
  m4s_sequences_t sequences[M4S_N_PARTS];  // of training and validation
  m4s_parameters_t *parameters;  // owned
  m4s_engine_t *engine;  // owned: rows only
  m4s_tape_t *tape;  // owned
  double *gradients;  // owned, [parameters->n_values]
  float *average;  // owned, [parameters->n_values]: running mean of the weights
  float *flow_range, *link_range;  // owned, [2, F], [2, L]
  m4s_adam_t adam;
  m4s_plateau_t plateau;
  // Of closed loops, in validation, the error of a network that always says 0; -1: not known.
  double silent_error;
  // What has been done, beside the above all that a checkpoint holds:
  struct {
    int64_t rounds, updates, rows, best_round;
    double best_loss;
  } done;
} trainer_t;

static const m4s_train_settings_t *settings_of(const trainer_t *trainer) {
  return &trainer->spec->training;
}

// --- beginning ---

static m4s_network_sizes_t sizes_of(const m4s_train_network_t *network) {
  return (m4s_network_sizes_t){
      .inputs = (m4s_model_inputs_t)network->inputs,
      .hidden = (int32_t)network->hidden,
      .gnn_hidden =
          network->gnn_layers == 1 ? (int32_t)network->hidden : (int32_t)network->gnn_hidden,
      .n_params = network->inputs == M4S_INPUTS_FLUID ? 0 : M4S_M4_N_PARAMS,
      .n_gnn_layers = (int32_t)network->gnn_layers};
}

static m4s_status_t check_sizes(const trainer_t *trainer, const char *path) {
  m4s_network_sizes_t wanted = sizes_of(&trainer->spec->network);
  m4s_network_sizes_t found = m4s_parameters_sizes(trainer->parameters);
  return found.inputs == wanted.inputs && found.hidden == wanted.hidden &&
                 found.gnn_hidden == wanted.gnn_hidden && found.n_params == wanted.n_params &&
                 found.n_gnn_layers == wanted.n_gnn_layers
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT,
                        "%s: holds another network than %s describes: %d numbers a state, %d in "
                        "the graph network of %d layers",
                        path, trainer->spec->path, found.hidden, found.gnn_hidden,
                        found.n_gnn_layers);
}

static m4s_status_t make_parameters(trainer_t *trainer) {
  const m4s_train_network_t *network = &trainer->spec->network;
  uint64_t seed = (uint64_t)settings_of(trainer)->seed;
  if (network->initial != NULL) {
    M4S_TRY(m4s_parameters_read(network->initial, seed, &trainer->parameters));
    return check_sizes(trainer, network->initial);
  }
  m4s_network_sizes_t sizes = sizes_of(network);
  M4S_TRY(m4s_parameters_create(&sizes, &trainer->parameters));
  m4s_parameters_init(trainer->parameters, seed);
  return M4S_OK;
}

static float *make_range(int32_t n_inputs) {
  float *range = calloc(2 * (size_t)n_inputs, sizeof *range);
  for (int32_t i = 0; range != NULL && i < n_inputs; i++) {
    range[i] = HUGE_VALF;
    range[n_inputs + i] = -HUGE_VALF;
  }
  return range;
}

static m4s_status_t read_datasets(trainer_t *trainer) {
  const m4s_text_list_t *paths = &trainer->spec->datasets;
  trainer->datasets = calloc(paths->n_items, sizeof *trainer->datasets);
  if (trainer->datasets == NULL) {
    return m4s_fail_memory("data sets");
  }
  for (size_t i = 0; i < paths->n_items; i++) {
    M4S_TRY(m4s_dataset_read(paths->items[i], &trainer->datasets[i]));
  }
  M4S_TRY(m4s_sequences_list(trainer->datasets, paths->n_items, M4S_PART_TRAINING,
                             &trainer->sequences[M4S_PART_TRAINING]));
  return m4s_sequences_list(trainer->datasets, paths->n_items, M4S_PART_VALIDATION,
                            &trainer->sequences[M4S_PART_VALIDATION]);
}

static m4s_status_t make_tape(trainer_t *trainer) {
  const m4s_model_t *model = &trainer->parameters->model;
  M4S_TRY(m4s_engine_create(model, M4S_FORWARD_REFERENCE, &trainer->engine));
  M4S_TRY(m4s_tape_create(trainer->parameters, M4S_TAPE_FLOAT32, &trainer->tape));
  size_t n_values = (size_t)trainer->parameters->n_values;
  trainer->gradients = calloc(n_values, sizeof *trainer->gradients);
  trainer->average = calloc(n_values, sizeof *trainer->average);
  trainer->flow_range = make_range(model->n_flow_inputs);
  trainer->link_range = make_range(model->n_link_inputs);
  return trainer->gradients == NULL || trainer->average == NULL || trainer->flow_range == NULL ||
                 trainer->link_range == NULL
             ? m4s_fail_memory("gradients")
             : M4S_OK;
}

static m4s_status_t take_tensor(const m4s_safetensors_t *file, const char *path, const char *name,
                                m4s_dtype_t dtype, int64_t n, size_t element_bytes, void *to) {
  const m4s_tensor_t *tensor = m4s_safetensors_find(file, name);
  if (tensor == NULL || tensor->dtype != dtype || tensor->n_elements != n) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s: is missing or of another type or size", path, name);
  }
  memcpy(to, tensor->data, (size_t)n * element_bytes);
  return M4S_OK;
}

static m4s_status_t restore_ranges(trainer_t *trainer, const m4s_safetensors_t *file,
                                   const char *path) {
  const m4s_model_t *model = &trainer->parameters->model;
  if (m4s_safetensors_find(file, "flow_input_range") == NULL) {
    return M4S_OK;
  }
  M4S_TRY(take_tensor(file, path, "flow_input_range", M4S_DTYPE_F32, 2 * model->n_flow_inputs,
                      sizeof *trainer->flow_range, trainer->flow_range));
  return take_tensor(file, path, "link_input_range", M4S_DTYPE_F32, 2 * model->n_link_inputs,
                     sizeof *trainer->link_range, trainer->link_range);
}

// What the network to begin with was trained on is known to it.
static m4s_status_t take_initial_ranges(trainer_t *trainer) {
  const char *path = trainer->spec->network.initial;
  m4s_safetensors_t *file;
  if (path == NULL) {
    return M4S_OK;
  }
  M4S_TRY(m4s_safetensors_read(path, &file));
  m4s_status_t status = restore_ranges(trainer, file, path);
  m4s_safetensors_destroy(file);
  return status;
}

static m4s_status_t begin(trainer_t *trainer) {
  M4S_TRY(read_datasets(trainer));
  M4S_TRY(make_parameters(trainer));
  M4S_TRY(make_tape(trainer));
  M4S_TRY(take_initial_ranges(trainer));
  trainer->plateau = m4s_plateau_start(settings_of(trainer)->learning_rate);
  trainer->done.best_loss = HUGE_VAL;
  trainer->silent_error = -1;
  return m4s_adam_init(&trainer->adam, trainer->parameters->n_values);
}

static void clear(trainer_t *trainer) {
  for (size_t i = 0; trainer->datasets != NULL && i < trainer->spec->datasets.n_items; i++) {
    m4s_dataset_clear(&trainer->datasets[i]);
  }
  free(trainer->datasets);
  for (int part = 0; part < M4S_N_PARTS; part++) {
    m4s_sequences_clear(&trainer->sequences[part]);
  }
  m4s_tape_destroy(trainer->tape);
  m4s_engine_destroy(trainer->engine);
  m4s_parameters_destroy(trainer->parameters);
  m4s_adam_clear(&trainer->adam);
  free(trainer->gradients);
  free(trainer->average);
  free(trainer->flow_range);
  free(trainer->link_range);
}

// --- checkpoints ---

enum { N_DONE = 8 };

// The ranges of inputs, if any are known; returns their number.
static size_t list_ranges(const trainer_t *trainer, m4s_tensor_t tensors_out[2]) {
  const m4s_model_t *model = &trainer->parameters->model;
  if (model->inputs != M4S_INPUTS_FLUID || !(trainer->flow_range[0] < HUGE_VALF)) {
    return 0;
  }
  tensors_out[0] = (m4s_tensor_t){.name = "flow_input_range",
                                  .dtype = M4S_DTYPE_F32,
                                  .n_dims = 2,
                                  .shape = {2, model->n_flow_inputs},
                                  .n_elements = 2 * (int64_t)model->n_flow_inputs,
                                  .data = trainer->flow_range};
  tensors_out[1] = (m4s_tensor_t){.name = "link_input_range",
                                  .dtype = M4S_DTYPE_F32,
                                  .n_dims = 2,
                                  .shape = {2, model->n_link_inputs},
                                  .n_elements = 2 * (int64_t)model->n_link_inputs,
                                  .data = trainer->link_range};
  return 2;
}

static void list_done(const trainer_t *trainer, double done_out[N_DONE]) {
  const double done[N_DONE] = {(double)trainer->done.rounds, (double)trainer->done.updates,
                               (double)trainer->done.rows,   (double)trainer->done.best_round,
                               trainer->done.best_loss,      trainer->plateau.learning_rate,
                               trainer->plateau.best,        (double)trainer->plateau.n_bad};
  memcpy(done_out, done, sizeof done);
}

// Counts are whole numbers that a double holds, the rest finite, but for losses before the first.
static bool is_done(const double done[N_DONE]) {
  static const bool is_count[N_DONE] = {true, true, true, true, false, false, false, true};
  const double most = 0x1p53;
  for (int i = 0; i < N_DONE; i++) {
    bool ok =
        is_count[i] ? done[i] >= 0 && done[i] <= most && floor(done[i]) == done[i] : done[i] >= 0;
    if (!ok) {
      return false;
    }
  }
  return done[7] <= INT32_MAX && isfinite(done[5]);
}

static void restore_done(trainer_t *trainer, const double done[N_DONE]) {
  trainer->done.rounds = (int64_t)done[0];
  trainer->done.updates = (int64_t)done[1];
  trainer->done.rows = (int64_t)done[2];
  trainer->done.best_round = (int64_t)done[3];
  trainer->done.best_loss = done[4];
  trainer->plateau =
      (m4s_plateau_t){.learning_rate = done[5], .best = done[6], .n_bad = (int32_t)done[7]};
}

static m4s_status_t write_checkpoint(const trainer_t *trainer, const char *path) {
  double done[N_DONE];
  m4s_tensor_t more[M4S_ADAM_N_TENSORS + 4];
  list_done(trainer, done);
  m4s_adam_tensors(&trainer->adam, more);
  more[M4S_ADAM_N_TENSORS] = (m4s_tensor_t){.name = "training.done",
                                            .dtype = M4S_DTYPE_F64,
                                            .n_dims = 1,
                                            .shape = {N_DONE},
                                            .n_elements = N_DONE,
                                            .data = done};
  more[M4S_ADAM_N_TENSORS + 1] = (m4s_tensor_t){.name = "training.average",
                                                .dtype = M4S_DTYPE_F32,
                                                .n_dims = 1,
                                                .shape = {trainer->parameters->n_values},
                                                .n_elements = trainer->parameters->n_values,
                                                .data = trainer->average};
  size_t n_ranges = list_ranges(trainer, more + M4S_ADAM_N_TENSORS + 2);
  return m4s_parameters_write(trainer->parameters, path, NULL, 0, more,
                              M4S_ADAM_N_TENSORS + 2 + n_ranges);
}

// What a user asks of a model's file.
static m4s_status_t write_model(const trainer_t *trainer, const char *path) {
  char rounds[32], rows[32], loss[32], seed[32];
  m4s_tensor_t ranges[2];
  snprintf(rounds, sizeof rounds, "%" PRId64, trainer->done.rounds);
  snprintf(rows, sizeof rows, "%" PRId64, trainer->done.rows);
  snprintf(loss, sizeof loss, "%.6f", trainer->done.best_loss);
  snprintf(seed, sizeof seed, "%" PRId64, settings_of(trainer)->seed);
  const m4s_metadata_t metadata[] = {{"name", trainer->spec->name},
                                     {"training.rounds", rounds},
                                     {"training.rows", rows},
                                     {"training.seed", seed},
                                     {"training.validation_loss", loss}};
  size_t n_ranges = list_ranges(trainer, ranges);
  return m4s_parameters_write(trainer->parameters, path, metadata, M4S_COUNT(metadata), ranges,
                              n_ranges);
}

static m4s_status_t restore_from(trainer_t *trainer, const m4s_safetensors_t *file,
                                 const char *path) {
  double done[N_DONE];
  m4s_parameters_t *parameters = trainer->parameters;
  for (size_t i = 0; i < parameters->n_tensors; i++) {
    M4S_TRY(take_tensor(file, path, parameters->tensors[i].name, M4S_DTYPE_F32,
                        m4s_parameters_count(parameters, i), sizeof *parameters->values,
                        parameters->values + m4s_parameters_begin(parameters, i)));
  }
  M4S_TRY(take_tensor(file, path, "training.done", M4S_DTYPE_F64, N_DONE, sizeof *done, done));
  if (!is_done(done)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: training.done: holds numbers that no training has", path);
  }
  M4S_TRY(take_tensor(file, path, "training.average", M4S_DTYPE_F32, parameters->n_values,
                      sizeof *trainer->average, trainer->average));
  M4S_TRY(restore_ranges(trainer, file, path));
  restore_done(trainer, done);
  return m4s_adam_restore(&trainer->adam, file, path);
}

static m4s_status_t restore(trainer_t *trainer, const char *path) {
  m4s_safetensors_t *file;
  if (trainer->options->fresh || !m4s_path_exists(path)) {
    return M4S_OK;
  }
  M4S_TRY(m4s_safetensors_read(path, &file));
  m4s_status_t status = restore_from(trainer, file, path);
  m4s_safetensors_destroy(file);
  return status;
}

// --- a round ---

static void sum_over_ranks(const trainer_t *trainer, double *values, int64_t n) {
  if (trainer->ranks->n_ranks > 1) {
    trainer->ranks->sum(trainer->ranks->context, values, n);
  }
}

static void average_weights(trainer_t *trainer) {
  int64_t n_updates = trainer->done.updates;
  int64_t most = settings_of(trainer)->averaging;
  float part = 1 / (float)(n_updates < most ? n_updates : most);
  for (int64_t i = 0; i < trainer->parameters->n_values; i++) {
    trainer->average[i] += part * (trainer->parameters->values[i] - trainer->average[i]);
  }
}

// From the weights that are trained to those that are evaluated and kept, and back.
static void swap_weights(trainer_t *trainer) {
  for (int64_t i = 0; i < trainer->parameters->n_values; i++) {
    float value = trainer->parameters->values[i];
    trainer->parameters->values[i] = trainer->average[i];
    trainer->average[i] = value;
  }
}

// One window of all ranks and the step of Adam that follows.
static m4s_status_t train_window(trainer_t *trainer, const m4s_lesson_t *lesson, m4s_lanes_t *lanes,
                                 m4s_lesson_sums_t *sums) {
  const m4s_train_settings_t *settings = settings_of(trainer);
  int64_t n = trainer->parameters->n_values;
  double *gradients = trainer->gradients;
  bool more;
  memset(gradients, 0, (size_t)n * sizeof *gradients);
  M4S_TRY(m4s_lesson_window(lesson, lanes, settings->window, gradients, sums, &more));
  sum_over_ranks(trainer, gradients, n);
  for (int64_t i = 0; i < n; i++) {
    gradients[i] /= trainer->ranks->n_ranks;
  }
  double norm = m4s_clip_gradients(n, gradients, settings->max_gradient_norm);
  if (!isfinite(norm)) {
    return m4s_fail(M4S_ERR_SIMULATION, "round %" PRId64 ": the gradient is not finite",
                    trainer->done.rounds + 1);
  }
  m4s_adam_step(&trainer->adam, &m4s_adam_defaults, trainer->plateau.learning_rate, gradients,
                trainer->parameters->values);
  trainer->done.updates++;
  average_weights(trainer);
  return M4S_OK;
}

static m4s_status_t run_windows(trainer_t *trainer, m4s_lanes_t *lanes, bool training, bool silent,
                                m4s_lesson_sums_t *sums) {
  const m4s_train_settings_t *settings = settings_of(trainer);
  const m4s_lesson_t lesson = {.tape = trainer->tape,
                               .engine = trainer->engine,
                               .remaining_weight = settings->remaining_weight,
                               .queue_weight = settings->queue_weight,
                               .silent = silent,
                               .flow_range = training ? trainer->flow_range : NULL,
                               .link_range = training ? trainer->link_range : NULL};
  if (training) {
    for (int64_t i = 0; i < settings->windows; i++) {
      M4S_TRY(train_window(trainer, &lesson, lanes, sums));
    }
    return M4S_OK;
  }
  bool more = true;
  while (more) {
    M4S_TRY(m4s_lesson_window(&lesson, lanes, settings->window, NULL, sums, &more));
  }
  return M4S_OK;
}

// Sums over the ranks.
static void share_sums(const trainer_t *trainer, m4s_lesson_sums_t *sums) {
  double values[] = {sums->weight,      sums->loss,           sums->silent_loss,
                     sums->n_remaining, sums->remaining_loss, sums->n_queues,
                     sums->queue_loss,  (double)sums->n_rows, (double)sums->n_steps};
  sum_over_ranks(trainer, values, M4S_COUNT(values));
  *sums = (m4s_lesson_sums_t){.weight = values[0],
                              .loss = values[1],
                              .silent_loss = values[2],
                              .n_remaining = values[3],
                              .remaining_loss = values[4],
                              .n_queues = values[5],
                              .queue_loss = values[6],
                              .n_rows = (int64_t)values[7],
                              .n_steps = (int64_t)values[8]};
}

// In closed loops what counts is when flows complete: on average over the flows.
static void take_score(const m4s_lanes_t *lanes, m4s_lesson_sums_t *sums) {
  m4s_replay_score_t score = m4s_lanes_score(lanes);
  sums->weight = (double)score.n_flows;
  sums->loss = score.error;
  sums->silent_loss = 0;
}

// Draws sequences and goes through them. Validation's are the same in each round.
static m4s_status_t run_part(trainer_t *trainer, m4s_part_t part, bool silent,
                             m4s_lesson_sums_t *sums_out) {
  const m4s_train_settings_t *settings = settings_of(trainer);
  const m4s_train_ranks_t *ranks = trainer->ranks;
  bool training = part == M4S_PART_TRAINING;
  uint64_t index = training ? (uint64_t)(trainer->done.rounds * ranks->n_ranks + ranks->rank)
                            : UINT64_MAX - (uint64_t)ranks->rank;
  int64_t n = (settings->validation_sequences + ranks->n_ranks - 1) / ranks->n_ranks;
  const m4s_lanes_config_t config = {
      .n_lanes = settings->lanes,
      .max_steps = settings->max_steps,
      .staggered = training,
      .closed_loop = training ? settings->closed_loop : settings->closed_loop > 0};
  m4s_sequence_draw_t draw;
  m4s_lanes_t *lanes;
  m4s_lesson_sums_t sums = {0};
  m4s_sequence_draw_init(&draw, &trainer->sequences[part], (uint64_t)settings->seed, index,
                         training ? INT64_MAX : n);
  M4S_TRY(m4s_lanes_create(&config, &draw, trainer->engine, &lanes));
  m4s_status_t status = run_windows(trainer, lanes, training, silent, &sums);
  if (config.closed_loop > 0 && !training) {
    take_score(lanes, &sums);
  }
  m4s_lanes_destroy(lanes);
  M4S_TRY(status);
  share_sums(trainer, &sums);
  *sums_out = sums;
  return training || config.closed_loop == 0 || sums.weight > 0
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT,
                        "%s: training.closed_loop: no flow of validation completes in a closed "
                        "loop, which are for data sets of m4.algorithm \"event\"",
                        trainer->spec->path);
}

// --- keeping ---

static double ratio(double sum, double n) { return n > 0 ? sum / n : 0; }

static m4s_status_t append_log(const trainer_t *trainer, const char *path,
                               const m4s_lesson_sums_t *training,
                               const m4s_lesson_sums_t *validation, double seconds) {
  bool is_new = trainer->done.rounds == 1 || !m4s_path_exists(path);
  FILE *file = fopen(path, is_new ? "w" : "a");
  if (file == NULL) {
    return m4s_fail(M4S_ERR_IO, "%s: cannot be written", path);
  }
  if (is_new) {
    fprintf(file,
            "round,updates,rows,loss,remaining_loss,queue_loss,validation_loss,"
            "validation_silent_loss,learning_rate,seconds,rows_per_s\n");
  }
  fprintf(file, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%.6f,%.6f,%.6f,%.6f,%.6f,%g,%.1f,%.0f\n",
          trainer->done.rounds, trainer->done.updates, trainer->done.rows,
          ratio(training->loss, training->weight),
          ratio(training->remaining_loss, training->n_remaining),
          ratio(training->queue_loss, training->n_queues),
          ratio(validation->loss, validation->weight),
          ratio(validation->silent_loss, validation->weight), trainer->plateau.learning_rate,
          seconds, ratio((double)training->n_rows, seconds));
  return fclose(file) == 0 ? M4S_OK : m4s_fail(M4S_ERR_IO, "%s: cannot be written", path);
}

static m4s_status_t keep(trainer_t *trainer, const m4s_lesson_sums_t *training,
                         const m4s_lesson_sums_t *validation, double seconds) {
  char *log = m4s_path_join(trainer->folder, "log.csv");
  char *model = m4s_path_join(trainer->folder, "model.safetensors");
  char *checkpoint = m4s_path_join(trainer->folder, "checkpoint.safetensors");
  // The log comes last: a run that ends in between loses a row of it, and repeats none.
  m4s_status_t status =
      log == NULL || model == NULL || checkpoint == NULL ? m4s_fail_memory("file names") : M4S_OK;
  if (status == M4S_OK && trainer->done.best_round == trainer->done.rounds) {
    swap_weights(trainer);
    status = write_model(trainer, model);
    swap_weights(trainer);
  }
  if (status == M4S_OK) {
    status = write_checkpoint(trainer, checkpoint);
  }
  if (status == M4S_OK) {
    status = append_log(trainer, log, training, validation, seconds);
  }
  free(log);
  free(model);
  free(checkpoint);
  return status;
}

static void tell(const trainer_t *trainer, const m4s_lesson_sums_t *training,
                 const m4s_lesson_sums_t *validation, double seconds) {
  FILE *text = trainer->options->text;
  if (text == NULL || trainer->ranks->rank > 0) {
    return;
  }
  fprintf(text,
          "round %" PRId64
          ": loss %.4f, validation %.4f (silent %.4f), learning rate %g, %.0f rows/s\n",
          trainer->done.rounds, ratio(training->loss, training->weight),
          ratio(validation->loss, validation->weight),
          ratio(validation->silent_loss, validation->weight), trainer->plateau.learning_rate,
          ratio((double)training->n_rows, seconds));
  fflush(text);
}

// Of closed loops, the error of a network that always says 0 takes a pass of its own, once.
static m4s_status_t add_silent(trainer_t *trainer, m4s_lesson_sums_t *validation) {
  if (trainer->silent_error < 0) {
    m4s_lesson_sums_t silent;
    M4S_TRY(run_part(trainer, M4S_PART_VALIDATION, true, &silent));
    trainer->silent_error = ratio(silent.loss, silent.weight);
  }
  validation->silent_loss = trainer->silent_error * validation->weight;
  return M4S_OK;
}

static m4s_status_t run_round(trainer_t *trainer) {
  const m4s_train_settings_t *settings = settings_of(trainer);
  const m4s_plateau_config_t plateau = {.factor = settings->plateau_factor,
                                        .patience = (int32_t)settings->plateau_patience,
                                        .threshold = m4s_plateau_defaults.threshold,
                                        .floor = settings->learning_rate_floor};
  m4s_lesson_sums_t training, validation;
  double begin_s = m4s_now_s();
  M4S_TRY(run_part(trainer, M4S_PART_TRAINING, false, &training));
  double seconds = m4s_now_s() - begin_s;
  swap_weights(trainer);
  m4s_status_t status = run_part(trainer, M4S_PART_VALIDATION, false, &validation);
  swap_weights(trainer);
  M4S_TRY(status);
  if (settings->closed_loop > 0) {
    M4S_TRY(add_silent(trainer, &validation));
  }
  double loss = ratio(validation.loss, validation.weight);
  trainer->done.rounds++;
  trainer->done.rows += training.n_rows;
  if (loss < trainer->done.best_loss) {
    trainer->done.best_loss = loss;
    trainer->done.best_round = trainer->done.rounds;
  }
  m4s_plateau_update(&trainer->plateau, &plateau, loss);
  tell(trainer, &training, &validation, seconds);
  return trainer->ranks->rank == 0 ? keep(trainer, &training, &validation, seconds) : M4S_OK;
}

static bool goes_on(const trainer_t *trainer, double begin_s) {
  const m4s_train_settings_t *settings = settings_of(trainer);
  double limit_s = trainer->options->time_limit_s;
  int64_t n_worse = trainer->done.rounds - trainer->done.best_round;
  // Rank 0's clock counts.
  double out_of_time = trainer->ranks->rank == 0 && limit_s > 0 && m4s_now_s() - begin_s >= limit_s;
  sum_over_ranks(trainer, &out_of_time, 1);
  return trainer->done.rounds < settings->rounds && !(out_of_time > 0) &&
         (settings->stop_patience == 0 || n_worse < settings->stop_patience);
}

static m4s_status_t run(trainer_t *trainer) {
  double begin_s = m4s_now_s();
  char *checkpoint = m4s_path_join(trainer->folder, "checkpoint.safetensors");
  M4S_TRY(checkpoint == NULL ? m4s_fail_memory("a file name") : M4S_OK);
  m4s_status_t status = begin(trainer);
  if (status == M4S_OK) {
    status = restore(trainer, checkpoint);
  }
  free(checkpoint);
  if (status == M4S_OK) {
    status = m4s_folder_make(trainer->folder);
  }
  while (status == M4S_OK && goes_on(trainer, begin_s)) {
    status = run_round(trainer);
  }
  return status;
}

m4s_status_t m4s_train(const m4s_train_spec_t *spec, const char *folder,
                       const m4s_train_ranks_t *ranks, const m4s_train_options_t *options) {
  trainer_t trainer = {.spec = spec, .folder = folder, .ranks = ranks, .options = options};
  m4s_status_t status = run(&trainer);
  clear(&trainer);
  return status;
}
