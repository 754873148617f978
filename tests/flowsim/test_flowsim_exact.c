// The exact mode against a brute-force fluid simulation, the definition of max-min fairness, and
// cases by hand.
#include <math.h>

#include "flowsim/harness.h"

#include "flowsim/fluid.h"
#include "net/clos.h"

// --- topologies ---

typedef struct {
  m4s_cable_t cables[400];
  int32_t n_cables;
} cables_t;

static void add_cable(cables_t *cables, int32_t src, int32_t dst, int64_t mbps, int64_t delay_ns) {
  cables->cables[cables->n_cables++] = (m4s_cable_t){src, dst, mbps * 1000000, delay_ns, 0};
}

// Nodes from n_hosts on are switches.
static m4s_topology_t *make_topology(int32_t n_hosts, int32_t n_switches, const cables_t *cables) {
  int32_t forwarders[64];
  for (int32_t i = 0; i < n_switches; i++) {
    forwarders[i] = n_hosts + i;
  }
  const m4s_topology_parts_t parts = {.n_nodes = n_hosts + n_switches,
                                      .n_switches = n_switches,
                                      .gpus_per_server = 1,
                                      .gpu_type = "A100",
                                      .forwarders = forwarders,
                                      .n_cables = cables->n_cables,
                                      .cables = cables->cables};
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_create(&parts, "test", &topology));
  return topology;
}

static m4s_topology_t *make_gpus(uint64_t *random) {
  m4s_gpu_cluster_t cluster = {0};
  ASSERT_OK(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  cluster.degraded_gpus = support_random_below(random, 17);
  cluster.reduction = 1 + support_random_below(random, 10);
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_gpu_cluster_create(&cluster, "gpus", &topology));
  return topology;
}

// 4 racks of 4 hosts under 2 spines, oversubscribed twice.
static m4s_topology_t *make_clos(uint64_t *random) {
  cables_t cables = {.n_cables = 0};
  int64_t delay_ns = support_random_below(random, 2) * 1000;
  for (int32_t host = 0; host < 16; host++) {
    add_cable(&cables, host, 16 + host / 4, 10000, delay_ns);
  }
  for (int32_t leaf = 16; leaf < 20; leaf++) {
    add_cable(&cables, leaf, 20, 10000, delay_ns);
    add_cable(&cables, leaf, 21, 10000, delay_ns);
  }
  return make_topology(16, 6, &cables);
}

// Bandwidths of any value, some delays of zero.
static m4s_topology_t *make_star(uint64_t *random) {
  cables_t cables = {.n_cables = 0};
  for (int32_t host = 0; host < 8; host++) {
    add_cable(&cables, host, 8, 1000 + support_random_below(random, 20000),
              support_random_below(random, 3) * 333);
  }
  return make_topology(8, 1, &cables);
}

static m4s_topology_t *make_dumbbell(uint64_t *random) {
  cables_t cables = {.n_cables = 0};
  for (int32_t host = 0; host < 10; host++) {
    add_cable(&cables, host, 10 + host / 5, 4000, 0);
  }
  add_cable(&cables, 10, 11, 3000 + 1000 * support_random_below(random, 10), 777);
  return make_topology(10, 2, &cables);
}

// A chain of 6 switches with 2 hosts each: long paths cross short ones.
static m4s_topology_t *make_parking_lot(uint64_t *random) {
  cables_t cables = {.n_cables = 0};
  for (int32_t host = 0; host < 12; host++) {
    add_cable(&cables, host, 12 + host / 2, 25000, 100);
  }
  for (int32_t i = 0; i < 5; i++) {
    add_cable(&cables, 12 + i, 13 + i, 10000 + support_random_below(random, 3) * 5000, 200);
  }
  return make_topology(12, 6, &cables);
}

