// Random mixes of flows on small topologies, and the rows that their simulations took.
#pragma once

#include "core/units.h"
#include "flow/random_mix.h"
#include "harness.h"
#include "net/clos.h"

static inline m4s_engine_t *mixes_engine(const m4s_model_t *model, m4s_forward_t forward) {
  m4s_engine_t *engine = NULL;
  ASSERT_OK(m4s_engine_create(model, forward, &engine));
  return engine;
}

// --- topologies ---

// Hosts 0 to 3, each with a cable of 8 Gbps (1 byte/ns) and 10 ns to switch 4.
static inline m4s_topology_t *mixes_star(void) {
  m4s_topology_t *topology = NULL;
  ASSERT_OK(
      m4s_topology_parse("5 1 0 1 4 A100\n4\n0 4 8Gbps 10ns 0\n1 4 8Gbps 10ns 0\n"
                         "2 4 8Gbps 10ns 0\n3 4 8Gbps 10ns 0\n",
                         "star", &topology));
  return topology;
}

// Four servers of eight GPUs, two of them at an eighth of their speed.
static inline m4s_topology_t *mixes_cluster(void) {
  m4s_topology_t *topology = NULL;
  m4s_gpu_cluster_t cluster = {0};
  ASSERT_OK(m4s_fields_set_defaults(m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS, &cluster));
  cluster.degraded_gpus = 2;
  cluster.reduction = 8;
  ASSERT_OK(m4s_gpu_cluster_create(&cluster, "cluster", &topology));
  return topology;
}

// 2 pods of 2 racks of 4 hosts.
static inline m4s_topology_t *mixes_clos(void) {
  m4s_topology_t *topology = NULL;
  const m4s_clos_t clos = {.pods = 2,
                           .racks_per_pod = 2,
                           .hosts_per_rack = 4,
                           .fabrics_per_pod = 2,
                           .spines_per_plane = 2,
                           .host_gbps = 10,
                           .uplink_gbps = 40,
                           .link_delay_ns = 1000};
  ASSERT_OK(m4s_clos_create(&clos, &topology));
  return topology;
}

// --- flows ---

// Uniform pairs of hosts, 1 to 1000 kB, Poisson arrivals; `load` of links of 10 Gbps. Starts are
// multiples of `tick_ns`. Free with free().
static inline m4s_flow_record_t *mixes_records(const m4s_topology_t *topology, int64_t n_flows,
                                               double load, int64_t tick_ns, uint64_t seed) {
  m4s_flow_record_t *records = calloc((size_t)n_flows, sizeof *records);
  assert_non_null(records);
  const m4s_random_mix_t mix = {.n_flows = n_flows,
                                .n_hosts = topology->n_hosts,
                                .load = load,
                                .host_bps = 10 * M4S_BPS_PER_GBPS,
                                .shape = 1.2,
                                .min_size_bytes = 1000,
                                .max_size_bytes = 1000000,
                                .seed = seed};
  ASSERT_OK(m4s_random_mix_make(&mix, records));
  for (int64_t i = 0; i < n_flows; i++) {
    records[i].start_ns -= records[i].start_ns % tick_ns;
  }
  return records;
}

// --- rows ---

// All rows that simulations on this engine took are there again: at most `n_flows` flows and
// `n_links` links were active at once, so more rows would be handed out only for others not given
// back.
static inline void mixes_assert_no_row_is_held(m4s_engine_t *engine, int64_t n_flows,
                                               int32_t n_links) {
  for (int64_t i = 0; i < n_flows; i++) {
    int32_t row = -1;
    ASSERT_OK(m4s_engine_take_flow_row(engine, &row));
    assert_in_range(row, 0, n_flows - 1);
  }
  for (int32_t i = 0; i < n_links; i++) {
    int32_t row = -1;
    ASSERT_OK(m4s_engine_take_link_row(engine, &row));
    assert_in_range(row, 0, n_links - 1);
  }
}
