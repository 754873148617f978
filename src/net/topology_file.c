// Topology files of SimAI and of the HPCC family.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/scan.h"
#include "core/text.h"
#include "core/units.h"
#include "net/topology.h"

enum {
  MAX_FILE_BYTES = 1 << 30,
  MAX_NODES = 1 << 20,
  MAX_CABLES = 1 << 24,
  HPCC_HEAD_WORDS = 3,
};

typedef struct {
  m4s_scanner_t scanner;
  m4s_topology_parts_t parts;
  int32_t *forwarders;
  m4s_cable_t *cables;
  int64_t n_nodes, n_nvswitches, n_switches, n_cables, gpus_per_server;
  char *gpu_type;
} parser_t;

// nodes switches cables
static m4s_status_t parse_hpcc_head(parser_t *parser) {
  m4s_scanner_t *scanner = &parser->scanner;
  M4S_TRY(m4s_scanner_int(scanner, 0, "number of nodes", 1, MAX_NODES, &parser->n_nodes));
  M4S_TRY(m4s_scanner_int(scanner, 1, "number of switches", 0, parser->n_nodes - 1,
                          &parser->n_switches));
  M4S_TRY(m4s_scanner_int(scanner, 2, "number of cables", 0, MAX_CABLES, &parser->n_cables));
  parser->gpus_per_server = 1;
  parser->gpu_type = strdup("host");
  return parser->gpu_type == NULL ? m4s_fail_memory("a topology") : M4S_OK;
}

static m4s_status_t parse_head(parser_t *parser) {
  static const char wanted[] =
      "nodes gpus_per_server nvswitches switches cables gpu_type (of SimAI), or nodes switches "
      "cables (of HPCC)";
  m4s_scanner_t *scanner = &parser->scanner;
  M4S_TRY(m4s_scanner_next(scanner, wanted));
  if (scanner->n_words == HPCC_HEAD_WORDS) {
    return parse_hpcc_head(parser);
  }
  M4S_TRY(m4s_scanner_expect_words(scanner, 6, 6, wanted));
  M4S_TRY(m4s_scanner_int(scanner, 0, "number of nodes", 1, MAX_NODES, &parser->n_nodes));
  M4S_TRY(m4s_scanner_int(scanner, 1, "GPUs per server", 1, MAX_NODES, &parser->gpus_per_server));
  M4S_TRY(m4s_scanner_int(scanner, 2, "number of NVSwitches", 0, parser->n_nodes - 1,
                          &parser->n_nvswitches));
  M4S_TRY(m4s_scanner_int(scanner, 3, "number of switches", 0,
                          parser->n_nodes - 1 - parser->n_nvswitches, &parser->n_switches));
  M4S_TRY(m4s_scanner_int(scanner, 4, "number of cables", 0, MAX_CABLES, &parser->n_cables));
  parser->gpu_type = strdup(scanner->words[5].text);
  return parser->gpu_type == NULL ? m4s_fail_memory("a topology") : M4S_OK;
}

static m4s_status_t parse_forwarders(parser_t *parser) {
  m4s_scanner_t *scanner = &parser->scanner;
  int n = (int)(parser->n_nvswitches + parser->n_switches);
  if (n == 0) {
    return M4S_OK;
  }
  M4S_TRY(m4s_scanner_next(scanner, "the ids of NVSwitches and switches"));
  M4S_TRY(m4s_scanner_expect_words(scanner, n, n,
                                   "as many ids as line 1 counts NVSwitches and switches"));
  parser->forwarders = calloc((size_t)n, sizeof *parser->forwarders);
  // Marks the ids seen, so that a repeated one is named at its place.
  bool *seen = calloc((size_t)parser->n_nodes, sizeof *seen);
  m4s_status_t status =
      parser->forwarders == NULL || seen == NULL ? m4s_fail_memory("a topology") : M4S_OK;
  for (int i = 0; status == M4S_OK && i < n; i++) {
    int64_t node = 0;
    status =
        m4s_scanner_int(scanner, i, "switch id", parser->n_nodes - n, parser->n_nodes - 1, &node);
    if (status == M4S_OK && seen[node]) {
      status = m4s_scanner_fail(scanner, i, "switch id", "is listed twice");
    }
    if (status == M4S_OK) {
      seen[node] = true;
      parser->forwarders[i] = (int32_t)node;
    }
  }
  free(seen);
  return status;
}

