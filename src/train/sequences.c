#include "train/sequences.h"

#include <math.h>
#include <stdlib.h>

#include "sweep/simulator.h"

// --- drawing ---

static size_t count(const m4s_dataset_t *dataset, m4s_part_t part) {
  size_t n = 0;
  for (size_t i = 0; i < dataset->n_periods; i++) {
    n += dataset->scenarios[dataset->periods[i].scenario].part == part;
  }
  return n;
}

// Adds the sequences of a data set, with shares that give it as many events as any other.
static void add(const m4s_dataset_t *dataset, m4s_part_t part, m4s_sequences_t *sequences) {
  size_t first = sequences->n_sequences;
  double n_events = 0;
  for (size_t i = 0; i < dataset->n_periods; i++) {
    const m4s_dataset_period_t *period = &dataset->periods[i];
    const m4s_dataset_scenario_t *scenario = &dataset->scenarios[period->scenario];
    if (scenario->part == part) {
      sequences->sequences[sequences->n_sequences++] = (m4s_sequence_t){
          .scenario = scenario, .period = period->period, .n_events = period->n_events};
      n_events += sqrt((double)period->n_events) * (double)period->n_events;
    }
  }
  for (size_t i = first; i < sequences->n_sequences; i++) {
    sequences->shares[i] = sqrt((double)sequences->sequences[i].n_events) / n_events;
  }
}

static void sum_shares(m4s_sequences_t *sequences) {
  double sum = 0;
  for (size_t i = 0; i < sequences->n_sequences; i++) {
    sum += sequences->shares[i];
    sequences->shares[i] = sum;
  }
  for (size_t i = 0; i < sequences->n_sequences; i++) {
    sequences->shares[i] /= sum;
  }
}

m4s_status_t m4s_sequences_list(const m4s_dataset_t *datasets, size_t n_datasets, m4s_part_t part,
                                m4s_sequences_t *sequences_out) {
  m4s_sequences_t sequences = {0};
  size_t n = 0;
  for (size_t i = 0; i < n_datasets; i++) {
    n += count(&datasets[i], part);
  }
  if (n == 0) {
    return m4s_fail(M4S_ERR_INPUT, "the data sets have no scenarios for %s", m4s_part_names[part]);
  }
  sequences.sequences = calloc(n, sizeof *sequences.sequences);
  sequences.shares = calloc(n, sizeof *sequences.shares);
  if (sequences.sequences == NULL || sequences.shares == NULL) {
    m4s_sequences_clear(&sequences);
    return m4s_fail_memory("sequences");
  }
  for (size_t i = 0; i < n_datasets; i++) {
    add(&datasets[i], part, &sequences);
  }
  sum_shares(&sequences);
  *sequences_out = sequences;
  return M4S_OK;
}

void m4s_sequences_clear(m4s_sequences_t *sequences) {
  free(sequences->sequences);
  free(sequences->shares);
  *sequences = (m4s_sequences_t){0};
}

