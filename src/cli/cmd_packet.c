// m4sweep packet: one simulation from the files of the HPCC family of ns-3 programs.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "packet/hpcc_case.h"
#include "stats/summary.h"

typedef struct {
  char *topology, *flows, *fct, *paths, *pfc, *qlen;
  int profile;
  int64_t seed;
  double time_limit_s;
} options_t;

static const char *const profiles[] = {"hpcc", "simai", "m4", NULL};

static const m4s_field_t fields[] = {
    {.name = "profile",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(options_t, profile),
     .fallback = "hpcc",
     .choices = profiles,
     .help = "the code base whose rules hold: ns-3 of HPCC, of SimAI, of m4"},
    {.name = "topology",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, topology),
     .unit = "FILE",
     .help = "topology, of the HPCC or the SimAI format (default: TOPOLOGY_FILE of CONFIG)"},
    {.name = "flows",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, flows),
     .unit = "FILE",
     .help = "flows (default: FLOW_FILE of CONFIG)"},
    {.name = "fct",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, fct),
     .unit = "FILE",
     .help = "write completion times as the profile's fct.txt"},
    {.name = "paths",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, paths),
     .unit = "FILE",
     .help = "write the nodes that each flow passes (path_1.txt)"},
    {.name = "pfc",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, pfc),
     .unit = "FILE",
     .help = "write the pauses of ports (pfc.txt)"},
    {.name = "qlen",
     .kind = M4S_FIELD_TEXT,
     .offset = offsetof(options_t, qlen),
     .unit = "FILE",
     .help = "write distributions of queue lengths (qlen.txt)"},
    M4S_OPTION_SEED(options_t, "of random ECN marking"),
    {.name = "time_limit",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(options_t, time_limit_s),
     .unit = "s",
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .help = "wall-clock time after which the run is given up; 0: none"},
};

// A file to be written after the run: better refused before it.
static m4s_status_t check_output(const char *option, const char *path) {
  struct stat info;
  if (path == NULL) {
    return M4S_OK;
  }
  char *folder = m4s_path_folder(path);
  if (folder == NULL) {
    return m4s_fail_memory("a path");
  }
  m4s_status_t status = M4S_OK;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: %s is a folder", option, path);
  } else if (path[0] == '\0' || access(folder, W_OK) != 0) {
    status = m4s_fail(M4S_ERR_INPUT, "%s: \"%s\" cannot be written: %s", option, path,
                      path[0] == '\0' ? "no name" : strerror(errno));
  } else if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode)) {
    status =
        m4s_fail(M4S_ERR_INPUT, "%s: %s cannot be written: %s is no folder", option, path, folder);
  }
  free(folder);
  return status;
}

static m4s_status_t check_outputs(const options_t *options) {
  M4S_TRY(check_output("--fct", options->fct));
  M4S_TRY(check_output("--paths", options->paths));
  M4S_TRY(check_output("--pfc", options->pfc));
  return check_output("--qlen", options->qlen);
}

static m4s_status_t write_output(const char *path, const m4s_text_t *text) {
  return path == NULL ? M4S_OK
                      : m4s_file_write(path, text->bytes == NULL ? "" : text->bytes, text->length);
}

static m4s_status_t write_outputs(const options_t *options, const m4s_hpcc_outputs_t *outputs) {
  M4S_TRY(write_output(options->fct, &outputs->fct));
  M4S_TRY(write_output(options->paths, &outputs->paths));
  M4S_TRY(write_output(options->pfc, &outputs->pauses));
  return write_output(options->qlen, &outputs->queues);
}

static m4s_status_t print_slowdowns(const m4s_hpcc_result_t *result) {
  double *slowdowns = calloc((size_t)result->n_flows, sizeof *slowdowns);
  double *sorted = NULL;
  size_t n = 0;
  if (slowdowns == NULL) {
    return m4s_fail_memory("slowdowns");
  }
  for (int64_t i = 0; i < result->n_flows; i++) {
    if (result->fct_ns[i] >= 0) {
      slowdowns[n++] = (double)result->fct_ns[i] / (double)result->ideal_ns[i];
    }
  }
  m4s_summary_t summary;
  m4s_status_t status = m4s_summary_make("slowdowns", slowdowns, n, &summary);
  if (status == M4S_OK) {
    status = m4s_samples_sort("slowdowns", slowdowns, n, &sorted);
  }
  if (status == M4S_OK && n > 0) {
    printf("slowdown      mean %.4f, p50 %.4f, p90 %.4f, p99 %.4f, max %.4f\n", summary.mean,
           summary.median, summary.p90, m4s_quantile_of_sorted(sorted, n, 0.99), summary.max);
  }
  free(slowdowns);
  free(sorted);
  return status;
}

