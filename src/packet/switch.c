// Switches: admission to the shared buffer, PFC, queues, ECN marking, HPCC's telemetry.
#include "packet/network.h"

enum { PFC_BYTES = 14 + 20 + 9, SONIC_RESUME_BYTES = 1248, SONIC_RESUME_OFFSET_BYTES = 2496 };

// M4S_MMU_SHIFT: 32-bit arithmetic, as the model has it.
static uint32_t shift_threshold(const mmu_t *mmu, const port_t *port) {
  uint32_t rest = (uint32_t)mmu->buffer_bytes - (uint32_t)mmu->headroom_bytes -
                  (uint32_t)mmu->reserve_bytes - mmu->shared_bytes;
  return rest >> port->shift;
}

static uint32_t shift_used(const network_t *network, const port_t *port) {
  uint32_t reserve = (uint32_t)network->rules.reserve_bytes;
  return port->held_bytes > reserve ? port->held_bytes - reserve : 0;
}

static bool shift_admits(const network_t *network, const mmu_t *mmu, const port_t *port,
                         uint32_t bytes) {
  return bytes + port->headroom_bytes <= port->headroom_limit ||
         bytes + shift_used(network, port) <= shift_threshold(mmu, port);
}

static void shift_add(const network_t *network, mmu_t *mmu, port_t *port, uint32_t bytes) {
  uint32_t reserve = (uint32_t)network->rules.reserve_bytes;
  uint32_t held = port->held_bytes + bytes;
  if (held <= reserve) {
    port->held_bytes = held;
  } else if (held - reserve > shift_threshold(mmu, port)) {
    port->headroom_bytes += bytes;
  } else {
    port->held_bytes = held;
    mmu->shared_bytes += bytes < held - reserve ? bytes : held - reserve;
  }
}

static void shift_remove(const network_t *network, mmu_t *mmu, port_t *port, uint32_t bytes) {
  uint32_t from_headroom = bytes < port->headroom_bytes ? bytes : port->headroom_bytes;
  uint32_t rest = bytes - from_headroom;
  uint32_t used = shift_used(network, port);
  port->headroom_bytes -= from_headroom;
  mmu->shared_bytes -= rest < used ? rest : used;
  port->held_bytes -= rest;
}

static bool shift_pauses(const network_t *network, const mmu_t *mmu, const port_t *port) {
  return port->headroom_bytes > 0 || shift_used(network, port) >= shift_threshold(mmu, port);
}

static bool shift_resumes(const network_t *network, const mmu_t *mmu, const port_t *port) {
  uint32_t used = shift_used(network, port);
  return port->headroom_bytes == 0 &&
         (used == 0 ||
          used + (uint32_t)network->rules.resume_offset_bytes <= shift_threshold(mmu, port));
}

static int64_t sonic_threshold(const mmu_t *mmu) {
  int64_t pool = mmu->buffer_bytes - mmu->headroom_bytes;
  int64_t rest = pool - (mmu->used_bytes - mmu->used_headroom_bytes);
  return rest > 0 ? rest : 0;
}

static bool sonic_admits(const mmu_t *mmu, const port_t *port, uint32_t bytes) {
  bool headroom_full =
      port->headroom_bytes > 0 && (bytes + port->headroom_bytes > port->headroom_limit ||
                                   bytes + mmu->used_headroom_bytes > mmu->headroom_bytes);
  return !headroom_full && bytes + mmu->used_bytes <= mmu->buffer_bytes;
}

static void sonic_add(mmu_t *mmu, port_t *port, uint32_t bytes) {
  port->held_bytes += bytes;
  mmu->used_bytes += bytes;
  if (port->headroom_bytes > 0 || port->held_bytes > sonic_threshold(mmu)) {
    port->headroom_bytes += bytes;
    mmu->used_headroom_bytes += bytes;
  }
}

static void sonic_remove(mmu_t *mmu, port_t *port, uint32_t bytes) {
  uint32_t from_headroom = bytes < port->headroom_bytes ? bytes : port->headroom_bytes;
  port->held_bytes -= bytes;
  mmu->used_bytes -= bytes;
  port->headroom_bytes -= from_headroom;
  mmu->used_headroom_bytes -= from_headroom;
}

static bool sonic_resumes(const mmu_t *mmu, const port_t *port) {
  return port->headroom_bytes == 0 &&
         (port->held_bytes < SONIC_RESUME_BYTES ||
          port->held_bytes + SONIC_RESUME_OFFSET_BYTES <= sonic_threshold(mmu));
}

