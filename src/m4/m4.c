#include "m4/m4.h"

#include <math.h>

#include "core/units.h"
#include "m4/network.h"

static const char *const algorithms[] = {"interval", "event", NULL};
static const char *const modes[] = {"default", "published", NULL};
static const char *const forwards[] = {"fast", "reference", NULL};
static const char *const ccs[] = {"dctcp", "dcqcn", "hpcc", "timely", NULL};

#define CHOICE(member_, fallback_, choices_, help_) \
  { \
    .name = #member_, .kind = M4S_FIELD_CHOICE, .offset = offsetof(m4s_m4_config_t, member_), \
    .fallback = fallback_, .choices = choices_, .help = help_ \
  }
#define WHOLE(member_, unit_, fallback_, min_, max_, help_) \
  { \
    .name = #member_, .kind = M4S_FIELD_INT, .offset = offsetof(m4s_m4_config_t, member_), \
    .unit = unit_, .fallback = fallback_, .min = min_, .max = max_, .help = help_ \
  }
#define REAL(member_, unit_, fallback_, help_) \
  { \
    .name = #member_, .kind = M4S_FIELD_REAL, .offset = offsetof(m4s_m4_config_t, member_), \
    .unit = unit_, .fallback = fallback_, .min = 0, .max = 1e6, .help = help_ \
  }
const m4s_field_t m4s_m4_fields[] = {
    {.name = "model",
     .kind = M4S_FIELD_PATH,
     .offset = offsetof(m4s_m4_config_t, model),
     .help = "file of a network's weights in place of the network that is built in"},
    CHOICE(algorithm, "event", algorithms,
           "a step over all flows now and then, or over connected ones at each event"),
    CHOICE(mode, "default", modes, "interval: sensible, or with the public code's quirks"),
    CHOICE(forward, "fast", forwards, "how the network is evaluated: vector kernels or plain C"),
    WHOLE(batch_time_ns, "ns", "10000", 1, 1e12, "interval: from the first flow to the step"),
    WHOLE(reschedule_flow_count, "flows", "8", 0, 1e9,
          "interval: arrivals after which a step reschedules all flows"),
    {.name = "merge_arrivals",
     .kind = M4S_FIELD_FLAG,
     .offset = offsetof(m4s_m4_config_t, merge_arrivals),
     .fallback = "false",
     .help = "event: arrivals at one instant make one step, not one each"},
    REAL(bfsz, "times 10 kB", "30", "switch buffer, per class of ports"),
    REAL(fwin, "kB", "18", "initial window"),
    CHOICE(cc, "dctcp", ccs, "congestion control; networks with fluid inputs follow packet.*"),
    REAL(dctcp_k, "kB", "30", "DCTCP: marking threshold"),
    REAL(dcqcn_k_min, "kB", "20", "DCQCN: queue at which marking begins"),
    REAL(dcqcn_k_max, "kB", "30", "DCQCN: queue from which all is marked"),
    REAL(u_tgt, "percent", "95", "HPCC: target utilisation"),
    REAL(hpai, "times 10 Mb/s", "100", "HPCC: additive increase"),
    REAL(timely_t_low, "us", "100", "TIMELY: lower RTT threshold"),
    REAL(timely_t_high, "us", "200", "TIMELY: upper RTT threshold"),
};

void m4s_m4_params(const m4s_m4_config_t *config, float params_out[M4S_M4_N_PARAMS]) {
  enum { CC = 2 };
  bool is[] = {config->cc == M4S_CC_DCTCP, config->cc == M4S_CC_DCQCN, config->cc == M4S_CC_HPCC,
               config->cc == M4S_CC_TIMELY};
  params_out[0] = (float)config->bfsz;
  params_out[1] = (float)config->fwin;
  for (int i = 0; i < (int)M4S_COUNT(is); i++) {
    params_out[CC + i] = is[i] ? 1 : 0;
  }
  params_out[6] = is[M4S_CC_DCTCP] ? (float)config->dctcp_k : 0;
  params_out[7] = is[M4S_CC_DCQCN] ? (float)config->dcqcn_k_min : 0;
  params_out[8] = is[M4S_CC_DCQCN] ? (float)config->dcqcn_k_max : 0;
  params_out[9] = is[M4S_CC_HPCC] ? (float)config->u_tgt : 0;
  params_out[10] = is[M4S_CC_HPCC] ? (float)config->hpai : 0;
  params_out[11] = is[M4S_CC_TIMELY] ? (float)config->timely_t_low : 0;
  params_out[12] = is[M4S_CC_TIMELY] ? (float)config->timely_t_high : 0;
}

