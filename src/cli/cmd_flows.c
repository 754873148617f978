// m4sweep flows: the flow DAG of a workload on a topology.
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "flow/collective.h"

typedef struct {
  char *out;
  int64_t min_flow_bytes;
} options_t;

static const m4s_field_t fields[] = {
    {.name = "out",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, out),
     .unit = "DIR",
     .fallback = ".",
     .help = "folder for flow_dag.csv and flow_dag.npy"},
    {.name = "min_flow_bytes",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(options_t, min_flow_bytes),
     .unit = "bytes",
     .fallback = "0",
     .min = 0,
     .max = 1e12,
     .help = "smaller flows are raised to this"},
};

static int run(const void *values, int n_arguments, char **arguments) {
  (void)n_arguments;
  const options_t *options = values;
  int64_t n_flows = 0;
  m4s_workload_t *workload = NULL;
  m4s_topology_t *topology = NULL;
  m4s_status_t status = m4s_workload_read(arguments[0], &workload);
  if (status == M4S_OK) {
    status = m4s_topology_read(arguments[1], &topology);
  }
  if (status == M4S_OK) {
    status =
        m4s_flow_dag_write(workload, topology, options->min_flow_bytes, options->out, &n_flows);
  }
  if (status == M4S_OK) {
    printf("%" PRId64 " flows written to %s/flow_dag.csv and flow_dag.npy\n", n_flows,
           options->out);
  }
  m4s_workload_destroy(workload);
  m4s_topology_destroy(topology);
  return status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
}

const m4s_command_t m4s_command_flows = {
    .name = "flows",
    .arguments = "WORKLOAD TOPOLOGY",
    .summary = "write the flow DAG of a workload's collectives (CSV and npy)",
    .details =
        "Columns: id, layer, pass, group, channel, step, src, dst, size_bytes, and the ids of "
        "parent and child\n"
        "(-1: none). A flow is sent when its parent has arrived and its sender has sent the step "
        "before.",
    .min_arguments = 2,
    .max_arguments = 2,
    .options = fields,
    .n_options = M4S_COUNT(fields),
    .options_bytes = sizeof(options_t),
    .run = run,
};
