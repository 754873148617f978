// m4: flows and links with learned states; a GNN and recurrent cells move them on, a prediction
// gives each flow's FCT as a multiple of its ideal FCT (arXiv 2503.01770), or how much
// slower than in a fluid simulation that runs beside it sends (m4/inputs.h).
//
// Two algorithms. "event" is the paper's: one step at each arrival and completion, over the flows
// that are connected to it through shared links. "interval" is that of the public SimAI
// integration: flows that arrived during an interval enter together, in one step over all active
// flows. In its mode "published" it repeats the public code with its quirks, which are not physics,
// to check against its published numbers: counts of flows that completed before they entered leak,
// the wrong links' states are reset, the clock has 24 bits.
#pragma once

#include "core/field.h"
#include "flow/flow.h"
#include "m4/engine.h"
#include "m4/inputs.h"
#include "net/routing.h"
#include "sim/network_model.h"

typedef enum { M4S_M4_INTERVAL, M4S_M4_EVENT } m4s_m4_algorithm_t;
typedef enum { M4S_M4_DEFAULT, M4S_M4_PUBLISHED } m4s_m4_mode_t;
// What a predicted slowdown is a multiple of.
typedef enum {
  M4S_M4_IDEAL_PAIR,  // m4s_ideal_fct_ns() of the pair of hosts: GPU clusters, as published
  M4S_M4_IDEAL_PATH,  // m4s_ideal_fct_m_ns() of the flow's path: Clos fabrics
} m4s_m4_ideal_t;
typedef enum { M4S_CC_DCTCP, M4S_CC_DCQCN, M4S_CC_HPCC, M4S_CC_TIMELY } m4s_cc_t;

typedef struct {
  char *model;  // owned: path of the weights; NULL: those that are built in
  int algorithm;  // m4s_m4_algorithm_t
  int mode;  // m4s_m4_mode_t
  int forward;  // m4s_forward_t
  int64_t batch_time_ns;  // interval: from the first pending flow to the step
  int64_t reschedule_flow_count;  // interval: arrivals between steps that reschedule all flows
  // event: arrivals at one instant enter first, then make one step for each component.
  bool merge_arrivals;
  // Network parameters as published networks take them (their names and scales):
  double bfsz;  // switch buffer, 10 kB per class of ports
  double fwin;  // initial window, kB
  int cc;  // m4s_cc_t; parameters of the others are given to the network as 0
  double dctcp_k;  // DCTCP marking threshold, kB
  double dcqcn_k_min, dcqcn_k_max;  // DCQCN marking thresholds, kB
  double u_tgt, hpai;  // HPCC: target utilisation in percent, additive increase in 10 Mb/s
  double timely_t_low, timely_t_high;  // TIMELY thresholds, microseconds
  // For networks with fluid inputs in place of those; not among the fields: they follow from the
  // settings of the packet simulator. Where they are not given, those stand for them.
  bool has_conditions;
  m4s_m4_input_settings_t conditions;
  // For ideal FCTs; not among the fields: they follow from the traffic.
  m4s_wire_t wire;
  m4s_m4_ideal_t ideal;
} m4s_m4_config_t;

enum { M4S_N_M4_FIELDS = 17 };
extern const m4s_field_t m4s_m4_fields[M4S_N_M4_FIELDS];

enum { M4S_M4_N_PARAMS = 13 };

// The network parameters in the order of the weights: bfsz, fwin, one-hot cc (4), dctcp_k,
// dcqcn_k_min, dcqcn_k_max, u_tgt, hpai, timely_t_low, timely_t_high.
void m4s_m4_params(const m4s_m4_config_t *config, float params_out[M4S_M4_N_PARAMS]);

// The same for the inputs of networks with fluid inputs.
m4s_m4_input_settings_t m4s_m4_input_settings(const m4s_m4_config_t *config);

// Work done, for benchmarks and checks.
typedef struct {
  int64_t steps, flow_rows, link_rows, edges;
  int64_t reschedules;  // of completions
  int64_t peak_active_flows;
} m4s_m4_counts_t;

// What a model is told of each step, after its evaluation; NULL function: nothing.
typedef struct {
  int64_t now_ns;
  int64_t n_pending, n_pending_completed;  // interval: flows that entered; completed before it
  int32_t n_flows, n_links, n_edges;
  float dt_us;
  bool reschedule_all;
  const float *slowdowns;  // [n_flows], in the step's order, not clamped
} m4s_m4_step_trace_t;

typedef struct {
  void (*step)(void *context, const m4s_m4_step_trace_t *trace);
  void *context;
} m4s_m4_tracer_t;

// All arguments are borrowed until model_out->ops->destroy(model_out->state). M4S_ERR_INPUT for a
// model without fluid inputs whose number of parameters is not M4S_M4_N_PARAMS, and for mode
// "published" with algorithm "event" or with fluid inputs. While it runs, a prediction that is not
// finite is M4S_ERR_SIMULATION naming flow and time.
m4s_status_t m4s_m4_create(const m4s_m4_config_t *config, m4s_engine_t *engine,
                           const m4s_topology_t *topology, m4s_routing_t *routing,
                           m4s_clock_t *clock, m4s_network_model_t *model_out);

// Of a model made by m4s_m4_create().
m4s_m4_counts_t m4s_m4_counts(const m4s_network_model_t *model);

// An input of the network that has left the range of its training.
typedef struct {
  bool of_link;  // else of a flow
  const char *quantity;  // borrowed, as of m4/inputs.h
  double least, greatest;  // of the quantity so far
  double trained_least, trained_greatest;
} m4s_m4_outside_t;

enum { M4S_M4_MAX_OUTSIDE = M4S_M4_N_FLOW_INPUTS + M4S_M4_N_LINK_INPUTS };

// Those that have left it by more than a twentieth of its width and, as the network gets them, by
// more than 0.01; how many. None of networks whose file has no ranges.
int32_t m4s_m4_outside(const m4s_network_model_t *model,
                       m4s_m4_outside_t outside_out[M4S_M4_MAX_OUTSIDE]);
void m4s_m4_set_tracer(m4s_network_model_t *model, m4s_m4_tracer_t tracer);