// 2 pods of 4 racks of 4 hosts, oversubscribed at racks and fabric switches.
static m4s_topology_t *make_pods(uint64_t *random) {
  const m4s_clos_t clos = {.pods = 2,
                           .racks_per_pod = 4,
                           .hosts_per_rack = 4,
                           .fabrics_per_pod = 2,
                           .spines_per_plane = 1 + support_random_below(random, 4),
                           .host_gbps = 10,
                           .uplink_gbps = 5 + support_random_below(random, 20),
                           .link_delay_ns = 1000};
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_clos_create(&clos, &topology));
  return topology;
}

// A random tree of switches with some more cables between them, hosts anywhere.
static m4s_topology_t *make_random(uint64_t *random) {
  enum { N_HOSTS = 14, N_SWITCHES = 8 };
  cables_t cables = {.n_cables = 0};
  bool joined[N_SWITCHES][N_SWITCHES] = {{false}};
  for (int32_t host = 0; host < N_HOSTS; host++) {
    add_cable(&cables, host, N_HOSTS + (int32_t)support_random_below(random, N_SWITCHES),
              500 + support_random_below(random, 30000), support_random_below(random, 2000));
  }
  for (int32_t i = 1; i < N_SWITCHES + 4; i++) {
    int64_t a = i < N_SWITCHES ? i : support_random_below(random, N_SWITCHES - 1) + 1;
    int64_t b = support_random_below(random, a);
    if (!joined[a][b]) {
      joined[a][b] = true;
      add_cable(&cables, N_HOSTS + (int32_t)a, N_HOSTS + (int32_t)b,
                500 + support_random_below(random, 30000), support_random_below(random, 2000));
    }
  }
  return make_topology(N_HOSTS, N_SWITCHES, &cables);
}

// The same with some more bits/s on every cable, so that no end falls on a whole ns; frees the
// first.
static m4s_topology_t *with_odd_bandwidths(m4s_topology_t *topology, uint64_t *random) {
  for (int32_t i = 0; i < topology->n_cables; i++) {
    topology->cables[i].bandwidth_bps += 1 + support_random_below(random, 1000000);
  }
  const m4s_topology_parts_t parts = {.n_nodes = topology->n_nodes,
                                      .n_nvswitches = topology->n_nvswitches,
                                      .n_switches = topology->n_switches,
                                      .gpus_per_server = topology->gpus_per_server,
                                      .gpu_type = topology->gpu_type,
                                      .forwarders = topology->forwarders,
                                      .n_cables = topology->n_cables,
                                      .cables = topology->cables};
  m4s_topology_t *odd = NULL;
  ASSERT_OK(m4s_topology_create(&parts, "odd", &odd));
  m4s_topology_destroy(topology);
  return odd;
}

typedef m4s_topology_t *(*make_fn)(uint64_t *random);
static const make_fn makers[] = {make_gpus,        make_clos,   make_star, make_dumbbell,
                                 make_parking_lot, make_random, make_pods};
enum { N_MAKERS = sizeof makers / sizeof *makers };

// --- flows ---

enum { MAX_FLOWS = 400 };

// Sizes of all magnitudes; a third of the flows start with the one before.
static void make_flows(uint64_t *random, const m4s_topology_t *topology, int64_t gap_ns, int64_t n,
                       m4s_flow_record_t *records_out) {
  static const int64_t magnitudes[] = {3000, 100000, 1000000};
  int64_t start_ns = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t src = support_random_below(random, topology->n_hosts);
    int64_t dst =
        (src + 1 + support_random_below(random, topology->n_hosts - 1)) % topology->n_hosts;
    if (support_random_below(random, 3) != 0) {
      start_ns += support_random_below(random, 2 * gap_ns);
    }
    records_out[i] = (m4s_flow_record_t){
        .id = (int32_t)i,
        .src = (int32_t)src,
        .dst = (int32_t)dst,
        .size_bytes = 1 + support_random_below(random, magnitudes[support_random_below(random, 3)]),
        .start_ns = start_ns,
        .fct_ns = -1};
  }
}

// --- brute force ---

typedef struct {
  const int32_t *links;
  int32_t n_links;
  int64_t start_ns, latency_ns, end_ns;
  double remaining, rate;
  bool active, done, fixed;
} brute_flow_t;

