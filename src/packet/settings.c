#include "packet/settings.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const profiles[] = {"hpcc", "simai", "m4", NULL};
static const char *const ccs[] = {"dctcp", "dcqcn", "hpcc", "timely", NULL};
static const char *const windows[] = {"profile", "none", "fixed", "rate", NULL};
static const char *const switches[] = {"profile", "off", "on", NULL};
static const char *const scales[] = {"rate", "flat", NULL};
static const char *const ecmps[] = {"flow", "pair", NULL};
static const char *const completions[] = {"profile", "sender", "receiver", NULL};
static const char *const orders[] = {"scheduled", "partitioned", NULL};

// Numbers of -1 are the profile's, and help says so.
const m4s_field_t m4s_packet_fields[] = {
    {.name = "profile",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, profile),
     .fallback = "simai",
     .choices = profiles,
     .help = "the code base whose rules hold: ns-3 of HPCC, of SimAI, of m4"},
    {.name = "cc",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, cc),
     .fallback = "dctcp",
     .choices = ccs,
     .help = "congestion control of the senders"},
    {.name = "window",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, window),
     .fallback = "profile",
     .choices = windows,
     .help = "what bounds the bytes in flight of a flow"},
    {.name = "window_kb",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, window_kb),
     .unit = "kB",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "of a flow; 0: the largest bandwidth-delay product of any pair of hosts"},
    {.name = "buffer_kb",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, buffer_kb),
     .unit = "KiB",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 4e+06,
     .help = "of each switch"},
    {.name = "pfc",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, pfc),
     .fallback = "profile",
     .choices = switches,
     .help = "switches pause their peers"},
    {.name = "nvswitch_plain",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, nvswitch_plain),
     .fallback = "profile",
     .choices = switches,
     .help = "NVSwitches neither mark nor pause"},
    {.name = "rate_bound",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, rate_bound),
     .fallback = "profile",
     .choices = switches,
     .help = "packets are paced at the flow's rate"},
    {.name = "fast_react",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, fast_react),
     .fallback = "profile",
     .choices = switches,
     .help = "HPCC reacts to every ACK"},
    {.name = "clamp_target_rate",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, clamp_target_rate),
     .fallback = "profile",
     .choices = switches,
     .help = "DCQCN lowers its target with every decrease"},
    {.name = "pfc_shift",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, pfc_shift),
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 31,
     .help = "a port may fill the free buffer divided by two to this power"},
    {.name = "headroom_extra_bytes",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, headroom_extra_bytes),
     .unit = "bytes",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "per port, on top of the profile's rule"},
    {.name = "k_min_kb",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, k_min_kb),
     .unit = "kB",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "queue from which packets are marked"},
    {.name = "k_max_kb",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, k_max_kb),
     .unit = "kB",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "queue from which all packets are marked"},
    {.name = "p_max",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, p_max),
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1,
     .help = "probability of a mark at k_max_kb"},
    {.name = "ecn_scale",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, ecn_scale),
     .fallback = "rate",
     .choices = scales,
     .help = "k_min_kb and k_max_kb: at 10 Gb/s, growing with the rate, or everywhere"},
    {.name = "min_rate_mbps",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, min_rate_mbps),
     .unit = "Mb/s",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "least rate of a flow"},
    {.name = "max_rate_mbps",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, max_rate_mbps),
     .unit = "Mb/s",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "highest rate of a flow; 0: its link's"},
    {.name = "ewma_gain",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, ewma_gain),
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1,
     .help = "g of DCTCP and DCQCN"},
    {.name = "dctcp_ai_mbps",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, dctcp_ai_mbps),
     .unit = "Mb/s",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "DCTCP: additive increase"},
    {.name = "ai_mbps",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, ai_mbps),
     .unit = "Mb/s",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "DCQCN, HPCC, TIMELY: additive increase"},
    {.name = "hai_mbps",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, hai_mbps),
     .unit = "Mb/s",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "DCQCN, TIMELY: hyper increase"},
    {.name = "alpha_interval_us",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, alpha_interval_us),
     .unit = "us",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "DCQCN: between updates of alpha"},
    {.name = "decrease_interval_us",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, decrease_interval_us),
     .unit = "us",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "DCQCN: between decreases"},
    {.name = "increase_interval_us",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, increase_interval_us),
     .unit = "us",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "DCQCN: between increases"},
    {.name = "fast_recovery_times",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, fast_recovery_times),
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+06,
     .help = "DCQCN: increases before the target grows"},
    {.name = "utilisation_target",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, utilisation_target),
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1,
     .help = "HPCC: eta"},
    {.name = "mi_threshold",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, mi_threshold),
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+06,
     .help = "HPCC: additive increases in a row"},
    {.name = "int_multiple",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, int_multiple),
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+06,
     .help = "HPCC: units of telemetry"},
    {.name = "timely_low_us",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, timely_low_us),
     .unit = "us",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "TIMELY: below this RTT rates grow"},
    {.name = "timely_high_us",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, timely_high_us),
     .unit = "us",
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1e+09,
     .help = "TIMELY: above this RTT rates fall"},
    {.name = "timely_beta",
     .kind = M4S_FIELD_REAL,
     .offset = offsetof(m4s_packet_config_t, timely_beta),
     .fallback = "-1",
     .fallback_help = "the profile's",
     .min = -1,
     .max = 1,
     .help = "TIMELY: strength of decreases"},
    {.name = "ecmp",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, ecmp),
     .fallback = "flow",
     .choices = ecmps,
     .help = "of workloads, equal paths: by flow at every switch, or one a pair of hosts"},
    {.name = "completion",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, completion),
     .fallback = "profile",
     .choices = completions,
     .help = "what ends a flow: the ACK of its last byte, or its arrival"},
    {.name = "event_order",
     .kind = M4S_FIELD_CHOICE,
     .offset = offsetof(m4s_packet_config_t, event_order),
     .fallback = "scheduled",
     .choices = orders,
     .help = "events of one time: as scheduled, or as SimAI's parallel kernel has them"},
};

