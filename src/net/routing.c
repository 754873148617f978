#include "net/routing.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"

// The breadth-first search from one node ("root"): every node's distance to it, and when it was
// met. A host with a single cable has no tree of its own: it uses the tree of its only neighbour,
// one hop away.
typedef struct {
  uint16_t *hops;  // [n_nodes], UNREACHED where there is no path
  int32_t *met_at;  // [n_nodes], position in the search
} tree_t;

enum { UNREACHED = UINT16_MAX };

// Paths found so far: open addressing over (src, dst).
typedef struct {
  int32_t src, dst;  // src < 0: free
  int32_t n_links;
  const int32_t *links;  // [n_links], in an arena block
  m4s_pair_facts_t *facts;  // owned; NULL: not asked for yet
} path_t;

enum { ARENA_LINKS = 1 << 14 };

typedef struct arena {
  struct arena *previous;
  size_t n_used;
  size_t capacity;
  int32_t links[];
} arena_t;

// A next hop.
typedef struct {
  int32_t met_at, link;
} candidate_t;

// Trees are forgotten, oldest first, beyond this.
enum { MAX_TREE_BYTES = 512 << 20 };

const char *const m4s_paths_names[] = {"flow", "pair", NULL};

struct m4s_routing {
  const m4s_topology_t *topology;
  m4s_ecmp_seed_t seed;
  m4s_paths_t paths_of_flows;
  int64_t packet_bit_ns;  // 8e9 * bytes of a full packet
  tree_t *trees;  // [n_nodes], made when first needed
  int32_t *kept;  // [n_nodes], roots of the trees that are there, a ring buffer
  int32_t n_kept, first_kept, max_kept;
  int32_t *queue;  // [n_nodes], scratch of the search
  candidate_t *candidates;  // [n_nodes], scratch
  path_t *paths;
  size_t n_paths, path_capacity;  // capacity: a power of two
  arena_t *arena;
  int32_t *scratch;  // [n_nodes], links of the path being found
};

m4s_status_t m4s_routing_create(const m4s_topology_t *topology, m4s_routing_t **routing_out) {
  m4s_routing_t *routing = calloc(1, sizeof *routing);
  if (routing == NULL) {
    return m4s_fail_memory("routing");
  }
  size_t n_nodes = (size_t)topology->n_nodes;
  routing->topology = topology;
  routing->paths_of_flows = M4S_PATHS_PAIR;
  m4s_routing_set_packet_bytes(routing, 1000);
  routing->trees = calloc(n_nodes, sizeof *routing->trees);
  routing->queue = calloc(n_nodes, sizeof *routing->queue);
  routing->kept = calloc(n_nodes, sizeof *routing->kept);
  routing->candidates = calloc(n_nodes, sizeof *routing->candidates);
  routing->scratch = calloc(n_nodes + 1, sizeof *routing->scratch);
  size_t tree_bytes = n_nodes * (sizeof(uint16_t) + sizeof(int32_t));
  size_t max_kept = MAX_TREE_BYTES / tree_bytes + 1;
  routing->max_kept = max_kept < n_nodes ? (int32_t)max_kept : topology->n_nodes;
  if (routing->trees == NULL || routing->queue == NULL || routing->scratch == NULL ||
      routing->kept == NULL || routing->candidates == NULL) {
    m4s_routing_destroy(routing);
    return m4s_fail_memory("routing");
  }
  *routing_out = routing;
  return M4S_OK;
}

void m4s_routing_set_ecmp_seed(m4s_routing_t *routing, m4s_ecmp_seed_t seed) {
  routing->seed = seed;
}

void m4s_routing_set_paths(m4s_routing_t *routing, m4s_paths_t paths) {
  routing->paths_of_flows = paths;
}

void m4s_routing_set_packet_bytes(m4s_routing_t *routing, int64_t packet_bytes) {
  routing->packet_bit_ns = packet_bytes * INT64_C(8000000000);
}

