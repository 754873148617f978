// Simulators that are programs of the user: how a spec defines them.
//
// {"name": "ns3", "command": "prog -w {workload} -n {topology} -o {out}", "time_limit_s": s,
//  "end_to_end": file, "fct": file, "flow_ids": yes, "environment": {"NAME": "value"}}
//
// Of a workload the program gets {workload} and a {topology} in SimAI's format, and leaves its
// times, and perhaps a list of flows. Of flows it gets {flows}, a flow file of the HPCC family, and
// a {topology} in that family's format, and leaves a list of these flows.
//
// In the command {workload}, {flows}, {topology}, {out}, {seed}, {case}, {spec_folder} and every
// setting of the point ({topology.reduction}) stand for their values, quoted for the shell where
// they need to be; braces are written {{ and }}.
#pragma once

#include <jansson.h>

#include "core/field.h"

enum { M4S_DEFINITION_BYTES = 17 };  // 16 hexadecimal digits and the terminator

typedef struct {
  char *name;  // owned: of folders and in tables
  char *command;  // owned: for sh -c, with placeholders
  double time_limit_s;  // 0: the point's
  char *end_to_end;  // owned: a pattern of file names below {out}
  char *fct;  // owned: another; NULL: the program writes none, or of flows "fct.txt"
  bool flow_ids;  // {flows} has ids
  json_t *environment;  // owned reference: {"NAME": "value"}; NULL: nothing beside ours
  char definition[M4S_DEFINITION_BYTES];  // hash of what its results depend on: all but name and
                                          // time limit
} m4s_external_t;

enum { M4S_N_EXTERNAL_FIELDS = 6 };
extern const m4s_field_t m4s_external_fields[M4S_N_EXTERNAL_FIELDS];  // all but "environment"

// Reads a definition; `where` begins error messages. Unknown placeholders are refused with the
// nearest one. Free with m4s_external_clear(), also after an error.
m4s_status_t m4s_external_read(m4s_external_t *external, const json_t *object, const char *where);
void m4s_external_clear(m4s_external_t *external);

// The definition as it is read: new reference, NULL without memory.
json_t *m4s_external_to_json(const m4s_external_t *external);

// Whether the command has the placeholder.
bool m4s_external_uses(const m4s_external_t *external, const char *placeholder);

// What placeholders stand for.
typedef struct {
  const char *workload, *flows, *topology, *out, *case_id, *spec_folder;
  const json_t *settings;  // of the point: {"section": {"key": value}}
} m4s_external_values_t;

// The command for the shell; owned, free(). M4S_ERR_INPUT where it is too long.
m4s_status_t m4s_external_command(const m4s_external_t *external,
                                  const m4s_external_values_t *values, char **command_out);
