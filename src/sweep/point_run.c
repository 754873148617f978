// Simulating one point: its topology, routing and traffic, a network model, the run loop, the
// results.
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "flow/closed_loop.h"
#include "flow/collective.h"
#include "flow/flow_list.h"
#include "packet/trace.h"
#include "sweep/external_run.h"
#include "sweep/outside.h"
#include "sweep/simulator.h"

// What a point is made of, before anything moves.
typedef struct {
  m4s_topology_t *topology;
  m4s_routing_t *routing;
  m4s_workload_t *workload;  // NULL: other traffic
  m4s_flow_traffic_t flows;  // where the traffic is no workload
} inputs_t;

static void clear_inputs(inputs_t *inputs) {
  m4s_workload_destroy(inputs->workload);
  m4s_flow_traffic_clear(&inputs->flows);
  m4s_routing_destroy(inputs->routing);
  m4s_topology_destroy(inputs->topology);
}

static m4s_status_t make_topology(const m4s_point_t *point, m4s_topology_t **topology_out) {
  m4s_clos_t clos;
  switch ((m4s_topology_kind_t)point->topology.kind) {
    case M4S_TOPOLOGY_CLOS:
      M4S_TRY(m4s_clos_resolve(&point->topology.clos, "topology", &clos));
      return m4s_clos_create(&clos, topology_out);
    case M4S_TOPOLOGY_FILE:
      return point->topology.file == NULL
                 ? m4s_fail(M4S_ERR_INPUT, "topology.file: is needed with topology.kind \"file\"")
                 : m4s_topology_read(point->topology.file, topology_out);
    default:
      return m4s_gpu_cluster_create(&point->topology.cluster, "topology", topology_out);
  }
}

m4s_status_t m4s_point_make_network(const m4s_point_t *point, m4s_topology_t **topology_out,
                                    m4s_routing_t **routing_out) {
  m4s_topology_t *topology;
  M4S_TRY(make_topology(point, &topology));
  m4s_status_t status = m4s_routing_create(topology, routing_out);
  if (status != M4S_OK) {
    m4s_topology_destroy(topology);
    return status;
  }
  if (point->topology.kind == M4S_TOPOLOGY_CLOS) {
    m4s_routing_set_ecmp_seed(*routing_out, M4S_ECMP_SEED_NODE);
  }
  *topology_out = topology;
  return M4S_OK;
}

static m4s_status_t make_network(const m4s_point_t *point, inputs_t *inputs) {
  return m4s_point_make_network(point, &inputs->topology, &inputs->routing);
}

// Racks are servers but in Clos fabrics.
static m4s_status_t find_shape(const m4s_point_t *point, const m4s_topology_t *topology,
                               m4s_cluster_shape_t *shape_out) {
  m4s_clos_t clos;
  if (point->topology.kind != M4S_TOPOLOGY_CLOS) {
    int32_t n = topology->gpus_per_server > 0 ? topology->gpus_per_server : 1;
    *shape_out = (m4s_cluster_shape_t){
        .pods = 1, .racks_per_pod = topology->n_hosts / n, .hosts_per_rack = n};
    return M4S_OK;
  }
  M4S_TRY(m4s_clos_resolve(&point->topology.clos, "topology", &clos));
  *shape_out = (m4s_cluster_shape_t){.pods = (int32_t)clos.pods,
                                     .racks_per_pod = (int32_t)clos.racks_per_pod,
                                     .hosts_per_rack = (int32_t)clos.hosts_per_rack};
  return M4S_OK;
}

static m4s_status_t find_place(const m4s_point_t *point, const inputs_t *inputs,
                               m4s_traffic_place_t *place_out) {
  *place_out = (m4s_traffic_place_t){.topology = inputs->topology,
                                     .routing = inputs->routing,
                                     .wire = point->wire,
                                     .seed = (uint64_t)point->run.seed};
  return find_shape(point, inputs->topology, &place_out->shape);
}

static m4s_status_t read_workload(const m4s_point_t *point, inputs_t *inputs) {
  if (point->traffic.workload == NULL) {
    return m4s_fail(M4S_ERR_INPUT, "traffic.workload: is needed: the path of a workload file");
  }
  return m4s_workload_read(point->traffic.workload, &inputs->workload);
}

