// Switches: admission to the shared buffer, PFC, queues, ECN marking, HPCC's telemetry.
#include "packet/transmit.h"

enum { PFC_BYTES = 14 + 20 + 9, SONIC_RESUME_BYTES = 1248, SONIC_RESUME_OFFSET_BYTES = 2496 };

// M4S_MMU_SHIFT: 32-bit arithmetic, as the model has it.
static uint32_t shift_threshold(const mmu_t *mmu, const ingress_t *ingress) {
  return (mmu->pool_bytes - mmu->shared_bytes) >> ingress->shift;
}

static uint32_t shift_used(const network_t *network, uint32_t held_bytes) {
  uint32_t reserve = (uint32_t)network->rules.reserve_bytes;
  uint32_t used = held_bytes - reserve;
  return used <= held_bytes ? used : 0;
}

static bool shift_admits(const network_t *network, const mmu_t *mmu, const ingress_t *ingress,
                         uint32_t bytes) {
  return bytes + ingress->headroom_bytes <= ingress->headroom_limit ||
         bytes + shift_used(network, ingress->held_bytes) <= shift_threshold(mmu, ingress);
}

static void shift_add(const network_t *network, mmu_t *mmu, ingress_t *ingress, uint32_t bytes) {
  uint32_t held = ingress->held_bytes + bytes;
  uint32_t used = shift_used(network, held);
  if (used > shift_threshold(mmu, ingress)) {
    ingress->headroom_bytes += bytes;
  } else {
    ingress->held_bytes = held;
    mmu->shared_bytes += bytes < used ? bytes : used;
  }
}

static void shift_remove(const network_t *network, mmu_t *mmu, ingress_t *ingress, uint32_t bytes) {
  uint32_t from_headroom = bytes < ingress->headroom_bytes ? bytes : ingress->headroom_bytes;
  uint32_t rest = bytes - from_headroom;
  uint32_t used = shift_used(network, ingress->held_bytes);
  ingress->headroom_bytes -= from_headroom;
  mmu->shared_bytes -= rest < used ? rest : used;
  ingress->held_bytes -= rest;
}

static bool shift_pauses(const network_t *network, const mmu_t *mmu, const ingress_t *ingress) {
  return ingress->headroom_bytes > 0 ||
         shift_used(network, ingress->held_bytes) >= shift_threshold(mmu, ingress);
}

static bool shift_resumes(const network_t *network, const mmu_t *mmu, const ingress_t *ingress) {
  uint32_t used = shift_used(network, ingress->held_bytes);
  return ingress->headroom_bytes == 0 &&
         (used == 0 ||
          used + (uint32_t)network->rules.resume_offset_bytes <= shift_threshold(mmu, ingress));
}

static int64_t sonic_threshold(const mmu_t *mmu) {
  int64_t pool = mmu->buffer_bytes - mmu->headroom_bytes;
  int64_t rest = pool - (mmu->used_bytes - mmu->used_headroom_bytes);
  return rest > 0 ? rest : 0;
}

static bool sonic_admits(const mmu_t *mmu, const ingress_t *ingress, uint32_t bytes) {
  bool headroom_full =
      ingress->headroom_bytes > 0 && (bytes + ingress->headroom_bytes > ingress->headroom_limit ||
                                      bytes + mmu->used_headroom_bytes > mmu->headroom_bytes);
  return !headroom_full && bytes + mmu->used_bytes <= mmu->buffer_bytes;
}

static void sonic_add(mmu_t *mmu, ingress_t *ingress, uint32_t bytes) {
  ingress->held_bytes += bytes;
  mmu->used_bytes += bytes;
  if (ingress->headroom_bytes > 0 || ingress->held_bytes > sonic_threshold(mmu)) {
    ingress->headroom_bytes += bytes;
    mmu->used_headroom_bytes += bytes;
  }
}

static void sonic_remove(mmu_t *mmu, ingress_t *ingress, uint32_t bytes) {
  uint32_t from_headroom = bytes < ingress->headroom_bytes ? bytes : ingress->headroom_bytes;
  ingress->held_bytes -= bytes;
  mmu->used_bytes -= bytes;
  ingress->headroom_bytes -= from_headroom;
  mmu->used_headroom_bytes -= from_headroom;
}

static bool sonic_resumes(const mmu_t *mmu, const ingress_t *ingress) {
  return ingress->headroom_bytes == 0 &&
         (ingress->held_bytes < SONIC_RESUME_BYTES ||
          ingress->held_bytes + SONIC_RESUME_OFFSET_BYTES <= sonic_threshold(mmu));
}