static m4s_status_t parse_cable(parser_t *parser, m4s_cable_t *cable_out) {
  static const char wanted[] = "a cable: src dst bandwidth delay error_rate";
  m4s_scanner_t *scanner = &parser->scanner;
  int64_t src;
  int64_t dst;
  m4s_cable_t cable;
  M4S_TRY(m4s_scanner_next(scanner, wanted));
  M4S_TRY(m4s_scanner_expect_words(scanner, 5, 5, wanted));
  M4S_TRY(m4s_scanner_int(scanner, 0, "node", 0, parser->n_nodes - 1, &src));
  M4S_TRY(m4s_scanner_int(scanner, 1, "node", 0, parser->n_nodes - 1, &dst));
  if (src == dst) {
    return m4s_scanner_fail(scanner, 1, "node", "is joined to itself");
  }
  if (!m4s_parse_bandwidth(scanner->words[2].text, &cable.bandwidth_bps)) {
    return m4s_scanner_fail(scanner, 2, "bandwidth", "is not a positive bandwidth such as 400Gbps");
  }
  if (!m4s_parse_delay(scanner->words[3].text, &cable.delay_ns)) {
    return m4s_scanner_fail(scanner, 3, "delay",
                            "is not a whole number of ns, such as 0.0005ms or 500ns");
  }
  if (!m4s_parse_double(scanner->words[4].text, &cable.error_rate) || cable.error_rate < 0 ||
      cable.error_rate > 1) {
    return m4s_scanner_fail(scanner, 4, "error rate", "is not a number of 0 to 1");
  }
  cable.src = (int32_t)src;
  cable.dst = (int32_t)dst;
  *cable_out = cable;
  return M4S_OK;
}

// A node's cables to nodes with smaller ids, for finding repeated pairs at their line.
typedef struct {
  int32_t src, dst, line;
} pair_t;

static int compare_pairs(const void *a, const void *b) {
  const pair_t *left = a;
  const pair_t *right = b;
  if (left->src != right->src) {
    return left->src < right->src ? -1 : 1;
  }
  if (left->dst != right->dst) {
    return left->dst < right->dst ? -1 : 1;
  }
  return (left->line > right->line) - (left->line < right->line);
}

static m4s_status_t check_pairs(const parser_t *parser, const pair_t *pairs) {
  for (int64_t i = 1; i < parser->n_cables; i++) {
    if (pairs[i].src == pairs[i - 1].src && pairs[i].dst == pairs[i - 1].dst) {
      return m4s_fail(M4S_ERR_INPUT, "%s:%d: nodes %d and %d are joined already in line %d",
                      parser->scanner.path, pairs[i].line, pairs[i].src, pairs[i].dst,
                      pairs[i - 1].line);
    }
  }
  return M4S_OK;
}

static m4s_status_t parse_cables(parser_t *parser) {
  pair_t *pairs = NULL;
  m4s_status_t status = M4S_OK;
  int64_t capacity = 0;
  // Grown with the lines that are there, whatever number line 1 claims.
  for (int64_t i = 0; status == M4S_OK && i < parser->n_cables; i++) {
    if (i == capacity) {
      capacity = capacity == 0 ? 256 : 2 * capacity;
      m4s_cable_t *cables = realloc(parser->cables, (size_t)capacity * sizeof *cables);
      parser->cables = cables == NULL ? parser->cables : cables;
      pair_t *grown = realloc(pairs, (size_t)capacity * sizeof *grown);
      pairs = grown == NULL ? pairs : grown;
      if (cables == NULL || grown == NULL) {
        status = m4s_fail_memory("a topology");
        break;
      }
    }
    m4s_cable_t *cable = &parser->cables[i];
    status = parse_cable(parser, cable);
    if (status == M4S_OK) {
      bool ordered = cable->src < cable->dst;
      pairs[i] = (pair_t){.src = ordered ? cable->src : cable->dst,
                          .dst = ordered ? cable->dst : cable->src,
                          .line = parser->scanner.line};
    }
  }
  if (status == M4S_OK && parser->n_cables > 0) {
    qsort(pairs, (size_t)parser->n_cables, sizeof *pairs, compare_pairs);
    status = check_pairs(parser, pairs);
  }
  free(pairs);
  return status;
}

