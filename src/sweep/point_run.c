// Simulating one point: its topology, routing and traffic, a network model, the run loop, the
// results.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "core/units.h"
#include "flow/collective.h"
#include "sweep/point.h"

// A network model that can simulate points.
typedef struct {
  m4s_status_t (*create)(const m4s_point_t *point, const m4s_topology_t *topology,
                         m4s_clock_t *clock, m4s_network_model_t *model_out);
} simulator_t;

static m4s_status_t create_flowsim(const m4s_point_t *point, const m4s_topology_t *topology,
                                   m4s_clock_t *clock, m4s_network_model_t *model_out) {
  m4s_flowsim_config_t config = point->flowsim;
  config.wire = point->wire;
  return m4s_flowsim_create(&config, topology, clock, model_out);
}

// In the order of m4s_simulator_names.
static const simulator_t simulators[] = {{.create = create_flowsim}};
const char *const m4s_simulator_names[] = {"flowsim", NULL};

static m4s_status_t find_simulator(const char *name, const simulator_t **simulator_out) {
  for (size_t i = 0; m4s_simulator_names[i] != NULL; i++) {
    if (strcmp(name, m4s_simulator_names[i]) == 0) {
      *simulator_out = &simulators[i];
      return M4S_OK;
    }
  }
  return m4s_fail(M4S_ERR_INPUT, "unknown simulator \"%s\"%s", name,
                  m4s_did_you_mean(name, m4s_simulator_names, M4S_COUNT(simulators)));
}

// What a point needs while it is simulated.
typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_workload_t *workload;
  m4s_collective_source_t *source;
  m4s_clock_t clock;
  m4s_network_model_t model;
  m4s_run_t *run;
} parts_t;

static void clear_parts(parts_t *parts) {
  m4s_run_destroy(parts->run);
  if (parts->model.ops != NULL) {
    parts->model.ops->destroy(parts->model.state);
  }
  m4s_collective_source_destroy(parts->source);
  m4s_workload_destroy(parts->workload);
  m4s_routing_destroy(parts->routing);
  m4s_topology_destroy(parts->topology);
}

// Topology, routing and workload; not the rest.
static m4s_status_t make_inputs(const m4s_point_t *point, parts_t *parts) {
  if (point->topology.kind == M4S_TOPOLOGY_FILE) {
    if (point->topology.file == NULL) {
      return m4s_fail(M4S_ERR_INPUT, "topology.file: is needed with topology.kind \"file\"");
    }
    M4S_TRY(m4s_topology_read(point->topology.file, &parts->topology));
  } else {
    M4S_TRY(m4s_gpu_cluster_create(&point->topology.cluster, "topology", &parts->topology));
  }
  if (point->traffic.workload == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "traffic.workload: is needed: the path of a workload file");
  }
  M4S_TRY(m4s_workload_read(point->traffic.workload, &parts->workload));
  return m4s_routing_create(parts->topology, &parts->routing);
}

static m4s_status_t check_paths(const m4s_collective_t *collective, const m4s_group_t *group,
                                m4s_routing_t *routing) {
  m4s_collective_shape_t shape = m4s_collective_shape(collective, group, 0);
  for (int64_t i = 0; i < shape.n_flows; i++) {
    m4s_collective_flow_t flow = m4s_collective_flow(&shape, group, i);
    if (flow.step > 0) {
      // All steps of a channel use the pairs of step 0.
      i += (int64_t)shape.n_ranks * (shape.n_steps - 1) - 1;
      continue;
    }
    const int32_t *links;
    int32_t n_links;
    M4S_TRY(m4s_routing_path(routing, group->ranks[flow.sender], group->ranks[flow.receiver],
                             &links, &n_links));
  }
  return M4S_OK;
}

static m4s_status_t check_groups_of(const parts_t *parts, const m4s_groups_t *groups,
                                    const m4s_collective_t *collective) {
  size_t base = (size_t)collective->group * (size_t)groups->n_ranks;
  for (int32_t rank = 0; rank < groups->n_ranks; rank++) {
    if (groups->index_of[base + (size_t)rank] == 0) {
      const m4s_group_t *group = &groups->groups[groups->group_of[base + (size_t)rank]];
      M4S_TRY(check_paths(collective, group, parts->routing));
    }
  }
  return M4S_OK;
}

