#include "packet/hpcc_config.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "core/field.h"
#include "core/file.h"
#include "core/scan.h"
#include "core/units.h"

enum {
  MAX_FILE_BYTES = 1 << 24,
  KB = 1024,
  MAX_BUFFER_KB = (1 << 22) - 1,  // below 2^32 bytes
};

// Values by link rate.
typedef struct {
  int32_t n;
  int64_t rates_bps[M4S_PACKET_MAX_ECN_RATES];
  double values[M4S_PACKET_MAX_ECN_RATES];
} map_t;

typedef struct {
  m4s_hpcc_config_t out;
  map_t k_min_bytes, k_max_bytes, p_max;
} values_t;

enum { MAX_KEYS = 128 };

typedef struct {
  m4s_scanner_t scanner;
  m4s_packet_profile_t profile;
  m4s_packet_cc_t cc;
  values_t values;
  int lines[MAX_KEYS];  // where each key stands; 0: nowhere
} parser_t;

typedef struct config_key {
  const char *name;
  m4s_status_t (*parse)(const parser_t *parser, const struct config_key *key, void *member);
  size_t offset;  // of the member in values_t
  double min, max, scale;
  const char *reason;  // why another value is refused
} config_key_t;

int64_t m4s_hpcc_seconds_to_ns(m4s_packet_profile_t profile, double seconds) {
  __extension__ typedef unsigned __int128 wide_t;
  if (profile != M4S_PROFILE_HPCC) {
    return llround(seconds * 1e9);
  }
  double whole = floor(seconds);
  uint64_t fraction = (uint64_t)((seconds - whole) * 0x1p64);
  return (int64_t)whole * M4S_NS_PER_S + (int64_t)((wide_t)fraction * M4S_NS_PER_S >> 64);
}

// --- values of one key ---

static m4s_status_t expect_value(const parser_t *parser, const config_key_t *key) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, "%s and its value", key->name);
  return m4s_scanner_expect_words(&parser->scanner, 2, 2, wanted);
}

// Word `i` as a number of the key's range.
static m4s_status_t parse_number(const parser_t *parser, int i, const config_key_t *key, double min,
                                 double max, double *value_out) {
  const m4s_scanner_t *scanner = &parser->scanner;
  double value;
  if (!m4s_parse_double(scanner->words[i].text, &value)) {
    return m4s_scanner_fail(scanner, i, key->name, "is not a number");
  }
  if (!(value >= min && value <= max)) {
    return m4s_scanner_fail(scanner, i, key->name,
                            "is outside %.15g to %.15g (nearest valid: %.15g)", min, max,
                            value < min ? min : max);
  }
  *value_out = value;
  return M4S_OK;
}

static m4s_status_t parse_real(const parser_t *parser, const config_key_t *key, void *member) {
  M4S_TRY(expect_value(parser, key));
  return parse_number(parser, 1, key, key->min, key->max, member);
}

// Whole numbers may have decimals of 0.
static m4s_status_t parse_whole(const parser_t *parser, const config_key_t *key, double max,
                                int64_t *value_out) {
  double value = 0;
  M4S_TRY(expect_value(parser, key));
  M4S_TRY(parse_number(parser, 1, key, key->min, max, &value));
  if (value != floor(value)) {
    return m4s_scanner_fail(&parser->scanner, 1, key->name,
                            "is not a whole number (nearest valid: %.15g)", round(value));
  }
  *value_out = (int64_t)value;
  return M4S_OK;
}

static m4s_status_t parse_int64(const parser_t *parser, const config_key_t *key, void *member) {
  int64_t value = 0;
  M4S_TRY(parse_whole(parser, key, key->max, &value));
  *(int64_t *)member = value * (int64_t)key->scale;
  return M4S_OK;
}

static m4s_status_t parse_int32(const parser_t *parser, const config_key_t *key, void *member) {
  int64_t value = 0;
  M4S_TRY(parse_whole(parser, key, key->max, &value));
  *(int32_t *)member = (int32_t)value;
  return M4S_OK;
}

