// What the points of one thread share: m4 networks, read once and evaluated together for all points
// that use them, and the hashes of files.
#pragma once

#include "m4/engine.h"
#include "sweep/file_hashes.h"

typedef struct m4s_engines m4s_engines_t;

// A network with its evaluation, shared by the points of the thread.
typedef struct {
  m4s_engine_t *engine;
  m4s_inference_batch_t batch;  // of the engine: the points' steps that wait
  // Of the last evaluation:
  m4s_status_t status;
  char problem[256];  // its message
  double s_per_row;  // how long it took, over the rows of all steps
} m4s_shared_engine_t;

m4s_status_t m4s_engines_create(m4s_engines_t **engines_out);
void m4s_engines_destroy(m4s_engines_t *engines);

// Owned by the engines.
m4s_file_hashes_t *m4s_engines_file_hashes(m4s_engines_t *engines);

// The network in a file, read anew only where its content is another than that of those at hand.
// Valid until m4s_engines_release(), once for each take. M4S_ERR_INPUT: as of m4s_model_read().
m4s_status_t m4s_engines_take(m4s_engines_t *engines, const char *path, m4s_forward_t forward,
                              m4s_shared_engine_t **shared_out);
// Some networks that nobody uses any more are kept for later.
void m4s_engines_release(m4s_engines_t *engines, m4s_shared_engine_t *shared);

// Evaluates all steps that wait. What goes wrong is left in `status` of the networks concerned, so
// that the points that use the others go on.
void m4s_engines_evaluate(m4s_engines_t *engines);

// Rows of flows and links in a step, on average over all steps so far; 0 as long as those are few.
double m4s_engines_rows_per_step(const m4s_engines_t *engines);
