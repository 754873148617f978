#include "dispatch/runner.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/json.h"
#include "sweep/unit.h"

struct m4s_runner {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;  // an order, a reply or `quit` has come
  char *order, *reply;  // owned, handed over under the mutex
  m4s_status_t status;  // of the last unit, where there is no reply
  char problem[512];  // its message
  bool quit;
  const atomic_bool *stop;
};

static m4s_status_t run_order(const m4s_runner_t *runner, const char *text, char **reply_out) {
  json_t *order;
  json_t *reply = NULL;
  M4S_TRY(m4s_json_parse(text, "order", &order));
  m4s_status_t status = m4s_unit_run(order, runner->stop, &reply);
  json_decref(order);
  M4S_TRY(status);
  *reply_out = m4s_json_text(reply, JSON_COMPACT);
  json_decref(reply);
  return *reply_out == NULL ? m4s_fail_memory("a reply") : M4S_OK;
}

static void *run_orders(void *argument) {
  m4s_runner_t *runner = argument;
  pthread_mutex_lock(&runner->mutex);
  while (!runner->quit) {
    if (runner->order == NULL) {
      pthread_cond_wait(&runner->changed, &runner->mutex);
      continue;
    }
    char *order = runner->order;
    runner->order = NULL;
    pthread_mutex_unlock(&runner->mutex);
    char *reply = NULL;
    m4s_status_t status = run_order(runner, order, &reply);
    free(order);
    pthread_mutex_lock(&runner->mutex);
    runner->reply = reply;
    runner->status = status;
    snprintf(runner->problem, sizeof runner->problem, "%s", m4s_last_error());
    pthread_cond_broadcast(&runner->changed);
  }
  pthread_mutex_unlock(&runner->mutex);
  return NULL;
}

// Signals go to the main thread.
static int start_thread(m4s_runner_t *runner) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&runner->thread, NULL, run_orders, runner);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

m4s_status_t m4s_runner_create(const atomic_bool *stop, m4s_runner_t **runner_out) {
  m4s_runner_t *runner = calloc(1, sizeof *runner);
  if (runner == NULL) {
    return m4s_fail_memory("a runner");
  }
  runner->stop = stop;
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&runner->mutex, NULL);
  pthread_cond_init(&runner->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  int error = start_thread(runner);
  if (error != 0) {
    pthread_cond_destroy(&runner->changed);
    pthread_mutex_destroy(&runner->mutex);
    free(runner);
    return m4s_fail(M4S_ERR_INTERNAL, "a thread cannot be started: %s", strerror(error));
  }
  *runner_out = runner;
  return M4S_OK;
}

void m4s_runner_destroy(m4s_runner_t *runner) {
  if (runner == NULL) {
    return;
  }
  pthread_mutex_lock(&runner->mutex);
  runner->quit = true;
  pthread_cond_broadcast(&runner->changed);
  pthread_mutex_unlock(&runner->mutex);
  pthread_join(runner->thread, NULL);
  pthread_cond_destroy(&runner->changed);
  pthread_mutex_destroy(&runner->mutex);
  free(runner->order);
  free(runner->reply);
  free(runner);
}

m4s_status_t m4s_runner_give(m4s_runner_t *runner, const char *order) {
  char *copy = strdup(order);
  if (copy == NULL) {
    return m4s_fail_memory("a unit of work");
  }
  pthread_mutex_lock(&runner->mutex);
  runner->order = copy;
  pthread_cond_broadcast(&runner->changed);
  pthread_mutex_unlock(&runner->mutex);
  return M4S_OK;
}

m4s_status_t m4s_runner_take(m4s_runner_t *runner, double patience_ms, char **reply_out) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = until.tv_nsec + (int64_t)(patience_ms * 1e6);
  until.tv_sec += ns / 1000000000;
  until.tv_nsec = ns % 1000000000;
  pthread_mutex_lock(&runner->mutex);
  int error = 0;
  while (runner->reply == NULL && runner->status == M4S_OK && error == 0) {
    error = pthread_cond_timedwait(&runner->changed, &runner->mutex, &until);
  }
  *reply_out = runner->reply;
  m4s_status_t status = runner->status;
  if (status != M4S_OK) {
    m4s_fail(status, "%s", runner->problem);
  }
  runner->reply = NULL;
  runner->status = M4S_OK;
  pthread_mutex_unlock(&runner->mutex);
  return status;
}
