// m4sweep train: trains an m4 network on data sets, alone or on the ranks of an MPI job.
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "core/log.h"
#include "dispatch/comm.h"
#include "report/loss_figure.h"
#include "train/train.h"

typedef struct {
  char *out;
  bool fresh;
  double time_limit_s;
} options_t;

static const m4s_field_t options[] = {
    M4S_OPTION_OUT(options_t, "DIR", "folder of the network; default: results/<name of the spec>"),
    M4S_OPTION_FRESH(options_t, "begin anew, whatever the folder holds"),
    M4S_OPTION_TIME_LIMIT(options_t,
                          "end with the round that is under way then; the same command goes on"),
};

static void sum(void *context, double *values, int64_t n) {
  const m4s_comm_t *comm = context;
  if (MPI_Allreduce(MPI_IN_PLACE, values, (int)n, MPI_DOUBLE, MPI_SUM, comm->comm) != MPI_SUCCESS) {
    m4s_log(M4S_LOG_ERROR, "the ranks' gradients cannot be summed up");
    m4s_comm_abort(comm, M4S_EXIT_FAILURE);
  }
}

// A network is not lost for want of its figure.
static void tell(const char *folder) {
  printf("network: %s/model.safetensors\n", folder);
  if (m4s_loss_figure_write(folder) != M4S_OK) {
    m4s_log(M4S_LOG_WARN, "%s", m4s_last_error());
  }
}

static m4s_status_t train(const char *spec_path, const options_t *given, m4s_comm_t *comm) {
  m4s_train_spec_t spec;
  char fallback[512];
  m4s_status_t status = m4s_train_spec_read(spec_path, &spec);
  if (status == M4S_OK) {
    const m4s_train_ranks_t ranks = {
        .rank = comm->rank, .n_ranks = comm->n_ranks, .sum = sum, .context = comm};
    const m4s_train_options_t how = {
        .time_limit_s = given->time_limit_s, .fresh = given->fresh, .text = stdout};
    snprintf(fallback, sizeof fallback, "results/%s", spec.name);
    const char *folder = given->out == NULL ? fallback : given->out;
    status = m4s_train(&spec, folder, &ranks, &how);
    if (status == M4S_OK && comm->rank == 0) {
      tell(folder);
    }
  }
  m4s_train_spec_clear(&spec);
  return status;
}

static int run(const void *given, int n_arguments, char **arguments) {
  (void)n_arguments;
  m4s_comm_t comm;
  m4s_status_t status = m4s_comm_open(&comm);
  if (status != M4S_OK) {
    return m4s_cli_failed(status);
  }
  status = train(arguments[0], given, &comm);
  int code = status == M4S_OK ? M4S_EXIT_OK : m4s_cli_failed(status);
  if (status != M4S_OK && comm.n_ranks > 1) {
    m4s_comm_abort(&comm, code);  // the other ranks wait for this one's gradients
  }
  m4s_comm_close(&comm, code);
  return code;
}

const m4s_command_t m4s_command_train = {
    .name = "train",
    .arguments = "SPEC",
    .summary = "train an m4 network on data sets",
    .details =
        "SPEC: {\"name\": NAME, \"datasets\": [DIR, ...], \"network\": {...}, \"training\": "
        "{...}}; DIRs are\n"
        "what m4sweep dataset has made, src/train/README.md lists the settings. Paths in it (DIRs, "
        "the\n"
        "file \"initial\" of \"network\") are relative to its folder. Rounds are appended to "
        "log.csv, which\n"
        "loss.png shows in the end; the best network so far is in model.safetensors. The same "
        "command\n"
        "again goes on from the last finished round.",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .n_options = M4S_COUNT(options),
    .options_bytes = sizeof(options_t),
    .run = run,
    .on_all_ranks = true,
};