typedef struct {
  const m4s_topology_t *topology;
  brute_flow_t flows[MAX_FLOWS];
  int64_t n_flows;
  double left[512];  // by link
  int32_t n_unfixed[512];
} brute_t;

static void count_links(brute_t *brute) {
  for (int32_t i = 0; i < brute->topology->n_links; i++) {
    brute->left[i] = (double)brute->topology->links[i].bandwidth_bps / 8e9;
    brute->n_unfixed[i] = 0;
  }
  for (int64_t f = 0; f < brute->n_flows; f++) {
    brute_flow_t *flow = &brute->flows[f];
    flow->fixed = !flow->active;
    for (int32_t hop = 0; flow->active && hop < flow->n_links; hop++) {
      brute->n_unfixed[flow->links[hop]]++;
    }
  }
}

static int32_t scarcest(const brute_t *brute) {
  int32_t least = -1;
  for (int32_t i = 0; i < brute->topology->n_links; i++) {
    if (brute->n_unfixed[i] > 0 &&
        (least < 0 ||
         brute->left[i] / brute->n_unfixed[i] < brute->left[least] / brute->n_unfixed[least])) {
      least = i;
    }
  }
  return least;
}

static bool crosses(const brute_flow_t *flow, int32_t link) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    if (flow->links[hop] == link) {
      return true;
    }
  }
  return false;
}

// Progressive filling from nothing: the link with the least for each of its flows fixes them.
static void fill(brute_t *brute) {
  count_links(brute);
  for (int32_t link = scarcest(brute); link >= 0; link = scarcest(brute)) {
    double share = brute->left[link] / brute->n_unfixed[link];
    for (int64_t f = 0; f < brute->n_flows; f++) {
      brute_flow_t *flow = &brute->flows[f];
      if (flow->fixed || !crosses(flow, link)) {
        continue;
      }
      flow->fixed = true;
      flow->rate = share;
      for (int32_t hop = 0; hop < flow->n_links; hop++) {
        brute->left[flow->links[hop]] -= share;
        brute->n_unfixed[flow->links[hop]]--;
      }
    }
  }
}

static int64_t next_time(const brute_t *brute) {
  int64_t next_ns = INT64_MAX;
  for (int64_t f = 0; f < brute->n_flows; f++) {
    const brute_flow_t *flow = &brute->flows[f];
    int64_t time_ns = flow->done ? INT64_MAX : flow->active ? flow->end_ns : flow->start_ns;
    next_ns = time_ns < next_ns ? time_ns : next_ns;
  }
  return next_ns;
}

// Runs to the end; a transmission ends at the first whole ns at which all is sent.
static void run_brute(brute_t *brute) {
  int64_t now_ns = 0;
  for (int64_t next_ns = next_time(brute); next_ns != INT64_MAX; next_ns = next_time(brute)) {
    for (int64_t f = 0; f < brute->n_flows; f++) {
      brute_flow_t *flow = &brute->flows[f];
      if (flow->active) {
        flow->remaining -= flow->rate * (double)(next_ns - now_ns);
        flow->done = flow->end_ns == next_ns;
        flow->active = !flow->done;
      } else if (!flow->done && flow->start_ns == next_ns) {
        flow->active = true;
      }
    }
    now_ns = next_ns;
    fill(brute);
    for (int64_t f = 0; f < brute->n_flows; f++) {
      brute_flow_t *flow = &brute->flows[f];
      if (flow->active) {
        // Less than 1e-6 ns too long is rounding.
        double duration_ns = ceil(fmax(0.0, flow->remaining) / flow->rate - 1e-6);
        flow->end_ns = now_ns + (int64_t)duration_ns;
      }
    }
  }
}