static m4s_status_t parse_flag(const parser_t *parser, const config_key_t *key, void *member) {
  int64_t value = 0;
  M4S_TRY(parse_whole(parser, key, key->max, &value));
  *(bool *)member = value == 1;
  return M4S_OK;
}

// MB on ns-3.17, KB in the others.
static m4s_status_t parse_buffer(const parser_t *parser, const config_key_t *key, void *member) {
  int64_t unit_kb = parser->profile == M4S_PROFILE_HPCC ? KB : 1;
  int64_t value = 0;
  M4S_TRY(parse_whole(parser, key, floor(key->max / (double)unit_kb), &value));
  *(int64_t *)member = value * unit_kb * KB;
  return M4S_OK;
}

static m4s_status_t parse_rate(const parser_t *parser, const config_key_t *key, void *member) {
  M4S_TRY(expect_value(parser, key));
  if (!m4s_parse_bandwidth(parser->scanner.words[1].text, member)) {
    return m4s_scanner_fail(&parser->scanner, 1, key->name,
                            "is not a positive rate such as 100Mb/s");
  }
  return M4S_OK;
}

static m4s_status_t parse_seconds(const parser_t *parser, const config_key_t *key, void *member) {
  double seconds = 0;
  M4S_TRY(parse_real(parser, key, &seconds));
  *(int64_t *)member = seconds >= (double)M4S_TIME_MAX_NS / 1e9
                           ? M4S_TIME_NEVER
                           : m4s_hpcc_seconds_to_ns(parser->profile, seconds);
  return M4S_OK;
}

static m4s_status_t parse_text(const parser_t *parser, const config_key_t *key, void *member) {
  M4S_TRY(expect_value(parser, key));
  char *text = strdup(parser->scanner.words[1].text);
  *(char **)member = text;
  return text == NULL ? m4s_fail_memory(parser->scanner.path) : M4S_OK;
}

// The rate at word `i` of a map that has those before it.
static m4s_status_t parse_map_rate(const parser_t *parser, int i, const config_key_t *key,
                                   map_t *map) {
  const m4s_scanner_t *scanner = &parser->scanner;
  int64_t bps = 0;
  M4S_TRY(m4s_scanner_int(scanner, i, key->name, 1, INT64_C(1000000000000000), &bps));
  for (int32_t j = 0; j < map->n; j++) {
    if (map->rates_bps[j] == bps) {
      return m4s_scanner_fail(scanner, i, key->name, "is a rate that stands twice");
    }
  }
  map->rates_bps[map->n] = bps;
  return M4S_OK;
}

// n rate value rate value …
static m4s_status_t parse_map(const parser_t *parser, const config_key_t *key, void *member) {
  const m4s_scanner_t *scanner = &parser->scanner;
  map_t *map = member;
  int64_t n = 0;
  char wanted[96];
  snprintf(wanted, sizeof wanted, "%s, the number of link rates, a rate and a value for each",
           key->name);
  M4S_TRY(m4s_scanner_expect_words(scanner, 2, INT32_MAX, wanted));
  M4S_TRY(m4s_scanner_int(scanner, 1, key->name, 1, M4S_PACKET_MAX_ECN_RATES, &n));
  M4S_TRY(m4s_scanner_expect_words(scanner, 2 + 2 * (int)n, 2 + 2 * (int)n, wanted));
  for (int i = 2; i < scanner->n_words; i += 2, map->n++) {
    M4S_TRY(parse_map_rate(parser, i, key, map));
    M4S_TRY(parse_number(parser, i + 1, key, key->min, key->max, &map->values[map->n]));
    map->values[map->n] *= key->scale;
  }
  return M4S_OK;
}

