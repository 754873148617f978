// The inputs of m4 networks of the kind "fluid-2": what the time cells get of a flow and of a link,
// in place of the elapsed time alone. All are without dimension and of the size of 1.
//
// RTT is the base round-trip time of the flow's path: twice its propagation delays and a full
// packet stored and forwarded at each hop. BDP is the least rate on the path times RTT. Rates and
// remaining bytes are those of a fluid simulation of the flows that m4 has started (see
// flowsim/beside.h), in which a flow sends more slowly than its max-min fair rate by the factor
// that the network last gave it. A flow completes a latency after all is sent: what its ideal FCT
// is beyond the sending at the least rate. A link's RTT is the mean of its flows'.
#pragma once

#include <stdint.h>

#include "flow/flow.h"
#include "net/topology.h"

// X(identifier, quantity, scale): the input is the quantity times the scale. Logarithms of ratios
// below 2^-20 count as -20.
#define M4S_M4_FLOW_INPUTS(X) \
  X(DT, "log2(1 + dt / RTT)", 0.5) /* since the flow's last step */ \
  X(SIZE, "log2(1 + size / payload)", 0.125) \
  X(IDEAL, "log2(ideal FCT / RTT)", 0.25) \
  X(LINKS, "links of the path", 0.25) \
  X(AGE, "log2(1 + age / RTT)", 0.25) \
  X(BASE, "log2(slowdown at this rate)", 0.5) \
  X(RATE, "fluid rate / least rate of the path", 1) \
  X(REMAINING, "part that remains to be sent", 1) \
  X(REMAINING_TIME, "log2(1 + time to send it / RTT)", 0.25) \
  X(CROWD, "log2(most flows on a link of the path)", 0.25) \
  X(DCTCP, "cc is DCTCP", 1) \
  X(DCQCN, "cc is DCQCN", 1) \
  X(HPCC, "cc is HPCC", 1) \
  X(TIMELY, "cc is TIMELY", 1) \
  X(WINDOW, "log2(window / BDP)", 0.25) \
  X(BUFFER, "log2(buffer / BDP)", 0.25) \
  X(DCTCP_K, "DCTCP: log2(K / BDP)", 0.25) \
  X(DCQCN_K_MIN, "DCQCN: log2(Kmin / BDP)", 0.25) \
  X(DCQCN_K_MAX, "DCQCN: log2(Kmax / BDP)", 0.25) \
  X(HPCC_TARGET, "HPCC: target utilisation", 1) \
  X(HPCC_INCREASE, "HPCC: log2(increase / least rate of the path)", 0.25) \
  X(TIMELY_LOW, "TIMELY: log2(lower threshold / RTT)", 0.25) \
  X(TIMELY_HIGH, "TIMELY: log2(upper threshold / RTT)", 0.25) \
  /* bytes in flight, as below, of flows that started before, on the link where they take longest, \
     and its own */ \
  X(QUEUE, "log2(1 + time of what is ahead of it and its own / RTT)", 0.25)

#define M4S_M4_LINK_INPUTS(X) \
  X(DT, "log2(1 + dt / RTT)", 0.5) /* since the link's last step */ \
  X(FLOWS, "log2(1 + flows)", 0.25) \
  X(UTILISATION, "fluid utilisation", 1) \
  X(BDP, "log2(rate * RTT / payload)", 0.25) \
  /* of a flow: the window, or what remains of it */ \
  X(WINDOWS, "log2(1 + most bytes in flight / (rate * RTT))", 0.25) \
  X(DEMAND, "log2(sum of the flows' least rates / rate)", 0.25) \
  X(SWITCH, "a switch sends", 1) \
  X(QUIET, "log2(1 + time since an arrival / RTT)", 0.25) \
  /* decaying by e in 4 RTT */ \
  X(BURST, "log2(1 + bytes that arrived lately / (rate * RTT))", 0.25) \
  /* the network's last words on them */ \
  X(SENDING, "log2(1 + sum of the flows' rates / rate)", 0.5) \
  /* congestion control lowers none below */ \
  X(FLOOR, "log2(sum of the flows' lowest rates / rate)", 0.25)

#define M4S_M4_FLOW_INPUT_ID(id, quantity, scale) M4S_M4_FLOW_##id,
#define M4S_M4_LINK_INPUT_ID(id, quantity, scale) M4S_M4_LINK_##id,
enum { M4S_M4_FLOW_INPUTS(M4S_M4_FLOW_INPUT_ID) M4S_M4_N_FLOW_INPUTS };
enum { M4S_M4_LINK_INPUTS(M4S_M4_LINK_INPUT_ID) M4S_M4_N_LINK_INPUTS };

typedef struct {
  const char *quantity;
  float scale;
} m4s_m4_input_t;