static void set_up_brute(brute_t *brute, const m4s_topology_t *topology, m4s_routing_t *routing,
                         const m4s_flow_record_t *records, int64_t n,
                         const m4s_flowsim_config_t *config) {
  memset(brute, 0, sizeof *brute);
  assert_true(n <= MAX_FLOWS && topology->n_links <= 512);
  brute->topology = topology;
  brute->n_flows = n;
  for (int64_t i = 0; i < n; i++) {
    brute_flow_t *flow = &brute->flows[i];
    ASSERT_OK(
        m4s_routing_path(routing, records[i].src, records[i].dst, &flow->links, &flow->n_links));
    flow->start_ns = records[i].start_ns;
    int64_t packets =
        (records[i].size_bytes + config->wire.payload_bytes - 1) / config->wire.payload_bytes;
    flow->remaining = (double)(records[i].size_bytes + packets * config->wire.header_bytes);
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      flow->latency_ns += topology->links[flow->links[hop]].delay_ns;
    }
  }
}

static const m4s_flowsim_config_t exact = {.mode = M4S_FLOWSIM_EXACT, .wire = {1000, 48}};

// Both round an end up to the first whole ns, but for the last bits of doubles: no tolerance is
// needed.
static void assert_equals_brute(const m4s_topology_t *topology, m4s_flow_record_t *records,
                                int64_t n) {
  static brute_t brute;
  m4s_routing_t *routing = NULL;
  ASSERT_OK(m4s_routing_create(topology, &routing));
  harness_run_list(&exact, topology, records, n, NULL);
  set_up_brute(&brute, topology, routing, records, n, &exact);
  run_brute(&brute);
  for (int64_t i = 0; i < n; i++) {
    const brute_flow_t *flow = &brute.flows[i];
    int64_t expected_ns = flow->end_ns + flow->latency_ns - flow->start_ns;
    if (records[i].fct_ns != expected_ns) {
      fail_msg("flow %lld: %lld ns, by brute force %lld", (long long)i,
               (long long)records[i].fct_ns, (long long)expected_ns);
    }
  }
  m4s_routing_destroy(routing);
}

static void compare_random_flows(bool round) {
  static const int64_t gaps_ns[] = {300, 3000, 30000};
  uint64_t random = 31;
  for (int repeat = 0; repeat < (SUPPORT_SANITIZED ? 1 : 3); repeat++) {
    for (size_t maker = 0; maker < N_MAKERS; maker++) {
      for (int load = 0; load < 3; load++) {
        m4s_flow_record_t records[MAX_FLOWS];
        m4s_topology_t *topology = makers[maker](&random);
        topology = round ? topology : with_odd_bandwidths(topology, &random);
        int64_t n = load == 0 ? 150 : MAX_FLOWS;
        make_flows(&random, topology, gaps_ns[load], n, records);
        assert_equals_brute(topology, records, n);
        m4s_topology_destroy(topology);
      }
    }
  }
}

static void random_flows_should_take_the_brute_force_times(void **state) {
  (void)state;
  compare_random_flows(false);
}

static void flows_on_round_capacities_should_take_the_brute_force_times(void **state) {
  (void)state;
  compare_random_flows(true);
}

static int compare_starts(const void *a, const void *b) {
  const m4s_flow_record_t *left = a;
  const m4s_flow_record_t *right = b;
  if (left->start_ns != right->start_ns) {
    return left->start_ns < right->start_ns ? -1 : 1;
  }
  return left->id - right->id;
}

// Parts of a gray-failure point, started when they started there.
static void flows_of_gray_points_should_take_the_brute_force_times(void **state) {
  (void)state;
  static const int points[][2] = {{8, 10}, {2, 4}};
  for (int i = 0; i < 2; i++) {
    harness_gray_t gray;
    harness_run_gray(points[i][0], points[i][1], M4S_FLOWSIM_EXACT, 48, &gray);
    size_t n_bytes = (size_t)gray.result.n_flows * sizeof(m4s_flow_record_t);
    m4s_flow_record_t *records = malloc(n_bytes);
    memcpy(records, gray.result.records, n_bytes);
    qsort(records, (size_t)gray.result.n_flows, sizeof *records, compare_starts);
    for (int64_t first = 0; first + MAX_FLOWS < gray.result.n_flows; first += 3000) {
      for (int32_t j = 0; j < MAX_FLOWS; j++) {
        records[first + j].id = j;
      }
      assert_equals_brute(gray.topology, records + first, MAX_FLOWS);
    }
    free(records);
    harness_clear_gray(&gray);
  }
}

