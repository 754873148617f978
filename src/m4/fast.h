// The fast forward pass: packed weights and vector kernels (m4/kernels.h), a whole batch at a time.
#pragma once

#include "m4/engine.h"
#include "m4/kernels.h"

typedef struct m4s_fast m4s_fast_t;

// Packs the weights: the model is not needed afterwards. M4S_ERR_INPUT where the environment asks
// for instructions that the machine does not have.
m4s_status_t m4s_fast_create(const m4s_model_t *model, m4s_fast_t **fast_out);
void m4s_fast_destroy(m4s_fast_t *fast);
const char *m4s_fast_instructions(const m4s_fast_t *fast);

// Evaluates the batch on the rows of `flows` and `links` that its steps name: their first `hidden`
// numbers are replaced.
m4s_status_t m4s_fast_evaluate(m4s_fast_t *fast, const m4s_inference_batch_t *batch,
                               m4s_rows_t flows, m4s_rows_t links);
