#include "flowsim/fluid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/units.h"

enum { FIRST_MAX_HOPS = 8 };

void *m4s_fluid_lines(size_t n_bytes) {
  enum { LINE_BYTES = 64 };
  size_t n_lines = n_bytes / LINE_BYTES + 1;
  void *lines = aligned_alloc(LINE_BYTES, n_lines * LINE_BYTES);
  if (lines != NULL) {
    memset(lines, 0, n_lines * LINE_BYTES);
  }
  return lines;
}

m4s_status_t m4s_fluid_init(m4s_fluid_t *fluid, const m4s_flowsim_config_t *config,
                            const m4s_topology_t *topology, m4s_clock_t *clock) {
  size_t n_links = (size_t)topology->n_links;
  *fluid = (m4s_fluid_t){
      .config = *config, .topology = topology, .clock = clock, .max_hops = FIRST_MAX_HOPS};
  fluid->links = m4s_fluid_lines((n_links + 1) * sizeof *fluid->links);
  fluid->chosen_links = calloc(n_links + 1, sizeof *fluid->chosen_links);
  if (fluid->links == NULL || fluid->chosen_links == NULL) {
    m4s_fluid_clear(fluid);
    return m4s_fail_memory("flowsim");
  }
  for (size_t i = 0; i < n_links; i++) {
    fluid->links[i].capacity = m4s_bps_to_bytes_per_ns(topology->links[i].bandwidth_bps);
  }
  return M4S_OK;
}

void m4s_fluid_clear(m4s_fluid_t *fluid) {
  for (int32_t i = 0; fluid->links != NULL && i < fluid->topology->n_links; i++) {
    free(fluid->links[i].members);
  }
  free(fluid->links);
  free(fluid->flows);
  free(fluid->places);
  free(fluid->free_slots);
  free(fluid->chosen);
  free(fluid->chosen_links);
}

// Gives `places` the shape [slot_capacity, max_hops], keeping what it holds.
static m4s_status_t reshape_places(m4s_fluid_t *fluid, int32_t slot_capacity, int32_t max_hops) {
  int32_t *places = malloc((size_t)slot_capacity * (size_t)max_hops * sizeof *places);
  if (places == NULL) {
    return m4s_fail_memory("flows");
  }
  for (int32_t slot = 0; slot < fluid->n_slots; slot++) {
    memcpy(places + (size_t)slot * (size_t)max_hops,
           fluid->places + (size_t)slot * (size_t)fluid->max_hops,
           (size_t)fluid->max_hops * sizeof *places);
  }
  free(fluid->places);
  fluid->places = places;
  fluid->max_hops = max_hops;
  return M4S_OK;
}

static m4s_status_t grow_slots(m4s_fluid_t *fluid) {
  int32_t capacity = fluid->slot_capacity == 0 ? 64 : 2 * fluid->slot_capacity;
  int32_t *free_slots = realloc(fluid->free_slots, (size_t)capacity * sizeof *free_slots);
  fluid->free_slots = free_slots == NULL ? fluid->free_slots : free_slots;
  int32_t *chosen = realloc(fluid->chosen, (size_t)capacity * sizeof *chosen);
  fluid->chosen = chosen == NULL ? fluid->chosen : chosen;
  m4s_fluid_flow_t *flows = m4s_fluid_lines((size_t)capacity * sizeof *flows);
  if (flows == NULL || free_slots == NULL || chosen == NULL) {
    free(flows);
    return m4s_fail_memory("flows");
  }
  if (fluid->n_slots > 0) {
    memcpy(flows, fluid->flows, (size_t)fluid->n_slots * sizeof *flows);
  }
  free(fluid->flows);
  fluid->flows = flows;
  M4S_TRY(reshape_places(fluid, capacity, fluid->max_hops));
  fluid->slot_capacity = capacity;
  return M4S_OK;
}

m4s_status_t m4s_fluid_take_slot(m4s_fluid_t *fluid, const m4s_flow_t *flow, int32_t *slot_out) {
  if (fluid->n_free == 0 && fluid->n_slots == fluid->slot_capacity) {
    M4S_TRY(grow_slots(fluid));
  }
  if (flow->n_links > fluid->max_hops) {
    M4S_TRY(reshape_places(fluid, fluid->slot_capacity, flow->n_links));
  }
  int32_t slot = fluid->n_free > 0 ? fluid->free_slots[--fluid->n_free] : fluid->n_slots++;
  int64_t latency_ns = 0;
  double max_rate = INFINITY;
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    latency_ns += fluid->topology->links[flow->links[hop]].delay_ns;
    max_rate = fmin(max_rate, fluid->links[flow->links[hop]].capacity);
  }
  double wire_bytes = (double)m4s_wire_bytes(&fluid->config.wire, flow->size_bytes);
  fluid->flows[slot] = (m4s_fluid_flow_t){.id = flow->id,
                                          .links = flow->links,
                                          .n_links = flow->n_links,
                                          .bottleneck = -1,
                                          .latency_ns = latency_ns,
                                          .max_rate = max_rate,
                                          .wire_bytes = wire_bytes,
                                          .remaining_bytes = wire_bytes,
                                          .updated_ns = fluid->clock->now_ns};
  *slot_out = slot;
  return M4S_OK;
}