// Tells the peer of a port to pause, or to go on.
static void send_pfc(network_t *network, int32_t port_id, m4s_packet_kind_t kind) {
  int32_t id = m4s_packet_take(network);
  if (id == NO_ID) {
    return;
  }
  port_t *port = &network->ports[port_id];
  network->packets[id] = (packet_t){
      .flow = NO_ID, .link = port_id, .in_port = NO_ID, .wire_bytes = PFC_BYTES, .kind = kind};
  port->pausing = kind == M4S_PACKET_PAUSE;
  network->counts.pauses += port->pausing;
  push(network, &port->class0, id);
  port->queued_bytes += PFC_BYTES;
  tell_packet(network, M4S_PACKET_ENQUEUED, port_id, id);
  m4s_packet_switch_send(network, port_id);
}

// Takes a class 3 packet into the switch's memory; false: dropped.
static bool admit(network_t *network, mmu_t *mmu, int32_t port_id, uint32_t bytes) {
  port_t *port = &network->ports[port_id];
  bool sonic = network->rules.mmu == M4S_MMU_SONIC;
  if (!(sonic ? sonic_admits(mmu, port, bytes) : shift_admits(network, mmu, port, bytes))) {
    port->n_drops++;
    network->counts.dropped++;
    return false;
  }
  if (sonic) {
    sonic_add(mmu, port, bytes);
  } else {
    shift_add(network, mmu, port, bytes);
  }
  bool pauses = sonic ? port->headroom_bytes > 0 : shift_pauses(network, mmu, port);
  if (network->rules.pfc && !mmu->plain && !port->pausing && pauses) {
    send_pfc(network, port_id, M4S_PACKET_PAUSE);
  }
  return true;
}

static void release(network_t *network, mmu_t *mmu, port_t *port, uint32_t bytes) {
  if (network->rules.mmu == M4S_MMU_SONIC) {
    sonic_remove(mmu, port, bytes);
  } else {
    shift_remove(network, mmu, port, bytes);
  }
}

static bool resumes(const network_t *network, const mmu_t *mmu, const port_t *port) {
  return port->pausing && (network->rules.mmu == M4S_MMU_SONIC ? sonic_resumes(mmu, port)
                                                               : shift_resumes(network, mmu, port));
}

// Uniform in [0, 1): the n-th draw of a port (a counter through SplitMix64's finaliser).
static double draw(uint64_t seed, int32_t port, uint64_t n) {
  uint64_t z = seed * UINT64_C(0x9e3779b97f4a7c15) + ((uint64_t)(uint32_t)port << 40) + n;
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  return (double)(z >> 11) * 0x1p-53;
}

static bool marks(network_t *network, int32_t port_id) {
  port_t *port = &network->ports[port_id];
  const m4s_packet_ecn_t *ecn = &port->ecn;
  if (port->class3_bytes <= ecn->k_min_bytes) {
    return false;
  }
  if (port->class3_bytes > ecn->k_max_bytes) {
    return true;
  }
  double p = ecn->p_max * (double)(port->class3_bytes - ecn->k_min_bytes) /
             (double)(ecn->k_max_bytes - ecn->k_min_bytes);
  return draw(network->rules.seed, port_id, port->n_marking++) < p;
}

// HPCC: what the packet tells its sender of this hop.
static void add_telemetry(network_t *network, const port_t *port, int32_t packet) {
  telemetry_t *telemetry = &network->telemetry[packet];
  uint64_t m = (uint64_t)network->rules.int_multiple;
  uint64_t sent = port->sent_bytes / (128 * m) & 0xfffff;
  uint64_t queued = (uint64_t)port->queued_bytes / (80 * m) & 0x1ffff;
  int32_t slot = telemetry->n_hops++ % INT_HOPS;
  telemetry->hops[slot] = ((uint64_t)now_of(network) & 0xffffff) | sent << 24 | queued << 44;
  telemetry->ports[slot] = (int32_t)(port - network->ports);
}

// What happens when a class 3 packet leaves its queue.
static void leave(network_t *network, int32_t port_id, packet_t *packet) {
  mmu_t *mmu = &network->mmus[network->ports[port_id].node];
  int32_t in_port = packet->in_port;
  release(network, mmu, &network->ports[in_port], packet->wire_bytes);
  network->ports[port_id].class3_bytes -= packet->wire_bytes;
  if (packet->kind == M4S_PACKET_DATA && !mmu->plain && marks(network, port_id)) {
    packet->marked = true;
    network->ports[port_id].n_marked++;
    network->counts.marked++;
  }
  if (resumes(network, mmu, &network->ports[in_port])) {
    send_pfc(network, in_port, M4S_PACKET_RESUME);
  }
}

void m4s_packet_switch_send(network_t *network, int32_t port_id) {
  port_t *port = &network->ports[port_id];
  bool strict = port->class0.first != NO_ID;
  if (!strict && (port->class3.first == NO_ID || port->paused)) {
    return;
  }
  if (m4s_packet_port_is_busy(network, port_id)) {
    return;
  }
  int32_t id = pop(network, strict ? &port->class0 : &port->class3);
  packet_t *packet = &network->packets[id];
  port->queued_bytes -= packet->wire_bytes;
  if (!strict) {
    leave(network, port_id, packet);
    packet = &network->packets[id];  // a PFC frame may have moved the packets
  }
  if (network->telemetry != NULL && packet->kind == M4S_PACKET_DATA) {
    add_telemetry(network, port, id);
  }
  tell_packet(network, M4S_PACKET_DEQUEUED, port_id, id);
  m4s_packet_transmit(network, port_id, id,
                      port->class0.first != NO_ID || port->class3.first != NO_ID);
}

