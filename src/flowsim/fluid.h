// Flows as fluid in a network: which flows cross which links, and water-filling over a set of
// flows. Shared by the modes of flowsim.
#pragma once

#include <stdbool.h>

#include "core/heap.h"
#include "flow/flow.h"
#include "flowsim/flowsim.h"

// A flow in the network. Slots are reused.
typedef struct {
  int64_t id;
  const int32_t *links;  // [n_links], borrowed
  int32_t n_links;
  int32_t bottleneck;  // link that limits it, set by water-filling
  int64_t latency_ns;  // sum of the path's propagation delays
  double wire_bytes;
  double remaining_bytes;  // at updated_ns
  double rate;  // bytes/ns; the rate that holds
  double filled_rate;  // bytes/ns; what the last water-filling gave
  int64_t updated_ns;
  bool chosen;  // takes part in the water-filling under way
  bool filled;  // and has its rate
} m4s_fluid_flow_t;

// A flow's presence on a link.
typedef struct {
  int32_t slot;
  int32_t hop;  // place of the link in the flow's path
} m4s_fluid_member_t;

typedef struct {
  double capacity;  // bytes/ns
  m4s_fluid_member_t *members;  // owned, [n_members]
  int32_t n_members, member_capacity;
  // Water-filling under way:
  bool chosen;
  int32_t n_unfilled;
  double residual;  // bytes/ns
  bool residual_stale;  // to be summed again
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
  // The chosen flows and the links that they cross.
  int32_t *chosen;  // [n_chosen], slots
  int32_t *chosen_links;  // [n_chosen_links]
  int32_t *open_links;  // scratch: chosen links with unfilled flows
  int32_t n_chosen, n_chosen_links;
  m4s_heap_t shares;  // scratch: open links by share
  m4s_flowsim_counts_t counts;
} m4s_fluid_t;

m4s_status_t m4s_fluid_init(m4s_fluid_t *fluid, const m4s_flowsim_config_t *config,
                            const m4s_topology_t *topology, m4s_clock_t *clock);
void m4s_fluid_clear(m4s_fluid_t *fluid);

// Makes a slot for a flow that is not in the network yet, all its bytes remaining, rate 0.
m4s_status_t m4s_fluid_take_slot(m4s_fluid_t *fluid, const m4s_flow_t *flow, int32_t *slot_out);
void m4s_fluid_free_slot(m4s_fluid_t *fluid, int32_t slot);

// Puts a flow on its links, takes it off them.
m4s_status_t m4s_fluid_enter(m4s_fluid_t *fluid, int32_t slot);
void m4s_fluid_leave(m4s_fluid_t *fluid, int32_t slot);

// Chooses a flow for the next water-filling, once.
void m4s_fluid_choose(m4s_fluid_t *fluid, int32_t slot);

// Gives the chosen flows max-min fair rates (filled_rate, bottleneck) in what the other flows, at
// their rates, leave of the links. Progressive filling: the link with the least residual per
// unfilled flow (the smallest link id among equals) gives that share to its unfilled flows.
// Afterwards chosen_links holds all links of the chosen flows. _few: every round looks at all
// links, and a link's residual is its capacity less the rates of its filled flows one after another
// in the order of the link's members, to the last bit. _many: O(log n) a round; rounding may
// differ, and links whose shares are equal but for rounding may take turns in another order.
void m4s_fluid_fill_few(m4s_fluid_t *fluid);
m4s_status_t m4s_fluid_fill_many(m4s_fluid_t *fluid);

// Ends a water-filling: chooses nothing.
void m4s_fluid_unchoose_all(m4s_fluid_t *fluid);

// For m4s_network_model_ops_t.link_usage.
void m4s_fluid_link_usage(const m4s_fluid_t *fluid, m4s_link_usage_t *usage_out);

// The two modes; flowsim.h says what they compute. Both begin with a m4s_fluid_t.
m4s_status_t m4s_fluid_exact_create(const m4s_flowsim_config_t *config,
                                    const m4s_topology_t *topology, m4s_clock_t *clock,
                                    m4s_network_model_t *model_out);
m4s_status_t m4s_fluid_published_create(const m4s_flowsim_config_t *config,
                                        const m4s_topology_t *topology, m4s_clock_t *clock,
                                        m4s_network_model_t *model_out);
