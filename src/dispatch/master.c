#include "dispatch/master.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/json.h"
#include "core/log.h"
#include "dispatch/runner.h"
#include "sweep/unit.h"

static const double MAX_PATIENCE_MS = 1;
enum { MAX_FAILURES_LOGGED = 5 };

// What a rank has been given.
typedef struct {
  bool works;
  int n_units, max_units;
  double cost;  // expected, of its units
} seat_t;

typedef struct {
  const m4s_master_t *config;
  m4s_runner_t *runner;  // owned; NULL where this rank does not work
  seat_t *seats;  // owned, [n_ranks]
  int n_workers, most_units;  // most_units: of a rank, at any time
  int64_t n_out;  // units at work
  double cost_left;  // expected, of the units that have not ended
  size_t next;  // unit of the plan
  bool told_to_stop;
  bool given_up;  // after an error: replies are dropped
  int n_logged;
  m4s_progress_t progress;
} run_t;

static bool stopped(const run_t *run) { return atomic_load(run->config->stop); }

static m4s_status_t give(run_t *run, int rank) {
  const m4s_master_t *config = run->config;
  const m4s_plan_unit_t *unit = &config->plan->units[run->next];
  json_t *order;
  M4S_TRY(m4s_unit_order(
      config->sweep, unit->index, config->sweep->simulators.items[unit->simulator],
      m4s_store_folder(config->store), (int64_t)run->next, config->time_limit_s, &order));
  char *text = m4s_json_text(order, JSON_COMPACT);
  json_decref(order);
  m4s_status_t status = text == NULL ? m4s_fail_memory("a unit of work")
                        : rank == 0  ? m4s_runner_give(run->runner, text)
                                     : m4s_comm_send(config->comm, rank, M4S_TAG_ORDER, text);
  free(text);
  if (status == M4S_OK) {
    seat_t *seat = &run->seats[rank];
    seat->n_units++;
    run->most_units = seat->n_units > run->most_units ? seat->n_units : run->most_units;
    seat->cost += (double)unit->cost;
    run->n_out++;
    run->next++;
  }
  return status;
}

// Whether a rank may have the next unit beside the `n_units` that it has. All may have one; several
// only while there is as much left for every other rank, by expected cost, so that in the end none
// is without while another has two.
static bool may_have(const run_t *run, const seat_t *seat, int n_units) {
  if (!seat->works || seat->n_units != n_units || n_units >= seat->max_units) {
    return false;
  }
  double cost = seat->cost + (double)run->config->plan->units[run->next].cost;
  double share = run->cost_left / run->n_workers;
  return n_units == 0 || cost <= share * (1 + 1e-9);  // sums in another order
}

// Gives units to the ranks that want some: one to each before any gets its second, and so on. This
// rank comes last: its thread starts at once.
static m4s_status_t give_all(run_t *run) {
  int n_ranks = run->config->comm->n_ranks;
  size_t n_units = run->config->plan->n_units;
  int most = 1;
  for (int rank = 0; rank < n_ranks; rank++) {
    most = run->seats[rank].max_units > most ? run->seats[rank].max_units : most;
  }
  for (int n = 0; n < most && run->next < n_units; n++) {
    for (int i = 1; i <= n_ranks && run->next < n_units && !stopped(run); i++) {
      int rank = i % n_ranks;
      if (may_have(run, &run->seats[rank], n)) {
        M4S_TRY(give(run, rank));
      }
    }
  }
  return M4S_OK;
}

static void log_failure(run_t *run, const m4s_plan_unit_t *unit, const char *reason) {
  const m4s_sweep_t *sweep = run->config->sweep;
  if (run->n_logged++ >= MAX_FAILURES_LOGGED) {
    return;
  }
  char *title = m4s_sweep_point_title(sweep, unit->index);
  m4s_progress_hide(&run->progress);
  m4s_log(M4S_LOG_WARN, "%s, %s: %s%s", title == NULL ? "a point" : title,
          sweep->simulators.items[unit->simulator], reason == NULL ? "failed" : reason,
          run->n_logged == MAX_FAILURES_LOGGED ? " (m4sweep status lists the failures that follow)"
                                               : "");
  free(title);
}

static json_t *journal_line(const run_t *run, const m4s_plan_unit_t *unit, int rank,
                            const json_t *reply) {
  const m4s_sweep_t *sweep = run->config->sweep;
  char case_id[M4S_CASE_ID_BYTES];
  if (m4s_sweep_case_id(sweep, unit->index, case_id) != M4S_OK) {
    return NULL;
  }
  const json_t *placement = json_array_get(run->config->placements, (size_t)rank);
  const char *simulator = sweep->simulators.items[unit->simulator];
  return json_pack("{s:s, s:s, s:s*, s:O, s:O*, s:O, s:i, s:O*, s:O*, s:O*}", "case", case_id,
                   "simulator", simulator, "definition",
                   m4s_sweep_definition(sweep, unit->index, simulator), "status",
                   json_object_get(reply, "status"), "reason", json_object_get(reply, "reason"),
                   "wall_s", json_object_get(reply, "wall_s"), "rank", rank, "host",
                   json_object_get(placement, "host"), "metrics", json_object_get(reply, "metrics"),
                   "outside_training", json_object_get(reply, "outside_training"));
}

