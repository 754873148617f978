// In the folder of the run:
//
//   external/topology.txt   the point's network
//   external/flows.txt      its flows, where it has no workload
//   external/log.txt        the program's output
//   external/out/           where it runs, and its files
#define _GNU_SOURCE
#include "sweep/external_run.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/process.h"
#include "core/text.h"
#include "core/units.h"
#include "flow/fct_file.h"
#include "packet/hpcc_flows.h"
#include "sweep/flow_metrics.h"

enum { PATIENCE_MS = 50, LOG_TAIL_BYTES = 4096, MAX_LINE_BYTES = 200, MAX_FILE_BYTES = 16 << 20 };

struct m4s_external_run {
  const m4s_external_place_t *place;
  const m4s_point_t *point;
  const m4s_topology_t *topology;
  const m4s_workload_t *workload;  // NULL: flows
  m4s_flow_traffic_t *flows;
  char *folder, *out, *log, *topology_file, *flow_file;  // owned
  double time_limit_s;  // 0: none
  m4s_process_t *process;  // owned; NULL before the start
  char *end_to_end_file;  // owned; NULL before it is found
  m4s_external_result_t result;
};

void m4s_external_run_destroy(m4s_external_run_t *run) {
  if (run == NULL) {
    return;
  }
  m4s_process_destroy(run->process);
  if (run->folder != NULL) {
    m4s_path_remove(run->folder);  // where that fails, the next run does it
  }
  m4s_end_to_end_clear(&run->result.times);
  free(run->result.records);
  free(run->end_to_end_file);
  free(run->topology_file);
  free(run->flow_file);
  free(run->log);
  free(run->out);
  free(run->folder);
  free(run);
}

// --- start ---

// The program runs in another folder: paths are absolute.
static m4s_status_t name_files(m4s_external_run_t *run) {
  char *folder = realpath(run->place->folder, NULL);
  if (folder == NULL) {
    return m4s_fail(M4S_ERR_IO, "%s: %s", run->place->folder, strerror(errno));
  }
  run->folder = m4s_path_join(folder, "external");
  free(folder);
  if (run->folder != NULL) {
    run->out = m4s_path_join(run->folder, "out");
    run->log = m4s_path_join(run->folder, "log.txt");
    run->topology_file = m4s_path_join(run->folder, "topology.txt");
    run->flow_file = m4s_path_join(run->folder, "flows.txt");
  }
  return run->out == NULL || run->log == NULL || run->topology_file == NULL ||
                 run->flow_file == NULL
             ? m4s_fail_memory("a file name")
             : M4S_OK;
}

static m4s_status_t begin(m4s_external_run_t *run) {
  M4S_TRY(name_files(run));
  M4S_TRY(m4s_path_remove(run->folder));
  M4S_TRY(m4s_folder_make(run->out));
  if (run->workload != NULL) {
    return m4s_topology_write(run->topology, run->topology_file);
  }
  M4S_TRY(m4s_topology_write_hpcc(run->topology, run->topology_file));
  return m4s_hpcc_flows_write(run->flow_file, run->flows->records, run->flows->n_flows,
                              run->place->external->flow_ids);
}

m4s_status_t m4s_external_run_begin(const m4s_external_inputs_t *inputs,
                                    m4s_external_run_t **run_out) {
  m4s_external_run_t *run = calloc(1, sizeof *run);
  if (run == NULL) {
    return m4s_fail_memory("a run");
  }
  double own_limit_s = inputs->place->external->time_limit_s;
  run->place = inputs->place;
  run->point = inputs->point;
  run->topology = inputs->topology;
  run->workload = inputs->workload;
  run->flows = inputs->flows;
  run->time_limit_s = own_limit_s > 0 ? own_limit_s : inputs->point->run.time_limit_s;
  m4s_status_t status = begin(run);
  if (status != M4S_OK) {
    m4s_external_run_destroy(run);
    return status;
  }
  *run_out = run;
  return M4S_OK;
}

// Whether a variable is replaced, or tells a rank of an MPI job what it is: the program is none.
static bool is_left_out(const char *variable, const json_t *given) {
  static const char *const prefixes[] = {"OMPI_", "PMIX_", "PMI_", "PRTE_"};
  char name[256];
  size_t n = strcspn(variable, "=");
  snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), variable);
  bool left_out = json_object_get(given, name) != NULL;
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    left_out = left_out || strncmp(name, prefixes[i], strlen(prefixes[i])) == 0;
  }
  return left_out;
}

