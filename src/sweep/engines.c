#include "sweep/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "m4/built_in.h"

// Networks that are kept without users: enough for a sweep over a few of them.
enum { MAX_KEPT = 4, HASH_BYTES = 17 };

// Steps that have something to say about those to come.
enum { MIN_STEPS = 64 };

// What a device may differ by from the CPU in a step, of the largest number.
static const double TOLERANCE_FLOAT32 = 1e-3, TOLERANCE_TF32 = 3e-2;

// A batch under way.
typedef struct {
  int64_t n_rows;  // 0: none
  double spent_s;  // of this thread
  m4s_status_t status;  // of its begin
  char problem[256];
} flight_t;

typedef struct {
  m4s_shared_engine_t shared;  // first, so that its address is the entry's
  char hash[HASH_BYTES];  // of the file's content
  m4s_forward_t forward;
  m4s_model_t *model;
  int n_users;
  bool lost;  // with its device: taken by no one any more
  flight_t flights[M4S_ENGINES_LANES];
} entry_t;

struct m4s_engines {
  entry_t **entries;  // owned, [n_entries], owned; last taken last
  size_t n_entries;
  int64_t n_steps, n_rows;  // evaluated
  m4s_device_choice_t choice;
  m4s_gpu_t *gpu;  // owned; NULL: not opened
  m4s_device_t device;  // of it, or another in its place; ops NULL: not opened
  bool gpu_fails;  // it was lost, or did not work
  m4s_file_hashes_t *hashes;  // owned
};

m4s_status_t m4s_engines_create(m4s_engines_t **engines_out) {
  m4s_engines_t *engines = calloc(1, sizeof *engines);
  if (engines == NULL) {
    return m4s_fail_memory("engines");
  }
  m4s_status_t status = m4s_file_hashes_create(&engines->hashes);
  if (status != M4S_OK) {
    free(engines);
    return status;
  }
  engines->choice = m4s_device_choice_cpu();
  *engines_out = engines;
  return M4S_OK;
}

void m4s_engines_choose(m4s_engines_t *engines, const m4s_device_choice_t *choice) {
  engines->choice = *choice;
}

void m4s_engines_choose_device(m4s_engines_t *engines, const m4s_device_choice_t *choice,
                               const m4s_device_t *device) {
  engines->choice = *choice;
  engines->device = *device;
}

static void destroy_entry(entry_t *entry) {
  m4s_inference_batch_clear(&entry->shared.batch);
  m4s_engine_destroy(entry->shared.engine);
  m4s_model_destroy(entry->model);
  free(entry);
}

void m4s_engines_destroy(m4s_engines_t *engines) {
  if (engines == NULL) {
    return;
  }
  for (size_t i = 0; i < engines->n_entries; i++) {
    destroy_entry(engines->entries[i]);
  }
  free((void *)engines->entries);
  m4s_gpu_close(engines->gpu);
  m4s_file_hashes_destroy(engines->hashes);
  free(engines);
}

static entry_t *take_out(m4s_engines_t *engines, size_t i) {
  entry_t *entry = engines->entries[i];
  engines->n_entries--;
  memmove((void *)(engines->entries + i), (const void *)(engines->entries + i + 1),
          (engines->n_entries - i) * sizeof(entry_t *));
  return entry;
}

// Drops networks without users, the longest unused first, until there is room for another one.
static void make_room(m4s_engines_t *engines) {
  for (size_t i = 0; i < engines->n_entries && engines->n_entries >= MAX_KEPT;) {
    if (engines->entries[i]->n_users == 0) {
      destroy_entry(take_out(engines, i));
    } else {
      i++;
    }
  }
}