extern const m4s_m4_input_t m4s_m4_flow_inputs[M4S_M4_N_FLOW_INPUTS];
extern const m4s_m4_input_t m4s_m4_link_inputs[M4S_M4_N_LINK_INPUTS];

enum { M4S_M4_MAX_ECN_RATES = 32 };

// Marking thresholds of links of a rate; DCTCP has the lower one alone.
typedef struct {
  int64_t rate_bps;
  double k_min_bytes, k_max_bytes;
} m4s_m4_ecn_t;

// The settings that inputs depend on, for all flows of a run.
typedef struct {
  int cc;  // place of the active one's flag among the flow's inputs: M4S_M4_FLOW_DCTCP …
  double window_bytes;  // 0: the flow's BDP; infinity: none, which counts as 256 BDP
  double buffer_bytes;
  // A flow's are those of the least rate of its path.
  int32_t n_ecn;
  m4s_m4_ecn_t ecn[M4S_M4_MAX_ECN_RATES];
  m4s_m4_ecn_t ecn_else;  // of links of other rates; if it has a rate, in proportion to that
  double min_rate;  // bytes/ns: no sender is slower
  double hpcc_target;  // utilisation
  double hpcc_increase;  // bytes/ns
  double timely_low_ns, timely_high_ns;
} m4s_m4_input_settings_t;

// Computes the inputs of one simulation's flows and links. Flows go by the caller's slots.
typedef struct m4s_m4_inputs m4s_m4_inputs_t;

// The topology is borrowed, the rest is copied. M4S_ERR_MEMORY.
m4s_status_t m4s_m4_inputs_create(const m4s_m4_input_settings_t *settings, const m4s_wire_t *wire,
                                  const m4s_topology_t *topology, m4s_m4_inputs_t **inputs_out);
void m4s_m4_inputs_destroy(m4s_m4_inputs_t *inputs);

// A flow starts or leaves at now_ns, which never goes back. The flow is copied, its links are
// borrowed until it leaves. Errors as of m4s_beside_start().
m4s_status_t m4s_m4_inputs_start(m4s_m4_inputs_t *inputs, int64_t now_ns, int32_t slot,
                                 const m4s_flow_t *flow, int64_t ideal_fct_ns);
m4s_status_t m4s_m4_inputs_leave(m4s_m4_inputs_t *inputs, int64_t now_ns, int32_t slot);

// A step over the flows of `slots` [n_flows] and the links that they cross, all whose flows are in
// it. The links of the flows' paths, path after path, are those with the places `edges` in the
// step; places are counted in the order of first use.
typedef struct {
  int64_t now_ns;
  int32_t n_flows, n_links;
  const int32_t *slots, *edges;
} m4s_m4_input_step_t;

// Writes flow_inputs_out [n_flows, M4S_M4_N_FLOW_INPUTS] and link_inputs_out [n_links,
// M4S_M4_N_LINK_INPUTS]. The step counts as the last one of its rows.
m4s_status_t m4s_m4_inputs_step(m4s_m4_inputs_t *inputs, const m4s_m4_input_step_t *step,
                                float *flow_inputs_out, float *link_inputs_out);

// The fluid's view of a flow at the last step.
typedef struct {
  double rate;  // bytes/ns, max-min fair; 0: all is sent
  double remaining_bytes;  // to be sent, on the wire
  double wire_bytes;  // of the whole flow
  double latency_ns;
  double rtt_ns;
  double least_rate;  // bytes/ns, of the path's links: no flow is faster
} m4s_m4_fluid_flow_t;

m4s_m4_fluid_flow_t m4s_m4_inputs_flow(const m4s_m4_inputs_t *inputs, int32_t slot);

// After a step, at its time: a flow of it sends `factor` > 0 times as slowly as its rate from now
// on, but no faster than its path's links at its present rate. *fct_ns_out: its FCT then, if
// nothing changes; what is sent stays sent.
m4s_status_t m4s_m4_inputs_slow(m4s_m4_inputs_t *inputs, int32_t slot, double factor,
                                double *fct_ns_out);

// What a flow has left to send is known to be something else, at now_ns; before the step. For
// training.
m4s_status_t m4s_m4_inputs_set_remaining(m4s_m4_inputs_t *inputs, int64_t now_ns, int32_t slot,
                                         double wire_bytes);

// The least and the greatest of each input in all steps, [2, M4S_M4_N_FLOW_INPUTS] and [2,
// M4S_M4_N_LINK_INPUTS], valid until the next step; +infinity and -infinity before the first.
const float *m4s_m4_inputs_flow_range(const m4s_m4_inputs_t *inputs);
const float *m4s_m4_inputs_link_range(const m4s_m4_inputs_t *inputs);
