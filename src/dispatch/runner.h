// A thread that simulates units, so that the main thread goes on serving messages and signals.
// Orders and replies are JSON texts (sweep/unit.h).
//
// It takes its units on in turn: each goes on until it has ended or wants inference. Those that
// want it are evaluated together. New orders are begun between two such rounds. Where networks are
// evaluated on a GPU, units are in two groups: one goes on while the GPU evaluates the other's.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "core/status.h"
#include "sweep/device_choice.h"

enum { M4S_MAX_POINTS_PER_WORKER = 256 };

typedef struct m4s_runner m4s_runner_t;

// `stop` is borrowed: while it is true, units are given up. `n_local`: ranks of the node. `device`,
// which is copied, has been resolved.
m4s_status_t m4s_runner_create(const atomic_bool *stop, int n_local,
                               const m4s_device_choice_t *device, m4s_runner_t **runner_out);
// Waits for the present round; units that have not ended are given up.
void m4s_runner_destroy(m4s_runner_t *runner);

// Hands over an order, which is copied. The runner holds M4S_MAX_POINTS_PER_WORKER at most, from
// here to the reply.
m4s_status_t m4s_runner_give(m4s_runner_t *runner, const char *order);

// How many units it would do well to hold (dispatch/appetite.h).
int m4s_runner_appetite(m4s_runner_t *runner);

// Waits up to `patience_ms` for a reply (owned, free()); NULL if there is none yet. An idle runner
// just waits.
m4s_status_t m4s_runner_take(m4s_runner_t *runner, double patience_ms, char **reply_out);