// What is simulated with one value only, which is `min`.
static m4s_status_t parse_fixed(const parser_t *parser, const config_key_t *key, void *member) {
  (void)member;
  double value;
  const m4s_scanner_t *scanner = &parser->scanner;
  if (scanner->n_words < 2) {
    return expect_value(parser, key);
  }
  if (!m4s_parse_double(scanner->words[1].text, &value)) {
    return m4s_scanner_fail(scanner, 1, key->name, "is not a number");
  }
  if (!(value == key->min)) {
    return m4s_scanner_fail(scanner, 1, key->name, "is not simulated: %s (nearest valid: %g)",
                            key->reason, key->min);
  }
  return M4S_OK;
}

// Without effect on flows, or read before.
static m4s_status_t read_over(const parser_t *parser, const config_key_t *key, void *member) {
  (void)parser;
  (void)key;
  (void)member;
  return M4S_OK;
}

// --- all keys ---

#define MEMBER(member) offsetof(values_t, member)
#define RULE(member) offsetof(values_t, out.rules.member)
#define FLAG(name, member) \
  { name, parse_flag, RULE(member), 0, 1, 1, NULL }
#define RATE(name, member) \
  { name, parse_rate, RULE(member), 0, 0, 1, NULL }
#define MICROSECONDS(name, member) \
  { name, parse_int64, RULE(member), 1, 1e6, 1e3, NULL }
#define FIXED(name, value, reason) \
  { name, parse_fixed, 0, value, value, 1, reason }
#define IGNORED(name) \
  { name, read_over, 0, 0, 0, 1, NULL }