void m4s_routing_destroy(m4s_routing_t *routing) {
  if (routing == NULL) {
    return;
  }
  for (int32_t i = 0; routing->trees != NULL && i < routing->topology->n_nodes; i++) {
    free(routing->trees[i].hops);
    free(routing->trees[i].met_at);
  }
  for (size_t i = 0; i < routing->path_capacity; i++) {
    free(routing->paths[i].facts);
  }
  while (routing->arena != NULL) {
    arena_t *previous = routing->arena->previous;
    free(routing->arena);
    routing->arena = previous;
  }
  free(routing->trees);
  free(routing->queue);
  free(routing->kept);
  free(routing->candidates);
  free(routing->scratch);
  free(routing->paths);
  free(routing);
}

// Hosts end the search but where it starts.
static void search(m4s_routing_t *routing, int32_t root, tree_t *tree) {
  const m4s_topology_t *topology = routing->topology;
  memset(tree->hops, 0xff, (size_t)topology->n_nodes * sizeof *tree->hops);
  int32_t *queue = routing->queue;
  int32_t n_met = 0;
  tree->hops[root] = 0;
  tree->met_at[root] = n_met;
  queue[n_met++] = root;
  for (int32_t i = 0; i < n_met; i++) {
    int32_t node = queue[i];
    if ((node != root && topology->kinds[node] == M4S_NODE_HOST) ||
        tree->hops[node] == UNREACHED - 1) {
      continue;
    }
    for (int32_t j = topology->adjacency_start[node]; j < topology->adjacency_start[node + 1];
         j++) {
      int32_t next = topology->links[topology->adjacency[j]].dst;
      if (tree->hops[next] == UNREACHED) {
        tree->hops[next] = (uint16_t)(tree->hops[node] + 1);
        tree->met_at[next] = n_met;
        queue[n_met++] = next;
      }
    }
  }
}

// The node whose tree leads to `host`: itself, or its only neighbour if that is a switch.
static int32_t tree_root(const m4s_topology_t *topology, int32_t host) {
  int32_t access = m4s_topology_access_switch(topology, host);
  return access >= 0 ? access : host;
}

// Notes that a tree is there; where there are too many, the oldest goes.
static void keep_tree(m4s_routing_t *routing, int32_t root) {
  if (routing->n_kept == routing->max_kept) {
    tree_t *oldest = &routing->trees[routing->kept[routing->first_kept]];
    free(oldest->hops);
    free(oldest->met_at);
    *oldest = (tree_t){0};
    routing->kept[routing->first_kept] = root;
    routing->first_kept = (routing->first_kept + 1) % routing->max_kept;
  } else {
    routing->kept[routing->n_kept++] = root;
  }
}

static m4s_status_t get_tree(m4s_routing_t *routing, int32_t root, const tree_t **tree_out) {
  tree_t *tree = &routing->trees[root];
  if (tree->hops == NULL) {
    size_t n_nodes = (size_t)routing->topology->n_nodes;
    uint16_t *hops = malloc(n_nodes * sizeof *hops);
    int32_t *met_at = malloc(n_nodes * sizeof *met_at);
    if (hops == NULL || met_at == NULL) {
      free(hops);
      free(met_at);
      return m4s_fail_memory("routing");
    }
    *tree = (tree_t){.hops = hops, .met_at = met_at};
    search(routing, root, tree);
    keep_tree(routing, root);
  }
  *tree_out = tree;
  return M4S_OK;
}

// The NVSwitch that both hosts connect to, -1 if there is none.
static int32_t common_nvswitch(const m4s_topology_t *topology, int32_t src, int32_t dst) {
  for (int32_t j = topology->adjacency_start[src]; j < topology->adjacency_start[src + 1]; j++) {
    int32_t next = topology->links[topology->adjacency[j]].dst;
    if (topology->kinds[next] == M4S_NODE_NVSWITCH &&
        m4s_topology_find_link(topology, next, dst) >= 0) {
      return next;
    }
  }
  return -1;
}

// Whether `next` is one hop nearer to the tree's root than `node`. Hosts do not relay: a host that
// is nearer counts only if it is the root itself.
static bool leads_on(const m4s_topology_t *topology, const tree_t *tree, int32_t node,
                     int32_t next) {
  return tree->hops[next] + 1 == tree->hops[node] &&
         (topology->kinds[next] != M4S_NODE_HOST || tree->hops[next] == 0);
}

