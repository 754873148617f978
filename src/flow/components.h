// Connected components of flows and the links that they cross, kept as flows come and go: what one
// event of the m4 algorithm "event" moves on (arXiv 2503.01770), and what traces for its training
// tell of.
//
// A flow joins the components that its links touch; several become one. A flow that leaves takes
// along the links that nobody else is on. A component is never split, though its parts may have no
// link in common any more, until its last flow leaves.
//
// The order of a component's flows, and of its links, depends on what came and went alone: who
// joins comes last, links in the order of the path; the last takes the place of one that leaves;
// when components merge, the members of the smaller one (fewer flows and links; of equals the one
// that the path touches later) follow those of the larger one.
#pragma once

#include <stdint.h>

#include "core/status.h"

typedef struct {
  int32_t *flows;  // owned, [n_flows]
  int32_t *links;  // owned, [n_links]
  int32_t n_flows, n_links, flow_capacity, link_capacity;
  int32_t next_flow;  // for the user; -1 in a new component
} m4s_component_t;

typedef struct {
  int32_t component;  // -1: in none
  int32_t place;  // among the component's flows or links
  int32_t n_flows;  // links: that cross it
} m4s_component_member_t;

// Memory: 12 bytes a link of the network and a flow, and the lists of the members.
typedef struct {
  m4s_component_t *components;  // owned, by component id; those that are empty are used again
  int32_t *free_ids;  // owned, [n_free]
  int32_t n_components, n_free, capacity;
  m4s_component_member_t *links;  // owned, by link id
  m4s_component_member_t *flows;  // owned, by flow
  int32_t flow_capacity;
} m4s_components_t;

// Of a network with links 0 … n_links-1. M4S_ERR_MEMORY.
m4s_status_t m4s_components_init(m4s_components_t *components, int32_t n_links);
void m4s_components_clear(m4s_components_t *components);

// A flow joins, under a small number ≥ 0 that is free; `links` [n_links], at least one. Amortised
// O(n_links log n) with n members in all. M4S_ERR_MEMORY.
m4s_status_t m4s_components_join(m4s_components_t *components, int32_t flow, const int32_t *links,
                                 int32_t n_links);

// A flow leaves, with the links that it joined with. O(n_links).
void m4s_components_leave(m4s_components_t *components, int32_t flow, const int32_t *links,
                          int32_t n_links);

// The component of a flow; valid until a flow joins or leaves.
static inline const m4s_component_t *m4s_components_of(const m4s_components_t *components,
                                                       int32_t flow) {
  return &components->components[components->flows[flow].component];
}
