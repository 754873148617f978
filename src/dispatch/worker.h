// A rank that simulates what the master sends it.
#pragma once

#include <stdatomic.h>

#include "core/status.h"
#include "dispatch/comm.h"
#include "sweep/device_choice.h"

// Introduces itself with its placement and serves until the master says end. `stop` is set by
// signals, and by the master's word. `exit_out`: the exit status that the master has announced.
m4s_status_t m4s_worker_serve(const m4s_comm_t *comm, const m4s_device_choice_t *device,
                              atomic_bool *stop, int *exit_out);
