// What an engine on a device is tried with before it is used: made-up steps.
#pragma once

#include "m4/engine.h"

// Compares a step with the reference's (m4/reference.h): states and predictions. M4S_ERR_DEVICE
// where they differ by more than `tolerance` of the largest one, or are not finite.
m4s_status_t m4s_gpu_check(m4s_engine_t *engine, double tolerance);

// The rows of the smallest batch that is evaluated at nine tenths of the best rate.
m4s_status_t m4s_gpu_find_full_rows(m4s_engine_t *engine, int32_t *n_rows_out);
