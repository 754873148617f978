#include "net/clos.h"

#include <stdlib.h>

#include "core/units.h"

enum { MAX_NODES = 1 << 20, MAX_CABLES = 1 << 24, MAX_GBPS = 1000000 };

// First ids of the switches (the hosts come before), and the number of nodes.
typedef struct {
  int64_t racks, fabrics, spines, n_nodes;
} layout_t;

typedef struct {
  m4s_cable_t *cables;
  int32_t n_cables;
  int64_t delay_ns;
} cables_t;

static void add_cable(cables_t *list, int64_t src, int64_t dst, int64_t gbps) {
  list->cables[list->n_cables++] = (m4s_cable_t){.src = (int32_t)src,
                                                 .dst = (int32_t)dst,
                                                 .bandwidth_bps = gbps * M4S_BPS_PER_GBPS,
                                                 .delay_ns = list->delay_ns};
}

static void add_cables(cables_t *list, const m4s_clos_t *clos, const layout_t *first) {
  for (int64_t host = 0; host < first->racks; host++) {
    add_cable(list, host, first->racks + host / clos->hosts_per_rack, clos->host_gbps);
  }
  for (int64_t rack = first->racks; rack < first->fabrics; rack++) {
    int64_t pod = (rack - first->racks) / clos->racks_per_pod;
    for (int64_t plane = 0; plane < clos->fabrics_per_pod; plane++) {
      add_cable(list, rack, first->fabrics + pod * clos->fabrics_per_pod + plane,
                clos->uplink_gbps);
    }
  }
  for (int64_t fabric = first->fabrics; fabric < first->spines; fabric++) {
    int64_t plane = (fabric - first->fabrics) % clos->fabrics_per_pod;
    for (int64_t spine = 0; spine < clos->spines_per_plane; spine++) {
      add_cable(list, fabric, first->spines + plane * clos->spines_per_plane + spine,
                clos->uplink_gbps);
    }
  }
}

static m4s_status_t lay_out(const m4s_clos_t *clos, layout_t *first) {
  if (clos->pods < 1 || clos->racks_per_pod < 1 || clos->hosts_per_rack < 1 ||
      clos->fabrics_per_pod < 1 || clos->spines_per_plane < 1) {
    return m4s_fail(M4S_ERR_INPUT,
                    "clos: pods, racks, hosts, fabrics and spines must be at least 1");
  }
  if (clos->host_gbps < 1 || clos->host_gbps > MAX_GBPS || clos->uplink_gbps < 1 ||
      clos->uplink_gbps > MAX_GBPS) {
    return m4s_fail(M4S_ERR_INPUT, "clos: links must have 1 to %d Gbps", MAX_GBPS);
  }
  // Doubles first: the products may pass 63 bits.
  double racks = (double)clos->pods * clos->racks_per_pod;
  if (racks * clos->hosts_per_rack + racks + (double)clos->pods * clos->fabrics_per_pod +
          (double)clos->fabrics_per_pod * clos->spines_per_plane >
      MAX_NODES) {
    return m4s_fail(M4S_ERR_INPUT, "clos: more than %d nodes", MAX_NODES);
  }
  first->racks = (int64_t)racks * clos->hosts_per_rack;
  first->fabrics = first->racks + (int64_t)racks;
  first->spines = first->fabrics + (int64_t)clos->pods * clos->fabrics_per_pod;
  first->n_nodes = first->spines + (int64_t)clos->fabrics_per_pod * clos->spines_per_plane;
  return M4S_OK;
}

m4s_status_t m4s_clos_create(const m4s_clos_t *clos, m4s_topology_t **topology_out) {
  layout_t first = {0};
  M4S_TRY(lay_out(clos, &first));
  int64_t n_switches = first.n_nodes - first.racks;
  int64_t n_cables = first.racks + (first.fabrics - first.racks) * clos->fabrics_per_pod +
                     (first.spines - first.fabrics) * clos->spines_per_plane;
  if (n_cables > MAX_CABLES) {
    return m4s_fail(M4S_ERR_INPUT, "clos: %lld cables, more than %d", (long long)n_cables,
                    MAX_CABLES);
  }
  cables_t list = {.cables = calloc((size_t)n_cables, sizeof *list.cables),
                   .delay_ns = clos->link_delay_ns};
  int32_t *switches = calloc((size_t)n_switches, sizeof *switches);
  m4s_status_t status = M4S_OK;
  if (list.cables == NULL || switches == NULL) {
    status = m4s_fail_memory("a Clos fabric");
    goto out;
  }
  add_cables(&list, clos, &first);
  for (int64_t i = 0; i < n_switches; i++) {
    switches[i] = (int32_t)(first.racks + i);
  }
  status = m4s_topology_create(&(m4s_topology_parts_t){.n_nodes = (int32_t)first.n_nodes,
                                                       .n_switches = (int32_t)n_switches,
                                                       .gpus_per_server = 1,
                                                       .gpu_type = "none",
                                                       .forwarders = switches,
                                                       .n_cables = list.n_cables,
                                                       .cables = list.cables},
                               "clos", topology_out);
out:
  free(list.cables);
  free(switches);
  return status;
}
