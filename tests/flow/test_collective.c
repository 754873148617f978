// Groups, rings and the dependencies between the flows of a collective.
#include "flow/dumped.h"
#include "net/gray.h"

#include "flow/collective.h"
#include "net/routing.h"

#define POLICY "HYBRID_TRANSFORMER_FWD_IN_BCKWD"

static m4s_workload_t *parse_workload(const char *head, const char *layers) {
  char text[1024];
  snprintf(text, sizeof text, POLICY " %s\n%s\n", head, layers);
  m4s_workload_t *workload = NULL;
  ASSERT_OK(m4s_workload_parse(text, "w.txt", &workload));
  return workload;
}

// A topology of n GPUs without a cable: groups do not look at them.
static m4s_topology_t *make_bare(int32_t n_gpus, int32_t gpus_per_server) {
  const m4s_topology_parts_t parts = {
      .n_nodes = n_gpus, .gpus_per_server = gpus_per_server, .gpu_type = "A100"};
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_create(&parts, "bare", &topology));
  return topology;
}

static m4s_topology_t *make_gray(int n, int r) {
  char *text = gray_text(n, r);
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_parse(text, "gray", &topology));
  free(text);
  return topology;
}

static m4s_workload_t *gray_workload(void) {
  m4s_workload_t *workload = NULL;
  ASSERT_OK(m4s_workload_read(M4SWEEP_SOURCE_DIR "/sweeps/workloads/gray-failure.txt", &workload));
  return workload;
}

// --- groups ---

typedef struct {
  int tp, ep, dp_ep, stage;
} place_t;

// Rank = ((stage * dp_ep + i_dp_ep) * ep + i_ep) * tp + i_tp, taken apart by division.
static place_t place_of(int rank, int tp, int ep, int dp_ep) {
  return (place_t){.tp = rank % tp,
                   .ep = rank / tp % ep,
                   .dp_ep = rank / tp / ep % dp_ep,
                   .stage = rank / tp / ep / dp_ep};
}

static bool same_group(m4s_group_kind_t kind, place_t a, place_t b) {
  switch (kind) {
    case M4S_GROUP_TP:
      return a.ep == b.ep && a.dp_ep == b.dp_ep && a.stage == b.stage;
    case M4S_GROUP_DP:
      return a.tp == b.tp && a.stage == b.stage;
    case M4S_GROUP_EP:
      return a.tp == b.tp && a.dp_ep == b.dp_ep && a.stage == b.stage;
    case M4S_GROUP_DP_EP:
      return a.tp == b.tp && a.ep == b.ep && a.stage == b.stage;
  }
  return false;
}

static const m4s_group_t *group_of(const m4s_groups_t *groups, m4s_group_kind_t kind, int rank) {
  int32_t group = groups->group_of[kind * groups->n_ranks + rank];
  assert_true(group >= 0 && group < groups->n_groups);
  return &groups->groups[group];
}

// A rank's group are the ranks that are at its place but for the kind's coordinate, ascending.
static void assert_group(const m4s_groups_t *groups, m4s_group_kind_t kind, int rank, int tp,
                         int ep, int dp_ep) {
  const m4s_group_t *group = group_of(groups, kind, rank);
  int32_t n = 0;
  for (int other = 0; other < groups->n_ranks; other++) {
    if (!same_group(kind, place_of(rank, tp, ep, dp_ep), place_of(other, tp, ep, dp_ep))) {
      continue;
    }
    assert_true(n < group->n_ranks);
    assert_int_equal(group->ranks[n], other);
    assert_ptr_equal(group_of(groups, kind, other), group);
    assert_int_equal(groups->index_of[kind * groups->n_ranks + other], n);
    n++;
  }
  assert_int_equal(group->n_ranks, n);
}