// All at once, to one host and from one host.
static void incasts_should_take_the_brute_force_times(void **state) {
  (void)state;
  uint64_t random = 77;
  for (size_t maker = 0; maker < N_MAKERS; maker++) {
    m4s_flow_record_t records[120];
    m4s_topology_t *topology = with_odd_bandwidths(makers[maker](&random), &random);
    make_flows(&random, topology, 1000, 120, records);
    for (int i = 0; i < 120; i++) {
      records[i].start_ns = i < 80 ? 0 : 1000;
      if (i % 2 == 0) {
        records[i].dst = records[i].src == 0 ? 1 : 0;
      } else {
        records[i].src = records[i].dst == 0 ? 1 : 0;
      }
    }
    assert_equals_brute(topology, records, 120);
    m4s_topology_destroy(topology);
  }
}

// --- the definition ---

// Every link holds at most its capacity, and every flow has a link that is full and on which no
// flow is faster.
static void assert_max_min(const m4s_fluid_t *fluid) {
  const double tolerance = 1e-9;  // sums of up to hundreds of doubles, and rates kept within 1e-12
  for (int32_t i = 0; i < fluid->topology->n_links; i++) {
    const m4s_fluid_link_t *link = &fluid->links[i];
    double sum = 0;
    for (int32_t j = 0; j < link->n_members; j++) {
      sum += fluid->flows[link->members[j].slot].rate;
    }
    assert_true(sum <= link->capacity * (1 + tolerance));
  }
  for (int32_t i = 0; i < fluid->topology->n_links; i++) {
    for (int32_t j = 0; j < fluid->links[i].n_members; j++) {
      const m4s_fluid_flow_t *flow = &fluid->flows[fluid->links[i].members[j].slot];
      bool has_bottleneck = false;
      for (int32_t hop = 0; hop < flow->n_links; hop++) {
        const m4s_fluid_link_t *link = &fluid->links[flow->links[hop]];
        double sum = 0;
        double fastest = 0;
        for (int32_t k = 0; k < link->n_members; k++) {
          double rate = fluid->flows[link->members[k].slot].rate;
          sum += rate;
          fastest = fmax(fastest, rate);
        }
        has_bottleneck |=
            sum >= link->capacity * (1 - tolerance) && flow->rate >= fastest * (1 - tolerance);
      }
      assert_true(flow->rate > 0);
      assert_true(has_bottleneck);
    }
  }
}

// The flows of the network are filled from nothing: rates that were kept by increments are the same
// but for rounding.
static void assert_equals_filling(const m4s_fluid_t *fluid) {
  static brute_t brute;
  static int32_t slots[MAX_FLOWS];
  memset(&brute, 0, sizeof brute);
  brute.topology = fluid->topology;
  for (int32_t i = 0; i < fluid->topology->n_links; i++) {
    for (int32_t j = 0; j < fluid->links[i].n_members; j++) {
      const m4s_fluid_member_t *member = &fluid->links[i].members[j];
      const m4s_fluid_flow_t *flow = &fluid->flows[member->slot];
      if (member->hop == 0) {
        slots[brute.n_flows] = member->slot;
        brute.flows[brute.n_flows++] =
            (brute_flow_t){.links = flow->links, .n_links = flow->n_links, .active = true};
      }
    }
  }
  assert_int_equal(brute.n_flows, fluid->n_in_network);
  fill(&brute);
  for (int64_t i = 0; i < brute.n_flows; i++) {
    double rate = fluid->flows[slots[i]].rate;
    // Rates within 1e-9 of a link's level take it: see max_min.c.
    assert_true(fabs(rate - brute.flows[i].rate) <= 1e-8 * brute.flows[i].rate);
  }
}

static m4s_status_t count_completion(void *context, int64_t flow_id) {
  (void)flow_id;
  ++*(int *)context;
  return M4S_OK;
}