static const config_key_t keys[] = {
    // Hosts and congestion control.
    {"CC_MODE", read_over, 0, 0, 0, 1, NULL},
    {"PACKET_PAYLOAD_SIZE", parse_int32, RULE(payload_bytes), 1, 9000, 1, NULL},
    FLAG("HAS_WIN", window),
    FLAG("VAR_WIN", rate_window),
    FLAG("FAST_REACT", fast_react),
    FLAG("RATE_BOUND", rate_bound),
    FLAG("ACK_HIGH_PRIO", ack_first),
    RATE("MIN_RATE", min_rate_bps),
    RATE("MAX_RATE", max_rate_bps),
    RATE("RATE_AI", ai_bps),
    RATE("RATE_HAI", hai_bps),
    RATE("DCTCP_RATE_AI", dctcp_ai_bps),
    {"EWMA_GAIN", parse_real, RULE(ewma_gain), 0, 1, 1, NULL},
    MICROSECONDS("ALPHA_RESUME_INTERVAL", alpha_interval_ns),
    MICROSECONDS("RATE_DECREASE_INTERVAL", decrease_interval_ns),
    MICROSECONDS("RP_TIMER", increase_interval_ns),
    {"FAST_RECOVERY_TIMES", parse_int32, RULE(fast_recovery_times), 0, 1e6, 1, NULL},
    FLAG("CLAMP_TARGET_RATE", clamp_target_rate),
    {"U_TARGET", parse_real, RULE(utilisation_target), 0.01, 10, 1, NULL},
    {"MI_THRESH", parse_int32, RULE(mi_threshold), 0, 1e6, 1, NULL},
    {"INT_MULTI", parse_int32, RULE(int_multiple), 1, 65535, 1, NULL},
    {"TIMELY_T_LOW", parse_int64, RULE(timely_low_ns), 0, 1e12, 1, NULL},
    {"TIMELY_T_HIGH", parse_int64, RULE(timely_high_ns), 0, 1e12, 1, NULL},
    {"TIMELY_BETA", parse_real, RULE(timely_beta), 0, 1, 1, NULL},
    // Switches.
    FLAG("ENABLE_PFC", pfc),
    FLAG("SW_ACK_HIGH_PRIO", ack_class_0),
    {"BUFFER_SIZE", parse_buffer, RULE(buffer_bytes), 1, MAX_BUFFER_KB, 1, NULL},
    {"BUFFER_SIZE_KB", parse_int64, RULE(buffer_bytes), 1, MAX_BUFFER_KB, KB, NULL},
    {"PFC_SHIFT", parse_int32, RULE(pfc_shift), 0, 31, 1, NULL},
    {"HEADROOM_EXTRA", parse_int64, RULE(headroom_extra_bytes), 0, 1e9, 1, NULL},
    {"KMIN_MAP", parse_map, MEMBER(k_min_bytes), 0, 4e6, 1000, NULL},
    {"KMAX_MAP", parse_map, MEMBER(k_max_bytes), 0, 4e6, 1000, NULL},
    {"PMAX_MAP", parse_map, MEMBER(p_max), 0, 1, 1, NULL},
    // The run.
    {"TOPOLOGY_FILE", parse_text, MEMBER(out.topology_file), 0, 0, 1, NULL},
    {"FLOW_FILE", parse_text, MEMBER(out.flow_file), 0, 0, 1, NULL},
    {"SIMULATOR_STOP_TIME", parse_seconds, MEMBER(out.stop_ns), 1e-9, 1e30, 1, NULL},
    {"QLEN_MON_START", parse_int64, MEMBER(out.queue_start_ns), 0, 4e18, 1, NULL},
    {"QLEN_MON_END", parse_int64, MEMBER(out.queue_end_ns), 0, 4e18, 1, NULL},
    // What is simulated in one way only.
    FIXED("ENABLE_QCN", 1, "ports always have classes"),
    FIXED("USE_DYNAMIC_PFC_THRESHOLD", 1, "PFC's thresholds follow the free buffer"),
    FIXED("GLOBAL_T", 1, "all flows have the largest window and base RTT of any pair"),
    FIXED("L2_ACK_INTERVAL", 1, "every packet is acknowledged"),
    FIXED("L2_BACK_TO_ZERO", 0, "senders go back to the first byte that is missing"),
    FIXED("MULTI_RATE", 0, "HPCC keeps one rate of a flow"),
    FIXED("SAMPLE_FEEDBACK", 0, "every ACK carries HPCC's telemetry"),
    FIXED("ERROR_RATE_PER_LINK", 0, "links lose no packets"),
    FIXED("LINK_DOWN", 0, "links do not fail during a run"),
    FIXED("MAX_INFLIGHT_FLOWS", 0, "every flow starts at its time"),
    // What has no effect on flows.
    IGNORED("L2_CHUNK_SIZE"),
    IGNORED("PINT_LOG_BASE"),
    IGNORED("PINT_PROB"),
    IGNORED("PAUSE_TIME"),
    IGNORED("NIC_TOTAL_PAUSE_TIME"),
    IGNORED("FIXED_WIN"),
    IGNORED("BASE_RTT"),
    IGNORED("DATA_RATE"),
    IGNORED("LINK_DELAY"),
    IGNORED("ENABLE_TRACE"),
    IGNORED("TRACE_FILE"),
    IGNORED("TRACE_OUTPUT_FILE"),
    IGNORED("FCT_OUTPUT_FILE"),
    IGNORED("PFC_OUTPUT_FILE"),
    IGNORED("QLEN_MON_FILE"),
    IGNORED("BW_MON_FILE"),
    IGNORED("RATE_MON_FILE"),
    IGNORED("CNP_MON_FILE"),
    IGNORED("MON_START"),
    IGNORED("MON_END"),
    IGNORED("QP_MON_INTERVAL"),
    IGNORED("QLEN_MON_INTERVAL"),
    IGNORED("BW_MON_INTERVAL"),
};

enum { N_KEYS = M4S_COUNT(keys) };
_Static_assert(M4S_COUNT(keys) <= MAX_KEYS, "lines of all keys");

// The index of the present line's key.
static m4s_status_t find_key(const parser_t *parser, size_t *index_out) {
  const char *names[N_KEYS];
  const char *name = parser->scanner.words[0].text;
  for (size_t i = 0; i < N_KEYS; i++) {
    names[i] = keys[i].name;
    if (strcmp(name, names[i]) == 0) {
      *index_out = i;
      return M4S_OK;
    }
  }
  return m4s_scanner_fail(&parser->scanner, 0, "key", "is unknown%s",
                          m4s_did_you_mean(name, names, N_KEYS));
}

