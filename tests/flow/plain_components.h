// Connected components of flows and links by plain lists that are searched from end to end: what
// flow/components.h is checked against, and its order.
#pragma once

#include "support.h"

enum { PLAIN_MAX_FLOWS = 256, PLAIN_MAX_LINKS = 256, PLAIN_MAX_HOPS = 8 };

typedef struct {
  int32_t flows[PLAIN_MAX_FLOWS], links[PLAIN_MAX_LINKS];
  int32_t n_flows, n_links;
} plain_component_t;

typedef struct {
  plain_component_t components[PLAIN_MAX_FLOWS];  // those with n_flows = 0 are free
  int32_t paths[PLAIN_MAX_FLOWS][PLAIN_MAX_HOPS];
  int32_t n_hops[PLAIN_MAX_FLOWS];  // 0: not there
} plain_t;

static inline bool holds(const int32_t *members, int32_t n, int32_t member) {
  for (int32_t i = 0; i < n; i++) {
    if (members[i] == member) {
      return true;
    }
  }
  return false;
}

static inline plain_component_t *plain_with_link(plain_t *plain, int32_t link) {
  for (int i = 0; i < PLAIN_MAX_FLOWS; i++) {
    if (holds(plain->components[i].links, plain->components[i].n_links, link)) {
      return &plain->components[i];
    }
  }
  return NULL;
}

static inline plain_component_t *plain_with_flow(plain_t *plain, int32_t flow) {
  for (int i = 0; i < PLAIN_MAX_FLOWS; i++) {
    if (holds(plain->components[i].flows, plain->components[i].n_flows, flow)) {
      return &plain->components[i];
    }
  }
  return NULL;
}

static inline plain_component_t *plain_free(plain_t *plain) {
  for (int i = 0; i < PLAIN_MAX_FLOWS; i++) {
    if (plain->components[i].n_flows == 0) {
      return &plain->components[i];
    }
  }
  fail_msg("more components than flows");
  return NULL;
}

static inline void plain_append(plain_component_t *to, const plain_component_t *from) {
  for (int32_t i = 0; i < from->n_flows; i++) {
    to->flows[to->n_flows++] = from->flows[i];
  }
  for (int32_t i = 0; i < from->n_links; i++) {
    to->links[to->n_links++] = from->links[i];
  }
}

static inline plain_component_t *plain_merge(plain_component_t *first, plain_component_t *second) {
  bool second_is_larger = second->n_flows + second->n_links > first->n_flows + first->n_links;
  plain_component_t *larger = second_is_larger ? second : first;
  plain_component_t *smaller = second_is_larger ? first : second;
  plain_append(larger, smaller);
  smaller->n_flows = 0;
  smaller->n_links = 0;
  return larger;
}

static inline void plain_join(plain_t *plain, int32_t flow) {
  plain_component_t *component = NULL;
  for (int32_t hop = 0; hop < plain->n_hops[flow]; hop++) {
    plain_component_t *touched = plain_with_link(plain, plain->paths[flow][hop]);
    if (component == NULL || touched == NULL || touched == component) {
      component = component == NULL ? touched : component;
    } else {
      component = plain_merge(component, touched);
    }
  }
  component = component == NULL ? plain_free(plain) : component;
  component->flows[component->n_flows++] = flow;
  for (int32_t hop = 0; hop < plain->n_hops[flow]; hop++) {
    if (!holds(component->links, component->n_links, plain->paths[flow][hop])) {
      component->links[component->n_links++] = plain->paths[flow][hop];
    }
  }
}

static inline void plain_take(int32_t *members, int32_t *n, int32_t member) {
  for (int32_t i = 0; i < *n; i++) {
    if (members[i] == member) {
      members[i] = members[--*n];
      return;
    }
  }
  fail_msg("%d is no member", member);
}

static inline bool plain_is_crossed(const plain_t *plain, int32_t link) {
  for (int32_t flow = 0; flow < PLAIN_MAX_FLOWS; flow++) {
    if (holds(plain->paths[flow], plain->n_hops[flow], link)) {
      return true;
    }
  }
  return false;
}

static inline void plain_leave(plain_t *plain, int32_t flow) {
  plain_component_t *component = plain_with_flow(plain, flow);
  assert_non_null(component);
  plain_take(component->flows, &component->n_flows, flow);
  int32_t n_hops = plain->n_hops[flow];
  plain->n_hops[flow] = 0;
  for (int32_t hop = 0; hop < n_hops; hop++) {
    if (!plain_is_crossed(plain, plain->paths[flow][hop])) {
      plain_take(component->links, &component->n_links, plain->paths[flow][hop]);
    }
  }
}
