// Sweep specs: JSON in, points out, one at a time.
//
// {"name": "x", "title": "…", "simulators": ["flowsim", {"name": "ns3", "command": "…"}],
//  "reference": "flowsim" | {"simulator": s} | {"table": path, "simulator": s} |
//  {"folder": path, "backend": b}, "base": {"section": {"key": value}},
//  "axes": [{"setting": values, …}, {"sample": {"points": n, "seed": s, "setting": values, …}}, …],
//  "where": "expression", "quick": "expression"}
//
// Simulators are names of built-in ones or definitions of the user's (sweep/external.h).
//
// The entries of "axes" are crossed, the first varying slowest; the settings of one entry move
// together, those of "sample" at random (sweep/sample.h). Paths are relative to the spec's folder.
// Points are numbered in that order, before any filter: an index means the same point for the life
// of the spec.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "core/status.h"
#include "core/text.h"
#include "sweep/axes.h"
#include "sweep/external.h"
#include "sweep/point.h"
#include "sweep/where.h"

enum { M4S_CASE_ID_BYTES = 17 };  // 16 hexadecimal digits and the terminator

// Sweeps above this are refused unless the caller says yes, and above the other in any case.
#define M4S_MANY_POINTS UINT64_C(1000000)
#define M4S_MAX_POINTS UINT64_C(1000000000)

typedef struct m4s_sweep {
  char *path;  // owned: the spec's, for messages
  char *folder;  // owned: what relative paths begin from
  char *name, *title;  // owned
  m4s_text_list_t simulators;  // to run
  m4s_text_list_t spec_simulators;  // as the spec lists them
  m4s_external_t *externals;  // owned, [n_externals]: those that the spec defines
  size_t n_externals;
  json_t *reference;  // owned reference: as in a manifest (sweep/results.h); NULL: none
  json_t *base;  // owned reference: {"section": {"key": value}}
  json_t *axes_source;  // owned reference: "axes" as written
  m4s_axis_group_t *groups;  // owned, [n_groups]
  size_t n_groups;
  char *where_text;  // owned; NULL: none
  m4s_where_t *where;  // owned; NULL: none
  char *quick_text;  // owned; a condition for runs that are to be short; NULL: none
  uint64_t n_combinations;  // of all axes, before the filter; UINT64_MAX where it is more
  // Filled by m4s_sweep_load():
  json_t *resolved;  // owned reference: settings of the base, defaults filled in
  json_t *files;  // owned reference: {absolute path: hash of the content}
  json_t *identity;  // owned reference: sweep/identity.h
  char network[M4S_CASE_ID_BYTES];  // hash of the one that is built in; "": no point takes it
} m4s_sweep_t;

// The spec's own fields ("name", "title", "where", "quick").
extern const m4s_field_t m4s_sweep_fields[];
extern const size_t m4s_n_sweep_fields;

// Reads and checks a spec, without looking at the files that it names. Errors are M4S_ERR_INPUT,
// "FILE: json.path: value problem". Owned by the caller, free with m4s_sweep_destroy().
m4s_status_t m4s_sweep_read(const char *path, m4s_sweep_t **sweep_out);
m4s_status_t m4s_sweep_parse(const char *text, const char *path, m4s_sweep_t **sweep_out);
void m4s_sweep_destroy(m4s_sweep_t *sweep);

// Names become folders': M4S_ERR_INPUT, beginning with `path`, for one that cannot, and for NULL.
m4s_status_t m4s_sweep_check_name(const char *name, const char *path);

// Makes a text, of at most 100 bytes, a name that a sweep may have: other characters become "x".
void m4s_sweep_clean_name(char *name);

// Adds a simulator to those of the sweep; unknown names and repetitions are M4S_ERR_INPUT.
m4s_status_t m4s_sweep_add_simulator(m4s_sweep_t *sweep, const char *name, const char *where);

// What the spec defines under a name; NULL for built-in simulators.
const m4s_external_t *m4s_sweep_external(const m4s_sweep_t *sweep, const char *simulator);

// What the results of a simulator depend on at a point beside the case: the hash of that, for m4
// without m4.model of the network that is built in, else NULL. Results of other definitions are not
// this one's. Of a loaded sweep.
const char *m4s_sweep_definition(const m4s_sweep_t *sweep, uint64_t index, const char *simulator);

