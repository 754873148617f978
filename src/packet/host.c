// Hosts: the scheduler of a NIC, senders' transport, receivers.
#include <stdlib.h>

#include "packet/transmit.h"

enum { INITIAL_NIC_FLOWS = 8 };

static bool window_bound(const sender_t *sender) {
  return sender->next_byte - sender->acked_bytes >= sender->present_window_bytes;
}

// What the search for the next flow of a NIC finds.
typedef struct {
  int32_t selected;  // index of the flow that may send; NO_ID: none
  int32_t finished;  // least index of the finished flows that were passed; NO_ID: none
} found_t;

// Round robin from the flow after the last one that sent. A flow that could send but for its pace
// is passed without a look at whether it has finished.
static found_t search(const network_t *network, const port_t *port, const nic_t *nic) {
  const sender_t *senders = network->senders;
  const int64_t now_ns = now_of(network);
  found_t found = {.selected = NO_ID, .finished = NO_ID};
  int32_t n = nic->n_flows;
  int32_t index = nic->last < n ? nic->last : n > 0 ? nic->last % n : 0;
  for (int32_t k = 0; k < n; k++) {
    index = index + 1 == n ? 0 : index + 1;
    const sender_t *sender = &senders[nic->flows[index]];
    if (!port->paused && sender->next_byte < sender->size_bytes && !window_bound(sender)) {
      if (sender->available_ns <= now_ns) {
        found.selected = index;
        break;
      }
    } else if (is_complete(sender) && (found.finished == NO_ID || index < found.finished)) {
      found.finished = index;
    }
  }
  return found;
}

// Removes the finished flows from an index on; returns where the flow at `selected` now is.
static int32_t compact(const network_t *network, nic_t *nic, int32_t from, int32_t selected) {
  int32_t n_kept = from;
  int32_t moved = selected;
  for (int32_t i = from; i < nic->n_flows; i++) {
    const sender_t *sender = &network->senders[nic->flows[i]];
    if (is_complete(sender)) {
      continue;
    }
    moved = i == selected ? n_kept : moved;
    nic->flows[n_kept++] = nic->flows[i];
  }
  nic->n_flows = n_kept;
  return moved;
}

// Sets the NIC's alarm for the first flow that will be allowed to send. Flows that wait for their
// window count, too: an old time of theirs keeps the alarm from being set.
static void set_alarm(network_t *network, int32_t port_id, nic_t *nic) {
  int64_t first_ns = INT64_MAX;
  for (int32_t i = 0; i < nic->n_flows; i++) {
    const sender_t *sender = &network->senders[nic->flows[i]];
    if ((network->rules.wake_for_sent || sender->next_byte < sender->size_bytes) &&
        sender->available_ns < first_ns) {
      first_ns = sender->available_ns;
    }
  }
  if (nic->alarm.time_ns == M4S_TIME_NEVER && first_ns < INT64_MAX && first_ns > now_of(network)) {
    nic->alarm = new_event(network, first_ns, EVENT_ALARM, port_id);
  }
}

static void send_data(network_t *network, int32_t port_id, int32_t flow) {
  int32_t id = take_packet(network);
  if (id == NO_ID) {
    return;
  }
  const m4s_packet_rules_t *rules = &network->rules;
  sender_t *sender = &network->senders[flow];
  int64_t rest = sender->size_bytes - sender->next_byte;
  int32_t payload = rest < rules->payload_bytes ? (int32_t)rest : rules->payload_bytes;
  int32_t wire = network->data_overhead_bytes + payload;
  network->packets[id] = (packet_t){.flow = flow,
                                    .next_link = network->routes[sender->route + 1],
                                    .route = sender->route + 1,
                                    .wire_bytes = (uint16_t)wire,
                                    .kind = M4S_PACKET_DATA,
                                    .number = sender->next_byte};
  if (network->telemetry != NULL) {
    network->telemetry[id].n_hops = 0;
  }
  if (network->sent_ns != NULL) {
    network->sent_ns[id] = now_of(network);
  }
  sender->n_packets++;
  network->counts.data_packets++;
  sender->next_byte += payload;
  sender->last_wire_bytes = wire;
  tell_packet(network, M4S_PACKET_SENT, port_id, id);
  port_t *port = &network->ports[port_id];
  transmit(network, port_id, port, id, true);
  if (rules->sent_at_first_packet && sender->n_packets == 1) {
    new_event(network, port->done.time_ns, EVENT_FLOW_SENT, flow);
  }
  uint64_t pace_bps = rules->rate_bound ? sender->rate_bps : (uint64_t)port->rate_bps;
  sender->available_ns =
      now_of(network) + (wire == network->full_wire_bytes && rules->rate_bound
                             ? sender->full_ns
                             : m4s_serialisation_ns(rules->floor_of_double, wire, pace_bps));
}

