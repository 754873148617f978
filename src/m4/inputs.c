#include "m4/inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/elementary.h"
#include "core/units.h"
#include "flowsim/beside.h"

#define INPUT(id, quantity_, scale_) {.quantity = quantity_, .scale = scale_},
const m4s_m4_input_t m4s_m4_flow_inputs[] = {M4S_M4_FLOW_INPUTS(INPUT)};
const m4s_m4_input_t m4s_m4_link_inputs[] = {M4S_M4_LINK_INPUTS(INPUT)};
#undef INPUT

// What decays by e in BURST_RTTS is "lately".
static const double BURST_RTTS = 4;

enum { N_LOGS = 256 };  // of small counts

typedef struct {
  const int32_t *links;  // [n_links], borrowed
  int32_t n_links;
  int32_t fluid;  // its slot there
  int64_t number;  // in the order of starts
  int64_t started_ns, stepped_ns;
  double ideal_ns, latency_ns;  // beyond the sending at least_rate
  double rtt_ns, least_rate;  // bytes/ns
  int64_t least_bps;
  double window_bytes;
  double wire_bytes;
  double queue_ns;  // at the present step
  float fixed[M4S_M4_N_FLOW_INPUTS];  // the inputs that do not change; 0 in place of the others
} input_flow_t;

typedef struct {
  double capacity;  // bytes/ns
  bool by_switch;
  int32_t n_flows;
  int64_t arrived_ns, stepped_ns;
  double burst_bytes;  // at arrived_ns
} input_link_t;

// Sums over the flows of a step's link.
typedef struct {
  int32_t id, n_flows;
  double rtt_ns, least_rate, slowed_rate, most_bytes;
  double ahead_bytes;  // most_bytes of the flows that were looked at so far
} link_sums_t;

// A flow of a step, to be sorted by when it started.
typedef struct {
  int64_t number;
  int32_t slot;
  int32_t edge;  // its first
} queued_t;

struct m4s_m4_inputs {
  m4s_m4_input_settings_t settings;
  m4s_wire_t wire;
  const m4s_topology_t *topology;
  m4s_beside_t *fluid;  // owned
  input_flow_t *flows;  // owned, [flow_capacity], by slot
  int32_t flow_capacity;
  input_link_t *links;  // owned, [topology->n_links]
  link_sums_t *sums;  // owned, [topology->n_links]: of a step, by place
  queued_t *queued;  // owned, [queued_capacity]: of a step
  int32_t queued_capacity;
  int64_t n_started;
  double log2_of[N_LOGS];  // of 0 (unused), 1, 2, …
  float flow_range[2 * M4S_M4_N_FLOW_INPUTS], link_range[2 * M4S_M4_N_LINK_INPUTS];
};

// --- numbers ---

static double log2_of(double x) {
  const double least = 0x1p-20;
  return m4s_real_log(x > least ? x : least) * 0x1.71547652b82fep+0;
}

static double log2_of_count(const m4s_m4_inputs_t *inputs, int32_t n) {
  return n < N_LOGS ? inputs->log2_of[n] : log2_of(n);
}

static void set_flow(float *row, int input, double quantity) {
  row[input] = (float)quantity * m4s_m4_flow_inputs[input].scale;
}

static void set_link(float *row, int input, double quantity) {
  row[input] = (float)quantity * m4s_m4_link_inputs[input].scale;
}

static void widen(float *range, const float *row, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    range[i] = row[i] < range[i] ? row[i] : range[i];
    range[n + i] = row[i] > range[n + i] ? row[i] : range[n + i];
  }
}

// --- the simulation's flows and links ---

static void init_range(float *range, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    range[i] = INFINITY;
    range[n + i] = -INFINITY;
  }
}

static void init_links(m4s_m4_inputs_t *inputs) {
  for (int32_t i = 0; i < inputs->topology->n_links; i++) {
    const m4s_link_t *link = &inputs->topology->links[i];
    inputs->links[i] =
        (input_link_t){.capacity = m4s_bps_to_bytes_per_ns(link->bandwidth_bps),
                       .by_switch = inputs->topology->kinds[link->src] != M4S_NODE_HOST};
  }
}