// Paths depend on the kind of group, and on whether its ranks form rings or all send to all.
static m4s_status_t check_groups(const parts_t *parts, const m4s_groups_t *groups) {
  bool checked[M4S_N_GROUP_KINDS][2] = {{false}};
  for (int32_t i = 0; i < parts->workload->n_layers; i++) {
    for (int pass = 0; pass < M4S_N_PASSES; pass++) {
      const m4s_collective_t *collective = &parts->workload->layers[i].collectives[pass];
      bool *done = &checked[collective->group][collective->kind == M4S_COLLECTIVE_ALLTOALL];
      if (collective->kind != M4S_COLLECTIVE_NONE && collective->size_bytes > 0 && !*done) {
        *done = true;
        M4S_TRY(check_groups_of(parts, groups, collective));
      }
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_point_check(const m4s_point_t *point, m4s_point_facts_t *facts_out) {
  parts_t parts = {0};
  m4s_groups_t *groups = NULL;
  m4s_status_t status = make_inputs(point, &parts);
  if (status == M4S_OK) {
    status = m4s_groups_create(parts.workload, parts.topology, &groups);
  }
  if (status == M4S_OK) {
    status = check_groups(&parts, groups);
  }
  if (status == M4S_OK && facts_out != NULL) {
    *facts_out = (m4s_point_facts_t){.n_layers = parts.workload->n_layers,
                                     .n_gpus_used = (int32_t)parts.workload->all_gpus,
                                     .n_gpus = parts.topology->n_hosts};
  }
  m4s_groups_destroy(groups);
  clear_parts(&parts);
  return status;
}

double m4s_point_expected_cost(const m4s_point_t *point, const char *simulator) {
  (void)simulator;
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
  return scattered ? 1.5 * cost : cost;
}

static m4s_status_t simulate(const m4s_point_t *point, const simulator_t *simulator, parts_t *parts,
                             const atomic_bool *stop) {
  m4s_collective_config_t system = point->system;
  system.wire = point->wire;
  M4S_TRY(m4s_collective_source_create(&system, parts->workload, parts->topology, parts->routing,
                                       &parts->clock, &parts->source));
  M4S_TRY(simulator->create(point, parts->topology, &parts->clock, &parts->model));
  m4s_run_limits_t limits = {.time_limit_s = point->run.time_limit_s, .stop = stop};
  M4S_TRY(m4s_run_create(&parts->clock, m4s_collective_source_as_source(parts->source),
                         parts->model, &limits, &parts->run));
  m4s_run_state_t state;
  return m4s_run_advance(parts->run, NULL, &state);
}

static m4s_status_t write_links(const parts_t *parts, const char *path) {
  const m4s_topology_t *topology = parts->topology;
  m4s_link_usage_t *usage = calloc((size_t)topology->n_links + 1, sizeof *usage);
  m4s_text_t file = {0};
  if (usage == NULL) {
    return m4s_fail_memory("links.csv");
  }
  parts->model.ops->link_usage(parts->model.state, usage);
  m4s_status_t status = m4s_text_add(&file, "src,dst,bandwidth_bps,bytes,busy_ns,utilisation\n");
  double end_ns = (double)parts->clock.now_ns;
  for (int32_t i = 0; status == M4S_OK && i < topology->n_links; i++) {
    const m4s_link_t *link = &topology->links[i];
    double could_carry_bytes = m4s_bps_to_bytes_per_ns(link->bandwidth_bps) * end_ns;
    status = m4s_text_add(&file, "%d,%d,%" PRId64 ",%" PRId64 ",%" PRId64 ",%.6f\n", link->src,
                          link->dst, link->bandwidth_bps, usage[i].bytes, usage[i].busy_ns,
                          could_carry_bytes > 0 ? (double)usage[i].bytes / could_carry_bytes : 0.0);
  }
  if (status == M4S_OK) {
    status = m4s_file_write(path, file.bytes, file.length);
  }
  m4s_text_clear(&file);
  free(usage);
  return status;
}

static m4s_status_t write_files(const m4s_point_t *point, const parts_t *parts,
                                const m4s_collective_result_t *result, const char *simulator,
                                const char *folder) {
  char *end_to_end = m4s_path_join(folder, "EndToEnd.csv");
  char *flows = m4s_path_join(folder, "flows.npy");
  char *links = m4s_path_join(folder, "links.csv");
  m4s_status_t status = M4S_OK;
  if (end_to_end == NULL || flows == NULL || links == NULL) {
    status = m4s_fail_memory("file names");
  }
  if (status == M4S_OK) {
    status = m4s_end_to_end_write(end_to_end, simulator, parts->workload, result);
  }
  if (status == M4S_OK && point->output.flows) {
    status = m4s_flow_records_write(flows, result->records, (size_t)result->n_flows);
  }
  if (status == M4S_OK && point->output.links && parts->model.ops->link_usage != NULL) {
    status = write_links(parts, links);
  }
  free(end_to_end);
  free(flows);
  free(links);
  return status;
}

// One more metric: its name to `names`, its value to `values`; either may be NULL.
static bool add_metric(json_t *names, json_t *values, const char *name, json_t *value) {
  bool ok = names == NULL || json_array_append_new(names, json_string(name)) == 0;
  if (values == NULL) {
    json_decref(value);
    return ok;
  }
  return json_object_set_new(values, name, value) == 0 && ok;
}

// All metrics in their order.
static bool add_metrics(json_t *names, json_t *values, int32_t n_layers,
                        const m4s_collective_result_t *result, int64_t n_turns) {
  int64_t exposed_ns = result->total_ns - result->compute_ns;
  bool ok = add_metric(names, values, "total_us", json_real(m4s_ns_to_us(result->total_ns)));
  ok = add_metric(names, values, "exposed_comm_us", json_real(m4s_ns_to_us(exposed_ns))) && ok;
  for (int32_t i = 0; i < n_layers; i++) {
    char name[32];
    snprintf(name, sizeof name, "comm_%d_us", i + 1);
    int64_t comm_ns = result->layers == NULL ? 0 : result->layers[i].exposed_ns[M4S_PASS_FORWARD];
    ok = add_metric(names, values, name, json_real(m4s_ns_to_us(comm_ns))) && ok;
  }
  double makespan_us = m4s_ns_to_us(result->makespan_ns);
  ok = add_metric(names, values, "flows", json_integer(result->n_flows)) && ok;
  ok = add_metric(names, values, "makespan_us", json_real(makespan_us)) && ok;
  return add_metric(names, values, "events", json_integer(n_turns)) && ok;
}

json_t *m4s_point_metric_names(int32_t n_layers) {
  json_t *names = json_array();
  if (names != NULL && !add_metrics(names, NULL, n_layers, &(m4s_collective_result_t){0}, 0)) {
    json_decref(names);
    return NULL;
  }
  return names;
}

static m4s_status_t make_metrics(const parts_t *parts, const m4s_collective_result_t *result,
                                 json_t **metrics_out) {
  json_t *metrics = json_object();
  if (metrics == NULL ||
      !add_metrics(NULL, metrics, parts->workload->n_layers, result, m4s_run_n_turns(parts->run))) {
    json_decref(metrics);
    return m4s_fail_memory("metrics");
  }
  *metrics_out = metrics;
  return M4S_OK;
}

m4s_status_t m4s_point_run(const m4s_point_t *point, const char *simulator_name, const char *folder,
                           const atomic_bool *stop, json_t **metrics_out) {
  const simulator_t *simulator;
  M4S_TRY(find_simulator(simulator_name, &simulator));
  parts_t parts = {0};
  json_t *metrics = NULL;
  m4s_status_t status = make_inputs(point, &parts);
  if (status == M4S_OK) {
    status = simulate(point, simulator, &parts, stop);
  }
  if (status == M4S_OK) {
    m4s_collective_result_t result = m4s_collective_source_result(parts.source);
    status = make_metrics(&parts, &result, &metrics);
    if (status == M4S_OK && folder != NULL) {
      status = write_files(point, &parts, &result, simulator_name, folder);
    }
  }
  clear_parts(&parts);
  if (status != M4S_OK) {
    json_decref(metrics);
    return status;
  }
  *metrics_out = metrics;
  return M4S_OK;
}