static m4s_status_t make_inputs(const m4s_point_t *point, inputs_t *inputs) {
  m4s_traffic_place_t place;
  M4S_TRY(make_network(point, inputs));
  if (point->traffic.kind == M4S_TRAFFIC_WORKLOAD) {
    return read_workload(point, inputs);
  }
  M4S_TRY(find_place(point, inputs, &place));
  return m4s_flow_traffic_make(&point->traffic, &place, &inputs->flows);
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

static m4s_status_t check_groups_of(const inputs_t *inputs, const m4s_groups_t *groups,
                                    const m4s_collective_t *collective) {
  size_t base = (size_t)collective->group * (size_t)groups->n_ranks;
  for (int32_t rank = 0; rank < groups->n_ranks; rank++) {
    if (groups->index_of[base + (size_t)rank] == 0) {
      const m4s_group_t *group = &groups->groups[groups->group_of[base + (size_t)rank]];
      M4S_TRY(check_paths(collective, group, inputs->routing));
    }
  }
  return M4S_OK;
}

// Paths depend on the kind of group, and on whether its ranks form rings or all send to all.
static m4s_status_t check_groups(const inputs_t *inputs, const m4s_groups_t *groups) {
  bool checked[M4S_N_GROUP_KINDS][2] = {{false}};
  for (int32_t i = 0; i < inputs->workload->n_layers; i++) {
    for (int pass = 0; pass < M4S_N_PASSES; pass++) {
      const m4s_collective_t *collective = &inputs->workload->layers[i].collectives[pass];
      bool *done = &checked[collective->group][collective->kind == M4S_COLLECTIVE_ALLTOALL];
      if (collective->kind != M4S_COLLECTIVE_NONE && collective->size_bytes > 0 && !*done) {
        *done = true;
        M4S_TRY(check_groups_of(inputs, groups, collective));
      }
    }
  }
  return M4S_OK;
}

static m4s_status_t check_workload(const m4s_point_t *point, inputs_t *inputs) {
  m4s_groups_t *groups;
  M4S_TRY(read_workload(point, inputs));
  M4S_TRY(m4s_groups_create(inputs->workload, inputs->topology, &groups));
  m4s_status_t status = check_groups(inputs, groups);
  m4s_groups_destroy(groups);
  return status;
}

static m4s_status_t check_flows(const m4s_point_t *point, const inputs_t *inputs) {
  m4s_traffic_place_t place;
  M4S_TRY(find_place(point, inputs, &place));
  return m4s_flow_traffic_check(&point->traffic, &place);
}

m4s_status_t m4s_point_check(const m4s_point_t *point, m4s_point_facts_t *facts_out) {
  inputs_t inputs = {0};
  bool is_workload = point->traffic.kind == M4S_TRAFFIC_WORKLOAD;
  m4s_status_t status = make_network(point, &inputs);
  if (status == M4S_OK) {
    status = is_workload ? check_workload(point, &inputs) : check_flows(point, &inputs);
  }
  if (status == M4S_OK && facts_out != NULL) {
    *facts_out = (m4s_point_facts_t){.traffic = (m4s_traffic_kind_t)point->traffic.kind};
    if (is_workload) {
      facts_out->n_layers = inputs.workload->n_layers;
      facts_out->n_gpus_used = (int32_t)inputs.workload->all_gpus;
      facts_out->n_gpus = inputs.topology->n_hosts;
    }
  }
  clear_inputs(&inputs);
  return status;
}

static m4s_status_t create_simulator(const m4s_point_t *point, const char *name,
                                     const inputs_t *inputs, m4s_clock_t *clock,
                                     m4s_engines_t *engines, m4s_simulator_t *simulator_out) {
  if (point->topology.kind == M4S_TOPOLOGY_FILE) {
    M4S_TRY(m4s_topology_check_lossless(inputs->topology, point->topology.file));
  }
  const m4s_simulator_inputs_t given = {.point = point,
                                        .topology = inputs->topology,
                                        .routing = inputs->routing,
                                        .clock = clock,
                                        .engines = engines};
  return m4s_simulator_create(name, &given, simulator_out);
}

m4s_status_t m4s_point_check_simulator(const m4s_point_t *point, const char *name,
                                       m4s_engines_t *engines) {
  inputs_t inputs = {0};
  m4s_clock_t clock = {0};
  m4s_simulator_t simulator = {0};
  m4s_status_t status = make_network(point, &inputs);
  if (status == M4S_OK) {
    status = create_simulator(point, name, &inputs, &clock, engines, &simulator);
  }
  m4s_simulator_clear(&simulator);
  clear_inputs(&inputs);
  return status;
}

struct m4s_point_run {
  const m4s_point_t *point;  // borrowed
  char *name;  // owned: the simulator's
  inputs_t inputs;
  m4s_collective_source_t *source;  // of a workload, or
  m4s_flow_list_t *list;  // of other traffic, or
  m4s_closed_loop_t *loop;
  m4s_clock_t clock;
  m4s_simulator_t simulator;
  m4s_run_t *run;
  int64_t n_rows;  // in the network's batch, 0: not waiting
  double inference_s;  // share of all batches so far
  m4s_packet_trace_t *trace;  // owned; NULL: none
  m4s_external_run_t *external;  // owned: in place of all from `source` on; NULL: none
  const atomic_bool *stop;  // borrowed, for that
};

void m4s_point_run_destroy(m4s_point_run_t *run) {
  if (run == NULL) {
    return;
  }
  m4s_external_run_destroy(run->external);
  m4s_run_destroy(run->run);
  m4s_simulator_clear(&run->simulator);
  m4s_packet_trace_destroy(run->trace);
  m4s_collective_source_destroy(run->source);
  m4s_flow_list_destroy(run->list);
  m4s_closed_loop_destroy(run->loop);
  clear_inputs(&run->inputs);
  free(run->name);
  free(run);
}

static m4s_status_t create_loop(m4s_point_run_t *run, m4s_source_t *source_out) {
  const m4s_traffic_config_t *traffic = &run->point->traffic;
  inputs_t *inputs = &run->inputs;
  m4s_cluster_shape_t shape;
  M4S_TRY(find_shape(run->point, inputs->topology, &shape));
  int32_t hosts_per_group =
      traffic->in_flight_of == M4S_IN_FLIGHT_OF_RACK ? shape.hosts_per_rack : 1;
  M4S_TRY(m4s_closed_loop_create(inputs->flows.records, inputs->flows.n_flows, traffic->in_flight,
                                 hosts_per_group, inputs->routing, &run->clock, &run->loop));
  *source_out = m4s_closed_loop_as_source(run->loop);
  return M4S_OK;
}

static m4s_status_t create_phases(m4s_point_run_t *run, m4s_source_t *source_out) {
  const m4s_flow_traffic_t *flows = &run->inputs.flows;
  M4S_TRY(m4s_closed_loop_create_phases(flows->records, flows->n_flows, flows->first_of_phase,
                                        flows->n_phases, run->inputs.routing, &run->clock,
                                        &run->loop));
  *source_out = m4s_closed_loop_as_source(run->loop);
  return M4S_OK;
}

static m4s_status_t create_source(m4s_point_run_t *run, m4s_source_t *source_out) {
  inputs_t *inputs = &run->inputs;
  m4s_routing_set_paths(inputs->routing, (m4s_paths_t)run->point->traffic.mix.paths);
  if (inputs->flows.first_of_phase != NULL) {
    return create_phases(run, source_out);
  }
  if (inputs->workload == NULL && run->point->traffic.in_flight > 0) {
    return create_loop(run, source_out);
  }
  if (inputs->workload == NULL) {
    M4S_TRY(m4s_flow_list_create(inputs->flows.records, inputs->flows.n_flows, inputs->routing,
                                 &run->clock, &run->list));
    *source_out = m4s_flow_list_as_source(run->list);
    return M4S_OK;
  }
  M4S_TRY(m4s_collective_source_create(&run->point->system, inputs->workload, inputs->topology,
                                       inputs->routing, &run->clock, &run->source));
  *source_out = m4s_collective_source_as_source(run->source);
  return M4S_OK;
}

static m4s_status_t begin(m4s_point_run_t *run, m4s_engines_t *engines, const atomic_bool *stop) {
  const m4s_point_t *point = run->point;
  inputs_t *inputs = &run->inputs;
  M4S_TRY(make_inputs(point, inputs));
  m4s_source_t source;
  M4S_TRY(create_source(run, &source));
  M4S_TRY(create_simulator(point, run->name, inputs, &run->clock, engines, &run->simulator));
  m4s_run_limits_t limits = {.time_limit_s = point->run.time_limit_s, .stop = stop};
  return m4s_run_create(&run->clock, source, run->simulator.model, &limits, &run->run);
}

static m4s_status_t create_run(const m4s_point_t *point, const char *name,
                               m4s_point_run_t **run_out) {
  m4s_point_run_t *run = calloc(1, sizeof *run);
  char *copy = strdup(name);
  if (run == NULL || copy == NULL) {
    free(run);
    free(copy);
    return m4s_fail_memory("a run");
  }
  run->point = point;
  run->name = copy;
  *run_out = run;
  return M4S_OK;
}

m4s_status_t m4s_point_run_begin(const m4s_point_t *point, const char *simulator,
                                 m4s_engines_t *engines, const atomic_bool *stop,
                                 m4s_point_run_t **run_out) {
  m4s_point_run_t *run = NULL;
  M4S_TRY(create_run(point, simulator, &run));
  m4s_status_t status = begin(run, engines, stop);
  if (status != M4S_OK) {
    m4s_point_run_destroy(run);
    return status;
  }
  *run_out = run;
  return M4S_OK;
}

m4s_status_t m4s_point_run_trace(m4s_point_run_t *run, const char *folder) {
  if (run->point->output.trace == M4S_TRACE_NONE || strcmp(run->name, "packet") != 0) {
    return M4S_OK;
  }
  char *path = m4s_path_join(folder, "trace");
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : m4s_folder_make(path);
  if (status == M4S_OK) {
    status = m4s_packet_trace_create(
        &run->simulator.model, run->point->output.trace == M4S_TRACE_STATES, path, &run->trace);
  }
  free(path);
  return status;
}

m4s_status_t m4s_point_check_external(const m4s_point_t *point, const m4s_external_t *external) {
  const m4s_traffic_config_t *traffic = &point->traffic;
  const char *kind = m4s_traffic_kinds[traffic->kind];
  const char *other = traffic->kind == M4S_TRAFFIC_WORKLOAD ? "flows" : "workload";
  if (m4s_external_uses(external, other)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: {%s} stands for nothing with traffic.kind \"%s\"",
                    external->name, other, kind);
  }
  if (traffic->kind == M4S_TRAFFIC_PHASES ||
      (traffic->kind != M4S_TRAFFIC_WORKLOAD && traffic->in_flight > 0)) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: simulators of your own take flows that start at known times, not %s",
                    external->name,
                    traffic->kind == M4S_TRAFFIC_PHASES ? "traffic.kind \"phases\""
                                                        : "a closed loop (traffic.in_flight)");
  }
  return M4S_OK;
}

