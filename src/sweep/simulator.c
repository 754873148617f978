#include "sweep/simulator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/units.h"

// One line a simulator.
#define SIMULATORS(X) X(flowsim) X(m4) X(packet)

static m4s_status_t create_flowsim(const m4s_simulator_inputs_t *inputs,
                                   m4s_simulator_t *simulator) {
  return m4s_flowsim_create(&inputs->point->flowsim, inputs->topology, inputs->clock,
                            &simulator->model);
}

static m4s_m4_ecn_t ecn_of(const m4s_packet_ecn_t *ecn) {
  return (m4s_m4_ecn_t){.rate_bps = ecn->rate_bps,
                        .k_min_bytes = (double)ecn->k_min_bytes,
                        .k_max_bytes = (double)ecn->k_max_bytes};
}

// What m4's networks are told of the rules.
static m4s_m4_input_settings_t conditions_of(const m4s_packet_rules_t *rules) {
  static const int ccs[] = {[M4S_PACKET_DCTCP] = M4S_M4_FLOW_DCTCP,
                            [M4S_PACKET_DCQCN] = M4S_M4_FLOW_DCQCN,
                            [M4S_PACKET_HPCC] = M4S_M4_FLOW_HPCC,
                            [M4S_PACKET_TIMELY] = M4S_M4_FLOW_TIMELY};
  m4s_m4_input_settings_t conditions = {
      .cc = ccs[rules->cc],
      .window_bytes = rules->window ? (double)rules->window_bytes : (double)INFINITY,
      .buffer_bytes = (double)rules->buffer_bytes,
      .n_ecn = rules->n_ecn,
      .ecn_else = ecn_of(&rules->ecn_else),
      .min_rate = m4s_bps_to_bytes_per_ns(rules->min_rate_bps),
      .hpcc_target = rules->utilisation_target,
      .hpcc_increase = m4s_bps_to_bytes_per_ns(rules->ai_bps),
      .timely_low_ns = (double)rules->timely_low_ns,
      .timely_high_ns = (double)rules->timely_high_ns};
  conditions.ecn_else.rate_bps = rules->ecn_else_flat ? 0 : M4S_BPS_PER_GBPS;
  for (int32_t i = 0; i < rules->n_ecn; i++) {
    conditions.ecn[i] = ecn_of(&rules->ecn[i]);
  }
  return conditions;
}

_Static_assert((int)M4S_M4_MAX_ECN_RATES == (int)M4S_PACKET_MAX_ECN_RATES, "one table of rates");

m4s_status_t m4s_point_m4_config(const m4s_point_t *point, const m4s_model_t *network,
                                 m4s_m4_config_t *config_out) {
  m4s_m4_config_t config = point->m4;
  if (network->inputs == M4S_INPUTS_FLUID) {
    m4s_packet_rules_t rules;
    M4S_TRY(
        m4s_packet_config_resolve(&point->packet, &point->wire, (uint64_t)point->run.seed, &rules));
    config.has_conditions = true;
    config.conditions = conditions_of(&rules);
  }
  *config_out = config;
  return M4S_OK;
}

static m4s_status_t create_m4(const m4s_simulator_inputs_t *inputs, m4s_simulator_t *simulator) {
  const m4s_m4_config_t *config = &inputs->point->m4;
  m4s_status_t status = m4s_engines_take(inputs->engines, config->model,
                                         (m4s_forward_t)config->forward, &simulator->network);
  if (status != M4S_OK) {
    return m4s_fail_in(status, "m4.model");
  }
  m4s_engine_t *engine = simulator->network->engine;
  simulator->m4 = malloc(sizeof *simulator->m4);
  if (simulator->m4 == NULL) {
    return m4s_fail_memory("m4");
  }
  M4S_TRY(m4s_point_m4_config(inputs->point, m4s_engine_model(engine), simulator->m4));
  return m4s_m4_create(simulator->m4, engine, inputs->topology, inputs->routing, inputs->clock,
                       &simulator->model);
}

// Flows of lists and mixes come with their paths.
static m4s_packet_ecmp_t ecmp_of(const m4s_point_t *point) {
  if (point->traffic.kind == M4S_TRAFFIC_WORKLOAD) {
    return (m4s_packet_ecmp_t)point->packet.ecmp;
  }
  return point->traffic.mix.paths == M4S_PATHS_PAIR ? M4S_PACKET_ECMP_PAIR : M4S_PACKET_ECMP_GIVEN;
}

static m4s_status_t create_packet(const m4s_simulator_inputs_t *inputs,
                                  m4s_simulator_t *simulator) {
  const m4s_point_t *point = inputs->point;
  m4s_packet_rules_t rules;
  M4S_TRY(
      m4s_packet_config_resolve(&point->packet, &point->wire, (uint64_t)point->run.seed, &rules));
  M4S_TRY(m4s_packet_create(&rules, ecmp_of(point), inputs->topology, inputs->routing,
                            inputs->clock, &simulator->model));
  return point->output.links ? m4s_packet_watch_queues(&simulator->model) : M4S_OK;
}

typedef m4s_status_t (*create_fn)(const m4s_simulator_inputs_t *inputs, m4s_simulator_t *simulator);

#define CREATE(name) create_##name,
static const create_fn creators[] = {SIMULATORS(CREATE)};
#undef CREATE

#define NAME(name) #name,
const char *const m4s_simulator_names[] = {SIMULATORS(NAME) NULL};
#undef NAME

m4s_status_t m4s_simulator_create(const char *name, const m4s_simulator_inputs_t *inputs,
                                  m4s_simulator_t *simulator_out) {
  for (size_t i = 0; i < M4S_COUNT(creators); i++) {
    if (strcmp(name, m4s_simulator_names[i]) == 0) {
      m4s_simulator_t simulator = {.engines = inputs->engines};
      m4s_status_t status = creators[i](inputs, &simulator);
      if (status != M4S_OK) {
        m4s_simulator_clear(&simulator);
        return status;
      }
      *simulator_out = simulator;
      return M4S_OK;
    }
  }
  return m4s_fail(M4S_ERR_INPUT, "unknown simulator \"%s\"%s", name,
                  m4s_did_you_mean(name, m4s_simulator_names, M4S_COUNT(creators)));
}

void m4s_simulator_clear(m4s_simulator_t *simulator) {
  if (simulator->model.ops != NULL) {
    simulator->model.ops->destroy(simulator->model.state);
  }
  if (simulator->network != NULL) {
    m4s_engines_release(simulator->engines, simulator->network);
  }
  free(simulator->m4);
  *simulator = (m4s_simulator_t){0};
}

int64_t m4s_simulator_n_steps(const m4s_simulator_t *simulator) {
  return simulator->network == NULL ? 0 : m4s_m4_counts(&simulator->model).steps;
}