// Tells the sender of a link to pause, or to go on.
static void send_pfc(network_t *network, int32_t link, m4s_packet_kind_t kind) {
  int32_t id = take_packet(network);
  if (id == NO_ID) {
    return;
  }
  int32_t port_id = network->ports[link].reverse;
  port_t *port = &network->ports[port_id];
  network->packets[id] =
      (packet_t){.flow = NO_ID, .link = port_id, .wire_bytes = PFC_BYTES, .kind = kind};
  network->ingresses[link].pausing = kind == M4S_PACKET_PAUSE;
  network->ingresses[link].n_pauses += kind == M4S_PACKET_PAUSE;
  network->counts.pauses += kind == M4S_PACKET_PAUSE;
  push(network, &port->class0, id);
  port->class0_bytes += PFC_BYTES;
  tell_packet(network, M4S_PACKET_ENQUEUED, port_id, id);
  m4s_packet_switch_send(network, port_id);
}

// Takes a class 3 packet that came over a link into the switch's memory; false: dropped.
static bool admit(network_t *network, int32_t link, ingress_t *ingress, uint32_t bytes) {
  mmu_t *mmu = &network->mmus[ingress->node];
  bool sonic = network->rules.mmu == M4S_MMU_SONIC;
  if (!(sonic ? sonic_admits(mmu, ingress, bytes) : shift_admits(network, mmu, ingress, bytes))) {
    ingress->n_drops++;
    network->counts.dropped++;
    return false;
  }
  if (sonic) {
    sonic_add(mmu, ingress, bytes);
  } else {
    shift_add(network, mmu, ingress, bytes);
  }
  bool pauses = sonic ? ingress->headroom_bytes > 0 : shift_pauses(network, mmu, ingress);
  if (pauses && ingress->pauses && !ingress->pausing) {
    send_pfc(network, link, M4S_PACKET_PAUSE);
  }
  return true;
}

// Takes a packet out of the memory again.
static void release(network_t *network, ingress_t *ingress, uint32_t bytes) {
  mmu_t *mmu = &network->mmus[ingress->node];
  if (network->rules.mmu == M4S_MMU_SONIC) {
    sonic_remove(mmu, ingress, bytes);
  } else {
    shift_remove(network, mmu, ingress, bytes);
  }
}

static bool resumes(const network_t *network, const ingress_t *ingress) {
  const mmu_t *mmu = &network->mmus[ingress->node];
  return network->rules.mmu == M4S_MMU_SONIC ? sonic_resumes(mmu, ingress)
                                             : shift_resumes(network, mmu, ingress);
}

// Uniform in [0, 1): the n-th draw of a port (a counter through SplitMix64's finaliser).
static double draw(uint64_t seed, int32_t port, uint64_t n) {
  uint64_t z = seed * UINT64_C(0x9e3779b97f4a7c15) + ((uint64_t)(uint32_t)port << 40) + n;
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  return (double)(z >> 11) * 0x1p-53;
}

// Where more than k_min_bytes wait.
static bool marks(network_t *network, int32_t port_id, port_t *port) {
  if (port->class3_bytes > port->k_max_bytes) {
    return true;
  }
  double p = port->p_max * (double)(port->class3_bytes - port->k_min_bytes) /
             (double)(port->k_max_bytes - port->k_min_bytes);
  return draw(network->rules.seed, port_id, port->n_marking++) < p;
}

// HPCC: what the packet tells its sender of this hop.
static void add_telemetry(network_t *network, int32_t port_id, const port_t *port, int32_t packet) {
  telemetry_t *telemetry = &network->telemetry[packet];
  uint64_t m = (uint64_t)network->rules.int_multiple;
  uint64_t sent = port->sent_bytes / (128 * m) & 0xfffff;
  uint64_t queued = (uint64_t)queued_bytes(port) / (80 * m) & 0x1ffff;
  int32_t slot = telemetry->n_hops++ % INT_HOPS;
  telemetry->hops[slot] = ((uint64_t)now_of(network) & 0xffffff) | sent << 24 | queued << 44;
  telemetry->ports[slot] = port_id;
}

// What happens when a class 3 packet leaves its queue.
static void leave(network_t *network, int32_t port_id, port_t *port, packet_t *packet) {
  int32_t in_link = packet->link;
  ingress_t *ingress = &network->ingresses[in_link];
  release(network, ingress, packet->wire_bytes);
  port->class3_bytes -= packet->wire_bytes;
  if (port->class3_bytes > port->k_min_bytes && packet->kind == M4S_PACKET_DATA &&
      marks(network, port_id, port)) {
    packet->marked = true;
    port->n_marked++;
  }
  if (ingress->pausing && resumes(network, ingress)) {
    send_pfc(network, in_link, M4S_PACKET_RESUME);
  }
}