// "NAME=value", with those of the definition.
static m4s_status_t list_environment(const json_t *given, m4s_text_list_t *list) {
  const char *name;
  json_t *value;
  for (char *const *variable = environ; *variable != NULL; variable++) {
    if (!is_left_out(*variable, given)) {
      M4S_TRY(m4s_text_list_add(list, *variable));
    }
  }
  json_object_foreach((json_t *)(uintptr_t)given, name, value) {
    m4s_text_t text = {0};
    m4s_status_t status = m4s_text_add(&text, "%s=%s", name, json_string_value(value));
    if (status == M4S_OK) {
      status = m4s_text_list_add(list, text.bytes);
    }
    m4s_text_clear(&text);
    M4S_TRY(status);
  }
  return M4S_OK;
}

static m4s_status_t start_with(m4s_external_run_t *run, const char *command,
                               const m4s_text_list_t *environment) {
  const char **variables = calloc(environment->n_items + 1, sizeof *variables);
  if (variables == NULL) {
    return m4s_fail_memory("an environment");
  }
  for (size_t i = 0; i < environment->n_items; i++) {
    variables[i] = environment->items[i];
  }
  const m4s_process_config_t config = {
      .command = command, .folder = run->out, .log = run->log, .environment = variables};
  m4s_status_t status = m4s_process_start(&config, &run->process);
  free((void *)variables);
  return status;
}

static m4s_status_t make_command(const m4s_external_run_t *run, char **command_out) {
  json_t *settings = m4s_point_resolved(run->point);
  if (settings == NULL) {
    return m4s_fail_memory("a command");
  }
  const m4s_external_values_t values = {.workload = run->point->traffic.workload,
                                        .flows = run->flow_file,
                                        .topology = run->topology_file,
                                        .out = run->out,
                                        .case_id = run->place->case_id,
                                        .spec_folder = run->place->spec_folder,
                                        .settings = settings};
  m4s_status_t status = m4s_external_command(run->place->external, &values, command_out);
  json_decref(settings);
  return status;
}

static m4s_status_t start(m4s_external_run_t *run) {
  char *command;
  m4s_text_list_t environment = {0};
  M4S_TRY(make_command(run, &command));
  m4s_status_t status = list_environment(run->place->external->environment, &environment);
  if (status == M4S_OK) {
    status = start_with(run, command, &environment);
  }
  m4s_text_list_clear(&environment);
  free(command);
  return status;
}

// --- end ---

// The last line of the log that is not empty, with ": " before it; "" if there is none.
static void read_last_line(const m4s_external_run_t *run, char line[MAX_LINE_BYTES + 3]) {
  char tail[LOG_TAIL_BYTES + 1];
  FILE *log = fopen(run->log, "re");
  size_t n = 0;
  line[0] = '\0';
  if (log != NULL) {
    if (fseeko(log, -LOG_TAIL_BYTES, SEEK_END) != 0) {
      rewind(log);
    }
    n = fread(tail, 1, LOG_TAIL_BYTES, log);
    fclose(log);
  }
  while (n > 0 && (unsigned char)tail[n - 1] <= ' ') {
    n--;
  }
  size_t start = n;
  while (start > 0 && tail[start - 1] != '\n' && tail[start - 1] != '\r') {
    start--;
  }
  for (size_t i = start; i < n; i++) {
    tail[i] = (unsigned char)tail[i] < ' ' ? ' ' : tail[i];
  }
  if (n > start) {
    snprintf(line, MAX_LINE_BYTES + 3, ": %.*s", (int)(n - start), tail + start);
  }
}

static m4s_status_t wait_for_end(const m4s_external_run_t *run, const atomic_bool *stop) {
  double start_s = m4s_now_s();
  bool ended = false;
  while (!ended) {
    double left_s = run->time_limit_s - (m4s_now_s() - start_s);
    if (stop != NULL && atomic_load(stop)) {
      return m4s_fail(M4S_ERR_STOPPED, "stopped");
    }
    if (run->time_limit_s > 0 && !(left_s > 0)) {
      return m4s_fail(M4S_ERR_TIME_LIMIT, "time limit of %g s passed", run->time_limit_s);
    }
    bool soon = run->time_limit_s > 0 && left_s * 1e3 < PATIENCE_MS;
    M4S_TRY(m4s_process_wait(run->process, soon ? left_s * 1e3 : PATIENCE_MS, &ended));
  }
  return M4S_OK;
}

