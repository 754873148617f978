// Points whose flows or links are unlike those that m4's network was trained on.
#pragma once

#include <jansson.h>

#include "core/status.h"
#include "sim/network_model.h"

// What a point.json and the journal keep of the inputs that were outside: [{"input": "flow: …",
// "least": number, "greatest": number, "trained": [least, greatest]}, …], a new reference, or NULL
// where none was. `model`: of m4.
m4s_status_t m4s_outside_make(const m4s_network_model_t *model, json_t **outside_out);

// The same in words, for people: owned, NULL where nothing was outside. `outside` is what
// m4s_outside_make() made, also where it was read from a file that somebody has changed.
m4s_status_t m4s_outside_words(const json_t *outside, char **words_out);