static m4s_status_t record(run_t *run, const m4s_plan_unit_t *unit, int rank, const json_t *reply) {
  json_t *line = journal_line(run, unit, rank, reply);
  m4s_status_t status =
      line == NULL ? m4s_fail_memory("a journal line") : m4s_store_record(run->config->store, line);
  json_decref(line);
  M4S_TRY(status);
  bool ok = json_object_get(reply, "metrics") != NULL;
  m4s_progress_add(&run->progress, ok, (double)unit->cost);
  if (!ok) {
    log_failure(run, unit, json_string_value(json_object_get(reply, "reason")));
  }
  return M4S_OK;
}

// Its unit has left the rank.
static void take_back(run_t *run, int rank, const m4s_plan_unit_t *unit) {
  seat_t *seat = &run->seats[rank];
  seat->cost = seat->n_units == 0 ? 0 : seat->cost - (double)unit->cost;
  run->cost_left -= (double)unit->cost;
}

// A rank's reply: its unit is recorded unless it was given up.
static m4s_status_t handle_reply(run_t *run, int rank, const char *text) {
  json_t *reply;
  run->seats[rank].n_units--;
  run->n_out--;
  if (run->given_up) {
    return M4S_OK;
  }
  M4S_TRY(m4s_json_parse(text, "reply", &reply));
  const char *word = json_string_value(json_object_get(reply, "status"));
  const char *reason = json_string_value(json_object_get(reply, "reason"));
  int64_t number = json_integer_value(json_object_get(reply, "unit"));
  m4s_status_t status = M4S_OK;
  if (word == NULL || number < 0 || (size_t)number >= run->config->plan->n_units) {
    status = m4s_fail(M4S_ERR_INTERNAL, "a reply that makes no sense: %.200s", text);
  } else if (strcmp(word, "error") == 0) {
    status = m4s_fail(M4S_ERR_IO, "%s", reason == NULL ? "unknown error" : reason);
  } else if (strcmp(word, "stopped") == 0) {
    atomic_store(run->config->stop, true);
  } else {
    const m4s_plan_unit_t *unit = &run->config->plan->units[number];
    take_back(run, rank, unit);
    status = record(run, unit, rank, reply);
  }
  json_decref(reply);
  return status;
}

// A rank has room for more units, unless their number is given.
static void set_appetite(run_t *run, int rank, int appetite) {
  if (run->config->points_per_worker == 0 && appetite > run->seats[rank].max_units) {
    run->seats[rank].max_units = appetite;
  }
}

static m4s_status_t take_own_reply(run_t *run, double patience_ms, bool *moved_out) {
  if (run->runner == NULL) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(patience_ms * 1e6)}, NULL);
    return M4S_OK;
  }
  char *reply;
  M4S_TRY(m4s_runner_take(run->runner, patience_ms, &reply));
  set_appetite(run, 0, m4s_runner_appetite(run->runner));
  if (reply == NULL) {
    return M4S_OK;
  }
  *moved_out = true;
  m4s_status_t status = handle_reply(run, 0, reply);
  free(reply);
  return status;
}

static m4s_status_t handle_appetite(run_t *run, int rank, const char *text) {
  json_t *message;
  M4S_TRY(m4s_json_parse(text, "appetite", &message));
  set_appetite(run, rank, (int)json_integer_value(json_object_get(message, "points")));
  json_decref(message);
  return M4S_OK;
}

static m4s_status_t handle(run_t *run, int from, m4s_tag_t tag, const char *text) {
  switch (tag) {
    case M4S_TAG_REPLY:
      return handle_reply(run, from, text);
    case M4S_TAG_APPETITE:
      return handle_appetite(run, from, text);
    default:
      return m4s_fail(M4S_ERR_INTERNAL, "a message of kind %d to the master", tag);
  }
}

// Handles all messages that are there.
static m4s_status_t take_messages(run_t *run, bool *moved_out) {
  for (;;) {
    int from;
    m4s_tag_t tag;
    char *text;
    M4S_TRY(m4s_comm_take(run->config->comm, &from, &tag, &text));
    if (text == NULL) {
      return M4S_OK;
    }
    *moved_out = true;
    m4s_status_t status = handle(run, from, tag, text);
    free(text);
    M4S_TRY(status);
  }
}