m4s_status_t m4s_m4_inputs_create(const m4s_m4_input_settings_t *settings, const m4s_wire_t *wire,
                                  const m4s_topology_t *topology, m4s_m4_inputs_t **inputs_out) {
  m4s_m4_inputs_t *inputs = calloc(1, sizeof *inputs);
  if (inputs == NULL) {
    return m4s_fail_memory("m4");
  }
  inputs->settings = *settings;
  inputs->wire = *wire;
  inputs->topology = topology;
  inputs->links = calloc((size_t)topology->n_links + 1, sizeof *inputs->links);
  inputs->sums = calloc((size_t)topology->n_links + 1, sizeof *inputs->sums);
  m4s_status_t status = inputs->links == NULL || inputs->sums == NULL
                            ? m4s_fail_memory("m4")
                            : m4s_beside_create(wire, topology, &inputs->fluid);
  if (status != M4S_OK) {
    m4s_m4_inputs_destroy(inputs);
    return status;
  }
  init_links(inputs);
  for (int32_t i = 1; i < N_LOGS; i++) {
    inputs->log2_of[i] = log2_of(i);
  }
  init_range(inputs->flow_range, M4S_M4_N_FLOW_INPUTS);
  init_range(inputs->link_range, M4S_M4_N_LINK_INPUTS);
  *inputs_out = inputs;
  return M4S_OK;
}

void m4s_m4_inputs_destroy(m4s_m4_inputs_t *inputs) {
  if (inputs != NULL) {
    m4s_beside_destroy(inputs->fluid);
    free(inputs->flows);
    free(inputs->links);
    free(inputs->sums);
    free(inputs->queued);
    free(inputs);
  }
}

const float *m4s_m4_inputs_flow_range(const m4s_m4_inputs_t *inputs) { return inputs->flow_range; }
const float *m4s_m4_inputs_link_range(const m4s_m4_inputs_t *inputs) { return inputs->link_range; }

// --- flows that come and go ---

// What the path says of a flow.
static void measure_path(const m4s_m4_inputs_t *inputs, const m4s_flow_t *flow,
                         input_flow_t *measured) {
  double packet_bytes = (double)(inputs->wire.payload_bytes + inputs->wire.header_bytes);
  double least = INFINITY;
  double rtt_ns = 0;
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    double capacity = inputs->links[flow->links[hop]].capacity;
    rtt_ns += 2 * (double)inputs->topology->links[flow->links[hop]].delay_ns;
    rtt_ns += packet_bytes / capacity;
    if (capacity < least) {
      least = capacity;
      measured->least_bps = inputs->topology->links[flow->links[hop]].bandwidth_bps;
    }
  }
  measured->rtt_ns = rtt_ns;
  measured->least_rate = least;
}

// The thresholds of links of a rate.
static m4s_m4_ecn_t ecn_of(const m4s_m4_input_settings_t *settings, int64_t rate_bps) {
  for (int32_t i = 0; i < settings->n_ecn; i++) {
    if (settings->ecn[i].rate_bps == rate_bps) {
      return settings->ecn[i];
    }
  }
  m4s_m4_ecn_t ecn = settings->ecn_else;
  if (ecn.rate_bps > 0) {
    double times = (double)rate_bps / (double)ecn.rate_bps;
    ecn.k_min_bytes *= times;
    ecn.k_max_bytes *= times;
  }
  return ecn;
}

static void set_cc(const m4s_m4_input_settings_t *settings, const input_flow_t *flow, float *row) {
  double bdp_bytes = flow->least_rate * flow->rtt_ns;
  m4s_m4_ecn_t ecn = ecn_of(settings, flow->least_bps);
  set_flow(row, settings->cc, 1);
  switch (settings->cc) {
    case M4S_M4_FLOW_DCTCP:
      set_flow(row, M4S_M4_FLOW_DCTCP_K, log2_of(ecn.k_min_bytes / bdp_bytes));
      break;
    case M4S_M4_FLOW_DCQCN:
      set_flow(row, M4S_M4_FLOW_DCQCN_K_MIN, log2_of(ecn.k_min_bytes / bdp_bytes));
      set_flow(row, M4S_M4_FLOW_DCQCN_K_MAX, log2_of(ecn.k_max_bytes / bdp_bytes));
      break;
    case M4S_M4_FLOW_HPCC:
      set_flow(row, M4S_M4_FLOW_HPCC_TARGET, settings->hpcc_target);
      set_flow(row, M4S_M4_FLOW_HPCC_INCREASE, log2_of(settings->hpcc_increase / flow->least_rate));
      break;
    default:
      set_flow(row, M4S_M4_FLOW_TIMELY_LOW, log2_of(settings->timely_low_ns / flow->rtt_ns));
      set_flow(row, M4S_M4_FLOW_TIMELY_HIGH, log2_of(settings->timely_high_ns / flow->rtt_ns));
  }
}

