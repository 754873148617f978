#include "sweep/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

static bool parse_case(const char *text, uint64_t *hash_out) {
  if (text == NULL || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) {
    return false;
  }
  *hash_out = strtoull(text, NULL, 16);
  return true;
}

enum { MAX_KEY_BYTES = 128 };

// What a simulator has in the index.
static void make_key(const char *simulator, const char *definition, char key[MAX_KEY_BYTES]) {
  snprintf(key, MAX_KEY_BYTES, "%.90s%s%.32s", simulator, definition == NULL ? "" : " ",
           definition == NULL ? "" : definition);
}

static m4s_status_t find_simulator(m4s_journal_t *journal, const char *name, int32_t *index_out) {
  for (size_t i = 0; i < journal->simulators.n_items; i++) {
    if (strcmp(journal->simulators.items[i], name) == 0) {
      *index_out = (int32_t)i;
      return M4S_OK;
    }
  }
  M4S_TRY(m4s_text_list_add(&journal->simulators, name));
  *index_out = (int32_t)journal->simulators.n_items - 1;
  return M4S_OK;
}

static m4s_status_t add_entry(m4s_journal_t *journal, const m4s_journal_entry_t *entry) {
  if (journal->n_entries == journal->capacity) {
    size_t capacity = journal->capacity == 0 ? 256 : 2 * journal->capacity;
    m4s_journal_entry_t *entries = realloc(journal->entries, capacity * sizeof *entries);
    if (entries == NULL) {
      return m4s_fail_memory(journal->path);
    }
    journal->entries = entries;
    journal->capacity = capacity;
  }
  journal->entries[journal->n_entries++] = *entry;
  return M4S_OK;
}

// Reads the line's unit and status; false if it makes no sense.
static bool parse_line(const json_t *line, m4s_journal_entry_t *entry) {
  const char *state = json_string_value(json_object_get(line, "status"));
  entry->ok = state != NULL && strcmp(state, "ok") == 0;
  return json_is_string(json_object_get(line, "simulator")) &&
         parse_case(json_string_value(json_object_get(line, "case")), &entry->case_hash) &&
         (entry->ok ? json_is_object(json_object_get(line, "metrics"))
                    : state != NULL && strcmp(state, "failed") == 0);
}

// Adds the entry of a line of `n` bytes; `bad_out`: it makes no sense.
static m4s_status_t read_line(m4s_journal_t *journal, const char *text, size_t n, bool *bad_out) {
  json_t *line = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
  m4s_journal_entry_t entry = {.offset = journal->whole_bytes};
  m4s_status_t status = M4S_OK;
  *bad_out = !parse_line(line, &entry);
  if (!*bad_out) {
    char key[MAX_KEY_BYTES];
    make_key(json_string_value(json_object_get(line, "simulator")),
             json_string_value(json_object_get(line, "definition")), key);
    status = find_simulator(journal, key, &entry.simulator);
  }
  if (!*bad_out && status == M4S_OK) {
    status = add_entry(journal, &entry);
  }
  json_decref(line);
  return status;
}

static m4s_status_t read_lines(m4s_journal_t *journal) {
  char *text = NULL;
  size_t capacity = 0;
  long long n_lines = 0;
  long long first_bad = 0;
  long long n_bad = 0;
  ssize_t n;
  m4s_status_t status = M4S_OK;
  while (status == M4S_OK && (n = getline(&text, &capacity, journal->file)) > 0 &&
         text[n - 1] == '\n') {
    bool bad;
    n_lines++;
    status = read_line(journal, text, (size_t)n, &bad);
    first_bad = bad && n_bad == 0 ? n_lines : first_bad;
    n_bad += bad;
    journal->whole_bytes += n;
  }
  free(text);
  if (status == M4S_OK && ferror(journal->file)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s", journal->path, strerror(errno));
  }
  if (n_bad > 0) {
    m4s_log(M4S_LOG_WARN, "%s:%lld: %lld of %lld lines are damaged: their points count as not done",
            journal->path, first_bad, n_bad, n_lines);
  }
  return status;
}

static int compare_entries(const void *a, const void *b) {
  const m4s_journal_entry_t *x = a;
  const m4s_journal_entry_t *y = b;
  if (x->case_hash != y->case_hash) {
    return x->case_hash < y->case_hash ? -1 : 1;
  }
  if (x->simulator != y->simulator) {
    return x->simulator < y->simulator ? -1 : 1;
  }
  return x->offset < y->offset ? -1 : x->offset > y->offset;
}

m4s_status_t m4s_journal_read(m4s_journal_t *journal, const char *path) {
  *journal = (m4s_journal_t){0};
  journal->path = strdup(path);
  if (journal->path == NULL) {
    return m4s_fail_memory("a file name");
  }
  journal->file = fopen(path, "re");
  if (journal->file == NULL) {
    return errno == ENOENT ? M4S_OK : m4s_fail(M4S_ERR_INPUT, "%s: %s", path, strerror(errno));
  }
  m4s_status_t status = read_lines(journal);
  if (journal->n_entries > 0) {
    qsort(journal->entries, journal->n_entries, sizeof *journal->entries, compare_entries);
  }
  return status;
}

void m4s_journal_clear(m4s_journal_t *journal) {
  if (journal->file != NULL) {
    fclose(journal->file);
  }
  m4s_text_list_clear(&journal->simulators);
  free(journal->entries);
  free(journal->path);
  *journal = (m4s_journal_t){0};
}

const m4s_journal_entry_t *m4s_journal_find(const m4s_journal_t *journal, const char *case_id,
                                            const char *simulator, const char *definition) {
  char name[MAX_KEY_BYTES];
  make_key(simulator, definition, name);
  m4s_journal_entry_t key = {.offset = INT64_MAX, .simulator = -1};
  for (size_t i = 0; i < journal->simulators.n_items; i++) {
    if (strcmp(journal->simulators.items[i], name) == 0) {
      key.simulator = (int32_t)i;
    }
  }
  if (key.simulator < 0 || !parse_case(case_id, &key.case_hash)) {
    return NULL;
  }
  // The last entry at or before the key.
  size_t low = 0;
  size_t high = journal->n_entries;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare_entries(&journal->entries[middle], &key) <= 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) {
    return NULL;
  }
  const m4s_journal_entry_t *entry = &journal->entries[low - 1];
  return entry->case_hash == key.case_hash && entry->simulator == key.simulator ? entry : NULL;
}

m4s_status_t m4s_journal_line(const m4s_journal_t *journal, const m4s_journal_entry_t *entry,
                              json_t **line_out) {
  char *text = NULL;
  size_t capacity = 0;
  json_t *line = NULL;
  if (fseeko(journal->file, (off_t)entry->offset, SEEK_SET) == 0 &&
      getline(&text, &capacity, journal->file) > 0) {
    line = json_loads(text, 0, NULL);
  }
  free(text);
  if (line == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: byte %lld: cannot be read again", journal->path,
                    (long long)entry->offset);
  }
  *line_out = line;
  return M4S_OK;
}
