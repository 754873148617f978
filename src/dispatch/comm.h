// The ranks of a run and their messages: JSON texts over MPI, or one process without it.
//
// MPI is touched by the main thread only.
#pragma once

#include <jansson.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

typedef enum {
  M4S_TAG_HELLO = 1,  // worker to master: its placement
  M4S_TAG_ORDER,  // master to worker: a unit of work
  M4S_TAG_REPLY,  // worker to master: what became of it; the worker no longer holds it
  M4S_TAG_APPETITE,  // worker to master: {"points": n}, which it would do well to hold at a time
  M4S_TAG_STOP,  // master to worker: give all units up
  M4S_TAG_END,  // master to worker: {"exit": status}; nothing follows
} m4s_tag_t;

typedef struct m4s_sends m4s_sends_t;

typedef struct {
  bool mpi;  // started by mpirun or srun
  MPI_Comm comm;  // owned: a duplicate of the world's
  m4s_sends_t *sends;  // owned: messages on their way
  int rank, n_ranks;
  MPI_Comm node;  // owned: the ranks of the node
  int local_rank, n_local;  // among them
} m4s_comm_t;

// Starts MPI if this process was started by mpirun or by srun with PMI (collective); from then on
// the process ends at once if its launcher does. Several tasks of srun without PMI are
// M4S_ERR_INPUT: each would do the whole sweep.
m4s_status_t m4s_comm_open(m4s_comm_t *comm);
// Collective. All results are on disk by then: where the other ranks do not come within a minute,
// the process ends with `exit_status`.
m4s_status_t m4s_comm_close(m4s_comm_t *comm, int exit_status);

// The rank of this process as its launcher says, before MPI starts; 0 without one.
int m4s_comm_launch_rank(void);

// The numbers of all ranks of the node, [n_local]. Collective among them.
m4s_status_t m4s_comm_share(const m4s_comm_t *comm, int64_t number, int64_t *numbers_out);

// Sends a message, without waiting until it is taken: two ranks may send to each other at a time.
m4s_status_t m4s_comm_send(const m4s_comm_t *comm, int to, m4s_tag_t tag, const char *text);

// Takes a message if there is one, else *text_out is NULL. The text is owned by the caller, free().
m4s_status_t m4s_comm_take(const m4s_comm_t *comm, int *from_out, m4s_tag_t *tag_out,
                           char **text_out);

// How long to sleep before the next look at the messages, after `patience_ms`: short at first and
// whenever something `moved`, for quick points.
double m4s_comm_patience_ms(double patience_ms, bool moved, double max_ms);

// Ends all ranks, where messages cannot be relied on any more; does not return under MPI.
void m4s_comm_abort(const m4s_comm_t *comm, int exit_status);
