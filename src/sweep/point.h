// A point of a sweep: all settings that one simulation needs, and its run.
#pragma once

#include <jansson.h>

#include "core/field.h"
#include "flow/collective_source.h"
#include "flowsim/flowsim.h"
#include "m4/m4.h"
#include "net/clos.h"
#include "net/gpu_cluster.h"
#include "packet/settings.h"
#include "sim/run_loop.h"
#include "sweep/engines.h"
#include "sweep/external.h"
#include "sweep/point_result.h"

typedef enum { M4S_TOPOLOGY_GPU_CLUSTER, M4S_TOPOLOGY_CLOS, M4S_TOPOLOGY_FILE } m4s_topology_kind_t;

// What is written of packet's runs, for training.
typedef enum {
  M4S_TRACE_NONE,
  M4S_TRACE_EVENTS,  // arrivals and completions
  M4S_TRACE_STATES,  // with flows and queues at each
} m4s_trace_output_t;

typedef struct {
  struct {
    int kind;  // m4s_topology_kind_t
    char *file;  // owned; for M4S_TOPOLOGY_FILE
    m4s_gpu_cluster_t cluster;
    m4s_clos_config_t clos;
  } topology;
  m4s_traffic_config_t traffic;
  m4s_collective_config_t system;
  m4s_wire_t wire;  // section "packets"; m4s_point_set() copies it to where it is needed
  m4s_flowsim_config_t flowsim;
  m4s_m4_config_t m4;
  m4s_packet_config_t packet;
  struct {
    bool flows;  // flows.npy, packet_flows.npy of the simulator packet
    bool links;  // links.csv
    int trace;  // m4s_trace_output_t: trace/, of packet
  } output;
  struct {
    int64_t seed;
    double time_limit_s;  // 0: none
  } run;
} m4s_point_t;

// The settings by section: the one table behind spec files, --set, --help and manifests. A section
// may stand in several rows; what only one simulator takes is in the section of its name.
extern const m4s_section_t m4s_point_sections[];
extern const size_t m4s_n_point_sections;

// Fills a point with defaults, then with `settings`: {"section": {"key": value}}. Paths that are
// not absolute are taken from `folder`. `where` ("sweeps/x.json: base") begins error messages. Free
// with m4s_point_clear(), also after an error.
m4s_status_t m4s_point_set(m4s_point_t *point, const json_t *settings, const char *folder,
                           const char *where);
void m4s_point_clear(m4s_point_t *point);

// All settings, {"section": {"key": value}}, defaults filled in; NULL without memory.
json_t *m4s_point_resolved(const m4s_point_t *point);

// What checking a point tells.
typedef struct {
  m4s_traffic_kind_t traffic;
  int32_t n_layers;  // of the workload; 0 for other traffic
  int32_t n_gpus_used, n_gpus;  // by the workload, of the topology; 0 for other traffic
} m4s_point_facts_t;

// Checks what can be checked without simulating: topology and traffic can be read or made, ranks of
// collectives and hosts of flows have a path to each other. `facts_out` may be NULL.
m4s_status_t m4s_point_check(const m4s_point_t *point, m4s_point_facts_t *facts_out);

// Checks that the simulator can be made with the point's settings: an m4 model can be read and
// fits.
m4s_status_t m4s_point_check_simulator(const m4s_point_t *point, const char *name,
                                       m4s_engines_t *engines);

// The same for a simulator of the user's: refuses traffic that no file can tell it, and a
// placeholder that stands for nothing.
m4s_status_t m4s_point_check_external(const m4s_point_t *point, const m4s_external_t *external);

// The topology of a point, and its routing, which borrows it; both owned by the caller.
m4s_status_t m4s_point_make_network(const m4s_point_t *point, m4s_topology_t **topology_out,
                                    m4s_routing_t **routing_out);

// Names of the simulators that are built in, NULL-terminated.
extern const char *const m4s_simulator_names[];

