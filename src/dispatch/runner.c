#include "dispatch/runner.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/json.h"
#include "core/text.h"
#include "dispatch/appetite.h"
#include "sweep/unit.h"

struct m4s_runner {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;  // an order, a reply, an error or `quit` has come
  m4s_text_list_t orders, replies;  // handed over under the mutex, oldest first
  m4s_status_t status;  // an error, after which the thread ends
  char problem[512];  // its message
  bool quit;
  int appetite;
  const atomic_bool *stop;
  int n_local;
  m4s_device_choice_t device;
};

// The units at work, in the order in which they came.
typedef struct {
  m4s_unit_t *units[M4S_MAX_POINTS_PER_WORKER];
  int lanes[M4S_MAX_POINTS_PER_WORKER];  // of the units
  int n_units, most_units;  // at present, at any time
  m4s_engines_t *engines;
} crew_t;

// The oldest text of a list, owned by the caller; NULL if there is none.
static char *take_first(m4s_text_list_t *list) {
  if (list->n_items == 0) {
    return NULL;
  }
  char *first = list->items[0];
  list->n_items--;
  memmove((void *)list->items, (const void *)(list->items + 1), list->n_items * sizeof(char *));
  return first;
}

// The lane with the fewest units, the first of those.
static int choose_lane(const crew_t *crew) {
  int n_units[M4S_ENGINES_LANES] = {0};
  int best = 0;
  for (int i = 0; i < crew->n_units; i++) {
    n_units[crew->lanes[i]]++;
  }
  for (int lane = 1; lane < m4s_engines_n_lanes(crew->engines); lane++) {
    best = n_units[lane] < n_units[best] ? lane : best;
  }
  return best;
}

static m4s_status_t begin(const m4s_runner_t *runner, crew_t *crew, const char *text) {
  if (crew->n_units == M4S_MAX_POINTS_PER_WORKER) {
    return m4s_fail(M4S_ERR_INTERNAL, "more than %d units at a time", crew->n_units);
  }
  json_t *order;
  M4S_TRY(m4s_json_parse(text, "order", &order));
  m4s_status_t status =
      m4s_unit_create(order, crew->engines, runner->stop, &crew->units[crew->n_units]);
  json_decref(order);
  crew->lanes[crew->n_units] = choose_lane(crew);
  crew->n_units += status == M4S_OK;
  crew->most_units = crew->n_units > crew->most_units ? crew->n_units : crew->most_units;
  return status;
}

// Begins the units that were ordered, and says how many it wants; without any at work, waits for
// one. False: the thread ends.
static m4s_status_t take_orders(m4s_runner_t *runner, crew_t *crew, bool *go_on_out) {
  m4s_status_t status = M4S_OK;
  pthread_mutex_lock(&runner->mutex);
  while (!runner->quit && crew->n_units == 0 && runner->orders.n_items == 0) {
    pthread_cond_wait(&runner->changed, &runner->mutex);
  }
  *go_on_out = !runner->quit;
  if (crew->most_units > 0) {
    double rows_per_step = m4s_engines_rows_per_step(crew->engines);
    runner->appetite = m4s_appetite(rows_per_step, m4s_engines_full_rows(crew->engines),
                                    crew->most_units, runner->n_local);
  }
  for (char *text; status == M4S_OK && (text = take_first(&runner->orders)) != NULL; free(text)) {
    status = begin(runner, crew, text);
  }
  pthread_mutex_unlock(&runner->mutex);
  return status;
}

static m4s_status_t hand_back(m4s_runner_t *runner, json_t *reply) {
  char *text = m4s_json_text(reply, JSON_COMPACT);
  if (text == NULL) {
    return m4s_fail_memory("a reply");
  }
  pthread_mutex_lock(&runner->mutex);
  m4s_status_t status = m4s_text_list_add(&runner->replies, text);
  pthread_cond_broadcast(&runner->changed);
  pthread_mutex_unlock(&runner->mutex);
  free(text);
  return status;
}

