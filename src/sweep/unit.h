// A unit of work: one point with one simulator, as a message that holds all it takes to run it
// anywhere.
#pragma once

#include <jansson.h>
#include <stdatomic.h>

#include "sweep/spec.h"

// {"unit": number, "folder": results folder, "case": id, "simulator": name, "axes": {…}, "files":
// {path: hash}, "settings": {…}}: a new reference. `number` is handed back in the reply.
// `time_limit_s` ≥ 0 replaces the point's.
m4s_status_t m4s_unit_order(const m4s_sweep_t *sweep, uint64_t index, const char *simulator,
                            const char *store_folder, int64_t number, double time_limit_s,
                            json_t **order_out);

// Simulates an order and puts the unit's files into place. The reply is {"unit": number, "status":
// word, "wall_s": s, "reason": "…" (unless ok), "metrics": {…} (if ok)} with one of these words:
// ok; failed: the point is lost, for one because its files are not those of the order any more;
// stopped; error: the results folder cannot be written, and the run cannot go on. Anything but
// M4S_OK means that the order makes no sense or that there is no memory for a reply. The files
// depend on the order alone.
m4s_status_t m4s_unit_run(const json_t *order, const atomic_bool *stop, json_t **reply_out);
