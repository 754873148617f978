// Congestion control of the senders: DCTCP, DCQCN, HPCC, TIMELY, as rates.
#include <math.h>
#include <stdlib.h>

#include "packet/network.h"

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t greatest(uint64_t a, uint64_t b) { return a > b ? a : b; }

static uint64_t max_rate(const network_t *network, const sender_t *sender) {
  return network->nics[sender->nic].max_rate_bps;
}

static uint64_t scaled(uint64_t rate_bps, double factor) {
  return (uint64_t)((double)rate_bps * factor);
}

// DCTCP: alpha estimates the share of marked packets; a mark takes alpha / 2 off the rate, once a
// round trip, a round trip without one adds dctcp_ai_bps.
static void dctcp_ack(network_t *network, sender_t *sender, const packet_t *ack) {
  const m4s_packet_rules_t *rules = &network->rules;
  dctcp_t *cc = &sender->cc.dctcp;
  bool new_batch = ack->number > cc->last_number;
  cc->n_marked += ack->marked;
  if (new_batch && cc->last_number == 0) {
    cc->last_number = sender->next_byte;
    cc->batch = sender->next_byte / rules->payload_bytes + 1;
  } else if (new_batch) {
    double share = fmin(1.0, (double)cc->n_marked / (double)cc->batch);
    cc->alpha = (1 - rules->ewma_gain) * cc->alpha + rules->ewma_gain * share;
    cc->last_number = sender->next_byte;
    cc->n_marked = 0;
    cc->batch = (sender->next_byte - ack->number) / rules->payload_bytes + 1;
  }
  if (cc->reduced && ack->number > cc->high_number) {
    cc->reduced = false;
  }
  if (ack->marked && !cc->reduced) {
    uint64_t rate_bps = scaled(sender->rate_bps, 1 - cc->alpha / 2);
    m4s_packet_set_rate(network, sender, greatest((uint64_t)rules->min_rate_bps, rate_bps));
    cc->reduced = true;
    cc->high_number = sender->next_byte;
  }
  if (!cc->reduced && new_batch) {
    uint64_t rate_bps = sender->rate_bps + (uint64_t)rules->dctcp_ai_bps;
    m4s_packet_set_rate(network, sender, least(max_rate(network, sender), rate_bps));
  }
}

// A timer of DCQCN; its order tells it from those that were cancelled.
static uint64_t start_timer(network_t *network, event_kind_t kind, int32_t flow, int64_t delay_ns) {
  return new_event(network, now_of(network) + delay_ns, kind, flow).order;
}

static void dcqcn_ack(network_t *network, int32_t flow, sender_t *sender, const packet_t *ack) {
  dcqcn_t *cc = &sender->cc.dcqcn;
  if (!ack->marked || is_complete(sender)) {
    return;
  }
  cc->alpha_marked = cc->decrease_marked = true;
  if (!cc->started) {
    const m4s_packet_rules_t *rules = &network->rules;
    cc->started = true;
    cc->alpha = 1;
    cc->alpha_marked = false;
    cc->alpha_order = start_timer(network, EVENT_ALPHA, flow, rules->alpha_interval_ns);
    cc->decrease_order =
        start_timer(network, EVENT_DECREASE, flow, rules->decrease_interval_ns + 1);
    cc->target_bps = sender->rate_bps;
  }
}

static void dcqcn_alpha(network_t *network, int32_t flow, sender_t *sender) {
  dcqcn_t *cc = &sender->cc.dcqcn;
  double g = network->rules.ewma_gain;
  cc->alpha = (1 - g) * cc->alpha + (cc->alpha_marked ? g : 0);
  cc->alpha_marked = false;
  cc->alpha_order = start_timer(network, EVENT_ALPHA, flow, network->rules.alpha_interval_ns);
}

static void dcqcn_decrease(network_t *network, int32_t flow, sender_t *sender) {
  const m4s_packet_rules_t *rules = &network->rules;
  dcqcn_t *cc = &sender->cc.dcqcn;
  cc->decrease_order = start_timer(network, EVENT_DECREASE, flow, rules->decrease_interval_ns);
  if (!cc->decrease_marked) {
    return;
  }
  if (rules->clamp_target_rate || cc->stage != 0) {
    cc->target_bps = sender->rate_bps;
  }
  uint64_t rate_bps = scaled(sender->rate_bps, 1 - cc->alpha / 2);
  m4s_packet_set_rate(network, sender, greatest((uint64_t)rules->min_rate_bps, rate_bps));
  cc->stage = 0;
  cc->decrease_marked = false;
  cc->increase_order = start_timer(network, EVENT_INCREASE, flow, rules->increase_interval_ns);
}

