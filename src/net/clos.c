#include "net/clos.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/units.h"

enum { MAX_NODES = 1 << 20, MAX_CABLES = 1 << 24, MAX_GBPS = 1000000 };

// --- settings ---

// The sizes of the published studies: the first two at 1:1, the last the 32 hosts of m4's training.
static const char *const size_names[] = {"small", "large", "training", NULL};
static const m4s_clos_t sizes[] = {
    {.pods = 2,
     .racks_per_pod = 16,
     .hosts_per_rack = 8,
     .fabrics_per_pod = 2,
     .spines_per_plane = 16},
    {.pods = 8,
     .racks_per_pod = 48,
     .hosts_per_rack = 16,
     .fabrics_per_pod = 4,
     .spines_per_plane = 48},
    {.pods = 1, .racks_per_pod = 4, .hosts_per_rack = 8, .fabrics_per_pod = 2},
};

#define FIELD(member_, unit_, fallback_, min_, max_, help_) \
  { \
    .name = #member_, .kind = M4S_FIELD_INT, .offset = offsetof(m4s_clos_config_t, clos.member_), \
    .unit = unit_, .fallback = fallback_, .min = min_, .max = max_, .help = help_ \
  }
const m4s_field_t m4s_clos_fields[] = {
    {.name = "size",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_clos_config_t, size),
     .fallback = "small",
     .choices = size_names,
     .help = "counts that are not set: 2 x 16 x 8 hosts, 8 x 48 x 16, 1 x 4 x 8"},
    FIELD(pods, NULL, "0", 0, 1 << 16, "pods; 0: as the size has"),
    FIELD(racks_per_pod, NULL, "0", 0, 1 << 16, "racks in a pod; 0: as the size has"),
    FIELD(hosts_per_rack, NULL, "0", 0, 1 << 16, "hosts in a rack; 0: as the size has"),
    FIELD(fabrics_per_pod, NULL, "0", 0, 1 << 16, "fabric switches in a pod; 0: as the size has"),
    FIELD(spines_per_plane, NULL, "0", 0, 1 << 16, "spines of a fabric switch; 0: as the size has"),
    FIELD(host_gbps, "Gbps", "10", 1, MAX_GBPS, "host to rack, each direction"),
    FIELD(uplink_gbps, "Gbps", "40", 1, MAX_GBPS, "rack to fabric and fabric to spine"),
    FIELD(link_delay_ns, "ns", "1000", 0, 1e9, "propagation delay of all cables"),
    {.name = "oversubscription",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_clos_config_t, oversubscription),
     .fallback = "0",
     .min = 0,
     .max = 1 << 20,
     .help = "at fabric switches (one pod: at racks), by the number of switches above; 0: as "
             "counts say"},
};

static int64_t given_or(int64_t given, int64_t fallback) { return given != 0 ? given : fallback; }

// The number of switches above with which `down` (their sum of bandwidths, in units of one uplink)
// is oversubscribed as asked for.
static m4s_status_t count_switches(double down, double oversubscription, const char *what,
                                   const char *origin, int64_t *n_out) {
  double wanted = down / oversubscription;
  double n = floor(wanted + 0.5);
  // Ratios such as 1.3333 are meant as 4/3.
  if (n >= 1 && fabs(wanted - n) <= 1e-3 * n) {
    *n_out = (int64_t)n;
    return M4S_OK;
  }
  double below = floor(wanted);
  if (below < 1) {
    return m4s_fail(M4S_ERR_INPUT,
                    "%s: oversubscription: %.6g takes %.4g %s (nearest valid: %.6g with 1)", origin,
                    oversubscription, wanted, what, down);
  }
  return m4s_fail(M4S_ERR_INPUT,
                  "%s: oversubscription: %.6g takes %.4g %s (nearest valid: %.6g with %.0f, %.6g "
                  "with %.0f)",
                  origin, oversubscription, wanted, what, down / below, below, down / (below + 1),
                  below + 1);
}

static m4s_status_t set_oversubscription(const m4s_clos_config_t *config, const char *origin,
                                         m4s_clos_t *clos) {
  bool one_pod = clos->pods == 1;
  int64_t given = one_pod ? config->clos.fabrics_per_pod : config->clos.spines_per_plane;
  if (given != 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: oversubscription: follows from %s, set only one of them",
                    origin, one_pod ? "fabrics_per_pod" : "spines_per_plane");
  }
  if (one_pod) {
    double down = (double)(clos->hosts_per_rack * clos->host_gbps) / (double)clos->uplink_gbps;
    return count_switches(down, config->oversubscription, "fabric switches a pod", origin,
                          &clos->fabrics_per_pod);
  }
  return count_switches((double)clos->racks_per_pod, config->oversubscription, "spines a plane",
                        origin, &clos->spines_per_plane);
}

m4s_status_t m4s_clos_resolve(const m4s_clos_config_t *config, const char *origin,
                              m4s_clos_t *clos_out) {
  const m4s_clos_t *named = &sizes[config->size];
  m4s_clos_t clos = config->clos;
  clos.pods = given_or(clos.pods, named->pods);
  clos.racks_per_pod = given_or(clos.racks_per_pod, named->racks_per_pod);
  clos.hosts_per_rack = given_or(clos.hosts_per_rack, named->hosts_per_rack);
  clos.fabrics_per_pod = given_or(clos.fabrics_per_pod, named->fabrics_per_pod);
  if (clos.pods > 1) {
    // A size without spines gets those for 1:1.
    clos.spines_per_plane =
        given_or(clos.spines_per_plane, given_or(named->spines_per_plane, clos.racks_per_pod));
  }
  if (config->oversubscription > 0) {
    M4S_TRY(set_oversubscription(config, origin, &clos));
  }
  *clos_out = clos;
  return M4S_OK;
}

// --- the graph ---

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
      clos->fabrics_per_pod < 1 || clos->spines_per_plane < (clos->pods > 1)) {
    return m4s_fail(M4S_ERR_INPUT,
                    "clos: pods, racks, hosts, fabrics and, with several pods, spines must be at "
                    "least 1");
  }
  if (clos->host_gbps < 1 || clos->host_gbps > MAX_GBPS || clos->uplink_gbps < 1 ||
      clos->uplink_gbps > MAX_GBPS) {
    return m4s_fail(M4S_ERR_INPUT, "clos: links must have 1 to %d Gbps", MAX_GBPS);
  }
  // Doubles first: the products may pass 63 bits.
  double racks = (double)clos->pods * (double)clos->racks_per_pod;
  double nodes =
      racks * (double)clos->hosts_per_rack + racks +
      (double)clos->fabrics_per_pod * ((double)clos->pods + (double)clos->spines_per_plane);
  if (nodes > MAX_NODES) {
    return m4s_fail(M4S_ERR_INPUT, "clos: %.15g nodes, more than %d", nodes, MAX_NODES);
  }
  first->racks = clos->pods * clos->racks_per_pod * clos->hosts_per_rack;
  first->fabrics = first->racks + clos->pods * clos->racks_per_pod;
  first->spines = first->fabrics + clos->pods * clos->fabrics_per_pod;
  first->n_nodes = first->spines + clos->fabrics_per_pod * clos->spines_per_plane;
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