static m4s_status_t begin_external(m4s_point_run_t *run, const m4s_external_place_t *place) {
  M4S_TRY(m4s_point_check_external(run->point, place->external));
  M4S_TRY(make_inputs(run->point, &run->inputs));
  const m4s_external_inputs_t inputs = {.place = place,
                                        .point = run->point,
                                        .topology = run->inputs.topology,
                                        .workload = run->inputs.workload,
                                        .flows = &run->inputs.flows};
  return m4s_external_run_begin(&inputs, &run->external);
}

m4s_status_t m4s_point_run_begin_external(const m4s_point_t *point,
                                          const m4s_external_place_t *place,
                                          const atomic_bool *stop, m4s_point_run_t **run_out) {
  m4s_point_run_t *run = NULL;
  M4S_TRY(create_run(point, place->external->name, &run));
  run->stop = stop;
  m4s_status_t status = begin_external(run, place);
  if (status != M4S_OK) {
    m4s_point_run_destroy(run);
    return status;
  }
  *run_out = run;
  return M4S_OK;
}

m4s_network_model_t *m4s_point_run_model(m4s_point_run_t *run) {
  return run->external == NULL ? &run->simulator.model : NULL;
}

// Takes what the batch with this run's step has brought.
static m4s_status_t end_inference(m4s_point_run_t *run, const m4s_shared_engine_t *network) {
  const m4s_network_model_t *model = &run->simulator.model;
  if (network->status != M4S_OK) {
    return m4s_fail(network->status, "%s", network->problem);
  }
  double seconds = (double)run->n_rows * network->s_per_row;
  m4s_run_charge(run->run, seconds);
  run->inference_s += seconds;
  run->n_rows = 0;
  return model->ops->inference_done(model->state, &network->batch);
}

