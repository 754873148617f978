#include "dispatch/comm.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/text.h"

// How long ranks wait for each other at the end: a minute.
enum { WATCH_TICK_US = 100000, CLOSE_TICKS = 600 };

static const double MIN_PATIENCE_MS = 0.05;

static m4s_status_t check(int code, const char *call) {
  if (code == MPI_SUCCESS) {
    return M4S_OK;
  }
  char reason[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  MPI_Error_string(code, reason, &length);
  return m4s_fail(M4S_ERR_MPI, "%s: %s", call, reason);
}

#define TRY_MPI(call) M4S_TRY(check(call, #call))

struct m4s_sends {
  MPI_Request *requests;  // owned, [n]
  char **texts;  // owned, [n], owned: what is being sent
  int n, capacity;
};

static m4s_status_t reserve(m4s_sends_t *sends) {
  if (sends->n < sends->capacity) {
    return M4S_OK;
  }
  int capacity = sends->capacity == 0 ? 16 : 2 * sends->capacity;
  MPI_Request *requests = realloc(sends->requests, (size_t)capacity * sizeof *requests);
  if (requests == NULL) {
    return m4s_fail_memory("a message");
  }
  sends->requests = requests;
  char **texts = realloc((void *)sends->texts, (size_t)capacity * sizeof *texts);
  if (texts == NULL) {
    return m4s_fail_memory("a message");
  }
  sends->texts = texts;
  sends->capacity = capacity;
  return M4S_OK;
}

// Forgets the messages that have left.
static m4s_status_t sweep_up(m4s_sends_t *sends) {
  int n_left = 0;
  for (int i = 0; i < sends->n; i++) {
    int sent = 0;
    TRY_MPI(MPI_Test(&sends->requests[i], &sent, MPI_STATUS_IGNORE));
    if (sent) {
      free(sends->texts[i]);
      continue;
    }
    sends->requests[n_left] = sends->requests[i];
    sends->texts[n_left++] = sends->texts[i];
  }
  sends->n = n_left;
  return M4S_OK;
}

static void free_sends(m4s_sends_t *sends) {
  for (int i = 0; i < sends->n; i++) {
    free(sends->texts[i]);
  }
  free(sends->requests);
  free((void *)sends->texts);
  free(sends);
}

static int64_t env_number(const char *name) {
  int64_t value = -1;
  const char *text = getenv(name);
  if (text != NULL) {
    m4s_parse_int64(text, &value);
  }
  return value;
}

int m4s_comm_launch_rank(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                      "SLURM_PROCID"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    int64_t rank = env_number(names[i]);
    if (rank >= 0) {
      return (int)rank;
    }
  }
  return 0;
}

static bool launched_with_pmi(void) {
  return getenv("OMPI_COMM_WORLD_SIZE") != NULL || getenv("PMIX_RANK") != NULL ||
         getenv("PMI_RANK") != NULL;
}

static m4s_status_t check_srun(void) {
  bool step = getenv("SLURM_STEP_ID") != NULL && getenv("SLURM_PROCID") != NULL;
  int64_t n_tasks = env_number("SLURM_STEP_NUM_TASKS");
  if (n_tasks < 0) {
    n_tasks = env_number("SLURM_NTASKS");
  }
  if (step && n_tasks > 1) {
    return m4s_fail(M4S_ERR_INPUT,
                    "srun started %d tasks without MPI's process interface, so each would run the "
                    "whole sweep: use srun --mpi=pmix (srun --mpi=list shows what there is)",
                    (int)n_tasks);
  }
  return M4S_OK;
}

// A killed mpirun leaves its ranks behind, which would go on, or hang (and spin) in MPI for ever.
// A timer looks after the launcher: results are safe at any instant, so an orphan just ends. At the
// end it looks after the other ranks, too.
static volatile sig_atomic_t launcher, final_exit_status = 1, final_ticks;

static void watch(int signal_number) {
  (void)signal_number;
  // An orphan gets another parent.
  if (getppid() != (pid_t)launcher || (final_ticks > 0 && --final_ticks == 0)) {
    _exit((int)final_exit_status);
  }
}

static void start_watch(void) {
  launcher = (sig_atomic_t)getppid();
  struct sigaction action = {.sa_handler = watch, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGALRM, &action, NULL);
  struct itimerval tick = {.it_interval = {.tv_usec = WATCH_TICK_US},
                           .it_value = {.tv_usec = WATCH_TICK_US}};
  setitimer(ITIMER_REAL, &tick, NULL);
}

