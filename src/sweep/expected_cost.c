// Expected costs of points: what orders units of several simulators and tells the time left.
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "flow/collective.h"
#include "m4/built_in.h"
#include "sweep/point.h"

// How much longer packet takes than flowsim on a gray-failure point, as measured. Simulators of the
// user's are thought to be packet-level ones.
enum { PACKET_COST = 250 };
// A packet with the simulator packet, in the cost of a flow with flowsim: measured on mixes.
static const double cost_per_packet = 0.1;

// What a flow costs with m4 and the published weights, in the same unit, as measured: with
// intervals of 10 us (of mixes 150 to 430), and how many times that with "event".
typedef struct {
  double interval, event_factor;
} m4_cost_t;

static const m4_cost_t m4_of_workload = {50, 3.1}, m4_of_mix = {250, 1.9};

// The work of a step of the network, in that of the published one. Products are two operations a
// weight; what is done beside them, with the inputs of fluid networks, was measured with small
// ones.
static double network_work(const m4s_m4_config_t *config) {
  const double published_bytes = 5.7e6;
  const double beside = 0.03;
  double n_bytes = (double)(config->model == NULL ? m4s_built_in_network_bytes()
                                                  : m4s_file_bytes(config->model));
  return (n_bytes / published_bytes + beside) / (1 + beside);
}

// A flow with m4. With intervals from 2 to 100 us costs fell as their power of -0.3 (mixes) to
// -0.9.
static double m4_cost(const m4s_m4_config_t *config, const m4_cost_t *measured) {
  const double measured_ns = 10000;
  double times = config->algorithm == M4S_M4_EVENT
                     ? measured->event_factor
                     : sqrt(measured_ns / (double)config->batch_time_ns);
  return measured->interval * times * network_work(config);
}

static double workload_cost(const m4s_point_t *point, const char *simulator) {
  const m4s_gpu_cluster_t *cluster = &point->topology.cluster;
  m4s_workload_t *workload;
  if (point->traffic.workload == NULL ||
      m4s_workload_read(point->traffic.workload, &workload) != M4S_OK) {
    return 1;  // the point fails at once
  }
  double cost = m4s_workload_n_flows(workload, cluster->gpus_per_server);
  m4s_workload_destroy(workload);
  // Where only some of a server's GPUs are degraded, flows complete at more different times:
  // measured, half as long again.
  bool scattered = cluster->degraded_gpus % cluster->gpus_per_server != 0;
  cost = scattered ? 1.5 * cost : cost;
  return strcmp(simulator, "flowsim") == 0 ? cost
         : strcmp(simulator, "m4") == 0    ? m4_cost(&point->m4, &m4_of_workload) * cost
                                           : PACKET_COST * cost;
}

// The number of hosts, and what one can send; of a topology file those of the default cluster.
static int64_t count_hosts(const m4s_point_t *point, double *bytes_per_ns_out) {
  m4s_clos_t clos;
  if (point->topology.kind != M4S_TOPOLOGY_CLOS ||
      m4s_clos_resolve(&point->topology.clos, "topology", &clos) != M4S_OK) {
    const m4s_gpu_cluster_t *cluster = &point->topology.cluster;
    *bytes_per_ns_out = (double)cluster->nic_gbps / 8;
    return cluster->gpus;
  }
  *bytes_per_ns_out = (double)clos.host_gbps / 8;
  return clos.pods * clos.racks_per_pod * clos.hosts_per_rack;
}

static double flows_cost(const m4s_point_t *point, const char *simulator) {
  double n_flows;
  double n_bytes;
  double bytes_per_ns;
  int64_t n_hosts = count_hosts(point, &bytes_per_ns);
  m4s_flow_traffic_estimate(&point->traffic, n_hosts, bytes_per_ns * (double)n_hosts, &n_flows,
                            &n_bytes);
  double n_packets = n_flows + n_bytes / (double)point->wire.payload_bytes;
  return strcmp(simulator, "flowsim") == 0 ? n_flows
         : strcmp(simulator, "m4") == 0    ? m4_cost(&point->m4, &m4_of_mix) * n_flows
                                           : cost_per_packet * n_packets;
}

double m4s_point_expected_cost(const m4s_point_t *point, const char *simulator) {
  return point->traffic.kind == M4S_TRAFFIC_WORKLOAD ? workload_cost(point, simulator)
                                                     : flows_cost(point, simulator);
}