static int64_t rows_of(const m4s_inference_batch_t *batch) {
  return batch == NULL ? 0 : batch->n_flow_rows + batch->n_link_rows;
}

m4s_status_t m4s_point_run_advance(m4s_point_run_t *run, m4s_run_state_t *state_out) {
  if (run->external != NULL) {
    *state_out = M4S_RUN_FINISHED;
    return m4s_external_run_advance(run->external, run->stop);
  }
  m4s_shared_engine_t *network = run->simulator.network;
  m4s_inference_batch_t *batch = network == NULL ? NULL : &network->batch;
  if (network != NULL && run->n_rows > 0) {
    M4S_TRY(end_inference(run, network));
  }
  int64_t n_rows_before = rows_of(batch);
  M4S_TRY(m4s_run_advance(run->run, batch, state_out));
  run->n_rows = rows_of(batch) - n_rows_before;
  return M4S_OK;
}

m4s_status_t m4s_point_run_to_end(m4s_point_run_t *run, m4s_engines_t *engines) {
  m4s_run_state_t state = M4S_RUN_WANTS_INFERENCE;
  while (state == M4S_RUN_WANTS_INFERENCE) {
    m4s_engines_evaluate(engines);
    M4S_TRY(m4s_point_run_advance(run, &state));
  }
  return M4S_OK;
}