enum { WINDOW_PROFILE, WINDOW_NONE, WINDOW_FIXED, WINDOW_RATE };
enum { SWITCH_PROFILE, SWITCH_OFF, SWITCH_ON };
enum { SCALE_RATE, SCALE_FLAT };
enum { COMPLETION_PROFILE, COMPLETION_SENDER, COMPLETION_RECEIVER };
enum { ORDER_SCHEDULED, ORDER_PARTITIONED };

static const double BYTES_PER_KB = 1000, BYTES_PER_KIB = 1024, BPS_PER_MBPS = 1e6, NS_PER_US = 1000;

static void set_flag(bool *flag, int choice) {
  *flag = choice == SWITCH_PROFILE ? *flag : choice == SWITCH_ON;
}

static void set_integer(int64_t *number, double value, double unit) {
  *number = value < 0 ? *number : (int64_t)(value * unit);
}

static void set_small(int32_t *number, double value) {
  *number = value < 0 ? *number : (int32_t)value;
}

static void set_real(double *number, double value) { *number = value < 0 ? *number : value; }

static void set_window(const m4s_packet_config_t *config, m4s_packet_rules_t *rules) {
  if (config->window != WINDOW_PROFILE) {
    rules->window = config->window != WINDOW_NONE;
    rules->rate_window = config->window == WINDOW_RATE;
  }
  set_integer(&rules->window_bytes, config->window_kb, BYTES_PER_KB);
}

// Bytes of a kB of the thresholds of entry i (n_ecn: of the rates that are not listed): they are
// given at 10 Gb/s, or for any rate.
static double ecn_unit(const m4s_packet_config_t *config, const m4s_packet_rules_t *rules,
                       int32_t i) {
  const double gbps_of_k = 10;
  double gbps = i < rules->n_ecn ? (double)rules->ecn[i].rate_bps * 1e-9 : 1;
  return config->ecn_scale == SCALE_FLAT ? BYTES_PER_KB : BYTES_PER_KB / gbps_of_k * gbps;
}

