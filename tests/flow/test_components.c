// Components against plain lists.
#include "flow/components.h"
#include "flow/plain_components.h"

enum { N_LINKS = 48, N_FLOWS = 64, MAX_HOPS = 6, N_OPERATIONS = 60000 };

// A path of links that all differ.
static void draw_path(plain_t *plain, int32_t flow, uint64_t *random) {
  int32_t n_hops = 1 + (int32_t)support_random_below(random, MAX_HOPS);
  for (int32_t hop = 0; hop < n_hops;) {
    int32_t link = (int32_t)support_random_below(random, N_LINKS);
    if (!holds(plain->paths[flow], hop, link)) {
      plain->paths[flow][hop++] = link;
    }
  }
  plain->n_hops[flow] = n_hops;
}

static void assert_same_members(const int32_t *members, int32_t n, const int32_t *expected,
                                int32_t n_expected) {
  assert_int_equal(n, n_expected);
  for (int32_t i = 0; i < n; i++) {
    assert_int_equal(members[i], expected[i]);
  }
}

static void assert_same(const m4s_components_t *components, plain_t *plain) {
  for (int32_t flow = 0; flow < N_FLOWS; flow++) {
    if (plain->n_hops[flow] == 0) {
      continue;
    }
    const plain_component_t *expected = plain_with_flow(plain, flow);
    const m4s_component_t *component = m4s_components_of(components, flow);
    assert_same_members(component->flows, component->n_flows, expected->flows, expected->n_flows);
    assert_same_members(component->links, component->n_links, expected->links, expected->n_links);
  }
  for (int32_t link = 0; link < N_LINKS; link++) {
    bool is_member = components->links[link].component >= 0;
    assert_int_equal(is_member, plain_with_link(plain, link) != NULL);
    int32_t n_crossing = 0;
    for (int32_t flow = 0; flow < N_FLOWS; flow++) {
      n_crossing += holds(plain->paths[flow], plain->n_hops[flow], link);
    }
    assert_int_equal(components->links[link].n_flows, n_crossing);
  }
}

// Flows mostly come while `percent_joins` is high and mostly go while it is low, so that the
// numbers of flows and components swing from few to many and back.
static void components_should_follow_a_plain_model(void **state) {
  (void)state;
  static plain_t plain;
  m4s_components_t components;
  uint64_t random = 9;
  int64_t most_flows = 0, n_times_empty = 0, n_present = 0;
  ASSERT_OK(m4s_components_init(&components, N_LINKS));
  for (int i = 0; i < N_OPERATIONS; i++) {
    static const int percent_joins[] = {60, 20, 52, 80, 0};
    int32_t flow = (int32_t)support_random_below(&random, N_FLOWS);
    bool join = support_random_below(&random, 100) < percent_joins[i / 300 % 5];
    if (join && plain.n_hops[flow] == 0) {
      draw_path(&plain, flow, &random);
      ASSERT_OK(m4s_components_join(&components, flow, plain.paths[flow], plain.n_hops[flow]));
      plain_join(&plain, flow);
      n_present++;
    } else if (!join && plain.n_hops[flow] > 0) {
      m4s_components_leave(&components, flow, plain.paths[flow], plain.n_hops[flow]);
      plain_leave(&plain, flow);
      n_times_empty += --n_present == 0;
    }
    most_flows = n_present > most_flows ? n_present : most_flows;
    if (i % 7 == 0) {
      assert_same(&components, &plain);
    }
  }
  // The sequence visits what it is meant to.
  assert_true(most_flows > N_FLOWS / 2);
  assert_true(n_times_empty > 10);
  m4s_components_clear(&components);
}

// Flows 0 (links 0, 1), 1 (links 3, 4, 5), 2 (links 1, 2, 3), which joins them.
static m4s_components_t make_chain(void) {
  m4s_components_t components;
  ASSERT_OK(m4s_components_init(&components, 8));
  ASSERT_OK(m4s_components_join(&components, 0, (const int32_t[]){0, 1}, 2));
  ASSERT_OK(m4s_components_join(&components, 1, (const int32_t[]){3, 4, 5}, 3));
  assert_ptr_not_equal(m4s_components_of(&components, 0), m4s_components_of(&components, 1));
  ASSERT_OK(m4s_components_join(&components, 2, (const int32_t[]){1, 2, 3}, 3));
  return components;
}

static void merged_members_should_follow_the_larger_component(void **state) {
  (void)state;
  m4s_components_t components = make_chain();
  const m4s_component_t *component = m4s_components_of(&components, 0);
  assert_same_members(component->flows, component->n_flows, (const int32_t[]){1, 0, 2}, 3);
  assert_same_members(component->links, component->n_links, (const int32_t[]){3, 4, 5, 0, 1, 2}, 6);
  m4s_components_clear(&components);
}

static void component_should_stay_whole_until_it_empties(void **state) {
  (void)state;
  m4s_components_t components = make_chain();
  m4s_components_leave(&components, 2, (const int32_t[]){1, 2, 3}, 3);
  // Nothing joins the two that are left.
  assert_ptr_equal(m4s_components_of(&components, 0), m4s_components_of(&components, 1));
  assert_int_equal(components.links[2].component, -1);
  m4s_components_leave(&components, 0, (const int32_t[]){0, 1}, 2);
  m4s_components_leave(&components, 1, (const int32_t[]){3, 4, 5}, 3);
  for (int32_t link = 0; link < 8; link++) {
    assert_int_equal(components.links[link].component, -1);
  }
  ASSERT_OK(m4s_components_join(&components, 0, (const int32_t[]){0, 1}, 2));
  ASSERT_OK(m4s_components_join(&components, 1, (const int32_t[]){3, 4, 5}, 3));
  assert_ptr_not_equal(m4s_components_of(&components, 0), m4s_components_of(&components, 1));
  m4s_components_clear(&components);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(components_should_follow_a_plain_model),
      cmocka_unit_test(merged_members_should_follow_the_larger_component),
      cmocka_unit_test(component_should_stay_whole_until_it_empties),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
