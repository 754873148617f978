// Points of a results folder as folders of flow/exchange.h.
#pragma once

#include <stddef.h>

#include "core/status.h"

typedef struct {
  // A folder of results, or one of its points, FOLDER/points/CASE.
  const char *results;
  const char *simulators;  // "a,b"; NULL: all of the sweep
  const char *out;  // must not exist yet
} m4s_export_t;

// Writes each point whose flows are there, with all the simulators, into out/<case>, and their axes
// into out/points.csv; a single point that is named into `out` itself. *n_left_out: points that
// have failed, are missing, or keep no flows. M4S_ERR_INPUT where no point can be written, where a
// simulator is not the sweep's, and where flows start when others end (workloads, phases, closed
// loops), so that starts differ, for several simulators at once. After an error there is no `out`.
m4s_status_t m4s_export(const m4s_export_t *export, size_t *n_points_out, size_t *n_left_out);
