// What is done for every packet on every link: taking and freeing packets, queues, sending. Here to
// be inlined.
#pragma once

#include "packet/network.h"

enum { SMALL_BYTES = 128 };  // an ACK rather than data

// A packet from the free ones, its members unset; NO_ID without memory (network->status).
static inline int32_t take_packet(network_t *network) {
  int32_t id = network->first_free_packet;
  if (id != NO_ID) {
    network->first_free_packet = network->packets[id].next;
    return id;
  }
  if (network->n_packets == network->packet_capacity && !m4s_packet_grow(network)) {
    return NO_ID;
  }
  return network->n_packets++;
}

static inline void free_packet(network_t *network, int32_t packet) {
  network->packets[packet].next = network->first_free_packet;
  network->first_free_packet = packet;
}

static inline void push(network_t *network, fifo_t *fifo, int32_t packet) {
  network->packets[packet].next = NO_ID;
  if (fifo->first == NO_ID) {
    fifo->first = packet;
  } else {
    network->packets[fifo->last].next = packet;
  }
  fifo->last = packet;
}

static inline int32_t pop(network_t *network, fifo_t *fifo) {
  int32_t packet = fifo->first;
  fifo->first = network->packets[packet].next;
  return packet;
}

// Serialisation at a port, which mostly sends two sizes.
static inline int32_t serialise(const network_t *network, port_t *port, int32_t bytes) {
  int slot = bytes > SMALL_BYTES;
  if (port->serialised_bytes[slot] != bytes) {
    port->serialised_bytes[slot] = bytes;
    port->serialised_ns[slot] = (int32_t)m4s_serialisation_ns(network->rules.floor_of_double, bytes,
                                                              (uint64_t)port->rate_bps);
  }
  return port->serialised_ns[slot];
}

// Whether the present event comes before the end of a port's sending. Without branches: half of the
// time it does.
static inline bool is_sending(const network_t *network, const port_t *port) {
  bool later = network->present.time_ns < port->done.time_ns;
  bool same = network->present.time_ns == port->done.time_ns;
  return later | (same & (network->present.order < port->done.order));
}

// Tells a port that is sending to look for more when it has sent.
static inline void wake_when_free(network_t *network, int32_t port_id, port_t *port) {
  if (!port->done_scheduled) {
    port->done_scheduled = true;
    m4s_packet_add_event(network, port->done, port->is_nic ? EVENT_NIC_FREE : EVENT_PORT_FREE,
                         port_id);
  }
}

// Puts a packet on the link of a port, which is free. `more`: something else waits for the port.
static inline void transmit(network_t *network, int32_t port_id, port_t *port, int32_t packet,
                            bool more) {
  int32_t bytes = network->packets[packet].wire_bytes;
  network->packets[packet].link = port_id;
  int32_t sending_ns = serialise(network, port, bytes);
  int64_t done_ns = now_of(network) + sending_ns;
  port->sent_bytes += (uint64_t)bytes;
  port->sending_ns += sending_ns;
  port->n_sent++;
  // The end of sending comes before the arrival, also where both happen at one time; nobody looks
  // at it unless something waits for the port.
  port->done = m4s_clock_schedule(network->clock, done_ns);
  port->done_scheduled = more;
  if (more) {
    append_event(network, port->done, port->is_nic ? EVENT_NIC_FREE : EVENT_PORT_FREE, port_id);
  }
  if (port->crosses) {
    m4s_packet_post(network, port_id, done_ns + port->delay_ns, packet);
  } else {
    new_event(network, done_ns + port->delay_ns, (event_kind_t)port->arrival, packet);
  }
}