static double window_of(const m4s_m4_input_settings_t *settings, double bdp_bytes) {
  const double most_bdps = 256;
  return settings->window_bytes > 0 ? fmin(settings->window_bytes, most_bdps * bdp_bytes)
                                    : bdp_bytes;
}

static void set_fixed(const m4s_m4_inputs_t *inputs, int64_t size_bytes, input_flow_t *flow) {
  const m4s_m4_input_settings_t *settings = &inputs->settings;
  double bdp_bytes = flow->least_rate * flow->rtt_ns;
  flow->window_bytes = window_of(settings, bdp_bytes);
  double packets = (double)size_bytes / (double)inputs->wire.payload_bytes;
  float *row = flow->fixed;
  set_flow(row, M4S_M4_FLOW_SIZE, log2_of(1 + packets));
  set_flow(row, M4S_M4_FLOW_IDEAL, log2_of(flow->ideal_ns / flow->rtt_ns));
  set_flow(row, M4S_M4_FLOW_LINKS, flow->n_links);
  set_flow(row, M4S_M4_FLOW_WINDOW, log2_of(flow->window_bytes / bdp_bytes));
  set_flow(row, M4S_M4_FLOW_BUFFER, log2_of(settings->buffer_bytes / bdp_bytes));
  set_cc(settings, flow, row);
}

// What is left after `ns` of what decays.
static double decay(double ns, double rtt_ns) { return m4s_real_exp(-ns / (BURST_RTTS * rtt_ns)); }

static void arrive_at(input_link_t *link, int64_t now_ns, const input_flow_t *flow) {
  if (link->n_flows++ == 0) {
    link->stepped_ns = now_ns;
  }
  link->burst_bytes *= decay((double)(now_ns - link->arrived_ns), flow->rtt_ns);
  link->burst_bytes += flow->wire_bytes;
  link->arrived_ns = now_ns;
}

static m4s_status_t reserve_slot(m4s_m4_inputs_t *inputs, int32_t slot) {
  if (slot < inputs->flow_capacity) {
    return M4S_OK;
  }
  int32_t capacity = 64 + 2 * slot;
  M4S_TRY(m4s_array_resize(&inputs->flows, capacity, sizeof *inputs->flows, "flows"));
  inputs->flow_capacity = capacity;
  return M4S_OK;
}

m4s_status_t m4s_m4_inputs_start(m4s_m4_inputs_t *inputs, int64_t now_ns, int32_t slot,
                                 const m4s_flow_t *flow, int64_t ideal_fct_ns) {
  int32_t fluid;
  M4S_TRY(reserve_slot(inputs, slot));
  M4S_TRY(m4s_beside_start(inputs->fluid, now_ns, flow, &fluid));
  input_flow_t *started = &inputs->flows[slot];
  *started = (input_flow_t){.links = flow->links,
                            .n_links = flow->n_links,
                            .fluid = fluid,
                            .number = inputs->n_started++,
                            .started_ns = now_ns,
                            .stepped_ns = now_ns,
                            .ideal_ns = (double)ideal_fct_ns,
                            .wire_bytes = (double)m4s_wire_bytes(&inputs->wire, flow->size_bytes)};
  measure_path(inputs, flow, started);
  // Flows end at whole ns.
  double sending_ns = ceil(started->wire_bytes / started->least_rate - 1e-6);
  started->latency_ns = fmax(0, started->ideal_ns - sending_ns);
  set_fixed(inputs, flow->size_bytes, started);
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    arrive_at(&inputs->links[flow->links[hop]], now_ns, started);
  }
  return M4S_OK;
}

m4s_status_t m4s_m4_inputs_leave(m4s_m4_inputs_t *inputs, int64_t now_ns, int32_t slot) {
  const input_flow_t *flow = &inputs->flows[slot];
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    inputs->links[flow->links[hop]].n_flows--;
  }
  return m4s_beside_end(inputs->fluid, now_ns, flow->fluid);
}

// --- steps ---

static m4s_status_t reserve_queued(m4s_m4_inputs_t *inputs, int32_t n_flows) {
  if (n_flows <= inputs->queued_capacity) {
    return M4S_OK;
  }
  int32_t capacity = 64 + 2 * n_flows;
  M4S_TRY(m4s_array_resize(&inputs->queued, capacity, sizeof *inputs->queued, "a step"));
  inputs->queued_capacity = capacity;
  return M4S_OK;
}

