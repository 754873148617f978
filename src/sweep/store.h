// A folder of results as a run writes it: lock, manifest, journal, one folder per unit.
//
//   manifest.json                      the sweep, the selections that were run, version, placement
//   journal.jsonl                      one line per finished unit
//   points/<case>/<simulator>/         point.json and the simulator's files, whole or absent; after
//                                      a failure of a simulator of the user's its output alone
//   .lock                              held while a run is at work
//
// A unit is done if the journal says ok and its folder is there, with results of the same
// definition (m4s_sweep_definition()) where it has one. Nothing else is believed, so a kill at any
// instant costs the units in flight only.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/status.h"
#include "sweep/journal.h"
#include "sweep/results.h"
#include "sweep/spec.h"

typedef struct m4s_store m4s_store_t;

// Opens `folder` for a run of the sweep called `name`, making it if need be, and takes its lock;
// cleans up what a killed run left. `fresh` removes the results that are there, of any sweep. A
// folder with other files and without a manifest of ours, one of another sweep (unless `fresh`),
// and one in which another run is at work are M4S_ERR_INPUT, and nothing in it changes; M4S_ERR_IO
// where the folder cannot be written.
m4s_status_t m4s_store_open(const char *folder, const char *name, bool fresh,
                            m4s_store_t **store_out);
void m4s_store_close(m4s_store_t *store);

// Whether a run is at work in the folder; then `holder` says which ("process 12 on host").
bool m4s_store_busy(const char *folder, char *holder, size_t n_holder);

// Keeps runs from opening the folder (which cleans it up) while a report is written into it. Where
// a run is at work already, or there is no lock, nothing is held. Give the value to
// m4s_store_release().
int m4s_store_hold(const char *folder);
void m4s_store_release(int hold);

// The absolute path.
const char *m4s_store_folder(const m4s_store_t *store);

// Writes the manifest: the sweep with its files' hashes and that of the network that is built in (a
// warning where this is another one, or a simulator of the user's defined otherwise, than before),
// the selection added to those of earlier runs (unless the sweep has changed since: then
// *changed_out is true and they are forgotten), the versions of the program that runs in the folder
// used (a warning if there are several), and `about`'s members (version, git_id, metrics, …).
m4s_status_t m4s_store_write_manifest(m4s_store_t *store, const m4s_sweep_t *sweep,
                                      const m4s_selection_t *selection, const json_t *about,
                                      bool *changed_out);

// A unit's status, from the journal as it was at m4s_store_open(). `definition`: as of
// m4s_sweep_definition().
m4s_row_status_t m4s_store_unit_status(const m4s_store_t *store, const char *case_id,
                                       const char *simulator, const char *definition);

// Appends a line to the journal; it is on disk when this returns. M4S_ERR_IO leaves the journal as
// it was.
m4s_status_t m4s_store_record(m4s_store_t *store, const json_t *line);

// Whether a unit's results are there.
bool m4s_unit_present(const char *store_folder, const char *case_id, const char *simulator,
                      const char *definition);

// The folder of a unit, owned, NULL without memory.
char *m4s_unit_folder(const char *store_folder, const char *case_id, const char *simulator);

// Makes an empty temporary folder for a unit; `folder_out` owned. Any process may do this.
m4s_status_t m4s_unit_begin(const char *store_folder, const char *case_id, const char *simulator,
                            char **folder_out);
// Moves it into place, on disk when this returns; an earlier folder of the unit is replaced.
m4s_status_t m4s_unit_publish(const char *store_folder, const char *case_id, const char *simulator,
                              const char *temporary_folder);
