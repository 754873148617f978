#include "sweep/flow_traffic.h"

#include <stdlib.h>

#include "core/units.h"
#include "flow/flow_file.h"
#include "net/ideal_fct.h"

const char *const m4s_traffic_kinds[] = {"workload", "mix", "flows", "phases", NULL};

const char *const m4s_in_flight_names[] = {"rack", "host", NULL};

// Of a mix that is only checked.
enum { MAX_CHECKED_FLOWS = 1000 };

// Traffic without flows, whose loads are not known.
static m4s_flow_traffic_t no_traffic(void) {
  return (m4s_flow_traffic_t){
      .load_expected = -1, .load_realised = -1, .load_deviation = -1, .load_busiest = -1};
}

static m4s_status_t set_ideal_fcts(const m4s_traffic_place_t *place, m4s_paths_t paths,
                                   m4s_flow_traffic_t *traffic) {
  for (int64_t i = 0; i < traffic->n_flows; i++) {
    m4s_flow_record_t *record = &traffic->records[i];
    const int32_t *links;
    int32_t n_links;
    M4S_TRY(m4s_routing_path_of_flow(place->routing, paths, record->id, record->src, record->dst,
                                     &links, &n_links));
    record->ideal_fct_ns = m4s_ideal_fct_m_ns(place->topology, links, n_links, record->size_bytes,
                                              place->wire.payload_bytes, place->wire.header_bytes);
  }
  return M4S_OK;
}

static m4s_status_t read_flows(const m4s_traffic_config_t *config, const m4s_traffic_place_t *place,
                               m4s_flow_traffic_t *traffic) {
  if (config->flow_list == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "traffic.flow_list: is needed with traffic.kind \"flows\"");
  }
  return m4s_flow_file_read(config->flow_list, place->topology->n_hosts, &traffic->records,
                            &traffic->n_flows);
}

// The load of the link that the flows load most.
static m4s_status_t measure_list(const m4s_traffic_place_t *place, m4s_paths_t paths,
                                 m4s_flow_traffic_t *traffic) {
  int64_t horizon_ns = traffic->records[traffic->n_flows - 1].start_ns;
  int32_t n_links = place->topology->n_links;
  if (horizon_ns == 0) {
    return M4S_OK;
  }
  double *loads = calloc((size_t)n_links + 1, sizeof *loads);
  if (loads == NULL) {
    return m4s_fail_memory("loads of links");
  }
  m4s_status_t status = m4s_link_loads(traffic->records, traffic->n_flows, place->topology,
                                       place->routing, paths, horizon_ns, loads);
  for (int32_t i = 0; status == M4S_OK && i < n_links; i++) {
    traffic->load_busiest = loads[i] > traffic->load_busiest ? loads[i] : traffic->load_busiest;
  }
  free(loads);
  return status;
}

// Takes the mix's flows over.
static m4s_status_t make_mix(const m4s_load_mix_config_t *config, const m4s_traffic_place_t *place,
                             m4s_flow_traffic_t *traffic) {
  m4s_load_mix_t mix;
  m4s_realised_load_t load;
  M4S_TRY(m4s_load_mix_make(config, "traffic", &place->shape, place->topology, place->routing,
                            place->seed, &mix));
  m4s_status_t status = m4s_load_mix_measure(&mix, place->topology, place->routing,
                                             (m4s_paths_t)config->paths, &load);
  if (status != M4S_OK) {
    m4s_load_mix_clear(&mix);
    return status;
  }
  *traffic = (m4s_flow_traffic_t){.records = mix.records,
                                  .n_flows = mix.n_flows,
                                  .load_expected = mix.expected_load,
                                  .load_realised = load.load,
                                  .load_deviation = mix.load_deviation,
                                  .load_busiest = load.busiest_load};
  return M4S_OK;
}

// Takes the phases' flows over.
static m4s_status_t make_phases(const m4s_phases_config_t *config, const m4s_traffic_place_t *place,
                                m4s_flow_traffic_t *traffic) {
  m4s_phases_t phases;
  M4S_TRY(m4s_phases_make(config, "traffic", &place->shape, place->seed, &phases));
  traffic->records = phases.records;
  traffic->n_flows = phases.n_flows;
  traffic->first_of_phase = phases.first_of_phase;
  traffic->n_phases = phases.n_phases;
  return M4S_OK;
}

