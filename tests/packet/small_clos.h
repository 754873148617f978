// Random flows on a small Clos fabric, for tests of what models tell of themselves.
#pragma once

#include "support.h"

#include "core/field.h"
#include "flow/flow_list.h"
#include "flow/random_mix.h"
#include "net/clos.h"
#include "packet/packet.h"
#include "sim/run_loop.h"

enum { SMALL_CLOS_FLOWS = 200 };

typedef struct {
  m4s_flow_record_t records[SMALL_CLOS_FLOWS];
  m4s_topology_t *topology;
  m4s_clock_t clock;
  m4s_routing_t *routing;
  m4s_flow_list_t *list;
  m4s_network_model_t model;
} small_clos_t;

// 16 hosts in 4 racks, all links 10 Gb/s and 1 us.
static inline void small_clos_make(small_clos_t *clos, const m4s_packet_rules_t *rules,
                                   double load) {
  const m4s_clos_t shape = {.pods = 2,
                            .racks_per_pod = 2,
                            .hosts_per_rack = 4,
                            .fabrics_per_pod = 2,
                            .spines_per_plane = 1,
                            .host_gbps = 10,
                            .uplink_gbps = 10,
                            .link_delay_ns = 1000};
  *clos = (small_clos_t){0};
  ASSERT_OK(m4s_clos_create(&shape, &clos->topology));
  const m4s_random_mix_t mix = {.n_flows = SMALL_CLOS_FLOWS,
                                .n_hosts = clos->topology->n_hosts,
                                .load = load,
                                .host_bps = INT64_C(10000000000),
                                .shape = 1.2,
                                .min_size_bytes = 5000,
                                .max_size_bytes = 1000000,
                                .seed = 3};
  ASSERT_OK(m4s_random_mix_make(&mix, clos->records));
  ASSERT_OK(m4s_routing_create(clos->topology, &clos->routing));
  ASSERT_OK(m4s_flow_list_create(clos->records, SMALL_CLOS_FLOWS, clos->routing, &clos->clock,
                                 &clos->list));
  ASSERT_OK(m4s_packet_create(rules, M4S_PACKET_ECMP_FLOW, clos->topology, clos->routing,
                              &clos->clock, &clos->model));
}

static inline m4s_status_t small_clos_run(small_clos_t *clos) {
  m4s_run_t *run;
  m4s_run_state_t state;
  ASSERT_OK(m4s_run_create(&clos->clock, m4s_flow_list_as_source(clos->list), clos->model,
                           &(m4s_run_limits_t){0}, &run));
  m4s_status_t status = m4s_run_advance(run, NULL, &state);
  m4s_run_destroy(run);
  return status;
}

static inline void small_clos_clear(small_clos_t *clos) {
  clos->model.ops->destroy(clos->model.state);
  m4s_flow_list_destroy(clos->list);
  m4s_routing_destroy(clos->routing);
  m4s_topology_destroy(clos->topology);
}
