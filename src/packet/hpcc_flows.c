#include "packet/hpcc_flows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/array.h"
#include "core/file.h"
#include "core/scan.h"
#include "core/text.h"
#include "core/units.h"
#include "packet/hpcc_config.h"
#include "packet/packet.h"

enum {
  MAX_FILE_BYTES = 1 << 30,
  MAX_FLOWS = 1 << 28,
  FIELDS = 6,  // of a line without an id
  PRIORITY_GROUP = 3,
};

static const int64_t max_size_bytes = INT64_C(1000000000000);
static const double max_start_s = 1e9;

// An id and the line where it stands.
typedef struct {
  int64_t id;
  int line;
} entry_t;

typedef struct {
  m4s_scanner_t scanner;
  m4s_packet_profile_t profile;
  int32_t n_hosts;
  int64_t n_announced;  // by line 1
  bool with_ids;
  m4s_flow_record_t *records;  // [n_flows]
  entry_t *entries;  // [n_flows], the index where the file has no ids
  int32_t n_flows, capacity;
} parser_t;

// Grown with the lines that are there, whatever number line 1 claims.
static m4s_status_t reserve(parser_t *parser) {
  if (parser->n_flows < parser->capacity) {
    return M4S_OK;
  }
  M4S_TRY(m4s_array_grow(&parser->records, parser->n_flows, &parser->capacity,
                         sizeof *parser->records, "flows"));
  return m4s_array_resize(&parser->entries, parser->capacity, sizeof *parser->entries, "flows");
}

static m4s_status_t parse_only(const m4s_scanner_t *scanner, int i, const char *name,
                               int64_t only) {
  int64_t value = 0;
  M4S_TRY(m4s_scanner_int(scanner, i, name, 0, UINT16_MAX, &value));
  if (value != only) {
    return m4s_scanner_fail(scanner, i, name, "is not simulated (nearest valid: %lld)",
                            (long long)only);
  }
  return M4S_OK;
}

static m4s_status_t parse_start(const parser_t *parser, int i, int64_t *start_ns_out) {
  const m4s_scanner_t *scanner = &parser->scanner;
  double start_s;
  if (!m4s_parse_double(scanner->words[i].text, &start_s) || start_s < 0 || start_s > max_start_s) {
    return m4s_scanner_fail(scanner, i, "start", "is not a number of seconds of 0 to %g",
                            max_start_s);
  }
  int64_t start_ns = m4s_hpcc_seconds_to_ns(parser->profile, start_s);
  if (parser->n_flows > 0 && start_ns < parser->records[parser->n_flows - 1].start_ns) {
    return m4s_scanner_fail(
        scanner, i, "start",
        "lies before that of the flow above: flows must stand in the order of their starts");
  }
  *start_ns_out = start_ns;
  return M4S_OK;
}

// A flow at word `i`.
static m4s_status_t parse_flow(const parser_t *parser, int i, m4s_flow_record_t *record_out) {
  const m4s_scanner_t *scanner = &parser->scanner;
  int64_t src = 0;
  int64_t dst = 0;
  int64_t size_bytes = 0;
  int64_t start_ns = 0;
  M4S_TRY(m4s_scanner_int(scanner, i, "source", 0, parser->n_hosts - 1, &src));
  M4S_TRY(m4s_scanner_int(scanner, i + 1, "destination", 0, parser->n_hosts - 1, &dst));
  if (src == dst) {
    return m4s_scanner_fail(scanner, i + 1, "destination", "is the source");
  }
  M4S_TRY(parse_only(scanner, i + 2, "priority group", PRIORITY_GROUP));
  M4S_TRY(parse_only(scanner, i + 3, "destination port", M4S_PACKET_DESTINATION_PORT));
  M4S_TRY(m4s_scanner_int(scanner, i + 4, "size", 1, max_size_bytes, &size_bytes));
  M4S_TRY(parse_start(parser, i + 5, &start_ns));
  *record_out = m4s_flow_record_starting(parser->n_flows, src, dst, size_bytes, start_ns);
  return M4S_OK;
}

static m4s_status_t parse_line(parser_t *parser) {
  static const char wanted[] = "a flow: src dst priority_group dst_port size_bytes start_s";
  static const char wanted_with_id[] =
      "a flow: id src dst priority_group dst_port size_bytes start_s";
  m4s_scanner_t *scanner = &parser->scanner;
  int32_t i = parser->n_flows;
  M4S_TRY(m4s_scanner_next(scanner, "a flow"));
  if (i == 0) {
    parser->with_ids = scanner->n_words > FIELDS;
  }
  int n_words = parser->with_ids ? FIELDS + 1 : FIELDS;
  M4S_TRY(m4s_scanner_expect_words(scanner, n_words, n_words,
                                   parser->with_ids ? wanted_with_id : wanted));
  M4S_TRY(reserve(parser));
  parser->entries[i] = (entry_t){.id = i, .line = scanner->line};
  if (parser->with_ids) {
    M4S_TRY(m4s_scanner_int(scanner, 0, "id", 0, INT32_MAX, &parser->entries[i].id));
  }
  M4S_TRY(parse_flow(parser, n_words - FIELDS, &parser->records[i]));
  parser->n_flows++;
  return M4S_OK;
}

