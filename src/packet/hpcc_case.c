#include "packet/hpcc_case.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"

// --- reading ---

// A file of the configuration: where the caller says, else where the configuration does.
static m4s_status_t find_file(const m4s_hpcc_paths_t *paths, const char *given, const char *named,
                              const char *key, char **path_out) {
  char *path = NULL;
  if (given == NULL && named == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is missing", paths->config, key);
  }
  if (given != NULL) {
    path = strdup(given);
  } else {
    char *folder = m4s_path_folder(paths->config);
    path = folder == NULL ? NULL : m4s_path_join(folder, named);
    free(folder);
  }
  *path_out = path;
  return path == NULL ? m4s_fail_memory("a path") : M4S_OK;
}

static bool has_thresholds(const m4s_packet_rules_t *rules, int64_t bps) {
  for (int32_t i = 0; i < rules->n_ecn; i++) {
    if (rules->ecn[i].rate_bps == bps) {
      return true;
    }
  }
  return false;
}

static m4s_status_t check_link(const m4s_hpcc_case_t *one, const char *config_path,
                               const m4s_link_t *link) {
  const m4s_packet_rules_t *rules = &one->config.rules;
  m4s_node_kind_t kind = one->topology->kinds[link->src];
  bool marks = kind == M4S_NODE_SWITCH || (kind == M4S_NODE_NVSWITCH && !rules->nvswitch_plain);
  if (marks && one->config.ecn_of_listed_rates && !has_thresholds(rules, link->bandwidth_bps)) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: KMIN_MAP, KMAX_MAP and PMAX_MAP lack %lld b/s, the rate of the link from "
                    "node %d to %d",
                    config_path, (long long)link->bandwidth_bps, link->src, link->dst);
  }
  return M4S_OK;
}

static m4s_status_t check_links(const m4s_hpcc_case_t *one, const char *config_path,
                                const char *topology_path) {
  const m4s_topology_t *topology = one->topology;
  M4S_TRY(m4s_topology_check_lossless(topology, topology_path));
  for (int32_t i = 0; i < topology->n_links; i++) {
    M4S_TRY(check_link(one, config_path, &topology->links[i]));
  }
  return M4S_OK;
}

static m4s_status_t read_topology(const m4s_hpcc_paths_t *paths, m4s_hpcc_case_t *one) {
  char *path;
  M4S_TRY(find_file(paths, paths->topology, one->config.topology_file, "TOPOLOGY_FILE", &path));
  m4s_status_t status = m4s_topology_read(path, &one->topology);
  if (status == M4S_OK) {
    status = check_links(one, paths->config, path);
  }
  free(path);
  return status;
}

static m4s_status_t read_flows(const m4s_hpcc_paths_t *paths, m4s_hpcc_case_t *one) {
  char *path;
  M4S_TRY(find_file(paths, paths->flows, one->config.flow_file, "FLOW_FILE", &path));
  m4s_status_t status =
      m4s_hpcc_flows_read(path, one->profile, one->topology->n_hosts, &one->flows);
  free(path);
  return status;
}

static m4s_status_t read_all(const m4s_hpcc_paths_t *paths, m4s_hpcc_case_t *one) {
  M4S_TRY(m4s_hpcc_config_read(paths->config, one->profile, &one->config));
  M4S_TRY(read_topology(paths, one));
  M4S_TRY(m4s_routing_create(one->topology, &one->routing));
  m4s_routing_set_packet_bytes(one->routing, one->config.rules.payload_bytes);
  return read_flows(paths, one);
}

m4s_status_t m4s_hpcc_case_read(const m4s_hpcc_paths_t *paths, m4s_packet_profile_t profile,
                                m4s_hpcc_case_t *case_out) {
  m4s_hpcc_case_t one = {.profile = profile};
  m4s_status_t status = read_all(paths, &one);
  if (status == M4S_OK) {
    *case_out = one;
  } else {
    m4s_hpcc_case_clear(&one);
  }
  return status;
}

void m4s_hpcc_case_clear(m4s_hpcc_case_t *one) {
  m4s_hpcc_flows_clear(&one->flows);
  m4s_routing_destroy(one->routing);
  m4s_topology_destroy(one->topology);
  m4s_hpcc_config_clear(&one->config);
  *one = (m4s_hpcc_case_t){0};
}