static int compare_candidates(const void *a, const void *b) {
  const candidate_t *left = a;
  const candidate_t *right = b;
  return (left->met_at > right->met_at) - (left->met_at < right->met_at);
}

// Puts the next hops from `node` towards the tree's root into routing->candidates, in the order in
// which the search met them; returns their number.
static uint32_t list_next_hops(m4s_routing_t *routing, const tree_t *tree, int32_t node) {
  const m4s_topology_t *topology = routing->topology;
  candidate_t *candidates = routing->candidates;
  uint32_t n = 0;
  bool only_nvswitches = false;
  bool in_order = true;  // as in regular fabrics
  for (int32_t j = topology->adjacency_start[node]; j < topology->adjacency_start[node + 1]; j++) {
    int32_t link = topology->adjacency[j];
    int32_t next = topology->links[link].dst;
    bool nvswitch = topology->kinds[next] == M4S_NODE_NVSWITCH;
    if (!leads_on(topology, tree, node, next) || (only_nvswitches && !nvswitch)) {
      continue;
    }
    if (nvswitch && !only_nvswitches) {
      only_nvswitches = true;
      n = 0;
    }
    in_order &= n == 0 || candidates[n - 1].met_at < tree->met_at[next];
    candidates[n++] = (candidate_t){.met_at = tree->met_at[next], .link = link};
  }
  assert(n > 0);  // the tree reaches the node
  if (!in_order) {
    qsort(candidates, n, sizeof *candidates, compare_candidates);
  }
  return n;
}

// The choice-th of the next hops, taken modulo their number. Returns the link.
static int32_t next_hop(m4s_routing_t *routing, const tree_t *tree, int32_t node, uint32_t choice) {
  uint32_t n = list_next_hops(routing, tree, node);
  return routing->candidates[choice % n].link;
}

// Address of a host as 32 bits: 10.(id >> 8).(id & 255).1.
static uint32_t address(int32_t host) {
  return UINT32_C(0x0a000001) + ((uint32_t)host >> 8 << 16) + (((uint32_t)host & 255) << 8);
}

static uint32_t rotate_left(uint32_t x, int n) { return x << n | x >> (32 - n); }

// The 32-bit murmur3 hash of the key's 12 bytes: how the HPCC family of simulators, SimAI's back
// ends among them, chooses among equal next hops.
static uint32_t key_hash(const m4s_flow_key_t *flow, uint32_t seed) {
  const uint32_t key[3] = {flow->src_address, flow->dst_address,
                           flow->src_port | (uint32_t)flow->dst_port << 16};
  uint32_t h = seed;
  for (int i = 0; i < 3; i++) {
    h ^= rotate_left(key[i] * UINT32_C(0xcc9e2d51), 15) * UINT32_C(0x1b873593);
    h = rotate_left(h, 13) * 5 + UINT32_C(0xe6546b64);
  }
  h ^= sizeof key;
  h = (h ^ h >> 16) * UINT32_C(0x85ebca6b);
  h = (h ^ h >> 13) * UINT32_C(0xc2b2ae35);
  return h ^ h >> 16;
}

// The key of all flows of a pair: source and destination port are constants in SimAI's fluid ones.
static m4s_flow_key_t pair_key(int32_t src, int32_t dst) {
  enum { SOURCE_PORT = 10006, DESTINATION_PORT = 100 };
  return (m4s_flow_key_t){.src_address = address(src),
                          .dst_address = address(dst),
                          .src_port = SOURCE_PORT,
                          .dst_port = DESTINATION_PORT};
}

static m4s_status_t no_path(int32_t src, int32_t dst) {
  return m4s_fail(M4S_ERR_INPUT, "there is no path from GPU %d to GPU %d", src, dst);
}