static void groups_should_follow_the_rank_order(void **state) {
  (void)state;
  m4s_workload_t *workload =
      parse_workload("model_parallel_NPU_group: 4 ep: 2 pp: 2 pp_comm: 0 all_gpus: 64",
                     "2\na 0 0 ALLREDUCE 1 0 ALLTOALL_EP 1 0 ALLREDUCE 1 0\n"
                     "b 0 0 NONE 0 0 NONE 0 0 ALLREDUCE_DP_EP 1 0");
  m4s_topology_t *topology = make_bare(64, 8);
  m4s_groups_t *groups = NULL;
  ASSERT_OK(m4s_groups_create(workload, topology, &groups));
  static const int32_t sizes[] = {4, 8, 2, 4};  // TP, DP, EP, DP_EP
  static const int32_t channels[] = {4, 2, 0, 1};  // ranks a server; no rings for ALLTOALL
  assert_int_equal(groups->n_groups, 64 / 4 + 64 / 8 + 64 / 2 + 64 / 4);
  for (int kind = 0; kind < 4; kind++) {
    for (int rank = 0; rank < 64; rank++) {
      assert_group(groups, (m4s_group_kind_t)kind, rank, 4, 2, 4);
      const m4s_group_t *group = group_of(groups, (m4s_group_kind_t)kind, rank);
      assert_int_equal(group->n_ranks, sizes[kind]);
      assert_int_equal(group->n_channels, channels[kind]);
    }
  }
  // Some in words.
  static const int32_t dp_of_33[] = {33, 37, 41, 45, 49, 53, 57, 61};
  assert_memory_equal(group_of(groups, M4S_GROUP_DP, 33)->ranks, dp_of_33, sizeof dp_of_33);
  static const int32_t dp_ep_of_6[] = {6, 14, 22, 30};
  assert_memory_equal(group_of(groups, M4S_GROUP_DP_EP, 6)->ranks, dp_ep_of_6, sizeof dp_ep_of_6);
  m4s_groups_destroy(groups);
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

// 6 ranks on servers of 4 have no rings, but all can send to all.
static void alltoall_should_need_no_rings(void **state) {
  (void)state;
  m4s_workload_t *workload = parse_workload("model_parallel_NPU_group: 6 all_gpus: 12",
                                            "1\na 0 0 ALLTOALL 6000 0 NONE 0 0 NONE 0 0");
  m4s_topology_t *topology = make_bare(12, 4);
  m4s_groups_t *groups = NULL;
  ASSERT_OK(m4s_groups_create(workload, topology, &groups));
  m4s_collective_shape_t shape =
      m4s_collective_shape(&workload->layers[0].collectives[0], &groups->groups[0], 0);
  assert_int_equal(shape.n_flows, 30);
  assert_int_equal(shape.flow_bytes, 1000);
  m4s_groups_destroy(groups);
  m4s_workload_destroy(workload);
  workload = parse_workload("model_parallel_NPU_group: 6 all_gpus: 12",
                            "1\na 0 0 ALLREDUCE 6000 0 NONE 0 0 NONE 0 0");
  ASSERT_REFUSES(m4s_groups_create(workload, topology, &groups),
                 "the TP group of rank 0 has different numbers of its 6 ranks on servers of 4 "
                 "GPUs: no rings");
  m4s_workload_destroy(workload);
  m4s_topology_destroy(topology);
}

static void too_many_flows_should_be_refused_at_once(void **state) {
  (void)state;
  m4s_workload_t *workload = parse_workload("model_parallel_NPU_group: 4096 all_gpus: 4096",
                                            "1\na 0 0 ALLREDUCE 1 0 NONE 0 0 NONE 0 0");
  m4s_topology_t *topology = make_bare(4096, 1024);
  m4s_groups_t *groups = NULL;
  ASSERT_REFUSES(m4s_groups_create(workload, topology, &groups),
                 "the workload makes 3.44e+10 flows, more than 2147483647");
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

static void unused_groups_should_not_be_made(void **state) {
  (void)state;
  m4s_workload_t *workload = parse_workload("model_parallel_NPU_group: 4 all_gpus: 8",
                                            "1\na 0 0 ALLREDUCE 1 0 NONE 0 0 NONE 0 0");
  m4s_topology_t *topology = make_bare(32, 8);
  m4s_groups_t *groups = NULL;
  ASSERT_OK(m4s_groups_create(workload, topology, &groups));
  assert_int_equal(groups->n_ranks, 8);
  assert_int_equal(groups->n_groups, 2);
  for (int rank = 0; rank < 8; rank++) {
    assert_int_equal(groups->group_of[M4S_GROUP_DP * 8 + rank], -1);
    assert_int_equal(groups->group_of[M4S_GROUP_EP * 8 + rank], -1);
    assert_int_equal(groups->group_of[M4S_GROUP_DP_EP * 8 + rank], -1);
  }
  m4s_groups_destroy(groups);
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

static void assert_groups_refused(const char *head, int32_t n_gpus, const char *message) {
  m4s_workload_t *workload = parse_workload(head, "1\na 0 0 ALLREDUCE 1 0 NONE 0 0 NONE 0 0");
  m4s_topology_t *topology = make_bare(n_gpus, 8);
  m4s_groups_t *groups = NULL;
  ASSERT_REFUSES(m4s_groups_create(workload, topology, &groups), message);
  assert_null(groups);
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

static void groups_should_fit_the_topology(void **state) {
  (void)state;
  assert_groups_refused("model_parallel_NPU_group: 16 all_gpus: 64", 32,
                        "all_gpus: 64 of the workload are more than the topology's 32 GPUs");
  assert_groups_refused("model_parallel_NPU_group: 12 all_gpus: 24", 32,
                        "the TP group of rank 0 has different numbers of its 12 ranks on servers "
                        "of 8 GPUs: no rings");
}

// --- rings ---

// Each channel is one cycle through all ranks, and the previous rank of the next one is itself.
static void assert_cycles(const m4s_group_t *group) {
  for (int32_t channel = 0; channel < group->n_channels; channel++) {
    int32_t at = 0;
    for (int32_t i = 0; i < group->n_ranks; i++) {
      assert_true(i == 0 || at != 0);
      int32_t next = m4s_ring_next(group, channel, at);
      assert_int_equal(m4s_ring_previous(group, channel, next), at);
      at = next;
    }
    assert_int_equal(at, 0);
  }
}

static void rings_should_start_each_server_at_the_channel(void **state) {
  (void)state;
  m4s_workload_t *workload = gray_workload();
  m4s_topology_t *topology = make_gray(0, 1);
  m4s_groups_t *groups = NULL;
  ASSERT_OK(m4s_groups_create(workload, topology, &groups));
  assert_int_equal(groups->n_groups, 2);
  for (int32_t g = 0; g < 2; g++) {
    const m4s_group_t *group = &groups->groups[g];
    assert_int_equal(group->n_ranks, 16);
    assert_int_equal(group->n_channels, 8);
    assert_cycles(group);
    for (int32_t c = 0; c < 8; c++) {
      // c, c+1, …, 7, 0, …, c-1 on the first server, then the same on the second.
      int32_t order[16];
      for (int32_t i = 0; i < 16; i++) {
        order[i] = i / 8 * 8 + (c + i) % 8;
      }
      for (int32_t i = 0; i < 16; i++) {
        assert_int_equal(m4s_ring_next(group, c, order[i]), order[(i + 1) % 16]);
      }
      // The only edges between servers: c-1 to c.
      int32_t last = (c + 7) % 8;
      assert_int_equal(m4s_ring_next(group, c, last), 8 + c);
      assert_int_equal(m4s_ring_next(group, c, 8 + last), c);
    }
  }
  m4s_groups_destroy(groups);
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

// Of a rank's eight channels seven leave on its NVLink and one on its NIC; every link between a
// rail and the core carries four edges.
static void rings_should_load_links_evenly(void **state) {
  (void)state;
  m4s_workload_t *workload = gray_workload();
  m4s_topology_t *topology = make_gray(0, 1);
  m4s_groups_t *groups = NULL;
  m4s_routing_t *routing = NULL;
  ASSERT_OK(m4s_groups_create(workload, topology, &groups));
  ASSERT_OK(m4s_routing_create(topology, &routing));
  int n_edges[144] = {0};
  for (int32_t g = 0; g < 2; g++) {
    const m4s_group_t *group = &groups->groups[g];
    for (int32_t i = 0; i < 8 * 16; i++) {
      const int32_t *links;
      int32_t n;
      ASSERT_OK(m4s_routing_path(routing, group->ranks[i % 16],
                                 group->ranks[m4s_ring_next(group, i / 16, i % 16)], &links, &n));
      for (int32_t hop = 0; hop < n; hop++) {
        n_edges[links[hop]]++;
      }
    }
  }
  for (int32_t link = 0; link < 144; link++) {
    int32_t src = topology->links[link].src;
    int32_t dst = topology->links[link].dst;
    bool nvlink = (src >= 32 && src < 36) || (dst >= 32 && dst < 36);
    bool core = src == 44 || dst == 44;
    assert_int_equal(n_edges[link], nvlink ? 7 : core ? 4 : 1);
  }
  m4s_routing_destroy(routing);
  m4s_groups_destroy(groups);
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

// --- shapes and flows ---

// The first group of kind TP with n ranks on servers of m.
static m4s_groups_t *make_groups(int32_t n, int32_t m) {
  char head[128];
  snprintf(head, sizeof head, "model_parallel_NPU_group: %d all_gpus: %d", n, n);
  m4s_workload_t *workload = parse_workload(head, "1\na 0 0 ALLREDUCE 1 0 NONE 0 0 NONE 0 0");
  m4s_topology_t *topology = make_bare(n, m);
  m4s_groups_t *groups = NULL;
  ASSERT_OK(m4s_groups_create(workload, topology, &groups));
  m4s_workload_destroy(workload);
  m4s_topology_destroy(topology);
  return groups;
}

static m4s_collective_shape_t shape_of(m4s_collective_kind_t kind, int64_t size_bytes,
                                       const m4s_groups_t *groups, int64_t min_flow_bytes) {
  const m4s_collective_t collective = {kind, M4S_GROUP_TP, size_bytes};
  return m4s_collective_shape(&collective, &groups->groups[0], min_flow_bytes);
}

static void assert_shape(m4s_collective_shape_t shape, int32_t n_channels, int32_t n_steps,
                         int64_t n_flows, int64_t flow_bytes) {
  assert_int_equal(shape.n_channels, n_channels);
  assert_int_equal(shape.n_steps, n_steps);
  assert_int_equal(shape.n_flows, n_flows);
  assert_int_equal(shape.flow_bytes, flow_bytes);
}

static void shapes_should_count_steps_flows_and_bytes(void **state) {
  (void)state;
  m4s_groups_t *groups = make_groups(16, 8);
  assert_shape(shape_of(M4S_COLLECTIVE_ALLREDUCE, 16 << 20, groups, 0), 8, 30, 3840, 131072);
  assert_shape(shape_of(M4S_COLLECTIVE_ALLREDUCE, 256 << 20, groups, 4096), 8, 30, 3840, 2097152);
  assert_shape(shape_of(M4S_COLLECTIVE_ALLGATHER, 16 << 20, groups, 0), 8, 15, 1920, 131072);
  assert_shape(shape_of(M4S_COLLECTIVE_REDUCESCATTER, 16 << 20, groups, 0), 8, 15, 1920, 131072);
  assert_shape(shape_of(M4S_COLLECTIVE_ALLTOALL, 16 << 20, groups, 0), 1, 1, 240, 1 << 20);
  // Integer division: 1000003 / 16 is 62500, that / 8 is 7812.
  assert_shape(shape_of(M4S_COLLECTIVE_ALLREDUCE, 1000003, groups, 0), 8, 30, 3840, 7812);
  assert_shape(shape_of(M4S_COLLECTIVE_ALLREDUCE, 4096, groups, 0), 8, 30, 3840, 32);
  assert_shape(shape_of(M4S_COLLECTIVE_ALLREDUCE, 4096, groups, 4096), 8, 30, 3840, 4096);
  assert_shape(shape_of(M4S_COLLECTIVE_ALLREDUCE, 5, groups, 0), 8, 30, 3840, 1);
  assert_int_equal(shape_of(M4S_COLLECTIVE_ALLREDUCE, 0, groups, 4096).n_flows, 0);
  assert_int_equal(shape_of(M4S_COLLECTIVE_NONE, 100, groups, 0).n_flows, 0);
  m4s_groups_destroy(groups);
}

static void groups_of_one_should_have_nothing_to_do(void **state) {
  (void)state;
  m4s_groups_t *groups = make_groups(1, 8);
  for (int kind = M4S_COLLECTIVE_NONE; kind <= M4S_COLLECTIVE_ALLTOALL; kind++) {
    assert_int_equal(shape_of((m4s_collective_kind_t)kind, 1 << 20, groups, 0).n_flows, 0);
  }
  m4s_groups_destroy(groups);
}

// The parent arrived at the sender one step before on the same channel; a flow and its child name
// each other.
static void assert_ring_flow(const m4s_collective_shape_t *shape, const m4s_group_t *group,
                             int64_t index) {
  m4s_collective_flow_t flow = m4s_collective_flow(shape, group, index);
  assert_int_equal(m4s_ring_flow_index(shape, flow.channel, flow.step, flow.sender), index);
  assert_int_equal(flow.receiver, m4s_ring_next(group, flow.channel, flow.sender));
  assert_int_equal(flow.parent < 0, flow.step == 0);
  assert_int_equal(flow.child < 0, flow.step == shape->n_steps - 1);
  if (flow.parent >= 0) {
    m4s_collective_flow_t parent = m4s_collective_flow(shape, group, flow.parent);
    assert_int_equal(parent.channel, flow.channel);
    assert_int_equal(parent.step, flow.step - 1);
    assert_int_equal(parent.receiver, flow.sender);
    assert_int_equal(parent.child, index);
  }
  if (flow.child >= 0) {
    m4s_collective_flow_t child = m4s_collective_flow(shape, group, flow.child);
    assert_int_equal(child.channel, flow.channel);
    assert_int_equal(child.step, flow.step + 1);
    assert_int_equal(child.sender, flow.receiver);
    assert_int_equal(child.parent, index);
  }
}

static void ring_flows_should_depend_on_the_step_before(void **state) {
  (void)state;
  static const int32_t sizes[][2] = {{16, 8}, {2, 8}, {2, 1}, {5, 1}, {6, 3}, {24, 4}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    m4s_groups_t *groups = make_groups(sizes[i][0], sizes[i][1]);
    assert_cycles(&groups->groups[0]);
    for (int kind = M4S_COLLECTIVE_ALLREDUCE; kind <= M4S_COLLECTIVE_REDUCESCATTER; kind++) {
      m4s_collective_shape_t shape = shape_of((m4s_collective_kind_t)kind, 1 << 20, groups, 0);
      for (int64_t index = 0; index < shape.n_flows; index++) {
        assert_ring_flow(&shape, &groups->groups[0], index);
      }
    }
    m4s_groups_destroy(groups);
  }
}

static void alltoall_flows_should_join_every_pair_once(void **state) {
  (void)state;
  m4s_groups_t *groups = make_groups(6, 3);
  m4s_collective_shape_t shape = shape_of(M4S_COLLECTIVE_ALLTOALL, 600, groups, 0);
  assert_shape(shape, 1, 1, 30, 100);
  int n_seen[6][6] = {{0}};
  for (int64_t index = 0; index < 30; index++) {
    m4s_collective_flow_t flow = m4s_collective_flow(&shape, &groups->groups[0], index);
    assert_int_equal(flow.parent, -1);
    assert_int_equal(flow.child, -1);
    assert_int_equal(flow.step, 0);
    assert_int_equal(flow.sender, index / 5);
    n_seen[flow.sender][flow.receiver]++;
  }
  for (int a = 0; a < 6; a++) {
    for (int b = 0; b < 6; b++) {
      assert_int_equal(n_seen[a][b], a != b);
    }
  }
  m4s_groups_destroy(groups);
}

// --- the DAG's files ---

static m4s_csv_t write_dag(const m4s_workload_t *workload, const m4s_topology_t *topology,
                           int64_t min_flow_bytes, int64_t *n_flows_out) {
  m4s_csv_t csv;
  ASSERT_OK(
      m4s_flow_dag_write(workload, topology, min_flow_bytes, support_path("dag"), n_flows_out));
  ASSERT_OK(m4s_csv_read(support_path("dag/flow_dag.csv"), &csv));
  return csv;
}

static void dag_should_hold_3840_flows_per_group_and_layer(void **state) {
  (void)state;
  m4s_workload_t *workload = gray_workload();
  m4s_topology_t *topology = make_gray(2, 4);
  int64_t n_flows = 0;
  m4s_csv_t csv = write_dag(workload, topology, 4096, &n_flows);
  assert_int_equal(n_flows, 15360);
  assert_int_equal(csv.n_rows, 15360);
  int n[2][2] = {{0}};
  for (size_t row = 0; row < csv.n_rows; row++) {
    int64_t layer = dumped_int(&csv, row, "layer");
    int64_t group = dumped_int(&csv, row, "group");
    assert_true(layer >= 0 && layer < 2 && group >= 0 && group < 2);
    n[layer][group]++;
    assert_int_equal(dumped_int(&csv, row, "id"), row);
    assert_int_equal(dumped_int(&csv, row, "size_bytes"), layer == 0 ? 131072 : 2097152);
  }
  for (int i = 0; i < 4; i++) {
    assert_int_equal(n[i / 2][i % 2], 3840);
  }
  size_t n_bytes;
  char *npy = support_read("dag/flow_dag.npy", &n_bytes);
  assert_int_equal(n_bytes % 64, (15360 * 60) % 64);  // 60 bytes a record after a header of k * 64
  assert_memory_equal(npy, "\x93NUMPY", 6);
  free(npy);
  m4s_csv_clear(&csv);
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

static void dag_should_equal_the_published_one(void **state) {
  (void)state;
  m4s_csv_t dumped = dumped_read("simai/flows_N16_R4_flowsim.csv.gz");
  m4s_workload_t *workload = gray_workload();
  m4s_topology_t *topology = make_gray(16, 4);
  int64_t n_flows = 0;
  m4s_csv_t csv = write_dag(workload, topology, 4096, &n_flows);
  assert_int_equal(dumped.n_rows, n_flows);
  static const char *const columns[][2] = {{"channel_id", "channel"},
                                           {"chunk_id", "step"},
                                           {"src", "src"},
                                           {"dst", "dst"},
                                           {"size_bytes", "size_bytes"},
                                           {"parent_flow_ids", "parent"},
                                           {"child_flow_ids", "child"},
                                           {"layer", "layer"},
                                           {"group", "group"}};
  for (size_t row = 0; row < dumped.n_rows; row++) {
    size_t id = (size_t)dumped_int(&dumped, row, "flow_id");
    assert_true(id < csv.n_rows);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
      if (dumped_int(&dumped, row, columns[i][0]) != dumped_int(&csv, id, columns[i][1])) {
        fail_msg("flow %zu: column %s differs", id, columns[i][1]);
      }
    }
  }
  m4s_csv_clear(&dumped);
  m4s_csv_clear(&csv);
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

static void flow_count_should_equal_the_dags(void **state) {
  (void)state;
  static const char layers[] =
      "3\na 0 0 ALLREDUCE 9000 0 ALLTOALL_EP 9000 0 ALLREDUCE 9000 0\n"
      "b 0 0 ALLTOALL 9000 0 NONE 0 0 REDUCESCATTER_DP_EP 9000 0\n"
      "c 0 0 ALLGATHER_EP 0 0 ALLGATHER 1 0 ALLTOALL 9000 0";
  static const char *const heads[] = {
      "model_parallel_NPU_group: 4 ep: 2 pp: 2 pp_comm: 0 all_gpus: 64",
      "model_parallel_NPU_group: 8 ep: 4 all_gpus: 32", "model_parallel_NPU_group: 16 all_gpus: 32",
      "model_parallel_NPU_group: 1 ep: 8 all_gpus: 16",
      "model_parallel_NPU_group: 64 all_gpus: 64"};
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    for (int32_t per_server = 1; per_server <= 16; per_server *= 2) {
      m4s_workload_t *workload = parse_workload(heads[i], layers);
      m4s_topology_t *topology = make_bare(64, per_server);
      int64_t n_flows = 0;
      ASSERT_OK(m4s_flow_dag_write(workload, topology, 0, support_path("dag"), &n_flows));
      assert_true(m4s_workload_n_flows(workload, per_server) == (double)n_flows);
      m4s_topology_destroy(topology);
      m4s_workload_destroy(workload);
    }
  }
}

// The DAG is that of a run: a forward collective below 4096 bytes is raised to them, others not.
static void dag_should_raise_small_forward_collectives(void **state) {
  (void)state;
  m4s_workload_t *workload = parse_workload("model_parallel_NPU_group: 2 all_gpus: 2",
                                            "1\na 0 0 ALLTOALL 100 0 ALLTOALL 100 0 NONE 0 0");
  m4s_topology_t *topology = make_bare(2, 1);
  int64_t n_flows = 0;
  m4s_csv_t csv = write_dag(workload, topology, 0, &n_flows);
  assert_int_equal(n_flows, 4);
  assert_string_equal(m4s_csv_cell(&csv, 0, 2), "forward");
  assert_int_equal(dumped_int(&csv, 0, "size_bytes"), 2048);
  assert_string_equal(m4s_csv_cell(&csv, 2, 2), "input_gradient");
  assert_int_equal(dumped_int(&csv, 2, "size_bytes"), 50);
  m4s_csv_clear(&csv);
  m4s_topology_destroy(topology);
  m4s_workload_destroy(workload);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(groups_should_follow_the_rank_order),
      cmocka_unit_test(unused_groups_should_not_be_made),
      cmocka_unit_test(alltoall_should_need_no_rings),
      cmocka_unit_test(too_many_flows_should_be_refused_at_once),
      cmocka_unit_test(groups_should_fit_the_topology),
      cmocka_unit_test(rings_should_start_each_server_at_the_channel),
      cmocka_unit_test(rings_should_load_links_evenly),
      cmocka_unit_test(shapes_should_count_steps_flows_and_bytes),
      cmocka_unit_test(groups_of_one_should_have_nothing_to_do),
      cmocka_unit_test(ring_flows_should_depend_on_the_step_before),
      cmocka_unit_test(alltoall_flows_should_join_every_pair_once),
      cmocka_unit_test(dag_should_hold_3840_flows_per_group_and_layer),
      cmocka_unit_test(dag_should_equal_the_published_one),
      cmocka_unit_test(flow_count_should_equal_the_dags),
      cmocka_unit_test(dag_should_raise_small_forward_collectives),
  };
  return cmocka_run_group_tests(tests, support_make_folder, support_remove_folder);
}