m4s_status_t m4s_comm_open(m4s_comm_t *comm) {
  *comm = (m4s_comm_t){.n_ranks = 1, .n_local = 1};
  if (!launched_with_pmi()) {
    return check_srun();
  }
  int provided;
  start_watch();
  TRY_MPI(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided));
  comm->mpi = true;
  if (provided < MPI_THREAD_FUNNELED) {
    return m4s_fail(M4S_ERR_MPI, "this MPI does not allow threads beside it");
  }
  TRY_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &comm->comm));
  TRY_MPI(MPI_Comm_set_errhandler(comm->comm, MPI_ERRORS_RETURN));
  TRY_MPI(MPI_Comm_rank(comm->comm, &comm->rank));
  TRY_MPI(MPI_Comm_size(comm->comm, &comm->n_ranks));
  TRY_MPI(MPI_Comm_split_type(comm->comm, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL,
                              &comm->node));
  TRY_MPI(MPI_Comm_set_errhandler(comm->node, MPI_ERRORS_RETURN));
  TRY_MPI(MPI_Comm_rank(comm->node, &comm->local_rank));
  TRY_MPI(MPI_Comm_size(comm->node, &comm->n_local));
  comm->sends = calloc(1, sizeof *comm->sends);
  return comm->sends == NULL ? m4s_fail_memory("messages") : M4S_OK;
}

m4s_status_t m4s_comm_close(m4s_comm_t *comm, int exit_status) {
  if (!comm->mpi) {
    return M4S_OK;
  }
  comm->mpi = false;
  final_exit_status = exit_status;
  final_ticks = CLOSE_TICKS;
  TRY_MPI(MPI_Waitall(comm->sends->n, comm->sends->requests, MPI_STATUSES_IGNORE));
  free_sends(comm->sends);
  TRY_MPI(MPI_Comm_free(&comm->node));
  TRY_MPI(MPI_Comm_free(&comm->comm));
  TRY_MPI(MPI_Finalize());
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  return M4S_OK;
}

m4s_status_t m4s_comm_share(const m4s_comm_t *comm, int64_t number, int64_t *numbers_out) {
  if (!comm->mpi) {
    *numbers_out = number;
    return M4S_OK;
  }
  TRY_MPI(MPI_Allgather(&number, 1, MPI_INT64_T, numbers_out, 1, MPI_INT64_T, comm->node));
  return M4S_OK;
}

m4s_status_t m4s_comm_send(const m4s_comm_t *comm, int to, m4s_tag_t tag, const char *text) {
  m4s_sends_t *sends = comm->sends;
  M4S_TRY(reserve(sends));
  char *copy = strdup(text);
  if (copy == NULL) {
    return m4s_fail_memory("a message");
  }
  m4s_status_t status = check(MPI_Isend(copy, (int)strlen(copy), MPI_CHAR, to, (int)tag, comm->comm,
                                        &sends->requests[sends->n]),
                              "MPI_Isend");
  if (status != M4S_OK) {
    free(copy);
    return status;
  }
  sends->texts[sends->n++] = copy;
  return M4S_OK;
}

m4s_status_t m4s_comm_take(const m4s_comm_t *comm, int *from_out, m4s_tag_t *tag_out,
                           char **text_out) {
  *text_out = NULL;
  if (!comm->mpi) {
    return M4S_OK;
  }
  M4S_TRY(sweep_up(comm->sends));
  int there = 0;
  int n_bytes = 0;
  MPI_Status envelope;
  TRY_MPI(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm->comm, &there, &envelope));
  if (!there) {
    return M4S_OK;
  }
  TRY_MPI(MPI_Get_count(&envelope, MPI_CHAR, &n_bytes));
  char *text = malloc((size_t)n_bytes + 1);
  if (text == NULL) {
    return m4s_fail_memory("a message");
  }
  m4s_status_t status = check(MPI_Recv(text, n_bytes, MPI_CHAR, envelope.MPI_SOURCE,
                                       envelope.MPI_TAG, comm->comm, MPI_STATUS_IGNORE),
                              "MPI_Recv");
  if (status != M4S_OK) {
    free(text);
    return status;
  }
  text[n_bytes] = '\0';
  *from_out = envelope.MPI_SOURCE;
  *tag_out = (m4s_tag_t)envelope.MPI_TAG;
  *text_out = text;
  return M4S_OK;
}

double m4s_comm_patience_ms(double patience_ms, bool moved, double max_ms) {
  double longer_ms = moved || patience_ms == 0 ? MIN_PATIENCE_MS : patience_ms * 1.5;
  return longer_ms < max_ms ? longer_ms : max_ms;
}

void m4s_comm_abort(const m4s_comm_t *comm, int exit_status) {
  if (comm->mpi) {
    MPI_Abort(comm->comm, exit_status);
    _exit(exit_status);
  }
}
