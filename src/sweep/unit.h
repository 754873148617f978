// A unit of work: one point with one simulator, as a message that holds all it takes to run it
// anywhere.
#pragma once

#include <jansson.h>
#include <stdatomic.h>

#include "sweep/spec.h"

// {"unit": number, "folder": results folder, "case": id, "simulator": name, "axes": {…}, "files":
// {path: hash}, "settings": {…}}: a new reference, with {"definition": as of
// m4s_sweep_definition()} where it has one, and {"external": definition, "spec_folder": path} for a
// simulator of the user's. `number` is handed back in the reply. `time_limit_s` ≥ 0 replaces the
// point's and the simulator's.
m4s_status_t m4s_unit_order(const m4s_sweep_t *sweep, uint64_t index, const char *simulator,
                            const char *store_folder, int64_t number, double time_limit_s,
                            json_t **order_out);

// A unit at work, so that one thread can go on with many of them in turn.
typedef struct m4s_unit m4s_unit_t;

// A reference to the order is taken; `engines` and `stop` are borrowed until m4s_unit_destroy().
// M4S_ERR_INTERNAL for an order that makes no sense.
m4s_status_t m4s_unit_create(json_t *order, m4s_engines_t *engines, const atomic_bool *stop,
                             m4s_unit_t **unit_out);

// Simulates up to the end of the unit, where its files are put into place and *reply_out is a new
// reference, or to the next inference, where *reply_out is NULL and m4s_engines_evaluate() comes
// before the next call. The reply is {"unit": number, "status": word, "wall_s": s, "reason": "…"
// (unless ok), "metrics": {…} (if ok), "outside_training": […] (if ok, see sweep/outside.h; absent
// where nothing was)} with one of these words: ok; failed: the point is lost, for
// one because its files are not those of the order any more; stopped; error: the results folder
// cannot be written, and the run cannot go on. `wall_s` counts the time in these calls and the
// unit's share of the inferences. After the reply the unit can only be destroyed. Anything but
// M4S_OK means that there is no memory for a reply. The files depend on the order alone.
m4s_status_t m4s_unit_advance(m4s_unit_t *unit, json_t **reply_out);

// Gives an unfinished unit up: nothing of it is left.
void m4s_unit_destroy(m4s_unit_t *unit);

// All of these in one call.
m4s_status_t m4s_unit_run(json_t *order, const atomic_bool *stop, json_t **reply_out);
