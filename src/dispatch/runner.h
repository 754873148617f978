// A thread that simulates one unit at a time, so that the main thread goes on serving messages and
// signals. Orders and replies are JSON texts (sweep/unit.h).
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "core/status.h"

typedef struct m4s_runner m4s_runner_t;

// `stop` is borrowed: while it is true, units are given up.
m4s_status_t m4s_runner_create(const atomic_bool *stop, m4s_runner_t **runner_out);
// Waits for the unit at work.
void m4s_runner_destroy(m4s_runner_t *runner);

// Hands over an order, which is copied; the runner must be idle.
m4s_status_t m4s_runner_give(m4s_runner_t *runner, const char *order);

// Waits up to `patience_ms` for a reply (owned, free()); NULL if there is none yet. An idle runner
// just waits.
m4s_status_t m4s_runner_take(m4s_runner_t *runner, double patience_ms, char **reply_out);
