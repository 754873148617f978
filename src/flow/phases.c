#include "flow/phases.h"

#include <stdlib.h>

enum { MAX_FLOWS = 100000000 };

// Room for phases of equally many flows each, all fields but hosts set.
static m4s_status_t make(int64_t n_phases, int64_t flows_per_phase, int64_t size_bytes,
                         m4s_phases_t *phases_out) {
  if (size_bytes < 1 || n_phases * flows_per_phase > MAX_FLOWS) {
    return m4s_fail(M4S_ERR_INPUT,
                    "phases: %lld flows of %lld bytes: needed are 1 to %d of 1 byte or more",
                    (long long)(n_phases * flows_per_phase), (long long)size_bytes, MAX_FLOWS);
  }
  m4s_phases_t phases = {.n_phases = (int32_t)n_phases, .n_flows = n_phases * flows_per_phase};
  phases.records = malloc((size_t)phases.n_flows * sizeof *phases.records);
  phases.first_of_phase = malloc((size_t)(n_phases + 1) * sizeof *phases.first_of_phase);
  if (phases.records == NULL || phases.first_of_phase == NULL) {
    m4s_phases_clear(&phases);
    return m4s_fail_memory("phases of flows");
  }
  for (int64_t i = 0; i < phases.n_flows; i++) {
    phases.records[i] = (m4s_flow_record_t){.id = (int32_t)i,
                                            .size_bytes = size_bytes,
                                            .call_ns = -1,
                                            .fct_ns = -1,
                                            .ideal_fct_ns = -1,
                                            .collective = -1,
                                            .channel = -1,
                                            .step = -1};
  }
  for (int64_t i = 0; i <= n_phases; i++) {
    phases.first_of_phase[i] = i * flows_per_phase;
  }
  *phases_out = phases;
  return M4S_OK;
}

m4s_status_t m4s_phases_all_to_all(int32_t n_hosts, int64_t size_bytes, m4s_phases_t *phases_out) {
  if (n_hosts < 2) {
    return m4s_fail(M4S_ERR_INPUT, "phases: all-to-all of %d hosts (nearest valid: 2)", n_hosts);
  }
  m4s_phases_t phases = {0};
  M4S_TRY(make(n_hosts - 1, n_hosts, size_bytes, &phases));
  for (int64_t i = 0; i < phases.n_flows; i++) {
    phases.records[i].src = (int32_t)(i % n_hosts);
    phases.records[i].dst = (int32_t)((i % n_hosts + i / n_hosts + 1) % n_hosts);
  }
  *phases_out = phases;
  return M4S_OK;
}

m4s_status_t m4s_phases_incast(int32_t n_hosts, int32_t senders, int32_t n_phases,
                               int64_t size_bytes, m4s_phases_t *phases_out) {
  if (senders < 1 || senders >= n_hosts || n_phases < 1) {
    return m4s_fail(M4S_ERR_INPUT, "phases: %d incasts of %d senders among %d hosts", n_phases,
                    senders, n_hosts);
  }
  m4s_phases_t phases = {0};
  M4S_TRY(make(n_phases, senders, size_bytes, &phases));
  for (int64_t i = 0; i < phases.n_flows; i++) {
    int64_t receiver = i / senders % n_hosts;
    phases.records[i].src = (int32_t)((receiver + 1 + i % senders) % n_hosts);
    phases.records[i].dst = (int32_t)receiver;
  }
  *phases_out = phases;
  return M4S_OK;
}

void m4s_phases_clear(m4s_phases_t *phases) {
  free(phases->records);
  free(phases->first_of_phase);
  *phases = (m4s_phases_t){0};
}
