#include "sweep/point.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "sweep/setting.h"

static const char *const topology_kinds[] = {"gpu-cluster", "clos", "file", NULL};

static const m4s_field_t topology_fields[] = {
    {.name = "kind",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_point_t, topology.kind),
     .fallback = "gpu-cluster",
     .choices = topology_kinds,
     .help = "made from the settings below, or read from a file"},
    {.name = "file",
     .kind = M4S_FIELD_PATH,
     .offset = offsetof(m4s_point_t, topology.file),
     .help = "topology file in the SimAI format, for kind \"file\""},
};

static const m4s_field_t traffic_fields[] = {
    {.name = "kind",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_point_t, traffic.kind),
     .fallback = "workload",
     .choices = m4s_traffic_kinds,
     .help = "collectives of a workload file, random flows, flows of a file, synchronised phases"},
    {.name = "workload",
     .kind = M4S_FIELD_PATH,
     .offset = offsetof(m4s_point_t, traffic.workload),
     .help = "SimAI / AICB workload file, for kind \"workload\""},
    {.name = "flow_list",
     .kind = M4S_FIELD_PATH,
     .offset = offsetof(m4s_point_t, traffic.flow_list),
     .help = "CSV file with columns src, dst, size_bytes, start_ns, for kind \"flows\""},
    {.name = "paths",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_point_t, traffic.mix.paths),
     .fallback = "flow",
     .choices = m4s_paths_names,
     .help = "not of workloads, equal paths: each flow by its own ports, or one a pair of hosts"},
    {.name = "in_flight",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_point_t, traffic.in_flight),
     .unit = "flows",
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .help = "of a mix or a file: flows that a rack or host has under way at once; 0: any number"},
    {.name = "in_flight_of",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_point_t, traffic.in_flight_of),
     .fallback = "rack",
     .choices = m4s_in_flight_names,
     .help = "what in_flight is counted for, by sources"},
};

static const char *const traces[] = {"none", "events", "states", NULL};

static const m4s_field_t output_fields[] = {
    {.name = "flows",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_point_t, output.flows),
     .fallback = "true",
     .help = "write every flow's record to flows.npy; of packet also packet_flows.npy"},
    {.name = "links",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_point_t, output.links),
     .fallback = "false",
     .help =
         "write bytes and busy time of every directed link to links.csv; of packet queues, too"},
    {.name = "trace",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_point_t, output.trace),
     .fallback = "none",
     .choices = traces,
     .help = "packet: write arrivals and completions to trace/, or the flows and queues at each"},
};

static const m4s_field_t run_fields[] = {
    {.name = "seed",
     .kind = M4S_FIELD_INT,
     .offset = offsetof(m4s_point_t, run.seed),
     .fallback = "1",
     .min = 0,
     .max = 9007199254740991.0,
     .help = "of the point's random numbers"},
    {.name = "time_limit_s",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_point_t, run.time_limit_s),
     .unit = "s",
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .help = "time that a point may take for itself before it counts as failed; 0: none"},
};

const m4s_section_t m4s_point_sections[] = {
    {"topology", topology_fields, M4S_COUNT(topology_fields), 0, "the network"},
    {"topology", m4s_gpu_cluster_fields, M4S_N_GPU_CLUSTER_FIELDS,
     offsetof(m4s_point_t, topology.cluster), "of kind \"gpu-cluster\""},
    {"topology", m4s_clos_fields, M4S_N_CLOS_FIELDS, offsetof(m4s_point_t, topology.clos),
     "of kind \"clos\""},
    {"traffic", traffic_fields, M4S_COUNT(traffic_fields), 0, "what is sent"},
    {"traffic", m4s_load_mix_fields, M4S_N_LOAD_MIX_FIELDS, offsetof(m4s_point_t, traffic.mix),
     "of kind \"mix\""},
    {"traffic", m4s_phases_fields, M4S_N_PHASES_FIELDS, offsetof(m4s_point_t, traffic.phases),
     "of kind \"phases\": each starts when the former one is complete"},
    {"system", m4s_collective_fields, M4S_N_COLLECTIVE_FIELDS, offsetof(m4s_point_t, system),
     "how ranks and their transport behave, with traffic of kind \"workload\""},
    {"packets", m4s_wire_fields, M4S_N_WIRE_FIELDS, offsetof(m4s_point_t, wire),
     "what is sent beside the payload"},
    {"flowsim", m4s_flowsim_fields, M4S_N_FLOWSIM_FIELDS, offsetof(m4s_point_t, flowsim),
     "the max-min fair fluid simulator"},
    {"m4", m4s_m4_fields, M4S_N_M4_FIELDS, offsetof(m4s_point_t, m4),
     "the learned flow-level simulator"},
    {"packet", m4s_packet_fields, M4S_N_PACKET_FIELDS, offsetof(m4s_point_t, packet),
     "the packet-level simulator"},
    {"output", output_fields, M4S_COUNT(output_fields), 0, "what is kept of a point"},
    {"run", run_fields, M4S_COUNT(run_fields), 0, "how a point is run"},
};
const size_t m4s_n_point_sections = M4S_COUNT(m4s_point_sections);

