#include "dispatch/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "dispatch/placement.h"
#include "dispatch/runner.h"

static const double MAX_PATIENCE_MS = 2;

typedef struct {
  const m4s_comm_t *comm;
  m4s_runner_t *runner;
  atomic_bool *stop;
  int appetite;  // as the master has been told
  bool ended;
  int exit_status;
} worker_t;

static m4s_status_t say_hello(const m4s_comm_t *comm, m4s_device_choice_t *device) {
  json_t *placement;
  M4S_TRY(m4s_placement_take(comm, device, &placement));
  char *text = json_dumps(placement, JSON_COMPACT);
  json_decref(placement);
  m4s_status_t status =
      text == NULL ? m4s_fail_memory("a message") : m4s_comm_send(comm, 0, M4S_TAG_HELLO, text);
  free(text);
  return status;
}

static m4s_status_t handle(worker_t *worker, m4s_tag_t tag, const char *text) {
  json_t *message = NULL;
  switch (tag) {
    case M4S_TAG_ORDER:
      return m4s_runner_give(worker->runner, text);
    case M4S_TAG_STOP:
      atomic_store(worker->stop, true);
      return M4S_OK;
    case M4S_TAG_END:
      M4S_TRY(m4s_json_parse(text, "message", &message));
      worker->exit_status = (int)json_integer_value(json_object_get(message, "exit"));
      worker->ended = true;
      json_decref(message);
      return M4S_OK;
    case M4S_TAG_HELLO:
    case M4S_TAG_REPLY:
    case M4S_TAG_APPETITE:
      break;
  }
  return m4s_fail(M4S_ERR_INTERNAL, "a message of kind %d to a worker", (int)tag);
}

// Tells the master when there is room for more units. That there is for fewer is not told: they are
// held already.
static m4s_status_t tell_appetite(worker_t *worker) {
  int appetite = m4s_runner_appetite(worker->runner);
  if (appetite <= worker->appetite) {
    return M4S_OK;
  }
  worker->appetite = appetite;
  char text[32];
  snprintf(text, sizeof text, "{\"points\":%d}", appetite);
  return m4s_comm_send(worker->comm, 0, M4S_TAG_APPETITE, text);
}

// One look at the runner and at the messages; `moved_out`: something was there.
static m4s_status_t look(worker_t *worker, double patience_ms, bool *moved_out) {
  int from;
  m4s_tag_t tag;
  char *text;
  char *reply;
  M4S_TRY(m4s_runner_take(worker->runner, patience_ms, &reply));
  if (reply != NULL) {
    m4s_status_t status = m4s_comm_send(worker->comm, 0, M4S_TAG_REPLY, reply);
    free(reply);
    M4S_TRY(status);
  }
  M4S_TRY(tell_appetite(worker));
  M4S_TRY(m4s_comm_take(worker->comm, &from, &tag, &text));
  *moved_out = reply != NULL || text != NULL;
  if (text == NULL) {
    return M4S_OK;
  }
  m4s_status_t status = handle(worker, tag, text);
  free(text);
  return status;
}

m4s_status_t m4s_worker_serve(const m4s_comm_t *comm, const m4s_device_choice_t *device,
                              atomic_bool *stop, int *exit_out) {
  worker_t worker = {.comm = comm, .stop = stop, .appetite = 1};
  m4s_device_choice_t own = *device;
  M4S_TRY(say_hello(comm, &own));
  M4S_TRY(m4s_runner_create(stop, comm->n_local, &own, &worker.runner));
  m4s_status_t status = M4S_OK;
  double patience_ms = 0;
  while (status == M4S_OK && !worker.ended) {
    bool moved = false;
    status = look(&worker, patience_ms, &moved);
    patience_ms = m4s_comm_patience_ms(patience_ms, moved, MAX_PATIENCE_MS);
  }
  if (status != M4S_OK) {
    atomic_store(stop, true);  // nobody waits for the unit at work
  }
  m4s_runner_destroy(worker.runner);
  *exit_out = worker.exit_status;
  return status;
}