// Flows come in batches at random times; after each the rates are looked at.
static void assert_stays_max_min(const m4s_topology_t *topology, uint64_t *random) {
  m4s_clock_t clock = {0};
  m4s_routing_t *routing = NULL;
  m4s_network_model_t model;
  m4s_flow_record_t records[MAX_FLOWS];
  int n_completed = 0;
  const m4s_completion_port_t port = {.flow_completed = count_completion, .context = &n_completed};
  ASSERT_OK(m4s_routing_create(topology, &routing));
  ASSERT_OK(m4s_flowsim_create(&exact, topology, &clock, &model));
  make_flows(random, topology, 2000, MAX_FLOWS, records);
  for (int64_t i = 0; i < MAX_FLOWS;) {
    clock.now_ns = records[i].start_ns;
    for (; i < MAX_FLOWS && records[i].start_ns == clock.now_ns; i++) {
      m4s_flow_t flow = {.id = i,
                         .src = records[i].src,
                         .dst = records[i].dst,
                         .size_bytes = records[i].size_bytes};
      ASSERT_OK(m4s_routing_path(routing, flow.src, flow.dst, &flow.links, &flow.n_links));
      ASSERT_OK(model.ops->start_flow(model.state, &flow));
    }
    // Everything up to the next start; `advance` comes back after each completion.
    int64_t until_ns = i < MAX_FLOWS ? records[i].start_ns : M4S_TIME_NEVER;
    m4s_event_key_t until = {.time_ns = clock.now_ns, .order = UINT64_MAX};
    while (m4s_event_before(model.ops->next_event(model.state), until)) {
      ASSERT_OK(model.ops->advance(model.state, until, &port));
    }
    assert_max_min(model.state);
    assert_equals_filling(model.state);
    until = (m4s_event_key_t){.time_ns = until_ns, .order = 0};
    while (m4s_event_before(model.ops->next_event(model.state), until)) {
      ASSERT_OK(model.ops->advance(model.state, until, &port));
    }
  }
  assert_int_equal(n_completed, MAX_FLOWS);
  model.ops->destroy(model.state);
  m4s_routing_destroy(routing);
}

static void rates_should_be_max_min_fair(void **state) {
  (void)state;
  uint64_t random = 5;
  for (int round = 0; round < (SUPPORT_SANITIZED ? 2 : 10); round++) {
    for (size_t maker = 0; maker < N_MAKERS; maker++) {
      m4s_topology_t *topology = makers[maker](&random);
      assert_stays_max_min(topology, &random);
      m4s_topology_destroy(topology);
    }
  }
}

// --- by hand ---

// ceil(bytes * 8e9 / bps) + latency, in integers.
static int64_t alone_ns(const m4s_topology_t *topology, const int32_t *links, int32_t n_links,
                        int64_t wire_bytes) {
  int64_t latency_ns = 0;
  int64_t bps = INT64_MAX;
  for (int32_t hop = 0; hop < n_links; hop++) {
    const m4s_link_t *link = &topology->links[links[hop]];
    latency_ns += link->delay_ns;
    bps = link->bandwidth_bps < bps ? link->bandwidth_bps : bps;
  }
  return (wire_bytes * 8000 + bps / 1000000 - 1) / (bps / 1000000) + latency_ns;
}

// Far apart in time, so that each is alone: whole Gbps are exact as doubles, so is the time.
static void lone_flows_should_get_the_bottleneck(void **state) {
  (void)state;
  uint64_t random = 8;
  m4s_routing_t *routing = NULL;
  m4s_flow_record_t records[MAX_FLOWS];
  m4s_topology_t *topology = make_gpus(&random);
  ASSERT_OK(m4s_routing_create(topology, &routing));
  make_flows(&random, topology, 1000, MAX_FLOWS, records);
  for (int64_t i = 0; i < MAX_FLOWS; i++) {
    records[i].start_ns = 1000000 * i;
  }
  harness_run_list(&exact, topology, records, MAX_FLOWS, NULL);
  for (int64_t i = 0; i < MAX_FLOWS; i++) {
    const int32_t *links;
    int32_t n_links;
    ASSERT_OK(m4s_routing_path(routing, records[i].src, records[i].dst, &links, &n_links));
    int64_t wire_bytes = records[i].size_bytes + (records[i].size_bytes + 999) / 1000 * 48;
    assert_int_equal(records[i].fct_ns, alone_ns(topology, links, n_links, wire_bytes));
  }
  m4s_routing_destroy(routing);
  m4s_topology_destroy(topology);
}

