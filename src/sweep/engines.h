// What the points of one thread share: m4 networks, read once and evaluated together for all points
// that use them, and the hashes of files.
#pragma once

#include "m4/engine.h"
#include "sweep/device_choice.h"
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

// On the CPU, unless another choice is made before the first network is taken.
m4s_status_t m4s_engines_create(m4s_engines_t **engines_out);
void m4s_engines_choose(m4s_engines_t *engines, const m4s_device_choice_t *choice);
// The same, and what takes the place of the choice's GPU; borrowed.
void m4s_engines_choose_device(m4s_engines_t *engines, const m4s_device_choice_t *choice,
                               const m4s_device_t *device);
void m4s_engines_destroy(m4s_engines_t *engines);

// Owned by the engines.
m4s_file_hashes_t *m4s_engines_file_hashes(m4s_engines_t *engines);

// The network in a file, read anew only where its content is another than that of those at hand;
// `path` NULL: the one that is built in.
// Valid until m4s_engines_release(), once for each take. M4S_ERR_INPUT: as of m4s_model_read().
// With the choice "auto" a GPU that does not work is warned of, and the CPU taken; where the GPU
// was named, that is M4S_ERR_DEVICE. After a GPU was lost, networks are taken on the CPU.
m4s_status_t m4s_engines_take(m4s_engines_t *engines, const char *path, m4s_forward_t forward,
                              m4s_shared_engine_t **shared_out);
// Some networks that nobody uses any more are kept for later.
void m4s_engines_release(m4s_engines_t *engines, m4s_shared_engine_t *shared);

// Evaluates all steps that wait. What goes wrong is left in `status` of the networks concerned, so
// that the points that use the others go on.
void m4s_engines_evaluate(m4s_engines_t *engines);

// The same in two halves, for groups of points that go on while others are evaluated, each group on
// its lane, 0 … M4S_ENGINES_LANES - 1: the points of a group are advanced between the lane's end,
// which sets `status` and the others of the networks for them, and its begin. Lanes beyond those of
// m4s_engines_n_lanes() do no harm and no good.
enum { M4S_ENGINES_LANES = M4S_DEVICE_STREAMS };
void m4s_engines_begin(m4s_engines_t *engines, int lane);
void m4s_engines_end(m4s_engines_t *engines, int lane);
int m4s_engines_n_lanes(const m4s_engines_t *engines);

// Rows that the batches of all lanes should have for a GPU to be well used; 0: there are no
// networks on one.
int64_t m4s_engines_full_rows(const m4s_engines_t *engines);

// Rows of flows and links in a step, on average over all steps so far; 0 as long as those are few.
double m4s_engines_rows_per_step(const m4s_engines_t *engines);
