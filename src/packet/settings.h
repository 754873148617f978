// The settings of the packet simulator: a profile of rules, and what differs from it.
#pragma once

#include "core/field.h"
#include "flow/flow.h"
#include "packet/packet.h"

// Numbers below 0 and choices at 0 ("profile") leave the profile's rule as it is.
typedef struct {
  int profile;  // m4s_packet_profile_t
  int cc;  // m4s_packet_cc_t, as profile_ccs in settings.c lists them
  int window;  // 0: profile, 1: none, 2: fixed, 3: scaled with the rate
  double window_kb;  // 0: the largest bandwidth-delay product
  double buffer_kb;
  int pfc, nvswitch_plain, rate_bound, fast_react, clamp_target_rate;  // 0: profile, 1: off, 2: on
  double pfc_shift, headroom_extra_bytes;
  double k_min_kb, k_max_kb, p_max;
  int ecn_scale;  // 0: thresholds are those of 10 Gb/s and grow with the rate, 1: of every rate
  double min_rate_mbps, max_rate_mbps;
  double ewma_gain;
  double dctcp_ai_mbps, ai_mbps, hai_mbps;
  double alpha_interval_us, decrease_interval_us, increase_interval_us;
  double fast_recovery_times;
  double utilisation_target, mi_threshold, int_multiple;
  double timely_low_us, timely_high_us, timely_beta;
  int ecmp;  // 0: by flow, 1: by pair
  int completion;  // 0: profile, 1: at the sender, 2: at the receiver
  int event_order;  // of events of one time; 0: as scheduled, 1: as a parallel kernel has it
} m4s_packet_config_t;

enum { M4S_N_PACKET_FIELDS = 35 };
extern const m4s_field_t m4s_packet_fields[M4S_N_PACKET_FIELDS];

// The rules that the settings give; `seed` is that of random marking. M4S_ERR_INPUT names the
// setting that makes no sense.
m4s_status_t m4s_packet_config_resolve(const m4s_packet_config_t *config, const m4s_wire_t *wire,
                                       uint64_t seed, m4s_packet_rules_t *rules_out);