// The units of a lane, whose steps have been evaluated, go on, each up to its next inference. Those
// that end leave.
static m4s_status_t advance_lane(m4s_runner_t *runner, crew_t *crew, int lane) {
  int n_left = 0;
  m4s_status_t status = M4S_OK;
  for (int i = 0; i < crew->n_units; i++) {
    m4s_unit_t *unit = crew->units[i];
    json_t *reply = NULL;
    if (status == M4S_OK && crew->lanes[i] == lane) {
      status = m4s_unit_advance(unit, &reply);
    }
    if (reply == NULL) {
      crew->lanes[n_left] = crew->lanes[i];
      crew->units[n_left++] = unit;
      continue;
    }
    m4s_unit_destroy(unit);
    status = hand_back(runner, reply);
    json_decref(reply);
  }
  crew->n_units = n_left;
  return status;
}

// One round: lane after lane goes on while the steps of the other are evaluated.
static m4s_status_t go_round(m4s_runner_t *runner, crew_t *crew) {
  m4s_status_t status = M4S_OK;
  for (int lane = 0; status == M4S_OK && lane < M4S_ENGINES_LANES; lane++) {
    m4s_engines_end(crew->engines, lane);
    status = advance_lane(runner, crew, lane);
    m4s_engines_begin(crew->engines, lane);
  }
  return status;
}

static void *run_units(void *argument) {
  m4s_runner_t *runner = argument;
  crew_t crew = {.n_units = 0};
  bool go_on = true;
  m4s_status_t status = m4s_engines_create(&crew.engines);
  if (status == M4S_OK) {
    m4s_engines_choose(crew.engines, &runner->device);
  }
  while (status == M4S_OK && go_on) {
    status = take_orders(runner, &crew, &go_on);
    if (status == M4S_OK && go_on) {
      status = go_round(runner, &crew);
    }
  }
  for (int lane = 0; crew.engines != NULL && lane < M4S_ENGINES_LANES; lane++) {
    m4s_engines_end(crew.engines, lane);
  }
  for (int i = 0; i < crew.n_units; i++) {
    m4s_unit_destroy(crew.units[i]);
  }
  m4s_engines_destroy(crew.engines);
  pthread_mutex_lock(&runner->mutex);
  runner->status = status;
  snprintf(runner->problem, sizeof runner->problem, "%s", m4s_last_error());
  pthread_cond_broadcast(&runner->changed);
  pthread_mutex_unlock(&runner->mutex);
  return NULL;
}

// Signals go to the main thread.
static int start_thread(m4s_runner_t *runner) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&runner->thread, NULL, run_units, runner);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

m4s_status_t m4s_runner_create(const atomic_bool *stop, int n_local,
                               const m4s_device_choice_t *device, m4s_runner_t **runner_out) {
  m4s_runner_t *runner = calloc(1, sizeof *runner);
  if (runner == NULL) {
    return m4s_fail_memory("a runner");
  }
  runner->stop = stop;
  runner->n_local = n_local;
  runner->device = *device;
  runner->appetite = 1;
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
  m4s_text_list_clear(&runner->orders);
  m4s_text_list_clear(&runner->replies);
  free(runner);
}

m4s_status_t m4s_runner_give(m4s_runner_t *runner, const char *order) {
  pthread_mutex_lock(&runner->mutex);
  m4s_status_t status = m4s_text_list_add(&runner->orders, order);
  pthread_cond_broadcast(&runner->changed);
  pthread_mutex_unlock(&runner->mutex);
  return status;
}

int m4s_runner_appetite(m4s_runner_t *runner) {
  pthread_mutex_lock(&runner->mutex);
  int appetite = runner->appetite;
  pthread_mutex_unlock(&runner->mutex);
  return appetite;
}

m4s_status_t m4s_runner_take(m4s_runner_t *runner, double patience_ms, char **reply_out) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = until.tv_nsec + (int64_t)(patience_ms * 1e6);
  until.tv_sec += ns / 1000000000;
  until.tv_nsec = ns % 1000000000;
  pthread_mutex_lock(&runner->mutex);
  int error = 0;
  while (runner->replies.n_items == 0 && runner->status == M4S_OK && error == 0) {
    error = pthread_cond_timedwait(&runner->changed, &runner->mutex, &until);
  }
  *reply_out = take_first(&runner->replies);
  m4s_status_t status = *reply_out != NULL ? M4S_OK : runner->status;
  if (status != M4S_OK) {
    m4s_fail(status, "%s", runner->problem);
  }
  pthread_mutex_unlock(&runner->mutex);
  return status;
}