// Finds the links from src to dst into routing->scratch, by the key's hash with this seed; without
// a key always the first next hop.
static m4s_status_t find_path(m4s_routing_t *routing, int32_t src, int32_t dst,
                              const m4s_flow_key_t *key, m4s_ecmp_seed_t seed,
                              int32_t *n_links_out) {
  const m4s_topology_t *topology = routing->topology;
  if (src < 0 || src >= topology->n_hosts || dst < 0 || dst >= topology->n_hosts || src == dst) {
    return m4s_fail(M4S_ERR_INPUT, "no path from %d to %d: GPUs are 0 to %d and differ", src, dst,
                    topology->n_hosts - 1);
  }
  int32_t *links = routing->scratch;
  int32_t nvswitch = common_nvswitch(topology, src, dst);
  if (nvswitch >= 0) {
    links[0] = m4s_topology_find_link(topology, src, nvswitch);
    links[1] = m4s_topology_find_link(topology, nvswitch, dst);
    *n_links_out = 2;
    return M4S_OK;
  }
  int32_t root = tree_root(topology, dst);
  const tree_t *tree = NULL;
  M4S_TRY(get_tree(routing, root, &tree));
  int32_t n_links = 0;
  int32_t node = src;
  if (tree->hops[src] == UNREACHED) {
    return no_path(src, dst);
  }
  while (node != root) {
    uint32_t own = seed == M4S_ECMP_SEED_SOURCE ? address(src) : (uint32_t)node;
    uint32_t choice = key == NULL ? 0 : key_hash(key, own);
    links[n_links] = next_hop(routing, tree, node, choice);
    node = topology->links[links[n_links++]].dst;
  }
  if (root != dst) {
    links[n_links++] = m4s_topology_find_link(topology, root, dst);
  }
  *n_links_out = n_links;
  return M4S_OK;
}

static size_t path_slot(const m4s_routing_t *routing, int32_t src, int32_t dst) {
  uint64_t key = (uint64_t)(uint32_t)src << 32 | (uint32_t)dst;
  size_t slot = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (routing->path_capacity - 1);
  while (routing->paths[slot].src >= 0 &&
         (routing->paths[slot].src != src || routing->paths[slot].dst != dst)) {
    slot = (slot + 1) & (routing->path_capacity - 1);
  }
  return slot;
}

static m4s_status_t grow_paths(m4s_routing_t *routing) {
  size_t old_capacity = routing->path_capacity;
  size_t capacity = old_capacity == 0 ? 256 : 2 * old_capacity;
  path_t *old = routing->paths;
  path_t *paths = calloc(capacity, sizeof *paths);
  if (paths == NULL) {
    return m4s_fail_memory("routing");
  }
  for (size_t i = 0; i < capacity; i++) {
    paths[i].src = -1;
  }
  routing->paths = paths;
  routing->path_capacity = capacity;
  for (size_t i = 0; i < old_capacity; i++) {
    if (old[i].src >= 0) {
      paths[path_slot(routing, old[i].src, old[i].dst)] = old[i];
    }
  }
  free(old);
  return M4S_OK;
}

static int32_t *arena_take(m4s_routing_t *routing, int32_t n_links) {
  arena_t *arena = routing->arena;
  if (arena == NULL || arena->capacity - arena->n_used < (size_t)n_links) {
    size_t capacity = n_links > ARENA_LINKS ? (size_t)n_links : ARENA_LINKS;
    arena = malloc(sizeof *arena + capacity * sizeof *arena->links);
    if (arena == NULL) {
      return NULL;
    }
    *arena = (arena_t){.previous = routing->arena, .capacity = capacity};
    routing->arena = arena;
  }
  int32_t *links = arena->links + arena->n_used;
  arena->n_used += (size_t)n_links;
  return links;
}

// Copies the path that was found last to where it stays.
static m4s_status_t keep_links(m4s_routing_t *routing, int32_t n_links, const int32_t **links_out) {
  int32_t *links = arena_take(routing, n_links);
  if (links == NULL) {
    return m4s_fail_memory("routing");
  }
  memcpy(links, routing->scratch, (size_t)n_links * sizeof *links);
  *links_out = links;
  return M4S_OK;
}

