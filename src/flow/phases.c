#include "flow/phases.h"

#include <stdlib.h>

#include "core/random.h"

enum { MAX_FLOWS = 100000000, MAX_PHASES = 1000000 };

static const char *const pattern_names[] = {"all_to_all", "rotation", "incast", NULL};
static const char *const placement_names[] = {"packed", "spread", "random", NULL};

const m4s_field_t m4s_phases_fields[] = {
    {.name = "pattern",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_phases_config_t, pattern),
     .fallback = "all_to_all",
     .choices = pattern_names,
     .help = "what a phase is: all send to all, each sends to one other, some send to one"},
    {.name = "phases",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_phases_config_t, n_phases),
     .fallback = "0",
     .min = 0,
     .max = MAX_PHASES,
     .help = "how many; 0: all_to_all 1, rotation and incast until every participant had its turn"},
    {.name = "participants",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_phases_config_t, participants),
     .unit = "hosts",
     .fallback = "0",
     .min = 0,
     .max = 1 << 20,
     .help = "how many take part; 0: all"},
    {.name = "placement",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_phases_config_t, placement),
     .fallback = "packed",
     .choices = placement_names,
     .help = "which take part: the first ones, one of each rack in turn, or as run.seed draws"},
    {.name = "flow_bytes",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_phases_config_t, flow_bytes),
     .unit = "bytes",
     .fallback = "1000000",
     .min = 1,
     .max = 1e12,
     .help = "of each flow"},
    {.name = "incast_senders",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_phases_config_t, senders),
     .fallback = "8",
     .min = 1,
     .max = 1 << 20,
     .help = "pattern incast: how many send to the receiver at once"},
};

static int64_t n_participants(const m4s_phases_config_t *config, int64_t n_hosts) {
  return config->participants == 0 ? n_hosts : config->participants;
}

static m4s_status_t check(const m4s_phases_config_t *config, const char *where, int64_t n_hosts) {
  int64_t n = n_participants(config, n_hosts);
  if (n_hosts < 2) {
    return m4s_fail(M4S_ERR_INPUT, "%s: phases take 2 hosts or more, the topology has %lld", where,
                    (long long)n_hosts);
  }
  if (n < 2 || n > n_hosts) {
    return m4s_fail(M4S_ERR_INPUT, "%s: participants: %lld of %lld hosts (nearest valid: %lld)",
                    where, (long long)n, (long long)n_hosts, n < 2 ? 2LL : (long long)n_hosts);
  }
  if (config->pattern == M4S_PATTERN_INCAST && config->senders >= n) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: incast_senders: %lld beside the receiver among %lld participants (nearest "
                    "valid: %lld)",
                    where, (long long)config->senders, (long long)n, (long long)n - 1);
  }
  return M4S_OK;
}

m4s_status_t m4s_phases_count(const m4s_phases_config_t *config, const char *where, int64_t n_hosts,
                              int64_t *n_phases_out, int64_t *flows_per_phase_out) {
  M4S_TRY(check(config, where, n_hosts));
  int64_t n = n_participants(config, n_hosts);
  int64_t flows_per_phase = config->pattern == M4S_PATTERN_ALL_TO_ALL ? n * (n - 1)
                            : config->pattern == M4S_PATTERN_ROTATION ? n
                                                                      : config->senders;
  int64_t n_turns = config->pattern == M4S_PATTERN_ALL_TO_ALL ? 1
                    : config->pattern == M4S_PATTERN_ROTATION ? n - 1
                                                              : n;
  int64_t n_phases = config->n_phases == 0 ? n_turns : config->n_phases;
  if (n_phases > MAX_FLOWS / flows_per_phase) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %lld phases of %lld flows are more than %d flows", where,
                    (long long)n_phases, (long long)flows_per_phase, MAX_FLOWS);
  }
  *n_phases_out = n_phases;
  *flows_per_phase_out = flows_per_phase;
  return M4S_OK;
}

