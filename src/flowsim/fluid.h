// Flows as fluid in a network: which flows cross which links, and the set of flows that get new
// rates. Shared by the modes of flowsim, which differ in when and how rates are computed.
#pragma once

#include <stdbool.h>

#include "core/event.h"
#include "flow/flow.h"
#include "flowsim/flowsim.h"

// A flow in the network. Slots are reused. What water-fillings look at fills one cache line.
typedef struct {
  _Alignas(64) const int32_t *links;  // [n_links], borrowed
  int32_t n_links;
  int32_t bottleneck;  // link that limits it; -1: no rate yet
  double max_rate;  // bytes/ns; the least capacity on its path
  double remaining_bytes;  // at updated_ns
  double rate;  // bytes/ns; the rate that holds
  double filled_rate;  // bytes/ns; what the water-filling under way gave
  int64_t updated_ns;
  bool chosen;  // takes part in the water-filling under way
  bool filled;  // and has its rate
  int64_t id;
  int64_t latency_ns;  // sum of the path's propagation delays
  double wire_bytes;
} m4s_fluid_flow_t;

// A flow's presence on a link.
typedef struct {
  int32_t slot;
  int32_t hop;  // place of the link in the flow's path
} m4s_fluid_member_t;

typedef struct {
  _Alignas(64) double capacity;  // bytes/ns
  m4s_fluid_member_t *members;  // owned, [n_members]
  int32_t n_members, member_capacity;
  // Water-filling under way; what is left to whom is said by each mode:
  double residual;  // bytes/ns
  int32_t n_unfilled;  // chosen flows without a rate
  bool chosen;
  // Usage:
  int64_t busy_since_ns, busy_ns;
  int64_t bytes;
} m4s_fluid_link_t;

typedef struct {
  m4s_flowsim_config_t config;
  bool keep_order;  // members of a link stay in the order of arrival
  const m4s_topology_t *topology;
  m4s_clock_t *clock;
  m4s_fluid_link_t *links;  // [topology->n_links]
  m4s_fluid_flow_t *flows;  // [n_slots]
  int32_t *places;  // [n_slots, max_hops]: where in the link's members the flow stands
  int32_t *free_slots;  // [n_free]
  int32_t n_slots, n_free, slot_capacity, max_hops;
  int32_t n_in_network;
  int32_t *chosen;  // [n_chosen], slots
  int32_t *chosen_links;  // [n_chosen_links]
  int32_t n_chosen, n_chosen_links;
  m4s_flowsim_counts_t counts;
} m4s_fluid_t;

// Memory for n_bytes of structures that fill cache lines, zeroed; NULL where there is none. free().
void *m4s_fluid_lines(size_t n_bytes);

m4s_status_t m4s_fluid_init(m4s_fluid_t *fluid, const m4s_flowsim_config_t *config,
                            const m4s_topology_t *topology, m4s_clock_t *clock);
void m4s_fluid_clear(m4s_fluid_t *fluid);

// Makes a slot for a flow that is not in the network yet, all its bytes remaining, rate 0.
m4s_status_t m4s_fluid_take_slot(m4s_fluid_t *fluid, const m4s_flow_t *flow, int32_t *slot_out);
void m4s_fluid_free_slot(m4s_fluid_t *fluid, int32_t slot);

// Puts a flow on its links, takes it off them.
m4s_status_t m4s_fluid_enter(m4s_fluid_t *fluid, int32_t slot);
void m4s_fluid_leave(m4s_fluid_t *fluid, int32_t slot);

// Chooses a flow, once.
void m4s_fluid_choose(m4s_fluid_t *fluid, int32_t slot);

// Adds the links of a flow to chosen_links, once each.
void m4s_fluid_choose_links(m4s_fluid_t *fluid, int32_t slot);

// Chooses nothing any more.
void m4s_fluid_unchoose_all(m4s_fluid_t *fluid);

// The link_usage of both modes; `state` begins with a m4s_fluid_t.
void m4s_fluid_link_usage(const void *state, m4s_link_usage_t *usage_out);

// The two modes; flowsim.h says what they compute. Both states begin with a m4s_fluid_t.
m4s_status_t m4s_fluid_exact_create(const m4s_flowsim_config_t *config,
                                    const m4s_topology_t *topology, m4s_clock_t *clock,
                                    m4s_network_model_t *model_out);
m4s_status_t m4s_fluid_published_create(const m4s_flowsim_config_t *config,
                                        const m4s_topology_t *topology, m4s_clock_t *clock,
                                        m4s_network_model_t *model_out);
