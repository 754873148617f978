#include "flow/collective.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/npy.h"
#include "core/text.h"

// A larger DAG does not fit into memory on the way to its files.
enum { MAX_DAG_FLOWS = 100000000 };

// A forward collective below this is raised to it.
enum { MIN_FORWARD_COLLECTIVE_BYTES = 4096 };

// The members of a group have the ranks first + i * stride, i < n_ranks.
typedef struct {
  int64_t n_ranks, stride;
} group_layout_t;

static group_layout_t layout_of(const m4s_workload_t *workload, m4s_group_kind_t kind) {
  int64_t dp = workload->all_gpus / (workload->tp * workload->pp);
  switch (kind) {
    case M4S_GROUP_TP:
      return (group_layout_t){workload->tp, 1};
    case M4S_GROUP_DP:
      return (group_layout_t){dp, workload->tp};
    case M4S_GROUP_EP:
      return (group_layout_t){workload->ep, workload->tp};
    case M4S_GROUP_DP_EP:
      return (group_layout_t){dp / workload->ep, workload->tp * workload->ep};
  }
  return (group_layout_t){1, 1};
}

int64_t m4s_group_size(const m4s_workload_t *workload, m4s_group_kind_t kind) {
  return layout_of(workload, kind).n_ranks;
}

// Whether groups of this kind are used, and whether by collectives that run on rings.
static bool is_used(const m4s_workload_t *workload, m4s_group_kind_t kind, bool *rings_out) {
  bool used = false;
  *rings_out = false;
  for (int32_t i = 0; i < workload->n_layers; i++) {
    for (int pass = 0; pass < M4S_N_PASSES; pass++) {
      const m4s_collective_t *collective = &workload->layers[i].collectives[pass];
      if (collective->kind != M4S_COLLECTIVE_NONE && collective->group == kind) {
        used = true;
        *rings_out = *rings_out || collective->kind != M4S_COLLECTIVE_ALLTOALL;
      }
    }
  }
  return used;
}

// The number of ranks on each server, 0 if it is not the same for all.
static int32_t ranks_per_server(const m4s_group_t *group, int32_t gpus_per_server) {
  int32_t expected = 0;
  for (int32_t first = 0; first < group->n_ranks;) {
    int32_t end = first;
    while (end < group->n_ranks &&
           group->ranks[end] / gpus_per_server == group->ranks[first] / gpus_per_server) {
      end++;
    }
    if (expected != 0 && end - first != expected) {
      return 0;
    }
    expected = end - first;
    first = end;
  }
  return expected;
}

// The index that is `step` places (1 or -1) further on a channel.
static int32_t walk_ring(const m4s_group_t *group, int32_t channel, int32_t index, int32_t step) {
  int32_t m = group->n_channels;
  int32_t n = group->n_ranks;
  int32_t place = index / m * m + (index % m - channel + m) % m;
  int32_t other = (place + step + n) % n;
  return other / m * m + (channel + other % m) % m;
}

int32_t m4s_ring_next(const m4s_group_t *group, int32_t channel, int32_t index) {
  return walk_ring(group, channel, index, 1);
}

int32_t m4s_ring_previous(const m4s_group_t *group, int32_t channel, int32_t index) {
  return walk_ring(group, channel, index, -1);
}

static m4s_status_t make_rings(m4s_group_t *group, int32_t gpus_per_server, const char *kind) {
  group->n_channels = ranks_per_server(group, gpus_per_server);
  if (group->n_channels == 0) {
    return m4s_fail(
        M4S_ERR_INPUT,
        "the %s group of rank %d has different numbers of its %d ranks on servers of %d GPUs: "
        "no rings",
        kind, group->ranks[0], group->n_ranks, gpus_per_server);
  }
  return M4S_OK;
}

static m4s_status_t make_group(m4s_groups_t *groups, m4s_group_kind_t kind, int64_t first,
                               group_layout_t layout, bool rings, int32_t gpus_per_server) {
  m4s_group_t *group = &groups->groups[groups->n_groups];
  *group = (m4s_group_t){.n_ranks = (int32_t)layout.n_ranks};
  group->ranks = calloc((size_t)layout.n_ranks, sizeof *group->ranks);
  if (group->ranks == NULL) {
    return m4s_fail_memory("groups");
  }
  for (int64_t i = 0; i < layout.n_ranks; i++) {
    int64_t rank = first + i * layout.stride;
    group->ranks[i] = (int32_t)rank;
    groups->group_of[(int64_t)kind * groups->n_ranks + rank] = groups->n_groups;
    groups->index_of[(int64_t)kind * groups->n_ranks + rank] = (int32_t)i;
  }
  groups->n_groups++;
  return rings ? make_rings(group, gpus_per_server, m4s_group_names[kind]) : M4S_OK;
}