void m4s_fluid_free_slot(m4s_fluid_t *fluid, int32_t slot) {
  fluid->free_slots[fluid->n_free++] = slot;
}

static int32_t *place_of(m4s_fluid_t *fluid, int32_t slot, int32_t hop) {
  return &fluid->places[(size_t)slot * (size_t)fluid->max_hops + (size_t)hop];
}

static m4s_status_t reserve_members(m4s_fluid_t *fluid, const m4s_fluid_flow_t *flow) {
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    m4s_fluid_link_t *link = &fluid->links[flow->links[hop]];
    if (link->n_members < link->member_capacity) {
      continue;
    }
    int32_t capacity = link->member_capacity == 0 ? 8 : 2 * link->member_capacity;
    m4s_fluid_member_t *members = realloc(link->members, (size_t)capacity * sizeof *members);
    if (members == NULL) {
      return m4s_fail_memory("flows");
    }
    link->members = members;
    link->member_capacity = capacity;
  }
  return M4S_OK;
}

m4s_status_t m4s_fluid_enter(m4s_fluid_t *fluid, int32_t slot) {
  const m4s_fluid_flow_t *flow = &fluid->flows[slot];
  M4S_TRY(reserve_members(fluid, flow));
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    m4s_fluid_link_t *link = &fluid->links[flow->links[hop]];
    if (link->n_members == 0) {
      link->busy_since_ns = fluid->clock->now_ns;
    }
    *place_of(fluid, slot, hop) = link->n_members;
    link->members[link->n_members++] = (m4s_fluid_member_t){.slot = slot, .hop = hop};
  }
  fluid->n_in_network++;
  if (fluid->n_in_network > fluid->counts.peak_active_flows) {
    fluid->counts.peak_active_flows = fluid->n_in_network;
  }
  return M4S_OK;
}

static void remove_member(m4s_fluid_t *fluid, m4s_fluid_link_t *link, int32_t place) {
  link->n_members--;
  if (!fluid->keep_order) {
    m4s_fluid_member_t last = link->members[link->n_members];
    link->members[place] = last;
    *place_of(fluid, last.slot, last.hop) = place;
    return;
  }
  for (int32_t i = place; i < link->n_members; i++) {
    m4s_fluid_member_t member = link->members[i + 1];
    link->members[i] = member;
    *place_of(fluid, member.slot, member.hop) = i;
  }
}

void m4s_fluid_leave(m4s_fluid_t *fluid, int32_t slot) {
  const m4s_fluid_flow_t *flow = &fluid->flows[slot];
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    m4s_fluid_link_t *link = &fluid->links[flow->links[hop]];
    remove_member(fluid, link, *place_of(fluid, slot, hop));
    link->bytes += (int64_t)flow->wire_bytes;
    if (link->n_members == 0) {
      link->busy_ns += fluid->clock->now_ns - link->busy_since_ns;
    }
  }
  fluid->n_in_network--;
}

void m4s_fluid_choose(m4s_fluid_t *fluid, int32_t slot) {
  if (!fluid->flows[slot].chosen) {
    fluid->flows[slot].chosen = true;
    fluid->chosen[fluid->n_chosen++] = slot;
  }
}

void m4s_fluid_choose_links(m4s_fluid_t *fluid, int32_t slot) {
  const m4s_fluid_flow_t *flow = &fluid->flows[slot];
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    m4s_fluid_link_t *link = &fluid->links[flow->links[hop]];
    if (!link->chosen) {
      link->chosen = true;
      fluid->chosen_links[fluid->n_chosen_links++] = flow->links[hop];
    }
  }
}

void m4s_fluid_unchoose_all(m4s_fluid_t *fluid) {
  for (int32_t i = 0; i < fluid->n_chosen; i++) {
    fluid->flows[fluid->chosen[i]].chosen = false;
  }
  for (int32_t i = 0; i < fluid->n_chosen_links; i++) {
    fluid->links[fluid->chosen_links[i]].chosen = false;
  }
  fluid->n_chosen = 0;
  fluid->n_chosen_links = 0;
}

void m4s_fluid_link_usage(const void *state, m4s_link_usage_t *usage_out) {
  const m4s_fluid_t *fluid = state;
  for (int32_t i = 0; i < fluid->topology->n_links; i++) {
    const m4s_fluid_link_t *link = &fluid->links[i];
    int64_t under_way_ns = link->n_members > 0 ? fluid->clock->now_ns - link->busy_since_ns : 0;
    usage_out[i] =
        (m4s_link_usage_t){.bytes = link->bytes, .busy_ns = link->busy_ns + under_way_ns};
  }
}
