// What the weights of an m4 network look like, for people.
#pragma once

#include <stdio.h>

#include "m4/model.h"

// Prints sizes, the kind of inputs with what each was trained on, number of weights, work per row
// of a step, metadata, and every tensor with its shape, its least and greatest weight and the root
// of the mean square of its weights.
void m4s_model_info_print(const m4s_model_t *model, FILE *stream);