// The entry of a pair, with its path.
static m4s_status_t get_path(m4s_routing_t *routing, int32_t src, int32_t dst, path_t **path_out) {
  if (2 * (routing->n_paths + 1) > routing->path_capacity) {
    M4S_TRY(grow_paths(routing));
  }
  path_t *path = &routing->paths[path_slot(routing, src, dst)];
  if (path->src < 0) {
    int32_t n_links = 0;
    const m4s_flow_key_t key = pair_key(src, dst);
    M4S_TRY(find_path(routing, src, dst, &key, routing->seed, &n_links));
    const int32_t *links;
    M4S_TRY(keep_links(routing, n_links, &links));
    *path = (path_t){.src = src, .dst = dst, .n_links = n_links, .links = links};
    routing->n_paths++;
  }
  *path_out = path;
  return M4S_OK;
}

m4s_status_t m4s_routing_path(m4s_routing_t *routing, int32_t src, int32_t dst,
                              const int32_t **links_out, int32_t *n_links_out) {
  path_t *path = NULL;
  M4S_TRY(get_path(routing, src, dst, &path));
  *links_out = path->links;
  *n_links_out = path->n_links;
  return M4S_OK;
}

m4s_status_t m4s_routing_flow_path(m4s_routing_t *routing, int32_t src, int32_t dst,
                                   const m4s_flow_key_t *key, const int32_t **links_out,
                                   int32_t *n_links_out) {
  M4S_TRY(find_path(routing, src, dst, key, M4S_ECMP_SEED_NODE, n_links_out));
  *links_out = routing->scratch;
  return M4S_OK;
}

m4s_status_t m4s_routing_path_of_flow(m4s_routing_t *routing, m4s_paths_t paths, int64_t id,
                                      int32_t src, int32_t dst, const int32_t **links_out,
                                      int32_t *n_links_out) {
  enum { FIRST_PORT = 10000, N_PORTS = 50000, DESTINATION_PORT = 100 };
  if (paths == M4S_PATHS_PAIR) {
    return m4s_routing_path(routing, src, dst, links_out, n_links_out);
  }
  const m4s_flow_key_t key = {.src_address = (uint32_t)src,
                              .dst_address = (uint32_t)dst,
                              .src_port = (uint16_t)(FIRST_PORT + id % N_PORTS),
                              .dst_port = DESTINATION_PORT};
  return m4s_routing_flow_path(routing, src, dst, &key, links_out, n_links_out);
}

m4s_status_t m4s_routing_keep_path_of_flow(m4s_routing_t *routing, int64_t id, int32_t src,
                                           int32_t dst, const int32_t **links_out,
                                           int32_t *n_links_out) {
  M4S_TRY(m4s_routing_path_of_flow(routing, routing->paths_of_flows, id, src, dst, links_out,
                                   n_links_out));
  return routing->paths_of_flows == M4S_PATHS_PAIR ? M4S_OK
                                                   : keep_links(routing, *n_links_out, links_out);
}

// The facts of a path with one more link. One full packet is serialised at every hop.
static m4s_pair_facts_t add_link(const m4s_routing_t *routing, m4s_pair_facts_t facts,
                                 const m4s_link_t *link) {
  facts.base_rtt_ns += 2 * link->delay_ns + routing->packet_bit_ns / link->bandwidth_bps;
  facts.propagation_rtt_ns += 2 * link->delay_ns;
  if (link->bandwidth_bps < facts.bottleneck_bps) {
    facts.bottleneck_bps = link->bandwidth_bps;
  }
  facts.n_links++;
  return facts;
}

m4s_status_t m4s_routing_next_hops(m4s_routing_t *routing, int32_t node, int32_t dst,
                                   const int32_t **links_out, int32_t *n_links_out) {
  const m4s_topology_t *topology = routing->topology;
  int32_t *links = routing->scratch;
  int32_t nvswitch =
      topology->kinds[node] == M4S_NODE_HOST ? common_nvswitch(topology, node, dst) : -1;
  int32_t root = tree_root(topology, dst);
  int32_t n = 1;
  if (nvswitch >= 0 || node == root) {
    links[0] = m4s_topology_find_link(topology, node, nvswitch >= 0 ? nvswitch : dst);
  } else {
    const tree_t *tree = NULL;
    M4S_TRY(get_tree(routing, root, &tree));
    if (tree->hops[node] == UNREACHED) {
      return no_path(node, dst);
    }
    n = (int32_t)list_next_hops(routing, tree, node);
    for (int32_t i = 0; i < n; i++) {
      links[i] = routing->candidates[i].link;
    }
  }
  *links_out = links;
  *n_links_out = n;
  return M4S_OK;
}

