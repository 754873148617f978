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
  rules->ecn_else = (m4s_packet_ecn_t){.k_min_bytes = (int64_t)k_min_bytes_per_gbps,
                                       .k_max_bytes = (int64_t)k_max_bytes_per_gbps,
                                       .p_max = p_max};
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
  rules->sent_at_first_packet = true;
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

static m4s_status_t check_ecn(const m4s_packet_ecn_t *ecn) {
  if (ecn->k_min_bytes > ecn->k_max_bytes) {
    return m4s_fail(M4S_ERR_INPUT,
                    "packet: ECN marks from a queue of %lld bytes on but all packets from %lld on: "
                    "k_min must not be above k_max",
                    (long long)ecn->k_min_bytes, (long long)ecn->k_max_bytes);
  }
  return M4S_OK;
}

static m4s_status_t check_times(const m4s_packet_rules_t *rules) {
  if (rules->alpha_interval_ns < 1 || rules->decrease_interval_ns < 1 ||
      rules->increase_interval_ns < 1) {
    return m4s_fail(M4S_ERR_INPUT, "packet: the intervals of DCQCN must be above 0");
  }
  if (rules->timely_low_ns > rules->timely_high_ns) {
    return m4s_fail(M4S_ERR_INPUT, "packet: timely_low (%lld ns) is above timely_high (%lld ns)",
                    (long long)rules->timely_low_ns, (long long)rules->timely_high_ns);
  }
  return M4S_OK;
}

static m4s_status_t check_rates(const m4s_packet_rules_t *rules) {
  if (rules->min_rate_bps < 1) {
    return m4s_fail(M4S_ERR_INPUT, "packet: min_rate must be above 0");
  }
  if (rules->max_rate_bps > 0 && rules->max_rate_bps < rules->min_rate_bps) {
    return m4s_fail(M4S_ERR_INPUT, "packet: max_rate (%lld b/s) is below min_rate (%lld b/s)",
                    (long long)rules->max_rate_bps, (long long)rules->min_rate_bps);
  }
  return M4S_OK;
}

m4s_status_t m4s_packet_rules_check(const m4s_packet_rules_t *rules) {
  M4S_TRY(check_rates(rules));
  M4S_TRY(check_times(rules));
  M4S_TRY(check_ecn(&rules->ecn_else));
  for (int32_t i = 0; i < rules->n_ecn; i++) {
    M4S_TRY(check_ecn(&rules->ecn[i]));
  }
  enum { MAX_PAYLOAD_BYTES = 60000 };
  if (rules->payload_bytes < 1 || rules->payload_bytes > MAX_PAYLOAD_BYTES) {
    return m4s_fail(M4S_ERR_INPUT, "packet: a payload of %d bytes; 1 to %d are possible",
                    rules->payload_bytes, MAX_PAYLOAD_BYTES);
  }
  if (rules->cc == M4S_PACKET_HPCC && !rules->window) {
    return m4s_fail(M4S_ERR_INPUT, "packet: HPCC needs a window");
  }
  if (rules->cc == M4S_PACKET_HPCC &&
      (rules->int_multiple < 1 || !(rules->utilisation_target > 0))) {
    return m4s_fail(M4S_ERR_INPUT,
                    "packet: HPCC needs int_multiple and utilisation_target above 0");
  }
  return M4S_OK;
}