static m4s_status_t check_end(const m4s_external_run_t *run) {
  char problem[64];
  char line[MAX_LINE_BYTES + 3];
  if (m4s_process_succeeded(run->process, problem, sizeof problem)) {
    return M4S_OK;
  }
  read_last_line(run, line);
  return m4s_fail(M4S_ERR_SIMULATION, "the command ended with %s%s", problem, line);
}

// --- its files ---

// The pattern in the program's folder, whose own name is no pattern.
static m4s_status_t make_pattern(const m4s_external_run_t *run, const char *pattern,
                                 m4s_text_t *text) {
  for (const char *c = run->out; *c != '\0'; c++) {
    M4S_TRY(m4s_text_add(text, "%s%c", strchr("*?[\\", *c) != NULL ? "\\" : "", *c));
  }
  return m4s_text_add(text, "/%s", pattern);
}

// The one file of a pattern.
static m4s_status_t take_match(const m4s_external_run_t *run, const char *pattern,
                               const glob_t *matches, char **path_out) {
  if (matches->gl_pathc == 0) {
    char line[MAX_LINE_BYTES + 3];
    read_last_line(run, line);
    return m4s_fail(M4S_ERR_SIMULATION, "the command has written no {out}/%.200s%s", pattern, line);
  }
  size_t n = strlen(run->out);
  if (matches->gl_pathc > 1) {
    return m4s_fail(M4S_ERR_SIMULATION, "%zu files are {out}/%.200s: {out}%.200s, {out}%.200s …",
                    (size_t)matches->gl_pathc, pattern, matches->gl_pathv[0] + n,
                    matches->gl_pathv[1] + n);
  }
  *path_out = strdup(matches->gl_pathv[0]);
  return *path_out == NULL ? m4s_fail_memory("a file name") : M4S_OK;
}

static m4s_status_t find_file(const m4s_external_run_t *run, const char *pattern, char **path_out) {
  m4s_text_t text = {0};
  glob_t matches = {0};
  m4s_status_t status = make_pattern(run, pattern, &text);
  if (status == M4S_OK && glob(text.bytes, 0, NULL, &matches) == GLOB_NOSPACE) {
    status = m4s_fail_memory("file names");
  }
  if (status == M4S_OK) {
    status = take_match(run, pattern, &matches, path_out);
  }
  globfree(&matches);
  m4s_text_clear(&text);
  return status;
}

// Errors name files as the definition does: the folder is a temporary one.
static m4s_status_t in_out(const m4s_external_run_t *run, m4s_status_t status) {
  char message[512];
  size_t n = strlen(run->out);
  if (strncmp(m4s_last_error(), run->out, n) != 0) {
    return status;
  }
  snprintf(message, sizeof message, "%s", m4s_last_error() + n);
  return m4s_fail(status, "{out}%s", message);
}

static m4s_status_t read_times(m4s_external_run_t *run) {
  M4S_TRY(find_file(run, run->place->external->end_to_end, &run->end_to_end_file));
  m4s_status_t status = m4s_end_to_end_read(run->end_to_end_file, &run->result.times);
  if (status != M4S_OK) {
    return in_out(run, status);
  }
  if (run->result.times.n_layers != (size_t)run->workload->n_layers) {
    return m4s_fail(M4S_ERR_INPUT, "{out}%s: has %zu layers, the workload has %d",
                    run->end_to_end_file + strlen(run->out), run->result.times.n_layers,
                    (int)run->workload->n_layers);
  }
  return M4S_OK;
}

