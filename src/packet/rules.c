#include "packet/rules.h"

#include <stddef.h>

static const int64_t US = 1000;
static const int64_t MBPS = 1000000;
static const int64_t GBPS = 1000000000;

// Marking thresholds of all the rates that the public configurations know, in proportion to the
// rate.
static void set_ecn(m4s_packet_rules_t *rules, double k_min_bytes_per_gbps,
                    double k_max_bytes_per_gbps, double p_max) {
  static const int64_t gbps[] = {10,  20,  25,  40,  44,  50,  57,  66,  80,   100,  120, 200,
                                 240, 266, 300, 342, 400, 480, 600, 800, 1200, 1600, 2400};
  rules->n_ecn = (int32_t)(sizeof gbps / sizeof *gbps);
  for (int32_t i = 0; i < rules->n_ecn; i++) {
    rules->ecn[i] =
        (m4s_packet_ecn_t){.rate_bps = gbps[i] * GBPS,
                           .k_min_bytes = (int64_t)(k_min_bytes_per_gbps * (double)gbps[i]),
                           .k_max_bytes = (int64_t)(k_max_bytes_per_gbps * (double)gbps[i]),
                           .p_max = p_max};
  }
}

static void set_common(m4s_packet_rules_t *rules) {
  *rules = (m4s_packet_rules_t){
      .payload_bytes = 1000,
      .data_header_bytes = 48,
      .ack_header_bytes = 12,
      .rate_bound = true,
      .min_rate_bps = 100 * MBPS,
      .nack_interval_ns = 500 * US,
      .pfc = true,
      .buffer_bytes = INT64_C(3276) * 1024,
      .pfc_shift = 3,
      .reserve_bytes = 4096,
      .resume_offset_bytes = 3072,
      .seed = 1,
      .ewma_gain = 1.0 / 16,
      .dctcp_ai_bps = 615 * MBPS,
      .alpha_interval_ns = US,
      .decrease_interval_ns = 4 * US,
      .increase_interval_ns = 300 * US,
      .fast_recovery_times = 1,
      .utilisation_target = 0.95,
      .int_multiple = 1,
      .timely_low_ns = 50 * US,
      .timely_high_ns = 500 * US,
      .timely_min_rtt_ns = 20 * US,
      .timely_alpha = 0.875,
      .timely_beta = 0.8,
  };
}

static void set_cc(m4s_packet_rules_t *rules, m4s_packet_cc_t cc) {
  rules->cc = cc;
  set_ecn(rules, 4000, 16000, 0.2);
  switch (cc) {
    case M4S_PACKET_DCTCP:
      rules->window = rules->rate_window = true;
      set_ecn(rules, 3000, 3000, 1);
      break;
    case M4S_PACKET_DCQCN:
      rules->ack_first = true;
      rules->ewma_gain = 1.0 / 256;
      rules->ai_bps = 2 * MBPS;
      rules->hai_bps = 20 * MBPS;
      break;
    case M4S_PACKET_HPCC:
      rules->window = rules->rate_window = rules->fast_react = true;
      rules->ai_bps = 4 * MBPS;
      break;
    case M4S_PACKET_TIMELY:
      rules->ack_first = true;
      rules->ai_bps = 10 * MBPS;
      rules->hai_bps = 50 * MBPS;
      break;
  }
}

static void set_simai(m4s_packet_rules_t *rules) {
  rules->data_header_bytes = 52;
  rules->ack_header_bytes = 16;
  rules->wake_for_sent = true;
  rules->ack_first = true;
  rules->min_rate_bps = GBPS;
  rules->dctcp_ai_bps = 2 * GBPS;
  rules->nvswitch_plain = true;
  rules->buffer_bytes = INT64_C(100000) * 1024;
  rules->fast_recovery_times = 3;
  set_ecn(rules, 1000, 4000, 0.2);
}

static void set_m4(m4s_packet_rules_t *rules, m4s_packet_cc_t cc) {
  rules->ack_first = rules->ack_class_0 = true;
  rules->propagation_rtt = true;
  rules->max_rate_bps = 10 * GBPS;
  rules->min_rate_bps = GBPS;
  rules->mmu = M4S_MMU_SONIC;
  rules->buffer_bytes = INT64_C(3000) * 1024;
  rules->reserve_bytes = 0;
  rules->timely_low_ns = 100 * US;
  rules->timely_high_ns = 200 * US;
  rules->complete_at_receiver = true;
  if (cc == M4S_PACKET_HPCC) {
    rules->ai_bps = GBPS;
  } else if (cc == M4S_PACKET_DCQCN) {
    set_ecn(rules, 800, 1200, 0.2);
  }
}

void m4s_packet_rules_set(m4s_packet_rules_t *rules, m4s_packet_profile_t profile,
                          m4s_packet_cc_t cc) {
  set_common(rules);
  set_cc(rules, cc);
  rules->floor_of_double = profile == M4S_PROFILE_HPCC;
  if (profile == M4S_PROFILE_SIMAI) {
    set_simai(rules);
  } else if (profile == M4S_PROFILE_M4) {
    set_m4(rules, cc);
  }
}
