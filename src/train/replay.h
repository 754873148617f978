// Replays of recorded runs: m4 step by step, beside each step what the network should have said.
// Teacher-forced, flows arrive and complete at the times of the record, whatever it would have
// predicted; in closed loops, what they send and when they complete is as it says.
#pragma once

#include "m4/m4.h"
#include "train/scenario.h"

// What a step should say of its flows and links, in their order; valid until the next step.
typedef struct {
  int32_t n_flows, n_links;
  const int32_t *flows;  // [n_flows]: their ids
  // [n_flows]: what the prediction is to be, in the network's own terms (m4/engine.h).
  const float *predictions;
  // [n_flows]: the parts of their FCTs for which the predictions hold; a flow's sum up to 1, with
  // fluid inputs to the part in which it sends. In closed loops, where steps are not those of the
  // record, roughly.
  const float *weights;
  // [n_flows], with fluid inputs: what a flow sends for some bandwidth-delay products from now over
  // what it would at the max-min fair rate, or, negative: it ends by then, the prediction is what
  // counts; and the part of it that the fair rate would send until the next step. Else NULL.
  const float *sent, *due;
  // log2(1 + bytes / 1000), as the layers of training have it; NULL: not known.
  const float *remaining;  // [n_flows]
  const float *queues;  // [n_links]
} m4s_step_labels_t;

typedef struct m4s_replay m4s_replay_t;

// Makes ready to replay one busy period, by the algorithm "event"; or, `period` < 0, all flows by
// that of the config. All arguments are borrowed; rows are of the engine, whose model is used for
// its sizes only. The config's model is not read.
m4s_status_t m4s_replay_create(const m4s_scenario_t *scenario, const m4s_periods_t *periods,
                               int32_t period, const m4s_m4_config_t *config, m4s_engine_t *engine,
                               m4s_replay_t **replay_out);
void m4s_replay_destroy(m4s_replay_t *replay);

// Before the first step, and for the algorithm "event" alone: flows arrive when they did, but what
// they have sent and when they complete is as the network says, which is to write its predictions
// to those of the batch's steps. What it is asked to say is at which rate each flow still in the
// record went on there. Nothing is known of what remains in queues.
void m4s_replay_close_loop(m4s_replay_t *replay);

// Of the flows that have completed in a closed loop: the sum of |FCT / recorded FCT - 1|.
typedef struct {
  int64_t n_flows;
  double error;
} m4s_replay_score_t;

m4s_replay_score_t m4s_replay_score(const m4s_replay_t *replay);

// Goes on to the next step and adds it to the batch, which is borrowed until it is evaluated; false
// in *more_out: the record has ended. M4S_ERR_INPUT where the trace does not fit its flows.
m4s_status_t m4s_replay_next(m4s_replay_t *replay, m4s_inference_batch_t *batch,
                             m4s_step_labels_t *labels_out, bool *more_out);

// The FCT that flow i of the present step will have, in ns, if it goes on as a prediction in the
// network's own terms says.
double m4s_replay_fct_ns(const m4s_replay_t *replay, int32_t i, double prediction);