static m4s_status_t make_on_gpu(m4s_engines_t *engines, const m4s_model_t *model,
                                m4s_engine_t **engine_out) {
  const m4s_device_choice_t *choice = &engines->choice;
  bool tf32 = choice->products == M4S_GPU_TF32;
  m4s_engine_t *engine = NULL;
  if (engines->device.ops == NULL) {
    M4S_TRY(m4s_gpu_open(choice->gpu, choice->products, &engines->gpu));
    engines->device = m4s_gpu_device(engines->gpu);
  }
  M4S_TRY(m4s_engine_create_on(model, &engines->device, choice->cells, &engine));
  m4s_status_t status = m4s_engine_calibrate(engine, tf32 ? TOLERANCE_TF32 : TOLERANCE_FLOAT32);
  if (status != M4S_OK) {
    m4s_engine_destroy(engine);
    return status;
  }
  *engine_out = engine;
  return M4S_OK;
}

// On the GPU that was chosen, if the network is for one.
static m4s_status_t make_engine(m4s_engines_t *engines, const m4s_model_t *model,
                                m4s_forward_t forward, m4s_engine_t **engine_out) {
  const m4s_device_choice_t *choice = &engines->choice;
  if (forward == M4S_FORWARD_FAST && !engines->gpu_fails &&
      m4s_device_choice_takes_gpu(choice, model)) {
    m4s_status_t status = make_on_gpu(engines, model, engine_out);
    if (status == M4S_OK) {
      return M4S_OK;
    }
    if (choice->kind == M4S_DEVICE_GPU) {
      return m4s_fail_in(status, "cuda:%d", choice->gpu);
    }
    engines->gpu_fails = true;
    m4s_log(M4S_LOG_WARN, "cuda:%d is not used, m4 runs on the CPU: %s", choice->gpu,
            m4s_last_error());
  }
  return m4s_engine_create(model, forward, engine_out);
}

static m4s_status_t read_entry(m4s_engines_t *engines, const char *path, const char *hash,
                               m4s_forward_t forward, entry_t **entry_out) {
  entry_t *entry = calloc(1, sizeof *entry);
  if (entry == NULL) {
    return m4s_fail_memory("an engine");
  }
  entry->forward = forward;
  memcpy(entry->hash, hash, HASH_BYTES);
  m4s_status_t status = m4s_model_read(path, &entry->model);
  if (status == M4S_OK) {
    status = make_engine(engines, entry->model, forward, &entry->shared.engine);
  }
  if (status != M4S_OK) {
    destroy_entry(entry);
    return status;
  }
  entry->shared.batch.engine = entry->shared.engine;
  *entry_out = entry;
  return M4S_OK;
}

// An entry that is not among the others, to be put among them. There is room for it.
static m4s_status_t find_or_read(m4s_engines_t *engines, const char *path, m4s_forward_t forward,
                                 entry_t **entry_out) {
  char hash[HASH_BYTES];
  if (path == NULL) {
    m4s_built_in_network_hash(hash);
  } else {
    M4S_TRY(m4s_file_hashes_get(engines->hashes, path, hash));
  }
  for (size_t i = 0; i < engines->n_entries; i++) {
    entry_t *entry = engines->entries[i];
    if (!entry->lost && entry->forward == forward && strcmp(entry->hash, hash) == 0) {
      *entry_out = take_out(engines, i);
      return M4S_OK;
    }
  }
  make_room(engines);
  return read_entry(engines, path, hash, forward, entry_out);
}

m4s_status_t m4s_engines_take(m4s_engines_t *engines, const char *path, m4s_forward_t forward,
                              m4s_shared_engine_t **shared_out) {
  entry_t **entries =
      realloc((void *)engines->entries, (engines->n_entries + 1) * sizeof(entry_t *));
  if (entries == NULL) {
    return m4s_fail_memory("an engine");
  }
  engines->entries = entries;
  entry_t *entry = NULL;
  M4S_TRY(find_or_read(engines, path, forward, &entry));
  entries[engines->n_entries++] = entry;
  entry->n_users++;
  *shared_out = &entry->shared;
  return M4S_OK;
}

void m4s_engines_release(m4s_engines_t *engines, m4s_shared_engine_t *shared) {
  for (size_t i = 0; i < engines->n_entries; i++) {
    engines->entries[i]->n_users -= &engines->entries[i]->shared == shared;
  }
}