static m4s_status_t read_flows(m4s_external_run_t *run) {
  const char *pattern = run->place->external->fct;
  bool is_workload = run->workload != NULL;
  char *path;
  if (pattern == NULL && is_workload) {
    return M4S_OK;
  }
  M4S_TRY(find_file(run, pattern == NULL ? "fct.txt" : pattern, &path));
  m4s_status_t status = is_workload
                            ? m4s_fct_file_read(path, run->topology->n_nodes, &run->result.records,
                                                &run->result.n_records)
                            : m4s_fct_file_read_times(path, run->topology->n_nodes,
                                                      run->flows->records, run->flows->n_flows);
  free(path);
  return status == M4S_OK ? M4S_OK : in_out(run, status);
}

m4s_status_t m4s_external_run_advance(m4s_external_run_t *run, const atomic_bool *stop) {
  if (stop != NULL && atomic_load(stop)) {
    return m4s_fail(M4S_ERR_STOPPED, "stopped");
  }
  M4S_TRY(start(run));
  m4s_status_t status = wait_for_end(run, stop);
  m4s_process_end(run->process);  // what it has left behind as well
  M4S_TRY(status);
  M4S_TRY(check_end(run));
  if (run->workload != NULL) {
    M4S_TRY(read_times(run));
  }
  return read_flows(run);
}

const m4s_external_result_t *m4s_external_run_result(const m4s_external_run_t *run) {
  return &run->result;
}

// All ranks have finished when rank 0 has and the last flow has ended: what comes after that in
// other ranks the files do not tell.
static double makespan_us(const m4s_external_result_t *result) {
  double makespan_us = result->times.total_us;
  for (int64_t i = 0; i < result->n_records; i++) {
    const m4s_flow_record_t *record = &result->records[i];
    double end_us = m4s_ns_to_us(record->start_ns + record->fct_ns);
    makespan_us = end_us > makespan_us ? end_us : makespan_us;
  }
  return makespan_us;
}

static m4s_status_t copy_file(const char *from, const char *folder, const char *name) {
  char *bytes;
  size_t n_bytes;
  M4S_TRY(m4s_file_read(from, MAX_FILE_BYTES, &bytes, &n_bytes));
  char *to = m4s_path_join(folder, name);
  m4s_status_t status =
      to == NULL ? m4s_fail_memory("a file name") : m4s_file_write(to, bytes, n_bytes);
  free(to);
  free(bytes);
  return status;
}

static m4s_status_t write_flows(const m4s_external_run_t *run, const m4s_flow_record_t *records,
                                int64_t n_records, const char *folder) {
  if (records == NULL || !run->point->output.flows) {
    return M4S_OK;
  }
  char *path = m4s_path_join(folder, "flows.npy");
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name")
                                     : m4s_flow_records_write(path, records, (size_t)n_records);
  free(path);
  return status;
}

m4s_status_t m4s_external_run_finish(const m4s_external_run_t *run, const char *folder,
                                     json_t **metrics_out) {
  if (run->workload == NULL) {
    M4S_TRY(folder == NULL ? M4S_OK
                           : write_flows(run, run->flows->records, run->flows->n_flows, folder));
    return m4s_flow_metrics_make(run->flows, -1, metrics_out);
  }
  const m4s_external_result_t *result = &run->result;
  bool has_flows = result->records != NULL;
  const m4s_point_measures_t measures = {.total_us = result->times.total_us,
                                         .exposed_comm_us = result->times.exposed_comm_us,
                                         .comm_us = result->times.comm_us,
                                         .n_layers = run->workload->n_layers,
                                         .n_flows = has_flows ? result->n_records : -1,
                                         .makespan_us = has_flows ? makespan_us(result) : -1,
                                         .n_events = -1};
  if (folder != NULL) {
    M4S_TRY(copy_file(run->end_to_end_file, folder, "EndToEnd.csv"));
    M4S_TRY(write_flows(run, result->records, result->n_records, folder));
  }
  return m4s_point_metrics_make(&measures, metrics_out);
}

m4s_status_t m4s_external_run_keep_log(m4s_external_run_t *run, const char *folder,
                                       bool *kept_out) {
  char *path = m4s_path_join(folder, "external.log");
  m4s_status_t status = path == NULL ? m4s_fail_memory("a file name") : M4S_OK;
  *kept_out = m4s_path_exists(run->log);
  if (status == M4S_OK && *kept_out && rename(run->log, path) != 0) {
    status = m4s_fail(M4S_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
  }
  free(path);
  return status == M4S_OK ? m4s_path_remove(run->folder) : status;
}
