#include "flow/fct_file.h"

#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "core/file.h"
#include "core/scan.h"

enum { MAX_FILE_BYTES = 512 << 20, N_WORDS = 8, MAX_PORT = 65535 };

static const char line_words[] =
    "source, destination, source port, destination port, bytes, start, FCT, ideal FCT[, id]";

// What is kept of a line beside its record, to tell ids that stand twice.
typedef struct {
  m4s_flow_record_t record;
  int line;
} entry_t;

typedef struct {
  m4s_scanner_t scanner;
  int32_t n_nodes;
  int n_words;  // of each line; 0: none has been read
  entry_t *entries;  // owned
  size_t n_entries, capacity;
} reader_t;

// Node i has the address 11.(i / 256).(i mod 256).1.
static m4s_status_t read_node(const reader_t *reader, int i_word, const char *name,
                              int32_t *node_out) {
  const char *word = reader->scanner.words[i_word].text;
  if (strlen(word) != 8 || strspn(word, "0123456789abcdefABCDEF") != 8) {
    return m4s_scanner_fail(&reader->scanner, i_word, name,
                            "is no address of 8 hexadecimal digits");
  }
  unsigned long address = strtoul(word, NULL, 16);
  unsigned long node = address >> 8 & 0xffff;
  if (address >> 24 != 11 || (address & 0xff) != 1 || node >= (unsigned long)reader->n_nodes) {
    return m4s_scanner_fail(&reader->scanner, i_word, name,
                            "is the address of none of %d nodes (0b000001 and on)",
                            (int)reader->n_nodes);
  }
  *node_out = (int32_t)node;
  return M4S_OK;
}

static m4s_status_t read_record(const reader_t *reader, m4s_flow_record_t *record) {
  const m4s_scanner_t *scanner = &reader->scanner;
  int64_t port, size_bytes, start_ns, fct_ns, ideal_fct_ns;
  int64_t id = (int64_t)reader->n_entries;
  int32_t src, dst;
  M4S_TRY(read_node(reader, 0, "source", &src));
  M4S_TRY(read_node(reader, 1, "destination", &dst));
  M4S_TRY(m4s_scanner_int(scanner, 2, "source port", 0, MAX_PORT, &port));
  M4S_TRY(m4s_scanner_int(scanner, 3, "destination port", 0, MAX_PORT, &port));
  M4S_TRY(m4s_scanner_int(scanner, 4, "size in bytes", 0, INT64_MAX, &size_bytes));
  M4S_TRY(m4s_scanner_int(scanner, 5, "start in ns", 0, M4S_TIME_MAX_NS, &start_ns));
  M4S_TRY(m4s_scanner_int(scanner, 6, "FCT in ns", 0, M4S_TIME_MAX_NS, &fct_ns));
  M4S_TRY(m4s_scanner_int(scanner, 7, "ideal FCT in ns", 0, M4S_TIME_MAX_NS, &ideal_fct_ns));
  if (scanner->n_words > N_WORDS) {
    M4S_TRY(m4s_scanner_int(scanner, N_WORDS, "id", 0, INT32_MAX, &id));
  }
  *record = (m4s_flow_record_t){.id = (int32_t)id,
                                .src = src,
                                .dst = dst,
                                .size_bytes = size_bytes,
                                .call_ns = -1,
                                .start_ns = start_ns,
                                .fct_ns = fct_ns,
                                .ideal_fct_ns = ideal_fct_ns,
                                .collective = -1,
                                .channel = -1,
                                .step = -1};
  return M4S_OK;
}

static m4s_status_t add_line(reader_t *reader) {
  if (reader->n_entries == reader->capacity) {
    size_t capacity = reader->capacity == 0 ? 1024 : 2 * reader->capacity;
    entry_t *entries = realloc(reader->entries, capacity * sizeof *entries);
    if (entries == NULL) {
      return m4s_fail_memory(reader->scanner.path);
    }
    reader->entries = entries;
    reader->capacity = capacity;
  }
  entry_t *entry = &reader->entries[reader->n_entries];
  M4S_TRY(read_record(reader, &entry->record));
  entry->line = reader->scanner.line;
  reader->n_entries++;
  return M4S_OK;
}

static m4s_status_t read_lines(reader_t *reader) {
  while (m4s_scanner_has_more(&reader->scanner)) {
    M4S_TRY(m4s_scanner_next(&reader->scanner, "a flow"));
    bool first = reader->n_words == 0;
    M4S_TRY(m4s_scanner_expect_words(&reader->scanner, first ? N_WORDS : reader->n_words,
                                     first ? N_WORDS + 1 : reader->n_words, line_words));
    reader->n_words = reader->scanner.n_words;
    M4S_TRY(add_line(reader));
  }
  return M4S_OK;
}

static int compare_entries(const void *a, const void *b) {
  const entry_t *x = a;
  const entry_t *y = b;
  return x->record.id != y->record.id
             ? (x->record.id > y->record.id) - (x->record.id < y->record.id)
             : (x->line > y->line) - (x->line < y->line);
}

static m4s_status_t order_by_id(reader_t *reader) {
  if (reader->n_entries > 0) {
    qsort(reader->entries, reader->n_entries, sizeof *reader->entries, compare_entries);
  }
  for (size_t i = 1; i < reader->n_entries; i++) {
    const entry_t *entry = &reader->entries[i];
    if (entry->record.id == entry[-1].record.id) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: id %d stands in line %d already", reader->scanner.path,
                      entry->line, (int)entry->record.id, entry[-1].line);
    }
  }
  return M4S_OK;
}

static m4s_status_t take_records(const reader_t *reader, m4s_flow_record_t **records_out,
                                 int64_t *n_records_out) {
  m4s_flow_record_t *records = malloc((reader->n_entries + 1) * sizeof *records);
  if (records == NULL) {
    return m4s_fail_memory(reader->scanner.path);
  }
  for (size_t i = 0; i < reader->n_entries; i++) {
    records[i] = reader->entries[i].record;
  }
  *records_out = records;
  *n_records_out = (int64_t)reader->n_entries;
  return M4S_OK;
}

m4s_status_t m4s_fct_file_read(const char *path, int32_t n_nodes, m4s_flow_record_t **records_out,
                               int64_t *n_records_out) {
  reader_t reader = {.n_nodes = n_nodes};
  char *text;
  M4S_TRY(m4s_file_read_text(path, MAX_FILE_BYTES, &text));
  m4s_status_t status = m4s_scanner_init(&reader.scanner, text, path);
  free(text);
  M4S_TRY(status);
  status = read_lines(&reader);
  if (status == M4S_OK) {
    status = order_by_id(&reader);
  }
  if (status == M4S_OK) {
    status = take_records(&reader, records_out, n_records_out);
  }
  m4s_scanner_clear(&reader.scanner);
  free(reader.entries);
  return status;
}
