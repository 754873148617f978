#include "sweep/given.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "flow/exchange.h"
#include "flow/fct_file.h"
#include "flow/flow_file.h"
#include "sweep/spec.h"

enum { MAX_ADDRESSES = 1 << 16 };

typedef struct {
  const m4s_given_t *given;
  m4s_topology_t *topology;  // owned
  m4s_exchange_flows_t flows;
  int reference;  // index of a name; -1: none
  json_t *spec;  // owned reference
} importer_t;

static m4s_status_t read_topology(importer_t *importer) {
  const m4s_given_t *given = importer->given;
  char *path = given->topology != NULL ? strdup(given->topology)
                                       : m4s_path_join(given->folder, "topology.txt");
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : M4S_OK;
  if (status == M4S_OK && given->topology == NULL && !m4s_path_exists(path)) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: No such file: name the network with --topology", path);
  }
  if (status == M4S_OK) {
    status = m4s_topology_read(path, &importer->topology);
  }
  free(path);
  return status;
}

static m4s_status_t choose_reference(importer_t *importer) {
  static const char *const preferred[] = {"packet", "ns3"};
  const m4s_text_list_t *names = &importer->flows.names;
  const char *wanted = importer->given->reference;
  if (wanted != NULL) {
    importer->reference = m4s_text_list_find(names, wanted);
    return importer->reference >= 0
               ? M4S_OK
               : m4s_fail(
                     M4S_ERR_INPUT, "--reference: %s has no fct_%s.npy%s", importer->given->folder,
                     wanted,
                     m4s_did_you_mean(wanted, (const char *const *)names->items, names->n_items));
  }
  importer->reference = names->n_items > 0 ? 0 : -1;
  for (size_t i = M4S_COUNT(preferred); i-- > 0;) {
    int index = m4s_text_list_find(names, preferred[i]);
    importer->reference = index >= 0 ? index : importer->reference;
  }
  return M4S_OK;
}

static m4s_status_t read_all(importer_t *importer) {
  const m4s_given_t *given = importer->given;
  M4S_TRY(read_topology(importer));
  M4S_TRY(m4s_exchange_read(given->folder, importer->topology->n_hosts, &importer->flows));
  M4S_TRY(choose_reference(importer));
  if (importer->flows.names.n_items > 0 && importer->topology->n_nodes > MAX_ADDRESSES) {
    return m4s_fail(M4S_ERR_INPUT, "%s: FCTs among %d nodes, more than the %d that have addresses",
                    given->folder, importer->topology->n_nodes, MAX_ADDRESSES);
  }
  return m4s_path_exists(given->out) ? m4s_fail(M4S_ERR_INPUT, "%s: is there already", given->out)
                                     : M4S_OK;
}

// The last part of a path that stands for a sweep's name.
static void name_of(const char *path, char *name, size_t n_name) {
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') {
    n--;
  }
  size_t start = n;
  while (start > 0 && path[start - 1] != '/') {
    start--;
  }
  snprintf(name, n_name, "%.*s", (int)(n - start), path + start);
  m4s_sweep_clean_name(name);
}

static json_t *make_simulator(const char *name) {
  char full[64];
  char command[160];
  snprintf(full, sizeof full, "given-%s", name);
  snprintf(command, sizeof command, "cp {spec_folder}/fct_%s.txt fct.txt", name);
  return json_pack("{s:s, s:s}", "name", full, "command", command);
}

static m4s_status_t add_simulators(const importer_t *importer, json_t *spec) {
  const m4s_text_list_t *names = &importer->flows.names;
  json_t *simulators = json_object_get(spec, "simulators");
  for (size_t i = 0; i < names->n_items; i++) {
    if (json_array_append_new(simulators, make_simulator(names->items[i])) != 0) {
      return m4s_fail_memory("a spec");
    }
  }
  return importer->reference < 0 ||
                 json_object_set_new(
                     spec, "reference",
                     json_pack("s+", "given-", names->items[importer->reference])) == 0
             ? M4S_OK
             : m4s_fail_memory("a spec");
}

static m4s_status_t make_spec(importer_t *importer) {
  char name[100];
  name_of(importer->given->out, name, sizeof name);
  json_t *spec =
      json_pack("{s:s, s:s+, s:[s], s:{s:{s:s, s:s}, s:{s:s, s:s}}}", "name", name, "title",
                "Flows of ", name, "simulators", "flowsim", "base", "topology", "kind", "file",
                "file", "topology.txt", "traffic", "kind", "flows", "flow_list", "flows.csv");
  importer->spec = spec;
  M4S_TRY(spec == NULL ? m4s_fail_memory("a spec") : add_simulators(importer, spec));
  m4s_sweep_t *sweep = NULL;
  m4s_status_t status = m4s_sweep_from_json(spec, "spec.json", ".", &sweep);
  m4s_sweep_destroy(sweep);
  return status;
}

typedef struct {
  const importer_t *importer;
  size_t i_name;
} file_t;

static m4s_status_t write_spec(const file_t *file, const char *path) {
  return m4s_json_write(path, file->importer->spec);
}

static m4s_status_t write_flows(const file_t *file, const char *path) {
  const m4s_exchange_flows_t *flows = &file->importer->flows;
  return m4s_flow_file_write(path, flows->records, flows->n_flows);
}

static m4s_status_t write_topology(const file_t *file, const char *path) {
  return m4s_topology_write(file->importer->topology, path);
}

static m4s_status_t write_fcts(const file_t *file, const char *path) {
  const m4s_exchange_flows_t *flows = &file->importer->flows;
  return m4s_fct_file_write(path, flows->records, flows->fct_ns[file->i_name], flows->n_flows);
}

static m4s_status_t write_file(const importer_t *importer, const char *name, size_t i_name,
                               m4s_status_t (*write)(const file_t *file, const char *path)) {
  const file_t file = {.importer = importer, .i_name = i_name};
  char *path = m4s_path_join(importer->given->out, name);
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : write(&file, path);
  free(path);
  return status;
}

static m4s_status_t write_all(const importer_t *importer) {
  M4S_TRY(m4s_folder_make(importer->given->out));
  M4S_TRY(write_file(importer, "flows.csv", 0, write_flows));
  M4S_TRY(write_file(importer, "topology.txt", 0, write_topology));
  for (size_t i = 0; i < importer->flows.names.n_items; i++) {
    char name[64];
    snprintf(name, sizeof name, "fct_%s.txt", importer->flows.names.items[i]);
    M4S_TRY(write_file(importer, name, i, write_fcts));
  }
  return write_file(importer, "spec.json", 0, write_spec);
}

m4s_status_t m4s_given_import(const m4s_given_t *given, int64_t *n_flows_out, size_t *n_fcts_out) {
  importer_t importer = {.given = given};
  m4s_status_t status = read_all(&importer);
  if (status == M4S_OK) {
    status = make_spec(&importer);
  }
  if (status == M4S_OK) {
    status = write_all(&importer);
    if (status != M4S_OK) {
      status = m4s_path_remove_after(status, given->out);
    }
  }
  if (status == M4S_OK) {
    *n_flows_out = importer.flows.n_flows;
    *n_fcts_out = importer.flows.names.n_items;
  }
  json_decref(importer.spec);
  m4s_exchange_flows_clear(&importer.flows);
  m4s_topology_destroy(importer.topology);
  return status;
}