// The line of a key that is known; 0: it does not stand in the file.
static int line_of(const parser_t *parser, const char *name) {
  size_t i = 0;
  while (strcmp(keys[i].name, name) != 0) {
    i++;
  }
  return parser->lines[i];
}

static m4s_status_t parse_cc_mode(parser_t *parser) {
  static const struct {
    const char *mode;
    m4s_packet_cc_t cc;
  } modes[] = {{"1", M4S_PACKET_DCQCN},
               {"3", M4S_PACKET_HPCC},
               {"7", M4S_PACKET_TIMELY},
               {"8", M4S_PACKET_DCTCP}};
  const m4s_scanner_t *scanner = &parser->scanner;
  M4S_TRY(expect_value(parser, &keys[0]));
  for (size_t i = 0; i < M4S_COUNT(modes); i++) {
    if (strcmp(scanner->words[1].text, modes[i].mode) == 0) {
      parser->cc = modes[i].cc;
      return M4S_OK;
    }
  }
  bool pint = strcmp(scanner->words[1].text, "10") == 0;
  return m4s_scanner_fail(scanner, 1, "CC_MODE",
                          "is %s; there are 1 (DCQCN), 3 (HPCC), 7 (TIMELY), 8 (DCTCP)",
                          pint ? "HPCC-PINT, which is not simulated" : "unknown");
}

// The first pass: which keys there are, and the congestion control, on which defaults depend.
static m4s_status_t find_keys(parser_t *parser) {
  m4s_scanner_t *scanner = &parser->scanner;
  while (m4s_scanner_has_more(scanner)) {
    size_t i = 0;
    M4S_TRY(m4s_scanner_next(scanner, "a key"));
    M4S_TRY(find_key(parser, &i));
    if (parser->lines[i] > 0) {
      return m4s_scanner_fail(scanner, 0, "key", "stands in line %d already", parser->lines[i]);
    }
    parser->lines[i] = scanner->line;
    if (i == 0) {
      M4S_TRY(parse_cc_mode(parser));
    }
  }
  if (parser->lines[0] == 0) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: CC_MODE is missing (1: DCQCN, 3: HPCC, 7: TIMELY, 8: DCTCP)",
                    scanner->path);
  }
  return M4S_OK;
}

// The second pass.
static m4s_status_t parse_values(parser_t *parser) {
  m4s_scanner_t *scanner = &parser->scanner;
  while (m4s_scanner_has_more(scanner)) {
    size_t i = 0;
    M4S_TRY(m4s_scanner_next(scanner, "a key"));
    M4S_TRY(find_key(parser, &i));
    M4S_TRY(keys[i].parse(parser, &keys[i], (char *)&parser->values + keys[i].offset));
  }
  return M4S_OK;
}

// --- keys together ---

static m4s_status_t look_up(const parser_t *parser, const map_t *map, const char *name, int64_t bps,
                            double *value_out) {
  for (int32_t i = 0; i < map->n; i++) {
    if (map->rates_bps[i] == bps) {
      *value_out = map->values[i];
      return M4S_OK;
    }
  }
  return m4s_fail(M4S_ERR_INPUT, "%s:%d: %s lacks the rate %lld of KMIN_MAP", parser->scanner.path,
                  line_of(parser, name), name, (long long)bps);
}

