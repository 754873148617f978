#include "flow/components.h"

#include <stdbool.h>
#include <stdlib.h>

m4s_status_t m4s_components_init(m4s_components_t *components, int32_t n_links) {
  *components = (m4s_components_t){0};
  components->links = malloc(((size_t)n_links + 1) * sizeof *components->links);
  if (components->links == NULL) {
    return m4s_fail_memory("components");
  }
  for (int32_t i = 0; i < n_links; i++) {
    components->links[i] = (m4s_component_member_t){.component = -1};
  }
  return M4S_OK;
}

void m4s_components_clear(m4s_components_t *components) {
  for (int32_t i = 0; i < components->n_components; i++) {
    free(components->components[i].flows);
    free(components->components[i].links);
  }
  free(components->components);
  free(components->free_ids);
  free(components->links);
  free(components->flows);
  *components = (m4s_components_t){0};
}

static m4s_status_t reserve(int32_t **members, int32_t *capacity, int64_t n_members) {
  if (n_members <= *capacity) {
    return M4S_OK;
  }
  int64_t grown_capacity = *capacity == 0 ? 4 : 2 * (int64_t)*capacity;
  while (grown_capacity < n_members) {
    grown_capacity *= 2;
  }
  grown_capacity = grown_capacity < INT32_MAX ? grown_capacity : INT32_MAX;
  int32_t *grown = realloc(*members, (size_t)grown_capacity * sizeof *grown);
  if (grown == NULL) {
    return m4s_fail_memory("components");
  }
  *members = grown;
  *capacity = (int32_t)grown_capacity;
  return M4S_OK;
}

static m4s_status_t reserve_members(m4s_component_t *component, int32_t n_flows, int32_t n_links) {
  M4S_TRY(
      reserve(&component->flows, &component->flow_capacity, (int64_t)component->n_flows + n_flows));
  return reserve(&component->links, &component->link_capacity,
                 (int64_t)component->n_links + n_links);
}

static m4s_status_t grow_components(m4s_components_t *components) {
  int32_t capacity = components->capacity == 0 ? 16 : 2 * components->capacity;
  m4s_component_t *grown = realloc(components->components, (size_t)capacity * sizeof *grown);
  components->components = grown == NULL ? components->components : grown;
  int32_t *free_ids = realloc(components->free_ids, (size_t)capacity * sizeof *free_ids);
  components->free_ids = free_ids == NULL ? components->free_ids : free_ids;
  if (grown == NULL || free_ids == NULL) {
    return m4s_fail_memory("components");
  }
  components->capacity = capacity;
  return M4S_OK;
}

static m4s_status_t take_component(m4s_components_t *components, int32_t *id_out) {
  if (components->n_free == 0 && components->n_components == components->capacity) {
    M4S_TRY(grow_components(components));
  }
  int32_t id = components->n_free > 0 ? components->free_ids[--components->n_free]
                                      : components->n_components++;
  components->components[id] = (m4s_component_t){.next_flow = -1};
  *id_out = id;
  return M4S_OK;
}

// Its lists go, so that a component that was once large does not hold memory for ever.
static void release_component(m4s_components_t *components, int32_t id) {
  m4s_component_t *component = &components->components[id];
  free(component->flows);
  free(component->links);
  *component = (m4s_component_t){0};
  components->free_ids[components->n_free++] = id;
}

static void put_flow(m4s_components_t *components, int32_t id, int32_t flow) {
  m4s_component_t *component = &components->components[id];
  components->flows[flow] = (m4s_component_member_t){.component = id, .place = component->n_flows};
  component->flows[component->n_flows++] = flow;
}

static void put_link(m4s_components_t *components, int32_t id, int32_t link) {
  m4s_component_t *component = &components->components[id];
  components->links[link].component = id;
  components->links[link].place = component->n_links;
  component->links[component->n_links++] = link;
}

static int64_t n_members(const m4s_component_t *component) {
  return (int64_t)component->n_flows + component->n_links;
}

// Makes one of two components; the larger one, or the first, is the one that stays.
static m4s_status_t merge(m4s_components_t *components, int32_t first, int32_t second,
                          int32_t *id_out) {
  bool swap =
      n_members(&components->components[second]) > n_members(&components->components[first]);
  int32_t larger = swap ? second : first;
  int32_t smaller = swap ? first : second;
  const m4s_component_t *from = &components->components[smaller];
  M4S_TRY(reserve_members(&components->components[larger], from->n_flows, from->n_links));
  for (int32_t i = 0; i < from->n_flows; i++) {
    put_flow(components, larger, from->flows[i]);
  }
  for (int32_t i = 0; i < from->n_links; i++) {
    put_link(components, larger, from->links[i]);
  }
  release_component(components, smaller);
  *id_out = larger;
  return M4S_OK;
}

// The component that a flow with these links joins.
static m4s_status_t find_component(m4s_components_t *components, const int32_t *links,
                                   int32_t n_links, int32_t *id_out) {
  int32_t id = -1;
  for (int32_t hop = 0; hop < n_links; hop++) {
    int32_t touched = components->links[links[hop]].component;
    if (id < 0) {
      id = touched;
    } else if (touched >= 0 && touched != id) {
      M4S_TRY(merge(components, id, touched, &id));
    }
  }
  if (id < 0) {
    M4S_TRY(take_component(components, &id));
  }
  *id_out = id;
  return M4S_OK;
}

static m4s_status_t reserve_flow(m4s_components_t *components, int32_t flow) {
  if (flow < components->flow_capacity) {
    return M4S_OK;
  }
  int32_t capacity = components->flow_capacity == 0 ? 64 : components->flow_capacity;
  while (capacity <= flow) {
    capacity *= 2;
  }
  m4s_component_member_t *flows = realloc(components->flows, (size_t)capacity * sizeof *flows);
  if (flows == NULL) {
    return m4s_fail_memory("components");
  }
  components->flows = flows;
  components->flow_capacity = capacity;
  return M4S_OK;
}

m4s_status_t m4s_components_join(m4s_components_t *components, int32_t flow, const int32_t *links,
                                 int32_t n_links) {
  int32_t id;
  M4S_TRY(reserve_flow(components, flow));
  M4S_TRY(find_component(components, links, n_links, &id));
  M4S_TRY(reserve_members(&components->components[id], 1, n_links));
  put_flow(components, id, flow);
  for (int32_t hop = 0; hop < n_links; hop++) {
    m4s_component_member_t *link = &components->links[links[hop]];
    if (link->component < 0) {
      put_link(components, id, links[hop]);
    }
    link->n_flows++;
  }
  return M4S_OK;
}

// Takes a member out of a list; the last one takes its place. Returns that one.
static int32_t take_out(int32_t *members, int32_t *n, int32_t place) {
  int32_t last = members[--*n];
  members[place] = last;
  return last;
}

void m4s_components_leave(m4s_components_t *components, int32_t flow, const int32_t *links,
                          int32_t n_links) {
  int32_t id = components->flows[flow].component;
  int32_t place = components->flows[flow].place;
  m4s_component_t *component = &components->components[id];
  components->flows[take_out(component->flows, &component->n_flows, place)].place = place;
  for (int32_t hop = 0; hop < n_links; hop++) {
    m4s_component_member_t *link = &components->links[links[hop]];
    if (--link->n_flows > 0) {
      continue;
    }
    place = link->place;
    components->links[take_out(component->links, &component->n_links, place)].place = place;
    link->component = -1;
  }
  if (component->n_flows == 0) {
    release_component(components, id);
  }
}