static int compare_entries(const void *a, const void *b) {
  const entry_t *left = a;
  const entry_t *right = b;
  if (left->id != right->id) {
    return left->id < right->id ? -1 : 1;
  }
  return (left->line > right->line) - (left->line < right->line);
}

// Sorts the entries.
static m4s_status_t check_ids(parser_t *parser) {
  entry_t *entries = parser->entries;
  qsort(entries, (size_t)parser->n_flows, sizeof *entries, compare_entries);
  for (int32_t i = 1; i < parser->n_flows; i++) {
    if (entries[i].id == entries[i - 1].id) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: id %lld stands in line %d already",
                      parser->scanner.path, entries[i].line, (long long)entries[i].id,
                      entries[i - 1].line);
    }
  }
  return M4S_OK;
}

// The ids in the order of the file; then checks them.
static m4s_status_t take_ids(parser_t *parser, int64_t **ids_out) {
  int64_t *ids = malloc((size_t)parser->n_flows * sizeof *ids);
  if (ids == NULL) {
    return m4s_fail_memory("flows");
  }
  for (int32_t i = 0; i < parser->n_flows; i++) {
    ids[i] = parser->entries[i].id;
  }
  m4s_status_t status = check_ids(parser);
  if (status != M4S_OK) {
    free(ids);
    return status;
  }
  *ids_out = ids;
  return M4S_OK;
}

static m4s_status_t parse(parser_t *parser, m4s_hpcc_flows_t *flows_out) {
  m4s_scanner_t *scanner = &parser->scanner;
  int64_t *ids = NULL;
  M4S_TRY(m4s_scanner_next(scanner, "the number of flows"));
  M4S_TRY(m4s_scanner_expect_words(scanner, 1, 1, "the number of flows"));
  M4S_TRY(m4s_scanner_int(scanner, 0, "number of flows", 1, MAX_FLOWS, &parser->n_announced));
  while (parser->n_flows < parser->n_announced) {
    M4S_TRY(parse_line(parser));
  }
  M4S_TRY(m4s_scanner_expect_end(scanner));
  if (parser->with_ids) {
    M4S_TRY(take_ids(parser, &ids));
  }
  *flows_out =
      (m4s_hpcc_flows_t){.n_flows = parser->n_flows, .records = parser->records, .ids = ids};
  parser->records = NULL;
  return M4S_OK;
}

m4s_status_t m4s_hpcc_flows_parse(const char *text, const char *path, m4s_packet_profile_t profile,
                                  int32_t n_hosts, m4s_hpcc_flows_t *flows_out) {
  parser_t parser = {.profile = profile, .n_hosts = n_hosts};
  M4S_TRY(m4s_scanner_init(&parser.scanner, text, path));
  m4s_status_t status = parse(&parser, flows_out);
  m4s_scanner_clear(&parser.scanner);
  free(parser.records);
  free(parser.entries);
  return status;
}

m4s_status_t m4s_hpcc_flows_read(const char *path, m4s_packet_profile_t profile, int32_t n_hosts,
                                 m4s_hpcc_flows_t *flows_out) {
  char *text;
  M4S_TRY(m4s_file_read_text(path, MAX_FILE_BYTES, &text));
  m4s_status_t status = m4s_hpcc_flows_parse(text, path, profile, n_hosts, flows_out);
  free(text);
  return status;
}

static m4s_status_t add_flow(const m4s_flow_record_t *record, bool with_id, m4s_text_t *text) {
  if (with_id) {
    M4S_TRY(m4s_text_add(text, "%d ", record->id));
  }
  return m4s_text_add(text, "%d %d %d %d %" PRId64 " %" PRId64 ".%09" PRId64 "1\n", record->src,
                      record->dst, PRIORITY_GROUP, M4S_PACKET_DESTINATION_PORT, record->size_bytes,
                      record->start_ns / M4S_NS_PER_S, record->start_ns % M4S_NS_PER_S);
}

m4s_status_t m4s_hpcc_flows_write(const char *path, const m4s_flow_record_t *records,
                                  int64_t n_flows, bool with_ids) {
  m4s_text_t text = {0};
  m4s_status_t status = m4s_text_add(&text, "%" PRId64 "\n", n_flows);
  for (int64_t i = 0; status == M4S_OK && i < n_flows; i++) {
    status = add_flow(&records[i], with_ids, &text);
  }
  if (status == M4S_OK) {
    status = m4s_file_write(path, text.bytes, text.length);
  }
  m4s_text_clear(&text);
  return status;
}

void m4s_hpcc_flows_clear(m4s_hpcc_flows_t *flows) {
  free(flows->records);
  free(flows->ids);
  *flows = (m4s_hpcc_flows_t){0};
}