// Puts a packet that is out of its queue on the link.
static void send_on(network_t *network, int32_t port_id, port_t *port, int32_t id) {
  if (network->telemetry != NULL && network->packets[id].kind == M4S_PACKET_DATA) {
    add_telemetry(network, port_id, port, id);
  }
  tell_packet(network, M4S_PACKET_DEQUEUED, port_id, id);
  transmit(network, port_id, port, id, port->class0.first != NO_ID || port->class3.first != NO_ID);
}

void m4s_packet_switch_send(network_t *network, int32_t port_id) {
  port_t *port = &network->ports[port_id];
  bool strict = port->class0.first != NO_ID;
  if (!strict && (port->class3.first == NO_ID || port->paused)) {
    return;
  }
  if (is_sending(network, port)) {
    wake_when_free(network, port_id, port);
    return;
  }
  int32_t id = pop(network, strict ? &port->class0 : &port->class3);
  if (strict) {
    port->class0_bytes -= network->packets[id].wire_bytes;
  } else {
    leave(network, port_id, port, &network->packets[id]);
  }
  send_on(network, port_id, port, id);
}

static bool shift_passes(const network_t *network, const mmu_t *mmu, const ingress_t *ingress,
                         uint32_t bytes) {
  uint32_t used = shift_used(network, ingress->held_bytes + bytes);
  uint32_t threshold = shift_threshold(mmu, ingress);
  mmu_t with = {.pool_bytes = mmu->pool_bytes,
                .shared_bytes = mmu->shared_bytes + (bytes < used ? bytes : used)};
  return shift_admits(network, mmu, ingress, bytes) && used <= threshold &&
         (!ingress->pauses || used < shift_threshold(&with, ingress));
}

static bool sonic_passes(const mmu_t *mmu, const ingress_t *ingress, uint32_t bytes) {
  mmu_t with = *mmu;
  with.used_bytes += bytes;
  return sonic_admits(mmu, ingress, bytes) && ingress->held_bytes + bytes <= sonic_threshold(&with);
}

// Whether a packet that is sent on at once leaves the switch's memory as it was, and makes it
// neither pause nor resume anybody.
static bool passes(const network_t *network, const ingress_t *ingress, uint32_t bytes) {
  if (ingress->headroom_bytes > 0 || ingress->pausing) {
    return false;
  }
  const mmu_t *mmu = &network->mmus[ingress->node];
  return network->rules.mmu == M4S_MMU_SONIC ? sonic_passes(mmu, ingress, bytes)
                                             : shift_passes(network, mmu, ingress, bytes);
}

static void drop(network_t *network, int32_t in_link, int32_t id) {
  const packet_t *packet = &network->packets[id];
  if (packet->kind == M4S_PACKET_DATA) {
    network->senders[packet->flow].n_dropped++;
  }
  tell_packet(network, M4S_PACKET_DROPPED, in_link, id);
  free_packet(network, id);
}

// Whether a packet can go out through a port at once: nothing else wants to, and nobody wants to
// know of its queue.
static bool goes_through(const network_t *network, const ingress_t *ingress, const port_t *out,
                         bool strict, uint32_t bytes) {
  return out->class0.first == NO_ID && out->class3.first == NO_ID &&
         (network->observed & (M4S_PACKET_ENQUEUED | M4S_PACKET_DEQUEUED)) == 0 &&
         (strict || (!out->paused && passes(network, ingress, bytes)));
}

// Puts a packet into a port's queue.
static void enqueue(network_t *network, int32_t port_id, port_t *port, bool strict, int32_t id) {
  *(strict ? &port->class0_bytes : &port->class3_bytes) += network->packets[id].wire_bytes;
  push(network, strict ? &port->class0 : &port->class3, id);
  tell_packet(network, M4S_PACKET_ENQUEUED, port_id, id);
  m4s_packet_switch_send(network, port_id);
}

void m4s_packet_switch_receive(network_t *network, int32_t id) {
  packet_t *packet = &network->packets[id];
  int32_t in_link = packet->link;
  int32_t out_id = packet->next_link;
  port_t *out = &network->ports[out_id];
  ingress_t *ingress = &network->ingresses[in_link];
  bool strict = network->rules.ack_class_0 && packet->kind != M4S_PACKET_DATA;
  uint32_t bytes = packet->wire_bytes;
  packet->next_link = network->routes[++packet->route];
  if (!is_sending(network, out) && goes_through(network, ingress, out, strict, bytes)) {
    send_on(network, out_id, out, id);
  } else if (strict || admit(network, in_link, ingress, bytes)) {
    enqueue(network, out_id, out, strict, id);
  } else {
    drop(network, in_link, id);
  }
}

