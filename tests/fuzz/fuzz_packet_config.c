// Configurations of the HPCC family: a star with the rules of what is accepted carries a small
// incast, or is refused.
#include <stdlib.h>

#include "flow/flow_list.h"
#include "fuzz/fuzz.h"
#include "packet/hpcc_config.h"
#include "packet/packet.h"
#include "sim/run_loop.h"

enum { N_HOSTS = 4, N_FLOWS = 3, SIZE_BYTES = 20000 };

static m4s_topology_t *topology;
static m4s_routing_t *routing;

static void make_star(void) {
  m4s_cable_t cables[N_HOSTS];
  const int32_t forwarder = N_HOSTS;
  for (int32_t i = 0; i < N_HOSTS; i++) {
    cables[i] = (m4s_cable_t){
        .src = i, .dst = N_HOSTS, .bandwidth_bps = INT64_C(10000000000), .delay_ns = 1000};
  }
  const m4s_topology_parts_t parts = {.n_nodes = N_HOSTS + 1,
                                      .n_switches = 1,
                                      .gpus_per_server = 1,
                                      .gpu_type = "host",
                                      .forwarders = &forwarder,
                                      .n_cables = N_HOSTS,
                                      .cables = cables};
  if (m4s_topology_create(&parts, "star", &topology) != M4S_OK ||
      m4s_routing_create(topology, &routing) != M4S_OK) {
    abort();
  }
}

// Flows may take long, or never end.
static void simulate(const m4s_packet_rules_t *rules) {
  m4s_flow_record_t records[N_FLOWS] = {0};
  m4s_clock_t clock = {0};
  m4s_flow_list_t *list = NULL;
  m4s_network_model_t model = {0};
  for (int i = 0; i < N_FLOWS; i++) {
    records[i] =
        (m4s_flow_record_t){.id = i, .src = i, .dst = N_HOSTS - 1, .size_bytes = SIZE_BYTES};
  }
  m4s_status_t status =
      m4s_packet_create(rules, M4S_PACKET_ECMP_FLOW, topology, routing, &clock, &model);
  if (status == M4S_OK) {
    status = m4s_flow_list_create(records, N_FLOWS, routing, &clock, &list);
  }
  if (status == M4S_OK) {
    const m4s_source_t source = m4s_flow_list_as_source(list);
    m4s_run_t *run = NULL;
    m4s_run_state_t state;
    const m4s_run_limits_t limits = {.time_limit_s = 0.2};
    status = m4s_run_create(&clock, source, model, &limits, &run);
    if (status == M4S_OK) {
      status = m4s_run_advance(run, NULL, &state);
    }
    m4s_run_destroy(run);
  }
  if (status == M4S_OK) {
    for (int i = 0; i < N_FLOWS; i++) {
      m4s_packet_flow_result_t result = m4s_packet_flow_result(&model, i);
      if (records[i].fct_ns < SIZE_BYTES * 8 / 10 || result.fct_received_ns <= 0) {
        abort();
      }
    }
  }
  m4s_flow_list_destroy(list);
  if (model.ops != NULL) {
    model.ops->destroy(model.state);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
  if (topology == NULL) {
    make_star();
  }
  char *text = fuzz_text(data, n_bytes);
  for (m4s_packet_profile_t profile = M4S_PROFILE_HPCC; profile <= M4S_PROFILE_M4; profile++) {
    m4s_hpcc_config_t config = {0};
    m4s_status_t status = m4s_hpcc_config_parse(text, "fuzz.txt", profile, &config);
    fuzz_check_status(status, "fuzz.txt");
    if (status == M4S_OK) {
      simulate(&config.rules);
    }
    m4s_hpcc_config_clear(&config);
  }
  free(text);
  return 0;
}
