// The run loop: merges a source's events with a model's, in the order of their keys.
#pragma once

#include <stdatomic.h>

#include "flow/source.h"
#include "sim/network_model.h"

// When a run has to end before its traffic does.
typedef struct {
  double time_limit_s;  // wall clock in m4s_run_advance() and charged; 0: none
  const atomic_bool *stop;  // NULL: none
} m4s_run_limits_t;

typedef struct m4s_run m4s_run_t;

// Joins a model and a source over one clock, all borrowed until m4s_run_destroy().
m4s_status_t m4s_run_create(m4s_clock_t *clock, m4s_source_t source, m4s_network_model_t model,
                            const m4s_run_limits_t *limits, m4s_run_t **run_out);
void m4s_run_destroy(m4s_run_t *run);

typedef enum {
  M4S_RUN_FINISHED,
  M4S_RUN_WANTS_INFERENCE,  // evaluate the batch, call the model's inference_done, then advance
                            // again
} m4s_run_state_t;

// Goes on until the source has finished or the model wants inference (then rows are in `batch`,
// which may be NULL for models without). M4S_ERR_SIMULATION: the source waits for flows that can
// never complete; M4S_ERR_TIME_LIMIT; M4S_ERR_STOPPED.
m4s_status_t m4s_run_advance(m4s_run_t *run, m4s_inference_batch_t *batch,
                             m4s_run_state_t *state_out);

// Adds time to what the run has taken: its share of an inference, by which a run takes as long as
// it would alone, whatever is evaluated with it.
void m4s_run_charge(m4s_run_t *run, double seconds);

// Turns of the loop so far: source events, and model advances between them.
int64_t m4s_run_n_turns(const m4s_run_t *run);