static void *section_object(const m4s_section_t *section, m4s_point_t *point) {
  return (char *)point + section->offset;
}

static m4s_status_t set_section(m4s_point_t *point, const char *name, const json_t *values,
                                const char *where) {
  char place[512];
  snprintf(place, sizeof place, "%s.%s", where, name);
  if (!json_is_object(values)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not an object {...}", place, m4s_json_show(values));
  }
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)values, key, value) {
    m4s_setting_t setting;
    M4S_TRY(m4s_setting_find_in(name, key, place, &setting));
    char key_place[640];
    snprintf(key_place, sizeof key_place, "%s.%s", place, key);
    M4S_TRY(m4s_field_set_json(setting.field, section_object(setting.section, point), value,
                               key_place));
  }
  return M4S_OK;
}

// Makes the paths of files absolute.
static m4s_status_t join_paths(m4s_point_t *point, const char *folder) {
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    for (size_t j = 0; j < section->n_fields; j++) {
      if (section->fields[j].kind != M4S_FIELD_PATH) {
        continue;
      }
      char **path =
          (char **)(void *)((char *)section_object(section, point) + section->fields[j].offset);
      if (*path != NULL && (*path)[0] != '/') {
        char *joined = m4s_path_join(folder, *path);
        if (joined == NULL) {
          return m4s_fail_memory("a file name");
        }
        free(*path);
        *path = joined;
      }
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_point_set(m4s_point_t *point, const json_t *settings, const char *folder,
                           const char *where) {
  *point = (m4s_point_t){0};
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    M4S_TRY(m4s_fields_set_defaults(section->fields, section->n_fields,
                                    section_object(section, point)));
  }
  if (!json_is_object(settings)) {
    return m4s_fail(M4S_ERR_INPUT, "%s: %s is not an object {...}", where, m4s_json_show(settings));
  }
  const char *name;
  json_t *values;
  json_object_foreach((json_t *)settings, name, values) {
    M4S_TRY(m4s_setting_check_section(name, where));
    M4S_TRY(set_section(point, name, values, where));
  }
  point->system.wire = point->flowsim.wire = point->m4.wire = point->wire;
  point->m4.ideal =
      point->traffic.kind == M4S_TRAFFIC_WORKLOAD ? M4S_M4_IDEAL_PAIR : M4S_M4_IDEAL_PATH;
  return join_paths(point, folder);
}

void m4s_point_clear(m4s_point_t *point) {
  for (size_t i = 0; i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    m4s_fields_clear(section->fields, section->n_fields, section_object(section, point));
  }
}

json_t *m4s_point_resolved(const m4s_point_t *point) {
  json_t *settings = json_object();
  for (size_t i = 0; settings != NULL && i < m4s_n_point_sections; i++) {
    const m4s_section_t *section = &m4s_point_sections[i];
    json_t *values = m4s_fields_get_json(section->fields, section->n_fields,
                                         (const char *)point + section->offset);
    json_t *before = json_object_get(settings, section->name);
    bool ok = values != NULL;
    if (ok && before != NULL) {
      ok = json_object_update(before, values) == 0;
      json_decref(values);
    } else if (ok) {
      ok = json_object_set_new(settings, section->name, values) == 0;
    }
    if (!ok) {
      json_decref(settings);
      settings = NULL;
    }
  }
  return settings;
}
