#include "flow/fct_file.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "core/file.h"
#include "core/scan.h"
#include "core/text.h"

enum { MAX_FILE_BYTES = 512 << 20, N_WORDS = 8, MAX_PORT = 65535, ADDRESS_DIGITS = 8 };

static const char line_words[] =
    "source, destination, source port, destination port, bytes, start, FCT, ideal FCT[, id]";

// What is kept of a line beside its record, to tell ids that stand twice and flows apart.
typedef struct {
  m4s_flow_record_t record;
  int64_t source_port;
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
  if (strlen(word) != ADDRESS_DIGITS || strspn(word, "0123456789abcdefABCDEF") != ADDRESS_DIGITS) {
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

// Where the source stands: an id before it makes the third word an address, which is no port.
static int find_source(const m4s_scanner_t *scanner) {
  return scanner->n_words > N_WORDS && strlen(scanner->words[2].text) == ADDRESS_DIGITS ? 1 : 0;
}

static m4s_status_t read_entry(const reader_t *reader, entry_t *entry) {
  const m4s_scanner_t *scanner = &reader->scanner;
  int i = find_source(scanner);
  int64_t port, size_bytes, start_ns, fct_ns, ideal_fct_ns;
  int64_t id = (int64_t)reader->n_entries;
  int32_t src, dst;
  M4S_TRY(read_node(reader, i, "source", &src));
  M4S_TRY(read_node(reader, i + 1, "destination", &dst));
  M4S_TRY(m4s_scanner_int(scanner, i + 2, "source port", 0, MAX_PORT, &entry->source_port));
  M4S_TRY(m4s_scanner_int(scanner, i + 3, "destination port", 0, MAX_PORT, &port));
  M4S_TRY(m4s_scanner_int(scanner, i + 4, "size in bytes", 0, INT64_MAX, &size_bytes));
  M4S_TRY(m4s_scanner_int(scanner, i + 5, "start in ns", 0, M4S_TIME_MAX_NS, &start_ns));
  M4S_TRY(m4s_scanner_int(scanner, i + 6, "FCT in ns", 0, M4S_TIME_MAX_NS, &fct_ns));
  M4S_TRY(m4s_scanner_int(scanner, i + 7, "ideal FCT in ns", 0, M4S_TIME_MAX_NS, &ideal_fct_ns));
  if (scanner->n_words > N_WORDS) {
    M4S_TRY(m4s_scanner_int(scanner, i == 0 ? N_WORDS : 0, "id", 0, INT32_MAX, &id));
  }
  entry->line = scanner->line;
  entry->record = (m4s_flow_record_t){.id = (int32_t)id,
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
  M4S_TRY(read_entry(reader, entry));
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

static void clear_reader(reader_t *reader) {
  m4s_scanner_clear(&reader->scanner);
  free(reader->entries);
}

// Reads the lines; to be cleared with clear_reader(), also after an error.
static m4s_status_t read_file(reader_t *reader, const char *path) {
  char *text;
  M4S_TRY(m4s_file_read_text(path, MAX_FILE_BYTES, &text));
  m4s_status_t status = m4s_scanner_init(&reader->scanner, text, path);
  free(text);
  M4S_TRY(status);
  M4S_TRY(read_lines(reader));
  return order_by_id(reader);
}

m4s_status_t m4s_fct_file_read(const char *path, int32_t n_nodes, m4s_flow_record_t **records_out,
                               int64_t *n_records_out) {
  reader_t reader = {.n_nodes = n_nodes};
  m4s_status_t status = read_file(&reader, path);
  if (status == M4S_OK) {
    status = take_records(&reader, records_out, n_records_out);
  }
  clear_reader(&reader);
  return status;
}

// --- times of flows that are known ---

// By pair of hosts and start, then source port (of lines) or place.
static int compare_flows(const entry_t *x, const entry_t *y) {
  const m4s_flow_record_t *a = &x->record;
  const m4s_flow_record_t *b = &y->record;
  if (a->src != b->src) {
    return a->src < b->src ? -1 : 1;
  }
  if (a->dst != b->dst) {
    return a->dst < b->dst ? -1 : 1;
  }
  if (a->start_ns != b->start_ns) {
    return a->start_ns < b->start_ns ? -1 : 1;
  }
  if (x->source_port != y->source_port) {
    return x->source_port < y->source_port ? -1 : 1;
  }
  return (x->line > y->line) - (x->line < y->line);
}

static int compare_entries_by_flow(const void *a, const void *b) { return compare_flows(a, b); }

// The flows that were given, in the order of the lines that tell of them: by id, or as lines are
// ordered. Place i of the records is `line`.
static entry_t *list_flows(const m4s_flow_record_t *records, int64_t n_flows, bool by_id) {
  entry_t *flows = calloc((size_t)n_flows + 1, sizeof *flows);
  for (int64_t i = 0; flows != NULL && i < n_flows; i++) {
    flows[i] = (entry_t){.record = records[i], .line = (int)i};
  }
  if (flows != NULL && !by_id && n_flows > 0) {
    qsort(flows, (size_t)n_flows, sizeof *flows, compare_entries_by_flow);
  }
  return flows;
}

static m4s_status_t fail_missing(const reader_t *reader, const entry_t *flow, int64_t n_flows) {
  const m4s_flow_record_t *record = &flow->record;
  return m4s_fail(M4S_ERR_INPUT,
                  "%s: has %zu of %lld flows; flow %d of %lld bytes from %d to %d is not there",
                  reader->scanner.path, reader->n_entries, (long long)n_flows, flow->line,
                  (long long)record->size_bytes, record->src, record->dst);
}

static bool is_same_flow(const m4s_flow_record_t *a, const m4s_flow_record_t *b) {
  return a->src == b->src && a->dst == b->dst && a->size_bytes == b->size_bytes;
}

static m4s_status_t check_line(const reader_t *reader, const entry_t *line, const entry_t *flow) {
  const m4s_flow_record_t *is = &line->record;
  const m4s_flow_record_t *wanted = &flow->record;
  if (!is_same_flow(is, wanted)) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s:%d: %lld bytes from %d to %d, but flow %d is %lld bytes from %d to %d",
                    reader->scanner.path, line->line, (long long)is->size_bytes, is->src, is->dst,
                    flow->line, (long long)wanted->size_bytes, wanted->src, wanted->dst);
  }
  return is->fct_ns > 0
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT, "%s:%d: an FCT of 0", reader->scanner.path, line->line);
}

// Lines and flows are in the same order, in which the first that differs is missing or too many.
static m4s_status_t check_lines(const reader_t *reader, const entry_t *flows, int64_t n_flows,
                                bool by_id) {
  size_t n = reader->n_entries < (size_t)n_flows ? reader->n_entries : (size_t)n_flows;
  for (size_t i = 0; i < n; i++) {
    const entry_t *line = &reader->entries[i];
    bool other =
        !is_same_flow(&line->record, &flows[i].record) || (by_id && line->record.id != (int32_t)i);
    if (other && reader->n_entries < (size_t)n_flows) {
      return fail_missing(reader, &flows[i], n_flows);
    }
    M4S_TRY(check_line(reader, line, &flows[i]));
  }
  if (reader->n_entries < (size_t)n_flows) {
    return fail_missing(reader, &flows[n], n_flows);
  }
  if (reader->n_entries > (size_t)n_flows) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: one of %zu flows, of which there are %lld",
                    reader->scanner.path, reader->entries[n].line, reader->n_entries,
                    (long long)n_flows);
  }
  return M4S_OK;
}