// Sums up what the step's flows are to its links.
static void sum_links(m4s_m4_inputs_t *inputs, const m4s_m4_input_step_t *step) {
  const int32_t *edge = step->edges;
  int32_t n_links = 0;
  for (int32_t i = 0; i < step->n_flows; i++) {
    const input_flow_t *flow = &inputs->flows[step->slots[i]];
    m4s_beside_flow_t fluid = m4s_beside_flow(inputs->fluid, flow->fluid);
    double most_bytes = fmin(flow->window_bytes, fluid.remaining_bytes);
    inputs->queued[i] = (queued_t){
        .number = flow->number, .slot = step->slots[i], .edge = (int32_t)(edge - step->edges)};
    for (int32_t hop = 0; hop < flow->n_links; hop++, edge++) {
      link_sums_t *sums = &inputs->sums[*edge];
      if (*edge == n_links) {
        n_links++;
        *sums = (link_sums_t){.id = flow->links[hop]};
      }
      sums->n_flows++;
      sums->rtt_ns += flow->rtt_ns;
      sums->least_rate += flow->least_rate;
      sums->slowed_rate += fluid.slowed_rate;
      sums->most_bytes += most_bytes;
    }
  }
}

static int by_number(const void *a, const void *b) {
  const queued_t *left = a;
  const queued_t *right = b;
  return (left->number > right->number) - (left->number < right->number);
}

// How long it takes until what may be in flight has gone, first come, first served.
static void queue_flows(m4s_m4_inputs_t *inputs, const m4s_m4_input_step_t *step) {
  qsort(inputs->queued, (size_t)step->n_flows, sizeof *inputs->queued, by_number);
  for (int32_t i = 0; i < step->n_flows; i++) {
    input_flow_t *flow = &inputs->flows[inputs->queued[i].slot];
    const int32_t *edges = step->edges + inputs->queued[i].edge;
    double remaining_bytes = m4s_beside_flow(inputs->fluid, flow->fluid).remaining_bytes;
    double most_bytes = fmin(flow->window_bytes, remaining_bytes);
    double ahead_ns = 0;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      link_sums_t *sums = &inputs->sums[edges[hop]];
      ahead_ns = fmax(ahead_ns, sums->ahead_bytes / inputs->links[sums->id].capacity);
      sums->ahead_bytes += most_bytes;
    }
    flow->queue_ns = ahead_ns + most_bytes / flow->least_rate;
  }
}

static void fill_link(const m4s_m4_inputs_t *inputs, int64_t now_ns, const link_sums_t *sums,
                      input_link_t *link, float *row) {
  double rtt_ns = sums->rtt_ns / sums->n_flows;
  double bdp_bytes = link->capacity * rtt_ns;
  double quiet_ns = (double)(now_ns - link->arrived_ns);
  double burst_bytes = link->burst_bytes * decay(quiet_ns, rtt_ns);
  set_link(row, M4S_M4_LINK_DT, log2_of(1 + (double)(now_ns - link->stepped_ns) / rtt_ns));
  set_link(row, M4S_M4_LINK_FLOWS, log2_of_count(inputs, sums->n_flows + 1));
  set_link(row, M4S_M4_LINK_UTILISATION,
           m4s_beside_link_rate(inputs->fluid, sums->id) / link->capacity);
  set_link(row, M4S_M4_LINK_BDP, log2_of(bdp_bytes / (double)inputs->wire.payload_bytes));
  set_link(row, M4S_M4_LINK_WINDOWS, log2_of(1 + sums->most_bytes / bdp_bytes));
  set_link(row, M4S_M4_LINK_DEMAND, log2_of(sums->least_rate / link->capacity));
  set_link(row, M4S_M4_LINK_SWITCH, link->by_switch);
  set_link(row, M4S_M4_LINK_QUIET, log2_of(1 + quiet_ns / rtt_ns));
  set_link(row, M4S_M4_LINK_BURST, log2_of(1 + burst_bytes / bdp_bytes));
  set_link(row, M4S_M4_LINK_SENDING, log2_of(1 + sums->slowed_rate / link->capacity));
  set_link(row, M4S_M4_LINK_FLOOR,
           log2_of(sums->n_flows * inputs->settings.min_rate / link->capacity));
  link->stepped_ns = now_ns;
}