// The engine's lane; on the CPU, where a batch is done when it has begun, all are one.
static int lane_of(const entry_t *entry, int lane) {
  return lane < m4s_engine_n_lanes(entry->shared.engine) ? lane : 0;
}

static void begin(m4s_engines_t *engines, entry_t *entry, int lane) {
  m4s_inference_batch_t *batch = &entry->shared.batch;
  flight_t *flight = &entry->flights[lane];
  int64_t n_rows = batch->n_flow_rows + batch->n_link_rows;
  if (batch->n_steps == 0) {
    return;
  }
  engines->n_steps += batch->n_steps;
  engines->n_rows += n_rows;
  double start_s = m4s_now_s();
  flight->status = m4s_engine_begin(entry->shared.engine, lane_of(entry, lane), batch);
  flight->spent_s = m4s_now_s() - start_s;
  flight->n_rows = n_rows;
  if (flight->status != M4S_OK) {
    snprintf(flight->problem, sizeof flight->problem, "%s", m4s_last_error());
  }
}

static void end(m4s_engines_t *engines, entry_t *entry, int lane) {
  m4s_shared_engine_t *shared = &entry->shared;
  flight_t *flight = &entry->flights[lane];
  if (flight->n_rows == 0) {
    return;
  }
  double start_s = m4s_now_s();
  if (flight->status == M4S_OK) {
    flight->status = m4s_engine_end(shared->engine, lane_of(entry, lane));
    if (flight->status != M4S_OK) {
      snprintf(flight->problem, sizeof flight->problem, "%s", m4s_last_error());
    }
  }
  shared->s_per_row = (flight->spent_s + m4s_now_s() - start_s) / (double)flight->n_rows;
  shared->status = flight->status;
  memcpy(shared->problem, flight->problem, sizeof shared->problem);
  flight->n_rows = 0;
  if (shared->status == M4S_ERR_DEVICE && !entry->lost) {
    entry->lost = engines->gpu_fails = true;
    m4s_log(M4S_LOG_WARN,
            "cuda:%d fails, and with it the points at work there; those to come run "
            "on the CPU: %s",
            engines->choice.gpu, shared->problem);
  }
}

void m4s_engines_begin(m4s_engines_t *engines, int lane) {
  for (size_t i = 0; i < engines->n_entries; i++) {
    begin(engines, engines->entries[i], lane);
  }
}

void m4s_engines_end(m4s_engines_t *engines, int lane) {
  for (size_t i = 0; i < engines->n_entries; i++) {
    end(engines, engines->entries[i], lane);
  }
}

void m4s_engines_evaluate(m4s_engines_t *engines) {
  m4s_engines_begin(engines, 0);
  m4s_engines_end(engines, 0);
}

int m4s_engines_n_lanes(const m4s_engines_t *engines) {
  int n_lanes = 1;
  for (size_t i = 0; i < engines->n_entries; i++) {
    const entry_t *entry = engines->entries[i];
    int own = entry->lost ? 1 : m4s_engine_n_lanes(entry->shared.engine);
    n_lanes = own > n_lanes ? own : n_lanes;
  }
  return n_lanes;
}

int64_t m4s_engines_full_rows(const m4s_engines_t *engines) {
  int64_t n_rows = 0;
  for (size_t i = 0; i < engines->n_entries; i++) {
    const entry_t *entry = engines->entries[i];
    int64_t own = (int64_t)m4s_engine_full_rows(entry->shared.engine) *
                  m4s_engine_n_lanes(entry->shared.engine);
    n_rows = !entry->lost && own > n_rows ? own : n_rows;
  }
  return n_rows;
}

m4s_file_hashes_t *m4s_engines_file_hashes(m4s_engines_t *engines) { return engines->hashes; }

double m4s_engines_rows_per_step(const m4s_engines_t *engines) {
  return engines->n_steps < MIN_STEPS ? 0 : (double)engines->n_rows / (double)engines->n_steps;
}