static void set_ecn(const m4s_packet_config_t *config, m4s_packet_rules_t *rules) {
  for (int32_t i = 0; i <= rules->n_ecn; i++) {
    // The last one stands for the rates that are not listed.
    m4s_packet_ecn_t *ecn = i < rules->n_ecn ? &rules->ecn[i] : &rules->ecn_else;
    double unit = ecn_unit(config, rules, i);
    set_integer(&ecn->k_min_bytes, config->k_min_kb, unit);
    set_integer(&ecn->k_max_bytes, config->k_max_kb, unit);
    set_real(&ecn->p_max, config->p_max);
  }
  if (config->k_min_kb >= 0 || config->k_max_kb >= 0) {
    rules->ecn_else_flat = config->ecn_scale == SCALE_FLAT;
  }
}

static void set_cc(const m4s_packet_config_t *config, m4s_packet_rules_t *rules) {
  set_integer(&rules->min_rate_bps, config->min_rate_mbps, BPS_PER_MBPS);
  set_integer(&rules->max_rate_bps, config->max_rate_mbps, BPS_PER_MBPS);
  set_real(&rules->ewma_gain, config->ewma_gain);
  set_integer(&rules->dctcp_ai_bps, config->dctcp_ai_mbps, BPS_PER_MBPS);
  set_integer(&rules->ai_bps, config->ai_mbps, BPS_PER_MBPS);
  set_integer(&rules->hai_bps, config->hai_mbps, BPS_PER_MBPS);
  set_integer(&rules->alpha_interval_ns, config->alpha_interval_us, NS_PER_US);
  set_integer(&rules->decrease_interval_ns, config->decrease_interval_us, NS_PER_US);
  set_integer(&rules->increase_interval_ns, config->increase_interval_us, NS_PER_US);
  set_small(&rules->fast_recovery_times, config->fast_recovery_times);
  set_flag(&rules->clamp_target_rate, config->clamp_target_rate);
  set_real(&rules->utilisation_target, config->utilisation_target);
  set_small(&rules->mi_threshold, config->mi_threshold);
  set_flag(&rules->fast_react, config->fast_react);
  set_small(&rules->int_multiple, config->int_multiple);
  set_integer(&rules->timely_low_ns, config->timely_low_us, NS_PER_US);
  set_integer(&rules->timely_high_ns, config->timely_high_us, NS_PER_US);
  set_real(&rules->timely_beta, config->timely_beta);
}

// -1 stands for the profile's number, other negative ones for nothing.
static m4s_status_t check_numbers(const m4s_packet_config_t *config) {
  for (size_t i = 0; i < M4S_COUNT(m4s_packet_fields); i++) {
    const m4s_field_t *field = &m4s_packet_fields[i];
    if (field->kind != M4S_FIELD_REAL) {
      continue;
    }
    double value;
    memcpy(&value, (const char *)config + field->offset, sizeof value);
    if (value < 0 && value != -1) {
      return m4s_fail(M4S_ERR_INPUT, "packet.%s: %g is below 0 (-1 stands for the profile's)",
                      field->name, value);
    }
  }
  return M4S_OK;
}

// A number by the name of its setting.
typedef struct {
  const char *name;
  double set;  // negative: the profile's
  double value;  // that holds, in the setting's unit
} named_t;

static void show(const named_t *number, char *text, size_t n_text) {
  snprintf(text, n_text, number->set < 0 ? "the profile's %g" : "%g", number->value);
}

// Refuses a low bound above the high one.
static m4s_status_t check_order(named_t low, named_t high) {
  char low_text[48], high_text[48];
  show(&low, low_text, sizeof low_text);
  show(&high, high_text, sizeof high_text);
  return low.value <= high.value ? M4S_OK
                                 : m4s_fail(M4S_ERR_INPUT, "packet.%s: %s is above packet.%s, %s",
                                            low.name, low_text, high.name, high_text);
}

static m4s_status_t check_ecn(const m4s_packet_config_t *config, const m4s_packet_rules_t *rules) {
  for (int32_t i = 0; i <= rules->n_ecn; i++) {
    const m4s_packet_ecn_t *ecn = i < rules->n_ecn ? &rules->ecn[i] : &rules->ecn_else;
    double unit = ecn_unit(config, rules, i);
    M4S_TRY(check_order((named_t){"k_min_kb", config->k_min_kb, (double)ecn->k_min_bytes / unit},
                        (named_t){"k_max_kb", config->k_max_kb, (double)ecn->k_max_bytes / unit}));
  }
  return M4S_OK;
}