void m4s_packet_host_send(network_t *network, int32_t port_id) {
  port_t *port = &network->ports[port_id];
  nic_t *nic = &network->nics[port_id];
  bool has_ack = port->class0.first != NO_ID;
  if (!has_ack && nic->n_flows == 0) {
    return;
  }
  if (is_sending(network, port)) {
    wake_when_free(network, port_id, port);
    return;
  }
  if (has_ack && (network->rules.ack_first || !port->paused)) {
    int32_t id = pop(network, &port->class0);
    tell_packet(network, M4S_PACKET_SENT, port_id, id);
    transmit(network, port_id, port, id, port->class0.first != NO_ID || nic->n_flows > 0);
    return;
  }
  found_t found = search(network, port, nic);
  if (found.finished != NO_ID) {
    found.selected = compact(network, nic, found.finished, found.selected);
  }
  if (found.selected != NO_ID) {
    nic->last = found.selected;
    send_data(network, port_id, nic->flows[found.selected]);
  } else {
    set_alarm(network, port_id, nic);
  }
}

static m4s_status_t add_flow(network_t *network, nic_t *nic, int32_t flow) {
  if (nic->n_flows == nic->capacity) {
    int32_t capacity = nic->capacity == 0 ? INITIAL_NIC_FLOWS : 2 * nic->capacity;
    int32_t *flows = realloc(nic->flows, (size_t)capacity * sizeof *flows);
    if (flows == NULL) {
      return m4s_fail_memory("flows");
    }
    network->counts.allocations++;
    nic->flows = flows;
    nic->capacity = capacity;
  }
  nic->flows[nic->n_flows++] = flow;
  return M4S_OK;
}

void m4s_packet_host_start_flow(network_t *network, int32_t flow) {
  sender_t *sender = &network->senders[flow];
  sender->start_ns = now_of(network);
  sender->available_ns = now_of(network);
  m4s_status_t status = add_flow(network, &network->nics[sender->nic], flow);
  if (status != M4S_OK) {
    network->status = status;
    return;
  }
  tell_flow(network, M4S_PACKET_FLOW_STARTED, flow);
  m4s_packet_host_send(network, sender->nic);
}

void m4s_packet_set_rate(network_t *network, sender_t *sender, uint64_t rate_bps) {
  const m4s_packet_rules_t *rules = &network->rules;
  sender->rate_bps = rate_bps;
  sender->full_ns =
      (int32_t)m4s_serialisation_ns(rules->floor_of_double, network->full_wire_bytes, rate_bps);
  const nic_t *nic = &network->nics[sender->nic];
  if (nic->window_bytes == 0) {
    sender->present_window_bytes = INT64_MAX;
  } else if (!rules->rate_window) {
    sender->present_window_bytes = nic->window_bytes;
  } else {
    uint64_t product;
    uint64_t window = (uint64_t)nic->window_bytes;
    __extension__ typedef unsigned __int128 wide_t;
    uint64_t bytes = __builtin_mul_overflow(window, rate_bps, &product)
                         ? (uint64_t)((wide_t)window * rate_bps / nic->max_rate_bps)
                         : product / nic->max_rate_bps;
    sender->present_window_bytes = bytes > 0 ? (int64_t)bytes : 1;
  }
}

static void tell_completion(network_t *network, int32_t flow) {
  network->completed = true;
  m4s_status_t status = network->port->flow_completed(network->port->context, flow);
  network->status = network->status == M4S_OK ? status : network->status;
}