static void fill_flow(const m4s_m4_inputs_t *inputs, int64_t now_ns, int32_t most_flows,
                      input_flow_t *flow, float *row) {
  m4s_beside_flow_t fluid = m4s_beside_flow(inputs->fluid, flow->fluid);
  double age_ns = (double)(now_ns - flow->started_ns);
  double dt_ns = (double)(now_ns - flow->stepped_ns);
  double left_ns = fluid.rate > 0 ? fluid.remaining_bytes / fluid.rate : 0;
  double sent_ns = fluid.rate > 0 ? age_ns + left_ns : (double)(fluid.sent_ns - flow->started_ns);
  double fct_ns = fmax(age_ns, sent_ns + flow->latency_ns);
  memcpy(row, flow->fixed, sizeof flow->fixed);
  set_flow(row, M4S_M4_FLOW_DT, log2_of(1 + dt_ns / flow->rtt_ns));
  set_flow(row, M4S_M4_FLOW_AGE, log2_of(1 + age_ns / flow->rtt_ns));
  set_flow(row, M4S_M4_FLOW_BASE, log2_of(fmax(1, fct_ns / flow->ideal_ns)));
  set_flow(row, M4S_M4_FLOW_RATE, fluid.rate / flow->least_rate);
  set_flow(row, M4S_M4_FLOW_REMAINING, fluid.remaining_bytes / flow->wire_bytes);
  set_flow(row, M4S_M4_FLOW_REMAINING_TIME, log2_of(1 + left_ns / flow->rtt_ns));
  set_flow(row, M4S_M4_FLOW_CROWD, log2_of_count(inputs, most_flows));
  set_flow(row, M4S_M4_FLOW_QUEUE, log2_of(1 + flow->queue_ns / flow->rtt_ns));
  flow->stepped_ns = now_ns;
}

m4s_status_t m4s_m4_inputs_step(m4s_m4_inputs_t *inputs, const m4s_m4_input_step_t *step,
                                float *flow_inputs_out, float *link_inputs_out) {
  M4S_TRY(reserve_queued(inputs, step->n_flows));
  M4S_TRY(m4s_beside_advance(inputs->fluid, step->now_ns));
  sum_links(inputs, step);
  queue_flows(inputs, step);
  for (int32_t i = 0; i < step->n_links; i++) {
    const link_sums_t *sums = &inputs->sums[i];
    float *row = link_inputs_out + (size_t)i * M4S_M4_N_LINK_INPUTS;
    fill_link(inputs, step->now_ns, sums, &inputs->links[sums->id], row);
    widen(inputs->link_range, row, M4S_M4_N_LINK_INPUTS);
  }
  const int32_t *edge = step->edges;
  for (int32_t i = 0; i < step->n_flows; i++) {
    input_flow_t *flow = &inputs->flows[step->slots[i]];
    float *row = flow_inputs_out + (size_t)i * M4S_M4_N_FLOW_INPUTS;
    int32_t most_flows = 1;
    for (int32_t hop = 0; hop < flow->n_links; hop++, edge++) {
      int32_t n_flows = inputs->sums[*edge].n_flows;
      most_flows = n_flows > most_flows ? n_flows : most_flows;
    }
    fill_flow(inputs, step->now_ns, most_flows, flow, row);
    widen(inputs->flow_range, row, M4S_M4_N_FLOW_INPUTS);
  }
  return M4S_OK;
}

// --- after steps ---

m4s_m4_fluid_flow_t m4s_m4_inputs_flow(const m4s_m4_inputs_t *inputs, int32_t slot) {
  const input_flow_t *flow = &inputs->flows[slot];
  m4s_beside_flow_t fluid = m4s_beside_flow(inputs->fluid, flow->fluid);
  return (m4s_m4_fluid_flow_t){.rate = fluid.rate,
                               .remaining_bytes = fluid.remaining_bytes,
                               .wire_bytes = flow->wire_bytes,
                               .latency_ns = flow->latency_ns,
                               .rtt_ns = flow->rtt_ns,
                               .least_rate = flow->least_rate};
}

m4s_status_t m4s_m4_inputs_slow(m4s_m4_inputs_t *inputs, int32_t slot, double factor,
                                double *fct_ns_out) {
  const input_flow_t *flow = &inputs->flows[slot];
  double least = m4s_beside_flow(inputs->fluid, flow->fluid).rate / flow->least_rate;
  M4S_TRY(m4s_beside_slow(inputs->fluid, flow->fluid, fmax(factor, least)));
  int64_t sent_ns = m4s_beside_flow(inputs->fluid, flow->fluid).sent_ns;
  *fct_ns_out = (double)(sent_ns - flow->started_ns) + flow->latency_ns;
  return M4S_OK;
}

m4s_status_t m4s_m4_inputs_set_remaining(m4s_m4_inputs_t *inputs, int64_t now_ns, int32_t slot,
                                         double wire_bytes) {
  M4S_TRY(m4s_beside_advance(inputs->fluid, now_ns));
  return m4s_beside_set_remaining(inputs->fluid, inputs->flows[slot].fluid, wire_bytes);
}
