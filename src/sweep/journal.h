// journal.jsonl: one line per finished unit (a point with a simulator); the last line of a unit
// counts. Under another definition (m4s_sweep_definition()) a simulator is another one.
//
// {"case": "16 hex digits", "simulator": "…", "definition": "16 hex digits" (where it has one),
// "status": "ok" | "failed", "reason": "…" (failed only), "wall_s": s, "rank": r, "host": "…",
// "metrics": {…} (ok only), "outside_training": […] (ok only, see sweep/outside.h)}
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "core/status.h"
#include "core/text.h"

typedef struct {
  uint64_t case_hash;
  int64_t offset;  // of the line, bytes
  int32_t simulator;  // index into the journal's names
  bool ok;
} m4s_journal_entry_t;

// An index of the lines; the lines stay in the file. 24 bytes a line.
typedef struct {
  char *path;  // owned
  FILE *file;  // owned; NULL where there is no journal yet
  m4s_journal_entry_t *entries;  // owned, sorted by case, simulator, offset
  size_t n_entries, capacity;
  m4s_text_list_t simulators;  // names, with a blank and the definition where there is one
  int64_t whole_bytes;  // up to the last line's end: what follows was torn by a kill
} m4s_journal_t;

// Reads a journal; a missing one is empty, a last line without its end is left out. Lines that make
// no sense are left out, too, with one warning. Free with m4s_journal_clear(), also after an error.
m4s_status_t m4s_journal_read(m4s_journal_t *journal, const char *path);
void m4s_journal_clear(m4s_journal_t *journal);

// The last entry of a unit, NULL if it has none. `definition`: NULL where it has none.
const m4s_journal_entry_t *m4s_journal_find(const m4s_journal_t *journal, const char *case_id,
                                            const char *simulator, const char *definition);

// An entry's line: new reference.
m4s_status_t m4s_journal_line(const m4s_journal_t *journal, const m4s_journal_entry_t *entry,
                              json_t **line_out);