// The first sequence whose share is above x in [0, 1).
static size_t find(const m4s_sequences_t *sequences, double x) {
  size_t low = 0;
  size_t high = sequences->n_sequences - 1;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (sequences->shares[middle] > x) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

void m4s_sequence_draw_init(m4s_sequence_draw_t *draw, const m4s_sequences_t *sequences,
                            uint64_t seed, uint64_t index, int64_t n) {
  draw->sequences = sequences;
  draw->n_left = n;
  m4s_random_init(&draw->random, seed, "training sequences", index);
}

static const m4s_sequence_t *draw_one(m4s_sequence_draw_t *draw) {
  draw->n_left--;
  return &draw->sequences->sequences[find(draw->sequences, m4s_random_uniform(&draw->random))];
}

// --- side by side ---

typedef struct {
  m4s_scenario_t *scenario;  // owned; NULL: the lane is empty
  m4s_m4_config_t config;  // what it points to is the scenario's
  m4s_periods_t periods;
  m4s_replay_t *replay;  // owned
  int64_t n_steps_left;
  bool started;  // had a sequence before
} lane_t;

struct m4s_lanes {
  m4s_lanes_config_t config;
  m4s_sequence_draw_t *draw;
  m4s_engine_t *engine;
  lane_t *lanes;  // owned, [n_lanes]
  m4s_step_labels_t *labels;  // owned, [n_lanes]
  m4s_replay_score_t score;  // of the sequences that have ended
};

m4s_status_t m4s_lanes_create(const m4s_lanes_config_t *config, m4s_sequence_draw_t *draw,
                              m4s_engine_t *engine, m4s_lanes_t **lanes_out) {
  m4s_lanes_t *lanes = calloc(1, sizeof *lanes);
  if (lanes == NULL) {
    return m4s_fail_memory("lanes");
  }
  *lanes = (m4s_lanes_t){.config = *config,
                         .draw = draw,
                         .engine = engine,
                         .lanes = calloc((size_t)config->n_lanes, sizeof *lanes->lanes),
                         .labels = calloc((size_t)config->n_lanes, sizeof *lanes->labels)};
  if (lanes->lanes == NULL || lanes->labels == NULL) {
    m4s_lanes_destroy(lanes);
    return m4s_fail_memory("lanes");
  }
  *lanes_out = lanes;
  return M4S_OK;
}

static void empty_lane(lane_t *lane) {
  m4s_replay_destroy(lane->replay);
  m4s_periods_clear(&lane->periods);
  m4s_scenario_destroy(lane->scenario);
  *lane = (lane_t){.started = true};
}

void m4s_lanes_destroy(m4s_lanes_t *lanes) {
  if (lanes == NULL) {
    return;
  }
  for (int64_t i = 0; lanes->lanes != NULL && i < lanes->config.n_lanes; i++) {
    empty_lane(&lanes->lanes[i]);
  }
  free(lanes->lanes);
  free(lanes->labels);
  free(lanes);
}

static m4s_status_t fill_lane(m4s_lanes_t *lanes, lane_t *lane) {
  const m4s_sequence_t *sequence = draw_one(lanes->draw);
  int64_t n_steps =
      sequence->n_events < lanes->config.max_steps ? sequence->n_events : lanes->config.max_steps;
  lane->n_steps_left = lanes->config.staggered && !lane->started
                           ? 1 + m4s_random_below(&lanes->draw->random, n_steps)
                           : n_steps;
  M4S_TRY(m4s_scenario_read(sequence->scenario->folder, &lane->scenario));
  M4S_TRY(
      m4s_point_m4_config(&lane->scenario->point, m4s_engine_model(lanes->engine), &lane->config));
  int32_t period = lane->config.algorithm == M4S_M4_EVENT ? sequence->period : -1;
  M4S_TRY(m4s_periods_find(lane->scenario, &lane->periods));
  if (period >= lane->periods.n_periods) {
    return m4s_fail(M4S_ERR_INPUT, "%s: has changed since m4sweep dataset",
                    sequence->scenario->folder);
  }
  m4s_status_t status = m4s_replay_create(lane->scenario, &lane->periods, period, &lane->config,
                                          lanes->engine, &lane->replay);
  if (status != M4S_OK) {
    return m4s_fail_in(status, "%s", sequence->scenario->folder);
  }
  if (period >= 0 && m4s_random_uniform(&lanes->draw->random) < lanes->config.closed_loop) {
    m4s_replay_close_loop(lane->replay);
  }
  return M4S_OK;
}

static void add_score(m4s_lanes_t *lanes, const lane_t *lane) {
  if (lane->replay != NULL) {
    m4s_replay_score_t score = m4s_replay_score(lane->replay);
    lanes->score.n_flows += score.n_flows;
    lanes->score.error += score.error;
  }
}

m4s_replay_score_t m4s_lanes_score(const m4s_lanes_t *lanes) { return lanes->score; }

// The lane's next step, of its sequence or the next one that has any.
static m4s_status_t advance(m4s_lanes_t *lanes, lane_t *lane, m4s_inference_batch_t *batch,
                            m4s_step_labels_t *labels, bool *more_out) {
  enum { MANY = 100000 };
  int64_t n_vain = 0;
  *more_out = false;
  while (!*more_out) {
    if (lane->scenario != NULL && lane->n_steps_left-- > 0) {
      M4S_TRY(m4s_replay_next(lane->replay, batch, labels, more_out));
    }
    if (!*more_out) {
      add_score(lanes, lane);
      empty_lane(lane);
      if (lanes->draw->n_left == 0) {
        return M4S_OK;
      }
      if (n_vain++ == MANY) {
        return m4s_fail(M4S_ERR_INPUT, "of %d sequences of the data sets none has a step", MANY);
      }
      M4S_TRY(fill_lane(lanes, lane));
    }
  }
  return M4S_OK;
}

m4s_status_t m4s_lanes_next(m4s_lanes_t *lanes, m4s_inference_batch_t *batch,
                            const m4s_step_labels_t **labels_out) {
  size_t n = 0;
  for (int64_t i = 0; i < lanes->config.n_lanes; i++) {
    bool more;
    M4S_TRY(advance(lanes, &lanes->lanes[i], batch, &lanes->labels[n], &more));
    n += more;
  }
  *labels_out = lanes->labels;
  return M4S_OK;
}