static void dcqcn_increase(network_t *network, int32_t flow, sender_t *sender) {
  const m4s_packet_rules_t *rules = &network->rules;
  dcqcn_t *cc = &sender->cc.dcqcn;
  cc->increase_order = start_timer(network, EVENT_INCREASE, flow, rules->increase_interval_ns);
  if (cc->stage == rules->fast_recovery_times) {
    cc->target_bps = least(cc->target_bps + (uint64_t)rules->ai_bps, max_rate(network, sender));
  } else if (cc->stage > rules->fast_recovery_times) {
    cc->target_bps = least(cc->target_bps + (uint64_t)rules->hai_bps, max_rate(network, sender));
  }
  m4s_packet_set_rate(network, sender, sender->rate_bps / 2 + cc->target_bps / 2);
  cc->stage++;
}

// The time that the flow's last packet would take at its present rate.
static int64_t last_packet_ns(const network_t *network, const sender_t *sender) {
  return sender->last_wire_bytes == network->full_wire_bytes
             ? sender->full_ns
             : m4s_serialisation_ns(network->rules.floor_of_double, sender->last_wire_bytes,
                                    sender->rate_bps);
}

// HPCC's change of rate also moves the flow's next packet and, with it, the NIC's alarm.
static void hpcc_set_rate(network_t *network, sender_t *sender, uint64_t rate_bps) {
  nic_t *nic = &network->nics[sender->nic];
  int64_t before_ns = last_packet_ns(network, sender);
  m4s_packet_set_rate(network, sender, rate_bps);
  sender->available_ns += last_packet_ns(network, sender) - before_ns;
  if (nic->alarm.time_ns != M4S_TIME_NEVER && sender->available_ns < nic->alarm.time_ns) {
    int64_t now_ns = now_of(network);
    int64_t time_ns = sender->available_ns > now_ns ? sender->available_ns : now_ns;
    nic->alarm = new_event(network, time_ns, EVENT_ALARM, sender->nic);
  }
}

// One hop's utilisation since the last record of it; `tau_ns_out`: the time between the two.
static double hop_utilisation(const network_t *network, const sender_t *sender, uint64_t before,
                              uint64_t after, int32_t port, double *tau_ns_out) {
  double m = network->rules.int_multiple;
  double link_bps = (double)network->ports[port].rate_bps;
  uint64_t tau_ns = (after - before) & 0xffffff;
  uint64_t sent = ((after >> 24) - (before >> 24)) & 0xfffff;
  double queued = (double)least(after >> 44 & 0x1ffff, before >> 44 & 0x1ffff);
  double sent_bps = (double)sent * 128 * m * 8 / ((double)tau_ns * 1e-9);
  *tau_ns_out = (double)tau_ns;
  return sent_bps / link_bps + queued * 80 * m * (double)max_rate(network, sender) / link_bps /
                                   (double)network->nics[sender->nic].window_bytes;
}

static void hpcc_update(network_t *network, sender_t *sender, int64_t ack_number,
                        const telemetry_t *telemetry) {
  const m4s_packet_rules_t *rules = &network->rules;
  hpcc_t *cc = sender->cc.hpcc;
  bool full = ack_number > cc->last_number;
  if (telemetry->n_hops > INT_HOPS) {
    return;
  }
  double most = 0;
  double most_tau_ns = 0;
  for (int32_t i = 0; i < telemetry->n_hops; i++) {
    double tau_ns;
    double utilisation = hop_utilisation(network, sender, cc->before.hops[i], telemetry->hops[i],
                                         telemetry->ports[i], &tau_ns);
    if (tau_ns > 0 && utilisation > most) {
      most = utilisation;
      most_tau_ns = tau_ns;
    }
  }
  cc->before = *telemetry;
  double rtt_ns = (double)network->base_rtt_ns;
  double tau_ns = fmin(most_tau_ns, rtt_ns);
  cc->utilisation = (cc->utilisation * (rtt_ns - tau_ns) + most * tau_ns) / rtt_ns;
  double c = cc->utilisation / rules->utilisation_target;
  bool multiply = c >= 1 || cc->stage >= rules->mi_threshold;
  double max_bps = (double)max_rate(network, sender);
  uint64_t rate_bps =
      multiply ? (uint64_t)fmin((double)cc->current_bps / c, max_bps) : cc->current_bps;
  rate_bps += (uint64_t)rules->ai_bps;
  rate_bps = least(greatest(rate_bps, (uint64_t)rules->min_rate_bps), max_rate(network, sender));
  hpcc_set_rate(network, sender, rate_bps);
  if (full) {
    cc->current_bps = rate_bps;
    cc->stage = multiply ? 0 : cc->stage + 1;
    cc->last_number = sender->next_byte > cc->last_number ? sender->next_byte : cc->last_number;
  }
}

static void hpcc_ack(network_t *network, sender_t *sender, const packet_t *ack,
                     const telemetry_t *telemetry) {
  hpcc_t *cc = sender->cc.hpcc;
  if (ack->number <= cc->last_number && !network->rules.fast_react) {
    return;
  }
  if (cc->last_number == 0) {
    cc->last_number = sender->next_byte;
    cc->before = *telemetry;
    return;
  }
  hpcc_update(network, sender, ack->number, telemetry);
}