static m4s_status_t check_above_0(named_t number) {
  return number.value > 0
             ? M4S_OK
             : m4s_fail(M4S_ERR_INPUT, "packet.%s: %g is not above 0", number.name, number.value);
}

static m4s_status_t check_hpcc(const m4s_packet_config_t *config, const m4s_packet_rules_t *rules) {
  if (rules->cc != M4S_PACKET_HPCC) {
    return M4S_OK;
  }
  if (!rules->window) {
    return m4s_fail(M4S_ERR_INPUT, "packet.window: is none, but packet.cc \"hpcc\" needs one");
  }
  M4S_TRY(check_above_0((named_t){"int_multiple", config->int_multiple, rules->int_multiple}));
  return check_above_0(
      (named_t){"utilisation_target", config->utilisation_target, rules->utilisation_target});
}

// What settings say of each other, and of the profile's, by their names.
static m4s_status_t check_settings(const m4s_packet_config_t *config,
                                   const m4s_packet_rules_t *rules) {
  named_t least = {"min_rate_mbps", config->min_rate_mbps,
                   (double)rules->min_rate_bps / BPS_PER_MBPS};
  named_t most = {"max_rate_mbps", config->max_rate_mbps,
                  (double)rules->max_rate_bps / BPS_PER_MBPS};
  M4S_TRY(check_above_0(least));
  M4S_TRY(most.value > 0 ? check_order(least, most) : M4S_OK);
  M4S_TRY(check_above_0((named_t){"alpha_interval_us", config->alpha_interval_us,
                                  (double)rules->alpha_interval_ns / NS_PER_US}));
  M4S_TRY(check_above_0((named_t){"decrease_interval_us", config->decrease_interval_us,
                                  (double)rules->decrease_interval_ns / NS_PER_US}));
  M4S_TRY(check_above_0((named_t){"increase_interval_us", config->increase_interval_us,
                                  (double)rules->increase_interval_ns / NS_PER_US}));
  M4S_TRY(check_order(
      (named_t){"timely_low_us", config->timely_low_us, (double)rules->timely_low_ns / NS_PER_US},
      (named_t){"timely_high_us", config->timely_high_us,
                (double)rules->timely_high_ns / NS_PER_US}));
  M4S_TRY(check_ecn(config, rules));
  return check_hpcc(config, rules);
}

m4s_status_t m4s_packet_config_resolve(const m4s_packet_config_t *config, const m4s_wire_t *wire,
                                       uint64_t seed, m4s_packet_rules_t *rules_out) {
  m4s_packet_rules_t rules;
  M4S_TRY(check_numbers(config));
  m4s_packet_rules_set(&rules, (m4s_packet_profile_t)config->profile, (m4s_packet_cc_t)config->cc);
  rules.payload_bytes = (int32_t)wire->payload_bytes;
  rules.seed = seed;
  set_window(config, &rules);
  set_integer(&rules.buffer_bytes, config->buffer_kb, BYTES_PER_KIB);
  set_flag(&rules.pfc, config->pfc);
  set_flag(&rules.nvswitch_plain, config->nvswitch_plain);
  set_flag(&rules.rate_bound, config->rate_bound);
  set_small(&rules.pfc_shift, config->pfc_shift);
  set_integer(&rules.headroom_extra_bytes, config->headroom_extra_bytes, 1);
  set_ecn(config, &rules);
  set_cc(config, &rules);
  if (config->completion != COMPLETION_PROFILE) {
    rules.complete_at_receiver = config->completion == COMPLETION_RECEIVER;
  }
  rules.partitioned = config->event_order == ORDER_PARTITIONED;
  M4S_TRY(check_settings(config, &rules));
  M4S_TRY(m4s_packet_rules_check(&rules));
  *rules_out = rules;
  return M4S_OK;
}
