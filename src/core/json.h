// JSON files through jansson: syntax errors with file, line and column; duplicate keys refused.
#pragma once

#include <jansson.h>

#include "core/status.h"

enum { M4S_JSON_MAX_BYTES = 16 << 20 };  // of a file

// Reads a file of at most M4S_JSON_MAX_BYTES whose root is an object; `root_out` is a new
// reference.
m4s_status_t m4s_json_read(const char *path, json_t **root_out);

// Parses a text whose root is an object; `where` names it in errors.
m4s_status_t m4s_json_parse(const char *text, const char *where, json_t **root_out);

// The same where the root may be a list, too.
m4s_status_t m4s_json_parse_any(const char *text, const char *where, json_t **root_out);

// The one text of a value: keys sorted, no blanks, doubles with 17 digits. Owned, free(); NULL
// without memory.
char *m4s_json_canonical(const json_t *value);

// A value as text, with jansson's `flags`: doubles have 15 digits where that keeps all of them
// exact, else 17. Owned, free(); NULL without memory.
char *m4s_json_text(const json_t *value, size_t flags);

// Writes indented JSON atomically.
m4s_status_t m4s_json_write(const char *path, const json_t *value);

// A value as it stands in an error message: compact, cut at 60 bytes. A buffer of the thread, until
// the next call.
const char *m4s_json_show(const json_t *value);

// Refuses text that is not UTF-8, which JSON cannot hold; `what` names it.
m4s_status_t m4s_json_check_text(const char *text, const char *what);

// Refuses keys of `object` that are not in `names`; `where` is "file: json.path".
m4s_status_t m4s_json_check_keys(const json_t *object, const char *where, const char *const *names,
                                 size_t n_names);