static void timely_increase(network_t *network, sender_t *sender) {
  const m4s_packet_rules_t *rules = &network->rules;
  timely_t *cc = &sender->cc.timely;
  enum { HYPER_AFTER = 5 };
  int64_t step_bps = cc->n_increases < HYPER_AFTER ? rules->ai_bps : rules->hai_bps;
  cc->current_bps = least(cc->current_bps + (uint64_t)step_bps, max_rate(network, sender));
  cc->n_increases++;
}

static void timely_decrease(network_t *network, timely_t *cc, double factor) {
  cc->current_bps =
      greatest((uint64_t)network->rules.min_rate_bps, scaled(cc->current_bps, factor));
  cc->n_increases = 0;
}

static void timely_update(network_t *network, sender_t *sender, int64_t rtt_ns) {
  const m4s_packet_rules_t *rules = &network->rules;
  timely_t *cc = &sender->cc.timely;
  double difference_ns = (1 - rules->timely_alpha) * cc->rtt_difference_ns +
                         rules->timely_alpha * (double)(rtt_ns - cc->last_rtt_ns);
  double gradient = difference_ns / (double)rules->timely_min_rtt_ns;
  if (rtt_ns < rules->timely_low_ns) {
    timely_increase(network, sender);
  } else if (rtt_ns > rules->timely_high_ns) {
    timely_decrease(network, cc,
                    1 - rules->timely_beta * (1 - (double)rules->timely_high_ns / (double)rtt_ns));
  } else if (gradient <= 0) {
    timely_increase(network, sender);
  } else {
    timely_decrease(network, cc, fmax(0, 1 - rules->timely_beta * gradient));
  }
  m4s_packet_set_rate(network, sender, cc->current_bps);
  cc->rtt_difference_ns = difference_ns;
}

static void timely_ack(network_t *network, sender_t *sender, const packet_t *ack, int64_t sent_ns) {
  timely_t *cc = &sender->cc.timely;
  if (ack->number <= cc->last_number) {
    return;
  }
  int64_t rtt_ns = now_of(network) - sent_ns;
  if (cc->last_number != 0) {
    timely_update(network, sender, rtt_ns);
  }
  if (sender->next_byte > cc->last_number) {
    cc->last_number = sender->next_byte;
    cc->last_rtt_ns = rtt_ns;
  }
}

m4s_status_t m4s_packet_cc_start(network_t *network, sender_t *sender) {
  switch (network->rules.cc) {
    case M4S_PACKET_DCTCP:
      sender->cc.dctcp = (dctcp_t){.alpha = 1};
      break;
    case M4S_PACKET_DCQCN:
      sender->cc.dcqcn = (dcqcn_t){.alpha = 1, .target_bps = max_rate(network, sender)};
      break;
    case M4S_PACKET_HPCC:
      sender->cc.hpcc = calloc(1, sizeof *sender->cc.hpcc);
      if (sender->cc.hpcc == NULL) {
        return m4s_fail_memory("flows");
      }
      network->counts.allocations++;
      *sender->cc.hpcc = (hpcc_t){.current_bps = max_rate(network, sender), .utilisation = 1};
      break;
    case M4S_PACKET_TIMELY:
      sender->cc.timely = (timely_t){.current_bps = max_rate(network, sender)};
      break;
  }
  return M4S_OK;
}

void m4s_packet_cc_ack(network_t *network, const packet_t *ack, int32_t id) {
  sender_t *sender = &network->senders[ack->flow];
  switch (network->rules.cc) {
    case M4S_PACKET_DCTCP:
      dctcp_ack(network, sender, ack);
      break;
    case M4S_PACKET_DCQCN:
      dcqcn_ack(network, ack->flow, sender, ack);
      break;
    case M4S_PACKET_HPCC:
      hpcc_ack(network, sender, ack, &network->telemetry[id]);
      break;
    case M4S_PACKET_TIMELY:
      timely_ack(network, sender, ack, network->sent_ns[id]);
      break;
  }
}

void m4s_packet_cc_timer(network_t *network, event_kind_t kind, int32_t flow, uint64_t order) {
  sender_t *sender = &network->senders[flow];
  const dcqcn_t *cc = &sender->cc.dcqcn;
  if (kind == EVENT_ALPHA && order == cc->alpha_order) {
    dcqcn_alpha(network, flow, sender);
  } else if (kind == EVENT_DECREASE && order == cc->decrease_order) {
    dcqcn_decrease(network, flow, sender);
  } else if (kind == EVENT_INCREASE && order == cc->increase_order) {
    dcqcn_increase(network, flow, sender);
  }
}

void m4s_packet_cc_stop(network_t *network, sender_t *sender) {
  dcqcn_t *cc = &sender->cc.dcqcn;
  if (network->rules.cc == M4S_PACKET_DCQCN) {
    cc->alpha_order = cc->decrease_order = cc->increase_order = 0;
  }
}