// The sender has the ACK of the last byte.
static void complete(network_t *network, int32_t flow) {
  sender_t *sender = &network->senders[flow];
  sender->fct_ack_ns = now_of(network) - sender->start_ns;
  // The receiver forgets the flow: a copy that is still under way looks like a new one.
  sender->expected_byte = 0;
  sender->nacked_byte = 0;
  sender->nack_after_ns = 0;
  m4s_packet_cc_stop(network, sender);
  network->n_active--;
  tell_flow(network, M4S_PACKET_FLOW_ACKED, flow);
  if (!network->rules.complete_at_receiver) {
    tell_completion(network, flow);
  }
}

static void receive_ack(network_t *network, int32_t id) {
  const packet_t ack = network->packets[id];
  sender_t *sender = &network->senders[ack.flow];
  if (is_complete(sender)) {
    return;
  }
  sender->acked_bytes = ack.number > sender->acked_bytes ? ack.number : sender->acked_bytes;
  if (is_complete(sender)) {
    complete(network, ack.flow);
    sender = &network->senders[ack.flow];  // a flow that starts may have moved them
  }
  if (ack.kind == M4S_PACKET_NACK) {
    int64_t back = sender->next_byte - sender->acked_bytes;
    int64_t payload = network->rules.payload_bytes;
    sender->n_retransmitted += (back + payload - 1) / payload;
    sender->next_byte = sender->acked_bytes;
  }
  m4s_packet_cc_ack(network, &ack, id);
  m4s_packet_host_send(network, sender->nic);
}

// What the receiver answers to a data packet; NO_ID: nothing.
static int answer(network_t *network, sender_t *sender, const packet_t *data) {
  if (data->number == sender->expected_byte) {
    sender->expected_byte += payload_of(network, data);
    return M4S_PACKET_ACK;
  }
  if (data->number < sender->expected_byte) {
    return NO_ID;
  }
  int64_t now_ns = now_of(network);
  if (now_ns < sender->nack_after_ns && sender->nacked_byte == sender->expected_byte) {
    return NO_ID;
  }
  sender->nack_after_ns = now_ns + network->rules.nack_interval_ns;
  sender->nacked_byte = sender->expected_byte;
  return M4S_PACKET_NACK;
}

// Turns a data packet into its answer; false: there is none.
static bool receive_data(network_t *network, int32_t id) {
  packet_t *packet = &network->packets[id];
  int32_t flow = packet->flow;
  sender_t *sender = &network->senders[flow];
  int kind = answer(network, sender, packet);
  if (kind == NO_ID) {
    return false;
  }
  if (kind == M4S_PACKET_ACK) {
    tell_packet(network, M4S_PACKET_DELIVERED, packet->link, id);
  }
  packet->kind = (uint8_t)kind;
  packet->number = sender->expected_byte;
  packet->wire_bytes = (uint16_t)network->ack_wire_bytes;
  packet->route = sender->route + sender->n_hops;
  packet->next_link = network->routes[packet->route];
  network->counts.ack_packets++;
  if (kind == M4S_PACKET_ACK && sender->expected_byte >= sender->size_bytes &&
      !is_complete(sender) && sender->fct_received_ns < 0) {
    sender->fct_received_ns = now_of(network) - sender->start_ns;
    tell_flow(network, M4S_PACKET_FLOW_RECEIVED, flow);
    if (network->rules.complete_at_receiver) {
      tell_completion(network, flow);
    }
  }
  return true;
}

// Gives an ACK to its NIC.
static void send_ack(network_t *network, int32_t id) {
  packet_t *packet = &network->packets[id];
  int32_t port_id = packet->next_link;
  port_t *port = &network->ports[port_id];
  packet->next_link = network->routes[++packet->route];
  bool free_for_acks = network->rules.ack_first || !port->paused;
  if (free_for_acks && port->class0.first == NO_ID && !is_sending(network, port)) {
    tell_packet(network, M4S_PACKET_SENT, port_id, id);
    transmit(network, port_id, port, id, network->nics[port_id].n_flows > 0);
    return;
  }
  push(network, &port->class0, id);
  m4s_packet_host_send(network, port_id);
}

void m4s_packet_host_receive(network_t *network, int32_t id) {
  if (network->packets[id].kind != M4S_PACKET_DATA) {
    receive_ack(network, id);
    free_packet(network, id);
  } else if (receive_data(network, id)) {
    send_ack(network, id);
  } else {
    free_packet(network, id);
  }
}
