// Which recorded sequences of steps a network is trained on, and many of them side by side.
#pragma once

#include "core/random.h"
#include "train/dataset.h"
#include "train/replay.h"

// A busy period of a scenario by the algorithm "event", or a whole scenario by "interval".
typedef struct {
  const m4s_dataset_scenario_t *scenario;  // borrowed from the data set
  int32_t period;  // -1: all
  int64_t n_events;
} m4s_sequence_t;

// Data sets whose sequences are drawn from, all of one part. The algorithm is that of the points.
typedef struct {
  m4s_sequence_t *sequences;  // owned, [n_sequences]
  double *shares;  // owned, [n_sequences]: sums of the probabilities up to each, the last is 1
  size_t n_sequences;
} m4s_sequences_t;

// Within a data set a sequence is drawn with a probability in proportion to the square root of its
// number of events: long ones count, and the many short ones are not forgotten. Each data set has
// the same number of events in the long run, whatever its size, but for what max_steps cuts off.
// M4S_ERR_INPUT: there are none.
m4s_status_t m4s_sequences_list(const m4s_dataset_t *datasets, size_t n_datasets, m4s_part_t part,
                                m4s_sequences_t *sequences_out);
void m4s_sequences_clear(m4s_sequences_t *sequences);

// Draws one after the other, with replacement: the same for the same seed and index.
typedef struct {
  const m4s_sequences_t *sequences;  // borrowed
  m4s_random_t random;
  int64_t n_left;  // to be drawn; INT64_MAX: any number
} m4s_sequence_draw_t;

void m4s_sequence_draw_init(m4s_sequence_draw_t *draw, const m4s_sequences_t *sequences,
                            uint64_t seed, uint64_t index, int64_t n);

// Sequences replayed side by side: each lane goes through one after the other.
typedef struct m4s_lanes m4s_lanes_t;

typedef struct {
  int64_t n_lanes;
  int64_t max_steps;  // of a sequence
  // The first sequence of each lane ends after a random number of its steps, so that from then on
  // the lanes are at all stages.
  bool staggered;
  double closed_loop;  // share of the sequences whose loop is closed, see m4s_replay_close_loop()
} m4s_lanes_config_t;

// The draw and the engine are borrowed.
m4s_status_t m4s_lanes_create(const m4s_lanes_config_t *config, m4s_sequence_draw_t *draw,
                              m4s_engine_t *engine, m4s_lanes_t **lanes_out);
void m4s_lanes_destroy(m4s_lanes_t *lanes);

// The next step of every lane, added to the batch, with labels_out [batch->n_steps], in its order,
// valid until the next call. No step: all sequences have ended.
m4s_status_t m4s_lanes_next(m4s_lanes_t *lanes, m4s_inference_batch_t *batch,
                            const m4s_step_labels_t **labels_out);

// Of the closed loops among the sequences that have ended.
m4s_replay_score_t m4s_lanes_score(const m4s_lanes_t *lanes);