double m4s_point_run_inference_s(const m4s_point_run_t *run) { return run->inference_s; }

m4s_status_t m4s_point_run_outside(const m4s_point_run_t *run, json_t **outside_out) {
  *outside_out = NULL;
  return run->simulator.network == NULL ? M4S_OK
                                        : m4s_outside_make(&run->simulator.model, outside_out);
}

// Of a list of flows only the records.
static m4s_collective_result_t times_of(const m4s_point_run_t *run) {
  const m4s_flow_traffic_t *flows = &run->inputs.flows;
  return run->source != NULL
             ? m4s_collective_source_result(run->source)
             : (m4s_collective_result_t){.records = flows->records, .n_flows = flows->n_flows};
}

static m4s_point_result_t external_result(const m4s_point_run_t *run) {
  const m4s_external_result_t *result = m4s_external_run_result(run->external);
  const m4s_flow_traffic_t *flows = &run->inputs.flows;
  if (run->inputs.workload == NULL) {
    return (m4s_point_result_t){.simulator = run->name,
                                .topology = run->inputs.topology,
                                .flows = flows,
                                .times = {.records = flows->records, .n_flows = flows->n_flows}};
  }
  return (m4s_point_result_t){.simulator = run->name,
                              .topology = run->inputs.topology,
                              .workload = run->inputs.workload,
                              .times = {.records = result->records, .n_flows = result->n_records}};
}

m4s_point_result_t m4s_point_run_result(const m4s_point_run_t *run) {
  if (run->external != NULL) {
    return external_result(run);
  }
  return (m4s_point_result_t){
      .simulator = run->name,
      .topology = run->inputs.topology,
      .workload = run->inputs.workload,
      .flows = &run->inputs.flows,
      .model = &run->simulator.model,
      .record_of_flow = run->loop == NULL ? NULL : m4s_closed_loop_record_of_flow(run->loop),
      .times = times_of(run),
      .end_ns = run->clock.now_ns,
      .n_events = m4s_run_n_turns(run->run),
      .n_steps = m4s_simulator_n_steps(&run->simulator)};
}

m4s_status_t m4s_point_run_finish(const m4s_point_run_t *run, const char *folder,
                                  json_t **metrics_out) {
  const m4s_point_t *point = run->point;
  if (run->external != NULL) {
    return m4s_external_run_finish(run->external, folder, metrics_out);
  }
  m4s_point_result_t result = m4s_point_run_result(run);
  json_t *metrics;
  if (run->trace != NULL) {
    M4S_TRY(m4s_packet_trace_finish(run->trace));
  }
  M4S_TRY(m4s_point_result_metrics(&result, &metrics));
  m4s_status_t status = folder == NULL ? M4S_OK
                                       : m4s_point_result_write(&result, point->output.flows,
                                                                point->output.links, folder);
  if (status != M4S_OK) {
    json_decref(metrics);
    return status;
  }
  *metrics_out = metrics;
  return M4S_OK;
}

m4s_status_t m4s_point_run_keep_log(m4s_point_run_t *run, const char *folder, bool *kept_out) {
  *kept_out = false;
  return run->external == NULL ? M4S_OK
                               : m4s_external_run_keep_log(run->external, folder, kept_out);
}

m4s_status_t m4s_point_run(const m4s_point_t *point, const char *simulator, const char *folder,
                           const atomic_bool *stop, json_t **metrics_out) {
  m4s_engines_t *engines;
  m4s_point_run_t *run = NULL;
  M4S_TRY(m4s_engines_create(&engines));
  m4s_status_t status = m4s_point_run_begin(point, simulator, engines, stop, &run);
  if (status == M4S_OK) {
    status = m4s_point_run_to_end(run, engines);
  }
  if (status == M4S_OK) {
    status = m4s_point_run_finish(run, folder, metrics_out);
  }
  m4s_point_run_destroy(run);
  m4s_engines_destroy(engines);
  return status;
}