// Bits in flight on the cable, in bytes, as the model rounds them.
static int64_t delay_bytes(const port_t *port) {
  __extension__ typedef unsigned __int128 wide_t;
  return (int64_t)((wide_t)port->rate_bps * (wide_t)port->delay_ns / 8 / 1000000000);
}

// The m4 code base takes links for at most 10 Gb/s here: too little to pause faster ones without
// loss. At most 64 GiB, which fits into no buffer, so that sums stay within 64 bits.
static int64_t headroom_of(const network_t *network, const port_t *port) {
  const int64_t max_bytes = INT64_C(1) << 36;
  int64_t bytes;
  if (network->rules.mmu == M4S_MMU_SONIC) {
    const int64_t max_bps = INT64_C(10000000000);
    enum { MTU_BYTES = 1048, PFC_DELAY_BYTES = 3860 };
    double bps = (double)(port->rate_bps < max_bps ? port->rate_bps : max_bps);
    double in_flight_bytes = 2 * bps * ((double)port->delay_ns * 1e-9) / 8;
    bytes = (int64_t)(2 * MTU_BYTES + PFC_DELAY_BYTES + in_flight_bytes);
  } else {
    bytes = 3 * delay_bytes(port);
  }
  bytes += network->rules.headroom_extra_bytes;
  return bytes < max_bytes ? bytes : max_bytes;
}

// Ports faster than the hosts' get a larger share of the buffer.
static uint8_t shift_of(const network_t *network, const port_t *port) {
  const m4s_topology_t *topology = network->topology;
  int64_t nic_bps =
      topology->links[topology->adjacency[topology->adjacency_start[0]]].bandwidth_bps;
  int32_t shift = network->rules.pfc_shift;
  for (int64_t bps = port->rate_bps; bps > nic_bps && shift > 0; bps /= 2) {
    shift--;
  }
  return (uint8_t)shift;
}

static m4s_packet_ecn_t ecn_of(const network_t *network, const port_t *port) {
  const m4s_packet_rules_t *rules = &network->rules;
  for (int32_t i = 0; i < rules->n_ecn; i++) {
    if (rules->ecn[i].rate_bps == port->rate_bps) {
      return rules->ecn[i];
    }
  }
  m4s_packet_ecn_t ecn = rules->ecn_else;
  double scale = rules->ecn_else_flat ? 1 : (double)port->rate_bps * 1e-9;
  ecn.k_min_bytes = (int64_t)((double)ecn.k_min_bytes * scale);
  ecn.k_max_bytes = (int64_t)((double)ecn.k_max_bytes * scale);
  return ecn;
}

m4s_status_t m4s_packet_switch_init(network_t *network, int32_t node) {
  const m4s_packet_rules_t *rules = &network->rules;
  const m4s_topology_t *topology = network->topology;
  bool plain = rules->nvswitch_plain && topology->kinds[node] == M4S_NODE_NVSWITCH;
  mmu_t *mmu = &network->mmus[node];
  int64_t reserve_bytes = 0;
  *mmu = (mmu_t){.buffer_bytes = rules->buffer_bytes};
  for (int32_t j = topology->adjacency_start[node]; j < topology->adjacency_start[node + 1]; j++) {
    port_t *port = &network->ports[topology->adjacency[j]];
    int64_t headroom = headroom_of(network, port);
    network->ingresses[port->reverse] = (ingress_t){.headroom_limit = (uint32_t)headroom,
                                                    .node = node,
                                                    .shift = shift_of(network, port),
                                                    .pauses = rules->pfc && !plain};
    m4s_packet_ecn_t ecn = ecn_of(network, port);
    port->k_min_bytes = plain ? INT64_MAX : ecn.k_min_bytes;
    port->k_max_bytes = ecn.k_max_bytes;
    port->p_max = ecn.p_max;
    // Both classes have headroom in the sonic model.
    mmu->headroom_bytes += rules->mmu == M4S_MMU_SONIC ? 2 * headroom : headroom;
    reserve_bytes += rules->reserve_bytes;
  }
  mmu->pool_bytes =
      (uint32_t)mmu->buffer_bytes - (uint32_t)mmu->headroom_bytes - (uint32_t)reserve_bytes;
  if (mmu->headroom_bytes + reserve_bytes > mmu->buffer_bytes) {
    return m4s_fail(M4S_ERR_INPUT,
                    "packet: node %d: the headroom and reserve of its ports, %lld + %lld bytes, do "
                    "not fit into the buffer of %lld bytes",
                    node, (long long)mmu->headroom_bytes, (long long)reserve_bytes,
                    (long long)mmu->buffer_bytes);
  }
  return M4S_OK;
}
