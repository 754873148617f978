// The inputs of m4 networks of the kind "fluid-1": what the time cells get of a flow and of a link,
// in place of the elapsed time alone. All are without dimension and of the size of 1.
//
// RTT is the base round-trip time of the flow's path: twice its propagation delays and a full
// packet stored and forwarded at each hop. BDP is the least rate on the path times RTT. Rates and
// remaining bytes are those of a fluid simulation of the flows that m4 holds active: max-min fair,
// each flow drained from its start, those that are drained staying where they are. A link's RTT is
// the mean of its flows'.
#pragma once

#include <stdint.h>

// X(identifier, quantity, scale): the input is the quantity times the scale. Logarithms of ratios
// below 2^-20 count as -20.
#define M4S_M4_FLOW_INPUTS(X) \
  X(DT, "log2(1 + dt / RTT)", 0.5) /* since the flow's last step */ \
  X(SIZE, "log2(1 + size / payload)", 0.125) \
  X(IDEAL, "log2(ideal FCT / RTT)", 0.25) \
  X(LINKS, "links of the path", 0.25) \
  X(AGE, "log2(1 + age / RTT)", 0.25) \
  X(BASE, "log2(fluid slowdown)", 0.5) \
  X(RATE, "fluid rate / least rate of the path", 1) \
  X(REMAINING, "remaining fraction", 1) \
  X(REMAINING_TIME, "log2(1 + remaining time / RTT)", 0.25) \
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
  X(TIMELY_HIGH, "TIMELY: log2(upper threshold / RTT)", 0.25)

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
  X(BURST, "log2(1 + bytes that arrived lately / (rate * RTT))", 0.25)

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