// Asks busy workers once to give their units up.
static m4s_status_t tell_to_stop(run_t *run) {
  if (run->told_to_stop) {
    return M4S_OK;
  }
  run->told_to_stop = true;
  for (int rank = 1; rank < run->config->comm->n_ranks; rank++) {
    if (run->seats[rank].n_units > 0) {
      M4S_TRY(m4s_comm_send(run->config->comm, rank, M4S_TAG_STOP, "{}"));
    }
  }
  return M4S_OK;
}

static m4s_status_t serve(run_t *run) {
  double patience_ms = 0;
  for (;;) {
    bool moved = false;
    M4S_TRY(give_all(run));
    if (run->n_out == 0) {
      return M4S_OK;
    }
    M4S_TRY(take_messages(run, &moved));
    M4S_TRY(take_own_reply(run, moved ? 0 : patience_ms, &moved));
    if (stopped(run)) {
      M4S_TRY(tell_to_stop(run));
    }
    m4s_progress_show(&run->progress);
    patience_ms = m4s_comm_patience_ms(patience_ms, moved, MAX_PATIENCE_MS);
  }
}

// After an error (a full disk): units at work are given up and not recorded. Their replies are
// taken all the same, as no worker ends before its reply is.
static void give_up(run_t *run) {
  char problem[512];
  snprintf(problem, sizeof problem, "%s", m4s_last_error());
  run->given_up = true;
  atomic_store(run->config->stop, true);
  m4s_status_t status = tell_to_stop(run);
  while (status == M4S_OK && run->n_out > run->seats[0].n_units) {
    bool moved = false;
    status = take_messages(run, &moved);
    nanosleep(&(struct timespec){.tv_nsec = (long)(MAX_PATIENCE_MS * 1e6)}, NULL);
  }
  m4s_fail(M4S_ERR_INTERNAL, "%s", problem);
}

static m4s_status_t start(run_t *run) {
  const m4s_master_t *config = run->config;
  int n_ranks = config->comm->n_ranks;
  run->seats = calloc((size_t)n_ranks, sizeof *run->seats);
  if (run->seats == NULL) {
    return m4s_fail_memory("a run");
  }
  for (int rank = 0; rank < n_ranks; rank++) {
    seat_t *seat = &run->seats[rank];
    seat->works = rank > 0 || config->works;
    seat->max_units = config->points_per_worker > 0 ? config->points_per_worker : 1;
    run->n_workers += seat->works;
  }
  for (size_t i = 0; i < config->plan->n_units; i++) {
    run->cost_left += (double)config->plan->units[i].cost;
  }
  return config->works
             ? m4s_runner_create(config->stop, config->comm->n_local, config->device, &run->runner)
             : M4S_OK;
}

static void log_most_units(const run_t *run) {
  if (run->most_units > 1) {
    m4s_log(M4S_LOG_INFO, "ranks had up to %d points at a time", run->most_units);
  }
}

m4s_status_t m4s_master_run(const m4s_master_t *master, m4s_progress_t *progress_out) {
  const m4s_plan_t *plan = master->plan;
  run_t run = {.config = master};
  m4s_status_t status = start(&run);
  if (status == M4S_OK) {
    m4s_progress_start(&run.progress, plan->n_total, plan->n_done, plan->n_failed, run.cost_left);
    status = serve(&run);
    if (status != M4S_OK) {
      m4s_progress_hide(&run.progress);
      give_up(&run);
    } else {
      m4s_progress_end(&run.progress);
      log_most_units(&run);
    }
  }
  m4s_runner_destroy(run.runner);
  free(run.seats);
  *progress_out = run.progress;
  return status;
}

m4s_status_t m4s_master_greet(const m4s_comm_t *comm, json_t *own_placement,
                              json_t **placements_out) {
  json_t *placements = json_array();
  for (int i = 0; placements != NULL && i < comm->n_ranks; i++) {
    json_array_append(placements, own_placement);
  }
  m4s_status_t status = placements == NULL ? m4s_fail_memory("placements") : M4S_OK;
  for (int n_left = comm->n_ranks - 1; status == M4S_OK && n_left > 0;) {
    int from;
    m4s_tag_t tag;
    char *text;
    json_t *placement = NULL;
    status = m4s_comm_take(comm, &from, &tag, &text);
    if (status == M4S_OK && text == NULL) {
      nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    } else if (status == M4S_OK) {
      status = m4s_json_parse(text, "hello", &placement);
      n_left--;
      if (status == M4S_OK) {
        json_array_set_new(placements, (size_t)from, placement);
      }
      free(text);
    }
  }
  if (status != M4S_OK) {
    json_decref(placements);
    return status;
  }
  *placements_out = placements;
  return M4S_OK;
}

m4s_status_t m4s_master_dismiss(const m4s_comm_t *comm, int exit_status) {
  char text[32];
  snprintf(text, sizeof text, "{\"exit\":%d}", exit_status);
  for (int rank = 1; rank < comm->n_ranks; rank++) {
    M4S_TRY(m4s_comm_send(comm, rank, M4S_TAG_END, text));
  }
  return M4S_OK;
}
