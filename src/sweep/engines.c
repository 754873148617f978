#include "sweep/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

// Networks that are kept without users: enough for a sweep over a few of them.
enum { MAX_KEPT = 4, HASH_BYTES = 17 };

// Steps that have something to say about those to come.
enum { MIN_STEPS = 64 };

typedef struct {
  m4s_shared_engine_t shared;  // first, so that its address is the entry's
  char hash[HASH_BYTES];  // of the file's content
  m4s_forward_t forward;
  m4s_model_t *model;
  int n_users;
} entry_t;

struct m4s_engines {
  entry_t **entries;  // owned, [n_entries], owned; last taken last
  size_t n_entries;
  int64_t n_steps, n_rows;  // evaluated
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
  *engines_out = engines;
  return M4S_OK;
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

static m4s_status_t read_entry(const char *path, const char *hash, m4s_forward_t forward,
                               entry_t **entry_out) {
  entry_t *entry = calloc(1, sizeof *entry);
  if (entry == NULL) {
    return m4s_fail_memory("an engine");
  }
  entry->forward = forward;
  memcpy(entry->hash, hash, HASH_BYTES);
  m4s_status_t status = m4s_model_read(path, &entry->model);
  if (status == M4S_OK) {
    status = m4s_engine_create(entry->model, forward, &entry->shared.engine);
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
  M4S_TRY(m4s_file_hashes_get(engines->hashes, path, hash));
  for (size_t i = 0; i < engines->n_entries; i++) {
    entry_t *entry = engines->entries[i];
    if (entry->forward == forward && strcmp(entry->hash, hash) == 0) {
      *entry_out = take_out(engines, i);
      return M4S_OK;
    }
  }
  make_room(engines);
  return read_entry(path, hash, forward, entry_out);
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

void m4s_engines_evaluate(m4s_engines_t *engines) {
  for (size_t i = 0; i < engines->n_entries; i++) {
    m4s_shared_engine_t *shared = &engines->entries[i]->shared;
    int64_t n_rows = shared->batch.n_flow_rows + shared->batch.n_link_rows;
    if (shared->batch.n_steps == 0) {
      continue;
    }
    engines->n_steps += shared->batch.n_steps;
    engines->n_rows += n_rows;
    double start_s = m4s_now_s();
    shared->status = m4s_engine_evaluate(shared->engine, &shared->batch);
    shared->s_per_row = (m4s_now_s() - start_s) / (double)n_rows;
    if (shared->status != M4S_OK) {
      snprintf(shared->problem, sizeof shared->problem, "%s", m4s_last_error());
    }
  }
}

m4s_file_hashes_t *m4s_engines_file_hashes(m4s_engines_t *engines) { return engines->hashes; }

double m4s_engines_rows_per_step(const m4s_engines_t *engines) {
  return engines->n_steps < MIN_STEPS ? 0 : (double)engines->n_rows / (double)engines->n_steps;
}