static m4s_status_t print_summary(const m4s_hpcc_result_t *result, double wall_s) {
  const m4s_packet_counts_t *counts = &result->counts;
  printf("flows         %" PRId64 " of %" PRId64 " completed\n", result->n_completed,
         result->n_flows);
  M4S_TRY(print_slowdowns(result));
  printf("simulated     %.3f us\n", (double)result->end_ns / 1e3);
  printf("packets       %" PRId64 " data, %" PRId64 " ACK; %" PRId64 " transmissions, %" PRId64
         " at a time at most\n",
         counts->data_packets, counts->ack_packets, counts->transmissions, counts->peak_packets);
  printf("switches      %" PRId64 " packets marked, %" PRId64 " dropped, %" PRId64 " pauses\n",
         counts->marked, counts->dropped, counts->pauses);
  printf("events        %" PRId64 " in %.3f s\n", counts->events, wall_s);
  return M4S_OK;
}

// What is left of the flows, if any is; false if flows can never complete.
static bool tell_unfinished(const m4s_hpcc_result_t *result) {
  int64_t n = result->n_flows - result->n_completed;
  if (result->unfinished != NULL) {
    m4s_log(M4S_LOG_WARN, "%" PRId64 " of the flows did not complete: %s", n, result->unfinished);
  } else if (n > 0) {
    m4s_log(M4S_LOG_WARN, "%" PRId64 " of the flows did not complete until SIMULATOR_STOP_TIME", n);
  }
  return result->unfinished == NULL;
}

static int run(const void *values, int n_arguments, char **arguments) {
  (void)n_arguments;
  const options_t *options = values;
  const m4s_hpcc_paths_t paths = {
      .config = arguments[0], .topology = options->topology, .flows = options->flows};
  const m4s_run_limits_t limits = {.time_limit_s = options->time_limit_s};
  m4s_hpcc_outputs_t outputs = {.wants_fct = options->fct != NULL,
                                .wants_paths = options->paths != NULL,
                                .wants_pauses = options->pfc != NULL,
                                .wants_queues = options->qlen != NULL};
  m4s_hpcc_case_t one = {0};
  m4s_hpcc_result_t result = {0};
  double wall_s = 0;
  bool good = true;
  m4s_status_t status = m4s_hpcc_case_read(&paths, (m4s_packet_profile_t)options->profile, &one);
  if (status == M4S_OK) {
    status = check_outputs(options);
  }
  if (status == M4S_OK) {
    one.config.rules.seed = (uint64_t)options->seed;
    wall_s = -m4s_now_s();
    status = m4s_hpcc_case_run(&one, &limits, &outputs, &result);
    wall_s += m4s_now_s();
  }
  if (status == M4S_OK) {
    status = write_outputs(options, &outputs);
  }
  if (status == M4S_OK) {
    status = print_summary(&result, wall_s);
    good = tell_unfinished(&result);
  }
  m4s_hpcc_result_clear(&result);
  m4s_hpcc_outputs_clear(&outputs);
  m4s_hpcc_case_clear(&one);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  return good ? M4S_EXIT_OK : M4S_EXIT_FAILURE;
}

const m4s_command_t m4s_command_packet = {
    .name = "packet",
    .arguments = "CONFIG",
    .summary = "simulate packets from a configuration of the HPCC family of ns-3 programs",
    .details =
        "CONFIG names the files of topology and flows, relative to its own folder; its output "
        "files and\n"
        "monitors are read over, but QLEN_MON_START and QLEN_MON_END hold for --qlen. Exit status "
        "1 if flows\n"
        "can never complete: there is no retransmission timeout.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = fields,
    .n_options = M4S_COUNT(fields),
    .options_bytes = sizeof(options_t),
    .run = run,
};