static m4s_status_t parse(parser_t *parser, m4s_topology_t **topology_out) {
  M4S_TRY(parse_head(parser));
  M4S_TRY(parse_forwarders(parser));
  M4S_TRY(parse_cables(parser));
  M4S_TRY(m4s_scanner_expect_end(&parser->scanner));
  m4s_topology_parts_t parts = {.n_nodes = (int32_t)parser->n_nodes,
                                .n_nvswitches = (int32_t)parser->n_nvswitches,
                                .n_switches = (int32_t)parser->n_switches,
                                .gpus_per_server = (int32_t)parser->gpus_per_server,
                                .gpu_type = parser->gpu_type,
                                .forwarders = parser->forwarders,
                                .n_cables = (int32_t)parser->n_cables,
                                .cables = parser->cables};
  return m4s_topology_create(&parts, parser->scanner.path, topology_out);
}

m4s_status_t m4s_topology_parse(const char *text, const char *path, m4s_topology_t **topology_out) {
  parser_t parser = {0};
  M4S_TRY(m4s_scanner_init(&parser.scanner, text, path));
  m4s_status_t status = parse(&parser, topology_out);
  m4s_scanner_clear(&parser.scanner);
  free(parser.forwarders);
  free(parser.cables);
  free(parser.gpu_type);
  return status;
}

m4s_status_t m4s_topology_read(const char *path, m4s_topology_t **topology_out) {
  char *text;
  M4S_TRY(m4s_file_read_text(path, MAX_FILE_BYTES, &text));
  m4s_status_t status = m4s_topology_parse(text, path, topology_out);
  free(text);
  return status;
}

// Bandwidths are whole bits/s, delays whole ns: these forms read back to the same numbers.
static m4s_status_t add_cable(m4s_text_t *file, const m4s_cable_t *cable) {
  bool whole = cable->bandwidth_bps % M4S_BPS_PER_GBPS == 0;
  int64_t bandwidth = whole ? cable->bandwidth_bps / M4S_BPS_PER_GBPS : cable->bandwidth_bps;
  M4S_TRY(m4s_text_add(file, "%d %d %" PRId64 "%s ", cable->src, cable->dst, bandwidth,
                       whole ? "Gbps" : "bps"));
  // Milliseconds with as many of six decimals as are needed.
  char fraction[8];
  snprintf(fraction, sizeof fraction, "%06" PRId64, cable->delay_ns % M4S_NS_PER_MS);
  size_t n = strlen(fraction);
  while (n > 0 && fraction[n - 1] == '0') {
    fraction[--n] = '\0';
  }
  return m4s_text_add(file, "%" PRId64 "%s%sms %.17g\n", cable->delay_ns / M4S_NS_PER_MS,
                      n > 0 ? "." : "", fraction, cable->error_rate);
}

// Line 1 is in `file`: adds the others.
static m4s_status_t write_rest(const m4s_topology_t *topology, m4s_text_t *file, const char *path) {
  m4s_status_t status = M4S_OK;
  int32_t n_forwarders = topology->n_nvswitches + topology->n_switches;
  for (int32_t i = 0; status == M4S_OK && i < n_forwarders; i++) {
    status = m4s_text_add(file, "%d%s", topology->forwarders[i], i + 1 < n_forwarders ? " " : "\n");
  }
  for (int32_t i = 0; status == M4S_OK && i < topology->n_cables; i++) {
    status = add_cable(file, &topology->cables[i]);
  }
  return status == M4S_OK ? m4s_file_write(path, file->bytes, file->length) : status;
}

m4s_status_t m4s_topology_write(const m4s_topology_t *topology, const char *path) {
  m4s_text_t file = {0};
  m4s_status_t status = m4s_text_add(&file, "%d %d %d %d %d %s\n", topology->n_nodes,
                                     topology->gpus_per_server, topology->n_nvswitches,
                                     topology->n_switches, topology->n_cables, topology->gpu_type);
  if (status == M4S_OK) {
    status = write_rest(topology, &file, path);
  }
  m4s_text_clear(&file);
  return status;
}

m4s_status_t m4s_topology_write_hpcc(const m4s_topology_t *topology, const char *path) {
  m4s_text_t file = {0};
  m4s_status_t status =
      m4s_text_add(&file, "%d %d %d\n", topology->n_nodes,
                   topology->n_nvswitches + topology->n_switches, topology->n_cables);
  if (status == M4S_OK) {
    status = write_rest(topology, &file, path);
  }
  m4s_text_clear(&file);
  return status;
}
