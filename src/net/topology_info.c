#include "net/topology_info.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/units.h"
#include "net/tiers.h"

// Nodes that can reach each other, by breadth-first search; returns the number of such sets and the
// size of the largest.
static int32_t count_components(const m4s_topology_t *topology, int32_t *component, int32_t *queue,
                                int32_t *largest_out) {
  int32_t n_components = 0;
  *largest_out = 0;
  for (int32_t v = 0; v < topology->n_nodes; v++) {
    component[v] = -1;
  }
  for (int32_t root = 0; root < topology->n_nodes; root++) {
    if (component[root] >= 0) {
      continue;
    }
    int32_t n = 0;
    queue[n++] = root;
    component[root] = n_components;
    for (int32_t i = 0; i < n; i++) {
      int32_t v = queue[i];
      for (int32_t j = topology->adjacency_start[v]; j < topology->adjacency_start[v + 1]; j++) {
        int32_t next = topology->links[topology->adjacency[j]].dst;
        if (component[next] < 0) {
          component[next] = n_components;
          queue[n++] = next;
        }
      }
    }
    *largest_out = n > *largest_out ? n : *largest_out;
    n_components++;
  }
  return n_components;
}

typedef struct {
  int32_t lower, upper;  // tiers
  bool nvlink;
  int64_t bandwidth_bps, delay_ns;
} cable_class_t;

static int compare_classes(const void *a, const void *b) {
  const cable_class_t *x = a;
  const cable_class_t *y = b;
  const int64_t left[] = {x->lower, x->upper, !x->nvlink, -x->bandwidth_bps, x->delay_ns};
  const int64_t right[] = {y->lower, y->upper, !y->nvlink, -y->bandwidth_bps, y->delay_ns};
  for (int i = 0; i < 5; i++) {
    if (left[i] != right[i]) {
      return left[i] < right[i] ? -1 : 1;
    }
  }
  return 0;
}

static cable_class_t class_of(const m4s_topology_t *topology, const int32_t *tiers,
                              const m4s_cable_t *cable) {
  int32_t a = tiers[cable->src];
  int32_t b = tiers[cable->dst];
  return (cable_class_t){.lower = a < b ? a : b,
                         .upper = a < b ? b : a,
                         .nvlink = topology->kinds[cable->src] == M4S_NODE_NVSWITCH ||
                                   topology->kinds[cable->dst] == M4S_NODE_NVSWITCH,
                         .bandwidth_bps = cable->bandwidth_bps,
                         .delay_ns = cable->delay_ns};
}

static void print_tier(FILE *stream, int32_t tier) {
  if (tier < 0) {
    fprintf(stream, "%-9s", "detached");
  } else if (tier == 0) {
    fprintf(stream, "%-9s", "GPU");
  } else {
    fprintf(stream, "tier %-4d", tier);
  }
}

static void print_cables(const m4s_topology_t *topology, const int32_t *tiers,
                         cable_class_t *classes, FILE *stream) {
  int32_t n = topology->n_cables;
  for (int32_t i = 0; i < n; i++) {
    classes[i] = class_of(topology, tiers, &topology->cables[i]);
  }
  qsort(classes, (size_t)n, sizeof *classes, compare_classes);
  fprintf(stream, "\ncables     number  kind      from      to           bandwidth     delay\n");
  for (int32_t first = 0; first < n;) {
    int32_t end = first;
    while (end < n && compare_classes(&classes[first], &classes[end]) == 0) {
      end++;
    }
    fprintf(stream, "%17d  %-8s  ", end - first, classes[first].nvlink ? "NVLink" : "network");
    print_tier(stream, classes[first].lower);
    fprintf(stream, " ");
    print_tier(stream, classes[first].upper);
    fprintf(stream, " %9g Gbps %6lld ns\n",
            (double)classes[first].bandwidth_bps / (double)M4S_BPS_PER_GBPS,
            (long long)classes[first].delay_ns);
    first = end;
  }
}

typedef struct {
  int32_t n_switches;
  double down_gbps, up_gbps;
} tier_sum_t;

static void print_tiers(const m4s_topology_t *topology, const int32_t *tiers, int32_t n_tiers,
                        tier_sum_t *sums, FILE *stream) {
  for (int32_t v = 0; v < topology->n_nodes; v++) {
    if (topology->kinds[v] == M4S_NODE_SWITCH && tiers[v] > 0) {
      sums[tiers[v]].n_switches++;
    }
  }
  for (int32_t i = 0; i < topology->n_links; i++) {
    const m4s_link_t *link = &topology->links[i];
    int32_t tier = tiers[link->src];
    if (topology->kinds[link->src] != M4S_NODE_SWITCH || tier <= 0) {
      continue;
    }
    double gbps = (double)link->bandwidth_bps / (double)M4S_BPS_PER_GBPS;
    if (tiers[link->dst] < tier) {
      sums[tier].down_gbps += gbps;
    } else if (tiers[link->dst] > tier) {
      sums[tier].up_gbps += gbps;
    }
  }
  fprintf(stream, "\ntiers      switches     down Gbps       up Gbps  oversubscription\n");
  for (int32_t tier = 1; tier < n_tiers; tier++) {
    const tier_sum_t *sum = &sums[tier];
    if (sum->n_switches == 0) {
      continue;
    }
    fprintf(stream, "  tier %-4d %7d %13g %13g  ", tier, sum->n_switches, sum->down_gbps,
            sum->up_gbps);
    if (sum->up_gbps > 0) {
      fprintf(stream, "%.3g:1\n", sum->down_gbps / sum->up_gbps);
    } else {
      fprintf(stream, "top\n");
    }
  }
}

m4s_status_t m4s_topology_info_print(const m4s_topology_t *topology, FILE *stream) {
  size_t n_nodes = (size_t)topology->n_nodes;
  int32_t *tiers = NULL;
  int32_t *component = calloc(n_nodes, sizeof *component);
  int32_t *queue = calloc(n_nodes, sizeof *queue);
  tier_sum_t *sums = calloc(n_nodes + 1, sizeof *sums);
  cable_class_t *classes = calloc((size_t)topology->n_cables + 1, sizeof *classes);
  m4s_status_t status = m4s_tiers_make(topology, &tiers);
  if (status != M4S_OK) {
    goto out;
  }
  if (component == NULL || queue == NULL || sums == NULL || classes == NULL) {
    status = m4s_fail_memory("topology info");
    goto out;
  }
  int32_t n_tiers = 0;
  for (size_t v = 0; v < n_nodes; v++) {
    n_tiers = tiers[v] >= n_tiers ? tiers[v] + 1 : n_tiers;
  }
  int32_t largest;
  int32_t n_components = count_components(topology, component, queue, &largest);
  fprintf(stream, "nodes      %d: %d GPUs (%s, %d a server), %d NVSwitches, %d switches\n",
          topology->n_nodes, topology->n_hosts, topology->gpu_type, topology->gpus_per_server,
          topology->n_nvswitches, topology->n_switches);
  fprintf(stream, "links      %d cables, %d directed links\n", topology->n_cables,
          topology->n_links);
  fprintf(stream, "components %d%s\n", n_components, n_components == 1 ? " (connected)" : "");
  if (n_components > 1) {
    fprintf(stream, "           the largest has %d of %d nodes\n", largest, topology->n_nodes);
  }
  print_cables(topology, tiers, classes, stream);
  print_tiers(topology, tiers, n_tiers, sums, stream);
out:
  free(tiers);
  free(component);
  free(queue);
  free(sums);
  free(classes);
  return status;
}