static void run_text(const char *text, m4s_flow_record_t *records, int64_t n) {
  const m4s_flowsim_config_t config = {.mode = M4S_FLOWSIM_EXACT, .wire = {1000, 0}};
  m4s_topology_t *topology = NULL;
  ASSERT_OK(m4s_topology_parse(text, "t", &topology));
  harness_run_list(&config, topology, records, n, NULL);
  m4s_topology_destroy(topology);
}

static const char star[] =
    "4 1 0 1 3 A100\n3\n0 3 8Gbps 10ns 0\n1 3 8Gbps 10ns 0\n2 3 8Gbps 10ns 0\n";

// 1 byte/ns. The first has sent 500 when the second comes; both at a half until 1500; then the
// second has 500 left.
static void progress_should_be_credited_at_the_rates_that_held(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {
      {.id = 0, .src = 0, .dst = 2, .size_bytes = 1000, .start_ns = 0},
      {.id = 1, .src = 1, .dst = 2, .size_bytes = 1000, .start_ns = 500}};
  run_text(star, records, 2);
  assert_int_equal(records[0].fct_ns, 1500 + 20);
  assert_int_equal(records[1].fct_ns, 2000 + 20 - 500);
}

// In its latency tail (1000 to 1020) the first holds nothing.
static void latency_should_hold_no_bandwidth(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {
      {.id = 0, .src = 0, .dst = 2, .size_bytes = 1000, .start_ns = 0},
      {.id = 1, .src = 1, .dst = 2, .size_bytes = 100, .start_ns = 1000},
      {.id = 2, .src = 1, .dst = 2, .size_bytes = 100, .start_ns = 1105}};
  run_text(star, records, 3);
  assert_int_equal(records[0].fct_ns, 1020);
  assert_int_equal(records[1].fct_ns, 120);
  assert_int_equal(records[2].fct_ns, 120);
}

// Three at a third; when the first has sent its 100 at 300, two at a half: the second has 100 left.
static void equal_arrivals_should_share_equally(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {{.id = 0, .src = 0, .dst = 2, .size_bytes = 100, .start_ns = 40},
                                 {.id = 1, .src = 1, .dst = 2, .size_bytes = 200, .start_ns = 40},
                                 {.id = 2, .src = 1, .dst = 2, .size_bytes = 300, .start_ns = 40}};
  run_text(star, records, 3);
  assert_int_equal(records[0].fct_ns, 300 + 20);
  assert_int_equal(records[1].fct_ns, 500 + 20);
  assert_int_equal(records[2].fct_ns, 600 + 20);
}

// A long flow over both links of a chain and a short one on each: on the narrow link half of 1
// byte/ns, on the wide one the short gets the rest, 1.5.
static void rest_of_a_link_should_go_to_who_can_use_it(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {{.id = 0, .src = 0, .dst = 3, .size_bytes = 600, .start_ns = 0},
                                 {.id = 1, .src = 1, .dst = 2, .size_bytes = 600, .start_ns = 0},
                                 {.id = 2, .src = 2, .dst = 3, .size_bytes = 1500, .start_ns = 0}};
  run_text(
      "7 1 0 3 6 A100\n4 5 6\n0 4 80Gbps 0ns 0\n1 4 80Gbps 0ns 0\n2 5 80Gbps 0ns 0\n"
      "3 6 80Gbps 0ns 0\n4 5 8Gbps 0ns 0\n5 6 16Gbps 0ns 0\n",
      records, 3);
  assert_int_equal(records[0].fct_ns, 1200);
  assert_int_equal(records[1].fct_ns, 1200);
  assert_int_equal(records[2].fct_ns, 1000);
}