m4s_m4_input_settings_t m4s_m4_input_settings(const m4s_m4_config_t *config) {
  if (config->has_conditions) {
    return config->conditions;
  }
  bool dctcp = config->cc == M4S_CC_DCTCP;
  static const int ccs_inputs[] = {M4S_M4_FLOW_DCTCP, M4S_M4_FLOW_DCQCN, M4S_M4_FLOW_HPCC,
                                   M4S_M4_FLOW_TIMELY};
  const double kb = 1e3;
  double k_min_kb = dctcp ? config->dctcp_k : config->dcqcn_k_min;
  const double mbps = m4s_bps_to_bytes_per_ns(1000000);
  const double ns_per_us = (double)M4S_NS_PER_US;
  return (m4s_m4_input_settings_t){
      .cc = ccs_inputs[config->cc],
      .window_bytes = config->fwin * kb,
      .buffer_bytes = config->bfsz * 10 * kb,
      .ecn_else = {.k_min_bytes = k_min_kb * kb, .k_max_bytes = config->dcqcn_k_max * kb},
      .min_rate = 1000 * mbps,  // of packet's profiles m4 and simai
      .hpcc_target = config->u_tgt / 100,
      .hpcc_increase = config->hpai * 10 * mbps,
      .timely_low_ns = config->timely_t_low * ns_per_us,
      .timely_high_ns = config->timely_t_high * ns_per_us};
}

// Whether the settings make sense with the network.
static m4s_status_t check_network(const m4s_m4_config_t *config, const m4s_model_t *model) {
  const char *name = config->model == NULL ? "the network that is built in" : config->model;
  if (model->inputs == M4S_INPUTS_FLUID) {
    return config->mode != M4S_M4_PUBLISHED
               ? M4S_OK
               : m4s_fail(M4S_ERR_INPUT,
                          "m4.mode: \"published\" is for published networks, %s has inputs \"%s\": "
                          "\"default\" is its mode",
                          name, m4s_model_inputs_name(model));
  }
  return model->n_params == M4S_M4_N_PARAMS
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT, "m4.model: %s takes %d network parameters, m4 has %d", name,
                        model->n_params, M4S_M4_N_PARAMS);
}

m4s_status_t m4s_m4_create(const m4s_m4_config_t *config, m4s_engine_t *engine,
                           const m4s_topology_t *topology, m4s_routing_t *routing,
                           m4s_clock_t *clock, m4s_network_model_t *model_out) {
  M4S_TRY(check_network(config, m4s_engine_model(engine)));
  if (config->algorithm == M4S_M4_EVENT && config->mode == M4S_M4_PUBLISHED) {
    return m4s_fail(M4S_ERR_INPUT,
                    "m4.mode: \"published\" is a mode of the algorithm \"interval\" alone, "
                    "\"event\" has only \"default\"");
  }
  if (config->dcqcn_k_min > config->dcqcn_k_max) {
    return m4s_fail(M4S_ERR_INPUT, "m4.dcqcn_k_min: %g kB is above dcqcn_k_max, %g kB",
                    config->dcqcn_k_min, config->dcqcn_k_max);
  }
  if (config->timely_t_low > config->timely_t_high) {
    return m4s_fail(M4S_ERR_INPUT, "m4.timely_t_low: %g us is above timely_t_high, %g us",
                    config->timely_t_low, config->timely_t_high);
  }
  return config->algorithm == M4S_M4_EVENT
             ? m4s_m4_event_create(config, engine, topology, routing, clock, model_out)
             : m4s_m4_interval_create(config, engine, topology, routing, clock, model_out);
}

m4s_m4_counts_t m4s_m4_counts(const m4s_network_model_t *model) {
  const m4s_m4_network_t *network = model->state;  // both algorithms begin with it
  return network->counts;
}

// Adds those among `n` inputs that are outside, by the ranges [2, n] of their training and of the
// run, NULL: not known.
static int32_t find_outside(const m4s_m4_input_t *inputs, int32_t n, const float *trained,
                            const float *range, m4s_m4_outside_t *outside) {
  int32_t n_outside = 0;
  for (int32_t i = 0; trained != NULL && i < n; i++) {
    double width = (double)trained[n + i] - (double)trained[i];
    double margin = fmax(0.05 * width, 0.01);
    if ((double)range[i] < (double)trained[i] - margin ||
        (double)range[n + i] > (double)trained[n + i] + margin) {
      double scale = (double)inputs[i].scale;
      outside[n_outside++] = (m4s_m4_outside_t){.quantity = inputs[i].quantity,
                                                .least = (double)range[i] / scale,
                                                .greatest = (double)range[n + i] / scale,
                                                .trained_least = (double)trained[i] / scale,
                                                .trained_greatest = (double)trained[n + i] / scale};
    }
  }
  return n_outside;
}

int32_t m4s_m4_outside(const m4s_network_model_t *model,
                       m4s_m4_outside_t outside_out[M4S_M4_MAX_OUTSIDE]) {
  const m4s_m4_network_t *network = model->state;
  const m4s_model_t *weights = m4s_engine_model(network->engine);
  if (network->inputs == NULL || network->counts.steps == 0) {
    return 0;
  }
  int32_t n_flow = find_outside(m4s_m4_flow_inputs, M4S_M4_N_FLOW_INPUTS, weights->flow_input_range,
                                m4s_m4_inputs_flow_range(network->inputs), outside_out);
  int32_t n_link = find_outside(m4s_m4_link_inputs, M4S_M4_N_LINK_INPUTS, weights->link_input_range,
                                m4s_m4_inputs_link_range(network->inputs), outside_out + n_flow);
  for (int32_t i = 0; i < n_link; i++) {
    outside_out[n_flow + i].of_link = true;
  }
  return n_flow + n_link;
}

void m4s_m4_set_tracer(m4s_network_model_t *model, m4s_m4_tracer_t tracer) {
  m4s_m4_network_t *network = model->state;
  network->tracer = tracer;
}