// Expected cost of simulating a point, in arbitrary units: only comparisons between points mean
// something; simulators that are not built in count as packet-level ones. Depends on the settings,
// the files of the traffic and the size of m4's network; a topology file counts as a whole cluster
// of 8 GPUs a server.
double m4s_point_expected_cost(const m4s_point_t *point, const char *simulator);

// A point while it is simulated, so that one thread can go on with many of them in turn.
typedef struct m4s_point_run m4s_point_run_t;

// Makes ready to simulate the point, which is borrowed until m4s_point_run_destroy(), as are
// `engines` and `stop`. M4S_ERR_INPUT for settings or files that make no sense.
m4s_status_t m4s_point_run_begin(const m4s_point_t *point, const char *simulator,
                                 m4s_engines_t *engines, const atomic_bool *stop,
                                 m4s_point_run_t **run_out);

// Before the first advance: where settings ask for a trace and the simulator is packet, it is
// written into `folder`/trace as the run goes on, and complete after m4s_point_run_finish().
m4s_status_t m4s_point_run_trace(m4s_point_run_t *run, const char *folder);

// A simulator of the user's, and where it works; all borrowed until m4s_point_run_destroy().
typedef struct {
  const m4s_external_t *external;
  const char *case_id, *spec_folder;  // what its placeholders stand for
  const char *folder;  // an existing one, in which it has a folder "external"
} m4s_external_place_t;

// The same with a simulator of the user's, which knows no inference: one m4s_point_run_advance()
// runs it to its end, and it looks at `stop` and the time limit meanwhile.
m4s_status_t m4s_point_run_begin_external(const m4s_point_t *point,
                                          const m4s_external_place_t *place,
                                          const atomic_bool *stop, m4s_point_run_t **run_out);

// The run's network model, for observers; NULL of a simulator of the user's.
m4s_network_model_t *m4s_point_run_model(m4s_point_run_t *run);

// Simulates up to the end, or to the next inference: then m4s_engines_evaluate() comes before the
// next call. M4S_ERR_STOPPED once *stop is true (NULL: never), M4S_ERR_TIME_LIMIT when it has taken
// run.time_limit_s, with its share of the inferences, M4S_ERR_SIMULATION; after an error the run
// can only be destroyed.
m4s_status_t m4s_point_run_advance(m4s_point_run_t *run, m4s_run_state_t *state_out);

// Simulates up to the end, with its inferences: for a run that is alone on its engines.
m4s_status_t m4s_point_run_to_end(m4s_point_run_t *run, m4s_engines_t *engines);

// The run's share of the time that inferences took, by rows.
double m4s_point_run_inference_s(const m4s_point_run_t *run);

// Of a finished run with a network: as of m4s_outside_make(); else NULL.
m4s_status_t m4s_point_run_outside(const m4s_point_run_t *run, json_t **outside_out);

// What a finished run can tell; valid as long as the run. Of a simulator of the user's these are
// simulator, topology, workload or flows, and the flows' records, of a workload perhaps none.
m4s_point_result_t m4s_point_run_result(const m4s_point_run_t *run);

// Writes a finished run's files into the existing `folder`, unless that is NULL: flows.npy,
// packet_flows.npy, links.csv (as settings.output says) and EndToEnd.csv of workloads; M4S_ERR_IO
// where that cannot be done. `metrics_out`: as of m4s_point_result_metrics().
m4s_status_t m4s_point_run_finish(const m4s_point_run_t *run, const char *folder,
                                  json_t **metrics_out);

// Keeps the output of a simulator of the user's that has been run, also to an error, as
// external.log in `folder`, and removes all else that it has left. *kept_out: there is such a log.
m4s_status_t m4s_point_run_keep_log(m4s_point_run_t *run, const char *folder, bool *kept_out);

// Not between a wish for inference and the inference, but where the engines are destroyed without.
void m4s_point_run_destroy(m4s_point_run_t *run);

// All of these in one call. The result depends on the settings and the files alone.
m4s_status_t m4s_point_run(const m4s_point_t *point, const char *simulator, const char *folder,
                           const atomic_bool *stop, json_t **metrics_out);