static m4s_status_t join_maps(parser_t *parser) {
  const map_t *k_min = &parser->values.k_min_bytes;
  const map_t *k_max = &parser->values.k_max_bytes;
  const map_t *p_max = &parser->values.p_max;
  m4s_packet_rules_t *rules = &parser->values.out.rules;
  if (k_min->n == 0 && k_max->n == 0 && p_max->n == 0) {
    return M4S_OK;
  }
  if (k_min->n == 0 || k_max->n != k_min->n || p_max->n != k_min->n) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: KMIN_MAP, KMAX_MAP and PMAX_MAP have %d, %d and %d link rates: they must "
                    "have the same",
                    parser->scanner.path, k_min->n, k_max->n, p_max->n);
  }
  parser->values.out.ecn_of_listed_rates = true;
  rules->n_ecn = k_min->n;
  for (int32_t i = 0; i < k_min->n; i++) {
    int64_t bps = k_min->rates_bps[i];
    double high = 0;
    m4s_packet_ecn_t *ecn = &rules->ecn[i];
    *ecn = (m4s_packet_ecn_t){.rate_bps = bps, .k_min_bytes = (int64_t)k_min->values[i]};
    M4S_TRY(look_up(parser, k_max, "KMAX_MAP", bps, &high));
    M4S_TRY(look_up(parser, p_max, "PMAX_MAP", bps, &ecn->p_max));
    ecn->k_max_bytes = (int64_t)high;
    if (ecn->k_max_bytes < ecn->k_min_bytes) {
      return m4s_fail(M4S_ERR_INPUT,
                      "%s:%d: KMAX_MAP has %g KB at %lld b/s, less than the %g KB of KMIN_MAP",
                      parser->scanner.path, line_of(parser, "KMAX_MAP"), high / 1000,
                      (long long)bps, k_min->values[i] / 1000);
    }
  }
  return M4S_OK;
}

static m4s_status_t check(const parser_t *parser) {
  const char *path = parser->scanner.path;
  if (line_of(parser, "BUFFER_SIZE") > 0 && line_of(parser, "BUFFER_SIZE_KB") > 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s:%d: BUFFER_SIZE_KB stands beside BUFFER_SIZE of line %d",
                    path, line_of(parser, "BUFFER_SIZE_KB"), line_of(parser, "BUFFER_SIZE"));
  }
  m4s_status_t status = m4s_packet_rules_check(&parser->values.out.rules);
  return status == M4S_OK ? M4S_OK : m4s_fail_in(status, "%s", path);
}

static m4s_status_t parse(parser_t *parser, const char *text, const char *path) {
  m4s_hpcc_config_t *out = &parser->values.out;
  M4S_TRY(m4s_scanner_init(&parser->scanner, text, path));
  M4S_TRY(find_keys(parser));
  m4s_scanner_clear(&parser->scanner);
  m4s_packet_rules_set(&out->rules, parser->profile, parser->cc);
  out->stop_ns = out->queue_end_ns = M4S_TIME_NEVER;
  M4S_TRY(m4s_scanner_init(&parser->scanner, text, path));
  M4S_TRY(parse_values(parser));
  if (parser->profile == M4S_PROFILE_M4) {
    out->rules.ack_class_0 = out->rules.ack_first;  // one key for hosts and switches
  }
  M4S_TRY(join_maps(parser));
  return check(parser);
}

m4s_status_t m4s_hpcc_config_parse(const char *text, const char *path, m4s_packet_profile_t profile,
                                   m4s_hpcc_config_t *config_out) {
  parser_t *parser = calloc(1, sizeof *parser);
  if (parser == NULL) {
    return m4s_fail_memory(path);
  }
  parser->profile = profile;
  m4s_status_t status = parse(parser, text, path);
  if (status == M4S_OK) {
    *config_out = parser->values.out;
  } else {
    m4s_hpcc_config_clear(&parser->values.out);
  }
  m4s_scanner_clear(&parser->scanner);
  free(parser);
  return status;
}

m4s_status_t m4s_hpcc_config_read(const char *path, m4s_packet_profile_t profile,
                                  m4s_hpcc_config_t *config_out) {
  char *text;
  M4S_TRY(m4s_file_read_text(path, MAX_FILE_BYTES, &text));
  m4s_status_t status = m4s_hpcc_config_parse(text, path, profile, config_out);
  free(text);
  return status;
}

void m4s_hpcc_config_clear(m4s_hpcc_config_t *config) {
  free(config->topology_file);
  free(config->flow_file);
  *config = (m4s_hpcc_config_t){0};
}