// Every rank that no group of this kind has yet is the first of one.
static m4s_status_t make_groups_of_kind(m4s_groups_t *groups, const m4s_workload_t *workload,
                                        m4s_group_kind_t kind, bool rings,
                                        int32_t gpus_per_server) {
  group_layout_t layout = layout_of(workload, kind);
  int64_t n_more = groups->n_ranks / layout.n_ranks;
  m4s_group_t *grown = realloc(groups->groups, (size_t)(groups->n_groups + n_more) * sizeof *grown);
  if (grown == NULL) {
    return m4s_fail_memory("groups");
  }
  groups->groups = grown;
  for (int32_t rank = 0; rank < groups->n_ranks; rank++) {
    if (groups->group_of[kind * groups->n_ranks + rank] < 0) {
      M4S_TRY(make_group(groups, kind, rank, layout, rings, gpus_per_server));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_groups_create(const m4s_workload_t *workload, const m4s_topology_t *topology,
                               m4s_groups_t **groups_out) {
  if (workload->all_gpus > topology->n_hosts) {
    return m4s_fail(M4S_ERR_INPUT,
                    "all_gpus: %lld of the workload are more than the topology's %d GPUs",
                    (long long)workload->all_gpus, topology->n_hosts);
  }
  double n_flows = m4s_workload_n_flows(workload, topology->gpus_per_server);
  if (n_flows > INT32_MAX) {
    return m4s_fail(M4S_ERR_INPUT, "the workload makes %.3g flows, more than %d", n_flows,
                    INT32_MAX);
  }
  m4s_groups_t *groups = calloc(1, sizeof *groups);
  if (groups == NULL) {
    return m4s_fail_memory("groups");
  }
  groups->n_ranks = (int32_t)workload->all_gpus;
  size_t n = (size_t)groups->n_ranks * M4S_N_GROUP_KINDS;
  groups->group_of = malloc(n * sizeof *groups->group_of);
  groups->index_of = malloc(n * sizeof *groups->index_of);
  m4s_status_t status =
      groups->group_of == NULL || groups->index_of == NULL ? m4s_fail_memory("groups") : M4S_OK;
  if (status == M4S_OK) {
    memset(groups->group_of, 0xff, n * sizeof *groups->group_of);
    memset(groups->index_of, 0xff, n * sizeof *groups->index_of);
  }
  for (int kind = 0; status == M4S_OK && kind < M4S_N_GROUP_KINDS; kind++) {
    bool rings = false;
    if (is_used(workload, (m4s_group_kind_t)kind, &rings)) {
      status = make_groups_of_kind(groups, workload, (m4s_group_kind_t)kind, rings,
                                   topology->gpus_per_server);
    }
  }
  if (status != M4S_OK) {
    m4s_groups_destroy(groups);
    return status;
  }
  *groups_out = groups;
  return M4S_OK;
}

void m4s_groups_destroy(m4s_groups_t *groups) {
  if (groups == NULL) {
    return;
  }
  for (int32_t i = 0; i < groups->n_groups; i++) {
    free(groups->groups[i].ranks);
  }
  free(groups->groups);
  free(groups->group_of);
  free(groups->index_of);
  free(groups);
}

m4s_collective_t m4s_collective_of_pass(const m4s_layer_t *layer, m4s_pass_t pass) {
  m4s_collective_t collective = layer->collectives[pass];
  if (pass == M4S_PASS_FORWARD && collective.size_bytes > 0 &&
      collective.size_bytes < MIN_FORWARD_COLLECTIVE_BYTES) {
    collective.size_bytes = MIN_FORWARD_COLLECTIVE_BYTES;
  }
  return collective;
}

m4s_collective_shape_t m4s_collective_shape(const m4s_collective_t *collective,
                                            const m4s_group_t *group, int64_t min_flow_bytes) {
  int32_t n = group->n_ranks;
  m4s_collective_shape_t shape = {
      .kind = collective->kind, .n_ranks = n, .n_channels = group->n_channels};
  if (collective->size_bytes == 0 || n < 2) {
    return shape;
  }
  switch (collective->kind) {
    case M4S_COLLECTIVE_NONE:
      return shape;
    case M4S_COLLECTIVE_ALLREDUCE:
      shape.n_steps = 2 * (n - 1);
      break;
    case M4S_COLLECTIVE_ALLGATHER:
    case M4S_COLLECTIVE_REDUCESCATTER:
      shape.n_steps = n - 1;
      break;
    case M4S_COLLECTIVE_ALLTOALL:
      shape.n_steps = 1;
      shape.n_channels = 1;
      break;
  }
  int64_t n_senders = shape.kind == M4S_COLLECTIVE_ALLTOALL ? (int64_t)n * (n - 1) : n;
  shape.n_flows = (int64_t)shape.n_channels * shape.n_steps * n_senders;
  shape.flow_bytes = collective->size_bytes / n / shape.n_channels;
  if (shape.flow_bytes < min_flow_bytes) {
    shape.flow_bytes = min_flow_bytes;
  }
  if (shape.flow_bytes < 1) {
    shape.flow_bytes = 1;
  }
  return shape;
}

double m4s_workload_n_flows(const m4s_workload_t *workload, int64_t gpus_per_server) {
  double sum = 0;
  for (int32_t i = 0; i < workload->n_layers; i++) {
    for (int pass = 0; pass < M4S_N_PASSES; pass++) {
      const m4s_collective_t *collective = &workload->layers[i].collectives[pass];
      group_layout_t layout = layout_of(workload, collective->group);
      int64_t a_server = layout.stride < gpus_per_server ? gpus_per_server / layout.stride : 1;
      m4s_group_t group = {
          .n_ranks = (int32_t)layout.n_ranks,
          .n_channels = (int32_t)(a_server < layout.n_ranks ? a_server : layout.n_ranks)};
      m4s_collective_shape_t shape = m4s_collective_shape(collective, &group, 0);
      sum += (double)shape.n_flows * ((double)workload->all_gpus / (double)layout.n_ranks);
    }
  }
  return sum;
}

m4s_collective_flow_t m4s_collective_flow(const m4s_collective_shape_t *shape,
                                          const m4s_group_t *group, int64_t index) {
  int32_t n = shape->n_ranks;
  m4s_collective_flow_t flow = {.parent = -1, .child = -1};
  if (shape->kind == M4S_COLLECTIVE_ALLTOALL) {
    flow.sender = (int32_t)(index / (n - 1));
    int32_t place = (int32_t)(index % (n - 1));
    flow.receiver = place + (place >= flow.sender);
    return flow;
  }
  flow.sender = (int32_t)(index % n);
  flow.step = (int32_t)(index / n % shape->n_steps);
  flow.channel = (int32_t)(index / n / shape->n_steps);
  flow.receiver = m4s_ring_next(group, flow.channel, flow.sender);
  if (flow.step > 0) {
    flow.parent = m4s_ring_flow_index(shape, flow.channel, flow.step - 1,
                                      m4s_ring_previous(group, flow.channel, flow.sender));
  }
  if (flow.step + 1 < shape->n_steps) {
    flow.child = m4s_ring_flow_index(shape, flow.channel, flow.step + 1, flow.receiver);
  }
  return flow;
}

typedef struct __attribute__((packed)) {
  int64_t id;
  int32_t layer, pass, group, channel, step, src, dst;
  int64_t size_bytes, parent, child;
} dag_record_t;

static const m4s_npy_member_t dag_members[] = {
    {"id", "<i8"},         {"layer", "<i4"},  {"pass", "<i4"}, {"group", "<i4"},
    {"channel", "<i4"},    {"step", "<i4"},   {"src", "<i4"},  {"dst", "<i4"},
    {"size_bytes", "<i8"}, {"parent", "<i8"}, {"child", "<i8"}};

typedef struct {
  m4s_text_t records;  // dag_record_t, packed
  m4s_text_t csv;
  int64_t n_flows;
} dag_t;

static m4s_status_t add_flow(dag_t *dag, const dag_record_t *record) {
  M4S_TRY(m4s_text_add_bytes(&dag->records, record, sizeof *record));
  return m4s_text_add(
      &dag->csv, "%" PRId64 ",%d,%s,%d,%d,%d,%d,%d,%" PRId64 ",%" PRId64 ",%" PRId64 "\n",
      record->id, record->layer, m4s_pass_names[record->pass], record->group, record->channel,
      record->step, record->src, record->dst, record->size_bytes, record->parent, record->child);
}

static m4s_status_t add_collective(dag_t *dag, const m4s_collective_shape_t *shape,
                                   const m4s_group_t *group, dag_record_t record) {
  int64_t first = dag->n_flows;
  for (int64_t i = 0; i < shape->n_flows; i++) {
    m4s_collective_flow_t flow = m4s_collective_flow(shape, group, i);
    record.id = first + i;
    record.channel = flow.channel;
    record.step = flow.step;
    record.src = group->ranks[flow.sender];
    record.dst = group->ranks[flow.receiver];
    record.size_bytes = shape->flow_bytes;
    record.parent = flow.parent < 0 ? -1 : first + flow.parent;
    record.child = flow.child < 0 ? -1 : first + flow.child;
    M4S_TRY(add_flow(dag, &record));
  }
  dag->n_flows += shape->n_flows;
  return M4S_OK;
}

// The groups of one kind in the order of their first ranks.
static m4s_status_t add_pass(dag_t *dag, const m4s_groups_t *groups, const m4s_workload_t *workload,
                             int32_t layer, m4s_pass_t pass, int64_t min_flow_bytes) {
  const m4s_collective_t collective = m4s_collective_of_pass(&workload->layers[layer], pass);
  if (collective.kind == M4S_COLLECTIVE_NONE) {
    return M4S_OK;
  }
  int32_t number = 0;
  for (int32_t rank = 0; rank < groups->n_ranks; rank++) {
    size_t place = (size_t)collective.group * (size_t)groups->n_ranks + (size_t)rank;
    if (groups->index_of[place] != 0) {
      continue;
    }
    const m4s_group_t *group = &groups->groups[groups->group_of[place]];
    m4s_collective_shape_t shape = m4s_collective_shape(&collective, group, min_flow_bytes);
    dag_record_t record = {.layer = layer, .pass = pass, .group = number++};
    M4S_TRY(add_collective(dag, &shape, group, record));
  }
  return M4S_OK;
}

static m4s_status_t write_dag(const dag_t *dag, const char *folder) {
  M4S_TRY(m4s_folder_make(folder));
  char *csv = m4s_path_join(folder, "flow_dag.csv");
  char *npy = m4s_path_join(folder, "flow_dag.npy");
  m4s_status_t status = csv == NULL || npy == NULL ? m4s_fail_memory("a path") : M4S_OK;
  if (status == M4S_OK) {
    status = m4s_npy_write(npy, dag_members, sizeof dag_members / sizeof *dag_members,
                           dag->records.bytes, sizeof(dag_record_t), (size_t)dag->n_flows);
  }
  if (status == M4S_OK) {
    status = m4s_file_write(csv, dag->csv.bytes, dag->csv.length);
  }
  free(csv);
  free(npy);
  return status;
}

m4s_status_t m4s_flow_dag_write(const m4s_workload_t *workload, const m4s_topology_t *topology,
                                int64_t min_flow_bytes, const char *folder, int64_t *n_flows_out) {
  m4s_groups_t *groups = NULL;
  dag_t dag = {0};
  double n_flows = m4s_workload_n_flows(workload, topology->gpus_per_server);
  if (n_flows > MAX_DAG_FLOWS) {
    return m4s_fail(M4S_ERR_INPUT, "the DAG has %.3g flows, more than the %d that can be written",
                    n_flows, MAX_DAG_FLOWS);
  }
  M4S_TRY(m4s_groups_create(workload, topology, &groups));
  m4s_status_t status =
      m4s_text_add(&dag.csv, "id,layer,pass,group,channel,step,src,dst,size_bytes,parent,child\n");
  for (int32_t layer = 0; status == M4S_OK && layer < workload->n_layers; layer++) {
    for (int pass = 0; status == M4S_OK && pass < M4S_N_PASSES; pass++) {
      status = add_pass(&dag, groups, workload, layer, (m4s_pass_t)pass, min_flow_bytes);
    }
  }
  if (status == M4S_OK) {
    status = write_dag(&dag, folder);
  }
  if (status == M4S_OK) {
    *n_flows_out = dag.n_flows;
  }
  m4s_text_clear(&dag.records);
  m4s_text_clear(&dag.csv);
  m4s_groups_destroy(groups);
  return status;
}
