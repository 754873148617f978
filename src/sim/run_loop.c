#include "sim/run_loop.h"

#include <stdlib.h>

#include "core/clock.h"

struct m4s_run {
  m4s_clock_t *clock;
  m4s_source_t source;
  m4s_network_model_t model;
  m4s_run_limits_t limits;
  double spent_s;  // before the present call
  double entered_s;  // when it began
  int64_t n_turns;
};

// Looked at whenever a run is taken up again, and between this many turns of the loop, since
// reading the wall clock takes longer than many events.
enum { TURNS_PER_LIMIT_CHECK = 256 };

m4s_status_t m4s_run_create(m4s_clock_t *clock, m4s_source_t source, m4s_network_model_t model,
                            const m4s_run_limits_t *limits, m4s_run_t **run_out) {
  m4s_run_t *run = calloc(1, sizeof *run);
  if (run == NULL) {
    return m4s_fail_memory("a run");
  }
  *run = (m4s_run_t){.clock = clock, .source = source, .model = model, .limits = *limits};
  *run_out = run;
  return M4S_OK;
}

void m4s_run_destroy(m4s_run_t *run) { free(run); }

static m4s_status_t start_flow(void *context, const m4s_flow_t *flow) {
  m4s_run_t *run = context;
  return run->model.ops->start_flow(run->model.state, flow);
}

static m4s_status_t call_flow(void *context, const m4s_flow_t *flow, int32_t caller,
                              int64_t start_ns) {
  m4s_run_t *run = context;
  return run->model.ops->call_flow(run->model.state, flow, caller, start_ns);
}

static m4s_status_t flow_completed(void *context, int64_t flow_id) {
  m4s_run_t *run = context;
  return run->source.ops->flow_completed(run->source.state, flow_id);
}

static m4s_status_t flow_sent(void *context, int64_t flow_id) {
  m4s_run_t *run = context;
  return run->source.ops->flow_sent == NULL
             ? M4S_OK
             : run->source.ops->flow_sent(run->source.state, flow_id);
}

static m4s_status_t check_limits(const m4s_run_t *run) {
  if (run->limits.stop != NULL && atomic_load_explicit(run->limits.stop, memory_order_relaxed)) {
    return m4s_fail(M4S_ERR_STOPPED, "stopped");
  }
  if (run->limits.time_limit_s > 0 &&
      run->spent_s + (m4s_now_s() - run->entered_s) > run->limits.time_limit_s) {
    return m4s_fail(M4S_ERR_TIME_LIMIT, "time limit of %g s passed", run->limits.time_limit_s);
  }
  return M4S_OK;
}

// Neither the source nor the model will do anything any more.
static m4s_status_t stalled(const m4s_run_t *run) {
  if (run->model.ops->stalled != NULL) {
    M4S_TRY(run->model.ops->stalled(run->model.state));
  }
  return m4s_fail(
      M4S_ERR_SIMULATION,
      "no flow can complete any more at %.3f us of simulated time, but %s waits for some",
      (double)run->clock->now_ns / 1e3, run->source.ops->name);
}

// One turn: the source's next event, or the model's events up to it.
static m4s_status_t turn(m4s_run_t *run, const m4s_network_port_t *network,
                         const m4s_completion_port_t *completion) {
  m4s_event_key_t at_source = run->source.ops->next_event(run->source.state);
  m4s_event_key_t at_model = run->model.ops->next_event(run->model.state);
  run->n_turns++;
  int64_t next_ns = at_source.time_ns < at_model.time_ns ? at_source.time_ns : at_model.time_ns;
  if (next_ns > M4S_TIME_MAX_NS && next_ns != M4S_TIME_NEVER) {
    return m4s_fail(M4S_ERR_SIMULATION, "simulated time passes %.3g s",
                    (double)M4S_TIME_MAX_NS / 1e9);
  }
  if (m4s_event_before(at_source, at_model)) {
    run->clock->now_ns = at_source.time_ns;
    return run->source.ops->run_event(run->source.state, network);
  }
  if (at_model.time_ns == M4S_TIME_NEVER) {
    return stalled(run);
  }
  return run->model.ops->advance(run->model.state, at_source, completion);
}

static m4s_status_t advance(m4s_run_t *run, m4s_inference_batch_t *batch,
                            m4s_run_state_t *state_out) {
  const m4s_network_port_t network = {
      .start_flow = start_flow,
      .call_flow = run->model.ops->call_flow == NULL ? NULL : call_flow,
      .context = run};
  const m4s_completion_port_t completion = {
      .flow_completed = flow_completed, .flow_sent = flow_sent, .context = run};
  if (run->n_turns > 0) {
    M4S_TRY(check_limits(run));
  }
  while (!run->source.ops->finished(run->source.state)) {
    for (int i = 0; i < TURNS_PER_LIMIT_CHECK && !run->source.ops->finished(run->source.state);
         i++) {
      M4S_TRY(turn(run, &network, &completion));
      if (run->model.ops->wants_inference != NULL &&
          run->model.ops->wants_inference(run->model.state, batch) > 0) {
        *state_out = M4S_RUN_WANTS_INFERENCE;
        return M4S_OK;
      }
    }
    M4S_TRY(check_limits(run));
  }
  *state_out = M4S_RUN_FINISHED;
  return M4S_OK;
}

m4s_status_t m4s_run_advance(m4s_run_t *run, m4s_inference_batch_t *batch,
                             m4s_run_state_t *state_out) {
  run->entered_s = m4s_now_s();
  m4s_status_t status = advance(run, batch, state_out);
  m4s_run_charge(run, m4s_now_s() - run->entered_s);
  return status;
}

void m4s_run_charge(m4s_run_t *run, double seconds) { run->spent_s += seconds; }

int64_t m4s_run_n_turns(const m4s_run_t *run) { return run->n_turns; }