static m4s_status_t find_facts(m4s_routing_t *routing, int32_t src, int32_t dst,
                               m4s_pair_facts_t *facts_out) {
  int32_t n_links = 0;
  M4S_TRY(find_path(routing, src, dst, NULL, routing->seed, &n_links));
  m4s_pair_facts_t facts = {.bottleneck_bps = INT64_MAX};
  for (int32_t i = 0; i < n_links; i++) {
    facts = add_link(routing, facts, &routing->topology->links[routing->scratch[i]]);
  }
  *facts_out = facts;
  return M4S_OK;
}

m4s_status_t m4s_routing_pair_facts(m4s_routing_t *routing, int32_t src, int32_t dst,
                                    m4s_pair_facts_t *facts_out) {
  path_t *path = NULL;
  M4S_TRY(get_path(routing, src, dst, &path));
  if (path->facts == NULL) {
    m4s_pair_facts_t facts = {0};
    M4S_TRY(find_facts(routing, src, dst, &facts));
    path->facts = malloc(sizeof *path->facts);
    if (path->facts == NULL) {
      return m4s_fail_memory("routing");
    }
    *path->facts = facts;
  }
  *facts_out = *path->facts;
  return M4S_OK;
}

// The facts of every node that a tree reaches, from its root outwards: each adds its first next hop
// to those of the node there. The root's are set.
static void spread_facts(m4s_routing_t *routing, const tree_t *tree, m4s_pair_facts_t *facts) {
  const m4s_topology_t *topology = routing->topology;
  int32_t *met = routing->queue;
  int32_t n_met = 0;
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    if (tree->hops[node] != UNREACHED) {
      met[tree->met_at[node]] = node;
      n_met++;
    }
  }
  for (int32_t i = 1; i < n_met; i++) {
    const m4s_link_t *link = &topology->links[next_hop(routing, tree, met[i], 0)];
    facts[met[i]] = add_link(routing, facts[link->dst], link);
  }
}

m4s_status_t m4s_routing_facts_towards(m4s_routing_t *routing, int32_t dst,
                                       m4s_pair_facts_t *facts_out) {
  const m4s_topology_t *topology = routing->topology;
  const m4s_pair_facts_t none = {.bottleneck_bps = INT64_MAX};
  int32_t root = tree_root(topology, dst);
  const tree_t *tree = NULL;
  M4S_TRY(get_tree(routing, root, &tree));
  memset(facts_out, 0, (size_t)topology->n_nodes * sizeof *facts_out);
  facts_out[root] =
      root == dst
          ? none
          : add_link(routing, none, &topology->links[m4s_topology_find_link(topology, root, dst)]);
  spread_facts(routing, tree, facts_out);
  for (int32_t src = 0; src < topology->n_hosts; src++) {
    int32_t nvswitch = src == dst ? -1 : common_nvswitch(topology, src, dst);
    if (nvswitch >= 0) {
      int32_t first = m4s_topology_find_link(topology, src, nvswitch);
      int32_t second = m4s_topology_find_link(topology, nvswitch, dst);
      facts_out[src] = add_link(routing, add_link(routing, none, &topology->links[first]),
                                &topology->links[second]);
    }
  }
  facts_out[dst] = (m4s_pair_facts_t){0};
  return M4S_OK;
}

int64_t m4s_ideal_fct_ns(const m4s_pair_facts_t *facts, int64_t wire_bytes) {
  // 128 bits: 8e9 times a few hundred MB passes 63.
  __extension__ typedef __int128 wide_t;
  wide_t fct_ns =
      facts->base_rtt_ns + (wide_t)wire_bytes * INT64_C(8000000000) / facts->bottleneck_bps;
  return fct_ns < M4S_TIME_MAX_NS ? (int64_t)fct_ns : M4S_TIME_MAX_NS;
}