m4s_status_t m4s_flow_traffic_make(const m4s_traffic_config_t *config,
                                   const m4s_traffic_place_t *place,
                                   m4s_flow_traffic_t *traffic_out) {
  m4s_flow_traffic_t traffic = no_traffic();
  m4s_paths_t paths = (m4s_paths_t)config->mix.paths;
  m4s_status_t status = config->kind == M4S_TRAFFIC_MIX ? make_mix(&config->mix, place, &traffic)
                        : config->kind == M4S_TRAFFIC_PHASES
                            ? make_phases(&config->phases, place, &traffic)
                            : read_flows(config, place, &traffic);
  if (status == M4S_OK) {
    status = set_ideal_fcts(place, paths, &traffic);
  }
  if (status == M4S_OK && config->kind == M4S_TRAFFIC_FLOWS) {
    status = measure_list(place, paths, &traffic);
  }
  if (status != M4S_OK) {
    m4s_flow_traffic_clear(&traffic);
    return status;
  }
  *traffic_out = traffic;
  return M4S_OK;
}

void m4s_flow_traffic_clear(m4s_flow_traffic_t *traffic) {
  free(traffic->records);
  free(traffic->first_of_phase);
  *traffic = (m4s_flow_traffic_t){0};
}

static m4s_status_t check_phases(const m4s_traffic_config_t *config,
                                 const m4s_traffic_place_t *place) {
  int64_t n_phases;
  int64_t flows_per_phase;
  return m4s_phases_count(&config->phases, "traffic", m4s_cluster_n_hosts(&place->shape), &n_phases,
                          &flows_per_phase);
}

m4s_status_t m4s_flow_traffic_check(const m4s_traffic_config_t *config,
                                    const m4s_traffic_place_t *place) {
  m4s_traffic_config_t first = *config;
  m4s_flow_traffic_t traffic;
  if (first.mix.n_flows > MAX_CHECKED_FLOWS) {
    first.mix.n_flows = MAX_CHECKED_FLOWS;
  }
  if (first.kind == M4S_TRAFFIC_PHASES) {
    M4S_TRY(check_phases(config, place));
    // Every participant sends to the next: there are paths between all of them if there are these.
    first.phases.pattern = M4S_PATTERN_ROTATION;
    first.phases.n_phases = 1;
  }
  M4S_TRY(m4s_flow_traffic_make(&first, place, &traffic));
  m4s_flow_traffic_clear(&traffic);
  return M4S_OK;
}

// --- expected costs ---

static void estimate_mix(const m4s_load_mix_config_t *config, double host_bytes_per_ns,
                         double *n_flows_out, double *n_bytes_out) {
  m4s_size_distribution_t *sizes;
  if (m4s_size_distribution_create(&config->sizes, "traffic", &sizes) != M4S_OK) {
    return;
  }
  double mean_bytes = m4s_size_distribution_mean(sizes);
  m4s_size_distribution_destroy(sizes);
  // With max_load as if the most loaded links were those of all hosts.
  double load = config->host_load > 0 ? config->host_load : config->max_load;
  double most_flows =
      load * host_bytes_per_ns * (double)config->duration_us * (double)M4S_NS_PER_US / mean_bytes;
  *n_flows_out = config->duration_us > 0 ? most_flows : (double)config->n_flows;
  *n_bytes_out = *n_flows_out * mean_bytes;
}

static void estimate_list(const char *path, double *n_flows_out, double *n_bytes_out) {
  m4s_flow_record_t *records;
  int64_t n_flows;
  if (path == NULL || m4s_flow_file_read(path, INT32_MAX, &records, &n_flows) != M4S_OK) {
    return;
  }
  for (int64_t i = 0; i < n_flows; i++) {
    *n_bytes_out += (double)records[i].size_bytes;
  }
  *n_flows_out = (double)n_flows;
  free(records);
}

static void estimate_phases(const m4s_phases_config_t *config, int64_t n_hosts, double *n_flows_out,
                            double *n_bytes_out) {
  int64_t n_phases;
  int64_t flows_per_phase;
  if (m4s_phases_count(config, "traffic", n_hosts, &n_phases, &flows_per_phase) == M4S_OK) {
    *n_flows_out = (double)(n_phases * flows_per_phase);
    *n_bytes_out = *n_flows_out * (double)config->flow_bytes;
  }
}

void m4s_flow_traffic_estimate(const m4s_traffic_config_t *config, int64_t n_hosts,
                               double host_bytes_per_ns, double *n_flows_out, double *n_bytes_out) {
  *n_flows_out = *n_bytes_out = 0;
  if (config->kind == M4S_TRAFFIC_MIX) {
    estimate_mix(&config->mix, host_bytes_per_ns, n_flows_out, n_bytes_out);
  } else if (config->kind == M4S_TRAFFIC_PHASES) {
    estimate_phases(&config->phases, n_hosts, n_flows_out, n_bytes_out);
  } else {
    estimate_list(config->flow_list, n_flows_out, n_bytes_out);
  }
}
