// How many points a rank simulates side by side, where nobody says.
#pragma once

#include <stdint.h>

// As many as it takes to fill a batch of the neural network, by the mean rows of a step so far
// (0: not known, one point) and the rows of a full batch (0: that of a core), and as the rank's
// share of the node's memory has room for, by the memory that this process has taken with at most
// `n_points` at a time so far. `n_local`: ranks of the node. From 1 to M4S_MAX_POINTS_PER_WORKER.
//
// Steps are measured, since their size depends on traffic, topology and algorithm in ways that
// cannot be told beforehand.
int m4s_appetite(double rows_per_step, int64_t full_rows, int n_points, int n_local);