void m4s_packet_switch_receive(network_t *network, int32_t port_id, int32_t id) {
  packet_t *packet = &network->packets[id];
  const sender_t *sender = &network->senders[packet->flow];
  const int32_t *path = packet->kind == M4S_PACKET_DATA ? sender->path : sender->ack_path;
  int32_t out_id = path[++packet->hop];
  port_t *out = &network->ports[out_id];
  bool strict = packet->kind != M4S_PACKET_DATA && network->rules.ack_class_0;
  packet->in_port = port_id;
  packet->link = out_id;
  if (!strict) {
    uint32_t bytes = packet->wire_bytes;
    if (!admit(network, &network->mmus[out->node], port_id, bytes)) {
      if (packet->kind == M4S_PACKET_DATA) {
        network->senders[packet->flow].result.n_dropped++;
      }
      tell_packet(network, M4S_PACKET_DROPPED, network->ports[port_id].reverse, id);
      m4s_packet_free(network, id);
      return;
    }
    out->class3_bytes += bytes;
  }
  out->queued_bytes += network->packets[id].wire_bytes;
  push(network, strict ? &out->class0 : &out->class3, id);
  tell_packet(network, M4S_PACKET_ENQUEUED, out_id, id);
  m4s_packet_switch_send(network, out_id);
}

// Bits in flight on the cable, in bytes, as the model rounds them.
static int64_t delay_bytes(const port_t *port) {
  __extension__ typedef unsigned __int128 wide_t;
  return (int64_t)((wide_t)port->rate_bps * (wide_t)port->delay_ns / 8 / 1000000000);
}

// At most 64 GiB, which fits into no buffer, so that sums stay within 64 bits.
static int64_t headroom_of(const network_t *network, const port_t *port) {
  const int64_t max_bytes = INT64_C(1) << 36;
  if (network->rules.mmu == M4S_MMU_SONIC) {
    const int64_t max_bps = INT64_C(10000000000);
    enum { MTU_BYTES = 1048, PFC_DELAY_BYTES = 3860 };
    double bps = (double)(port->rate_bps < max_bps ? port->rate_bps : max_bps);
    double in_flight_bytes = 2 * bps * ((double)port->delay_ns * 1e-9) / 8;
    return (int64_t)(2 * MTU_BYTES + PFC_DELAY_BYTES + in_flight_bytes);
  }
  int64_t bytes = 3 * delay_bytes(port) + network->rules.headroom_extra_bytes;
  return bytes < max_bytes ? bytes : max_bytes;
}

// Ports faster than the hosts' get a larger share of the buffer.
static int32_t shift_of(const network_t *network, const port_t *port) {
  const m4s_topology_t *topology = network->topology;
  int64_t nic_bps =
      topology->links[topology->adjacency[topology->adjacency_start[0]]].bandwidth_bps;
  int32_t shift = network->rules.pfc_shift;
  for (int64_t bps = port->rate_bps; bps > nic_bps && shift > 0; bps /= 2) {
    shift--;
  }
  return shift;
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
  const m4s_topology_t *topology = network->topology;
  mmu_t *mmu = &network->mmus[node];
  mmu->plain = network->rules.nvswitch_plain && topology->kinds[node] == M4S_NODE_NVSWITCH;
  mmu->buffer_bytes = network->rules.buffer_bytes;
  for (int32_t j = topology->adjacency_start[node]; j < topology->adjacency_start[node + 1]; j++) {
    port_t *port = &network->ports[topology->adjacency[j]];
    int64_t headroom = headroom_of(network, port);
    port->headroom_limit = (uint32_t)headroom;
    port->shift = shift_of(network, port);
    port->ecn = ecn_of(network, port);
    // Both classes have headroom in the sonic model.
    mmu->headroom_bytes += network->rules.mmu == M4S_MMU_SONIC ? 2 * headroom : headroom;
    mmu->reserve_bytes += network->rules.reserve_bytes;
  }
  if (mmu->headroom_bytes + mmu->reserve_bytes > mmu->buffer_bytes) {
    return m4s_fail(M4S_ERR_INPUT,
                    "packet: node %d: the headroom and reserve of its ports, %lld + %lld bytes, do "
                    "not fit into the buffer of %lld bytes",
                    node, (long long)mmu->headroom_bytes, (long long)mmu->reserve_bytes,
                    (long long)mmu->buffer_bytes);
  }
  return M4S_OK;
}