// The hosts of a cluster in the order in which they take part.
static void order_hosts(const m4s_phases_config_t *config, const m4s_cluster_shape_t *shape,
                        uint64_t seed, int32_t *hosts) {
  int32_t n = m4s_cluster_n_hosts(shape);
  int32_t n_racks = shape->pods * shape->racks_per_pod;
  bool spread = config->placement == M4S_PLACEMENT_SPREAD;
  for (int32_t i = 0; i < n; i++) {
    hosts[i] = spread ? i % n_racks * shape->hosts_per_rack + i / n_racks : i;
  }
  if (config->placement == M4S_PLACEMENT_RANDOM) {
    m4s_random_t random;
    m4s_random_init(&random, seed, "participants", 0);
    m4s_random_shuffle(&random, hosts, n);
  }
}

// The places of flow i_flow of a phase among the participants.
static void find_pair(const m4s_phases_config_t *config, int64_t n, int64_t phase, int64_t i_flow,
                      int64_t *src_out, int64_t *dst_out) {
  switch ((m4s_pattern_t)config->pattern) {
    case M4S_PATTERN_ALL_TO_ALL:
      *src_out = i_flow % n;
      *dst_out = (*src_out + i_flow / n + 1) % n;
      break;
    case M4S_PATTERN_ROTATION:
      *src_out = i_flow;
      *dst_out = (i_flow + phase % (n - 1) + 1) % n;
      break;
    default:
      *dst_out = phase % n;
      *src_out = (*dst_out + 1 + i_flow) % n;
  }
}

static void fill(const m4s_phases_config_t *config, const int32_t *hosts, int64_t n,
                 m4s_phases_t *phases) {
  int64_t per_phase = phases->n_flows / phases->n_phases;
  for (int64_t i = 0; i < phases->n_flows; i++) {
    int64_t src;
    int64_t dst;
    find_pair(config, n, i / per_phase, i % per_phase, &src, &dst);
    phases->records[i] = (m4s_flow_record_t){.id = (int32_t)i,
                                             .src = hosts[src],
                                             .dst = hosts[dst],
                                             .size_bytes = config->flow_bytes,
                                             .call_ns = -1,
                                             .fct_ns = -1,
                                             .ideal_fct_ns = -1,
                                             .collective = -1,
                                             .channel = -1,
                                             .step = -1};
  }
  for (int64_t i = 0; i <= phases->n_phases; i++) {
    phases->first_of_phase[i] = i * per_phase;
  }
}

m4s_status_t m4s_phases_make(const m4s_phases_config_t *config, const char *where,
                             const m4s_cluster_shape_t *shape, uint64_t seed,
                             m4s_phases_t *phases_out) {
  int64_t n_hosts = m4s_cluster_n_hosts(shape);
  int64_t n_phases;
  int64_t flows_per_phase;
  M4S_TRY(m4s_phases_count(config, where, n_hosts, &n_phases, &flows_per_phase));
  m4s_phases_t phases = {.n_phases = (int32_t)n_phases, .n_flows = n_phases * flows_per_phase};
  phases.records = malloc((size_t)phases.n_flows * sizeof *phases.records);
  phases.first_of_phase = malloc((size_t)(n_phases + 1) * sizeof *phases.first_of_phase);
  int32_t *hosts = malloc((size_t)n_hosts * sizeof *hosts);
  if (phases.records == NULL || phases.first_of_phase == NULL || hosts == NULL) {
    free(hosts);
    m4s_phases_clear(&phases);
    return m4s_fail_memory("phases of flows");
  }
  order_hosts(config, shape, seed, hosts);
  fill(config, hosts, n_participants(config, n_hosts), &phases);
  free(hosts);
  *phases_out = phases;
  return M4S_OK;
}

void m4s_phases_clear(m4s_phases_t *phases) {
  free(phases->records);
  free(phases->first_of_phase);
  *phases = (m4s_phases_t){0};
}
