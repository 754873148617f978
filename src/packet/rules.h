// The rules and parameters of a packet network, fully resolved.
//
// Three public code bases share the model and differ in details, which are rules here: the HPCC
// artefact on ns-3.17 ("hpcc"), the network back end of SimAI on ns-3.36 ("simai"), and the ground
// truth of the m4 artefact on ns-3.39 ("m4").
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

typedef enum {
  M4S_PACKET_DCTCP,  // paced: marks change a rate, which scales the window
  M4S_PACKET_DCQCN,
  M4S_PACKET_HPCC,
  M4S_PACKET_TIMELY,
} m4s_packet_cc_t;

typedef enum {
  M4S_MMU_SHIFT,  // hpcc, simai: threshold = free shared buffer >> shift
  M4S_MMU_SONIC,  // m4: threshold = free shared buffer; headroom by MTU, PFC delay and BDP
} m4s_packet_mmu_t;

enum { M4S_PACKET_MAX_ECN_RATES = 32 };

// ECN marking of ports of one rate.
typedef struct {
  int64_t rate_bps;
  int64_t k_min_bytes, k_max_bytes;
  double p_max;
} m4s_packet_ecn_t;

typedef struct {
  // Time and headers.
  bool floor_of_double;  // serialisation times: floor of the double, not of the exact quotient
  int32_t payload_bytes;  // of a full packet
  // Without what congestion control adds: of data; of ACKs behind Ethernet's and IP's headers.
  int32_t data_header_bytes, ack_header_bytes;
  // Hosts.
  m4s_packet_cc_t cc;
  bool window;  // flows are window bound
  bool rate_window;  // the window scales with the rate
  bool rate_bound;  // packets are paced at the flow's rate, not the line's
  bool ack_first;  // hosts: ACKs go in the class that is never paused
  bool wake_for_sent;  // flows that have sent all count when the NIC sets its alarm
  int64_t window_bytes;  // 0: the largest bandwidth-delay product of any pair of hosts
  bool propagation_rtt;  // base RTTs without serialisation; the window is trunc(rate RTT / 8)
  int64_t max_rate_bps;  // 0: the line's
  int64_t min_rate_bps;
  int64_t nack_interval_ns;  // between NACKs of one sequence number
  // Switches.
  m4s_packet_mmu_t mmu;
  bool pfc;
  bool ack_class_0;  // switches: ACKs go in the strict class, past the MMU
  bool nvswitch_plain;  // NVSwitches neither mark nor pause
  int64_t buffer_bytes;  // of each switch
  int32_t pfc_shift;
  int64_t headroom_extra_bytes;  // per port, on top of the rule
  int64_t reserve_bytes;  // per port, M4S_MMU_SHIFT
  int64_t resume_offset_bytes;
  int32_t n_ecn;
  m4s_packet_ecn_t ecn[M4S_PACKET_MAX_ECN_RATES];
  m4s_packet_ecn_t ecn_else;  // ports of other rates; thresholds per Gb/s unless ecn_else_flat
  bool ecn_else_flat;
  uint64_t seed;  // of random marking
  // Congestion control.
  double ewma_gain;  // g of DCTCP and DCQCN
  int64_t dctcp_ai_bps;
  int64_t ai_bps, hai_bps;  // additive and hyper increase of DCQCN, HPCC (ai), TIMELY
  int64_t alpha_interval_ns, decrease_interval_ns, increase_interval_ns;  // DCQCN
  int32_t fast_recovery_times;
  bool clamp_target_rate;
  double utilisation_target;  // HPCC
  int32_t mi_threshold;
  bool fast_react;
  int32_t int_multiple;
  int64_t timely_low_ns, timely_high_ns, timely_min_rtt_ns;
  double timely_alpha, timely_beta;
  // What counts as completion.
  bool complete_at_receiver;  // the last byte's arrival, not its ACK's
  bool sent_at_first_packet;  // senders' part in collectives: the first packet has left
  // Events of one time run in the order of a parallel kernel, see partitions.c, not in that in
  // which they were scheduled.
  bool partitioned;
} m4s_packet_rules_t;

typedef enum { M4S_PROFILE_HPCC, M4S_PROFILE_SIMAI, M4S_PROFILE_M4 } m4s_packet_profile_t;

// Refuses rules that make no sense whatever the network (M4S_ERR_INPUT says which and why).
m4s_status_t m4s_packet_rules_check(const m4s_packet_rules_t *rules);

// The parameters of a code base with one of its congestion controls, as its public configurations
// have them.
void m4s_packet_rules_set(m4s_packet_rules_t *rules, m4s_packet_profile_t profile,
                          m4s_packet_cc_t cc);