// Without delays and with a flow that starts where another ends.
static void zero_latency_links_should_work(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {{.id = 0, .src = 0, .dst = 1, .size_bytes = 1, .start_ns = 0},
                                 {.id = 1, .src = 0, .dst = 1, .size_bytes = 3, .start_ns = 1},
                                 {.id = 2, .src = 0, .dst = 1, .size_bytes = 3, .start_ns = 4}};
  run_text("3 1 0 1 2 A100\n2\n0 2 8Gbps 0ns 0\n1 2 8Gbps 0ns 0\n", records, 3);
  assert_int_equal(records[0].fct_ns, 1);
  assert_int_equal(records[1].fct_ns, 3);
  assert_int_equal(records[2].fct_ns, 3);
}

// Ends are rounded up to whole ns: 3 bytes at 2 bytes/ns.
static void ends_should_be_rounded_up(void **state) {
  (void)state;
  m4s_flow_record_t records[] = {{.id = 0, .src = 0, .dst = 1, .size_bytes = 3, .start_ns = 9}};
  run_text("3 1 0 1 2 A100\n2\n0 2 16Gbps 5ns 0\n1 2 16Gbps 0ns 0\n", records, 1);
  assert_int_equal(records[0].fct_ns, 2 + 5);
}

// Flows of one time in another order take the same times.
static void order_of_equal_arrivals_should_not_matter(void **state) {
  (void)state;
  enum { N = 60 };
  uint64_t random = 13;
  m4s_flow_record_t records[N];
  m4s_flow_record_t turned[N];
  m4s_topology_t *topology = make_random(&random);
  make_flows(&random, topology, 1000, N, records);
  for (int32_t i = 0; i < N; i++) {
    records[i].start_ns = 100;
    turned[N - 1 - i] = records[i];
    turned[N - 1 - i].id = N - 1 - i;
    turned[N - 1 - i].start_ns = 100;
  }
  harness_run_list(&exact, topology, records, N, NULL);
  harness_run_list(&exact, topology, turned, N, NULL);
  for (int32_t i = 0; i < N; i++) {
    // 2 ns: rates are summed in another order, which may move ends that are nearly whole.
    assert_true(llabs(turned[N - 1 - i].fct_ns - records[i].fct_ns) <= 2);
  }
  m4s_topology_destroy(topology);
}

static void runs_should_repeat_to_the_byte(void **state) {
  (void)state;
  uint64_t random = 99;
  for (size_t maker = 0; maker < N_MAKERS; maker++) {
    m4s_flow_record_t first[MAX_FLOWS];
    m4s_flow_record_t second[MAX_FLOWS];
    m4s_topology_t *topology = makers[maker](&random);
    make_flows(&random, topology, 2000, MAX_FLOWS, first);
    memcpy(second, first, sizeof first);
    harness_run_list(&exact, topology, first, MAX_FLOWS, NULL);
    harness_run_list(&exact, topology, second, MAX_FLOWS, NULL);
    assert_memory_equal(first, second, sizeof first);
    m4s_topology_destroy(topology);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_flows_should_take_the_brute_force_times),
      cmocka_unit_test(flows_on_round_capacities_should_take_the_brute_force_times),
      cmocka_unit_test(flows_of_gray_points_should_take_the_brute_force_times),
      cmocka_unit_test(incasts_should_take_the_brute_force_times),
      cmocka_unit_test(rates_should_be_max_min_fair),
      cmocka_unit_test(lone_flows_should_get_the_bottleneck),
      cmocka_unit_test(progress_should_be_credited_at_the_rates_that_held),
      cmocka_unit_test(latency_should_hold_no_bandwidth),
      cmocka_unit_test(equal_arrivals_should_share_equally),
      cmocka_unit_test(rest_of_a_link_should_go_to_who_can_use_it),
      cmocka_unit_test(zero_latency_links_should_work),
      cmocka_unit_test(ends_should_be_rounded_up),
      cmocka_unit_test(order_of_equal_arrivals_should_not_matter),
      cmocka_unit_test(runs_should_repeat_to_the_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