static m4s_status_t take_times(reader_t *reader, m4s_flow_record_t *records, int64_t n_flows) {
  bool by_id = reader->n_words > N_WORDS;
  entry_t *flows = list_flows(records, n_flows, by_id);
  if (flows == NULL) {
    return m4s_fail_memory(reader->scanner.path);
  }
  if (!by_id && reader->n_entries > 0) {
    qsort(reader->entries, reader->n_entries, sizeof *reader->entries, compare_entries_by_flow);
  }
  m4s_status_t status = check_lines(reader, flows, n_flows, by_id);
  for (int64_t i = 0; status == M4S_OK && i < n_flows; i++) {
    records[flows[i].line].fct_ns = reader->entries[i].record.fct_ns;
  }
  free(flows);
  return status;
}

m4s_status_t m4s_fct_file_read_times(const char *path, int32_t n_nodes, m4s_flow_record_t *records,
                                     int64_t n_flows) {
  reader_t reader = {.n_nodes = n_nodes};
  m4s_status_t status = read_file(&reader, path);
  if (status == M4S_OK) {
    status = take_times(&reader, records, n_flows);
  }
  clear_reader(&reader);
  return status;
}

m4s_status_t m4s_fct_file_write(const char *path, const m4s_flow_record_t *records,
                                const int64_t *fct_ns, int64_t n_flows) {
  enum { SOURCE_PORT = 10000, DESTINATION_PORT = 100 };
  m4s_text_t text = {0};
  m4s_status_t status = m4s_text_add(&text, "%s", "");
  for (int64_t i = 0; status == M4S_OK && i < n_flows; i++) {
    const m4s_flow_record_t *record = &records[i];
    int64_t ideal_fct_ns = record->ideal_fct_ns < 0 ? 0 : record->ideal_fct_ns;
    status = m4s_text_add(
        &text, "0b%04x01 0b%04x01 %d %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d\n",
        (unsigned)record->src, (unsigned)record->dst, SOURCE_PORT, DESTINATION_PORT,
        record->size_bytes, record->start_ns, fct_ns[i], ideal_fct_ns, record->id);
  }
  if (status == M4S_OK) {
    status = m4s_file_write(path, text.bytes, text.length);
  }
  m4s_text_clear(&text);
  return status;
}