// Which points of a sweep: {"set": {axis: value}, "where": [expressions]}; both may be absent.
typedef json_t m4s_selection_t;

// Overrides from the command line; all borrowed, NULL: none.
typedef struct {
  // "name=value"; the name of an axis restricts the axis to that value, any other setting changes
  // the base. Paths are relative to the working folder, and their files must be readable.
  const m4s_text_list_t *sets;
  const m4s_text_list_t *wheres;  // conditions
  bool quick;  // and the spec's "quick", which must be there
  const char *simulators;  // "a,b", instead of the spec's
  const char *model;  // sets m4.model, and adds m4 to the simulators where it is not among them
} m4s_overrides_t;

// Applies overrides, before m4s_sweep_load(). Settings that have no effect with the sweep's kinds
// of topology, traffic and packet's profile, or with the default of what chooses among them
// ("sizes" of "sizes_file"), or max_load beside host_load, or in_flight_of without in_flight, are
// M4S_ERR_INPUT. `selection_out`: a new reference.
m4s_status_t m4s_sweep_override(m4s_sweep_t *sweep, const m4s_overrides_t *overrides,
                                m4s_selection_t **selection_out);

// Logs a warning for each setting on the command line or axis that only simulators look at which do
// not run, or only points with other choices. The base of a spec may have such: for simulators that
// --simulators and --model add, and choices made by --set.
void m4s_sweep_warn_of_unused(const m4s_sweep_t *sweep, const m4s_overrides_t *overrides);

// Hashes the files that the settings name, and makes ready for points and case ids. `known_files`
// ({path: hash}) is believed without looking; NULL: none.
m4s_status_t m4s_sweep_load(m4s_sweep_t *sweep, const json_t *known_files);

// The indices of the points of a selection, ascending, of those that pass the filters (owned by the
// caller, free()). More than M4S_MANY_POINTS combinations are M4S_ERR_INPUT with the count, unless
// `many` says that this is meant; so is a selection without points. Of a loaded sweep. Memory: 8
// bytes a point.
m4s_status_t m4s_sweep_select(const m4s_sweep_t *sweep, const m4s_selection_t *selection, bool many,
                              uint64_t **indices_out, size_t *n_indices_out);

// The axis over a setting, NULL if there is none; `i_group_out` (may be NULL): its group.
const m4s_axis_t *m4s_sweep_find_axis(const m4s_sweep_t *sweep, m4s_setting_t setting,
                                      size_t *i_group_out);

// The position of a group's axes in a point.
uint64_t m4s_sweep_position(const m4s_sweep_t *sweep, uint64_t index, size_t i_group);

// {axis: value} in the order of the spec: new reference, NULL without memory.
json_t *m4s_sweep_axes(const m4s_sweep_t *sweep, uint64_t index);

// Settings of a point, as for m4s_point_set() with the sweep's folder: new reference, NULL without
// memory.
json_t *m4s_sweep_settings(const m4s_sweep_t *sweep, uint64_t index);

// The point itself; free with m4s_point_clear(), also after an error.
m4s_status_t m4s_sweep_point(const m4s_sweep_t *sweep, uint64_t index, m4s_point_t *point);

// The id of a point: a hash of its resolved settings that affect results, with files' contents in
// place of their paths, so that it is the same on every machine.
m4s_status_t m4s_sweep_case_id(const m4s_sweep_t *sweep, uint64_t index,
                               char id_out[M4S_CASE_ID_BYTES]);

// "degraded_gpus 2, reduction 4" for messages and lists; owned, NULL without memory.
char *m4s_sweep_point_title(const m4s_sweep_t *sweep, uint64_t index);

// The names of all axes as a new array, NULL without memory.
json_t *m4s_sweep_axis_names(const m4s_sweep_t *sweep);

// The sweep as a spec, overrides applied, from which m4s_sweep_from_json() makes it again: new
// reference, NULL without memory.
json_t *m4s_sweep_to_json(const m4s_sweep_t *sweep);
m4s_status_t m4s_sweep_from_json(const json_t *spec, const char *path, const char *folder,
                                 m4s_sweep_t **sweep_out);
